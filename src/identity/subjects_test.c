/* Subjects, grants and rotation in the ledger beyond the golden vectors: batches at their bounds,
 * all or nothing, and what a grant is worth after each thing that may happen to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cairn/sha256.h"
#include "support/identity_bodies.h"

#define NOW (MEMORY_TIME_MS + 1000)
enum { ME = MEMORY_SIGN, OTHER = MEMORY_SIGN + 1 };

static cairn_err say(memory_ledger *m, uint8_t key, uint16_t type, cairn_bytes body)
{
    static uint64_t number;
    return memory_send(m, NOW, memory_tx(m, memory_key(key), type, body, NOW + 1 + number++));
}

static cairn_err read_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                            cairn_bytes *ret_value)
{
    memory_ledger *m = context;
    cairn_view *view = cairn_ledger_view(m->ledger);
    cairn_err err = cairn_view_get(view, &memory_bases, map, key, arena, ret_value);
    cairn_view_free(view);
    return err;
}

static cairn_subject subject(memory_ledger *m, const cairn_hash *name)
{
    const cairn_state_source source = {.context = m, .get = read_state};
    cairn_subject s;
    assert_int_equal(cairn_subject_get(&source, &m->arena, name, &s), CAIRN_OK);
    return s;
}

static bool holds(cairn_hash got, cairn_hash want)
{
    return cairn_hash_equal(&got, &want);
}

/* Many names in no order. */
static void many(cairn_subject_row *rows, cairn_hash *names, size_t count, uint64_t seed,
                 uint64_t kind, uint64_t version)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t number[] = {seed, i};
        cairn_sha256_of(number, sizeof number, &names[i]);
        rows[i] = (cairn_subject_row){.pseudonym = names[i], .kind = kind, .version = version};
    }
}

static void test_a_full_batch(void **state)
{
    (void)state;
    static cairn_subject_row rows[CAIRN_SUBJECTS_PER_TX_MAX + 1];
    static cairn_hash names[CAIRN_SUBJECTS_PER_TX_MAX + 1], fresh[CAIRN_SUBJECTS_PER_TX_MAX + 1];
    memory_ledger m;
    cairn_bytes body;
    memory_begin(&m, 2, NULL);
    many(rows, names, CAIRN_SUBJECTS_PER_TX_MAX + 1, 1, CAIRN_SUBJECT_DEVICE, 1);
    assert_int_equal(
        cairn_subject_register_body(&m.arena, rows, CAIRN_SUBJECTS_PER_TX_MAX + 1, &body),
        CAIRN_OK);
    assert_int_equal(say(&m, ME, CAIRN_TX_SUBJECT_REGISTER, body), CAIRN_ERR_BAD_VALUE);
    many(rows, names, CAIRN_SUBJECTS_PER_TX_MAX, 1, CAIRN_SUBJECT_DEVICE, 1);
    assert_int_equal(cairn_subject_register_body(&m.arena, rows, CAIRN_SUBJECTS_PER_TX_MAX, &body),
                     CAIRN_OK);
    assert_int_equal(say(&m, ME, CAIRN_TX_SUBJECT_REGISTER, body), CAIRN_OK);
    for (size_t i = 0; i < CAIRN_SUBJECTS_PER_TX_MAX; i++)
        assert_int_equal(subject(&m, &names[i]).version, 1);
    for (size_t i = 0; i < CAIRN_SUBJECTS_PER_TX_MAX; i++)
        rows[i].status = CAIRN_SUBJECT_SUSPENDED;
    assert_int_equal(cairn_subject_status_body(&m.arena, rows, CAIRN_SUBJECTS_PER_TX_MAX, &body),
                     CAIRN_OK);
    assert_int_equal(say(&m, ME, CAIRN_TX_SUBJECT_STATUS, body), CAIRN_OK);
    assert_int_equal(subject(&m, &names[7]).status, CAIRN_SUBJECT_SUSPENDED);
    /* And as many as two pseudonyms a row allow. */
    const size_t half = CAIRN_SUBJECTS_MOVED_PER_TX_MAX;
    many(rows, names, half, 2, CAIRN_SUBJECT_PERSON, 1);
    assert_int_equal(cairn_subject_register_body(&m.arena, rows, half, &body), CAIRN_OK);
    assert_int_equal(say(&m, ME, CAIRN_TX_SUBJECT_REGISTER, body), CAIRN_OK);
    many(rows, fresh, half, 3, 0, 0);
    many(rows, names, half, 2, 0, 1);
    assert_int_equal(cairn_subject_replace_body(&m.arena, rows, half, fresh, &body), CAIRN_OK);
    assert_int_equal(say(&m, ME, CAIRN_TX_SUBJECT_ROTATE, body), CAIRN_OK);
    for (size_t i = 0; i < half; i++) {
        assert_int_equal(subject(&m, &names[i]).status, CAIRN_SUBJECT_REPLACED);
        assert_int_equal(subject(&m, &fresh[i]).kind, CAIRN_SUBJECT_PERSON);
    }
    memory_end(&m);
}

