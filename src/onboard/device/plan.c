/* Addresses from directives and from the owner's word. */
#include "onboard/device/plan.h"

#include <arpa/inet.h>
#include <stdio.h>

typedef struct scheme {
    const char *name;
    uint16_t port; /* where none is given */
} scheme;

static const scheme https = {"https", 443};
static const scheme http = {"http", 80};
static const scheme coap_tcp = {"coap+tcp", 5683};
static const scheme coap = {"coap", 5683};
static const scheme coaps = {"coaps", 5684};

/* A host that makes a URL and nothing else. */
static bool is_host(cairn_bytes dns)
{
    for (size_t i = 0; i < dns.size; i++) {
        uint8_t c = dns.data[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '.' || c == '_';
        if (!good)
            return false;
    }
    return dns.size > 0;
}

static bool url_of_name(const scheme *s, cairn_bytes dns, uint16_t port, char *ret_url)
{
    if (!is_host(dns))
        return false;
    int n = snprintf(ret_url, CAIRN_FDO_CLIENT_URL_SIZE, "%s://%.*s:%u", s->name, (int)dns.size,
                     (const char *)dns.data, port != 0 ? port : s->port);
    return n > 0 && n < CAIRN_FDO_CLIENT_URL_SIZE;
}

/* Some peers write an IPv4 address in 16 bytes (RFC 4291 section 2.5.5.2). */
static cairn_bytes unmapped(cairn_bytes ip)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    bool mapped = ip.size == 16 && memcmp(ip.data, prefix, sizeof prefix) == 0;
    return mapped ? cairn_bytes_of(ip.data + sizeof prefix, 4) : ip;
}

static bool url_of_ip(const scheme *s, cairn_bytes ip, uint16_t port, char *ret_url)
{
    char text[INET6_ADDRSTRLEN];
    ip = unmapped(ip);
    bool six = ip.size == 16;
    if ((!six && ip.size != 4) ||
        inet_ntop(six ? AF_INET6 : AF_INET, ip.data, text, sizeof text) == NULL)
        return false;
    int n = snprintf(ret_url, CAIRN_FDO_CLIENT_URL_SIZE, six ? "%s://[%s]:%u" : "%s://%s:%u",
                     s->name, text, port != 0 ? port : s->port);
    return n > 0 && n < CAIRN_FDO_CLIENT_URL_SIZE;
}

/* Schemes of a directive, in the order in which they are tried. */
static size_t schemes_of(const cairn_fdo_directive *directive, const scheme *ret_schemes[2])
{
    if (!directive->has_protocol) {
        ret_schemes[0] = &https;
        return 1;
    }
    switch (directive->protocol) {
    case CAIRN_FDO_RV_REST:
        ret_schemes[0] = &https;
        ret_schemes[1] = &http;
        return 2;
    case CAIRN_FDO_RV_HTTP:
        ret_schemes[0] = &http;
        return 1;
    case CAIRN_FDO_RV_HTTPS:
        ret_schemes[0] = &https;
        return 1;
    case CAIRN_FDO_RV_COAP_TCP:
        ret_schemes[0] = &coap_tcp;
        return 1;
    case CAIRN_FDO_RV_COAP_UDP:
        ret_schemes[0] = &coap;
        return 1;
    default:
        return 0; /* bare TCP and TLS have no binding here */
    }
}

bool cairn_fdo_client_directive_url(const cairn_fdo_directive *directive, size_t i,
                                    char ret_url[CAIRN_FDO_CLIENT_URL_SIZE])
{
    const scheme *schemes[2];
    size_t scheme_count = schemes_of(directive, schemes);
    for (size_t s = 0; s < scheme_count; s++) {
        if (url_of_name(schemes[s], directive->dns, directive->device_port, ret_url) && i-- == 0)
            return true;
        if (url_of_ip(schemes[s], directive->ip, directive->device_port, ret_url) && i-- == 0)
            return true;
    }
    return false;
}

static const scheme *scheme_of(cairn_fdo_transport transport)
{
    switch (transport) {
    case CAIRN_FDO_HTTP:
        return &http;
    case CAIRN_FDO_HTTPS:
        return &https;
    case CAIRN_FDO_COAP:
        return &coap;
    case CAIRN_FDO_COAPS:
        return &coaps;
    default:
        return NULL;
    }
}

bool cairn_fdo_client_to1d_url(const cairn_fdo_to1d *to1d, size_t i,
                               char ret_url[CAIRN_FDO_CLIENT_URL_SIZE])
{
    for (size_t a = 0; a < to1d->count; a++) {
        const cairn_fdo_address *address = &to1d->addresses[a];
        const scheme *s = scheme_of(address->transport);
        if (s == NULL)
            continue;
        if (url_of_name(s, address->dns, address->port, ret_url) && i-- == 0)
            return true;
        if (url_of_ip(s, address->ip, address->port, ret_url) && i-- == 0)
            return true;
    }
    return false;
}

uint64_t cairn_fdo_client_jitter_ms(uint32_t delay_s, uint32_t random) /* [X1353-R34] */
{
    uint64_t whole_ms = (uint64_t)delay_s * 1000;
    return whole_ms - whole_ms / 4 + random % (whole_ms / 2 + 1);
}
