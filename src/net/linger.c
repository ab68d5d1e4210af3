#include "net/linger.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct linger_one {
    uv_poll_t poll;
    struct timer clock;
    struct lingers *all; /* NULL: closing */
    struct linger_one *prev, *next;
    size_t bytes;
    int fd;
};

static void closed(uv_handle_t *h)
{
    struct linger_one *one = h->data;

    close(one->fd);
    free(one);
}

static void end(struct linger_one *one)
{
    struct lingers *all = one->all;

    timer_disarm(all->loop, &one->clock);
    if (one->prev)
        one->prev->next = one->next;
    else
        all->first = one->next;
    if (one->next)
        one->next->prev = one->prev;
    all->n--;
    one->all = NULL;
    uv_close((uv_handle_t *)&one->poll, closed);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct linger_one *one = poll->data;
    char waste[16 << 10];
    ssize_t n = 0;

    /* A bounded piece per pass: others wait too. */
    for (int i = 0; i < 16 && (n = recv(one->fd, waste, sizeof waste, MSG_DONTWAIT)) > 0; i++)
        one->bytes += (size_t)n;
    if (status < 0 || n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
        one->bytes >= LINGER_BYTES_MAX)
        end(one);
}

static void on_time(struct timer *t)
{
    end(CONTAINER_OF(t, struct linger_one, clock));
}

void lingers_init(struct lingers *l, struct loop *loop)
{
    *l = (struct lingers){.loop = loop};
}

void lingers_done(struct lingers *l)
{
    while (l->first)
        end(l->first);
}

void linger(struct lingers *l, int fd)
{
    struct linger_one *one = NULL;
    int copy = l->n < LINGER_MAX ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;

    if (copy < 0)
        return;
    if (!(one = calloc(1, sizeof *one)) || uv_poll_init(loop_uv(l->loop), &one->poll, copy) != 0) {
        close(copy);
        free(one);
        return;
    }
    one->poll.data = one;
    one->fd = copy;
    one->all = l;
    one->next = l->first;
    if (l->first)
        l->first->prev = one;
    l->first = one;
    l->n++;
    if (uv_poll_start(&one->poll, UV_READABLE, on_readable) != 0 ||
        timer_arm(l->loop, &one->clock, LINGER_MS, on_time, NULL) != NIGH_OK)
        end(one);
}
