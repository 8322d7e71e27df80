/* JSON Web Keys: strict parsing into keys that only verify. */
#include "core/crypto/jwk.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "core/crypto/jose.h"
#include "core/crypto/key_impl.h"
#include "core/crypto/openssl.h"
#include "core/text.h"

enum { RSA_SIZE_MAX = CAIRN_JWK_RSA_BITS_MAX / 8, EXPONENT_SIZE_MAX = 4 };

/* Exactly one of `key` and `rsa` is there. */
struct cairn_jwk {
    unsigned references; /* atomic */
    cairn_key *key;
    EVP_PKEY *rsa;
    bool alg_given; /* an RSA key without `alg` does for RS256 and PS256 */
    cairn_jose_alg alg;
    char kid[CAIRN_JWK_KID_SIZE_MAX + 1];
    cairn_hash thumbprint;
};

/* --- algorithms --- */

static const char *const alg_names[CAIRN_JOSE_ALG_COUNT] = {
    [CAIRN_JOSE_ES256] = "ES256", [CAIRN_JOSE_ES384] = "ES384", [CAIRN_JOSE_EDDSA] = "EdDSA",
    [CAIRN_JOSE_RS256] = "RS256", [CAIRN_JOSE_PS256] = "PS256",
};

const char *cairn_jose_alg_name(cairn_jose_alg alg)
{
    CAIRN_ASSERT((unsigned)alg < CAIRN_JOSE_ALG_COUNT);
    return alg_names[alg];
}

cairn_err cairn_jose_alg_find(const char *name, cairn_jose_alg *ret_alg)
{
    for (unsigned i = 0; i < CAIRN_JOSE_ALG_COUNT; i++)
        if (strcmp(name, alg_names[i]) == 0) {
            *ret_alg = (cairn_jose_alg)i;
            return CAIRN_OK;
        }
    return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, "RFC 8725 section 3.1", "jose.alg: \"%.16s\"", name);
}

cairn_jose_alg cairn_jose_alg_of(cairn_key_type type)
{
    if (type == CAIRN_KEY_ED25519)
        return CAIRN_JOSE_EDDSA;
    return type == CAIRN_KEY_P384 ? CAIRN_JOSE_ES384 : CAIRN_JOSE_ES256;
}

/* --- one key --- */

cairn_jwk *cairn_jwk_ref(cairn_jwk *jwk)
{
    (void)__atomic_add_fetch(&jwk->references, 1, __ATOMIC_RELAXED);
    return jwk;
}

