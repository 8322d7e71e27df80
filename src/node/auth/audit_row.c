/* Bytes of an audit row. */
#include "cairn/cbor.h"
#include "cairn/sha256.h"
#include "node/auth/audit.h"

static const char magic[] = "cairn/audit/1";
static const char clause[] = "docs/formats/audit.md";

size_t cairn_audit_row_encode(const cairn_audit_row *row, uint8_t out[CAIRN_AUDIT_ROW_SIZE_MAX])
{
    cairn_cbor_writer w;
    cairn_bytes encoded = {0};
    cairn_cbor_writer_init(&w, out, CAIRN_AUDIT_ROW_SIZE_MAX);
    cairn_cbor_put_array(&w, 11);
    cairn_cbor_put_text(&w, magic);
    cairn_cbor_put_uint(&w, row->number);
    cairn_cbor_put_hash(&w, &row->previous);
    cairn_cbor_put_uint(&w, row->time_ms);
    cairn_cbor_put_bool(&w, row->granted);
    cairn_cbor_put_text_view(&w, row->method);
    cairn_cbor_put_text_view(&w, row->operation);
    cairn_cbor_put_text_view(&w, row->reason);
    cairn_cbor_put_text_view(&w, row->tenant);
    if (row->has_organisation)
        cairn_cbor_put_hash(&w, &row->organisation);
    else
        cairn_cbor_put_null(&w);
    cairn_cbor_put_hash(&w, &row->subject);
    CAIRN_ASSERT(cairn_cbor_writer_end(&w, &encoded) == CAIRN_OK); /* each text is bounded */
    return encoded.size;
}

static cairn_err read_row(cairn_cbor_reader *r, cairn_audit_row *row)
{
    CAIRN_TRY(cairn_cbor_read_uint(r, "number", 0, UINT64_MAX, &row->number));
    CAIRN_TRY(cairn_cbor_read_hash(r, "previous", &row->previous));
    CAIRN_TRY(cairn_cbor_read_uint(r, "time", 0, UINT64_MAX, &row->time_ms));
    CAIRN_TRY(cairn_cbor_read_bool(r, "granted", &row->granted));
    CAIRN_TRY(cairn_cbor_read_text(r, "method", 0, CAIRN_AUDIT_TEXT_SIZE_MAX, &row->method));
    CAIRN_TRY(cairn_cbor_read_text(r, "operation", 0, CAIRN_AUDIT_TEXT_SIZE_MAX, &row->operation));
    CAIRN_TRY(cairn_cbor_read_text(r, "reason", 0, CAIRN_AUDIT_TEXT_SIZE_MAX, &row->reason));
    CAIRN_TRY(cairn_cbor_read_text(r, "tenant", 0, CAIRN_TENANT_SIZE_MAX, &row->tenant));
    row->has_organisation = cairn_cbor_peek(r) != CAIRN_CBOR_NULL;
    if (row->has_organisation)
        CAIRN_TRY(cairn_cbor_read_hash(r, "organisation", &row->organisation));
    else
        CAIRN_TRY(cairn_cbor_read_null(r, "organisation"));
    return cairn_cbor_read_hash(r, "subject", &row->subject);
}

cairn_err cairn_audit_row_decode(cairn_bytes in, cairn_audit_row *ret_row)
{
    cairn_cbor_reader r;
    cairn_audit_row row = {.number = 0};
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "audit row", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "row", 11, 11, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&r, magic));
    CAIRN_TRY(read_row(&r, &row));
    CAIRN_TRY(cairn_cbor_end(&r));
    *ret_row = row;
    return CAIRN_OK;
}

void cairn_audit_row_hash(cairn_bytes row, cairn_hash *ret_hash)
{
    cairn_sha256_of(row.data, row.size, ret_hash);
}
