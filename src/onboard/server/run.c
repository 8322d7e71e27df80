/* Service info on the owner's side: values put together from their pieces, the queue of modules. */
#include "onboard/server/run.h"

#include <stdio.h>
#include <stdlib.h>

static const char clause[] = "FDO 1.1, 3.8";

/* --- what modules ask --- */

const cairn_fdo_facts *cairn_fdo_run_facts(const cairn_fdo_run *run)
{
    return &run->facts;
}

const cairn_fdo_guid *cairn_fdo_run_guid(const cairn_fdo_run *run)
{
    return &run->guid;
}

const cairn_fdo_guid *cairn_fdo_run_after(const cairn_fdo_run *run)
{
    return &run->after;
}

const cairn_hash *cairn_fdo_run_pseudonym(const cairn_fdo_run *run)
{
    return &run->holding.pseudonym;
}

const cairn_fdo_nonce *cairn_fdo_run_prove_nonce(const cairn_fdo_run *run)
{
    return &run->prove_nonce;
}

const cairn_fdo_nonce *cairn_fdo_run_setup_nonce(const cairn_fdo_run *run)
{
    return &run->setup_nonce;
}

bool cairn_fdo_run_announces(const cairn_fdo_run *run, const char *module)
{
    for (const char *at = run->names; at < run->names + run->names_size; at += strlen(at) + 1)
        if (strcmp(at, module) == 0)
            return true;
    return false;
}

cairn_err cairn_fdo_run_add(cairn_fdo_run *run, const cairn_fdo_module_type *type, void *state,
                            bool required)
{
    if (run->module_count == CAIRN_FDO_MODULES_MAX) {
        type->free(state);
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "more modules than a run may have");
    }
    run->modules[run->module_count++] = (cairn_fdo_queued){type, state, required};
    return CAIRN_OK;
}

void cairn_fdo_run_hold(cairn_fdo_run *run)
{
    (void)__atomic_add_fetch(&run->holds, 1, __ATOMIC_RELAXED);
}

void cairn_fdo_run_release(cairn_fdo_run *run, cairn_err err)
{
    cairn_err none = CAIRN_OK;
    if (err != CAIRN_OK)
        (void)__atomic_compare_exchange_n(&run->held_err, &none, err, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED);
    if (__atomic_sub_fetch(&run->holds, 1, __ATOMIC_ACQ_REL) == 0)
        cairn_fdo_run_released(run);
}

void cairn_fdo_run_info_done(cairn_fdo_run *run)
{
    for (size_t i = 0; i < run->module_count; i++)
        run->modules[i].type->free(run->modules[i].state);
    run->module_count = 0;
    free(run->value);
    free(run->rest.value);
}

/* --- in --- */

/* The part of a key behind "module:" when it is that module's; false otherwise. */
static bool split_key(const char *key, const char *module, cairn_bytes *ret_name)
{
    size_t size = strlen(module);
    if (strncmp(key, module, size) != 0 || key[size] != ':')
        return false;
    *ret_name = cairn_bytes_str(key + size + 1);
    return true;
}

/* What the device has switched off is not there after all. [X1353-R31] */
static cairn_err take_active(cairn_fdo_run *run, const cairn_fdo_queued *module, cairn_bytes item)
{
    cairn_cbor_reader reader;
    bool active = false;
    CAIRN_TRY(cairn_cbor_open(&reader, item, CAIRN_CBOR_FOREIGN, module->type->name, clause));
    CAIRN_TRY(cairn_cbor_read_bool(&reader, "active", &active));
    if (!active && module->required)
        return CAIRN_FAIL(CAIRN_ERR_NOT_IMPLEMENTED, clause, "%s: the device has it switched off",
                          module->type->name);
    run->module_now += !active;
    return CAIRN_OK;
}

static cairn_err take_item(cairn_fdo_run *run, cairn_bytes item)
{
    cairn_bytes name = {0};
    if (split_key(run->key, "devmod", &name))
        return cairn_fdo_devmod_take(run, name, item);
    if (run->module_now == run->module_count)
        return CAIRN_OK;
    const cairn_fdo_queued *module = &run->modules[run->module_now];
    if (!split_key(run->key, module->type->name, &name))
        return CAIRN_OK; /* of a module that has ended, or was not asked: nobody listens */
    if (!module->type->is_ended_by_device && cairn_bytes_equal(name, cairn_bytes_str("active")))
        return take_active(run, module, item);
    return module->type->take(module->state, run, name, item);
}

