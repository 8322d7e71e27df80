/* What the files of the callbacks share. Private to jobs. */
#ifndef CAIRN_CORE_JOBS_CALLBACK_IMPL_H
#define CAIRN_CORE_JOBS_CALLBACK_IMPL_H

#include "core/jobs/callback.h"
#include "core/jobs/jobs_impl.h"

/* kind ‖ 0x00 ‖ ledger ‖ owner ‖ id */
enum {
    CALLBACK_LIST_SIZE_MAX = CAIRN_JOBS_NAME_SIZE_MAX + 1 + (int)sizeof(cairn_hash),
    CALLBACK_KEY_SIZE_MAX =
        CALLBACK_LIST_SIZE_MAX + (int)sizeof(cairn_hash) + CAIRN_CALLBACK_ID_SIZE,
    CALLBACK_TOPIC_KEY_SIZE_MAX =
        CALLBACK_LIST_SIZE_MAX + 1 + CAIRN_CALLBACK_TOPIC_SIZE_MAX + CAIRN_CALLBACK_ID_SIZE,
    CALLBACK_DESTINATION_SIZE = 9 + 2 * CAIRN_CALLBACK_ID_SIZE + 1, /* "callback/HEX" */
};

typedef struct callback_key {
    size_t size;
    uint8_t data[CALLBACK_KEY_SIZE_MAX];
} callback_key;

static inline cairn_bytes callback_key_view(const callback_key *key)
{
    return cairn_bytes_of(key->data, key->size);
}

/* Key of a list; with `owner` and `id`, unless NULL, of what is in it. */
void cairn_callback_key(const char *kind, const cairn_hash *ledger, const cairn_hash *owner,
                        const uint8_t *id, callback_key *ret_key);
/* list ‖ u8 size of the topic ‖ topic ‖ id: its size. */
size_t cairn_callback_topic_key(const char *kind, const cairn_hash *ledger, cairn_bytes topic,
                                const uint8_t *id, uint8_t ret_key[CALLBACK_TOPIC_KEY_SIZE_MAX]);

/* The record under a key; views into the transaction. NOT_FOUND without a detail. */
cairn_err cairn_callback_load(cairn_kv_txn *kv, const callback_key *key,
                              jobs_callback_record *ret_record) CAIRN_MUST_USE;
cairn_err cairn_callback_store(cairn_jobs_txn *txn, const callback_key *key,
                               const jobs_callback_record *record) CAIRN_MUST_USE;
/* Takes out all that there is of it. */
cairn_err cairn_callback_drop(cairn_jobs_txn *txn, const char *kind, const cairn_hash *ledger,
                              const cairn_hash *owner, const uint8_t *id) CAIRN_MUST_USE;

/* The outbox's tenant of an owner, and a callback's lane. */
void cairn_callback_lane(const cairn_hash *owner, const uint8_t *id, char ret_tenant[65],
                         char ret_destination[CALLBACK_DESTINATION_SIZE]);

/* Names of the two timers that a callback may have; what they are about is their payload, the key.
 */
#define CALLBACK_EXPIRE "callback.expire"
#define CALLBACK_CATCH_UP "callback.catch_up"

/* True when the firing is of one of the two, and then is done. In a step, outside a transaction. */
bool cairn_callback_fire(cairn_jobs *jobs, cairn_timer_firing *firing);

/* Catches up, from a step. */
cairn_err cairn_callback_catch_up(cairn_jobs *jobs, cairn_bytes key) CAIRN_MUST_USE;

/* Divides a key into its parts; the kind ends in its NUL, in place. CORRUPT. */
cairn_err cairn_callback_divide(cairn_bytes key, const char **ret_kind, cairn_hash *ret_ledger,
                                cairn_hash *ret_owner,
                                uint8_t ret_id[CAIRN_CALLBACK_ID_SIZE]) CAIRN_MUST_USE;

#endif
