/* Issuing against a request, and renewal. */
#include "cairn/sha256.h"
#include "core/codec/utf8.h"
#include "identity/ca/ca_csr.h"
#include "identity/ca/ca_impl.h"

/* --- what the caller may have, and asked for --- */

static cairn_err check_grant(const cairn_ca_profile_row *row, const cairn_ca_grant *grant)
{
    size_t name = grant->common_name.size;
    bool good = name >= 1 && name <= CAIRN_CA_TEXT_SIZE_MAX &&
                cairn_utf8_valid(grant->common_name) && (grant->device.size > 0) == row->device &&
                grant->device.size <= CAIRN_CA_TEXT_SIZE_MAX &&
                grant->name_count <= CAIRN_CA_NAMES_MAX;
    if (grant->validity_s != 0)
        good = good && grant->validity_s >= row->validity_min_s &&
               grant->validity_s <= row->validity_s;
    return good ? CAIRN_OK
                : CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "grant: does not fit profile %s",
                             row->name);
}

static cairn_err check_attribute(cairn_bytes asked, cairn_bytes granted)
{
    if (asked.size == 0 || cairn_bytes_equal(asked, granted))
        return CAIRN_OK;
    return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, "house", "request.subject: not the caller's");
}

static cairn_err check_subject(const cairn_ca *ca, const cairn_ca_subject *asked,
                               const cairn_ca_grant *grant)
{
    CAIRN_TRY(check_attribute(asked->organisation, cairn_bytes_str(ca->options.organisation_name)));
    CAIRN_TRY(check_attribute(asked->common_name, grant->common_name));
    return check_attribute(asked->serial_number, grant->device);
}

static cairn_err check_name(const cairn_ca *ca, const cairn_ca_profile_row *row,
                            const cairn_ca_name *name)
{
    CAIRN_TRY(cairn_ca_name_check(name));
    if ((row->names & (1u << name->kind)) == 0)
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, "house",
                          "certificate.name: kind %d is not of profile %s", (int)name->kind,
                          row->name);
    if (!cairn_ca_name_permitted(&ca->constraints, name))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, "RFC 5280 section 4.2.1.10",
                          "certificate.name: outside the organisation's constraints");
    return CAIRN_OK;
}

/* The granted form of each name that was asked for; all of them when none was. */
static cairn_err choose_names(const cairn_ca_csr *csr, const cairn_ca_name *granted,
                              size_t granted_count, cairn_ca_name *ret_names, size_t *ret_count)
{
    size_t count = csr->name_count == 0 ? granted_count : csr->name_count;
    for (size_t i = 0; i < count; i++) {
        const cairn_ca_name *wanted = csr->name_count == 0 ? &granted[i] : &csr->names[i];
        size_t at = 0;
        while (at < granted_count && !cairn_ca_name_equal(wanted, &granted[at]))
            at++;
        if (at == granted_count)
            return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, "house", "request.name: not the caller's");
        ret_names[i] = granted[at];
    }
    *ret_count = count;
    return CAIRN_OK;
}

static cairn_err make_names(const cairn_ca *ca, const cairn_ca_profile_row *row,
                            const cairn_ca_csr *csr, const cairn_ca_grant *grant,
                            cairn_ca_name *ret_names, size_t *ret_count)
{
    const cairn_ca_name own = {CAIRN_CA_NAME_URI, cairn_bytes_str(ca->org_uri)};
    const cairn_ca_name *granted = row->names_organisation ? &own : grant->names;
    size_t granted_count = row->names_organisation ? 1 : grant->name_count;
    size_t count = 0;
    CAIRN_TRY(choose_names(csr, granted, granted_count, ret_names, &count));
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(check_name(ca, row, &ret_names[i]));
    if (count < row->names_min)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "certificate.name: profile %s needs one",
                          row->name);
    *ret_count = count;
    return CAIRN_OK;
}

static cairn_err make_order(const cairn_ca *ca, cairn_ca_profile profile, const cairn_ca_csr *csr,
                            const cairn_ca_grant *grant, cairn_ca_name *names, ca_order *ret_order)
{
    const cairn_ca_profile_row *row = cairn_ca_profile_of(profile);
    if (row == NULL || !row->from_csr)
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, "house", "ca: profile %d is not for requests",
                          (int)profile);
    ca_order order = {.row = row,
                      .by = &ca_current(ca)->issuing,
                      .key = csr->key,
                      .common_name = grant->common_name,
                      .device = grant->device,
                      .names = names,
                      .validity_s = grant->validity_s == 0 ? row->validity_s : grant->validity_s};
    CAIRN_TRY(check_grant(row, grant));
    if (!grant->any_subject)
        CAIRN_TRY(check_subject(ca, &csr->subject, grant));
    CAIRN_TRY(make_names(ca, row, csr, grant, names, &order.name_count));
    *ret_order = order;
    return CAIRN_OK;
}

/* With the newest key, if the ledger lets it. */
static cairn_err may_issue(const cairn_ca *ca)
{
    return ca->options.may_issue == NULL
               ? CAIRN_OK
               : ca->options.may_issue(ca->options.context, ca_current(ca)->issuing.key);
}

