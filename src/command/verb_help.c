/* cairn help, man, completion, version: all from the verb table. */
#include <ctype.h>

#include "command/facts.h"
#include "command/verbs.h"
#include "command/version.h"

/* --- help --- */

static void print_options(FILE *out, const cairn_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char form[64];
        (void)snprintf(form, sizeof form, "--%s%s%s", options[i].name,
                       options[i].argument == NULL ? "" : " ",
                       options[i].argument == NULL ? "" : options[i].argument);
        (void)fprintf(out, "  %-24s %s%s\n", form, options[i].help,
                      options[i].repeatable ? " (repeatable)" : "");
    }
}

/* Words of `text` in lines of at most 78 characters. */
static void print_paragraph(FILE *out, const char *text)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (column != 0 && column + 1 + word > 78) {
            (void)fputc('\n', out);
            column = 0;
        }
        column += (size_t)fprintf(out, "%s%.*s", column == 0 ? "" : " ", (int)word, text);
        text += word;
        text += *text == ' ';
    }
    (void)fputc('\n', out);
}

static cairn_err help_verb(cairn_command *command, const cairn_verb *verb)
{
    (void)fprintf(command->out, "cairn %s %s\n\n", verb->name, verb->words);
    print_paragraph(command->out, verb->help);
    (void)fputc('\n', command->out);
    print_options(command->out, verb->options, verb->option_count);
    print_options(command->out, cairn_common_options, cairn_common_option_count);
    return CAIRN_OK;
}

/* The verbs whose first word is `first`, all of them for NULL; returns how many. */
static size_t list_verbs(FILE *out, const char *first)
{
    size_t count = 0;
    for (size_t i = 0; i < cairn_verb_count; i++) {
        const char *name = cairn_verbs[i]->name;
        size_t size = strcspn(name, " ");
        if (first != NULL && (strlen(first) != size || memcmp(name, first, size) != 0))
            continue;
        (void)fprintf(out, "  %-17s %s\n", name, cairn_verbs[i]->summary);
        count++;
    }
    return count;
}

static void help_all(FILE *out)
{
    (void)fprintf(out, "cairn: evidence that anybody can check\n\n"
                       "usage: cairn [-C DIR] VERB ...    DIR is a ledger directory; CAIRN_DIR or "
                       ". if not given\n\n");
    (void)list_verbs(out, NULL);
    (void)fprintf(out, "\ncairn help VERB tells more. Exit codes: 0 yes, 1 the answer is no, 2 "
                       "usage, 3 bad input,\n"
                       "4 environment.\n");
}

static cairn_err run_help(cairn_command *command, const cairn_arguments *arguments)
{
    char name[64];
    if (arguments->word_count == 0) {
        help_all(command->out);
        return CAIRN_OK;
    }
    (void)snprintf(name, sizeof name, "%s%s%s", arguments->words[0],
                   arguments->word_count > 1 ? " " : "",
                   arguments->word_count > 1 ? arguments->words[1] : "");
    for (size_t i = 0; i < cairn_verb_count; i++)
        if (strcmp(cairn_verbs[i]->name, name) == 0)
            return help_verb(command, cairn_verbs[i]);
    if (arguments->word_count == 1 && list_verbs(command->out, name) != 0)
        return CAIRN_OK;
    return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "no verb '%s'; see cairn help", name);
}

/* --- man --- */

/* Text for roff: hyphens, backslashes and leading dots. */
static void roff(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        (void)fputs("\\&", out);
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            (void)fputs("\\e", out);
        else if (*text == '-')
            (void)fputs("\\-", out);
        else
            (void)fputc(*text, out);
    }
}

static void man_options(FILE *out, const cairn_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(out, ".TP\n\\fB\\-\\-");
        roff(out, options[i].name);
        (void)fprintf(out, "\\fR");
        if (options[i].argument != NULL)
            (void)fprintf(out, " \\fI%s\\fR", options[i].argument);
        (void)fputc('\n', out);
        roff(out, options[i].help);
        (void)fputc('\n', out);
    }
}

#define MAN_DATE "2026-11-24" /* of the last change to the verbs */

static cairn_err run_man(cairn_command *command, const cairn_arguments *arguments)
{
    FILE *out = command->out;
    (void)arguments;
    (void)fprintf(out,
                  ".TH CAIRN 1 \"" MAN_DATE "\" \"Cairn " CAIRN_VERSION "\" \"User Commands\"\n"
                  ".SH NAME\ncairn \\- evidence that anybody can check\n"
                  ".SH SYNOPSIS\n\\fBcairn\\fR [\\fB\\-C\\fR \\fIDIR\\fR] \\fIVERB\\fR ...\n"
                  ".SH DESCRIPTION\nAnchors files on an append-only ledger and verifies them "
                  "offline. \\fIDIR\\fR "
                  "is a ledger directory; without it the variable CAIRN_DIR or the current "
                  "directory is taken.\n"
                  ".SH VERBS\n");
    for (size_t i = 0; i < cairn_verb_count; i++) {
        const cairn_verb *verb = cairn_verbs[i];
        (void)fprintf(out, ".SS cairn %s ", verb->name);
        roff(out, verb->words);
        (void)fputc('\n', out);
        roff(out, verb->help);
        (void)fputc('\n', out);
        man_options(out, verb->options, verb->option_count);
    }
    (void)fprintf(out, ".SH OPTIONS OF EVERY VERB\n");
    man_options(out, cairn_common_options, cairn_common_option_count);
    (void)fprintf(
        out, ".SH EXIT STATUS\n0 yes, 1 the answer is no, 2 usage, 3 bad input, 4 environment.\n"
             ".SH ENVIRONMENT\nCAIRN_DIR: the ledger directory.\n");
    return CAIRN_OK;
}

