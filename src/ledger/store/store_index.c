/* The index: what the store writes in the background so that it need not replay its block log from
 * the beginning. Tables: docs/formats/block-record.md. */
#include <stdlib.h>

#include "cairn/cbor.h"
#include "cairn/sha256.h"
#include "ledger/store/store_impl.h"

static const char clause[] = "docs/formats/block-record.md";
static const char store_magic[] = "cairn/index/1";
static const char ledger_magic[] = "cairn/index-ledger/1";

enum {
    META_SIZE_MAX = 512,
    META_DIGEST_SIZE = 2 + 32, /* encoded */
    KEY_SIZE_MAX = 16,
};

/* --- keys --- */

static cairn_bytes ledger_key(uint32_t slot, uint8_t out[KEY_SIZE_MAX])
{
    memcpy(out, "ledger/", 7);
    cairn_put_u32(out + 7, slot);
    return cairn_bytes_of(out, 11);
}

static cairn_bytes tile_key(uint32_t slot, unsigned level, uint64_t tile, uint8_t out[KEY_SIZE_MAX])
{
    cairn_put_u32(out, slot);
    out[4] = (uint8_t)level;
    cairn_put_u64(out + 5, tile);
    return cairn_bytes_of(out, 13);
}

static cairn_bytes number_key(uint32_t slot, uint64_t number, uint8_t out[KEY_SIZE_MAX])
{
    cairn_put_u32(out, slot);
    cairn_put_u64(out + 4, number);
    return cairn_bytes_of(out, 12);
}

/* --- capture --- */

typedef struct checkpoint_part {
    store_ledger *ledger;
    cairn_view *view;
    uint64_t since;         /* the maps' height up to which the index knows them */
    uint64_t window_height; /* from here on its blocks hold ids that are still kept */
} checkpoint_part;

struct checkpoint {
    uint64_t record_count;
    size_t ledger_count;
    size_t part_count;
    checkpoint_part parts[];
};

/* What the checkpointer may read without a lock from now on. */
static void capture_ids(store_ledger *ledger)
{
    pthread_rwlock_wrlock(&ledger->tail_lock);
    CAIRN_ASSERT(ledger->indexing_ids.rows == NULL);
    ledger->indexing_ids = ledger->ids;
    ledger->ids = (cairn_id_table){0};
    pthread_rwlock_unlock(&ledger->tail_lock);
}

cairn_err cairn_store_checkpoint_capture(cairn_store *store, checkpoint **ret_checkpoint)
{
    checkpoint *cp = calloc(1, sizeof *cp + store->ledger_count * sizeof cp->parts[0]);
    if (cp == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "checkpoint");
    cp->record_count = store->record_count;
    cp->ledger_count = store->ledger_count;
    for (size_t i = 0; i < store->ledger_count; i++) {
        store_ledger *ledger = store->ledgers[i];
        uint64_t height = cairn_ledger_height(ledger->ledger);
        if (ledger->indexed && ledger->indexed_height == height)
            continue;
        capture_ids(ledger);
        uint64_t oldest = cairn_window_oldest_height(cairn_ledger_window(ledger->ledger));
        cp->parts[cp->part_count++] = (checkpoint_part){
            .ledger = ledger,
            .view = cairn_ledger_view(ledger->ledger),
            .since = ledger->indexed ? ledger->indexed_height + 1 : 0,
            .window_height = oldest == UINT64_MAX ? height + 1 : oldest,
        };
    }
    if (cp->part_count == 0) {
        free(cp);
        cp = NULL;
    }
    *ret_checkpoint = cp;
    return CAIRN_OK;
}

void cairn_store_checkpoint_free(checkpoint *cp)
{
    if (cp == NULL)
        return;
    for (size_t i = 0; i < cp->part_count; i++)
        cairn_view_free(cp->parts[i].view);
    free(cp);
}

/* --- write --- */

typedef struct map_writer {
    cairn_kv_txn *txn;
    uint32_t map_slot;
} map_writer;

