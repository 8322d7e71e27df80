/* Stored rows of the jobs: one encoder and one decoder each, side by side. */
#include "core/jobs/record.h"

#include <stdio.h>

#include "cairn/cbor.h"

static const char clause[] = "docs/formats/jobs.md";
static const char consumer_magic[] = "cairn/jobs-consumer/1";
static const char counts_magic[] = "cairn/jobs-counts/1";

enum { ERR_NUMBER_MAX = 9999, STATUS_MAX = 999 };

/* The bytes of a writer whose room is large enough by its record's bounds. */
static size_t written(const cairn_cbor_writer *writer)
{
    CAIRN_ASSERT(writer->size <= writer->capacity);
    return writer->size;
}

/* Whatever a row has wrong, it is our own disk that lies. */
static cairn_err corrupt_unless_ok(cairn_err err)
{
    if (err == CAIRN_OK)
        return CAIRN_OK;
    char detail[256];
    (void)snprintf(detail, sizeof detail, "%s", cairn_err_detail());
    return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "%s", detail);
}

static cairn_err open_array(cairn_cbor_reader *reader, cairn_bytes in, const char *object,
                            size_t count)
{
    size_t found = 0;
    CAIRN_TRY(cairn_cbor_open(reader, in, CAIRN_CBOR_STRICT, object, clause));
    return cairn_cbor_read_array(reader, "row", count, count, &found);
}

static cairn_err read_u32(cairn_cbor_reader *reader, const char *field, uint32_t *ret_value)
{
    uint64_t value = 0;
    CAIRN_TRY(cairn_cbor_read_uint(reader, field, 0, UINT32_MAX, &value));
    *ret_value = (uint32_t)value;
    return CAIRN_OK;
}

static cairn_err read_status(cairn_cbor_reader *reader, int *ret_status)
{
    uint64_t value = 0;
    CAIRN_TRY(cairn_cbor_read_uint(reader, "status", 0, STATUS_MAX, &value));
    *ret_status = (int)value;
    return CAIRN_OK;
}

/* --- consumer --- */

static void put_parked(cairn_cbor_writer *writer, const jobs_build *build)
{
    if (build->parked == CAIRN_OK) {
        cairn_cbor_put_null(writer);
        return;
    }
    cairn_cbor_put_array(writer, 2);
    cairn_cbor_put_uint(writer, (uint64_t)-build->parked);
    cairn_cbor_put_bytes(writer, cairn_bytes_str(build->reason));
}

static void put_build(cairn_cbor_writer *writer, const jobs_build *build)
{
    if (!build->present) {
        cairn_cbor_put_null(writer);
        return;
    }
    cairn_cbor_put_array(writer, 5);
    cairn_cbor_put_uint(writer, build->generation);
    cairn_cbor_put_uint(writer, build->version);
    cairn_cbor_put_uint(writer, build->position.height);
    cairn_cbor_put_uint(writer, build->position.ordinal);
    put_parked(writer, build);
}

size_t cairn_jobs_put_consumer(const jobs_consumer_record *record,
                               uint8_t ret_out[JOBS_CONSUMER_RECORD_MAX])
{
    cairn_cbor_writer writer;
    cairn_cbor_writer_init(&writer, ret_out, JOBS_CONSUMER_RECORD_MAX);
    cairn_cbor_put_array(&writer, 2 + JOBS_BUILDS);
    cairn_cbor_put_text(&writer, consumer_magic);
    cairn_cbor_put_hash(&writer, &record->ledger);
    for (size_t i = 0; i < JOBS_BUILDS; i++)
        put_build(&writer, &record->builds[i]);
    return written(&writer);
}

static cairn_err get_parked(cairn_cbor_reader *reader, jobs_build *build)
{
    uint64_t code = 0;
    size_t count = 0;
    cairn_bytes reason;
    if (cairn_cbor_peek(reader) == CAIRN_CBOR_NULL)
        return cairn_cbor_read_null(reader, "parked");
    CAIRN_TRY(cairn_cbor_read_array(reader, "parked", 2, 2, &count));
    CAIRN_TRY(cairn_cbor_read_uint(reader, "code", 1, ERR_NUMBER_MAX, &code));
    CAIRN_TRY(cairn_cbor_read_bytes(reader, "reason", 0, JOBS_REASON_SIZE_MAX, &reason));
    if (reason.size > 0 && memchr(reason.data, 0, reason.size) != NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "consumer.reason: holds a NUL");
    build->parked = -(cairn_err)code;
    (void)snprintf(build->reason, sizeof build->reason, "%.*s", (int)reason.size,
                   (const char *)reason.data);
    return CAIRN_OK;
}

