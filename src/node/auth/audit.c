/* The audit trail: a bounded queue, one thread that writes groups, volumes that come and go. */
#include "node/auth/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/crypto/hmac.h"
#include "core/crypto/secret.h"
#include "node/auth/audit_volume.h"

enum { GROUP_MAX = 256, KEY_SIZE = 32, SEAL_AFTER_MS = 500, SEGMENT_SIZE = 16 << 20 };

enum { EVENT_FAILED, EVENT_VOLUME };
static const cairn_log_event events[] = {
    [EVENT_FAILED] = {"audit.failed", CAIRN_LOG_ERROR, 5, 6,
                      "Audit rows could not be written; privileged calls are refused meanwhile."},
    [EVENT_VOLUME] = {"audit.volume", CAIRN_LOG_INFO, 5, 6, "A new volume of the trail begins."},
};
const cairn_log_table cairn_audit_log_events = {events, sizeof events / sizeof events[0]};

/* A row that waits: a copy of all that it needs. */
typedef struct entry {
    bool granted, has_organisation;
    uint64_t time_ms;
    cairn_hash organisation, subject;
    char method[16];
    char operation[CAIRN_AUDIT_TEXT_SIZE_MAX + 1];
    char reason[CAIRN_AUDIT_TEXT_SIZE_MAX + 1];
    char tenant[CAIRN_TENANT_SIZE_MAX + 1];
    cairn_audit_done_fn done;
    void *context;
} entry;

/* `lock` guards the queue, `stopping` and `head`; volumes and log are the thread's alone. */
struct cairn_audit {
    cairn_audit_options options;
    char directory[CAIRN_PATH_SIZE_MAX];
    cairn_secret key;
    cairn_block_log *log;
    cairn_audit_volumes volumes;
    pthread_t thread;
    bool is_running;
    pthread_mutex_t lock;
    pthread_cond_t queued;
    bool stopping;
    size_t first, count;
    entry *entries; /* a ring of CAIRN_AUDIT_QUEUE_MAX */
    cairn_audit_head head;
    entry group[GROUP_MAX]; /* the thread's */
    uint8_t rows[GROUP_MAX][CAIRN_AUDIT_ROW_SIZE_MAX];
};

cairn_audit_options cairn_audit_defaults(void)
{
    return (cairn_audit_options){
        .clock = cairn_clock_system(), .volume_rows_max = 1 << 20, .volumes_max = 64};
}

/* --- volumes --- */

static cairn_err open_volume(const cairn_audit *audit, uint64_t first, bool read_only,
                             cairn_block_log **ret_log)
{
    char path[CAIRN_PATH_SIZE_MAX];
    const cairn_block_log_options options = {.segment_size = SEGMENT_SIZE,
                                             .prepare_size = CAIRN_BLOCK_LOG_PREPARE_SIZE_DEFAULT,
                                             .read_only = read_only,
                                             .log = audit->options.log};
    CAIRN_TRY(cairn_audit_volume_path(audit->directory, first, path));
    return cairn_block_log_open(path, &options, ret_log);
}

static cairn_err drop_oldest(cairn_audit *audit)
{
    cairn_audit_volumes *volumes = &audit->volumes;
    CAIRN_TRY(cairn_audit_volume_remove(audit->directory, volumes->first[0]));
    volumes->count--;
    memmove(volumes->first, volumes->first + 1, volumes->count * sizeof volumes->first[0]);
    return CAIRN_OK;
}

/* The trail goes on in a new directory; of the old ones those beyond the bound go. */
static cairn_err begin_volume(cairn_audit *audit)
{
    cairn_audit_volumes *volumes = &audit->volumes;
    while (volumes->count >= audit->options.volumes_max)
        CAIRN_TRY(drop_oldest(audit));
    if (audit->log != NULL)
        CAIRN_TRY(cairn_block_log_close(CAIRN_STEAL(audit->log)));
    CAIRN_TRY(open_volume(audit, audit->head.count, false, &audit->log));
    CAIRN_TRY(cairn_dir_sync(audit->directory));
    volumes->first[volumes->count++] = audit->head.count;
    CAIRN_LOG(audit->options.log, &events[EVENT_VOLUME], cairn_log_u64("row", audit->head.count));
    return CAIRN_OK;
}

