/* cairn checkpoint: the log's signed note, and the cosignatures of witnesses (C2SP tlog-witness).
 */
#include <stdlib.h>

#include "command/files.h"
#include "command/home.h"
#include "command/verbs.h"
#include "core/net/http_client.h"
#include "ledger/log/witness_request.h"

enum { TIMEOUT_MS = 10000, ANSWER_SIZE_MAX = 65536, TRIES = 3 };

typedef struct asking {
    cairn_home *home;
    const cairn_view *view;
    cairn_bytes note; /* signed by the log alone */
    const char *url;
} asking;

/* The body of add-checkpoint: proof from the size that the witness knows. */
static cairn_err make_body(const asking *a, uint64_t old_size, cairn_bytes *ret_body)
{
    const cairn_merkle_source source = cairn_engine_source(a->home->engine);
    cairn_hash proof[CAIRN_MERKLE_PROOF_MAX];
    size_t count = 0;
    if (old_size > a->view->log_size)
        return CAIRN_FAIL(
            CAIRN_ERR_INCONSISTENT, "C2SP tlog-witness",
            "%s has cosigned %llu entries of this log, which has %llu: was it put back?", a->url,
            (unsigned long long)old_size, (unsigned long long)a->view->log_size);
    CAIRN_TRY(cairn_merkle_prove_consistency(&source, old_size, a->view->log_size, proof, &count));
    return cairn_witness_request_format(&a->home->command->arena, old_size, proof, count, a->note,
                                        ret_body);
}

static cairn_err post(const asking *a, cairn_bytes body, cairn_http_reply *ret_reply)
{
    char url[CAIRN_HTTP_URL_SIZE_MAX];
    size_t size = strlen(a->url);
    while (size > 0 && a->url[size - 1] == '/')
        size--;
    if ((size_t)snprintf(url, sizeof url, "%.*s/add-checkpoint", (int)size, a->url) >= sizeof url)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "--witness: URL is too long");
    const cairn_http_call call = {.method = CAIRN_HTTP_CLIENT_POST,
                                  .url = url,
                                  .content_type = "text/plain; charset=utf-8",
                                  .body = body,
                                  .timeout_ms = TIMEOUT_MS,
                                  .body_size_max = ANSWER_SIZE_MAX};
    return cairn_http_client_call(&a->home->command->arena, &call, ret_reply);
}

/* What the statuses of the protocol mean for us. */
static const struct {
    int status;
    cairn_err err;
    const char *meaning;
} refusals[] = {
    {400, CAIRN_ERR_NOT_TRUSTED, "the request is malformed"},
    {403, CAIRN_ERR_NOT_TRUSTED, "it has another key for this log"},
    {404, CAIRN_ERR_NOT_TRUSTED, "it does not follow this log"},
    {409, CAIRN_ERR_INCONSISTENT, "it has cosigned another log of this size"},
    {422, CAIRN_ERR_INCONSISTENT, "this log does not extend the one that it has cosigned"},
};

static cairn_err refused(const asking *a, int status)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if (refusals[i].status == status)
            return CAIRN_FAIL(refusals[i].err, "C2SP tlog-witness", "%s answers %d: %s", a->url,
                              status, refusals[i].meaning);
    return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "C2SP tlog-witness", "%s answers %d", a->url, status);
}

/* Asks until the witness and we speak of the same old size. */
static cairn_err ask(const asking *a, cairn_bytes *ret_lines)
{
    uint64_t old_size = 0;
    for (int i = 0; i < TRIES; i++) {
        cairn_http_reply reply;
        cairn_bytes body;
        uint64_t its_size = 0;
        CAIRN_TRY(make_body(a, old_size, &body));
        CAIRN_TRY(post(a, body, &reply));
        if (reply.status == 200) {
            *ret_lines = reply.body;
            return CAIRN_OK;
        }
        if (reply.status != 409 || strcmp(reply.content_type, "text/x.tlog.size") != 0)
            return refused(a, reply.status);
        CAIRN_TRY(cairn_witness_size_parse(reply.body, &its_size));
        if (its_size == old_size)
            return refused(a, reply.status);
        old_size = its_size;
    }
    return CAIRN_FAIL(CAIRN_ERR_BUSY, "C2SP tlog-witness", "%s changes its mind about the size",
                      a->url);
}

/* The note with the witness's lines behind the log's own; parsed again, so that junk does not get
 * in. */
