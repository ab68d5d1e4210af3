/* One thread: the loop with the server, and clients that are plain sockets, looked at every
 * millisecond until what is awaited came or DEADLINE_MS passed. */
#include "base/clock.h"
#include "base/tap.h"
#include "loop/timer.h"
#include "net/identity.h"
#include "net/server.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEADLINE_MS = 10000, SLOW_MS = 80 };

static struct loop *loop;
static struct server *server;
static struct timer tick;
static uint64_t hold_ms; /* of answers to /held */

/* What the server's owner saw; requests to /park and /stream stay open. */
static struct {
    struct exchange *ex;
    unsigned requests, gone, drained, server_drained;
    bool hold_gone; /* do not release when gone */
} saw;

static void on_tick(struct timer *t)
{
    CHECK(timer_arm(loop, t, 1, on_tick, NULL) == NIGH_OK);
}

#define WAIT(COND)                                                                                 \
    do {                                                                                           \
        uint64_t until_us = clock_mono_us() + DEADLINE_MS * 1000;                                  \
        while (!(COND)) {                                                                          \
            if (clock_mono_us() > until_us)                                                        \
                TAP_FAIL("waited in vain: %s", #COND);                                             \
            loop_run_once(loop);                                                                   \
        }                                                                                          \
    } while (0)

static void on_gone(void *owner)
{
    saw.gone++;
    if (saw.hold_gone)
        return;
    exchange_release(TAKE(saw.ex));
}

static void on_drained(void *owner)
{
    saw.drained++;
}

static void reply(struct exchange *ex, int status, struct slice body)
{
    exchange_reply(ex, status, &(struct header){"X-Test", "yes"}, 1, body);
    exchange_release(ex);
}

static void reply_about(struct exchange *ex)
{
    CLEANUP(buf_done) struct buf b = {0};
    struct slice host = exchange_header(ex, "hOsT"), q = exchange_query(ex, "q");

    buf_add_str(&b, exchange_method(ex));
    buf_add_char(&b, ' ');
    buf_add_str(&b, exchange_path(ex));
    buf_printf(&b, " q=%s[%.*s] host=%.*s n=%u none=%d", q.p ? "" : "absent", (int)q.len,
               q.p ? q.p : "", (int)host.len, host.p ? host.p : "",
               exchange_header_count(ex, "x-many"), exchange_header(ex, "x-none").p == NULL);
    reply(ex, 200, (struct slice){b.data, b.len});
}

static void on_request(void *owner, struct exchange *ex)
{
    struct slice path = exchange_path(ex);

    saw.requests++;
    if (slice_is(path, "/echo")) {
        reply(ex, 200, exchange_body(ex));
    } else if (slice_is(path, "/now")) { /* streamed, but all at once */
        exchange_begin(ex, 200, NULL, 0);
        exchange_write(ex, SLICE("now "));
        exchange_write(ex, SLICE("or never"));
        exchange_end(ex);
        exchange_release(ex);
    } else if (slice_is(path, "/held")) {
        exchange_hold(ex, hold_ms);
        reply(ex, 503, exchange_body(ex));
    } else if (slice_is(path, "/release")) {
        exchange_release(ex);
    } else if (slice_is(path, "/park")) {
        saw.ex = ex;
        exchange_watch(ex, NULL, on_gone, on_drained);
    } else {
        reply_about(ex);
    }
}

static void on_server_drained(void *owner)
{
    saw.server_drained++;
}

static struct identity *identity; /* of a server that speaks TLS; NULL: plain HTTP */

static void begin(struct server_limits limits)
{
    static const struct server_ops ops = {.request = on_request, .drained = on_server_drained};

    memset(&saw, 0, sizeof saw);
    CHECK_EQ(loop_new(&loop, NULL), NIGH_OK);
    tick = (struct timer){0};
    on_tick(&tick);
    CHECK_EQ(server_new(&server, loop,
                        &(struct server_at){.host = "127.0.0.1", .identity = identity}, &limits,
                        &ops, NULL, NULL),
             NIGH_OK);
}

static void end(void)
{
    server = server_free(server);
    if (saw.ex)
        exchange_release(TAKE(saw.ex));
    timer_disarm(loop, &tick);
    loop = loop_free(loop);
}

/* ---- a client ---- */

struct peer {
    int fd;
    struct buf in;
    bool over, reset;
};

static void peer_close(struct peer *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    buf_done(&p->in);
}

static struct peer peer_open(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct peer p = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};

    CHECK_EQ(connect(p.fd, (struct sockaddr *)&to, sizeof to), 0);
    return p;
}

