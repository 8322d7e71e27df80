/* The provider's word on where its service is. */
#include "onboard/profile/profile_fields.h"
#include "onboard/wire/body.h"

static const char clause[] = CAIRN_PROFILE_CLAUSE;
static const char magic[] = "cairn/service-profile/1";
static const char scheme[] = "https://";

enum { TOPIC_SIZE_MAX = 128 };

static cairn_err read_url(cairn_cbor_reader *r, cairn_bytes *ret_url)
{
    size_t prefix = strlen(scheme);
    cairn_bytes url;
    CAIRN_TRY(
        cairn_profile_read_word(r, "url", CAIRN_PROFILE_URI_SIZE_MAX, "-._~:/?#@=&%+,", &url));
    if (url.size <= prefix || memcmp(url.data, scheme, prefix) != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "service profile.url: not %s", scheme);
    *ret_url = url;
    return CAIRN_OK;
}

static cairn_err read_broker(cairn_cbor_reader *r, cairn_cbor_map *map,
                             cairn_service_profile *profile)
{
    uint64_t port = 0;
    CAIRN_TRY(cairn_cbor_key(r, map, 2, "broker"));
    CAIRN_TRY(cairn_profile_read_name(r, "broker", CAIRN_PROFILE_NAME_SIZE_MAX, &profile->broker));
    CAIRN_TRY(cairn_cbor_key(r, map, 3, "port"));
    CAIRN_TRY(cairn_cbor_read_uint(r, "port", 1, UINT16_MAX, &port));
    profile->port = (uint16_t)port;
    CAIRN_TRY(cairn_cbor_key(r, map, 4, "topic"));
    CAIRN_TRY(cairn_profile_read_word(r, "topic", TOPIC_SIZE_MAX, "/._-", &profile->topic));
    CAIRN_TRY(cairn_cbor_key(r, map, 5, "client id"));
    return cairn_profile_read_word(r, "client id", CAIRN_PROFILE_WORD_SIZE_MAX, "._-",
                                   &profile->client_id);
}

cairn_err cairn_service_profile_decode(cairn_bytes encoded, cairn_service_profile *ret_profile)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    bool has_url = false;
    cairn_service_profile profile = {0};
    if (encoded.size > CAIRN_SERVICE_PROFILE_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "service profile: %zu bytes", encoded.size);
    CAIRN_TRY(cairn_cbor_open(&r, encoded, CAIRN_CBOR_STRICT, "service profile", clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "profile", &map));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 1, "format"));
    CAIRN_TRY(cairn_cbor_read_magic(&r, magic));
    CAIRN_TRY(read_broker(&r, &map, &profile));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 6, "anchors"));
    CAIRN_TRY(cairn_profile_read_anchors(&r, &profile.anchor_count, profile.anchors));
    CAIRN_TRY(cairn_cbor_optional_key(&r, &map, 7, &has_url));
    if (has_url)
        CAIRN_TRY(read_url(&r, &profile.url));
    CAIRN_TRY(cairn_cbor_end_map(&r, &map));
    *ret_profile = profile;
    return CAIRN_OK;
}

static void put_profile(cairn_cbor_writer *w, const void *context)
{
    const cairn_service_profile *profile = context;
    cairn_cbor_put_map(w, profile->url.size > 0 ? 7 : 6);
    cairn_cbor_put_uint(w, 1);
    cairn_cbor_put_text(w, magic);
    cairn_cbor_put_uint(w, 2);
    cairn_cbor_put_text_view(w, profile->broker);
    cairn_cbor_put_uint(w, 3);
    cairn_cbor_put_uint(w, profile->port);
    cairn_cbor_put_uint(w, 4);
    cairn_cbor_put_text_view(w, profile->topic);
    cairn_cbor_put_uint(w, 5);
    cairn_cbor_put_text_view(w, profile->client_id);
    cairn_cbor_put_uint(w, 6);
    cairn_profile_put_anchors(w, profile->anchors, profile->anchor_count);
    if (profile->url.size > 0) {
        cairn_cbor_put_uint(w, 7);
        cairn_cbor_put_text_view(w, profile->url);
    }
}

cairn_err cairn_service_profile_encode(cairn_arena *arena, const cairn_service_profile *profile,
                                       cairn_bytes *ret_encoded)
{
    cairn_bytes encoded;
    cairn_service_profile again;
    if (profile->anchor_count > CAIRN_PROFILE_ANCHORS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "service profile.anchors: %zu",
                          profile->anchor_count);
    CAIRN_TRY(cairn_fdo_encode(arena, put_profile, profile, &encoded));
    CAIRN_TRY(cairn_service_profile_decode(encoded, &again));
    *ret_encoded = encoded;
    return CAIRN_OK;
}
