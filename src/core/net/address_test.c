/* Public addresses are told from all others: rows of the IANA special-purpose registries, the edges
 * of their blocks, and neighbours outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "core/net/address.h"

static struct sockaddr_storage make(const char *text)
{
    struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(443);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(443);
    }
    return storage;
}

static void expect(const char *const *texts, size_t count, bool is_public)
{
    for (size_t i = 0; i < count; i++) {
        struct sockaddr_storage address = make(texts[i]);
        if (cairn_address_is_public((const struct sockaddr *)&address) != is_public)
            fail_msg("%s", texts[i]);
    }
}

static void test_public(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "1.0.0.0",         "8.8.8.8",           "9.255.255.255",   "11.0.0.0",
        "100.63.255.255",  "100.128.0.0",       "126.255.255.255", "128.0.0.0",
        "169.253.255.255", "169.255.0.0",       "172.15.255.255",  "172.32.0.0",
        "192.0.1.0",       "192.167.255.255",   "192.169.0.0",     "198.17.255.255",
        "198.20.0.0",      "223.255.255.255",   "2001:200::1",     "2001:4860:4860::8888",
        "2606:4700::1111", "2a00:1450:4001::1", "2003::1",         "3ffd::1",
    };
    expect(texts, sizeof texts / sizeof texts[0], true);
}

static void test_not_public(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2001:10::1",
        "2001:20::1",
        "2001:1ff:ffff::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "3fff::1",
        "3ffe::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "4000::1",
        "1fff::1",
    };
    expect(texts, sizeof texts / sizeof texts[0], false);
    const struct sockaddr local = {.sa_family = AF_UNIX};
    assert_false(cairn_address_is_public(&local));
}

static void test_networks(void **state)
{
    (void)state;
    static const struct {
        const char *network, *address;
        bool holds;
    } rows[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"0.0.0.0/0", "200.1.2.3", true},
        {"0.0.0.0/0", "::1", false},
        {"192.168.1.7", "192.168.1.7", true},
        {"192.168.1.7", "192.168.1.6", false},
        {"10.1.2.128/25", "10.1.2.200", true},
        {"10.1.2.128/25", "10.1.2.127", false},
        {"fd00::/8", "fd12::1", true},
        {"fd00::/8", "fc12::1", false},
        {"::1", "::1", true},
        {"::ffff:10.0.0.0/104", "::ffff:10.1.1.1", true},
        {"10.0.0.0/8", "::ffff:10.1.1.1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_network network;
        struct sockaddr_storage address = make(rows[i].address);
        assert_int_equal(cairn_network_parse(rows[i].network, &network), CAIRN_OK);
        if (cairn_network_holds(&network, (const struct sockaddr *)&address) != rows[i].holds)
            fail_msg("%s %s", rows[i].network, rows[i].address);
    }
}

static void test_networks_that_are_none(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "/8",
                                        "10.0.0.0/",
                                        "10.0.0.0/33",
                                        "10.0.0.1/8",
                                        "10.0.0/8",
                                        "10.0.0.0/08",
                                        "10.0.0.0/8 ",
                                        "fd00::/129",
                                        "fd00::1/8",
                                        "example.org",
                                        "10.0.0.0/-1",
                                        "10.0.0.0/1000",
                                        "0x7f.1",
                                        "127.1",
                                        "010.0.0.0/8"};
    cairn_network network;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (cairn_network_parse(texts[i], &network) != CAIRN_ERR_BAD_VALUE)
            fail_msg("'%s'", texts[i]);
}

static void test_format(void **state)
{
    (void)state;
    static const char *const texts[] = {"192.0.2.1", "2001:db8::1", "::1"};
    for (size_t i = 0; i < 3; i++) {
        struct sockaddr_storage address = make(texts[i]);
        char text[46];
        uint16_t port = 0;
        cairn_address_format((const struct sockaddr *)&address, text, &port);
        assert_string_equal(text, texts[i]);
        assert_int_equal(port, 443);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public),   cmocka_unit_test(test_not_public),
        cmocka_unit_test(test_networks), cmocka_unit_test(test_networks_that_are_none),
        cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
