/* fdo.upload: the name is asked for; length, content and hash come. */
#include <openssl/evp.h>
#include <stdlib.h>

#include "core/crypto/openssl.h"
#include "core/crypto/secret.h"
#include "onboard/server/module_help.h"

static const char module[] = "fdo.upload";

typedef struct upload {
    const cairn_fdo_upload *file;
    bool begun;
    bool done;
    bool has_length;
    uint64_t length;
    cairn_fdo_module_buffer content;
    size_t hash_size; /* 0: not yet there */
    uint8_t hash[CAIRN_FDO_SHA384_SIZE];
} upload;

static cairn_err check_hash(const upload *u)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_Digest(u->content.data, u->content.size, digest, &size, EVP_sha384(), NULL) != 1)
        return cairn_openssl_fail("SHA-384");
    if (!cairn_secret_equal(cairn_bytes_of(digest, size), cairn_bytes_of(u->hash, u->hash_size)))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "house", "%s: %s: not what its hash says", module,
                          u->file->name);
    return CAIRN_OK;
}

/* The parts come in any order. */
static cairn_err finish(upload *u, cairn_fdo_run *run)
{
    if (!u->has_length || u->hash_size == 0 || u->content.size < u->length || u->done)
        return CAIRN_OK;
    if (u->content.size > u->length)
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "house", "%s: %s: longer than was said", module,
                          u->file->name);
    CAIRN_TRY(check_hash(u));
    u->done = true;
    return u->file->take(u->file->context, run, u->file->name,
                         cairn_bytes_of(u->content.data, u->content.size));
}

static cairn_err take_part(upload *u, cairn_bytes name, cairn_bytes item)
{
    cairn_cbor_reader reader;
    cairn_bytes bytes = {0};
    CAIRN_TRY(cairn_fdo_module_open(&reader, item, module));
    if (cairn_fdo_module_is(name, "length")) {
        CAIRN_TRY(cairn_cbor_read_uint(&reader, "length", 0, u->file->size_max, &u->length));
        u->has_length = true;
        return CAIRN_OK;
    }
    if (cairn_fdo_module_is(name, "data")) {
        CAIRN_TRY(cairn_cbor_read_bytes(&reader, "data", 0, SIZE_MAX, &bytes));
        return cairn_fdo_module_append(&u->content, bytes, u->file->size_max, module);
    }
    if (!cairn_fdo_module_is(name, "sha-384"))
        return cairn_fdo_module_unknown(name, module);
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "sha-384", sizeof u->hash, sizeof u->hash, &bytes));
    memcpy(u->hash, bytes.data, bytes.size);
    u->hash_size = bytes.size;
    return CAIRN_OK;
}

static cairn_err take(void *state, cairn_fdo_run *run, cairn_bytes name, cairn_bytes item)
{
    upload *u = state;
    CAIRN_TRY(take_part(u, name, item));
    return finish(u, run);
}

static cairn_err give(void *state, cairn_fdo_run *run, cairn_fdo_giver *giver, bool *ret_done)
{
    upload *u = state;
    (void)run;
    *ret_done = u->done;
    if (u->begun)
        return CAIRN_OK;
    u->begun = true;
    CAIRN_TRY(cairn_fdo_give_bool(giver, "active", true));
    CAIRN_TRY(cairn_fdo_give_bool(giver, "need-sha", true));
    return cairn_fdo_give_text(giver, "name", u->file->name);
}

static void free_state(void *state)
{
    upload *u = state;
    free(u->content.data);
    free(u);
}

static const cairn_fdo_module_type type = {module, take, give, free_state, false};

cairn_err cairn_fdo_run_upload(cairn_fdo_run *run, const cairn_fdo_upload *file, bool required)
{
    void *state = NULL;
    CAIRN_TRY(cairn_fdo_module_new(sizeof(upload), &state));
    ((upload *)state)->file = file;
    return cairn_fdo_run_add(run, &type, state, required);
}
