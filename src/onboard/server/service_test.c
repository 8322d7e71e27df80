/* The servers, message by message: whole runs, and what each message refuses and with which code.
 */
#include "onboard/server/service.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "support/fdo_world.h"
#include "support/no_memory.h"

typedef struct fixture {
    fdo_world world;
    fdo_device device;
} fixture;

static fixture *fixture_new(cairn_key_type type)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    fdo_world_init(&f->world);
    fdo_device_init(&f->device, &f->world, type);
    return f;
}

static int setup(void **state)
{
    *state = fixture_new(CAIRN_KEY_P256);
    return 0;
}

static int setup_p384(void **state)
{
    *state = fixture_new(CAIRN_KEY_P384);
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    fdo_device_done(&f->device);
    fdo_world_done(&f->world);
    free(f);
    return 0;
}

/* Made, sold, and announced. */
static void make(fixture *f)
{
    uint32_t wait_s = 0;
    assert_int_equal(fdo_device_di(&f->device), 0);
    assert_int_equal(fdo_to0(&f->world, &f->device.guid, &wait_s), CAIRN_OK);
    assert_int_equal(wait_s, 3600); /* as much as the service grants */
}

/* --- whole runs --- */

/* [X1353-R12] [X1353-R26] [X1353-R41] [X1353-R43] [X1353-R46] */
static void test_life(void **state)
{
    fixture *f = *state;
    fdo_device *d = &f->device;
    make(f);
    cairn_fdo_guid before = d->guid;
    assert_int_equal(fdo_device_to1(d), 0);
    assert_int_equal(fdo_device_to2(d), 0);
    assert_int_equal(f->world.onboarded, 1);
    assert_int_equal(f->world.last.code, 0);
    fdo_device_commit(d);
    assert_memory_not_equal(before.b, d->guid.b, sizeof before.b);
    /* by its new credential it is the same owner's device */
    assert_int_equal(fdo_device_to2(d), 0);
    assert_int_equal(f->world.onboarded, 2);
    assert_int_equal(cairn_fdo_service_count(f->world.service), 0);
}

/* [X1353-R35] [X1353-R36] 71 never came: the device tries again by what it has. */
static void test_lost_71(void **state)
{
    fixture *f = *state;
    fdo_device *d = &f->device;
    make(f);
    assert_int_equal(fdo_device_to2(d), 0);
    cairn_fdo_guid lost = d->new_guid;
    fdo_world_restart(&f->world);
    assert_int_equal(fdo_device_to1(d), 0);
    assert_int_equal(fdo_device_to2(d), 0);
    assert_memory_not_equal(lost.b, d->new_guid.b, sizeof lost.b);
    /* what it never learnt of is forgotten; what it has learnt of is served */
    assert_int_equal(fdo_rows_find(&f->world.rows, CAIRN_FDO_VOUCHERS, &lost), f->world.rows.count);
    fdo_device late = *d;
    fdo_device_commit(d);
    assert_int_equal(fdo_device_to2(d), 0);
    /* the old credential ends with its grace, counted from the first message 70 */
    cairn_clock_manual_advance_ms(&f->world.manual, 599999);
    assert_int_equal(fdo_device_to2(&late), 0);
    cairn_clock_manual_advance_ms(&f->world.manual, 1);
    assert_int_equal(fdo_device_to2(&late), CAIRN_FDO_RESOURCE_NOT_FOUND);
}

/* Ends the run at the n-th message of TO2, as if the power had gone. */
typedef struct cut {
    int left;
    bool is_cut;
} cut;

static void cut_power(void *context, fdo_device *device, uint8_t type, cairn_bytes *body)
{
    cut *c = context;
    (void)type;
    if (c->left-- != 0)
        return;
    c->is_cut = true;
    *body = (cairn_bytes){0};
    device->token = cairn_bytes_str("gone");
    fdo_world_restart(device->world);
}

/* [X1353-R35] Servers that restart at any message of TO2 leave a device that completes on retry. */
static void test_restarts(void **state)
{
    fixture *f = *state;
    fdo_device *d = &f->device;
    make(f);
    for (int i = 0;; i++) {
        cut c = {.left = i};
        d->sealed = cut_power;
        d->context = &c;
        unsigned code = fdo_device_to2(d);
        d->sealed = NULL;
        if (!c.is_cut) {
            assert_int_equal(i, 6); /* 60, 62, 64, 66, 68, 70 */
            break;
        }
        assert_int_not_equal(code, 0);
        assert_int_equal(fdo_device_to2(d), 0);
    }
}

