/* cairn device make, run, reset: a device on this machine. */
#include <openssl/rand.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>

#include "command/device_link.h"
#include "command/facts.h"
#include "command/verbs.h"
#include "core/store/file.h"

enum { TIMEOUT_MS = 60000 };

/* All that a device needs while a verb runs. */
typedef struct room {
    cairn_command *command;
    cairn_fdo_client_files *files;
    cairn_fdo_client *device;
    cairn_fdo_client_modules *modules;
    cairn_fdo_client_config config;
    cairn_fdo_client_modules_config offers;
    char owner_directory[CAIRN_PATH_SIZE_MAX];
    cairn_device_http http;
    cairn_fdo_client_world world;
    struct utsname machine;
} room;

static void room_done(room *r)
{
    cairn_fdo_client_free(r->device);
    cairn_fdo_client_modules_free(r->modules);
    cairn_fdo_client_files_free(r->files);
}

static void sleep_ms(void *context, uint64_t ms)
{
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)context;
    while (nanosleep(&left, &left) != 0)
        ;
}

static uint32_t draw(void *context)
{
    uint8_t bytes[4] = {0};
    (void)context;
    (void)!RAND_bytes(bytes, sizeof bytes); /* no secret hangs on a delay */
    return cairn_get_u32(bytes);
}

static void note(void *context, const char *what, const char *url, cairn_err err)
{
    const room *r = context;
    if (!r->command->quiet)
        (void)fprintf(r->command->err, "%s at %s: %s\n", what, url,
                      err == CAIRN_OK ? "done" : cairn_err_detail());
}

/* Keys that an owner may have certified: one for the network operator, one for the service. */
static const char *const key_names[] = {"operator", "service"};

static cairn_err open_modules(room *r, const char *directory)
{
    CAIRN_TRY(cairn_path_join(directory, "owner", r->owner_directory));
    r->offers.directory = r->owner_directory;
    r->offers.fetch = cairn_device_http_fetch;
    r->offers.fetch_context = &r->http;
    r->offers.keys = &r->config.keys;
    r->offers.key_names = key_names;
    r->offers.key_name_count = sizeof key_names / sizeof key_names[0];
    CAIRN_TRY(cairn_fdo_client_modules_open(&r->offers, &r->modules));
    r->config.modules = cairn_fdo_client_modules_list(r->modules, &r->config.module_count);
    return CAIRN_OK;
}

/* `r` has what the verb was given: http.ca_file, offers. */
static cairn_err open_room(room *r, cairn_command *command, const char *directory)
{
    r->command = command;
    r->http.timeout_ms = TIMEOUT_MS;
    r->world =
        (cairn_fdo_client_world){.context = r, .sleep_ms = sleep_ms, .random = draw, .note = note};
    if (uname(&r->machine) != 0)
        return CAIRN_FAIL(CAIRN_ERR_INTERNAL, "house", "uname failed");
    CAIRN_TRY(cairn_fdo_client_files_open(directory, &r->files));
    r->config.keys = cairn_fdo_client_files_keys(r->files);
    r->config.store = cairn_fdo_client_files_store(r->files);
    r->config.traits = (cairn_fdo_client_traits){.os = r->machine.sysname,
                                                 .arch = r->machine.machine,
                                                 .version = r->machine.release,
                                                 .model = "cairn",
                                                 .separator = ":"};
    CAIRN_TRY(open_modules(r, directory));
    return cairn_fdo_client_open(&r->config, &r->device);
}

static cairn_err print_device(room *r)
{
    static const char *const states[] = {"blank", "ready", "onboarded"};
    const cairn_fdo_guid *guid = cairn_fdo_client_guid(r->device);
    json_t *facts = cairn_facts_new();
    cairn_facts_text(facts, "state", states[cairn_fdo_client_get_state(r->device)]);
    cairn_facts_hex(facts, "guid", cairn_bytes_of(guid->b, sizeof guid->b));
    return cairn_facts_print(r->command, facts);
}

/* --- make --- */

static cairn_err read_birth(const cairn_arguments *arguments, cairn_fdo_client_birth *ret_birth)
{
    const char *type = cairn_option_value(arguments, "type");
    const char *serial = cairn_option_value(arguments, "serial");
    cairn_fdo_client_birth birth = {.key_type = CAIRN_KEY_P256,
                                    .serial = cairn_bytes_str(serial == NULL ? "" : serial),
                                    .model =
                                        cairn_bytes_str(cairn_option_value(arguments, "model"))};
    if (type != NULL && strcmp(type, "p384") == 0)
        birth.key_type = CAIRN_KEY_P384;
    else if (type != NULL && strcmp(type, "p256") != 0)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--type: p256 or p384");
    *ret_birth = birth;
    return CAIRN_OK;
}

