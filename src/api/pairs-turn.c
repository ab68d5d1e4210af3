/* A conversation by chance: what comes first is a user's, calls have their results behind them. */
#include "api/pairs.h"
#include <math.h>
#include <stdlib.h>

enum { MESSAGES = 128, PARTS = 16, CALLS = 4 };

static struct part *add_part(struct message *m, enum part_kind kind, struct slice text)
{
    if (m->n_parts == PARTS)
        abort();
    m->parts[m->n_parts] = (struct part){.kind = kind, .text = text, .label = LABEL_ANYWHERE};
    return &m->parts[m->n_parts++];
}

static struct extra *gen_extras(struct gen *g, uint64_t bit)
{
    struct buf b = {0};
    struct extra *e;

    if (!gen_has(g, bit, 4))
        return NULL;
    e = arena_calloc(g->a, 1, sizeof *e);
    e->key = gen_word(g, "x_");
    gen_value(g, &b, 2);
    e->val = gen_parsed(g, &b);
    return e;
}

static struct message *add_message(struct gen *g, struct turn *t, enum role role)
{
    struct message *m = &t->messages[t->n_messages++];

    if (t->n_messages == MESSAGES)
        abort();
    *m = (struct message){.role = role};
    m->parts = arena_calloc(g->a, PARTS, sizeof *m->parts);
    m->extras = gen_extras(g, ASK(MESSAGE_EXTRAS));
    return m;
}

/* The first user's word is one: no place takes a conversation without. */
static struct slice some_text(struct gen *g, enum role role)
{
    return role != ROLE_USER && gen_has(g, ASK(EMPTY), 12) ? SLICE("") : gen_text(g);
}

/* One text or, where they stay apart, several. */
static void add_texts(struct gen *g, struct message *m, uint64_t several)
{
    unsigned n = gen_has(g, several, 3) ? 2 + gen_below(g, 2) : 1;

    while (n-- > 0)
        add_part(m, PART_TEXT, some_text(g, m->role));
}

static void add_image(struct gen *g, struct message *m)
{
    static const char *const details[] = {"low", "high", "auto"};
    static const char *const data[] = {
        "data:image/png;base64,iVBORw0KGgo=", "data:image/jpeg;base64,/9j/4AAQSkZJRg==",
        "data:image/webp;base64,UklGRgAAAABXRUJQVlA4", "data:image/gif;base64,R0lGODlh"};
    struct part *p;

    if (gen_has(g, ASK(IMAGE_DATA), 2))
        p = add_part(m, PART_IMAGE, (struct slice){0}),
        p->url = slice_of(data[gen_below(g, ARRAY_LEN(data))]);
    else if (gen_has(g, ASK(IMAGE_LINK), 2))
        p = add_part(m, PART_IMAGE, (struct slice){0}),
        p->url = gen_word(g, "https://h.example/a%20b.png?q=");
    else
        return;
    if (gen_has(g, ASK(DETAIL), 3))
        p->detail = slice_of(details[gen_below(g, ARRAY_LEN(details))]);
    p->extras = gen_extras(g, ASK(EXTRAS));
}

static void finish_content(struct gen *g, struct message *m)
{
    size_t n = 0, texts = 0;

    for (size_t i = 0; i < m->n_parts; i++) {
        enum part_kind kind = m->parts[i].kind;
        n += kind != PART_REASONING && kind != PART_REDACTED && kind != PART_CALL;
        texts += kind == PART_TEXT && !m->parts[i].extras;
    }
    m->bare = n == 1 && texts == 1 && (!(g->may & ASK(BARE)) || gen_has(g, ASK(BARE), 2));
}

static void add_spoken(struct gen *g, struct turn *t, enum role role, uint64_t several)
{
    struct message *m = add_message(g, t, role);

    add_texts(g, m, several);
    if (role == ROLE_USER && gen_below(g, 4) == 0)
        add_image(g, m);
    if (gen_has(g, ASK(SPEAKER), 5))
        m->name = gen_word(g, "name");
    finish_content(g, m);
}

