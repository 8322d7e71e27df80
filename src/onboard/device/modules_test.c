/* Service info between our device and an owner who follows a script: what modules do, what they
 * refuse, and that floods end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cairn/sha256.h"
#include "core/store/file.h"
#include "support/fdo_peer.h"
#include "support/hex.h"
#include "support/tree.h"

enum { HEARD_MAX = 512, SAID_MAX = 8 };

typedef struct heard_pair {
    char key[64];
    size_t size;
    uint8_t value[1400];
} heard_pair;

/* What the owner says in one message. */
typedef struct line {
    const char *key;
    cairn_bytes value;
} line;

typedef struct world {
    char directory[64], owner[96], from[96];
    fdo_peer peer;
    fdo_memory memory;
    cairn_fdo_client_modules_config offers;
    cairn_fdo_client_modules *modules;
    cairn_fdo_client_config config;
    cairn_fdo_client *device;
    const line *lines; /* the script; a NULL key ends a message, two of them all */
    size_t at;
    unsigned rounds;
    unsigned idle_max; /* empty rounds before the owner gives up */
    unsigned idle;
    size_t heard_count;
    heard_pair heard[HEARD_MAX];
    void (*hear)(struct world *w, const heard_pair *pair);
    line answer; /* to be said next, if there is a key */
    cairn_fdo_info said[SAID_MAX];
    /* a CA */
    cairn_key *ca_key;
    X509 *ca;
    char challenge[64];
} world;

static const char *const key_names[] = {"operator", "service"};

static void hear(world *w, const cairn_fdo_info_list *heard)
{
    for (size_t i = 0; i < heard->count; i++) {
        assert_true(w->heard_count < HEARD_MAX);
        heard_pair *pair = &w->heard[w->heard_count++];
        assert_true(heard->pairs[i].key.size < sizeof pair->key &&
                    heard->pairs[i].value.size <= sizeof pair->value);
        memcpy(pair->key, heard->pairs[i].key.data, heard->pairs[i].key.size);
        pair->key[heard->pairs[i].key.size] = '\0';
        memcpy(pair->value, heard->pairs[i].value.data, heard->pairs[i].value.size);
        pair->size = heard->pairs[i].value.size;
        if (w->hear != NULL)
            w->hear(w, pair);
    }
}

static void say(world *w, cairn_fdo_info_list *said, const char *key, cairn_bytes value)
{
    assert_true(said->count < SAID_MAX);
    w->said[said->count++] = (cairn_fdo_info){cairn_bytes_str(key), value};
}

/* The script, then answers, then silence until the device has nothing to say. */
static void talk(fdo_peer *peer, const cairn_fdo_info_list *heard, cairn_fdo_info_list *ret_said)
{
    world *w = peer->talker;
    *ret_said = (cairn_fdo_info_list){.pairs = w->said};
    hear(w, heard);
    w->rounds++;
    w->idle = heard->count == 0 ? w->idle + 1 : 0;
    if (w->answer.key != NULL) {
        say(w, ret_said, w->answer.key, w->answer.value);
        w->answer.key = NULL;
        return;
    }
    if (w->lines != NULL && w->lines[w->at].key != NULL) {
        for (; w->lines[w->at].key != NULL; w->at++)
            say(w, ret_said, w->lines[w->at].key, w->lines[w->at].value);
        w->at++;
        return;
    }
    ret_said->done = w->idle > w->idle_max;
}

static void world_open(world *w)
{
    w->config.modules = NULL;
    w->config.module_count = 0;
    assert_int_equal(cairn_fdo_client_modules_open(&w->offers, &w->modules), CAIRN_OK);
    w->config.modules = cairn_fdo_client_modules_list(w->modules, &w->config.module_count);
    assert_int_equal(cairn_fdo_client_open(&w->config, &w->device), CAIRN_OK);
}

