/* A CA for strangers: writes certificates of every kind into a directory, then answers over HTTP
 * until it is told to stop. ca-serve DIRECTORY; the port is in DIRECTORY/port when all is there. */
#include <openssl/pem.h>
#include <signal.h>
#include <time.h>

#include "identity/ca/ca_impl.h"
#include "identity/ca/ca_routes.h"
#include "ledger/services.h"
#include "support/ca_fixture.h"

static cairn_http_server *server;

static void stop(int number)
{
    (void)number;
    cairn_http_server_stop(server);
}

static void must(cairn_err err, const char *what)
{
    if (err == CAIRN_OK)
        return;
    (void)fprintf(stderr, "ca-serve: %s: %s %s\n", what, cairn_err_name(err), cairn_err_detail());
    exit(1);
}

static FILE *create(const char *directory, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    CAIRN_ASSERT(file != NULL);
    return file;
}

static void write_pem(const char *directory, const char *name, cairn_bytes der)
{
    FILE *file = create(directory, name);
    CAIRN_ASSERT(PEM_write(file, "CERTIFICATE", "", der.data, (long)der.size) > 0);
    CAIRN_ASSERT(fclose(file) == 0);
}

static cairn_ca_issued issue(ca_fixture *f, cairn_ca_profile profile, const char *directory,
                             const char *name)
{
    cairn_ca_issued issued;
    must(ca_issue_one(f, profile, &issued), name);
    write_pem(directory, name, issued.certificate);
    return issued;
}

/* What the CA itself would never sign: a name outside its constraints. */
static void break_constraints(ca_fixture *f, const char *directory)
{
    static const cairn_ca_name name = {CAIRN_CA_NAME_DNS,
                                       {(const uint8_t *)"node.example.org", 16}};
    cairn_key *key = NULL;
    cairn_kv_txn *txn = NULL;
    cairn_ca_issued issued;
    must(cairn_key_generate(CAIRN_KEY_P256, &key), "key");
    const ca_order order = {.row = cairn_ca_profile_of(CAIRN_CA_TLS_SERVER),
                            .by = &f->ca->generations[0].issuing,
                            .key = key,
                            .common_name = cairn_bytes_str("x"),
                            .names = &name,
                            .name_count = 1,
                            .validity_s = 86400};
    must(cairn_kv_begin(f->ca->kv, true, &txn), "begin");
    must(cairn_ca_make(f->ca, txn, &order, &f->arena, &issued), "make");
    must(cairn_kv_commit(txn), "commit");
    write_pem(directory, "broken.pem", issued.certificate);
    cairn_key_free(key);
}

/* A CA below the issuing one, and a server below that: one step more than the path length. */
static void write_long_chain(ca_fixture *f, const char *directory)
{
    cairn_ca_profile_row row = *cairn_ca_profile_of(CAIRN_CA_ISSUING);
    ca_party below = {.key_name = "issue-below", .not_after_s = UINT64_MAX};
    cairn_kv_txn *txn = NULL;
    cairn_ca_issued issued;
    cairn_key *key = NULL;
    row.constrained = false;
    must(cairn_signer_generate(f->signer, below.key_name, CAIRN_KEY_P256, &below.key), "key");
    must(cairn_key_generate(CAIRN_KEY_P256, &key), "key");
    const ca_order orders[] = {
        {.row = &row,
         .by = &f->ca->generations[0].issuing,
         .key = below.key,
         .common_name = cairn_bytes_str("Below"),
         .validity_s = 86400},
        {.row = cairn_ca_profile_of(CAIRN_CA_TLS_SERVER),
         .by = &below,
         .key = key,
         .common_name = cairn_bytes_str("x"),
         .names = ca_fixture_dns,
         .name_count = 1,
         .validity_s = 86400},
    };
    const cairn_ca_subject subject = {.organisation = cairn_bytes_str("Example Motors"),
                                      .common_name = cairn_bytes_str("Below")};
    must(cairn_ca_subject_encode(&subject, &f->arena, &below.name), "name");
    must(cairn_kv_begin(f->ca->kv, true, &txn), "begin");
    must(cairn_ca_make(f->ca, txn, &orders[0], &f->arena, &issued), "make");
    write_pem(directory, "below.pem", issued.certificate);
    must(cairn_ca_make(f->ca, txn, &orders[1], &f->arena, &issued), "make");
    write_pem(directory, "long.pem", issued.certificate);
    cairn_kv_abort(txn);
    cairn_key_free(below.key);
    cairn_key_free(key);
}

