/* The table of profiles, and what a name must look like. */
#include "identity/ca/ca_profile.h"

#define DAYS(n) ((n)*24u * 3600u)
#define BIT(kind) (1u << (kind))
#define OID(octets)                                   \
    {                                                 \
        (const uint8_t *)(octets), sizeof(octets) - 1 \
    }

/* id-kp (1.3.6.1.5.5.7.3): serverAuth, clientAuth, OCSPSigning, eapOverLAN */
#define SERVER_AUTH OID("\x2b\x06\x01\x05\x05\x07\x03\x01")
#define CLIENT_AUTH OID("\x2b\x06\x01\x05\x05\x07\x03\x02")
#define OCSP_SIGNING OID("\x2b\x06\x01\x05\x05\x07\x03\x09")
#define EAP_OVER_LAN OID("\x2b\x06\x01\x05\x05\x07\x03\x0e")

static const cairn_ca_profile_row rows[] = {
    {.profile = CAIRN_CA_ROOT,
     .name = "root",
     .key_usage = CAIRN_CA_KEY_CERT_SIGN | CAIRN_CA_CRL_SIGN,
     .is_ca = true,
     .path_length = 1,
     .validity_s = DAYS(7305),
     .validity_min_s = DAYS(365),
     .renew_before_s = DAYS(1095)},
    {.profile = CAIRN_CA_ISSUING,
     .name = "issuing",
     .key_usage = CAIRN_CA_KEY_CERT_SIGN | CAIRN_CA_CRL_SIGN,
     .is_ca = true,
     .path_length = 0,
     .constrained = true,
     .validity_s = DAYS(3652),
     .validity_min_s = DAYS(365),
     .renew_before_s = DAYS(730)},
    {.profile = CAIRN_CA_TLS_SERVER,
     .name = "tls-server",
     .key_usage = CAIRN_CA_DIGITAL_SIGNATURE,
     .from_csr = true,
     .eku = {SERVER_AUTH},
     .names = BIT(CAIRN_CA_NAME_DNS) | BIT(CAIRN_CA_NAME_IP),
     .names_min = 1,
     .validity_s = DAYS(90),
     .validity_min_s = 3600,
     .renew_before_s = DAYS(30)},
    {.profile = CAIRN_CA_TLS_CLIENT,
     .name = "tls-client",
     .key_usage = CAIRN_CA_DIGITAL_SIGNATURE,
     .from_csr = true,
     .eku = {CLIENT_AUTH},
     .names = BIT(CAIRN_CA_NAME_URI),
     .names_min = 1,
     .names_organisation = true,
     .validity_s = DAYS(90),
     .validity_min_s = 3600,
     .renew_before_s = DAYS(30)},
    {.profile = CAIRN_CA_DEVICE_BOOTSTRAP,
     .name = "device-bootstrap",
     .key_usage = CAIRN_CA_DIGITAL_SIGNATURE,
     .from_csr = true,
     .eku = {CLIENT_AUTH},
     .unit = "device-bootstrap",
     .device = true,
     .validity_s = DAYS(3652),
     .validity_min_s = 3600,
     .renew_before_s = DAYS(365)},
    {.profile = CAIRN_CA_DEVICE_NETWORK,
     .name = "device-network",
     .key_usage = CAIRN_CA_DIGITAL_SIGNATURE,
     .from_csr = true,
     .eku = {CLIENT_AUTH, EAP_OVER_LAN},
     .unit = "device-network",
     .names = BIT(CAIRN_CA_NAME_EMAIL),
     .names_min = 1,
     .device = true,
     .validity_s = DAYS(365),
     .validity_min_s = 3600,
     .renew_before_s = DAYS(90)},
    {.profile = CAIRN_CA_DEVICE_SERVICE,
     .name = "device-service",
     .key_usage = CAIRN_CA_DIGITAL_SIGNATURE,
     .from_csr = true,
     .eku = {CLIENT_AUTH},
     .unit = "device-service",
     .names = BIT(CAIRN_CA_NAME_URI) | BIT(CAIRN_CA_NAME_DNS),
     .device = true,
     .validity_s = DAYS(365),
     .validity_min_s = 3600,
     .renew_before_s = DAYS(90)},
    {.profile = CAIRN_CA_OCSP_RESPONDER,
     .name = "ocsp-responder",
     .key_usage = CAIRN_CA_DIGITAL_SIGNATURE,
     .eku = {OCSP_SIGNING},
     .no_check = true,
     .validity_s = DAYS(60),
     .validity_min_s = DAYS(1),
     .renew_before_s = DAYS(20)},
};

