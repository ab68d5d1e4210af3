#include "model/digest.h"

#include <stdio.h>

enum { SCHEME = 7, HEX = 64 };

bool digest_ok(struct slice digest)
{
    if (digest.len != SCHEME + HEX || !slice_starts(digest, SLICE("sha256:")))
        return false;
    for (size_t i = SCHEME; i < digest.len; i++) {
        char c = digest.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

enum nigh_status digest_file(char ret[static DIGEST_FILE_BYTES], struct slice digest,
                             struct nigh_err *err)
{
    if (!digest_ok(digest))
        return nigh_fail(err, NIGH_INVALID,
                         "a digest is `sha256:` and 64 digits of lower-case hexadecimal");
    snprintf(ret, DIGEST_FILE_BYTES, "sha256-%.*s", HEX, digest.p + SCHEME);
    return NIGH_OK;
}
