/* The document of an organisation through its life, and what a resolver answers. [X1353-R50] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "identity/did/did_resolve.h"
#include "support/identity_bodies.h"

#define SECOND UINT64_C(1000)
enum { ME = MEMORY_SIGN, GUEST = 50 };

/* A ledger whose block h has the time START + h seconds. */
typedef struct world {
    memory_ledger m;
    cairn_state_source source;
    cairn_did_view view;
    uint64_t number;
} world;

static cairn_err read_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                            cairn_bytes *ret_value)
{
    world *w = context;
    cairn_view *view = cairn_ledger_view(w->m.ledger);
    cairn_err err = cairn_view_get(view, &memory_bases, map, key, arena, ret_value);
    cairn_view_free(view);
    return err;
}

static cairn_err time_at(void *context, uint64_t height, uint64_t *ret_ms)
{
    (void)context;
    *ret_ms = MEMORY_TIME_MS + height * SECOND;
    return CAIRN_OK;
}

static void begin(world *w)
{
    *w = (world){0};
    memory_begin(&w->m, 1, NULL);
    w->source = (cairn_state_source){.context = w, .get = read_state};
    w->view = (cairn_did_view){.state = &w->source,
                               .ledger = w->m.id,
                               .base_url = "https://node.example.org",
                               .context = w,
                               .time_at = time_at};
}

static void say(world *w, uint8_t key, uint16_t type, cairn_bytes body)
{
    uint64_t time_ms = MEMORY_TIME_MS + (w->m.height + 1) * SECOND;
    cairn_bytes tx = memory_tx(&w->m, memory_key(key), type, body, time_ms + 1 + w->number++);
    assert_int_equal(memory_send(&w->m, time_ms, tx), CAIRN_OK);
    w->view.height = w->m.height;
}

static void decide(world *w, uint16_t type, cairn_bytes act)
{
    say(w, ME, CAIRN_TX_APPROVAL_PROPOSE,
        memory_propose(&w->m.arena, type, act, MEMORY_TIME_MS + 1000 * SECOND));
}

static cairn_bytes rotate(world *w, uint8_t org_number, uint8_t old, uint8_t fresh, uint64_t until)
{
    const cairn_hash org = memory_org(org_number);
    cairn_arena *a = &w->m.arena;
    const cairn_key *key = memory_key(fresh);
    cairn_bytes body;
    MEMORY_MUST(cairn_key_rotate_body(a, memory_kid(old), memory_cose(a, key),
                                      memory_proof(a, &w->m.id, &org, CAIRN_PURPOSE_SIGN, key),
                                      until, &body));
    return body;
}

/* Height 1: admitted. 2: a key for lists. 3: that ends. 4: the first key is to end at 8, the second
 * begins. 5 to 8: nothing of its own. 9: suspended. 10: back. 11: removed. */
static void live(world *w)
{
    const cairn_hash guest = memory_org(GUEST);
    cairn_arena *a = &w->m.arena;
    decide(w, CAIRN_TX_ORG_ADMIT, memory_admit(a, &w->m.id, "Guest", false, GUEST));
    say(w, GUEST, CAIRN_TX_KEY_ADD,
        memory_key_add(a, &w->m.id, &guest, CAIRN_PURPOSE_ISSUE, memory_key(GUEST + 1)));
    say(w, GUEST, CAIRN_TX_KEY_REVOKE,
        memory_key_revoke(a, memory_kid(GUEST + 1), CAIRN_HEIGHT_OPEN));
    say(w, GUEST, CAIRN_TX_KEY_ROTATE, rotate(w, GUEST, GUEST, GUEST + 2, 8));
    for (uint64_t i = 5; i <= 8; i++)
        say(w, ME, CAIRN_TX_ANCHOR, memory_anchor(a, i));
    decide(w, CAIRN_TX_ORG_STATUS, memory_status(a, &guest, CAIRN_ORG_SUSPENDED, 1));
    decide(w, CAIRN_TX_ORG_STATUS, memory_status(a, &guest, CAIRN_ORG_ACTIVE, 2));
    decide(w, CAIRN_TX_ORG_STATUS, memory_status(a, &guest, CAIRN_ORG_REMOVED, 3));
    assert_int_equal(w->m.height, 11);
}

