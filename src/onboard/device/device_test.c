/* A device's life against good and bad peers: every check of its own, by what the peer is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/fdo_peer.h"
#include "support/hex.h"

/* A device that is initialised, and its peer. */
typedef struct world {
    fdo_peer peer;
    fdo_memory memory;
    cairn_fdo_client_config config;
    cairn_fdo_client *device;
} world;

static void world_init(world *w, cairn_key_type type, size_t entry_count)
{
    memset(w, 0, sizeof *w);
    fdo_peer_init(&w->peer, type, entry_count);
    w->config = fdo_memory_config(&w->memory);
    assert_int_equal(cairn_fdo_client_open(&w->config, &w->device), CAIRN_OK);
    assert_int_equal(cairn_fdo_client_get_state(w->device), CAIRN_FDO_CLIENT_BLANK);
    assert_int_equal(fdo_play(w->device, &w->peer, CAIRN_FDO_CLIENT_DI), CAIRN_OK);
    assert_int_equal(cairn_fdo_client_get_state(w->device), CAIRN_FDO_CLIENT_READY);
}

static void world_done(world *w)
{
    cairn_fdo_client_free(w->device);
    fdo_memory_done(&w->memory);
    fdo_peer_done(&w->peer);
}

/* The device as it is after power comes back. */
static void restart(world *w)
{
    cairn_fdo_client_free(w->device);
    w->device = NULL;
    assert_int_equal(cairn_fdo_client_open(&w->config, &w->device), CAIRN_OK);
}

static void check_old(const world *w)
{
    assert_int_equal(cairn_fdo_client_get_state(w->device), CAIRN_FDO_CLIENT_READY);
    assert_memory_equal(cairn_fdo_client_guid(w->device)->b, w->peer.guid.b, 16);
}

static void check_new(const world *w)
{
    assert_int_equal(cairn_fdo_client_get_state(w->device), CAIRN_FDO_CLIENT_ONBOARDED);
    assert_memory_equal(cairn_fdo_client_guid(w->device)->b, w->peer.next_guid.b, 16);
}

/* The owner sells on: the next voucher begins with his key, and has the HMac of 66. */
static void resell(fdo_peer *peer)
{
    cairn_fdo_header header = {0};
    assert_int_equal(cairn_fdo_header_read(peer->header, &header), CAIRN_OK);
    cairn_fdo_header next = header;
    next.guid = peer->next_guid;
    next.rv_info = peer->next_rv_info;
    next.manufacturer = peer->owner_keys[1];
    assert_int_equal(cairn_fdo_header_encode(&peer->arena, &next, &peer->header), CAIRN_OK);
    cairn_fdo_header_done(&header);
    cairn_key_free(peer->owners[0]);
    cairn_fdo_key_free(peer->owner_keys[0]);
    peer->owners[0] = cairn_key_ref(peer->owners[1]);
    peer->owner_keys[0] = cairn_fdo_key_ref(peer->owner_keys[1]);
    peer->hmac = peer->next_hmac;
    peer->guid = peer->next_guid;
    peer->rv_info = peer->next_rv_info;
    memset(peer->next_guid.b, 0xd3, 16);
    fdo_peer_sell(peer);
}

/* [X1353-R43] */
static void test_both_profiles_and_any_number_of_owners(void **state)
{
    static const size_t counts[] = {0, 1, 2, 5};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (int type = CAIRN_KEY_P256; type <= CAIRN_KEY_P384; type++) {
            CAIRN_CLEANUP(world_done) world w;
            char url[CAIRN_FDO_CLIENT_URL_SIZE];
            world_init(&w, (cairn_key_type)type, counts[i]);
            assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO1), CAIRN_OK);
            assert_true(cairn_fdo_client_owner_url(w.device, 0, url));
            assert_string_equal(url, "http://owner.example:8043");
            assert_false(cairn_fdo_client_owner_url(w.device, 1, url));
            check_old(&w);
            assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2), CAIRN_OK);
            check_new(&w);
            assert_int_equal(w.peer.done, 1);
            assert_int_equal(w.peer.hmacs, 1);
            restart(&w);
            check_new(&w);
        }
    }
}

/* 255 entries, the most that there can be. [X1353-R09] */
static void test_a_voucher_of_255_entries(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w, CAIRN_KEY_P256, 255);
    assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2_DIRECT), CAIRN_OK);
    check_new(&w);
}

