/* See spool.h for the invariants.
 *
 * The checksum is SipHash-2-4 with a key of zeros: 64 bits, so that no damage passes by chance, and
 * quick on short lines (0.5 us for a bill; libsodium has it, so it brings nothing).  It is no seal:
 * whoever can write the file can make it.  Tampering is the hash chain's matter. */
#include "store/spool.h"
#include "base/fault.h"
#include "base/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEGMENT_NAME_BYTES = 32, READ_BYTES = 64 << 10 };
static const char header[] = "nigh-spool 1\n";
enum { HEADER_LEN = sizeof header - 1 };

static void segment_name(char name[static SEGMENT_NAME_BYTES], uint64_t segment)
{
    snprintf(name, SEGMENT_NAME_BYTES, "spool.%" PRIu64, segment);
}

static void put_sum(char out[static SPOOL_SUM_CHARS], const char *p, size_t len)
{
    static const unsigned char key[crypto_shorthash_KEYBYTES];
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[crypto_shorthash_BYTES];

    crypto_shorthash(sum, (const unsigned char *)p, len, key);
    for (size_t i = 0; i < sizeof sum; i++) {
        out[2 * i] = digits[sum[i] >> 4];
        out[2 * i + 1] = digits[sum[i] & 15];
    }
}

struct spool {
    int dir, fd;
    struct spool_at end;
    size_t segment_max_bytes;
    bool torn; /* half a line follows `end` and could not be cut off */
    struct buf line;
};

/* The file of a new segment with its header, or -1 with errno. */
static int segment_make(int dir, uint64_t segment)
{
    char name[SEGMENT_NAME_BYTES];
    int fd;

    segment_name(name, segment);
    fd = fault_hit(FAULT_OPEN)
             ? -1
             : openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    if (!fault_hit(FAULT_WRITE) && write(fd, header, HEADER_LEN) == HEADER_LEN)
        return fd;
    int why = errno ? errno : ENOSPC;
    close(fd);
    unlinkat(dir, name, 0);
    errno = why;
    return -1;
}

enum nigh_status spool_new(struct spool **ret, int dir, uint64_t segment, size_t segment_max_bytes,
                           struct nigh_err *err)
{
    struct spool *s = calloc(1, sizeof *s);

    if (!s)
        return nigh_fail(err, NIGH_NOMEM, "spool: out of memory");
    *s = (struct spool){.dir = dir, .segment_max_bytes = segment_max_bytes};
    s->line.max_bytes = SPOOL_LINE_MAX + 1;
    s->fd = segment_make(dir, segment);
    if (s->fd < 0) {
        free(s);
        return nigh_fail(err, NIGH_IO, "make spool.%" PRIu64 ": %m", segment);
    }
    s->end = (struct spool_at){segment, HEADER_LEN};
    *ret = s;
    return NIGH_OK;
}

struct spool *spool_free(struct spool *s)
{
    if (s) {
        close(s->fd);
        buf_done(&s->line);
    }
    free(s);
    return NULL;
}

struct spool_at spool_end(const struct spool *s)
{
    return s->end;
}

/* Goes on to the next segment when this one is full or torn.  Where that fails a full one serves
 * on. */
static enum nigh_status turn_over(struct spool *s, struct nigh_err *err)
{
    int fd;

    if (s->end.offset < s->segment_max_bytes && !s->torn)
        return NIGH_OK;
    fd = segment_make(s->dir, s->end.segment + 1);
    if (fd < 0)
        return s->torn ? nigh_fail(err, NIGH_IO, "make spool.%" PRIu64 ": %m", s->end.segment + 1)
                       : NIGH_OK;
    close(s->fd);
    s->fd = fd;
    s->end = (struct spool_at){s->end.segment + 1, HEADER_LEN};
    s->torn = false;
    return NIGH_OK;
}

static enum nigh_status write_line(struct spool *s, struct nigh_err *err)
{
    struct slice line = buf_slice(&s->line);
    ssize_t n = fault_hit(FAULT_WRITE) ? write(s->fd, line.p, line.len / 2)
                                       : write(s->fd, line.p, line.len);
    int why = n < 0 ? errno : ENOSPC;

    if (n == (ssize_t)line.len) {
        s->end.offset += line.len;
        return NIGH_OK;
    }
    if (n > 0) /* spool 2 */
        s->torn = fault_hit(FAULT_OPEN) || ftruncate(s->fd, (off_t)s->end.offset) != 0;
    errno = why;
    return nigh_fail(err, NIGH_IO, "write spool.%" PRIu64 ": %m", s->end.segment);
}

enum nigh_status spool_append(struct spool *s, struct slice kind, struct slice json,
                              struct nigh_err *err)
{
    enum nigh_status status;

