/* The chain: which authenticator answers for a request. */
#include "node/auth/auth.h"

#include <stdio.h>
#include <stdlib.h>

#include "node/auth/auth_impl.h"

#define X(name, text) const char cairn_auth_reason_##name[] = text;
CAIRN_AUTH_REASON_LIST(X)
#undef X

cairn_err cairn_auth_new(const cairn_auth_options *options, cairn_auth **ret_auth)
{
    bool bearer = options->oauth != NULL || options->issuers != NULL;
    bool basic = options->accounts != NULL && options->pool != NULL;
    CAIRN_CLEANUP(cairn_auth_free_p) cairn_auth *auth = calloc(1, sizeof *auth);
    if (auth == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "authenticators");
    auth->options = *options;
    (void)snprintf(auth->challenge, sizeof auth->challenge, "%s%s%s",
                   bearer || !basic ? "Bearer realm=\"cairn\"" : "", bearer && basic ? ", " : "",
                   basic ? "Basic realm=\"cairn\", charset=\"UTF-8\"" : "");
    CAIRN_TRY(cairn_tokens_new(&auth->tokens));
    if (options->token_threads > 0)
        CAIRN_TRY(cairn_work_new(options->token_threads, &auth->work));
    *ret_auth = CAIRN_STEAL(auth);
    return CAIRN_OK;
}

void cairn_auth_free(cairn_auth *auth)
{
    if (auth == NULL)
        return;
    cairn_work_free(auth->work);
    cairn_tokens_free(auth->tokens);
    free(auth);
}

const char *cairn_auth_challenge(const cairn_auth *auth)
{
    return auth->challenge;
}

cairn_auth_result cairn_auth_settle(const cairn_auth *auth, const cairn_principal *principal)
{
    const cairn_auth_directory *d = &auth->options.directory;
    cairn_auth_party party = {.active = true};
    cairn_err err = d->party != NULL && principal->has_organisation
                        ? d->party(d->context, &principal->organisation, &party)
                        : CAIRN_OK;
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return cairn_auth_unavailable(cairn_auth_reason_INTERNAL);
    if (!party.active)
        return cairn_auth_refused(cairn_auth_reason_ORGANISATION);
    return (cairn_auth_result){.verdict = CAIRN_AUTH_FOUND, .principal = *principal};
}

/* --- the chain --- */

static size_t count_fields(const cairn_http_request *request, cairn_bytes *ret_value)
{
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++)
        if (cairn_http_text_is(request->headers[i].name, "Authorization")) {
            *ret_value = request->headers[i].value;
            count++;
        }
    return count;
}

/* Takes "Scheme " off the front, in either case (RFC 9110 section 11.1). */
static bool take_scheme(cairn_bytes value, const char *scheme, cairn_bytes *ret_rest)
{
    size_t size = strlen(scheme);
    if (value.size <= size + 1 || value.data[size] != ' ' ||
        !cairn_http_text_is(cairn_bytes_of(value.data, size), scheme))
        return false;
    *ret_rest = cairn_bytes_of(value.data + size + 1, value.size - size - 1);
    return true;
}

static void by_field(const cairn_auth *auth, cairn_bytes value, cairn_bytes certificate,
                     cairn_auth_done_fn done, void *done_context)
{
    const cairn_auth_options *o = &auth->options;
    const cairn_auth_result result = cairn_auth_refused(cairn_auth_reason_SCHEME);
    cairn_bytes rest = {0};
    if (take_scheme(value, "Basic", &rest) && o->accounts != NULL && o->pool != NULL) {
        cairn_auth_basic(auth, rest, done, done_context);
        return;
    }
    if (take_scheme(value, "Bearer", &rest) && (o->oauth != NULL || o->issuers != NULL)) {
        cairn_auth_bearer(auth, rest, certificate, done, done_context);
        return;
    }
    done(done_context, &result);
}

static void authenticate(void *context, const cairn_auth_evidence *evidence,
                         cairn_auth_done_fn done, void *done_context)
{
    const cairn_auth *auth = context;
    cairn_auth_result result = {.verdict = CAIRN_AUTH_ABSENT};
    cairn_bytes value = {0};
    size_t count = count_fields(evidence->request, &value);
    if (count == 1) {
        by_field(auth, value, evidence->certificate, done, done_context);
        return;
    }
    if (count > 1)
        result = cairn_auth_refused(cairn_auth_reason_REPEATED);
    else if (evidence->certificate.size != 0)
        result = cairn_auth_certificate(auth, evidence->certificate);
    done(done_context, &result);
}

cairn_authenticator cairn_auth_authenticator(cairn_auth *auth)
{
    return (cairn_authenticator){.context = auth, .authenticate = authenticate};
}
