/* Two questions a block, and one for each further page of validators. */
#include "ledger/light/light_fetch.h"

#include <stdio.h>

#include "core/net/http_client.h"
#include "ledger/light/light_json.h"

static cairn_err ask(const cairn_light_node *node, const char *question, cairn_bytes *ret_answer)
{
    char whole[CAIRN_HTTP_URL_SIZE_MAX + 1];
    cairn_http_reply reply;
    if ((size_t)snprintf(whole, sizeof whole, "%s/%s", node->url, question) >= sizeof whole)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "engine.url: too long");
    const cairn_http_call call = {.method = CAIRN_HTTP_CLIENT_GET,
                                  .url = whole,
                                  .timeout_ms = CAIRN_LIGHT_TIMEOUT_MS,
                                  .body_size_max = CAIRN_LIGHT_ANSWER_SIZE_MAX,
                                  .cancelled = node->cancelled};
    CAIRN_TRY(cairn_http_client_call(node->arena, &call, &reply));
    *ret_answer = reply.body; /* an error has its reason in there, whatever its status */
    return CAIRN_OK;
}

cairn_err cairn_light_fetch(const cairn_light_node *node, uint64_t height,
                            cairn_light_block *ret_block)
{
    char question[128];
    cairn_bytes commit;
    cairn_bytes pages[CAIRN_LIGHT_PAGE_COUNT_MAX];
    size_t count = 0;
    uint64_t total = 1;
    (void)snprintf(question, sizeof question, "commit?height=%llu", (unsigned long long)height);
    CAIRN_TRY(ask(node, question, &commit));
    for (; count * CAIRN_LIGHT_PAGE_SIZE < total && count < CAIRN_LIGHT_PAGE_COUNT_MAX; count++) {
        (void)snprintf(question, sizeof question, "validators?height=%llu&page=%zu&per_page=%d",
                       (unsigned long long)height, count + 1, CAIRN_LIGHT_PAGE_SIZE);
        CAIRN_TRY(ask(node, question, &pages[count]));
        CAIRN_TRY(cairn_light_page_total(pages[count], &total));
    }
    return cairn_light_block_from_rpc(node->arena, commit, pages, count, ret_block);
}

static cairn_err read_node(void *context, uint64_t height, cairn_light_block *ret_block)
{
    return cairn_light_fetch(context, height, ret_block);
}

cairn_light_source cairn_light_node_source(cairn_light_node *node)
{
    return (cairn_light_source){.read = read_node, .context = node};
}
