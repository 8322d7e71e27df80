/* The door: finds the run of a message, hands it to its machine, and sends what comes back. */
#include <openssl/rand.h>
#include <stdlib.h>

#include "core/crypto/openssl.h"
#include "core/crypto/secret.h"
#include "onboard/server/turn.h"
#include "onboard/wire/fdo_error.h"

static const char clause[] = "FDO 1.1, 4.3";

cairn_err cairn_fdo_service_new(const cairn_fdo_service_options *options,
                                cairn_fdo_service **ret_service)
{
    CAIRN_CLEANUP(cairn_fdo_service_free_p) cairn_fdo_service *service = calloc(1, sizeof *service);
    if (service == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "service");
    service->options = *options;
    service->correlation = cairn_clock_wall_ms(&options->clock) << 12;
    CAIRN_TRY(cairn_fdo_sessions_new(&options->clock, options->session_count_max,
                                     options->session_lifetime_ms, &service->sessions));
    *ret_service = CAIRN_STEAL(service);
    return CAIRN_OK;
}

void cairn_fdo_service_free(cairn_fdo_service *service)
{
    if (service == NULL)
        return;
    cairn_fdo_sessions_free(service->sessions);
    free(service);
}

size_t cairn_fdo_service_count(cairn_fdo_service *service)
{
    return cairn_fdo_sessions_sweep(service->sessions);
}

/* --- the end of a turn --- */

static uint64_t audit(cairn_fdo_turn *turn, cairn_fdo_code code, cairn_err err)
{
    cairn_fdo_service *service = turn->service;
    const cairn_fdo_event event = {.type = (cairn_fdo_type)turn->type,
                                   .code = code,
                                   .err = err,
                                   .guid = turn->has_guid ? &turn->guid : NULL};
    if (service->options.audit != NULL)
        return service->options.audit(service->options.audit_context, &event);
    return __atomic_add_fetch(&service->correlation, 1, __ATOMIC_RELAXED);
}

/* [X1353-R42] [X1353-R48] What went wrong inside stays inside. */
static void answer_error(cairn_fdo_turn *turn, cairn_err err)
{
    cairn_fdo_code code =
        turn->code != 0 ? turn->code : cairn_fdo_code_of(err, (cairn_fdo_type)turn->type);
    cairn_fdo_error error = {
        .code = (uint16_t)code,
        .previous = turn->type,
        .time_s = (int64_t)(cairn_clock_wall_ms(&turn->service->options.clock) / 1000),
        .has_correlation = true};
    error.text = cairn_bytes_str(code == CAIRN_FDO_INTERNAL_SERVER_ERROR ? cairn_err_text(err)
                                                                         : cairn_err_detail());
    error.correlation = audit(turn, code, err);
    turn->busy = err == CAIRN_ERR_BUSY || err == CAIRN_ERR_RATE;
    turn->reply_type = CAIRN_FDO_ERROR;
    turn->reply_token[0] = '\0';
    if (cairn_fdo_error_encode(turn->arena, &error, &turn->reply) != CAIRN_OK)
        turn->reply = (cairn_bytes){0};
}

void cairn_fdo_finish(cairn_fdo_turn *turn, cairn_err err)
{
    cairn_fdo_sessions *sessions = turn->service->sessions;
    cairn_fdo_session *session = CAIRN_STEAL(turn->session);
    bool goes_on = err == CAIRN_OK && turn->expect[0] != 0;
    if (err != CAIRN_OK)
        answer_error(turn, err);
    else if (!goes_on)
        (void)audit(turn, (cairn_fdo_code)0, CAIRN_OK);
    if (session != NULL && goes_on) {
        cairn_hex_encode(cairn_bytes_of(session->token, sizeof session->token), turn->reply_token);
        memcpy(session->expect, turn->expect, sizeof session->expect);
        cairn_fdo_session_give(sessions, session);
    } else if (session != NULL) {
        cairn_fdo_session_end(sessions, session);
    }
    turn->done(turn);
}

void cairn_fdo_answer(cairn_fdo_turn *turn, cairn_fdo_type type, cairn_bytes body, uint8_t first,
                      uint8_t second)
{
    turn->reply_type = type;
    turn->reply = body;
    turn->expect[0] = first;
    turn->expect[1] = second;
}

cairn_err cairn_fdo_refuse(cairn_fdo_turn *turn, cairn_fdo_code code, cairn_err err)
{
    bool is_ours = cairn_err_http(err) >= 500 && err != CAIRN_ERR_NOT_IMPLEMENTED;
    turn->code = is_ours ? CAIRN_FDO_INTERNAL_SERVER_ERROR : code;
    return err;
}

void cairn_fdo_turn_device(cairn_fdo_turn *turn, const cairn_fdo_guid *guid)
{
    turn->has_guid = true;
    turn->guid = *guid;
}

/* --- waiting --- */

static void on_signed(void *context, cairn_err err, cairn_bytes signature)
{
    cairn_fdo_turn *turn = context;
    if (err == CAIRN_OK)
        err = cairn_fdo_sign_end(turn->arena, &turn->unsigned_message, signature,
                                 &turn->signed_message);
    if (err == CAIRN_OK)
        turn->then(turn);
    else
        cairn_fdo_finish(turn, cairn_fdo_refuse(turn, CAIRN_FDO_INTERNAL_SERVER_ERROR, err));
}

