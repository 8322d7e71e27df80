/* Load for four validators over the JSON-RPC of their engines. Started by bench/consortium.sh.
 *
 *   load-consortium TRANSACTIONS RATE WINDOW CONNECTIONS ENGINE-PIDS APPLICATION-PIDS
 * ADDRESS:PORT...
 *
 * Offers the transactions of the file (each behind its size in four bytes) to all of them in turn,
 * by broadcast_tx_sync over CONNECTIONS kept connections to each: RATE of them a second, or as fast
 * as it goes when RATE is 0, and never more than WINDOW that are not yet in a finalized block. A
 * transaction is committed when the block that holds it has been finalized, as one of the nodes
 * says when it is asked for the block's results. Latency is from sending to that moment. PIDS are
 * words of process numbers, or "-". Prints one line; bench/consortium.sh makes the table. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

enum {
    NODES_MAX = 8,
    CONNECTIONS_MAX = 1024,
    TX_MAX = 65536,
    ANSWER_MAX = 32 << 20, /* a block in base64, as JSON */
    SEEN_SIZE = 1 << 21,   /* places of the table of transactions; a power of two */
    POLL_MS = 4,           /* between two questions for the next block */
    PATIENCE_S = 30,       /* without a block */
};

/* A transaction that was sent, known by the hash of its base64 text. */
typedef struct sent_tx {
    uint64_t hash; /* 0: free */
    double sent;
    bool committed;
} sent_tx;

typedef struct connection {
    int fd;
    unsigned node;
    char *in; /* the answer so far, grows */
    size_t in_size, in_capacity;
    bool busy;
    size_t tx; /* place in the table */
} connection;

typedef struct load {
    FILE *file;
    double rate;
    size_t window, node_count, connection_count, offered, refused, committed, blocks;
    struct sockaddr_in nodes[NODES_MAX];
    connection connections[CONNECTIONS_MAX];
    connection watcher; /* asks for blocks */
    bool wants_results;
    unsigned long height; /* that the watcher asks for */
    double next_question, started, last_commit;
    sent_tx *seen;
    double *latencies;
} load;

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t encode(const uint8_t *data, size_t size, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i += 3) {
        uint32_t v = (uint32_t)data[i] << 16;
        v |= i + 1 < size ? (uint32_t)data[i + 1] << 8 : 0;
        v |= i + 2 < size ? data[i + 2] : 0;
        out[n++] = base64[v >> 18 & 63];
        out[n++] = base64[v >> 12 & 63];
        out[n++] = i + 1 < size ? base64[v >> 6 & 63] : '=';
        out[n++] = i + 2 < size ? base64[v & 63] : '=';
    }
    return n;
}

/* FNV-1a. */
static uint64_t hash_of(const char *text, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
    return hash | 1;
}

static size_t place_of(const load *l, uint64_t hash)
{
    size_t at = (size_t)(hash >> 20) & (SEEN_SIZE - 1);
    while (l->seen[at].hash != 0 && l->seen[at].hash != hash)
        at = (at + 1) & (SEEN_SIZE - 1);
    return at;
}

/* --- connections --- */

static void open_connection(const load *l, connection *c, unsigned node)
{
    int on = 1;
    c->node = node;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(c->fd >= 0 &&
             connect(c->fd, (const struct sockaddr *)&l->nodes[node], sizeof l->nodes[node]) == 0,
         "connect");
    must(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "nodelay");
}

static void ask(connection *c, const char *text, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = send(c->fd, text + done, size - done, MSG_NOSIGNAL);
        must(n > 0, "send");
        done += (size_t)n;
    }
    c->busy = true;
    c->in_size = 0;
}

