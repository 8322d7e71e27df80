/* Profiles as the configuration files of the programs that join: wpa_supplicant, the mosquitto
 * clients, curl. What comes from a profile is of closed alphabets (profile_fields.h); the device's
 * own paths are checked here. */
#include "core/text.h"
#include "onboard/profile/profile_fields.h"

static const char clause[] = CAIRN_PROFILE_CLAUSE;

enum { PATH_SIZE_MAX = 512 };

static cairn_err check_path(const char *path, const char *field)
{
    size_t size = strnlen(path, PATH_SIZE_MAX + 1);
    if (size == 0 || size > PATH_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "files.%s: %zu bytes", field, size);
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)path[i] <= ' ' || (unsigned char)path[i] >= 0x7F ||
            strchr("\"'\\#", path[i]) != NULL)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                              "files.%s: a character that a configuration file may read otherwise",
                              field);
    }
    return CAIRN_OK;
}

static cairn_err check_files(const cairn_profile_files *files)
{
    CAIRN_TRY(check_path(files->anchors, "anchors"));
    CAIRN_TRY(check_path(files->certificate, "certificate"));
    return check_path(files->key, "key");
}

typedef void write_fn(cairn_text *text, const void *profile, const cairn_profile_files *files);

static cairn_err render(cairn_arena *arena, write_fn *write, const void *profile,
                        const cairn_profile_files *files, cairn_bytes *ret_text)
{
    cairn_text text = {0};
    void *memory = NULL;
    CAIRN_TRY(check_files(files));
    write(&text, profile, files);
    size_t size = text.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size + 1, &memory));
    text = (cairn_text){.data = memory, .room = size + 1};
    write(&text, profile, files);
    CAIRN_ASSERT(cairn_text_whole(&text));
    *ret_text = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

static void line(cairn_text *text, const char *before, cairn_bytes value, const char *after)
{
    cairn_text_printf(text, "%s%.*s%s\n", before, (int)value.size, (const char *)value.data, after);
}

/* [X1353-R28] TLS 1.3 and nothing before it; [X1353-R33] the credential is for EAP-TLS. */
static void write_wpa(cairn_text *text, const void *context, const cairn_profile_files *files)
{
    const cairn_network_profile *profile = context;
    cairn_text_printf(text,
                      "network={\n\tkey_mgmt=WPA-EAP IEEE8021X\n\teapol_flags=0\n\teap=TLS\n");
    line(text, "\tidentity=\"anonymous@", profile->realm, "\"");
    line(text, "\tdomain_suffix_match=\"", profile->server_name, "\"");
    cairn_text_printf(text, "\tca_cert=\"%s\"\n\tclient_cert=\"%s\"\n\tprivate_key=\"%s\"\n",
                      files->anchors, files->certificate, files->key);
    cairn_text_printf(text, "\tphase1=\"tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1 "
                            "tls_disable_tlsv1_2=1 tls_disable_tlsv1_3=0\"\n}\n");
}

cairn_err cairn_network_profile_render_wpa(cairn_arena *arena, const cairn_network_profile *profile,
                                           const cairn_profile_files *files, cairn_bytes *ret_text)
{
    return render(arena, write_wpa, profile, files, ret_text);
}

static void write_mqtt(cairn_text *text, const void *context, const cairn_profile_files *files)
{
    const cairn_service_profile *profile = context;
    line(text, "-h ", profile->broker, "");
    cairn_text_printf(text, "-p %u\n", profile->port);
    line(text, "-t ", profile->topic, "");
    line(text, "-i ", profile->client_id, "");
    cairn_text_printf(text, "--cafile %s\n--cert %s\n--key %s\n--tls-version tlsv1.3\n",
                      files->anchors, files->certificate, files->key);
}

cairn_err cairn_service_profile_render_mqtt(cairn_arena *arena,
                                            const cairn_service_profile *profile,
                                            const cairn_profile_files *files, cairn_bytes *ret_text)
{
    return render(arena, write_mqtt, profile, files, ret_text);
}

static void write_curl(cairn_text *text, const void *context, const cairn_profile_files *files)
{
    const cairn_service_profile *profile = context;
    line(text, "url = \"", profile->url, "\"");
    cairn_text_printf(text, "cacert = \"%s\"\ncert = \"%s\"\nkey = \"%s\"\n", files->anchors,
                      files->certificate, files->key);
    cairn_text_printf(text, "tlsv1.3\nproto = \"=https\"\n");
}

cairn_err cairn_service_profile_render_curl(cairn_arena *arena,
                                            const cairn_service_profile *profile,
                                            const cairn_profile_files *files, cairn_bytes *ret_text)
{
    if (profile->url.size == 0)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause, "service profile.url: there is none");
    return render(arena, write_curl, profile, files, ret_text);
}
