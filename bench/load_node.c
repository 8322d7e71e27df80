/* Load for a node over mutual TLS with kept connections. Started by bench/node.sh.
 *
 *   load-node PORT CERT.pem KEY.pem LEDGER TRANSACTIONS SECONDS IDLE PID...
 *
 * Small reads, then writes answered when they are durable with a receipt, and when they are
 * committed with JSON, in rounds that take turns; then what IDLE open connections cost. Every
 * connection has one call under way. Latency is from a call's sending to its whole answer, with all
 * of them under way: what saturation looks like, not an idle node. CPU time is that of the
 * processes PID..., the node first. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    READERS = 64,
    WRITERS = 512,
    ROUNDS = 3,
    SAMPLES_MAX = 2000000, /* of one row */
    PROCESSES_MAX = 8,
    IDLE_MAX = 20000,
    ANSWER_MAX = 65536
};

/* Who is measured, and over what. */
typedef struct target {
    SSL_CTX *ctx;
    int port;
    const char *ledger;
    FILE *transactions;
    pid_t processes[PROCESSES_MAX];
    size_t process_count;
} target;

/* One kind of call: a line of the table. */
typedef struct row {
    const char *name;
    double rate[ROUNDS];
    double cpu_us[ROUNDS]; /* of the node, a call */
    double own_us[ROUNDS];
    double samples[SAMPLES_MAX];
    size_t sample_count;
    size_t failed;
} row;

typedef struct connection {
    SSL *ssl;
    double sent; /* 0: has no call under way */
} connection;

static void must(int good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "load-node: %s\n", what);
    exit(1);
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

static double cpu_of(const target *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->process_count; i++) {
        clockid_t clock;
        must(clock_getcpuclockid(t->processes[i], &clock) == 0, "a process has ended");
        sum += seconds_of(clock);
    }
    return sum;
}

/* --- connections --- */

/* From several addresses: one has 28,000 ports. */
static SSL *connect_tls(const target *t, unsigned number)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)t->port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SSL *ssl = SSL_new(t->ctx);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number % 8);
    must(fd >= 0 && setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 &&
             bind(fd, (const struct sockaddr *)&from, sizeof from) == 0 &&
             connect(fd, (const struct sockaddr *)&address, sizeof address) == 0,
         "connect");
    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "nodelay");
    must(ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1, "handshake");
    return ssl;
}

static void disconnect(SSL *ssl)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0}; /* leaves no socket in TIME-WAIT */
    int fd = SSL_get_fd(ssl);
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    SSL_free(ssl);
    (void)close(fd);
}

static void send_all(SSL *ssl, const void *data, size_t size)
{
    must(SSL_write(ssl, data, (int)size) == (int)size, "send");
}

/* The whole answer; its status. */
static int read_answer(SSL *ssl)
{
    static char text[ANSWER_MAX];
    size_t size = 0;
    for (;;) {
        int n = SSL_read(ssl, text + size, (int)(sizeof text - 1 - size));
        must(n > 0, "answer");
        size += (size_t)n;
        text[size] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        const char *length = strstr(text, "Content-Length: ");
        if (end != NULL && length != NULL &&
            size >= (size_t)(end - text) + 4 + strtoul(length + 16, NULL, 10))
            return atoi(text + 9);
    }
}

/* --- rounds --- */

typedef struct span {
    double wall, cpu, own;
    size_t count;
} span;

static span begin(const target *t, const row *r)
{
    return (span){.wall = now(),
                  .cpu = cpu_of(t),
                  .own = seconds_of(CLOCK_PROCESS_CPUTIME_ID),
                  .count = r->sample_count};
}

static void end(const target *t, row *r, size_t round, const span *from)
{
    double count = (double)(r->sample_count - from->count);
    must(count > 0, "nothing was answered");
    r->rate[round] = count / (now() - from->wall);
    r->cpu_us[round] = (cpu_of(t) - from->cpu) / count * 1e6;
    r->own_us[round] = (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - from->own) / count * 1e6;
}

