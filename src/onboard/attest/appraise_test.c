/* The verifier: a healthy device passes, and each way of being unwell is told by its own check. The
 * TPM's structures are laid out here by hand, after the TCG's pages; swtpm's own are in
 * tests/interop/attest.sh. [X1353-R15] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "cairn/sha256.h"
#include "onboard/attest/appraise.h"
#include "onboard/profile/signed_object.h"

enum { ARENA_SIZE = 1 << 20, NOW_MS = 5000, ROOM = 4096 };

/* --- a device, its manufacturer, and what both say --- */

typedef struct bytes_out {
    uint8_t data[ROOM];
    size_t size;
} bytes_out;

static void add(bytes_out *out, const void *data, size_t size)
{
    assert_true(out->size + size <= sizeof out->data);
    memcpy(out->data + out->size, data, size);
    out->size += size;
}

static void big(bytes_out *out, uint64_t value, size_t size)
{
    for (size_t i = size; i > 0; i--)
        add(out, &(uint8_t){(uint8_t)(value >> (8 * (i - 1)))}, 1);
}

static void little(bytes_out *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        add(out, &(uint8_t){(uint8_t)(value >> (8 * i))}, 1);
}

static cairn_bytes view(const bytes_out *out)
{
    return cairn_bytes_of(out->data, out->size);
}

typedef struct world {
    cairn_arena arena;
    cairn_key *device;
    cairn_key *manufacturer;
    cairn_reference_values reference;
    cairn_hash good_pcr0[2], good_pcr7[1], good[2], bad[2];
    cairn_appraisal_facts facts;
    /* the quote, before it is laid out */
    uint64_t magic, type, banks, bank;
    uint32_t quoted, shown;
    uint32_t reset_count, restart_count;
    uint8_t safe;
    uint64_t firmware;
    cairn_hash extra;
    cairn_hash pcrs[CAIRN_TPM_PCRS];
    cairn_hash digest; /* over the PCRs; set by lay_out unless digest_is_set */
    bool digest_is_set;
    cairn_key *signer;
    bytes_out attest, signature, log;
    cairn_hash events[3];
    size_t event_count;
    cairn_attestation evidence;
} world;

static void extend(cairn_hash *pcr, const cairn_hash *digest)
{
    uint8_t both[64];
    memcpy(both, pcr->b, 32);
    memcpy(both + 32, digest->b, 32);
    assert_int_equal(EVP_Digest(both, sizeof both, pcr->b, NULL, EVP_sha256(), NULL), 1);
}

/* Events 0 and 1 go to PCR 0, event 2 to PCR 7. */
static uint32_t pcr_of(size_t event)
{
    return event < 2 ? 0 : 7;
}

static void set_up_world(world *w)
{
    memset(w, 0, sizeof *w);
    cairn_arena_init(&w->arena, ARENA_SIZE);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &w->device), CAIRN_OK);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &w->manufacturer), CAIRN_OK);
    w->event_count = 3;
    for (size_t i = 0; i < w->event_count; i++) {
        memset(w->events[i].b, (int)(0x10 + i), 32);
        extend(&w->pcrs[pcr_of(i)], &w->events[i]);
    }
    w->good_pcr0[0].b[0] = 1;
    w->good_pcr0[1] = w->pcrs[0];
    w->good_pcr7[0] = w->pcrs[7];
    w->good[0].b[0] = 2;
    w->good[1].b[0] = 3;
    w->bad[0].b[0] = 4;
    w->bad[1].b[0] = 5;
    w->reference = (cairn_reference_values){
        .model = cairn_bytes_str("meter-3"),
        .version = 9,
        .not_before_ms = 1000,
        .not_after_ms = 9000,
        .selection = 1U << 0 | 1U << 7,
        .good = {2, w->good},
        .firmware_min = 0x2023,
        .debug_min = 2,
        .needs_log = true,
        .bad = {2, w->bad},
    };
    w->reference.pcrs[0] = (cairn_reference_set){2, w->good_pcr0};
    w->reference.pcrs[7] = (cairn_reference_set){1, w->good_pcr7};
    memset(w->facts.guid.b, 7, sizeof w->facts.guid.b);
    memset(w->facts.nonce.b, 8, 32);
    w->facts.time_ms = NOW_MS;
    w->facts.model = w->reference.model;
    w->facts.device = w->device;
    w->facts.reference = &w->reference;
    w->facts.version_before = 9;
    w->facts.counts = (cairn_attest_counts){.reset_count = 4, .restart_count = 2, .boot_count = 11};
    w->magic = 0xFF544347;
    w->type = 0x8018;
    w->banks = 1;
    w->bank = 0x000B;
    w->quoted = w->shown = w->reference.selection;
    w->reset_count = 4;
    w->restart_count = 3;
    w->safe = 1;
    w->firmware = 0x2023;
    w->extra = w->facts.nonce;
    w->signer = w->device;
}