static cairn_err get_build(cairn_cbor_reader *reader, jobs_build *build)
{
    size_t count = 0;
    if (cairn_cbor_peek(reader) == CAIRN_CBOR_NULL)
        return cairn_cbor_read_null(reader, "build");
    CAIRN_TRY(cairn_cbor_read_array(reader, "build", 5, 5, &count));
    CAIRN_TRY(read_u32(reader, "generation", &build->generation));
    CAIRN_TRY(read_u32(reader, "version", &build->version));
    CAIRN_TRY(cairn_cbor_read_uint(reader, "height", 0, UINT64_MAX, &build->position.height));
    CAIRN_TRY(read_u32(reader, "ordinal", &build->position.ordinal));
    CAIRN_TRY(get_parked(reader, build));
    build->present = true;
    return CAIRN_OK;
}

static cairn_err read_consumer(cairn_bytes in, jobs_consumer_record *record)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(open_array(&reader, in, "consumer", 2 + JOBS_BUILDS));
    CAIRN_TRY(cairn_cbor_read_magic(&reader, consumer_magic));
    CAIRN_TRY(cairn_cbor_read_hash(&reader, "ledger", &record->ledger));
    for (size_t i = 0; i < JOBS_BUILDS; i++)
        CAIRN_TRY(get_build(&reader, &record->builds[i]));
    return cairn_cbor_end(&reader);
}

cairn_err cairn_jobs_get_consumer(cairn_bytes in, jobs_consumer_record *ret_record)
{
    jobs_consumer_record record = {0};
    CAIRN_TRY(corrupt_unless_ok(read_consumer(in, &record)));
    *ret_record = record;
    return CAIRN_OK;
}

/* --- counts --- */

size_t cairn_jobs_put_counts(const jobs_counts *counts, uint8_t ret_out[JOBS_COUNTS_RECORD_MAX])
{
    cairn_cbor_writer writer;
    cairn_cbor_writer_init(&writer, ret_out, JOBS_COUNTS_RECORD_MAX);
    cairn_cbor_put_array(&writer, 7);
    cairn_cbor_put_text(&writer, counts_magic);
    cairn_cbor_put_uint(&writer, counts->generation);
    cairn_cbor_put_uint(&writer, counts->sequence);
    cairn_cbor_put_uint(&writer, counts->timers);
    cairn_cbor_put_uint(&writer, counts->waiting);
    cairn_cbor_put_uint(&writer, counts->waiting_bytes);
    cairn_cbor_put_uint(&writer, counts->dead);
    return written(&writer);
}

static cairn_err read_counts(cairn_bytes in, jobs_counts *counts)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(open_array(&reader, in, "counts", 7));
    CAIRN_TRY(cairn_cbor_read_magic(&reader, counts_magic));
    CAIRN_TRY(read_u32(&reader, "generation", &counts->generation));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "sequence", 0, UINT64_MAX, &counts->sequence));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "timers", 0, UINT64_MAX, &counts->timers));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "waiting", 0, UINT64_MAX, &counts->waiting));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "bytes", 0, UINT64_MAX, &counts->waiting_bytes));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "dead", 0, UINT64_MAX, &counts->dead));
    return cairn_cbor_end(&reader);
}

cairn_err cairn_jobs_get_counts(cairn_bytes in, jobs_counts *ret_counts)
{
    jobs_counts counts = {0};
    CAIRN_TRY(corrupt_unless_ok(read_counts(in, &counts)));
    *ret_counts = counts;
    return CAIRN_OK;
}

/* --- timer --- */

size_t cairn_jobs_put_timer(const jobs_timer_record *record, uint8_t ret_out[JOBS_TIMER_RECORD_MAX])
{
    cairn_cbor_writer writer;
    cairn_cbor_writer_init(&writer, ret_out, JOBS_TIMER_RECORD_MAX);
    cairn_cbor_put_array(&writer, 5);
    cairn_cbor_put_uint(&writer, record->due_ms);
    cairn_cbor_put_uint(&writer, record->revision);
    cairn_cbor_put_uint(&writer, record->attempts);
    cairn_cbor_put_uint(&writer, record->next_ms);
    cairn_cbor_put_bytes(&writer, record->payload);
    return written(&writer);
}

static cairn_err read_timer(cairn_bytes in, jobs_timer_record *record)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(open_array(&reader, in, "timer", 5));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "due", 0, UINT64_MAX, &record->due_ms));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "revision", 0, UINT64_MAX, &record->revision));
    CAIRN_TRY(read_u32(&reader, "attempts", &record->attempts));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "next", 0, UINT64_MAX, &record->next_ms));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "payload", 0, CAIRN_TIMER_PAYLOAD_SIZE_MAX,
                                    &record->payload));
    return cairn_cbor_end(&reader);
}