static void world_init(world *w)
{
    memset(w, 0, sizeof *w);
    fdo_peer_init(&w->peer, CAIRN_KEY_P256, 0);
    w->peer.talk = talk;
    w->peer.talker = w;
    w->idle_max = 1;
    tree_make(w->directory, sizeof w->directory, "modules");
    (void)snprintf(w->owner, sizeof w->owner, "%s/owner", w->directory);
    (void)snprintf(w->from, sizeof w->from, "%s/from", w->directory);
    assert_int_equal(mkdir(w->from, 0700), 0);
    w->config = fdo_memory_config(&w->memory);
    w->offers = (cairn_fdo_client_modules_config){.directory = w->owner,
                                                  .file_size_max = 20000,
                                                  .upload_from = w->from,
                                                  .command = true,
                                                  .keys = &w->config.keys,
                                                  .key_names = key_names,
                                                  .key_name_count = 2,
                                                  .key_type = CAIRN_KEY_P256};
    world_open(w);
    assert_int_equal(fdo_play(w->device, &w->peer, CAIRN_FDO_CLIENT_DI), CAIRN_OK);
    w->peer.reuse = w->config.may_reuse = true; /* so that a run can follow a run */
}

static void world_done(world *w)
{
    cairn_fdo_client_free(w->device);
    cairn_fdo_client_modules_free(w->modules);
    fdo_memory_done(&w->memory);
    fdo_peer_done(&w->peer);
    cairn_key_free(w->ca_key);
    X509_free(w->ca);
    tree_remove(w->directory);
}

static cairn_err run(world *w, const line *lines)
{
    w->lines = lines;
    w->at = w->rounds = w->idle = 0;
    w->heard_count = 0;
    w->answer.key = NULL;
    w->peer.told_count = 0;
    return fdo_play(w->device, &w->peer, CAIRN_FDO_CLIENT_TO2_DIRECT);
}

static const heard_pair *find(const world *w, const char *key)
{
    for (size_t i = 0; i < w->heard_count; i++)
        if (strcmp(w->heard[i].key, key) == 0)
            return &w->heard[i];
    return NULL;
}

static void check_heard(const world *w, const char *key, const char *hex)
{
    TEST_HEX(want, hex);
    const heard_pair *pair = find(w, key);
    if (pair == NULL)
        fail_msg("%s: not heard", key);
    assert_true(cairn_bytes_equal(cairn_bytes_of(pair->value, pair->size), test_view(&want)));
}

#define V(text)                                   \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }
#define END_OF_MESSAGE \
    {                  \
        NULL,          \
        {              \
            NULL, 0    \
        }              \
    }
#define TRUE_ V("\xf5")

/* --- the engine --- */

static void test_devmod(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w);
    assert_int_equal(run(&w, NULL), CAIRN_OK);
    check_heard(&w, "devmod:active", "f5");
    check_heard(&w, "devmod:os", "626f73");
    check_heard(&w, "devmod:arch", "6461726368");
    check_heard(&w, "devmod:version", "6131");
    check_heard(&w, "devmod:device", "656d6f64656c");
    check_heard(&w, "devmod:sn", "4673657269616c");
    check_heard(&w, "devmod:sep", "613a");
    check_heard(&w, "devmod:bin", "6461726368");
    check_heard(&w, "devmod:nummodules", "05");
    check_heard(&w, "devmod:modules",
                "870005666465766d6f646c66646f2e646f776e6c6f61646a66646f2e75706c6f61646b66646f2e"
                "636f6d6d616e646766646f2e637372");
    assert_int_equal(w.heard_count, 10);
}

/* A limit that devmod does not fit in at once: it goes in pieces, with more to come. */
static void test_devmod_in_pieces(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w);
    w.peer.info_room = 110;
    assert_int_equal(run(&w, NULL), CAIRN_OK);
    assert_non_null(find(&w, "devmod:modules"));
    w.peer.info_room = 60; /* the list of modules alone is larger */
    assert_int_equal(run(&w, NULL), CAIRN_ERR_TOO_LARGE);
    w.peer.info_room = 1;
    assert_int_equal(run(&w, NULL), CAIRN_ERR_TOO_LARGE);
}