    if (json.len > SPOOL_RECORD_MAX || kind.len > SPOOL_KIND_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "spool: a record of more than %d bytes",
                         SPOOL_RECORD_MAX);
    if (memchr(json.p, '\n', json.len))
        return nigh_fail(err, NIGH_INVALID, "spool: a record of more than one line");
    buf_reset(&s->line);
    buf_add(&s->line, "                 ", SPOOL_SUM_CHARS + 1);
    buf_add_str(&s->line, kind);
    buf_add_char(&s->line, ' ');
    buf_add_str(&s->line, json);
    buf_add_char(&s->line, '\n');
    if (s->line.failed)
        return nigh_fail(err, NIGH_NOMEM, "spool: out of memory");
    put_sum(s->line.data, s->line.data + SPOOL_SUM_CHARS + 1, s->line.len - SPOOL_SUM_CHARS - 2);
    status = turn_over(s, err);
    return status == NIGH_OK ? write_line(s, err) : status;
}

struct spool_reader {
    int dir, fd;        /* fd -1: the segment is not open yet */
    struct spool_at at; /* of the next line */
    char *data;         /* bytes [from, to) of it are what stands at `at` */
    size_t from, to, room;
};

enum nigh_status spool_reader_new(struct spool_reader **ret, int dir, struct nigh_err *err)
{
    struct spool_reader *r = calloc(1, sizeof *r);

    if (!r || !(r->data = malloc(READ_BYTES))) {
        free(r);
        return nigh_fail(err, NIGH_NOMEM, "spool: out of memory");
    }
    r->dir = dir;
    r->fd = -1;
    r->room = READ_BYTES;
    *ret = r;
    return NIGH_OK;
}

struct spool_reader *spool_reader_free(struct spool_reader *r)
{
    if (!r)
        return NULL;
    if (r->fd >= 0)
        close(r->fd);
    free(r->data);
    free(r);
    return NULL;
}

void spool_seek(struct spool_reader *r, struct spool_at at)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
    r->at = at;
    r->from = r->to = 0;
}

struct spool_at spool_tell(const struct spool_reader *r)
{
    return r->at;
}

/* Opens the segment at hand and steps over its header.  A file too short for a header is an empty
 * one (its maker died); one without any is read for its lines. */
static enum nigh_status segment_open(struct spool_reader *r, struct nigh_err *err)
{
    char name[SEGMENT_NAME_BYTES], head[HEADER_LEN] = {0};
    size_t word = strlen("nigh-spool ");
    int fd;

    segment_name(name, r->at.segment);
    fd = fault_hit(FAULT_OPEN) ? -1 : openat(r->dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return nigh_fail(err, NIGH_IO, "open %s: %m", name);
    if (r->at.offset < HEADER_LEN &&
        (fault_hit(FAULT_READ) || pread(fd, head, HEADER_LEN, 0) < 0)) {
        nigh_fail(err, NIGH_IO, "read %s: %m", name);
        close(fd);
        return NIGH_IO;
    }
    r->fd = fd;
    if (r->at.offset >= HEADER_LEN)
        return NIGH_OK;
    if (memcmp(head, header, HEADER_LEN) == 0)
        r->at.offset = HEADER_LEN;
    else if (memcmp(head, header, word) == 0 && head[word])
        return nigh_fail(err, NIGH_UNSUPPORTED, "%s was written by a newer nigh", name);
    return NIGH_OK;
}

/* More of the segment behind what is there; *ret_more false: its end, or upto. */
static enum nigh_status fill(struct spool_reader *r, struct spool_at upto, bool *ret_more,
                             struct nigh_err *err)
{
    uint64_t have = r->at.offset + (r->to - r->from);
    size_t want;
    ssize_t n;

    memmove(r->data, r->data + r->from, r->to - r->from);
    r->to -= r->from;
    r->from = 0;
    want = r->room - r->to;
    if (r->at.segment == upto.segment && have + want > upto.offset)
        want = upto.offset > have ? (size_t)(upto.offset - have) : 0;
    n = fault_hit(FAULT_READ) ? -1 : pread(r->fd, r->data + r->to, want, (off_t)have);
    if (n < 0)
        return nigh_fail(err, NIGH_IO, "read spool.%" PRIu64 ": %m", r->at.segment);
    r->to += (size_t)n;
    *ret_more = n > 0;
    return NIGH_OK;
}

static enum nigh_status widen(struct spool_reader *r, struct nigh_err *err)
{
    char *wider = realloc(r->data, SPOOL_LINE_MAX);

    if (!wider)
        return nigh_fail(err, NIGH_NOMEM, "spool: out of memory");
    r->data = wider;
    r->room = SPOOL_LINE_MAX;
    return NIGH_OK;
}

/* The bytes up to the next line end into *ret, absent at the end of what may be read.  What is
 * longer than any line of ours comes in pieces, which no checksum will fit. */
static enum nigh_status next_raw(struct spool_reader *r, struct spool_at upto, struct slice *ret,
                                 struct nigh_err *err)
{
    size_t looked = 0;
    bool more = true;

