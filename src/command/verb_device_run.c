/* cairn device make, run, reset: a device on this machine. */
#include <openssl/rand.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>

#include "command/device_link.h"
#include "command/facts.h"
#include "command/verbs.h"
#include "core/crypto/secret.h"
#include "core/store/file.h"

enum { TIMEOUT_MS = 60000, PIN_SIZE_MAX = 255 };

/* All that a device needs while a verb runs. */
typedef struct room {
    cairn_command *command;
    cairn_fdo_client_files *files;
    cairn_fdo_client_token *token; /* NULL: the keys are files */
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
    cairn_fdo_client_token_free(r->token);
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

/* The first line of the file is the PIN. */
static cairn_err open_token(room *r, const char *module, const char *label, const char *pin_file)
{
    cairn_bytes text;
    CAIRN_TRY(cairn_file_read(&r->command->arena, pin_file, PIN_SIZE_MAX, &text));
    char pin[PIN_SIZE_MAX + 1] = "";
    memcpy(pin, text.data, text.size);
    cairn_wipe((void *)(uintptr_t)text.data, text.size);
    pin[strcspn(pin, "\r\n")] = '\0';
    cairn_err err = cairn_fdo_client_token_open(module, label, pin, &r->token);
    cairn_wipe(pin, sizeof pin);
    CAIRN_TRY(err);
    r->config.keys = cairn_fdo_client_token_keys(r->token);
    return CAIRN_OK;
}

static cairn_err open_keys(room *r, const cairn_arguments *arguments)
{
    const char *module = cairn_option_value(arguments, "pkcs11");
    const char *label = cairn_option_value(arguments, "token");
    const char *pin_file = cairn_option_value(arguments, "pin-file");
    if ((module != NULL) != (label != NULL) || (module != NULL) != (pin_file != NULL))
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--pkcs11, --token and --pin-file go together");
    if (module != NULL)
        return open_token(r, module, label, pin_file);
    r->config.keys = cairn_fdo_client_files_keys(r->files);
    return CAIRN_OK;
}

/* `r` has what the verb was given: http.ca_file, offers. */
static cairn_err open_room(room *r, cairn_command *command, const cairn_arguments *arguments)
{
    r->command = command;
    r->http.timeout_ms = TIMEOUT_MS;
    r->world =
        (cairn_fdo_client_world){.context = r, .sleep_ms = sleep_ms, .random = draw, .note = note};
    if (uname(&r->machine) != 0)
        return CAIRN_FAIL(CAIRN_ERR_INTERNAL, "house", "uname failed");
    CAIRN_TRY(cairn_fdo_client_files_open(arguments->words[0], &r->files));
    CAIRN_TRY(open_keys(r, arguments));
    r->config.store = cairn_fdo_client_files_store(r->files);
    r->config.traits = (cairn_fdo_client_traits){.os = r->machine.sysname,
                                                 .arch = r->machine.machine,
                                                 .version = r->machine.release,
                                                 .model = "cairn",
                                                 .separator = ":"};
    CAIRN_TRY(open_modules(r, arguments->words[0]));
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
    CAIRN_TRY(open_room(&r, command, arguments));
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
    {"pkcs11", "MODULE", false, false, "keys are in a token: path of its PKCS#11 library"},
    {"token", "LABEL", false, false, "label of that token"},
    {"pin-file", "FILE", false, false, "file that holds its user PIN"},
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
    CAIRN_TRY(open_room(&r, command, arguments));
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
    {"pkcs11", "MODULE", false, false, "keys are in a token: path of its PKCS#11 library"},
    {"token", "LABEL", false, false, "label of that token"},
    {"pin-file", "FILE", false, false, "file that holds its user PIN"},
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
    CAIRN_TRY(open_room(&r, command, arguments));
    CAIRN_TRY(cairn_fdo_client_reset(r.device));
    return print_device(&r);
}

static const cairn_option reset_options[] = {
    {"pkcs11", "MODULE", false, false, "keys are in a token: path of its PKCS#11 library"},
    {"token", "LABEL", false, false, "label of that token"},
    {"pin-file", "FILE", false, false, "file that holds its user PIN"},
};

const cairn_verb cairn_verb_device_reset = {
    .name = "device reset",
    .words = "DIRECTORY",
    .words_min = 1,
    .words_max = 1,
    .summary = "make a device forget its owner, and wait for the next",
    .help = "Removes what the owner provisioned, and his keys; the birth key and the credential "
            "that the next owner's voucher goes with stay.",
    .options = reset_options,
    .option_count = sizeof reset_options / sizeof reset_options[0],
    .run = reset,
};