cairn_err cairn_jobs_get_timer(cairn_bytes in, jobs_timer_record *ret_record)
{
    jobs_timer_record record = {0};
    CAIRN_TRY(corrupt_unless_ok(read_timer(in, &record)));
    *ret_record = record;
    return CAIRN_OK;
}

/* --- lane --- */

size_t cairn_jobs_put_lane(const jobs_lane_record *record, uint8_t ret_out[JOBS_LANE_RECORD_MAX])
{
    cairn_cbor_writer writer;
    cairn_cbor_writer_init(&writer, ret_out, JOBS_LANE_RECORD_MAX);
    cairn_cbor_put_array(&writer, 8);
    cairn_cbor_put_bytes(&writer, record->tenant);
    cairn_cbor_put_bytes(&writer, record->destination);
    cairn_cbor_put_uint(&writer, record->count);
    cairn_cbor_put_bool(&writer, record->retrying);
    cairn_cbor_put_uint(&writer, record->at_ms);
    cairn_cbor_put_uint(&writer, record->attempts);
    cairn_cbor_put_uint(&writer, (uint64_t)record->status);
    cairn_cbor_put_bytes(&writer, record->reason);
    return written(&writer);
}

static cairn_err read_lane_name(cairn_cbor_reader *reader, cairn_bytes *ret_tenant,
                                cairn_bytes *ret_destination)
{
    CAIRN_TRY(cairn_cbor_read_bytes(reader, "tenant", 0, CAIRN_TENANT_SIZE_MAX, ret_tenant));
    return cairn_cbor_read_bytes(reader, "destination", 1, CAIRN_OUTBOX_DESTINATION_SIZE_MAX,
                                 ret_destination);
}

static cairn_err read_lane(cairn_bytes in, jobs_lane_record *record)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(open_array(&reader, in, "lane", 8));
    CAIRN_TRY(read_lane_name(&reader, &record->tenant, &record->destination));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "count", 1, UINT64_MAX, &record->count));
    CAIRN_TRY(cairn_cbor_read_bool(&reader, "retrying", &record->retrying));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "at", 0, UINT64_MAX, &record->at_ms));
    CAIRN_TRY(read_u32(&reader, "attempts", &record->attempts));
    CAIRN_TRY(read_status(&reader, &record->status));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "reason", 0, JOBS_REASON_SIZE_MAX, &record->reason));
    return cairn_cbor_end(&reader);
}

cairn_err cairn_jobs_get_lane(cairn_bytes in, jobs_lane_record *ret_record)
{
    jobs_lane_record record = {0};
    CAIRN_TRY(corrupt_unless_ok(read_lane(in, &record)));
    *ret_record = record;
    return CAIRN_OK;
}

/* --- records without a bound on their size: written once to be measured, once into the arena ---
 */

static cairn_err encode(cairn_arena *arena,
                        void (*write)(cairn_cbor_writer *writer, const void *from),
                        const void *record, cairn_bytes *ret_encoded)
{
    cairn_cbor_writer writer;
    void *out = NULL;
    cairn_cbor_writer_init(&writer, NULL, 0);
    write(&writer, record);
    size_t size = writer.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &out));
    cairn_cbor_writer_init(&writer, out, size);
    write(&writer, record);
    return cairn_cbor_writer_end(&writer, ret_encoded);
}

/* --- message --- */

static void write_message(cairn_cbor_writer *writer, const void *from)
{
    const jobs_message_record *record = from;
    cairn_cbor_put_array(writer, 8);
    cairn_cbor_put_bytes(writer, record->url);
    cairn_cbor_put_bytes(writer, record->content_type);
    cairn_cbor_put_bytes(writer, record->body);
    cairn_cbor_put_array(writer, record->header_count);
    for (size_t i = 0; i < record->header_count; i++)
        cairn_cbor_put_bytes(writer, record->headers[i]);
    cairn_cbor_put_uint(writer, record->signature);
    cairn_cbor_put_bytes(writer, record->key);
    cairn_cbor_put_uint(writer, record->created_ms);
    cairn_cbor_put_uint(writer, record->expires_ms);
}

cairn_err cairn_jobs_put_message(cairn_arena *arena, const jobs_message_record *record,
                                 cairn_bytes *ret_encoded)
{
    return encode(arena, write_message, record, ret_encoded);
}

