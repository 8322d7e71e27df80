/* Service info: the queue of modules, and each of the owner's modules against a device that the
 * test plays. */
#include "onboard/server/modules.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "cairn/sha256.h"
#include "support/fdo_world.h"

enum { GOT_MAX = 512 };

typedef struct talk {
    fdo_world world;
    fdo_device device;
    cairn_err (*plan)(struct talk *t, cairn_fdo_run *run);
    /* what the owner said last: values under their keys, put together from their pieces */
    size_t got_count;
    struct {
        char key[64];
        uint8_t value[16384];
        size_t size;
    } got[GOT_MAX];
    bool is_open; /* the last of these goes on */
    bool done;
    unsigned pieces;
    /* what modules told */
    cairn_bytes uploaded;
    int64_t exit_code;
    cairn_bytes out, err;
    /* what an authority was asked, and says */
    cairn_err verdict;
    unsigned issued;
    bool again;
    char challenge[CAIRN_FDO_CHALLENGE_SIZE];
    cairn_bytes request;
    pthread_t thread;
    bool has_thread;
    cairn_fdo_issued_fn done_fn;
    void *done_context;
} talk;

static cairn_err plan(void *context, cairn_fdo_run *run)
{
    talk *t = context;
    return t->plan == NULL ? CAIRN_OK : t->plan(t, run);
}

static int setup(void **state)
{
    talk *t = calloc(1, sizeof *t);
    assert_non_null(t);
    fdo_world_init(&t->world);
    fdo_device_init(&t->device, &t->world, CAIRN_KEY_P256);
    t->world.owner.plan = plan;
    t->world.owner.context = t;
    t->world.owner.onboarded = NULL;
    assert_int_equal(fdo_device_di(&t->device), 0);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    talk *t = *state;
    fdo_device_done(&t->device);
    fdo_world_done(&t->world);
    free(t);
    return 0;
}

/* --- speaking --- */

/* An owner's value may come in pieces, in messages that say that there is more. */
static void hear(talk *t, const cairn_fdo_info_list *list)
{
    if (!t->is_open)
        t->got_count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const cairn_fdo_info *pair = &list->pairs[i];
        if (!t->is_open || i > 0) {
            assert_true(t->got_count < GOT_MAX && pair->key.size < sizeof t->got[0].key);
            memcpy(t->got[t->got_count].key, pair->key.data, pair->key.size);
            t->got[t->got_count].key[pair->key.size] = '\0';
            t->got[t->got_count++].size = 0;
        } else {
            t->pieces++;
        }
        size_t at = t->got_count - 1;
        assert_true(t->got[at].size + pair->value.size <= sizeof t->got[at].value);
        memcpy(t->got[at].value + t->got[at].size, pair->value.data, pair->value.size);
        t->got[at].size += pair->value.size;
    }
    t->is_open = list->more;
    t->done = list->done;
}

static unsigned say_pairs(talk *t, const cairn_fdo_info *pairs, size_t count, bool more)
{
    cairn_fdo_info_list list = {0};
    unsigned code = fdo_device_info(&t->device, pairs, count, more, &list);
    if (code == 0)
        hear(t, &list);
    while (code == 0 && t->is_open) { /* an empty message asks for the rest */
        code = fdo_device_info(&t->device, NULL, 0, false, &list);
        if (code == 0)
            hear(t, &list);
    }
    return code;
}

static unsigned say(talk *t, const char *key, const void *value, size_t size)
{
    const cairn_fdo_info pair = {cairn_bytes_str(key), cairn_bytes_of(value, size)};
    return say_pairs(t, &pair, 1, false);
}

static unsigned say_int(talk *t, const char *key, int64_t number)
{
    uint8_t item[9];
    cairn_cbor_writer writer;
    cairn_cbor_writer_init(&writer, item, sizeof item);
    cairn_cbor_put_int(&writer, number);
    return say(t, key, item, writer.size);
}

static unsigned say_string(talk *t, const char *key, cairn_bytes string, bool is_text)
{
    cairn_cbor_writer writer;
    void *memory = NULL;
    FDO_MUST(cairn_arena_alloc(&t->world.arena, string.size + 9, &memory));
    cairn_cbor_writer_init(&writer, memory, string.size + 9);
    if (is_text)
        cairn_cbor_put_text_view(&writer, string);
    else
        cairn_cbor_put_bytes(&writer, string);
    return say(t, key, memory, writer.size);
}

