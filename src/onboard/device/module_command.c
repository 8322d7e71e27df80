/* fdo.command: the owner runs a program on the device. Off unless the device's maker wants it.
 * Source: FIDO's fdo.command module. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "onboard/device/modules.h"

static const char name_[] = "fdo.command";

enum { WORDS_MAX = 32, WORDS_SIZE_MAX = 4096, OUTPUTS = 2 };

typedef struct command {
    size_t word_count; /* the program and its arguments */
    size_t used;
    char text[WORDS_SIZE_MAX]; /* the words, each with its NUL */
    bool may_fail;
    bool wants[OUTPUTS]; /* standard output, standard error */
    int fds[OUTPUTS];    /* our ends, -1 when closed */
    pid_t pid;           /* 0: none */
    bool has_ended;
    int exit_code;
} command;

static void close_fds(command *c)
{
    for (size_t i = 0; i < OUTPUTS; i++) {
        cairn_file_close(c->fds[i]);
        c->fds[i] = -1;
    }
}

static void drop(void *context)
{
    command *c = context;
    if (c->pid > 0) {
        (void)kill(c->pid, SIGKILL);
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    close_fds(c);
    *c = (command){.fds = {-1, -1}};
}

/* --- what to run --- */

static cairn_err add_word(command *c, cairn_bytes word)
{
    if (c->word_count == WORDS_MAX || word.size + 1 > sizeof c->text - c->used)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "fdo.command: words");
    if (word.size != 0 && memchr(word.data, 0, word.size) != NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "fdo.command: a NUL in a word");
    if (word.size != 0)
        memcpy(c->text + c->used, word.data, word.size);
    c->text[c->used + word.size] = '\0';
    c->used += word.size + 1;
    c->word_count++;
    return CAIRN_OK;
}

static cairn_err take_program(command *c, cairn_cbor_reader *reader)
{
    cairn_bytes program;
    CAIRN_TRY(cairn_cbor_read_text(reader, "command", 1, WORDS_SIZE_MAX, &program));
    drop(c);
    return add_word(c, program);
}

/* A byte string that holds an array of texts. */
static cairn_err take_args(command *c, cairn_cbor_reader *reader)
{
    cairn_bytes inner;
    cairn_cbor_reader args;
    size_t count = 0;
    if (c->word_count != 1)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "fdo.command.args: without a command");
    CAIRN_TRY(cairn_cbor_read_bytes(reader, "args", 1, SIZE_MAX, &inner));
    CAIRN_TRY(cairn_info_open(&args, inner, name_));
    CAIRN_TRY(cairn_cbor_read_array(&args, "args", 0, WORDS_MAX, &count));
    for (size_t i = 0; i < count; i++) {
        cairn_bytes word;
        CAIRN_TRY(cairn_cbor_read_text(&args, "args", 0, WORDS_SIZE_MAX, &word));
        CAIRN_TRY(add_word(c, word));
    }
    return CAIRN_OK;
}

/* --- running it --- */

typedef struct child {
    posix_spawn_file_actions_t actions;
    int theirs[OUTPUTS];
} child;

/* A pipe for an output that is wanted, /dev/null for one that is not. */
static bool add_output(command *c, child *ch, size_t i)
{
    int fds[2];
    if (!c->wants[i])
        return posix_spawn_file_actions_addopen(&ch->actions, (int)i + 1, "/dev/null", O_WRONLY,
                                                0) == 0;
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    c->fds[i] = fds[0];
    ch->theirs[i] = fds[1];
    return fcntl(fds[1], F_SETFL, 0) == 0 && /* ours does not wait, theirs does */
           posix_spawn_file_actions_adddup2(&ch->actions, fds[1], (int)i + 1) == 0;
}

static bool spawn(command *c, child *ch)
{
    char *argv[WORDS_MAX + 1] = {0};
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char *environment[] = {path, NULL}; /* what this process has in its own is not the owner's */
    char *word = c->text;
    for (size_t i = 0; i < c->word_count; i++) {
        argv[i] = word;
        word += strlen(word) + 1;
    }
    return posix_spawn_file_actions_addopen(&ch->actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
           add_output(c, ch, 0) && add_output(c, ch, 1) &&
           posix_spawnp(&c->pid, argv[0], &ch->actions, NULL, argv, environment) == 0;
}

static cairn_err execute(command *c)
{
    child ch = {.theirs = {-1, -1}};
    if (c->word_count == 0 || c->pid > 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "fdo.command.execute: %s",
                          c->pid > 0 ? "twice" : "without a command");
    if (posix_spawn_file_actions_init(&ch.actions) != 0)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "fdo.command");
    bool started = spawn(c, &ch);
    (void)posix_spawn_file_actions_destroy(&ch.actions);
    for (size_t i = 0; i < OUTPUTS; i++)
        cairn_file_close(ch.theirs[i]);
    if (started)
        return CAIRN_OK;
    c->pid = 0;
    c->has_ended = true; /* as a shell would say */
    c->exit_code = 127;
    return CAIRN_OK;
}

