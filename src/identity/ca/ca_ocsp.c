/* OCSP requests and responses as bytes. */
#include "identity/ca/ca_ocsp.h"

#include <openssl/evp.h>

#include "core/crypto/openssl.h"

static const char object[] = "ocsp";
static const char clause[] = "RFC 6960 section 4.1.1";

#define OCTETS(octets)                                \
    {                                                 \
        (const uint8_t *)(octets), sizeof(octets) - 1 \
    }

static const cairn_bytes oid_nonce = OCTETS("\x2b\x06\x01\x05\x05\x07\x30\x01\x02");
static const cairn_bytes oid_basic = OCTETS("\x2b\x06\x01\x05\x05\x07\x30\x01\x01");

typedef struct hash_facts {
    cairn_bytes oid;
    cairn_bytes identifier; /* AlgorithmIdentifier with its NULL, as everybody writes it */
    size_t size;
    const char *name;
} hash_facts;

static const hash_facts hashes[CAIRN_CA_OCSP_HASH_COUNT] = {
    [CAIRN_CA_OCSP_SHA1] = {OCTETS("\x2b\x0e\x03\x02\x1a"),
                            OCTETS("\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00"), 20, "SHA1"},
    [CAIRN_CA_OCSP_SHA256] = {OCTETS("\x60\x86\x48\x01\x65\x03\x04\x02\x01"),
                              OCTETS(
                                  "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00"),
                              32, "SHA256"},
};

/* --- issuers --- */

static cairn_err digest(const hash_facts *facts, cairn_bytes in, uint8_t *ret_out)
{
    size_t size = 0;
    if (EVP_Q_digest(NULL, facts->name, NULL, in.data, in.size, ret_out, &size) != 1)
        return cairn_openssl_fail("digest of an issuer");
    return CAIRN_OK;
}

cairn_err cairn_ca_ocsp_issuer_make(cairn_bytes name, const cairn_key *key,
                                    cairn_ca_ocsp_issuer *ret_issuer)
{
    uint8_t spki[CAIRN_CA_SPKI_SIZE_MAX];
    cairn_der_writer w;
    cairn_der_reader outer;
    cairn_der_reader list;
    cairn_bytes algorithm = {0};
    cairn_bytes bits = {0};
    cairn_bytes whole = {0};
    cairn_ca_ocsp_issuer issuer = {0};
    cairn_der_writer_init(&w, spki, sizeof spki);
    cairn_ca_put_spki(&w, key);
    CAIRN_TRY(cairn_der_writer_end(&w, &whole));
    cairn_der_open(&outer, whole, "public key", "RFC 5280 section 4.1.2.7");
    CAIRN_TRY(cairn_der_enter(&outer, CAIRN_DER_SEQUENCE, "info", &list));
    CAIRN_TRY(cairn_der_read(&list, CAIRN_DER_SEQUENCE, "algorithm", &algorithm));
    CAIRN_TRY(cairn_der_read_bits(&list, "bits", &bits));
    for (size_t i = 0; i < CAIRN_CA_OCSP_HASH_COUNT; i++) {
        CAIRN_TRY(digest(&hashes[i], name, issuer.name[i]));
        CAIRN_TRY(digest(&hashes[i], bits, issuer.key[i]));
    }
    *ret_issuer = issuer;
    return CAIRN_OK;
}

bool cairn_ca_cert_id_is_of(const cairn_ca_cert_id *id, const cairn_ca_ocsp_issuer *issuer)
{
    size_t size = hashes[id->hash].size;
    return cairn_bytes_equal(id->issuer_name, cairn_bytes_of(issuer->name[id->hash], size)) &&
           cairn_bytes_equal(id->issuer_key, cairn_bytes_of(issuer->key[id->hash], size));
}

/* --- requests --- */

