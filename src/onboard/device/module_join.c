/* Objects in pieces, files, and what the three modules hold in common. */
#include "onboard/device/module_join.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/crypto/pem.h"

static const char clause[] = "docs/formats/device.md";

enum { PEM_ROOM = 4 * (CAIRN_PROFILE_ANCHOR_SIZE_MAX * 3 / 2) + 4096 };

/* --- objects --- */

static cairn_err add_piece(module_object *object, const char *module, cairn_cbor_reader *r)
{
    cairn_bytes piece;
    CAIRN_TRY(cairn_cbor_read_bytes(r, "data", 1, SIZE_MAX, &piece));
    if (piece.size > object->size_max - object->size)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "%s.data: more than %zu bytes", module,
                          object->size_max);
    uint8_t *data = realloc(object->data, object->size + piece.size);
    if (data == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "%s.data", module);
    memcpy(data + object->size, piece.data, piece.size);
    object->data = data;
    object->size += piece.size;
    return CAIRN_OK;
}

static cairn_err end_object(module_object *object, const char *module, cairn_cbor_reader *r)
{
    uint64_t size = 0;
    CAIRN_TRY(cairn_cbor_read_uint(r, "end", 1, UINT32_MAX, &size));
    if (size != object->size)
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "%s.end: %llu bytes, %zu came", module,
                          (unsigned long long)size, object->size);
    object->whole = true;
    return CAIRN_OK;
}

cairn_err cairn_info_object_take(module_object *object, const char *module, cairn_bytes name,
                                 cairn_bytes value)
{
    cairn_cbor_reader r;
    if (object->whole)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "%s: more after its end", module);
    CAIRN_TRY(cairn_info_open(&r, value, module));
    if (cairn_info_is(name, "data"))
        return add_piece(object, module, &r);
    if (cairn_info_is(name, "end"))
        return end_object(object, module, &r);
    return cairn_info_unknown(module, name);
}

void cairn_info_object_drop(module_object *object)
{
    free(object->data);
    *object = (module_object){.size_max = object->size_max};
}

/* --- what is shared --- */

cairn_err cairn_info_join_new(const cairn_fdo_client_modules_config *config, module_join **ret_join)
{
    module_join *join = calloc(1, sizeof *join);
    if (join == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "device: its modules");
    join->config = config;
    *ret_join = join;
    return CAIRN_OK;
}

void cairn_info_join_forget_keys(module_join *join)
{
    for (size_t i = 0; i < join->key_count; i++)
        cairn_key_free(join->keys[i]);
    join->key_count = 0;
    join->proved = join->has_contract = false;
}

void cairn_info_join_release(module_join *join)
{
    if (--join->users > 0)
        return;
    cairn_info_join_forget_keys(join);
    free(join);
}

/* --- files --- */

cairn_err cairn_info_join_path(const module_join *join, const char *name,
                               char ret_path[CAIRN_PATH_SIZE_MAX])
{
    return cairn_path_join(join->config->directory, name, ret_path);
}

cairn_err cairn_info_join_files(const module_join *join, const char *anchors_name,
                                const char *key_name, module_join_files *ret_files)
{
    char name[MODULE_FILE_NAME_MAX + 1];
    CAIRN_TRY(cairn_info_join_path(join, anchors_name, ret_files->anchors));
    (void)snprintf(name, sizeof name, "%.64s.crt.pem", key_name);
    CAIRN_TRY(cairn_info_join_path(join, name, ret_files->certificate));
    (void)snprintf(name, sizeof name, "../keys/%.64s.pem", key_name);
    CAIRN_TRY(cairn_info_join_path(join, name, ret_files->key));
    ret_files->files = (cairn_profile_files){.anchors = ret_files->anchors,
                                             .certificate = ret_files->certificate,
                                             .key = ret_files->key};
    return CAIRN_OK;
}

cairn_err cairn_info_join_write(const module_join *join, const char *name, cairn_bytes data)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_dir_make(join->config->directory, 0700));
    CAIRN_TRY(cairn_info_join_path(join, name, path));
    return cairn_file_replace(path, 0600, data, NULL);
}

cairn_err cairn_info_join_write_anchors(const module_join *join, const char *name,
                                        const cairn_bytes *anchors, size_t count)
{
    cairn_arena arena;
    uint8_t *text = NULL;
    size_t size = 0;
    cairn_arena_init(&arena, (size_t)2 * PEM_ROOM);
    cairn_err err = cairn_arena_alloc(&arena, PEM_ROOM, (void **)&text);
    for (size_t i = 0; err == CAIRN_OK && i < count; i++) {
        cairn_bytes pem;
        err = cairn_pem_encode(&arena, "CERTIFICATE", anchors[i], &pem);
        if (err != CAIRN_OK)
            break;
        CAIRN_ASSERT(pem.size <= PEM_ROOM - size);
        memcpy(text + size, pem.data, pem.size);
        size += pem.size;
    }
    if (err == CAIRN_OK)
        err = cairn_info_join_write(join, name, cairn_bytes_of(text, size));
    cairn_arena_done(&arena);
    return err;
}

static cairn_err add(const cairn_fdo_client_modules_config *config, module_slot *slots,
                     size_t *count)
{
    static cairn_err (*const open[])(module_join *, module_slot *) = {
        cairn_info_proof_open, cairn_info_network_open, cairn_info_service_open};
    module_join *join = NULL;
    CAIRN_TRY(cairn_info_join_new(config, &join));
    join->users++; /* ours, while they are made */
    cairn_err err = CAIRN_OK;
    for (size_t i = 0; err == CAIRN_OK && i < sizeof open / sizeof open[0]; i++) {
        err = open[i](join, &slots[*count]);
        *count += err == CAIRN_OK;
    }
    cairn_info_join_release(join);
    return err;
}

const cairn_fdo_client_joining cairn_fdo_client_joins = {.add = add};
