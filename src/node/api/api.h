/* What the node's handlers share: strict queries, answers, and finding the ledger of a call.
 * Source: house. */
#ifndef CAIRN_NODE_API_H
#define CAIRN_NODE_API_H

#include "core/net/route.h"
#include "node/api/api_json.h"
#include "node/node.h"

/* The rows of this part of the API. */
extern const cairn_route_table cairn_api_routes;

#define CAIRN_API_NUMBER_MAX                                            \
    ((UINT64_C(1) << 53) - 1) /* the largest that every JSON reader has \
                               */
enum { CAIRN_API_LIMIT = 64, CAIRN_API_LIMIT_MAX = 256 };

/* A query parameter that a route knows. */
typedef struct cairn_api_parameter {
    const char *name;
    bool given;
    cairn_bytes value; /* percent-decoded, in the call's arena */
} cairn_api_parameter;

/* Reads the call's query into the rows. UNKNOWN_FIELD for a name that no row has, DUPLICATE_KEY,
 * BAD_VALUE for a parameter without '='. */
cairn_err cairn_api_query(cairn_call *call, cairn_api_parameter *rows, size_t count) CAIRN_MUST_USE;

/* The parameter as a number; `ret_value` keeps what it holds when it was not given. BAD_VALUE. */
cairn_err cairn_api_number(const cairn_api_parameter *row, uint64_t min, uint64_t max,
                           uint64_t *ret_value) CAIRN_MUST_USE;
/* The same as one of `count` words: `ret_place` is its place. */
cairn_err cairn_api_choice(const cairn_api_parameter *row, const char *const *words, size_t count,
                           size_t *ret_place) CAIRN_MUST_USE;
/* Decimal digits without sign or leading zero. BAD_VALUE names `field`. */
cairn_err cairn_api_digits(cairn_bytes text, const char *field, uint64_t min, uint64_t max,
                           uint64_t *ret_value) CAIRN_MUST_USE;
/* 64 lower-case hexadecimal digits. BAD_VALUE names `field`. */
cairn_err cairn_api_hash(cairn_bytes text, const char *field, cairn_hash *ret_hash) CAIRN_MUST_USE;

/* True when an Accept header field of the call lists this type by name. */
bool cairn_api_accepts(const cairn_call *call, const char *type);
/* BAD_MEDIA_TYPE unless the body is of this type. */
cairn_err cairn_api_content_type(const cairn_call *call, const char *type) CAIRN_MUST_USE;

/* The ledger that the first parameter of the path names; NOT_FOUND as cairn_node_find. */
cairn_err cairn_api_ledger(cairn_call *call, cairn_node_sight sight,
                           cairn_node_ledger **ret_ledger) CAIRN_MUST_USE;

/* What the caller sees of that ledger's entries; NOT_FOUND as cairn_node_find_reader. */
cairn_err cairn_api_reader(cairn_call *call, cairn_reader *ret_reader) CAIRN_MUST_USE;

cairn_node *cairn_api_node(const cairn_call *call);

/* As cairn_commits_ask, of that ledger; the view is given up in any case. NOT_IMPLEMENTED where no
 * consortium's engine drives it from here. */
cairn_err cairn_api_ask_commit(cairn_call *call, cairn_node_ledger *ledger,
                               cairn_commits_question *question) CAIRN_MUST_USE;

/* Gives a transaction, which lives as long as the call, to the ledger, and answers as
 * submitTransaction does with that `wait` ("commit", "durable"); what the parameter was given as is
 * read by cairn_api_waiting. Any thread. */
typedef enum cairn_api_wait {
    CAIRN_API_WAIT_NONE,
    CAIRN_API_WAIT_COMMIT,
    CAIRN_API_WAIT_DURABLE
} cairn_api_wait;
cairn_err cairn_api_waiting(cairn_call *call, cairn_api_wait *ret_wait) CAIRN_MUST_USE;
void cairn_api_submit(cairn_call *call, cairn_node_ledger *ledger, cairn_api_wait wait,
                      const cairn_hash *id, cairn_bytes tx);

/* "receipt": this node's own in base64; "receipts": all of them, when other members signed too. */
void cairn_api_put_receipts(cairn_api_json *json, const cairn_receipts *receipts);

/* Answers, each of which gives up the call. */
/* The receipt; of a ledger for which other members are asked to sign, the entry with the receipts
 * of all that did: docs/formats/receipt.md, transparent statement. */
void cairn_api_answer_cose(cairn_call *call, const cairn_node_ledger *ledger,
                           const cairn_http_field *fields, size_t field_count, cairn_bytes entry,
                           const cairn_receipts *receipts);
void cairn_api_refuse(cairn_call *call, cairn_err err);
void cairn_api_answer(cairn_call *call, int status, const char *type,
                      const cairn_http_field *fields, size_t field_count, cairn_bytes body);
/* With a JSON text, which is freed. */
void cairn_api_answer_json(cairn_call *call, int status, const cairn_http_field *fields,
                           size_t field_count, cairn_api_json *json);

/* Runs `act` on a thread of the node's own, or refuses the call as BUSY. */
void cairn_api_defer(cairn_call *call, void (*act)(void *call));

/* --- handlers --- */

void cairn_api_health(cairn_call *call);
void cairn_api_readiness(cairn_call *call);
void cairn_api_metrics(cairn_call *call);
void cairn_api_ledgers_list(cairn_call *call);
void cairn_api_ledger_get(cairn_call *call);
void cairn_api_transaction_submit(cairn_call *call);
void cairn_api_anchor(cairn_call *call);
void cairn_api_transaction_get(cairn_call *call);
void cairn_api_state_get(cairn_call *call);
void cairn_api_entries_list(cairn_call *call);
void cairn_api_records_list(cairn_call *call);
void cairn_api_events_list(cairn_call *call);
void cairn_api_checkpoint_get(cairn_call *call);
void cairn_api_checkpoint_add(cairn_call *call);
void cairn_api_cosignature_get(cairn_call *call);
void cairn_api_tile_get(cairn_call *call);
void cairn_api_organisations_list(cairn_call *call);
void cairn_api_organisation_get(cairn_call *call);
void cairn_api_keys_list(cairn_call *call);
void cairn_api_key_get(cairn_call *call);
void cairn_api_approvals_list(cairn_call *call);
void cairn_api_devices_list(cairn_call *call);
void cairn_api_device_history(cairn_call *call);
void cairn_api_blocks_list(cairn_call *call);
void cairn_api_block_get(cairn_call *call);
void cairn_api_subscriptions_list(cairn_call *call);
void cairn_api_subscription_create(cairn_call *call);
void cairn_api_subscription_get(cairn_call *call);
void cairn_api_subscription_delete(cairn_call *call);
void cairn_api_subscription_renew(cairn_call *call);

#endif
