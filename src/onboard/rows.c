/* Acts about devices, many in a transaction. A batch stands or falls as a whole, and its rows are
 * in the order of their indexes, so that their places tell nothing and none can come twice. */
#include <stdlib.h>

#include "cairn/sha256.h"
#include "onboard/acts.h"

static const char clause[] = CAIRN_ONBOARD_CLAUSE;
static const char prefix[] = "device/";

/* --- bodies --- */

static const cairn_schema_field row_fields[] = {
    {"index", CAIRN_SCHEMA_HASH, offsetof(cairn_device_row, index), 0, 0, false, NULL},
    {"version", CAIRN_SCHEMA_UINT, offsetof(cairn_device_row, version), 1, INT64_MAX - 1, false,
     NULL},
};
const cairn_schema cairn_device_row_schema = CAIRN_SCHEMA_OF(cairn_device_row, row_fields);

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(cairn_hash));
}

void cairn_devices_sort(cairn_schema_list *list, size_t row_size)
{
    if (list->count > 1)
        qsort(list->rows, list->count, row_size, compare);
}

cairn_err cairn_devices_check_sorted(const cairn_schema_list *list, size_t row_size)
{
    const char *rows = list->rows;
    for (size_t i = 1; i < list->count; i++)
        if (compare(rows + (i - 1) * row_size, rows + i * row_size) >= 0)
            return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, clause, "devices: not in rising order");
    return CAIRN_OK;
}

static size_t row_size(const cairn_device_kind *kind)
{
    return kind->schema->fields[0].row->size;
}

cairn_err cairn_devices_decode(cairn_arena *arena, const cairn_device_kind *kind,
                               cairn_cbor_reader *r, void **ret_act)
{
    void *act = NULL;
    CAIRN_TRY(cairn_schema_read(arena, kind->schema, r, &act));
    CAIRN_TRY(cairn_devices_check_sorted(act, row_size(kind)));
    if (kind->check != NULL)
        CAIRN_TRY(kind->check(act));
    *ret_act = act;
    return CAIRN_OK;
}

cairn_err cairn_devices_body(cairn_arena *arena, const cairn_device_kind *kind, void *act,
                             cairn_bytes *ret_body)
{
    cairn_devices_sort(act, row_size(kind));
    return cairn_schema_encode(arena, kind->schema, act, ret_body);
}

/* --- one device --- */

static const cairn_device nothing = {
    .rendezvous_expires_ms = CAIRN_SCHEMA_ABSENT,
    .next_algorithm = CAIRN_SCHEMA_ABSENT,
    .resume_state = CAIRN_SCHEMA_ABSENT,
    .verdict = CAIRN_SCHEMA_ABSENT,
};

static cairn_err check_version(const cairn_device *device, uint64_t expected)
{
    if (device->version != expected)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_VERSION, clause, "device.version: is %llu",
                          (unsigned long long)device->version);
    return CAIRN_OK;
}

/* The record after the step, and its bytes; `before` are those of the last one, empty for a new
 * device. [X1353-R03] */
static cairn_err take_step(const cairn_device_saying *saying, const cairn_device_kind *kind,
                           const void *act, const void *row, cairn_bytes before,
                           cairn_device *device, cairn_bytes *ret_after)
{
    CAIRN_TRY(kind->step(saying, act, row, device));
    if (before.size > 0)
        cairn_sha256_of(before.data, before.size, &device->previous);
    else
        device->registered_ms = saying->time_ms;
    device->version++;
    device->changed_ms = saying->time_ms;
    device->transaction = saying->transaction;
    return cairn_device_encode(saying->arena, device, ret_after);
}

/* --- on the ledger --- */

static cairn_err load(cairn_apply *apply, const cairn_device_kind *kind, const void *row,
                      const cairn_state_key *key, cairn_bytes *ret_before, cairn_device *ret_device)
{
    if (kind->creates) {
        *ret_device = nothing;
        return cairn_apply_must_be_new(apply, CAIRN_MAP_STATE, key);
    }
    const cairn_device_row *head = row;
    cairn_err err =
        cairn_state_get(cairn_apply_state(apply), CAIRN_MAP_STATE, cairn_state_key_view(key),
                        cairn_apply_arena(apply), ret_before);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "device: not registered");
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_device_decode(cairn_apply_arena(apply), *ret_before, ret_device));
    return check_version(ret_device, head->version);
}

