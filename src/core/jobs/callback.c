/* Callbacks as rows: added, listed, ended. */
#include "core/jobs/callback.h"

#include <openssl/rand.h>
#include <stdio.h>

#include "cairn/sha256.h"
#include "core/crypto/openssl.h"
#include "core/jobs/callback_impl.h"
#include "core/jobs/page_token.h"
#include "core/net/http_client.h"

enum { COUNTS_SIZE = 8, PAGE_LIFE_MS = 3600000, ARENA_SIZE_MAX = 1 << 20 };

static const char page[] = "docs/formats/jobs.md";
static const char count_key[] = "callbacks";

/* --- keys --- */

static void append(uint8_t *data, size_t *size, const void *from, size_t from_size)
{
    memcpy(data + *size, from, from_size);
    *size += from_size;
}

void cairn_callback_key(const char *kind, const cairn_hash *ledger, const cairn_hash *owner,
                        const uint8_t *id, callback_key *ret_key)
{
    size_t size = 0;
    size_t name = strlen(kind);
    CAIRN_ASSERT(name <= CAIRN_JOBS_NAME_SIZE_MAX);
    append(ret_key->data, &size, kind, name + 1);
    append(ret_key->data, &size, ledger->b, sizeof ledger->b);
    if (owner != NULL)
        append(ret_key->data, &size, owner->b, sizeof owner->b);
    if (id != NULL)
        append(ret_key->data, &size, id, CAIRN_CALLBACK_ID_SIZE);
    ret_key->size = size;
}

size_t cairn_callback_topic_key(const char *kind, const cairn_hash *ledger, cairn_bytes topic,
                                const uint8_t *id, uint8_t ret_key[CALLBACK_TOPIC_KEY_SIZE_MAX])
{
    callback_key list;
    size_t size = 0;
    uint8_t topic_size = (uint8_t)topic.size;
    CAIRN_ASSERT(topic.size <= CAIRN_CALLBACK_TOPIC_SIZE_MAX);
    cairn_callback_key(kind, ledger, NULL, NULL, &list);
    append(ret_key, &size, list.data, list.size);
    append(ret_key, &size, &topic_size, 1);
    if (topic.size > 0)
        append(ret_key, &size, topic.data, topic.size);
    if (id != NULL)
        append(ret_key, &size, id, CAIRN_CALLBACK_ID_SIZE);
    return size;
}

cairn_err cairn_callback_divide(cairn_bytes key, const char **ret_kind, cairn_hash *ret_ledger,
                                cairn_hash *ret_owner, uint8_t ret_id[CAIRN_CALLBACK_ID_SIZE])
{
    enum { REST = 2 * (int)sizeof(cairn_hash) + CAIRN_CALLBACK_ID_SIZE };
    const uint8_t *nul = key.size == 0 ? NULL : memchr(key.data, 0, key.size);
    if (nul == NULL || key.data + key.size - nul != 1 + REST)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, page, "callback: key");
    *ret_kind = (const char *)key.data;
    memcpy(ret_ledger->b, nul + 1, sizeof ret_ledger->b);
    memcpy(ret_owner->b, nul + 1 + sizeof ret_ledger->b, sizeof ret_owner->b);
    memcpy(ret_id, nul + 1 + REST - CAIRN_CALLBACK_ID_SIZE, CAIRN_CALLBACK_ID_SIZE);
    return CAIRN_OK;
}

void cairn_callback_lane(const cairn_hash *owner, const uint8_t *id, char ret_tenant[65],
                         char ret_destination[CALLBACK_DESTINATION_SIZE])
{
    cairn_hex_encode(cairn_bytes_hash(owner), ret_tenant);
    memcpy(ret_destination, "callback/", 9);
    cairn_hex_encode(cairn_bytes_of(id, CAIRN_CALLBACK_ID_SIZE), ret_destination + 9);
}

