/* Tables of the requests, and what answers have in common. */
#include "ledger/consortium/abci.h"

#include <stddef.h>

#include "cairn/transaction.h"

static const char clause[] = "docs/formats/abci.md";

/* --- parts --- */

static const cairn_wire_field time_fields[] = {
    {1, CAIRN_WIRE_INT, offsetof(cairn_abci_time, seconds), NULL},
    {2, CAIRN_WIRE_INT, offsetof(cairn_abci_time, nanos), NULL},
};
static const cairn_wire_message time_message =
    CAIRN_WIRE_MESSAGE_OF("Timestamp", cairn_abci_time, time_fields);

static const cairn_wire_field key_fields[] = {
    {1, CAIRN_WIRE_BYTES, 0, NULL},
};
static const cairn_wire_message key_message =
    CAIRN_WIRE_MESSAGE_OF("PublicKey", cairn_bytes, key_fields);

static const cairn_wire_field update_fields[] = {
    {1, CAIRN_WIRE_MESSAGE, offsetof(cairn_abci_validator, ed25519), &key_message},
    {2, CAIRN_WIRE_INT, offsetof(cairn_abci_validator, power), NULL},
};
static const cairn_wire_message update_message =
    CAIRN_WIRE_MESSAGE_OF("ValidatorUpdate", cairn_abci_validator, update_fields);

typedef struct addressed {
    cairn_bytes address;
    int64_t power;
} addressed;
static const cairn_wire_field addressed_fields[] = {
    {1, CAIRN_WIRE_BYTES, offsetof(addressed, address), NULL},
    {3, CAIRN_WIRE_INT, offsetof(addressed, power), NULL},
};
static const cairn_wire_message addressed_message =
    CAIRN_WIRE_MESSAGE_OF("Validator", addressed, addressed_fields);
_Static_assert(sizeof(addressed) == sizeof(((cairn_abci_vote *)0)->validator), "same struct");
_Static_assert(sizeof(addressed) == sizeof(((cairn_abci_misbehavior *)0)->validator),
               "same struct");

static const cairn_wire_field vote_fields[] = {
    {1, CAIRN_WIRE_MESSAGE, offsetof(cairn_abci_vote, validator), &addressed_message},
    {3, CAIRN_WIRE_INT, offsetof(cairn_abci_vote, block_id_flag), NULL},
};
static const cairn_wire_message vote_message =
    CAIRN_WIRE_MESSAGE_OF("VoteInfo", cairn_abci_vote, vote_fields);

typedef struct commit {
    int64_t round;
    cairn_wire_list votes;
} commit;
static const cairn_wire_field commit_fields[] = {
    {1, CAIRN_WIRE_INT, offsetof(commit, round), NULL},
    {2, CAIRN_WIRE_MESSAGE_LIST, offsetof(commit, votes), &vote_message},
};
static const cairn_wire_message commit_message =
    CAIRN_WIRE_MESSAGE_OF("CommitInfo", commit, commit_fields);
_Static_assert(sizeof(commit) == sizeof(((cairn_abci_block *)0)->last_commit), "same struct");

static const cairn_wire_field misbehavior_fields[] = {
    {1, CAIRN_WIRE_INT, offsetof(cairn_abci_misbehavior, type), NULL},
    {2, CAIRN_WIRE_MESSAGE, offsetof(cairn_abci_misbehavior, validator), &addressed_message},
    {3, CAIRN_WIRE_INT, offsetof(cairn_abci_misbehavior, height), NULL},
    {4, CAIRN_WIRE_MESSAGE, offsetof(cairn_abci_misbehavior, time), &time_message},
    {5, CAIRN_WIRE_INT, offsetof(cairn_abci_misbehavior, total_power), NULL},
};
static const cairn_wire_message misbehavior_message =
    CAIRN_WIRE_MESSAGE_OF("Misbehavior", cairn_abci_misbehavior, misbehavior_fields);

static const cairn_wire_field snapshot_fields[] = {
    {1, CAIRN_WIRE_UINT, offsetof(cairn_abci_snapshot, height), NULL},
    {2, CAIRN_WIRE_UINT32, offsetof(cairn_abci_snapshot, format), NULL},
    {3, CAIRN_WIRE_UINT32, offsetof(cairn_abci_snapshot, chunks), NULL},
    {4, CAIRN_WIRE_BYTES, offsetof(cairn_abci_snapshot, hash), NULL},
    {5, CAIRN_WIRE_BYTES, offsetof(cairn_abci_snapshot, metadata), NULL},
};
static const cairn_wire_message snapshot_message =
    CAIRN_WIRE_MESSAGE_OF("Snapshot", cairn_abci_snapshot, snapshot_fields);

static const cairn_wire_field block_params_fields[] = {
    {1, CAIRN_WIRE_INT, offsetof(cairn_abci_params, block.max_bytes), NULL},
    {2, CAIRN_WIRE_INT, offsetof(cairn_abci_params, block.max_gas), NULL},
};
static const cairn_wire_message block_params_message =
    CAIRN_WIRE_MESSAGE_OF("BlockParams", cairn_abci_params, block_params_fields);
