/* Load for the members of a consortium, as their clients make it: transactions over TLS to the
 * nodes, each answered with a receipt by every member. Started by bench/consortium.sh.
 *
 *   load-members RATE WINDOW RECEIPTS ENGINE-PIDS NODE-PIDS LEDGER ADDRESS:PORT=TRANSACTIONS...
 *
 * Submits the transactions of each node's file (each behind its size in four bytes) to that node
 * and waits for receipts: RATE of them a second, or as fast as it goes when RATE is 0, over WINDOW
 * kept connections with one call under way each. A transaction is committed when its answer is here
 * and has RECEIPTS of them at least; with fewer it counts as lost. Latency is from the moment when
 * it was due, or sent, to the whole answer. Prints one line as load-consortium does. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
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
    CONNECTIONS_MAX = 4096,
    COUNT_MAX = 1 << 20,
    HEIGHTS_MAX = 1 << 20,
    MESSAGE_MAX = 65536,
};

typedef struct node {
    struct sockaddr_in address;
    FILE *file;
} node;

typedef struct connection {
    SSL *ssl;
    node *node;
    double due; /* 0: no call is under way */
} connection;

typedef struct load {
    SSL_CTX *ctx;
    const char *ledger;
    double rate, started, last_commit;
    size_t receipts, node_count, window, offered, committed, refused, lost, blocks;
    node nodes[NODES_MAX];
    connection connections[CONNECTIONS_MAX];
    double latencies[COUNT_MAX];
    bool heights[HEIGHTS_MAX]; /* of blocks that were told */
} load;

/* --- connections --- */

static void open_connection(const load *l, connection *c, node *n)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    c->node = n;
    c->ssl = SSL_new(l->ctx);
    must(fd >= 0 && connect(fd, (const struct sockaddr *)&n->address, sizeof n->address) == 0 &&
             setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0,
         "connect");
    must(c->ssl != NULL && SSL_set_fd(c->ssl, fd) == 1 && SSL_connect(c->ssl) == 1, "handshake");
}

