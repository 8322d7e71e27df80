/* Profiles: what is signed is what is read, everything else is refused by name; and what is
 * rendered holds nothing that a profile could have slipped in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cairn/cose.h"
#include "cairn/network_profile.h"

enum { ARENA_SIZE = 1 << 20 };

static const uint8_t certificate[] = {0x30, 0x03, 0x02, 0x01, 0x07};
static const uint8_t slice_sd[] = {0, 0, 9};

static cairn_bytes text(const char *value)
{
    return cairn_bytes_str(value);
}

static cairn_network_profile sample(void)
{
    cairn_network_profile profile = {
        .guid = {{1, 2, 3}},
        .nonce = {{4, 5, 6}},
        .counter = 7,
        .not_before_ms = 1000,
        .not_after_ms = 2000,
        .user = text("dev-0017"),
        .realm = text("5gc.nid000007ed9d5.mnc012.mcc345.3gppnetwork.org"),
        .network_count = 2,
        .networks = {{.plmn = text("34599")}, {.plmn = text("34512"), .nid = text("000007ed9d5")}},
        .slice_count = 2,
        .slices = {{.sst = 1},
                   {.sst = 2, .sd = {slice_sd, sizeof slice_sd}, .dnn = text("iot.example")}},
        .anchor_count = 1,
        .anchors = {{certificate, sizeof certificate}},
        .server_name = text("aaa.operator.example"),
        .certificate = {{9, 9}},
        .status_uri = text("https://operator.example/status/1"),
        .status_index = 4711,
        .euicc = CAIRN_EUICC_ACTIVATION_CODE,
        .activation_code = text("LPA:1$smdp.example$04386-AGYFT-A74Y8-3F815"),
        .fallback_attempts = 3,
        .fallback_s = 60,
    };
    return profile;
}

static cairn_key *operator_key(void)
{
    static cairn_key *key;
    if (key == NULL)
        assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &key), CAIRN_OK);
    return key;
}

static cairn_bytes sign_as(cairn_arena *arena, const cairn_key *key, const cairn_hash *kid,
                           cairn_bytes payload)
{
    cairn_bytes to_sign, message;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    assert_int_equal(cairn_network_profile_to_be_signed(arena, kid, payload, &to_sign), CAIRN_OK);
    assert_int_equal(cairn_key_sign(key, to_sign, signature, &size), CAIRN_OK);
    assert_int_equal(cairn_network_profile_assemble(arena, kid, payload,
                                                    cairn_bytes_of(signature, size), &message),
                     CAIRN_OK);
    return message;
}

static cairn_bytes sample_message(cairn_arena *arena)
{
    cairn_network_profile profile = sample();
    cairn_bytes payload;
    assert_int_equal(cairn_network_profile_encode(arena, &profile, &payload), CAIRN_OK);
    return sign_as(arena, operator_key(), cairn_key_id(operator_key()), payload);
}

static void reads_what_was_signed(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_network_profile profile, want = sample();
    cairn_arena_init(&arena, ARENA_SIZE);
    assert_int_equal(
        cairn_network_profile_open(&arena, sample_message(&arena), operator_key(), &profile),
        CAIRN_OK);
    assert_memory_equal(&profile.guid, &want.guid, sizeof want.guid);
    assert_memory_equal(&profile.nonce, &want.nonce, sizeof want.nonce);
    assert_int_equal(profile.counter, 7);
    assert_true(cairn_bytes_equal(profile.user, want.user));
    assert_true(cairn_bytes_equal(profile.realm, want.realm));
    assert_int_equal(profile.network_count, 2);
    assert_int_equal(profile.networks[0].nid.size, 0);
    assert_true(cairn_bytes_equal(profile.networks[1].nid, want.networks[1].nid));
    assert_int_equal(profile.slices[1].sst, 2);
    assert_int_equal(profile.slices[0].sd.size, 0);
    assert_true(cairn_bytes_equal(profile.slices[1].dnn, want.slices[1].dnn));
    assert_true(cairn_bytes_equal(profile.anchors[0], want.anchors[0]));
    assert_true(cairn_bytes_equal(profile.status_uri, want.status_uri));
    assert_int_equal(profile.status_index, 4711);
    assert_true(cairn_bytes_equal(profile.activation_code, want.activation_code));
    assert_int_equal(profile.fallback_attempts, 3);
    cairn_arena_done(&arena);
}

/* [X1353-R16] The provider cannot alter it, sign it himself, or say that it is the operator's. */
static void a_providers_hand_shows(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_network_profile profile;
    cairn_bytes payload;
    cairn_key *provider = NULL;
    cairn_arena_init(&arena, ARENA_SIZE);
    profile = sample();
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &provider), CAIRN_OK);
    assert_int_equal(cairn_network_profile_encode(&arena, &profile, &payload), CAIRN_OK);
    cairn_bytes own = sign_as(&arena, provider, cairn_key_id(provider), payload);
    cairn_bytes forged = sign_as(&arena, provider, cairn_key_id(operator_key()), payload);
    assert_int_equal(cairn_network_profile_open(&arena, own, operator_key(), &profile),
                     CAIRN_ERR_NOT_TRUSTED);
    assert_int_equal(cairn_network_profile_open(&arena, forged, operator_key(), &profile),
                     CAIRN_ERR_BAD_SIGNATURE);
    cairn_key_free(provider);
    cairn_arena_done(&arena);
}

