/* x.proof, x.mno and x.sp: a device joins what the ledger and the operator named, and nothing that
 * its owner made up. [X1353-R16] [X1353-R18] [X1353-R21] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "cairn/fdo_client.h"
#include "cairn/network_profile.h"
#include "core/crypto/pem.h"
#include "core/store/file.h"
#include "support/tree.h"
#include "support/word_world.h"

enum { PIECE = 1000, FILE_ROOM = 16384 };

static const uint8_t certificate[] = {0x30, 0x03, 0x02, 0x01, 0x07};
static const uint8_t anchor[] = {0x30, 0x03, 0x02, 0x01, 0x08};
static uint64_t now_ms;

static uint64_t tell_time(void *context)
{
    (void)context;
    return now_ms;
}

typedef struct joint {
    word_world w;
    char directory[64];
    cairn_bytes trust;
    cairn_fdo_client_join join;
    cairn_fdo_client_modules_config config;
    cairn_fdo_client_modules *modules;
    cairn_fdo_client_run_facts facts;
    cairn_network_profile profile;
} joint;

static const cairn_fdo_client_module *module(joint *j, const char *name)
{
    size_t count = 0;
    const cairn_fdo_client_module *const *list = cairn_fdo_client_modules_list(j->modules, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i]->name, name) == 0)
            return list[i];
    }
    fail_msg("no module %s", name);
    return NULL;
}

static void each(joint *j, bool begins)
{
    static const char *const names[] = {"x.proof", "x.mno", "x.sp"};
    for (size_t i = 0; i < 3; i++) {
        const cairn_fdo_client_module *m = module(j, names[i]);
        if (begins)
            m->begin(m->context, &j->facts);
        else
            m->drop(m->context);
    }
}

static cairn_err commit(joint *j)
{
    static const char *const names[] = {"x.proof", "x.mno", "x.sp"};
    for (size_t i = 0; i < 3; i++) {
        const cairn_fdo_client_module *m = module(j, names[i]);
        CAIRN_TRY(m->commit(m->context));
    }
    return CAIRN_OK;
}

static void write_pem(joint *j, const char *name, cairn_bytes der)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes pem;
    MEMORY_MUST(cairn_pem_encode(&j->w.m.arena, "CERTIFICATE", der, &pem));
    MEMORY_MUST(cairn_path_join(j->directory, name, path));
    MEMORY_MUST(cairn_file_replace(path, 0600, pem, NULL));
}

static void joint_begin(joint *j, bool has_clock)
{
    static const char *const names[] = {"operator", "service"};
    memset(j, 0, sizeof *j);
    word_begin(&j->w);
    MEMORY_MUST(cairn_trust_encode(&j->w.m.arena, &j->w.trust, &j->trust));
    tree_make(j->directory, sizeof j->directory, "join");
    j->join = (cairn_fdo_client_join){.modules = &cairn_fdo_client_joins,
                                      .trust = j->trust,
                                      .required = true,
                                      .time_ms = has_clock ? tell_time : NULL,
                                      .age_max_ms = WORD_AGE_MAX_MS,
                                      .network_key = "operator",
                                      .service_key = "service"};
    j->config = (cairn_fdo_client_modules_config){.directory = j->directory,
                                                  .key_names = names,
                                                  .key_name_count = 2,
                                                  .key_type = CAIRN_KEY_P256,
                                                  .join = &j->join};
    now_ms = WORLD_NOW + 1000;
    MEMORY_MUST(cairn_fdo_client_modules_open(&j->config, &j->modules));
    j->facts = (cairn_fdo_client_run_facts){.prove_nonce = {{5}},
                                            .setup_nonce = j->w.setup,
                                            .guid = j->w.d.guid,
                                            .next_guid = {{6}},
                                            .owner_key = j->w.facts.owner_key};
    write_pem(j, "operator.crt.pem", cairn_bytes_of(certificate, sizeof certificate));
    j->profile = (cairn_network_profile){.guid = j->facts.next_guid,
                                         .counter = 4,
                                         .not_before_ms = 1,
                                         .not_after_ms = WORLD_NOW + 86400000,
                                         .user = cairn_bytes_str("d-1"),
                                         .realm = cairn_bytes_str("iot.operator.example"),
                                         .network_count = 1,
                                         .networks = {{.plmn = cairn_bytes_str("00101")}},
                                         .anchor_count = 1,
                                         .anchors = {{anchor, sizeof anchor}},
                                         .server_name = cairn_bytes_str("aaa.operator.example")};
    cairn_sha256_of(certificate, sizeof certificate, &j->profile.certificate);
    cairn_network_profile_nonce(&j->facts.prove_nonce, &j->facts.setup_nonce, &j->profile.nonce);
    each(j, true);
}

static void joint_end(joint *j)
{
    cairn_fdo_client_modules_free(j->modules);
    tree_remove(j->directory);
    word_end(&j->w);
}

/* --- the owner's side of the talk --- */