/* Sends the next transaction for its node; false at the end of the file. */
static bool send_next(load *l, connection *c)
{
    static char text[MESSAGE_MAX];
    uint8_t head[4];
    if (fread(head, 1, 4, c->node->file) != 4)
        return false;
    size_t size = (size_t)head[2] << 8 | head[3];
    int used = snprintf(text, sizeof text,
                        "POST /v1/ledgers/%s/transactions?wait=durable HTTP/1.1\r\nHost: a\r\n"
                        "Accept: application/json\r\nContent-Type: application/cose\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        l->ledger, size);
    must(used > 0 && (size_t)used + size <= sizeof text, "a transaction is too long");
    must(fread(text + used, 1, size, c->node->file) == size, "the file of transactions is cut");
    c->due = l->rate > 0 ? l->started + (double)l->offered / l->rate : now();
    l->offered++;
    must(SSL_write(c->ssl, text, used + (int)size) == used + (int)size, "send");
    return true;
}

/* The whole answer, ended by NUL; its body is in `ret_body`. */
static const char *read_answer(connection *c, const char **ret_body)
{
    static char text[MESSAGE_MAX];
    size_t size = 0;
    for (;;) {
        int n = SSL_read(c->ssl, text + size, (int)(sizeof text - 1 - size));
        must(n > 0, "a node has closed the connection, or its answer is too long");
        size += (size_t)n;
        text[size] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        const char *length = strstr(text, "Content-Length: ");
        if (end == NULL || length == NULL)
            continue;
        *ret_body = end + 4;
        if (size >= (size_t)(end + 4 - text) + strtoul(length + 16, NULL, 10))
            return text;
    }
}

static size_t count_receipts(const char *body)
{
    const char *at = strstr(body, "\"receipts\":[");
    size_t count = 0;
    for (at = at == NULL ? NULL : at + 12; at != NULL && *at == '"'; count++) {
        at = strchr(at + 1, '"');
        must(at != NULL, "an answer is cut");
        at += at[1] == ',' ? 2 : 1;
    }
    return count;
}

static void note_block(load *l, const char *body)
{
    const char *at = strstr(body, "\"height\":");
    unsigned long height = at == NULL ? HEIGHTS_MAX : strtoul(at + 9, NULL, 10);
    must(height < HEIGHTS_MAX, "an answer without a height");
    l->blocks += !l->heights[height];
    l->heights[height] = true;
}

static void take_answer(load *l, connection *c)
{
    const char *body;
    const char *answer = read_answer(c, &body);
    if (strncmp(answer, "HTTP/1.1 200", 12) != 0) {
        if (l->refused++ == 0)
            (void)fprintf(stderr, "load-members: refused: %.300s\n", body);
    } else if (count_receipts(body) < l->receipts) {
        l->lost++;
    } else {
        note_block(l, body);
        must(l->committed < COUNT_MAX, "too many transactions");
        l->last_commit = now();
        l->latencies[l->committed++] = l->last_commit - c->due;
    }
    c->due = 0;
}

/* --- the run --- */

static bool may_send(const load *l)
{
    return l->rate == 0 || (double)l->offered < l->rate * (now() - l->started);
}

static size_t wait_for_answers(load *l, struct pollfd *fds, connection **asked)
{
    size_t count = 0;
    for (size_t i = 0; i < l->window; i++) {
        connection *c = &l->connections[i];
        if (c->due == 0)
            continue;
        fds[count] = (struct pollfd){.fd = SSL_get_fd(c->ssl), .events = POLLIN};
        asked[count++] = c;
    }
    (void)poll(fds, count, 1);
    return count;
}

static void run(load *l)
{
    static struct pollfd fds[CONNECTIONS_MAX];
    static connection *asked[CONNECTIONS_MAX];
    size_t ended = 0, waiting = 0;
    l->started = now();
    do {
        for (size_t i = 0; i < l->window && ended < l->node_count && may_send(l); i++) {
            connection *c = &l->connections[i];
            if (c->due != 0 || c->node->file == NULL || send_next(l, c))
                continue;
            (void)fclose(c->node->file);
            c->node->file = NULL;
            ended++;
        }
        waiting = wait_for_answers(l, fds, asked);
        for (size_t i = 0; i < waiting; i++)
            if (fds[i].revents != 0)
                take_answer(l, asked[i]);
    } while (waiting > 0 || ended < l->node_count);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static void parse_nodes(load *l, int argc, char **argv)
{
    for (int i = 7; i < argc; i++) {
        node *n = &l->nodes[l->node_count++];
        char *port = strchr(argv[i], ':'), *path = strchr(argv[i], '=');
        must(port != NULL && path != NULL && l->node_count <= NODES_MAX,
             "ADDRESS:PORT=TRANSACTIONS");
        *port = *path = '\0';
        n->address.sin_family = AF_INET;
        n->address.sin_port = htons((uint16_t)atoi(port + 1));
        must(inet_pton(AF_INET, argv[i], &n->address.sin_addr) == 1, argv[i]);
        n->file = fopen(path + 1, "rb");
        must(n->file != NULL, path + 1);
    }
}

int main(int argc, char **argv)
{
    static load l;
    must(argc >= 8, "usage: load-members RATE WINDOW RECEIPTS ENGINE-PIDS NODE-PIDS LEDGER "
                    "ADDRESS:PORT=TRANSACTIONS...");
    l.rate = strtod(argv[1], NULL);
    l.window = strtoul(argv[2], NULL, 10);
    l.receipts = strtoul(argv[3], NULL, 10);
    l.ledger = argv[6];
    l.ctx = SSL_CTX_new(TLS_client_method());
    must(l.ctx != NULL && l.window <= CONNECTIONS_MAX, "WINDOW");
    parse_nodes(&l, argc, argv);
    for (size_t i = 0; i < l.window; i++)
        open_connection(&l, &l.connections[i], &l.nodes[i % l.node_count]);
    double engine = cpu_of(argv[4]), application = cpu_of(argv[5]);
    run(&l);
    double count = (double)l.committed;
    must(l.committed > 0, "no answer has enough receipts");
    qsort(l.latencies, l.committed, sizeof *l.latencies, compare);
    printf("%.0f %.1f %.1f %.1f %.1f %zu %zu %zu %zu\n", count / (l.last_commit - l.started),
           l.latencies[l.committed / 2] * 1e3, l.latencies[l.committed * 99 / 100] * 1e3,
           (cpu_of(argv[4]) - engine) / count * 1e6, (cpu_of(argv[5]) - application) / count * 1e6,
           l.blocks, l.committed, l.refused, l.lost);
    return 0;
}
