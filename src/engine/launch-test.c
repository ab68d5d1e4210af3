#include "engine/launch.h"

#include "base/tap.h"
#include "engine/jail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has(const char *const *argv, const char *word)
{
    for (; *argv; argv++)
        if (strcmp(*argv, word) == 0)
            return true;
    return false;
}

static const char *after(const char *const *argv, const char *word)
{
    for (; argv[0] && argv[1]; argv++)
        if (strcmp(*argv, word) == 0)
            return argv[1];
    return NULL;
}

static const struct launch plain = {.nigh = "/proc/self/exe",
                                    .program = "/bin/sh",
                                    .model_path = "/etc/passwd",
                                    .model_name = "tiny",
                                    .socket = "/nowhere/run/llama.sock",
                                    .slots = 2,
                                    .context_tokens = 4096,
                                    .parent_pid = 7};

TEST(launch_tells_jail_and_server_apart)
{
    struct arena a;
    const char *const *argv;

    arena_init(&a, 1 << 20);
    CHECK_EQ(launch_args(&argv, &plain, &a, NULL), NIGH_OK);
    CHECK_STR(argv[0], "/proc/self/exe");
    CHECK_STR(argv[1], "jail");
    CHECK_STR(after(argv, "--parent"), "7");
    CHECK_STR(after(argv, "--write"), "/nowhere/run");
    CHECK_STR(after(argv, "--"), "/bin/sh");
    CHECK_STR(after(argv, "--host"), "/nowhere/run/llama.sock");
    CHECK_STR(after(argv, "--alias"), "tiny");
    CHECK_STR(after(argv, "--ctx-size"), "8192"); /* a slot has what was asked for */
    CHECK_STR(after(argv, "--parallel"), "2");
    CHECK_STR(after(argv, "--threads-http"), "5");
    CHECK_STR(after(argv, "--cache-ram"), "0"); /* all its slots would share it */
    CHECK(has(argv, "--no-slots") && has(argv, "--offline"));
    CHECK(!has(argv, "--data-max") && !has(argv, "--threads") && !has(argv, "--mmproj"));
    CHECK(!has(argv, "/")); /* /bin/sh leads to a folder, never to the root */
    arena_done(&a);
}

TEST(launch_limits_and_extras)
{
    struct arena a;
    const char *const *argv;
    static const char *const extra[] = {"--lora", "/etc/hostname"};
    struct launch l = plain;

    arena_init(&a, 1 << 20);
    l.memory_bytes = UINT64_C(1) << 30;
    l.threads = 3;
    l.extra = extra;
    l.n_extra = 2;
    l.mmproj_path = "/etc/group";
    l.jail_without = JAIL_NETNS;
    l.one_caller = true;
    CHECK_EQ(launch_args(&argv, &l, &a, NULL), NIGH_OK);
    CHECK_STR(after(argv, "--data-max"), "1073741824");
    CHECK_STR(after(argv, "--cache-ram"), "128"); /* an eighth of the ceiling */
    CHECK_STR(after(argv, "--threads"), "3");
    CHECK_STR(after(argv, "--mmproj"), "/etc/group");
    CHECK_STR(after(argv, "--lora"), "/etc/hostname");
    CHECK(has(argv, "--no-netns") && !has(argv, "--no-seccomp"));
    int reads = 0;
    for (size_t i = 0; argv[i]; i++)
        reads += strcmp(argv[i], "--read") == 0;
    CHECK(reads >= 4); /* program, model, projector, adapter */
    arena_done(&a);
}

TEST(launch_refuses_too_many_arguments)
{
    struct arena a;
    const char *const *argv;
    const char *extra[200];
    struct launch l = plain;
    struct nigh_err err = {0};

    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(extra); i++)
        extra[i] = "x";
    l.extra = extra;
    l.n_extra = ARRAY_LEN(extra);
    CHECK_EQ(launch_args(&argv, &l, &a, &err), NIGH_TOOBIG);
    arena_done(&a);
}

TEST(launch_finds_programs)
{
    char path[PATH_BYTES];
    struct nigh_err err = {0};
    const char *path_var = getenv("PATH");
    char *was = strdup(path_var ? path_var : "");

    CHECK_EQ(launch_find(path, "sh", NULL), NIGH_OK);
    CHECK(strstr(path, "/sh"));
    CHECK_EQ(launch_find(path, "/bin/sh", NULL), NIGH_OK);
    CHECK_STR(path, "/bin/sh");
    CHECK_EQ(launch_find(path, "/bin", &err), NIGH_NOTFOUND); /* a folder */
    CHECK_EQ(launch_find(path, "no-such-program-of-ours", NULL), NIGH_NOTFOUND);
    setenv("PATH", "relative::/nowhere", 1);
    CHECK_EQ(launch_find(path, "sh", NULL), NIGH_NOTFOUND);
    setenv("PATH", was, 1);
    free(was);
}

TEST(launch_for_what_is_no_chat)
{
    struct arena a;
    const char *const *argv;
    struct launch l = plain;

    arena_init(&a, 1 << 20);
    l.kind = LAUNCH_EMBED;
    l.pooling = "mean";
    CHECK_EQ(launch_args(&argv, &l, &a, NULL), NIGH_OK);
    CHECK(has(argv, "--embeddings") && !has(argv, "--rerank"));
    CHECK_STR(after(argv, "--pooling"), "mean");
    CHECK_STR(after(argv, "--ubatch-size"), "4096"); /* one input at a time, as long as may be */
    CHECK_STR(after(argv, "--batch-size"), "4096");
    l.kind = LAUNCH_RERANK;
    l.pooling = NULL;
    CHECK_EQ(launch_args(&argv, &l, &a, NULL), NIGH_OK);
    CHECK(has(argv, "--rerank") && !has(argv, "--embeddings") && !has(argv, "--pooling"));
    l.kind = LAUNCH_CHAT;
    CHECK_EQ(launch_args(&argv, &l, &a, NULL), NIGH_OK);
    CHECK(!has(argv, "--rerank") && !has(argv, "--embeddings") && !has(argv, "--ubatch-size"));
    arena_done(&a);
}
