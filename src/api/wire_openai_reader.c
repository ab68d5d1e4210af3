/* The bytes of an OpenAI-compatible answer into events.
 *
 * Invariants: 1. Events of one choice come in the order the place told them, BEGIN first of all,
 * END last and only of a whole answer: every choice finished, and [DONE] seen or the transfer
 * clean.  2. A call's number is its order of appearance, whatever indices and ids the place
 * uses.  3. What one event takes in memory is given back before the next is read. */
#include "api/wire_openai.h"
#include "base/rand.h"
#include <stdio.h>

struct call_slot {
    int64_t index; /* the place's; -1: it told none */
    struct slice id;
};

struct choice_state {
    bool seen, finished;
    struct call_slot *calls;
    size_t n_calls, cap_calls;
    size_t last; /* the call that was told of last */
};

struct wire_reader {
    int http_status;
    struct arena *arena;
    void (*sink)(void *owner, const struct event *event);
    void *owner;

    enum { MODE_UNKNOWN, MODE_STREAM, MODE_BODY, MODE_ERROR } mode;
    struct sse sse;
    struct buf body;      /* MODE_BODY, MODE_ERROR */
    struct arena scratch; /* of one event */

    bool began;          /* BEGIN was told */
    bool spoke;          /* something that a caller can see was told */
    bool done;           /* [DONE], or a body that is whole */
    bool refused;        /* the place told an error where events were awaited; see outcome */
    struct nigh_err err; /* status not OK: broken */
    struct outcome outcome;
    struct usage usage;
    struct choice_state choices[TURN_CHOICES_MAX];
};

static void say(struct wire_reader *r, const struct event *event)
{
    r->spoke |= event->kind != EVENT_BEGIN && event->kind != EVENT_USAGE;
    r->sink(r->owner, event);
}

static void broken(struct wire_reader *r, const char *why)
{
    nigh_fail(&r->err, NIGH_UPSTREAM, "upstream's answer broke: %s", why);
}

static struct call_slot *new_call(struct wire_reader *r, struct choice_state *c, int64_t index)
{
    if (c->n_calls == c->cap_calls) {
        size_t cap = c->cap_calls ? 2 * c->cap_calls : 4;
        void *p = c->n_calls < ANSWER_CALLS_MAX
                      ? arena_grow(r->arena, c->calls, c->cap_calls * sizeof *c->calls,
                                   cap * sizeof *c->calls)
                      : NULL;
        if (!p) {
            broken(r, "too many tool calls");
            return NULL;
        }
        c->calls = p;
        c->cap_calls = cap;
    }
    c->last = c->n_calls++;
    c->calls[c->last] = (struct call_slot){.index = index};
    return &c->calls[c->last];
}

/* Some places leave out the index, some give every call the same one and tell them apart by id,
 * some repeat the id in every piece, some make up a new id for every piece. */
static bool piece_of(const struct call_slot *slot, int64_t index, struct slice id,
                     struct slice name)
{
    bool same_id = id.len > 0 && slice_eq(slot->id, id);

    if (index < 0)
        return same_id;
    return slot->index == index && (same_id || id.len == 0 || name.len == 0);
}

/* The call that a piece continues; NULL: it begins one. */
static struct call_slot *find_call(struct choice_state *c, int64_t index, struct slice id,
                                   struct slice name)
{
    for (size_t i = c->n_calls; i-- > 0;)
        if (piece_of(&c->calls[i], index, id, name)) {
            c->last = i;
            return &c->calls[i];
        }
    if (name.len > 0 || index >= 0 || c->n_calls == 0)
        return NULL;
    return &c->calls[c->last];
}

static void call_begins(struct wire_reader *r, unsigned choice, struct call_slot *slot,
                        struct slice id, struct slice name)
{
    struct choice_state *c = &r->choices[choice];
    char made[32];

    if (id.len == 0) { /* clients need one to send the tool's result back */
        snprintf(made, sizeof made, "call_%016llx", (unsigned long long)rand_u64());
        id = slice_of(made);
    }
    if (name.len == 0)
        broken(r, "a tool call without a name");
    else if (id.len > WIRE_OPENAI_ID_MAX || !(slot->id = arena_dup(r->arena, id)).p)
        broken(r, "a tool call's id is too long");
    else
        say(r, &(struct event){.kind = EVENT_CALL,
                               .choice = choice,
                               .call = (unsigned)(slot - c->calls),
                               .call_id = slot->id,
                               .name = name});
}

