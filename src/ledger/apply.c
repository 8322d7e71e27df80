/* Checks in the order of the format page, then the handler, then its writes or none of them. */
#include "ledger/apply.h"

#include "cairn/merkle.h"
#include "core/limits.h"

static const char clause[] = "docs/formats/transaction.md";

/* Of one transaction: an approval of 128 members with the longest act is read, decoded and encoded
 * in an eighth of it. */
enum { SCRATCH_SIZE_MAX = 4 << 20 };

struct cairn_apply {
    const cairn_apply_base *base;
    uint64_t height;
    uint64_t time_ms;
    cairn_params params;
    uint64_t app_version;
    cairn_arena *arena;   /* what stays of the block: changes, events, results */
    cairn_arena *scratch; /* what is read and decoded for the transaction at hand */
    cairn_delta delta;
    cairn_state_source state; /* delta over base */
    uint64_t held;            /* ids of earlier blocks that count at this time */
    cairn_window decided;     /* ids that this block consumed */
    cairn_event **events_end;
    size_t event_count; /* of the transaction at hand, with the bytes of their keys */
    size_t event_size;
    bool registry_touched; /* a key or an organisation was written, if only to be taken back */
    bool config_touched;
    /* the transaction at hand */
    const cairn_tx *tx;
    size_t tx_place;
    cairn_hash org;
};

/* --- what handlers see --- */

uint64_t cairn_apply_height(const cairn_apply *apply)
{
    return apply->height;
}
uint64_t cairn_apply_time_ms(const cairn_apply *apply)
{
    return apply->time_ms;
}
const cairn_hash *cairn_apply_ledger(const cairn_apply *apply)
{
    return &apply->base->ledger;
}
const cairn_tx *cairn_apply_tx(const cairn_apply *apply)
{
    return apply->tx;
}
const cairn_hash *cairn_apply_org(const cairn_apply *apply)
{
    return &apply->org;
}
const cairn_params *cairn_apply_params(const cairn_apply *apply)
{
    return &apply->params;
}
cairn_arena *cairn_apply_arena(cairn_apply *apply)
{
    return apply->scratch;
}
const cairn_state_source *cairn_apply_state(const cairn_apply *apply)
{
    return &apply->state;
}

/* What is kept beside the state no longer holds once this key is written. */
static void touch(cairn_apply *apply, cairn_map_id map, const cairn_state_key *key)
{
    if (map == CAIRN_MAP_CONFIG)
        apply->config_touched = true;
    else if (key->size > 4 &&
             (memcmp(key->data, "key/", 4) == 0 || memcmp(key->data, "org/", 4) == 0))
        apply->registry_touched = true;
}

cairn_err cairn_apply_put(cairn_apply *apply, cairn_map_id map, const cairn_state_key *key,
                          const void *value, size_t value_size)
{
    cairn_bytes view = cairn_bytes_of(value, value_size);
    touch(apply, map, key);
    return cairn_delta_write(&apply->delta, map, cairn_state_key_view(key), &view);
}

cairn_err cairn_apply_delete(cairn_apply *apply, cairn_map_id map, const cairn_state_key *key)
{
    touch(apply, map, key);
    return cairn_delta_write(&apply->delta, map, cairn_state_key_view(key), NULL);
}

cairn_err cairn_apply_must_be_new(cairn_apply *apply, cairn_map_id map, const cairn_state_key *key)
{
    cairn_bytes value;
    cairn_err err =
        cairn_state_get(&apply->state, map, cairn_state_key_view(key), apply->scratch, &value);
    if (err == CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, clause, "state: object exists already");
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

cairn_err cairn_apply_emit(cairn_apply *apply, uint16_t type, cairn_bytes key)
{
    cairn_event *event = NULL;
    if (key.size > CAIRN_EVENT_KEY_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "event.key: %zu bytes", key.size);
    if (apply->event_count == CAIRN_TX_EVENTS_MAX ||
        key.size > CAIRN_TX_EVENTS_SIZE_MAX - apply->event_size)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "events: %zu of one transaction, %zu bytes",
                          apply->event_count + 1, apply->event_size + key.size);
    CAIRN_TRY(CAIRN_ARENA_NEW(apply->arena, &event));
    CAIRN_TRY(cairn_arena_copy(apply->arena, key, &event->key));
    event->type = type;
    event->tx = apply->tx_place;
    *apply->events_end = event;
    apply->events_end = &event->next;
    apply->event_count++;
    apply->event_size += key.size;
    return CAIRN_OK;
}

