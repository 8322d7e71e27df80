#include "ledger/log/witness_request.h"

#include "ledger/log/lines.h"

#define CLAUSE "C2SP tlog-witness add-checkpoint"

static cairn_err take_old_size(cairn_bytes *rest, uint64_t *ret_size)
{
    cairn_bytes line;
    if (!cairn_lines_take(rest, &line) || !cairn_lines_take_word(&line, "old ") ||
        !cairn_lines_decimal(line, ret_size))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "request.old: is not 'old' and a size");
    return CAIRN_OK;
}

/* Takes the proof lines and the empty line after them. */
static cairn_err take_proof(cairn_bytes *rest, cairn_witness_request *request)
{
    cairn_bytes line;
    for (;;) {
        if (!cairn_lines_take(rest, &line))
            return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, CLAUSE, "request: has no empty line");
        if (line.size == 0)
            return CAIRN_OK;
        if (request->proof_count == CAIRN_WITNESS_PROOF_MAX)
            return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, CLAUSE, "request.proof: more than %d lines",
                              CAIRN_WITNESS_PROOF_MAX);
        if (!cairn_lines_hash(line, &request->proof[request->proof_count]))
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "request.proof: line %zu is no hash",
                              request->proof_count);
        request->proof_count++;
    }
}

cairn_err cairn_witness_request_parse(cairn_bytes body, cairn_witness_request *ret_request)
{
    cairn_witness_request request = {.proof_count = 0};
    cairn_bytes rest = body;
    if (body.size > CAIRN_WITNESS_REQUEST_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "request: %zu bytes", body.size);
    CAIRN_TRY(take_old_size(&rest, &request.old_size));
    CAIRN_TRY(take_proof(&rest, &request));
    request.signed_note = rest;
    CAIRN_TRY(cairn_note_parse(rest, &request.note));
    CAIRN_TRY(cairn_checkpoint_parse(request.note.text, &request.checkpoint));
    *ret_request = request;
    return CAIRN_OK;
}

cairn_err cairn_witness_request_format(cairn_arena *arena, uint64_t old_size,
                                       const cairn_hash *proof, size_t count,
                                       cairn_bytes signed_note, cairn_bytes *ret_body)
{
    cairn_bytes parts[1 + 2 * CAIRN_WITNESS_PROOF_MAX + 2];
    size_t used = 0;
    if (count > CAIRN_WITNESS_PROOF_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, CLAUSE, "request.proof: %zu hashes", count);
    CAIRN_TRY(
        cairn_lines_format(arena, &parts[used++], "old %llu\n", (unsigned long long)old_size));
    for (size_t i = 0; i < count; i++) {
        char base64[64];
        cairn_base64_encode(cairn_bytes_hash(&proof[i]), base64);
        CAIRN_TRY(cairn_lines_format(arena, &parts[used++], "%s\n", base64));
    }
    parts[used++] = cairn_bytes_str("\n");
    parts[used++] = signed_note;
    return cairn_lines_concat(arena, parts, used, ret_body);
}

cairn_err cairn_witness_size_parse(cairn_bytes body, uint64_t *ret_size)
{
    cairn_bytes line;
    uint64_t size = 0;
    if (!cairn_lines_take(&body, &line) || body.size > 0 || !cairn_lines_decimal(line, &size))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE,
                          "conflict.size: is not a size and a newline");
    *ret_size = size;
    return CAIRN_OK;
}

cairn_err cairn_witness_size_format(cairn_arena *arena, uint64_t size, cairn_bytes *ret_body)
{
    return cairn_lines_format(arena, ret_body, "%llu\n", (unsigned long long)size);
}
