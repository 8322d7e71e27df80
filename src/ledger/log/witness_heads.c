/* The last heads of a witness and the file that keeps them. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "core/store/file.h"
#include "ledger/log/lines.h"
#include "ledger/log/witness.h"

#define CLAUSE "docs/formats/log.md, witness heads"
#define MAGIC "cairn-witness/1\n"

enum {
    /* size, root and origin with their separators */
    LINE_SIZE_MAX = 20 + 1 + 44 + 1 + CAIRN_NOTE_NAME_SIZE_MAX + 1,
    CHECKSUM_LINE_SIZE = 45,
    FILE_SIZE_MAX = sizeof MAGIC + CAIRN_WITNESS_LOGS_MAX * LINE_SIZE_MAX + CHECKSUM_LINE_SIZE,
};

typedef struct entry {
    size_t origin_size;
    uint8_t origin[CAIRN_NOTE_NAME_SIZE_MAX];
    cairn_witness_head head;
} entry;

struct cairn_witness {
    pthread_mutex_t mutex; /* guards all below */
    bool failed;           /* the disk refused: what it holds is not known */
    int lock_fd;
    size_t count;
    entry entries[CAIRN_WITNESS_LOGS_MAX]; /* by origin, bytewise */
    char path[CAIRN_PATH_SIZE_MAX];
};

static cairn_bytes origin_of(const entry *e)
{
    return cairn_bytes_of(e->origin, e->origin_size);
}

/* Place of `origin`, or where it would be put in. */
static size_t find(const cairn_witness *witness, cairn_bytes origin, bool *ret_found)
{
    size_t low = 0, high = witness->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (cairn_bytes_compare(origin_of(&witness->entries[middle]), origin) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found =
        low < witness->count && cairn_bytes_equal(origin_of(&witness->entries[low]), origin);
    return low;
}

static void insert(cairn_witness *witness, size_t at, cairn_bytes origin)
{
    memmove(&witness->entries[at + 1], &witness->entries[at],
            (witness->count - at) * sizeof witness->entries[0]);
    witness->count++;
    witness->entries[at].origin_size = origin.size;
    memcpy(witness->entries[at].origin, origin.data, origin.size);
}

static cairn_err format_entry(cairn_arena *arena, const entry *e, cairn_bytes *ret_line)
{
    char root[64];
    cairn_base64_encode(cairn_bytes_hash(&e->head.root), root);
    return cairn_lines_format(arena, ret_line, "%llu %s %.*s\n", (unsigned long long)e->head.size,
                              root, (int)e->origin_size, (const char *)e->origin);
}

static cairn_err format_heads(cairn_arena *arena, const cairn_witness *witness,
                              cairn_bytes *ret_file)
{
    void *memory = NULL;
    char base64[64];
    cairn_hash checksum;
    CAIRN_TRY(cairn_arena_array(arena, witness->count + 1, sizeof(cairn_bytes), &memory));
    cairn_bytes *lines = memory;
    lines[0] = cairn_bytes_str(MAGIC);
    for (size_t i = 0; i < witness->count; i++)
        CAIRN_TRY(format_entry(arena, &witness->entries[i], &lines[i + 1]));
    cairn_bytes parts[2];
    CAIRN_TRY(cairn_lines_concat(arena, lines, witness->count + 1, &parts[0]));
    cairn_sha256_of(parts[0].data, parts[0].size, &checksum);
    cairn_base64_encode(cairn_bytes_hash(&checksum), base64);
    CAIRN_TRY(cairn_lines_format(arena, &parts[1], "%s\n", base64));
    return cairn_lines_concat(arena, parts, 2, ret_file);
}

static cairn_err save(const cairn_witness *witness)
{
    cairn_arena arena;
    cairn_bytes file;
    cairn_arena_init(&arena, 8 * (size_t)FILE_SIZE_MAX);
    cairn_err err = format_heads(&arena, witness, &file);
    if (err == CAIRN_OK)
        err = cairn_file_replace(witness->path, 0600, file, NULL);
    cairn_arena_done(&arena);
    return err;
}

static bool parse_entry(cairn_bytes line, cairn_witness *witness)
{
    cairn_witness_head head;
    cairn_bytes size, origin;
    bool found = false;
    const uint8_t *space = line.size > 0 ? memchr(line.data, ' ', line.size) : NULL;
    if (space == NULL || witness->count == CAIRN_WITNESS_LOGS_MAX)
        return false;
    size = cairn_bytes_of(line.data, (size_t)(space - line.data));
    line = cairn_bytes_of(space + 1, line.size - size.size - 1);
    if (line.size < 46 || line.data[44] != ' ' || line.size - 45 > CAIRN_NOTE_NAME_SIZE_MAX)
        return false;
    origin = cairn_bytes_of(line.data + 45, line.size - 45);
    if (!cairn_lines_decimal(size, &head.size) ||
        !cairn_lines_hash(cairn_bytes_of(line.data, 44), &head.root))
        return false;
    size_t at = find(witness, origin, &found);
    if (found || at != witness->count)
        return false;
    insert(witness, at, origin);
    witness->entries[at].head = head;
    return true;
}

static cairn_err parse_heads(cairn_bytes file, cairn_witness *witness)
{
    cairn_hash want, got;
    cairn_bytes line, rest;
    size_t size = file.size - CHECKSUM_LINE_SIZE;
    if (file.size < CHECKSUM_LINE_SIZE + strlen(MAGIC) || file.data[file.size - 1] != '\n' ||
        !cairn_lines_hash(cairn_bytes_of(file.data + size, CHECKSUM_LINE_SIZE - 1), &want))
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, CLAUSE, "witness.heads: %zu bytes without a checksum",
                          file.size);
    cairn_sha256_of(file.data, size, &got);
    if (!cairn_hash_equal(&got, &want))
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, CLAUSE, "witness.heads: checksum differs");
    rest = cairn_bytes_of(file.data, size);
    if (!cairn_lines_take_word(&rest, MAGIC))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VERSION, CLAUSE, "witness.heads: another version");
    while (rest.size > 0) {
        if (!cairn_lines_take(&rest, &line) || !parse_entry(line, witness))
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, CLAUSE, "witness.heads: line %zu is not valid",
                              witness->count + 2);
    }
    return CAIRN_OK;
}

