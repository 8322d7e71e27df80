/* Signed transactions for tests and load: each behind its size in four bytes, on standard output.
 *
 *   transactions KEY.pem LEDGER COUNT [VALID_MS [COMMITMENT]]
 *
 * Each anchors a random commitment, or that one; they end VALID_MS (60,000 if not given) after now.
 */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "cairn/key.h"
#include "cairn/transaction.h"
#include "core/clock.h"
#include "core/store/file.h"
#include "record/record.h"

static cairn_err write_one(cairn_arena *arena, const cairn_key *key, const cairn_hash *ledger,
                           uint64_t valid_until_ms, const char *commitment_hex)
{
    cairn_hash commitment;
    cairn_bytes body;
    cairn_bytes tx;
    uint8_t size[4];
    cairn_arena_reset(arena);
    if (RAND_bytes(commitment.b, sizeof commitment.b) != 1)
        return CAIRN_ERR_CRYPTO;
    if (commitment_hex != NULL)
        CAIRN_TRY(cairn_hex_decode(commitment_hex, commitment.b, sizeof commitment.b));
    CAIRN_TRY(cairn_anchor_body(arena, &commitment, &body));
    const cairn_tx_draft draft = {.ledger = *ledger,
                                  .kid = *cairn_key_id(key),
                                  .type = CAIRN_TX_ANCHOR,
                                  .valid_until_ms = valid_until_ms,
                                  .body = body};
    CAIRN_TRY(cairn_tx_sign(arena, &draft, key, &tx));
    cairn_put_u32(size, (uint32_t)tx.size);
    bool whole = fwrite(size, 1, 4, stdout) == 4 && fwrite(tx.data, 1, tx.size, stdout) == tx.size;
    return whole ? CAIRN_OK : CAIRN_ERR_IO;
}

static cairn_err run(char **argv, long long valid_ms, const char *commitment)
{
    cairn_clock clock = cairn_clock_system();
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_hash ledger;
    cairn_bytes pem;
    cairn_arena_init(&arena, 1 << 20);
    CAIRN_TRY(cairn_file_read(&arena, argv[1], 4096, &pem));
    CAIRN_TRY(cairn_key_from_pem(pem, &key));
    CAIRN_TRY(cairn_hex_decode(argv[2], ledger.b, sizeof ledger.b));
    for (long long i = strtoll(argv[3], NULL, 10); i > 0; i--) {
        long long until = (long long)cairn_clock_wall_ms(&clock) + valid_ms;
        CAIRN_TRY(write_one(&arena, key, &ledger, (uint64_t)until, commitment));
    }
    return CAIRN_OK;
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 6) {
        (void)fprintf(stderr, "usage: transactions KEY.pem LEDGER COUNT [VALID_MS [COMMITMENT]]\n");
        return 2;
    }
    cairn_err err =
        run(argv, argc >= 5 ? strtoll(argv[4], NULL, 10) : 60000, argc == 6 ? argv[5] : NULL);
    if (err != CAIRN_OK)
        (void)fprintf(stderr, "transactions: %s: %s\n", cairn_err_text(err), cairn_err_detail());
    return cairn_err_exit(err);
}
