/* Who owns a device: the chain of a voucher's entries, advanced one by one. */
#include "onboard/wire/voucher.h"

static const char clause[] = "FDO 1.1, 3.4.4";

/* --- an entry --- */

static cairn_err read_extra(cairn_cbor_reader *reader, cairn_bytes *ret_extra)
{
    cairn_bytes extra = {0};
    cairn_cbor_reader inner;
    cairn_cbor_map map;
    if (cairn_cbor_peek(reader) == CAIRN_CBOR_NULL)
        return cairn_cbor_read_null(reader, "extra");
    CAIRN_TRY(cairn_cbor_read_bytes(reader, "extra", 1, CAIRN_FDO_MESSAGE_SIZE_MAX, &extra));
    CAIRN_TRY(cairn_cbor_open(&inner, extra, CAIRN_CBOR_FOREIGN, "voucher entry", clause));
    if (cairn_cbor_peek(&inner) == CAIRN_CBOR_NULL) /* go-fdo's way to say nothing */
        return CAIRN_OK;
    CAIRN_TRY(cairn_cbor_read_map(&inner, "extra", &map));
    *ret_extra = extra;
    return CAIRN_OK;
}

static cairn_err read_payload(cairn_bytes payload, cairn_fdo_entry *entry)
{
    size_t count = 0;
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_cbor_open(&reader, payload, CAIRN_CBOR_FOREIGN, "voucher entry", clause));
    CAIRN_TRY(cairn_cbor_read_array(&reader, "payload", 4, 4, &count));
    CAIRN_TRY(cairn_fdo_hash_read(&reader, "previous_hash", &entry->previous_hash));
    CAIRN_TRY(cairn_fdo_hash_read(&reader, "header_info_hash", &entry->header_info_hash));
    CAIRN_TRY(read_extra(&reader, &entry->extra));
    return cairn_fdo_key_read(&reader, "owner", &entry->owner);
}

cairn_err cairn_fdo_entry_read(cairn_bytes in, cairn_fdo_entry *ret_entry)
{
    CAIRN_CLEANUP(cairn_fdo_entry_done) cairn_fdo_entry entry = {.encoded = in};
    CAIRN_TRY(cairn_cose_decode(in, CAIRN_COSE_TAG_SIGN1, CAIRN_CBOR_FOREIGN, &entry.message));
    if (!entry.message.tagged)
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, clause, "voucher entry: not tagged");
    if (entry.message.detached)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause, "voucher entry.payload: absent");
    CAIRN_TRY(read_payload(entry.message.payload, &entry));
    *ret_entry = entry;
    entry.owner = NULL;
    return CAIRN_OK;
}

void cairn_fdo_entry_done(cairn_fdo_entry *entry)
{
    if (entry == NULL)
        return;
    cairn_fdo_key_free(entry->owner);
    entry->owner = NULL;
}

/* --- the head --- */

void cairn_fdo_head_done(cairn_fdo_head *head)
{
    if (head == NULL)
        return;
    cairn_fdo_key_free(head->owner);
    head->owner = NULL;
}

/* The hash of the whole chain is as strong as the HMac that the device chose: both follow the
 * weaker of the device's and the manufacturer's key. */
static cairn_err hash_alg_of(cairn_bytes hmac_encoded, int64_t *ret_alg)
{
    cairn_fdo_hash hmac = {0};
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_cbor_open(&reader, hmac_encoded, CAIRN_CBOR_FOREIGN, "voucher", clause));
    CAIRN_TRY(cairn_fdo_hmac_read(&reader, "hmac", &hmac));
    *ret_alg = hmac.alg == CAIRN_FDO_HMAC256 ? CAIRN_FDO_SHA256 : CAIRN_FDO_SHA384;
    return CAIRN_OK;
}

cairn_err cairn_fdo_head_first(const cairn_fdo_header *header, cairn_bytes hmac_encoded,
                               cairn_fdo_head *ret_head)
{
    const cairn_bytes pieces[] = {header->encoded, hmac_encoded};
    cairn_fdo_head head = {0};
    int64_t alg = 0;
    CAIRN_TRY(hash_alg_of(hmac_encoded, &alg));
    CAIRN_TRY(cairn_fdo_hash_of(alg, pieces, 2, &head.hash));
    head.owner = cairn_fdo_key_ref(header->manufacturer);
    *ret_head = head;
    return CAIRN_OK;
}