/* --- state with the block's writes in it --- */

static cairn_err get_over_base(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                               cairn_bytes *ret_value)
{
    const cairn_apply *apply = context;
    const cairn_change *change = cairn_delta_find(&apply->delta, map, key);
    if (change == NULL)
        return cairn_state_get(&apply->base->state, map, key, arena, ret_value);
    if (change->deleted)
        return CAIRN_ERR_NOT_FOUND;
    *ret_value = change->value;
    return CAIRN_OK;
}

/* --- taking back --- */

typedef struct apply_mark {
    size_t change_count;
    cairn_event **events_end;
    size_t event_count;
    size_t event_size;
} apply_mark;

static apply_mark mark(const cairn_apply *apply)
{
    return (apply_mark){.change_count = apply->delta.count,
                        .events_end = apply->events_end,
                        .event_count = apply->event_count,
                        .event_size = apply->event_size};
}

/* Takes back what was written and emitted since. */
static void roll_back(cairn_apply *apply, apply_mark since)
{
    cairn_delta_rollback(&apply->delta, since.change_count);
    apply->events_end = since.events_end;
    apply->event_count = since.event_count;
    apply->event_size = since.event_size;
    *apply->events_end = NULL;
}

/* --- rows --- */

cairn_err cairn_features_know(const cairn_features *features, uint64_t app_version)
{
    if (app_version > features->app_version)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VERSION, clause,
                          "ledger: application version %llu is in force, this build knows %llu",
                          (unsigned long long)app_version,
                          (unsigned long long)features->app_version);
    return CAIRN_OK;
}

cairn_err cairn_features_find(const cairn_features *features, uint16_t type, uint64_t app_version,
                              const cairn_tx_row **ret_row)
{
    bool ended = false;
    for (size_t f = 0; f < features->count; f++) {
        const cairn_feature *feature = features->list[f];
        for (size_t i = 0; i < feature->transaction_count; i++) {
            const cairn_tx_row *row = &feature->transactions[i];
            if (row->type != type || app_version < row->since)
                continue; /* what begins later is unknown, as in a build that lacks it */
            if (row->until == 0 || app_version < row->until) {
                *ret_row = row;
                return CAIRN_OK;
            }
            ended = true;
        }
    }
    if (ended)
        return CAIRN_FAIL(CAIRN_ERR_TX_NOT_ACTIVE, clause, "transaction.type: %u at version %llu",
                          type, (unsigned long long)app_version);
    return CAIRN_FAIL(CAIRN_ERR_TX_UNKNOWN_TYPE, clause, "transaction.type: %u", type);
}

static cairn_err decode_body(cairn_arena *arena, const cairn_tx_row *row, cairn_bytes body,
                             void **ret_act)
{
    cairn_cbor_reader r;
    void *act = NULL;
    CAIRN_TRY(cairn_cbor_open(&r, body, CAIRN_CBOR_STRICT, row->name, row->clause));
    CAIRN_TRY(row->decode(arena, &r, &act));
    CAIRN_TRY(cairn_cbor_end(&r));
    *ret_act = act;
    return CAIRN_OK;
}

cairn_err cairn_apply_act(cairn_apply *apply, uint16_t type, cairn_bytes body)
{
    const cairn_tx_row *row = NULL;
    void *act = NULL;
    CAIRN_TRY(cairn_features_find(apply->base->features, type, apply->app_version, &row));
    if (!row->by_approval)
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "act.type: %s needs no approval",
                          row->name);
    CAIRN_TRY(decode_body(apply->scratch, row, body, &act));
    apply_mark before = mark(apply);
    cairn_err err = row->apply(apply, act);
    if (err != CAIRN_OK)
        roll_back(apply, before);
    return err;
}

/* --- checks --- */

