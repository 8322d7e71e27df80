/* What the parts of golden-generate share: files of vectors, each line checked as it is written. */
#ifndef CAIRN_TESTS_GOLDEN_GENERATE_H
#define CAIRN_TESTS_GOLDEN_GENERATE_H

#include <sys/stat.h>

#include "support/ledger_memory.h"

static inline FILE *open_file(const char *directory, const char *name)
{
    char path[8192];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

static inline void must_match(const char *what, cairn_err got, cairn_err want)
{
    if (got == want)
        return;
    fprintf(stderr, "%s: %s instead of %s: %s\n", what, cairn_err_name(got), cairn_err_name(want),
            cairn_err_detail());
    exit(1);
}

#define VECTOR_TIME_MS (MEMORY_TIME_MS + 1000)

typedef struct vectors {
    memory_ledger m;
    uint64_t number;
    bool act; /* of an act: a proposal's code is what the act came to */
    FILE *file;
} vectors;

static inline void print_line(FILE *file, const char *code, const char *label, cairn_bytes raw)
{
    fprintf(file, "%s %s ", code, label);
    for (size_t i = 0; i < raw.size; i++)
        fprintf(file, "%02x", raw.data[i]);
    fputc('\n', file);
}

static inline void vectors_begin(vectors *v, const char *directory, const char *name,
                                 size_t members, const cairn_params *params)
{
    char path[4096];
    char file[64];
    (void)snprintf(path, sizeof path, "%s/vectors", directory);
    (void)mkdir(path, 0777);
    (void)snprintf(file, sizeof file, "%s.txt", name);
    *v = (vectors){.file = open_file(path, file)};
    memory_begin(&v->m, members, params);
    print_line(v->file, "genesis", "-", v->m.genesis);
}

static inline void vectors_end(vectors *v)
{
    CAIRN_ASSERT(fclose(v->file) == 0);
    memory_end(&v->m);
}

/* Applies raw bytes, which must give `code`, and writes them down. */
static inline void vector_raw(vectors *v, const char *label, cairn_bytes raw, cairn_err code)
{
    cairn_tx tx;
    cairn_approval approval;
    cairn_err err = memory_send(&v->m, VECTOR_TIME_MS, raw);
    if (err == CAIRN_OK && v->act && cairn_tx_decode(raw, &tx) == CAIRN_OK &&
        tx.type == CAIRN_TX_APPROVAL_PROPOSE) {
        MEMORY_MUST(memory_approval(&v->m, &tx.id, &approval));
        err = approval.code;
    }
    must_match(label, err, code);
    print_line(v->file, code == CAIRN_OK ? "OK" : cairn_err_name(code), label, raw);
}

static inline cairn_bytes vector_tx(vectors *v, uint8_t key, uint16_t type, cairn_bytes body)
{
    return memory_tx(&v->m, memory_key(key), type, body, VECTOR_TIME_MS + 1 + v->number++);
}

static inline cairn_hash vector(vectors *v, const char *label, uint8_t key, uint16_t type,
                                cairn_bytes body, cairn_err code)
{
    cairn_bytes raw = vector_tx(v, key, type, body);
    vector_raw(v, label, raw, code);
    return memory_id(raw);
}

static inline void vector_act(vectors *v, const char *label, uint16_t type, cairn_bytes act,
                              cairn_err code)
{
    vector(v, label, MEMORY_SIGN, CAIRN_TX_APPROVAL_PROPOSE,
           memory_propose(&v->m.arena, type, act, VECTOR_TIME_MS + 1000), code);
}

/* The vectors of subjects, grants, lists and the newer acts of organisations. */
void golden_write_identity(const char *directory);
void golden_write_onboard(const char *directory);

#endif
