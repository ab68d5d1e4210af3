#include "nigh/local_key.h"

#include "base/tap.h"
#include <sys/stat.h>
#include <unistd.h>

TEST(what_is_made_is_read_back_and_private)
{
    char dir[] = "/tmp/nigh-local-XXXXXX", path[PATH_BYTES];
    struct local_key made, read;
    struct nigh_err err = {0};
    struct stat st;

    CHECK(mkdtemp(dir) != NULL);
    CHECK_EQ(local_key_read(&read, dir, &err), NIGH_NOTFOUND);
    CHECK_EQ(local_key_make(&made, dir, "::1", 6444, NULL), NIGH_OK);
    CHECK_STR(made.address, "[::1]:6444");
    CHECK_EQ(local_key_read(&read, dir, NULL), NIGH_OK);
    CHECK_STR(read.text, made.text);
    CHECK_STR(read.address, made.address);
    CHECK_EQ(read.pid, getpid());
    CHECK(local_key_is(&made, slice_of(read.text)));
    CHECK(!local_key_is(&made, SLICE("nigh_local_")));
    CHECK(!local_key_is(&made, SLICE("")));
    CHECK_EQ(path_join(path, dir, "local.json", NULL), NIGH_OK);
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    local_key_remove(dir);
    CHECK_EQ(rmdir(dir), 0);
}

TEST(two_starts_have_two_keys)
{
    char dir[] = "/tmp/nigh-local-XXXXXX";
    struct local_key first, second;

    CHECK(mkdtemp(dir) != NULL);
    CHECK_EQ(local_key_make(&first, dir, "127.0.0.1", 1, NULL), NIGH_OK);
    CHECK_EQ(local_key_make(&second, dir, "127.0.0.1", 1, NULL), NIGH_OK);
    CHECK(!local_key_is(&second, slice_of(first.text)));
    local_key_remove(dir);
    rmdir(dir);
}