/* A device that goes by ECDH256 and A128GCM whatever its key is. */
static void test_mixed_suite(void **state)
{
    fixture *f = *state;
    f->device.kex = CAIRN_FDO_ECDH256;
    f->device.cipher = CAIRN_FDO_A128GCM;
    make(f);
    assert_int_equal(fdo_device_to2(&f->device), 0);
    f->device.cipher = CAIRN_FDO_A192GCM;
    assert_int_equal(fdo_device_to2(&f->device), 0);
}

/* --- vouchers of any length --- */

/* Puts a voucher with `count` entries in the place of the device's: sold from owner to owner. */
static void resell(fixture *f, size_t count)
{
    fdo_world *w = &f->world;
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher made = {0};
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
    size_t at = fdo_rows_find(&w->rows, CAIRN_FDO_VOUCHERS, &f->device.guid);
    cairn_fdo_holding holding = {0};
    cairn_fdo_row row = {.table = CAIRN_FDO_VOUCHERS, .guid = f->device.guid};
    FDO_MUST(cairn_fdo_holding_read(cairn_bytes_of(w->rows.rows[at].value, w->rows.rows[at].size),
                                    &holding));
    FDO_MUST(cairn_fdo_voucher_read(holding.voucher, &made));
    FDO_MUST(cairn_fdo_head_first(&made.header, made.hmac_encoded, &head));
    cairn_bytes bytes = {0};
    FDO_MUST(cairn_fdo_voucher_make(&w->arena, made.header.encoded, made.hmac_encoded, made.chain,
                                    made.chain_count, &bytes));
    for (size_t i = 0; i < count; i++) {
        CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
        CAIRN_CLEANUP(cairn_fdo_entry_done) cairn_fdo_entry entry = {0};
        cairn_fdo_unsigned message = {0};
        cairn_bytes payload = {0};
        cairn_bytes sold = {0};
        uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
        size_t size = 0;
        FDO_MUST(cairn_fdo_voucher_read(bytes, &voucher));
        FDO_MUST(cairn_fdo_entry_payload(&w->arena, &head, &voucher.header, (cairn_bytes){0},
                                         w->owners[0].key, &payload));
        FDO_MUST(
            cairn_fdo_sign_begin(&w->arena, CAIRN_ALG_ES256, (cairn_bytes){0}, payload, &message));
        FDO_MUST(cairn_signer_sign_wait(w->signer, i == 0 ? w->makers[0].name : w->owners[0].name,
                                        message.to_sign, signature, &size));
        FDO_MUST(cairn_fdo_sign_end(&w->arena, &message, cairn_bytes_of(signature, size), &sold));
        FDO_MUST(cairn_fdo_entry_read(sold, &entry));
        FDO_MUST(cairn_fdo_head_advance(&w->arena, &head, &voucher.header, &entry));
        FDO_MUST(cairn_fdo_voucher_append(&w->arena, &voucher, sold, &bytes));
    }
    holding.voucher = bytes;
    holding.owner_key = cairn_bytes_str(count == 0 ? w->makers[0].name : w->owners[0].name);
    FDO_MUST(cairn_fdo_holding_encode(&w->arena, &holding, &row.value));
    fdo_rows_put_one(&w->rows, &row);
}

static void test_entry_counts(void **state)
{
    fixture *f = *state;
    static const size_t counts[] = {0, 1, 2, 255};
    uint32_t wait_s = 0;
    make(f);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        resell(f, counts[i]);
        assert_int_equal(fdo_device_to2(&f->device), 0);
        assert_int_equal(f->device.entry_count, counts[i]);
    }
    assert_int_equal(fdo_to0(&f->world, &f->device.guid, &wait_s), CAIRN_OK);
    resell(f, 0);
    assert_int_equal(fdo_to0(&f->world, &f->device.guid, &wait_s), CAIRN_ERR_NOT_FOUND);
}

/* [X1353-R47] */
static void test_entry_index(void **state)
{
    fixture *f = *state;
    static const char *const bodies[] = {"\x81\x20", "\x81\x02", "\x81\x18\xff",
                                         "\x81\x1a\x7f\xff\xff\xff",
                                         "\x81\x3b\x7f\xff\xff\xff\xff\xff\xff\xff"};
    static const size_t sizes[] = {2, 2, 3, 6, 10};
    make(f);
    resell(f, 2);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        cairn_fdo_prove_header prove = {0};
        cairn_bytes kex = {0};
        assert_int_equal(fdo_device_to2_begin(&f->device, &kex, &prove), 0);
        fdo_reply reply = fdo_device_ask(&f->device, CAIRN_FDO_TO2_GET_OV_NEXT_ENTRY,
                                         cairn_bytes_of(bodies[i], sizes[i]));
        assert_int_equal(reply.code, CAIRN_FDO_INVALID_MESSAGE_ERROR);
        cairn_fdo_prove_header_done(&prove);
    }
}

