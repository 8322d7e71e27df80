/* The store of lists, and publishing from it: every write may be the last one before a crash, and
 * every one may fail; whatever happened, who asks is served a list that the ledger anchors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "cairn/sha256.h"
#include "identity/status/status_publish.h"
#include "support/faults.h"

enum { NOW_MS = 1700000000, ARENA = 1 << 24, LISTS = 4 };

/* A ledger that is not lost with the process. */
typedef struct ledger {
    size_t count;
    struct {
        cairn_hash list;
        cairn_list_anchor anchor;
    } rows[LISTS];
    bool late; /* what it was told when it was out of reach, it does in the end */
    uint8_t waiting[256];
    size_t waiting_size;
    int refuse_after; /* anchors that it takes before it is out of reach; -1: all */
} ledger;

typedef struct world {
    char directory[64];
    ledger *ledger;
    cairn_key *key;
    uint64_t now_ms;
} world;

static world w;

static cairn_err sign(void *context, cairn_bytes message,
                      uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX], size_t *ret_size)
{
    (void)context;
    return cairn_key_sign(w.key, message, ret_signature, ret_size);
}

static cairn_list_anchor *row_of(const cairn_hash *list)
{
    for (size_t i = 0; i < w.ledger->count; i++)
        if (cairn_hash_equal(&w.ledger->rows[i].list, list))
            return &w.ledger->rows[i].anchor;
    return NULL;
}

static cairn_err find(void *context, cairn_arena *arena, const cairn_hash *list,
                      cairn_list_anchor *ret_anchor)
{
    (void)context;
    (void)arena;
    const cairn_list_anchor *row = row_of(list);
    if (row == NULL)
        return CAIRN_ERR_NOT_FOUND;
    *ret_anchor = *row;
    return CAIRN_OK;
}

/* What a body says: the map {1: list, 2: format, 3: hash, 4: version, 5: expires}. */
static void read_body(cairn_bytes body, cairn_hash *ret_list, cairn_list_anchor *ret_anchor)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    cairn_bytes hash;
    int64_t key;
    assert_int_equal(cairn_cbor_open(&r, body, CAIRN_CBOR_STRICT, "body", "test"), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_map(&r, "body", &map), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_int(&r, "key", 1, 1, &key), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_bytes(&r, "list", 32, 32, &hash), CAIRN_OK);
    memcpy(ret_list->b, hash.data, 32);
    assert_int_equal(cairn_cbor_read_int(&r, "key", 2, 2, &key), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_uint(&r, "format", 1, 3, &ret_anchor->format), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_int(&r, "key", 3, 3, &key), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_bytes(&r, "hash", 32, 32, &hash), CAIRN_OK);
    memcpy(ret_anchor->hash.b, hash.data, 32);
    assert_int_equal(cairn_cbor_read_int(&r, "key", 4, 4, &key), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_uint(&r, "v", 1, INT64_MAX, &ret_anchor->version), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_int(&r, "key", 5, 5, &key), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_uint(&r, "e", 1, INT64_MAX, &ret_anchor->expires_ms),
                     CAIRN_OK);
}

static cairn_err apply(cairn_bytes body)
{
    cairn_hash list;
    cairn_list_anchor fresh = {0};
    read_body(body, &list, &fresh);
    cairn_list_anchor *row = row_of(&list);
    if (fresh.version != (row == NULL ? 0 : row->version) + 1)
        return CAIRN_ERR_TX_WRONG_VERSION;
    if (row == NULL) {
        CAIRN_ASSERT(w.ledger->count < LISTS);
        w.ledger->rows[w.ledger->count].list = list;
        row = &w.ledger->rows[w.ledger->count++].anchor;
    }
    *row = fresh;
    return CAIRN_OK;
}

static cairn_err anchor(void *context, cairn_bytes body)
{
    (void)context;
    if (w.ledger->refuse_after == 0) {
        assert_in_range(body.size, 1, sizeof w.ledger->waiting);
        memcpy(w.ledger->waiting, body.data, body.size);
        w.ledger->waiting_size = body.size;
        return CAIRN_ERR_UNREACHABLE;
    }
    if (w.ledger->refuse_after > 0)
        w.ledger->refuse_after--;
    if (w.ledger->late && w.ledger->waiting_size > 0)
        assert_int_equal(apply(cairn_bytes_of(w.ledger->waiting, w.ledger->waiting_size)),
                         CAIRN_OK);
    w.ledger->waiting_size = 0;
    return apply(body);
}

