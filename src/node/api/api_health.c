/* Is the process alive, and is it of use? */
#include "node/api/api.h"

static void answer_ok(cairn_call *call)
{
    static const cairn_http_field fields[] = {{"Cache-Control", "no-store"}};
    cairn_api_answer(call, 200, "application/json", fields, 1,
                     cairn_bytes_str("{\"status\":\"ok\"}"));
}

void cairn_api_health(cairn_call *call)
{
    cairn_err err = cairn_api_query(call, NULL, 0);
    if (err == CAIRN_OK)
        answer_ok(call);
    else
        cairn_api_refuse(call, err);
}

void cairn_api_readiness(cairn_call *call)
{
    cairn_err err = cairn_api_query(call, NULL, 0);
    if (err == CAIRN_OK)
        err = cairn_node_ready(cairn_api_node(call));
    if (err == CAIRN_OK)
        answer_ok(call);
    else
        cairn_api_refuse(call, err);
}
