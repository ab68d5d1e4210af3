#include "base/fault.h"
#include "base/log.h"
#include "base/tap.h"
#include "store/spool.h"
#include <fcntl.h>
#include <unistd.h>

static char folder[64];
static int dir = -1;

/* An empty folder; the one before is removed. */
static void fresh(void)
{
    char command[128];

    if (dir >= 0)
        close(dir);
    if (folder[0]) {
        snprintf(command, sizeof command, "rm -rf '%s'", folder);
        CHECK_EQ(system(command), 0);
    }
    strcpy(folder, "/tmp/nigh-spool-XXXXXX");
    CHECK(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(dir >= 0);
}

__attribute__((destructor)) static void sweep(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (folder[0] && system(command) != 0)
        perror("rm");
}

static struct spool *begin(uint64_t segment, size_t max_bytes)
{
    struct spool *s;

    CHECK_EQ(spool_new(&s, dir, segment, max_bytes, NULL), NIGH_OK);
    return s;
}

static void put(struct spool *s, const char *json)
{
    CHECK_EQ(spool_append(s, SLICE("note"), slice_of(json), NULL), NIGH_OK);
}

/* What the reader gives from the beginning up to there, as words: "note=1 bad=xyz". */
static const char *all(uint64_t from, struct spool_at upto)
{
    static struct buf words;
    struct spool_reader *r;
    struct spool_line line;

    buf_reset(&words);
    buf_add_cstr(&words, "");
    CHECK_EQ(spool_reader_new(&r, dir, NULL), NIGH_OK);
    spool_seek(r, (struct spool_at){from, 0});
    for (;;) {
        CHECK_EQ(spool_read(r, upto, &line, NULL), NIGH_OK);
        if (!line.raw.p)
            break;
        if (words.len)
            buf_add_char(&words, ' ');
        buf_add_str(&words, line.sound ? line.kind : SLICE("bad"));
        buf_add_char(&words, '=');
        buf_add_str(&words, line.sound ? line.json : line.raw);
    }
    spool_reader_free(r);
    return words.data ? words.data : "";
}

static void file_write(const char *name, const void *p, size_t len, int flags)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);

    CHECK(fd >= 0 && write(fd, p, len) == (ssize_t)len);
    close(fd);
}

static struct spool_at end_of(uint64_t segment)
{
    return (struct spool_at){segment, UINT64_MAX / 4};
}

TEST(spool_reads_what_was_written)
{
    struct spool *s;

    fresh();
    s = begin(1, 1 << 20);
    put(s, "{\"n\":1}");
    put(s, "{\"text\":\"a b  c\"}");
    CHECK_STR(all(1, spool_end(s)), "note={\"n\":1} note={\"text\":\"a b  c\"}");
    CHECK_EQ(spool_append(s, SLICE("note"), SLICE("{\n}"), NULL), NIGH_INVALID);
    CHECK_STR(all(1, (struct spool_at){1, 0}), "");
    spool_free(s);
}

TEST(spool_lines_are_as_the_format_says)
{
    static char bytes[256];
    struct spool *s;
    FILE *f;
    char path[96];

    fresh();
    s = begin(7, 1 << 20);
    put(s, "{}");
    spool_free(s);
    snprintf(path, sizeof path, "%s/spool.7", folder);
    f = fopen(path, "re");
    bytes[fread(bytes, 1, sizeof bytes - 1, f)] = 0;
    fclose(f);
    /* SipHash-2-4 of "note {}", key 0; also by another's implementation: docs/formats.md */
    CHECK_STR(bytes, "nigh-spool 1\n48f4bda51e3241d6 note {}\n");
}

TEST(spool_goes_on_in_a_new_segment)
{
    struct spool *s;
    struct spool_segment *list;
    size_t n;

    fresh();
    s = begin(9, 64);
    for (int i = 0; i < 9; i++) {
        char json[16];

        snprintf(json, sizeof json, "%d", i);
        put(s, json);
    }
    CHECK(spool_end(s).segment > 10);
    CHECK_STR(all(9, spool_end(s)),
              "note=0 note=1 note=2 note=3 note=4 note=5 note=6 note=7 note=8");
    file_write("spool.012", "", 0, 0);
    file_write("spool.bad", "", 0, 0);
    CHECK_EQ(spool_list(&list, &n, dir, NULL), NIGH_OK);
    CHECK_EQ(n, spool_end(s).segment - 8);
    CHECK_EQ(list[0].number, 9);
    CHECK_EQ(list[n - 1].number, spool_end(s).segment);
    free(list);
    spool_free(s);
}

TEST(spool_tells_every_kind_of_damage)
{
    static const struct {
        const char *bytes, *want;
    } rows[] = {
        {"", ""},
        {"nigh-sp", ""}, /* its maker died */
        {"nigh-spool 1\n", ""},
        {"nigh-spool 1\nxyz\n", "bad=xyz"},
        {"nigh-spool 1\n\n", "bad="},
        {"nigh-spool 1\n48f4bda51e3241d6 note {}\n", "note={}"},
        {"nigh-spool 1\n48f4bda51e3241d6 note {}", ""}, /* half a line */
        {"nigh-spool 1\n48f4bda51e3241d6 note {}\n48f4bda51e3241d6 no", "note={}"},
        {"nigh-spool 1\n48f4bda51e3241d7 note {}\n", "bad=48f4bda51e3241d7 note {}"},
        {"nigh-spool 1\n48f4bda51e3241d6 note [}\n", "bad=48f4bda51e3241d6 note [}"},
        {"nigh-spool 1\n48F4BDA51E3241D6 note {}\n", "bad=48F4BDA51E3241D6 note {}"},
        {"48f4bda51e3241d6 note {}\n", "note={}"}, /* no header: still our lines */
        {"nigh-spool 1\nx\n48f4bda51e3241d6 note {}\ny\n", "bad=x note={} bad=y"},
    };

    log_set_level(LOG_ERROR);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fresh();
        file_write("spool.1", rows[i].bytes, strlen(rows[i].bytes), 0);
        CHECK_STR(all(1, end_of(1)), rows[i].want);
    }
    log_set_level(LOG_INFO);
}

