/* Decentralized identifiers as text: parsing, our own method's form, and where a did:web lives.
 * Sources: W3C DID Core 1.0 section 3 (syntax), the did:web method specification,
 * docs/features/did-method.md. Nothing here keeps what it is given. */
#ifndef CAIRN_IDENTITY_DID_H
#define CAIRN_IDENTITY_DID_H

#include "cairn/arena.h"
#include "cairn/bytes.h"

enum {
    CAIRN_DID_SIZE_MAX = 1024,    /* bytes of a DID or DID URL */
    CAIRN_DID_CAIRN_SIZE = 139,   /* "did:cairn:" ‖ 64 ‖ ":" ‖ 64 */
    CAIRN_DID_WEB_URL_SIZE = 2048 /* with its NUL */
};

/* Views of the text. */
typedef struct cairn_did {
    cairn_bytes text;   /* all of the DID */
    cairn_bytes method; /* "cairn" */
    cairn_bytes id;     /* what follows the method's colon */
} cairn_did;

/* Views of the text; what is absent has data NULL. */
typedef struct cairn_did_url {
    cairn_did did;
    cairn_bytes path;     /* begins with '/' */
    cairn_bytes query;    /* after '?' */
    cairn_bytes fragment; /* after '#' */
} cairn_did_url;

/* A DID and nothing behind it. BAD_VALUE names what breaks the grammar; TOO_LARGE. */
cairn_err cairn_did_parse(cairn_bytes text, cairn_did *ret_did) CAIRN_MUST_USE;

/* A DID URL: the parts behind the DID as RFC 3986 writes them. Errors as above. */
cairn_err cairn_did_url_parse(cairn_bytes text, cairn_did_url *ret_url) CAIRN_MUST_USE;

bool cairn_did_is_method(const cairn_did *did, const char *method);

/* Ledger and organisation of a did:cairn: both in 64 lower-case hexadecimal digits, so that an
 * organisation has one name. BAD_VALUE. */
cairn_err cairn_did_cairn_parse(const cairn_did *did, cairn_hash *ret_ledger,
                                cairn_hash *ret_org) CAIRN_MUST_USE;
void cairn_did_cairn_format(const cairn_hash *ledger, const cairn_hash *org,
                            char ret_text[CAIRN_DID_CAIRN_SIZE + 1]);

/* The https URL of a did:web document: /.well-known/did.json, or did.json below the path that the
 * further parts name. BAD_VALUE for a host that is an address, has no dot, or is no name at all,
 * for a port outside 1 to 65535, and for parts that would leave the path ("..", an encoded slash).
 */
cairn_err cairn_did_web_url(const cairn_did *did,
                            char ret_url[CAIRN_DID_WEB_URL_SIZE]) CAIRN_MUST_USE;

/* "2026-01-31T12:00:00Z": RFC 3339 in UTC, whole seconds, a date that exists, 1970 to 9999.
 * BAD_VALUE otherwise. Source: W3C DID Resolution, versionTime. */
cairn_err cairn_did_time_parse(cairn_bytes text, uint64_t *ret_ms) CAIRN_MUST_USE;

enum { CAIRN_DID_TIME_SIZE = 21 }; /* bytes with the NUL */
/* The same from milliseconds, whose fraction of a second is cut. */
void cairn_did_time_format(uint64_t ms, char ret_text[CAIRN_DID_TIME_SIZE]);

#endif
