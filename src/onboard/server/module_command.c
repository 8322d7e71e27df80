/* fdo.command: a program, its arguments, and what became of it. */
#include <stdlib.h>

#include "onboard/server/module_help.h"

static const char module[] = "fdo.command";

typedef struct command {
    const cairn_fdo_command *order;
    bool begun;
    bool done;
    cairn_fdo_module_buffer out;
    cairn_fdo_module_buffer err;
} command;

static cairn_err take_exit(command *c, cairn_fdo_run *run, cairn_cbor_reader *reader)
{
    int64_t code = 0;
    CAIRN_TRY(cairn_cbor_read_int(reader, "exitcode", INT32_MIN, INT32_MAX, &code));
    c->done = true;
    if (c->order->done != NULL)
        c->order->done(c->order->context, run, code, cairn_bytes_of(c->out.data, c->out.size),
                       cairn_bytes_of(c->err.data, c->err.size));
    if (code != 0 && !c->order->may_fail)
        return cairn_fdo_module_failed(module, c->order->command, (cairn_bytes){0});
    return CAIRN_OK;
}

static cairn_err take(void *state, cairn_fdo_run *run, cairn_bytes name, cairn_bytes item)
{
    command *c = state;
    cairn_cbor_reader reader;
    cairn_bytes bytes = {0};
    CAIRN_TRY(cairn_fdo_module_open(&reader, item, module));
    if (cairn_fdo_module_is(name, "exitcode"))
        return take_exit(c, run, &reader);
    if (!cairn_fdo_module_is(name, "stdout") && !cairn_fdo_module_is(name, "stderr"))
        return cairn_fdo_module_unknown(name, module);
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "output", 0, SIZE_MAX, &bytes));
    return cairn_fdo_module_append(cairn_fdo_module_is(name, "stdout") ? &c->out : &c->err, bytes,
                                   CAIRN_FDO_COMMAND_OUTPUT_MAX, module);
}

/* The arguments are one array in a byte string. */
static cairn_err give_arguments(const cairn_fdo_command *order, cairn_fdo_giver *giver)
{
    cairn_cbor_writer writer;
    size_t size = 9;
    void *memory = NULL;
    for (size_t i = 0; i < order->argument_count; i++)
        size += strlen(order->arguments[i]) + 9;
    CAIRN_TRY(cairn_arena_alloc(giver->arena, size, &memory));
    cairn_cbor_writer_init(&writer, memory, size);
    cairn_cbor_put_array(&writer, order->argument_count);
    for (size_t i = 0; i < order->argument_count; i++)
        cairn_cbor_put_text(&writer, order->arguments[i]);
    return cairn_fdo_give_bytes(giver, "args", cairn_bytes_of(memory, writer.size));
}

static cairn_err begin(command *c, cairn_fdo_giver *giver)
{
    static const uint8_t null = 0xf6;
    const cairn_fdo_command *order = c->order;
    c->begun = true;
    CAIRN_TRY(cairn_fdo_give_bool(giver, "active", true));
    CAIRN_TRY(cairn_fdo_give_text(giver, "command", order->command));
    CAIRN_TRY(give_arguments(order, giver));
    if (order->may_fail)
        CAIRN_TRY(cairn_fdo_give_bool(giver, "may_fail", true));
    if (order->done != NULL) {
        CAIRN_TRY(cairn_fdo_give_bool(giver, "return_stdout", true));
        CAIRN_TRY(cairn_fdo_give_bool(giver, "return_stderr", true));
    }
    return cairn_fdo_give(giver, "execute", cairn_bytes_of(&null, 1));
}

static cairn_err give(void *state, cairn_fdo_run *run, cairn_fdo_giver *giver, bool *ret_done)
{
    command *c = state;
    (void)run;
    *ret_done = c->done;
    return c->begun ? CAIRN_OK : begin(c, giver);
}

static void free_state(void *state)
{
    command *c = state;
    free(c->out.data);
    free(c->err.data);
    free(c);
}

static const cairn_fdo_module_type type = {module, take, give, free_state, false};

cairn_err cairn_fdo_run_command(cairn_fdo_run *run, const cairn_fdo_command *order, bool required)
{
    void *state = NULL;
    CAIRN_ASSERT(order->argument_count <= CAIRN_FDO_COMMAND_ARGUMENTS_MAX);
    CAIRN_TRY(cairn_fdo_module_new(sizeof(command), &state));
    ((command *)state)->order = order;
    return cairn_fdo_run_add(run, &type, state, required);
}
