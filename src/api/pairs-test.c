/* Every pair of formats, there and back: see pairs.h.
 *
 * NIGH_CASES=N: so many cases a pair instead of a few; NIGH_SEED=S: from this seed (a failure names
 * its own, and what is left when everything is taken away that the failure does not need). */
#include "api/pairs.h"
#include "base/rand.h"
#include "base/tap.h"
#include <malloc.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CASES = 25 };
#else
enum { CASES = 200 };
#endif
enum { CASE_BYTES_MAX = 64 << 20 };

/* Told apart only where both formats do; what the others stand for is either there or was lost. */
static const uint64_t ask_shapes = ASK(BOUNDARIES) | ASK(BARE) | ASK(PARTS) | ASK(SYSTEM_PARTS) |
                                   ASK(ANY_ARGUMENTS) | ASK(SCHEMA_NAME) | ASK(EXTRAS) |
                                   ASK(LIMITLESS) | ASK(STRICT);
static const uint64_t tell_shapes = TELL(ORDER) | TELL(ANY_ARGUMENTS) | TELL(CALL_ID);

struct trial {
    const struct pairs_format *in, *out;
    uint64_t seed, may, must, shows;
    enum pairs_loss loss; /* of must; only told where must is not 0 */
    unsigned size;
    uint64_t did;
    struct arena a;
    struct gen g;
    struct turn asked; /* what the answer answers */
    struct turn plain_in, plain_out;
    struct buf why; /* empty: it held */
    struct buf said, heard, got, wanted;
};

static void trial_begin(struct trial *t)
{
    struct buf *bufs[] = {&t->why, &t->said, &t->heard, &t->got, &t->wanted};

    for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
        buf_reset(bufs[i]);
    arena_done(&t->a);
    arena_init(&t->a, CASE_BYTES_MAX);
    rand_seed(t->seed);
    t->plain_in = t->plain_out = (struct turn){0};
    t->g =
        (struct gen){.state = t->seed, .may = t->may, .must = t->must, .size = t->size, .a = &t->a};
}

static void trial_done(struct trial *t)
{
    struct buf *bufs[] = {&t->why, &t->said, &t->heard, &t->got, &t->wanted};

    for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
        buf_done(bufs[i]);
    arena_done(&t->a);
}