/* The HMac of 66 is one that the device knows as its own at the next owner's. [X1353-R10] */
static void test_resale(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w, CAIRN_KEY_P256, 1);
    assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2_DIRECT), CAIRN_OK);
    check_new(&w);
    assert_int_equal(cairn_fdo_client_reset(w.device), CAIRN_OK);
    assert_int_equal(cairn_fdo_client_get_state(w.device), CAIRN_FDO_CLIENT_READY);
    resell(&w.peer);
    assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO1), CAIRN_OK);
    assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2), CAIRN_OK);
    check_new(&w);
}

/* The former owner's voucher is of no use any more. [X1353-T4] */
static void test_the_former_voucher_is_refused(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w, CAIRN_KEY_P256, 1);
    assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2_DIRECT), CAIRN_OK);
    assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2_DIRECT), CAIRN_ERR_MISMATCH);
    assert_int_equal(w.peer.told.code, CAIRN_FDO_INVALID_MESSAGE_ERROR);
    check_new(&w);
}

/* --- what a bad peer does to one answer --- */

typedef struct twister {
    uint8_t type; /* the answer that is meant */
    bool on_wire; /* after sealing */
    size_t byte;  /* to be flipped */
    uint8_t mask;
    uint8_t as_type;     /* another type; 0: as it is */
    const uint8_t *body; /* another body, when `replace` */
    size_t size;
    bool replace;
    bool met; /* the answer was there, and had that byte */
} twister;

static void twist(fdo_peer *peer, uint8_t *type, cairn_bytes *body, bool on_wire)
{
    twister *t = peer->twister;
    if (*type != t->type || on_wire != t->on_wire)
        return;
    if (t->as_type != 0)
        *type = t->as_type;
    if (t->replace)
        *body = cairn_bytes_of(t->body, t->size);
    t->met = t->byte < body->size || t->replace;
    if (t->mask == 0 || t->byte >= body->size)
        return;
    cairn_bytes copy;
    assert_int_equal(cairn_arena_copy(&peer->message, *body, &copy), CAIRN_OK);
    ((uint8_t *)(uintptr_t)copy.data)[t->byte] ^= t->mask;
    *body = copy;
}

/* The whole of an onboarding in one go; the device is then as it was. */
static cairn_err play_twisted(world *w, twister *t)
{
    w->peer.twist = twist;
    w->peer.twister = t;
    t->met = false;
    cairn_err err = fdo_play(w->device, &w->peer, CAIRN_FDO_CLIENT_TO1);
    if (err == CAIRN_OK)
        err = fdo_play(w->device, &w->peer, CAIRN_FDO_CLIENT_TO2);
    w->peer.twist = NULL;
    return err;
}

static const uint8_t answers[] = {31, 33, 61, 63, 65, 67, 69, 71};

/* Not one byte of what comes over the wire can change without the run failing, the device being as
 * it was, and the peer being told (unless it was the peer who noticed). [X1353-R13] */
static void check_no_byte_of(uint8_t type)
{
    CAIRN_CLEANUP(world_done) world w;
    twister t = {.type = type, .on_wire = true};
    world_init(&w, CAIRN_KEY_P256, 1);
    for (;; t.byte++) {
        t.mask = (uint8_t)(1 << t.byte % 8);
        w.peer.told_count = 0;
        cairn_err err = play_twisted(&w, &t);
        if (!t.met)
            break;
        if (err == CAIRN_OK)
            fail_msg("message %u: byte %zu may change", type, t.byte);
        check_old(&w);
        if (err == CAIRN_ERR_REFUSED)
            continue;
        assert_int_equal(w.peer.told_count, 1);
        if (w.peer.told.code != 100 && w.peer.told.code != 101 && w.peer.told.code != 2)
            fail_msg("message %u, byte %zu: code %u: %s", type, t.byte, w.peer.told.code,
                     w.peer.told_text);
    }
    assert_true(t.byte > 16);
    check_new(&w); /* the last one was left alone */
}

static void test_no_byte_can_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers; i++)
        check_no_byte_of(answers[i]);
}