/* [X1353-R31] */
static void test_modules_that_are_not_here(void **state)
{
    static const line lines[] = {
        {"x.proof:active", TRUE_}, {"fdo.wget:active", TRUE_}, END_OF_MESSAGE, END_OF_MESSAGE};
    static const line many[] = {{"a:active", TRUE_}, {"b:active", TRUE_}, {"c:active", TRUE_},
                                {"d:active", TRUE_}, {"e:active", TRUE_}, END_OF_MESSAGE,
                                END_OF_MESSAGE};
    static const line unasked[] = {{"x.proof:go", TRUE_}, END_OF_MESSAGE, END_OF_MESSAGE};
    static const line inactive[] = {
        {"fdo.upload:name", V("\x61z")}, END_OF_MESSAGE, END_OF_MESSAGE};
    static const line nameless[] = {{"active", TRUE_}, END_OF_MESSAGE, END_OF_MESSAGE};
    static const line number[] = {{"fdo.upload:active", V("\x01")}, END_OF_MESSAGE, END_OF_MESSAGE};
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w);
    assert_int_equal(run(&w, lines), CAIRN_OK);
    check_heard(&w, "x.proof:active", "f4");
    check_heard(&w, "fdo.wget:active", "f4");
    assert_int_equal(run(&w, many), CAIRN_ERR_TOO_MANY);
    assert_int_equal(w.peer.told.code, CAIRN_FDO_MESSAGE_BODY_ERROR);
    assert_int_equal(run(&w, unasked), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(run(&w, inactive), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(run(&w, nameless), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(run(&w, number), CAIRN_ERR_WRONG_TYPE);
}

/* An owner who never ends. [X1353-R39] */
static void test_rounds_are_bounded(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w);
    cairn_fdo_client_free(w.device);
    w.config.rounds_max = 50;
    assert_int_equal(cairn_fdo_client_open(&w.config, &w.device), CAIRN_OK);
    w.idle_max = UINT32_MAX - 1;
    assert_int_equal(run(&w, NULL), CAIRN_ERR_TOO_MANY);
    assert_int_equal(w.rounds, 50);
    assert_int_equal(w.peer.told_count, 1);
    w.idle_max = 1;
    assert_int_equal(run(&w, NULL), CAIRN_OK);
}

static void flood(fdo_peer *peer, const cairn_fdo_info_list *heard, cairn_fdo_info_list *ret_said)
{
    static cairn_fdo_info pairs[CAIRN_FDO_INFO_MAX + 1];
    const size_t *count = peer->talker;
    (void)heard;
    for (size_t i = 0; i < CAIRN_FDO_INFO_MAX + 1; i++)
        pairs[i] =
            (cairn_fdo_info){cairn_bytes_str("fdo.upload:active"), cairn_bytes_of("\xf5", 1)};
    *ret_said = (cairn_fdo_info_list){.count = *count, .pairs = pairs, .done = true};
    if (*count == 0)
        ret_said->more = true;
}

/* [X1353-R39] */
static void test_floods(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    size_t count = CAIRN_FDO_INFO_MAX;
    (void)state;
    world_init(&w);
    w.peer.talk = flood;
    w.peer.talker = &count;
    assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2_DIRECT), CAIRN_OK);
    count++;
    assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2_DIRECT), CAIRN_ERR_TOO_MANY);
    count = 0; /* done, and more to come */
    assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2_DIRECT), CAIRN_ERR_BAD_VALUE);
}

/* --- files --- */

static void check_file(const world *w, const char *name, const char *content)
{
    char path[200];
    cairn_arena arena;
    cairn_bytes data = {0};
    (void)snprintf(path, sizeof path, "%s/%s", w->owner, name);
    cairn_arena_init(&arena, 1 << 16);
    cairn_err err = cairn_file_read(&arena, path, 1 << 15, &data);
    if (content == NULL)
        assert_int_equal(err, CAIRN_ERR_NOT_FOUND);
    else
        assert_true(err == CAIRN_OK && cairn_bytes_equal(data, cairn_bytes_str(content)));
    cairn_arena_done(&arena);
}

static cairn_err count_name(void *context, const char *name)
{
    (void)name;
    ++*(size_t *)context;
    return CAIRN_OK;
}

static size_t count_files(const world *w)
{
    size_t count = 0;
    cairn_err err = cairn_dir_each(w->owner, count_name, &count);
    assert_true(err == CAIRN_OK || err == CAIRN_ERR_NOT_FOUND);
    return count;
}

