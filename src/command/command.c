/* From the command line to a verb, and from its error to an exit code. */
#include <errno.h>
#include <stdlib.h>

#include "command/verb.h"
#include "core/unit.h"

enum { COMMAND_ARENA_SIZE_MAX = 1 << 30, WORDS_MAX = 4096 };

const cairn_option cairn_common_options[] = {
    {"json", NULL, false, false, "print facts as one JSON object"},
    {"quiet", NULL, false, false, "no progress bar"},
    {"help", NULL, false, false, "show what the verb does"},
};
const size_t cairn_common_option_count =
    sizeof cairn_common_options / sizeof cairn_common_options[0];

/* --- reading the arguments --- */

static size_t option_place(const cairn_verb *verb, const char *name, size_t name_size)
{
    size_t i = 0;
    while (i < verb->option_count && (strlen(verb->options[i].name) != name_size ||
                                      memcmp(verb->options[i].name, name, name_size) != 0))
        i++;
    return i;
}

static size_t known_place(const cairn_arguments *arguments, const char *name)
{
    size_t i = option_place(arguments->verb, name, strlen(name));
    CAIRN_ASSERT(i < arguments->verb->option_count);
    return i;
}

size_t cairn_option_values(const cairn_arguments *arguments, const char *name,
                           const char *const **ret_values)
{
    size_t i = known_place(arguments, name);
    *ret_values = arguments->options[i].values;
    return arguments->options[i].count;
}

const char *cairn_option_value(const cairn_arguments *arguments, const char *name)
{
    size_t i = known_place(arguments, name);
    return arguments->options[i].count == 0 ? NULL : arguments->options[i].values[0];
}

bool cairn_option_given(const cairn_arguments *arguments, const char *name)
{
    return arguments->options[known_place(arguments, name)].count != 0;
}

cairn_err cairn_option_number(const cairn_arguments *arguments, const char *name, uint64_t min,
                              uint64_t max, uint64_t *ret_number)
{
    const char *text = cairn_option_value(arguments, name);
    uint64_t number = 0;
    if (text == NULL)
        return CAIRN_OK;
    if (cairn_unit_parse(text, CAIRN_UNIT_COUNT, &number) != CAIRN_OK || number < min ||
        number > max)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--%s: a number from %llu to %llu", name,
                          (unsigned long long)min, (unsigned long long)max);
    *ret_number = number;
    return CAIRN_OK;
}

typedef struct reading {
    cairn_command *command;
    cairn_arguments *arguments;
    const char **words;
    bool help;
    int argc;
    char **argv;
    int at;
} reading;

/* One of the options that every verb has. */
static bool read_common(reading *r, const char *name)
{
    if (strcmp(name, "json") == 0)
        r->command->json = true;
    else if (strcmp(name, "quiet") == 0)
        r->command->quiet = true;
    else if (strcmp(name, "help") == 0)
        r->help = true;
    else
        return false;
    return true;
}

/* "--name", "--name=value" or "--name value". */
static cairn_err read_option(reading *r, const char *word)
{
    const cairn_verb *verb = r->arguments->verb;
    const char *name = word + 2;
    const char *equals = strchr(name, '=');
    size_t size = equals == NULL ? strlen(name) : (size_t)(equals - name);
    if (equals == NULL && read_common(r, name))
        return CAIRN_OK;
    size_t i = option_place(verb, name, size);
    if (i == verb->option_count)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "%s has no option --%.*s", verb->name,
                          (int)size, name);
    const cairn_option *option = &verb->options[i];
    const char *value = equals == NULL ? NULL : equals + 1;
    if (option->argument == NULL && value != NULL)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--%s takes no value", option->name);
    if (option->argument != NULL && value == NULL) {
        if (r->at >= r->argc)
            return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--%s needs %s", option->name,
                              option->argument);
        value = r->argv[r->at++];
    }
    size_t *count = &r->arguments->options[i].count;
    if (*count >= (option->repeatable ? CAIRN_OPTION_VALUES_MAX : 1))
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--%s is given too often", option->name);
    r->arguments->options[i].values[(*count)++] = value == NULL ? "" : value;
    return CAIRN_OK;
}

static cairn_err read_words(reading *r)
{
    bool options_end = false;
    while (r->at < r->argc) {
        const char *word = r->argv[r->at++];
        if (!options_end && strcmp(word, "--") == 0) {
            options_end = true;
        } else if (!options_end && strncmp(word, "--", 2) == 0) {
            CAIRN_TRY(read_option(r, word));
        } else {
            if (r->arguments->word_count == WORDS_MAX)
                return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "more than %d words", WORDS_MAX);
            r->words[r->arguments->word_count++] = word;
        }
    }
    return CAIRN_OK;
}

static cairn_err check_arguments(const cairn_arguments *arguments)
{
    const cairn_verb *verb = arguments->verb;
    if (arguments->word_count < verb->words_min || arguments->word_count > verb->words_max)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "it is: cairn %s %s", verb->name, verb->words);
    for (size_t i = 0; i < verb->option_count; i++)
        if (verb->options[i].required && arguments->options[i].count == 0)
            return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "cairn %s needs --%s %s", verb->name,
                              verb->options[i].name, verb->options[i].argument);
    return CAIRN_OK;
}

