/* Rows of the outbox: lanes, their order in time, what tenants have waiting, dead letters. */
#include "core/jobs/outbox_rows.h"

#include <stdio.h>
#include <strings.h>

#include "cairn/sha256.h"

enum {
    LANE_SIZE = sizeof(cairn_hash),
    ROW_KEY_SIZE = LANE_SIZE + 8,
    LANE_ROWS_SIZE = 512 /* bytes that a message costs besides its own, roughly */
};

static const char page[] = "docs/formats/jobs.md";

/* --- messages --- */

static cairn_err first_of(cairn_kv_txn *kv, unsigned table, const cairn_hash *prefix,
                          uint8_t ret_key[ROW_KEY_SIZE], cairn_bytes *ret_value)
{
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key;
    CAIRN_TRY(cairn_kv_cursor_open(kv, table, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_hash(prefix), &key, ret_value);
    cairn_kv_cursor_close(cursor);
    CAIRN_TRY(err);
    if (key.size != ROW_KEY_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, page, "outbox: size of a key");
    if (memcmp(key.data, prefix->b, LANE_SIZE) != 0)
        return CAIRN_ERR_NOT_FOUND;
    memcpy(ret_key, key.data, ROW_KEY_SIZE);
    return CAIRN_OK;
}

static cairn_err load_lane(cairn_kv_txn *kv, const cairn_hash *lane, jobs_lane_record *ret_record)
{
    cairn_bytes value;
    CAIRN_TRY(cairn_kv_get(kv, JOBS_LANES, cairn_bytes_hash(lane), &value));
    return cairn_jobs_get_lane(value, ret_record);
}

cairn_err cairn_outbox_head(cairn_kv_txn *kv, const cairn_hash *lane, outbox_head *ret_head)
{
    uint8_t key[ROW_KEY_SIZE];
    outbox_head head = {0};
    CAIRN_TRY(load_lane(kv, lane, &head.lane));
    cairn_err err = first_of(kv, JOBS_OUTBOX, lane, key, &head.encoded);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, page, "outbox: a lane without a message");
    CAIRN_TRY(err);
    head.id = cairn_get_u64(key + LANE_SIZE);
    CAIRN_TRY(cairn_jobs_get_message(head.encoded, &head.message));
    *ret_head = head;
    return CAIRN_OK;
}

/* --- tenants --- */

static void tenant_key(cairn_bytes tenant, cairn_hash *ret_key)
{
    cairn_sha256_of(tenant.data, tenant.size, ret_key);
}

static cairn_err load_tenant(cairn_kv_txn *kv, const cairn_hash *key,
                             jobs_tenant_record *ret_record)
{
    cairn_bytes value;
    cairn_err err = cairn_kv_get(kv, JOBS_TENANTS, cairn_bytes_hash(key), &value);
    if (err == CAIRN_ERR_NOT_FOUND) {
        *ret_record = (jobs_tenant_record){0};
        return CAIRN_OK;
    }
    CAIRN_TRY(err);
    return cairn_jobs_get_tenant(value, ret_record);
}

static cairn_err store_tenant(cairn_kv_txn *kv, const cairn_hash *key,
                              const jobs_tenant_record *record)
{
    uint8_t value[JOBS_TENANT_RECORD_MAX];
    if (record->waiting == 0 && record->dead == 0)
        return cairn_kv_delete(kv, JOBS_TENANTS, cairn_bytes_hash(key));
    size_t size = cairn_jobs_put_tenant(record, value);
    return cairn_kv_put(kv, JOBS_TENANTS, cairn_bytes_hash(key), cairn_bytes_of(value, size));
}

static cairn_err count_gone(cairn_jobs_txn *txn, const cairn_hash *tenant, size_t size)
{
    jobs_tenant_record record;
    CAIRN_TRY(load_tenant(txn->kv, tenant, &record));
    if (record.waiting == 0 || record.waiting_bytes < size || txn->counts.waiting == 0 ||
        txn->counts.waiting_bytes < size)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, page, "outbox: counts");
    record.waiting--;
    record.waiting_bytes -= size;
    txn->counts.waiting--;
    txn->counts.waiting_bytes -= size;
    return store_tenant(txn->kv, tenant, &record);
}

