#include "base/path.h"
#include "base/fault.h"
#include "base/rand.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* The variable's value, if it is an absolute path: the XDG specification has others ignored. */
static const char *path_env(const char *name)
{
    const char *value = secure_getenv(name);

    return value && value[0] == '/' ? value : NULL;
}

static enum nigh_status path_place(char ret[static PATH_BYTES], const char *variable,
                                   const char *under, const char *of_root, const char *under_home,
                                   struct nigh_err *err)
{
    const char *base = path_env(variable), *home = path_env("HOME");

    if (base)
        return path_join(ret, base, under, err);
    if (geteuid() == 0)
        return path_join(ret, of_root, "", err);
    if (!home)
        return nigh_fail(err, NIGH_INVALID, "neither HOME nor %s is set to an absolute path",
                         variable);
    return path_join(ret, home, under_home, err);
}

enum nigh_status path_config(char ret[static PATH_BYTES], struct nigh_err *err)
{
    return path_place(ret, "XDG_CONFIG_HOME", "nigh", "/etc/nigh", ".config/nigh", err);
}

enum nigh_status path_state(char ret[static PATH_BYTES], struct nigh_err *err)
{
    const char *state = path_env("NIGH_STATE");

    if (state)
        return path_join(ret, state, "", err);
    return path_place(ret, "XDG_STATE_HOME", "nigh", "/var/lib/nigh", ".local/state/nigh", err);
}

enum nigh_status path_models(char ret[static PATH_BYTES], struct nigh_err *err)
{
    return path_place(ret, "XDG_DATA_HOME", "nigh/models", "/var/lib/nigh/models",
                      ".local/share/nigh/models", err);
}

enum nigh_status path_join(char ret[static PATH_BYTES], const char *dir, const char *name,
                           struct nigh_err *err)
{
    size_t dir_len = strlen(dir), name_len = strlen(name);
    bool slash = name_len > 0 && dir_len > 0 && dir[dir_len - 1] != '/';

    if (dir_len + slash + name_len >= PATH_BYTES)
        return nigh_fail(err, NIGH_TOOBIG, "a path has more than %d bytes", PATH_BYTES - 1);
    if (ret != dir)
        memcpy(ret, dir, dir_len + 1);
    if (slash)
        ret[dir_len] = '/';
    memcpy(ret + dir_len + slash, name, name_len + 1);
    return NIGH_OK;
}

static enum nigh_status path_make_one(const char *dir, struct nigh_err *err)
{
    struct stat st;

    if (mkdir(dir, 0700) == 0)
        return NIGH_OK;
    int cause = errno;
    if (stat(dir, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return NIGH_OK;
        cause = ENOTDIR;
    }
    errno = cause;
    return nigh_fail(err, NIGH_IO, "make folder %s: %m", dir);
}

enum nigh_status path_make_private(const char *dir, struct nigh_err *err)
{
    char part[PATH_BYTES];
    enum nigh_status status = path_join(part, dir, "", err);

    for (char *p = part; status == NIGH_OK && *p; p++) {
        if (*p != '/' || p == part)
            continue;
        *p = '\0';
        status = path_make_one(part, err);
        *p = '/';
    }
    return status == NIGH_OK ? path_make_one(part, err) : status;
}

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        if (fault_hit(FAULT_WRITE))
            return false;
        ssize_t n = write(fd, bytes.p, bytes.len);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return false;
        }
        bytes.p += n;
        bytes.len -= (size_t)n;
    }
    return true;
}

static int path_open(const char *path, int flags, mode_t mode)
{
    return fault_hit(FAULT_OPEN) ? -1 : open(path, flags | O_CLOEXEC, mode);
}

/* Makes a rename in this file's folder last through a power cut. */
static enum nigh_status path_sync_parent(const char *path, struct nigh_err *err)
{
    const char *slash = strrchr(path, '/');
    char dir[PATH_BYTES];

    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path) + (slash == path) : 1,
             slash ? path : ".");
    CLEANUP(closep) int fd = path_open(dir, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0 || fault_hit(FAULT_WRITE) || fsync(fd) != 0)
        return nigh_fail(err, NIGH_IO, "sync folder %s: %m", dir);
    return NIGH_OK;
}

static enum nigh_status path_fill(const char *temp, int fd, struct slice bytes,
                                  struct nigh_err *err)
{
    if (!write_all(fd, bytes))
        return nigh_fail(err, NIGH_IO, "write %s: %m", temp);
    if (fault_hit(FAULT_WRITE) || fsync(fd) != 0)
        return nigh_fail(err, NIGH_IO, "sync %s: %m", temp);
    return NIGH_OK;
}

enum nigh_status path_write(const char *path, struct slice bytes, struct nigh_err *err)
{
    char temp[PATH_BYTES];
    int len = snprintf(temp, sizeof temp, "%s.%016llx", path, (unsigned long long)rand_u64());

    if (len >= (int)sizeof temp)
        return nigh_fail(err, NIGH_TOOBIG, "a path has more than %d bytes", PATH_BYTES - 1);
    /* Beside the file, so that rename does not cross file systems; O_EXCL follows no link. */
    CLEANUP(closep) int fd = path_open(temp, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        return nigh_fail(err, NIGH_IO, "create %s: %m", temp);
    enum nigh_status status = path_fill(temp, fd, bytes, err);
    if (status == NIGH_OK && (fault_hit(FAULT_WRITE) || rename(temp, path) != 0))
        status = nigh_fail(err, NIGH_IO, "replace %s: %m", path);
    if (status != NIGH_OK) {
        unlink(temp);
        return status;
    }
    return path_sync_parent(path, err);
}

static enum nigh_status path_read_fd(struct buf *ret, int fd, const char *path, size_t max_bytes,
                                     struct nigh_err *err)
{
    char piece[16 << 10];

    buf_add(ret, "", 0); /* an empty file is an empty string, not nothing */
    for (;;) {
        ssize_t n = fault_hit(FAULT_READ) ? -1 : read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return nigh_fail(err, NIGH_IO, "read %s: %m", path);
        if ((size_t)n > max_bytes)
            return nigh_fail(err, NIGH_TOOBIG, "%s is bigger than it may be", path);
        max_bytes -= (size_t)n;
        buf_add(ret, piece, (size_t)n);
        if (ret->failed)
            return nigh_fail(err, NIGH_NOMEM, "read %s: out of memory", path);
        if (n == 0)
            return NIGH_OK;
    }
}

enum nigh_status path_read(struct buf *ret, const char *path, size_t max_bytes,
                           struct nigh_err *err)
{
    size_t before = ret->len;
    CLEANUP(closep) int fd = path_open(path, O_RDONLY, 0); /* a config may well be a link */

    if (fd < 0)
        return nigh_fail(err, errno == ENOENT ? NIGH_NOTFOUND : NIGH_IO, "open %s: %m", path);
    enum nigh_status status = path_read_fd(ret, fd, path, max_bytes, err);
    if (status != NIGH_OK && ret->data) {
        ret->len = before; /* half a file is worse than none */
        ret->data[before] = '\0';
    }
    return status;
}

bool path_exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}
