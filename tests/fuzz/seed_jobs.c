/* Writes the seeds of page tokens and of the jobs' rows: `seed-jobs DIRECTORY`, which is
 * tests/fuzz/corpus. To be run by hand when a format changes. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/jobs/page_token.h"
#include "core/jobs/record.h"

static const char *directory;

static void save(const char *corpus, const char *name, uint8_t kind, cairn_bytes data)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", directory, corpus);
    (void)mkdir(path, 0777); /* there already, or fopen tells */
    (void)snprintf(path, sizeof path, "%s/%s/%s", directory, corpus, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fputc(kind, file) == EOF ||
        fwrite(data.data, 1, data.size, file) != data.size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void save_tokens(void)
{
    static const uint8_t key[PAGE_KEY_SIZE] = {1};
    static const uint8_t nonce[PAGE_NONCE_SIZE] = {2};
    page_binding binding = {0};
    page_position position = {.expires_ms = 7, .size = 11};
    char token[CAIRN_PAGE_TOKEN_SIZE_MAX];
    size_t size = 0;
    memcpy(position.key, "object/0042", 11);
    CAIRN_ASSERT(cairn_page_token_seal(9, key, nonce, &binding, &position, token, &size) ==
                 CAIRN_OK);
    save("page_token", "token", 0, cairn_bytes_of(token, size));
    save("page_token", "short", 0, cairn_bytes_str("AQAAAAk"));
    save("page_token", "position", 1, cairn_bytes_str("object/0042"));
}

static void save_small_rows(void)
{
    uint8_t out[JOBS_TIMER_RECORD_MAX];
    jobs_consumer_record consumer = {
        .ledger = {{1}},
        .builds = {{.present = true, .generation = 1, .version = 2, .position = {7, 3}},
                   {.present = true,
                    .generation = 9,
                    .version = 3,
                    .parked = CAIRN_ERR_BAD_VALUE,
                    .reason = "block 7, event 3: no"}}};
    jobs_counts counts = {.generation = 9, .sequence = 77, .timers = 1, .waiting = 2};
    jobs_timer_record timer = {.due_ms = 5, .revision = 6, .payload = cairn_bytes_str("p")};
    jobs_lane_record lane = {.tenant = cairn_bytes_str("t"),
                             .destination = cairn_bytes_str("d"),
                             .count = 1,
                             .retrying = true,
                             .at_ms = 1700000000000,
                             .attempts = 3,
                             .status = 503,
                             .reason = cairn_bytes_str("answered 503")};
    jobs_tenant_record tenant = {.waiting = 1, .waiting_bytes = 200, .dead = 2};
    jobs_key_record key = {.created_ms = 1700000000000, .key = {1, 2, 3}};
    save("jobs_rows", "consumer", 0, cairn_bytes_of(out, cairn_jobs_put_consumer(&consumer, out)));
    consumer.builds[1] = (jobs_build){0};
    save("jobs_rows", "served", 0, cairn_bytes_of(out, cairn_jobs_put_consumer(&consumer, out)));
    save("jobs_rows", "counts", 1, cairn_bytes_of(out, cairn_jobs_put_counts(&counts, out)));
    save("jobs_rows", "timer", 2, cairn_bytes_of(out, cairn_jobs_put_timer(&timer, out)));
    save("jobs_rows", "lane", 3, cairn_bytes_of(out, cairn_jobs_put_lane(&lane, out)));
    save("jobs_rows", "tenant", 4, cairn_bytes_of(out, cairn_jobs_put_tenant(&tenant, out)));
    save("jobs_rows", "key", 5, cairn_bytes_of(out, cairn_jobs_put_key(&key, out)));
}

static void save_messages(void)
{
    cairn_arena arena;
    cairn_bytes encoded, dead_encoded;
    jobs_message_record message = {.url = cairn_bytes_str("https://a.example/hook"),
                                   .content_type = cairn_bytes_str("application/json"),
                                   .body = cairn_bytes_str("{}"),
                                   .headers = {cairn_bytes_str("X-Test: 1")},
                                   .header_count = 1,
                                   .signature = CAIRN_OUTBOX_ES256,
                                   .key = cairn_bytes_str("hook"),
                                   .created_ms = 1700000000000,
                                   .expires_ms = 1700003600000};
    cairn_arena_init(&arena, 1 << 16);
    CAIRN_ASSERT(cairn_jobs_put_message(&arena, &message, &encoded) == CAIRN_OK);
    save("jobs_rows", "message", 6, encoded);
    jobs_dead_record dead = {.tenant = cairn_bytes_str("t"),
                             .destination = cairn_bytes_str("d"),
                             .attempts = 64,
                             .status = 500,
                             .reason = cairn_bytes_str("answered 500"),
                             .message = encoded};
    CAIRN_ASSERT(cairn_jobs_put_dead(&arena, &dead, &dead_encoded) == CAIRN_OK);
    save("jobs_rows", "dead", 7, dead_encoded);
    cairn_arena_done(&arena);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    directory = argv[1];
    save_tokens();
    save_small_rows();
    save_messages();
    return 0;
}