static cairn_err count_come(cairn_jobs_txn *txn, const cairn_hash *tenant, size_t size)
{
    jobs_tenant_record record;
    CAIRN_TRY(load_tenant(txn->kv, tenant, &record));
    if (record.waiting >= CAIRN_OUTBOX_TENANT_ROWS_MAX ||
        record.waiting_bytes + size > CAIRN_OUTBOX_TENANT_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house",
                          "outbox: the tenant has as much waiting as it may");
    record.waiting++;
    record.waiting_bytes += size;
    txn->counts.waiting++;
    txn->counts.waiting_bytes += size;
    return store_tenant(txn->kv, tenant, &record);
}

/* --- lanes --- */

static size_t lane_due(const cairn_hash *lane, const jobs_lane_record *record,
                       uint8_t ret_key[JOBS_DUE_KEY_SIZE + LANE_SIZE])
{
    return cairn_jobs_due_key(record->retrying, record->at_ms, cairn_bytes_hash(lane), ret_key);
}

/* Puts `record` in place of `old` (NULL: there was none). Takes its bytes before it writes. */
static cairn_err store_lane(cairn_kv_txn *kv, const cairn_hash *lane, const jobs_lane_record *old,
                            const jobs_lane_record *record)
{
    uint8_t due[JOBS_DUE_KEY_SIZE + LANE_SIZE];
    uint8_t value[JOBS_LANE_RECORD_MAX];
    size_t size = cairn_jobs_put_lane(record, value);
    if (old != NULL) {
        size_t old_size = lane_due(lane, old, due);
        CAIRN_TRY(cairn_kv_delete(kv, JOBS_LANES_DUE, cairn_bytes_of(due, old_size)));
    }
    size_t due_size = lane_due(lane, record, due);
    CAIRN_TRY(cairn_kv_put(kv, JOBS_LANES, cairn_bytes_hash(lane), cairn_bytes_of(value, size)));
    return cairn_kv_put(kv, JOBS_LANES_DUE, cairn_bytes_of(due, due_size), cairn_bytes_of(NULL, 0));
}

static cairn_err delete_lane(cairn_kv_txn *kv, const cairn_hash *lane, const jobs_lane_record *old)
{
    uint8_t due[JOBS_DUE_KEY_SIZE + LANE_SIZE];
    size_t size = lane_due(lane, old, due);
    CAIRN_TRY(cairn_kv_delete(kv, JOBS_LANES_DUE, cairn_bytes_of(due, size)));
    return cairn_kv_delete(kv, JOBS_LANES, cairn_bytes_hash(lane));
}

static void lane_of(cairn_bytes tenant, cairn_bytes destination, cairn_hash *ret_lane)
{
    const cairn_bytes parts[] = {tenant, cairn_bytes_of("", 1), destination};
    cairn_sha256_parts(parts, 3, ret_lane);
}

static cairn_err join_lane(cairn_jobs_txn *txn, const cairn_hash *lane, cairn_bytes tenant,
                           cairn_bytes destination)
{
    jobs_lane_record old;
    cairn_err err = load_lane(txn->kv, lane, &old);
    if (err == CAIRN_ERR_NOT_FOUND) {
        jobs_lane_record record = {.tenant = tenant,
                                   .destination = destination,
                                   .count = 1,
                                   .at_ms = cairn_clock_wall_ms(&txn->jobs->options.clock)};
        return store_lane(txn->kv, lane, NULL, &record);
    }
    CAIRN_TRY(err);
    jobs_lane_record record = old;
    record.count++;
    return store_lane(txn->kv, lane, &old, &record);
}

/* One more message at the end of a lane. */
static cairn_err append(cairn_jobs_txn *txn, cairn_bytes tenant, cairn_bytes destination,
                        cairn_bytes encoded, uint64_t *ret_id)
{
    cairn_hash lane, owner;
    uint8_t key[ROW_KEY_SIZE];
    lane_of(tenant, destination, &lane);
    tenant_key(tenant, &owner);
    CAIRN_TRY(count_come(txn, &owner, encoded.size));
    uint64_t id = cairn_jobs_txn_sequence(txn);
    memcpy(key, lane.b, LANE_SIZE);
    cairn_put_u64(key + LANE_SIZE, id);
    CAIRN_TRY(cairn_kv_put(txn->kv, JOBS_OUTBOX, cairn_bytes_of(key, sizeof key), encoded));
    CAIRN_TRY(join_lane(txn, &lane, tenant, destination));
    txn->written += encoded.size + LANE_ROWS_SIZE;
    *ret_id = id;
    return CAIRN_OK;
}

