/* Our verdict on each of the 914 Ed25519 edge cases of C2SP's CCTV collection, frozen.
 *
 * The predicate (docs/formats/keys.md): A is the canonical encoding of a point on the curve whose
 * order is not 1, 2, 4 or 8; S is below the group order L; and the canonical encoding of
 * [S]B - [k]A equals the 32 bytes of R, where k is hashed from the bytes as they are. There is no
 * multiplication by the cofactor. A release of OpenSSL that decides otherwise fails here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "cairn/key.h"
#include "support/hex.h"
#include "support/shared.h"

static const char file[] = "ledger/ed25519/ed25519vectors.json";

/* By number: '+' accepted, 'k' BAD_KEY, 's' BAD_SIGNATURE. */
static const char verdicts[] =
    "kkkks+s+kkkkkkkksssskkkkkks+s+kkkkkkkksssskkkkkk+s+skkkkkkkksssskksssskksssskkkk"
    "kkkksskkkkksskkkkksskkkkksskkkkkkks+s+kkkkkkkksssskkkkkks+s+kkkkkkkksssskkkkkks+"
    "s+kkkkkkkksssskkkkkk+s+skkkkkkkksssskksssskksssskkkkkkkksskkkkksskkkkksskkkkkssk"
    "kkkkkks+s+kkkkkkkksssskkkksskkkkkkkkkksskkkkksskkkkkkkkkksskkkkk++kkkkkkkkkkssks"
    "sksskkkkkkkkkkksskkkkkkkkkkksskkkkkkkkkkksskkkkkkkkkkksskkkkkkkkkkksskkkkkkkkkks"
    "skkkkkkks+s+kksssskkkks+s+kksssskkkk+s+skksssskksssskksssskkkks+s+kkkks+s+kkkks+"
    "s+kkkks+s+kkkks+s+kksssskkkks+s+kksssskkkks+s+kksssskkkk+s+skksssskksssskksssskk"
    "kks+s+kkkks+s+kkkks+s+kkkks+s+kkkks+s+kksssskkkks+s+kksssskkkks+s+kksssskkkk+s+s"
    "kksssskksssskksssskkkks+s+kkkks+s+kkkks+s+kkkks+s+kkkks+s+kksssskkkks+s+kksssskk"
    "kks+s+kksssskkkk+s+skksssskksssskksssskkkks+s+kkkks+s+kkkks+s+kkkks+s+kkkks+s+kk"
    "sssskksskkkksskkksskkkksskkkkk+s+skkkkkkkksssskksssskksssskkkkkkkksskkkkksskkkkk"
    "sskkkkksskkkkkkks+s+kkkkkkkksssskk";

enum { CASE_COUNT = sizeof verdicts - 1 };

static cairn_err judge(const json_t *vector)
{
    TEST_HEX(point, json_string_value(json_object_get(vector, "key")));
    TEST_HEX(signature, json_string_value(json_object_get(vector, "sig")));
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(cairn_key_from_public(CAIRN_KEY_ED25519, test_view(&point), &key));
    return cairn_key_verify(key, cairn_bytes_str(json_string_value(json_object_get(vector, "msg"))),
                            test_view(&signature));
}

static bool has_flag(const json_t *vector, const char *flag)
{
    size_t index = 0;
    const json_t *item = NULL;
    json_array_foreach(json_object_get(vector, "flags"), index,
                       item) if (strcmp(json_string_value(item), flag) == 0) return true;
    return false;
}

/* The verdict that the predicate gives for the flags which the collection's authors computed. */
static char expected(const json_t *vector)
{
    if (has_flag(vector, "low_order_A") || has_flag(vector, "non_canonical_A"))
        return 'k';
    if (has_flag(vector, "low_order_residue") || has_flag(vector, "non_canonical_R") ||
        has_flag(vector, "reencoded_k"))
        return 's';
    return '+';
}

static char letter(cairn_err err)
{
    switch (err) {
    case CAIRN_OK:
        return '+';
    case CAIRN_ERR_BAD_KEY:
        return 'k';
    case CAIRN_ERR_BAD_SIGNATURE:
        return 's';
    default:
        return '?';
    }
}

static void test_verdicts(void **state)
{
    (void)state;
    char path[4096];
    if (!test_shared_path(file, path))
        skip();
    json_t *vectors = json_load_file(path, 0, NULL);
    assert_int_equal(json_array_size(vectors), CASE_COUNT);
    for (size_t i = 0; i < CASE_COUNT; i++) {
        const json_t *vector = json_array_get(vectors, i);
        assert_int_equal(json_integer_value(json_object_get(vector, "number")), i);
        char verdict = letter(judge(vector));
        if (verdict != verdicts[i])
            fail_msg("case %zu: %c where %c is frozen", i, verdict, verdicts[i]);
        if (verdict != expected(vector))
            fail_msg("case %zu: %c where the predicate says %c", i, verdict, expected(vector));
    }
    json_decref(vectors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_verdicts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
