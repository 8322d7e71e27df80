/* Messages 10 to 71 and 255: the first byte is the type. What is read lies inside the body. */
#include "fuzz/fuzz.h"

#include "onboard/wire/di.h"
#include "onboard/wire/fdo_error.h"
#include "onboard/wire/to2.h"

static cairn_bytes body;
static cairn_arena arena;

static void check_view(cairn_bytes view)
{
    CAIRN_ASSERT(view.size == 0 ||
                 (view.data >= body.data && view.data + view.size <= body.data + body.size));
}

static void read_di(uint8_t type)
{
    cairn_fdo_app_start start;
    cairn_fdo_hash hmac;
    cairn_bytes view = {0};
    if (type == CAIRN_FDO_DI_APP_START && cairn_fdo_app_start_read(body, &start) == CAIRN_OK)
        check_view(start.csr);
    if (type == CAIRN_FDO_DI_SET_CREDENTIALS)
        (void)!cairn_fdo_set_credentials_read(body, &view);
    if (type == CAIRN_FDO_DI_SET_HMAC)
        (void)!cairn_fdo_set_hmac_read(body, &hmac, &view);
    if (type == CAIRN_FDO_DI_DONE)
        (void)!cairn_fdo_empty_read(body, "done");
    check_view(view);
}

static void read_to0(uint8_t type)
{
    cairn_fdo_owner_sign sign;
    cairn_fdo_nonce nonce;
    uint32_t wait_s = 0;
    if (type == CAIRN_FDO_TO0_HELLO_ACK)
        (void)!cairn_fdo_hello_ack_read(body, &nonce);
    if (type == CAIRN_FDO_TO0_OWNER_SIGN && cairn_fdo_owner_sign_read(body, &sign) == CAIRN_OK) {
        check_view(sign.voucher);
        check_view(sign.to1d);
    }
    if (type == CAIRN_FDO_TO0_ACCEPT_OWNER)
        (void)!cairn_fdo_accept_owner_read(body, &wait_s);
}

static void read_to1(uint8_t type)
{
    cairn_fdo_guid guid;
    cairn_fdo_nonce nonce;
    cairn_fdo_eat eat;
    cairn_alg alg = CAIRN_ALG_ES256;
    if (type == CAIRN_FDO_TO1_HELLO_RV)
        (void)!cairn_fdo_hello_rv_read(body, &guid, &alg);
    if (type == CAIRN_FDO_TO1_HELLO_RV_ACK)
        (void)!cairn_fdo_hello_rv_ack_read(body, &nonce, &alg);
    if ((type == CAIRN_FDO_TO1_PROVE_TO_RV || type == CAIRN_FDO_TO2_PROVE_DEVICE) &&
        cairn_fdo_eat_read(body, &eat) == CAIRN_OK && eat.has_kex)
        check_view(eat.kex);
    CAIRN_ASSERT(alg == CAIRN_ALG_ES256 || alg == CAIRN_ALG_ES384);
}

static void read_voucher_part(uint8_t type)
{
    cairn_fdo_hello_device hello;
    cairn_fdo_prove_header prove = {0};
    int64_t index = 0;
    cairn_bytes view = {0};
    if (type == CAIRN_FDO_TO2_HELLO_DEVICE && cairn_fdo_hello_device_read(body, &hello) == CAIRN_OK)
        CAIRN_ASSERT(hello.kex <= CAIRN_FDO_ECDH384 && hello.cipher <= CAIRN_FDO_A256GCM);
    if (type == CAIRN_FDO_TO2_PROVE_OV_HDR &&
        cairn_fdo_prove_header_read(body, &prove) == CAIRN_OK) {
        check_view(prove.header);
        check_view(prove.kex);
        check_view(prove.hmac_encoded);
        (void)!cairn_fdo_key_verify(&arena, &prove.message, prove.owner);
    }
    cairn_fdo_prove_header_done(&prove);
    if (type == CAIRN_FDO_TO2_GET_OV_NEXT_ENTRY)
        (void)!cairn_fdo_get_entry_read(body, &index);
    if (type == CAIRN_FDO_TO2_OV_NEXT_ENTRY)
        (void)!cairn_fdo_next_entry_read(body, &index, &view);
    check_view(view);
}

/* Once more by our encoder: the same list comes back. */
static void check_list(const cairn_fdo_info_list *list)
{
    cairn_fdo_info_list again;
    cairn_bytes encoded;
    CAIRN_ASSERT(cairn_fdo_owner_info_encode(&arena, list, &encoded) == CAIRN_OK);
    if (encoded.size <= CAIRN_FDO_MESSAGE_SIZE_MAX)
        CAIRN_ASSERT(cairn_fdo_owner_info_read(&arena, encoded, &again) == CAIRN_OK &&
                     again.count == list->count);
}

static void read_channel(uint8_t type)
{
    cairn_fdo_setup setup = {0};
    cairn_fdo_hash hmac;
    cairn_fdo_info_list list = {0};
    bool has = false;
    cairn_bytes view = {0};
    uint16_t size = 0;
    if (type == CAIRN_FDO_TO2_SETUP_DEVICE && cairn_fdo_setup_read(body, &setup) == CAIRN_OK)
        check_view(setup.rv_info.encoded);
    cairn_fdo_setup_done(&setup);
    if (type == CAIRN_FDO_TO2_DEVICE_SERVICE_INFO_READY)
        (void)!cairn_fdo_device_ready_read(body, &has, &hmac, &view, &size);
    check_view(view);
    if (type == CAIRN_FDO_TO2_OWNER_SERVICE_INFO_READY)
        (void)!cairn_fdo_owner_ready_read(body, &size);
    if (type == CAIRN_FDO_TO2_DEVICE_SERVICE_INFO &&
        cairn_fdo_device_info_read(&arena, body, &list) == CAIRN_OK)
        check_list(&list);
    if (type == CAIRN_FDO_TO2_OWNER_SERVICE_INFO &&
        cairn_fdo_owner_info_read(&arena, body, &list) == CAIRN_OK)
        check_list(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_fdo_error error;
    static const uint8_t sek[16] = {1};
    if (size == 0)
        return 0;
    body = cairn_bytes_of(data + 1, size - 1);
    cairn_arena_init(&arena, 1 << 20);
    read_di(data[0]);
    read_to0(data[0]);
    read_to1(data[0]);
    read_voucher_part(data[0]);
    read_channel(data[0]);
    if (data[0] == CAIRN_FDO_ERROR && cairn_fdo_error_read(body, &error) == CAIRN_OK)
        CAIRN_ASSERT(error.text.size <= CAIRN_FDO_ERROR_TEXT_MAX);
    if (data[0] == 0) {
        cairn_bytes plain;
        (void)!cairn_fdo_unseal(&arena, CAIRN_FDO_A128GCM, cairn_bytes_of(sek, sizeof sek), body,
                                &plain);
    }
    cairn_arena_done(&arena);
    return 0;
}