static void read_arguments(struct wire_reader *r, unsigned choice, const struct call_slot *slot,
                           yyjson_val *arguments)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct slice piece = json_str(arguments);

    if (yyjson_is_ctn(arguments)) { /* not yet a string: the object itself */
        json_add_val(&text, arguments);
        piece = buf_slice(&text);
    }
    if (text.failed)
        broken(r, "no memory for a call's arguments");
    else if (piece.len > 0)
        say(r, &(struct event){.kind = EVENT_ARGUMENTS,
                               .choice = choice,
                               .call = (unsigned)(slot - r->choices[choice].calls),
                               .text = piece});
}

/* whole: of a message that came in one piece, where every item is a call of its own. */
static void read_call(struct wire_reader *r, unsigned choice, yyjson_val *item, bool whole)
{
    struct choice_state *c = &r->choices[choice];
    yyjson_val *function = json_get(item, "function");
    struct slice id = json_get_str(item, "id"), name = json_get_str(function, "name");
    int64_t index = json_get_int(item, "index", -1);
    struct call_slot *slot = whole ? NULL : find_call(c, index, id, name);

    if (!slot) {
        if (!(slot = new_call(r, c, index)))
            return;
        call_begins(r, choice, slot, id, name);
    }
    if (r->err.status == NIGH_OK)
        read_arguments(r, choice, slot, json_get(function, "arguments"));
}

static void say_text(struct wire_reader *r, unsigned choice, enum event_kind kind,
                     struct slice text)
{
    if (text.len > 0)
        say(r, &(struct event){.kind = kind, .choice = choice, .text = text});
}

/* Content that came as a list of typed parts: text, and thinking with a list of its own. */
static void read_parts(struct wire_reader *r, unsigned choice, yyjson_val *parts,
                       enum event_kind kind)
{
    size_t i, max;
    yyjson_val *part, *thinking;

    if (!yyjson_is_arr(parts))
        return;
    yyjson_arr_foreach(parts, i, max, part)
    {
        say_text(r, choice, kind, json_get_str(part, "text"));
        if ((thinking = json_get(part, "thinking")) && kind == EVENT_TEXT) {
            say_text(r, choice, EVENT_REASONING, json_str(thinking));
            read_parts(r, choice, thinking, EVENT_REASONING);
        }
    }
}

/* delta: or a whole message.  Gateways that know both names for reasoning may fill both. */
static void read_delta(struct wire_reader *r, unsigned choice, yyjson_val *delta, bool whole)
{
    struct slice reasoning = json_get_str(delta, "reasoning_content");
    yyjson_val *content = json_get(delta, "content"), *calls = json_get(delta, "tool_calls"), *call;
    size_t i, max;

    if (reasoning.len == 0)
        reasoning = json_get_str(delta, "reasoning");
    say_text(r, choice, EVENT_REASONING, reasoning);
    say_text(r, choice, EVENT_TEXT, json_str(content));
    read_parts(r, choice, content, EVENT_TEXT);
    say_text(r, choice, EVENT_REFUSAL, json_get_str(delta, "refusal"));
    if (!yyjson_is_arr(calls))
        return;
    yyjson_arr_foreach(calls, i, max, call)
    {
        if (r->err.status == NIGH_OK)
            read_call(r, choice, call, whole);
    }
}

static const struct {
    const char *word;
    enum finish finish;
} finishes[] = {
    {"stop", FINISH_STOP},         {"length", FINISH_LENGTH},
    {"tool_calls", FINISH_CALLS},  {"eos", FINISH_STOP},
    {"max_tokens", FINISH_LENGTH}, {"function_call", FINISH_CALLS},
    {"end_turn", FINISH_STOP},     {"content_filter", FINISH_FILTER},
    {"tool_use", FINISH_CALLS},    {"stop_sequence", FINISH_STOP},
};

static void read_finish(struct wire_reader *r, unsigned choice, struct slice word)
{
    struct choice_state *c = &r->choices[choice];
    struct event e = {.kind = EVENT_FINISH, .choice = choice, .finish = FINISH_OTHER, .text = word};

    if (word.len == 0 || c->finished)
        return;
    for (size_t i = 0; i < ARRAY_LEN(finishes); i++)
        if (slice_is(word, finishes[i].word)) {
            e.finish = finishes[i].finish;
            e.text = (struct slice){0};
        }
    /* A call that was asked for by name ends with "stop" at some; callers wait for the other word.
     */
    if (e.finish == FINISH_STOP && c->n_calls > 0)
        e.finish = FINISH_CALLS;
    c->finished = true;
    say(r, &e);
}

static bool has_logprobs(yyjson_val *logprobs)
{
    return yyjson_arr_size(json_get(logprobs, "content")) > 0 ||
           yyjson_arr_size(json_get(logprobs, "refusal")) > 0;
}

