/* The newest records of a store's block log, in memory: whoever follows the ledger, or asks for the
 * receipt of what was just accepted, need not read the disk. What is not here is there.
 *
 * One writer; any thread reads. A record lives as long as somebody holds it. Source: house. */
#ifndef CAIRN_LEDGER_RECENT_H
#define CAIRN_LEDGER_RECENT_H

#include <pthread.h>

#include "cairn/bytes.h"

enum {
    CAIRN_RECENT_COUNT_MAX = 4096,    /* records; a power of two */
    CAIRN_RECENT_SIZE_MAX = 16 << 20, /* bytes of them; a larger one is not kept */
};

typedef struct cairn_recent_record {
    _Atomic unsigned references;
    uint32_t slot; /* of its ledger */
    size_t size;
    uint8_t payload[];
} cairn_recent_record;

typedef struct cairn_recent {
    pthread_mutex_t lock; /* guards all below */
    cairn_recent_record *ring[CAIRN_RECENT_COUNT_MAX];
    uint64_t first; /* numbers of the records kept: from first to below next */
    uint64_t next;
    size_t size;
} cairn_recent;

void cairn_recent_init(cairn_recent *recent);
void cairn_recent_done(cairn_recent *recent);

/* Keeps a copy of record `number`, and forgets the oldest to make room. Where it does not follow
 * the last one, and where memory is short, all is forgotten: the block log has it. */
void cairn_recent_add(cairn_recent *recent, uint64_t number, uint32_t slot, cairn_bytes payload);

/* The record, a reference; NULL when it is not kept. */
cairn_recent_record *cairn_recent_get(cairn_recent *recent, uint64_t number);
void cairn_recent_release(cairn_recent_record *record); /* takes NULL */
static inline void cairn_recent_release_p(cairn_recent_record **record)
{
    cairn_recent_release(*record);
}

#endif
