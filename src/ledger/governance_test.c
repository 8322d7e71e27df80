/* Random histories of approvals, keys and organisations against a naive model: arrays, and the
 * rules of docs/formats/transaction.md in plain words. The same seeds in every run; a failure
 * names seed and step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/ledger_memory.h"

enum { NUMBERS = 256, APPROVALS_MAX = 512, MEMBERS = 4, STEPS = 1500, SEEDS = 6 };
enum { NOBODY = 0 };
#define OPEN CAIRN_HEIGHT_OPEN

/* --- the model: keys and organisations are known by the number of a key --- */

typedef struct model_key {
    uint8_t org; /* number of its organisation's first key; NOBODY: not registered */
    cairn_purpose purpose;
    uint64_t since, until, suspect;
} model_key;

typedef struct model_org {
    cairn_org_status status; /* 0: not admitted */
    bool member;
    uint64_t version;
} model_org;

typedef struct model_act {
    uint16_t type;
    uint8_t org; /* admit: its first key; status */
    bool member, bad_proof;
    cairn_org_status status;
    uint64_t version;    /* status, policy */
    cairn_params params; /* params.set */
} model_act;

typedef struct model_approval {
    cairn_hash id;
    cairn_bytes body;
    model_act act;
    uint8_t proposer;
    bool elector[NUMBERS], approver[NUMBERS];
    uint64_t threshold, expires_ms;
    cairn_approval_status status;
    cairn_err code;
} model_approval;

typedef struct model {
    model_key keys[NUMBERS];
    model_org orgs[NUMBERS];
    model_approval approvals[APPROVALS_MAX];
    size_t approval_count;
    bool anchored[64];
    uint64_t policy_version;
    cairn_params params, stored; /* in force in this block; from the next one on */
    uint64_t height, time_ms;
} model;

static bool votes(const model *m, unsigned org)
{
    return m->orgs[org].member && m->orgs[org].status == CAIRN_ORG_ACTIVE;
}

static uint64_t count_members(const model *m)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < NUMBERS; i++)
        count += votes(m, i);
    return count;
}

static void model_register(model *m, uint8_t number, uint8_t org, cairn_purpose purpose)
{
    m->keys[number] = (model_key){org, purpose, m->height, OPEN, OPEN};
}

static void model_begin(model *m)
{
    memset(m, 0, sizeof *m);
    cairn_params_default(&m->params);
    m->stored = m->params;
    for (uint8_t i = 0; i < MEMBERS; i++) {
        const uint8_t first = (uint8_t)(MEMORY_SIGN + i);
        m->orgs[first] = (model_org){CAIRN_ORG_ACTIVE, true, 1};
        model_register(m, first, first, CAIRN_PURPOSE_SIGN);
        model_register(m, (uint8_t)(MEMORY_COSIGN + i), first, CAIRN_PURPOSE_COSIGN);
    }
    m->time_ms = MEMORY_TIME_MS;
}

static cairn_err model_signer(const model *m, uint8_t number)
{
    const model_key *key = &m->keys[number];
    if (key->org == NOBODY)
        return CAIRN_ERR_TX_UNKNOWN_SIGNER;
    if (key->purpose != CAIRN_PURPOSE_SIGN)
        return CAIRN_ERR_TX_WRONG_PURPOSE;
    if (m->height >= key->until)
        return CAIRN_ERR_TX_REVOKED_SIGNER;
    return m->orgs[key->org].status == CAIRN_ORG_ACTIVE ? CAIRN_OK : CAIRN_ERR_TX_SUSPENDED_SIGNER;
}

static cairn_err model_status(model *m, const model_act *act)
{
    model_org *org = &m->orgs[act->org];
    if (org->status == 0)
        return CAIRN_ERR_NOT_FOUND;
    if (org->version != act->version)
        return CAIRN_ERR_TX_WRONG_VERSION;
    if (org->status == CAIRN_ORG_REMOVED)
        return CAIRN_ERR_CLOSED;
    if (votes(m, act->org) && act->status != CAIRN_ORG_ACTIVE && count_members(m) == 1)
        return CAIRN_ERR_TX_FORBIDDEN;
    org->status = act->status;
    org->version++;
    return CAIRN_OK;
}

