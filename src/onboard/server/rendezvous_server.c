/* The rendezvous service: an owner leaves word where he is (TO0, 20 to 23), a device asks (TO1, 30
 * to 33). What is kept is signed by the owner; this service only decides whom it believes and whom
 * it tells. */
#include <stdlib.h>

#include "onboard/server/turn.h"
#include "onboard/wire/di.h"
#include "onboard/wire/to1.h"

static const char to0_clause[] = "FDO 1.1, 5.3";
static const char to1_clause[] = "FDO 1.1, 5.4";

static const cairn_fdo_rendezvous *role_of(const cairn_fdo_turn *turn)
{
    return turn->service->options.rendezvous;
}

static uint64_t now_ms(const cairn_fdo_turn *turn)
{
    return cairn_clock_wall_ms(&turn->service->options.clock);
}

/* What a run keeps between two messages. */
typedef struct asking {
    cairn_fdo_nonce nonce;
    cairn_fdo_guid guid; /* TO1 */
    cairn_alg alg;
    uint32_t wait_s; /* TO0: what was granted */
} asking;

static cairn_err begin(cairn_fdo_turn *turn, asking **ret_asking)
{
    asking *a = calloc(1, sizeof *a);
    if (a == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "run");
    turn->session->state = a;
    turn->session->free_state = free;
    CAIRN_TRY(cairn_fdo_nonce_draw(&a->nonce));
    *ret_asking = a;
    return CAIRN_OK;
}

/* --- 20, 22 --- */

static cairn_err hello(cairn_fdo_turn *turn)
{
    asking *a = NULL;
    cairn_bytes body = {0};
    CAIRN_TRY(cairn_fdo_empty_read(turn->body, "hello"));
    CAIRN_TRY(begin(turn, &a));
    CAIRN_TRY(cairn_fdo_hello_ack_encode(turn->arena, &a->nonce, &body));
    cairn_fdo_answer(turn, CAIRN_FDO_TO0_HELLO_ACK, body, CAIRN_FDO_TO0_OWNER_SIGN, 0);
    return CAIRN_OK;
}

static void on_hello(cairn_fdo_turn *turn)
{
    cairn_fdo_finish(turn, hello(turn));
}

/* An owner speaks for a device when the voucher makes him its head. [X1353-R07] */
static cairn_err check_voucher(cairn_fdo_turn *turn, cairn_bytes in, cairn_fdo_voucher *voucher,
                               cairn_fdo_head *head, cairn_key **ret_device)
{
    const cairn_fdo_rendezvous *role = role_of(turn);
    CAIRN_TRY(cairn_fdo_voucher_read(in, voucher));
    cairn_fdo_turn_device(turn, &voucher->header.guid);
    if (voucher->entry_count == 0)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, to0_clause,
                          "voucher.entries: none, so nobody but the manufacturer owns it");
    CAIRN_TRY(cairn_fdo_voucher_verify(turn->arena, voucher, head));
    CAIRN_TRY(cairn_fdo_chain_check(voucher, role->roots, role->root_count, ret_device));
    return role->check == NULL ? CAIRN_OK : role->check(role->context, voucher, head);
}

static cairn_err check_to1d(cairn_fdo_turn *turn, const cairn_fdo_owner_sign *sign,
                            const cairn_fdo_to1d *to1d, const cairn_fdo_head *head)
{
    cairn_fdo_hash hash = {0};
    CAIRN_TRY(cairn_fdo_key_verify(turn->arena, &to1d->message, head->owner));
    CAIRN_TRY(cairn_fdo_hash_of(to1d->to0d_hash.alg, &sign->to0d, 1, &hash));
    if (!cairn_fdo_hash_equal(&hash, &to1d->to0d_hash))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, to0_clause, "to1d.to0d_hash: of another to0d");
    return CAIRN_OK;
}

