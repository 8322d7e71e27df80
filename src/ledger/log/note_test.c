/* Signed notes, keys, checkpoints and cosignatures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cairn/merkle.h"
#include "cairn/note.h"
#include "support/shared.h"

/* golang.org/x/mod/sumdb/note, package example */
#define NEUMANN_VKEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define NEUMANN_SECRET "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz" /* 0x01 and the seed */
#define NEUMANN_TEXT                                             \
    "If you think cryptography is the answer to your problem,\n" \
    "then you don't know what your problem is.\n"
#define NEUMANN_LINE                                                                             \
    "\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg" \
    "KvqfqdngotpRZb6KE6RyyBwJnAM=\n"

/* tlog-cosignature over checkpoint 15 of Tessera's test log, made with Python's cryptography from
 * the seed 00 01 … 1f */
#define WITNESS_VKEY "witness.example/w1+e75f6532+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define WITNESS_TIME_S 1679315147
#define WITNESS_LINE                                                                               \
    "\xe2\x80\x94 witness.example/w1 519lMgAAAABkGFDLo0vvaVMnQBetpNUCKKILroiWxoSAyyV9iB/cgczFo9ON" \
    "QdSuKdatX9+k2ggtjAKaVSHrTWaVvipK5HiRqnepAA==\n"
#define LOG_VKEY "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
#define LOG_TEXT "example.com/log/testdata\n15\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n"
#define LOG_LINE                                               \
    "\xe2\x80\x94 example.com/log/testdata "                   \
    "M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53" \
    "MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=\n"

static cairn_arena arena;

static int set_up(void **state)
{
    (void)state;
    cairn_arena_init(&arena, 16 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_arena_done(&arena);
    return 0;
}

static cairn_vkey vkey_of(const char *text)
{
    cairn_vkey vkey;
    assert_int_equal(cairn_vkey_parse(cairn_bytes_str(text), &vkey), CAIRN_OK);
    return vkey;
}

static void assert_text(cairn_bytes got, const char *want)
{
    assert_int_equal(got.size, strlen(want));
    assert_memory_equal(got.data, want, got.size);
}

/* The text in heap memory of its own size, for the sanitizers. */
static cairn_err parse(const char *text, cairn_note *ret_note)
{
    cairn_bytes copy;
    cairn_arena exact;
    cairn_note note;
    cairn_arena_init(&exact, 1 << 20);
    assert_int_equal(cairn_arena_copy(&exact, cairn_bytes_str(text), &copy), CAIRN_OK);
    cairn_err err = cairn_note_parse(copy, &note);
    cairn_arena_done(&exact);
    if (err != CAIRN_OK)
        return err;
    return cairn_note_parse(cairn_bytes_str(text), ret_note);
}

static void test_go_vector(void **state)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_vkey vkey = vkey_of(NEUMANN_VKEY), signer;
    cairn_note note;
    cairn_bytes line, joined, text;
    uint8_t secret[33];
    uint64_t time_s = 99;
    size_t size = 0;
    (void)state;
    assert_int_equal(parse(NEUMANN_TEXT "\n" NEUMANN_LINE, &note), CAIRN_OK);
    assert_text(note.text, NEUMANN_TEXT);
    assert_int_equal(cairn_note_verify(&note, &vkey, &time_s), CAIRN_OK);
    assert_int_equal(time_s, 0);
    assert_int_equal(cairn_vkey_format(&vkey, &arena, &text), CAIRN_OK);
    assert_text(text, NEUMANN_VKEY);

    /* Ed25519 is deterministic: our signature must be the same */
    assert_int_equal(
        cairn_base64_decode(cairn_bytes_str(NEUMANN_SECRET), secret, sizeof secret, &size),
        CAIRN_OK);
    assert_int_equal(
        cairn_key_from_private(CAIRN_KEY_ED25519, cairn_bytes_of(secret + 1, 32), &key), CAIRN_OK);
    assert_int_equal(
        cairn_vkey_init(cairn_bytes_str("PeterNeumann"), CAIRN_NOTE_ED25519, key, &signer),
        CAIRN_OK);
    assert_int_equal(cairn_note_sign(&arena, &signer, cairn_bytes_str(NEUMANN_TEXT), 0, &line),
                     CAIRN_OK);
    assert_text(line, NEUMANN_LINE);
    assert_int_equal(cairn_note_join(&arena, cairn_bytes_str(NEUMANN_TEXT), &line, 1, &joined),
                     CAIRN_OK);
    assert_text(joined, NEUMANN_TEXT "\n" NEUMANN_LINE);
    cairn_vkey_done(&signer);
    cairn_vkey_done(&vkey);
}

