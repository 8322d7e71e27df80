/* The keyring's table in memory and its file. */
#include "core/store/vault_keyring.h"

#include <stdlib.h>
#include <sys/mman.h>

#include <openssl/rand.h>

#include "cairn/cose.h"
#include "core/store/file.h"
#include "core/store/vault_gcm.h"

enum {
    ARENA_SIZE_MAX = 4 * CAIRN_VAULT_KEYRING_SIZE_MAX,
    ALG_A256GCM = 3,
    PAGE_SIZE = 4096,
};

static const char format[] = "cairn/vault-keyring/1";
static const char clause[] = "docs/formats/vault.md";

/* Memory that stays out of core dumps; free_secret wipes it. */
static void *alloc_secret(size_t size)
{
    void *memory = NULL;
    size_t whole = (size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
    if (posix_memalign(&memory, PAGE_SIZE, whole) != 0)
        return NULL;
    (void)madvise(memory, whole, MADV_DONTDUMP); /* a kernel without it is no failure */
    memset(memory, 0, whole);
    return memory;
}

static void free_secret(void *memory, size_t size)
{
    if (memory == NULL)
        return;
    cairn_wipe(memory, size);
    (void)madvise(memory, (size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE, MADV_DODUMP);
    free(memory);
}

void cairn_vault_keyring_done(cairn_vault_keyring *keyring)
{
    free_secret(keyring->entries, keyring->capacity * sizeof *keyring->entries);
    *keyring = (cairn_vault_keyring){0};
}

/* Index of the subject, or of the first entry behind where it would be. */
static size_t position(const cairn_vault_keyring *keyring, const cairn_hash *subject)
{
    size_t low = 0;
    size_t high = keyring->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(keyring->entries[middle].subject.b, subject->b, sizeof subject->b) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

cairn_vault_entry *cairn_vault_keyring_find(const cairn_vault_keyring *keyring,
                                            const cairn_hash *subject)
{
    size_t at = position(keyring, subject);
    if (at == keyring->count || !cairn_hash_equal(&keyring->entries[at].subject, subject))
        return NULL;
    return &keyring->entries[at];
}

static cairn_err reserve(cairn_vault_keyring *keyring, size_t count)
{
    if (count > CAIRN_VAULT_SUBJECTS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "vault keyring: more than %d subjects",
                          CAIRN_VAULT_SUBJECTS_MAX);
    if (count <= keyring->capacity)
        return CAIRN_OK;
    size_t capacity = keyring->capacity == 0 ? 64 : keyring->capacity * 2;
    if (capacity < count)
        capacity = count;
    cairn_vault_entry *entries = alloc_secret(capacity * sizeof *entries);
    if (entries == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "vault keyring: %zu subjects", capacity);
    if (keyring->count > 0)
        memcpy(entries, keyring->entries, keyring->count * sizeof *entries);
    free_secret(keyring->entries, keyring->capacity * sizeof *entries);
    keyring->entries = entries;
    keyring->capacity = capacity;
    return CAIRN_OK;
}

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(((const cairn_hash *)a)->b, ((const cairn_hash *)b)->b, sizeof(cairn_hash));
}

/* Merges `subjects`, ascending and not there, from the back. No sort of the entries: a library's
 * may copy keys to memory that nobody wipes. */
static cairn_err merge(cairn_vault_keyring *keyring, const cairn_hash *subjects, size_t count,
                       cairn_vault_entry pattern)
{
    CAIRN_TRY(reserve(keyring, keyring->count + count));
    size_t old = keyring->count;
    keyring->count += count;
    for (size_t at = keyring->count; count > 0; at--) {
        cairn_vault_entry *entries = keyring->entries;
        if (old > 0 && compare_hashes(&entries[old - 1].subject, &subjects[count - 1]) > 0) {
            entries[at - 1] = entries[old - 1];
            old--;
        } else {
            entries[at - 1] = pattern;
            entries[at - 1].subject = subjects[count - 1];
            count--;
        }
    }
    return CAIRN_OK;
}

/* Those of the subjects that are not there, ascending, each once. */
static size_t pick_new(const cairn_vault_keyring *keyring, const cairn_hash *subjects, size_t count,
                       cairn_hash *ret_new)
{
    size_t picked = 0;
    for (size_t i = 0; i < count; i++)
        if (cairn_vault_keyring_find(keyring, &subjects[i]) == NULL)
            ret_new[picked++] = subjects[i];
    qsort(ret_new, picked, sizeof *ret_new, compare_hashes);
    size_t unique = 0;
    for (size_t i = 0; i < picked; i++)
        if (unique == 0 || !cairn_hash_equal(&ret_new[unique - 1], &ret_new[i]))
            ret_new[unique++] = ret_new[i];
    return unique;
}

static cairn_err fill_keys(cairn_vault_keyring *keyring)
{
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {0};
    for (size_t i = 0; i < keyring->count; i++) {
        if (!keyring->entries[i].fresh)
            continue;
        CAIRN_TRY(cairn_secret_random(&key, CAIRN_VAULT_KEY_SIZE));
        memcpy(keyring->entries[i].key, key.data, CAIRN_VAULT_KEY_SIZE);
    }
    return CAIRN_OK;
}

cairn_err cairn_vault_keyring_add(cairn_vault_keyring *keyring, const cairn_hash *subjects,
                                  size_t count)
{
    cairn_hash *new = calloc(count > 0 ? count : 1, sizeof *new);
    if (new == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "vault: %zu subjects", count);
    size_t added = pick_new(keyring, subjects, count, new);
    cairn_err err = merge(keyring, new, added, (cairn_vault_entry){.fresh = true});
    free(new);
    if (err == CAIRN_OK)
        err = fill_keys(keyring);
    if (err != CAIRN_OK)
        cairn_vault_keyring_settle(keyring, false);
    return err;
}

void cairn_vault_keyring_settle(cairn_vault_keyring *keyring, bool keep)
{
    size_t kept = 0;
    for (size_t i = 0; i < keyring->count; i++) {
        cairn_vault_entry *entry = &keyring->entries[i];
        if (entry->fresh && !keep)
            continue;
        if (kept != i)
            keyring->entries[kept] = *entry;
        keyring->entries[kept++].fresh = false;
    }
    if (kept < keyring->count)
        cairn_wipe(&keyring->entries[kept], (keyring->count - kept) * sizeof *keyring->entries);
    keyring->count = kept;
}

static void put_table(const cairn_vault_keyring *keyring, cairn_cbor_writer *writer)
{
    size_t erased = 0;
    for (size_t i = 0; i < keyring->count; i++)
        erased += keyring->entries[i].erased ? 1 : 0;
    cairn_cbor_put_array(writer, 2);
    cairn_cbor_put_array(writer, keyring->count - erased);
    for (size_t i = 0; i < keyring->count; i++) {
        const cairn_vault_entry *entry = &keyring->entries[i];
        if (entry->erased)
            continue;
        cairn_cbor_put_array(writer, 2);
        cairn_cbor_put_hash(writer, &entry->subject);
        cairn_cbor_put_bytes(writer, cairn_bytes_of(entry->key, sizeof entry->key));
    }
    cairn_cbor_put_array(writer, erased);
    for (size_t i = 0; i < keyring->count; i++)
        if (keyring->entries[i].erased)
            cairn_cbor_put_hash(writer, &keyring->entries[i].subject);
}

size_t cairn_vault_table_size(const cairn_vault_keyring *keyring)
{
    cairn_cbor_writer writer;
    cairn_cbor_writer_init(&writer, NULL, 0);
    put_table(keyring, &writer);
    return writer.size;
}

cairn_err cairn_vault_table_encode(const cairn_vault_keyring *keyring, uint8_t *ret_out,
                                   size_t size)
{
    cairn_cbor_writer writer;
    cairn_bytes encoded = {0};
    cairn_cbor_writer_init(&writer, ret_out, size);
    put_table(keyring, &writer);
    return cairn_cbor_writer_end(&writer, &encoded);
}

/* Both lists ascend strictly. */
static cairn_err check_order(const cairn_hash *before, const cairn_hash *subject, size_t index)
{
    if (index > 0 && memcmp(before->b, subject->b, sizeof subject->b) >= 0)
        return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, clause, "vault keyring.subject: not ascending");
    return CAIRN_OK;
}

static cairn_err decode_keys(cairn_cbor_reader *reader, cairn_vault_keyring *keyring)
{
    size_t count = 0;
    size_t pair = 0;
    cairn_hash before = {0};
    CAIRN_TRY(cairn_cbor_read_array(reader, "keys", 0, CAIRN_VAULT_SUBJECTS_MAX, &count));
    CAIRN_TRY(reserve(keyring, count));
    for (size_t i = 0; i < count; i++) {
        cairn_hash subject = {0};
        cairn_bytes key = {0};
        CAIRN_TRY(cairn_cbor_read_array(reader, "entry", 2, 2, &pair));
        CAIRN_TRY(cairn_cbor_read_hash(reader, "subject", &subject));
        CAIRN_TRY(
            cairn_cbor_read_bytes(reader, "key", CAIRN_VAULT_KEY_SIZE, CAIRN_VAULT_KEY_SIZE, &key));
        CAIRN_TRY(check_order(&before, &subject, i));
        keyring->entries[keyring->count].subject = before = subject;
        memcpy(keyring->entries[keyring->count++].key, key.data, key.size);
    }
    return CAIRN_OK;
}

static cairn_err read_erased(cairn_cbor_reader *reader, const cairn_vault_keyring *keyring,
                             cairn_hash *subjects, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CAIRN_TRY(cairn_cbor_read_hash(reader, "erased", &subjects[i]));
        CAIRN_TRY(check_order(i == 0 ? NULL : &subjects[i - 1], &subjects[i], i));
        if (cairn_vault_keyring_find(keyring, &subjects[i]) != NULL)
            return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, clause,
                              "vault keyring.erased: subject still has a key");
    }
    return CAIRN_OK;
}

