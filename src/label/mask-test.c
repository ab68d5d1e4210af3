#include "base/clock.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/rand.h"
#include "base/tap.h"
#include "label/mask.h"

static struct arena arena;
static const unsigned char key_a[MASK_KEY_BYTES] = {1}, key_b[MASK_KEY_BYTES] = {2};

static struct mask *mask_for(const unsigned char *key)
{
    struct mask *m;

    CHECK_EQ(mask_new(&m, key, &arena, NULL), NIGH_OK);
    return m;
}

static struct mask *fresh(void)
{
    arena_done(&arena);
    arena_init(&arena, 256 << 20);
    return mask_for(key_a);
}

/* The first place where it stands in text. */
static void add_from(struct mask *m, struct slice text, struct slice value)
{
    const char *at = memmem(text.p, text.len, value.p, value.len);

    CHECK(at != NULL);
    size_t start = (size_t)(at - text.p);
    CHECK_EQ(mask_add(m, "THING", text, start, start + value.len, NULL), NIGH_OK);
}

static void add(struct mask *m, const char *type, const char *value)
{
    CHECK_EQ(mask_add(m, type, slice_of(value), 0, strlen(value), NULL), NIGH_OK);
}

static struct slice masked(struct mask *m, struct slice text, bool json)
{
    struct buf out = {0};

    CHECK_EQ(mask_text(m, text, json, &out, NULL), NIGH_OK);
    struct slice kept = out.len ? arena_dup(&arena, buf_slice(&out)) : SLICE("");
    buf_done(&out);
    return kept;
}

/* step: bytes a piece; 0: of random length. */
static struct slice restored(struct mask *m, struct slice text, bool json, size_t step)
{
    struct buf out = {0};
    struct restore r;
    size_t at = 0;

    restore_init(&r, m, json);
    while (at < text.len) {
        size_t n = step ? step : 1 + rand_u64() % 9, before = out.len, left = text.len - at;
        n = n < left ? n : left;
        CHECK_EQ(restore_text(&r, (struct slice){text.p + at, n}, &out, NULL), NIGH_OK);
        CHECK(r.n_held < MASK_HOLD_MAX);
        CHECK(out.len >= before);
        at += n;
    }
    CHECK_EQ(restore_end(&r, &out, NULL), NIGH_OK);
    struct slice kept = out.len ? arena_dup(&arena, buf_slice(&out)) : SLICE("");
    buf_done(&out);
    return kept;
}

static void check_same(struct slice got, struct slice want)
{
    if (!slice_eq(got, want))
        TAP_FAIL("got `%.*s`, want `%.*s`", (int)got.len, got.p, (int)want.len, want.p);
}

static bool has(struct slice text, struct slice what)
{
    return text.p && text.len > 0 && memmem(text.p, text.len, what.p, what.len) != NULL;
}

/* ---- random texts ---- */

static const char *const values[] = {
    "jane@example.com",
    "example.com",
    "Jane",
    "Jane Doe",
    "Doe",
    "O\"Brien & Sons",
    "C:\\Users\\jane",
    "12 High St\nLondon",
    "M\xc3\xbcller",
    "\xe7\x94\xb0\xe4\xb8\xad",
    "4111 1111 1111 1111",
    "[ref]",
    "a\\b",
    "a\tb",
    "+49 30 123456",
    "30 123456",
    "{k}",
    "x]y",
};
static const char *const fillers[] = {
    " ",
    ", ",
    "",
    ".",
    "\n",
    "\"",
    "\\",
    "[",
    "]",
    "[THING_",
    "[THING_abcdefghijkl]",
    "call ",
    "\\n",
    "\xe3\x81\x95\xe3\x82\x93",
    "{",
    "}",
    "_",
    "the house ",
};

/* From a few values only, so that they meet. */
static struct slice random_text(size_t pieces)
{
    CLEANUP(buf_done) struct buf b = {0};
    size_t base = rand_u64() % ARRAY_LEN(values);

