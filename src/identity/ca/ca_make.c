/* Making a certificate: serial, bytes, signature, record, and the status that goes with it. */
#include <openssl/rand.h>
#include <stdio.h>

#include "cairn/sha256.h"
#include "core/crypto/openssl.h"
#include "identity/ca/ca_impl.h"

cairn_err cairn_ca_sign(cairn_ca *ca, const ca_party *party, cairn_bytes tbs,
                        uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX], size_t *ret_size)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    CAIRN_TRY(cairn_signer_sign_wait_for(ca->signer, CAIRN_SIGNER_FOR_ISSUE, party->key_name, tbs,
                                         signature, &size));
    CAIRN_TRY(cairn_key_verify(party->key, tbs, cairn_bytes_of(signature, size)));
    memcpy(ret_signature, signature, size);
    *ret_size = size;
    return CAIRN_OK;
}

/* --- records and numbers --- */

cairn_err cairn_ca_load(cairn_kv_txn *txn, const uint8_t *serial, cairn_arena *arena,
                        cairn_ca_record *ret_record)
{
    cairn_bytes value = {0};
    cairn_bytes copy = {0};
    cairn_err err = cairn_kv_get(txn, CA_CERTS, ca_serial_view(serial), &value);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "ca: no certificate of that serial");
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_arena_copy(arena, value, &copy));
    return cairn_ca_record_decode(copy, ret_record);
}

cairn_err cairn_ca_save(cairn_kv_txn *txn, const uint8_t *serial, const cairn_ca_record *record,
                        cairn_arena *arena)
{
    cairn_bytes value = {0};
    CAIRN_TRY(cairn_ca_record_encode(record, arena, &value));
    return cairn_kv_put(txn, CA_CERTS, ca_serial_view(serial), value);
}

cairn_err cairn_ca_get_number(cairn_kv_txn *txn, cairn_bytes key, uint64_t *ret_number)
{
    cairn_bytes value = {0};
    cairn_err err = cairn_kv_get(txn, CA_META, key, &value);
    if (err == CAIRN_ERR_NOT_FOUND) {
        *ret_number = 0;
        return CAIRN_OK;
    }
    CAIRN_TRY(err);
    if (value.size != 8)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/ca.md", "ca: number of %zu bytes",
                          value.size);
    *ret_number = cairn_get_u64(value.data);
    return CAIRN_OK;
}

cairn_err cairn_ca_put_number(cairn_kv_txn *txn, cairn_bytes key, uint64_t number)
{
    uint8_t value[8];
    cairn_put_u64(value, number);
    return cairn_kv_put(txn, CA_META, key, cairn_bytes_of(value, sizeof value));
}

cairn_err cairn_ca_put_work(cairn_kv_txn *txn, uint64_t at_s, uint8_t kind, const uint8_t *serial)
{
    static const uint8_t there = 1;
    uint8_t key[8 + 1 + CAIRN_CA_SERIAL_SIZE];
    cairn_put_u64(key, at_s);
    key[8] = kind;
    memcpy(key + 9, serial, CAIRN_CA_SERIAL_SIZE);
    return cairn_kv_put(txn, CA_WORK, cairn_bytes_of(key, sizeof key), cairn_bytes_of(&there, 1));
}

static cairn_err put_expiry(cairn_kv_txn *txn, uint64_t not_after_s, const uint8_t *serial)
{
    static const uint8_t there = 1;
    uint8_t key[8 + CAIRN_CA_SERIAL_SIZE];
    cairn_put_u64(key, not_after_s);
    memcpy(key + 8, serial, CAIRN_CA_SERIAL_SIZE);
    return cairn_kv_put(txn, CA_EXPIRY, cairn_bytes_of(key, sizeof key), cairn_bytes_of(&there, 1));
}

static cairn_err put_device(cairn_kv_txn *txn, cairn_bytes device, const uint8_t *serial)
{
    static const uint8_t there = 1;
    uint8_t key[CA_DEVICE_KEY_SIZE];
    if (device.size == 0)
        return CAIRN_OK;
    cairn_ca_device_key(device, serial, key);
    return cairn_kv_put(txn, CA_DEVICES, cairn_bytes_of(key, sizeof key),
                        cairn_bytes_of(&there, 1));
}

/* --- announcements --- */

void cairn_ca_commitment(cairn_ca_act act, const cairn_hash *salt, cairn_bytes certificate,
                         uint64_t revoked_at_s, uint8_t reason, cairn_hash *ret_commitment)
{
    const char *tag = act == CAIRN_CA_ISSUED ? "cairn/ca/issued/1" : "cairn/ca/revoked/1";
    uint8_t when[9];
    cairn_hash hash;
    cairn_put_u64(when, revoked_at_s);
    when[8] = reason;
    cairn_sha256_of(certificate.data, certificate.size, &hash);
    const cairn_bytes parts[] = {cairn_bytes_of(tag, strlen(tag) + 1), cairn_bytes_hash(salt),
                                 cairn_bytes_hash(&hash),
                                 cairn_bytes_of(when, act == CAIRN_CA_ISSUED ? 0 : sizeof when)};
    cairn_sha256_parts(parts, sizeof parts / sizeof parts[0], ret_commitment);
}

