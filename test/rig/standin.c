/* standin: a server of three APIs that stands in for a cloud, in tests, demo and bench.
 *
 * One thread, raw epoll, none of nigh's code: what it says it saw is evidence.  It plays any fault
 * a provider shows (act.h), counts every byte, and tells both over /control, which does not count.
 * Times in what it tells are of CLOCK_MONOTONIC in milliseconds, which Python calls
 * time.monotonic().  See README.md. */
#include "verbs.h"
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    HEAD_BYTES_MAX = 256 << 10,
    BODY_BYTES_MAX = 256 << 20,
    LOG_ROWS = 256, /* the last requests, with what they said */
    LOG_BODY_BYTES_MAX = 1 << 20,
    READ_BYTES = 256 << 10,
    EVENTS = 256,
};

struct row { /* one request, for /control/seen */
    unsigned long serial;
    char *head, *body;
    size_t head_n, body_n, body_kept;
    int status;
    uint64_t began_us, ended_us;
    const char *how; /* "open", "whole", "broken" (by an act), "aborted" (by the client) */
};

struct conn {
    int fd;
    bool control, counted, writing, close_after, told_continue;
    struct bytes in, out;
    size_t out_sent;
    uint64_t bytes_in;
    /* the request, once its head is in */
    size_t head_n, body_n, chunk_at; /* body_n: of the body, or so far when chunked */
    bool chunked, body_whole;
    /* the answer */
    bool answering;
    struct plan plan;
    size_t step;
    unsigned long serial; /* row of the log: serial % LOG_ROWS */
    uint64_t due_us;
    size_t heap_at; /* place in the heap of timers, from 1; 0: not in it */
};

static struct {
    int epoll, listener;
    bool bench;
    const char *key; /* bearer token that is asked for, or NULL */
    const char *models[16];
    size_t n_models;
    struct acts acts;
    struct conn **heap;
    size_t heap_n, heap_room;
    struct row log[LOG_ROWS];
    struct plan canned[2]; /* bench: not streamed, streamed */
    unsigned long serial, requests, chats, connections, open, aborts;
    uint64_t bytes_in, bytes_out;
    unsigned rate; /* its clock runs so many times as fast as the system's */
} me = {.rate = 1};

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return ((uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000) * me.rate;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* Timers: a binary heap by due_us. */
static void heap_put(size_t at, struct conn *c)
{
    me.heap[at] = c;
    c->heap_at = at;
}

static void heap_up(size_t at)
{
    struct conn *c = me.heap[at];

    for (; at > 1 && me.heap[at / 2]->due_us > c->due_us; at /= 2)
        heap_put(at, me.heap[at / 2]);
    heap_put(at, c);
}

static void heap_down(size_t at)
{
    struct conn *c = me.heap[at];

    for (size_t child; (child = at * 2) <= me.heap_n; at = child) {
        if (child < me.heap_n && me.heap[child + 1]->due_us < me.heap[child]->due_us)
            child++;
        if (me.heap[child]->due_us >= c->due_us)
            break;
        heap_put(at, me.heap[child]);
    }
    heap_put(at, c);
}

static void timer_stop(struct conn *c)
{
    size_t at = c->heap_at;

    if (!at)
        return;
    struct conn *last = me.heap[me.heap_n--];
    c->heap_at = 0;
    if (last == c)
        return;
    heap_put(at, last);
    heap_up(at);
    heap_down(last->heap_at);
}

static void timer_start(struct conn *c, uint64_t due_us)
{
    timer_stop(c);
    c->due_us = due_us;
    if (me.heap_n + 2 > me.heap_room) {
        me.heap_room = me.heap_room ? me.heap_room * 2 : 64;
        me.heap = realloc(me.heap, me.heap_room * sizeof(struct conn *));
        if (!me.heap)
            abort();
    }
    heap_put(++me.heap_n, c);
    heap_up(me.heap_n);
}

/* The log. */
static struct row *row_of(const struct conn *c)
{
    struct row *row = &me.log[c->serial % LOG_ROWS];

    return row->serial == c->serial && c->serial > 0 ? row : NULL;
}

static char *copy(const char *at, size_t n)
{
    char *text = malloc(n + 1);

    if (!text)
        abort();
    memcpy(text, at, n);
    text[n] = '\0';
    return text;
}

static void row_open(struct conn *c)
{
    struct row *row = &me.log[(c->serial = ++me.serial) % LOG_ROWS];

    free(row->head);
    free(row->body);
    *row =
        (struct row){.serial = c->serial,
                     .head_n = c->head_n,
                     .body_n = c->body_n,
                     .body_kept = c->body_n < LOG_BODY_BYTES_MAX ? c->body_n : LOG_BODY_BYTES_MAX,
                     .began_us = now_us(),
                     .how = "open"};
    row->head = copy(c->in.at, row->head_n);
    row->body = copy(c->in.at + c->head_n, row->body_kept);
}

static void row_end(struct conn *c, const char *how)
{
    struct row *row = row_of(c);

    c->answering = false;
    if (strcmp(how, "aborted") == 0)
        me.aborts++;
    if (!row)
        return;
    row->how = how;
    row->ended_us = now_us();
    row->status = c->plan.status;
    c->serial = 0;
}

/* Connections. */
static void conn_free(struct conn *c, bool reset)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    if (c->answering)
        row_end(c, "aborted");
    timer_stop(c);
    if (reset)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(c->fd);
    bytes_done(&c->in);
    bytes_done(&c->out);
    plan_done(&c->plan);
    me.open -= !c->control;
    free(c);
}

