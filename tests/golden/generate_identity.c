/* Vectors of identity's transactions beyond keys and admissions. */
#include "golden/generate.h"
#include "support/identity_bodies.h"

enum { ME = MEMORY_SIGN, OTHER = MEMORY_SIGN + 1 };

static cairn_bytes raw_body(vectors *v, const char *head, const cairn_hash *a, const char *between,
                            const cairn_hash *b, const char *tail)
{
    uint8_t out[256];
    size_t size = 0;
    const cairn_bytes parts[] = {cairn_bytes_str(head), cairn_bytes_hash(a),
                                 cairn_bytes_str(between), cairn_bytes_hash(b),
                                 cairn_bytes_str(tail)};
    cairn_bytes copy;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        memcpy(out + size, parts[i].data, parts[i].size);
        size += parts[i].size;
    }
    MEMORY_MUST(cairn_arena_copy(&v->m.arena, cairn_bytes_of(out, size), &copy));
    return copy;
}

static void write_registrations(const char *directory)
{
    vectors v;
    const cairn_hash one = memory_name(1), two = memory_name(2);
    cairn_subject_row rows[] = {memory_row(3, CAIRN_SUBJECT_DEVICE, 0, 0),
                                memory_row(2, CAIRN_SUBJECT_PERSON, 0, 0)};
    cairn_bytes body;
    vectors_begin(&v, directory, "identity.subject.register", 2, NULL);
    vector(&v, "device", ME, CAIRN_TX_SUBJECT_REGISTER,
           memory_register(&v.m, 1, CAIRN_SUBJECT_DEVICE), CAIRN_OK);
    vector(&v, "again", ME, CAIRN_TX_SUBJECT_REGISTER,
           memory_register(&v.m, 1, CAIRN_SUBJECT_DEVICE), CAIRN_ERR_EXISTS);
    vector(&v, "by-another", OTHER, CAIRN_TX_SUBJECT_REGISTER,
           memory_register(&v.m, 1, CAIRN_SUBJECT_PERSON), CAIRN_ERR_EXISTS);
    MEMORY_MUST(cairn_subject_register_body(&v.m.arena, rows, 2, &body));
    vector(&v, "batch", OTHER, CAIRN_TX_SUBJECT_REGISTER, body, CAIRN_OK);
    vector(&v, "third-kind", ME, CAIRN_TX_SUBJECT_REGISTER, memory_register(&v.m, 4, 3),
           CAIRN_ERR_BAD_VALUE);
    vector(&v, "none", ME, CAIRN_TX_SUBJECT_REGISTER, cairn_bytes_of("\xa1\x01\x80", 3),
           CAIRN_ERR_BAD_VALUE);
    vector(&v, "falling", ME, CAIRN_TX_SUBJECT_REGISTER,
           raw_body(&v, "\xa1\x01\x82\x82\x58\x20", &two, "\x01\x82\x58\x20", &one, "\x01"),
           CAIRN_ERR_NOT_CANONICAL);
    vector(&v, "twice", ME, CAIRN_TX_SUBJECT_REGISTER,
           raw_body(&v, "\xa1\x01\x82\x82\x58\x20", &two, "\x01\x82\x58\x20", &two, "\x01"),
           CAIRN_ERR_NOT_CANONICAL);
    vectors_end(&v);
}

static void write_statuses(const char *directory)
{
    vectors v;
    vectors_begin(&v, directory, "identity.subject.status", 2, NULL);
    vector(&v, "unknown", ME, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(&v.m, 1, 1, 2),
           CAIRN_ERR_NOT_FOUND);
    vector(&v, "register", ME, CAIRN_TX_SUBJECT_REGISTER,
           memory_register(&v.m, 1, CAIRN_SUBJECT_DEVICE), CAIRN_OK);
    vector(&v, "of-another", OTHER, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(&v.m, 1, 1, 2),
           CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "wrong-version", ME, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(&v.m, 1, 2, 2),
           CAIRN_ERR_TX_WRONG_VERSION);
    vector(&v, "suspend", ME, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(&v.m, 1, 1, 2),
           CAIRN_OK);
    vector(&v, "suspend-again", ME, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(&v.m, 1, 2, 2),
           CAIRN_ERR_CLOSED);
    vector(&v, "resume", ME, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(&v.m, 1, 2, 1),
           CAIRN_OK);
    vector(&v, "replace", ME, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(&v.m, 1, 3, 4),
           CAIRN_ERR_BAD_VALUE);
    vector(&v, "revoke", ME, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(&v.m, 1, 3, 3),
           CAIRN_OK);
    vector(&v, "resume-revoked", ME, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(&v.m, 1, 4, 1),
           CAIRN_ERR_CLOSED);
    vectors_end(&v);
}

