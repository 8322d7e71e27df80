/* The first event about an object is its coming; later ones change nothing here. */
#include "node/node_directory.h"

#include "identity/identity.h"
#include "ledger/governance.h"

static const uint16_t types[] = {
    CAIRN_APPROVAL_OPEN,   CAIRN_APPROVAL_EXECUTED,  CAIRN_APPROVAL_WITHDRAWN,
    CAIRN_APPROVAL_FAILED, CAIRN_EVENT_ORGANISATION,
};

static cairn_err apply(cairn_projection_writer *writer, const cairn_job_event *event)
{
    unsigned table = event->type == CAIRN_EVENT_ORGANISATION ? CAIRN_DIRECTORY_ORGANISATIONS
                                                             : CAIRN_DIRECTORY_APPROVALS;
    uint8_t seen[1 + sizeof(cairn_hash)] = {(uint8_t)table};
    uint8_t place[12];
    cairn_bytes found;
    if (event->key.size != sizeof(cairn_hash))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "directory: event without an id");
    memcpy(seen + 1, event->key.data, sizeof(cairn_hash));
    cairn_bytes key = cairn_bytes_of(seen, sizeof seen);
    cairn_err err = cairn_projection_get(writer, CAIRN_DIRECTORY_SEEN, key, &found);
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    cairn_put_u64(place, event->height);
    cairn_put_u32(place + 8, event->ordinal);
    CAIRN_TRY(cairn_projection_put(writer, CAIRN_DIRECTORY_SEEN, key, (cairn_bytes){0}));
    return cairn_projection_put(writer, table, cairn_bytes_of(place, sizeof place), event->key);
}

const cairn_projection cairn_directory_projection = {
    .name = "node.directory",
    .version = 1,
    .table_count = CAIRN_DIRECTORY_TABLES,
    .types = types,
    .type_count = sizeof types / sizeof types[0],
    .apply = apply,
};
