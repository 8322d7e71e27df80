/* Device initialisation, messages 10 to 13. */
#include "onboard/wire/di.h"

#include "onboard/wire/body.h"

static const char clause[] = "FDO 1.1, 5.1";

enum { SERIAL_SIZE_MAX = 255, CSR_SIZE_MAX = 8192 };

/* A byte string around an item that is encoded already. */
static void put_one_bytes(cairn_cbor_writer *writer, const void *context)
{
    const cairn_bytes *content = context;
    cairn_cbor_put_array(writer, 1);
    cairn_cbor_put_bytes(writer, *content);
}

static void put_mfg_info(cairn_cbor_writer *writer, const void *context)
{
    const cairn_fdo_app_start *start = context;
    cairn_cbor_put_array(writer, 5);
    cairn_cbor_put_int(writer, start->key_type);
    cairn_cbor_put_int(writer, start->key_encoding);
    cairn_cbor_put_text_view(writer, start->serial);
    cairn_cbor_put_text_view(writer, start->model);
    cairn_cbor_put_bytes(writer, start->csr);
}

cairn_err cairn_fdo_app_start_encode(cairn_arena *arena, const cairn_fdo_app_start *start,
                                     cairn_bytes *ret_body)
{
    cairn_bytes info;
    CAIRN_TRY(cairn_fdo_encode(arena, put_mfg_info, start, &info));
    return cairn_fdo_encode(arena, put_one_bytes, &info, ret_body);
}

static cairn_err read_key_wish(cairn_cbor_reader *reader, cairn_fdo_app_start *start)
{
    CAIRN_TRY(cairn_cbor_read_int(reader, "key_type", 0, UINT8_MAX, &start->key_type));
    CAIRN_TRY(cairn_cbor_read_int(reader, "key_encoding", 0, UINT8_MAX, &start->key_encoding));
    if (start->key_type != CAIRN_FDO_KEY_P256 && start->key_type != CAIRN_FDO_KEY_P384)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "app_start.key_type: %lld",
                          (long long)start->key_type);
    if (start->key_encoding > CAIRN_FDO_KEY_COSE)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "app_start.key_encoding: %lld",
                          (long long)start->key_encoding);
    return CAIRN_OK;
}

cairn_err cairn_fdo_app_start_read(cairn_bytes body, cairn_fdo_app_start *ret_start)
{
    cairn_fdo_app_start start = {0};
    cairn_cbor_reader reader;
    cairn_bytes info;
    CAIRN_TRY(cairn_fdo_body_open(&reader, body, 1, "app_start", clause));
    if (cairn_cbor_peek(&reader) == CAIRN_CBOR_NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_IMPLEMENTED, clause, "app_start: tells nothing");
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "info", 1, SIZE_MAX, &info));
    CAIRN_TRY(cairn_fdo_body_open(&reader, info, 5, "app_start", clause));
    CAIRN_TRY(read_key_wish(&reader, &start));
    CAIRN_TRY(cairn_cbor_read_text(&reader, "serial", 0, SERIAL_SIZE_MAX, &start.serial));
    CAIRN_TRY(
        cairn_cbor_read_text(&reader, "model", 0, CAIRN_FDO_DEVICE_INFO_SIZE_MAX, &start.model));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "csr", 1, CSR_SIZE_MAX, &start.csr));
    *ret_start = start;
    return CAIRN_OK;
}

cairn_err cairn_fdo_set_credentials_encode(cairn_arena *arena, cairn_bytes header,
                                           cairn_bytes *ret_body)
{
    return cairn_fdo_encode(arena, put_one_bytes, &header, ret_body);
}

cairn_err cairn_fdo_set_credentials_read(cairn_bytes body, cairn_bytes *ret_header)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_fdo_body_open(&reader, body, 1, "set_credentials", clause));
    return cairn_cbor_read_bytes(&reader, "header", 1, SIZE_MAX, ret_header);
}

static void put_hmac(cairn_cbor_writer *writer, const void *context)
{
    cairn_cbor_put_array(writer, 1);
    cairn_fdo_hash_put(writer, context);
}

cairn_err cairn_fdo_set_hmac_encode(cairn_arena *arena, const cairn_fdo_hash *hmac,
                                    cairn_bytes *ret_body)
{
    return cairn_fdo_encode(arena, put_hmac, hmac, ret_body);
}

cairn_err cairn_fdo_set_hmac_read(cairn_bytes body, cairn_fdo_hash *ret_hmac,
                                  cairn_bytes *ret_encoded)
{
    cairn_cbor_reader reader;
    cairn_fdo_hash hmac;
    CAIRN_TRY(cairn_fdo_body_open(&reader, body, 1, "set_hmac", clause));
    const uint8_t *start = reader.next;
    CAIRN_TRY(cairn_fdo_hmac_read(&reader, "hmac", &hmac));
    *ret_hmac = hmac;
    *ret_encoded = cairn_bytes_of(start, (size_t)(reader.next - start));
    return CAIRN_OK;
}

static void put_empty(cairn_cbor_writer *writer, const void *context)
{
    (void)context;
    cairn_cbor_put_array(writer, 0);
}

cairn_err cairn_fdo_empty_encode(cairn_arena *arena, cairn_bytes *ret_body)
{
    return cairn_fdo_encode(arena, put_empty, NULL, ret_body);
}

cairn_err cairn_fdo_empty_read(cairn_bytes body, const char *object)
{
    cairn_cbor_reader reader;
    return cairn_fdo_body_open(&reader, body, 0, object, clause);
}