/* [X1353-R07] [X1353-R09] [X1353-R46] All owner keys are of one type and size, from the
 * manufacturer's on. */
cairn_err cairn_fdo_head_advance_known(cairn_arena *arena, cairn_fdo_head *head,
                                       const cairn_fdo_hash *header_info,
                                       const cairn_fdo_entry *entry)
{
    cairn_fdo_hash next = {0};
    CAIRN_TRY(cairn_fdo_key_verify(arena, &entry->message, head->owner));
    if (!cairn_fdo_hash_equal(&entry->previous_hash, &head->hash))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause,
                          "voucher entry.previous_hash: not of what stands before it");
    if (!cairn_fdo_hash_equal(&entry->header_info_hash, header_info))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause,
                          "voucher entry.header_info_hash: of another device");
    if (cairn_fdo_key_get_type(entry->owner) != cairn_fdo_key_get_type(head->owner) ||
        cairn_fdo_key_bits(entry->owner) != cairn_fdo_key_bits(head->owner))
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause,
                          "voucher entry.owner: not of the manufacturer key's type and size");
    CAIRN_TRY(cairn_fdo_hash_of(head->hash.alg, &entry->encoded, 1, &next));
    cairn_fdo_key_free(head->owner);
    head->owner = cairn_fdo_key_ref(entry->owner);
    head->hash = next;
    return CAIRN_OK;
}

cairn_err cairn_fdo_head_advance(cairn_arena *arena, cairn_fdo_head *head,
                                 const cairn_fdo_header *header, const cairn_fdo_entry *entry)
{
    cairn_fdo_hash info = {0};
    CAIRN_TRY(cairn_fdo_header_info_hash(header, head->hash.alg, &info));
    return cairn_fdo_head_advance_known(arena, head, &info, entry);
}

static cairn_err advance_by(cairn_arena *arena, const cairn_fdo_voucher *voucher, size_t index,
                            cairn_fdo_head *head)
{
    CAIRN_CLEANUP(cairn_fdo_entry_done) cairn_fdo_entry entry = {0};
    CAIRN_TRY(cairn_fdo_entry_read(voucher->entries[index], &entry));
    return cairn_fdo_head_advance(arena, head, &voucher->header, &entry);
}

cairn_err cairn_fdo_voucher_verify(cairn_arena *arena, const cairn_fdo_voucher *voucher,
                                   cairn_fdo_head *ret_head)
{
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *device = NULL;
    CAIRN_TRY(cairn_fdo_chain_check(voucher, NULL, 0, &device));
    CAIRN_TRY(cairn_fdo_head_first(&voucher->header, voucher->hmac_encoded, &head));
    for (size_t i = 0; i < voucher->entry_count; i++)
        CAIRN_TRY(advance_by(arena, voucher, i, &head));
    *ret_head = head;
    head.owner = NULL;
    return CAIRN_OK;
}

/* --- the next entry --- */

static void put_payload(cairn_cbor_writer *writer, const cairn_fdo_head *head,
                        const cairn_fdo_hash *info, cairn_bytes extra,
                        const cairn_fdo_key *next_owner)
{
    cairn_cbor_put_array(writer, 4);
    cairn_fdo_hash_put(writer, &head->hash);
    cairn_fdo_hash_put(writer, info);
    if (extra.size == 0)
        cairn_cbor_put_null(writer);
    else
        cairn_cbor_put_bytes(writer, extra);
    cairn_cbor_put_raw(writer, cairn_fdo_key_encoded(next_owner));
}

cairn_err cairn_fdo_entry_payload(cairn_arena *arena, const cairn_fdo_head *head,
                                  const cairn_fdo_header *header, cairn_bytes extra,
                                  const cairn_fdo_key *next_owner, cairn_bytes *ret_payload)
{
    cairn_fdo_hash info = {0};
    cairn_cbor_writer writer;
    void *memory = NULL;
    CAIRN_TRY(cairn_fdo_header_info_hash(header, head->hash.alg, &info));
    cairn_cbor_writer_init(&writer, NULL, 0);
    put_payload(&writer, head, &info, extra, next_owner);
    size_t size = writer.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    cairn_cbor_writer_init(&writer, memory, size);
    put_payload(&writer, head, &info, extra, next_owner);
    return cairn_cbor_writer_end(&writer, ret_payload);
}