static void peer_send(struct peer *p, const char *text)
{
    CHECK_EQ(send(p->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void peer_read(struct peer *p)
{
    char piece[64 << 10];
    ssize_t n;

    while (!p->over && (n = recv(p->fd, piece, sizeof piece, MSG_DONTWAIT)) != -1) {
        buf_add(&p->in, piece, (size_t)n);
        p->over = n == 0;
    }
    if (!p->over && errno != EAGAIN)
        p->over = p->reset = true;
}

static bool peer_has(struct peer *p, const char *text)
{
    peer_read(p);
    return p->in.data && memmem(p->in.data, p->in.len, text, strlen(text));
}

static bool peer_over(struct peer *p)
{
    peer_read(p);
    return p->over;
}

#define GET(path)        "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(path, rest) "POST " path " HTTP/1.1\r\nHost: a\r\n" rest

/* ---- requests ---- */

TEST(server_reads_the_request)
{
    static const struct {
        const char *send, *want;
    } rows[] = {
        {GET("/a/b"), "GET /a/b q=absent[] host=a n=0 none=1"},
        {GET("/a%20b?q=1"), "GET /a%20b q=[1]"},
        {GET("/a?x=y&q=a%20b+c%2"), "q=[a b c%2]"},
        {GET("/a?q"), "q=[]"},
        {GET("/a?Q=1&=2&&q=3&q=4"), "q=[3]"},
        {GET("/a?q=%41%c3%a9%4"), "q=[A\xc3\xa9%4]"},
        {"GET / HTTP/1.1\r\nX-Many: 1\r\nhost: b\r\nx-many: 2\r\n\r\n", "host=b n=2"},
        {"DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n", "DELETE /x"},
        {POST("/echo", "Content-Length: 5\r\n\r\nhello"), "Content-Length: 5\r\n\r\nhello"},
        {POST("/echo", "Content-Length: 0\r\n\r\n"), "Content-Length: 0\r\n\r\n"},
        {POST("/echo",
              "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"),
         "\r\n\r\nhello world"},
        {GET("/now"), "\r\n\r\nC\r\nnow or never\r\n0\r\n\r\n"}, /* in one piece */
        {GET("/release"), "HTTP/1.1 500 "},
        {GET("/echo"), "X-Test: yes\r\n"},
        {"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r\n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", "HTTP/1.1 400 "},
        {GET("/echo") "nonsense\r\n\r\n", "200 OK"}, /* and then closed without a word */
    };

    begin((struct server_limits){0});
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int cut = 0; cut < 2; cut++) { /* at once; byte by byte, each seen by the server */
            struct peer p = peer_open();

            for (const char *c = rows[i].send; cut && *c && !peer_over(&p); c++) {
                send(p.fd, c, 1, MSG_NOSIGNAL);
                loop_run_once(loop);
            }
            if (!cut)
                peer_send(&p, rows[i].send);
            WAIT(peer_has(&p, rows[i].want) || peer_over(&p));
            if (!peer_has(&p, rows[i].want))
                TAP_FAIL("%s: %s", rows[i].send, p.in.data ? p.in.data : "");
            peer_close(&p);
        }
    WAIT(server_exchanges(server) == 0);
    end();
}

TEST(server_keeps_connections_alive)
{
    begin((struct server_limits){0});
    struct peer p = peer_open();

    for (int i = 0; i < 50; i++) {
        buf_reset(&p.in);
        peer_send(&p, i % 2 ? GET("/park") : POST("/echo", "Content-Length: 2\r\n\r\nhi"));
        if (i % 2) {
            WAIT(saw.ex);
            reply(TAKE(saw.ex), 200, SLICE("parked"));
        }
        WAIT(peer_has(&p, i % 2 ? "\r\n\r\nparked" : "\r\n\r\nhi"));
        CHECK(!p.over);
    }
    CHECK_EQ(saw.requests, 50);
    CHECK_EQ(saw.gone, 0);
    CHECK_EQ(server_exchanges(server), 0);
    peer_close(&p);
    end();
}

TEST(server_answers_pipelined_requests_in_order)
{
    begin((struct server_limits){0});
    struct peer p = peer_open();

    peer_send(&p, GET("/one") GET("/park") GET("/now") GET("/four"));
    WAIT(saw.ex);
    CHECK_EQ(saw.requests, 2);
    WAIT(peer_has(&p, "GET /one"));
    CHECK(!peer_has(&p, "/four"));
    reply(TAKE(saw.ex), 200, SLICE("<two>"));
    WAIT(peer_has(&p, "GET /four"));
    CHECK(strstr(p.in.data, "/one") < strstr(p.in.data, "<two>"));
    CHECK(strstr(p.in.data, "<two>") < strstr(p.in.data, "now or never"));
    peer_close(&p);
    end();
}

TEST(server_takes_big_bodies_whole)
{
    enum { BYTES = 3 << 20 };
    begin((struct server_limits){0});
    struct peer p = peer_open();
    char *body = malloc(BYTES);
    size_t sent = 0;

    for (size_t i = 0; i < BYTES; i++)
        body[i] = (char)(i * 31 + i / 4093);
    peer_send(&p, POST("/echo", "Content-Length: 3145728\r\n\r\n"));
    WAIT(({
        ssize_t n = sent < BYTES ? send(p.fd, body + sent, BYTES - sent, MSG_DONTWAIT) : 0;
        sent += n > 0 ? (size_t)n : 0;
        peer_read(&p);
        p.in.len >= BYTES;
    }));
    CHECK(memmem(p.in.data, p.in.len, body, BYTES));
    free(body);
    peer_close(&p);
    end();
}

TEST(server_continues_on_100)
{
    begin((struct server_limits){.body_bytes_max = 100});
    struct peer p = peer_open();

    peer_send(&p, POST("/echo", "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
    WAIT(peer_has(&p, "HTTP/1.1 100 Continue\r\n\r\n"));
    peer_send(&p, "hello");
    WAIT(peer_has(&p, "\r\n\r\nhello"));
    buf_reset(&p.in);
    peer_send(&p, POST("/echo", "Content-Length: 101\r\nExpect: 100-continue\r\n\r\n"));
    WAIT(peer_over(&p));
    CHECK(strstr(p.in.data, "HTTP/1.1 413 ") == p.in.data);
    peer_close(&p);
    end();
}

/* ---- ceilings ---- */

TEST(server_holds_the_body_ceiling)
{
    static const char *const rows[] = {
        POST("/echo", "Content-Length: 11\r\n\r\n"), /* refused before a byte of it came */
        POST("/echo", "Content-Length: 18446744073709551615\r\n\r\n"),
        POST("/echo", "Transfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n"),
        POST("/echo", "Transfer-Encoding: chunked\r\n\r\nfffffff\r\nhello world"),
    };

    begin((struct server_limits){.body_bytes_max = 10});
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct peer p = peer_open();

        peer_send(&p, rows[i]);
        WAIT(peer_over(&p));
        CHECK(strstr(p.in.data, "HTTP/1.1 413 ") == p.in.data);
        CHECK(strstr(p.in.data, "\r\nConnection: close\r\n"));
        CHECK(strstr(p.in.data, "{\"error\":{\"message\":\""));
        CHECK(!p.reset);
        peer_close(&p);
    }
    CHECK_EQ(saw.requests, 0);
    struct peer p = peer_open();
    peer_send(&p, POST("/echo", "Content-Length: 10\r\n\r\n0123456789"));
    WAIT(peer_has(&p, "\r\n\r\n0123456789"));
    buf_reset(&p.in);
    peer_send(&p, POST("/echo", "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n"));
    WAIT(peer_has(&p, "\r\n\r\n0123456789"));
    peer_close(&p);
    end();
}

TEST(server_lets_an_uploading_client_read_413)
{
    static char junk[64 << 10];
    begin((struct server_limits){.body_bytes_max = 1000});
    struct peer p = peer_open();
    size_t sent = 0;

    peer_send(&p, POST("/echo", "Content-Length: 8388608\r\n\r\n"));
    /* Writes all of it before it looks, as simple clients do; a reset would fail it. */
    WAIT(({
        ssize_t n = send(p.fd, junk, sizeof junk, MSG_DONTWAIT | MSG_NOSIGNAL);
        CHECK(n > 0 || errno == EAGAIN);
        sent += n > 0 ? (size_t)n : 0;
        sent >= 8388608;
    }));
    WAIT(peer_over(&p));
    CHECK(!p.reset);
    CHECK(strstr(p.in.data, "HTTP/1.1 413 ") == p.in.data);
    peer_close(&p);
    end();
}

/* What all of them send together has a ceiling as well; 1,000 bytes here. */
TEST(server_holds_the_ceiling_of_all_bodies)
{
    static const char *const rows[] = {
        POST("/out", "Content-Length: 500\r\n\r\n"),
        POST("/out", "Transfer-Encoding: chunked\r\n\r\n12c\r\n%300s\r\n"),
    };
    char text[1200];

    begin((struct server_limits){.body_bytes_max = 900, .bodies_bytes_max = 1000});
    struct peer in = peer_open();
    snprintf(text, sizeof text, POST("/park", "Content-Length: 800\r\n\r\n%800s"), "x");
    peer_send(&in, text);
    WAIT(saw.ex);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct peer out = peer_open();
        snprintf(text, sizeof text, i ? rows[1] : "%s", i ? "x" : rows[0]);
        peer_send(&out, text);
        WAIT(peer_over(&out));
        CHECK(strstr(out.in.data, "HTTP/1.1 503 ") == out.in.data);
        CHECK(strstr(out.in.data, "\r\nRetry-After: 1\r\n"));
        peer_close(&out);
    }
    CHECK_EQ(saw.requests, 1);
    reply(TAKE(saw.ex), 200, SLICE("parked"));
    WAIT(peer_has(&in, "parked"));
    buf_reset(&in.in); /* and there is room again */
    WAIT(server_exchanges(server) == 0);
    snprintf(text, sizeof text, POST("/echo", "Content-Length: 900\r\n\r\n%900s"), "x");
    peer_send(&in, text);
    WAIT(peer_has(&in, "200 OK"));
    peer_close(&in);
    end();
}

TEST(server_holds_the_header_ceiling)
{
    char line[4000];
    begin((struct server_limits){.header_bytes_max = 3000});

    for (int big = 0; big < 3; big++) { /* fits; over the limit; over libmicrohttpd's memory */
        struct peer p = peer_open();

        memset(line, 'x', sizeof line);
        line[big == 0 ? 2500 : sizeof line - 1] = 0;
        peer_send(&p, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (int i = 0; i < (big == 2 ? 5 : 1); i++) {
            peer_send(&p, "X: ");
            peer_send(&p, line);
            peer_send(&p, "\r\n");
        }
        peer_send(&p, "\r\n");
        WAIT(peer_has(&p, big ? "HTTP/1.1 431 " : "HTTP/1.1 200 "));
        if (big)
            WAIT(peer_over(&p));
        peer_close(&p);
    }
    CHECK_EQ(saw.requests, 1);
    end();
}

/* Asks again on a new connection for as long as it is refused. */
static bool served_at_last(struct peer *p)
{
    if (peer_has(p, "200 OK"))
        return true;
    if (p->over) {
        peer_close(p);
        *p = peer_open();
        peer_send(p, GET("/out"));
    }
    return false;
}

TEST(server_says_so_when_full)
{
    begin((struct server_limits){.connections_max = 3});
    struct peer in[3], out;

    for (int i = 0; i < 3; i++) {
        in[i] = peer_open();
        peer_send(&in[i], GET("/in"));
        WAIT(peer_has(&in[i], "GET /in"));
    }
    out = peer_open();
    peer_send(&out, GET("/out"));
    WAIT(peer_over(&out));
    CHECK(strstr(out.in.data, "HTTP/1.1 503 ") == out.in.data);
    CHECK(strstr(out.in.data, "\r\nRetry-After: 1\r\n"));
    peer_close(&out);
    peer_close(&in[0]);
    buf_reset(&in[1].in); /* others are served on */
    peer_send(&in[1], GET("/again"));
    WAIT(peer_has(&in[1], "GET /again"));
    out = peer_open();
    peer_send(&out, GET("/out"));
    WAIT(served_at_last(&out)); /* a place is free as soon as the server saw the first one leave */
    peer_close(&out);
    peer_close(&in[1]);
    peer_close(&in[2]);
    end();
}

/* ---- clocks ---- */

TEST(server_cuts_slow_clients)
{
    static const char *const rows[] = {
        "",
        "GET / HT",
        "GET / HTTP/1.1\r\nHost:",
        POST("/echo", "Content-Length: 5\r\n\r\nhel"),
        POST("/echo", "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"),
    };

    begin((struct server_limits){.slow_ms = SLOW_MS, .idle_ms = 60000});
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct peer p = peer_open();
        uint64_t from_us = clock_mono_us();

        peer_send(&p, rows[i]);
        WAIT(peer_over(&p));
        CHECK(clock_mono_us() - from_us >= SLOW_MS * 1000);
        CHECK(p.in.len == 0);
        peer_close(&p);
    }
    CHECK_EQ(saw.requests, 0);
    WAIT(server_exchanges(server) == 0);

    struct peer p = peer_open(); /* waiting for us is not slow */
    peer_send(&p, GET("/park"));
    uint64_t from_us = clock_mono_us();
    WAIT(clock_mono_us() - from_us > SLOW_MS * 4000);
    CHECK(!peer_over(&p));
    reply(TAKE(saw.ex), 200, SLICE("patience"));
    WAIT(peer_has(&p, "patience"));
    peer_close(&p);
    end();
}

/* While it rests its memory is given back; what libmicrohttpd keeps of the next request stays. */
TEST(server_keeps_half_a_line_while_it_gives_memory_back)
{
    begin((struct server_limits){.slow_ms = SLOW_MS, .idle_ms = 60000});
    struct peer p = peer_open();
    uint64_t from_us;

    peer_send(&p, POST("/echo", "Content-Length: 2\r\n\r\nhi"));
    WAIT(peer_has(&p, "\r\n\r\nhi"));
    peer_send(&p, "GET /ha");
    from_us = clock_mono_us();
    WAIT(clock_mono_us() - from_us > SLOW_MS * 3000); /* each SLOW_MS it is looked at */
    peer_send(&p, "lf HTTP/1.1\r\nHost: a\r\n\r\n");
    WAIT(peer_has(&p, "GET /half"));
    CHECK_EQ(saw.requests, 2);
    peer_close(&p);
    end();
}

TEST(server_closes_idle_connections)
{
    begin((struct server_limits){.slow_ms = 60000, .idle_ms = SLOW_MS});
    struct peer p = peer_open();
    uint64_t from_us;

    peer_send(&p, GET("/echo"));
    WAIT(peer_has(&p, "200 OK"));
    from_us = clock_mono_us();
    WAIT(peer_over(&p));
    CHECK(!p.reset);
    CHECK(clock_mono_us() - from_us >= SLOW_MS * 900); /* from when the server was done */
    peer_close(&p);
    end();
}

TEST(server_cuts_a_client_that_does_not_read)
{
    enum { BYTES = 16 << 20 }; /* over what the kernel takes */
    begin((struct server_limits){.slow_ms = SLOW_MS});
    char *big = calloc(1, BYTES);

    for (int streamed = 0; streamed < 2; streamed++) {
        struct peer p = peer_open();

        saw.gone = 0;
        peer_send(&p, GET("/park"));
        WAIT(saw.ex);
        if (streamed) {
            exchange_begin(saw.ex, 200, NULL, 0);
            exchange_write(saw.ex, (struct slice){big, BYTES});
            WAIT(saw.gone == 1);
        } else {
            reply(TAKE(saw.ex), 200, (struct slice){big, BYTES});
            WAIT(server_exchanges(server) == 0);
        }
        WAIT(peer_over(&p));
        CHECK(p.in.len < BYTES);
        peer_close(&p);
    }
    free(big);
    end();
}

/* ---- clients that leave ---- */

TEST(server_notices_a_client_that_leaves)
{
    enum { PARKED, STREAMING, STREAMING_FULL, WAYS };
    enum { CLOSE, HALF_CLOSE, RESET, MANNERS };
    static char junk[1 << 20];
    begin((struct server_limits){0});

    for (int way = 0; way < WAYS; way++)
        for (int manner = 0; manner < MANNERS; manner++) {
            struct peer p = peer_open();
            uint64_t from_us;

            saw.gone = 0;
            peer_send(&p, POST("/park", "Content-Length: 2\r\n\r\nhi"));
            WAIT(saw.ex);
            if (way != PARKED) {
                exchange_begin(saw.ex, 200, NULL, 0);
                for (int i = 0; way == STREAMING_FULL && i < 16; i++)
                    exchange_write(saw.ex, (struct slice){junk, sizeof junk});
                exchange_write(saw.ex, SLICE("begun"));
                if (way == STREAMING)
                    WAIT(peer_has(&p, "begun"));
            }
            for (int i = 0; i < 5; i++) /* nothing is under way any more */
                loop_run_once(loop);
            CHECK_EQ(saw.gone, 0);
            from_us = clock_mono_us();
            if (manner == CLOSE)
                close(p.fd), p.fd = -1;
            if (manner == HALF_CLOSE)
                shutdown(p.fd, SHUT_WR);
            if (manner == RESET) {
                setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0},
                           sizeof(struct linger));
                close(p.fd), p.fd = -1;
            }
            WAIT(saw.gone == 1);
            CHECK(clock_mono_us() - from_us < 50000);
            CHECK(!saw.ex);
            WAIT(server_exchanges(server) == 0);
            peer_close(&p);
        }
    end();
}

