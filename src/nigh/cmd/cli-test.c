#include "base/tap.h"
#include "nigh/cmd/cli.h"
#include "nigh/cmd/talk.h"
#include "nigh/cmd/term.h"
#include <ctype.h>

static void check_text(const struct command *c, const char *text, bool sentence)
{
    size_t len = strlen(text);

    if (len == 0)
        return;
    printf("# %s: %s\n", c->name, text);
    CHECK(!isspace((unsigned char)text[len - 1]));
    CHECK_EQ(text[len - 1] == '.', sentence);
    CHECK(sentence || !isupper((unsigned char)text[0]) || isupper((unsigned char)text[1]));
    CHECK(!strchr(text, '\t') && !strchr(text, '%'));
}

TEST(commands_are_well_formed)
{
    for (const struct command *c = commands; c->name; c++) {
        unsigned n = 0;
        CHECK(c->run && c->summary && c->about && c->operands);
        CHECK(c->least <= c->most);
        CHECK_EQ(c->most > 0, c->operands[0] != '\0');
        CHECK(command_find(c->name) == c); /* no name stands there twice */
        check_text(c, c->summary, false);
        check_text(c, c->about, true);
        for (const struct cli_option *o = c->options; o && o->name; o++, n++) {
            check_text(c, o->help, false);
            CHECK(strcmp(o->name, "json") != 0 && strcmp(o->name, "help") != 0);
            CHECK_EQ(o->complete == COMPLETE_WORDS, o->words != NULL);
            CHECK(o->value || o->complete == COMPLETE_NOTHING);
        }
        CHECK(n <= CLI_OPTIONS_MAX);
        CHECK(strcspn(c->name, " ") <
              30); /* completion.c keeps first words apart by their neighbours: */
        for (const struct command *other = c + 2; c[0].name && c[1].name && other->name; other++) {
            size_t len = strcspn(c->name, " ") + 1;
            CHECK(!strchr(c->name, ' ') || strncmp(c->name, other->name, len) != 0 ||
                  strncmp(c->name, other[-1].name, len) == 0);
        }
    }
}

TEST(every_text_made_of_the_table_tells_every_command)
{
    static const char *const shells[] = {"bash", "zsh", "fish"};
    CLEANUP(buf_done) struct buf overview = {0}, man = {0}, json = {0};

    help_overview(&overview);
    man_page(&man);
    help_json(&json);
    for (const struct command *c = commands; c->name; c++) {
        CLEANUP(buf_done) struct buf line = {0}, heading = {0};
        buf_printf(&line, "\n  %s ", c->name);
        buf_printf(&heading, ".SS \"nigh %s", c->name);
        CHECK_EQ(strstr(overview.data, line.data) != NULL, !c->hidden);
        CHECK_EQ(strstr(man.data, heading.data) != NULL, !c->hidden);
    }
    for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
        CLEANUP(buf_done) struct buf script = {0};
        CHECK(completion_script(shells[i], &script));
        for (const struct command *c = commands; c->name; c++)
            for (const struct cli_option *o = c->options; o && o->name; o++)
                CHECK(strstr(script.data, o->name));
    }
    CHECK(!completion_script("sh", &overview));
}

TEST(help_lines_fit_a_terminal)
{
    for (const struct command *c = commands; c->name; c++) {
        CLEANUP(buf_done) struct buf text = {0};
        help_command(c, &text);
        struct slice rest = buf_slice(&text);
        while (rest.p) {
            struct slice line = slice_cut(&rest, '\n');
            printf("# %.*s\n", (int)line.len, line.p);
            CHECK(line.len <= 80);
            CHECK(line.len == 0 || line.p[line.len - 1] != ' ');
        }
    }
}

TEST(command_of_finds_the_longest_name)
{
    char *check[] = {"config", "check", "x", NULL}, *ask[] = {"ask", "config", NULL};
    char *none[] = {"config", NULL}, *other[] = {"conf", "check", NULL};
    int words;

    CHECK_STR(command_of(3, check, &words)->name, "config check");
    CHECK_EQ(words, 2);
    CHECK_STR(command_of(2, ask, &words)->name, "ask");
    CHECK_EQ(words, 1);
    CHECK(!command_of(1, none, &words));
    CHECK(!command_of(2, other, &words));
}

TEST(exit_status_says_what_kind_of_failure)
{
    static const struct {
        int http, exit;
    } rows[] = {{400, 1}, {401, 3}, {403, 3}, {404, 1}, {413, 1}, {429, 1}, {500, 1},
                {501, 1}, {502, 1}, {503, 4}, {504, 4}, {418, 1}, {599, 1}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct nigh_err err = {0};
        talk_error(rows[i].http, NULL, &err);
        printf("# %d\n", rows[i].http);
        CHECK_EQ(cli_exit_of(err.status), rows[i].exit);
    }
}

TEST(talk_error_takes_the_nodes_own_words)
{
    static const struct {
        const char *body, *what;
        int http;
        enum nigh_status status;
    } rows[] = {
        {"{\"error\":{\"message\":\"label device\",\"code\":\"denied\"}}", "label device", 403,
         NIGH_DENIED},
        {"{\"error\":{\"message\":\"gone\",\"code\":\"unavailable\"}}", "gone", 200, NIGH_OFFLINE},
        {"{\"error\":{\"message\":\"odd\",\"code\":null}}", "odd", 200, NIGH_UPSTREAM},
        {"{\"error\":\"text\"}", "the node answered HTTP 500 without a reason", 500, NIGH_IO},
        {"[]", "the node answered HTTP 404 without a reason", 404, NIGH_NOTFOUND},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(arena_done) struct arena arena;
        struct nigh_err err = {0};
        yyjson_val *root = NULL;
        arena_init(&arena, 1 << 16);
        CHECK_EQ(json_parse(&root, slice_of(rows[i].body), &arena, NULL), NIGH_OK);
        CHECK_EQ(talk_error(rows[i].http, root, &err), rows[i].status);
        CHECK_STR(err.what, rows[i].what);
    }
}

#define ADDS(add, value, want)                                                                     \
    do {                                                                                           \
        CLEANUP(buf_done) struct buf text_ = {0};                                                  \
        add(&text_, value);                                                                        \
        CHECK_STR(text_.data, want);                                                               \
    } while (0)

TEST(figures_are_told_in_units_that_people_read)
{
    ADDS(term_add_duration, -1, "?");
    ADDS(term_add_duration, 999, "999 us");
    ADDS(term_add_duration, 1500, "1.5 ms");
    ADDS(term_add_duration, 2500000, "2.5 s");
    ADDS(term_add_money, -1, "cost not known");
    ADDS(term_add_money, 0, "free");
    ADDS(term_add_money, 120, "0.000120 USD");
    ADDS(term_add_bytes, -1, "? bytes");
    ADDS(term_add_bytes, 1, "1 byte");
    ADDS(term_add_bytes, 9999, "9999 bytes");
    ADDS(term_add_bytes, 12345, "12.3 kB");
    ADDS(term_add_bytes, 1500000, "1.5 MB");
    ADDS(term_add_bytes, INT64_MAX, "9223372.0 TB");
    ADDS(term_add_age, -5, "0 s");
    ADDS(term_add_age, 61, "1 min 1 s");
    ADDS(term_add_age, 3600, "1 h");
    ADDS(term_add_age, 273600, "3 d 4 h");
}
