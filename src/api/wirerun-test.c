#include "api/place-rig.h"
#include "api/wirerun.h"

#define HEAD_STREAM                                                                                \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define CHUNK(TEXT)                                                                                \
    "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" TEXT "\"}}]}\n\n"
#define ROLE                                                                                       \
    "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n"
#define FINISH "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define USAGE  "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n"
#define DONE   "data: [DONE]\n\n"
#define CHAT                                                                                       \
    "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":true}"

/* ---- a place that is nothing but a wirerun ---- */

static struct endpoint to;
static struct wirerun_spec spec;

static void bare_done(void *owner, struct outcome *outcome)
{
    struct run *run = owner;
    run->state = NULL;
    run->on_done(run, outcome);
}

static enum nigh_status bare_encode(struct place *place, const struct turn *turn,
                                    struct arena *arena, struct slice *ret_body,
                                    struct nigh_err *err)
{
    struct buf body = {0};
    enum nigh_status status = wire_openai.request(&body, turn, "m", 0, err);
    *ret_body = arena_dup(arena, buf_slice(&body));
    buf_done(&body);
    return status;
}

static enum nigh_status bare_start(struct place *place, struct run *run, struct nigh_err *err)
{
    struct wirerun *w = NULL;
    enum nigh_status status = wirerun_start(&w, &spec, run, bare_done, run, err);
    run->state = w;
    return status;
}

static void bare_pause(struct run *run)
{
    wirerun_pause(run->state);
}

static void bare_resume(struct run *run)
{
    wirerun_resume(run->state);
}

static void bare_cancel(struct run *run)
{
    run->state = wirerun_cancel(run->state);
}

static const struct place_ops ops = {.encode = bare_encode,
                                     .start = bare_start,
                                     .pause = bare_pause,
                                     .resume = bare_resume,
                                     .cancel = bare_cancel};
static struct place place;

static void open_place(const struct peer_reply *replies, size_t n)
{
    rig_open();
    peer_open(replies, n);
    place =
        (struct place){.ops = &ops, .name = "cloud/m", .dest = {"cloud/m", peer.url, ZONE_DEVICE}};
    to = (struct endpoint){.dest = place.dest, .base_url = peer.url};
    spec = (struct wirerun_spec){.loop = rig.loop,
                                 .client = rig.client,
                                 .wire = &wire_openai,
                                 .to = &to,
                                 .name = "cloud/m",
                                 .first_ms = 10000,
                                 .idle_ms = 10000,
                                 .total_ms = 20000};
}