static cairn_err apply_row(cairn_apply *apply, const cairn_device_saying *saying,
                           const cairn_device_kind *kind, const void *act, const void *row)
{
    cairn_state_key key;
    cairn_bytes before = {0}, after;
    cairn_device device;
    cairn_state_key_make(&key, prefix, cairn_bytes_hash(row));
    CAIRN_TRY(load(apply, kind, row, &key, &before, &device));
    if (kind->admit_row != NULL)
        CAIRN_TRY(kind->admit_row(apply, act, &device));
    CAIRN_TRY(take_step(saying, kind, act, row, before, &device, &after));
    return cairn_apply_put(apply, CAIRN_MAP_STATE, &key, after.data, after.size);
}

/* One event for the batch: a job reads the rows in the transaction. What an approval did has its
 * rows elsewhere: each is told. */
static cairn_err tell(cairn_apply *apply, const cairn_device_kind *kind, const void *act)
{
    const cairn_schema_list *list = act;
    if (kind != &cairn_device_bar_kind)
        return cairn_apply_emit(apply, CAIRN_EVENT_DEVICES,
                                cairn_bytes_hash(cairn_apply_org(apply)));
    const cairn_device_row *rows = list->rows;
    for (size_t i = 0; i < list->count; i++)
        CAIRN_TRY(cairn_apply_emit(apply, CAIRN_EVENT_BARRED, cairn_bytes_hash(&rows[i].index)));
    return CAIRN_OK;
}

cairn_err cairn_devices_apply(cairn_apply *apply, const cairn_device_kind *kind, const void *act)
{
    const cairn_schema_list *list = act;
    const char *rows = list->rows;
    const cairn_device_saying saying = {.arena = cairn_apply_arena(apply),
                                        .ledger = *cairn_apply_ledger(apply),
                                        .org = *cairn_apply_org(apply),
                                        .transaction = cairn_apply_tx(apply)->id,
                                        .time_ms = cairn_apply_time_ms(apply)};
    if (kind->admit != NULL)
        CAIRN_TRY(kind->admit(apply, &saying, act));
    for (size_t i = 0; i < list->count; i++)
        CAIRN_TRY(apply_row(apply, &saying, kind, act, rows + i * row_size(kind)));
    return tell(apply, kind, act);
}

/* --- in a history --- */

static const cairn_device_kind *const kinds[] = {
    &cairn_device_register_kind, &cairn_device_transfer_kind, &cairn_device_claim_kind,
    &cairn_device_announce_kind, &cairn_device_event_kind,    &cairn_device_onboarded_kind,
    &cairn_device_renew_kind,
};

static cairn_err read_act(cairn_arena *arena, cairn_bytes transaction, cairn_tx *ret_tx,
                          const cairn_device_kind **ret_kind, void **ret_act)
{
    cairn_cbor_reader r;
    const cairn_device_kind *kind = NULL;
    CAIRN_TRY(cairn_tx_decode(transaction, ret_tx));
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i]->type == ret_tx->type)
            kind = kinds[i];
    if (kind == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, clause, "transaction: is not about devices");
    CAIRN_TRY(cairn_cbor_open(&r, ret_tx->body, CAIRN_CBOR_STRICT, kind->name, clause));
    CAIRN_TRY(cairn_devices_decode(arena, kind, &r, ret_act));
    *ret_kind = kind;
    return cairn_cbor_end(&r);
}