static cairn_err save(void *context, cairn_arena *arena, const cairn_status_record *record)
{
    (void)context;
    return cairn_status_store_save(arena, w.directory, record, false);
}

static cairn_err publish(cairn_arena *arena, cairn_status_record *ret_record)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    const cairn_status_publisher publisher = {.kid = *cairn_key_id(w.key),
                                              .type = CAIRN_KEY_P256,
                                              .sign = sign,
                                              .find = find,
                                              .anchor = anchor,
                                              .save = save};
    CAIRN_TRY(cairn_status_store_lock(w.directory, &fd));
    CAIRN_TRY(cairn_status_store_load(arena, w.directory, cairn_bytes_str("l"), ret_record));
    return cairn_status_publish(arena, &publisher, w.now_ms, ret_record);
}

/* --- a world for each test --- */

static void make_list(cairn_list_format format, uint64_t bits)
{
    cairn_arena arena;
    cairn_status_record record;
    int fd = -1;
    const cairn_status_record like = {
        .name = cairn_bytes_str("l"),
        .uri = cairn_bytes_str("https://a.example/l"),
        .format = format,
        .purpose = cairn_bytes_str(format == CAIRN_LIST_TOKEN ? "" : "revocation"),
        .bits = bits,
        .ttl_s = 60,
        .life_s = 3600};
    cairn_arena_init(&arena, ARENA);
    assert_int_equal(cairn_status_store_lock(w.directory, &fd), CAIRN_OK);
    assert_int_equal(cairn_status_record_new(&arena, &like, 1000, &record), CAIRN_OK);
    assert_int_equal(cairn_status_store_save(&arena, w.directory, &record, true), CAIRN_OK);
    assert_int_equal(cairn_status_store_save(&arena, w.directory, &record, true), CAIRN_ERR_EXISTS);
    cairn_file_close(fd);
    cairn_arena_done(&arena);
}

static int set_up(void **state)
{
    (void)state;
    char base[] = "/tmp/cairn-status-XXXXXX";
    assert_non_null(mkdtemp(base));
    (void)snprintf(w.directory, sizeof w.directory, "%s", base);
    w.ledger =
        mmap(NULL, sizeof(ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(w.ledger != MAP_FAILED);
    *w.ledger = (ledger){.refuse_after = -1};
    w.now_ms = NOW_MS * 1000ull;
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &w.key), CAIRN_OK);
    fault_at = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    cairn_key_free(w.key);
    (void)munmap(w.ledger, sizeof(ledger));
    (void)snprintf(command, sizeof command, "rm -rf '%s'", w.directory);
    return system(command);
}

/* Starts over within a test. */
static void start_over(void)
{
    assert_int_equal(tear_down(NULL), 0);
    assert_int_equal(set_up(NULL), 0);
}

/* --- what a reader is served: as the node does it --- */

static const cairn_status_issue *find_issue(const cairn_schema_list *list, cairn_status_form form,
                                            const cairn_hash *hash)
{
    for (size_t i = 0; i < list->count; i++)
        if (cairn_status_issues(list)[i].form == form &&
            cairn_hash_equal(&cairn_status_issues(list)[i].hash, hash))
            return &cairn_status_issues(list)[i];
    return NULL;
}

/* The value of `index` in the anchored form; fails the test when there is an anchor, but no form of
 * it. False before the first anchor. */
static bool served(cairn_status_form form, uint64_t index, unsigned *ret_value)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    cairn_arena arena;
    cairn_status_record head;
    cairn_status_token token;
    cairn_status_list list;
    cairn_bytes bytes;
    cairn_hash id;
    cairn_status_form_list_id(form, cairn_bytes_str("https://a.example/l"), &id);
    const cairn_list_anchor *row = row_of(&id);
    if (row == NULL)
        return false;
    cairn_arena_init(&arena, 1 << 20);
    assert_int_equal(cairn_status_store_open(&arena, w.directory, cairn_bytes_str("l"), &head, &fd),
                     CAIRN_OK);
    const cairn_status_issue *issue = find_issue(&head.current, form, &row->hash);
    if (issue == NULL)
        issue = find_issue(&head.pending, form, &row->hash);
    assert_non_null(issue);
    assert_int_equal(cairn_status_store_issue(&arena, fd, &head, issue, &bytes), CAIRN_OK);
    assert_int_equal(cairn_list_anchor_check(row, bytes, w.now_ms), CAIRN_OK);
    assert_int_equal(form == CAIRN_STATUS_FORM_TOKEN_JWT
                         ? cairn_status_jwt_decode(&arena, bytes, &token)
                         : cairn_status_token_decode(bytes, &token),
                     CAIRN_OK);
    assert_int_equal(cairn_status_token_unpack(&arena, &token, &list), CAIRN_OK);
    assert_int_equal(cairn_status_list_get(&list, index, ret_value), CAIRN_OK);
    cairn_arena_done(&arena);
    return true;
}

