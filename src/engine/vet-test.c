/* The look at a model's files, through real walls: the test program is its own `nigh model-check`.
 */
#include "base/tap.h"
#include "engine/jail.h"
#include "engine/vet.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((constructor)) static void take_over(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "model-check") == 0)
        exit(vet_main(argc - 1, argv + 1));
}

static char folder[64], path[160];
static struct loop *loop;
static struct vet_report report;
static struct buf template;

static void on_done(void *owner, const struct vet_report *r)
{
    (void)owner;
    report = *r;
    buf_reset(&template);
    buf_add_str(&template, r->template);
    loop_stop(loop);
}

static void look(void)
{
    struct vet *vet;
    struct nigh_err err = {0};

    CHECK_EQ(loop_new(&loop, &err), NIGH_OK);
    if (vet_start(&vet, loop, "/proc/self/exe", path, false, on_done, NULL, &err) != NIGH_OK)
        TAP_FAIL("%s", err.what);
    loop_run(loop);
    vet_free(vet);
    loop_free(loop);
    if (report.verdict == VET_FAILED && strstr(report.why, "refused: neither"))
        SKIP("no walls can be put up here");
}

static void put(struct buf *out, uint64_t n, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        buf_add_char(out, (char)(n >> 8 * i));
}

static void put_text(struct buf *out, struct slice text)
{
    put(out, text.len, 8);
    buf_add_str(out, text);
}

/* A file with one key, a chat template. */
static void write_file(const char *name, unsigned version, struct slice text)
{
    CLEANUP(buf_done) struct buf out = {0};

    buf_add_cstr(&out, "GGUF");
    put(&out, version, 4);
    put(&out, 0, 8);
    put(&out, 1, 8);
    put_text(&out, SLICE("tokenizer.chat_template"));
    put(&out, 8, 4);
    put_text(&out, text);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "we");
    CHECK(f && fwrite(out.data, 1, out.len, f) == out.len && fclose(f) == 0);
}

static void begin(void)
{
    strcpy(folder, P_tmpdir "/nigh-vet-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
}

static void end(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK(system(command) == 0);
}

TEST(vet_tells_good_from_bad)
{
    begin();
    write_file("good.gguf", 3, SLICE("{{ x }}"));
    look();
    CHECK_EQ(report.verdict, VET_GOOD);
    CHECK_STR(template.data, "e3sgeCB9fQ==");
    write_file("bad.gguf", 7, SLICE("{{ x }}"));
    look();
    CHECK_EQ(report.verdict, VET_BAD);
    CHECK(strstr(report.why, "of a version other than 2 and 3"));
    CHECK_EQ(template.len, 0);
    write_file("empty.gguf", 3, SLICE(""));
    CHECK(truncate(path, 0) == 0);
    look();
    CHECK_EQ(report.verdict, VET_BAD);
    end();
}

TEST(vet_that_could_not_look_says_so)
{
    begin();
    snprintf(path, sizeof path, "%s/none.gguf", folder);
    look();
    CHECK_EQ(report.verdict, VET_FAILED);
    CHECK(strstr(report.why, "could not be looked at"));
    end();
}

TEST(vet_carries_a_long_template_whole)
{
    enum { LONG = 60000 };
    char *text = malloc(LONG);

    begin();
    memset(text, 'x', LONG);
    write_file("long.gguf", 3, (struct slice){text, LONG});
    look();
    free(text);
    CHECK_EQ(report.verdict, VET_GOOD);
    CHECK_EQ(template.len, LONG / 3 * 4);
    CHECK_EQ(strspn(template.data, "eHh4"), template.len);
    end();
}

TEST(vet_looks_at_every_part)
{
    begin();
    write_file("x-00002-of-00002.gguf", 9, SLICE("two"));
    write_file("x-00001-of-00002.gguf", 3, SLICE("one"));
    look();
    CHECK_EQ(report.verdict, VET_BAD); /* the second */
    write_file("x-00002-of-00002.gguf", 3, SLICE("two"));
    snprintf(path, sizeof path, "%s/x-00001-of-00002.gguf", folder);
    look();
    CHECK_EQ(report.verdict, VET_GOOD);
    end();
}
