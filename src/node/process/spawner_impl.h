/* What the spawner and its callers say to each other. Private.
 *
 * One datagram asks for a child: u8 role, then each argument with its NUL; two descriptors come
 * with it, the report and the child's descriptor 3. On the report the spawner says the child's pid
 * (i32, native) once it was started, and its status when it has ended; then it closes it. */
#ifndef CAIRN_NODE_SPAWNER_IMPL_H
#define CAIRN_NODE_SPAWNER_IMPL_H

#include "node/process/spawner.h"

enum {
    CAIRN_SPAWNER_ARGUMENTS_MAX = 4,
    CAIRN_SPAWNER_ARGUMENT_SIZE_MAX = 64,
    CAIRN_SPAWNER_CHILDREN_MAX = 64,
    CAIRN_SPAWNER_REQUEST_SIZE_MAX =
        1 + CAIRN_SPAWNER_ARGUMENTS_MAX * (CAIRN_SPAWNER_ARGUMENT_SIZE_MAX + 1),
    CAIRN_SPAWNER_FD = 3, /* the control socket in the spawner, the socket in a child */
};

/* A request for a child: what it is, and a worker's arguments. */
typedef struct cairn_spawner_request {
    cairn_spawner_role role;
    size_t argument_count;
    const char *arguments[CAIRN_SPAWNER_ARGUMENTS_MAX]; /* into the datagram */
} cairn_spawner_request;

cairn_err cairn_spawner_request_decode(cairn_bytes in,
                                       cairn_spawner_request *ret_request) CAIRN_MUST_USE;

#endif