static void test_cosignature_vector(void **state)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_vkey witness = vkey_of(WITNESS_VKEY), log = vkey_of(LOG_VKEY), signer;
    cairn_note note;
    cairn_checkpoint checkpoint;
    cairn_bytes message, line;
    uint8_t seed[32];
    uint64_t time_s = 0;
    (void)state;
    assert_int_equal(cairn_checkpoint_open(cairn_bytes_str(LOG_TEXT "\n" LOG_LINE WITNESS_LINE),
                                           cairn_bytes_str("example.com/log/testdata"), &log, &note,
                                           &checkpoint),
                     CAIRN_OK);
    assert_int_equal(checkpoint.size, 15);
    assert_int_equal(checkpoint.extensions.size, 0);
    assert_int_equal(note.signature_count, 2);
    assert_int_equal(cairn_note_verify(&note, &witness, &time_s), CAIRN_OK);
    assert_int_equal(time_s, WITNESS_TIME_S);

    for (size_t i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)i;
    assert_int_equal(
        cairn_key_from_private(CAIRN_KEY_ED25519, cairn_bytes_of(seed, sizeof seed), &key),
        CAIRN_OK);
    assert_int_equal(cairn_vkey_init(cairn_bytes_str("witness.example/w1"), CAIRN_NOTE_COSIGNATURE,
                                     key, &signer),
                     CAIRN_OK);
    assert_int_equal(
        cairn_note_message(&arena, CAIRN_NOTE_COSIGNATURE, note.text, WITNESS_TIME_S, &message),
        CAIRN_OK);
    assert_text(message, "cosignature/v1\ntime 1679315147\n" LOG_TEXT);
    assert_int_equal(cairn_note_sign(&arena, &signer, note.text, WITNESS_TIME_S, &line), CAIRN_OK);
    assert_text(line, WITNESS_LINE);
    cairn_vkey_done(&signer);
    cairn_vkey_done(&witness);
    cairn_vkey_done(&log);
}

static void test_all_checkpoints_of_the_vector_log(void **state)
{
    char path[4096];
    cairn_vkey log = vkey_of(LOG_VKEY);
    (void)state;
    if (!test_shared_path("ledger/tlog-tiles/checkpoint", path)) {
        cairn_vkey_done(&log);
        skip();
    }
    for (unsigned i = 0; i <= 15; i++) {
        char name[64];
        cairn_checkpoint checkpoint;
        cairn_note note;
        cairn_bytes text;
        (void)snprintf(name, sizeof name, "ledger/tlog-tiles/checkpoint.%u", i);
        assert_true(test_shared_path(name, path));
        CAIRN_CLEANUP(test_file_free) cairn_bytes file = test_read_file(path);
        assert_int_equal(cairn_checkpoint_open(file, cairn_bytes_str("example.com/log/testdata"),
                                               &log, &note, &checkpoint),
                         CAIRN_OK);
        assert_int_equal(checkpoint.size, i);
        assert_int_equal(cairn_checkpoint_format(&arena, &checkpoint, &text), CAIRN_OK);
        assert_true(cairn_bytes_equal(text, note.text));
    }
    cairn_vkey_done(&log);
}

