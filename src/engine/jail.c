#include "engine/jail.h"

#include "base/err.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

/* One write(2) a line, so that it is never mixed with another's. */
__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    int n = snprintf(line, sizeof line, JAIL_LINE " ");
    int m = vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, ap);
    va_end(ap);
    size_t len = (size_t)n + (m < 0 ? 0 : (size_t)m);
    if (len > sizeof line - 2)
        len = sizeof line - 2;
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, len) < 0)
        return; /* nobody listens; the walls stand all the same */
}

static bool take_path(const char **list, unsigned *n, const char *path)
{
    if (!path || *n == JAIL_PATHS_MAX)
        return false;
    list[(*n)++] = path;
    return true;
}

static bool take_number(uint64_t *ret, const char *text)
{
    return text && slice_u64(slice_of(text), ret);
}

static bool take_flag(struct jail *j, const char *word)
{
    const struct {
        const char *word;
        bool *flag;
    } flags[] = {{"--no-netns", &j->no_netns},
                 {"--no-seccomp", &j->no_seccomp},
                 {"--no-landlock", &j->no_landlock},
                 {"--allow-unjailed", &j->allow_unjailed}};

    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (strcmp(word, flags[i].word) == 0)
            return *flags[i].flag = true;
    return false;
}

static bool take_value(struct jail *j, const char *word, const char *value)
{
    if (strcmp(word, "--read") == 0)
        return take_path(j->read, &j->n_read, value);
    if (strcmp(word, "--write") == 0)
        return take_path(j->write, &j->n_write, value);
    if (strcmp(word, "--data-max") == 0)
        return take_number(&j->data_max, value);
    return strcmp(word, "--parent") == 0 && take_number(&j->parent, value);
}

static bool parse(struct jail *j, char ***ret_program, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            *ret_program = argv + i + 1;
            return i + 1 < argc;
        }
        if (take_flag(j, argv[i]))
            continue;
        if (!take_value(j, argv[i], i + 1 < argc ? argv[i + 1] : NULL)) {
            say("cannot take %s", argv[i]);
            return false;
        }
        i++;
    }
    return false;
}

/* The signal is lost when credentials change, so this is called again before the end. */
static bool dies_with_parent(const struct jail *j)
{
    if (j->parent == 0)
        return true;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        say("cannot be tied to the parent's life: %s", strerror(errno));
        return false;
    }
    return (uint64_t)getppid() == j->parent; /* else it died before the line above */
}

static void close_files(void)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, 3u, ~0u, 0u) == 0)
        return;
#endif
    long max = sysconf(_SC_OPEN_MAX);
    for (int fd = 3; fd < (max > 0 ? max : 65536); fd++)
        close(fd);
}

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return ok;
}

/* The ceiling is RLIMIT_DATA: it counts private writable memory (caches, buffers, repacked weights)
 * and neither the mapped model file nor address space that a GPU driver merely reserves, both of
 * which RLIMIT_AS counts. */
static bool set_limits(const struct jail *j)
{
    const struct rlimit none = {0, 0};
    const struct rlimit data = {j->data_max, j->data_max};

    if (setrlimit(RLIMIT_CORE, &none) != 0) {
        say("cannot forbid core files: %s", strerror(errno));
        return false;
    }
    if (j->data_max && setrlimit(RLIMIT_DATA, &data) != 0) {
        say("cannot limit memory to %llu bytes: %s", (unsigned long long)j->data_max,
            strerror(errno));
        return false;
    }
    /* Before the node and before the user's programs, after nothing: 0 is usual, 1000 the first. */
    if (!write_text("/proc/self/oom_score_adj", "800"))
        say("oom_score_adj stays as it is: %s", strerror(errno));
    return true;
}

static bool enter_netns(const struct jail *j)
{
    char map[64];
    unsigned uid = geteuid(), gid = getegid();

    if (j->no_netns)
        return false;
    if (unshare(CLONE_NEWNET) == 0)
        return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        say("no network namespace: %s", strerror(errno));
        return false;
    }
    /* Stay who we are, so that what the user may read can be read. */
    snprintf(map, sizeof map, "%u %u 1", uid, uid);
    bool mapped = write_text("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "%u %u 1", gid, gid);
    if (!mapped || !write_text("/proc/self/setgroups", "deny") ||
        !write_text("/proc/self/gid_map", map))
        say("user namespace without a map of ids: %s", strerror(errno));
    return true;
}

