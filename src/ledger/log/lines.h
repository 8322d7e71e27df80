/* The lines of text that C2SP's formats are made of. Source: C2SP signed-note, tlog-checkpoint,
 * tlog-witness. */
#ifndef CAIRN_LEDGER_LINES_H
#define CAIRN_LEDGER_LINES_H

#include "cairn/arena.h"

/* True for UTF-8 without control characters (below U+0020) but newlines. */
bool cairn_lines_valid(cairn_bytes text);

/* Takes the first line off `text`, without its newline; false when no newline is left. */
bool cairn_lines_take(cairn_bytes *text, cairn_bytes *ret_line);

/* Takes `word` off the front of `text`; false when it does not begin so. */
bool cairn_lines_take_word(cairn_bytes *text, const char *word);

/* A decimal number without leading zeroes, nothing else on the line. */
bool cairn_lines_decimal(cairn_bytes line, uint64_t *ret_number);

/* 32 bytes in base64, nothing else on the line. */
bool cairn_lines_hash(cairn_bytes line, cairn_hash *ret_hash);

/* Concatenation of `parts`. */
cairn_err cairn_lines_concat(cairn_arena *arena, const cairn_bytes *parts, size_t count,
                             cairn_bytes *ret_text) CAIRN_MUST_USE;

/* printf into the arena. */
cairn_err cairn_lines_format(cairn_arena *arena, cairn_bytes *ret_text, const char *format,
                             ...) CAIRN_MUST_USE __attribute__((format(printf, 3, 4)));

#endif