static void test_names(void **state)
{
    char longest[CAIRN_NOTE_NAME_SIZE_MAX + 2];
    static const char *const good[] = {"a", "example.com/log", "\xc3\xa9t\xc3\xa9",
                                       "\xe2\x80\x8b"}; /* U+200B is no space */
    static const char *const bad[] = {
        "",
        "a b",
        " a",
        "a+b",
        "a\nb",
        "a\tb",
        "\xc2\xa0",       /* no-break space */
        "a\xc2\x85",      /* next line */
        "\xe1\x9a\x80",   /* ogham space mark */
        "x\xe2\x80\x80y", /* en quad */
        "x\xe2\x80\x8a",  /* hair space */
        "\xe2\x80\xa8",   /* line separator */
        "\xe2\x81\x9f",   /* medium mathematical space */
        "\xe3\x80\x80",   /* ideographic space */
        "\xff",           /* not UTF-8 */
        "\xc0\xa0",       /* a space the long way */
        "\xed\xa0\x80",   /* a surrogate */
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(cairn_note_name_valid(cairn_bytes_str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (cairn_note_name_valid(cairn_bytes_str(bad[i])))
            fail_msg("name %zu was taken", i);
    memset(longest, 'x', sizeof longest);
    assert_true(cairn_note_name_valid(cairn_bytes_of(longest, CAIRN_NOTE_NAME_SIZE_MAX)));
    assert_false(cairn_note_name_valid(cairn_bytes_of(longest, CAIRN_NOTE_NAME_SIZE_MAX + 1)));
    assert_false(cairn_note_name_valid(cairn_bytes_of("a\0", 2)));
}

static void test_vkeys_that_are_none(void **state)
{
    static const struct {
        const char *text;
        cairn_err err;
    } cases[] = {
        {"", CAIRN_ERR_BAD_VALUE},
        {"PeterNeumann", CAIRN_ERR_BAD_VALUE},
        {"PeterNeumann+c74f20a3", CAIRN_ERR_BAD_VALUE},
        {"PeterNeumann+c74f20a3+", CAIRN_ERR_BAD_VALUE},
        {"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T", CAIRN_ERR_BAD_VALUE},
        {NEUMANN_VKEY "\n", CAIRN_ERR_BAD_VALUE},
        {NEUMANN_VKEY "AAAA", CAIRN_ERR_BAD_VALUE},
        {"PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", CAIRN_ERR_MISMATCH},
        {"PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", CAIRN_ERR_MISMATCH},
        {"PeterNeumanN+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", CAIRN_ERR_MISMATCH},
        {"Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
         CAIRN_ERR_BAD_VALUE},
        /* the same key as type 0x02, ECDSA */
        {"PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
         CAIRN_ERR_BAD_ALGORITHM},
        /* the point of order one */
        {"PeterNeumann+c74f20a3+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", CAIRN_ERR_BAD_KEY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_vkey vkey;
        cairn_err err = cairn_vkey_parse(cairn_bytes_str(cases[i].text), &vkey);
        if (err != cases[i].err)
            fail_msg("%s: %s", cases[i].text, cairn_err_name(err));
    }
}

static void test_a_vkey_needs_an_ed25519_key(void **state)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_vkey vkey;
    (void)state;
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &key), CAIRN_OK);
    assert_int_equal(cairn_vkey_init(cairn_bytes_str("a"), CAIRN_NOTE_ED25519, key, &vkey),
                     CAIRN_ERR_BAD_KEY);
    cairn_vkey_done(NULL);
}

static void test_notes_that_are_none(void **state)
{
    static const struct {
        const char *text;
        cairn_err err;
    } cases[] = {
        {"", CAIRN_ERR_BAD_VALUE},
        {"\n", CAIRN_ERR_BAD_VALUE},
        {"\n\n", CAIRN_ERR_BAD_VALUE},
        {"text\n", CAIRN_ERR_BAD_VALUE},
        {"text\n\n", CAIRN_ERR_BAD_VALUE},
        {"text\n" NEUMANN_LINE, CAIRN_ERR_BAD_VALUE},               /* no blank line */
        {"text\n\n" NEUMANN_LINE "\n", CAIRN_ERR_BAD_VALUE},        /* blank line after */
        {"text\n\n" NEUMANN_LINE "x", CAIRN_ERR_BAD_VALUE},         /* no last newline */
        {"text\n\n" NEUMANN_LINE "x\n", CAIRN_ERR_BAD_VALUE},       /* no dash */
        {"text\n\n\xe2\x80\x93 a AAAAAAA=\n", CAIRN_ERR_BAD_VALUE}, /* en dash */
        {"text\n\n\xe2\x80\x94"
         "a AAAAAAA=\n",
         CAIRN_ERR_BAD_VALUE},                                       /* no space */
        {"text\n\n\xe2\x80\x94 a\n", CAIRN_ERR_BAD_VALUE},           /* no base64 */
        {"text\n\n\xe2\x80\x94 a \n", CAIRN_ERR_BAD_VALUE},          /* empty base64 */
        {"text\n\n\xe2\x80\x94  AAAAAAA=\n", CAIRN_ERR_BAD_VALUE},   /* empty name */
        {"text\n\n\xe2\x80\x94 a+ AAAAAAA=\n", CAIRN_ERR_BAD_VALUE}, /* plus in name */
        {"text\n\n\xe2\x80\x94 a AAAAAA==\n", CAIRN_ERR_BAD_VALUE},  /* 4 bytes */
        {"text\n\n\xe2\x80\x94 a AAAAAAB=\n", CAIRN_ERR_BAD_VALUE},  /* trailing bits */
        {"text\n\n\xe2\x80\x94 a AAAAAAA\n", CAIRN_ERR_BAD_VALUE},   /* no padding */
        {"text\n\n\xe2\x80\x94 a AAAAAAA= \n", CAIRN_ERR_BAD_VALUE}, /* space after */
        {"te\rxt\n\n" NEUMANN_LINE, CAIRN_ERR_BAD_VALUE},
        {"te\txt\n\n" NEUMANN_LINE, CAIRN_ERR_BAD_VALUE},
        {"te\xffxt\n\n" NEUMANN_LINE, CAIRN_ERR_BAD_TEXT},
    };
    cairn_note note;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_err err = parse(cases[i].text, &note);
        if (err != cases[i].err)
            fail_msg("note %zu: %s", i, cairn_err_name(err));
    }
    assert_int_equal(cairn_note_parse(cairn_bytes_of("te\0xt\n\n", 7), &note), CAIRN_ERR_BAD_VALUE);
    /* five bytes of an unknown key are a signature; empty lines in the text are text */
    assert_int_equal(parse("a\n\nb\n\n\n\xe2\x80\x94 a AAAAAAA=\n", &note), CAIRN_OK);
    assert_text(note.text, "a\n\nb\n\n");
}