cairn_err cairn_ca_put_announcement(cairn_kv_txn *txn, cairn_ca_act act,
                                    const cairn_hash *commitment)
{
    const cairn_bytes counter = cairn_bytes_str("announced");
    uint8_t key[8];
    uint8_t value[1 + sizeof *commitment] = {(uint8_t)act};
    uint64_t number = 0;
    CAIRN_TRY(cairn_ca_get_number(txn, counter, &number));
    cairn_put_u64(key, number);
    memcpy(value + 1, commitment->b, sizeof commitment->b);
    CAIRN_TRY(cairn_kv_put(txn, CA_OUTBOX, cairn_bytes_of(key, sizeof key),
                           cairn_bytes_of(value, sizeof value)));
    return cairn_ca_put_number(txn, counter, number + 1);
}

/* --- keys have one owner --- */

enum { KEY_OWNER_SIZE = 33 }; /* bytes: hash of the subject, 1 when compromised */

static void owner_of(const ca_order *order, uint8_t ret_owner[KEY_OWNER_SIZE])
{
    static const uint8_t zero = 0;
    const cairn_bytes parts[] = {order->common_name, cairn_bytes_of(&zero, 1), order->device};
    cairn_hash hash;
    cairn_sha256_parts(parts, 3, &hash);
    memcpy(ret_owner, hash.b, sizeof hash.b);
    ret_owner[sizeof hash.b] = 0;
}

static cairn_err claim_key(cairn_kv_txn *txn, const ca_order *order)
{
    uint8_t owner[KEY_OWNER_SIZE];
    cairn_bytes kid = cairn_bytes_hash(cairn_key_id(order->key));
    cairn_bytes present = {0};
    owner_of(order, owner);
    cairn_err err = cairn_kv_get(txn, CA_KEYS, kid, &present);
    if (err == CAIRN_ERR_NOT_FOUND)
        return cairn_kv_put(txn, CA_KEYS, kid, cairn_bytes_of(owner, sizeof owner));
    CAIRN_TRY(err);
    if (!cairn_bytes_equal(present, cairn_bytes_of(owner, sizeof owner)))
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house",
                          "certificate.key: is another subject's, or was compromised");
    return CAIRN_OK;
}

/* --- OCSP answers in stock --- */

uint64_t cairn_ca_refresh_at(const cairn_ca *ca, const cairn_ca_record *record)
{
    return record->ocsp.this_update_s + ca->options.ocsp_validity_s / 2;
}

cairn_err cairn_ca_make_ready(cairn_ca *ca, const uint8_t *serial, cairn_ca_record *record,
                              cairn_arena *arena)
{
    uint64_t now = ca_now(ca);
    cairn_ca_ocsp_ready ready = {.epoch = ca->epoch,
                                 .this_update_s = now,
                                 .next_update_s = now + ca->options.ocsp_validity_s};
    const cairn_ca_ocsp_data data = {.issuer = &ca_generation_of(ca, record->partition)->issuer,
                                     .responder = ca->responder_hash,
                                     .produced_at_s = now};
    for (size_t i = 0; i < CAIRN_CA_OCSP_HASH_COUNT; i++) {
        const cairn_ca_ocsp_single single = {.hash = (cairn_ca_ocsp_hash)i,
                                             .serial = ca_serial_view(serial),
                                             .status = record->status,
                                             .revoked_at_s = record->revoked_at_s,
                                             .reason = record->reason,
                                             .this_update_s = ready.this_update_s,
                                             .next_update_s = ready.next_update_s};
        uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
        size_t size = 0;
        cairn_bytes tbs = {0};
        CAIRN_TRY(cairn_ca_ocsp_tbs(&data, &single, 1, arena, &tbs));
        CAIRN_TRY(cairn_ca_sign(ca, &ca->generations[0].responder, tbs, signature, &size));
        CAIRN_TRY(cairn_arena_copy(arena, cairn_bytes_of(signature, size), &ready.signatures[i]));
    }
    record->ocsp = ready;
    return CAIRN_OK;
}

/* --- the certificate --- */

