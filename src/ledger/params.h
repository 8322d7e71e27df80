/* Chain parameters: the rules that members change by approval. Bytes: docs/formats/block-entry.md.
 */
#ifndef CAIRN_LEDGER_PARAMS_H
#define CAIRN_LEDGER_PARAMS_H

#include "cairn/bytes.h"

enum {
    CAIRN_PARAMS_ALGS_MAX = 8,
    CAIRN_PARAMS_SIZE_MAX = 256, /* bytes, encoded */
};

typedef struct cairn_params {
    uint64_t app_version;
    uint64_t validity_max_ms; /* how far ahead valid_until may lie */
    uint64_t tx_size_max;     /* bytes */
    uint64_t ids_max;         /* recent ids kept at one time */
    uint64_t approval_num;    /* threshold: k × den >= electors × num */
    uint64_t approval_den;
    uint64_t approval_lifetime_max_ms;
    size_t alg_count;
    struct {
        int64_t alg;
        uint64_t from_height;
    } algs[CAIRN_PARAMS_ALGS_MAX];
    uint64_t next_app_version; /* 0: no upgrade announced */
    uint64_t next_app_height;
} cairn_params;

/* The defaults of the format page. */
void cairn_params_default(cairn_params *ret_params);

cairn_err cairn_params_decode(cairn_bytes in, cairn_params *ret_params) CAIRN_MUST_USE;
size_t cairn_params_encode(const cairn_params *params, uint8_t out[CAIRN_PARAMS_SIZE_MAX]);

/* Can a ledger live by these from `height` on? BAD_VALUE unless ES256, with which all transactions
 * are signed, is allowed there, and an announced upgrade lies ahead and is to the very next
 * version: no build would ever know one that was skipped to. */
cairn_err cairn_params_check(const cairn_params *params, uint64_t height) CAIRN_MUST_USE;

/* Is `alg` allowed at `height`? */
bool cairn_params_allows(const cairn_params *params, int64_t alg, uint64_t height);

/* The application version that judges a block at `height`. */
uint64_t cairn_params_version_at(const cairn_params *params, uint64_t height);

/* Least number of approvals among `electors`; at least 1. */
uint64_t cairn_params_threshold(const cairn_params *params, uint64_t electors);

#endif