static cairn_err say_item(joint *j, const char *name, const char *key, bool is_bytes,
                          cairn_bytes bytes, uint64_t number)
{
    uint8_t item[PIECE + 8];
    cairn_cbor_writer w;
    const cairn_fdo_client_module *m = module(j, name);
    cairn_cbor_writer_init(&w, item, sizeof item);
    if (is_bytes)
        cairn_cbor_put_bytes(&w, bytes);
    else
        cairn_cbor_put_uint(&w, number);
    return m->take(m->context, cairn_bytes_str(key), cairn_bytes_of(item, w.size));
}

static cairn_err say_object(joint *j, const char *name, cairn_bytes object)
{
    for (size_t at = 0; at < object.size; at += PIECE) {
        size_t size = object.size - at < PIECE ? object.size - at : PIECE;
        CAIRN_TRY(say_item(j, name, "data", true, cairn_bytes_of(object.data + at, size), 0));
    }
    return say_item(j, name, "end", false, (cairn_bytes){0}, object.size);
}

static cairn_bytes encode_word(joint *j)
{
    static cairn_ledger_word word;
    cairn_bytes encoded;
    word_draft(&j->w, &word);
    MEMORY_MUST(cairn_ledger_word_encode(&j->w.m.arena, &word, j->w.receipts, 2, &encoded));
    return encoded;
}

static cairn_err say_word(joint *j)
{
    return say_object(j, "x.proof", encode_word(j));
}

static cairn_bytes sign_profile(joint *j, uint8_t key)
{
    cairn_bytes payload, to_sign, message;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_arena *arena = &j->w.m.arena;
    MEMORY_MUST(cairn_network_profile_encode(arena, &j->profile, &payload));
    MEMORY_MUST(cairn_network_profile_to_be_signed(arena, memory_kid(key), payload, &to_sign));
    MEMORY_MUST(cairn_key_sign(memory_key(key), to_sign, signature, &size));
    MEMORY_MUST(cairn_network_profile_assemble(arena, memory_kid(key), payload,
                                               cairn_bytes_of(signature, size), &message));
    return message;
}

static cairn_err say_profile(joint *j, uint8_t key)
{
    const cairn_fdo_client_module *m = module(j, "x.mno");
    m->activate(m->context);
    return say_object(j, "x.mno", sign_profile(j, key));
}

static cairn_err say_service(joint *j, const char *topic)
{
    cairn_service_profile service = {.broker = cairn_bytes_str("mqtt.provider.example"),
                                     .port = 8883,
                                     .topic = cairn_bytes_str(topic),
                                     .client_id = cairn_bytes_str("d-1"),
                                     .anchor_count = 1,
                                     .anchors = {{anchor, sizeof anchor}},
                                     .url = cairn_bytes_str("https://provider.example/up")};
    cairn_bytes encoded;
    MEMORY_MUST(cairn_service_profile_encode(&j->w.m.arena, &service, &encoded));
    return say_object(j, "x.sp", encoded);
}

static void check_file(joint *j, const char *name, const char *text)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes file;
    MEMORY_MUST(cairn_path_join(j->directory, name, path));
    assert_int_equal(cairn_file_read(&j->w.m.arena, path, FILE_ROOM, &file), CAIRN_OK);
    assert_non_null(memmem(file.data, file.size, text, strlen(text)));
}

static void check_no_file(joint *j, const char *name)
{
    char path[CAIRN_PATH_SIZE_MAX];
    MEMORY_MUST(cairn_path_join(j->directory, name, path));
    assert_int_equal(access(path, F_OK), -1);
}

