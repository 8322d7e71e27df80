/* The key exchange of TO2, and messages sealed under what comes of it. */
#include "onboard/wire/exchange.h"

#include <openssl/ec.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "cairn/cose.h"
#include "core/crypto/hmac.h"
#include "core/crypto/key_impl.h"
#include "core/crypto/openssl.h"

static const char clause[] = "FDO 1.1, 3.6";

enum {
    FIELD_SIZE_MAX = 48,
    SECRET_SIZE_MAX = 3 * FIELD_SIZE_MAX, /* shared x ‖ both randoms */
    KDF_SIZE_MAX = 64,
    GCM_IV_SIZE = 12,
};

typedef struct kex_facts {
    const char *name;
    cairn_key_type type;
    size_t field_size;
    size_t random_size;
} kex_facts;

static const kex_facts facts[] = {
    [CAIRN_FDO_ECDH256] = {"ECDH256", CAIRN_KEY_P256, 32, 16},
    [CAIRN_FDO_ECDH384] = {"ECDH384", CAIRN_KEY_P384, 48, 48},
};

struct cairn_fdo_share {
    const kex_facts *facts;
    EVP_PKEY *pkey;
    size_t size;
    uint8_t parameter[CAIRN_FDO_KEX_SIZE_MAX]; /* len16 ‖ x ‖ len16 ‖ y ‖ len16 ‖ random */
};

/* The fields of a parameter, each of full width. */
typedef struct parameter {
    cairn_bytes x, y, random;
} parameter;

cairn_err cairn_fdo_kex_from_name(cairn_bytes name, cairn_fdo_kex *ret_kex)
{
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        if (cairn_bytes_equal(name, cairn_bytes_str(facts[i].name))) {
            *ret_kex = (cairn_fdo_kex)i;
            return CAIRN_OK;
        }
    }
    return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "kex: %.*s", (int)name.size,
                      (const char *)name.data);
}

const char *cairn_fdo_kex_name(cairn_fdo_kex kex)
{
    return facts[kex].name;
}

static size_t size_of(const kex_facts *f)
{
    return 2 * (2 + f->field_size) + 2 + f->random_size;
}

size_t cairn_fdo_kex_size(cairn_fdo_kex kex)
{
    return size_of(&facts[kex]);
}

/* --- parameters --- */

static uint8_t *put_field(uint8_t *at, cairn_bytes field)
{
    cairn_put_u16(at, (uint16_t)field.size);
    memcpy(at + 2, field.data, field.size);
    return at + 2 + field.size;
}

static bool take_field(cairn_bytes *in, size_t size, cairn_bytes *ret_field)
{
    if (in->size < 2 + size || cairn_get_u16(in->data) != size)
        return false;
    *ret_field = cairn_bytes_of(in->data + 2, size);
    *in = cairn_bytes_of(in->data + 2 + size, in->size - 2 - size);
    return true;
}

static cairn_err parse(const kex_facts *f, cairn_bytes in, parameter *ret_parameter)
{
    parameter p;
    if (!take_field(&in, f->field_size, &p.x) || !take_field(&in, f->field_size, &p.y) ||
        !take_field(&in, f->random_size, &p.random) || in.size != 0) /* [X1353-R45] */
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "kex: fields that are not of full width");
    *ret_parameter = p;
    return CAIRN_OK;
}

/* --- one side --- */

static cairn_err share_make(cairn_fdo_kex kex, EVP_PKEY *pkey_take, cairn_bytes random,
                            cairn_fdo_share **ret_share)
{
    const kex_facts *f = &facts[kex];
    uint8_t point[KEY_POINT_SIZE_MAX];
    CAIRN_CLEANUP(cairn_fdo_share_free_p) cairn_fdo_share *share = calloc(1, sizeof *share);
    if (share == NULL) {
        EVP_PKEY_free(pkey_take);
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "kex: a share");
    }
    share->facts = f;
    share->pkey = pkey_take;
    share->size = size_of(f);
    CAIRN_TRY(cairn_key_pkey_point(f->type, pkey_take, point));
    uint8_t *at = put_field(share->parameter, cairn_bytes_of(point, f->field_size));
    at = put_field(at, cairn_bytes_of(point + f->field_size, f->field_size));
    (void)put_field(at, random);
    *ret_share = CAIRN_STEAL(share);
    return CAIRN_OK;
}