void cairn_callback_secret_name(const uint8_t id[CAIRN_CALLBACK_ID_SIZE], uint32_t secret,
                                char ret_name[CAIRN_CALLBACK_SECRET_NAME_SIZE])
{
    char digits[2 * CAIRN_CALLBACK_ID_SIZE + 1];
    cairn_hex_encode(cairn_bytes_of(id, CAIRN_CALLBACK_ID_SIZE), digits);
    (void)snprintf(ret_name, CAIRN_CALLBACK_SECRET_NAME_SIZE, "%s.%u", digits, secret);
}

/* --- records --- */

cairn_err cairn_callback_load(cairn_kv_txn *kv, const callback_key *key,
                              jobs_callback_record *ret_record)
{
    cairn_bytes value;
    CAIRN_TRY(cairn_kv_get(kv, JOBS_CALLBACKS, callback_key_view(key), &value));
    return cairn_jobs_get_callback(value, ret_record);
}

cairn_err cairn_callback_store(cairn_jobs_txn *txn, const callback_key *key,
                               const jobs_callback_record *record)
{
    cairn_arena arena;
    cairn_bytes encoded;
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    cairn_err err = cairn_jobs_put_callback(&arena, record, &encoded);
    if (err == CAIRN_OK)
        err = cairn_kv_put(txn->kv, JOBS_CALLBACKS, callback_key_view(key), encoded);
    cairn_arena_done(&arena);
    return err;
}

static cairn_err read_count(cairn_kv_txn *kv, uint64_t *ret_count)
{
    cairn_bytes value;
    cairn_err err = cairn_kv_get(kv, JOBS_META, cairn_bytes_str(count_key), &value);
    if (err == CAIRN_OK && value.size != COUNTS_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, page, "callbacks: count");
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    *ret_count = err == CAIRN_OK ? cairn_get_u64(value.data) : 0;
    return CAIRN_OK;
}

static cairn_err write_count(cairn_kv_txn *kv, uint64_t count)
{
    uint8_t value[COUNTS_SIZE];
    cairn_put_u64(value, count);
    return cairn_kv_put(kv, JOBS_META, cairn_bytes_str(count_key),
                        cairn_bytes_of(value, sizeof value));
}

/* --- adding --- */

void cairn_callback_expect(cairn_jobs *jobs)
{
    atomic_store(&jobs->callbacks_expected, true);
}

bool cairn_callback_is_idle(const cairn_jobs *jobs)
{
    return !atomic_load(&jobs->callbacks_expected);
}

static cairn_err check(const cairn_jobs *jobs, const cairn_callback *like)
{
    char origin[CAIRN_HTTP_URL_SIZE_MAX + 1];
    CAIRN_TRY(cairn_http_client_origin(like->sink, origin));
    if (strncmp(like->sink, "https://", 8) != 0 || strchr(like->sink, '#') != NULL)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house",
                          "callback.sink: an https:// URL without a fragment");
    if (like->topic_count < 1 || like->topic_count > CAIRN_CALLBACK_TOPICS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "callback.topics: 1 to %d",
                          CAIRN_CALLBACK_TOPICS_MAX);
    for (size_t i = 0; i < like->topic_count; i++)
        if (like->topics[i].size > CAIRN_CALLBACK_TOPIC_SIZE_MAX)
            return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "callback.topics: at most %d bytes",
                              CAIRN_CALLBACK_TOPIC_SIZE_MAX);
    if (like->expires_ms <= cairn_clock_wall_ms(&jobs->options.clock))
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, "house", "callback.expires_ms: has passed");
    return CAIRN_OK;
}

