/* The file of a list. */
#include "identity/status/status_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cairn/sha256.h"

static const char clause[] = "docs/formats/status-store.md";
static const char magic[] = "cairn/status-list/1\n";
static const char suffix[] = ".list";

enum {
    MAGIC_SIZE = sizeof magic - 1,
    LEAD_SIZE = MAGIC_SIZE + 4 + 32, /* then the head */
    HEAD_SIZE_MAX = 4096,
    PATH_MODE = 0600,
};

/* --- the head as CBOR --- */

#define FIELD(type, name, kind, member, min, max)                                              \
    {                                                                                          \
        name, CAIRN_SCHEMA_##kind, offsetof(type, member), (uint64_t)(min), (max), false, NULL \
    }

static const cairn_schema_field issue_fields[] = {
    FIELD(cairn_status_issue, "form", UINT, form, 1, CAIRN_STATUS_FORM_LAST),
    FIELD(cairn_status_issue, "version", UINT, version, 1, INT64_MAX),
    FIELD(cairn_status_issue, "hash", HASH, hash, 0, 0),
    FIELD(cairn_status_issue, "expires", UINT, expires_ms, 1, INT64_MAX),
    FIELD(cairn_status_issue, "size", UINT, size, 1, CAIRN_STATUS_FORM_SIZE_MAX),
};
static const cairn_schema issue_schema = CAIRN_SCHEMA_OF(cairn_status_issue, issue_fields);

#define HEAD_FIELD(name, kind, member, min, max) \
    FIELD(cairn_status_record, name, kind, member, min, max)
#define ISSUES_FIELD(name, member)                                                                 \
    {                                                                                              \
        name, CAIRN_SCHEMA_LIST, offsetof(cairn_status_record, member), 0, CAIRN_STATUS_FORMS_MAX, \
            false, &issue_schema                                                                   \
    }

static const cairn_schema_field head_fields[] = {
    HEAD_FIELD("ledger", HASH, ledger, 0, 0),
    HEAD_FIELD("org", HASH, org, 0, 0),
    HEAD_FIELD("name", TEXT, name, 1, CAIRN_STATUS_NAME_SIZE_MAX),
    HEAD_FIELD("uri", TEXT, uri, 1, CAIRN_STATUS_URI_SIZE_MAX),
    HEAD_FIELD("format", UINT, format, CAIRN_LIST_BITSTRING, CAIRN_LIST_TOKEN),
    HEAD_FIELD("purpose", TEXT, purpose, 0, CAIRN_STATUS_TEXT_SIZE_MAX),
    HEAD_FIELD("bits", UINT, bits, 1, 8),
    HEAD_FIELD("ttl", UINT, ttl_s, 1, INT64_MAX),
    HEAD_FIELD("life", UINT, life_s, 1, INT64_MAX),
    HEAD_FIELD("changes", UINT, changes, 0, INT64_MAX),
    ISSUES_FIELD("current", current),
    ISSUES_FIELD("pending", pending),
    HEAD_FIELD("entries size", UINT, entries_size, 1, CAIRN_STATUS_FORM_SIZE_MAX),
    HEAD_FIELD("entries", HASH, entries_hash, 0, 0),
    HEAD_FIELD("used size", UINT, used_size, 1, CAIRN_STATUS_FORM_SIZE_MAX),
    HEAD_FIELD("used", HASH, used_hash, 0, 0),
};
static const cairn_schema head_schema = CAIRN_SCHEMA_OF(cairn_status_record, head_fields);

/* --- names --- */

cairn_err cairn_status_name_check(cairn_bytes name)
{
    bool good = name.size >= 1 && name.size <= CAIRN_STATUS_NAME_SIZE_MAX && name.data[0] != '-';
    for (size_t i = 0; good && i < name.size; i++) {
        uint8_t c = name.data[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    }
    return good ? CAIRN_OK
                : CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                             "a list's name is 1 to 64 of a-z, 0-9 and '-', the first no '-'");
}

static cairn_err path_of(const char *directory, cairn_bytes name,
                         char ret_path[CAIRN_PATH_SIZE_MAX])
{
    char file[CAIRN_STATUS_NAME_SIZE_MAX + sizeof suffix];
    CAIRN_TRY(cairn_status_name_check(name));
    (void)snprintf(file, sizeof file, "%.*s%s", (int)name.size, (const char *)name.data, suffix);
    return cairn_path_join(directory, file, ret_path);
}