static void every_bit_counts(void **state)
{
    (void)state;
    cairn_arena arena, scratch;
    cairn_network_profile profile;
    uint8_t copy[CAIRN_NETWORK_PROFILE_SIZE_MAX];
    cairn_arena_init(&arena, ARENA_SIZE);
    cairn_arena_init(&scratch, ARENA_SIZE);
    cairn_bytes message = sample_message(&arena);
    memcpy(copy, message.data, message.size);
    for (size_t bit = 0; bit < 8 * message.size; bit++) {
        copy[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        cairn_arena_reset(&scratch);
        assert_int_not_equal(cairn_network_profile_open(&scratch,
                                                        cairn_bytes_of(copy, message.size),
                                                        operator_key(), &profile),
                             CAIRN_OK);
        copy[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    for (size_t size = 0; size < message.size; size++)
        assert_int_not_equal(cairn_network_profile_open(&scratch, cairn_bytes_of(copy, size),
                                                        operator_key(), &profile),
                             CAIRN_OK);
    cairn_arena_done(&scratch);
    cairn_arena_done(&arena);
}

/* --- fields --- */

static void set_user(cairn_network_profile *p)
{
    p->user = text("a\"\nnetwork={");
}
static void set_empty_user(cairn_network_profile *p)
{
    p->user = text("");
}
static void set_realm(cairn_network_profile *p)
{
    p->realm = text("Operator.example");
}
static void set_label(cairn_network_profile *p)
{
    p->realm = text("a..b");
}
static void set_hyphen(cairn_network_profile *p)
{
    p->realm = text("a-.b");
}
static void set_dot(cairn_network_profile *p)
{
    p->realm = text("operator.example.");
}
static void set_other_nid(cairn_network_profile *p)
{
    p->networks[1].nid = text("000007ed9d6");
}
static void set_public_end(cairn_network_profile *p)
{
    p->realm = text("3gppnetwork.org");
}
static void set_plmn(cairn_network_profile *p)
{
    p->networks[0].plmn = text("3459");
}
static void set_plmn_letters(cairn_network_profile *p)
{
    p->networks[0].plmn = text("34a99");
}
static void set_nid_case(cairn_network_profile *p)
{
    p->networks[1].nid = text("000007ED9D5");
}
static void set_no_network(cairn_network_profile *p)
{
    p->network_count = 0;
}
static void set_networks(cairn_network_profile *p)
{
    p->network_count = 17;
}
static void set_sd(cairn_network_profile *p)
{
    p->slices[1].sd.size = 2;
}
static void set_no_anchor(cairn_network_profile *p)
{
    p->anchor_count = 0;
}
static void set_counter(cairn_network_profile *p)
{
    p->counter = 0;
}
static void set_counter_max(cairn_network_profile *p)
{
    p->counter = 8388608;
}
static void set_times(cairn_network_profile *p)
{
    p->not_after_ms = p->not_before_ms;
}
static void set_uri(cairn_network_profile *p)
{
    p->status_uri = text("https://a b");
}
static void set_code(cairn_network_profile *p)
{
    p->activation_code = text("LPA:1$a\"$b");
}
static void set_attempts(cairn_network_profile *p)
{
    p->fallback_attempts = 101;
}

static void refuses_fields(void **state)
{
    (void)state;
    static const struct {
        void (*set)(cairn_network_profile *);
        cairn_err err;
        const char *field;
    } cases[] = {
        {set_user, CAIRN_ERR_BAD_VALUE, "user"},
        {set_empty_user, CAIRN_ERR_BAD_VALUE, "user"},
        {set_realm, CAIRN_ERR_BAD_VALUE, "realm"},
        {set_label, CAIRN_ERR_BAD_VALUE, "realm"},
        {set_hyphen, CAIRN_ERR_BAD_VALUE, "realm"},
        {set_dot, CAIRN_ERR_BAD_VALUE, "realm"},
        {set_other_nid, CAIRN_ERR_BAD_VALUE, "realm"},
        {set_public_end, CAIRN_ERR_BAD_VALUE, "realm"},
        {set_plmn, CAIRN_ERR_BAD_VALUE, "plmn"},
        {set_plmn_letters, CAIRN_ERR_BAD_VALUE, "plmn"},
        {set_nid_case, CAIRN_ERR_BAD_VALUE, "nid"},
        {set_no_network, CAIRN_ERR_BAD_VALUE, "networks"},
        {set_networks, CAIRN_ERR_TOO_MANY, "profile"},
        {set_sd, CAIRN_ERR_BAD_VALUE, "sd"},
        {set_no_anchor, CAIRN_ERR_BAD_VALUE, "anchors"},
        {set_counter, CAIRN_ERR_BAD_VALUE, "counter"},
        {set_counter_max, CAIRN_ERR_BAD_VALUE, "counter"}, /* [X1353-R30] */
        {set_times, CAIRN_ERR_BAD_VALUE, "not after"},
        {set_uri, CAIRN_ERR_BAD_VALUE, "status"},
        {set_code, CAIRN_ERR_BAD_VALUE, "euicc"},
        {set_attempts, CAIRN_ERR_BAD_VALUE, "fallback"},
    };
    cairn_arena arena;
    cairn_bytes payload;
    cairn_arena_init(&arena, ARENA_SIZE);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_network_profile profile = sample();
        cases[i].set(&profile);
        assert_int_equal(cairn_network_profile_encode(&arena, &profile, &payload), cases[i].err);
        assert_non_null(strstr(cairn_err_detail(), cases[i].field));
    }
    cairn_arena_done(&arena);
}

static void other_realms_and_a_third_digit(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_bytes payload;
    cairn_network_profile profile = sample();
    cairn_arena_init(&arena, ARENA_SIZE);
    profile.realm = text("iot.operator.example");
    assert_int_equal(cairn_network_profile_encode(&arena, &profile, &payload), CAIRN_OK);
    profile.realm = text("5gc.nid000007ed9d5.mnc012.mcc345.3gppnetwork.org.example");
    assert_int_equal(cairn_network_profile_encode(&arena, &profile, &payload), CAIRN_OK);
    profile.networks[1].plmn = text("345012");
    profile.realm = text("5gc.nid000007ed9d5.mnc012.mcc345.3gppnetwork.org");
    assert_int_equal(cairn_network_profile_encode(&arena, &profile, &payload), CAIRN_OK);
    cairn_arena_done(&arena);
}

/* [X1353-R16] [X1353-R30] Another device's, run's, certificate's; one that is not newer; too early,
 * too late. */
static void is_for_one_device_and_run(void **state)
{
    (void)state;
    cairn_network_profile profile = sample();
    cairn_profile_facts facts = {.guid = profile.guid,
                                 .nonce = profile.nonce,
                                 .certificate = profile.certificate,
                                 .counter_before = 6,
                                 .time_ms = 1500};
    assert_int_equal(cairn_network_profile_check(&profile, &facts), CAIRN_OK);
    facts.time_ms = 999;
    assert_int_equal(cairn_network_profile_check(&profile, &facts), CAIRN_ERR_EARLY);
    facts.time_ms = 2001;
    assert_int_equal(cairn_network_profile_check(&profile, &facts), CAIRN_ERR_EXPIRED);
    facts.time_ms = 0;
    assert_int_equal(cairn_network_profile_check(&profile, &facts), CAIRN_OK);
    facts.counter_before = 7;
    assert_int_equal(cairn_network_profile_check(&profile, &facts), CAIRN_ERR_TX_WRONG_VERSION);
    facts.counter_before = 0;
    facts.guid.b[15] ^= 1;
    assert_int_equal(cairn_network_profile_check(&profile, &facts), CAIRN_ERR_MISMATCH);
    facts.guid = profile.guid;
    facts.nonce.b[0] ^= 1;
    assert_int_equal(cairn_network_profile_check(&profile, &facts), CAIRN_ERR_MISMATCH);
    facts.nonce = profile.nonce;
    facts.certificate.b[31] ^= 1;
    assert_int_equal(cairn_network_profile_check(&profile, &facts), CAIRN_ERR_MISMATCH);
}

/* SHA-256 of the tag, sixteen 01 and sixteen 02; by Python's hashlib. */
static void nonce_is_of_both(void **state)
{
    (void)state;
    static const char want[] = "b1f19a25ac92bd927394c7727eb21e088aebb54efb81ab43e33ad069ea30edcd";
    cairn_fdo_nonce prove, setup;
    cairn_hash nonce;
    char hex[65];
    memset(&prove, 1, sizeof prove);
    memset(&setup, 2, sizeof setup);
    cairn_network_profile_nonce(&prove, &setup, &nonce);
    cairn_hex_encode(cairn_bytes_hash(&nonce), hex);
    assert_string_equal(hex, want);
}

/* --- rendering --- */

static const cairn_profile_files files = {
    .anchors = "/d/ca.pem", .certificate = "/d/cert.pem", .key = "/d/key.pem"};

static void renders_wpa(void **state)
{
    (void)state;
    static const char want[] =
        "network={\n\tkey_mgmt=WPA-EAP IEEE8021X\n\teapol_flags=0\n\teap=TLS\n"
        "\tidentity=\"anonymous@5gc.nid000007ed9d5.mnc012.mcc345.3gppnetwork.org\"\n"
        "\tdomain_suffix_match=\"aaa.operator.example\"\n"
        "\tca_cert=\"/d/ca.pem\"\n\tclient_cert=\"/d/cert.pem\"\n\tprivate_key=\"/d/key.pem\"\n"
        "\tphase1=\"tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1 tls_disable_tlsv1_2=1 "
        "tls_disable_tlsv1_3=0\"\n}\n";
    cairn_arena arena;
    cairn_bytes out;
    cairn_network_profile profile = sample();
    cairn_arena_init(&arena, ARENA_SIZE);
    assert_int_equal(cairn_network_profile_render_wpa(&arena, &profile, &files, &out), CAIRN_OK);
    assert_true(cairn_bytes_equal(out, text(want)));
    cairn_arena_done(&arena);
}

static cairn_service_profile sample_service(void)
{
    cairn_service_profile profile = {.broker = text("mqtt.provider.example"),
                                     .port = 8883,
                                     .topic = text("fleet/7/up"),
                                     .client_id = text("dev-0017"),
                                     .anchor_count = 1,
                                     .anchors = {{certificate, sizeof certificate}},
                                     .url = text("https://provider.example/v1/up?a=b")};
    return profile;
}

static void renders_service(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_bytes encoded, out;
    cairn_service_profile profile = sample_service(), again;
    cairn_arena_init(&arena, ARENA_SIZE);
    assert_int_equal(cairn_service_profile_encode(&arena, &profile, &encoded), CAIRN_OK);
    assert_int_equal(cairn_service_profile_decode(encoded, &again), CAIRN_OK);
    assert_int_equal(cairn_service_profile_render_mqtt(&arena, &again, &files, &out), CAIRN_OK);
    assert_true(cairn_bytes_equal(
        out, text("-h mqtt.provider.example\n-p 8883\n-t fleet/7/up\n-i dev-0017\n"
                  "--cafile /d/ca.pem\n--cert /d/cert.pem\n--key /d/key.pem\n"
                  "--tls-version tlsv1.3\n")));
    assert_int_equal(cairn_service_profile_render_curl(&arena, &again, &files, &out), CAIRN_OK);
    assert_true(cairn_bytes_equal(
        out, text("url = \"https://provider.example/v1/up?a=b\"\ncacert = \"/d/ca.pem\"\n"
                  "cert = \"/d/cert.pem\"\nkey = \"/d/key.pem\"\ntlsv1.3\nproto = \"=https\"\n")));
    again.url = (cairn_bytes){0};
    assert_int_equal(cairn_service_profile_render_curl(&arena, &again, &files, &out),
                     CAIRN_ERR_MISSING_FIELD);
    cairn_arena_done(&arena);
}

static void refuses_service_fields(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://a", "https://", "https://a\"", "https://a\nb"};
    static const char *const topics[] = {"a b", "a\n-h evil", "#", "+/x", ""};
    cairn_arena arena;
    cairn_bytes encoded;
    cairn_arena_init(&arena, ARENA_SIZE);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        cairn_service_profile profile = sample_service();
        profile.url = text(urls[i]);
        assert_int_equal(cairn_service_profile_encode(&arena, &profile, &encoded),
                         CAIRN_ERR_BAD_VALUE);
    }
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        cairn_service_profile profile = sample_service();
        profile.topic = text(topics[i]);
        assert_int_equal(cairn_service_profile_encode(&arena, &profile, &encoded),
                         CAIRN_ERR_BAD_VALUE);
    }
    cairn_arena_done(&arena);
}

static void refuses_paths(void **state)
{
    (void)state;
    static const char *const paths[] = {"", "/d/a b", "/d/\"", "/d/a\nb", "/d\\x", "/d/#x"};
    cairn_arena arena;
    cairn_bytes out;
    cairn_network_profile profile = sample();
    cairn_arena_init(&arena, ARENA_SIZE);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        cairn_profile_files bad = files;
        bad.key = paths[i];
        assert_int_equal(cairn_network_profile_render_wpa(&arena, &profile, &bad, &out),
                         CAIRN_ERR_BAD_VALUE);
    }
    cairn_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_was_signed),
        cmocka_unit_test(a_providers_hand_shows),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(refuses_fields),
        cmocka_unit_test(other_realms_and_a_third_digit),
        cmocka_unit_test(is_for_one_device_and_run),
        cmocka_unit_test(nonce_is_of_both),
        cmocka_unit_test(renders_wpa),
        cmocka_unit_test(renders_service),
        cmocka_unit_test(refuses_service_fields),
        cmocka_unit_test(refuses_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
