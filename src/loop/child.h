/* child: a process of ours: started, listened to, ended.
 *
 * Standard input is /dev/null; standard output and error come line by line to on_line (cut at
 * CHILD_LINE_MAX).  The child gets its own process group, so that child_kill reaches its children;
 * the two-move close is inside: after child_free no callback comes.  Loop thread only. */
#pragma once
#include "base/str.h"
#include "loop/loop.h"
#include <sys/types.h>

enum { CHILD_LINE_MAX = 4096 };
struct child;
struct child_ops {
    void (*on_line)(void *owner, struct slice line);              /* may be NULL */
    void (*on_exit)(void *owner, int64_t exit_status, int signal); /* once; then only child_free */
};

/* argv and env end with NULL; env NULL: the parent's. */
NIGH_MUST enum nigh_status child_spawn(struct child **ret_child, struct loop *loop,
                                       const char *const *argv, const char *const *env,
                                       const struct child_ops *ops, void *owner,
                                       struct nigh_err *err);
struct child *child_free(struct child *child); /* kills it if it still runs; NULL is fine */
void child_kill(struct child *child, int signal);
pid_t child_pid(const struct child *child);