static cairn_err model_execute(model *m, const model_act *act)
{
    switch (act->type) {
    case CAIRN_TX_ORG_ADMIT:
        if (m->keys[act->org].org != NOBODY)
            return CAIRN_ERR_EXISTS;
        if (act->bad_proof)
            return CAIRN_ERR_BAD_SIGNATURE;
        m->orgs[act->org] = (model_org){CAIRN_ORG_ACTIVE, act->member, 1};
        model_register(m, act->org, act->org, CAIRN_PURPOSE_SIGN);
        return CAIRN_OK;
    case CAIRN_TX_ORG_STATUS:
        return model_status(m, act);
    case CAIRN_TX_PARAMS_SET:
        if (act->params.app_version != 1 || act->params.algs[0].from_height > m->height + 1)
            return CAIRN_ERR_BAD_VALUE;
        m->stored = act->params;
        return CAIRN_OK;
    case CAIRN_TX_POLICY_SET:
        if (act->version != m->policy_version + 1)
            return CAIRN_ERR_TX_WRONG_VERSION;
        m->policy_version++;
        return CAIRN_OK;
    case CAIRN_TX_ANCHOR:
        return CAIRN_ERR_TX_FORBIDDEN;
    default:
        return CAIRN_ERR_TX_UNKNOWN_TYPE;
    }
}

static void model_settle(model *m, model_approval *a)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < NUMBERS; i++)
        count += a->approver[i] && votes(m, i);
    if (count < a->threshold)
        return;
    a->code = model_execute(m, &a->act);
    a->status = a->code == CAIRN_OK ? CAIRN_APPROVAL_EXECUTED : CAIRN_APPROVAL_FAILED;
}

static cairn_err model_propose(model *m, uint8_t org, const model_approval *draft)
{
    if (!votes(m, org))
        return CAIRN_ERR_TX_FORBIDDEN;
    if (draft->expires_ms <= m->time_ms ||
        draft->expires_ms > m->time_ms + m->params.approval_lifetime_max_ms)
        return CAIRN_ERR_BAD_VALUE;
    model_approval *a = &m->approvals[m->approval_count++];
    *a = *draft;
    a->proposer = org;
    a->status = CAIRN_APPROVAL_OPEN;
    for (unsigned i = 0; i < NUMBERS; i++)
        a->elector[i] = votes(m, i);
    for (a->threshold = 1;
         a->threshold * m->params.approval_den < count_members(m) * m->params.approval_num;)
        a->threshold++;
    a->approver[org] = true;
    model_settle(m, a);
    return CAIRN_OK;
}

static cairn_err model_vote(model *m, uint8_t org, model_approval *a, bool approve, bool right_hash)
{
    if (a == NULL)
        return CAIRN_ERR_NOT_FOUND;
    if (a->status != CAIRN_APPROVAL_OPEN)
        return CAIRN_ERR_CLOSED;
    if (m->time_ms >= a->expires_ms)
        return CAIRN_ERR_EXPIRED;
    if (!approve) {
        if (a->proposer == org)
            a->status = CAIRN_APPROVAL_WITHDRAWN;
        else if (!a->approver[org])
            return CAIRN_ERR_NOT_FOUND;
        else
            a->approver[org] = false;
        return CAIRN_OK;
    }
    if (!a->elector[org])
        return CAIRN_ERR_TX_FORBIDDEN;
    if (!right_hash)
        return CAIRN_ERR_MISMATCH;
    if (a->approver[org])
        return CAIRN_ERR_EXISTS;
    a->approver[org] = true;
    model_settle(m, a);
    return CAIRN_OK;
}

