/* Acts about those who take part in consensus: named by approval, and suspended by rule when their
 * key signed two votes of one place. */
#include <stdio.h>
#include <string.h>

#include "cairn/key.h"
#include "cairn/sha256.h"
#include "identity/acts.h"
#include "ledger/consortium/double_vote.h"
#include "ledger/light/light_vote.h"
#include "ledger/validators.h"

static const char clause[] = "docs/formats/identity.md, Validators";

static cairn_err store(cairn_apply *apply, const cairn_validator_list *list)
{
    uint8_t out[CAIRN_VALIDATORS_SIZE_MAX];
    cairn_state_key key;
    if (list->count == 0)
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "validators: the last one stays");
    cairn_state_key_make(&key, "validators", (cairn_bytes){0});
    return cairn_apply_put(apply, CAIRN_MAP_STATE, &key, out, cairn_validators_encode(list, out));
}

static cairn_err load(cairn_apply *apply, cairn_validator_list **ret_list)
{
    CAIRN_TRY(CAIRN_ARENA_NEW(cairn_apply_arena(apply), ret_list));
    return cairn_validators_read(cairn_apply_state(apply), cairn_apply_arena(apply), *ret_list);
}

cairn_err cairn_identity_drop_validator(cairn_apply *apply, const cairn_hash *org,
                                        const cairn_hash *kid)
{
    cairn_validator_list *list = NULL;
    CAIRN_TRY(load(apply, &list));
    const cairn_validator *row = cairn_validators_find(list, org);
    if (row == NULL || (kid != NULL && !cairn_hash_equal(&row->kid, kid)))
        return CAIRN_OK;
    (void)cairn_validators_remove(list, org);
    return store(apply, list);
}

/* Ed25519, as the engine has it. */
static cairn_err take_key(cairn_bytes cose_key, cairn_validator *row)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(cairn_key_from_cose(cose_key, &key));
    if (cairn_key_get_type(key) != CAIRN_KEY_ED25519)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause, "validator.key: is not Ed25519");
    memcpy(row->key, cairn_key_public(key).data, sizeof row->key);
    row->kid = *cairn_key_id(key);
    return CAIRN_OK;
}

cairn_err cairn_identity_renew_validator(cairn_apply *apply, const cairn_hash *org,
                                         const cairn_hash *old_kid, cairn_bytes cose_key)
{
    cairn_validator_list *list = NULL;
    CAIRN_TRY(load(apply, &list));
    const cairn_validator *row = cairn_validators_find(list, org);
    if (row == NULL || !cairn_hash_equal(&row->kid, old_kid))
        return CAIRN_OK;
    cairn_validator renewed = *row;
    CAIRN_TRY(take_key(cose_key, &renewed));
    CAIRN_TRY(cairn_validators_put(list, &renewed));
    return store(apply, list);
}

/* A validator's key, whoever it is of. */
static cairn_err load_key(cairn_apply *apply, const cairn_hash *kid, cairn_key_record *ret_key)
{
    cairn_err err =
        cairn_registry_key(cairn_apply_state(apply), cairn_apply_arena(apply), kid, ret_key);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "validator.kid: not registered");
    CAIRN_TRY(err);
    if (ret_key->purpose != CAIRN_PURPOSE_VALIDATOR)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_PURPOSE, clause, "validator.kid: key is for %s",
                          cairn_purpose_name(ret_key->purpose));
    return CAIRN_OK;
}

/* --- identity.validator.set --- */

typedef struct set_act {
    cairn_hash kid;
    uint64_t power;
} set_act;

static const cairn_schema_field set_fields[] = {
    {"kid", CAIRN_SCHEMA_HASH, offsetof(set_act, kid), 0, 0, false, NULL},
    {"power", CAIRN_SCHEMA_UINT, offsetof(set_act, power), 0, CAIRN_VALIDATOR_POWER_MAX, false,
     NULL},
};
static const cairn_schema set_schema = CAIRN_SCHEMA_OF(set_act, set_fields);

