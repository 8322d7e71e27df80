/* Pages over projections. */
#include "core/jobs/page.h"

#include <openssl/rand.h>

#include "cairn/sha256.h"
#include "core/crypto/openssl.h"
#include "core/crypto/secret.h"
#include "core/jobs/jobs_impl.h"
#include "core/jobs/page_token.h"

typedef struct walk {
    const cairn_page_query *query;
    cairn_arena *arena;
    cairn_kv_txn *kv;
    cairn_kv_cursor *cursor;
    jobs_consumer_record record;
    const jobs_build *build;
    page_binding binding;
    page_position position; /* size 0: at the start */
    bool more;
} walk;

static cairn_err check_query(const cairn_page_query *query)
{
    if (query->limit < 1 || query->limit > CAIRN_PAGE_LIMIT_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "page.limit: %zu is not 1 to %d",
                          query->limit, CAIRN_PAGE_LIMIT_MAX);
    if (query->life_ms < 1 || query->life_ms > CAIRN_PAGE_LIFE_MS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "page.life: %u ms", query->life_ms);
    if (query->table >= CAIRN_PROJECTION_TABLES_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "page.table: %u", query->table);
    if (query->prefix.size > CAIRN_PROJECTION_KEY_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "page.prefix: %zu bytes",
                          query->prefix.size);
    return CAIRN_OK;
}

static void bind_token(walk *w)
{
    const cairn_page_query *query = w->query;
    uint8_t numbers[11];
    cairn_put_u32(numbers, w->build->version);
    cairn_put_u32(numbers + 4, query->slot);
    numbers[8] = (uint8_t)query->table;
    cairn_put_u16(numbers + 9, (uint16_t)query->prefix.size);
    cairn_bytes parts[] = {
        cairn_bytes_of(query->projection, strlen(query->projection) + 1),
        cairn_bytes_of(numbers, sizeof numbers),
        query->prefix,
        cairn_bytes_hash(&w->record.ledger),
        cairn_bytes_hash(query->query),
    };
    w->binding.caller = *query->caller;
    cairn_sha256_parts(parts, sizeof parts / sizeof parts[0], &w->binding.walk);
}

/* The key that sealed the token, or the newest for `key_id` NULL. */
static cairn_err find_key(cairn_jobs *jobs, const uint32_t *key_id, jobs_page_key *ret_key)
{
    bool found = false;
    (void)pthread_mutex_lock(&jobs->lock);
    for (size_t i = jobs->page_key_count; i > 0 && !found; i--) {
        found = key_id == NULL || jobs->page_keys[i - 1].id == *key_id;
        if (found)
            *ret_key = jobs->page_keys[i - 1];
    }
    (void)pthread_mutex_unlock(&jobs->lock);
    return found ? CAIRN_OK : cairn_page_token_refuse();
}

cairn_err cairn_jobs_token_open(cairn_jobs *jobs, const page_binding *binding, cairn_bytes token,
                                page_position *ret_position)
{
    uint32_t key_id = 0;
    jobs_page_key key;
    page_position position;
    CAIRN_TRY(cairn_page_token_key_id(token, &key_id));
    CAIRN_TRY(find_key(jobs, &key_id, &key));
    cairn_err err = cairn_page_token_open(token, key.record.key, binding, &position);
    cairn_wipe(&key, sizeof key);
    CAIRN_TRY(err);
    if (cairn_clock_wall_ms(&jobs->options.clock) >= position.expires_ms)
        return cairn_page_token_refuse();
    *ret_position = position;
    return CAIRN_OK;
}

