/* cairn node: a ledger directory as a service, until it is told to end. */
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "command/facts.h"
#include "command/home.h"
#include "command/serve.h"
#include "command/verbs.h"
#include "command/version.h"
#include "core/jobs/jobs.h"
#include "core/store/block_log.h"
#include "core/store/file.h"
#include "feature_list.h"
#include "identity/status/status_renew.h"
#include "node/auth/audit.h"
#include "node/auth/auth_issuers.h"
#include "node/auth/oauth.h"
#include "node/node.h"
#include "node/node_ca.h"
#include "node/node_fence.h"
#include "node/node_follow.h"
#include "node/node_lists.h"
#include "node/node_url.h"
#include "node/process/systemd.h"

static const cairn_log_event log_rows[] = {
    {"node.reloaded", CAIRN_LOG_INFO, 4, 60, "Keys and certificates were read again."},
    {"node.not_reloaded", CAIRN_LOG_ERROR, 4, 60,
     "Keys or certificates could not be read again: what was goes on."},
    {"node.fenced", CAIRN_LOG_INFO, 1, 1, "The node has shut itself in."},
    {"node.unfenced", CAIRN_LOG_WARNING, 1, 1,
     "This kernel or machine lacks a fence: the node runs without it."},
    {"node.stalled", CAIRN_LOG_ERROR, 4, 60,
     "A loop or the writer stands still; the watchdog is not told of life."},
    {"node.spawner_ended", CAIRN_LOG_ERROR, 1, 1,
     "The spawner ended: no key process can be started again, and so the node ends."},
};
enum {
    EVENT_RELOADED,
    EVENT_NOT_RELOADED,
    EVENT_FENCED,
    EVENT_UNFENCED,
    EVENT_STALLED,
    EVENT_SPAWNER_ENDED,
};

enum {
    LOOK_US = 10000000,      /* between two looks at how the node is */
    RELOAD_PAUSE_US = 20000, /* until keyd is asked again */
    RELOAD_TRIES = 250,
};

/* --- what it stands on --- */

/* All parts of a running node, in the order in which they come and against which they go. */
typedef struct running {
    const char *directory;
    cairn_config *config;
    cairn_log *log;
    cairn_spawner *spawner;
    cairn_supervisor *supervisor; /* of keyd, which holds every key */
    cairn_vault *vault;
    cairn_store *store;
    cairn_node_follow *follow;         /* NULL: the ledger is brought forward here, */
    cairn_node_consortium *consortium; /* or by this; NULL */
    cairn_systemd systemd;
    cairn_node *node;
    int url_fd;     /* DIR/node.url; -1: not open yet */
    int socket;     /* inherited; -1: the node makes its own */
    pthread_t main; /* is told when the node ends by itself */
    cairn_err ended;
} running;

static cairn_err open_log(running *r)
{
    static const cairn_log_level levels[] = {CAIRN_LOG_ERROR, CAIRN_LOG_WARNING, CAIRN_LOG_INFO,
                                             CAIRN_LOG_DEBUG};
    const cairn_log_table tables[] = {
        cairn_store_events,           cairn_http_log_events,
        cairn_route_log_events,       cairn_jobs_log_events,
        cairn_supervisor_log_events,  cairn_audit_log_events,
        cairn_oauth_log_events,       cairn_issuers_log_events,
        cairn_block_log_events,       cairn_node_log_events,
        cairn_node_ca_log_events,     cairn_status_log_events,
        cairn_lists_log_events,       cairn_follow_log_events,
        cairn_node_follow_log_events, cairn_application_events,
        cairn_abci_server_events,     cairn_node_consortium_log_events,
        cairn_node_cosign_log_events, {log_rows, sizeof log_rows / sizeof log_rows[0]}};
    const char *wanted = cairn_config_text(r->config, "log.level");
    cairn_clock clock = cairn_clock_system();
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(wanted, cairn_log_level_name(levels[i])) == 0)
            return cairn_log_new(&clock, STDERR_FILENO, levels[i], tables,
                                 sizeof tables / sizeof tables[0], &r->log);
    return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house",
                      "cairn.yaml: log.level is error, warning, info or debug");
}

/* keyd opens what cairn.yaml says. The spawner that can start it comes first: before there are
 * threads. */
