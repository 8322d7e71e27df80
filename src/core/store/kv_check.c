/* The structure of an LMDB file, page by page. */
#include "core/store/kv_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/store/file.h"

static const char clause[] = "liblmdb 0.9.24";

enum {
    VERSION = 1,
    PAGE_HEADER_SIZE = 16,
    NODE_HEADER_SIZE = 8,
    DB_SIZE = 48,
    PAGE_SIZE_MIN = 512,
    PAGE_SIZE_MAX = 32768, /* what fits the 16-bit offsets in a page */
    DEPTH_MAX = 32,        /* of liblmdb's cursors */
    FIRST_PAGE = 2,        /* behind the two meta pages */
    /* Pages that may lie behind the end of the file: what was allocated and freed in one
     * transaction is never written. A house transaction has far fewer. */
    UNWRITTEN_MAX = 1 << 20,

    PAGE_BRANCH = 0x01,
    PAGE_LEAF = 0x02,
    PAGE_OVERFLOW = 0x04,
    PAGE_META = 0x08,

    NODE_BIG = 0x01, /* the value lies on overflow pages */
    NODE_SUB = 0x02, /* the value is a tree */

    DB_INTEGER_KEY = 0x08,
    ENV_NO_SUBDIR = 0x4000, /* the tree of free pages keeps flags of the environment */
};

#define MAGIC 0xbeefc0deu
#define NO_PAGE UINT64_MAX

/* struct MDB_db */
typedef struct tree {
    uint32_t pad; /* the page size, in the tree of free pages of a meta page */
    uint16_t flags;
    uint16_t depth;
    uint64_t branch_pages;
    uint64_t leaf_pages;
    uint64_t overflow_pages;
    uint64_t entries;
    uint64_t root;
} tree;
_Static_assert(sizeof(tree) == DB_SIZE, "struct MDB_db");

/* struct MDB_page with struct MDB_meta in it */
typedef struct meta {
    uint64_t number;
    uint16_t pad;
    uint16_t flags;
    uint32_t bounds;
    uint32_t magic;
    uint32_t version;
    uint64_t address;
    uint64_t map_size;
    tree trees[2]; /* of free pages, of named trees */
    uint64_t last_page;
    uint64_t txn;
} meta;

/* struct MDB_page */
typedef struct page_header {
    uint64_t number;
    uint16_t pad;
    uint16_t flags;
    uint16_t lower;
    uint16_t upper;
} page_header;

/* struct MDB_node; `low`, `high` and `flags` are a page number in a branch, else a size. */
typedef struct node_header {
    uint16_t low;
    uint16_t high;
    uint16_t flags;
    uint16_t key_size;
} node_header;

typedef struct check {
    const char *name;
    const uint8_t *file;
    uint64_t size;
    uint64_t page_size;
    meta meta;
    uint8_t *seen; /* a bit for each page up to the last */
} check;

/* Counted while a tree is walked. */
typedef struct totals {
    uint64_t branch_pages, leaf_pages, overflow_pages, entries;
} totals;

/* Which tree a leaf belongs to says what its values are. */
typedef enum tree_kind { TREE_FREE, TREE_MAIN, TREE_NAMED } tree_kind;

static cairn_err walk_tree(check *c, const tree *t, tree_kind kind);

static cairn_err corrupt(const check *c, uint64_t page, const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "kv: %s, page %" PRIu64 ": %s", c->name, page,
                      what);
}

/* Marks `count` pages from `page` as used. */
static cairn_err claim(check *c, uint64_t page, uint64_t count)
{
    if (page < FIRST_PAGE || page > c->meta.last_page || count > c->meta.last_page - page + 1)
        return corrupt(c, page, "lies behind the last page");
    for (uint64_t i = page; i < page + count; i++) {
        uint8_t bit = (uint8_t)(1u << (i % 8));
        if ((c->seen[i / 8] & bit) != 0)
            return corrupt(c, i, "is used twice");
        c->seen[i / 8] |= bit;
    }
    return CAIRN_OK;
}

/* Claims the page and gives its bytes. */
static cairn_err take_page(check *c, uint64_t page, const uint8_t **ret_bytes)
{
    page_header header;
    CAIRN_TRY(claim(c, page, 1));
    if ((page + 1) * c->page_size > c->size)
        return corrupt(c, page, "lies behind the end of the file");
    memcpy(&header, c->file + page * c->page_size, sizeof header);
    if (header.number != page)
        return corrupt(c, page, "has another number");
    *ret_bytes = c->file + page * c->page_size;
    return CAIRN_OK;
}

/* --- values --- */