/* Takes the first message out; the lane's own row is the caller's. */
static cairn_err remove_first(cairn_jobs_txn *txn, const cairn_hash *lane, const cairn_hash *owner)
{
    uint8_t key[ROW_KEY_SIZE];
    cairn_bytes value;
    CAIRN_TRY(first_of(txn->kv, JOBS_OUTBOX, lane, key, &value));
    size_t size = value.size;
    CAIRN_TRY(cairn_kv_delete(txn->kv, JOBS_OUTBOX, cairn_bytes_of(key, sizeof key)));
    return count_gone(txn, owner, size);
}

cairn_err cairn_outbox_remove_head(cairn_jobs_txn *txn, const cairn_hash *lane)
{
    jobs_lane_record old;
    cairn_hash owner;
    CAIRN_TRY(load_lane(txn->kv, lane, &old));
    tenant_key(old.tenant, &owner);
    if (old.count == 1) {
        CAIRN_TRY(delete_lane(txn->kv, lane, &old));
    } else {
        jobs_lane_record record = {.tenant = old.tenant,
                                   .destination = old.destination,
                                   .count = old.count - 1,
                                   .at_ms = cairn_clock_wall_ms(&txn->jobs->options.clock)};
        CAIRN_TRY(store_lane(txn->kv, lane, &old, &record));
    }
    return remove_first(txn, lane, &owner);
}

static cairn_bytes cut_reason(const char *reason)
{
    cairn_bytes text = cairn_bytes_str(reason);
    if (text.size > JOBS_REASON_SIZE_MAX)
        text.size = JOBS_REASON_SIZE_MAX;
    return text;
}

cairn_err cairn_outbox_retry_head(cairn_jobs_txn *txn, const cairn_hash *lane, uint64_t at_ms,
                                  int status, const char *reason)
{
    jobs_lane_record old;
    CAIRN_TRY(load_lane(txn->kv, lane, &old));
    jobs_lane_record record = old;
    record.retrying = true;
    record.at_ms = at_ms;
    record.attempts++;
    record.status = status;
    record.reason = cut_reason(reason);
    return store_lane(txn->kv, lane, &old, &record);
}

/* --- dead letters --- */

static cairn_err delete_dead(cairn_jobs_txn *txn, const uint8_t key[ROW_KEY_SIZE])
{
    if (txn->counts.dead == 0)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, page, "outbox: counts");
    txn->counts.dead--;
    return cairn_kv_delete(txn->kv, JOBS_DEAD, cairn_bytes_of(key, ROW_KEY_SIZE));
}

/* Room for one more: the oldest of the tenant gives way. */
static cairn_err count_dead(cairn_jobs_txn *txn, const cairn_hash *owner)
{
    jobs_tenant_record record;
    uint8_t key[ROW_KEY_SIZE];
    cairn_bytes value;
    CAIRN_TRY(load_tenant(txn->kv, owner, &record));
    if (record.dead < CAIRN_OUTBOX_DEAD_MAX) {
        record.dead++;
    } else {
        CAIRN_TRY(first_of(txn->kv, JOBS_DEAD, owner, key, &value));
        CAIRN_TRY(delete_dead(txn, key));
    }
    txn->counts.dead++;
    return store_tenant(txn->kv, owner, &record);
}

static cairn_err bury(cairn_jobs_txn *txn, const outbox_head *head, uint32_t attempts, int status,
                      const char *reason, cairn_arena *arena)
{
    cairn_hash owner;
    uint8_t key[ROW_KEY_SIZE];
    cairn_bytes encoded;
    jobs_dead_record dead = {.tenant = head->lane.tenant,
                             .destination = head->lane.destination,
                             .attempts = attempts,
                             .status = status,
                             .reason = cut_reason(reason),
                             .message = head->encoded};
    tenant_key(head->lane.tenant, &owner);
    memcpy(key, owner.b, LANE_SIZE);
    cairn_put_u64(key + LANE_SIZE, head->id);
    CAIRN_TRY(cairn_jobs_put_dead(arena, &dead, &encoded));
    CAIRN_TRY(count_dead(txn, &owner));
    return cairn_kv_put(txn->kv, JOBS_DEAD, cairn_bytes_of(key, sizeof key), encoded);
}

