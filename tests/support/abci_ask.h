/* The engine's side of one request to the application, without a socket. */
#ifndef CAIRN_TESTS_SUPPORT_ABCI_ASK_H
#define CAIRN_TESTS_SUPPORT_ABCI_ASK_H

#include "ledger/consortium/application.h"

/* Asks, and reads the one answer, which must be of the request's kind, by the table into the zeroed
 * `answer`. Views into the arena. */
static inline cairn_err abci_ask(const cairn_abci_handler *handler,
                                 const cairn_abci_request *request, cairn_arena *arena,
                                 cairn_wire_writer *out, const cairn_wire_message *message,
                                 void *answer)
{
    cairn_bytes frame, content;
    uint64_t size = 0;
    size_t prefix = 0;
    uint32_t number = 0;
    cairn_wire_writer_reset(out);
    CAIRN_TRY(handler->handle(handler->context, request, arena, out));
    assert_int_equal(cairn_wire_writer_end(out, &frame), CAIRN_OK);
    assert_int_equal(cairn_arena_copy(arena, frame, &frame), CAIRN_OK);
    assert_int_equal(cairn_wire_varint(frame, &size, &prefix), CAIRN_OK);
    assert_int_equal(size + prefix, frame.size); /* one answer, no more */
    assert_int_equal(
        cairn_wire_read_oneof(cairn_bytes_of(frame.data + prefix, (size_t)size), &number, &content),
        CAIRN_OK);
    assert_int_equal(number, request->kind + 1);
    assert_int_equal(cairn_wire_read(arena, message, content, answer), CAIRN_OK);
    return CAIRN_OK;
}

static inline cairn_hash abci_app_hash_of(cairn_engine *engine)
{
    cairn_hash hash;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
    cairn_app_hash(view->log_size, &view->log_root, &hash);
    return hash;
}

static inline cairn_abci_time abci_time_of(uint64_t ms)
{
    return (cairn_abci_time){.seconds = (int64_t)(ms / 1000),
                             .nanos = (int64_t)(ms % 1000) * 1000000};
}

#endif
