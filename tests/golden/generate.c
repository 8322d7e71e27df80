/* Writes the golden files of the newest application version: `golden-generate DIRECTORY`. By hand,
 * once for each version, before it is released: see README.md. Each step names the code that it
 * expects, so that a scenario which means something else is not written at all. */
#include "golden/generate.h"
#include "ledger/store/block_record.h"
#include "support/high_s.h"
#include "support/identity_bodies.h"

enum { TXS_MAX = 64 };

typedef struct scene {
    memory_ledger m;
    uint64_t time_ms;
    uint64_t number; /* makes each valid_until, so each id, another */
    cairn_bytes txs[TXS_MAX];
    cairn_err codes[TXS_MAX];
    size_t count;
    uint8_t voters; /* how many of the first members decide */
    FILE *records;
    FILE *roots;
} scene;

/* --- v1: the log --- */

static void print_hash(FILE *file, const cairn_hash *hash, char end)
{
    char text[65];
    cairn_hex_encode(cairn_bytes_hash(hash), text);
    fprintf(file, "%s%c", text, end);
}

static void write_block(scene *s)
{
    cairn_bytes record;
    const cairn_block *b = &s->m.block;
    MEMORY_MUST(cairn_block_record_encode(&s->m.arena, 0, b, &record));
    fwrite(record.data, 1, record.size, s->records);
    fprintf(s->roots, "%llu %llu ", (unsigned long long)b->entry.height,
            (unsigned long long)b->frontier.size);
    print_hash(s->roots, &b->log_root, ' ');
    print_hash(s->roots, &b->entry.state_root, ' ');
    print_hash(s->roots, &b->entry.config_root, ' ');
    print_hash(s->roots, &b->entry.results_root, '\n');
}

/* Adds a transaction, with the code that it will have, to the block that is being made. */
static cairn_hash say(scene *s, uint8_t key, uint16_t type, cairn_bytes body, cairn_err code)
{
    CAIRN_ASSERT(s->count < TXS_MAX);
    s->txs[s->count] =
        memory_tx(&s->m, memory_key(key), type, body, s->time_ms + 1000 + s->number++);
    s->codes[s->count] = code;
    return memory_id(s->txs[s->count++]);
}

static void close_block(scene *s)
{
    const cairn_outcome *o = memory_block(&s->m, s->time_ms, s->txs, s->count);
    for (size_t i = 0; i < s->count; i++)
        must_match("scenario", o->results[i].code, s->codes[i]);
    write_block(s);
    s->time_ms += 1000;
    s->count = 0;
}

static cairn_hash propose(scene *s, uint8_t key, uint16_t type, cairn_bytes act)
{
    return say(s, key, CAIRN_TX_APPROVAL_PROPOSE,
               memory_propose(&s->m.arena, type, act, s->time_ms + 100000), CAIRN_OK);
}

static void approve(scene *s, uint8_t key, const cairn_hash *id, uint16_t type, cairn_bytes act,
                    cairn_err code)
{
    cairn_hash hash;
    cairn_act_hash(type, act, &hash);
    say(s, key, CAIRN_TX_APPROVAL_APPROVE, memory_vote(&s->m.arena, id, &hash), code);
}

static void withdraw(scene *s, uint8_t key, const cairn_hash *id, cairn_err code)
{
    say(s, key, CAIRN_TX_APPROVAL_WITHDRAW, memory_vote(&s->m.arena, id, NULL), code);
}

static void must_end(scene *s, const cairn_hash *id, cairn_approval_status status, cairn_err code)
{
    cairn_approval approval;
    MEMORY_MUST(memory_approval(&s->m, id, &approval));
    must_match("approval", approval.code, code);
    CAIRN_ASSERT(approval.status == status);
}

/* The first members decide; what comes of it is `code`. */
static void decide(scene *s, uint16_t type, cairn_bytes act, cairn_err code)
{
    const cairn_hash id = propose(s, MEMORY_SIGN, type, act);
    for (uint8_t i = 1; i < s->voters; i++)
        approve(s, (uint8_t)(MEMORY_SIGN + i), &id, type, act, CAIRN_OK);
    close_block(s);
    must_end(s, &id, code == CAIRN_OK ? CAIRN_APPROVAL_EXECUTED : CAIRN_APPROVAL_FAILED, code);
}

static void play_anchors(scene *s)
{
    for (uint8_t i = 0; i < 3; i++)
        say(s, MEMORY_SIGN + i, CAIRN_TX_ANCHOR, memory_anchor(&s->m.arena, i), CAIRN_OK);
    say(s, MEMORY_SIGN + 1, CAIRN_TX_ANCHOR, memory_anchor(&s->m.arena, 0), CAIRN_ERR_EXISTS);
    close_block(s);
    say(s, MEMORY_SIGN + 2, CAIRN_TX_ANCHOR, memory_anchor(&s->m.arena, 1), CAIRN_ERR_EXISTS);
    close_block(s); /* a block of nothing but a refusal */
    for (uint64_t i = 0; i < 40; i++)
        say(s, (uint8_t)(MEMORY_SIGN + i % 3), CAIRN_TX_ANCHOR, memory_anchor(&s->m.arena, 100 + i),
            CAIRN_OK);
    close_block(s);
}

