/* Codec of the manifest. What reads files: manifest_file.c. */
#include "cairn/manifest.h"

#include "cairn/cbor.h"
#include "cairn/sha256.h"

static const char magic[] = "cairn/manifest/1";
static const char clause[] = "docs/formats/receipt.md, Manifest";

static uint64_t segments_of(uint64_t size, uint64_t segment_size)
{
    return size / segment_size + (size % segment_size != 0);
}

/* The one segment size for a file of `size` bytes. */
static uint64_t segment_size_of(uint64_t size)
{
    uint64_t segment_size = CAIRN_MANIFEST_SEGMENT_SIZE_MIN;
    while (segments_of(size, segment_size) > CAIRN_MANIFEST_SEGMENT_COUNT_MAX)
        segment_size *= 2;
    return segment_size;
}

uint64_t cairn_manifest_segment_length(const cairn_manifest *manifest, size_t index)
{
    uint64_t left = manifest->size - index * manifest->segment_size;
    return left < manifest->segment_size ? left : manifest->segment_size;
}

cairn_err cairn_manifest_lay_out(cairn_manifest *manifest, uint64_t size)
{
    if (size > CAIRN_MANIFEST_FILE_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "file: %llu bytes",
                          (unsigned long long)size);
    manifest->size = size;
    manifest->segment_size = segment_size_of(size);
    manifest->segment_count = (size_t)segments_of(size, manifest->segment_size);
    return CAIRN_OK;
}

cairn_err cairn_manifest_decode(cairn_bytes in, cairn_manifest *ret_manifest)
{
    cairn_cbor_reader r;
    cairn_manifest m;
    cairn_bytes salt;
    cairn_bytes hashes;
    uint64_t size = 0;
    uint64_t segment_size = 0;
    size_t count = 0;
    if (in.size > CAIRN_MANIFEST_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "manifest: %zu bytes", in.size);
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "manifest", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "manifest", 5, 5, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&r, magic));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "salt", sizeof m.salt, sizeof m.salt, &salt));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "size", 0, UINT64_MAX, &size));
    CAIRN_TRY(cairn_manifest_lay_out(&m, size));
    CAIRN_TRY(
        cairn_cbor_read_uint(&r, "segment_size", m.segment_size, m.segment_size, &segment_size));
    count = m.segment_count * sizeof(cairn_hash);
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "hashes", count, count, &hashes));
    CAIRN_TRY(cairn_cbor_end(&r));
    memcpy(m.salt, salt.data, sizeof m.salt);
    m.hashes = (const cairn_hash *)(const void *)hashes.data; /* bytes need no alignment */
    *ret_manifest = m;
    return CAIRN_OK;
}

cairn_err cairn_manifest_encode(cairn_arena *arena, const cairn_manifest *manifest,
                                cairn_bytes *ret_manifest)
{
    size_t hashes_size = manifest->segment_count * sizeof(cairn_hash);
    void *buffer = NULL;
    cairn_cbor_writer w;
    CAIRN_TRY(cairn_arena_alloc(arena, CAIRN_MANIFEST_HEAD_SIZE_MAX + hashes_size, &buffer));
    cairn_cbor_writer_init(&w, buffer, CAIRN_MANIFEST_HEAD_SIZE_MAX + hashes_size);
    cairn_cbor_put_array(&w, 5);
    cairn_cbor_put_text(&w, magic);
    cairn_cbor_put_bytes(&w, cairn_bytes_of(manifest->salt, sizeof manifest->salt));
    cairn_cbor_put_uint(&w, manifest->size);
    cairn_cbor_put_uint(&w, manifest->segment_size);
    cairn_cbor_put_bytes(&w, cairn_bytes_of(manifest->hashes, hashes_size));
    return cairn_cbor_writer_end(&w, ret_manifest);
}

void cairn_manifest_commitment(cairn_bytes manifest, cairn_hash *ret_commitment)
{
    cairn_sha256_of(manifest.data, manifest.size, ret_commitment);
}