cairn_err cairn_validator_set_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return cairn_schema_read(arena, &set_schema, r, ret_act);
}

/* May this organisation validate, with this key? */
static cairn_err check_may(cairn_apply *apply, const cairn_key_record *key)
{
    cairn_org_record org;
    CAIRN_TRY(
        cairn_registry_org(cairn_apply_state(apply), cairn_apply_arena(apply), &key->org, &org));
    if (key->until != CAIRN_HEIGHT_OPEN)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "validator.kid: its end is set");
    if (org.status != CAIRN_ORG_ACTIVE)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "validator.organisation: is %s",
                          cairn_org_status_name(org.status));
    if (!org.member)
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "validator.organisation: no member");
    return CAIRN_OK;
}

cairn_err cairn_validator_set_apply(cairn_apply *apply, const void *data)
{
    const set_act *act = data;
    cairn_key_record key;
    cairn_validator_list *list = NULL;
    CAIRN_TRY(load_key(apply, &act->kid, &key));
    CAIRN_TRY(load(apply, &list));
    cairn_validator row = {.org = key.org, .power = act->power};
    if (act->power == 0) {
        const cairn_validator *old = cairn_validators_find(list, &key.org);
        if (old == NULL || !cairn_hash_equal(&old->kid, &act->kid))
            return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, clause, "validator.kid: does not validate");
        (void)cairn_validators_remove(list, &key.org);
        return store(apply, list);
    }
    CAIRN_TRY(check_may(apply, &key));
    CAIRN_TRY(take_key(key.cose_key, &row));
    CAIRN_TRY(cairn_validators_put(list, &row));
    return store(apply, list);
}

cairn_err cairn_validator_set_body(cairn_arena *arena, const cairn_hash *kid, uint64_t power,
                                   cairn_bytes *ret_body)
{
    const set_act act = {.kid = *kid, .power = power};
    return cairn_schema_encode(arena, &set_schema, &act, ret_body);
}

/* --- identity.validator.evidence --- */

static const cairn_schema_field vote_fields[] = {
    {"block", CAIRN_SCHEMA_BYTES, offsetof(cairn_evidence_vote, block), 0, 32, false, NULL},
    {"parts", CAIRN_SCHEMA_UINT, offsetof(cairn_evidence_vote, part_count), 0, UINT32_MAX, false,
     NULL},
    {"parts_hash", CAIRN_SCHEMA_BYTES, offsetof(cairn_evidence_vote, parts_hash), 0, 32, false,
     NULL},
    {"seconds", CAIRN_SCHEMA_UINT, offsetof(cairn_evidence_vote, seconds), 0,
     CAIRN_LIGHT_SECONDS_MAX, false, NULL},
    {"nanoseconds", CAIRN_SCHEMA_UINT, offsetof(cairn_evidence_vote, nanoseconds), 0, 999999999,
     false, NULL},
    {"signature", CAIRN_SCHEMA_BYTES, offsetof(cairn_evidence_vote, signature), 64, 64, false,
     NULL},
};
static const cairn_schema vote_schema = CAIRN_SCHEMA_OF(cairn_evidence_vote, vote_fields);

typedef struct evidence_act {
    cairn_hash kid;
    cairn_bytes chain;
    uint64_t type;
    uint64_t height;
    uint64_t round;
    cairn_schema_list votes; /* cairn_evidence_vote */
} evidence_act;

static const cairn_schema_field evidence_fields[] = {
    {"kid", CAIRN_SCHEMA_HASH, offsetof(evidence_act, kid), 0, 0, false, NULL},
    {"chain", CAIRN_SCHEMA_TEXT, offsetof(evidence_act, chain), 1, CAIRN_LIGHT_CHAIN_ID_SIZE_MAX,
     false, NULL},
    {"type", CAIRN_SCHEMA_UINT, offsetof(evidence_act, type), CAIRN_LIGHT_PREVOTE,
     CAIRN_LIGHT_PRECOMMIT, false, NULL},
    {"height", CAIRN_SCHEMA_UINT, offsetof(evidence_act, height), 1, INT64_MAX, false, NULL},
    {"round", CAIRN_SCHEMA_UINT, offsetof(evidence_act, round), 0, INT32_MAX, false, NULL},
    {"votes", CAIRN_SCHEMA_LIST, offsetof(evidence_act, votes), 2, 2, false, &vote_schema},
};
static const cairn_schema evidence_schema = CAIRN_SCHEMA_OF(evidence_act, evidence_fields);

