/* What this machine has, and what it lets us do. */
#include "base/path.h"
#include "engine/launch.h"
#include "engine/vet.h"
#include "loop/child.h"
#include "loop/timer.h"
#include "nigh/cmd/checkup.h"
#include "nigh/cmd/term.h"
#include "nigh/setting.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    VERSION_MS = 10 * 1000, /* a cold start of llama-server from a slow disk takes 3 s */
    FREE_BYTES_LOW = 200 << 20,
    FREE_BYTES_LEAST = 20 << 20, /* some 10,000 bills, and the database's own log */
};

/* --- llama-server -------------------------------------------------------------------------------
 */

struct probe {
    struct loop *loop;
    struct child *child;
    struct timer late;
    char version[120];
    bool good, timed_out;
};

static void on_line(void *owner, struct slice line)
{
    struct probe *probe = owner;

    if (slice_starts(line, SLICE("version:")))
        snprintf(probe->version, sizeof probe->version, "%.*s",
                 (int)(line.len < 100 ? line.len : 100), line.p);
}

static void on_exit_(void *owner, int64_t exit_status, int signum)
{
    struct probe *probe = owner;

    probe->good = exit_status == 0 && signum == 0;
    loop_stop(probe->loop);
}

static void on_late(struct timer *timer)
{
    struct probe *probe = CONTAINER_OF(timer, struct probe, late);

    probe->timed_out = true;
    child_kill(probe->child, SIGKILL);
}

static enum nigh_status run_version(struct probe *probe, const char *program, struct nigh_err *err)
{
    static const struct child_ops ops = {.on_line = on_line, .on_exit = on_exit_};
    const char *const argv[] = {program, "--version", NULL};
    enum nigh_status status = loop_new(&probe->loop, err);

    if (status == NIGH_OK)
        status = child_spawn(&probe->child, probe->loop, argv, NULL, &ops, probe, err);
    if (status == NIGH_OK)
        status = timer_arm(probe->loop, &probe->late, VERSION_MS, on_late, err);
    if (status == NIGH_OK)
        loop_run(probe->loop);
    if (probe->loop)
        timer_disarm(probe->loop, &probe->late);
    child_free(probe->child);
    loop_free(probe->loop);
    return status;
}

void check_program(struct checkup *up, const struct config_engine *engine, bool needed)
{
    enum check_state bad = needed ? CHECK_MISSING : CHECK_NOTE;
    char path[PATH_BYTES];
    struct nigh_err err = {0};
    struct probe probe = {0};

    if (launch_find(path, engine->program, &err) != NIGH_OK) {
        checkup_add(up, bad, "llama-server", "%s", err.what);
        return;
    }
    if (run_version(&probe, path, &err) != NIGH_OK)
        checkup_add(up, bad, "llama-server", "%.200s: %s", path, err.what);
    else if (!probe.good)
        checkup_todo(checkup_add(up, bad, "llama-server", "%.200s %s", path,
                                 probe.timed_out ? "does not answer --version" : "does not run"),
                     "run `%.100s --version` to see why; `setup/setup` brings one", path);
    else
        checkup_add(up, CHECK_GOOD, "llama-server", "%.200s, %s", path,
                    probe.version[0] ? probe.version : "version not told");
}

/* --- the model ----------------------------------------------------------------------------------
 */

static int64_t memory_available(void)
{
    char line[128];
    long long kb = -1;
    FILE *f = fopen("/proc/meminfo", "re");

    while (f && kb < 0 && fgets(line, sizeof line, f))
        if (strncmp(line, "MemAvailable:", 13) == 0)
            kb = strtoll(line + 13, NULL, 10);
    if (f)
        fclose(f);
    return kb < 0 ? -1 : kb * 1024;
}

/* As the engine looks at it, in a process behind its walls. */
struct look {
    struct loop *loop;
    struct vet_report report;
};

static void on_looked(void *owner, const struct vet_report *report)
{
    struct look *look = owner;

    look->report = *report;
    loop_stop(look->loop);
}

/* NULL: it is good. */
static const char *trouble_of(struct look *look, const char *path, struct nigh_err *err)
{
    struct vet *vet = NULL;
    enum nigh_status status = loop_new(&look->loop, err);

    if (status == NIGH_OK)
        status = vet_start(&vet, look->loop, "/proc/self/exe", path, false, on_looked, look, err);
    if (status == NIGH_OK)
        loop_run(look->loop);
    vet_free(vet);
    loop_free(look->loop);
    if (status != NIGH_OK)
        return err->what;
    return look->report.verdict == VET_GOOD ? NULL : look->report.why;
}

