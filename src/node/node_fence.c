/* Landlock gives and cannot take back: so the ledger directory is never named itself, only folders
 * in it, and those of the keys are not. */
#include "node/node_fence.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "core/store/file.h"
#include "node/auth/auth_issuers.h"
#include "node/node_consortium.h"
#include "node/node_follow.h"

/* What libraries read when they load late, look a name up or check a certificate. */
static const char *const system_paths[] = {
    "/usr/share",
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/usr/local/lib",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust",
    "/etc/ld.so.cache",
    "/etc/resolv.conf",
    "/run/systemd/resolve",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/localtime",
    "/proc/self",
    "/proc/sys/vm",
    "/sys/devices/system/cpu",
    "/dev/urandom",
};

/* What the node writes in its directory. Those that `init` makes are not made again: their loss is
 * to be found out. */
static const struct {
    const char *name;
    unsigned mode; /* 0: it is there */
} folders[] = {{"store", 0},  {"vault", 0700}, {"jobs", 0700},   {"access", 0700}, {"audit", 0700},
               {"tls", 0755}, {"ca", 0700},    {"status", 0700}, {"cosign", 0700}};

static const char *const named_files[] = {
    "node.certificate", "node.certificate_key", "node.client_cas", "outbox.ca_file",
    "follow.ca",        "follow.token_file",    "cosign.ca"};

enum {
    COUNT_MAX = sizeof system_paths / sizeof system_paths[0] + sizeof folders / sizeof folders[0] +
                sizeof named_files / sizeof named_files[0] + CAIRN_ISSUERS_MAX + 6,
    ARENA_SIZE_MAX = 1 << 20,
};

/* In the directory, and the token's PIN. */
static const char *const secrets[] = {"keys", "vault-keys", "engine"};

enum { SECRET_COUNT = sizeof secrets / sizeof secrets[0] + 1 };

/* All paths without links. */
typedef struct fence {
    char directory[PATH_MAX];
    char secrets[SECRET_COUNT][PATH_MAX];
    cairn_arena arena;
    size_t count;
    cairn_sandbox_path paths[COUNT_MAX];
} fence;

static cairn_err add(fence *f, const char *path, bool writable)
{
    void *copy = NULL;
    CAIRN_ASSERT(f->count < COUNT_MAX);
    CAIRN_TRY(cairn_arena_alloc(&f->arena, strlen(path) + 1, &copy));
    memcpy(copy, path, strlen(path) + 1);
    f->paths[f->count++] = (cairn_sandbox_path){.path = copy, .writable = writable};
    return CAIRN_OK;
}

/* Is `path` the folder, or in it? */
static bool lies_in(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    if (size == 1)
        return true; /* the root */
    return strncmp(path, folder, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

/* What is not there yet will be where it is said to be. */
static cairn_err find_secrets(fence *f, const cairn_config *config)
{
    char path[CAIRN_PATH_SIZE_MAX];
    for (size_t i = 0; i < SECRET_COUNT - 1; i++) {
        CAIRN_TRY(cairn_path_join(f->directory, secrets[i], path));
        if (realpath(path, f->secrets[i]) == NULL)
            memcpy(f->secrets[i], path, strlen(path) + 1);
    }
    if (realpath(cairn_config_text(config, "signer.pin_file"), f->secrets[SECRET_COUNT - 1]) ==
        NULL)
        memcpy(f->secrets[SECRET_COUNT - 1], f->directory, sizeof f->directory);
    return CAIRN_OK;
}

/* Does a folder hold the keys, or lie among them? */
static bool is_of_keys(const fence *f, const char *folder)
{
    bool found = lies_in(f->directory, folder);
    for (size_t i = 0; i < SECRET_COUNT; i++)
        found = found || lies_in(f->secrets[i], folder) ||
                (i < SECRET_COUNT - 1 && lies_in(folder, f->secrets[i]));
    return found;
}

static cairn_err add_system(fence *f)
{
    char real[PATH_MAX];
    for (size_t i = 0; i < sizeof system_paths / sizeof system_paths[0]; i++) {
        if (realpath(system_paths[i], real) == NULL)
            continue; /* not on this machine */
        if (is_of_keys(f, real))
            return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house",
                              "%s: it or its keys lie in %s, which a node can read", f->directory,
                              real);
        CAIRN_TRY(add(f, system_paths[i], false));
    }
    return add(f, "/dev/null", true);
}

static cairn_err add_folder(fence *f, const char *name)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(f->directory, name, path));
    CAIRN_TRY(cairn_dir_make(path, 0700));
    return add(f, path, true);
}

/* Not the engine's: its key for votes lies there. */
static cairn_err add_folders(fence *f, const cairn_config *config)
{
    char path[CAIRN_PATH_SIZE_MAX];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        CAIRN_TRY(cairn_path_join(f->directory, folders[i].name, path));
        if (folders[i].mode != 0)
            CAIRN_TRY(cairn_dir_make(path, folders[i].mode));
        CAIRN_TRY(add(f, path, true));
    }
    if (cairn_node_follows(config))
        return add_folder(f, "follow");
    return cairn_node_is_member(config) ? add_folder(f, "consortium") : CAIRN_OK;
}

/* Renewed files are new files: the folder is what stays. Not when the keys would come along. */
static cairn_err add_named(fence *f, const char *path)
{
    char real[PATH_MAX];
    if (path[0] == '\0' || realpath(path, real) == NULL)
        return CAIRN_OK; /* whoever reads it says that it is not there */
    char *slash = strrchr(real, '/');
    slash[slash == real ? 1 : 0] = '\0';
    return add(f, is_of_keys(f, real) ? path : real, false);
}

static cairn_err add_issuers(fence *f)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_issuer *list = NULL;
    size_t count = 0;
    CAIRN_TRY(cairn_path_join(f->directory, "issuers.json", path));
    cairn_err err = cairn_issuers_load(path, &list, &count);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    err = add(f, path, false);
    for (size_t i = 0; i < count && err == CAIRN_OK; i++)
        err = add_named(f, list[i].ca_file);
    free(list);
    return err;
}

static cairn_err enter(fence *f, const cairn_config *config, cairn_sandbox_report *ret_report)
{
    CAIRN_TRY(find_secrets(f, config));
    CAIRN_TRY(add_system(f));
    CAIRN_TRY(add_folders(f, config));
    for (size_t i = 0; i < sizeof named_files / sizeof named_files[0]; i++)
        CAIRN_TRY(add_named(f, cairn_config_text(config, named_files[i])));
    CAIRN_TRY(add_issuers(f));
    return cairn_sandbox_enter(CAIRN_SANDBOX_NODE, f->paths, f->count, ret_report);
}

cairn_err cairn_node_fence(const char *directory, const cairn_config *config,
                           cairn_sandbox_report *ret_report)
{
    fence f = {.count = 0};
    if (realpath(directory, f.directory) == NULL)
        return cairn_err_from_errno(errno, directory);
    cairn_arena_init(&f.arena, ARENA_SIZE_MAX);
    cairn_err err = enter(&f, config, ret_report);
    cairn_arena_done(&f.arena);
    return err;
}
