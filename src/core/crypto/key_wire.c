/* Frames of the key process's connection. Bytes: docs/formats/keyd.md. */
#include "core/crypto/key_wire.h"

#include "core/crypto/signer.h"
#include "core/crypto/signer_impl.h"

static const char clause[] = "docs/formats/keyd.md";

/* --- a strict reader of fixed fields; the first failure sticks --- */

typedef struct reader {
    cairn_bytes in;
    cairn_err err;
} reader;

static const uint8_t *take(reader *r, size_t size, const char *what)
{
    static const uint8_t nothing[64];
    CAIRN_ASSERT(size <= sizeof nothing);
    if (r->err == CAIRN_OK && r->in.size < size)
        r->err = CAIRN_FAIL(CAIRN_ERR_TRUNCATED, clause, "key frame: %s", what);
    if (r->err != CAIRN_OK)
        return nothing;
    const uint8_t *data = r->in.data;
    r->in = cairn_bytes_of(data + size, r->in.size - size);
    return data;
}

static void refuse(reader *r, const char *what)
{
    if (r->err == CAIRN_OK)
        r->err = CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "key frame: %s", what);
}

/* All that is left, which has a size from `min` to `max`. */
static cairn_bytes take_rest(reader *r, size_t min, size_t max, const char *what)
{
    if (r->err == CAIRN_OK && r->in.size < min)
        r->err = CAIRN_FAIL(CAIRN_ERR_TRUNCATED, clause, "key frame: %s", what);
    if (r->err == CAIRN_OK && r->in.size > max)
        r->err = CAIRN_FAIL(CAIRN_ERR_TRAILING, clause, "key frame: %s", what);
    return r->err == CAIRN_OK ? r->in : cairn_bytes_of(NULL, 0);
}

static void take_name(reader *r, char ret_name[CAIRN_SIGNER_NAME_SIZE_MAX + 1])
{
    size_t size = *take(r, 1, "name");
    if (size > CAIRN_SIGNER_NAME_SIZE_MAX)
        refuse(r, "name is too long");
    const uint8_t *text = r->err == CAIRN_OK ? take(r, size, "name") : NULL;
    if (r->err != CAIRN_OK)
        return;
    memcpy(ret_name, text, size);
    ret_name[size] = '\0';
    if (strlen(ret_name) != size || !cairn_signer_name_valid(ret_name))
        refuse(r, "name is none");
}

static cairn_key_type take_type(reader *r)
{
    uint8_t type = *take(r, 1, "type");
    if (type > CAIRN_KEY_ED25519)
        refuse(r, "type of key");
    return (cairn_key_type)type;
}

/* --- frames --- */

cairn_err cairn_key_frame_size(cairn_bytes in, size_t size_max, size_t *ret_size)
{
    if (in.size < CAIRN_KEY_FRAME_HEAD_SIZE) {
        *ret_size = 0;
        return CAIRN_OK;
    }
    size_t size = (size_t)cairn_get_u32(in.data) + CAIRN_KEY_FRAME_HEAD_SIZE;
    if (size > size_max)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "key frame: %zu bytes", size);
    if (size == CAIRN_KEY_FRAME_HEAD_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "key frame: empty");
    *ret_size = in.size < size ? 0 : size;
    return CAIRN_OK;
}

/* --- requests --- */

static bool is_epoch(cairn_key_op op)
{
    return op >= CAIRN_KEY_OP_EPOCH_CREATE && op <= CAIRN_KEY_OP_EPOCH_DESTROY;
}

static size_t put_name(uint8_t *out, const char *name)
{
    size_t size = strlen(name);
    CAIRN_ASSERT(size <= CAIRN_SIGNER_NAME_SIZE_MAX);
    out[0] = (uint8_t)size;
    memcpy(out + 1, name, size);
    return 1 + size;
}

