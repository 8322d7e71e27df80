/* A ring by record number, bounded by count and by bytes. */
#include "ledger/store/recent.h"

#include <stdatomic.h>
#include <stdlib.h>

void cairn_recent_init(cairn_recent *recent)
{
    memset(recent, 0, sizeof *recent);
    pthread_mutex_init(&recent->lock, NULL);
}

void cairn_recent_release(cairn_recent_record *record)
{
    if (record != NULL && atomic_fetch_sub(&record->references, 1) == 1)
        free(record);
}

static cairn_recent_record **place_of(cairn_recent *recent, uint64_t number)
{
    return &recent->ring[number & (CAIRN_RECENT_COUNT_MAX - 1)];
}

static void forget_oldest(cairn_recent *recent)
{
    cairn_recent_record **place = place_of(recent, recent->first++);
    recent->size -= (*place)->size;
    cairn_recent_release(*place);
    *place = NULL;
}

static void forget_all(cairn_recent *recent, uint64_t next)
{
    while (recent->first < recent->next)
        forget_oldest(recent);
    recent->first = recent->next = next;
}

void cairn_recent_done(cairn_recent *recent)
{
    forget_all(recent, 0);
    pthread_mutex_destroy(&recent->lock);
}

static cairn_recent_record *copy_record(uint32_t slot, cairn_bytes payload)
{
    if (payload.size > CAIRN_RECENT_SIZE_MAX)
        return NULL;
    cairn_recent_record *record = malloc(sizeof *record + payload.size);
    if (record == NULL)
        return NULL;
    record->references = 1;
    record->slot = slot;
    record->size = payload.size;
    memcpy(record->payload, payload.data, payload.size);
    return record;
}

void cairn_recent_add(cairn_recent *recent, uint64_t number, uint32_t slot, cairn_bytes payload)
{
    cairn_recent_record *record = copy_record(slot, payload);
    pthread_mutex_lock(&recent->lock);
    if (record == NULL || number != recent->next)
        forget_all(recent, record == NULL ? number + 1 : number);
    if (record != NULL) {
        while (recent->next - recent->first == CAIRN_RECENT_COUNT_MAX ||
               record->size > CAIRN_RECENT_SIZE_MAX - recent->size)
            forget_oldest(recent);
        *place_of(recent, recent->next++) = record;
        recent->size += record->size;
    }
    pthread_mutex_unlock(&recent->lock);
}

cairn_recent_record *cairn_recent_get(cairn_recent *recent, uint64_t number)
{
    pthread_mutex_lock(&recent->lock);
    cairn_recent_record *record = NULL;
    if (number >= recent->first && number < recent->next) {
        record = *place_of(recent, number);
        atomic_fetch_add(&record->references, 1);
    }
    pthread_mutex_unlock(&recent->lock);
    return record;
}
