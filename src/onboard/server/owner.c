/* The owner: TO2, messages 60 to 71. He shows that the device is his, lets it show who it is, gives
 * it new credentials and whatever the plan has for it, and keeps its new voucher. */
#include <openssl/rand.h>
#include <stdlib.h>

#include "core/crypto/openssl.h"
#include "core/crypto/secret.h"
#include "onboard/server/run.h"

static const char clause[] = "FDO 1.1, 5.5";

enum {
    RUN_SIZE_MAX = 2 * CAIRN_FDO_VOUCHER_SIZE_MAX, /* bytes of a run's own arena */
    SERVICE_INFO_MAX = 8192,                       /* bytes that we take in one message 68 */
    SERVICE_INFO_MIN = 256,                        /* and that a device must take */
};

static const cairn_fdo_owner *role_of(const cairn_fdo_turn *turn)
{
    return turn->service->options.owner;
}

static cairn_fdo_run *run_of(const cairn_fdo_turn *turn)
{
    return turn->session->state;
}

static void run_free(void *state)
{
    cairn_fdo_run *run = state;
    cairn_fdo_run_info_done(run);
    cairn_fdo_share_free(run->share);
    cairn_key_free(run->device);
    cairn_fdo_key_free(run->owner);
    cairn_fdo_voucher_done(&run->voucher);
    cairn_arena_done(&run->arena);
    cairn_wipe(run->sek, sizeof run->sek);
    free(run);
}

static uint64_t now_ms(const cairn_fdo_turn *turn)
{
    return cairn_clock_wall_ms(&turn->service->options.clock);
}

/* --- the channel --- */

static cairn_err open_body(cairn_fdo_turn *turn, cairn_bytes *ret_body)
{
    const cairn_fdo_run *run = run_of(turn);
    cairn_fdo_turn_device(turn, &run->guid);
    return cairn_fdo_unseal(turn->arena, run->cipher, cairn_bytes_of(run->sek, run->sek_size),
                            turn->body, ret_body);
}

static cairn_err answer_sealed(cairn_fdo_turn *turn, cairn_fdo_type type, cairn_bytes body,
                               uint8_t first, uint8_t second)
{
    const cairn_fdo_run *run = run_of(turn);
    cairn_bytes sealed = {0};
    CAIRN_TRY(cairn_fdo_seal(turn->arena, run->cipher, cairn_bytes_of(run->sek, run->sek_size),
                             body, &sealed));
    cairn_fdo_answer(turn, type, sealed, first, second);
    return CAIRN_OK;
}

/* A check that failed, with the code of the message's own proof. [X1353-R42] */
static cairn_err refuse(cairn_fdo_turn *turn, cairn_err err, const char *what)
{
    return cairn_fdo_refuse(turn, CAIRN_FDO_INVALID_MESSAGE_ERROR,
                            CAIRN_FAIL(err, clause, "%s", what));
}

/* --- 60 --- */

static cairn_err find_holding(cairn_fdo_turn *turn, cairn_fdo_run *run)
{
    const cairn_fdo_store *store = &turn->service->options.store;
    cairn_bytes value = {0};
    cairn_err err = store->get(store->context, CAIRN_FDO_VOUCHERS, &run->guid, &run->arena, &value);
    if (err == CAIRN_OK)
        err = cairn_fdo_holding_read(value, &run->holding);
    /* [X1353-R36] The old credential dies with its grace. */
    bool gone =
        err == CAIRN_OK && (run->holding.owner_key.size == 0 ||
                            (run->holding.has_successor && run->holding.until_ms <= now_ms(turn)));
    if (err == CAIRN_ERR_NOT_FOUND || gone)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, clause, "hello.guid: no device of ours");
    CAIRN_TRY(err);
    return role_of(turn)->check == NULL
               ? CAIRN_OK
               : role_of(turn)->check(role_of(turn)->context, &run->guid, &run->holding);
}

/* The head was verified when the voucher came in. */
static cairn_err find_owner(cairn_fdo_run *run)
{
    const cairn_fdo_voucher *voucher = &run->voucher;
    CAIRN_CLEANUP(cairn_fdo_entry_done) cairn_fdo_entry last = {0};
    if (voucher->entry_count == 0) {
        run->owner = cairn_fdo_key_ref(voucher->header.manufacturer);
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_fdo_entry_read(voucher->entries[voucher->entry_count - 1], &last));
    run->owner = cairn_fdo_key_ref(last.owner);
    return CAIRN_OK;
}

