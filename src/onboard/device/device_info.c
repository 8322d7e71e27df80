/* Service info, 68 and 69: modules of both sides talk, in rounds. */
#include "onboard/device/device_impl.h"

static const char clause[] = "FDO 1.1, 3.8";

enum { PAIRS_MAX = 32 }; /* in one message of ours */

static const uint8_t cbor_true[] = {0xf5};
static const uint8_t cbor_false[] = {0xf4};

/* The message being filled. */
typedef struct filling {
    cairn_arena *arena;
    size_t room; /* bytes left for pairs */
    cairn_fdo_info_list list;
    cairn_fdo_info pairs[PAIRS_MAX];
} filling;

/* --- sending --- */

static cairn_err key_of(cairn_arena *arena, const char *module, cairn_bytes name,
                        cairn_bytes *ret_key)
{
    size_t module_size = strlen(module);
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, module_size + 1 + name.size, &memory));
    uint8_t *key = memory;
    memcpy(key, module, module_size);
    key[module_size] = ':';
    memcpy(key + module_size + 1, name.data, name.size);
    *ret_key = cairn_bytes_of(key, module_size + 1 + name.size);
    return CAIRN_OK;
}

/* Adds a pair; `ret_added` false when it does not fit any more. */
static cairn_err add(filling *f, const char *module, const cairn_fdo_client_info *info,
                     bool *ret_added)
{
    cairn_fdo_info pair = {.value = info->value};
    CAIRN_TRY(key_of(f->arena, module, info->name, &pair.key));
    size_t size = cairn_fdo_info_size(&pair);
    *ret_added = f->list.count < PAIRS_MAX && size <= f->room;
    if (!*ret_added)
        return CAIRN_OK;
    f->pairs[f->list.count++] = pair;
    f->room -= size;
    return CAIRN_OK;
}

static cairn_err too_large(const char *module)
{
    return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause,
                      "service_info.%s: does not fit the owner's limit", module);
}

static cairn_err fill_devmod(cairn_fdo_client *d, filling *f)
{
    bool given = false;
    for (bool added = true; added;) {
        cairn_fdo_client_info info;
        CAIRN_TRY(cairn_fdo_client_devmod(d, d->info.devmod_next, f->arena, &info, &given));
        if (!given)
            break;
        CAIRN_TRY(add(f, "devmod", &info, &added));
        d->info.devmod_next += added;
    }
    f->list.more = given;
    return given && f->list.count == 0 ? too_large("devmod") : CAIRN_OK;
}

/* "module:active" for what the owner has switched on: true, or false for what is not here. */
static cairn_err fill_answers(cairn_fdo_client *d, filling *f)
{
    cairn_fdo_client_info yes = {cairn_bytes_str("active"), cairn_bytes_of(cbor_true, 1)};
    cairn_fdo_client_info no = {cairn_bytes_str("active"), cairn_bytes_of(cbor_false, 1)};
    bool added = true;
    for (size_t i = 0; added && i < d->config->module_count; i++) {
        if ((d->info.answer & 1u << i) == 0)
            continue;
        CAIRN_TRY(add(f, d->config->modules[i]->name, &yes, &added));
        if (added)
            d->info.answer &= ~(1u << i);
    }
    while (added && d->info.unknown_count > 0) {
        CAIRN_TRY(add(f, d->info.unknown[d->info.unknown_count - 1], &no, &added));
        d->info.unknown_count -= added;
    }
    return CAIRN_OK;
}

/* What a module may put into its value. */
static size_t value_room(const filling *f, const char *module)
{
    size_t overhead = strlen(module) + CAIRN_FDO_CLIENT_MODULE_NAME_MAX + 8;
    return f->room > overhead ? f->room - overhead : 0;
}

static cairn_err fill_module(cairn_fdo_client *d, filling *f, const cairn_fdo_client_module *module)
{
    while (f->list.count < PAIRS_MAX && value_room(f, module->name) > 0) {
        cairn_fdo_client_info info;
        bool given = false;
        bool added = false;
        CAIRN_TRY(
            module->give(module->context, f->arena, value_room(f, module->name), &info, &given));
        if (!given)
            return CAIRN_OK;
        CAIRN_ASSERT(info.value.size <= value_room(f, module->name) &&
                     info.name.size <= CAIRN_FDO_CLIENT_MODULE_NAME_MAX);
        CAIRN_TRY(add(f, module->name, &info, &added));
        d->info.idle = false;
    }
    return CAIRN_OK;
}

static cairn_err fill_modules(cairn_fdo_client *d, filling *f)
{
    for (size_t i = 0; i < d->config->module_count; i++)
        if ((d->info.active & 1u << i) != 0 && d->config->modules[i]->give != NULL)
            CAIRN_TRY(fill_module(d, f, d->config->modules[i]));
    return CAIRN_OK;
}

static cairn_err fill(cairn_fdo_client *d, filling *f)
{
    bool given = false;
    cairn_fdo_client_info info;
    CAIRN_TRY(cairn_fdo_client_devmod(d, d->info.devmod_next, f->arena, &info, &given));
    if (given)
        return fill_devmod(d, f);
    if (d->info.owner_has_more) /* he goes on; an empty message asks him to */
        return CAIRN_OK;
    CAIRN_TRY(fill_answers(d, f));
    return fill_modules(d, f);
}

