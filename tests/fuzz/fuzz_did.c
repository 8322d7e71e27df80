/* DIDs, DID URLs and resolution options: what is taken has its parts in order within the text, and
 * what is made of it stays within its grammar. */
#include "fuzz/fuzz.h"

#include "identity/did/did_resolve.h"

static bool is_within(cairn_bytes part, cairn_bytes whole)
{
    return part.data == NULL ||
           (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

static void check_url(cairn_bytes in)
{
    cairn_did_url url;
    cairn_did did;
    if (cairn_did_url_parse(in, &url) != CAIRN_OK)
        return;
    size_t size = url.did.text.size + url.path.size;
    size += url.query.data == NULL ? 0 : 1 + url.query.size;
    size += url.fragment.data == NULL ? 0 : 1 + url.fragment.size;
    CAIRN_ASSERT(size == in.size);
    CAIRN_ASSERT(is_within(url.path, in) && is_within(url.query, in) &&
                 is_within(url.fragment, in));
    CAIRN_ASSERT(cairn_did_parse(url.did.text, &did) == CAIRN_OK);
}

static void check_did(cairn_bytes in)
{
    char url[CAIRN_DID_WEB_URL_SIZE], text[CAIRN_DID_CAIRN_SIZE + 1];
    cairn_did did;
    cairn_hash ledger, org;
    if (cairn_did_parse(in, &did) != CAIRN_OK)
        return;
    CAIRN_ASSERT(did.method.size + did.id.size + 5 == in.size);
    if (cairn_did_web_url(&did, url) == CAIRN_OK) {
        CAIRN_ASSERT(strncmp(url, "https://", 8) == 0 && strstr(url, "/../") == NULL);
        CAIRN_ASSERT(strpbrk(url, "@?#\\ \r\n") == NULL);
        CAIRN_ASSERT(strlen(url) > 9 && strcmp(url + strlen(url) - 9, "/did.json") == 0);
    }
    if (cairn_did_cairn_parse(&did, &ledger, &org) == CAIRN_OK) {
        cairn_did_cairn_format(&ledger, &org, text);
        CAIRN_ASSERT(cairn_bytes_equal(in, cairn_bytes_str(text)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_bytes in = cairn_bytes_of(data, size);
    cairn_did_options options;
    uint64_t ms = 0;
    char text[CAIRN_DID_TIME_SIZE];
    check_url(in);
    check_did(in);
    if (cairn_did_options_parse((cairn_bytes){0}, in, &options) == CAIRN_DID_OK)
        CAIRN_ASSERT(!options.has_version_id || !options.has_version_time);
    (void)cairn_did_options_parse(in, (cairn_bytes){0}, &options);
    if (cairn_did_time_parse(in, &ms) == CAIRN_OK) {
        cairn_did_time_format(ms, text);
        CAIRN_ASSERT(cairn_bytes_equal(in, cairn_bytes_str(text)));
    }
    return 0;
}
