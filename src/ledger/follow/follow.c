/* Rounds: who is asked, what is held, what is told. */
#include "ledger/follow/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/limits.h"
#include "ledger/follow/follow_impl.h"

static const cairn_log_event rows[] = {
    {"follow.began", CAIRN_LOG_INFO, 4, 60, "The follower has the genesis of the ledger."},
    {"follow.unreachable", CAIRN_LOG_WARNING, 4, 6, "A source gave no answer, or none that helps."},
    {"follow.refused", CAIRN_LOG_ERROR, 4, 6,
     "A source gave an answer that cannot be true: it is left alone for a while."},
    {"follow.rolled_back", CAIRN_LOG_WARNING, 4, 6,
     "A source has fewer entries than it had before."},
    {"follow.evidence", CAIRN_LOG_ERROR, 4, 6,
     "Two truths were signed: the evidence is kept and nothing is followed any more."},
};
enum { EVENT_BEGAN, EVENT_UNREACHABLE, EVENT_REFUSED, EVENT_ROLLED_BACK, EVENT_EVIDENCE };

const cairn_log_table cairn_follow_log_events = {.rows = rows,
                                                 .count = sizeof rows / sizeof rows[0]};

enum {
    BACKOFF_MS_MAX = 60000, /* longest rest of a source */
    NAP_MS = 50,            /* between two looks at `stopping` */
    KEY_CACHE_COUNT = 4096,
    NOTE_ARENA_SIZE_MAX = 1 << 20,
};

static const char note_name[] = "checkpoint";

/* --- status --- */

void cairn_follow_get_status(cairn_follow *follow, cairn_follow_status *ret_status)
{
    pthread_mutex_lock(&follow->lock);
    *ret_status = follow->status;
    ret_status->head_size = follow->held.size;
    cairn_engine *engine = follow->engine;
    pthread_mutex_unlock(&follow->lock);
    if (engine == NULL)
        return;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
    ret_status->height = view->height;
    ret_status->time_ms = view->time_ms;
    ret_status->log_size = view->log_size;
}

const char *cairn_follow_state_name(cairn_follow_state state)
{
    static const char *const names[] = {"waiting", "catching up", "current", "closed"};
    return names[state];
}

static void set_state(cairn_follow *follow, cairn_follow_state state, const char *trouble)
{
    pthread_mutex_lock(&follow->lock);
    follow->status.state = state;
    (void)snprintf(follow->status.trouble, sizeof follow->status.trouble, "%s", trouble);
    pthread_mutex_unlock(&follow->lock);
}

cairn_engine *cairn_follow_engine(cairn_follow *follow)
{
    pthread_mutex_lock(&follow->lock);
    cairn_engine *engine = follow->engine;
    pthread_mutex_unlock(&follow->lock);
    return engine;
}

cairn_err cairn_follow_note(cairn_follow *follow, cairn_arena *arena, cairn_bytes *ret_note)
{
    cairn_err err = CAIRN_ERR_NOT_FOUND;
    pthread_mutex_lock(&follow->lock);
    if (follow->engine != NULL && follow->held.note.size > 0) {
        CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(follow->engine);
        if (view->log_size == follow->held.size)
            err = cairn_arena_copy(arena, follow->held.note, ret_note);
    }
    pthread_mutex_unlock(&follow->lock);
    return err == CAIRN_ERR_NOT_FOUND
               ? CAIRN_FAIL(err, "house", "follow: no checkpoint covers what is here")
               : err;
}

/* --- evidence --- */

cairn_err cairn_follow_close(cairn_follow *follow, const cairn_follow_evidence *evidence)
{
    char name[CAIRN_FOLLOW_EVIDENCE_NAME_SIZE];
    cairn_follow_evidence e = *evidence;
    e.ledger = follow->setup.ledger;
    e.found_ms = cairn_clock_wall_ms(&follow->setup.clock);
    CAIRN_TRY(cairn_follow_evidence_keep(follow->setup.directory, &e, name));
    CAIRN_LOG(follow->setup.log, &rows[EVENT_EVIDENCE], cairn_log_text("kind", e.kind),
              cairn_log_text("source", e.source), cairn_log_text("folder", name));
    return CAIRN_FAIL(CAIRN_ERR_CLOSED, "house", "follow: %s shows two truths (%s): see %s/%s",
                      e.source, e.kind, follow->setup.directory, name);
}

