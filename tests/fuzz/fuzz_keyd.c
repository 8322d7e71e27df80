/* What the key process reads from the node, what the node reads from it, what the spawner and a
 * worker say. The first byte chooses. What is taken is written again to the same bytes, where there
 * is a writer. */
#include "fuzz/fuzz.h"

#include <stdlib.h>

#include "core/crypto/key_wire.h"
#include "core/crypto/signer.h"
#include "core/crypto/signer_impl.h"
#include "node/process/spawner_impl.h"
#include "node/process/worker_impl.h"

static void fuzz_request(cairn_bytes in)
{
    cairn_key_request request;
    uint8_t head[CAIRN_KEY_REQUEST_HEAD_SIZE];
    if (cairn_key_request_decode(in, &request) != CAIRN_OK)
        return;
    CAIRN_ASSERT(request.id != 0 && request.purposes <= CAIRN_SIGNER_FOR_ANY);
    CAIRN_ASSERT(request.name[0] == '\0' || cairn_signer_name_valid(request.name));
    size_t size = cairn_key_request_encode(&request, head) - CAIRN_KEY_FRAME_HEAD_SIZE;
    CAIRN_ASSERT(size + request.body.size == in.size);
    CAIRN_ASSERT(memcmp(head + CAIRN_KEY_FRAME_HEAD_SIZE, in.data, size) == 0);
    CAIRN_ASSERT(request.body.size == 0 || request.body.data == in.data + size);
}

static void fuzz_reply(cairn_bytes in)
{
    cairn_key_reply reply;
    cairn_key_greeting greeting;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    uint8_t head[CAIRN_KEY_REPLY_HEAD_SIZE];
    if (cairn_key_reply_decode(in, &reply) != CAIRN_OK)
        return;
    cairn_key_reply_encode(&reply, head);
    CAIRN_ASSERT(memcmp(head + CAIRN_KEY_FRAME_HEAD_SIZE, in.data, 12) == 0);
    if (cairn_key_greeting_decode(reply.body, &greeting) == CAIRN_OK) {
        uint8_t out[CAIRN_KEY_GREETING_SIZE];
        cairn_key_greeting_encode(&greeting, out);
        CAIRN_ASSERT(cairn_bytes_equal(reply.body, cairn_bytes_of(out, sizeof out)));
    }
    if (cairn_key_public_decode(reply.body, &key) == CAIRN_OK) {
        uint8_t out[CAIRN_KEY_PUBLIC_SIZE_MAX];
        size_t size = cairn_key_public_encode(key, out);
        CAIRN_ASSERT(cairn_bytes_equal(reply.body, cairn_bytes_of(out, size)));
    }
}

static void fuzz_list(cairn_bytes in)
{
    cairn_key_row row;
    while (in.size > 0 && cairn_key_row_decode(&in, &row) == CAIRN_OK) {
        CAIRN_ASSERT(cairn_signer_name_valid(row.name));
        CAIRN_ASSERT(row.point.data + row.point.size == in.data);
    }
}

static void fuzz_frames(cairn_bytes in)
{
    size_t size = 0;
    while (cairn_key_frame_size(in, CAIRN_KEY_REPLY_SIZE_MAX, &size) == CAIRN_OK && size != 0) {
        CAIRN_ASSERT(size > CAIRN_KEY_FRAME_HEAD_SIZE && size <= in.size);
        in = cairn_bytes_of(in.data + size, in.size - size);
    }
}

static void fuzz_worker(cairn_bytes in)
{
    cairn_worker_frame frame;
    size_t size = 0;
    while (cairn_worker_frame_decode(in, &frame, &size) == CAIRN_OK && size != 0) {
        CAIRN_ASSERT(size <= in.size && frame.body.size <= CAIRN_WORKER_DATA_SIZE_MAX);
        CAIRN_ASSERT(cairn_err_is_known(frame.err));
        in = cairn_bytes_of(in.data + size, in.size - size);
    }
}

static void fuzz_spawner(cairn_bytes in)
{
    cairn_spawner_request request;
    if (cairn_spawner_request_decode(in, &request) != CAIRN_OK)
        return;
    CAIRN_ASSERT(request.role != CAIRN_SPAWNER_KEYD || request.argument_count == 0);
    for (size_t i = 0; i < request.argument_count; i++)
        CAIRN_ASSERT(strlen(request.arguments[i]) <= CAIRN_SPAWNER_ARGUMENT_SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(cairn_bytes in) = {fuzz_request, fuzz_reply,  fuzz_list,
                                                      fuzz_frames,  fuzz_worker, fuzz_spawner};
    if (size == 0)
        return 0;
    /* In memory of exactly its size, so that a byte too far is seen. */
    uint8_t *copy = malloc(size - 1 + (size == 1));
    if (copy == NULL)
        return 0;
    memcpy(copy, data + 1, size - 1);
    targets[data[0] % (sizeof targets / sizeof targets[0])](cairn_bytes_of(copy, size - 1));
    free(copy);
    return 0;
}
