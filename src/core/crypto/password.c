/* scrypt hashes as PHC strings: making, reading, comparing. */
#include "core/crypto/password.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <stdio.h>

#include "core/crypto/openssl.h"
#include "core/crypto/secret.h"
#include "core/text.h"

enum {
    NEW_SALT_SIZE = 16,
    NEW_HASH_SIZE = 32,
    /* What OpenSSL counts beside 128 * r * N: blocks of p and one block of work. */
    MEMORY_SLACK = 1 << 20
};

static const char clause[] = "PHC string format";

typedef struct phc {
    cairn_scrypt_params params;
    uint8_t salt[CAIRN_SCRYPT_SALT_SIZE_MAX];
    size_t salt_size;
    uint8_t hash[CAIRN_SCRYPT_HASH_SIZE_MAX];
    size_t hash_size;
} phc;

cairn_scrypt_params cairn_scrypt_defaults(void)
{
    return (cairn_scrypt_params){.log_n = 15, .r = 8, .p = 3};
}

static bool in_range(const cairn_scrypt_params *s)
{
    return s->log_n >= CAIRN_SCRYPT_LOG_N_MIN && s->log_n <= CAIRN_SCRYPT_LOG_N_MAX && s->r >= 1 &&
           s->r <= CAIRN_SCRYPT_R_MAX && s->p >= 1 && s->p <= CAIRN_SCRYPT_P_MAX &&
           ((uint64_t)128 * s->r << s->log_n) <= CAIRN_SCRYPT_MEMORY_MAX &&
           ((uint64_t)s->r * s->p << s->log_n) <= CAIRN_SCRYPT_WORK_MAX;
}

static cairn_err scrypt(const cairn_scrypt_params *s, cairn_bytes password, cairn_bytes salt,
                        uint8_t *ret_hash, size_t hash_size)
{
    uint64_t n = (uint64_t)1 << s->log_n;
    uint32_t r = s->r;
    uint32_t p = s->p;
    uint64_t memory = CAIRN_SCRYPT_MEMORY_MAX + MEMORY_SLACK;
    const uint8_t none = 0;
    void *secret = (void *)(uintptr_t)(password.size == 0 ? &none : password.data);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, secret, password.size),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.data,
                                          salt.size),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
    EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    bool made = ctx != NULL && EVP_KDF_derive(ctx, ret_hash, hash_size, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return made ? CAIRN_OK : cairn_openssl_fail("scrypt");
}

/* --- base64 without padding, as PHC strings have it --- */

static void put_base64(cairn_text *out, cairn_bytes in)
{
    char text[CAIRN_SCRYPT_HASH_SIZE_MAX * 4 / 3 + 8];
    cairn_base64_encode(in, text);
    text[strcspn(text, "=")] = '\0';
    cairn_text_printf(out, "%s", text);
}

static cairn_err get_base64(cairn_bytes text, uint8_t *ret_out, size_t room, size_t *ret_size)
{
    char padded[CAIRN_SCRYPT_HASH_SIZE_MAX * 4 / 3 + 8] = "";
    if (text.size > sizeof padded - 4 || text.size % 4 == 1)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "phc: base64 of %zu digits", text.size);
    memcpy(padded, text.data, text.size);
    if (memchr(padded, '=', text.size) != NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "phc: padding");
    memcpy(padded + text.size, "===", (4 - text.size % 4) % 4);
    return cairn_base64_decode(cairn_bytes_str(padded), ret_out, room, ret_size);
}

/* --- PHC strings --- */

/* Takes `name` and a decimal number without leading zero off the text. */
static bool take_number(const char **text, const char *name, unsigned *ret_number)
{
    size_t size = strlen(name);
    unsigned number = 0;
    if (strncmp(*text, name, size) != 0)
        return false;
    const char *p = *text + size;
    if (*p < '1' || *p > '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        number = number * 10 + (unsigned)(*p - '0');
        if (number > 9999)
            return false;
    }
    *text = p;
    *ret_number = number;
    return true;
}

static cairn_err fail_phc(const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "phc: %s", what);
}

static cairn_err parse(const char *text, phc *ret_phc)
{
    phc out = {.salt_size = 0};
    if (strlen(text) >= CAIRN_PHC_SIZE_MAX)
        return fail_phc("too long");
    if (!take_number(&text, "$scrypt$ln=", &out.params.log_n) ||
        !take_number(&text, ",r=", &out.params.r) || !take_number(&text, ",p=", &out.params.p) ||
        *text++ != '$')
        return fail_phc("not \"$scrypt$ln=…,r=…,p=…$\"");
    if (!in_range(&out.params))
        return fail_phc("cost out of range");
    const char *dollar = strchr(text, '$');
    if (dollar == NULL)
        return fail_phc("no hash");
    CAIRN_TRY(get_base64(cairn_bytes_of(text, (size_t)(dollar - text)), out.salt, sizeof out.salt,
                         &out.salt_size));
    CAIRN_TRY(get_base64(cairn_bytes_str(dollar + 1), out.hash, sizeof out.hash, &out.hash_size));
    if (out.salt_size < CAIRN_SCRYPT_SALT_SIZE_MIN || out.hash_size < CAIRN_SCRYPT_HASH_SIZE_MIN)
        return fail_phc("salt or hash too short");
    *ret_phc = out;
    return CAIRN_OK;
}

cairn_err cairn_phc_check(const char *text)
{
    phc parsed;
    return parse(text, &parsed);
}

static cairn_err check_password(cairn_bytes password)
{
    if (password.size > CAIRN_PASSWORD_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "password: more than %d bytes",
                          CAIRN_PASSWORD_SIZE_MAX);
    return CAIRN_OK;
}

cairn_err cairn_password_hash(const cairn_scrypt_params *params, cairn_bytes password,
                              char ret_phc[CAIRN_PHC_SIZE_MAX])
{
    uint8_t salt[NEW_SALT_SIZE], hash[NEW_HASH_SIZE];
    if (!in_range(params))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "password: cost out of range");
    CAIRN_TRY(check_password(password));
    if (RAND_bytes(salt, sizeof salt) != 1)
        return cairn_openssl_fail("random generator");
    CAIRN_TRY(scrypt(params, password, cairn_bytes_of(salt, sizeof salt), hash, sizeof hash));
    cairn_text out = {ret_phc, CAIRN_PHC_SIZE_MAX, 0};
    cairn_text_printf(&out, "$scrypt$ln=%u,r=%u,p=%u$", params->log_n, params->r, params->p);
    put_base64(&out, cairn_bytes_of(salt, sizeof salt));
    cairn_text_printf(&out, "$");
    put_base64(&out, cairn_bytes_of(hash, sizeof hash));
    CAIRN_ASSERT(cairn_text_whole(&out));
    return CAIRN_OK;
}

cairn_err cairn_password_verify(const char *text, cairn_bytes password)
{
    phc parsed;
    uint8_t hash[CAIRN_SCRYPT_HASH_SIZE_MAX];
    CAIRN_TRY(parse(text, &parsed));
    if (password.size > CAIRN_PASSWORD_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "house", "password: another one");
    CAIRN_TRY(scrypt(&parsed.params, password, cairn_bytes_of(parsed.salt, parsed.salt_size), hash,
                     parsed.hash_size));
    bool equal = cairn_secret_equal(cairn_bytes_of(hash, parsed.hash_size),
                                    cairn_bytes_of(parsed.hash, parsed.hash_size));
    cairn_wipe(hash, sizeof hash);
    if (!equal)
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "house", "password: another one");
    return CAIRN_OK;
}
