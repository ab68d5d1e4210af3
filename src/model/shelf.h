/* shelf: the folder of models, and what a model's name means there.
 *
 * A name is the name of a file without `.gguf`.  No name leads out of the folder: one with a slash
 * is none, and the kernel is told to stay beneath it (openat2 with RESOLVE_BENEATH), so that a
 * symbolic link in it that points elsewhere is refused too, also when it is put there meanwhile
 * (THREATS.md row 13).  Opens nothing for reading.  Any thread. */
#pragma once
#include "base/err.h"
#include "base/path.h"

enum { SHELF_NAME_BYTES_MAX = 250 }; /* a file's name has 255, of which `.gguf` takes five */

/* The file of a model's name, into ret.  NIGH_INVALID: no name; NIGH_NOTFOUND, NIGH_DENIED: what
 * the text says, which names the key of the config that asked, `engine.model`. */
NIGH_MUST enum nigh_status shelf_find(char ret[static PATH_BYTES], const char *folder,
                                      const char *name, struct nigh_err *err);
/* The only model there is. */
NIGH_MUST enum nigh_status shelf_only(char ret[static PATH_BYTES], const char *folder,
                                      struct nigh_err *err);