/* --- tokens and order --- */

/* [X1353-R41] [X1353-R42] */
static void test_tokens(void **state)
{
    fixture *f = *state;
    static const uint8_t followers[] = {12, 22, 32, 62, 64, 66, 68, 70};
    static const char *const tokens[] = {"", "x", "0123456789abcdef0123456789abcdef",
                                         "0123456789abcdef0123456789abcdeg"};
    for (size_t i = 0; i < sizeof followers; i++)
        for (size_t j = 0; j < sizeof tokens / sizeof tokens[0]; j++) {
            fdo_reply reply = fdo_ask(&f->world, followers[i], cairn_bytes_str(tokens[j]),
                                      cairn_bytes_str("\x80"));
            assert_int_equal(reply.code, CAIRN_FDO_INVALID_JWT_TOKEN);
        }
}

/* A token of another protocol, and of the same one at another place; the run ends with it. */
static void test_order(void **state)
{
    fixture *f = *state;
    static const uint8_t others[] = {12, 22, 32, 66, 68, 70};
    cairn_fdo_nonce nonce;
    make(f);
    for (size_t i = 0; i < sizeof others; i++) {
        f->device.token = (cairn_bytes){0};
        fdo_reply reply = fdo_device_ask(&f->device, CAIRN_FDO_TO2_HELLO_DEVICE,
                                         fdo_device_hello(&f->device, &nonce));
        cairn_bytes token = reply.token;
        reply = fdo_ask(&f->world, others[i], token, cairn_bytes_str("\x80"));
        assert_int_equal(reply.code, CAIRN_FDO_INVALID_MESSAGE_ERROR);
        reply = fdo_ask(&f->world, CAIRN_FDO_TO2_PROVE_DEVICE, token, cairn_bytes_str("\x80"));
        assert_int_equal(reply.code, CAIRN_FDO_INVALID_JWT_TOKEN);
    }
}

static void test_unknown_types(void **state)
{
    fixture *f = *state;
    static const uint8_t types[] = {0, 1, 11, 13, 14, 24, 31, 33, 61, 63, 71, 72, 254};
    for (size_t i = 0; i < sizeof types; i++) {
        fdo_reply reply = fdo_ask(&f->world, types[i], (cairn_bytes){0}, cairn_bytes_str("\x80"));
        assert_int_equal(reply.code, CAIRN_FDO_INVALID_MESSAGE_ERROR);
    }
}

/* A role that is not played takes none of its messages. */
static void test_roles(void **state)
{
    fixture *f = *state;
    f->world.options.manufacturer = NULL;
    fdo_world_restart(&f->world);
    assert_int_equal(fdo_device_di(&f->device), CAIRN_FDO_INVALID_MESSAGE_ERROR);
}

/* A peer's 255 ends its run. */
static void test_peer_gives_up(void **state)
{
    fixture *f = *state;
    cairn_fdo_nonce nonce;
    cairn_bytes body = {0};
    const cairn_fdo_error error = {.code = 101, .previous = 61, .text = cairn_bytes_str("no")};
    make(f);
    f->device.token = (cairn_bytes){0};
    fdo_reply reply = fdo_device_ask(&f->device, CAIRN_FDO_TO2_HELLO_DEVICE,
                                     fdo_device_hello(&f->device, &nonce));
    assert_int_equal(cairn_fdo_service_count(f->world.service), 1);
    FDO_MUST(cairn_fdo_error_encode(&f->world.arena, &error, &body));
    reply = fdo_ask(&f->world, CAIRN_FDO_ERROR, reply.token, body);
    assert_int_equal(reply.body.size, 0);
    assert_int_equal(cairn_fdo_service_count(f->world.service), 0);
    assert_int_equal(f->world.last.code, 101);
}

/* --- bounds --- */