/* --- */

static void a_device_joins(void **state)
{
    (void)state;
    joint j;
    joint_begin(&j, true);
    assert_int_equal(say_word(&j), CAIRN_OK);
    assert_int_equal(say_profile(&j, WORLD_OPERATOR), CAIRN_OK);
    assert_int_equal(say_service(&j, "fleet/1"), CAIRN_OK);
    check_no_file(&j, "wpa_supplicant.network"); /* nothing before 71 */
    check_no_file(&j, "mosquitto_pub");
    assert_int_equal(commit(&j), CAIRN_OK);
    assert_int_equal(commit(&j), CAIRN_OK); /* once more, after a power cut */
    check_file(&j, "wpa_supplicant.network", "identity=\"anonymous@iot.operator.example\"");
    check_file(&j, "wpa_supplicant.network", "/operator.crt.pem\"");
    check_file(&j, "network.anchors.pem", "BEGIN CERTIFICATE");
    check_file(&j, "network.counter", "4");
    check_file(&j, "mosquitto_pub", "-t fleet/1\n");
    check_file(&j, "service.curl", "https://provider.example/up");
    each(&j, false);
    joint_end(&j);
}

/* What the device asks for: its ledger, and its nonce where it has no clock. */
static void it_says_what_it_wants(void **state)
{
    (void)state;
    for (int has_clock = 0; has_clock < 2; has_clock++) {
        joint j;
        cairn_fdo_client_info info;
        cairn_cbor_reader r;
        cairn_hash ledger;
        bool given = false, needs = false;
        size_t count = 0;
        joint_begin(&j, has_clock == 1);
        const cairn_fdo_client_module *m = module(&j, "x.proof");
        m->activate(m->context);
        assert_int_equal(m->give(m->context, &j.w.m.arena, 200, &info, &given), CAIRN_OK);
        assert_true(given);
        assert_true(cairn_bytes_equal(info.name, cairn_bytes_str("wanted")));
        MEMORY_MUST(cairn_cbor_open(&r, info.value, CAIRN_CBOR_STRICT, "wanted", "test"));
        MEMORY_MUST(cairn_cbor_read_array(&r, "wanted", 2, 2, &count));
        MEMORY_MUST(cairn_cbor_read_hash(&r, "ledger", &ledger));
        MEMORY_MUST(cairn_cbor_read_bool(&r, "nonce", &needs));
        assert_memory_equal(&ledger, &j.w.m.id, sizeof ledger);
        assert_int_equal(needs, has_clock == 0);
        assert_int_equal(m->give(m->context, &j.w.m.arena, 200, &info, &given), CAIRN_OK);
        assert_false(given);
        joint_end(&j);
    }
}

/* [X1353-R21] */
static void without_a_clock_the_nonce_decides(void **state)
{
    (void)state;
    joint j;
    joint_begin(&j, false);
    assert_int_equal(say_word(&j), CAIRN_OK);
    j.facts.setup_nonce.b[0] ^= 1; /* another run */
    each(&j, true);
    assert_int_equal(say_word(&j), CAIRN_ERR_BAD_PROOF);
    assert_int_equal(commit(&j), CAIRN_ERR_NOT_TRUSTED);
    joint_end(&j);
}

static void no_word_no_owner(void **state)
{
    (void)state;
    joint j;
    joint_begin(&j, true);
    assert_int_equal(commit(&j), CAIRN_ERR_NOT_TRUSTED);
    j.join.required = false; /* the level that policy allows */
    assert_int_equal(commit(&j), CAIRN_OK);
    j.join.required = true;
    now_ms += 10 * WORD_AGE_MAX_MS;
    assert_int_equal(say_word(&j), CAIRN_ERR_EXPIRED);
    assert_int_equal(commit(&j), CAIRN_ERR_NOT_TRUSTED);
    joint_end(&j);
}

