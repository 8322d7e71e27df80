/* RendezvousInfo and to1d. */
#include "onboard/wire/rendezvous.h"

static const char rv_clause[] = "FDO 1.1, 3.7";
static const char to1d_clause[] = "FDO 1.1, 5.3.4";

/* Rendezvous variables (RVVariable). */
enum {
    RV_DEV_ONLY = 0,
    RV_OWNER_ONLY = 1,
    RV_IP = 2,
    RV_DEV_PORT = 3,
    RV_OWNER_PORT = 4,
    RV_DNS = 5,
    RV_SERVER_CERT_HASH = 6,
    RV_USER_INPUT = 8,
    RV_MEDIUM = 11,
    RV_PROTOCOL = 12,
    RV_DELAY = 13,
    RV_BYPASS = 14,
    RV_EXTERNAL = 15,
    RV_KNOWN = 16, /* the first that is not named */
    IPV4_SIZE = 4,
    IPV6_SIZE = 16,
    VALUE_SIZE_MAX = CAIRN_FDO_DNS_SIZE_MAX + 3, /* bytes of an encoded value */
};

/* --- RendezvousInfo, read --- */

static cairn_err read_ip(cairn_cbor_reader *reader, const char *field, cairn_bytes *ret_ip)
{
    cairn_bytes ip = {0};
    CAIRN_TRY(cairn_cbor_read_bytes(reader, field, IPV4_SIZE, IPV6_SIZE, &ip));
    if (ip.size != IPV4_SIZE && ip.size != IPV6_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, reader->clause, "%s.%s: %zu bytes", reader->object,
                          field, ip.size);
    *ret_ip = ip;
    return CAIRN_OK;
}

static cairn_err read_port(cairn_cbor_reader *reader, uint16_t *ret_port)
{
    uint64_t port = 0;
    CAIRN_TRY(cairn_cbor_read_uint(reader, "port", 1, UINT16_MAX, &port));
    *ret_port = (uint16_t)port;
    return CAIRN_OK;
}

/* The value of a variable that has one, from a reader on the content of its bstr. */
static cairn_err read_value(cairn_cbor_reader *reader, uint64_t variable, cairn_fdo_directive *d)
{
    uint64_t number = 0;
    switch (variable) {
    case RV_IP:
        return read_ip(reader, "ip", &d->ip);
    case RV_DEV_PORT:
        return read_port(reader, &d->device_port);
    case RV_OWNER_PORT:
        return read_port(reader, &d->owner_port);
    case RV_DNS:
        return cairn_cbor_read_text(reader, "dns", 1, CAIRN_FDO_DNS_SIZE_MAX, &d->dns);
    case RV_SERVER_CERT_HASH:
        d->has_server_cert_hash = true;
        return cairn_fdo_hash_read(reader, "server_cert_hash", &d->server_cert_hash);
    case RV_USER_INPUT:
        return cairn_cbor_read_bool(reader, "user_input", &d->user_input);
    case RV_MEDIUM:
        CAIRN_TRY(cairn_cbor_read_uint(reader, "medium", 0, UINT8_MAX, &number));
        d->has_medium = true;
        d->medium = (uint8_t)number;
        return CAIRN_OK;
    case RV_PROTOCOL:
        CAIRN_TRY(cairn_cbor_read_uint(reader, "protocol", 0, CAIRN_FDO_RV_COAP_UDP, &number));
        d->has_protocol = true;
        d->protocol = (cairn_fdo_rv_protocol)number;
        return CAIRN_OK;
    default:
        CAIRN_TRY(cairn_cbor_read_uint(reader, "delay", 0, UINT32_MAX, &number));
        d->delay_s = (uint32_t)number;
        return CAIRN_OK;
    }
}

/* Variables that are flags, or that are not followed by us: their value, if any, is not looked at.
 */