static cairn_err open_holding(cairn_fdo_turn *turn, cairn_fdo_run *run)
{
    void *name = NULL;
    CAIRN_TRY(find_holding(turn, run));
    CAIRN_TRY(cairn_fdo_voucher_read(run->holding.voucher, &run->voucher));
    CAIRN_TRY(cairn_key_from_cose(run->holding.device_key, &run->device));
    CAIRN_TRY(cairn_arena_alloc(&run->arena, run->holding.owner_key.size + 1, &name));
    memcpy(name, run->holding.owner_key.data, run->holding.owner_key.size);
    run->owner_name = name;
    return find_owner(run);
}

static cairn_err begin(cairn_fdo_turn *turn, const cairn_fdo_hello_device *hello)
{
    cairn_fdo_run *run = calloc(1, sizeof *run);
    if (run == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "run");
    cairn_arena_init(&run->arena, RUN_SIZE_MAX);
    turn->session->state = run;
    turn->session->free_state = run_free;
    run->guid = hello->guid;
    run->cipher = hello->cipher;
    cairn_fdo_turn_device(turn, &run->guid);
    CAIRN_TRY(open_holding(turn, run));
    if (hello->alg != cairn_key_alg(run->device))
        return refuse(turn, CAIRN_ERR_BAD_ALGORITHM, "hello.sig_info: not of the device's key");
    CAIRN_TRY(cairn_fdo_nonce_draw(&run->prove_nonce));
    CAIRN_TRY(cairn_fdo_guid_draw(&run->after));
    if (RAND_bytes(run->new_salt.b, sizeof run->new_salt.b) != 1) /* [X1353-R26] */
        return cairn_openssl_fail("salt");
    return cairn_fdo_share_new(hello->kex, &run->share);
}

static cairn_err hello_device(cairn_fdo_turn *turn)
{
    cairn_fdo_hello_device hello = {0};
    CAIRN_TRY(cairn_fdo_hello_device_read(turn->body, &hello));
    CAIRN_TRY(begin(turn, &hello));
    const cairn_fdo_run *run = run_of(turn);
    const cairn_fdo_voucher *voucher = &run->voucher;
    cairn_fdo_prove_header prove = {.header = voucher->header.encoded,
                                    .entry_count = (uint8_t)voucher->entry_count,
                                    .hmac = voucher->hmac,
                                    .hmac_encoded = voucher->hmac_encoded,
                                    .nonce = hello.nonce,
                                    .alg = hello.alg,
                                    .kex = cairn_fdo_share_public(run->share),
                                    .max_message = CAIRN_FDO_MESSAGE_SIZE_MAX,
                                    .prove_nonce = run->prove_nonce,
                                    .owner = run->owner};
    CAIRN_TRY(cairn_fdo_hash_of(voucher->hmac.alg == CAIRN_FDO_HMAC256 ? CAIRN_FDO_SHA256
                                                                       : CAIRN_FDO_SHA384,
                                &turn->body, 1, &prove.hello_hash));
    return cairn_fdo_prove_header_begin(turn->arena, &prove, &turn->unsigned_message);
}

static void on_header_proved(cairn_fdo_turn *turn)
{
    cairn_fdo_answer(turn, CAIRN_FDO_TO2_PROVE_OV_HDR, turn->signed_message,
                     CAIRN_FDO_TO2_GET_OV_NEXT_ENTRY, CAIRN_FDO_TO2_PROVE_DEVICE);
    cairn_fdo_finish(turn, CAIRN_OK);
}

static void on_hello_device(cairn_fdo_turn *turn)
{
    cairn_err err = hello_device(turn);
    if (err == CAIRN_OK)
        cairn_fdo_turn_sign(turn, run_of(turn)->owner_name, on_header_proved);
    else
        cairn_fdo_finish(turn, err);
}

/* --- 62 --- */

