/* What the modules share. */
#ifndef CAIRN_ONBOARD_MODULE_HELP_H
#define CAIRN_ONBOARD_MODULE_HELP_H

#include "onboard/server/modules.h"

static inline bool cairn_fdo_module_is(cairn_bytes name, const char *wanted)
{
    return cairn_bytes_equal(name, cairn_bytes_str(wanted));
}

/* Opens a reader at an item. */
cairn_err cairn_fdo_module_open(cairn_cbor_reader *reader, cairn_bytes item,
                                const char *module) CAIRN_MUST_USE;

/* A message that the module does not know: BAD_VALUE. */
cairn_err cairn_fdo_module_unknown(cairn_bytes name, const char *module) CAIRN_MUST_USE;

/* What the device has failed to do: BAD_VALUE. */
cairn_err cairn_fdo_module_failed(const char *module, const char *what,
                                  cairn_bytes detail) CAIRN_MUST_USE;

/* A zeroed state, or NO_MEMORY. */
cairn_err cairn_fdo_module_new(size_t size, void **ret_state) CAIRN_MUST_USE;

/* Bytes that grow up to a bound. */
typedef struct cairn_fdo_module_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
} cairn_fdo_module_buffer;
/* TOO_LARGE beyond `size_max`. */
cairn_err cairn_fdo_module_append(cairn_fdo_module_buffer *buffer, cairn_bytes bytes,
                                  size_t size_max, const char *module) CAIRN_MUST_USE;

#endif
