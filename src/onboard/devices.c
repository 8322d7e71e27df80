/* What an event changes: the records of its transaction's devices, made by the same code as those
 * of the ledger. */

#include "core/jobs/projection.h"
#include "onboard/acts.h"

static const char clause[] = CAIRN_ONBOARD_CLAUSE;
static const cairn_hash nobody;

/* --- keys and values --- */

enum { STEP_KEY_SIZE = 32 + 8, STEP_VALUE_SIZE_MAX = 1 + 3 * 9 + 34 + 1, MADE_KEY_SIZE = 64 };

static cairn_bytes step_key(const cairn_hash *index, uint64_t version, uint8_t out[STEP_KEY_SIZE])
{
    memcpy(out, index->b, 32);
    cairn_put_u64(out + 32, version);
    return cairn_bytes_of(out, STEP_KEY_SIZE);
}

static cairn_bytes held_key(const cairn_device *device, const cairn_hash *index,
                            uint8_t out[CAIRN_DEVICES_HELD_KEY_SIZE])
{
    bool owned = !cairn_hash_equal(&device->owner, &nobody);
    memcpy(out, owned ? device->owner.b : device->manufacturer.b, 32);
    out[32] = (uint8_t)device->state;
    memcpy(out + 33, index->b, 32);
    return cairn_bytes_of(out, CAIRN_DEVICES_HELD_KEY_SIZE);
}

/* --- one event --- */

typedef struct change {
    cairn_projection_writer *writer;
    const cairn_job_event *event;
    cairn_device_step step;
} change;

static cairn_err get(void *context, const cairn_hash *index, cairn_device *ret_device)
{
    const change *c = context;
    cairn_bytes record;
    cairn_err err =
        cairn_projection_get(c->writer, CAIRN_DEVICES_RECORDS, cairn_bytes_hash(index), &record);
    if (err == CAIRN_ERR_NOT_FOUND) {
        *ret_device = (cairn_device){.version = 0};
        return CAIRN_OK;
    }
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_arena_copy(cairn_projection_arena(c->writer), record, &record));
    return cairn_device_decode(cairn_projection_arena(c->writer), record, ret_device);
}

static cairn_err put_step(const change *c, const cairn_hash *index, uint64_t version)
{
    uint8_t key[STEP_KEY_SIZE], value[STEP_VALUE_SIZE_MAX];
    cairn_cbor_writer w;
    cairn_bytes encoded;
    cairn_cbor_writer_init(&w, value, sizeof value);
    cairn_cbor_put_array(&w, 5);
    cairn_cbor_put_uint(&w, c->event->index);
    cairn_cbor_put_uint(&w, c->event->height);
    cairn_cbor_put_uint(&w, c->event->time_ms);
    cairn_cbor_put_hash(&w, &c->step.org);
    cairn_cbor_put_bool(&w, c->step.barred);
    CAIRN_TRY(cairn_cbor_writer_end(&w, &encoded));
    return cairn_projection_put(c->writer, CAIRN_DEVICES_STEPS, step_key(index, version, key),
                                encoded);
}

static cairn_err put_made(const change *c, const cairn_hash *index, const cairn_device *device)
{
    uint8_t key[MADE_KEY_SIZE];
    memcpy(key, device->manufacturer.b, 32);
    memcpy(key + 32, index->b, 32);
    return cairn_projection_put(c->writer, CAIRN_DEVICES_MADE, cairn_bytes_of(key, sizeof key),
                                (cairn_bytes){0});
}

static cairn_err put(void *context, const cairn_hash *index, const cairn_device *before,
                     const cairn_device *after, cairn_bytes record)
{
    const change *c = context;
    uint8_t key[CAIRN_DEVICES_HELD_KEY_SIZE];
    if (before->version > 0)
        CAIRN_TRY(
            cairn_projection_delete(c->writer, CAIRN_DEVICES_HELD, held_key(before, index, key)));
    else
        CAIRN_TRY(put_made(c, index, after));
    CAIRN_TRY(cairn_projection_put(c->writer, CAIRN_DEVICES_HELD, held_key(after, index, key),
                                   (cairn_bytes){0}));
    CAIRN_TRY(put_step(c, index, after->version));
    return cairn_projection_put(c->writer, CAIRN_DEVICES_RECORDS, cairn_bytes_hash(index), record);
}