/* [X1353-R47] */
static cairn_err get_entry(cairn_fdo_turn *turn)
{
    const cairn_fdo_run *run = run_of(turn);
    const cairn_fdo_voucher *voucher = &run->voucher;
    int64_t index = 0;
    cairn_bytes body = {0};
    cairn_fdo_turn_device(turn, &run->guid);
    CAIRN_TRY(cairn_fdo_get_entry_read(turn->body, &index));
    if (index < 0 || index >= (int64_t)voucher->entry_count)
        return refuse(turn, CAIRN_ERR_BAD_VALUE, "get_ov_next_entry.index: no such entry");
    CAIRN_TRY(
        cairn_fdo_next_entry_encode(turn->arena, (uint8_t)index, voucher->entries[index], &body));
    cairn_fdo_answer(turn, CAIRN_FDO_TO2_OV_NEXT_ENTRY, body, CAIRN_FDO_TO2_GET_OV_NEXT_ENTRY,
                     CAIRN_FDO_TO2_PROVE_DEVICE);
    return CAIRN_OK;
}

static void on_get_entry(cairn_fdo_turn *turn)
{
    cairn_fdo_finish(turn, get_entry(turn));
}

/* --- 64 --- */

/* [X1353-R12] [X1353-R13] Nothing is told to a device before this has held. */
static cairn_err check_device(cairn_fdo_turn *turn, const cairn_fdo_eat *eat)
{
    const cairn_fdo_run *run = run_of(turn);
    if (!cairn_fdo_nonce_equal(&eat->nonce, &run->prove_nonce))
        return refuse(turn, CAIRN_ERR_MISMATCH, "token.nonce: not that of this run");
    if (memcmp(eat->guid.b, run->guid.b, sizeof run->guid.b) != 0)
        return cairn_fdo_refuse(
            turn, CAIRN_FDO_INVALID_GUID,
            CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "token.ueid: not that of this run"));
    if (!eat->has_kex || !eat->has_setup)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause, "token: no key exchange or nonce");
    cairn_err err = cairn_cose_sign1_verify(turn->arena, &eat->message, run->device,
                                            (cairn_bytes){0}, (cairn_bytes){0});
    return err == CAIRN_OK ? err : cairn_fdo_refuse(turn, CAIRN_FDO_INVALID_MESSAGE_ERROR, err);
}

static cairn_err agree(cairn_fdo_turn *turn, cairn_bytes kex)
{
    cairn_fdo_run *run = run_of(turn);
    cairn_err err =
        cairn_fdo_share_agree(run->share, kex, false, false, run->cipher, run->sek, &run->sek_size);
    cairn_fdo_share_free(run->share);
    run->share = NULL;
    return err;
}

static cairn_err prove_device(cairn_fdo_turn *turn)
{
    cairn_fdo_run *run = run_of(turn);
    cairn_fdo_eat eat = {0};
    cairn_fdo_turn_device(turn, &run->guid);
    CAIRN_TRY(cairn_fdo_eat_read(turn->body, &eat));
    CAIRN_TRY(check_device(turn, &eat));
    CAIRN_TRY(agree(turn, eat.kex));
    run->setup_nonce = eat.setup;
    const cairn_fdo_rv_info *rv_info = role_of(turn)->rv_info;
    const cairn_fdo_setup setup = {.rv_info =
                                       rv_info != NULL ? *rv_info : run->voucher.header.rv_info,
                                   .guid = run->after,
                                   .nonce = run->setup_nonce,
                                   .owner = run->owner};
    return cairn_fdo_setup_begin(turn->arena, &setup, cairn_key_alg(cairn_fdo_key_ec(run->owner)),
                                 &turn->unsigned_message);
}

static void on_setup_signed(cairn_fdo_turn *turn)
{
    cairn_fdo_finish(turn, answer_sealed(turn, CAIRN_FDO_TO2_SETUP_DEVICE, turn->signed_message,
                                         CAIRN_FDO_TO2_DEVICE_SERVICE_INFO_READY, 0));
}

static void on_prove_device(cairn_fdo_turn *turn)
{
    cairn_err err = prove_device(turn);
    if (err == CAIRN_OK)
        cairn_fdo_turn_sign(turn, run_of(turn)->owner_name, on_setup_signed);
    else
        cairn_fdo_finish(turn, err);
}

