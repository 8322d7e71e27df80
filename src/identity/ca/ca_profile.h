/* What each kind of certificate looks like: one row a profile, and nothing else decides.
 *
 * Source: RFC 5280; RFC 6960 section 4.2.2.2 (OCSP responder); RFC 5216 section 5.3 and RFC 4334
 * (EAP-TLS); IEEE 802.1AR-2018 section 8 (device identifiers); validity and the rest are the
 * house's (docs/features/ca.md). */
#ifndef CAIRN_IDENTITY_CA_PROFILE_H
#define CAIRN_IDENTITY_CA_PROFILE_H

#include "cairn/bytes.h"

/* Numbers are stored (docs/formats/ca.md): never reused. */
typedef enum cairn_ca_profile {
    CAIRN_CA_ROOT = 1,
    CAIRN_CA_ISSUING = 2,
    CAIRN_CA_TLS_SERVER = 3,
    CAIRN_CA_TLS_CLIENT = 4,
    CAIRN_CA_DEVICE_BOOTSTRAP = 5,
    CAIRN_CA_DEVICE_NETWORK = 6,
    CAIRN_CA_DEVICE_SERVICE = 7,
    CAIRN_CA_OCSP_RESPONDER = 8,
    CAIRN_CA_PROFILE_LAST = CAIRN_CA_OCSP_RESPONDER,
} cairn_ca_profile;

/* Kinds of subject alternative names: the numbers of GeneralName in RFC 5280 section 4.2.1.6. */
typedef enum cairn_ca_name_kind {
    CAIRN_CA_NAME_EMAIL = 1, /* also a network access identifier, device@realm (RFC 5216) */
    CAIRN_CA_NAME_DNS = 2,
    CAIRN_CA_NAME_URI = 6,
    CAIRN_CA_NAME_IP = 7, /* 4 or 16 bytes */
} cairn_ca_name_kind;

typedef struct cairn_ca_name {
    cairn_ca_name_kind kind;
    cairn_bytes value;
} cairn_ca_name;

enum {
    CAIRN_CA_NAMES_MAX = 16,      /* of one certificate */
    CAIRN_CA_NAME_SIZE_MAX = 253, /* bytes of one of them */
    CAIRN_CA_TEXT_SIZE_MAX = 64,  /* bytes of an attribute of the subject (RFC 5280 appendix A) */
    CAIRN_CA_SERIAL_SIZE = 20,    /* bytes (RFC 5280 section 4.1.2.2) */
    CAIRN_CA_EKU_COUNT_MAX = 2,
};

/* Bits of KeyUsage (RFC 5280 section 4.2.1.3). */
enum {
    CAIRN_CA_DIGITAL_SIGNATURE = 1 << 0,
    CAIRN_CA_KEY_CERT_SIGN = 1 << 5,
    CAIRN_CA_CRL_SIGN = 1 << 6,
};

typedef struct cairn_ca_profile_row {
    cairn_ca_profile profile;
    const char *name;
    uint16_t key_usage; /* critical */
    bool is_ca;         /* critical basic constraints */
    uint8_t path_length;
    bool from_csr; /* a requester may have it; else the CA makes it for itself */
    /* Extended key usages, content octets of their OIDs. */
    cairn_bytes eku[CAIRN_CA_EKU_COUNT_MAX];
    const char *unit; /* organisational unit that marks the profile in the subject, or NULL */
    uint32_t names;   /* bits 1 << cairn_ca_name_kind that it may hold */
    uint8_t names_min;
    bool names_organisation; /* the one name is the organisation's own URI */
    bool device;             /* the subject has a serialNumber (802.1AR section 8.6) */
    bool constrained;        /* carries the organisation's name constraints */
    bool no_check;           /* id-pkix-ocsp-nocheck */
    uint32_t validity_s;     /* default and longest */
    uint32_t validity_min_s; /* shortest that may be asked for */
    uint32_t renew_before_s; /* renewal opens that long before the end */
} cairn_ca_profile_row;

/* NULL for a number that is no profile. */
const cairn_ca_profile_row *cairn_ca_profile_of(cairn_ca_profile profile);
/* By name ("tls-server"); NULL when there is none. */
const cairn_ca_profile_row *cairn_ca_profile_find(const char *name);

/* BAD_VALUE unless `name` is well-formed: a host name of letters, digits and hyphens without a
 * wildcard; 4 or 16 bytes of an address; local@host; a URI of printable ASCII with a scheme. */
cairn_err cairn_ca_name_check(const cairn_ca_name *name) CAIRN_MUST_USE;
/* Host names are compared without case, also behind an '@'; the rest is exact. */
bool cairn_ca_name_equal(const cairn_ca_name *a, const cairn_ca_name *b);

#endif