cairn_err cairn_outbox_bury_head(cairn_jobs_txn *txn, const cairn_hash *lane, uint32_t attempts,
                                 int status, const char *reason)
{
    outbox_head head;
    cairn_arena arena;
    CAIRN_TRY(cairn_outbox_head(txn->kv, lane, &head));
    cairn_arena_init(&arena, SIZE_MAX / 2);
    cairn_err err = bury(txn, &head, attempts, status, reason, &arena);
    cairn_arena_done(&arena);
    CAIRN_TRY(err);
    return cairn_outbox_remove_head(txn, lane);
}

/* Finds a tenant's dead letter and takes it off the shelf. */
static cairn_err take_dead(cairn_jobs_txn *txn, cairn_arena *arena, const char *tenant, uint64_t id,
                           cairn_bytes *ret_encoded)
{
    cairn_hash owner;
    uint8_t key[ROW_KEY_SIZE];
    cairn_bytes value;
    jobs_tenant_record record;
    tenant_key(cairn_bytes_str(tenant), &owner);
    memcpy(key, owner.b, LANE_SIZE);
    cairn_put_u64(key + LANE_SIZE, id);
    CAIRN_TRY(cairn_kv_get(txn->kv, JOBS_DEAD, cairn_bytes_of(key, sizeof key), &value));
    CAIRN_TRY(cairn_arena_copy(arena, value, ret_encoded));
    CAIRN_TRY(delete_dead(txn, key));
    CAIRN_TRY(load_tenant(txn->kv, &owner, &record));
    if (record.dead == 0)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, page, "outbox: counts");
    record.dead--;
    return store_tenant(txn->kv, &owner, &record);
}

static cairn_err revive(cairn_jobs_txn *txn, cairn_arena *arena, const char *tenant, uint64_t id,
                        uint64_t expires_ms)
{
    cairn_bytes encoded;
    jobs_dead_record dead;
    jobs_message_record message;
    uint64_t new_id = 0;
    uint64_t now = cairn_clock_wall_ms(&txn->jobs->options.clock);
    if (expires_ms <= now)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, "house", "outbox.expires_ms: has passed");
    cairn_err err = take_dead(txn, arena, tenant, id, &encoded);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "outbox: no such dead letter");
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_jobs_get_dead(encoded, &dead));
    CAIRN_TRY(cairn_jobs_get_message(dead.message, &message));
    message.created_ms = now;
    message.expires_ms = expires_ms;
    CAIRN_TRY(cairn_jobs_put_message(arena, &message, &encoded));
    return append(txn, dead.tenant, dead.destination, encoded, &new_id);
}

cairn_err cairn_outbox_revive(cairn_jobs_txn *txn, const char *tenant, uint64_t id,
                              uint64_t expires_ms)
{
    cairn_arena arena;
    cairn_arena_init(&arena, SIZE_MAX / 2);
    cairn_err err = revive(txn, &arena, tenant, id, expires_ms);
    cairn_arena_done(&arena);
    return err;
}

cairn_err cairn_outbox_forget(cairn_jobs_txn *txn, const char *tenant, uint64_t id)
{
    cairn_arena arena;
    cairn_bytes encoded;
    cairn_arena_init(&arena, SIZE_MAX / 2);
    cairn_err err = take_dead(txn, &arena, tenant, id, &encoded);
    cairn_arena_done(&arena);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

/* --- from outside --- */

static bool is_printable(const char *text, size_t size_max, bool blanks)
{
    size_t size = 0;
    for (; text[size] != '\0'; size++) {
        bool visible = text[size] > ' ' && text[size] < 0x7f;
        if (size == size_max || !(visible || (blanks && text[size] == ' ')))
            return false;
    }
    return true;
}

/* Fields that the outbox, or the protocol below it, says itself. */
static bool is_own_header(const char *name, size_t size)
{
    static const char *const own[] = {
        "Connection",
        "Content-Digest",
        "Content-Encoding",
        "Content-Length",
        "Content-Type",
        "Expect",
        "Host",
        "Idempotency-Key",
        "Keep-Alive",
        "Proxy-Connection",
        "Signature",
        "Signature-Input",
        "TE",
        "Trailer",
        "Upgrade",
        "Date",
        "Transfer-Encoding",
    };
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strlen(own[i]) == size && strncasecmp(own[i], name, size) == 0)
            return true;
    return false;
}

