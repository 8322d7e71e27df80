/* Writes the seeds of member.json and chain.json: `seed-members DIRECTORY`, which is
 * tests/fuzz/corpus. To be run by hand when a form changes. */
#include <string.h>
#include <sys/stat.h>

#include "command/consortium_files.h"
#include "support/ledger_memory.h"

static void save(const char *directory, const char *name, uint8_t kind, cairn_bytes data)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/consortium_files", directory);
    (void)mkdir(path, 0777); /* there already, or fopen tells */
    (void)snprintf(path, sizeof path, "%s/consortium_files/%s", directory, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(&kind, 1, 1, file) != 1 ||
        fwrite(data.data, 1, data.size, file) != data.size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    static cairn_member_part part = {.peer =
                                         "0123456789abcdef0123456789abcdef01234567@192.0.2.7:26656",
                                     .node = "https://192.0.2.7:8443"};
    static const uint8_t scalar[32] = {0x33};
    cairn_chain_validator validator = {.name = "Org 0", .power = 1};
    cairn_key *votes = NULL;
    cairn_chain_start start;
    cairn_arena arena;
    cairn_bytes json;
    if (argc != 2)
        return 2;
    cairn_arena_init(&arena, 64 << 20);
    MEMORY_MUST(cairn_key_from_private(CAIRN_KEY_ED25519, cairn_bytes_of(scalar, 32), &votes));
    memcpy(validator.key, cairn_key_public(votes).data, sizeof validator.key);
    part.member.name = cairn_bytes_str("Org 0");
    part.member.key_count = 2;
    part.member.keys[0] =
        (cairn_genesis_key){CAIRN_PURPOSE_SIGN, memory_cose(&arena, memory_key(MEMORY_SIGN))};
    part.member.keys[1] = (cairn_genesis_key){CAIRN_PURPOSE_VALIDATOR, memory_cose(&arena, votes)};
    MEMORY_MUST(cairn_member_part_encode(&arena, &part, &json));
    save(argv[1], "member", 0, json);
    MEMORY_MUST(cairn_chain_start_new(&arena, &cairn_all_features, memory_genesis(&arena, 1, NULL),
                                      &start));
    MEMORY_MUST(cairn_chain_file(&arena, &start, MEMORY_TIME_MS, &validator, 1, &part, 1, &json));
    save(argv[1], "chain", 1, json);
    cairn_key_free(votes);
    cairn_arena_done(&arena);
    return 0;
}
