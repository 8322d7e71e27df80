/* Names and details on their way to a person or a JSON object: they may hold any bytes. */
#ifndef CAIRN_COMMAND_TEXT_H
#define CAIRN_COMMAND_TEXT_H

#include <stdio.h>

#include "cairn/bytes.h"

enum { CAIRN_TEXT_ONE_LINE = -1 };

/* Prints `text`. What a terminal would obey, and what is not UTF-8, is written as \xNN; a line that
 * follows another begins `indent` columns in, so that no name can pass for a line of ours. With
 * CAIRN_TEXT_ONE_LINE the line's end is written as \x0a too. */
void cairn_text_print(FILE *out, cairn_bytes text, int indent);

/* The same text in UTF-8, with \xNN for each byte that is not; free with free. Aborts when memory
 * is short. */
char *cairn_text_utf8(cairn_bytes text);

#endif
