/* What a device takes: `device_footprint FIRMWARE` runs the program of device_firmware.c through
 * its life, being its peer, prints its report with the bytes and the round trips, and fails beyond
 * the bounds of the issue: 150 kB of text without OpenSSL, 64 kB of heap. [X1353-R40] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/fdo_peer.h"
#include "support/tree.h"

enum { TEXT_MAX = 150000, HEAP_MAX = 64000 };

typedef struct traffic {
    size_t round_trips, sent, received;
} traffic;

static int to_device, from_device;

static void must(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "device_footprint: %s\n", what);
    exit(1);
}

static void start(const char *firmware, const char *directory)
{
    int down[2];
    int up[2];
    must(pipe(down) == 0 && pipe(up) == 0, "pipe");
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (pid == 0) {
        must(dup2(down[0], STDIN_FILENO) >= 0 && dup2(up[1], STDOUT_FILENO) >= 0, "dup2");
        (void)close(down[1]);
        (void)close(up[0]);
        (void)execl(firmware, firmware, directory, (char *)NULL);
        _exit(127);
    }
    (void)close(down[0]);
    (void)close(up[1]);
    to_device = down[1];
    from_device = up[0];
}

static void read_all(void *data, size_t size)
{
    for (uint8_t *at = data; size > 0;) {
        ssize_t n = read(from_device, at, size);
        must(n > 0, "the device has ended");
        at += n;
        size -= (size_t)n;
    }
}

static void write_all(const void *data, size_t size)
{
    for (const uint8_t *at = data; size > 0;) {
        ssize_t n = write(to_device, at, size);
        must(n > 0, "the device does not read");
        at += n;
        size -= (size_t)n;
    }
}

/* Serves until the report comes. */
static void serve(fdo_peer *peer, traffic *t, char report[256])
{
    for (;;) {
        static uint8_t body[65536];
        uint8_t head[5];
        read_all(head, sizeof head);
        size_t size = cairn_get_u32(head + 1);
        must(size < sizeof body, "a message that is too large");
        read_all(body, size);
        if (head[0] == 0) {
            (void)snprintf(report, 256, "%.*s", (int)size, (const char *)body);
            return;
        }
        const cairn_fdo_client_message message = {.type = head[0],
                                                  .body = cairn_bytes_of(body, size)};
        cairn_bytes answer;
        fdo_peer_answer(peer, &message, &head[0], &answer);
        cairn_put_u32(head + 1, (uint32_t)answer.size);
        write_all(head, sizeof head);
        write_all(answer.data, answer.size);
        t->round_trips++;
        t->sent += size;
        t->received += answer.size;
    }
}

int main(int argc, char **argv)
{
    char directory[256];
    char report[256];
    fdo_peer peer;
    traffic t = {0};
    unsigned long text = 0;
    unsigned long heap = 0;
    unsigned long openssl = 0;
    unsigned long left = 0;
    must(argc == 2, "usage: device_footprint FIRMWARE");
    tree_make(directory, sizeof directory, "footprint");
    fdo_peer_init(&peer, CAIRN_KEY_P256, 1);
    start(argv[1], directory);
    serve(&peer, &t, report);
    must(sscanf(report, "text %lu heap %lu openssl %lu left %lu", &text, &heap, &openssl, &left) ==
             4,
         "a report of another form");
    (void)printf("text without OpenSSL %lu bytes, peak heap %lu bytes, OpenSSL's own %lu bytes, "
                 "left at the end %lu\n",
                 text, heap, openssl, left);
    (void)printf("DI, TO1 and TO2 with one voucher entry and devmod: %zu round trips, %zu bytes "
                 "sent, %zu received\n",
                 t.round_trips, t.sent, t.received);
    must(peer.done == 1, "not onboarded");
    must(text <= TEXT_MAX, "too much text");
    must(heap <= HEAP_MAX, "too much heap");
    fdo_peer_done(&peer);
    tree_remove(directory);
    return 0;
}
