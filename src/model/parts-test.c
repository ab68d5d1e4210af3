#include "base/tap.h"
#include "model/parts.h"

#include <stdlib.h>
#include <unistd.h>

TEST(parts_are_counted_by_the_name)
{
    static const struct {
        const char *path;
        unsigned n;
    } rows[] = {
        {"", 1},
        {"x.gguf", 1},
        {"-00001-of-00003.gguf", 1}, /* no name before it */
        {"/m/x-00001-of-00003.gguf", 3},
        {"/m/x-00002-of-00003.gguf", 1}, /* not the first: as it is */
        {"/m/x-00001-of-00001.gguf", 1},
        {"/m/x-00001-of-99999.gguf", 1},
        {"/m/x-0000a-of-00003.gguf", 1},
        {"/m/x-00001-of-00003.ggml", 1},
    };
    char path[PATH_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_EQ(parts_count(rows[i].path), rows[i].n);
    CHECK_EQ(parts_path(path, "/m/x-00001-of-00003.gguf", 2, NULL), NIGH_OK);
    CHECK_STR(path, "/m/x-00003-of-00003.gguf");
    CHECK_EQ(parts_path(path, "/m/x-00001-of-00003.gguf", 0, NULL), NIGH_OK);
    CHECK_STR(path, "/m/x-00001-of-00003.gguf");
}

static char folder[64];

static const char *file(const char *name, const char *text)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "we");
    CHECK(f != NULL);
    fputs(text, f);
    fclose(f);
    return path;
}

TEST(parts_stamp_changes_with_any_part)
{
    char a[STAMP_BYTES], b[STAMP_BYTES], first[128];
    struct nigh_err err = {0};

    strcpy(folder, P_tmpdir "/nigh-parts-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    file("x-00002-of-00002.gguf", "two");
    strcpy(first, file("x-00001-of-00002.gguf", "one"));
    CHECK_EQ(parts_stamp(a, first, &err), NIGH_OK);
    CHECK_EQ(parts_stamp(b, first, &err), NIGH_OK);
    CHECK_STR(a, b);
    file("x-00002-of-00002.gguf", "more");
    CHECK_EQ(parts_stamp(b, first, &err), NIGH_OK);
    CHECK(strcmp(a, b) != 0);
    unlink(file("x-00002-of-00002.gguf", ""));
    CHECK_EQ(parts_stamp(b, first, &err), NIGH_NOTFOUND);
    unlink(first);
    CHECK(rmdir(folder) == 0);
}
