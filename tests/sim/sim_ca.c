/* Crashes and faults under a certificate authority. A certificate that was handed out is known
 * afterwards, byte for byte; a revocation that was acknowledged is in the record and in the list,
 * whatever came in between; and no serial is there twice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cairn/sha256.h"
#include "sim/runner.h"
#include "support/ca_fixture.h"

enum {
    CERTS_MAX = 64,
    STEPS = 10,
    MAP_SIZE = 64 << 20,
};

typedef struct fact {
    uint8_t serial[CAIRN_CA_SERIAL_SIZE];
    cairn_hash hash; /* of its DER */
    bool doubtful;   /* somebody tried to revoke it, or to renew it */
    bool revoked;    /* and was told that it is done */
} fact;

typedef struct facts {
    bool opened;        /* once, so that the CA is there */
    cairn_hash root;    /* of its certificate */
    bool root_doubtful; /* a rollover was not answered */
    cairn_hash first_root;
    size_t count;
    fact certs[CERTS_MAX];
} facts;

/* --- the signer: the same keys in every life, and no files --- */

static cairn_err derive(void *state, const char *name, cairn_key_type type, cairn_key **ret_public,
                        void **ret_private)
{
    (void)state;
    cairn_hash secret;
    cairn_key *key = NULL;
    cairn_sha256_of(name, strlen(name), &secret);
    CAIRN_TRY(cairn_key_from_private(type, cairn_bytes_hash(&secret), &key));
    cairn_err err = cairn_key_from_public(type, cairn_key_public(key), ret_public);
    if (err != CAIRN_OK) {
        cairn_key_free(key);
        return err;
    }
    *ret_private = key;
    return CAIRN_OK;
}

static const cairn_signer_backend backend = {.open = ca_signer_open,
                                             .generate = derive,
                                             .sign = ca_signer_sign,
                                             .drop = ca_signer_drop,
                                             .close = ca_signer_close};

/* --- one request serves all: a key may be certified again for its own subject --- */

static uint8_t csr_bytes[1024];
static size_t csr_size;

static void warm_up(void)
{
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    cairn_bytes csr = ca_csr(&arena, &(ca_csr_wish){.type = "P-256"});
    csr_size = csr.size;
    CAIRN_ASSERT(csr_size <= sizeof csr_bytes);
    memcpy(csr_bytes, csr.data, csr.size);
    cairn_arena_done(&arena);
}

static void check_excused(cairn_err err, const char *what)
{
    SIM_CHECK(sim_disk_fired(SIM_FAULTS_SOFT), "%s without a fault: %s %s", what,
              cairn_err_name(err), cairn_err_detail());
}

/* --- what must hold --- */

static void check_revoked(cairn_ca *ca, cairn_arena *arena, const cairn_ca_facts *found)
{
    cairn_bytes crl = {0};
    uint64_t next_s = 0;
    SIM_CHECK(found->status == CAIRN_CA_STATUS_REVOKED, "an acknowledged revocation is lost");
    SIM_CHECK(cairn_ca_crl(ca, found->partition, arena, &crl, &next_s) == CAIRN_OK, "no list");
    SIM_CHECK(memmem(crl.data, crl.size, found->serial, sizeof found->serial) != NULL,
              "an acknowledged revocation is in no list");
}

static void check_cert(cairn_ca *ca, cairn_arena *arena, const fact *f)
{
    cairn_ca_facts found;
    cairn_bytes der = {0};
    cairn_hash hash;
    cairn_err err = cairn_ca_find(ca, f->serial, arena, &found);
    SIM_CHECK(err == CAIRN_OK, "a certificate that was handed out: %s", cairn_err_name(err));
    err = cairn_ca_certificate(ca, f->serial, arena, &der);
    SIM_CHECK(err == CAIRN_OK, "its bytes: %s", cairn_err_name(err));
    cairn_sha256_of(der.data, der.size, &hash);
    SIM_CHECK(cairn_hash_equal(&hash, &f->hash), "its bytes are others");
    if (f->revoked)
        check_revoked(ca, arena, &found);
    SIM_CHECK(f->doubtful || found.status == CAIRN_CA_STATUS_GOOD, "nobody revoked it");
}