static void write_rotations(const char *directory)
{
    vectors v;
    const cairn_hash one = memory_name(1), two = memory_name(2);
    cairn_subject_row mixed[] = {memory_row(5, 0, 1, 0), memory_row(6, 0, 1, 0)};
    cairn_hash fresh[] = {memory_name(7), memory_name(8)};
    cairn_bytes body;
    vectors_begin(&v, directory, "identity.subject.rotate", 2, NULL);
    vector(&v, "register", ME, CAIRN_TX_SUBJECT_REGISTER,
           memory_register(&v.m, 1, CAIRN_SUBJECT_PERSON), CAIRN_OK);
    vector(&v, "of-another", OTHER, CAIRN_TX_SUBJECT_ROTATE, memory_replace(&v.m, 1, 1, 2),
           CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "to-itself", ME, CAIRN_TX_SUBJECT_ROTATE, memory_replace(&v.m, 1, 1, 1),
           CAIRN_ERR_EXISTS);
    vector(&v, "rotate", ME, CAIRN_TX_SUBJECT_ROTATE, memory_replace(&v.m, 1, 1, 2), CAIRN_OK);
    vector(&v, "the-old-one", ME, CAIRN_TX_SUBJECT_ROTATE, memory_replace(&v.m, 1, 2, 3),
           CAIRN_ERR_CLOSED);
    vector(&v, "two-for-one", ME, CAIRN_TX_SUBJECT_ROTATE,
           raw_body(&v, "\xa2\x01\x82\x82\x58\x20", &one, "\x01\x82\x58\x20", &two,
                    "\x01\x02\x81\x58\x20zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"),
           CAIRN_ERR_BAD_VALUE);
    vector(&v, "device", ME, CAIRN_TX_SUBJECT_REGISTER,
           memory_register(&v.m, 5, CAIRN_SUBJECT_DEVICE), CAIRN_OK);
    vector(&v, "person", ME, CAIRN_TX_SUBJECT_REGISTER,
           memory_register(&v.m, 6, CAIRN_SUBJECT_PERSON), CAIRN_OK);
    MEMORY_MUST(cairn_subject_replace_body(&v.m.arena, mixed, 2, fresh, &body));
    vector(&v, "of-two-kinds", ME, CAIRN_TX_SUBJECT_ROTATE, body, CAIRN_ERR_BAD_VALUE);
    vectors_end(&v);
}

static void write_offers(const char *directory)
{
    vectors v;
    const cairn_hash me = memory_org(ME), other = memory_org(OTHER), nobody = memory_org(99);
    vectors_begin(&v, directory, "identity.subject.offer", 2, NULL);
    vector(&v, "device", ME, CAIRN_TX_SUBJECT_REGISTER,
           memory_register(&v.m, 1, CAIRN_SUBJECT_DEVICE), CAIRN_OK);
    vector(&v, "person", ME, CAIRN_TX_SUBJECT_REGISTER,
           memory_register(&v.m, 2, CAIRN_SUBJECT_PERSON), CAIRN_OK);
    vector(&v, "a-person", ME, CAIRN_TX_SUBJECT_OFFER, memory_offer(&v.m, 2, 1, &other),
           CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "to-nobody", ME, CAIRN_TX_SUBJECT_OFFER, memory_offer(&v.m, 1, 1, &nobody),
           CAIRN_ERR_NOT_FOUND);
    vector(&v, "of-another", OTHER, CAIRN_TX_SUBJECT_OFFER, memory_offer(&v.m, 1, 1, &other),
           CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "offer", ME, CAIRN_TX_SUBJECT_OFFER, memory_offer(&v.m, 1, 1, &other), CAIRN_OK);
    vector(&v, "take-back", ME, CAIRN_TX_SUBJECT_OFFER, memory_offer(&v.m, 1, 2, &me), CAIRN_OK);
    vector(&v, "too-late", OTHER, CAIRN_TX_SUBJECT_ACCEPT, memory_replace(&v.m, 1, 3, 9),
           CAIRN_ERR_TX_FORBIDDEN);
    vectors_end(&v);

    vectors_begin(&v, directory, "identity.subject.accept", 2, NULL);
    vector(&v, "device", ME, CAIRN_TX_SUBJECT_REGISTER,
           memory_register(&v.m, 1, CAIRN_SUBJECT_DEVICE), CAIRN_OK);
    vector(&v, "not-offered", OTHER, CAIRN_TX_SUBJECT_ACCEPT, memory_replace(&v.m, 1, 1, 9),
           CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "offer", ME, CAIRN_TX_SUBJECT_OFFER, memory_offer(&v.m, 1, 1, &other), CAIRN_OK);
    vector(&v, "by-the-old-one", ME, CAIRN_TX_SUBJECT_ACCEPT, memory_replace(&v.m, 1, 2, 9),
           CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "accept", OTHER, CAIRN_TX_SUBJECT_ACCEPT, memory_replace(&v.m, 1, 2, 9), CAIRN_OK);
    vector(&v, "twice", OTHER, CAIRN_TX_SUBJECT_ACCEPT, memory_replace(&v.m, 1, 3, 10),
           CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "the-new-one-is-another's", ME, CAIRN_TX_SUBJECT_STATUS,
           memory_subject_status(&v.m, 9, 1, 2), CAIRN_ERR_TX_FORBIDDEN);
    vectors_end(&v);
}

