/* spool: records on their way into the database, as lines in files that the process's death cannot
 * take back.
 *
 * The files are segments, `spool.1`, `spool.2`, ...: one writer (the loop) appends to the newest
 * and begins another past a size; one reader (the store's lane) follows, and removes a segment when
 * the database has all of it.  The two halves share no memory: the reader is told how far the
 * writer was. A segment is never truncated or written over, so a place (segment, offset) means the
 * same for ever.
 *
 * Format, told in docs/formats.md: `nigh-spool 1\n`, then lines `xxxxxxxxxxxxxxxx kind json\n`.
 *
 * Invariants: 1. What spool_append said was written stands whole in one segment.  2. Where it
 * failed, nothing of that record will ever be read as a record.  3. The reader gives every line
 * once, in order, sound or not; only bytes after the last line end of a segment are dropped. */
#pragma once
#include "base/err.h"
#include "base/str.h"

enum {
    SPOOL_RECORD_MAX = 256 << 10, /* a bill is 0.9 KiB; its plan has a row a candidate */
    SPOOL_SUM_CHARS = 16,
    SPOOL_KIND_MAX = 32,
    SPOOL_LINE_MAX = SPOOL_SUM_CHARS + 1 + SPOOL_KIND_MAX + 1 + SPOOL_RECORD_MAX + 1,
};

struct spool_at {
    uint64_t segment;
    uint64_t offset; /* in bytes */
};

/* The writer.  Loop thread. */
struct spool;
/* Begins the segment with this number, which must not exist.  dir: a descriptor, borrowed. */
NIGH_MUST enum nigh_status spool_new(struct spool **ret, int dir, uint64_t segment,
                                     size_t segment_max_bytes, struct nigh_err *err);
struct spool *spool_free(struct spool *spool);
/* One write(2).  kind: a word; json: without line ends.  NIGH_IO: nothing was written. */
NIGH_MUST enum nigh_status spool_append(struct spool *spool, struct slice kind, struct slice json,
                                        struct nigh_err *err);
struct spool_at spool_end(const struct spool *spool);

/* The reader.  The lane. */
struct spool_reader;
NIGH_MUST enum nigh_status spool_reader_new(struct spool_reader **ret, int dir,
                                            struct nigh_err *err);
struct spool_reader *spool_reader_free(struct spool_reader *reader);
void spool_seek(struct spool_reader *reader, struct spool_at at);

struct spool_line {
    struct slice raw; /* without its line end; absent: nothing more before `upto` */
    bool sound;       /* the checksum holds, and then: */
    struct slice kind, json;
};
/* The next line before upto; its slices live until the next call. */
NIGH_MUST enum nigh_status spool_read(struct spool_reader *reader, struct spool_at upto,
                                      struct spool_line *ret, struct nigh_err *err);
struct spool_at spool_tell(const struct spool_reader *reader); /* after the line that was read */

/* The segments of a folder, lowest first; free() them. */
struct spool_segment {
    uint64_t number, size_bytes;
};
NIGH_MUST enum nigh_status spool_list(struct spool_segment **ret, size_t *ret_n, int dir,
                                      struct nigh_err *err);
void spool_remove(int dir,
                  uint64_t segment); /* what cannot be removed is tried again at the start */