static const cairn_wire_field version_params_fields[] = {
    {1, CAIRN_WIRE_UINT, 0, NULL},
};
static const cairn_wire_message version_params_message =
    CAIRN_WIRE_MESSAGE_OF("VersionParams", uint64_t, version_params_fields);
static const cairn_wire_field abci_params_fields[] = {
    {1, CAIRN_WIRE_INT, 0, NULL},
};
static const cairn_wire_message abci_params_message =
    CAIRN_WIRE_MESSAGE_OF("ABCIParams", int64_t, abci_params_fields);
static const cairn_wire_field params_fields[] = {
    {1, CAIRN_WIRE_MESSAGE, 0, &block_params_message},
    {4, CAIRN_WIRE_MESSAGE, offsetof(cairn_abci_params, version), &version_params_message},
    {5, CAIRN_WIRE_MESSAGE, offsetof(cairn_abci_params, abci), &abci_params_message},
};
static const cairn_wire_message params_message =
    CAIRN_WIRE_MESSAGE_OF("ConsensusParams", cairn_abci_params, params_fields);

/* --- requests --- */

#define AT(member) offsetof(cairn_abci_request, member)

static const cairn_wire_field echo_fields[] = {
    {1, CAIRN_WIRE_BYTES, AT(echo.message), NULL},
};
static const cairn_wire_field info_fields[] = {
    {1, CAIRN_WIRE_BYTES, AT(info.version), NULL},
    {2, CAIRN_WIRE_UINT, AT(info.block_version), NULL},
    {3, CAIRN_WIRE_UINT, AT(info.p2p_version), NULL},
    {4, CAIRN_WIRE_BYTES, AT(info.abci_version), NULL},
};
static const cairn_wire_field init_chain_fields[] = {
    {1, CAIRN_WIRE_MESSAGE, AT(init_chain.time), &time_message},
    {2, CAIRN_WIRE_BYTES, AT(init_chain.chain_id), NULL},
    {3, CAIRN_WIRE_MESSAGE, AT(init_chain.params), &params_message},
    {4, CAIRN_WIRE_MESSAGE_LIST, AT(init_chain.validators), &update_message},
    {5, CAIRN_WIRE_BYTES, AT(init_chain.app_state), NULL},
    {6, CAIRN_WIRE_INT, AT(init_chain.initial_height), NULL},
};
static const cairn_wire_field query_fields[] = {
    {1, CAIRN_WIRE_BYTES, AT(query.data), NULL},
    {2, CAIRN_WIRE_BYTES, AT(query.path), NULL},
    {3, CAIRN_WIRE_INT, AT(query.height), NULL},
    {4, CAIRN_WIRE_BOOL, AT(query.prove), NULL},
};
static const cairn_wire_field check_tx_fields[] = {
    {1, CAIRN_WIRE_BYTES, AT(check_tx.tx), NULL},
    {2, CAIRN_WIRE_INT, AT(check_tx.type), NULL},
};
static const cairn_wire_field offer_fields[] = {
    {1, CAIRN_WIRE_MESSAGE, AT(offer.snapshot), &snapshot_message},
    {2, CAIRN_WIRE_BYTES, AT(offer.app_hash), NULL},
};
static const cairn_wire_field load_chunk_fields[] = {
    {1, CAIRN_WIRE_UINT, AT(load_chunk.height), NULL},
    {2, CAIRN_WIRE_UINT32, AT(load_chunk.format), NULL},
    {3, CAIRN_WIRE_UINT32, AT(load_chunk.chunk), NULL},
};
static const cairn_wire_field apply_chunk_fields[] = {
    {1, CAIRN_WIRE_UINT32, AT(apply_chunk.index), NULL},
    {2, CAIRN_WIRE_BYTES, AT(apply_chunk.chunk), NULL},
    {3, CAIRN_WIRE_BYTES, AT(apply_chunk.sender), NULL},
};
/* Who voted for the last block with which extension is of no use to a proposer here. */
static const cairn_wire_field prepare_fields[] = {
    {1, CAIRN_WIRE_INT, AT(block.max_tx_bytes), NULL},
    {2, CAIRN_WIRE_BYTES_LIST, AT(block.txs), NULL},
    {4, CAIRN_WIRE_MESSAGE_LIST, AT(block.misbehavior), &misbehavior_message},
    {5, CAIRN_WIRE_INT, AT(block.height), NULL},
    {6, CAIRN_WIRE_MESSAGE, AT(block.time), &time_message},
    {7, CAIRN_WIRE_BYTES, AT(block.next_validators_hash), NULL},
    {8, CAIRN_WIRE_BYTES, AT(block.proposer), NULL},
};
static const cairn_wire_field block_fields[] = {
    {1, CAIRN_WIRE_BYTES_LIST, AT(block.txs), NULL},
    {2, CAIRN_WIRE_MESSAGE, AT(block.last_commit), &commit_message},
    {3, CAIRN_WIRE_MESSAGE_LIST, AT(block.misbehavior), &misbehavior_message},
    {4, CAIRN_WIRE_BYTES, AT(block.hash), NULL},
    {5, CAIRN_WIRE_INT, AT(block.height), NULL},
    {6, CAIRN_WIRE_MESSAGE, AT(block.time), &time_message},
    {7, CAIRN_WIRE_BYTES, AT(block.next_validators_hash), NULL},
    {8, CAIRN_WIRE_BYTES, AT(block.proposer), NULL},
};