static void conn_watch(struct conn *c, bool writing)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | (writing ? (uint32_t)EPOLLOUT : 0),
                            .data.ptr = c};

    if (c->writing != writing)
        epoll_ctl(me.epoll, EPOLL_CTL_MOD, c->fd, &e);
    c->writing = writing;
}

/* False when the client is gone. */
static bool conn_flush(struct conn *c)
{
    while (c->out_sent < c->out.n) {
        ssize_t n = send(c->fd, c->out.at + c->out_sent, c->out.n - c->out_sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            conn_watch(c, true);
            return true;
        }
        if (n < 0)
            return false;
        c->out_sent += (size_t)n;
        me.bytes_out += c->control ? 0 : (uint64_t)n;
    }
    c->out.n = c->out_sent = 0;
    conn_watch(c, false);
    return true;
}

/* The value of a header in a request's head, or NULL. */
static const char *head_find(const char *head, size_t n, const char *name, size_t *ret_n)
{
    size_t name_n = strlen(name);
    const char *end = head + n, *line = memchr(head, '\n', n);

    while (line && ++line < end) {
        const char *stop = memchr(line, '\r', (size_t)(end - line));

        if (!stop)
            return NULL;
        if ((size_t)(stop - line) > name_n && line[name_n] == ':' &&
            strncasecmp(line, name, name_n) == 0) {
            const char *value = line + name_n + 1;
            while (value < stop && *value == ' ')
                value++;
            *ret_n = (size_t)(stop - value);
            return value;
        }
        line = memchr(stop, '\n', (size_t)(end - stop));
    }
    return NULL;
}

static bool head_has(const struct conn *c, const char *name, const char *word)
{
    size_t n;
    const char *value = head_find(c->in.at, c->head_n, name, &n);

    return value && n >= strlen(word) && strncasecmp(value, word, strlen(word)) == 0;
}

static bool path_is(const struct conn *c, const char *start)
{
    return strncmp(c->in.at, start, strlen(start)) == 0;
}