cairn_err cairn_status_store_lock(const char *directory, int *ret_fd)
{
    int fd = -1;
    CAIRN_TRY(cairn_dir_make(directory, 0700));
    CAIRN_TRY(cairn_dir_lock(directory, true, &fd));
    cairn_err err = cairn_file_sweep(directory);
    if (err != CAIRN_OK) {
        cairn_file_close(fd);
        return err;
    }
    *ret_fd = fd;
    return CAIRN_OK;
}

typedef struct walk {
    cairn_err (*visit)(void *context, cairn_bytes name);
    void *context;
} walk;

static cairn_err visit_file(void *context, const char *file)
{
    const walk *w = context;
    size_t size = strlen(file);
    size_t tail = sizeof suffix - 1;
    if (size <= tail || strcmp(file + size - tail, suffix) != 0 ||
        cairn_status_name_check(cairn_bytes_of(file, size - tail)) != CAIRN_OK)
        return CAIRN_OK;
    return w->visit(w->context, cairn_bytes_of(file, size - tail));
}

cairn_err cairn_status_store_each(const char *directory,
                                  cairn_err (*visit)(void *context, cairn_bytes name),
                                  void *context)
{
    walk w = {visit, context};
    return cairn_dir_each(directory, visit_file, &w);
}

/* --- a new one --- */

static bool is_purpose(cairn_bytes purpose)
{
    static const char *const known[] = {"revocation", "suspension", "message", "refresh"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (cairn_bytes_equal(purpose, cairn_bytes_str(known[i])))
            return true;
    return false;
}

static cairn_err check_kind(const cairn_status_record *like)
{
    bool bitstring = like->format == CAIRN_LIST_BITSTRING;
    if (bitstring != is_purpose(like->purpose))
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "a bitstring, and it alone, has a purpose: revocation, suspension, "
                          "message or refresh");
    if (like->life_s < like->ttl_s || like->life_s > CAIRN_LIST_LIFETIME_MAX_MS / 1000)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "a list lives at least as long as it may be cached, at most 400 days");
    if (like->uri.size == 0 || like->uri.size > CAIRN_STATUS_URI_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "a list's URL has 1 to 512 bytes");
    return CAIRN_OK;
}

cairn_err cairn_status_record_new(cairn_arena *arena, const cairn_status_record *like, size_t count,
                                  cairn_status_record *ret_record)
{
    cairn_status_record record = *like;
    cairn_status_order order =
        like->format == CAIRN_LIST_TOKEN ? CAIRN_STATUS_TOKEN_ORDER : CAIRN_STATUS_BITSTRING_ORDER;
    CAIRN_TRY(cairn_status_name_check(like->name));
    CAIRN_TRY(check_kind(like));
    CAIRN_TRY(cairn_status_list_new(arena, order, (unsigned)like->bits, count, &record.entries));
    if (count == 0 || record.entries.size > CAIRN_STATUS_ENTRIES_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "status list: 1 to %zu entries of %llu bits",
                          (size_t)CAIRN_STATUS_ENTRIES_SIZE_MAX * 8 / (size_t)like->bits,
                          (unsigned long long)like->bits);
    CAIRN_TRY(cairn_status_list_new(arena, CAIRN_STATUS_TOKEN_ORDER, 1,
                                    cairn_status_list_count(&record.entries), &record.used));
    record.changes = 0;
    record.current = record.pending = (cairn_schema_list){0};
    *ret_record = record;
    return CAIRN_OK;
}

/* --- writing --- */

static void hash_of(cairn_bytes bytes, cairn_hash *ret_hash)
{
    cairn_sha256_of(bytes.data, bytes.size, ret_hash);
}

/* Everything behind the lead, in the order of the file. */
typedef struct layout {
    size_t count;
    cairn_bytes parts[3 + 2 * CAIRN_STATUS_FORMS_MAX];
} layout;

static void add_issues(layout *l, const cairn_schema_list *issues)
{
    for (size_t i = 0; i < issues->count; i++)
        l->parts[l->count++] = cairn_status_issues(issues)[i].bytes;
}

