/* An answer by chance, as events: each choice a script of its own, told by turns. */
#include "api/pairs.h"
#include <stdlib.h>

enum { SCRIPT = 256, CALLS = 4 };

struct script {
    struct event events[SCRIPT];
    size_t n, told;
    unsigned choice, n_calls;
};

static struct event *add(struct script *s, enum event_kind kind, struct slice text)
{
    if (s->n == SCRIPT)
        abort();
    s->events[s->n] = (struct event){.kind = kind, .choice = s->choice, .text = text};
    return &s->events[s->n++];
}

/* The next piece of a text: never half a character, since events hold what JSON strings held. */
static struct slice take_piece(struct gen *g, struct slice *text)
{
    size_t n = 1 + gen_below(g, 3 + 4 * g->size);

    if (n > text->len)
        n = text->len;
    while (n < text->len && ((unsigned char)text->p[n] & 0xc0) == 0x80)
        n++;
    struct slice piece = {text->p, n};
    text->p += n;
    text->len -= n;
    return piece;
}

static void add_logprobs(struct gen *g, struct script *s, struct slice piece, bool refusal)
{
    struct buf b = {0};

    if (!gen_has(g, refusal ? TELL(REFUSAL_LOGPROBS) : TELL(LOGPROBS), 3))
        return;
    buf_add_cstr(&b, refusal ? "{\"content\":null,\"refusal\":[{" : "{\"content\":[{");
    json_put_str(&b, "token", piece);
    json_put_num(&b, "logprob", -0.125 * gen_below(g, 100));
    buf_add_cstr(&b, ",\"bytes\":[1,255],\"top_logprobs\":[]}]");
    buf_add_cstr(&b, refusal ? "}" : ",\"refusal\":null}");
    add(s, EVENT_LOGPROBS, (struct slice){0})->raw = gen_parsed(g, &b);
}

static void add_text(struct gen *g, struct script *s, enum event_kind kind)
{
    struct slice text = gen_text(g);

    while (text.len > 0) {
        struct slice piece = take_piece(g, &text);
        if (kind != EVENT_REASONING)
            add_logprobs(g, s, piece, kind == EVENT_REFUSAL);
        add(s, kind, piece);
    }
}

static void add_thinking(struct gen *g, struct script *s)
{
    if (gen_has(g, TELL(REDACTED), 5))
        add(s, EVENT_REDACTED, gen_word(g, "sealed"));
    if (!gen_has(g, TELL(THINKING), 2))
        return;
    add_text(g, s, EVENT_REASONING);
    if (gen_has(g, TELL(SIGNATURE), 2))
        add(s, EVENT_SIGNATURE, gen_word(g, "proof"));
}

static struct slice gen_arguments(struct gen *g)
{
    static const struct slice odd[] = {SLICE(""), SLICE(" { } "),
                                       SLICE("{\"a\":1.0, \"b\":\"\\u00e9\"}")};
    static const struct slice broken[] = {SLICE("{\"a\":\"b"), SLICE("x"), SLICE("[]"),
                                          SLICE("{}}"), SLICE("null")};
    struct buf b = {0};

    if (gen_has(g, TELL(BROKEN_ARGUMENTS), 6))
        return broken[gen_below(g, ARRAY_LEN(broken))];
    if (gen_has(g, TELL(ANY_ARGUMENTS), 4))
        return odd[gen_below(g, ARRAY_LEN(odd))];
    gen_object(g, &b, 2);
    return gen_keep(g, &b);
}

/* n calls, one after the other or their pieces by turns. */
static void add_calls(struct gen *g, struct script *s, unsigned n)
{
    bool woven = n > 1 && gen_has(g, TELL(WOVEN), 2);
    struct slice left[CALLS];
    unsigned first = s->n_calls, begun = 0;

    for (unsigned i = 0; i < n; i++)
        left[i] = gen_arguments(g);
    while (begun < n) {
        struct event *e = add(s, EVENT_CALL, (struct slice){0});
        e->call = first + begun;
        e->call_id = gen_word(g, "call_");
        e->name = gen_word(g, "f_");
        begun++;
        for (unsigned i = 0; i < begun; i++)
            while (left[i].len > 0 && (!woven || begun == n || gen_below(g, 2))) {
                struct slice piece = take_piece(g, &left[i]);
                add(s, EVENT_ARGUMENTS, piece)->call = first + i;
            }
    }
    s->n_calls += n;
}

