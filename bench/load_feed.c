/* How late a node's feed of events is. Started by bench/node.sh.
 *
 *   load-feed PORT CERT.pem KEY.pem LEDGER TRANSACTIONS RATE PID...
 *
 * Submits the transactions at RATE a second over kept connections with wait=commit, whether the
 * node keeps up or not, while one more connection follows the feed as server-sent events. Counted
 * from when a transaction was due: its answer, its event. Counted from its block's time, which the
 * node takes before it applies the block and writes it: its event. And how far the event is behind
 * the answer, which the same write of the block sets free. All over mutual TLS; CPU time is that of
 * the processes PID.... */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cairn/transaction.h"

enum {
    WRITERS = 512,
    TABLE_SIZE = 1 << 20, /* places for ids; a power of two */
    COUNT_MAX = TABLE_SIZE / 2,
    ANSWER_MAX = 65536,
    STREAM_MAX = 1 << 17,
    PATIENCE_S = 10, /* after the last answer, for the last event */
};

typedef struct transaction {
    cairn_bytes raw;
    cairn_hash id;
    double due;
    double answered;
    double seen;  /* its event */
    double block; /* its block's time, on the clock of the others */
} transaction;

static transaction *transactions;
static size_t count;
static uint32_t table[TABLE_SIZE]; /* 1 + place in `transactions`; 0: free */
static atomic_size_t seen_count;   /* written by the follower alone */
static const char *ledger;
static SSL_CTX *ctx;
static int port;
static double wall_offset; /* wall clock less monotonic clock */

static void must(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "load-feed: %s\n", what);
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

static SSL *connect_tls(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SSL *ssl = SSL_new(ctx);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0, "connect");
    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "nodelay");
    must(ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1, "handshake");
    return ssl;
}

/* --- the transactions --- */

static size_t place_of(const cairn_hash *id)
{
    size_t at = cairn_get_u32(id->b) % TABLE_SIZE;
    while (table[at] != 0 && !cairn_hash_equal(&transactions[table[at] - 1].id, id))
        at = (at + 1) % TABLE_SIZE;
    return at;
}

static void load_transactions(const char *path)
{
    uint8_t head[4];
    FILE *in = fopen(path, "rb");
    must(in != NULL, path);
    transactions = calloc(COUNT_MAX, sizeof *transactions);
    must(transactions != NULL, "memory");
    while (fread(head, 1, 4, in) == 4) {
        cairn_tx tx;
        size_t size = cairn_get_u32(head);
        uint8_t *raw = malloc(size);
        must(count < COUNT_MAX && raw != NULL && fread(raw, 1, size, in) == size, path);
        transaction *t = &transactions[count++];
        t->raw = cairn_bytes_of(raw, size);
        must(cairn_tx_decode(t->raw, &tx) == CAIRN_OK, "transaction");
        t->id = tx.id;
        table[place_of(&t->id)] = (uint32_t)count;
    }
    (void)fclose(in);
}

/* --- the follower --- */

/* "2026-11-24T12:34:56.789Z", in seconds. */
static double parse_time(const char *text)
{
    struct tm tm = {.tm_isdst = 0};
    double seconds = 0;
    must(sscanf(text, "%d-%d-%dT%d:%d:%lf", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
                &tm.tm_min, &seconds) == 6,
         "event.time");
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (double)timegm(&tm) + seconds;
}

static void take_event(const char *line, double arrived)
{
    static const char id_key[] = "\"transaction\":\"";
    static const char time_key[] = "\"time\":\"";
    const char *id_text = strstr(line, id_key);
    const char *time_text = strstr(line, time_key);
    char digits[65];
    cairn_hash id;
    must(id_text != NULL && time_text != NULL && strlen(id_text) > sizeof id_key + 64, "event");
    memcpy(digits, id_text + sizeof id_key - 1, 64);
    digits[64] = '\0';
    must(cairn_hex_decode(digits, id.b, sizeof id.b) == CAIRN_OK, "event.transaction");
    size_t at = place_of(&id);
    must(table[at] != 0, "an event of somebody else");
    transaction *t = &transactions[table[at] - 1];
    must(t->seen == 0, "an event came twice");
    t->seen = arrived;
    t->block = parse_time(time_text + sizeof time_key - 1) - wall_offset;
    atomic_fetch_add(&seen_count, 1);
}

