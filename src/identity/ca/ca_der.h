/* DER (X.690): a sticky writer and a strict, bounded reader, as certificates, requests and their
 * status need them.
 *
 * The writer remembers its first failure, so that a caller checks once, at the end. The reader
 * takes one-byte tags, definite lengths in their shortest form and objects of at most 16 MiB;
 * nothing is copied. Neither allocates. One thread at a time per object. Source: X.690 sections 8
 * and 10. */
#ifndef CAIRN_IDENTITY_CA_DER_H
#define CAIRN_IDENTITY_CA_DER_H

#include "cairn/bytes.h"

enum { /* tags */
       CAIRN_DER_BOOLEAN = 0x01,
       CAIRN_DER_INTEGER = 0x02,
       CAIRN_DER_BIT_STRING = 0x03,
       CAIRN_DER_OCTET_STRING = 0x04,
       CAIRN_DER_NULL = 0x05,
       CAIRN_DER_OID = 0x06,
       CAIRN_DER_ENUMERATED = 0x0a,
       CAIRN_DER_UTF8 = 0x0c,
       CAIRN_DER_PRINTABLE = 0x13,
       CAIRN_DER_IA5 = 0x16,
       CAIRN_DER_UTC_TIME = 0x17,
       CAIRN_DER_GENERALIZED_TIME = 0x18,
       CAIRN_DER_SEQUENCE = 0x30,
       CAIRN_DER_SET = 0x31,
};

/* [n], primitive and constructed. */
#define CAIRN_DER_CONTEXT(n) ((uint8_t)(0x80 | (n)))
#define CAIRN_DER_CONTEXT_CONSTRUCTED(n) ((uint8_t)(0xa0 | (n)))

typedef struct cairn_der_writer {
    uint8_t *data; /* the caller's */
    size_t capacity;
    size_t size;
    bool full; /* something did not fit */
} cairn_der_writer;

void cairn_der_writer_init(cairn_der_writer *writer, void *data, size_t capacity);

/* Opens an object, whose content is what is written until cairn_der_end with the mark. */
size_t cairn_der_begin(cairn_der_writer *writer, uint8_t tag);
void cairn_der_end(cairn_der_writer *writer, size_t mark);

/* One whole object. */
void cairn_der_put(cairn_der_writer *writer, uint8_t tag, cairn_bytes content);
/* Bytes that are already encoded. */
void cairn_der_put_raw(cairn_der_writer *writer, cairn_bytes encoded);
void cairn_der_put_uint(cairn_der_writer *writer, uint64_t value);
/* A BIT STRING of whole octets. */
void cairn_der_put_bits(cairn_der_writer *writer, cairn_bytes bits);
/* A BIT STRING of named bits, bit 0 first, without trailing zeros (X.690 11.2.2). At most 16. */
void cairn_der_put_named_bits(cairn_der_writer *writer, uint16_t bits);
/* BOOLEAN TRUE: FALSE is a default wherever we meet it. */
void cairn_der_put_true(cairn_der_writer *writer);
/* Seconds since 1970: UTCTime through 2049, then GeneralizedTime (RFC 5280 section 4.1.2.5); times
 * after the year 9999 are its last second. */
void cairn_der_put_time(cairn_der_writer *writer, uint64_t seconds);
void cairn_der_put_generalized_time(cairn_der_writer *writer, uint64_t seconds);

/* View of what was written; TOO_LARGE when it did not fit. */
cairn_err cairn_der_writer_end(const cairn_der_writer *writer, cairn_bytes *ret_der) CAIRN_MUST_USE;

typedef struct cairn_der_reader {
    const uint8_t *next;
    const uint8_t *end;
    const char *object; /* names the object in a rejection; static */
    const char *clause; /* the document that it must follow; static */
} cairn_der_reader;

void cairn_der_open(cairn_der_reader *reader, cairn_bytes in, const char *object,
                    const char *clause);

/* Whether the next object has this tag; false at the end. */
bool cairn_der_next_is(const cairn_der_reader *reader, uint8_t tag);
static inline bool cairn_der_at_end(const cairn_der_reader *reader)
{
    return reader->next == reader->end;
}

/* Content of the next object. MISSING_FIELD at the end, WRONG_TYPE for another tag, TRUNCATED,
 * NOT_CANONICAL (a length not in its shortest form, or indefinite). */
cairn_err cairn_der_read(cairn_der_reader *reader, uint8_t tag, const char *field,
                         cairn_bytes *ret_content) CAIRN_MUST_USE;
/* The same with tag and length in front. */
cairn_err cairn_der_read_whole(cairn_der_reader *reader, uint8_t tag, const char *field,
                               cairn_bytes *ret_whole) CAIRN_MUST_USE;
/* Opens a reader on the content. */
cairn_err cairn_der_enter(cairn_der_reader *reader, uint8_t tag, const char *field,
                          cairn_der_reader *ret_inner) CAIRN_MUST_USE;
/* Any object, with its tag. */
cairn_err cairn_der_read_any(cairn_der_reader *reader, const char *field, uint8_t *ret_tag,
                             cairn_bytes *ret_content) CAIRN_MUST_USE;
/* An INTEGER of at most `max`; BAD_VALUE when it is greater, negative or padded. */
cairn_err cairn_der_read_uint(cairn_der_reader *reader, const char *field, uint64_t max,
                              uint64_t *ret_value) CAIRN_MUST_USE;
/* A BIT STRING of whole octets. */
cairn_err cairn_der_read_bits(cairn_der_reader *reader, const char *field,
                              cairn_bytes *ret_bits) CAIRN_MUST_USE;
/* An optional BOOLEAN DEFAULT FALSE: when it is there it must be TRUE. */
cairn_err cairn_der_read_flag(cairn_der_reader *reader, const char *field,
                              bool *ret_value) CAIRN_MUST_USE;
/* Nothing may be left: TRAILING. */
cairn_err cairn_der_finish(const cairn_der_reader *reader) CAIRN_MUST_USE;

#endif