static cairn_err lay_out(cairn_arena *arena, cairn_status_record *record, layout *ret_layout)
{
    cairn_bytes entries, used, head;
    layout l = {.count = 3};
    CAIRN_TRY(cairn_status_list_pack(arena, &record->entries, &entries));
    CAIRN_TRY(cairn_status_list_pack(arena, &record->used, &used));
    record->entries_size = entries.size;
    record->used_size = used.size;
    hash_of(entries, &record->entries_hash);
    hash_of(used, &record->used_hash);
    CAIRN_TRY(cairn_schema_encode(arena, &head_schema, record, &head));
    CAIRN_ASSERT(head.size <= HEAD_SIZE_MAX);
    l.parts[0] = head;
    l.parts[1] = entries;
    l.parts[2] = used;
    add_issues(&l, &record->current);
    add_issues(&l, &record->pending);
    *ret_layout = l;
    return CAIRN_OK;
}

static cairn_err encode(cairn_arena *arena, const cairn_status_record *in, cairn_bytes *ret_file)
{
    cairn_status_record record = *in;
    layout l;
    void *memory = NULL;
    cairn_hash hash;
    CAIRN_TRY(lay_out(arena, &record, &l));
    size_t size = LEAD_SIZE;
    for (size_t i = 0; i < l.count; i++)
        size += l.parts[i].size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    uint8_t *out = memory;
    memcpy(out, magic, MAGIC_SIZE);
    for (unsigned i = 0; i < 4; i++)
        out[MAGIC_SIZE + i] = (uint8_t)(l.parts[0].size >> (24 - 8 * i));
    hash_of(l.parts[0], &hash);
    memcpy(out + MAGIC_SIZE + 4, hash.b, sizeof hash.b);
    out += LEAD_SIZE;
    for (size_t i = 0; i < l.count; i++) {
        memcpy(out, l.parts[i].data, l.parts[i].size);
        out += l.parts[i].size;
    }
    *ret_file = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

cairn_err cairn_status_store_save(cairn_arena *arena, const char *directory,
                                  const cairn_status_record *record, bool fresh)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes file;
    CAIRN_TRY(path_of(directory, record->name, path));
    if (fresh && access(path, F_OK) == 0)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "there is a list %.*s already",
                          (int)record->name.size, (const char *)record->name.data);
    CAIRN_TRY(encode(arena, record, &file));
    return cairn_file_replace(path, PATH_MODE, file, NULL);
}

/* --- reading --- */

static cairn_err corrupt(const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "status list: %s", what);
}

/* Exactly `size` bytes at `offset`, in the arena. */
static cairn_err read_part(cairn_arena *arena, int fd, uint64_t offset, size_t size,
                           cairn_bytes *ret_bytes)
{
    void *memory = NULL;
    size_t got = 0;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    CAIRN_TRY(cairn_file_read_at(fd, "status list", offset, memory, size, &got));
    if (got != size)
        return corrupt("ends too early");
    *ret_bytes = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

static cairn_err read_hashed(cairn_arena *arena, int fd, uint64_t offset, uint64_t size,
                             const cairn_hash *want, cairn_bytes *ret_bytes)
{
    cairn_hash hash;
    cairn_bytes bytes;
    CAIRN_TRY(read_part(arena, fd, offset, (size_t)size, &bytes));
    hash_of(bytes, &hash);
    if (!cairn_hash_equal(&hash, want))
        return corrupt("has other bytes than were written");
    *ret_bytes = bytes;
    return CAIRN_OK;
}

/* Where the blobs begin. */
static cairn_err read_head(cairn_arena *arena, int fd, cairn_status_record *ret_head,
                           uint64_t *ret_offset)
{
    cairn_bytes lead, head;
    cairn_hash hash;
    void *record = NULL;
    CAIRN_TRY(read_part(arena, fd, 0, LEAD_SIZE, &lead));
    if (memcmp(lead.data, magic, MAGIC_SIZE) != 0)
        return corrupt("is none, or of another version");
    size_t size = 0;
    for (unsigned i = 0; i < 4; i++)
        size = size << 8 | lead.data[MAGIC_SIZE + i];
    if (size > HEAD_SIZE_MAX)
        return corrupt("head is larger than any");
    memcpy(hash.b, lead.data + MAGIC_SIZE + 4, sizeof hash.b);
    CAIRN_TRY(read_hashed(arena, fd, LEAD_SIZE, size, &hash, &head));
    if (cairn_schema_decode(arena, &head_schema, head, "status list", clause, &record) != CAIRN_OK)
        return corrupt("head does not decode");
    memcpy(ret_head, record, sizeof *ret_head);
    *ret_offset = LEAD_SIZE + size;
    return CAIRN_OK;
}

static cairn_err open_file(const char *directory, cairn_bytes name, int *ret_fd)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(path_of(directory, name, path));
    return cairn_file_open(path, O_RDONLY, 0, ret_fd);
}