static void test_bounds_of_a_note(void **state)
{
    static char text[CAIRN_NOTE_SIZE_MAX + 2];
    cairn_note note;
    (void)state;
    size_t size = (size_t)snprintf(text, sizeof text, "text\n\n");
    for (size_t i = 0; i < CAIRN_NOTE_SIGNATURES_MAX; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "\xe2\x80\x94 a AAAAAAA=\n");
    assert_int_equal(cairn_note_parse(cairn_bytes_of(text, size), &note), CAIRN_OK);
    assert_int_equal(note.signature_count, CAIRN_NOTE_SIGNATURES_MAX);
    size += (size_t)snprintf(text + size, sizeof text - size, "\xe2\x80\x94 a AAAAAAA=\n");
    assert_int_equal(cairn_note_parse(cairn_bytes_of(text, size), &note), CAIRN_ERR_TOO_MANY);

    memset(text, 'x', sizeof text);
    size_t tail = strlen("\n\n" NEUMANN_LINE);
    memcpy(text + CAIRN_NOTE_SIZE_MAX - tail, "\n\n" NEUMANN_LINE, tail);
    assert_int_equal(cairn_note_parse(cairn_bytes_of(text, CAIRN_NOTE_SIZE_MAX), &note), CAIRN_OK);
    assert_int_equal(cairn_note_parse(cairn_bytes_of(text, CAIRN_NOTE_SIZE_MAX + 1), &note),
                     CAIRN_ERR_TOO_LARGE);

    memset(text, 'A', sizeof text);
    memcpy(text, "text\n\n\xe2\x80\x94 a ", 12);
    text[12 + 10924] = '\n'; /* 8,193 bytes */
    assert_int_equal(cairn_note_parse(cairn_bytes_of(text, 12 + 10925), &note),
                     CAIRN_ERR_TOO_LARGE);
}