bool check_model(struct checkup *up, const struct config_engine *engine, bool needed)
{
    enum check_state bad = needed ? CHECK_MISSING : CHECK_NOTE;
    CLEANUP(buf_done) struct buf size = {0};
    char path[PATH_BYTES];
    struct stat st;
    struct nigh_err err = {0};
    struct look look = {0};

    if (setting_model_path(path, engine, &err) != NIGH_OK) {
        checkup_todo(checkup_add(up, bad, "model", "%s", err.what),
                     "any chat model as a GGUF file will do; engine.model in the config names one");
        return false;
    }
    const char *trouble = stat(path, &st) != 0 ? "it is gone" : trouble_of(&look, path, &err);
    if (trouble) {
        checkup_todo(checkup_add(up, CHECK_MISSING, "model", "%.220s: %s", path, trouble),
                     "fetch it again, or name another as engine.model");
        return false;
    }
    term_add_bytes(&size, st.st_size);
    int64_t memory = memory_available();
    if (memory >= 0 && st.st_size > memory)
        checkup_todo(checkup_add(up, CHECK_NOTE, "model",
                                 "%.300s: %s, more than the memory that is free", path, size.data),
                     "a smaller quantization of it will answer faster");
    else
        checkup_add(up, CHECK_GOOD, "model", "%.300s: well formed, %s", path, size.data);
    return true;
}

/* --- walls --------------------------------------------------------------------------------------
 */

/* As the jail does it, in a child that ends at once. */
static bool namespace_allowed(void)
{
    int how = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0);
    return pid > 0 && waitpid(pid, &how, 0) == pid && WIFEXITED(how) && WEXITSTATUS(how) == 0;
}

void check_walls(struct checkup *up, bool needed)
{
    if (namespace_allowed())
        checkup_add(up, CHECK_GOOD, "walls",
                    "the model's process can have a network namespace without interfaces");
    else if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0)
        checkup_todo(
            checkup_add(up, CHECK_NOTE, "walls",
                        "this kernel allows no network namespace; a system call filter keeps the "
                        "model's process from the network instead"),
            "sysctl kernel.unprivileged_userns_clone=1, where the kernel has it");
    else
        checkup_add(
            up, needed ? CHECK_MISSING : CHECK_NOTE, "walls",
            "neither network namespaces nor seccomp: the local model is not run without either");
}

/* --- the state folder ---------------------------------------------------------------------------
 */

/* What exists of a path that may have yet to be made. */
static bool nearest(char path[static PATH_BYTES])
{
    while (access(path, F_OK) != 0) {
        char *slash = strrchr(path, '/');
        if (!slash)
            return false;
        if (slash == path)
            slash++;
        *slash = '\0';
    }
    return true;
}

void check_state_dir(struct checkup *up)
{
    char dir[PATH_BYTES], there[PATH_BYTES];
    CLEANUP(buf_done) struct buf size = {0};
    struct statvfs fs;
    struct stat st;
    struct nigh_err err = {0};

    if (path_state(dir, &err) != NIGH_OK) {
        checkup_add(up, CHECK_MISSING, "state", "%s", err.what);
        return;
    }
    memcpy(there, dir, sizeof there);
    if (!nearest(there) || statvfs(there, &fs) != 0 || access(there, W_OK | X_OK) != 0) {
        checkup_todo(checkup_add(up, CHECK_MISSING, "state", "%.300s cannot be written", dir),
                     "set NIGH_STATE to a folder of yours");
        return;
    }
    uint64_t bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    term_add_bytes(&size, (int64_t)bytes);
    if (bytes < FREE_BYTES_LOW)
        checkup_todo(checkup_add(up, bytes < FREE_BYTES_LEAST ? CHECK_MISSING : CHECK_NOTE, "state",
                                 "%.300s: %s free", dir, size.data),
                     "make room there, or set NIGH_STATE to another folder");
    else if (stat(dir, &st) == 0 && (st.st_mode & 077))
        checkup_todo(checkup_add(up, CHECK_NOTE, "state", "%.300s can be read by others", dir),
                     "chmod 700 it");
    else
        checkup_add(up, CHECK_GOOD, "state", "%.300s: %s free", dir, size.data);
}