/* Plays the plan up to the next delay.  False when the connection is gone. */
static bool play(struct conn *c)
{
    size_t from = c->step ? c->plan.steps[c->step - 1].end : 0;

    for (;;) {
        if (c->step == c->plan.n)
            break;
        struct plan_step *s = &c->plan.steps[c->step];
        if (s->delay_us > 0) {
            uint64_t wait_us = s->delay_us;
            s->delay_us = 0; /* waited for once */
            timer_start(c, now_us() + wait_us);
            return conn_flush(c);
        }
        bytes_add(&c->out, c->plan.text.at + from, s->end - from);
        from = s->end;
        c->step++;
    }
    if (c->plan.end == PLAN_HOLD)
        return conn_flush(c);
    row_end(c, c->plan.end == PLAN_WHOLE ? "whole" : "broken");
    bool there = conn_flush(c);
    if (c->plan.end == PLAN_WHOLE)
        return there;
    /* What was sent before the cut should arrive, so that tests can say how much did: a reset
     * throws away what the kernel has not sent, which on loopback is nothing. */
    conn_free(c, c->plan.end == PLAN_RESET);
    return false;
}

static void answer_models(struct conn *c)
{
    struct bytes body = {0};

    bytes_text(&body, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < me.n_models; i++) {
        bytes_text(&body, i ? ",{\"id\":" : "{\"id\":");
        bytes_json(&body, me.models[i], strlen(me.models[i]));
        bytes_text(&body,
                   ",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"stand-in\"}");
    }
    bytes_text(&body, "]}");
    plan_body(&c->plan, 200, NULL, 0, body.at, body.n);
    bytes_done(&body);
}

static void add_row(struct bytes *out, const struct row *row)
{
    bytes_printf(out,
                 "{\"serial\":%lu,\"status\":%d,\"how\":\"%s\",\"began_ms\":%.3f,\"ended_ms\":%.3f,"
                 "\"body_bytes\":%zu,\"head\":",
                 row->serial, row->status, row->how, (double)row->began_us / 1e3,
                 (double)row->ended_us / 1e3, row->body_n);
    bytes_json(out, row->head, row->head_n);
    bytes_text(out, ",\"body\":");
    bytes_json(out, row->body, row->body_kept);
    bytes_text(out, "}");
}

static void control_seen(struct conn *c)
{
    struct bytes body = {0};
    unsigned long first = me.serial >= LOG_ROWS ? me.serial - LOG_ROWS + 1 : 1;

    bytes_printf(&body,
                 "{\"requests\":%lu,\"chats\":%lu,\"connections\":%lu,\"open\":%lu,\"aborts\":%lu,"
                 "\"bytes_in\":%lu,\"bytes_out\":%lu,\"acts_left\":%zu,\"log\":[",
                 me.requests, me.chats, me.connections, me.open, me.aborts,
                 (unsigned long)me.bytes_in, (unsigned long)me.bytes_out, me.acts.n);
    for (unsigned long serial = first, n = 0; serial <= me.serial; serial++) {
        const struct row *row = &me.log[serial % LOG_ROWS];

        if (row->serial != serial)
            continue;
        bytes_text(&body, n++ ? "," : "");
        add_row(&body, row);
    }
    bytes_text(&body, "]}");
    plan_body(&c->plan, 200, NULL, 0, body.at, body.n);
    bytes_done(&body);
}

/* Counts from nothing; what is open stays open. */
static void control_forget(struct conn *c)
{
    for (size_t i = 0; i < LOG_ROWS; i++)
        if (me.log[i].serial && strcmp(me.log[i].how, "open") != 0)
            me.log[i].serial = 0;
    me.requests = me.chats = me.aborts = 0;
    me.bytes_in = me.bytes_out = 0;
    me.connections = me.open;
    plan_body(&c->plan, 200, NULL, 0, "{}", 2);
}

static const char *script(const char *text, size_t n)
{
    /* The acts point into the document, so it lives as long as the program. */
    yyjson_doc *doc = yyjson_read(text, n, 0);

    return doc ? acts_script(&me.acts, yyjson_doc_get_root(doc), now_us()) : "not JSON";
}