static void write_grants(const char *directory)
{
    vectors v;
    const cairn_hash name = memory_name(1);
    const uint64_t end = VECTOR_TIME_MS + 1000;
    cairn_bytes body;
    vectors_begin(&v, directory, "identity.grant.set", 2, NULL);
    vector(&v, "unknown-subject", ME, CAIRN_TX_GRANT_SET, memory_grant(&v.m, 1, ME, "read", end, 0),
           CAIRN_ERR_NOT_FOUND);
    vector(&v, "register", ME, CAIRN_TX_SUBJECT_REGISTER,
           memory_register(&v.m, 1, CAIRN_SUBJECT_PERSON), CAIRN_OK);
    vector(&v, "new", ME, CAIRN_TX_GRANT_SET, memory_grant(&v.m, 1, ME, "read", end, 0), CAIRN_OK);
    vector(&v, "new-again", ME, CAIRN_TX_GRANT_SET, memory_grant(&v.m, 1, ME, "read", end, 0),
           CAIRN_ERR_TX_WRONG_VERSION);
    vector(&v, "longer", ME, CAIRN_TX_GRANT_SET, memory_grant(&v.m, 1, ME, "read", end + 5, 1),
           CAIRN_OK);
    vector(&v, "ended", ME, CAIRN_TX_GRANT_SET,
           memory_grant(&v.m, 1, ME, "read", VECTOR_TIME_MS, 2), CAIRN_ERR_BAD_VALUE);
    vector(&v, "of-another", OTHER, CAIRN_TX_GRANT_SET,
           memory_grant(&v.m, 1, OTHER, "read", end, 0), CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "key-of-another", ME, CAIRN_TX_GRANT_SET,
           memory_grant(&v.m, 1, OTHER, "read", end, 0), CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "key-for-cosigning", ME, CAIRN_TX_GRANT_SET,
           memory_grant(&v.m, 1, MEMORY_COSIGN, "read", end, 0), CAIRN_ERR_TX_WRONG_PURPOSE);
    vector(&v, "blank-in-scope", ME, CAIRN_TX_GRANT_SET, memory_grant(&v.m, 1, ME, "a b", end, 2),
           CAIRN_ERR_BAD_VALUE);
    vector(&v, "falling-scopes", ME, CAIRN_TX_GRANT_SET, memory_grant(&v.m, 1, ME, "x", end, 2),
           CAIRN_ERR_NOT_CANONICAL);
    vectors_end(&v);

    vectors_begin(&v, directory, "identity.grant.revoke", 2, NULL);
    MEMORY_MUST(cairn_grant_revoke_body(&v.m.arena, &name, memory_kid(ME), 1, &body));
    vector(&v, "none", ME, CAIRN_TX_GRANT_REVOKE, body, CAIRN_ERR_NOT_FOUND);
    vector(&v, "register", ME, CAIRN_TX_SUBJECT_REGISTER,
           memory_register(&v.m, 1, CAIRN_SUBJECT_PERSON), CAIRN_OK);
    vector(&v, "grant", ME, CAIRN_TX_GRANT_SET, memory_grant(&v.m, 1, ME, "read", end, 0),
           CAIRN_OK);
    vector(&v, "of-another", OTHER, CAIRN_TX_GRANT_REVOKE, body, CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "revoke", ME, CAIRN_TX_GRANT_REVOKE, body, CAIRN_OK);
    vector(&v, "old-version", ME, CAIRN_TX_GRANT_REVOKE, body, CAIRN_ERR_TX_WRONG_VERSION);
    MEMORY_MUST(cairn_grant_revoke_body(&v.m.arena, &name, memory_kid(ME), 2, &body));
    vector(&v, "again", ME, CAIRN_TX_GRANT_REVOKE, body, CAIRN_ERR_CLOSED);
    vector(&v, "grant-anew", ME, CAIRN_TX_GRANT_SET, memory_grant(&v.m, 1, ME, "read", end, 2),
           CAIRN_OK);
    vectors_end(&v);
}

