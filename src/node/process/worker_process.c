/* The worker process: limits, sandbox, one parser, the end. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/sandbox.h"
#include "node/process/worker_impl.h"

/* Frames are gathered: `out` begins with room for the head. */
struct cairn_worker_io {
    size_t size; /* of the piece that gathers */
    uint8_t out[CAIRN_WORKER_HEAD_SIZE + CAIRN_WORKER_DATA_SIZE_MAX];
};

/* --- what parsers call --- */

cairn_err cairn_worker_read(cairn_worker_io *io, void *data, size_t size, size_t *ret_size)
{
    (void)io;
    ssize_t n = 0;
    do
        n = read(CAIRN_WORKER_FD, data, size);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return CAIRN_FAIL(CAIRN_ERR_IO, "house", "worker: input");
    *ret_size = (size_t)n;
    return CAIRN_OK;
}

static cairn_err send_frame(cairn_worker_io *io, uint8_t kind)
{
    size_t size = CAIRN_WORKER_HEAD_SIZE + io->size;
    io->out[0] = kind;
    cairn_put_u32(io->out + 1, (uint32_t)io->size);
    for (size_t sent = 0; sent < size;) {
        ssize_t n = write(CAIRN_WORKER_FD, io->out + sent, size - sent);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return CAIRN_FAIL(CAIRN_ERR_IO, "house", "worker: output");
        sent += (size_t)n;
    }
    io->size = 0;
    return CAIRN_OK;
}

cairn_err cairn_worker_write(cairn_worker_io *io, cairn_bytes data)
{
    while (data.size > 0) {
        size_t room = CAIRN_WORKER_DATA_SIZE_MAX - io->size;
        size_t size = data.size < room ? data.size : room;
        memcpy(io->out + CAIRN_WORKER_HEAD_SIZE + io->size, data.data, size);
        io->size += size;
        data = cairn_bytes_of(data.data + size, data.size - size);
        if (io->size == CAIRN_WORKER_DATA_SIZE_MAX)
            CAIRN_TRY(send_frame(io, CAIRN_WORKER_DATA));
    }
    return CAIRN_OK;
}

static cairn_err send_end(cairn_worker_io *io, cairn_err err)
{
    cairn_bytes detail = cairn_bytes_str(err == CAIRN_OK ? "" : cairn_err_detail());
    if (detail.size > CAIRN_WORKER_ERROR_SIZE_MAX)
        detail.size = CAIRN_WORKER_ERROR_SIZE_MAX;
    if (io->size > 0 && err == CAIRN_OK)
        CAIRN_TRY(send_frame(io, CAIRN_WORKER_DATA));
    uint8_t *at = io->out + CAIRN_WORKER_HEAD_SIZE;
    cairn_put_u32(at, (uint32_t)-err);
    memcpy(at + 4, detail.data, detail.size);
    io->size = 4 + detail.size;
    return send_frame(io, CAIRN_WORKER_END);
}

/* --- the fences --- */

/* Pages of address space that the program has taken already. */
static cairn_err used_pages(unsigned long *ret_pages)
{
    char line[128] = "";
    FILE *file = fopen("/proc/self/statm", "re");
    const char *got = file == NULL ? NULL : fgets(line, sizeof line, file);
    if (file != NULL)
        (void)fclose(file);
    *ret_pages = strtoul(line, NULL, 10);
    return got == NULL || *ret_pages == 0 ? CAIRN_FAIL(CAIRN_ERR_IO, "house", "worker: statm")
                                          : CAIRN_OK;
}

static cairn_err set_limit(int resource, rlim_t soft, rlim_t hard)
{
    const struct rlimit limit = {soft, hard};
    return setrlimit((__rlimit_resource_t)resource, &limit) == 0
               ? CAIRN_OK
               : cairn_err_from_errno(errno, "worker: setrlimit");
}

static cairn_err set_limits(unsigned long memory_mib, unsigned long cpu_s)
{
    unsigned long pages = 0;
    CAIRN_TRY(used_pages(&pages));
    rlim_t memory = pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)memory_mib << 20);
    CAIRN_TRY(set_limit(RLIMIT_AS, memory, memory));
    CAIRN_TRY(set_limit(RLIMIT_CPU, cpu_s, cpu_s + 1));
    CAIRN_TRY(set_limit(RLIMIT_FSIZE, 0, 0));
    /* One more than there are: Landlock is entered through a descriptor. */
    return set_limit(RLIMIT_NOFILE, CAIRN_WORKER_FD + 2, CAIRN_WORKER_FD + 2);
}

static cairn_err shut_in(const char *memory_mib, const char *cpu_s)
{
    cairn_sandbox_report report = {0};
    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_NAME, "cairn-worker", 0, 0, 0);
    CAIRN_TRY(cairn_sandbox_harden(CAIRN_WORKER_FD + 1));
    CAIRN_TRY(set_limits(strtoul(memory_mib, NULL, 10), strtoul(cpu_s, NULL, 10)));
    return cairn_sandbox_enter(CAIRN_SANDBOX_WORKER, NULL, 0, &report);
}

int cairn_worker_main(int argc, char **argv, const cairn_worker_parser *parsers,
                      size_t parser_count)
{
    static cairn_worker_io io;
    const cairn_worker_parser *parser = NULL;
    if (argc != 4)
        return cairn_err_exit(CAIRN_ERR_USAGE);
    for (size_t i = 0; i < parser_count; i++)
        if (strcmp(parsers[i].name, argv[1]) == 0)
            parser = &parsers[i];
    cairn_err err = shut_in(argv[2], argv[3]);
    if (err == CAIRN_OK)
        err = parser == NULL ? CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "no parser %s", argv[1])
                             : parser->parse(&io);
    err = send_end(&io, err);
    _exit(cairn_err_exit(err)); /* nothing that a library does at exit may break the filter */
}
