/* COSE_Key, PEM, PKCS#8 and DER signatures: what is taken must write back to the same bytes, and a
 * private key to one with the same id. */
#include "fuzz/fuzz.h"

#include "cairn/key.h"
#include "core/crypto/key_impl.h"

static void fuzz_cose_key(cairn_bytes in)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    uint8_t out[CAIRN_COSE_KEY_SIZE_MAX];
    size_t size = 0;
    if (cairn_key_from_cose(in, &key) != CAIRN_OK)
        return;
    CAIRN_ASSERT(cairn_key_to_cose(key, out, &size) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(in, cairn_bytes_of(out, size)));
}

static void fuzz_pem(cairn_bytes in)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *again = NULL;
    cairn_bytes pem = {0};
    cairn_arena arena;
    if (cairn_key_from_pem(in, &key) != CAIRN_OK)
        return;
    cairn_arena_init(&arena, 4096);
    CAIRN_ASSERT(cairn_key_to_pem(key, cairn_key_is_private(key), &arena, &pem) == CAIRN_OK);
    CAIRN_ASSERT(cairn_key_from_pem(pem, &again) == CAIRN_OK);
    CAIRN_ASSERT(cairn_hash_equal(cairn_key_id(key), cairn_key_id(again)));
    CAIRN_ASSERT(cairn_key_is_private(key) == cairn_key_is_private(again));
    cairn_arena_done(&arena);
}

static void fuzz_pkcs8(cairn_bytes in)
{
    cairn_pkcs8 parts = {.type = CAIRN_KEY_P256};
    if (cairn_pkcs8_parse(in, &parts) != CAIRN_OK)
        return;
    CAIRN_ASSERT(parts.secret.data > in.data &&
                 parts.secret.data + parts.secret.size <= in.data + in.size);
    CAIRN_ASSERT(parts.point.size == 0 || parts.point.data + parts.point.size <= in.data + in.size);
}

static void fuzz_der(cairn_bytes in, size_t half)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    uint8_t der[KEY_DER_SIGNATURE_MAX];
    if (cairn_signature_from_der(in, half, signature) != CAIRN_OK)
        return;
    size_t size = cairn_signature_to_der(signature, half, der);
    CAIRN_ASSERT(cairn_bytes_equal(in, cairn_bytes_of(der, size)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_bytes in = cairn_bytes_of(data, size);
    fuzz_cose_key(in);
    fuzz_pem(in);
    fuzz_pkcs8(in);
    fuzz_der(in, 32);
    fuzz_der(in, 48);
    return 0;
}