static cairn_err read_entries(cairn_arena *arena, int fd, uint64_t *offset,
                              cairn_status_record *record)
{
    cairn_status_order order = record->format == CAIRN_LIST_TOKEN ? CAIRN_STATUS_TOKEN_ORDER
                                                                  : CAIRN_STATUS_BITSTRING_ORDER;
    cairn_bytes entries, used;
    CAIRN_TRY(
        read_hashed(arena, fd, *offset, record->entries_size, &record->entries_hash, &entries));
    CAIRN_TRY(read_hashed(arena, fd, *offset + record->entries_size, record->used_size,
                          &record->used_hash, &used));
    *offset += record->entries_size + record->used_size;
    CAIRN_TRY(
        cairn_status_list_unpack(arena, order, (unsigned)record->bits, entries, &record->entries));
    CAIRN_TRY(cairn_status_list_unpack(arena, CAIRN_STATUS_TOKEN_ORDER, 1, used, &record->used));
    if (cairn_status_list_count(&record->used) < cairn_status_list_count(&record->entries))
        return corrupt("knows not of all its entries whether they are given out");
    return CAIRN_OK;
}

static cairn_err read_issues(cairn_arena *arena, int fd, uint64_t *offset, cairn_schema_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        cairn_status_issue *issue = &cairn_status_issues(list)[i];
        CAIRN_TRY(read_hashed(arena, fd, *offset, issue->size, &issue->hash, &issue->bytes));
        *offset += issue->size;
    }
    return CAIRN_OK;
}

static cairn_err read_all(cairn_arena *arena, int fd, cairn_status_record *ret_record)
{
    uint64_t offset = 0;
    uint64_t size = 0;
    CAIRN_TRY(read_head(arena, fd, ret_record, &offset));
    CAIRN_TRY(read_entries(arena, fd, &offset, ret_record));
    CAIRN_TRY(read_issues(arena, fd, &offset, &ret_record->current));
    CAIRN_TRY(read_issues(arena, fd, &offset, &ret_record->pending));
    CAIRN_TRY(cairn_file_size(fd, "status list", &size));
    return size == offset ? CAIRN_OK : corrupt("goes on after its end");
}

/* A file under another name was put there by somebody. */
static cairn_err check_name(const cairn_status_record *record, cairn_bytes name)
{
    return cairn_bytes_equal(record->name, name) ? CAIRN_OK : corrupt("is another one by name");
}

cairn_err cairn_status_store_load(cairn_arena *arena, const char *directory, cairn_bytes name,
                                  cairn_status_record *ret_record)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    cairn_status_record record;
    CAIRN_TRY(open_file(directory, name, &fd));
    CAIRN_TRY(read_all(arena, fd, &record));
    CAIRN_TRY(check_name(&record, name));
    *ret_record = record;
    return CAIRN_OK;
}

cairn_err cairn_status_store_open(cairn_arena *arena, const char *directory, cairn_bytes name,
                                  cairn_status_record *ret_head, int *ret_fd)
{
    int fd = -1;
    uint64_t offset = 0;
    cairn_status_record head;
    CAIRN_TRY(open_file(directory, name, &fd));
    cairn_err err = read_head(arena, fd, &head, &offset);
    if (err == CAIRN_OK)
        err = check_name(&head, name);
    if (err != CAIRN_OK) {
        cairn_file_close(fd);
        return err;
    }
    head.body_offset = offset;
    *ret_head = head;
    *ret_fd = fd;
    return CAIRN_OK;
}

/* Counts up to `wanted`; false when it is of another list. */
static bool find_issue(const cairn_schema_list *list, const cairn_status_issue *wanted,
                       uint64_t *offset)
{
    for (size_t i = 0; i < list->count; i++) {
        if (&cairn_status_issues(list)[i] == wanted)
            return true;
        *offset += cairn_status_issues(list)[i].size;
    }
    return false;
}

cairn_err cairn_status_store_issue(cairn_arena *arena, int fd, const cairn_status_record *head,
                                   const cairn_status_issue *issue, cairn_bytes *ret_bytes)
{
    uint64_t offset = head->body_offset + head->entries_size + head->used_size;
    if (!find_issue(&head->current, issue, &offset))
        CAIRN_ASSERT(find_issue(&head->pending, issue, &offset));
    return read_hashed(arena, fd, offset, issue->size, &issue->hash, ret_bytes);
}
