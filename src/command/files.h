/* Files that the user names. A link is followed, and one that is missing or in the way is no "no":
 * NOT_FOUND and EXISTS, whose exit code is 1, become IO here. */
#ifndef CAIRN_COMMAND_FILES_H
#define CAIRN_COMMAND_FILES_H

#include <sys/types.h>

#include "cairn/arena.h"

/* Opens a regular file for reading. IO, PERMISSION. */
cairn_err cairn_input_open(const char *path, int *ret_fd) CAIRN_MUST_USE;

/* `err` of reading it, with its name before the detail; CAIRN_OK stays. */
cairn_err cairn_input_err(const char *path, cairn_err err) CAIRN_MUST_USE;

/* The whole of it. TOO_LARGE above `size_max` bytes; as above; NO_MEMORY. */
cairn_err cairn_input_read(cairn_arena *arena, const char *path, size_t size_max,
                           cairn_bytes *ret_data) CAIRN_MUST_USE;

/* cairn_file_replace and cairn_dir_make of what the user names. */
cairn_err cairn_output_write(const char *path, mode_t mode, cairn_bytes data) CAIRN_MUST_USE;
cairn_err cairn_output_dir(const char *path, mode_t mode) CAIRN_MUST_USE;

#endif