/* RFC 9110 section 5.1 and 5.6.2: a token, a colon, a value. */
static bool is_header(const char *line)
{
    size_t name = strspn(line, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return name > 0 && line[name] == ':' && !is_own_header(line, name) &&
           is_printable(line, CAIRN_OUTBOX_HEADER_SIZE_MAX, true);
}

static cairn_err check_texts(const cairn_outbox_message *m)
{
    size_t destination = strlen(m->destination);
    bool http = strncmp(m->url, "http://", 7) == 0 || strncmp(m->url, "https://", 8) == 0;
    if (strlen(m->tenant) > CAIRN_TENANT_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "outbox.tenant: too long");
    if (destination < 1 || destination > CAIRN_OUTBOX_DESTINATION_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "outbox.destination: %zu bytes",
                          destination);
    if (!http || !is_printable(m->url, CAIRN_HTTP_URL_SIZE_MAX, false))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "RFC 9110 section 4.2", "outbox.url: not allowed");
    if (m->content_type[0] == '\0' ||
        !is_printable(m->content_type, CAIRN_OUTBOX_HEADER_SIZE_MAX, true))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "RFC 9110 section 8.3", "outbox.content_type");
    for (size_t i = 0; i < m->header_count; i++)
        if (!is_header(m->headers[i]))
            return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "RFC 9110 section 5", "outbox.headers: line %zu",
                              i);
    return CAIRN_OK;
}

static cairn_err check_message(const cairn_jobs *jobs, const cairn_outbox_message *m)
{
    if (m->header_count > CAIRN_OUTBOX_HEADERS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "outbox.headers: %zu", m->header_count);
    CAIRN_TRY(check_texts(m));
    if (m->signature >= CAIRN_OUTBOX_SIGNATURES ||
        (m->signature == CAIRN_OUTBOX_UNSIGNED) != (m->key[0] == '\0') ||
        strlen(m->key) > CAIRN_SIGNER_NAME_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "outbox.key: does not go with signature");
    if (m->body.size > CAIRN_OUTBOX_BODY_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "outbox.body: %zu bytes", m->body.size);
    if (m->expires_ms <= cairn_clock_wall_ms(&jobs->options.clock))
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, "house", "outbox.expires_ms: has passed");
    return CAIRN_OK;
}

static cairn_err encode(cairn_arena *arena, const cairn_outbox_message *m, uint64_t now,
                        cairn_bytes *ret_encoded)
{
    jobs_message_record record = {.url = cairn_bytes_str(m->url),
                                  .content_type = cairn_bytes_str(m->content_type),
                                  .body = m->body,
                                  .header_count = m->header_count,
                                  .signature = m->signature,
                                  .key = cairn_bytes_str(m->key),
                                  .created_ms = now,
                                  .expires_ms = m->expires_ms};
    for (size_t i = 0; i < m->header_count; i++)
        record.headers[i] = cairn_bytes_str(m->headers[i]);
    return cairn_jobs_put_message(arena, &record, ret_encoded);
}

cairn_err cairn_outbox_put(cairn_jobs_txn *txn, const cairn_outbox_message *message,
                           uint64_t *ret_id)
{
    cairn_arena arena;
    cairn_bytes encoded;
    CAIRN_TRY(check_message(txn->jobs, message));
    cairn_arena_init(&arena, SIZE_MAX / 2);
    cairn_err err =
        encode(&arena, message, cairn_clock_wall_ms(&txn->jobs->options.clock), &encoded);
    if (err == CAIRN_OK)
        err = append(txn, cairn_bytes_str(message->tenant), cairn_bytes_str(message->destination),
                     encoded, ret_id);
    cairn_arena_done(&arena);
    return err;
}