/* Root in a namespace of its own could otherwise walk back out of it through /proc. */
static bool drop_capabilities(void)
{
    const struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    const struct __user_cap_data_struct zero[2] = {{0}};
    const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                               SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                               SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); /* only those who have capabilities can */
    (void)prctl(PR_SET_SECUREBITS, bits, 0, 0, 0);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &head, zero) != 0) {
        say("cannot drop capabilities: %s", strerror(errno));
        return false;
    }
    return true;
}

/* Landlock's ABI 7 (Linux 6.15), spelled out here since the headers of older systems lack the newer
 * parts; see the kernel's userspace-api/landlock.rst. */
enum {
    LL_RULE_PATH_BENEATH = 1,
    LL_VERSION = 1,

    LL_EXECUTE = 1 << 0,
    LL_WRITE_FILE = 1 << 1,
    LL_READ_FILE = 1 << 2,
    LL_READ_DIR = 1 << 3,
    LL_REMOVE_FILE = 1 << 5,
    LL_MAKE_SOCK = 1 << 9,
    LL_ABI_1 = (1 << 13) - 1, /* all of the first version */
    LL_REFER = 1 << 13,       /* 2 */
    LL_TRUNCATE = 1 << 14,    /* 3 */
    LL_IOCTL_DEV = 1 << 15,   /* 5 */

    LL_NET_ALL = 3,   /* 4: bind and connect by TCP */
    LL_SCOPE_ALL = 3, /* 6: abstract Unix sockets, signals */

    LL_OF_FILES = LL_EXECUTE | LL_WRITE_FILE | LL_READ_FILE | LL_TRUNCATE | LL_IOCTL_DEV,
};
struct ll_ruleset {
    uint64_t fs, net, scoped;
};
struct ll_path {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

struct landlock {
    int fd;
    uint64_t handled;
};

/* A path that is not there is no reason to stop: no GPU, no /lib64. */
static void ll_allow(const struct landlock *ll, const char *path, uint64_t allowed)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return;
    int probe = openat(fd, ".", O_PATH | O_CLOEXEC); /* fails unless it is a folder */
    if (probe < 0)
        allowed &= LL_OF_FILES;
    else
        close(probe);
    const struct ll_path rule = {allowed & ll->handled, fd};
    if (syscall(SYS_landlock_add_rule, ll->fd, LL_RULE_PATH_BENEATH, &rule, 0) != 0)
        say("landlock: %s: %s", path, strerror(errno));
    close(fd);
}

static void ll_allow_glob(const struct landlock *ll, const char *pattern, uint64_t allowed)
{
    glob_t found = {0};
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            ll_allow(ll, found.gl_pathv[i], allowed);
    globfree(&found);
}

static bool ll_open(struct landlock *ll)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LL_VERSION);
    if (abi < 1) {
        say("no landlock: %s", strerror(errno));
        return false;
    }
    struct ll_ruleset set = {.fs = LL_ABI_1, .net = LL_NET_ALL, .scoped = LL_SCOPE_ALL};
    if (abi >= 2)
        set.fs |= LL_REFER;
    if (abi >= 3)
        set.fs |= LL_TRUNCATE;
    if (abi >= 5)
        set.fs |= LL_IOCTL_DEV;
    size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8; /* of the struct at that version */
    long fd = syscall(SYS_landlock_create_ruleset, &set, size, 0);
    if (fd < 0) {
        say("no landlock: %s", strerror(errno));
        return false;
    }
    *ll = (struct landlock){(int)fd, set.fs};
    return true;
}