static cairn_err model_revoke(model *m, uint8_t signer, uint8_t number, uint64_t suspect)
{
    model_key *key = &m->keys[number];
    if (key->org == NOBODY)
        return CAIRN_ERR_NOT_FOUND;
    if (key->org != m->keys[signer].org)
        return CAIRN_ERR_TX_FORBIDDEN;
    if (suspect >= key->suspect) { /* says nothing new but the end */
        if (key->until != OPEN)
            return CAIRN_ERR_CLOSED;
    } else if (suspect < key->since || suspect > m->height || suspect >= key->until)
        return CAIRN_ERR_BAD_VALUE;
    if (key->until == OPEN && key->purpose == CAIRN_PURPOSE_SIGN &&
        (signer == number || m->keys[signer].until != OPEN))
        return CAIRN_ERR_TX_FORBIDDEN;
    if (key->until == OPEN)
        key->until = m->height + 1;
    if (suspect < key->suspect)
        key->suspect = suspect;
    return CAIRN_OK;
}

/* --- both --- */

typedef struct both {
    memory_ledger ledger;
    model model;
    uint64_t random;
    uint64_t number; /* makes each id another */
    cairn_bytes txs[4];
    cairn_err codes[4];
    size_t count;
} both;

/* splitmix64 */
static uint64_t draw(both *b, uint64_t below)
{
    uint64_t z = b->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

/* A key number: of the members, or one of a few others. */
static uint8_t draw_number(both *b)
{
    uint64_t of = draw(b, 8);
    if (of < 5)
        return (uint8_t)(MEMORY_SIGN + draw(b, MEMBERS));
    return of == 5 ? (uint8_t)(MEMORY_COSIGN + draw(b, MEMBERS)) : (uint8_t)(20 + draw(b, 12));
}

/* A key that signs, mostly. */
static uint8_t draw_signer(both *b)
{
    for (int tries = 0; draw(b, 12) != 0 && tries < 50; tries++) {
        uint8_t number = draw_number(b);
        if (model_signer(&b->model, number) == CAIRN_OK)
            return number;
    }
    return draw_number(b);
}

static cairn_bytes sign(both *b, uint8_t signer, uint16_t type, cairn_bytes body)
{
    return memory_tx(&b->ledger, memory_key(signer), type, body,
                     b->model.time_ms + 100 + b->number++ % 100000);
}

static cairn_err say_anchor(both *b, uint8_t signer, cairn_bytes *ret_tx)
{
    uint64_t number = draw(b, 64);
    *ret_tx = sign(b, signer, CAIRN_TX_ANCHOR, memory_anchor(&b->ledger.arena, number));
    CAIRN_TRY(model_signer(&b->model, signer));
    if (b->model.anchored[number])
        return CAIRN_ERR_EXISTS;
    b->model.anchored[number] = true;
    return CAIRN_OK;
}

static cairn_err say_key_add(both *b, uint8_t signer, cairn_bytes *ret_tx)
{
    uint8_t number = draw_number(b);
    uint8_t org = b->model.keys[signer].org;
    uint8_t proven = draw(b, 8) == 0 ? draw_number(b) : org;
    cairn_purpose purpose = draw(b, 2) == 0 ? CAIRN_PURPOSE_SIGN : CAIRN_PURPOSE_TLS;
    const cairn_hash id = memory_org(proven == NOBODY ? 1 : proven);
    *ret_tx =
        sign(b, signer, CAIRN_TX_KEY_ADD,
             memory_key_add(&b->ledger.arena, &b->ledger.id, &id, purpose, memory_key(number)));
    CAIRN_TRY(model_signer(&b->model, signer));
    if (b->model.keys[number].org != NOBODY)
        return CAIRN_ERR_EXISTS;
    if (proven != org)
        return CAIRN_ERR_BAD_SIGNATURE;
    model_register(&b->model, number, org, purpose);
    return CAIRN_OK;
}

static cairn_err say_revoke(both *b, uint8_t signer, cairn_bytes *ret_tx)
{
    uint8_t number = draw(b, 4) == 0 ? signer : draw_number(b);
    uint64_t suspect = draw(b, 2) == 0 ? OPEN : draw(b, b->model.height + 3);
    *ret_tx = sign(b, signer, CAIRN_TX_KEY_REVOKE,
                   memory_key_revoke(&b->ledger.arena, memory_kid(number), suspect));
    CAIRN_TRY(model_signer(&b->model, signer));
    return model_revoke(&b->model, signer, number, suspect);
}

static cairn_bytes draw_admit(both *b, model_act *act)
{
    cairn_arena *arena = &b->ledger.arena;
    cairn_hash other = {{0}};
    char name[16];
    act->type = CAIRN_TX_ORG_ADMIT;
    act->org = draw_number(b);
    act->member = draw(b, 2) == 0;
    act->bad_proof = draw(b, 8) == 0;
    (void)snprintf(name, sizeof name, "New %u", act->org); /* a name is taken once, as its key is */
    return memory_admit(arena, act->bad_proof ? &other : &b->ledger.id, name, act->member,
                        act->org);
}

static cairn_bytes draw_params(both *b, model_act *act)
{
    act->type = CAIRN_TX_PARAMS_SET;
    cairn_params_default(&act->params);
    act->params.approval_num = 1 + draw(b, 3);
    act->params.approval_den = 3;
    act->params.approval_lifetime_max_ms = 60000 + draw(b, 100000);
    act->params.app_version = draw(b, 8) == 0 ? 2 : 1;
    act->params.algs[0].from_height = draw(b, 4) == 0 ? b->model.height + draw(b, 5) : 0;
    return memory_params(&b->ledger.arena, &act->params);
}

static cairn_bytes draw_act(both *b, model_act *act)
{
    cairn_arena *arena = &b->ledger.arena;
    *act = (model_act){0};
    uint64_t kind = draw(b, 20);
    if (kind < 6)
        return draw_admit(b, act);
    if (kind < 14) {
        act->type = CAIRN_TX_ORG_STATUS;
        act->org = draw_number(b);
        act->status = draw(b, 6) == 0 ? CAIRN_ORG_REMOVED : (cairn_org_status)(1 + draw(b, 2));
        act->version = draw(b, 6) == 0 ? 1 + draw(b, 4) : b->model.orgs[act->org].version;
        if (act->version == 0)
            act->version = 1;
        const cairn_hash org = memory_org(act->org);
        return memory_status(arena, &org, act->status, act->version);
    }
    if (kind < 16)
        return draw_params(b, act);
    if (kind < 18) {
        act->type = CAIRN_TX_POLICY_SET;
        act->version = b->model.policy_version + draw(b, 3);
        act->version += act->version == 0;
        return memory_policy(arena, "levels", act->version, cairn_bytes_str("x"));
    }
    act->type = kind == 18 ? CAIRN_TX_ANCHOR : 999;
    return memory_anchor(arena, draw(b, 64));
}

static cairn_err say_propose(both *b, uint8_t signer, cairn_bytes *ret_tx)
{
    static model_approval draft;
    const uint64_t lifetime = b->model.params.approval_lifetime_max_ms;
    memset(&draft, 0, sizeof draft);
    draft.body = draw_act(b, &draft.act);
    draft.expires_ms = b->model.time_ms + 1 + draw(b, 5000);
    if (draw(b, 10) == 0)
        draft.expires_ms = b->model.time_ms + (draw(b, 2) == 0 ? 0 : lifetime + draw(b, 2));
    *ret_tx = sign(b, signer, CAIRN_TX_APPROVAL_PROPOSE,
                   memory_propose(&b->ledger.arena, draft.act.type, draft.body, draft.expires_ms));
    draft.id = memory_id(*ret_tx);
    CAIRN_TRY(model_signer(&b->model, signer));
    assert_true(b->model.approval_count < APPROVALS_MAX);
    return model_propose(&b->model, b->model.keys[signer].org, &draft);
}

static cairn_err say_vote(both *b, uint8_t signer, cairn_bytes *ret_tx)
{
    model *m = &b->model;
    model_approval *a = NULL;
    cairn_hash id = {{1}}, hash = {{2}};
    bool approve = draw(b, 8) != 0, right_hash = draw(b, 12) != 0;
    if (m->approval_count > 0 && draw(b, 20) != 0) { /* one of the newest */
        uint64_t back = draw(b, m->approval_count < 6 ? m->approval_count : 6);
        a = &m->approvals[m->approval_count - 1 - back];
        id = a->id;
        cairn_act_hash(right_hash ? a->act.type : 1, a->body, &hash);
    }
    *ret_tx = sign(b, signer, approve ? CAIRN_TX_APPROVAL_APPROVE : CAIRN_TX_APPROVAL_WITHDRAW,
                   memory_vote(&b->ledger.arena, &id, approve ? &hash : NULL));
    CAIRN_TRY(model_signer(m, signer));
    return model_vote(m, m->keys[signer].org, a, approve, right_hash);
}

static cairn_err say_something(both *b, cairn_bytes *ret_tx)
{
    uint8_t signer = draw_signer(b);
    uint64_t kind = draw(b, 20);
    if (kind < 2)
        return say_anchor(b, signer, ret_tx);
    if (kind < 4)
        return say_key_add(b, signer, ret_tx);
    if (kind < 6)
        return say_revoke(b, signer, ret_tx);
    return kind < 10 ? say_propose(b, signer, ret_tx) : say_vote(b, signer, ret_tx);
}

/* --- comparing what they hold --- */

static void compare_key(both *b, uint8_t number)
{
    const model_key *want = &b->model.keys[number];
    cairn_key_record got;
    cairn_bytes value;
    cairn_err err = memory_get(&b->ledger, CAIRN_MAP_STATE, "key/",
                               cairn_bytes_hash(memory_kid(number)), &value);
    assert_int_equal(err, want->org == NOBODY ? CAIRN_ERR_NOT_FOUND : CAIRN_OK);
    if (err != CAIRN_OK)
        return;
    const cairn_hash org = memory_org(want->org);
    assert_int_equal(cairn_key_record_decode(value, &got), CAIRN_OK);
    assert_memory_equal(&got.org, &org, sizeof org);
    assert_int_equal(got.purpose, want->purpose);
    assert_int_equal(got.since, want->since);
    assert_int_equal(got.until, want->until);
    assert_int_equal(got.suspect_since, want->suspect);
}

static void compare_org(both *b, uint8_t number, const cairn_member_list *members)
{
    const model_org *want = &b->model.orgs[number];
    const cairn_hash id = memory_org(number);
    cairn_org_record got;
    cairn_bytes value;
    cairn_err err = memory_get(&b->ledger, CAIRN_MAP_STATE, "org/", cairn_bytes_hash(&id), &value);
    assert_int_equal(err, want->status == 0 ? CAIRN_ERR_NOT_FOUND : CAIRN_OK);
    assert_int_equal(cairn_member_list_has(members, &id), votes(&b->model, number));
    if (err != CAIRN_OK)
        return;
    assert_int_equal(cairn_org_record_decode(value, &got), CAIRN_OK);
    assert_int_equal(got.status, want->status);
    assert_int_equal(got.member, want->member);
    assert_int_equal(got.version, want->version);
    size_t keys = 0;
    for (unsigned i = 0; i < NUMBERS; i++)
        keys += b->model.keys[i].org == number;
    assert_int_equal(got.kid_count, keys);
}

static void compare_approval(both *b, const model_approval *want)
{
    cairn_approval got;
    uint64_t approvers = 0, electors = 0;
    assert_int_equal(memory_approval(&b->ledger, &want->id, &got), CAIRN_OK);
    assert_int_equal(got.status, want->status);
    assert_int_equal(got.code, want->code);
    assert_int_equal(got.threshold, want->threshold);
    assert_int_equal(got.expires_ms, want->expires_ms);
    for (unsigned i = 0; i < NUMBERS; i++) {
        if (want->elector[i] || want->approver[i]) {
            const cairn_hash org = memory_org((uint8_t)i);
            assert_int_equal(cairn_member_list_has(&got.electors, &org), want->elector[i]);
            assert_int_equal(cairn_member_list_has(&got.approvers, &org), want->approver[i]);
        }
        electors += want->elector[i];
        approvers += want->approver[i];
    }
    assert_int_equal(got.electors.count, electors);
    assert_int_equal(got.approvers.count, approvers);
}

static void compare_all(both *b)
{
    static cairn_member_list members;
    cairn_bytes value;
    uint8_t params[CAIRN_PARAMS_SIZE_MAX];
    assert_int_equal(memory_get(&b->ledger, CAIRN_MAP_STATE, "members", (cairn_bytes){0}, &value),
                     CAIRN_OK);
    assert_int_equal(cairn_member_list_decode(value, &members), CAIRN_OK);
    assert_int_equal(members.count, count_members(&b->model));
    for (unsigned i = 1; i < NUMBERS; i++) {
        if ((i < MEMORY_SIGN || i >= 40) && (i < MEMORY_COSIGN || i >= MEMORY_COSIGN + MEMBERS))
            continue;
        compare_key(b, (uint8_t)i);
        compare_org(b, (uint8_t)i, &members);
    }
    for (size_t i = 0; i < b->model.approval_count; i++)
        compare_approval(b, &b->model.approvals[i]);
    assert_int_equal(memory_get(&b->ledger, CAIRN_MAP_CONFIG, "params", (cairn_bytes){0}, &value),
                     CAIRN_OK);
    assert_true(cairn_bytes_equal(
        value, cairn_bytes_of(params, cairn_params_encode(&b->model.stored, params))));
}

/* Which outcomes the histories reached, so that none of them is only thought to be tried. */
static unsigned reached[700];

static void play_block(both *b, uint64_t seed, unsigned step)
{
    b->count = 1 + draw(b, 4);
    b->model.height++;
    b->model.params = b->model.stored;
    b->model.time_ms += draw(b, 1500);
    for (size_t i = 0; i < b->count; i++)
        b->codes[i] = say_something(b, &b->txs[i]);
    const cairn_outcome *o = memory_block(&b->ledger, b->model.time_ms, b->txs, b->count);
    for (size_t i = 0; i < b->count; i++) {
        if (o->results[i].code != b->codes[i])
            fail_msg("seed %llu, step %u: ledger says %s, model %s", (unsigned long long)seed, step,
                     cairn_err_name(o->results[i].code), cairn_err_name(b->codes[i]));
        reached[-b->codes[i]]++;
    }
}

static void test_random_histories(void **state)
{
    (void)state;
    static both b;
    unsigned ended[5] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        memory_begin(&b.ledger, MEMBERS, NULL);
        model_begin(&b.model);
        b.random = seed;
        for (unsigned step = 0; step < STEPS && b.model.approval_count < APPROVALS_MAX - 4;
             step++) {
            play_block(&b, seed, step);
            if (step % 50 == 0)
                compare_all(&b);
        }
        compare_all(&b);
        for (size_t i = 0; i < b.model.approval_count; i++)
            ended[b.model.approvals[i].status]++;
        memory_end(&b.ledger);
    }
    static const cairn_err codes[] = {CAIRN_OK,
                                      CAIRN_ERR_EXISTS,
                                      CAIRN_ERR_NOT_FOUND,
                                      CAIRN_ERR_CLOSED,
                                      CAIRN_ERR_EXPIRED,
                                      CAIRN_ERR_MISMATCH,
                                      CAIRN_ERR_TX_FORBIDDEN,
                                      CAIRN_ERR_BAD_SIGNATURE,
                                      CAIRN_ERR_BAD_VALUE,
                                      CAIRN_ERR_TX_SUSPENDED_SIGNER,
                                      CAIRN_ERR_TX_REVOKED_SIGNER,
                                      CAIRN_ERR_TX_UNKNOWN_SIGNER};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (reached[-codes[i]] < 5)
            fail_msg("%s was reached %u times", cairn_err_name(codes[i]), reached[-codes[i]]);
    for (size_t i = CAIRN_APPROVAL_OPEN; i <= CAIRN_APPROVAL_FAILED; i++)
        assert_true(ended[i] > 5);
}