void cairn_jwk_free(cairn_jwk *jwk)
{
    if (jwk == NULL || __atomic_sub_fetch(&jwk->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    cairn_key_free(jwk->key);
    EVP_PKEY_free(jwk->rsa);
    free(jwk);
}

const char *cairn_jwk_kid(const cairn_jwk *jwk)
{
    return jwk->kid;
}

const cairn_hash *cairn_jwk_thumbprint(const cairn_jwk *jwk)
{
    return &jwk->thumbprint;
}

bool cairn_jwk_fits(const cairn_jwk *jwk, cairn_jose_alg alg)
{
    if (jwk->rsa != NULL && !jwk->alg_given)
        return alg == CAIRN_JOSE_RS256 || alg == CAIRN_JOSE_PS256;
    return jwk->alg == alg;
}

static cairn_err fail_key(const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "RFC 7517 section 4", "jwk.%s", what);
}

/* A member that holds base64url of at most `room` bytes. */
static cairn_err read_bytes(const json_t *json, const char *name, uint8_t *ret_out, size_t room,
                            size_t *ret_size)
{
    const char *text = NULL;
    CAIRN_TRY(cairn_json_text(json, "jwk", name, CAIRN_JWK_SIZE_MAX, &text));
    if (text == NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "RFC 7518 section 6", "jwk.%s: missing", name);
    return cairn_base64url_decode(cairn_bytes_str(text), ret_out, room, ret_size);
}

static cairn_err curve_of(const char *kty, const char *crv, cairn_key_type *ret_type)
{
    static const struct {
        const char *kty, *crv;
        cairn_key_type type;
    } rows[] = {{"EC", "P-256", CAIRN_KEY_P256},
                {"EC", "P-384", CAIRN_KEY_P384},
                {"OKP", "Ed25519", CAIRN_KEY_ED25519}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(kty, rows[i].kty) == 0 && crv != NULL && strcmp(crv, rows[i].crv) == 0) {
            *ret_type = rows[i].type;
            return CAIRN_OK;
        }
    return fail_key("kty: not a type and curve that is taken here");
}

static cairn_err read_curve_key(const json_t *json, const char *kty, cairn_jwk *jwk)
{
    uint8_t point[KEY_POINT_SIZE_MAX];
    const char *crv = NULL;
    cairn_key_type type = CAIRN_KEY_P256;
    size_t x_size = 0;
    size_t y_size = 0;
    CAIRN_TRY(cairn_json_text(json, "jwk", "crv", 16, &crv));
    CAIRN_TRY(curve_of(kty, crv, &type));
    const cairn_key_facts *facts = cairn_key_facts_of(type);
    CAIRN_TRY(read_bytes(json, "x", point, facts->field_size, &x_size));
    if (x_size != facts->field_size)
        return fail_key("x: wrong size");
    if (cairn_key_type_is_ec(type)) {
        CAIRN_TRY(read_bytes(json, "y", point + x_size, facts->field_size, &y_size));
        if (y_size != facts->field_size)
            return fail_key("y: wrong size");
    }
    CAIRN_TRY(cairn_key_from_public(type, cairn_bytes_of(point, x_size + y_size), &jwk->key));
    jwk->alg = cairn_jose_alg_of(type);
    jwk->alg_given = true;
    return CAIRN_OK;
}

/* The number as OpenSSL wants it: least significant byte first. */
static void reverse(const uint8_t *in, size_t size, uint8_t *out)
{
    for (size_t i = 0; i < size; i++)
        out[i] = in[size - 1 - i];
}

static cairn_err rsa_of(const uint8_t *n, size_t n_size, const uint8_t *e, size_t e_size,
                        EVP_PKEY **ret_pkey)
{
    uint8_t native_n[RSA_SIZE_MAX], native_e[EXPONENT_SIZE_MAX];
    reverse(n, n_size, native_n);
    reverse(e, e_size, native_e);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, native_n, n_size),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, native_e, e_size),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    bool made = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
                EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!made)
        return cairn_openssl_fail("RSA key");
    *ret_pkey = pkey;
    return CAIRN_OK;
}

static void thumbprint_rsa(const char *n, const char *e, cairn_hash *ret_thumbprint)
{
    const cairn_bytes parts[] = {cairn_bytes_str("{\"e\":\""), cairn_bytes_str(e),
                                 cairn_bytes_str("\",\"kty\":\"RSA\",\"n\":\""), cairn_bytes_str(n),
                                 cairn_bytes_str("\"}")};
    cairn_sha256_parts(parts, 5, ret_thumbprint);
}

static cairn_err read_rsa_key(const json_t *json, cairn_jwk *jwk)
{
    uint8_t n[RSA_SIZE_MAX], e[EXPONENT_SIZE_MAX];
    size_t n_size = 0;
    size_t e_size = 0;
    CAIRN_TRY(read_bytes(json, "n", n, sizeof n, &n_size));
    CAIRN_TRY(read_bytes(json, "e", e, sizeof e, &e_size));
    if (n_size == 0 || n[0] == 0 || e_size == 0 || e[0] == 0)
        return fail_key("n: not in its shortest form (RFC 7518 section 2)");
    if (n_size * 8 - (size_t)__builtin_clz((unsigned)n[0] << 24) < CAIRN_JWK_RSA_BITS_MIN)
        return fail_key("n: fewer than 2048 bits");
    if ((n[n_size - 1] & 1) == 0 || (e[e_size - 1] & 1) == 0 || e_size < 3)
        return fail_key("e: not odd or below 65537");
    CAIRN_TRY(rsa_of(n, n_size, e, e_size, &jwk->rsa));
    thumbprint_rsa(json_string_value(json_object_get(json, "n")),
                   json_string_value(json_object_get(json, "e")), &jwk->thumbprint);
    return CAIRN_OK;
}

/* Members that sort in this order are what RFC 7638 section 3.2 hashes. */
static void write_required(cairn_text *out, const cairn_key *key)
{
    char x[KEY_FIELD_SIZE_MAX / 3 * 4 + 1];
    const cairn_key_facts *facts = cairn_key_facts_of(cairn_key_get_type(key));
    cairn_bytes point = cairn_key_public(key);
    bool is_ec = cairn_key_type_is_ec(cairn_key_get_type(key));
    cairn_base64url_encode(cairn_bytes_of(point.data, facts->field_size), x);
    cairn_text_printf(out, "\"crv\":\"%s\",\"kty\":\"%s\",\"x\":\"%s\"",
                      is_ec ? facts->name : "Ed25519", is_ec ? "EC" : "OKP", x);
    if (is_ec) {
        cairn_base64url_encode(cairn_bytes_of(point.data + facts->field_size, facts->field_size),
                               x);
        cairn_text_printf(out, ",\"y\":\"%s\"", x);
    }
}