#define REQUEST(text, table)                                                            \
    {                                                                                   \
        .name = (text), .fields = (table), .count = sizeof(table) / sizeof((table)[0]), \
        .size = sizeof(cairn_abci_request)                                              \
    }

/* By number; without a name there is none. */
static const cairn_wire_message requests[CAIRN_ABCI_KIND_LAST + 1] = {
    [CAIRN_ABCI_ECHO] = REQUEST("Echo", echo_fields),
    [CAIRN_ABCI_FLUSH] = {.name = "Flush"},
    [CAIRN_ABCI_INFO] = REQUEST("Info", info_fields),
    [CAIRN_ABCI_INIT_CHAIN] = REQUEST("InitChain", init_chain_fields),
    [CAIRN_ABCI_QUERY] = REQUEST("Query", query_fields),
    [CAIRN_ABCI_CHECK_TX] = REQUEST("CheckTx", check_tx_fields),
    [CAIRN_ABCI_COMMIT] = {.name = "Commit"},
    [CAIRN_ABCI_LIST_SNAPSHOTS] = {.name = "ListSnapshots"},
    [CAIRN_ABCI_OFFER_SNAPSHOT] = REQUEST("OfferSnapshot", offer_fields),
    [CAIRN_ABCI_LOAD_CHUNK] = REQUEST("LoadSnapshotChunk", load_chunk_fields),
    [CAIRN_ABCI_APPLY_CHUNK] = REQUEST("ApplySnapshotChunk", apply_chunk_fields),
    [CAIRN_ABCI_PREPARE] = REQUEST("PrepareProposal", prepare_fields),
    [CAIRN_ABCI_PROCESS] = REQUEST("ProcessProposal", block_fields),
    [CAIRN_ABCI_EXTEND_VOTE] = {.name = "ExtendVote"},
    [CAIRN_ABCI_VERIFY_EXTENSION] = {.name = "VerifyVoteExtension"},
    [CAIRN_ABCI_FINALIZE] = REQUEST("FinalizeBlock", block_fields),
};

cairn_err cairn_abci_read(cairn_arena *arena, cairn_bytes message, cairn_abci_request *ret_request)
{
    uint32_t number = 0;
    cairn_bytes content;
    CAIRN_TRY(cairn_wire_read_oneof(message, &number, &content));
    if (number > CAIRN_ABCI_KIND_LAST || requests[number].name == NULL)
        return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, clause, "request: number %u", number);
    cairn_abci_request request = {.kind = (cairn_abci_kind)number};
    CAIRN_TRY(cairn_wire_read(arena, &requests[number], content, &request));
    *ret_request = request;
    return CAIRN_OK;
}

cairn_err cairn_abci_time_ms(const cairn_abci_time *time, uint64_t *ret_ms)
{
    if (time->seconds < 0 || time->seconds > (int64_t)(CAIRN_TIME_MAX_MS / 1000) - 1 ||
        time->nanos < 0 || time->nanos > 999999999)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "time: out of range");
    *ret_ms = (uint64_t)time->seconds * 1000 + (uint64_t)time->nanos / 1000000;
    return CAIRN_OK;
}

/* --- answers --- */

cairn_abci_answer cairn_abci_begin(cairn_wire_writer *w, cairn_abci_kind kind)
{
    cairn_abci_answer answer = {.writer = w, .frame = cairn_wire_open_frame(w)};
    answer.message = cairn_wire_open(w, (uint32_t)kind + 1);
    return answer;
}

void cairn_abci_end(const cairn_abci_answer *answer)
{
    cairn_wire_close(answer->writer, answer->message);
    cairn_wire_close(answer->writer, answer->frame);
}

void cairn_abci_put_exception(cairn_wire_writer *w, const char *text)
{
    size_t frame = cairn_wire_open_frame(w);
    size_t message = cairn_wire_open(w, 1);
    cairn_wire_put_text(w, 1, text);
    cairn_wire_close(w, message);
    cairn_wire_close(w, frame);
}

void cairn_abci_put_validator(cairn_wire_writer *w, uint32_t number, cairn_bytes ed25519,
                              int64_t power)
{
    size_t update = cairn_wire_open(w, number);
    size_t key = cairn_wire_open(w, 1);
    cairn_wire_put_item(w, 1, ed25519);
    cairn_wire_close(w, key);
    cairn_wire_put_int(w, 2, power);
    cairn_wire_close(w, update);
}

void cairn_abci_put_app_version(cairn_wire_writer *w, uint32_t number, uint64_t version)
{
    size_t params = cairn_wire_open(w, number);
    size_t part = cairn_wire_open(w, 4);
    cairn_wire_put_uint(w, 1, version);
    cairn_wire_close(w, part);
    cairn_wire_close(w, params);
}
