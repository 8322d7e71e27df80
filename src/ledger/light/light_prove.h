/* Commit proofs of a ledger that a consortium runs, made by a member: the ledger's own view, and
 * light blocks of its engine. Source: house (docs/formats/commit-proof.md). */
#ifndef CAIRN_LEDGER_LIGHT_LIGHT_PROVE_H
#define CAIRN_LEDGER_LIGHT_LIGHT_PROVE_H

#include "ledger/engine.h"
#include "ledger/light/light_bridge.h"

/* Of log entry `index`, in the log of `view`, for whoever trusts the header of height `from`: the
 * header that holds the view's app_hash is that of the height after the view's, and the way there
 * from `from` is as in cairn_light_bridge. Encoded in the arena. UNAVAILABLE when that header is
 * still to come (ask again), NOT_FOUND when `from` is above it or the entry not in the view;
 * INCONSISTENT when it holds another app_hash than ours; else what `source`, cairn_light_verify and
 * cairn_engine_prove_entry give. */
cairn_err cairn_light_prove(cairn_arena *arena, cairn_engine *engine, const cairn_view *view,
                            const cairn_light_source *source, const cairn_light_rules *rules,
                            uint64_t from, uint64_t index,
                            cairn_bytes *ret_commit_proof) CAIRN_MUST_USE;

#endif
