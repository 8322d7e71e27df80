/* The lives of a projection's tables: made, built beside, swapped, deleted; and the orders about
 * them. */
#include <stdlib.h>

#include "core/jobs/jobs_impl.h"

enum { REQUEST_REBUILD = 1, REQUEST_RESUME = 2, GARBAGE_ROWS = 1000, GARBAGE_KEYS = 128 };

static cairn_err discard(cairn_jobs_txn *txn, jobs_build *build)
{
    uint8_t key[4];
    cairn_put_u32(key, build->generation);
    bool has_rows = build->present && build->generation != 0;
    *build = (jobs_build){0};
    return has_rows ? cairn_kv_put(txn->kv, JOBS_GARBAGE, cairn_bytes_of(key, sizeof key),
                                   cairn_bytes_of(NULL, 0))
                    : CAIRN_OK;
}

static cairn_err begin_build(cairn_jobs_txn *txn, uint32_t version, jobs_consumer_record *record)
{
    if (txn->counts.generation == UINT32_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "jobs: no generation is left");
    CAIRN_TRY(discard(txn, &record->builds[JOBS_BUILDING]));
    record->builds[JOBS_BUILDING] =
        (jobs_build){.present = true, .generation = ++txn->counts.generation, .version = version};
    return CAIRN_OK;
}

cairn_err cairn_jobs_swap(cairn_jobs_txn *txn, jobs_consumer_record *record)
{
    CAIRN_TRY(discard(txn, &record->builds[JOBS_SERVING]));
    record->builds[JOBS_SERVING] = record->builds[JOBS_BUILDING];
    record->builds[JOBS_BUILDING] = (jobs_build){0};
    return CAIRN_OK;
}

static cairn_err reconcile_version(cairn_jobs_txn *txn, uint32_t version,
                                   jobs_consumer_record *record)
{
    jobs_build *serving = &record->builds[JOBS_SERVING];
    jobs_build *building = &record->builds[JOBS_BUILDING];
    if (building->present && building->version != version)
        CAIRN_TRY(discard(txn, building));
    if (!building->present && !(serving->present && serving->version == version))
        CAIRN_TRY(begin_build(txn, version, record));
    return CAIRN_OK;
}

static bool same_record(const jobs_consumer_record *a, const jobs_consumer_record *b)
{
    uint8_t first[JOBS_CONSUMER_RECORD_MAX], second[JOBS_CONSUMER_RECORD_MAX];
    size_t first_size = cairn_jobs_put_consumer(a, first);
    size_t second_size = cairn_jobs_put_consumer(b, second);
    return first_size == second_size && memcmp(first, second, first_size) == 0;
}

cairn_err cairn_jobs_reconcile(cairn_jobs_txn *txn, jobs_slot *slot, jobs_consumer *consumer,
                               bool *ret_changed)
{
    const char *name = cairn_jobs_consumer_name(consumer);
    jobs_consumer_record record = {0};
    cairn_err err = cairn_jobs_consumer_load(txn->kv, name, slot->number, &record);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    const jobs_consumer_record old = record;
    if (!cairn_hash_equal(&record.ledger, &slot->id)) {
        for (size_t i = 0; i < JOBS_BUILDS; i++)
            CAIRN_TRY(discard(txn, &record.builds[i]));
        record.ledger = slot->id;
    }
    if (consumer->projection != NULL)
        CAIRN_TRY(reconcile_version(txn, consumer->projection->version, &record));
    else
        record.builds[JOBS_SERVING].present = true;
    consumer->record = record;
    if (same_record(&old, &record))
        return CAIRN_OK;
    *ret_changed = true;
    return cairn_jobs_consumer_store(txn->kv, name, slot->number, &record);
}

/* --- orders: key = u8 what ‖ name --- */

static bool is_known(const cairn_jobs *jobs, const char *name, bool *ret_is_projection)
{
    for (size_t i = 0; i < jobs->options.projection_count; i++) {
        if (strcmp(jobs->options.projections[i]->name, name) == 0) {
            *ret_is_projection = true;
            return true;
        }
    }
    for (size_t i = 0; i < jobs->options.reaction_count; i++) {
        if (strcmp(jobs->options.reactions[i]->name, name) == 0) {
            *ret_is_projection = false;
            return true;
        }
    }
    return false;
}

typedef struct request {
    uint8_t what;
    const char *name;
} request;

