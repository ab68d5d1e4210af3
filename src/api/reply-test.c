/* The server is played here: what the reply does with its exchange becomes one line. */
#include "api/reply.h"
#include "base/tap.h"

static struct buf seen;
static size_t pending;

static void note_head(const char *what, int status, const struct header *headers, size_t n)
{
    buf_printf(&seen, "%s %d", what, status);
    for (size_t i = 0; i < n; i++)
        buf_printf(&seen, " %s=%s", headers[i].name, headers[i].value);
    buf_add_char(&seen, '|');
}

void exchange_reply(struct exchange *ex, int status, const struct header *headers, size_t n,
                    struct slice body)
{
    note_head("reply", status, headers, n);
    buf_add_str(&seen, body);
}
void exchange_begin(struct exchange *ex, int status, const struct header *headers, size_t n)
{
    note_head("begin", status, headers, n);
}
void exchange_write(struct exchange *ex, struct slice bytes)
{
    buf_add_str(&seen, bytes);
}
void exchange_end(struct exchange *ex)
{
    buf_add_cstr(&seen, "|end");
}
void exchange_break(struct exchange *ex)
{
    buf_add_cstr(&seen, "|break");
}
size_t exchange_pending(const struct exchange *ex)
{
    return pending;
}

static void show_event(struct encoding *e, const struct event *event, struct buf *out)
{
    if (event->kind == EVENT_END)
        buf_add_cstr(out, "<end>");
    else
        buf_add_str(out, event->text);
    out->failed = event->kind == EVENT_REFUSAL;
}
static void show_whole(struct encoding *e, struct buf *out)
{
    buf_add_cstr(out, "<whole>");
}
static void show_error(const struct refusal *refusal, struct buf *out)
{
    buf_add_str(out, refusal->what);
}
static void show_stream_error(struct encoding *e, const struct refusal *refusal, struct buf *out)
{
    buf_printf(out, "<error %.*s>", (int)refusal->what.len, refusal->what.p);
}

static const struct api fake = {.name = "fake",
                                .stream_type = "text/fake",
                                .event = show_event,
                                .whole = show_whole,
                                .error = show_error,
                                .stream_error = show_stream_error};
static struct reply reply;
static struct turn turn;

static void start(bool stream)
{
    reply_done(&reply);
    buf_reset(&seen);
    pending = 0;
    turn.stream = stream;
    reply_init(&reply, &fake, NULL);
    reply.enc.turn = &turn;
    reply_header(&reply, "Nigh-Turn", "T");
}

static void tell(enum event_kind kind, const char *text)
{
    reply_event(&reply, &(struct event){.kind = kind, .text = slice_of(text)});
}

#define STREAM                                                                                     \
    "begin 200 Nigh-Turn=T Content-Type=text/fake Cache-Control=no-cache "                         \
    "X-Accel-Buffering=no|"

TEST(a_stream_begins_with_the_first_byte)
{
    start(true);
    tell(EVENT_BEGIN, "");
    CHECK(!reply.began);
    CHECK_EQ(seen.len, 0);
    tell(EVENT_TEXT, "a");
    CHECK(reply.began);
    tell(EVENT_TEXT, "b");
    tell(EVENT_END, NULL);
    reply_end(&reply);
    reply_end(&reply);
    tell(EVENT_TEXT, "late");
    CHECK_STR(seen.data, STREAM "ab<end>|end");
}

TEST(a_whole_answer_is_told_at_its_end)
{
    start(false);
    tell(EVENT_TEXT, "a");
    CHECK(!reply.began);
    reply_end(&reply);
    CHECK_STR(seen.data, "reply 200 Nigh-Turn=T Content-Type=application/json|<whole>");
}

TEST(a_refusal_before_is_a_status_and_after_a_break)
{
    const struct refusal busy = {.status = NIGH_BUSY, .what = SLICE("w"), .retry_after_ms = 1001};
    const struct refusal own = {.status = NIGH_INVALID, .http_status = 422, .what = SLICE("w")};

    start(true);
    reply_refuse(&reply, &busy);
    reply_refuse(&reply, &busy);
    CHECK_STR(seen.data, "reply 429 Nigh-Turn=T Content-Type=application/json Retry-After=2 "
                         "Retry-After-Ms=1001|w");
    start(false);
    reply_refuse(&reply, &own);
    CHECK_STR(seen.data, "reply 422 Nigh-Turn=T Content-Type=application/json|w");
    start(true);
    tell(EVENT_TEXT, "a");
    reply_refuse(&reply, &own);
    reply_end(&reply);
    CHECK_STR(seen.data, STREAM "a<error w>|break");
}

TEST(a_slow_client_fills_it)
{
    start(true);
    pending = EXCHANGE_HIGH_BYTES + 1;
    CHECK(!reply_full(&reply));
    tell(EVENT_TEXT, "a");
    CHECK(reply_full(&reply));
    pending = EXCHANGE_HIGH_BYTES;
    CHECK(!reply_full(&reply));
}

TEST(bytes_that_could_not_be_made_break_it)
{
    start(true);
    tell(EVENT_TEXT, "a");
    tell(EVENT_REFUSAL, "b");
    tell(EVENT_TEXT, "c");
    reply_end(&reply);
    CHECK_STR(seen.data, STREAM "a|break");
    reply_done(&reply);
    buf_done(&seen);
}