/* Lines of data; those of the framing around them are passed over. */
static void *follow(void *context)
{
    static char text[STREAM_MAX];
    SSL *ssl = context;
    size_t size = 0;
    while (atomic_load(&seen_count) < count) {
        int n = SSL_read(ssl, text + size, (int)(sizeof text - 1 - size));
        double arrived = now();
        must(n > 0, "the feed has ended");
        size += (size_t)n;
        text[size] = '\0';
        char *line = text;
        for (char *end = strchr(line, '\n'); end != NULL; end = strchr(line, '\n')) {
            *end = '\0';
            if (strncmp(line, "data: {", 7) == 0)
                take_event(line, arrived);
            line = end + 1;
        }
        size -= (size_t)(line - text);
        memmove(text, line, size);
    }
    return NULL;
}

static SSL *open_feed(void)
{
    char request[256];
    char answer[4096];
    SSL *ssl = connect_tls();
    int size = snprintf(request, sizeof request,
                        "GET /v1/ledgers/%s/events HTTP/1.1\r\nHost: a\r\nAccept: "
                        "text/event-stream\r\n\r\n",
                        ledger);
    must(SSL_write(ssl, request, size) == size, "send");
    must(SSL_read(ssl, answer, sizeof answer) > 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0,
         "feed");
    return ssl;
}

/* --- the submitter --- */

typedef struct writer {
    SSL *ssl;
    transaction *under_way; /* NULL: free */
} writer;

static writer writers[WRITERS];
static writer *free_writers[WRITERS];
static size_t free_count;

/* Nothing is measured of a node that does not take what it is given. */
static void refuse(const char *answer)
{
    const char *body = strstr(answer, "\r\n\r\n");
    (void)fprintf(stderr, "load-feed: a transaction was refused: %.12s %s\n", answer,
                  body == NULL ? "" : body + 4);
    exit(1);
}

static void read_answer(writer *w)
{
    static char text[ANSWER_MAX];
    size_t size = 0;
    for (bool whole = false; !whole;) {
        int n = SSL_read(w->ssl, text + size, (int)(sizeof text - 1 - size));
        must(n > 0, "answer");
        size += (size_t)n;
        text[size] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        const char *length = strstr(text, "Content-Length: ");
        whole = end != NULL && length != NULL &&
                size >= (size_t)(end - text) + 4 + strtoul(length + 16, NULL, 10);
    }
    w->under_way->answered = now();
    if (memcmp(text, "HTTP/1.1 200", 12) != 0)
        refuse(text);
    w->under_way = NULL;
    free_writers[free_count++] = w;
}

static void send_write(transaction *t)
{
    static char out[ANSWER_MAX];
    writer *w = free_writers[--free_count];
    int used = snprintf(out, sizeof out,
                        "POST /v1/ledgers/%s/transactions?wait=commit HTTP/1.1\r\nHost: a\r\n"
                        "Content-Type: application/cose\r\nContent-Length: %zu\r\n\r\n",
                        ledger, t->raw.size);
    must(used > 0 && (size_t)used + t->raw.size <= sizeof out, "transaction's size");
    memcpy(out + used, t->raw.data, t->raw.size);
    w->under_way = t;
    int size = used + (int)t->raw.size;
    must(SSL_write(w->ssl, out, size) == size, "send");
}

static void connect_writers(int poller)
{
    for (size_t i = 0; i < WRITERS; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &writers[i]};
        writers[i].ssl = connect_tls();
        must(epoll_ctl(poller, EPOLL_CTL_ADD, SSL_get_fd(writers[i].ssl), &event) == 0, "epoll");
        free_writers[free_count++] = &writers[i];
    }
}