static void take_answer(row *r, connection *c)
{
    r->failed += read_answer(c->ssl) != 200;
    must(r->sample_count < SAMPLES_MAX, "too many calls");
    r->samples[r->sample_count++] = now() - c->sent;
    c->sent = 0;
}

static void reads(const target *t, row *r, size_t round, double length)
{
    static connection readers[READERS];
    char request[256];
    int size = snprintf(request, sizeof request,
                        "GET /v1/ledgers/%s/state/members HTTP/1.1\r\nHost: a\r\n\r\n", t->ledger);
    for (unsigned i = 0; i < READERS; i++)
        readers[i].ssl = connect_tls(t, i);
    const span from = begin(t, r);
    for (size_t i = 0; i < READERS; i++) {
        readers[i].sent = now();
        send_all(readers[i].ssl, request, (size_t)size);
    }
    for (size_t i = 0, open = READERS; open > 0; i = (i + 1) % READERS) {
        if (readers[i].sent == 0)
            continue;
        take_answer(r, &readers[i]);
        if (now() - from.wall >= length) {
            open--;
            continue;
        }
        readers[i].sent = now();
        send_all(readers[i].ssl, request, (size_t)size);
    }
    end(t, r, round, &from);
    for (size_t i = 0; i < READERS; i++)
        disconnect(readers[i].ssl);
}

/* Sends the next transaction of the file on `c`; false at its end. */
static bool send_write(const target *t, connection *c, const char *wait)
{
    static char out[ANSWER_MAX];
    unsigned char head[4];
    if (fread(head, 1, 4, t->transactions) != 4)
        return false;
    size_t size = (size_t)head[2] << 8 | head[3];
    int used = snprintf(out, sizeof out,
                        "POST /v1/ledgers/%s/transactions?wait=%s HTTP/1.1\r\nHost: a\r\n"
                        "Content-Type: application/cose\r\nContent-Length: %zu\r\n\r\n",
                        t->ledger, wait, size);
    must(used > 0 && (size_t)used + size <= sizeof out, "transaction's size");
    must(fread(out + used, 1, size, t->transactions) == size, "transactions");
    c->sent = now();
    send_all(c->ssl, out, (size_t)used + size);
    return true;
}

static void writes(const target *t, row *r, size_t round, const char *wait, size_t count)
{
    static connection writers[WRITERS];
    size_t sent = 0;
    size_t open = 0;
    for (unsigned i = 0; i < WRITERS; i++)
        writers[i].ssl = connect_tls(t, i);
    const span from = begin(t, r);
    for (size_t i = 0; i < WRITERS && sent < count && send_write(t, &writers[i], wait); i++) {
        sent++;
        open++;
    }
    for (size_t i = 0; open > 0; i = (i + 1) % WRITERS) {
        if (writers[i].sent == 0)
            continue;
        take_answer(r, &writers[i]);
        if (sent < count && send_write(t, &writers[i], wait))
            sent++;
        else
            open--;
    }
    end(t, r, round, &from);
    for (size_t i = 0; i < WRITERS; i++)
        disconnect(writers[i].ssl);
}

/* --- idle connections --- */

static double resident_mb(pid_t process)
{
    char path[64];
    char line[256];
    double kb = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)process);
    FILE *file = fopen(path, "r");
    must(file != NULL, path);
    while (fgets(line, sizeof line, file) != NULL)
        (void)sscanf(line, "VmRSS: %lf", &kb);
    (void)fclose(file);
    return kb / 1024;
}