static cairn_bytes key_add(scene *s, uint8_t by, cairn_purpose purpose, const cairn_key *key)
{
    const cairn_hash org = memory_org(by);
    return memory_key_add(&s->m.arena, &s->m.id, &org, purpose, key);
}

static cairn_bytes key_add_raw(scene *s, cairn_purpose purpose, cairn_bytes cose, cairn_bytes proof)
{
    cairn_bytes body;
    MEMORY_MUST(cairn_key_add_body(&s->m.arena, cose, purpose, proof, &body));
    return body;
}

static void play_new_keys(scene *s)
{
    static const uint8_t seed[32] = {5};
    const uint8_t me = MEMORY_SIGN;
    uint8_t zeros[64] = {0};
    cairn_key *ed25519 = NULL;
    MEMORY_MUST(cairn_key_from_private(CAIRN_KEY_ED25519, cairn_bytes_of(seed, 32), &ed25519));
    for (cairn_purpose p = CAIRN_PURPOSE_SIGN; p <= CAIRN_PURPOSE_LAST; p++)
        say(s, me, CAIRN_TX_KEY_ADD, key_add(s, me, p, memory_key((uint8_t)(30 + p))), CAIRN_OK);
    say(s, me, CAIRN_TX_KEY_ADD, key_add(s, me, CAIRN_PURPOSE_COSIGN, ed25519), CAIRN_OK);
    say(s, me, CAIRN_TX_KEY_ADD, key_add(s, me, CAIRN_PURPOSE_SIGN, ed25519), CAIRN_ERR_BAD_KEY);
    say(s, me, CAIRN_TX_KEY_ADD, key_add(s, me, CAIRN_PURPOSE_TLS, memory_key(31)),
        CAIRN_ERR_EXISTS);
    /* Somebody else's key, and a proof that was made for another organisation. */
    say(s, me + 1, CAIRN_TX_KEY_ADD,
        key_add_raw(s, CAIRN_PURPOSE_TLS, memory_cose(&s->m.arena, memory_key(40)),
                    cairn_bytes_of(zeros, 64)),
        CAIRN_ERR_BAD_SIGNATURE);
    say(s, me + 1, CAIRN_TX_KEY_ADD, key_add(s, me, CAIRN_PURPOSE_TLS, memory_key(40)),
        CAIRN_ERR_BAD_SIGNATURE);
    say(s, me, CAIRN_TX_KEY_ADD,
        key_add_raw(s, CAIRN_PURPOSE_TLS, cairn_bytes_of("\xa0", 1), cairn_bytes_of(zeros, 64)),
        CAIRN_ERR_MISSING_FIELD);
    close_block(s);
    cairn_key_free(ed25519);
}

static void revoke(scene *s, uint8_t by, uint8_t number, uint64_t suspect, cairn_err code)
{
    say(s, by, CAIRN_TX_KEY_REVOKE, memory_key_revoke(&s->m.arena, memory_kid(number), suspect),
        code);
}

static void play_old_keys(scene *s)
{
    const uint8_t me = MEMORY_SIGN;
    const uint64_t born = s->m.height, next = s->m.height + 1; /* of the keys; of the block */
    revoke(s, me, 32, next + 1, CAIRN_ERR_BAD_VALUE);
    revoke(s, me, 32, born - 1, CAIRN_ERR_BAD_VALUE);
    revoke(s, me, 32, born, CAIRN_OK);
    revoke(s, me, 32, CAIRN_HEIGHT_OPEN, CAIRN_ERR_CLOSED);
    revoke(s, me, 33, CAIRN_HEIGHT_OPEN, CAIRN_OK);
    revoke(s, me, 99, CAIRN_HEIGHT_OPEN, CAIRN_ERR_NOT_FOUND);
    revoke(s, me + 1, 34, CAIRN_HEIGHT_OPEN, CAIRN_ERR_TX_FORBIDDEN);
    revoke(s, me, me, CAIRN_HEIGHT_OPEN, CAIRN_ERR_TX_FORBIDDEN);
    revoke(s, me, 31, CAIRN_HEIGHT_OPEN, CAIRN_OK); /* signs to the end of the block */
    revoke(s, 31, me, CAIRN_HEIGHT_OPEN, CAIRN_ERR_TX_FORBIDDEN); /* would leave none */
    say(s, 31, CAIRN_TX_ANCHOR, memory_anchor(&s->m.arena, 1000), CAIRN_OK);
    close_block(s);
}

static void set_status(scene *s, uint8_t number, cairn_org_status status, uint64_t version,
                       cairn_err code)
{
    const cairn_hash org = memory_org(number);
    decide(s, CAIRN_TX_ORG_STATUS, memory_status(&s->m.arena, &org, status, version), code);
}