/* The records of a key and of its organisation. */
static cairn_err read_credential(const cairn_apply *apply, const cairn_hash *kid,
                                 cairn_credential *ret_credential)
{
    cairn_key_record key;
    cairn_org_record org;
    cairn_err err = cairn_registry_key(&apply->state, apply->scratch, kid, &key);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_TX_UNKNOWN_SIGNER, clause, "transaction.kid: not registered");
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_registry_org(&apply->state, apply->scratch, &key.org, &org));
    *ret_credential = (cairn_credential){.org = key.org,
                                         .purpose = key.purpose,
                                         .since = key.since,
                                         .until = key.until,
                                         .org_status = org.status,
                                         .member = org.member,
                                         .cose_key_size = key.cose_key.size};
    memcpy(ret_credential->cose_key, key.cose_key.data, key.cose_key.size);
    return CAIRN_OK;
}

/* The same from what is remembered of the registry, as long as this block has not written to it. */
static cairn_err load_credential(const cairn_apply *apply, const cairn_hash *kid,
                                 cairn_credential *ret_credential)
{
    const cairn_apply_base *base = apply->base;
    uint64_t version = apply->registry_touched ? 0 : base->rules.registry_version;
    if (cairn_key_cache_recall(base->keys, &base->ledger, version, kid, ret_credential))
        return CAIRN_OK;
    CAIRN_TRY(read_credential(apply, kid, ret_credential));
    cairn_key_cache_remember(base->keys, &base->ledger, version, kid, ret_credential);
    return CAIRN_OK;
}

/* Check 9, and who it is. */
static cairn_err check_signer(const cairn_apply *apply, const cairn_tx *tx,
                              cairn_credential *ret_signer)
{
    cairn_credential c;
    CAIRN_TRY(load_credential(apply, &tx->kid, &c));
    if (c.purpose != CAIRN_PURPOSE_SIGN)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_PURPOSE, clause, "transaction.kid: key is for %s",
                          cairn_purpose_name(c.purpose));
    if (apply->height < c.since || apply->height >= c.until)
        return CAIRN_FAIL(CAIRN_ERR_TX_REVOKED_SIGNER, clause,
                          "transaction.kid: not valid at height %llu",
                          (unsigned long long)apply->height);
    if (c.org_status != CAIRN_ORG_ACTIVE) /* [X1353-R06] */
        return CAIRN_FAIL(CAIRN_ERR_TX_SUSPENDED_SIGNER, clause,
                          "transaction.kid: organisation is %s",
                          cairn_org_status_name(c.org_status));
    *ret_signer = c;
    return CAIRN_OK;
}

static cairn_err check_signature(const cairn_apply *apply, const cairn_tx_input *input,
                                 const cairn_credential *signer)
{
    if (input->verified)
        return CAIRN_OK;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_bytes cose_key = cairn_bytes_of(signer->cose_key, signer->cose_key_size);
    CAIRN_TRY(cairn_key_cache_get(apply->base->keys, &input->tx.kid, cose_key, &key));
    return cairn_tx_verify(apply->scratch, &input->tx, key);
}

/* Checks 6 and 7. */
static cairn_err check_validity(const cairn_apply *apply, const cairn_tx *tx)
{
    if (tx->valid_until_ms <= apply->time_ms)
        return CAIRN_FAIL(CAIRN_ERR_TX_EXPIRED, clause, "transaction.valid_until: %llu ms ago",
                          (unsigned long long)(apply->time_ms - tx->valid_until_ms));
    if (tx->valid_until_ms - apply->time_ms > apply->params.validity_max_ms)
        return CAIRN_FAIL(CAIRN_ERR_TX_TOO_FAR_AHEAD, clause,
                          "transaction.valid_until: %llu ms ahead",
                          (unsigned long long)(tx->valid_until_ms - apply->time_ms));
    return CAIRN_OK;
}

/* How many ids may be held for this transaction to come in. A sixteenth is kept for what members
 * say about the ledger itself: else who floods it could not be suspended. */
static uint64_t ids_room(const cairn_apply *apply, const cairn_tx *tx, bool member)
{
    bool governance = tx->type < CAIRN_TX_FEATURE_TYPES;
    uint64_t max = apply->params.ids_max;
    return governance && member ? max : max - max / 16;
}

