/* One thread: the loop with the client, and far ends that are plain sockets, looked at every
 * millisecond until what is awaited came or DEADLINE_MS passed.  Clearances are a double: these
 * tests watch how they are spent and settled, label/gate-test.c what they mean. */
#include "base/clock.h"
#include "base/tap.h"
#include "loop/timer.h"
#include "net/client.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { DEADLINE_MS = 10000 };

static struct loop *loop;
static struct client *client;
static struct timer tick;

/* ---- clearances ---- */

struct clearance {
    bool spent;
};
static struct {
    unsigned spent, settled, freed;
    uint64_t bytes_out, bytes_in;
    int64_t kernel_out, kernel_in;
    int http_status;
    char failure[256];
} gate;

enum nigh_status clearance_spend(struct clearance *pass, const struct dest *to, struct slice body,
                                 struct nigh_err *err)
{
    if (!pass || pass->spent)
        return nigh_fail(err, NIGH_DENIED, "spent already");
    pass->spent = true;
    gate.spent++;
    return NIGH_OK;
}

void clearance_settle(struct clearance *pass, const struct ledger_sent *sent)
{
    CHECK(pass->spent);
    gate.settled++;
    gate.bytes_out = sent->bytes_out;
    gate.bytes_in = sent->bytes_in;
    gate.kernel_out = sent->kernel_out;
    gate.kernel_in = sent->kernel_in;
    gate.http_status = sent->http_status;
    snprintf(gate.failure, sizeof gate.failure, "%s", sent->failure ? sent->failure : "");
}

struct clearance *clearance_free(struct clearance *pass)
{
    gate.freed++;
    free(pass);
    return NULL;
}

static struct clearance *pass_new(void)
{
    return calloc(1, sizeof(struct clearance));
}

/* ---- the far end ---- */

struct far {
    int listen_fd, fd;
    unsigned connections;
    struct buf in;              /* of the current connection */
    size_t in_bytes, out_bytes; /* over all */
    bool over;
    char url[64], path[108];
};

static void far_open(struct far *f)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;

    *f = (struct far){.fd = -1};
    f->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(bind(f->listen_fd, (struct sockaddr *)&at, len) == 0 && listen(f->listen_fd, 64) == 0);
    getsockname(f->listen_fd, (struct sockaddr *)&at, &len);
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%d/v1", ntohs(at.sin_port));
}

static void far_open_unix(struct far *f)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    *f = (struct far){.fd = -1};
    snprintf(f->path, sizeof f->path, "/tmp/nigh-client-test-%d.sock", (int)getpid());
    snprintf(at.sun_path, sizeof at.sun_path, "%s", f->path);
    unlink(f->path);
    f->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(bind(f->listen_fd, (struct sockaddr *)&at, sizeof at) == 0);
    CHECK(listen(f->listen_fd, 64) == 0);
    snprintf(f->url, sizeof f->url, "http://engine/v1");
}

static void far_hang_up(struct far *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    buf_reset(&f->in);
    f->over = false;
}

