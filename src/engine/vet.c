#include "engine/vet.h"

#include "engine/jail.h"
#include "loop/child.h"
#include "loop/timer.h"
#include "model/gguf.h"
#include "model/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define VET_LINE "nigh-model: "

/* ---- behind the walls ---- */

/* Mapped, since only the header is read and a file may have any size. */
static enum nigh_status map(struct slice *ret, const char *path, struct nigh_err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool ok = fd >= 0 && fstat(fd, &st) == 0;
    void *p = MAP_FAILED;

    if (ok && S_ISREG(st.st_mode) && st.st_size > 0)
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (p != MAP_FAILED) {
        *ret = (struct slice){p, (size_t)st.st_size};
        return NIGH_OK;
    }
    if (ok && (!S_ISREG(st.st_mode) || st.st_size == 0))
        return nigh_fail(err, NIGH_INVALID, "it is no file, or an empty one");
    return nigh_fail(err, NIGH_IO, "cannot be read: %s", strerror(error));
}

static void add_template(struct buf *out, const struct gguf_template *t)
{
    bool usual = slice_is(t->key, "tokenizer.chat_template");

    if (!usual)
        buf_printf(out, "%s{# %.*s #}\n", out->len ? "\n" : "", (int)t->key.len, t->key.p);
    buf_add_str(out, t->text);
}

static enum nigh_status check_parts(struct buf *templates, const char *path, struct nigh_err *err)
{
    char part[PATH_BYTES];
    struct slice file;
    struct gguf found;

    for (unsigned i = 0, n = parts_count(path); i < n; i++) {
        enum nigh_status status = parts_path(part, path, i, err);
        if (status == NIGH_OK)
            status = map(&file, part, err);
        if (status == NIGH_OK)
            status = gguf_check(&found, file, err);
        if (status != NIGH_OK)
            return status;
        for (size_t t = 0; t < found.n_templates; t++)
            add_template(templates, &found.templates[t]);
        munmap((void *)file.p, file.len);
    }
    return NIGH_OK;
}

/* In pieces that fit a line of loop/child.h; each but the last is whole groups of three bytes. */
static void tell_templates(const struct buf *templates)
{
    enum { PIECE = 2700 };
    char line[sodium_base64_ENCODED_LEN(PIECE, 1)];

    _Static_assert(sodium_base64_VARIANT_ORIGINAL == 1 && sizeof line < CHILD_LINE_MAX - 32,
                   "the variant above, and a line");
    for (size_t at = 0; at < templates->len; at += PIECE) {
        size_t n = templates->len - at < PIECE ? templates->len - at : PIECE;
        sodium_bin2base64(line, sizeof line, (const unsigned char *)templates->data + at, n,
                          sodium_base64_VARIANT_ORIGINAL);
        printf(VET_LINE "template %s\n", line);
    }
}

static int check(const char *path)
{
    CLEANUP(buf_done) struct buf templates = {0};
    struct nigh_err err = {0};

    if (check_parts(&templates, path, &err) == NIGH_OK && templates.failed)
        nigh_fail(&err, NIGH_NOMEM, "out of memory");
    if (err.status == NIGH_IO || err.status == NIGH_NOMEM) {
        fprintf(stderr, VET_LINE "%s\n", err.what);
        return JAIL_EXIT_EXEC;
    }
    if (err.status == NIGH_OK)
        tell_templates(&templates);
    printf(VET_LINE "%s%s\n", err.status == NIGH_OK ? "good" : "bad ", err.what);
    return 0;
}

static const char *resolved(const char *path)
{
    char *real = realpath(path, NULL); /* until this process ends */
    return real ? real : path;
}

/* The file alone; of one in parts its folder. */
static const char *readable(const char *path)
{
    char *real = strdup(resolved(path));
    char *slash = real && parts_count(path) > 1 ? strrchr(real, '/') : NULL;

    if (slash)
        slash[slash == real] = '\0';
    return real;
}

static bool parse(struct jail *jail, const char **ret_path, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--allow-unjailed") == 0)
            jail->allow_unjailed = true;
        else if (strcmp(argv[i], "--parent") == 0 && i + 1 < argc)
            i += slice_u64(slice_of(argv[i + 1]), &jail->parent);
        else if (i + 1 == argc)
            *ret_path = argv[i];
    }
    return *ret_path != NULL;
}

int vet_main(int argc, char **argv)
{
    struct jail jail = {.data_max = VET_DATA_BYTES_MAX};
    const char *path = NULL;

    if (!parse(&jail, &path, argc, argv)) {
        fprintf(stderr, "usage: nigh model-check FILE\n");
        return JAIL_EXIT_USAGE;
    }
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    jail.data_max = 0; /* their own memory is terabytes of it */
#endif
    jail.read[jail.n_read++] = readable(path);
    int status = jail_enter(&jail);
    if (status == 0)
        status = check(path);
    fflush(stdout);
    _exit(status); /* a leak sanitizer's work at an ordinary end is forbidden behind the walls */
}

