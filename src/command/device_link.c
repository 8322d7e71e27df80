/* POST {url}/fdo/101/msg/{type}, and what comes back. [X1353-R41] */
#include "command/device_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/net/http_client.h"
#include "core/store/file.h"

static const char clause[] = "FDO 1.1, 4.3";

static cairn_err take_token(const cairn_http_reply *reply, char token[CAIRN_FDO_CLIENT_TOKEN_SIZE])
{
    cairn_bytes value;
    if (!cairn_http_reply_header(reply, "Authorization", &value))
        return CAIRN_OK;
    if (value.size >= CAIRN_FDO_CLIENT_TOKEN_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "token: %zu bytes", value.size);
    memcpy(token, value.data, value.size);
    token[value.size] = '\0';
    return CAIRN_OK;
}

/* 200 with the type in a field, or 500 with message 255; anything else is no FDO service. */
static cairn_err take_type(const cairn_http_reply *reply, uint8_t *ret_type)
{
    cairn_bytes value;
    char text[4] = "";
    char *end = text;
    if (reply->status != 200 && reply->status != 500)
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, clause, "service: HTTP %d", reply->status);
    if (strcasecmp(reply->content_type, "application/cbor") != 0)
        return CAIRN_FAIL(CAIRN_ERR_MEDIA_TYPE, clause, "service: not application/cbor");
    *ret_type = CAIRN_FDO_ERROR;
    if (reply->status == 500)
        return CAIRN_OK;
    if (cairn_http_reply_header(reply, "Message-Type", &value) && value.size < sizeof text) {
        memcpy(text, value.data, value.size);
        unsigned long type = strtoul(text, &end, 10);
        if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && type <= UINT8_MAX) {
            *ret_type = (uint8_t)type;
            return CAIRN_OK;
        }
    }
    return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause, "service: no Message-Type");
}

static cairn_err take_reply(const cairn_http_reply *reply, char token[CAIRN_FDO_CLIENT_TOKEN_SIZE],
                            uint8_t *buffer, uint8_t *ret_type, size_t *ret_size)
{
    CAIRN_TRY(take_type(reply, ret_type));
    CAIRN_TRY(take_token(reply, token));
    if (reply->body.size != 0)
        memcpy(buffer, reply->body.data, reply->body.size);
    *ret_size = reply->body.size;
    return CAIRN_OK;
}

static cairn_err call(const cairn_device_http *http, cairn_arena *arena, const char *url,
                      const cairn_fdo_client_message *message, const char *token, size_t size_max,
                      cairn_http_reply *ret_reply)
{
    char line[CAIRN_FDO_CLIENT_TOKEN_SIZE + 32];
    const char *headers[] = {line};
    (void)snprintf(line, sizeof line, "Authorization: %s", token);
    const cairn_http_call made = {
        .method = CAIRN_HTTP_CLIENT_POST,
        .url = url,
        .content_type = "application/cbor",
        .body = message->body,
        .headers = headers,
        .header_count = token[0] == '\0' ? 0 : 1,
        .timeout_ms = http->timeout_ms,
        .body_size_max = size_max,
        .ca_file = http->ca_file,
    };
    return cairn_http_client_call(arena, &made, ret_reply);
}

static cairn_err post(void *context, const char *url, const cairn_fdo_client_message *message,
                      char token[CAIRN_FDO_CLIENT_TOKEN_SIZE], uint8_t *buffer, size_t buffer_size,
                      uint8_t *ret_type, size_t *ret_size)
{
    char path[CAIRN_FDO_CLIENT_URL_SIZE + 32];
    cairn_http_reply reply = {0};
    cairn_arena arena;
    if (strncmp(url, "http", 4) != 0)
        return CAIRN_FAIL(CAIRN_ERR_NOT_IMPLEMENTED, "house", "link: %s", url);
    (void)snprintf(path, sizeof path, "%s/fdo/101/msg/%u", url, message->type);
    cairn_arena_init(&arena, 4 * CAIRN_FDO_MESSAGE_SIZE_MAX);
    cairn_err err = call(context, &arena, path, message, token, buffer_size, &reply);
    if (err == CAIRN_OK)
        err = take_reply(&reply, token, buffer, ret_type, ret_size);
    cairn_arena_done(&arena);
    return err;
}

cairn_fdo_client_link cairn_device_http_link(cairn_device_http *http)
{
    return (cairn_fdo_client_link){.context = http, .post = post};
}

cairn_err cairn_device_http_fetch(void *context, const char *url, int fd, uint64_t size_max)
{
    const cairn_device_http *http = context;
    cairn_http_reply reply;
    cairn_arena arena;
    const cairn_http_call made = {.method = CAIRN_HTTP_CLIENT_GET,
                                  .url = url,
                                  .timeout_ms = http->timeout_ms,
                                  .body_size_max = size_max,
                                  .ca_file = http->ca_file};
    cairn_arena_init(&arena, 2 * size_max + CAIRN_FDO_MESSAGE_SIZE_MAX);
    cairn_err err = cairn_http_client_call(&arena, &made, &reply);
    if (err == CAIRN_OK && reply.status != 200)
        err = CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "fdo.wget: HTTP %d", reply.status);
    if (err == CAIRN_OK)
        err = cairn_file_write(fd, url, reply.body);
    cairn_arena_done(&arena);
    return err;
}
