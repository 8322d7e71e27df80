/* fdo.wget: the device is told a URL, and says when it has what is there. */
#include <stdlib.h>

#include "onboard/server/module_help.h"

static const char module[] = "fdo.wget";

typedef struct wget {
    const cairn_fdo_wget *file;
    bool begun;
    bool done;
} wget;

static cairn_err take(void *state, cairn_fdo_run *run, cairn_bytes name, cairn_bytes item)
{
    wget *w = state;
    cairn_cbor_reader reader;
    cairn_bytes text = {0};
    (void)run;
    CAIRN_TRY(cairn_fdo_module_open(&reader, item, module));
    if (cairn_fdo_module_is(name, "error")) {
        CAIRN_TRY(cairn_cbor_read_text(&reader, "error", 0, SIZE_MAX, &text));
        return cairn_fdo_module_failed(module, "", text);
    }
    if (!cairn_fdo_module_is(name, "done"))
        return cairn_fdo_module_unknown(name, module);
    w->done = true;
    return CAIRN_OK;
}

static cairn_err give(void *state, cairn_fdo_run *run, cairn_fdo_giver *giver, bool *ret_done)
{
    wget *w = state;
    (void)run;
    *ret_done = w->done;
    if (w->begun)
        return CAIRN_OK;
    w->begun = true;
    CAIRN_TRY(cairn_fdo_give_bool(giver, "active", true));
    if (w->file->sha384 != NULL)
        CAIRN_TRY(cairn_fdo_give_bytes(giver, "sha-384",
                                       cairn_bytes_of(w->file->sha384, CAIRN_FDO_SHA384_SIZE)));
    CAIRN_TRY(cairn_fdo_give_text(giver, "name", w->file->name));
    return cairn_fdo_give_text(giver, "url", w->file->url);
}

static const cairn_fdo_module_type type = {module, take, give, free, false};

cairn_err cairn_fdo_run_wget(cairn_fdo_run *run, const cairn_fdo_wget *file, bool required)
{
    void *state = NULL;
    CAIRN_TRY(cairn_fdo_module_new(sizeof(wget), &state));
    ((wget *)state)->file = file;
    return cairn_fdo_run_add(run, &type, state, required);
}