TEST(server_tells_gone_to_a_late_watcher_and_takes_what_it_still_says)
{
    begin((struct server_limits){0});
    struct peer p = peer_open();

    saw.hold_gone = true;
    peer_send(&p, GET("/park"));
    WAIT(saw.ex);
    exchange_watch(saw.ex, NULL, NULL, NULL);
    peer_close(&p);
    for (int i = 0; i < 20; i++)
        loop_run_once(loop);
    exchange_watch(saw.ex, NULL, on_gone, NULL);
    WAIT(saw.gone == 1);
    exchange_begin(saw.ex, 200, NULL, 0);
    exchange_write(saw.ex, SLICE("to nobody"));
    CHECK_EQ(exchange_pending(saw.ex), 0);
    exchange_end(saw.ex);
    for (int i = 0; i < 20; i++)
        loop_run_once(loop);
    CHECK_EQ(saw.gone, 1);
    CHECK_EQ(server_exchanges(server), 1); /* until its owner lets go */
    CHECK(slice_is(exchange_path(saw.ex), "/park"));
    CHECK(slice_is(exchange_header(saw.ex, "host"), "a"));
    exchange_release(TAKE(saw.ex));
    CHECK_EQ(server_exchanges(server), 0);
    end();
}

/* ---- answers that are kept back ---- */