/* The root that stands above all, and the first one, which has not ended. */
static void check_roots(facts *f, cairn_ca *ca)
{
    cairn_bytes all[CAIRN_CA_ALL_MAX];
    cairn_bytes issuing = {0};
    cairn_bytes root = {0};
    cairn_hash hash;
    bool first = false;
    cairn_ca_chain(ca, &issuing, &root);
    cairn_sha256_of(root.data, root.size, &hash);
    SIM_CHECK(!f->opened || f->root_doubtful || cairn_hash_equal(&hash, &f->root), "another root");
    if (!f->opened)
        f->first_root = hash;
    f->root = hash;
    f->root_doubtful = false;
    f->opened = true;
    size_t count = cairn_ca_all(ca, all);
    for (size_t i = 0; i < count; i++) {
        cairn_sha256_of(all[i].data, all[i].size, &hash);
        first = first || cairn_hash_equal(&hash, &f->first_root);
    }
    SIM_CHECK(first, "the first root is gone");
}

static void check_all(const sim_ctx *ctx, cairn_ca *ca)
{
    facts *f = ctx->facts;
    cairn_arena arena;
    sim_disk_hold_memory(true);
    cairn_arena_init(&arena, 64 << 20);
    check_roots(f, ca);
    for (size_t i = 0; i < f->count; i++)
        check_cert(ca, &arena, &f->certs[i]);
    cairn_arena_done(&arena);
    sim_disk_hold_memory(false);
}

/* --- what is done --- */

static void note_issued(facts *f, const cairn_ca_issued *issued)
{
    for (size_t i = 0; i < f->count; i++)
        SIM_CHECK(memcmp(f->certs[i].serial, issued->serial, sizeof issued->serial) != 0,
                  "a serial twice");
    fact *fresh = &f->certs[f->count++];
    *fresh = (fact){.doubtful = false};
    memcpy(fresh->serial, issued->serial, sizeof fresh->serial);
    cairn_sha256_of(issued->certificate.data, issued->certificate.size, &fresh->hash);
}

static cairn_err issue(facts *f, cairn_ca *ca, cairn_arena *arena)
{
    cairn_ca_grant grant = ca_grant_of(CAIRN_CA_DEVICE_SERVICE);
    cairn_ca_issued issued;
    grant.validity_s = 300 * 86400 + (uint32_t)f->count; /* another certificate than any before */
    CAIRN_TRY(cairn_ca_issue(ca, CAIRN_CA_DEVICE_SERVICE, cairn_bytes_of(csr_bytes, csr_size),
                             &grant, arena, &issued));
    note_issued(f, &issued);
    return CAIRN_OK;
}

static cairn_err revoke_one(sim_ctx *ctx, cairn_ca *ca)
{
    facts *f = ctx->facts;
    fact *at = &f->certs[sim_rng_below(&ctx->rng, f->count)];
    at->doubtful = true;
    CAIRN_TRY(cairn_ca_revoke(ca, at->serial, CAIRN_CA_CESSATION));
    at->revoked = true;
    return CAIRN_OK;
}

static cairn_err renew(sim_ctx *ctx, cairn_ca *ca, cairn_arena *arena)
{
    facts *f = ctx->facts;
    fact *at = &f->certs[sim_rng_below(&ctx->rng, f->count)];
    cairn_ca_issued issued;
    if (at->doubtful)
        return CAIRN_OK;
    at->doubtful = true;
    CAIRN_TRY(
        cairn_ca_renew(ca, at->serial, cairn_bytes_of(csr_bytes, csr_size), true, arena, &issued));
    note_issued(f, &issued);
    return CAIRN_OK;
}

enum { ISSUING_KEYS = 5, ROOT_KEYS = 3 };

static cairn_err make_keys_of(cairn_signer *signer, const char *stem, int last)
{
    for (int i = 2; i <= last; i++) {
        char name[32];
        cairn_key *key = NULL;
        (void)snprintf(name, sizeof name, "%s-%d", stem, i);
        cairn_err err = cairn_signer_generate(signer, name, CAIRN_KEY_P256, &key);
        cairn_key_free(key);
        if (err != CAIRN_OK && err != CAIRN_ERR_EXISTS)
            return err;
    }
    return CAIRN_OK;
}

/* As if somebody had made them beside the CA; the first ones are the CA's to make. */
static cairn_err make_keys(cairn_signer *signer)
{
    CAIRN_TRY(make_keys_of(signer, "issue-ca", ISSUING_KEYS));
    return make_keys_of(signer, "issue-root", ROOT_KEYS);
}