/* A list of free pages: its length, then the numbers. */
static cairn_err check_free_list(check *c, uint64_t page, cairn_bytes value)
{
    uint64_t count;
    if (value.size < sizeof count)
        return corrupt(c, page, "holds a list of free pages that is too short");
    memcpy(&count, value.data, sizeof count);
    if (count > value.size / sizeof count - 1)
        return corrupt(c, page, "holds a list of free pages that is longer than its room");
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t free_page;
        memcpy(&free_page, value.data + i * sizeof free_page, sizeof free_page);
        CAIRN_TRY(claim(c, free_page, 1));
    }
    return CAIRN_OK;
}

static cairn_err check_value(check *c, uint64_t page, tree_kind kind, unsigned flags,
                             cairn_bytes value)
{
    tree named;
    if (kind == TREE_FREE)
        return check_free_list(c, page, value);
    if (kind == TREE_NAMED)
        return CAIRN_OK;
    if ((flags & NODE_SUB) == 0 || value.size != sizeof named)
        return corrupt(c, page, "holds something else than a tree");
    memcpy(&named, value.data, sizeof named);
    return walk_tree(c, &named, TREE_NAMED);
}

/* The value of a node, on the page or on its overflow pages. */
static cairn_err find_value(check *c, uint64_t page, unsigned flags, cairn_bytes place, size_t size,
                            totals *sum, cairn_bytes *ret_value)
{
    uint64_t first;
    uint32_t count;
    page_header header;
    const uint8_t *bytes = NULL;
    if ((flags & NODE_BIG) == 0) {
        if (size > place.size)
            return corrupt(c, page, "has a value that leaves it");
        *ret_value = cairn_bytes_of(place.data, size);
        return CAIRN_OK;
    }
    if (place.size < sizeof first)
        return corrupt(c, page, "has a node that leaves it");
    memcpy(&first, place.data, sizeof first);
    CAIRN_TRY(take_page(c, first, &bytes));
    memcpy(&header, bytes, sizeof header);
    memcpy(&count, bytes + offsetof(page_header, lower), sizeof count);
    if (header.flags != PAGE_OVERFLOW ||
        count < (PAGE_HEADER_SIZE + size + c->page_size - 1) / c->page_size)
        return corrupt(c, first, "is not the value that a node needs");
    if (count > 1)
        CAIRN_TRY(claim(c, first + 1, count - 1));
    if ((first + count) * c->page_size > c->size)
        return corrupt(c, first, "lies behind the end of the file");
    sum->overflow_pages += count;
    *ret_value = cairn_bytes_of(bytes + PAGE_HEADER_SIZE, size);
    return CAIRN_OK;
}

/* --- nodes and pages --- */

static cairn_err walk_page(check *c, uint64_t page, unsigned levels, tree_kind kind, totals *sum);

static cairn_err check_leaf_node(check *c, uint64_t page, tree_kind kind, const node_header *node,
                                 cairn_bytes rest, totals *sum)
{
    cairn_bytes value = {0};
    size_t size = node->low | (size_t)node->high << 16;
    unsigned allowed = kind == TREE_MAIN ? NODE_SUB : NODE_BIG;
    if ((node->flags & ~allowed) != 0 || (kind == TREE_FREE && node->key_size != sizeof(uint64_t)))
        return corrupt(c, page, "has a node of another kind");
    if (node->key_size == 0)
        return corrupt(c, page, "has a node without a key");
    CAIRN_TRY(find_value(c, page, node->flags, rest, size, sum, &value));
    sum->entries++;
    return check_value(c, page, kind, node->flags, value);
}

static cairn_err check_node(check *c, uint64_t page, const uint8_t *bytes, unsigned offset,
                            unsigned levels, tree_kind kind, totals *sum)
{
    node_header node;
    if (offset % 2 != 0 || offset + NODE_HEADER_SIZE > c->page_size)
        return corrupt(c, page, "has a node that leaves it");
    memcpy(&node, bytes + offset, sizeof node);
    size_t start = offset + NODE_HEADER_SIZE + (size_t)node.key_size;
    if (start > c->page_size)
        return corrupt(c, page, "has a key that leaves it");
    if (levels == 1)
        return check_leaf_node(c, page, kind, &node,
                               cairn_bytes_of(bytes + start, c->page_size - start), sum);
    uint64_t child = node.low | (uint64_t)node.high << 16 | (uint64_t)node.flags << 32;
    return walk_page(c, child, levels - 1, kind, sum);
}