static void play_organisations(scene *s)
{
    cairn_arena *a = &s->m.arena;
    decide(s, CAIRN_TX_ORG_ADMIT, memory_admit(a, &s->m.id, "Guest", false, 50), CAIRN_OK);
    decide(s, CAIRN_TX_ORG_ADMIT, memory_admit(a, &s->m.id, "Again", true, 50), CAIRN_ERR_EXISTS);
    say(s, 50, CAIRN_TX_ANCHOR, memory_anchor(a, 2000), CAIRN_OK);
    decide(s, CAIRN_TX_ORG_ADMIT, memory_admit(a, &s->m.id, "Fourth", true, 51), CAIRN_OK);
    s->voters = 3; /* two thirds of four */
    set_status(s, 50, CAIRN_ORG_SUSPENDED, 2, CAIRN_ERR_TX_WRONG_VERSION);
    set_status(s, 50, CAIRN_ORG_SUSPENDED, 1, CAIRN_OK);
    set_status(s, 50, CAIRN_ORG_ACTIVE, 2, CAIRN_OK);
    set_status(s, 51, CAIRN_ORG_SUSPENDED, 1, CAIRN_OK);
    s->voters = 2;
    set_status(s, 51, CAIRN_ORG_ACTIVE, 2, CAIRN_OK);
    s->voters = 3;
    set_status(s, 51, CAIRN_ORG_REMOVED, 3, CAIRN_OK);
    s->voters = 2;
    set_status(s, 51, CAIRN_ORG_ACTIVE, 4, CAIRN_ERR_CLOSED);
    set_status(s, 60, CAIRN_ORG_ACTIVE, 1, CAIRN_ERR_NOT_FOUND);
}

static void play_configuration(scene *s)
{
    cairn_arena *a = &s->m.arena;
    cairn_params params;
    const cairn_bytes one = cairn_bytes_str("one");
    cairn_params_default(&params);
    params.app_version = 2;
    decide(s, CAIRN_TX_PARAMS_SET, memory_params(a, &params), CAIRN_ERR_BAD_VALUE);
    params.app_version = 1;
    params.validity_max_ms = 300000;
    params.next_app_version = 2;
    params.next_app_height = 1000000;
    decide(s, CAIRN_TX_PARAMS_SET, memory_params(a, &params), CAIRN_OK);
    params.next_app_version = 3;
    decide(s, CAIRN_TX_PARAMS_SET, memory_params(a, &params), CAIRN_ERR_BAD_VALUE);
    params.next_app_version = 0; /* taken back */
    params.algs[0].from_height = 1000000;
    decide(s, CAIRN_TX_PARAMS_SET, memory_params(a, &params), CAIRN_ERR_BAD_VALUE);
    params.algs[0].from_height = 0;
    decide(s, CAIRN_TX_PARAMS_SET, memory_params(a, &params), CAIRN_OK);
    decide(s, CAIRN_TX_POLICY_SET, memory_policy(a, "levels", 2, one), CAIRN_ERR_TX_WRONG_VERSION);
    decide(s, CAIRN_TX_POLICY_SET, memory_policy(a, "levels", 1, one), CAIRN_OK);
    decide(s, CAIRN_TX_POLICY_SET, memory_policy(a, "levels", 2, one), CAIRN_OK);
    decide(s, CAIRN_TX_POLICY_SET, memory_policy(a, "Levels", 1, one), CAIRN_ERR_BAD_VALUE);
    decide(s, CAIRN_TX_ANCHOR, memory_anchor(a, 3000), CAIRN_ERR_TX_FORBIDDEN);
    decide(s, 999, one, CAIRN_ERR_TX_UNKNOWN_TYPE);
    decide(s, CAIRN_TX_POLICY_SET, cairn_bytes_of("\xa1\x01", 2), CAIRN_ERR_TRUNCATED);
    say(s, MEMORY_SIGN, CAIRN_TX_POLICY_SET, memory_policy(a, "levels", 3, one),
        CAIRN_ERR_TX_NEEDS_APPROVAL);
    say(s, MEMORY_SIGN, CAIRN_TX_PARAMS_SET, memory_params(a, &params),
        CAIRN_ERR_TX_NEEDS_APPROVAL);
    close_block(s);
}

static void play_votes(scene *s)
{
    cairn_arena *a = &s->m.arena;
    const uint16_t type = CAIRN_TX_POLICY_SET;
    const cairn_bytes act = memory_policy(a, "phases", 1, cairn_bytes_str("p"));
    const uint8_t me = MEMORY_SIGN;
    const cairn_hash guest = memory_org(50);
    say(s, 50, CAIRN_TX_APPROVAL_PROPOSE, memory_propose(a, type, act, s->time_ms + 1000),
        CAIRN_ERR_TX_FORBIDDEN);
    say(s, me, CAIRN_TX_APPROVAL_PROPOSE, memory_propose(a, type, act, s->time_ms),
        CAIRN_ERR_BAD_VALUE);
    say(s, me, CAIRN_TX_APPROVAL_PROPOSE,
        memory_propose(a, type, act, s->time_ms + UINT64_C(30) * 86400000 + 1),
        CAIRN_ERR_BAD_VALUE);
    const cairn_hash short_lived = say(s, me, CAIRN_TX_APPROVAL_PROPOSE,
                                       memory_propose(a, type, act, s->time_ms + 1000), CAIRN_OK);
    const cairn_hash withdrawn = propose(s, me, type, act);
    const cairn_hash open = propose(s, me, type, act);
    approve(s, me, &open, type, act, CAIRN_ERR_EXISTS);
    approve(s, 50, &open, type, act, CAIRN_ERR_TX_FORBIDDEN);
    approve(s, me + 1, &open, type + 1, act, CAIRN_ERR_MISMATCH);
    approve(s, me + 1, &guest, type, act, CAIRN_ERR_NOT_FOUND);
    withdraw(s, 50, &open, CAIRN_ERR_NOT_FOUND);
    withdraw(s, me + 1, &open, CAIRN_ERR_NOT_FOUND);
    withdraw(s, me, &withdrawn, CAIRN_OK);
    withdraw(s, me, &withdrawn, CAIRN_ERR_CLOSED);
    close_block(s);
    approve(s, me + 1, &short_lived, type, act, CAIRN_ERR_EXPIRED);
    withdraw(s, me, &short_lived, CAIRN_ERR_EXPIRED);
    approve(s, me + 1, &withdrawn, type, act, CAIRN_ERR_CLOSED);
    approve(s, me + 1, &open, type, act, CAIRN_OK);
    approve(s, me + 2, &open, type, act, CAIRN_ERR_CLOSED);
    close_block(s);
    must_end(s, &open, CAIRN_APPROVAL_EXECUTED, CAIRN_OK);
}