static cairn_did_answer ask(world *w, const char *text, const char *accept, const char *query)
{
    cairn_did did;
    cairn_did_options options;
    cairn_did_answer answer;
    cairn_did_error error =
        cairn_did_options_parse(cairn_bytes_str(accept), cairn_bytes_str(query), &options);
    if (error == CAIRN_DID_OK && cairn_did_parse(cairn_bytes_str(text), &did) != CAIRN_OK)
        error = CAIRN_DID_INVALID_DID;
    if (error == CAIRN_DID_OK)
        MEMORY_MUST(cairn_did_resolve(&w->m.arena, &did, &options, &w->view, &answer));
    else
        MEMORY_MUST(cairn_did_refuse(&w->m.arena, error, &answer));
    return answer;
}

static json_t *load(cairn_did_answer answer)
{
    json_t *json =
        json_loadb((const char *)answer.body.data, answer.body.size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static const char *guest_did(const world *w, char text[CAIRN_DID_CAIRN_SIZE + 1])
{
    const cairn_hash guest = memory_org(GUEST);
    cairn_did_cairn_format(&w->m.id, &guest, text);
    return text;
}

/* Whether the document, or one of its relationships, has the key with this number. */
static bool has_key(json_t *document, const char *list, uint8_t number)
{
    char digits[65];
    size_t i;
    json_t *item;
    cairn_hex_encode(cairn_bytes_hash(memory_kid(number)), digits);
    json_array_foreach(json_object_get(document, list), i, item)
    {
        const char *id = json_is_string(item) ? json_string_value(item)
                                              : json_string_value(json_object_get(item, "id"));
        if (strcmp(strchr(id, '#') + 1, digits) == 0)
            return true;
    }
    return false;
}

typedef struct expectation {
    const char *query;
    int status;
    const char *keys; /* which of GUEST, GUEST + 1, GUEST + 2 are in the document */
    bool active;      /* whether they may do anything */
    const char *version, *updated, *next, *next_update; /* NULL: absent */
} expectation;

static void check_metadata(json_t *metadata, const char *name, const char *want)
{
    const char *got = json_string_value(json_object_get(metadata, name));
    if ((got == NULL) != (want == NULL) || (got != NULL && strcmp(got, want) != 0))
        fail_msg("%s: %s instead of %s", name, got == NULL ? "none" : got,
                 want == NULL ? "none" : want);
}

static void check(world *w, const expectation *want)
{
    char text[CAIRN_DID_CAIRN_SIZE + 1];
    cairn_did_answer got = ask(w, guest_did(w, text), "application/did-resolution", want->query);
    if (got.status != want->status)
        fail_msg("%s: %d instead of %d", want->query, got.status, want->status);
    assert_string_equal(got.content_type, "application/did-resolution");
    json_t *result = load(got);
    json_t *document = json_object_get(result, "didDocument");
    json_t *metadata = json_object_get(result, "didDocumentMetadata");
    check_metadata(metadata, "versionId", want->version);
    check_metadata(metadata, "updated", want->updated);
    check_metadata(metadata, "nextVersionId", want->next);
    check_metadata(metadata, "nextUpdate", want->next_update);
    assert_int_equal(json_is_true(json_object_get(metadata, "deactivated")), want->status == 410);
    if (want->status == 200) {
        for (uint8_t i = 0; i < 3; i++)
            if (has_key(document, "verificationMethod", (uint8_t)(GUEST + i)) !=
                (want->keys[i] == '1'))
                fail_msg("%s: key %u", want->query, i);
        assert_int_equal(has_key(document, "capabilityInvocation", GUEST),
                         want->active && want->keys[0] == '1');
        assert_int_equal(has_key(document, "assertionMethod", GUEST + 1),
                         want->active && want->keys[1] == '1');
        assert_false(has_key(document, "capabilityInvocation", GUEST + 1));
        check_metadata(metadata, "created", "2023-11-14T22:13:21Z");
        check_metadata(document, "id", text);
    } else {
        assert_true(json_is_null(document));
    }
    json_decref(result);
}

/* Heights are block times here: 22:13:20 is the genesis. */
static void test_each_version(void **state)
{
    (void)state;
    static const expectation cases[] = {
        {"versionId=0", 404, "", false, NULL, NULL, NULL, NULL},
        {"versionId=1", 200, "100", true, "1", NULL, "2", "2023-11-14T22:13:22Z"},
        {"versionId=2", 200, "110", true, "2", "2023-11-14T22:13:22Z", "3", "2023-11-14T22:13:23Z"},
        {"versionId=3", 200, "100", true, "3", "2023-11-14T22:13:23Z", "4", "2023-11-14T22:13:24Z"},
        {"versionId=4", 200, "101", true, "4", "2023-11-14T22:13:24Z", "7", "2023-11-14T22:13:27Z"},
        {"versionId=6", 200, "101", true, "4", "2023-11-14T22:13:24Z", "7", "2023-11-14T22:13:27Z"},
        {"versionId=7", 200, "001", true, "7", "2023-11-14T22:13:27Z", "9", "2023-11-14T22:13:29Z"},
        {"versionId=8", 200, "001", true, "7", "2023-11-14T22:13:27Z", "9", "2023-11-14T22:13:29Z"},
        {"versionId=9", 200, "001", false, "9", "2023-11-14T22:13:29Z", "10",
         "2023-11-14T22:13:30Z"},
        {"versionId=10", 200, "001", true, "10", "2023-11-14T22:13:30Z", "11",
         "2023-11-14T22:13:31Z"},
        {"versionId=11", 410, "", false, "11", "2023-11-14T22:13:31Z", NULL, NULL},
        {"", 410, "", false, "11", "2023-11-14T22:13:31Z", NULL, NULL},
        {"versionId=12", 404, "", false, NULL, NULL, NULL, NULL},
        {"versionTime=2023-11-14T22:13:20Z", 404, "", false, NULL, NULL, NULL, NULL},
        {"versionTime=2023-11-14T22:13:21Z", 200, "100", true, "1", NULL, "2",
         "2023-11-14T22:13:22Z"},
        {"versionTime=2023-11-14T22%3A13%3a26Z", 200, "101", true, "4", "2023-11-14T22:13:24Z", "7",
         "2023-11-14T22:13:27Z"},
        {"versionTime=2023-11-14T22:13:27Z", 200, "001", true, "7", "2023-11-14T22:13:27Z", "9",
         "2023-11-14T22:13:29Z"},
        {"versionTime=2123-11-14T22:13:27Z", 410, "", false, "11", "2023-11-14T22:13:31Z", NULL,
         NULL},
    };
    world w;
    begin(&w);
    live(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(&w, &cases[i]);
    memory_end(&w.m);
}

/* Before it is removed: what was written in an earlier height's view stays what it says. */
static void test_a_later_view_changes_no_version(void **state)
{
    (void)state;
    char text[CAIRN_DID_CAIRN_SIZE + 1];
    world early, late;
    begin(&early);
    decide(&early, CAIRN_TX_ORG_ADMIT,
           memory_admit(&early.m.arena, &early.m.id, "Guest", false, GUEST));
    begin(&late);
    live(&late);
    cairn_did_answer a = ask(&early, guest_did(&early, text), "application/did", "");
    cairn_did_answer b = ask(&late, guest_did(&late, text), "application/did", "versionId=1");
    assert_int_equal(a.status, 200);
    assert_string_equal(a.content_type, "application/did");
    assert_true(cairn_bytes_equal(a.body, b.body));
    memory_end(&early.m);
    memory_end(&late.m);
}

static void test_an_announced_end_without_times(void **state)
{
    (void)state;
    char text[CAIRN_DID_CAIRN_SIZE + 1];
    world w;
    begin(&w);
    live(&w);
    w.view.time_at = NULL;
    guest_did(&w, text);
    assert_int_equal(ask(&w, text, "", "versionId=8").status, 200);
    assert_int_equal(ask(&w, text, "", "versionTime=2023-11-14T22:13:23Z").status, 200);
    assert_int_equal(ask(&w, text, "", "versionTime=2023-11-14T22:13:26Z").status, 501);
    memory_end(&w.m);
}

static void test_the_document(void **state)
{
    (void)state;
    char text[CAIRN_DID_CAIRN_SIZE + 1], ledger[65], endpoint[160];
    world w;
    begin(&w);
    live(&w);
    json_t *document = load(ask(&w, guest_did(&w, text), "application/did+ld+json", "versionId=1"));
    json_t *method = json_array_get(json_object_get(document, "verificationMethod"), 0);
    json_t *jwk = json_object_get(method, "publicKeyJwk");
    json_t *service = json_array_get(json_object_get(document, "service"), 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(document, "@context"), 0)),
                        "https://www.w3.org/ns/did/v1");
    assert_string_equal(json_string_value(json_object_get(method, "controller")), text);
    assert_string_equal(json_string_value(json_object_get(method, "type")), "JsonWebKey2020");
    assert_string_equal(json_string_value(json_object_get(jwk, "kty")), "EC");
    assert_string_equal(json_string_value(json_object_get(jwk, "crv")), "P-256");
    assert_int_equal(strlen(json_string_value(json_object_get(jwk, "x"))), 43);
    assert_int_equal(strlen(json_string_value(json_object_get(jwk, "y"))), 43);
    assert_null(json_object_get(jwk, "d"));
    cairn_hex_encode(cairn_bytes_hash(&w.m.id), ledger);
    (void)snprintf(endpoint, sizeof endpoint, "https://node.example.org/v1/ledgers/%s", ledger);
    assert_string_equal(json_string_value(json_object_get(service, "serviceEndpoint")), endpoint);
    json_decref(document);
    memory_end(&w.m);
}

static void test_refusals(void **state)
{
    (void)state;
    char text[CAIRN_DID_CAIRN_SIZE + 1], other[CAIRN_DID_CAIRN_SIZE + 1];
    const cairn_hash nobody = {{1}}, guest = memory_org(GUEST);
    world w;
    begin(&w);
    live(&w);
    guest_did(&w, text);
    cairn_did_cairn_format(&nobody, &guest, other);
    const struct {
        const char *did, *accept, *query;
        int status;
        const char *type;
    } cases[] = {
        {"did:cairn:1", "", "", 400, "INVALID_DID"},
        {"did:cairn", "", "", 400, "INVALID_DID"},
        {"dad:cairn:1", "", "", 400, "INVALID_DID"},
        {other, "", "", 404, "NOT_FOUND"},
        {"did:key:z6Mk", "", "", 501, "METHOD_NOT_SUPPORTED"},
        {text, "text/html", "", 406, "REPRESENTATION_NOT_SUPPORTED"},
        {text, "application/did;q=0", "", 406, "REPRESENTATION_NOT_SUPPORTED"},
        {text, "", "versionId=1&versionTime=2023-11-14T22:13:21Z", 400, "INVALID_OPTIONS"},
        {text, "", "versionId=1&versionId=1", 400, "INVALID_OPTIONS"},
        {text, "", "versionId=", 400, "INVALID_OPTIONS"},
        {text, "", "versionId", 400, "INVALID_OPTIONS"},
        {text, "", "versionId=01", 400, "INVALID_OPTIONS"},
        {text, "", "versionId=-1", 400, "INVALID_OPTIONS"},
        {text, "", "versionId=1000000000000000000", 400, "INVALID_OPTIONS"},
        {text, "", "versionTime=2023-11-14", 400, "INVALID_OPTIONS"},
        {text, "", "versionTime=2023-11-14T22:13:21Z%00", 400, "INVALID_OPTIONS"},
        {text, "", "hl=abc", 400, "INVALID_OPTIONS"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_did_answer got = ask(&w, cases[i].did, cases[i].accept, cases[i].query);
        if (got.status != cases[i].status)
            fail_msg("%s %s: %d instead of %d", cases[i].did, cases[i].query, got.status,
                     cases[i].status);
        json_t *result = load(got);
        const char *type = json_string_value(json_object_get(
            json_object_get(json_object_get(result, "didResolutionMetadata"), "error"), "type"));
        assert_string_equal(strchr(type, '#') + 1, cases[i].type);
        assert_true(json_is_null(json_object_get(result, "didDocument")));
        json_decref(result);
    }
    memory_end(&w.m);
}

/* Unknown here and unknown on a ledger that is not here are the same bytes. */
static void test_what_is_not_there_looks_the_same(void **state)
{
    (void)state;
    char one[CAIRN_DID_CAIRN_SIZE + 1], two[CAIRN_DID_CAIRN_SIZE + 1];
    const cairn_hash nobody = {{1}}, guest = memory_org(GUEST);
    world w;
    begin(&w);
    live(&w);
    cairn_did_cairn_format(&w.m.id, &nobody, one);
    cairn_did_cairn_format(&nobody, &guest, two);
    cairn_did_answer a = ask(&w, one, "", ""), b = ask(&w, two, "", "");
    assert_int_equal(a.status, 404);
    assert_int_equal(b.status, 404);
    assert_true(cairn_bytes_equal(a.body, b.body));
    memory_end(&w.m);
}

static void test_accept(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        cairn_did_accept want;
    } cases[] = {
        {"", CAIRN_DID_RESULT},
        {"*/*", CAIRN_DID_RESULT},
        {"text/html, */*;q=0.1", CAIRN_DID_RESULT},
        {"application/did+ld+json", CAIRN_DID_LD_JSON},
        {"Application/DID+LD+JSON; q=0.5", CAIRN_DID_LD_JSON},
        {"application/did+json", CAIRN_DID_JSON},
        {"application/did", CAIRN_DID_ANY_DOCUMENT},
        {"application/did, application/did+json", CAIRN_DID_JSON},
        {"application/did-resolution;q=0, application/did", CAIRN_DID_ANY_DOCUMENT},
        {"application/ld+json;profile=\"https://w3id.org/did-resolution\"", CAIRN_DID_RESULT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_did_options options;
        assert_int_equal(
            cairn_did_options_parse(cairn_bytes_str(cases[i].accept), (cairn_bytes){0}, &options),
            CAIRN_DID_OK);
        assert_int_equal(options.accept, cases[i].want);
    }
}

static void test_web(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
    } cases[] = {
        {"{\"id\":\"did:web:example.com\",\"service\":[]}", 200},
        {"{\"id\":\"did:web:example.org\"}", 500},
        {"{\"id\":1}", 500},
        {"[]", 500},
        {"{\"id\":\"did:web:example.com\",\"id\":\"did:web:example.com\"}", 500},
        {"{\"id\":\"did:web:example.com\"", 500},
        {"", 500},
    };
    const cairn_did_options options = {.accept = CAIRN_DID_JSON};
    const cairn_did_options version = {.has_version_id = true};
    const cairn_hash guest = memory_org(GUEST), nobody = {{1}};
    cairn_did did;
    cairn_did_answer answer;
    char own[CAIRN_DID_CAIRN_SIZE + 1];
    world w;
    begin(&w);
    decide(&w, CAIRN_TX_ORG_ADMIT, memory_admit(&w.m.arena, &w.m.id, "Guest", false, GUEST));
    assert_int_equal(cairn_did_parse(cairn_bytes_str("did:web:example.com"), &did), CAIRN_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        MEMORY_MUST(cairn_did_web_answer(&w.m.arena, &did, &options, cairn_bytes_str(cases[i].body),
                                         &answer));
        assert_int_equal(answer.status, cases[i].status);
    }
    MEMORY_MUST(
        cairn_did_web_answer(&w.m.arena, &did, &version, cairn_bytes_str(cases[0].body), &answer));
    assert_int_equal(answer.status, 501);
    /* What we publish is what we take. */
    MEMORY_MUST(cairn_did_web_publish(&w.m.arena, "did:web:example.com", &guest, &w.view, &answer));
    assert_int_equal(answer.status, 200);
    MEMORY_MUST(cairn_did_web_answer(&w.m.arena, &did, &options, answer.body, &answer));
    assert_int_equal(answer.status, 200);
    json_t *document = load(answer);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(document, "alsoKnownAs"), 0)),
        guest_did(&w, own));
    json_decref(document);
    MEMORY_MUST(
        cairn_did_web_publish(&w.m.arena, "did:web:example.com", &nobody, &w.view, &answer));
    assert_int_equal(answer.status, 404);
    memory_end(&w.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_version),
        cmocka_unit_test(test_a_later_view_changes_no_version),
        cmocka_unit_test(test_an_announced_end_without_times),
        cmocka_unit_test(test_the_document),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_is_not_there_looks_the_same),
        cmocka_unit_test(test_accept),
        cmocka_unit_test(test_web),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
