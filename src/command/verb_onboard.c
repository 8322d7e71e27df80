/* cairn onboard serve: the servers of FIDO Device Onboard on a ledger directory. */
#include <signal.h>
#include <unistd.h>

#include "command/facts.h"
#include "command/files.h"
#include "command/listen.h"
#include "command/onboard_plan.h"
#include "command/onboard_room.h"
#include "command/verbs.h"
#include "onboard/server/announce.h"
#include "onboard/server/http.h"
#include "onboard/server/log.h"

enum {
    SESSIONS_MAX = 16384,
    SESSION_LIFETIME_MS = 120000,
    WAIT_MAX_S = 7 * 86400,
    ANNOUNCE_S = 86400,
    GRACE_S = 86400,
};

typedef struct serving {
    cairn_onboard_room room;
    cairn_clock clock;
    cairn_log *log;
    cairn_tls_server *tls; /* NULL: HTTP */
    cairn_http_server *server;
    bool makes, meets, owns; /* the roles that are played */
    char url[CAIRN_LISTEN_URL_SIZE];
    cairn_fdo_rv_info rv_info;
    cairn_fdo_address address; /* of the owner */
    cairn_onboard_plan plan;
    size_t buyer_count; /* 0: devices are signed over to the directory's own keys */
    cairn_fdo_party buyers[2];
    cairn_births *births;
    cairn_fdo_announcer *announcer;
    cairn_fdo_manufacturer manufacturer;
    cairn_fdo_rendezvous rendezvous;
    cairn_fdo_owner owner;
    cairn_fdo_service *service;
} serving;

/* --- roles --- */

static cairn_err take_role(serving *s, cairn_bytes name)
{
    const struct {
        const char *name;
        bool *played;
    } roles[] = {{"manufacturer", &s->makes}, {"rendezvous", &s->meets}, {"owner", &s->owns}};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (cairn_bytes_equal(name, cairn_bytes_str(roles[i].name))) {
            *roles[i].played = true;
            return CAIRN_OK;
        }
    return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--roles: manufacturer, rendezvous, owner");
}

static cairn_err take_roles(serving *s, const char *list)
{
    while (list != NULL) {
        const char *comma = strchr(list, ',');
        size_t size = comma == NULL ? strlen(list) : (size_t)(comma - list);
        CAIRN_TRY(take_role(s, cairn_bytes_of(list, size)));
        list = comma == NULL ? NULL : comma + 1;
    }
    return CAIRN_OK;
}

/* --- what the roles ask --- */

static uint64_t audit(void *context, const cairn_fdo_event *event)
{
    const serving *s = context;
    return cairn_fdo_log_event(s->log, &s->clock, event);
}

static void made(void *context, const cairn_fdo_guid *guid)
{
    const serving *s = context;
    if (s->announcer != NULL)
        cairn_fdo_announcer_add(s->announcer, guid);
}

static void issue(void *context, const cairn_fdo_birth *birth, cairn_fdo_issued_fn done,
                  void *done_context)
{
    const serving *s = context;
    cairn_births_issue(s->births, birth, done, done_context);
}

/* --- opening --- */

static cairn_err open_urls(serving *s, const cairn_arguments *arguments)
{
    cairn_arena *arena = &s->room.command->arena;
    const char *rendezvous = cairn_option_value(arguments, "rendezvous");
    const char *owner = cairn_option_value(arguments, "owner");
    cairn_fdo_address unused_address;
    cairn_fdo_directive unused_directive;
    s->rv_info.count = 1;
    CAIRN_TRY(cairn_onboard_url(arena, rendezvous == NULL ? s->url : rendezvous,
                                &s->rv_info.directives[0], &unused_address));
    return cairn_onboard_url(arena, owner == NULL ? s->url : owner, &unused_directive, &s->address);
}

/* Keys of who buys the devices; one that is ours is known by its name. */
static cairn_err open_buyers(serving *s, const cairn_arguments *arguments)
{
    enum { PEM_SIZE_MAX = 1 << 12 };
    const char *const *paths = NULL;
    size_t count = cairn_option_values(arguments, "buyer", &paths);
    if (count > 2)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--buyer: one key of P-256, one of P-384");
    for (size_t i = 0; i < count; i++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        cairn_bytes pem = {0};
        CAIRN_TRY(cairn_input_read(&s->room.command->arena, paths[i], PEM_SIZE_MAX, &pem));
        CAIRN_TRY(cairn_input_err(paths[i], cairn_key_from_pem(pem, &key)));
        if (cairn_key_get_type(key) == CAIRN_KEY_ED25519)
            return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--buyer: a key of P-256 or P-384");
        CAIRN_TRY(cairn_fdo_key_of(key, CAIRN_FDO_KEY_X509, &s->buyers[i].key));
        s->buyers[i].name = cairn_onboard_key_name(&s->room, s->buyers[i].key);
        s->buyer_count++;
    }
    return CAIRN_OK;
}