TEST(wirerun_tells_every_end_apart)
{
    static const struct {
        const char *name;
        struct peer_reply reply;
        enum fate fate;
        enum nigh_status status;
        const char *text; /* delivered */
        bool ended;
        uint64_t retry_after_ms;
    } rows[] = {
        {"whole",
         {HEAD_STREAM ROLE CHUNK("a") CHUNK("b") FINISH USAGE DONE, PEER_CLOSE},
         FATE_WHOLE,
         NIGH_OK,
         "ab",
         true,
         0},
        {"whole, connection stays open",
         {HEAD_STREAM CHUNK("a") FINISH USAGE DONE, PEER_KEEP},
         FATE_WHOLE,
         NIGH_OK,
         "a",
         true,
         0},
        {"whole without [DONE]",
         {HEAD_STREAM CHUNK("a") FINISH USAGE, PEER_CLOSE},
         FATE_WHOLE,
         NIGH_OK,
         "a",
         true,
         0},
        {"a JSON body where a stream was asked for",
         {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
          "{\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"content\":\"ab\"},"
          "\"finish_reason\":\"stop\"}]}",
          PEER_CLOSE},
         FATE_WHOLE,
         NIGH_OK,
         "ab",
         true,
         0},
        {"cut after tokens",
         {HEAD_STREAM CHUNK("a") CHUNK("b"), PEER_CLOSE},
         FATE_CUT,
         NIGH_UPSTREAM,
         "ab",
         false,
         0},
        {"cut before tokens", {HEAD_STREAM, PEER_CLOSE}, FATE_RETRY, NIGH_UPSTREAM, "", false, 0},
        {"reset before headers", {NULL, PEER_RESET}, FATE_RETRY, NIGH_OFFLINE, "", false, 0},
        {"garbage in an event",
         {HEAD_STREAM CHUNK("a") "data: {oops\n\n" CHUNK("b"), PEER_KEEP},
         FATE_CUT,
         NIGH_UPSTREAM,
         "a",
         false,
         0},
        {"garbage at once",
         {HEAD_STREAM "data: {oops\n\n", PEER_KEEP},
         FATE_RETRY,
         NIGH_UPSTREAM,
         "",
         false,
         0},
        {"[DONE] before the choice finished",
         {HEAD_STREAM CHUNK("a") DONE, PEER_CLOSE},
         FATE_CUT,
         NIGH_UPSTREAM,
         "a",
         false,
         0},
        {"429 with Retry-After",
         {"HTTP/1.1 429 Slow\r\nRetry-After: 2\r\nContent-Length: 2\r\n\r\n{}", PEER_CLOSE},
         FATE_RETRY,
         NIGH_BUSY,
         "",
         false,
         2000},
        {"429 with retry-after-ms",
         {"HTTP/1.1 429 Slow\r\nRetry-After: 2\r\nretry-after-ms: 1500\r\nContent-Length: "
          "2\r\n\r\n{}",
          PEER_CLOSE},
         FATE_RETRY,
         NIGH_BUSY,
         "",
         false,
         1500},
        {"503 without a body",
         {"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", PEER_KEEP},
         FATE_RETRY,
         NIGH_UPSTREAM,
         "",
         false,
         0},
        {"a bad key",
         {"HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\n{}", PEER_KEEP},
         FATE_ELSEWHERE,
         NIGH_UPSTREAM,
         "",
         false,
         0},
        {"a refusal of the request",
         {"HTTP/1.1 400 No\r\nContent-Length: 33\r\n\r\n{\"error\":{\"message\":\"no such x\"}}  ",
          PEER_KEEP},
         FATE_CALLER,
         NIGH_INVALID,
         "",
         false,
         0},
        {"an error in the stream",
         {HEAD_STREAM CHUNK("a") "data: {\"error\":{\"message\":\"m\",\"code\":500}}\n\n",
          PEER_KEEP},
         FATE_CUT,
         NIGH_UPSTREAM,
         "a",
         false,
         0},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct probe p;
        open_place(&rows[i].reply, 1);
        probe_make(&p, CHAT);
        CHECK_EQ(probe_start(&p, &place), NIGH_OK);
        CHECK(!p.done); /* never from inside start */
        WAIT(p.done);
        if (p.outcome.fate != rows[i].fate || p.outcome.err.status != rows[i].status ||
            p.ended != rows[i].ended || p.outcome.retry_after_ms != rows[i].retry_after_ms)
            TAP_FAIL("%s: fate %d, %s (%s), retry %" PRIu64, rows[i].name, (int)p.outcome.fate,
                     nigh_status_text(p.outcome.err.status), p.outcome.err.what,
                     p.outcome.retry_after_ms);
        if (rows[i].text && strcmp(p.text.data ? p.text.data : "", rows[i].text) != 0)
            TAP_FAIL("%s: text %s", rows[i].name, p.text.data);
        if (p.outcome.err.status != NIGH_OK && strncmp(p.outcome.err.what, "cloud/m: ", 9) != 0)
            TAP_FAIL("%s: %s does not begin with the place", rows[i].name, p.outcome.err.what);
        if (rows[i].reply.bytes && strstr(rows[i].reply.bytes, "completion_tokens"))
            CHECK_EQ(p.usage.output, 2);
        CHECK_EQ(peer.requests, 1); /* it never asks again by itself */
        CHECK(p.outcome.bytes_out >= p.run.body.len);
        probe_free(&p);
        rig_close();
    }
}

