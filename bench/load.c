/* load: asks one server the same question over and over, on keep-alive connections, and times the
 * answers.
 *
 * One thread, raw epoll.  Every connection has one request under way: the next is sent when the
 * answer is whole (a closed loop), so with one connection the latency is that of an idle server.
 * Prints one JSON object.  A latency runs from before the first write of the request to the last
 * byte of the answer; the first byte of a stream is the first "data:" of its body.  See README.md.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 20, HEAD_BYTES_MAX = 64 << 10, TAIL_BYTES = 2048, ERRORS_MAX = 100 };

enum where { HEAD, SIZED, UNSIZED, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER };

struct conn {
    int fd;
    size_t sent;
    uint64_t began_ns, first_ns;
    enum where where;
    size_t left; /* of the body or chunk */
    size_t head_n, line_n;
    int status;
    bool closes, full; /* full: waits until it can write the rest */
    bool used;         /* an answer came on it */
    char head[HEAD_BYTES_MAX];
    char line[64];
    char tail[TAIL_BYTES + 1]; /* the end of the body, to look for the usage in */
    size_t tail_n;
};

static struct {
    unsigned short port;
    const char *unix_path, *path, *model, *headers[16], *extra;
    size_t n_headers, body_bytes, connections, requests, warmup;
    bool stream, show;
    char *request;
    size_t request_n;
    int epoll;
    size_t started, done, errors, reopened, refused;
    unsigned crowd_s;
    uint64_t *whole_ns, *first_ns, tokens, bytes;
    double tokens_s; /* sum of each answer's tokens per second */
    char wrong[256];
} me;

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* A chat request whose user message has as many bytes as asked for: words, as prose has. */
static void make_request(void)
{
    static const char words[] = "the quick brown fox jumps over the lazy dog and ";
    char *body = malloc(me.body_bytes + 1024), *at = body;

    me.request = malloc(me.body_bytes + 8192);
    if (!body || !me.request)
        die("malloc");
    at += sprintf(
        at, "{\"model\":\"%s\",%s%s\"messages\":[{\"role\":\"user\",\"content\":\"", me.model,
        me.stream ? "\"stream\":true,\"stream_options\":{\"include_usage\":true}," : "", me.extra);
    for (size_t i = 0; i < me.body_bytes; i++)
        *at++ = words[i % (sizeof words - 1)];
    at += sprintf(at, "\"}]}");
    char *head = me.request;
    head += sprintf(head,
                    "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                    "Content-Length: %zu\r\n",
                    me.path, me.port, (size_t)(at - body));
    for (size_t i = 0; i < me.n_headers; i++)
        head += sprintf(head, "%s\r\n", me.headers[i]);
    head += sprintf(head, "\r\n");
    memcpy(head, body, (size_t)(at - body));
    me.request_n = (size_t)(head - me.request) + (size_t)(at - body);
    free(body);
}