static void tear_down_world(world *w)
{
    cairn_key_free(w->device);
    cairn_key_free(w->manufacturer);
    cairn_arena_done(&w->arena);
}

static void lay_out_attest(world *w)
{
    bytes_out *out = &w->attest;
    bytes_out all = {.size = 0};
    out->size = 0;
    big(out, w->magic, 4);
    big(out, w->type, 2);
    big(out, 34, 2); /* qualifiedSigner: SHA-256 name */
    big(out, 0x000B, 2);
    add(out, w->good, 32);
    big(out, 32, 2);
    add(out, w->extra.b, 32);
    big(out, 123456, 8);
    big(out, w->reset_count, 4);
    big(out, w->restart_count, 4);
    big(out, w->safe, 1);
    big(out, w->firmware, 8);
    big(out, w->banks, 4);
    big(out, w->bank, 2);
    big(out, 3, 1);
    little(out, w->quoted, 3);
    for (size_t i = 0; i < CAIRN_TPM_PCRS; i++) {
        if (w->quoted >> i & 1)
            add(&all, w->pcrs[i].b, 32);
    }
    if (!w->digest_is_set)
        assert_int_equal(EVP_Digest(all.data, all.size, w->digest.b, NULL, EVP_sha256(), NULL), 1);
    big(out, 32, 2);
    add(out, w->digest.b, 32);
}