#define SHA384_ABC                                                                     \
    "\x58\x30\xcb\x00\x75\x3f\x45\xa3\x5e\x8b\xb5\xa0\x3d\x69\x9a\xc6\x50\x07\x27\x2c" \
    "\x32\xab\x0e\xde\xd1\x63\x1a\x8b\x60\x5a\x43\xff\x5b\xed\x80\x86\x07\x2b\xa1\xe7" \
    "\xcc\x23\x58\xba\xec\xa1\x34\xc8\x25\xa7"

static void test_download(void **state)
{
    static const line lines[] = {{"fdo.download:active", TRUE_},
                                 {"fdo.download:name", V("\x69/etc/some")},
                                 {"fdo.download:length", V("\x03")},
                                 {"fdo.download:sha-384", V(SHA384_ABC)},
                                 END_OF_MESSAGE,
                                 {"fdo.download:data", V("\x42"
                                                         "ab")},
                                 END_OF_MESSAGE,
                                 {"fdo.download:data", V("\x41"
                                                         "c")},
                                 END_OF_MESSAGE,
                                 END_OF_MESSAGE};
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w);
    assert_int_equal(run(&w, lines), CAIRN_OK);
    check_heard(&w, "fdo.download:active", "f5");
    check_heard(&w, "fdo.download:done", "03");
    check_file(&w, "some", "abc");
    assert_int_equal(count_files(&w), 1);
    assert_int_equal(cairn_fdo_client_reset(w.device), CAIRN_OK); /* [X1353-R10] */
    assert_int_equal(count_files(&w), 0);
}

static void test_download_of_what_is_not_as_announced(void **state)
{
    static const line other_hash[] = {{"fdo.download:active", TRUE_},
                                      {"fdo.download:name", V("\x61z")},
                                      {"fdo.download:length", V("\x03")},
                                      {"fdo.download:sha-384", V(SHA384_ABC)},
                                      {"fdo.download:data", V("\x43"
                                                              "abd")},
                                      END_OF_MESSAGE,
                                      END_OF_MESSAGE};
    static const line too_long[] = {{"fdo.download:active", TRUE_},
                                    {"fdo.download:name", V("\x61z")},
                                    {"fdo.download:length", V("\x02")},
                                    {"fdo.download:data", V("\x43"
                                                            "abc")},
                                    {"fdo.download:data", V("\x43"
                                                            "abc")},
                                    END_OF_MESSAGE,
                                    END_OF_MESSAGE};
    static const line cut[] = {{"fdo.download:active", TRUE_},
                               {"fdo.download:name", V("\x61z")},
                               {"fdo.download:length", V("\x0a")},
                               {"fdo.download:data", V("\x43"
                                                       "abc")},
                               END_OF_MESSAGE,
                               END_OF_MESSAGE};
    const line *const scripts[] = {other_hash, too_long, cut};
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(run(&w, scripts[i]), CAIRN_OK);
        if (i < 2)
            check_heard(&w, "fdo.download:done", "20");
        assert_int_equal(count_files(&w), 0); /* nor anything half */
    }
}

static void test_names_that_may_not_be_used(void **state)
{
    static const cairn_bytes names[] = {V("\x61/"),
                                        V("\x62.."),
                                        V("\x66"
                                          "a/.ssh"),
                                        V("\x61.") /**/,
                                        V("\x63"
                                          "a\nb"),
                                        V("\x60")};
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const line lines[] = {{"fdo.download:active", TRUE_},
                              {"fdo.download:name", names[i]},
                              END_OF_MESSAGE,
                              END_OF_MESSAGE};
        assert_int_equal(run(&w, lines), CAIRN_ERR_BAD_VALUE);
    }
    const line limit[] = {{"fdo.download:active", TRUE_},
                          {"fdo.download:length", V("\x19\x4e\x21")}, /* 20,001 */
                          END_OF_MESSAGE,
                          END_OF_MESSAGE};
    assert_int_equal(run(&w, limit), CAIRN_ERR_BAD_VALUE);
}

