/* What the node says itself about roots: signatures for receipts, cosignatures of checkpoints. */
#include "node/node_cosign.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ledger/follow/evidence.h"
#include "node/node_cosign_impl.h"

const cairn_log_event cairn_node_cosign_events[] = {
    [COSIGN_FORK] = {"cosign.fork", CAIRN_LOG_ERROR, 4, 4,
                     "A member signed another root than ours: the evidence is kept."},
    [COSIGN_REFUSED] = {"cosign.refused", CAIRN_LOG_WARNING, 4, 4,
                        "A member's node refuses to sign, or gave what does not hold."},
    [COSIGN_UNREACHABLE] = {"cosign.unreachable", CAIRN_LOG_WARNING, 8, 8,
                            "A member's node does not answer in time: it is not waited for."},
    [COSIGN_BACK] = {"cosign.back", CAIRN_LOG_INFO, 8, 8, "It answers again."},
};
const cairn_log_table cairn_node_cosign_log_events = {
    cairn_node_cosign_events, sizeof cairn_node_cosign_events / sizeof cairn_node_cosign_events[0]};

static const char clause[] = "docs/formats/cosignature.md";

static cairn_err get_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                           cairn_bytes *ret_value)
{
    return cairn_engine_get_newest(context, map, key, arena, ret_value);
}

cairn_state_source cairn_node_cosign_state(const cairn_node_cosign *cosign)
{
    return (cairn_state_source){.context = cosign->setup.engine, .get = get_state};
}

/* Without a key there is nothing to say. */
static cairn_err find_key(const cairn_node_cosign *cosign, cairn_head_kind kind,
                          cairn_head_key *ret_key)
{
    cairn_err err = cosign->setup.find_key(cosign->setup.context, kind, ret_key);
    return err == CAIRN_ERR_NOT_FOUND
               ? CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "node: no key cosigns")
               : err;
}

static void count(cairn_node_cosign *cosign, uint64_t *counter)
{
    pthread_mutex_lock(&cosign->lock);
    ++*counter;
    pthread_mutex_unlock(&cosign->lock);
}

/* --- evidence --- */

void cairn_node_cosign_convict(cairn_node_cosign *cosign, const cairn_boundary *own,
                               const cairn_boundary *other, cairn_bytes shown, const char *source)
{
    char name[CAIRN_FOLLOW_EVIDENCE_NAME_SIZE] = "";
    char detail[128];
    const cairn_follow_head ours = {.size = own->size, .root = own->root};
    const cairn_follow_head theirs = {.size = other->size, .root = other->root, .note = shown};
    (void)snprintf(detail, sizeof detail, "height %llu and %llu, time %llu and %llu",
                   (unsigned long long)own->height, (unsigned long long)other->height,
                   (unsigned long long)own->time_ms, (unsigned long long)other->time_ms);
    const cairn_follow_evidence evidence = {.kind = "cosignature",
                                            .ledger = cosign->ledger_id,
                                            .source = source,
                                            .found_ms = cairn_clock_wall_ms(&cosign->setup.clock),
                                            .held = &ours,
                                            .shown = &theirs,
                                            .detail = detail};
    pthread_mutex_lock(&cosign->lock);
    cosign->counts.forks++;
    cairn_err err = cairn_follow_evidence_keep(cosign->directory, &evidence, name);
    pthread_mutex_unlock(&cosign->lock);
    CAIRN_LOG(cosign->setup.log, &cairn_node_cosign_events[COSIGN_FORK],
              cairn_log_text("source", source), cairn_log_u64("size", own->size),
              cairn_log_hex("ours", cairn_bytes_hash(&own->root)),
              cairn_log_hex("theirs", cairn_bytes_hash(&other->root)),
              cairn_log_text("evidence", err == CAIRN_OK ? name : "not kept"));
}

/* --- for receipts --- */

static bool find_cached(cairn_node_cosign *cosign, uint64_t size, const cairn_hash *kid,
                        cairn_cosignature *ret_cosignature)
{
    bool found = false;
    pthread_mutex_lock(&cosign->lock);
    for (size_t i = 0; i < cosign->cache_count && !found; i++) {
        const cairn_cosignature *c = &cosign->cache[i];
        found = c->boundary.size == size && cairn_hash_equal(&c->kid, kid);
        if (found)
            *ret_cosignature = *c;
    }
    pthread_mutex_unlock(&cosign->lock);
    return found;
}

