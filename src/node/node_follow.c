/* From cairn.yaml to a follower. */
#include "node/node_follow.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/store/file.h"

static const cairn_log_event rows[] = {
    {"follow.ended", CAIRN_LOG_ERROR, 1, 1,
     "Nothing is followed any more: what is here is still served, and grows old."},
};
const cairn_log_table cairn_node_follow_log_events = {rows, sizeof rows / sizeof rows[0]};

enum {
    ARENA_SIZE_MAX = 16 << 20,
    PEM_SIZE_MAX = 1 << 16,
};

struct cairn_node_follow {
    const cairn_config *config;
    cairn_arena arena; /* of what was read */
    cairn_log *log;
    cairn_trust trust;
    bool has_trust;
    cairn_hash ledger;
    bool has_ledger;
    cairn_tls_identity identity;
    size_t source_count;
    cairn_source_node nodes[CAIRN_FOLLOW_SOURCES_MAX];
    cairn_source sources[CAIRN_FOLLOW_SOURCES_MAX];
    char directory[CAIRN_PATH_SIZE_MAX]; /* of the follower's files */
    _Atomic bool stopping;
    cairn_follow *follow;
    bool running;
    pthread_t thread;
};

bool cairn_node_follows(const cairn_config *config)
{
    return cairn_config_text(config, "follow.sources")[0] != '\0' &&
           cairn_config_text(config, "consortium.rpc")[0] == '\0'; /* who has become a member */
}

/* --- reading --- */

static const char *text_of(const cairn_node_follow *f, const char *key)
{
    return cairn_config_text(f->config, key);
}

static cairn_err read_trust(cairn_node_follow *f)
{
    cairn_bytes file;
    if (text_of(f, "follow.trust")[0] == '\0')
        return CAIRN_OK;
    CAIRN_TRY(cairn_file_read(&f->arena, text_of(f, "follow.trust"), CAIRN_TRUST_SIZE_MAX, &file));
    CAIRN_TRY(cairn_trust_decode(&f->arena, file, &f->trust));
    f->has_trust = true;
    f->ledger = f->trust.ledger;
    f->has_ledger = true;
    return CAIRN_OK;
}

static cairn_err read_ledger(cairn_node_follow *f)
{
    cairn_hash id;
    const char *text = text_of(f, "ledger.id");
    if (text[0] == '\0')
        return f->has_ledger ? CAIRN_OK
                             : CAIRN_FAIL(CAIRN_ERR_CONFIG, "house",
                                          "cairn.yaml: follow.trust or ledger.id must say which "
                                          "ledger is followed");
    if (strlen(text) != 64 || cairn_hex_decode(text, id.b, sizeof id.b) != CAIRN_OK ||
        (f->has_ledger && !cairn_hash_equal(&id, &f->ledger)))
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house",
                          "cairn.yaml: ledger.id is no id, or not that of follow.trust");
    f->ledger = id;
    f->has_ledger = true;
    return CAIRN_OK;
}

static cairn_err read_identity(cairn_node_follow *f)
{
    const char *chain = text_of(f, "follow.certificate");
    const char *key = text_of(f, "follow.certificate_key");
    if ((chain[0] == '\0') != (key[0] == '\0'))
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house",
                          "cairn.yaml: follow.certificate and follow.certificate_key go together");
    if (chain[0] == '\0')
        return CAIRN_OK;
    CAIRN_TRY(cairn_file_read(&f->arena, chain, PEM_SIZE_MAX, &f->identity.chain_pem));
    return cairn_file_read(&f->arena, key, PEM_SIZE_MAX, &f->identity.key_pem);
}

static cairn_err add_source(cairn_node_follow *f, const char *url)
{
    const char *ca = text_of(f, "follow.ca");
    const char *token = text_of(f, "follow.token_file");
    if (f->source_count == CAIRN_FOLLOW_SOURCES_MAX)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "cairn.yaml: follow.sources: at most %d",
                          CAIRN_FOLLOW_SOURCES_MAX);
    cairn_source_node *node = &f->nodes[f->source_count];
    *node = (cairn_source_node){
        .url = url,
        .ledger = f->ledger,
        .ca_file = ca[0] == '\0' ? NULL : ca,
        .token_file = token[0] == '\0' ? NULL : token,
        .identity = f->identity.chain_pem.size == 0 ? NULL : &f->identity,
        .timeout_ms = (uint32_t)cairn_config_u64(f->config, "follow.timeout"),
        .cancelled = &f->stopping,
    };
    f->sources[f->source_count++] = cairn_source_of_node(node);
    return CAIRN_OK;
}