static void thumbprint_curve(cairn_jwk *jwk)
{
    char text[256];
    cairn_text out = {text, sizeof text, 0};
    cairn_text_printf(&out, "{");
    write_required(&out, jwk->key);
    cairn_text_printf(&out, "}");
    CAIRN_ASSERT(cairn_text_whole(&out));
    cairn_sha256_of(text, out.size, &jwk->thumbprint);
}

/* `use` and `key_ops`, where they are, must allow to verify (RFC 7517 sections 4.2 and 4.3). */
static cairn_err check_use(const json_t *json)
{
    const char *use = NULL;
    const json_t *ops = json_object_get(json, "key_ops");
    bool verifies = ops == NULL;
    CAIRN_TRY(cairn_json_text(json, "jwk", "use", 32, &use));
    if (use != NULL && strcmp(use, "sig") != 0)
        return fail_key("use: not \"sig\"");
    if (ops != NULL && !json_is_array(ops))
        return fail_key("key_ops: not an array");
    for (size_t i = 0; i < json_array_size(ops); i++) {
        const char *op = json_string_value(json_array_get(ops, i));
        verifies |= op != NULL && strcmp(op, "verify") == 0;
    }
    return verifies ? CAIRN_OK : fail_key("key_ops: without \"verify\"");
}

static cairn_err check_public(const json_t *json)
{
    static const char *const private_members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
    for (size_t i = 0; i < sizeof private_members / sizeof private_members[0]; i++)
        if (json_object_get(json, private_members[i]) != NULL)
            return fail_key("d: a private or symmetric key");
    return CAIRN_OK;
}

static cairn_err check_alg(const json_t *json, cairn_jwk *jwk)
{
    const char *name = NULL;
    cairn_jose_alg alg = CAIRN_JOSE_ES256;
    CAIRN_TRY(cairn_json_text(json, "jwk", "alg", 32, &name));
    if (name == NULL)
        return CAIRN_OK;
    if (cairn_jose_alg_find(name, &alg) != CAIRN_OK || !cairn_jwk_fits(jwk, alg))
        return fail_key("alg: not one of this key");
    jwk->alg = alg;
    jwk->alg_given = true;
    return CAIRN_OK;
}

static bool is_printable(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p < 0x20 || *p > 0x7e || *p == '"' || *p == '\\')
            return false;
    return true;
}

static cairn_err read_key(const json_t *json, cairn_jwk *jwk)
{
    const char *kty = NULL;
    const char *kid = NULL;
    CAIRN_TRY(cairn_json_text(json, "jwk", "kty", 16, &kty));
    CAIRN_TRY(cairn_json_text(json, "jwk", "kid", CAIRN_JWK_KID_SIZE_MAX, &kid));
    if (kty == NULL)
        return fail_key("kty: missing");
    if (kid != NULL && !is_printable(kid))
        return fail_key("kid: not printable");
    CAIRN_TRY(check_public(json));
    CAIRN_TRY(check_use(json));
    (void)snprintf(jwk->kid, sizeof jwk->kid, "%s", kid == NULL ? "" : kid);
    if (strcmp(kty, "RSA") == 0) {
        CAIRN_TRY(read_rsa_key(json, jwk));
    } else {
        CAIRN_TRY(read_curve_key(json, kty, jwk));
        thumbprint_curve(jwk);
    }
    return check_alg(json, jwk);
}

static cairn_err jwk_new(cairn_jwk **ret_jwk)
{
    cairn_jwk *jwk = calloc(1, sizeof *jwk);
    if (jwk == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "jwk: %zu bytes", sizeof *jwk);
    jwk->references = 1;
    *ret_jwk = jwk;
    return CAIRN_OK;
}

static cairn_err jwk_of_json(const json_t *json, cairn_jwk **ret_jwk)
{
    CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *jwk = NULL;
    if (!json_is_object(json))
        return fail_key("not an object");
    CAIRN_TRY(jwk_new(&jwk));
    CAIRN_TRY(read_key(json, jwk));
    *ret_jwk = CAIRN_STEAL(jwk);
    return CAIRN_OK;
}

