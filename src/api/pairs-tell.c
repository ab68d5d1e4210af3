/* Turns and answers as text: one line an item, everything in it, so that two of them can be
 * compared byte by byte and a difference can be read. */
#include "api/pairs.h"
#include <math.h>
#include <stdlib.h>

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

static void tell_str(struct buf *b, const char *name, struct slice s)
{
    if (!s.p)
        return;
    buf_printf(b, " %s=", name);
    buf_add_json(b, s);
}

static void tell_json(struct buf *b, const char *name, yyjson_val *val)
{
    if (!val)
        return;
    buf_printf(b, " %s=", name);
    json_add_val(b, val);
}

/* What an adapter reads and keeps beside, for a place of the same format, is told where it is read.
 */
static bool is_kept(struct slice key)
{
    static const char *const keys[] = {"thinking", "output_config", "output_format", "include",
                                       "annotations"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (slice_is(key, keys[i]))
            return true;
    return false;
}

static void tell_extras(struct buf *b, const char *name, const struct extra *e)
{
    for (; e; e = e->next) {
        if (is_kept(e->key))
            continue;
        buf_printf(b, " %s.", name);
        buf_add_str(b, e->key);
        tell_json(b, "", e->val);
    }
}

/* Where arguments go through a JSON object, their value is what must arrive, not their bytes. */
static void tell_arguments(struct buf *b, struct slice text, bool bytes)
{
    CLEANUP(arena_done) struct arena a;
    yyjson_val *val;

    arena_init(&a, 1 << 20);
    if (text.len == 0)
        text = SLICE("{}"); /* none, however that is written */
    if (!bytes && json_parse(&val, text, &a, NULL) == NIGH_OK)
        tell_json(b, "arguments", val);
    else
        tell_str(b, "arguments", text);
}

static const char *const kinds[] = {
    [PART_TEXT] = "text",         [PART_IMAGE] = "image",     [PART_AUDIO] = "audio",
    [PART_FILE] = "file",         [PART_REFUSAL] = "refusal", [PART_REASONING] = "thought",
    [PART_REDACTED] = "redacted", [PART_CALL] = "call",       [PART_OTHER] = "other",
};

static void tell_part(struct buf *b, const struct message *m, const struct part *p, uint64_t shows)
{
    uint64_t thinking = p->signature.p ? ASK(SIGNED) : ASK(THOUGHT);

    if ((p->kind == PART_REASONING && !(shows & thinking)) ||
        (p->kind == PART_REDACTED && !(shows & ASK(REDACTED))))
        return;
    buf_printf(b, "%s %s%s", role_text(m->role), kinds[p->kind],
               m->failed && shows & ASK(FAILED) ? " failed" : "");
    if (m->role == ROLE_TOOL)
        tell_str(b, "answers", m->call_id);
    if (shows & ASK(SPEAKER))
        tell_str(b, "speaker", m->name);
    if (p->kind == PART_CALL)
        tell_arguments(b, p->text, shows & ASK(ANY_ARGUMENTS));
    else
        tell_str(b, "text", p->text);
    if (p->kind == PART_CALL) {
        tell_str(b, "id", p->call_id);
        tell_str(b, "name", p->name);
    }
    tell_str(b, "url", p->url);
    if (shows & ASK(DETAIL) && !slice_is(p->detail, "auto")) /* as if it were not told */
        tell_str(b, "detail", p->detail);
    tell_str(b, "signature", p->signature);
    if (shows & ASK(EXTRAS)) {
        tell_extras(b, "beside", p->extras);
        tell_extras(b, "inside", p->inner);
    }
    ADD(b, "\n");
}

static void tell_message(struct buf *b, const struct message *m, uint64_t shows)
{
    if (shows & ASK(BOUNDARIES)) {
        buf_printf(b, "message %s", role_text(m->role));
        if (shows & ASK(BARE))
            buf_add_cstr(b, m->bare ? " bare" : "");
        if (shows & ASK(EXTRAS))
            tell_extras(b, "beside", m->extras);
        ADD(b, "\n");
    }
    for (size_t i = 0; i < m->n_parts; i++)
        tell_part(b, m, &m->parts[i], shows);
}

static void tell_tools(struct buf *b, const struct turn *t, uint64_t shows)
{
    static const char *const choices[] = {
        [CHOICE_UNSET] = NULL,          [CHOICE_AUTO] = "auto",   [CHOICE_NONE] = "none",
        [CHOICE_REQUIRED] = "required", [CHOICE_NAMED] = "named",
    };

    for (size_t i = 0; i < t->n_tools; i++) {
        const struct tool *one = &t->tools[i];
        ADD(b, "tool");
        tell_str(b, "name", one->name);
        tell_str(b, "description", one->description);
        tell_json(b, "schema", one->schema);
        if (one->strict >= 0 && shows & ASK(STRICT))
            buf_printf(b, " strict=%d", one->strict);
        if (shows & ASK(EXTRAS)) {
            tell_extras(b, "beside", one->extras);
            tell_extras(b, "inside", one->inner);
        }
        ADD(b, "\n");
    }
    if (choices[t->choice])
        buf_printf(b, "choice %s", choices[t->choice]);
    if (t->choice == CHOICE_NAMED)
        tell_str(b, "name", t->choice_name);
    if (t->parallel_calls == 0 || (t->parallel_calls > 0 && shows & ASK(PARALLEL_YES)))
        buf_printf(b, "\nparallel %d", t->parallel_calls);
    ADD(b, "\n");
}

static void tell_format(struct buf *b, const struct turn *t, uint64_t shows)
{
    if (t->format > FORMAT_TEXT || (t->format == FORMAT_TEXT && shows & ASK(FORMAT_TEXT)))
        buf_printf(b, "format %d", (int)t->format);
    tell_json(b, "schema", json_get(t->schema, "schema"));
    if (shows & ASK(SCHEMA_NAME)) {
        tell_json(b, "name", json_get(t->schema, "name"));
        tell_json(b, "strict", json_get(t->schema, "strict"));
    }
    ADD(b, "\n");
}

static void tell_wish(struct buf *b, const char *name, double wish, bool shown)
{
    if (!isnan(wish) && shown)
        buf_printf(b, "%s %.17g\n", name, wish);
}

static void tell_wishes(struct buf *b, const struct turn *t, uint64_t shows)
{
    tell_wish(b, "temperature", t->temperature, true);
    tell_wish(b, "top_p", t->top_p, true);
    tell_wish(b, "frequency_penalty", t->frequency_penalty, shows & ASK(PENALTIES));
    tell_wish(b, "presence_penalty", t->presence_penalty, shows & ASK(PENALTIES));
    tell_wish(b, "top_k", t->top_k, shows & ASK(TOP_K));
    tell_wish(b, "min_p", t->min_p, shows & ASK(LOCAL_WISHES));
    tell_wish(b, "repeat_penalty", t->repeat_penalty, shows & ASK(LOCAL_WISHES));
    if (t->has_seed && shows & ASK(SEED))
        buf_printf(b, "seed %lld\n", (long long)t->seed);
    for (size_t i = 0; i < t->n_stops; i++) {
        tell_str(b, "stop", t->stops[i]);
        ADD(b, "\n");
    }
    if (t->n > 1)
        buf_printf(b, "n %u\n", t->n);
    if (t->effort != EFFORT_UNSET)
        buf_printf(b, "effort %s\n", effort_text(t->effort));
    if (t->think_tokens)
        buf_printf(b, "think %llu\n", (unsigned long long)t->think_tokens);
    if (t->logprobs)
        buf_printf(b, "logprobs %d", t->top_logprobs);
    if (shows & ASK(BIAS))
        tell_json(b, "bias", t->logit_bias);
    ADD(b, "\n");
}

void tell_turn(struct buf *b, const struct turn *t, uint64_t shows)
{
    for (size_t i = 0; i < t->n_messages; i++)
        tell_message(b, &t->messages[i], shows);
    tell_tools(b, t, shows);
    tell_format(b, t, shows);
    tell_wishes(b, t, shows);
    if (t->max_tokens > 0 || shows & ASK(LIMITLESS))
        buf_printf(b, "limit %llu\n", (unsigned long long)t->max_tokens);
    if (shows & ASK(EXTRAS))
        tell_extras(b, "beside", t->extras);
    if (b->failed)
        abort();
}

/* Where the order is not told, one kind after the other. */
static void tell_parts(struct buf *b, const struct answer_choice *c, int kind, uint64_t shows)
{
    for (size_t i = 0; i < c->n_parts; i++) {
        const struct answer_part *p = &c->parts[i];
        if ((kind >= 0 && p->kind != (enum part_kind)kind) ||
            (p->kind == PART_REDACTED && !(shows & TELL(REDACTED))))
            continue;
        ADD(b, " ");
        buf_add_cstr(b, kinds[p->kind]);
        if (p->kind == PART_CALL) {
            tell_arguments(b, buf_slice(&p->text), shows & TELL(ANY_ARGUMENTS));
            tell_str(b, "id", shows & TELL(CALL_ID) ? buf_slice(&p->id) : (struct slice){0});
            tell_str(b, "name", buf_slice(&p->name));
        } else {
            tell_str(b, "text", p->text.len ? buf_slice(&p->text) : SLICE(""));
            if (p->signature.len && shows & TELL(SIGNATURE))
                tell_str(b, "signature", buf_slice(&p->signature));
        }
        ADD(b, "\n");
    }
}

static void tell_choice(struct buf *b, const struct answer_choice *c, uint64_t shows)
{
    if (shows & TELL(ORDER))
        tell_parts(b, c, -1, shows);
    for (int kind = PART_TEXT; kind <= PART_OTHER && !(shows & TELL(ORDER)); kind++)
        tell_parts(b, c, kind, shows);
    buf_printf(b, " %s %s", c->finished ? "finished" : "unfinished", finish_text(c->finish));
    if (c->finish_word.len && (c->finish == FINISH_OTHER || shows & TELL(STOP_WORD)))
        tell_str(b, "word", buf_slice(&c->finish_word));
    if (c->logprobs.len && shows & TELL(LOGPROBS))
        tell_str(b, "logprobs", buf_slice(&c->logprobs));
    if (c->logprobs_refusal.len && shows & TELL(REFUSAL_LOGPROBS))
        tell_str(b, "refusal", buf_slice(&c->logprobs_refusal));
    ADD(b, "\n");
}

void tell_answer(struct buf *b, const struct answer *answer, uint64_t shows)
{
    const struct usage *u = &answer->usage;

    for (size_t i = 0; i < answer->n_choices; i++) {
        buf_printf(b, "choice %zu\n", i);
        tell_choice(b, &answer->choices[i], shows);
    }
    if (u->known)
        buf_printf(b, "usage in %llu out %llu cached %llu written %llu thinking %llu\n",
                   (unsigned long long)u->input, (unsigned long long)u->output,
                   (unsigned long long)(shows & TELL(CACHED) ? u->cached_read : 0),
                   (unsigned long long)(shows & TELL(CACHE_WRITE) ? u->cache_write : 0),
                   (unsigned long long)(shows & TELL(THOUGHT_TOKENS) ? u->reasoning : 0));
    if (b->failed)
        abort();
}
