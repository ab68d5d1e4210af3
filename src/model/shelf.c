#include "model/shelf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char ending[] = ".gguf";

/* Below 0: errno says why.  Kernels before 5.6 have no openat2: no link at all is followed there.
 */
static int open_beneath(int folder, const char *file)
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, folder, file, &how, sizeof how);

    if (fd < 0 && errno == ENOSYS)
        fd = openat(folder, file, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return (int)fd;
}

static bool name_ok(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= SHELF_NAME_BYTES_MAX && name[0] != '.' && !strchr(name, '/');
}

enum nigh_status shelf_find(char ret[static PATH_BYTES], const char *folder, const char *name,
                            struct nigh_err *err)
{
    char file[SHELF_NAME_BYTES_MAX + sizeof ending];
    struct stat st;

    if (!name_ok(name))
        return nigh_fail(err, NIGH_INVALID, "engine.model: `%.60s` is no model's name", name);
    snprintf(file, sizeof file, "%s%s", name, ending);
    int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = dir < 0 ? -1 : open_beneath(dir, file);
    int error = errno;
    bool regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (fd >= 0)
        close(fd);
    if (dir >= 0)
        close(dir);
    if (fd < 0 && error == EXDEV)
        return nigh_fail(err, NIGH_DENIED,
                         "engine.model: %.60s is a link that leads out of %.120s; name the file's "
                         "own path instead",
                         file, folder);
    errno = error;
    if (fd < 0)
        return nigh_fail(err, NIGH_NOTFOUND, "engine.model: %.140s/%.60s: %m", folder, file);
    if (!regular)
        return nigh_fail(err, NIGH_NOTFOUND, "engine.model: %.140s/%.60s is no file", folder, file);
    return path_join(ret, folder, file, err);
}

/* A model's name of a file's, or nothing. */
static bool name_of(char ret[static SHELF_NAME_BYTES_MAX + 1], const char *file)
{
    size_t len = strlen(file), tail = sizeof ending - 1;

    if (len <= tail || len - tail > SHELF_NAME_BYTES_MAX || strcmp(file + len - tail, ending) != 0)
        return false;
    snprintf(ret, SHELF_NAME_BYTES_MAX + 1, "%.*s", (int)(len - tail), file);
    return true;
}

enum nigh_status shelf_only(char ret[static PATH_BYTES], const char *folder, struct nigh_err *err)
{
    DIR *d = opendir(folder);
    char found[SHELF_NAME_BYTES_MAX + 1] = "", name[SHELF_NAME_BYTES_MAX + 1];
    unsigned n = 0;

    for (struct dirent *e; d && (e = readdir(d));) {
        if (!name_of(name, e->d_name))
            continue;
        memcpy(found, name, sizeof found);
        n++;
    }
    if (d)
        closedir(d);
    if (n == 1)
        return shelf_find(ret, folder, found, err);
    if (n)
        return nigh_fail(err, NIGH_NOTFOUND, "engine.model: %u models in %.140s: name one", n,
                         folder);
    return nigh_fail(err, NIGH_NOTFOUND,
                     "engine.model: no model: put a .gguf file into %.140s or set NIGH_MODEL",
                     folder);
}
