/* Crashes and faults under the heads of a witness. A log with two futures asks for cosignatures
 * over and over; whatever was cosigned, or once shown as the last head, must be what the next life
 * builds on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/file.h"
#include "ledger/log/merkle.h"
#include "ledger/log/witness.h"
#include "sim/runner.h"

#define ORIGIN "example.com/log"

enum {
    SIZE_MAX_LOG = 14,
    FORK_AT = 3, /* entries that both futures share */
    STEPS = 8,
};

typedef struct facts {
    cairn_witness_head known;  /* was cosigned, or read from a witness that had opened */
    cairn_witness_head issued; /* may have been recorded */
} facts;

static cairn_vkey vkey;
static cairn_witness_log followed;
static cairn_hash roots[2][SIZE_MAX_LOG + 1];
static cairn_witness_request requests[2][SIZE_MAX_LOG + 1][SIZE_MAX_LOG + 1]; /* future, old, new */

static cairn_err read_tile(void *context, unsigned level, uint64_t tile_index, size_t count,
                           cairn_hash *ret_hashes)
{
    SIM_CHECK(level == 0 && tile_index == 0, "a tile beyond the log");
    memcpy(ret_hashes, context, count * sizeof *ret_hashes);
    return CAIRN_OK;
}

/* The arena of the requests lives as long as the program. */
static void make_request(cairn_arena *arena, cairn_hash *leaves, unsigned future, uint64_t old,
                         uint64_t size)
{
    cairn_merkle_source source = {read_tile, leaves};
    cairn_hash proof[CAIRN_MERKLE_PROOF_MAX];
    cairn_checkpoint checkpoint = {
        .origin = cairn_bytes_str(ORIGIN), .size = size, .root = roots[future][size]};
    cairn_bytes text, line, note, body;
    size_t count = 0;
    SIM_CHECK(cairn_merkle_prove_consistency(&source, old, size, proof, &count) == CAIRN_OK &&
                  cairn_checkpoint_format(arena, &checkpoint, &text) == CAIRN_OK &&
                  cairn_note_sign(arena, &vkey, text, 0, &line) == CAIRN_OK &&
                  cairn_note_join(arena, text, &line, 1, &note) == CAIRN_OK &&
                  cairn_witness_request_format(arena, old, proof, count, note, &body) == CAIRN_OK &&
                  cairn_witness_request_parse(body, &requests[future][old][size]) == CAIRN_OK,
              "cannot make a request: %s", cairn_err_detail());
}

static void warm_up(void)
{
    static cairn_arena arena;
    const uint8_t seed[32] = {1};
    cairn_hash leaves[SIZE_MAX_LOG];
    cairn_key *key = NULL;
    cairn_arena_init(&arena, 16 << 20);
    SIM_CHECK(cairn_key_from_private(CAIRN_KEY_ED25519, cairn_bytes_of(seed, sizeof seed), &key) ==
                      CAIRN_OK &&
                  cairn_vkey_init(cairn_bytes_str(ORIGIN), CAIRN_NOTE_ED25519, key, &vkey) ==
                      CAIRN_OK,
              "cannot make a key");
    followed = (cairn_witness_log){cairn_bytes_str(ORIGIN), &vkey, 1};
    for (unsigned future = 0; future < 2; future++) {
        for (uint8_t i = 0; i < SIZE_MAX_LOG; i++) {
            uint8_t entry[2] = {i, i < FORK_AT ? 0 : (uint8_t)future};
            cairn_merkle_leaf(cairn_bytes_of(entry, sizeof entry), &leaves[i]);
        }
        for (size_t size = 0; size <= SIZE_MAX_LOG; size++)
            cairn_merkle_root(leaves, size, &roots[future][size]);
        for (uint64_t size = 0; size <= SIZE_MAX_LOG; size++)
            for (uint64_t old = 0; old <= size; old++)
                make_request(&arena, leaves, future, old, size);
    }
}

