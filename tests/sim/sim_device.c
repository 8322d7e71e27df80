/* Crashes and faults under a device's directory: the credential in force is the last one that was
 * acknowledged, or one that was being written since, whole; the birth key and the secret of the
 * HMac are always the ones that they once were. [X1353-R35] [X1353-R36] */
#include <stdio.h>
#include <string.h>

#include "onboard/device/credential.h"
#include "sim/runner.h"

enum { STEPS = 6 };

typedef struct facts {
    uint64_t acknowledged, issued; /* numbers of credentials */
    bool doubtful;                 /* the disk said that it could not keep the last one */
    bool has_mac, has_key;
    uint8_t mac[32];
    cairn_hash key;
} facts;

/* The n-th credential; its size varies with n. */
static cairn_fdo_client_credential credential_of(uint64_t n)
{
    static uint8_t rv_info[2000];
    cairn_fdo_client_credential c = {.onboarded = n % 2 == 0,
                                     .device_info = cairn_bytes_str("sim"),
                                     .owner_hash = {.alg = CAIRN_FDO_SHA256, .size = 32}};
    cairn_put_u64(c.guid.b, n);
    memset(rv_info, (int)(n & 0xff), sizeof rv_info);
    c.rv_info = cairn_bytes_of(rv_info, 1 + n * 379 % sizeof rv_info);
    return c;
}

static bool is_soft(void)
{
    return sim_disk_fired(SIM_FAULTS_SOFT);
}

static void check_credential(facts *f, const cairn_fdo_client_store *store)
{
    cairn_arena arena;
    cairn_fdo_client_credential got;
    cairn_arena_init(&arena, 1 << 15);
    cairn_err err = cairn_fdo_client_credential_load(store, &arena, &got);
    if (err == CAIRN_ERR_NOT_FOUND)
        SIM_CHECK(f->acknowledged == 0, "credential %lu is gone", (unsigned long)f->acknowledged);
    else if (err != CAIRN_OK)
        SIM_CHECK(is_soft(), "load: %s", cairn_err_detail());
    if (err == CAIRN_OK) {
        uint64_t n = cairn_get_u64(got.guid.b);
        cairn_fdo_client_credential want = credential_of(n);
        SIM_CHECK(n >= f->acknowledged && n <= f->issued, "credential %lu of %lu to %lu",
                  (unsigned long)n, (unsigned long)f->acknowledged, (unsigned long)f->issued);
        SIM_CHECK(cairn_bytes_equal(want.rv_info, got.rv_info) && want.onboarded == got.onboarded,
                  "credential %lu is not whole", (unsigned long)n);
        if (!f->doubtful) /* who has seen it may have acted on it */
            f->acknowledged = n;
    }
    cairn_arena_done(&arena);
}

static void commit_next(facts *f, const cairn_fdo_client_store *store)
{
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 16);
    const cairn_fdo_client_credential next = credential_of(++f->issued);
    cairn_err err = cairn_fdo_client_credential_commit(store, &arena, &next);
    f->doubtful = err != CAIRN_OK;
    if (err == CAIRN_OK)
        f->acknowledged = f->issued;
    else
        SIM_CHECK(is_soft(), "commit: %s", cairn_err_detail());
    cairn_arena_done(&arena);
}

static void check_mac(facts *f, const cairn_fdo_client_keys *keys)
{
    uint8_t mac[CAIRN_FDO_CLIENT_MAC_SIZE_MAX];
    cairn_err err = keys->mac(keys->context, CAIRN_FDO_HMAC256, cairn_bytes_str("header"), mac);
    if (err != CAIRN_OK) {
        SIM_CHECK(is_soft(), "mac: %s", cairn_err_detail());
        return;
    }
    SIM_CHECK(!f->has_mac || memcmp(mac, f->mac, sizeof f->mac) == 0, "another secret");
    memcpy(f->mac, mac, sizeof f->mac);
    f->has_mac = true;
}

static void check_key(facts *f, const cairn_fdo_client_keys *keys)
{
    cairn_key *key = NULL;
    cairn_err err = keys->public_key(keys->context, "device", &key);
    if (err == CAIRN_ERR_NOT_FOUND) {
        SIM_CHECK(!f->has_key, "the birth key is gone");
        err = keys->generate(keys->context, "device", CAIRN_KEY_P256, &key);
    }
    if (err != CAIRN_OK) {
        SIM_CHECK(is_soft(), "key: %s", cairn_err_detail());
        return;
    }
    SIM_CHECK(!f->has_key || cairn_hash_equal(cairn_key_id(key), &f->key), "another birth key");
    f->key = *cairn_key_id(key);
    f->has_key = true;
    cairn_key_free(key);
}

static void live(sim_ctx *ctx)
{
    facts *f = ctx->facts;
    char path[256];
    cairn_fdo_client_files *files = NULL;
    (void)snprintf(path, sizeof path, "%s/device", sim_disk_root());
    cairn_err err = cairn_fdo_client_files_open(path, &files);
    if (err != CAIRN_OK) {
        SIM_CHECK(is_soft(), "open: %s", cairn_err_detail());
        return;
    }
    const cairn_fdo_client_keys keys = cairn_fdo_client_files_keys(files);
    const cairn_fdo_client_store store = cairn_fdo_client_files_store(files);
    check_credential(f, &store);
    for (int i = 0; i < STEPS; i++) {
        uint64_t act = sim_rng_below(&ctx->rng, 4);
        if (act == 0)
            check_mac(f, &keys);
        else if (act == 1)
            check_key(f, &keys);
        else
            commit_next(f, &store);
        check_credential(f, &store);
    }
    cairn_fdo_client_files_free(files);
}

static void warm_up(void)
{
    cairn_key *key = NULL;
    SIM_CHECK(cairn_key_generate(CAIRN_KEY_P256, &key) == CAIRN_OK, "%s", cairn_err_detail());
    cairn_key_free(key);
}

int main(int argc, char **argv)
{
    const sim_workload workload = {.name = "device",
                                   .faults = SIM_FAULTS_ALL,
                                   .stale_percent = 30,
                                   .facts_size = sizeof(facts),
                                   .warm_up = warm_up,
                                   .live = live};
    return sim_main(argc, argv, &workload);
}