static unsigned say_nothing(talk *t)
{
    return say_pairs(t, NULL, 0, false);
}

/* TO2 up to what the owner answers to devmod; `names` are announced beside it. */
static unsigned begin(talk *t, const char *const *names, size_t count)
{
    uint8_t buffer[1024];
    cairn_cbor_writer writer;
    unsigned code = fdo_device_to2_open(&t->device);
    cairn_cbor_writer_init(&writer, buffer, sizeof buffer);
    cairn_cbor_put_array(&writer, 2 + count);
    cairn_cbor_put_uint(&writer, 0);
    cairn_cbor_put_uint(&writer, count);
    for (size_t i = 0; i < count; i++)
        cairn_cbor_put_text(&writer, names[i]);
    const cairn_fdo_info pairs[] = {
        FDO_PAIR("devmod:active", "\xf5"),
        FDO_PAIR("devmod:os", "\x65linux"),
        {cairn_bytes_str("devmod:modules"), cairn_bytes_of(buffer, writer.size)}};
    t->got_count = 0;
    t->is_open = false;
    return code != 0 ? code : say_pairs(t, pairs, 3, false);
}

static unsigned begin_one(talk *t, const char *name)
{
    return begin(t, &name, 1);
}

static void expect_keys(const talk *t, const char *const *keys, size_t count)
{
    assert_int_equal(t->got_count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(t->got[i].key, keys[i]);
}

static void finish(talk *t)
{
    assert_true(t->done);
    assert_int_equal(t->got_count, 0);
    assert_int_equal(fdo_device_finish(&t->device), 0);
    fdo_device_commit(&t->device);
}

static cairn_bytes content_of(const talk *t, size_t i, bool is_text)
{
    cairn_cbor_reader reader;
    cairn_bytes content = {0};
    FDO_MUST(cairn_cbor_open(&reader, cairn_bytes_of(t->got[i].value, t->got[i].size),
                             CAIRN_CBOR_STRICT, "test", "test"));
    FDO_MUST(is_text ? cairn_cbor_read_text(&reader, "text", 0, SIZE_MAX, &content)
                     : cairn_cbor_read_bytes(&reader, "bytes", 0, SIZE_MAX, &content));
    return content;
}

static uint64_t number_of(const talk *t, size_t i)
{
    cairn_cbor_reader reader;
    uint64_t number = 0;
    FDO_MUST(cairn_cbor_open(&reader, cairn_bytes_of(t->got[i].value, t->got[i].size),
                             CAIRN_CBOR_STRICT, "test", "test"));
    FDO_MUST(cairn_cbor_read_uint(&reader, "number", 0, UINT64_MAX, &number));
    return number;
}

/* --- download --- */

static uint8_t file_content[5000];
static cairn_fdo_download file = {.name = "firmware.bin",
                                  .content = {file_content, sizeof file_content}};

static cairn_err plan_download(talk *t, cairn_fdo_run *run)
{
    (void)t;
    assert_string_equal(cairn_fdo_run_facts(run)->os, "linux");
    return cairn_fdo_run_download(run, &file, false);
}

static void test_download(void **state)
{
    static const char *const opening[] = {"fdo.download:active", "fdo.download:name",
                                          "fdo.download:length", "fdo.download:sha-384"};
    talk *t = *state;
    size_t received = 0;
    for (size_t i = 0; i < sizeof file_content; i++)
        file_content[i] = (uint8_t)(i * 7);
    t->plan = plan_download;
    assert_int_equal(begin_one(t, "fdo.download"), 0);
    expect_keys(t, opening, 4);
    assert_int_equal(number_of(t, 2), sizeof file_content);
    while (received < sizeof file_content) {
        assert_int_equal(say_nothing(t), 0);
        assert_int_not_equal(t->got_count, 0);
        for (size_t i = 0; i < t->got_count; i++) {
            cairn_bytes chunk = content_of(t, i, false);
            assert_string_equal(t->got[i].key, "fdo.download:data");
            assert_true(chunk.size <= 1014);
            assert_memory_equal(chunk.data, file_content + received, chunk.size);
            received += chunk.size;
        }
    }
    assert_int_equal(received, sizeof file_content);
    assert_int_equal(say_nothing(t), 0);
    assert_false(t->done);
    assert_int_equal(say_int(t, "fdo.download:done", sizeof file_content), 0);
    finish(t);
}

static void test_download_fails(void **state)
{
    talk *t = *state;
    t->plan = plan_download;
    assert_int_equal(begin_one(t, "fdo.download"), 0);
    assert_int_equal(say_int(t, "fdo.download:done", -1), CAIRN_FDO_MESSAGE_BODY_ERROR);
}

/* --- upload --- */

static cairn_err take_upload(void *context, cairn_fdo_run *run, const char *name,
                             cairn_bytes content)
{
    talk *t = context;
    (void)run;
    assert_string_equal(name, "log.txt");
    return cairn_arena_copy(&t->world.arena, content, &t->uploaded);
}

static cairn_fdo_upload wanted = {.name = "log.txt", .size_max = 4096, .take = take_upload};

static cairn_err plan_upload(talk *t, cairn_fdo_run *run)
{
    wanted.context = t;
    return cairn_fdo_run_upload(run, &wanted, true);
}

static void digest_of(cairn_bytes content, uint8_t ret_digest[48])
{
    assert_int_equal(EVP_Digest(content.data, content.size, ret_digest, NULL, EVP_sha384(), NULL),
                     1);
}

static void test_upload(void **state)
{
    static const char *const opening[] = {"fdo.upload:active", "fdo.upload:need-sha",
                                          "fdo.upload:name"};
    talk *t = *state;
    uint8_t digest[48];
    t->plan = plan_upload;
    digest_of(cairn_bytes_of(file_content, 3000), digest);
    assert_int_equal(begin_one(t, "fdo.upload"), 0);
    expect_keys(t, opening, 3);
    assert_int_equal(say_int(t, "fdo.upload:length", 3000), 0);
    for (size_t at = 0; at < 3000; at += 1000)
        assert_int_equal(
            say_string(t, "fdo.upload:data", cairn_bytes_of(file_content + at, 1000), false), 0);
    assert_false(t->done);
    assert_int_equal(say_string(t, "fdo.upload:sha-384", cairn_bytes_of(digest, 48), false), 0);
    assert_true(cairn_bytes_equal(t->uploaded, cairn_bytes_of(file_content, 3000)));
    finish(t);
}

static void test_upload_refused(void **state)
{
    talk *t = *state;
    uint8_t digest[48] = {0};
    t->plan = plan_upload;
    assert_int_equal(begin_one(t, "fdo.upload"), 0);
    assert_int_equal(say_int(t, "fdo.upload:length", 4097), CAIRN_FDO_MESSAGE_BODY_ERROR);
    assert_int_equal(begin_one(t, "fdo.upload"), 0);
    assert_int_equal(say_int(t, "fdo.upload:length", 3), 0);
    assert_int_equal(say_string(t, "fdo.upload:data", cairn_bytes_str("abcd"), false), 0);
    assert_int_equal(say_string(t, "fdo.upload:sha-384", cairn_bytes_of(digest, 48), false),
                     CAIRN_FDO_INVALID_MESSAGE_ERROR); /* longer than was said */
    assert_int_equal(begin_one(t, "fdo.upload"), 0);
    assert_int_equal(say_int(t, "fdo.upload:length", 4), 0);
    assert_int_equal(say_string(t, "fdo.upload:data", cairn_bytes_str("abcd"), false), 0);
    assert_int_equal(say_string(t, "fdo.upload:sha-384", cairn_bytes_of(digest, 48), false),
                     CAIRN_FDO_INVALID_MESSAGE_ERROR);
    assert_int_equal(begin_one(t, "fdo.upload"), 0);
    for (size_t at = 0; at < 4000; at += 1000)
        assert_int_equal(
            say_string(t, "fdo.upload:data", cairn_bytes_of(file_content + at, 1000), false), 0);
    assert_int_equal(say_string(t, "fdo.upload:data", cairn_bytes_of(file_content, 97), false),
                     CAIRN_FDO_MESSAGE_BODY_ERROR);
    assert_int_equal(t->uploaded.size, 0);
}

/* --- wget, command --- */

static const uint8_t any_hash[CAIRN_FDO_SHA384_SIZE];
static const cairn_fdo_wget fetched = {
    .name = "map", .url = "http://files.example/map", .sha384 = any_hash};

static cairn_err plan_wget(talk *t, cairn_fdo_run *run)
{
    (void)t;
    return cairn_fdo_run_wget(run, &fetched, false);
}

static void test_wget(void **state)
{
    static const char *const opening[] = {"fdo.wget:active", "fdo.wget:sha-384", "fdo.wget:name",
                                          "fdo.wget:url"};
    talk *t = *state;
    t->plan = plan_wget;
    assert_int_equal(begin_one(t, "fdo.wget"), 0);
    expect_keys(t, opening, 4);
    assert_int_equal(say_int(t, "fdo.wget:done", 17), 0);
    finish(t);
    assert_int_equal(begin_one(t, "fdo.wget"), 0);
    assert_int_equal(say_string(t, "fdo.wget:error", cairn_bytes_str("no route"), true),
                     CAIRN_FDO_MESSAGE_BODY_ERROR);
}

static void take_output(void *context, cairn_fdo_run *run, int64_t exit_code, cairn_bytes out,
                        cairn_bytes err)
{
    talk *t = context;
    (void)run;
    t->exit_code = exit_code;
    FDO_MUST(cairn_arena_copy(&t->world.arena, out, &t->out));
    FDO_MUST(cairn_arena_copy(&t->world.arena, err, &t->err));
}

static const char *const words[] = {"-l", "/etc"};
static cairn_fdo_command order = {
    .command = "ls", .arguments = words, .argument_count = 2, .done = take_output};

static cairn_err plan_command(talk *t, cairn_fdo_run *run)
{
    order.context = t;
    return cairn_fdo_run_command(run, &order, false);
}

static void test_command(void **state)
{
    static const char *const opening[] = {"fdo.command:active",        "fdo.command:command",
                                          "fdo.command:args",          "fdo.command:return_stdout",
                                          "fdo.command:return_stderr", "fdo.command:execute"};
    talk *t = *state;
    t->plan = plan_command;
    assert_int_equal(begin_one(t, "fdo.command"), 0);
    expect_keys(t, opening, 6);
    cairn_bytes arguments = content_of(t, 2, false);
    assert_memory_equal(arguments.data, "\x82\x62-l\x64/etc", 9);
    assert_int_equal(say_string(t, "fdo.command:stdout", cairn_bytes_str("hosts\n"), false), 0);
    assert_int_equal(say_string(t, "fdo.command:stderr", cairn_bytes_str("?"), false), 0);
    assert_int_equal(say_int(t, "fdo.command:exitcode", 0), 0);
    assert_true(cairn_bytes_equal(t->out, cairn_bytes_str("hosts\n")));
    assert_true(cairn_bytes_equal(t->err, cairn_bytes_str("?")));
    finish(t);
    assert_int_equal(begin_one(t, "fdo.command"), 0);
    assert_int_equal(say_int(t, "fdo.command:exitcode", 2), CAIRN_FDO_MESSAGE_BODY_ERROR);
    assert_int_equal(t->exit_code, 2);
    order.may_fail = true;
    assert_int_equal(begin_one(t, "fdo.command"), 0);
    assert_int_equal(say_int(t, "fdo.command:exitcode", 2), 0);
    order.may_fail = false;
    finish(t);
}

/* --- csr --- */

static const cairn_bytes issued_chain[] = {{(const uint8_t *)"certificate", 11}};

static void *issue_later(void *context)
{
    talk *t = context;
    t->done_fn(t->done_context, t->verdict, issued_chain, 1);
    return NULL;
}

/* Answers from another thread, as a CA does. */
static void issue(void *context, const cairn_fdo_run *run, bool again, cairn_bytes csr,
                  const char *challenge, cairn_fdo_issued_fn done, void *done_context)
{
    talk *t = context;
    (void)run;
    t->issued++;
    t->again = again;
    FDO_MUST(cairn_arena_copy(&t->world.arena, csr, &t->request));
    memcpy(t->challenge, challenge, sizeof t->challenge);
    t->done_fn = done;
    t->done_context = done_context;
    if (t->has_thread)
        (void)pthread_join(t->thread, NULL);
    t->has_thread = true;
    assert_int_equal(pthread_create(&t->thread, NULL, issue_later, t), 0);
}

static void join(talk *t)
{
    if (t->has_thread)
        (void)pthread_join(t->thread, NULL);
    t->has_thread = false;
}

static cairn_bytes authority_certificates[6];
static cairn_fdo_authority authority = {
    .certificates = authority_certificates, .certificate_count = 6, .issue = issue};

static cairn_err plan_csr(talk *t, cairn_fdo_run *run)
{
    authority.context = t;
    for (size_t i = 0; i < 6; i++)
        authority_certificates[i] =
            fdo_der(&t->world.arena, fdo_certificate(t->world.authority->pkey, "authority",
                                                     t->world.authority->pkey));
    CAIRN_TRY(cairn_fdo_run_csr(run, &authority, true));
    return cairn_fdo_run_csr(run, &authority, true);
}

/* What stands in a text of base64. */
static cairn_bytes der_of(talk *t, size_t i)
{
    cairn_bytes text = content_of(t, i, true);
    void *der = NULL;
    size_t size = 0;
    FDO_MUST(cairn_arena_alloc(&t->world.arena, text.size, &der));
    FDO_MUST(cairn_base64_decode(text, der, text.size, &size));
    return cairn_bytes_of(der, size);
}

static void check_certs_only(talk *t)
{
    cairn_bytes der = der_of(t, 0);
    const uint8_t *at = der.data;
    PKCS7 *p7 = d2i_PKCS7(NULL, &at, (long)der.size);
    assert_non_null(p7);
    assert_int_equal(sk_X509_num(p7->d.sign->cert), 6);
    PKCS7_free(p7);
}

static void check_challenge(const talk *t)
{
    const cairn_bytes parts[] = {cairn_bytes_str("cairn/csr/1"),
                                 cairn_bytes_of(t->device.prove_nonce.b, 16),
                                 cairn_bytes_of(t->device.setup_nonce.b, 16)};
    cairn_hash hash;
    char text[45];
    cairn_sha256_parts(parts, 3, &hash);
    cairn_base64_encode(cairn_bytes_hash(&hash), text);
    assert_string_equal(t->challenge, text);
}

/* [X1353-R32] Anchors first, then the certificate; twice, as for operator and provider. */
static void test_csr(void **state)
{
    talk *t = *state;
    static const uint8_t no = 0xf4;
    t->plan = plan_csr;
    assert_int_equal(begin_one(t, "fdo.csr"), 0);
    for (int i = 0; i < 2; i++) { /* ended by its word, then by its silence */
        assert_int_equal(t->got_count, 1);
        assert_string_equal(t->got[0].key, "fdo.csr:active");
        t->pieces = 0;
        assert_int_equal(say_int(t, "fdo.csr:cacerts-req", 281), 0);
        assert_true(t->pieces > 0); /* more than fits into 1,300 bytes */
        check_certs_only(t);
        assert_int_equal(say_int(t, "fdo.csr:cacerts-req", 287), 0);
        assert_true(cairn_bytes_equal(content_of(t, 0, false), authority_certificates[0]));
        assert_int_equal(say_string(t, "fdo.csr:simpleenroll-req", cairn_bytes_str("Y3Ny"), true),
                         0);
        assert_string_equal(t->got[0].key, "fdo.csr:simpleenroll-res");
        assert_true(cairn_bytes_equal(der_of(t, 0), issued_chain[0]));
        assert_true(cairn_bytes_equal(t->request, cairn_bytes_str("csr")));
        assert_false(t->again);
        check_challenge(t);
        assert_int_equal(say_string(t, "fdo.csr:simplereenroll-req", cairn_bytes_str("csr"), false),
                         0);
        assert_string_equal(t->got[0].key, "fdo.csr:simplereenroll-res");
        assert_true(cairn_bytes_equal(content_of(t, 0, false), issued_chain[0]));
        assert_true(cairn_bytes_equal(t->request, cairn_bytes_str("csr")));
        assert_true(t->again);
        assert_int_equal(i == 0 ? say(t, "fdo.csr:active", &no, 1) : say_nothing(t), 0);
    }
    join(t);
    assert_int_equal(t->issued, 4);
    finish(t);
}

static void expect_error(talk *t, unsigned number)
{
    assert_int_equal(t->got_count, 1);
    assert_string_equal(t->got[0].key, "fdo.csr:error");
    assert_int_equal(number_of(t, 0), number);
}

static void test_csr_errors(void **state)
{
    static const struct {
        cairn_err verdict;
        unsigned number;
    } verdicts[] = {{CAIRN_ERR_BAD_SIGNATURE, 1},
                    {CAIRN_ERR_TRUNCATED, 1},
                    {CAIRN_ERR_TX_FORBIDDEN, 2},
                    {CAIRN_ERR_EXISTS, 2},
                    {CAIRN_ERR_BUSY, 4}};
    talk *t = *state;
    t->plan = plan_csr;
    assert_int_equal(begin_one(t, "fdo.csr"), 0);
    assert_int_equal(say_int(t, "fdo.csr:cacerts-req", 1), 0);
    expect_error(t, 5);
    assert_int_equal(say_int(t, "fdo.csr:csrattrs-req", 0), 0);
    expect_error(t, 3);
    assert_int_equal(say_string(t, "fdo.csr:serverkeygen-req", cairn_bytes_str("Y3Ny"), true), 0);
    expect_error(t, 3);
    assert_int_equal(say_string(t, "fdo.csr:simpleenroll-req", cairn_bytes_str("!"), true), 0);
    expect_error(t, 1);
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        t->verdict = verdicts[i].verdict;
        assert_int_equal(say_string(t, "fdo.csr:simpleenroll-req", cairn_bytes_str("Y3Ny"), true),
                         0);
        expect_error(t, verdicts[i].number);
    }
    t->verdict = CAIRN_ERR_IO; /* ours */
    assert_int_equal(say_string(t, "fdo.csr:simpleenroll-req", cairn_bytes_str("Y3Ny"), true),
                     CAIRN_FDO_INTERNAL_SERVER_ERROR);
    join(t);
}

