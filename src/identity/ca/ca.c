/* Opening a CA: options, keys, and its own certificates, made at the first time. */
#include "identity/ca/ca.h"

#include <stdlib.h>
#include <unistd.h>

#include "cairn/cbor.h"
#include "core/codec/utf8.h"
#include "core/store/file.h"
#include "identity/ca/ca_impl.h"

static const char clause[] = "docs/formats/ca.md";

enum {
    KEEP_LIMIT = 8 << 20, /* bytes: options, certificates, those of each new responder */
    META_SIZE_MAX = 256,
    BASE_URL_SIZE_MAX = 200,
};

static const char *const tables[CA_TABLE_COUNT] = {
    [CA_CERTS] = "certs",     [CA_DER] = "der",           [CA_KEYS] = "keys",
    [CA_REVOKED] = "revoked", [CA_EXPIRY] = "expiry",     [CA_WORK] = "work",
    [CA_CRLS] = "crls",       [CA_OUTBOX] = "outbox",     [CA_META] = "meta",
    [CA_DEVICES] = "devices", [CA_REQUESTS] = "requests",
};

cairn_ca_options cairn_ca_defaults(void)
{
    return (cairn_ca_options){
        .root_key = "issue-root",
        .issuing_key = "issue-ca",
        .ocsp_key = "issue-ocsp",
        .clock_skew_s = 300,
        .crl_validity_s = 2 * 86400,
        .ocsp_validity_s = 4 * 86400,
        .overlap_s = 7 * 86400,
        .partition_size = 4096,
        .demand_rate = 200,
        .map_size = (size_t)4 << 30,
    };
}

/* --- options --- */

static cairn_err check_options(const cairn_ca_options *o)
{
    size_t name = strlen(o->organisation_name);
    bool good = name >= 1 && name <= CAIRN_CA_TEXT_SIZE_MAX &&
                cairn_utf8_valid(cairn_bytes_str(o->organisation_name)) &&
                strlen(o->base_url) <= BASE_URL_SIZE_MAX &&
                o->permitted_count <= CAIRN_CA_CONSTRAINTS_MAX && o->clock_skew_s <= 86400 &&
                o->crl_validity_s >= 60 && o->ocsp_validity_s >= 60 && o->partition_size >= 1 &&
                o->partition_size <= CA_PARTITION_SIZE_MAX;
    for (size_t i = 0; good && o->base_url[i] != '\0'; i++)
        good = o->base_url[i] > ' ' && o->base_url[i] <= '~';
    return good ? CAIRN_OK : CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "ca: options out of range");
}

static cairn_err keep_text(cairn_ca *ca, const char **text)
{
    cairn_bytes copy = {0};
    CAIRN_TRY(cairn_arena_copy(&ca->keep, cairn_bytes_of(*text, strlen(*text) + 1), &copy));
    *text = (const char *)copy.data;
    return CAIRN_OK;
}

static cairn_err keep_constraints(cairn_ca *ca)
{
    void *memory = NULL;
    size_t count = ca->options.permitted_count;
    CAIRN_TRY(cairn_arena_array(&ca->keep, count, sizeof(cairn_ca_name), &memory));
    cairn_ca_name *list = memory;
    for (size_t i = 0; i < count; i++) {
        list[i].kind = ca->options.permitted[i].kind;
        CAIRN_TRY(cairn_arena_copy(&ca->keep, ca->options.permitted[i].value, &list[i].value));
    }
    ca->options.permitted = list;
    ca->constraints = (cairn_ca_constraints){.permitted = list, .count = count};
    return CAIRN_OK;
}

static cairn_err keep_options(cairn_ca *ca, const cairn_ca_options *options)
{
    CAIRN_TRY(check_options(options));
    ca->options = *options;
    CAIRN_TRY(keep_text(ca, &ca->options.directory));
    CAIRN_TRY(keep_text(ca, &ca->options.organisation_name));
    CAIRN_TRY(keep_text(ca, &ca->options.base_url));
    memcpy(ca->org_uri, CAIRN_CA_ORG_URI_PREFIX, sizeof CAIRN_CA_ORG_URI_PREFIX - 1);
    cairn_hex_encode(cairn_bytes_hash(&options->organisation),
                     ca->org_uri + sizeof CAIRN_CA_ORG_URI_PREFIX - 1);
    return keep_constraints(ca);
}

/* --- who signs --- */

