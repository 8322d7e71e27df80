/* Scopes of a principal, and the digest that names him. */
#include "core/net/principal.h"

#include "cairn/sha256.h"

bool cairn_principal_has_scope(const cairn_principal *principal, const char *scope)
{
    size_t size = strlen(scope);
    const char *at = principal->scopes;
    while (size > 0 && *at != '\0') {
        size_t word = strcspn(at, " ");
        if (word == size && memcmp(at, scope, size) == 0)
            return true;
        at += word;
        at += strspn(at, " ");
    }
    return false;
}

/* Texts end in NUL and hold none, so that no two callers have the same preimage. */
void cairn_principal_digest(const cairn_principal *principal, cairn_hash *ret_digest)
{
    static const char tag[] = "cairn/principal/1";
    const uint8_t has_organisation = principal->has_organisation;
    const cairn_bytes parts[] = {
        cairn_bytes_of(tag, sizeof tag),
        cairn_bytes_of(principal->tenant, strlen(principal->tenant) + 1),
        cairn_bytes_of(&has_organisation, 1),
        cairn_bytes_of(principal->organisation.b, has_organisation ? 32 : 0),
        cairn_bytes_of(principal->subject, strlen(principal->subject) + 1),
    };
    cairn_sha256_parts(parts, sizeof parts / sizeof parts[0], ret_digest);
}
