/* fdo.csr: EST in the channel. The device asks for trust anchors, then sends a request by a key
 * that was made here and stays here, and takes the certificate if it is its own and the anchors
 * vouch for it (X1353-R32). Source: FIDO's fdo.csr module; RFC 7030; docs/formats/device.md. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "core/crypto/key_impl.h"
#include "core/crypto/openssl.h"
#include "onboard/device/csr.h"
#include "onboard/device/modules.h"

static const char name_[] = "fdo.csr";

enum {
    FORMAT_PKIX_CERT = 287, /* CoAP content format: application/pkix-cert */
    CERTIFICATE_SIZE_MAX = 4096,
    CHALLENGE_SIZE = 44, /* base64 of a hash */
};

/* Where an enrolment stands: what is said next, or waited for. */
typedef enum csr_step {
    IDLE,
    ASK_ANCHORS,
    WAIT_ANCHORS,
    ASK_CERTIFICATE,
    WAIT_CERTIFICATE
} csr_step;

typedef struct csr {
    const cairn_fdo_client_modules_config *config;
    const cairn_fdo_client_run_facts *facts;
    csr_step step;
    size_t place; /* of the key's name */
    size_t next;  /* the name of the next enrolment */
    X509 *anchor;
} csr;

static void restart(csr *c)
{
    X509_free(c->anchor);
    c->anchor = NULL;
    c->step = IDLE;
}

static void drop(void *context)
{
    csr *c = context;
    restart(c);
    c->facts = NULL;
}

static void begin(void *context, const cairn_fdo_client_run_facts *facts)
{
    csr *c = context;
    restart(c);
    c->facts = facts;
    c->next = 0;
}

static void activate(void *context)
{
    csr *c = context;
    if (c->next == c->config->key_name_count)
        return; /* more enrolments than keys: nothing is asked for */
    restart(c);
    c->place = c->next++;
    c->step = ASK_ANCHORS;
}

static const char *key_name(const csr *c)
{
    return c->config->key_names[c->place];
}

/* --- asking --- */

/* Ties the request to this run: what another run heard is of no use here (X1353-T15). */
static void challenge_of(const csr *c, char ret_text[CHALLENGE_SIZE + 1])
{
    const cairn_bytes parts[] = {
        cairn_bytes_str("cairn/csr/1"),
        cairn_bytes_of(c->facts->prove_nonce.b, sizeof c->facts->prove_nonce.b),
        cairn_bytes_of(c->facts->setup_nonce.b, sizeof c->facts->setup_nonce.b)};
    cairn_hash hash;
    cairn_sha256_parts(parts, 3, &hash);
    cairn_base64_encode(cairn_bytes_hash(&hash), ret_text);
}

/* The key is made once; a later enrolment renews its certificate. */
static cairn_err find_key(const csr *c)
{
    const cairn_fdo_client_keys *keys = c->config->keys;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_err err = keys->public_key(keys->context, key_name(c), &key);
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    return keys->generate(keys->context, key_name(c), c->config->key_type, &key);
}

static cairn_err file_path(const csr *c, const char *suffix,
                           char ret_name[MODULE_FILE_NAME_MAX + 1],
                           char ret_path[CAIRN_PATH_SIZE_MAX])
{
    (void)snprintf(ret_name, MODULE_FILE_NAME_MAX + 1, "%.64s.%s.pem", key_name(c), suffix);
    return cairn_path_join(c->config->directory, ret_name, ret_path);
}

/* Whether there is a certificate to be renewed. */
static bool has_certificate(const csr *c)
{
    char name[MODULE_FILE_NAME_MAX + 1];
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    return file_path(c, "crt", name, path) == CAIRN_OK &&
           cairn_file_open(path, 0, 0, &fd) == CAIRN_OK;
}

static cairn_err give_request(csr *c, cairn_arena *arena, cairn_fdo_client_info *ret_info)
{
    char challenge[CHALLENGE_SIZE + 1];
    cairn_bytes request;
    CAIRN_TRY(find_key(c));
    challenge_of(c, challenge);
    CAIRN_TRY(cairn_fdo_client_csr(arena, c->config->keys, key_name(c),
                                   cairn_bytes_str(key_name(c)), cairn_bytes_str(challenge),
                                   &request));
    ret_info->name =
        cairn_bytes_str(has_certificate(c) ? "simplereenroll-req" : "simpleenroll-req");
    return cairn_info_bytes(arena, request, &ret_info->value);
}

static cairn_err give(void *context, cairn_arena *arena, size_t room,
                      cairn_fdo_client_info *ret_info, bool *ret_given)
{
    csr *c = context;
    *ret_given = c->step == ASK_ANCHORS || c->step == ASK_CERTIFICATE;
    if (!*ret_given)
        return CAIRN_OK;
    if (c->step == ASK_ANCHORS) {
        c->step = WAIT_ANCHORS;
        ret_info->name = cairn_bytes_str("cacerts-req");
        return cairn_info_int(arena, FORMAT_PKIX_CERT, &ret_info->value);
    }
    c->step = WAIT_CERTIFICATE;
    CAIRN_TRY(give_request(c, arena, ret_info));
    if (ret_info->value.size > room)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "fdo.csr: the owner takes %zu bytes", room);
    return CAIRN_OK;
}