static void far_reset(struct far *f)
{
    setsockopt(f->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    far_hang_up(f);
}

static void far_close(struct far *f)
{
    far_hang_up(f);
    close(f->listen_fd);
    if (*f->path)
        unlink(f->path);
    buf_done(&f->in);
}

/* Accepts when it has no connection, and reads what is there. */
static void far_read(struct far *f)
{
    char piece[64 << 10];
    ssize_t n;

    if (f->fd < 0 && (f->fd = accept(f->listen_fd, NULL, NULL)) >= 0)
        f->connections++;
    while (f->fd >= 0 && !f->over && (n = recv(f->fd, piece, sizeof piece, MSG_DONTWAIT)) != -1) {
        buf_add(&f->in, piece, (size_t)n);
        f->in_bytes += (size_t)n;
        f->over = n == 0;
    }
    if (f->fd >= 0 && !f->over && errno != EAGAIN)
        f->over = true;
}

static bool far_over(struct far *f)
{
    far_read(f);
    return f->over;
}

/* A whole request is in, by its Content-Length. */
static bool far_has_request(struct far *f)
{
    const char *end, *length;

    far_read(f);
    if (!f->in.data || !(end = memmem(f->in.data, f->in.len, "\r\n\r\n", 4)))
        return false;
    length = memmem(f->in.data, (size_t)(end - f->in.data), "Content-Length: ", 16);
    return f->in.len >=
           (size_t)(end + 4 - f->in.data) + (length ? strtoul(length + 16, NULL, 10) : 0);
}

static void far_send(struct far *f, const char *text)
{
    CHECK_EQ(send(f->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    f->out_bytes += strlen(text);
}

/* ---- the near end ---- */

static struct near {
    struct call *call;
    struct buf body;
    unsigned heads, pieces, dones;
    int status;
    char type[64];
    struct call_result result;
    enum { STAY, CANCEL_IN_HEAD, CANCEL_IN_DATA, PAUSE_IN_HEAD, PAUSE_IN_DATA } act;
} near;

static void on_head(void *owner, struct call *call, int http_status)
{
    struct near *n = owner;
    struct slice type = call_header(call, "content-TYPE");

    CHECK_EQ(n->dones, 0);
    n->heads++;
    n->status = http_status;
    snprintf(n->type, sizeof n->type, "%.*s", (int)type.len, type.p ? type.p : "");
    if (n->act == CANCEL_IN_HEAD)
        n->call = call_cancel(n->call);
    if (n->act == PAUSE_IN_HEAD)
        call_pause(n->call);
}

static void on_data(void *owner, struct slice bytes)
{
    struct near *n = owner;

    CHECK_EQ(n->heads, 1);
    CHECK_EQ(n->dones, 0);
    n->pieces++;
    buf_add_str(&n->body, bytes);
    if (n->act == CANCEL_IN_DATA)
        n->call = call_cancel(n->call);
    if (n->act == PAUSE_IN_DATA)
        call_pause(n->call);
}

static void on_done(void *owner, const struct call_result *result)
{
    struct near *n = owner;

    n->dones++;
    n->result = *result;
    n->call = NULL;
    CHECK(n->act != CANCEL_IN_DATA && n->act != CANCEL_IN_HEAD);
    if (result->status == NIGH_OK) {
        CHECK(!*result->err.what);
        CHECK(!*gate.failure);
    } else {
        CHECK(strstr(result->err.what, "far/model: "));
        CHECK_STR(gate.failure, result->err.what);
    }
    CHECK_EQ(gate.bytes_out, result->bytes_out);
    CHECK_EQ(gate.bytes_in, result->bytes_in);
    CHECK_EQ(gate.http_status, result->http_status);
}

static const struct call_ops ops = {on_head, on_data, on_done};

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

static void some_passes(void)
{
    for (int i = 0; i < 20; i++)
        loop_run_once(loop);
}

static void near_reset(void)
{
    buf_done(&near.body);
    memset(&near, 0, sizeof near);
}

static void begin(void)
{
    memset(&gate, 0, sizeof gate);
    near_reset();
    CHECK_EQ(loop_new(&loop, NULL), NIGH_OK);
    tick = (struct timer){0};
    on_tick(&tick);
    CHECK_EQ(client_new(&client, loop, NULL), NIGH_OK);
}

static void end(void)
{
    client = client_free(client);
    timer_disarm(loop, &tick);
    loop = loop_free(loop);
    CHECK_EQ(gate.spent, gate.settled);
    near_reset();
}

static struct endpoint endpoint_of(const struct far *f)
{
    return (struct endpoint){.dest = {.place = "far/model",
                                      .address = f->url,
                                      .zone = *f->path ? ZONE_DEVICE : ZONE_PUBLIC},
                             .base_url = f->url,
                             .unix_path = *f->path ? f->path : NULL};
}

static enum nigh_status ask_spec(const struct call_spec *spec, struct nigh_err *err)
{
    unsigned dones = near.dones, heads = near.heads;
    enum nigh_status status = client_send(client, &near.call, spec, pass_new(), &ops, &near, err);

    CHECK_EQ(near.dones, dones); /* never from inside */
    CHECK_EQ(near.heads, heads);
    return status;
}

static void ask(const struct endpoint *to, const char *method, struct slice body)
{
    struct call_spec spec = {
        .to = to, .method = method, .path = "/chat", .body = body, .total_ms = DEADLINE_MS};
    struct nigh_err err = {0};

    near_reset();
    if (ask_spec(&spec, &err) != NIGH_OK)
        TAP_FAIL("%s", err.what);
}

/* ---- answers ---- */

TEST(client_reads_answers_and_counts_every_byte)
{
    static const struct {
        const char *answer, *body;
        int status;
        bool close;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 200, 0},
        {"HTTP/1.1 204 No Content\r\n\r\n", "", 204, 0},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", "no", 404, 0},
        {"HTTP/1.1 429 Too Many\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nbusy", "busy", 429,
         0},
        {"HTTP/1.1 500 Oh\r\nConnection: close\r\nContent-Length: 2\r\n\r\noh", "oh", 500, 1},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n "
         "world\r\n0\r\n\r\n",
         "hello world", 200, 0},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n0\r\nT: t\r\n\r\n",
         "a", 200, 0},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", 200, 0},
        {"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
         "1\r\n\r\nx",
         "x", 200, 0},
        {"HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end", 200, 1},
        {"HTTP/1.0 200 OK\r\n\r\nold", "old", 200, 1},
        {"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", "", 302, 0},
    };
    struct far f;

    begin();
    far_open(&f);
    struct endpoint to = endpoint_of(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int cut = 0; cut < 2; cut++) { /* at once; byte by byte */
            size_t in = f.in_bytes, out = f.out_bytes;
            unsigned connections = f.connections;

            buf_reset(&f.in);
            ask(&to, "POST", SLICE("{}"));
            WAIT(far_has_request(&f));
            for (const char *c = rows[i].answer; cut && *c; c++) {
                far_send(&f, (char[]){*c, 0});
                loop_run_once(loop);
            }
            if (!cut)
                far_send(&f, rows[i].answer);
            if (rows[i].close)
                far_hang_up(&f);
            WAIT(near.dones == 1);
            CHECK_EQ(near.result.status, NIGH_OK);
            CHECK_EQ(near.result.http_status, rows[i].status);
            CHECK_EQ(near.status, rows[i].status);
            CHECK_EQ(near.heads, 1);
            CHECK_STR(near.body.data ? near.body.data : "", rows[i].body);
            CHECK_EQ(near.result.bytes_out, f.in_bytes - in);
            CHECK_EQ(near.result.bytes_in, f.out_bytes - out);
            CHECK_EQ(gate.kernel_out, near.result.bytes_out); /* in plain text they are the same */
            CHECK_EQ(gate.kernel_in, near.result.bytes_in);
            CHECK_EQ(near.result.reused, f.connections == connections);
            CHECK(near.result.first_us > 0 && near.result.first_us <= near.result.total_us);
            CHECK_EQ(gate.settled, i * 2 + (unsigned)cut + 1);
            if (i == 0)
                CHECK_STR(near.type, "a/b");
            far_read(&f); /* sees a close by the client */
            if (f.over)
                far_hang_up(&f);
        }
    CHECK_EQ(f.connections, 1 + 6); /* one more after each that was closed */
    far_close(&f);
    end();
    CHECK_EQ(gate.freed, gate.spent);
}

