#include "engine/launch.h"

#include "engine/jail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARGS_MAX = 128 };
struct args {
    struct arena *a;
    const char *list[ARGS_MAX + 1];
    size_t n;
    bool full;
};

static void add(struct args *args, const char *word)
{
    if (args->n == ARGS_MAX || !word)
        args->full = true;
    else
        args->list[args->n++] = word;
}

static void add2(struct args *args, const char *option, const char *value)
{
    add(args, option);
    add(args, value);
}

static void add_number(struct args *args, const char *option, uint64_t n)
{
    add2(args, option, arena_printf(args->a, "%llu", (unsigned long long)n));
}

/* The resolved path: Landlock's rules hold for what a path leads to. */
static void let_read(struct args *args, const char *path)
{
    char real[PATH_BYTES];
    if (realpath(path, real))
        add2(args, "--read", arena_strdup(args->a, slice_of(real)));
}

static void let_read_folder(struct args *args, const char *path, bool prefix_of_bin)
{
    char real[PATH_BYTES];

    if (!realpath(path, real))
        return;
    char *end = strrchr(real, '/');
    *end = 0;
    end = strrchr(real, '/');
    if (prefix_of_bin && end && strcmp(end, "/bin") == 0)
        *end = 0;
    if (real[0]) /* never the root */
        add2(args, "--read", arena_strdup(args->a, slice_of(real)));
}

/* A model in several files is named by its first, "x-00001-of-00003.gguf". */
static void let_read_model(struct args *args, const char *path)
{
    if (strstr(path, "-of-"))
        let_read_folder(args, path, false);
    else
        let_read(args, path);
}

static void add_jail(struct args *args, const struct launch *l)
{
    char usual[PATH_BYTES];

    add2(args, l->nigh, "jail");
    add_number(args, "--parent", (uint64_t)l->parent_pid);
    let_read_folder(args, l->program, true);
    let_read(args, l->program);
    if (launch_find(usual, NULL, NULL) == NIGH_OK)
        let_read_folder(args, usual, true); /* a script of the user's starts it, most likely */
    let_read_model(args, l->model_path);
    if (l->mmproj_path)
        let_read(args, l->mmproj_path);
    for (size_t i = 0; i < l->n_extra; i++)
        if (l->extra[i][0] == '/')
            let_read(args, l->extra[i]); /* an adapter, a template */
    char *folder = arena_strdup(args->a, slice_of(l->socket));
    if (folder && strrchr(folder, '/'))
        *strrchr(folder, '/') = 0;
    add2(args, "--write", folder);
    if (l->memory_bytes)
        add_number(args, "--data-max", l->memory_bytes);
    if (l->jail_without & JAIL_NETNS)
        add(args, "--no-netns");
    if (l->jail_without & JAIL_SECCOMP)
        add(args, "--no-seccomp");
    if (l->jail_without & JAIL_LANDLOCK)
        add(args, "--no-landlock");
    if (l->allow_unjailed)
        add(args, "--allow-unjailed");
    add(args, "--");
}

/* An input must fit into one batch: what is longer it answers with 500. */
static void add_kind(struct args *args, const struct launch *l)
{
    if (l->kind == LAUNCH_CHAT)
        return;
    add(args, l->kind == LAUNCH_EMBED ? "--embeddings" : "--rerank");
    if (l->pooling)
        add2(args, "--pooling", l->pooling);
    add_number(args, "--batch-size", l->context_tokens);
    add_number(args, "--ubatch-size", l->context_tokens);
}

/* Of llama-server 0.7.0; `--help` there tells more. */
static void add_server(struct args *args, const struct launch *l)
{
    uint64_t cache_mib = l->one_caller ? LAUNCH_CACHE_MIB_MAX : 0;

    if (l->memory_bytes && l->memory_bytes / 8 >> 20 < cache_mib)
        cache_mib = l->memory_bytes / 8 >> 20;
    add(args, l->program);
    add2(args, "--host", l->socket);
    add2(args, "--model", l->model_path);
    add2(args, "--alias", l->model_name); /* else answers would carry the file's path */
    if (l->mmproj_path)
        add2(args, "--mmproj", l->mmproj_path);
    add_number(args, "--ctx-size", l->context_tokens * l->slots);
    add_number(args, "--parallel", l->slots);
    add_number(args, "--threads-http", l->slots + LAUNCH_HTTP_THREADS_SPARE);
    add_number(args, "--cache-ram", cache_mib);
    if (l->threads)
        add_number(args, "--threads", l->threads);
    add_kind(args, l);
    add(args, "--jinja"); /* tools */
    add(args, "--offline");
    add(args, "--no-webui");
    add(args, "--no-slots");            /* shows prompts */
    add2(args, "--log-verbosity", "3"); /* 4 and 5 print prompts */
    add2(args, "--log-colors", "off");
    for (size_t i = 0; i < l->n_extra; i++)
        add(args, l->extra[i]);
}

enum nigh_status launch_args(const char *const **ret_argv, const struct launch *l, struct arena *a,
                             struct nigh_err *err)
{
    struct args args = {.a = a};

    add_jail(&args, l);
    add_server(&args, l);
    const char **argv = arena_alloc(a, (args.n + 1) * sizeof *argv);
    if (args.full || !argv)
        return nigh_fail(err, NIGH_TOOBIG, "the model server would get more than %d arguments",
                         ARGS_MAX);
    memcpy(argv, args.list, (args.n + 1) * sizeof *argv);
    *ret_argv = argv;
    return NIGH_OK;
}

static bool runs(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool find_on_path(char ret[static PATH_BYTES], const char *name)
{
    struct slice rest = slice_of(getenv("PATH"));

    while (rest.p) {
        struct slice folder = slice_cut(&rest, ':');
        int n = snprintf(ret, PATH_BYTES, "%.*s/%s", (int)folder.len, folder.p, name);
        if (folder.len && folder.p[0] == '/' && n < PATH_BYTES && runs(ret))
            return true;
    }
    return false;
}

enum nigh_status launch_find(char ret[static PATH_BYTES], const char *wanted, struct nigh_err *err)
{
    static const char brought[] = NIGH_LLAMA_SERVER;
    const char *name = wanted ? wanted : "llama-server";

    if (strchr(name, '/')) {
        if (!runs(name) || strlen(name) >= PATH_BYTES)
            return nigh_fail(err, NIGH_NOTFOUND, "%s is not a program", name);
        snprintf(ret, PATH_BYTES, "%s", name);
        return NIGH_OK;
    }
    if (find_on_path(ret, name))
        return NIGH_OK;
    if (!wanted && brought[0] && runs(brought)) {
        snprintf(ret, PATH_BYTES, "%s", brought);
        return NIGH_OK;
    }
    return nigh_fail(err, NIGH_NOTFOUND,
                     "%s is not on the PATH; install llama.cpp, or run `make` in nigh's source",
                     name);
}
