/* What the files of the CA share: its inside, its tables, and the steps within a transaction. */
#ifndef CAIRN_IDENTITY_CA_IMPL_H
#define CAIRN_IDENTITY_CA_IMPL_H

#include <pthread.h>

#include "core/limits.h"
#include "core/store/kv.h"
#include "identity/ca/ca.h"
#include "identity/ca/ca_record.h"

/* Tables of the store (docs/formats/ca.md). */
enum {
    CA_CERTS,   /* serial -> record */
    CA_DER,     /* serial -> certificate */
    CA_KEYS,    /* kid -> whose it is */
    CA_REVOKED, /* partition, serial -> time, reason */
    CA_EXPIRY,  /* not_after, serial */
    CA_WORK,    /* time, kind, serial */
    CA_CRLS,    /* partition -> list */
    CA_OUTBOX,  /* number -> act, commitment */
    CA_META,
    CA_DEVICES,  /* hash of a device, serial */
    CA_REQUESTS, /* hash of what was asked for and granted -> serial */
    CA_TABLE_COUNT,
};

enum { CA_WORK_OCSP = 1, CA_WORK_RETIRE = 2 };

enum {
    CA_URL_SIZE_MAX = 256,
    CA_GENERATIONS_MAX = 16,         /* issuing keys in the life of a CA */
    CA_ARENA_LIMIT = 64 << 20,       /* bytes of one act: a list of the longest partition fits */
    CA_PARTITION_SIZE_MAX = 1 << 14, /* a list stays below what a handler may use */
    CA_DEVICE_KEY_SIZE = 32 + CAIRN_CA_SERIAL_SIZE,
};

/* Who signs: immutable once the CA is open, but for certificates (under `answer_lock`), serials and
 * ends (under `lock`). */
typedef struct ca_party {
    char key_name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    cairn_key *key; /* public */
    uint8_t serial[CAIRN_CA_SERIAL_SIZE];
    cairn_bytes certificate;
    cairn_bytes name;
    uint64_t not_after_s;
    uint32_t list; /* of a root: the partition of its list */
} ca_party;

#define CA_ROOT_NAME "Root CA" /* of all of them */

/* A certificate of a key by an earlier root; empty: none. */
typedef struct ca_cross {
    cairn_bytes certificate;
    uint64_t not_after_s;
} ca_cross;

/* One issuing key, and what speaks for what it issued. It stays as it is once it is counted, but
 * for what changes in parties. */
typedef struct ca_generation {
    ca_party issuing; /* by the newest root */
    ca_cross by_older[CAIRN_CA_ROOTS_MAX - 1];
    ca_party responder; /* the same key for all, a certificate of each */
    cairn_ca_ocsp_issuer issuer;
    uint32_t first_partition; /* it signs the lists from here to the next one's */
} ca_generation;

struct cairn_ca {
    cairn_ca_options options; /* texts and lists in `keep` */
    bool kept;                /* opened as it is: nothing is made */
    cairn_ca_constraints constraints;
    char org_uri[sizeof CAIRN_CA_ORG_URI_PREFIX + 64];
    cairn_clock clock;
    cairn_signer *signer;
    cairn_kv *kv;
    cairn_arena keep; /* lives as long as the CA; under `lock` */
    ca_party roots[CAIRN_CA_ROOTS_MAX];
    ca_cross crosses[CAIRN_CA_ROOTS_MAX]; /* of each by the one before; as the roots */
    size_t root_count;                    /* atomic, written under both locks */
    const ca_party *making_root;          /* the next one, while it is made; under `lock` */
    ca_generation generations[CA_GENERATIONS_MAX];
    size_t generation_count;     /* atomic: more come, none goes */
    const ca_generation *making; /* the next one, while it is made; under `lock` */
    uint8_t responder_hash[CAIRN_CA_OCSP_KEY_HASH_SIZE];
    uint64_t epoch;       /* of the responder's key */
    pthread_mutex_t lock; /* held by whoever changes something */
    /* The next are under `answer_lock`. */
    pthread_mutex_t answer_lock;
    pthread_cond_t answered;
    size_t pending; /* answers that wait for the signer */
    double tokens;  /* answers on demand that may be signed now */
    uint64_t tokens_ns;
};

static inline size_t ca_generation_count(const cairn_ca *ca)
{
    return __atomic_load_n(&ca->generation_count, __ATOMIC_ACQUIRE);
}

static inline size_t ca_root_count(const cairn_ca *ca)
{
    return __atomic_load_n(&ca->root_count, __ATOMIC_ACQUIRE);
}

/* The newest, which certifies what issues. */
static inline const ca_party *ca_root(const cairn_ca *ca)
{
    return &ca->roots[ca_root_count(ca) - 1];
}

/* The one that issues. */
static inline const ca_generation *ca_current(const cairn_ca *ca)
{
    return &ca->generations[ca_generation_count(ca) - 1];
}

