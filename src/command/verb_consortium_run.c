/* cairn consortium run: nodes and their engines, as units. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "command/consortium_room.h"
#include "command/facts.h"
#include "command/home.h"
#include "command/verbs.h"
#include "core/log.h"
#include "node/node_consortium.h"
#include "node/process/company.h"

enum {
    MEMBERS_MAX = CAIRN_COMPANY_MAX / 2,
    ARGUMENTS_MAX = 16,
    PEERS_SIZE_MAX = 16 << 10,
};

static const char default_engine[] = "cometbft-0.38.25/cometbft";

/* One member: its node, and the engine that leans on it. */
typedef struct member {
    char directory[CAIRN_PATH_SIZE_MAX];
    const char *node_argv[ARGUMENTS_MAX];
    const char *engine_argv[ARGUMENTS_MAX];
} member;

typedef struct unit {
    cairn_command *command;
    bool many; /* each has a log of its own */
    char self[PATH_MAX];
    size_t count;
    member *members; /* in the arena */
    cairn_company_program programs[CAIRN_COMPANY_MAX];
} unit;

/* --- texts that live as long as the command --- */

static cairn_err keep(cairn_arena *arena, const char **ret_text, const char *form, ...)
    __attribute__((format(printf, 3, 4)));

static cairn_err keep(cairn_arena *arena, const char **ret_text, const char *form, ...)
{
    va_list words;
    void *memory = NULL;
    va_start(words, form);
    int size = vsnprintf(NULL, 0, form, words);
    va_end(words);
    CAIRN_TRY(cairn_arena_alloc(arena, (size_t)size + 1, &memory));
    va_start(words, form);
    (void)vsnprintf(memory, (size_t)size + 1, form, words);
    va_end(words);
    *ret_text = memory;
    return CAIRN_OK;
}

/* --- the engine --- */

/* As cairn.yaml says; or what tools/install-cometbft has built; or whatever PATH has. */
static cairn_err find_engine(cairn_arena *arena, const cairn_config *config, const char **ret_path)
{
    const char *named = cairn_config_text(config, "consortium.engine");
    const char *engines = getenv("CAIRN_ENGINES");
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (named[0] != '\0')
        return keep(arena, ret_path, "%s", named);
    if (engines != NULL)
        CAIRN_TRY(keep(arena, ret_path, "%s/%s", engines, default_engine));
    else if (cache != NULL)
        CAIRN_TRY(keep(arena, ret_path, "%s/cairn/engines/%s", cache, default_engine));
    else
        CAIRN_TRY(keep(arena, ret_path, "%s/.cache/cairn/engines/%s", home == NULL ? "" : home,
                       default_engine));
    if (access(*ret_path, X_OK) != 0)
        *ret_path = "cometbft";
    return CAIRN_OK;
}

/* Lines become a list that commas divide. */
static cairn_err read_peers(cairn_arena *arena, const char *directory, const char **ret_peers)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes lines;
    CAIRN_TRY(cairn_path_join(directory, "consortium/peers", path));
    cairn_err err = cairn_file_read(arena, path, PEERS_SIZE_MAX, &lines);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "%s has no chain yet: cairn consortium begin",
                          directory);
    CAIRN_TRY(err);
    while (lines.size > 0 && lines.data[lines.size - 1] == '\n')
        lines.size--;
    CAIRN_TRY(keep(arena, ret_peers, "%.*s", (int)lines.size, (const char *)lines.data));
    for (char *at = (char *)(uintptr_t)*ret_peers; *at != '\0'; at++)
        if (*at == '\n')
            *at = ',';
    return CAIRN_OK;
}

/* "http://host:port" is what the node calls; the engine listens there. */
static cairn_err list_engine(cairn_arena *arena, const cairn_config *config, member *m)
{
    static const char http[] = "http://";
    const char *rpc = cairn_config_text(config, "consortium.rpc");
    const char **argv = m->engine_argv;
    size_t n = 0;
    if (strncmp(rpc, http, sizeof http - 1) != 0)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house",
                          "cairn.yaml: consortium.rpc: an engine that is run here listens on http");
    CAIRN_TRY(find_engine(arena, config, &argv[n++]));
    argv[n++] = "start";
    argv[n++] = "--home";
    CAIRN_TRY(keep(arena, &argv[n++], "%s/engine", m->directory));
    argv[n++] = "--proxy_app";
    CAIRN_TRY(keep(arena, &argv[n++], "unix://%s/consortium/abci.sock", m->directory));
    argv[n++] = "--rpc.laddr";
    CAIRN_TRY(keep(arena, &argv[n++], "tcp://%s", rpc + sizeof http - 1));
    argv[n++] = "--p2p.laddr";
    CAIRN_TRY(keep(arena, &argv[n++], "tcp://%s", cairn_config_text(config, "consortium.listen")));
    argv[n++] = "--p2p.persistent_peers";
    CAIRN_TRY(read_peers(arena, m->directory, &argv[n++]));
    argv[n] = NULL;
    return CAIRN_OK;
}

/* A key that the ledger knows by now takes the old one's place when the engine is down; so it is
 * ended. */
