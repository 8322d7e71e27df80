/* The manifest: what a file was, segment by segment, under a salt; the ledger sees its hash alone.
 * Bytes: docs/formats/receipt.md (Manifest). Nothing here keeps what it was given. */
#ifndef CAIRN_MANIFEST_H
#define CAIRN_MANIFEST_H

#include "cairn/arena.h"
#include "cairn/bytes.h"

enum {
    CAIRN_MANIFEST_SALT_SIZE = 32,
    CAIRN_MANIFEST_SEGMENT_COUNT_MAX = 16384,
    CAIRN_MANIFEST_HEAD_SIZE_MAX = 1 + 17 + 34 + 9 + 9 + 5, /* bytes before the hashes */
    CAIRN_MANIFEST_SIZE_MAX = CAIRN_MANIFEST_HEAD_SIZE_MAX + 32 * CAIRN_MANIFEST_SEGMENT_COUNT_MAX,
    CAIRN_MANIFEST_THREAD_COUNT_MAX = 64,
};

#define CAIRN_MANIFEST_SEGMENT_SIZE_MIN UINT64_C(4096)
#define CAIRN_MANIFEST_FILE_SIZE_MAX (UINT64_C(1) << 54) /* 16,384 segments of 2^40 bytes */

typedef struct cairn_manifest {
    uint8_t salt[CAIRN_MANIFEST_SALT_SIZE];
    uint64_t size;         /* bytes of the file */
    uint64_t segment_size; /* bytes; the last segment may be shorter */
    size_t segment_count;
    const cairn_hash *hashes; /* one per segment, a view into the input */
} cairn_manifest;

/* Fills in size, segment_size and segment_count for a file of `size` bytes. TOO_LARGE above
 * CAIRN_MANIFEST_FILE_SIZE_MAX. */
cairn_err cairn_manifest_lay_out(cairn_manifest *manifest, uint64_t size) CAIRN_MUST_USE;

/* Bytes of segment `index`, which is below segment_count. */
uint64_t cairn_manifest_segment_length(const cairn_manifest *manifest, size_t index);

/* Strict decoding; the codes of cbor.h, and BAD_VALUE when segment size or number of hashes are not
 * those of the file's size. */
cairn_err cairn_manifest_decode(cairn_bytes in, cairn_manifest *ret_manifest) CAIRN_MUST_USE;

/* Encoded in the arena. The layout is that of cairn_manifest_lay_out. */
cairn_err cairn_manifest_encode(cairn_arena *arena, const cairn_manifest *manifest,
                                cairn_bytes *ret_manifest) CAIRN_MUST_USE;

/* SHA-256 of the encoded manifest: what record.anchor puts on the ledger. */
void cairn_manifest_commitment(cairn_bytes manifest, cairn_hash *ret_commitment);

/* How a file is read. */
typedef struct cairn_manifest_work {
    /* NULL, or called now and then and at the end, on the calling thread; false cancels. */
    bool (*progress)(void *context, uint64_t done_bytes, uint64_t total_bytes);
    void *context;
    unsigned thread_count; /* 1 to 64, the calling thread included; 0 is 1 */
} cairn_manifest_work;

/* Reads all of `fd`, whatever its position, and encodes its manifest into the arena. `work` may be
 * NULL. It holds 512 KiB to 4 MiB of heap per thread meanwhile. Errors: ARGUMENT when `fd` is no
 * regular file (a pipe has no size before it is read: copy it to a file first) or there are too
 * many threads; TOO_LARGE; CHANGED when size or time of the file change meanwhile; CANCELLED; IO,
 * NO_MEMORY. */
cairn_err cairn_manifest_build(cairn_arena *arena, int fd,
                               const uint8_t salt[CAIRN_MANIFEST_SALT_SIZE],
                               const cairn_manifest_work *work,
                               cairn_bytes *ret_manifest) CAIRN_MUST_USE;

typedef enum cairn_difference_kind {
    CAIRN_FILE_SAME,
    CAIRN_FILE_DIFFERS,   /* the bytes of a segment are others; the size may differ as well */
    CAIRN_FILE_APPENDED,  /* all segments are the same, but the file goes on behind them */
    CAIRN_FILE_TRUNCATED, /* the file ends too early; all whole segments before its end are the same
                           */
} cairn_difference_kind;

typedef struct cairn_manifest_difference {
    cairn_difference_kind kind;
    uint64_t file_size;     /* bytes that were found; the manifest says how many it had */
    size_t segment;         /* DIFFERS: the first in the file; TRUNCATED: the one cut short */
    size_t differing_count; /* segments that are there in full and differ */
    uint64_t from_byte;     /* the first segment that differs, what was appended, or all from the */
    uint64_t to_byte;       /* segment cut short on: from `from_byte` up to, without, `to_byte` */
} cairn_manifest_difference;

/* Compares all of `fd` with the manifest. CAIRN_OK when they are the same, MISMATCH when not;
 * `difference` is written in both cases, and in no other. The other errors are those of
 * cairn_manifest_build. Of a segment that a truncated file still holds in part nothing is known. */
cairn_err cairn_manifest_check_file(const cairn_manifest *manifest, int fd,
                                    const cairn_manifest_work *work,
                                    cairn_manifest_difference *difference) CAIRN_MUST_USE;

#endif