static void write_from(const world *w, const char *name, size_t size)
{
    char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", w->from, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (size_t i = 0; i < size; i++)
        assert_int_not_equal(fputc((int)(i * 7 % 251), file), EOF);
    assert_int_equal(fclose(file), 0);
}

static void check_uploaded(const world *w, size_t size)
{
    size_t sum = 0;
    for (size_t i = 0; i < w->heard_count; i++) {
        const heard_pair *pair = &w->heard[i];
        cairn_cbor_reader reader;
        cairn_bytes data;
        if (strcmp(pair->key, "fdo.upload:data") != 0)
            continue;
        assert_int_equal(cairn_cbor_open(&reader, cairn_bytes_of(pair->value, pair->size),
                                         CAIRN_CBOR_STRICT, "data", "test"),
                         CAIRN_OK);
        assert_int_equal(cairn_cbor_read_bytes(&reader, "data", 1, 1014, &data), CAIRN_OK);
        for (size_t k = 0; k < data.size; k++)
            assert_int_equal(data.data[k], (sum + k) * 7 % 251);
        sum += data.size;
    }
    assert_int_equal(sum, size);
}

static void test_upload(void **state)
{
    static const line lines[] = {{"fdo.upload:active", TRUE_},
                                 {"fdo.upload:need-sha", TRUE_},
                                 {"fdo.upload:name", V("\x6c"
                                                       "/var/log/log")},
                                 END_OF_MESSAGE,
                                 END_OF_MESSAGE};
    static const size_t sizes[] = {0, 1, 1014, 1015, 5000};
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w);
    for (size_t i = 0; i < 5; i++) {
        for (size_t room = 200; room <= 1300; room += 1100) {
            w.peer.info_room = (uint16_t)room;
            write_from(&w, "log", sizes[i]);
            assert_int_equal(run(&w, lines), CAIRN_OK);
            assert_non_null(find(&w, "fdo.upload:length"));
            assert_non_null(find(&w, "fdo.upload:sha-384"));
            check_uploaded(&w, sizes[i]);
        }
    }
}

/* What the owner may not have ends the run: no file, a link to another place, one that is too
 * large.
 */
static void test_upload_of_what_is_not_offered(void **state)
{
    static const line lines[] = {{"fdo.upload:active", TRUE_},
                                 {"fdo.upload:name", V("\x61z")},
                                 END_OF_MESSAGE,
                                 END_OF_MESSAGE};
    CAIRN_CLEANUP(world_done) world w;
    char path[200];
    (void)state;
    world_init(&w);
    assert_int_equal(run(&w, lines), CAIRN_ERR_NOT_FOUND);
    (void)snprintf(path, sizeof path, "%s/z", w.from);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(run(&w, lines), CAIRN_ERR_IO);
    assert_int_equal(unlink(path), 0);
    write_from(&w, "z", 20001);
    assert_int_equal(run(&w, lines), CAIRN_ERR_TOO_LARGE);
}

/* Gives "abc" for one URL, and is not to be reached for another. */
static cairn_err fetch(void *context, const char *url, int fd, uint64_t size_max)
{
    (void)context;
    assert_int_equal(size_max, 20000);
    if (strcmp(url, "http://a/") != 0)
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "test", "%s", url);
    return cairn_file_write(fd, url, cairn_bytes_str("abc"));
}

static void test_wget(void **state)
{
    static const line good[] = {{"fdo.wget:active", TRUE_},
                                {"fdo.wget:sha-384", V(SHA384_ABC)},
                                {"fdo.wget:name", V("\x61z")},
                                {"fdo.wget:url", V("\x69http://a/")},
                                END_OF_MESSAGE,
                                END_OF_MESSAGE};
    static const line absent[] = {{"fdo.wget:active", TRUE_},
                                  {"fdo.wget:name", V("\x61y")},
                                  {"fdo.wget:url", V("\x69http://b/")},
                                  END_OF_MESSAGE,
                                  END_OF_MESSAGE};
    static const line nameless[] = {{"fdo.wget:active", TRUE_},
                                    {"fdo.wget:url", V("\x69http://a/")},
                                    END_OF_MESSAGE,
                                    END_OF_MESSAGE};
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w);
    cairn_fdo_client_free(w.device);
    cairn_fdo_client_modules_free(w.modules);
    w.offers.fetch = fetch;
    world_open(&w);
    assert_int_equal(run(&w, good), CAIRN_OK);
    check_heard(&w, "fdo.wget:done", "03");
    check_file(&w, "z", "abc");
    assert_int_equal(run(&w, absent), CAIRN_OK);
    assert_non_null(find(&w, "fdo.wget:error"));
    assert_int_equal(run(&w, nameless), CAIRN_OK);
    assert_non_null(find(&w, "fdo.wget:error"));
    assert_int_equal(count_files(&w), 1);
}

