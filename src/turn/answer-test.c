#include "base/tap.h"
#include "turn/answer.h"

static enum nigh_status say(struct answer *a, enum event_kind kind, unsigned choice,
                            const char *text)
{
    return answer_add(a, &(struct event){.kind = kind, .choice = choice, .text = slice_of(text)},
                      NULL);
}

static yyjson_val *parsed(struct arena *a, const char *text)
{
    yyjson_val *v;

    CHECK_EQ(json_parse(&v, slice_of(text), a, NULL), NIGH_OK);
    return v;
}

TEST(pieces_become_a_whole)
{
    struct answer a;

    answer_init(&a);
    CHECK_EQ(say(&a, EVENT_BEGIN, 0, "m"), NIGH_OK);
    CHECK_EQ(say(&a, EVENT_TEXT, 0, "Hel"), NIGH_OK);
    CHECK_EQ(say(&a, EVENT_TEXT, 1, "other"), NIGH_OK);
    CHECK_EQ(say(&a, EVENT_TEXT, 0, "lo"), NIGH_OK);
    CHECK_EQ(say(&a, EVENT_REASONING, 0, "hm"), NIGH_OK);
    CHECK_EQ(say(&a, EVENT_REFUSAL, 1, "no"), NIGH_OK);
    CHECK_EQ(answer_add(&a,
                        &(struct event){
                            .kind = EVENT_FINISH, .finish = FINISH_OTHER, .text = SLICE("pause")},
                        NULL),
             NIGH_OK);
    CHECK(!a.ended);
    CHECK_EQ(say(&a, EVENT_END, 0, NULL), NIGH_OK);
    CHECK_STR(a.model.data, "m");
    CHECK_EQ(a.n_choices, 2);
    CHECK_EQ(a.choices[0].n_parts, 2);
    CHECK_STR(a.choices[0].parts[0].text.data, "Hello");
    CHECK_STR(a.choices[0].parts[1].text.data, "hm");
    CHECK(a.choices[0].finished && a.choices[0].finish == FINISH_OTHER);
    CHECK_STR(a.choices[0].finish_word.data, "pause");
    CHECK_STR(a.choices[1].parts[0].text.data, "other");
    CHECK_STR(a.choices[1].parts[1].text.data, "no");
    CHECK(!a.choices[1].finished);
    CHECK(a.ended);
    answer_reset(&a);
    CHECK_EQ(a.n_choices, 0);
    CHECK(!a.ended && a.bytes == 0);
    answer_done(&a);
}

TEST(calls_are_gathered_by_number)
{
    struct answer a;

    answer_init(&a);
    for (unsigned i = 0; i < 2; i++)
        CHECK_EQ(answer_add(&a,
                            &(struct event){.kind = EVENT_CALL,
                                            .call = i,
                                            .call_id = slice_of(i ? "b" : "a"),
                                            .name = slice_of(i ? "g" : "f")},
                            NULL),
                 NIGH_OK);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(answer_add(&a,
                            &(struct event){.kind = EVENT_ARGUMENTS,
                                            .call = i % 2,
                                            .text = slice_of(i < 2 ? "{" : "}")},
                            NULL),
                 NIGH_OK);
    CHECK_EQ(a.choices[0].n_calls, 2);
    CHECK_STR(a.choices[0].parts[1].id.data, "b");
    CHECK_STR(a.choices[0].parts[1].name.data, "g");
    CHECK_STR(a.choices[0].parts[0].text.data, "{}");
    answer_done(&a);
}

TEST(parts_keep_their_order)
{
    CLEANUP(buf_done) struct buf scratch = {0};
    struct answer a;

    answer_init(&a);
    CHECK_EQ(say(&a, EVENT_REASONING, 0, "one "), NIGH_OK);
    CHECK_EQ(say(&a, EVENT_SIGNATURE, 0, "si"), NIGH_OK);
    CHECK_EQ(say(&a, EVENT_REASONING, 0, "two"), NIGH_OK);
    CHECK_EQ(say(&a, EVENT_REDACTED, 0, "a"), NIGH_OK);
    CHECK_EQ(say(&a, EVENT_REDACTED, 0, "b"), NIGH_OK);
    CHECK_EQ(say(&a, EVENT_TEXT, 0, "three"), NIGH_OK);
    const struct answer_choice *c = &a.choices[0];
    CHECK_EQ(c->n_parts, 5);
    CHECK_STR(c->parts[0].text.data, "one ");
    CHECK_STR(c->parts[0].signature.data, "si");
    CHECK_STR(c->parts[1].text.data, "two");
    CHECK_STR(c->parts[3].text.data, "b");
    CHECK(slice_is(answer_text(c, PART_REASONING, &scratch), "one two"));
    CHECK(answer_text(c, PART_TEXT, &scratch).p == c->parts[4].text.data);
    CHECK(!answer_text(c, PART_REFUSAL, &scratch).p);
    CHECK_EQ(answer_choice_bytes(c), 14);
    answer_done(&a);
}

