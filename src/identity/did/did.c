/* The grammar of DID Core section 3.1 and 3.2, byte by byte. */
#include "identity/did/did.h"

#include <stdio.h>

#include "core/clock.h"

static const char core[] = "DID Core 1.0 section 3";
static const char web[] = "did:web section 2.1";

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_letter(uint8_t c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Size of one character of `more` plus letters and digits at `at`, 3 for a percent-encoded one, 0
 * when it is neither. */
static size_t take_char(cairn_bytes text, size_t at, const char *more)
{
    uint8_t c = text.data[at];
    if (c == '%')
        return text.size - at >= 3 && is_hex(text.data[at + 1]) && is_hex(text.data[at + 2]) ? 3
                                                                                             : 0;
    return is_letter(c) || is_digit(c) || (c != '\0' && strchr(more, c) != NULL);
}

/* How far characters of a class go from `at`. */
static size_t span(cairn_bytes text, size_t at, const char *more)
{
    size_t one = 0;
    while (at < text.size && (one = take_char(text, at, more)) != 0)
        at += one;
    return at;
}

static cairn_bytes slice(cairn_bytes text, size_t from, size_t to)
{
    return cairn_bytes_of(text.data + from, to - from);
}

/* The DID at the front of `text`; how long it is. */
static cairn_err parse_front(cairn_bytes text, cairn_did *ret_did, size_t *ret_size)
{
    size_t method = 4;
    if (text.size > CAIRN_DID_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, core, "did: %zu bytes", text.size);
    if (text.size < 4 || memcmp(text.data, "did:", 4) != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, core, "did: does not begin with did:");
    while (method < text.size && (is_lower(text.data[method]) || is_digit(text.data[method])))
        method++;
    if (method == 4 || method == text.size || text.data[method] != ':')
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, core,
                          "did.method: lower-case letters and digits, then a colon");
    size_t end = span(text, method + 1, ".-_:");
    if (end == method + 1 || text.data[end - 1] == ':')
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, core, "did.id: empty, or ends in a colon");
    *ret_did = (cairn_did){.text = slice(text, 0, end),
                           .method = slice(text, 4, method),
                           .id = slice(text, method + 1, end)};
    *ret_size = end;
    return CAIRN_OK;
}

cairn_err cairn_did_parse(cairn_bytes text, cairn_did *ret_did)
{
    cairn_did did;
    size_t size = 0;
    CAIRN_TRY(parse_front(text, &did, &size));
    if (size != text.size)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, core, "did.id: a character that it may not hold");
    *ret_did = did;
    return CAIRN_OK;
}

cairn_err cairn_did_url_parse(cairn_bytes text, cairn_did_url *ret_url)
{
    cairn_did_url url = {0};
    size_t at = 0;
    CAIRN_TRY(parse_front(text, &url.did, &at));
    if (at < text.size && text.data[at] == '/') {
        size_t end = span(text, at, "-._~!$&'()*+,;=:@/");
        url.path = slice(text, at, end);
        at = end;
    }
    if (at < text.size && text.data[at] == '?') {
        size_t end = span(text, at + 1, "-._~!$&'()*+,;=:@/?");
        url.query = slice(text, at + 1, end);
        at = end;
    }
    if (at < text.size && text.data[at] == '#') {
        size_t end = span(text, at + 1, "-._~!$&'()*+,;=:@/?");
        url.fragment = slice(text, at + 1, end);
        at = end;
    }
    if (at != text.size)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, core, "did url: a character that it may not hold");
    *ret_url = url;
    return CAIRN_OK;
}

bool cairn_did_is_method(const cairn_did *did, const char *method)
{
    return cairn_bytes_equal(did->method, cairn_bytes_str(method));
}

/* --- did:cairn --- */

static cairn_err parse_hash(cairn_bytes text, cairn_hash *ret_hash)
{
    char digits[65] = "";
    for (size_t i = 0; i < 64; i++) {
        if (!is_digit(text.data[i]) && !(text.data[i] >= 'a' && text.data[i] <= 'f'))
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "docs/features/did-method.md",
                              "did:cairn: 64 lower-case hexadecimal digits, twice");
        digits[i] = (char)text.data[i];
    }
    return cairn_hex_decode(digits, ret_hash->b, sizeof ret_hash->b);
}

cairn_err cairn_did_cairn_parse(const cairn_did *did, cairn_hash *ret_ledger, cairn_hash *ret_org)
{
    cairn_hash ledger, org;
    if (!cairn_did_is_method(did, "cairn") || did->id.size != 129 || did->id.data[64] != ':')
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "docs/features/did-method.md",
                          "did:cairn: ledger and organisation, 64 digits each");
    CAIRN_TRY(parse_hash(slice(did->id, 0, 64), &ledger));
    CAIRN_TRY(parse_hash(slice(did->id, 65, 129), &org));
    *ret_ledger = ledger;
    *ret_org = org;
    return CAIRN_OK;
}

void cairn_did_cairn_format(const cairn_hash *ledger, const cairn_hash *org,
                            char ret_text[CAIRN_DID_CAIRN_SIZE + 1])
{
    memcpy(ret_text, "did:cairn:", 10);
    cairn_hex_encode(cairn_bytes_hash(ledger), ret_text + 10);
    ret_text[74] = ':';
    cairn_hex_encode(cairn_bytes_hash(org), ret_text + 75);
}

/* --- did:web --- */

/* A domain name with at least one dot whose last label is not a number: no address, no localhost.
 */
