#include "engine/admit.h"

#include "base/clock.h"
#include "base/log.h"
#include "engine/canary.h"
#include "engine/proc.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>

/* ---- the process's own work ---- */

static uint64_t grown(uint64_t now, uint64_t from)
{
    return now > from ? now - from : 0;
}

static uint64_t worked_ms(const struct admit *a)
{
    return grown(proc_work_ms(a->pid), a->from_work_ms);
}

static void judged(struct admit *a, const char *what);

/* Nothing else of the process takes memory meanwhile; and while it starts, nothing else works. */
static void on_look(struct timer *timer)
{
    struct admit *a = CONTAINER_OF(timer, struct admit, look);
    bool late = !a->call && clock_mono_us() - a->from_us > ADMIT_TRIAL_MS * UINT64_C(1000);

    if (grown(proc_own_bytes(a->pid), a->from_bytes) > ADMIT_BYTES_MAX)
        judged(a, "takes memory without end");
    else if (late && worked_ms(a) > ADMIT_WORK_MS)
        judged(a, "does not come to an end");
    else if (timer_arm(a->loop, &a->look, ADMIT_LOOK_MS, on_look, NULL) != NIGH_OK)
        a->done(a, "out of memory");
}

/* pid 0: no more. */
static void watch(struct admit *a, int pid)
{
    timer_disarm(a->loop, &a->look);
    a->pid = pid;
    if (pid == 0)
        return;
    a->from_us = clock_mono_us();
    a->from_work_ms = proc_work_ms(pid);
    a->from_bytes = proc_own_bytes(pid);
    (void)!timer_arm(a->loop, &a->look, ADMIT_LOOK_MS, on_look, NULL); /* the call has its clock */
}

/* ---- the files ---- */

static void refuse(struct admit *a, const char *why)
{
    struct nigh_err err = {0};

    a->refused = a->model_path;
    trust_refuse(a->trust, a->model_path, why);
    nigh_fail(&err, NIGH_DENIED, "%s: %s", a->to->dest.place, why);
    log_err(LOG_WARN, "admit", "a model is refused", &err);
}

static void vet_freep(struct vet **vet)
{
    vet_free(*vet);
}

static void on_vetted(void *owner, const struct vet_report *report)
{
    struct admit *a = owner;
    char stamp[STAMP_BYTES], why[ADMIT_WHY_BYTES];
    struct nigh_err err = {0};
    CLEANUP(vet_freep) struct vet *vet = TAKE(a->vet); /* the report is in it */

    assert(vet);
    snprintf(why, sizeof why, "malformed: %.140s", report->why);
    if (report->verdict == VET_FAILED) { /* nothing is known of it: the next turn tries again */
        a->done(a, report->why);
    } else if (parts_stamp(stamp, a->vetting, &err) != NIGH_OK) {
        a->done(a, err.what);
    } else if (strcmp(stamp, a->stamp) != 0) {
        a->done(a, "the model's files changed while they were looked at");
    } else if (!trust_checked(a->trust, a->vetting, stamp, report->verdict == VET_BAD ? why : NULL,
                              report->template)) {
        a->done(a, "out of memory");
    } else {
        enum admit_answer answer = admit_load(a, why);
        if (answer != ADMIT_LATER) /* there is another file */
            a->done(a, answer == ADMIT_NO ? why : NULL);
    }
}

static enum admit_answer look(struct admit *a, const char *path, char why[static ADMIT_WHY_BYTES])
{
    struct nigh_err err = {0};

    if (parts_stamp(a->stamp, path, &err) != NIGH_OK) {
        snprintf(why, ADMIT_WHY_BYTES, "%.150s", err.what);
        return ADMIT_NO;
    }
    switch (trust_look(a->trust, path, a->stamp, why)) {
    case TRUST_GOOD:
        return ADMIT_YES;
    case TRUST_REFUSED:
        a->refused = path;
        return ADMIT_NO;
    case TRUST_UNKNOWN:
        break;
    }
    a->vetting = path;
    if (vet_start(&a->vet, a->loop, a->nigh, path, a->allow_unjailed, on_vetted, a, &err) ==
        NIGH_OK)
        return ADMIT_LATER;
    snprintf(why, ADMIT_WHY_BYTES, "%.150s", err.what);
    return ADMIT_NO;
}

enum admit_answer admit_load(struct admit *a, char why[static ADMIT_WHY_BYTES])
{
    a->refused = NULL;
    if (!a->trust)
        return ADMIT_YES;
    enum admit_answer answer = look(a, a->model_path, why);
    return answer == ADMIT_YES && a->mmproj_path ? look(a, a->mmproj_path, why) : answer;
}

bool admit_busy(const struct admit *a)
{
    return a->vet || a->call;
}

