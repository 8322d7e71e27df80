/* A cosigner among many members: what it keeps and compares, what a peer may answer, how it ends.
 */
#include "support/follow_source.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "core/store/file.h"
#include "ledger/consortium/cosignature.h"
#include "ledger/log/witness_request.h"
#include "node/node.h"
#include "support/http_fixture.h"

enum {
    MEMBERS = 18, /* more than a checkpoint's signers are looked at, and this one */
    SIGNERS = 16, /* that are */
};

/* What the peer's server answers. */
typedef enum mood { GOOD, OTHER_ROOT, OTHER_SIZE, STRANGER, GARBAGE, HUGE_ONE, LATE, HIDDEN } mood;

typedef struct world {
    cairn_arena arena;
    char *directory;
    cairn_signer *signer;
    cairn_key *receipt_key, *note_key; /* the node's own */
    cairn_key *note_keys[MEMBERS];     /* the others'; [0] is the node's own */
    cairn_key *receipt_keys[MEMBERS];
    cairn_hash orgs[MEMBERS];
    cairn_hash ledger;
    char origin[CAIRN_ORIGIN_SIZE + 1];
    ledger_fixture f;
    cairn_store *store;
    cairn_engine *engine;
    cairn_config *config;
    cairn_node_cosign *cosign;
    cairn_heads *heads;
    http_fixture http;
    mood mood;
    atomic_uint asked;
} world;

static cairn_err find_key(void *context, cairn_head_kind kind, cairn_head_key *ret_key)
{
    world *w = context;
    bool receipt = kind == CAIRN_HEAD_RECEIPT;
    ret_key->public_key = cairn_key_ref(receipt ? w->receipt_key : w->note_key);
    (void)snprintf(ret_key->name, sizeof ret_key->name, "%s", receipt ? "cosign-1" : "note-1");
    return CAIRN_OK;
}

static cairn_hash find_org(void *context)
{
    const world *w = context;
    return w->orgs[0];
}

/* --- the ledger --- */

static void make_keys(world *w)
{
    assert_int_equal(cairn_signer_generate(w->signer, "cosign-1", CAIRN_KEY_P256, &w->receipt_key),
                     CAIRN_OK);
    assert_int_equal(cairn_signer_generate(w->signer, "note-1", CAIRN_KEY_ED25519, &w->note_key),
                     CAIRN_OK);
    for (uint8_t i = 0; i < MEMBERS; i++) {
        w->note_keys[i] = i == 0 ? cairn_key_ref(w->note_key) : origin_note_key(i);
        w->receipt_keys[i] =
            i == 0 ? cairn_key_ref(w->receipt_key) : fixture_key((uint8_t)(110 + i));
    }
}

static cairn_bytes make_genesis(world *w)
{
    static cairn_genesis_member members[MEMBERS];
    static char names[MEMBERS][16];
    cairn_bytes encoded;
    cairn_genesis genesis = {.name = cairn_bytes_str("Many"),
                             .created_ms = FIXTURE_TIME_MS,
                             .member_count = MEMBERS,
                             .members = members};
    cairn_params_default(&genesis.params);
    for (uint8_t i = 0; i < MEMBERS; i++) {
        cairn_key *sign = fixture_key((uint8_t)(10 + i));
        const cairn_key *keys[] = {sign, w->receipt_keys[i], w->note_keys[i]};
        (void)snprintf(names[i], sizeof names[i], "Member %u", i);
        members[i] = (cairn_genesis_member){.name = cairn_bytes_str(names[i]), .key_count = 3};
        for (size_t k = 0; k < 3; k++)
            members[i].keys[k] =
                (cairn_genesis_key){.purpose = k == 0 ? CAIRN_PURPOSE_SIGN : CAIRN_PURPOSE_COSIGN,
                                    .cose_key = fixture_cose(&w->arena, keys[k])};
        cairn_org_id(cairn_key_id(sign), &w->orgs[i]);
        cairn_key_free(sign);
    }
    assert_int_equal(cairn_genesis_encode(&w->arena, &genesis, &encoded), CAIRN_OK);
    return encoded;
}