size_t cairn_key_request_encode(const cairn_key_request *request,
                                uint8_t out[CAIRN_KEY_REQUEST_HEAD_SIZE])
{
    uint8_t *at = out + CAIRN_KEY_FRAME_HEAD_SIZE;
    cairn_put_u64(at, request->id);
    at[8] = (uint8_t)request->op;
    at += 9;
    if (request->op == CAIRN_KEY_OP_SIGN) {
        cairn_put_u32(at, request->purposes);
        at += 4;
        at += put_name(at, request->name);
    } else if (request->op == CAIRN_KEY_OP_GENERATE) {
        *at++ = (uint8_t)request->type;
        at += put_name(at, request->name);
    } else if (is_epoch(request->op)) {
        memcpy(at, request->vault.b, sizeof request->vault.b);
        cairn_put_u64(at + 32, request->epoch);
        at += 40;
    }
    size_t size = (size_t)(at - out);
    cairn_put_u32(out, (uint32_t)(size - CAIRN_KEY_FRAME_HEAD_SIZE + request->body.size));
    return size;
}

static void take_sign(reader *r, cairn_key_request *request)
{
    request->purposes = cairn_get_u32(take(r, 4, "purposes"));
    if (request->purposes == 0 || request->purposes > CAIRN_SIGNER_FOR_ANY)
        refuse(r, "purposes");
    take_name(r, request->name);
    request->body = take_rest(r, 0, CAIRN_SIGNER_MESSAGE_SIZE_MAX, "message");
}

static void take_epoch(reader *r, cairn_key_request *request)
{
    static const size_t body_sizes[] = {[CAIRN_KEY_OP_EPOCH_WRAP] = 32,
                                        [CAIRN_KEY_OP_EPOCH_UNWRAP] = 60,
                                        [CAIRN_KEY_OP_EPOCH_DESTROY] = 0};
    memcpy(request->vault.b, take(r, 32, "vault"), 32);
    request->epoch = cairn_get_u64(take(r, 8, "epoch"));
    if (request->epoch == 0)
        refuse(r, "epoch 0");
    request->body = take_rest(r, body_sizes[request->op], body_sizes[request->op], "body");
}

cairn_err cairn_key_request_decode(cairn_bytes in, cairn_key_request *ret_request)
{
    reader r = {.in = in};
    cairn_key_request request = {.id = cairn_get_u64(take(&r, 8, "id"))};
    uint8_t op = *take(&r, 1, "operation");
    if (request.id == 0)
        refuse(&r, "id 0");
    if (op < CAIRN_KEY_OP_PING || op > CAIRN_KEY_OP_REOPEN)
        refuse(&r, "operation");
    CAIRN_TRY(r.err);
    request.op = (cairn_key_op)op;
    if (op == CAIRN_KEY_OP_SIGN) {
        take_sign(&r, &request);
    } else if (is_epoch(request.op)) {
        take_epoch(&r, &request);
    } else {
        if (op == CAIRN_KEY_OP_GENERATE) {
            request.type = take_type(&r);
            take_name(&r, request.name);
        }
        (void)take_rest(&r, 0, 0, "end");
    }
    CAIRN_TRY(r.err);
    *ret_request = request;
    return CAIRN_OK;
}

/* --- replies --- */

void cairn_key_reply_encode(const cairn_key_reply *reply, uint8_t out[CAIRN_KEY_REPLY_HEAD_SIZE])
{
    cairn_put_u32(out, (uint32_t)(12 + reply->body.size));
    cairn_put_u64(out + 4, reply->id);
    cairn_put_u32(out + 12, (uint32_t)-reply->err);
}

static bool text_is_printable(cairn_bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            return false;
    return true;
}

cairn_err cairn_key_reply_decode(cairn_bytes in, cairn_key_reply *ret_reply)
{
    reader r = {.in = in};
    cairn_key_reply reply = {.id = cairn_get_u64(take(&r, 8, "id"))};
    uint32_t number = cairn_get_u32(take(&r, 4, "code"));
    if (number > INT32_MAX || !cairn_err_is_known(-(cairn_err)number))
        refuse(&r, "code");
    reply.body =
        take_rest(&r, 0, number == 0 ? CAIRN_KEY_LIST_SIZE_MAX : CAIRN_KEY_DETAIL_SIZE_MAX, "body");
    if (number != 0 && !text_is_printable(reply.body))
        refuse(&r, "detail");
    CAIRN_TRY(r.err);
    reply.err = -(cairn_err)number; /* a known one, so it fits */
    *ret_reply = reply;
    return CAIRN_OK;
}