/* --- what is held --- */

static cairn_err copy_note(cairn_bytes note, cairn_bytes *ret_copy)
{
    uint8_t *copy = malloc(note.size);
    if (copy == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "follow: checkpoint");
    memcpy(copy, note.data, note.size);
    *ret_copy = cairn_bytes_of(copy, note.size);
    return CAIRN_OK;
}

static void take_held(cairn_follow *follow, const cairn_follow_head *head)
{
    pthread_mutex_lock(&follow->lock);
    free((void *)(uintptr_t)follow->held.note.data);
    follow->held = *head;
    follow->status.growth_ms = cairn_clock_wall_ms(&follow->setup.clock);
    pthread_mutex_unlock(&follow->lock);
}

/* On disk first: no block is taken that a held checkpoint does not cover, so what is here never
 * goes beyond the file. */
static cairn_err hold(cairn_follow *follow, const cairn_follow_head *head)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_follow_head mine = *head;
    CAIRN_TRY(cairn_path_join(follow->setup.directory, note_name, path));
    CAIRN_TRY(cairn_file_replace(path, 0600, head->note, NULL));
    CAIRN_TRY(copy_note(head->note, &mine.note));
    take_held(follow, &mine);
    return CAIRN_OK;
}

/* What a new checkpoint has to extend: the held one, or what is here without one. */
static cairn_follow_head known(cairn_follow *follow)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(follow->engine);
    return follow->held.size >= view->log_size
               ? follow->held
               : (cairn_follow_head){.size = view->log_size, .root = view->log_root};
}

/* Our own file: signed when it was written, by a key that may be gone by now. */
static cairn_err read_held(cairn_follow *follow, cairn_arena *arena)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes file;
    cairn_note note;
    cairn_checkpoint checkpoint;
    CAIRN_TRY(cairn_path_join(follow->setup.directory, note_name, path));
    CAIRN_TRY(cairn_file_read(arena, path, CAIRN_NOTE_SIZE_MAX, &file));
    cairn_err err = cairn_note_parse(file, &note);
    if (err == CAIRN_OK)
        err = cairn_checkpoint_parse(note.text, &checkpoint);
    if (err != CAIRN_OK || !cairn_bytes_equal(checkpoint.origin, cairn_bytes_str(follow->origin)))
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "C2SP tlog-checkpoint", "%s: is none of this ledger",
                          path);
    cairn_follow_head head = {.size = checkpoint.size, .root = checkpoint.root};
    CAIRN_TRY(copy_note(file, &head.note));
    take_held(follow, &head);
    return CAIRN_OK;
}

static cairn_err load_held(cairn_follow *follow)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_arena_init(&arena, 2 * CAIRN_NOTE_SIZE_MAX);
    cairn_err err = read_held(follow, &arena);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    if (follow->engine == NULL)
        return CAIRN_OK;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(follow->engine);
    if (view->log_size == follow->held.size &&
        !cairn_hash_equal(&view->log_root, &follow->held.root))
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "C2SP tlog-checkpoint",
                          "%s: is of another log than the store", note_name);
    return CAIRN_OK;
}

/* --- sources --- */

static void excuse(cairn_follow *follow, follow_peer *peer)
{
    peer->failures = 0;
    peer->due_ns = 0;
    peer->good = true;
    pthread_mutex_lock(&follow->lock);
    follow->status.success_ms = cairn_clock_wall_ms(&follow->setup.clock);
    (void)snprintf(follow->status.source, sizeof follow->status.source, "%s", peer->source->name);
    pthread_mutex_unlock(&follow->lock);
}

