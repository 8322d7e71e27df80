/* What a member gives out: `light-consortium URL STORE DIRECTORY` makes a state proof of a copy of
 * the member's store, committed by the chain of the engine at URL, and a trust file whose anchor is
 * the chain's first header: DIRECTORY/state and DIRECTORY/trust. Prints size and blocks of the
 * proof. */
#include <signal.h>
#include <time.h>

#include "cairn/state_proof.h"
#include "cairn/trust.h"
#include "core/store/file.h"
#include "feature_list.h"
#include "ledger/light/light_fetch.h"
#include "ledger/light/light_prove.h"
#include "ledger/store/store.h"
#include "support/ledger_fixture.h"

static cairn_arena arena;
static const char *directory;

static void must(cairn_err err, const char *what)
{
    if (err == CAIRN_OK)
        return;
    (void)fprintf(stderr, "light-consortium: %s: %s %s\n", what, cairn_err_name(err),
                  cairn_err_detail());
    exit(1);
}

static void save(const char *name, cairn_bytes data)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    must(cairn_file_replace(path, 0644, data, NULL), name);
}

/* One member, who signs nothing here. */
static void save_trust(const cairn_view *view, const cairn_light_anchor *anchor)
{
    cairn_key *key = fixture_key(1);
    cairn_trust_key listed = {.purpose = CAIRN_TRUST_COSIGN,
                              .cose_key = fixture_cose(&arena, key),
                              .until = CAIRN_TRUST_OPEN,
                              .suspect = CAIRN_TRUST_OPEN};
    cairn_trust_member member = {
        .name = cairn_bytes_str("A member"), .key_count = 1, .keys = &listed};
    const cairn_trust trust = {.ledger = view->ledger,
                               .threshold = 1,
                               .issued_ms = (uint64_t)time(NULL) * 1000,
                               .expires_ms = (uint64_t)time(NULL) * 1000 + 86400000,
                               .member_count = 1,
                               .members = &member,
                               .anchor = anchor};
    cairn_bytes encoded;
    must(cairn_trust_encode(&arena, &trust, &encoded), "trust");
    save("trust", encoded);
    cairn_key_free(key);
}

static void save_state(cairn_engine *engine, const cairn_view *view,
                       const cairn_light_source *source, const cairn_light_rules *rules)
{
    cairn_smt_proof smt;
    cairn_bytes encoded;
    cairn_commit_proof commit;
    const cairn_hash *path = NULL;
    size_t count = 0;
    cairn_state_proof proof = {.key = cairn_bytes_str("members")};
    must(cairn_engine_prove(engine, view, CAIRN_MAP_STATE, proof.key, &arena, &smt), "members");
    proof.present = smt.exists;
    proof.value = smt.value;
    proof.proof = smt.ics23;
    must(cairn_engine_prove_entry(engine, view, view->log_size - 1, &arena,
                                  &proof.end.block_entry_raw, &path, &count),
         "block entry");
    must(cairn_light_prove(&arena, engine, view, source, rules, 1, view->log_size - 1,
                           &proof.end.commit_raw),
         "commit proof");
    must(cairn_commit_proof_decode(&arena, proof.end.commit_raw, &commit), "commit proof");
    must(cairn_state_proof_encode(&arena, &proof, NULL, 0, &encoded), "state proof");
    save("state", encoded);
    (void)printf("%zu %zu\n", encoded.size, commit.block_count);
}

int main(int count, char **words)
{
    cairn_store *store = NULL;
    cairn_store_options options;
    cairn_light_block first;
    if (count != 4)
        return 2;
    (void)signal(SIGPIPE, SIG_IGN);
    directory = words[3];
    cairn_arena_init(&arena, 64 << 20);
    cairn_store_options_default(&options, &cairn_all_features);
    options.threads = 0;
    options.read_only = true;
    options.index_size_max = UINT64_C(1) << 32;
    must(cairn_store_open(words[2], &options, &store), "open");
    cairn_engine *engine = cairn_store_ledger(store, 0);
    cairn_view *view = cairn_engine_view(engine);
    cairn_light_node node = {.arena = &arena, .url = words[1]};
    const cairn_light_source source = cairn_light_node_source(&node);
    const cairn_light_rules rules = {.trusting_period_ms = 3600000,
                                     .clock_drift_ms = CAIRN_LIGHT_CLOCK_DRIFT_MS,
                                     .now = {.seconds = time(NULL)}};
    must(source.read(source.context, 1, &first), "first header");
    const cairn_light_anchor anchor = {.state = first.state, .trusting_period_ms = 3600000};
    save_trust(view, &anchor);
    save_state(engine, view, &source, &rules);
    cairn_view_free(view);
    must(cairn_store_close(store), "close");
    cairn_arena_done(&arena);
    return 0;
}