static cairn_err decode_erased(cairn_cbor_reader *reader, cairn_vault_keyring *keyring)
{
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_read_array(reader, "erased", 0, CAIRN_VAULT_SUBJECTS_MAX, &count));
    cairn_hash *subjects = calloc(count > 0 ? count : 1, sizeof *subjects);
    if (subjects == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "vault keyring: %zu subjects", count);
    cairn_err err = read_erased(reader, keyring, subjects, count);
    if (err == CAIRN_OK)
        err = merge(keyring, subjects, count, (cairn_vault_entry){.erased = true});
    free(subjects);
    return err;
}

cairn_err cairn_vault_table_decode(cairn_bytes table, cairn_vault_keyring *keyring)
{
    cairn_cbor_reader reader;
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_open(&reader, table, CAIRN_CBOR_STRICT, "vault keyring", clause));
    CAIRN_TRY(cairn_cbor_read_array(&reader, "table", 2, 2, &count));
    CAIRN_TRY(decode_keys(&reader, keyring));
    CAIRN_TRY(decode_erased(&reader, keyring));
    return cairn_cbor_end(&reader);
}

cairn_err cairn_vault_keyring_parse(cairn_bytes file, cairn_vault_keyring_file *ret_file)
{
    cairn_cbor_reader reader;
    cairn_vault_keyring_file parts = {0};
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_open(&reader, file, CAIRN_CBOR_STRICT, "vault keyring", clause));
    CAIRN_TRY(cairn_cbor_read_array(&reader, "file", 5, 5, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&reader, format));
    CAIRN_TRY(cairn_cbor_read_hash(&reader, "vault", &parts.epoch.vault));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "epoch", 1, UINT64_MAX - 1, &parts.epoch.number));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "wrapped", CAIRN_VAULT_WRAPPED_SIZE,
                                    CAIRN_VAULT_WRAPPED_SIZE, &parts.wrapped));
    CAIRN_TRY(
        cairn_cbor_read_bytes(&reader, "table", 1, CAIRN_VAULT_KEYRING_SIZE_MAX, &parts.table));
    CAIRN_TRY(cairn_cbor_end(&reader));
    *ret_file = parts;
    return CAIRN_OK;
}

