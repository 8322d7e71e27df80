/* The command: one table of verbs, each a name, a usage, a help text and a function. Help, man page
 * and shell completion are made from the same table. */
#ifndef CAIRN_COMMAND_VERB_H
#define CAIRN_COMMAND_VERB_H

#include <stdio.h>

#include "cairn/arena.h"
#include "cairn/bytes.h"

enum {
    CAIRN_VERB_OPTIONS_MAX = 12,
    CAIRN_OPTION_VALUES_MAX = 64, /* of a repeatable option */
};

/* What a verb runs with. */
typedef struct cairn_command {
    const char *directory; /* -C or CAIRN_DIR, else "." */
    bool json;             /* --json: one JSON object on `out` */
    bool quiet;            /* --quiet: no progress bar */
    bool answered;         /* its answer is printed, be it a no: the exit code says the rest */
    FILE *out;
    FILE *err;
    cairn_arena arena; /* the command's, for what lives until it ends */
} cairn_command;

typedef struct cairn_option {
    const char *name;     /* "org", given as --org */
    const char *argument; /* "NAME", or NULL for a switch */
    bool required;
    bool repeatable;
    const char *help; /* half a sentence */
} cairn_option;

/* The arguments of one call. */
typedef struct cairn_arguments {
    const struct cairn_verb *verb;
    const char *const *words; /* what is not an option */
    size_t word_count;
    struct {
        size_t count;
        const char *values[CAIRN_OPTION_VALUES_MAX]; /* "" for a switch */
    } options[CAIRN_VERB_OPTIONS_MAX];               /* by place in the verb's table */
} cairn_arguments;

struct cairn_verb {
    const char *name;  /* one or two words */
    const char *words; /* usage of the words, such as "FILE…" */
    size_t words_min;
    size_t words_max;
    const char *summary; /* one line */
    const char *help;    /* paragraphs of the man page */
    const cairn_option *options;
    size_t option_count;
    cairn_err (*run)(cairn_command *command, const cairn_arguments *arguments);
};
typedef struct cairn_verb cairn_verb;

/* All verbs in the order of the help. */
extern const cairn_verb *const cairn_verbs[];
extern const size_t cairn_verb_count;

/* Options of every verb. */
extern const cairn_option cairn_common_options[];
extern const size_t cairn_common_option_count;

/* First value of option `name`, NULL when it was not given. Asking for one that the verb does not
 * have is our own mistake. */
const char *cairn_option_value(const cairn_arguments *arguments, const char *name);
size_t cairn_option_values(const cairn_arguments *arguments, const char *name,
                           const char *const **ret_values);
bool cairn_option_given(const cairn_arguments *arguments, const char *name);
/* A whole number from `min` to `max`; without the option `ret_number` keeps what it holds. USAGE
 * names the option and its range. */
cairn_err cairn_option_number(const cairn_arguments *arguments, const char *name, uint64_t min,
                              uint64_t max, uint64_t *ret_number) CAIRN_MUST_USE;

/* Runs one command line; returns the exit code: 0 yes, 1 no, 2 usage, 3 bad input, 4 environment.
 */
int cairn_command_main(int argc, char **argv, FILE *out, FILE *err);

#endif