static cairn_err open_keys(cairn_ca *ca)
{
    ca_generation *first = &ca->generations[0];
    cairn_ca_ocsp_issuer responder;
    ca->roots[0].list = CAIRN_CA_PARTITION_ROOT;
    ca->root_count = 1;
    CAIRN_TRY(
        cairn_ca_open_party(ca, ca->options.root_key, CA_ROOT_NAME, !ca->kept, &ca->roots[0]));
    CAIRN_TRY(
        cairn_ca_open_party(ca, ca->options.issuing_key, "Issuing CA", !ca->kept, &first->issuing));
    CAIRN_TRY(cairn_ca_open_party(ca, ca->options.ocsp_key, "OCSP Responder", !ca->kept,
                                  &first->responder));
    ca->options.root_key = ca->roots[0].key_name;
    ca->options.issuing_key = first->issuing.key_name;
    ca->options.ocsp_key = first->responder.key_name;
    CAIRN_TRY(cairn_ca_ocsp_issuer_make(first->issuing.name, first->issuing.key, &first->issuer));
    CAIRN_TRY(cairn_ca_ocsp_issuer_make(first->responder.name, first->responder.key, &responder));
    memcpy(ca->responder_hash, responder.key[CAIRN_CA_OCSP_SHA1], sizeof ca->responder_hash);
    return CAIRN_OK;
}

static const cairn_key *responder_key(const cairn_ca *ca)
{
    return ca->generations[0].responder.key;
}

/* --- the CA's own row --- */

static cairn_err put_own(const cairn_ca *ca, cairn_kv_txn *txn)
{
    uint8_t buffer[META_SIZE_MAX];
    cairn_cbor_writer w;
    cairn_bytes value = {0};
    cairn_cbor_writer_init(&w, buffer, sizeof buffer);
    cairn_cbor_put_array(&w, 4);
    cairn_cbor_put_text(&w, "cairn/ca/1");
    cairn_cbor_put_hash(&w, &ca->options.organisation);
    cairn_cbor_put_hash(&w, cairn_key_id(responder_key(ca)));
    cairn_cbor_put_uint(&w, ca->epoch);
    CAIRN_TRY(cairn_cbor_writer_end(&w, &value));
    return cairn_kv_put(txn, CA_META, cairn_bytes_str("ca"), value);
}

/* NOT_FOUND without a detail in a new store. */
static cairn_err get_own(cairn_ca *ca, cairn_kv_txn *txn, cairn_hash *ret_responder)
{
    cairn_bytes value = {0};
    cairn_cbor_reader r;
    cairn_hash organisation;
    size_t count = 0;
    CAIRN_TRY(cairn_kv_get(txn, CA_META, cairn_bytes_str("ca"), &value));
    CAIRN_TRY(cairn_cbor_open(&r, value, CAIRN_CBOR_STRICT, "ca", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "ca", 4, 4, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&r, "cairn/ca/1"));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "organisation", &organisation));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "responder", ret_responder));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "epoch", 1, UINT64_MAX, &ca->epoch));
    if (!cairn_hash_equal(&organisation, &ca->options.organisation))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "house", "ca: %s is another organisation's",
                          ca->options.directory);
    return CAIRN_OK;
}

static cairn_err create(cairn_ca *ca, cairn_kv_txn *txn, cairn_arena *arena)
{
    ca_generation *first = &ca->generations[0];
    ca->epoch = 1;
    ca->generation_count = 1;
    CAIRN_TRY(cairn_ca_certify(ca, txn, CAIRN_CA_ROOT, CA_ROOT_NAME, NULL, arena, &ca->roots[0]));
    CAIRN_TRY(
        cairn_kv_put(txn, CA_META, cairn_bytes_str("root"), ca_serial_view(ca->roots[0].serial)));
    CAIRN_TRY(cairn_ca_certify(ca, txn, CAIRN_CA_ISSUING, "Issuing CA", &ca->roots[0], arena,
                               &first->issuing));
    CAIRN_TRY(cairn_ca_certify(ca, txn, CAIRN_CA_OCSP_RESPONDER, "OCSP Responder", &first->issuing,
                               arena, &first->responder));
    CAIRN_TRY(cairn_ca_put_generation(txn, 0, first));
    return put_own(ca, txn);
}

/* Of each generation that has not ended. */
static cairn_err renew_responders(cairn_ca *ca, cairn_kv_txn *txn, cairn_arena *arena)
{
    for (size_t i = 0; i < ca->generation_count; i++) {
        ca_generation *g = &ca->generations[i];
        if (g->issuing.not_after_s <= ca_now(ca))
            continue;
        CAIRN_TRY(cairn_ca_certify(ca, txn, CAIRN_CA_OCSP_RESPONDER, "OCSP Responder", &g->issuing,
                                   arena, &g->responder));
        CAIRN_TRY(cairn_ca_put_generation(txn, i, g));
    }
    return CAIRN_OK;
}

/* A new responder's key makes its answers in stock worthless: they are of an earlier epoch. */
static cairn_err load(cairn_ca *ca, cairn_kv_txn *txn, const cairn_hash *responder,
                      cairn_arena *arena)
{
    cairn_bytes serial = {0};
    CAIRN_TRY(cairn_kv_get(txn, CA_META, cairn_bytes_str("root"), &serial));
    CAIRN_TRY(cairn_ca_load_party(ca, txn, serial, true, arena, &ca->roots[0]));
    CAIRN_TRY(cairn_ca_load_generations(ca, txn, arena));
    if (cairn_hash_equal(responder, cairn_key_id(responder_key(ca))))
        return CAIRN_OK;
    ca->epoch++;
    CAIRN_TRY(renew_responders(ca, txn, arena));
    return put_own(ca, txn);
}