/* --- by hand: what an attacker would try --- */

#define NOW (MEMORY_TIME_MS + 1000)

static cairn_hash propose(memory_ledger *m, uint8_t key, uint16_t type, cairn_bytes act)
{
    static uint64_t number;
    cairn_bytes tx =
        memory_tx(m, memory_key(key), CAIRN_TX_APPROVAL_PROPOSE,
                  memory_propose(&m->arena, type, act, NOW + 1000), NOW + 1 + number++);
    assert_int_equal(memory_send(m, NOW, tx), CAIRN_OK);
    return memory_id(tx);
}

static cairn_err approve(memory_ledger *m, uint8_t key, const cairn_hash *id)
{
    static uint64_t number;
    cairn_approval a;
    cairn_hash hash;
    assert_int_equal(memory_approval(m, id, &a), CAIRN_OK);
    cairn_act_hash(a.act_type, a.act_body, &hash);
    return memory_send(m, NOW,
                       memory_tx(m, memory_key(key), CAIRN_TX_APPROVAL_APPROVE,
                                 memory_vote(&m->arena, id, &hash), NOW + 1 + number++));
}

static cairn_approval_status status_of(memory_ledger *m, const cairn_hash *id)
{
    cairn_approval a;
    assert_int_equal(memory_approval(m, id, &a), CAIRN_OK);
    return a.status;
}

