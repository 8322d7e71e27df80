/* Commit proofs, where others have receipts. */
#include "node/api/api.h"

cairn_err cairn_api_ask_commit(cairn_call *call, cairn_node_ledger *ledger,
                               cairn_commits_question *question)
{
    cairn_node *node = cairn_api_node(call);
    cairn_node_consortium *member = cairn_node_member(node);
    cairn_err err = CAIRN_OK;
    if (member == NULL || ledger != cairn_node_ledger_at(node, 0))
        err = CAIRN_FAIL(CAIRN_ERR_NOT_IMPLEMENTED, "docs/formats/commit-proof.md",
                         "commit_from: no consortium's engine drives this ledger from here; its "
                         "proofs have receipts");
    else
        err = cairn_commits_ask(cairn_node_consortium_commits(member), question);
    if (err != CAIRN_OK)
        cairn_view_free(CAIRN_STEAL(question->view));
    return err;
}
