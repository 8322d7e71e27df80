/* The tables of the node and of its features in one list. */
#include "node/node_routes.h"

#include <stdlib.h>
#include <string.h>

#include "node/api/api.h"
#include "node/auth/oauth.h"
#include "node/console.h"
#include "node/metrics.h"

enum { OWN_TABLES = 3 };

cairn_err cairn_node_route_tables(const cairn_features *features, cairn_route_table **ret_tables,
                                  size_t *ret_count)
{
    cairn_route_table *tables = calloc(features->count + OWN_TABLES, sizeof *tables);
    if (tables == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: routes");
    size_t count = 0;
    tables[count++] = cairn_api_routes;
    tables[count++] = cairn_oauth_routes;
    tables[count++] = cairn_console_routes;
    for (size_t i = 0; i < features->count; i++)
        if (features->list[i]->route_count > 0)
            tables[count++] = (cairn_route_table){.rows = features->list[i]->routes,
                                                  .count = features->list[i]->route_count};
    *ret_tables = tables;
    *ret_count = count;
    return CAIRN_OK;
}

static bool asks_for(const cairn_route_table *table, const char *scope)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].scope != NULL && strcmp(table->rows[i].scope, scope) == 0)
            return true;
    return false;
}

cairn_err cairn_node_scope_check(const cairn_features *features, const char *scope)
{
    cairn_route_table *tables = NULL;
    size_t count = 0;
    bool known =
        strcmp(scope, CAIRN_METRICS_SCOPE) == 0 || strcmp(scope, CAIRN_METRICS_ALL_SCOPE) == 0;
    if (known)
        return CAIRN_OK;
    CAIRN_TRY(cairn_node_route_tables(features, &tables, &count));
    for (size_t i = 0; i < count && !known; i++)
        known = asks_for(&tables[i], scope);
    free(tables);
    return known ? CAIRN_OK
                 : CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "scope: there is no %s", scope);
}
