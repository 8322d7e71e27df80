/* Light blocks from the JSON of a CometBFT node: what the light client's own forms are made of.
 * Strict in what it takes; members that it does not need are passed over. Nothing is believed:
 * cairn_light_verify judges the result. Source: CometBFT v0.38.25, rpc/core. One thread at a time
 * per arena. */
#ifndef CAIRN_LEDGER_LIGHT_LIGHT_JSON_H
#define CAIRN_LEDGER_LIGHT_LIGHT_JSON_H

#include <jansson.h>

#include "cairn/light_client.h"

enum {
    CAIRN_LIGHT_ANSWER_SIZE_MAX = 1 << 20, /* bytes of one answer */
    CAIRN_LIGHT_PAGE_COUNT_MAX = 16,       /* answers of /validators for one height */
};

/* "2006-01-02T15:04:05.999999999Z", with up to nine digits after the point or no point, of a date
 * that exists; else BAD_VALUE. */
cairn_err cairn_light_time_parse(const char *text, cairn_light_time *ret_time) CAIRN_MUST_USE;

/* A signed header and the elements of its set of validators. All of it lies in the arena. The
 * engine's own basic checks are made: WRONG_TYPE, MISSING_FIELD and BAD_VALUE name the member;
 * BAD_ALGORITHM for keys that are not Ed25519; BAD_PROOF when the commit is for another height or
 * header, has not a vote for each validator, or names another validator's address. */
cairn_err cairn_light_block_from_json(cairn_arena *arena, const json_t *signed_header,
                                      const json_t *validators,
                                      cairn_light_block *ret_block) CAIRN_MUST_USE;

/* A header and the elements of a set of validators, which may be another's. Errors as above. */
cairn_err cairn_light_state_from_json(cairn_arena *arena, const json_t *header,
                                      const json_t *validators,
                                      cairn_light_state *ret_state) CAIRN_MUST_USE;

/* The answers to /commit?height=H and to /validators?height=H&page=P&per_page=100, all pages in
 * their order. Also UNAVAILABLE when an answer is an error (such as a height that is pruned or to
 * come), TOO_LARGE, and BAD_PROOF when a page is for another height or validators are missing. */
cairn_err cairn_light_block_from_rpc(cairn_arena *arena, cairn_bytes commit_answer,
                                     const cairn_bytes *pages, size_t page_count,
                                     cairn_light_block *ret_block) CAIRN_MUST_USE;

/* How many validators a height has, by one page of them. Errors as above. */
cairn_err cairn_light_page_total(cairn_bytes page, uint64_t *ret_total) CAIRN_MUST_USE;

#endif