/* --- writing --- */

static size_t encode_entry(const entry *e, const cairn_audit_head *head, uint8_t *out)
{
    const cairn_audit_row row = {.number = head->count,
                                 .previous = head->hash,
                                 .time_ms = e->time_ms,
                                 .granted = e->granted,
                                 .operation = cairn_bytes_str(e->operation),
                                 .method = cairn_bytes_str(e->method),
                                 .reason = cairn_bytes_str(e->reason),
                                 .tenant = cairn_bytes_str(e->tenant),
                                 .has_organisation = e->has_organisation,
                                 .organisation = e->organisation,
                                 .subject = e->subject};
    return cairn_audit_row_encode(&row, out);
}

/* All rows of the group, or none that anybody was told of. */
static cairn_err write_group(cairn_audit *audit, size_t count)
{
    cairn_bytes payloads[GROUP_MAX];
    uint64_t begun = audit->volumes.count == 0 ? 0 : audit->volumes.first[audit->volumes.count - 1];
    if (audit->log == NULL || audit->head.count - begun >= audit->options.volume_rows_max)
        CAIRN_TRY(begin_volume(audit));
    cairn_audit_head head = audit->head;
    for (size_t i = 0; i < count; i++) {
        uint8_t *row = audit->rows[i];
        payloads[i] = cairn_bytes_of(row, encode_entry(&audit->group[i], &head, row));
        cairn_audit_row_hash(payloads[i], &head.hash);
        head.count++;
    }
    CAIRN_TRY(cairn_block_log_append(audit->log, payloads, count, NULL));
    CAIRN_TRY(cairn_block_log_sync(audit->log));
    (void)pthread_mutex_lock(&audit->lock);
    audit->head = head;
    (void)pthread_mutex_unlock(&audit->lock);
    return CAIRN_OK;
}

/* Waits for rows; 0 when time is up or the trail ends. */
static size_t take_group(cairn_audit *audit, entry group[GROUP_MAX], bool *ret_stopping)
{
    struct timespec until;
    size_t taken = 0;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += SEAL_AFTER_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_mutex_lock(&audit->lock);
    while (audit->count == 0 && !audit->stopping)
        if (pthread_cond_timedwait(&audit->queued, &audit->lock, &until) == ETIMEDOUT)
            break;
    for (; taken < GROUP_MAX && audit->count > 0; taken++) {
        group[taken] = audit->entries[audit->first];
        audit->first = (audit->first + 1) % CAIRN_AUDIT_QUEUE_MAX;
        audit->count--;
    }
    *ret_stopping = audit->stopping;
    (void)pthread_mutex_unlock(&audit->lock);
    return taken;
}

static void fail_group(cairn_audit *audit, size_t count, cairn_err err)
{
    CAIRN_LOG(audit->options.log, &events[EVENT_FAILED], cairn_log_u64("rows", count),
              cairn_log_err(err));
}

static void *serve(void *memory)
{
    cairn_audit *audit = memory;
    bool stopping = false;
    size_t count = 0;
    do {
        count = take_group(audit, audit->group, &stopping);
        if (count == 0 && audit->log != NULL) {
            cairn_err sealed = cairn_block_log_seal(audit->log);
            (void)sealed; /* nothing is lost by it; the next write will say what is wrong */
        }
        if (count == 0)
            continue;
        cairn_err err = write_group(audit, count);
        if (err != CAIRN_OK)
            fail_group(audit, count, err);
        for (size_t i = 0; i < count; i++)
            audit->group[i].done(audit->group[i].context, err);
    } while (!stopping || count > 0);
    return NULL;
}

/* --- the callers --- */

cairn_err cairn_audit_subject(const cairn_audit *audit, const cairn_principal *principal,
                              cairn_hash *ret_subject)
{
    cairn_hash digest;
    const cairn_bytes message = cairn_bytes_hash(&digest);
    cairn_principal_digest(principal, &digest);
    return cairn_hmac_sha256(cairn_secret_view(&audit->key), &message, 1, ret_subject);
}