static void open_ledger(world *w)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_store_options options;
    cairn_bytes genesis = make_genesis(w);
    cairn_ledger_id(genesis, &w->ledger);
    cairn_ledger_origin(&w->ledger, w->origin);
    fixture_open(&w->f, 1);
    w->f.ledger = w->ledger;
    cairn_store_options_default(&options, &cairn_all_features);
    options.index_size_max = UINT64_C(1) << 30;
    assert_int_equal(cairn_path_join(w->directory, "store", path), CAIRN_OK);
    assert_int_equal(cairn_dir_make(path, 0700), CAIRN_OK);
    assert_int_equal(cairn_store_open(path, &options, &w->store), CAIRN_OK);
    assert_int_equal(cairn_store_create(w->store, genesis, &w->engine), CAIRN_OK);
}

static void grow(world *w, uint64_t from, uint64_t count)
{
    const cairn_clock clock = cairn_clock_system();
    for (uint64_t i = from; i < from + count; i++) {
        cairn_verdict verdict;
        cairn_bytes tx = fixture_anchor(&w->f, i, cairn_clock_wall_ms(&clock) + 60000);
        assert_int_equal(cairn_engine_wait(w->engine, tx, &verdict), CAIRN_OK);
        assert_int_equal(verdict.code, CAIRN_OK);
    }
}

/* --- the cosigner --- */

static cairn_err open_cosign(world *w, const char *peers)
{
    char text[2048];
    (void)snprintf(text, sizeof text, "cosign:\n  peers: \"%s\"\n  wait: \"60s\"\n", peers);
    assert_int_equal(
        cairn_config_parse(&cairn_node_options, 1, "cairn.yaml", cairn_bytes_str(text), &w->config),
        CAIRN_OK);
    const cairn_node_cosign_setup setup = {.directory = w->directory,
                                           .config = w->config,
                                           .clock = cairn_clock_system(),
                                           .engine = w->engine,
                                           .signer = w->signer,
                                           .find_key = find_key,
                                           .find_org = find_org,
                                           .context = w};
    return cairn_node_cosign_new(&setup, &w->cosign);
}

static void close_cosign(world *w)
{
    cairn_node_cosign_stop(w->cosign);
    cairn_heads_free(CAIRN_STEAL(w->heads));
    cairn_node_cosign_free(CAIRN_STEAL(w->cosign));
    cairn_config_free(CAIRN_STEAL(w->config));
}

