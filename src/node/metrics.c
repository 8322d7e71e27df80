/* One family after another, each sample of a family together, as the format asks for. */
#include "node/metrics.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/jobs/jobs.h"
#include "node/api/api.h"

/* --- ledgers --- */

typedef struct family {
    const char *name;
    const char *type; /* "counter" or "gauge" */
    const char *help;
    uint64_t (*read)(cairn_node_ledger *ledger);
} family;

static uint64_t read_height(cairn_node_ledger *ledger)
{
    CAIRN_CLEANUP(cairn_view_free_p)
    cairn_view *view = cairn_engine_view(ledger->service.engine);
    return view->height;
}

static uint64_t read_log_size(cairn_node_ledger *ledger)
{
    CAIRN_CLEANUP(cairn_view_free_p)
    cairn_view *view = cairn_engine_view(ledger->service.engine);
    return view->log_size;
}

static uint64_t read_pending(cairn_node_ledger *ledger)
{
    return cairn_pending_count(ledger->pending);
}

#define COUNT(field)                                        \
    static uint64_t read_##field(cairn_node_ledger *ledger) \
    {                                                       \
        return atomic_load(&ledger->counts.field);          \
    }
COUNT(submitted)
COUNT(accepted)
COUNT(refused)
COUNT(busy)
COUNT(receipts)
COUNT(feeds)
COUNT(events)

static const family families[] = {
    {"cairn_ledger_height", "gauge", "Height of the newest block.", read_height},
    {"cairn_ledger_log_size", "gauge", "Entries of the log.", read_log_size},
    {"cairn_ledger_pending", "gauge", "Transactions that wait for a verdict.", read_pending},
    {"cairn_ledger_submitted", "counter", "Transactions that were queued.", read_submitted},
    {"cairn_ledger_accepted", "counter", "Transactions that a block accepted.", read_accepted},
    {"cairn_ledger_refused", "counter", "Transactions that were refused after they were queued.",
     read_refused},
    {"cairn_ledger_busy", "counter", "Transactions that were not queued.", read_busy},
    {"cairn_ledger_receipts", "counter", "Receipts that were handed out.", read_receipts},
    {"cairn_ledger_streams", "gauge", "Open event streams.", read_feeds},
    {"cairn_ledger_streamed", "counter", "Events that were sent on them.", read_events},
};

