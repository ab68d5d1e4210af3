#include "engine/lines.h"

#include "base/tap.h"

static void add(struct lines *l, const char *line)
{
    lines_add(l, slice_of(line));
}

TEST(lines_keep_no_words_of_users)
{
    static const struct {
        const char *line, *want; /* NULL: nothing */
    } rows[] = {
        {"0.00.084.773 I slot      release: id  0 | task 0 | stop processing: n_tokens = 60",
         "0.00.084.773 I slot      release: id  0 | task 0 | stop processing: n_tokens = 60"},
        {"0.01.000.001 E srv    operator(): got exception: {\"error\":{\"message\":\"secret\"}}",
         "0.01.000.001 E srv    operator(): got exception:  ..."},
        {"0.01.000.001 W srv    parse error near 'secret'",
         "0.01.000.001 W srv    parse error near  ..."},
        {"parse: error parsing grammar: unknown rule at secret", NULL},
        {"root ::= secret", NULL},
        {"secret", NULL},
        {"", NULL},
        {"12 secret", NULL},
        {"/src/ggml.c:9: GGML_ASSERT(n > 0) failed", "/src/ggml.c:9: GGML_ASSERT(n > 0) failed"},
        {"0.01.000.001 I caf\xc3\xa9", "0.01.000.001 I caf ..."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct lines l = {.serving = true};
        add(&l, rows[i].line);
        CHECK_EQ(l.withheld, !rows[i].want);
        char got[256];
        struct slice last = lines_last(&l);
        snprintf(got, sizeof got, "%.*s", (int)last.len, last.p ? last.p : "");
        CHECK_STR(got, rows[i].want ? rows[i].want : "");
        CHECK(!last.p || !memmem(last.p, last.len, "secret", 6));
        lines_done(&l);
    }
}

TEST(lines_keep_everything_before_the_first_turn)
{
    struct lines l = {0};
    add(&l, "error: cannot open 'model.gguf'");
    CHECK(slice_is(lines_last(&l), "error: cannot open 'model.gguf'"));
    lines_done(&l);
}

TEST(lines_are_a_ring)
{
    struct lines l = {0};
    char line[2000];
    for (int i = 0; i < 5000; i++) {
        int n = snprintf(line, sizeof line, "line %d ", i);
        memset(line + n, 'x', (size_t)(i % 1500));
        line[n + i % 1500] = 0;
        add(&l, line);
        CHECK(l.kept.len <= LINES_BYTES_MAX);
        CHECK(!l.kept.failed);
    }
    CHECK(strncmp(l.kept.data, "line ", 5) == 0); /* begins with a whole one */
    CHECK(strncmp(lines_last(&l).p, "line 4999 ", 10) == 0);
    CHECK(l.kept.len > LINES_BYTES_MAX / 2);
    lines_done(&l);
}