static void read_choice(struct wire_reader *r, yyjson_val *choice)
{
    int64_t index = json_get_int(choice, "index", 0);
    yyjson_val *delta = json_get(choice, "delta"), *logprobs = json_get(choice, "logprobs");
    bool whole = !yyjson_is_obj(delta);

    if (!yyjson_is_obj(choice) || index < 0 || index >= TURN_CHOICES_MAX) {
        broken(r, "a choice that is none");
        return;
    }
    r->choices[index].seen = true;
    if (has_logprobs(logprobs))
        say(r, &(struct event){.kind = EVENT_LOGPROBS, .choice = (unsigned)index, .raw = logprobs});
    read_delta(r, (unsigned)index, whole ? json_get(choice, "message") : delta, whole);
    if (r->err.status == NIGH_OK)
        read_finish(r, (unsigned)index, json_get_str(choice, "finish_reason"));
}

/* What is not a count is none. */
static uint64_t count(yyjson_val *obj, const char *key)
{
    int64_t n = json_get_int(obj, key, 0);

    return n > 0 ? (uint64_t)n : 0;
}

static uint64_t first_count(uint64_t a, uint64_t b, uint64_t c)
{
    return a ? a : b ? b : c;
}

/* OpenAI's prompt_tokens include the cached ones; where they cannot, the place left them out. */
static void read_usage(struct wire_reader *r, yyjson_val *chunk)
{
    yyjson_val *u = json_get(chunk, "usage"), *in = json_get(u, "prompt_tokens_details");
    struct usage *to = &r->usage;

    if (!yyjson_is_int(json_get(u, "prompt_tokens")) &&
        !yyjson_is_int(json_get(u, "completion_tokens")))
        return;
    *to = (struct usage){.known = true};
    to->input = count(u, "prompt_tokens");
    to->output = count(u, "completion_tokens");
    to->cached_read = first_count(count(in, "cached_tokens"), count(u, "prompt_cache_hit_tokens"),
                                  count(json_get(chunk, "timings"), "cache_n"));
    to->cache_write =
        first_count(count(in, "cache_write_tokens"), count(u, "cache_creation_input_tokens"), 0);
    to->reasoning = count(json_get(u, "completion_tokens_details"), "reasoning_tokens");
    if (to->cached_read > to->input)
        to->input += to->cached_read;
}

static void read_chunk(struct wire_reader *r, yyjson_val *chunk, struct slice text)
{
    yyjson_val *error = json_get(chunk, "error"), *choices = json_get(chunk, "choices"), *choice;
    size_t i, max;

    if (error && !yyjson_is_null(error)) {
        r->refused = true;
        wire_openai_classify(text, 0, r->arena, &r->outcome);
        r->err = r->outcome.err;
        return;
    }
    if (!yyjson_is_obj(chunk)) {
        broken(r, "an event that is not an object");
        return;
    }
    if (!r->began) {
        r->began = true;
        say(r, &(struct event){
                   .kind = EVENT_BEGIN, .text = json_get_str(chunk, "model"), .raw = chunk});
    }
    if (yyjson_is_arr(choices))
        yyjson_arr_foreach(choices, i, max, choice)
        {
            if (r->err.status == NIGH_OK)
                read_choice(r, choice);
        }
    read_usage(r, chunk);
}

static void on_event(void *owner, struct slice event, struct slice data)
{
    struct wire_reader *r = owner;
    enum nigh_status status;
    yyjson_val *chunk;

    data = slice_trim(data);
    if (r->done || r->err.status != NIGH_OK || data.len == 0)
        return;
    if (slice_is(data, "[DONE]")) {
        r->done = true;
        sse_stop(&r->sse);
        return;
    }
    arena_reset(&r->scratch);
    status = json_parse(&chunk, data, &r->scratch, NULL);
    if (status == NIGH_OK)
        read_chunk(r, chunk, data);
    else
        broken(r, status == NIGH_INVALID ? "an event that is not JSON" : "no memory for an event");
    if (r->err.status != NIGH_OK)
        sse_stop(&r->sse);
}

enum nigh_status wire_openai_reader_new(struct wire_reader **ret, const struct turn *turn, int http_status,
                                        struct slice content_type, struct arena *arena,
                                        void (*sink)(void *owner, const struct event *),
                                        void *owner, struct nigh_err *err)
{
    struct wire_reader *r = arena_calloc(arena, 1, sizeof *r);

    (void)turn; /* every chat reads alike */
    if (!r)
        return nigh_fail(err, NIGH_NOMEM, "no memory to read an answer");
    r->http_status = http_status;
    r->arena = arena;
    r->sink = sink;
    r->owner = owner;
    r->mode = http_status >= 200 && http_status < 300 ? MODE_UNKNOWN : MODE_ERROR;
    r->body.max_bytes = r->mode == MODE_ERROR ? WIRE_OPENAI_ERROR_MAX : WIRE_OPENAI_BODY_MAX;
    arena_init(&r->scratch, JSON_ROOM * WIRE_OPENAI_EVENT_MAX);
    sse_init(&r->sse, WIRE_OPENAI_EVENT_MAX, on_event, r);
    *ret = r;
    return NIGH_OK;
}

