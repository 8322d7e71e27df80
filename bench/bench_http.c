/* The server beside nginx and libmicrohttpd, serving the same bytes over the same loopback to the
 * same generator: small reads on kept connections, plain and over mutual TLS 1.3; full mutual
 * handshakes, ours with the key in its process and with the key at keyd, as a node has it; and what
 * 10,000 idle connections cost. One server thread; one generator thread, for handshakes several, so
 * that the server always has some under way. CPU time is the server's process, and keyd's. Rounds
 * of the servers are interleaved. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_MICROHTTPD
#include <microhttpd.h>
#endif

#include "core/net/http_server.h"
#include "node/process/process.h"
#include "node/process/supervisor.h"

enum {
    ROUNDS = 5,
    CONNECTIONS = 32,
    READS = 20000,    /* of one round */
    HANDSHAKES = 800, /* of one round */
    SHAKERS = 8,      /* threads that make them */
    IDLE = 10000,
    BODY_SIZE = 200,
    SERVERS = 4,
    PEM_MAX = 4096
};

typedef enum protocol { PLAIN, TLS } protocol;

/* A server in a process of its own, so that its CPU time and memory are its own. */
typedef struct server {
    const char *name;
    int (*serve)(void); /* in the child: tells where it is, serves until killed */
    pid_t pid;
    struct place {
        uint16_t ports[2];
        pid_t keyd; /* 0: the key is in the server */
    } at;
    bool here;
} server;

static char body[BODY_SIZE + 1], chain_pem[PEM_MAX], key_pem[PEM_MAX], directory[64];
static EVP_PKEY *key;
static X509 *certificate;
static SSL_CTX *client_ctx;
static const char *current = ""; /* the server that is measured */
static int ready[2];             /* a pipe: where the child is */

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "bench_http: %s: %s: %s: %s\n", current, what, strerror(errno),
                  cairn_err_detail());
    exit(1);
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- certificates --- */

static void write_pem(X509 *x, EVP_PKEY *k, char text[PEM_MAX], const char *name)
{
    char path[128];
    BIO *bio = BIO_new(BIO_s_mem());
    if (x != NULL)
        must(PEM_write_bio_X509(bio, x) == 1, "certificate");
    else
        must(PEM_write_bio_PKCS8PrivateKey(bio, k, NULL, NULL, 0, NULL, NULL) == 1, "key");
    int size = BIO_read(bio, text, PEM_MAX - 1);
    must(size > 0, "PEM");
    text[size] = '\0';
    BIO_free(bio);
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    must(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0, path);
}

/* One self-signed P-256 certificate serves both ends. */
static void make_certificate(void)
{
    key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    certificate = X509_new();
    must(key != NULL && certificate != NULL, "key");
    must(X509_set_version(certificate, X509_VERSION_3) == 1, "certificate");
    must(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1, "certificate");
    must(X509_gmtime_adj(X509_getm_notBefore(certificate), -60) != NULL, "certificate");
    must(X509_gmtime_adj(X509_getm_notAfter(certificate), 86400) != NULL, "certificate");
    X509_NAME *name = X509_get_subject_name(certificate);
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"bench", -1,
                                    -1, 0) == 1,
         "certificate");
    must(X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
             X509_sign(certificate, key, EVP_sha256()) > 0,
         "certificate");
    write_pem(certificate, NULL, chain_pem, "cert.pem");
    write_pem(NULL, key, key_pem, "key.pem");
}

/* --- the servers, each in its child --- */

static void tell(uint16_t plain, uint16_t tls, pid_t keyd)
{
    const struct place at = {.ports = {plain, tls}, .keyd = keyd};
    must(write(ready[1], &at, sizeof at) == sizeof at, "pipe");
}

static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    (void)context;
    (void)request;
    const cairn_http_response response = {
        .status = 200, .content_type = "text/plain", .body = cairn_bytes_of(body, BODY_SIZE)};
    cairn_http_respond(exchange, &response);
}