/* --- what was given before --- */

static cairn_err give_stored(const cairn_ca *ca, cairn_kv_txn *txn, const uint8_t *serial,
                             const cairn_ca_record *record, cairn_arena *arena,
                             cairn_ca_issued *ret_issued)
{
    cairn_ca_issued issued = {
        .not_before_s = record->not_before_s, .not_after_s = record->not_after_s, .again = true};
    cairn_bytes der = {0};
    (void)cairn_ca_leading(ca, ca_generation_of(ca, record->partition), ca_now(ca), issued.issuers);
    memcpy(issued.serial, serial, sizeof issued.serial);
    CAIRN_TRY(cairn_kv_get(txn, CA_DER, ca_serial_view(serial), &der));
    CAIRN_TRY(cairn_arena_copy(arena, der, &issued.certificate));
    *ret_issued = issued;
    return CAIRN_OK;
}

static void hash_text(cairn_sha256 *hash, cairn_bytes text)
{
    uint8_t size[4];
    cairn_put_u32(size, (uint32_t)text.size);
    cairn_sha256_update(hash, size, sizeof size);
    if (text.size > 0)
        cairn_sha256_update(hash, text.data, text.size);
}

/* Over all that decides what a certificate says (docs/formats/ca.md). */
static void request_id(const ca_order *order, cairn_bytes csr, cairn_hash *ret_id)
{
    static const char tag[] = "cairn/ca/request/1";
    cairn_sha256 hash;
    uint8_t numbers[5] = {(uint8_t)order->row->profile};
    cairn_put_u32(numbers + 1, order->validity_s);
    cairn_sha256_init(&hash);
    cairn_sha256_update(&hash, tag, sizeof tag);
    hash_text(&hash, csr);
    cairn_sha256_update(&hash, numbers, sizeof numbers);
    hash_text(&hash, order->common_name);
    hash_text(&hash, order->device);
    for (size_t i = 0; i < order->name_count; i++) {
        const uint8_t kind = (uint8_t)order->names[i].kind;
        cairn_sha256_update(&hash, &kind, 1);
        hash_text(&hash, order->names[i].value);
    }
    cairn_sha256_final(&hash, ret_id);
}

/* What the same request was given. NOT_FOUND: it is new, or its key was compromised, which is told
 * of the key. */
static cairn_err give_known(const cairn_ca *ca, cairn_kv_txn *txn, const cairn_hash *id,
                            cairn_arena *arena, cairn_ca_issued *ret_issued)
{
    cairn_bytes serial = {0};
    cairn_ca_record record;
    CAIRN_TRY(cairn_kv_get(txn, CA_REQUESTS, cairn_bytes_hash(id), &serial));
    if (serial.size != CAIRN_CA_SERIAL_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/ca.md", "ca: row of a request");
    CAIRN_TRY(cairn_ca_load(txn, serial.data, arena, &record));
    if (record.status == CAIRN_CA_STATUS_REVOKED && record.reason == CAIRN_CA_KEY_COMPROMISE)
        return CAIRN_ERR_NOT_FOUND;
    if (record.status != CAIRN_CA_STATUS_GOOD || record.not_after_s <= ca_now(ca))
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, "house",
                          "request: was granted before, and that certificate has ended");
    return give_stored(ca, txn, serial.data, &record, arena, ret_issued);
}

/* --- issuing --- */

static cairn_err issue(cairn_ca *ca, cairn_kv_txn *txn, const ca_order *order, cairn_bytes csr,
                       cairn_arena *arena, cairn_ca_issued *ret_issued)
{
    cairn_hash id;
    request_id(order, csr, &id);
    cairn_err err = give_known(ca, txn, &id, arena, ret_issued);
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    CAIRN_TRY(cairn_ca_make(ca, txn, order, arena, ret_issued));
    (void)cairn_ca_leading(ca, ca_current(ca), ca_now(ca), ret_issued->issuers);
    return cairn_kv_put(txn, CA_REQUESTS, cairn_bytes_hash(&id),
                        ca_serial_view(ret_issued->serial));
}

cairn_err cairn_ca_issue(cairn_ca *ca, cairn_ca_profile profile, cairn_bytes csr,
                         const cairn_ca_grant *grant, cairn_arena *arena,
                         cairn_ca_issued *ret_issued)
{
    CAIRN_CLEANUP(cairn_ca_csr_done) cairn_ca_csr request = {0};
    cairn_ca_name names[CAIRN_CA_NAMES_MAX];
    ca_order order;
    cairn_ca_issued issued;
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_ca_csr_decode(csr, &request));
    CAIRN_ASSERT(pthread_mutex_lock(&ca->lock) == 0);
    cairn_err err = cairn_ca_begin(ca, &txn);
    if (err == CAIRN_OK) {
        err = may_issue(ca);
        if (err == CAIRN_OK)
            err = make_order(ca, profile, &request, grant, names, &order);
        if (err == CAIRN_OK)
            err = issue(ca, txn, &order, csr, arena, &issued);
        if (err == CAIRN_OK)
            err = cairn_kv_commit(txn);
        else
            cairn_kv_abort(txn);
    }
    CAIRN_ASSERT(pthread_mutex_unlock(&ca->lock) == 0);
    CAIRN_TRY(err);
    *ret_issued = issued;
    return CAIRN_OK;
}

