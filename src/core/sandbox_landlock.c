/* Landlock by its system calls: glibc has no wrappers, and the header of the build machine may be
 * older than the kernel. Numbers and layouts are those of the kernel's linux/landlock.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/sandbox_impl.h"

enum {
    NR_CREATE_RULESET = 444, /* the same on every machine */
    NR_ADD_RULE = 445,
    NR_RESTRICT_SELF = 446,
    CREATE_RULESET_VERSION = 1,
    RULE_PATH_BENEATH = 1,
};

#define FS(bit) (UINT64_C(1) << (bit))
static const uint64_t fs_execute = FS(0);
static const uint64_t fs_refer = FS(13); /* move to another directory */
static const uint64_t fs_file_read = FS(2);
static const uint64_t fs_file_write = FS(1) | FS(14); /* write, truncate */
static const uint64_t fs_dir_read = FS(3);
static const uint64_t fs_dir_write = /* remove and make directories, files, sockets; refer */
    FS(4) | FS(5) | FS(7) | FS(8) | FS(9) | FS(13);
static const uint64_t net_tcp = FS(0) | FS(1);    /* bind, connect */
static const uint64_t scoped_all = FS(0) | FS(1); /* abstract UNIX sockets, signals */

typedef struct ruleset_attr {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
} ruleset_attr;

typedef struct path_beneath_attr {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed)) path_beneath_attr;

/* Every right over files that an ABI knows. */
static uint64_t known_fs(unsigned abi)
{
    uint64_t rights = FS(13) - 1;
    if (abi >= 2)
        rights |= FS(13); /* refer */
    if (abi >= 3)
        rights |= FS(14); /* truncate */
    if (abi >= 5)
        rights |= FS(15); /* ioctl on devices */
    return rights;
}

static unsigned kernel_abi(void)
{
    long abi = syscall(NR_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);
    return abi > 0 ? (unsigned)abi : 0;
}

/* What a profile wants to be fenced, as far as the kernel can. */
static ruleset_attr handled(cairn_sandbox_profile profile, unsigned abi)
{
    ruleset_attr attr = {.handled_access_fs = known_fs(abi)};
    if (profile == CAIRN_SANDBOX_KEYD_TOKEN)
        attr.handled_access_fs = fs_execute | (abi >= 2 ? fs_refer : 0);
    bool alone = profile == CAIRN_SANDBOX_KEYD || profile == CAIRN_SANDBOX_WORKER;
    if (abi >= 4 && alone)
        attr.handled_access_net = net_tcp;
    if (abi >= 6 && alone)
        attr.scoped = scoped_all;
    return attr;
}

static size_t attr_size(unsigned abi)
{
    return abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
}

/* Gives `rights` over what lies at `fd`. */
static cairn_err add_rule(int ruleset, int fd, uint64_t rights, const char *name)
{
    const path_beneath_attr attr = {.allowed_access = rights, .parent_fd = fd};
    if (syscall(NR_ADD_RULE, ruleset, RULE_PATH_BENEATH, &attr, 0) != 0)
        return cairn_err_from_errno(errno, name);
    return CAIRN_OK;
}

static cairn_err add_path(int ruleset, uint64_t handled_fs, const cairn_sandbox_path *path)
{
    struct stat facts;
    int fd = open(path->path, O_PATH | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return CAIRN_OK;
    if (fd < 0 || fstat(fd, &facts) != 0) {
        cairn_err err = cairn_err_from_errno(errno, path->path);
        if (fd >= 0)
            (void)close(fd);
        return err;
    }
    uint64_t rights = fs_file_read | (path->writable ? fs_file_write : 0);
    if (S_ISDIR(facts.st_mode))
        rights |= fs_dir_read | (path->writable ? fs_dir_write : 0);
    cairn_err err = add_rule(ruleset, fd, rights & handled_fs, path->path);
    (void)close(fd);
    return err;
}

/* Moving a file to another directory is forbidden by any ruleset that does not speak of it. */
static cairn_err free_renames(int ruleset, uint64_t handled_fs)
{
    if ((handled_fs & fs_refer) == 0)
        return CAIRN_OK;
    int fd = open("/", O_PATH | O_CLOEXEC);
    if (fd < 0)
        return cairn_err_from_errno(errno, "/");
    cairn_err err = add_rule(ruleset, fd, fs_refer, "/");
    (void)close(fd);
    return err;
}

static cairn_err fill_and_enter(int ruleset, cairn_sandbox_profile profile, uint64_t handled_fs,
                                const cairn_sandbox_path *paths, size_t path_count)
{
    if (profile == CAIRN_SANDBOX_KEYD_TOKEN)
        CAIRN_TRY(free_renames(ruleset, handled_fs));
    else
        for (size_t i = 0; i < path_count; i++)
            CAIRN_TRY(add_path(ruleset, handled_fs, &paths[i]));
    if (syscall(NR_RESTRICT_SELF, ruleset, 0) != 0)
        return cairn_err_from_errno(errno, "sandbox: landlock_restrict_self");
    return CAIRN_OK;
}

cairn_err cairn_landlock_enter(cairn_sandbox_profile profile, const cairn_sandbox_path *paths,
                               size_t path_count, unsigned *ret_abi)
{
    unsigned abi = kernel_abi();
    if (abi == 0) {
        *ret_abi = 0;
        return CAIRN_OK;
    }
    const ruleset_attr attr = handled(profile, abi);
    long ruleset = syscall(NR_CREATE_RULESET, &attr, attr_size(abi), 0);
    if (ruleset < 0)
        return cairn_err_from_errno(errno, "sandbox: landlock_create_ruleset");
    cairn_err err =
        fill_and_enter((int)ruleset, profile, attr.handled_access_fs, paths, path_count);
    (void)close((int)ruleset);
    CAIRN_TRY(err);
    *ret_abi = abi;
    return CAIRN_OK;
}