/* An approval that was given does not count while its giver is suspended, and the last member
 * stays. */
static void play_last_member(scene *s)
{
    cairn_arena *a = &s->m.arena;
    const uint16_t type = CAIRN_TX_POLICY_SET;
    const cairn_bytes act = memory_policy(a, "weights", 1, cairn_bytes_str("w"));
    const uint8_t me = MEMORY_SIGN;
    const cairn_hash open = propose(s, me + 2, type, act); /* two of three */
    close_block(s);
    set_status(s, me + 2, CAIRN_ORG_SUSPENDED, 1, CAIRN_OK);
    approve(s, me + 1, &open, type, act, CAIRN_OK);
    close_block(s);
    must_end(s, &open, CAIRN_APPROVAL_OPEN, CAIRN_OK);
    set_status(s, me + 1, CAIRN_ORG_SUSPENDED, 1, CAIRN_OK);
    s->voters = 1;
    set_status(s, me, CAIRN_ORG_REMOVED, 2, CAIRN_ERR_TX_FORBIDDEN);
    set_status(s, me + 1, CAIRN_ORG_ACTIVE, 2, CAIRN_OK);
    approve(s, me, &open, type, act, CAIRN_OK); /* and that of member 1 counts again */
    close_block(s);
    must_end(s, &open, CAIRN_APPROVAL_EXECUTED, CAIRN_OK);
}

static void play_subjects(scene *s)
{
    memory_ledger *m = &s->m;
    const uint8_t me = MEMORY_SIGN, other = MEMORY_SIGN + 2;
    const cairn_hash other_org = memory_org(other);
    const uint64_t end = s->time_ms + 100000;
    for (uint8_t i = 1; i <= 6; i++)
        say(s, me, CAIRN_TX_SUBJECT_REGISTER, memory_register(m, i, i <= 3 ? 1 : 2), CAIRN_OK);
    say(s, other, CAIRN_TX_SUBJECT_REGISTER, memory_register(m, 1, 1), CAIRN_ERR_EXISTS);
    say(s, me, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(m, 1, 1, 2), CAIRN_OK);
    say(s, me, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(m, 2, 1, 3), CAIRN_OK);
    say(s, me, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(m, 2, 2, 1), CAIRN_ERR_CLOSED);
    say(s, me, CAIRN_TX_SUBJECT_ROTATE, memory_replace(m, 3, 1, 13), CAIRN_OK);
    say(s, me, CAIRN_TX_SUBJECT_OFFER, memory_offer(m, 4, 1, &other_org), CAIRN_OK);
    say(s, me, CAIRN_TX_SUBJECT_OFFER, memory_offer(m, 13, 1, &other_org), CAIRN_ERR_TX_FORBIDDEN);
    say(s, other, CAIRN_TX_SUBJECT_ACCEPT, memory_replace(m, 4, 2, 14), CAIRN_OK);
    say(s, other, CAIRN_TX_SUBJECT_ACCEPT, memory_replace(m, 5, 1, 15), CAIRN_ERR_TX_FORBIDDEN);
    close_block(s);
    say(s, me, CAIRN_TX_GRANT_SET, memory_grant(m, 13, me, "read", end, 0), CAIRN_OK);
    say(s, me, CAIRN_TX_GRANT_SET, memory_grant(m, 1, me, "read", end, 0), CAIRN_ERR_CLOSED);
    say(s, me, CAIRN_TX_GRANT_REVOKE, memory_grant_revoke(m, 13, me, 1), CAIRN_OK);
    say(s, me, CAIRN_TX_LIST_ANCHOR, memory_list(m, CAIRN_LIST_TOKEN, 1, end), CAIRN_OK);
    say(s, me, CAIRN_TX_LIST_ANCHOR, memory_list(m, CAIRN_LIST_TOKEN, 3, end),
        CAIRN_ERR_TX_WRONG_VERSION);
    close_block(s);
}