/* A device that says nothing is not waited for without an end. */
static void test_csr_silence(void **state)
{
    talk *t = *state;
    unsigned rounds = 0;
    t->plan = plan_csr;
    assert_int_equal(begin_one(t, "fdo.csr"), 0);
    for (; !t->done && rounds < 100; rounds++)
        assert_int_equal(say_nothing(t), 0);
    assert_true(rounds > 16 && rounds < 50);
    finish(t);
}

/* --- the queue --- */

static cairn_err plan_many(talk *t, cairn_fdo_run *run)
{
    CAIRN_TRY(plan_wget(t, run));
    CAIRN_TRY(plan_download(t, run));
    return plan_command(t, run);
}

/* [X1353-R31] A device that has none of it is onboarded all the same; so is one that says that it
 * has and has not. */
static void test_optional(void **state)
{
    static const char *const two[] = {"fdo.command", "fdo.wget"};
    static const uint8_t no = 0xf4;
    talk *t = *state;
    t->plan = plan_many;
    assert_int_equal(begin(t, NULL, 0), 0);
    finish(t);
    assert_int_equal(begin(t, two, 2), 0);
    assert_string_equal(t->got[0].key, "fdo.wget:active"); /* in the plan's order */
    assert_int_equal(say(t, "fdo.wget:active", &no, 1), 0);
    assert_string_equal(t->got[0].key, "fdo.command:active");
    assert_int_equal(say_int(t, "fdo.command:exitcode", 0), 0);
    finish(t);
}

