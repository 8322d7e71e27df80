/* Signed notes, and the checkpoints and cosignatures that are made of them.
 *
 * Sources: C2SP signed-note, tlog-checkpoint, tlog-cosignature; docs/formats/log.md. Parsed objects
 * are views into the text that was parsed. Signing has two halves, so that the key may be anywhere:
 * the bytes to sign (the note text itself, or cairn_cosignature_message), and the line that is made
 * of the signature. Any thread; results go to the arena or to the caller. */
#ifndef CAIRN_NOTE_H
#define CAIRN_NOTE_H

#include "cairn/arena.h"
#include "cairn/key.h"

enum {
    CAIRN_NOTE_SIZE_MAX = 65536,          /* bytes of a signed note */
    CAIRN_NOTE_NAME_SIZE_MAX = 255,       /* bytes of a key name or an origin */
    CAIRN_NOTE_SIGNATURES_MAX = 128,      /* signature lines of a note */
    CAIRN_NOTE_SIGNATURE_SIZE_MAX = 8192, /* bytes of one signature, of types to come */
    CAIRN_NOTE_KEY_ID_SIZE = 4,
};

typedef enum cairn_note_type {
    CAIRN_NOTE_ED25519 = 0x01,     /* the note text is signed */
    CAIRN_NOTE_COSIGNATURE = 0x04, /* cosignature/v1: time and note text are signed */
} cairn_note_type;

/* A key that signs notes: name, type and key together. */
typedef struct cairn_vkey {
    char name[CAIRN_NOTE_NAME_SIZE_MAX + 1];
    cairn_note_type type;
    uint8_t id[CAIRN_NOTE_KEY_ID_SIZE]; /* SHA-256(name ‖ 0x0A ‖ type ‖ key), cut */
    cairn_key *key;                     /* Ed25519, owned */
} cairn_vkey;

/* True for 1 to NAME_SIZE_MAX bytes of UTF-8 without control characters, Unicode spaces and '+'. */
bool cairn_note_name_valid(cairn_bytes name);

/* Makes a vkey of an Ed25519 key, of which it takes a reference. BAD_VALUE for a name that is not
 * valid, BAD_KEY for another kind of key. cairn_vkey_done releases it and takes NULL. */
cairn_err cairn_vkey_init(cairn_bytes name, cairn_note_type type, cairn_key *key,
                          cairn_vkey *ret_vkey) CAIRN_MUST_USE;
void cairn_vkey_done(cairn_vkey *vkey);

/* Text form `name+hash+base64(type ‖ key)` without a newline. BAD_VALUE for a form, name or base64
 * that is not valid, BAD_ALGORITHM for another type, BAD_KEY for bytes that are no key, MISMATCH
 * when the hash is not the key's. The hash is eight lower-case digits. */
cairn_err cairn_vkey_parse(cairn_bytes text, cairn_vkey *ret_vkey) CAIRN_MUST_USE;
cairn_err cairn_vkey_format(const cairn_vkey *vkey, cairn_arena *arena,
                            cairn_bytes *ret_text) CAIRN_MUST_USE;

/* A signature line, well-formed but of a key that may be unknown. */
typedef struct cairn_note_signature {
    cairn_bytes name;
    cairn_bytes base64; /* of key id ‖ signature */
    uint8_t id[CAIRN_NOTE_KEY_ID_SIZE];
} cairn_note_signature;

typedef struct cairn_note {
    cairn_bytes text; /* with its last newline */
    size_t signature_count;
    cairn_note_signature signatures[CAIRN_NOTE_SIGNATURES_MAX];
} cairn_note;

/* Splits a signed note. TOO_LARGE, BAD_TEXT (not UTF-8), TOO_MANY signatures; BAD_VALUE for control
 * characters, a missing blank line, no signature, or a line that is no signature line. Nothing is
 * verified yet: `text` means nothing before cairn_note_verify. */
cairn_err cairn_note_parse(cairn_bytes signed_note, cairn_note *ret_note) CAIRN_MUST_USE;

/* Checks every line of this key's name and id. NOT_TRUSTED when there is none, BAD_SIGNATURE when
 * one does not verify. ret_time_s may be NULL; it is the latest time that a cosignature says, in
 * seconds since 1970, and 0 for type ED25519. */
cairn_err cairn_note_verify(const cairn_note *note, const cairn_vkey *vkey,
                            uint64_t *ret_time_s) CAIRN_MUST_USE;

/* What a key of `type` signs over `text`: the text itself, or for a cosignature at time_s the two
 * lines before it (then allocated in the arena). */
cairn_err cairn_note_message(cairn_arena *arena, cairn_note_type type, cairn_bytes text,
                             uint64_t time_s, cairn_bytes *ret_message) CAIRN_MUST_USE;

/* The signature line, with its newline, of the 64 bytes that the key gave for that message. time_s
 * is used for cosignatures alone. */
cairn_err cairn_note_line(cairn_arena *arena, const cairn_vkey *vkey, uint64_t time_s,
                          cairn_bytes signature, cairn_bytes *ret_line) CAIRN_MUST_USE;

/* Both at once, where vkey->key is private. */
cairn_err cairn_note_sign(cairn_arena *arena, const cairn_vkey *vkey, cairn_bytes text,
                          uint64_t time_s, cairn_bytes *ret_line) CAIRN_MUST_USE;

/* Text, blank line and `count` signature lines put together; the result parses, else the error
 * that cairn_note_parse gives. */
cairn_err cairn_note_join(cairn_arena *arena, cairn_bytes text, const cairn_bytes *lines,
                          size_t count, cairn_bytes *ret_signed_note) CAIRN_MUST_USE;

/* What a checkpoint says: the root of the log `origin` at `size` entries. */
typedef struct cairn_checkpoint {
    cairn_bytes origin;
    uint64_t size;
    cairn_hash root;
    cairn_bytes extensions; /* further lines with their newlines, usually none */
} cairn_checkpoint;

/* Note text of a checkpoint. BAD_VALUE names the line: empty origin, size with leading zeroes or
 * above CAIRN_LOG_SIZE_MAX, root that is not 32 bytes of base64, empty extension line. */
cairn_err cairn_checkpoint_parse(cairn_bytes text, cairn_checkpoint *ret_checkpoint) CAIRN_MUST_USE;
cairn_err cairn_checkpoint_format(cairn_arena *arena, const cairn_checkpoint *checkpoint,
                                  cairn_bytes *ret_text) CAIRN_MUST_USE;

/* A log's own checkpoint: parses the signed note, verifies the log's signature, then parses the
 * text, whose origin must be `origin` (MISMATCH). ret_note may be NULL; it is there for
 * cosignatures. */
cairn_err cairn_checkpoint_open(cairn_bytes signed_note, cairn_bytes origin,
                                const cairn_vkey *log_key, cairn_note *ret_note,
                                cairn_checkpoint *ret_checkpoint) CAIRN_MUST_USE;

#endif