/* What answers are refused as, whatever they hold. */
static void test_answers_of_another_shape(void **state)
{
    static const uint8_t large[CAIRN_FDO_CLIENT_MESSAGE_SIZE_DEFAULT + 1];
    static const struct {
        twister t;
        cairn_err want;
    } rows[] = {
        {{.as_type = 70}, CAIRN_ERR_BAD_VALUE}, /* out of order */
        {{.replace = true}, CAIRN_ERR_TRUNCATED},
        {{.replace = true, .body = (const uint8_t *)"\x80", .size = 1}, CAIRN_OK}, /* any error */
        {{.replace = true, .body = large, .size = sizeof large}, CAIRN_ERR_TOO_LARGE},
    };
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w, CAIRN_KEY_P256, 1);
    for (size_t i = 0; i < sizeof answers; i++) {
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            twister t = rows[k].t;
            t.type = answers[i];
            t.on_wire = true;
            w.peer.told_count = 0;
            cairn_err err = play_twisted(&w, &t);
            assert_true(t.met);
            if (rows[k].want == CAIRN_OK)
                assert_int_not_equal(err, CAIRN_OK);
            else
                assert_int_equal(err, rows[k].want);
            assert_int_equal(w.peer.told_count, 1);
            assert_int_equal(w.peer.told.code, CAIRN_FDO_MESSAGE_BODY_ERROR);
            check_old(&w);
        }
    }
}

/* A peer's 255 ends the run; nobody is told anything back. */
static void test_a_peer_that_refuses(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    TEST_HEX(body, "8506183c636e6f6f00f6");
    (void)state;
    world_init(&w, CAIRN_KEY_P256, 1);
    for (size_t i = 0; i < sizeof answers; i++) {
        twister t = {.type = answers[i],
                     .on_wire = true,
                     .as_type = CAIRN_FDO_ERROR,
                     .replace = true,
                     .body = body.data,
                     .size = body.size};
        assert_int_equal(play_twisted(&w, &t), CAIRN_ERR_REFUSED);
        assert_non_null(strstr(cairn_err_detail(), "noo"));
        assert_int_equal(w.peer.told_count, 0);
        check_old(&w);
    }
}

/* Keeps every answer of one run, and gives one of them again in the next. */
typedef struct recorder {
    cairn_arena arena;
    cairn_bytes bodies[256];
    uint8_t replayed; /* 0: records */
} recorder;

static void record(fdo_peer *peer, uint8_t *type, cairn_bytes *body, bool on_wire)
{
    recorder *r = peer->twister;
    if (!on_wire)
        return;
    if (r->replayed == 0)
        assert_int_equal(cairn_arena_copy(&r->arena, *body, &r->bodies[*type]), CAIRN_OK);
    else if (*type == r->replayed)
        *body = r->bodies[*type];
}

/* [X1353-R13]: an answer of an earlier run. Entries and the rendezvous service's word are the same
 * in each run, and signed as such. */
static void test_replayed_answers(void **state)
{
    static const struct {
        uint8_t type;
        cairn_err want;
    } rows[] = {
        {31, CAIRN_ERR_REFUSED}, /* the service sees its old nonce */
        {61, CAIRN_ERR_MISMATCH}, {65, CAIRN_ERR_BAD_MAC}, {67, CAIRN_ERR_BAD_MAC},
        {69, CAIRN_ERR_BAD_MAC},  {71, CAIRN_ERR_BAD_MAC},
    };
    CAIRN_CLEANUP(world_done) world w;
    recorder r = {.replayed = 71};
    (void)state;
    cairn_arena_init(&r.arena, 1 << 16);
    world_init(&w, CAIRN_KEY_P256, 1);
    r.replayed = 0; /* a whole run, but for its last message */
    w.peer.twist = record;
    w.peer.twister = &r;
    w.memory.fail_at = w.memory.writes + 1;
    assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO1), CAIRN_OK);
    assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2), CAIRN_ERR_IO);
    check_old(&w);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        r.replayed = rows[i].type;
        cairn_err err = fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO1);
        if (err == CAIRN_OK)
            err = fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2);
        assert_int_equal(err, rows[i].want);
        check_old(&w);
    }
    cairn_arena_done(&r.arena);
}

/* --- impostors --- */

static void expect_code(world *w, cairn_err want, unsigned code, unsigned previous)
{
    w->peer.told_count = 0;
    cairn_err err = fdo_play(w->device, &w->peer, CAIRN_FDO_CLIENT_TO1);
    if (err == CAIRN_OK)
        err = fdo_play(w->device, &w->peer, CAIRN_FDO_CLIENT_TO2);
    assert_int_equal(err, want);
    assert_int_equal(w->peer.told_count, 1);
    assert_int_equal(w->peer.told.code, code);
    assert_int_equal(w->peer.told.previous, previous);
    check_old(w);
}

