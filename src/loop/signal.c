#include "loop/signal.h"
#include "base/fault.h"
#include <stdlib.h>

struct sig {
    uv_signal_t uv;
    void (*fn)(void *owner, int signum);
    void *owner;
};

static void on_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF(handle, struct sig, uv));
}

static void on_signal(uv_signal_t *uv, int signum)
{
    struct sig *sig = CONTAINER_OF(uv, struct sig, uv);

    sig->fn(sig->owner, signum);
}

enum nigh_status sig_watch(struct sig **ret_sig, struct loop *loop, int signum,
                           void (*fn)(void *owner, int signum), void *owner, struct nigh_err *err)
{
    struct sig *sig = fault_hit(FAULT_ALLOC) ? NULL : malloc(sizeof *sig);

    if (!sig)
        return nigh_fail(err, NIGH_NOMEM, "no memory for a signal");
    *sig = (struct sig){.fn = fn, .owner = owner};
    int rc = fault_hit(FAULT_OPEN) ? UV_EMFILE : uv_signal_init(loop_uv(loop), &sig->uv);
    if (rc != 0) {
        free(sig); /* not yet known to the loop */
        return nigh_fail(err, NIGH_IO, "watch signal %d: %s", signum, uv_strerror(rc));
    }
    rc = uv_signal_start(&sig->uv, on_signal, signum);
    if (rc != 0) {
        sig_free(sig);
        return nigh_fail(err, NIGH_INVALID, "watch signal %d: %s", signum, uv_strerror(rc));
    }
    *ret_sig = sig;
    return NIGH_OK;
}

struct sig *sig_free(struct sig *sig)
{
    if (sig)
        uv_close((uv_handle_t *)&sig->uv, on_closed);
    return NULL;
}