    *ret = (struct slice){0};
    for (;;) {
        size_t have = r->to - r->from;
        char *end = memchr(r->data + r->from + looked, '\n', have - looked);
        enum nigh_status status = NIGH_OK;

        if (end || have == SPOOL_LINE_MAX) {
            size_t len = end ? (size_t)(end - (r->data + r->from)) : have;

            *ret = (struct slice){r->data + r->from, len};
            r->from += len + (end != NULL);
            r->at.offset += len + (end != NULL);
            return NIGH_OK;
        }
        looked = have;
        if (have == r->room)
            status = widen(r, err);
        if (status == NIGH_OK)
            status = fill(r, upto, &more, err);
        if (status != NIGH_OK || !more)
            return status;
    }
}

/* What follows the last line end of a segment: a line whose writer died.  spool_append never said
 * that it was written. */
static void drop_tail(struct spool_reader *r)
{
    if (r->to > r->from)
        log_at(LOG_WARN, "store", "dropped half a line at the end of the spool",
               LOG_NUM("segment", r->at.segment), LOG_NUM("offset", r->at.offset),
               LOG_NUM("bytes", r->to - r->from));
    r->at.offset += r->to - r->from;
    r->from = r->to = 0;
}

static void line_parse(struct spool_line *line)
{
    struct slice rest = {line->raw.p + SPOOL_SUM_CHARS + 1, 0};
    char sum[SPOOL_SUM_CHARS];

    line->sound = false;
    if (line->raw.len < SPOOL_SUM_CHARS + 2 || line->raw.p[SPOOL_SUM_CHARS] != ' ')
        return;
    rest.len = line->raw.len - SPOOL_SUM_CHARS - 1;
    put_sum(sum, rest.p, rest.len);
    if (memcmp(sum, line->raw.p, sizeof sum) != 0)
        return;
    line->kind = slice_cut(&rest, ' ');
    line->json = rest;
    line->sound = true;
}

enum nigh_status spool_read(struct spool_reader *r, struct spool_at upto, struct spool_line *ret,
                            struct nigh_err *err)
{
    enum nigh_status status = NIGH_OK;

    *ret = (struct spool_line){0};
    while (r->at.segment <= upto.segment) {
        if (r->at.segment == upto.segment && r->at.offset >= upto.offset)
            return NIGH_OK;
        if (r->fd < 0)
            status = segment_open(r, err);
        if (status == NIGH_OK)
            status = next_raw(r, upto, &ret->raw, err);
        if (status != NIGH_OK)
            return status;
        if (ret->raw.p) {
            line_parse(ret);
            return NIGH_OK;
        }
        drop_tail(r);
        if (r->at.segment == upto.segment)
            return NIGH_OK;
        spool_seek(r, (struct spool_at){r->at.segment + 1, 0});
    }
    return NIGH_OK;
}

/* The number of "spool.N", written as we write it; 0 for any other name. */
static uint64_t segment_number(const char *name)
{
    char ours[SEGMENT_NAME_BYTES];
    uint64_t n = 0;

    if (strncmp(name, "spool.", 6) != 0 || !slice_u64(slice_of(name + 6), &n) ||
        n > INT64_MAX / 2) /* SQLite's integers; and there must be a next one */
        return 0;
    segment_name(ours, n);
    return strcmp(ours, name) == 0 ? n : 0;
}

static int by_number(const void *a, const void *b)
{
    const struct spool_segment *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

static enum nigh_status list_add(struct spool_segment **list, size_t *n, int dir, const char *name,
                                 struct nigh_err *err)
{
    struct spool_segment *more;
    struct stat st;

    if (segment_number(name) == 0)
        return NIGH_OK;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return nigh_fail(err, NIGH_IO, "look at %s: %m", name);
    more = realloc(*list, (*n + 1) * sizeof *more);
    if (!more)
        return nigh_fail(err, NIGH_NOMEM, "spool: out of memory");
    more[(*n)++] = (struct spool_segment){segment_number(name), (uint64_t)st.st_size};
    *list = more;
    return NIGH_OK;
}

enum nigh_status spool_list(struct spool_segment **ret, size_t *ret_n, int dir,
                            struct nigh_err *err)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* the DIR takes it */
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    enum nigh_status status = NIGH_OK;

    *ret = NULL;
    *ret_n = 0;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return nigh_fail(err, NIGH_IO, "list the state folder: %m");
    }
    for (struct dirent *e; status == NIGH_OK && (e = readdir(d));)
        status = list_add(ret, ret_n, dir, e->d_name, err);
    closedir(d);
    if (status != NIGH_OK) {
        free(*ret);
        *ret = NULL;
        return status;
    }
    if (*ret)
        qsort(*ret, *ret_n, sizeof **ret, by_number);
    return NIGH_OK;
}

void spool_remove(int dir, uint64_t segment)
{
    char name[SEGMENT_NAME_BYTES];

    segment_name(name, segment);
    if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
        log_at(LOG_WARN, "store", "cannot remove a spool file that was read",
               LOG_NUM("segment", segment), LOG_INT("errno", errno));
}
