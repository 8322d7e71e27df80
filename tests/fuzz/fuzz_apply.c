/* The state machine: the input is a program that says transactions, good, odd and malformed ones,
 * in blocks. They are applied to two ledgers, one of which has no cache: verdicts and block
 * entries are the same, and there is always a member. Signatures are taken for verified, but for
 * those that the program breaks. */
#include "fuzz/fuzz.h"

#include "support/ledger_memory.h"

enum { TXS_MAX = 16, SAID_MAX = 64, RAW_MAX = 48 };

typedef struct program {
    const uint8_t *data;
    size_t left;
    memory_ledger *m;
    uint64_t time_ms;
    uint64_t height;
    cairn_bytes said[SAID_MAX]; /* all transactions so far */
    size_t said_count;
    cairn_tx_input block[TXS_MAX];
    size_t block_count;
} program;

static uint8_t take(program *p)
{
    if (p->left == 0)
        return 0;
    p->left--;
    return *p->data++;
}

static cairn_bytes take_raw(program *p)
{
    size_t size = take(p) % RAW_MAX;
    if (size > p->left)
        size = p->left;
    cairn_bytes raw = cairn_bytes_of(p->data, size);
    p->data += size;
    p->left -= size;
    return raw;
}

/* Members' keys, and a few that may become somebody's. */
static uint8_t take_number(program *p)
{
    static const uint8_t numbers[] = {10, 11, 12, 110, 20, 21, 22, 23};
    return numbers[take(p) % sizeof numbers];
}

static cairn_bytes act_of(program *p, uint16_t *ret_type)
{
    cairn_arena *arena = &p->m->arena;
    cairn_params params;
    const cairn_hash org = memory_org(take_number(p));
    switch (take(p) % 6) {
    case 0:
        *ret_type = CAIRN_TX_ORG_ADMIT;
        return memory_admit(arena, &p->m->id, "New", take(p) % 2 == 0, take_number(p));
    case 1:
        *ret_type = CAIRN_TX_ORG_STATUS;
        return memory_status(arena, &org, 1 + take(p) % 3, 1 + take(p) % 4);
    case 2:
        *ret_type = CAIRN_TX_PARAMS_SET;
        cairn_params_default(&params);
        params.approval_num = 1 + take(p) % 3;
        params.ids_max = take(p) % 2 == 0 ? 1024 : 4096;
        params.next_app_version = take(p) % 4;
        params.next_app_height = 1 + take(p);
        params.algs[0].from_height = take(p) % 8;
        return memory_params(arena, &params);
    case 3:
        *ret_type = CAIRN_TX_POLICY_SET;
        return memory_policy(arena, take(p) % 2 == 0 ? "a" : "b.c", 1 + take(p) % 3,
                             cairn_bytes_str("content"));
    default:
        *ret_type = (uint16_t)(take(p) << 8 | take(p));
        return take_raw(p);
    }
}

static cairn_bytes vote_of(program *p, uint16_t *ret_type)
{
    cairn_hash id = {{0}}, hash = {{0}};
    cairn_approval approval;
    bool approve = take(p) % 4 != 0;
    if (p->said_count > 0)
        id = memory_id(p->said[take(p) % p->said_count]);
    if (memory_approval(p->m, &id, &approval) == CAIRN_OK)
        cairn_act_hash(approval.act_type, approval.act_body, &hash);
    *ret_type = approve ? CAIRN_TX_APPROVAL_APPROVE : CAIRN_TX_APPROVAL_WITHDRAW;
    return memory_vote(&p->m->arena, &id, approve ? &hash : NULL);
}

static cairn_bytes body_of(program *p, uint16_t *ret_type)
{
    cairn_arena *arena = &p->m->arena;
    const cairn_hash org = memory_org(take_number(p));
    uint8_t number;
    uint16_t act_type = 0;
    cairn_bytes act;
    switch (take(p) % 8) {
    case 0:
        *ret_type = CAIRN_TX_ANCHOR;
        return memory_anchor(arena, take(p) % 8);
    case 1:
        *ret_type = CAIRN_TX_KEY_ADD;
        number = take_number(p);
        return memory_key_add(arena, &p->m->id, &org, 1 + take(p) % 6, memory_key(number));
    case 2:
        *ret_type = CAIRN_TX_KEY_REVOKE;
        number = take_number(p);
        return memory_key_revoke(arena, memory_kid(number), take(p));
    case 3:
    case 4:
        act = act_of(p, &act_type);
        if (act.size == 0)
            act = cairn_bytes_of("\xa0", 1);
        *ret_type = CAIRN_TX_APPROVAL_PROPOSE;
        return memory_propose(arena, act_type == 0 ? 1 : act_type, act,
                              p->time_ms + take(p) * 100u + 1);
    case 5:
    case 6:
        return vote_of(p, ret_type);
    default:
        *ret_type = (uint16_t)(take(p) << 8 | take(p));
        return take_raw(p);
    }
}