/* --- 66 --- */

static cairn_err device_ready(cairn_fdo_turn *turn)
{
    cairn_fdo_run *run = run_of(turn);
    bool has_hmac = false;
    cairn_fdo_hash hmac = {0};
    cairn_bytes encoded = {0};
    cairn_bytes body = {0};
    uint16_t room = 0;
    CAIRN_TRY(open_body(turn, &body));
    CAIRN_TRY(cairn_fdo_device_ready_read(body, &has_hmac, &hmac, &encoded, &room));
    if (!has_hmac) /* a device that would go by its old credential: none was offered that */
        return cairn_fdo_refuse(
            turn, CAIRN_FDO_CRED_REUSE_ERROR,
            CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause, "device_ready.hmac: null"));
    CAIRN_TRY(cairn_arena_copy(&run->arena, encoded, &run->hmac));
    run->room = room == 0 ? CAIRN_FDO_SERVICE_INFO_SIZE : room;
    if (run->room < SERVICE_INFO_MIN)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "device_ready.max_owner_info: %u", room);
    CAIRN_TRY(cairn_fdo_owner_ready_encode(turn->arena, SERVICE_INFO_MAX, &body));
    return answer_sealed(turn, CAIRN_FDO_TO2_OWNER_SERVICE_INFO_READY, body,
                         CAIRN_FDO_TO2_DEVICE_SERVICE_INFO, 0);
}

static void on_device_ready(cairn_fdo_turn *turn)
{
    cairn_fdo_finish(turn, device_ready(turn));
}

/* --- 68 --- */

static cairn_err give_info(cairn_fdo_turn *turn)
{
    cairn_fdo_info_list list = {0};
    cairn_bytes body = {0};
    CAIRN_TRY(cairn_fdo_run_give(run_of(turn), turn, &list));
    CAIRN_TRY(cairn_fdo_owner_info_encode(turn->arena, &list, &body));
    return answer_sealed(turn, CAIRN_FDO_TO2_OWNER_SERVICE_INFO, body,
                         list.done ? CAIRN_FDO_TO2_DONE : CAIRN_FDO_TO2_DEVICE_SERVICE_INFO, 0);
}

static cairn_err take_info(cairn_fdo_turn *turn)
{
    cairn_fdo_run *run = run_of(turn);
    cairn_fdo_info_list list = {0};
    cairn_bytes body = {0};
    CAIRN_TRY(open_body(turn, &body));
    CAIRN_TRY(cairn_fdo_device_info_read(turn->arena, body, &list));
    /* [X1353-R39] */
    if (++run->rounds > CAIRN_FDO_ROUNDS_MAX)
        return refuse(turn, CAIRN_ERR_TOO_MANY, "device_info: more rounds than a run may have");
    return cairn_fdo_run_take(run, turn, &list);
}

/* Modules that need time hold the answer back; the handler holds it too until it has left. */
static void on_device_info(cairn_fdo_turn *turn)
{
    cairn_fdo_run *run = run_of(turn);
    run->turn = turn;
    run->holds = 1;
    run->held_err = CAIRN_OK;
    cairn_fdo_run_release(run, take_info(turn));
}

void cairn_fdo_run_released(cairn_fdo_run *run)
{
    cairn_fdo_turn *turn = CAIRN_STEAL(run->turn);
    cairn_err err = run->held_err;
    cairn_fdo_finish(turn, err == CAIRN_OK ? give_info(turn) : err);
}

/* --- 70 --- */

/* The voucher of a device as it leaves: made by us, without entries. */
static cairn_err new_voucher(cairn_fdo_turn *turn, cairn_bytes *ret_voucher)
{
    const cairn_fdo_run *run = run_of(turn);
    const cairn_fdo_rv_info *rv_info = role_of(turn)->rv_info;
    cairn_fdo_header header = run->voucher.header;
    cairn_bytes encoded = {0};
    header.guid = run->after;
    header.manufacturer = run->owner;
    if (rv_info != NULL)
        header.rv_info = *rv_info;
    CAIRN_TRY(cairn_fdo_header_encode(turn->arena, &header, &encoded));
    return cairn_fdo_voucher_make(turn->arena, encoded, run->hmac, run->voucher.chain,
                                  run->voucher.chain_count, ret_voucher);
}

