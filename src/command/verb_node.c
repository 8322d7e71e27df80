/* cairn node: a ledger directory as a service, until it is told to end. */
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "command/facts.h"
#include "command/home.h"
#include "command/verbs.h"
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
    const cairn_log_table tables[] = {cairn_store_events,
                                      cairn_http_log_events,
                                      cairn_route_log_events,
                                      cairn_jobs_log_events,
                                      cairn_supervisor_log_events,
                                      cairn_audit_log_events,
                                      cairn_oauth_log_events,
                                      cairn_issuers_log_events,
                                      cairn_block_log_events,
                                      cairn_node_log_events,
                                      cairn_node_ca_log_events,
                                      cairn_lists_log_events,