TEST(client_counts_bodies_of_any_size)
{
    static const size_t rows[] = {0, 1, 8000, 65000, 65535, 65536, 65537, 131072, 200000, 3 << 20};
    struct far f;
    char *body = malloc(3 << 20);

    for (size_t i = 0; i < 3 << 20; i++)
        body[i] = (char)(i * 31 + i / 4093);
    begin();
    far_open(&f);
    struct endpoint to = endpoint_of(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t in = f.in_bytes;

        buf_reset(&f.in);
        ask(&to, "POST", (struct slice){body, rows[i]});
        WAIT(far_has_request(&f));
        CHECK(!memmem(f.in.data, f.in.len, "Expect", 6));
        CHECK(memcmp(f.in.data + f.in.len - rows[i], body, rows[i]) == 0);
        far_send(&f, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        WAIT(near.dones == 1);
        CHECK_EQ(near.result.status, NIGH_OK);
        CHECK_EQ(near.result.bytes_out, f.in_bytes - in);
        CHECK_EQ(gate.kernel_out, near.result.bytes_out);
    }
    CHECK_EQ(f.connections, 1);
    free(body);
    far_close(&f);
    end();
}

TEST(client_sends_what_it_is_told)
{
    static const struct header fixed[] = {{"Authorization", "Bearer x"}};
    static const struct header more[] = {{"Content-Type", "application/json"}, {"X-Empty", ""}};
    static const struct {
        const char *method, *body, *want, *never;
    } rows[] = {
        {"POST", "{}", "POST /v1/chat HTTP/1.1\r\n", "Expect"},
        {"GET", "", "GET /v1/chat HTTP/1.1\r\n", "Content-Length"},
        {"PUT", "x", "PUT /v1/chat HTTP/1.1\r\n", "Accept-Encoding"},
        {"DELETE", "", "DELETE /v1/chat HTTP/1.1\r\n", "Content-Length"},
        {"POST", "", "Content-Length: 0\r\n", "urlencoded"},
        {"GET", "", "Authorization: Bearer x\r\n", "Cookie"},
        {"POST", "{}", "Content-Type: application/json\r\n", "urlencoded"},
        {"GET", "", "\r\nX-Empty:\r\n", "Expect"},
    };
    struct far f;

    begin();
    far_open(&f);
    struct endpoint to = endpoint_of(&f);
    to.headers = fixed;
    to.n_headers = 1;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct call_spec spec = {.to = &to,
                                 .method = rows[i].method,
                                 .path = "/chat",
                                 .headers = more,
                                 .n_headers = 2,
                                 .body = slice_of(rows[i].body),
                                 .total_ms = DEADLINE_MS};

        near_reset();
        buf_reset(&f.in);
        CHECK_EQ(ask_spec(&spec, NULL), NIGH_OK);
        WAIT(far_has_request(&f));
        CHECK(strstr(f.in.data, rows[i].want));
        CHECK(!strstr(f.in.data, rows[i].never));
        far_send(&f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
                     "Set-Cookie: a=b; Path=/\r\n\r\n");
        WAIT(near.dones == 1);
    }
    far_close(&f);
    end();
}