/* The first dead letter above `key` that is of this destination. */
static cairn_err next_dead(cairn_kv_txn *kv, const cairn_hash *owner, cairn_bytes destination,
                           uint8_t key[ROW_KEY_SIZE])
{
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes found, value;
    jobs_dead_record dead;
    bool is_of_it = false;
    CAIRN_TRY(cairn_kv_cursor_open(kv, JOBS_DEAD, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(key, ROW_KEY_SIZE), &found, &value);
    while (err == CAIRN_OK && !is_of_it) {
        bool is_owners = found.size == ROW_KEY_SIZE && memcmp(found.data, owner->b, LANE_SIZE) == 0;
        err = is_owners ? cairn_jobs_get_dead(value, &dead) : CAIRN_ERR_NOT_FOUND;
        is_of_it = err == CAIRN_OK && cairn_bytes_equal(dead.destination, destination);
        if (is_of_it)
            memcpy(key, found.data, ROW_KEY_SIZE);
        else if (err == CAIRN_OK)
            err = cairn_kv_cursor_next(cursor, &found, &value);
    }
    cairn_kv_cursor_close(cursor);
    return err;
}

static cairn_err cancel_dead(cairn_jobs_txn *txn, const cairn_hash *owner, cairn_bytes destination)
{
    jobs_tenant_record record;
    uint8_t key[ROW_KEY_SIZE] = {0};
    cairn_err err = CAIRN_OK;
    memcpy(key, owner->b, LANE_SIZE);
    CAIRN_TRY(load_tenant(txn->kv, owner, &record));
    while (record.dead > 0 && (err = next_dead(txn->kv, owner, destination, key)) == CAIRN_OK) {
        CAIRN_TRY(delete_dead(txn, key));
        record.dead--;
        CAIRN_TRY(store_tenant(txn->kv, owner, &record));
    }
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

cairn_err cairn_outbox_cancel(cairn_jobs_txn *txn, const char *tenant, const char *destination)
{
    cairn_hash lane, owner;
    jobs_lane_record record;
    lane_of(cairn_bytes_str(tenant), cairn_bytes_str(destination), &lane);
    tenant_key(cairn_bytes_str(tenant), &owner);
    CAIRN_TRY(cancel_dead(txn, &owner, cairn_bytes_str(destination)));
    cairn_err err = load_lane(txn->kv, &lane, &record);
    if (err != CAIRN_OK)
        return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
    CAIRN_TRY(delete_lane(txn->kv, &lane, &record));
    while ((err = remove_first(txn, &lane, &owner)) == CAIRN_OK)
        ;
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

cairn_err cairn_outbox_count(cairn_jobs_txn *txn, const char *tenant, const char *destination,
                             uint64_t *ret_count)
{
    cairn_hash lane;
    jobs_lane_record record;
    lane_of(cairn_bytes_str(tenant), cairn_bytes_str(destination), &lane);
    cairn_err err = load_lane(txn->kv, &lane, &record);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    *ret_count = err == CAIRN_OK ? record.count : 0;
    return CAIRN_OK;
}

/* --- as others see it --- */

static cairn_err copy_text(cairn_arena *arena, cairn_bytes in, const char **ret_text)
{
    void *out = NULL;
    if (in.size > 0 && memchr(in.data, 0, in.size) != NULL)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, page, "outbox: a text holds a NUL");
    CAIRN_TRY(cairn_arena_alloc(arena, in.size + 1, &out)); /* zeroed */
    if (in.size > 0)
        memcpy(out, in.data, in.size);
    *ret_text = out;
    return CAIRN_OK;
}

static cairn_err copy_headers(cairn_arena *arena, const jobs_message_record *record,
                              cairn_outbox_message *message)
{
    const char **headers = NULL;
    CAIRN_TRY(
        cairn_arena_array(arena, CAIRN_OUTBOX_HEADERS_MAX, sizeof *headers, (void **)&headers));
    for (size_t i = 0; i < record->header_count; i++)
        CAIRN_TRY(copy_text(arena, record->headers[i], &headers[i]));
    message->headers = headers;
    message->header_count = record->header_count;
    return CAIRN_OK;
}

cairn_err cairn_outbox_row_copy(cairn_arena *arena, const outbox_head *head,
                                cairn_outbox_row *ret_row)
{
    const jobs_message_record *record = &head->message;
    cairn_outbox_row row = {.id = head->id,
                            .created_ms = record->created_ms,
                            .attempts = head->lane.attempts,
                            .next_ms = head->lane.at_ms,
                            .status = head->lane.status};
    cairn_outbox_message *message = &row.message;
    CAIRN_TRY(copy_text(arena, head->lane.tenant, &message->tenant));
    CAIRN_TRY(copy_text(arena, head->lane.destination, &message->destination));
    CAIRN_TRY(copy_text(arena, head->lane.reason, &row.reason));
    CAIRN_TRY(copy_text(arena, record->url, &message->url));
    CAIRN_TRY(copy_text(arena, record->content_type, &message->content_type));
    CAIRN_TRY(copy_text(arena, record->key, &message->key));
    CAIRN_TRY(copy_headers(arena, record, message));
    CAIRN_TRY(cairn_arena_copy(arena, record->body, &message->body));
    message->signature = record->signature;
    message->expires_ms = record->expires_ms;
    *ret_row = row;
    return CAIRN_OK;
}

void cairn_outbox_origin(cairn_bytes url, cairn_hash *ret_origin)
{
    char text[CAIRN_HTTP_URL_SIZE_MAX + 1] = "";
    char origin[CAIRN_HTTP_URL_SIZE_MAX + 1];
    if (url.size < sizeof text)
        memcpy(text, url.data, url.size);
    if (cairn_http_client_origin(text, origin) == CAIRN_OK)
        cairn_sha256_of(origin, strlen(origin), ret_origin);
    else /* its call fails, too */
        cairn_sha256_of(url.data, url.size, ret_origin);
}

/* --- looking --- */

typedef struct look {
    cairn_kv_txn *kv;
    const char *tenant;
    size_t limit;
    cairn_err (*visit)(void *context, const cairn_outbox_row *row);
    void *context;
    cairn_arena arena;
    cairn_hash lane; /* of the row before */
} look;

static bool is_looked_for(const look *l, cairn_bytes tenant)
{
    return l->tenant == NULL || cairn_bytes_equal(tenant, cairn_bytes_str(l->tenant));
}

static cairn_err show_row(look *l, const outbox_head *head)
{
    cairn_outbox_row row;
    if (!is_looked_for(l, head->lane.tenant))
        return CAIRN_OK;
    cairn_arena_reset(&l->arena);
    CAIRN_TRY(cairn_outbox_row_copy(&l->arena, head, &row));
    l->limit--;
    return l->visit(l->context, &row);
}

static cairn_err show_waiting(look *l, cairn_bytes key, cairn_bytes value)
{
    outbox_head head = {.id = cairn_get_u64(key.data + LANE_SIZE), .encoded = value};
    cairn_hash lane;
    memcpy(lane.b, key.data, LANE_SIZE);
    bool is_first = !cairn_hash_equal(&lane, &l->lane);
    l->lane = lane;
    CAIRN_TRY(load_lane(l->kv, &lane, &head.lane));
    if (!is_first) {
        head.lane.attempts = 0;
        head.lane.at_ms = 0;
        head.lane.status = 0;
        head.lane.reason.size = 0;
    }
    CAIRN_TRY(cairn_jobs_get_message(value, &head.message));
    return show_row(l, &head);
}

static cairn_err show_dead(look *l, cairn_bytes key, cairn_bytes value)
{
    outbox_head head = {.id = cairn_get_u64(key.data + LANE_SIZE)};
    jobs_dead_record dead;
    CAIRN_TRY(cairn_jobs_get_dead(value, &dead));
    head.lane = (jobs_lane_record){.tenant = dead.tenant,
                                   .destination = dead.destination,
                                   .attempts = dead.attempts,
                                   .status = dead.status,
                                   .reason = dead.reason};
    CAIRN_TRY(cairn_jobs_get_message(dead.message, &head.message));
    return show_row(l, &head);
}

static cairn_err look_through(look *l, unsigned table)
{
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key, value;
    CAIRN_TRY(cairn_kv_cursor_open(l->kv, table, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(NULL, 0), &key, &value);
    while (err == CAIRN_OK && l->limit > 0) {
        if (key.size != ROW_KEY_SIZE)
            err = CAIRN_FAIL(CAIRN_ERR_CORRUPT, page, "outbox: size of a key");
        else
            err = table == JOBS_DEAD ? show_dead(l, key, value) : show_waiting(l, key, value);
        if (err == CAIRN_OK)
            err = cairn_kv_cursor_next(cursor, &key, &value);
    }
    cairn_kv_cursor_close(cursor);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

cairn_err cairn_outbox_each(cairn_jobs *jobs, cairn_outbox_shelf shelf, const char *tenant,
                            size_t limit,
                            cairn_err (*visit)(void *context, const cairn_outbox_row *row),
                            void *context)
{
    look l = {.tenant = tenant, .limit = limit, .visit = visit, .context = context};
    CAIRN_TRY(cairn_kv_begin(jobs->kv, false, &l.kv));
    cairn_arena_init(&l.arena, SIZE_MAX / 2);
    cairn_err err = look_through(&l, shelf == CAIRN_OUTBOX_DEAD ? JOBS_DEAD : JOBS_OUTBOX);
    cairn_arena_done(&l.arena);
    cairn_kv_abort(l.kv);
    return err;
}
