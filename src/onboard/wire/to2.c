/* TO2, messages 60 to 66 and their answers, in clear. */
#include "onboard/wire/to2.h"

#include "onboard/wire/body.h"

static const char clause_hello[] = "FDO 1.1, 5.5.2";
static const char clause_prove[] = "FDO 1.1, 5.5.3";
static const char clause_entry[] = "FDO 1.1, 5.5.5";
static const char clause_setup[] = "FDO 1.1, 5.5.7";
static const char clause_ready[] = "FDO 1.1, 5.5.8";
static const char object_prove[] = "prove_ov_hdr";

/* Labels of the unprotected header of 61: CUPHNonce, CUPHOwnerPubKey. */
enum { HEADER_NONCE = 256, HEADER_OWNER_KEY = 257 };
enum { NAME_SIZE_MAX = 32, KEX_SIZE_MAX = 1024 };

/* --- 60 --- */

static void put_hello(cairn_cbor_writer *writer, const void *context)
{
    const cairn_fdo_hello_device *hello = context;
    cairn_cbor_put_array(writer, 6);
    cairn_cbor_put_uint(writer, hello->max_message);
    cairn_fdo_guid_put(writer, &hello->guid);
    cairn_fdo_nonce_put(writer, &hello->nonce);
    cairn_cbor_put_text(writer, cairn_fdo_kex_name(hello->kex));
    cairn_cbor_put_int(writer, hello->cipher);
    cairn_fdo_sig_info_put(writer, hello->alg);
}

cairn_err cairn_fdo_hello_device_encode(cairn_arena *arena, const cairn_fdo_hello_device *hello,
                                        cairn_bytes *ret_body)
{
    return cairn_fdo_encode(arena, put_hello, hello, ret_body);
}

static cairn_err read_u16(cairn_cbor_reader *reader, const char *field, uint16_t *ret_value)
{
    uint64_t value = 0;
    CAIRN_TRY(cairn_cbor_read_uint(reader, field, 0, UINT16_MAX, &value));
    *ret_value = (uint16_t)value;
    return CAIRN_OK;
}

/* [X1353-R28, X1353-R43] */
static cairn_err read_suite(cairn_cbor_reader *reader, cairn_fdo_hello_device *hello)
{
    cairn_bytes name;
    int64_t cipher = 0;
    CAIRN_TRY(cairn_cbor_read_text(reader, "kex", 1, NAME_SIZE_MAX, &name));
    CAIRN_TRY(cairn_fdo_kex_from_name(name, &hello->kex));
    CAIRN_TRY(cairn_cbor_read_int(reader, "cipher", INT32_MIN, INT32_MAX, &cipher));
    if (cipher < CAIRN_FDO_A128GCM || cipher > CAIRN_FDO_A256GCM)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause_hello, "hello_device.cipher: %lld",
                          (long long)cipher);
    hello->cipher = (cairn_fdo_cipher)cipher;
    return CAIRN_OK;
}

cairn_err cairn_fdo_hello_device_read(cairn_bytes body, cairn_fdo_hello_device *ret_hello)
{
    cairn_fdo_hello_device hello = {0};
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_fdo_body_open(&reader, body, 6, "hello_device", clause_hello));
    CAIRN_TRY(read_u16(&reader, "max_message", &hello.max_message));
    CAIRN_TRY(cairn_fdo_guid_read(&reader, "guid", &hello.guid));
    CAIRN_TRY(cairn_fdo_nonce_read(&reader, "nonce", &hello.nonce));
    CAIRN_TRY(read_suite(&reader, &hello));
    CAIRN_TRY(cairn_fdo_sig_info_read(&reader, "sig_info", &hello.alg));
    *ret_hello = hello;
    return CAIRN_OK;
}

/* --- 61 --- */

static cairn_err read_prove_headers(cairn_fdo_prove_header *prove)
{
    cairn_bytes map = prove->message.headers.unprotected_raw;
    cairn_cbor_reader value;
    CAIRN_TRY(
        cairn_fdo_label_need(map, HEADER_NONCE, "prove_nonce", object_prove, clause_prove, &value));
    CAIRN_TRY(cairn_fdo_nonce_read(&value, "prove_nonce", &prove->prove_nonce));
    CAIRN_TRY(
        cairn_fdo_label_need(map, HEADER_OWNER_KEY, "owner", object_prove, clause_prove, &value));
    return cairn_fdo_key_read(&value, "owner", &prove->owner);
}

