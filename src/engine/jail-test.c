/* The jail's walls, seen from inside: the test program is its own prisoner (a constructor takes
 * over when it is started as "jail" or as "prisoner"). */
#include "base/tap.h"
#include "engine/jail.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void report(const char *what, long rc)
{
    printf("%s=%s\n", what, rc >= 0 ? "ok" : strerrorname_np(errno));
}

static long try_connect_inet(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&to, sizeof to);
}

static long try_unix(int type, const char *path, bool listens)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    int fd = socket(AF_UNIX, type, 0);
    if (fd < 0)
        return -1;
    if (!listens)
        return connect(fd, (struct sockaddr *)&to, sizeof to);
    return bind(fd, (struct sockaddr *)&to, sizeof to) == 0 ? listen(fd, 1) : -1;
}

/* Interfaces in /proc/self/net/dev that are not lo. */
static int other_interfaces(void)
{
    char line[512];
    int n = 0, at = 0;
    FILE *f = fopen("/proc/self/net/dev", "r");
    while (f && fgets(line, sizeof line, f))
        if (++at > 2 && !strstr(line, "lo:"))
            n++;
    if (f)
        fclose(f);
    return f ? n : -1;
}

/* prisoner PORT SOCKETS-FOLDER FOREIGN-SOCKET SECRET-FILE */
static void prisoner(char **arg)
{
    char path[256];
    struct rlimit core, data;

    printf("others=%d\n", other_interfaces());
    report("inet", try_connect_inet(atoi(arg[2])));
    snprintf(path, sizeof path, "%s/own.sock", arg[3]);
    report("listen", try_unix(SOCK_STREAM, path, true));
    report("unix", try_unix(SOCK_STREAM, arg[4], false));
    report("dgram", try_unix(SOCK_DGRAM, arg[4], false));
    report("uring", syscall(SYS_io_uring_setup, 1, NULL));
    report("setns", syscall(SYS_setns, open("/proc/self/ns/net", O_RDONLY), 0));
    report("secret", open(arg[5], O_RDONLY));
    snprintf(path, sizeof path, "%s/spill", arg[3]);
    report("spill", open(path, O_WRONLY | O_CREAT, 0600));
    report("null", open("/dev/null", O_WRONLY));
    report("fd9", fcntl(9, F_GETFD));
    getrlimit(RLIMIT_CORE, &core);
    getrlimit(RLIMIT_DATA, &data);
    printf("core=%lu data=%lu\n", (unsigned long)core.rlim_cur, (unsigned long)data.rlim_cur);
    printf("env=%s,%s,%s\n", getenv("GGML_KEPT") ? "kept" : "lost",
           getenv("OPENAI_API_KEY") ? "leaked" : "cleared",
           getenv("LLAMA_ARG_TOOLS") ? "leaked" : "cleared");
    printf("nnp=%d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    int caps = 0;
    for (int cap = 0; cap < 41; cap++)
        caps += prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1;
    printf("bounding=%d\n", caps);
    fflush(stdout);
    _exit(0); /* the leak checker would need ptrace */
}

__attribute__((constructor)) static void take_over(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "jail") == 0)
        _exit(jail_main(argc - 1, argv + 1));
    if (argc > 1 && strcmp(argv[1], "prisoner") == 0)
        prisoner(argv);
    if (argc > 1 && strcmp(argv[1], "grandparent") == 0) {
        /* Its parent is not the one it is told: it must not start. */
        char pid[16];
        snprintf(pid, sizeof pid, "%d", (int)getpid());
        char *args[] = {"jail", "--parent", pid, "--allow-unjailed", "--", "/bin/true", NULL};
        _exit(jail_main(6, args));
    }
}

struct scene {
    char folder[64], foreign[96], secret[96], self[512];
    int tcp, port, listener;
};

static void scene_build(struct scene *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    socklen_t len = sizeof at;

    snprintf(s->folder, sizeof s->folder, "%s", "/tmp/nigh-jail-XXXXXX");
    CHECK(mkdtemp(s->folder) != NULL);
    CHECK(chmod(s->folder, 0777) == 0); /* nobody takes part too */
    snprintf(s->foreign, sizeof s->foreign, "%s-bus.sock", s->folder);
    snprintf(s->secret, sizeof s->secret, "%s-secret", s->folder);
    ssize_t n = readlink("/proc/self/exe", s->self, sizeof s->self - 1);
    CHECK(n > 0);
    s->self[n] = 0;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(s->tcp, (struct sockaddr *)&at, sizeof at) == 0 && listen(s->tcp, 8) == 0);
    CHECK(getsockname(s->tcp, (struct sockaddr *)&at, &len) == 0);
    s->port = ntohs(at.sin_port);

    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(un.sun_path, sizeof un.sun_path, "%s", s->foreign);
    CHECK(bind(s->listener, (struct sockaddr *)&un, sizeof un) == 0 && listen(s->listener, 8) == 0);
    CHECK(chmod(s->foreign, 0777) == 0);

    int fd = open(s->secret, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    CHECK(fd >= 0 && write(fd, "x", 1) == 1);
    close(fd);
}