/* Leaves it alone, longer each time. */
static void blame(cairn_follow *follow, follow_peer *peer, cairn_err err, bool lied)
{
    uint64_t rest_ms = follow->setup.interval_ms;
    for (unsigned i = 0; i < peer->failures && rest_ms < BACKOFF_MS_MAX; i++)
        rest_ms *= 2;
    if (rest_ms > BACKOFF_MS_MAX)
        rest_ms = BACKOFF_MS_MAX;
    peer->failures++;
    peer->good = false;
    peer->due_ns = cairn_clock_monotonic_ns(&follow->setup.clock) + rest_ms * 1000000;
    pthread_mutex_lock(&follow->lock);
    follow->status.errors++;
    follow->status.lies += lied;
    pthread_mutex_unlock(&follow->lock);
    CAIRN_LOG(follow->setup.log, &rows[lied ? EVENT_REFUSED : EVENT_UNREACHABLE],
              cairn_log_text("source", peer->source->name), cairn_log_err(err));
}

/* What a round says of a source's error: no code of it may be taken for one of the store. */
static cairn_err as_told(cairn_err err, const char *source)
{
    char detail[400];
    (void)snprintf(detail, sizeof detail, "%s", cairn_err_detail());
    if (cairn_follow_is_lie(err))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "house", "%s: %s: %s", source, cairn_err_name(err),
                          detail);
    return CAIRN_FAIL(err, "house", "%s: %s", source, detail);
}

bool cairn_follow_may_retry(cairn_err err)
{
    return err == CAIRN_ERR_UNREACHABLE || err == CAIRN_ERR_MISMATCH ||
           err == CAIRN_ERR_NOT_TRUSTED || err == CAIRN_ERR_EXPIRED || err == CAIRN_ERR_NO_MEMORY ||
           err == CAIRN_ERR_CRYPTO;
}

/* Also what memory does not suffice for: an answer may have been made so. */
static bool is_of_source(cairn_err err)
{
    return cairn_follow_is_lie(err) || cairn_follow_may_retry(err);
}

/* --- the genesis --- */

static cairn_err refuse_tx(void *context, cairn_bytes tx, cairn_verdict_fn done, void *done_context)
{
    const cairn_follow *follow = context;
    (void)tx;
    (void)done;
    (void)done_context;
    return CAIRN_FAIL(CAIRN_ERR_FOLLOWER, "docs/features/follow.md",
                      "ledger: is followed here; send it to %s", follow->peers[0].source->name);
}

static bool is_pending(void *context, const cairn_hash *id)
{
    (void)context;
    (void)id;
    return false;
}

/* The ledger makes no block of its own from here on. */
static cairn_err drive(cairn_follow *follow, cairn_engine *engine)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
    if (!cairn_hash_equal(&view->ledger, &follow->setup.ledger))
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "follow: the store holds another ledger");
    CAIRN_TRY(cairn_store_drive(engine, &follow->driver));
    pthread_mutex_lock(&follow->lock);
    follow->engine = engine;
    pthread_mutex_unlock(&follow->lock);
    return CAIRN_OK;
}

static cairn_err get_genesis(cairn_follow *follow, const cairn_source *source, cairn_arena *arena,
                             cairn_bytes *ret_genesis)
{
    cairn_bytes sequence;
    CAIRN_TRY(source->records(source->context, arena, 0, &sequence));
    return cairn_follow_read_genesis(arena, sequence, &follow->setup.ledger, ret_genesis);
}

/* The id says which genesis it is: whoever has it may hand it over. */
static cairn_err begin(cairn_follow *follow, follow_peer *peer)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_bytes genesis;
    cairn_engine *engine = NULL;
    cairn_arena_init(&arena, 2 * CAIRN_SOURCE_ARENA_SIZE_MAX);
    cairn_err err = get_genesis(follow, peer->source, &arena, &genesis);
    if (err != CAIRN_OK && is_of_source(err)) {
        blame(follow, peer, err, cairn_follow_is_lie(err));
        return as_told(err, peer->source->name);
    }
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_store_create(follow->setup.store, genesis, &engine));
    CAIRN_TRY(drive(follow, engine));
    CAIRN_LOG(follow->setup.log, &rows[EVENT_BEGAN], cairn_log_text("source", peer->source->name));
    return CAIRN_OK;
}

