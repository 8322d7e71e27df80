/* The file of foreign issuers: strict JSON. */
#include <stdio.h>
#include <stdlib.h>

#include "core/crypto/jose.h"
#include "core/store/file.h"
#include "node/auth/auth_accounts.h"
#include "node/auth/auth_issuers.h"

static const char *const members[] = {"issuer",       "jwks_url",    "audience",
                                      "ca_file",      "scope_claim", "tenant",
                                      "organisation", "roles",       "scopes"};

static cairn_err fail_issuer(size_t index, const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_CONFIG, "docs/features/access.md", "issuers[%zu].%s", index, what);
}

static bool is_member(const char *name)
{
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (strcmp(name, members[i]) == 0)
            return true;
    return false;
}

static bool is_printable(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p < 0x20 || *p > 0x7e)
            return false;
    return true;
}

/* `room` with the NUL. */
static cairn_err read_text(const json_t *json, size_t index, const char *name, const char *initial,
                           char *out, size_t room)
{
    const char *text = NULL;
    cairn_err err = cairn_json_text(json, "issuer", name, room - 1, &text);
    if (err != CAIRN_OK || (text == NULL && initial == NULL) ||
        (text != NULL && !is_printable(text)))
        return fail_issuer(index, name);
    (void)snprintf(out, room, "%s", text == NULL ? initial : text);
    return CAIRN_OK;
}

static cairn_err read_organisation(const json_t *json, size_t index, cairn_issuer *issuer)
{
    char text[65] = "";
    CAIRN_TRY(read_text(json, index, "organisation", "", text, sizeof text));
    issuer->has_organisation = text[0] != '\0';
    if (issuer->has_organisation &&
        cairn_hex_decode(text, issuer->organisation.b, sizeof issuer->organisation.b) != CAIRN_OK)
        return fail_issuer(index, "organisation");
    return CAIRN_OK;
}

static cairn_err read_roles(const json_t *json, size_t index, cairn_issuer *issuer)
{
    const json_t *roles = json_object_get(json, "roles");
    json_int_t value = json_integer_value(roles);
    if ((roles != NULL && !json_is_integer(roles)) || value < 0 || value > UINT32_MAX)
        return fail_issuer(index, "roles");
    issuer->roles = (uint32_t)value;
    return CAIRN_OK;
}

static cairn_err read_texts(const json_t *json, size_t i, cairn_issuer *o)
{
    CAIRN_TRY(read_text(json, i, "issuer", NULL, o->issuer, sizeof o->issuer));
    CAIRN_TRY(read_text(json, i, "jwks_url", NULL, o->jwks_url, sizeof o->jwks_url));
    CAIRN_TRY(read_text(json, i, "audience", NULL, o->audience, sizeof o->audience));
    CAIRN_TRY(read_text(json, i, "ca_file", "", o->ca_file, sizeof o->ca_file));
    CAIRN_TRY(read_text(json, i, "scope_claim", "scope", o->scope_claim, sizeof o->scope_claim));
    CAIRN_TRY(read_text(json, i, "tenant", "", o->tenant, sizeof o->tenant));
    return read_text(json, i, "scopes", "", o->scopes, sizeof o->scopes);
}

static cairn_err read_issuer(json_t *json, size_t index, cairn_issuer *ret_issuer)
{
    cairn_issuer out = {.issuer = ""};
    const char *name = NULL;
    json_t *value = NULL;
    if (!json_is_object(json))
        return fail_issuer(index, "not an object");
    json_object_foreach(json, name, value) if (!is_member(name)) return fail_issuer(
        index, "a member that is not known");
    CAIRN_TRY(read_texts(json, index, &out));
    CAIRN_TRY(read_organisation(json, index, &out));
    CAIRN_TRY(read_roles(json, index, &out));
    if (out.issuer[0] == '\0')
        return fail_issuer(index, "issuer");
    if (out.audience[0] == '\0')
        return fail_issuer(index, "audience");
    if (strncmp(out.jwks_url, "https://", 8) != 0)
        return fail_issuer(index, "jwks_url: not https");
    if (!cairn_scopes_are_valid(out.scopes))
        return fail_issuer(index, "scopes");
    *ret_issuer = out;
    return CAIRN_OK;
}

static cairn_err read_all(const json_t *list, cairn_issuer *out)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        CAIRN_TRY(read_issuer(json_array_get(list, i), i, &out[i]));
        for (size_t j = 0; j < i; j++)
            if (strcmp(out[i].issuer, out[j].issuer) == 0)
                return fail_issuer(i, "issuer: there twice");
    }
    return CAIRN_OK;
}

static void free_p(cairn_issuer **list)
{
    free(*list);
}

cairn_err cairn_issuers_parse(const char *name, cairn_bytes text, cairn_issuer **ret_list,
                              size_t *ret_count)
{
    CAIRN_CLEANUP(cairn_json_drop_p) json_t *json = NULL;
    CAIRN_CLEANUP(free_p) cairn_issuer *out = NULL;
    cairn_err err = cairn_json_object(text, CAIRN_ISSUERS_FILE_SIZE_MAX, name, &json);
    if (err == CAIRN_ERR_NO_MEMORY)
        return err;
    const json_t *list = json_object_get(json, "issuers");
    if (err != CAIRN_OK || !json_is_array(list) || json_object_size(json) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "docs/features/access.md",
                          "%s: not {\"issuers\":[…]} (%s)", name,
                          err == CAIRN_OK ? "members" : cairn_err_name(err));
    size_t count = json_array_size(list);
    if (count > CAIRN_ISSUERS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "%s: more than %d issuers", name,
                          CAIRN_ISSUERS_MAX);
    out = calloc(count + 1, sizeof *out);
    if (out == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "%s: %zu issuers", name, count);
    CAIRN_TRY(read_all(list, out));
    *ret_list = CAIRN_STEAL(out);
    *ret_count = count;
    return CAIRN_OK;
}

cairn_err cairn_issuers_load(const char *path, cairn_issuer **ret_list, size_t *ret_count)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_bytes text = {0};
    cairn_arena_init(&arena, 2 * CAIRN_ISSUERS_FILE_SIZE_MAX);
    CAIRN_TRY(cairn_file_read(&arena, path, CAIRN_ISSUERS_FILE_SIZE_MAX, &text));
    return cairn_issuers_parse(path, text, ret_list, ret_count);
}
