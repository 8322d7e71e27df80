/* The verifier's word, for whoever relies on it. */
#include "onboard/attest/appraise.h"
#include "onboard/profile/signed_object.h"
#include "onboard/wire/body.h"

static const char clause[] = "draft-ietf-rats-ear";
static const char profile[] = "tag:github.com,2023:veraison/ear";
static const char developer[] = "cairn";
static const char build[] = "1";
static const char submodule[] = "device";

enum { POLICY_SIZE = 2 * sizeof(cairn_hash) };

static void put_ear(cairn_cbor_writer *w, const void *context)
{
    const cairn_ear *ear = context;
    char policy[POLICY_SIZE + 1];
    cairn_hex_encode(cairn_bytes_hash(&ear->policy), policy);
    cairn_cbor_put_map(w, 6);
    cairn_cbor_put_uint(w, 4);
    cairn_cbor_put_uint(w, ear->expires_s);
    cairn_cbor_put_uint(w, 6);
    cairn_cbor_put_uint(w, ear->issued_s);
    cairn_cbor_put_uint(w, 10);
    cairn_cbor_put_hash(w, &ear->nonce);
    cairn_cbor_put_uint(w, 265);
    cairn_cbor_put_text(w, profile);
    cairn_cbor_put_uint(w, 266);
    cairn_cbor_put_map(w, 1);
    cairn_cbor_put_text(w, submodule);
    cairn_cbor_put_map(w, 2);
    cairn_cbor_put_uint(w, 1000);
    cairn_cbor_put_uint(w, ear->status);
    cairn_cbor_put_uint(w, 1003);
    cairn_cbor_put_text(w, policy);
    cairn_cbor_put_uint(w, 1004);
    cairn_cbor_put_map(w, 2);
    cairn_cbor_put_uint(w, 0);
    cairn_cbor_put_text(w, developer);
    cairn_cbor_put_uint(w, 1);
    cairn_cbor_put_text(w, build);
}

static cairn_err check_life(const cairn_ear *ear)
{
    if (ear->expires_s <= ear->issued_s || ear->expires_s - ear->issued_s > CAIRN_EAR_LIFE_MAX_S)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "result.exp: %llu after %llu",
                          (unsigned long long)ear->expires_s, (unsigned long long)ear->issued_s);
    return CAIRN_OK;
}

cairn_err cairn_ear_encode(cairn_arena *arena, const cairn_ear *ear, cairn_bytes *ret_payload)
{
    CAIRN_TRY(check_life(ear));
    return cairn_fdo_encode(arena, put_ear, ear, ret_payload);
}

static cairn_err read_status(cairn_cbor_reader *r, cairn_ear *ear)
{
    uint64_t status = 0;
    CAIRN_TRY(
        cairn_cbor_read_uint(r, "status", CAIRN_EAR_AFFIRMING, CAIRN_EAR_CONTRAINDICATED, &status));
    if (status != CAIRN_EAR_AFFIRMING && status != CAIRN_EAR_CONTRAINDICATED)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "result.status: %u", (unsigned)status);
    ear->status = (cairn_ear_status)status;
    return CAIRN_OK;
}

static cairn_err read_device(cairn_cbor_reader *r, cairn_ear *ear)
{
    cairn_cbor_map map;
    cairn_bytes policy;
    char text[POLICY_SIZE + 1] = "";
    CAIRN_TRY(cairn_cbor_read_map(r, "submods", &map));
    if (map.left != 1)
        return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, clause, "result.submods: not one");
    CAIRN_TRY(cairn_cbor_read_magic(r, submodule));
    CAIRN_TRY(cairn_cbor_read_map(r, "device", &map));
    CAIRN_TRY(cairn_cbor_key(r, &map, 1000, "status"));
    CAIRN_TRY(read_status(r, ear));
    CAIRN_TRY(cairn_cbor_key(r, &map, 1003, "policy"));
    CAIRN_TRY(cairn_cbor_read_text(r, "policy", POLICY_SIZE, POLICY_SIZE, &policy));
    CAIRN_TRY(cairn_cbor_end_map(r, &map));
    memcpy(text, policy.data, POLICY_SIZE);
    return cairn_hex_decode(text, ear->policy.b, sizeof ear->policy.b);
}

static cairn_err read_verifier(cairn_cbor_reader *r)
{
    cairn_cbor_map map;
    CAIRN_TRY(cairn_cbor_read_map(r, "verifier", &map));
    CAIRN_TRY(cairn_cbor_key(r, &map, 0, "developer"));
    CAIRN_TRY(cairn_cbor_read_magic(r, developer));
    CAIRN_TRY(cairn_cbor_key(r, &map, 1, "build"));
    CAIRN_TRY(cairn_cbor_read_magic(r, build));
    return cairn_cbor_end_map(r, &map);
}

static cairn_err decode(cairn_bytes payload, cairn_ear *ret_ear)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    cairn_ear ear = {0};
    CAIRN_TRY(cairn_cbor_open(&r, payload, CAIRN_CBOR_STRICT, "result", clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "result", &map));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 4, "exp"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "exp", 0, INT64_MAX, &ear.expires_s));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 6, "iat"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "iat", 0, INT64_MAX, &ear.issued_s));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 10, "nonce"));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "nonce", &ear.nonce));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 265, "profile"));
    CAIRN_TRY(cairn_cbor_read_magic(&r, profile));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 266, "submods"));
    CAIRN_TRY(read_device(&r, &ear));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 1004, "verifier"));
    CAIRN_TRY(read_verifier(&r));
    CAIRN_TRY(cairn_cbor_end_map(&r, &map));
    CAIRN_TRY(check_life(&ear));
    *ret_ear = ear;
    return CAIRN_OK;
}

cairn_err cairn_ear_open(cairn_arena *arena, cairn_bytes message, const cairn_key *verifier,
                         uint64_t now_s, cairn_ear *ret_ear)
{
    cairn_bytes payload;
    cairn_ear ear;
    CAIRN_TRY(
        cairn_signed_object_open(arena, message, CAIRN_EAR_SIZE_MAX, verifier, "result", &payload));
    CAIRN_TRY(decode(payload, &ear));
    if (now_s < ear.issued_s)
        return CAIRN_FAIL(CAIRN_ERR_EARLY, clause, "result.iat: it is of the future");
    if (now_s >= ear.expires_s)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, clause, "result.exp: it has ended");
    *ret_ear = ear;
    return CAIRN_OK;
}
