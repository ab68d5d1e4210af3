/* str: slices (borrowed bytes) and buffers (owned bytes with a ceiling).  Any thread, no locks. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that somebody else owns; not NUL-terminated unless said so.  {NULL, 0}: absent. */
struct slice {
    const char *p;
    size_t len;
};
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})

static inline struct slice slice_of(const char *cstr) /* NULL: the absent slice */
{
    return (struct slice){cstr, cstr ? strlen(cstr) : 0};
}
static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}
static inline bool slice_is(struct slice a, const char *cstr)
{
    return slice_eq(a, slice_of(cstr));
}
bool slice_ieq(struct slice a, struct slice b); /* ASCII case folded */
bool slice_starts(struct slice s, struct slice prefix);
struct slice slice_trim(struct slice s); /* ASCII white space off both ends */
/* Cuts *s at the first sep: returns what stood before, *s is what follows.  No sep: all of it,
 * and *s becomes absent. */
struct slice slice_cut(struct slice *s, char sep);
bool slice_u64(struct slice s, uint64_t *ret); /* decimal digits only, overflow refused */
int hex_value(char c);                         /* of one digit, either case; else -1 */
bool slice_utf8(struct slice s);               /* valid UTF-8 (RFC 3629), no surrogates */

/* A growing byte string.  Passing max_bytes or running out of memory sets `failed`, after which
 * every append is a no-op, so a writer may check once at its end.  data is NUL-terminated once
 * anything was appended. */
struct buf {
    char *data;
    size_t len, cap;
    size_t max_bytes; /* 0: BUF_MAX_BYTES */
    bool failed;
};
enum { BUF_MAX_BYTES = 256 << 20 }; /* guess; far over the server's body ceiling of 64 MiB */

void buf_done(struct buf *b);
void buf_reset(struct buf *b);                /* len 0, memory kept, failed cleared */
bool buf_enlarge(struct buf *b, size_t more); /* the slow half of buf_reserve */
/* Inline: a bill is some sixty appends, and calls were a tenth of a request's time. */
static inline bool buf_reserve(struct buf *b, size_t more)
{
    if (b->failed)
        return false;
    return more < b->cap - b->len || buf_enlarge(b, more); /* one byte more, for the NUL */
}
static inline void buf_add(struct buf *b, const void *p, size_t len)
{
    if (!buf_reserve(b, len))
        return;
    if (len > 0)
        memcpy(b->data + b->len, p, len);
    b->len += len;
    b->data[b->len] = '\0';
}
static inline void buf_add_str(struct buf *b, struct slice s)
{
    buf_add(b, s.p, s.len);
}
static inline void buf_add_cstr(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}
static inline void buf_add_char(struct buf *b, char c)
{
    if (!buf_reserve(b, 1))
        return;
    b->data[b->len++] = c;
    b->data[b->len] = '\0';
}
void buf_add_u64(struct buf *b, uint64_t n);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_add_json(struct buf *b, struct slice s); /* quoted and escaped (RFC 8259); see json.h */
/* The first byte from p on that JSON has to escape in a string, or end. */
const char *json_run_end(const char *p, const char *end);
void buf_consume(struct buf *b, size_t n); /* drops n bytes off the front */
struct slice buf_slice(const struct buf *b);
