/* x.sp: where the provider's service is. It comes in the channel in which the provider has proved
 * himself, and becomes files at the end of the run: trust anchors, and options for the mosquitto
 * clients and curl. Bytes: docs/formats/device.md, docs/formats/network-profile.md. */
#include <stdlib.h>

#include "onboard/device/module_join.h"

static const char name_[] = "x.sp";
static const char anchors_file[] = "service.anchors.pem";
static const char mqtt_file[] = "mosquitto_pub";
static const char curl_file[] = "service.curl";

enum { ARENA_SIZE = 32 << 10 };

typedef struct service {
    module_join *join;
    module_object object;
} service;

static void begin(void *context, const cairn_fdo_client_run_facts *facts)
{
    service *s = context;
    cairn_info_object_drop(&s->object);
    s->join->facts = facts;
}

static void activate(void *context)
{
    service *s = context;
    cairn_info_object_drop(&s->object);
}

static cairn_err open_profile(const service *s, cairn_service_profile *profile)
{
    return cairn_service_profile_decode(cairn_bytes_of(s->object.data, s->object.size), profile);
}

static cairn_err take(void *context, cairn_bytes name, cairn_bytes value)
{
    service *s = context;
    cairn_service_profile profile;
    CAIRN_TRY(cairn_info_object_take(&s->object, name_, name, value));
    return s->object.whole ? open_profile(s, &profile) : CAIRN_OK;
}

static cairn_err write_options(const service *s, cairn_arena *arena,
                               const cairn_service_profile *profile)
{
    module_join_files where;
    cairn_bytes text;
    CAIRN_TRY(
        cairn_info_join_files(s->join, anchors_file, s->join->config->join->service_key, &where));
    CAIRN_TRY(cairn_service_profile_render_mqtt(arena, profile, &where.files, &text));
    CAIRN_TRY(cairn_info_join_write(s->join, mqtt_file, text));
    if (profile->url.size == 0)
        return CAIRN_OK;
    CAIRN_TRY(cairn_service_profile_render_curl(arena, profile, &where.files, &text));
    return cairn_info_join_write(s->join, curl_file, text);
}

static cairn_err commit(void *context)
{
    service *s = context;
    cairn_service_profile profile;
    cairn_arena arena;
    if (!s->object.whole)
        return CAIRN_OK;
    CAIRN_TRY(open_profile(s, &profile));
    CAIRN_TRY(cairn_info_join_write_anchors(s->join, anchors_file, profile.anchors,
                                            profile.anchor_count));
    cairn_arena_init(&arena, ARENA_SIZE);
    cairn_err err = write_options(s, &arena, &profile);
    cairn_arena_done(&arena);
    return err;
}

static void drop(void *context)
{
    service *s = context;
    cairn_info_object_drop(&s->object);
}

static void free_state(void *state)
{
    service *s = state;
    drop(s);
    cairn_info_join_release(s->join);
    free(s);
}

cairn_err cairn_info_service_open(module_join *join, module_slot *slot)
{
    service *s = calloc(1, sizeof *s);
    if (s == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "x.sp");
    s->join = join;
    s->object.size_max = CAIRN_SERVICE_PROFILE_SIZE_MAX;
    join->users++;
    *slot = (module_slot){
        .module = {.name = name_,
                   .context = s,
                   .begin = begin,
                   .activate = activate,
                   .take = take,
                   .commit = commit,
                   .drop = drop},
        .free_state = free_state,
    };
    return CAIRN_OK;
}