/* --- entries --- */

static void test_entries_by_lot(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_status_record record;
    uint64_t indexes[1000];
    uint8_t seen[1000] = {0};
    size_t rising = 0;
    make_list(CAIRN_LIST_TOKEN, 2);
    cairn_arena_init(&arena, ARENA);
    assert_int_equal(cairn_status_store_load(&arena, w.directory, cairn_bytes_str("l"), &record),
                     CAIRN_OK);
    assert_int_equal(cairn_status_record_take(&record, 999, indexes), CAIRN_OK);
    assert_int_equal(cairn_status_record_take(&record, 2, indexes), CAIRN_ERR_TOO_MANY);
    assert_int_equal(cairn_status_record_take(&record, 1, indexes + 999), CAIRN_OK);
    for (size_t i = 0; i < 1000; i++) {
        assert_in_range(indexes[i], 0, 999);
        assert_int_equal(seen[indexes[i]]++, 0);
        rising += i > 0 && indexes[i] > indexes[i - 1];
    }
    assert_in_range(rising, 400, 600); /* some 10 deviations from a half */
    assert_int_equal(cairn_status_record_used(&record), 1000);
    assert_int_equal(cairn_status_record_set(&record, 3, CAIRN_STATUS_SUSPENDED), CAIRN_OK);
    assert_int_equal(cairn_status_record_set(&record, 3, CAIRN_STATUS_VALID), CAIRN_OK);
    assert_int_equal(cairn_status_record_set(&record, 3, CAIRN_STATUS_INVALID), CAIRN_OK);
    assert_int_equal(cairn_status_record_set(&record, 3, CAIRN_STATUS_INVALID), CAIRN_OK);
    assert_int_equal(cairn_status_record_set(&record, 3, CAIRN_STATUS_VALID), CAIRN_ERR_CLOSED);
    assert_int_equal(cairn_status_record_set(&record, 4, 4), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_status_record_set(&record, 5000, 1), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(record.changes, 3);
    assert_int_equal(cairn_status_record_marked(&record), 1);
    cairn_arena_done(&arena);
}

static void test_an_entry_that_nobody_has(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_status_record record;
    make_list(CAIRN_LIST_BITSTRING, 1);
    cairn_arena_init(&arena, ARENA);
    assert_int_equal(cairn_status_store_load(&arena, w.directory, cairn_bytes_str("l"), &record),
                     CAIRN_OK);
    assert_int_equal(cairn_status_record_set(&record, 3, 1), CAIRN_ERR_CLOSED);
    cairn_arena_done(&arena);
}

static void test_lists_that_are_not_made(void **state)
{
    (void)state;
    static const struct {
        const char *name, *purpose;
        uint64_t format, bits, ttl, life;
        size_t count;
        cairn_err want;
    } rows[] = {
        {"l", "", CAIRN_LIST_TOKEN, 1, 1, 1, 1 << 21, CAIRN_OK},
        {"l", "", CAIRN_LIST_TOKEN, 1, 1, 1, (1 << 21) + 1, CAIRN_ERR_TOO_LARGE},
        {"l", "", CAIRN_LIST_TOKEN, 1, 1, 1, 0, CAIRN_ERR_TOO_LARGE},
        {"l", "", CAIRN_LIST_TOKEN, 3, 1, 1, 9, CAIRN_ERR_BAD_VALUE},
        {"l", "revocation", CAIRN_LIST_TOKEN, 1, 1, 1, 9, CAIRN_ERR_USAGE},
        {"l", "", CAIRN_LIST_BITSTRING, 1, 1, 1, 9, CAIRN_ERR_USAGE},
        {"l", "", CAIRN_LIST_TOKEN, 1, 2, 1, 9, CAIRN_ERR_USAGE},
        {"l", "", CAIRN_LIST_TOKEN, 1, 1, 401 * 86400, 9, CAIRN_ERR_USAGE},
        {"../l", "", CAIRN_LIST_TOKEN, 1, 1, 1, 9, CAIRN_ERR_USAGE},
        {"-l", "", CAIRN_LIST_TOKEN, 1, 1, 1, 9, CAIRN_ERR_USAGE},
        {"", "", CAIRN_LIST_TOKEN, 1, 1, 1, 9, CAIRN_ERR_USAGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_arena arena;
        cairn_status_record record;
        const cairn_status_record like = {.name = cairn_bytes_str(rows[i].name),
                                          .uri = cairn_bytes_str("u"),
                                          .purpose = cairn_bytes_str(rows[i].purpose),
                                          .format = rows[i].format,
                                          .bits = rows[i].bits,
                                          .ttl_s = rows[i].ttl,
                                          .life_s = rows[i].life};
        cairn_arena_init(&arena, ARENA);
        assert_int_equal(cairn_status_record_new(&arena, &like, rows[i].count, &record),
                         rows[i].want);
        cairn_arena_done(&arena);
    }
}

/* --- publishing --- */

static void test_versions_follow(void **state)
{
    (void)state;
    make_list(CAIRN_LIST_TOKEN, 2);
    for (uint64_t version = 1; version <= 3; version++) {
        cairn_arena arena;
        cairn_status_record record;
        cairn_arena_init(&arena, ARENA);
        assert_int_equal(publish(&arena, &record), CAIRN_OK);
        assert_int_equal(record.current.count, 2);
        assert_int_equal(record.pending.count, 0);
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(cairn_status_issues(&record.current)[i].version, version);
        cairn_arena_done(&arena);
    }
}

/* Takes entry and marks it, as the verb does. */
static void mark(uint64_t *ret_index)
{
    cairn_arena arena;
    cairn_status_record record;
    cairn_arena_init(&arena, ARENA);
    assert_int_equal(cairn_status_store_load(&arena, w.directory, cairn_bytes_str("l"), &record),
                     CAIRN_OK);
    assert_int_equal(cairn_status_record_take(&record, 1, ret_index), CAIRN_OK);
    assert_int_equal(cairn_status_record_set(&record, *ret_index, 1), CAIRN_OK);
    assert_int_equal(cairn_status_store_save(&arena, w.directory, &record, false), CAIRN_OK);
    cairn_arena_done(&arena);
}

/* Both forms are served, and say the same. */
static void both_say(uint64_t index, unsigned want)
{
    unsigned value = 9;
    assert_true(served(CAIRN_STATUS_FORM_TOKEN_JWT, index, &value));
    assert_int_equal(value, want);
    assert_true(served(CAIRN_STATUS_FORM_TOKEN_CWT, index, &value));
    assert_int_equal(value, want);
}

static void publish_well(void)
{
    cairn_arena arena;
    cairn_status_record record;
    cairn_arena_init(&arena, ARENA);
    assert_int_equal(publish(&arena, &record), CAIRN_OK);
    cairn_arena_done(&arena);
}

/* Publishes in a process that ends at call `n`, before or after it; true when it came to its end.
 */
static bool publish_until(unsigned n, bool after)
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        cairn_arena arena;
        cairn_status_record record;
        cairn_arena_init(&arena, ARENA);
        fault_calls = 0;
        fault_errno = 0;
        fault_after = after;
        fault_at = n;
        _exit(publish(&arena, &record) == CAIRN_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FAULT_EXIT);
    return WEXITSTATUS(status) == 0;
}

/* [X1353-R51] A list is anchored before anybody sees it, and what is anchored is there. */
static void test_a_crash_at_each_write(void **state)
{
    (void)state;
    unsigned crashes = 0;
    for (unsigned n = 1;; n++) {
        bool whole = true;
        for (int after = 0; after < 2; after++) {
            uint64_t index = 0;
            unsigned value = 0;
            start_over();
            make_list(CAIRN_LIST_TOKEN, 2);
            publish_well();
            mark(&index);
            whole = publish_until(n, after == 1) && whole;
            assert_true(served(CAIRN_STATUS_FORM_TOKEN_JWT, index, &value));
            assert_true(served(CAIRN_STATUS_FORM_TOKEN_CWT, index, &value));
            publish_well();
            both_say(index, 1);
            crashes += !whole;
        }
        if (whole)
            break;
    }
    assert_in_range(crashes, 12, 1000); /* two files: write, sync, rename, sync of each */
}

/* The disk refuses a call: an error, and again nothing is lost. */
static void test_a_fault_at_each_write(void **state)
{
    (void)state;
    unsigned faults = 0;
    for (unsigned n = 1;; n++) {
        cairn_arena arena;
        cairn_status_record record;
        uint64_t index = 0;
        unsigned value = 0;
        start_over();
        make_list(CAIRN_LIST_TOKEN, 2);
        publish_well();
        mark(&index);
        cairn_arena_init(&arena, ARENA);
        fault_calls = 0;
        fault_errno = ENOSPC;
        fault_at = n;
        cairn_err err = publish(&arena, &record);
        bool hit = fault_calls >= n;
        fault_at = 0;
        cairn_arena_done(&arena);
        assert_true(served(CAIRN_STATUS_FORM_TOKEN_JWT, index, &value));
        assert_true(served(CAIRN_STATUS_FORM_TOKEN_CWT, index, &value));
        publish_well();
        both_say(index, 1);
        faults += err != CAIRN_OK;
        if (!hit)
            break;
    }
    assert_in_range(faults, 4, 1000);
}

/* The ledger goes out of reach before the first form, and between the two. */
static void test_a_ledger_out_of_reach(void **state)
{
    (void)state;
    for (int taken = 0; taken < 2; taken++) {
        cairn_arena arena;
        cairn_status_record record;
        uint64_t index = 0;
        unsigned jwt = 9;
        unsigned cwt = 9;
        start_over();
        make_list(CAIRN_LIST_TOKEN, 2);
        publish_well();
        mark(&index);
        w.ledger->refuse_after = taken;
        cairn_arena_init(&arena, ARENA);
        assert_int_equal(publish(&arena, &record), CAIRN_ERR_UNREACHABLE);
        cairn_arena_done(&arena);
        w.ledger->refuse_after = -1;
        assert_true(served(CAIRN_STATUS_FORM_TOKEN_JWT, index, &jwt));
        assert_true(served(CAIRN_STATUS_FORM_TOKEN_CWT, index, &cwt));
        assert_int_equal(jwt, taken); /* each form is served from its anchor on */
        assert_int_equal(cwt, 0);
        publish_well();
        both_say(index, 1);
    }
}

/* An anchor was submitted, and its verdict never came; the ledger takes it just before it is asked
 * again. */
static void test_an_anchor_that_comes_late(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_status_record record;
    uint64_t first = 0;
    uint64_t second = 0;
    make_list(CAIRN_LIST_TOKEN, 2);
    publish_well();
    mark(&first);
    w.ledger->refuse_after = 0;
    cairn_arena_init(&arena, ARENA);
    assert_int_equal(publish(&arena, &record), CAIRN_ERR_UNREACHABLE);
    w.ledger->refuse_after = -1;
    w.ledger->late = true;
    w.now_ms += 2000; /* signed anew, it would have other bytes */
    mark(&second);
    assert_int_equal(publish(&arena, &record), CAIRN_OK);
    assert_int_equal(cairn_status_issues(&record.current)[0].version, 3);
    both_say(first, 1);
    both_say(second, 1);
    cairn_arena_done(&arena);
}

/* Another directory publishes the same list between our signing and our anchoring. */
static void test_somebody_else_publishes(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_status_record record;
    cairn_hash id;
    make_list(CAIRN_LIST_TOKEN, 2);
    publish_well();
    cairn_arena_init(&arena, ARENA);
    w.ledger->refuse_after = 0;
    assert_int_equal(publish(&arena, &record), CAIRN_ERR_UNREACHABLE);
    w.ledger->refuse_after = -1;
    for (size_t i = 0; i < w.ledger->count; i++) {
        w.ledger->rows[i].anchor.version++;
        w.ledger->rows[i].anchor.hash.b[0] ^= 1;
    }
    assert_int_equal(publish(&arena, &record), CAIRN_OK);
    cairn_status_form_list_id(CAIRN_STATUS_FORM_TOKEN_JWT, record.uri, &id);
    assert_int_equal(row_of(&id)->version, 3);
    both_say(0, 0);
    cairn_arena_done(&arena);
}

/* A directory of yesterday: what it holds is not the anchored list; the next version follows. */
static void test_an_old_directory(void **state)
{
    (void)state;
    char command[256];
    uint64_t index = 0;
    cairn_arena arena;
    cairn_status_record head;
    cairn_hash id;
    int fd = -1;
    make_list(CAIRN_LIST_TOKEN, 2);
    publish_well();
    (void)snprintf(command, sizeof command, "cp '%s/l.list' '%s/old'", w.directory, w.directory);
    assert_int_equal(system(command), 0);
    mark(&index);
    publish_well();
    (void)snprintf(command, sizeof command, "mv '%s/old' '%s/l.list'", w.directory, w.directory);
    assert_int_equal(system(command), 0);
    cairn_arena_init(&arena, ARENA);
    assert_int_equal(cairn_status_store_open(&arena, w.directory, cairn_bytes_str("l"), &head, &fd),
                     CAIRN_OK);
    cairn_file_close(fd);
    cairn_status_form_list_id(CAIRN_STATUS_FORM_TOKEN_JWT, head.uri, &id);
    assert_null(find_issue(&head.current, CAIRN_STATUS_FORM_TOKEN_JWT, &row_of(&id)->hash));
    publish_well();
    assert_int_equal(row_of(&id)->version, 3);
    both_say(index, 0);
    cairn_arena_done(&arena);
}

/* Pending forms that have expired are not anchored any more. */
static void test_pending_that_expired(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_status_record record;
    make_list(CAIRN_LIST_TOKEN, 2);
    w.ledger->refuse_after = 0;
    cairn_arena_init(&arena, ARENA);
    assert_int_equal(publish(&arena, &record), CAIRN_ERR_UNREACHABLE);
    assert_int_equal(record.pending.count, 2);
    w.ledger->refuse_after = -1;
    w.now_ms += 3601 * 1000;
    assert_int_equal(publish(&arena, &record), CAIRN_OK);
    assert_int_equal(cairn_status_issues(&record.current)[0].version, 1);
    assert_true(cairn_status_issues(&record.current)[0].expires_ms > w.now_ms);
    cairn_arena_done(&arena);
}

/* --- files that are not what was written --- */

static void test_each_byte_counts(void **state)
{
    (void)state;
    char path[128];
    cairn_arena arena;
    cairn_bytes file;
    cairn_status_record record;
    make_list(CAIRN_LIST_TOKEN, 2);
    publish_well();
    (void)snprintf(path, sizeof path, "%s/l.list", w.directory);
    cairn_arena_init(&arena, 1 << 28);
    assert_int_equal(cairn_file_read(&arena, path, 1 << 20, &file), CAIRN_OK);
    uint8_t *bytes = (uint8_t *)(uintptr_t)file.data;
    for (size_t i = 0; i < file.size; i++) {
        cairn_arena inner;
        cairn_arena_init(&inner, ARENA);
        bytes[i] ^= 1;
        assert_int_equal(cairn_file_replace(path, 0600, file, NULL), CAIRN_OK);
        assert_int_equal(
            cairn_status_store_load(&inner, w.directory, cairn_bytes_str("l"), &record),
            CAIRN_ERR_CORRUPT);
        bytes[i] ^= 1;
        cairn_arena_done(&inner);
    }
    for (size_t size = 0; size < file.size; size += 7) {
        assert_int_equal(cairn_file_replace(path, 0600, cairn_bytes_of(file.data, size), NULL),
                         CAIRN_OK);
        assert_int_equal(
            cairn_status_store_load(&arena, w.directory, cairn_bytes_str("l"), &record),
            CAIRN_ERR_CORRUPT);
    }
    cairn_arena_done(&arena);
}

static void test_a_file_under_another_name(void **state)
{
    (void)state;
    char command[256];
    cairn_arena arena;
    cairn_status_record record;
    make_list(CAIRN_LIST_TOKEN, 2);
    (void)snprintf(command, sizeof command, "cp '%s/l.list' '%s/m.list'", w.directory, w.directory);
    assert_int_equal(system(command), 0);
    cairn_arena_init(&arena, ARENA);
    assert_int_equal(cairn_status_store_load(&arena, w.directory, cairn_bytes_str("m"), &record),
                     CAIRN_ERR_CORRUPT);
    assert_int_equal(cairn_status_store_load(&arena, w.directory, cairn_bytes_str("n"), &record),
                     CAIRN_ERR_NOT_FOUND);
    cairn_arena_done(&arena);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_entries_by_lot),
        TEST(test_an_entry_that_nobody_has),
        TEST(test_lists_that_are_not_made),
        TEST(test_versions_follow),
        TEST(test_a_crash_at_each_write),
        TEST(test_a_fault_at_each_write),
        TEST(test_a_ledger_out_of_reach),
        TEST(test_an_anchor_that_comes_late),
        TEST(test_somebody_else_publishes),
        TEST(test_an_old_directory),
        TEST(test_pending_that_expired),
        TEST(test_each_byte_counts),
        TEST(test_a_file_under_another_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
