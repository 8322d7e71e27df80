/* Load for a node over mutual TLS with kept connections: small reads, then durable writes. Started
 * by bench/node.sh.
 *
 *   load-node PORT CERT.pem KEY.pem LEDGER TRANSACTIONS SECONDS
 *
 * Every connection has one call under way. Latency is from a call's sending to its whole answer,
 * with all of them under way: what saturation looks like, not an idle node. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READERS = 64, WRITERS = 512, SAMPLES_MAX = 4000000, ANSWER_MAX = 65536 };

static void must(int good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "load-node: %s\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static SSL *connect_tls(SSL_CTX *ctx, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SSL *ssl = SSL_new(ctx);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0, "connect");
    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "nodelay");
    must(ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1, "handshake");
    return ssl;
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

static double samples[SAMPLES_MAX];
static size_t sample_count;

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static void report(const char *what, double seconds, size_t failed)
{
    qsort(samples, sample_count, sizeof samples[0], compare);
    must(sample_count > 0, "nothing was answered");
    printf("%-16s %9.0f/s  p50 %7.2f ms  p99 %7.2f ms  (%zu calls, %zu refused)\n", what,
           (double)sample_count / seconds, samples[sample_count / 2] * 1e3,
           samples[sample_count * 99 / 100] * 1e3, sample_count, failed);
}

static void reads(SSL_CTX *ctx, int port, const char *ledger, double seconds)
{
    static SSL *ssl[READERS];
    static double sent[READERS];
    char request[256];
    size_t failed = 0;
    int size = snprintf(request, sizeof request,
                        "GET /v1/ledgers/%s/state/members HTTP/1.1\r\nHost: a\r\n\r\n", ledger);
    for (size_t i = 0; i < READERS; i++) {
        ssl[i] = connect_tls(ctx, port);
        send_all(ssl[i], request, (size_t)size);
        sent[i] = now();
    }
    double start = now();
    for (size_t i = 0; now() - start < seconds && sample_count < SAMPLES_MAX;
         i = (i + 1) % READERS) {
        failed += read_answer(ssl[i]) != 200;
        samples[sample_count++] = now() - sent[i];
        sent[i] = now();
        send_all(ssl[i], request, (size_t)size);
    }
    report("small reads", now() - start, failed);
}

/* The next transaction of the file as a request; 0 at its end. */
static size_t next_write(FILE *in, const char *ledger, char *out, size_t room)
{
    unsigned char head[4];
    if (fread(head, 1, 4, in) != 4)
        return 0;
    size_t size = (size_t)head[2] << 8 | head[3];
    int used = snprintf(out, room,
                        "POST /v1/ledgers/%s/transactions?wait=durable HTTP/1.1\r\nHost: a\r\n"
                        "Content-Type: application/cose\r\nContent-Length: %zu\r\n\r\n",
                        ledger, size);
    must(fread(out + used, 1, size, in) == size, "transactions");
    return (size_t)used + size;
}

static void writes(SSL_CTX *ctx, int port, const char *ledger, const char *path)
{
    static SSL *ssl[WRITERS];
    static double sent[WRITERS];
    static char request[ANSWER_MAX];
    FILE *in = fopen(path, "rb");
    size_t failed = 0;
    size_t open = 0;
    must(in != NULL, path);
    sample_count = 0;
    for (size_t i = 0; i < WRITERS; i++)
        ssl[i] = connect_tls(ctx, port);
    double start = now();
    for (size_t i = 0; i < WRITERS; i++) {
        size_t size = next_write(in, ledger, request, sizeof request);
        must(size > 0, "too few transactions");
        send_all(ssl[i], request, size);
        sent[i] = now();
        open++;
    }
    for (size_t i = 0; open > 0; i = (i + 1) % WRITERS) {
        if (sent[i] == 0)
            continue;
        failed += read_answer(ssl[i]) != 200;
        samples[sample_count++] = now() - sent[i];
        size_t size = next_write(in, ledger, request, sizeof request);
        sent[i] = size == 0 ? 0 : now();
        open -= size == 0;
        if (size > 0)
            send_all(ssl[i], request, size);
    }
    report("durable writes", now() - start, failed);
    (void)fclose(in);
}

int main(int argc, char **argv)
{
    must(argc == 7, "usage: load-node PORT CERT.pem KEY.pem LEDGER TRANSACTIONS SECONDS");
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    must(ctx != NULL && SSL_CTX_use_certificate_file(ctx, argv[2], SSL_FILETYPE_PEM) == 1 &&
             SSL_CTX_use_PrivateKey_file(ctx, argv[3], SSL_FILETYPE_PEM) == 1,
         "certificate");
    reads(ctx, atoi(argv[1]), argv[4], strtod(argv[6], NULL));
    writes(ctx, atoi(argv[1]), argv[4], argv[5]);
    return 0;
}