static cairn_err read_hash_algorithm(cairn_der_reader *id, cairn_ca_ocsp_hash *ret_hash)
{
    cairn_der_reader algorithm;
    cairn_bytes oid = {0};
    cairn_bytes none = {0};
    CAIRN_TRY(cairn_der_enter(id, CAIRN_DER_SEQUENCE, "hashAlgorithm", &algorithm));
    CAIRN_TRY(cairn_der_read(&algorithm, CAIRN_DER_OID, "hashAlgorithm", &oid));
    if (cairn_der_next_is(&algorithm, CAIRN_DER_NULL))
        CAIRN_TRY(cairn_der_read(&algorithm, CAIRN_DER_NULL, "hashAlgorithm", &none));
    CAIRN_TRY(cairn_der_finish(&algorithm));
    if (none.size != 0)
        return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, clause, "ocsp.hashAlgorithm: NULL of %zu bytes",
                          none.size);
    for (size_t i = 0; i < CAIRN_CA_OCSP_HASH_COUNT; i++)
        if (cairn_bytes_equal(oid, hashes[i].oid)) {
            *ret_hash = (cairn_ca_ocsp_hash)i;
            return CAIRN_OK;
        }
    return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "ocsp.hashAlgorithm: not SHA-1 or SHA-256");
}

static cairn_err read_cert_id(cairn_der_reader *request, cairn_ca_cert_id *id)
{
    cairn_der_reader r;
    CAIRN_TRY(cairn_der_enter(request, CAIRN_DER_SEQUENCE, "reqCert", &r));
    CAIRN_TRY(read_hash_algorithm(&r, &id->hash));
    CAIRN_TRY(cairn_der_read(&r, CAIRN_DER_OCTET_STRING, "issuerNameHash", &id->issuer_name));
    CAIRN_TRY(cairn_der_read(&r, CAIRN_DER_OCTET_STRING, "issuerKeyHash", &id->issuer_key));
    CAIRN_TRY(cairn_der_read(&r, CAIRN_DER_INTEGER, "serialNumber", &id->serial));
    size_t size = hashes[id->hash].size;
    if (id->issuer_name.size != size || id->issuer_key.size != size)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "ocsp.reqCert: hash of a wrong size");
    if (id->serial.size == 0 || id->serial.size > CAIRN_CA_SERIAL_SIZE + 1)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 5280 section 4.1.2.2",
                          "ocsp.serialNumber: %zu bytes", id->serial.size);
    return cairn_der_finish(&r);
}

/* The nonce's OCTET STRING in the extension's value. */
static cairn_err read_nonce(cairn_bytes value, cairn_bytes *nonce)
{
    cairn_der_reader r;
    if (nonce->size != 0)
        return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, clause, "ocsp.nonce: twice");
    cairn_der_open(&r, value, object, "RFC 9654 section 2.1");
    CAIRN_TRY(cairn_der_read(&r, CAIRN_DER_OCTET_STRING, "nonce", nonce));
    CAIRN_TRY(cairn_der_finish(&r));
    if (nonce->size == 0 || nonce->size > CAIRN_CA_OCSP_NONCE_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 9654 section 2.1", "ocsp.nonce: %zu bytes",
                          nonce->size);
    return CAIRN_OK;
}

/* `nonce` is NULL where none may stand. */
static cairn_err read_extensions(cairn_der_reader *tagged, cairn_bytes *nonce)
{
    cairn_der_reader list;
    cairn_der_reader extension;
    CAIRN_TRY(cairn_der_enter(tagged, CAIRN_DER_SEQUENCE, "extensions", &list));
    CAIRN_TRY(cairn_der_finish(tagged));
    while (!cairn_der_at_end(&list)) {
        cairn_bytes oid = {0};
        cairn_bytes value = {0};
        bool critical = false;
        CAIRN_TRY(cairn_der_enter(&list, CAIRN_DER_SEQUENCE, "extension", &extension));
        CAIRN_TRY(cairn_der_read(&extension, CAIRN_DER_OID, "extension.id", &oid));
        CAIRN_TRY(cairn_der_read_flag(&extension, "extension.critical", &critical));
        CAIRN_TRY(cairn_der_read(&extension, CAIRN_DER_OCTET_STRING, "extension.value", &value));
        CAIRN_TRY(cairn_der_finish(&extension));
        if (nonce != NULL && cairn_bytes_equal(oid, oid_nonce))
            CAIRN_TRY(read_nonce(value, nonce));
        else if (critical)
            return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, "RFC 6960 section 4.1.2",
                              "ocsp.extension: critical and not known");
    }
    return CAIRN_OK;
}

