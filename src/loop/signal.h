/* signal: SIGTERM, SIGINT, SIGHUP and friends as callbacks on the loop.  Loop thread only. */
#pragma once
#include "loop/loop.h"

struct sig;
NIGH_MUST enum nigh_status sig_watch(struct sig **ret_sig, struct loop *loop, int signum,
                                     void (*fn)(void *owner, int signum), void *owner,
                                     struct nigh_err *err);
/* Also from inside fn.  After it no callback comes; the last one for a signal gives the signal its
 * default back. */
struct sig *sig_free(struct sig *sig);
