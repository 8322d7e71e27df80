/* The configuration of a ledger directory: `cairn.yaml`, sections of scalars, each an option that a
 * module declares in a table.
 *
 * Every scalar is read as text and its unit parsed by us. An unknown or repeated key, a value out
 * of range or in the wrong unit, an alias, a list, a second document are refused with the key and,
 * where it is known, the line. The file may lack any option: then its initial value holds.
 * Source: house (STYLE, Features register by one table). */
#ifndef CAIRN_CORE_CONFIG_H
#define CAIRN_CORE_CONFIG_H

#include "cairn/arena.h"
#include "core/unit.h"

/* One option. Static storage. */
typedef struct cairn_config_option {
    const char *key; /* "section.name", lower-case letters, digits and underscores */
    cairn_unit unit;
    uint64_t min, max;   /* in bytes, milliseconds or pieces; for text its size in bytes */
    const char *initial; /* as one would write it in the file */
    const char *doc;     /* one sentence */
} cairn_config_option;

/* The options of one module; several modules may share a section. */
typedef struct cairn_config_table {
    const cairn_config_option *rows;
    size_t count;
} cairn_config_table;

/* A value for the initial file that differs from the option's own. */
typedef struct cairn_config_setting {
    const char *key;
    const char *value;
} cairn_config_setting;

enum {
    CAIRN_CONFIG_SIZE_MAX = 65536,    /* bytes of the file */
    CAIRN_CONFIG_OPTIONS_MAX = 1024,  /* rows of all tables together */
    CAIRN_CONFIG_TEXT_SIZE_MAX = 1024 /* bytes of one value */
};

typedef struct cairn_config cairn_config;

/* Reads `text`; `name` stands for it in details, such as "cairn.yaml". The rows stay borrowed.
 * CONFIG with "file:line: section.name: what". An empty text gives the initial values. */
cairn_err cairn_config_parse(const cairn_config_table *tables, size_t table_count, const char *name,
                             cairn_bytes text, cairn_config **ret_config) CAIRN_MUST_USE;

/* The same from a file. NOT_FOUND when there is none, IO or PERMISSION when it cannot be read,
 * CONFIG when it is larger than CAIRN_CONFIG_SIZE_MAX. */
cairn_err cairn_config_load(const cairn_config_table *tables, size_t table_count, const char *path,
                            cairn_config **ret_config) CAIRN_MUST_USE;

/* Takes NULL. */
void cairn_config_free(cairn_config *config);
CAIRN_DEFINE_CLEANUP(cairn_config, cairn_config_free)

/* Value of an option, in bytes, milliseconds or pieces. Asking for a key that no table has, or that
 * has another kind of unit, is our own mistake. Any thread. */
uint64_t cairn_config_u64(const cairn_config *config, const char *key);
bool cairn_config_bool(const cairn_config *config, const char *key);
/* Valid as long as `config`. */
const char *cairn_config_text(const cairn_config *config, const char *key);

/* The initial file: every option with its sentence and range, commented out at its initial value;
 * `settings` are written live, quoted. CONFIG when a setting is unknown or out of range. The result
 * lives in the arena. */
cairn_err cairn_config_render(cairn_arena *arena, const cairn_config_table *tables,
                              size_t table_count, const cairn_config_setting *settings,
                              size_t setting_count, cairn_bytes *ret_text) CAIRN_MUST_USE;

#endif
