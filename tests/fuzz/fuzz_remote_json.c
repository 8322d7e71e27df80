/* What a node answers, as the command reads it. The first byte chooses the answer. */
#include "fuzz/fuzz.h"

#include "command/remote_json.h"

static cairn_err count(void *context, const cairn_hash *id)
{
    size_t *sum = context;
    *sum += id->b[0];
    return *sum > 1000 ? CAIRN_ERR_CANCELLED : CAIRN_OK;
}

static void read_page(cairn_bytes body)
{
    char next[CAIRN_REMOTE_PAGE_SIZE_MAX];
    size_t sum = 0;
    if (cairn_remote_json_page(body, "approvals", count, &sum, next) == CAIRN_OK)
        CAIRN_ASSERT(strlen(next) < sizeof next);
}

static void read_value(cairn_bytes body)
{
    cairn_arena arena;
    cairn_bytes value;
    cairn_arena_init(&arena, 1 << 20);
    (void)!cairn_remote_json_commit(&arena, body, &value);
    if (cairn_remote_json_value(&arena, body, &value) == CAIRN_OK)
        CAIRN_ASSERT(value.size > 0 && value.size < body.size);
    cairn_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_view view;
    cairn_verdict verdict;
    if (size < 1)
        return 0;
    const cairn_bytes body = cairn_bytes_of(data + 1, size - 1);
    switch (data[0]) {
    case 0:
        CAIRN_ASSERT(cairn_remote_json_problem(body) != CAIRN_OK);
        break;
    case 1:
        (void)!cairn_remote_json_ledger(body, &view);
        break;
    case 2:
        (void)!cairn_remote_json_ledgers(body, "", &view);
        break;
    case 3:
        (void)!cairn_remote_json_verdict(body, &verdict);
        break;
    case 4:
        read_value(body);
        break;
    case 5:
        read_page(body);
        break;
    default:
        break;
    }
    return 0;
}