static cairn_err fill_entry(const cairn_audit *audit, const cairn_audit_fact *fact, entry *e)
{
    const cairn_principal *p = fact->principal;
    *e = (entry){.granted = fact->granted,
                 .time_ms = cairn_clock_wall_ms(&audit->options.clock),
                 .has_organisation = p->has_organisation,
                 .organisation = p->organisation};
    (void)snprintf(e->method, sizeof e->method, "%s", fact->method);
    (void)snprintf(e->operation, sizeof e->operation, "%s", fact->operation);
    (void)snprintf(e->reason, sizeof e->reason, "%s", fact->reason);
    (void)snprintf(e->tenant, sizeof e->tenant, "%s", p->tenant);
    if (p->method == CAIRN_AUTH_NONE && p->subject[0] == '\0')
        return CAIRN_OK;
    return cairn_audit_subject(audit, p, &e->subject);
}

cairn_err cairn_audit_record(void *memory, const cairn_audit_fact *fact, cairn_audit_done_fn done,
                             void *done_context)
{
    cairn_audit *audit = memory;
    entry e;
    CAIRN_TRY(fill_entry(audit, fact, &e));
    e.done = done;
    e.context = done_context;
    (void)pthread_mutex_lock(&audit->lock);
    bool full = audit->count == CAIRN_AUDIT_QUEUE_MAX || audit->stopping;
    if (!full) {
        audit->entries[(audit->first + audit->count) % CAIRN_AUDIT_QUEUE_MAX] = e;
        audit->count++;
        (void)pthread_cond_signal(&audit->queued);
    }
    (void)pthread_mutex_unlock(&audit->lock);
    if (full)
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "audit: %d rows wait", CAIRN_AUDIT_QUEUE_MAX);
    return CAIRN_OK;
}

cairn_audit_head cairn_audit_get_head(cairn_audit *audit)
{
    (void)pthread_mutex_lock(&audit->lock);
    cairn_audit_head head = audit->head;
    (void)pthread_mutex_unlock(&audit->lock);
    return head;
}

/* --- opening and closing --- */

static cairn_err load_key(cairn_audit *audit)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes bytes = {0};
    cairn_arena_init(&arena, 4096);
    CAIRN_TRY(cairn_path_join(audit->directory, "subject.key", path));
    cairn_err err = cairn_file_read(&arena, path, KEY_SIZE, &bytes);
    if (err == CAIRN_ERR_NOT_FOUND) {
        CAIRN_TRY(cairn_secret_random(&audit->key, KEY_SIZE));
        return cairn_file_replace(path, 0600, cairn_secret_view(&audit->key), NULL);
    }
    if (err == CAIRN_OK && bytes.size != KEY_SIZE)
        err = CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "%s: %zu bytes", path, bytes.size);
    if (err == CAIRN_OK)
        err = cairn_secret_set(&audit->key, bytes);
    cairn_wipe((void *)(uintptr_t)bytes.data, bytes.size);
    return err;
}

/* The head is that of the newest volume; one that is still empty follows the volume before it. */
static cairn_err find_head(cairn_audit *audit)
{
    cairn_audit_volumes *volumes = &audit->volumes;
    cairn_audit_walk walk = {.has_begun = false};
    if (volumes->count == 0)
        return begin_volume(audit);
    uint64_t newest = volumes->first[volumes->count - 1];
    CAIRN_TRY(open_volume(audit, newest, false, &audit->log));
    if (cairn_block_log_count(audit->log) == 0 && volumes->count > 1) {
        CAIRN_CLEANUP(cairn_block_log_free_p) cairn_block_log *before = NULL;
        uint64_t first = volumes->first[volumes->count - 2];
        CAIRN_TRY(open_volume(audit, first, true, &before));
        CAIRN_TRY(cairn_audit_walk_volume(&walk, before, first));
    }
    CAIRN_TRY(cairn_audit_walk_volume(&walk, audit->log, newest));
    audit->head = walk.head;
    if (walk.head.count < newest)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "audit: row %" PRIu64 " is missing",
                          walk.head.count);
    return CAIRN_OK;
}