static void test_required(void **state)
{
    static const uint8_t no = 0xf4;
    talk *t = *state;
    t->plan = plan_upload;
    assert_int_equal(begin(t, NULL, 0), CAIRN_FDO_MESSAGE_BODY_ERROR);
    assert_int_equal(begin_one(t, "fdo.upload"), 0);
    assert_int_equal(say(t, "fdo.upload:active", &no, 1), CAIRN_FDO_MESSAGE_BODY_ERROR);
}

static cairn_err plan_too_many(talk *t, cairn_fdo_run *run)
{
    for (size_t i = 0; i <= CAIRN_FDO_MODULES_MAX; i++)
        CAIRN_TRY(plan_wget(t, run));
    return CAIRN_OK;
}

static void test_too_many(void **state)
{
    talk *t = *state;
    t->plan = plan_too_many;
    assert_int_equal(begin_one(t, "fdo.wget"), CAIRN_FDO_MESSAGE_BODY_ERROR);
}

/* --- values in pieces --- */

static void test_pieces(void **state)
{
    talk *t = *state;
    static const cairn_fdo_info whole[] = {FDO_PAIR("fdo.upload:length", "\x04"),
                                           FDO_PAIR("fdo.upload:data", "\x44"
                                                                       "a")};
    static const cairn_fdo_info rest[] = {FDO_PAIR("fdo.upload:data", "bc"),
                                          FDO_PAIR("fdo.upload:data", "d")};
    uint8_t digest[48];
    digest_of(cairn_bytes_str("abcd"), digest);
    t->plan = plan_upload;
    assert_int_equal(begin_one(t, "fdo.upload"), 0);
    assert_int_equal(say_pairs(t, whole, 2, true), 0);
    assert_int_equal(t->got_count, 0); /* the device goes on speaking */
    assert_int_equal(say_pairs(t, rest, 2, false), 0);
    assert_int_equal(say_string(t, "fdo.upload:sha-384", cairn_bytes_of(digest, 48), false), 0);
    assert_true(cairn_bytes_equal(t->uploaded, cairn_bytes_str("abcd")));
    finish(t);
}