/* [X1353-R39] As many runs as may be; those that rest too long make room. */
static void test_session_bound(void **state)
{
    fixture *f = *state;
    size_t begun = 0;
    for (unsigned i = 0; i < 1000; i++) {
        fdo_reply reply =
            fdo_ask(&f->world, CAIRN_FDO_TO0_HELLO, (cairn_bytes){0}, cairn_bytes_str("\x80"));
        if (reply.code == 0)
            begun++;
        else
            assert_int_equal(reply.code, CAIRN_FDO_INTERNAL_SERVER_ERROR);
    }
    assert_true(begun >= 32 && begun <= 64); /* shards fill unevenly */
    assert_int_equal(cairn_fdo_service_count(f->world.service), begun);
    cairn_clock_manual_advance_ms(&f->world.manual, 60000);
    assert_int_equal(cairn_fdo_service_count(f->world.service), 0);
    make(f);
}

static void test_expiry(void **state)
{
    fixture *f = *state;
    cairn_fdo_prove_header prove = {0};
    cairn_bytes kex = {0};
    make(f);
    assert_int_equal(fdo_device_to2_begin(&f->device, &kex, &prove), 0);
    cairn_clock_manual_advance_ms(&f->world.manual, 59999);
    assert_int_equal(fdo_device_entries(&f->device, &prove), 0);
    cairn_clock_manual_advance_ms(&f->world.manual, 60000); /* anew from each message */
    assert_int_equal(fdo_device_prove(&f->device, kex), CAIRN_FDO_INVALID_JWT_TOKEN);
    cairn_fdo_prove_header_done(&prove);
}

/* A word at the rendezvous ends in its time. */
static void test_word_expires(void **state)
{
    fixture *f = *state;
    make(f);
    cairn_clock_manual_advance_ms(&f->world.manual, 3599999);
    assert_int_equal(fdo_device_to1(&f->device), 0);
    cairn_clock_manual_advance_ms(&f->world.manual, 1);
    assert_int_equal(fdo_device_to1(&f->device), CAIRN_FDO_RESOURCE_NOT_FOUND);
}

/* --- replays --- */

typedef struct tape {
    uint8_t type; /* that is recorded, or played */
    cairn_bytes body;
    bool plays;
} tape;

static void record(void *context, fdo_device *device, uint8_t type, cairn_bytes *body)
{
    tape *t = context;
    if (type != t->type)
        return;
    if (t->plays)
        *body = t->body;
    else
        FDO_MUST(cairn_arena_copy(&device->world->arena, *body, &t->body));
}

/* [X1353-R13] A message of one run is worth nothing in another. */
static void test_replays(void **state)
{
    fixture *f = *state;
    fdo_device *d = &f->device;
    static const struct {
        uint8_t type;
        unsigned code;
    } cases[] = {{64, CAIRN_FDO_INVALID_MESSAGE_ERROR},
                 {66, CAIRN_FDO_MESSAGE_BODY_ERROR},
                 {68, CAIRN_FDO_MESSAGE_BODY_ERROR},
                 {70, CAIRN_FDO_MESSAGE_BODY_ERROR}};
    make(f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tape t = {.type = cases[i].type};
        d->sealed = record;
        d->context = &t;
        assert_int_equal(fdo_device_to2(d), 0);
        t.plays = true;
        assert_int_equal(fdo_device_to2(d), cases[i].code);
        d->sealed = NULL;
    }
    tape t = {.type = 32};
    d->sealed = record;
    d->context = &t;
    assert_int_equal(fdo_device_to1(d), 0);
    t.plays = true;
    assert_int_equal(fdo_device_to1(d), CAIRN_FDO_INVALID_MESSAGE_ERROR);
    t = (tape){.type = 12};
    assert_int_equal(fdo_device_di(d), 0);
    t.plays = true; /* an HMac of another header: the servers cannot tell, the device can */
    assert_int_equal(fdo_device_di(d), 0);
}

/* 22 of an earlier TO0. */
static void test_replayed_word(void **state)
{
    fixture *f = *state;
    cairn_fdo_nonce nonce = {{1}};
    cairn_bytes to0d = {0};
    cairn_bytes body = {0};
    size_t at = 0;
    cairn_fdo_holding holding = {0};
    make(f);
    at = fdo_rows_find(&f->world.rows, CAIRN_FDO_VOUCHERS, &f->device.guid);
    FDO_MUST(cairn_fdo_holding_read(
        cairn_bytes_of(f->world.rows.rows[at].value, f->world.rows.rows[at].size), &holding));
    FDO_MUST(cairn_fdo_to0d_encode(&f->world.arena, holding.voucher, 60, &nonce, &to0d));
    assert_int_equal(fdo_device_to1(&f->device), 0);
    FDO_MUST(cairn_fdo_owner_sign_encode(&f->world.arena, to0d, f->device.to1d, &body));
    fdo_reply reply =
        fdo_ask(&f->world, CAIRN_FDO_TO0_HELLO, (cairn_bytes){0}, cairn_bytes_str("\x80"));
    reply = fdo_ask(&f->world, CAIRN_FDO_TO0_OWNER_SIGN, reply.token, body);
    assert_int_equal(reply.code, CAIRN_FDO_INVALID_MESSAGE_ERROR);
}

