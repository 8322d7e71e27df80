/* cairn ca init: an organisation's certificate authority is made. */
#include <stdio.h>
#include <unistd.h>

#include "cairn/sha256.h"
#include "command/ca_room.h"
#include "command/home_key.h"
#include "command/verbs.h"
#include "core/net/address.h"
#include "core/store/file.h"

enum { URL_SIZE_MAX = 320 };

/* An address with its mask behind it, as certificates have it. */
static cairn_err parse_network(const char *text, cairn_arena *arena, cairn_bytes *ret_value)
{
    cairn_network network;
    void *memory = NULL;
    if (cairn_network_parse(text, &network) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--ip: %s is no network", text);
    size_t size = network.v6 ? 16 : 4;
    CAIRN_TRY(cairn_arena_alloc(arena, 2 * size, &memory));
    uint8_t *value = memory;
    memcpy(value, network.bytes, size);
    for (unsigned i = 0; i < size; i++) {
        unsigned bits = network.prefix > 8 * i ? network.prefix - 8 * i : 0;
        value[size + i] = (uint8_t)(0xff00u >> (bits > 8 ? 8 : bits));
    }
    *ret_value = cairn_bytes_of(value, 2 * size);
    return CAIRN_OK;
}

/* A permitted name as it was given: hosts and realms are texts, networks are ADDRESS/BITS. */
static cairn_err add_permitted(const cairn_arguments *arguments, const char *option,
                               cairn_ca_name_kind kind, cairn_arena *arena, cairn_ca_name *list,
                               size_t *count)
{
    const char *const *values = NULL;
    size_t given = cairn_option_values(arguments, option, &values);
    for (size_t i = 0; i < given; i++) {
        if (*count == CAIRN_CA_CONSTRAINTS_MAX)
            return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--%s: at most %d names in all", option,
                              CAIRN_CA_CONSTRAINTS_MAX);
        cairn_ca_name *name = &list[*count];
        *name = (cairn_ca_name){.kind = kind, .value = cairn_bytes_str(values[i])};
        const cairn_ca_name host = {.kind = CAIRN_CA_NAME_DNS, .value = name->value};
        if (kind == CAIRN_CA_NAME_IP)
            CAIRN_TRY(parse_network(values[i], arena, &name->value));
        else if (cairn_ca_name_check(&host) != CAIRN_OK)
            return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--%s: %s is no host name", option,
                              values[i]);
        ++*count;
    }
    return CAIRN_OK;
}

static cairn_err read_permitted(const cairn_arguments *arguments, cairn_arena *arena,
                                cairn_ca_name list[CAIRN_CA_CONSTRAINTS_MAX],
                                cairn_ca_options *options)
{
    CAIRN_TRY(
        add_permitted(arguments, "dns", CAIRN_CA_NAME_DNS, arena, list, &options->permitted_count));
    CAIRN_TRY(
        add_permitted(arguments, "ip", CAIRN_CA_NAME_IP, arena, list, &options->permitted_count));
    CAIRN_TRY(add_permitted(arguments, "realm", CAIRN_CA_NAME_EMAIL, arena, list,
                            &options->permitted_count));
    options->permitted = list;
    return CAIRN_OK;
}

/* Where the node of this directory answers, if nothing else was said. It goes into every
 * certificate, so a port that changes with each start is none. */
static cairn_err default_url(const cairn_home *home, char ret_url[URL_SIZE_MAX])
{
    const char *url = cairn_config_text(home->config, "node.url");
    const char *address = cairn_config_text(home->config, "node.address");
    bool v6 = strchr(address, ':') != NULL;
    if (url[0] == '\0' && cairn_config_u64(home->config, "node.port") == 0)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "where is it served? give --url, or set node.url in cairn.yaml");
    if (url[0] != '\0')
        (void)snprintf(ret_url, URL_SIZE_MAX, "%s", url);
    else
        (void)snprintf(ret_url, URL_SIZE_MAX, "%s://%s%s%s:%llu",
                       cairn_config_bool(home->config, "node.plain") ? "http" : "https",
                       v6 ? "[" : "", address, v6 ? "]" : "",
                       (unsigned long long)cairn_config_u64(home->config, "node.port"));
    return CAIRN_OK;
}