TEST(wirerun_takes_what_upstream_said)
{
    static const struct peer_reply reply = {
        "HTTP/1.1 400 No\r\nConnection: close\r\n\r\n{\"error\":{\"message\":\"too "
        "spicy\",\"type\":\"t\","
        "\"code\":\"content_filter\",\"param\":\"p\"}}",
        PEER_CLOSE};
    struct probe p;

    open_place(&reply, 1);
    probe_make(&p, CHAT);
    CHECK_EQ(probe_start(&p, &place), NIGH_OK);
    WAIT(p.done);
    CHECK_EQ(p.outcome.fate, FATE_CALLER);
    CHECK_EQ(p.outcome.http_status, 400);
    CHECK(slice_is(p.outcome.said, "too spicy")); /* in the run's arena: the wire's is gone */
    CHECK(slice_is(p.outcome.said_code, "content_filter"));
    probe_free(&p);
    rig_close();
}

/* Silence, by phases; comments that only keep the connection open are silence too. */
TEST(wirerun_clocks)
{
    static const struct {
        struct peer_reply reply;
        enum fate fate;
        const char *what;
        uint64_t first_ms, idle_ms, total_ms, least_ms;
    } rows[] = {
        {{NULL, PEER_SILENT}, FATE_ELSEWHERE, "no answer", 100, 10000, 20000, 100},
        {{HEAD_STREAM, PEER_SILENT}, FATE_ELSEWHERE, "no answer", 100, 10000, 20000, 100},
        {{HEAD_STREAM ": processing\n\n" ROLE, PEER_SILENT},
         FATE_CUT,
         "no answer",
         100,
         10000,
         20000,
         100},
        {{HEAD_STREAM CHUNK("a"), PEER_SILENT}, FATE_CUT, "stood still", 10000, 100, 20000, 100},
        {{HEAD_STREAM CHUNK("a"), PEER_SILENT}, FATE_CUT, "", 10000, 10000, 150, 150},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct probe p;
        open_place(&rows[i].reply, 1);
        spec.first_ms = rows[i].first_ms;
        spec.idle_ms = rows[i].idle_ms;
        spec.total_ms = rows[i].total_ms;
        probe_make(&p, CHAT);
        uint64_t began_us = clock_mono_us();
        CHECK_EQ(probe_start(&p, &place), NIGH_OK);
        WAIT(p.done);
        CHECK_EQ(p.outcome.fate, rows[i].fate);
        CHECK_EQ(p.outcome.err.status, NIGH_TIMEOUT);
        CHECK(strstr(p.outcome.err.what, rows[i].what));
        CHECK(p.done_us - began_us >= rows[i].least_ms * 1000);
        CHECK(p.done_us - began_us < rows[i].least_ms * 1000 + 2000000);
        WAIT(peer.left == 1); /* the connection is closed */
        probe_free(&p);
        rig_close();
    }
}

/* Finished, but neither [DONE] nor the end of the connection comes: issue 3's fault 11. */
TEST(wirerun_does_not_wait_for_an_end_mark)
{
    static const struct peer_reply reply = {HEAD_STREAM CHUNK("a") FINISH USAGE, PEER_SILENT};
    struct probe p;

    open_place(&reply, 1);
    probe_make(&p, CHAT);
    uint64_t began_us = clock_mono_us();
    CHECK_EQ(probe_start(&p, &place), NIGH_OK);
    WAIT(p.done);
    CHECK_EQ(p.outcome.fate, FATE_WHOLE);
    CHECK(p.ended);
    CHECK_EQ(p.usage.output, 2);
    CHECK(p.done_us - began_us < 8000000);
    probe_free(&p);
    rig_close();
}