/* Each has had one answer, as kept connections have. */
static void idle(const target *t, size_t count)
{
    static SSL *connections[IDLE_MAX];
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    double before = resident_mb(t->processes[0]);
    double wall = now();
    double cpu = cpu_of(t);
    for (size_t i = 0; i < count; i++) {
        connections[i] = connect_tls(t, (unsigned)i);
        send_all(connections[i], request, sizeof request - 1);
        must(read_answer(connections[i]) == 200, "health");
    }
    double after = resident_mb(t->processes[0]);
    printf("handshakes one after another: %.0f/s, %.0f us CPU of node and keyd each\n",
           (double)count / (now() - wall), (cpu_of(t) - cpu) / (double)count * 1e6);
    printf("idle connections: %zu open: the node has %.0f MB, %.0f before: %.1f kB each\n", count,
           after, before, (after - before) * 1024 / (double)count);
    for (size_t i = 0; i < count; i++)
        disconnect(connections[i]);
}

/* --- the table --- */

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static void print(row *r)
{
    qsort(r->rate, ROUNDS, sizeof r->rate[0], compare);
    qsort(r->cpu_us, ROUNDS, sizeof r->cpu_us[0], compare);
    qsort(r->own_us, ROUNDS, sizeof r->own_us[0], compare);
    qsort(r->samples, r->sample_count, sizeof r->samples[0], compare);
    printf("%-15s %7.0f/s best %7.0f/s median; CPU %6.1f us best %6.1f median, of the load %5.1f; "
           "p50 %.2f ms p99 %.2f ms (%zu calls, %zu refused)\n",
           r->name, r->rate[ROUNDS - 1], r->rate[ROUNDS / 2], r->cpu_us[0], r->cpu_us[ROUNDS / 2],
           r->own_us[ROUNDS / 2], r->samples[r->sample_count / 2] * 1e3,
           r->samples[r->sample_count * 99 / 100] * 1e3, r->sample_count, r->failed);
}

static size_t count_transactions(FILE *in)
{
    unsigned char head[4];
    size_t count = 0;
    while (fread(head, 1, 4, in) == 4 && fseek(in, head[2] << 8 | head[3], SEEK_CUR) == 0)
        count++;
    rewind(in);
    return count;
}

static void allow_descriptors(void)
{
    struct rlimit limit;
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0, "limit");
    limit.rlim_cur = limit.rlim_max;
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0, "limit");
}

int main(int argc, char **argv)
{
    static row read_row = {.name = "small reads"};
    static row durable_row = {.name = "writes, durable"};
    static row commit_row = {.name = "writes, commit"};
    must(argc >= 9 && argc - 8 <= PROCESSES_MAX,
         "usage: load-node PORT CERT.pem KEY.pem LEDGER TRANSACTIONS SECONDS IDLE PID...");
    target t = {.ctx = SSL_CTX_new(TLS_client_method()),
                .port = atoi(argv[1]),
                .ledger = argv[4],
                .transactions = fopen(argv[5], "rb")};
    must(t.ctx != NULL && SSL_CTX_use_certificate_file(t.ctx, argv[2], SSL_FILETYPE_PEM) == 1 &&
             SSL_CTX_use_PrivateKey_file(t.ctx, argv[3], SSL_FILETYPE_PEM) == 1,
         "certificate");
    (void)SSL_CTX_set_mode(t.ctx, SSL_MODE_RELEASE_BUFFERS);
    must(t.transactions != NULL, argv[5]);
    for (int i = 8; i < argc; i++)
        t.processes[t.process_count++] = (pid_t)atoi(argv[i]);
    size_t idle_count = strtoul(argv[7], NULL, 10);
    must(idle_count <= IDLE_MAX, "IDLE is too large");
    allow_descriptors();
    size_t share = count_transactions(t.transactions) / (2 * ROUNDS);
    for (size_t round = 0; round < ROUNDS; round++) {
        reads(&t, &read_row, round, strtod(argv[6], NULL) / ROUNDS);
        writes(&t, &durable_row, round, "durable", share);
        writes(&t, &commit_row, round, "commit", share);
    }
    print(&read_row);
    print(&durable_row);
    print(&commit_row);
    if (idle_count > 0)
        idle(&t, idle_count);
    (void)fclose(t.transactions);
    SSL_CTX_free(t.ctx);
    return 0;
}
