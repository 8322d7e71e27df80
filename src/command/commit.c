/* From a trust file to the height of its anchor. */
#include "command/commit.h"

#include "cairn/trust.h"
#include "command/files.h"

static cairn_err check_trust(const cairn_home *home, const cairn_trust *trust, const char *path)
{
    if (!cairn_hash_equal(&trust->ledger, &home->ledger))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "house", "%s: is of another ledger", path);
    if (trust->anchor == NULL)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "%s: has no header to start from: cairn help trust anchor", path);
    if (home->remote == NULL)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house",
                          "--commit: the node of a consortium's member makes it: start it");
    return CAIRN_OK;
}

cairn_err cairn_commit_from(cairn_home *home, const cairn_arguments *arguments, uint64_t *ret_from)
{
    const char *path = cairn_option_value(arguments, "commit");
    cairn_arena *arena = &home->command->arena;
    cairn_trust trust = {0};
    cairn_bytes encoded;
    *ret_from = 0;
    if (path == NULL)
        return CAIRN_OK;
    CAIRN_TRY(cairn_input_read(arena, path, CAIRN_TRUST_SIZE_MAX, &encoded));
    CAIRN_TRY(cairn_trust_decode(arena, encoded, &trust));
    cairn_err err = check_trust(home, &trust, path);
    if (err == CAIRN_OK)
        *ret_from = trust.anchor->state.header.height;
    cairn_trust_done(&trust);
    return err;
}