TEST(server_keeps_an_answer_back)
{
    begin((struct server_limits){0});
    struct peer p = peer_open();
    uint64_t from_us = clock_mono_us();

    hold_ms = 60;
    peer_send(&p, POST("/held", "Content-Length: 5\r\n\r\nlater"));
    peer_send(&p, GET("/after")); /* the connection goes on, in order */
    WAIT(peer_has(&p, "503 Service"));
    CHECK(clock_mono_us() - from_us >= hold_ms * 1000);
    WAIT(peer_has(&p, "\r\n\r\nlater"));
    WAIT(peer_has(&p, "GET /after"));
    WAIT(server_exchanges(server) == 0);
    peer_close(&p);
    end();
}

TEST(server_lets_go_of_an_answer_that_nobody_waits_for)
{
    begin((struct server_limits){0});
    struct peer p = peer_open();

    hold_ms = 10 * DEADLINE_MS;
    peer_send(&p, GET("/held"));
    WAIT(saw.requests == 1);
    peer_close(&p);
    WAIT(server_exchanges(server) == 0);
    end();
}

TEST(server_drains_with_an_answer_kept_back)
{
    begin((struct server_limits){0});
    struct peer p = peer_open(), late = peer_open();

    hold_ms = 60;
    peer_send(&p, GET("/held"));
    peer_send(&late, POST("/held", "Content-Length: 2\r\n\r\nx"));
    WAIT(saw.requests == 1);
    server_drain(server);
    hold_ms = 10 * DEADLINE_MS; /* now none is kept back any more */
    peer_send(&late, "y");
    WAIT(peer_has(&p, "503 Service") && peer_has(&late, "503 Service"));
    WAIT(saw.server_drained == 1);
    peer_close(&p);
    peer_close(&late);
    end();
}