/* --- flips --- */

typedef struct flip {
    uint8_t type;
    size_t at;
    size_t size; /* of the body that was flipped */
} flip;

static void flip_bit(void *context, fdo_device *device, uint8_t type, cairn_bytes *body)
{
    flip *f = context;
    cairn_bytes copy = {0};
    if (type != f->type)
        return;
    FDO_MUST(cairn_arena_copy(&device->world->arena, *body, &copy));
    f->size = body->size;
    if (f->at < copy.size)
        ((uint8_t *)(uintptr_t)copy.data)[f->at] ^= (uint8_t)(1u << f->at % 8);
    *body = copy;
}

static unsigned run_of_type(fdo_device *d, uint8_t type)
{
    return type < 20 ? fdo_device_di(d) : type < 40 ? fdo_device_to1(d) : fdo_device_to2(d);
}

static bool is_one_of(unsigned code, const unsigned *codes)
{
    for (; *codes != 0; codes++)
        if (*codes == code)
            return true;
    return false;
}

/* [X1353-R42] One flipped bit anywhere in a message is refused, with a code of that message. What
 * is passed on without a check by the servers (serial, model, HMac; what only the device compares)
 * is not here. */
static void test_flips(void **state)
{
    fixture *f = *state;
    fdo_device *d = &f->device;
    static const struct {
        uint8_t type;
        unsigned codes[4];
    } cases[] = {
        {32,
         {CAIRN_FDO_MESSAGE_BODY_ERROR, CAIRN_FDO_INVALID_MESSAGE_ERROR, CAIRN_FDO_INVALID_GUID}},
        {62, {CAIRN_FDO_MESSAGE_BODY_ERROR, CAIRN_FDO_INVALID_MESSAGE_ERROR}},
        {64,
         {CAIRN_FDO_MESSAGE_BODY_ERROR, CAIRN_FDO_INVALID_MESSAGE_ERROR, CAIRN_FDO_INVALID_GUID}},
        {66, {CAIRN_FDO_MESSAGE_BODY_ERROR}},
        {68, {CAIRN_FDO_MESSAGE_BODY_ERROR}},
        {70, {CAIRN_FDO_MESSAGE_BODY_ERROR}},
    };
    make(f);
    d->sealed = flip_bit;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        flip change = {.type = cases[i].type, .size = 1};
        d->context = &change;
        for (; change.at < change.size; change.at++) {
            unsigned code = run_of_type(d, cases[i].type);
            if (change.at < change.size && !is_one_of(code, cases[i].codes))
                fail_msg("message %u: a flip at %zu of %zu is %u", cases[i].type, change.at,
                         change.size, code);
            cairn_arena_reset(&f->world.arena);
        }
    }
    d->sealed = NULL;
}

/* --- the owner's word, changed on its way --- */

typedef struct way {
    fdo_world *world;
    size_t at; /* of 22, the bit that is flipped */
    size_t size;
    unsigned code;
} way;

static cairn_err post_flipped(void *context, cairn_arena *arena, const char *url, uint8_t type,
                              cairn_bytes token, cairn_bytes body, uint8_t *ret_type,
                              cairn_bytes *ret_token, cairn_bytes *ret_body)
{
    way *w = context;
    cairn_bytes copy = {0};
    (void)arena;
    (void)url;
    FDO_MUST(cairn_arena_copy(&w->world->arena, body, &copy));
    if (type == CAIRN_FDO_TO0_OWNER_SIGN) {
        w->size = copy.size;
        if (w->at < copy.size)
            ((uint8_t *)(uintptr_t)copy.data)[w->at] ^= (uint8_t)(1u << w->at % 8);
    }
    fdo_reply reply = fdo_ask(w->world, type, token, copy);
    w->code = reply.code;
    *ret_type = reply.type;
    *ret_token = reply.token;
    *ret_body = reply.body;
    return CAIRN_OK;
}

