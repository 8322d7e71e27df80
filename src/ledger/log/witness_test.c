/* The witness: the form of its requests, its verdicts, and what its directory remembers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/log/merkle.h"
#include "ledger/log/witness.h"
#include "support/tree.h"

#define ORIGIN "example.com/log"

enum { LOG_SIZE = 200, FORK_AT = 100 };

static cairn_arena arena;
static cairn_key *key;
static cairn_vkey vkey;
static cairn_witness_log followed;

/* Two logs that are the same up to FORK_AT: leaves[1] is the fork. */
static cairn_hash leaves[2][LOG_SIZE];

static int set_up(void **state)
{
    (void)state;
    cairn_arena_init(&arena, 64 << 20);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_ED25519, &key), CAIRN_OK);
    assert_int_equal(cairn_vkey_init(cairn_bytes_str(ORIGIN), CAIRN_NOTE_ED25519, key, &vkey),
                     CAIRN_OK);
    followed = (cairn_witness_log){cairn_bytes_str(ORIGIN), &vkey, 1};
    for (uint8_t i = 0; i < LOG_SIZE; i++) {
        uint8_t entry[2] = {i, 0};
        cairn_merkle_leaf(cairn_bytes_of(entry, 2), &leaves[0][i]);
        entry[1] = i >= FORK_AT;
        cairn_merkle_leaf(cairn_bytes_of(entry, 2), &leaves[1][i]);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_vkey_done(&vkey);
    cairn_key_free(key);
    cairn_arena_done(&arena);
    return 0;
}

static cairn_err read_tile(void *context, unsigned level, uint64_t tile_index, size_t count,
                           cairn_hash *ret_hashes)
{
    assert_int_equal(level, 0);
    assert_int_equal(tile_index, 0);
    memcpy(ret_hashes, context, count * sizeof *ret_hashes);
    return CAIRN_OK;
}

static cairn_hash root_of(unsigned fork, uint64_t size)
{
    cairn_hash root;
    cairn_merkle_root(leaves[fork], size, &root);
    return root;
}

static cairn_bytes signed_checkpoint(const char *origin, const cairn_vkey *signer, uint64_t size,
                                     const cairn_hash *root)
{
    cairn_checkpoint checkpoint = {.origin = cairn_bytes_str(origin), .size = size, .root = *root};
    cairn_bytes text, line, note;
    assert_int_equal(cairn_checkpoint_format(&arena, &checkpoint, &text), CAIRN_OK);
    assert_int_equal(cairn_note_sign(&arena, signer, text, 0, &line), CAIRN_OK);
    assert_int_equal(cairn_note_join(&arena, text, &line, 1, &note), CAIRN_OK);
    return note;
}

static cairn_witness_request request_of(cairn_bytes body)
{
    cairn_witness_request request;
    assert_int_equal(cairn_witness_request_parse(body, &request), CAIRN_OK);
    return request;
}

/* Through the text, as a log sends it. */
static cairn_witness_request ask(unsigned fork, uint64_t old_size, uint64_t size)
{
    cairn_merkle_source source = {read_tile, leaves[fork]};
    cairn_hash proof[CAIRN_MERKLE_PROOF_MAX], root = root_of(fork, size);
    cairn_bytes body;
    size_t count = 0;
    assert_int_equal(cairn_merkle_prove_consistency(&source, old_size, size, proof, &count),
                     CAIRN_OK);
    assert_int_equal(cairn_witness_request_format(&arena, old_size, proof, count,
                                                  signed_checkpoint(ORIGIN, &vkey, size, &root),
                                                  &body),
                     CAIRN_OK);
    return request_of(body);
}

static cairn_witness_head head_of(unsigned fork, uint64_t size)
{
    return (cairn_witness_head){size, root_of(fork, size)};
}

static cairn_witness_status judge_for(const cairn_witness_log *log, const cairn_witness_head *head,
                                      const cairn_witness_request *request)
{
    cairn_witness_status status = CAIRN_WITNESS_BAD_REQUEST;
    assert_int_equal(cairn_witness_judge(log, head, request, &status), CAIRN_OK);
    return status;
}

static cairn_witness_status judge(const cairn_witness_head *head,
                                  const cairn_witness_request *request)
{
    return judge_for(&followed, head, request);
}

/* The example of the specification. */
static const char example[] =
    "old 20852014\n"
    "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
    "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
    "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n"
    "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n"
    "\n"
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "\xe2\x80\x94 example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "\xe2\x80\x94 example.com/behind-the-sofa "
    "opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/"
    "V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";

