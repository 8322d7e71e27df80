/* What the reader and the writer of the configuration share: rows, sections and the check of one
 * value. Source: house. */
#ifndef CAIRN_CORE_CONFIG_OPTION_H
#define CAIRN_CORE_CONFIG_OPTION_H

#include "core/config.h"

/* The part of the key after the dot. */
const char *cairn_config_option_name(const cairn_config_option *option);

/* Bytes of the key before the dot. */
size_t cairn_config_section_size(const cairn_config_option *option);

bool cairn_config_same_section(const cairn_config_option *a, const cairn_config_option *b);

/* Unit and range of one value; `ret_number` stays 0 for text. BAD_VALUE. */
cairn_err cairn_config_option_check(const cairn_config_option *option, const char *text,
                                    uint64_t *ret_number) CAIRN_MUST_USE;

/* All rows of all tables; returns their count. A key declared twice is our own mistake. */
size_t cairn_config_collect(const cairn_config_table *tables, size_t table_count,
                            const cairn_config_option *ret_options[CAIRN_CONFIG_OPTIONS_MAX]);

#endif