/* --- programs --- */

static void hear_exit(world *w, const heard_pair *pair)
{
    if (strcmp(pair->key, "fdo.command:exitcode") == 0)
        w->idle_max = 1;
}

static void test_command(void **state)
{
    static const line lines[] = {{"fdo.command:active", TRUE_},
                                 {"fdo.command:command", V("\x62sh")},
                                 {"fdo.command:args", V("\x58\x20\x82\x62-c\x78\x1a"
                                                        "echo a; echo b >&2; exit 3")},
                                 {"fdo.command:may_fail", TRUE_},
                                 {"fdo.command:return_stdout", TRUE_},
                                 {"fdo.command:return_stderr", TRUE_},
                                 {"fdo.command:execute", V("\x80")},
                                 END_OF_MESSAGE,
                                 END_OF_MESSAGE};
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w);
    w.hear = hear_exit;
    w.idle_max = 80000; /* rounds; the device may be quicker than the program */
    assert_int_equal(run(&w, lines), CAIRN_OK);
    check_heard(&w, "fdo.command:stdout", "42610a");
    check_heard(&w, "fdo.command:stderr", "42620a");
    check_heard(&w, "fdo.command:exitcode", "03");
}

static void test_command_that_may_not_fail(void **state)
{
    static const line fails[] = {{"fdo.command:active", TRUE_},
                                 {"fdo.command:command", V("\x65"
                                                           "false")},
                                 {"fdo.command:execute", V("\x80")},
                                 END_OF_MESSAGE,
                                 END_OF_MESSAGE};
    static const line absent[] = {{"fdo.command:active", TRUE_},
                                  {"fdo.command:command", V("\x6e"
                                                            "/no/such/thing")},
                                  {"fdo.command:execute", V("\x80")},
                                  END_OF_MESSAGE,
                                  END_OF_MESSAGE};
    static const line empty[] = {{"fdo.command:active", TRUE_},
                                 {"fdo.command:execute", V("\x80")},
                                 END_OF_MESSAGE,
                                 END_OF_MESSAGE};
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w);
    w.idle_max = 5000;
    assert_int_equal(run(&w, fails), CAIRN_ERR_CANCELLED);
    assert_int_equal(w.peer.told.code, CAIRN_FDO_INTERNAL_SERVER_ERROR);
    assert_int_equal(run(&w, absent), CAIRN_ERR_CANCELLED);
    assert_int_equal(run(&w, empty), CAIRN_ERR_BAD_VALUE);
}

/* A program that outlives the run is ended with it. */
static void test_command_that_goes_on(void **state)
{
    static const line lines[] = {{"fdo.command:active", TRUE_},
                                 {"fdo.command:command", V("\x65sleep")},
                                 {"fdo.command:args", V("\x46\x81\x64"
                                                        "1000")},
                                 {"fdo.command:execute", V("\x80")},
                                 END_OF_MESSAGE,
                                 END_OF_MESSAGE};
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w);
    assert_int_equal(run(&w, lines), CAIRN_OK); /* and does not wait */
    assert_null(find(&w, "fdo.command:exitcode"));
}

/* --- certificates --- */

