/* What the messages share. */
#include "onboard/wire/body.h"

static const char clause_sig_info[] = "FDO 1.1, 3.3.5";

enum { SIG_INFO_SIZE_MAX = 1024 };

cairn_err cairn_fdo_encode(cairn_arena *arena, cairn_fdo_put_fn put, const void *object,
                           cairn_bytes *ret_encoded)
{
    cairn_cbor_writer writer;
    void *memory = NULL;
    cairn_cbor_writer_init(&writer, NULL, 0);
    put(&writer, object);
    size_t size = writer.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    cairn_cbor_writer_init(&writer, memory, size);
    put(&writer, object);
    return cairn_cbor_writer_end(&writer, ret_encoded);
}

static cairn_err check_size(cairn_bytes body, const char *object) /* [X1353-R39] */
{
    if (body.size > CAIRN_FDO_MESSAGE_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "%s: %zu bytes", object, body.size);
    return CAIRN_OK;
}

cairn_err cairn_fdo_message_open(cairn_bytes body, const char *object, const char *clause,
                                 cairn_cose_message *ret_message)
{
    cairn_cose_message message;
    CAIRN_TRY(check_size(body, object));
    CAIRN_TRY(cairn_cose_decode(body, CAIRN_COSE_TAG_SIGN1, CAIRN_CBOR_FOREIGN, &message));
    if (message.detached)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause, "%s.payload: not there", object);
    *ret_message = message;
    return CAIRN_OK;
}

cairn_err cairn_fdo_body_open(cairn_cbor_reader *reader, cairn_bytes body, size_t count,
                              const char *object, const char *clause)
{
    size_t found = 0;
    CAIRN_TRY(check_size(body, object));
    CAIRN_TRY(cairn_cbor_open(reader, body, CAIRN_CBOR_FOREIGN, object, clause));
    return cairn_cbor_read_array(reader, "body", count, count, &found);
}

static bool is_label(cairn_cbor_type type)
{
    return type == CAIRN_CBOR_UINT || type == CAIRN_CBOR_NINT;
}

cairn_err cairn_fdo_label_find(cairn_bytes map, int64_t label, const char *object,
                               const char *clause, cairn_cbor_reader *ret_value, bool *ret_present)
{
    cairn_cbor_reader reader;
    cairn_cbor_map pairs = {0};
    CAIRN_TRY(cairn_cbor_open(&reader, map, CAIRN_CBOR_FOREIGN, object, clause));
    CAIRN_TRY(cairn_cbor_read_map(&reader, "map", &pairs));
    for (; pairs.left > 0; pairs.left--) {
        cairn_bytes skipped;
        int64_t found = 0;
        bool same = is_label(cairn_cbor_peek(&reader)) &&
                    cairn_cbor_read_int(&reader, "label", label, label, &found) == CAIRN_OK;
        if (same) {
            *ret_value = reader;
            *ret_present = true;
            return CAIRN_OK;
        }
        CAIRN_TRY(cairn_cbor_read_any(&reader, "label", &skipped)); /* left in place */
        CAIRN_TRY(cairn_cbor_read_any(&reader, "value", &skipped));
    }
    *ret_present = false;
    return CAIRN_OK;
}

cairn_err cairn_fdo_label_need(cairn_bytes map, int64_t label, const char *field,
                               const char *object, const char *clause, cairn_cbor_reader *ret_value)
{
    bool present = false;
    CAIRN_TRY(cairn_fdo_label_find(map, label, object, clause, ret_value, &present));
    if (!present)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause, "%s.%s: not there", object, field);
    return CAIRN_OK;
}

cairn_err cairn_fdo_nonce_read(cairn_cbor_reader *reader, const char *field,
                               cairn_fdo_nonce *ret_nonce)
{
    cairn_bytes nonce;
    CAIRN_TRY(cairn_cbor_read_bytes(reader, field, sizeof ret_nonce->b, sizeof ret_nonce->b,
                                    &nonce)); /* [X1353-R13] */
    memcpy(ret_nonce->b, nonce.data, nonce.size);
    return CAIRN_OK;
}

void cairn_fdo_nonce_put(cairn_cbor_writer *writer, const cairn_fdo_nonce *nonce)
{
    cairn_cbor_put_bytes(writer, cairn_bytes_of(nonce->b, sizeof nonce->b));
}

cairn_err cairn_fdo_guid_read(cairn_cbor_reader *reader, const char *field,
                              cairn_fdo_guid *ret_guid)
{
    cairn_bytes guid;
    CAIRN_TRY(cairn_cbor_read_bytes(reader, field, sizeof ret_guid->b, sizeof ret_guid->b, &guid));
    memcpy(ret_guid->b, guid.data, guid.size);
    return CAIRN_OK;
}

void cairn_fdo_guid_put(cairn_cbor_writer *writer, const cairn_fdo_guid *guid)
{
    cairn_cbor_put_bytes(writer, cairn_bytes_of(guid->b, sizeof guid->b));
}

cairn_err cairn_fdo_sig_info_read(cairn_cbor_reader *reader, const char *field, cairn_alg *ret_alg)
{
    size_t count = 0;
    int64_t type = 0;
    cairn_bytes info;
    CAIRN_TRY(cairn_cbor_read_array(reader, field, 2, 2, &count));
    CAIRN_TRY(cairn_cbor_read_int(reader, field, INT32_MIN, INT32_MAX, &type));
    if (type != CAIRN_ALG_ES256 && type != CAIRN_ALG_ES384) /* [X1353-R43] */
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause_sig_info, "%s.%s: type %lld",
                          reader->object, field, (long long)type);
    CAIRN_TRY(cairn_cbor_read_bytes(reader, field, 0, SIG_INFO_SIZE_MAX, &info));
    *ret_alg = (cairn_alg)type;
    return CAIRN_OK;
}

void cairn_fdo_sig_info_put(cairn_cbor_writer *writer, cairn_alg alg)
{
    cairn_cbor_put_array(writer, 2);
    cairn_cbor_put_int(writer, alg);
    cairn_cbor_put_bytes(writer, (cairn_bytes){0});
}