void wire_openai_reader_free(struct wire_reader *r)
{
    if (!r)
        return;
    sse_done(&r->sse);
    buf_done(&r->body);
    arena_done(&r->scratch);
}

/* The first byte that is no space tells a body from a stream; the content type does not always. */
static void find_mode(struct wire_reader *r, struct slice *bytes)
{
    while (bytes->len > 0 && strchr(" \t\r\n", *bytes->p) && *bytes->p) {
        bytes->p++;
        bytes->len--;
    }
    if (bytes->len > 0)
        r->mode = *bytes->p == '{' ? MODE_BODY : MODE_STREAM;
}

enum nigh_status wire_openai_reader_feed(struct wire_reader *r, struct slice bytes,
                                         struct nigh_err *err)
{
    enum nigh_status status = NIGH_OK;

    if (r->mode == MODE_UNKNOWN)
        find_mode(r, &bytes);
    if (r->mode == MODE_STREAM && !r->done && r->err.status == NIGH_OK) {
        status = sse_feed(&r->sse, bytes, &r->err);
    } else if (r->mode == MODE_ERROR) {
        size_t room = WIRE_OPENAI_ERROR_MAX - r->body.len;
        buf_add(&r->body, bytes.p, bytes.len < room ? bytes.len : room);
    } else if (r->mode == MODE_BODY) {
        buf_add_str(&r->body, bytes);
        if (r->body.failed)
            nigh_fail(&r->err, NIGH_UPSTREAM, "upstream's answer is larger than %d MiB",
                      WIRE_OPENAI_BODY_MAX >> 20);
    }
    if (status || r->err.status != NIGH_OK)
        return nigh_fail(err, NIGH_UPSTREAM, "%s", r->err.what);
    return NIGH_OK;
}

static void read_body(struct wire_reader *r)
{
    yyjson_val *root;

    arena_done(&r->scratch);
    arena_init(&r->scratch, JSON_ROOM * (size_t)WIRE_OPENAI_BODY_MAX);
    if (json_parse(&root, buf_slice(&r->body), &r->scratch, NULL) != NIGH_OK) {
        broken(r, "its body is not JSON");
        return;
    }
    read_chunk(r, root, buf_slice(&r->body));
    r->done = r->err.status == NIGH_OK;
}

static bool all_finished(const struct wire_reader *r)
{
    bool any = false;

    for (size_t i = 0; i < TURN_CHOICES_MAX; i++) {
        any |= r->choices[i].seen;
        if (r->choices[i].seen && !r->choices[i].finished)
            return false;
    }
    return any;
}

static void end_broken(struct wire_reader *r, struct outcome *o)
{
    enum fate fate = r->refused ? r->outcome.fate : FATE_RETRY;

    o->fate = r->spoke && fate != FATE_CALLER ? FATE_CUT : fate;
    o->said = r->outcome.said;
    o->said_type = r->outcome.said_type;
    o->said_code = r->outcome.said_code;
    o->said_param = r->outcome.said_param;
    if (r->err.status != NIGH_OK)
        nigh_fail(&o->err, r->err.status, "%s", r->err.what);
    nigh_fail(&o->err, NIGH_UPSTREAM, "upstream's answer broke off before its end");
}

void wire_openai_reader_end(struct wire_reader *r, struct outcome *o)
{
    bool clean = o->err.status == NIGH_OK;

    if (o->http_status == 0)
        o->http_status = r->http_status;
    if (r->mode == MODE_ERROR) {
        wire_openai_classify(buf_slice(&r->body), r->http_status, r->arena, o);
        return;
    }
    if (r->mode == MODE_BODY && clean && r->err.status == NIGH_OK)
        read_body(r);
    /* A last event may lack its empty line; of a clean transfer it is whole nevertheless. */
    if (r->mode == MODE_STREAM && clean && !r->done && r->err.status == NIGH_OK)
        clean = sse_feed(&r->sse, SLICE("\n\n"), &r->err) == NIGH_OK;
    if (r->began && r->usage.known)
        say(r, &(struct event){.kind = EVENT_USAGE, .usage = r->usage});
    if (r->err.status != NIGH_OK || !all_finished(r) || !(r->done || clean)) {
        end_broken(r, o);
        return;
    }
    o->fate = FATE_WHOLE;
    say(r, &(struct event){.kind = EVENT_END});
}

bool wire_openai_reader_whole(const struct wire_reader *r)
{
    return r->mode == MODE_STREAM && r->done && r->err.status == NIGH_OK;
}