static void conn_open(struct conn *c)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons(me.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    int yes = 1, wrong;

    c->used = c->full = false;
    c->fd = socket(me.unix_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (me.unix_path) {
        snprintf(un.sun_path, sizeof un.sun_path, "%s", me.unix_path);
        wrong = connect(c->fd, (struct sockaddr *)&un, sizeof un);
    } else {
        wrong = connect(c->fd, (struct sockaddr *)&in, sizeof in);
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    }
    if (wrong)
        die("connect");
    epoll_ctl(me.epoll, EPOLL_CTL_ADD, c->fd, &e);
}

static void conn_error(const char *what, int status, const char *text, size_t n)
{
    me.errors++;
    if (!me.wrong[0])
        snprintf(me.wrong, sizeof me.wrong, "%s (status %d) %.*s", what, status, (int)n, text);
    for (char *p = me.wrong; *p; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < 0x20)
            *p = '\'';
    if (me.errors > ERRORS_MAX) {
        fprintf(stderr, "load: too many errors; the first: %s\n", me.wrong);
        exit(1);
    }
}

static void conn_write(struct conn *c)
{
    while (c->sent < me.request_n) {
        ssize_t n =
            send(c->fd, me.request + c->sent, me.request_n - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            return; /* the far end closed: conn_read will see it */
        c->sent += (size_t)n;
    }
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    if (c->sent < me.request_n)
        e.events |= EPOLLOUT;
    if (c->full != (c->sent < me.request_n)) {
        c->full = !c->full;
        epoll_ctl(me.epoll, EPOLL_CTL_MOD, c->fd, &e);
    }
}

static void conn_start(struct conn *c)
{
    if (me.started == me.requests + me.warmup)
        return;
    me.started++;
    c->sent = c->head_n = c->line_n = c->tail_n = 0;
    c->where = HEAD;
    c->first_ns = 0;
    c->began_ns = now_ns();
    conn_write(c);
}

/* A crowd is told to come again later, and comes again at once. */
static bool is_refused(const struct conn *c)
{
    return me.crowd_s && (c->status == 429 || c->status == 503) &&
           strcasestr(c->head, "\r\nretry-after:");
}

static void conn_next(struct conn *c)
{
    c->used = true;
    if (c->closes) {
        close(c->fd);
        conn_open(c);
    }
    conn_start(c);
}

static void conn_end(struct conn *c)
{
    uint64_t now = now_ns();

    c->tail[c->tail_n] = '\0';
    if (is_refused(c)) {
        me.refused++;
        me.started--;
        conn_next(c);
        return;
    }
    if (c->status != 200)
        conn_error("answer", c->status, c->tail, c->tail_n);
    else if (me.stream && !strstr(c->tail, "[DONE]"))
        conn_error("stream without [DONE]", c->status, c->tail, c->tail_n);
    if (me.show && me.done == 0)
        fprintf(stderr, "%s\n", c->tail);
    if (me.done >= me.warmup) {
        size_t i = me.done - me.warmup;
        const char *usage = strstr(c->tail, "\"completion_tokens\":");
        uint64_t tokens = usage ? strtoul(usage + 20, NULL, 10) : 0;

        me.whole_ns[i] = now - c->began_ns;
        me.first_ns[i] = c->first_ns ? c->first_ns - c->began_ns : 0;
        me.tokens += tokens;
        if (c->first_ns && now > c->first_ns && tokens > 1)
            me.tokens_s += (double)(tokens - 1) * 1e9 / (double)(now - c->first_ns);
    }
    me.done++;
    conn_next(c);
}

static void body_bytes(struct conn *c, const char *at, size_t n)
{
    me.bytes += n;
    if (!c->first_ns && memmem(at, n, "data:", 5))
        c->first_ns = now_ns();
    if (n >= TAIL_BYTES) {
        memcpy(c->tail, at + n - TAIL_BYTES, TAIL_BYTES);
        c->tail_n = TAIL_BYTES;
        return;
    }
    if (c->tail_n + n > TAIL_BYTES) {
        size_t drop = c->tail_n + n - TAIL_BYTES;
        memmove(c->tail, c->tail + drop, c->tail_n - drop);
        c->tail_n -= drop;
    }
    memcpy(c->tail + c->tail_n, at, n);
    c->tail_n += n;
}

/* The head is in: what kind of body follows? */
static void head_done(struct conn *c)
{
    c->head[c->head_n] = '\0';
    c->status = atoi(c->head + 9);
    c->closes = strcasestr(c->head, "\r\nconnection: close") != NULL;
    const char *sized = strcasestr(c->head, "\r\ncontent-length:");
    if (strcasestr(c->head, "\r\ntransfer-encoding: chunked"))
        c->where = CHUNK_SIZE;
    else if (sized) {
        c->left = strtoul(sized + 17, NULL, 10);
        c->where = SIZED;
    } else
        c->where = UNSIZED;
}

/* Takes bytes of a line up to its LF; true when the line is whole, without its end. */
static bool take_line(struct conn *c, const char **at, const char *end)
{
    while (*at < end) {
        char ch = *(*at)++;

        if (ch == '\n') {
            c->line[c->line_n] = '\0';
            return true;
        }
        if (ch != '\r' && c->line_n < sizeof c->line - 1)
            c->line[c->line_n++] = ch;
    }
    return false;
}

/* Returns true when the answer became whole. */
static bool conn_take(struct conn *c, const char **at, const char *end)
{
    while (*at < end || (c->where == SIZED && c->left == 0)) {
        size_t n = (size_t)(end - *at);

        switch (c->where) {
        case HEAD:
            if (c->head_n == sizeof c->head - 1)
                die("head too large");
            c->head[c->head_n++] = *(*at)++;
            if (c->head_n >= 4 && memcmp(c->head + c->head_n - 4, "\r\n\r\n", 4) == 0)
                head_done(c);
            break;
        case UNSIZED:
            body_bytes(c, *at, n);
            *at = end;
            break;
        case SIZED:
        case CHUNK:
            n = n < c->left ? n : c->left;
            body_bytes(c, *at, n);
            *at += n;
            c->left -= n;
            if (c->left == 0 && c->where == SIZED)
                return true;
            if (c->left == 0)
                c->where = CHUNK_END;
            break;
        case CHUNK_END:
            if (take_line(c, at, end)) {
                c->line_n = 0;
                c->where = CHUNK_SIZE;
            }
            break;
        case CHUNK_SIZE:
            if (take_line(c, at, end)) {
                c->left = strtoul(c->line, NULL, 16);
                c->line_n = 0;
                c->where = c->left ? CHUNK : TRAILER;
            }
            break;
        case TRAILER:
            if (take_line(c, at, end)) {
                size_t line_n = c->line_n;
                c->line_n = 0;
                if (line_n == 0)
                    return true;
            }
            break;
        }
    }
    return false;
}

static void conn_read(struct conn *c)
{
    static char bytes[READ_BYTES];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 && c->where == UNSIZED) {
        c->closes = true;
        conn_end(c);
        return;
    }
    if (n <= 0) { /* asked once more, on a new connection */
        if (c->used && c->where == HEAD && c->head_n == 0)
            me.reopened++; /* it had been closed before our request came: llama-server does so after
                              a stream */
        else
            conn_error("connection ended", 0, "", 0);
        me.started--;
        close(c->fd);
        conn_open(c);
        conn_start(c);
        return;
    }
    const char *at = bytes, *end = bytes + n;
    if (conn_take(c, &at, end))
        conn_end(c);
}

static int order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static double percentile_us(const uint64_t *sorted, double share)
{
    size_t at = (size_t)((double)(me.requests - 1) * share);

    return me.requests ? (double)sorted[at] / 1e3 : 0;
}

static void report(uint64_t took_ns)
{
    qsort(me.whole_ns, me.requests, sizeof *me.whole_ns, order);
    qsort(me.first_ns, me.requests, sizeof *me.first_ns, order);
    printf("{\"requests\":%zu,\"connections\":%zu,\"errors\":%zu,\"reopened\":%zu,\"refused\":%zu,"
           "\"wrong\":\"%s\","
           "\"per_s\":%.1f,"
           "\"p50_us\":%.2f,\"p90_us\":%.2f,\"p99_us\":%.2f,\"first_p50_us\":%.2f,"
           "\"first_p99_us\":%.2f,\"tokens\":%lu,\"tokens_per_s\":%.1f,\"body_bytes\":%lu}\n",
           me.requests, me.connections, me.errors, me.reopened, me.refused, me.wrong,
           (double)me.requests * 1e9 / (double)took_ns, percentile_us(me.whole_ns, .5),
           percentile_us(me.whole_ns, .9), percentile_us(me.whole_ns, .99),
           percentile_us(me.first_ns, .5), percentile_us(me.first_ns, .99),
           (unsigned long)me.tokens, me.requests ? me.tokens_s / (double)me.requests : 0,
           (unsigned long)me.bytes);
}

static void run(void)
{
    struct conn *conns = calloc(me.connections, sizeof *conns);
    struct epoll_event events[256];
    uint64_t began_ns = 0, end_ns = me.crowd_s ? now_ns() + me.crowd_s * 1000000000ull : UINT64_MAX;

    me.whole_ns = calloc(me.requests, sizeof *me.whole_ns);
    me.first_ns = calloc(me.requests, sizeof *me.first_ns);
    me.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!conns || !me.whole_ns || !me.first_ns)
        die("calloc");
    for (size_t i = 0; i < me.connections; i++)
        conn_open(&conns[i]);
    for (size_t i = 0; i < me.connections; i++)
        conn_start(&conns[i]);
    while (me.done < me.requests + me.warmup && now_ns() < end_ns) {
        int n = epoll_wait(me.epoll, events, 256, me.crowd_s ? 100 : 60000);

        if (n == 0 && !me.crowd_s) {
            fprintf(stderr, "load: no answer for 60 s; %zu of %zu came\n", me.done, me.requests);
            exit(1);
        }
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;

            if (events[i].events & EPOLLOUT)
                conn_write(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                conn_read(c);
        }
        if (!began_ns && me.done >= me.warmup)
            began_ns = now_ns();
    }
    me.requests = me.done > me.warmup ? me.done - me.warmup : 0;
    report(now_ns() - began_ns);
}

