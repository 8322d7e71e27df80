/* Numbers and small shapes of FIDO Device Onboard 1.1, as servers, devices and tools share them.
 * Source: FIDO Device Onboard Specification 1.1 (2022-04-19); bytes: docs/formats/fdo.md. */
#ifndef CAIRN_FDO_H
#define CAIRN_FDO_H

#include "cairn/bytes.h"

enum {
    CAIRN_FDO_VERSION = 101,
    CAIRN_FDO_GUID_SIZE = 16,
    CAIRN_FDO_NONCE_SIZE = 16,
    CAIRN_FDO_ENTRIES_MAX = 255,        /* of a voucher */
    CAIRN_FDO_MESSAGE_SIZE_MAX = 65535, /* bytes of a body */
    CAIRN_FDO_ROUNDS_MAX = 1000000,     /* of service info in one run */
    CAIRN_FDO_SERVICE_INFO_SIZE = 1300, /* bytes, where a peer names none */
};

typedef struct cairn_fdo_guid {
    uint8_t b[CAIRN_FDO_GUID_SIZE];
} cairn_fdo_guid;

typedef struct cairn_fdo_nonce {
    uint8_t b[CAIRN_FDO_NONCE_SIZE];
} cairn_fdo_nonce;

typedef enum cairn_fdo_type {
    CAIRN_FDO_DI_APP_START = 10,
    CAIRN_FDO_DI_SET_CREDENTIALS = 11,
    CAIRN_FDO_DI_SET_HMAC = 12,
    CAIRN_FDO_DI_DONE = 13,
    CAIRN_FDO_TO0_HELLO = 20,
    CAIRN_FDO_TO0_HELLO_ACK = 21,
    CAIRN_FDO_TO0_OWNER_SIGN = 22,
    CAIRN_FDO_TO0_ACCEPT_OWNER = 23,
    CAIRN_FDO_TO1_HELLO_RV = 30,
    CAIRN_FDO_TO1_HELLO_RV_ACK = 31,
    CAIRN_FDO_TO1_PROVE_TO_RV = 32,
    CAIRN_FDO_TO1_RV_REDIRECT = 33,
    CAIRN_FDO_TO2_HELLO_DEVICE = 60,
    CAIRN_FDO_TO2_PROVE_OV_HDR = 61,
    CAIRN_FDO_TO2_GET_OV_NEXT_ENTRY = 62,
    CAIRN_FDO_TO2_OV_NEXT_ENTRY = 63,
    CAIRN_FDO_TO2_PROVE_DEVICE = 64,
    CAIRN_FDO_TO2_SETUP_DEVICE = 65,
    CAIRN_FDO_TO2_DEVICE_SERVICE_INFO_READY = 66,
    CAIRN_FDO_TO2_OWNER_SERVICE_INFO_READY = 67,
    CAIRN_FDO_TO2_DEVICE_SERVICE_INFO = 68,
    CAIRN_FDO_TO2_OWNER_SERVICE_INFO = 69,
    CAIRN_FDO_TO2_DONE = 70,
    CAIRN_FDO_TO2_DONE2 = 71,
    CAIRN_FDO_ERROR = 255,
} cairn_fdo_type;

/* Codes of message 255. */
typedef enum cairn_fdo_code {
    CAIRN_FDO_INVALID_JWT_TOKEN = 1,
    CAIRN_FDO_INVALID_OWNERSHIP_VOUCHER = 2,
    CAIRN_FDO_INVALID_OWNER_SIGN_BODY = 3,
    CAIRN_FDO_INVALID_IP_ADDRESS = 4,
    CAIRN_FDO_INVALID_GUID = 5,
    CAIRN_FDO_RESOURCE_NOT_FOUND = 6,
    CAIRN_FDO_MESSAGE_BODY_ERROR = 100,
    CAIRN_FDO_INVALID_MESSAGE_ERROR = 101,
    CAIRN_FDO_CRED_REUSE_ERROR = 102,
    CAIRN_FDO_INTERNAL_SERVER_ERROR = 500,
} cairn_fdo_code;

/* Cipher suites: COSE numbers. Encrypt-then-MAC ones are not offered (docs/formats/fdo.md). */
typedef enum cairn_fdo_cipher {
    CAIRN_FDO_A128GCM = 1,
    CAIRN_FDO_A192GCM = 2,
    CAIRN_FDO_A256GCM = 3,
} cairn_fdo_cipher;

#endif