static void play_rotations(scene *s)
{
    memory_ledger *m = &s->m;
    const cairn_hash me = memory_org(MEMORY_SIGN);
    decide(s, CAIRN_TX_ORG_ROLES, memory_roles(m, &me, CAIRN_ROLE_OPERATOR, 1), CAIRN_OK);
    decide(s, CAIRN_TX_ORG_ROLES, memory_roles(m, &me, 0, 1), CAIRN_ERR_TX_WRONG_VERSION);
    decide(s, CAIRN_TX_ORG_ADMIT, memory_admit(&m->arena, &m->id, "oRG 1", false, 60),
           CAIRN_ERR_EXISTS);
    say(s, MEMORY_SIGN, CAIRN_TX_KEY_ROTATE,
        memory_rotate(m, MEMORY_COSIGN, 70, CAIRN_PURPOSE_COSIGN, CAIRN_HEIGHT_OPEN), CAIRN_OK);
    say(s, MEMORY_SIGN, CAIRN_TX_KEY_ROTATE, memory_rotate(m, 70, 71, CAIRN_PURPOSE_COSIGN, 1000),
        CAIRN_OK);
    say(s, MEMORY_SIGN, CAIRN_TX_KEY_ROTATE, memory_rotate(m, 70, 72, CAIRN_PURPOSE_COSIGN, 1000),
        CAIRN_ERR_CLOSED);
    close_block(s);
    say(s, MEMORY_SIGN, CAIRN_TX_KEY_REVOKE, /* it ended before it was found to have leaked */
        memory_key_revoke(&m->arena, memory_kid(MEMORY_COSIGN), 1), CAIRN_OK);
    close_block(s);
}

static void write_log(const char *directory)
{
    static scene s;
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/v1", directory);
    (void)mkdir(path, 0777);
    s.records = open_file(path, "records.cbor");
    s.roots = open_file(path, "roots.txt");
    s.time_ms = MEMORY_TIME_MS + 1000;
    s.voters = 2;
    memory_begin(&s.m, 3, NULL);
    write_block(&s);
    play_anchors(&s);
    play_new_keys(&s);
    play_old_keys(&s);
    play_organisations(&s);
    play_configuration(&s);
    play_votes(&s);
    play_subjects(&s);
    play_rotations(&s);
    play_last_member(&s);
    CAIRN_ASSERT(fclose(s.records) == 0 && fclose(s.roots) == 0);
    memory_end(&s.m);
}

/* --- vectors --- */

/* An anchor for the subject that memory_name(subject) is, as a node signs it for a client. */
static cairn_bytes anchor_for(memory_ledger *m, uint8_t number, uint8_t subject)
{
    const cairn_hash commitment = memory_name(number), name = memory_name(subject);
    cairn_bytes body;
    MEMORY_MUST(cairn_anchor_body_for(&m->arena, &commitment, &name, &body));
    return body;
}

static void write_anchors_for_others(vectors *v)
{
    enum { ME = MEMORY_SIGN, OTHER = MEMORY_SIGN + 1 };
    memory_ledger *m = &v->m;
    const uint64_t end = VECTOR_TIME_MS + 86400000;
    for (uint8_t i = 1; i <= 3; i++)
        vector(v, "device", ME, CAIRN_TX_SUBJECT_REGISTER,
               memory_register(m, i, CAIRN_SUBJECT_DEVICE), CAIRN_OK);
    vector(v, "for-nobody", ME, CAIRN_TX_ANCHOR, anchor_for(m, 50, 9), CAIRN_ERR_NOT_FOUND);
    vector(v, "without-a-grant", ME, CAIRN_TX_ANCHOR, anchor_for(m, 50, 1), CAIRN_ERR_NOT_FOUND);
    vector(v, "grant", ME, CAIRN_TX_GRANT_SET, memory_grant(m, 1, ME, "record.anchor", end, 0),
           CAIRN_OK);
    vector(v, "for-a-subject", ME, CAIRN_TX_ANCHOR, anchor_for(m, 50, 1), CAIRN_OK);
    vector(v, "for-a-subject-again", ME, CAIRN_TX_ANCHOR, anchor_for(m, 50, 1), CAIRN_ERR_EXISTS);
    vector(v, "by-a-key-without-grant", OTHER, CAIRN_TX_ANCHOR, anchor_for(m, 51, 1),
           CAIRN_ERR_NOT_FOUND);
    vector(v, "for-a-subject-of-others", OTHER, CAIRN_TX_GRANT_SET,
           memory_grant(m, 1, OTHER, "record.anchor", end, 0), CAIRN_ERR_TX_FORBIDDEN);
    vector(v, "another-scope", ME, CAIRN_TX_GRANT_SET, memory_grant(m, 2, ME, "read", end, 0),
           CAIRN_OK);
    vector(v, "beyond-the-scope", ME, CAIRN_TX_ANCHOR, anchor_for(m, 52, 2),
           CAIRN_ERR_TX_FORBIDDEN);
    vector(v, "grant-that-ends", ME, CAIRN_TX_GRANT_SET,
           memory_grant(m, 3, ME, "record.anchor", end, 0), CAIRN_OK);
    vector(v, "suspend", ME, CAIRN_TX_SUBJECT_STATUS, memory_subject_status(m, 3, 1, 2), CAIRN_OK);
    vector(v, "for-a-suspended-subject", ME, CAIRN_TX_ANCHOR, anchor_for(m, 53, 3),
           CAIRN_ERR_CLOSED);
    vector(v, "revoke", ME, CAIRN_TX_GRANT_REVOKE, memory_grant_revoke(m, 1, ME, 1), CAIRN_OK);
    vector(v, "after-its-end", ME, CAIRN_TX_ANCHOR, anchor_for(m, 54, 1), CAIRN_ERR_CLOSED);
}

