/* Codec of the block entry, and app_hash. */
#include "cairn/block_entry.h"

#include "cairn/cbor.h"
#include "cairn/sha256.h"
#include "cairn/transaction.h"

static const char magic[] = "cairn/block/1";

cairn_err cairn_block_entry_decode(cairn_bytes in, cairn_block_entry *ret_entry)
{
    static const char clause[] = "docs/formats/block-entry.md";
    cairn_cbor_reader r;
    cairn_block_entry e;
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "block entry", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "block entry", 8, 8, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&r, magic));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "height", 0, INT64_MAX, &e.height));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "time", 0, CAIRN_TIME_MAX_MS, &e.time_ms));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "first", 1, INT64_MAX, &e.first));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "count", 0, (uint64_t)INT64_MAX - e.first, &e.count));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "state_root", &e.state_root));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "config_root", &e.config_root));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "results_root", &e.results_root));
    CAIRN_TRY(cairn_cbor_end(&r));
    *ret_entry = e;
    return CAIRN_OK;
}

size_t cairn_block_entry_encode(const cairn_block_entry *entry,
                                uint8_t out[CAIRN_BLOCK_ENTRY_SIZE_MAX])
{
    cairn_cbor_writer w;
    cairn_bytes encoded;
    cairn_cbor_writer_init(&w, out, CAIRN_BLOCK_ENTRY_SIZE_MAX);
    cairn_cbor_put_array(&w, 8);
    cairn_cbor_put_text(&w, magic);
    cairn_cbor_put_uint(&w, entry->height);
    cairn_cbor_put_uint(&w, entry->time_ms);
    cairn_cbor_put_uint(&w, entry->first);
    cairn_cbor_put_uint(&w, entry->count);
    cairn_cbor_put_hash(&w, &entry->state_root);
    cairn_cbor_put_hash(&w, &entry->config_root);
    cairn_cbor_put_hash(&w, &entry->results_root);
    CAIRN_ASSERT(cairn_cbor_writer_end(&w, &encoded) == CAIRN_OK);
    return encoded.size;
}

void cairn_app_hash(uint64_t log_size, const cairn_hash *log_root, cairn_hash *ret_app_hash)
{
    uint8_t size[8];
    cairn_put_u64(size, log_size);
    const cairn_bytes parts[] = {
        cairn_bytes_str("cairn/app-hash/1"),
        cairn_bytes_of(size, sizeof size),
        cairn_bytes_hash(log_root),
    };
    cairn_sha256_parts(parts, 3, ret_app_hash);
}