static cairn_err read_prove_hmac(cairn_cbor_reader *reader, cairn_fdo_prove_header *prove)
{
    const uint8_t *start = reader->next;
    CAIRN_TRY(cairn_fdo_hmac_read(reader, "hmac", &prove->hmac));
    prove->hmac_encoded = cairn_bytes_of(start, (size_t)(reader->next - start));
    return CAIRN_OK;
}

static cairn_err read_prove_payload(cairn_fdo_prove_header *prove)
{
    cairn_cbor_reader reader;
    uint64_t count = 0;
    CAIRN_TRY(cairn_fdo_body_open(&reader, prove->message.payload, 8, object_prove, clause_prove));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "header", 1, SIZE_MAX, &prove->header));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "entry_count", 0, CAIRN_FDO_ENTRIES_MAX, &count));
    prove->entry_count = (uint8_t)count;
    CAIRN_TRY(read_prove_hmac(&reader, prove));
    CAIRN_TRY(cairn_fdo_nonce_read(&reader, "nonce", &prove->nonce));
    CAIRN_TRY(cairn_fdo_sig_info_read(&reader, "sig_info", &prove->alg));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "kex", 1, KEX_SIZE_MAX, &prove->kex));
    CAIRN_TRY(cairn_fdo_hash_read(&reader, "hello_hash", &prove->hello_hash));
    return read_u16(&reader, "max_message", &prove->max_message);
}

cairn_err cairn_fdo_prove_header_read(cairn_bytes body, cairn_fdo_prove_header *ret_prove)
{
    CAIRN_CLEANUP(cairn_fdo_prove_header_done) cairn_fdo_prove_header prove = {0};
    CAIRN_TRY(cairn_fdo_message_open(body, object_prove, clause_prove, &prove.message));
    CAIRN_TRY(read_prove_payload(&prove));
    CAIRN_TRY(read_prove_headers(&prove));
    *ret_prove = prove;
    prove.owner = NULL;
    return CAIRN_OK;
}

void cairn_fdo_prove_header_done(cairn_fdo_prove_header *prove)
{
    if (prove == NULL)
        return;
    cairn_fdo_key_free(prove->owner);
    prove->owner = NULL;
}

static void put_prove_payload(cairn_cbor_writer *writer, const void *context)
{
    const cairn_fdo_prove_header *prove = context;
    cairn_cbor_put_array(writer, 8);
    cairn_cbor_put_bytes(writer, prove->header);
    cairn_cbor_put_uint(writer, prove->entry_count);
    cairn_cbor_put_raw(writer, prove->hmac_encoded);
    cairn_fdo_nonce_put(writer, &prove->nonce);
    cairn_fdo_sig_info_put(writer, prove->alg);
    cairn_cbor_put_bytes(writer, prove->kex);
    cairn_fdo_hash_put(writer, &prove->hello_hash);
    cairn_cbor_put_uint(writer, prove->max_message);
}

static void put_prove_headers(cairn_cbor_writer *writer, const void *context)
{
    const cairn_fdo_prove_header *prove = context;
    cairn_cbor_put_map(writer, 2);
    cairn_cbor_put_int(writer, HEADER_NONCE);
    cairn_fdo_nonce_put(writer, &prove->prove_nonce);
    cairn_cbor_put_int(writer, HEADER_OWNER_KEY);
    cairn_cbor_put_raw(writer, cairn_fdo_key_encoded(prove->owner));
}

