#include "base/secret.h"
#include "base/tap.h"
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The VmFlags of the mapping that holds p, from /proc/self/smaps. */
static bool flags_of(const void *p, char ret[static 256])
{
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[512];
    bool inside = false, found = false;

    while (f && !found && fgets(line, sizeof line, f)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = (unsigned long)p >= from && (unsigned long)p < to;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            snprintf(ret, 256, "%.250s ", line + 8);
            found = true;
        }
    }
    if (f)
        fclose(f);
    return found;
}

TEST(a_secret_is_locked_and_never_dumped)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SKIP("under a sanitizer mlock() does nothing");
#endif
    char *secret = secret_new(100), flags[256] = "";

    CHECK(secret != NULL);
    CHECK_EQ((uintptr_t)secret % 16, 0);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(secret[i], 0);
    strcpy(secret, "canary");
    CHECK(flags_of(secret, flags));
    CHECK(strstr(flags, " dd "));
    if (secret_bare() == 0)
        CHECK(strstr(flags, " lo "));
    secret_seal(secret);
    CHECK(flags_of(secret, flags));
    CHECK(!strstr(flags, " wr "));
    CHECK_STR(secret, "canary");
    CHECK(secret_free(secret) == NULL);
    CHECK(secret_free(NULL) == NULL);
}

TEST(what_stands_elsewhere_is_guarded_in_its_place)
{
    char *elsewhere = calloc(1, 1 << 20), flags[256] = "";

    secret_guard(elsewhere + 4096 * 3 + 17, 10000); /* not at a page's beginning */
    CHECK(flags_of(elsewhere + 4096 * 3 + 17, flags));
    CHECK(strstr(flags, " dd "));
    CHECK(flags_of(elsewhere + 4096 * 3 + 17 + 9999, flags));
    CHECK(strstr(flags, " dd "));
    free(elsewhere);
}

TEST(a_kernel_that_locks_nothing_is_told)
{
    if (geteuid() == 0) { /* the limit does not hold root */
        CHECK_EQ(secret_bare(), 0);
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_MEMLOCK, &none);
        void *secret = secret_new(10);
        _exit(secret && secret_bare() > 0 ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

TEST(the_process_leaves_no_core_unless_told_to)
{
    for (int debug = 0; debug < 2; debug++) {
        pid_t child = fork();
        if (child == 0) {
            struct rlimit core;
            setenv("NIGH_DUMPABLE", debug ? "1" : "", 1);
            bool done = secret_process();
            getrlimit(RLIMIT_CORE, &core);
            bool shut = core.rlim_max == 0 && prctl(PR_GET_DUMPABLE) == 0;
            _exit(done && (debug ? prctl(PR_GET_DUMPABLE) == 1 : shut) ? 0 : 1);
        }
        int status = -1;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
}