static void answer_control(struct conn *c)
{
    if (path_is(c, "GET /control/seen "))
        control_seen(c);
    else if (path_is(c, "POST /control/forget "))
        control_forget(c);
    else if (path_is(c, "POST /control ")) {
        const char *wrong = script(c->in.at + c->head_n, c->body_n);
        if (wrong)
            plan_error(&c->plan, 400, NULL, "bad", wrong);
        else
            plan_body(&c->plan, 200, NULL, 0, "{}", 2);
    } else
        plan_error(&c->plan, 404, NULL, NULL, NULL);
}

/* What it speaks, by the end of the path. */
static const struct talk {
    const char *path, *auth, *before;
    plan_format *plan;
    plan_format_error *error;
} talks[] = {
    {"/chat/completions ", "Authorization", "Bearer ", plan_chat, plan_error},
    {"/responses ", "Authorization", "Bearer ", plan_responses, plan_error},
    {"/messages ", "x-api-key", "", plan_messages, plan_messages_error},
    {"/completions ", "Authorization", "Bearer ", NULL, plan_error}, /* to the end: verbs.h */
    {"/embeddings ", "Authorization", "Bearer ", NULL, plan_error},
    {"/rerank ", "Authorization", "Bearer ", NULL, plan_error},
};

static size_t line_size(const struct conn *c)
{
    const char *end = memchr(c->in.at, '\r', c->head_n);

    return end ? (size_t)(end - c->in.at) : 0;
}

static const struct talk *talk_of(const struct conn *c)
{
    for (size_t i = 0; path_is(c, "POST ") && i < sizeof talks / sizeof *talks; i++)
        if (memmem(c->in.at, line_size(c), talks[i].path, strlen(talks[i].path)))
            return &talks[i];
    return NULL;
}

static bool key_is_wrong(const struct conn *c, const struct talk *talk)
{
    size_t n;
    const char *value = head_find(c->in.at, c->head_n, talk->auth, &n);
    size_t want = me.key ? strlen(me.key) : 0, before = strlen(talk->before);

    return me.key && (!value || n != want + before || memcmp(value, talk->before, before) != 0 ||
                      memcmp(value + before, me.key, want) != 0);
}

/* Anthropic's API wants to know which version of it is meant. */
static bool version_is_missing(const struct conn *c, const struct talk *talk)
{
    size_t n;

    return talk->plan == plan_messages && !head_find(c->in.at, c->head_n, "anthropic-version", &n);
}

/* False when the connection is gone or stays silent. */
static bool answer_chat(struct conn *c, const struct talk *talk)
{
    const char *body = c->in.at + c->head_n;
    yyjson_doc *doc = yyjson_read(body, c->body_n, 0);
    yyjson_val *request = yyjson_doc_get_root(doc);
    struct act act = acts_take(&me.acts, yyjson_get_str(yyjson_obj_get(request, "model")),
                               yyjson_get_bool(yyjson_obj_get(request, "stream")), now_us());

    if (act.fault != FAULT_NONE) {
        yyjson_doc_free(doc);
        if (act.fault == FAULT_SILENT)
            return true;
        row_end(c, "broken");
        conn_free(c, act.fault == FAULT_RESET);
        return false;
    }
    if (key_is_wrong(c, talk))
        talk->error(&c->plan, 401, NULL, "auth", NULL);
    else if (version_is_missing(c, talk))
        talk->error(&c->plan, 400, NULL, "bad", "anthropic-version: header is required");
    else if (talk->plan)
        talk->plan(&c->plan, &act, request, body, c->body_n, c->serial);
    else if (!plan_verb(&c->plan, &act, c->in.at, line_size(c), request, c->serial))
        plan_chat(&c->plan, &act, request, body, c->body_n, c->serial); /* a fault's act */
    yyjson_doc_free(doc);
    return play(c);
}