    for (size_t i = 0; i < pieces; i++) {
        if (rand_u64() % 2)
            buf_add_cstr(&b, values[(base + rand_u64() % 6) % ARRAY_LEN(values)]);
        buf_add_cstr(&b, fillers[rand_u64() % ARRAY_LEN(fillers)]);
    }
    return b.len ? arena_dup(&arena, buf_slice(&b)) : SLICE("");
}

/* Some of the values that stand in it are private. */
static void add_random(struct mask *m, struct slice text)
{
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        if (has(text, slice_of(values[i])) && rand_u64() % 3)
            add_from(m, text, slice_of(values[i]));
}

static bool is_document(struct slice text)
{
    yyjson_val *root;

    return json_parse(&root, text, &arena, NULL) == NIGH_OK && yyjson_is_ctn(root);
}

TEST(mask_of_a_text_restores_at_every_cut)
{
    rand_seed(1);
    for (int round = 0; round < 4000; round++) {
        struct mask *m = fresh();
        struct slice text = random_text(1 + rand_u64() % 12);
        add_random(m, text);
        struct slice hidden = masked(m, text, false);
        if (is_document(text))
            continue; /* below */
        check_same(restored(m, hidden, false, 0), text);
        for (size_t step = 1; step < 50 && step <= hidden.len; step++)
            check_same(restored(m, hidden, false, step), text);
    }
    rand_real();
}

/* Written as nigh writes JSON. */
static struct slice random_document(void)
{
    CLEANUP(buf_done) struct buf b = {0};

    buf_add_char(&b, '{');
    for (size_t i = 0, n = 1 + rand_u64() % 4; i < n; i++) {
        bool list = rand_u64() % 3 == 0;
        json_sep(&b);
        buf_add_json(&b, random_text(rand_u64() % 4));
        buf_add_cstr(&b, rand_u64() % 2 ? ":" : " : ");
        buf_add_cstr(&b, list ? "[4711,true,-4711.5,{\"n\":4711, \"k\":" : "");
        buf_add_json(&b, random_text(1 + rand_u64() % 6));
        buf_add_cstr(&b, list ? "}]" : "");
    }
    buf_add_char(&b, '}');
    return arena_dup(&arena, buf_slice(&b));
}

/* The texts of a document one after another, with keys. */
static void gather(yyjson_val *v, struct buf *out)
{
    size_t i, max;
    yyjson_val *key, *val;

    if (yyjson_is_str(v))
        buf_add_str(out, json_str(v));
    buf_add_char(out, '\n');
    yyjson_arr_foreach(v, i, max, val) gather(val, out);
    yyjson_obj_foreach(v, i, max, key, val)
    {
        gather(key, out);
        gather(val, out);
    }
}

static struct slice texts_of(struct slice document)
{
    CLEANUP(buf_done) struct buf out = {0};
    yyjson_val *root;

    CHECK_EQ(json_parse(&root, document, &arena, NULL), NIGH_OK);
    gather(root, &out);
    return arena_dup(&arena, buf_slice(&out));
}

/* Arguments come back byte by byte; so does a text that is a document. */
TEST(mask_of_a_document_restores_at_every_cut)
{
    rand_seed(2);
    for (int round = 0; round < 4000; round++) {
        struct mask *m = fresh();
        struct slice text = random_document();
        add_random(m, texts_of(text));
        if (rand_u64() % 2)
            add(m, "NUMBER", "4711");
        for (int json = 0; json <= 1; json++) {
            struct slice hidden = masked(m, text, json);
            CHECK(is_document(hidden));
            check_same(restored(m, hidden, json, 0), text);
            for (size_t step = 1; step < 50 && step <= hidden.len; step++)
                check_same(restored(m, hidden, json, step), text);
        }
    }
    rand_real();
}

/* Invariant 1, by the plainest search there is: the words are made so that none is part of a
 * placeholder. */
