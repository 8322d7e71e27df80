/* TBSCertificate and TBSCertList with their extensions. */
#include "identity/ca/ca_x509.h"

/* 2.5.29.n */
enum {
    EXT_SUBJECT_KEY_ID = 14,
    EXT_KEY_USAGE = 15,
    EXT_ALT_NAME = 17,
    EXT_BASIC_CONSTRAINTS = 19,
    EXT_CRL_NUMBER = 20,
    EXT_REASON = 21,
    EXT_ISSUING_POINT = 28,
    EXT_NAME_CONSTRAINTS = 30,
    EXT_CRL_POINTS = 31,
    EXT_AUTHORITY_KEY_ID = 35,
    EXT_EXTENDED_KEY_USAGE = 37,
};

#define OCTETS(octets)                                \
    {                                                 \
        (const uint8_t *)(octets), sizeof(octets) - 1 \
    }

static const cairn_bytes oid_authority_info = OCTETS("\x2b\x06\x01\x05\x05\x07\x01\x01");
static const cairn_bytes oid_ocsp = OCTETS("\x2b\x06\x01\x05\x05\x07\x30\x01");
static const cairn_bytes oid_no_check = OCTETS("\x2b\x06\x01\x05\x05\x07\x30\x01\x05");

typedef struct extension {
    size_t outer, value;
} extension;

static extension begin_oid(cairn_der_writer *w, cairn_bytes oid, bool critical)
{
    extension e;
    e.outer = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
    cairn_der_put(w, CAIRN_DER_OID, oid);
    if (critical)
        cairn_der_put_true(w);
    e.value = cairn_der_begin(w, CAIRN_DER_OCTET_STRING);
    return e;
}

static extension begin(cairn_der_writer *w, uint8_t number, bool critical)
{
    const uint8_t oid[] = {0x55, 0x1d, number};
    return begin_oid(w, cairn_bytes_of(oid, sizeof oid), critical);
}

static void end(cairn_der_writer *w, extension e)
{
    cairn_der_end(w, e.value);
    cairn_der_end(w, e.outer);
}

/* --- of certificates and lists --- */

static void put_authority_key_id(cairn_der_writer *w, const cairn_key *issuer)
{
    uint8_t id[CAIRN_CA_KEY_ID_SIZE];
    cairn_ca_key_id(issuer, id);
    extension e = begin(w, EXT_AUTHORITY_KEY_ID, false);
    size_t list = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
    cairn_der_put(w, CAIRN_DER_CONTEXT(0), cairn_bytes_of(id, sizeof id));
    cairn_der_end(w, list);
    end(w, e);
}

/* DistributionPointName in its [0]: fullName with one URI. */
static void put_point_name(cairn_der_writer *w, const char *url)
{
    size_t point = cairn_der_begin(w, CAIRN_DER_CONTEXT_CONSTRUCTED(0));
    size_t full = cairn_der_begin(w, CAIRN_DER_CONTEXT_CONSTRUCTED(0));
    cairn_der_put(w, CAIRN_DER_CONTEXT(CAIRN_CA_NAME_URI), cairn_bytes_str(url));
    cairn_der_end(w, full);
    cairn_der_end(w, point);
}

/* --- of certificates --- */

static void put_usage(cairn_der_writer *w, const cairn_ca_profile_row *row)
{
    extension e = begin(w, EXT_KEY_USAGE, true);
    cairn_der_put_named_bits(w, row->key_usage);
    end(w, e);
    if (row->eku[0].size == 0)
        return;
    e = begin(w, EXT_EXTENDED_KEY_USAGE, false);
    size_t list = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
    for (size_t i = 0; i < CAIRN_CA_EKU_COUNT_MAX && row->eku[i].size > 0; i++)
        cairn_der_put(w, CAIRN_DER_OID, row->eku[i]);
    cairn_der_end(w, list);
    end(w, e);
}

static void put_basic_constraints(cairn_der_writer *w, const cairn_ca_profile_row *row)
{
    extension e = begin(w, EXT_BASIC_CONSTRAINTS, true);
    size_t list = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
    if (row->is_ca) {
        cairn_der_put_true(w);
        cairn_der_put_uint(w, row->path_length);
    }
    cairn_der_end(w, list);
    end(w, e);
}