static void test_the_specified_example(void **state)
{
    cairn_bytes again;
    (void)state;
    cairn_witness_request request = request_of(cairn_bytes_str(example));
    assert_int_equal(request.old_size, 20852014);
    assert_int_equal(request.proof_count, 4);
    assert_int_equal(request.proof[3].b[0], 0xff);
    assert_int_equal(request.checkpoint.size, 20852163);
    assert_int_equal(request.note.signature_count, 2);
    assert_int_equal(cairn_witness_request_format(&arena, request.old_size, request.proof,
                                                  request.proof_count, request.signed_note, &again),
                     CAIRN_OK);
    assert_true(cairn_bytes_equal(again, cairn_bytes_str(example)));
}

#define HASH_LINE "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
#define NOTE "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\xe2\x80\x94 a AAAAAAA=\n"

static void test_bodies_that_are_none(void **state)
{
    static const struct {
        const char *body;
        cairn_err err;
    } cases[] = {
        {"old 0\n\n" NOTE, CAIRN_OK},
        {"old 18446744073709551615\n" HASH_LINE "\n" NOTE, CAIRN_OK},
        {"", CAIRN_ERR_BAD_VALUE},
        {"old 0", CAIRN_ERR_BAD_VALUE},
        {"old\n\n" NOTE, CAIRN_ERR_BAD_VALUE},
        {"old \n\n" NOTE, CAIRN_ERR_BAD_VALUE},
        {"old  1\n\n" NOTE, CAIRN_ERR_BAD_VALUE},
        {"old 01\n\n" NOTE, CAIRN_ERR_BAD_VALUE},
        {"old -1\n\n" NOTE, CAIRN_ERR_BAD_VALUE},
        {"old 1 \n\n" NOTE, CAIRN_ERR_BAD_VALUE},
        {"old 18446744073709551616\n\n" NOTE, CAIRN_ERR_BAD_VALUE},
        {"Old 1\n\n" NOTE, CAIRN_ERR_BAD_VALUE},
        {"size 1\n\n" NOTE, CAIRN_ERR_BAD_VALUE},
        {"old 1\r\n\n" NOTE, CAIRN_ERR_BAD_VALUE},
        {"old 1\n", CAIRN_ERR_TRUNCATED},
        {"old 1\n" HASH_LINE, CAIRN_ERR_TRUNCATED},
        {"old 1\nAAAA\n\n" NOTE, CAIRN_ERR_BAD_VALUE},
        {"old 1\n " HASH_LINE "\n" NOTE, CAIRN_ERR_BAD_VALUE},
        {"old 1\n" HASH_LINE NOTE, CAIRN_ERR_BAD_VALUE},
        {"old 1\n\n", CAIRN_ERR_BAD_VALUE},
        {"old 1\n\n\n" NOTE, CAIRN_ERR_BAD_VALUE}, /* an empty origin */
    };
    cairn_witness_request request;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_err err = cairn_witness_request_parse(cairn_bytes_str(cases[i].body), &request);
        if (err != cases[i].err)
            fail_msg("body %zu: %s", i, cairn_err_name(err));
    }
}

static void test_bounds_of_a_body(void **state)
{
    static char body[CAIRN_WITNESS_REQUEST_SIZE_MAX + 2];
    static cairn_hash proof[CAIRN_WITNESS_PROOF_MAX + 1];
    cairn_witness_request request;
    cairn_bytes out;
    (void)state;
    assert_int_equal(cairn_witness_request_format(&arena, 1, proof, CAIRN_WITNESS_PROOF_MAX,
                                                  cairn_bytes_str(NOTE), &out),
                     CAIRN_OK);
    assert_int_equal(cairn_witness_request_parse(out, &request), CAIRN_OK);
    assert_int_equal(request.proof_count, CAIRN_WITNESS_PROOF_MAX);
    assert_int_equal(cairn_witness_request_format(&arena, 1, proof, CAIRN_WITNESS_PROOF_MAX + 1,
                                                  cairn_bytes_str(NOTE), &out),
                     CAIRN_ERR_TOO_MANY);
    size_t size = (size_t)snprintf(body, sizeof body, "old 1\n");
    for (size_t i = 0; i <= CAIRN_WITNESS_PROOF_MAX; i++)
        size += (size_t)snprintf(body + size, sizeof body - size, HASH_LINE);
    size += (size_t)snprintf(body + size, sizeof body - size, "\n" NOTE);
    assert_int_equal(cairn_witness_request_parse(cairn_bytes_of(body, size), &request),
                     CAIRN_ERR_TOO_MANY);
    assert_int_equal(cairn_witness_request_parse(cairn_bytes_of(body, sizeof body - 1), &request),
                     CAIRN_ERR_TOO_LARGE);
}

