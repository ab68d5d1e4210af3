/* Events into the chunks of a stream of completions, a whole answer into one body. */
#include "api/openai_chat.h"
#include "api/openai_completions.h"
#include "api/verbs.h"

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

/* Of one stream; made anew by every BEGIN. */
struct stream {
    struct slice head;   /* the same in every chunk */
    struct buf logprobs; /* waiting for their text; its memory is the arena's */
    unsigned logprobs_choice;
    struct {
        bool opened;
        uint64_t offset; /* of the next token, in characters */
    } choices[VERBS_PROMPTS_MAX];
};

static void put_head(const struct encoding *e, struct buf *out)
{
    const struct answer *a = e->answer;

    ADD(out, "{\"id\":\"cmpl-");
    buf_add_cstr(out, e->id);
    ADD(out, "\",\"object\":\"text_completion\"");
    json_put_int(out, "created", e->created);
    json_put_cstr(out, "model", e->model ? e->model : "");
    json_put_str(out, "system_fingerprint",
                 a && a->fingerprint.len ? buf_slice(&a->fingerprint)
                                         : SLICE("nigh-" NIGH_VERSION));
    ADD(out, ",\"choices\":[");
}

/* ---- logprobs ---- */

static uint64_t characters(struct slice s)
{
    uint64_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += (s.p[i] & 0xc0) != 0x80;
    return n;
}

static void put_tops(struct buf *out, yyjson_val *items, int top)
{
    size_t i, k, max, max_k;
    yyjson_val *item, *one;

    json_key(out, "top_logprobs");
    ADD(out, "[");
    yyjson_arr_foreach(items, i, max, item)
    {
        json_sep(out);
        ADD(out, "{");
        yyjson_val *tops = json_get(item, "top_logprobs");
        if (yyjson_is_arr(tops))
            yyjson_arr_foreach(tops, k, max_k, one)
            {
                if ((int)k >= top)
                    break;
                json_sep(out);
                buf_add_json(out, json_get_str(one, "token"));
                ADD(out, ":");
                json_add_num(out, json_get_num(one, "logprob", 0));
            }
        ADD(out, "}");
    }
    ADD(out, "]");
}

static void put_tokens(struct buf *out, yyjson_val *items)
{
    size_t i, max;
    yyjson_val *item;

    ADD(out, "{\"tokens\":[");
    yyjson_arr_foreach(items, i, max, item)
    {
        json_sep(out);
        buf_add_json(out, json_get_str(item, "token"));
    }
    ADD(out, "],\"token_logprobs\":[");
    yyjson_arr_foreach(items, i, max, item)
    {
        yyjson_val *logprob = json_get(item, "logprob");
        json_sep(out);
        if (yyjson_is_num(logprob))
            json_add_val(out, logprob);
        else
            ADD(out, "null");
    }
    ADD(out, "]");
}

void openai_completions_logprobs(struct buf *out, yyjson_val *items, int top, uint64_t *offset)
{
    size_t i, max;
    yyjson_val *item;

    put_tokens(out, items);
    put_tops(out, items, top);
    json_key(out, "text_offset");
    ADD(out, "[");
    yyjson_arr_foreach(items, i, max, item)
    {
        yyjson_val *told = json_get(item, "text_offset");
        if (yyjson_is_uint(told))
            *offset = yyjson_get_uint(told);
        json_sep(out);
        buf_add_u64(out, *offset);
        *offset += characters(json_get_str(item, "token"));
    }
    ADD(out, "]}");
}

/* ---- a stream ---- */

static struct stream *stream_begin(struct encoding *e)
{
    CLEANUP(buf_done) struct buf head = {0};
    struct stream *s = arena_calloc(e->arena, 1, sizeof *s);

    ADD(&head, "data: ");
    put_head(e, &head);
    if (s && !head.failed)
        s->head = arena_dup(e->arena, buf_slice(&head));
    e->state = s && s->head.p ? s : NULL;
    return e->state;
}

static void put_chunk(const struct encoding *e, struct stream *s, unsigned choice,
                      struct slice text, struct slice finish, struct buf *out)
{
    buf_add_str(out, s->head);
    ADD(out, "{");
    json_put_str(out, "text", text);
    json_put_int(out, "index", choice);
    json_key(out, "logprobs");
    if (s->logprobs.len > 0 && s->logprobs_choice == choice) {
        buf_add_str(out, buf_slice(&s->logprobs));
        s->logprobs.len = 0;
    } else {
        ADD(out, "null");
    }
    json_key(out, "finish_reason");
    if (finish.p)
        buf_add_json(out, finish);
    else
        ADD(out, "null");
    if (e->turn->stream_usage)
        ADD(out, "}],\"usage\":null}\n\n");
    else
        ADD(out, "}]}\n\n");
}

static bool echoes(const struct turn *turn)
{
    return json_get_bool(turn->raw, "echo", false) && !turn->echo;
}

static struct slice prompt_of(const struct turn *turn, size_t choice)
{
    size_t prompt = choice / (turn->n ? turn->n : 1);

    return prompt < turn->n_messages ? turn->messages[prompt].parts[0].text : SLICE("");
}

static void choice_open(const struct encoding *e, struct stream *s, unsigned choice,
                        struct buf *out)
{
    struct slice prompt = prompt_of(e->turn, choice);