static cairn_err open_spawner(running *r)
{
    char keys[CAIRN_PATH_SIZE_MAX];
    char vault[CAIRN_PATH_SIZE_MAX];
    bool token = strcmp(cairn_config_text(r->config, "signer.kind"), "pkcs11") == 0;
    CAIRN_TRY(cairn_path_join(r->directory, "keys", keys));
    CAIRN_TRY(cairn_path_join(r->directory, "vault-keys", vault));
    cairn_keyd_options options = {.keys_directory = keys, .vault_directory = vault};
    if (token)
        options = (cairn_keyd_options){.module = cairn_config_text(r->config, "signer.module"),
                                       .token = cairn_config_text(r->config, "signer.token"),
                                       .pin_file = cairn_config_text(r->config, "signer.pin_file")};
    return cairn_spawner_start(&options, &r->spawner);
}

/* From here on the key files are keyd's alone. The spawner's end is a signal to wait for, which no
 * thread may take. */
static cairn_err shut_in(running *r)
{
    cairn_sandbox_report report;
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    CAIRN_ASSERT(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    CAIRN_TRY(cairn_node_url_open(r->directory, &r->url_fd));
    CAIRN_TRY(cairn_node_fence(r->directory, r->config, &report));
    bool whole = report.filtered && report.landlock_abi > 0;
    CAIRN_LOG(r->log, &log_rows[whole ? EVENT_FENCED : EVENT_UNFENCED],
              cairn_log_bool("seccomp", report.filtered),
              cairn_log_u64("landlock", report.landlock_abi));
    return CAIRN_OK;
}

static cairn_err open_keys(running *r)
{
    cairn_supervisor_options options = cairn_supervisor_defaults();
    char path[CAIRN_PATH_SIZE_MAX];
    options.log = r->log;
    CAIRN_TRY(cairn_supervisor_start(r->spawner, &options, &r->supervisor));
    CAIRN_TRY(cairn_path_join(r->directory, "vault", path));
    return cairn_vault_open(path, cairn_supervisor_holder(r->supervisor), &r->vault);
}

static cairn_err open_store(running *r)
{
    cairn_store_options options;
    cairn_store_options_default(&options, &cairn_all_features);
    options.log = r->log;
    options.threads = (unsigned)cairn_config_u64(r->config, "node.verifiers");
    options.queue_max = cairn_config_u64(r->config, "node.queue");
    return cairn_home_store(r->directory, r->config, &options, &r->store);
}

/* What it is asked for while it waits. */
static bool is_told_to_end(unsigned seconds)
{
    const struct timespec wait = {.tv_sec = seconds};
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    return sigtimedwait(&set, NULL, &wait) > 0;
}

/* Nothing can be served before the genesis is here: waits for a source that has it. */
static cairn_err open_follow(running *r)
{
    if (r->follow == NULL)
        return CAIRN_OK;
    CAIRN_TRY(cairn_node_follow_open(r->follow, r->store, r->log));
    cairn_follow *follow = cairn_node_follow_get(r->follow);
    cairn_err err = cairn_follow_begin(follow);
    while (err != CAIRN_OK && cairn_follow_may_retry(err) && !is_told_to_end(1))
        err = cairn_follow_begin(follow);
    return err;
}

static cairn_err open_node(running *r)
{
    const cairn_node_setup setup = {.directory = r->directory,
                                    .features = &cairn_all_features,
                                    .config = r->config,
                                    .clock = cairn_clock_system(),
                                    .log = r->log,
                                    .store = r->store,
                                    .signer = cairn_supervisor_signer(r->supervisor),
                                    .vault = r->vault,
                                    .follow =
                                        r->follow == NULL ? NULL : cairn_node_follow_get(r->follow),
                                    .consortium = r->consortium,
                                    .supervisor = r->supervisor};
    return cairn_node_new(&setup, &r->node);
}

static cairn_err open_all(running *r)
{
    CAIRN_TRY(cairn_home_config(r->directory, &r->config));
    CAIRN_TRY(open_log(r));
    CAIRN_TRY(open_spawner(r));
    if (cairn_node_follows(r->config))
        CAIRN_TRY(cairn_node_follow_new(r->directory, r->config, &r->follow));
    if (cairn_node_is_member(r->config))
        CAIRN_TRY(cairn_node_consortium_new(r->directory, r->config, &r->consortium));
    CAIRN_TRY(shut_in(r));
    CAIRN_TRY(open_keys(r));
    CAIRN_TRY(open_store(r));
    CAIRN_TRY(open_follow(r));
    if (r->consortium != NULL)
        CAIRN_TRY(cairn_node_consortium_open(r->consortium, r->store, CAIRN_VERSION, r->log));
    CAIRN_TRY(open_node(r));
    r->socket = cairn_systemd_take(&r->systemd, "https");
    return cairn_node_listen(r->node, r->socket);
}

/* When the node has run, every transaction that it took has its verdict: nothing looks back. */
static cairn_err close_all(running *r)
{
    cairn_node_follow_stop(r->follow);
    cairn_node_consortium_stop(r->consortium);
    cairn_node_free(r->node);
    cairn_node_follow_free(r->follow);
    cairn_node_consortium_free(r->consortium);
    cairn_err err = cairn_store_close(r->store);
    cairn_vault_close(r->vault);
    cairn_supervisor_free(r->supervisor);
    cairn_spawner_free(r->spawner);
    cairn_systemd_done(&r->systemd);
    cairn_file_close(r->socket);
    cairn_file_close(r->url_fd);
    cairn_log_free(r->log);
    cairn_config_free(r->config);
    return err;
}

/* --- what it says at its start --- */

static cairn_err announce(const running *r, cairn_command *command)
{
    json_t *facts = cairn_facts_new();
    cairn_facts_text(facts, "url", cairn_node_url(r->node));
    json_t *list = cairn_facts_list(facts, "ledger");
    for (size_t i = 0; i < cairn_node_ledger_count(r->node); i++) {
        const cairn_node_ledger *ledger = cairn_node_ledger_at(r->node, i);
        json_t *item = cairn_facts_item(list);
        cairn_facts_hash(item, "id", &ledger->service.id);
        cairn_facts_text(item, "origin", ledger->origin);
    }
    return cairn_facts_print(command, facts);
}

/* --- signals --- */

static void signals_of_interest(sigset_t *ret_set)
{
    (void)sigemptyset(ret_set);
    (void)sigaddset(ret_set, SIGINT);
    (void)sigaddset(ret_set, SIGTERM);
    (void)sigaddset(ret_set, SIGHUP);
}

/* keyd looks for keys that were made beside it. While it is away the supervisor starts another,
 * which sees them too. */
static cairn_err reload_keys(const running *r)
{
    cairn_signer *signer = cairn_supervisor_signer(r->supervisor);
    cairn_err err = cairn_signer_remote_refresh(signer);
    for (int tries = 0; tries < RELOAD_TRIES && err == CAIRN_ERR_UNAVAILABLE; tries++) {
        (void)usleep(RELOAD_PAUSE_US);
        err = cairn_signer_remote_refresh(signer);
    }
    return err;
}

/* SIGHUP: keys and certificates are looked at again. What cannot be loaded leaves what was. */
static void reload(running *r)
{
    cairn_supervisor_health health;
    const cairn_clock clock = cairn_clock_system();
    (void)!cairn_systemd_reloading(&r->systemd, cairn_clock_monotonic_ns(&clock) / 1000, NULL);
    cairn_err err = reload_keys(r);
    if (err == CAIRN_OK)
        err = cairn_node_reload(r->node);
    cairn_supervisor_health_get(r->supervisor, &health);
    if (err == CAIRN_OK)
        CAIRN_LOG(r->log, &log_rows[EVENT_RELOADED], cairn_log_u64("keyd", health.starts));
    else
        CAIRN_LOG(r->log, &log_rows[EVENT_NOT_RELOADED], cairn_log_err(err));
    (void)!cairn_systemd_ready(&r->systemd, NULL);
}

/* How long to wait for a signal before the next sign of life is due. */
static struct timespec patience(const running *r)
{
    uint64_t us = r->systemd.watchdog_us == 0 ? LOOK_US : r->systemd.watchdog_us / 2;
    if (us > LOOK_US)
        us = LOOK_US;
    return (struct timespec){.tv_sec = (time_t)(us / 1000000),
                             .tv_nsec = (long)(us % 1000000) * 1000};
}

/* Only a node that does its work is alive. */
static void tell_of_life(running *r)
{
    if (cairn_node_moves(r->node))
        (void)!cairn_systemd_alive(&r->systemd);
    else
        cairn_log_write(r->log, &log_rows[EVENT_STALLED], NULL, 0);
}

/* Until the node is told to end, or has ended by itself, or must: without its spawner it lives
 * until keyd's next end only, and whoever manages it can start it anew. */
static cairn_err follow_signals(running *r)
{
    const struct timespec wait = patience(r);
    const cairn_clock clock = cairn_clock_system();
    const uint64_t wait_ns = (uint64_t)wait.tv_sec * 1000000000 + (uint64_t)wait.tv_nsec;
    uint64_t due_ns = cairn_clock_monotonic_ns(&clock) + wait_ns / 2;
    sigset_t set;
    signals_of_interest(&set);
    (void)sigaddset(&set, SIGCHLD);
    for (;;) {
        int number = sigtimedwait(&set, NULL, &wait);
        if (number == SIGINT || number == SIGTERM)
            return CAIRN_OK;
        if (cairn_spawner_has_ended(r->spawner)) {
            cairn_log_write(r->log, &log_rows[EVENT_SPAWNER_ENDED], NULL, 0);
            return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "node: its spawner has ended");
        }
        if (number == SIGHUP)
            reload(r);
        if (cairn_clock_monotonic_ns(&clock) >= due_ns) {
            tell_of_life(r);
            due_ns = cairn_clock_monotonic_ns(&clock) + wait_ns / 2;
        }
    }
}