static cairn_err read_request(cairn_der_reader *list, cairn_ca_ocsp_request *request)
{
    cairn_der_reader single;
    cairn_der_reader tagged;
    if (request->count == CAIRN_CA_OCSP_REQUESTS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "ocsp.requestList: more than %d",
                          CAIRN_CA_OCSP_REQUESTS_MAX);
    CAIRN_TRY(cairn_der_enter(list, CAIRN_DER_SEQUENCE, "request", &single));
    CAIRN_TRY(read_cert_id(&single, &request->ids[request->count]));
    if (cairn_der_next_is(&single, CAIRN_DER_CONTEXT_CONSTRUCTED(0))) {
        CAIRN_TRY(
            cairn_der_enter(&single, CAIRN_DER_CONTEXT_CONSTRUCTED(0), "extensions", &tagged));
        CAIRN_TRY(read_extensions(&tagged, NULL));
    }
    request->count++;
    return cairn_der_finish(&single);
}

static cairn_err read_tbs(cairn_der_reader *tbs, cairn_ca_ocsp_request *request)
{
    cairn_der_reader list;
    cairn_der_reader tagged;
    cairn_bytes name = {0};
    if (cairn_der_next_is(tbs, CAIRN_DER_CONTEXT_CONSTRUCTED(0)))
        return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, clause,
                          "ocsp.version: there, and v1 is the default");
    if (cairn_der_next_is(tbs, CAIRN_DER_CONTEXT_CONSTRUCTED(1)))
        CAIRN_TRY(cairn_der_read(tbs, CAIRN_DER_CONTEXT_CONSTRUCTED(1), "requestorName", &name));
    CAIRN_TRY(cairn_der_enter(tbs, CAIRN_DER_SEQUENCE, "requestList", &list));
    do
        CAIRN_TRY(read_request(&list, request));
    while (!cairn_der_at_end(&list));
    if (cairn_der_next_is(tbs, CAIRN_DER_CONTEXT_CONSTRUCTED(2))) {
        CAIRN_TRY(cairn_der_enter(tbs, CAIRN_DER_CONTEXT_CONSTRUCTED(2), "extensions", &tagged));
        CAIRN_TRY(read_extensions(&tagged, &request->nonce));
    }
    return cairn_der_finish(tbs);
}

cairn_err cairn_ca_ocsp_request_decode(cairn_bytes der, cairn_ca_ocsp_request *ret_request)
{
    cairn_der_reader outer;
    cairn_der_reader whole;
    cairn_der_reader tbs;
    cairn_bytes signature = {0};
    cairn_ca_ocsp_request request = {.count = 0};
    if (der.size > CAIRN_CA_OCSP_REQUEST_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "ocsp: request of %zu bytes", der.size);
    cairn_der_open(&outer, der, object, clause);
    CAIRN_TRY(cairn_der_enter(&outer, CAIRN_DER_SEQUENCE, "request", &whole));
    CAIRN_TRY(cairn_der_finish(&outer));
    CAIRN_TRY(cairn_der_enter(&whole, CAIRN_DER_SEQUENCE, "tbsRequest", &tbs));
    CAIRN_TRY(read_tbs(&tbs, &request));
    if (cairn_der_next_is(&whole, CAIRN_DER_CONTEXT_CONSTRUCTED(0)))
        CAIRN_TRY(
            cairn_der_read(&whole, CAIRN_DER_CONTEXT_CONSTRUCTED(0), "signature", &signature));
    CAIRN_TRY(cairn_der_finish(&whole));
    *ret_request = request;
    return CAIRN_OK;
}

