/* The bytes of an OpenAI-compatible answer into events.
 *
 * Invariants: 1. Events of one choice come in the order the place told them, BEGIN first of all,
 * END last and only of a whole answer: every choice finished, and [DONE] seen or the transfer
 * clean.  2. A call's number is its order of appearance, whatever indices and ids the place
 * uses.  3. What one event takes in memory is given back before the next is read. */
#include "api/verbs.h"
#include "api/wire_openai.h"
#include "api/wire_verbs.h"

struct call_slot {
    int64_t index; /* the place's; -1: it told none */
    struct slice id;
};

struct choice_state {
    bool seen, finished;
    bool pieces; /* something of it came as a delta */
    struct call_slot *calls;
    size_t n_calls, cap_calls;
    size_t last; /* the call that was told of last */
};

struct wire_reader {
    struct wire_read in;
    size_t n_choices; /* as many as a place may tell of */
    struct choice_state choices[];
};

static bool completes(const struct wire_reader *r)
{
    return r->in.turn && r->in.turn->verb == VERB_COMPLETE;
}

static struct call_slot *new_call(struct wire_reader *r, struct choice_state *c, int64_t index)
{
    if (c->n_calls == c->cap_calls) {
        size_t cap = c->cap_calls ? 2 * c->cap_calls : 4;
        void *p = c->n_calls < ANSWER_CALLS_MAX
                      ? arena_grow(r->in.arena, c->calls, c->cap_calls * sizeof *c->calls,
                                   cap * sizeof *c->calls)
                      : NULL;
        if (!p) {
            wire_broken(&r->in, "too many tool calls");
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

    if (name.len == 0)
        wire_broken(&r->in, "a tool call without a name");
    else if ((slot->id = wire_call_id(&r->in, id)).p)
        wire_say(&r->in, &(struct event){.kind = EVENT_CALL,
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
        wire_broken(&r->in, "no memory for a call's arguments");
    else if (piece.len > 0)
        wire_say(&r->in, &(struct event){.kind = EVENT_ARGUMENTS,
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
    if (wire_ok(&r->in))
        read_arguments(r, choice, slot, json_get(function, "arguments"));
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
        wire_say_text(&r->in, choice, kind, json_get_str(part, "text"));
        if ((thinking = json_get(part, "thinking")) && kind == EVENT_TEXT) {
            wire_say_text(&r->in, choice, EVENT_REASONING, json_str(thinking));
            read_parts(r, choice, thinking, EVENT_REASONING);
        }
    }
}

static void read_calls(struct wire_reader *r, unsigned choice, yyjson_val *calls, bool whole)
{
    size_t i, max;
    yyjson_val *call;

    if (!yyjson_is_arr(calls))
        return;
    yyjson_arr_foreach(calls, i, max, call)
    {
        if (wire_ok(&r->in))
            read_call(r, choice, call, whole);
    }
}

/* delta: or a whole message.  Gateways that know several names for reasoning may fill them all. */
static void read_delta(struct wire_reader *r, unsigned choice, yyjson_val *delta, bool whole)
{
    static const char *const thoughts[] = {"reasoning_content", "reasoning", "thinking"};
    struct slice reasoning = {0};
    yyjson_val *content = json_get(delta, "content");
    size_t i;

    for (i = 0; i < ARRAY_LEN(thoughts) && reasoning.len == 0; i++)
        reasoning = json_get_str(delta, thoughts[i]);
    wire_say_text(&r->in, choice, EVENT_REASONING, reasoning);
    wire_say_text(&r->in, choice, EVENT_TEXT, json_str(content));
    read_parts(r, choice, content, EVENT_TEXT);
    wire_say_text(&r->in, choice, EVENT_REFUSAL, json_get_str(delta, "refusal"));
    read_calls(r, choice, json_get(delta, "tool_calls"), whole);
}

/* A whole message; some servers tell one at the end of a stream, where only its calls may be new.
 */
static void read_message(struct wire_reader *r, unsigned choice, yyjson_val *message)
{
    const struct choice_state *c = &r->choices[choice];

    if (!c->pieces)
        read_delta(r, choice, message, true);
    else if (c->n_calls == 0)
        read_calls(r, choice, json_get(message, "tool_calls"), true);
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
    wire_say(&r->in, &e);
}

static bool has_logprobs(yyjson_val *logprobs)
{
    return yyjson_arr_size(json_get(logprobs, "content")) > 0 ||
           yyjson_arr_size(json_get(logprobs, "refusal")) > 0;
}

/* Of a completion the text stands bare, and so do the logprobs but for llama-server's. */
static void read_completion(struct wire_reader *r, unsigned choice, yyjson_val *item)
{
    yyjson_val *logprobs = json_get(item, "logprobs");

    if (yyjson_is_arr(json_get(logprobs, "tokens")))
        logprobs = wire_verbs_logprobs(logprobs, &r->in.scratch);
    if (has_logprobs(logprobs))
        wire_say(&r->in,
                 &(struct event){.kind = EVENT_LOGPROBS, .choice = choice, .raw = logprobs});
    wire_say_text(&r->in, choice, EVENT_TEXT, json_get_str(item, "text"));
    read_finish(r, choice, json_get_str(item, "finish_reason"));
}

static void read_choice(struct wire_reader *r, yyjson_val *choice)
{
    int64_t index = json_get_int(choice, "index", 0);
    yyjson_val *delta = json_get(choice, "delta"), *logprobs = json_get(choice, "logprobs");
    bool whole = !yyjson_is_obj(delta);

    if (!yyjson_is_obj(choice) || index < 0 || (size_t)index >= r->n_choices) {
        wire_broken(&r->in, "a choice that is none");
        return;
    }
    r->choices[index].seen = true;
    if (completes(r)) {
        read_completion(r, (unsigned)index, choice);
        return;
    }
    if (has_logprobs(logprobs))
        wire_say(&r->in, &(struct event){
                             .kind = EVENT_LOGPROBS, .choice = (unsigned)index, .raw = logprobs});
    if (whole)
        read_message(r, (unsigned)index, json_get(choice, "message"));
    else
        read_delta(r, (unsigned)index, delta, false);
    r->choices[index].pieces |= !whole;
    if (wire_ok(&r->in))
        read_finish(r, (unsigned)index, json_get_str(choice, "finish_reason"));
}

static uint64_t first_count(uint64_t a, uint64_t b, uint64_t c)
{
    return a ? a : b ? b : c;
}

/* llama-server tells the tokens of several answers one by one, with the end of each, and no sum;
 * the prompt of several answers is counted once, as OpenAI does. */
static void add_usage(struct wire_reader *r, const struct usage *before, yyjson_val *choice)
{
    struct usage *sum = &r->in.usage;
    int64_t index = json_get_int(choice, "index", 0);

    if (!completes(r) || !before->known || json_get_str(choice, "finish_reason").len == 0)
        return;
    if (index % (r->in.turn->n ? r->in.turn->n : 1) != 0)
        sum->input = sum->cached_read = sum->cache_write = 0;
    sum->input += before->input;
    sum->output += before->output;
    sum->cached_read += before->cached_read;
    sum->cache_write += before->cache_write;
    sum->reasoning += before->reasoning;
}

/* The same of a chat's choices, whose usage comes in a chunk of its own after each finish; timings
 * are in none but llama-server's (0.7.0, tried with n 2: two chunks of usage, each of one choice).
 */
static void add_choice(struct wire_reader *r, const struct usage *before, yyjson_val *chunk)
{
    struct usage *sum = &r->in.usage;

    if (completes(r) || !before->known || !r->in.turn || r->in.turn->n < 2 ||
        !yyjson_is_obj(json_get(chunk, "timings")))
        return;
    sum->input = before->input;
    sum->cached_read = before->cached_read;
    sum->output += before->output;
    sum->reasoning += before->reasoning;
}

/* OpenAI's prompt_tokens include the cached ones and its completion_tokens the reasoning (README.md
 * lists who does what).  Of others the total tells: what it holds and the two do not is reasoning
 * (xAI, Gemini), unless it is just what the cache gave. */
static void add_rest(struct usage *u, uint64_t total)
{
    uint64_t rest = total > u->input + u->output ? total - u->input - u->output : 0;

    if (rest > 0 && rest != u->reasoning &&
        (rest == u->cached_read || rest == u->cached_read + u->cache_write)) {
        u->input += rest;
    } else if (rest > 0) {
        u->output += rest;
        u->reasoning = u->reasoning > rest ? u->reasoning : rest;
    }
    if (u->cached_read > u->input) /* a part is no more than the whole */
        u->input += u->cached_read;
    if (u->reasoning > u->output)
        u->output += u->reasoning;
}

static void read_usage(struct wire_reader *r, yyjson_val *chunk)
{
    yyjson_val *u = json_get(chunk, "usage"), *in = json_get(u, "prompt_tokens_details");
    struct usage *to = &r->in.usage, before = *to;

    if (!yyjson_is_int(json_get(u, "prompt_tokens")) &&
        !yyjson_is_int(json_get(u, "completion_tokens")))
        return;
    *to = (struct usage){.known = true};
    to->input = wire_count(u, "prompt_tokens");
    to->output = wire_count(u, "completion_tokens");
    to->cached_read = first_count(
        wire_count(in, "cached_tokens"), wire_count(u, "prompt_cache_hit_tokens"),
        first_count(wire_count(u, "cache_read_input_tokens"), wire_count(u, "cached_tokens"),
                    wire_count(json_get(chunk, "timings"), "cache_n")));
    to->cache_write =
        first_count(wire_count(in, "cache_write_tokens"), wire_count(in, "cache_creation_tokens"),
                    wire_count(u, "cache_creation_input_tokens"));
    to->reasoning =
        first_count(wire_count(json_get(u, "completion_tokens_details"), "reasoning_tokens"),
                    wire_count(u, "reasoning_tokens"), 0);
    add_rest(to, wire_count(u, "total_tokens"));
    add_usage(r, &before, yyjson_arr_get_first(json_get(chunk, "choices")));
    add_choice(r, &before, chunk);
}

/* What llama-server tells besides, where the caller asked for it in its own words. */
static void read_notes(struct wire_reader *r, yyjson_val *chunk)
{
    static const struct {
        const char *asked, *name;
    } notes[] = {{"timings_per_token", "timings"}, {"return_progress", "prompt_progress"}};
    const struct turn *turn = r->in.turn;

    if (!turn || !turn->format_name || strcmp(turn->format_name, "openai-chat") != 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
        yyjson_val *val = json_get(chunk, notes[i].name);
        if (yyjson_is_obj(val) && json_get_bool(turn->raw, notes[i].asked, false))
            wire_say(&r->in, &(struct event){
                                 .kind = EVENT_NOTE, .name = slice_of(notes[i].name), .raw = val});
    }
}

static void read_chunk(struct wire_read *in, yyjson_val *chunk, struct slice text)
{
    struct wire_reader *r = (struct wire_reader *)in;
    yyjson_val *error = json_get(chunk, "error"), *choices = json_get(chunk, "choices"), *choice;
    size_t i, max;

    if (error && !yyjson_is_null(error)) {
        wire_refused(&r->in, text);
        return;
    }
    if (completes(r) && yyjson_is_null(chunk))
        return; /* llama-server 0.7.0 between the answers to several prompts */
    if (!yyjson_is_obj(chunk)) {
        wire_broken(&r->in, "an event that is not an object");
        return;
    }
    if (!r->in.began)
        wire_say(&r->in, &(struct event){.kind = EVENT_BEGIN,
                                         .text = json_get_str(chunk, "model"),
                                         .raw = chunk});
    read_notes(r, chunk);
    if (yyjson_is_arr(choices))
        yyjson_arr_foreach(choices, i, max, choice)
        {
            if (wire_ok(&r->in))
                read_choice(r, choice);
        }
    read_usage(r, chunk);
}

/* Choices are told by turns, so a cut may come before one of them has begun: only who sent the end
 * mark may give fewer than were asked for. */
static bool all_finished(const struct wire_read *in)
{
    const struct wire_reader *r = (const struct wire_reader *)in;
    unsigned seen = 0;

    for (size_t i = 0; i < r->n_choices; i++) {
        seen += r->choices[i].seen;
        if (r->choices[i].seen && !r->choices[i].finished)
            return false;
    }
    return seen >= (in->turn && !in->done ? turn_choices(in->turn) : 1);
}

static void read_event(struct wire_read *in, struct slice name, yyjson_val *chunk,
                       struct slice text)
{
    (void)name;
    read_chunk(in, chunk, text);
}

static const struct wire_format format = {
    .event = read_event, .body = read_chunk, .finished = all_finished, .end_mark = "[DONE]"};

enum nigh_status wire_openai_reader_new(struct wire_reader **ret, const struct turn *turn,
                                        int http_status, struct slice content_type,
                                        struct arena *arena,
                                        void (*sink)(void *owner, const struct event *),
                                        void *owner, struct nigh_err *err)
{
    size_t n = turn && turn->verb == VERB_COMPLETE ? turn_choices(turn) : TURN_CHOICES_MAX;
    size_t size = sizeof(struct wire_reader) + n * sizeof(struct choice_state);

    (void)content_type;
    if (turn && wire_verbs_is_data(turn->verb))
        return wire_verbs_reader_new(ret, turn, http_status, arena, sink, owner, err);
    if (n > VERBS_PROMPTS_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "more than %d answers", VERBS_PROMPTS_MAX);
    enum nigh_status status =
        wire_read_new(ret, size, &format, turn, http_status, arena, sink, owner, err);
    if (!status)
        (*ret)->n_choices = n;
    return status;
}
