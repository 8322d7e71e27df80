/* Messages 68 and 69: flags and pairs of service info. */
#include "onboard/wire/body.h"
#include "onboard/wire/to2.h"

static const char clause[] = "FDO 1.1, 5.5.10";

static void put_pair(cairn_cbor_writer *writer, const cairn_fdo_info *info)
{
    cairn_cbor_put_array(writer, 2);
    cairn_cbor_put_text_view(writer, info->key);
    cairn_cbor_put_bytes(writer, info->value);
}

static void put_pairs(cairn_cbor_writer *writer, const cairn_fdo_info_list *list)
{
    cairn_cbor_put_array(writer, list->count);
    for (size_t i = 0; i < list->count; i++)
        put_pair(writer, &list->pairs[i]);
}

size_t cairn_fdo_info_size(const cairn_fdo_info *info)
{
    cairn_cbor_writer writer;
    cairn_cbor_writer_init(&writer, NULL, 0);
    put_pair(&writer, info);
    return writer.size;
}

static void put_device_info(cairn_cbor_writer *writer, const void *context)
{
    const cairn_fdo_info_list *list = context;
    cairn_cbor_put_array(writer, 2);
    cairn_cbor_put_bool(writer, list->more);
    put_pairs(writer, list);
}

cairn_err cairn_fdo_device_info_encode(cairn_arena *arena, const cairn_fdo_info_list *list,
                                       cairn_bytes *ret_body)
{
    return cairn_fdo_encode(arena, put_device_info, list, ret_body);
}

static void put_owner_info(cairn_cbor_writer *writer, const void *context)
{
    const cairn_fdo_info_list *list = context;
    cairn_cbor_put_array(writer, 3);
    cairn_cbor_put_bool(writer, list->more);
    cairn_cbor_put_bool(writer, list->done);
    put_pairs(writer, list);
}

cairn_err cairn_fdo_owner_info_encode(cairn_arena *arena, const cairn_fdo_info_list *list,
                                      cairn_bytes *ret_body)
{
    return cairn_fdo_encode(arena, put_owner_info, list, ret_body);
}

static cairn_err read_pair(cairn_cbor_reader *reader, cairn_fdo_info *ret_info)
{
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_read_array(reader, "pair", 2, 2, &count));
    CAIRN_TRY(cairn_cbor_read_text(reader, "key", 1, CAIRN_FDO_INFO_KEY_MAX, &ret_info->key));
    return cairn_cbor_read_bytes(reader, "value", 0, SIZE_MAX, &ret_info->value);
}

static cairn_err read_pairs(cairn_arena *arena, cairn_cbor_reader *reader,
                            cairn_fdo_info_list *list)
{
    void *pairs = NULL;
    CAIRN_TRY(cairn_cbor_read_array(reader, "pairs", 0, SIZE_MAX, &list->count));
    if (list->count > CAIRN_FDO_INFO_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "%s: %zu pairs", reader->object,
                          list->count);
    CAIRN_TRY(cairn_arena_array(arena, list->count, sizeof *list->pairs, &pairs));
    list->pairs = pairs;
    for (size_t i = 0; i < list->count; i++)
        CAIRN_TRY(read_pair(reader, &list->pairs[i]));
    return CAIRN_OK;
}

cairn_err cairn_fdo_device_info_read(cairn_arena *arena, cairn_bytes body,
                                     cairn_fdo_info_list *ret_list)
{
    cairn_fdo_info_list list = {0};
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_fdo_body_open(&reader, body, 2, "device_info", clause));
    CAIRN_TRY(cairn_cbor_read_bool(&reader, "more", &list.more));
    CAIRN_TRY(read_pairs(arena, &reader, &list));
    *ret_list = list;
    return CAIRN_OK;
}

cairn_err cairn_fdo_owner_info_read(cairn_arena *arena, cairn_bytes body,
                                    cairn_fdo_info_list *ret_list)
{
    cairn_fdo_info_list list = {0};
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_fdo_body_open(&reader, body, 3, "owner_info", clause));
    CAIRN_TRY(cairn_cbor_read_bool(&reader, "more", &list.more));
    CAIRN_TRY(cairn_cbor_read_bool(&reader, "done", &list.done));
    CAIRN_TRY(read_pairs(arena, &reader, &list));
    *ret_list = list;
    return CAIRN_OK;
}