static cairn_err signal_child(command *c, cairn_cbor_reader *reader)
{
    int64_t number = 0;
    CAIRN_TRY(cairn_cbor_read_int(reader, "sig", 1, 64, &number));
    if (c->pid <= 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "fdo.command.sig: nothing runs");
    (void)kill(c->pid, (int)number);
    return CAIRN_OK;
}

static cairn_err take(void *context, cairn_bytes name, cairn_bytes value)
{
    command *c = context;
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_info_open(&reader, value, name_));
    if (cairn_info_is(name, "command"))
        return take_program(c, &reader);
    if (cairn_info_is(name, "args"))
        return take_args(c, &reader);
    if (cairn_info_is(name, "may_fail"))
        return cairn_cbor_read_bool(&reader, "may_fail", &c->may_fail);
    if (cairn_info_is(name, "return_stdout"))
        return cairn_cbor_read_bool(&reader, "return_stdout", &c->wants[0]);
    if (cairn_info_is(name, "return_stderr"))
        return cairn_cbor_read_bool(&reader, "return_stderr", &c->wants[1]);
    if (cairn_info_is(name, "execute"))
        return execute(c);
    if (cairn_info_is(name, "sig"))
        return signal_child(c, &reader);
    return cairn_info_unknown(name_, name);
}

/* --- what comes of it --- */

/* What an output has now; nothing more comes once it is closed. */
static size_t read_output(command *c, size_t i, uint8_t *chunk, size_t size)
{
    if (c->fds[i] < 0)
        return 0;
    ssize_t got = read(c->fds[i], chunk, size);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        cairn_file_close(c->fds[i]);
        c->fds[i] = -1;
    }
    return got > 0 ? (size_t)got : 0;
}

static void reap(command *c)
{
    int status = 0;
    if (c->pid <= 0 || waitpid(c->pid, &status, WNOHANG) != c->pid)
        return;
    c->pid = 0;
    c->has_ended = true;
    c->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static cairn_err give_exit(command *c, cairn_arena *arena, cairn_fdo_client_info *ret_info)
{
    int code = c->exit_code;
    bool may_fail = c->may_fail;
    drop(c);
    if (code != 0 && !may_fail)
        return CAIRN_FAIL(CAIRN_ERR_CANCELLED, "house", "fdo.command: exit code %d", code);
    ret_info->name = cairn_bytes_str("exitcode");
    return cairn_info_int(arena, code, &ret_info->value);
}

/* Output before the exit code: a program is asked whether it has ended before its output is read
 * to the end. */
static cairn_err give(void *context, cairn_arena *arena, size_t room,
                      cairn_fdo_client_info *ret_info, bool *ret_given)
{
    static const char *const names[] = {"stdout", "stderr"};
    command *c = context;
    uint8_t chunk[MODULE_CHUNK_SIZE];
    *ret_given = (c->pid > 0 || c->has_ended) && room > 9;
    if (!*ret_given)
        return CAIRN_OK;
    reap(c);
    for (size_t i = 0; i < OUTPUTS; i++) {
        size_t got = read_output(c, i, chunk, room - 3 < sizeof chunk ? room - 3 : sizeof chunk);
        if (got == 0)
            continue;
        ret_info->name = cairn_bytes_str(names[i]);
        return cairn_info_bytes(arena, cairn_bytes_of(chunk, got), &ret_info->value);
    }
    *ret_given = c->has_ended;
    return c->has_ended ? give_exit(c, arena, ret_info) : CAIRN_OK;
}

static void free_state(void *state)
{
    drop(state);
    free(state);
}

cairn_err cairn_info_command_open(const cairn_fdo_client_modules_config *config, module_slot *slot)
{
    command *c = calloc(1, sizeof *c);
    (void)config;
    if (c == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "fdo.command");
    c->fds[0] = c->fds[1] = -1;
    *slot = (module_slot){
        .module = {.name = name_, .context = c, .take = take, .give = give, .drop = drop},
        .free_state = free_state,
    };
    return CAIRN_OK;
}