/* The last of a batch is refused: the first ones are not there either. */
static void test_a_batch_stands_or_falls(void **state)
{
    (void)state;
    cairn_subject_row rows[3];
    cairn_hash names[3];
    memory_ledger m;
    cairn_bytes body, value;
    memory_begin(&m, 2, NULL);
    many(rows, names, 3, 1, CAIRN_SUBJECT_DEVICE, 1);
    assert_int_equal(cairn_subject_register_body(&m.arena, rows, 3, &body), CAIRN_OK); /* sorts */
    const cairn_hash last = rows[2].pseudonym;
    assert_int_equal(cairn_subject_register_body(&m.arena, &rows[2], 1, &body), CAIRN_OK);
    assert_int_equal(say(&m, OTHER, CAIRN_TX_SUBJECT_REGISTER, body), CAIRN_OK);
    assert_int_equal(cairn_subject_register_body(&m.arena, rows, 3, &body), CAIRN_OK);
    assert_int_equal(say(&m, ME, CAIRN_TX_SUBJECT_REGISTER, body), CAIRN_ERR_EXISTS);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(memory_get(&m, CAIRN_MAP_STATE, "subject/",
                                    cairn_bytes_hash(&rows[i].pseudonym), &value),
                         CAIRN_ERR_NOT_FOUND);
    assert_int_equal(memory_get(&m, CAIRN_MAP_STATE, "subject/", cairn_bytes_hash(&last), &value),
                     CAIRN_OK);
    memory_end(&m);
}

/* A device goes from hand to hand; each has it under a name of its own. */
static void test_a_device_is_handed_over(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 2, NULL);
    const cairn_hash me = memory_org(ME), other = memory_org(OTHER), nobody = {{0}};
    const cairn_hash old = memory_name(1), fresh = memory_name(9);
    assert_int_equal(
        say(&m, ME, CAIRN_TX_SUBJECT_REGISTER, memory_register(&m, 1, CAIRN_SUBJECT_DEVICE)),
        CAIRN_OK);
    assert_int_equal(say(&m, ME, CAIRN_TX_SUBJECT_OFFER, memory_offer(&m, 1, 1, &other)), CAIRN_OK);
    assert_true(holds(subject(&m, &old).offered_to, other));
    /* A change of status takes the offer back. */
    assert_int_equal(say(&m, ME, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(&m, 1, 2, 2)),
                     CAIRN_OK);
    assert_int_equal(say(&m, ME, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(&m, 1, 3, 1)),
                     CAIRN_OK);
    assert_int_equal(say(&m, OTHER, CAIRN_TX_SUBJECT_ACCEPT, memory_replace(&m, 1, 4, 9)),
                     CAIRN_ERR_TX_FORBIDDEN);
    assert_int_equal(say(&m, ME, CAIRN_TX_SUBJECT_OFFER, memory_offer(&m, 1, 4, &other)), CAIRN_OK);
    assert_int_equal(say(&m, OTHER, CAIRN_TX_SUBJECT_ACCEPT, memory_replace(&m, 1, 5, 9)),
                     CAIRN_OK);
    assert_true(holds(subject(&m, &old).org, me));
    assert_true(holds(subject(&m, &old).offered_to, nobody));
    assert_int_equal(subject(&m, &old).status, CAIRN_SUBJECT_REPLACED);
    assert_true(holds(subject(&m, &fresh).org, other));
    assert_int_equal(subject(&m, &fresh).kind, CAIRN_SUBJECT_DEVICE);
    memory_end(&m);
}

static cairn_err may(memory_ledger *m, const char *scope, uint64_t now_ms)
{
    const cairn_state_source source = {.context = m, .get = read_state};
    const cairn_hash name = memory_name(1);
    return cairn_grant_check(&source, &m->arena, &name, memory_kid(40), cairn_bytes_str(scope),
                             m->height + 1, now_ms);
}

static void grant(memory_ledger *m, uint64_t version)
{
    assert_int_equal(
        say(m, ME, CAIRN_TX_GRANT_SET, memory_grant(m, 1, 40, "read", NOW + 5000, version)),
        CAIRN_OK);
}