static cairn_err draw_key(cairn_key_type type, EVP_PKEY **ret_pkey)
{
    const cairn_openssl *openssl = NULL;
    EVP_PKEY *pkey = NULL;
    CAIRN_TRY(cairn_openssl_get(&openssl));
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, openssl->curves[type], NULL);
    bool drawn = ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_keygen(ctx, &pkey) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!drawn)
        return cairn_openssl_fail("ephemeral key");
    *ret_pkey = pkey;
    return CAIRN_OK;
}

static bool has_leading_zero(const cairn_fdo_share *share)
{
    parameter p;
    cairn_err err = parse(share->facts, cairn_fdo_share_public(share), &p);
    CAIRN_ASSERT(err == CAIRN_OK);
    return p.x.data[0] == 0 || p.y.data[0] == 0 || p.random.data[0] == 0;
}

cairn_err cairn_fdo_share_new(cairn_fdo_kex kex, cairn_fdo_share **ret_share)
{
    const kex_facts *f = &facts[kex];
    for (;;) { /* three in 256 are drawn again */
        CAIRN_CLEANUP(cairn_fdo_share_free_p) cairn_fdo_share *share = NULL;
        CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret random = {0};
        EVP_PKEY *pkey = NULL;
        CAIRN_TRY(cairn_secret_random(&random, f->random_size));
        CAIRN_TRY(draw_key(f->type, &pkey));
        CAIRN_TRY(share_make(kex, pkey, cairn_secret_view(&random), &share));
        if (!has_leading_zero(share)) {
            *ret_share = CAIRN_STEAL(share);
            return CAIRN_OK;
        }
    }
}

cairn_err cairn_fdo_share_of(cairn_fdo_kex kex, cairn_bytes scalar, cairn_bytes random,
                             cairn_fdo_share **ret_share)
{
    const kex_facts *f = &facts[kex];
    EVP_PKEY *pkey = NULL;
    CAIRN_ASSERT(scalar.size == f->field_size && random.size == f->random_size);
    CAIRN_TRY(cairn_key_pkey_of_secret(f->type, scalar, &pkey));
    return share_make(kex, pkey, random, ret_share);
}

void cairn_fdo_share_free(cairn_fdo_share *share)
{
    if (share == NULL)
        return;
    EVP_PKEY_free(share->pkey);
    cairn_wipe(share, sizeof *share);
    free(share);
}

cairn_bytes cairn_fdo_share_public(const cairn_fdo_share *share)
{
    return cairn_bytes_of(share->parameter, share->size);
}

/* --- both sides --- */

/* The x of the shared point, of full width. The peer's point is on its curve, which has no other
 * subgroups, so OpenSSL is not asked to look again. */
static cairn_err shared_x(const cairn_fdo_share *mine, const parameter *peer,
                          uint8_t ret_x[FIELD_SIZE_MAX])
{
    const kex_facts *f = mine->facts;
    uint8_t point[KEY_POINT_SIZE_MAX];
    EVP_PKEY *pkey = NULL;
    size_t size = FIELD_SIZE_MAX;
    memcpy(point, peer->x.data, f->field_size);
    memcpy(point + f->field_size, peer->y.data, f->field_size);
    CAIRN_TRY(cairn_key_pkey_of_point(f->type, cairn_bytes_of(point, 2 * f->field_size), &pkey));
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, mine->pkey, NULL);
    bool agreed = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
                  EVP_PKEY_derive_set_peer_ex(ctx, pkey, 0) == 1 &&
                  EVP_PKEY_derive(ctx, ret_x, &size) == 1 && size == f->field_size;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return agreed ? CAIRN_OK : cairn_openssl_fail("ECDH");
}

static size_t leading_zeros(const uint8_t *number, size_t size)
{
    size_t zeros = 0;
    while (zeros < size && number[zeros] == 0)
        zeros++;
    return zeros;
}

static size_t append(uint8_t *to, size_t used, cairn_bytes more)
{
    memcpy(to + used, more.data, more.size);
    return used + more.size;
}