cairn_err cairn_validator_evidence_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_schema_read(arena, &evidence_schema, r, &memory));
    const evidence_act *act = memory;
    const cairn_evidence_vote *votes = act->votes.rows;
    for (size_t i = 0; i < act->votes.count; i++) {
        if ((votes[i].block.size != 0 && votes[i].block.size != 32) ||
            votes[i].parts_hash.size != votes[i].block.size)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                              "evidence.vote: hashes have 32 bytes, or none");
        /* A vote for no block is signed without parts: two that differ in them are one vote. */
        if (votes[i].block.size == 0 && votes[i].part_count != 0)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "evidence.vote: parts of no block");
    }
    *ret_act = memory;
    return CAIRN_OK;
}

static cairn_err check_chain(cairn_apply *apply, cairn_bytes chain)
{
    return cairn_light_chain_is_of(chain, cairn_apply_ledger(apply))
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "evidence.chain: none of this ledger's");
}

static bool same_block(const cairn_evidence_vote *a, const cairn_evidence_vote *b)
{
    return cairn_bytes_equal(a->block, b->block) && a->part_count == b->part_count &&
           cairn_bytes_equal(a->parts_hash, b->parts_hash);
}

static cairn_err check_vote(const evidence_act *act, const cairn_evidence_vote *vote,
                            const cairn_key *key)
{
    uint8_t message[CAIRN_LIGHT_SIGN_BYTES_MAX];
    cairn_hash block;
    if (vote->block.size != 0)
        memcpy(block.b, vote->block.data, sizeof block.b);
    const cairn_light_ballot ballot = {
        .type = (unsigned)act->type,
        .height = act->height,
        .round = act->round,
        .hash = vote->block.size == 0 ? NULL : &block,
        .parts = {.count = (uint32_t)vote->part_count, .hash = vote->parts_hash},
        .time = {.seconds = (int64_t)vote->seconds, .nanoseconds = (uint32_t)vote->nanoseconds},
        .chain_id = act->chain};
    size_t size = cairn_light_canonical_vote(&ballot, message);
    return cairn_key_verify(key, cairn_bytes_of(message, size), vote->signature);
}

/* Two votes for different blocks, both signed by the key. */
static cairn_err check_evidence(cairn_apply *apply, const evidence_act *act,
                                const cairn_key_record *record)
{
    const cairn_evidence_vote *votes = act->votes.rows;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(check_chain(apply, act->chain));
    if (same_block(&votes[0], &votes[1]))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "evidence.votes: are for one block");
    CAIRN_TRY(cairn_key_from_cose(record->cose_key, &key));
    for (size_t i = 0; i < act->votes.count; i++)
        CAIRN_TRY(check_vote(act, &votes[i], key));
    return CAIRN_OK;
}

/* One offence counts once, however often it is shown and whatever was decided since. */
static cairn_err note_offence(cairn_apply *apply, const evidence_act *act)
{
    uint8_t suffix[sizeof(cairn_hash) + 8];
    uint8_t out[16];
    cairn_state_key key;
    cairn_cbor_writer w;
    memcpy(suffix, act->kid.b, sizeof act->kid.b);
    cairn_put_u64(suffix + sizeof act->kid.b, act->height);
    cairn_state_key_make(&key, "offence/", cairn_bytes_of(suffix, sizeof suffix));
    CAIRN_TRY(cairn_apply_must_be_new(apply, CAIRN_MAP_STATE, &key));
    cairn_cbor_writer_init(&w, out, sizeof out);
    cairn_cbor_put_uint(&w, cairn_apply_height(apply));
    return cairn_apply_put(apply, CAIRN_MAP_STATE, &key, out, w.size);
}

