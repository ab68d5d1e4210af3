#include "api/verbs.h"
#include "base/tap.h"

#include <float.h>
#include <math.h>

static struct arena arena = {.max_bytes = 1 << 20};

static yyjson_val *json(const char *text)
{
    yyjson_val *root = NULL;

    CHECK_EQ(json_parse(&root, slice_of(text), &arena, NULL), NIGH_OK);
    return root;
}

static void floats_text(const float *floats, size_t n, struct buf *out)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < n; i++) {
        json_sep(out);
        json_add_num(out, (double)floats[i]);
    }
    buf_add_char(out, ']');
}

TEST(floats_survive_base64_bit_by_bit)
{
    const float all[] = {0,       -0.0F,    1,          -1,         FLT_MIN,
                         FLT_MAX, -FLT_MAX, 0x1p-149F,  -0x1p-149F, 0x1.fffffcp-127F,
                         0.1F,    1.0F / 3, 16777217.0F};

    /* every length, so that every number of '=' is met */
    for (size_t n = 1; n <= ARRAY_LEN(all); n++) {
        CLEANUP(buf_done) struct buf text = {0}, base64 = {0}, back = {0};
        floats_text(all, n, &text);
        verbs_base64(json(text.data), &base64);
        CHECK_EQ(base64.len, 2 + (4 * n + 2) / 3 * 4);
        CHECK(verbs_base64_read((struct slice){base64.data + 1, base64.len - 2}, &back));
        yyjson_val *list = json(back.data);
        CHECK_EQ(yyjson_arr_size(list), n);
        for (size_t i = 0; i < n; i++) {
            float x = verbs_float(yyjson_arr_get(list, i));
            uint32_t bits[2]; /* to the bit: -0 is not 0 */
            memcpy(&bits[0], &x, sizeof x);
            memcpy(&bits[1], &all[i], sizeof x);
            CHECK_EQ(bits[0], bits[1]);
        }
    }
    arena_done(&arena);
}

TEST(base64_is_what_numpy_makes)
{
    /* base64.b64encode(numpy.array([...], '<f4')) */
    static const struct {
        const char *json, *base64;
    } rows[] = {
        {"[1]", "\"AACAPw==\""},
        {"[-0, -0.0, 0]", "\"AAAAgAAAAIAAAAAA\""},
        {"[0.1, -2.5]", "\"zczMPQAAIMA=\""},
        {"[1e-45]", "\"AQAAAA==\""},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf out = {0};
        verbs_base64(json(rows[i].json), &out);
        CHECK_STR(out.data, rows[i].base64);
    }
    arena_done(&arena);
}

TEST(base64_that_is_none_is_refused)
{
    static const char *const texts[] = {
        "AACAPw=",      /* one '=' too few */
        "AACAPw===",    /* too many */
        "AACAPx==",     /* bits left over */
        "AACA",         /* three bytes */
        "AACA-w==",     /* another alphabet */
        "AACAPw==AACA", /* goes on */
        "=",
        "====",
        "A",
        "AACAPw=A",
        "AADAfw==", /* NaN */
        "AACAfw==", /* infinity */
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP(buf_done) struct buf out = {0};
        CHECK(!verbs_base64_read(slice_of(texts[i]), &out));
    }
    CLEANUP(buf_done) struct buf out = {0};
    CHECK(verbs_base64_read(SLICE("AACAPw"), &out)); /* some leave the filling away */
    CHECK_STR(out.data, "[1]");
}

