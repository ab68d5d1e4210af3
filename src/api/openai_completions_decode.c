/* The body of POST /v1/completions into a turn. */
#include "api/openai.h"
#include "api/openai_completions.h"
#include "api/verbs.h"

struct rough_body {
    struct turn turn;
    yyjson_val *prompt;
    uint64_t best_of;
};

/* As many as come, where -1 is told. */
static DECODE_READER(read_max_tokens)
{
    if (yyjson_is_sint(val) && yyjson_get_sint(val) == -1) {
        *(uint64_t *)to = 0;
        return NIGH_OK;
    }
    return decode_u64(d, at, field, val, to);
}

static DECODE_READER(read_logprobs)
{
    struct turn *turn = to;
    uint64_t n;
    enum nigh_status status = decode_u64(d, at, field, val, &n);

    if (status)
        return status;
    turn->logprobs = true;
    turn->top_logprobs = (int)n;
    return NIGH_OK;
}

#define IN_TURN(member) offsetof(struct rough_body, turn.member)
static const struct field fields[] = {
    {"model", decode_model, IN_TURN(model), 0, 0},
    {"prompt", decode_keep, offsetof(struct rough_body, prompt), 0, 0},
    {"suffix", decode_str, IN_TURN(suffix), 0, 0},
    {"max_tokens", read_max_tokens, IN_TURN(max_tokens), 1, 1e15},
    {"n", openai_n, IN_TURN(n), 1, TURN_CHOICES_MAX},
    {"best_of", decode_u64, offsetof(struct rough_body, best_of), 1, 1e3},
    {"echo", decode_bool, IN_TURN(echo), 0, 0},
    {"logprobs", read_logprobs, 0, 0, 20},
    {"stop", openai_stop, 0, 0, 0},
    {"seed", openai_seed, 0, 0, 0},
#define WISH_FIELD(member, name, low, high) {name, decode_num, IN_TURN(member), low, high},
    TURN_WISHES(WISH_FIELD) TURN_MORE_WISHES(WISH_FIELD)
#undef WISH_FIELD
        {"logit_bias", openai_logit_bias, IN_TURN(logit_bias), 0, 0},
    {"stream", decode_bool, IN_TURN(stream), 0, 0},
    {"stream_options", openai_stream_options, 0, 0, 0},
    {"metadata", decode_metadata, 0, 0, 0},
};
_Static_assert(offsetof(struct rough_body, turn) == 0, "readers are told where the turn is");

static bool all_text(const struct turn *turn)
{
    for (size_t i = 0; i < turn->n_messages; i++)
        if (turn->messages[i].parts[0].kind != PART_TEXT)
            return false;
    return true;
}

static enum nigh_status check_body(struct decode *d, const struct rough_body *rough)
{
    struct spot best_of = {NULL, "best_of", 0}, prompt = {NULL, "prompt", 0};
    struct turn *t = d->turn;

    if (rough->best_of && rough->best_of != t->n)
        return decode_wrong(d, &best_of, "only as many as n: answers are not weighed here");
    if (turn_choices(t) > VERBS_PROMPTS_MAX)
        return decode_wrong(d, &prompt, "prompts times n are more than %d", VERBS_PROMPTS_MAX);
    if (t->echo && !t->logprobs && all_text(t))
        t->echo = false; /* put there by the encoder */
    if (t->suffix.len == 0)
        t->suffix = (struct slice){0};
    t->max_tokens_old = true;
    return NIGH_OK;
}

enum nigh_status openai_completions_decode(struct turn *turn, struct slice body,
                                           struct arena *arena, struct slice *ret_param,
                                           struct nigh_err *err)
{
    struct rough_body rough = {0};
    struct decode d = {&rough.turn, arena, ret_param, err};
    enum nigh_status status;

    turn_init(turn);
    rough.turn = *turn;
    rough.turn.verb = VERB_COMPLETE;
    rough.turn.max_tokens = COMPLETIONS_MAX_TOKENS;
    if ((status = openai_frame(&d, body, fields, ARRAY_LEN(fields), &rough)) ||
        (status = openai_inputs(&d, "prompt", rough.prompt, VERBS_PROMPTS_MAX)) ||
        (status = check_body(&d, &rough)))
        return status;
    rough.turn.format_name = "openai-completions";
    *turn = rough.turn;
    return NIGH_OK;
}