/* --- polling --- */

static cairn_err keep_fork(cairn_follow *follow, const cairn_source *source,
                           const cairn_follow_head *held, const cairn_follow_head *shown,
                           const cairn_follow_proof *proof)
{
    const cairn_follow_evidence evidence = {
        .kind = "fork", .source = source->name, .held = held, .shown = shown, .proof = proof};
    return cairn_follow_close(follow, &evidence);
}

static cairn_err compare(cairn_follow *follow, const cairn_source *source, cairn_arena *arena,
                         const cairn_follow_head *shown, cairn_follow_relation *ret_relation)
{
    cairn_follow_proof proof;
    const cairn_follow_head held = known(follow);
    cairn_source_tiles tiles = {.source = source, .arena = arena};
    const cairn_merkle_source merkle = cairn_source_merkle(&tiles);
    const cairn_merkle_source own = cairn_engine_source(follow->engine);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(follow->engine);
    CAIRN_TRY(cairn_follow_head_compare(&held, shown, &merkle, &own, view->log_size, ret_relation,
                                        &proof));
    if (*ret_relation == CAIRN_FOLLOW_FORK)
        return keep_fork(follow, source, &held, shown, &proof);
    return CAIRN_OK;
}

/* Notes how large it says the log is. */
static void note_size(cairn_follow *follow, follow_peer *peer, uint64_t size)
{
    if (size < peer->size) {
        CAIRN_LOG(follow->setup.log, &rows[EVENT_ROLLED_BACK],
                  cairn_log_text("source", peer->source->name), cairn_log_u64("size", size),
                  cairn_log_u64("was", peer->size));
        pthread_mutex_lock(&follow->lock);
        follow->status.rollbacks++;
        pthread_mutex_unlock(&follow->lock);
    }
    peer->size = size;
}

/* Takes its newest checkpoint when it is newer than what is held. */
static cairn_err ask(cairn_follow *follow, follow_peer *peer, cairn_arena *arena)
{
    const cairn_source *source = peer->source;
    const cairn_follow_keys keys = {
        .trust = follow->setup.trust, .engine = follow->engine, .origin = follow->origin};
    cairn_bytes note;
    cairn_follow_head shown;
    cairn_follow_relation relation = CAIRN_FOLLOW_SAME;
    CAIRN_TRY(source->checkpoint(source->context, arena, &note));
    cairn_err err =
        cairn_follow_head_open(&keys, cairn_clock_wall_ms(&follow->setup.clock), note, &shown);
    if (err == CAIRN_ERR_NOT_TRUSTED)
        err = cairn_follow_introduce(follow, source, note, &shown);
    CAIRN_TRY(err);
    CAIRN_TRY(compare(follow, source, arena, &shown, &relation));
    note_size(follow, peer, shown.size);
    bool first = relation == CAIRN_FOLLOW_SAME && follow->held.size < shown.size;
    return relation == CAIRN_FOLLOW_NEWER || first ? hold(follow, &shown) : CAIRN_OK;
}

static bool is_resting(const cairn_follow *follow, const follow_peer *peer)
{
    return peer->due_ns > cairn_clock_monotonic_ns(&follow->setup.clock);
}

static cairn_err poll(cairn_follow *follow, follow_peer *peer)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_arena_init(&arena, CAIRN_SOURCE_ARENA_SIZE_MAX);
    peer->good = false;
    if (is_resting(follow, peer))
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "%s: is left alone for a while",
                          peer->source->name);
    if (follow->engine == NULL)
        CAIRN_TRY(begin(follow, peer));
    cairn_err err = ask(follow, peer, &arena);
    if (err == CAIRN_OK)
        excuse(follow, peer);
    else if (err != CAIRN_ERR_CLOSED && is_of_source(err)) {
        blame(follow, peer, err, cairn_follow_is_lie(err));
        return as_told(err, peer->source->name);
    }
    return err;
}