static bool enter_landlock(const struct jail *j)
{
    enum {
        READ = LL_READ_FILE | LL_READ_DIR,
        RUN = READ | LL_EXECUTE,
        DEVICE = READ | LL_WRITE_FILE | LL_IOCTL_DEV,
        SOCKETS = LL_READ_DIR | LL_MAKE_SOCK | LL_REMOVE_FILE, /* no file: nothing spills to disk */
    };
    /* Programs and libraries; what ggml reads about processors and GPUs; the GPUs themselves. */
    static const char *const run[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"};
    static const char *const look[] = {"/etc/ld.so.cache", "/etc/OpenCL",  "/etc/vulkan",
                                       "/proc/self",       "/sys",         "/proc/cpuinfo",
                                       "/proc/meminfo",    "/proc/stat",   "/proc/devices",
                                       "/proc/driver",     "/proc/modules"};
    static const char *const device[] = {"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom",
                                         "/dev/dri",  "/dev/kfd",  "/dev/accel"};
    struct landlock ll;

    if (j->no_landlock || !ll_open(&ll))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(run); i++)
        ll_allow(&ll, run[i], RUN);
    for (size_t i = 0; i < ARRAY_LEN(look); i++)
        ll_allow(&ll, look[i], READ);
    for (size_t i = 0; i < ARRAY_LEN(device); i++)
        ll_allow(&ll, device[i], DEVICE);
    ll_allow_glob(&ll, "/dev/nvidia*", DEVICE);
    for (unsigned i = 0; i < j->n_read; i++)
        ll_allow(&ll, j->read[i], RUN);
    for (unsigned i = 0; i < j->n_write; i++)
        ll_allow(&ll, j->write[i], SOCKETS);

    bool ok = syscall(SYS_landlock_restrict_self, ll.fd, 0) == 0;
    if (!ok)
        say("no landlock: %s", strerror(errno));
    close(ll.fd);
    return ok;
}

/* Ways to another process, another namespace or the kernel's insides: none of them is needed to
 * compute. */
static const int forbidden[] = {
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(fsopen),
    SCMP_SYS(open_tree),
    SCMP_SYS(move_mount),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(connect),
    SCMP_SYS(mq_open),
    SCMP_SYS(msgget),
    SCMP_SYS(shmget),
    SCMP_SYS(name_to_handle_at),
};
/* "Not in this kernel", so that the caller takes its older way, whose arguments can be seen. */
static const int unknown[] = {
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(clone3),
};
enum { NEW_NAMESPACES = 0x7e020000 }; /* every CLONE_NEW... that clone(2) takes */

/* For calls whose argument compares so.  (A function: the library's macros leave members unset.) */
static int forbid_when(scmp_filter_ctx ctx, int error, int call, unsigned arg, enum scmp_compare op,
                       scmp_datum_t a, scmp_datum_t b)
{
    const struct scmp_arg_cmp when = {arg, op, a, b};
    return seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO((unsigned)error), call, 1, &when);
}

/* Sockets: Unix ones that listen.  A datagram can be sent without connect(), so streams only. */
static int socket_rules(scmp_filter_ctx ctx)
{
    int rc = forbid_when(ctx, EAFNOSUPPORT, SCMP_SYS(socket), 0, SCMP_CMP_NE, AF_UNIX, 0);

    for (scmp_datum_t type = SOCK_DGRAM; type <= SOCK_SEQPACKET && rc == 0; type++) {
        rc = forbid_when(ctx, EPERM, SCMP_SYS(socket), 1, SCMP_CMP_MASKED_EQ, 0xf, type);
        if (rc == 0)
            rc = forbid_when(ctx, EPERM, SCMP_SYS(socketpair), 1, SCMP_CMP_MASKED_EQ, 0xf, type);
    }
    return rc ? rc : forbid_when(ctx, EPERM, SCMP_SYS(sendto), 4, SCMP_CMP_NE, 0, 0);
}

static int seccomp_rules(scmp_filter_ctx ctx)
{
    int rc = 0;

    for (size_t i = 0; i < ARRAY_LEN(forbidden) && rc == 0; i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), forbidden[i], 0);
    for (size_t i = 0; i < ARRAY_LEN(unknown) && rc == 0; i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), unknown[i], 0);
    for (unsigned bit = 0; bit < 32 && rc == 0; bit++)
        if (NEW_NAMESPACES & (1u << bit))
            rc = forbid_when(ctx, EPERM, SCMP_SYS(clone), 0, SCMP_CMP_MASKED_EQ, 1u << bit,
                             1u << bit);
    return rc ? rc : socket_rules(ctx);
}