void cairn_key_greeting_encode(const cairn_key_greeting *greeting,
                               uint8_t out[CAIRN_KEY_GREETING_SIZE])
{
    out[0] = CAIRN_KEY_WIRE_VERSION;
    out[1] = (uint8_t)((greeting->memory_locked ? 1u : 0u) | (greeting->filtered ? 2u : 0u));
    out[2] = greeting->landlock;
}

cairn_err cairn_key_greeting_decode(cairn_bytes in, cairn_key_greeting *ret_greeting)
{
    reader r = {.in = in};
    uint8_t version = *take(&r, 1, "version");
    uint8_t flags = *take(&r, 1, "flags");
    uint8_t landlock = *take(&r, 1, "landlock");
    (void)take_rest(&r, 0, 0, "greeting");
    CAIRN_TRY(r.err);
    if (version != CAIRN_KEY_WIRE_VERSION)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VERSION, clause, "key greeting: version %u", version);
    if (flags > 3)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "key greeting: flags");
    *ret_greeting = (cairn_key_greeting){
        .memory_locked = (flags & 1) != 0, .filtered = (flags & 2) != 0, .landlock = landlock};
    return CAIRN_OK;
}

/* --- public keys --- */

static size_t point_size(cairn_key_type type)
{
    static const size_t sizes[] = {
        [CAIRN_KEY_P256] = 64, [CAIRN_KEY_P384] = 96, [CAIRN_KEY_ED25519] = 32};
    return sizes[type];
}

size_t cairn_key_public_encode(const cairn_key *key, uint8_t out[CAIRN_KEY_PUBLIC_SIZE_MAX])
{
    cairn_bytes point = cairn_key_public(key);
    out[0] = (uint8_t)cairn_key_get_type(key);
    memcpy(out + 1, point.data, point.size);
    return 1 + point.size;
}

static cairn_err public_parts(cairn_bytes in, cairn_key_type *ret_type, cairn_bytes *ret_point)
{
    reader r = {.in = in};
    cairn_key_type type = take_type(&r);
    CAIRN_TRY(r.err);
    cairn_bytes point = take_rest(&r, point_size(type), point_size(type), "point");
    CAIRN_TRY(r.err);
    *ret_type = type;
    *ret_point = point;
    return CAIRN_OK;
}

cairn_err cairn_key_public_decode(cairn_bytes in, cairn_key **ret_key)
{
    cairn_key_type type = CAIRN_KEY_P256;
    cairn_bytes point = {0};
    CAIRN_TRY(public_parts(in, &type, &point));
    return cairn_key_from_public(type, point, ret_key);
}

size_t cairn_key_row_encode(const char *name, const cairn_key *key, uint8_t *out)
{
    size_t size = put_name(out, name);
    size_t key_size = cairn_key_public_encode(key, out + size + 1);
    out[size] = (uint8_t)key_size;
    return size + 1 + key_size;
}

cairn_err cairn_key_row_decode(cairn_bytes *list, cairn_key_row *ret_row)
{
    reader r = {.in = *list};
    cairn_key_row row = {.type = CAIRN_KEY_P256};
    take_name(&r, row.name);
    size_t size = *take(&r, 1, "size of a key");
    CAIRN_TRY(r.err);
    if (size > r.in.size)
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, clause, "key frame: key of a list");
    CAIRN_TRY(public_parts(cairn_bytes_of(r.in.data, size), &row.type, &row.point));
    *list = cairn_bytes_of(r.in.data + size, r.in.size - size);
    *ret_row = row;
    return CAIRN_OK;
}
