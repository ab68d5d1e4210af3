#include "base/fault.h"
#include "base/path.h"
#include "base/tap.h"
#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static char place[PATH_BYTES];

/* A fresh folder, reached by the tests below as dir/name. */
static const char *fresh(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(place, sizeof place, "%s/nigh-path-XXXXXX", tmp ? tmp : P_tmpdir);
    CHECK(mkdtemp(place) != NULL);
    return place;
}

static const char *in(const char *name)
{
    static char text[PATH_BYTES + 256];

    snprintf(text, sizeof text, "%s/%s", place, name);
    return text;
}

static int files_in(const char *dir)
{
    DIR *d = opendir(dir);
    int n = 0;

    CHECK(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void sweep(void)
{
    char command[PATH_BYTES + 64];

    snprintf(command, sizeof command, "rm -rf '%s'", place);
    CHECK_EQ(system(command), 0);
}

TEST(path_join_rows)
{
    static const struct {
        const char *dir, *name, *want;
    } rows[] = {
        {"a", "b", "a/b"}, {"/", "b", "/b"}, {"a/", "b", "a/b"}, {"a", "", "a"}, {"", "b", "b"},
    };
    char path[PATH_BYTES], longest[PATH_BYTES + 2];
    struct nigh_err err = {0};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_EQ(path_join(path, rows[i].dir, rows[i].name, NULL), NIGH_OK);
        CHECK_STR(path, rows[i].want);
    }
    CHECK_EQ(path_join(path, "one", "two", NULL), NIGH_OK);
    CHECK_EQ(path_join(path, path, "three", NULL), NIGH_OK); /* onto itself */
    CHECK_STR(path, "one/two/three");
    memset(longest, 'x', sizeof longest);
    longest[PATH_BYTES - 3] = '\0'; /* with "/y" and the NUL it just fits */
    CHECK_EQ(path_join(path, longest, "y", NULL), NIGH_OK);
    CHECK_EQ(strlen(path), PATH_BYTES - 1);
    CHECK_EQ(path_join(path, longest, "yy", &err), NIGH_TOOBIG);
    CHECK_STR(err.what, "a path has more than 4095 bytes");
}

static void env_clear(void)
{
    static const char *const names[] = {"XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME",
                                        "NIGH_STATE", "HOME"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unsetenv(names[i]);
}

static void places(bool root)
{
    char path[PATH_BYTES];
    struct nigh_err err = {0};

    env_clear();
    setenv("HOME", "/h", 1);
    setenv("XDG_CONFIG_HOME", "relative", 1); /* to be ignored */
    CHECK_EQ(path_config(path, NULL), NIGH_OK);
    CHECK_STR(path, root ? "/etc/nigh" : "/h/.config/nigh");
    CHECK_EQ(path_state(path, NULL), NIGH_OK);
    CHECK_STR(path, root ? "/var/lib/nigh" : "/h/.local/state/nigh");
    CHECK_EQ(path_models(path, NULL), NIGH_OK);
    CHECK_STR(path, root ? "/var/lib/nigh/models" : "/h/.local/share/nigh/models");

    setenv("XDG_CONFIG_HOME", "/c", 1);
    setenv("XDG_STATE_HOME", "/s", 1);
    setenv("XDG_DATA_HOME", "/d", 1);
    CHECK_EQ(path_config(path, NULL), NIGH_OK);
    CHECK_STR(path, "/c/nigh");
    CHECK_EQ(path_state(path, NULL), NIGH_OK);
    CHECK_STR(path, "/s/nigh");
    CHECK_EQ(path_models(path, NULL), NIGH_OK);
    CHECK_STR(path, "/d/nigh/models");
    setenv("NIGH_STATE", "/n", 1);
    CHECK_EQ(path_state(path, NULL), NIGH_OK);
    CHECK_STR(path, "/n");

    env_clear();
    CHECK_EQ(path_config(path, &err), root ? NIGH_OK : NIGH_INVALID);
    CHECK_STR(err.what, root ? "" : "neither HOME nor XDG_CONFIG_HOME is set to an absolute path");
}

TEST(path_places_follow_xdg)
{
    places(geteuid() == 0);
}

TEST(path_places_of_an_ordinary_user)
{
    enum { NOBODY = 65534 };

    if (geteuid() != 0)
        SKIP("we are one, as the test before saw");
    CHECK_EQ(seteuid(NOBODY), 0);
    places(false); /* when this fails, the tests after it run as nobody: no harm */
    CHECK_EQ(seteuid(0), 0);
}

TEST(path_make_private_is_private)
{
    struct stat st;
    struct nigh_err err = {0};

    fresh();
    CHECK_EQ(chmod(place, 0755), 0);
    CHECK_EQ(path_make_private(in("a/b//c/"), NULL), NIGH_OK);
    CHECK_EQ(stat(in("a"), &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0700);
    CHECK_EQ(stat(in("a/b/c"), &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0700);
    CHECK_EQ(stat(place, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0755); /* what was there stays as it was */
    CHECK_EQ(path_make_private(in("a/b/c"), NULL), NIGH_OK);
    CHECK_EQ(path_write(in("file"), SLICE("x"), NULL), NIGH_OK);
    CHECK_EQ(path_make_private(in("file/d"), &err), NIGH_IO);
    CHECK(strstr(err.what, "file: Not a directory"));
    CHECK_EQ(path_make_private("", NULL), NIGH_IO);
    sweep();
}

TEST(path_write_then_read)
{
    static char big[100000];
    struct buf b = {0};
    struct stat st;

    fresh();
    memset(big, 'b', sizeof big);
    CHECK(!path_exists(in("f")));
    CHECK_EQ(path_read(&b, in("f"), 10, NULL), NIGH_NOTFOUND);
    CHECK_EQ(path_write(in("f"), (struct slice){big, sizeof big}, NULL), NIGH_OK);
    CHECK(path_exists(in("f")));
    CHECK_EQ(stat(in("f"), &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    CHECK_EQ(files_in(place), 1);
    CHECK_EQ(path_read(&b, in("f"), sizeof big, NULL), NIGH_OK);
    CHECK(slice_eq(buf_slice(&b), (struct slice){big, sizeof big}));
    buf_reset(&b);
    buf_add_cstr(&b, "kept");
    CHECK_EQ(path_read(&b, in("f"), sizeof big - 1, NULL), NIGH_TOOBIG);
    CHECK_STR(b.data, "kept");
    CHECK_EQ(path_read(&b, place, 10, NULL), NIGH_IO); /* a folder */
    CHECK_STR(b.data, "kept");
    buf_done(&b);

    CHECK_EQ(path_write(in("f"), SLICE(""), NULL), NIGH_OK);
    CHECK_EQ(path_read(&b, in("f"), 0, NULL), NIGH_OK);
    CHECK_STR(b.data, "");
    buf_done(&b);

    struct buf small = {.max_bytes = 3};
    CHECK_EQ(path_write(in("f"), SLICE("123"), NULL), NIGH_OK);
    CHECK_EQ(path_read(&small, in("f"), 3, NULL), NIGH_OK);
    CHECK_STR(small.data, "123");
    CHECK_EQ(path_read(&small, in("f"), 3, NULL), NIGH_NOMEM);
    buf_done(&small);
    sweep();
}

TEST(path_write_replaces_a_link)
{
    struct stat st;

    fresh();
    CHECK_EQ(path_write(in("victim"), SLICE("old"), NULL), NIGH_OK);
    CHECK_EQ(symlink("victim", in("link")), 0);
    CHECK_EQ(path_write(in("link"), SLICE("new"), NULL), NIGH_OK);
    CHECK_EQ(lstat(in("link"), &st), 0);
    CHECK(S_ISREG(st.st_mode));
    struct buf b = {0};
    CHECK_EQ(path_read(&b, in("victim"), 10, NULL), NIGH_OK);
    CHECK_STR(b.data, "old");
    buf_done(&b);
    sweep();
}

TEST(path_write_refuses)
{
    char longest[PATH_BYTES];
    struct nigh_err err = {0};

    fresh();
    CHECK_EQ(path_write(in("none/f"), SLICE("x"), &err), NIGH_IO);
    CHECK(strstr(err.what, "No such file or directory"));
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    CHECK_EQ(path_write(longest, SLICE("x"), NULL), NIGH_TOOBIG);
    CHECK_EQ(mkdir(in("folder"), 0700), 0);
    CHECK_EQ(path_write(in("folder"), SLICE("x"), NULL), NIGH_IO);
    CHECK_EQ(files_in(place), 1);
    sweep();
}

TEST(path_write_without_folder)
{
    char before[PATH_BYTES];

    fresh();
    CHECK(getcwd(before, sizeof before));
    CHECK_EQ(chdir(place), 0);
    CHECK_EQ(path_write("bare", SLICE("x"), NULL), NIGH_OK);
    CHECK(path_exists(in("bare")));
    CHECK_EQ(chdir(before), 0);
    sweep();
}

TEST(path_write_is_all_or_nothing)
{
    static const enum fault kinds[] = {FAULT_WRITE, FAULT_OPEN};

    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        bool hit = true;
        for (int nth = 1; hit; nth++) {
            struct buf b = {0};
            struct nigh_err err = {0};
            fresh();
            CHECK_EQ(path_write(in("f"), SLICE("old"), NULL), NIGH_OK);
            fault_arm(kinds[k], nth);
            enum nigh_status status = path_write(in("f"), SLICE("new"), &err);
            hit = fault_disarm();
            CHECK_EQ(status, hit ? NIGH_IO : NIGH_OK);
            CHECK_EQ(files_in(place), 1);
            CHECK_EQ(path_read(&b, in("f"), 10, NULL), NIGH_OK);
            if (!hit)
                CHECK_STR(b.data, "new");
            else if (!strstr(err.what, "sync folder")) /* by then the new bytes stand there */
                CHECK_STR(b.data, "old");
            buf_done(&b);
            sweep();
        }
    }
}

TEST(path_read_survives_faults)
{
    static const enum fault kinds[] = {FAULT_READ, FAULT_OPEN, FAULT_ALLOC};
    static char big[100000];

    fresh();
    CHECK_EQ(path_write(in("f"), (struct slice){big, sizeof big}, NULL), NIGH_OK);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        bool hit = true;
        for (int nth = 1; hit; nth++) {
            struct buf b = {0};
            fault_arm(kinds[k], nth);
            enum nigh_status status = path_read(&b, in("f"), sizeof big, NULL);
            hit = fault_disarm();
            CHECK_EQ(status != NIGH_OK, hit);
            CHECK_EQ(b.len, hit ? 0 : sizeof big);
            buf_done(&b);
        }
    }
    sweep();
}
