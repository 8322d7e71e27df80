/* The claims of a token, and whether they are accepted. */
#include "core/crypto/jwt.h"

#include <math.h>

static const char clause[] = "RFC 7519 section 4.1";

/* A NumericDate, whole or with a fraction, of years that exist. */
static cairn_err read_time(const json_t *json, const char *name, bool *ret_present,
                           uint64_t *ret_ms)
{
    const json_t *member = json_object_get(json, name);
    if (member == NULL)
        return CAIRN_OK;
    if (!json_is_number(member))
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, clause, "jwt.%s: not a number", name);
    double seconds = json_number_value(member);
    if (!isfinite(seconds) || seconds < 0 || seconds > 253402300799.0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "jwt.%s: not a time", name);
    *ret_ms = (uint64_t)(seconds * 1000.0);
    *ret_present = true;
    return CAIRN_OK;
}

static cairn_err fail_audience(void)
{
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 7519 section 4.1.3", "jwt.aud: not 1 to %d texts",
                      CAIRN_JWT_AUDIENCES_MAX);
}

static cairn_err read_audiences(const json_t *json, cairn_jwt *jwt)
{
    const json_t *aud = json_object_get(json, "aud");
    if (aud == NULL)
        return CAIRN_OK;
    if (json_is_string(aud)) {
        jwt->audiences[jwt->audience_count++] = json_string_value(aud);
        return CAIRN_OK;
    }
    size_t count = json_array_size(aud);
    if (count == 0 || count > CAIRN_JWT_AUDIENCES_MAX)
        return fail_audience();
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(aud, i));
        if (text == NULL)
            return fail_audience();
        jwt->audiences[jwt->audience_count++] = text;
    }
    return CAIRN_OK;
}

/* RFC 8705 section 3.1; other confirmation methods are for others. */
static cairn_err read_binding(const json_t *json, cairn_jwt *jwt)
{
    const json_t *cnf = json_object_get(json, "cnf");
    const char *text = NULL;
    size_t size = 0;
    if (cnf == NULL)
        return CAIRN_OK;
    if (!json_is_object(cnf))
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, "RFC 7800 section 3.1", "jwt.cnf: not an object");
    CAIRN_TRY(cairn_json_text(cnf, "jwt.cnf", "x5t#S256", 64, &text));
    if (text == NULL || json_object_size(cnf) != 1)
        return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, "RFC 7800 section 3.1",
                          "jwt.cnf: a confirmation that is not known here");
    CAIRN_TRY(cairn_base64url_decode(cairn_bytes_str(text), jwt->certificate.b,
                                     sizeof jwt->certificate.b, &size));
    if (size != sizeof jwt->certificate.b)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 8705 section 3.1", "jwt.cnf.x5t#S256: size");
    jwt->is_bound = true;
    return CAIRN_OK;
}

static cairn_err read_texts(const json_t *json, cairn_jwt *jwt)
{
    const struct {
        const char *name;
        const char **text;
    } rows[] = {{"iss", &jwt->issuer},
                {"sub", &jwt->subject},
                {"jti", &jwt->id},
                {"client_id", &jwt->client_id}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CAIRN_TRY(
            cairn_json_text(json, "jwt", rows[i].name, CAIRN_JWT_TEXT_SIZE_MAX, rows[i].text));
    /* Some issuers write the scopes as an array; then the mapping reads them (RFC 8693 has a text).
     */
    if (json_is_string(json_object_get(json, "scope")))
        return cairn_json_text(json, "jwt", "scope", CAIRN_JWT_TEXT_SIZE_MAX, &jwt->scope);
    return CAIRN_OK;
}

static cairn_err read_claims(const json_t *json, cairn_jwt *jwt)
{
    CAIRN_TRY(read_texts(json, jwt));
    CAIRN_TRY(read_time(json, "exp", &jwt->has_expiry, &jwt->expires_ms));
    CAIRN_TRY(read_time(json, "nbf", &jwt->has_not_before, &jwt->not_before_ms));
    CAIRN_TRY(read_time(json, "iat", &jwt->has_issued_at, &jwt->issued_ms));
    CAIRN_TRY(read_audiences(json, jwt));
    return read_binding(json, jwt);
}

cairn_err cairn_jwt_parse(cairn_arena *arena, cairn_bytes compact, cairn_jwt *ret_jwt)
{
    *ret_jwt = (cairn_jwt){.json = NULL};
    CAIRN_TRY(cairn_jws_parse(arena, compact, &ret_jwt->jws));
    CAIRN_TRY(
        cairn_json_object(ret_jwt->jws.payload, CAIRN_JWT_CLAIMS_SIZE_MAX, "jwt", &ret_jwt->json));
    return read_claims(ret_jwt->json, ret_jwt);
}

void cairn_jwt_done(cairn_jwt *jwt)
{
    json_decref(jwt->json);
    jwt->json = NULL;
}

static bool is_one_of(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, list[i]) == 0)
            return true;
    return false;
}

static bool is_for_us(const cairn_jwt *jwt, const cairn_jwt_rules *rules)
{
    for (size_t i = 0; i < jwt->audience_count; i++)
        if (is_one_of(jwt->audiences[i], rules->audiences, rules->audience_count))
            return true;
    return false;
}

static const char *time_refusal(const cairn_jwt *jwt, const cairn_jwt_rules *rules)
{
    uint64_t now = rules->now_ms;
    if (!jwt->has_expiry)
        return "token_expiry_missing";
    if (jwt->expires_ms + CAIRN_JWT_SKEW_MS <= now)
        return "token_expired";
    if ((jwt->has_not_before && jwt->not_before_ms > now + CAIRN_JWT_SKEW_MS) ||
        (jwt->has_issued_at && jwt->issued_ms > now + CAIRN_JWT_SKEW_MS))
        return "token_from_the_future";
    uint64_t begin = jwt->has_issued_at ? jwt->issued_ms : now;
    if (rules->life_ms_max != 0 &&
        (jwt->expires_ms > now + rules->life_ms_max + CAIRN_JWT_SKEW_MS ||
         jwt->expires_ms > begin + rules->life_ms_max))
        return "token_life_too_long";
    return NULL;
}

const char *cairn_jwt_refusal(const cairn_jwt *jwt, const cairn_jwt_rules *rules)
{
    if (rules->types != NULL && !is_one_of(jwt->jws.typ, rules->types, rules->type_count))
        return "token_type";
    if (jwt->issuer == NULL || strcmp(jwt->issuer, rules->issuer) != 0)
        return "token_issuer";
    if (!is_for_us(jwt, rules))
        return "token_audience";
    if (jwt->subject == NULL || jwt->subject[0] == '\0')
        return "token_subject_missing";
    return time_refusal(jwt, rules);
}