static void write_anchor_vectors(const char *directory)
{
    vectors v;
    vectors_begin(&v, directory, "record.anchor", 2, NULL);
    cairn_bytes body = memory_anchor(&v.m.arena, 1);
    vector(&v, "new", MEMORY_SIGN, CAIRN_TX_ANCHOR, body, CAIRN_OK);
    vector(&v, "again", MEMORY_SIGN, CAIRN_TX_ANCHOR, body, CAIRN_ERR_EXISTS);
    vector(&v, "no-commitment", MEMORY_SIGN, CAIRN_TX_ANCHOR, cairn_bytes_of("\xa0", 1),
           CAIRN_ERR_MISSING_FIELD);
    vector(&v, "short-commitment", MEMORY_SIGN, CAIRN_TX_ANCHOR, cairn_bytes_of("\xa1\x01\x40", 3),
           CAIRN_ERR_BAD_VALUE);
    write_anchors_for_others(&v);
    vectors_end(&v);
}

static void write_key_vectors(const char *directory)
{
    vectors v;
    const cairn_hash org = memory_org(MEMORY_SIGN);
    vectors_begin(&v, directory, "identity.key.add", 2, NULL);
    cairn_bytes body =
        memory_key_add(&v.m.arena, &v.m.id, &org, CAIRN_PURPOSE_SIGN, memory_key(31));
    vector(&v, "proof-of-another-organisation", MEMORY_SIGN + 1, CAIRN_TX_KEY_ADD, body,
           CAIRN_ERR_BAD_SIGNATURE);
    vector(&v, "signing-key", MEMORY_SIGN, CAIRN_TX_KEY_ADD, body, CAIRN_OK);
    vector(&v, "again", MEMORY_SIGN, CAIRN_TX_KEY_ADD, body, CAIRN_ERR_EXISTS);
    vectors_end(&v);

    vectors_begin(&v, directory, "identity.key.revoke", 2, NULL);
    cairn_bytes cosign = memory_key_revoke(&v.m.arena, memory_kid(MEMORY_COSIGN), 0);
    vector(&v, "of-another-organisation", MEMORY_SIGN + 1, CAIRN_TX_KEY_REVOKE, cosign,
           CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "suspect-from-the-start", MEMORY_SIGN, CAIRN_TX_KEY_REVOKE, cosign, CAIRN_OK);
    vector(&v, "again", MEMORY_SIGN, CAIRN_TX_KEY_REVOKE, cosign, CAIRN_ERR_CLOSED);
    vector(&v, "plain", MEMORY_SIGN + 1, CAIRN_TX_KEY_REVOKE,
           memory_key_revoke(&v.m.arena, memory_kid(MEMORY_COSIGN + 1), CAIRN_HEIGHT_OPEN),
           CAIRN_OK);
    vector(&v, "itself", MEMORY_SIGN, CAIRN_TX_KEY_REVOKE,
           memory_key_revoke(&v.m.arena, memory_kid(MEMORY_SIGN), CAIRN_HEIGHT_OPEN),
           CAIRN_ERR_TX_FORBIDDEN);
    vectors_end(&v);
}

static void write_organisation_vectors(const char *directory)
{
    vectors v;
    const cairn_hash guest = memory_org(50);
    vectors_begin(&v, directory, "identity.org.admit", 1, NULL);
    v.act = true;
    cairn_bytes admit = memory_admit(&v.m.arena, &v.m.id, "Guest", false, 50);
    vector(&v, "by-itself", MEMORY_SIGN, CAIRN_TX_ORG_ADMIT, admit, CAIRN_ERR_TX_NEEDS_APPROVAL);
    vector_act(&v, "guest", CAIRN_TX_ORG_ADMIT, admit, CAIRN_OK);
    vector_act(&v, "again", CAIRN_TX_ORG_ADMIT, admit, CAIRN_ERR_EXISTS);
    vector_act(&v, "slash-in-name", CAIRN_TX_ORG_ADMIT,
               memory_admit(&v.m.arena, &v.m.id, "A/B", true, 51), CAIRN_ERR_BAD_VALUE);
    vectors_end(&v);

    vectors_begin(&v, directory, "identity.org.status", 1, NULL);
    v.act = true;
    vector_act(&v, "not-admitted", CAIRN_TX_ORG_STATUS,
               memory_status(&v.m.arena, &guest, CAIRN_ORG_SUSPENDED, 1), CAIRN_ERR_NOT_FOUND);
    vector_act(&v, "admit", CAIRN_TX_ORG_ADMIT,
               memory_admit(&v.m.arena, &v.m.id, "Guest", false, 50), CAIRN_OK);
    vector_act(&v, "wrong-version", CAIRN_TX_ORG_STATUS,
               memory_status(&v.m.arena, &guest, CAIRN_ORG_SUSPENDED, 2),
               CAIRN_ERR_TX_WRONG_VERSION);
    vector_act(&v, "suspend", CAIRN_TX_ORG_STATUS,
               memory_status(&v.m.arena, &guest, CAIRN_ORG_SUSPENDED, 1), CAIRN_OK);
    vectors_end(&v);
}