static cairn_err make(cairn_command *command, const cairn_arguments *arguments)
{
    CAIRN_CLEANUP(room_done) room r = {0};
    cairn_fdo_client_birth birth;
    r.http.ca_file = cairn_option_value(arguments, "ca");
    CAIRN_TRY(read_birth(arguments, &birth));
    CAIRN_TRY(open_room(&r, command, arguments->words[0]));
    const cairn_fdo_client_link link = cairn_device_http_link(&r.http);
    CAIRN_TRY(cairn_fdo_client_initialise(r.device, &link, &r.world,
                                          cairn_option_value(arguments, "manufacturer"), &birth));
    return print_device(&r);
}

static const cairn_option make_options[] = {
    {"manufacturer", "URL", true, false, "the service that initialises devices"},
    {"model", "TEXT", true, false, "the device info of its voucher"},
    {"serial", "TEXT", false, false, "serial number, known to the manufacturer alone"},
    {"type", "TYPE", false, false, "birth key: p256 (default) or p384"},
    {"ca", "FILE", false, false, "PEM of the only roots trusted for https"},
};

const cairn_verb cairn_verb_device_make = {
    .name = "device make",
    .words = "DIRECTORY",
    .words_min = 1,
    .words_max = 1,
    .summary = "make a device in a directory, and have its manufacturer initialise it",
    .help = "The device makes its birth key, asks the manufacturer's service for its first "
            "credential (FDO 1.1, device initialisation) and keeps both in DIRECTORY. The key "
            "never leaves it. A device that is initialised already is left as it is.",
    .options = make_options,
    .option_count = sizeof make_options / sizeof make_options[0],
    .run = make,
};

/* --- run --- */

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    CAIRN_CLEANUP(room_done) room r = {0};
    uint64_t attempts = 0;
    r.http.ca_file = cairn_option_value(arguments, "ca");
    r.offers.upload_from = cairn_option_value(arguments, "upload-from");
    r.offers.command = cairn_option_given(arguments, "allow-command");
    CAIRN_TRY(cairn_option_number(arguments, "attempts", 0, UINT32_MAX, &attempts));
    CAIRN_TRY(open_room(&r, command, arguments->words[0]));
    if (cairn_fdo_client_get_state(r.device) == CAIRN_FDO_CLIENT_ONBOARDED &&
        !cairn_option_given(arguments, "again"))
        return print_device(&r);
    const cairn_fdo_client_link link = cairn_device_http_link(&r.http);
    CAIRN_TRY(cairn_fdo_client_run(r.device, &link, &r.world, (unsigned)attempts));
    return print_device(&r);
}

static const cairn_option run_options[] = {
    {"attempts", "N", false, false, "give up after going through all directives N times"},
    {"again", NULL, false, false, "onboard a device that has an owner already"},
    {"upload-from", "DIR", false, false, "let the owner fetch files of this directory"},
    {"allow-command", NULL, false, false, "let the owner run programs, as this user"},
    {"ca", "FILE", false, false, "PEM of the only roots trusted for https"},
};

const cairn_verb cairn_verb_device_run = {
    .name = "device run",
    .words = "DIRECTORY",
    .words_min = 1,
    .words_max = 1,
    .summary = "let a device find its owner and be taken over by him",
    .help = "Follows the rendezvous directives of the device's credential in order, with the "
            "delays that they ask for: asks the rendezvous service where the owner is (TO1), "
            "checks the owner by the voucher, proves itself, and takes what he provisions (TO2). "
            "Without --attempts it goes on until it has succeeded. A device that has an owner is "
            "left as it is.",
    .options = run_options,
    .option_count = sizeof run_options / sizeof run_options[0],
    .run = run,
};

/* --- reset --- */

static cairn_err reset(cairn_command *command, const cairn_arguments *arguments)
{
    CAIRN_CLEANUP(room_done) room r = {0};
    CAIRN_TRY(open_room(&r, command, arguments->words[0]));
    CAIRN_TRY(cairn_fdo_client_reset(r.device));
    return print_device(&r);
}

const cairn_verb cairn_verb_device_reset = {
    .name = "device reset",
    .words = "DIRECTORY",
    .words_min = 1,
    .words_max = 1,
    .summary = "make a device forget its owner, and wait for the next",
    .help = "Removes what the owner provisioned, and his keys; the birth key and the credential "
            "that the next owner's voucher goes with stay.",
    .run = reset,
};