/* --- responses --- */

static void put_cert_id(cairn_der_writer *w, const cairn_ca_ocsp_issuer *issuer,
                        const cairn_ca_ocsp_single *single)
{
    const hash_facts *facts = &hashes[single->hash];
    size_t id = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
    cairn_der_put_raw(w, facts->identifier);
    cairn_der_put(w, CAIRN_DER_OCTET_STRING,
                  cairn_bytes_of(issuer->name[single->hash], facts->size));
    cairn_der_put(w, CAIRN_DER_OCTET_STRING,
                  cairn_bytes_of(issuer->key[single->hash], facts->size));
    cairn_der_put(w, CAIRN_DER_INTEGER, single->serial);
    cairn_der_end(w, id);
}

static void put_status(cairn_der_writer *w, const cairn_ca_ocsp_single *single)
{
    if (single->status != CAIRN_CA_STATUS_REVOKED) {
        uint8_t tag = CAIRN_DER_CONTEXT(single->status == CAIRN_CA_STATUS_GOOD ? 0 : 2);
        cairn_der_put(w, tag, cairn_bytes_of(NULL, 0));
        return;
    }
    size_t revoked = cairn_der_begin(w, CAIRN_DER_CONTEXT_CONSTRUCTED(1));
    cairn_der_put_generalized_time(w, single->revoked_at_s);
    if (single->reason != 0) {
        size_t reason = cairn_der_begin(w, CAIRN_DER_CONTEXT_CONSTRUCTED(0));
        cairn_der_put(w, CAIRN_DER_ENUMERATED, cairn_bytes_of(&single->reason, 1));
        cairn_der_end(w, reason);
    }
    cairn_der_end(w, revoked);
}

static void put_single(cairn_der_writer *w, const cairn_ca_ocsp_issuer *issuer,
                       const cairn_ca_ocsp_single *single)
{
    size_t outer = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
    put_cert_id(w, issuer, single);
    put_status(w, single);
    cairn_der_put_generalized_time(w, single->this_update_s);
    size_t next = cairn_der_begin(w, CAIRN_DER_CONTEXT_CONSTRUCTED(0));
    cairn_der_put_generalized_time(w, single->next_update_s);
    cairn_der_end(w, next);
    cairn_der_end(w, outer);
}

static void put_nonce(cairn_der_writer *w, cairn_bytes nonce)
{
    size_t tagged = cairn_der_begin(w, CAIRN_DER_CONTEXT_CONSTRUCTED(1));
    size_t list = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
    size_t extension = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
    cairn_der_put(w, CAIRN_DER_OID, oid_nonce);
    size_t value = cairn_der_begin(w, CAIRN_DER_OCTET_STRING);
    cairn_der_put(w, CAIRN_DER_OCTET_STRING, nonce);
    cairn_der_end(w, value);
    cairn_der_end(w, extension);
    cairn_der_end(w, list);
    cairn_der_end(w, tagged);
}

cairn_err cairn_ca_ocsp_tbs(const cairn_ca_ocsp_data *data, const cairn_ca_ocsp_single *singles,
                            size_t count, cairn_arena *arena, cairn_bytes *ret_tbs)
{
    size_t capacity = 256 + data->nonce.size + count * 256;
    void *buffer = NULL;
    cairn_der_writer w;
    CAIRN_TRY(cairn_arena_alloc(arena, capacity, &buffer));
    cairn_der_writer_init(&w, buffer, capacity);
    size_t tbs = cairn_der_begin(&w, CAIRN_DER_SEQUENCE);
    size_t by_key = cairn_der_begin(&w, CAIRN_DER_CONTEXT_CONSTRUCTED(2));
    cairn_der_put(&w, CAIRN_DER_OCTET_STRING,
                  cairn_bytes_of(data->responder, CAIRN_CA_OCSP_KEY_HASH_SIZE));
    cairn_der_end(&w, by_key);
    cairn_der_put_generalized_time(&w, data->produced_at_s);
    size_t list = cairn_der_begin(&w, CAIRN_DER_SEQUENCE);
    for (size_t i = 0; i < count; i++)
        put_single(&w, data->issuer, &singles[i]);
    cairn_der_end(&w, list);
    if (data->nonce.size > 0)
        put_nonce(&w, data->nonce);
    cairn_der_end(&w, tbs);
    return cairn_der_writer_end(&w, ret_tbs);
}