bool admit_changed(const struct admit *a)
{
    char stamp[STAMP_BYTES];

    return a->trust && !a->mmproj_path && parts_stamp(stamp, a->model_path, NULL) == NIGH_OK &&
           strcmp(stamp, a->stamp) != 0;
}

bool admit_stays_refused(const struct admit *a)
{
    char stamp[STAMP_BYTES], why[ADMIT_WHY_BYTES];

    return a->refused && parts_stamp(stamp, a->refused, NULL) == NIGH_OK &&
           trust_look(a->trust, a->refused, stamp, why) == TRUST_REFUSED;
}

/* ---- the template ---- */

static enum nigh_status ask(struct admit *a, struct nigh_err *err);

static void judged(struct admit *a, const char *what)
{
    char why[ADMIT_WHY_BYTES];

    watch(a, 0);
    a->call = call_cancel(a->call);
    snprintf(why, sizeof why, "its chat template %.120s", what);
    refuse(a, why);
    a->done(a, why);
}

static void settled(struct admit *a, const char *why)
{
    watch(a, 0);
    a->done(a, why);
}

static void on_data(void *owner, struct slice bytes)
{
    struct admit *a = owner;
    buf_add_str(&a->answer, bytes);
}

/* A 4xx or 5xx is no verdict: some templates raise an error at what they do not take, which the
 * caller of a turn hears, and older servers have no such path. */
static void on_done(void *owner, const struct call_result *result)
{
    struct admit *a = owner;
    bool busy = result->status == NIGH_TIMEOUT && worked_ms(a) < ADMIT_WORK_MS;
    struct nigh_err err = {0};

    a->call = NULL;
    if (busy && ++a->tries < ADMIT_TRIES) {
        if (ask(a, &err) != NIGH_OK)
            settled(a, err.what);
    } else if (a->answer.failed)
        judged(a, "makes over a megabyte of a short conversation");
    else if (result->status == NIGH_TIMEOUT)
        judged(a, "does not come to an end");
    else if (result->status != NIGH_OK)
        settled(a, "the model process did not write a conversation out");
    else if (result->http_status == 200 && canary_judge(buf_slice(&a->answer), &err) != NIGH_OK)
        judged(a, err.what);
    else
        settled(a, NULL);
}

static enum nigh_status ask(struct admit *a, struct nigh_err *err)
{
    static const struct call_ops ops = {.data = on_data, .done = on_done};
    static const struct header json = {"Content-Type", "application/json"};
    struct clearance *pass = NULL;

    buf_reset(&a->answer);
    a->answer.max_bytes = CANARY_ANSWER_BYTES_MAX;
    const struct call_spec call = {.to = a->to,
                                   .method = "POST",
                                   .path = "/apply-template",
                                   .headers = &json,
                                   .n_headers = 1,
                                   .body = buf_slice(&a->body),
                                   .total_ms = ADMIT_TEMPLATE_MS};
    enum nigh_status status =
        gate_clear(a->gate, &pass, "", LABEL_ANYWHERE, &a->to->dest, call.body, err);
    return status ? status : client_send(a->client, &a->call, &call, pass, &ops, a, err);
}

enum admit_answer admit_template(struct admit *a, int pid, char why[static ADMIT_WHY_BYTES])
{
    const struct trust_model *m = a->trust ? trust_find(a->trust, a->model_path) : NULL;
    struct nigh_err err = {0};

    if (!m || m->accepted) /* its owner said so, or nobody wants to know */
        return ADMIT_YES;
    buf_reset(&a->body);
    canary_body(&a->body);
    a->tries = 0;
    watch(a, pid);
    if (ask(a, &err) == NIGH_OK)
        return ADMIT_LATER;
    watch(a, 0);
    snprintf(why, ADMIT_WHY_BYTES, "%.150s", err.what);
    return ADMIT_NO;
}

void admit_trial(struct admit *a, int pid)
{
    watch(a, a->trust ? pid : 0);
}

/* ---- deaths ---- */

void admit_died(struct admit *a, int signum, char why[static ADMIT_WHY_BYTES])
{
    bool crashed = signum == SIGSEGV || signum == SIGBUS || signum == SIGABRT || signum == SIGILL ||
                   signum == SIGFPE;

    watch(a, 0);
    if (!a->trust || !crashed || ++a->deaths < ADMIT_DEATHS_MAX)
        return;
    a->deaths = 0;
    snprintf(why, ADMIT_WHY_BYTES, "loading it killed the model process %d times (signal %d)",
             ADMIT_DEATHS_MAX, signum);
    refuse(a, why);
}

void admit_lived(struct admit *a)
{
    a->deaths = 0;
    watch(a, 0);
}

void admit_cancel(struct admit *a)
{
    watch(a, 0);
    a->vet = vet_free(a->vet);
    a->call = call_cancel(a->call);
}

void admit_done(struct admit *a)
{
    admit_cancel(a);
    buf_done(&a->body);
    buf_done(&a->answer);
}