static void *run_node(void *context)
{
    running *r = context;
    r->ended = cairn_node_run(r->node);
    (void)pthread_kill(r->main, SIGTERM);
    return NULL;
}

/* Serves on a thread of its own: this one waits for signals, which all others hold back. */
static cairn_err serve(running *r, cairn_command *command)
{
    pthread_t thread;
    CAIRN_TRY(cairn_node_url_write(r->url_fd, cairn_node_url(r->node)));
    CAIRN_TRY(announce(r, command));
    if (r->follow != NULL)
        CAIRN_TRY(cairn_node_follow_start(r->follow));
    if (r->consortium != NULL)
        CAIRN_TRY(cairn_node_consortium_start(r->consortium, cairn_node_submit, r->node));
    CAIRN_TRY(cairn_systemd_ready(&r->systemd, cairn_node_url(r->node)));
    r->main = pthread_self();
    int failed = pthread_create(&thread, NULL, run_node, r);
    if (failed != 0)
        return cairn_err_from_errno(failed, "node: thread");
    cairn_err err = follow_signals(r);
    (void)!cairn_systemd_stopping(&r->systemd, NULL);
    cairn_node_stop(r->node);
    CAIRN_ASSERT(pthread_join(thread, NULL) == 0);
    return err == CAIRN_OK ? r->ended : err;
}