TEST(server_ends_with_an_answer_kept_back)
{
    begin((struct server_limits){0});
    struct peer p = peer_open();

    hold_ms = 10 * DEADLINE_MS;
    peer_send(&p, GET("/held"));
    WAIT(saw.requests == 1);
    end();
    peer_close(&p);
}

TEST(server_keeps_no_more_back_than_its_ceiling)
{
    enum { MORE = 8, ALL = EXCHANGES_HELD_MAX + MORE };
    static struct peer peers[ALL];
    struct rlimit files;
    unsigned told = 0;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < 2 * ALL + 100)
        SKIP("the limit of open files");
    begin((struct server_limits){0});
    hold_ms = 10 * DEADLINE_MS;
    for (unsigned i = 0; i < ALL; i++) {
        peers[i] = peer_open();
        peer_send(&peers[i], GET("/held"));
        WAIT(saw.requests == i + 1);
    }
    for (unsigned i = EXCHANGES_HELD_MAX; i < ALL; i++)
        WAIT(peer_has(&peers[i], "503 Service"));
    for (unsigned i = 0; i < EXCHANGES_HELD_MAX; i++)
        told += peer_has(&peers[i], "503 Service");
    CHECK_EQ(told, 0);
    for (unsigned i = 0; i < ALL; i++)
        peer_close(&peers[i]);
    WAIT(server_exchanges(server) == 0);
    end();
}