static void add_systems(struct gen *g, struct turn *t, unsigned one_in)
{
    if (gen_below(g, one_in))
        return;
    add_spoken(g, t, gen_has(g, ASK(DEVELOPER), 3) ? ROLE_DEVELOPER : ROLE_SYSTEM,
               ASK(SYSTEM_PARTS));
    if (gen_has(g, ASK(BOUNDARIES), 3))
        add_spoken(g, t, t->messages[t->n_messages - 1].role, ASK(SYSTEM_PARTS));
}

static struct slice gen_arguments(struct gen *g)
{
    static const struct slice odd[] = {SLICE(""), SLICE(" {} \n"), SLICE("{\"a\" : 1.0}"),
                                       SLICE("{\"a\":\"\\u00e9\"}")};
    static const struct slice broken[] = {SLICE("{"),       SLICE("[1]"),  SLICE("no"),
                                          SLICE("{\"a\":"), SLICE("null"), SLICE("\"s\"")};
    struct buf b = {0};

    if (gen_has(g, ASK(BROKEN_ARGUMENTS), 6))
        return broken[gen_below(g, ARRAY_LEN(broken))];
    if (gen_has(g, ASK(ANY_ARGUMENTS), 5))
        return odd[gen_below(g, ARRAY_LEN(odd))];
    gen_object(g, &b, 2);
    return gen_keep(g, &b);
}

static void add_call(struct gen *g, struct message *m)
{
    struct part *p = add_part(m, PART_CALL, gen_arguments(g));

    p->call_id = gen_word(g, "call_");
    p->name = gen_word(g, "f_");
    p->extras = gen_extras(g, ASK(EXTRAS));
    p->inner = gen_extras(g, ASK(INNER_EXTRAS));
}

static void add_thought(struct gen *g, struct message *m)
{
    if (gen_has(g, ASK(REDACTED), 6)) {
        add_part(m, PART_REDACTED, gen_word(g, "sealed"));
        return;
    }
    bool bare = gen_has(g, ASK(THOUGHT), 3), sealed = gen_has(g, ASK(SIGNED), 3);
    if (!bare && !sealed)
        return;
    struct part *p = add_part(m, PART_REASONING, gen_text(g));
    if (sealed)
        p->signature = gen_word(g, "proof");
}

static void add_words(struct gen *g, struct message *m)
{
    if (gen_has(g, ASK(REFUSED), 8))
        add_part(m, PART_REFUSAL, gen_text(g));
    else
        add_texts(g, m, ASK(PARTS));
}

/* Thinking, words, calls; a call before the words where the order is told. */
static unsigned add_assistant(struct gen *g, struct turn *t)
{
    struct message *m = add_message(g, t, ROLE_ASSISTANT);
    bool calls = gen_has(g, ASK(CALLS), 2), silent = calls && gen_below(g, 2);
    unsigned n = !calls ? 0 : gen_has(g, ASK(MANY_CALLS), 2) ? 2 + gen_below(g, CALLS - 1) : 1;
    bool late = n > 0 && gen_has(g, ASK(ORDER), 3);

    add_thought(g, m);
    if (m->n_parts > 0 && gen_has(g, ASK(THOUGHTS), 3))
        add_thought(g, m);
    if (late)
        add_call(g, m);
    if (!silent)
        add_words(g, m);
    finish_content(g, m);
    for (unsigned i = late; i < n; i++)
        add_call(g, m);
    return n;
}

static void add_results(struct gen *g, struct turn *t, size_t asked, unsigned n)
{
    struct part *parts = t->messages[asked].parts;
    unsigned seen = 0;

    for (size_t i = 0; seen < n; i++) {
        if (parts[i].kind != PART_CALL)
            continue;
        seen++;
        struct message *m = add_message(g, t, ROLE_TOOL);
        m->call_id = parts[i].call_id;
        m->failed = gen_has(g, ASK(FAILED), 4);
        add_texts(g, m, ASK(RESULT_PARTS));
        if (gen_has(g, ASK(RESULT_IMAGE), 4))
            add_image(g, m);
        finish_content(g, m);
    }
}