static cairn_err audit_start(cairn_audit *audit)
{
    audit->entries = calloc(CAIRN_AUDIT_QUEUE_MAX, sizeof *audit->entries);
    if (audit->entries == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "audit: queue");
    CAIRN_TRY(cairn_dir_make(audit->directory, 0700));
    CAIRN_TRY(cairn_audit_volumes_tidy(audit->directory));
    CAIRN_TRY(load_key(audit));
    CAIRN_TRY(cairn_audit_volumes_list(audit->directory, &audit->volumes));
    CAIRN_TRY(find_head(audit));
    int errnum = pthread_create(&audit->thread, NULL, serve, audit);
    if (errnum != 0)
        return cairn_err_from_errno(errnum, "audit: pthread_create");
    audit->is_running = true;
    return CAIRN_OK;
}

cairn_err cairn_audit_open(const char *directory, const cairn_audit_options *options,
                           cairn_audit **ret_audit)
{
    if (options->volumes_max < 2 || options->volumes_max > CAIRN_AUDIT_VOLUMES_MAX ||
        options->volume_rows_max == 0 || strlen(directory) >= CAIRN_PATH_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "audit: options out of range");
    cairn_audit *made = calloc(1, sizeof *made);
    if (made == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "audit: %zu bytes", sizeof *made);
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_cond_init(&made->queued, NULL);
    CAIRN_CLEANUP(cairn_audit_close_p) cairn_audit *audit = made;
    audit->options = *options;
    (void)snprintf(audit->directory, sizeof audit->directory, "%s", directory);
    CAIRN_TRY(audit_start(audit));
    *ret_audit = CAIRN_STEAL(audit);
    return CAIRN_OK;
}

void cairn_audit_close(cairn_audit *audit)
{
    if (audit == NULL)
        return;
    (void)pthread_mutex_lock(&audit->lock);
    audit->stopping = true;
    (void)pthread_cond_signal(&audit->queued);
    (void)pthread_mutex_unlock(&audit->lock);
    if (audit->is_running)
        (void)pthread_join(audit->thread, NULL);
    cairn_err err = cairn_block_log_close(audit->log);
    if (err != CAIRN_OK)
        fail_group(audit, 0, err);
    (void)pthread_cond_destroy(&audit->queued);
    (void)pthread_mutex_destroy(&audit->lock);
    free(audit->entries);
    cairn_wipe(&audit->key, sizeof audit->key);
    free(audit);
}

/* --- reading without a running trail --- */

static cairn_err walk_all(const char *directory, cairn_audit_walk *walk)
{
    cairn_audit_volumes volumes;
    CAIRN_TRY(cairn_audit_volumes_list(directory, &volumes));
    if (volumes.count == 0)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "audit: no trail in %s", directory);
    for (size_t i = 0; i < volumes.count; i++) {
        CAIRN_CLEANUP(cairn_block_log_free_p) cairn_block_log *log = NULL;
        char path[CAIRN_PATH_SIZE_MAX];
        const cairn_block_log_options options = {.segment_size = SEGMENT_SIZE, .read_only = true};
        CAIRN_TRY(cairn_audit_volume_path(directory, volumes.first[i], path));
        CAIRN_TRY(cairn_block_log_open(path, &options, &log));
        CAIRN_TRY(cairn_audit_walk_volume(walk, log, volumes.first[i]));
    }
    return CAIRN_OK;
}

cairn_err cairn_audit_each(const char *directory, uint64_t from,
                           cairn_err (*visit)(void *context, const cairn_audit_row *row),
                           void *context)
{
    cairn_audit_walk walk = {.from = from, .visit = visit, .context = context};
    return walk_all(directory, &walk);
}

cairn_err cairn_audit_check(const char *directory, const cairn_audit_head *known,
                            cairn_audit_head *ret_head)
{
    cairn_audit_walk walk = {.known = known};
    CAIRN_TRY(walk_all(directory, &walk));
    if (known != NULL && known->count > walk.head.count)
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "docs/formats/audit.md",
                          "audit: ends at row %" PRIu64 ", before the one that was known",
                          walk.head.count);
    if (known != NULL && known->count > 0 && !walk.known_seen)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "docs/formats/audit.md",
                          "audit row %" PRIu64 ": no longer kept", known->count - 1);
    *ret_head = walk.head;
    return CAIRN_OK;
}
