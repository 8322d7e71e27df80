/* devmod: what the device tells of itself before anything else. Source: FDO 1.1 section 3.8.3. */
#include "onboard/device/device_impl.h"
#include "onboard/wire/body.h"

enum { DEVMOD_SERIAL = 5 }; /* the one that may be left out */

static const char *const names[] = {"active", "os",  "arch", "version",    "device",
                                    "sn",     "sep", "bin",  "nummodules", "modules"};

typedef struct trait {
    const cairn_fdo_client_config *config;
    size_t which;
} trait;

static const char *text_of(const cairn_fdo_client_traits *traits, size_t which)
{
    const char *const texts[] = {NULL,          traits->os,     traits->arch,      traits->version,
                                 traits->model, traits->serial, traits->separator, traits->arch};
    return texts[which];
}

/* [start, count, name…]: all at once. */
static void put_modules(cairn_cbor_writer *writer, const cairn_fdo_client_config *config)
{
    cairn_cbor_put_array(writer, 3 + config->module_count);
    cairn_cbor_put_uint(writer, 0);
    cairn_cbor_put_uint(writer, 1 + config->module_count);
    cairn_cbor_put_text(writer, "devmod");
    for (size_t i = 0; i < config->module_count; i++)
        cairn_cbor_put_text(writer, config->modules[i]->name);
}

static void put_trait(cairn_cbor_writer *writer, const void *context)
{
    const trait *t = context;
    if (t->which == 0)
        cairn_cbor_put_bool(writer, true);
    else if (t->which == 8)
        cairn_cbor_put_uint(writer, 1 + t->config->module_count);
    else if (t->which == 9)
        put_modules(writer, t->config);
    else if (t->which == DEVMOD_SERIAL) /* peers differ: a text or bytes; go-fdo reads bytes */
        cairn_cbor_put_bytes(writer, cairn_bytes_str(text_of(&t->config->traits, t->which)));
    else
        cairn_cbor_put_text(writer, text_of(&t->config->traits, t->which));
}

cairn_err cairn_fdo_client_devmod(cairn_fdo_client *d, size_t i, cairn_arena *arena,
                                  cairn_fdo_client_info *ret_info, bool *ret_given)
{
    if (i >= DEVMOD_SERIAL && d->config->traits.serial == NULL)
        i++;
    *ret_given = i < sizeof names / sizeof *names;
    if (!*ret_given)
        return CAIRN_OK;
    ret_info->name = cairn_bytes_str(names[i]);
    return cairn_fdo_encode(arena, put_trait, &(trait){.config = d->config, .which = i},
                            &ret_info->value);
}
