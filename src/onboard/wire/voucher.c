/* The ownership voucher, read and made; its certificates. The chain of its entries: voucher_head.c.
 */
#include "onboard/wire/voucher.h"

static const char clause[] = "FDO 1.1, 3.4";

/* --- header --- */

static cairn_err read_version(cairn_cbor_reader *reader)
{
    int64_t version = 0;
    CAIRN_TRY(cairn_cbor_read_int(reader, "version", INT32_MIN, INT32_MAX, &version));
    if (version != CAIRN_FDO_VERSION)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VERSION, clause, "%s.version: %lld", reader->object,
                          (long long)version);
    return CAIRN_OK;
}

static cairn_err read_header(cairn_bytes in, cairn_fdo_header *header)
{
    size_t count = 0;
    cairn_bytes guid = {0};
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_cbor_open(&reader, in, CAIRN_CBOR_FOREIGN, "voucher header", clause));
    CAIRN_TRY(cairn_cbor_read_array(&reader, "header", 6, 6, &count));
    CAIRN_TRY(read_version(&reader));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "guid", sizeof header->guid.b, sizeof header->guid.b,
                                    &guid));
    memcpy(header->guid.b, guid.data, guid.size);
    CAIRN_TRY(cairn_fdo_rv_info_read(&reader, "rv_info", &header->rv_info));
    CAIRN_TRY(cairn_cbor_read_text(&reader, "device_info", 0, CAIRN_FDO_DEVICE_INFO_SIZE_MAX,
                                   &header->device_info));
    CAIRN_TRY(cairn_fdo_key_read(&reader, "manufacturer", &header->manufacturer));
    if (cairn_cbor_peek(&reader) == CAIRN_CBOR_NULL)
        return cairn_cbor_read_null(&reader, "chain_hash");
    header->has_chain_hash = true;
    return cairn_fdo_hash_read(&reader, "chain_hash", &header->chain_hash);
}

cairn_err cairn_fdo_header_read(cairn_bytes in, cairn_fdo_header *ret_header)
{
    CAIRN_CLEANUP(cairn_fdo_header_done) cairn_fdo_header header = {.encoded = in};
    CAIRN_TRY(read_header(in, &header));
    *ret_header = header;
    header.manufacturer = NULL;
    return CAIRN_OK;
}

void cairn_fdo_header_done(cairn_fdo_header *header)
{
    if (header == NULL)
        return;
    cairn_fdo_key_free(header->manufacturer);
    header->manufacturer = NULL;
}

static void put_header(cairn_cbor_writer *writer, const cairn_fdo_header *header)
{
    cairn_cbor_put_array(writer, 6);
    cairn_cbor_put_uint(writer, CAIRN_FDO_VERSION);
    cairn_cbor_put_bytes(writer, cairn_bytes_of(header->guid.b, sizeof header->guid.b));
    cairn_fdo_rv_info_put(writer, &header->rv_info);
    cairn_cbor_put_text_view(writer, header->device_info);
    cairn_cbor_put_raw(writer, cairn_fdo_key_encoded(header->manufacturer));
    if (header->has_chain_hash)
        cairn_fdo_hash_put(writer, &header->chain_hash);
    else
        cairn_cbor_put_null(writer);
}

cairn_err cairn_fdo_header_encode(cairn_arena *arena, const cairn_fdo_header *header,
                                  cairn_bytes *ret_encoded)
{
    cairn_cbor_writer writer;
    void *memory = NULL;
    cairn_cbor_writer_init(&writer, NULL, 0);
    put_header(&writer, header);
    size_t size = writer.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    cairn_cbor_writer_init(&writer, memory, size);
    put_header(&writer, header);
    return cairn_cbor_writer_end(&writer, ret_encoded);
}

cairn_err cairn_fdo_header_info_hash(const cairn_fdo_header *header, int64_t alg,
                                     cairn_fdo_hash *ret_hash)
{
    const cairn_bytes pieces[] = {cairn_bytes_of(header->guid.b, sizeof header->guid.b),
                                  header->device_info};
    return cairn_fdo_hash_of(alg, pieces, 2, ret_hash);
}

/* --- voucher --- */

static cairn_err read_chain(cairn_cbor_reader *reader, cairn_fdo_voucher *voucher)
{
    if (cairn_cbor_peek(reader) == CAIRN_CBOR_NULL)
        return cairn_cbor_read_null(reader, "chain");
    CAIRN_TRY(cairn_cbor_read_array(reader, "chain", 1, SIZE_MAX, &voucher->chain_count));
    if (voucher->chain_count > CAIRN_FDO_CHAIN_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "voucher.chain: %zu certificates",
                          voucher->chain_count);
    for (size_t i = 0; i < voucher->chain_count; i++)
        CAIRN_TRY(cairn_cbor_read_bytes(reader, "certificate", 1, CAIRN_FDO_VOUCHER_SIZE_MAX,
                                        &voucher->chain[i]));
    return CAIRN_OK;
}

