/* PEM. Its reader is OpenSSL's: what people have in files comes from there. */
#include "core/crypto/pem.h"

#include <openssl/pem.h>
#include <stdio.h>

static const char clause[] = "RFC 7468 section 2";

cairn_err cairn_pem_encode(cairn_arena *arena, const char *label, cairn_bytes der,
                           cairn_bytes *ret_text)
{
    void *base64 = NULL;
    void *memory = NULL;
    size_t size = cairn_base64_size(der.size);
    CAIRN_TRY(cairn_arena_alloc(arena, size + 1, &base64));
    CAIRN_TRY(cairn_arena_alloc(arena, size + size / 64 + 2 * strlen(label) + 64, &memory));
    cairn_base64_encode(der, base64);
    char *at = memory;
    at += sprintf(at, "-----BEGIN %s-----\n", label);
    for (size_t i = 0; i < size; i += 64)
        at += sprintf(at, "%.64s\n", (const char *)base64 + i);
    at += sprintf(at, "-----END %s-----\n", label);
    *ret_text = cairn_bytes_of(memory, (size_t)(at - (char *)memory));
    return CAIRN_OK;
}

cairn_err cairn_pem_encode_list(cairn_arena *arena, const char *label, const cairn_bytes *list,
                                size_t count, cairn_bytes *ret_text)
{
    cairn_bytes *texts = NULL;
    void *memory = NULL;
    size_t size = 0;
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof *texts, (void **)&texts));
    for (size_t i = 0; i < count; i++) {
        if (list[i].size > 0)
            CAIRN_TRY(cairn_pem_encode(arena, label, list[i], &texts[i]));
        size += texts[i].size;
    }
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    *ret_text = cairn_bytes_of(memory, size);
    for (size_t i = 0; i < count; i++) {
        if (texts[i].size > 0)
            memcpy(memory, texts[i].data, texts[i].size);
        memory = (char *)memory + texts[i].size;
    }
    return CAIRN_OK;
}

int cairn_pem_no_password(char *text, int size, int writing, void *context)
{
    (void)text;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

cairn_err cairn_pem_check_clear(cairn_bytes pem, const char *what)
{
    static const char *const marks[] = {"-----BEGIN ENCRYPTED PRIVATE KEY-----",
                                        "Proc-Type: 4,ENCRYPTED"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (pem.size > 0 && memmem(pem.data, pem.size, marks[i], strlen(marks[i])) != NULL)
            return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause,
                              "%s: is encrypted; it is taken without a password alone", what);
    return CAIRN_OK;
}

/* The next object; false when there is none. */
static bool read_one(BIO *bio, const char *label, cairn_arena *arena, cairn_bytes *ret_der,
                     cairn_err *ret_err)
{
    char *name = NULL;
    char *header = NULL;
    unsigned char *data = NULL;
    long size = 0;
    if (PEM_read_bio(bio, &name, &header, &data, &size) != 1)
        return false;
    *ret_err = strcmp(name, label) == 0 && header[0] == '\0'
                   ? cairn_arena_copy(arena, cairn_bytes_of(data, (size_t)size), ret_der)
                   : CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "PEM: is no %s", label);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    return true;
}

cairn_err cairn_pem_decode(cairn_arena *arena, const char *label, cairn_bytes in,
                           cairn_bytes *ret_der)
{
    static const char begin[] = "-----BEGIN ";
    cairn_err err = CAIRN_OK;
    cairn_err second = CAIRN_OK;
    cairn_bytes der = {0};
    if (memmem(in.data, in.size, begin, sizeof begin - 1) == NULL) {
        *ret_der = in;
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_pem_check_clear(in, label));
    BIO *bio = BIO_new_mem_buf(in.data, (int)in.size);
    if (bio == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "PEM");
    if (!read_one(bio, label, arena, &der, &err))
        err = CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "PEM: cannot be read");
    else if (err == CAIRN_OK && read_one(bio, label, arena, &der, &second))
        err = CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "PEM: more than one object");
    BIO_free(bio);
    CAIRN_TRY(err);
    *ret_der = der;
    return CAIRN_OK;
}