static void put_cached(cairn_node_cosign *cosign, const cairn_cosignature *c)
{
    pthread_mutex_lock(&cosign->lock);
    cosign->cache[cosign->cache_next] = *c;
    cosign->cache_next = (cosign->cache_next + 1) % CAIRN_COSIGN_CACHE;
    if (cosign->cache_count < CAIRN_COSIGN_CACHE)
        cosign->cache_count++;
    pthread_mutex_unlock(&cosign->lock);
}

static cairn_err make_cosignature(cairn_node_cosign *cosign, cairn_arena *arena,
                                  const cairn_head_key *key, uint64_t size, cairn_cosignature *c)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t signature_size = 0;
    cairn_bytes message;
    CAIRN_TRY(cairn_boundary_of(cosign->setup.engine, arena, size, &c->boundary));
    c->kid = *cairn_key_id(key->public_key);
    CAIRN_TRY(cairn_cosignature_message(arena, cosign->origin, &c->boundary, &c->kid, &message));
    CAIRN_TRY(cairn_signer_sign_wait_for(cosign->setup.signer, CAIRN_SIGNER_FOR_COSIGN, key->name,
                                         message, signature, &signature_size));
    CAIRN_ASSERT(signature_size == sizeof c->signature);
    memcpy(c->signature, signature, sizeof c->signature);
    put_cached(cosign, c);
    return CAIRN_OK;
}

cairn_err cairn_node_cosign_sign(cairn_node_cosign *cosign, cairn_arena *arena, uint64_t size,
                                 cairn_bytes *ret_encoded)
{
    cairn_head_key key = {.public_key = NULL};
    cairn_cosignature c;
    void *out = NULL;
    CAIRN_TRY(find_key(cosign, CAIRN_HEAD_RECEIPT, &key));
    cairn_err err = CAIRN_OK;
    if (!find_cached(cosign, size, cairn_key_id(key.public_key), &c))
        err = make_cosignature(cosign, arena, &key, size, &c);
    cairn_key_free(key.public_key);
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_arena_alloc(arena, CAIRN_COSIGNATURE_SIZE_MAX, &out));
    *ret_encoded = cairn_bytes_of(out, cairn_cosignature_encode(&c, out));
    count(cosign, &cosign->counts.given);
    return CAIRN_OK;
}

/* --- for checkpoints --- */

enum { SIGNERS_MAX = 16 }; /* members' keys that signed one checkpoint that somebody shows */

/* The members' keys whose lines a note has. */
typedef struct signers {
    const cairn_node_cosign *cosign;
    const cairn_note *note;
    size_t count;
    cairn_vkey vkeys[SIGNERS_MAX];
} signers;

static bool has_line(const cairn_note *note, const cairn_vkey *vkey)
{
    for (size_t i = 0; i < note->signature_count; i++)
        if (memcmp(note->signatures[i].id, vkey->id, sizeof vkey->id) == 0 &&
            cairn_bytes_equal(note->signatures[i].name, cairn_bytes_str(vkey->name)))
            return true;
    return false;
}

static cairn_err take_signer(void *context, const cairn_hash *org, cairn_key *key)
{
    signers *s = context;
    (void)org;
    if (s->count == SIGNERS_MAX)
        return CAIRN_OK;
    cairn_vkey *vkey = &s->vkeys[s->count];
    CAIRN_TRY(cairn_vkey_init(cairn_bytes_str(s->cosign->origin), CAIRN_NOTE_ED25519, key, vkey));
    if (has_line(s->note, vkey))
        s->count++;
    else
        cairn_vkey_done(vkey);
    return CAIRN_OK;
}

static void free_signers(signers *s)
{
    for (size_t i = 0; i < s->count; i++)
        cairn_vkey_done(&s->vkeys[i]);
}