static void test_conflict_sizes(void **state)
{
    static const char *const bad[] = {"", "1", "\n", "01\n", "1\n\n", "1 \n", "a\n"};
    uint64_t size = 0;
    cairn_bytes body;
    (void)state;
    assert_int_equal(cairn_witness_size_parse(cairn_bytes_str("15\n"), &size), CAIRN_OK);
    assert_int_equal(size, 15);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(cairn_witness_size_parse(cairn_bytes_str(bad[i]), &size),
                         CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_witness_size_format(&arena, 20852014, &body), CAIRN_OK);
    assert_true(cairn_bytes_equal(body, cairn_bytes_str("20852014\n")));
}

static void test_growth_is_cosigned(void **state)
{
    (void)state;
    for (uint64_t old = 0; old <= 30; old++) {
        cairn_witness_head head = head_of(0, old);
        for (uint64_t size = old; size <= LOG_SIZE; size += 7) {
            cairn_witness_request request = ask(0, old, size);
            assert_int_equal(judge(&head, &request), CAIRN_WITNESS_COSIGN);
        }
    }
}

static void test_verdicts(void **state)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *other_key = NULL;
    cairn_vkey other;
    cairn_witness_head none = head_of(0, 0), ten = head_of(0, 10);
    cairn_witness_request request = ask(0, 10, 20);
    (void)state;
    assert_int_equal(judge_for(NULL, &ten, &request), CAIRN_WITNESS_UNKNOWN_LOG);
    /* the log's name, another key */
    assert_int_equal(cairn_key_generate(CAIRN_KEY_ED25519, &other_key), CAIRN_OK);
    assert_int_equal(
        cairn_vkey_init(cairn_bytes_str(ORIGIN), CAIRN_NOTE_ED25519, other_key, &other), CAIRN_OK);
    cairn_witness_log strange = {cairn_bytes_str(ORIGIN), &other, 1};
    assert_int_equal(judge_for(&strange, &ten, &request), CAIRN_WITNESS_NO_SIGNATURE);
    cairn_witness_log keyless = {cairn_bytes_str(ORIGIN), NULL, 0};
    assert_int_equal(judge_for(&keyless, &ten, &request), CAIRN_WITNESS_NO_SIGNATURE);
    cairn_vkey both[2] = {other, vkey};
    cairn_witness_log rotated = {cairn_bytes_str(ORIGIN), both, 2};
    assert_int_equal(judge_for(&rotated, &ten, &request), CAIRN_WITNESS_COSIGN);
    cairn_vkey_done(&other);
    /* signed over another size */
    request = ask(0, 10, 20);
    request.note.text.size--;
    assert_int_equal(judge(&ten, &request), CAIRN_WITNESS_NO_SIGNATURE);
    request = ask(0, 10, 20);
    request.old_size = 21;
    assert_int_equal(judge(&ten, &request), CAIRN_WITNESS_BAD_REQUEST);
    /* another old size than the last one, backwards and forwards */
    request = ask(0, 11, 20);
    assert_int_equal(judge(&ten, &request), CAIRN_WITNESS_CONFLICT);
    assert_int_equal(judge(&none, &request), CAIRN_WITNESS_CONFLICT);
    request = ask(0, 0, 20);
    assert_int_equal(judge(&ten, &request), CAIRN_WITNESS_CONFLICT);
    /* a smaller log */
    request = ask(0, 5, 5);
    assert_int_equal(judge(&ten, &request), CAIRN_WITNESS_CONFLICT);
    /* the same size and another root */
    cairn_witness_head forked = head_of(1, 150);
    request = ask(0, 150, 150);
    assert_int_equal(judge(&forked, &request), CAIRN_WITNESS_CONFLICT);
    /* growth of the other fork */
    request = ask(0, 150, 160);
    assert_int_equal(judge(&forked, &request), CAIRN_WITNESS_BAD_PROOF);
    /* the same size needs no proof, nor does the first one */
    request = ask(0, 10, 10);
    request.proof_count = 1;
    assert_int_equal(judge(&ten, &request), CAIRN_WITNESS_BAD_PROOF);
    request = ask(0, 0, 20);
    request.proof_count = 1;
    assert_int_equal(judge(&none, &request), CAIRN_WITNESS_BAD_PROOF);
    request = ask(0, 10, 20);
    request.proof_count--;
    assert_int_equal(judge(&ten, &request), CAIRN_WITNESS_BAD_PROOF);
    request = ask(0, 10, 20);
    request.proof[1].b[3] ^= 4;
    assert_int_equal(judge(&ten, &request), CAIRN_WITNESS_BAD_PROOF);
    /* no entries, and a root of some */
    request = ask(0, 0, 0);
    assert_int_equal(judge(&none, &request), CAIRN_WITNESS_COSIGN);
    request.checkpoint.root.b[0] ^= 1;
    assert_int_equal(judge(&none, &request), CAIRN_WITNESS_BAD_PROOF);
}

