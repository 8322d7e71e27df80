/* CBOR (RFC 8949), two decoder profiles over one set of calls.
 *
 * A reader checks the whole input when it is opened: after that, typed reads walk bytes that are
 * known to be well-formed, bounded and free of duplicate keys, and only ask "is it what the schema
 * wants?". The writer is sticky: it remembers the first failure, so that a caller checks once, at
 * the end. Map keys are integers, byte strings or text strings, in both profiles. Source: RFC 8949
 * section 4.2.1 (core deterministic encoding); bounds: core/limits.h. Neither allocates. One thread
 * at a time per object. */
#ifndef CAIRN_CBOR_H
#define CAIRN_CBOR_H

#include "cairn/bytes.h"

typedef enum cairn_cbor_profile {
    /* Our own signed formats: deterministic encoding only: shortest integers, definite lengths, map
     * keys in bytewise order, no floats, no simple values but false, true and null, no tags but
     * those that the schema reads. */
    CAIRN_CBOR_STRICT,
    /* What peers send: any key order and integer width, floats and simple values may be skipped;
     * still definite lengths, bounded, no duplicate keys, valid UTF-8, one item and nothing after
     * it. */
    CAIRN_CBOR_FOREIGN,
} cairn_cbor_profile;

typedef enum cairn_cbor_type {
    CAIRN_CBOR_UINT,
    CAIRN_CBOR_NINT,
    CAIRN_CBOR_BYTES,
    CAIRN_CBOR_TEXT,
    CAIRN_CBOR_ARRAY,
    CAIRN_CBOR_MAP,
    CAIRN_CBOR_TAG,
    CAIRN_CBOR_BOOL,
    CAIRN_CBOR_NULL,
    CAIRN_CBOR_OTHER, /* float or other simple value; only skipped */
    CAIRN_CBOR_END,   /* no item left */
} cairn_cbor_type;

typedef struct cairn_cbor_reader {
    const uint8_t *next;
    const uint8_t *end;
    const char *object; /* names the object in every rejection, such as "transaction" */
    const char *clause; /* the document that it must follow */
} cairn_cbor_reader;

/* How many pairs of a map are still to be read. */
typedef struct cairn_cbor_map {
    size_t left;
} cairn_cbor_map;

/* Checks all of `in` (exactly one item) against `profile` and opens a reader on it. `object` and
 * `clause` are static texts. Errors: TRUNCATED, TRAILING, NOT_CANONICAL, DUPLICATE_KEY, BAD_TEXT,
 * TOO_DEEP, TOO_MANY, BAD_VALUE (reserved or indefinite encodings; in the strict profile floats and
 * simple values), WRONG_TYPE (a map key that is neither integer nor string). `in` is borrowed for
 * the life of the reader. */
cairn_err cairn_cbor_open(cairn_cbor_reader *reader, cairn_bytes in, cairn_cbor_profile profile,
                          const char *object, const char *clause) CAIRN_MUST_USE;

/* Checks one item at the front of `in` and tells its size: for sequences and outer framing. */
cairn_err cairn_cbor_item_size(cairn_bytes in, cairn_cbor_profile profile, const char *object,
                               size_t *ret_size) CAIRN_MUST_USE;

/* Type of the next item, END when none is left. */
cairn_cbor_type cairn_cbor_peek(const cairn_cbor_reader *reader);

/* Typed reads. `field` names the field in a rejection: WRONG_TYPE, BAD_VALUE when outside the
 * range, MISSING_FIELD when no item is left. A refused item stays in place. */
cairn_err cairn_cbor_read_uint(cairn_cbor_reader *reader, const char *field, uint64_t min,
                               uint64_t max, uint64_t *ret_value) CAIRN_MUST_USE;
cairn_err cairn_cbor_read_int(cairn_cbor_reader *reader, const char *field, int64_t min,
                              int64_t max, int64_t *ret_value) CAIRN_MUST_USE;
cairn_err cairn_cbor_read_bool(cairn_cbor_reader *reader, const char *field,
                               bool *ret_value) CAIRN_MUST_USE;
cairn_err cairn_cbor_read_null(cairn_cbor_reader *reader, const char *field) CAIRN_MUST_USE;

/* A byte or text string of min_size to max_size bytes, as a view into the input. */
cairn_err cairn_cbor_read_bytes(cairn_cbor_reader *reader, const char *field, size_t min_size,
                                size_t max_size, cairn_bytes *ret_value) CAIRN_MUST_USE;