static void lay_out_signature(world *w)
{
    uint8_t raw[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    assert_int_equal(cairn_key_sign(w->signer, view(&w->attest), raw, &size), CAIRN_OK);
    w->signature.size = 0;
    big(&w->signature, 0x0018, 2);
    big(&w->signature, 0x000B, 2);
    big(&w->signature, 32, 2);
    add(&w->signature, raw, 32);
    big(&w->signature, 32, 2);
    add(&w->signature, raw + 32, 32);
}

static void lay_out_log(world *w)
{
    static const uint8_t zeros[32];
    bytes_out *out = &w->log;
    out->size = 0;
    little(out, 0, 4);
    little(out, 3, 4); /* EV_NO_ACTION */
    add(out, zeros, 20);
    little(out, 16 + 4 + 4 + 4 + 2 * 4 + 1, 4);
    add(out, "Spec ID Event03", 16);
    little(out, 0, 4);
    little(out, 0x02000200, 4);
    little(out, 2, 4);
    little(out, 0x0004, 2); /* SHA-1 */
    little(out, 20, 2);
    little(out, 0x000B, 2);
    little(out, 32, 2);
    little(out, 0, 1);
    for (size_t i = 0; i < w->event_count; i++) {
        little(out, pcr_of(i), 4);
        little(out, 0x8, 4); /* EV_S_CRTM_VERSION */
        little(out, 2, 4);
        little(out, 0x0004, 2);
        add(out, zeros, 20);
        little(out, 0x000B, 2);
        add(out, w->events[i].b, 32);
        little(out, 3, 4);
        add(out, "abc", 3);
    }
}

static void lay_out(world *w)
{
    lay_out_attest(w);
    lay_out_signature(w);
    lay_out_log(w);
    w->evidence.kind = CAIRN_ATTESTATION_TPM;
    w->evidence.attest = view(&w->attest);
    w->evidence.signature = view(&w->signature);
    w->evidence.selection = w->shown;
    memcpy(w->evidence.pcrs, w->pcrs, sizeof w->pcrs);
    w->evidence.log = view(&w->log);
}

/* Evidence as it arrives: encoded and read back. */
static cairn_appraisal appraise(world *w)
{
    cairn_bytes encoded;
    cairn_attestation attestation;
    cairn_appraisal appraisal;
    assert_int_equal(cairn_attestation_encode(&w->arena, &w->evidence, &encoded), CAIRN_OK);
    assert_int_equal(cairn_attestation_decode(encoded, &attestation), CAIRN_OK);
    cairn_appraise(&w->arena, &attestation, &w->facts, &appraisal);
    return appraisal;
}

static void expect(world *w, const char *check, cairn_err err)
{
    cairn_appraisal appraisal = appraise(w);
    if (appraisal.err != err)
        print_error("%s: %s\n", check, cairn_err_detail());
    assert_int_equal(appraisal.err, err);
    assert_string_equal(appraisal.check, check);
    assert_memory_equal(&appraisal.counts, &w->facts.counts, sizeof appraisal.counts);
}

static void a_quote_holds(void **state)
{
    (void)state;
    world w;
    set_up_world(&w);
    lay_out(&w);
    cairn_appraisal appraisal = appraise(&w);
    assert_int_equal(appraisal.err, CAIRN_OK);
    assert_null(appraisal.check);
    assert_int_equal(appraisal.counts.restart_count, 3);
    tear_down_world(&w);
}

/* --- one thing wrong with a quote --- */

static void set_magic(world *w)
{
    w->magic ^= 1;
}
static void set_type(world *w)
{
    w->type = 0x8017;
}
static void set_second_bank(world *w)
{
    w->banks = 2;
}
static void set_sha1_bank(world *w)
{
    w->bank = 0x0004;
}
static void set_signer(world *w)
{
    w->signer = w->manufacturer;
}
static void set_nonce(world *w)
{
    w->extra.b[31] ^= 1;
}
static void set_fewer(world *w)
{
    w->quoted = w->shown = 1;
}
static void set_more(world *w)
{
    w->quoted = w->shown = w->shown | 1U << 3;
}
static void set_shown(world *w)
{
    w->shown = 1;
}
static void set_digest(world *w)
{
    w->digest_is_set = true;
}
static void set_reset(world *w)
{
    w->reset_count = 3;
}
static void set_restart(world *w)
{
    w->restart_count = 1;
}
static void set_unsafe(world *w)
{
    w->safe = 0;
}
static void set_odd_safe(world *w)
{
    w->safe = 2;
}
static void set_firmware(world *w)
{
    w->firmware = 0x2022;
}
static void set_event(world *w)
{
    w->events[2].b[0] ^= 1;
}
static void set_less_log(world *w)
{
    w->event_count = 2;
}
static void set_bad_event(world *w)
{
    w->bad[1] = w->events[0];
}
static void set_bad_pcr(world *w)
{
    w->bad[0] = w->pcrs[7];
}
static void set_unknown_pcr(world *w)
{
    w->good_pcr7[0].b[0] ^= 1;
}
static void set_model(world *w)
{
    w->facts.model = cairn_bytes_str("meter-4");
}
static void set_old_values(world *w)
{
    w->facts.version_before = 10;
}
static void set_early(world *w)
{
    w->facts.time_ms = 999;
}
static void set_late(world *w)
{
    w->facts.time_ms = 9001;
}
static void set_revoked(world *w)
{
    w->facts.revoked = true;
}
static void set_no_pcrs(world *w)
{
    w->reference.selection = 0;
}

static void a_quote_with_one_fault(void **state)
{
    (void)state;
    static const struct {
        void (*set)(world *);
        const char *check;
        cairn_err err;
    } cases[] = {
        {set_magic, "form", CAIRN_ERR_BAD_VERSION},
        {set_type, "form", CAIRN_ERR_WRONG_TYPE},
        {set_second_bank, "form", CAIRN_ERR_BAD_ALGORITHM},
        {set_sha1_bank, "form", CAIRN_ERR_BAD_ALGORITHM},
        {set_odd_safe, "form", CAIRN_ERR_BAD_VALUE},
        {set_signer, "signature", CAIRN_ERR_BAD_SIGNATURE},
        {set_nonce, "freshness", CAIRN_ERR_MISMATCH},
        {set_fewer, "selection", CAIRN_ERR_MISMATCH},
        {set_more, "selection", CAIRN_ERR_MISMATCH},
        {set_shown, "selection", CAIRN_ERR_MISMATCH},
        {set_no_pcrs, "selection", CAIRN_ERR_MISSING_FIELD},
        {set_digest, "digest", CAIRN_ERR_MISMATCH},
        {set_reset, "counts", CAIRN_ERR_TX_WRONG_VERSION},
        {set_restart, "counts", CAIRN_ERR_TX_WRONG_VERSION},
        {set_unsafe, "safe", CAIRN_ERR_BAD_VALUE},
        {set_firmware, "firmware", CAIRN_ERR_TX_WRONG_VERSION},
        {set_event, "log", CAIRN_ERR_MISMATCH},
        {set_less_log, "log", CAIRN_ERR_MISMATCH},
        {set_bad_event, "log", CAIRN_ERR_MISMATCH},
        {set_bad_pcr, "values", CAIRN_ERR_MISMATCH},
        {set_unknown_pcr, "values", CAIRN_ERR_MISMATCH},
        {set_model, "reference", CAIRN_ERR_MISMATCH},
        {set_old_values, "reference", CAIRN_ERR_TX_WRONG_VERSION},
        {set_early, "reference", CAIRN_ERR_EARLY},
        {set_late, "reference", CAIRN_ERR_EXPIRED},
        {set_revoked, "reference", CAIRN_ERR_CLOSED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world w;
        set_up_world(&w);
        cases[i].set(&w);
        lay_out(&w);
        expect(&w, cases[i].check, cases[i].err);
        tear_down_world(&w);
    }
}

static void a_log_may_be_absent_only_where_policy_says_so(void **state)
{
    (void)state;
    world w;
    set_up_world(&w);
    lay_out(&w);
    w.evidence.log.size = 0;
    expect(&w, "log", CAIRN_ERR_TRUNCATED);
    w.reference.needs_log = false;
    assert_int_equal(appraise(&w).err, CAIRN_OK);
    tear_down_world(&w);
}

/* Restarts begin anew with a reset. */
static void a_reset_ends_the_restarts(void **state)
{
    (void)state;
    world w;
    set_up_world(&w);
    w.reset_count = 5;
    w.restart_count = 0;
    lay_out(&w);
    assert_int_equal(appraise(&w).counts.reset_count, 5);
    tear_down_world(&w);
}

/* Every bit of what is signed, and every cut. */
static void no_bit_of_a_quote_is_spare(void **state)
{
    (void)state;
    world w;
    set_up_world(&w);
    lay_out(&w);
    for (size_t bit = 0; bit < 8 * w.attest.size; bit++) {
        w.attest.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_not_equal(appraise(&w).err, CAIRN_OK);
        w.attest.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        cairn_arena_reset(&w.arena);
    }
    for (size_t size = 1; size < w.attest.size; size++) {
        w.evidence.attest.size = size;
        assert_int_equal(appraise(&w).err, CAIRN_ERR_TRUNCATED);
        cairn_arena_reset(&w.arena);
    }
    tear_down_world(&w);
}

static void every_cut_of_a_log_is_noticed(void **state)
{
    (void)state;
    world w;
    set_up_world(&w);
    lay_out(&w);
    for (size_t size = 1; size < w.log.size; size++) {
        w.evidence.log.size = size;
        assert_int_not_equal(appraise(&w).err, CAIRN_OK);
        cairn_arena_reset(&w.arena);
    }
    tear_down_world(&w);
}

/* --- tokens --- */

typedef struct token {
    cairn_hash nonce;
    uint8_t ueid[17];
    int debug; /* below 0: not told */
    uint64_t boot_count;
    cairn_hash digest;
    bool no_measurements;
    cairn_key *signer;
} token;

static token healthy(world *w)
{
    token t = {.nonce = w->facts.nonce,
               .ueid = {1},
               .debug = 2,
               .boot_count = 12,
               .digest = w->good[1],
               .signer = w->device};
    memcpy(t.ueid + 1, w->facts.guid.b, 16);
    return t;
}

/* Claims in an order of its own, with some that nobody asks for. */
static cairn_bytes claims_of(const token *t, cairn_arena *arena)
{
    void *memory = NULL;
    cairn_cbor_writer w;
    cairn_bytes claims;
    assert_int_equal(cairn_arena_alloc(arena, 512, &memory), CAIRN_OK);
    cairn_cbor_writer_init(&w, memory, 512);
    cairn_cbor_put_map(&w, 5U + (t->debug >= 0 ? 1U : 0U) + (t->no_measurements ? 0U : 1U));
    cairn_cbor_put_text(&w, "vendor");
    cairn_cbor_put_uint(&w, 1);
    if (!t->no_measurements) {
        cairn_cbor_put_uint(&w, 273);
        cairn_cbor_put_array(&w, 2);
        cairn_cbor_put_array(&w, 2);
        cairn_cbor_put_uint(&w, 258); /* CoSWID: passed over */
        cairn_cbor_put_bytes(&w, cairn_bytes_str("x"));
        cairn_cbor_put_array(&w, 2);
        cairn_cbor_put_uint(&w, 65000);
        cairn_cbor_put_hash(&w, &t->digest);
    }
    cairn_cbor_put_uint(&w, 256);
    cairn_cbor_put_bytes(&w, cairn_bytes_of(t->ueid, sizeof t->ueid));
    cairn_cbor_put_uint(&w, 10);
    cairn_cbor_put_hash(&w, &t->nonce);
    if (t->debug >= 0) {
        cairn_cbor_put_uint(&w, 263);
        cairn_cbor_put_uint(&w, (uint64_t)t->debug);
    }
    cairn_cbor_put_uint(&w, 267);
    cairn_cbor_put_uint(&w, t->boot_count);
    cairn_cbor_put_uint(&w, 270);
    cairn_cbor_put_text(&w, "meter-os");
    assert_int_equal(cairn_cbor_writer_end(&w, &claims), CAIRN_OK);
    return claims;
}

static void set_token(world *w, const token *t)
{
    static const uint8_t protected_raw[] = {0xA1, 0x01, 0x26}, empty[] = {0xA0};
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes to_sign, claims = claims_of(t, &w->arena);
    cairn_bytes raw = cairn_bytes_of(protected_raw, sizeof protected_raw);
    assert_int_equal(cairn_cose_structure(&w->arena, CAIRN_COSE_TAG_SIGN1, raw, (cairn_bytes){0},
                                          claims, &to_sign),
                     CAIRN_OK);
    assert_int_equal(cairn_key_sign(t->signer, to_sign, signature, &size), CAIRN_OK);
    w->evidence = (cairn_attestation){.kind = CAIRN_ATTESTATION_EAT};
    assert_int_equal(cairn_cose_encode(&w->arena, CAIRN_COSE_TAG_SIGN1, raw,
                                       cairn_bytes_of(empty, 1), false, claims,
                                       cairn_bytes_of(signature, size), &w->evidence.eat),
                     CAIRN_OK);
}

static void a_token_holds(void **state)
{
    (void)state;
    world w;
    set_up_world(&w);
    token t = healthy(&w);
    set_token(&w, &t);
    cairn_appraisal appraisal = appraise(&w);
    assert_int_equal(appraisal.err, CAIRN_OK);
    assert_int_equal(appraisal.counts.boot_count, 12);
    tear_down_world(&w);
}

static void token_nonce(token *t, world *w)
{
    (void)w;
    t->nonce.b[0] ^= 1;
}
static void token_ueid(token *t, world *w)
{
    (void)w;
    t->ueid[16] ^= 1;
}
static void token_kind(token *t, world *w)
{
    (void)w;
    t->ueid[0] = 2;
}
static void token_debug(token *t, world *w)
{
    (void)w;
    t->debug = 1;
}
static void token_no_debug(token *t, world *w)
{
    (void)w;
    t->debug = -1;
}
static void token_boot(token *t, world *w)
{
    (void)w;
    t->boot_count = 10;
}
static void token_digest(token *t, world *w)
{
    (void)w;
    t->digest.b[0] = 77;
}
static void token_bad_digest(token *t, world *w)
{
    w->bad[0] = t->digest;
}
static void token_none(token *t, world *w)
{
    (void)w;
    t->no_measurements = true;
}
static void token_signer(token *t, world *w)
{
    t->signer = w->manufacturer;
}

static void a_token_with_one_fault(void **state)
{
    (void)state;
    static const struct {
        void (*set)(token *, world *);
        const char *check;
        cairn_err err;
    } cases[] = {
        {token_signer, "signature", CAIRN_ERR_BAD_SIGNATURE},
        {token_nonce, "freshness", CAIRN_ERR_MISMATCH},
        {token_ueid, "device", CAIRN_ERR_MISMATCH},
        {token_kind, "device", CAIRN_ERR_MISMATCH},
        {token_boot, "counts", CAIRN_ERR_TX_WRONG_VERSION},
        {token_digest, "values", CAIRN_ERR_MISMATCH},
        {token_bad_digest, "values", CAIRN_ERR_MISMATCH},
        {token_none, "values", CAIRN_ERR_MISSING_FIELD},
        {token_debug, "debug", CAIRN_ERR_BAD_VALUE},
        {token_no_debug, "debug", CAIRN_ERR_BAD_VALUE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world w;
        set_up_world(&w);
        token t = healthy(&w);
        cases[i].set(&t, &w);
        set_token(&w, &t);
        expect(&w, cases[i].check, cases[i].err);
        tear_down_world(&w);
    }
}

/* --- attestation keys of their own --- */

/* A certificate for `key` with `name` as the subject's serialNumber, by `issuer` of that name. */
static cairn_bytes certificate(world *w, const cairn_key *key, const char *name,
                               const cairn_key *issuer, const char *issuer_name)
{
    EVP_PKEY *pkeys[2];
    const cairn_key *keys[2] = {key, issuer};
    uint8_t *der = NULL;
    cairn_bytes copy;
    for (size_t i = 0; i < 2; i++) {
        cairn_bytes pem;
        assert_int_equal(cairn_key_to_pem(keys[i], true, &w->arena, &pem), CAIRN_OK);
        BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
        pkeys[i] = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        assert_non_null(pkeys[i]);
        BIO_free(bio);
    }
    X509 *x509 = X509_new();
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), 0);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_NAME_add_entry_by_NID(X509_get_subject_name(x509), NID_serialNumber, MBSTRING_ASC,
                               (const uint8_t *)name, -1, -1, 0);
    X509_NAME *by = X509_NAME_new();
    X509_NAME_add_entry_by_NID(by, NID_serialNumber, MBSTRING_ASC, (const uint8_t *)issuer_name, -1,
                               -1, 0);
    X509_set_issuer_name(x509, by);
    X509_set_pubkey(x509, pkeys[0]);
    assert_true(X509_sign(x509, pkeys[1], EVP_sha256()) > 0);
    int size = i2d_X509(x509, &der);
    assert_true(size > 0);
    assert_int_equal(cairn_arena_copy(&w->arena, cairn_bytes_of(der, (size_t)size), &copy),
                     CAIRN_OK);
    OPENSSL_free(der);
    X509_NAME_free(by);
    X509_free(x509);
    EVP_PKEY_free(pkeys[0]);
    EVP_PKEY_free(pkeys[1]);
    return copy;
}

static void an_attestation_key_names_its_device(void **state)
{
    (void)state;
    world w;
    char name[65];
    cairn_key *ak = NULL;
    set_up_world(&w);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &ak), CAIRN_OK);
    cairn_hex_encode(cairn_bytes_hash(cairn_key_id(w.device)), name);
    cairn_bytes root = certificate(&w, w.manufacturer, "root", w.manufacturer, "root");
    w.signer = ak;
    lay_out(&w);
    w.evidence.certificate_count = 1;
    w.evidence.certificates[0] = certificate(&w, ak, name, w.manufacturer, "root");
    expect(&w, "key", CAIRN_ERR_NOT_TRUSTED); /* no anchors at all */
    w.facts.roots = &root;
    w.facts.root_count = 1;
    assert_int_equal(appraise(&w).err, CAIRN_OK);
    name[0] = name[0] == '0' ? '1' : '0'; /* a healthy neighbour's */
    w.evidence.certificates[0] = certificate(&w, ak, name, w.manufacturer, "root");
    expect(&w, "key", CAIRN_ERR_MISMATCH);
    w.evidence.certificates[0] = certificate(&w, ak, name, ak, "root");
    expect(&w, "key", CAIRN_ERR_NOT_TRUSTED);
    cairn_key_free(ak);
    tear_down_world(&w);
}

