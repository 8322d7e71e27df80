/* What the vault parses. The first byte chooses: 0 the keyring's table, 1 the keyring's file, 2 an
 * object under a known key, 3 an epoch key file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/store/vault_keyring.h"
#include "core/store/vault_object.h"
#include "fuzz/fuzz.h"

static void must(int ok)
{
    if (!ok)
        abort();
}

/* A table that is accepted is the one encoding of what it says. */
static void fuzz_table(cairn_bytes in)
{
    cairn_vault_keyring keyring = {0};
    if (cairn_vault_table_decode(in, &keyring) == CAIRN_OK) {
        size_t size = cairn_vault_table_size(&keyring);
        uint8_t *again = malloc(size);
        must(again != NULL && size == in.size);
        must(cairn_vault_table_encode(&keyring, again, size) == CAIRN_OK);
        must(memcmp(again, in.data, size) == 0);
        free(again);
    }
    cairn_vault_keyring_done(&keyring);
}

static void fuzz_file(cairn_bytes in)
{
    cairn_vault_keyring_file file = {0};
    if (cairn_vault_keyring_parse(in, &file) == CAIRN_OK)
        must(file.wrapped.size == CAIRN_VAULT_WRAPPED_SIZE && file.epoch.number > 0);
}

/* Key 00 01 … 1f, vault id and subject zero. */
static void fuzz_object(cairn_bytes in)
{
    static EVP_KDF *hkdf;
    static uint8_t plain[VAULT_CHUNK_SIZE];
    uint8_t key[32];
    for (uint8_t i = 0; i < sizeof key; i++)
        key[i] = i;
    if (hkdf == NULL)
        hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    must(hkdf != NULL);
    cairn_vault_chunks chunks = {0};
    cairn_hash zero = {0};
    if (in.size < sizeof chunks.header)
        return;
    memcpy(chunks.header, in.data, sizeof chunks.header);
    if (cairn_vault_chunks_check_header(&chunks) != CAIRN_OK)
        return;
    must(cairn_vault_chunks_init(&chunks, hkdf, false, &zero, &zero,
                                 cairn_bytes_of(key, sizeof key)) == CAIRN_OK);
    cairn_err err = CAIRN_OK;
    for (size_t at = sizeof chunks.header; err == CAIRN_OK && at < in.size;) {
        size_t left = in.size - at;
        size_t part = left < VAULT_SEALED_SIZE ? left : VAULT_SEALED_SIZE;
        err = cairn_vault_chunks_open(&chunks, part == left, cairn_bytes_of(in.data + at, part),
                                      plain);
        at += part;
    }
    cairn_vault_chunks_done(&chunks);
}

static char directory[64];
static char path[128];

static void clean_up(void)
{
    (void)unlink(path);
    (void)rmdir(directory);
}

static void prepare(void)
{
    if (path[0] != '\0')
        return;
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(directory, sizeof directory, "%s/cairn-fuzz-XXXXXX", base);
    must(mkdtemp(directory) != NULL);
    (void)snprintf(path, sizeof path, "%s/epoch-0000000000000001.key", directory);
    must(atexit(clean_up) == 0);
}

/* Epoch 1 of the vault with id zero. */
static void fuzz_key_file(cairn_bytes in)
{
    prepare();
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0);
    must(cairn_file_write(fd, path, in) == CAIRN_OK);
    cairn_file_close(fd);
    cairn_vault_holder *holder = NULL;
    cairn_vault_epoch epoch = {.number = 1};
    uint8_t wrapped[CAIRN_VAULT_WRAPPED_SIZE] = {0};
    uint8_t secret[32] = {0};
    cairn_secret key = {0};
    must(cairn_vault_holder_open_files(directory, &holder) == CAIRN_OK);
    if (holder->ops->wrap(holder, &epoch, cairn_bytes_of(secret, sizeof secret), wrapped) ==
        CAIRN_OK)
        must(holder->ops->unwrap(holder, &epoch, wrapped, &key) == CAIRN_OK);
    cairn_vault_holder_free(holder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(cairn_bytes) = {fuzz_table, fuzz_file, fuzz_object,
                                                   fuzz_key_file};
    if (size < 1 || data[0] >= sizeof targets / sizeof targets[0])
        return 0;
    targets[data[0]](cairn_bytes_of(data + 1, size - 1));
    return 0;
}
