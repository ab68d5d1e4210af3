/* digest: a digest as model registries write it, before it becomes part of any path.
 *
 * Ollama took `../../etc/passwd` for one (CVE-2024-37032): whoever makes a path of what came from
 * outside asks here first.  Pure: any thread. */
#pragma once
#include "base/err.h"
#include "base/str.h"

enum { DIGEST_FILE_BYTES = 72 }; /* "sha256-", 64 hex digits, NUL */

/* Exactly `sha256:` and 64 digits of lower-case hexadecimal, nothing before or behind. */
bool digest_ok(struct slice digest);
/* The name of its file in the store, `sha256-...`; NIGH_INVALID unless digest_ok. */
NIGH_MUST enum nigh_status digest_file(char ret[static DIGEST_FILE_BYTES], struct slice digest,
                                       struct nigh_err *err);