/* [X1353-T17] */
static void a_provider_cannot_speak_for_the_operator(void **state)
{
    (void)state;
    joint j;
    joint_begin(&j, true);
    assert_int_equal(say_profile(&j, WORLD_OPERATOR), CAIRN_ERR_NOT_TRUSTED); /* no word yet */
    assert_int_equal(say_word(&j), CAIRN_OK);
    assert_int_equal(say_profile(&j, WORLD_OWNER), CAIRN_ERR_NOT_TRUSTED);
    assert_int_equal(commit(&j), CAIRN_OK);
    check_no_file(&j, "wpa_supplicant.network");
    j.profile.guid.b[0] ^= 1;
    assert_int_equal(say_profile(&j, WORLD_OPERATOR), CAIRN_ERR_MISMATCH);
    j.profile.guid.b[0] ^= 1;
    j.profile.certificate.b[0] ^= 1;
    assert_int_equal(say_profile(&j, WORLD_OPERATOR), CAIRN_ERR_MISMATCH);
    j.profile.certificate.b[0] ^= 1;
    j.profile.nonce.b[0] ^= 1;
    assert_int_equal(say_profile(&j, WORLD_OPERATOR), CAIRN_ERR_MISMATCH);
    joint_end(&j);
}

/* [X1353-R30] A profile that was in use is not taken again, in a later run either. */
static void the_counter_never_goes_back(void **state)
{
    (void)state;
    joint j;
    joint_begin(&j, true);
    assert_int_equal(say_word(&j), CAIRN_OK);
    assert_int_equal(say_profile(&j, WORLD_OPERATOR), CAIRN_OK);
    assert_int_equal(commit(&j), CAIRN_OK);
    each(&j, false);
    each(&j, true);
    assert_int_equal(say_profile(&j, WORLD_OPERATOR), CAIRN_ERR_NOT_TRUSTED); /* a word each run */
    assert_int_equal(say_word(&j), CAIRN_OK);
    assert_int_equal(say_profile(&j, WORLD_OPERATOR), CAIRN_ERR_TX_WRONG_VERSION);
    j.profile.counter = 5;
    assert_int_equal(say_profile(&j, WORLD_OPERATOR), CAIRN_OK);
    joint_end(&j);
}

/* A run that ends badly leaves nothing. */
static void what_is_given_up_leaves_nothing(void **state)
{
    (void)state;
    joint j;
    joint_begin(&j, true);
    assert_int_equal(say_word(&j), CAIRN_OK);
    assert_int_equal(say_profile(&j, WORLD_OPERATOR), CAIRN_OK);
    assert_int_equal(say_service(&j, "fleet/1"), CAIRN_OK);
    each(&j, false);
    check_no_file(&j, "wpa_supplicant.network");
    check_no_file(&j, "network.counter");
    check_no_file(&j, "mosquitto_pub");
    joint_end(&j);
}

static void floods_and_wrong_ends(void **state)
{
    (void)state;
    static const uint8_t piece[PIECE];
    joint j;
    cairn_err err = CAIRN_OK;
    joint_begin(&j, true);
    size_t size = 0;
    for (; err == CAIRN_OK; size += PIECE)
        err = say_item(&j, "x.sp", "data", true, cairn_bytes_of(piece, PIECE), 0);
    assert_int_equal(err, CAIRN_ERR_TOO_LARGE);
    assert_true(size <= CAIRN_SERVICE_PROFILE_SIZE_MAX + PIECE);
    each(&j, true);
    assert_int_equal(say_item(&j, "x.sp", "data", true, cairn_bytes_of(piece, 10), 0), CAIRN_OK);
    assert_int_equal(say_item(&j, "x.sp", "end", false, (cairn_bytes){0}, 11), CAIRN_ERR_MISMATCH);
    assert_int_equal(say_item(&j, "x.sp", "other", false, (cairn_bytes){0}, 11),
                     CAIRN_ERR_UNKNOWN_FIELD);
    assert_int_equal(say_item(&j, "x.sp", "data", false, (cairn_bytes){0}, 11),
                     CAIRN_ERR_WRONG_TYPE);
    joint_end(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_joins),
        cmocka_unit_test(it_says_what_it_wants),
        cmocka_unit_test(without_a_clock_the_nonce_decides),
        cmocka_unit_test(no_word_no_owner),
        cmocka_unit_test(a_provider_cannot_speak_for_the_operator),
        cmocka_unit_test(the_counter_never_goes_back),
        cmocka_unit_test(what_is_given_up_leaves_nothing),
        cmocka_unit_test(floods_and_wrong_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