static void swap_key(fdo_peer *peer, size_t i, cairn_key *key)
{
    cairn_key_free(peer->owners[i]);
    cairn_fdo_key_free(peer->owner_keys[i]);
    peer->owners[i] = cairn_key_ref(key);
    assert_int_equal(cairn_fdo_key_of(key, CAIRN_FDO_KEY_X509, &peer->owner_keys[i]), CAIRN_OK);
}

/* Somebody who has the voucher but not the owner's key. [X1353-T4] */
static void test_an_owner_whom_the_voucher_does_not_name(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *thief = NULL;
    (void)state;
    world_init(&w, CAIRN_KEY_P256, 1);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &thief), CAIRN_OK);
    swap_key(&w.peer, 1, thief);
    expect_code(&w, CAIRN_ERR_MISMATCH, CAIRN_FDO_INVALID_OWNERSHIP_VOUCHER, 63);
}

/* Somebody who makes a voucher of his own for the device. [X1353-T1] */
static void test_a_voucher_that_the_device_did_not_seal(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    cairn_fdo_header header = {0};
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *thief = NULL;
    (void)state;
    world_init(&w, CAIRN_KEY_P256, 0);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &thief), CAIRN_OK);
    swap_key(&w.peer, 0, thief);
    assert_int_equal(cairn_fdo_header_read(w.peer.header, &header), CAIRN_OK);
    cairn_fdo_header forged = header;
    forged.manufacturer = w.peer.owner_keys[0];
    assert_int_equal(cairn_fdo_header_encode(&w.peer.arena, &forged, &w.peer.header), CAIRN_OK);
    cairn_fdo_header_done(&header);
    expect_code(&w, CAIRN_ERR_MISMATCH, CAIRN_FDO_INVALID_MESSAGE_ERROR, 61);
}

/* An entry by somebody who was not the owner: one voucher, sold by a thief. [X1353-R07] */
static void test_an_entry_by_somebody_else(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *thief = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *manufacturer = NULL;
    (void)state;
    world_init(&w, CAIRN_KEY_P256, 1);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &thief), CAIRN_OK);
    cairn_bytes good = w.peer.entries[0];
    cairn_fdo_entry entry = {0};
    cairn_fdo_unsigned u;
    assert_int_equal(cairn_fdo_entry_read(good, &entry), CAIRN_OK);
    assert_int_equal(cairn_fdo_sign_begin(&w.peer.arena, CAIRN_ALG_ES256, cairn_bytes_of("\xa0", 1),
                                          entry.message.payload, &u),
                     CAIRN_OK);
    cairn_fdo_entry_done(&entry);
    manufacturer = cairn_key_ref(w.peer.owners[0]);
    swap_key(&w.peer, 0, thief);
    assert_int_equal(
        cairn_arena_copy(&w.peer.arena, fdo_peer_sign(&w.peer, &u, 0), &w.peer.entries[0]),
        CAIRN_OK);
    expect_code(&w, CAIRN_ERR_BAD_SIGNATURE, CAIRN_FDO_INVALID_OWNERSHIP_VOUCHER, 63);
}

/* A rendezvous service that sends the device to an address that the owner never named. [X1353-T3]
 */
static void test_a_rendezvous_service_that_lies(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *liar = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *owner = NULL;
    (void)state;
    world_init(&w, CAIRN_KEY_P256, 1);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &liar), CAIRN_OK);
    owner = cairn_key_ref(w.peer.owners[1]);
    swap_key(&w.peer, 1, liar);
    assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO1), CAIRN_OK);
    swap_key(&w.peer, 1, owner);
    assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2), CAIRN_ERR_BAD_SIGNATURE);
    assert_int_equal(w.peer.told.code, CAIRN_FDO_INVALID_OWNERSHIP_VOUCHER);
    check_old(&w);
    /* The owner himself is believed by his voucher alone. */
    assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2_DIRECT), CAIRN_OK);
    check_new(&w);
}

/* --- what may be --- */

static void test_reuse(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w, CAIRN_KEY_P256, 1);
    w.peer.reuse = true;
    expect_code(&w, CAIRN_ERR_EXISTS, CAIRN_FDO_CRED_REUSE_ERROR, 65);
    w.config.may_reuse = true;
    assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2_DIRECT), CAIRN_OK);
    assert_int_equal(w.peer.hmacs, 0); /* null in 66 */
    assert_memory_equal(cairn_fdo_client_guid(w.device)->b, w.peer.guid.b, 16);
    /* The same voucher opens it again. */
    assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2_DIRECT), CAIRN_OK);
    assert_int_equal(w.peer.done, 2);
}