static X509 *make_certificate(world *w, EVP_PKEY *subject, const char *name,
                              const cairn_key *issuer)
{
    X509 *x509 = X509_new();
    X509_NAME *issuer_name = X509_NAME_new();
    assert_true(x509 != NULL && issuer_name != NULL);
    assert_int_equal(X509_NAME_add_entry_by_txt(issuer_name, "CN", MBSTRING_UTF8,
                                                (const unsigned char *)"test ca", -1, -1, 0),
                     1);
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(x509, issuer_name), 1);
    X509_NAME_free(issuer_name);
    (void)w;
    assert_true(X509_set_version(x509, 2) == 1 && X509_set_pubkey(x509, subject) == 1 &&
                ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) == 1 &&
                X509_gmtime_adj(X509_getm_notBefore(x509), 0) != NULL &&
                X509_gmtime_adj(X509_getm_notAfter(x509), 3600) != NULL &&
                X509_sign(x509, issuer->pkey, EVP_sha256()) > 0);
    return x509;
}

static void answer_certificate(world *w, const char *key, X509 *x509)
{
    unsigned char *der = NULL;
    int size = i2d_X509(x509, &der);
    void *memory = NULL;
    cairn_cbor_writer writer;
    assert_true(size > 0);
    assert_int_equal(cairn_arena_alloc(&w->peer.arena, (size_t)size + 4, &memory), CAIRN_OK);
    cairn_cbor_writer_init(&writer, memory, (size_t)size + 4);
    cairn_cbor_put_bytes(&writer, cairn_bytes_of(der, (size_t)size));
    assert_int_equal(cairn_cbor_writer_end(&writer, &w->answer.value), CAIRN_OK);
    w->answer.key = key;
    OPENSSL_free(der);
}

static enum { GOOD, OTHER_KEY, OTHER_CA, REFUSED } mood;

static void certify(world *w, const heard_pair *pair)
{
    cairn_cbor_reader reader;
    cairn_bytes der;
    char challenge[64] = "";
    cairn_key *stranger = NULL;
    assert_int_equal(cairn_cbor_open(&reader, cairn_bytes_of(pair->value, pair->size),
                                     CAIRN_CBOR_STRICT, "req", "test"),
                     CAIRN_OK);
    assert_int_equal(cairn_cbor_read_bytes(&reader, "req", 1, 4096, &der), CAIRN_OK);
    const uint8_t *at = der.data;
    X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)der.size);
    assert_non_null(req);
    assert_int_equal(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
    int place = X509_REQ_get_attr_by_NID(req, NID_pkcs9_challengePassword, -1);
    assert_true(place >= 0);
    ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(X509_REQ_get_attr(req, place), 0);
    (void)snprintf(challenge, sizeof challenge, "%.*s", value->value.asn1_string->length,
                   (const char *)value->value.asn1_string->data);
    (void)snprintf(w->challenge, sizeof w->challenge, "%s", challenge);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &stranger), CAIRN_OK);
    X509 *x509 = make_certificate(w, mood == OTHER_KEY ? stranger->pkey : X509_REQ_get0_pubkey(req),
                                  "device", mood == OTHER_CA ? stranger : w->ca_key);
    answer_certificate(w, "fdo.csr:simpleenroll-res", x509);
    X509_free(x509);
    X509_REQ_free(req);
    cairn_key_free(stranger);
}

static void hear_csr(world *w, const heard_pair *pair)
{
    if (strcmp(pair->key, "fdo.csr:cacerts-req") == 0)
        answer_certificate(w, "fdo.csr:cacerts-res", w->ca);
    if (strcmp(pair->key, "fdo.csr:simpleenroll-req") != 0 &&
        strcmp(pair->key, "fdo.csr:simplereenroll-req") != 0)
        return;
    if (mood == REFUSED) {
        w->answer = (line){"fdo.csr:error", V("\x01")};
        return;
    }
    certify(w, pair);
}

static void world_init_csr(world *w)
{
    world_init(w);
    w->hear = hear_csr;
    mood = GOOD;
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &w->ca_key), CAIRN_OK);
    w->ca = make_certificate(w, w->ca_key->pkey, "test ca", w->ca_key);
}

static const line enrol[] = {{"fdo.csr:active", TRUE_}, END_OF_MESSAGE, END_OF_MESSAGE};