static bool key_is_due(void *context, bool starting)
{
    const member *m = context;
    if (!cairn_engine_is_due(m->directory))
        return false;
    if (starting && cairn_engine_take_due(m->directory) != CAIRN_OK)
        return false; /* tried again at the next look */
    return true;
}

/* --- members --- */

static cairn_err add_programs(unit *u, member *m)
{
    cairn_arena *arena = &u->command->arena;
    const size_t at = 2 * u->count;
    cairn_company_program *node = &u->programs[at];
    cairn_company_program *engine = &u->programs[at + 1];
    *node = (cairn_company_program){.argv = m->node_argv, .leans_on = -1};
    *engine = (cairn_company_program){
        .argv = m->engine_argv, .leans_on = (int)at, .is_stale = key_is_due, .context = m};
    CAIRN_TRY(keep(arena, &node->name, "%s node", m->directory));
    CAIRN_TRY(keep(arena, &engine->name, "%s engine", m->directory));
    CAIRN_TRY(keep(arena, &engine->file, "%s/consortium/abci.sock", m->directory));
    if (!u->many)
        return CAIRN_OK;
    CAIRN_TRY(keep(arena, &node->log_path, "%s/node.log", m->directory));
    return keep(arena, &engine->log_path, "%s/engine.log", m->directory);
}

static cairn_err add_member(unit *u, const char *directory)
{
    CAIRN_CLEANUP(cairn_config_free_p) cairn_config *config = NULL;
    member *m = &u->members[u->count];
    if (u->count == MEMBERS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "at most %d members here", MEMBERS_MAX);
    if (realpath(directory, m->directory) == NULL)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "%s: is not there", directory);
    CAIRN_TRY(cairn_home_config(m->directory, &config));
    if (!cairn_node_is_member(config))
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "%s is no member's directory: cairn consortium prepare", directory);
    m->node_argv[0] = u->self;
    m->node_argv[1] = "node";
    m->node_argv[2] = m->directory;
    CAIRN_TRY(list_engine(&u->command->arena, config, m));
    CAIRN_TRY(add_programs(u, m));
    u->count++;
    return CAIRN_OK;
}

/* DIR is one member, or holds member-1 and so on. */
static cairn_err add_members(unit *u, const char *directory)
{
    char path[CAIRN_PATH_SIZE_MAX];
    char name[32];
    CAIRN_TRY(cairn_path_join(directory, "cairn.yaml", path));
    if (access(path, F_OK) == 0)
        return add_member(u, directory);
    u->many = true;
    for (size_t i = 1;; i++) {
        (void)snprintf(name, sizeof name, "member-%zu", i);
        CAIRN_TRY(cairn_path_join(directory, name, path));
        if (access(path, F_OK) != 0)
            break;
        CAIRN_TRY(add_member(u, path));
    }
    return u->count > 0 ? CAIRN_OK
                        : CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                                     "%s holds no member: cairn consortium new", directory);
}

/* --- running --- */

static void hold_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGCHLD);
    CAIRN_ASSERT(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
}

static cairn_err announce(const unit *u)
{
    json_t *facts = cairn_facts_new();
    json_t *list = cairn_facts_list(facts, "member");
    for (size_t i = 0; i < u->count; i++) {
        json_t *item = cairn_facts_item(list);
        cairn_facts_text(item, "directory", u->members[i].directory);
        cairn_facts_text(item, "engine", u->members[i].engine_argv[0]);
    }
    return cairn_facts_print(u->command, facts);
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    unit u = {.command = command};
    void *members = NULL;
    cairn_log *log = NULL;
    const cairn_clock clock = cairn_clock_system();
    const char *directory = arguments->word_count == 1 ? arguments->words[0] : command->directory;
    ssize_t size = readlink("/proc/self/exe", u.self, sizeof u.self - 1);
    if (size <= 0)
        return CAIRN_FAIL(CAIRN_ERR_IO, "house", "/proc/self/exe cannot be read");
    CAIRN_TRY(cairn_arena_array(&command->arena, MEMBERS_MAX, sizeof(member), &members));
    u.members = members;
    CAIRN_TRY(add_members(&u, directory));
    (void)setenv("GOGC", "400", 0); /* the engines collect less often: a tenth of their time */
    hold_signals();
    CAIRN_TRY(announce(&u));
    CAIRN_TRY(
        cairn_log_new(&clock, STDERR_FILENO, CAIRN_LOG_INFO, &cairn_company_log_events, 1, &log));
    cairn_err err = cairn_company_run(u.programs, 2 * u.count, log);
    cairn_log_free(log);
    return err;
}

const cairn_verb cairn_verb_consortium_run = {
    .name = "consortium run",
    .words = "[DIR]",
    .words_min = 0,
    .words_max = 1,
    .summary = "run a member's node and engine as one unit, or all members of a directory",
    .help = "Serves as cairn node does, and runs the consensus engine beside it: either is started "
            "again when it ends, and the engine with the node. Ends on SIGTERM or SIGINT, the node "
            "first, which answers what it has taken. Of a directory that consortium new --members "
            "made all members are run, each with node.log and engine.log in its own.",
    .run = run,
};