/* Counts rows below `prefix`, at most `max`. */
static cairn_err count_rows(cairn_kv_txn *kv, const callback_key *prefix, size_t max,
                            size_t *ret_count)
{
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key, value;
    size_t count = 0;
    CAIRN_TRY(cairn_kv_cursor_open(kv, JOBS_CALLBACKS, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, callback_key_view(prefix), &key, &value);
    while (err == CAIRN_OK && count < max && key.size > prefix->size &&
           memcmp(key.data, prefix->data, prefix->size) == 0) {
        count++;
        err = cairn_kv_cursor_next(cursor, &key, &value);
    }
    cairn_kv_cursor_close(cursor);
    *ret_count = count;
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

static cairn_err count_one_more(cairn_jobs_txn *txn, const cairn_callback_place *place)
{
    callback_key prefix;
    uint64_t all = 0;
    size_t own = 0;
    cairn_callback_key(place->kind, &place->ledger, &place->owner, NULL, &prefix);
    CAIRN_TRY(read_count(txn->kv, &all));
    CAIRN_TRY(count_rows(txn->kv, &prefix, CAIRN_CALLBACKS_OWNER_MAX, &own));
    if (all >= CAIRN_CALLBACKS_MAX || own >= CAIRN_CALLBACKS_OWNER_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "callback: there are as many as there may");
    return write_count(txn->kv, all + 1);
}

static cairn_err add_topics(cairn_jobs_txn *txn, const cairn_callback_place *place,
                            const cairn_callback *like, const uint8_t *id)
{
    uint8_t key[CALLBACK_TOPIC_KEY_SIZE_MAX];
    for (size_t i = 0; i < like->topic_count; i++) {
        size_t size =
            cairn_callback_topic_key(place->kind, &place->ledger, like->topics[i], id, key);
        CAIRN_TRY(cairn_kv_put(txn->kv, JOBS_CALLBACK_TOPICS, cairn_bytes_of(key, size),
                               cairn_bytes_hash(&place->owner)));
    }
    return CAIRN_OK;
}

cairn_err cairn_callback_add(cairn_jobs_txn *txn, const cairn_callback_place *place,
                             const cairn_callback *like, uint8_t ret_id[CAIRN_CALLBACK_ID_SIZE])
{
    callback_key key;
    uint8_t id[CAIRN_CALLBACK_ID_SIZE];
    CAIRN_ASSERT(!cairn_callback_is_idle(txn->jobs));
    CAIRN_TRY(check(txn->jobs, like));
    CAIRN_TRY(count_one_more(txn, place));
    if (RAND_bytes(id, sizeof id) != 1)
        return cairn_openssl_fail("callback: id");
    jobs_callback_record record = {.tenant = cairn_bytes_str(place->tenant),
                                   .sink = cairn_bytes_str(like->sink),
                                   .topic_count = like->topic_count,
                                   .created_ms = cairn_clock_wall_ms(&txn->jobs->options.clock),
                                   .expires_ms = like->expires_ms,
                                   .secret = 1,
                                   .since = like->since};
    memcpy(record.topics, like->topics, like->topic_count * sizeof like->topics[0]);
    cairn_callback_key(place->kind, &place->ledger, &place->owner, id, &key);
    CAIRN_TRY(cairn_callback_store(txn, &key, &record));
    CAIRN_TRY(add_topics(txn, place, like, id));
    CAIRN_TRY(cairn_timer_set(txn, CALLBACK_EXPIRE, cairn_bytes_of(id, sizeof id), like->expires_ms,
                              callback_key_view(&key)));
    memcpy(ret_id, id, sizeof id);
    return CAIRN_OK;
}

/* --- one of them --- */

static cairn_err find(cairn_kv_txn *kv, const cairn_callback_place *place, const uint8_t *id,
                      callback_key *ret_key, jobs_callback_record *ret_record)
{
    jobs_callback_record record = {.topic_count = 0};
    cairn_callback_key(place->kind, &place->ledger, &place->owner, id, ret_key);
    cairn_err err = cairn_callback_load(kv, ret_key, &record);
    if (err == CAIRN_ERR_NOT_FOUND ||
        (err == CAIRN_OK && !cairn_bytes_equal(record.tenant, cairn_bytes_str(place->tenant))))
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "callback: is not here");
    CAIRN_TRY(err);
    *ret_record = record;
    return CAIRN_OK;
}

cairn_err cairn_callback_renew(cairn_jobs_txn *txn, const cairn_callback_place *place,
                               const uint8_t id[CAIRN_CALLBACK_ID_SIZE], uint32_t *ret_secret)
{
    callback_key key;
    jobs_callback_record record;
    CAIRN_TRY(find(txn->kv, place, id, &key, &record));
    if (record.secret == UINT32_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "callback: has had all its secrets");
    record.secret++;
    CAIRN_TRY(cairn_callback_store(txn, &key, &record));
    *ret_secret = record.secret;
    return CAIRN_OK;
}

cairn_err cairn_callback_drop(cairn_jobs_txn *txn, const char *kind, const cairn_hash *ledger,
                              const cairn_hash *owner, const uint8_t *id)
{
    callback_key key;
    jobs_callback_record record;
    uint8_t topics[CAIRN_CALLBACK_TOPICS_MAX][CALLBACK_TOPIC_KEY_SIZE_MAX];
    size_t sizes[CAIRN_CALLBACK_TOPICS_MAX];
    char tenant[65], destination[CALLBACK_DESTINATION_SIZE];
    uint64_t count = 0;
    cairn_callback_key(kind, ledger, owner, id, &key);
    CAIRN_TRY(cairn_callback_load(txn->kv, &key, &record));
    for (size_t i = 0; i < record.topic_count; i++) /* its views end with the first write */
        sizes[i] = cairn_callback_topic_key(kind, ledger, record.topics[i], id, topics[i]);
    for (size_t i = 0; i < record.topic_count; i++)
        CAIRN_TRY(
            cairn_kv_delete(txn->kv, JOBS_CALLBACK_TOPICS, cairn_bytes_of(topics[i], sizes[i])));
    CAIRN_TRY(cairn_kv_delete(txn->kv, JOBS_CALLBACKS, callback_key_view(&key)));
    CAIRN_TRY(read_count(txn->kv, &count));
    CAIRN_TRY(write_count(txn->kv, count > 0 ? count - 1 : 0));
    cairn_bytes name = cairn_bytes_of(id, CAIRN_CALLBACK_ID_SIZE);
    CAIRN_TRY(cairn_timer_cancel(txn, CALLBACK_EXPIRE, name));
    CAIRN_TRY(cairn_timer_cancel(txn, CALLBACK_CATCH_UP, name));
    cairn_callback_lane(owner, id, tenant, destination);
    return cairn_outbox_cancel(txn, tenant, destination);
}

cairn_err cairn_callback_remove(cairn_jobs_txn *txn, const cairn_callback_place *place,
                                const uint8_t id[CAIRN_CALLBACK_ID_SIZE])
{
    callback_key key;
    jobs_callback_record record;
    CAIRN_TRY(find(txn->kv, place, id, &key, &record));
    return cairn_callback_drop(txn, place->kind, &place->ledger, &place->owner, id);
}

/* First row below `prefix` above `after` (of its size or more). */
static cairn_err next_row(cairn_kv_txn *kv, const callback_key *prefix, const callback_key *after,
                          cairn_bytes *ret_key, cairn_bytes *ret_value)
{
    cairn_kv_cursor *cursor = NULL;
    CAIRN_TRY(cairn_kv_cursor_open(kv, JOBS_CALLBACKS, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, callback_key_view(after), ret_key, ret_value);
    if (err == CAIRN_OK && cairn_bytes_equal(*ret_key, callback_key_view(after)))
        err = cairn_kv_cursor_next(cursor, ret_key, ret_value);
    cairn_kv_cursor_close(cursor);
    CAIRN_TRY(err);
    bool below = ret_key->size > prefix->size && ret_key->size <= CALLBACK_KEY_SIZE_MAX &&
                 memcmp(ret_key->data, prefix->data, prefix->size) == 0;
    return below ? CAIRN_OK : CAIRN_ERR_NOT_FOUND;
}

cairn_err cairn_callback_remove_owner(cairn_jobs_txn *txn, const char *kind,
                                      const cairn_hash *ledger, const cairn_hash *owner)
{
    callback_key prefix;
    cairn_bytes key, value;
    cairn_err err;
    cairn_callback_key(kind, ledger, owner, NULL, &prefix);
    while ((err = next_row(txn->kv, &prefix, &prefix, &key, &value)) == CAIRN_OK) {
        uint8_t id[CAIRN_CALLBACK_ID_SIZE];
        if (key.size != prefix.size + sizeof id)
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, page, "callback: key");
        memcpy(id, key.data + prefix.size, sizeof id);
        CAIRN_TRY(cairn_callback_drop(txn, kind, ledger, owner, id));
    }
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

/* --- looking --- */

static cairn_err copy_text(cairn_arena *arena, cairn_bytes in, const char **ret_text)
{
    void *out = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, in.size + 1, &out)); /* zeroed */
    if (in.size > 0)
        memcpy(out, in.data, in.size);
    *ret_text = out;
    return CAIRN_OK;
}

