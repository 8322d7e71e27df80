/* Identifiers as text. Examples of the specifications: DID Core 1.0 section 3, did:web section 2;
 * what is refused breaks one rule of them each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "identity/did/did.h"

static bool same(cairn_bytes got, const char *want)
{
    return want == NULL ? got.data == NULL : cairn_bytes_equal(got, cairn_bytes_str(want));
}

static void test_dids(void **state)
{
    (void)state;
    static const struct {
        const char *text, *method, *id; /* method NULL: refused */
    } cases[] = {
        {"did:example:123456789abcdefghi", "example", "123456789abcdefghi"},
        {"did:web:w3c-ccg.github.io", "web", "w3c-ccg.github.io"},
        {"did:example:a:b::c", "example", "a:b::c"},
        {"did:example::a", "example", ":a"},
        {"did:x1:A.B-C_D%3a%3A", "x1", "A.B-C_D%3a%3A"},
        {"", NULL, NULL},
        {"did", NULL, NULL},
        {"did:", NULL, NULL},
        {"did::a", NULL, NULL},
        {"did:example", NULL, NULL},
        {"did:example:", NULL, NULL},
        {"did:example:a:", NULL, NULL},
        {"DID:example:a", NULL, NULL},
        {"did:Example:a", NULL, NULL},
        {"did:ex-ample:a", NULL, NULL},
        {"did:example:a b", NULL, NULL},
        {"did:example:a%4", NULL, NULL},
        {"did:example:a%4g", NULL, NULL},
        {"did:example:a%", NULL, NULL},
        {"did:example:a\x01", NULL, NULL},
        {"did:example:\xc3\xa4", NULL, NULL},
        {"did:example:a~b", NULL, NULL},
        {"did:example:a/b", NULL, NULL}, /* a DID URL */
        {"did:example:a?b=c", NULL, NULL},
        {"did:example:a#b", NULL, NULL},
        {" did:example:a", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_did did;
        cairn_err err = cairn_did_parse(cairn_bytes_str(cases[i].text), &did);
        if ((err == CAIRN_OK) != (cases[i].method != NULL))
            fail_msg("%s: %s", cases[i].text, cairn_err_name(err));
        if (err != CAIRN_OK) {
            assert_int_equal(err, CAIRN_ERR_BAD_VALUE);
            continue;
        }
        assert_true(same(did.method, cases[i].method) && same(did.id, cases[i].id));
        assert_true(same(did.text, cases[i].text));
    }
}

static void test_sizes(void **state)
{
    (void)state;
    char text[CAIRN_DID_SIZE_MAX + 2];
    cairn_did did;
    memset(text, 'a', sizeof text);
    memcpy(text, "did:x:", 6);
    assert_int_equal(cairn_did_parse(cairn_bytes_of(text, CAIRN_DID_SIZE_MAX), &did), CAIRN_OK);
    assert_int_equal(cairn_did_parse(cairn_bytes_of(text, CAIRN_DID_SIZE_MAX + 1), &did),
                     CAIRN_ERR_TOO_LARGE);
    assert_int_equal(cairn_did_parse(cairn_bytes_of("did:a:b\0", 8), &did), CAIRN_ERR_BAD_VALUE);
}

static void test_did_urls(void **state)
{
    (void)state;
    static const struct {
        const char *text, *did, *path, *query, *fragment; /* did NULL: refused */
    } cases[] = {
        {"did:example:123", "did:example:123", NULL, NULL, NULL},
        {"did:example:123456/path", "did:example:123456", "/path", NULL, NULL},
        {"did:example:123456?versionId=1", "did:example:123456", NULL, "versionId=1", NULL},
        {"did:example:123#public-key-0", "did:example:123", NULL, NULL, "public-key-0"},
        {"did:example:123?service=agent&relativeRef=/credentials#degree", "did:example:123", NULL,
         "service=agent&relativeRef=/credentials", "degree"},
        {"did:example:1/a/b?c=d?e#f", "did:example:1", "/a/b", "c=d?e", "f"},
        {"did:example:1/?#", "did:example:1", "/", "", ""},
        {"did:example:1#a#b", NULL, NULL, NULL, NULL},
        {"did:example:1/a b", NULL, NULL, NULL, NULL},
        {"did:example:1/%zz", NULL, NULL, NULL, NULL},
        {"did:example:1?a\"", NULL, NULL, NULL, NULL},
        {"/path", NULL, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_did_url url;
        cairn_err err = cairn_did_url_parse(cairn_bytes_str(cases[i].text), &url);
        if ((err == CAIRN_OK) != (cases[i].did != NULL))
            fail_msg("%s: %s", cases[i].text, cairn_err_name(err));
        if (err != CAIRN_OK)
            continue;
        assert_true(same(url.did.text, cases[i].did) && same(url.path, cases[i].path));
        assert_true(same(url.query, cases[i].query) && same(url.fragment, cases[i].fragment));
    }
}

#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_our_own_method(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "did:cairn:" DIGITS,
        "did:cairn:" DIGITS ":" DIGITS ":0",
        "did:cairn:" DIGITS "::" DIGITS,
        "did:cairn:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef:" DIGITS,
        "did:cairn:" DIGITS ":0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg",
        "did:cairn:" DIGITS ":0123456789abcdef0123456789abcdef0123456789abcdef0123456789abc%20",
        "did:cairn:0123456789abcdef:" DIGITS,
        "did:other:" DIGITS ":" DIGITS,
    };
    cairn_did did;
    cairn_hash ledger, org;
    char text[CAIRN_DID_CAIRN_SIZE + 1];
    assert_int_equal(cairn_did_parse(cairn_bytes_str("did:cairn:" DIGITS ":" DIGITS), &did),
                     CAIRN_OK);
    assert_int_equal(cairn_did_cairn_parse(&did, &ledger, &org), CAIRN_OK);
    assert_int_equal(ledger.b[31], 0xef);
    assert_int_equal(org.b[0], 0x01);
    cairn_did_cairn_format(&ledger, &org, text);
    assert_string_equal(text, "did:cairn:" DIGITS ":" DIGITS);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_int_equal(cairn_did_parse(cairn_bytes_str(refused[i]), &did), CAIRN_OK);
        assert_int_equal(cairn_did_cairn_parse(&did, &ledger, &org), CAIRN_ERR_BAD_VALUE);
    }
}