static cairn_err list_sources(cairn_node_follow *f)
{
    cairn_bytes copy;
    char *rest = NULL;
    const char *text = text_of(f, "follow.sources");
    CAIRN_TRY(cairn_arena_copy(&f->arena, cairn_bytes_of(text, strlen(text) + 1), &copy));
    for (char *url = strtok_r((char *)(uintptr_t)copy.data, " ", &rest); url != NULL;
         url = strtok_r(NULL, " ", &rest))
        CAIRN_TRY(add_source(f, url));
    return f->source_count > 0
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "cairn.yaml: follow.sources names none");
}

/* A directory that joined by another's node has no store yet; it comes from the sources. */
static cairn_err make_rooms(cairn_node_follow *f, const char *directory)
{
    char store[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(directory, "store", store));
    CAIRN_TRY(cairn_dir_make(store, 0700));
    CAIRN_TRY(cairn_path_join(directory, "follow", f->directory));
    return cairn_dir_make(f->directory, 0700);
}

static cairn_err read_all(cairn_node_follow *f, const char *directory)
{
    CAIRN_TRY(read_trust(f));
    CAIRN_TRY(read_ledger(f));
    CAIRN_TRY(read_identity(f));
    CAIRN_TRY(list_sources(f));
    return make_rooms(f, directory);
}

cairn_err cairn_node_follow_new(const char *directory, const cairn_config *config,
                                cairn_node_follow **ret_follow)
{
    CAIRN_CLEANUP(cairn_node_follow_free_p) cairn_node_follow *f = calloc(1, sizeof *f);
    if (f == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: follower");
    f->config = config;
    cairn_arena_init(&f->arena, ARENA_SIZE_MAX);
    cairn_err err = read_all(f, directory);
    if (err == CAIRN_ERR_NOT_FOUND) /* a file that cairn.yaml names: no "no" */
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "cairn.yaml: follow: %s", cairn_err_detail());
    CAIRN_TRY(err);
    *ret_follow = CAIRN_STEAL(f);
    return CAIRN_OK;
}

void cairn_node_follow_free(cairn_node_follow *f)
{
    if (f == NULL)
        return;
    CAIRN_ASSERT(!f->running);
    cairn_follow_free(f->follow);
    cairn_trust_done(&f->trust);
    cairn_arena_done(&f->arena);
    free(f);
}

/* --- following --- */

cairn_err cairn_node_follow_open(cairn_node_follow *f, cairn_store *store, cairn_log *log)
{
    const cairn_follow_setup setup = {
        .store = store,
        .directory = f->directory,
        .ledger = f->ledger,
        .sources = f->sources,
        .source_count = f->source_count,
        .trust = f->has_trust ? &f->trust : NULL,
        .clock = cairn_clock_system(),
        .log = log,
        .threads = (unsigned)cairn_config_u64(f->config, "node.verifiers"),
        .interval_ms = (uint32_t)cairn_config_u64(f->config, "follow.interval"),
        .stopping = &f->stopping,
    };
    f->log = log;
    return cairn_follow_new(&setup, &f->follow);
}

cairn_follow *cairn_node_follow_get(const cairn_node_follow *f)
{
    return f->follow;
}

static void *run(void *context)
{
    const cairn_node_follow *f = context;
    cairn_err err = cairn_follow_run(f->follow);
    if (err != CAIRN_OK)
        CAIRN_LOG(f->log, &rows[0], cairn_log_err(err));
    return NULL;
}

cairn_err cairn_node_follow_start(cairn_node_follow *f)
{
    int failed = pthread_create(&f->thread, NULL, run, f);
    if (failed != 0)
        return cairn_err_from_errno(failed, "node: follower's thread");
    f->running = true;
    return CAIRN_OK;
}

void cairn_node_follow_stop(cairn_node_follow *f)
{
    if (f == NULL)
        return;
    atomic_store(&f->stopping, true);
    if (f->running)
        CAIRN_ASSERT(pthread_join(f->thread, NULL) == 0);
    f->running = false;
}