static void put_key_ids(cairn_der_writer *w, const cairn_ca_cert_spec *spec)
{
    uint8_t id[CAIRN_CA_KEY_ID_SIZE];
    cairn_ca_key_id(spec->key, id);
    extension e = begin(w, EXT_SUBJECT_KEY_ID, false);
    cairn_der_put(w, CAIRN_DER_OCTET_STRING, cairn_bytes_of(id, sizeof id));
    end(w, e);
    put_authority_key_id(w, spec->issuer_key);
}

static void put_names(cairn_der_writer *w, const cairn_ca_cert_spec *spec)
{
    if (spec->name_count == 0)
        return;
    extension e = begin(w, EXT_ALT_NAME, false);
    size_t list = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
    for (size_t i = 0; i < spec->name_count; i++)
        cairn_der_put(w, CAIRN_DER_CONTEXT(spec->names[i].kind), spec->names[i].value);
    cairn_der_end(w, list);
    end(w, e);
}

static void put_subtree(cairn_der_writer *w, uint8_t tag, cairn_bytes base)
{
    size_t subtree = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
    cairn_der_put(w, tag, base);
    cairn_der_end(w, subtree);
}

static size_t count_of(const cairn_ca_constraints *constraints, cairn_ca_name_kind kind,
                       size_t value_size)
{
    size_t count = 0;
    for (size_t i = 0; i < constraints->count; i++)
        count += constraints->permitted[i].kind == kind &&
                 (value_size == 0 || constraints->permitted[i].value.size == value_size);
    return count;
}

/* What no permitted name speaks of is forbidden: all hosts, all addresses; and for e-mail, whose
 * constraint has no form for "all", a host that exists nowhere is the only one (RFC 2606). */
static void put_permitted(cairn_der_writer *w, const cairn_ca_constraints *c)
{
    size_t permitted = cairn_der_begin(w, CAIRN_DER_CONTEXT_CONSTRUCTED(0));
    for (size_t i = 0; i < c->count; i++)
        put_subtree(w, CAIRN_DER_CONTEXT(c->permitted[i].kind), c->permitted[i].value);
    if (count_of(c, CAIRN_CA_NAME_EMAIL, 0) == 0)
        put_subtree(w, CAIRN_DER_CONTEXT(CAIRN_CA_NAME_EMAIL), cairn_bytes_str("invalid"));
    cairn_der_end(w, permitted);
}

static void put_excluded(cairn_der_writer *w, const cairn_ca_constraints *c)
{
    static const uint8_t all[32];
    static const size_t address_sizes[] = {8, 32}; /* with the mask */
    bool no_dns = count_of(c, CAIRN_CA_NAME_DNS, 0) == 0;
    bool no_ip4 = count_of(c, CAIRN_CA_NAME_IP, address_sizes[0]) == 0;
    bool no_ip6 = count_of(c, CAIRN_CA_NAME_IP, address_sizes[1]) == 0;
    if (!no_dns && !no_ip4 && !no_ip6)
        return;
    size_t excluded = cairn_der_begin(w, CAIRN_DER_CONTEXT_CONSTRUCTED(1));
    if (no_dns)
        put_subtree(w, CAIRN_DER_CONTEXT(CAIRN_CA_NAME_DNS), cairn_bytes_of(NULL, 0));
    if (no_ip4)
        put_subtree(w, CAIRN_DER_CONTEXT(CAIRN_CA_NAME_IP), cairn_bytes_of(all, address_sizes[0]));
    if (no_ip6)
        put_subtree(w, CAIRN_DER_CONTEXT(CAIRN_CA_NAME_IP), cairn_bytes_of(all, address_sizes[1]));
    cairn_der_end(w, excluded);
}

static void put_name_constraints(cairn_der_writer *w, const cairn_ca_cert_spec *spec)
{
    if (!spec->row->constrained)
        return;
    extension e = begin(w, EXT_NAME_CONSTRAINTS, true);
    size_t list = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
    put_permitted(w, spec->constraints);
    put_excluded(w, spec->constraints);
    cairn_der_end(w, list);
    end(w, e);
}