TEST(mask_leaves_no_value_in_a_body)
{
    rand_seed(3);
    for (int round = 0; round < 2000; round++) {
        CLEANUP(buf_done) struct buf body = {0};
        struct mask *m = fresh();
        struct slice text = random_text(1 + rand_u64() % 8), document = random_document(), out;
        buf_add_cstr(&body, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":");
        buf_add_json(&body, text);
        buf_add_cstr(&body,
                     "},{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\","
                     "\"arguments\":");
        buf_add_json(&body, document);
        buf_add_cstr(&body, "}}]},{\"role\":\"tool\",\"content\":[{\"type\":\"text\",\"text\":");
        buf_add_json(&body, document);
        buf_add_cstr(&body, "}]}],\"metadata\":");
        buf_add_str(&body, document);
        buf_add_cstr(&body, "}");
        const char *at[] = {"jane@example.com", "4111 1111 1111 1111", "12 High St\nLondon"};
        struct slice all = arena_dup(&arena, text), of = texts_of(document);
        for (size_t i = 0; i < ARRAY_LEN(at); i++) { /* not as a word: wherever it stands */
            char within[64];
            size_t len = (size_t)snprintf(within, sizeof within, "x%sx", at[i]);
            CHECK_EQ(mask_add(m, "THING", (struct slice){within, len}, 1, len - 1, NULL), NIGH_OK);
        }
        CHECK_EQ(mask_body(m, buf_slice(&body), &arena, &out, NULL), NIGH_OK);
        CHECK_EQ(out.p == body.data, mask_replaced(m) == 0);
        struct slice left = texts_of(out);
        for (size_t i = 0; i < ARRAY_LEN(at); i++)
            if (has(all, slice_of(at[i])) || has(of, slice_of(at[i]))) {
                CHECK(!has(out, slice_of(at[i])));
                CHECK(!has(left, slice_of(at[i])));
            }
    }
    rand_real();
}

/* ---- single things ---- */

TEST(mask_gives_the_same_value_the_same_placeholder_within_a_conversation)
{
    struct mask *a = fresh(), *again = mask_for(key_a), *b = mask_for(key_b);
    struct mask *all[] = {a, again, b};
    struct slice out[3];

    for (int i = 0; i < 3; i++) {
        add(all[i], "email address 1", "jane@example.com");
        out[i] = masked(all[i], SLICE("to jane@example.com and jane@example.com"), false);
        CHECK(slice_starts(out[i], SLICE("to [EMAIL_ADDRESS___")));
    }
    size_t one = (out[0].len - sizeof "to  and " + 1) / 2;
    CHECK(memcmp(out[0].p + 3, out[0].p + out[0].len - one, one) == 0);
    check_same(out[0], out[1]);
    CHECK(!slice_eq(out[0], out[2]));
    /* Another conversation's stays as it is; a user's own invention too. */
    check_same(restored(a, out[2], false, 1), out[2]);
    check_same(restored(a, SLICE("[EMAIL_ADDRESS___aaaaaaaaaaaa] [x] ["), false, 1),
               SLICE("[EMAIL_ADDRESS___aaaaaaaaaaaa] [x] ["));
    check_same(restored(again, out[0], false, 3),
               SLICE("to jane@example.com and jane@example.com"));
}

TEST(mask_types_are_told_apart_and_cut)
{
    struct mask *m = fresh();

    add(m, "A_TYPE_WITH_A_NAME_THAT_IS_TOO_LONG", "one");
    struct slice out = masked(m, SLICE("one"), false);
    CHECK_EQ(out.len, MASK_NAME_MAX);
    check_same(restored(m, out, false, 1), SLICE("one"));
}

/* Where the answer breaks off, half a placeholder is no text; a bracket is. */
TEST(mask_ends_inside_a_placeholder)
{
    struct mask *m = fresh();

    add(m, "EMAIL", "jane@example.com");
    struct slice out = masked(m, SLICE("jane@example.com"), false);
    for (size_t len = 0; len <= out.len; len++) {
        CLEANUP(buf_done) struct buf b = {0};
        struct restore r;
        struct nigh_err err = {0};
        restore_init(&r, m, false);
        CHECK_EQ(restore_text(&r, (struct slice){out.p, len}, &b, &err), NIGH_OK);
        bool inside = len > strlen("[EMAIL_") && len < out.len;
        CHECK_EQ(restore_end(&r, &b, &err), inside ? NIGH_UPSTREAM : NIGH_OK);
        if (inside)
            CHECK(!strstr(err.what, "EMAIL") && !strstr(err.what, "jane"));
        else
            check_same(b.len ? buf_slice(&b) : SLICE(""),
                       len == out.len ? SLICE("jane@example.com") : (struct slice){out.p, len});
    }
}