static const char usage[] =
    "usage: load --port N | --unix PATH [--path PATH] [--model NAME] [--body-bytes N] "
    "[--connections N]\n"
    "            [--requests N] [--warmup N] [--stream] [--header 'NAME: VALUE']...\n"
    "            [--extra '\"member\":value,'] [--show]\n"
    "            [--crowd SECONDS]  for so long or until --requests are answered; those that are "
    "refused\n"
    "                               with 429 or 503 and Retry-After are counted, and ask again at "
    "once\n";

int main(int argc, char **argv)
{
    enum {
        PORT = 1,
        UNIX,
        PATH,
        MODEL,
        BODY,
        CONNS,
        REQUESTS,
        WARMUP,
        STREAM,
        HEADER,
        EXTRA,
        SHOW,
        CROWD
    };
    static const struct option options[] = {
        {"port", 1, NULL, PORT},         {"unix", 1, NULL, UNIX},
        {"path", 1, NULL, PATH},         {"model", 1, NULL, MODEL},
        {"body-bytes", 1, NULL, BODY},   {"connections", 1, NULL, CONNS},
        {"requests", 1, NULL, REQUESTS}, {"warmup", 1, NULL, WARMUP},
        {"stream", 0, NULL, STREAM},     {"header", 1, NULL, HEADER},
        {"extra", 1, NULL, EXTRA},       {"show", 0, NULL, SHOW},
        {"crowd", 1, NULL, CROWD},       {NULL, 0, NULL, 0},
    };
    int option;

    me.path = "/v1/chat/completions";
    me.model = "standin";
    me.extra = "";
    me.body_bytes = 40;
    me.connections = 1;
    me.requests = 1000;
    me.warmup = 100;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case PORT:
            me.port = (unsigned short)strtoul(optarg, NULL, 10);
            break;
        case UNIX:
            me.unix_path = optarg;
            break;
        case PATH:
            me.path = optarg;
            break;
        case MODEL:
            me.model = optarg;
            break;
        case BODY:
            me.body_bytes = strtoul(optarg, NULL, 10);
            break;
        case CONNS:
            me.connections = strtoul(optarg, NULL, 10);
            break;
        case REQUESTS:
            me.requests = strtoul(optarg, NULL, 10);
            break;
        case WARMUP:
            me.warmup = strtoul(optarg, NULL, 10);
            break;
        case STREAM:
            me.stream = true;
            break;
        case HEADER:
            if (me.n_headers < sizeof me.headers / sizeof *me.headers)
                me.headers[me.n_headers++] = optarg;
            break;
        case EXTRA:
            me.extra = optarg;
            break;
        case SHOW:
            me.show = true;
            break;
        case CROWD:
            me.crowd_s = (unsigned)strtoul(optarg, NULL, 10);
            break;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if ((!me.port && !me.unix_path) || me.requests == 0 || me.connections == 0) {
        fputs(usage, stderr);
        return 2;
    }
    make_request();
    run();
    return me.errors > 0;
}
