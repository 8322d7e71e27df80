/* The special-purpose registries as tables. */
#include "core/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

/* True when no bit is set beyond the prefix. */
static bool is_aligned(const cairn_network *network)
{
    unsigned size = network->v6 ? 16 : 4;
    for (unsigned bit = network->prefix; bit < 8 * size; bit++)
        if ((network->bytes[bit / 8] & (0x80u >> (bit % 8))) != 0)
            return false;
    return true;
}

/* 1 to 3 digits up to `max`. */
static bool parse_prefix(const char *text, unsigned max, unsigned *ret_prefix)
{
    unsigned value = 0;
    size_t size = strlen(text);
    if (size < 1 || size > 3 || (size > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *ret_prefix = value;
    return value <= max;
}

cairn_err cairn_network_parse(const char *text, cairn_network *ret_network)
{
    char address[INET6_ADDRSTRLEN];
    cairn_network network = {.v6 = strchr(text, ':') != NULL};
    size_t size = strcspn(text, "/");
    unsigned max = network.v6 ? 128 : 32;
    network.prefix = max;
    bool good = size < sizeof address;
    if (good) {
        memcpy(address, text, size);
        address[size] = '\0';
        good = inet_pton(network.v6 ? AF_INET6 : AF_INET, address, network.bytes) == 1 &&
               (text[size] == '\0' || parse_prefix(text + size + 1, max, &network.prefix)) &&
               is_aligned(&network);
    }
    if (!good)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 4632 section 3.1", "network: '%.64s'", text);
    *ret_network = network;
    return CAIRN_OK;
}

/* The address's bytes; NULL for another family. */
static const uint8_t *bytes_of(const struct sockaddr *address, bool *ret_v6)
{
    *ret_v6 = address->sa_family == AF_INET6;
    if (*ret_v6)
        return ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
    if (address->sa_family == AF_INET)
        return (const uint8_t *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
    return NULL;
}

bool cairn_network_holds(const cairn_network *network, const struct sockaddr *address)
{
    bool v6 = false;
    const uint8_t *bytes = bytes_of(address, &v6);
    return bytes != NULL && v6 == network->v6 && bits_equal(bytes, network->bytes, network->prefix);
}

typedef struct block4 {
    uint8_t bytes[4];
    unsigned prefix;
} block4;

/* IANA IPv4 Special-Purpose Address Registry, and class D and E. */
static const block4 special4[] = {
    {{0}, 8},             /* this network */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* shared with a carrier */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local; cloud metadata */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 31, 196}, 24}, /* AS112 */
    {{192, 52, 193}, 24}, /* AMT */
    {{192, 88, 99}, 24},  /* 6to4 relays */
    {{192, 168}, 16},     /* private */
    {{192, 175, 48}, 24}, /* AS112 */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast */
    {{240}, 4},           /* reserved, and broadcast */
};

typedef struct block6 {
    uint8_t bytes[8];
    unsigned prefix;
} block6;

/* Within the global unicast space 2000::/3, outside of which nothing is public. */
static const block6 special6[] = {
    {{0x20, 0x01, 0x00}, 23},             /* protocol assignments: Teredo, ORCHID, benchmarks */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},       /* documentation */
    {{0x20, 0x02}, 16},                   /* 6to4: an IPv4 address within */
    {{0x26, 0x20, 0x00, 0x4f, 0x80}, 48}, /* AS112 */
    {{0x3f, 0xff}, 20},                   /* documentation */
    {{0x3f, 0xfe}, 16},                   /* the 6bone, given back */
};

static bool is_public4(const uint8_t *bytes)
{
    for (size_t i = 0; i < sizeof special4 / sizeof special4[0]; i++)
        if (bits_equal(bytes, special4[i].bytes, special4[i].prefix))
            return false;
    return true;
}

static bool is_public6(const uint8_t *bytes)
{
    static const uint8_t global[] = {0x20};
    if (!bits_equal(bytes, global, 3)) /* also ::ffff:0:0/96, 64:ff9b::/96, fc00::/7, fe80::/10 */
        return false;
    for (size_t i = 0; i < sizeof special6 / sizeof special6[0]; i++)
        if (bits_equal(bytes, special6[i].bytes, special6[i].prefix))
            return false;
    return true;
}

bool cairn_address_is_public(const struct sockaddr *address)
{
    bool v6 = false;
    const uint8_t *bytes = bytes_of(address, &v6);
    return bytes != NULL && (v6 ? is_public6(bytes) : is_public4(bytes));
}

void cairn_address_format(const struct sockaddr *address, char ret_text[46], uint16_t *ret_port)
{
    bool v6 = false;
    const uint8_t *bytes = bytes_of(address, &v6);
    ret_text[0] = '\0';
    if (bytes != NULL)
        (void)inet_ntop(address->sa_family, bytes, ret_text, INET6_ADDRSTRLEN);
    if (ret_port == NULL)
        return;
    *ret_port = 0;
    if (bytes != NULL)
        *ret_port = ntohs(v6 ? ((const struct sockaddr_in6 *)(const void *)address)->sin6_port
                             : ((const struct sockaddr_in *)(const void *)address)->sin_port);
}