TEST(spool_of_a_newer_nigh_is_refused)
{
    struct spool_reader *r;
    struct spool_line line;
    struct nigh_err err = {0};

    fresh();
    file_write("spool.1", "nigh-spool 2\nwhatever\n", 22, 0);
    CHECK_EQ(spool_reader_new(&r, dir, NULL), NIGH_OK);
    spool_seek(r, (struct spool_at){1, 0});
    CHECK_EQ(spool_read(r, end_of(1), &line, &err), NIGH_UNSUPPORTED);
    CHECK_STR(err.what, "spool.1 was written by a newer nigh");
    spool_reader_free(r);
}

TEST(spool_lines_may_be_as_long_as_told_and_no_longer)
{
    static char json[SPOOL_RECORD_MAX + 2];
    static char mess[3 * SPOOL_LINE_MAX];
    struct spool *s;
    const char *got;

    fresh();
    s = begin(1, 1 << 20);
    memset(json, 'j', SPOOL_RECORD_MAX);
    CHECK_EQ(spool_append(s, SLICE("note"), (struct slice){json, SPOOL_RECORD_MAX + 1}, NULL),
             NIGH_TOOBIG);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(spool_append(s, SLICE("note"), (struct slice){json, SPOOL_RECORD_MAX}, NULL),
                 NIGH_OK);
    put(s, "after");
    got = all(1, spool_end(s));
    CHECK_EQ(strlen(got), 3 * (SPOOL_RECORD_MAX + 6) + strlen("note=after"));
    spool_free(s);

    fresh();
    s = begin(1, 1 << 20);
    memset(mess, 'm', sizeof mess);
    mess[sizeof mess - 1] = '\n';
    file_write("spool.1", mess, sizeof mess, O_APPEND);
    spool_free(s);
    file_write("spool.1", "48f4bda51e3241d6 note {}\n", 25, O_APPEND);
    got = all(1, end_of(1));
    CHECK_STR(got + strlen(got) - 8, " note={}");
}

/* spool 1 and 2: fail the nth write or open until a run meets no failure. */
TEST(spool_append_is_all_or_nothing)
{
    static const enum fault kinds[] = {FAULT_WRITE, FAULT_OPEN};

    log_set_level(LOG_ERROR);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        bool hit = true;

        for (int nth = 1; hit; nth++) {
            struct buf want = {0};
            struct spool *s;

            fresh();
            s = begin(1, 100);
            buf_add_cstr(&want, "");
            fault_arm(kinds[k], nth);
            for (int i = 0; i < 12; i++) {
                char json[16];
                struct nigh_err err = {0};

                snprintf(json, sizeof json, "%d", i);
                if (spool_append(s, SLICE("note"), slice_of(json), &err) == NIGH_OK)
                    buf_printf(&want, "%snote=%d", want.len ? " " : "", i);
                else
                    CHECK(err.what[0]);
            }
            hit = fault_disarm();
            CHECK_STR(all(1, spool_end(s)), want.data);
            buf_done(&want);
            spool_free(s);
        }
    }
    log_set_level(LOG_INFO);
}

/* A write that stopped half way, once cut off and once (the second failure) left behind. */
TEST(spool_leaves_a_torn_segment)
{
    struct spool *s;

    log_set_level(LOG_ERROR);
    for (unsigned failures = 1; failures <= 2; failures++) {
        fresh();
        s = begin(1, 1 << 20);
        put(s, "1");
        fault_arm(FAULT_WRITE, 1);
        fault_arm(FAULT_OPEN, failures == 2); /* of the cut */
        CHECK_EQ(spool_append(s, SLICE("note"), SLICE("torn"), NULL), NIGH_IO);
        CHECK(fault_disarm());
        put(s, "2");
        CHECK_EQ(spool_end(s).segment, failures);
        CHECK_STR(all(1, spool_end(s)), "note=1 note=2");
        spool_free(s);
    }
    log_set_level(LOG_INFO);
}

TEST(spool_read_survives_every_failure)
{
    struct spool *s;
    bool hit = true;

    fresh();
    s = begin(1, 64);
    for (int i = 0; i < 6; i++)
        put(s, "{}");
    for (int nth = 1; hit; nth++) {
        struct spool_reader *r;
        struct spool_line line = {0};
        int n = 0;

        CHECK_EQ(spool_reader_new(&r, dir, NULL), NIGH_OK);
        spool_seek(r, (struct spool_at){1, 0});
        fault_arm(FAULT_READ, nth);
        for (int tries = 0; tries < 20; tries++) { /* a failed read may simply be asked again */
            if (spool_read(r, spool_end(s), &line, NULL) == NIGH_OK && line.raw.p)
                n++;
        }
        hit = fault_disarm();
        CHECK_EQ(n, 6);
        spool_reader_free(r);
    }
    spool_free(s);
}