TEST(logprobs_keep_both_lists_apart)
{
    struct arena mem;
    struct answer a;
    struct event e = {.kind = EVENT_LOGPROBS};

    arena_init(&mem, 1 << 16);
    answer_init(&a);
    e.raw = parsed(&mem, "{\"content\":[{\"token\":\"a\"},{\"token\":\"b\"}],\"refusal\":null}");
    CHECK_EQ(answer_add(&a, &e, NULL), NIGH_OK);
    e.raw = parsed(&mem, "{\"content\":[{\"token\":\"c\"}],\"refusal\":[1]}");
    CHECK_EQ(answer_add(&a, &e, NULL), NIGH_OK);
    CHECK_STR(a.choices[0].logprobs.data, "{\"token\":\"a\"},{\"token\":\"b\"},{\"token\":\"c\"}");
    CHECK_STR(a.choices[0].logprobs_refusal.data, "1");
    answer_done(&a);
    arena_done(&mem);
}

TEST(begin_keeps_what_upstream_says_of_itself)
{
    struct arena mem;
    struct answer a;

    arena_init(&mem, 1 << 16);
    answer_init(&a);
    struct event e = {.kind = EVENT_BEGIN, .text = SLICE("m")};
    e.raw = parsed(&mem, "{\"system_fingerprint\":\"fp\",\"service_tier\":\"flex\"}");
    CHECK_EQ(answer_add(&a, &e, NULL), NIGH_OK);
    CHECK_STR(a.fingerprint.data, "fp");
    CHECK_STR(a.tier.data, "flex");
    answer_done(&a);
    arena_done(&mem);
}

TEST(ceilings_refuse_and_never_cut)
{
    struct answer a;
    char *big = malloc(ANSWER_BYTES_MAX);

    CHECK(big);
    memset(big, 'x', ANSWER_BYTES_MAX);
    answer_init(&a);
    struct event e = {.kind = EVENT_TEXT, .text = {big, ANSWER_BYTES_MAX}};
    CHECK_EQ(answer_add(&a, &e, NULL), NIGH_OK);
    CHECK_EQ(say(&a, EVENT_TEXT, 0, "y"), NIGH_TOOBIG);
    CHECK_EQ(a.choices[0].parts[0].text.len, ANSWER_BYTES_MAX);
    CHECK_EQ(say(&a, EVENT_TEXT, ANSWER_CHOICES_MAX, ""), NIGH_TOOBIG);
    for (unsigned i = 0; i <= ANSWER_CALLS_MAX; i++) {
        e = (struct event){.kind = EVENT_CALL, .call = 7 * i};
        CHECK_EQ(answer_add(&a, &e, NULL), i < ANSWER_CALLS_MAX ? NIGH_OK : NIGH_TOOBIG);
    }
    answer_reset(&a);
    for (unsigned i = 0; i <= ANSWER_PARTS_MAX; i++)
        CHECK_EQ(say(&a, i % 2 ? EVENT_TEXT : EVENT_REASONING, 0, "x"),
                 i < ANSWER_PARTS_MAX ? NIGH_OK : NIGH_TOOBIG);
    answer_done(&a);
    free(big);
}

TEST(finishes_have_openais_words)
{
    CHECK_STR(finish_text(FINISH_STOP), "stop");
    CHECK_STR(finish_text(FINISH_LENGTH), "length");
    CHECK_STR(finish_text(FINISH_CALLS), "tool_calls");
    CHECK_STR(finish_text(FINISH_FILTER), "content_filter");
    CHECK_STR(finish_text(FINISH_OTHER), "other");
}