/* --- taking --- */

static cairn_err read_certificate(cairn_cbor_reader *reader, const char *field, X509 **ret_x509)
{
    cairn_bytes der;
    CAIRN_TRY(cairn_cbor_read_bytes(reader, field, 1, CERTIFICATE_SIZE_MAX, &der));
    const uint8_t *at = der.data;
    X509 *x509 = d2i_X509(NULL, &at, (long)der.size);
    if (x509 == NULL || at != der.data + der.size) {
        X509_free(x509);
        ERR_clear_error();
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 5280", "fdo.csr.%s: not a certificate", field);
    }
    *ret_x509 = x509;
    return CAIRN_OK;
}

static cairn_err save(const csr *c, const char *suffix, X509 *x509)
{
    char name[MODULE_FILE_NAME_MAX + 1];
    char path[CAIRN_PATH_SIZE_MAX];
    char *data = NULL;
    CAIRN_TRY(file_path(c, suffix, name, path));
    CAIRN_TRY(cairn_dir_make(c->config->directory, 0700));
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL || PEM_write_bio_X509(bio, x509) != 1) {
        BIO_free(bio);
        return cairn_openssl_fail("certificate as PEM");
    }
    long size = BIO_get_mem_data(bio, &data);
    cairn_err err = cairn_file_replace(path, 0600, cairn_bytes_of(data, (size_t)size), NULL);
    BIO_free(bio);
    return err;
}

static cairn_err take_anchors(csr *c, cairn_cbor_reader *reader)
{
    if (c->step != WAIT_ANCHORS)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "fdo.csr.cacerts-res: nobody asked");
    CAIRN_TRY(read_certificate(reader, "cacerts-res", &c->anchor));
    c->step = ASK_CERTIFICATE;
    return CAIRN_OK;
}

/* Ours, and by the anchor that came before. */
static cairn_err check_certificate(const csr *c, X509 *x509)
{
    const cairn_fdo_client_keys *keys = c->config->keys;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(keys->public_key(keys->context, key_name(c), &key));
    if (EVP_PKEY_eq(X509_get0_pubkey(x509), key->pkey) != 1) {
        ERR_clear_error();
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "house", "fdo.csr: a certificate of another key");
    }
    if (X509_check_issued(c->anchor, x509) != X509_V_OK ||
        X509_verify(x509, X509_get0_pubkey(c->anchor)) != 1) {
        ERR_clear_error();
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, "house",
                          "fdo.csr: a certificate that the anchor did not issue");
    }
    return CAIRN_OK;
}

static cairn_err take_certificate(csr *c, cairn_cbor_reader *reader)
{
    X509 *x509 = NULL;
    if (c->step != WAIT_CERTIFICATE)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "fdo.csr.simpleenroll-res: nobody asked");
    CAIRN_TRY(read_certificate(reader, "simpleenroll-res", &x509));
    cairn_err err = check_certificate(c, x509);
    if (err == CAIRN_OK)
        err = save(c, "ca", c->anchor);
    if (err == CAIRN_OK)
        err = save(c, "crt", x509);
    X509_free(x509);
    restart(c);
    return err;
}

/* The owner could not; it is his to go on or not. */
static cairn_err take_error(csr *c, cairn_cbor_reader *reader)
{
    uint64_t code = 0;
    CAIRN_TRY(cairn_cbor_read_uint(reader, "error", 0, UINT16_MAX, &code));
    restart(c);
    return CAIRN_OK;
}

static cairn_err take(void *context, cairn_bytes name, cairn_bytes value)
{
    csr *c = context;
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_info_open(&reader, value, name_));
    if (cairn_info_is(name, "cacerts-res"))
        return take_anchors(c, &reader);
    if (cairn_info_is(name, "simpleenroll-res") || cairn_info_is(name, "simplereenroll-res"))
        return take_certificate(c, &reader);
    if (cairn_info_is(name, "error"))
        return take_error(c, &reader);
    return cairn_info_unknown(name_, name);
}

/* The keys of the owner's credentials go with them; their files are in the owner's directory, which
 * fdo.download empties. */
static cairn_err forget(void *context)
{
    const csr *c = context;
    const cairn_fdo_client_keys *keys = c->config->keys;
    for (size_t i = 0; i < c->config->key_name_count; i++)
        CAIRN_TRY(keys->remove(keys->context, c->config->key_names[i]));
    return CAIRN_OK;
}

static void free_state(void *state)
{
    drop(state);
    free(state);
}

cairn_err cairn_info_csr_open(const cairn_fdo_client_modules_config *config, module_slot *slot)
{
    csr *c = calloc(1, sizeof *c);
    if (c == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "fdo.csr");
    c->config = config;
    *slot = (module_slot){
        .module = {.name = name_,
                   .context = c,
                   .begin = begin,
                   .activate = activate,
                   .take = take,
                   .give = give,
                   .drop = drop,
                   .forget = forget},
        .free_state = free_state,
    };
    return CAIRN_OK;
}
