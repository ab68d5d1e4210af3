/* parts: the files of one model, and the stamp that tells one state of them from another.
 *
 * A large model is cut into `x-00001-of-00003.gguf` and so on, and named by the first.  Looks at
 * the file system, opens nothing.  Any thread. */
#pragma once
#include "base/err.h"
#include "base/path.h"

enum { PARTS_MAX = 256, STAMP_BYTES = 33 };

unsigned parts_count(const char *path); /* 1 of any other name */
/* The path of part i, from 0. */
NIGH_MUST enum nigh_status parts_path(char ret[static PATH_BYTES], const char *path, unsigned i,
                                      struct nigh_err *err);
/* Another one as soon as a part is another file, has another size, or was written or renamed. */
NIGH_MUST enum nigh_status parts_stamp(char ret[static STAMP_BYTES], const char *path,
                                       struct nigh_err *err);