static void write_configuration_vectors(const char *directory)
{
    vectors v;
    cairn_params params;
    cairn_params_default(&params);
    vectors_begin(&v, directory, "params.set", 1, NULL);
    v.act = true;
    params.approval_num = 1;
    vector_act(&v, "one-third", CAIRN_TX_PARAMS_SET, memory_params(&v.m.arena, &params), CAIRN_OK);
    params.approval_num = 4;
    vector_act(&v, "four-thirds", CAIRN_TX_PARAMS_SET, memory_params(&v.m.arena, &params),
               CAIRN_ERR_BAD_VALUE);
    vectors_end(&v);

    vectors_begin(&v, directory, "policy.set", 1, NULL);
    v.act = true;
    vector_act(&v, "second-first", CAIRN_TX_POLICY_SET,
               memory_policy(&v.m.arena, "levels", 2, cairn_bytes_str("x")),
               CAIRN_ERR_TX_WRONG_VERSION);
    vector_act(&v, "first", CAIRN_TX_POLICY_SET,
               memory_policy(&v.m.arena, "levels", 1, cairn_bytes_str("x")), CAIRN_OK);
    vectors_end(&v);
}

static void write_approval_vectors(const char *directory)
{
    vectors v;
    cairn_hash id, hash;
    cairn_arena arena; /* the act is the same on all three ledgers */
    cairn_arena_init(&arena, 1 << 16);
    cairn_bytes act = memory_policy(&arena, "levels", 1, cairn_bytes_str("x"));
    vectors_begin(&v, directory, "approval.propose", 3, NULL);
    cairn_act_hash(CAIRN_TX_POLICY_SET, act, &hash);
    vector(&v, "open", MEMORY_SIGN, CAIRN_TX_APPROVAL_PROPOSE,
           memory_propose(&v.m.arena, CAIRN_TX_POLICY_SET, act, VECTOR_TIME_MS + 1), CAIRN_OK);
    vector(&v, "ended", MEMORY_SIGN, CAIRN_TX_APPROVAL_PROPOSE,
           memory_propose(&v.m.arena, CAIRN_TX_POLICY_SET, act, VECTOR_TIME_MS),
           CAIRN_ERR_BAD_VALUE);
    vectors_end(&v);

    vectors_begin(&v, directory, "approval.approve", 3, NULL);
    id = vector(&v, "propose", MEMORY_SIGN, CAIRN_TX_APPROVAL_PROPOSE,
                memory_propose(&v.m.arena, CAIRN_TX_POLICY_SET, act, VECTOR_TIME_MS + 9), CAIRN_OK);
    vector(&v, "another-act", MEMORY_SIGN + 1, CAIRN_TX_APPROVAL_APPROVE,
           memory_vote(&v.m.arena, &id, &id), CAIRN_ERR_MISMATCH);
    vector(&v, "twice", MEMORY_SIGN, CAIRN_TX_APPROVAL_APPROVE, memory_vote(&v.m.arena, &id, &hash),
           CAIRN_ERR_EXISTS);
    vector(&v, "second", MEMORY_SIGN + 1, CAIRN_TX_APPROVAL_APPROVE,
           memory_vote(&v.m.arena, &id, &hash), CAIRN_OK);
    vector(&v, "too-late", MEMORY_SIGN + 2, CAIRN_TX_APPROVAL_APPROVE,
           memory_vote(&v.m.arena, &id, &hash), CAIRN_ERR_CLOSED);
    vectors_end(&v);

    vectors_begin(&v, directory, "approval.withdraw", 3, NULL);
    id = vector(&v, "propose", MEMORY_SIGN, CAIRN_TX_APPROVAL_PROPOSE,
                memory_propose(&v.m.arena, CAIRN_TX_POLICY_SET, act, VECTOR_TIME_MS + 9), CAIRN_OK);
    vector(&v, "not-given", MEMORY_SIGN + 1, CAIRN_TX_APPROVAL_WITHDRAW,
           memory_vote(&v.m.arena, &id, NULL), CAIRN_ERR_NOT_FOUND);
    vector(&v, "by-the-proposer", MEMORY_SIGN, CAIRN_TX_APPROVAL_WITHDRAW,
           memory_vote(&v.m.arena, &id, NULL), CAIRN_OK);
    vectors_end(&v);
    cairn_arena_done(&arena);
}

/* A copy in which byte `at` (from the end when negative) is xored. */
static cairn_bytes changed(vectors *v, cairn_bytes raw, long at, uint8_t bits)
{
    cairn_bytes copy;
    MEMORY_MUST(cairn_arena_copy(&v->m.arena, raw, &copy));
    uint8_t *data = (uint8_t *)(uintptr_t)copy.data;
    data[at < 0 ? (long)raw.size + at : at] ^= bits;
    return copy;
}