/* [X1353-R05] Nothing happens one approval short. A suspension names the version of a status, which
 * the one to be suspended cannot move. */
static void test_nobody_outruns_a_suspension(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 3, NULL);
    const cairn_hash rogue = memory_org(MEMORY_SIGN + 2);
    const cairn_hash id = propose(&m, MEMORY_SIGN, CAIRN_TX_ORG_STATUS,
                                  memory_status(&m.arena, &rogue, CAIRN_ORG_SUSPENDED, 1));
    cairn_bytes add = memory_tx(
        &m, memory_key(MEMORY_SIGN + 2), CAIRN_TX_KEY_ADD,
        memory_key_add(&m.arena, &m.id, &rogue, CAIRN_PURPOSE_SIGN, memory_key(31)), NOW + 1);
    assert_int_equal(memory_send(&m, NOW, add), CAIRN_OK);
    assert_int_equal(status_of(&m, &id), CAIRN_APPROVAL_OPEN);
    assert_int_equal(approve(&m, MEMORY_SIGN + 1, &id), CAIRN_OK);
    assert_int_equal(status_of(&m, &id), CAIRN_APPROVAL_EXECUTED);
    assert_int_equal(approve(&m, 31, &id), CAIRN_ERR_TX_SUSPENDED_SIGNER);
    memory_end(&m);
}