static int serve_identity(const cairn_tls_identity *identity, pid_t keyd)
{
    cairn_clock clock = cairn_clock_system();
    cairn_http_server_options options = cairn_http_server_defaults();
    options.connection_count_max = 2 * IDLE;
    options.head_timeout_ms = options.idle_timeout_ms = 600000;
    const cairn_tls_server_options tls_options = {.identity = *identity,
                                                  .clients = CAIRN_TLS_CLIENTS_REQUIRED,
                                                  .trust = CAIRN_TLS_TRUST_ANY_KEY};
    cairn_http_server *http = NULL;
    cairn_tls_server *tls = NULL;
    uint16_t ports[2];
    must(cairn_tls_server_new(&tls_options, &tls) == CAIRN_OK, "tls");
    must(cairn_http_server_new(&clock, NULL, &options, handle, NULL, &http) == CAIRN_OK, "server");
    must(cairn_http_server_listen(http, "127.0.0.1", 0, &ports[PLAIN]) == CAIRN_OK, "listen");
    must(cairn_http_server_listen_tls(http, tls, "127.0.0.1", 0, &ports[TLS]) == CAIRN_OK,
         "listen");
    tell(ports[PLAIN], ports[TLS], keyd);
    return cairn_http_server_run(http) == CAIRN_OK ? 0 : 1;
}

static int serve_ours(void)
{
    const cairn_tls_identity identity = {.chain_pem = cairn_bytes_str(chain_pem),
                                         .key_pem = cairn_bytes_str(key_pem)};
    return serve_identity(&identity, 0);
}

/* The same key, but in a process of its own. */
static int serve_keyd(void)
{
    char keys[80], path[96];
    const cairn_keyd_options keyd = {.keys_directory = keys};
    const cairn_supervisor_options options = cairn_supervisor_defaults();
    cairn_spawner *spawner = NULL;
    cairn_supervisor *supervisor = NULL;
    cairn_supervisor_health health;
    (void)snprintf(keys, sizeof keys, "%s/keys", directory);
    (void)snprintf(path, sizeof path, "%s/tls-1.pem", keys);
    must(mkdir(keys, 0700) == 0, keys);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, key_pem, strlen(key_pem)) == (ssize_t)strlen(key_pem), path);
    (void)close(fd);
    must(cairn_spawner_start(&keyd, &spawner) == CAIRN_OK, "spawner");
    must(cairn_supervisor_start(spawner, &options, &supervisor) == CAIRN_OK, "keyd");
    cairn_supervisor_health_get(supervisor, &health);
    const cairn_tls_identity identity = {.chain_pem = cairn_bytes_str(chain_pem),
                                         .signer = cairn_supervisor_signer(supervisor),
                                         .key_name = "tls-1"};
    return serve_identity(&identity, health.keyd_pid);
}

/* A port that is free for now: nginx and libmicrohttpd do not tell theirs. */
static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(fd, (struct sockaddr *)&address, size) == 0 &&
             getsockname(fd, (struct sockaddr *)&address, &size) == 0,
         "port");
    (void)close(fd);
    return ntohs(address.sin_port);
}

static const char *nginx_path(void)
{
    static const char *const paths[] = {"/usr/sbin/nginx", "/usr/local/sbin/nginx"};
    for (size_t i = 0; i < 2; i++)
        if (access(paths[i], X_OK) == 0)
            return paths[i];
    return NULL;
}

/* One worker without a master, the file in its cache of open files, no log. */
static int serve_nginx(void)
{
    static const char format[] =
        "daemon off; master_process off; pid %s/nginx.pid; error_log %s/error.log; %s\n"
        "events { worker_connections 30000; }\n"
        "http { access_log off; keepalive_requests 100000000; keepalive_timeout 600;\n"
        "client_header_timeout 600; open_file_cache max=10; default_type text/plain;\n"
        "client_body_temp_path %s; proxy_temp_path %s; fastcgi_temp_path %s; uwsgi_temp_path %s;\n"
        "scgi_temp_path %s;\n"
        "server { listen 127.0.0.1:%u; root %s; }\n"
        "server { listen 127.0.0.1:%u ssl; root %s; ssl_protocols TLSv1.3; ssl_session_tickets "
        "off;\n"
        "ssl_session_cache off; ssl_certificate %s/cert.pem; ssl_certificate_key %s/key.pem;\n"
        "ssl_verify_client on; ssl_client_certificate %s/cert.pem; } }\n";
    char path[128];
    const char *d = directory, *user = geteuid() == 0 ? "user root;" : "";
    uint16_t plain = free_port(), tls = free_port();
    (void)snprintf(path, sizeof path, "%s/x", d);
    FILE *file = fopen(path, "w");
    must(file != NULL && fwrite(body, BODY_SIZE, 1, file) == 1 && fclose(file) == 0, path);
    (void)snprintf(path, sizeof path, "%s/nginx.conf", d);
    file = fopen(path, "w");
    must(file != NULL, path);
    (void)fprintf(file, format, d, d, user, d, d, d, d, d, plain, d, tls, d, d, d, d);
    must(fclose(file) == 0, path);
    tell(plain, tls, 0);
    (void)execl(nginx_path(), "nginx", "-c", path, "-p", directory, (char *)NULL);
    return 1;
}