/* Is the root that of our own log of that size? */
static cairn_err compare(cairn_node_cosign *cosign, const cairn_witness_request *request,
                         bool *ret_same)
{
    const cairn_merkle_source source = cairn_engine_source(cosign->setup.engine);
    const cairn_checkpoint *shown = &request->checkpoint;
    cairn_boundary own = {.size = shown->size, .root = cairn_merkle_empty_root};
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(cosign->setup.engine);
    if (shown->size > view->log_size)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, clause,
                          "checkpoint.size: %llu entries are not here yet",
                          (unsigned long long)shown->size);
    if (shown->size > 0)
        CAIRN_TRY(cairn_merkle_source_root(&source, shown->size, &own.root));
    *ret_same = cairn_hash_equal(&own.root, &shown->root);
    if (!*ret_same) {
        const cairn_boundary other = {.size = shown->size, .root = shown->root};
        cairn_node_cosign_convict(cosign, &own, &other, request->signed_note, "add-checkpoint");
    }
    return CAIRN_OK;
}

/* The line for what was just recorded. */
static cairn_err cosign_note(cairn_node_cosign *cosign, cairn_arena *arena,
                             const cairn_head_key *key, cairn_bytes text, cairn_bytes *ret_line)
{
    uint64_t time_s = cairn_clock_wall_ms(&cosign->setup.clock) / 1000;
    const cairn_hash org = cosign->setup.find_org(cosign->setup.context);
    char name[CAIRN_MEMBER_NOTE_NAME_SIZE + 1];
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message;
    cairn_vkey own;
    cairn_member_note_name(cosign->origin, &org, name);
    CAIRN_TRY(cairn_note_message(arena, CAIRN_NOTE_COSIGNATURE, text, time_s, &message));
    CAIRN_TRY(cairn_signer_sign_wait_for(cosign->setup.signer, CAIRN_SIGNER_FOR_COSIGN, key->name,
                                         message, signature, &size));
    CAIRN_TRY(
        cairn_vkey_init(cairn_bytes_str(name), CAIRN_NOTE_COSIGNATURE, key->public_key, &own));
    cairn_err err = cairn_note_line(arena, &own, time_s, cairn_bytes_of(signature, size), ret_line);
    cairn_vkey_done(&own);
    return err;
}

/* What a witness says of a checkpoint that members signed, once it is the one that we have. */
static cairn_err judge_signed(cairn_node_cosign *cosign, cairn_arena *arena,
                              const cairn_witness_log *log, const cairn_witness_request *request,
                              const cairn_head_key *key, cairn_witness_status *ret_status,
                              cairn_bytes *ret_body)
{
    const cairn_witness_head nothing = {.size = request->old_size};
    cairn_witness_head head;
    bool same = false;
    /* Only what is signed well is compared; of this first judgement nothing else is used. */
    CAIRN_TRY(cairn_witness_judge(log, &nothing, request, ret_status));
    if (*ret_status == CAIRN_WITNESS_UNKNOWN_LOG || *ret_status == CAIRN_WITNESS_NO_SIGNATURE)
        return CAIRN_OK;
    CAIRN_TRY(compare(cosign, request, &same));
    if (!same) {
        bool proved = request->old_size > 0 && request->old_size < request->checkpoint.size;
        (void)CAIRN_FAIL(CAIRN_ERR_INCONSISTENT, clause, "checkpoint.root: is not ours");
        *ret_status = proved ? CAIRN_WITNESS_BAD_PROOF : CAIRN_WITNESS_CONFLICT;
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_witness_submit(cosign->witness, log, request, ret_status, &head));
    if (*ret_status == CAIRN_WITNESS_COSIGN)
        return cosign_note(cosign, arena, key, request->note.text, ret_body);
    if (*ret_status == CAIRN_WITNESS_CONFLICT && request->old_size != head.size)
        return cairn_witness_size_format(arena, head.size, ret_body);
    return CAIRN_OK;
}

static cairn_err judge_parsed(cairn_node_cosign *cosign, cairn_arena *arena,
                              const cairn_witness_request *request,
                              cairn_witness_status *ret_status, cairn_bytes *ret_body)
{
    const cairn_state_source state = cairn_node_cosign_state(cosign);
    cairn_head_key key = {.public_key = NULL};
    signers *s = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &s));
    CAIRN_TRY(find_key(cosign, CAIRN_HEAD_NOTE, &key));
    *s = (signers){.cosign = cosign, .note = &request->note};
    cairn_err err = cairn_member_each_note_key(&state, take_signer, s);
    const cairn_witness_log log = {
        .origin = cairn_bytes_str(cosign->origin), .keys = s->vkeys, .key_count = s->count};
    if (err == CAIRN_OK)
        err = judge_signed(cosign, arena, &log, request, &key, ret_status, ret_body);
    free_signers(s);
    cairn_key_free(key.public_key);
    return err;
}