/* What a model repeats of a tool's result in the call of the next is the value, not its spelling.
 */
TEST(mask_puts_back_in_arguments_what_a_document_said)
{
    struct mask *m = fresh();
    struct slice result = SLICE("{\"at\":\"12 High St\\nLondon\",\"who\":\"M\\u00fcller\"}");

    add(m, "ADDRESS", "12 High St\nLondon");
    add(m, "PERSON", "M\xc3\xbcller");
    struct slice out = masked(m, result, false);
    check_same(restored(m, out, false, 1),
               SLICE("{\"at\":\"12 High St\\nLondon\",\"who\":\"M\xc3\xbcller\"}"));
    check_same(restored(m, out, true, 1),
               SLICE("{\"at\":\"12 High St\\nLondon\",\"who\":\"M\xc3\xbcller\"}"));
}

/* A number is a number again in its quotes, and without them its digits; what is text stays text.
 */
TEST(mask_puts_back_numbers)
{
    static const struct {
        const char *text;
        bool json;
    } rows[] = {
        {"{\"a\":4711,\"b\":\"4711\",\"c\":\"x 4711\"}", true},
        {"{\"a\":4711,\"b\":\"4711\",\"c\":\"x 4711\"}", false},
        {"{\"a\":\"{\\\"b\\\":4711}\"}", true},
        {"{\"a\":\"{\\\"b\\\":[4711,\\\"4711\\\"]}\"}", false},
        {"say \"4711\" and {\"a\":4711}", false},
        {"[4711]", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mask *m = fresh();
        add(m, "NUMBER", "4711");
        struct slice text = slice_of(rows[i].text), hidden = masked(m, text, rows[i].json);
        CHECK(!has(hidden, SLICE("4711")));
        for (size_t step = 1; step < 60; step++)
            check_same(restored(m, hidden, rows[i].json, step), text);
    }
    struct mask *m = fresh();
    add(m, "NUMBER", "4711");
    struct slice hidden = masked(m, SLICE("[4711]"), false);
    struct slice inner = {hidden.p + 2, hidden.len - 4}, half = {hidden.p + 1, hidden.len - 3};
    check_same(restored(m, inner, false, 1), SLICE("4711"));
    check_same(restored(m, half, false, 1), SLICE("\"4711"));
}

TEST(mask_looks_into_escapes_numbers_and_documents_in_documents)
{
    struct mask *m = fresh();
    static const struct {
        const char *text;
        bool json;
    } rows[] = {
        {"{\"card\":4111111111111111}", true},
        {"{\"a\":\"{\\\"b\\\":\\\"4111111111111111\\\"}\"}", true},
        {"see {\"a\":\"\\u0034111111111111111\"} there", false},
        {"{\"\\u0034111111111111111\":1}", false},
        {"[4111111111111111, 1]", false},
        {"x=4111111111111111;", false},
    };

    add(m, "CARD", "4111111111111111");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice out = masked(m, slice_of(rows[i].text), rows[i].json);
        CHECK(!has(out, SLICE("111111")));
        CHECK(has(out, SLICE("[CARD_")));
    }
    check_same(masked(m, SLICE("{\"n\":14111111111111111,\"m\":1}"), true),
               SLICE("{\"n\":14111111111111111,\"m\":1}"));
}

TEST(mask_leaves_the_formats_words)
{
    static const char *const bodies[] = {
        "{\"model\":\"user/text\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
        "\"text\":\"hi\"}]}],\"stream\":true,\"max_tokens\":4096}",
        "{\"model\":\"user\",\"max_tokens\":4096,\"tools\":[{\"name\":\"f\",\"input_schema\":{"
        "\"type\":\"object\",\"properties\":{}}}],\"messages\":[{\"role\":\"user\",\"content\":"
        "\"hi\"}]}",
        "{\"model\":\"user\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":"
        "[{\"type\":\"input_text\",\"text\":\"hi\"}]}],\"store\":false}",
        "{\"model\":\"user\",\"input\":[[4096,1]]}",
    };

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct mask *m = fresh();
        struct slice out;
        const char *const words[] = {"user", "text", "messages", "model", "4096", "type", "object"};
        for (size_t j = 0; j < ARRAY_LEN(words); j++)
            add(m, "WORD", words[j]);
        CHECK_EQ(mask_body(m, slice_of(bodies[i]), &arena, &out, NULL), NIGH_OK);
        CHECK(out.p == bodies[i]);
        CHECK_EQ(mask_replaced(m), 0);
    }
}