static cairn_err write_leaf(void *context, const cairn_smt_leaf *leaf)
{
    const map_writer *w = context;
    return cairn_smt_kv_put(w->txn, TABLE_STATE, w->map_slot, leaf);
}

static cairn_err write_maps(cairn_kv_txn *txn, const checkpoint_part *part)
{
    for (uint32_t m = 0; m < CAIRN_MAP_COUNT; m++) {
        map_writer w = {.txn = txn, .map_slot = part->ledger->slot * CAIRN_MAP_COUNT + m};
        CAIRN_TRY(cairn_smt_each_dirty(part->view->maps[m], part->since, write_leaf, &w));
    }
    return CAIRN_OK;
}

/* Writes tile by tile; the lock is held for one tile's time. */
static cairn_err write_level(cairn_kv_txn *txn, const checkpoint_part *part, unsigned level)
{
    store_ledger *ledger = part->ledger;
    uint64_t last_tile = 0;
    size_t partial = cairn_tail_partial(part->view->log_size, level, &last_tile);
    for (uint64_t tile = ledger->tail.levels[level].first / CAIRN_TILE_WIDTH;; tile++) {
        size_t count = tile < last_tile ? CAIRN_TILE_WIDTH : partial;
        cairn_hash hashes[CAIRN_TILE_WIDTH];
        uint8_t key[KEY_SIZE_MAX];
        if (tile > last_tile || count == 0)
            return CAIRN_OK;
        pthread_rwlock_rdlock(&ledger->tail_lock);
        bool here = cairn_tail_read(&ledger->tail, level, tile, count, hashes);
        pthread_rwlock_unlock(&ledger->tail_lock);
        CAIRN_ASSERT(here);
        CAIRN_TRY(cairn_kv_put(txn, TABLE_TILE, tile_key(ledger->slot, level, tile, key),
                               cairn_bytes_of(hashes, count * sizeof hashes[0])));
    }
}

static cairn_err write_place(cairn_kv_txn *txn, uint32_t slot, const block_place *place)
{
    uint8_t key[KEY_SIZE_MAX];
    uint8_t value[16];
    cairn_put_u64(value, place->record);
    cairn_put_u64(value + 8, place->height);
    CAIRN_TRY(cairn_kv_put(txn, TABLE_BLOCK, number_key(slot, place->last_index, key),
                           cairn_bytes_of(value, 16)));
    cairn_put_u64(value, place->last_index);
    return cairn_kv_put(txn, TABLE_HEIGHT, number_key(slot, place->height, key),
                        cairn_bytes_of(value, 8));
}

static cairn_err write_places(cairn_kv_txn *txn, const checkpoint_part *part)
{
    store_ledger *ledger = part->ledger;
    for (size_t i = 0;; i++) {
        block_place place = {0};
        pthread_rwlock_rdlock(&ledger->tail_lock);
        bool more = i < ledger->place_count && ledger->places[i].height <= part->view->height;
        if (more)
            place = ledger->places[i];
        pthread_rwlock_unlock(&ledger->tail_lock);
        if (!more)
            return CAIRN_OK;
        CAIRN_TRY(write_place(txn, ledger->slot, &place));
    }
}

/* Ends a row of `meta`, which lies at `out`, with the digest of all before it: nothing else would
 * tell that a bit of it changed. */
static cairn_err end_meta(cairn_cbor_writer *w, const uint8_t *out, cairn_bytes *ret_value)
{
    cairn_hash digest;
    cairn_bytes before;
    cairn_cbor_writer so_far = *w;
    cairn_cbor_put_hash(&so_far, &(cairn_hash){0});
    CAIRN_TRY(cairn_cbor_writer_end(&so_far, &before));
    cairn_sha256_of(out, before.size - META_DIGEST_SIZE, &digest);
    cairn_cbor_put_hash(w, &digest);
    return cairn_cbor_writer_end(w, ret_value);
}