static void write_lists(const char *directory)
{
    vectors v;
    const uint64_t end = VECTOR_TIME_MS + 1000;
    vectors_begin(&v, directory, "identity.list.anchor", 2, NULL);
    vector(&v, "second-first", ME, CAIRN_TX_LIST_ANCHOR,
           memory_list(&v.m, CAIRN_LIST_TOKEN, 2, end), CAIRN_ERR_TX_WRONG_VERSION);
    vector(&v, "first", ME, CAIRN_TX_LIST_ANCHOR, memory_list(&v.m, CAIRN_LIST_TOKEN, 1, end),
           CAIRN_OK);
    vector(&v, "first-again", ME, CAIRN_TX_LIST_ANCHOR,
           memory_list(&v.m, CAIRN_LIST_TOKEN, 1, end + 1), CAIRN_ERR_TX_WRONG_VERSION);
    vector(&v, "second", ME, CAIRN_TX_LIST_ANCHOR, memory_list(&v.m, CAIRN_LIST_TOKEN, 2, end),
           CAIRN_OK);
    vector(&v, "another-format", ME, CAIRN_TX_LIST_ANCHOR,
           memory_list(&v.m, CAIRN_LIST_BITSTRING, 3, end), CAIRN_ERR_BAD_VALUE);
    vector(&v, "ended", ME, CAIRN_TX_LIST_ANCHOR,
           memory_list(&v.m, CAIRN_LIST_TOKEN, 3, VECTOR_TIME_MS), CAIRN_ERR_BAD_VALUE);
    vector(&v, "same-name-of-another", OTHER, CAIRN_TX_LIST_ANCHOR,
           memory_list(&v.m, CAIRN_LIST_BITSTRING, 1, end), CAIRN_OK);
    vectors_end(&v);
}

static void write_key_rotations(const char *directory)
{
    vectors v;
    vectors_begin(&v, directory, "identity.key.rotate", 2, NULL);
    vector(&v, "unknown", ME, CAIRN_TX_KEY_ROTATE,
           memory_rotate(&v.m, 40, 41, CAIRN_PURPOSE_SIGN, CAIRN_HEIGHT_OPEN), CAIRN_ERR_NOT_FOUND);
    vector(&v, "of-another", OTHER, CAIRN_TX_KEY_ROTATE,
           memory_rotate(&v.m, ME, 41, CAIRN_PURPOSE_SIGN, CAIRN_HEIGHT_OPEN),
           CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "proof-for-another-purpose", ME, CAIRN_TX_KEY_ROTATE,
           memory_rotate(&v.m, ME, 41, CAIRN_PURPOSE_TLS, CAIRN_HEIGHT_OPEN),
           CAIRN_ERR_BAD_SIGNATURE);
    vector(&v, "ends-before-now", ME, CAIRN_TX_KEY_ROTATE,
           memory_rotate(&v.m, ME, 41, CAIRN_PURPOSE_SIGN, 1), CAIRN_ERR_BAD_VALUE);
    vector(&v, "only-key-at-once", ME, CAIRN_TX_KEY_ROTATE,
           memory_rotate(&v.m, ME, 41, CAIRN_PURPOSE_SIGN, CAIRN_HEIGHT_OPEN), CAIRN_OK);
    vector(&v, "by-the-old-key", ME, CAIRN_TX_KEY_ROTATE,
           memory_rotate(&v.m, 41, 42, CAIRN_PURPOSE_SIGN, CAIRN_HEIGHT_OPEN),
           CAIRN_ERR_TX_REVOKED_SIGNER);
    vector(&v, "the-ended-key", 41, CAIRN_TX_KEY_ROTATE,
           memory_rotate(&v.m, ME, 42, CAIRN_PURPOSE_SIGN, CAIRN_HEIGHT_OPEN), CAIRN_ERR_CLOSED);
    vector(&v, "with-an-overlap", 41, CAIRN_TX_KEY_ROTATE,
           memory_rotate(&v.m, 41, 42, CAIRN_PURPOSE_SIGN, 1000), CAIRN_OK);
    vector(&v, "old-key-in-the-overlap", 41, CAIRN_TX_ANCHOR, memory_anchor(&v.m.arena, 1),
           CAIRN_OK);
    vector(&v, "ends-already", 42, CAIRN_TX_KEY_ROTATE,
           memory_rotate(&v.m, 41, 43, CAIRN_PURPOSE_SIGN, CAIRN_HEIGHT_OPEN), CAIRN_ERR_CLOSED);
    vectors_end(&v);
}

