#include "base/str.h"
#include "base/fault.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned char ascii_lower(char c)
{
    unsigned char u = (unsigned char)c;

    return u >= 'A' && u <= 'Z' ? u | 0x20 : u; /* tolower() would ask the locale */
}

bool slice_ieq(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return false;
    return true;
}

bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.p, prefix.p, prefix.len) == 0);
}

static bool ascii_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct slice slice_trim(struct slice s)
{
    while (s.len > 0 && ascii_space(s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len > 0 && ascii_space(s.p[s.len - 1]))
        s.len--;
    return s;
}

struct slice slice_cut(struct slice *s, char sep)
{
    const char *at = s->len > 0 ? memchr(s->p, sep, s->len) : NULL;
    struct slice head = *s;

    if (!at) {
        *s = (struct slice){NULL, 0};
        return head;
    }
    head.len = (size_t)(at - head.p);
    s->p = at + 1;
    s->len -= head.len + 1;
    return head;
}

int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool slice_u64(struct slice s, uint64_t *ret)
{
    uint64_t n = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n))
            return false;
    }
    *ret = n;
    return true;
}

/* Length of the character at p, 0 when it is not one.  RFC 3629 section 4: the second byte is the
 * only one whose range depends on the first, which keeps out surrogates and overlong forms. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
    unsigned char lo = 0x80, hi = 0xbf;
    size_t len;

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    if (p[0] < 0xe0) {
        len = 2;
    } else if (p[0] < 0xf0) {
        len = 3;
        lo = p[0] == 0xe0 ? 0xa0 : lo;
        hi = p[0] == 0xed ? 0x9f : hi;
    } else {
        len = 4;
        lo = p[0] == 0xf0 ? 0x90 : lo;
        hi = p[0] == 0xf4 ? 0x8f : hi;
    }
    if (left < len || p[1] < lo || p[1] > hi)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool slice_utf8(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.p, *end = p + s.len;

    while (p < end) {
        uint64_t word;
        while (end - p >= 8) { /* most text is mostly ASCII */
            memcpy(&word, p, sizeof word);
            if (word & 0x8080808080808080)
                break;
            p += 8;
        }
        for (int i = 0; i < 8 && p < end; i++) { /* past what stopped the words, then words again */
            size_t len = utf8_len(p, (size_t)(end - p));
            if (len == 0)
                return false;
            p += len;
        }
    }
    return true;
}

void buf_done(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.max_bytes = b->max_bytes};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = '\0';
}

enum { BUF_FIRST_BYTES = 128 }; /* guess: an SSE line without its text */

bool buf_enlarge(struct buf *b, size_t more)
{
    size_t max = b->max_bytes ? b->max_bytes : BUF_MAX_BYTES;

    if (b->len > max || more > max - b->len || fault_hit(FAULT_ALLOC))
        return !(b->failed = true);
    size_t cap = b->cap ? b->cap : BUF_FIRST_BYTES;
    while (cap < b->len + more + 1)
        cap *= 2;
    if (cap > max + 1)
        cap = max + 1; /* the ceiling and the NUL */
    char *data = realloc(b->data, cap);
    if (!data)
        return !(b->failed = true);
    if (!b->data)
        data[0] = '\0';
    b->data = data;
    b->cap = cap;
    return true;
}

void buf_add_u64(struct buf *b, uint64_t n)
{
    char digits[20]; /* 2^64 - 1 has 20 */
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    buf_add(b, digits + at, sizeof digits - at);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    if (!buf_reserve(b, 0))
        return;
    va_start(ap, fmt);
    int len = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
    va_end(ap);
    if (len < 0) {
        b->data[b->len] = '\0';
        b->failed = true;
        return;
    }
    if ((size_t)len >= b->cap - b->len) {
        if (!buf_reserve(b, (size_t)len)) {
            b->data[b->len] = '\0'; /* half of it stands there */
            return;
        }
        va_start(ap, fmt);
        vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
        va_end(ap);
    }
    b->len += (size_t)len;
}

/* What RFC 8259 section 7 wants escaped: 0 is safe, 'u' needs \u00XX, else the letter after '\'. */
static const char json_escape[256] = {
    [0 ... 7] = 'u', ['\b'] = 'b', ['\t'] = 't',      ['\n'] = 'n', [11] = 'u',
    ['\f'] = 'f',    ['\r'] = 'r', [14 ... 31] = 'u', ['"'] = '"',  ['\\'] = '\\',
};

/* Whether none of 8 bytes needs an escape.  A subtraction per byte, all eight at once, whose top
 * bit tells; a borrow out of the byte below can raise a false alarm, which costs a look at the
 * table, but never hide a true one. */
static bool json_word_plain(const char *p)
{
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    uint64_t w;

    memcpy(&w, p, sizeof w);
    uint64_t quote = w ^ ones * '"', slash = w ^ ones * '\\';
    return (((w - ones * 0x20) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & ~w &
            tops) == 0;
}

const char *json_run_end(const char *p, const char *end)
{
    for (;;) {
        while (end - p >= 8 && json_word_plain(p))
            p += 8;
        for (int i = 0; i < 8; i++, p++)
            if (p == end || json_escape[(unsigned char)*p])
                return p;
    }
}

void buf_add_json(struct buf *b, struct slice s)
{
    const char *p = s.p, *end = s.p ? s.p + s.len : NULL;

    if (!buf_reserve(b, s.len + 2)) /* the usual case: nothing to escape, one allocation */
        return;
    buf_add_char(b, '"');
    while (p < end) {
        const char *run = p;
        p = json_run_end(p, end);
        buf_add(b, run, (size_t)(p - run));
        if (p == end)
            break;
        unsigned char c = (unsigned char)*p++;
        if (json_escape[c] == 'u') {
            const char *hex = "0123456789abcdef";
            buf_add(b, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        } else {
            buf_add(b, (char[]){'\\', json_escape[c]}, 2);
        }
    }
    buf_add_char(b, '"');
}

void buf_consume(struct buf *b, size_t n)
{
    if (n > b->len)
        n = b->len;
    if (n == 0)
        return;
    b->len -= n;
    memmove(b->data, b->data + n, b->len + 1); /* with the NUL */
}

struct slice buf_slice(const struct buf *b)
{
    return (struct slice){b->data, b->len};
}
