/* Bisection, always from the newest block that is trusted. */
#include "ledger/light/light_bridge.h"

/* The furthest block on the way to `height` that follows from `trusted`. */
static cairn_err step(const cairn_light_state *trusted, const cairn_light_rules *rules,
                      const cairn_light_source *source, uint64_t height,
                      cairn_light_block *ret_block)
{
    uint64_t goal = height;
    cairn_hash hash;
    for (;;) {
        CAIRN_TRY(source->read(source->context, goal, ret_block));
        if (ret_block->state.header.height != goal)
            return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, "docs/formats/commit-proof.md",
                              "header.height: not the one that was asked for");
        cairn_err err = cairn_light_verify(trusted, rules, ret_block, &hash);
        if (err != CAIRN_ERR_NOT_TRUSTED)
            return err;
        goal = trusted->header.height + (goal - trusted->header.height) / 2;
    }
}

cairn_err cairn_light_bridge(const cairn_light_state *trusted, const cairn_light_rules *rules,
                             const cairn_light_source *source, uint64_t height,
                             cairn_light_block ret_blocks[CAIRN_LIGHT_BLOCKS_MAX],
                             size_t *ret_count)
{
    size_t count = 0;
    if (height <= trusted->header.height)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "docs/formats/commit-proof.md",
                          "height: not above the trusted one");
    while (trusted->header.height < height) {
        if (count == CAIRN_LIGHT_BLOCKS_MAX)
            return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "blocks: more than %d needed",
                              CAIRN_LIGHT_BLOCKS_MAX);
        CAIRN_TRY(step(trusted, rules, source, height, &ret_blocks[count]));
        trusted = &ret_blocks[count++].state;
    }
    *ret_count = count;
    return CAIRN_OK;
}