static bool enter_seccomp(const struct jail *j)
{
    if (j->no_seccomp)
        return false;
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    int rc = ctx ? seccomp_rules(ctx) : -ENOMEM;
    rc = rc ? rc : seccomp_load(ctx);
    seccomp_release(ctx);
    if (rc != 0)
        say("no seccomp filter: %s", strerror(-rc));
    return rc == 0;
}

/* LLAMA_ARG_... stays out: it could turn on what the engine's own arguments do not (tools that run
 * shell commands, a second listener). */
static bool env_kept(const char *entry)
{
    static const char *const names[] = {"PATH=", "HOME=", "LANG=", "LC_ALL=", "LD_LIBRARY_PATH="};
    static const char *const prefixes[] = {"GGML_", "CUDA_", "NVIDIA_", "VK_",    "HIP_", "HSA_",
                                           "ROCR_", "ZES_",  "ONEAPI_", "LLAMA_", "OMP_"};
    struct slice e = slice_of(entry);

    if (slice_starts(e, SLICE("LLAMA_ARG_")) || slice_starts(e, SLICE("LLAMA_API_KEY")))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (slice_starts(e, slice_of(names[i])))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (slice_starts(e, slice_of(prefixes[i])))
            return true;
    return false;
}

static void clear_env(void)
{
    char **to = environ;
    for (char **from = environ; *from; from++)
        if (env_kept(*from))
            *to++ = *from;
    *to = NULL;
}

static void tell(unsigned reached)
{
    say("%s%s%s%s", reached ? "" : "none", reached & JAIL_NETNS ? "netns " : "",
        reached & JAIL_SECCOMP ? "seccomp " : "", reached & JAIL_LANDLOCK ? "landlock" : "");
}

int jail_enter(const struct jail *j)
{
    unsigned reached = 0;

    if (!dies_with_parent(j))
        return JAIL_EXIT_ORPHAN;
    close_files();
    if (!set_limits(j))
        return JAIL_EXIT_REFUSED;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        say("no_new_privs: %s", strerror(errno));
        return JAIL_EXIT_REFUSED;
    }
    if (enter_netns(j))
        reached |= JAIL_NETNS;
    if (!drop_capabilities())
        return JAIL_EXIT_REFUSED;
    if (enter_landlock(j))
        reached |= JAIL_LANDLOCK;
    clear_env();
    if (!dies_with_parent(j))
        return JAIL_EXIT_ORPHAN;
    if (enter_seccomp(j))
        reached |= JAIL_SECCOMP;

    if (!(reached & (JAIL_NETNS | JAIL_SECCOMP)) && !j->allow_unjailed) {
        say("refused: neither a network namespace nor a seccomp filter is possible here");
        return JAIL_EXIT_REFUSED;
    }
    tell(reached);
    return 0;
}

int jail_main(int argc, char **argv)
{
    struct jail j = {0};
    char **program = NULL;

    if (!parse(&j, &program, argc, argv)) {
        say("usage: jail [--read PATH] [--write FOLDER] [--data-max BYTES] -- PROGRAM ARG...");
        return JAIL_EXIT_USAGE;
    }
    int status = jail_enter(&j);
    if (status != 0)
        return status;
    execv(program[0], program);
    say("execute %s: %s", program[0], strerror(errno));
    return JAIL_EXIT_EXEC;
}

int jail_parse(const char *line, unsigned long len)
{
    static const struct {
        const char *word;
        int bits;
    } words[] = {
        {"netns", JAIL_NETNS}, {"seccomp", JAIL_SECCOMP}, {"landlock", JAIL_LANDLOCK}, {"none", 0}};
    struct slice rest = slice_trim((struct slice){line, len});
    int bits = 0;

    if (!slice_is(slice_cut(&rest, ' '), JAIL_LINE) || rest.len == 0)
        return -1;
    while (rest.len > 0) {
        struct slice word = slice_cut(&rest, ' ');
        size_t i = 0;
        while (i < ARRAY_LEN(words) && !slice_is(word, words[i].word))
            i++;
        if (i == ARRAY_LEN(words))
            return -1; /* a sentence about what was not reached */
        bits |= words[i].bits;
    }
    return bits;
}