/* Checks 11 and 12. */
static cairn_err check_id(const cairn_apply *apply, const cairn_tx *tx, bool member)
{
    const cairn_window *window = apply->base->window;
    uint64_t room = ids_room(apply, tx, member);
    /* [X1353-R38] */
    if (cairn_window_has(window, tx->valid_until_ms, &tx->id) ||
        cairn_window_has(&apply->decided, tx->valid_until_ms, &tx->id))
        return CAIRN_FAIL(CAIRN_ERR_TX_REPLAYED, clause, "transaction: was decided before");
    if (apply->held + apply->decided.count >= room)
        return CAIRN_FAIL(CAIRN_ERR_TX_IDS_FULL, clause, "ledger: holds %llu ids",
                          (unsigned long long)room);
    return CAIRN_OK;
}

/* Checks 1 to 12 (strict decoding of the outer levels was done to get a cairn_tx at all). */
static cairn_err check(cairn_apply *apply, const cairn_tx_input *input,
                       const cairn_tx_row **ret_row, void **ret_act)
{
    const cairn_tx *tx = &input->tx;
    cairn_credential by;
    if (tx->raw.size > apply->params.tx_size_max)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "transaction: %zu bytes", tx->raw.size);
    if (!cairn_params_allows(&apply->params, CAIRN_ALG_ES256, apply->height))
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "transaction.alg: ES256 is not active");
    if (!cairn_hash_equal(&tx->ledger, &apply->base->ledger))
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_LEDGER, clause, "transaction.ledger: another one");
    CAIRN_TRY(cairn_features_find(apply->base->features, tx->type, apply->app_version, ret_row));
    CAIRN_TRY(decode_body(apply->scratch, *ret_row, tx->body, ret_act));
    CAIRN_TRY(check_validity(apply, tx));
    if (!cairn_signature_low_s(tx->signature))
        return CAIRN_FAIL(CAIRN_ERR_HIGH_S, clause,
                          "transaction.signature: s is above half the order");
    CAIRN_TRY(check_signer(apply, tx, &by));
    CAIRN_TRY(check_signature(apply, input, &by));
    apply->org = by.org;
    return check_id(apply, tx, by.member);
}

/* --- a block --- */

/* An error that tells of us and not of the transaction: apply itself fails then. */
static bool is_ours(cairn_err err)
{
    return err == CAIRN_ERR_NO_MEMORY || err <= CAIRN_ERR_IO;
}

static cairn_err apply_tx(cairn_apply *apply, const cairn_tx_input *input, cairn_tx_result *result)
{
    const cairn_tx_row *row = NULL;
    void *act = NULL;
    apply->tx = &input->tx;
    apply->event_count = 0;
    apply->event_size = 0;
    cairn_arena_reset(apply->scratch);
    result->code = check(apply, input, &row, &act);
    if (result->code != CAIRN_OK)
        return is_ours(result->code) ? result->code : CAIRN_OK;
    apply_mark before = mark(apply);
    if (row->by_approval)
        result->code =
            CAIRN_FAIL(CAIRN_ERR_TX_NEEDS_APPROVAL, clause, "transaction.type: %s", row->name);
    else
        result->code = row->apply(apply, act);
    if (is_ours(result->code))
        return result->code;
    if (result->code != CAIRN_OK)
        roll_back(apply, before);
    result->consumed = true;
    return cairn_window_add(&apply->decided, input->tx.valid_until_ms, &input->tx.id,
                            apply->height);
}

void cairn_result_leaf(const cairn_hash *id, cairn_err code,
                       uint8_t ret_leaf[CAIRN_RESULT_LEAF_SIZE])
{
    memcpy(ret_leaf, id->b, sizeof id->b);
    cairn_put_u32(ret_leaf + sizeof id->b, (uint32_t)-code);
}

