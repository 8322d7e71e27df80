/* What is done with each device. */
#include "command/onboard_plan.h"

#include <openssl/evp.h>

#include "command/files.h"
#include "core/crypto/openssl.h"

enum { FILE_SIZE_MAX = 64 << 20, UPLOAD_SIZE_MAX = 16 << 20, MODULES_LEFT = 1 };

/* "NAME=REST", the name in the arena. */
static cairn_err split(cairn_arena *arena, const char *option, const char *text,
                       const char **ret_name, const char **ret_rest)
{
    const char *equals = strchr(text, '=');
    void *name = NULL;
    if (equals == NULL || equals == text || equals[1] == '\0' || equals - text > 128)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--%s %s: not NAME=…", option, text);
    size_t size = (size_t)(equals - text);
    CAIRN_TRY(cairn_arena_alloc(arena, size + 1, &name));
    memcpy(name, text, size);
    *ret_name = name;
    *ret_rest = equals + 1;
    return CAIRN_OK;
}

static cairn_err read_download(cairn_arena *arena, const char *text, cairn_fdo_download *d)
{
    const char *path = NULL;
    CAIRN_TRY(split(arena, "download", text, &d->name, &path));
    CAIRN_TRY(cairn_input_read(arena, path, FILE_SIZE_MAX, &d->content));
    if (EVP_Digest(d->content.data, d->content.size, d->sha384, NULL, EVP_sha384(), NULL) != 1)
        return cairn_openssl_fail("SHA-384");
    return CAIRN_OK;
}

static cairn_err read_downloads(cairn_arena *arena, const cairn_arguments *arguments,
                                cairn_onboard_plan *plan)
{
    const char *const *texts = NULL;
    void *memory = NULL;
    plan->download_count = cairn_option_values(arguments, "download", &texts);
    CAIRN_TRY(cairn_arena_array(arena, plan->download_count, sizeof *plan->downloads, &memory));
    plan->downloads = memory;
    for (size_t i = 0; i < plan->download_count; i++)
        CAIRN_TRY(read_download(arena, texts[i], &plan->downloads[i]));
    return CAIRN_OK;
}

static cairn_err read_wgets(cairn_arena *arena, const cairn_arguments *arguments,
                            cairn_onboard_plan *plan)
{
    const char *const *texts = NULL;
    void *memory = NULL;
    plan->wget_count = cairn_option_values(arguments, "wget", &texts);
    CAIRN_TRY(cairn_arena_array(arena, plan->wget_count, sizeof *plan->wgets, &memory));
    plan->wgets = memory;
    for (size_t i = 0; i < plan->wget_count; i++)
        CAIRN_TRY(split(arena, "wget", texts[i], &plan->wgets[i].name, &plan->wgets[i].url));
    return CAIRN_OK;
}

/* --- uploads --- */

/* uploads/PSEUDONYM/NAME: a later one takes the place of an earlier one. */
static cairn_err keep_upload(void *context, cairn_fdo_run *run, const char *name,
                             cairn_bytes content)
{
    const cairn_onboard_plan *plan = context;
    char pseudonym[2 * sizeof(cairn_hash) + 1];
    char directory[CAIRN_PATH_SIZE_MAX];
    char path[CAIRN_PATH_SIZE_MAX];
    const char *slash = strrchr(name, '/');
    cairn_hex_encode(cairn_bytes_hash(cairn_fdo_run_pseudonym(run)), pseudonym);
    CAIRN_TRY(cairn_dir_make(plan->upload_directory, 0750));
    CAIRN_TRY(cairn_path_join(plan->upload_directory, pseudonym, directory));
    CAIRN_TRY(cairn_dir_make(directory, 0750));
    CAIRN_TRY(cairn_path_join(directory, slash == NULL ? name : slash + 1, path));
    return cairn_file_replace(path, 0640, content, NULL);
}

/* The last part of the path is a file's name here. */
static cairn_err check_upload(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash == NULL ? name : slash + 1;
    if (base[0] == '\0' || base[0] == '.' || strlen(name) > 128)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--upload %s: no name of a file", name);
    return CAIRN_OK;
}

static cairn_err read_uploads(cairn_arena *arena, const cairn_arguments *arguments,
                              cairn_onboard_plan *plan)
{
    const char *const *names = NULL;
    void *memory = NULL;
    plan->upload_count = cairn_option_values(arguments, "upload", &names);
    CAIRN_TRY(cairn_arena_array(arena, plan->upload_count, sizeof *plan->uploads, &memory));
    plan->uploads = memory;
    for (size_t i = 0; i < plan->upload_count; i++) {
        CAIRN_TRY(check_upload(names[i]));
        plan->uploads[i] = (cairn_fdo_upload){
            .name = names[i], .size_max = UPLOAD_SIZE_MAX, .take = keep_upload, .context = plan};
    }
    return CAIRN_OK;
}

/* --- the plan --- */

cairn_err cairn_onboard_plan_read(cairn_command *command, const cairn_arguments *arguments,
                                  cairn_onboard_plan *plan)
{
    char directory[CAIRN_PATH_SIZE_MAX];
    cairn_arena *arena = &command->arena;
    CAIRN_TRY(cairn_path_join(command->directory, "onboard", directory));
    CAIRN_TRY(cairn_path_join(directory, "uploads", plan->upload_directory));
    CAIRN_TRY(read_downloads(arena, arguments, plan));
    CAIRN_TRY(read_wgets(arena, arguments, plan));
    CAIRN_TRY(read_uploads(arena, arguments, plan));
    plan->enrols = cairn_option_given(arguments, "csr");
    if (plan->download_count + plan->wget_count + plan->upload_count >
        CAIRN_FDO_MODULES_MAX - MODULES_LEFT)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "more than %d files for or from a device",
                          CAIRN_FDO_MODULES_MAX - MODULES_LEFT);
    return CAIRN_OK;
}

void cairn_onboard_plan_enrol(cairn_onboard_plan *plan, cairn_ca *ca, cairn_births *births)
{
    cairn_ca_chain(ca, &plan->certificates[0], &plan->certificates[1]);
    plan->authority = (cairn_fdo_authority){.certificates = plan->certificates,
                                            .certificate_count = 2,
                                            .issue = cairn_births_enrol,
                                            .context = births};
}

cairn_err cairn_onboard_plan_run(void *context, cairn_fdo_run *run)
{
    const cairn_onboard_plan *plan = context;
    if (plan->enrols)
        CAIRN_TRY(cairn_fdo_run_csr(run, &plan->authority, false));
    for (size_t i = 0; i < plan->download_count; i++)
        CAIRN_TRY(cairn_fdo_run_download(run, &plan->downloads[i], false));
    for (size_t i = 0; i < plan->wget_count; i++)
        CAIRN_TRY(cairn_fdo_run_wget(run, &plan->wgets[i], false));
    for (size_t i = 0; i < plan->upload_count; i++)
        CAIRN_TRY(cairn_fdo_run_upload(run, &plan->uploads[i], false));
    return CAIRN_OK;
}