static cairn_witness *open_witness(const char *directory, bool create)
{
    cairn_witness *witness = NULL;
    assert_int_equal(cairn_witness_open(directory, create, &witness), CAIRN_OK);
    return witness;
}

static cairn_witness_status submit(cairn_witness *witness, const cairn_witness_request *request,
                                   uint64_t size_after)
{
    cairn_witness_status status = CAIRN_WITNESS_BAD_REQUEST;
    cairn_witness_head head;
    assert_int_equal(cairn_witness_submit(witness, &followed, request, &status, &head), CAIRN_OK);
    assert_int_equal(head.size, size_after);
    return status;
}

static void test_heads_survive_a_restart(void **state)
{
    char directory[256];
    cairn_witness *witness = NULL, *second = NULL;
    cairn_witness_head head;
    (void)state;
    tree_make(directory, sizeof directory, "witness");
    assert_int_equal(cairn_witness_open(directory, false, &witness), CAIRN_ERR_NOT_FOUND);
    witness = open_witness(directory, true);
    assert_int_equal(cairn_witness_open(directory, true, &second), CAIRN_ERR_LOCKED);
    cairn_witness_request request = ask(0, 0, 50);
    assert_int_equal(submit(witness, &request, 50), CAIRN_WITNESS_COSIGN);
    cairn_witness_free(witness);

    witness = open_witness(directory, false);
    cairn_witness_head_of(witness, cairn_bytes_str(ORIGIN), &head);
    assert_int_equal(head.size, 50);
    cairn_witness_head_of(witness, cairn_bytes_str("example.com/other"), &head);
    assert_int_equal(head.size, 0);
    assert_int_equal(submit(witness, &request, 50), CAIRN_WITNESS_CONFLICT);
    request = ask(0, 50, 120);
    assert_int_equal(submit(witness, &request, 120), CAIRN_WITNESS_COSIGN);
    request = ask(0, 120, 120);
    assert_int_equal(submit(witness, &request, 120), CAIRN_WITNESS_COSIGN);
    cairn_witness_free(witness);

    witness = open_witness(directory, false);
    request = ask(1, 120, 130);
    assert_int_equal(submit(witness, &request, 120), CAIRN_WITNESS_BAD_PROOF);
    request = ask(1, 120, 120);
    assert_int_equal(submit(witness, &request, 120), CAIRN_WITNESS_CONFLICT);
    cairn_witness_free(witness);
    tree_remove(directory);
}

static void test_many_logs_keep_apart(void **state)
{
    char directory[256];
    static const char *const origins[] = {"m", "a",  "z z",     "example.com/log",
                                          "b", "aa", "\xc3\xa9"};
    (void)state;
    tree_make(directory, sizeof directory, "witness");
    cairn_witness *witness = open_witness(directory, true);
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        cairn_hash root = root_of(0, i + 1);
        cairn_witness_status status = CAIRN_WITNESS_BAD_REQUEST;
        cairn_witness_head head;
        cairn_bytes body;
        cairn_witness_log log = {cairn_bytes_str(origins[i]), &vkey, 1};
        assert_int_equal(
            cairn_witness_request_format(&arena, 0, NULL, 0,
                                         signed_checkpoint(origins[i], &vkey, i + 1, &root), &body),
            CAIRN_OK);
        cairn_witness_request request = request_of(body);
        assert_int_equal(cairn_witness_submit(witness, &log, &request, &status, &head), CAIRN_OK);
        assert_int_equal(status, CAIRN_WITNESS_COSIGN);
    }
    cairn_witness_free(witness);
    witness = open_witness(directory, false);
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        cairn_witness_head head;
        cairn_hash root = root_of(0, i + 1);
        cairn_witness_head_of(witness, cairn_bytes_str(origins[i]), &head);
        assert_int_equal(head.size, i + 1);
        assert_true(cairn_hash_equal(&head.root, &root));
    }
    cairn_witness_free(witness);
    tree_remove(directory);
}

