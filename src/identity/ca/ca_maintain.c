/* What time asks of a CA. */
#include "identity/ca/ca_impl.h"

enum {
    BATCH_COUNT_MAX = 64,   /* pieces of work in one transaction */
    LISTS_COUNT_MAX = 1024, /* partitions looked at in one go */
    CALL_AGAIN_S = 3600,
};

typedef struct item {
    uint8_t key[64];
    size_t key_size;
    uint8_t value[64];
    size_t value_size;
} item;

/* The first `count_max` pairs of a table behind `after` (NULL: from the beginning) whose key is at
 * most `until` (8 bytes in front). */
static cairn_err next_items(cairn_ca *ca, unsigned table, const item *after, uint64_t until,
                            item *items, size_t count_max, size_t *ret_count)
{
    cairn_kv_txn *txn = NULL;
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key = {0};
    cairn_bytes value = {0};
    const cairn_bytes from =
        after == NULL ? cairn_bytes_of(NULL, 0) : cairn_bytes_of(after->key, after->key_size);
    size_t count = 0;
    CAIRN_TRY(cairn_kv_begin(ca->kv, false, &txn));
    cairn_err err = cairn_kv_cursor_open(txn, table, &cursor);
    if (err == CAIRN_OK) {
        err = cairn_kv_cursor_seek(cursor, from, &key, &value);
        if (err == CAIRN_OK && after != NULL && cairn_bytes_equal(key, from))
            err = cairn_kv_cursor_next(cursor, &key, &value);
        while (err == CAIRN_OK && count < count_max && key.size >= 8 &&
               key.size <= sizeof items->key && value.size <= sizeof items->value &&
               cairn_get_u64(key.data) <= until) {
            item *at = &items[count++];
            at->key_size = key.size;
            at->value_size = value.size;
            memcpy(at->key, key.data, key.size);
            memcpy(at->value, value.data, value.size);
            err = cairn_kv_cursor_next(cursor, &key, &value);
        }
        cairn_kv_cursor_close(cursor);
    }
    cairn_kv_abort(txn);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    *ret_count = count;
    return CAIRN_OK;
}

static void note(cairn_err err, cairn_err *first)
{
    if (*first == CAIRN_OK)
        *first = err;
}

/* --- certificates --- */

/* Answers that are due, unless they were signed since, or nobody asks about that certificate any
 * more. */
static cairn_err refresh(cairn_ca *ca, cairn_kv_txn *txn, const uint8_t *serial,
                         cairn_ca_record *record, cairn_arena *arena)
{
    uint64_t now = ca_now(ca);
    bool fresh = record->ocsp.epoch == ca->epoch && cairn_ca_refresh_at(ca, record) > now;
    if (fresh || record->not_after_s <= now)
        return CAIRN_OK;
    CAIRN_TRY(cairn_ca_make_ready(ca, serial, record, arena));
    CAIRN_TRY(cairn_ca_save(txn, serial, record, arena));
    return cairn_ca_put_work(txn, cairn_ca_refresh_at(ca, record), CA_WORK_OCSP, serial);
}

static cairn_err do_work(cairn_ca *ca, cairn_kv_txn *txn, const item *work, cairn_arena *arena)
{
    const uint8_t *serial = work->key + 9;
    cairn_ca_record record;
    if (work->key_size != 9 + CAIRN_CA_SERIAL_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/ca.md", "ca: work of %zu bytes",
                          work->key_size);
    CAIRN_TRY(cairn_kv_delete(txn, CA_WORK, cairn_bytes_of(work->key, work->key_size)));
    CAIRN_TRY(cairn_ca_load(txn, serial, arena, &record));
    if (work->key[8] == CA_WORK_RETIRE && record.status == CAIRN_CA_STATUS_GOOD &&
        record.not_after_s > ca_now(ca))
        return cairn_ca_mark_revoked(ca, txn, serial, &record, CAIRN_CA_SUPERSEDED, arena);
    if (work->key[8] == CA_WORK_OCSP)
        return refresh(ca, txn, serial, &record, arena);
    return CAIRN_OK;
}