/* What the transaction of a step did to one of its rows. */
static cairn_err replay_row(const cairn_device_saying *saying, const cairn_device_kind *kind,
                            const void *act, const void *row, const cairn_device *device,
                            cairn_device *ret_next, cairn_bytes *ret_record)
{
    const cairn_device_row *head = row;
    cairn_bytes before = {0};
    cairn_device next = *device;
    CAIRN_TRY(check_version(device, kind->creates ? 0 : head->version));
    if (device->version == 0)
        next = nothing;
    else
        CAIRN_TRY(cairn_device_encode(saying->arena, device, &before));
    CAIRN_TRY(take_step(saying, kind, act, row, before, &next, ret_record));
    *ret_next = next;
    return CAIRN_OK;
}

/* An act as a history has it. */
typedef struct told {
    cairn_device_saying saying;
    const cairn_device_kind *kind;
    const cairn_schema_list *list; /* the act begins with it */
    cairn_device_row barred;       /* the row of an act that an approval did, */
    cairn_schema_list one;         /* alone */
} told;

static cairn_err read_told(cairn_arena *arena, const cairn_device_step *step, told *t)
{
    cairn_tx tx;
    void *act = &t->one;
    t->kind = &cairn_device_bar_kind;
    t->one = (cairn_schema_list){.count = 1, .rows = &t->barred};
    if (step->barred)
        CAIRN_TRY(cairn_tx_decode(step->transaction, &tx));
    else
        CAIRN_TRY(read_act(arena, step->transaction, &tx, &t->kind, &act));
    t->list = act;
    t->saying = (cairn_device_saying){.arena = arena,
                                      .ledger = tx.ledger,
                                      .org = step->org,
                                      .transaction = tx.id,
                                      .time_ms = step->time_ms};
    return CAIRN_OK;
}

cairn_err cairn_device_replay(cairn_arena *arena, const cairn_hash *index,
                              const cairn_device_step *step, cairn_device *device)
{
    told t = {.barred = {.index = *index, .version = device->version}};
    cairn_bytes record;
    CAIRN_TRY(read_told(arena, step, &t));
    const void *row = bsearch(index, t.list->rows, t.list->count, row_size(t.kind), compare);
    if (row == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, clause, "transaction: is not about this device");
    return replay_row(&t.saying, t.kind, t.list, row, device, device, &record);
}

cairn_err cairn_device_replay_all(cairn_arena *arena, const cairn_device_step *step,
                                  const cairn_hash *barred, const cairn_device_table *table)
{
    told t = {.barred = {.index = *barred}};
    CAIRN_TRY(read_told(arena, step, &t));
    const char *rows = t.list->rows;
    for (size_t i = 0; i < t.list->count; i++) {
        const void *row = rows + i * row_size(t.kind);
        cairn_device before, after;
        cairn_bytes record;
        CAIRN_TRY(table->get(table->context, row, &before));
        t.barred.version = before.version; /* whichever it was */
        CAIRN_TRY(replay_row(&t.saying, t.kind, t.list, row, &before, &after, &record));
        CAIRN_TRY(table->put(table->context, row, &before, &after, record));
    }
    return CAIRN_OK;
}

cairn_err cairn_device_party_of(cairn_arena *arena, cairn_bytes transaction,
                                const cairn_hash *index, cairn_hash *ret_party)
{
    cairn_tx tx;
    const cairn_device_kind *kind = NULL;
    void *act = NULL;
    cairn_err err = read_act(arena, transaction, &tx, &kind, &act);
    if (err == CAIRN_OK && kind == &cairn_device_transfer_kind) {
        const cairn_schema_list *list = act;
        const cairn_device_sale *row =
            bsearch(index, list->rows, list->count, sizeof *row, compare);
        if (row != NULL) {
            *ret_party = row->party;
            return CAIRN_OK;
        }
    }
    return err == CAIRN_OK ? CAIRN_ERR_NOT_FOUND : err;
}

cairn_err cairn_device_act_name(cairn_arena *arena, cairn_bytes transaction, const char **ret_name)
{
    cairn_tx tx;
    const cairn_device_kind *kind = NULL;
    void *act = NULL;
    CAIRN_TRY(read_act(arena, transaction, &tx, &kind, &act));
    *ret_name = kind == &cairn_device_event_kind
                    ? cairn_device_event_name(cairn_device_event_of(act))
                    : kind->name;
    return CAIRN_OK;
}
