/* Message 255, and which code an error of ours becomes. Source: FDO 1.1 section 5.6 (Error);
 * docs/formats/fdo.md. */
#ifndef CAIRN_ONBOARD_FDO_ERROR_H
#define CAIRN_ONBOARD_FDO_ERROR_H

#include "cairn/arena.h"
#include "cairn/fdo.h"

enum { CAIRN_FDO_ERROR_TEXT_MAX = 256 };

typedef struct cairn_fdo_error {
    uint16_t code;    /* cairn_fdo_code, or a peer's own */
    uint8_t previous; /* type of the message that it answers */
    cairn_bytes text; /* UTF-8, at most CAIRN_FDO_ERROR_TEXT_MAX bytes are kept */
    int64_t time_s;   /* since 1970; 0: not told, and written as such, for peers read no null */
    bool has_correlation;
    uint64_t correlation;
} cairn_fdo_error;

cairn_err cairn_fdo_error_encode(cairn_arena *arena, const cairn_fdo_error *error,
                                 cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_fdo_error_read(cairn_bytes body, cairn_fdo_error *ret_error) CAIRN_MUST_USE;

/* The code for what went wrong in reading or checking message `type`. */
cairn_fdo_code cairn_fdo_code_of(cairn_err err, cairn_fdo_type type);

#endif