/* [X1353-R39] */
static void test_pieces_refused(void **state)
{
    talk *t = *state;
    static const cairn_fdo_info half[] = {FDO_PAIR("fdo.upload:data", "\x44"
                                                                      "a"),
                                          FDO_PAIR("fdo.upload:length", "\x04")};
    static const cairn_fdo_info nul[] = {FDO_PAIR("fdo.upload:\0", "\xf5")};
    static const cairn_fdo_info broken[] = {FDO_PAIR("fdo.upload:data", "\xff")};
    static uint8_t flood[8000];
    cairn_fdo_info large = {cairn_bytes_str("fdo.upload:data"), {flood, sizeof flood}};
    t->plan = plan_upload;
    assert_int_equal(begin_one(t, "fdo.upload"), 0);
    assert_int_equal(say_pairs(t, half, 1, false), CAIRN_FDO_MESSAGE_BODY_ERROR);
    assert_int_equal(begin_one(t, "fdo.upload"), 0);
    assert_int_equal(say_pairs(t, half, 2, true), CAIRN_FDO_MESSAGE_BODY_ERROR);
    assert_int_equal(begin_one(t, "fdo.upload"), 0);
    assert_int_equal(say_pairs(t, nul, 1, false), CAIRN_FDO_MESSAGE_BODY_ERROR);
    assert_int_equal(begin_one(t, "fdo.upload"), 0);
    assert_int_equal(say_pairs(t, broken, 1, false), CAIRN_FDO_MESSAGE_BODY_ERROR);
    /* one value of 4 GiB, as it says, piece after piece */
    assert_int_equal(begin_one(t, "fdo.upload"), 0);
    memcpy(flood, "\x5a\xff\xff\xff\xff", 5);
    unsigned code = 0;
    unsigned rounds = 0;
    for (; code == 0 && rounds < 100; rounds++)
        code = say_pairs(t, &large, 1, true);
    assert_int_equal(code, CAIRN_FDO_MESSAGE_BODY_ERROR);
    assert_int_equal(rounds, 9); /* 64 KiB */
}

