/* Checkpoints: notes that say how long a log is and what its root is. */
#include "cairn/merkle.h"
#include "cairn/note.h"
#include "ledger/log/lines.h"

#define CLAUSE "C2SP tlog-checkpoint"

static cairn_err check_origin(cairn_bytes origin)
{
    if (origin.size == 0 || origin.size > CAIRN_NOTE_NAME_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "checkpoint.origin: %zu bytes", origin.size);
    return CAIRN_OK;
}

static cairn_err check_extensions(cairn_bytes lines)
{
    cairn_bytes line;
    while (lines.size > 0) {
        if (!cairn_lines_take(&lines, &line) || line.size == 0)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "checkpoint.extensions: an empty line");
    }
    return CAIRN_OK;
}

cairn_err cairn_checkpoint_parse(cairn_bytes text, cairn_checkpoint *ret_checkpoint)
{
    cairn_checkpoint checkpoint = {.size = 0};
    cairn_bytes size, root, rest = text;
    if (!cairn_lines_valid(text))
        return CAIRN_FAIL(CAIRN_ERR_BAD_TEXT, CLAUSE, "checkpoint: is not plain text");
    if (!cairn_lines_take(&rest, &checkpoint.origin) || !cairn_lines_take(&rest, &size) ||
        !cairn_lines_take(&rest, &root))
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, CLAUSE, "checkpoint: fewer than three lines");
    CAIRN_TRY(check_origin(checkpoint.origin));
    if (!cairn_lines_decimal(size, &checkpoint.size) || checkpoint.size > CAIRN_LOG_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "checkpoint.size: is not a decimal number");
    if (!cairn_lines_hash(root, &checkpoint.root))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "checkpoint.root: is not a hash in base64");
    CAIRN_TRY(check_extensions(rest));
    checkpoint.extensions = rest;
    *ret_checkpoint = checkpoint;
    return CAIRN_OK;
}

cairn_err cairn_checkpoint_format(cairn_arena *arena, const cairn_checkpoint *checkpoint,
                                  cairn_bytes *ret_text)
{
    char root[64];
    cairn_checkpoint again;
    cairn_bytes middle, text;
    cairn_base64_encode(cairn_bytes_hash(&checkpoint->root), root);
    CAIRN_TRY(cairn_lines_format(arena, &middle, "\n%llu\n%s\n",
                                 (unsigned long long)checkpoint->size, root));
    const cairn_bytes parts[] = {checkpoint->origin, middle, checkpoint->extensions};
    CAIRN_TRY(cairn_lines_concat(arena, parts, 3, &text));
    /* What does not read back must not be signed. */
    CAIRN_TRY(cairn_checkpoint_parse(text, &again));
    if (!cairn_bytes_equal(again.origin, checkpoint->origin))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "checkpoint.origin: has a newline");
    *ret_text = text;
    return CAIRN_OK;
}

cairn_err cairn_checkpoint_open(cairn_bytes signed_note, cairn_bytes origin,
                                const cairn_vkey *log_key, cairn_note *ret_note,
                                cairn_checkpoint *ret_checkpoint)
{
    cairn_note note;
    cairn_checkpoint checkpoint;
    CAIRN_TRY(cairn_note_parse(signed_note, &note));
    CAIRN_TRY(cairn_note_verify(&note, log_key, NULL));
    CAIRN_TRY(cairn_checkpoint_parse(note.text, &checkpoint));
    if (!cairn_bytes_equal(checkpoint.origin, origin))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, CLAUSE, "checkpoint.origin: is another log's");
    if (ret_note != NULL)
        *ret_note = note;
    *ret_checkpoint = checkpoint;
    return CAIRN_OK;
}
