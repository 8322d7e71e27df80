/* TO0, messages 20 to 23. */
#include "onboard/wire/to0.h"

#include "onboard/wire/body.h"

static const char clause[] = "FDO 1.1, 5.2";

static void put_nonce(cairn_cbor_writer *writer, const void *context)
{
    cairn_cbor_put_array(writer, 1);
    cairn_fdo_nonce_put(writer, context);
}

cairn_err cairn_fdo_hello_ack_encode(cairn_arena *arena, const cairn_fdo_nonce *nonce,
                                     cairn_bytes *ret_body)
{
    return cairn_fdo_encode(arena, put_nonce, nonce, ret_body);
}

cairn_err cairn_fdo_hello_ack_read(cairn_bytes body, cairn_fdo_nonce *ret_nonce)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_fdo_body_open(&reader, body, 1, "nonce", clause));
    return cairn_fdo_nonce_read(&reader, "nonce", ret_nonce);
}

static void put_to0d(cairn_cbor_writer *writer, const void *context)
{
    const cairn_fdo_owner_sign *sign = context;
    cairn_cbor_put_array(writer, 3);
    cairn_cbor_put_raw(writer, sign->voucher);
    cairn_cbor_put_uint(writer, sign->wait_s);
    cairn_fdo_nonce_put(writer, &sign->nonce);
}

cairn_err cairn_fdo_to0d_encode(cairn_arena *arena, cairn_bytes voucher, uint32_t wait_s,
                                const cairn_fdo_nonce *nonce, cairn_bytes *ret_to0d)
{
    const cairn_fdo_owner_sign sign = {.voucher = voucher, .wait_s = wait_s, .nonce = *nonce};
    return cairn_fdo_encode(arena, put_to0d, &sign, ret_to0d);
}

static void put_owner_sign(cairn_cbor_writer *writer, const void *context)
{
    const cairn_fdo_owner_sign *sign = context;
    cairn_cbor_put_array(writer, 2);
    cairn_cbor_put_bytes(writer, sign->to0d);
    cairn_cbor_put_raw(writer, sign->to1d);
}

cairn_err cairn_fdo_owner_sign_encode(cairn_arena *arena, cairn_bytes to0d, cairn_bytes to1d,
                                      cairn_bytes *ret_body)
{
    const cairn_fdo_owner_sign sign = {.to0d = to0d, .to1d = to1d};
    return cairn_fdo_encode(arena, put_owner_sign, &sign, ret_body);
}

static cairn_err read_wait(cairn_cbor_reader *reader, uint32_t *ret_wait_s)
{
    uint64_t wait_s = 0;
    CAIRN_TRY(cairn_cbor_read_uint(reader, "wait_seconds", 0, UINT32_MAX, &wait_s));
    *ret_wait_s = (uint32_t)wait_s;
    return CAIRN_OK;
}

cairn_err cairn_fdo_owner_sign_read(cairn_bytes body, cairn_fdo_owner_sign *ret_sign)
{
    cairn_fdo_owner_sign sign = {0};
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_fdo_body_open(&reader, body, 2, "owner_sign", clause));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "to0d", 1, SIZE_MAX, &sign.to0d));
    CAIRN_TRY(cairn_cbor_read_any(&reader, "to1d", &sign.to1d));
    CAIRN_TRY(cairn_fdo_body_open(&reader, sign.to0d, 3, "to0d", clause));
    CAIRN_TRY(cairn_cbor_read_any(&reader, "voucher", &sign.voucher));
    CAIRN_TRY(read_wait(&reader, &sign.wait_s));
    CAIRN_TRY(cairn_fdo_nonce_read(&reader, "nonce", &sign.nonce));
    *ret_sign = sign;
    return CAIRN_OK;
}

static void put_wait(cairn_cbor_writer *writer, const void *context)
{
    const uint32_t *wait_s = context;
    cairn_cbor_put_array(writer, 1);
    cairn_cbor_put_uint(writer, *wait_s);
}

cairn_err cairn_fdo_accept_owner_encode(cairn_arena *arena, uint32_t wait_s, cairn_bytes *ret_body)
{
    return cairn_fdo_encode(arena, put_wait, &wait_s, ret_body);
}

cairn_err cairn_fdo_accept_owner_read(cairn_bytes body, uint32_t *ret_wait_s)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_fdo_body_open(&reader, body, 1, "accept_owner", clause));
    return read_wait(&reader, ret_wait_s);
}
