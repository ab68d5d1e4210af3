/* What the kernel counted of a call, as the ledger wants it of each send that leaves the device.
 *
 * A connection serves many calls, one after the other.  What it counts since the last one that it
 * told belongs to the next: the handshake to the first, what TLS says between two to the later.
 * So the sum over all calls of a connection is the kernel's sum, but for what follows the last.
 * Where several share it at once (HTTP/2) nobody can say whose a byte was: none of them is told. */
#include "net/client_inside.h"
#include <stdio.h>
#include <sys/socket.h>

static unsigned bucket(const char *name)
{
    unsigned h = 5381;

    while (*name)
        h = h * 33 + (unsigned char)*name++;
    return h % SOCK_BUCKETS;
}

void kernel_open(struct sock *s)
{
    s->next = s->client->unnamed;
    s->client->unnamed = s;
}

static void unlist(struct sock *s)
{
    struct client *c = s->client;
    struct sock **at = s->name[0] ? &c->named[bucket(s->name)] : &c->unnamed;

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
}

/* What came and went since the last time, to the call whose it is. */
static void take(struct sock *s)
{
    struct call *call = s->user;
    struct tcp_count now;

    if (!tcp_count(&now, s->fd) || s->shared) {
        call->kernel_known = false;
        return;
    }
    call->kernel.out += now.out - s->told.out;
    call->kernel.in += now.in - s->told.in;
    s->told = now;
}

static void leave(struct call *call)
{
    take(call->sock);
    call->sock->user = NULL;
    call->sock = NULL;
}

void kernel_close(struct sock *s)
{
    if (s->user)
        leave(s->user);
    unlist(s);
}

static int port_of(int fd)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;

    if (getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        return -1;
    if (at.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&at)->sin6_port);
    return at.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&at)->sin_port) : -1;
}

/* Of connections that are new, few at any time: the one with this port gets its name. */
static struct sock *name_it(struct client *c, const char *name, int local_port)
{
    struct sock *s = c->unnamed;

    while (s && port_of(s->fd) != local_port)
        s = s->next;
    if (!s)
        return NULL;
    unlist(s);
    snprintf(s->name, sizeof s->name, "%s", name);
    s->next = c->named[bucket(name)];
    c->named[bucket(name)] = s;
    return s;
}

static struct sock *find(struct client *c, const char *name, int local_port)
{
    struct sock *s = c->named[bucket(name)];

    while (s && strcmp(s->name, name) != 0)
        s = s->next;
    return s ? s : name_it(c, name, local_port);
}

static bool is_plain(const struct call *call)
{
    return strncmp(call->to->base_url, "http://", 7) == 0; /* HTTP/1.1: we ask for no other */
}

/* Whoever speaks HTTP/1 over a connection is done with it when it serves another; libcurl gives it
 * away before it tells us of the end. */
static bool goes_first(const struct call *call)
{
    return is_plain(call) || (call->head_told && !call->http_2);
}

void kernel_begin(struct call *call, const char *local_ip, int local_port, const char *ip, int port)
{
    char name[sizeof((struct sock *)0)->name];
    struct sock *s;

    if (call->dead || call->to->dest.zone == ZONE_DEVICE) /* no ledger row asks for it */
        return;
    snprintf(name, sizeof name, "%s:%d-%s:%d", local_ip, local_port, ip, port);
    if (call->sock)
        leave(call); /* it goes out over another one */
    if (!(s = find(call->client, name, local_port)))
        return;
    if (s->user && !goes_first(s->user)) {
        s->shared = true;
        return;
    }
    if (s->user)
        leave(s->user);
    s->user = call;
    call->sock = s;
    call->kernel_known = true;
}

/* Text before HTTP/2's compression is what we counted, so there the two do not compare; which
 * protocol it was, over TLS, the answer's header tells. */
static bool comparable(const struct call *call)
{
    return call->kernel_known && !call->http_2 && (is_plain(call) || call->head_told);
}

bool kernel_end(struct call *call, struct tcp_count *ret)
{
    if (call->sock)
        leave(call);
    if (!comparable(call))
        return false;
    *ret = call->kernel;
    return true;
}