static bool is_domain(cairn_bytes host)
{
    size_t label = 0, dots = 0;
    bool number = true;
    for (size_t i = 0; i < host.size; i++) {
        uint8_t c = host.data[i];
        if (c == '.') {
            if (i == label || host.data[i - 1] == '-')
                return false;
            label = i + 1;
            number = true;
            dots++;
            continue;
        }
        if (!is_letter(c) && !is_digit(c) && (c != '-' || i == label))
            return false;
        number = number && is_digit(c);
        if (i - label >= 63)
            return false;
    }
    return dots > 0 && label < host.size && host.data[host.size - 1] != '-' && !number &&
           host.size <= 253;
}

/* ":8443" of "%3A8443" at the end of a host, "" when there is none. */
static cairn_err parse_port(cairn_bytes port, char ret_port[8])
{
    unsigned long number = 0;
    ret_port[0] = '\0';
    if (port.size == 0)
        return CAIRN_OK;
    for (size_t i = 3; i < port.size && port.size <= 8 && is_digit(port.data[i]); i++)
        number = number * 10 + (port.data[i] - '0');
    (void)snprintf(ret_port, 8, ":%lu", number % 100000);
    if (number == 0 || number > 65535 || strlen(ret_port) + 2 != port.size ||
        (port.data[2] != 'A' && port.data[2] != 'a') || port.data[1] != '3')
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, web, "did:web: port is no number of 1 to 65535");
    return CAIRN_OK;
}

/* One part of the path, as it stands: what it decodes to must be one segment and neither "." nor
 * "..". */
static bool is_segment(cairn_bytes part)
{
    size_t dots = 0, count = 0;
    for (size_t i = 0; i < part.size; count++) {
        unsigned c = part.data[i];
        if (c == '%') {
            char digits[3] = {(char)part.data[i + 1], (char)part.data[i + 2], '\0'};
            uint8_t byte = 0;
            if (cairn_hex_decode(digits, &byte, 1) != CAIRN_OK || byte < 0x21 || byte == 0x7f ||
                byte == '/' || byte == '\\' || byte == '%')
                return false;
            c = byte;
        }
        i += part.data[i] == '%' ? 3 : 1;
        dots += c == '.';
    }
    return count > 0 && !(dots == count && count <= 2);
}

static size_t find_colon(cairn_bytes text, size_t from)
{
    while (from < text.size && text.data[from] != ':')
        from++;
    return from;
}

cairn_err cairn_did_web_url(const cairn_did *did, char ret_url[CAIRN_DID_WEB_URL_SIZE])
{
    char port[8], url[CAIRN_DID_WEB_URL_SIZE];
    cairn_bytes id = did->id;
    if (!cairn_did_is_method(did, "web"))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, web, "did:web: another method");
    size_t end = find_colon(id, 0), host = 0;
    while (host < end && id.data[host] != '%')
        host++;
    CAIRN_TRY(parse_port(slice(id, host, end), port));
    if (!is_domain(slice(id, 0, host)))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, web, "did:web: host is not a domain name");
    int size = snprintf(url, sizeof url, "https://%.*s%s%s", (int)host, (const char *)id.data, port,
                        end == id.size ? "/.well-known" : "");
    while (end < id.size) {
        size_t next = find_colon(id, end + 1);
        cairn_bytes part = slice(id, end + 1, next);
        if (!is_segment(part))
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, web, "did:web: a part that is no path segment");
        size += snprintf(url + size, sizeof url - (size_t)size, "/%.*s", (int)part.size,
                         (const char *)part.data);
        end = next;
    }
    (void)snprintf(url + size, sizeof url - (size_t)size, "/did.json");
    memcpy(ret_url, url, sizeof url);
    return CAIRN_OK;
}

/* --- times --- */

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = month <= 2 ? month + 9 : month - 3;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int64_t number_at(cairn_bytes text, size_t at, size_t size)
{
    int64_t number = 0;
    for (size_t i = at; i < at + size; i++)
        number = number * 10 + (text.data[i] - '0');
    return number;
}

cairn_err cairn_did_time_parse(cairn_bytes text, uint64_t *ret_ms)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
    char again[CAIRN_DID_TIME_SIZE] = "";
    uint64_t ms = 0;
    bool good = text.size == sizeof shape - 1;
    for (size_t i = 0; good && i < text.size; i++)
        good = shape[i] == 'd' ? is_digit(text.data[i]) : text.data[i] == (uint8_t)shape[i];
    if (good) {
        int64_t days = days_of(number_at(text, 0, 4), number_at(text, 5, 2), number_at(text, 8, 2));
        int64_t seconds = days * 86400 + number_at(text, 11, 2) * 3600 +
                          number_at(text, 14, 2) * 60 + number_at(text, 17, 2);
        if (seconds >= 0)
            ms = (uint64_t)seconds * 1000;
        cairn_did_time_format(ms, again);
    }
    /* Whatever rolled over, a 31st of April or a 24th hour, reads otherwise when it is written. */
    if (!good || !cairn_bytes_equal(text, cairn_bytes_str(again)))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "DID Resolution, versionTime",
                          "versionTime: not like 2026-01-31T12:00:00Z");
    *ret_ms = ms;
    return CAIRN_OK;
}

void cairn_did_time_format(uint64_t ms, char ret_text[CAIRN_DID_TIME_SIZE])
{
    char text[CAIRN_CLOCK_TEXT_SIZE];
    cairn_clock_format(ms, text);
    memcpy(ret_text, text, 19); /* without the milliseconds */
    memcpy(ret_text + 19, "Z", 2);
}
