/* What the modules share. */
#include "onboard/server/module_help.h"

#include <stdlib.h>

static const char clause[] = "FDO 1.1, 3.8";

cairn_err cairn_fdo_module_open(cairn_cbor_reader *reader, cairn_bytes item, const char *module)
{
    return cairn_cbor_open(reader, item, CAIRN_CBOR_FOREIGN, module, clause);
}

cairn_err cairn_fdo_module_unknown(cairn_bytes name, const char *module)
{
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "%s: no message %.*s", module, (int)name.size,
                      (const char *)name.data);
}

cairn_err cairn_fdo_module_failed(const char *module, const char *what, cairn_bytes detail)
{
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "%s: the device failed: %s%.*s", module, what,
                      (int)detail.size, (const char *)detail.data);
}

cairn_err cairn_fdo_module_new(size_t size, void **ret_state)
{
    void *state = calloc(1, size);
    if (state == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "module");
    *ret_state = state;
    return CAIRN_OK;
}

cairn_err cairn_fdo_module_append(cairn_fdo_module_buffer *buffer, cairn_bytes bytes,
                                  size_t size_max, const char *module)
{
    if (bytes.size > size_max - buffer->size)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "%s: more than %zu bytes", module,
                          size_max);
    if (buffer->size + bytes.size > buffer->capacity) {
        size_t capacity = 2 * (buffer->size + bytes.size);
        uint8_t *grown = realloc(buffer->data, capacity);
        if (grown == NULL)
            return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "%s", module);
        buffer->data = grown;
        buffer->capacity = capacity;
    }
    if (bytes.size != 0)
        memcpy(buffer->data + buffer->size, bytes.data, bytes.size);
    buffer->size += bytes.size;
    return CAIRN_OK;
}
