/* DI: the manufacturer gives the device its voucher's header, the device binds itself to it. */
#include "onboard/device/csr.h"
#include "onboard/device/device_impl.h"
#include "onboard/wire/di.h"

static cairn_err make_app_start(cairn_fdo_client *d, cairn_bytes *ret_body)
{
    cairn_fdo_app_start start = {
        .key_type = d->alg == CAIRN_ALG_ES256 ? CAIRN_FDO_KEY_P256 : CAIRN_FDO_KEY_P384,
        .key_encoding = CAIRN_FDO_KEY_X509,
        .serial = d->birth.serial,
        .model = d->birth.model,
    };
    cairn_bytes name = d->birth.serial.size != 0 ? d->birth.serial : d->birth.model;
    CAIRN_TRY(cairn_fdo_client_csr(&d->message, &d->config->keys, "device", name, (cairn_bytes){0},
                                   &start.csr));
    return cairn_fdo_app_start_encode(&d->message, &start, ret_body);
}

static const device_step set_hmac;

static cairn_err take_set_credentials(cairn_fdo_client *d, cairn_bytes body,
                                      const device_step **ret_next)
{
    cairn_bytes header;
    CAIRN_TRY(cairn_fdo_set_credentials_read(body, &header));
    CAIRN_TRY(cairn_arena_copy(&d->run, header, &header));
    CAIRN_TRY(cairn_fdo_header_read(header, &d->to2.header));
    if (!d->to2.header.has_chain_hash)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, "FDO 1.1, 3.4.2",
                          "set_credentials.chain_hash: not there");
    *ret_next = &set_hmac;
    return CAIRN_OK;
}

static cairn_err make_set_hmac(cairn_fdo_client *d, cairn_bytes *ret_body)
{
    const cairn_fdo_header *header = &d->to2.header;
    cairn_fdo_hash hmac;
    int64_t alg = cairn_fdo_client_hash_alg(d, header->manufacturer);
    CAIRN_TRY(cairn_fdo_client_hmac(d,
                                    alg == CAIRN_FDO_SHA256 ? CAIRN_FDO_HMAC256 : CAIRN_FDO_HMAC384,
                                    header->encoded, &hmac));
    return cairn_fdo_set_hmac_encode(&d->message, &hmac, ret_body);
}

static cairn_err take_done(cairn_fdo_client *d, cairn_bytes body, const device_step **ret_next)
{
    const cairn_fdo_header *header = &d->to2.header;
    cairn_bytes owner = cairn_fdo_key_encoded(header->manufacturer);
    cairn_fdo_client_credential credential = {.guid = header->guid,
                                              .device_info = header->device_info,
                                              .rv_info = header->rv_info.encoded};
    CAIRN_TRY(cairn_fdo_empty_read(body, "done"));
    CAIRN_TRY(cairn_fdo_hash_of(cairn_fdo_client_hash_alg(d, header->manufacturer), &owner, 1,
                                &credential.owner_hash));
    CAIRN_TRY(cairn_fdo_client_adopt(d, &credential));
    *ret_next = NULL;
    return CAIRN_OK;
}

const device_step cairn_fdo_client_step_app_start = {
    .type = CAIRN_FDO_DI_APP_START,
    .answer = CAIRN_FDO_DI_SET_CREDENTIALS,
    .is_first = true,
    .make = make_app_start,
    .take = take_set_credentials,
};

static const device_step set_hmac = {
    .type = CAIRN_FDO_DI_SET_HMAC,
    .answer = CAIRN_FDO_DI_DONE,
    .make = make_set_hmac,
    .take = take_done,
};