/* Every source; the error is that of the last one that did not answer well. */
static cairn_err poll_all(cairn_follow *follow, cairn_err *ret_worst)
{
    *ret_worst = CAIRN_OK;
    for (size_t i = 0; i < follow->setup.source_count; i++) {
        if (cairn_follow_is_stopping(follow))
            return CAIRN_FAIL(CAIRN_ERR_CANCELLED, "house", "follow: is ending");
        cairn_err err = poll(follow, &follow->peers[i]);
        if (err != CAIRN_OK && !cairn_follow_may_retry(err))
            return err;
        if (err != CAIRN_OK)
            *ret_worst = err;
    }
    return CAIRN_OK;
}

cairn_err cairn_follow_begin(cairn_follow *follow)
{
    cairn_err err = CAIRN_OK;
    if (follow->engine == NULL)
        err = CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "follow: all sources are left alone");
    for (size_t i = 0; follow->engine == NULL && i < follow->setup.source_count; i++) {
        follow_peer *peer = &follow->peers[i];
        if (is_resting(follow, peer))
            continue;
        err = begin(follow, peer);
        if (err != CAIRN_OK && !cairn_follow_may_retry(err))
            return err;
    }
    return follow->engine == NULL ? err : CAIRN_OK;
}

/* --- a round --- */

static bool is_behind(cairn_follow *follow)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(follow->engine);
    return view->log_size < follow->held.size;
}

/* From each that has it, until one gave all of it. */
static cairn_err catch_up(cairn_follow *follow, cairn_err worst)
{
    cairn_err err = worst;
    for (size_t i = 0; i < follow->setup.source_count && is_behind(follow); i++) {
        follow_peer *peer = &follow->peers[i];
        bool lied = false;
        if (!peer->good || peer->size < follow->held.size)
            continue;
        set_state(follow, CAIRN_FOLLOW_CATCHING, "");
        err = cairn_follow_catch_up(follow, peer->source, &lied);
        if (lied || (err != CAIRN_OK && cairn_follow_may_retry(err))) {
            blame(follow, peer, err, lied);
            err = as_told(err, peer->source->name);
        }
        if (err != CAIRN_OK && !cairn_follow_may_retry(err))
            return err;
    }
    if (!is_behind(follow))
        return CAIRN_OK;
    return err != CAIRN_OK ? err
                           : CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house",
                                        "follow: no source has the checkpoint that is held");
}

static bool any_good(const cairn_follow *follow)
{
    for (size_t i = 0; i < follow->setup.source_count; i++)
        if (follow->peers[i].good)
            return true;
    return false;
}

static cairn_err make_round(cairn_follow *follow)
{
    cairn_err worst = CAIRN_OK;
    CAIRN_TRY(poll_all(follow, &worst));
    if (follow->engine == NULL)
        return worst;
    CAIRN_TRY(catch_up(follow, worst));
    return any_good(follow) ? CAIRN_OK : worst;
}

cairn_err cairn_follow_round(cairn_follow *follow)
{
    cairn_err err = make_round(follow);
    if (err == CAIRN_OK)
        set_state(follow, CAIRN_FOLLOW_CURRENT, "");
    else
        set_state(follow,
                  cairn_follow_may_retry(err) || err == CAIRN_ERR_CANCELLED ? CAIRN_FOLLOW_WAITING
                                                                            : CAIRN_FOLLOW_CLOSED,
                  cairn_err_detail());
    return err;
}

static void rest(const cairn_follow *follow, uint64_t until_ns)
{
    const struct timespec nap = {.tv_nsec = NAP_MS * 1000000L};
    while (!cairn_follow_is_stopping(follow) &&
           cairn_clock_monotonic_ns(&follow->setup.clock) < until_ns)
        (void)nanosleep(&nap, NULL);
}

cairn_err cairn_follow_run(cairn_follow *follow)
{
    while (!cairn_follow_is_stopping(follow)) {
        uint64_t begun_ns = cairn_clock_monotonic_ns(&follow->setup.clock);
        cairn_err err = cairn_follow_round(follow);
        if (err == CAIRN_ERR_CANCELLED)
            break;
        if (err != CAIRN_OK && !cairn_follow_may_retry(err))
            return err;
        rest(follow, begun_ns + (uint64_t)follow->setup.interval_ms * 1000000);
    }
    return CAIRN_OK;
}