static void test_verdicts(void **state)
{
    cairn_vkey neumann = vkey_of(NEUMANN_VKEY), log = vkey_of(LOG_VKEY),
               witness = vkey_of(WITNESS_VKEY);
    cairn_note note;
    cairn_checkpoint checkpoint;
    (void)state;
    assert_int_equal(parse(LOG_TEXT "\n" LOG_LINE, &note), CAIRN_OK);
    assert_int_equal(cairn_note_verify(&note, &neumann, NULL), CAIRN_ERR_NOT_TRUSTED);
    assert_int_equal(cairn_note_verify(&note, &witness, NULL), CAIRN_ERR_NOT_TRUSTED);
    /* another text */
    assert_int_equal(parse("x" LOG_TEXT "\n" LOG_LINE, &note), CAIRN_OK);
    assert_int_equal(cairn_note_verify(&note, &log, NULL), CAIRN_ERR_BAD_SIGNATURE);
    /* a good line does not excuse a bad one of the same key */
    assert_int_equal(
        parse(LOG_TEXT "\n" LOG_LINE "\xe2\x80\x94 example.com/log/testdata M9e0luh4\n", &note),
        CAIRN_OK);
    assert_int_equal(cairn_note_verify(&note, &log, NULL), CAIRN_ERR_BAD_SIGNATURE);
    /* the same id under another name, and the same name with another id, are unknown keys */
    assert_int_equal(parse(LOG_TEXT "\n\xe2\x80\x94 b M9e0luh4\n"
                                    "\xe2\x80\x94 example.com/log/testdata AAAAAAA=\n" LOG_LINE,
                           &note),
                     CAIRN_OK);
    assert_int_equal(cairn_note_verify(&note, &log, NULL), CAIRN_OK);
    assert_int_equal(cairn_checkpoint_open(cairn_bytes_str(LOG_TEXT "\n" LOG_LINE),
                                           cairn_bytes_str("example.com/log/testdat"), &log, NULL,
                                           &checkpoint),
                     CAIRN_ERR_MISMATCH);
    /* 3,000 bytes of signature in our name, of an unknown key first, then of ours */
    static char text[8192];
    size_t size = (size_t)snprintf(text, sizeof text,
                                   LOG_TEXT "\n\xe2\x80\x94 example.com/log/testdata M9e0");
    memset(text + size, 'A', 4000);
    memcpy(text + size + 4000, "\n", 2);
    assert_int_equal(parse(text, &note), CAIRN_OK);
    assert_int_equal(cairn_note_verify(&note, &log, NULL), CAIRN_ERR_NOT_TRUSTED);
    memcpy(text + size, "lg", 2);
    assert_int_equal(parse(text, &note), CAIRN_OK);
    assert_int_equal(cairn_note_verify(&note, &log, NULL), CAIRN_ERR_BAD_SIGNATURE);
    cairn_vkey_done(&neumann);
    cairn_vkey_done(&witness);
    cairn_vkey_done(&log);
}

static void test_every_changed_bit_of_a_checkpoint(void **state)
{
    static char text[] = LOG_TEXT "\n" LOG_LINE;
    cairn_vkey log = vkey_of(LOG_VKEY);
    (void)state;
    for (size_t bit = 0; bit < 8 * (sizeof text - 1); bit++) {
        cairn_checkpoint checkpoint;
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        assert_int_not_equal(cairn_checkpoint_open(cairn_bytes_of(text, sizeof text - 1),
                                                   cairn_bytes_str("example.com/log/testdata"),
                                                   &log, NULL, &checkpoint),
                             CAIRN_OK);
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
    }
    cairn_vkey_done(&log);
}

#define ROOT "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n"