/* Whole items are taken; what is left waits for its rest. */
static cairn_err take_items(cairn_fdo_run *run)
{
    size_t at = 0;
    while (at < run->value_size) {
        cairn_bytes rest = cairn_bytes_of(run->value + at, run->value_size - at);
        size_t size = 0;
        cairn_err err = cairn_cbor_item_size(rest, CAIRN_CBOR_FOREIGN, "service info", &size);
        if (err == CAIRN_ERR_TRUNCATED)
            break;
        CAIRN_TRY(err);
        CAIRN_TRY(take_item(run, cairn_bytes_of(rest.data, size)));
        at += size;
    }
    run->value_size -= at;
    memmove(run->value, run->value + at, run->value_size);
    return CAIRN_OK;
}

/* A value may be cut anywhere: its pieces follow one another under one key. */
static cairn_err take_pair(cairn_fdo_run *run, const cairn_fdo_info *pair)
{
    bool goes_on = cairn_bytes_equal(cairn_bytes_str(run->key), pair->key);
    if (!goes_on && run->value_size != 0)
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, clause, "service info: %s ends in the middle",
                          run->key);
    if (memchr(pair->key.data, '\0', pair->key.size) != NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_TEXT, clause, "service info: a NUL in a key");
    memcpy(run->key, pair->key.data, pair->key.size);
    run->key[pair->key.size] = '\0';
    if (pair->value.size > CAIRN_FDO_VALUE_SIZE_MAX - run->value_size)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "service info: %s is larger than 64 KiB",
                          run->key);
    uint8_t *grown = realloc(run->value, run->value_size + pair->value.size + 1);
    if (grown == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "service info");
    run->value = grown;
    if (pair->value.size != 0)
        memcpy(grown + run->value_size, pair->value.data, pair->value.size);
    run->value_size += pair->value.size;
    return take_items(run);
}

/* [X1353-R31] What the device has not announced leaves the queue: optional steps stay optional. */
static void drop_unannounced(cairn_fdo_run *run)
{
    size_t kept = 0;
    for (size_t i = 0; i < run->module_count; i++) {
        cairn_fdo_queued module = run->modules[i];
        if (cairn_fdo_run_announces(run, module.type->name))
            run->modules[kept++] = module;
        else
            module.type->free(module.state);
    }
    run->module_count = kept;
}

static cairn_err plan(cairn_fdo_run *run, cairn_fdo_turn *turn)
{
    const cairn_fdo_owner *role = turn->service->options.owner;
    run->devmod_done = true;
    if (role->plan != NULL)
        CAIRN_TRY(role->plan(role->context, run));
    for (size_t i = 0; i < run->module_count; i++)
        if (run->modules[i].required && !cairn_fdo_run_announces(run, run->modules[i].type->name))
            return CAIRN_FAIL(CAIRN_ERR_NOT_IMPLEMENTED, clause, "device: has no module %s",
                              run->modules[i].type->name);
    drop_unannounced(run);
    return CAIRN_OK;
}

cairn_err cairn_fdo_run_take(cairn_fdo_run *run, cairn_fdo_turn *turn,
                             const cairn_fdo_info_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        CAIRN_TRY(take_pair(run, &list->pairs[i]));
    run->more = list->more;
    if (list->more)
        return CAIRN_OK;
    if (run->value_size != 0)
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, clause, "service info: %s ends in the middle",
                          run->key);
    return run->devmod_done ? CAIRN_OK : plan(run, turn);
}

/* --- out --- */

size_t cairn_fdo_give_room(const cairn_fdo_giver *giver, const char *name)
{
    /* heads of pair, key (at most 128 bytes) and value, and the colon */
    size_t around = strlen(giver->module) + strlen(name) + 8;
    if (giver->list.count == CAIRN_FDO_INFO_MAX || around >= giver->room)
        return 0;
    return giver->room - around;
}

static cairn_err give_piece(cairn_fdo_giver *giver, const char *key, cairn_bytes piece)
{
    cairn_fdo_info *pair = &giver->list.pairs[giver->list.count];
    CAIRN_TRY(cairn_arena_copy(giver->arena, cairn_bytes_str(key), &pair->key));
    CAIRN_TRY(cairn_arena_copy(giver->arena, piece, &pair->value));
    giver->room -= cairn_fdo_info_size(pair);
    giver->list.count++;
    return CAIRN_OK;
}

static cairn_err keep_rest(cairn_fdo_giver *giver, const char *key, cairn_bytes rest)
{
    uint8_t *copy = malloc(rest.size);
    if (copy == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "service info");
    memcpy(copy, rest.data, rest.size);
    *giver->rest = (cairn_fdo_rest){.value = copy, .size = rest.size};
    memcpy(giver->rest->key, key, strlen(key) + 1);
    giver->list.more = true;
    return CAIRN_OK;
}

