#include "engine/proc.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool read_line(char *line, size_t size, int pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    line[fread(line, 1, size - 1, f)] = '\0';
    fclose(f);
    return true;
}

/* After its name in parentheses, which may hold anything, user and system time are the 12th and
 * 13th word of the line (proc(5)). */
uint64_t proc_work_ms(int pid)
{
    char line[1024];
    unsigned long long user = 0, system = 0;

    if (!read_line(line, sizeof line, pid, "stat"))
        return 0;
    const char *at = strrchr(line, ')');
    for (int word = 0; at && word < 12; word++)
        at = strchr(at + 1, ' ');
    if (!at || sscanf(at, " %llu %llu", &user, &system) != 2)
        return 0;
    return (user + system) * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK);
}

/* The second and third number of statm, in pages. */
static uint64_t resident(int pid, bool shared_too)
{
    char line[256];
    unsigned long long size = 0, all = 0, shared = 0;

    if (!read_line(line, sizeof line, pid, "statm") ||
        sscanf(line, "%llu %llu %llu", &size, &all, &shared) != 3)
        return 0;
    return (shared_too ? all : all - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t proc_rss_bytes(int pid)
{
    return resident(pid, true);
}

uint64_t proc_own_bytes(int pid)
{
    return resident(pid, false);
}