static bool take_flag(uint64_t variable, cairn_fdo_directive *d)
{
    switch (variable) {
    case RV_DEV_ONLY:
        d->device_only = true;
        return true;
    case RV_OWNER_ONLY:
        d->owner_only = true;
        return true;
    case RV_BYPASS:
        d->bypass = true;
        return true;
    case RV_EXTERNAL:
        d->has_external = true;
        return true;
    case RV_IP:
    case RV_DEV_PORT:
    case RV_OWNER_PORT:
    case RV_DNS:
    case RV_SERVER_CERT_HASH:
    case RV_USER_INPUT:
    case RV_MEDIUM:
    case RV_PROTOCOL:
    case RV_DELAY:
        return false;
    default:
        return true;
    }
}

/* `seen` has a bit for each variable that the directive had so far. */
static cairn_err read_variable(cairn_cbor_reader *reader, uint32_t *seen, cairn_fdo_directive *d)
{
    size_t count = 0;
    uint64_t variable = 0;
    cairn_bytes value = {0};
    cairn_cbor_reader inner;
    CAIRN_TRY(cairn_cbor_read_array(reader, "variable", 1, 2, &count));
    CAIRN_TRY(cairn_cbor_read_uint(reader, "variable", 0, UINT32_MAX, &variable));
    if (count == 2)
        CAIRN_TRY(cairn_cbor_read_bytes(reader, "value", 0, SIZE_MAX, &value));
    if (variable < RV_KNOWN && (*seen & 1u << variable) != 0)
        return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, rv_clause, "%s.variable: %llu twice",
                          reader->object, (unsigned long long)variable);
    if (variable < RV_KNOWN)
        *seen |= 1u << variable;
    if (take_flag(variable, d))
        return CAIRN_OK;
    CAIRN_TRY(cairn_cbor_open(&inner, value, CAIRN_CBOR_FOREIGN, "rv_info", rv_clause));
    return read_value(&inner, variable, d);
}

static cairn_err too_many(const char *object, const char *field, size_t count)
{
    return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "%s.%s: %zu", object, field, count);
}

static cairn_err read_directive(cairn_cbor_reader *reader, cairn_fdo_directive *d)
{
    size_t count = 0;
    uint32_t seen = 0;
    CAIRN_TRY(cairn_cbor_read_array(reader, "directive", 0, SIZE_MAX, &count));
    if (count > CAIRN_FDO_VARIABLES_MAX)
        return too_many(reader->object, "directive", count);
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(read_variable(reader, &seen, d));
    return CAIRN_OK;
}

cairn_err cairn_fdo_rv_info_read(cairn_cbor_reader *reader, const char *field,
                                 cairn_fdo_rv_info *ret_info)
{
    cairn_fdo_rv_info info = {0};
    const uint8_t *start = reader->next;
    CAIRN_TRY(cairn_cbor_read_array(reader, field, 0, SIZE_MAX, &info.count));
    if (info.count > CAIRN_FDO_DIRECTIVES_MAX)
        return too_many(reader->object, field, info.count);
    for (size_t i = 0; i < info.count; i++)
        CAIRN_TRY(read_directive(reader, &info.directives[i]));
    info.encoded = cairn_bytes_of(start, (size_t)(reader->next - start));
    *ret_info = info;
    return CAIRN_OK;
}

/* --- RendezvousInfo, written --- */

/* Counts the pairs of a directive, or writes them. */
typedef struct directive_writer {
    cairn_cbor_writer *out; /* NULL: only counts */
    size_t count;
} directive_writer;

static void put_flag(directive_writer *w, unsigned variable, bool present)
{
    if (!present)
        return;
    w->count++;
    if (w->out == NULL)
        return;
    cairn_cbor_put_array(w->out, 1);
    cairn_cbor_put_uint(w->out, variable);
}

static void put_value(directive_writer *w, unsigned variable, const cairn_cbor_writer *value)
{
    w->count++;
    if (w->out == NULL)
        return;
    CAIRN_ASSERT(value->size <= value->capacity);
    cairn_cbor_put_array(w->out, 2);
    cairn_cbor_put_uint(w->out, variable);
    cairn_cbor_put_bytes(w->out, cairn_bytes_of(value->data, value->size));
}

