/* place-rig: what the tests of places share: one loop, runs whose events are gathered, and a
 * scripted server on plain sockets.  Included by *-test.c only.
 *
 * All on one thread: the server is looked at every millisecond until what is awaited came. */
#pragma once
#include "api/api.h"
#include "base/clock.h"
#include "base/tap.h"
#include "loop/timer.h"
#include "net/client.h"
#include "turn/place.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static struct rig {
    struct loop *loop;
    struct client *client;
    struct gate *gate;
    struct arena arena;
    struct zones zones;
    struct timer tick;
} rig;

/* ---- the server ---- */

enum peer_then { PEER_KEEP, PEER_CLOSE, PEER_RESET, PEER_SILENT /* read, say nothing more */ };
struct peer_reply {
    const char *bytes;
    enum peer_then then;
};
enum { PEER_CONNS_MAX = 16 };
static struct peer {
    int fd;
    const struct peer_reply *replies; /* by number of request; the last one repeats */
    size_t n_replies;
    unsigned requests, connections, left; /* left: connections that the other side closed */
    struct peer_conn {
        int fd;
        struct buf in;
    } conns[PEER_CONNS_MAX];
    char last[4096]; /* request, as it came */
    char url[64];
} peer;

static inline size_t peer_request_len(const struct buf *in)
{
    const char *end = in->len ? memmem(in->data, in->len, "\r\n\r\n", 4) : NULL;
    const char *length = in->len ? strcasestr(in->data, "\r\ncontent-length:") : NULL;

    if (!end)
        return 0;
    size_t len = (size_t)(end + 4 - in->data) + (length ? strtoul(length + 17, NULL, 10) : 0);
    return len <= in->len ? len : 0;
}

static inline void peer_close(struct peer_conn *c, bool reset)
{
    const struct linger hard = {1, 0};
    if (reset)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(c->fd);
    buf_done(&c->in);
    *c = (struct peer_conn){.fd = -1};
}

static inline void peer_say(struct peer_conn *c, const char *bytes)
{
    size_t len = strlen(bytes);
    ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);
    CHECK(n == (ssize_t)len || errno == EPIPE || errno == ECONNRESET);
}

static inline void peer_answer(struct peer_conn *c, size_t len)
{
    size_t i = peer.requests < peer.n_replies ? peer.requests : peer.n_replies - 1;
    const struct peer_reply *reply = &peer.replies[i];

    peer.requests++;
    snprintf(peer.last, sizeof peer.last, "%.*s", (int)len, c->in.data);
    buf_consume(&c->in, len);
    if (reply->bytes)
        peer_say(c, reply->bytes);
    if (reply->then == PEER_CLOSE || reply->then == PEER_RESET)
        peer_close(c, reply->then == PEER_RESET);
}