/* What bench asks of a server: no look at the body beyond whether a stream is wanted. */
static bool answer_canned(struct conn *c)
{
    static const char mark[] = "\"stream\":true";
    bool stream = memmem(c->in.at + c->head_n, c->body_n, mark, sizeof mark - 1) != NULL;

    bytes_add(&c->out, me.canned[stream].text.at, me.canned[stream].text.n);
    return conn_flush(c);
}

/* The request is whole.  False when the connection is gone. */
static bool answer(struct conn *c)
{
    const struct talk *chat = talk_of(c);

    c->close_after = head_has(c, "Connection", "close");
    if (c->control) {
        c->answering = true;
        c->serial = 0;
        answer_control(c);
        c->answering = false;
        bytes_add(&c->out, c->plan.text.at, c->plan.text.n);
        return conn_flush(c);
    }
    me.requests++;
    me.chats += chat && chat->plan;
    if (chat && chat->plan && me.bench)
        return answer_canned(c);
    row_open(c);
    c->answering = true;
    c->step = 0;
    if (chat)
        return answer_chat(c, chat);
    if (path_is(c, "GET ") && memmem(c->in.at, c->head_n, "/models ", 8))
        answer_models(c);
    else
        plan_error(&c->plan, 404, NULL, NULL, NULL);
    return play(c);
}

/* Moves what has arrived of a chunked body together.  -1: malformed; 1: the body is whole. */
static int dechunk(struct conn *c)
{
    for (;;) {
        const char *at = c->in.at + c->chunk_at;
        size_t left = c->in.n - c->chunk_at;
        const char *line_end = memmem(at, left, "\r\n", 2);
        char *stop;

        if (!line_end)
            return left > 64 ? -1 : 0;
        size_t size = strtoul(at, &stop, 16);
        if (stop == at || size > BODY_BYTES_MAX || c->body_n + size > BODY_BYTES_MAX)
            return -1;
        size_t line_n = (size_t)(line_end - at) + 2;
        if (left < line_n + size + 2)
            return 0;
        if (size == 0) { /* trailers are not looked for: nobody here sends any */
            c->chunk_at += line_n + 2;
            return 1;
        }
        memmove(c->in.at + c->head_n + c->body_n, at + line_n, size);
        c->body_n += size;
        c->chunk_at += line_n + size + 2;
    }
}

static void conn_claim(struct conn *c)
{
    if (!c->counted) {
        c->counted = true;
        c->control = path_is(c, "GET /control/") || path_is(c, "POST /control");
        if (c->control) {
            me.connections--;
            me.open--;
            me.bytes_in -= c->bytes_in;
        }
    }
}