static void put_number(directive_writer *w, unsigned variable, bool present, uint64_t number)
{
    uint8_t buffer[VALUE_SIZE_MAX];
    cairn_cbor_writer value;
    if (!present)
        return;
    cairn_cbor_writer_init(&value, buffer, sizeof buffer);
    cairn_cbor_put_uint(&value, number);
    put_value(w, variable, &value);
}

static void put_string(directive_writer *w, unsigned variable, bool is_text, cairn_bytes string)
{
    uint8_t buffer[VALUE_SIZE_MAX];
    cairn_cbor_writer value;
    if (string.size == 0)
        return;
    cairn_cbor_writer_init(&value, buffer, sizeof buffer);
    if (is_text)
        cairn_cbor_put_text_view(&value, string);
    else
        cairn_cbor_put_bytes(&value, string);
    put_value(w, variable, &value);
}

static void put_cert_hash(directive_writer *w, const cairn_fdo_directive *d)
{
    uint8_t buffer[VALUE_SIZE_MAX];
    cairn_cbor_writer value;
    if (!d->has_server_cert_hash)
        return;
    cairn_cbor_writer_init(&value, buffer, sizeof buffer);
    cairn_fdo_hash_put(&value, &d->server_cert_hash);
    put_value(w, RV_SERVER_CERT_HASH, &value);
}

static void put_user_input(directive_writer *w, const cairn_fdo_directive *d)
{
    uint8_t buffer[VALUE_SIZE_MAX];
    cairn_cbor_writer value;
    if (!d->user_input)
        return;
    cairn_cbor_writer_init(&value, buffer, sizeof buffer);
    cairn_cbor_put_bool(&value, true);
    put_value(w, RV_USER_INPUT, &value);
}

static void put_pairs(directive_writer *w, const cairn_fdo_directive *d)
{
    put_flag(w, RV_DEV_ONLY, d->device_only);
    put_flag(w, RV_OWNER_ONLY, d->owner_only);
    put_string(w, RV_IP, false, d->ip);
    put_number(w, RV_DEV_PORT, d->device_port != 0, d->device_port);
    put_number(w, RV_OWNER_PORT, d->owner_port != 0, d->owner_port);
    put_string(w, RV_DNS, true, d->dns);
    put_cert_hash(w, d);
    put_user_input(w, d);
    put_number(w, RV_MEDIUM, d->has_medium, d->medium);
    put_number(w, RV_PROTOCOL, d->has_protocol, d->protocol);
    put_number(w, RV_DELAY, d->delay_s != 0, d->delay_s);
    put_flag(w, RV_BYPASS, d->bypass);
}

void cairn_fdo_rv_info_put(cairn_cbor_writer *writer, const cairn_fdo_rv_info *info)
{
    if (info->encoded.size != 0) {
        cairn_cbor_put_raw(writer, info->encoded);
        return;
    }
    cairn_cbor_put_array(writer, info->count);
    for (size_t i = 0; i < info->count; i++) {
        directive_writer pairs = {0};
        put_pairs(&pairs, &info->directives[i]);
        cairn_cbor_put_array(writer, pairs.count);
        pairs.out = writer;
        put_pairs(&pairs, &info->directives[i]);
    }
}

/* --- to1d --- */

