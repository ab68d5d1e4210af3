/* log: what happened, never what was said.
 *
 * There is no parameter for free text that came from a request: fields are numbers, ids and names,
 * and a name is written with everything but [A-Za-z0-9._:/@+-] replaced by '?' and cut at
 * LOG_NAME_MAX.  One line a call, to stderr by default: time, level, subject, words, fields as
 * key=value.  A line over 2 KiB is cut.  What cannot be written is lost rather than waited for.
 * Any thread; one write(2) a line. */
#pragma once
#include "base/err.h"
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum { LOG_NAME_MAX = 96 };

struct log_field {
    const char *key;
    enum { LOG_END, LOG_U64, LOG_I64, LOG_NAME, LOG_NAME_SLICE } kind;
    uint64_t number; /* of LOG_NAME_SLICE: its length */
    const char *name;
};
#define LOG_NUM(key, n)                                                                            \
    {                                                                                              \
        key, LOG_U64, (uint64_t)(n), NULL                                                          \
    }
#define LOG_INT(key, n)                                                                            \
    {                                                                                              \
        key, LOG_I64, (uint64_t)(int64_t)(n), NULL                                                 \
    }
/* A place, zone, label, id, path: not content.  NULL and empty are written as '-'. */
#define LOG_WORD(key, s)                                                                           \
    {                                                                                              \
        key, LOG_NAME, 0, s                                                                        \
    }
#define LOG_SLICE(key, s)                                                                          \
    {                                                                                              \
        key, LOG_NAME_SLICE, (s).len, (s).p                                                        \
    }

/* log_at(LOG_INFO, "engine", "ready", LOG_WORD("place", name), LOG_NUM("ms", ms)); what: a literal
 */
#define log_at(level, subject, what, ...)                                                          \
    log_write(level, subject, "" what, &(const struct log_field[]){{0}, ##__VA_ARGS__, {0}}[1])
void log_write(enum log_level level, const char *subject, const char *what,
               const struct log_field *fields);
/* Logs an error's own text (which by err.h never holds content). */
void log_err(enum log_level level, const char *subject, const char *what,
             const struct nigh_err *err);

void log_set_level(enum log_level least);
void log_set_fd(int fd); /* borrowed */
