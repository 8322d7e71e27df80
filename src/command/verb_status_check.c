/* cairn status check: what somebody's list says of a credential, and whether to believe it. */
#include <stdlib.h>

#include "cairn/verify.h"
#include "command/files.h"
#include "command/status_home.h"
#include "command/times.h"
#include "command/verbs.h"
#include "core/net/http_client.h"
#include "core/unit.h"

enum { TIMEOUT_MS = 30000 };

/* --- getting the list --- */

static bool is_url(const char *text)
{
    return strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0;
}

/* By JWT if there is a choice: its key is named in full. */
static cairn_err fetch(cairn_command *command, const cairn_arguments *arguments,
                       cairn_bytes *ret_list)
{
    static const char *const headers[] = {
        "Accept: application/statuslist+jwt, application/vc+jwt, application/statuslist+cwt;q=0.9, "
        "application/ld+json;q=0.8"};
    const cairn_http_call call = {.method = CAIRN_HTTP_CLIENT_GET,
                                  .url = arguments->words[0],
                                  .headers = headers,
                                  .header_count = 1,
                                  .timeout_ms = TIMEOUT_MS,
                                  .body_size_max = CAIRN_STATUS_JWT_SIZE_MAX,
                                  .ca_file = cairn_option_value(arguments, "ca")};
    cairn_http_reply reply;
    CAIRN_TRY(cairn_http_client_call(&command->arena, &call, &reply));
    if (reply.status != 200)
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "%s: answers %d", call.url, reply.status);
    *ret_list = reply.body;
    return CAIRN_OK;
}

static cairn_err get_list(cairn_command *command, const cairn_arguments *arguments,
                          cairn_bytes *ret_list)
{
    if (is_url(arguments->words[0]))
        return fetch(command, arguments, ret_list);
    return cairn_input_read(&command->arena, arguments->words[0], CAIRN_STATUS_JWT_SIZE_MAX,
                            ret_list);
}

/* --- a state of proofs --- */

typedef struct proofs {
    size_t count;
    cairn_state_verdict verdicts[CAIRN_OPTION_VALUES_MAX];
} proofs;

static cairn_err get_proved(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                            cairn_bytes *ret_value)
{
    const proofs *p = context;
    char digits[2 * CAIRN_STATE_PROOF_KEY_SIZE_MAX + 1];
    (void)arena;
    for (size_t i = 0; map == CAIRN_MAP_STATE && i < p->count; i++) {
        const cairn_state_proof *proof = &p->verdicts[i].proof;
        if (proof->map != CAIRN_STATE_PROOF_STATE || !cairn_bytes_equal(proof->key, key))
            continue;
        *ret_value = proof->value;
        return proof->present ? CAIRN_OK : CAIRN_ERR_NOT_FOUND;
    }
    cairn_hex_encode(key, digits);
    return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, "house", "there is no proof of raw/%s", digits);
}

static cairn_err read_proofs(cairn_command *command, const cairn_arguments *arguments,
                             const cairn_trust *trust, uint64_t at_ms, proofs *p)
{
    const char *const *paths = NULL;
    p->count = cairn_option_values(arguments, "state", &paths);
    for (size_t i = 0; i < p->count; i++) {
        cairn_bytes encoded;
        CAIRN_TRY(
            cairn_input_read(&command->arena, paths[i], CAIRN_STATE_PROOF_SIZE_MAX, &encoded));
        CAIRN_TRY(
            cairn_verify_state_proof(&command->arena, encoded, trust, at_ms, &p->verdicts[i]));
    }
    return CAIRN_OK;
}

/* --- the answer --- */

static void add_answer(json_t *facts, const cairn_status_answer *a, cairn_err err)
{
    cairn_facts_text(facts, "verdict", err == CAIRN_OK ? "yes" : "no");
    if (err != CAIRN_OK) {
        cairn_facts_text(facts, "code", cairn_err_name(err));
        cairn_facts_text(facts, "because", cairn_err_text(err));
        if (cairn_err_detail()[0] != '\0')
            cairn_facts_text(facts, "detail", cairn_err_detail());
    }
    if (a->form != 0)
        cairn_facts_text(facts, "type", cairn_status_form_type(a->form));
    if (a->uri.size > 0)
        cairn_facts_view(facts, "url", a->uri);
    if (a->has_org)
        cairn_facts_hash(facts, "organisation_id", &a->org);
    if (a->is_signed)
        cairn_facts_hash(facts, "key", &a->kid);
    if (a->issued_ms != 0)
        cairn_facts_time(facts, "issued", a->issued_ms);
    if (a->expires_ms != 0)
        cairn_facts_time(facts, "expires", a->expires_ms);
}

static void add_anchor(json_t *facts, const cairn_status_answer *a)
{
    cairn_facts_hash(facts, "list_id", &a->list);
    cairn_facts_number(facts, "version", a->anchor.version);
    cairn_facts_number(facts, "anchored_height", a->anchor.height);
}

