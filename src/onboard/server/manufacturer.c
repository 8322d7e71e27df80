/* The manufacturer: device initialisation, messages 10 to 13. A device gets its certificate, GUID
 * and header; its HMac makes them a voucher, which is signed over to its buyer and kept. */
#include <openssl/rand.h>
#include <stdlib.h>

#include "core/crypto/openssl.h"
#include "onboard/server/turn.h"
#include "onboard/wire/di.h"

static const char clause[] = "FDO 1.1, 5.1";

/* A device that is being made. */
typedef struct making {
    cairn_fdo_guid guid;
    const cairn_fdo_party *maker;
    const cairn_fdo_party *buyer; /* NULL: it stays with the maker */
    cairn_arena arena;            /* of what follows */
    cairn_bytes header;
    size_t chain_count;
    cairn_bytes chain[CAIRN_FDO_CHAIN_MAX];
    cairn_bytes voucher; /* without an entry */
    cairn_fdo_app_start start;
} making;

enum { MAKING_SIZE_MAX = 1 << 16 }; /* bytes of one */

static void making_free(void *state)
{
    making *m = state;
    cairn_arena_done(&m->arena);
    free(m);
}

static const cairn_fdo_manufacturer *role_of(const cairn_fdo_turn *turn)
{
    return turn->service->options.manufacturer;
}

static making *making_of(const cairn_fdo_turn *turn)
{
    return turn->session->state;
}

static const cairn_fdo_party *party_of(const cairn_fdo_party *parties, size_t count, int64_t type)
{
    for (size_t i = 0; i < count; i++)
        if ((int64_t)cairn_fdo_key_get_type(parties[i].key) == type)
            return &parties[i];
    return NULL;
}

/* --- 10 --- */

static cairn_err begin(cairn_fdo_turn *turn, making **ret_making)
{
    const cairn_fdo_manufacturer *role = role_of(turn);
    cairn_bytes body = {0};
    making *m = calloc(1, sizeof *m);
    if (m == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "device that is being made");
    cairn_arena_init(&m->arena, MAKING_SIZE_MAX);
    turn->session->state = m;
    turn->session->free_state = making_free;
    CAIRN_TRY(cairn_arena_copy(&m->arena, turn->body, &body));
    CAIRN_TRY(cairn_fdo_app_start_read(body, &m->start));
    m->maker = party_of(role->keys, role->key_count, m->start.key_type);
    if (m->maker == NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "app_start.key_type: %lld",
                          (long long)m->start.key_type);
    m->buyer = party_of(role->buyers, role->buyer_count, m->start.key_type);
    CAIRN_TRY(cairn_fdo_guid_draw(&m->guid));
    cairn_fdo_turn_device(turn, &m->guid);
    *ret_making = m;
    return CAIRN_OK;
}

static cairn_err keep_chain(making *m, const cairn_bytes *chain, size_t count)
{
    CAIRN_ASSERT(count >= 1 && count <= CAIRN_FDO_CHAIN_MAX);
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(cairn_arena_copy(&m->arena, chain[i], &m->chain[i]));
    m->chain_count = count;
    return CAIRN_OK;
}

static cairn_err make_header(cairn_fdo_turn *turn, const cairn_bytes *chain, size_t count)
{
    making *m = making_of(turn);
    cairn_bytes body = {0};
    cairn_fdo_header header = {.guid = m->guid,
                               .rv_info = *role_of(turn)->rv_info,
                               .device_info = m->start.model,
                               .manufacturer = m->maker->key,
                               .has_chain_hash = true};
    CAIRN_TRY(keep_chain(m, chain, count));
    CAIRN_TRY(
        cairn_fdo_hash_of(cairn_fdo_key_hash_alg(m->maker->key), chain, count, &header.chain_hash));
    CAIRN_TRY(cairn_fdo_header_encode(&m->arena, &header, &m->header));
    CAIRN_TRY(cairn_fdo_set_credentials_encode(turn->arena, m->header, &body));
    cairn_fdo_answer(turn, CAIRN_FDO_DI_SET_CREDENTIALS, body, CAIRN_FDO_DI_SET_HMAC, 0);
    return CAIRN_OK;
}

/* What a certificate authority finds wrong with a request is wrong with the body. */
static void on_issued(void *context, cairn_err err, const cairn_bytes *chain, size_t count)
{
    cairn_fdo_turn *turn = context;
    if (err == CAIRN_OK)
        err = make_header(turn, chain, count);
    else if (err == CAIRN_ERR_BAD_SIGNATURE || err == CAIRN_ERR_TX_FORBIDDEN ||
             err == CAIRN_ERR_EXISTS || err == CAIRN_ERR_ARGUMENT)
        turn->code = CAIRN_FDO_MESSAGE_BODY_ERROR;
    cairn_fdo_finish(turn, err);
}

