/* The operator's word on how its network is joined. [X1353-R16] */
#include <stdio.h>

#include "cairn/sha256.h"
#include "onboard/profile/profile_fields.h"
#include "onboard/profile/signed_object.h"
#include "onboard/wire/body.h"

static const char clause[] = CAIRN_PROFILE_CLAUSE;
static const char magic[] = "cairn/network-profile/1";
static const char nonce_tag[] = "cairn/network-profile"; /* with its NUL */
static const char public_realm[] = "3gppnetwork.org";

enum {
    TLS_1_3 = 0x0304,
    PLMN_SIZE_MIN = 5,
    PLMN_SIZE_MAX = 6,
    NID_SIZE = 11,
    SD_SIZE = 3,
    DNN_SIZE_MAX = 100,
    CODE_SIZE_MAX = 255,
    TOKEN_SIZE_MAX = 64,
    ATTEMPTS_MAX = 100,
    ATTEMPT_S_MAX = 86400,
};

/* --- reading --- */

static cairn_err read_digits(cairn_cbor_reader *r, const char *field, size_t min, size_t max,
                             const char *alphabet, cairn_bytes *ret_digits)
{
    cairn_bytes digits;
    CAIRN_TRY(cairn_cbor_read_text(r, field, min, max, &digits));
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] == 0 || strchr(alphabet, digits.data[i]) == NULL)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "profile.%s: not of \"%s\"", field,
                              alphabet);
    }
    *ret_digits = digits;
    return CAIRN_OK;
}

static bool is_null(cairn_cbor_reader *r)
{
    return cairn_cbor_peek(r) == CAIRN_CBOR_NULL;
}

static cairn_err read_network(cairn_cbor_reader *r, cairn_profile_network *network)
{
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "networks", 2, 2, &count));
    CAIRN_TRY(read_digits(r, "plmn", PLMN_SIZE_MIN, PLMN_SIZE_MAX, "0123456789", &network->plmn));
    if (is_null(r))
        return cairn_cbor_read_null(r, "nid");
    return read_digits(r, "nid", NID_SIZE, NID_SIZE, "0123456789abcdef", &network->nid);
}

static cairn_err read_slice(cairn_cbor_reader *r, cairn_profile_slice *slice)
{
    size_t count = 0;
    uint64_t sst = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "slices", 3, 3, &count));
    CAIRN_TRY(cairn_cbor_read_uint(r, "sst", 0, UINT8_MAX, &sst));
    slice->sst = (uint8_t)sst;
    if (is_null(r))
        CAIRN_TRY(cairn_cbor_read_null(r, "sd"));
    else
        CAIRN_TRY(cairn_cbor_read_bytes(r, "sd", SD_SIZE, SD_SIZE, &slice->sd));
    if (is_null(r))
        return cairn_cbor_read_null(r, "dnn");
    return cairn_profile_read_name(r, "dnn", DNN_SIZE_MAX, &slice->dnn);
}

static cairn_err read_networks(cairn_cbor_reader *r, cairn_network_profile *profile)
{
    CAIRN_TRY(cairn_cbor_read_array(r, "networks", 1, CAIRN_PROFILE_NETWORKS_MAX,
                                    &profile->network_count));
    for (size_t i = 0; i < profile->network_count; i++)
        CAIRN_TRY(read_network(r, &profile->networks[i]));
    return CAIRN_OK;
}

static cairn_err read_slices(cairn_cbor_reader *r, cairn_network_profile *profile)
{
    CAIRN_TRY(
        cairn_cbor_read_array(r, "slices", 0, CAIRN_PROFILE_SLICES_MAX, &profile->slice_count));
    for (size_t i = 0; i < profile->slice_count; i++)
        CAIRN_TRY(read_slice(r, &profile->slices[i]));
    return CAIRN_OK;
}

static cairn_err read_status(cairn_cbor_reader *r, cairn_network_profile *profile)
{
    size_t count = 0;
    uint64_t index = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "status", 2, 2, &count));
    CAIRN_TRY(cairn_profile_read_word(r, "status", CAIRN_PROFILE_URI_SIZE_MAX, "-._~:/?#@=&%+,",
                                      &profile->status_uri));
    CAIRN_TRY(cairn_cbor_read_uint(r, "status", 0, UINT32_MAX, &index));
    profile->status_index = (uint32_t)index;
    return CAIRN_OK;
}