static cairn_err blob_row(cairn_fdo_turn *turn, const cairn_fdo_owner_sign *sign,
                          const cairn_key *device, cairn_fdo_row *ret_row)
{
    asking *a = turn->session->state;
    uint8_t cose[CAIRN_COSE_KEY_SIZE_MAX];
    size_t size = 0;
    cairn_fdo_row row = {.table = CAIRN_FDO_BLOBS, .guid = turn->guid};
    CAIRN_TRY(cairn_key_to_cose(device, cose, &size));
    a->wait_s = sign->wait_s < role_of(turn)->wait_max_s ? sign->wait_s : role_of(turn)->wait_max_s;
    const cairn_fdo_blob blob = {.to1d = sign->to1d,
                                 .device_key = cairn_bytes_of(cose, size),
                                 .until_ms = now_ms(turn) + (uint64_t)a->wait_s * 1000};
    CAIRN_TRY(cairn_fdo_blob_encode(turn->arena, &blob, &row.value));
    *ret_row = row;
    return CAIRN_OK;
}

/* [X1353-R42] Each part of the message has a code of its own. */
static cairn_err owner_sign(cairn_fdo_turn *turn, cairn_fdo_row *ret_row)
{
    const asking *a = turn->session->state;
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *device = NULL;
    cairn_fdo_owner_sign sign = {0};
    cairn_fdo_to1d to1d = {0};
    CAIRN_TRY(cairn_fdo_owner_sign_read(turn->body, &sign));
    if (!cairn_fdo_nonce_equal(&sign.nonce, &a->nonce))
        return cairn_fdo_refuse(
            turn, CAIRN_FDO_INVALID_MESSAGE_ERROR,
            CAIRN_FAIL(CAIRN_ERR_MISMATCH, to0_clause, "to0d.nonce: not that of this run"));
    cairn_err err = check_voucher(turn, sign.voucher, &voucher, &head, &device);
    if (err != CAIRN_OK)
        return cairn_fdo_refuse(turn, CAIRN_FDO_INVALID_OWNERSHIP_VOUCHER, err);
    err = cairn_fdo_to1d_read(sign.to1d, &to1d);
    if (err == CAIRN_ERR_BAD_VALUE)
        return cairn_fdo_refuse(turn, CAIRN_FDO_INVALID_IP_ADDRESS, err);
    if (err == CAIRN_OK)
        err = check_to1d(turn, &sign, &to1d, &head);
    if (err != CAIRN_OK)
        return cairn_fdo_refuse(turn, CAIRN_FDO_INVALID_OWNER_SIGN_BODY, err);
    return blob_row(turn, &sign, device, ret_row);
}

static void on_blob_kept(cairn_fdo_turn *turn)
{
    const asking *a = turn->session->state;
    cairn_bytes body = {0};
    cairn_err err = cairn_fdo_accept_owner_encode(turn->arena, a->wait_s, &body);
    if (err == CAIRN_OK)
        cairn_fdo_answer(turn, CAIRN_FDO_TO0_ACCEPT_OWNER, body, 0, 0);
    cairn_fdo_finish(turn, err);
}

static void on_owner_sign(cairn_fdo_turn *turn)
{
    cairn_fdo_row row;
    cairn_err err = owner_sign(turn, &row);
    if (err == CAIRN_OK)
        cairn_fdo_turn_store(turn, &row, 1, on_blob_kept);
    else
        cairn_fdo_finish(turn, err);
}

/* --- 30, 32 --- */

/* NOT_FOUND also for one that has expired. */
static cairn_err find_blob(cairn_fdo_turn *turn, const cairn_fdo_guid *guid,
                           cairn_fdo_blob *ret_blob)
{
    const cairn_fdo_store *store = &turn->service->options.store;
    cairn_bytes value = {0};
    cairn_fdo_turn_device(turn, guid);
    cairn_err err = store->get(store->context, CAIRN_FDO_BLOBS, guid, turn->arena, &value);
    if (err == CAIRN_OK)
        err = cairn_fdo_blob_read(value, ret_blob);
    if (err == CAIRN_OK && ret_blob->until_ms <= now_ms(turn))
        err = CAIRN_ERR_NOT_FOUND;
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, to1_clause, "guid: no owner has left word for it");
    return err;
}