static void add_end(struct gen *g, struct script *s)
{
    struct event *e = add(s, EVENT_FINISH, (struct slice){0});

    if (gen_has(g, TELL(LENGTH), 5)) {
        e->finish = FINISH_LENGTH;
    } else if (gen_has(g, TELL(FILTER), 6)) {
        e->finish = FINISH_FILTER;
    } else if (gen_has(g, TELL(OTHER), 8)) {
        e->finish = FINISH_OTHER;
        e->text = gen_word(g, "odd");
    } else if (s->n_calls > 0) {
        e->finish = FINISH_CALLS;
    } else if (gen_has(g, TELL(STOP_WORD), 3)) {
        e->text = gen_text(g);
    }
}

static void gen_script(struct gen *g, struct script *s)
{
    bool calls = gen_has(g, TELL(CALLS), 2), later = gen_has(g, TELL(ORDER), 3);
    unsigned n = !calls ? 0 : gen_has(g, TELL(MANY_CALLS), 2) ? 2 + gen_below(g, CALLS - 1) : 1;

    add_thinking(g, s);
    if (gen_has(g, TELL(REFUSAL), 6))
        add_text(g, s, EVENT_REFUSAL);
    else if ((n == 0 && !gen_has(g, TELL(EMPTY), 8)) || (n > 0 && gen_below(g, 2)))
        add_text(g, s, EVENT_TEXT);
    if (n > 0)
        add_calls(g, s, n);
    if (later) { /* words behind a call, thinking behind words */
        add_thinking(g, s);
        add_text(g, s, EVENT_TEXT);
        if (calls)
            add_calls(g, s, 1);
    }
    add_end(g, s);
}

static struct event gen_usage(struct gen *g)
{
    struct usage u = {
        .known = true, .input = 100 + gen_below(g, 1000), .output = 50 + gen_below(g, 1000)};

    if (gen_has(g, TELL(CACHED), 2))
        u.cached_read = 1 + gen_below(g, 50);
    if (gen_has(g, TELL(CACHE_WRITE), 2))
        u.cache_write = 1 + gen_below(g, 50);
    if (gen_has(g, TELL(THOUGHT_TOKENS), 2))
        u.reasoning = 1 + gen_below(g, 50);
    return (struct event){.kind = EVENT_USAGE, .usage = u};
}

/* By turns, a few events at a time. */
static void weave(struct gen *g, struct tale *tale, struct script *scripts, unsigned n)
{
    unsigned left = n;

    while (left > 0) {
        struct script *s = &scripts[gen_below(g, n)];
        for (unsigned i = 1 + gen_below(g, 3); i > 0 && s->told < s->n; i--) {
            bool logprobs = s->events[s->told].kind == EVENT_LOGPROBS;
            tale->events[tale->n++] = s->events[s->told++];
            left -= s->told == s->n;
            i += logprobs; /* the delta that they belong to comes next */
        }
    }
}

void gen_answer(struct gen *g, struct tale *tale)
{
    unsigned n = gen_has(g, TELL(CHOICES), 4) ? 2 + gen_below(g, 3) : 1;
    struct script *scripts = arena_calloc(g->a, n, sizeof *scripts);

    tale->events = arena_calloc(g->a, n * SCRIPT + 4, sizeof *tale->events);
    tale->events[0] = (struct event){.kind = EVENT_BEGIN, .text = SLICE("upstream")};
    tale->n = 1;
    for (unsigned i = 0; i < n; i++) {
        scripts[i].choice = i;
        gen_script(g, &scripts[i]);
    }
    weave(g, tale, scripts, n);
    if (!gen_has(g, TELL(NO_USAGE), 5))
        tale->events[tale->n++] = gen_usage(g);
    tale->events[tale->n++] = (struct event){.kind = EVENT_END};
}