TEST(client_refuses_before_it_sends)
{
    static const struct {
        const char *url;
        enum nigh_status want;
    } rows[] = {
        {"http://example.com/v1", NIGH_DENIED},
        {"http://10.0.0.1/v1", NIGH_DENIED},
        {"http://127.0.0.1.example.com/", NIGH_DENIED},
        {"http://128.0.0.1/", NIGH_DENIED},
        {"http://0177.0.0.1/", NIGH_DENIED}, /* not a dotted quad to everybody */
        {"http://2130706433/", NIGH_DENIED},
        {"http://localhost.example.com/", NIGH_DENIED},
        {"http://[::2]/", NIGH_DENIED},
        {"http://[::ffff:10.0.0.1]/", NIGH_DENIED},
        {"http://127.0.0.1\\@example.com/", NIGH_INVALID},
        {"http://127.0.0.1@example.com/", NIGH_INVALID},
        {"HTTP://u:p@127.0.0.1/", NIGH_INVALID},
        {"ftp://127.0.0.1/", NIGH_INVALID},
        {"file:///etc/passwd", NIGH_INVALID},
        {"127.0.0.1", NIGH_INVALID},
        {"http://", NIGH_INVALID},
        {"http://127.0.0.1:1/v1", NIGH_OK},
        {"http://127.9.9.9:1/v1", NIGH_OK},
        {"http://LocalHost:1/v1", NIGH_OK},
        {"http://[::1]:1/v1", NIGH_OK},
    };
    static const struct header bad[] = {{"A", "b\r\nHost: c"}, {"A\n", "b"}, {"A", "b\n"}};

    begin();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct endpoint to = {.dest = {.place = "far/model"}, .base_url = rows[i].url};
        struct call_spec spec = {.to = &to, .method = "POST", .path = "/chat", .total_ms = 1000};
        struct nigh_err err = {0};

        near_reset();
        CHECK_EQ(ask_spec(&spec, &err), rows[i].want);
        CHECK_EQ(gate.spent, i + 1);
        if (rows[i].want == NIGH_OK) {
            WAIT(near.dones == 1);
            CHECK_EQ(near.result.status, NIGH_OFFLINE); /* nobody listens there */
        } else {
            CHECK_STR(gate.failure, err.what);
        }
        CHECK_EQ(gate.settled, i + 1);
        CHECK_EQ(gate.bytes_out, 0);
    }
    struct endpoint to = {.dest = {.place = "far/model"}, .base_url = "http://127.0.0.1:1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct call_spec spec = {.to = &to,
                                 .method = "POST",
                                 .path = "/",
                                 .headers = &bad[i],
                                 .n_headers = 1,
                                 .total_ms = 1000};

        CHECK_EQ(ask_spec(&spec, NULL), NIGH_INVALID);
    }
    struct call_spec timeless = {.to = &to, .method = "POST", .path = "/"};
    CHECK_EQ(ask_spec(&timeless, NULL), NIGH_INVALID);
    struct clearance *pass = pass_new();
    struct nigh_err err = {0};
    struct call *call = NULL;
    struct call_spec spec = {.to = &to, .method = "POST", .path = "/", .total_ms = 1000};
    unsigned settled = gate.settled;
    pass->spent = true;
    CHECK_EQ(client_send(client, &call, &spec, pass, &ops, &near, &err), NIGH_DENIED);
    CHECK_EQ(gate.settled, settled); /* that is for the one who spent it */
    CHECK(!call);
    end();
    CHECK_EQ(gate.freed, gate.spent + 1);
}