static cairn_err announce(fixture *f, cairn_fdo_post_fn post, void *context)
{
    fdo_world *w = &f->world;
    uint32_t wait_s = 0;
    const cairn_fdo_announce_options options = {.clock = w->options.clock,
                                                .store = w->options.store,
                                                .signer = w->signer,
                                                .addresses = &w->address,
                                                .address_count = 1,
                                                .wait_s = 60,
                                                .post = post,
                                                .post_context = context};
    return cairn_fdo_announce_one(&options, &f->device.guid, &wait_s);
}

static void test_word_flips(void **state)
{
    fixture *f = *state;
    static const unsigned codes[] = {
        CAIRN_FDO_MESSAGE_BODY_ERROR,      CAIRN_FDO_INVALID_MESSAGE_ERROR,
        CAIRN_FDO_INVALID_OWNER_SIGN_BODY, CAIRN_FDO_INVALID_OWNERSHIP_VOUCHER,
        CAIRN_FDO_INVALID_IP_ADDRESS,      0};
    make(f);
    for (way w = {.world = &f->world, .size = 1}; w.at < w.size; w.at++) {
        cairn_err err = announce(f, post_flipped, &w);
        if (w.at < w.size && (err != CAIRN_ERR_PERMISSION || !is_one_of(w.code, codes)))
            fail_msg("a flip at %zu of %zu: %s, %u", w.at, w.size, cairn_err_name(err), w.code);
        cairn_arena_reset(&f->world.arena);
    }
}

static unsigned word_code(fixture *f)
{
    way w = {.world = &f->world, .at = SIZE_MAX};
    (void)!announce(f, post_flipped, &w);
    return w.code;
}

/* [X1353-R42] What is wrong with a word, with its code. */
static void test_word_refused(void **state)
{
    fixture *f = *state;
    fdo_world *w = &f->world;
    cairn_bytes root =
        fdo_der(&w->arena, fdo_certificate(w->authority->pkey, "authority", w->authority->pkey));
    make(f);
    w->rendezvous.roots = &root;
    w->rendezvous.root_count = 1;
    assert_int_equal(word_code(f), 0); /* an authority of this name and key */
    cairn_key *stranger = NULL;
    FDO_MUST(cairn_key_generate(CAIRN_KEY_P256, &stranger));
    root = fdo_der(&w->arena, fdo_certificate(stranger->pkey, "authority", stranger->pkey));
    cairn_key_free(stranger);
    assert_int_equal(word_code(f), CAIRN_FDO_INVALID_OWNERSHIP_VOUCHER);
    w->rendezvous.root_count = 0;
    w->address.transport = (cairn_fdo_transport)7;
    assert_int_equal(word_code(f), CAIRN_FDO_INVALID_IP_ADDRESS);
    w->address.transport = CAIRN_FDO_HTTP;
    resell(f, 2);
    assert_int_equal(word_code(f), 0);
    /* the voucher says that somebody else owns it than he who signs */
    size_t at = fdo_rows_find(&w->rows, CAIRN_FDO_VOUCHERS, &f->device.guid);
    cairn_fdo_holding holding = {0};
    cairn_fdo_row row = {.table = CAIRN_FDO_VOUCHERS, .guid = f->device.guid};
    FDO_MUST(cairn_fdo_holding_read(cairn_bytes_of(w->rows.rows[at].value, w->rows.rows[at].size),
                                    &holding));
    holding.owner_key = cairn_bytes_str(w->makers[0].name);
    FDO_MUST(cairn_fdo_holding_encode(&w->arena, &holding, &row.value));
    fdo_rows_put_one(&w->rows, &row);
    assert_int_equal(word_code(f), CAIRN_FDO_INVALID_OWNER_SIGN_BODY);
}

/* --- leading zeros --- */

/* Draws shares until `is_wanted`; the device proves itself with that one. */
static unsigned prove_with(fixture *f, bool (*is_wanted)(const cairn_fdo_share *, cairn_bytes kex))
{
    fdo_device *d = &f->device;
    cairn_fdo_prove_header prove = {0};
    cairn_bytes kex = {0};
    cairn_fdo_info_list list = {0};
    unsigned code = fdo_device_to2_begin(d, &kex, &prove);
    for (uint32_t i = 1; code == 0; i++) {
        uint8_t scalar[32] = {0};
        uint8_t random[16] = {0}; /* zeros as well */
        cairn_put_u32(scalar + 8, i);
        FDO_MUST(cairn_fdo_share_of(CAIRN_FDO_ECDH256, cairn_bytes_of(scalar, sizeof scalar),
                                    cairn_bytes_of(random, sizeof random), &d->share));
        if (is_wanted(d->share, kex))
            break;
        cairn_fdo_share_free(d->share);
        d->share = NULL;
    }
    if (code == 0)
        code = fdo_device_prove(d, kex);
    if (code == 0)
        code = fdo_device_info(d, fdo_devmod, FDO_DEVMOD_COUNT, false, &list);
    if (code == 0)
        code = fdo_device_finish(d);
    cairn_fdo_prove_header_done(&prove);
    return code;
}

