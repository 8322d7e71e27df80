/* The node's end of the connection to the key process: many requests in flight, an answer to each,
 * in any order. When the connection breaks, every request ends with UNAVAILABLE, and so does a new
 * one until somebody attaches the next process.
 *
 * A link owns one thread, on which completions run. Bytes: docs/formats/keyd.md. Source: house. */
#ifndef CAIRN_CORE_CRYPTO_KEY_LINK_H
#define CAIRN_CORE_CRYPTO_KEY_LINK_H

#include "core/clock.h"
#include "core/crypto/key_wire.h"

typedef struct cairn_key_link cairn_key_link;

/* Called once for each call that was taken, on the link's thread. `body` is the answer's, checked
 * by nobody yet and valid during the call; the detail of a failure is this thread's. It may call
 * more, and must not wait. */
typedef void (*cairn_key_link_done_fn)(void *context, cairn_err err, cairn_bytes body);

/* A link without a connection. An answer that is `timeout_ms` late breaks the connection.
 * `on_down` (may be NULL) is called on the link's thread after one broke. NO_MEMORY, IO. */
cairn_err cairn_key_link_new(const cairn_clock *clock, uint32_t timeout_ms,
                             void (*on_down)(void *context), void *context,
                             cairn_key_link **ret_link) CAIRN_MUST_USE;

/* Ends the connection and the thread. Signers and holders over it are freed before. Takes NULL. */
void cairn_key_link_free(cairn_key_link *link);
CAIRN_DEFINE_CLEANUP(cairn_key_link, cairn_key_link_free)

/* Takes the connected stream socket `fd`, also on failure, and waits until the process behind it
 * says that its keys are open. What keeps it from that is returned as it was there; UNAVAILABLE
 * when it ends or says nothing in time; BAD_VERSION; EXISTS while another connection is up. */
cairn_err cairn_key_link_attach_take(cairn_key_link *link, int fd,
                                     cairn_key_greeting *ret_greeting) CAIRN_MUST_USE;

/* Breaks the connection, if there is one, and waits until its calls have ended; `on_down` follows.
 * Not from a completion. */
void cairn_key_link_cut(cairn_key_link *link);

bool cairn_key_link_is_up(cairn_key_link *link);

/* Sends a request; its id is set here, its body copied. Any thread; never blocks. UNAVAILABLE; BUSY
 * when CAIRN_KEY_LINK_CALLS_MAX are in flight or CAIRN_KEY_LINK_SIZE_MAX bytes wait; NO_MEMORY. */
cairn_err cairn_key_link_call(cairn_key_link *link, const cairn_key_request *request,
                              cairn_key_link_done_fn done, void *context) CAIRN_MUST_USE;

/* The same, and waits; the answer's body is copied to `body`, which has room for `size_max` bytes.
 * TOO_LARGE. Not from a completion. */
cairn_err cairn_key_link_call_wait(cairn_key_link *link, const cairn_key_request *request,
                                   uint8_t *body, size_t size_max, size_t *ret_size) CAIRN_MUST_USE;

#endif