static cairn_err read_euicc(cairn_cbor_reader *r, cairn_network_profile *profile)
{
    size_t count = 0;
    uint64_t kind = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "euicc", 2, 3, &count));
    CAIRN_TRY(cairn_cbor_read_uint(r, "euicc", 0, 1, &kind));
    if (count != (kind == 0 ? 2U : 3U))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "profile.euicc: %zu items for kind %u",
                          count, (unsigned)kind);
    profile->euicc = kind == 0 ? CAIRN_EUICC_ACTIVATION_CODE : CAIRN_EUICC_EIM;
    if (kind == 0)
        return cairn_profile_read_word(r, "euicc", CODE_SIZE_MAX, "-._:$", /* LPA:1$host$id */
                                       &profile->activation_code);
    CAIRN_TRY(
        cairn_profile_read_name(r, "euicc", CAIRN_PROFILE_NAME_SIZE_MAX, &profile->eim_address));
    return cairn_cbor_read_bytes(r, "euicc", 1, TOKEN_SIZE_MAX, &profile->eim_token);
}

static cairn_err read_fallback(cairn_cbor_reader *r, cairn_network_profile *profile)
{
    size_t count = 0;
    uint64_t attempts = 0, seconds = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "fallback", 2, 2, &count));
    CAIRN_TRY(cairn_cbor_read_uint(r, "fallback", 1, ATTEMPTS_MAX, &attempts));
    CAIRN_TRY(cairn_cbor_read_uint(r, "fallback", 1, ATTEMPT_S_MAX, &seconds));
    profile->fallback_attempts = (uint32_t)attempts;
    profile->fallback_s = (uint32_t)seconds;
    return CAIRN_OK;
}

/* Fields 1 to 6: whom, when and in which run. */
static cairn_err read_frame(cairn_cbor_reader *r, cairn_cbor_map *map,
                            cairn_network_profile *profile)
{
    cairn_bytes guid;
    uint64_t counter = 0;
    CAIRN_TRY(cairn_cbor_key(r, map, 1, "format"));
    CAIRN_TRY(cairn_cbor_read_magic(r, magic));
    CAIRN_TRY(cairn_cbor_key(r, map, 2, "guid"));
    CAIRN_TRY(cairn_cbor_read_bytes(r, "guid", sizeof profile->guid, sizeof profile->guid, &guid));
    memcpy(profile->guid.b, guid.data, guid.size);
    CAIRN_TRY(cairn_cbor_key(r, map, 3, "nonce"));
    CAIRN_TRY(cairn_cbor_read_hash(r, "nonce", &profile->nonce));
    CAIRN_TRY(cairn_cbor_key(r, map, 4, "counter"));
    CAIRN_TRY(cairn_cbor_read_uint(r, "counter", 1, CAIRN_PROFILE_COUNTER_MAX, &counter));
    profile->counter = (uint32_t)counter;
    CAIRN_TRY(cairn_cbor_key(r, map, 5, "not before"));
    CAIRN_TRY(cairn_cbor_read_uint(r, "not before", 0, INT64_MAX - 1, &profile->not_before_ms));
    CAIRN_TRY(cairn_cbor_key(r, map, 6, "not after"));
    return cairn_cbor_read_uint(r, "not after", profile->not_before_ms + 1, INT64_MAX,
                                &profile->not_after_ms);
}