TEST(wirerun_keeps_the_turns_deadline)
{
    static const struct peer_reply reply = {NULL, PEER_SILENT};
    struct probe p;

    open_place(&reply, 1);
    probe_make(&p, CHAT);
    p.run.deadline_us = clock_mono_us() + 120000;
    CHECK_EQ(probe_start(&p, &place), NIGH_OK);
    WAIT(p.done);
    CHECK_EQ(p.outcome.err.status, NIGH_TIMEOUT);
    CHECK(p.done_us >= p.run.deadline_us - 2000 && p.done_us < p.run.deadline_us + 1000000);
    probe_free(&p);

    probe_make(&p, CHAT); /* over before it began: nothing is sent */
    unsigned before = peer.requests;
    p.run.deadline_us = clock_mono_us() - 1;
    CHECK_EQ(probe_start(&p, &place), NIGH_TIMEOUT);
    CHECK_EQ(peer.requests, before);
    probe_free(&p);
    rig_close();
}

/* From inside every event in turn, and before any: nothing comes after, and the connection goes. */
TEST(wirerun_cancel_anywhere)
{
    static const struct peer_reply reply = {
        HEAD_STREAM ROLE CHUNK("a") CHUNK("b") FINISH USAGE DONE, PEER_KEEP};

    for (unsigned at = 0; at <= 6; at++) {
        struct probe p;
        open_place(&reply, 1);
        probe_make(&p, CHAT);
        p.cancel_at = at;
        CHECK_EQ(probe_start(&p, &place), NIGH_OK);
        if (at == 0) {
            p.cancelled = true;
            place.ops->cancel(&p.run);
            loop_run_once(rig.loop);
        } else {
            WAIT(p.cancelled);
            CHECK_EQ(p.events, at);
            WAIT(peer.left == 1);
        }
        CHECK(!p.done);
        probe_free(&p);
        rig_close();
    }
}

TEST(wirerun_pause_stops_clock_and_events)
{
    static const struct peer_reply reply = {HEAD_STREAM CHUNK("a"), PEER_SILENT};
    struct probe p;

    open_place(&reply, 1);
    spec.idle_ms = 300;
    probe_make(&p, CHAT);
    p.pause_at = 2;
    CHECK_EQ(probe_start(&p, &place), NIGH_OK);
    WAIT(p.events == 2);
    peer_say(&peer.conns[0], CHUNK("b") FINISH DONE);
    uint64_t paused_us = clock_mono_us();
    WAIT(clock_mono_us() - paused_us > 500000); /* longer than the idle clock */
    CHECK_EQ(p.events, 2);
    CHECK(!p.done);
    place.ops->resume(&p.run);
    WAIT(p.done);
    CHECK_EQ(p.outcome.fate, FATE_WHOLE);
    CHECK_STR(p.text.data, "ab");
    probe_free(&p);
    rig_close();
}

TEST(retry_after_is_read)
{
    const uint64_t now_us = UINT64_C(1784635200) * 1000000; /* Tue, 21 Jul 2026 12:00:00 GMT */
    static const struct {
        const char *after, *after_ms;
        uint64_t want_ms;
    } rows[] = {
        {"2", NULL, 2000},
        {" 2 ", NULL, 2000},
        {"0.5", NULL, 500},
        {"2", "1500", 1500},
        {"2", "20.5", 20},
        {"2", "soon", 2000},
        {"0", NULL, 0},
        {"Tue, 21 Jul 2026 12:00:30 GMT", NULL, 30000},
        {"Tue, 21 Jul 2026 11:00:00 GMT", NULL, 1},
        {"Tue, 21 Jul 2026 12:00:30 CEST", NULL, 0},
        {"Tue, 21 Foo 2026 12:00:30 GMT", NULL, 0},
        {"99999999", NULL, 0},
        {"86400", NULL, 86400000},
        {"-1", NULL, 0},
        {"1e3", NULL, 0},
        {"", "", 0},
        {NULL, NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_EQ(retry_after_parse_ms(slice_of(rows[i].after), slice_of(rows[i].after_ms), now_us),
                 rows[i].want_ms);
}