TEST(only_what_was_promised_passes)
{
    static const struct {
        enum verb verb;
        size_t inputs;
        uint64_t dimensions, top_n;
        const char *data;
        enum nigh_status want;
    } rows[] = {
        {VERB_EMBED, 2, 0, 0, "{\"embeddings\":[[1,2],[3,-0.5]]}", NIGH_OK},
        {VERB_EMBED, 2, 2, 0, "{\"embeddings\":[[1,2],[3,-0.5]]}", NIGH_OK},
        {VERB_EMBED, 2, 3, 0, "{\"embeddings\":[[1,2],[3,-0.5]]}", NIGH_UNSUPPORTED},
        {VERB_EMBED, 2, 0, 0, "{\"embeddings\":[[1,2]]}", NIGH_UPSTREAM},
        {VERB_EMBED, 2, 0, 0, "{\"embeddings\":[[1,2],[3]]}", NIGH_UPSTREAM},
        {VERB_EMBED, 1, 0, 0, "{\"embeddings\":[[]]}", NIGH_UPSTREAM},
        {VERB_EMBED, 1, 0, 0, "{\"embeddings\":[[null]]}", NIGH_UPSTREAM},
        {VERB_EMBED, 1, 0, 0, "{\"embeddings\":[[1e300]]}", NIGH_UPSTREAM},
        {VERB_EMBED, 1, 0, 0, "{\"embeddings\":[[1e400]]}", NIGH_UPSTREAM},
        {VERB_EMBED, 1, 0, 0, "{}", NIGH_UPSTREAM},
        {VERB_RERANK, 3, 0, 0,
         "{\"results\":[{\"index\":1,\"relevance_score\":2},{\"index\":0,\"relevance_score\":1}]}",
         NIGH_OK},
        {VERB_RERANK, 3, 0, 1, "{\"results\":[{\"index\":1,\"relevance_score\":2}]}", NIGH_OK},
        {VERB_RERANK, 3, 0, 2, "{\"results\":[{\"index\":1,\"relevance_score\":2}]}",
         NIGH_UPSTREAM},
        {VERB_RERANK, 3, 0, 0,
         "{\"results\":[{\"index\":1,\"relevance_score\":2},{\"index\":1,\"relevance_score\":1}]}",
         NIGH_UPSTREAM},
        {VERB_RERANK, 3, 0, 0,
         "{\"results\":[{\"index\":1,\"relevance_score\":1},{\"index\":0,\"relevance_score\":2}]}",
         NIGH_UPSTREAM},
        {VERB_RERANK, 2, 0, 0, "{\"results\":[{\"index\":1,\"relevance_score\":1}]}",
         NIGH_UPSTREAM},
        {VERB_RERANK, 2, 0, 0, "{\"results\":[{\"index\":-1,\"relevance_score\":1}]}",
         NIGH_UPSTREAM},
        {VERB_RERANK, 2, 0, 0, "{\"results\":[{\"index\":0}]}", NIGH_UPSTREAM},
        {VERB_TOKENIZE, 1, 0, 0,
         "{\"tokens\":[1,{\"id\":2,\"piece\":\"a\"},{\"id\":3,\"piece\":[255]}]}", NIGH_OK},
        {VERB_TOKENIZE, 1, 0, 0, "{\"tokens\":[]}", NIGH_OK},
        {VERB_TOKENIZE, 1, 0, 0, "{\"tokens\":[-1]}", NIGH_UPSTREAM},
        {VERB_TOKENIZE, 1, 0, 0, "{\"tokens\":[{\"id\":3,\"piece\":[256]}]}", NIGH_UPSTREAM},
        {VERB_DETOKENIZE, 1, 0, 0, "{\"content\":\"\"}", NIGH_OK},
        {VERB_DETOKENIZE, 1, 0, 0, "{\"content\":null}", NIGH_UPSTREAM},
        {VERB_COUNT, 1, 0, 0, "{\"input_tokens\":0}", NIGH_OK},
        {VERB_COUNT, 1, 0, 0, "{\"input_tokens\":-1}", NIGH_UPSTREAM},
        {VERB_CHAT, 1, 0, 0, "{\"input_tokens\":1}", NIGH_UPSTREAM},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct turn turn;
        struct nigh_err err = {0};
        turn_init(&turn);
        turn.verb = rows[i].verb;
        turn.n_messages = rows[i].inputs;
        turn.dimensions = rows[i].dimensions;
        turn.top_n = rows[i].top_n;
        if (verbs_check(&turn, json(rows[i].data), &err) != rows[i].want)
            TAP_FAIL("row %zu: %s", i, err.what);
    }
    arena_done(&arena);
}