static cairn_err roll_root_over(facts *f, cairn_ca *ca)
{
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    cairn_bytes issuing = {0};
    cairn_bytes root = {0};
    cairn_ca_next_root_key(ca, name);
    if (name[strlen(name) - 1] > '0' + ROOT_KEYS)
        return CAIRN_OK;
    f->root_doubtful = true;
    CAIRN_TRY(cairn_ca_rollover_root(ca, name));
    cairn_ca_chain(ca, &issuing, &root);
    cairn_sha256_of(root.data, root.size, &f->root);
    f->root_doubtful = false;
    return CAIRN_OK;
}

static cairn_err roll_over(cairn_ca *ca)
{
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    cairn_ca_next_key(ca, name);
    return name[strlen(name) - 1] > '0' + ISSUING_KEYS ? CAIRN_OK : cairn_ca_rollover(ca, name);
}

static cairn_err step(sim_ctx *ctx, cairn_ca *ca, cairn_arena *arena)
{
    facts *f = ctx->facts;
    uint64_t next_ms = 0;
    unsigned choice = (unsigned)sim_rng_below(&ctx->rng, 10);
    if (f->count > 0 && choice < 3)
        return revoke_one(ctx, ca);
    if (f->count > 0 && f->count < CERTS_MAX && choice == 3)
        return renew(ctx, ca, arena);
    if (choice == 4)
        return cairn_ca_maintain(ca, 100, &next_ms);
    if (choice == 5)
        return sim_rng_percent(&ctx->rng, 60) ? roll_over(ca) : roll_root_over(f, ca);
    return f->count < CERTS_MAX ? issue(ctx->facts, ca, arena) : CAIRN_OK;
}

static void run_steps(sim_ctx *ctx, cairn_ca *ca)
{
    cairn_arena arena;
    cairn_arena_init(&arena, 64 << 20);
    for (unsigned i = 0; i < STEPS; i++) {
        cairn_err err = step(ctx, ca, &arena);
        if (err != CAIRN_OK)
            check_excused(err, "a step failed");
    }
    cairn_arena_done(&arena);
}

static cairn_err open_ca(const cairn_clock *clock, cairn_signer *signer, cairn_ca **ret_ca)
{
    char path[256];
    cairn_ca_options options = cairn_ca_defaults();
    (void)snprintf(path, sizeof path, "%s/ca", sim_disk_root());
    options.directory = path;
    options.organisation_name = "Example Motors";
    options.base_url = "http://ca.example/ca/00";
    options.map_size = MAP_SIZE;
    options.partition_size = 4;
    return cairn_ca_open(&options, clock, signer, ret_ca);
}

static void live(sim_ctx *ctx)
{
    cairn_clock_manual manual = {.wall_ms =
                                     (uint64_t)CA_FIXTURE_START_S * 1000 + ctx->life * 86400000ull};
    const cairn_clock clock = cairn_clock_of_manual(&manual);
    cairn_signer *signer = NULL;
    cairn_ca *ca = NULL;
    cairn_err err = cairn_signer_start_take(&backend, NULL, &signer);
    if (err != CAIRN_OK) {
        check_excused(err, "the signer failed");
        return;
    }
    err = make_keys(signer);
    if (err == CAIRN_OK)
        err = open_ca(&clock, signer, &ca);
    if (err != CAIRN_OK) {
        check_excused(err, "open failed");
        err = make_keys(signer); /* those that it has are not made twice */
        if (err == CAIRN_OK)
            err = open_ca(&clock, signer, &ca);
    }
    if (err != CAIRN_OK) {
        check_excused(err, "second open failed");
        cairn_signer_free(signer);
        return;
    }
    check_all(ctx, ca);
    run_steps(ctx, ca);
    if (sim_rng_percent(&ctx->rng, 50)) {
        cairn_ca_close(ca);
        cairn_signer_free(signer);
    }
}

int main(int argc, char **argv)
{
    const sim_workload workload = {.name = "sim_ca",
                                   .faults = SIM_FAULTS_ALL,
                                   .stale_percent = 12,
                                   .facts_size = sizeof(facts),
                                   .warm_up = warm_up,
                                   .live = live};
    return sim_main(argc, argv, &workload);
}