const cairn_ca_profile_row *cairn_ca_profile_of(cairn_ca_profile profile)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].profile == profile)
            return &rows[i];
    return NULL;
}

const cairn_ca_profile_row *cairn_ca_profile_find(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

/* --- names --- */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool is_alphanumeric(uint8_t c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

/* Labels of letters, digits and inner hyphens, 1 to 63 bytes each (RFC 1123 section 2.1). */
static bool is_host(cairn_bytes host)
{
    size_t label = 0; /* bytes of the label so far */
    for (size_t i = 0; i < host.size; i++) {
        uint8_t c = host.data[i];
        if (c == '.') {
            if (label == 0 || host.data[i - 1] == '-')
                return false;
            label = 0;
            continue;
        }
        if (!is_alphanumeric(c) && (c != '-' || label == 0))
            return false;
        if (++label > 63)
            return false;
    }
    return label > 0 && host.data[host.size - 1] != '-';
}

/* Where the host begins in local@host; 0 when it is none. */
static size_t host_of_email(cairn_bytes email)
{
    size_t at = 0;
    while (at < email.size && (is_alphanumeric(email.data[at]) || email.data[at] == '.' ||
                               email.data[at] == '-' || email.data[at] == '_'))
        at++;
    return at > 0 && at < email.size && email.data[at] == '@' ? at + 1 : 0;
}

static bool is_email(cairn_bytes email)
{
    size_t host = host_of_email(email);
    return host > 0 && is_host(cairn_bytes_of(email.data + host, email.size - host));
}

static bool is_uri(cairn_bytes uri)
{
    size_t scheme = 0;
    while (scheme < uri.size && is_alphanumeric(uri.data[scheme]))
        scheme++;
    if (scheme == 0 || scheme + 1 >= uri.size || uri.data[scheme] != ':')
        return false;
    for (size_t i = 0; i < uri.size; i++)
        if (uri.data[i] <= ' ' || uri.data[i] > '~')
            return false;
    return true;
}

cairn_err cairn_ca_name_check(const cairn_ca_name *name)
{
    bool valid = false;
    if (name->value.size <= CAIRN_CA_NAME_SIZE_MAX) {
        switch (name->kind) {
        case CAIRN_CA_NAME_EMAIL:
            valid = is_email(name->value);
            break;
        case CAIRN_CA_NAME_DNS:
            valid = is_host(name->value);
            break;
        case CAIRN_CA_NAME_URI:
            valid = is_uri(name->value);
            break;
        case CAIRN_CA_NAME_IP:
            valid = name->value.size == 4 || name->value.size == 16;
            break;
        }
    }
    return valid ? CAIRN_OK
                 : CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 5280 section 4.2.1.6",
                              "name of kind %d: is not well-formed", (int)name->kind);
}

bool cairn_ca_name_equal(const cairn_ca_name *a, const cairn_ca_name *b)
{
    if (a->kind != b->kind || a->value.size != b->value.size)
        return false;
    size_t exact = a->value.size;
    if (a->kind == CAIRN_CA_NAME_DNS)
        exact = 0;
    else if (a->kind == CAIRN_CA_NAME_EMAIL)
        exact = host_of_email(a->value);
    for (size_t i = 0; i < a->value.size; i++)
        if (a->value.data[i] != b->value.data[i] &&
            (i < exact || lower(a->value.data[i]) != lower(b->value.data[i])))
            return false;
    return true;
}
