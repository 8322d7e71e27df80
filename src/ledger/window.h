/* The window of recent transaction ids: each is kept until its transaction could no longer be
 * valid, so that none is accepted twice. Ids lie in buckets by the end of their validity and whole
 * buckets expire.
 *
 * What it holds is a function of the blocks alone, so every replica refuses the same transactions.
 * One writer; no reader beside it. */
#ifndef CAIRN_LEDGER_WINDOW_H
#define CAIRN_LEDGER_WINDOW_H

#include "cairn/bytes.h"

enum {
    CAIRN_WINDOW_BUCKET_MS = 10000,
};

typedef struct cairn_window_bucket cairn_window_bucket;

typedef struct cairn_window {
    cairn_window_bucket *buckets; /* sorted by end of validity */
    size_t bucket_count;
    size_t bucket_capacity;
    uint64_t count; /* ids held */
} cairn_window;

void cairn_window_init(cairn_window *window);
void cairn_window_done(cairn_window *window);

/* Was this id, valid until then, decided and is it still held? */
bool cairn_window_has(const cairn_window *window, uint64_t valid_until_ms, const cairn_hash *id);

/* Remembers an id that the block at `height` consumed. EXISTS if it is held, NO_MEMORY. */
cairn_err cairn_window_add(cairn_window *window, uint64_t valid_until_ms, const cairn_hash *id,
                           uint64_t height) CAIRN_MUST_USE;

/* Makes room for one more id that is valid until then; after that many reservations as many adds
 * cannot fail for lack of memory. NO_MEMORY leaves all that is held. */
cairn_err cairn_window_reserve(cairn_window *window, uint64_t valid_until_ms) CAIRN_MUST_USE;

/* Gives up the reservations that no add has used. */
void cairn_window_unreserve(cairn_window *window);

/* Ids in buckets that end after `time_ms`: those that the next expiry leaves. */
uint64_t cairn_window_count_at(const cairn_window *window, uint64_t time_ms);

/* Drops the buckets that end at or before `time_ms`. */
void cairn_window_expire(cairn_window *window, uint64_t time_ms);

/* Least height whose block added an id that may still be held; UINT64_MAX when empty. A replay that
 * begins there rebuilds the window. */
uint64_t cairn_window_oldest_height(const cairn_window *window);

#endif
