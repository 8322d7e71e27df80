/* Queries of the API, out of a whole request target, as the head's parser hands them on. */
#include "fuzz/fuzz.h"

#include "node/api/api.h"

enum { ROWS = 3 };

/* A value that was given is as long as its text at most, and each typed reading of it ends. */
static void read_values(const cairn_api_parameter *rows, size_t query_size)
{
    static const char *const words[] = {"none", "commit", "durable"};
    for (size_t i = 0; i < ROWS; i++) {
        uint64_t number = 0;
        size_t place = 0;
        cairn_hash hash;
        CAIRN_ASSERT(rows[i].given || rows[i].value.size == 0);
        CAIRN_ASSERT(rows[i].value.size <= query_size);
        if (cairn_api_number(&rows[i], 1, CAIRN_API_NUMBER_MAX, &number) == CAIRN_OK)
            CAIRN_ASSERT(number <= CAIRN_API_NUMBER_MAX);
        if (cairn_api_choice(&rows[i], words, 3, &place) == CAIRN_OK)
            CAIRN_ASSERT(place < 3);
        (void)!cairn_api_hash(rows[i].value, "hash", &hash);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char before[] = "GET /?";
    static const char behind[] = " HTTP/1.1\r\nHost: a\r\n\r\n";
    char head[4096];
    cairn_arena arena;
    cairn_http_request request;
    cairn_api_parameter rows[ROWS] = {{.name = "after"}, {.name = "limit"}, {.name = "wait"}};
    if (size > sizeof head - sizeof before - sizeof behind)
        return 0;
    memcpy(head, before, sizeof before - 1);
    if (size > 0)
        memcpy(head + sizeof before - 1, data, size);
    memcpy(head + sizeof before - 1 + size, behind, sizeof behind - 1);
    cairn_arena_init(&arena, 1 << 16);
    const cairn_bytes all = cairn_bytes_of(head, sizeof before + sizeof behind - 2 + size);
    /* http_parser lets no control character but HT through: see cairn_http_head_parse. */
    bool clean = true;
    for (size_t i = 0; i < size; i++)
        clean &= data[i] > 0x20 && data[i] != 0x7f;
    if (clean && cairn_http_head_parse(&arena, all, &request) == 0) {
        cairn_call call = {.arena = &arena, .request = &request};
        if (cairn_api_query(&call, rows, ROWS) == CAIRN_OK)
            read_values(rows, request.query.size);
    }
    cairn_arena_done(&arena);
    return 0;
}