static cairn_err write_ledger_meta(cairn_kv_txn *txn, const checkpoint_part *part)
{
    uint8_t key[KEY_SIZE_MAX];
    uint8_t out[META_SIZE_MAX];
    uint8_t entry[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    cairn_cbor_writer w;
    cairn_bytes value;
    uint64_t id_count = 0;
    CAIRN_TRY(cairn_id_runs_rows(txn, TABLE_ID, part->ledger->slot, &id_count));
    cairn_cbor_writer_init(&w, out, sizeof out);
    cairn_cbor_put_array(&w, 7);
    cairn_cbor_put_text(&w, ledger_magic);
    cairn_cbor_put_hash(&w, &part->view->ledger);
    cairn_cbor_put_bytes(&w,
                         cairn_bytes_of(entry, cairn_block_entry_encode(&part->view->last, entry)));
    cairn_cbor_put_hash(&w, &part->view->log_root);
    cairn_cbor_put_uint(&w, part->window_height);
    cairn_cbor_put_uint(&w, id_count);
    CAIRN_TRY(end_meta(&w, out, &value));
    return cairn_kv_put(txn, TABLE_META, ledger_key(part->ledger->slot, key), value);
}

static cairn_err write_store_meta(cairn_kv_txn *txn, const checkpoint *cp)
{
    uint8_t out[META_SIZE_MAX];
    cairn_cbor_writer w;
    cairn_bytes value;
    cairn_cbor_writer_init(&w, out, sizeof out);
    cairn_cbor_put_array(&w, 4);
    cairn_cbor_put_text(&w, store_magic);
    cairn_cbor_put_uint(&w, cp->record_count);
    cairn_cbor_put_uint(&w, cp->ledger_count);
    CAIRN_TRY(end_meta(&w, out, &value));
    return cairn_kv_put(txn, TABLE_META, cairn_bytes_str("store"), value);
}

static cairn_err write_all(cairn_kv_txn *txn, const checkpoint *cp)
{
    for (size_t i = 0; i < cp->part_count; i++) {
        CAIRN_TRY(write_maps(txn, &cp->parts[i]));
        for (unsigned level = 0; level < CAIRN_TILE_LEVEL_COUNT; level++)
            CAIRN_TRY(write_level(txn, &cp->parts[i], level));
        CAIRN_TRY(write_places(txn, &cp->parts[i]));
        CAIRN_TRY(cairn_id_runs_add(txn, TABLE_ID, cp->parts[i].ledger->slot,
                                    &cp->parts[i].ledger->indexing_ids, cp->parts[i].view->height));
        CAIRN_TRY(write_ledger_meta(txn, &cp->parts[i]));
    }
    return write_store_meta(txn, cp);
}

cairn_err cairn_store_checkpoint_write(cairn_store *store, const checkpoint *cp)
{
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_kv_begin(store->kv, true, &txn));
    cairn_err err = write_all(txn, cp);
    if (err != CAIRN_OK) {
        cairn_kv_abort(txn);
        return err;
    }
    return cairn_kv_commit(txn);
}

void cairn_store_checkpoint_finish(cairn_store *store, checkpoint *cp)
{
    for (size_t i = 0; i < cp->part_count; i++) {
        const checkpoint_part *part = &cp->parts[i];
        store_ledger *ledger = part->ledger;
        size_t gone = 0;
        pthread_rwlock_wrlock(&ledger->tail_lock);
        cairn_tail_trim(&ledger->tail, part->view->log_size);
        cairn_id_table_done(&ledger->indexing_ids);
        while (gone < ledger->place_count && ledger->places[gone].height <= part->view->height)
            gone++;
        ledger->place_count -= gone;
        memmove(ledger->places, &ledger->places[gone],
                ledger->place_count * sizeof ledger->places[0]);
        pthread_rwlock_unlock(&ledger->tail_lock);
        ledger->indexed = true;
        ledger->indexed_height = part->view->height;
        ledger->clean_slice = 0;
    }
    store->indexed_records = cp->record_count;
    cairn_store_checkpoint_free(cp);
}

/* --- read --- */