/* Structure stays, texts go, and where neither is possible nothing is sent. */
TEST(mask_of_a_body)
{
    static const struct {
        const char *body;
        enum nigh_status want;
    } rows[] = {
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"Jane\"}]}", NIGH_OK},
        {"{\"messages\":[{\"role\":\"user\",\"name\":\"Jane\",\"content\":\"a\"}]}", NIGH_OK},
        {"{\"messages\":[{\"role\":\"Jane\",\"content\":\"a\"}]}", NIGH_DENIED},
        {"{\"messages\":[{\"tool_calls\":[{\"id\":\"Jane\"}]}]}", NIGH_DENIED},
        {"{\"messages\":[{\"tool_calls\":[{\"function\":{\"name\":\"ask_Jane\"}}]}]}", NIGH_DENIED},
        {"{\"messages\":[{\"tool_calls\":[{\"function\":{\"arguments\":\"{\\\"Jane\\\":[1,{"
         "\\\"Jane\\\":2}]}\"}}]}]}",
         NIGH_OK},
        {"{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"name\":"
         "\"f\","
         "\"input\":{\"Jane\":{\"type\":\"Jane\"}}}]}]}",
         NIGH_OK},
        {"{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":"
         "\"object\",\"properties\":{\"Jane\":{\"enum\":[\"Jane\"]}},\"required\":[\"Jane\"]}}}]}",
         NIGH_OK},
        {"{\"tools\":[{\"function\":{\"parameters\":{\"pattern\":\"Jane|x\"}}}]}", NIGH_DENIED},
        {"{\"Jane\":1}", NIGH_DENIED},
        {"{\"metadata\":{\"Jane\":\"Jane\"}}", NIGH_OK},
        {"{\"anything\":{\"Jane\":\"Jane\"}}", NIGH_OK},
        {"{\"input\":[{\"type\":\"function_call\",\"name\":\"Jane\"}]}", NIGH_DENIED},
        {"{\"input\":[{\"type\":\"function_call_output\",\"output\":\"Jane\"}]}", NIGH_OK},
        {"{\"prompt\":[\"Jane\",\"b\"]}", NIGH_OK},
        {"{\"messages\":[{\"content\":\"Jane\"}]", NIGH_INVALID},
        {"{\"messages\":[{\"content\":\"Jane\\", NIGH_INVALID},
        {"{\"messages\":[{\"content\":Jane}]}", NIGH_INVALID},
        {"{\"messages\":[{\"content\":\"Jane\"}]} Jane", NIGH_INVALID},
        {"", NIGH_INVALID},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mask *m = fresh();
        struct slice out, body = slice_of(rows[i].body);
        struct nigh_err err = {0};
        add(m, "PERSON", "Jane");
        if (mask_body(m, body, &arena, &out, &err) != rows[i].want)
            TAP_FAIL("%s: %s", rows[i].body, err.what);
        if (rows[i].want != NIGH_OK) {
            CHECK(!strstr(err.what, "Jane"));
            continue;
        }
        CHECK(!has(out, SLICE("Jane")));
        CHECK(is_document(out));
        CHECK(mask_replaced(m) > 0);
        /* Bytes around are those that were there. */
        CHECK_EQ(out.len, body.len + mask_replaced(m) * (strlen("[PERSON_aaaaaaaaaaaa]") - 4));
    }
}