/* Puts raw bytes into the block when they are a transaction at all. */
static void add(program *p, cairn_bytes raw, bool verified)
{
    cairn_tx_input *input = &p->block[p->block_count];
    if (p->block_count == TXS_MAX || cairn_tx_decode(raw, &input->tx) != CAIRN_OK)
        return;
    input->verified = verified;
    p->block_count++;
}

static void say(program *p)
{
    static const uint8_t signature[64] = {1, [63] = 1};
    cairn_tx_draft draft = {.ledger = p->m->id, .kid = *memory_kid(take_number(p))};
    cairn_bytes raw;
    draft.valid_until_ms = p->time_ms + take(p) * 4u;
    draft.body = body_of(p, &draft.type);
    if (cairn_tx_assemble(&p->m->arena, &draft, cairn_bytes_of(signature, 64), &raw) != CAIRN_OK)
        return;
    if (p->said_count < SAID_MAX)
        p->said[p->said_count++] = raw;
    add(p, raw, true);
}

/* An earlier transaction again, or with a byte changed. */
static void say_again(program *p, bool changed)
{
    cairn_bytes raw;
    if (p->said_count == 0)
        return;
    MEMORY_MUST(cairn_arena_copy(&p->m->arena, p->said[take(p) % p->said_count], &raw));
    if (changed)
        ((uint8_t *)(uintptr_t)raw.data)[take(p) % raw.size] ^= (uint8_t)(1 + take(p) % 255);
    add(p, raw, take(p) % 2 == 0);
}

static void compare(const cairn_block *a, const cairn_block *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CAIRN_ASSERT(a->outcome.results[i].code == b->outcome.results[i].code);
        CAIRN_ASSERT(a->outcome.results[i].consumed == b->outcome.results[i].consumed);
    }
    CAIRN_ASSERT(a->changed == b->changed && a->entry_size == b->entry_size);
    CAIRN_ASSERT(memcmp(a->entry_bytes, b->entry_bytes, a->entry_size) == 0);
    CAIRN_ASSERT(!a->changed || cairn_hash_equal(&a->log_root, &b->log_root));
}

static cairn_err apply(program *p, memory_ledger *m)
{
    return cairn_ledger_apply(m->ledger, &memory_bases, p->height, p->time_ms, p->block,
                              p->block_count, &p->m->arena, &m->block);
}

/* Applies the block to both; false when an announced version has stopped them. */
static bool close_block(program *p, memory_ledger *other)
{
    cairn_member_list members;
    cairn_bytes value;
    p->height++;
    cairn_err err = apply(p, p->m);
    CAIRN_ASSERT(apply(p, other) == err);
    if (err == CAIRN_ERR_BAD_VERSION)
        return false;
    CAIRN_ASSERT(err == CAIRN_OK);
    compare(&p->m->block, &other->block, p->block_count);
    if (p->m->block.changed) {
        MEMORY_MUST(cairn_ledger_commit(p->m->ledger, &p->m->block));
        MEMORY_MUST(cairn_ledger_commit(other->ledger, &other->block));
    }
    cairn_block_discard(&p->m->block);
    cairn_block_discard(&other->block);
    MEMORY_MUST(memory_get(p->m, CAIRN_MAP_STATE, "members", (cairn_bytes){0}, &value));
    MEMORY_MUST(cairn_member_list_decode(value, &members));
    CAIRN_ASSERT(members.count >= 1);
    p->block_count = 0;
    return true;
}

static void run(program *p, memory_ledger *other)
{
    while (p->left > 0) {
        switch (take(p) % 8) {
        case 0:
            p->time_ms += take(p) * 50u;
            if (!close_block(p, other))
                return;
            break;
        case 1:
            say_again(p, false);
            break;
        case 2:
            say_again(p, true);
            break;
        default:
            say(p);
        }
    }
    (void)close_block(p, other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static memory_ledger m, other;
    static program p;
    if (size > 512)
        return 0;
    memory_begin(&m, 3, NULL);
    other = (memory_ledger){0};
    MEMORY_MUST(cairn_ledger_new(&cairn_all_features, NULL, &other.ledger));
    MEMORY_MUST(cairn_ledger_begin(other.ledger, &memory_bases, m.genesis, &m.arena, &other.block));
    MEMORY_MUST(cairn_ledger_commit(other.ledger, &other.block));
    p = (program){.data = data, .left = size, .m = &m, .time_ms = MEMORY_TIME_MS + 1};
    run(&p, &other);
    memory_end(&other);
    memory_end(&m);
    return 0;
}