static void put_pointers(cairn_der_writer *w, const cairn_ca_cert_spec *spec)
{
    if (spec->crl_url != NULL) {
        extension e = begin(w, EXT_CRL_POINTS, false);
        size_t list = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
        size_t point = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
        put_point_name(w, spec->crl_url);
        cairn_der_end(w, point);
        cairn_der_end(w, list);
        end(w, e);
    }
    if (spec->ocsp_url != NULL) {
        extension e = begin_oid(w, oid_authority_info, false);
        size_t list = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
        size_t access = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
        cairn_der_put(w, CAIRN_DER_OID, oid_ocsp);
        cairn_der_put(w, CAIRN_DER_CONTEXT(CAIRN_CA_NAME_URI), cairn_bytes_str(spec->ocsp_url));
        cairn_der_end(w, access);
        cairn_der_end(w, list);
        end(w, e);
    }
    if (spec->row->no_check) {
        extension e = begin_oid(w, oid_no_check, false);
        cairn_der_put(w, CAIRN_DER_NULL, cairn_bytes_of(NULL, 0));
        end(w, e);
    }
}

static void put_extensions(cairn_der_writer *w, const cairn_ca_cert_spec *spec)
{
    size_t outer = cairn_der_begin(w, CAIRN_DER_CONTEXT_CONSTRUCTED(3));
    size_t list = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
    put_basic_constraints(w, spec->row);
    put_usage(w, spec->row);
    put_key_ids(w, spec);
    put_names(w, spec);
    put_name_constraints(w, spec);
    put_pointers(w, spec);
    cairn_der_end(w, list);
    cairn_der_end(w, outer);
}

cairn_err cairn_ca_cert_tbs(const cairn_ca_cert_spec *spec, cairn_arena *arena,
                            cairn_bytes *ret_tbs)
{
    void *buffer = NULL;
    cairn_der_writer w;
    CAIRN_TRY(cairn_arena_alloc(arena, CAIRN_CA_CERT_SIZE_MAX, &buffer));
    cairn_der_writer_init(&w, buffer, CAIRN_CA_CERT_SIZE_MAX);
    size_t tbs = cairn_der_begin(&w, CAIRN_DER_SEQUENCE);
    size_t version = cairn_der_begin(&w, CAIRN_DER_CONTEXT_CONSTRUCTED(0));
    cairn_der_put_uint(&w, 2); /* v3 */
    cairn_der_end(&w, version);
    cairn_der_put(&w, CAIRN_DER_INTEGER, cairn_bytes_of(spec->serial, CAIRN_CA_SERIAL_SIZE));
    cairn_der_put_raw(&w, cairn_ca_signature_algorithm(cairn_key_get_type(spec->issuer_key)));
    cairn_der_put_raw(&w, spec->issuer);
    size_t validity = cairn_der_begin(&w, CAIRN_DER_SEQUENCE);
    cairn_der_put_time(&w, spec->not_before_s);
    cairn_der_put_time(&w, spec->not_after_s);
    cairn_der_end(&w, validity);
    cairn_der_put_raw(&w, spec->subject);
    cairn_ca_put_spki(&w, spec->key);
    put_extensions(&w, spec);
    cairn_der_end(&w, tbs);
    return cairn_der_writer_end(&w, ret_tbs);
}

/* --- of lists --- */

static void put_entry(cairn_der_writer *w, const cairn_ca_crl_entry *entry)
{
    size_t outer = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
    cairn_der_put(w, CAIRN_DER_INTEGER, cairn_bytes_of(entry->serial, CAIRN_CA_SERIAL_SIZE));
    cairn_der_put_time(w, entry->revoked_at_s);
    if (entry->reason != 0) {
        size_t list = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
        extension e = begin(w, EXT_REASON, false);
        cairn_der_put(w, CAIRN_DER_ENUMERATED, cairn_bytes_of(&entry->reason, 1));
        end(w, e);
        cairn_der_end(w, list);
    }
    cairn_der_end(w, outer);
}