static cairn_err copy_out(cairn_arena *arena, const uint8_t *id, const jobs_callback_record *record,
                          cairn_callback *ret_callback)
{
    cairn_bytes *topics = NULL;
    cairn_callback out = {.topic_count = record->topic_count,
                          .created_ms = record->created_ms,
                          .expires_ms = record->expires_ms,
                          .secret = record->secret,
                          .told = record->told,
                          .since = record->since,
                          .behind = record->behind};
    memcpy(out.id, id, sizeof out.id);
    CAIRN_TRY(copy_text(arena, record->sink, &out.sink));
    CAIRN_TRY(cairn_arena_array(arena, record->topic_count, sizeof *topics, (void **)&topics));
    for (size_t i = 0; i < record->topic_count; i++)
        CAIRN_TRY(cairn_arena_copy(arena, record->topics[i], &topics[i]));
    out.topics = topics;
    *ret_callback = out;
    return CAIRN_OK;
}

cairn_err cairn_callback_get(cairn_jobs *jobs, cairn_arena *arena,
                             const cairn_callback_place *place,
                             const uint8_t id[CAIRN_CALLBACK_ID_SIZE], cairn_callback *ret_callback)
{
    cairn_kv_txn *kv = NULL;
    callback_key key;
    jobs_callback_record record;
    CAIRN_TRY(cairn_kv_begin(jobs->kv, false, &kv));
    cairn_err err = find(kv, place, id, &key, &record);
    if (err == CAIRN_OK)
        err = copy_out(arena, id, &record, ret_callback);
    cairn_kv_abort(kv);
    return err;
}

