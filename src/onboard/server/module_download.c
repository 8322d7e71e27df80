/* fdo.download: name, length and hash, the content in chunks, then the device's word. */
#include <stdlib.h>

#include "onboard/server/module_help.h"

static const char module[] = "fdo.download";

enum { CHUNK_SIZE = 1014, CHUNK_OVERHEAD = 3 };

typedef struct download {
    const cairn_fdo_download *file;
    bool begun;
    bool done;
    size_t sent;
} download;

static cairn_err take(void *state, cairn_fdo_run *run, cairn_bytes name, cairn_bytes item)
{
    download *d = state;
    cairn_cbor_reader reader;
    int64_t size = 0;
    (void)run;
    if (!cairn_fdo_module_is(name, "done"))
        return cairn_fdo_module_unknown(name, module);
    CAIRN_TRY(cairn_fdo_module_open(&reader, item, module));
    CAIRN_TRY(cairn_cbor_read_int(&reader, "done", INT64_MIN, INT64_MAX, &size));
    if (size != (int64_t)d->file->content.size)
        return cairn_fdo_module_failed(module, d->file->name, (cairn_bytes){0});
    d->done = true;
    return CAIRN_OK;
}

static cairn_err begin(download *d, cairn_fdo_giver *giver)
{
    d->begun = true;
    CAIRN_TRY(cairn_fdo_give_bool(giver, "active", true));
    CAIRN_TRY(cairn_fdo_give_text(giver, "name", d->file->name));
    CAIRN_TRY(cairn_fdo_give_uint(giver, "length", d->file->content.size));
    return cairn_fdo_give_bytes(giver, "sha-384",
                                cairn_bytes_of(d->file->sha384, sizeof d->file->sha384));
}

/* As many chunks as there is room for; one empty chunk where there is no content. */
static cairn_err give_data(download *d, cairn_fdo_giver *giver)
{
    size_t size = d->file->content.size;
    bool empty = size == 0 && d->sent == 0;
    while (d->sent < size || empty) {
        size_t room = cairn_fdo_give_room(giver, "data");
        size_t chunk = size - d->sent < CHUNK_SIZE ? size - d->sent : CHUNK_SIZE;
        if (room < CHUNK_OVERHEAD + chunk && giver->list.count > 0)
            break;
        if (room < CHUNK_OVERHEAD + chunk)
            chunk = room < CHUNK_OVERHEAD ? 0 : room - CHUNK_OVERHEAD;
        CAIRN_TRY(cairn_fdo_give_bytes(giver, "data",
                                       cairn_bytes_of(d->file->content.data + d->sent, chunk)));
        d->sent += empty ? 1 : chunk;
        empty = false;
    }
    return CAIRN_OK;
}

static cairn_err give(void *state, cairn_fdo_run *run, cairn_fdo_giver *giver, bool *ret_done)
{
    download *d = state;
    (void)run;
    *ret_done = d->done;
    if (d->done)
        return CAIRN_OK;
    return d->begun ? give_data(d, giver) : begin(d, giver);
}

static const cairn_fdo_module_type type = {module, take, give, free, false};

cairn_err cairn_fdo_run_download(cairn_fdo_run *run, const cairn_fdo_download *file, bool required)
{
    void *state = NULL;
    CAIRN_TRY(cairn_fdo_module_new(sizeof(download), &state));
    ((download *)state)->file = file;
    return cairn_fdo_run_add(run, &type, state, required);
}