static bool fails(struct trial *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool fails(struct trial *t, const char *fmt, ...)
{
    char what[600];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    buf_add_cstr(&t->why, what);
    return false;
}

/* The first line that differs, of both. */
static bool same(struct trial *t, const char *where)
{
    struct slice want = buf_slice(&t->wanted), got = buf_slice(&t->got);

    if (slice_eq(want, got))
        return true;
    while (want.p || got.p) {
        struct slice w = slice_cut(&want, '\n'), h = slice_cut(&got, '\n');
        if (slice_eq(w, h))
            continue;
        return fails(t, "%s:\n#   want %.*s\n#   got  %.*s", where,
                     (int)(w.len < 250 ? w.len : 250), w.p ? w.p : "",
                     (int)(h.len < 250 ? h.len : 250), h.p ? h.p : "");
    }
    return false;
}

static bool same_turns(struct trial *t, const char *where, const struct turn *want,
                       const struct turn *got, uint64_t shows)
{
    buf_reset(&t->wanted);
    buf_reset(&t->got);
    tell_turn(&t->wanted, want, shows);
    tell_turn(&t->got, got, shows);
    return same(t, where);
}

/* --- requests
 * ----------------------------------------------------------------------------------------- */

static bool goes_out(struct trial *t, const struct turn *turn)
{
    unsigned flags = WIRE_MORE_WISHES | (gen_below(&t->g, 2) ? WIRE_OLD_MAX_TOKENS : 0);
    struct nigh_err err = {0};
    enum nigh_status status = t->out->wire->request(&t->heard, turn, "m", flags, &err);
    bool refuse = t->did & t->must && t->loss == REFUSED;

    if (status && !refuse)
        return fails(t, "request: %s", err.what);
    if (refuse && !status)
        return fails(t, "a request was made though it cannot be told");
    if (refuse && (status != NIGH_UNSUPPORTED || strlen(err.what) < 10))
        return fails(t, "refused with status %d: %s", (int)status, err.what);
    return true;
}

/* A request: written, read, written for the place, read as the place would. */
static bool ask_holds(struct trial *t)
{
    struct turn first, read, back;
    struct nigh_err err = {0};
    uint64_t all = ~ask_shapes | pairs_caller_asks(t->in);

    trial_begin(t);
    gen_turn(&t->g, &first);
    t->did = t->g.did;
    t->in->write(&t->said, &t->g, &first);
    if (t->in->api->decode(&read, buf_slice(&t->said), &t->a, NULL, &err) != NIGH_OK)
        return fails(t, "decode: %s", err.what);
    if (!same_turns(t, "decoded", &first, &read, all) || !goes_out(t, &read))
        return false;
    if (t->must && t->loss == REFUSED && t->did & t->must)
        return true;
    if (t->out->api->decode(&back, buf_slice(&t->heard), &t->a, NULL, &err) != NIGH_OK)
        return fails(t, "what the place was sent: %s", err.what);
    if (t->must && t->loss == CHANGED)
        return true;
    return same_turns(t, "sent", &first, &back, t->shows);
}

/* --- answers
 * ------------------------------------------------------------------------------------------ */

/* Hears events, gathers them, encodes them for the caller, as the walk does. */
struct listener {
    struct answer answer;
    struct turn turn;
    struct encoding enc;
    const struct api *api;
    struct buf out;
    bool failed;
};

/* A turn that this format's encoder may look at, in the case's arena: what some caller asked. */
static const struct turn *plain_turn(struct trial *t, const struct pairs_format *f)
{
    struct turn *plain = f == t->in ? &t->plain_in : &t->plain_out, first;
    struct gen g = {.state = 1, .size = 1, .a = &t->a};
    struct buf body = {0};

    if (plain->raw)
        return plain;
    gen_turn(&g, &first);
    first.max_tokens = 5000;
    f->write(&body, &g, &first);
    if (f->api->decode(plain, gen_keep(&g, &body), &t->a, NULL, NULL) != NIGH_OK)
        abort();
    return plain;
}

static void listen_begin(struct trial *t, struct listener *l, const struct pairs_format *f)
{
    *l = (struct listener){.api = f->api, .turn = *plain_turn(t, f)};
    l->turn.stream = l->turn.stream_usage = l->turn.logprobs = true;
    l->enc = (struct encoding){.turn = &l->turn,
                               .answer = &l->answer,
                               .id = "01JD0000000000000000000000",
                               .model = "place/m",
                               .created = 1700000000,
                               .begun_us = 1000,
                               .first_us = 2000,
                               .arena = &t->a};
}

static void listen_done(struct listener *l)
{
    answer_done(&l->answer);
    buf_done(&l->out);
}

static void on_event(void *owner, const struct event *event)
{
    struct listener *l = owner;

    l->failed |= answer_add(&l->answer, event, NULL) != NIGH_OK;
    l->api->event(&l->enc, event, &l->out);
    l->failed |= l->out.failed;
}

static void add_whole(struct listener *l, struct buf *b)
{
    l->turn.stream = false;
    l->enc.state = NULL;
    l->api->whole(&l->enc, b);
    l->failed |= b->failed;
}

/* What lines may look like on the way: other line ends, comments between events. */
static void add_noise(struct trial *t, struct buf *b, struct slice stream)
{
    bool crlf = gen_below(&t->g, 2);

    while (stream.p) {
        struct slice line = slice_cut(&stream, '\n');
        buf_add_str(b, line);
        if (!stream.p)
            return;
        buf_add_cstr(b, crlf ? "\r\n" : "\n");
        if (line.len == 0 && gen_below(&t->g, 6) == 0)
            buf_add_cstr(b, crlf ? ": ping\r\n\r\n" : ":\n\n");
    }
}

static bool same_answers(struct trial *t, const char *where, const struct answer *want,
                         const struct answer *got, uint64_t shows)
{
    buf_reset(&t->wanted);
    buf_reset(&t->got);
    tell_answer(&t->wanted, want, shows);
    tell_answer(&t->got, got, shows);
    return same(t, where);
}

/* The place's bytes: from the events, streamed or whole. */
static bool place_says(struct trial *t, const struct tale *tale, bool streamed, struct answer *ret)
{
    CLEANUP(listen_done) struct listener place;

    listen_begin(t, &place, t->out);
    for (size_t i = 0; i < tale->n; i++)
        on_event(&place, &tale->events[i]);
    if (!streamed)
        add_whole(&place, &t->said);
    else if (strcmp(place.api->stream_type, "text/event-stream") == 0)
        add_noise(t, &t->said, buf_slice(&place.out));
    else
        buf_add_str(&t->said, buf_slice(&place.out));
    if (place.failed)
        return fails(t, "the place's encoder failed");
    *ret = place.answer;
    place.answer = (struct answer){0};
    return true;
}

/* What the caller reads of what was encoded for it. */
static bool caller_reads(struct trial *t, const char *how, struct slice bytes,
                         const struct answer *want)
{
    CLEANUP(listen_done) struct listener caller;

    listen_begin(t, &caller, t->in);
    if (!t->in->hear(t->in, &t->g, &t->asked, bytes, true, on_event, &caller, &t->a) ||
        caller.failed)
        return fails(t, "%s: not whole: %.*s", how, (int)(bytes.len < 400 ? bytes.len : 400),
                     bytes.p);
    if (t->must && t->loss == CHANGED)
        return true;
    return same_answers(t, how, want, &caller.answer, t->shows);
}

/* The same answer, however its bytes are split, and told on, streamed and whole. */
static bool travels(struct trial *t, const struct answer *want)
{
    for (int i = 0; i < 3; i++) {
        CLEANUP(listen_done) struct listener l;
        CLEANUP(buf_done) struct buf whole = {0};
        listen_begin(t, &l, t->in);
        if (!t->out->hear(t->out, i == 0 ? NULL : &t->g, &t->asked, buf_slice(&t->said), true,
                          on_event, &l, &t->a) ||
            !l.answer.ended || l.failed)
            return fails(t, "the place's answer was not read as whole");
        if (!same_answers(t, i == 0 ? "byte by byte" : "in pieces", want, &l.answer,
                          ~tell_shapes | pairs_tells(t->out, t->out)) ||
            (i < 2 && !caller_reads(t, "streamed", buf_slice(&l.out), want)))
            return false;
        add_whole(&l, &whole);
        if (i < 2 && !caller_reads(t, "whole", buf_slice(&whole), want))
            return false;
    }
    return true;
}

/* The caller's side of a cut: neither the bytes so far nor these and an error are taken for whole.
 */
static bool caller_sees_cut(struct trial *t, struct listener *l, size_t at)
{
    static const struct refusal broke = {
        .status = NIGH_UPSTREAM, .http_status = 502, .what = {"it broke", 8}};

    for (int error = 0; error < 2; error++) {
        CLEANUP(listen_done) struct listener caller;
        listen_begin(t, &caller, t->in);
        if (error)
            l->api->stream_error(&l->enc, &broke, &l->out);
        if (l->out.len > 0 && t->in->hear(t->in, &t->g, &t->asked, buf_slice(&l->out), error,
                                          on_event, &caller, &t->a))
            return fails(t, "cut at %zu of %zu%s, and the caller took it for whole", at,
                         t->said.len, error ? ", told as an error" : "");
    }
    return true;
}

/* Cut at a byte, by a reset or by an orderly close. */
static bool cut_holds(struct trial *t, const struct answer *want, size_t at, bool clean)
{
    CLEANUP(listen_done) struct listener l;
    struct answer less = *want; /* shares what it holds: only told */

    listen_begin(t, &l, t->in);
    bool whole = t->out->hear(t->out, &t->g, &t->asked, (struct slice){t->said.data, at}, clean,
                              on_event, &l, &t->a);
    if (whole != l.answer.ended)
        return fails(t, "cut at %zu: END and fate differ", at);
    if (!whole)
        return caller_sees_cut(t, &l, at);
    if (clean) /* an answer that finished may lack its usage */
        less.usage.known = l.answer.usage.known = false;
    return same_answers(t, "cut and yet whole", &less, &l.answer,
                        ~tell_shapes | pairs_tells(t->out, t->out));
}

static bool cuts_hold(struct trial *t, const struct answer *want)
{
    size_t n = t->said.len, every = n < 500 ? 1 : 1 + n / 24;

    for (size_t at = 0; at < n; at += 1 + (every > 1 ? gen_below(&t->g, (unsigned)(2 * every)) : 0))
        if (!cut_holds(t, want, at, gen_below(&t->g, 2)))
            return false;
    for (size_t back = 1; back < 24 && back < n;
         back++) /* the last bytes are the treacherous ones */
        if (!cut_holds(t, want, n - back, gen_below(&t->g, 2)))
            return false;
    return true;
}

static bool tell_holds(struct trial *t)
{
    struct answer want;
    struct tale tale;
    bool held = false;

    trial_begin(t);
    gen_answer(&t->g, &tale);
    turn_init(&t->asked);
    for (size_t i = 0; i < tale.n; i++)
        if (tale.events[i].choice >= t->asked.n)
            t->asked.n = tale.events[i].choice + 1;
    t->did = t->g.did;
    bool streamed = gen_below(&t->g, 3) > 0;
    if (place_says(t, &tale, streamed, &want)) {
        held = travels(t, &want) && (t->must || cuts_hold(t, &want));
        answer_done(&want);
    }
    return held;
}

/* --- cases
 * -------------------------------------------------------------------------------------------- */

typedef bool (*property)(struct trial *t);

/* Takes away what the failure does not need. */
static void shrink(struct trial *t, property holds, unsigned bits)
{
    for (unsigned size = 1; size < t->size; size++) {
        struct trial smaller = {.in = t->in,
                                .out = t->out,
                                .seed = t->seed,
                                .may = t->may,
                                .must = t->must,
                                .shows = t->shows,
                                .loss = t->loss,
                                .size = size};
        if (!holds(&smaller))
            t->size = size;
        trial_done(&smaller);
    }
    for (unsigned bit = 0; bit < bits; bit++) {
        uint64_t may = t->may;
        t->may &= ~((uint64_t)1 << bit);
        if (may != t->may && holds(t))
            t->may = may;
    }
    holds(t);
}

static void print_bytes(const char *what, struct slice s)
{
    enum { MOST = 3000 };
    CLEANUP(buf_done) struct buf b = {0};

    while (s.p && b.len < MOST) { /* each line a comment of TAP */
        struct slice line = slice_cut(&s, '\n');
        buf_printf(&b, "#     %.*s\n", (int)(line.len < 1000 ? line.len : 1000), line.p);
    }
    printf("#   %s:\n%s%s", what, b.data ? b.data : "", s.p ? "#     ...\n" : "");
}

static void fail_case(struct trial *t, property holds, bool ask)
{
    shrink(t, holds, ask ? ASK_BITS : TELL_BITS);
    printf("# %s in, %s out, NIGH_SEED=%llu size %u: %s\n#   with", t->in->name, t->out->name,
           (unsigned long long)t->seed, t->size, t->why.data ? t->why.data : "?");
    for (unsigned bit = 0; bit < (unsigned)(ask ? ASK_BITS : TELL_BITS); bit++)
        if (t->did >> bit & 1)
            printf(" %s", pairs_bit_name(ask, bit));
    printf("\n");
    print_bytes(ask ? "the caller's body" : "the place's bytes", buf_slice(&t->said));
    if (ask)
        print_bytes("the place's body", buf_slice(&t->heard));
    trial_done(t);
    CHECK(!"the pair is no identity");
}

static uint64_t from_env(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t n;

    return text && slice_u64(slice_of(text), &n) ? n : otherwise;
}

static uint64_t seed_start(void)
{
    static uint64_t start;

    if (start == 0) {
        rand_real();
        start = from_env("NIGH_SEED", rand_u64() >> 16);
        printf("# NIGH_SEED=%llu, %llu cases a pair\n", (unsigned long long)start,
               (unsigned long long)from_env("NIGH_CASES", CASES));
    }
    return start;
}

static unsigned long long n_cases, n_with; /* of one test; of those with must, where it occurred */

static void run_cases(const struct trial *like, property holds, bool ask, uint64_t cases)
{
    uint64_t start = seed_start() + like->seed; /* of one test, how far it has come */

    for (uint64_t i = 0; i < cases; i++) {
        struct trial t = *like;
        t.seed = start + i;
        t.size = 1 + (unsigned)(t.seed % PAIRS_SIZE);
        n_cases++;
        if (!holds(&t))
            fail_case(&t, holds, ask);
        n_with += (t.did & t.must) != 0;
        trial_done(&t);
    }
}

static void each_pair(void (*fn)(const struct pairs_format *in, const struct pairs_format *out))
{
    n_cases = 0;
    for (size_t i = 0; i < pairs_n_formats; i++)
        for (size_t o = 0; o < pairs_n_formats; o++)
            if (pairs_formats[o].wire)
                fn(&pairs_formats[i], &pairs_formats[o]);
    printf("# %llu cases\n", n_cases);
}

static void ask_pair(const struct pairs_format *in, const struct pairs_format *out)
{
    uint64_t may = pairs_asks(in, out);

    run_cases(&(struct trial){.in = in, .out = out, .may = may, .shows = ~ask_shapes | may},
              ask_holds, true, from_env("NIGH_CASES", CASES));
}

TEST(requests_there_and_back)
{
    each_pair(ask_pair);
}

static void tell_pair(const struct pairs_format *in, const struct pairs_format *out)
{
    uint64_t may = pairs_tells(in, out);

    run_cases(&(struct trial){.in = in, .out = out, .may = may, .shows = ~tell_shapes | may},
              tell_holds, false, from_env("NIGH_CASES", CASES));
}

TEST(answers_there_and_back)
{
    each_pair(tell_pair);
}

/* What occurs only where something else does that the other format may not say either. */
static uint64_t needs(uint64_t one, bool ask)
{
    static const struct {
        uint64_t bit, needs;
    } asks[] = {{ASK(THOUGHTS), ASK(THOUGHT) | ASK(SIGNED)}, {ASK(STOPS_BLANK), ASK(STOPS)}},
      tells[] = {{TELL(REFUSAL_LOGPROBS), TELL(REFUSAL)}};

    for (size_t i = 0; i < ARRAY_LEN(asks) && ask; i++)
        if (asks[i].bit == one)
            return asks[i].needs;
    for (size_t i = 0; i < ARRAY_LEN(tells) && !ask; i++)
        if (tells[i].bit == one)
            return tells[i].needs;
    return 0;
}

/* What only one of the two can say, row by row: refused, or lost alone. */
static void lose(const struct pairs_format *in, const struct pairs_format *out,
                 const struct pairs_lack *lacks, uint64_t can, uint64_t both, bool ask)
{
    enum { MANY = 40 }; /* times as many cases, where what is to occur takes chance */
    uint64_t cases = from_env("NIGH_CASES", CASES) / 20 + 5;

    for (; lacks->bits; lacks++)
        for (unsigned bit = 0; bit < 64; bit++) {
            uint64_t one = (uint64_t)1 << bit;
            if (!(lacks->bits & can & ~both & one) || lacks->loss == NEVER)
                continue;
            n_with = 0;
            for (uint64_t from = 0; from < MANY * cases && n_with == 0; from += cases)
                run_cases(&(struct trial){.in = in,
                                          .out = out,
                                          .seed = from,
                                          .may = both | one | (needs(one, ask) & can),
                                          .must = one,
                                          .shows = both,
                                          .loss = lacks->loss},
                          ask ? ask_holds : tell_holds, ask, cases);
            if (n_with == 0)
                printf("# %s in, %s out: no case had %s\n", in->name, out->name,
                       pairs_bit_name(ask, bit));
            CHECK(n_with > 0);
        }
}

static void ask_losses(const struct pairs_format *in, const struct pairs_format *out)
{
    lose(in, out, out->asks, pairs_caller_asks(in), pairs_asks(in, out), true);
}

TEST(what_a_place_cannot_be_told_is_refused_or_lost_alone)
{
    each_pair(ask_losses);
}

static void tell_losses(const struct pairs_format *in, const struct pairs_format *out)
{
    lose(in, out, in->tells, pairs_tells(out, out), pairs_tells(in, out), false);
}

TEST(what_a_caller_cannot_be_told_is_lost_alone)
{
    each_pair(tell_losses);
}

static const struct slice poisons[] = {
    {"\0", 1}, {"\xff", 1}, {"\xed\xa0\x80", 3}, {"\xc0\xaf", 2}};

/* A body that is cut, or into which a byte came that JSON does not know, is no request. */
static bool broken_body_is_refused(struct trial *t)
{
    struct turn first, read;

    trial_begin(t);
    gen_turn(&t->g, &first);
    t->in->write(&t->said, &t->g, &first);
    size_t at = gen_below(&t->g, (unsigned)t->said.len);
    struct slice body = buf_slice(&t->said), poison = poisons[gen_below(&t->g, ARRAY_LEN(poisons))];
    struct nigh_err cut = {0}, poisoned = {0};

    if (t->in->api->decode(&read, (struct slice){body.p, at}, &t->a, NULL, &cut) != NIGH_INVALID)
        return fails(t, "cut at %zu, yet taken", at);
    buf_add(&t->heard, body.p, at);
    buf_add_str(&t->heard, poison);
    buf_add(&t->heard, body.p + at, body.len - at);
    if (t->in->api->decode(&read, buf_slice(&t->heard), &t->a, NULL, &poisoned) != NIGH_INVALID)
        return fails(t, "bytes that are no UTF-8, or NUL, at %zu, yet taken", at);
    if (cut.what[0] == '\0' || poisoned.what[0] == '\0')
        return fails(t, "refused without a word");
    return true;
}

TEST(broken_bodies_are_refused)
{
    for (size_t i = 0; i < pairs_n_formats; i++) {
        const struct pairs_format *f = &pairs_formats[i];
        run_cases(&(struct trial){.in = f, .out = f, .may = pairs_caller_asks(f)},
                  broken_body_is_refused, true, from_env("NIGH_CASES", CASES));
    }
}