/* --- signatures --- */

/* The signer's key, from what was met before or from the newest state. */
static cairn_err find_key(cairn_follow *follow, const cairn_hash *kid, cairn_arena *arena,
                          cairn_key **ret_key)
{
    const cairn_hash *ledger = &follow->setup.ledger;
    cairn_credential c = {.purpose = CAIRN_PURPOSE_SIGN};
    cairn_key_record record;
    if (cairn_key_cache_recall(follow->keys, ledger, follow->keys_version, kid, &c))
        return cairn_key_cache_get(follow->keys, kid, cairn_bytes_of(c.cose_key, c.cose_key_size),
                                   ret_key);
    const cairn_state_source state = cairn_follow_state_of(follow->engine);
    CAIRN_TRY(cairn_registry_key(&state, arena, kid, &record));
    CAIRN_TRY(cairn_key_cache_get(follow->keys, kid, record.cose_key, ret_key));
    c.cose_key_size = record.cose_key.size;
    memcpy(c.cose_key, record.cose_key.data, record.cose_key.size);
    cairn_key_cache_remember(follow->keys, ledger, follow->keys_version, kid, &c);
    return CAIRN_OK;
}

void cairn_follow_verify(cairn_follow *follow, const cairn_tx *decoded, cairn_arena *arena,
                         cairn_delivery_tx *tx)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_arena_reset(arena);
    tx->verified = find_key(follow, &decoded->kid, arena, &key) == CAIRN_OK &&
                   cairn_tx_verify(arena, decoded, key) == CAIRN_OK;
}

/* --- life --- */

static cairn_err check_evidence(const cairn_follow *follow)
{
    char name[CAIRN_FOLLOW_EVIDENCE_NAME_SIZE];
    cairn_err err = cairn_follow_evidence_find(follow->setup.directory, name);
    if (err == CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, "docs/features/follow.md",
                          "follow: there is evidence in %s/%s; nothing is followed before it is "
                          "moved away",
                          follow->setup.directory, name);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

static cairn_err open(cairn_follow *follow)
{
    cairn_engine *engine = cairn_store_ledger(follow->setup.store, 0);
    CAIRN_TRY(check_evidence(follow));
    CAIRN_TRY(cairn_key_cache_new(KEY_CACHE_COUNT, &follow->keys));
    follow->keys_version = cairn_key_cache_new_version(follow->keys);
    if (engine != NULL)
        CAIRN_TRY(drive(follow, engine));
    return load_held(follow);
}

cairn_err cairn_follow_new(const cairn_follow_setup *setup, cairn_follow **ret_follow)
{
    if (setup->source_count == 0 || setup->source_count > CAIRN_FOLLOW_SOURCES_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "follow: 1 to %d sources",
                          CAIRN_FOLLOW_SOURCES_MAX);
    CAIRN_CLEANUP(cairn_follow_free_p) cairn_follow *follow = calloc(1, sizeof *follow);
    if (follow == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "follow");
    follow->setup = *setup;
    follow->driver =
        (cairn_store_driver){.context = follow, .submit = refuse_tx, .is_pending = is_pending};
    pthread_mutex_init(&follow->lock, NULL);
    cairn_ledger_origin(&setup->ledger, follow->origin);
    for (size_t i = 0; i < setup->source_count; i++)
        follow->peers[i].source = &setup->sources[i];
    CAIRN_TRY(open(follow));
    *ret_follow = CAIRN_STEAL(follow);
    return CAIRN_OK;
}

void cairn_follow_free(cairn_follow *follow)
{
    if (follow == NULL)
        return;
    if (follow->engine != NULL) /* what is submitted later must not meet the driver */
        (void)!cairn_store_drive(follow->engine, NULL);
    free((void *)(uintptr_t)follow->held.note.data);
    cairn_key_cache_free(follow->keys);
    pthread_mutex_destroy(&follow->lock);
    free(follow);
}
