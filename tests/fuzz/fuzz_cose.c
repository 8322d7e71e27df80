/* COSE of all three kinds in both profiles: what the strict one takes is encoded to the same bytes,
 * and every message goes through verification with the keys of the corpus. */
#include "fuzz/fuzz.h"

#include "cairn/cose.h"

/* The keys of the corpus: 00 01 … 1f as seed, scalar, HMAC and AES key. */
static uint8_t secret[32];
static cairn_key *keys[2];

static void prepare(void)
{
    if (keys[0] != NULL)
        return;
    for (uint8_t i = 0; i < sizeof secret; i++)
        secret[i] = i;
    CAIRN_ASSERT(cairn_key_from_private(CAIRN_KEY_P256, cairn_bytes_of(secret, 32), &keys[0]) ==
                 CAIRN_OK);
    CAIRN_ASSERT(cairn_key_from_private(CAIRN_KEY_ED25519, cairn_bytes_of(secret, 32), &keys[1]) ==
                 CAIRN_OK);
}

static void verify(cairn_arena *arena, uint64_t tag, const cairn_cose_message *message)
{
    cairn_bytes none = {0};
    cairn_bytes plaintext = {0};
    if (tag == CAIRN_COSE_TAG_SIGN1) {
        (void)!cairn_cose_sign1_verify(arena, message, keys[0], none, none);
        (void)!cairn_cose_sign1_verify(arena, message, keys[1], none, none);
    } else if (tag == CAIRN_COSE_TAG_MAC0) {
        (void)!cairn_cose_mac0_verify(arena, message, cairn_bytes_of(secret, 32), none);
    } else {
        for (size_t size = 16; size <= 32; size += 8)
            (void)!cairn_cose_decrypt0(arena, message, cairn_bytes_of(secret, size), none,
                                       &plaintext);
    }
}

static void run(cairn_bytes in, uint64_t tag, cairn_cbor_profile profile)
{
    cairn_cose_message message;
    cairn_bytes again = {0};
    cairn_arena arena;
    if (cairn_cose_decode(in, tag, profile, &message) != CAIRN_OK)
        return;
    cairn_arena_init(&arena, 8 << 20);
    verify(&arena, tag, &message);
    if (profile == CAIRN_CBOR_STRICT) {
        CAIRN_ASSERT(cairn_cose_encode(&arena, tag, message.headers.protected_raw,
                                       message.headers.unprotected_raw, message.detached,
                                       message.payload, message.tag, &again) == CAIRN_OK);
        CAIRN_ASSERT(cairn_bytes_equal(in, again));
    }
    cairn_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    prepare();
    for (uint64_t tag = CAIRN_COSE_TAG_ENCRYPT0; tag <= CAIRN_COSE_TAG_SIGN1; tag++) {
        run(cairn_bytes_of(data, size), tag, CAIRN_CBOR_STRICT);
        run(cairn_bytes_of(data, size), tag, CAIRN_CBOR_FOREIGN);
    }
    return 0;
}