/* --- reference values and results, signed --- */

static cairn_bytes sign_as(world *w, cairn_key *key, cairn_bytes payload)
{
    cairn_bytes to_sign, message;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    assert_int_equal(cairn_signed_object_begin(&w->arena, cairn_key_id(key), payload, &to_sign),
                     CAIRN_OK);
    assert_int_equal(cairn_key_sign(key, to_sign, signature, &size), CAIRN_OK);
    assert_int_equal(cairn_signed_object_end(&w->arena, cairn_key_id(key), payload,
                                             cairn_bytes_of(signature, size), &message),
                     CAIRN_OK);
    return message;
}

static void reference_values_are_the_manufacturers(void **state)
{
    (void)state;
    world w;
    cairn_bytes payload;
    cairn_reference_values values;
    set_up_world(&w);
    assert_int_equal(cairn_reference_values_encode(&w.arena, &w.reference, &payload), CAIRN_OK);
    cairn_bytes message = sign_as(&w, w.manufacturer, payload);
    assert_int_equal(cairn_reference_values_open(&w.arena, message, w.manufacturer, &values),
                     CAIRN_OK);
    assert_int_equal(values.selection, w.reference.selection);
    assert_int_equal(values.pcrs[0].count, 2);
    assert_memory_equal(values.pcrs[7].values, w.good_pcr7, sizeof w.good_pcr7);
    assert_int_equal(values.firmware_min, 0x2023);
    assert_true(values.needs_log);
    assert_int_equal(cairn_reference_values_open(&w.arena, message, w.device, &values),
                     CAIRN_ERR_NOT_TRUSTED);
    w.reference.not_after_ms = w.reference.not_before_ms;
    assert_int_equal(cairn_reference_values_encode(&w.arena, &w.reference, &payload),
                     CAIRN_ERR_BAD_VALUE);
    w.reference.not_after_ms = 9000;
    w.reference.pcrs[0].count = 0;
    assert_int_equal(cairn_reference_values_encode(&w.arena, &w.reference, &payload),
                     CAIRN_ERR_BAD_VALUE);
    tear_down_world(&w);
}