/* --- completion --- */

static void complete_options(FILE *out, const cairn_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)fprintf(out, " --%s", options[i].name);
}

/* Second words of the verbs whose first word is `first`, such as "new show revoke" for "key". */
static void complete_seconds(FILE *out, const char *first, size_t size)
{
    for (size_t i = 0; i < cairn_verb_count; i++) {
        const char *name = cairn_verbs[i]->name;
        if (strncmp(name, first, size) == 0 && name[size] == ' ')
            (void)fprintf(out, " %s", name + size + 1);
    }
}

static bool first_seen_before(size_t place, size_t size)
{
    for (size_t i = 0; i < place; i++)
        if (strncmp(cairn_verbs[i]->name, cairn_verbs[place]->name, size) == 0 &&
            (cairn_verbs[i]->name[size] == ' ' || cairn_verbs[i]->name[size] == '\0'))
            return true;
    return false;
}

static cairn_err run_completion(cairn_command *command, const cairn_arguments *arguments)
{
    FILE *out = command->out;
    (void)arguments;
    (void)fprintf(out,
                  "# bash completion of cairn: . <(cairn completion)\n_cairn()\n{\n"
                  "    local cur=${COMP_WORDS[COMP_CWORD]} at=1 options=\"\" words=\"\"\n"
                  "    [ \"${COMP_WORDS[1]}\" = -C ] && at=3\n"
                  "    [ \"${COMP_WORDS[at]-}\" = help ] && [ \"$COMP_CWORD\" -gt \"$at\" ] && "
                  "at=$((at+1))\n"
                  "    local first=${COMP_WORDS[at]-} second=${COMP_WORDS[at+1]-}\n"
                  "    if [ \"$COMP_CWORD\" -le \"$at\" ]; then\n        words=\"");
    for (size_t i = 0; i < cairn_verb_count; i++) {
        size_t size = strcspn(cairn_verbs[i]->name, " ");
        if (!first_seen_before(i, size))
            (void)fprintf(out, "%s%.*s", i == 0 ? "" : " ", (int)size, cairn_verbs[i]->name);
    }
    (void)fprintf(out, "\"\n    else\n        case \"$first $second\" in\n");
    for (size_t i = 0; i < cairn_verb_count; i++) {
        const cairn_verb *verb = cairn_verbs[i];
        bool two = strchr(verb->name, ' ') != NULL;
        (void)fprintf(out, "        \"%s%s) options=\"", verb->name, two ? "\"" : " \"*");
        complete_options(out, verb->options, verb->option_count);
        complete_options(out, cairn_common_options, cairn_common_option_count);
        (void)fprintf(out, "\" ;;\n");
    }
    (void)fprintf(out, "        esac\n        case \"$first\" in\n");
    for (size_t i = 0; i < cairn_verb_count; i++) {
        size_t size = strcspn(cairn_verbs[i]->name, " ");
        if (cairn_verbs[i]->name[size] == '\0' || first_seen_before(i, size))
            continue;
        (void)fprintf(out, "        %.*s) [ \"$COMP_CWORD\" -eq $((at+1)) ] && words=\"", (int)size,
                      cairn_verbs[i]->name);
        complete_seconds(out, cairn_verbs[i]->name, size);
        (void)fprintf(out, "\" ;;\n");
    }
    (void)fprintf(out,
                  "        esac\n    fi\n"
                  "    case \"$cur\" in\n    -*) words=$options ;;\n    esac\n"
                  "    if [ -n \"$words\" ]; then\n"
                  "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n    else\n"
                  "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n    fi\n}\n"
                  "complete -o filenames -F _cairn cairn\n");
    return CAIRN_OK;
}

static cairn_err run_version(cairn_command *command, const cairn_arguments *arguments)
{
    (void)arguments;
    if (command->json) {
        json_t *facts = cairn_facts_new();
        cairn_facts_text(facts, "version", CAIRN_VERSION);
        return cairn_facts_print(command, facts);
    }
    (void)fprintf(command->out, "cairn " CAIRN_VERSION "\n");
    return CAIRN_OK;
}

const cairn_verb cairn_verb_help = {
    .name = "help",
    .words = "[VERB]",
    .words_max = 2,
    .summary = "list the verbs, or explain one",
    .help = "Lists the verbs, or explains one.",
    .run = run_help,
};

const cairn_verb cairn_verb_man = {
    .name = "man",
    .words = "",
    .summary = "print the man page",
    .help =
        "Prints the man page in roff, made from the same table as the help: cairn man | man -l -",
    .run = run_man,
};

const cairn_verb cairn_verb_completion = {
    .name = "completion",
    .words = "",
    .summary = "print the completion for bash",
    .help = "Prints a script for bash: . <(cairn completion)",
    .run = run_completion,
};

const cairn_verb cairn_verb_version = {
    .name = "version",
    .words = "",
    .summary = "print the version",
    .help = "Prints the version.",
    .run = run_version,
};