cairn_err cairn_cbor_read_text(cairn_cbor_reader *reader, const char *field, size_t min_size,
                               size_t max_size, cairn_bytes *ret_value) CAIRN_MUST_USE;
/* A byte string of exactly 32 bytes. */
cairn_err cairn_cbor_read_hash(cairn_cbor_reader *reader, const char *field,
                               cairn_hash *ret_value) CAIRN_MUST_USE;
/* A text string that must equal `want`: format tags; BAD_VERSION otherwise. */
cairn_err cairn_cbor_read_magic(cairn_cbor_reader *reader, const char *want) CAIRN_MUST_USE;

/* Enters an array of min to max items (the caller reads them), or a map, or takes a tag off. */
cairn_err cairn_cbor_read_array(cairn_cbor_reader *reader, const char *field, size_t min_count,
                                size_t max_count, size_t *ret_count) CAIRN_MUST_USE;
cairn_err cairn_cbor_read_map(cairn_cbor_reader *reader, const char *field,
                              cairn_cbor_map *ret_map) CAIRN_MUST_USE;
cairn_err cairn_cbor_read_tag(cairn_cbor_reader *reader, const char *field,
                              uint64_t want) CAIRN_MUST_USE;

/* The raw bytes of the next item, whatever it is. */
cairn_err cairn_cbor_read_any(cairn_cbor_reader *reader, const char *field,
                              cairn_bytes *ret_item) CAIRN_MUST_USE;

/* Closed maps with integer keys, opened with the strict profile and read in the deterministic order
 * (0, 1, 2, …, then -1, -2, …). `key` takes the wanted key off: MISSING_FIELD when it is not there,
 * UNKNOWN_FIELD when another one sorts before it. `optional_key` tells whether it is next.
 * `end_map` gives UNKNOWN_FIELD when pairs are left. */
cairn_err cairn_cbor_key(cairn_cbor_reader *reader, cairn_cbor_map *map, int64_t key,
                         const char *field) CAIRN_MUST_USE;
cairn_err cairn_cbor_optional_key(cairn_cbor_reader *reader, cairn_cbor_map *map, int64_t key,
                                  bool *ret_present) CAIRN_MUST_USE;
cairn_err cairn_cbor_end_map(cairn_cbor_reader *reader, const cairn_cbor_map *map) CAIRN_MUST_USE;

/* Nothing may be left: TRAILING otherwise. */
cairn_err cairn_cbor_end(const cairn_cbor_reader *reader) CAIRN_MUST_USE;

/* Writer of the deterministic encoding into the caller's buffer. With data == NULL it only counts:
 * `size` is then what is needed, and writer_end gives TOO_LARGE.
 * The caller writes map keys in deterministic order; every format's round-trip test proves that it
 * does. */
typedef struct cairn_cbor_writer {
    uint8_t *data;
    size_t capacity;
    size_t size; /* bytes written, or needed once they exceed the capacity */
} cairn_cbor_writer;

void cairn_cbor_writer_init(cairn_cbor_writer *writer, void *data, size_t capacity);
void cairn_cbor_put_uint(cairn_cbor_writer *writer, uint64_t value);
void cairn_cbor_put_int(cairn_cbor_writer *writer, int64_t value);
void cairn_cbor_put_bytes(cairn_cbor_writer *writer, cairn_bytes value);
void cairn_cbor_put_hash(cairn_cbor_writer *writer, const cairn_hash *value);
void cairn_cbor_put_text(cairn_cbor_writer *writer, const char *value);
void cairn_cbor_put_text_view(cairn_cbor_writer *writer, cairn_bytes value);
void cairn_cbor_put_array(cairn_cbor_writer *writer, size_t count);
void cairn_cbor_put_map(cairn_cbor_writer *writer, size_t pairs);
void cairn_cbor_put_tag(cairn_cbor_writer *writer, uint64_t tag);
void cairn_cbor_put_bool(cairn_cbor_writer *writer, bool value);
void cairn_cbor_put_null(cairn_cbor_writer *writer);
/* Bytes that are already one encoded item. */
void cairn_cbor_put_raw(cairn_cbor_writer *writer, cairn_bytes item);

/* The encoded bytes, a view of the caller's buffer; TOO_LARGE when it was too small. */
cairn_err cairn_cbor_writer_end(const cairn_cbor_writer *writer,
                                cairn_bytes *ret_encoded) CAIRN_MUST_USE;

#endif
