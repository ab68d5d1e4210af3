#include "label/imprint.h"

#include "base/tap.h"
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static struct imprints *imprints;
static struct nigh_err err;

static void rm(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (folder[0] && system(command) != 0)
        perror("rm");
}

__attribute__((destructor)) static void sweep(void)
{
    imprints_free(imprints);
    rm();
}

static void fresh(void)
{
    imprints = imprints_free(imprints);
    rm();
    strcpy(folder, "/tmp/nigh-imprint-XXXXXX");
    CHECK(mkdtemp(folder));
    CHECK_EQ(imprints_new(&imprints, folder, &err), NIGH_OK);
}

static struct imprint of(const char *value)
{
    struct imprint ret;

    CHECK(imprint_of_value(imprints, slice_of(value), &ret));
    return ret;
}

static bool alike(const char *a, const char *b)
{
    struct imprint x = of(a), y = of(b);

    return imprint_eq(&x, &y);
}

TEST(imprint_is_of_what_a_value_shows)
{
    fresh();
    CHECK(alike("4111 1111 1111 1111", "4111-1111-1111-1111"));
    CHECK(alike("4111111111111111", "4111\xe2\x80\x8b 1111 1111 1111")); /* zero width */
    CHECK(alike("Ann@Example.org", "ann@example.ORG"));
    CHECK(alike("\xef\xbc\x94\xef\xbc\x91", "41")); /* full width */
    CHECK(!alike("4111 1111 1111 1111", "4111 1111 1111 1112"));
    CHECK(!alike("J\xc3\xbcrgen", "Jurgen"));
    CHECK(!alike("", "x"));
}

TEST(imprint_of_a_rule_is_of_what_it_says)
{
    const struct rule_spec rows[] = {
        {"kids", "bank", "home", 1}, {NULL, "bank", "home", 1},     {"", "bank", "home", 1},
        {"kids", NULL, "home", 1},   {"kids", "bank", "device", 1}, {"kidsb", "ank", "home", 1},
    };
    const struct rule_spec moved = {"kids", "bank", "home", 9};
    struct imprint seen[ARRAY_LEN(rows)], again;

    fresh();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        imprint_of_rule(imprints, &rows[i], &seen[i]);
        for (size_t k = 0; k < i; k++)
            CHECK(!imprint_eq(&seen[i], &seen[k]));
    }
    imprint_of_rule(imprints, &moved, &again);
    CHECK(imprint_eq(&seen[0], &again));
}

TEST(imprint_lasts_and_is_each_nodes_own)
{
    struct imprint first, again, other;
    char path[128];
    struct stat st;

    fresh();
    first = of("secret");
    imprints_free(imprints);
    CHECK_EQ(imprints_new(&imprints, folder, &err), NIGH_OK);
    again = of("secret");
    CHECK(imprint_eq(&first, &again));
    snprintf(path, sizeof path, "%s/imprint.key", folder);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600 && st.st_size == 32);
    fresh();
    other = of("secret");
    CHECK(!imprint_eq(&first, &other));
}

TEST(imprint_without_its_key_is_refused)
{
    char path[128];

    fresh();
    snprintf(path, sizeof path, "%s/imprint.key", folder);
    CHECK_EQ(truncate(path, 31), 0);
    imprints = imprints_free(imprints);
    CHECK_EQ(imprints_new(&imprints, folder, &err), NIGH_IO);
    CHECK(!imprints);
}

TEST(imprint_reads_what_it_writes)
{
    char text[IMPRINT_TEXT_BYTES];
    struct imprint one, two;

    fresh();
    one = of("x");
    imprint_text(&one, text);
    CHECK(imprint_parse(&two, slice_of(text)) && imprint_eq(&one, &two));
    CHECK(!imprint_parse(&two, SLICE("")));
    CHECK(!imprint_parse(&two, (struct slice){0}));
    text[31] = 'g';
    CHECK(!imprint_parse(&two, slice_of(text)));
}
