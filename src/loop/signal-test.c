#include "base/fault.h"
#include "base/tap.h"
#include "loop/signal.h"
#include <signal.h>
#include <unistd.h>

struct watch {
    struct loop *loop;
    struct sig *sig;
    int heard, signum;
};

static void on_heard(void *owner, int signum)
{
    struct watch *watch = owner;

    watch->heard++;
    watch->signum = signum;
    loop_stop(watch->loop);
}

static void on_heard_once(void *owner, int signum)
{
    struct watch *watch = owner;

    on_heard(owner, signum);
    watch->sig = sig_free(watch->sig);
}

TEST(signal_is_heard)
{
    struct watch hup = {0}, term = {0};

    CHECK_EQ(loop_new(&hup.loop, NULL), NIGH_OK);
    term.loop = hup.loop;
    CHECK_EQ(sig_watch(&hup.sig, hup.loop, SIGHUP, on_heard, &hup, NULL), NIGH_OK);
    CHECK_EQ(sig_watch(&term.sig, hup.loop, SIGTERM, on_heard_once, &term, NULL), NIGH_OK);
    kill(getpid(), SIGHUP);
    loop_run(hup.loop);
    kill(getpid(), SIGHUP);
    loop_run(hup.loop);
    kill(getpid(), SIGTERM);
    loop_run(hup.loop);
    CHECK_EQ(hup.heard, 2);
    CHECK_EQ(hup.signum, SIGHUP);
    CHECK_EQ(term.heard, 1);
    CHECK(term.sig == NULL);
    hup.sig = sig_free(hup.sig);
    CHECK(sig_free(NULL) == NULL);
    loop_free(hup.loop);
}

TEST(signal_refuses)
{
    struct loop *loop;
    struct sig *sig = NULL;
    struct nigh_err err = {0};
    bool hit = true;

    CHECK_EQ(loop_new(&loop, NULL), NIGH_OK);
    CHECK_EQ(sig_watch(&sig, loop, SIGKILL, on_heard, NULL, &err), NIGH_INVALID);
    CHECK_STR(err.what, "watch signal 9: invalid argument");
    for (int nth = 1; hit; nth++) {
        fault_arm(nth % 2 ? FAULT_ALLOC : FAULT_OPEN, (nth + 1) / 2);
        enum nigh_status status = sig_watch(&sig, loop, SIGUSR1, on_heard, NULL, NULL);
        hit = fault_disarm();
        CHECK_EQ(status != NIGH_OK, hit);
        if (!hit)
            sig_free(sig);
    }
    loop_free(loop);
}
