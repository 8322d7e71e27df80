/* Import workers: foreign bytes are parsed in a process that has no files, no network and little
 * time. Whatever happens in it is an error of that one import. Source: house (ARCHITECTURE,
 * Processes). */
#ifndef CAIRN_NODE_WORKER_H
#define CAIRN_NODE_WORKER_H

#include "cairn/arena.h"
#include "node/process/spawner.h"

/* What a parser works with, inside the worker. */
typedef struct cairn_worker_io cairn_worker_io;

/* The next bytes of the input: at most `size`, 0 at its end. */
cairn_err cairn_worker_read(cairn_worker_io *io, void *data, size_t size,
                            size_t *ret_size) CAIRN_MUST_USE;
/* Adds to the result. IO when nobody takes it any more. */
cairn_err cairn_worker_write(cairn_worker_io *io, cairn_bytes data) CAIRN_MUST_USE;

/* Runs in the worker's one thread, sandboxed (CAIRN_SANDBOX_WORKER). Its error and the detail are
 * the caller's to see. */
typedef struct cairn_worker_parser {
    const char *name; /* as cairn_worker_run names it */
    cairn_err (*parse)(cairn_worker_io *io);
} cairn_worker_parser;

typedef struct cairn_worker_limits {
    uint32_t memory_mib; /* address space beyond what the program itself needs */
    uint32_t cpu_s;
    uint32_t wall_ms;
    size_t output_size_max; /* bytes */
} cairn_worker_limits;

/* 256 MiB, 10 s, 30 s, 64 MiB. */
cairn_worker_limits cairn_worker_limits_default(void);

/* Where the input comes from: the next at most `size` bytes, 0 at the end. May block; the time of
 * the worker runs on. */
typedef struct cairn_worker_source {
    cairn_err (*read)(void *context, uint8_t *data, size_t size, size_t *ret_size);
    void *context;
} cairn_worker_source;

/* Takes the result in pieces as they come. The last word is cairn_worker_run's: until it has
 * returned success, the pieces are those of a parse that may yet fail. */
typedef struct cairn_worker_sink {
    cairn_err (*write)(void *context, cairn_bytes data);
    void *context;
} cairn_worker_sink;

/* Runs the parser `name` over the source in a fresh worker, and waits for it. NOT_FOUND when there
 * is no such parser; BAD_VALUE when the worker crashed or broke a rule of its sandbox; TOO_LARGE
 * when it reached a limit, which the detail names; UNAVAILABLE when no process can be started; else
 * the parser's, source's or sink's own error. Any thread; blocks. */
cairn_err cairn_worker_run(cairn_spawner *spawner, const char *name,
                           const cairn_worker_limits *limits, const cairn_worker_source *source,
                           const cairn_worker_sink *sink) CAIRN_MUST_USE;

/* The same over bytes in memory, into the arena. */
cairn_err cairn_worker_run_bytes(cairn_spawner *spawner, const char *name,
                                 const cairn_worker_limits *limits, cairn_bytes input,
                                 cairn_arena *arena, cairn_bytes *ret_output) CAIRN_MUST_USE;

/* The worker process: see node/process/process.h. */
int cairn_worker_main(int argc, char **argv, const cairn_worker_parser *parsers,
                      size_t parser_count);

#endif
