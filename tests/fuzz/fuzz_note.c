/* Signed notes, checkpoints, verifier keys and the bodies of add-checkpoint: what is taken must
 * write back to the same bytes. */
#include "fuzz/fuzz.h"

#include "ledger/log/witness_request.h"

/* The key of the corpus: seed 00 01 … 1f. */
static const char vkey_text[] = "log.example+b252d0cf+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";

static void fuzz_checkpoint(cairn_arena *arena, cairn_bytes text)
{
    cairn_checkpoint checkpoint;
    cairn_bytes again;
    if (cairn_checkpoint_parse(text, &checkpoint) != CAIRN_OK)
        return;
    CAIRN_ASSERT(cairn_checkpoint_format(arena, &checkpoint, &again) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(text, again));
}

static void fuzz_note(cairn_arena *arena, cairn_bytes input, const cairn_vkey *vkey)
{
    cairn_note note;
    cairn_bytes lines, again;
    if (cairn_note_parse(input, &note) != CAIRN_OK)
        return;
    CAIRN_ASSERT(note.signature_count > 0 && note.text.data[note.text.size - 1] == '\n');
    (void)!cairn_note_verify(&note, vkey, NULL);
    lines = cairn_bytes_of(input.data + note.text.size + 1, input.size - note.text.size - 1);
    CAIRN_ASSERT(cairn_note_join(arena, note.text, &lines, 1, &again) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(input, again));
    fuzz_checkpoint(arena, note.text);
}

static void fuzz_vkey(cairn_arena *arena, cairn_bytes input)
{
    cairn_vkey vkey;
    cairn_bytes again;
    if (cairn_vkey_parse(input, &vkey) != CAIRN_OK)
        return;
    CAIRN_ASSERT(cairn_vkey_format(&vkey, arena, &again) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(input, again));
    cairn_vkey_done(&vkey);
}

static void fuzz_request(cairn_arena *arena, cairn_bytes input)
{
    static cairn_witness_request request;
    cairn_bytes again;
    uint64_t size = 0;
    if (cairn_witness_size_parse(input, &size) == CAIRN_OK) {
        CAIRN_ASSERT(cairn_witness_size_format(arena, size, &again) == CAIRN_OK);
        CAIRN_ASSERT(cairn_bytes_equal(input, again));
    }
    if (cairn_witness_request_parse(input, &request) != CAIRN_OK)
        return;
    CAIRN_ASSERT(cairn_witness_request_format(arena, request.old_size, request.proof,
                                              request.proof_count, request.signed_note,
                                              &again) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(input, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cairn_vkey vkey;
    cairn_bytes input = cairn_bytes_of(data, size);
    cairn_arena arena;
    if (vkey.key == NULL)
        CAIRN_ASSERT(cairn_vkey_parse(cairn_bytes_str(vkey_text), &vkey) == CAIRN_OK);
    cairn_arena_init(&arena, 4 << 20);
    fuzz_note(&arena, input, &vkey);
    fuzz_checkpoint(&arena, input);
    fuzz_vkey(&arena, input);
    fuzz_request(&arena, input);
    cairn_arena_done(&arena);
    return 0;
}
