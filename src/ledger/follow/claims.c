/* What the sources claim: who stands behind it, and whether they can all be right. One member's
 * word is held where one suffices (the trust file's threshold); else it takes as many, on one note
 * or on notes of several sources of which the larger ones begin with the smaller. */
#include <stdlib.h>

#include "core/limits.h"
#include "ledger/follow/follow_impl.h"

/* --- two truths --- */

/* Evidence of a fork between what is known and what these members signed. */
static cairn_err convict(cairn_follow *follow, const char *source, const cairn_follow_head *held,
                         const cairn_follow_head *shown, const cairn_member_list *signers,
                         const cairn_follow_proof *proof)
{
    cairn_follow_evidence evidence = {
        .kind = "fork", .source = source, .held = held, .shown = shown, .proof = proof};
    size_t before = follow->convicted.count;
    for (size_t i = 0; i < signers->count; i++)
        if (!cairn_member_list_has(&follow->convicted, &signers->orgs[i]))
            CAIRN_TRY(cairn_member_list_add(&follow->convicted, &signers->orgs[i]));
    evidence.of_few = follow->convicted.count < cairn_follow_threshold(follow);
    if (evidence.of_few && follow->convicted.count == before)
        return CAIRN_FAIL(CAIRN_ERR_INCONSISTENT, "docs/features/follow.md",
                          "checkpoint: is of another log, as before");
    return cairn_follow_close(follow, &evidence);
}

/* --- one claim --- */

static cairn_err open_note(cairn_follow *follow, const cairn_source *source, cairn_bytes note,
                           cairn_follow_head *ret_shown, cairn_member_list *ret_signers)
{
    const cairn_follow_keys keys = {
        .trust = follow->setup.trust, .engine = follow->engine, .origin = follow->origin};
    cairn_hash org;
    cairn_err err = cairn_follow_head_open(&keys, cairn_clock_wall_ms(&follow->setup.clock), note,
                                           ret_shown, ret_signers);
    if (err != CAIRN_ERR_NOT_TRUSTED)
        return err;
    CAIRN_TRY(cairn_follow_introduce(follow, source, note, ret_shown, &org));
    ret_signers->count = 0;
    return cairn_member_list_add(ret_signers, &org);
}

/* With what is here: by the tiles of whichever has more. */
static cairn_err compare_with_here(cairn_follow *follow, const cairn_source *source,
                                   cairn_arena *arena, const cairn_follow_head *shown,
                                   const cairn_member_list *signers)
{
    cairn_follow_proof proof;
    bool fork = false;
    cairn_source_tiles tiles = {.source = source, .arena = arena};
    const cairn_merkle_source theirs = cairn_source_merkle(&tiles);
    const cairn_merkle_source own = cairn_engine_source(follow->engine);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(follow->engine);
    cairn_follow_head here = {.size = view->log_size, .root = view->log_root};
    if (follow->held.size == here.size)
        here.note = follow->held.note;
    if (shown->size < here.size)
        CAIRN_TRY(cairn_follow_head_compare(shown, &here, &own, &fork, &proof));
    else
        CAIRN_TRY(cairn_follow_head_compare(&here, shown, &theirs, &fork, &proof));
    return fork ? convict(follow, source->name, &here, shown, signers, &proof) : CAIRN_OK;
}

static cairn_err keep_claim(follow_peer *peer, const cairn_follow_head *shown,
                            const cairn_member_list *signers)
{
    cairn_follow_head claim;
    CAIRN_TRY(cairn_follow_head_copy(shown, &claim));
    free((void *)(uintptr_t)peer->claim.note.data);
    peer->claim = claim;
    peer->signers = *signers;
    return CAIRN_OK;
}

cairn_err cairn_follow_ask(cairn_follow *follow, follow_peer *peer, bool wait)
{
    const cairn_source *source = peer->source;
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_bytes note;
    cairn_follow_head shown;
    cairn_member_list signers;
    cairn_arena_init(&arena, CAIRN_SOURCE_ARENA_SIZE_MAX);
    CAIRN_TRY(source->checkpoint(source->context, &arena, wait, &note));
    CAIRN_TRY(open_note(follow, source, note, &shown, &signers));
    CAIRN_TRY(compare_with_here(follow, source, &arena, &shown, &signers));
    return keep_claim(peer, &shown, &signers);
}