static cairn_err read_entries(cairn_cbor_reader *reader, cairn_fdo_voucher *voucher)
{
    CAIRN_TRY(cairn_cbor_read_array(reader, "entries", 0, SIZE_MAX, &voucher->entry_count));
    /* [X1353-R09] a 256th entry fails */
    if (voucher->entry_count > CAIRN_FDO_ENTRIES_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "voucher.entries: %zu", voucher->entry_count);
    for (size_t i = 0; i < voucher->entry_count; i++)
        CAIRN_TRY(cairn_cbor_read_any(reader, "entry", &voucher->entries[i]));
    return CAIRN_OK;
}

static cairn_err read_voucher(cairn_bytes in, cairn_fdo_voucher *voucher)
{
    size_t count = 0;
    cairn_bytes header = {0};
    cairn_cbor_reader reader;
    if (in.size > CAIRN_FDO_VOUCHER_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "voucher: %zu bytes", in.size);
    CAIRN_TRY(cairn_cbor_open(&reader, in, CAIRN_CBOR_FOREIGN, "voucher", clause));
    CAIRN_TRY(cairn_cbor_read_array(&reader, "voucher", 5, 5, &count));
    CAIRN_TRY(read_version(&reader));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "header", 1, CAIRN_FDO_MESSAGE_SIZE_MAX, &header));
    const uint8_t *start = reader.next;
    CAIRN_TRY(cairn_fdo_hmac_read(&reader, "hmac", &voucher->hmac));
    voucher->hmac_encoded = cairn_bytes_of(start, (size_t)(reader.next - start));
    CAIRN_TRY(read_chain(&reader, voucher));
    CAIRN_TRY(read_entries(&reader, voucher));
    return cairn_fdo_header_read(header, &voucher->header);
}

cairn_err cairn_fdo_voucher_read(cairn_bytes in, cairn_fdo_voucher *ret_voucher)
{
    cairn_fdo_voucher voucher = {.encoded = in};
    CAIRN_TRY(read_voucher(in, &voucher));
    *ret_voucher = voucher;
    return CAIRN_OK;
}

void cairn_fdo_voucher_done(cairn_fdo_voucher *voucher)
{
    if (voucher != NULL)
        cairn_fdo_header_done(&voucher->header);
}

/* The voucher, with `entry` behind its entries when that is not empty. */
static void put_voucher(cairn_cbor_writer *writer, const cairn_fdo_voucher *voucher,
                        cairn_bytes entry)
{
    cairn_cbor_put_array(writer, 5);
    cairn_cbor_put_uint(writer, CAIRN_FDO_VERSION);
    cairn_cbor_put_bytes(writer, voucher->header.encoded);
    cairn_cbor_put_raw(writer, voucher->hmac_encoded);
    if (voucher->chain_count == 0)
        cairn_cbor_put_null(writer);
    else
        cairn_cbor_put_array(writer, voucher->chain_count);
    for (size_t i = 0; i < voucher->chain_count; i++)
        cairn_cbor_put_bytes(writer, voucher->chain[i]);
    cairn_cbor_put_array(writer, voucher->entry_count + (entry.size != 0));
    for (size_t i = 0; i < voucher->entry_count; i++)
        cairn_cbor_put_raw(writer, voucher->entries[i]);
    cairn_cbor_put_raw(writer, entry);
}

static cairn_err encode_voucher(cairn_arena *arena, const cairn_fdo_voucher *voucher,
                                cairn_bytes entry, cairn_bytes *ret_voucher)
{
    cairn_cbor_writer writer;
    void *memory = NULL;
    cairn_cbor_writer_init(&writer, NULL, 0);
    put_voucher(&writer, voucher, entry);
    size_t size = writer.size;
    if (size > CAIRN_FDO_VOUCHER_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "voucher: %zu bytes", size);
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    cairn_cbor_writer_init(&writer, memory, size);
    put_voucher(&writer, voucher, entry);
    return cairn_cbor_writer_end(&writer, ret_voucher);
}

cairn_err cairn_fdo_voucher_append(cairn_arena *arena, const cairn_fdo_voucher *voucher,
                                   cairn_bytes entry, cairn_bytes *ret_voucher)
{
    if (voucher->entry_count == CAIRN_FDO_ENTRIES_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "voucher.entries: %d already",
                          CAIRN_FDO_ENTRIES_MAX);
    return encode_voucher(arena, voucher, entry, ret_voucher);
}

cairn_err cairn_fdo_voucher_make(cairn_arena *arena, cairn_bytes header, cairn_bytes hmac_encoded,
                                 const cairn_bytes *chain, size_t chain_count,
                                 cairn_bytes *ret_voucher)
{
    cairn_fdo_voucher voucher = {
        .header.encoded = header, .hmac_encoded = hmac_encoded, .chain_count = chain_count};
    CAIRN_ASSERT(chain_count <= CAIRN_FDO_CHAIN_MAX);
    for (size_t i = 0; i < chain_count; i++)
        voucher.chain[i] = chain[i];
    return encode_voucher(arena, &voucher, (cairn_bytes){0}, ret_voucher);
}
