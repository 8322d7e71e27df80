/* Tiles from the engine, bundles from the blocks in order. */
#include "command/log_export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "command/files.h"
#include "core/store/file.h"
#include "ledger/log/tile.h"

enum { BUNDLE_SIZE_MAX = CAIRN_TILE_WIDTH * (2 + CAIRN_BUNDLE_ENTRY_SIZE_MAX) };

/* In one step: a web server may be handing out the tile of an earlier export, and a crash must not
 * leave half of what its checkpoint covers. */
static cairn_err put_in_place(const char *path, cairn_bytes data)
{
    char temporary[CAIRN_PATH_SIZE_MAX];
    int fd = -1;
    CAIRN_TRY(cairn_file_beside(path, 0644, temporary, &fd));
    cairn_err err = cairn_file_write(fd, temporary, data);
    cairn_file_close(fd);
    if (err == CAIRN_OK && rename(temporary, path) != 0)
        err = cairn_err_from_errno(errno, path);
    if (err != CAIRN_OK)
        (void)unlink(temporary);
    return err;
}

/* Writes `directory`/`path`, making the folders on the way. */
static cairn_err write_file(const char *directory, const char *path, cairn_bytes data)
{
    char full[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(directory, path, full));
    for (char *slash = strchr(full + strlen(directory) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        cairn_err err = cairn_dir_make(full, 0755);
        *slash = '/';
        CAIRN_TRY(err);
    }
    return put_in_place(full, data);
}

static cairn_err export_level(const cairn_merkle_source *source, uint64_t size, unsigned level,
                              const char *directory)
{
    for (uint64_t index = 0;; index++) {
        cairn_hash hashes[CAIRN_TILE_WIDTH];
        char path[CAIRN_TILE_PATH_SIZE_MAX];
        const cairn_tile tile = {.kind = CAIRN_TILE_HASHES,
                                 .level = level,
                                 .index = index,
                                 .width = cairn_tile_width(size, level, index)};
        if (tile.width == 0)
            return CAIRN_OK;
        CAIRN_TRY(source->read_tile(source->context, level, index, tile.width, hashes));
        cairn_tile_path(&tile, path);
        CAIRN_TRY(
            write_file(directory, path, cairn_bytes_of(hashes, tile.width * sizeof hashes[0])));
    }
}

/* --- entry bundles --- */

typedef struct bundler {
    const char *directory;
    uint64_t size; /* of the log */
    uint64_t next; /* index of the next entry */
    uint8_t *bundle;
    size_t used;
    unsigned width;
    bool (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
} bundler;

static cairn_err flush_bundle(bundler *b)
{
    char path[CAIRN_TILE_PATH_SIZE_MAX];
    const cairn_tile tile = {
        .kind = CAIRN_TILE_ENTRIES, .index = (b->next - 1) / CAIRN_TILE_WIDTH, .width = b->width};
    cairn_tile_path(&tile, path);
    CAIRN_TRY(write_file(b->directory, path, cairn_bytes_of(b->bundle, b->used)));
    b->used = 0;
    b->width = 0;
    return CAIRN_OK;
}

static cairn_err add_block(void *context, const cairn_block_record *record)
{
    bundler *b = context;
    cairn_bytes entry;
    for (uint64_t place = 0; b->next < b->size; place++) {
        cairn_err err = cairn_block_record_log_entry(record, place, &entry);
        if (err == CAIRN_ERR_NOT_FOUND)
            break;
        CAIRN_TRY(err);
        CAIRN_TRY(cairn_bundle_append(b->bundle, BUNDLE_SIZE_MAX, &b->used, entry));
        b->width++;
        b->next++;
        if (b->width == CAIRN_TILE_WIDTH)
            CAIRN_TRY(flush_bundle(b));
    }
    if (b->progress != NULL)
        (void)b->progress(b->context, b->next, b->size);
    return CAIRN_OK;
}

static cairn_err export_bundles(cairn_store *store, size_t slot, bundler *b)
{
    b->bundle = malloc(BUNDLE_SIZE_MAX);
    if (b->bundle == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "export: bundle");
    cairn_err err = cairn_store_each_block(store, slot, 0, add_block, b);
    if (err == CAIRN_OK && b->width != 0)
        err = flush_bundle(b);
    free(b->bundle);
    return err;
}

/* All tiles at once: one sync for each would take far longer. */
static cairn_err make_durable(const char *directory)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || syncfs(fd) != 0)
        return cairn_err_from_errno(errno, directory);
    return CAIRN_OK;
}

cairn_err cairn_log_export(cairn_store *store, size_t slot, const cairn_view *view,
                           const char *directory,
                           bool (*progress)(void *context, uint64_t done, uint64_t total),
                           void *context)
{
    cairn_engine *engine = cairn_store_ledger(store, slot);
    const cairn_merkle_source source = cairn_engine_source(engine);
    bundler b = {
        .directory = directory, .size = view->log_size, .progress = progress, .context = context};
    CAIRN_TRY(cairn_output_dir(directory, 0755));
    for (unsigned level = 0; level < CAIRN_TILE_LEVEL_COUNT; level++)
        CAIRN_TRY(export_level(&source, view->log_size, level, directory));
    CAIRN_TRY(export_bundles(store, slot, &b));
    return make_durable(directory);
}
