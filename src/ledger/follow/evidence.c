/* A folder: what was found, the two notes, and what binds them. `reason` is written last. */
#include "ledger/follow/evidence.h"

#include <stdio.h>
#include <stdlib.h>

#include "cairn/sha256.h"

static const char prefix[] = "evidence-";
static const char prefix_of_few[] = "convicts-";

/* --- find --- */

static cairn_err take_name(void *context, const char *name)
{
    char *found = context;
    if (strncmp(name, prefix, sizeof prefix - 1) != 0 ||
        strlen(name) >= CAIRN_FOLLOW_EVIDENCE_NAME_SIZE)
        return CAIRN_OK;
    memcpy(found, name, strlen(name) + 1);
    return CAIRN_OK;
}

cairn_err cairn_follow_evidence_find(const char *directory,
                                     char ret_name[CAIRN_FOLLOW_EVIDENCE_NAME_SIZE])
{
    char found[CAIRN_FOLLOW_EVIDENCE_NAME_SIZE] = "";
    CAIRN_TRY(cairn_dir_each(directory, take_name, found));
    if (found[0] == '\0')
        return CAIRN_ERR_NOT_FOUND;
    memcpy(ret_name, found, sizeof found);
    return CAIRN_OK;
}

/* --- keep --- */

static cairn_err put(const char *folder, const char *name, cairn_bytes data)
{
    char path[CAIRN_PATH_SIZE_MAX];
    if (data.size == 0)
        return CAIRN_OK;
    CAIRN_TRY(cairn_path_join(folder, name, path));
    return cairn_file_replace(path, 0600, data, NULL);
}

static void print_head(FILE *out, const char *name, const cairn_follow_head *head)
{
    char root[65];
    cairn_hex_encode(cairn_bytes_hash(&head->root), root);
    fprintf(out, "%s: %llu %s\n", name, (unsigned long long)head->size, root);
}

static void print_proof(FILE *out, const cairn_follow_proof *proof)
{
    char root[65];
    cairn_hex_encode(cairn_bytes_hash(&proof->other), root);
    fprintf(out, "other: %s\n", root);
    for (size_t i = 0; i < proof->count; i++) {
        cairn_hex_encode(cairn_bytes_hash(&proof->path[i]), root);
        fprintf(out, "path: %s\n", root);
    }
}

static cairn_err put_reason(const char *folder, const cairn_follow_evidence *e)
{
    char ledger[65];
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "evidence");
    cairn_hex_encode(cairn_bytes_hash(&e->ledger), ledger);
    fprintf(out, "kind: %s\nledger: %s\nsource: %s\nfound_ms: %llu\n", e->kind, ledger, e->source,
            (unsigned long long)e->found_ms);
    print_head(out, "held", e->held);
    print_head(out, "shown", e->shown);
    if (e->proof != NULL)
        print_proof(out, e->proof);
    if (e->detail != NULL)
        fprintf(out, "detail: %s\n", e->detail);
    cairn_err err = fclose(out) == 0 ? put(folder, "reason", cairn_bytes_of(text, size))
                                     : CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "evidence");
    free(text);
    return err;
}

/* The same two notes are the same evidence. */
static void name_it(const cairn_follow_evidence *e, char ret_name[CAIRN_FOLLOW_EVIDENCE_NAME_SIZE])
{
    uint8_t roots[2 * sizeof(cairn_hash)];
    cairn_hash digest;
    memcpy(roots, e->held->root.b, sizeof(cairn_hash));
    memcpy(roots + sizeof(cairn_hash), e->shown->root.b, sizeof(cairn_hash));
    cairn_sha256_of(roots, sizeof roots, &digest);
    memcpy(ret_name, e->of_few ? prefix_of_few : prefix, sizeof prefix);
    cairn_hex_encode(cairn_bytes_of(digest.b, 8), ret_name + sizeof prefix - 1);
}

cairn_err cairn_follow_evidence_keep(const char *directory, const cairn_follow_evidence *e,
                                     char ret_name[CAIRN_FOLLOW_EVIDENCE_NAME_SIZE])
{
    char folder[CAIRN_PATH_SIZE_MAX];
    name_it(e, ret_name);
    CAIRN_TRY(cairn_path_join(directory, ret_name, folder));
    CAIRN_TRY(cairn_dir_make(folder, 0700));
    CAIRN_TRY(put(folder, "held", e->held->note));
    CAIRN_TRY(put(folder, "shown", e->shown->note));
    CAIRN_TRY(put(folder, "record", e->record));
    return put_reason(folder, e);
}