/* True when the answer is whole: then `ret_body` is its body, ended by NUL. */
static bool take_answer(connection *c, const char **ret_body)
{
    if (c->in_capacity - c->in_size < 65536) {
        c->in_capacity = c->in_capacity * 2 + 131072;
        must(c->in_capacity < ANSWER_MAX, "an answer is too long");
        c->in = realloc(c->in, c->in_capacity);
        must(c->in != NULL, "memory");
    }
    ssize_t n = recv(c->fd, c->in + c->in_size, c->in_capacity - 1 - c->in_size, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    must(n > 0, "a node has closed the connection");
    c->in_size += (size_t)n;
    c->in[c->in_size] = '\0';
    const char *end = strstr(c->in, "\r\n\r\n");
    if (end == NULL)
        return false;
    const char *length = strcasestr(c->in, "\r\nContent-Length: ");
    bool whole = length != NULL && length < end
                     ? c->in_size >= (size_t)(end + 4 - c->in) + strtoul(length + 18, NULL, 10)
                     : c->in_size >= 5 && memcmp(c->in + c->in_size - 5, "0\r\n\r\n", 5) == 0;
    *ret_body = end + 4;
    c->busy = !whole;
    return whole;
}

/* --- sending --- */

/* Sends the file's next transaction; false at its end. */
static bool send_next(load *l, connection *c)
{
    static uint8_t tx[TX_MAX];
    static char text[TX_MAX * 4 / 3 + 512], body[TX_MAX * 4 / 3 + 256];
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"broadcast_tx_sync\","
                               "\"params\":{\"tx\":\"";
    if (fread(tx, 1, 4, l->file) != 4)
        return false;
    size_t size = (size_t)tx[2] << 8 | tx[3];
    must(fread(tx, 1, size, l->file) == size, "the file of transactions is cut");
    memcpy(body, head, sizeof head - 1);
    size_t n = encode(tx, size, body + sizeof head - 1);
    c->tx = place_of(l, hash_of(body + sizeof head - 1, n));
    must(l->seen[c->tx].hash == 0, "the same transaction twice");
    l->seen[c->tx] = (sent_tx){.hash = hash_of(body + sizeof head - 1, n), .sent = now()};
    n += sizeof head - 1;
    memcpy(body + n, "\"}}", 3);
    n += 3;
    int used = snprintf(text, sizeof text,
                        "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%.*s",
                        n, (int)n, body);
    l->offered++;
    ask(c, text, (size_t)used);
    return true;
}

static void take_sent(load *l, connection *c)
{
    const char *body;
    if (!take_answer(c, &body))
        return;
    if (strstr(body, "\"code\":0,") != NULL)
        return;
    if (l->refused++ == 0)
        (void)fprintf(stderr, "load-consortium: refused: %.300s\n", body);
}

static bool may_send(const load *l)
{
    double due = l->rate * (now() - l->started);
    return l->offered - l->refused < l->committed + l->window &&
           (l->rate == 0 || (double)l->offered < due);
}

/* --- blocks --- */

static void ask_for_block(load *l)
{
    char text[128];
    int n = snprintf(text, sizeof text, "GET /%s?height=%lu HTTP/1.1\r\nHost: a\r\n\r\n",
                     l->wants_results ? "block_results" : "block", l->height);
    ask(&l->watcher, text, (size_t)n);
}

static void take_block(load *l, const char *body, double finalized)
{
    const char *at = strstr(body, "\"txs\":[");
    must(at != NULL, "a block without transactions");
    for (at += 7; *at == '"' || *at == ',';) {
        if (*at++ == ',')
            continue;
        const char *end = strchr(at, '"');
        must(end != NULL, "a block that is cut");
        sent_tx *tx = &l->seen[place_of(l, hash_of(at, (size_t)(end - at)))];
        at = end + 1;
        if (tx->hash == 0 || tx->committed)
            continue;
        tx->committed = true;
        l->latencies[l->committed++] = finalized - tx->sent;
        l->last_commit = finalized;
    }
    l->blocks++;
}

/* The results are there as soon as the block is final; only then the block itself is read. */
static void watch(load *l)
{
    static double finalized;
    const char *body;
    if (!l->watcher.busy && now() >= l->next_question)
        ask_for_block(l);
    if (!l->watcher.busy || !take_answer(&l->watcher, &body))
        return;
    if (strstr(body, "\"result\"") == NULL) {
        l->next_question = now() + POLL_MS / 1e3;
        return;
    }
    if (l->wants_results) {
        finalized = now();
        l->wants_results = false;
    } else {
        take_block(l, body, finalized);
        l->wants_results = true;
        l->height++;
    }
    ask_for_block(l);
}

static unsigned long height_of(load *l)
{
    static const char text[] = "GET /status HTTP/1.1\r\nHost: a\r\n\r\n";
    const char *body;
    ask(&l->watcher, text, sizeof text - 1);
    while (!take_answer(&l->watcher, &body)) {
    }
    const char *height = strstr(body, "\"latest_block_height\":\"");
    must(height != NULL, "no height");
    return strtoul(height + 23, NULL, 10);
}

/* --- the run --- */

static void wait_for_input(const load *l)
{
    static struct pollfd fds[CONNECTIONS_MAX + 1];
    nfds_t count = 0;
    for (size_t i = 0; i < l->connection_count; i++) {
        if (l->connections[i].busy)
            fds[count++] = (struct pollfd){.fd = l->connections[i].fd, .events = POLLIN};
    }
    if (l->watcher.busy)
        fds[count++] = (struct pollfd){.fd = l->watcher.fd, .events = POLLIN};
    (void)poll(fds, count, 1);
}

static void run(load *l)
{
    bool more = true;
    double quiet = now();
    size_t before = 0;
    l->started = now();
    while (more || l->committed + l->refused < l->offered) {
        for (size_t i = 0; i < l->connection_count; i++) {
            connection *c = &l->connections[i];
            if (c->busy)
                take_sent(l, c);
            if (!c->busy && more && may_send(l))
                more = send_next(l, c);
        }
        watch(l);
        if (l->committed != before)
            quiet = now();
        before = l->committed;
        if (now() - quiet > PATIENCE_S)
            return;
        wait_for_input(l);
    }
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static void parse_nodes(load *l, int argc, char **argv)
{
    for (int i = 7; i < argc; i++) {
        char *port = strchr(argv[i], ':');
        struct sockaddr_in *node = &l->nodes[l->node_count++];
        must(port != NULL && l->node_count < NODES_MAX, "ADDRESS:PORT");
        *port = '\0';
        node->sin_family = AF_INET;
        node->sin_port = htons((uint16_t)atoi(port + 1));
        must(inet_pton(AF_INET, argv[i], &node->sin_addr) == 1, argv[i]);
    }
}

int main(int argc, char **argv)
{
    static load l;
    must(argc >= 8, "usage: load-consortium TRANSACTIONS RATE WINDOW CONNECTIONS ENGINE-PIDS "
                    "APPLICATION-PIDS ADDRESS:PORT...");
    l.file = fopen(argv[1], "rb");
    must(l.file != NULL, argv[1]);
    l.rate = strtod(argv[2], NULL);
    l.window = strtoul(argv[3], NULL, 10);
    parse_nodes(&l, argc, argv);
    l.connection_count = l.node_count * strtoul(argv[4], NULL, 10);
    must(l.connection_count <= CONNECTIONS_MAX, "too many connections");
    l.seen = calloc(SEEN_SIZE, sizeof *l.seen);
    l.latencies = calloc(SEEN_SIZE, sizeof *l.latencies);
    must(l.seen != NULL && l.latencies != NULL, "memory");
    for (unsigned i = 0; i < l.connection_count; i++)
        open_connection(&l, &l.connections[i], i % (unsigned)l.node_count);
    open_connection(&l, &l.watcher, 0);
    l.wants_results = true;
    l.height = height_of(&l) + 1;
    double engine = cpu_of(argv[5]), application = cpu_of(argv[6]), start = now();
    run(&l);
    double wall = l.last_commit - start, count = (double)l.committed;
    must(l.committed > 0, "nothing was committed");
    qsort(l.latencies, l.committed, sizeof *l.latencies, compare);
    printf("%.0f %.1f %.1f %.1f %.1f %zu %zu %zu %zu\n", count / wall,
           l.latencies[l.committed / 2] * 1e3, l.latencies[l.committed * 99 / 100] * 1e3,
           (cpu_of(argv[5]) - engine) / count * 1e6, (cpu_of(argv[6]) - application) / count * 1e6,
           l.blocks, l.committed, l.refused, l.offered - l.committed - l.refused);
    return 0;
}