static int set_up(void **state)
{
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_arena_init(&w->arena, 64 << 20);
    w->directory = fixture_directory();
    assert_int_equal(cairn_path_join(w->directory, "keys", path), CAIRN_OK);
    assert_int_equal(cairn_dir_make(path, 0700), CAIRN_OK);
    assert_int_equal(cairn_signer_open_files(path, &w->signer), CAIRN_OK);
    make_keys(w);
    open_ledger(w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    close_cosign(w);
    assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
    cairn_signer_free(w->signer);
    for (size_t i = 0; i < MEMBERS; i++) {
        cairn_key_free(w->note_keys[i]);
        cairn_key_free(w->receipt_keys[i]);
    }
    cairn_key_free(w->receipt_key);
    cairn_key_free(w->note_key);
    fixture_close(&w->f);
    fixture_remove(w->directory);
    cairn_arena_done(&w->arena);
    free(w);
    return 0;
}

/* --- bounds --- */

static void test_peers_max(void **state)
{
    world *w = *state;
    char peers[1024] = "";
    for (int i = 0; i < CAIRN_COSIGN_PEERS_MAX; i++)
        (void)snprintf(peers + strlen(peers), sizeof peers - strlen(peers), "%shttp://p%d:1",
                       i == 0 ? "" : " ", i);
    assert_int_equal(open_cosign(w, peers), CAIRN_OK);
    close_cosign(w);
    (void)snprintf(peers + strlen(peers), sizeof peers - strlen(peers), " http://q:1");
    assert_int_equal(open_cosign(w, peers), CAIRN_ERR_CONFIG);
}

static cairn_cosignature sign(world *w, uint64_t size)
{
    cairn_bytes encoded;
    cairn_cosignature c;
    assert_int_equal(cairn_node_cosign_sign(w->cosign, &w->arena, size, &encoded), CAIRN_OK);
    assert_int_equal(cairn_cosignature_decode(encoded, &c), CAIRN_OK);
    assert_int_equal(c.boundary.size, size);
    assert_int_equal(cairn_cosignature_verify(&w->arena, w->origin, &c, w->receipt_keys[0]),
                     CAIRN_OK);
    return c;
}

/* Of the last sizes each is signed once, however often it is asked for; then the oldest anew. */
static void test_cache(void **state)
{
    world *w = *state;
    static uint64_t sizes[CAIRN_COSIGN_CACHE + 1];
    assert_int_equal(open_cosign(w, ""), CAIRN_OK);
    for (size_t i = 0; i < CAIRN_COSIGN_CACHE + 1; i++) {
        grow(w, i, 1);
        CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(w->engine);
        sizes[i] = view->log_size;
    }
    cairn_cosignature first = sign(w, sizes[0]);
    for (size_t i = 1; i < CAIRN_COSIGN_CACHE; i++)
        (void)sign(w, sizes[i]);
    cairn_cosignature again = sign(w, sizes[0]);
    assert_memory_equal(first.signature, again.signature, sizeof first.signature);
    cairn_cosignature last = sign(w, sizes[CAIRN_COSIGN_CACHE]); /* in the place of the first */
    again = sign(w, sizes[CAIRN_COSIGN_CACHE]);
    assert_memory_equal(last.signature, again.signature, sizeof last.signature);
    again = sign(w, sizes[0]);
    assert_memory_not_equal(first.signature, again.signature, sizeof first.signature);
    cairn_bytes encoded;
    assert_int_equal(cairn_node_cosign_sign(w->cosign, &w->arena, sizes[0] - 1, &encoded),
                     CAIRN_ERR_BAD_VALUE);
    assert_int_equal(
        cairn_node_cosign_sign(w->cosign, &w->arena, sizes[CAIRN_COSIGN_CACHE] + 2, &encoded),
        CAIRN_ERR_UNAVAILABLE);
}

/* The request to cosign a checkpoint with that root that the members `from` to `to` signed. */
static cairn_bytes request_of(world *w, size_t from, size_t to, uint64_t size,
                              const cairn_hash *root)
{
    const cairn_checkpoint checkpoint = {
        .origin = cairn_bytes_str(w->origin), .size = size, .root = *root};
    cairn_bytes text, note, body, lines[MEMBERS];
    assert_int_equal(cairn_checkpoint_format(&w->arena, &checkpoint, &text), CAIRN_OK);
    for (size_t i = from; i < to; i++) {
        cairn_vkey vkey;
        assert_int_equal(
            cairn_vkey_init(cairn_bytes_str(w->origin), CAIRN_NOTE_ED25519, w->note_keys[i], &vkey),
            CAIRN_OK);
        assert_int_equal(cairn_note_sign(&w->arena, &vkey, text, 0, &lines[i - from]), CAIRN_OK);
        cairn_vkey_done(&vkey);
    }
    assert_int_equal(cairn_note_join(&w->arena, text, lines, to - from, &note), CAIRN_OK);
    assert_int_equal(cairn_witness_request_format(&w->arena, 0, NULL, 0, note, &body), CAIRN_OK);
    return body;
}

static cairn_witness_status judge(world *w, cairn_bytes request, cairn_bytes *ret_body)
{
    cairn_witness_status status = CAIRN_WITNESS_BAD_REQUEST;
    assert_int_equal(cairn_node_cosign_judge(w->cosign, &w->arena, request, &status, ret_body),
                     CAIRN_OK);
    return status;
}

/* As many lines as are looked at, and one more; any member's is enough. */
static void test_signers(void **state)
{
    world *w = *state;
    cairn_bytes body;
    grow(w, 0, 1);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(w->engine);
    assert_int_equal(open_cosign(w, ""), CAIRN_OK);
    cairn_key *stranger = origin_note_key(200);
    cairn_key *member = w->note_keys[1];
    w->note_keys[1] = stranger;
    assert_int_equal(judge(w, request_of(w, 1, 2, view->log_size, &view->log_root), &body),
                     CAIRN_WITNESS_NO_SIGNATURE);
    w->note_keys[1] = member;
    cairn_key_free(stranger);
    assert_int_equal(
        judge(w, request_of(w, 1, 2 + SIGNERS, view->log_size, &view->log_root), &body),
        CAIRN_WITNESS_COSIGN);
    assert_true(body.size > 0);
    cairn_node_cosign_counts counts;
    cairn_node_cosign_get_counts(w->cosign, &counts);
    assert_int_equal(counts.given, 1);
    assert_int_equal(judge(w, cairn_bytes_str("junk"), &body), CAIRN_WITNESS_BAD_REQUEST);
}

static void test_another_root(void **state)
{
    world *w = *state;
    cairn_bytes body;
    cairn_node_cosign_counts counts;
    grow(w, 0, 1);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(w->engine);
    cairn_hash root = view->log_root;
    root.b[0] ^= 1;
    assert_int_equal(open_cosign(w, ""), CAIRN_OK);
    assert_int_equal(judge(w, request_of(w, 1, 2, view->log_size, &root), &body),
                     CAIRN_WITNESS_CONFLICT);
    assert_int_equal(body.size, 0);
    cairn_node_cosign_get_counts(w->cosign, &counts);
    assert_int_equal(counts.forks, 1);
    assert_int_equal(counts.given, 0);
}

/* --- a peer --- */

static cairn_bytes cosignature_of(world *w, cairn_arena *arena, const char *path)
{
    cairn_cosignature c = {.kid = *cairn_key_id(w->receipt_keys[1])};
    cairn_key *key = w->receipt_keys[1];
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *stranger = fixture_key(99);
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    void *out = NULL;
    cairn_bytes message;
    size_t size = 0;
    uint64_t asked = strtoull(strstr(path, "cosignatures/") + strlen("cosignatures/"), NULL, 10);
    assert_int_equal(cairn_boundary_of(w->engine, arena, asked, &c.boundary), CAIRN_OK);
    c.boundary.root.b[0] ^= w->mood == OTHER_ROOT;
    c.boundary.size += w->mood == OTHER_SIZE;
    if (w->mood == STRANGER) {
        key = stranger;
        c.kid = *cairn_key_id(stranger);
    }
    assert_int_equal(cairn_cosignature_message(arena, w->origin, &c.boundary, &c.kid, &message),
                     CAIRN_OK);
    assert_int_equal(cairn_key_sign(key, message, signature, &size), CAIRN_OK);
    memcpy(c.signature, signature, sizeof c.signature);
    assert_int_equal(cairn_arena_alloc(arena, CAIRN_COSIGNATURE_SIZE_MAX, &out), CAIRN_OK);
    return cairn_bytes_of(out, cairn_cosignature_encode(&c, out));
}

static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    static const uint8_t zeroes[65 << 10];
    world *w = context;
    char path[256];
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    unsigned asked = ++w->asked;
    cairn_arena_init(&arena, 1 << 20);
    (void)snprintf(path, sizeof path, "%.*s", (int)request->path.size,
                   (const char *)request->path.data);
    cairn_http_response response = {.status = 200, .content_type = "application/cbor"};
    bool not_yet = w->mood == LATE || w->mood == HIDDEN;
    if (strstr(path, "add-checkpoint") != NULL || (not_yet && asked < 8))
        response.status = w->mood == HIDDEN ? 404 : 503;
    else if (w->mood == GARBAGE)
        response.body = cairn_bytes_str("<html>");
    else if (w->mood == HUGE_ONE)
        response.body = cairn_bytes_of(zeroes, sizeof zeroes);
    else
        response.body = cosignature_of(w, &arena, path);
    cairn_http_respond(exchange, &response);
}