cairn_err cairn_command_serve(cairn_command *command, const char *directory)
{
    running r = {.directory = directory, .systemd = {.notify_fd = -1}, .url_fd = -1, .socket = -1};
    sigset_t set;
    signals_of_interest(&set);
    CAIRN_ASSERT(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0); /* before there are threads */
    cairn_err err = cairn_systemd_init(&r.systemd);
    if (err == CAIRN_OK)
        err = open_all(&r);
    if (err == CAIRN_OK) {
        err = serve(&r, command);
        (void)!cairn_node_url_write(r.url_fd, NULL); /* who looked would find nobody there */
    }
    cairn_err closed = close_all(&r);
    return err == CAIRN_OK ? closed : err;
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_command_serve(command, arguments->word_count == 1 ? arguments->words[0]
                                                                   : command->directory);
}

const cairn_verb cairn_verb_node = {
    .name = "node",
    .words = "[DIR]",
    .words_min = 0,
    .words_max = 1,
    .summary = "serve a ledger directory: its API, its feed, its checkpoints",
    .help = "Holds the directory and answers on the address that cairn.yaml names (https on "
            "127.0.0.1:8443 if nothing else is said) until SIGTERM or SIGINT; then it takes no new "
            "call, answers those that are under way, and ends. SIGHUP makes it read keys and "
            "certificates again. Its log goes to standard error, a JSON object a line. While it "
            "runs, verbs that write on the ledger do it through the node.",
    .run = run,
};
