/* Writes the seeds of what the node and the command read: `seed-node DIRECTORY`, which is
 * tests/fuzz/corpus. To be run by hand when a format changes. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/store/file.h"
#include "node/backup/backup.h"

static const char *directory;

static void must(cairn_err err)
{
    if (err == CAIRN_OK)
        return;
    (void)fprintf(stderr, "%s\n", cairn_err_detail());
    exit(1);
}

static void save(const char *corpus, const char *name, const char *text)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", directory, corpus);
    (void)mkdir(path, 0777); /* there already, or the next line tells */
    (void)snprintf(path, sizeof path, "%s/%s/%s", directory, corpus, name);
    must(cairn_file_replace(path, 0666, cairn_bytes_str(text), NULL));
}

/* An answer of kind `kind`, which is the first byte. */
static void save_answer(uint8_t kind, const char *name, const char *json)
{
    char path[4096];
    static uint8_t data[4096];
    size_t size = strlen(json);
    (void)snprintf(path, sizeof path, "%s/remote_json", directory);
    (void)mkdir(path, 0777);
    (void)snprintf(path, sizeof path, "%s/remote_json/%s", directory, name);
    data[0] = kind;
    memcpy(data + 1, json, size);
    must(cairn_file_replace(path, 0666, cairn_bytes_of(data, size + 1), NULL));
}

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define LEDGER                                                                                \
    "{\"id\":\"" HASH "\",\"height\":7,\"time\":\"2026-11-24T12:00:00.123Z\",\"log_size\":9," \
    "\"log_root\":\"" HASH "\",\"state_root\":\"" HASH "\",\"config_root\":\"" HASH "\"}"

static void save_answers(void)
{
    save_answer(0, "problem",
                "{\"title\":\"x\",\"status\":404,\"code\":\"NOT_FOUND\",\"detail\":\"d\"}");
    save_answer(1, "ledger", LEDGER);
    save_answer(2, "ledgers", "{\"ledgers\":[" LEDGER "]}");
    save_answer(3, "verdict",
                "{\"transaction\":\"" HASH "\",\"status\":\"accepted\",\"height\":1,\"index\":2}");
    save_answer(4, "value", "{\"key\":\"members\",\"value\":\"815820\"}");
    save_answer(5, "page", "{\"approvals\":[{\"id\":\"" HASH "\"}],\"next\":\"AAAA\"}");
}

static void save_texts(void)
{
    save("feed_cursor", "first", "0-0");
    save("feed_cursor", "last", "9007199254740992-4294967295");
    save("feed_cursor", "sign", "-1--1");
    save("state_name", "org", "org/" HASH);
    save("state_name", "policy", "policy/entry");
    save("state_name", "members", "members");
    save("state_name", "raw", "raw/6f72672f00");
    save("state_name", "config", "config/706172616d73");
    save("api_query", "page", "after=7-0&limit=25");
    save("api_query", "escaped", "w%61it=c%6fmmit&after=%00%C3%A4");
    save("api_query", "hash", "after=" HASH);
    save("api_query", "twice", "limit=1&limit=1");
}

/* A directory of three small files, backed up. */
static void save_backup(void)
{
    char base[] = "/tmp/cairn-seed-XXXXXX";
    char path[4096];
    cairn_backup_facts facts;
    CAIRN_ASSERT(mkdtemp(base) != NULL);
    static const char *const folders[] = {"store", "store/blocks", "tls"};
    static const char *const files[] = {"store/blocks/1.log", "tls/node.pem", "cairn.yaml"};
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", base, folders[i]);
        CAIRN_ASSERT(mkdir(path, 0700) == 0);
    }
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", base, files[i]);
        must(cairn_file_replace(path, 0600, cairn_bytes_str(files[i]), NULL));
    }
    (void)snprintf(path, sizeof path, "%s/backup", directory);
    (void)mkdir(path, 0777);
    (void)snprintf(path, sizeof path, "%s/backup/three", directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    CAIRN_ASSERT(fd >= 0);
    must(cairn_backup_write(base, (cairn_bytes){0}, fd, path, &facts));
    (void)close(fd);
    for (size_t i = 3; i-- > 0;) {
        (void)snprintf(path, sizeof path, "%s/%s", base, files[i]);
        (void)unlink(path);
    }
    for (size_t i = 3; i-- > 0;) {
        (void)snprintf(path, sizeof path, "%s/%s", base, folders[i]);
        (void)rmdir(path);
    }
    (void)rmdir(base);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    directory = argv[1];
    save_answers();
    save_texts();
    save_backup();
    return 0;
}