static inline void peer_look(void)
{
    char piece[16384];
    size_t len;

    for (int fd; peer.fd >= 0 && (fd = accept4(peer.fd, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        size_t i = 0;
        while (i < PEER_CONNS_MAX && peer.conns[i].fd >= 0)
            i++;
        CHECK(i < PEER_CONNS_MAX);
        peer.conns[i].fd = fd;
        peer.connections++;
    }
    for (struct peer_conn *c = peer.conns; c < peer.conns + PEER_CONNS_MAX; c++) {
        ssize_t n = 0;
        while (c->fd >= 0 && (n = recv(c->fd, piece, sizeof piece, 0)) > 0)
            buf_add(&c->in, piece, (size_t)n);
        while (c->fd >= 0 && (len = peer_request_len(&c->in)) > 0)
            peer_answer(c, len);
        if (c->fd >= 0 && (n == 0 || (n < 0 && errno == ECONNRESET))) {
            peer.left++;
            peer_close(c, false);
        }
    }
}

static inline void peer_open(const struct peer_reply *replies, size_t n)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memset(&peer, 0, sizeof peer);
    peer.replies = replies;
    peer.n_replies = n;
    for (size_t i = 0; i < PEER_CONNS_MAX; i++)
        peer.conns[i].fd = -1;
    peer.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(bind(peer.fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(peer.fd, 16) == 0);
    CHECK(getsockname(peer.fd, (struct sockaddr *)&at, &len) == 0);
    snprintf(peer.url, sizeof peer.url, "http://127.0.0.1:%d/v1", ntohs(at.sin_port));
}

static inline void peer_shut(void)
{
    for (size_t i = 0; i < PEER_CONNS_MAX; i++)
        if (peer.conns[i].fd >= 0)
            peer_close(&peer.conns[i], false);
    if (peer.fd >= 0)
        close(peer.fd);
    peer.fd = -1;
}

/* ---- the loop ---- */

static inline void rig_tick(struct timer *t)
{
    if (peer.replies)
        peer_look();
    CHECK(timer_arm(rig.loop, t, 1, rig_tick, NULL) == NIGH_OK);
}

#define WAIT_MS(COND, MS)                                                                          \
    do {                                                                                           \
        uint64_t until_us_ = clock_mono_us() + (MS)*UINT64_C(1000);                                \
        while (!(COND)) {                                                                          \
            if (clock_mono_us() > until_us_)                                                       \
                TAP_FAIL("waited in vain: %s", #COND);                                             \
            loop_run_once(rig.loop);                                                               \
        }                                                                                          \
    } while (0)
#define WAIT(COND) WAIT_MS(COND, 20000)

static inline void rig_open(void)
{
    memset(&rig, 0, sizeof rig);
    arena_init(&rig.arena, 1 << 20);
    CHECK_EQ(loop_new(&rig.loop, NULL), NIGH_OK);
    CHECK_EQ(client_new(&rig.client, rig.loop, NULL), NIGH_OK);
    CHECK_EQ(zones_build(&rig.zones, NULL, 0, &rig.arena, NULL), NIGH_OK);
    CHECK_EQ(gate_new(&rig.gate, NULL, &rig.zones, NULL), NIGH_OK);
    CHECK(timer_arm(rig.loop, &rig.tick, 1, rig_tick, NULL) == NIGH_OK);
}

static inline void rig_close(void)
{
    timer_disarm(rig.loop, &rig.tick);
    client_free(rig.client);
    gate_free(rig.gate);
    loop_free(rig.loop);
    arena_done(&rig.arena);
    if (peer.replies)
        peer_shut();
    peer.replies = NULL;
}

/* ---- runs ---- */

struct probe {
    struct run run;
    struct turn turn;
    struct arena arena;
    struct buf text, model;
    unsigned events, finishes;
    bool ended, done;
    unsigned cancel_at, pause_at; /* number of an event; 0: never */
    bool cancelled;
    struct usage usage;
    struct outcome outcome;
    struct nigh_err err; /* of start */
    uint64_t first_us, done_us;
};

static inline void probe_event(struct run *run, const struct event *event)
{
    struct probe *p = run->owner;

    CHECK(!p->done && !p->cancelled && !p->ended);
    p->events++;
    if (event->kind == EVENT_BEGIN)
        buf_add_str(&p->model, event->text);
    if (event->kind == EVENT_TEXT) {
        buf_add_str(&p->text, event->text);
        if (!p->first_us)
            p->first_us = clock_mono_us();
    }
    if (event->kind == EVENT_USAGE)
        p->usage = event->usage;
    p->finishes += event->kind == EVENT_FINISH;
    p->ended |= event->kind == EVENT_END;
    if (p->events == p->pause_at)
        run->place->ops->pause(run);
    if (p->events == p->cancel_at) {
        p->cancelled = true;
        run->place->ops->cancel(run);
    }
}

static inline void probe_done_event(struct run *run, const struct outcome *outcome)
{
    struct probe *p = run->owner;

    CHECK(!p->done && !p->cancelled);
    p->done = true;
    p->outcome = *outcome;
    p->done_us = clock_mono_us();
}

/* json: an OpenAI chat request.  Kept until probe_free. */
static inline void probe_make(struct probe *p, const char *json)
{
    struct slice param = {0};
    struct nigh_err err = {0};

    memset(p, 0, sizeof *p);
    arena_init(&p->arena, 64 << 20);
    turn_init(&p->turn);
    if (api_openai_chat.decode(&p->turn, slice_of(json), &p->arena, &param, &err) != NIGH_OK)
        TAP_FAIL("decode: %s", err.what);
}

static inline enum nigh_status probe_start(struct probe *p, struct place *place)
{
    struct label label = LABEL_ANYWHERE;

    p->run.place = place;
    p->run.turn = &p->turn;
    p->run.arena = &p->arena;
    p->run.owner = p;
    p->run.on_event = probe_event;
    p->run.on_done = probe_done_event;
    enum nigh_status status = place->ops->encode(place, &p->turn, &p->arena, &p->run.body, &p->err);
    if (status == NIGH_OK)
        status = gate_clear(rig.gate, &p->run.pass, "", label, &place->dest, p->run.body, &p->err);
    if (status == NIGH_OK)
        status = place->ops->start(place, &p->run, &p->err);
    return status;
}

static inline void probe_free(struct probe *p)
{
    CHECK(!p->run.pass); /* whatever happened, the place took it */
    buf_done(&p->text);
    buf_done(&p->model);
    arena_done(&p->arena);
}