/* The first four items; `count` is that of the array that they begin. */
static void put_head(cairn_cbor_writer *writer, size_t count, const cairn_vault_epoch *epoch,
                     cairn_bytes wrapped)
{
    cairn_cbor_put_array(writer, count);
    cairn_cbor_put_text(writer, format);
    cairn_cbor_put_hash(writer, &epoch->vault);
    cairn_cbor_put_uint(writer, epoch->number);
    cairn_cbor_put_bytes(writer, wrapped);
}

/* COSE external_aad. */
static cairn_err encode_aad(const cairn_vault_epoch *epoch, cairn_bytes wrapped, uint8_t *out,
                            size_t size, cairn_bytes *ret_aad)
{
    cairn_cbor_writer writer;
    cairn_cbor_writer_init(&writer, out, size);
    put_head(&writer, 4, epoch, wrapped);
    return cairn_cbor_writer_end(&writer, ret_aad);
}

static cairn_err decrypt(cairn_arena *arena, cairn_vault_holder *holder,
                         const cairn_vault_keyring_file *file, cairn_bytes *ret_table)
{
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {0};
    cairn_err err = holder->ops->unwrap(holder, &file->epoch, file->wrapped.data, &key);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                          "vault keyring: its epoch key is not held; is it an old copy?");
    CAIRN_TRY(err);
    uint8_t head[256];
    cairn_bytes aad = {0};
    CAIRN_TRY(encode_aad(&file->epoch, file->wrapped, head, sizeof head, &aad));
    cairn_cose_message message = {0};
    CAIRN_TRY(cairn_cose_decode(file->table, CAIRN_COSE_TAG_ENCRYPT0, CAIRN_CBOR_STRICT, &message));
    if (!message.headers.has_alg || message.headers.alg != ALG_A256GCM)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "vault keyring.table: alg");
    return cairn_cose_decrypt0(arena, &message, cairn_secret_view(&key), aad, ret_table);
}