/* -1: malformed; 0: more is needed; 1: the head is in. */
static int read_head(struct conn *c)
{
    size_t n;
    const char *value, *end = memmem(c->in.at, c->in.n, "\r\n\r\n", 4);

    if (!end)
        return c->in.n > HEAD_BYTES_MAX ? -1 : 0;
    c->head_n = (size_t)(end - c->in.at) + 4;
    conn_claim(c);
    c->chunked = head_has(c, "Transfer-Encoding", "chunked");
    c->chunk_at = c->head_n;
    value = head_find(c->in.at, c->head_n, "Content-Length", &n);
    c->body_n = value && !c->chunked ? strtoul(value, NULL, 10) : 0;
    if (c->body_n > BODY_BYTES_MAX)
        return -1;
    if (head_has(c, "Expect", "100-continue")) {
        bytes_text(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
        return conn_flush(c) ? 1 : -1;
    }
    return 1;
}

/* Reads what requests are in; false when the connection is gone. */
static bool conn_parse(struct conn *c)
{
    while (!c->answering && c->in.n > 0) {
        int got = c->head_n ? 1 : read_head(c);

        if (got == 1 && c->chunked)
            got = dechunk(c);
        else if (got == 1)
            got = c->in.n >= c->head_n + c->body_n;
        if (got == 0)
            return true;
        if (got < 0) {
            conn_free(c, false);
            return false;
        }
        size_t used = c->chunked ? c->chunk_at : c->head_n + c->body_n;
        if (!answer(c))
            return false;
        memmove(c->in.at, c->in.at + used, c->in.n - used);
        c->in.n -= used;
        c->head_n = 0;
        if (!c->answering && c->plan.text.at)
            plan_done(&c->plan);
        if (!c->answering && c->close_after && c->out.n == 0) {
            conn_free(c, false);
            return false;
        }
    }
    return true;
}

static void conn_read(struct conn *c)
{
    bytes_reserve(&c->in, READ_BYTES);
    ssize_t n = recv(c->fd, c->in.at + c->in.n, c->in.room - c->in.n, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        conn_free(c, false);
        return;
    }
    c->in.n += (size_t)n;
    c->bytes_in += (uint64_t)n;
    me.bytes_in += c->control ? 0 : (uint64_t)n;
    if (c->in.n > HEAD_BYTES_MAX + BODY_BYTES_MAX)
        conn_free(c, true);
    else
        conn_parse(c);
}

static void conn_due(struct conn *c)
{
    timer_stop(c);
    if (!play(c))
        return;
    if (c->answering)
        return;
    plan_done(&c->plan);
    if (c->close_after && c->out.n == 0)
        conn_free(c, false);
    else
        conn_parse(c);
}

static void conn_event(struct conn *c, uint32_t events)
{
    if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
        conn_free(c, false); /* an answer that was under way counts as aborted */
        return;
    }
    if (events & EPOLLOUT) {
        if (!conn_flush(c) || (c->out.n == 0 && c->close_after && !c->answering)) {
            conn_free(c, false);
            return;
        }
    }
    if (events & EPOLLIN)
        conn_read(c);
}

static void accept_all(void)
{
    int fd, yes = 1;

    while ((fd = accept4(me.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *c = calloc(1, sizeof *c);
        struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = c};

        if (!c)
            abort();
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        epoll_ctl(me.epoll, EPOLL_CTL_ADD, fd, &e);
        me.connections++;
        me.open++;
    }
}

static void serve(void)
{
    struct epoll_event events[EVENTS];

    for (;;) {
        struct timespec wait = {0}, *limit = NULL;

        if (me.heap_n > 0) {
            uint64_t now = now_us(), due = me.heap[1]->due_us;
            uint64_t left = due > now ? (due - now + me.rate - 1) / me.rate : 0;

            wait = (struct timespec){(time_t)(left / 1000000), (long)(left % 1000000) * 1000};
            limit = &wait;
        }
        int n = epoll_pwait2(me.epoll, events, EVENTS, limit, NULL);
        if (n < 0 && errno != EINTR)
            die("epoll_pwait2");
        /* A connection has one row in `events`, so freeing it here hurts nobody. */
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                conn_event(events[i].data.ptr, events[i].events);
            else
                accept_all();
        }
        while (me.heap_n > 0 && me.heap[1]->due_us <= now_us())
            conn_due(me.heap[1]);
    }
}

static unsigned short listen_on(unsigned short port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int yes = 1;
    struct epoll_event e = {.events = EPOLLIN};

    me.epoll = epoll_create1(EPOLL_CLOEXEC);
    me.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(me.listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(me.listener, (struct sockaddr *)&a, sizeof a) != 0)
        die("bind");
    if (listen(me.listener, 4096) != 0)
        die("listen");
    getsockname(me.listener, (struct sockaddr *)&a, &n);
    epoll_ctl(me.epoll, EPOLL_CTL_ADD, me.listener, &e);
    return ntohs(a.sin_port);
}

