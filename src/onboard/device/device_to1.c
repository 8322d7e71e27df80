/* TO1: the rendezvous service tells where the owner is. What it says is believed only once the
 * voucher has named the owner's key. */
#include "onboard/device/device_impl.h"
#include "onboard/device/plan.h"

static cairn_err make_hello_rv(cairn_fdo_client *d, cairn_bytes *ret_body)
{
    return cairn_fdo_hello_rv_encode(&d->message, &d->credential.guid, d->alg, ret_body);
}

/* The answer must be for the device's own algorithm. */
static const device_step prove_to_rv;

static cairn_err take_hello_rv_ack(cairn_fdo_client *d, cairn_bytes body,
                                   const device_step **ret_next)
{
    cairn_alg alg = 0;
    CAIRN_TRY(cairn_fdo_hello_rv_ack_read(body, &d->to1_nonce, &alg));
    if (alg != d->alg)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, "FDO 1.1, 5.4.2",
                          "hello_rv_ack.sig_info: not the device's algorithm");
    *ret_next = &prove_to_rv;
    return CAIRN_OK;
}

static cairn_err make_prove_to_rv(cairn_fdo_client *d, cairn_bytes *ret_body)
{
    cairn_fdo_unsigned u;
    CAIRN_TRY(cairn_fdo_eat_begin(&d->message, d->alg, &d->to1_nonce, &d->credential.guid,
                                  (cairn_bytes){0}, NULL, &u));
    return cairn_fdo_client_sign(d, &u, ret_body);
}

static cairn_err take_redirect(cairn_fdo_client *d, cairn_bytes body, const device_step **ret_next)
{
    cairn_fdo_to1d to1d;
    CAIRN_TRY(cairn_fdo_to1d_read(body, &to1d));
    cairn_arena_reset(&d->told);
    CAIRN_TRY(cairn_arena_copy(&d->told, body, &d->to1d));
    *ret_next = NULL;
    return CAIRN_OK;
}

const device_step cairn_fdo_client_step_hello_rv = {
    .type = CAIRN_FDO_TO1_HELLO_RV,
    .answer = CAIRN_FDO_TO1_HELLO_RV_ACK,
    .is_first = true,
    .make = make_hello_rv,
    .take = take_hello_rv_ack,
};

static const device_step prove_to_rv = {
    .type = CAIRN_FDO_TO1_PROVE_TO_RV,
    .answer = CAIRN_FDO_TO1_RV_REDIRECT,
    .make = make_prove_to_rv,
    .take = take_redirect,
};

bool cairn_fdo_client_owner_url(const cairn_fdo_client *device, size_t i,
                                char ret_url[CAIRN_FDO_CLIENT_URL_SIZE])
{
    cairn_fdo_to1d to1d;
    return device->to1d.size != 0 && cairn_fdo_to1d_read(device->to1d, &to1d) == CAIRN_OK &&
           cairn_fdo_client_to1d_url(&to1d, i, ret_url);
}