/* ---- streams ---- */

TEST(server_streams_each_piece_at_once)
{
    begin((struct server_limits){0});
    struct peer p = peer_open();

    peer_send(&p, GET("/park"));
    WAIT(saw.ex);
    exchange_begin(saw.ex, 200, &(struct header){"Content-Type", "text/event-stream"}, 1);
    WAIT(peer_has(&p, "Content-Type: text/event-stream\r\n")); /* the header does not wait */
    CHECK(peer_has(&p, "Transfer-Encoding: chunked\r\n"));
    for (int i = 0; i < 100; i++) {
        char piece[32], chunk[64];
        int n = snprintf(piece, sizeof piece, "piece %d", i);

        snprintf(chunk, sizeof chunk, "\r\n%X\r\n%s\r\n", n, piece);
        exchange_write(saw.ex, slice_of(piece));
        CHECK(exchange_pending(saw.ex) > 0);
        uint64_t from_us = clock_mono_us();
        WAIT(peer_has(&p, chunk));
        CHECK(clock_mono_us() - from_us < 30000); /* Nagle and delayed ACKs would take 40 ms */
        CHECK_EQ(exchange_pending(saw.ex), 0);
    }
    exchange_end(saw.ex);
    exchange_release(TAKE(saw.ex));
    WAIT(peer_has(&p, "\r\n0\r\n\r\n"));
    CHECK_EQ(saw.drained, 0); /* never over the high mark */
    buf_reset(&p.in);
    peer_send(&p, GET("/echo"));
    WAIT(peer_has(&p, "200 OK"));
    peer_close(&p);
    end();
}