static cairn_err add_lines(cairn_arena *arena, cairn_bytes note, cairn_bytes lines,
                           cairn_bytes *ret_note)
{
    void *joined = NULL;
    cairn_note *parsed = NULL;
    cairn_note before;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &parsed));
    CAIRN_TRY(cairn_arena_alloc(arena, note.size + lines.size, &joined));
    memcpy(joined, note.data, note.size);
    memcpy((uint8_t *)joined + note.size, lines.data, lines.size);
    *ret_note = cairn_bytes_of(joined, note.size + lines.size);
    CAIRN_TRY(cairn_note_parse(note, &before));
    CAIRN_TRY(cairn_note_parse(*ret_note, parsed));
    if (!cairn_bytes_equal(parsed->text, before.text) ||
        parsed->signature_count <= before.signature_count)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "C2SP tlog-witness",
                          "witness: answer holds no signature line");
    return CAIRN_OK;
}

/* One cosignature that must be there. */
static cairn_err check_key(const cairn_note *note, const char *text, json_t *list)
{
    cairn_vkey vkey;
    uint64_t time_s = 0;
    CAIRN_TRY(cairn_vkey_parse(cairn_bytes_str(text), &vkey));
    cairn_err err = vkey.type == CAIRN_NOTE_COSIGNATURE
                        ? cairn_note_verify(note, &vkey, &time_s)
                        : CAIRN_FAIL(CAIRN_ERR_USAGE, "C2SP tlog-cosignature",
                                     "--witness-key: %s does not make cosignatures", vkey.name);
    if (err == CAIRN_OK) {
        json_t *item = cairn_facts_item(list);
        cairn_facts_text(item, "name", vkey.name);
        cairn_facts_time(item, "time", time_s * 1000);
    }
    cairn_vkey_done(&vkey);
    return err;
}

/* With --witness-key each key must have signed. */
static cairn_err check_keys(const cairn_arguments *arguments, cairn_bytes note, json_t *facts)
{
    const char *const *keys = NULL;
    size_t count = cairn_option_values(arguments, "witness-key", &keys);
    json_t *list = cairn_facts_list(facts, "cosigned_by");
    cairn_note parsed;
    CAIRN_TRY(cairn_note_parse(note, &parsed));
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(check_key(&parsed, keys[i], list));
    size_t checked = 1 + json_array_size(list); /* one is ours */
    if (parsed.signature_count > checked)
        cairn_facts_number(facts, "unchecked_signatures", parsed.signature_count - checked);
    return CAIRN_OK;
}

static cairn_err act(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    const char *const *witnesses = NULL;
    size_t count = cairn_option_values(arguments, "witness", &witnesses);
    const char *output = cairn_option_value(arguments, "output");
    cairn_bytes own;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(home->engine);
    CAIRN_TRY(cairn_home_checkpoint(home, view, &own));
    cairn_bytes note = own;
    for (size_t i = 0; i < count; i++) {
        const asking a = {.home = home, .view = view, .note = own, .url = witnesses[i]};
        cairn_bytes lines = cairn_bytes_str("");
        CAIRN_TRY(ask(&a, &lines));
        CAIRN_TRY(add_lines(&home->command->arena, note, lines, &note));
    }
    CAIRN_TRY(check_keys(arguments, note, facts));
    cairn_facts_text(facts, "origin", home->origin);
    cairn_facts_number(facts, "log_size", view->log_size);
    cairn_facts_hash(facts, "log_root", &view->log_root);
    cairn_facts_number(facts, "height", view->height);
    cairn_facts_number(facts, "witnesses", count);
    if (output == NULL)
        cairn_facts_view(facts, "checkpoint", note);
    else
        CAIRN_TRY(cairn_output_write(output, 0644, note));
    return CAIRN_OK;
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_READ, act);
}

static const cairn_option options[] = {
    {"witness", "URL", false, true, "ask this witness to cosign (C2SP add-checkpoint)"},
    {"witness-key", "VKEY", false, true, "insist on a good cosignature by this key"},
    {"output", "FILE", false, false, "write the note to FILE instead of printing it"},
};

const cairn_verb cairn_verb_checkpoint = {
    .name = "checkpoint",
    .words = "",
    .summary = "sign the log's checkpoint, and have it cosigned by witnesses",
    .help = "A checkpoint is a signed note of the log's size and root. A witness cosigns it only "
            "when it extends the "
            "one that it cosigned last, so that the log cannot show two histories. Signatures "
            "whose key is not given by "
            "--witness-key are passed on unchecked.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
