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
    {"follow.convicted", CAIRN_LOG_ERROR, 4, 6,
     "Members signed another log, fewer than it takes: the evidence is kept, and they count no "
     "more."},
};
enum {
    EVENT_BEGAN,
    EVENT_UNREACHABLE,
    EVENT_REFUSED,
    EVENT_ROLLED_BACK,
    EVENT_EVIDENCE,
    EVENT_CONVICTED,
};

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
    CAIRN_LOG(follow->setup.log, &rows[e.of_few ? EVENT_CONVICTED : EVENT_EVIDENCE],
              cairn_log_text("kind", e.kind), cairn_log_text("source", e.source),
              cairn_log_text("folder", name));
    return CAIRN_FAIL(e.of_few ? CAIRN_ERR_INCONSISTENT : CAIRN_ERR_CLOSED, "house",
                      "follow: %s shows two truths (%s): see %s/%s", e.source, e.kind,
                      follow->setup.directory, name);
}

/* --- what is held --- */

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
cairn_err cairn_follow_hold(cairn_follow *follow, const cairn_follow_head *head)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_follow_head mine;
    CAIRN_TRY(cairn_path_join(follow->setup.directory, note_name, path));
    CAIRN_TRY(cairn_file_replace(path, 0600, head->note, NULL));
    CAIRN_TRY(cairn_follow_head_copy(head, &mine));
    take_held(follow, &mine);
    return CAIRN_OK;
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
    cairn_follow_head head = {.size = checkpoint.size, .root = checkpoint.root, .note = file};
    CAIRN_TRY(cairn_follow_head_copy(&head, &head));
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

static void praise(cairn_follow *follow, follow_peer *peer)
{
    peer->good = true;
    pthread_mutex_lock(&follow->lock);
    follow->status.success_ms = cairn_clock_wall_ms(&follow->setup.clock);
    (void)snprintf(follow->status.source, sizeof follow->status.source, "%s", peer->source->name);
    pthread_mutex_unlock(&follow->lock);
}

/* No code of a source's error may be taken for one of the store. */
static cairn_err as_told(cairn_err err, const char *source)
{
    char detail[400];
    (void)snprintf(detail, sizeof detail, "%s", cairn_err_detail());
    if (cairn_follow_is_lie(err))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "house", "%s: %s: %s", source, cairn_err_name(err),
                          detail);
    return CAIRN_FAIL(err, "house", "%s: %s", source, detail);
}

cairn_err cairn_follow_let_rest(cairn_follow *follow, follow_peer *peer, cairn_err err, bool lied)
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
    follow->worst = as_told(err, peer->source->name);
    return follow->worst;
}

bool cairn_follow_may_retry(cairn_err err)
{
    return err == CAIRN_ERR_UNREACHABLE || err == CAIRN_ERR_MISMATCH ||
           err == CAIRN_ERR_NOT_TRUSTED || err == CAIRN_ERR_EXPIRED || err == CAIRN_ERR_NO_MEMORY ||
           err == CAIRN_ERR_CRYPTO;
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
    if (err != CAIRN_OK && cairn_follow_is_of_source(err))
        return cairn_follow_let_rest(follow, peer, err, cairn_follow_is_lie(err));
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_store_create(follow->setup.store, genesis, &engine));
    CAIRN_TRY(drive(follow, engine));
    CAIRN_LOG(follow->setup.log, &rows[EVENT_BEGAN], cairn_log_text("source", peer->source->name));
    return CAIRN_OK;
}

/* --- polling --- */

/* Notes that it has fewer entries than it had. */
static void note_size(cairn_follow *follow, const follow_peer *peer, uint64_t before)
{
    if (peer->claim.size >= before)
        return;
    CAIRN_LOG(follow->setup.log, &rows[EVENT_ROLLED_BACK],
              cairn_log_text("source", peer->source->name), cairn_log_u64("size", peer->claim.size),
              cairn_log_u64("was", before));
    pthread_mutex_lock(&follow->lock);
    follow->status.rollbacks++;
    pthread_mutex_unlock(&follow->lock);
}

static bool is_resting(const cairn_follow *follow, const follow_peer *peer)
{
    return peer->due_ns > cairn_clock_monotonic_ns(&follow->setup.clock);
}

static cairn_err poll(cairn_follow *follow, follow_peer *peer, bool wait)
{
    uint64_t before = peer->claim.size;
    peer->good = false;
    if (is_resting(follow, peer)) {
        follow->worst = CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "%s: is left alone for a while",
                                   peer->source->name);
        return CAIRN_OK;
    }
    if (follow->engine == NULL)
        CAIRN_TRY(begin(follow, peer));
    cairn_err err = cairn_follow_ask(follow, peer, wait);
    if (err != CAIRN_OK && err != CAIRN_ERR_CLOSED && cairn_follow_is_of_source(err))
        return cairn_follow_let_rest(follow, peer, err, cairn_follow_is_lie(err));
    CAIRN_TRY(err);
    praise(follow, peer);
    note_size(follow, peer, before);
    return CAIRN_OK;
}