/* Fields 7 to 14: who the device is there, and whom it believes. */
static cairn_err read_network_part(cairn_cbor_reader *r, cairn_cbor_map *map,
                                   cairn_network_profile *profile)
{
    uint64_t tls = 0;
    CAIRN_TRY(cairn_cbor_key(r, map, 7, "user"));
    CAIRN_TRY(
        cairn_profile_read_word(r, "user", CAIRN_PROFILE_WORD_SIZE_MAX, "._-", &profile->user));
    CAIRN_TRY(cairn_cbor_key(r, map, 8, "realm"));
    CAIRN_TRY(cairn_profile_read_name(r, "realm", CAIRN_PROFILE_NAME_SIZE_MAX, &profile->realm));
    CAIRN_TRY(cairn_cbor_key(r, map, 9, "networks"));
    CAIRN_TRY(read_networks(r, profile));
    CAIRN_TRY(cairn_cbor_key(r, map, 10, "slices"));
    CAIRN_TRY(read_slices(r, profile));
    CAIRN_TRY(cairn_cbor_key(r, map, 11, "anchors"));
    CAIRN_TRY(cairn_profile_read_anchors(r, &profile->anchor_count, profile->anchors));
    CAIRN_TRY(cairn_cbor_key(r, map, 12, "server name"));
    CAIRN_TRY(cairn_profile_read_name(r, "server name", CAIRN_PROFILE_NAME_SIZE_MAX,
                                      &profile->server_name));
    CAIRN_TRY(cairn_cbor_key(r, map, 13, "tls"));
    CAIRN_TRY(cairn_cbor_read_uint(r, "tls", TLS_1_3, TLS_1_3, &tls)); /* [X1353-R28] */
    CAIRN_TRY(cairn_cbor_key(r, map, 14, "certificate"));
    return cairn_cbor_read_hash(r, "certificate", &profile->certificate);
}

static cairn_err read_optional(cairn_cbor_reader *r, cairn_cbor_map *map,
                               cairn_network_profile *profile)
{
    static cairn_err (*const read[])(cairn_cbor_reader *, cairn_network_profile *) = {
        read_status, read_euicc, read_fallback};
    for (size_t i = 0; i < sizeof read / sizeof read[0]; i++) {
        bool present = false;
        CAIRN_TRY(cairn_cbor_optional_key(r, map, 15 + (int64_t)i, &present));
        if (present)
            CAIRN_TRY(read[i](r, profile));
    }
    return cairn_cbor_end_map(r, map);
}

/* A network's realm by TS 23.003 section 28.2; a 2-digit MNC has a zero before it. */
static bool is_realm_of(cairn_bytes realm, const cairn_profile_network *network)
{
    char want[64];
    const char *plmn = (const char *)network->plmn.data;
    if (network->nid.size == 0)
        return false;
    int size =
        snprintf(want, sizeof want, "5gc.nid%.*s.mnc%s%.*s.mcc%.3s.%s", NID_SIZE,
                 (const char *)network->nid.data, network->plmn.size == PLMN_SIZE_MIN ? "0" : "",
                 (int)network->plmn.size - 3, plmn + 3, plmn, public_realm);
    return cairn_bytes_equal(realm, cairn_bytes_of(want, (size_t)size));
}

static bool ends_in(cairn_bytes name, cairn_bytes end)
{
    return name.size >= end.size &&
           memcmp(name.data + name.size - end.size, end.data, end.size) == 0 &&
           (name.size == end.size || name.data[name.size - end.size - 1] == '.');
}

static cairn_err check_realm(const cairn_network_profile *profile)
{
    if (!ends_in(profile->realm, cairn_bytes_str(public_realm)))
        return CAIRN_OK;
    for (size_t i = 0; i < profile->network_count; i++) {
        if (is_realm_of(profile->realm, &profile->networks[i]))
            return CAIRN_OK;
    }
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "TS 23.003, 28.2",
                      "profile.realm: not that of one of its networks");
}

static cairn_err decode(cairn_bytes payload, cairn_network_profile *ret_profile)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    cairn_network_profile profile = {0};
    CAIRN_TRY(cairn_cbor_open(&r, payload, CAIRN_CBOR_STRICT, "profile", clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "profile", &map));
    CAIRN_TRY(read_frame(&r, &map, &profile));
    CAIRN_TRY(read_network_part(&r, &map, &profile));
    CAIRN_TRY(read_optional(&r, &map, &profile));
    CAIRN_TRY(check_realm(&profile));
    *ret_profile = profile;
    return CAIRN_OK;
}

/* --- writing --- */