cairn_err cairn_jobs_token_seal(cairn_jobs *jobs, cairn_arena *arena, const page_binding *binding,
                                uint32_t life_ms, page_position position, cairn_bytes *ret_token)
{
    jobs_page_key key;
    char token[CAIRN_PAGE_TOKEN_SIZE_MAX];
    uint8_t nonce[PAGE_NONCE_SIZE];
    size_t size = 0;
    position.expires_ms = cairn_clock_wall_ms(&jobs->options.clock) + life_ms;
    CAIRN_TRY(find_key(jobs, NULL, &key));
    cairn_err err = CAIRN_OK;
    if (RAND_bytes(nonce, sizeof nonce) != 1)
        err = cairn_openssl_fail("page token: nonce");
    if (err == CAIRN_OK)
        err =
            cairn_page_token_seal(key.id, key.record.key, nonce, binding, &position, token, &size);
    cairn_wipe(&key, sizeof key);
    CAIRN_TRY(err);
    (void)atomic_fetch_add(&jobs->sealed, 1);
    return cairn_arena_copy(arena, cairn_bytes_of(token, size), ret_token);
}

static cairn_err take_row(walk *w, cairn_bytes key, cairn_bytes value, cairn_page_row *row)
{
    CAIRN_TRY(cairn_arena_copy(w->arena, key, &row->key));
    return cairn_arena_copy(w->arena, value, &row->value);
}

/* Reads until the page is full and one more row is seen, the rows end, or the scan is long enough.
 */
static cairn_err read_rows(walk *w, cairn_page_row *rows, size_t *ret_count)
{
    const cairn_page_query *query = w->query;
    cairn_bytes key, value;
    size_t count = 0;
    cairn_err err = CAIRN_OK;
    for (size_t scanned = 0;; scanned++) {
        err = cairn_jobs_rows_next(w->cursor, w->build->generation, query->table, query->prefix,
                                   cairn_bytes_of(w->position.key, w->position.size), &key, &value);
        if (err != CAIRN_OK)
            break;
        w->more = count == query->limit || scanned == CAIRN_PAGE_SCAN_MAX;
        if (w->more)
            break;
        if (query->accept == NULL || query->accept(query->accept_context, key, value))
            CAIRN_TRY(take_row(w, key, value, &rows[count++]));
        memcpy(w->position.key, key.data, key.size);
        w->position.size = key.size;
    }
    *ret_count = count;
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

static cairn_err run(cairn_jobs *jobs, walk *w, cairn_page *page)
{
    cairn_page_row *rows = NULL;
    bind_token(w);
    if (w->query->token.size > 0)
        CAIRN_TRY(cairn_jobs_token_open(jobs, &w->binding, w->query->token, &w->position));
    CAIRN_TRY(cairn_arena_array(w->arena, w->query->limit, sizeof *rows, (void **)&rows));
    CAIRN_TRY(cairn_kv_cursor_open(w->kv, JOBS_ROWS, &w->cursor));
    CAIRN_TRY(read_rows(w, rows, &page->row_count));
    page->rows = rows;
    page->version = w->build->version;
    page->position = w->build->position;
    if (!w->more)
        return CAIRN_OK;
    return cairn_jobs_token_seal(jobs, w->arena, &w->binding, w->query->life_ms, w->position,
                                 &page->token);
}

static cairn_err load(walk *w)
{
    cairn_err err =
        cairn_jobs_consumer_load(w->kv, w->query->projection, w->query->slot, &w->record);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "projection: not of this ledger");
    CAIRN_TRY(err);
    w->build = &w->record.builds[JOBS_SERVING];
    if (!w->build->present)
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "projection: is being built");
    return CAIRN_OK;
}

cairn_err cairn_page_read(cairn_jobs *jobs, cairn_arena *arena, const cairn_page_query *query,
                          cairn_page *ret_page)
{
    walk w = {.query = query, .arena = arena};
    cairn_page page = {0};
    CAIRN_TRY(check_query(query));
    CAIRN_TRY(cairn_kv_begin(jobs->kv, false, &w.kv));
    cairn_err err = load(&w);
    if (err == CAIRN_OK)
        err = run(jobs, &w, &page);
    cairn_kv_cursor_close(w.cursor);
    cairn_kv_abort(w.kv);
    CAIRN_TRY(err);
    *ret_page = page;
    return CAIRN_OK;
}