/* The one whose certificates are in a partition. */
static inline const ca_generation *ca_generation_of(const cairn_ca *ca, uint32_t partition)
{
    size_t i = ca_generation_count(ca) - 1;
    while (i > 0 && ca->generations[i].first_partition > partition)
        i--;
    return &ca->generations[i];
}

static inline uint64_t ca_now(const cairn_ca *ca)
{
    return cairn_clock_wall_ms(&ca->clock) / 1000;
}

static inline cairn_bytes ca_serial_view(const uint8_t *serial)
{
    return cairn_bytes_of(serial, CAIRN_CA_SERIAL_SIZE);
}

/* --- within a transaction (the caller's, and under `lock` when it writes) --- */

/* Signs with a party's key, waits, and looks whether the signature is one. */
cairn_err cairn_ca_sign(cairn_ca *ca, const ca_party *party, cairn_bytes tbs,
                        uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX],
                        size_t *ret_size) CAIRN_MUST_USE;

/* The record of a serial, in the arena. NOT_FOUND with a detail. */
cairn_err cairn_ca_load(cairn_kv_txn *txn, const uint8_t *serial, cairn_arena *arena,
                        cairn_ca_record *ret_record) CAIRN_MUST_USE;
cairn_err cairn_ca_save(cairn_kv_txn *txn, const uint8_t *serial, const cairn_ca_record *record,
                        cairn_arena *arena) CAIRN_MUST_USE;

/* A number of CA_META, 0 when it is not there. */
cairn_err cairn_ca_get_number(cairn_kv_txn *txn, cairn_bytes key,
                              uint64_t *ret_number) CAIRN_MUST_USE;
cairn_err cairn_ca_put_number(cairn_kv_txn *txn, cairn_bytes key, uint64_t number) CAIRN_MUST_USE;

/* What is to be certified; texts and names were checked. */
typedef struct ca_order {
    const cairn_ca_profile_row *row;
    const ca_party *by; /* NULL: itself */
    const ca_party *self;
    const cairn_key *key;
    cairn_bytes common_name;
    cairn_bytes device;
    const cairn_ca_name *names;
    size_t name_count;
    uint32_t validity_s;
} ca_order;

/* Makes a certificate, with its record, its OCSP answers and its list, and puts all into the
 * transaction; valid once that commits. */
cairn_err cairn_ca_make(cairn_ca *ca, cairn_kv_txn *txn, const ca_order *order, cairn_arena *arena,
                        cairn_ca_issued *ret_issued) CAIRN_MUST_USE;

/* Signs the OCSP answers of a record anew. */
cairn_err cairn_ca_make_ready(cairn_ca *ca, const uint8_t *serial, cairn_ca_record *record,
                              cairn_arena *arena) CAIRN_MUST_USE;
cairn_err cairn_ca_put_work(cairn_kv_txn *txn, uint64_t at_s, uint8_t kind,
                            const uint8_t *serial) CAIRN_MUST_USE;
/* When the answers of a record are to be signed again. */
uint64_t cairn_ca_refresh_at(const cairn_ca *ca, const cairn_ca_record *record);

/* A row of CA_CRLS. */
typedef struct ca_crl_row {
    bool dirty; /* a revocation is not in it yet */
    uint64_t number;
    uint64_t this_update_s;
    uint64_t next_update_s;
    cairn_bytes der;
} ca_crl_row;

cairn_err cairn_ca_get_crl(cairn_kv_txn *txn, uint32_t partition,
                           ca_crl_row *ret_row) CAIRN_MUST_USE;
cairn_err cairn_ca_crl_row_decode(cairn_bytes value, ca_crl_row *ret_row) CAIRN_MUST_USE;
/* Builds and signs the partition's next list; writes nothing. */
cairn_err cairn_ca_make_crl(cairn_ca *ca, cairn_kv_txn *txn, uint32_t partition, cairn_arena *arena,
                            ca_crl_row *ret_row) CAIRN_MUST_USE;
cairn_err cairn_ca_put_crl(cairn_kv_txn *txn, uint32_t partition, const ca_crl_row *row,
                           cairn_arena *arena) CAIRN_MUST_USE;
/* Where the list of a partition is served. */
void cairn_ca_list_url(const cairn_ca *ca, uint32_t partition, char ret_url[CA_URL_SIZE_MAX]);
/* Puts the revocation into the transaction: record, index, announcement. Nothing is signed; the
 * record's answers are gone and the list is marked. */
cairn_err cairn_ca_mark_revoked(cairn_ca *ca, cairn_kv_txn *txn, const uint8_t *serial,
                                cairn_ca_record *record, cairn_ca_reason reason,
                                cairn_arena *arena) CAIRN_MUST_USE;

/* Queues the announcement of an act. */
cairn_err cairn_ca_put_announcement(cairn_kv_txn *txn, cairn_ca_act act,
                                    const cairn_hash *commitment) CAIRN_MUST_USE;