static cairn_err wrap(cairn_bytes basic, cairn_arena *arena, cairn_bytes *ret_response)
{
    static const uint8_t successful = 0;
    size_t capacity = basic.size + 64;
    void *buffer = NULL;
    cairn_der_writer w;
    CAIRN_TRY(cairn_arena_alloc(arena, capacity, &buffer));
    cairn_der_writer_init(&w, buffer, capacity);
    size_t outer = cairn_der_begin(&w, CAIRN_DER_SEQUENCE);
    cairn_der_put(&w, CAIRN_DER_ENUMERATED, cairn_bytes_of(&successful, 1));
    size_t tagged = cairn_der_begin(&w, CAIRN_DER_CONTEXT_CONSTRUCTED(0));
    size_t bytes = cairn_der_begin(&w, CAIRN_DER_SEQUENCE);
    cairn_der_put(&w, CAIRN_DER_OID, oid_basic);
    cairn_der_put(&w, CAIRN_DER_OCTET_STRING, basic);
    cairn_der_end(&w, bytes);
    cairn_der_end(&w, tagged);
    cairn_der_end(&w, outer);
    return cairn_der_writer_end(&w, ret_response);
}

cairn_err cairn_ca_ocsp_response(cairn_bytes tbs, cairn_key_type type, cairn_bytes signature,
                                 cairn_bytes certificate, cairn_arena *arena,
                                 cairn_bytes *ret_response)
{
    void *buffer = NULL;
    cairn_der_writer w;
    cairn_bytes certificates = {0};
    cairn_bytes basic = {0};
    CAIRN_TRY(cairn_arena_alloc(arena, certificate.size + 16, &buffer));
    cairn_der_writer_init(&w, buffer, certificate.size + 16);
    size_t tagged = cairn_der_begin(&w, CAIRN_DER_CONTEXT_CONSTRUCTED(0));
    size_t list = cairn_der_begin(&w, CAIRN_DER_SEQUENCE);
    cairn_der_put_raw(&w, certificate);
    cairn_der_end(&w, list);
    cairn_der_end(&w, tagged);
    CAIRN_TRY(cairn_der_writer_end(&w, &certificates));
    CAIRN_TRY(cairn_ca_seal(tbs, type, signature, certificates, arena, &basic));
    return wrap(basic, arena, ret_response);
}

cairn_bytes cairn_ca_ocsp_refusal(cairn_ca_ocsp_error error)
{
    static const uint8_t answers[7][5] = {
        [CAIRN_CA_OCSP_MALFORMED] = {0x30, 0x03, 0x0a, 0x01, CAIRN_CA_OCSP_MALFORMED},
        [CAIRN_CA_OCSP_INTERNAL] = {0x30, 0x03, 0x0a, 0x01, CAIRN_CA_OCSP_INTERNAL},
        [CAIRN_CA_OCSP_TRY_LATER] = {0x30, 0x03, 0x0a, 0x01, CAIRN_CA_OCSP_TRY_LATER},
        [CAIRN_CA_OCSP_UNAUTHORIZED] = {0x30, 0x03, 0x0a, 0x01, CAIRN_CA_OCSP_UNAUTHORIZED},
    };
    return cairn_bytes_of(answers[error], sizeof answers[error]);
}
