/* Open addressing by the low bits of the prefix, which is a piece of a hash. */
#include "ledger/store/id_table.h"

#include <stdlib.h>

enum { FIRST_ROWS = 64 };

void cairn_id_candidates_add(cairn_id_candidates *candidates, uint64_t where)
{
    if (candidates->count < CAIRN_ID_CANDIDATES_MAX)
        candidates->where[candidates->count++] = where;
}

void cairn_id_table_done(cairn_id_table *table)
{
    free(table->rows);
    *table = (cairn_id_table){0};
}

static void put(cairn_id_table *table, const cairn_id_row *row)
{
    size_t at = row->prefix & (table->row_count - 1);
    while (table->rows[at].where != 0)
        at = (at + 1) & (table->row_count - 1);
    table->rows[at] = *row;
    table->used++;
}

cairn_err cairn_id_table_reserve(cairn_id_table *table, size_t more)
{
    cairn_id_table grown = {.row_count = table->row_count == 0 ? FIRST_ROWS : table->row_count};
    while ((table->used + more) * 4 > grown.row_count * 3)
        grown.row_count *= 2;
    if (grown.row_count == table->row_count || more == 0)
        return CAIRN_OK;
    grown.rows = calloc(grown.row_count, sizeof grown.rows[0]);
    if (grown.rows == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "store: %zu ids", grown.row_count);
    for (size_t i = 0; i < table->row_count; i++)
        if (table->rows[i].where != 0)
            put(&grown, &table->rows[i]);
    cairn_id_table_done(table);
    *table = grown;
    return CAIRN_OK;
}

void cairn_id_table_add(cairn_id_table *table, uint64_t prefix, uint64_t height, uint64_t place)
{
    CAIRN_ASSERT((table->used + 1) * 4 <= table->row_count * 3);
    CAIRN_ASSERT(height != 0 && height >> (64 - CAIRN_ID_PLACE_BITS) == 0 &&
                 place >> CAIRN_ID_PLACE_BITS == 0);
    put(table, &(cairn_id_row){.prefix = prefix, .where = height << CAIRN_ID_PLACE_BITS | place});
}

void cairn_id_table_find(const cairn_id_table *table, uint64_t prefix,
                         cairn_id_candidates *candidates)
{
    if (table->row_count == 0)
        return;
    for (size_t at = prefix & (table->row_count - 1); table->rows[at].where != 0;
         at = (at + 1) & (table->row_count - 1))
        if (table->rows[at].prefix == prefix)
            cairn_id_candidates_add(candidates, table->rows[at].where);
}

static int compare_rows(const void *a, const void *b)
{
    const cairn_id_row *x = a;
    const cairn_id_row *y = b;
    if (x->prefix != y->prefix)
        return x->prefix < y->prefix ? -1 : 1;
    return x->where < y->where ? -1 : x->where > y->where;
}

void cairn_id_rows_sort(cairn_id_row *rows, size_t count)
{
    qsort(rows, count, sizeof rows[0], compare_rows);
}

cairn_err cairn_id_table_sorted(const cairn_id_table *table, cairn_id_row **ret_rows)
{
    cairn_id_row *rows = malloc((table->used + 1) * sizeof *rows);
    size_t count = 0;
    if (rows == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "store: %zu ids", table->used);
    for (size_t i = 0; i < table->row_count; i++)
        if (table->rows[i].where != 0)
            rows[count++] = table->rows[i];
    cairn_id_rows_sort(rows, count);
    *ret_rows = rows;
    return CAIRN_OK;
}