/* The thresholds of page and table: least k with k × den >= n × num, at least 1. */
static void test_thresholds(void **state)
{
    (void)state;
    static const uint64_t two_thirds[] = {1, 1, 2, 2, 3, 4, 4, 5, 6, 6};
    cairn_params params;
    cairn_params_default(&params);
    for (uint64_t n = 0; n < 10; n++)
        assert_int_equal(cairn_params_threshold(&params, n), two_thirds[n]);
    params.approval_num = params.approval_den = 100;
    assert_int_equal(cairn_params_threshold(&params, CAIRN_MEMBERS_MAX), CAIRN_MEMBERS_MAX);
    params.approval_num = 1;
    assert_int_equal(cairn_params_threshold(&params, CAIRN_MEMBERS_MAX), 2);
}

/* An approval of 128 members with the longest act, all voting, fits a record. */
static void test_the_largest_approval(void **state)
{
    (void)state;
    enum { COUNT = 100 }; /* as many as have fixed keys below MEMORY_COSIGN */
    static uint8_t content[CAIRN_POLICY_CONTENT_SIZE_MAX];
    memory_ledger m;
    cairn_params params;
    cairn_params_default(&params);
    params.approval_num = params.approval_den = 1;
    memory_begin(&m, COUNT, &params);
    cairn_bytes act = memory_policy(&m.arena, "levels", 1, cairn_bytes_of(content, sizeof content));
    const cairn_hash id = propose(&m, MEMORY_SIGN, CAIRN_TX_POLICY_SET, act);
    for (uint8_t i = 1; i < COUNT; i++) {
        assert_int_equal(status_of(&m, &id), CAIRN_APPROVAL_OPEN);
        assert_int_equal(approve(&m, (uint8_t)(MEMORY_SIGN + i), &id), CAIRN_OK);
    }
    assert_int_equal(status_of(&m, &id), CAIRN_APPROVAL_EXECUTED);
    memory_end(&m);
    cairn_approval largest = {.act_type = UINT16_MAX,
                              .act_body = cairn_bytes_of(content, sizeof content),
                              .electors.count = CAIRN_MEMBERS_MAX,
                              .threshold = CAIRN_MEMBERS_MAX,
                              .expires_ms = CAIRN_TIME_MAX_MS,
                              .approvers.count = CAIRN_MEMBERS_MAX,
                              .status = CAIRN_APPROVAL_FAILED,
                              .code = -INT16_MAX};
    cairn_arena arena;
    cairn_bytes encoded;
    cairn_arena_init(&arena, 1 << 20);
    uint8_t *body = calloc(1, CAIRN_ACT_BODY_SIZE_MAX);
    assert_non_null(body);
    largest.act_body = cairn_bytes_of(body, CAIRN_ACT_BODY_SIZE_MAX);
    assert_int_equal(cairn_approval_encode(&arena, &largest, &encoded), CAIRN_OK);
    assert_in_range(encoded.size, CAIRN_ACT_BODY_SIZE_MAX, CAIRN_STATE_VALUE_SIZE_MAX);
    cairn_approval back;
    assert_int_equal(cairn_approval_decode(encoded, &back), CAIRN_OK);
    assert_int_equal(back.code, largest.code);
    free(body);
    cairn_arena_done(&arena);
}

