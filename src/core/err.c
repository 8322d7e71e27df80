/* Codes, their texts, and the detail of the last failure of this thread. */
#include "cairn/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct err_row {
    cairn_err code;
    const char *name;
    const char *text;
    int http;
    int exit_code;
} err_row;

static const err_row rows[] = {{CAIRN_OK, "OK", "success", 200, 0},
#define X(name, number, text, http, exit_code) {(number), #name, text, http, exit_code},
                               CAIRN_ERR_LIST(X)
#undef X
};

static const err_row unknown = {0, "UNKNOWN", "unknown error", 500, 4};

static _Thread_local char detail[512];

static const err_row *find(cairn_err err)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].code == err)
            return &rows[i];
    return &unknown;
}

bool cairn_err_is_known(cairn_err err)
{
    return find(err) != &unknown;
}

const char *cairn_err_text(cairn_err err)
{
    return find(err)->text;
}

const char *cairn_err_name(cairn_err err)
{
    return find(err)->name;
}

int cairn_err_http(cairn_err err)
{
    return find(err)->http;
}

int cairn_err_exit(cairn_err err)
{
    return find(err)->exit_code;
}

const char *cairn_err_detail(void)
{
    return detail;
}

void cairn_err_clear(void)
{
    detail[0] = '\0';
}

cairn_err cairn_err_set(cairn_err code, const char *clause, const char *fmt, ...)
{
    char text[sizeof detail];
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (size < 0)
        text[0] = '\0';
    for (char *p = text; *p != '\0'; p++)
        if (*p < 0x20 || *p > 0x7e)
            *p = '?';
    if (clause != NULL && strcmp(clause, "house") != 0) {
        /* The clause goes last; a long text gives way to it. */
        int room = (int)sizeof detail - (int)strlen(clause) - 4;
        (void)snprintf(detail, sizeof detail, "%.*s (%s)", room > 0 ? room : 0, text, clause);
    } else {
        memcpy(detail, text, sizeof detail);
    }
    return code;
}

cairn_err cairn_err_from_errno(int errnum, const char *what)
{
    cairn_err code = CAIRN_ERR_IO;
    if (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG)
        code = CAIRN_ERR_NO_SPACE;
    else if (errnum == ENOMEM)
        code = CAIRN_ERR_NO_MEMORY;
    else if (errnum == EACCES || errnum == EPERM || errnum == EROFS)
        code = CAIRN_ERR_PERMISSION;
    char text[128];
    return CAIRN_FAIL(code, "house", "%s: %s", what, strerror_r(errnum, text, sizeof text));
}

void cairn_assert_failed(const char *cond, const char *file, int line)
{
    (void)fprintf(stderr, "cairn: internal error: %s at %s:%d\n", cond, file, line);
    abort();
}
