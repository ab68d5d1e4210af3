#include "model/parts.h"

#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>

enum { TAIL = sizeof "-00001-of-00003.gguf" - 1, DIGITS = 5 };

static bool digits(const char *p, unsigned *ret)
{
    uint64_t n;

    if (!slice_u64((struct slice){p, DIGITS}, &n))
        return false;
    *ret = (unsigned)n;
    return true;
}

unsigned parts_count(const char *path)
{
    size_t len = strlen(path);
    const char *tail = path + len - TAIL;
    unsigned first, n;

    if (len <= TAIL || tail[0] != '-' || memcmp(tail + 6, "-of-", 4) != 0 ||
        strcmp(tail + 15, ".gguf") != 0 || !digits(tail + 1, &first) || !digits(tail + 10, &n))
        return 1;
    return first == 1 && n > 1 && n <= PARTS_MAX ? n : 1;
}

enum nigh_status parts_path(char ret[static PATH_BYTES], const char *path, unsigned i,
                            struct nigh_err *err)
{
    size_t len = strlen(path);

    if (len >= PATH_BYTES)
        return nigh_fail(err, NIGH_TOOBIG, "%.100s...: too long for a path", path);
    memcpy(ret, path, len + 1);
    if (i > 0) { /* parts_count() saw that the number stands there */
        char number[12];
        snprintf(number, sizeof number, "%05u", i + 1);
        memcpy(ret + len - TAIL + 1, number, DIGITS);
    }
    return NIGH_OK;
}

enum nigh_status parts_stamp(char ret[static STAMP_BYTES], const char *path, struct nigh_err *err)
{
    crypto_generichash_state hash;
    unsigned char digest[16];
    char part[PATH_BYTES];
    struct stat st;

    crypto_generichash_init(&hash, NULL, 0, sizeof digest);
    for (unsigned i = 0, n = parts_count(path); i < n; i++) {
        enum nigh_status status = parts_path(part, path, i, err);
        if (status != NIGH_OK)
            return status;
        if (stat(part, &st) != 0)
            return nigh_fail(err, NIGH_NOTFOUND, "model %.200s: %m", part);
        const int64_t facts[] = {(int64_t)st.st_dev, (int64_t)st.st_ino, (int64_t)st.st_size,
                                 st.st_mtim.tv_sec,  st.st_mtim.tv_nsec, st.st_ctim.tv_sec,
                                 st.st_ctim.tv_nsec};
        crypto_generichash_update(&hash, (const unsigned char *)facts, sizeof facts);
    }
    crypto_generichash_final(&hash, digest, sizeof digest);
    sodium_bin2hex(ret, STAMP_BYTES, digest, sizeof digest);
    return NIGH_OK;
}