static void gen_messages(struct gen *g, struct turn *t)
{
    unsigned rounds = gen_has(g, ASK(HISTORY), 1) ? 1 + gen_below(g, g->size) : 1;

    t->messages = arena_calloc(g->a, MESSAGES, sizeof *t->messages);
    add_systems(g, t, 2);
    for (unsigned i = 0; i < rounds; i++) {
        add_spoken(g, t, ROLE_USER, ASK(PARTS));
        if (g->may & ASK(HISTORY) && gen_has(g, ASK(BOUNDARIES), 5))
            add_spoken(g, t, ROLE_USER, ASK(PARTS));
        if (gen_has(g, ASK(SYSTEM_LATER), 6))
            add_systems(g, t, 1);
        if (i + 1 == rounds && !gen_has(g, ASK(LAST_ASSISTANT), 4))
            break;
        unsigned calls = add_assistant(g, t);
        add_results(g, t, t->n_messages - 1, calls);
    }
}

static void gen_tools(struct gen *g, struct turn *t)
{
    unsigned n = gen_has(g, ASK(TOOLS), 2) ? 1 + gen_below(g, 3) : 0;
    struct buf b = {0};

    t->tools = arena_calloc(g->a, 3, sizeof *t->tools);
    for (unsigned i = 0; i < n; i++) {
        struct tool *one = &t->tools[t->n_tools++];
        *one = (struct tool){.strict = -1, .name = gen_word(g, "f_")};
        if (gen_below(g, 4))
            one->description = gen_text(g);
        if (!gen_has(g, ASK(TOOL_BARE), 4)) {
            gen_schema(g, &b, 2);
            one->schema = gen_parsed(g, &b);
        }
        if (gen_has(g, ASK(STRICT), 3))
            one->strict = (int)gen_below(g, 2);
        one->extras = gen_extras(g, ASK(EXTRAS));
        one->inner = gen_extras(g, ASK(INNER_EXTRAS));
    }
}

static void gen_choice(struct gen *g, struct turn *t)
{
    if (t->n_tools == 0)
        return;
    if (gen_has(g, ASK(CHOICE_AUTO), 4))
        t->choice = CHOICE_AUTO;
    else if (gen_has(g, ASK(CHOICE_NONE), 4))
        t->choice = CHOICE_NONE;
    else if (gen_has(g, ASK(CHOICE_MUST), 3))
        t->choice = gen_below(g, 2) ? CHOICE_REQUIRED : CHOICE_NAMED;
    if (t->choice == CHOICE_NAMED)
        t->choice_name = t->tools[gen_below(g, (unsigned)t->n_tools)].name;
    if (t->choice == CHOICE_UNSET || t->choice == CHOICE_NONE)
        return;
    if (gen_has(g, ASK(PARALLEL), 3))
        t->parallel_calls = 0;
    else if (gen_has(g, ASK(PARALLEL_YES), 3))
        t->parallel_calls = 1;
}

/* As OpenAI's json_schema has it: that is how the canonical form keeps it. */
static void gen_format(struct gen *g, struct turn *t)
{
    struct buf b = {0};

    if (gen_has(g, ASK(FORMAT_TEXT), 6)) {
        t->format = FORMAT_TEXT;
    } else if (gen_has(g, ASK(FORMAT_JSON), 6)) {
        t->format = FORMAT_JSON;
    } else if (gen_has(g, ASK(FORMAT_SCHEMA), 4)) {
        t->format = FORMAT_SCHEMA;
        buf_add_cstr(&b, "{\"name\":");
        buf_add_json(&b, gen_has(g, ASK(SCHEMA_NAME), 2) ? gen_word(g, "s") : SLICE("answer"));
        if (gen_has(g, ASK(SCHEMA_NAME), 2))
            buf_add_cstr(&b, gen_below(g, 2) ? ",\"strict\":true" : ",\"strict\":false");
        buf_add_cstr(&b, ",\"schema\":");
        gen_schema(g, &b, 2);
        buf_add_char(&b, '}');
        t->schema = gen_parsed(g, &b);
    }
}