/* --- finding the verb --- */

/* How many of the words name this verb: 1, 2, or 0. */
static int matches(const cairn_verb *verb, int argc, char **argv)
{
    const char *space = strchr(verb->name, ' ');
    if (space == NULL)
        return argc >= 1 && strcmp(argv[0], verb->name) == 0 ? 1 : 0;
    size_t first = (size_t)(space - verb->name);
    if (argc < 2 || strlen(argv[0]) != first || memcmp(argv[0], verb->name, first) != 0)
        return 0;
    return strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

/* Is it the first of two words, such as key? */
static bool begins_verbs(const char *word)
{
    size_t size = strlen(word);
    for (size_t i = 0; i < cairn_verb_count; i++)
        if (strncmp(cairn_verbs[i]->name, word, size) == 0 && cairn_verbs[i]->name[size] == ' ')
            return true;
    return false;
}

static cairn_err find_verb(int argc, char **argv, const cairn_verb **ret_verb, int *ret_used)
{
    for (size_t i = 0; i < cairn_verb_count; i++) {
        int used = matches(cairn_verbs[i], argc, argv);
        if (used != 0) {
            *ret_verb = cairn_verbs[i];
            *ret_used = used;
            return CAIRN_OK;
        }
    }
    if (begins_verbs(argv[0]))
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "a verb has its second word after '%s'; see "
                          "cairn help %s",
                          argv[0], argv[0]);
    return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "no verb '%s'; see cairn help", argv[0]);
}

/* -C DIR, --json and the like before the verb. */
static cairn_err read_front(reading *r)
{
    while (r->at < r->argc && r->argv[r->at][0] == '-') {
        const char *word = r->argv[r->at++];
        if (strcmp(word, "-C") == 0) {
            if (r->at == r->argc)
                return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "-C needs DIR");
            r->command->directory = r->argv[r->at++];
        } else if (strcmp(word, "-h") == 0) {
            r->help = true;
        } else if (strncmp(word, "--", 2) != 0 || !read_common(r, word + 2)) {
            return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                              "no option %s before the verb; see cairn help", word);
        }
    }
    return CAIRN_OK;
}

static cairn_err run_help(cairn_command *command, const cairn_verb *verb)
{
    char *words[] = {(char *)(uintptr_t) "help"};
    const char *names[] = {verb == NULL ? NULL : verb->name};
    const cairn_verb *help = NULL;
    int used = 0;
    CAIRN_TRY(find_verb(1, words, &help, &used));
    const cairn_arguments arguments = {
        .verb = help, .words = names, .word_count = verb == NULL ? 0 : 1};
    return help->run(command, &arguments);
}

static cairn_err run(cairn_command *command, cairn_arena *words_arena, int argc, char **argv)
{
    cairn_arguments arguments = {0};
    reading r = {.command = command, .arguments = &arguments, .argc = argc, .argv = argv, .at = 1};
    void *words = NULL;
    int used = 0;
    CAIRN_TRY(read_front(&r));
    if (command->directory[0] == '\0') /* an unset variable does not mean the root */
        command->directory = ".";
    if (r.at >= argc)
        return run_help(command, NULL);
    CAIRN_TRY(find_verb(argc - r.at, argv + r.at, &arguments.verb, &used));
    r.at += used;
    CAIRN_TRY(cairn_arena_array(words_arena, WORDS_MAX, sizeof(char *), &words));
    r.words = words;
    arguments.words = words;
    CAIRN_TRY(read_words(&r));
    if (r.help)
        return run_help(command, arguments.verb);
    CAIRN_TRY(check_arguments(&arguments));
    return arguments.verb->run(command, &arguments);
}

/* What was printed has arrived, or it was not said. */
static cairn_err finish_output(FILE *out)
{
    errno = 0;
    if (fflush(out) != 0 || ferror(out))
        return cairn_err_from_errno(errno, "output");
    return CAIRN_OK;
}

int cairn_command_main(int argc, char **argv, FILE *out, FILE *err)
{
    const char *directory = getenv("CAIRN_DIR");
    cairn_command command = {
        .directory = directory == NULL ? "." : directory, .out = out, .err = err};
    cairn_arena words; /* apart from the command's arena, which a verb may reset */
    cairn_arena_init(&command.arena, COMMAND_ARENA_SIZE_MAX);
    cairn_arena_init(&words, COMMAND_ARENA_SIZE_MAX);
    cairn_err_clear();
    cairn_err result = run(&command, &words, argc, argv);
    if (result == CAIRN_OK)
        result = finish_output(out);
    if (result != CAIRN_OK && !command.answered)
        (void)fprintf(err, "cairn: %s%s%s\n", cairn_err_text(result),
                      cairn_err_detail()[0] == '\0' ? "" : ": ", cairn_err_detail());
    cairn_arena_done(&words);
    cairn_arena_done(&command.arena);
    return cairn_err_exit(result);
}