/* --- all of them --- */

static cairn_err compare_peers(const follow_peer *smaller, const follow_peer *larger,
                               bool *ret_fork, cairn_follow_proof *ret_proof)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_source_tiles tiles = {.source = larger->source, .arena = &arena};
    const cairn_merkle_source theirs = cairn_source_merkle(&tiles);
    cairn_arena_init(&arena, CAIRN_SOURCE_ARENA_SIZE_MAX);
    return cairn_follow_head_compare(&smaller->claim, &larger->claim, &theirs, ret_fork, ret_proof);
}

/* Are both claims of one log? Where one member's word suffices, two that are not are evidence; else
 * it is told from what more of them sign. */
static cairn_err agree(cairn_follow *follow, const follow_peer *one, follow_peer *other,
                       follow_peer *larger, bool *ret_agree)
{
    cairn_follow_proof proof;
    bool fork = false;
    *ret_agree = false;
    cairn_err err = compare_peers(larger == one ? other : one, larger, &fork, &proof);
    if (err != CAIRN_OK && cairn_follow_is_of_source(err)) {
        (void)!cairn_follow_let_rest(follow, larger, err, cairn_follow_is_lie(err));
        return CAIRN_OK;
    }
    CAIRN_TRY(err);
    if (fork && cairn_follow_threshold(follow) == 1)
        return convict(follow, other->source->name, &one->claim, &other->claim, &other->signers,
                       &proof);
    *ret_agree = !fork;
    return CAIRN_OK;
}

/* Whoever has signed another log than is here stands behind nothing. */
static cairn_err add_signers(const cairn_follow *follow, const follow_peer *peer,
                             cairn_member_list *members)
{
    for (size_t i = 0; i < peer->signers.count; i++) {
        const cairn_hash *org = &peer->signers.orgs[i];
        if (!cairn_member_list_has(members, org) && !cairn_member_list_has(&follow->convicted, org))
            CAIRN_TRY(cairn_member_list_add(members, org));
    }
    return CAIRN_OK;
}

/* Do enough members stand behind the peer's claim? */
static cairn_err weigh(cairn_follow *follow, follow_peer *peer, uint64_t here, bool *ret_enough)
{
    cairn_member_list behind = {.count = 0};
    uint64_t threshold = cairn_follow_threshold(follow);
    CAIRN_TRY(add_signers(follow, peer, &behind));
    for (size_t i = 0; peer->good && i < follow->setup.source_count; i++) {
        follow_peer *other = &follow->peers[i];
        bool smaller = other->claim.size < peer->claim.size;
        bool agrees = false;
        if (other == peer || !other->good || other->claim.size <= here ||
            (smaller && threshold > 1))
            continue;
        CAIRN_TRY(agree(follow, peer, other, smaller ? peer : other, &agrees));
        if (agrees && !smaller)
            CAIRN_TRY(add_signers(follow, other, &behind));
    }
    *ret_enough = peer->good && behind.count >= threshold;
    return CAIRN_OK;
}

/* The largest claim that has something new and was not tried. */
static follow_peer *next_claim(cairn_follow *follow, uint64_t here, const bool *tried)
{
    follow_peer *found = NULL;
    for (size_t i = 0; i < follow->setup.source_count; i++) {
        follow_peer *peer = &follow->peers[i];
        bool news = peer->claim.size > here ||
                    (peer->claim.size == here && follow->held.size != here); /* a note for it */
        if (peer->good && news && !tried[i] &&
            (found == NULL || peer->claim.size > found->claim.size))
            found = peer;
    }
    return found;
}

cairn_err cairn_follow_choose(cairn_follow *follow, follow_peer **ret_peer)
{
    bool tried[CAIRN_FOLLOW_SOURCES_MAX] = {false};
    bool enough = false;
    follow_peer *peer = NULL;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(follow->engine);
    do {
        peer = next_claim(follow, view->log_size, tried);
        if (peer == NULL)
            break;
        tried[peer - follow->peers] = true;
        CAIRN_TRY(weigh(follow, peer, view->log_size, &enough));
    } while (!enough);
    *ret_peer = peer;
    return CAIRN_OK;
}