/* --- the CA's own certificates --- */

/* The signer's key of that name as a party, its subject's name, into `keep`; the key is made when
 * there is none and `make` says so. */
cairn_err cairn_ca_open_party(cairn_ca *ca, const char *key_name, const char *common_name,
                              bool make, ca_party *party) CAIRN_MUST_USE;
/* Certifies a party; in use once the transaction commits and somebody has noted its serial. */
cairn_err cairn_ca_certify(cairn_ca *ca, cairn_kv_txn *txn, cairn_ca_profile profile,
                           const char *common_name, const ca_party *by, cairn_arena *arena,
                           ca_party *party) CAIRN_MUST_USE;
/* The certificate with this serial is the party's. MISMATCH for another key, if `strict`. */
cairn_err cairn_ca_load_party(cairn_ca *ca, cairn_kv_txn *txn, cairn_bytes serial, bool strict,
                              cairn_arena *arena, ca_party *party) CAIRN_MUST_USE;
/* The name of the issuing CA of that number. */
enum { CA_COMMON_NAME_SIZE = 32 };
const char *cairn_ca_issuing_name(size_t number, char out[CA_COMMON_NAME_SIZE]);
/* Certifies a generation's issuing key by the earlier roots that have not ended, too: whoever
 * trusts one of them trusts what it issues. */
cairn_err cairn_ca_certify_by_older(cairn_ca *ca, cairn_kv_txn *txn, size_t number,
                                    cairn_arena *arena, ca_generation *generation) CAIRN_MUST_USE;
/* The stored certificates by the roots before `root_count`. */
cairn_err cairn_ca_load_by_older(cairn_ca *ca, cairn_kv_txn *txn, size_t number, size_t root_count,
                                 cairn_arena *arena, ca_generation *generation) CAIRN_MUST_USE;
/* What leads from what a generation has issued to each root, for the holder to send: its
 * certificate by the newest root, that root by the one before, and so on; then those by earlier
 * roots. Nothing that has ended; at most CAIRN_CA_ISSUERS_MAX. Under one of the locks. */
size_t cairn_ca_leading(const cairn_ca *ca, const ca_generation *g, uint64_t now_s,
                        cairn_bytes *ret_certificates);
/* Follows roots that another process made, with the certificates that they gave to the generations
 * that are known here. UNAVAILABLE when a key is not in the signer yet. */
cairn_err cairn_ca_load_roots(cairn_ca *ca, cairn_kv_txn *txn, cairn_arena *arena) CAIRN_MUST_USE;
/* Reads the certificates of a known generation again. */
cairn_err cairn_ca_load_certificates(cairn_ca *ca, cairn_kv_txn *txn, size_t number,
                                     size_t root_count, cairn_arena *arena,
                                     ca_generation *generation) CAIRN_MUST_USE;
/* Takes other certificates of the same keys into use; under both locks. */
void cairn_ca_use_generation(ca_generation *generation, const ca_generation *fresh);
/* Notes the serials of a generation. */
cairn_err cairn_ca_put_generation(cairn_kv_txn *txn, size_t number,
                                  const ca_generation *generation) CAIRN_MUST_USE;
/* Counts the generations that are stored and not counted yet: another process may have made one.
 * UNAVAILABLE when its key is not in the signer yet. */
cairn_err cairn_ca_load_generations(cairn_ca *ca, cairn_kv_txn *txn,
                                    cairn_arena *arena) CAIRN_MUST_USE;
/* The same by itself, under `lock`. */
cairn_err cairn_ca_follow(cairn_ca *ca) CAIRN_MUST_USE;
/* Begins a change, under `lock`, and then follows: another process's rollover came before it, or
 * comes after it, so that nothing gets into the next one's partitions by a key that is not
 * theirs. */
cairn_err cairn_ca_begin(cairn_ca *ca, cairn_kv_txn **ret_txn) CAIRN_MUST_USE;

/* Certifies the key of a generation's responder, or of the issuing CA itself, anew and takes the
 * certificate into use. Under `lock`. */
cairn_err cairn_ca_renew_party(cairn_ca *ca, size_t generation,
                               cairn_ca_profile profile) CAIRN_MUST_USE;

/* What the store keeps of the options: name, URL and constraints; with these the CA is opened by
 * who does not know them. NOT_FOUND without a detail in a store without. Into the arena. */
cairn_err cairn_ca_put_settings(cairn_kv_txn *txn, const cairn_ca_options *options,
                                cairn_arena *arena) CAIRN_MUST_USE;
cairn_err cairn_ca_get_settings(cairn_kv *kv, cairn_arena *arena,
                                cairn_ca_options *options) CAIRN_MUST_USE;

/* Where the index of devices has a certificate. */
void cairn_ca_device_key(cairn_bytes device, const uint8_t *serial,
                         uint8_t ret_key[CA_DEVICE_KEY_SIZE]);

#endif
