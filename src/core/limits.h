/* Every bound of the house in one place. A limit that consensus depends on is a chain parameter
 * (ledger/params.h) and only its ceiling stands here. Each has a test that reaches it. */
#ifndef CAIRN_CORE_LIMITS_H
#define CAIRN_CORE_LIMITS_H

enum {
    /* codec */
    CAIRN_CBOR_DEPTH_MAX = 16,            /* nested maps, arrays and tags */
    CAIRN_CBOR_MAP_COUNT_MAX = 4096,      /* pairs of one map */
    CAIRN_CBOR_ARRAY_COUNT_MAX = 1 << 20, /* items of one array */
    CAIRN_COSE_HEADERS_MAX = 64,          /* labels of one COSE header map */

    /* signer */
    CAIRN_SIGNER_QUEUE_MAX = 1024,           /* messages that wait */
    CAIRN_SIGNER_KEYS_MAX = 1024,            /* keys of one directory or token */
    CAIRN_SIGNER_NAME_SIZE_MAX = 64,         /* bytes of a key's name */
    CAIRN_SIGNER_MESSAGE_SIZE_MAX = 1 << 20, /* bytes to be signed */

    /* key process and import workers */
    CAIRN_KEY_LINK_CALLS_MAX = 1024,    /* requests in flight */
    CAIRN_KEY_LINK_SIZE_MAX = 64 << 20, /* bytes of requests that are not sent yet */
    CAIRN_WORKER_ERROR_SIZE_MAX = 511,  /* bytes of a worker's failure text */

    /* vault */
    CAIRN_VAULT_SUBJECTS_MAX = 1 << 17,      /* of one vault, the erased ones included */
    CAIRN_VAULT_KEYRING_SIZE_MAX = 16 << 20, /* bytes of the keyring's file */
    CAIRN_VAULT_CHUNK_COUNT_MAX = 1 << 24,   /* chunks of 64 KiB of one object: 1 TiB */

    /* jobs */
    CAIRN_JOBS_SLOTS_MAX = 4096,         /* ledgers of one store */
    CAIRN_JOBS_NAME_SIZE_MAX = 64,       /* bytes of a projection's, reaction's or owner's name */
    CAIRN_JOBS_BATCH_EVENTS_MAX = 1024,  /* events in one transaction */
    CAIRN_JOBS_BATCH_BLOCKS_MAX = 4096,  /* blocks read for it */
    CAIRN_JOBS_BATCH_SIZE_MAX = 8 << 20, /* bytes of the events held for it */
    CAIRN_PROJECTION_TABLES_MAX = 16,    /* of one projection */
    CAIRN_PROJECTION_KEY_SIZE_MAX = 480, /* bytes: fits LMDB's 511 with a prefix */
    CAIRN_PROJECTION_VALUE_SIZE_MAX = 1 << 18, /* bytes */
    CAIRN_PROJECTION_CHANGES_MAX = 4096,       /* rows that one event may change */
    CAIRN_TIMERS_MAX = 1 << 20,                /* set at a time */
    CAIRN_TIMER_ID_SIZE_MAX = 128,             /* bytes */
    CAIRN_TIMER_PAYLOAD_SIZE_MAX = 4096,       /* bytes */
    CAIRN_TIMER_FIRINGS_MAX = 256,             /* under way */
    CAIRN_TIMER_RETRY_MS_MAX = 300000,         /* longest wait before another attempt */
    CAIRN_OUTBOX_DESTINATION_SIZE_MAX = 256,   /* bytes of a lane's name */
    CAIRN_OUTBOX_HEADERS_MAX = 8,              /* of one message, besides those that we add */
    CAIRN_OUTBOX_HEADER_SIZE_MAX = 1024,       /* bytes of one of them */
    CAIRN_OUTBOX_BODY_SIZE_MAX = 1 << 20,      /* bytes */
    CAIRN_OUTBOX_TENANT_ROWS_MAX = 10000,      /* messages that wait, of one tenant */
    CAIRN_OUTBOX_TENANT_SIZE_MAX = 64 << 20,   /* bytes of their bodies */
    CAIRN_OUTBOX_DEAD_MAX = 256,               /* dead letters of one tenant */
    CAIRN_OUTBOX_IN_FLIGHT_MAX = 64,           /* deliveries under way */
    CAIRN_OUTBOX_ATTEMPTS_MAX = 64,            /* of one message */
    CAIRN_OUTBOX_ORIGIN_MAX = 4,               /* of them to one scheme, host and port */
    CAIRN_OUTBOX_TENANT_MAX = 8,               /* of them of one tenant */
    CAIRN_OUTBOX_RETRY_MS_MAX = 3600000,       /* longest wait before another attempt */
    CAIRN_CALLBACKS_MAX = 100000,              /* of all lists together */
    CAIRN_CALLBACKS_OWNER_MAX = 1000,          /* of one owner in one list */
    CAIRN_CALLBACK_TOPICS_MAX = 16,            /* of one callback */
    CAIRN_CALLBACK_TOPIC_SIZE_MAX = 66,        /* bytes: a type and a key's first 64 */
    CAIRN_CALLBACK_WAITING_MAX = 1000,         /* messages of one callback */

    /* ledger */
    CAIRN_TX_SIZE_MAX = 65535, /* bytes of one log entry: tlog-tiles bundles prefix a uint16 */
    CAIRN_STATE_KEY_SIZE_MAX =
        256, /* bytes of a state key: fits LMDB's 511-byte keys with a prefix */
    CAIRN_STATE_VALUE_SIZE_MAX = 65535,
    CAIRN_BLOCK_TX_COUNT_MAX = 8192,
    CAIRN_BLOCK_SIZE_MAX = 8 << 20,   /* bytes of the transactions of one block */
    CAIRN_TX_EVENTS_MAX = 16,         /* events of one transaction */
    CAIRN_TX_EVENTS_SIZE_MAX = 768,   /* bytes of their keys together */
    CAIRN_EVENT_KEY_SIZE_MAX = 256,   /* bytes of an event's key: names an object of the state */
    CAIRN_MEMBERS_MAX = 128,          /* organisations in an electorate */
    CAIRN_ORG_KEYS_MAX = 256,         /* keys of one organisation over its life */
    CAIRN_RECEIPT_SIGNERS_MAX = 128,  /* cosignatures in one receipt or checkpoint */
    CAIRN_MERKLE_PATH_MAX = 64,       /* hashes in one inclusion path */
    CAIRN_SMT_DEPTH_MAX = 256,        /* levels of the state map */
    CAIRN_CHECKPOINT_SIZE_MAX = 65536 /* bytes of a signed note */
};

#endif