static cairn_err put_request(void *context, cairn_jobs_txn *txn)
{
    const request *r = context;
    uint8_t key[1 + CAIRN_JOBS_NAME_SIZE_MAX];
    size_t size = strlen(r->name);
    key[0] = r->what;
    memcpy(key + 1, r->name, size);
    return cairn_kv_put(txn->kv, JOBS_REQUESTS, cairn_bytes_of(key, 1 + size),
                        cairn_bytes_of(NULL, 0));
}

cairn_err cairn_jobs_rebuild(cairn_jobs *jobs, const char *projection)
{
    bool is_projection = false;
    if (!is_known(jobs, projection, &is_projection) || !is_projection)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "jobs: no projection has this name");
    request r = {.what = REQUEST_REBUILD, .name = projection};
    return cairn_jobs_update(jobs, put_request, &r);
}

cairn_err cairn_jobs_resume(cairn_jobs *jobs, const char *name)
{
    bool is_projection = false;
    if (!is_known(jobs, name, &is_projection))
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house",
                          "jobs: no projection or reaction has this name");
    request r = {.what = REQUEST_RESUME, .name = name};
    return cairn_jobs_update(jobs, put_request, &r);
}

static cairn_err obey(cairn_jobs_txn *txn, uint8_t what, jobs_consumer *consumer,
                      jobs_consumer_record *record)
{
    if (what == REQUEST_REBUILD)
        return consumer->projection == NULL
                   ? CAIRN_OK
                   : begin_build(txn, consumer->projection->version, record);
    for (size_t i = 0; i < JOBS_BUILDS; i++) {
        record->builds[i].parked = CAIRN_OK;
        record->builds[i].reason[0] = '\0';
    }
    return CAIRN_OK;
}

/* The consumers of this name, of all ledgers that are attached. */
static cairn_err carry_out(cairn_jobs_txn *txn, uint8_t what, const char *name)
{
    cairn_jobs *jobs = txn->jobs;
    for (size_t s = 0; s < jobs->slot_count; s++) {
        for (size_t c = 0; c < jobs->consumer_count; c++) {
            jobs_consumer *consumer = &jobs->slots[s]->consumers[c];
            if (strcmp(cairn_jobs_consumer_name(consumer), name) != 0)
                continue;
            CAIRN_TRY(obey(txn, what, consumer, &consumer->next));
            CAIRN_TRY(
                cairn_jobs_consumer_store(txn->kv, name, jobs->slots[s]->number, &consumer->next));
        }
    }
    return CAIRN_OK;
}

