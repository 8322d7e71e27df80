/* Message 255. */
#include "onboard/wire/fdo_error.h"

#include "onboard/wire/body.h"

static const char object[] = "error";
static const char clause[] = "FDO 1.1, 5.6";

/* The text as far as it is kept, cut between characters. */
static cairn_bytes kept(cairn_bytes text)
{
    if (text.size <= CAIRN_FDO_ERROR_TEXT_MAX)
        return text;
    text.size = CAIRN_FDO_ERROR_TEXT_MAX;
    while (text.size > 0 && (text.data[text.size] & 0xc0) == 0x80)
        text.size--;
    return text;
}

static void put_error(cairn_cbor_writer *writer, const void *context)
{
    const cairn_fdo_error *error = context;
    cairn_cbor_put_array(writer, 5);
    cairn_cbor_put_uint(writer, error->code);
    cairn_cbor_put_uint(writer, error->previous);
    cairn_cbor_put_text_view(writer, kept(error->text));
    cairn_cbor_put_int(writer, error->time_s);
    if (error->has_correlation)
        cairn_cbor_put_uint(writer, error->correlation);
    else
        cairn_cbor_put_null(writer);
}

cairn_err cairn_fdo_error_encode(cairn_arena *arena, const cairn_fdo_error *error,
                                 cairn_bytes *ret_body)
{
    return cairn_fdo_encode(arena, put_error, error, ret_body);
}

/* An integer, or null for 0: a peer writes either. Others write a time with a tag, or as a text;
 * nothing hangs on it. */
static cairn_err read_time(cairn_cbor_reader *reader, int64_t *ret_time_s)
{
    cairn_bytes skipped;
    cairn_cbor_type type = cairn_cbor_peek(reader);
    if (type == CAIRN_CBOR_UINT || type == CAIRN_CBOR_NINT)
        return cairn_cbor_read_int(reader, "timestamp", INT64_MIN, INT64_MAX, ret_time_s);
    return cairn_cbor_read_any(reader, "timestamp", &skipped);
}

static cairn_err read_correlation(cairn_cbor_reader *reader, cairn_fdo_error *error)
{
    error->has_correlation = cairn_cbor_peek(reader) != CAIRN_CBOR_NULL;
    if (!error->has_correlation)
        return cairn_cbor_read_null(reader, "correlation_id");
    return cairn_cbor_read_uint(reader, "correlation_id", 0, UINT64_MAX, &error->correlation);
}

cairn_err cairn_fdo_error_read(cairn_bytes body, cairn_fdo_error *ret_error)
{
    cairn_fdo_error error = {0};
    cairn_cbor_reader reader;
    uint64_t code = 0;
    uint64_t previous = 0;
    CAIRN_TRY(cairn_fdo_body_open(&reader, body, 5, object, clause));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "code", 0, UINT16_MAX, &code));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "previous", 0, UINT8_MAX, &previous));
    CAIRN_TRY(cairn_cbor_read_text(&reader, "text", 0, SIZE_MAX, &error.text));
    CAIRN_TRY(read_time(&reader, &error.time_s));
    CAIRN_TRY(read_correlation(&reader, &error));
    error.code = (uint16_t)code;
    error.previous = (uint8_t)previous;
    error.text = kept(error.text);
    *ret_error = error;
    return CAIRN_OK;
}

/* Which signature or hash a message carries decides what its failure is called. */
static cairn_fdo_code code_of_proof(cairn_fdo_type type)
{
    switch (type) {
    case CAIRN_FDO_TO0_OWNER_SIGN:
        return CAIRN_FDO_INVALID_OWNER_SIGN_BODY;
    case CAIRN_FDO_TO2_OV_NEXT_ENTRY:
        return CAIRN_FDO_INVALID_OWNERSHIP_VOUCHER;
    default:
        return CAIRN_FDO_INVALID_MESSAGE_ERROR;
    }
}

cairn_fdo_code cairn_fdo_code_of(cairn_err err, cairn_fdo_type type) /* [X1353-R42] */
{
    switch (err) {
    case CAIRN_ERR_BAD_SIGNATURE:
    case CAIRN_ERR_MISMATCH:
    case CAIRN_ERR_NOT_TRUSTED:
    case CAIRN_ERR_HIGH_S:
        return code_of_proof(type);
    case CAIRN_ERR_EXISTS:
        return CAIRN_FDO_CRED_REUSE_ERROR;
    case CAIRN_ERR_NOT_FOUND:
        return CAIRN_FDO_RESOURCE_NOT_FOUND;
    case CAIRN_ERR_BAD_MAC: /* cannot be decrypted */
    case CAIRN_ERR_TRUNCATED:
    case CAIRN_ERR_TRAILING:
    case CAIRN_ERR_NOT_CANONICAL:
    case CAIRN_ERR_WRONG_TYPE:
    case CAIRN_ERR_DUPLICATE_KEY:
    case CAIRN_ERR_UNKNOWN_FIELD:
    case CAIRN_ERR_MISSING_FIELD:
    case CAIRN_ERR_BAD_VALUE:
    case CAIRN_ERR_BAD_TEXT:
    case CAIRN_ERR_BAD_VERSION:
    case CAIRN_ERR_BAD_ALGORITHM:
    case CAIRN_ERR_BAD_KEY:
    case CAIRN_ERR_MEDIA_TYPE:
    case CAIRN_ERR_NOT_IMPLEMENTED:
    case CAIRN_ERR_TOO_LARGE:
    case CAIRN_ERR_TOO_DEEP:
    case CAIRN_ERR_TOO_MANY:
        return CAIRN_FDO_MESSAGE_BODY_ERROR;
    default:
        return CAIRN_FDO_INTERNAL_SERVER_ERROR;
    }
}