/* A page `levels` above the bottom of its tree: 1 is a leaf. */
static cairn_err walk_page(check *c, uint64_t page, unsigned levels, tree_kind kind, totals *sum)
{
    page_header header;
    const uint8_t *bytes = NULL;
    CAIRN_TRY(take_page(c, page, &bytes));
    memcpy(&header, bytes, sizeof header);
    if (header.flags != (levels == 1 ? PAGE_LEAF : PAGE_BRANCH))
        return corrupt(c, page, "is of another kind than its place needs");
    if (header.lower < PAGE_HEADER_SIZE || header.lower % 2 != 0 || header.lower > header.upper ||
        header.upper > c->page_size)
        return corrupt(c, page, "has bounds outside it");
    unsigned count = (header.lower - (unsigned)PAGE_HEADER_SIZE) / 2;
    if (count < (levels == 1 ? 1u : 2u))
        return corrupt(c, page, "has too few nodes");
    *(levels == 1 ? &sum->leaf_pages : &sum->branch_pages) += 1;
    for (unsigned i = 0; i < count; i++) {
        uint16_t offset;
        memcpy(&offset, bytes + PAGE_HEADER_SIZE + 2 * i, sizeof offset);
        if (offset < header.upper)
            return corrupt(c, page, "has a node outside its bounds");
        CAIRN_TRY(check_node(c, page, bytes, offset, levels, kind, sum));
    }
    return CAIRN_OK;
}

static cairn_err walk_tree(check *c, const tree *t, tree_kind kind)
{
    totals sum = {0};
    unsigned flags = t->flags & ~(kind == TREE_FREE ? (unsigned)ENV_NO_SUBDIR : 0u);
    if (flags != (kind == TREE_FREE ? (unsigned)DB_INTEGER_KEY : 0u) || t->depth > DEPTH_MAX ||
        (t->root == NO_PAGE) != (t->depth == 0))
        return corrupt(c, t->root, "is the root of a tree of another shape");
    if (t->root != NO_PAGE)
        CAIRN_TRY(walk_page(c, t->root, t->depth, kind, &sum));
    if (sum.branch_pages != t->branch_pages || sum.leaf_pages != t->leaf_pages ||
        sum.overflow_pages != t->overflow_pages || sum.entries != t->entries)
        return corrupt(c, t->root, "is the root of a tree of another size");
    return CAIRN_OK;
}

/* --- meta pages --- */

static cairn_err check_meta(const check *c, const meta *m, uint64_t page)
{
    uint64_t page_size = m->trees[0].pad;
    if (m->flags != PAGE_META || m->number != page || m->magic != MAGIC || m->version != VERSION)
        return corrupt(c, page, "is not a meta page");
    if (page_size < PAGE_SIZE_MIN || page_size > PAGE_SIZE_MAX ||
        (page_size & (page_size - 1)) != 0)
        return corrupt(c, page, "names an impossible page size");
    if (m->last_page < FIRST_PAGE - 1)
        return corrupt(c, page, "names an impossible last page");
    return CAIRN_OK;
}

/* Both must be sound, since liblmdb writes the older one next; the newer one counts. */
static cairn_err choose_meta(check *c)
{
    meta metas[2];
    if (c->size < sizeof metas[0])
        return corrupt(c, 0, "lies behind the end of the file");
    memcpy(&metas[0], c->file, sizeof metas[0]);
    CAIRN_TRY(check_meta(c, &metas[0], 0));
    c->page_size = metas[0].trees[0].pad;
    if (c->size < 2 * c->page_size)
        return corrupt(c, 1, "lies behind the end of the file");
    memcpy(&metas[1], c->file + c->page_size, sizeof metas[1]);
    CAIRN_TRY(check_meta(c, &metas[1], 1));
    if (metas[1].trees[0].pad != c->page_size)
        return corrupt(c, 1, "names another page size");
    c->meta = metas[metas[0].txn < metas[1].txn];
    if (c->meta.last_page > c->size / c->page_size + UNWRITTEN_MAX)
        return corrupt(c, c->meta.number, "names an impossible last page");
    return CAIRN_OK;
}

static cairn_err check_all(check *c)
{
    CAIRN_TRY(choose_meta(c));
    c->seen = calloc((size_t)(c->meta.last_page / 8) + 1, 1);
    if (c->seen == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "kv: check of %" PRIu64 " pages",
                          c->meta.last_page);
    cairn_err err = walk_tree(c, &c->meta.trees[1], TREE_MAIN);
    if (err == CAIRN_OK)
        err = walk_tree(c, &c->meta.trees[0], TREE_FREE);
    free(c->seen);
    return err;
}

cairn_err cairn_kv_check(int fd, const char *name)
{
    check c = {.name = name};
    CAIRN_TRY(cairn_file_size(fd, name, &c.size));
    if (c.size == 0)
        return corrupt(&c, 0, "lies behind the end of the file");
    void *file = mmap(NULL, (size_t)c.size, PROT_READ, MAP_SHARED, fd, 0);
    if (file == MAP_FAILED)
        return cairn_err_from_errno(errno, "kv: map for the check");
    c.file = file;
    cairn_err err = check_all(&c);
    (void)munmap(file, (size_t)c.size);
    return err;
}