static void put_bytes_or_null(cairn_cbor_writer *w, cairn_bytes value,
                              void (*put)(cairn_cbor_writer *, cairn_bytes))
{
    if (value.size == 0)
        cairn_cbor_put_null(w);
    else
        put(w, value);
}

static void put_networks(cairn_cbor_writer *w, const cairn_network_profile *profile)
{
    cairn_cbor_put_array(w, profile->network_count);
    for (size_t i = 0; i < profile->network_count; i++) {
        cairn_cbor_put_array(w, 2);
        cairn_cbor_put_text_view(w, profile->networks[i].plmn);
        put_bytes_or_null(w, profile->networks[i].nid, cairn_cbor_put_text_view);
    }
}

static void put_slices(cairn_cbor_writer *w, const cairn_network_profile *profile)
{
    cairn_cbor_put_array(w, profile->slice_count);
    for (size_t i = 0; i < profile->slice_count; i++) {
        const cairn_profile_slice *slice = &profile->slices[i];
        cairn_cbor_put_array(w, 3);
        cairn_cbor_put_uint(w, slice->sst);
        put_bytes_or_null(w, slice->sd, cairn_cbor_put_bytes);
        put_bytes_or_null(w, slice->dnn, cairn_cbor_put_text_view);
    }
}

static void put_euicc(cairn_cbor_writer *w, const cairn_network_profile *profile)
{
    bool code = profile->euicc == CAIRN_EUICC_ACTIVATION_CODE;
    cairn_cbor_put_array(w, code ? 2 : 3);
    cairn_cbor_put_uint(w, code ? 0 : 1);
    cairn_cbor_put_text_view(w, code ? profile->activation_code : profile->eim_address);
    if (!code)
        cairn_cbor_put_bytes(w, profile->eim_token);
}

static void put_optional(cairn_cbor_writer *w, const cairn_network_profile *profile)
{
    if (profile->status_uri.size > 0) {
        cairn_cbor_put_uint(w, 15);
        cairn_cbor_put_array(w, 2);
        cairn_cbor_put_text_view(w, profile->status_uri);
        cairn_cbor_put_uint(w, profile->status_index);
    }
    if (profile->euicc != CAIRN_EUICC_NONE) {
        cairn_cbor_put_uint(w, 16);
        put_euicc(w, profile);
    }
    if (profile->fallback_attempts > 0) {
        cairn_cbor_put_uint(w, 17);
        cairn_cbor_put_array(w, 2);
        cairn_cbor_put_uint(w, profile->fallback_attempts);
        cairn_cbor_put_uint(w, profile->fallback_s);
    }
}

static void put_frame(cairn_cbor_writer *w, const cairn_network_profile *profile)
{
    cairn_cbor_put_uint(w, 1);
    cairn_cbor_put_text(w, magic);
    cairn_cbor_put_uint(w, 2);
    cairn_cbor_put_bytes(w, cairn_bytes_of(profile->guid.b, sizeof profile->guid.b));
    cairn_cbor_put_uint(w, 3);
    cairn_cbor_put_hash(w, &profile->nonce);
    cairn_cbor_put_uint(w, 4);
    cairn_cbor_put_uint(w, profile->counter);
    cairn_cbor_put_uint(w, 5);
    cairn_cbor_put_uint(w, profile->not_before_ms);
    cairn_cbor_put_uint(w, 6);
    cairn_cbor_put_uint(w, profile->not_after_ms);
}

static void put_profile(cairn_cbor_writer *w, const void *context)
{
    const cairn_network_profile *profile = context;
    size_t optional = (profile->status_uri.size > 0 ? 1U : 0U) +
                      (profile->euicc != CAIRN_EUICC_NONE ? 1U : 0U) +
                      (profile->fallback_attempts > 0 ? 1U : 0U);
    cairn_cbor_put_map(w, 14 + optional);
    put_frame(w, profile);
    cairn_cbor_put_uint(w, 7);
    cairn_cbor_put_text_view(w, profile->user);
    cairn_cbor_put_uint(w, 8);
    cairn_cbor_put_text_view(w, profile->realm);
    cairn_cbor_put_uint(w, 9);
    put_networks(w, profile);
    cairn_cbor_put_uint(w, 10);
    put_slices(w, profile);
    cairn_cbor_put_uint(w, 11);
    cairn_profile_put_anchors(w, profile->anchors, profile->anchor_count);
    cairn_cbor_put_uint(w, 12);
    cairn_cbor_put_text_view(w, profile->server_name);
    cairn_cbor_put_uint(w, 13);
    cairn_cbor_put_uint(w, TLS_1_3);
    cairn_cbor_put_uint(w, 14);
    cairn_cbor_put_hash(w, &profile->certificate);
    put_optional(w, profile);
}