enum { ROWS_MAX = 3 };

/* [X1353-R35] [X1353-R36] The new voucher, the old one with its grace, and an earlier new one that
 * the device never learnt of. */
static cairn_err rows_of(cairn_fdo_turn *turn, cairn_fdo_row rows[ROWS_MAX], size_t *ret_count)
{
    const cairn_fdo_run *run = run_of(turn);
    cairn_fdo_holding before = run->holding;
    cairn_fdo_holding after = {.owner_key = before.owner_key,
                               .device_key = before.device_key,
                               .salt = run->new_salt,
                               .pseudonym = before.pseudonym};
    CAIRN_TRY(new_voucher(turn, &after.voucher));
    rows[0] = (cairn_fdo_row){.table = CAIRN_FDO_VOUCHERS, .guid = run->after};
    CAIRN_TRY(cairn_fdo_holding_encode(turn->arena, &after, &rows[0].value));
    rows[2] = (cairn_fdo_row){.table = CAIRN_FDO_VOUCHERS, .guid = before.successor};
    *ret_count = before.has_successor ? 3 : 2;
    if (!before.has_successor)
        before.until_ms = now_ms(turn) + (uint64_t)role_of(turn)->grace_s * 1000;
    before.has_successor = true;
    before.successor = run->after;
    rows[1] = (cairn_fdo_row){.table = CAIRN_FDO_VOUCHERS, .guid = run->guid};
    return cairn_fdo_holding_encode(turn->arena, &before, &rows[1].value);
}

static cairn_err done(cairn_fdo_turn *turn, cairn_fdo_row rows[ROWS_MAX], size_t *ret_count)
{
    const cairn_fdo_run *run = run_of(turn);
    cairn_bytes body = {0};
    cairn_fdo_nonce nonce;
    CAIRN_TRY(open_body(turn, &body));
    CAIRN_TRY(cairn_fdo_hello_ack_read(body, &nonce));
    if (!cairn_fdo_nonce_equal(&nonce, &run->prove_nonce))
        return refuse(turn, CAIRN_ERR_MISMATCH, "done.nonce: not that of this run");
    return rows_of(turn, rows, ret_count);
}

static void on_voucher_kept(cairn_fdo_turn *turn)
{
    const cairn_fdo_run *run = run_of(turn);
    const cairn_fdo_owner *role = role_of(turn);
    cairn_bytes body = {0};
    cairn_err err = cairn_fdo_hello_ack_encode(turn->arena, &run->setup_nonce, &body);
    if (err == CAIRN_OK)
        err = answer_sealed(turn, CAIRN_FDO_TO2_DONE2, body, 0, 0);
    if (err == CAIRN_OK && role->onboarded != NULL)
        role->onboarded(role->context, &run->guid, &run->after);
    cairn_fdo_finish(turn, err);
}

static void on_done(cairn_fdo_turn *turn)
{
    cairn_fdo_row rows[ROWS_MAX];
    size_t count = 0;
    cairn_err err = done(turn, rows, &count);
    if (err == CAIRN_OK)
        cairn_fdo_turn_store(turn, rows, count, on_voucher_kept);
    else
        cairn_fdo_finish(turn, err);
}

const cairn_fdo_handler cairn_fdo_owner_handlers[CAIRN_FDO_OWNER_COUNT] = {
    {CAIRN_FDO_TO2_HELLO_DEVICE, CAIRN_FDO_TO2, true, on_hello_device},
    {CAIRN_FDO_TO2_GET_OV_NEXT_ENTRY, CAIRN_FDO_TO2, false, on_get_entry},
    {CAIRN_FDO_TO2_PROVE_DEVICE, CAIRN_FDO_TO2, false, on_prove_device},
    {CAIRN_FDO_TO2_DEVICE_SERVICE_INFO_READY, CAIRN_FDO_TO2, false, on_device_ready},
    {CAIRN_FDO_TO2_DEVICE_SERVICE_INFO, CAIRN_FDO_TO2, false, on_device_info},
    {CAIRN_FDO_TO2_DONE, CAIRN_FDO_TO2, false, on_done},
};