    if (s->choices[choice].opened)
        return;
    s->choices[choice].opened = true;
    if (echoes(e->turn) && prompt.len > 0)
        put_chunk(e, s, choice, prompt, (struct slice){0}, out);
}

/* They come before their text and alone; raw lives only now.  Two in a row: the first go alone. */
static void keep_logprobs(const struct encoding *e, struct stream *s, const struct event *event,
                          struct buf *out)
{
    CLEANUP(buf_done) struct buf text = {0};

    if (s->logprobs.len > 0)
        put_chunk(e, s, s->logprobs_choice, SLICE(""), (struct slice){0}, out);
    openai_completions_logprobs(&text, json_get(event->raw, "content"), e->turn->top_logprobs,
                                &s->choices[event->choice].offset);
    if (text.len > s->logprobs.cap) {
        s->logprobs.cap = 2 * text.len;
        s->logprobs.data = arena_alloc(e->arena, s->logprobs.cap);
    }
    if (text.failed || !s->logprobs.data) {
        out->failed = true;
        return;
    }
    memcpy(s->logprobs.data, text.data, text.len);
    s->logprobs.len = text.len;
    s->logprobs_choice = event->choice;
}

static struct slice finish_word(enum finish finish, struct slice word)
{
    return finish == FINISH_OTHER && word.len > 0 ? word : slice_of(finish_text(finish));
}

static void put_end(const struct encoding *e, struct stream *s, struct buf *out)
{
    if (s->logprobs.len > 0)
        put_chunk(e, s, s->logprobs_choice, SLICE(""), (struct slice){0}, out);
    if (e->turn->stream_usage && e->answer && e->answer->usage.known) {
        buf_add_str(out, s->head);
        ADD(out, "],\"usage\":");
        openai_usage(out, &e->answer->usage, e->bill_json);
        ADD(out, "}\n\n");
    }
    ADD(out, "data: [DONE]\n\n");
}

void openai_completions_event(struct encoding *e, const struct event *event, struct buf *out)
{
    struct stream *s = e->state;

    if (event->kind == EVENT_BEGIN || !s)
        s = stream_begin(e);
    if (!s || event->choice >= VERBS_PROMPTS_MAX) {
        out->failed = true;
        return;
    }
    if (event->kind == EVENT_END)
        put_end(e, s, out);
    if (event->kind != EVENT_TEXT && event->kind != EVENT_LOGPROBS && event->kind != EVENT_FINISH)
        return;
    choice_open(e, s, event->choice, out);
    if (event->kind == EVENT_LOGPROBS)
        keep_logprobs(e, s, event, out);
    else if (event->kind == EVENT_TEXT)
        put_chunk(e, s, event->choice, event->text, (struct slice){0}, out);
    else
        put_chunk(e, s, event->choice, SLICE(""), finish_word(event->finish, event->text), out);
}

/* ---- a whole answer ---- */

static void put_logprobs(struct encoding *e, struct buf *out, const struct answer_choice *c)
{
    CLEANUP(buf_done) struct buf items = {0};
    uint64_t offset = 0;
    yyjson_val *list;

    json_key(out, "logprobs");
    if (c->logprobs.len == 0) {
        ADD(out, "null");
        return;
    }
    ADD(&items, "[");
    buf_add_str(&items, buf_slice(&c->logprobs));
    ADD(&items, "]");
    list = items.failed ? NULL : verbs_data(buf_slice(&items), e->arena);
    if (list)
        openai_completions_logprobs(out, list, e->turn->top_logprobs, &offset);
    else
        out->failed = true;
}

static void put_choice(struct encoding *e, struct buf *out, size_t index)
{
    static const struct answer_choice silent;
    const struct answer_choice *c =
        index < e->answer->n_choices ? &e->answer->choices[index] : &silent;
    CLEANUP(buf_done) struct buf joined = {0};
    CLEANUP(buf_done) struct buf text = {0};

    if (echoes(e->turn))
        buf_add_str(&text, prompt_of(e->turn, index));
    buf_add_str(&text, answer_text(c, PART_TEXT, &joined));
    json_sep(out);
    ADD(out, "{");
    json_put_str(out, "text", text.len ? buf_slice(&text) : SLICE(""));
    json_put_int(out, "index", (int64_t)index);
    put_logprobs(e, out, c);
    json_put_str(out, "finish_reason", finish_word(c->finish, buf_slice(&c->finish_word)));
    ADD(out, "}");
    out->failed |= text.failed || joined.failed;
}

void openai_completions_whole(struct encoding *e, struct buf *out)
{
    size_t n = turn_choices(e->turn);

    put_head(e, out);
    for (size_t i = 0; i < n; i++)
        put_choice(e, out, i);
    ADD(out, "]");
    if (e->answer->usage.known) {
        json_key(out, "usage");
        openai_usage(out, &e->answer->usage, e->bill_json);
    }
    ADD(out, "}");
}

const struct api api_openai_completions = {
    .name = "openai-completions",
    .stream_type = "text/event-stream",
    .decode = openai_completions_decode,
    .event = openai_completions_event,
    .whole = openai_completions_whole,
    .error = openai_error,
    .stream_error = openai_stream_error,
};
