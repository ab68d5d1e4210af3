#include "label/head.h"
#include "base/fault.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char name[] = "ledger.head";
enum { LINE_LEN = CHAIN_TEXT_BYTES }; /* the number with zeros before it, and a line end */

struct head {
    int fd;
};

enum nigh_status head_new(struct head **ret, int dir, struct nigh_err *err)
{
    struct head *h = calloc(1, sizeof *h);

    if (!h)
        return nigh_fail(err, NIGH_NOMEM, "ledger: out of memory");
    h->fd = fault_hit(FAULT_OPEN) ? -1 : openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (h->fd < 0) {
        free(h);
        return nigh_fail(err, NIGH_IO, "open %s: %m", name);
    }
    *ret = h;
    return NIGH_OK;
}

struct head *head_free(struct head *h)
{
    if (h)
        close(h->fd);
    free(h);
    return NULL;
}

enum nigh_status head_put(struct head *h, const struct chain *at, struct nigh_err *err)
{
    char text[CHAIN_TEXT_BYTES], line[LINE_LEN + 1];

    chain_text(text, at);
    snprintf(line, sizeof line, "%020" PRIu64 "%s\n", at->seq, strchr(text, ':'));
    if (fault_hit(FAULT_WRITE) || pwrite(h->fd, line, LINE_LEN, 0) != LINE_LEN)
        return nigh_fail(err, NIGH_IO, "write %s: %m", name);
    return NIGH_OK;
}

enum nigh_status head_read(struct chain *ret, int dir, struct nigh_err *err)
{
    char line[LINE_LEN + 1];
    int fd = fault_hit(FAULT_OPEN) ? -1 : openat(dir, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 || fault_hit(FAULT_READ) ? -1 : read(fd, line, sizeof line);
    int why = errno;

    if (fd >= 0)
        close(fd);
    errno = why;
    if (n < 0)
        return nigh_fail(err, why == ENOENT ? NIGH_NOTFOUND : NIGH_IO, "read %s: %m", name);
    if (n == 0) /* its maker died before the first entry */
        return nigh_fail(err, NIGH_NOTFOUND, "%s is empty", name);
    if (n != LINE_LEN || line[LINE_LEN - 1] != '\n' ||
        !chain_parse(ret, (struct slice){line, LINE_LEN - 1}))
        return nigh_fail(err, NIGH_INVALID, "%s is damaged", name);
    return NIGH_OK;
}
