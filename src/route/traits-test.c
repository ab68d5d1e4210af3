#include "base/tap.h"
#include "route/traits.h"
#include <math.h>

TEST(difficulty_is_bounded_and_named)
{
    static const struct {
        const char *text;
        double low, high;
        const char *words;
    } rows[] = {
        {"", 0.05, 0.2, ""},
        {"hi", 0.05, 0.12, ""},
        {"What is the capital of France?", 0.05, 0.2, ""},
        {"Write a python function", 0.25, 0.5, "code"},
        {"Prove the theorem of Pythagoras by induction, step by step", 0.5, 0.85,
         "proof, reasoning"},
        {"```\nint main(void) { }\n```", 0.2, 0.5, "code"},
        {"Compute the integral", 0.2, 0.5, "maths"},
        {"PROVE IT", 0.4, 0.85, "proof"},
        {"improve approves proofing", 0.05, 0.2, ""}, /* whole words only */
    };
    struct traits t = {0};
    char words[TRAITS_WORDS_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        t.difficulty = traits_difficulty(slice_of(rows[i].text), NAN, &t.features);
        traits_words(words, &t);
        if (t.difficulty < rows[i].low || t.difficulty > rows[i].high)
            printf("# \"%s\": %.3f (%s)\n", rows[i].text, t.difficulty, words);
        CHECK(t.difficulty >= rows[i].low && t.difficulty <= rows[i].high);
        CHECK_STR(words, rows[i].words);
    }
}

static void put(char *at, const char *words) /* no NUL after it */
{
    while (*words)
        *at++ = *words++;
}

TEST(length_makes_harder_and_only_the_ends_are_read)
{
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    uint32_t seen;
    double last = 0;

    memset(text, ' ', SIZE);
    for (size_t n = 1000; n < SIZE; n *= 4) {
        double d = traits_difficulty((struct slice){text, n}, NAN, &seen);
        CHECK(d >= last);
        last = d;
    }
    CHECK(last <= 0.85);
    put(text + SIZE / 2, " prove "); /* unseen in the middle */
    CHECK(traits_difficulty((struct slice){text, SIZE}, NAN, &seen) == last);
    put(text + SIZE - 100, " prove ");
    CHECK(traits_difficulty((struct slice){text, SIZE}, NAN, &seen) > last);
    for (size_t i = 0; i < SIZE; i++) /* any bytes */
        text[i] = (char)(i * 2654435761u >> 13);
    last = traits_difficulty((struct slice){text, SIZE}, NAN, &seen);
    CHECK(last >= 0.05 && last <= 0.85);
    free(text);
}

TEST(traits_count_what_a_turn_brings)
{
    struct part parts[2] = {{.kind = PART_TEXT, .text = SLICE("12345678")},
                            {.kind = PART_IMAGE, .url = SLICE("https://x/y.png")}};
    struct message m = {.role = ROLE_USER, .parts = parts, .n_parts = 2};
    struct turn turn;
    struct traits t;

    turn_init(&turn);
    turn.messages = &m;
    turn.n_messages = 1;
    traits_read(&t, &turn);
    CHECK_EQ(t.tokens_in, 6 + 4 + TRAITS_IMAGE_TOKENS); /* the address is text, its picture not */
    CHECK_EQ(t.tokens_out, 300);
    CHECK(t.needs & CAN_IMAGES);
    char *url = calloc(1, 1 << 20);
    memset(url, 'A', (1 << 20) - 1);
    put(url, "data:image/svg+xml;base64,");
    parts[1].url = slice_of(url);
    traits_read(&t, &turn);
    free(url);
    CHECK_EQ(t.tokens_in, 2 + 4 + TRAITS_IMAGE_TOKENS);
    CHECK(t.body_bytes > 1 << 20);
    parts[1].url = SLICE("");
    turn.max_tokens = 50;
    traits_read(&t, &turn);
    CHECK_EQ(t.tokens_out, 50);
}