static cairn_err hello_rv(cairn_fdo_turn *turn)
{
    asking *a = NULL;
    cairn_fdo_blob blob = {0};
    cairn_fdo_guid guid;
    cairn_alg alg = CAIRN_ALG_ES256;
    cairn_bytes body = {0};
    CAIRN_TRY(cairn_fdo_hello_rv_read(turn->body, &guid, &alg));
    CAIRN_TRY(find_blob(turn, &guid, &blob));
    CAIRN_TRY(begin(turn, &a));
    a->guid = guid;
    a->alg = alg;
    CAIRN_TRY(cairn_fdo_hello_rv_ack_encode(turn->arena, &a->nonce, alg, &body));
    cairn_fdo_answer(turn, CAIRN_FDO_TO1_HELLO_RV_ACK, body, CAIRN_FDO_TO1_PROVE_TO_RV, 0);
    return CAIRN_OK;
}

static void on_hello_rv(cairn_fdo_turn *turn)
{
    cairn_fdo_finish(turn, hello_rv(turn));
}

/* The device is the one of the voucher: fresh nonce, its GUID, its key. [X1353-R13] */
static cairn_err check_eat(cairn_fdo_turn *turn, const asking *a, const cairn_fdo_blob *blob)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *device = NULL;
    cairn_fdo_eat eat = {0};
    CAIRN_TRY(cairn_fdo_eat_read(turn->body, &eat));
    if (!cairn_fdo_nonce_equal(&eat.nonce, &a->nonce))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, to1_clause, "token.nonce: not that of this run");
    if (memcmp(eat.guid.b, a->guid.b, sizeof a->guid.b) != 0)
        return cairn_fdo_refuse(
            turn, CAIRN_FDO_INVALID_GUID,
            CAIRN_FAIL(CAIRN_ERR_MISMATCH, to1_clause, "token.ueid: not that of this run"));
    CAIRN_TRY(cairn_key_from_cose(blob->device_key, &device));
    cairn_err err = cairn_cose_sign1_verify(turn->arena, &eat.message, device, (cairn_bytes){0},
                                            (cairn_bytes){0});
    return err == CAIRN_ERR_BAD_ALGORITHM
               ? cairn_fdo_refuse(turn, CAIRN_FDO_INVALID_MESSAGE_ERROR, err)
               : err;
}

static cairn_err prove_to_rv(cairn_fdo_turn *turn)
{
    const asking *a = turn->session->state;
    cairn_fdo_blob blob = {0};
    CAIRN_TRY(find_blob(turn, &a->guid, &blob));
    CAIRN_TRY(check_eat(turn, a, &blob));
    cairn_fdo_answer(turn, CAIRN_FDO_TO1_RV_REDIRECT, blob.to1d, 0, 0);
    return CAIRN_OK;
}

static void on_prove_to_rv(cairn_fdo_turn *turn)
{
    cairn_fdo_finish(turn, prove_to_rv(turn));
}

const cairn_fdo_handler cairn_fdo_rendezvous_handlers[CAIRN_FDO_RENDEZVOUS_COUNT] = {
    {CAIRN_FDO_TO0_HELLO, CAIRN_FDO_TO0, true, on_hello},
    {CAIRN_FDO_TO0_OWNER_SIGN, CAIRN_FDO_TO0, false, on_owner_sign},
    {CAIRN_FDO_TO1_HELLO_RV, CAIRN_FDO_TO1, true, on_hello_rv},
    {CAIRN_FDO_TO1_PROVE_TO_RV, CAIRN_FDO_TO1, false, on_prove_to_rv},
};