static void scene_clear(struct scene *s)
{
    char own[128];
    close(s->tcp);
    close(s->listener);
    snprintf(own, sizeof own, "%s/own.sock", s->folder);
    unlink(own);
    snprintf(own, sizeof own, "%s/spill", s->folder);
    unlink(own);
    unlink(s->foreign);
    unlink(s->secret);
    rmdir(s->folder);
}

/* Runs argv with a stray descriptor 9 and some environment; its output, and its exit status. */
static int run(char *const *argv, unsigned uid, char *out, size_t size)
{
    int pipes[2], status = 0;
    size_t len = 0;

    CHECK(pipe(pipes) == 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pipes[1], 1);
        dup2(pipes[1], 2);
        dup2(pipes[0], 9);
        setenv("GGML_KEPT", "1", 1);
        setenv("OPENAI_API_KEY", "k", 1);
        setenv("LLAMA_ARG_TOOLS", "all", 1);
        if (uid && (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0))
            _exit(99);
        execv(argv[0], argv);
        _exit(98);
    }
    close(pipes[1]);
    for (ssize_t n; len + 1 < size && (n = read(pipes[0], out + len, size - len - 1)) > 0;)
        len += (size_t)n;
    out[len] = 0;
    close(pipes[0]);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Runs the prisoner behind the walls that the options leave; returns what the jail said was
 * reached. */
static int imprison(struct scene *s, const char *options, unsigned uid, char *out, size_t size)
{
    char port[16], words[128], *argv[32], *at = words;
    int n = 0, reached = -1;

    snprintf(port, sizeof port, "%d", s->port);
    snprintf(words, sizeof words, "%s", options);
    argv[n++] = s->self;
    argv[n++] = "jail";
    for (char *word; (word = strsep(&at, " "));)
        if (*word)
            argv[n++] = word;
    char *rest[] = {"--read",   s->self, "--write", s->folder,  "--",      s->self,
                    "prisoner", port,    s->folder, s->foreign, s->secret, NULL};
    memcpy(argv + n, rest, sizeof rest);
    CHECK_EQ(run(argv, uid, out, size), 0);
    for (char *line = out; line && *line && reached < 0; line = strchr(line, '\n')) {
        line += *line == '\n';
        reached = jail_parse(line, strcspn(line, "\n"));
    }
    return reached;
}

#define HAS(OUT, TEXT) (strstr((OUT), TEXT "\n") ? (void)0 : TAP_FAIL("no %s in:\n%s", TEXT, (OUT)))

TEST(jail_closes_every_way_out)
{
    struct scene s = {0};
    char out[4096];

    scene_build(&s);
    int reached = imprison(&s, "", 0, out, sizeof out);
    if (!(reached & JAIL_SECCOMP))
        SKIP("this kernel has no seccomp filter");
    if (reached & JAIL_NETNS)
        HAS(out, "others=0");
    HAS(out, "inet=EAFNOSUPPORT");
    HAS(out, "listen=ok"); /* the one thing it is for */
    HAS(out, "unix=EPERM");
    HAS(out, "dgram=EPERM");
    HAS(out, "uring=ENOSYS");
    HAS(out, "setns=EPERM");
    HAS(out, "null=ok");
    HAS(out, "fd9=EBADF");
    HAS(out, "env=kept,cleared,cleared");
    HAS(out, "nnp=1");
    HAS(out, "bounding=0");
    CHECK(strstr(out, "core=0 "));
    if (reached & JAIL_LANDLOCK) {
        HAS(out, "secret=EACCES");
        HAS(out, "spill=EACCES");
    }
    scene_clear(&s);
}