static cairn_err do_batch(cairn_ca *ca, const item *items, size_t count)
{
    cairn_arena arena;
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_ca_begin(ca, &txn));
    cairn_arena_init(&arena, CA_ARENA_LIMIT);
    cairn_err err = CAIRN_OK;
    for (size_t i = 0; i < count && err == CAIRN_OK; i++)
        err = do_work(ca, txn, &items[i], &arena);
    if (err == CAIRN_OK)
        err = cairn_kv_commit(txn);
    else
        cairn_kv_abort(txn);
    cairn_arena_done(&arena);
    return err;
}

/* One go through the work that is due: each piece is tried once. */
typedef struct pass {
    size_t budget;    /* pieces that may still be done, or fail */
    bool signer_away; /* answers wait for another time; what needs no signature does not */
    cairn_err first;
} pass;

static bool waits_for_signer(const pass *p, const item *work)
{
    return p->signer_away && work->key_size > 8 && work->key[8] == CA_WORK_OCSP;
}

/* A piece that cannot be done keeps nobody from his: each is done by itself. */
static void do_alone(cairn_ca *ca, pass *p, const item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (waits_for_signer(p, &items[i]))
            continue;
        cairn_err err = do_batch(ca, &items[i], 1);
        note(err, &p->first);
        p->budget--;
        p->signer_away = p->signer_away || (err != CAIRN_OK && err != CAIRN_ERR_CORRUPT &&
                                            err != CAIRN_ERR_NOT_FOUND);
    }
}

static size_t leave_out(const pass *p, item *items, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!waits_for_signer(p, &items[i]))
            items[kept++] = items[i];
    return kept;
}

static cairn_err do_all_work(cairn_ca *ca, pass *p)
{
    item items[BATCH_COUNT_MAX];
    item last;
    const item *after = NULL;
    size_t found = 0;
    while (p->budget > 0) {
        size_t wanted = p->budget < BATCH_COUNT_MAX ? p->budget : BATCH_COUNT_MAX;
        CAIRN_TRY(next_items(ca, CA_WORK, after, ca_now(ca), items, wanted, &found));
        if (found == 0)
            break;
        last = items[found - 1];
        after = &last;
        size_t count = leave_out(p, items, found);
        if (count > 0 && do_batch(ca, items, count) == CAIRN_OK)
            p->budget -= count;
        else
            do_alone(ca, p, items, count);
    }
    return p->first;
}

/* --- lists --- */

typedef struct lists {
    uint32_t due[LISTS_COUNT_MAX];
    size_t count;
    uint64_t next_s; /* when the first of the others is due */
} lists;

/* A partition whose certificates have all ended, and been on one more list, needs none. */
static cairn_err is_over(const cairn_ca *ca, cairn_kv_txn *txn, uint32_t partition, bool *ret_over)
{
    uint8_t key[5] = {'e'};
    uint64_t end_s = 0;
    cairn_put_u32(key + 1, partition);
    CAIRN_TRY(cairn_ca_get_number(txn, cairn_bytes_of(key, sizeof key), &end_s));
    *ret_over = end_s + ca->options.crl_validity_s < ca_now(ca);
    return CAIRN_OK;
}

static cairn_err consider_list(const cairn_ca *ca, cairn_kv_txn *txn, cairn_bytes key,
                               cairn_bytes value, lists *l)
{
    ca_crl_row row;
    bool over = false;
    if (key.size != 4)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/ca.md", "ca: key of a list");
    uint32_t partition = cairn_get_u32(key.data);
    CAIRN_TRY(cairn_ca_crl_row_decode(value, &row));
    CAIRN_TRY(is_over(ca, txn, partition, &over));
    if (over)
        return CAIRN_OK;
    uint64_t at = row.dirty ? 0 : row.this_update_s + ca->options.crl_validity_s / 2;
    if (at <= ca_now(ca) && l->count < LISTS_COUNT_MAX)
        l->due[l->count++] = partition;
    else if (at < l->next_s)
        l->next_s = at;
    return CAIRN_OK;
}

