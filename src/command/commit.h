/* What `--commit TRUST` asks for: proofs by a consortium's validators, for whoever has that trust
 * file with an anchor. Source: house (docs/formats/commit-proof.md). */
#ifndef CAIRN_COMMAND_COMMIT_H
#define CAIRN_COMMAND_COMMIT_H

#include "command/home.h"

/* The row of a verb's options. */
#define CAIRN_COMMIT_OPTION                                                      \
    {                                                                            \
        "commit", "TRUST", false, false,                                         \
            "by the validators, for whoever has this trust file with its anchor" \
    }

/* The height of the trust file's anchor; 0 when the option is not given. USAGE for a file without
 * an anchor; MISMATCH for one of another ledger; UNAVAILABLE while no node holds the directory, for
 * it is the member's node that asks the engine; the codes of cairn_trust_decode. */
cairn_err cairn_commit_from(cairn_home *home, const cairn_arguments *arguments,
                            uint64_t *ret_from) CAIRN_MUST_USE;

#endif
