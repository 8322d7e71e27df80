/* cairn witness: cosigns the checkpoints of other logs, consistent ones alone (C2SP tlog-witness).
 */
#include <stdlib.h>

#include "command/facts.h"
#include "command/files.h"
#include "command/listen.h"
#include "command/verbs.h"
#include "core/crypto/signer.h"
#include "core/store/file.h"
#include "ledger/log/witness.h"

static const char key_name[] = "witness";

typedef struct serving {
    cairn_witness *witness;
    cairn_signer *signer;
    cairn_clock clock;
    cairn_vkey own; /* type cosignature */
    cairn_vkey *logs;
    cairn_witness_log *rows; /* one a log key: its name is the origin */
    size_t log_count;
} serving;

/* --- one request --- */

static const cairn_witness_log *find_log(const serving *s, cairn_bytes origin)
{
    for (size_t i = 0; i < s->log_count; i++)
        if (cairn_bytes_equal(s->rows[i].origin, origin))
            return &s->rows[i];
    return NULL;
}

/* The cosignature line for what was just recorded. */
static cairn_err cosign(serving *s, cairn_arena *arena, cairn_bytes text, cairn_bytes *ret_line)
{
    uint64_t time_s = cairn_clock_wall_ms(&s->clock) / 1000;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message;
    CAIRN_TRY(cairn_note_message(arena, CAIRN_NOTE_COSIGNATURE, text, time_s, &message));
    CAIRN_TRY(cairn_signer_sign_wait_for(s->signer, CAIRN_SIGNER_FOR_NONE, key_name, message,
                                         signature, &size));
    return cairn_note_line(arena, &s->own, time_s, cairn_bytes_of(signature, size), ret_line);
}

typedef struct judged {
    cairn_witness_status status;
    cairn_bytes body;
} judged;

static cairn_err judge(serving *s, cairn_arena *arena, cairn_bytes body, judged *ret_judged)
{
    cairn_witness_request *request = NULL;
    cairn_witness_head head;
    judged j = {.status = CAIRN_WITNESS_BAD_REQUEST};
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &request));
    if (cairn_witness_request_parse(body, request) == CAIRN_OK) {
        const cairn_witness_log *log = find_log(s, request->checkpoint.origin);
        CAIRN_TRY(cairn_witness_submit(s->witness, log, request, &j.status, &head));
    }
    if (j.status == CAIRN_WITNESS_COSIGN)
        CAIRN_TRY(cosign(s, arena, request->note.text, &j.body));
    else if (j.status == CAIRN_WITNESS_CONFLICT && request->old_size != head.size)
        CAIRN_TRY(cairn_witness_size_format(arena, head.size, &j.body));
    *ret_judged = j;
    return CAIRN_OK;
}

static void answer(cairn_http_exchange *exchange, const judged *j)
{
    static const char *const codes[] = {[0] = "bad_request",
                                        [3] = "no_signature",
                                        [4] = "unknown_log",
                                        [9] = "another_root",
                                        [22] = "bad_proof"};
    cairn_http_response response = {.status = (int)j->status,
                                    .content_type = j->status == CAIRN_WITNESS_CONFLICT
                                                        ? "text/x.tlog.size"
                                                        : "text/plain; charset=utf-8",
                                    .body = j->body};
    if (j->body.size != 0)
        cairn_http_respond(exchange, &response);
    else
        cairn_http_respond_problem(exchange, (int)j->status,
                                   codes[j->status - CAIRN_WITNESS_BAD_REQUEST],
                                   cairn_err_detail());
}

static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    serving *s = context;
    cairn_arena arena;
    judged j;
    if (!cairn_bytes_equal(request->path, cairn_bytes_str("/add-checkpoint"))) {
        cairn_http_respond_problem(exchange, 404, "no_route",
                                   "a witness serves POST /add-checkpoint");
        return;
    }
    if (request->method != CAIRN_HTTP_POST) {
        cairn_http_respond_problem(exchange, 405, "method", "add-checkpoint is a POST");
        return;
    }
    cairn_arena_init(&arena, 1 << 20);
    cairn_err err = judge(s, &arena, request->body, &j);
    if (err == CAIRN_OK)
        answer(exchange, &j);
    else
        cairn_http_respond_err(exchange, err);
    cairn_arena_done(&arena);
}

/* --- start --- */