static void put_crl_extensions(cairn_der_writer *w, const cairn_ca_crl_spec *spec)
{
    size_t outer = cairn_der_begin(w, CAIRN_DER_CONTEXT_CONSTRUCTED(0));
    size_t list = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
    put_authority_key_id(w, spec->issuer_key);
    extension e = begin(w, EXT_CRL_NUMBER, false);
    cairn_der_put_uint(w, spec->number);
    end(w, e);
    if (spec->url != NULL) {
        e = begin(w, EXT_ISSUING_POINT, true);
        size_t point = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
        put_point_name(w, spec->url);
        cairn_der_end(w, point);
        end(w, e);
    }
    cairn_der_end(w, list);
    cairn_der_end(w, outer);
}

cairn_err cairn_ca_crl_tbs(const cairn_ca_crl_spec *spec, const cairn_ca_crl_entry *entries,
                           size_t count, cairn_arena *arena, cairn_bytes *ret_tbs)
{
    size_t capacity = 1024 + spec->issuer.size + count * 80;
    void *buffer = NULL;
    cairn_der_writer w;
    CAIRN_TRY(cairn_arena_alloc(arena, capacity, &buffer));
    cairn_der_writer_init(&w, buffer, capacity);
    size_t tbs = cairn_der_begin(&w, CAIRN_DER_SEQUENCE);
    cairn_der_put_uint(&w, 1); /* v2 */
    cairn_der_put_raw(&w, cairn_ca_signature_algorithm(cairn_key_get_type(spec->issuer_key)));
    cairn_der_put_raw(&w, spec->issuer);
    cairn_der_put_time(&w, spec->this_update_s);
    cairn_der_put_time(&w, spec->next_update_s);
    if (count > 0) { /* an empty list is left out (RFC 5280 section 5.1.2.6) */
        size_t list = cairn_der_begin(&w, CAIRN_DER_SEQUENCE);
        for (size_t i = 0; i < count; i++)
            put_entry(&w, &entries[i]);
        cairn_der_end(&w, list);
    }
    put_crl_extensions(&w, spec);
    cairn_der_end(&w, tbs);
    return cairn_der_writer_end(&w, ret_tbs);
}

/* --- name constraints, asked before a name is issued --- */

static bool host_below(cairn_bytes host, cairn_bytes domain)
{
    if (host.size < domain.size)
        return false;
    size_t start = host.size - domain.size;
    const cairn_ca_name tail = {CAIRN_CA_NAME_DNS, cairn_bytes_of(host.data + start, domain.size)};
    const cairn_ca_name base = {CAIRN_CA_NAME_DNS, domain};
    return cairn_ca_name_equal(&tail, &base) && (start == 0 || host.data[start - 1] == '.');
}

static bool address_in(cairn_bytes address, cairn_bytes range)
{
    if (range.size != 2 * address.size)
        return false;
    for (size_t i = 0; i < address.size; i++)
        if (((address.data[i] ^ range.data[i]) & range.data[address.size + i]) != 0)
            return false;
    return true;
}

static bool email_at(cairn_bytes email, cairn_bytes host)
{
    if (email.size <= host.size || email.data[email.size - host.size - 1] != '@')
        return false;
    return host_below(cairn_bytes_of(email.data + email.size - host.size, host.size), host);
}

bool cairn_ca_name_permitted(const cairn_ca_constraints *constraints, const cairn_ca_name *name)
{
    if (name->kind == CAIRN_CA_NAME_URI)
        return true;
    for (size_t i = 0; i < constraints->count; i++) {
        const cairn_ca_name *p = &constraints->permitted[i];
        if (p->kind != name->kind)
            continue;
        if ((p->kind == CAIRN_CA_NAME_DNS && host_below(name->value, p->value)) ||
            (p->kind == CAIRN_CA_NAME_IP && address_in(name->value, p->value)) ||
            (p->kind == CAIRN_CA_NAME_EMAIL && email_at(name->value, p->value)))
            return true;
    }
    return false;
}