cairn_err cairn_store_index_tile(cairn_kv *kv, uint32_t slot, unsigned level, uint64_t tile,
                                 size_t count, cairn_hash *ret_hashes)
{
    uint8_t key[KEY_SIZE_MAX];
    cairn_bytes value;
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_kv_begin(kv, false, &txn));
    cairn_err err = cairn_kv_get(txn, TABLE_TILE, tile_key(slot, level, tile, key), &value);
    if (err == CAIRN_ERR_NOT_FOUND || (err == CAIRN_OK && value.size < count * sizeof(cairn_hash)))
        err = CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.tile: level %u tile %llu lacks hashes",
                         level, (unsigned long long)tile);
    if (err == CAIRN_OK)
        memcpy(ret_hashes, value.data, count * sizeof(cairn_hash));
    cairn_kv_abort(txn);
    return err;
}

static cairn_err seek_block(cairn_kv_txn *txn, uint32_t slot, uint64_t index,
                            block_place *ret_place)
{
    uint8_t key[KEY_SIZE_MAX];
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes found;
    cairn_bytes value;
    CAIRN_TRY(cairn_kv_cursor_open(txn, TABLE_BLOCK, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, number_key(slot, index, key), &found, &value);
    if (err == CAIRN_OK && (found.size != 12 || value.size != 16))
        err = CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.block: row has another shape");
    else if (err == CAIRN_OK && cairn_get_u32(found.data) != slot)
        err = CAIRN_ERR_NOT_FOUND;
    if (err == CAIRN_OK)
        *ret_place = (block_place){
            .height = cairn_get_u64(value.data + 8),
            .record = cairn_get_u64(value.data),
            .last_index = cairn_get_u64(found.data + 4),
        };
    cairn_kv_cursor_close(cursor);
    return err;
}

cairn_err cairn_store_index_block_at(cairn_kv *kv, uint32_t slot, uint64_t index,
                                     block_place *ret_place)
{
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_kv_begin(kv, false, &txn));
    cairn_err err = seek_block(txn, slot, index, ret_place);
    cairn_kv_abort(txn);
    return err;
}

/* The first block at or above `height`. */
static cairn_err seek_height(cairn_kv_txn *txn, uint32_t slot, uint64_t height,
                             uint64_t *ret_last_index)
{
    uint8_t key[KEY_SIZE_MAX];
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes found;
    cairn_bytes value;
    CAIRN_TRY(cairn_kv_cursor_open(txn, TABLE_HEIGHT, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, number_key(slot, height, key), &found, &value);
    if (err == CAIRN_OK && (found.size != 12 || value.size != 8))
        err = CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.height: row has another shape");
    else if (err == CAIRN_OK && cairn_get_u32(found.data) != slot)
        err = CAIRN_ERR_NOT_FOUND;
    if (err == CAIRN_OK)
        *ret_last_index = cairn_get_u64(value.data);
    cairn_kv_cursor_close(cursor);
    return err;
}

cairn_err cairn_store_index_block_of(cairn_kv *kv, uint32_t slot, uint64_t height,
                                     block_place *ret_place)
{
    uint64_t last_index = 0;
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_kv_begin(kv, false, &txn));
    cairn_err err = seek_height(txn, slot, height, &last_index);
    if (err == CAIRN_OK)
        err = seek_block(txn, slot, last_index, ret_place);
    cairn_kv_abort(txn);
    return err;
}

/* --- load --- */

/* The digest that ends a row of `meta`. */
static cairn_err read_meta_end(cairn_cbor_reader *r, cairn_bytes value)
{
    cairn_hash stored;
    cairn_hash digest;
    CAIRN_TRY(cairn_cbor_read_hash(r, "digest", &stored));
    CAIRN_TRY(cairn_cbor_end(r));
    cairn_sha256_of(value.data, value.size - META_DIGEST_SIZE, &digest);
    return cairn_hash_equal(&stored, &digest)
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.meta: row has another digest");
}