/* Waits for answers, but not past `until`. */
static void take_answers(int poller, double until)
{
    struct epoll_event events[64];
    double left = until - now();
    const struct timespec wait = {.tv_sec = (time_t)(left > 0 ? left : 0),
                                  .tv_nsec =
                                      left > 0 ? (long)((left - (double)(long)left) * 1e9) : 0};
    int ready = epoll_pwait2(poller, events, 64, &wait, NULL);
    for (int i = 0; i < ready; i++)
        read_answer(events[i].data.ptr);
}

/* The wall seconds from the first that was due to the last answer. */
static double submit_all(int poller, double rate)
{
    size_t sent = 0;
    double start = now() + 0.1;
    for (size_t i = 0; i < count; i++)
        transactions[i].due = start + (double)i / rate;
    while (sent < count || free_count < WRITERS) {
        while (sent < count && free_count > 0 && transactions[sent].due <= now())
            send_write(&transactions[sent++]);
        bool may_send = sent < count && free_count > 0;
        take_answers(poller, may_send ? transactions[sent].due : now() + 1);
    }
    return now() - start;
}

/* --- the table --- */

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static void print(const char *what, double (*of)(const transaction *t))
{
    double *values = calloc(count, sizeof *values);
    must(values != NULL, "memory");
    for (size_t i = 0; i < count; i++)
        values[i] = of(&transactions[i]) * 1e3;
    qsort(values, count, sizeof *values, compare);
    printf("  %-28s p50 %7.2f ms  p99 %7.2f ms  max %7.2f ms\n", what, values[count / 2],
           values[count * 99 / 100], values[count - 1]);
    free(values);
}

static double answer_from_due(const transaction *t)
{
    return t->answered - t->due;
}
static double event_from_due(const transaction *t)
{
    return t->seen - t->due;
}
static double event_from_block(const transaction *t)
{
    return t->seen - t->block;
}
static double event_from_answer(const transaction *t)
{
    return t->seen - t->answered;
}

static double cpu_of(char **processes, int process_count)
{
    double sum = 0;
    for (int i = 0; i < process_count; i++) {
        clockid_t clock;
        must(clock_getcpuclockid((pid_t)atoi(processes[i]), &clock) == 0, "a process has ended");
        sum += seconds_of(clock);
    }
    return sum;
}

int main(int argc, char **argv)
{
    pthread_t follower;
    must(argc >= 8, "usage: load-feed PORT CERT.pem KEY.pem LEDGER TRANSACTIONS RATE PID...");
    port = atoi(argv[1]);
    ledger = argv[4];
    ctx = SSL_CTX_new(TLS_client_method());
    must(ctx != NULL && SSL_CTX_use_certificate_file(ctx, argv[2], SSL_FILETYPE_PEM) == 1 &&
             SSL_CTX_use_PrivateKey_file(ctx, argv[3], SSL_FILETYPE_PEM) == 1,
         "certificate");
    wall_offset = seconds_of(CLOCK_REALTIME) - now();
    load_transactions(argv[5]);
    double rate = strtod(argv[6], NULL);
    must(count > 0 && rate > 0, "nothing to do");
    SSL *feed = open_feed();
    must(pthread_create(&follower, NULL, follow, feed) == 0, "thread");
    int poller = epoll_create1(EPOLL_CLOEXEC);
    connect_writers(poller);
    double cpu = cpu_of(argv + 7, argc - 7);
    double wall = submit_all(poller, rate);
    for (int i = 0; i < PATIENCE_S * 100 && atomic_load(&seen_count) < count; i++)
        (void)usleep(10000);
    must(atomic_load(&seen_count) == count, "events are missing");
    must(pthread_join(follower, NULL) == 0, "thread");
    cpu = cpu_of(argv + 7, argc - 7) - cpu;
    printf("feed of events, %.0f/s due, %.0f/s answered, %zu events; CPU %.1f us each\n", rate,
           (double)count / wall, count, cpu / (double)count * 1e6);
    print("answer after it was due", answer_from_due);
    print("event after it was due", event_from_due);
    print("event after its block's time", event_from_block);
    print("event behind its answer", event_from_answer);
    return 0;
}