static void write_envelope_vectors(vectors *v)
{
    static const uint8_t act[1024] = {0xa0};
    cairn_bytes good = vector_tx(v, MEMORY_SIGN, CAIRN_TX_ANCHOR, memory_anchor(&v->m.arena, 1));
    cairn_bytes high = changed(v, good, 0, 0);
    test_negate_s((uint8_t *)(uintptr_t)high.data + high.size - 64);
    vector(v, "over-the-chain-parameter", MEMORY_SIGN, CAIRN_TX_APPROVAL_PROPOSE,
           memory_propose(&v->m.arena, 17, cairn_bytes_of(act, sizeof act), VECTOR_TIME_MS + 9),
           CAIRN_ERR_TOO_LARGE);
    vector_raw(v, "one-byte-short", cairn_bytes_of(good.data, good.size - 1), CAIRN_ERR_TRUNCATED);
    vector_raw(v, "another-tag", changed(v, good, 0, 0x03), CAIRN_ERR_BAD_VALUE);
    vector_raw(v, "EdDSA", changed(v, good, 6, 0x01), CAIRN_ERR_BAD_ALGORITHM);
    vector_raw(v, "another-ledger", changed(v, good, 51, 0x01), CAIRN_ERR_TX_WRONG_LEDGER);
    vector_raw(v, "unknown-type", changed(v, good, 84, 0x40), CAIRN_ERR_TX_UNKNOWN_TYPE);
    vector_raw(v, "high-s", high, CAIRN_ERR_HIGH_S);
    vector_raw(v, "unknown-signer", changed(v, good, 20, 0x01), CAIRN_ERR_TX_UNKNOWN_SIGNER);
    vector_raw(v, "bad-signature", changed(v, good, -40, 0x01), CAIRN_ERR_BAD_SIGNATURE);
    vector_raw(v, "good", good, CAIRN_OK);
    vector_raw(v, "replayed", good, CAIRN_ERR_TX_REPLAYED);
}

static void write_check_vectors(const char *directory)
{
    vectors v;
    cairn_params params;
    const cairn_hash guest = memory_org(50), org = memory_org(MEMORY_SIGN);
    cairn_params_default(&params);
    params.tx_size_max = 1024;
    vectors_begin(&v, directory, "checks", 1, &params);
    write_envelope_vectors(&v);
    cairn_arena *a = &v.m.arena;
    const cairn_key *key = memory_key(MEMORY_SIGN);
    vector_raw(&v, "ends-now",
               memory_tx(&v.m, key, CAIRN_TX_ANCHOR, memory_anchor(a, 2), VECTOR_TIME_MS),
               CAIRN_ERR_TX_EXPIRED);
    vector_raw(&v, "too-far-ahead",
               memory_tx(&v.m, key, CAIRN_TX_ANCHOR, memory_anchor(a, 2), VECTOR_TIME_MS + 600001),
               CAIRN_ERR_TX_TOO_FAR_AHEAD);
    vector_raw(&v, "just-not-too-far",
               memory_tx(&v.m, key, CAIRN_TX_ANCHOR, memory_anchor(a, 2), VECTOR_TIME_MS + 600000),
               CAIRN_OK);
    vector(&v, "cosigning-key", MEMORY_COSIGN, CAIRN_TX_ANCHOR, memory_anchor(a, 3),
           CAIRN_ERR_TX_WRONG_PURPOSE);
    vector(&v, "add-key", MEMORY_SIGN, CAIRN_TX_KEY_ADD,
           memory_key_add(a, &v.m.id, &org, CAIRN_PURPOSE_SIGN, memory_key(31)), CAIRN_OK);
    vector(&v, "end-key", MEMORY_SIGN, CAIRN_TX_KEY_REVOKE,
           memory_key_revoke(a, memory_kid(31), CAIRN_HEIGHT_OPEN), CAIRN_OK);
    vector(&v, "ended-key", 31, CAIRN_TX_ANCHOR, memory_anchor(a, 3), CAIRN_ERR_TX_REVOKED_SIGNER);
    vector_act(&v, "admit", CAIRN_TX_ORG_ADMIT, memory_admit(a, &v.m.id, "Guest", false, 50),
               CAIRN_OK);
    vector_act(&v, "suspend", CAIRN_TX_ORG_STATUS, memory_status(a, &guest, CAIRN_ORG_SUSPENDED, 1),
               CAIRN_OK);
    vector(&v, "suspended", 50, CAIRN_TX_ANCHOR, memory_anchor(a, 3),
           CAIRN_ERR_TX_SUSPENDED_SIGNER);
    vector(&v, "needs-approval", MEMORY_SIGN, CAIRN_TX_PARAMS_SET, memory_params(a, &params),
           CAIRN_ERR_TX_NEEDS_APPROVAL);
    vectors_end(&v);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: golden-generate DIRECTORY\n", stderr);
        return 2;
    }
    write_log(argv[1]);
    write_anchor_vectors(argv[1]);
    write_key_vectors(argv[1]);
    write_organisation_vectors(argv[1]);
    golden_write_identity(argv[1]);
    golden_write_onboard(argv[1]);
    write_configuration_vectors(argv[1]);
    write_approval_vectors(argv[1]);
    write_check_vectors(argv[1]);
    return 0;
}