cairn_err cairn_store_index_records(cairn_kv *kv, uint64_t *ret_record_count,
                                    uint64_t *ret_ledger_count)
{
    cairn_kv_txn *txn = NULL;
    cairn_bytes value;
    cairn_cbor_reader r;
    size_t four = 0;
    *ret_record_count = 0;
    *ret_ledger_count = 0;
    CAIRN_TRY(cairn_kv_begin(kv, false, &txn));
    cairn_err err = cairn_kv_get(txn, TABLE_META, cairn_bytes_str("store"), &value);
    if (err == CAIRN_OK)
        err = cairn_cbor_open(&r, value, CAIRN_CBOR_STRICT, "index.store", clause);
    if (err == CAIRN_OK)
        err = cairn_cbor_read_array(&r, "store", 4, 4, &four);
    if (err == CAIRN_OK)
        err = cairn_cbor_read_magic(&r, store_magic);
    if (err == CAIRN_OK)
        err = cairn_cbor_read_uint(&r, "record_count", 0, INT64_MAX, ret_record_count);
    if (err == CAIRN_OK)
        err =
            cairn_cbor_read_uint(&r, "ledger_count", 0, CAIRN_STORE_LEDGERS_MAX, ret_ledger_count);
    if (err == CAIRN_OK)
        err = read_meta_end(&r, value);
    cairn_kv_abort(txn);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    return err == CAIRN_OK
               ? err
               : CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.store: %s", cairn_err_text(err));
}

typedef struct ledger_meta {
    cairn_hash id;
    cairn_block_entry entry;
    cairn_hash log_root;
    uint64_t window_height;
    uint64_t id_count; /* rows of its runs */
} ledger_meta;

static cairn_err decode_ledger_meta(cairn_bytes value, ledger_meta *ret_meta)
{
    cairn_cbor_reader r;
    cairn_bytes entry;
    size_t seven = 0;
    CAIRN_TRY(cairn_cbor_open(&r, value, CAIRN_CBOR_STRICT, "index.ledger", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "ledger", 7, 7, &seven));
    CAIRN_TRY(cairn_cbor_read_magic(&r, ledger_magic));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "id", &ret_meta->id));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "block_entry", 1, CAIRN_BLOCK_ENTRY_SIZE_MAX, &entry));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "log_root", &ret_meta->log_root));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "window_height", 0, INT64_MAX, &ret_meta->window_height));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "id_count", 0, INT64_MAX, &ret_meta->id_count));
    CAIRN_TRY(read_meta_end(&r, value));
    return cairn_block_entry_decode(entry, &ret_meta->entry);
}

static cairn_err read_ledger_meta(cairn_kv *kv, uint32_t slot, ledger_meta *ret_meta)
{
    uint8_t key[KEY_SIZE_MAX];
    cairn_bytes value;
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_kv_begin(kv, false, &txn));
    cairn_err err = cairn_kv_get(txn, TABLE_META, ledger_key(slot, key), &value);
    if (err == CAIRN_OK)
        err = decode_ledger_meta(value, ret_meta);
    cairn_kv_abort(txn);
    return err == CAIRN_OK ? err
                           : CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.ledger %u: %s", slot,
                                        cairn_err_text(err));
}

typedef struct index_source {
    cairn_kv *kv;
    uint32_t slot;
} index_source;

static cairn_err read_index_tile(void *context, unsigned level, uint64_t tile, size_t count,
                                 cairn_hash *ret_hashes)
{
    const index_source *source = context;
    return cairn_store_index_tile(source->kv, source->slot, level, tile, count, ret_hashes);
}

/* The tail begins with the partial tiles that the index holds. */
static cairn_err load_tail(store_ledger *ledger, const cairn_log_frontier *frontier)
{
    cairn_tail_init(&ledger->tail, frontier);
    for (unsigned level = 0; level < CAIRN_TILE_LEVEL_COUNT; level++) {
        cairn_hash hashes[CAIRN_TILE_WIDTH];
        uint64_t tile = 0;
        size_t count = cairn_tail_partial(frontier->size, level, &tile);
        if (count == 0)
            continue;
        CAIRN_TRY(
            cairn_store_index_tile(ledger->store->kv, ledger->slot, level, tile, count, hashes));
        CAIRN_TRY(cairn_tail_load(&ledger->tail, level, hashes, count));
    }
    return CAIRN_OK;
}