cairn_err cairn_fdo_share_agree(const cairn_fdo_share *mine, cairn_bytes peer, bool i_am_device,
                                bool stripped, cairn_fdo_cipher cipher,
                                uint8_t ret_sek[CAIRN_FDO_SEK_SIZE_MAX], size_t *ret_sek_size)
{
    const kex_facts *f = mine->facts;
    uint8_t x[FIELD_SIZE_MAX];
    uint8_t secret[SECRET_SIZE_MAX];
    parameter us;
    parameter them;
    size_t sek_size = 8 + 8 * (size_t)cipher;
    CAIRN_TRY(parse(f, cairn_fdo_share_public(mine), &us));
    CAIRN_TRY(parse(f, peer, &them));
    CAIRN_TRY(shared_x(mine, &them, x));
    size_t skipped = stripped ? leading_zeros(x, f->field_size) : 0;
    size_t size = append(secret, 0, cairn_bytes_of(x + skipped, f->field_size - skipped));
    size = append(secret, size, i_am_device ? us.random : them.random); /* the device's first */
    size = append(secret, size, i_am_device ? them.random : us.random);
    cairn_err err =
        cairn_fdo_kdf(cairn_bytes_of(secret, size), (cairn_bytes){0}, ret_sek, sek_size);
    cairn_wipe(x, sizeof x);
    cairn_wipe(secret, sizeof secret);
    if (err == CAIRN_OK)
        *ret_sek_size = sek_size;
    return err;
}

bool cairn_fdo_share_is_ambiguous(const cairn_fdo_share *mine, cairn_bytes peer)
{
    uint8_t x[FIELD_SIZE_MAX];
    parameter them;
    bool ambiguous = parse(mine->facts, peer, &them) == CAIRN_OK &&
                     shared_x(mine, &them, x) == CAIRN_OK && x[0] == 0;
    cairn_wipe(x, sizeof x);
    return ambiguous;
}

/* SP 800-108 in counter mode with a counter of one byte, which OpenSSL 3.0's KBKDF cannot. */
cairn_err cairn_fdo_kdf(cairn_bytes secret, cairn_bytes context, uint8_t *ret_key,
                        size_t size_bytes) /* [X1353-R44] */
{
    CAIRN_ASSERT(size_bytes > 0 && size_bytes <= KDF_SIZE_MAX);
    static const char label[] = "FIDO-KDF"; /* its NUL is the separator */
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {0};
    uint8_t counter = 1;
    uint8_t bits[2];
    cairn_put_u16(bits, (uint16_t)(size_bytes * 8));
    const cairn_bytes parts[] = {cairn_bytes_of(&counter, 1), cairn_bytes_of(label, sizeof label),
                                 cairn_bytes_str("AutomaticOnboardTunnel"), context,
                                 cairn_bytes_of(bits, sizeof bits)};
    for (size_t done = 0; done < size_bytes; done += sizeof(cairn_hash), counter++) {
        cairn_hash block;
        CAIRN_TRY(cairn_hmac_sha256(secret, parts, sizeof parts / sizeof *parts, &block));
        memcpy(key.data + done, block.b, sizeof block.b);
        cairn_wipe(&block, sizeof block);
    }
    memcpy(ret_key, key.data, size_bytes);
    return CAIRN_OK;
}

/* --- the channel --- */

cairn_err cairn_fdo_seal(cairn_arena *arena, cairn_fdo_cipher cipher, cairn_bytes sek,
                         cairn_bytes plaintext, cairn_bytes *ret_message)
{
    uint8_t iv[GCM_IV_SIZE];
    if (RAND_bytes(iv, sizeof iv) != 1)
        return cairn_openssl_fail("random generator");
    return cairn_cose_encrypt0(arena, sek, cipher, cairn_bytes_of(iv, sizeof iv), (cairn_bytes){0},
                               plaintext, ret_message);
}

cairn_err cairn_fdo_unseal(cairn_arena *arena, cairn_fdo_cipher cipher, cairn_bytes sek,
                           cairn_bytes message, cairn_bytes *ret_plaintext)
{
    cairn_cose_message sealed;
    if (message.size > CAIRN_FDO_MESSAGE_SIZE_MAX) /* [X1353-R39] */
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "channel: %zu bytes", message.size);
    CAIRN_TRY(cairn_cose_decode(message, CAIRN_COSE_TAG_ENCRYPT0, CAIRN_CBOR_FOREIGN, &sealed));
    if (!sealed.headers.has_alg || sealed.headers.alg != (int64_t)cipher)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "channel: not the suite's algorithm");
    return cairn_cose_decrypt0(arena, &sealed, sek, (cairn_bytes){0}, ret_plaintext);
}
