/* secret: memory for keys: not swapped, in no core dump, between two pages that nobody may touch.
 *
 * libsodium's guarded memory, with what it leaves unsaid looked at here: whether the kernel took
 * the lock (mlock) and the mark against dumps (madvise).  A kernel that allows too little locked
 * memory (RLIMIT_MEMLOCK) is no reason not to run; secret_bare() tells of it, for `nigh doctor`.
 * Any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Zeroed, aligned for any type.  NULL: no memory.  Costs four pages. */
void *secret_new(size_t size);
void *secret_free(void *secret); /* wiped; NULL */
void secret_seal(void *secret);  /* to be read only, from now on */
/* The pages of something that already stands elsewhere, such as a variable of the environment. */
void secret_guard(const void *p, size_t size);
/* How many times the kernel refused a lock or a mark. */
unsigned secret_bare(void);

/* The whole process: no core files, and no other process of the same user reads this one's memory
 * (PR_SET_DUMPABLE).  NIGH_DUMPABLE=1 in the environment leaves both as they were, for a debugger.
 * False: the kernel refused. */
bool secret_process(void);
