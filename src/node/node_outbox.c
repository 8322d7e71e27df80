/* Options to a transport. */
#include "node/node_outbox.h"

#include <stdlib.h>

#include "core/limits.h"

enum { ALLOWED_MAX = 64, NETWORK_SIZE_MAX = 49 };

static const cairn_config_option rows[] = {
    {"outbox.threads", CAIRN_UNIT_COUNT, 1, CAIRN_OUTBOX_IN_FLIGHT_MAX, "32",
     "Calls to others at a time."},
    {"outbox.timeout", CAIRN_UNIT_DURATION, 100, 600000, "10s", "Time for one of them."},
    {"outbox.ca_file", CAIRN_UNIT_TEXT, 0, 1024, "",
     "PEM file of the only roots by which others are known; the system's if empty."},
    {"outbox.allowed", CAIRN_UNIT_TEXT, 0, 1024, "",
     "Networks beside the public addresses that may be called, such as 10.1.0.0/16, with blanks "
     "between."},
};
const cairn_config_table cairn_node_outbox_options = {.rows = rows,
                                                      .count = sizeof rows / sizeof rows[0]};

struct cairn_node_outbox {
    cairn_network allowed[ALLOWED_MAX];
    size_t allowed_count;
    cairn_callback_secrets *secrets;
    cairn_outbox_http *http;
};

static cairn_err read_network(cairn_node_outbox *outbox, const char *text, size_t size)
{
    char one[NETWORK_SIZE_MAX + 1] = {0};
    if (outbox->allowed_count == ALLOWED_MAX)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house",
                          "cairn.yaml: outbox.allowed: more than %d networks", ALLOWED_MAX);
    if (size < sizeof one)
        memcpy(one, text, size);
    if (cairn_network_parse(one, &outbox->allowed[outbox->allowed_count]) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house",
                          "cairn.yaml: outbox.allowed: %.*s is no network", (int)size, text);
    outbox->allowed_count++;
    return CAIRN_OK;
}

static cairn_err read_allowed(cairn_node_outbox *outbox, const char *text)
{
    for (const char *at = text + strspn(text, " "); *at != '\0'; at += strspn(at, " ")) {
        size_t size = strcspn(at, " ");
        CAIRN_TRY(read_network(outbox, at, size));
        at += size;
    }
    return CAIRN_OK;
}

cairn_err cairn_node_outbox_new(const cairn_config *config, const cairn_clock *clock,
                                cairn_signer *signer, cairn_vault *vault,
                                cairn_node_outbox **ret_outbox)
{
    CAIRN_CLEANUP(cairn_node_outbox_free_p) cairn_node_outbox *outbox = calloc(1, sizeof *outbox);
    if (outbox == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: outbox");
    const char *ca_file = cairn_config_text(config, "outbox.ca_file");
    CAIRN_TRY(read_allowed(outbox, cairn_config_text(config, "outbox.allowed")));
    CAIRN_TRY(cairn_callback_secrets_new(vault, &outbox->secrets));
    const cairn_outbox_http_options options = {
        .clock = *clock,
        .thread_count = (unsigned)cairn_config_u64(config, "outbox.threads"),
        .timeout_ms = (uint32_t)cairn_config_u64(config, "outbox.timeout"),
        .ca_file = ca_file[0] == '\0' ? NULL : ca_file,
        .allowed = outbox->allowed,
        .allowed_count = outbox->allowed_count,
        .signer = signer,
        .find_secret = cairn_callback_secrets_find,
        .secret_context = outbox->secrets};
    CAIRN_TRY(cairn_outbox_http_new(&options, &outbox->http));
    *ret_outbox = CAIRN_STEAL(outbox);
    return CAIRN_OK;
}

void cairn_node_outbox_free(cairn_node_outbox *outbox)
{
    if (outbox == NULL)
        return;
    cairn_outbox_http_free(outbox->http);
    cairn_callback_secrets_free(outbox->secrets);
    free(outbox);
}

cairn_callback_secrets *cairn_node_outbox_secrets(const cairn_node_outbox *outbox)
{
    return outbox->secrets;
}

const cairn_outbox_transport *cairn_node_outbox_transport(const cairn_node_outbox *outbox)
{
    return cairn_outbox_http_transport(outbox->http);
}

const cairn_network *cairn_node_outbox_allowed(const cairn_node_outbox *outbox, size_t *ret_count)
{
    *ret_count = outbox->allowed_count;
    return outbox->allowed;
}
