#include "base/tap.h"
#include "model/shelf.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64], folder[96];

static void in(char ret[static 160], const char *dir, const char *name)
{
    snprintf(ret, 160, "%s/%s", dir, name);
}

static void touch(const char *dir, const char *name)
{
    char path[160];

    in(path, dir, name);
    FILE *f = fopen(path, "we");
    CHECK(f != NULL);
    fclose(f);
}

static void link_as(const char *name, const char *to)
{
    char path[160];

    in(path, folder, name);
    CHECK(symlink(to, path) == 0);
}

static void open_shelf(void)
{
    strcpy(root, P_tmpdir "/nigh-shelf-XXXXXX");
    CHECK(mkdtemp(root) != NULL);
    snprintf(folder, sizeof folder, "%s/models", root);
    CHECK(mkdir(folder, 0700) == 0);
    touch(root, "outside.gguf");
    touch(folder, "good.gguf");
}

static void close_shelf(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", root);
    CHECK(system(command) == 0);
}

TEST(shelf_finds_what_is_beneath_it)
{
    char path[PATH_BYTES], want[160], outside[160];
    struct nigh_err err = {0};

    open_shelf();
    CHECK_EQ(shelf_only(path, folder, &err), NIGH_OK);
    in(want, folder, "good.gguf");
    CHECK_STR(path, want);
    link_as("same.gguf", "good.gguf");
    CHECK_EQ(shelf_find(path, folder, "same", &err), NIGH_OK);
    CHECK_EQ(shelf_only(path, folder, NULL), NIGH_NOTFOUND); /* two by now */
    link_as("up.gguf", "../outside.gguf");
    in(outside, root, "outside.gguf");
    link_as("away.gguf", outside);
    link_as("round.gguf", "../models/good.gguf"); /* it comes back, but by way of outside */
    link_as("fd.gguf", "/proc/self/fd/0");
    static const char *const escapes[] = {"up", "away", "round", "fd"};
    for (size_t i = 0; i < ARRAY_LEN(escapes); i++)
        CHECK_EQ(shelf_find(path, folder, escapes[i], NULL), NIGH_DENIED);
    close_shelf();
}

TEST(shelf_takes_no_path_for_a_name)
{
    static const char *const names[] = {
        "",
        ".",
        "..",
        "../outside",
        "/etc/passwd",
        "good/../good",
        ".gguf",
        "./good",
        "good/",
        "..%2foutside",
        "good.gguf",
        "GOOD",
        "good ",
        "models/good",
        "\xc0\xae\xc0\xae/outside",
    };
    char path[PATH_BYTES], longest[300];
    struct nigh_err err;

    open_shelf();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        err = (struct nigh_err){0};
        if (shelf_find(path, folder, names[i], &err) == NIGH_OK)
            TAP_FAIL("`%s` was found", names[i]);
        CHECK(err.what[0]);
    }
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CHECK_EQ(shelf_find(path, folder, longest, NULL), NIGH_INVALID);
    in(longest, folder, "folder.gguf");
    CHECK(mkdir(longest, 0700) == 0);
    CHECK_EQ(shelf_find(path, folder, "folder", NULL), NIGH_NOTFOUND);
    close_shelf();
}