cairn_err cairn_node_cosign_judge(cairn_node_cosign *cosign, cairn_arena *arena, cairn_bytes body,
                                  cairn_witness_status *ret_status, cairn_bytes *ret_body)
{
    cairn_witness_request *request = NULL;
    *ret_status = CAIRN_WITNESS_BAD_REQUEST;
    *ret_body = (cairn_bytes){NULL, 0};
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &request));
    if (cairn_witness_request_parse(body, request) == CAIRN_OK)
        CAIRN_TRY(judge_parsed(cosign, arena, request, ret_status, ret_body));
    if (*ret_status == CAIRN_WITNESS_COSIGN)
        count(cosign, &cosign->counts.given);
    return CAIRN_OK;
}

/* --- life --- */

static void init_lock(cairn_node_cosign *cosign)
{
    pthread_condattr_t attributes;
    CAIRN_ASSERT(pthread_mutex_init(&cosign->lock, NULL) == 0);
    CAIRN_ASSERT(pthread_condattr_init(&attributes) == 0);
    CAIRN_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CAIRN_ASSERT(pthread_cond_init(&cosign->wake, &attributes) == 0);
    (void)pthread_condattr_destroy(&attributes);
}

static void name_ledger(cairn_node_cosign *cosign)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(cosign->setup.engine);
    cosign->ledger_id = view->ledger;
    cairn_ledger_origin(&view->ledger, cosign->origin);
    cairn_hex_encode(cairn_bytes_hash(&view->ledger), cosign->ledger);
}

cairn_err cairn_node_cosign_new(const cairn_node_cosign_setup *setup,
                                cairn_node_cosign **ret_cosign)
{
    CAIRN_CLEANUP(cairn_node_cosign_free_p) cairn_node_cosign *cosign = calloc(1, sizeof *cosign);
    if (cosign == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: cosigner");
    cosign->setup = *setup;
    init_lock(cosign);
    name_ledger(cosign);
    cosign->wait_ns = cairn_config_u64(setup->config, "cosign.wait") * 1000000;
    cosign->interval_ns = cairn_config_u64(setup->config, "cosign.interval") * 1000000;
    CAIRN_TRY(cairn_node_cosign_list(cosign));
    CAIRN_TRY(cairn_path_join(setup->directory, "cosign", cosign->directory));
    CAIRN_TRY(cairn_dir_make(cosign->directory, 0700));
    CAIRN_TRY(cairn_witness_open(cosign->directory, true, &cosign->witness));
    *ret_cosign = CAIRN_STEAL(cosign);
    return CAIRN_OK;
}

void cairn_node_cosign_free(cairn_node_cosign *cosign)
{
    if (cosign == NULL)
        return;
    CAIRN_ASSERT(cosign->thread_count == 0 && !cosign->ticks);
    cairn_witness_free(cosign->witness);
    for (size_t i = 0; i < cosign->peer_count; i++) {
        cairn_http_kept_free(cosign->peers[i].kept);
        free(cosign->peers[i].url);
    }
    free(cosign->peers);
    (void)pthread_cond_destroy(&cosign->wake);
    (void)pthread_mutex_destroy(&cosign->lock);
    free(cosign);
}

cairn_err cairn_node_cosign_start(cairn_node_cosign *cosign, cairn_heads *notes)
{
    cosign->notes = notes;
    return cosign->peer_count == 0 ? CAIRN_OK : cairn_node_cosign_run(cosign);
}

void cairn_node_cosign_get_counts(cairn_node_cosign *cosign, cairn_node_cosign_counts *ret_counts)
{
    pthread_mutex_lock(&cosign->lock);
    *ret_counts = cosign->counts;
    ret_counts->peers = cosign->peer_count;
    ret_counts->peers_up = 0;
    for (size_t i = 0; i < cosign->peer_count; i++)
        ret_counts->peers_up += !cosign->peers[i].down;
    pthread_mutex_unlock(&cosign->lock);
}