static cairn_err read_address(cairn_cbor_reader *reader, cairn_fdo_address *address)
{
    size_t count = 0;
    uint64_t transport = 0;
    CAIRN_TRY(cairn_cbor_read_array(reader, "address", 4, 4, &count));
    if (cairn_cbor_peek(reader) == CAIRN_CBOR_NULL)
        CAIRN_TRY(cairn_cbor_read_null(reader, "ip"));
    else
        CAIRN_TRY(read_ip(reader, "ip", &address->ip));
    if (cairn_cbor_peek(reader) == CAIRN_CBOR_NULL)
        CAIRN_TRY(cairn_cbor_read_null(reader, "dns"));
    else
        CAIRN_TRY(cairn_cbor_read_text(reader, "dns", 1, CAIRN_FDO_DNS_SIZE_MAX, &address->dns));
    if (address->ip.size == 0 && address->dns.size == 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, to1d_clause, "%s.address: neither ip nor dns",
                          reader->object);
    CAIRN_TRY(read_port(reader, &address->port));
    CAIRN_TRY(
        cairn_cbor_read_uint(reader, "transport", CAIRN_FDO_TCP, CAIRN_FDO_COAPS, &transport));
    address->transport = (cairn_fdo_transport)transport;
    return CAIRN_OK;
}

static cairn_err read_payload(cairn_bytes payload, cairn_fdo_to1d *to1d)
{
    size_t count = 0;
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_cbor_open(&reader, payload, CAIRN_CBOR_FOREIGN, "to1d", to1d_clause));
    CAIRN_TRY(cairn_cbor_read_array(&reader, "payload", 2, 2, &count));
    CAIRN_TRY(cairn_cbor_read_array(&reader, "addresses", 1, SIZE_MAX, &to1d->count));
    if (to1d->count > CAIRN_FDO_ADDRESSES_MAX)
        return too_many("to1d", "addresses", to1d->count);
    for (size_t i = 0; i < to1d->count; i++)
        CAIRN_TRY(read_address(&reader, &to1d->addresses[i]));
    return cairn_fdo_hash_read(&reader, "to0d_hash", &to1d->to0d_hash);
}

cairn_err cairn_fdo_to1d_read(cairn_bytes in, cairn_fdo_to1d *ret_to1d)
{
    cairn_fdo_to1d to1d = {.encoded = in};
    CAIRN_TRY(cairn_cose_decode(in, CAIRN_COSE_TAG_SIGN1, CAIRN_CBOR_FOREIGN, &to1d.message));
    if (to1d.message.detached)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, to1d_clause, "to1d.payload: absent");
    CAIRN_TRY(read_payload(to1d.message.payload, &to1d));
    *ret_to1d = to1d;
    return CAIRN_OK;
}

static void put_payload(cairn_cbor_writer *writer, const cairn_fdo_address *addresses, size_t count,
                        const cairn_fdo_hash *to0d_hash)
{
    cairn_cbor_put_array(writer, 2);
    cairn_cbor_put_array(writer, count);
    for (size_t i = 0; i < count; i++) {
        cairn_cbor_put_array(writer, 4);
        if (addresses[i].ip.size == 0)
            cairn_cbor_put_null(writer);
        else
            cairn_cbor_put_bytes(writer, addresses[i].ip);
        if (addresses[i].dns.size == 0)
            cairn_cbor_put_null(writer);
        else
            cairn_cbor_put_text_view(writer, addresses[i].dns);
        cairn_cbor_put_uint(writer, addresses[i].port);
        cairn_cbor_put_uint(writer, addresses[i].transport);
    }
    cairn_fdo_hash_put(writer, to0d_hash);
}

cairn_err cairn_fdo_to1d_payload(cairn_arena *arena, const cairn_fdo_address *addresses,
                                 size_t count, const cairn_fdo_hash *to0d_hash,
                                 cairn_bytes *ret_payload)
{
    cairn_cbor_writer writer;
    void *memory = NULL;
    CAIRN_ASSERT(count >= 1 && count <= CAIRN_FDO_ADDRESSES_MAX);
    cairn_cbor_writer_init(&writer, NULL, 0);
    put_payload(&writer, addresses, count, to0d_hash);
    size_t size = writer.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    cairn_cbor_writer_init(&writer, memory, size);
    put_payload(&writer, addresses, count, to0d_hash);
    return cairn_cbor_writer_end(&writer, ret_payload);
}