static void test_every_changed_byte_of_heads_is_found(void **state)
{
    char directory[256], path[300];
    uint8_t content[512];
    (void)state;
    tree_make(directory, sizeof directory, "witness");
    cairn_witness *witness = open_witness(directory, true);
    cairn_witness_request request = ask(0, 0, 50);
    assert_int_equal(submit(witness, &request, 50), CAIRN_WITNESS_COSIGN);
    cairn_witness_free(witness);
    (void)snprintf(path, sizeof path, "%s/heads", directory);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    size_t size = fread(content, 1, sizeof content, file);
    assert_in_range(size, 60, sizeof content - 1);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(fseek(file, (long)i, SEEK_SET), 0);
        assert_int_equal(fputc(content[i] ^ 1, file), content[i] ^ 1);
        assert_int_equal(fflush(file), 0);
        witness = NULL;
        assert_int_equal(cairn_witness_open(directory, true, &witness), CAIRN_ERR_CORRUPT);
        assert_null(witness);
        assert_int_equal(fseek(file, (long)i, SEEK_SET), 0);
        assert_int_equal(fputc(content[i], file), content[i]);
    }
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(truncate(path, (off_t)(size - 1 - i)), 0);
        assert_int_equal(cairn_witness_open(directory, true, &witness), CAIRN_ERR_CORRUPT);
    }
    tree_remove(directory);
}

/* Nothing is cosigned when it cannot be recorded, and nothing more until the witness is opened
 * again. */
static void test_a_failing_disk(void **state)
{
    char directory[256];
    struct rlimit old;
    cairn_witness_status status = CAIRN_WITNESS_BAD_REQUEST;
    cairn_witness_head head;
    (void)state;
    tree_make(directory, sizeof directory, "witness");
    cairn_witness *witness = open_witness(directory, true);
    cairn_witness_request request = ask(0, 0, 50);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    const struct rlimit none = {.rlim_cur = 1, .rlim_max = old.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    cairn_err err = cairn_witness_submit(witness, &followed, &request, &status, &head);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(err, CAIRN_ERR_NO_SPACE);
    assert_int_equal(status, CAIRN_WITNESS_BAD_REQUEST);
    assert_int_equal(cairn_witness_submit(witness, &followed, &request, &status, &head),
                     CAIRN_ERR_READ_ONLY);
    cairn_witness_free(witness);
    witness = open_witness(directory, false);
    assert_int_equal(submit(witness, &request, 50), CAIRN_WITNESS_COSIGN);
    cairn_witness_free(witness);
    tree_remove(directory);
}

/* A race of two futures of one log: exactly one of them is cosigned. */

typedef struct racer {
    cairn_witness *witness;
    cairn_witness_request request;
    cairn_witness_status status;
    cairn_err err;
} racer;

static void *race(void *context)
{
    racer *racer_of = context;
    cairn_witness_head head;
    racer_of->err = cairn_witness_submit(racer_of->witness, &followed, &racer_of->request,
                                         &racer_of->status, &head);
    return NULL;
}

static void test_two_futures_race(void **state)
{
    char directory[256];
    (void)state;
    tree_make(directory, sizeof directory, "witness");
    for (size_t round = 0; round < 10; round++) {
        char path[300];
        pthread_t threads[4];
        static racer racers[4];
        size_t cosigned[2] = {0, 0};
        (void)snprintf(path, sizeof path, "%s/heads", directory);
        (void)unlink(path);
        cairn_witness *witness = open_witness(directory, true);
        cairn_witness_request request = ask(0, 0, 90);
        assert_int_equal(submit(witness, &request, 90), CAIRN_WITNESS_COSIGN);
        for (unsigned i = 0; i < 4; i++) {
            racers[i] = (racer){.witness = witness, .request = ask(i % 2, 90, 120 + i)};
            assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
        }
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(racers[i].err, CAIRN_OK);
            cosigned[i % 2] += racers[i].status == CAIRN_WITNESS_COSIGN;
        }
        assert_int_equal(cosigned[0] + cosigned[1], 1);
        cairn_witness_free(witness);
    }
    tree_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_specified_example),
        cmocka_unit_test(test_bodies_that_are_none),
        cmocka_unit_test(test_bounds_of_a_body),
        cmocka_unit_test(test_conflict_sizes),
        cmocka_unit_test(test_growth_is_cosigned),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_heads_survive_a_restart),
        cmocka_unit_test(test_many_logs_keep_apart),
        cmocka_unit_test(test_every_changed_byte_of_heads_is_found),
        cmocka_unit_test(test_a_failing_disk),
        cmocka_unit_test(test_two_futures_race),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
