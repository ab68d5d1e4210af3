#include "base/log.h"
#include "base/clock.h"
#include "base/str.h"
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static atomic_int log_least = LOG_INFO;
static atomic_int log_fd = STDERR_FILENO;

/* A line is built here and written in one piece, so that lines of several threads do not mix. */
enum {
    LOG_LINE_MAX = 2048
}; /* guess: a dozen fields; below PIPE_BUF (4096), so pipes keep it whole */
struct line {
    size_t len;
    char text[LOG_LINE_MAX];
};

static void line_add(struct line *line, const char *p, size_t len)
{
    size_t room = sizeof line->text - 1 - line->len; /* 1: the newline */

    if (len > room)
        len = room;
    memcpy(line->text + line->len, p, len);
    line->len += len;
}

static void line_add_cstr(struct line *line, const char *s)
{
    line_add(line, s, strlen(s));
}

__attribute__((format(printf, 2, 3))) static void line_printf(struct line *line, const char *fmt,
                                                              ...)
{
    char text[32];
    va_list ap;

    va_start(ap, fmt);
    int len = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    line_add(line, text, len > 0 && (size_t)len < sizeof text ? (size_t)len : 0);
}

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._:/@+-", c));
}

static void line_add_name(struct line *line, const char *name, size_t len)
{
    if (!name || len == 0) {
        line_add_cstr(line, "-");
        return;
    }
    if (len > LOG_NAME_MAX)
        len = LOG_NAME_MAX;
    for (size_t i = 0; i < len; i++)
        line_add(line, name_char(name[i]) ? &name[i] : "?", 1);
}

static void line_add_field(struct line *line, const struct log_field *f)
{
    line_add_cstr(line, " ");
    line_add_cstr(line, f->key);
    line_add_cstr(line, "=");
    switch (f->kind) {
    case LOG_U64:
        line_printf(line, "%llu", (unsigned long long)f->number);
        break;
    case LOG_I64:
        line_printf(line, "%lld", (long long)f->number);
        break;
    case LOG_NAME:
        line_add_name(line, f->name, f->name ? strnlen(f->name, LOG_NAME_MAX) : 0);
        break;
    case LOG_NAME_SLICE:
        line_add_name(line, f->name, (size_t)f->number);
        break;
    case LOG_END:
        break;
    }
}

/* False when nobody wants this level. */
static bool line_begin(struct line *line, enum log_level level, const char *subject,
                       const char *what)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    char now[CLOCK_TEXT_BYTES];

    if ((int)level < atomic_load_explicit(&log_least, memory_order_relaxed))
        return false;
    line->len = 0;
    clock_text(now, clock_wall_us());
    line_add_cstr(line, now);
    line_add_cstr(line, " ");
    line_add_cstr(line, levels[level]);
    line_add_cstr(line, " ");
    line_add_cstr(line, subject);
    line_add_cstr(line, ": ");
    line_add_cstr(line, what);
    return true;
}

static void line_end(struct line *line)
{
    int saved = errno; /* a caller may log first and report errno after */

    line->text[line->len++] = '\n';
    /* What cannot be written is lost: a log that blocks or retries would stop the loop. */
    while (write(atomic_load(&log_fd), line->text, line->len) < 0 && errno == EINTR)
        ;
    errno = saved;
}

void log_write(enum log_level level, const char *subject, const char *what,
               const struct log_field *fields)
{
    struct line line;

    if (!line_begin(&line, level, subject, what))
        return;
    for (; fields && fields->kind != LOG_END; fields++)
        line_add_field(&line, fields);
    line_end(&line);
}

void log_err(enum log_level level, const char *subject, const char *what,
             const struct nigh_err *err)
{
    struct line line;

    if (!line_begin(&line, level, subject, what))
        return;
    line_add_cstr(&line, ": ");
    for (const char *p = err->what; *p; p++) /* one line, whatever a library's message holds */
        line_add(&line, (unsigned char)*p < 0x20 || *p == 0x7f ? "?" : p, 1);
    line_add_cstr(&line, " status=");
    line_add_name(&line, nigh_status_text(err->status), strlen(nigh_status_text(err->status)));
    if (err->file) {
        line_add_cstr(&line, " at=");
        line_add_name(&line, err->file, strlen(err->file));
        line_printf(&line, ":%d", err->line);
    }
    line_end(&line);
}

void log_set_level(enum log_level least)
{
    atomic_store(&log_least, least);
}

void log_set_fd(int fd)
{
    atomic_store(&log_fd, fd);
}