static void test_where_a_web_did_lives(void **state)
{
    (void)state;
    static const struct {
        const char *did, *url; /* NULL: refused */
    } cases[] = {
        {"did:web:w3c-ccg.github.io", "https://w3c-ccg.github.io/.well-known/did.json"},
        {"did:web:w3c-ccg.github.io:user:alice", "https://w3c-ccg.github.io/user/alice/did.json"},
        {"did:web:example.com%3A3000:user:alice", "https://example.com:3000/user/alice/did.json"},
        {"did:web:example.com%3a3000", "https://example.com:3000/.well-known/did.json"},
        {"did:web:example.com:a%3Ab", "https://example.com/a%3Ab/did.json"},
        {"did:web:example.com%3A65535", "https://example.com:65535/.well-known/did.json"},
        {"did:web:example.com%3A65536", NULL},
        {"did:web:example.com%3A0", NULL},
        {"did:web:example.com%3A080", NULL},
        {"did:web:example.com%3A", NULL},
        {"did:web:example.com%3A80%3A80", NULL},
        {"did:web:example.com%40other.com", NULL},
        {"did:web:127.0.0.1", NULL},
        {"did:web:169.254.169.254", NULL},
        {"did:web:0x7f.1", NULL},
        {"did:web:localhost", NULL},
        {"did:web:example.com.", NULL},
        {"did:web:.example.com", NULL},
        {"did:web:exa..mple.com", NULL},
        {"did:web:-example.com", NULL},
        {"did:web:example-.com", NULL},
        {"did:web:exa_mple.com", NULL},
        {"did:web:example.com:..", NULL},
        {"did:web:example.com:%2e%2E:etc", NULL},
        {"did:web:example.com:.", NULL},
        {"did:web:example.com:a%2fb", NULL},
        {"did:web:example.com:a%5Cb", NULL},
        {"did:web:example.com:a%00", NULL},
        {"did:web:example.com:a%0d%0aHost", NULL},
        {"did:web:example.com::a", NULL},
        {"did:example:example.com", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char url[CAIRN_DID_WEB_URL_SIZE];
        cairn_did did;
        assert_int_equal(cairn_did_parse(cairn_bytes_str(cases[i].did), &did), CAIRN_OK);
        cairn_err err = cairn_did_web_url(&did, url);
        if ((err == CAIRN_OK) != (cases[i].url != NULL))
            fail_msg("%s: %s", cases[i].did, err == CAIRN_OK ? url : cairn_err_name(err));
        if (err == CAIRN_OK)
            assert_string_equal(url, cases[i].url);
    }
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms; /* UINT64_MAX: refused */
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2021-05-10T17:00:00Z", 1620666000000},
        {"2000-02-29T23:59:59Z", 951868799000},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"9999-12-31T23:59:59Z", 253402300799000},
        {"1969-12-31T23:59:59Z", UINT64_MAX},
        {"2023-02-29T00:00:00Z", UINT64_MAX},
        {"2021-04-31T00:00:00Z", UINT64_MAX},
        {"2021-13-01T00:00:00Z", UINT64_MAX},
        {"2021-00-01T00:00:00Z", UINT64_MAX},
        {"2021-01-00T00:00:00Z", UINT64_MAX},
        {"2021-01-01T24:00:00Z", UINT64_MAX},
        {"2021-01-01T00:60:00Z", UINT64_MAX},
        {"2021-01-01T00:00:60Z", UINT64_MAX},
        {"2021-05-10T17:00:00.5Z", UINT64_MAX},
        {"2021-05-10T17:00:00+00:00", UINT64_MAX},
        {"2021-05-10T17:00:00z", UINT64_MAX},
        {"2021-05-10", UINT64_MAX},
        {"", UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t ms = UINT64_MAX;
        char text[CAIRN_DID_TIME_SIZE];
        cairn_err err = cairn_did_time_parse(cairn_bytes_str(cases[i].text), &ms);
        assert_int_equal(err, cases[i].ms == UINT64_MAX ? CAIRN_ERR_BAD_VALUE : CAIRN_OK);
        assert_int_equal(ms, cases[i].ms);
        if (err != CAIRN_OK)
            continue;
        cairn_did_time_format(ms + 999, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dids),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_did_urls),
        cmocka_unit_test(test_our_own_method),
        cmocka_unit_test(test_where_a_web_did_lives),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