/* 20 octets, positive, 158 random bits (RFC 5280 section 4.1.2.2), and never used before. */
static cairn_err new_serial(cairn_kv_txn *txn, uint8_t ret_serial[CAIRN_CA_SERIAL_SIZE])
{
    for (;;) {
        cairn_bytes present = {0};
        if (RAND_bytes(ret_serial, CAIRN_CA_SERIAL_SIZE) != 1)
            return cairn_openssl_fail("serial number");
        ret_serial[0] = (uint8_t)((ret_serial[0] & 0x3f) | 0x40);
        cairn_err err = cairn_kv_get(txn, CA_CERTS, ca_serial_view(ret_serial), &present);
        if (err == CAIRN_ERR_NOT_FOUND)
            return CAIRN_OK;
        CAIRN_TRY(err);
    }
}

/* An earlier issuing key, which only goes on to certify its responder, has no partition but those
 * that it had. */
static const ca_generation *earlier(const cairn_ca *ca, const ca_party *by)
{
    for (size_t i = 0; i + 1 < ca_generation_count(ca); i++)
        if (by == &ca->generations[i].issuing)
            return &ca->generations[i];
    return NULL;
}

/* The partition of what is made next. */
static cairn_err next_partition(cairn_ca *ca, cairn_kv_txn *txn, const ca_order *order,
                                uint32_t *ret_partition)
{
    const cairn_bytes counter = cairn_bytes_str("issued");
    uint64_t issued = 0;
    if (order->row->is_ca) {
        *ret_partition = order->by == NULL ? order->self->list : order->by->list;
        return CAIRN_OK;
    }
    const ca_generation *before = earlier(ca, order->by);
    if (before != NULL) {
        *ret_partition = before->first_partition;
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_ca_get_number(txn, counter, &issued));
    uint64_t partition = issued / ca->options.partition_size;
    if (partition > UINT32_MAX || cairn_ca_is_root_list((uint32_t)partition))
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "ca: no partition is left");
    *ret_partition = (uint32_t)partition;
    return cairn_ca_put_number(txn, counter, issued + 1);
}

/* The partition's list is there before a certificate that names it, and lives as long as the last
 * of them. */
static cairn_err open_partition(cairn_ca *ca, cairn_kv_txn *txn, const cairn_ca_record *record,
                                cairn_arena *arena)
{
    uint8_t key[5] = {'e'};
    uint64_t end_s = 0;
    ca_crl_row row;
    cairn_put_u32(key + 1, record->partition);
    CAIRN_TRY(cairn_ca_get_number(txn, cairn_bytes_of(key, sizeof key), &end_s));
    if (record->not_after_s > end_s)
        CAIRN_TRY(cairn_ca_put_number(txn, cairn_bytes_of(key, sizeof key), record->not_after_s));
    cairn_err err = cairn_ca_get_crl(txn, record->partition, &row);
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    CAIRN_TRY(cairn_ca_make_crl(ca, txn, record->partition, arena, &row));
    return cairn_ca_put_crl(txn, record->partition, &row, arena);
}

/* From a little before now, since clocks differ, to the profile's end or the issuer's. */
static cairn_err set_validity(const cairn_ca *ca, const ca_order *order, cairn_ca_record *record)
{
    uint64_t now = ca_now(ca);
    uint64_t last = order->by == NULL ? UINT64_MAX : order->by->not_after_s;
    if (last <= now)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, "RFC 5280 section 6.1.3",
                          "ca: the %s certificate has ended%s",
                          order->row->is_ca ? "root's" : "issuing",
                          order->row->is_ca ? ": cairn ca rollover --root makes another"
                                            : ": cairn ca rollover makes another");
    record->not_before_s = now > ca->options.clock_skew_s ? now - ca->options.clock_skew_s : 0;
    record->not_after_s = now + order->validity_s < last ? now + order->validity_s : last;
    return CAIRN_OK;
}

static cairn_err encode_and_sign(cairn_ca *ca, const ca_order *order, const ca_party *by,
                                 cairn_ca_cert_spec *spec, cairn_arena *arena,
                                 cairn_bytes *ret_certificate)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes tbs = {0};
    cairn_bytes der = {0};
    const cairn_ca_subject subject = {
        .organisation = cairn_bytes_str(ca->options.organisation_name),
        .unit =
            order->row->unit == NULL ? cairn_bytes_of(NULL, 0) : cairn_bytes_str(order->row->unit),
        .common_name = order->common_name,
        .serial_number = order->device,
    };
    CAIRN_TRY(cairn_ca_subject_encode(&subject, arena, &spec->subject));
    spec->issuer = order->by == NULL ? spec->subject : by->name;
    CAIRN_TRY(cairn_ca_cert_tbs(spec, arena, &tbs));
    CAIRN_TRY(cairn_ca_sign(ca, by, tbs, signature, &size));
    CAIRN_TRY(cairn_ca_seal(tbs, cairn_key_get_type(by->key), cairn_bytes_of(signature, size),
                            cairn_bytes_of(NULL, 0), arena, &der));
    CAIRN_TRY(cairn_ca_cert_check(der, by->key));
    *ret_certificate = der;
    return CAIRN_OK;
}