#ifdef HAVE_MICROHTTPD
static enum MHD_Result handle_microhttpd(void *context, struct MHD_Connection *connection,
                                         const char *url, const char *method, const char *version,
                                         const char *upload, size_t *upload_size, void **request)
{
    (void)context;
    (void)url;
    (void)method;
    (void)version;
    (void)upload;
    (void)upload_size;
    static int seen;
    if (*request == NULL) { /* answered at once, the connection would end */
        *request = &seen;
        return MHD_YES;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(BODY_SIZE, body, MHD_RESPMEM_PERSISTENT);
    (void)MHD_add_response_header(response, "Content-Type", "text/plain");
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static int __attribute__((noreturn)) serve_microhttpd(void)
{
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD;
    uint16_t plain = free_port(), tls = free_port();
    struct MHD_Daemon *one =
        MHD_start_daemon(flags, plain, NULL, NULL, handle_microhttpd, NULL,
                         MHD_OPTION_CONNECTION_LIMIT, 2u * IDLE, MHD_OPTION_END);
    struct MHD_Daemon *other = MHD_start_daemon(
        flags | MHD_USE_TLS, tls, NULL, NULL, handle_microhttpd, NULL, MHD_OPTION_CONNECTION_LIMIT,
        2u * IDLE, MHD_OPTION_HTTPS_MEM_CERT, chain_pem, MHD_OPTION_HTTPS_MEM_KEY, key_pem,
        MHD_OPTION_HTTPS_MEM_TRUST, chain_pem, MHD_OPTION_HTTPS_PRIORITIES,
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:%NO_TICKETS", MHD_OPTION_END);
    must(one != NULL && other != NULL, "libmicrohttpd");
    tell(plain, tls, 0);
    for (;;)
        (void)pause();
}
#endif

static server servers[SERVERS] = {
    {.name = "cairn", .serve = serve_ours},
    {.name = "cairn, keyd", .serve = serve_keyd},
    {.name = "nginx", .serve = serve_nginx},
#ifdef HAVE_MICROHTTPD
    {.name = "libmicrohttpd", .serve = serve_microhttpd},
#else
    {.name = "libmicrohttpd"},
#endif
};

static int connect_to(uint16_t port);

static bool start(server *s)
{
    if (s->serve == NULL || (s->serve == serve_nginx && nginx_path() == NULL)) {
        (void)printf("%s is not installed: left out\n", s->name);
        return false;
    }
    s->pid = fork();
    must(s->pid >= 0, "fork");
    if (s->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* no server outlives the benchmark */
        _exit(s->serve());
    }
    must(read(ready[0], &s->at, sizeof s->at) == sizeof s->at, s->name);
    for (unsigned i = 0; i < 200; i++) { /* until it listens */
        int fd = connect_to(s->at.ports[TLS]);
        if (fd >= 0) {
            (void)close(fd);
            return true;
        }
        (void)usleep(20000);
    }
    (void)printf("%s does not start: left out\n", s->name);
    return false;
}

static double cpu_of_process(pid_t pid)
{
    clockid_t clock;
    return clock_getcpuclockid(pid, &clock) == 0 ? seconds(clock) : 0;
}

/* CPU seconds so far; each but ours with keyd is one process. */
static double cpu_of(const server *s)
{
    return cpu_of_process(s->pid) + (s->at.keyd == 0 ? 0 : cpu_of_process(s->at.keyd));
}

static double rss_mb_of(pid_t pid)
{
    char path[64], line[256];
    double kb = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        (void)sscanf(line, "VmRSS: %lf", &kb);
    if (file != NULL)
        (void)fclose(file);
    return kb / 1024;
}

/* --- the generator --- */

typedef struct client {
    int fd;
    SSL *ssl; /* NULL: plain */
} client;

static int connect_to(uint16_t port)
{
    static atomic_uint source; /* several addresses of ours: one has 28,000 ports */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + atomic_fetch_add(&source, 1) % 8);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    must(fd >= 0, "socket");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    (void)bind(fd, (struct sockaddr *)&from, sizeof from);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static void open_client(client *c, const server *s, protocol p)
{
    c->fd = connect_to(s->at.ports[p]);
    c->ssl = NULL;
    must(c->fd >= 0, "connect");
    if (p == PLAIN)
        return;
    c->ssl = SSL_new(client_ctx);
    must(c->ssl != NULL && SSL_set_fd(c->ssl, c->fd) == 1 && SSL_connect(c->ssl) == 1, "handshake");
}

static void close_client(client *c)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0}; /* leaves no socket in TIME-WAIT */
    (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    SSL_free(c->ssl);
    (void)close(c->fd);
}

static void send_request(const client *c)
{
    static const char request[] = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    size_t n = 0;
    if (c->ssl != NULL)
        must(SSL_write_ex(c->ssl, request, sizeof request - 1, &n) == 1, "write");
    else
        must(send(c->fd, request, sizeof request - 1, MSG_NOSIGNAL) == sizeof request - 1, "send");
}

/* A whole answer: its body is the last BODY_SIZE bytes. */
static void read_answer(const client *c)
{
    char text[4096];
    size_t size = 0;
    for (;;) {
        size_t n = 0;
        if (c->ssl != NULL) {
            must(SSL_read_ex(c->ssl, text + size, sizeof text - 1 - size, &n) == 1, "read");
        } else {
            ssize_t got = recv(c->fd, text + size, sizeof text - 1 - size, 0);
            must(got > 0, "recv");
            n = (size_t)got;
        }
        size += n;
        text[size] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        if (end != NULL && size >= (size_t)(end - text) + 4 + BODY_SIZE)
            break;
    }
    must(memcmp(text, "HTTP/1.1 200", 12) == 0 &&
             memcmp(text + size - BODY_SIZE, body, BODY_SIZE) == 0,
         "answer");
}

typedef struct figure {
    double wall[ROUNDS], cpu[ROUNDS]; /* seconds of a round */
    double latency_s[READS];          /* of the last round */
} figure;

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Each connection has one request under way; the generator goes round them. */
static void read_round(const server *s, protocol p, figure *f, size_t round)
{
    static client clients[CONNECTIONS];
    static double sent[CONNECTIONS];
    current = s->name;
    for (size_t i = 0; i < CONNECTIONS; i++)
        open_client(&clients[i], s, p);
    double began = seconds(CLOCK_MONOTONIC), cpu = cpu_of(s);
    for (size_t i = 0; i < READS + CONNECTIONS; i++) {
        const client *c = &clients[i % CONNECTIONS];
        double now = seconds(CLOCK_MONOTONIC);
        if (i >= CONNECTIONS) {
            read_answer(c);
            now = seconds(CLOCK_MONOTONIC);
            f->latency_s[i - CONNECTIONS] = now - sent[i % CONNECTIONS];
        }
        if (i < READS)
            send_request(c);
        sent[i % CONNECTIONS] = now;
    }
    f->cpu[round] = cpu_of(s) - cpu;
    f->wall[round] = seconds(CLOCK_MONOTONIC) - began;
    for (size_t i = 0; i < CONNECTIONS; i++)
        close_client(&clients[i]);
}

static void *shake(void *context)
{
    const server *s = context;
    for (size_t i = 0; i < HANDSHAKES / SHAKERS; i++) {
        client c;
        open_client(&c, s, TLS);
        send_request(&c); /* in TLS 1.3 only an answer shows that the server is done */
        read_answer(&c);
        close_client(&c);
    }
    return NULL;
}

static void handshake_round(server *s, figure *f, size_t round)
{
    pthread_t shakers[SHAKERS];
    current = s->name;
    double began = seconds(CLOCK_MONOTONIC), cpu = cpu_of(s);
    for (size_t i = 0; i < SHAKERS; i++)
        must(pthread_create(&shakers[i], NULL, shake, s) == 0, "thread");
    for (size_t i = 0; i < SHAKERS; i++)
        must(pthread_join(shakers[i], NULL) == 0, "thread");
    f->cpu[round] = cpu_of(s) - cpu;
    f->wall[round] = seconds(CLOCK_MONOTONIC) - began;
}

static void print(const char *what, const char *name, figure *f, double count, bool latency)
{
    qsort(f->wall, ROUNDS, sizeof f->wall[0], compare);
    qsort(f->cpu, ROUNDS, sizeof f->cpu[0], compare);
    (void)printf("%-26s %-14s %8.0f/s best %8.0f/s median; server CPU %6.1f us best %6.1f median",
                 what, name, count / f->wall[0], count / f->wall[ROUNDS / 2],
                 f->cpu[0] / count * 1e6, f->cpu[ROUNDS / 2] / count * 1e6);
    if (!latency)
        (void)printf("; %.0f/s of a core", count / f->cpu[ROUNDS / 2]);
    if (latency) {
        qsort(f->latency_s, READS, sizeof f->latency_s[0], compare);
        (void)printf("; p50 %.2f ms p99 %.2f ms", f->latency_s[READS / 2] * 1e3,
                     f->latency_s[READS / 100 * 99] * 1e3);
    }
    (void)printf("\n");
}

static void bench_reads(protocol p)
{
    static figure figures[SERVERS];
    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < SERVERS; i++)
            if (servers[i].here)
                read_round(&servers[i], p, &figures[i], round);
    for (size_t i = 0; i < SERVERS; i++)
        if (servers[i].here)
            print(p == PLAIN ? "reads, plain" : "reads, mutual TLS 1.3", servers[i].name,
                  &figures[i], READS, true);
}

static void bench_handshakes(void)
{
    static figure figures[SERVERS];
    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < SERVERS; i++)
            if (servers[i].here)
                handshake_round(&servers[i], &figures[i], round);
    for (size_t i = 0; i < SERVERS; i++)
        if (servers[i].here)
            print("full mutual handshakes", servers[i].name, &figures[i], HANDSHAKES, false);
}

