/* Signed notes and the keys that sign them. */
#include "cairn/note.h"

#include <stdio.h>

#include "cairn/sha256.h"
#include "core/codec/utf8.h"
#include "core/limits.h"
#include "ledger/log/lines.h"

#define CLAUSE "C2SP signed-note"

_Static_assert((int)CAIRN_NOTE_SIZE_MAX == CAIRN_CHECKPOINT_SIZE_MAX, "one limit, two names");
_Static_assert((int)CAIRN_NOTE_SIGNATURES_MAX == CAIRN_RECEIPT_SIGNERS_MAX, "one limit, two names");

enum {
    ED25519_KEY_SIZE = 32,
    ED25519_SIGNATURE_SIZE = 64,
    TIME_SIZE = 8, /* u64be seconds before the signature of a cosignature */
    SIGNATURE_SIZE_MAX = CAIRN_NOTE_KEY_ID_SIZE + TIME_SIZE + ED25519_SIGNATURE_SIZE,
};

/* U+0020 and the other code points with the property White_Space that are no control characters
 * below it, in UTF-8. */
static const char *const spaces[] = {
    " ",
    "\xc2\x85",
    "\xc2\xa0",
    "\xe1\x9a\x80",
    "\xe2\x80\x80",
    "\xe2\x80\x81",
    "\xe2\x80\x82",
    "\xe2\x80\x83",
    "\xe2\x80\x84",
    "\xe2\x80\x85",
    "\xe2\x80\x86",
    "\xe2\x80\x87",
    "\xe2\x80\x88",
    "\xe2\x80\x89",
    "\xe2\x80\x8a",
    "\xe2\x80\xa8",
    "\xe2\x80\xa9",
    "\xe2\x80\xaf",
    "\xe2\x81\x9f",
    "\xe3\x80\x80",
};

static bool contains(cairn_bytes text, const char *word)
{
    return memmem(text.data, text.size, word, strlen(word)) != NULL;
}

bool cairn_note_name_valid(cairn_bytes name)
{
    if (name.size == 0 || name.size > CAIRN_NOTE_NAME_SIZE_MAX || !cairn_lines_valid(name))
        return false;
    for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++) {
        if (contains(name, spaces[i]))
            return false;
    }
    return !contains(name, "+") && !contains(name, "\n");
}

static bool is_type(uint8_t type)
{
    return type == CAIRN_NOTE_ED25519 || type == CAIRN_NOTE_COSIGNATURE;
}

static void key_id(cairn_bytes name, cairn_note_type type, cairn_bytes key,
                   uint8_t ret_id[CAIRN_NOTE_KEY_ID_SIZE])
{
    const uint8_t middle[2] = {'\n', (uint8_t)type};
    const cairn_bytes parts[] = {name, cairn_bytes_of(middle, sizeof middle), key};
    cairn_hash hash;
    cairn_sha256_parts(parts, 3, &hash);
    memcpy(ret_id, hash.b, CAIRN_NOTE_KEY_ID_SIZE);
}

cairn_err cairn_vkey_init(cairn_bytes name, cairn_note_type type, cairn_key *key,
                          cairn_vkey *ret_vkey)
{
    CAIRN_ASSERT(is_type((uint8_t)type));
    if (!cairn_note_name_valid(name))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "vkey.name: is not valid");
    if (cairn_key_get_type(key) != CAIRN_KEY_ED25519)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, CLAUSE, "vkey.key: is not an Ed25519 key");
    memcpy(ret_vkey->name, name.data, name.size);
    ret_vkey->name[name.size] = '\0';
    ret_vkey->type = type;
    ret_vkey->key = cairn_key_ref(key);
    key_id(name, type, cairn_key_public(key), ret_vkey->id);
    return CAIRN_OK;
}

void cairn_vkey_done(cairn_vkey *vkey)
{
    if (vkey == NULL)
        return;
    cairn_key_free(vkey->key);
    vkey->key = NULL;
}

/* Takes the part before the next '+' off `text`. */
static bool take_part(cairn_bytes *text, cairn_bytes *ret_part)
{
    const uint8_t *plus = text->size > 0 ? memchr(text->data, '+', text->size) : NULL;
    if (plus == NULL)
        return false;
    *ret_part = cairn_bytes_of(text->data, (size_t)(plus - text->data));
    *text = cairn_bytes_of(plus + 1, text->size - ret_part->size - 1);
    return true;
}