void cairn_fdo_turn_sign(cairn_fdo_turn *turn, const char *name, cairn_fdo_turn_fn then)
{
    turn->then = then;
    cairn_err err = cairn_signer_sign_for(turn->service->options.signer, CAIRN_SIGNER_FOR_OWNER,
                                          name, turn->unsigned_message.to_sign, on_signed, turn);
    if (err != CAIRN_OK)
        cairn_fdo_finish(turn, cairn_fdo_refuse(turn, CAIRN_FDO_INTERNAL_SERVER_ERROR, err));
}

static void on_stored(void *context, cairn_err err)
{
    cairn_fdo_turn *turn = context;
    if (err == CAIRN_OK)
        turn->then(turn);
    else
        cairn_fdo_finish(turn, cairn_fdo_refuse(turn, CAIRN_FDO_INTERNAL_SERVER_ERROR, err));
}

void cairn_fdo_turn_store(cairn_fdo_turn *turn, const cairn_fdo_row *rows, size_t count,
                          cairn_fdo_turn_fn then)
{
    const cairn_fdo_store *store = &turn->service->options.store;
    turn->then = then;
    store->put(store->context, rows, count, on_stored, turn);
}

/* --- the beginning --- */

static const cairn_fdo_handler *find_in(const cairn_fdo_handler *handlers, size_t count,
                                        uint8_t type)
{
    for (size_t i = 0; i < count; i++)
        if (handlers[i].type == type)
            return &handlers[i];
    return NULL;
}

static const cairn_fdo_handler *find_handler(const cairn_fdo_service_options *options, uint8_t type)
{
    const cairn_fdo_handler *found = NULL;
    if (options->manufacturer != NULL)
        found = find_in(cairn_fdo_manufacturer_handlers, CAIRN_FDO_MANUFACTURER_COUNT, type);
    if (found == NULL && options->rendezvous != NULL)
        found = find_in(cairn_fdo_rendezvous_handlers, CAIRN_FDO_RENDEZVOUS_COUNT, type);
    if (found == NULL && options->owner != NULL)
        found = find_in(cairn_fdo_owner_handlers, CAIRN_FDO_OWNER_COUNT, type);
    return found;
}

/* [X1353-R41] Takes the run to which the token gives access, or begins one. */
static cairn_err enter(cairn_fdo_turn *turn, const cairn_fdo_handler *handler)
{
    cairn_fdo_sessions *sessions = turn->service->sessions;
    if (handler->begins)
        return cairn_fdo_session_new(sessions, handler->protocol, &turn->session);
    if (cairn_fdo_session_take(sessions, turn->token, &turn->session) != CAIRN_OK)
        return cairn_fdo_refuse(turn, CAIRN_FDO_INVALID_JWT_TOKEN, CAIRN_ERR_NOT_FOUND);
    if (turn->session->protocol != handler->protocol ||
        memchr(turn->session->expect, turn->type, sizeof turn->session->expect) == NULL)
        return cairn_fdo_refuse(turn, CAIRN_FDO_INVALID_MESSAGE_ERROR,
                                CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                                           "message %u: not the next one of this run", turn->type));
    return CAIRN_OK;
}

/* A peer's own error: the run that it names has ended. */
static void serve_error(cairn_fdo_turn *turn)
{
    cairn_fdo_error error = {0};
    turn->reply_type = CAIRN_FDO_ERROR;
    if (cairn_fdo_error_read(turn->body, &error) == CAIRN_OK)
        turn->code = (cairn_fdo_code)error.code;
    if (cairn_fdo_session_take(turn->service->sessions, turn->token, &turn->session) == CAIRN_OK)
        cairn_fdo_session_end(turn->service->sessions, CAIRN_STEAL(turn->session));
    (void)audit(turn, turn->code, CAIRN_ERR_CANCELLED);
    turn->done(turn);
}

void cairn_fdo_serve(cairn_fdo_service *service, cairn_fdo_turn *turn)
{
    turn->service = service;
    cairn_err_clear(); /* what went wrong for another peer is none of this one's business */
    if (turn->type == CAIRN_FDO_ERROR) {
        serve_error(turn);
        return;
    }
    const cairn_fdo_handler *handler = find_handler(&service->options, turn->type);
    cairn_err err = handler == NULL
                        ? cairn_fdo_refuse(turn, CAIRN_FDO_INVALID_MESSAGE_ERROR,
                                           CAIRN_FAIL(CAIRN_ERR_NOT_IMPLEMENTED, clause,
                                                      "message %u: not taken here", turn->type))
                        : enter(turn, handler);
    if (err == CAIRN_OK)
        handler->handle(turn);
    else
        cairn_fdo_finish(turn, err);
}

/* --- small things --- */

static cairn_err draw(void *bytes, size_t size)
{
    return RAND_bytes(bytes, (int)size) == 1 ? CAIRN_OK : cairn_openssl_fail("random bytes");
}

cairn_err cairn_fdo_nonce_draw(cairn_fdo_nonce *ret_nonce)
{
    return draw(ret_nonce->b, sizeof ret_nonce->b);
}

cairn_err cairn_fdo_guid_draw(cairn_fdo_guid *ret_guid)
{
    return draw(ret_guid->b, sizeof ret_guid->b);
}

bool cairn_fdo_nonce_equal(const cairn_fdo_nonce *a, const cairn_fdo_nonce *b)
{
    return cairn_secret_equal(cairn_bytes_of(a->b, sizeof a->b), cairn_bytes_of(b->b, sizeof b->b));
}