/* Idle after one answered request each, as kept connections are. */
static void bench_idle(const server *s)
{
    static client clients[IDLE];
    struct rlimit limit;
    size_t count = IDLE;
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0, "limit");
    if (limit.rlim_cur < IDLE + 100)
        count = (size_t)limit.rlim_cur - 100;
    current = s->name;
    double before = rss_mb_of(s->pid);
    for (size_t i = 0; i < count; i++) {
        open_client(&clients[i], s, TLS);
        send_request(&clients[i]);
        read_answer(&clients[i]);
    }
    double after = rss_mb_of(s->pid);
    (void)printf("%-26s %-14s %zu connections: %.0f MB, %.1f kB each\n", "idle, mutual TLS 1.3",
                 s->name, count, after, (after - before) * 1024 / (double)count);
    for (size_t i = 0; i < count; i++)
        close_client(&clients[i]);
}

static void stop_all(void)
{
    for (size_t i = 0; i < SERVERS; i++)
        if (servers[i].pid > 0) {
            (void)kill(servers[i].pid, SIGKILL);
            (void)waitpid(servers[i].pid, NULL, 0);
        }
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", directory);
    if (system(command) != 0)
        (void)fprintf(stderr, "bench_http: %s stays\n", directory);
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    int exit_code = 0;
    if (cairn_process_main(argc, argv, NULL, 0, &exit_code))
        return exit_code;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    memset(body, 'b', BODY_SIZE);
    strcpy(directory, "/tmp/cairn-bench-http-XXXXXX");
    must(mkdtemp(directory) != NULL && chmod(directory, 0755) == 0, "directory");
    must(pipe2(ready, O_CLOEXEC) == 0, "pipe");
    make_certificate();
    for (size_t i = 0; i < SERVERS; i++)
        servers[i].here = start(&servers[i]);
    client_ctx = SSL_CTX_new(TLS_client_method());
    must(client_ctx != NULL && SSL_CTX_use_certificate(client_ctx, certificate) == 1 &&
             SSL_CTX_use_PrivateKey(client_ctx, key) == 1 &&
             SSL_CTX_set_min_proto_version(client_ctx, TLS1_3_VERSION) == 1,
         "client");
    (void)SSL_CTX_set_mode(client_ctx, SSL_MODE_RELEASE_BUFFERS);
    bench_reads(PLAIN);
    bench_reads(TLS);
    bench_handshakes();
    for (size_t i = 0; i < SERVERS; i++)
        if (servers[i].here)
            bench_idle(&servers[i]);
    stop_all();
    return 0;
}
