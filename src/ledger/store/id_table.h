/* Where the block records hold the transactions that consumed their ids: in memory for the blocks
 * that the index does not hold yet. An id is known by its first eight bytes, so what is found is a
 * candidate, to be compared with the record.
 *
 * One writer, no reader beside it. Source: house. */
#ifndef CAIRN_LEDGER_ID_TABLE_H
#define CAIRN_LEDGER_ID_TABLE_H

#include "cairn/bytes.h"

enum {
    CAIRN_ID_PLACE_BITS = 16, /* of the place in its block; the height has the others */
    CAIRN_ID_CANDIDATES_MAX = 16,
};

/* Not zero: no transaction is in block 0. */
typedef struct cairn_id_row {
    uint64_t prefix;
    uint64_t where; /* height << CAIRN_ID_PLACE_BITS | place among the record's transactions */
} cairn_id_row;

typedef struct cairn_id_table {
    cairn_id_row *rows; /* `where` zero: free */
    size_t row_count;   /* a power of two, or 0 */
    size_t used;
} cairn_id_table;

/* What is found: as many as CAIRN_ID_CANDIDATES_MAX ids that begin alike, which nobody can make. */
typedef struct cairn_id_candidates {
    size_t count;
    uint64_t where[CAIRN_ID_CANDIDATES_MAX];
} cairn_id_candidates;

static inline uint64_t cairn_id_prefix(const cairn_hash *id)
{
    return cairn_get_u64(id->b);
}
void cairn_id_candidates_add(cairn_id_candidates *candidates, uint64_t where);

/* A zeroed table is empty. */
void cairn_id_table_done(cairn_id_table *table);

/* Makes room for `more` rows, which adding then cannot lack. NO_MEMORY leaves what is held. */
cairn_err cairn_id_table_reserve(cairn_id_table *table, size_t more) CAIRN_MUST_USE;
void cairn_id_table_add(cairn_id_table *table, uint64_t prefix, uint64_t height, uint64_t place);

/* Adds what is held under `prefix`. */
void cairn_id_table_find(const cairn_id_table *table, uint64_t prefix,
                         cairn_id_candidates *candidates);

/* The rows in order of prefix, then height and place, in memory of the caller's to free. NO_MEMORY.
 */
cairn_err cairn_id_table_sorted(const cairn_id_table *table,
                                cairn_id_row **ret_rows) CAIRN_MUST_USE;
/* The same for rows that lie there. */
void cairn_id_rows_sort(cairn_id_row *rows, size_t count);

#endif
