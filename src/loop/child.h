/* child: a process of ours: started, listened to, ended.
 *
 * Standard input is /dev/null; standard output and error come line by line to on_line (cut at
 * CHILD_LINE_MAX), or go to /dev/null without one.  The child leads a session and a process group
 * of its own, so that child_kill reaches its children and the terminal's Ctrl-C does not; what it
 * left behind in that group is killed when it ends.  No descriptor of ours but these three reaches
 * it. Asking it to end is child_kill(SIGTERM), and the patience before SIGKILL the caller's.
 *
 * child_free may be called at any moment, inside the callbacks too: the two-move close is inside,
 * and after it no callback comes.  Loop thread only. */
#pragma once
#include "base/str.h"
#include "loop/loop.h"
#include <sys/types.h>

enum { CHILD_LINE_MAX = 4096 };
struct child;
struct child_ops {
    /* Without its line end; the slice is good until the callback returns.  May be NULL. */
    void (*on_line)(void *owner, struct slice line);
    /* Once, after the last line; then only child_free.  signal: 0, or what killed it.  May be NULL.
     */
    void (*on_exit)(void *owner, int64_t exit_status, int signal);
};

/* argv and env end with NULL; env NULL: the parent's.  argv[0] is looked up in the PATH unless it
 * has a slash.  ops is borrowed and must outlive the child. */
NIGH_MUST enum nigh_status child_spawn(struct child **ret_child, struct loop *loop,
                                       const char *const *argv, const char *const *env,
                                       const struct child_ops *ops, void *owner,
                                       struct nigh_err *err);
struct child *child_free(struct child *child); /* kills it if it still runs; NULL is fine */
/* To its whole process group; nothing once it ended. */
void child_kill(struct child *child, int signal);
pid_t child_pid(const struct child *child);