static void print_head(cairn_text *text, const char *name, const char *type, const char *help)
{
    cairn_text_printf(text, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

static const char *suffix_of(const char *type)
{
    return strcmp(type, "counter") == 0 ? "_total" : "";
}

/* A ledger of which it cannot be told whose it is keeps nobody from the other figures. */
static bool may_see(cairn_node *node, const cairn_principal *caller, const cairn_node_ledger *l)
{
    cairn_node_ledger *ledger = NULL;
    return cairn_principal_has_scope(caller, CAIRN_METRICS_ALL_SCOPE) ||
           cairn_node_find(node, caller, cairn_bytes_str(l->id_text), CAIRN_SIGHT_PROOFS,
                           &ledger) == CAIRN_OK;
}

static void print_ledgers(cairn_text *text, cairn_node *node, const cairn_principal *caller)
{
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        const family *row = &families[f];
        print_head(text, row->name, row->type, row->help);
        for (size_t i = 0; i < cairn_node_ledger_count(node); i++) {
            cairn_node_ledger *ledger = cairn_node_ledger_at(node, i);
            if (!may_see(node, caller, ledger))
                continue;
            cairn_text_printf(text, "%s%s{ledger=\"%s\"} %llu\n", row->name, suffix_of(row->type),
                              ledger->id_text, (unsigned long long)row->read(ledger));
        }
    }
}

/* --- the process --- */

static void print_one(cairn_text *text, const char *name, const char *type, const char *help,
                      uint64_t value)
{
    print_head(text, name, type, help);
    cairn_text_printf(text, "%s%s %llu\n", name, suffix_of(type), (unsigned long long)value);
}

static void print_http(cairn_text *text, const cairn_node *node)
{
    cairn_http_counts c;
    cairn_node_http_counts(node, &c);
    print_one(text, "cairn_http_connections", "gauge", "Open connections.", c.connections);
    print_one(text, "cairn_http_calls", "gauge", "Calls under way.", c.exchanges);
    print_one(text, "cairn_http_accepted", "counter", "Connections.", c.accepted);
    print_one(text, "cairn_http_requests", "counter", "Requests that were understood.", c.requests);
    print_one(text, "cairn_http_refused", "counter", "Requests that broke framing or a limit.",
              c.refused);
    print_one(text, "cairn_http_half_sent", "counter",
              "Requests that did not arrive whole in time.", c.half_sent);
    print_one(text, "cairn_http_overloaded", "counter", "Requests beyond what may be under way.",
              c.overloaded);
    print_one(text, "cairn_tls_handshakes", "counter", "TLS handshakes that succeeded.",
              c.handshakes);
    print_one(text, "cairn_tls_handshakes_failed", "counter", "TLS handshakes that did not.",
              c.handshakes_failed);
}

static void print_store(cairn_text *text, cairn_node *node)
{
    cairn_store_health h;
    cairn_store_health_get(cairn_node_store(node), &h);
    print_one(text, "cairn_store_full", "gauge",
              "1 while transactions are refused because the disk is full.", h.full);
    print_one(text, "cairn_store_filled", "counter", "How often the disk was found full.",
              h.filled);
    print_one(text, "cairn_store_read_only", "gauge",
              "1 after a failure that only a new start mends.", h.read_only);
    print_one(text, "cairn_store_index_lag", "gauge",
              "Blocks of all ledgers that the store's index is behind.", h.index_lag);
}

static void print_keyd(cairn_text *text, cairn_node *node)
{
    cairn_supervisor_health health;
    if (!cairn_node_keyd_health(node, &health))
        return;
    print_one(text, "cairn_keyd_up", "gauge", "1 while the key process answers.", health.up);
    print_one(text, "cairn_keyd_starts", "counter", "Key processes that were started.",
              health.starts);
    print_one(text, "cairn_keyd_ends", "counter",
              "Key processes that ended or could not be started.", health.ends);
}

/* Resident memory in bytes; 0 when the system does not tell. */
static uint64_t resident(void)
{
    char line[128] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (fd >= 0)
        (void)close(fd);
    const char *second = size <= 0 ? NULL : strchr(line, ' ');
    return second == NULL ? 0 : strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void print_process(cairn_text *text, const cairn_node *node)
{
    print_one(text, "cairn_process_resident_bytes", "gauge", "Memory of the node process.",
              resident());
    print_one(text, "cairn_signatures", "counter", "Messages that were given to the signer.",
              cairn_node_signatures(node));
}

/* --- the follower --- */

static void print_cosign(cairn_text *text, const cairn_node *node)
{
    cairn_node_cosign_counts c;
    cairn_node_cosign_get_counts(cairn_node_cosigner(node), &c);
    print_one(text, "cairn_cosign_peers", "gauge", "Members' nodes that are asked to sign.",
              c.peers);
    print_one(text, "cairn_cosign_peers_up", "gauge", "Those that answered in time.", c.peers_up);
    print_one(text, "cairn_cosign_given", "counter", "Signatures over roots for others.", c.given);
    print_one(text, "cairn_cosign_taken", "counter", "Signatures of others.", c.taken);
    print_one(text, "cairn_cosign_forks", "counter",
              "Roots that a member signed and that are not ours.", c.forks);
}

static void print_follow(cairn_text *text, cairn_node *node, const cairn_principal *caller)
{
    cairn_follow *follow = cairn_node_follower(node);
    cairn_follow_status s;
    if (follow == NULL || !may_see(node, caller, cairn_node_ledger_at(node, 0)))
        return;
    cairn_follow_get_status(follow, &s);
    print_one(text, "cairn_follow_current", "gauge",
              "1 while all that the held checkpoint covers is here.",
              s.state == CAIRN_FOLLOW_CURRENT);
    print_one(text, "cairn_follow_closed", "gauge", "1 when nothing is followed any more.",
              s.state == CAIRN_FOLLOW_CLOSED);
    print_one(text, "cairn_follow_head_size", "gauge", "Entries of the held checkpoint.",
              s.head_size);
    print_one(text, "cairn_follow_success_seconds", "gauge",
              "Unix time at which a source last answered well.", s.success_ms / 1000);
    print_one(text, "cairn_follow_growth_seconds", "gauge",
              "Unix time at which a newer checkpoint was last taken.", s.growth_ms / 1000);
    print_one(text, "cairn_follow_errors", "counter", "Answers that were missing, or refused.",
              s.errors);
    print_one(text, "cairn_follow_lies", "counter", "Answers that cannot be true.", s.lies);
    print_one(text, "cairn_follow_rollbacks", "counter",
              "Checkpoints smaller than the same source's last.", s.rollbacks);
}

/* --- the consortium --- */

static void print_engine(cairn_text *text, const cairn_rpc_status *s)
{
    print_one(text, "cairn_engine_height", "gauge", "Height of the engine's last block.",
              s->height);
    print_one(text, "cairn_engine_catching_up", "gauge",
              "1 while the engine fetches blocks and takes no part.", s->catching_up);
    print_one(text, "cairn_engine_peers", "gauge", "Engines that it is connected to.", s->peers);
    print_one(text, "cairn_engine_waiting", "gauge", "Transactions in its pool.", s->waiting);
    print_one(text, "cairn_engine_power", "gauge", "Power of its own vote.", s->power);
}

static void print_application(cairn_text *text, const cairn_application_status *s)
{
    print_one(text, "cairn_consortium_height", "gauge", "Height of the last committed block.",
              s->height);
    print_one(text, "cairn_consortium_time_seconds", "gauge", "Unix time of that block.",
              s->time_ms / 1000);
    print_one(text, "cairn_consortium_pool", "gauge", "Transactions that wait for a block.",
              s->pool_count);
    print_one(text, "cairn_consortium_pool_bytes", "gauge", "Their bytes.", s->pool_size);
    print_one(text, "cairn_consortium_validators", "gauge", "Validators of the block before it.",
              s->vote_count);
    print_one(text, "cairn_consortium_signers", "gauge", "Those of them that signed it.",
              s->signed_count);
    print_one(text, "cairn_consortium_power", "gauge", "Power of all of them.", (uint64_t)s->power);
    print_one(text, "cairn_consortium_signed_power", "gauge", "Power of those that signed.",
              (uint64_t)s->signed_power);
    print_one(text, "cairn_consortium_largest_power", "gauge", "The largest one's.",
              (uint64_t)s->largest_power);
}

static void print_member(cairn_text *text, cairn_node *node, const cairn_principal *caller)
{
    cairn_node_consortium *member = cairn_node_member(node);
    cairn_node_consortium_status s;
    if (member == NULL || !may_see(node, caller, cairn_node_ledger_at(node, 0)))
        return;
    cairn_node_consortium_get_status(member, &s);
    print_one(text, "cairn_engine_up", "gauge", "1 while the engine answers.", s.engine_up);
    print_one(text, "cairn_engine_connections", "gauge", "Its connections; it makes four.",
              s.connections);
    if (s.engine_up)
        print_engine(text, &s.engine);
    print_application(text, &s.application);
}

/* --- jobs --- */

typedef struct consumer_lines {
    cairn_text *text;
    cairn_node *node;
    const cairn_principal *caller;
} consumer_lines;

static cairn_err print_consumer(void *context, const cairn_jobs_consumer *consumer)
{
    const consumer_lines *c = context;
    if (consumer->building || consumer->slot >= cairn_node_ledger_count(c->node))
        return CAIRN_OK; /* new tables are counted, and lag as long as they are built */
    const cairn_node_ledger *ledger = cairn_node_ledger_at(c->node, consumer->slot);
    if (may_see(c->node, c->caller, ledger))
        cairn_text_printf(c->text, "cairn_jobs_lag{job=\"%s\",ledger=\"%s\"} %llu\n",
                          consumer->name, ledger->id_text, (unsigned long long)consumer->lag);
    return CAIRN_OK;
}

static void print_outbox(cairn_text *text, const cairn_jobs_metrics *m)
{
    print_one(text, "cairn_outbox_waiting", "gauge", "Messages that wait.", m->outbox_waiting);
    print_one(text, "cairn_outbox_waiting_bytes", "gauge", "Their bytes.", m->outbox_waiting_bytes);
    print_one(text, "cairn_outbox_dead", "gauge", "Dead letters that are kept.", m->outbox_dead);
    print_one(text, "cairn_outbox_delivered", "counter", "Messages that arrived.",
              m->outbox_delivered);
    print_one(text, "cairn_outbox_failed", "counter", "Attempts that failed.", m->outbox_failed);
    print_one(text, "cairn_callbacks", "gauge", "Subscriptions of all kinds.", m->callbacks);
    print_one(text, "cairn_callbacks_behind", "gauge",
              "Those that are caught up from the log, since too much waits for their sinks.",
              m->callbacks_behind);
    print_one(text, "cairn_outbox_died", "counter", "Messages that became dead letters.",
              m->outbox_died);
}

static void print_jobs(cairn_text *text, cairn_node *node, const cairn_principal *caller)
{
    cairn_jobs *jobs = cairn_node_jobs_of(node);
    cairn_jobs_metrics m;
    consumer_lines lines = {.text = text, .node = node, .caller = caller};
    if (cairn_jobs_metrics_read(jobs, &m) != CAIRN_OK)
        return; /* the log tells why; the other figures stand for themselves */
    print_head(text, "cairn_jobs_lag", "gauge", "Blocks that a consumer of events is behind.");
    (void)!cairn_jobs_each(jobs, print_consumer, &lines);
    print_one(text, "cairn_jobs_parked", "gauge", "Consumers that stopped at an event.", m.parked);
    print_one(text, "cairn_jobs_building", "gauge", "Consumers whose tables are built anew.",
              m.building);
    print_one(text, "cairn_jobs_failed", "gauge", "1 when the jobs' store takes no more writes.",
              m.failed);
    print_one(text, "cairn_jobs_events", "counter", "Events that consumers took.", m.events);
    print_one(text, "cairn_jobs_rebuilds", "counter", "Tables that were built anew.", m.rebuilds);
    print_one(text, "cairn_jobs_in_flight", "gauge", "Handlers and deliveries under way.",
              m.in_flight);
    print_one(text, "cairn_timers", "gauge", "Timers that are set.", m.timers);
    print_one(text, "cairn_timers_fired", "counter", "Handlers of timers that were done.",
              m.timers_fired);
    print_one(text, "cairn_timers_failed", "counter", "Handlers of timers that failed.",
              m.timers_failed);
    print_outbox(text, &m);
}

void cairn_metrics_print(cairn_text *text, cairn_node *node, const cairn_principal *caller)
{
    print_ledgers(text, node, caller);
    print_follow(text, node, caller);
    print_member(text, node, caller);
    print_cosign(text, node);
    print_http(text, node);
    print_store(text, node);
    print_keyd(text, node);
    print_process(text, node);
    print_jobs(text, node, caller);
    print_one(text, "cairn_ready", "gauge", "1 when the node takes transactions.",
              cairn_node_ready(node) == CAIRN_OK);
    cairn_text_printf(text, "# EOF\n");
}

/* --- the route --- */

/* Between the two passes a figure may have grown by a digit. */
enum { GROWTH = 4096 };

static void answer_metrics(cairn_call *call, cairn_node *node)
{
    cairn_text text = {NULL, 0, 0};
    cairn_metrics_print(&text, node, &call->principal);
    size_t room = text.size + GROWTH;
    char *memory = malloc(room);
    if (memory == NULL) {
        cairn_api_refuse(call, CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "metrics"));
        return;
    }
    text = (cairn_text){memory, room, 0};
    cairn_metrics_print(&text, node, &call->principal);
    if (cairn_text_whole(&text))
        cairn_api_answer(call, 200, CAIRN_METRICS_TYPE, NULL, 0,
                         cairn_bytes_of(text.data, text.size));
    else
        cairn_api_refuse(call, CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "metrics: grew meanwhile"));
    free(memory);
}

void cairn_api_metrics(cairn_call *call)
{
    cairn_node *node = cairn_api_node(call);
    cairn_err err = CAIRN_OK;
    if (!cairn_config_bool(cairn_node_config(node), "api.metrics_public") &&
        !cairn_principal_has_scope(&call->principal, CAIRN_METRICS_SCOPE) &&
        !cairn_principal_has_scope(&call->principal, CAIRN_METRICS_ALL_SCOPE))
        err = CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "metrics: are not here");
    if (err == CAIRN_OK)
        err = cairn_api_query(call, NULL, 0);
    if (err == CAIRN_OK)
        answer_metrics(call, node);
    else
        cairn_api_refuse(call, err);
}
