/* Serves the console's files to anybody: what they show they ask of the API, as the caller they
 * are.
 */
#include "node/console.h"

#include "node/web_files.h"

static void redirect(cairn_call *call)
{
    static const cairn_http_field location = {"Location", "/console"};
    const cairn_http_response response = {.status = 303, .fields = &location, .field_count = 1};
    cairn_http_respond(call->exchange, &response);
}

static void serve(cairn_call *call)
{
    const cairn_bytes path = call->param_count == 0 ? (cairn_bytes){0} : call->params[0];
    const cairn_http_file *file = cairn_http_files_find(&cairn_web_files, path);
    if (file == NULL)
        cairn_call_not_found(call);
    else
        cairn_http_respond_file(call->exchange, call->request, file);
}

static const cairn_route rows[] = {
    {CAIRN_HTTP_GET, "/", "redirectToConsole", CAIRN_ROUTE_OPEN, NULL, 0, 0, redirect},
    {CAIRN_HTTP_GET, "/console", "getConsole", CAIRN_ROUTE_OPEN, NULL, 0, 0, serve},
    {CAIRN_HTTP_GET, "/console/{file...}", "getConsoleFile", CAIRN_ROUTE_OPEN, NULL, 0, 0, serve},
};
const cairn_route_table cairn_console_routes = {rows, sizeof rows / sizeof rows[0]};