static cairn_err open_service(serving *s)
{
    const cairn_onboard_room *room = &s->room;
    s->manufacturer = (cairn_fdo_manufacturer){
        .keys = room->makers,
        .key_count = room->maker_count,
        .rv_info = &s->rv_info,
        .buyers = s->buyer_count > 0 ? s->buyers : room->owners,
        .buyer_count = s->buyer_count > 0 ? s->buyer_count : room->owner_count,
        .issue = issue,
        .made = made,
        .context = s};
    s->rendezvous = (cairn_fdo_rendezvous){.wait_max_s = WAIT_MAX_S};
    s->owner =
        (cairn_fdo_owner){.grace_s = GRACE_S, .plan = cairn_onboard_plan_run, .context = &s->plan};
    const cairn_fdo_service_options options = {.clock = s->clock,
                                               .signer = room->signer,
                                               .store = cairn_fdo_store_kv_ops(room->store),
                                               .session_count_max = SESSIONS_MAX,
                                               .session_lifetime_ms = SESSION_LIFETIME_MS,
                                               .manufacturer = s->makes ? &s->manufacturer : NULL,
                                               .rendezvous = s->meets ? &s->rendezvous : NULL,
                                               .owner = s->owns ? &s->owner : NULL,
                                               .audit = audit,
                                               .audit_context = s};
    return cairn_fdo_service_new(&options, &s->service);
}

static cairn_err open_workers(serving *s, const cairn_arguments *arguments)
{
    const char *roots = cairn_option_value(arguments, "tls-ca");
    const cairn_fdo_announce_options options = {.clock = s->clock,
                                                .store = cairn_fdo_store_kv_ops(s->room.store),
                                                .signer = s->room.signer,
                                                .addresses = &s->address,
                                                .address_count = 1,
                                                .wait_s = ANNOUNCE_S,
                                                .post = cairn_fdo_post_http,
                                                .post_context = (void *)(uintptr_t)roots};
    if (s->room.keeper != NULL) {
        CAIRN_TRY(cairn_births_start(cairn_ca_keeper_ca(s->room.keeper), &s->births));
        cairn_onboard_plan_enrol(&s->plan, cairn_ca_keeper_ca(s->room.keeper), s->births);
    }
    return s->owns ? cairn_fdo_announcer_start(&options, &s->announcer) : CAIRN_OK;
}

/* The service is there before the first request: the server runs later. */
static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    const serving *s = context;
    cairn_fdo_http_handle(s->service, exchange, request);
}

/* The key's text is wiped: the command's arena lives on. */
static cairn_err open_tls(serving *s, const cairn_arguments *arguments)
{
    enum { PEM_SIZE_MAX = 1 << 16 };
    cairn_arena *arena = &s->room.command->arena;
    const char *chain = cairn_option_value(arguments, "tls-chain");
    const char *key = cairn_option_value(arguments, "tls-key");
    cairn_tls_server_options options = {.clients = CAIRN_TLS_CLIENTS_NONE};
    if ((chain == NULL) != (key == NULL))
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--tls-chain and --tls-key go together");
    if (chain == NULL)
        return CAIRN_OK;
    CAIRN_TRY(cairn_input_read(arena, chain, PEM_SIZE_MAX, &options.identity.chain_pem));
    CAIRN_TRY(cairn_input_read(arena, key, PEM_SIZE_MAX, &options.identity.key_pem));
    cairn_err err = cairn_tls_server_new(&options, &s->tls);
    cairn_wipe((void *)(uintptr_t)options.identity.key_pem.data, options.identity.key_pem.size);
    return err;
}