static cairn_err make_info(cairn_fdo_client *d, cairn_bytes *ret_body)
{
    filling f = {.arena = &d->message};
    f.list.pairs = f.pairs;
    f.room = d->to2.info_room > CAIRN_FDO_INFO_OVERHEAD
                 ? d->to2.info_room - (size_t)CAIRN_FDO_INFO_OVERHEAD
                 : 0;
    if (++d->info.rounds > d->rounds_max) /* [X1353-R39] */
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "service_info: more than %u rounds",
                          d->rounds_max);
    CAIRN_TRY(fill(d, &f));
    d->info.idle &= f.list.count == 0;
    return cairn_fdo_device_info_encode(&d->message, &f.list, ret_body);
}

/* --- receiving --- */

static bool find_module(const cairn_fdo_client *d, cairn_bytes name, size_t *ret_place)
{
    for (size_t i = 0; i < d->config->module_count; i++) {
        if (cairn_bytes_equal(name, cairn_bytes_str(d->config->modules[i]->name))) {
            *ret_place = i;
            return true;
        }
    }
    return false;
}

static cairn_err note_unknown(cairn_fdo_client *d, cairn_bytes name)
{
    if (name.size > CAIRN_FDO_CLIENT_MODULE_NAME_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "service_info: module name of %zu bytes",
                          name.size);
    if (d->info.unknown_count == DEVICE_UNKNOWN_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "service_info: unknown modules");
    char *slot = d->info.unknown[d->info.unknown_count++];
    memcpy(slot, name.data, name.size);
    slot[name.size] = '\0';
    return CAIRN_OK;
}

static cairn_err take_active(cairn_fdo_client *d, cairn_bytes module, bool known, size_t place,
                             cairn_bytes value)
{
    cairn_cbor_reader reader;
    bool active = false;
    CAIRN_TRY(cairn_cbor_open(&reader, value, CAIRN_CBOR_FOREIGN, "service_info", clause));
    CAIRN_TRY(cairn_cbor_read_bool(&reader, "active", &active));
    if (!known)
        return active ? note_unknown(d, module) : CAIRN_OK;
    if (active)
        d->info.answer |= (d->info.active & 1u << place) == 0 ? 1u << place : 0;
    d->info.active = active ? d->info.active | 1u << place : d->info.active & ~(1u << place);
    const cairn_fdo_client_module *m = d->config->modules[place];
    if (active && m->activate != NULL)
        m->activate(m->context);
    return CAIRN_OK;
}

static cairn_err take_pair(cairn_fdo_client *d, const cairn_fdo_info *pair)
{
    const uint8_t *colon = memchr(pair->key.data, ':', pair->key.size);
    size_t place = 0;
    if (colon == NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "service_info.key: no module");
    cairn_bytes module = cairn_bytes_of(pair->key.data, (size_t)(colon - pair->key.data));
    cairn_bytes name = cairn_bytes_of(colon + 1, pair->key.size - module.size - 1);
    bool known = find_module(d, module, &place);
    if (cairn_bytes_equal(name, cairn_bytes_str("active")))
        return take_active(d, module, known, place, pair->value);
    if (!known || (d->info.active & 1u << place) == 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "service_info: a module that is not active");
    return d->config->modules[place]->take(d->config->modules[place]->context, name, pair->value);
}

static cairn_err take_info(cairn_fdo_client *d, cairn_bytes body, const device_step **ret_next)
{
    cairn_fdo_info_list list;
    CAIRN_TRY(cairn_fdo_owner_info_read(&d->message, body, &list));
    if (list.done && list.more)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "owner_info: done, and more to come");
    for (size_t i = 0; i < list.count; i++)
        CAIRN_TRY(take_pair(d, &list.pairs[i]));
    d->info.owner_has_more = list.more;
    d->info.idle = list.count == 0;
    *ret_next = list.done ? &cairn_fdo_client_step_done : &cairn_fdo_client_step_service_info;
    return CAIRN_OK;
}

/* --- modules as a whole --- */

void cairn_fdo_client_info_begin(cairn_fdo_client *d)
{
    d->info = (device_info_state){.begun = true};
    d->info.facts = (cairn_fdo_client_run_facts){.prove_nonce = d->to2.prove_nonce,
                                                 .setup_nonce = d->to2.setup_nonce,
                                                 .guid = d->credential.guid,
                                                 .next_guid = d->to2.next_guid,
                                                 .owner_key = cairn_fdo_key_encoded(d->to2.owner)};
    for (size_t i = 0; i < d->config->module_count; i++)
        if (d->config->modules[i]->begin != NULL)
            d->config->modules[i]->begin(d->config->modules[i]->context, &d->info.facts);
}

cairn_err cairn_fdo_client_info_commit(cairn_fdo_client *d)
{
    for (size_t i = 0; i < d->config->module_count; i++)
        if (d->config->modules[i]->commit != NULL)
            CAIRN_TRY(d->config->modules[i]->commit(d->config->modules[i]->context));
    return CAIRN_OK;
}

void cairn_fdo_client_info_drop(cairn_fdo_client *d)
{
    if (!d->info.begun)
        return;
    d->info.begun = false;
    for (size_t i = 0; i < d->config->module_count; i++)
        if (d->config->modules[i]->drop != NULL)
            d->config->modules[i]->drop(d->config->modules[i]->context);
}

const device_step cairn_fdo_client_step_service_info = {
    .type = CAIRN_FDO_TO2_DEVICE_SERVICE_INFO,
    .answer = CAIRN_FDO_TO2_OWNER_SERVICE_INFO,
    .seals = true,
    .unseals = true,
    .make = make_info,
    .take = take_info,
};
