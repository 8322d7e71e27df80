/* What a device is told to join: the operator's network profile, signed, and the provider's service
 * profile. Decoded objects are views into the input. Bytes: docs/formats/network-profile.md. Any
 * thread. */
#ifndef CAIRN_NETWORK_PROFILE_H
#define CAIRN_NETWORK_PROFILE_H

#include "cairn/arena.h"
#include "cairn/fdo.h"
#include "cairn/key.h"

enum {
    CAIRN_PROFILE_NETWORKS_MAX = 16,
    CAIRN_PROFILE_SLICES_MAX = 16,
    CAIRN_PROFILE_ANCHORS_MAX = 4,
    CAIRN_PROFILE_ANCHOR_SIZE_MAX = 2048, /* bytes of DER */
    CAIRN_PROFILE_COUNTER_MAX = 8388607,  /* as an eUICC package's (SGP.32) */
    CAIRN_NETWORK_PROFILE_SIZE_MAX = 16384,
    CAIRN_SERVICE_PROFILE_SIZE_MAX = 8192,
};

typedef struct cairn_profile_network {
    cairn_bytes plmn; /* 5 or 6 digits */
    cairn_bytes nid;  /* 11 hex digits; empty: a public network */
} cairn_profile_network;

typedef struct cairn_profile_slice {
    uint8_t sst;
    cairn_bytes sd;  /* 3 bytes, or empty */
    cairn_bytes dnn; /* or empty */
} cairn_profile_slice;

typedef enum cairn_euicc_kind {
    CAIRN_EUICC_NONE,
    CAIRN_EUICC_ACTIVATION_CODE,
    CAIRN_EUICC_EIM,
} cairn_euicc_kind;

typedef struct cairn_network_profile {
    cairn_fdo_guid guid;
    cairn_hash nonce;
    uint32_t counter;
    uint64_t not_before_ms, not_after_ms;
    cairn_bytes user;
    cairn_bytes realm;
    size_t network_count;
    cairn_profile_network networks[CAIRN_PROFILE_NETWORKS_MAX];
    size_t slice_count;
    cairn_profile_slice slices[CAIRN_PROFILE_SLICES_MAX];
    size_t anchor_count;
    cairn_bytes anchors[CAIRN_PROFILE_ANCHORS_MAX];
    cairn_bytes server_name;
    cairn_hash certificate; /* SHA-256 of the client certificate */
    cairn_bytes status_uri; /* empty: none */
    uint32_t status_index;
    cairn_euicc_kind euicc;
    cairn_bytes activation_code;        /* ACTIVATION_CODE */
    cairn_bytes eim_address, eim_token; /* EIM */
    uint32_t fallback_attempts;         /* 0: no way back */
    uint32_t fallback_s;
} cairn_network_profile;

/* The payload, for a signer; the profile is checked as in reading. In the arena. */
cairn_err cairn_network_profile_encode(cairn_arena *arena, const cairn_network_profile *profile,
                                       cairn_bytes *ret_payload) CAIRN_MUST_USE;
/* The bytes to sign under the P-256 key `kid`, and the message with their signature (64 bytes). */
cairn_err cairn_network_profile_to_be_signed(cairn_arena *arena, const cairn_hash *kid,
                                             cairn_bytes payload,
                                             cairn_bytes *ret_message) CAIRN_MUST_USE;
cairn_err cairn_network_profile_assemble(cairn_arena *arena, const cairn_hash *kid,
                                         cairn_bytes payload, cairn_bytes signature,
                                         cairn_bytes *ret_message) CAIRN_MUST_USE;

/* Reads a message and verifies it by the operator's key. NOT_TRUSTED for a kid that is another's;
 * BAD_SIGNATURE, HIGH_S; BAD_VALUE with the field named; else as cbor.h. */
cairn_err cairn_network_profile_open(cairn_arena *arena, cairn_bytes message,
                                     const cairn_key *operator_key,
                                     cairn_network_profile *ret_profile) CAIRN_MUST_USE;

/* The run that a profile is for. */
void cairn_network_profile_nonce(const cairn_fdo_nonce *prove, const cairn_fdo_nonce *setup,
                                 cairn_hash *ret_nonce);

/* What a device knows when it is given one. */
typedef struct cairn_profile_facts {
    cairn_fdo_guid guid;
    cairn_hash nonce;
    cairn_hash certificate;
    uint32_t counter_before; /* of the profile in use; 0: none */
    uint64_t time_ms;        /* 0: the device has no clock, and validity is not asked */
} cairn_profile_facts;

/* MISMATCH names the field that is another device's, run's or certificate's; EXPIRED, EARLY;
 * TX_WRONG_VERSION for a counter that is not larger. */
cairn_err cairn_network_profile_check(const cairn_network_profile *profile,
                                      const cairn_profile_facts *facts) CAIRN_MUST_USE;

typedef struct cairn_service_profile {
    cairn_bytes broker;
    uint16_t port;
    cairn_bytes topic;
    cairn_bytes client_id;
    size_t anchor_count;
    cairn_bytes anchors[CAIRN_PROFILE_ANCHORS_MAX];
    cairn_bytes url; /* empty: none */
} cairn_service_profile;

cairn_err cairn_service_profile_encode(cairn_arena *arena, const cairn_service_profile *profile,
                                       cairn_bytes *ret_encoded) CAIRN_MUST_USE;
cairn_err cairn_service_profile_decode(cairn_bytes encoded,
                                       cairn_service_profile *ret_profile) CAIRN_MUST_USE;

/* Where the device keeps what a configuration points at: paths without quotes, backslashes, blanks
 * and control characters, else BAD_VALUE. */
typedef struct cairn_profile_files {
    const char *anchors;     /* PEM */
    const char *certificate; /* PEM */
    const char *key;         /* PEM, or a pkcs11: URI */
} cairn_profile_files;

/* A network block of wpa_supplicant: EAP-TLS under TLS 1.3 alone. Text in the arena. */
cairn_err cairn_network_profile_render_wpa(cairn_arena *arena, const cairn_network_profile *profile,
                                           const cairn_profile_files *files,
                                           cairn_bytes *ret_text) CAIRN_MUST_USE;
/* Option files of mosquitto_pub and mosquitto_sub (one option a line), and of curl (--config). The
 * latter is MISSING_FIELD without a URL. */
cairn_err cairn_service_profile_render_mqtt(cairn_arena *arena,
                                            const cairn_service_profile *profile,
                                            const cairn_profile_files *files,
                                            cairn_bytes *ret_text) CAIRN_MUST_USE;
cairn_err cairn_service_profile_render_curl(cairn_arena *arena,
                                            const cairn_service_profile *profile,
                                            const cairn_profile_files *files,
                                            cairn_bytes *ret_text) CAIRN_MUST_USE;

#endif