cairn_err cairn_jwk_parse(cairn_bytes text, cairn_jwk **ret_jwk)
{
    CAIRN_CLEANUP(cairn_json_drop_p) json_t *json = NULL;
    CAIRN_TRY(cairn_json_object(text, CAIRN_JWK_SIZE_MAX, "jwk", &json));
    return jwk_of_json(json, ret_jwk);
}

cairn_err cairn_jwk_of_key(cairn_key *key, const char *kid, cairn_jwk **ret_jwk)
{
    CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *jwk = NULL;
    CAIRN_TRY(jwk_new(&jwk));
    jwk->key = cairn_key_ref(key);
    jwk->alg = cairn_jose_alg_of(cairn_key_get_type(key));
    jwk->alg_given = true;
    thumbprint_curve(jwk);
    if (kid == NULL)
        cairn_base64url_encode(cairn_bytes_hash(&jwk->thumbprint), jwk->kid);
    else if (strlen(kid) <= CAIRN_JWK_KID_SIZE_MAX && is_printable(kid))
        (void)snprintf(jwk->kid, sizeof jwk->kid, "%s", kid);
    else
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "jwk.kid");
    *ret_jwk = CAIRN_STEAL(jwk);
    return CAIRN_OK;
}

cairn_err cairn_jwk_write(cairn_arena *arena, const cairn_jwk *jwk, cairn_bytes *ret_json)
{
    enum { ROOM = 512 };
    void *memory = NULL;
    CAIRN_ASSERT(jwk->key != NULL); /* RSA keys are others' to publish */
    CAIRN_TRY(cairn_arena_alloc(arena, ROOM, &memory));
    cairn_text out = {memory, ROOM, 0};
    cairn_text_printf(&out, "{");
    write_required(&out, jwk->key);
    cairn_text_printf(&out, ",\"kid\":\"%s\",\"alg\":\"%s\",\"use\":\"sig\"}", jwk->kid,
                      cairn_jose_alg_name(jwk->alg));
    CAIRN_ASSERT(cairn_text_whole(&out));
    *ret_json = cairn_bytes_of(memory, out.size);
    return CAIRN_OK;
}

/* --- verifying --- */

static bool rsa_init(EVP_MD_CTX *ctx, EVP_PKEY *rsa, cairn_jose_alg alg)
{
    EVP_PKEY_CTX *options = NULL; /* owned by `ctx` */
    if (EVP_DigestVerifyInit_ex(ctx, &options, "SHA256", NULL, NULL, rsa, NULL) != 1)
        return false;
    if (alg == CAIRN_JOSE_RS256)
        return EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PADDING) == 1;
    return EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md_name(options, "SHA256", NULL) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static cairn_err rsa_verify(EVP_PKEY *rsa, cairn_jose_alg alg, cairn_bytes message,
                            cairn_bytes signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL || !rsa_init(ctx, rsa, alg)) {
        EVP_MD_CTX_free(ctx);
        return cairn_openssl_fail("RSA verification");
    }
    int verdict = EVP_DigestVerify(ctx, signature.data, signature.size, message.data, message.size);
    EVP_MD_CTX_free(ctx);
    if (verdict == 1)
        return CAIRN_OK;
    cairn_err err = cairn_openssl_fail("RSA verification");
    if (err == CAIRN_ERR_NO_MEMORY)
        return err;
    return CAIRN_FAIL(CAIRN_ERR_BAD_SIGNATURE, "RFC 7518 section 3.3",
                      "signature: does not verify");
}

cairn_err cairn_jwk_verify(const cairn_jwk *jwk, cairn_jose_alg alg, cairn_bytes message,
                           cairn_bytes signature)
{
    if (!cairn_jwk_fits(jwk, alg))
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, "RFC 8725 section 3.1",
                          "jose.alg: %s is not the key's", cairn_jose_alg_name(alg));
    return jwk->rsa != NULL ? rsa_verify(jwk->rsa, alg, message, signature)
                            : cairn_key_verify(jwk->key, message, signature);
}

/* --- sets --- */

static uint64_t last_serial; /* atomic */

struct cairn_jwk_set {
    unsigned references; /* atomic */
    uint64_t serial;
    size_t count;
    cairn_jwk *keys[CAIRN_JWK_SET_COUNT_MAX];
};