cairn_err cairn_fdo_give(cairn_fdo_giver *giver, const char *name, cairn_bytes item)
{
    char key[CAIRN_FDO_INFO_KEY_MAX + 1];
    size_t room = cairn_fdo_give_room(giver, name);
    size_t now = item.size < room ? item.size : room;
    int size = snprintf(key, sizeof key, "%s:%s", giver->module, name);
    CAIRN_ASSERT(size > 0 && (size_t)size < sizeof key);
    if (giver->rest->value != NULL)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "service info: no room for %s", key);
    if (now > 0)
        CAIRN_TRY(give_piece(giver, key, cairn_bytes_of(item.data, now)));
    if (now == item.size)
        return CAIRN_OK;
    return keep_rest(giver, key, cairn_bytes_of(item.data + now, item.size - now));
}

/* The next piece of a value that was begun, in a message of its own. */
static cairn_err give_rest(cairn_fdo_giver *giver)
{
    cairn_fdo_rest *rest = giver->rest;
    size_t left = rest->size - rest->sent;
    size_t around = strlen(rest->key) + 8; /* heads of pair, key and value */
    size_t room = giver->room > around ? giver->room - around : 1;
    size_t now = left < room ? left : room;
    CAIRN_TRY(give_piece(giver, rest->key, cairn_bytes_of(rest->value + rest->sent, now)));
    rest->sent += now;
    giver->list.more = rest->sent < rest->size;
    if (!giver->list.more) {
        free(rest->value);
        rest->value = NULL;
    }
    return CAIRN_OK;
}

cairn_err cairn_fdo_give_bool(cairn_fdo_giver *giver, const char *name, bool value)
{
    const uint8_t item = value ? 0xf5 : 0xf4;
    return cairn_fdo_give(giver, name, cairn_bytes_of(&item, 1));
}

cairn_err cairn_fdo_give_uint(cairn_fdo_giver *giver, const char *name, uint64_t value)
{
    uint8_t item[9];
    cairn_cbor_writer writer;
    cairn_cbor_writer_init(&writer, item, sizeof item);
    cairn_cbor_put_uint(&writer, value);
    return cairn_fdo_give(giver, name, cairn_bytes_of(item, writer.size));
}

/* A string of either kind, through the arena. */
static cairn_err give_string(cairn_fdo_giver *giver, const char *name, cairn_bytes value,
                             bool is_text)
{
    cairn_cbor_writer writer;
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_alloc(giver->arena, value.size + 9, &memory));
    cairn_cbor_writer_init(&writer, memory, value.size + 9);
    if (is_text)
        cairn_cbor_put_text_view(&writer, value);
    else
        cairn_cbor_put_bytes(&writer, value);
    return cairn_fdo_give(giver, name, cairn_bytes_of(memory, writer.size));
}

cairn_err cairn_fdo_give_text(cairn_fdo_giver *giver, const char *name, const char *value)
{
    return give_string(giver, name, cairn_bytes_str(value), true);
}

cairn_err cairn_fdo_give_bytes(cairn_fdo_giver *giver, const char *name, cairn_bytes value)
{
    return give_string(giver, name, value, false);
}

/* One module speaks in one message; a module that has ended makes room for the next. */
static cairn_err give_next(cairn_fdo_run *run, cairn_fdo_giver *giver)
{
    while (run->module_now < run->module_count && giver->list.count == 0) {
        const cairn_fdo_queued *module = &run->modules[run->module_now];
        bool done = false;
        giver->module = module->type->name;
        CAIRN_TRY(module->type->give(module->state, run, giver, &done));
        if (!done)
            break;
        run->module_now++;
    }
    return CAIRN_OK;
}

cairn_err cairn_fdo_run_give(cairn_fdo_run *run, cairn_fdo_turn *turn,
                             cairn_fdo_info_list *ret_list)
{
    cairn_fdo_giver giver = {
        .arena = turn->arena, .room = run->room - CAIRN_FDO_INFO_OVERHEAD, .rest = &run->rest};
    void *pairs = NULL;
    CAIRN_TRY(cairn_arena_array(turn->arena, CAIRN_FDO_INFO_MAX, sizeof *giver.list.pairs, &pairs));
    giver.list.pairs = pairs;
    if (run->more) {
        *ret_list = giver.list; /* the device has the word */
        return CAIRN_OK;
    }
    if (run->rest.value != NULL) {
        CAIRN_TRY(give_rest(&giver));
    } else {
        CAIRN_TRY(give_next(run, &giver));
        giver.list.done = run->module_now == run->module_count && giver.list.count == 0;
    }
    *ret_list = giver.list;
    return CAIRN_OK;
}