static void write_roles(const char *directory)
{
    vectors v;
    const cairn_hash me = memory_org(ME), nobody = memory_org(99);
    cairn_bytes body;
    vectors_begin(&v, directory, "identity.org.roles", 1, NULL);
    v.act = true;
    MEMORY_MUST(cairn_org_roles_body(&v.m.arena, &nobody, CAIRN_ROLE_OPERATOR, 1, &body));
    vector_act(&v, "not-admitted", CAIRN_TX_ORG_ROLES, body, CAIRN_ERR_NOT_FOUND);
    MEMORY_MUST(cairn_org_roles_body(&v.m.arena, &me, CAIRN_ROLES_ALL + 1, 1, &body));
    vector_act(&v, "unknown-role", CAIRN_TX_ORG_ROLES, body, CAIRN_ERR_BAD_VALUE);
    MEMORY_MUST(cairn_org_roles_body(&v.m.arena, &me, CAIRN_ROLE_OPERATOR | CAIRN_ROLE_MANUFACTURER,
                                     1, &body));
    vector_act(&v, "two-roles", CAIRN_TX_ORG_ROLES, body, CAIRN_OK);
    vector_act(&v, "old-version", CAIRN_TX_ORG_ROLES, body, CAIRN_ERR_TX_WRONG_VERSION);
    vectors_end(&v);
}

static void write_validators(const char *directory)
{
    vectors v;
    vectors_begin(&v, directory, "identity.validator.set", 1, NULL);
    vector(&v, "key", ME, CAIRN_TX_KEY_ADD, memory_validator_key(&v.m, ME, 1), CAIRN_OK);
    v.act = true;
    vector_act(&v, "not-registered", CAIRN_TX_VALIDATOR_SET,
               memory_validator_set(&v.m, memory_validator(2), 1), CAIRN_ERR_NOT_FOUND);
    vector_act(&v, "a-signing-key", CAIRN_TX_VALIDATOR_SET,
               memory_validator_set(&v.m, memory_key(ME), 1), CAIRN_ERR_TX_WRONG_PURPOSE);
    vector_act(&v, "too-powerful", CAIRN_TX_VALIDATOR_SET,
               memory_validator_set(&v.m, memory_validator(1), 1000001), CAIRN_ERR_BAD_VALUE);
    vector_act(&v, "plain", CAIRN_TX_VALIDATOR_SET,
               memory_validator_set(&v.m, memory_validator(1), 10), CAIRN_OK);
    vector_act(&v, "last-one-out", CAIRN_TX_VALIDATOR_SET,
               memory_validator_set(&v.m, memory_validator(1), 0), CAIRN_ERR_TX_FORBIDDEN);
    vectors_end(&v);
}

static void write_evidence(const char *directory)
{
    vectors v;
    vectors_begin(&v, directory, "identity.validator.evidence", 2, NULL);
    vector(&v, "key", OTHER, CAIRN_TX_KEY_ADD, memory_validator_key(&v.m, OTHER, 1), CAIRN_OK);
    vector(&v, "of-one-block", ME, CAIRN_TX_VALIDATOR_EVIDENCE,
           memory_evidence(&v.m, memory_validator(1), 9, 1, 1), CAIRN_ERR_MISMATCH);
    vector(&v, "not-registered", ME, CAIRN_TX_VALIDATOR_EVIDENCE,
           memory_evidence(&v.m, memory_validator(2), 9, 1, 2), CAIRN_ERR_NOT_FOUND);
    vector(&v, "plain", ME, CAIRN_TX_VALIDATOR_EVIDENCE,
           memory_evidence(&v.m, memory_validator(1), 9, 1, 2), CAIRN_OK);
    vector(&v, "again", ME, CAIRN_TX_VALIDATOR_EVIDENCE,
           memory_evidence(&v.m, memory_validator(1), 9, 2, 0), CAIRN_ERR_EXISTS);
    vector(&v, "by-the-suspended", OTHER, CAIRN_TX_ANCHOR, memory_anchor(&v.m.arena, 1),
           CAIRN_ERR_TX_SUSPENDED_SIGNER);
    vectors_end(&v);
}

void golden_write_identity(const char *directory)
{
    write_validators(directory);
    write_evidence(directory);
    write_key_rotations(directory);
    write_registrations(directory);
    write_statuses(directory);
    write_rotations(directory);
    write_offers(directory);
    write_grants(directory);
    write_lists(directory);
    write_roles(directory);
}