cairn_jwk_set *cairn_jwk_set_ref(cairn_jwk_set *set)
{
    (void)__atomic_add_fetch(&set->references, 1, __ATOMIC_RELAXED);
    return set;
}

void cairn_jwk_set_free(cairn_jwk_set *set)
{
    if (set == NULL || __atomic_sub_fetch(&set->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    for (size_t i = 0; i < set->count; i++)
        cairn_jwk_free(set->keys[i]);
    free(set);
}

uint64_t cairn_jwk_set_serial(const cairn_jwk_set *set)
{
    return set->serial;
}

size_t cairn_jwk_set_count(const cairn_jwk_set *set)
{
    return set->count;
}

const cairn_jwk *cairn_jwk_set_at(const cairn_jwk_set *set, size_t index)
{
    CAIRN_ASSERT(index < set->count);
    return set->keys[index];
}

static bool share_algorithm(const cairn_jwk *a, const cairn_jwk *b)
{
    for (unsigned alg = 0; alg < CAIRN_JOSE_ALG_COUNT; alg++)
        if (cairn_jwk_fits(a, (cairn_jose_alg)alg) && cairn_jwk_fits(b, (cairn_jose_alg)alg))
            return true;
    return false;
}

static cairn_err check_distinct(const cairn_jwk_set *set, const cairn_jwk *key)
{
    for (size_t i = 0; i < set->count; i++)
        if (key->kid[0] != '\0' && strcmp(set->keys[i]->kid, key->kid) == 0 &&
            share_algorithm(set->keys[i], key))
            return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, "RFC 7517 section 4.5",
                              "jwk-set.keys: two with kid \"%s\"", key->kid);
    return CAIRN_OK;
}

/* What cannot be used is our own trouble only when it is memory that is missing. */
static bool is_left_out(cairn_err err, cairn_jwk_set_kind kind)
{
    return kind == CAIRN_JWK_SET_FOREIGN && err != CAIRN_ERR_NO_MEMORY && err != CAIRN_ERR_CRYPTO;
}

static cairn_err fill_set(const json_t *keys, cairn_jwk_set_kind kind, cairn_jwk_set *set)
{
    for (size_t i = 0; i < json_array_size(keys); i++) {
        CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *key = NULL;
        cairn_err err = jwk_of_json(json_array_get(keys, i), &key);
        if (err != CAIRN_OK && is_left_out(err, kind))
            continue;
        CAIRN_TRY(err);
        if (kind == CAIRN_JWK_SET_STRICT)
            CAIRN_TRY(check_distinct(set, key));
        set->keys[set->count++] = CAIRN_STEAL(key);
    }
    return CAIRN_OK;
}

cairn_err cairn_jwk_set_parse(cairn_bytes text, cairn_jwk_set_kind kind, cairn_jwk_set **ret_set)
{
    CAIRN_CLEANUP(cairn_json_drop_p) json_t *json = NULL;
    CAIRN_CLEANUP(cairn_jwk_set_free_p) cairn_jwk_set *set = NULL;
    CAIRN_TRY(cairn_json_object(text, CAIRN_JWK_SET_SIZE_MAX, "jwk-set", &json));
    const json_t *keys = json_object_get(json, "keys");
    if (!json_is_array(keys))
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "RFC 7517 section 5.1", "jwk-set.keys: not an array");
    if (json_array_size(keys) > CAIRN_JWK_SET_COUNT_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "jwk-set.keys: more than %d",
                          CAIRN_JWK_SET_COUNT_MAX);
    set = calloc(1, sizeof *set);
    if (set == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "jwk-set: %zu bytes", sizeof *set);
    set->references = 1;
    set->serial = __atomic_add_fetch(&last_serial, 1, __ATOMIC_RELAXED);
    CAIRN_TRY(fill_set(keys, kind, set));
    if (kind == CAIRN_JWK_SET_STRICT && set->count == 0)
        return fail_key("keys: none");
    *ret_set = CAIRN_STEAL(set);
    return CAIRN_OK;
}

size_t cairn_jwk_set_find(const cairn_jwk_set *set, const char *kid, cairn_jose_alg alg,
                          const cairn_jwk *ret_keys[CAIRN_JWK_TRIES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (!cairn_jwk_fits(set->keys[i], alg) || (*kid != '\0' && strcmp(kid, set->keys[i]->kid)))
            continue;
        if (count == CAIRN_JWK_TRIES_MAX)
            return 0;
        ret_keys[count++] = set->keys[i];
    }
    return count;
}