cairn_err cairn_vkey_parse(cairn_bytes text, cairn_vkey *ret_vkey)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_bytes name, hash;
    uint8_t raw[1 + ED25519_KEY_SIZE];
    char hex[2 * CAIRN_NOTE_KEY_ID_SIZE + 1];
    size_t size = 0;
    /* The name holds no '+', the base64 after the second one may. */
    if (!take_part(&text, &name) || !take_part(&text, &hash))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "vkey: is not name+hash+key");
    if (cairn_base64_decode(text, raw, sizeof raw, &size) != CAIRN_OK || size != sizeof raw)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "vkey.key: is not %zu bytes of base64",
                          sizeof raw);
    if (!is_type(raw[0]))
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, CLAUSE, "vkey.type: %u", (unsigned)raw[0]);
    CAIRN_TRY(
        cairn_key_from_public(CAIRN_KEY_ED25519, cairn_bytes_of(raw + 1, ED25519_KEY_SIZE), &key));
    cairn_vkey vkey = {.key = NULL};
    CAIRN_TRY(cairn_vkey_init(name, (cairn_note_type)raw[0], key, &vkey));
    cairn_hex_encode(cairn_bytes_of(vkey.id, sizeof vkey.id), hex);
    if (!cairn_bytes_equal(hash, cairn_bytes_str(hex))) {
        cairn_vkey_done(&vkey);
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, CLAUSE, "vkey.hash: is not %s", hex);
    }
    *ret_vkey = vkey;
    return CAIRN_OK;
}

cairn_err cairn_vkey_format(const cairn_vkey *vkey, cairn_arena *arena, cairn_bytes *ret_text)
{
    uint8_t raw[1 + ED25519_KEY_SIZE] = {(uint8_t)vkey->type};
    char hex[2 * CAIRN_NOTE_KEY_ID_SIZE + 1];
    char base64[64];
    memcpy(raw + 1, cairn_key_public(vkey->key).data, ED25519_KEY_SIZE);
    cairn_hex_encode(cairn_bytes_of(vkey->id, sizeof vkey->id), hex);
    cairn_base64_encode(cairn_bytes_of(raw, sizeof raw), base64);
    return cairn_lines_format(arena, ret_text, "%s+%s+%s", vkey->name, hex, base64);
}

/* A line without its newline. */
static cairn_err parse_signature(cairn_bytes line, cairn_note_signature *ret_signature)
{
    uint8_t raw[CAIRN_NOTE_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    if (!cairn_lines_take_word(&line, "\xe2\x80\x94 "))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE,
                          "note.signature: does not begin with a dash");
    const uint8_t *space = line.size > 0 ? memchr(line.data, ' ', line.size) : NULL;
    if (space == NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "note.signature: is not name and base64");
    cairn_bytes name = cairn_bytes_of(line.data, (size_t)(space - line.data));
    cairn_bytes base64 = cairn_bytes_of(space + 1, line.size - name.size - 1);
    if (!cairn_note_name_valid(name))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "note.signature.name: is not valid");
    CAIRN_TRY(cairn_base64_decode(base64, raw, sizeof raw, &size));
    if (size <= CAIRN_NOTE_KEY_ID_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "note.signature: has no bytes");
    ret_signature->name = name;
    ret_signature->base64 = base64;
    memcpy(ret_signature->id, raw, CAIRN_NOTE_KEY_ID_SIZE);
    return CAIRN_OK;
}

static cairn_err parse_signatures(cairn_bytes lines, cairn_note *note)
{
    while (lines.size > 0) {
        cairn_bytes line;
        if (note->signature_count == CAIRN_NOTE_SIGNATURES_MAX)
            return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "note.signatures: more than %d",
                              CAIRN_NOTE_SIGNATURES_MAX);
        if (!cairn_lines_take(&lines, &line))
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "note.signature: lacks its newline");
        CAIRN_TRY(parse_signature(line, &note->signatures[note->signature_count]));
        note->signature_count++;
    }
    if (note->signature_count == 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "note.signatures: there is none");
    return CAIRN_OK;
}

static cairn_err check_text(cairn_bytes text)
{
    if (!cairn_utf8_valid(text))
        return CAIRN_FAIL(CAIRN_ERR_BAD_TEXT, CLAUSE, "note: is not UTF-8");
    if (!cairn_lines_valid(text))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "note: has control characters");
    return CAIRN_OK;
}

cairn_err cairn_note_parse(cairn_bytes signed_note, cairn_note *ret_note)
{
    cairn_note note = {.signature_count = 0};
    size_t at = signed_note.size;
    if (signed_note.size > CAIRN_NOTE_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "note: %zu bytes", signed_note.size);
    CAIRN_TRY(check_text(signed_note));
    /* The last empty line separates: the text may have some of its own. */
    while (at >= 2 && (signed_note.data[at - 1] != '\n' || signed_note.data[at - 2] != '\n'))
        at--;
    if (at < 2)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "note: has no empty line");
    note.text = cairn_bytes_of(signed_note.data, at - 1);
    CAIRN_TRY(
        parse_signatures(cairn_bytes_of(signed_note.data + at, signed_note.size - at), &note));
    *ret_note = note;
    return CAIRN_OK;
}

cairn_err cairn_note_message(cairn_arena *arena, cairn_note_type type, cairn_bytes text,
                             uint64_t time_s, cairn_bytes *ret_message)
{
    char header[64];
    if (type == CAIRN_NOTE_ED25519) {
        *ret_message = text;
        return CAIRN_OK;
    }
    int size =
        snprintf(header, sizeof header, "cosignature/v1\ntime %llu\n", (unsigned long long)time_s);
    const cairn_bytes parts[] = {cairn_bytes_of(header, (size_t)size), text};
    return cairn_lines_concat(arena, parts, 2, ret_message);
}