static cairn_err create_or_load(cairn_ca *ca, cairn_kv_txn *txn, cairn_arena *arena)
{
    cairn_hash responder;
    cairn_err err = get_own(ca, txn, &responder);
    if (err == CAIRN_ERR_NOT_FOUND && ca->kept)
        return CAIRN_FAIL(err, "house", "ca: %s was not made to the end", ca->options.directory);
    if (err == CAIRN_ERR_NOT_FOUND)
        CAIRN_TRY(create(ca, txn, arena));
    else
        CAIRN_TRY(err == CAIRN_OK ? load(ca, txn, &responder, arena) : err);
    return cairn_ca_put_settings(txn, &ca->options, arena);
}

static cairn_err begin(cairn_ca *ca)
{
    cairn_arena arena;
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_kv_begin(ca->kv, true, &txn));
    cairn_arena_init(&arena, CA_ARENA_LIMIT);
    cairn_err err = create_or_load(ca, txn, &arena);
    if (err == CAIRN_OK)
        err = cairn_kv_commit(txn);
    else
        cairn_kv_abort(txn);
    cairn_arena_done(&arena);
    return err;
}

/* --- open and close --- */

static cairn_err open_store(cairn_ca *ca, const cairn_ca_options *options)
{
    return cairn_kv_open(options->directory, tables, CA_TABLE_COUNT, options->map_size, &ca->kv);
}

/* A CA that is there, by those who do not know what it was made with. */
static cairn_err open_kept(cairn_ca *ca, const cairn_ca_options *options)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_ca_options whole = *options;
    CAIRN_TRY(cairn_path_join(options->directory, "data.mdb", path));
    if (access(path, F_OK) != 0)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "ca: there is none in %s",
                          options->directory);
    CAIRN_TRY(open_store(ca, options));
    cairn_err err = cairn_ca_get_settings(ca->kv, &ca->keep, &whole);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "ca: %s was not made to the end", options->directory);
    CAIRN_TRY(err);
    CAIRN_TRY(keep_options(ca, &whole));
    return open_keys(ca);
}

static cairn_err open_new(cairn_ca *ca, const cairn_ca_options *options)
{
    CAIRN_TRY(keep_options(ca, options));
    CAIRN_TRY(open_keys(ca));
    return open_store(ca, options);
}

cairn_err cairn_ca_open(const cairn_ca_options *options, const cairn_clock *clock,
                        cairn_signer *signer, cairn_ca **ret_ca)
{
    CAIRN_CLEANUP(cairn_ca_close_p) cairn_ca *ca = calloc(1, sizeof *ca);
    if (ca == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "ca: %zu bytes", sizeof *ca);
    ca->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    ca->answer_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    ca->answered = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    ca->clock = *clock;
    ca->signer = signer;
    ca->tokens = options->demand_rate;
    ca->tokens_ns = cairn_clock_monotonic_ns(clock);
    cairn_arena_init(&ca->keep, KEEP_LIMIT);
    ca->kept = options->organisation_name == NULL;
    CAIRN_TRY(ca->kept ? open_kept(ca, options) : open_new(ca, options));
    CAIRN_TRY(begin(ca));
    *ret_ca = CAIRN_STEAL(ca);
    return CAIRN_OK;
}

void cairn_ca_close(cairn_ca *ca)
{
    if (ca == NULL)
        return;
    CAIRN_ASSERT(pthread_mutex_lock(&ca->answer_lock) == 0);
    while (ca->pending > 0)
        CAIRN_ASSERT(pthread_cond_wait(&ca->answered, &ca->answer_lock) == 0);
    CAIRN_ASSERT(pthread_mutex_unlock(&ca->answer_lock) == 0);
    cairn_kv_close(ca->kv);
    for (size_t i = 0; i < CAIRN_CA_ROOTS_MAX; i++)
        cairn_key_free(ca->roots[i].key);
    for (size_t i = 0; i < CA_GENERATIONS_MAX; i++) {
        cairn_key_free(ca->generations[i].issuing.key);
        cairn_key_free(ca->generations[i].responder.key);
    }
    cairn_arena_done(&ca->keep);
    (void)pthread_mutex_destroy(&ca->lock);
    (void)pthread_mutex_destroy(&ca->answer_lock);
    (void)pthread_cond_destroy(&ca->answered);
    free(ca);
}

void cairn_ca_chain(cairn_ca *ca, cairn_bytes *ret_issuing, cairn_bytes *ret_root)
{
    CAIRN_ASSERT(pthread_mutex_lock(&ca->answer_lock) == 0);
    *ret_issuing = ca_current(ca)->issuing.certificate;
    *ret_root = ca_root(ca)->certificate;
    CAIRN_ASSERT(pthread_mutex_unlock(&ca->answer_lock) == 0);
}
