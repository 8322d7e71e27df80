/* Transactions: what is taken must assemble to the same bytes again, with the same id, and its
 * signature to the check by the key of the corpus. */
#include "fuzz/fuzz.h"

#include "cairn/cose.h"
#include "cairn/sha256.h"
#include "cairn/transaction.h"

static cairn_key *key;

static void check(cairn_arena *arena, cairn_bytes in, const cairn_tx *tx)
{
    const cairn_tx_draft draft = {.ledger = tx->ledger,
                                  .kid = tx->kid,
                                  .type = tx->type,
                                  .valid_until_ms = tx->valid_until_ms,
                                  .body = tx->body};
    cairn_bytes again, message;
    cairn_hash id;
    CAIRN_ASSERT(cairn_tx_assemble(arena, &draft, tx->signature, &again) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(in, again));
    CAIRN_ASSERT(cairn_tx_to_be_signed(arena, &draft, &message) == CAIRN_OK);
    cairn_sha256_of(message.data, message.size, &id);
    CAIRN_ASSERT(cairn_hash_equal(&id, &tx->id));
    cairn_err err = cairn_tx_verify(arena, tx, key);
    CAIRN_ASSERT(err == CAIRN_OK || err == CAIRN_ERR_HIGH_S || err == CAIRN_ERR_BAD_SIGNATURE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_tx tx;
    cairn_arena arena;
    uint8_t secret[32] = {1, 0, 2}; /* the signer of support/vouch.h */
    if (key == NULL)
        CAIRN_ASSERT(cairn_key_from_private(CAIRN_KEY_P256, cairn_bytes_of(secret, 32), &key) ==
                     CAIRN_OK);
    if (cairn_tx_decode(cairn_bytes_of(data, size), &tx) != CAIRN_OK)
        return 0;
    cairn_arena_init(&arena, 1 << 20);
    check(&arena, cairn_bytes_of(data, size), &tx);
    cairn_arena_done(&arena);
    return 0;
}