cairn_err cairn_validator_evidence_apply(cairn_apply *apply, const void *data)
{
    const evidence_act *act = data;
    cairn_key_record key;
    cairn_org_record org;
    CAIRN_TRY(load_key(apply, &act->kid, &key));
    CAIRN_TRY(check_evidence(apply, act, &key));
    CAIRN_TRY(note_offence(apply, act));
    CAIRN_TRY(
        cairn_registry_org(cairn_apply_state(apply), cairn_apply_arena(apply), &key.org, &org));
    if (org.status != CAIRN_ORG_ACTIVE)
        return CAIRN_OK;
    return cairn_identity_set_status(apply, &key.org, &org, CAIRN_ORG_SUSPENDED);
}

cairn_err cairn_validator_evidence_body(cairn_arena *arena, const cairn_evidence *evidence,
                                        cairn_bytes *ret_body)
{
    const evidence_act act = {.kid = evidence->kid,
                              .chain = evidence->chain_id,
                              .type = evidence->type,
                              .height = evidence->height,
                              .round = evidence->round,
                              .votes = {.count = 2, .rows = (void *)(uintptr_t)evidence->votes}};
    return cairn_schema_encode(arena, &evidence_schema, &act, ret_body);
}

/* --- evidence of what the engine shows --- */

/* Is it the validator key with this address? */
static cairn_err is_of_address(const cairn_state_source *state, cairn_arena *arena,
                               const cairn_hash *kid, const cairn_double_vote *votes, bool *ret_is)
{
    cairn_key_record record;
    cairn_hash hash;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    *ret_is = false;
    CAIRN_TRY(cairn_registry_key(state, arena, kid, &record));
    if (record.purpose != CAIRN_PURPOSE_VALIDATOR)
        return CAIRN_OK;
    CAIRN_TRY(cairn_key_from_cose(record.cose_key, &key));
    cairn_bytes raw = cairn_key_public(key);
    cairn_sha256_of(raw.data, raw.size, &hash);
    *ret_is = memcmp(hash.b, votes->address, sizeof votes->address) == 0;
    return CAIRN_OK;
}

static cairn_err find_kid(const cairn_state_source *state, cairn_arena *arena,
                          const cairn_double_vote *votes, cairn_hash *ret_kid)
{
    cairn_member_list members;
    CAIRN_TRY(cairn_registry_members(state, arena, &members));
    for (size_t i = 0; i < members.count; i++) {
        cairn_org_record org;
        CAIRN_TRY(cairn_registry_org(state, arena, &members.orgs[i], &org));
        for (size_t k = 0; k < org.kid_count; k++) {
            bool is = false;
            CAIRN_TRY(is_of_address(state, arena, &org.kids[k], votes, &is));
            if (is) {
                *ret_kid = org.kids[k];
                return CAIRN_OK;
            }
        }
    }
    return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, clause, "evidence: of no member's key");
}

cairn_err cairn_validator_evidence_of(const cairn_state_source *state, cairn_arena *arena,
                                      const cairn_double_vote *votes, cairn_bytes chain_id,
                                      cairn_evidence *ret_evidence)
{
    cairn_evidence evidence = {
        .chain_id = chain_id, .type = votes->type, .height = votes->height, .round = votes->round};
    CAIRN_TRY(find_kid(state, arena, votes, &evidence.kid));
    for (size_t i = 0; i < 2; i++) {
        const cairn_double_vote_side *side = &votes->votes[i];
        if (side->time.seconds < 0)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "evidence.vote: before 1970");
        evidence.votes[i] = (cairn_evidence_vote){.block = side->block,
                                                  .part_count = side->parts.count,
                                                  .parts_hash = side->parts.hash,
                                                  .seconds = (uint64_t)side->time.seconds,
                                                  .nanoseconds = side->time.nanoseconds,
                                                  .signature = side->signature};
    }
    *ret_evidence = evidence;
    return CAIRN_OK;
}