static bool has_zero_x(const cairn_fdo_share *share, cairn_bytes kex)
{
    (void)kex;
    return cairn_fdo_share_public(share).data[2] == 0;
}

static bool has_zero_y(const cairn_fdo_share *share, cairn_bytes kex)
{
    (void)kex;
    return cairn_fdo_share_public(share).data[36] == 0;
}

/* [X1353-R45] Fields have full width, whatever they begin with. */
static void test_leading_zeros(void **state)
{
    fixture *f = *state;
    make(f);
    assert_int_equal(prove_with(f, has_zero_x), 0);
    assert_int_equal(prove_with(f, has_zero_y), 0);
    assert_int_equal(prove_with(f, cairn_fdo_share_is_ambiguous), 0);
}

/* --- our own failures --- */

static void test_store_fails(void **state)
{
    fixture *f = *state;
    make(f);
    f->world.rows.fails = CAIRN_ERR_NO_SPACE;
    assert_int_equal(fdo_device_to2(&f->device), CAIRN_FDO_INTERNAL_SERVER_ERROR);
    assert_int_equal(f->world.onboarded, 0);
    assert_int_equal(fdo_device_di(&f->device), CAIRN_FDO_INTERNAL_SERVER_ERROR);
    f->world.rows.fails = CAIRN_OK;
    assert_int_equal(fdo_device_di(&f->device), 0);
}

static void test_signer_fails(void **state)
{
    fixture *f = *state;
    make(f);
    ca_signer_fails = true;
    assert_int_equal(fdo_device_to2(&f->device), CAIRN_FDO_INTERNAL_SERVER_ERROR);
    assert_int_equal(f->world.last.err, CAIRN_ERR_TOKEN); /* [X1353-R48] */
    ca_signer_fails = false;
    assert_int_equal(fdo_device_to2(&f->device), 0);
}

/* A device that would keep its credential, and one whose certificate cannot be made. */
static void meddle_66(void *context, fdo_device *device, uint8_t type, cairn_bytes *body)
{
    (void)context;
    (void)device;
    if (type == CAIRN_FDO_TO2_DEVICE_SERVICE_INFO_READY)
        *body = cairn_bytes_str("\x82\xf6\xf6");
}

static void test_credential_reuse(void **state)
{
    fixture *f = *state;
    make(f);
    f->device.meddle = meddle_66;
    assert_int_equal(fdo_device_to2(&f->device), CAIRN_FDO_CRED_REUSE_ERROR);
    f->device.meddle = NULL;
}

/* [X1353-R28] [X1353-R43] Suites that are none of ours: EPID, encrypt-then-MAC, other exchanges. */
static void test_suites_refused(void **state)
{
    fixture *f = *state;
    static const struct {
        size_t from_end; /* of the body */
        uint8_t value;
    } changes[] = {
        {1, 0x41}, /* information in the SigInfo: h'' became longer than what is there */
        {2, 0x27}, /* EdDSA in the SigInfo */
        {4, 0x04}, /* the suite */
        {5, '7'},  /* ECDH257 */
    };
    cairn_fdo_nonce nonce;
    make(f);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        cairn_bytes body = fdo_device_hello(&f->device, &nonce);
        ((uint8_t *)(uintptr_t)body.data)[body.size - changes[i].from_end] = changes[i].value;
        fdo_reply reply = fdo_ask(&f->world, CAIRN_FDO_TO2_HELLO_DEVICE, (cairn_bytes){0}, body);
        assert_int_equal(reply.code, CAIRN_FDO_MESSAGE_BODY_ERROR);
    }
}

/* A device that tells nothing, has a key of no kind that is made here, or a request that is none.
 */