typedef struct wish {
    pthread_mutex_t lock;
    pthread_cond_t granted;
    bool done;
    size_t others;
} wish;

static void on_head(void *context, cairn_err err, const cairn_head *head)
{
    wish *v = context;
    assert_int_equal(err, CAIRN_OK);
    pthread_mutex_lock(&v->lock);
    v->done = true;
    v->others = head->other_count;
    pthread_cond_signal(&v->granted);
    pthread_mutex_unlock(&v->lock);
}

static size_t granted(wish *v)
{
    pthread_mutex_lock(&v->lock);
    while (!v->done)
        (void)pthread_cond_wait(&v->granted, &v->lock);
    pthread_mutex_unlock(&v->lock);
    return v->others;
}

static void begin_peer(world *w, mood how)
{
    char url[64];
    const cairn_http_server_options options = cairn_http_server_defaults();
    w->mood = how;
    w->asked = 0;
    http_fixture_start(&w->http, &options, handle, w);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", w->http.port);
    assert_int_equal(open_cosign(w, url), CAIRN_OK);
    const cairn_heads_setup setup = {.kind = CAIRN_HEAD_RECEIPT,
                                     .engine = w->engine,
                                     .signer = w->signer,
                                     .origin = w->origin,
                                     .find_key = find_key,
                                     .context = w,
                                     .gather = cairn_node_cosign_gather(w->cosign),
                                     .gather_context = w->cosign};
    assert_int_equal(cairn_heads_new(&setup, &w->heads), CAIRN_OK);
    assert_int_equal(cairn_node_cosign_start(w->cosign, w->heads), CAIRN_OK);
}