static void on_app_start(cairn_fdo_turn *turn)
{
    const cairn_fdo_manufacturer *role = role_of(turn);
    making *m = NULL;
    cairn_err err = begin(turn, &m);
    if (err != CAIRN_OK) {
        cairn_fdo_finish(turn, err);
        return;
    }
    const cairn_fdo_birth birth = {.serial = m->start.serial, .csr = m->start.csr};
    role->issue(role->context, &birth, on_issued, turn);
}

/* --- 12 --- */

static void on_kept(cairn_fdo_turn *turn)
{
    const cairn_fdo_manufacturer *role = role_of(turn);
    cairn_bytes body = {0};
    cairn_err err = cairn_fdo_empty_encode(turn->arena, &body);
    if (err == CAIRN_OK)
        cairn_fdo_answer(turn, CAIRN_FDO_DI_DONE, body, 0, 0);
    if (err == CAIRN_OK && role->made != NULL)
        role->made(role->context, &making_of(turn)->guid);
    cairn_fdo_finish(turn, err);
}

/* Verified once more: what is kept is what a device will be shown. */
static cairn_err row_of(cairn_fdo_turn *turn, cairn_bytes voucher, cairn_fdo_row *ret_row)
{
    const making *m = making_of(turn);
    const cairn_fdo_party *owner = m->buyer != NULL ? m->buyer : m->maker;
    cairn_fdo_row row = {.table = CAIRN_FDO_VOUCHERS, .guid = m->guid};
    cairn_bytes name = owner->name != NULL ? cairn_bytes_str(owner->name) : (cairn_bytes){0};
    cairn_fdo_holding holding = {0};
    cairn_hash salt;
    if (RAND_bytes(salt.b, sizeof salt.b) != 1)
        return cairn_openssl_fail("salt");
    CAIRN_TRY(cairn_fdo_holding_of(turn->arena, voucher, &salt, name, &holding));
    CAIRN_TRY(cairn_fdo_holding_encode(turn->arena, &holding, &row.value));
    *ret_row = row;
    return CAIRN_OK;
}

static void keep(cairn_fdo_turn *turn, cairn_bytes voucher)
{
    cairn_fdo_row row;
    cairn_err err = row_of(turn, voucher, &row);
    if (err == CAIRN_OK)
        cairn_fdo_turn_store(turn, &row, 1, on_kept);
    else
        cairn_fdo_finish(turn, cairn_fdo_refuse(turn, CAIRN_FDO_INTERNAL_SERVER_ERROR, err));
}

static void on_entry_signed(cairn_fdo_turn *turn)
{
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    cairn_bytes sold = {0};
    cairn_err err = cairn_fdo_voucher_read(making_of(turn)->voucher, &voucher);
    if (err == CAIRN_OK)
        err = cairn_fdo_voucher_append(turn->arena, &voucher, turn->signed_message, &sold);
    if (err == CAIRN_OK)
        keep(turn, sold);
    else
        cairn_fdo_finish(turn, cairn_fdo_refuse(turn, CAIRN_FDO_INTERNAL_SERVER_ERROR, err));
}

static cairn_err begin_sale(cairn_fdo_turn *turn)
{
    const making *m = making_of(turn);
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
    cairn_bytes payload = {0};
    CAIRN_TRY(cairn_fdo_voucher_read(m->voucher, &voucher));
    CAIRN_TRY(cairn_fdo_head_first(&voucher.header, voucher.hmac_encoded, &head));
    CAIRN_TRY(cairn_fdo_entry_payload(turn->arena, &head, &voucher.header, (cairn_bytes){0},
                                      m->buyer->key, &payload));
    return cairn_fdo_sign_begin(turn->arena, cairn_key_alg(cairn_fdo_key_ec(m->maker->key)),
                                (cairn_bytes){0}, payload, &turn->unsigned_message);
}

static cairn_err make_voucher(cairn_fdo_turn *turn)
{
    making *m = making_of(turn);
    cairn_fdo_hash hmac = {0};
    cairn_bytes encoded = {0};
    cairn_fdo_turn_device(turn, &m->guid);
    CAIRN_TRY(cairn_fdo_set_hmac_read(turn->body, &hmac, &encoded));
    return cairn_fdo_voucher_make(&m->arena, m->header, encoded, m->chain, m->chain_count,
                                  &m->voucher);
}

static void on_set_hmac(cairn_fdo_turn *turn)
{
    making *m = making_of(turn);
    cairn_err err = make_voucher(turn);
    if (err == CAIRN_OK && m->buyer == NULL) {
        keep(turn, m->voucher);
        return;
    }
    if (err == CAIRN_OK)
        err = begin_sale(turn);
    if (err == CAIRN_OK)
        cairn_fdo_turn_sign(turn, m->maker->name, on_entry_signed);
    else
        cairn_fdo_finish(turn, err);
}

const cairn_fdo_handler cairn_fdo_manufacturer_handlers[CAIRN_FDO_MANUFACTURER_COUNT] = {
    {CAIRN_FDO_DI_APP_START, CAIRN_FDO_DI, true, on_app_start},
    {CAIRN_FDO_DI_SET_HMAC, CAIRN_FDO_DI, false, on_set_hmac},
};
