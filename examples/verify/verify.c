/* A stranger's verifier, whole: libcairn, three files, no ledger and no network.
 *
 *   cc verify.c $(pkg-config --cflags --libs cairn) -o verify
 *   ./verify FILE RECEIPT TRUST
 *
 * Exit 0: the file is what was anchored. 1: it is not, or nobody who is trusted says so. 3: one of
 * the three cannot be read. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cairn/verify.h"

enum {
    NO = 1,
    UNREADABLE = 3,
    ARENA_SIZE = CAIRN_VERIFY_ARENA_SIZE + (1 << 20), /* the verdict's and the trust's */
};

static cairn_bytes read_whole(const char *path, uint8_t *out, size_t size_max)
{
    FILE *file = fopen(path, "rb");
    size_t size = file == NULL ? 0 : fread(out, 1, size_max, file);
    bool whole = file != NULL && !ferror(file) && fgetc(file) == EOF;
    if (file != NULL)
        (void)fclose(file);
    if (!whole) {
        (void)fprintf(stderr, "%s cannot be read, or is too large\n", path);
        exit(UNREADABLE);
    }
    return cairn_bytes_of(out, size);
}

static int say(cairn_err err)
{
    (void)printf("no: %s: %s\n", cairn_err_text(err), cairn_err_detail());
    return NO;
}

static int check_file(const char *path, const cairn_manifest *manifest)
{
    cairn_manifest_difference difference = {.kind = CAIRN_FILE_SAME};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        perror(path);
        return UNREADABLE;
    }
    const cairn_manifest_work work = {.thread_count = 1};
    cairn_err err = cairn_manifest_check_file(manifest, fd, &work, &difference);
    (void)close(fd);
    if (difference.kind != CAIRN_FILE_SAME)
        (void)printf("differs from byte %llu on\n", (unsigned long long)difference.from_byte);
    return err == CAIRN_OK ? 0 : say(err);
}

int main(int argc, char **argv)
{
    static uint8_t receipt[CAIRN_RECEIPT_FILE_SIZE_MAX];
    static uint8_t trusted[CAIRN_TRUST_SIZE_MAX];
    cairn_trust trust = {0};
    cairn_receipt_verdict verdict;
    cairn_arena arena;
    if (argc != 4) {
        (void)fprintf(stderr, "usage: %s FILE RECEIPT TRUST\n", argv[0]);
        return 2;
    }
    cairn_arena_init(&arena, ARENA_SIZE);
    cairn_err err =
        cairn_trust_decode(&arena, read_whole(argv[3], trusted, sizeof trusted), &trust);
    if (err == CAIRN_OK)
        err = cairn_verify_receipt(&arena, read_whole(argv[2], receipt, sizeof receipt), &trust,
                                   (uint64_t)time(NULL) * 1000, &verdict);
    int code = err == CAIRN_OK ? check_file(argv[1], &verdict.manifest) : say(err);
    if (code == 0)
        (void)printf("yes: on the ledger since %llu ms after 1970, log index %llu\n",
                     (unsigned long long)verdict.vouching.time_ms,
                     (unsigned long long)verdict.vouching.index);
    cairn_trust_done(&trust);
    cairn_arena_done(&arena);
    return code;
}
