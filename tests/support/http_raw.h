/* Raw bytes over loopback TCP: what tests of HTTP need beside cmocka. Every failure fails the test.
 * Waits end by themselves after RAW_WAIT_MS, so that a broken server cannot hang the run. */
#ifndef CAIRN_TESTS_SUPPORT_HTTP_RAW_H
#define CAIRN_TESTS_SUPPORT_HTTP_RAW_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { RAW_WAIT_MS = 20000 };

static inline struct sockaddr_in raw_loopback(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static inline void raw_set_wait(int fd)
{
    struct timeval wait = {.tv_sec = RAW_WAIT_MS / 1000};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait), 0);
}

static inline int raw_connect(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    raw_set_wait(fd);
    int on = 1;
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    struct sockaddr_in address = raw_loopback(port);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* A listening socket; its port goes to `ret_port`. */
static inline int raw_listen(uint16_t *ret_port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    raw_set_wait(fd);
    struct sockaddr_in address = raw_loopback(0);
    socklen_t size = sizeof address;
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static inline void raw_send_n(int fd, const void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = send(fd, (const char *)data + done, size - done, MSG_NOSIGNAL);
        assert_true(n > 0);
        done += (size_t)n;
    }
}

static inline void raw_send(int fd, const char *text)
{
    raw_send_n(fd, text, strlen(text));
}

/* Reads until the text holds `stop`, or to the end of the stream when `stop` is NULL. Returns the
 * size; the text ends in NUL. Fails when time is up or the room is full. */
static inline size_t raw_receive(int fd, char *text, size_t room, const char *stop)
{
    size_t size = 0;
    text[0] = '\0';
    while (stop == NULL || strstr(text, stop) == NULL) {
        assert_true(size + 1 < room);
        ssize_t n = recv(fd, text + size, room - size - 1, 0);
        if (n == 0)
            break;
        assert_true(n > 0);
        size += (size_t)n;
        text[size] = '\0';
    }
    if (stop != NULL)
        assert_non_null(strstr(text, stop));
    return size;
}

/* Sends a text and reads to the end of the stream. */
static inline void raw_exchange(uint16_t port, const char *request, char *reply, size_t room)
{
    int fd = raw_connect(port);
    raw_send(fd, request);
    (void)raw_receive(fd, reply, room, NULL);
    (void)close(fd);
}

#endif