cairn_err cairn_fdo_prove_header_begin(cairn_arena *arena, const cairn_fdo_prove_header *prove,
                                       cairn_fdo_unsigned *ret_unsigned)
{
    const cairn_key *key = cairn_fdo_key_ec(prove->owner);
    cairn_bytes payload;
    cairn_bytes headers;
    if (key == NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, "house", "prove_ov_hdr: RSA does not sign here");
    CAIRN_TRY(cairn_fdo_encode(arena, put_prove_payload, prove, &payload));
    CAIRN_TRY(cairn_fdo_encode(arena, put_prove_headers, prove, &headers));
    return cairn_fdo_sign_begin(arena, cairn_key_alg(key), headers, payload, ret_unsigned);
}

/* --- 62, 63 --- */

typedef struct indexed {
    uint8_t index;
    cairn_bytes entry;
} indexed;

static void put_indexed(cairn_cbor_writer *writer, const void *context)
{
    const indexed *i = context;
    cairn_cbor_put_array(writer, i->entry.size == 0 ? 1 : 2);
    cairn_cbor_put_uint(writer, i->index);
    if (i->entry.size != 0)
        cairn_cbor_put_raw(writer, i->entry);
}

cairn_err cairn_fdo_get_entry_encode(cairn_arena *arena, uint8_t index, cairn_bytes *ret_body)
{
    return cairn_fdo_encode(arena, put_indexed, &(indexed){.index = index}, ret_body);
}

cairn_err cairn_fdo_get_entry_read(cairn_bytes body, int64_t *ret_index)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_fdo_body_open(&reader, body, 1, "get_ov_next_entry", clause_entry));
    return cairn_cbor_read_int(&reader, "index", INT64_MIN, INT64_MAX, ret_index);
}

cairn_err cairn_fdo_next_entry_encode(cairn_arena *arena, uint8_t index, cairn_bytes entry,
                                      cairn_bytes *ret_body)
{
    return cairn_fdo_encode(arena, put_indexed, &(indexed){.index = index, .entry = entry},
                            ret_body);
}

cairn_err cairn_fdo_next_entry_read(cairn_bytes body, int64_t *ret_index, cairn_bytes *ret_entry)
{
    cairn_cbor_reader reader;
    int64_t index = 0;
    CAIRN_TRY(cairn_fdo_body_open(&reader, body, 2, "ov_next_entry", clause_entry));
    CAIRN_TRY(cairn_cbor_read_int(&reader, "index", INT64_MIN, INT64_MAX, &index));
    CAIRN_TRY(cairn_cbor_read_any(&reader, "entry", ret_entry));
    *ret_index = index;
    return CAIRN_OK;
}

/* --- 65 --- */

static cairn_err read_setup_payload(cairn_fdo_setup *setup)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(
        cairn_fdo_body_open(&reader, setup->message.payload, 4, "setup_device", clause_setup));
    CAIRN_TRY(cairn_fdo_rv_info_read(&reader, "rv_info", &setup->rv_info));
    CAIRN_TRY(cairn_fdo_guid_read(&reader, "guid", &setup->guid));
    CAIRN_TRY(cairn_fdo_nonce_read(&reader, "nonce", &setup->nonce));
    return cairn_fdo_key_read(&reader, "owner", &setup->owner);
}

cairn_err cairn_fdo_setup_read(cairn_bytes body, cairn_fdo_setup *ret_setup)
{
    CAIRN_CLEANUP(cairn_fdo_setup_done) cairn_fdo_setup setup = {0};
    CAIRN_TRY(cairn_fdo_message_open(body, "setup_device", clause_setup, &setup.message));
    CAIRN_TRY(read_setup_payload(&setup));
    *ret_setup = setup;
    setup.owner = NULL;
    return CAIRN_OK;
}

void cairn_fdo_setup_done(cairn_fdo_setup *setup)
{
    if (setup == NULL)
        return;
    cairn_fdo_key_free(setup->owner);
    setup->owner = NULL;
}

static void put_setup_payload(cairn_cbor_writer *writer, const void *context)
{
    const cairn_fdo_setup *setup = context;
    cairn_cbor_put_array(writer, 4);
    cairn_fdo_rv_info_put(writer, &setup->rv_info);
    cairn_fdo_guid_put(writer, &setup->guid);
    cairn_fdo_nonce_put(writer, &setup->nonce);
    cairn_cbor_put_raw(writer, cairn_fdo_key_encoded(setup->owner));
}