void cairn_ca_list_url(const cairn_ca *ca, uint32_t partition, char ret_url[CA_URL_SIZE_MAX])
{
    if (partition == CAIRN_CA_PARTITION_ROOT)
        (void)snprintf(ret_url, CA_URL_SIZE_MAX, "%s/crl/root", ca->options.base_url);
    else if (cairn_ca_is_root_list(partition))
        (void)snprintf(ret_url, CA_URL_SIZE_MAX, "%s/crl/root-%u", ca->options.base_url,
                       CAIRN_CA_PARTITION_ROOT - partition + 1);
    else
        (void)snprintf(ret_url, CA_URL_SIZE_MAX, "%s/crl/%u", ca->options.base_url, partition);
}

static cairn_err make_certificate(cairn_ca *ca, const ca_order *order, const uint8_t *serial,
                                  const cairn_ca_record *record, cairn_arena *arena,
                                  cairn_bytes *ret_certificate)
{
    const ca_party *by = order->by == NULL ? order->self : order->by;
    char crl_url[CA_URL_SIZE_MAX];
    char ocsp_url[CA_URL_SIZE_MAX];
    cairn_ca_list_url(ca, record->partition, crl_url);
    (void)snprintf(ocsp_url, sizeof ocsp_url, "%s/ocsp", ca->options.base_url);
    cairn_ca_cert_spec spec = {
        .row = order->row,
        .serial = serial,
        .key = order->key,
        .issuer_key = by->key,
        .not_before_s = record->not_before_s,
        .not_after_s = record->not_after_s,
        .names = order->names,
        .name_count = order->name_count,
        .constraints = &ca->constraints,
        .crl_url = order->by == NULL || order->row->no_check ? NULL : crl_url,
        .ocsp_url = order->row->from_csr ? ocsp_url : NULL,
    };
    return encode_and_sign(ca, order, by, &spec, arena, ret_certificate);
}

static cairn_err begin_record(cairn_ca *ca, cairn_kv_txn *txn, const ca_order *order,
                              cairn_ca_record *record)
{
    *record = (cairn_ca_record){.profile = order->row->profile,
                                .kid = *cairn_key_id(order->key),
                                .common_name = order->common_name,
                                .device = order->device,
                                .name_count = order->name_count,
                                .status = CAIRN_CA_STATUS_GOOD};
    for (size_t i = 0; i < order->name_count; i++)
        record->names[i] = order->names[i];
    if (RAND_bytes(record->salt.b, sizeof record->salt.b) != 1)
        return cairn_openssl_fail("salt");
    CAIRN_TRY(claim_key(txn, order));
    CAIRN_TRY(set_validity(ca, order, record));
    return next_partition(ca, txn, order, &record->partition);
}

static cairn_err store(cairn_ca *ca, cairn_kv_txn *txn, const uint8_t *serial,
                       const cairn_ca_record *record, cairn_bytes certificate, cairn_arena *arena)
{
    cairn_hash commitment;
    cairn_ca_commitment(CAIRN_CA_ISSUED, &record->salt, certificate, 0, 0, &commitment);
    CAIRN_TRY(cairn_ca_save(txn, serial, record, arena));
    CAIRN_TRY(cairn_kv_put(txn, CA_DER, ca_serial_view(serial), certificate));
    CAIRN_TRY(put_expiry(txn, record->not_after_s, serial));
    CAIRN_TRY(put_device(txn, record->device, serial));
    if (record->ocsp.epoch != 0)
        CAIRN_TRY(cairn_ca_put_work(txn, cairn_ca_refresh_at(ca, record), CA_WORK_OCSP, serial));
    return cairn_ca_put_announcement(txn, CAIRN_CA_ISSUED, &commitment);
}

cairn_err cairn_ca_make(cairn_ca *ca, cairn_kv_txn *txn, const ca_order *order, cairn_arena *arena,
                        cairn_ca_issued *ret_issued)
{
    cairn_ca_record record;
    cairn_ca_issued issued = {0};
    CAIRN_TRY(begin_record(ca, txn, order, &record));
    CAIRN_TRY(new_serial(txn, issued.serial));
    CAIRN_TRY(make_certificate(ca, order, issued.serial, &record, arena, &issued.certificate));
    if (order->by != NULL)
        CAIRN_TRY(open_partition(ca, txn, &record, arena));
    if (order->row->from_csr)
        CAIRN_TRY(cairn_ca_make_ready(ca, issued.serial, &record, arena));
    CAIRN_TRY(store(ca, txn, issued.serial, &record, issued.certificate, arena));
    issued.not_before_s = record.not_before_s;
    issued.not_after_s = record.not_after_s;
    issued.issuers[0] = order->by == NULL ? issued.certificate : order->by->certificate;
    *ret_issued = issued;
    return CAIRN_OK;
}
