/* A device as small as it gets: the client, its files and modules, and a link over two descriptors.
 * It lives through DI, TO1 and TO2 with whoever is at the other end, and tells at last what it took
 * of memory, OpenSSL's part told apart. [X1353-R40]
 *
 * Frames: type (1 byte), size (4 bytes, big-endian), body. Type 0 is the report, the last one. */
#include <link.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cairn/fdo_client.h"

/* --- heap --- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void __libc_free(void *memory);

static size_t heap_now, heap_peak; /* the client's */
static size_t openssl_now, openssl_peak;

static void count(size_t *now, size_t *peak, void *memory)
{
    if (memory != NULL)
        *now += malloc_usable_size(memory);
    if (*now > *peak)
        *peak = *now;
}

void *malloc(size_t size)
{
    void *memory = __libc_malloc(size);
    count(&heap_now, &heap_peak, memory);
    return memory;
}

void *calloc(size_t n, size_t size)
{
    void *memory = __libc_calloc(n, size);
    count(&heap_now, &heap_peak, memory);
    return memory;
}

void *realloc(void *memory, size_t size)
{
    heap_now -= memory == NULL ? 0 : malloc_usable_size(memory);
    void *moved = __libc_realloc(memory, size);
    count(&heap_now, &heap_peak, moved);
    return moved;
}

void free(void *memory)
{
    heap_now -= memory == NULL ? 0 : malloc_usable_size(memory);
    __libc_free(memory);
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
    void *memory = __libc_malloc(size);
    (void)file;
    (void)line;
    count(&openssl_now, &openssl_peak, memory);
    return memory;
}

static void *openssl_realloc(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    openssl_now -= memory == NULL ? 0 : malloc_usable_size(memory);
    void *moved = __libc_realloc(memory, size);
    count(&openssl_now, &openssl_peak, moved);
    return moved;
}

static void openssl_free(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    openssl_now -= memory == NULL ? 0 : malloc_usable_size(memory);
    __libc_free(memory);
}

/* --- code --- */

/* Bytes of this program, without its libraries, that are mapped and not written to. */
static int add_segments(struct dl_phdr_info *info, size_t size, void *context)
{
    size_t *text = context;
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_W) == 0)
            *text += info->dlpi_phdr[i].p_memsz;
    return 1; /* the program comes first */
}

/* --- the link --- */

static void must(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "device-firmware: %s: %s\n", what, cairn_err_detail());
    exit(1);
}

static void write_all(const void *data, size_t size)
{
    for (const uint8_t *at = data; size > 0;) {
        ssize_t n = write(STDOUT_FILENO, at, size);
        must(n > 0, "write");
        at += n;
        size -= (size_t)n;
    }
}

static void read_all(void *data, size_t size)
{
    for (uint8_t *at = data; size > 0;) {
        ssize_t n = read(STDIN_FILENO, at, size);
        must(n > 0, "read");
        at += n;
        size -= (size_t)n;
    }
}

static void send_frame(uint8_t type, cairn_bytes body)
{
    uint8_t head[5] = {type};
    cairn_put_u32(head + 1, (uint32_t)body.size);
    write_all(head, sizeof head);
    write_all(body.data, body.size);
}

static cairn_err post(void *context, const char *url, const cairn_fdo_client_message *message,
                      char token[CAIRN_FDO_CLIENT_TOKEN_SIZE], uint8_t *buffer, size_t buffer_size,
                      uint8_t *ret_type, size_t *ret_size)
{
    uint8_t head[5];
    (void)context;
    (void)url;
    (void)token;
    send_frame(message->type, message->body);
    read_all(head, sizeof head);
    size_t size = cairn_get_u32(head + 1);
    if (size > buffer_size)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "link: %zu bytes", size);
    read_all(buffer, size);
    *ret_type = head[0];
    *ret_size = size;
    return CAIRN_OK;
}

static void sleep_ms(void *context, uint64_t ms)
{
    (void)context;
    (void)ms;
}

static uint32_t draw(void *context)
{
    (void)context;
    return 0;
}

static void live(const char *directory, cairn_fdo_client_files *files)
{
    static const char *const key_names[] = {"operator", "service"};
    const cairn_fdo_client_birth birth = {CAIRN_KEY_P256, cairn_bytes_str("1"),
                                          cairn_bytes_str("lamp")};
    const cairn_fdo_client_link link = {NULL, post};
    const cairn_fdo_client_world world = {NULL, sleep_ms, draw, NULL};
    cairn_fdo_client_config config = {.keys = cairn_fdo_client_files_keys(files),
                                      .store = cairn_fdo_client_files_store(files),
                                      .traits = {"Linux", "arm", "1", "lamp", "1", ":"}};
    const cairn_fdo_client_modules_config offers = {.directory = directory,
                                                    .upload_from = directory,
                                                    .command = true,
                                                    .keys = &config.keys,
                                                    .key_names = key_names,
                                                    .key_name_count = 2};
    cairn_fdo_client_modules *modules = NULL;
    cairn_fdo_client *device = NULL;
    must(cairn_fdo_client_modules_open(&offers, &modules) == CAIRN_OK, "modules");
    config.modules = cairn_fdo_client_modules_list(modules, &config.module_count);
    must(cairn_fdo_client_open(&config, &device) == CAIRN_OK, "open");
    must(cairn_fdo_client_initialise(device, &link, &world, "x", &birth) == CAIRN_OK, "DI");
    must(cairn_fdo_client_run(device, &link, &world, 1) == CAIRN_OK, "TO1, TO2");
    cairn_fdo_client_free(device);
    cairn_fdo_client_modules_free(modules);
}

int main(int argc, char **argv)
{
    char report[200];
    size_t text = 0;
    cairn_fdo_client_files *files = NULL;
    if (argc != 2)
        return 2;
    must(CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) == 1, "OpenSSL");
    heap_now = heap_peak = 0;
    must(cairn_fdo_client_files_open(argv[1], &files) == CAIRN_OK, "files");
    live(argv[1], files);
    cairn_fdo_client_files_free(files);
    (void)dl_iterate_phdr(add_segments, &text);
    int size = snprintf(report, sizeof report, "text %zu heap %zu openssl %zu left %zu", text,
                        heap_peak, openssl_peak, heap_now);
    send_frame(0, cairn_bytes_of(report, (size_t)size));
    return 0;
}