cairn_err cairn_fdo_setup_begin(cairn_arena *arena, const cairn_fdo_setup *setup, cairn_alg alg,
                                cairn_fdo_unsigned *ret_unsigned)
{
    static const uint8_t no_headers[] = {0xa0};
    cairn_bytes payload;
    CAIRN_TRY(cairn_fdo_encode(arena, put_setup_payload, setup, &payload));
    return cairn_fdo_sign_begin(arena, alg, cairn_bytes_of(no_headers, sizeof no_headers), payload,
                                ret_unsigned);
}

/* --- 66, 67 --- */

typedef struct ready {
    const cairn_fdo_hash *hmac;
    uint16_t max_info;
} ready;

static void put_size(cairn_cbor_writer *writer, uint16_t size)
{
    if (size == 0)
        cairn_cbor_put_null(writer);
    else
        cairn_cbor_put_uint(writer, size);
}

/* null is told as 0; a peer that writes 0 takes nothing, which is no way to go on. */
static cairn_err read_size(cairn_cbor_reader *reader, const char *field, uint16_t *ret_size)
{
    uint64_t size = 0;
    if (cairn_cbor_peek(reader) == CAIRN_CBOR_NULL)
        CAIRN_TRY(cairn_cbor_read_null(reader, field));
    else
        CAIRN_TRY(cairn_cbor_read_uint(reader, field, 1, UINT16_MAX, &size));
    *ret_size = (uint16_t)size;
    return CAIRN_OK;
}

static void put_device_ready(cairn_cbor_writer *writer, const void *context)
{
    const ready *r = context;
    cairn_cbor_put_array(writer, 2);
    if (r->hmac == NULL)
        cairn_cbor_put_null(writer);
    else
        cairn_fdo_hash_put(writer, r->hmac);
    put_size(writer, r->max_info);
}

cairn_err cairn_fdo_device_ready_encode(cairn_arena *arena, const cairn_fdo_hash *hmac,
                                        uint16_t max_owner_info, cairn_bytes *ret_body)
{
    return cairn_fdo_encode(arena, put_device_ready,
                            &(ready){.hmac = hmac, .max_info = max_owner_info}, ret_body);
}

cairn_err cairn_fdo_device_ready_read(cairn_bytes body, bool *ret_has_hmac,
                                      cairn_fdo_hash *ret_hmac, cairn_bytes *ret_hmac_encoded,
                                      uint16_t *ret_max_owner_info)
{
    cairn_cbor_reader reader;
    cairn_fdo_hash hmac = {0};
    CAIRN_TRY(cairn_fdo_body_open(&reader, body, 2, "device_ready", clause_ready));
    const uint8_t *start = reader.next;
    bool has_hmac = cairn_cbor_peek(&reader) != CAIRN_CBOR_NULL;
    CAIRN_TRY(has_hmac ? cairn_fdo_hmac_read(&reader, "hmac", &hmac)
                       : cairn_cbor_read_null(&reader, "hmac"));
    cairn_bytes encoded = cairn_bytes_of(start, (size_t)(reader.next - start));
    CAIRN_TRY(read_size(&reader, "max_owner_info", ret_max_owner_info));
    *ret_has_hmac = has_hmac;
    *ret_hmac = hmac;
    *ret_hmac_encoded = has_hmac ? encoded : (cairn_bytes){0};
    return CAIRN_OK;
}

static void put_owner_ready(cairn_cbor_writer *writer, const void *context)
{
    const ready *r = context;
    cairn_cbor_put_array(writer, 1);
    put_size(writer, r->max_info);
}

cairn_err cairn_fdo_owner_ready_encode(cairn_arena *arena, uint16_t max_device_info,
                                       cairn_bytes *ret_body)
{
    return cairn_fdo_encode(arena, put_owner_ready, &(ready){.max_info = max_device_info},
                            ret_body);
}

cairn_err cairn_fdo_owner_ready_read(cairn_bytes body, uint16_t *ret_max_device_info)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_fdo_body_open(&reader, body, 1, "owner_ready", clause_ready));
    return read_size(&reader, "max_device_info", ret_max_device_info);
}