static void test_what_a_grant_is_worth(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 2, NULL);
    const cairn_hash me = memory_org(ME);
    assert_int_equal(may(&m, "read", NOW), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(
        say(&m, ME, CAIRN_TX_SUBJECT_REGISTER, memory_register(&m, 1, CAIRN_SUBJECT_PERSON)),
        CAIRN_OK);
    assert_int_equal(say(&m, ME, CAIRN_TX_KEY_ADD,
                         memory_key_add(&m.arena, &m.id, &me, CAIRN_PURPOSE_SIGN, memory_key(40))),
                     CAIRN_OK);
    grant(&m, 0);
    assert_int_equal(may(&m, "read", NOW), CAIRN_OK);
    assert_int_equal(may(&m, "write", NOW + 4999), CAIRN_OK);
    assert_int_equal(may(&m, "write", NOW + 5000), CAIRN_ERR_EXPIRED);
    assert_int_equal(may(&m, "rea", NOW), CAIRN_ERR_TX_FORBIDDEN);
    assert_int_equal(may(&m, "", NOW), CAIRN_ERR_TX_FORBIDDEN);
    assert_int_equal(say(&m, ME, CAIRN_TX_GRANT_REVOKE, memory_grant_revoke(&m, 1, 40, 1)),
                     CAIRN_OK);
    assert_int_equal(may(&m, "read", NOW), CAIRN_ERR_CLOSED);
    grant(&m, 2);
    assert_int_equal(may(&m, "read", NOW), CAIRN_OK);
    assert_int_equal(say(&m, ME, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(&m, 1, 1, 2)),
                     CAIRN_OK);
    assert_int_equal(may(&m, "read", NOW), CAIRN_ERR_CLOSED);
    assert_int_equal(say(&m, ME, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(&m, 1, 2, 1)),
                     CAIRN_OK);
    assert_int_equal(may(&m, "read", NOW), CAIRN_OK);
    assert_int_equal(say(&m, ME, CAIRN_TX_KEY_REVOKE,
                         memory_key_revoke(&m.arena, memory_kid(40), CAIRN_HEIGHT_OPEN)),
                     CAIRN_OK);
    assert_int_equal(may(&m, "read", NOW), CAIRN_ERR_CLOSED);
    memory_end(&m);
}

/* [X1411-R06] Rotation and revocation are on the chain: the old key says until when, the
 * organisation's editions say which keys it had. */
static void test_a_rotation_can_be_read(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    const cairn_state_source source = {.context = &m, .get = read_state};
    const cairn_hash me = memory_org(ME);
    cairn_org_record org;
    cairn_key_record key;
    cairn_edition edition;
    assert_int_equal(
        say(&m, ME, CAIRN_TX_KEY_ROTATE, memory_rotate(&m, ME, 41, CAIRN_PURPOSE_SIGN, 3)),
        CAIRN_OK);
    assert_int_equal(say(&m, ME, CAIRN_TX_ANCHOR, memory_anchor(&m.arena, 1)), CAIRN_OK);
    assert_int_equal(say(&m, ME, CAIRN_TX_ANCHOR, memory_anchor(&m.arena, 2)),
                     CAIRN_ERR_TX_REVOKED_SIGNER); /* height 3 */
    assert_int_equal(say(&m, 41, CAIRN_TX_ANCHOR, memory_anchor(&m.arena, 2)), CAIRN_OK);
    assert_int_equal(cairn_registry_key(&source, &m.arena, memory_kid(ME), &key), CAIRN_OK);
    assert_int_equal(key.until, 3);
    assert_int_equal(cairn_registry_key(&source, &m.arena, memory_kid(41), &key), CAIRN_OK);
    assert_int_equal(key.since, 1);
    assert_int_equal(cairn_registry_org(&source, &m.arena, &me, &org), CAIRN_OK);
    assert_int_equal(org.editions, 2);
    assert_int_equal(cairn_registry_edition(&source, &m.arena, &me, 1, &edition), CAIRN_OK);
    assert_int_equal(edition.height, 0);
    assert_int_equal(edition.kid_count, 2);
    assert_int_equal(cairn_registry_edition(&source, &m.arena, &me, 2, &edition), CAIRN_OK);
    assert_int_equal(edition.height, 1);
    assert_int_equal(edition.time_ms, NOW);
    assert_int_equal(edition.kid_count, 3);
    assert_int_equal(cairn_registry_edition(&source, &m.arena, &me, 3, &edition),
                     CAIRN_ERR_NOT_FOUND);
    memory_end(&m);
}

static void test_names_of_roles(void **state)
{
    (void)state;
    uint32_t all = 0, role = 0;
    for (unsigned bit = 0; bit < 32; bit++) {
        const char *name = cairn_role_name(UINT32_C(1) << bit);
        if (strcmp(name, "unknown") == 0)
            continue;
        assert_int_equal(cairn_role_find(cairn_bytes_str(name), &role), CAIRN_OK);
        assert_int_equal(role, UINT32_C(1) << bit);
        all |= role;
    }
    assert_int_equal(all, CAIRN_ROLES_ALL);
    assert_string_equal(cairn_role_name(3), "unknown");
    assert_int_equal(cairn_role_find(cairn_bytes_str("unknown"), &role), CAIRN_ERR_BAD_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_batch),
        cmocka_unit_test(test_a_batch_stands_or_falls),
        cmocka_unit_test(test_a_device_is_handed_over),
        cmocka_unit_test(test_what_a_grant_is_worth),
        cmocka_unit_test(test_a_rotation_can_be_read),
        cmocka_unit_test(test_names_of_roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