static cairn_err open_server(serving *s, const cairn_arguments *arguments)
{
    static const cairn_log_table *const sources[] = {&cairn_http_log_events, &cairn_fdo_log_events};
    const cairn_log_table tables[] = {*sources[0], *sources[1]};
    const cairn_http_server_options options = cairn_fdo_http_options();
    const char *listen = cairn_option_value(arguments, "listen");
    const char *address = NULL;
    uint16_t port = 0;
    CAIRN_TRY(cairn_listen_split(&s->room.command->arena,
                                 listen == NULL ? "127.0.0.1:8041" : listen, &address, &port));
    CAIRN_TRY(open_tls(s, arguments));
    CAIRN_TRY(cairn_log_new(&s->clock, STDERR_FILENO, CAIRN_LOG_INFO, tables, 2, &s->log));
    CAIRN_TRY(cairn_http_server_new(&s->clock, s->log, &options, handle, s, &s->server));
    CAIRN_TRY(s->tls == NULL
                  ? cairn_http_server_listen(s->server, address, port, &port)
                  : cairn_http_server_listen_tls(s->server, s->tls, address, port, &port));
    cairn_listen_url(s->tls != NULL, address, port, s->url);
    return CAIRN_OK;
}

static cairn_err tell(const serving *s)
{
    json_t *facts = cairn_facts_new();
    cairn_facts_text(facts, "url", s->url);
    return cairn_facts_print(s->room.command, facts);
}

static cairn_err serve(serving *s, const cairn_arguments *arguments)
{
    CAIRN_TRY(open_server(s, arguments));
    CAIRN_TRY(open_urls(s, arguments));
    CAIRN_TRY(open_buyers(s, arguments));
    CAIRN_TRY(open_service(s));
    CAIRN_TRY(open_workers(s, arguments));
    CAIRN_TRY(tell(s));
    return cairn_listen_run(s->server);
}

/* Who asks goes before who answers. */
static void close_serving(serving *s)
{
    cairn_http_server_free(s->server);
    cairn_tls_server_free(s->tls);
    cairn_fdo_announcer_stop(s->announcer);
    cairn_births_stop(s->births);
    cairn_fdo_service_free(s->service);
    for (size_t i = 0; i < s->buyer_count; i++)
        cairn_fdo_key_free(s->buyers[i].key);
    cairn_onboard_room_close(&s->room);
    cairn_log_free(s->log);
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    const char *roles = cairn_option_value(arguments, "roles");
    serving s = {.clock = cairn_clock_system(), .room = {.command = command}};
    CAIRN_TRY(take_roles(&s, roles == NULL ? "manufacturer,rendezvous,owner" : roles));
    (void)signal(SIGPIPE, SIG_IGN);
    CAIRN_TRY(cairn_onboard_plan_read(command, arguments, &s.plan));
    CAIRN_TRY(cairn_onboard_room_open(command, s.makes || s.plan.enrols, &s.room));
    cairn_err err = serve(&s, arguments);
    close_serving(&s);
    return err;
}

static const cairn_option options[] = {
    {"roles", "LIST", false, false,
     "manufacturer, rendezvous, owner: which are played; all if not given"},
    {"listen", "ADDRESS:PORT", false, false, "where to serve; 127.0.0.1:8041 if not given"},
    {"rendezvous", "URL", false, false,
     "where devices made here look for their owner; this server if not given"},
    {"owner", "URL", false, false, "where devices find their owner; this server if not given"},
    {"buyer", "FILE", false, true, "public key (PEM) that gets the devices; our own if not given"},
    {"tls-chain", "FILE", false, false, "certificates with which to serve over TLS, in PEM"},
    {"tls-key", "FILE", false, false, "the key of the first of them, in PEM"},
    {"tls-ca", "FILE", false, false,
     "roots of rendezvous services over TLS; the system's if not given"},
    {"csr", NULL, false, false, "certify keys of devices that ask for it (fdo.csr)"},
    {"download", "NAME=FILE", false, true, "a file for each device (fdo.download)"},
    {"wget", "NAME=URL", false, true, "a file that each device fetches (fdo.wget)"},
    {"upload", "NAME", false, true, "a file from each device, into DIR/onboard/uploads"},
};

const cairn_verb cairn_verb_onboard_serve = {
    .name = "onboard serve",
    .words = "",
    .summary = "make, meet and onboard devices by FIDO Device Onboard 1.1",
    .help =
        "Serves FIDO Device Onboard over HTTP or HTTPS until it is interrupted. As manufacturer it "
        "certifies devices by the "
        "directory's certificate authority and signs their vouchers over to the owner's key; "
        "as owner it leaves word "
        "at the rendezvous service that a voucher names, and onboards the devices that come. "
        "DIR/onboard holds "
        "vouchers and rendezvous entries, sealed under a key of its vault.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