static bool has_more(cairn_follow *follow, const follow_peer *peer)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(follow->engine);
    return peer->good && peer->claim.size > view->log_size;
}

/* Every source; with `wait` those that have more than is here, and gather signatures for it. */
static cairn_err poll_all(cairn_follow *follow, bool wait)
{
    for (size_t i = 0; i < follow->setup.source_count; i++) {
        follow_peer *peer = &follow->peers[i];
        if (cairn_follow_is_stopping(follow))
            return CAIRN_FAIL(CAIRN_ERR_CANCELLED, "house", "follow: is ending");
        if (wait && !has_more(follow, peer))
            continue;
        cairn_err err = poll(follow, peer, wait);
        if (err != CAIRN_OK && !cairn_follow_may_retry(err))
            return err;
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

static bool is_behind(cairn_follow *follow, uint64_t size)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(follow->engine);
    return view->log_size < size;
}

static cairn_err take_from(cairn_follow *follow, const cairn_follow_head *head, follow_peer *peer)
{
    bool lied = false;
    cairn_err err = cairn_follow_catch_up(follow, head, peer->source, &lied);
    if (lied || (err != CAIRN_OK && cairn_follow_may_retry(err)))
        err = cairn_follow_let_rest(follow, peer, err, lied);
    return cairn_follow_may_retry(err) ? CAIRN_OK : err;
}

/* What a peer claims, from it, or from others that have as much. */
static cairn_err take(cairn_follow *follow, follow_peer *owner)
{
    const cairn_follow_head head = owner->claim;
    if (!is_behind(follow, head.size))
        return cairn_follow_hold(follow, &head);
    set_state(follow, CAIRN_FOLLOW_CATCHING, "");
    CAIRN_TRY(take_from(follow, &head, owner));
    for (size_t i = 0; i < follow->setup.source_count && is_behind(follow, head.size); i++) {
        follow_peer *peer = &follow->peers[i];
        if (peer->good && peer->claim.size >= head.size)
            CAIRN_TRY(take_from(follow, &head, peer));
    }
    return CAIRN_OK;
}

/* All that enough members stand behind and that somebody has: a claim that nobody serves holds back
 * no other, for its peer is left alone. */
static cairn_err catch_up(cairn_follow *follow)
{
    for (;;) {
        follow_peer *peer = NULL;
        CAIRN_TRY(cairn_follow_choose(follow, &peer));
        if (peer == NULL)
            return CAIRN_OK;
        CAIRN_TRY(take(follow, peer));
    }
}

/* How many sources have no more than is here, and how many have. */
static void count_good(cairn_follow *follow, size_t *ret_served, size_t *ret_ahead)
{
    *ret_served = *ret_ahead = 0;
    for (size_t i = 0; i < follow->setup.source_count; i++) {
        bool ahead = has_more(follow, &follow->peers[i]);
        *ret_ahead += ahead;
        *ret_served += follow->peers[i].good && !ahead;
    }
}

/* What they answered well is forgiven them now, and not before it was served. */
static void forgive(cairn_follow *follow)
{
    for (size_t i = 0; i < follow->setup.source_count; i++)
        if (follow->peers[i].good)
            follow->peers[i].failures = 0;
}

static cairn_err make_round(cairn_follow *follow)
{
    size_t served = 0, ahead = 0;
    follow->worst = CAIRN_OK;
    CAIRN_TRY(poll_all(follow, false));
    if (follow->engine == NULL)
        return follow->worst;
    CAIRN_TRY(catch_up(follow));
    count_good(follow, &served, &ahead);
    if (served == 0 && ahead > 0) { /* too few signatures */
        CAIRN_TRY(poll_all(follow, true));
        CAIRN_TRY(catch_up(follow));
        count_good(follow, &served, &ahead);
    }
    forgive(follow);
    if (served == 0 && ahead > 0)
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, "docs/features/follow.md",
                          "checkpoint: fewer than %llu members stand behind what is not here",
                          (unsigned long long)cairn_follow_threshold(follow));
    return served > 0 ? CAIRN_OK : follow->worst;
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
    for (size_t i = 0; i < follow->setup.source_count; i++)
        free((void *)(uintptr_t)follow->peers[i].claim.note.data);
    cairn_key_cache_free(follow->keys);
    pthread_mutex_destroy(&follow->lock);
    free(follow);
}