static cairn_err read_headers(cairn_cbor_reader *reader, jobs_message_record *record)
{
    CAIRN_TRY(cairn_cbor_read_array(reader, "headers", 0, CAIRN_OUTBOX_HEADERS_MAX,
                                    &record->header_count));
    for (size_t i = 0; i < record->header_count; i++)
        CAIRN_TRY(cairn_cbor_read_bytes(reader, "header", 1, CAIRN_OUTBOX_HEADER_SIZE_MAX,
                                        &record->headers[i]));
    return CAIRN_OK;
}

static cairn_err read_message(cairn_bytes in, jobs_message_record *record)
{
    cairn_cbor_reader reader;
    uint64_t signature = 0;
    CAIRN_TRY(open_array(&reader, in, "message", 8));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "url", 1, CAIRN_HTTP_URL_SIZE_MAX, &record->url));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "content_type", 0, CAIRN_OUTBOX_HEADER_SIZE_MAX,
                                    &record->content_type));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "body", 0, CAIRN_OUTBOX_BODY_SIZE_MAX, &record->body));
    CAIRN_TRY(read_headers(&reader, record));
    CAIRN_TRY(
        cairn_cbor_read_uint(&reader, "signature", 0, CAIRN_OUTBOX_SIGNATURES - 1, &signature));
    record->signature = (cairn_outbox_signature)signature;
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "key", 0, CAIRN_SIGNER_NAME_SIZE_MAX, &record->key));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "created", 0, UINT64_MAX, &record->created_ms));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "expires", 0, UINT64_MAX, &record->expires_ms));
    return cairn_cbor_end(&reader);
}

cairn_err cairn_jobs_get_message(cairn_bytes in, jobs_message_record *ret_record)
{
    jobs_message_record record = {0};
    CAIRN_TRY(corrupt_unless_ok(read_message(in, &record)));
    *ret_record = record;
    return CAIRN_OK;
}

/* --- dead letter --- */

static void write_dead(cairn_cbor_writer *writer, const void *from)
{
    const jobs_dead_record *record = from;
    cairn_cbor_put_array(writer, 6);
    cairn_cbor_put_bytes(writer, record->tenant);
    cairn_cbor_put_bytes(writer, record->destination);
    cairn_cbor_put_uint(writer, record->attempts);
    cairn_cbor_put_uint(writer, (uint64_t)record->status);
    cairn_cbor_put_bytes(writer, record->reason);
    cairn_cbor_put_bytes(writer, record->message);
}

cairn_err cairn_jobs_put_dead(cairn_arena *arena, const jobs_dead_record *record,
                              cairn_bytes *ret_encoded)
{
    return encode(arena, write_dead, record, ret_encoded);
}

static cairn_err read_dead(cairn_bytes in, jobs_dead_record *record)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(open_array(&reader, in, "dead letter", 6));
    CAIRN_TRY(read_lane_name(&reader, &record->tenant, &record->destination));
    CAIRN_TRY(read_u32(&reader, "attempts", &record->attempts));
    CAIRN_TRY(read_status(&reader, &record->status));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "reason", 0, JOBS_REASON_SIZE_MAX, &record->reason));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "message", 1, SIZE_MAX, &record->message));
    return cairn_cbor_end(&reader);
}

cairn_err cairn_jobs_get_dead(cairn_bytes in, jobs_dead_record *ret_record)
{
    jobs_dead_record record = {0};
    CAIRN_TRY(corrupt_unless_ok(read_dead(in, &record)));
    *ret_record = record;
    return CAIRN_OK;
}

/* --- tenant --- */

size_t cairn_jobs_put_tenant(const jobs_tenant_record *record,
                             uint8_t ret_out[JOBS_TENANT_RECORD_MAX])
{
    cairn_cbor_writer writer;
    cairn_cbor_writer_init(&writer, ret_out, JOBS_TENANT_RECORD_MAX);
    cairn_cbor_put_array(&writer, 3);
    cairn_cbor_put_uint(&writer, record->waiting);
    cairn_cbor_put_uint(&writer, record->waiting_bytes);
    cairn_cbor_put_uint(&writer, record->dead);
    return written(&writer);
}

static cairn_err read_tenant(cairn_bytes in, jobs_tenant_record *record)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(open_array(&reader, in, "tenant", 3));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "waiting", 0, UINT64_MAX, &record->waiting));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "bytes", 0, UINT64_MAX, &record->waiting_bytes));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "dead", 0, UINT64_MAX, &record->dead));
    return cairn_cbor_end(&reader);
}

cairn_err cairn_jobs_get_tenant(cairn_bytes in, jobs_tenant_record *ret_record)
{
    jobs_tenant_record record = {0};
    CAIRN_TRY(corrupt_unless_ok(read_tenant(in, &record)));
    *ret_record = record;
    return CAIRN_OK;
}