static void bench_prepare(void)
{
    static const char *const requests[] = {
        "{\"model\":\"standin\",\"messages\":[]}",
        "{\"model\":\"standin\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
        "\"messages\":[]}",
    };

    for (size_t i = 0; i < 2; i++) {
        yyjson_doc *doc = yyjson_read(requests[i], strlen(requests[i]), 0);

        plan_chat(&me.canned[i], &me.acts.fallback, yyjson_doc_get_root(doc), requests[i],
                  strlen(requests[i]), 1);
        yyjson_doc_free(doc);
    }
}

static void script_file(const char *path)
{
    struct bytes text = {0};
    char piece[4096];
    size_t n;
    FILE *f = fopen(path, "re");

    if (!f)
        die(path);
    while ((n = fread(piece, 1, sizeof piece, f)) > 0)
        bytes_add(&text, piece, n);
    fclose(f);
    const char *wrong = script(text.at ? text.at : "", text.n);
    if (wrong) {
        fprintf(stderr, "%s: %s\n", path, wrong);
        exit(2);
    }
    bytes_done(&text);
}

static const char usage[] =
    "usage: standin [--port N] [--reply TEXT] [--tokens N] [--first-delay-ms N] [--token-delay-us "
    "N]\n"
    "               [--model NAME]... [--key KEY] [--script FILE] [--bench] [--rate N]\n"
    "               [--die-with-parent]\n"
    "Prints \"listening PORT\".  POST /control sets what comes next, GET /control/seen tells what "
    "came.\n";

int main(int argc, char **argv)
{
    enum { PORT = 1, REPLY, TOKENS, FIRST, TOKEN, MODEL, KEY, SCRIPT, BENCH, RATE, DIE, HELP };
    static const struct option options[] = {
        {"port", 1, NULL, PORT},
        {"reply", 1, NULL, REPLY},
        {"tokens", 1, NULL, TOKENS},
        {"first-delay-ms", 1, NULL, FIRST},
        {"token-delay-us", 1, NULL, TOKEN},
        {"model", 1, NULL, MODEL},
        {"key", 1, NULL, KEY},
        {"script", 1, NULL, SCRIPT},
        {"bench", 0, NULL, BENCH},
        {"rate", 1, NULL, RATE},
        {"die-with-parent", 0, NULL, DIE},
        {"help", 0, NULL, HELP},
        {NULL, 0, NULL, 0},
    };
    unsigned short port = 0;
    int option;

    signal(SIGPIPE, SIG_IGN);
    acts_init(&me.acts);
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case PORT:
            port = (unsigned short)strtoul(optarg, NULL, 10);
            break;
        case REPLY:
            me.acts.fallback.reply = optarg;
            break;
        case TOKENS:
            me.acts.fallback.tokens = strtol(optarg, NULL, 10);
            break;
        case FIRST:
            me.acts.fallback.first_delay_us = strtoul(optarg, NULL, 10) * 1000;
            break;
        case TOKEN:
            me.acts.fallback.token_delay_us = strtoul(optarg, NULL, 10);
            break;
        case MODEL:
            if (me.n_models < sizeof me.models / sizeof *me.models)
                me.models[me.n_models++] = optarg;
            break;
        case KEY:
            me.key = optarg;
            break;
        case SCRIPT:
            script_file(optarg);
            break;
        case BENCH:
            me.bench = true;
            break;
        case RATE:
            me.rate = (unsigned)strtoul(optarg, NULL, 10);
            me.rate = me.rate ? me.rate : 1;
            break;
        case DIE:
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            break;
        default:
            fputs(usage, option == HELP ? stdout : stderr);
            return option == HELP ? 0 : 2;
        }
    }
    me.acts.first = me.acts.fallback;
    if (me.n_models == 0)
        me.models[me.n_models++] = "standin";
    if (me.bench)
        bench_prepare();
    port = listen_on(port);
    printf("listening %d\n", port);
    fflush(stdout);
    serve();
}