static cairn_err load(cairn_arena *arena, const char *path, cairn_vault_holder *holder,
                      cairn_vault_keyring *keyring)
{
    cairn_bytes bytes = {0};
    cairn_bytes table = {0};
    cairn_vault_keyring_file file = {0};
    CAIRN_TRY(cairn_file_read(arena, path, CAIRN_VAULT_KEYRING_SIZE_MAX, &bytes));
    CAIRN_TRY(cairn_vault_keyring_parse(bytes, &file));
    CAIRN_TRY(decrypt(arena, holder, &file, &table));
    keyring->epoch = file.epoch;
    cairn_err err = cairn_vault_table_decode(table, keyring);
    cairn_wipe((void *)(uintptr_t)table.data, table.size); /* the arena's, so ours to change */
    return err;
}

cairn_err cairn_vault_keyring_load(const char *path, cairn_vault_holder *holder,
                                   cairn_vault_keyring *keyring)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    cairn_err err = load(&arena, path, holder, keyring);
    if (err != CAIRN_OK)
        cairn_vault_keyring_done(keyring);
    return err;
}

/* The table under a fresh key, as one COSE_Encrypt0. */
static cairn_err encrypt(cairn_arena *arena, const cairn_vault_keyring *keyring, cairn_bytes key,
                         cairn_bytes aad, cairn_bytes *ret_message)
{
    uint8_t iv[VAULT_NONCE_SIZE];
    if (RAND_bytes(iv, sizeof iv) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "vault: no random bytes");
    size_t size = cairn_vault_table_size(keyring);
    uint8_t *table = alloc_secret(size);
    if (table == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "vault keyring: %zu bytes", size);
    cairn_err err = cairn_vault_table_encode(keyring, table, size);
    if (err == CAIRN_OK)
        err = cairn_cose_encrypt0(arena, key, ALG_A256GCM, cairn_bytes_of(iv, sizeof iv), aad,
                                  cairn_bytes_of(table, size), ret_message);
    free_secret(table, size);
    return err;
}

static cairn_err save(cairn_arena *arena, const char *path, cairn_vault_holder *holder,
                      const cairn_vault_keyring *keyring)
{
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {0};
    CAIRN_TRY(cairn_secret_random(&key, CAIRN_VAULT_KEY_SIZE));
    uint8_t bytes[CAIRN_VAULT_WRAPPED_SIZE];
    CAIRN_TRY(holder->ops->wrap(holder, &keyring->epoch, cairn_secret_view(&key), bytes));
    cairn_bytes wrapped = cairn_bytes_of(bytes, sizeof bytes);
    uint8_t head[256];
    cairn_bytes aad = {0};
    cairn_bytes table = {0};
    CAIRN_TRY(encode_aad(&keyring->epoch, wrapped, head, sizeof head, &aad));
    CAIRN_TRY(encrypt(arena, keyring, cairn_secret_view(&key), aad, &table));

    void *memory = NULL;
    size_t size = sizeof head + table.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    cairn_cbor_writer writer;
    cairn_bytes file = {0};
    cairn_cbor_writer_init(&writer, memory, size);
    put_head(&writer, 5, &keyring->epoch, wrapped);
    cairn_cbor_put_bytes(&writer, table);
    CAIRN_TRY(cairn_cbor_writer_end(&writer, &file));
    return cairn_file_replace(path, 0600, file, NULL);
}

cairn_err cairn_vault_keyring_save(const char *path, cairn_vault_holder *holder,
                                   const cairn_vault_keyring *keyring)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    return save(&arena, path, holder, keyring);
}
