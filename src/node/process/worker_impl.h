/* What a worker says to the node: frames of u8 kind, u32 size (big-endian), so many bytes. Private.
 */
#ifndef CAIRN_NODE_WORKER_IMPL_H
#define CAIRN_NODE_WORKER_IMPL_H

#include "core/limits.h"
#include "node/process/worker.h"

enum {
    CAIRN_WORKER_FD = 3,
    CAIRN_WORKER_HEAD_SIZE = 5,
    CAIRN_WORKER_DATA_SIZE_MAX = 65536,
    CAIRN_WORKER_DATA = 1, /* a piece of the result, at least one byte */
    CAIRN_WORKER_END = 2,  /* u32 code without its sign, then the detail: the last frame */
};

typedef struct cairn_worker_frame {
    uint8_t kind;
    cairn_err err;    /* END */
    cairn_bytes body; /* the piece, or the detail */
} cairn_worker_frame;

/* The first frame of `in` and its size, which is 0 when `in` ends before its end. BAD_VALUE. */
cairn_err cairn_worker_frame_decode(cairn_bytes in, cairn_worker_frame *ret_frame,
                                    size_t *ret_size) CAIRN_MUST_USE;

#endif
