/* Media types of status lists, and which of them a caller takes. */
#include "identity/status/status_form.h"

#include <stdio.h>

#include "cairn/sha256.h"
#include "core/crypto/jose.h"
#include "core/net/http_accept.h"

static const struct {
    const char *type; /* behind "application/" */
    cairn_list_format format;
} rows[] = {
    [CAIRN_STATUS_FORM_TOKEN_JWT] = {"application/statuslist+jwt", CAIRN_LIST_TOKEN},
    [CAIRN_STATUS_FORM_TOKEN_CWT] = {"application/statuslist+cwt", CAIRN_LIST_TOKEN},
    [CAIRN_STATUS_FORM_CREDENTIAL_JWT] = {"application/vc+jwt", CAIRN_LIST_BITSTRING},
    [CAIRN_STATUS_FORM_CREDENTIAL_JSON] = {"application/ld+json", CAIRN_LIST_BITSTRING},
};

enum { PREFIX_SIZE = sizeof "application/" - 1, QUALITY_MAX = 1000 };

const char *cairn_status_form_type(cairn_status_form form)
{
    return rows[form].type;
}

cairn_list_format cairn_status_form_format(cairn_status_form form)
{
    return rows[form].format;
}

void cairn_status_forms(cairn_list_format format,
                        cairn_status_form ret_forms[CAIRN_STATUS_FORMS_MAX])
{
    bool token = format == CAIRN_LIST_TOKEN;
    ret_forms[0] = token ? CAIRN_STATUS_FORM_TOKEN_JWT : CAIRN_STATUS_FORM_CREDENTIAL_JWT;
    ret_forms[1] = token ? CAIRN_STATUS_FORM_TOKEN_CWT : CAIRN_STATUS_FORM_CREDENTIAL_JSON;
}

/* The type in a JWT's header, without its payload. */
static cairn_err guess_jwt(cairn_bytes in, cairn_status_form *ret_form)
{
    char storage[3 * CAIRN_JWS_HEADER_SIZE_MAX];
    char compact[2 * CAIRN_JWS_HEADER_SIZE_MAX];
    cairn_arena arena;
    cairn_jws jws;
    const uint8_t *dot = memchr(in.data, '.', in.size);
    size_t size = dot == NULL ? 0 : (size_t)(dot - in.data);
    if (dot == NULL || size + 3 > sizeof compact)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "status list: is in no form that we know");
    (void)snprintf(compact, sizeof compact, "%.*s..", (int)size, (const char *)in.data);
    cairn_arena_init_fixed(&arena, storage, sizeof storage);
    CAIRN_TRY(cairn_jws_parse(&arena, cairn_bytes_str(compact), &jws));
    for (int form = 1; form <= CAIRN_STATUS_FORM_LAST; form++)
        if (strcmp(jws.typ, rows[form].type + PREFIX_SIZE) == 0) {
            *ret_form = (cairn_status_form)form;
            return CAIRN_OK;
        }
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "jws.typ: is no status list");
}

cairn_err cairn_status_form_guess(cairn_bytes in, cairn_status_form *ret_form)
{
    enum { COSE_SIGN1 = 0xd2 };
    if (in.size == 0)
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, "house", "status list: is empty");
    if (in.data[0] != COSE_SIGN1 && in.data[0] != '{')
        return guess_jwt(in, ret_form);
    *ret_form = in.data[0] == '{' ? CAIRN_STATUS_FORM_CREDENTIAL_JSON : CAIRN_STATUS_FORM_TOKEN_CWT;
    return CAIRN_OK;
}

void cairn_status_form_list_id(cairn_status_form form, cairn_bytes uri, cairn_hash *ret_list)
{
    const cairn_bytes parts[] = {cairn_bytes_str("cairn/list/1"), uri, cairn_bytes_str("#"),
                                 cairn_bytes_str(rows[form].type + PREFIX_SIZE)};
    cairn_sha256_parts(parts, sizeof parts / sizeof parts[0], ret_list);
}

/* --- negotiation --- */

cairn_err cairn_status_form_accept(cairn_list_format format, cairn_bytes accept,
                                   cairn_status_form *ret_form)
{
    cairn_status_form forms[CAIRN_STATUS_FORMS_MAX];
    unsigned best = 0;
    cairn_status_forms(format, forms);
    if (cairn_http_trim(accept).size == 0) {
        *ret_form = forms[0];
        return CAIRN_OK;
    }
    for (size_t i = 0; i < CAIRN_STATUS_FORMS_MAX; i++) {
        unsigned quality = cairn_http_accepted(accept, rows[forms[i]].type);
        if (quality > best) {
            best = quality;
            *ret_form = forms[i];
        }
    }
    return best > 0 ? CAIRN_OK : CAIRN_ERR_NOT_FOUND;
}