static void write_all(ca_fixture *f, const char *directory)
{
    cairn_bytes issuing = {0};
    cairn_bytes root = {0};
    cairn_ca_grant brief = ca_grant_of(CAIRN_CA_TLS_SERVER);
    cairn_ca_issued issued;
    cairn_ca_chain(f->ca, &issuing, &root);
    write_pem(directory, "issuing.pem", issuing);
    write_pem(directory, "root.pem", root);
    brief.validity_s = 3600; /* the CA was opened two hours ago */
    cairn_bytes csr = ca_csr(&f->arena, &(ca_csr_wish){.type = "P-256"});
    must(cairn_ca_issue(f->ca, CAIRN_CA_TLS_SERVER, csr, &brief, &f->arena, &issued), "expired");
    write_pem(directory, "expired.pem", issued.certificate);
    f->manual.wall_ms = (uint64_t)time(NULL) * 1000;
    (void)issue(f, CAIRN_CA_TLS_SERVER, directory, "server.pem");
    (void)issue(f, CAIRN_CA_TLS_CLIENT, directory, "client.pem");
    (void)issue(f, CAIRN_CA_DEVICE_BOOTSTRAP, directory, "bootstrap.pem");
    (void)issue(f, CAIRN_CA_DEVICE_NETWORK, directory, "network.pem");
    (void)issue(f, CAIRN_CA_DEVICE_SERVICE, directory, "service.pem");
    issued = issue(f, CAIRN_CA_TLS_SERVER, directory, "revoked.pem");
    must(cairn_ca_revoke(f->ca, issued.serial, CAIRN_CA_KEY_COMPROMISE), "revoke");
    break_constraints(f, directory);
    write_long_chain(f, directory);
}

/* After another root, with all that the holder sends. */
static void write_rolled(ca_fixture *f, const char *directory)
{
    cairn_bytes issuing = {0};
    cairn_bytes root = {0};
    cairn_key *key = NULL;
    cairn_ca_chain(f->ca, &issuing, &root);
    write_pem(directory, "rolled-old-root.pem", root);
    must(cairn_signer_generate(f->signer, "issue-root-2", CAIRN_KEY_P256, &key), "root's key");
    cairn_key_free(key);
    must(cairn_ca_rollover_root(f->ca, "issue-root-2"), "another root");
    cairn_ca_issued issued = issue(f, CAIRN_CA_TLS_SERVER, directory, "rolled.pem");
    for (int i = 0; i < 3; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "rolled-%d.pem", i);
        write_pem(directory, name, issued.issuers[i]);
    }
    cairn_ca_chain(f->ca, &issuing, &root);
    write_pem(directory, "rolled-new-root.pem", root);
}

/* Another organisation's, with names of its own choice. */
static void write_foreign(const char *directory)
{
    ca_fixture other;
    ca_fixture_init(&other, (uint64_t)time(NULL));
    other.options.organisation_name = "Other Motors";
    must(ca_fixture_open(&other), "foreign CA");
    cairn_bytes issuing = {0};
    cairn_bytes root = {0};
    cairn_ca_chain(other.ca, &issuing, &root);
    write_pem(directory, "foreign-issuing.pem", issuing);
    (void)issue(&other, CAIRN_CA_TLS_SERVER, directory, "foreign.pem");
    write_rolled(&other, directory);
    ca_fixture_done(&other);
}

static cairn_err find_ca(void *node, cairn_bytes id, cairn_ca **ret_ca)
{
    if (!cairn_bytes_equal(id, cairn_bytes_str("abab")))
        return CAIRN_ERR_NOT_FOUND;
    *ret_ca = node;
    return CAIRN_OK;
}

static void serve(ca_fixture *f, const char *directory, uint16_t port, cairn_services *services)
{
    const struct sigaction action = {.sa_handler = stop};
    services->clock = f->clock;
    services->node = f->ca;
    services->find_ca = find_ca;
    CAIRN_ASSERT(sigaction(SIGTERM, &action, NULL) == 0);
    FILE *file = create(directory, "port.new");
    CAIRN_ASSERT(fprintf(file, "%u\n", port) > 0 && fclose(file) == 0);
    char from[512];
    char to[512];
    (void)snprintf(from, sizeof from, "%s/port.new", directory);
    (void)snprintf(to, sizeof to, "%s/port", directory);
    CAIRN_ASSERT(rename(from, to) == 0);
    must(cairn_http_server_run(server), "run");
}

int main(int argc, char **argv)
{
    ca_fixture f;
    uint16_t port = 0;
    char url[64];
    cairn_services services = {0};
    cairn_router *router = NULL;
    const cairn_route_table table = {cairn_ca_routes, CAIRN_CA_ROUTE_COUNT};
    const cairn_router_options routes = {.tables = &table, .table_count = 1, .services = &services};
    const cairn_http_server_options options = cairn_http_server_defaults();
    if (argc != 2) {
        (void)fputs("usage: ca-serve DIRECTORY\n", stderr);
        return 2;
    }
    ca_fixture_init(&f, (uint64_t)time(NULL) - 7200);
    CAIRN_ASSERT(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    must(cairn_router_new(&routes, &router), "router");
    must(cairn_http_server_new(&f.clock, NULL, &options, cairn_router_handle, router, &server),
         "server");
    must(cairn_http_server_listen(server, "127.0.0.1", 0, &port), "listen");
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/ca/abab", port);
    f.options.base_url = url;
    must(ca_fixture_open(&f), "CA");
    write_all(&f, argv[1]);
    write_foreign(argv[1]);
    serve(&f, argv[1], port, &services);
    cairn_http_server_free(server);
    cairn_router_free(router);
    ca_fixture_done(&f);
    return 0;
}