/* Hundredths from low to high. */
static double hundredths(struct gen *g, int low, int high)
{
    return (double)(low + (int)gen_below(g, (unsigned)(high - low + 1))) / 100;
}

static void gen_sampling(struct gen *g, struct turn *t)
{
    bool thinks = t->effort != EFFORT_UNSET || t->think_tokens; /* places take one or the other */

    if (!thinks && gen_has(g, ASK(TEMPERATURE), 3)) {
        t->temperature = hundredths(g, 0, 100);
        if (gen_below(g, 2)) /* some places refuse both at once */
            t->temperature = NAN, t->top_p = hundredths(g, 0, 100);
    }
    if (!thinks && isnan(t->top_p) && gen_has(g, ASK(HOT), 6))
        t->temperature = hundredths(g, 101, 200);
    if (gen_has(g, ASK(PENALTIES), 4)) {
        t->frequency_penalty = hundredths(g, -200, 200);
        t->presence_penalty = hundredths(g, -200, 200);
    }
    if (!thinks && gen_has(g, ASK(TOP_K), 4))
        t->top_k = 1 + gen_below(g, 100);
    if (gen_has(g, ASK(LOCAL_WISHES), 4)) {
        t->min_p = hundredths(g, 0, 100);
        t->repeat_penalty = hundredths(g, 0, 200);
    }
    if ((t->has_seed = gen_has(g, ASK(SEED), 4)))
        t->seed = (int64_t)gen_u64(g) >> gen_below(g, 60);
    if (t->seed == -1)
        t->seed = -2; /* Ollama's word for none */
}

static struct slice gen_stop(struct gen *g)
{
    static const struct slice blanks[] = {SLICE("\n"), SLICE(" "), SLICE("\n\n"), SLICE("\t")};
    struct slice text = gen_text(g);

    if (gen_has(g, ASK(STOPS_BLANK), 3))
        return blanks[gen_below(g, ARRAY_LEN(blanks))];
    return slice_trim(text).len > 0 ? text : SLICE("stop");
}

static void gen_limits(struct gen *g, struct turn *t)
{
    static const enum effort efforts[] = {EFFORT_LOW, EFFORT_MEDIUM, EFFORT_HIGH};

    t->max_tokens = gen_has(g, ASK(LIMITLESS), 2) ? 0 : 2000 + gen_below(g, 30000);
    t->n = gen_has(g, ASK(N), 6) ? 2 + gen_below(g, TURN_CHOICES_MAX - 1) : 1;
    if (gen_has(g, ASK(STOPS), 4))
        t->n_stops = 1 + gen_below(g, 4);
    for (size_t i = 0; i < t->n_stops; i++)
        t->stops[i] = gen_stop(g);
    if (gen_has(g, ASK(EFFORT), 4))
        t->effort = efforts[gen_below(g, ARRAY_LEN(efforts))];
    else if (gen_has(g, ASK(THINK_TOKENS), 4))
        t->think_tokens = 1024 + gen_below(g, 900);
    if ((t->logprobs = gen_has(g, ASK(LOGPROBS), 5)))
        t->top_logprobs = 1 + (int)gen_below(g, 20);
    if (gen_has(g, ASK(BIAS), 6)) {
        struct buf b = {0};
        buf_printf(&b, "{\"%u\":-100,\"7\":0.5}", 10 + gen_below(g, 1000));
        t->logit_bias = gen_parsed(g, &b);
    }
}

void gen_turn(struct gen *g, struct turn *t)
{
    turn_init(t);
    t->model = SLICE("m");
    t->stream = gen_below(g, 2);
    gen_messages(g, t);
    gen_tools(g, t);
    gen_choice(g, t);
    gen_format(g, t);
    gen_limits(g, t);
    gen_sampling(g, t);
    t->extras = gen_extras(g, ASK(EXTRAS));
}