/* devmod is first, and ends with the first message that does not go on. */
static void test_devmod_refused(void **state)
{
    talk *t = *state;
    static const cairn_fdo_info late[] = {FDO_PAIR("devmod:os", "\x61"
                                                                "x")};
    static const cairn_fdo_info counts[] = {FDO_PAIR("devmod:modules", "\x83\x00\x02\x61"
                                                                       "x")};
    static const cairn_fdo_info number[] = {FDO_PAIR("devmod:os", "\x01")};
    t->plan = plan_wget;
    assert_int_equal(begin_one(t, "fdo.wget"), 0);
    assert_int_equal(say_pairs(t, late, 1, false), CAIRN_FDO_MESSAGE_BODY_ERROR);
    assert_int_equal(fdo_device_to2_open(&t->device), 0);
    assert_int_equal(say_pairs(t, counts, 1, true), CAIRN_FDO_MESSAGE_BODY_ERROR);
    assert_int_equal(fdo_device_to2_open(&t->device), 0);
    assert_int_equal(say_pairs(t, number, 1, true), CAIRN_FDO_MESSAGE_BODY_ERROR);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest all[] = {
        TEST(test_download),
        TEST(test_download_fails),
        TEST(test_upload),
        TEST(test_upload_refused),
        TEST(test_wget),
        TEST(test_command),
        TEST(test_csr),
        TEST(test_csr_errors),
        TEST(test_csr_silence),
        TEST(test_optional),
        TEST(test_required),
        TEST(test_too_many),
        TEST(test_pieces),
        TEST(test_pieces_refused),
        TEST(test_devmod_refused),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
