/* devmod: what a device says of itself, first of all and unasked. */
#include "onboard/server/run.h"

static const char object[] = "devmod";
static const char clause[] = "FDO 1.1, 3.8.3";

static cairn_err keep_fact(cairn_cbor_reader *reader, char fact[CAIRN_FDO_FACT_SIZE_MAX + 1])
{
    cairn_bytes text = {0};
    CAIRN_TRY(cairn_cbor_read_text(reader, "fact", 0, SIZE_MAX, &text));
    if (text.size > CAIRN_FDO_FACT_SIZE_MAX)
        text.size = CAIRN_FDO_FACT_SIZE_MAX;
    memcpy(fact, text.data, text.size);
    fact[text.size] = '\0';
    return CAIRN_OK;
}

static cairn_err keep_name(cairn_fdo_run *run, cairn_cbor_reader *reader)
{
    cairn_bytes name = {0};
    CAIRN_TRY(cairn_cbor_read_text(reader, "modules", 1, CAIRN_FDO_INFO_KEY_MAX, &name));
    if (memchr(name.data, '\0', name.size) != NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_TEXT, clause, "devmod.modules: a NUL in a name");
    if (name.size + 1 > sizeof run->names - run->names_size)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "devmod.modules: more than 2 KiB of names");
    memcpy(run->names + run->names_size, name.data, name.size);
    run->names[run->names_size + name.size] = '\0';
    run->names_size += name.size + 1;
    return CAIRN_OK;
}

/* [first, count, name…] */
static cairn_err keep_names(cairn_fdo_run *run, cairn_cbor_reader *reader)
{
    size_t items = 0;
    uint64_t first = 0;
    uint64_t count = 0;
    CAIRN_TRY(cairn_cbor_read_array(reader, "modules", 2, SIZE_MAX, &items));
    CAIRN_TRY(cairn_cbor_read_uint(reader, "modules", 0, UINT16_MAX, &first));
    CAIRN_TRY(cairn_cbor_read_uint(reader, "modules", 0, UINT16_MAX, &count));
    if (count != items - 2)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "devmod.modules: %zu where %llu are told",
                          items - 2, (unsigned long long)count);
    for (size_t i = 2; i < items; i++)
        CAIRN_TRY(keep_name(run, reader));
    return CAIRN_OK;
}

cairn_err cairn_fdo_devmod_take(cairn_fdo_run *run, cairn_bytes name, cairn_bytes item)
{
    const struct {
        const char *name;
        char *fact;
    } facts[] = {{"os", run->facts.os},
                 {"arch", run->facts.arch},
                 {"version", run->facts.version},
                 {"device", run->facts.device}};
    cairn_cbor_reader reader;
    if (run->devmod_done)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "devmod: after its end");
    CAIRN_TRY(cairn_cbor_open(&reader, item, CAIRN_CBOR_FOREIGN, object, clause));
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        if (cairn_bytes_equal(name, cairn_bytes_str(facts[i].name)))
            return keep_fact(&reader, facts[i].fact);
    if (cairn_bytes_equal(name, cairn_bytes_str("modules")))
        return keep_names(run, &reader);
    return CAIRN_OK; /* separators, folders, a serial number: nothing hangs on them */
}