static void test_checkpoint_texts(void **state)
{
    static const struct {
        const char *text;
        cairn_err err;
    } cases[] = {
        {"a\n0\n" ROOT, CAIRN_OK},
        {"a b\n0\n" ROOT, CAIRN_OK}, /* spaces are discouraged in an origin, not forbidden */
        {"a\n9223372036854775807\n" ROOT, CAIRN_OK},
        {"a\n1\n" ROOT "extension\n", CAIRN_OK},
        {"", CAIRN_ERR_TRUNCATED},
        {"a\n1\n", CAIRN_ERR_TRUNCATED},
        {"a\n1\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=", CAIRN_ERR_TRUNCATED},
        {"\n1\n" ROOT, CAIRN_ERR_BAD_VALUE},
        {"a\n\n" ROOT, CAIRN_ERR_BAD_VALUE},
        {"a\n01\n" ROOT, CAIRN_ERR_BAD_VALUE},
        {"a\n00\n" ROOT, CAIRN_ERR_BAD_VALUE},
        {"a\n-1\n" ROOT, CAIRN_ERR_BAD_VALUE},
        {"a\n+1\n" ROOT, CAIRN_ERR_BAD_VALUE},
        {"a\n1 \n" ROOT, CAIRN_ERR_BAD_VALUE},
        {"a\n0x1\n" ROOT, CAIRN_ERR_BAD_VALUE},
        {"a\n9223372036854775808\n" ROOT, CAIRN_ERR_BAD_VALUE},
        {"a\n18446744073709551617\n" ROOT, CAIRN_ERR_BAD_VALUE},
        {"a\n99999999999999999999999999\n" ROOT, CAIRN_ERR_BAD_VALUE},
        {"a\n1\n\n" ROOT, CAIRN_ERR_BAD_VALUE},
        {"a\n1\nAAAA\n", CAIRN_ERR_BAD_VALUE},
        {"a\n1\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383ct=\n", CAIRN_ERR_BAD_VALUE},
        {"a\n1\n" ROOT "\n", CAIRN_ERR_BAD_VALUE},
        {"a\n1\n" ROOT "x\n\ny\n", CAIRN_ERR_BAD_VALUE},
        {"a\n1\n" ROOT "x", CAIRN_ERR_BAD_VALUE},
        {"a\r\n1\n" ROOT, CAIRN_ERR_BAD_TEXT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_checkpoint checkpoint;
        cairn_bytes again;
        cairn_err err = cairn_checkpoint_parse(cairn_bytes_str(cases[i].text), &checkpoint);
        if (err != cases[i].err)
            fail_msg("checkpoint %zu: %s", i, cairn_err_name(err));
        if (err == CAIRN_OK) {
            assert_int_equal(cairn_checkpoint_format(&arena, &checkpoint, &again), CAIRN_OK);
            assert_text(again, cases[i].text);
        }
    }
}

static void test_what_must_not_be_made(void **state)
{
    cairn_vkey log = vkey_of(LOG_VKEY);
    cairn_bytes out, line = cairn_bytes_str(LOG_LINE);
    cairn_checkpoint checkpoint = {.origin = cairn_bytes_str("a\n1"), .size = 1};
    static char longest[CAIRN_NOTE_NAME_SIZE_MAX + 1];
    (void)state;
    assert_int_equal(cairn_checkpoint_format(&arena, &checkpoint, &out), CAIRN_ERR_BAD_VALUE);
    checkpoint.origin = cairn_bytes_str("a");
    checkpoint.size = CAIRN_LOG_SIZE_MAX + 1;
    assert_int_equal(cairn_checkpoint_format(&arena, &checkpoint, &out), CAIRN_ERR_BAD_VALUE);
    checkpoint.size = 1;
    memset(longest, 'x', sizeof longest);
    checkpoint.origin = cairn_bytes_of(longest, sizeof longest);
    assert_int_equal(cairn_checkpoint_format(&arena, &checkpoint, &out), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_note_line(&arena, &log, 0, cairn_bytes_of(longest, 63), &out),
                     CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_note_join(&arena, cairn_bytes_str("text"), &line, 1, &out),
                     CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_note_join(&arena, cairn_bytes_str(LOG_TEXT), NULL, 0, &out),
                     CAIRN_ERR_BAD_VALUE);
    cairn_vkey_done(&log);
}

static void test_cosignature_forms(void **state)
{
    cairn_vkey witness = vkey_of(WITNESS_VKEY);
    cairn_note note;
    uint8_t raw[76];
    char base64[128], text[512];
    size_t size = 0;
    (void)state;
    cairn_bytes good = cairn_bytes_str(strstr(WITNESS_LINE, "519l"));
    good.size--;
    assert_int_equal(cairn_base64_decode(good, raw, sizeof raw, &size), CAIRN_OK);
    for (size_t change = 4; change < sizeof raw; change++) {
        raw[change] ^= 0x80; /* time or signature; the first byte makes the time too large */
        cairn_base64_encode(cairn_bytes_of(raw, sizeof raw), base64);
        (void)snprintf(text, sizeof text, LOG_TEXT "\n\xe2\x80\x94 witness.example/w1 %s\n",
                       base64);
        assert_int_equal(parse(text, &note), CAIRN_OK);
        assert_int_equal(cairn_note_verify(&note, &witness, NULL), CAIRN_ERR_BAD_SIGNATURE);
        raw[change] ^= 0x80;
    }
    /* without its time it is no cosignature */
    memmove(raw + 4, raw + 12, 64);
    cairn_base64_encode(cairn_bytes_of(raw, 68), base64);
    (void)snprintf(text, sizeof text, LOG_TEXT "\n\xe2\x80\x94 witness.example/w1 %s\n", base64);
    assert_int_equal(parse(text, &note), CAIRN_OK);
    assert_int_equal(cairn_note_verify(&note, &witness, NULL), CAIRN_ERR_BAD_SIGNATURE);
    cairn_vkey_done(&witness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_go_vector),
        cmocka_unit_test(test_cosignature_vector),
        cmocka_unit_test(test_all_checkpoints_of_the_vector_log),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_vkeys_that_are_none),
        cmocka_unit_test(test_a_vkey_needs_an_ed25519_key),
        cmocka_unit_test(test_notes_that_are_none),
        cmocka_unit_test(test_bounds_of_a_note),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_every_changed_bit_of_a_checkpoint),
        cmocka_unit_test(test_checkpoint_texts),
        cmocka_unit_test(test_what_must_not_be_made),
        cmocka_unit_test(test_cosignature_forms),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