static cairn_err load_maps(const store_ledger *ledger, cairn_ledger_point *point)
{
    store_bases bases;
    cairn_err err = CAIRN_OK;
    CAIRN_TRY(cairn_store_bases_open(ledger, &bases));
    for (size_t m = 0; err == CAIRN_OK && m < CAIRN_MAP_COUNT; m++)
        err = cairn_smt_load(&bases.bases.map[m], &point->maps_take[m]);
    cairn_store_bases_close(&bases);
    return err;
}

/* The index of another history of the same ledger, such as one put back alone from a backup, would
 * let the log go on where it never was. */
static cairn_err check_last_block(store_ledger *ledger, const cairn_block_entry *entry)
{
    uint8_t encoded[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    cairn_bytes indexed = cairn_bytes_of(encoded, cairn_block_entry_encode(entry, encoded));
    block_place place;
    cairn_block_record record;
    cairn_arena arena;
    cairn_arena_init(&arena, BLOCK_ARENA_SIZE_MAX);
    cairn_err err = cairn_store_find_height(ledger, entry->height, &place);
    if (err == CAIRN_OK)
        err = cairn_store_read_block(ledger, &place, &arena, &record);
    if (err == CAIRN_ERR_NOT_FOUND ||
        (err == CAIRN_OK && !cairn_bytes_equal(record.entry_bytes, indexed)))
        err = CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                         "index.ledger %u: the block log has another block %llu", ledger->slot,
                         (unsigned long long)entry->height);
    cairn_arena_done(&arena);
    return err;
}

/* An id that is not found is not there: so all that the index should have of them is. */
static cairn_err check_ids(cairn_kv *kv, uint32_t slot, uint64_t wanted)
{
    uint64_t count = 0;
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_kv_begin(kv, false, &txn));
    cairn_err err = cairn_id_runs_check(txn, TABLE_ID, slot, &count);
    cairn_kv_abort(txn);
    CAIRN_TRY(err);
    return count == wanted
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.id: ledger %u has %llu rows of %llu",
                            slot, (unsigned long long)count, (unsigned long long)wanted);
}

static cairn_err load_ledger(cairn_store *store, uint32_t slot)
{
    store_ledger *ledger = NULL;
    ledger_meta meta;
    cairn_hash root;
    CAIRN_TRY(read_ledger_meta(store->kv, slot, &meta));
    CAIRN_TRY(check_ids(store->kv, slot, meta.id_count));
    CAIRN_TRY(cairn_store_add_ledger(store, slot, &ledger));
    index_source context = {.kv = store->kv, .slot = slot};
    const cairn_merkle_source source = {.read_tile = read_index_tile, .context = &context};
    cairn_ledger_point point = {.id = meta.id, .entry = meta.entry};
    CAIRN_TRY(cairn_merkle_source_frontier(&source, meta.entry.first + meta.entry.count + 1,
                                           &point.frontier));
    cairn_log_frontier_root(&point.frontier, &root);
    if (!cairn_hash_equal(&root, &meta.log_root))
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.tile: ledger %u has another log root",
                          slot);
    CAIRN_TRY(load_tail(ledger, &point.frontier));
    cairn_err err = load_maps(ledger, &point);
    if (err == CAIRN_OK)
        err = cairn_ledger_restore(ledger->ledger, &point);
    for (size_t m = 0; m < CAIRN_MAP_COUNT; m++)
        cairn_smt_free(point.maps_take[m]);
    CAIRN_TRY(err);
    ledger->indexed = true;
    ledger->indexed_height = meta.entry.height;
    ledger->clean_slice = 1u << CLEAN_BITS;
    CAIRN_TRY(check_last_block(ledger, &meta.entry));
    return cairn_store_rebuild_window(ledger, meta.window_height);
}

cairn_err cairn_store_index_load(cairn_store *store)
{
    uint64_t records = 0;
    uint64_t ledgers = 0;
    CAIRN_TRY(cairn_store_index_records(store->kv, &records, &ledgers));
    for (uint32_t slot = 0; slot < ledgers; slot++)
        CAIRN_TRY(load_ledger(store, slot));
    store->indexed_records = records;
    return CAIRN_OK;
}