static cairn_err apply(cairn_projection_writer *writer, const cairn_job_event *event)
{
    change c = {.writer = writer, .event = event};
    const cairn_device_table table = {.context = &c, .get = get, .put = put};
    cairn_hash named;
    if (event->key.size != sizeof named.b)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "devices: event without a name");
    memcpy(named.b, event->key.data, sizeof named.b);
    c.step = (cairn_device_step){.log_index = event->index,
                                 .height = event->height,
                                 .time_ms = event->time_ms,
                                 .barred = event->type == CAIRN_EVENT_BARRED,
                                 .transaction = event->transaction};
    if (!c.step.barred)
        c.step.org = named;
    return cairn_device_replay_all(cairn_projection_arena(writer), &c.step, &named, &table);
}

static const uint16_t types[] = {CAIRN_EVENT_DEVICES, CAIRN_EVENT_BARRED};

const cairn_projection cairn_devices_projection = {
    .name = "onboard.devices",
    .version = 1,
    .table_count = CAIRN_DEVICES_TABLES,
    .types = types,
    .type_count = sizeof types / sizeof types[0],
    .apply = apply,
};

/* --- reading --- */

static cairn_err read_step(cairn_bytes key, cairn_bytes value, cairn_devices_step *step)
{
    cairn_cbor_reader r;
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_open(&r, value, CAIRN_CBOR_STRICT, "step", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "step", 5, 5, &count));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "index", 0, INT64_MAX, &step->log_index));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "height", 0, INT64_MAX, &step->height));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "time", 0, INT64_MAX, &step->time_ms));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "organisation", &step->org));
    CAIRN_TRY(cairn_cbor_read_bool(&r, "barred", &step->barred));
    step->version = cairn_get_u64(key.data + 32);
    return cairn_cbor_end(&r);
}

/* Number of rows below the device's index, and the rows themselves when there is room for them. */
static cairn_err read_steps(cairn_projection_view *view, const cairn_hash *index,
                            cairn_devices_step *steps, size_t room, size_t *ret_count)
{
    uint8_t after[STEP_KEY_SIZE];
    size_t after_size = 0, count = 0;
    for (;;) {
        cairn_bytes key, value;
        cairn_err err =
            cairn_projection_view_next(view, CAIRN_DEVICES_STEPS, cairn_bytes_hash(index),
                                       cairn_bytes_of(after, after_size), &key, &value);
        if (err == CAIRN_ERR_NOT_FOUND)
            break;
        CAIRN_TRY(err);
        if (key.size != STEP_KEY_SIZE)
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "devices: a step without a version");
        if (count < room)
            CAIRN_TRY(read_step(key, value, &steps[count]));
        count++;
        memcpy(after, key.data, key.size);
        after_size = key.size;
    }
    *ret_count = count;
    return CAIRN_OK;
}

cairn_err cairn_devices_history(cairn_projection_view *view, cairn_arena *arena,
                                const cairn_hash *index, const cairn_devices_step **ret_steps,
                                size_t *ret_count)
{
    void *memory = NULL;
    size_t count = 0;
    CAIRN_TRY(read_steps(view, index, NULL, 0, &count));
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof(cairn_devices_step), &memory));
    CAIRN_TRY(read_steps(view, index, memory, count, &count));
    *ret_steps = memory;
    *ret_count = count;
    return CAIRN_OK;
}

cairn_err cairn_devices_next(cairn_projection_view *view, cairn_devices_walk *walk,
                             cairn_hash *ret_index)
{
    uint8_t prefix[33];
    cairn_bytes key, value;
    memcpy(prefix, walk->org.b, 32);
    prefix[32] = (uint8_t)walk->state;
    CAIRN_TRY(cairn_projection_view_next(
        view, CAIRN_DEVICES_HELD, cairn_bytes_of(prefix, walk->state == 0 ? 32 : 33),
        cairn_bytes_of(walk->after, walk->after_size), &key, &value));
    if (key.size != sizeof walk->after)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "devices: a row without an index");
    memcpy(walk->after, key.data, key.size);
    walk->after_size = key.size;
    memcpy(ret_index->b, key.data + 33, sizeof ret_index->b);
    return CAIRN_OK;
}