TEST(client_speaks_to_a_unix_socket_and_never_through_a_proxy)
{
    struct far f;

    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    for (int local = 0; local < 2; local++) {
        begin();
        if (local)
            far_open(&f);
        else
            far_open_unix(&f);
        struct endpoint to = endpoint_of(&f);
        for (int i = 0; i < 2; i++) {
            buf_reset(&f.in);
            ask(&to, "POST", SLICE("{}"));
            WAIT(far_has_request(&f));
            far_send(&f, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            WAIT(near.dones == 1);
            CHECK_EQ(near.result.status, NIGH_OK);
            CHECK_EQ(near.result.reused, i == 1);
        }
        far_close(&f);
        end();
    }
    unsetenv("http_proxy");
    unsetenv("all_proxy");
}

/* ---- failures ---- */

TEST(client_tells_failures_apart)
{
    enum { HANG_UP, RESET };
    static const struct {
        const char *answer;
        int manner;
        enum nigh_status want;
        int http_status;
    } rows[] = {
        {"", HANG_UP, NIGH_OFFLINE, 0},
        {"", RESET, NIGH_OFFLINE, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", HANG_UP, NIGH_UPSTREAM, 200},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", RESET, NIGH_UPSTREAM, 200},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", HANG_UP, NIGH_UPSTREAM, 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", HANG_UP,
         NIGH_UPSTREAM, 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf", HANG_UP, NIGH_UPSTREAM,
         200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n", HANG_UP,
         NIGH_UPSTREAM, 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf", HANG_UP, NIGH_UPSTREAM,
         200},
        {"HTTP/1.1 200 OK\r\nContent-Le", HANG_UP, NIGH_UPSTREAM, 200},
        {"SSH-2.0-OpenSSH_9.2\r\n", HANG_UP, NIGH_UPSTREAM, 0},
    };
    struct far f;

    begin();
    far_open(&f);
    struct endpoint to = endpoint_of(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t out = f.out_bytes, in = f.in_bytes;

        ask(&to, "POST", SLICE("{}"));
        WAIT(far_has_request(&f));
        far_send(&f, rows[i].answer);
        if (rows[i].http_status && i != 9)
            WAIT(near.heads == 1); /* what follows a reset is not read */
        some_passes();
        if (rows[i].manner == RESET)
            far_reset(&f);
        else
            far_hang_up(&f);
        WAIT(near.dones == 1);
        if (near.result.status != rows[i].want)
            TAP_FAIL("%zu: %s", i, near.result.err.what);
        CHECK_EQ(near.result.http_status, rows[i].http_status);
        CHECK_EQ(near.result.bytes_out, f.in_bytes - in);
        if (rows[i].http_status && i != 9)
            CHECK_EQ(near.result.bytes_in, f.out_bytes - out);
    }
    CHECK_EQ(f.connections, ARRAY_LEN(rows));
    far_close(&f);
    ask(&to, "POST", SLICE("{}")); /* nobody listens any more */
    WAIT(near.dones == 1);
    CHECK_EQ(near.result.status, NIGH_OFFLINE);
    CHECK_EQ(near.result.bytes_out, 0);
    to.unix_path = "/tmp/nigh-no-such.sock";
    ask(&to, "POST", SLICE("{}"));
    WAIT(near.dones == 1);
    CHECK_EQ(near.result.status, NIGH_OFFLINE);
    to = (struct endpoint){.dest = to.dest, .base_url = "https://nowhere.invalid/v1"};
    ask(&to, "POST", SLICE("{}"));
    WAIT(near.dones == 1);
    CHECK_EQ(near.result.status, NIGH_OFFLINE);
    end();
}

