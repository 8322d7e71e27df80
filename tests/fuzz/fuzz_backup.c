/* Backups: whatever the bytes, nothing is written outside the directory, and cairn.yaml is there
 * only when all held. */
#include "fuzz/fuzz.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/store/file.h"
#include "node/backup/backup.h"

static char base[64];   /* holds `target` and nothing else */
static char target[96]; /* where backups are restored */

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status;
    (void)kind;
    return at->level == 0 ? 0 : remove(path);
}

static void remove_all(void)
{
    (void)nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    (void)rmdir(base);
}

static void make_base(void)
{
    (void)snprintf(base, sizeof base, "%s/cairn-fuzz-backup-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CAIRN_ASSERT(mkdtemp(base) != NULL);
    CAIRN_ASSERT(atexit(remove_all) == 0);
    (void)snprintf(target, sizeof target, "%s/target", base);
}

static cairn_err only_target(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "target") == 0 ? CAIRN_OK : CAIRN_ERR_INTERNAL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_backup_facts facts;
    char config[128];
    if (base[0] == '\0')
        make_base();
    (void)nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    CAIRN_ASSERT(mkdir(target, 0700) == 0);
    int fd = memfd_create("backup", MFD_CLOEXEC);
    CAIRN_ASSERT(fd >= 0);
    CAIRN_ASSERT(cairn_file_write(fd, "backup", cairn_bytes_of(data, size)) == CAIRN_OK);
    CAIRN_ASSERT(lseek(fd, 0, SEEK_SET) == 0);
    cairn_err err = cairn_backup_restore(fd, "backup", (cairn_bytes){0}, target, &facts);
    (void)close(fd);
    CAIRN_ASSERT(cairn_dir_each(base, only_target, NULL) == CAIRN_OK);
    (void)snprintf(config, sizeof config, "%s/cairn.yaml", target);
    CAIRN_ASSERT(err == CAIRN_OK || access(config, F_OK) != 0);
    return 0;
}