/* Yes is: the list is to be believed, and the credential holds. */
static cairn_err answer(cairn_command *command, const cairn_status_question *q,
                        const cairn_status_answer *a, cairn_err err)
{
    char number[16];
    if (err != CAIRN_OK && cairn_err_exit(err) != 1)
        return err;
    if (err == CAIRN_OK && a->value != CAIRN_STATUS_VALID)
        err = CAIRN_FAIL(CAIRN_ERR_CLOSED, "house", "credential: is not valid");
    json_t *facts = cairn_facts_new();
    add_answer(facts, a, err);
    if (a->is_anchored)
        add_anchor(facts, a);
    cairn_facts_number(facts, "index", q->index);
    if (a->has_value)
        cairn_facts_text(facts, "status",
                         cairn_status_value_text(cairn_status_form_format(a->form), a->purpose,
                                                 a->value, number));
    CAIRN_TRY(cairn_facts_print(command, facts));
    command->answered = true;
    return err;
}

static cairn_err ask(cairn_command *command, const cairn_arguments *arguments,
                     cairn_status_question *q)
{
    cairn_status_answer a;
    cairn_hash org;
    cairn_bytes list;
    const char *digits = cairn_option_value(arguments, "org");
    if (digits != NULL && cairn_hex_decode(digits, org.b, sizeof org.b) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--org: an organisation's id is 64 hex digits");
    q->org = digits == NULL ? NULL : &org;
    if (cairn_unit_parse(arguments->words[1], CAIRN_UNIT_COUNT, &q->index) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "INDEX is a number, not %s",
                          arguments->words[1]);
    CAIRN_TRY(get_list(command, arguments, &list));
    if (is_url(arguments->words[0]))
        q->uri = cairn_bytes_str(arguments->words[0]);
    cairn_err err = cairn_status_check(&command->arena, list, q, &a);
    return answer(command, q, &a, err);
}

static cairn_err ask_ledger(cairn_command *command, const cairn_arguments *arguments,
                            cairn_status_question *q)
{
    cairn_home home;
    CAIRN_TRY(cairn_home_open(command, CAIRN_HOME_READ, &home));
    cairn_state_source state = cairn_home_state(&home);
    q->state = &state;
    q->ledger = &home.ledger;
    cairn_err err = ask(command, arguments, q);
    cairn_err closed = cairn_home_close(&home);
    return err == CAIRN_OK ? closed : err;
}

static cairn_err ask_proofs(cairn_command *command, const cairn_arguments *arguments,
                            cairn_status_question *q)
{
    cairn_trust trust = {0};
    cairn_bytes encoded;
    void *memory = NULL;
    CAIRN_TRY(cairn_input_read(&command->arena, cairn_option_value(arguments, "trust"),
                               CAIRN_TRUST_SIZE_MAX, &encoded));
    CAIRN_TRY(cairn_arena_alloc(&command->arena, sizeof(proofs), &memory));
    CAIRN_TRY(cairn_trust_decode(&command->arena, encoded, &trust));
    const cairn_state_source state = {.context = memory, .get = get_proved};
    q->state = &state;
    q->ledger = &trust.ledger;
    cairn_err err = read_proofs(command, arguments, &trust, q->now_ms, memory);
    if (err == CAIRN_OK)
        err = ask(command, arguments, q);
    cairn_trust_done(&trust);
    return err;
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    cairn_status_question q = {.index = 0};
    bool trust = cairn_option_given(arguments, "trust");
    if (trust != cairn_option_given(arguments, "state"))
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--trust and --state go together");
    CAIRN_TRY(cairn_time_option(cairn_option_value(arguments, "at"), &q.now_ms));
    return trust ? ask_proofs(command, arguments, &q) : ask_ledger(command, arguments, &q);
}

static const cairn_option options[] = {
    {"org", "ID", false, false, "whose list it must be: the credential's issuer"},
    {"ca", "FILE", false, false,
     "PEM of the CA by which the server is known; the system's if not given"},
    {"trust", "TRUST", false, false, "check against proofs, without a ledger: whose keys count"},
    {"state", "PROOF", false, true, "state proof of anchor, key or organisation (state get)"},
    {"at", "TIME", false, false, "judge as of this time (2026-11-24T12:00:00Z) instead of now"},
};

const cairn_verb cairn_verb_status_check = {
    .name = "status check",
    .words = "URL_OR_FILE INDEX",
    .words_min = 2,
    .words_max = 2,
    .summary = "check a status list, and what it says of a credential",
    .help = "Answers yes (exit 0) when the list is signed by its organisation's key, current, the "
            "one that the ledger anchors, and says that the credential is valid; else no (exit 1), "
            "and says why. A list that was replaced does not match its anchor. The ledger is this "
            "directory's, or that of state proofs under --trust: of raw/ with the keys that it "
            "asks for.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