TEST(server_holds_back_a_producer)
{
    enum { PIECE = 16 << 10, BYTES_MAX = 64 << 20 };
    static char piece[PIECE];
    begin((struct server_limits){0});
    struct peer p = peer_open();
    size_t written = 0, got = 0, peak = 0;

    memset(piece, 'p', sizeof piece);
    peer_send(&p, GET("/park"));
    WAIT(saw.ex);
    exchange_begin(saw.ex, 200, NULL, 0);
    /* A producer that minds the mark: it stops by itself while the client does not read. */
    uint64_t stuck_us = 0;
    WAIT(({
        while (exchange_pending(saw.ex) <= EXCHANGE_HIGH_BYTES && written < BYTES_MAX) {
            exchange_write(saw.ex, (struct slice){piece, PIECE});
            written += PIECE;
            stuck_us = clock_mono_us();
        }
        clock_mono_us() - stuck_us > 200000;
    }));
    CHECK(written < BYTES_MAX);
    CHECK(exchange_pending(saw.ex) <= EXCHANGE_HIGH_BYTES + PIECE);
    /* Now it reads; each `drained` lets in more. */
    unsigned before = saw.drained, rounds = before; /* the kernel took the first ones */
    size_t goal = written + (4 << 20);
    WAIT(({
        peer_read(&p);
        got += p.in.len;
        buf_reset(&p.in);
        if (saw.drained > rounds) {
            rounds = saw.drained;
            CHECK(exchange_pending(saw.ex) <= (EXCHANGE_HIGH_BYTES + PIECE) / 4);
            while (exchange_pending(saw.ex) <= EXCHANGE_HIGH_BYTES) {
                exchange_write(saw.ex, (struct slice){piece, PIECE});
                written += PIECE;
            }
            peak = exchange_pending(saw.ex) > peak ? exchange_pending(saw.ex) : peak;
        }
        written >= goal;
    }));
    CHECK(rounds > before + 10);
    CHECK(peak <= EXCHANGE_HIGH_BYTES + PIECE);
    exchange_end(saw.ex);
    exchange_release(TAKE(saw.ex));
    WAIT(({
        bool last = peer_has(&p, "\r\n0\r\n\r\n");
        got += p.in.len;
        if (!last)
            buf_reset(&p.in); /* the last chunk may come in two; then the next row sees its end */
        last || server_exchanges(server) == 0;
    }));
    CHECK(got > written);
    peer_close(&p);
    end();
}