TEST(client_reads_what_came_before_a_reset)
{
    struct far f;

    begin();
    far_open(&f);
    struct endpoint to = endpoint_of(&f);
    ask(&to, "POST", SLICE("{}"));
    WAIT(far_has_request(&f));
    far_send(&f, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    far_reset(&f); /* both are there before the loop looks again */
    WAIT(near.dones == 1);
    CHECK_EQ(near.heads, 1);
    CHECK(slice_is(buf_slice(&near.body), "half"));
    CHECK_EQ(near.result.status, NIGH_UPSTREAM);
    far_close(&f);
    end();
}

TEST(client_refuses_a_far_end_without_tls)
{
    struct far f;

    begin();
    far_open(&f);
    struct endpoint to = endpoint_of(&f);
    char url[256];
    snprintf(url, sizeof url, "https%s", f.url + 4);
    to.base_url = url;
    ask(&to, "POST", SLICE("secret"));
    WAIT(({
        far_read(&f);
        f.in.len > 0;
    }));
    CHECK(!memmem(f.in.data, f.in.len, "secret", 6));
    far_send(&f, "HTTP/1.1 400 Bad Request\r\n\r\n");
    WAIT(near.dones == 1);
    CHECK_EQ(near.result.status, NIGH_UPSTREAM);
    CHECK_EQ(near.result.bytes_out, 0);
    CHECK(strstr(near.result.err.what, "SSL"));
    far_close(&f);
    end();
}

TEST(client_never_sends_twice)
{
    struct far f;

    begin();
    far_open(&f);
    struct endpoint to = endpoint_of(&f);
    for (int round = 0; round < 2; round++) {
        ask(&to, "POST", SLICE("{}"));
        WAIT(far_has_request(&f));
        far_send(&f, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        WAIT(near.dones == 1);
        unsigned connections = f.connections;
        if (round == 0) {
            /* The far end takes the second request from the open connection, and dies. libcurl
             * would send it again on a new one. */
            size_t in = f.in_bytes;
            buf_reset(&f.in);
            ask(&to, "POST", SLICE("{}"));
            WAIT(far_has_request(&f));
            far_hang_up(&f);
            WAIT(near.dones == 1);
            CHECK_EQ(near.result.status, NIGH_OFFLINE);
            CHECK_EQ(near.result.bytes_out, f.in_bytes - in);
            some_passes();
            far_read(&f); /* a new connection may have been opened; nothing was sent on it */
            CHECK_EQ(f.in.len, 0);
            far_hang_up(&f);
        } else {
            /* Closed while it rested: the next call just opens another. */
            far_hang_up(&f);
            some_passes();
            ask(&to, "POST", SLICE("{}"));
            WAIT(far_has_request(&f));
            far_send(&f, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            WAIT(near.dones == 1);
            CHECK_EQ(near.result.status, NIGH_OK);
            CHECK_EQ(f.connections, connections + 1);
        }
    }
    far_close(&f);
    end();
}

/* ---- clocks ---- */

TEST(client_has_three_clocks)
{
    static const struct {
        const char *answer;
        uint64_t first_byte_ms, idle_ms, total_ms;
        const char *want; /* NULL: no clock strikes */
    } rows[] = {
        {"", 60, 0, 0, "no answer began after 6"},
        {"", 60, 1000, 2000, "no answer began after 6"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", 1000, 60, 2000, "stopped in the middle"},
        {"HTTP/1.1 200 OK\r\n", 1000, 60, 2000, "stopped in the middle"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", 30, 0, 90, "not whole after 9"},
        {"", 0, 60, 120, "not whole after 12"}, /* idle counts from the first byte on */
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 1000, 1000, 1000, NULL},
    };
    struct far f;

    begin();
    far_open(&f);
    struct endpoint to = endpoint_of(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct call_spec spec = {.to = &to,
                                 .method = "POST",
                                 .path = "/chat",
                                 .first_byte_ms = rows[i].first_byte_ms,
                                 .idle_ms = rows[i].idle_ms,
                                 .total_ms = rows[i].total_ms};

        near_reset();
        buf_reset(&f.in);
        CHECK_EQ(ask_spec(&spec, NULL), NIGH_OK);
        WAIT(far_has_request(&f));
        far_send(&f, rows[i].answer);
        WAIT(near.dones == 1);
        CHECK_EQ(near.result.status, rows[i].want ? NIGH_TIMEOUT : NIGH_OK);
        if (rows[i].want) {
            if (!strstr(near.result.err.what, rows[i].want) && near.result.total_us < 500000)
                TAP_FAIL("%zu: %s", i, near.result.err.what);
            WAIT(far_over(&f)); /* and the connection is closed */
            far_hang_up(&f);
        }
    }
    far_close(&f);
    end();
}

TEST(client_takes_a_slow_stream)
{
    struct far f;

    begin();
    far_open(&f);
    struct endpoint to = endpoint_of(&f);
    struct call_spec spec = {
        .to = &to, .method = "POST", .path = "/chat", .first_byte_ms = 100, .idle_ms = 100};
    CHECK_EQ(ask_spec(&spec, NULL), NIGH_OK);
    WAIT(far_has_request(&f));
    far_send(&f, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (unsigned i = 0; i < 12; i++) { /* longer than either clock, but never still for so long */
        uint64_t from_us = clock_mono_us();
        WAIT(clock_mono_us() - from_us > 25000);
        far_send(&f, "1\r\nx\r\n");
        WAIT(near.body.len == i + 1); /* each piece comes at once */
    }
    far_send(&f, "0\r\n\r\n");
    WAIT(near.dones == 1);
    CHECK_EQ(near.result.status, NIGH_OK);
    CHECK_EQ(near.result.bytes_in, f.out_bytes);
    far_close(&f);
    end();
}

/* ---- back-pressure and cancelling ---- */

TEST(client_pauses)
{
    enum { BYTES = 24 << 20 };
    struct far f;
    char *body = malloc(BYTES), head[100];
    struct {
        int act;
        bool idle; /* an idle clock runs */
    } rows[] = {{PAUSE_IN_HEAD, true}, {PAUSE_IN_DATA, true}, {PAUSE_IN_DATA, false}};

    for (size_t i = 0; i < BYTES; i++)
        body[i] = (char)(i * 31 + i / 4093);
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BYTES);
    begin();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        far_open(&f);
        struct endpoint to = endpoint_of(&f);
        struct call_spec spec = {.to = &to,
                                 .method = "GET",
                                 .path = "/",
                                 .idle_ms = rows[i].idle ? 150 : 0,
                                 .total_ms = 60000};
        size_t sent = 0;
        uint64_t stuck_us = 0;

        near_reset();
        near.act = rows[i].act;
        CHECK_EQ(ask_spec(&spec, NULL), NIGH_OK);
        WAIT(far_has_request(&f));
        far_send(&f, head);
        WAIT(near.heads == 1);
        WAIT(({ /* until the far end feels it, for longer than the idle clock */
                ssize_t n = send(f.fd, body + sent, BYTES - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
                sent += n > 0 ? (size_t)n : 0;
                if (n > 0)
                    stuck_us = clock_mono_us();
                clock_mono_us() - stuck_us > 200000;
        }));
        CHECK(sent < BYTES);
        CHECK_EQ(near.dones, 0);
        CHECK(near.body.len <= 32 << 10); /* one read of libcurl's buffer at most */
        near.act = STAY;
        unsigned pieces = near.pieces;
        call_resume(near.call);
        CHECK_EQ(near.pieces, pieces); /* not from inside */
        WAIT(({
            ssize_t n = sent < BYTES
                            ? send(f.fd, body + sent, BYTES - sent, MSG_DONTWAIT | MSG_NOSIGNAL)
                            : 0;
            sent += n > 0 ? (size_t)n : 0;
            near.dones == 1;
        }));
        CHECK_EQ(near.result.status, NIGH_OK);
        CHECK_EQ(near.body.len, BYTES);
        CHECK(memcmp(near.body.data, body, BYTES) == 0);
        far_close(&f);
    }
    free(body);
    end();
}

TEST(client_pauses_and_resumes_often)
{
    struct far f;

    begin();
    far_open(&f);
    struct endpoint to = endpoint_of(&f);
    ask(&to, "POST", SLICE("{}"));
    near.act = PAUSE_IN_DATA;
    call_pause(near.call); /* before it began */
    call_resume(near.call);
    WAIT(far_has_request(&f));
    far_send(&f, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (unsigned i = 0; i < 50; i++) {
        far_send(&f, "1\r\nx\r\n");
        WAIT(({
            call_resume(near.call);
            call_resume(near.call);
            near.body.len == i + 1;
        }));
    }
    far_send(&f, "0\r\n\r\n");
    WAIT(({
        if (near.call)
            call_resume(near.call);
        near.dones == 1;
    }));
    CHECK_EQ(near.result.status, NIGH_OK);
    far_close(&f);
    end();
}

TEST(client_cancels)
{
    enum { AT_ONCE, ASKED, IN_HEAD, IN_DATA, IN_STREAM, PAUSED, WAYS };
    struct far f;

    begin();
    far_open(&f);
    struct endpoint to = endpoint_of(&f);
    for (int way = 0; way < WAYS; way++) {
        near_reset();
        ask(&to, "POST", SLICE("{}"));
        near.act = way == IN_HEAD   ? CANCEL_IN_HEAD
                   : way == IN_DATA ? CANCEL_IN_DATA
                   : way == PAUSED  ? PAUSE_IN_DATA
                                    : STAY;
        if (way != AT_ONCE) {
            WAIT(far_has_request(&f));
            if (way != ASKED)
                far_send(&f, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx");
            if (way == IN_STREAM || way == PAUSED)
                WAIT(near.pieces == 1);
            if (way == PAUSED)
                far_send(&f, "y"), some_passes();
        }
        if (way != IN_HEAD && way != IN_DATA)
            near.call = call_cancel(near.call);
        WAIT(gate.settled == (unsigned)way + 1);
        CHECK_STR(gate.failure, "far/model: cancelled");
        CHECK_EQ(gate.http_status, way == AT_ONCE || way == ASKED ? 0 : 200);
        CHECK_EQ(gate.bytes_out, way == AT_ONCE ? 0 : f.in.len);
        if (way != AT_ONCE) {
            uint64_t from_us = clock_mono_us();
            WAIT(far_over(&f));
            CHECK(clock_mono_us() - from_us < 50000);
        } else {
            some_passes();
            far_read(&f);
            CHECK_EQ(f.connections, 0);
        }
        far_hang_up(&f);
        CHECK_EQ(near.dones, 0);
        CHECK_EQ(near.pieces, way >= IN_DATA);
        CHECK(call_cancel(NULL) == NULL);
    }
    far_close(&f);
    end();
}

TEST(client_free_cancels_what_is_open)
{
    struct far f;

    begin();
    far_open(&f);
    struct endpoint to = endpoint_of(&f);
    ask(&to, "POST", SLICE("{}"));
    WAIT(far_has_request(&f));
    ask(&to, "POST", SLICE("{}")); /* this one has not begun */
    end();
    CHECK_EQ(near.dones, 0);
    CHECK_EQ(gate.settled, 2);
    far_close(&f);
}

/* ---- many ---- */

enum { MANY = 40 };
static struct near many[MANY];

TEST(client_runs_many_calls_beside_each_other)
{
    struct far f[MANY];
    struct endpoint to[MANY];

    begin();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            if (round == 0)
                far_open(&f[i]);
            to[i] = endpoint_of(&f[i]);
            struct call_spec spec = {.to = &to[i],
                                     .method = "POST",
                                     .path = "/",
                                     .body = SLICE("{}"),
                                     .total_ms = DEADLINE_MS};
            memset(&many[i], 0, sizeof many[i]);
            buf_reset(&f[i].in);
            CHECK_EQ(client_send(client, &many[i].call, &spec, pass_new(), &ops, &many[i], NULL),
                     NIGH_OK);
            WAIT(far_has_request(&f[i])); /* others wait meanwhile */
        }
        for (int i = MANY; i-- > 0;) {
            char answer[100];
            snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n%03d", i);
            far_send(&f[i], answer);
        }
        for (int i = 0; i < MANY; i++) {
            char want[4];
            snprintf(want, sizeof want, "%03d", i);
            WAIT(many[i].dones == 1);
            CHECK_STR(many[i].body.data, want);
            CHECK_EQ(many[i].result.reused, round > 0);
            buf_done(&many[i].body);
        }
    }
    for (int i = 0; i < MANY; i++)
        far_close(&f[i]);
    end();
}