static cairn_err compute_results_root(cairn_arena *arena, const cairn_tx_input *inputs,
                                      cairn_outcome *outcome)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_array(arena, outcome->refused_count, sizeof(cairn_hash), &memory));
    cairn_hash *leaves = memory;
    size_t count = 0;
    for (size_t i = 0; i < outcome->count; i++) {
        const cairn_tx_result *result = &outcome->results[i];
        if (!result->consumed || result->code == CAIRN_OK)
            continue;
        uint8_t leaf[CAIRN_RESULT_LEAF_SIZE];
        cairn_result_leaf(&inputs[i].tx.id, result->code, leaf);
        cairn_merkle_leaf(cairn_bytes_of(leaf, sizeof leaf), &leaves[count++]);
    }
    cairn_merkle_root(leaves, count, &outcome->results_root);
    return CAIRN_OK;
}

/* Parameters in force and the version that judges this block. */
static cairn_err load_params(cairn_apply *apply)
{
    if (apply->base->rules.has_params) {
        apply->params = apply->base->rules.params;
    } else {
        cairn_bytes value;
        CAIRN_TRY(cairn_state_get(&apply->base->state, CAIRN_MAP_CONFIG, cairn_bytes_str("params"),
                                  apply->scratch, &value));
        CAIRN_TRY(cairn_params_decode(value, &apply->params));
    }
    apply->app_version = cairn_params_version_at(&apply->params, apply->height);
    return cairn_features_know(apply->base->features, apply->app_version);
}

static cairn_err open_apply(cairn_apply *apply, const cairn_apply_base *base, uint64_t height,
                            uint64_t time_ms, cairn_arena *arena, cairn_arena *scratch)
{
    *apply = (cairn_apply){
        .base = base, .height = height, .time_ms = time_ms, .arena = arena, .scratch = scratch};
    apply->state = (cairn_state_source){.context = apply, .get = get_over_base};
    cairn_delta_init(&apply->delta, arena);
    cairn_window_init(&apply->decided);
    apply->held = cairn_window_count_at(base->window, time_ms);
    return load_params(apply);
}

static cairn_err run(cairn_apply *apply, const cairn_tx_input *inputs, size_t count,
                     cairn_outcome *outcome)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_array(apply->arena, count, sizeof(cairn_tx_result), &memory));
    outcome->results = memory;
    outcome->count = count;
    apply->events_end = &outcome->events;
    for (size_t i = 0; i < count; i++) {
        cairn_tx_result *result = &outcome->results[i];
        apply->tx_place = i;
        CAIRN_TRY(apply_tx(apply, &inputs[i], result));
        if (result->code == CAIRN_OK)
            result->index = apply->base->log_size + outcome->accepted_count++;
        else if (result->consumed)
            outcome->refused_count++;
    }
    for (const cairn_event *e = outcome->events; e != NULL; e = e->next)
        outcome->event_count++;
    outcome->delta = apply->delta;
    outcome->rules = (cairn_rules){
        .registry_version = apply->registry_touched ? 0 : apply->base->rules.registry_version,
        .has_params = !apply->config_touched,
        .params = apply->params};
    return compute_results_root(apply->arena, inputs, outcome);
}

cairn_err cairn_apply_block(const cairn_apply_base *base, uint64_t height, uint64_t time_ms,
                            const cairn_tx_input *inputs, size_t count, cairn_arena *arena,
                            cairn_outcome *ret_outcome)
{
    if (time_ms < base->last_time_ms)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "docs/formats/block-entry.md",
                          "block.time: before the last one");
    cairn_apply apply;
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena scratch;
    cairn_arena_init(&scratch, SCRATCH_SIZE_MAX);
    CAIRN_TRY(open_apply(&apply, base, height, time_ms, arena, &scratch));
    cairn_outcome outcome = {.height = height, .time_ms = time_ms};
    cairn_err err = run(&apply, inputs, count, &outcome);
    cairn_window_done(&apply.decided);
    if (err == CAIRN_OK)
        *ret_outcome = outcome;
    return err;
}

cairn_err cairn_apply_check(const cairn_apply_base *base, uint64_t height, uint64_t now_ms,
                            const cairn_tx_input *input, cairn_arena *arena)
{
    cairn_apply apply;
    const cairn_tx_row *row = NULL;
    void *act = NULL;
    CAIRN_TRY(open_apply(&apply, base, height, now_ms, arena, arena));
    return check(&apply, input, &row, &act);
}