/* --- renewal --- */

/* The successor that was made when the answer was lost. */
static cairn_err give_again(const cairn_ca *ca, cairn_kv_txn *txn, const cairn_ca_record *old,
                            const cairn_key *key, cairn_arena *arena, cairn_ca_issued *ret_issued)
{
    cairn_ca_record record;
    CAIRN_TRY(cairn_ca_load(txn, old->successor.data, arena, &record));
    if (!cairn_hash_equal(&record.kid, cairn_key_id(key)))
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "ca: renewed already, with another key");
    return give_stored(ca, txn, old->successor.data, &record, arena, ret_issued);
}

static cairn_err check_renewable(const cairn_ca *ca, const cairn_ca_record *old, bool early)
{
    const cairn_ca_profile_row *row = cairn_ca_profile_of(old->profile);
    uint64_t now = ca_now(ca);
    uint64_t before = (old->not_after_s - old->not_before_s) / 3;
    if (old->status != CAIRN_CA_STATUS_GOOD)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, "house", "ca: the certificate is revoked");
    if (old->not_after_s <= now)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, "house", "ca: the certificate has ended");
    if (row != NULL && row->renew_before_s < before)
        before = row->renew_before_s;
    if (!early && now + before < old->not_after_s)
        return CAIRN_FAIL(CAIRN_ERR_EARLY, "house", "ca: renewal opens %llu s before the end",
                          (unsigned long long)before);
    return CAIRN_OK;
}

/* As long as the old one was meant to be. */
static uint32_t same_validity(const cairn_ca *ca, const cairn_ca_record *old)
{
    const cairn_ca_profile_row *row = cairn_ca_profile_of(old->profile);
    uint64_t span = old->not_after_s - old->not_before_s;
    span = span > ca->options.clock_skew_s ? span - ca->options.clock_skew_s : 0;
    if (row == NULL || span > row->validity_s || span < row->validity_min_s)
        return 0;
    return (uint32_t)span;
}

static cairn_err make_successor(cairn_ca *ca, cairn_kv_txn *txn, const uint8_t *serial,
                                cairn_ca_record *old, const cairn_ca_csr *csr, cairn_arena *arena,
                                cairn_ca_issued *ret_issued)
{
    const cairn_ca_grant grant = {.common_name = old->common_name,
                                  .device = old->device,
                                  .names = old->names,
                                  .name_count = old->name_count,
                                  .validity_s = same_validity(ca, old)};
    cairn_ca_name names[CAIRN_CA_NAMES_MAX];
    ca_order order;
    cairn_ca_issued issued;
    CAIRN_TRY(make_order(ca, old->profile, csr, &grant, names, &order));
    CAIRN_TRY(cairn_ca_make(ca, txn, &order, arena, &issued));
    old->successor = ca_serial_view(issued.serial);
    CAIRN_TRY(cairn_ca_save(txn, serial, old, arena));
    CAIRN_TRY(cairn_ca_put_work(txn, ca_now(ca) + ca->options.overlap_s, CA_WORK_RETIRE, serial));
    (void)cairn_ca_leading(ca, ca_current(ca), ca_now(ca), issued.issuers);
    *ret_issued = issued;
    return CAIRN_OK;
}

static cairn_err renew(cairn_ca *ca, cairn_kv_txn *txn, const uint8_t *serial,
                       const cairn_ca_csr *csr, bool early, cairn_arena *arena,
                       cairn_ca_issued *ret_issued)
{
    cairn_ca_record old;
    CAIRN_TRY(cairn_ca_load(txn, serial, arena, &old));
    if (old.status == CAIRN_CA_STATUS_GOOD && old.successor.size > 0)
        return give_again(ca, txn, &old, csr->key, arena, ret_issued);
    CAIRN_TRY(check_renewable(ca, &old, early));
    return make_successor(ca, txn, serial, &old, csr, arena, ret_issued);
}

cairn_err cairn_ca_renew(cairn_ca *ca, const uint8_t serial[CAIRN_CA_SERIAL_SIZE], cairn_bytes csr,
                         bool early, cairn_arena *arena, cairn_ca_issued *ret_issued)
{
    CAIRN_CLEANUP(cairn_ca_csr_done) cairn_ca_csr request = {0};
    cairn_ca_issued issued;
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_ca_csr_decode(csr, &request));
    CAIRN_ASSERT(pthread_mutex_lock(&ca->lock) == 0);
    cairn_err err = cairn_ca_begin(ca, &txn);
    if (err == CAIRN_OK) {
        err = may_issue(ca);
        if (err == CAIRN_OK)
            err = renew(ca, txn, serial, &request, early, arena, &issued);
        if (err == CAIRN_OK)
            err = cairn_kv_commit(txn);
        else
            cairn_kv_abort(txn);
    }
    CAIRN_ASSERT(pthread_mutex_unlock(&ca->lock) == 0);
    CAIRN_TRY(err);
    *ret_issued = issued;
    return CAIRN_OK;
}