static void test_di_refused(void **state)
{
    fixture *f = *state;
    fdo_reply reply =
        fdo_ask(&f->world, CAIRN_FDO_DI_APP_START, (cairn_bytes){0}, cairn_bytes_str("\x81\xf6"));
    assert_int_equal(reply.code, CAIRN_FDO_MESSAGE_BODY_ERROR);
    f->world.manufacturer.key_count = 1;
    cairn_bytes body = fdo_device_app_start(&f->device);
    reply = fdo_ask(&f->world, CAIRN_FDO_DI_APP_START, (cairn_bytes){0}, body);
    assert_int_equal(reply.code, 0);
    f->world.manufacturer.key_count = 0;
    reply = fdo_ask(&f->world, CAIRN_FDO_DI_APP_START, (cairn_bytes){0}, body);
    assert_int_equal(reply.code, CAIRN_FDO_MESSAGE_BODY_ERROR);
    f->world.manufacturer.key_count = 2;
    ((uint8_t *)(uintptr_t)body.data)[body.size - 100] ^= 0xff; /* in the request */
    reply = fdo_ask(&f->world, CAIRN_FDO_DI_APP_START, (cairn_bytes){0}, body);
    assert_int_equal(reply.code, CAIRN_FDO_MESSAGE_BODY_ERROR);
}

/* What the ledger says of a device, behind the two questions that servers ask it. */
static cairn_err refuse_word(void *context, const cairn_fdo_voucher *voucher,
                             const cairn_fdo_head *head)
{
    (void)context;
    assert_non_null(head->owner);
    assert_int_equal(voucher->entry_count, 1);
    return CAIRN_FAIL(CAIRN_ERR_INCONSISTENT, "test", "the ledger has another head");
}

static cairn_err refuse_device(void *context, const cairn_fdo_guid *guid,
                               const cairn_fdo_holding *holding)
{
    const fdo_world *w = context;
    (void)w;
    (void)guid;
    assert_true(holding->device_key.size > 0);
    return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "test", "revoked");
}

/* [X1353-R08] [X1353-R23] */
static void test_hooks(void **state)
{
    fixture *f = *state;
    make(f);
    f->world.rendezvous.check = refuse_word;
    assert_int_equal(word_code(f), CAIRN_FDO_INVALID_OWNERSHIP_VOUCHER);
    f->world.owner.check = refuse_device;
    assert_int_equal(fdo_device_to2(&f->device), CAIRN_FDO_RESOURCE_NOT_FOUND);
    f->world.owner.check = NULL;
    assert_int_equal(fdo_device_to2(&f->device), 0);
}

static void fail_inside(bool inside)
{
    no_memory_here = inside;
}

/* Each allocation of each message fails once: the run ends with 500, or goes on without what it
 * could not have; the next run is as if nothing had been. */
static void test_no_memory(void **state)
{
    fixture *f = *state;
    if (!NO_MEMORY_WORKS)
        skip();
    make(f);
    fdo_around = fail_inside;
    unsigned at = 1;
    for (bool reached = true; reached; at++) {
        atomic_store(&no_memory_calls, 0);
        atomic_store(&no_memory_at, at);
        unsigned code = fdo_device_to1(&f->device);
        if (code == 0)
            code = fdo_device_to2(&f->device);
        reached = atomic_load(&no_memory_calls) >= at;
        atomic_store(&no_memory_at, 0);
        if (code != 0 && code != CAIRN_FDO_INTERNAL_SERVER_ERROR)
            fail_msg("allocation %u: %u", at, code);
        cairn_arena_reset(&f->world.arena);
    }
    fdo_around = NULL;
    assert_true(at > 100);
    assert_int_equal(cairn_fdo_service_count(f->world.service), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_P384(name) cmocka_unit_test_setup_teardown(name, setup_p384, teardown)
    const struct CMUnitTest all[] = {
        TEST(test_life),
        TEST_P384(test_life),
        TEST(test_lost_71),
        TEST(test_restarts),
        TEST_P384(test_mixed_suite),
        TEST(test_entry_counts),
        TEST(test_entry_index),
        TEST(test_tokens),
        TEST(test_order),
        TEST(test_unknown_types),
        TEST(test_roles),
        TEST(test_peer_gives_up),
        TEST(test_session_bound),
        TEST(test_expiry),
        TEST(test_word_expires),
        TEST(test_replays),
        TEST(test_replayed_word),
        TEST(test_flips),
        TEST(test_word_flips),
        TEST(test_word_refused),
        TEST(test_leading_zeros),
        TEST(test_store_fails),
        TEST(test_signer_fails),
        TEST(test_credential_reuse),
        TEST(test_suites_refused),
        TEST(test_no_memory),
        TEST(test_di_refused),
        TEST(test_hooks),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