/* [X1353-R45]: a shared x that begins with a zero, with an owner who strips it and one who does
 * not. It comes once in 256 runs. */
static void test_zeros_in_the_shared_secret(void **state)
{
    (void)state;
    for (int strips = 0; strips < 2; strips++) {
        CAIRN_CLEANUP(world_done) world w;
        world_init(&w, CAIRN_KEY_P256, 0);
        w.peer.reuse = w.config.may_reuse = true;
        w.peer.strips = strips == 1;
        for (int i = 0; i < 20000 && w.peer.ambiguous < 2; i++)
            assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2_DIRECT), CAIRN_OK);
        assert_int_equal(w.peer.ambiguous, 2);
    }
}

/* --- power --- */

/* Power goes after any message: the device begins again, with the credential that it had.
 * [X1353-R35]
 */
static void test_power_cut_after_every_message(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w, CAIRN_KEY_P256, 2);
    bool done = false;
    for (unsigned cut = 1; !done; cut++) {
        restart(&w);
        check_old(&w);
        assert_int_equal(cairn_fdo_client_begin(w.device, CAIRN_FDO_CLIENT_TO2_DIRECT, NULL),
                         CAIRN_OK);
        for (unsigned i = 0; i < cut && !done; i++) {
            cairn_fdo_client_message message;
            uint8_t type = 0;
            cairn_bytes body;
            assert_int_equal(cairn_fdo_client_next(w.device, &message), CAIRN_OK);
            fdo_peer_answer(&w.peer, &message, &type, &body);
            if (i + 1 < cut) /* else the answer is lost with the power */
                assert_int_equal(cairn_fdo_client_take(w.device, type, body, &done), CAIRN_OK);
        }
    }
    check_new(&w);
    assert_int_equal(w.peer.done, 2); /* once its 71 was lost */
}

/* Each write of the credential fails, half done: the old or the new one is in force, and the next
 * run succeeds. [X1353-R36] */
static void test_every_write_fails_once(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 2; n++) { /* a slot, the flag */
        CAIRN_CLEANUP(world_done) world w;
        world_init(&w, CAIRN_KEY_P256, 1);
        w.memory.fail_at = w.memory.writes + n;
        assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2_DIRECT), CAIRN_ERR_IO);
        assert_int_equal(w.peer.told.code, CAIRN_FDO_INTERNAL_SERVER_ERROR);
        check_old(&w);
        restart(&w);
        check_old(&w);
        assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_TO2_DIRECT), CAIRN_OK);
        restart(&w);
        check_new(&w);
    }
}

/* The same for the first credential of all. */
static void test_every_write_of_the_first_credential_fails_once(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 2; n++) {
        CAIRN_CLEANUP(world_done) world w;
        memset(&w, 0, sizeof w);
        fdo_peer_init(&w.peer, CAIRN_KEY_P256, 0);
        w.config = fdo_memory_config(&w.memory);
        w.memory.fail_at = n;
        assert_int_equal(cairn_fdo_client_open(&w.config, &w.device), CAIRN_OK);
        assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_DI), CAIRN_ERR_IO);
        restart(&w);
        assert_int_equal(cairn_fdo_client_get_state(w.device), CAIRN_FDO_CLIENT_BLANK);
        cairn_key_free(w.peer.device);
        w.peer.device = NULL;
        assert_int_equal(fdo_play(w.device, &w.peer, CAIRN_FDO_CLIENT_DI), CAIRN_OK);
        restart(&w);
        check_old(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_profiles_and_any_number_of_owners),
        cmocka_unit_test(test_a_voucher_of_255_entries),
        cmocka_unit_test(test_resale),
        cmocka_unit_test(test_the_former_voucher_is_refused),
        cmocka_unit_test(test_no_byte_can_change),
        cmocka_unit_test(test_answers_of_another_shape),
        cmocka_unit_test(test_a_peer_that_refuses),
        cmocka_unit_test(test_replayed_answers),
        cmocka_unit_test(test_an_owner_whom_the_voucher_does_not_name),
        cmocka_unit_test(test_a_voucher_that_the_device_did_not_seal),
        cmocka_unit_test(test_an_entry_by_somebody_else),
        cmocka_unit_test(test_a_rendezvous_service_that_lies),
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_zeros_in_the_shared_secret),
        cmocka_unit_test(test_power_cut_after_every_message),
        cmocka_unit_test(test_every_write_fails_once),
        cmocka_unit_test(test_every_write_of_the_first_credential_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