/* ---- before them ---- */

struct vet {
    struct loop *loop;
    struct child *child;
    struct timer late;
    void (*done)(void *owner, const struct vet_report *report);
    void *owner;
    struct vet_report report;
    bool told, timed_out;
    char last[VET_WHY_BYTES]; /* of its other words: why it could not look */
    struct buf template;
};

/* A text that another process wrote, fit to be shown. */
static void take_words(char ret[static VET_WHY_BYTES], struct slice words)
{
    size_t n = 0;

    for (; n < words.len && n < VET_WHY_BYTES - 1; n++)
        ret[n] = words.p[n] >= ' ' && words.p[n] <= '~' ? words.p[n] : '?';
    ret[n] = '\0';
}

static bool is_base64(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '+' || c == '/' || c == '='))
            return false;
    }
    return s.len > 0;
}

static void on_line(void *owner, struct slice line)
{
    struct vet *vet = owner;
    struct slice rest = line;

    if (!slice_starts(line, SLICE(VET_LINE))) {
        take_words(vet->last, line);
        return;
    }
    slice_cut(&rest, ' ');
    struct slice word = slice_cut(&rest, ' ');
    if (slice_is(word, "template") && is_base64(rest)) {
        buf_add_str(&vet->template, rest);
    } else if (slice_is(word, "good")) {
        vet->told = true;
        vet->report.verdict = VET_GOOD;
    } else if (slice_is(word, "bad")) {
        vet->told = true;
        vet->report.verdict = VET_BAD;
        take_words(vet->report.why, rest);
    } else {
        take_words(vet->last, line);
    }
}

/* Ended without a word: killed by what it read, or unable to read it. */
static void conclude(struct vet *vet, int signum)
{
    struct vet_report *r = &vet->report;
    bool crashed = signum == SIGSEGV || signum == SIGBUS || signum == SIGABRT || signum == SIGILL ||
                   signum == SIGFPE;

    r->verdict = crashed ? VET_BAD : VET_FAILED;
    if (crashed)
        snprintf(r->why, sizeof r->why, "looking at it killed the process that did (signal %d)",
                 signum);
    else if (vet->timed_out)
        snprintf(r->why, sizeof r->why, "it could not be looked at within %d s", VET_MS / 1000);
    else
        snprintf(r->why, sizeof r->why, "it could not be looked at: %.120s",
                 vet->last[0] ? vet->last : "no word came");
}

static void on_exit_(void *owner, int64_t status, int signum)
{
    struct vet *vet = owner;

    timer_disarm(vet->loop, &vet->late);
    if (signum || status != 0 || !vet->told)
        conclude(vet, signum);
    if (vet->report.verdict == VET_GOOD && vet->template.failed) {
        vet->report.verdict = VET_BAD;
        snprintf(vet->report.why, sizeof vet->report.why, "its chat templates are too large");
    }
    if (vet->report.verdict == VET_GOOD)
        vet->report.template = buf_slice(&vet->template);
    vet->done(vet->owner, &vet->report);
}

static void on_late(struct timer *timer)
{
    struct vet *vet = CONTAINER_OF(timer, struct vet, late);

    vet->timed_out = true;
    child_kill(vet->child, SIGKILL);
}

enum nigh_status vet_start(struct vet **ret, struct loop *loop, const char *nigh, const char *path,
                           bool allow_unjailed,
                           void (*done)(void *owner, const struct vet_report *report), void *owner,
                           struct nigh_err *err)
{
    static const struct child_ops ops = {.on_line = on_line, .on_exit = on_exit_};
    char parent[24];
    const char *argv[7] = {nigh, "model-check", "--parent", parent};
    size_t n = 4;
    struct vet *vet = calloc(1, sizeof *vet);

    if (!vet)
        return nigh_fail(err, NIGH_NOMEM, "model: out of memory");
    *vet = (struct vet){.loop = loop, .done = done, .owner = owner};
    vet->template.max_bytes = VET_TEMPLATE_BYTES_MAX;
    snprintf(parent, sizeof parent, "%ld", (long)getpid());
    if (allow_unjailed)
        argv[n++] = "--allow-unjailed";
    argv[n] = path;
    enum nigh_status status = child_spawn(&vet->child, loop, argv, NULL, &ops, vet, err);
    if (status == NIGH_OK)
        status = timer_arm(loop, &vet->late, VET_MS, on_late, err);
    if (status != NIGH_OK)
        vet_free(vet);
    else
        *ret = vet;
    return status;
}

struct vet *vet_free(struct vet *vet)
{
    if (!vet)
        return NULL;
    timer_disarm(vet->loop, &vet->late);
    child_free(vet->child);
    buf_done(&vet->template);
    free(vet);
    return NULL;
}