static void a_result_ends(void **state)
{
    (void)state;
    world w;
    cairn_bytes payload;
    cairn_ear ear = {.issued_s = 100, .expires_s = 200, .status = CAIRN_EAR_AFFIRMING}, again;
    set_up_world(&w);
    ear.policy = w.good[0];
    assert_int_equal(cairn_ear_encode(&w.arena, &ear, &payload), CAIRN_OK);
    cairn_bytes message = sign_as(&w, w.manufacturer, payload);
    assert_int_equal(cairn_ear_open(&w.arena, message, w.manufacturer, 199, &again), CAIRN_OK);
    assert_memory_equal(&again, &ear, sizeof ear);
    assert_int_equal(cairn_ear_open(&w.arena, message, w.manufacturer, 200, &again),
                     CAIRN_ERR_EXPIRED);
    assert_int_equal(cairn_ear_open(&w.arena, message, w.manufacturer, 99, &again),
                     CAIRN_ERR_EARLY);
    assert_int_equal(cairn_ear_open(&w.arena, message, w.device, 150, &again),
                     CAIRN_ERR_NOT_TRUSTED);
    ear.expires_s = 100 + CAIRN_EAR_LIFE_MAX_S + 1;
    assert_int_equal(cairn_ear_encode(&w.arena, &ear, &payload), CAIRN_ERR_BAD_VALUE);
    tear_down_world(&w);
}