static bool same(const cairn_witness_head *a, const cairn_witness_head *b)
{
    return a->size == b->size && (a->size == 0 || cairn_hash_equal(&a->root, &b->root));
}

/* Whether `head` is a head of that future. */
static bool belongs(const cairn_witness_head *head, unsigned future)
{
    return head->size == 0 || cairn_hash_equal(&head->root, &roots[future][head->size]);
}

static void check_excused(cairn_err err, const char *what)
{
    SIM_CHECK(sim_disk_fired(SIM_FAULTS_SOFT), "%s without a fault: %s %s", what,
              cairn_err_name(err), cairn_err_detail());
}

/* False when the witness could not record. */
static bool ask(sim_ctx *ctx, cairn_witness *witness)
{
    facts *f = ctx->facts;
    unsigned future = (unsigned)sim_rng_below(&ctx->rng, 2);
    uint64_t old = f->known.size;
    uint64_t size = old + sim_rng_below(&ctx->rng, 3);
    size = size < SIZE_MAX_LOG ? size : SIZE_MAX_LOG;
    cairn_witness_head head, asked = {size, roots[future][size]};
    cairn_witness_status status;
    bool fits = belongs(&f->known, future);
    if (fits)
        f->issued = asked;
    cairn_err err =
        cairn_witness_submit(witness, &followed, &requests[future][old][size], &status, &head);
    if (err != CAIRN_OK) {
        check_excused(err, "a request failed");
        return false;
    }
    if (status == CAIRN_WITNESS_COSIGN) {
        SIM_CHECK(fits, "cosigned the other future at %llu", (unsigned long long)size);
        f->known = asked;
    } else if (fits) {
        check_excused(err, "a good request was refused");
    }
    SIM_CHECK(same(&head, &f->known), "the head is not the one that was cosigned");
    return true;
}

static void live(sim_ctx *ctx)
{
    facts *f = ctx->facts;
    char path[256];
    cairn_witness *witness = NULL;
    cairn_witness_head head;
    (void)snprintf(path, sizeof path, "%s/witness", sim_disk_root());
    cairn_err err = cairn_dir_make(path, 0700);
    if (err == CAIRN_OK)
        err = cairn_witness_open(path, f->known.size == 0, &witness);
    if (ctx->flip != NULL) {
        SIM_CHECK(err == CAIRN_ERR_CORRUPT || err == CAIRN_ERR_BAD_VERSION,
                  "a flipped bit of the heads gave %s", cairn_err_name(err));
        return;
    }
    if (err != CAIRN_OK) {
        check_excused(err, "open failed");
        return;
    }
    cairn_witness_head_of(witness, cairn_bytes_str(ORIGIN), &head);
    SIM_CHECK(same(&head, &f->known) || same(&head, &f->issued),
              "the head of size %llu was forgotten: %llu", (unsigned long long)f->known.size,
              (unsigned long long)head.size);
    f->known = head;
    f->issued = head;
    for (unsigned i = 0; i < STEPS && ask(ctx, witness); i++)
        continue;
    if (sim_rng_percent(&ctx->rng, 50))
        cairn_witness_free(witness);
}

static bool pick_flip(sim_ctx *ctx, sim_flip *ret_flip)
{
    (void)snprintf(ret_flip->path, sizeof ret_flip->path, "witness/heads");
    uint64_t size = sim_disk_file_size(ret_flip->path);
    if (size == 0)
        return false;
    ret_flip->offset = sim_rng_below(&ctx->rng, size);
    ret_flip->bit = (unsigned)sim_rng_below(&ctx->rng, 8);
    return true;
}

int main(int argc, char **argv)
{
    const sim_workload workload = {.name = "sim_witness",
                                   .faults = SIM_FAULTS_ALL,
                                   .flip_percent = 10,
                                   .stale_percent = 12,
                                   .facts_size = sizeof(facts),
                                   .warm_up = warm_up,
                                   .live = live,
                                   .pick_flip = pick_flip};
    return sim_main(argc, argv, &workload);
}