static cairn_err make_base_url(const cairn_home *home, const char *given,
                               char ret_url[URL_SIZE_MAX])
{
    char node[URL_SIZE_MAX];
    char id[2 * sizeof(cairn_hash) + 1];
    if (given == NULL)
        CAIRN_TRY(default_url(home, node));
    const char *url = given == NULL ? node : given;
    size_t size = strlen(url);
    if ((strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) || size > 128 ||
        url[size - 1] == '/')
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "--url: http:// or https://, at most 128 bytes, without a / at the end");
    cairn_hex_encode(cairn_bytes_hash(&home->org), id);
    (void)snprintf(ret_url, URL_SIZE_MAX, "%.128s/ca/%s", url, id);
    return CAIRN_OK;
}

static cairn_err make_ca(cairn_home *home, const cairn_ca_options *options, json_t *facts)
{
    CAIRN_CLEANUP(cairn_ca_close_p) cairn_ca *ca = NULL;
    json_t *keys = cairn_facts_list(facts, "key");
    cairn_bytes issuing = {0};
    cairn_bytes root = {0};
    cairn_hash hash;
    CAIRN_TRY(cairn_ca_room_key(home, options->root_key, cairn_facts_item(keys)));
    CAIRN_TRY(cairn_ca_room_key(home, options->issuing_key, cairn_facts_item(keys)));
    CAIRN_TRY(cairn_ca_open(options, &home->clock, home->signer, &ca));
    cairn_ca_chain(ca, &issuing, &root);
    cairn_sha256_of(root.data, root.size, &hash);
    cairn_facts_hash(facts, "root_sha256", &hash);
    cairn_facts_text(facts, "url", options->base_url);
    return CAIRN_OK;
}

static cairn_err act_init(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    cairn_arena *arena = &home->command->arena;
    cairn_state_source state = cairn_home_state(home);
    cairn_ca_name permitted[CAIRN_CA_CONSTRAINTS_MAX];
    cairn_ca_options options = cairn_ca_defaults();
    cairn_org_record org;
    char url[URL_SIZE_MAX];
    char path[CAIRN_PATH_SIZE_MAX];
    char data[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(home->command->directory, "ca", path));
    CAIRN_TRY(cairn_path_join(path, "data.mdb", data));
    if (access(data, F_OK) == 0)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "%s is there already", path);
    CAIRN_TRY(cairn_registry_org(&state, arena, &home->org, &org));
    CAIRN_TRY(read_permitted(arguments, arena, permitted, &options));
    CAIRN_TRY(make_base_url(home, cairn_option_value(arguments, "url"), url));
    options.directory = path;
    options.organisation = home->org;
    options.organisation_name = cairn_option_value(arguments, "name");
    if (options.organisation_name == NULL)
        options.organisation_name = org.name;
    options.base_url = url;
    cairn_facts_text(facts, "organisation", options.organisation_name);
    return make_ca(home, &options, facts);
}

static cairn_err run_init(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, act_init);
}

static const cairn_option init_options[] = {
    {"dns", "HOST", false, true, "a domain whose hosts it may name"},
    {"ip", "NETWORK", false, true, "addresses that it may name, such as 10.0.0.0/8"},
    {"realm", "HOST", false, true, "a realm of device@realm that it may name"},
    {"name", "NAME", false, false,
     "organisation in every subject; that of the ledger if not given"},
    {"url", "URL", false, false,
     "of the node, as certificates shall name it; node.url if not given"},
};

const cairn_verb cairn_verb_ca_init = {
    .name = "ca init",
    .words = "",
    .words_min = 0,
    .words_max = 0,
    .summary = "make this organisation's certificate authority",
    .help = "Makes the keys issue-root, issue-ca and issue-ocsp, registers the first two on the "
            "ledger, and makes root, issuing and responder's certificates, which go into the "
            "folder ca. What it may never name is said here, once and for all: a kind of name "
            "without a --dns, --ip or --realm is excluded. A node that runs takes the new CA into "
            "use at SIGHUP.",
    .options = init_options,
    .option_count = sizeof init_options / sizeof init_options[0],
    .run = run_init,
};