static cairn_err find_lists(cairn_ca *ca, cairn_kv_txn *txn, lists *l)
{
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key = {0};
    cairn_bytes value = {0};
    CAIRN_TRY(cairn_kv_cursor_open(txn, CA_CRLS, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(NULL, 0), &key, &value);
    while (err == CAIRN_OK) {
        err = consider_list(ca, txn, key, value, l);
        if (err == CAIRN_OK)
            err = cairn_kv_cursor_next(cursor, &key, &value);
    }
    cairn_kv_cursor_close(cursor);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

static cairn_err sign_list(cairn_ca *ca, uint32_t partition)
{
    cairn_arena arena;
    cairn_kv_txn *txn = NULL;
    ca_crl_row row;
    CAIRN_TRY(cairn_ca_begin(ca, &txn));
    cairn_arena_init(&arena, CA_ARENA_LIMIT);
    cairn_err err = cairn_ca_make_crl(ca, txn, partition, &arena, &row);
    if (err == CAIRN_OK)
        err = cairn_ca_put_crl(txn, partition, &row, &arena);
    if (err == CAIRN_OK)
        err = cairn_kv_commit(txn);
    else
        cairn_kv_abort(txn);
    cairn_arena_done(&arena);
    return err;
}

static cairn_err sign_lists(cairn_ca *ca, uint64_t *next_s)
{
    cairn_kv_txn *txn = NULL;
    lists l = {.next_s = *next_s};
    CAIRN_TRY(cairn_kv_begin(ca->kv, false, &txn));
    cairn_err err = find_lists(ca, txn, &l);
    cairn_kv_abort(txn);
    CAIRN_TRY(err);
    for (size_t i = 0; i < l.count; i++)
        note(sign_list(ca, l.due[i]), &err);
    *next_s = l.next_s;
    return err;
}

/* --- announcements --- */

static cairn_err drop_announced(cairn_ca *ca, const item *items, size_t count)
{
    cairn_kv_txn *txn = NULL;
    if (count == 0)
        return CAIRN_OK;
    CAIRN_ASSERT(pthread_mutex_lock(&ca->lock) == 0);
    cairn_err err = cairn_kv_begin(ca->kv, true, &txn);
    for (size_t i = 0; i < count && err == CAIRN_OK; i++)
        err = cairn_kv_delete(txn, CA_OUTBOX, cairn_bytes_of(items[i].key, items[i].key_size));
    if (err == CAIRN_OK)
        err = cairn_kv_commit(txn);
    else
        cairn_kv_abort(txn);
    CAIRN_ASSERT(pthread_mutex_unlock(&ca->lock) == 0);
    return err;
}

static cairn_err announce_one(const cairn_ca *ca, const item *at)
{
    cairn_hash commitment;
    if (at->value_size != 1 + sizeof commitment.b)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/ca.md", "ca: announcement");
    if (ca->options.announce == NULL)
        return CAIRN_OK;
    memcpy(commitment.b, at->value + 1, sizeof commitment.b);
    return ca->options.announce(ca->options.context, (cairn_ca_act)at->value[0], &commitment);
}

/* Whoever listens has taken an announcement when he says so; then it is dropped, in one commit for
 * many. What cannot be read keeps no other from being announced; a listener who is away is not
 * asked again now. */
static cairn_err announce_batch(cairn_ca *ca, const item *items, size_t count, cairn_err *first)
{
    item taken[BATCH_COUNT_MAX];
    size_t taken_count = 0;
    cairn_err err = CAIRN_OK;
    for (size_t i = 0; i < count && (err == CAIRN_OK || err == CAIRN_ERR_CORRUPT); i++) {
        err = announce_one(ca, &items[i]);
        if (err == CAIRN_OK)
            taken[taken_count++] = items[i];
        note(err, first);
    }
    CAIRN_TRY(drop_announced(ca, taken, taken_count));
    return err == CAIRN_ERR_CORRUPT ? CAIRN_OK : err;
}

/* Not under `lock`: the listener waits for a ledger, and whoever issues or revokes does not. */
static cairn_err announce(cairn_ca *ca, size_t *budget)
{
    item items[BATCH_COUNT_MAX];
    item last;
    const item *after = NULL;
    size_t count = 0;
    cairn_err first = CAIRN_OK;
    while (*budget > 0) {
        size_t wanted = *budget < BATCH_COUNT_MAX ? *budget : BATCH_COUNT_MAX;
        CAIRN_TRY(next_items(ca, CA_OUTBOX, after, UINT64_MAX, items, wanted, &count));
        if (count == 0)
            break;
        last = items[count - 1];
        after = &last;
        CAIRN_TRY(announce_batch(ca, items, count, &first));
        *budget -= count;
    }
    return first;
}

/* --- the whole --- */

/* What ends with its issuer cannot be renewed below it, nor below one that has ended. */
static cairn_err keep_responder(cairn_ca *ca, size_t generation)
{
    const ca_generation *g = &ca->generations[generation];
    uint64_t before = cairn_ca_profile_of(CAIRN_CA_OCSP_RESPONDER)->renew_before_s;
    if (g->responder.not_after_s > ca_now(ca) + before ||
        g->responder.not_after_s >= g->issuing.not_after_s || g->issuing.not_after_s <= ca_now(ca))
        return CAIRN_OK;
    return cairn_ca_renew_party(ca, generation, CAIRN_CA_OCSP_RESPONDER);
}

/* The one that issues, as long as the root lives longer; what earlier ones have issued ends before
 * they do. */
static cairn_err keep_issuing(cairn_ca *ca)
{
    const ca_party *issuing = &ca_current(ca)->issuing;
    uint64_t before = cairn_ca_profile_of(CAIRN_CA_ISSUING)->renew_before_s;
    if (issuing->not_after_s > ca_now(ca) + before ||
        issuing->not_after_s >= ca_root(ca)->not_after_s)
        return CAIRN_OK;
    return cairn_ca_renew_party(ca, ca_generation_count(ca) - 1, CAIRN_CA_ISSUING);
}

static void keep_own(cairn_ca *ca, cairn_err *first)
{
    note(keep_issuing(ca), first);
    for (size_t i = 0; i < ca_generation_count(ca); i++)
        note(keep_responder(ca, i), first);
}

/* What is signed; nothing is when an issuing key of another process's making is not here yet. */
static cairn_err keep_signed(cairn_ca *ca, pass *p, uint64_t *next_s)
{
    cairn_err first = CAIRN_OK;
    CAIRN_TRY(cairn_ca_follow(ca));
    keep_own(ca, &first);
    note(do_all_work(ca, p), &first);
    note(sign_lists(ca, next_s), &first);
    return first;
}

cairn_err cairn_ca_maintain(cairn_ca *ca, size_t count_max, uint64_t *ret_next_ms)
{
    size_t announcements = count_max;
    pass p = {.budget = count_max};
    item next;
    size_t more = 0;
    cairn_err first = CAIRN_OK;
    CAIRN_ASSERT(pthread_mutex_lock(&ca->lock) == 0);
    uint64_t now = ca_now(ca);
    uint64_t next_s = now + CALL_AGAIN_S;
    note(keep_signed(ca, &p, &next_s), &first);
    note(next_items(ca, CA_WORK, NULL, next_s, &next, 1, &more), &first);
    CAIRN_ASSERT(pthread_mutex_unlock(&ca->lock) == 0);
    note(announce(ca, &announcements), &first);
    CAIRN_TRY(first);
    if (more > 0)
        next_s = cairn_get_u64(next.key);
    if (p.budget == 0 || announcements == 0 || next_s < now)
        next_s = now;
    *ret_next_ms = next_s * 1000;
    return CAIRN_OK;
}