/* [X1353-R14] By Python's hashlib: "attest", sixteen 01, sixteen 02, 32 bytes 03 or 00. */
static void the_nonce_is_of_run_and_checkpoint(void **state)
{
    (void)state;
    cairn_fdo_nonce prove, setup;
    cairn_hash checkpoint, nonce;
    char hex[65];
    memset(&prove, 1, sizeof prove);
    memset(&setup, 2, sizeof setup);
    memset(&checkpoint, 3, sizeof checkpoint);
    cairn_attestation_nonce(&prove, &setup, &checkpoint, &nonce);
    cairn_hex_encode(cairn_bytes_hash(&nonce), hex);
    assert_string_equal(hex, "61b061b178b414e7d59383ba4785c6fd9d6c8d487c2dc2e627f682cf5bf8d8be");
    cairn_attestation_nonce(&prove, &setup, NULL, &nonce);
    cairn_hex_encode(cairn_bytes_hash(&nonce), hex);
    assert_string_equal(hex, "8ee9f6f3dbbe59825fee710880d77070ff6c345c1909e5c5615d47c9d47f18c8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quote_holds),
        cmocka_unit_test(a_quote_with_one_fault),
        cmocka_unit_test(a_log_may_be_absent_only_where_policy_says_so),
        cmocka_unit_test(a_reset_ends_the_restarts),
        cmocka_unit_test(no_bit_of_a_quote_is_spare),
        cmocka_unit_test(every_cut_of_a_log_is_noticed),
        cmocka_unit_test(a_token_holds),
        cmocka_unit_test(a_token_with_one_fault),
        cmocka_unit_test(an_attestation_key_names_its_device),
        cmocka_unit_test(reference_values_are_the_manufacturers),
        cmocka_unit_test(a_result_ends),
        cmocka_unit_test(the_nonce_is_of_run_and_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
