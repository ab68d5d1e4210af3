#include "base/err.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A cut text must not end inside a UTF-8 character: it may be shown or written as JSON. */
static void err_trim(char *what, size_t len)
{
    size_t start = len;

    while (start > 0 && ((unsigned char)what[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0 || (unsigned char)what[start - 1] < 0xc0)
        return; /* ends in ASCII, or in bytes that never were a character */
    unsigned char lead = (unsigned char)what[start - 1];
    size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (len - (start - 1) < want)
        what[start - 1] = '\0';
}

enum nigh_status nigh_fail_at(struct nigh_err *err, enum nigh_status status, const char *file,
                              int line, const char *fmt, ...)
{
    va_list ap;

    if (!err || err->status != NIGH_OK)
        return status; /* the first cause wins */
    err->status = status;
    err->file = file;
    err->line = line;
    va_start(ap, fmt);
    int len = vsnprintf(err->what, sizeof err->what, fmt, ap); /* first, so that %m still holds */
    va_end(ap);
    if (len < 0)
        err->what[0] = '\0';
    else if ((size_t)len >= sizeof err->what)
        err_trim(err->what, sizeof err->what - 1);
    return status;
}

static const struct {
    const char *text;
    int http;
} statuses[] = {
#define NIGH_STATUS_ROW(name, text, http) [NIGH_##name] = {text, http},
    NIGH_STATUSES(NIGH_STATUS_ROW)
#undef NIGH_STATUS_ROW
};

const char *nigh_status_text(enum nigh_status status)
{
    return (size_t)status < ARRAY_LEN(statuses) ? statuses[status].text : "unknown";
}

int nigh_status_http(enum nigh_status status)
{
    return (size_t)status < ARRAY_LEN(statuses) ? statuses[status].http : 500;
}