cairn_err cairn_network_profile_encode(cairn_arena *arena, const cairn_network_profile *profile,
                                       cairn_bytes *ret_payload)
{
    cairn_bytes payload;
    cairn_network_profile again;
    if (profile->network_count > CAIRN_PROFILE_NETWORKS_MAX ||
        profile->slice_count > CAIRN_PROFILE_SLICES_MAX ||
        profile->anchor_count > CAIRN_PROFILE_ANCHORS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "profile: more items than its lists hold");
    CAIRN_TRY(cairn_fdo_encode(arena, put_profile, profile, &payload));
    CAIRN_TRY(decode(payload, &again));
    *ret_payload = payload;
    return CAIRN_OK;
}

/* --- the signed message --- */

cairn_err cairn_network_profile_to_be_signed(cairn_arena *arena, const cairn_hash *kid,
                                             cairn_bytes payload, cairn_bytes *ret_message)
{
    return cairn_signed_object_begin(arena, kid, payload, ret_message);
}

cairn_err cairn_network_profile_assemble(cairn_arena *arena, const cairn_hash *kid,
                                         cairn_bytes payload, cairn_bytes signature,
                                         cairn_bytes *ret_message)
{
    return cairn_signed_object_end(arena, kid, payload, signature, ret_message);
}

cairn_err cairn_network_profile_open(cairn_arena *arena, cairn_bytes message,
                                     const cairn_key *operator_key,
                                     cairn_network_profile *ret_profile)
{
    cairn_bytes payload;
    CAIRN_TRY(cairn_signed_object_open(arena, message, CAIRN_NETWORK_PROFILE_SIZE_MAX, operator_key,
                                       "profile", &payload));
    return decode(payload, ret_profile);
}

void cairn_network_profile_nonce(const cairn_fdo_nonce *prove, const cairn_fdo_nonce *setup,
                                 cairn_hash *ret_nonce)
{
    cairn_bytes parts[] = {cairn_bytes_of(nonce_tag, sizeof nonce_tag),
                           cairn_bytes_of(prove->b, sizeof prove->b),
                           cairn_bytes_of(setup->b, sizeof setup->b)};
    cairn_sha256_parts(parts, sizeof parts / sizeof parts[0], ret_nonce);
}

static cairn_err check_time(const cairn_network_profile *profile, uint64_t time_ms)
{
    if (time_ms != 0 && time_ms < profile->not_before_ms)
        return CAIRN_FAIL(CAIRN_ERR_EARLY, clause, "profile.not before: it is too early");
    if (time_ms > profile->not_after_ms)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, clause, "profile.not after: it has expired");
    return CAIRN_OK;
}

cairn_err cairn_network_profile_check(const cairn_network_profile *profile,
                                      const cairn_profile_facts *facts)
{
    const char *differs = NULL;
    if (memcmp(profile->guid.b, facts->guid.b, sizeof facts->guid.b) != 0)
        differs = "guid: another device's";
    else if (!cairn_hash_equal(&profile->nonce, &facts->nonce))
        differs = "nonce: another run's";
    else if (!cairn_hash_equal(&profile->certificate, &facts->certificate))
        differs = "certificate: not the one that was issued";
    if (differs != NULL)
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "profile.%s", differs);
    if (profile->counter <= facts->counter_before) /* [X1353-R30] */
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_VERSION, clause, "profile.counter: %u after %u",
                          profile->counter, facts->counter_before);
    return check_time(profile, facts->time_ms);
}