/* [X1353-R32]: anchors first, then the certificate; the request is of this run; the key stays. */
static void test_enrolment(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    uint8_t nonces[11 + 32];
    cairn_hash hash;
    char text[64];
    (void)state;
    world_init_csr(&w);
    assert_int_equal(run(&w, enrol), CAIRN_OK);
    check_heard(&w, "fdo.csr:cacerts-req", "19011f"); /* 287 */
    assert_non_null(find(&w, "fdo.csr:simpleenroll-req"));
    assert_true(find(&w, "fdo.csr:cacerts-req") < find(&w, "fdo.csr:simpleenroll-req"));
    memcpy(nonces, "cairn/csr/1", 11);
    memcpy(nonces + 11, w.peer.ov_nonce.b, 16);
    memcpy(nonces + 27, w.peer.setup_nonce.b, 16);
    cairn_sha256_of(nonces, sizeof nonces, &hash);
    cairn_base64_encode(cairn_bytes_hash(&hash), text);
    assert_string_equal(text, w.challenge);
    assert_int_equal(count_files(&w), 2); /* operator.crt.pem, operator.ca.pem */
    assert_non_null(fdo_memory_find(&w.memory, "operator"));
    assert_null(fdo_memory_find(&w.memory, "service"));

    char first[64]; /* the next run renews, for the same key, with another challenge */
    (void)snprintf(first, sizeof first, "%s", w.challenge);
    assert_int_equal(run(&w, enrol), CAIRN_OK);
    assert_non_null(find(&w, "fdo.csr:simplereenroll-req"));
    assert_null(find(&w, "fdo.csr:simpleenroll-req"));
    assert_string_not_equal(first, w.challenge);
    assert_int_equal(cairn_fdo_client_reset(w.device), CAIRN_OK);
    assert_null(fdo_memory_find(&w.memory, "operator")); /* [X1353-R10] */
    assert_non_null(fdo_memory_find(&w.memory, "device"));
    assert_int_equal(count_files(&w), 0);
}

/* Switched on twice, the device asks for a certificate of each of its keys; a third time for none.
 */
static void test_two_enrolments(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    static const line thrice[] = {{"fdo.csr:active", TRUE_}, END_OF_MESSAGE, END_OF_MESSAGE};
    world_init_csr(&w);
    w.lines = thrice;
    assert_int_equal(run(&w, thrice), CAIRN_OK);
    assert_int_equal(count_files(&w), 2);
    static const line again[] = {{"fdo.csr:active", TRUE_},
                                 {"fdo.csr:active", TRUE_},
                                 END_OF_MESSAGE,
                                 END_OF_MESSAGE}; /* the second stands for both */
    assert_int_equal(run(&w, again), CAIRN_OK);
    assert_int_equal(count_files(&w), 4);
    assert_non_null(fdo_memory_find(&w.memory, "service"));
}

static void test_certificates_that_are_not_taken(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init_csr(&w);
    mood = OTHER_KEY;
    assert_int_equal(run(&w, enrol), CAIRN_ERR_BAD_KEY);
    mood = OTHER_CA;
    assert_int_equal(run(&w, enrol), CAIRN_ERR_NOT_TRUSTED);
    mood = REFUSED; /* the owner's own problem */
    assert_int_equal(run(&w, enrol), CAIRN_OK);
    assert_int_equal(count_files(&w), 0);
    static const line unasked[] = {{"fdo.csr:active", TRUE_},
                                   {"fdo.csr:simpleenroll-res", V("\x41\x00")},
                                   END_OF_MESSAGE,
                                   END_OF_MESSAGE};
    assert_int_equal(run(&w, unasked), CAIRN_ERR_BAD_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_devmod),
        cmocka_unit_test(test_devmod_in_pieces),
        cmocka_unit_test(test_modules_that_are_not_here),
        cmocka_unit_test(test_rounds_are_bounded),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_download),
        cmocka_unit_test(test_download_of_what_is_not_as_announced),
        cmocka_unit_test(test_names_that_may_not_be_used),
        cmocka_unit_test(test_upload),
        cmocka_unit_test(test_upload_of_what_is_not_offered),
        cmocka_unit_test(test_wget),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_command_that_may_not_fail),
        cmocka_unit_test(test_command_that_goes_on),
        cmocka_unit_test(test_enrolment),
        cmocka_unit_test(test_two_enrolments),
        cmocka_unit_test(test_certificates_that_are_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