static cairn_err first_request(cairn_kv_txn *kv, uint8_t *ret_what,
                               char ret_name[CAIRN_JOBS_NAME_SIZE_MAX + 1])
{
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key, value;
    CAIRN_TRY(cairn_kv_cursor_open(kv, JOBS_REQUESTS, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(NULL, 0), &key, &value);
    cairn_kv_cursor_close(cursor);
    CAIRN_TRY(err);
    if (key.size < 2 || key.size > 1 + CAIRN_JOBS_NAME_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/jobs.md", "request: size of its key");
    *ret_what = key.data[0];
    memcpy(ret_name, key.data + 1, key.size - 1);
    ret_name[key.size - 1] = '\0';
    return CAIRN_OK;
}

static void copy_records(cairn_jobs *jobs, bool from_next)
{
    (void)pthread_mutex_lock(&jobs->lock);
    for (size_t s = 0; s < jobs->slot_count; s++) {
        for (size_t c = 0; c < jobs->consumer_count; c++) {
            jobs_consumer *consumer = &jobs->slots[s]->consumers[c];
            if (from_next)
                consumer->record = consumer->next;
            else
                consumer->next = consumer->record;
        }
        if (from_next)
            jobs->slots[s]->woken = true;
    }
    (void)pthread_mutex_unlock(&jobs->lock);
}

/* One order; told by its key, so that it is carried out once. */
static cairn_err carry_out_first(cairn_jobs_txn *txn, uint8_t *ret_what,
                                 char ret_name[CAIRN_JOBS_NAME_SIZE_MAX + 1])
{
    uint8_t key[1 + CAIRN_JOBS_NAME_SIZE_MAX];
    CAIRN_TRY(first_request(txn->kv, ret_what, ret_name));
    size_t size = strlen(ret_name);
    key[0] = *ret_what;
    memcpy(key + 1, ret_name, size);
    CAIRN_TRY(carry_out(txn, *ret_what, ret_name));
    return cairn_kv_delete(txn->kv, JOBS_REQUESTS, cairn_bytes_of(key, 1 + size));
}

static cairn_err has_requests(cairn_jobs *jobs)
{
    cairn_kv_txn *kv = NULL;
    uint8_t what = 0;
    char name[CAIRN_JOBS_NAME_SIZE_MAX + 1];
    CAIRN_TRY(cairn_kv_begin(jobs->kv, false, &kv));
    cairn_err err = first_request(kv, &what, name);
    cairn_kv_abort(kv);
    return err;
}

cairn_err cairn_jobs_requests_step(cairn_jobs *jobs, bool *ret_more)
{
    cairn_jobs_txn txn;
    uint8_t what = 0;
    char name[CAIRN_JOBS_NAME_SIZE_MAX + 1];
    cairn_err err = has_requests(jobs);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    copy_records(jobs, false);
    CAIRN_TRY(cairn_jobs_txn_begin(jobs, &txn));
    err = carry_out_first(&txn, &what, name);
    CAIRN_TRY(cairn_jobs_txn_end(&txn, err));
    copy_records(jobs, true);
    CAIRN_LOG(jobs->options.log, &cairn_jobs_log_rows[JOBS_LOG_BUILDING],
              cairn_log_text("name", name), cairn_log_bool("resumed", what == REQUEST_RESUME));
    *ret_more = true; /* what was ordered begins with the next step, and so does the next order */
    return CAIRN_OK;
}

/* --- rows that no one serves --- */

/* Copies up to GARBAGE_KEYS keys of a generation, and deletes those rows. */
static cairn_err delete_some(cairn_jobs_txn *txn, cairn_bytes generation, size_t *ret_count)
{
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key, value;
    size_t sizes[GARBAGE_KEYS];
    size_t count = 0;
    uint8_t *keys = txn->jobs->scratch;
    CAIRN_TRY(cairn_kv_cursor_open(txn->kv, JOBS_ROWS, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, generation, &key, &value);
    while (err == CAIRN_OK && count < GARBAGE_KEYS &&
           memcmp(key.data, generation.data, generation.size) == 0) {
        memcpy(keys + count * CAIRN_KV_KEY_SIZE_MAX, key.data, key.size);
        sizes[count++] = key.size;
        err = cairn_kv_cursor_next(cursor, &key, &value);
    }
    cairn_kv_cursor_close(cursor);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(cairn_kv_delete(txn->kv, JOBS_ROWS,
                                  cairn_bytes_of(keys + i * CAIRN_KV_KEY_SIZE_MAX, sizes[i])));
    *ret_count = count;
    return CAIRN_OK;
}

static cairn_err delete_generation(cairn_jobs_txn *txn, cairn_bytes generation)
{
    size_t total = 0;
    size_t count = 0;
    do {
        CAIRN_TRY(delete_some(txn, generation, &count));
        total += count;
    } while (count == GARBAGE_KEYS && total < GARBAGE_ROWS);
    return count == GARBAGE_KEYS ? CAIRN_OK : cairn_kv_delete(txn->kv, JOBS_GARBAGE, generation);
}

static cairn_err first_garbage(cairn_jobs *jobs, uint8_t ret_generation[4])
{
    cairn_kv_txn *kv = NULL;
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key, value;
    CAIRN_TRY(cairn_kv_begin(jobs->kv, false, &kv));
    cairn_err err = cairn_kv_cursor_open(kv, JOBS_GARBAGE, &cursor);
    if (err == CAIRN_OK)
        err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(NULL, 0), &key, &value);
    if (err == CAIRN_OK && key.size == 4)
        memcpy(ret_generation, key.data, 4);
    else if (err == CAIRN_OK)
        err = CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/jobs.md", "garbage: size of its key");
    cairn_kv_cursor_close(cursor);
    cairn_kv_abort(kv);
    return err;
}

cairn_err cairn_jobs_garbage_step(cairn_jobs *jobs, bool *ret_more)
{
    uint8_t generation[4];
    cairn_jobs_txn txn;
    cairn_err err = first_garbage(jobs, generation);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_jobs_txn_begin(jobs, &txn));
    err = delete_generation(&txn, cairn_bytes_of(generation, sizeof generation));
    CAIRN_TRY(cairn_jobs_txn_end(&txn, err));
    *ret_more = true;
    return CAIRN_OK;
}