TEST(jail_network_namespace_alone_has_no_interface)
{
    struct scene s = {0};
    char out[4096];

    scene_build(&s);
    int reached = imprison(&s, "--no-seccomp --no-landlock", 0, out, sizeof out);
    scene_clear(&s);
    if (!(reached & JAIL_NETNS))
        SKIP("no network namespace may be made here");
    CHECK_EQ(reached, JAIL_NETNS);
    HAS(out, "others=0");
    HAS(out, "inet=ENETUNREACH");
    HAS(out, "secret=ok"); /* Landlock's part, seen missing */
}

TEST(jail_filter_alone_leaves_only_unix_sockets_that_listen)
{
    struct scene s = {0};
    char out[4096];

    scene_build(&s);
    int reached = imprison(&s, "--no-netns --no-landlock", 0, out, sizeof out);
    scene_clear(&s);
    CHECK_EQ(reached, JAIL_SECCOMP);
    HAS(out, "inet=EAFNOSUPPORT");
    HAS(out, "unix=EPERM");
    HAS(out, "listen=ok");
}

TEST(jail_files_alone)
{
    struct scene s = {0};
    char out[4096];

    scene_build(&s);
    int reached = imprison(&s, "--no-netns --no-seccomp --allow-unjailed", 0, out, sizeof out);
    scene_clear(&s);
    if (!(reached & JAIL_LANDLOCK))
        SKIP("this kernel has no Landlock");
    HAS(out, "secret=EACCES");
    HAS(out, "spill=EACCES");
    HAS(out, "listen=ok");
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 4) /* its ABI; 4 knows TCP */
        HAS(out, "inet=EACCES");
}

TEST(jail_works_for_an_ordinary_user)
{
    struct scene s = {0};
    char out[4096];

    if (geteuid() != 0)
        SKIP("the other tests run as an ordinary user already");
    scene_build(&s);
    if (faccessat(AT_FDCWD, s.self, X_OK, 0) != 0)
        SKIP("nobody cannot reach the test program");
    int reached = imprison(&s, "--allow-unjailed", 65534, out, sizeof out);
    scene_clear(&s);
    CHECK(reached & (JAIL_NETNS | JAIL_SECCOMP));
    if (!(reached & JAIL_NETNS))
        SKIP("users may make no namespace here; the filter held");
    HAS(out, "others=0");
    HAS(out, "listen=ok");
    HAS(out, "bounding=0");
}

TEST(jail_limits_memory)
{
    char out[1024];
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SKIP("a sanitizer needs terabytes of its own");
#endif
    char *argv[] = {"/proc/self/exe", "jail", "--data-max", "1073741824", "--",
                    "/bin/sh",        "-c",   "ulimit -d",  NULL};
    CHECK_EQ(run(argv, 0, out, sizeof out), 0);
    CHECK(strstr(out, "1048576\n"));
}

TEST(jail_refuses_when_nothing_holds)
{
    char out[1024];
    char *argv[] = {"/proc/self/exe", "jail", "--no-netns", "--no-seccomp", "--",
                    "/bin/echo",      "ran",  NULL};
    CHECK_EQ(run(argv, 0, out, sizeof out), JAIL_EXIT_REFUSED);
    CHECK(strstr(out, "refused"));
    CHECK(!strstr(out, "ran"));
}

TEST(jail_does_not_outlive_its_parent)
{
    char out[1024];
    char *orphan[] = {"/proc/self/exe", "grandparent", NULL};
    char *missing[] = {"/proc/self/exe", "jail", "--", "/nowhere/at/all", NULL};
    char *wrong[] = {"/proc/self/exe", "jail", "--bogus", "--", "/bin/true", NULL};

    CHECK_EQ(run(orphan, 0, out, sizeof out), JAIL_EXIT_ORPHAN);
    CHECK_EQ(run(missing, 0, out, sizeof out), JAIL_EXIT_EXEC);
    CHECK(strstr(out, "/nowhere/at/all"));
    CHECK_EQ(run(wrong, 0, out, sizeof out), JAIL_EXIT_USAGE);
}

TEST(jail_line_is_read_back)
{
    static const struct {
        const char *line;
        int want;
    } rows[] = {
        {"nigh-jail: netns seccomp landlock", JAIL_NETNS | JAIL_SECCOMP | JAIL_LANDLOCK},
        {"nigh-jail: seccomp \n", JAIL_SECCOMP},
        {"nigh-jail: none", 0},
        {"nigh-jail: no landlock: Function not implemented", -1},
        {"nigh-jail:", -1},
        {"0.00 I srv: netns", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_EQ(jail_parse(rows[i].line, strlen(rows[i].line)), rows[i].want);
}