/* 256 keys in an organisation's life, and as many admissions as electorates hold. */
static void test_an_organisation_has_at_most_256_keys(void **state)
{
    (void)state;
    cairn_org_record org = {.name = "A", .status = CAIRN_ORG_ACTIVE, .roles = UINT32_MAX};
    static cairn_member_list members;
    uint8_t out[CAIRN_ORG_RECORD_SIZE_MAX];
    cairn_org_record back;
    org.kid_count = CAIRN_ORG_KEYS_MAX;
    org.version = INT64_MAX;
    org.editions = INT64_MAX;
    org.admitted_height = INT64_MAX;
    memset(org.name, 'n', CAIRN_ORG_NAME_SIZE_MAX);
    size_t size = cairn_org_record_encode(&org, out);
    assert_int_equal(cairn_org_record_decode(cairn_bytes_of(out, size), &back), CAIRN_OK);
    for (uint64_t i = 0; i <= CAIRN_MEMBERS_MAX; i++) {
        cairn_hash id;
        cairn_sha256_of(&i, sizeof i, &id);
        assert_int_equal(cairn_member_list_add(&members, &id),
                         i < CAIRN_MEMBERS_MAX ? CAIRN_OK : CAIRN_ERR_TOO_MANY);
    }
    uint8_t raw[CAIRN_MEMBERS_SIZE_MAX];
    size = cairn_member_list_encode(&members, raw);
    assert_int_equal(cairn_member_list_decode(cairn_bytes_of(raw, size), &members), CAIRN_OK);
    for (size_t i = 1; i < members.count; i++)
        assert_true(memcmp(&members.orgs[i - 1], &members.orgs[i], sizeof(cairn_hash)) < 0);
}

static void test_the_257th_key_is_refused(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    const cairn_hash org = memory_org(MEMORY_SIGN);
    for (size_t i = 2; i <= CAIRN_ORG_KEYS_MAX; i++) {
        uint8_t secret[32] = {2, (uint8_t)(i >> 8), (uint8_t)i};
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        assert_int_equal(cairn_key_from_private(CAIRN_KEY_P256, cairn_bytes_of(secret, 32), &key),
                         CAIRN_OK);
        cairn_bytes tx =
            memory_tx(&m, memory_key(MEMORY_SIGN), CAIRN_TX_KEY_ADD,
                      memory_key_add(&m.arena, &m.id, &org, CAIRN_PURPOSE_TLS, key), NOW + i);
        assert_int_equal(memory_send(&m, NOW, tx),
                         i < CAIRN_ORG_KEYS_MAX ? CAIRN_OK : CAIRN_ERR_TOO_MANY);
    }
    memory_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_histories),
        cmocka_unit_test(test_nobody_outruns_a_suspension),
        cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_the_largest_approval),
        cmocka_unit_test(test_an_organisation_has_at_most_256_keys),
        cmocka_unit_test(test_the_257th_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