/* Checks one line of the key; `raw` is its decoded base64. */
static cairn_err verify_signature(cairn_bytes text, const cairn_vkey *vkey, cairn_bytes raw,
                                  uint64_t *ret_time_s)
{
    size_t time_size = vkey->type == CAIRN_NOTE_COSIGNATURE ? TIME_SIZE : 0;
    size_t skip = CAIRN_NOTE_KEY_ID_SIZE + time_size;
    uint64_t time_s = 0;
    cairn_arena arena;
    cairn_bytes message;
    if (raw.size != skip + ED25519_SIGNATURE_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_BAD_SIGNATURE, CLAUSE, "note.signature: %zu bytes", raw.size);
    if (time_size > 0)
        time_s = cairn_get_u64(raw.data + CAIRN_NOTE_KEY_ID_SIZE);
    if (time_s > INT64_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_SIGNATURE, CLAUSE, "note.signature: time is beyond 2^63");
    cairn_arena_init(&arena, CAIRN_NOTE_SIZE_MAX + 4096);
    cairn_err err = cairn_note_message(&arena, vkey->type, text, time_s, &message);
    if (err == CAIRN_OK)
        err = cairn_key_verify(vkey->key, message,
                               cairn_bytes_of(raw.data + skip, ED25519_SIGNATURE_SIZE));
    cairn_arena_done(&arena);
    if (err == CAIRN_OK)
        *ret_time_s = time_s;
    return err;
}

static bool is_from(const cairn_note_signature *signature, const cairn_vkey *vkey)
{
    return cairn_bytes_equal(signature->name, cairn_bytes_str(vkey->name)) &&
           memcmp(signature->id, vkey->id, sizeof vkey->id) == 0;
}

cairn_err cairn_note_verify(const cairn_note *note, const cairn_vkey *vkey, uint64_t *ret_time_s)
{
    uint64_t latest_s = 0;
    bool found = false;
    for (size_t i = 0; i < note->signature_count; i++) {
        const cairn_note_signature *signature = &note->signatures[i];
        uint8_t raw[SIGNATURE_SIZE_MAX];
        uint64_t time_s = 0;
        size_t size = 0;
        if (!is_from(signature, vkey))
            continue;
        if (cairn_base64_decode(signature->base64, raw, sizeof raw, &size) != CAIRN_OK)
            return CAIRN_FAIL(CAIRN_ERR_BAD_SIGNATURE, CLAUSE, "note.signature: is too long");
        CAIRN_TRY(verify_signature(note->text, vkey, cairn_bytes_of(raw, size), &time_s));
        latest_s = time_s > latest_s ? time_s : latest_s;
        found = true;
    }
    if (!found)
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, CLAUSE, "note.signatures: none by %s", vkey->name);
    if (ret_time_s != NULL)
        *ret_time_s = latest_s;
    return CAIRN_OK;
}

cairn_err cairn_note_line(cairn_arena *arena, const cairn_vkey *vkey, uint64_t time_s,
                          cairn_bytes signature, cairn_bytes *ret_line)
{
    uint8_t raw[SIGNATURE_SIZE_MAX];
    char base64[(SIGNATURE_SIZE_MAX + 2) / 3 * 4 + 1];
    size_t at = CAIRN_NOTE_KEY_ID_SIZE;
    if (signature.size != ED25519_SIGNATURE_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, CLAUSE, "note.signature: %zu bytes", signature.size);
    memcpy(raw, vkey->id, CAIRN_NOTE_KEY_ID_SIZE);
    if (vkey->type == CAIRN_NOTE_COSIGNATURE) {
        cairn_put_u64(raw + at, time_s);
        at += TIME_SIZE;
    }
    memcpy(raw + at, signature.data, signature.size);
    cairn_base64_encode(cairn_bytes_of(raw, at + signature.size), base64);
    return cairn_lines_format(arena, ret_line, "\xe2\x80\x94 %s %s\n", vkey->name, base64);
}

cairn_err cairn_note_sign(cairn_arena *arena, const cairn_vkey *vkey, cairn_bytes text,
                          uint64_t time_s, cairn_bytes *ret_line)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    cairn_bytes message;
    size_t size = 0;
    CAIRN_TRY(cairn_note_message(arena, vkey->type, text, time_s, &message));
    CAIRN_TRY(cairn_key_sign(vkey->key, message, signature, &size));
    return cairn_note_line(arena, vkey, time_s, cairn_bytes_of(signature, size), ret_line);
}

cairn_err cairn_note_join(cairn_arena *arena, cairn_bytes text, const cairn_bytes *lines,
                          size_t count, cairn_bytes *ret_signed_note)
{
    cairn_note note;
    cairn_bytes all, joined;
    if (text.size == 0 || text.data[text.size - 1] != '\n')
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "note.text: does not end in a newline");
    CAIRN_TRY(cairn_lines_concat(arena, lines, count, &all));
    const cairn_bytes parts[] = {text, cairn_bytes_str("\n"), all};
    CAIRN_TRY(cairn_lines_concat(arena, parts, 3, &joined));
    CAIRN_TRY(cairn_note_parse(joined, &note));
    *ret_signed_note = joined;
    return CAIRN_OK;
}
