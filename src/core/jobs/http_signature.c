/* RFC 9421: one line for each covered component, then the parameters. */
#include "core/jobs/http_signature.h"

#include <stdarg.h>
#include <stdio.h>

#include "cairn/sha256.h"

/* Formats into the arena. */
static cairn_err format(cairn_arena *arena, const char **ret_text, const char *form, ...)
    __attribute__((format(printf, 3, 4)));

static cairn_err format(cairn_arena *arena, const char **ret_text, const char *form, ...)
{
    va_list args, again;
    void *out = NULL;
    va_start(args, form);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, form, args);
    va_end(args);
    cairn_err err = size < 0 ? CAIRN_FAIL(CAIRN_ERR_INTERNAL, "house", "signature: format")
                             : cairn_arena_alloc(arena, (size_t)size + 1, &out);
    if (err == CAIRN_OK)
        (void)vsnprintf(out, (size_t)size + 1, form, again);
    va_end(again);
    CAIRN_TRY(err);
    *ret_text = out;
    return CAIRN_OK;
}

static bool is_line(cairn_bytes value)
{
    for (size_t i = 0; i < value.size; i++)
        if (value.data[i] < ' ' || value.data[i] > '~')
            return false;
    return true;
}

static bool is_plain(const char *text)
{
    return is_line(cairn_bytes_str(text)) && strpbrk(text, "\"\\") == NULL;
}

static cairn_err make_input(cairn_arena *arena, const cairn_http_component *components,
                            size_t count, const cairn_http_signature_params *params,
                            const char **ret_input)
{
    const char *list = "";
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(format(arena, &list, "%s%s\"%s\"", list, i == 0 ? "" : " ", components[i].name));
    const char *alg = "";
    if (params->alg != NULL)
        CAIRN_TRY(format(arena, &alg, ";alg=\"%s\"", params->alg));
    return format(arena, ret_input, "(%s);created=%llu;keyid=\"%s\"%s", list,
                  (unsigned long long)params->created_s, params->key_id, alg);
}

cairn_err cairn_http_signature_base(cairn_arena *arena, const cairn_http_component *components,
                                    size_t count, const cairn_http_signature_params *params,
                                    cairn_bytes *ret_base, const char **ret_input)
{
    const char *base = "";
    const char *input = NULL;
    if (!is_plain(params->key_id))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 9421 section 2.3", "signature.keyid");
    for (size_t i = 0; i < count; i++) {
        if (!is_plain(components[i].name) || !is_line(components[i].value))
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 9421 section 2.5",
                              "signature.component %zu", i);
        CAIRN_TRY(format(arena, &base, "%s\"%s\": %.*s\n", base, components[i].name,
                         (int)components[i].value.size, (const char *)components[i].value.data));
    }
    CAIRN_TRY(make_input(arena, components, count, params, &input));
    CAIRN_TRY(format(arena, &base, "%s\"@signature-params\": %s", base, input));
    *ret_base = cairn_bytes_str(base);
    *ret_input = input;
    return CAIRN_OK;
}

static cairn_err encode(cairn_arena *arena, cairn_bytes in, const char **ret_text)
{
    void *out = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, cairn_base64_size(in.size) + 1, &out));
    cairn_base64_encode(in, out);
    *ret_text = out;
    return CAIRN_OK;
}

cairn_err cairn_http_signature_lines(cairn_arena *arena, const char *label, const char *input,
                                     cairn_bytes signature, const char **ret_signature_line,
                                     const char **ret_input_line)
{
    const char *text = NULL;
    CAIRN_TRY(encode(arena, signature, &text));
    CAIRN_TRY(format(arena, &text, "Signature: %s=:%s:", label, text));
    CAIRN_TRY(format(arena, ret_input_line, "Signature-Input: %s=%s", label, input));
    *ret_signature_line = text;
    return CAIRN_OK;
}

cairn_err cairn_http_content_digest(cairn_arena *arena, cairn_bytes body, const char **ret_value)
{
    cairn_hash hash;
    const char *text = NULL;
    cairn_sha256_of(body.data, body.size, &hash);
    CAIRN_TRY(encode(arena, cairn_bytes_hash(&hash), &text));
    return format(arena, ret_value, "sha-256=:%s:", text);
}
