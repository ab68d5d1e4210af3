#include "base/tap.h"
#include "model/digest.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(digest_takes_one_shape_alone)
{
    static const struct {
        struct slice digest;
        bool good;
    } rows[] = {
        {SLICE("sha256:" HEX64), true},
        {SLICE(""), false},
        {SLICE("sha256:"), false},
        {SLICE(HEX64), false},
        {SLICE("sha256-" HEX64), false},
        {SLICE("SHA256:" HEX64), false},
        {SLICE("sha512:" HEX64), false},
        {SLICE("sha256:" HEX64 "0"), false},
        {SLICE("sha256:" HEX64 "\n"), false},
        {SLICE("sha256:" HEX64 "\0"), false},
        {SLICE(" sha256:" HEX64), false},
        {SLICE("sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"), false},
        {SLICE("sha256:../../../../../../../../../../../../../../../../../../../etc/passwd"),
         false},
        {SLICE("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abc/.."), false},
        {SLICE("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\0"), false},
        {SLICE("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\xc3\xa9"),
         false},
        {SLICE("sha256:%2e%2e%2f456789abcdef0123456789abcdef0123456789abcdef0123456789ab"), false},
    };
    char name[DIGEST_FILE_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_EQ(digest_ok(rows[i].digest), rows[i].good);
        CHECK_EQ(digest_file(name, rows[i].digest, NULL), rows[i].good ? NIGH_OK : NIGH_INVALID);
    }
    CHECK_EQ(digest_file(name, rows[0].digest, NULL), NIGH_OK);
    CHECK_STR(name, "sha256-" HEX64);
}