/* Heads first, then the key: where there is a key there were heads, and their loss is noticed. */
static cairn_err open_own(serving *s, const char *directory, const char *name)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(cairn_path_join(directory, "keys", path));
    CAIRN_TRY(cairn_dir_make(path, 0700));
    CAIRN_TRY(cairn_signer_open_files(path, &s->signer));
    cairn_err err = cairn_signer_public(s->signer, key_name, &key);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    bool new = err == CAIRN_ERR_NOT_FOUND;
    err = cairn_witness_open(directory, new, &s->witness);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "%s: the key is there, the heads are not",
                          directory);
    CAIRN_TRY(err);
    if (new)
        CAIRN_TRY(cairn_signer_generate(s->signer, key_name, CAIRN_KEY_ED25519, &key));
    return cairn_vkey_init(cairn_bytes_str(name), CAIRN_NOTE_COSIGNATURE, key, &s->own);
}

static cairn_err open_logs(serving *s, cairn_arena *arena, const char *const *texts, size_t count)
{
    void *logs = NULL;
    void *log_rows = NULL;
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof(cairn_vkey), &logs));
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof(cairn_witness_log), &log_rows));
    s->logs = logs;
    s->rows = log_rows;
    for (size_t i = 0; i < count; i++) {
        CAIRN_TRY(cairn_vkey_parse(cairn_bytes_str(texts[i]), &s->logs[i]));
        s->log_count = i + 1;
        s->rows[i] = (cairn_witness_log){
            .origin = cairn_bytes_str(s->logs[i].name), .keys = &s->logs[i], .key_count = 1};
    }
    return CAIRN_OK;
}

static cairn_err open_serving(serving *s, cairn_command *command, const cairn_arguments *arguments)
{
    char path[CAIRN_PATH_SIZE_MAX];
    const char *const *logs = NULL;
    size_t count = cairn_option_values(arguments, "log", &logs);
    CAIRN_TRY(cairn_path_join(command->directory, "witness", path));
    CAIRN_TRY(cairn_output_dir(path, 0750));
    CAIRN_TRY(open_logs(s, &command->arena, logs, count));
    return open_own(s, path, cairn_option_value(arguments, "name"));
}

static void close_serving(serving *s)
{
    cairn_witness_free(s->witness);
    for (size_t i = 0; i < s->log_count; i++)
        cairn_vkey_done(&s->logs[i]);
    cairn_vkey_done(&s->own);
    cairn_signer_free(s->signer);
}

/* --- serve --- */

static cairn_err announce(const serving *s, cairn_command *command, const char *address,
                          uint16_t port)
{
    cairn_bytes vkey;
    CAIRN_TRY(cairn_vkey_format(&s->own, &command->arena, &vkey));
    char url[CAIRN_LISTEN_URL_SIZE];
    cairn_listen_url(false, address, port, url);
    json_t *facts = cairn_facts_new();
    cairn_facts_text(facts, "url", url);
    cairn_facts_view(facts, "vkey", vkey);
    cairn_facts_number(facts, "logs", s->log_count);
    return cairn_facts_print(command, facts);
}

static cairn_err serve(serving *s, cairn_command *command, const char *listen)
{
    CAIRN_CLEANUP(cairn_http_server_free_p) cairn_http_server *server = NULL;
    cairn_http_server_options options = cairn_http_server_defaults();
    const char *address = NULL;
    uint16_t port = 0;
    options.body_size_max = CAIRN_WITNESS_REQUEST_SIZE_MAX;
    CAIRN_TRY(cairn_listen_split(&command->arena, listen, &address, &port));
    CAIRN_TRY(cairn_http_server_new(&s->clock, NULL, &options, handle, s, &server));
    CAIRN_TRY(cairn_http_server_listen(server, address, port, &port));
    CAIRN_TRY(announce(s, command, address, port));
    return cairn_listen_run(server);
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    const char *listen = cairn_option_value(arguments, "listen");
    serving s = {.clock = cairn_clock_system()};
    cairn_err err = open_serving(&s, command, arguments);
    if (err == CAIRN_OK)
        err = serve(&s, command, listen == NULL ? "127.0.0.1:8090" : listen);
    close_serving(&s);
    return err;
}

static const cairn_option options[] = {
    {"name", "NAME", true, false,
     "name of this witness in its cosignatures, such as witness.example.org/w1"},
    {"log", "VKEY", true, true, "note key of a log to witness (log export writes it)"},
    {"listen", "ADDRESS:PORT", false, false, "where to serve; 127.0.0.1:8090 if not given"},
};

const cairn_verb cairn_verb_witness = {
    .name = "witness",
    .words = "--name NAME --log VKEY",
    .summary = "cosign other logs' checkpoints, when they extend what was cosigned before",
    .help = "Serves C2SP add-checkpoint until it is interrupted. DIR/witness holds its key and, "
            "for each log, the last "
            "head; a head is durable before its cosignature is given. Never put that folder back "
            "from a backup: a "
            "witness that forgets can cosign two histories.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