static cairn_err load(cairn_witness *witness, bool create)
{
    cairn_arena arena;
    cairn_bytes file;
    cairn_arena_init(&arena, 2 * (size_t)FILE_SIZE_MAX);
    cairn_err err = cairn_file_read(&arena, witness->path, FILE_SIZE_MAX, &file);
    if (err == CAIRN_OK)
        err = parse_heads(file, witness);
    else if (err == CAIRN_ERR_NOT_FOUND && create)
        err = CAIRN_OK;
    cairn_arena_done(&arena);
    return err;
}

cairn_err cairn_witness_open(const char *directory, bool create, cairn_witness **ret_witness)
{
    CAIRN_CLEANUP(cairn_witness_free_p) cairn_witness *witness = calloc(1, sizeof *witness);
    if (witness == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "witness: %zu bytes", sizeof *witness);
    witness->lock_fd = -1;
    CAIRN_ASSERT(pthread_mutex_init(&witness->mutex, NULL) == 0);
    CAIRN_TRY(cairn_path_join(directory, "heads", witness->path));
    CAIRN_TRY(cairn_dir_lock(directory, true, &witness->lock_fd));
    CAIRN_TRY(load(witness, create));
    /* What was read may be in the page cache alone, if a process died between rename and sync. */
    CAIRN_TRY(save(witness));
    *ret_witness = CAIRN_STEAL(witness);
    return CAIRN_OK;
}

void cairn_witness_free(cairn_witness *witness)
{
    if (witness == NULL)
        return;
    cairn_file_close(witness->lock_fd);
    (void)pthread_mutex_destroy(&witness->mutex);
    free(witness);
}

static cairn_witness_head head_at(const cairn_witness *witness, size_t at, bool found)
{
    return found ? witness->entries[at].head
                 : (cairn_witness_head){.size = 0, .root = cairn_merkle_empty_root};
}

void cairn_witness_head_of(cairn_witness *witness, cairn_bytes origin, cairn_witness_head *ret_head)
{
    bool found = false;
    CAIRN_ASSERT(pthread_mutex_lock(&witness->mutex) == 0);
    size_t at = find(witness, origin, &found);
    *ret_head = head_at(witness, at, found);
    CAIRN_ASSERT(pthread_mutex_unlock(&witness->mutex) == 0);
}

/* Records a new head and makes it durable; the memory then holds what the disk may hold. */
static cairn_err advance(cairn_witness *witness, size_t at, bool found, cairn_bytes origin,
                         const cairn_witness_head *head)
{
    if (!found && witness->count == CAIRN_WITNESS_LOGS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "witness.logs: more than %d",
                          CAIRN_WITNESS_LOGS_MAX);
    if (!found)
        insert(witness, at, origin);
    witness->entries[at].head = *head;
    cairn_err err = save(witness);
    witness->failed = err != CAIRN_OK;
    return err;
}

static cairn_err submit(cairn_witness *witness, const cairn_witness_log *log,
                        const cairn_witness_request *request, cairn_witness_status *ret_status,
                        cairn_witness_head *ret_head)
{
    const cairn_checkpoint *new = &request->checkpoint;
    cairn_witness_status status;
    bool found = false;
    if (witness->failed)
        return CAIRN_FAIL(CAIRN_ERR_READ_ONLY, "house", "witness: its disk has failed");
    size_t at = find(witness, new->origin, &found);
    cairn_witness_head head = head_at(witness, at, found);
    CAIRN_TRY(cairn_witness_judge(log, &head, request, &status));
    if (status == CAIRN_WITNESS_COSIGN && (!found || new->size != head.size)) {
        head = (cairn_witness_head){.size = new->size, .root = new->root};
        CAIRN_TRY(advance(witness, at, found, new->origin, &head));
    }
    *ret_status = status;
    *ret_head = head;
    return CAIRN_OK;
}

cairn_err cairn_witness_submit(cairn_witness *witness, const cairn_witness_log *log,
                               const cairn_witness_request *request,
                               cairn_witness_status *ret_status, cairn_witness_head *ret_head)
{
    CAIRN_ASSERT(pthread_mutex_lock(&witness->mutex) == 0);
    cairn_err err = submit(witness, log, request, ret_status, ret_head);
    CAIRN_ASSERT(pthread_mutex_unlock(&witness->mutex) == 0);
    return err;
}