TEST(server_never_makes_a_break_look_whole)
{
    begin((struct server_limits){0});
    static const struct {
        const char *request;
        bool begun, written;
        const char *want;
    } rows[] = {
        {GET("/park"), false, false, "HTTP/1.1 500 "},
        {GET("/park"), true, false, "HTTP/1.1 200 "},
        {GET("/park"), true, true, "half"},
        {"GET /park HTTP/1.0\r\n\r\n", false, false, " 500 "},
        {"GET /park HTTP/1.0\r\n\r\n", true, false, ""},
        {"GET /park HTTP/1.0\r\n\r\n", true, true, ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int release = 0; release < 2; release++) { /* broken, or just dropped */
            struct peer p = peer_open();

            peer_send(&p, rows[i].request);
            WAIT(saw.ex);
            if (rows[i].begun)
                exchange_begin(saw.ex, 200, NULL, 0);
            if (rows[i].written)
                exchange_write(saw.ex, SLICE("half"));
            if (!release)
                exchange_break(saw.ex);
            exchange_release(TAKE(saw.ex));
            WAIT(*rows[i].want ? peer_has(&p, rows[i].want) : peer_over(&p));
            if (rows[i].begun) {
                WAIT(peer_over(&p));
                CHECK(!peer_has(&p, "\r\n0\r\n"));
            }
            if (!*rows[i].want)
                CHECK_EQ(p.in.len, 0); /* HTTP/1.0: any byte could pass for the whole */
            peer_close(&p);
            WAIT(server_exchanges(server) == 0);
        }
    end();
}

TEST(server_speaks_http_1_0)
{
    begin((struct server_limits){0});
    struct peer p = peer_open();

    peer_send(&p, "GET /park HTTP/1.0\r\n\r\n");
    WAIT(saw.ex);
    exchange_begin(saw.ex, 200, &(struct header){"X-Kept", "back"}, 1);
    exchange_write(saw.ex, SLICE("one "));
    CHECK_EQ(exchange_pending(saw.ex), 0); /* no mark to wait for */
    exchange_write(saw.ex, SLICE("two"));
    exchange_end(saw.ex);
    exchange_release(TAKE(saw.ex));
    WAIT(peer_over(&p));
    CHECK(peer_has(&p, "Content-Length: 7\r\n"));
    CHECK(peer_has(&p, "X-Kept: back\r\n"));
    CHECK(peer_has(&p, "\r\n\r\none two"));
    peer_close(&p);
    end();
}

TEST(server_omits_the_body_for_head)
{
    begin((struct server_limits){0});
    struct peer p = peer_open();

    peer_send(&p, "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n" GET("/y"));
    WAIT(peer_has(&p, "GET /y"));
    CHECK(!peer_has(&p, "HEAD /x"));
    peer_close(&p);
    end();
}

/* ---- the end ---- */

TEST(server_drains)
{
    begin((struct server_limits){0});
    struct peer idle = peer_open(), busy = peer_open(), late;

    peer_send(&idle, GET("/echo"));
    WAIT(peer_has(&idle, "200 OK"));
    peer_send(&busy, GET("/park"));
    WAIT(saw.ex);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    server_drain(server);
    WAIT(peer_over(&idle));
    CHECK(!idle.reset);
    late.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(connect(late.fd, (struct sockaddr *)&to, sizeof to), -1);
    close(late.fd);
    CHECK_EQ(saw.server_drained, 0);
    CHECK_EQ(saw.gone, 0);
    reply(TAKE(saw.ex), 200, SLICE("the last"));
    WAIT(peer_over(&busy));
    CHECK(peer_has(&busy, "the last"));
    CHECK(peer_has(&busy, "Connection: close\r\n"));
    WAIT(saw.server_drained == 1);
    peer_close(&idle);
    peer_close(&busy);
    end();
}

TEST(server_drains_at_once_when_idle)
{
    begin((struct server_limits){0});
    server_drain(server);
    WAIT(saw.server_drained == 1);
    server_drain(server);
    end();
    CHECK_EQ(saw.server_drained, 1);
}

TEST(server_free_breaks_what_is_open)
{
    for (int way = 0; way < 5; way++) {
        begin((struct server_limits){0});
        struct peer p = peer_open();

        peer_send(&p, way == 4 ? POST("/park", "Content-Length: 9\r\n\r\nhalf") : GET("/park"));
        if (way < 4)
            WAIT(saw.ex);
        if (way == 1 || way == 2)
            exchange_begin(saw.ex, 200, NULL, 0);
        if (way == 2)
            exchange_write(saw.ex, SLICE("half"));
        if (way == 3)
            exchange_reply(saw.ex, 200, NULL, 0, SLICE("whole")); /* not a byte of it sent yet */
        saw.hold_gone = true;
        server = server_free(server);
        WAIT(way >= 3 || saw.gone == 1);
        if (saw.ex) {
            CHECK(slice_is(exchange_path(saw.ex), "/park"));
            exchange_release(TAKE(saw.ex));
        }
        WAIT(peer_over(&p));
        CHECK(!peer_has(&p, "\r\n0\r\n"));
        peer_close(&p);
        end();
    }
}

TEST(server_refuses_odd_addresses)
{
    static const struct server_ops ops = {.request = on_request};
    struct server *second = NULL;
    struct nigh_err err = {0};

    begin((struct server_limits){0});
    CHECK_EQ(server_new(&second, loop, &(struct server_at){.host = "example.com", .port = 0}, NULL,
                        &ops, NULL, &err),
             NIGH_INVALID);
    err = (struct nigh_err){0};
    CHECK_EQ(server_new(&second, loop,
                        &(struct server_at){.host = "127.0.0.1", .port = server_port(server)}, NULL,
                        &ops, NULL, &err),
             NIGH_IO);
    CHECK(strstr(err.what, "127.0.0.1"));
    CHECK(strstr(err.what, "in use"));
    end();
}

static void identity_begin(char folder[static 40])
{
    strcpy(folder, "/tmp/nigh-server-XXXXXX");
    CHECK(mkdtemp(folder));
    CHECK_EQ(identity_open(&identity, folder, NULL, 0, NULL), NIGH_OK);
}

static void identity_end(const char *folder)
{
    char file[80];

    identity = identity_free(identity);
    snprintf(file, sizeof file, "%s/%s", folder, IDENTITY_FILE);
    unlink(file);
    rmdir(folder);
}

/* One byte of it, the beginning of a record, and a record's beginning that says it is long. */
TEST(server_cuts_handshakes_that_stall)
{
    static const char *const rows[] = {"", "\x16", "\x16\x03\x01", "\x16\x03\x01\x02\x11\x01"};
    char folder[40];

    identity_begin(folder);
    begin((struct server_limits){.slow_ms = SLOW_MS, .idle_ms = 60000});
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct peer p = peer_open();
        uint64_t from_us = clock_mono_us();

        peer_send(&p, rows[i]);
        WAIT(peer_over(&p));
        CHECK(clock_mono_us() - from_us >= SLOW_MS * 1000);
        peer_close(&p);
    }
    CHECK_EQ(saw.requests, 0);
    end();
    identity_end(folder);
}

TEST(server_with_tls_says_nothing_in_plain_text)
{
    char folder[40];

    identity_begin(folder);
    begin((struct server_limits){0});
    struct peer p = peer_open();
    peer_send(&p, GET("/echo"));
    WAIT(peer_over(&p));
    CHECK(!peer_has(&p, "HTTP"));
    CHECK_EQ(saw.requests, 0);
    peer_close(&p);
    struct peer open = peer_open(); /* and ends with a handshake open */
    peer_send(&open, "\x16\x03\x01");
    for (int i = 0; i < 20; i++)
        loop_run_once(loop);
    end();
    peer_close(&open);
    identity_end(folder);
}