typedef struct listing {
    cairn_arena *arena;
    cairn_kv_txn *kv;
    const cairn_callback_place *place;
    callback_key prefix;
    callback_key after;
    cairn_callback *rows;
    size_t count, limit;
    bool more;
} listing;

static cairn_err list_row(listing *l, cairn_bytes key, cairn_bytes value)
{
    jobs_callback_record record;
    if (key.size != l->prefix.size + CAIRN_CALLBACK_ID_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, page, "callback: key");
    CAIRN_TRY(cairn_jobs_get_callback(value, &record));
    if (!cairn_bytes_equal(record.tenant, cairn_bytes_str(l->place->tenant)))
        return CAIRN_OK;
    l->more = l->count == l->limit;
    if (l->more)
        return CAIRN_OK;
    return copy_out(l->arena, key.data + l->prefix.size, &record, &l->rows[l->count++]);
}

static cairn_err list_rows(listing *l)
{
    cairn_bytes key, value;
    cairn_err err = CAIRN_OK;
    CAIRN_TRY(cairn_arena_array(l->arena, l->limit, sizeof *l->rows, (void **)&l->rows));
    while ((err = next_row(l->kv, &l->prefix, &l->after, &key, &value)) == CAIRN_OK) {
        CAIRN_TRY(list_row(l, key, value));
        if (l->more)
            break;
        memcpy(l->after.data, key.data, key.size);
        l->after.size = key.size;
    }
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

static void bind_page(const listing *l, const cairn_hash *caller, page_binding *ret_binding)
{
    const cairn_bytes parts[] = {cairn_bytes_str("callbacks"), callback_key_view(&l->prefix),
                                 cairn_bytes_str(l->place->tenant)};
    ret_binding->caller = *caller;
    cairn_sha256_parts(parts, 3, &ret_binding->walk);
}

static cairn_err take_token(cairn_jobs *jobs, listing *l, const page_binding *binding,
                            cairn_bytes token)
{
    page_position position;
    if (token.size == 0)
        return CAIRN_OK;
    CAIRN_TRY(cairn_jobs_token_open(jobs, binding, token, &position));
    if (position.size != CAIRN_CALLBACK_ID_SIZE)
        return cairn_page_token_refuse();
    append(l->after.data, &l->after.size, position.key, position.size);
    return CAIRN_OK;
}

static cairn_err give_token(cairn_jobs *jobs, const listing *l, const page_binding *binding,
                            cairn_bytes *ret_token)
{
    page_position position = {.size = CAIRN_CALLBACK_ID_SIZE};
    *ret_token = (cairn_bytes){0};
    if (!l->more)
        return CAIRN_OK;
    memcpy(position.key, l->after.data + l->prefix.size, position.size);
    return cairn_jobs_token_seal(jobs, l->arena, binding, PAGE_LIFE_MS, position, ret_token);
}

cairn_err cairn_callback_page(cairn_jobs *jobs, cairn_arena *arena,
                              const cairn_callback_place *place, const cairn_hash *caller,
                              cairn_bytes token, size_t limit, cairn_callback **ret_rows,
                              size_t *ret_count, cairn_bytes *ret_token)
{
    listing l = {.arena = arena, .place = place, .limit = limit};
    page_binding binding;
    if (limit < 1 || limit > CAIRN_PAGE_LIMIT_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "callbacks.limit: 1 to %d",
                          CAIRN_PAGE_LIMIT_MAX);
    cairn_callback_key(place->kind, &place->ledger, &place->owner, NULL, &l.prefix);
    l.after = l.prefix;
    bind_page(&l, caller, &binding);
    CAIRN_TRY(take_token(jobs, &l, &binding, token));
    CAIRN_TRY(cairn_kv_begin(jobs->kv, false, &l.kv));
    cairn_err err = list_rows(&l);
    cairn_kv_abort(l.kv);
    CAIRN_TRY(err);
    CAIRN_TRY(give_token(jobs, &l, &binding, ret_token));
    *ret_rows = l.rows;
    *ret_count = l.count;
    return CAIRN_OK;
}

/* Those that are behind have a timer each. */
static cairn_err count_behind(cairn_kv_txn *kv, uint64_t *ret_count)
{
    static const char name[] = CALLBACK_CATCH_UP;
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key, value;
    uint64_t count = 0;
    CAIRN_TRY(cairn_kv_cursor_open(kv, JOBS_TIMERS, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(name, sizeof name), &key, &value);
    for (; err == CAIRN_OK && key.size > sizeof name && memcmp(key.data, name, sizeof name) == 0;
         count++)
        err = cairn_kv_cursor_next(cursor, &key, &value);
    cairn_kv_cursor_close(cursor);
    *ret_count = count;
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

cairn_err cairn_callback_counts(cairn_jobs *jobs, uint64_t *ret_count, uint64_t *ret_behind)
{
    cairn_kv_txn *kv = NULL;
    uint64_t count = 0;
    uint64_t behind = 0;
    CAIRN_TRY(cairn_kv_begin(jobs->kv, false, &kv));
    cairn_err err = read_count(kv, &count);
    if (err == CAIRN_OK)
        err = count_behind(kv, &behind);
    cairn_kv_abort(kv);
    CAIRN_TRY(err);
    *ret_count = count;
    *ret_behind = behind;
    return CAIRN_OK;
}