static void with_mood(world *w, mood how, size_t others, uint64_t forks)
{
    wish v = {.lock = PTHREAD_MUTEX_INITIALIZER, .granted = PTHREAD_COND_INITIALIZER};
    cairn_node_cosign_counts counts;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(w->engine);
    begin_peer(w, how);
    cairn_heads_want(w->heads, view->log_size, on_head, &v);
    assert_int_equal(granted(&v), others);
    cairn_node_cosign_get_counts(w->cosign, &counts);
    assert_int_equal(counts.forks, forks);
    assert_int_equal(counts.taken, others);
    close_cosign(w);
    http_fixture_stop(&w->http);
}

/* What holds is taken; nothing else is, and only what a member signed is evidence. */
static void test_answers(void **state)
{
    world *w = *state;
    grow(w, 0, 2);
    with_mood(w, GOOD, 1, 0);
    with_mood(w, OTHER_ROOT, 0, 1);
    with_mood(w, OTHER_SIZE, 0, 0);
    with_mood(w, STRANGER, 0, 0);
    with_mood(w, GARBAGE, 0, 0);
    with_mood(w, HUGE_ONE, 0, 0);
    with_mood(w, LATE, 1, 0);
    with_mood(w, HIDDEN, 1, 0);
}

/* Whoever waits for a peer that is late gets his head without it. */
static void test_end_while_asking(void **state)
{
    world *w = *state;
    wish v = {.lock = PTHREAD_MUTEX_INITIALIZER, .granted = PTHREAD_COND_INITIALIZER};
    grow(w, 0, 2);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(w->engine);
    begin_peer(w, LATE);
    cairn_heads_want(w->heads, view->log_size, on_head, &v);
    while (w->asked < 4)
        sched_yield();
    cairn_node_cosign_stop(w->cosign);
    assert_int_equal(granted(&v), 0);
    close_cosign(w);
    http_fixture_stop(&w->http);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_peers_max, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cache, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_signers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_root, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_end_while_asking, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