/* What the wire wrote in another way cannot be masked, and so does not leave. */
TEST(mask_refuses_what_it_cannot_find)
{
    struct mask *m = fresh();
    struct slice out;

    add(m, "GPS", "52.5, 13.4");
    CHECK_EQ(mask_body(m, SLICE("{\"messages\":[{\"content\":[{\"input\":[52.5,13.4]}]}]}"), &arena,
                       &out, NULL),
             NIGH_DENIED);
    CHECK_EQ(
        mask_body(m, SLICE("{\"messages\":[{\"content\":\"at 52.5, 13.4\"}]}"), &arena, &out, NULL),
        NIGH_OK);
    /* Found as a part of another it is found. */
    add(m, "GPS", "at 52.5, 13.4");
    CHECK_EQ(
        mask_body(m, SLICE("{\"messages\":[{\"content\":\"at 52.5, 13.4\"}]}"), &arena, &out, NULL),
        NIGH_OK);
}

TEST(mask_survives_every_failed_allocation)
{
    bool hit = true;

    for (int nth = 1; hit; nth++) {
        struct mask *m = fresh();
        struct slice out = {0},
                     body = SLICE("{\"messages\":[{\"content\":\"a\\n \\\"Jane\\\"\"}]}");
        add(m, "PERSON", "Jane");
        fault_arm(FAULT_ALLOC, nth);
        enum nigh_status status = mask_body(m, body, &arena, &out, NULL);
        hit = fault_disarm();
        CHECK(status == NIGH_OK || hit);
        CHECK(status != NIGH_OK || !has(out, SLICE("Jane")));
    }
}

TEST(mask_keys_are_a_conversations)
{
    unsigned char k[4][MASK_KEY_BYTES];
    struct mask_keys *keys, *other;

    CHECK_EQ(mask_keys_new(&keys, NULL), NIGH_OK);
    CHECK_EQ(mask_keys_new(&other, NULL), NIGH_OK);
    mask_key_of(keys, k[0], SLICE("laptop"), SLICE("hello"));
    mask_key_of(keys, k[1], SLICE("laptop"), SLICE("hello"));
    mask_key_of(keys, k[2], SLICE("laptoph"), SLICE("ello"));
    mask_key_of(other, k[3], SLICE("laptop"), SLICE("hello"));
    CHECK(memcmp(k[0], k[1], MASK_KEY_BYTES) == 0);
    CHECK(memcmp(k[0], k[2], MASK_KEY_BYTES) != 0);
    CHECK(memcmp(k[0], k[3], MASK_KEY_BYTES) != 0);
    clock_drive(clock_mono_us(), 0);
    clock_advance_us(MASK_ROTATE_MS * UINT64_C(1000));
    mask_key_of(keys, k[1], SLICE("laptop"), SLICE("hello"));
    CHECK(memcmp(k[0], k[1], MASK_KEY_BYTES) != 0);
    clock_real();
    mask_keys_free(keys);
    mask_keys_free(other);
}

/* Prints what it took; the bound is for a machine that is busy. */
TEST(mask_of_128_kb_is_fast)
{
    struct mask *m = fresh();
    struct buf body = {0};
    struct slice out;
    uint64_t best = UINT64_MAX;
    enum { ROUNDS = 20 };

    buf_add_cstr(&body, "{\"messages\":[{\"role\":\"user\",\"content\":\"");
    for (int i = 0; body.len < 128 << 10; i++)
        buf_printf(&body,
                   "Please write to jane%d@example.com about the meeting, and see that she "
                   "gets it.\\nThen go on with the rest of the work as it was agreed in the "
                   "spring, line by line, until nothing is left of it. ",
                   i % 20);
    buf_add_cstr(&body, "\"}]}");
    for (int i = 0; i < 20; i++) {
        char value[32];
        snprintf(value, sizeof value, "jane%d@example.com", i);
        add(m, "EMAIL_ADDRESS", value);
    }
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t began = clock_mono_us();
        CHECK_EQ(mask_body(m, buf_slice(&body), &arena, &out, NULL), NIGH_OK);
        uint64_t took = clock_mono_us() - began;
        best = took < best ? took : best;
    }
    printf("# %zu bytes, %llu replaced: %llu us\n", body.len, (unsigned long long)mask_replaced(m),
           (unsigned long long)best);
    CHECK(best < 50 * 1000);
    buf_done(&body);
}
