/* err: a status to branch on and a text for people.
 *
 * A function that can fail returns a status and fills a struct nigh_err.  The first cause wins:
 * nobody on the way up overwrites it.  The text is complete enough to show as it is and never holds
 * content of a request, a key or a file.  Any thread. */
#pragma once
#include <stddef.h>

#define NIGH_STATUSES(S)                                                                           \
    S(OK, "ok", 200)                                                                               \
    S(NOMEM, "out of memory", 503)                                                                 \
    S(INVALID, "invalid", 400) /* the caller's bytes or words are wrong */                         \
    S(UNAUTHORIZED, "unauthorized", 401)                                                           \
    S(DENIED, "denied", 403) /* policy said no */                                                  \
    S(NOTFOUND, "not found", 404)                                                                  \
    S(TOOBIG, "too big", 413) /* over a stated ceiling */                                          \
    S(BUSY, "busy", 429)      /* a queue is full or a rate is passed; try again later */           \
    S(UNSUPPORTED, "unsupported", 501)                                                             \
    S(UPSTREAM, "upstream failed", 502) /* a place answered, wrongly */                            \
    S(OFFLINE, "offline", 503)          /* nothing that may serve this is reachable */             \
    S(TIMEOUT, "timed out", 504)                                                                   \
    S(CANCELLED, "cancelled", 499) /* the caller left */                                           \
    S(IO, "input/output", 500)

enum nigh_status {
#define NIGH_STATUS_ENUM(name, text, http) NIGH_##name,
    NIGH_STATUSES(NIGH_STATUS_ENUM)
#undef NIGH_STATUS_ENUM
};

struct nigh_err {
    enum nigh_status status;
    const char *file;
    int line;
    char what[256];
};

#define NIGH_MUST __attribute__((warn_unused_result))
/* A macro that yields its own status, so that compilers see that a failure is not NIGH_OK. */
#define nigh_fail(err, status, ...)                                                                \
    ({                                                                                             \
        const enum nigh_status fail_ = (status);                                                   \
        nigh_fail_at(err, fail_, __FILE__, __LINE__, __VA_ARGS__);                                 \
        fail_;                                                                                     \
    })

/* Fills *err unless it is NULL or already tells of an earlier failure; returns status. */
enum nigh_status nigh_fail_at(struct nigh_err *err, enum nigh_status status, const char *file,
                              int line, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

const char *nigh_status_text(enum nigh_status status); /* "denied" */
int nigh_status_http(enum nigh_status status);         /* the HTTP status code of a refusal */

/* Ownership inside a function: released on the way out unless handed on with TAKE. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define TAKE(p)                                                                                    \
    ({                                                                                             \
        __auto_type take_ = (p);                                                                   \
        (p) = NULL;                                                                                \
        take_;                                                                                     \
    })
/* NOLINTNEXTLINE(bugprone-sizeof-expression): of arrays of pointers too */
#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))
/* The struct that holds a member, from the member's address. */
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
