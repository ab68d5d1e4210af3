/* path: where nigh keeps things, and how files are written whole or not at all.  Any thread. */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>

enum { PATH_BYTES = 4096 };

/* XDG Base Directory places with nigh's folder appended; as root without the variables set:
 * /etc/nigh, /var/lib/nigh, /var/lib/nigh/models. $NIGH_STATE overrides the state folder.  A
 * variable that does not hold an absolute path is ignored.  Nothing is made: see path_make_private.
 */
NIGH_MUST enum nigh_status path_config(char ret[static PATH_BYTES], struct nigh_err *err);
NIGH_MUST enum nigh_status path_state(char ret[static PATH_BYTES], struct nigh_err *err);
NIGH_MUST enum nigh_status path_models(char ret[static PATH_BYTES], struct nigh_err *err);

/* dir/name into ret, which may be dir itself; refuses what does not fit. */
NIGH_MUST enum nigh_status path_join(char ret[static PATH_BYTES], const char *dir, const char *name,
                                     struct nigh_err *err);
/* Makes dir and its parents, each new one private (0700). */
NIGH_MUST enum nigh_status path_make_private(const char *dir, struct nigh_err *err);
/* Replaces path with these bytes by way of a temporary file, fsync and rename; mode 0600.  After an
 * error the old bytes or the new ones stand there, never a mixture; no temporary file stays. */
NIGH_MUST enum nigh_status path_write(const char *path, struct slice bytes, struct nigh_err *err);
/* Appends a whole file of at most max_bytes to the caller's buffer; after an error nothing was
 * appended.  NIGH_NOTFOUND: no such file.  NIGH_TOOBIG: it is bigger. */
NIGH_MUST enum nigh_status path_read(struct buf *ret, const char *path, size_t max_bytes,
                                     struct nigh_err *err);
bool path_exists(const char *path);