/* --- page key --- */

size_t cairn_jobs_put_key(const jobs_key_record *record, uint8_t ret_out[JOBS_KEY_RECORD_MAX])
{
    cairn_cbor_writer writer;
    cairn_cbor_writer_init(&writer, ret_out, JOBS_KEY_RECORD_MAX);
    cairn_cbor_put_array(&writer, 2);
    cairn_cbor_put_uint(&writer, record->created_ms);
    cairn_cbor_put_bytes(&writer, cairn_bytes_of(record->key, sizeof record->key));
    return written(&writer);
}

static cairn_err read_key(cairn_bytes in, jobs_key_record *record)
{
    cairn_cbor_reader reader;
    cairn_bytes key;
    CAIRN_TRY(open_array(&reader, in, "page key", 2));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "created", 0, UINT64_MAX, &record->created_ms));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "key", sizeof record->key, sizeof record->key, &key));
    memcpy(record->key, key.data, sizeof record->key);
    return cairn_cbor_end(&reader);
}

cairn_err cairn_jobs_get_key(cairn_bytes in, jobs_key_record *ret_record)
{
    jobs_key_record record = {0};
    CAIRN_TRY(corrupt_unless_ok(read_key(in, &record)));
    *ret_record = record;
    return CAIRN_OK;
}

/* --- callback --- */

static void write_callback(cairn_cbor_writer *writer, const void *from)
{
    const jobs_callback_record *record = from;
    cairn_cbor_put_array(writer, 9);
    cairn_cbor_put_bytes(writer, record->tenant);
    cairn_cbor_put_bytes(writer, record->sink);
    cairn_cbor_put_array(writer, record->topic_count);
    for (size_t i = 0; i < record->topic_count; i++)
        cairn_cbor_put_bytes(writer, record->topics[i]);
    cairn_cbor_put_uint(writer, record->created_ms);
    cairn_cbor_put_uint(writer, record->expires_ms);
    cairn_cbor_put_uint(writer, record->secret);
    cairn_cbor_put_uint(writer, record->told);
    cairn_cbor_put_array(writer, 2);
    cairn_cbor_put_uint(writer, record->since.height);
    cairn_cbor_put_uint(writer, record->since.ordinal);
    cairn_cbor_put_bool(writer, record->behind);
}

cairn_err cairn_jobs_put_callback(cairn_arena *arena, const jobs_callback_record *record,
                                  cairn_bytes *ret_encoded)
{
    return encode(arena, write_callback, record, ret_encoded);
}

static cairn_err read_topics(cairn_cbor_reader *reader, jobs_callback_record *record)
{
    CAIRN_TRY(cairn_cbor_read_array(reader, "topics", 1, CAIRN_CALLBACK_TOPICS_MAX,
                                    &record->topic_count));
    for (size_t i = 0; i < record->topic_count; i++)
        CAIRN_TRY(cairn_cbor_read_bytes(reader, "topic", 0, CAIRN_CALLBACK_TOPIC_SIZE_MAX,
                                        &record->topics[i]));
    return CAIRN_OK;
}

static cairn_err read_since(cairn_cbor_reader *reader, cairn_cursor *ret_since)
{
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_read_array(reader, "since", 2, 2, &count));
    CAIRN_TRY(cairn_cbor_read_uint(reader, "height", 0, UINT64_MAX, &ret_since->height));
    return read_u32(reader, "ordinal", &ret_since->ordinal);
}

static cairn_err read_callback(cairn_bytes in, jobs_callback_record *record)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(open_array(&reader, in, "callback", 9));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "tenant", 0, CAIRN_TENANT_SIZE_MAX, &record->tenant));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "sink", 1, CAIRN_HTTP_URL_SIZE_MAX, &record->sink));
    CAIRN_TRY(read_topics(&reader, record));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "created", 0, UINT64_MAX, &record->created_ms));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "expires", 0, UINT64_MAX, &record->expires_ms));
    CAIRN_TRY(read_u32(&reader, "secret", &record->secret));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "told", 0, UINT64_MAX, &record->told));
    CAIRN_TRY(read_since(&reader, &record->since));
    CAIRN_TRY(cairn_cbor_read_bool(&reader, "behind", &record->behind));
    return cairn_cbor_end(&reader);
}

cairn_err cairn_jobs_get_callback(cairn_bytes in, jobs_callback_record *ret_record)
{
    jobs_callback_record record = {0};
    CAIRN_TRY(corrupt_unless_ok(read_callback(in, &record)));
    *ret_record = record;
    return CAIRN_OK;
}
