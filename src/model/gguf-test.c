#include "base/tap.h"
#include "model/gguf.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- a small file of our own making ---- */

static struct buf file;

static void put_number(uint64_t n, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        buf_add_char(&file, (char)(n >> 8 * i));
}

static void put_text(const char *text)
{
    put_number(strlen(text), 8);
    buf_add_cstr(&file, text);
}

static void put_head(unsigned version, uint64_t n_tensors, uint64_t n_keys)
{
    buf_reset(&file);
    buf_add_cstr(&file, "GGUF");
    put_number(version, 4);
    put_number(n_tensors, 8);
    put_number(n_keys, 8);
}

static void put_key(const char *key, unsigned type)
{
    put_text(key);
    put_number(type, 4);
}

static void put_str_key(const char *key, const char *text)
{
    put_key(key, 8);
    put_text(text);
}

static void put_list_key(const char *key, unsigned of, uint64_t n)
{
    put_key(key, 9);
    put_number(of, 4);
    put_number(n, 8);
}

static void put_tensor(const char *name, unsigned type, uint64_t row, uint64_t rows,
                       uint64_t offset)
{
    put_text(name);
    put_number(2, 4);
    put_number(row, 8);
    put_number(rows, 8);
    put_number(type, 4);
    put_number(offset, 8);
}

static void put_data(size_t bytes)
{
    while (file.len % 32)
        buf_add_char(&file, 0);
    for (size_t i = 0; i < bytes; i++)
        buf_add_char(&file, 'w');
}

/* An exact copy, so that a sanitizer sees one byte too many. */
static enum nigh_status check(struct gguf *ret, struct nigh_err *err)
{
    char *copy = malloc(file.len ? file.len : 1);

    memcpy(copy, file.data, file.len);
    enum nigh_status status = gguf_check(ret, (struct slice){copy, file.len}, err);
    free(copy);
    return status;
}

static void passes(void)
{
    struct gguf found;
    struct nigh_err err = {0};

    if (check(&found, &err) != NIGH_OK)
        TAP_FAIL("%s", err.what);
}

static void fails(const char *why)
{
    struct gguf found;
    struct nigh_err err = {0};

    CHECK_EQ(check(&found, &err), NIGH_INVALID);
    if (!strstr(err.what, why))
        TAP_FAIL("\"%s\" does not say \"%s\"", err.what, why);
}

static void put_good(void)
{
    put_head(3, 2, 3);
    put_str_key("general.architecture", "llama");
    put_str_key("tokenizer.chat_template", "{{ x }}");
    put_str_key("tokenizer.chat_template.tool_use", "{{ y }}");
    put_tensor("a", 8, 64, 1, 0); /* Q8_0: two blocks of 34 bytes */
    put_tensor("b", 0, 4, 2, 96); /* F32 */
    put_data(96 + 32);
}

TEST(gguf_takes_a_good_file)
{
    struct gguf found;
    struct nigh_err err = {0};

    put_good();
    CHECK_EQ(gguf_check(&found, buf_slice(&file), &err), NIGH_OK);
    CHECK_EQ(found.version, 3);
    CHECK_EQ(found.n_keys, 3);
    CHECK_EQ(found.n_tensors, 2);
    CHECK_EQ(found.n_templates, 2);
    CHECK(slice_is(found.templates[0].text, "{{ x }}"));
    CHECK(slice_is(found.templates[1].key, "tokenizer.chat_template.tool_use"));
    put_head(2, 0, 0);
    passes();
}

TEST(gguf_refuses_every_cut)
{
    struct gguf found;

    put_good();
    for (size_t len = file.len; len-- > 0;) {
        file.len = len;
        CHECK_EQ(check(&found, NULL), NIGH_INVALID);
    }
}

TEST(gguf_refuses_a_bad_head)
{
    put_head(1, 0, 0);
    fails("a version other than");
    put_head(0x03000000, 0, 0);
    fails("another byte order");
    put_head(3, UINT64_MAX, 0);
    fails("tensors and 0 keys");
    put_head(3, 0, 60000);
    fails("do not fit");
    put_head(3, 0, 0);
    file.data[0] = 'g';
    fails("no GGUF file");
}

TEST(gguf_refuses_bad_keys)
{
    put_head(3, 0, 1);
    put_str_key("", "x");
    fails("no key's name");
    put_head(3, 0, 1);
    put_str_key("a\nb", "x");
    fails("a?b: no key's name");
    put_head(3, 0, 2);
    put_str_key("a", "x");
    put_str_key("a", "y");
    fails("a: named twice");
    put_head(3, 0, 1);
    put_key("a", 13);
    put_number(0, 8);
    fails("a value of type 13");
    put_head(3, 0, 1);
    put_key("a", 7);
    put_number(2, 1);
    fails("neither 0 nor 1");
    put_head(3, 0, 1);
    put_key("a", 8);
    put_number(UINT64_MAX - 7, 8); /* with what stands before, it wraps */
    put_number(0, 8);
    fails("a text of 18446744073709551608 bytes");
    put_head(3, 0, 1);
    put_key("a", 8);
    put_number(9, 8);
    put_number(0, 8);
    fails("in the middle of a text");
}

TEST(gguf_refuses_bad_lists)
{
    put_head(3, 0, 1);
    put_list_key("a", 9, 1); /* a list of lists */
    put_list_key("", 4, 0);
    fails("a list of type 9");
    put_head(3, 0, 1);
    put_list_key("a", 4, UINT64_C(1) << 62); /* times 4 it is 0 */
    fails("a list of 4611686018427387904 items");
    put_head(3, 0, 1);
    put_list_key("a", 4, 3);
    put_number(0, 8);
    fails("in the middle of a list");
    put_head(3, 0, 1);
    put_list_key("a", 8, 2);
    put_text("x");
    fails("in the middle of a number");
    put_head(3, 0, 2);
    put_list_key("tokenizer.ggml.tokens", 8, 2);
    put_text("x");
    put_text("y");
    put_list_key("tokenizer.ggml.scores", 6, 1);
    put_number(0, 4);
    fails("1 items for 2 tokens");
}

TEST(gguf_refuses_what_a_key_may_not_mean)
{
    static const uint64_t alignments[] = {0, 3, 48, 1 << 17};

    for (size_t i = 0; i < ARRAY_LEN(alignments); i++) {
        put_head(3, 0, 1);
        put_key("general.alignment", 4);
        put_number(alignments[i], 4);
        fails("no power of two");
    }
    put_head(3, 0, 1);
    put_key("tokenizer.chat_template", 4);
    put_number(0, 4);
    fails("no text");
    put_head(3, 0, 1);
    put_key("tokenizer.chat_template", 8);
    put_number(GGUF_TEMPLATE_BYTES_MAX + 1, 8);
    for (int i = 0; i <= GGUF_TEMPLATE_BYTES_MAX; i++)
        buf_add_char(&file, 'x');
    fails("chat templates");
}

TEST(gguf_refuses_bad_tensors)
{
    static const struct {
        unsigned type;
        uint64_t row, rows, offset;
        const char *why;
    } rows[] = {
        {99, 32, 1, 0, "type 99 is none"},
        {4, 32, 1, 0, "type 4 is none"}, /* a hole */
        {8, 33, 1, 0, "in blocks of 32"},
        {0, 0, 1, 0, "a dimension of 0"},
        {0, UINT64_C(1) << 62, 4, 0, "a dimension of 4"},
        {0, UINT64_C(1) << 62, 1, 0, "beyond any file"},
        {0, 4, 1, 32, "begin at 32 and not at 0"},
        {0, 4, 1, 1, "begin at 1 and not at 0"},
        {0, 4, 1000, 0, "more than the file has"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        put_head(3, 1, 0);
        put_tensor("t", rows[i].type, rows[i].row, rows[i].rows, rows[i].offset);
        put_data(64);
        fails(rows[i].why);
    }
    put_head(3, 2, 0);
    put_tensor("t", 0, 4, 1, 0);
    put_tensor("t", 0, 4, 1, 32);
    put_data(64);
    fails("t: named twice");
    put_head(3, 2, 0);
    put_tensor("t", 0, 4, 1, 0);
    put_tensor("u", 0, 4, 1, 0); /* the same bytes */
    put_data(64);
    fails("begin at 0 and not at 32");
    put_head(3, 1, 0);
    put_text("t");
    put_number(5, 4);
    put_data(64);
    fails("5 dimensions");
    put_head(3, 1, 0);
    put_tensor("0123456789012345678901234567890123456789012345678901234567890123", 0, 4, 1, 0);
    put_data(64);
    fails("a text of 64 bytes");
}

/* ---- ten thousand wounds ---- */

static uint64_t seed = 20261128;

static uint64_t roll(uint64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (seed >> 33) % below;
}

static void flip(char *p, size_t len)
{
    for (uint64_t n = 1 + roll(8); n > 0; n--)
        p[roll(len)] ^= (char)(1 << roll(8));
}

/* Counts, lengths and offsets are eight bytes; these are where arithmetic goes wrong. */
static void bomb(char *p, size_t len)
{
    static const uint64_t bombs[] = {UINT64_MAX,
                                     UINT64_MAX - 7,
                                     INT64_MAX,
                                     INT64_MAX - 31,
                                     UINT32_MAX,
                                     UINT32_MAX + UINT64_C(1),
                                     1 << 24,
                                     1 << 16,
                                     UINT64_C(1) << 62,
                                     UINT64_C(1) << 40,
                                     0,
                                     1,
                                     9};
    uint64_t n = bombs[roll(ARRAY_LEN(bombs))];
    size_t at = roll(len - 8);

    for (unsigned i = 0; i < 8; i++)
        p[at + i] = (char)(n >> 8 * i);
}

static void retype(char *p, size_t len)
{
    size_t at = roll(len - 4);

    memset(p + at, 0, 4);
    p[at] = (char)roll(48);
}

static void shift(char *p, size_t len)
{
    size_t at = roll(len - 64), n = 1 + roll(32);

    memmove(p + at, p + at + n, len - at - n);
}

static void (*const wounds[])(char *p, size_t len) = {flip, bomb, retype, shift};

static bool passes_wounded(struct slice body)
{
    struct gguf found;
    struct nigh_err err = {0};

    if (gguf_check(&found, body, &err) == NIGH_OK)
        return true;
    CHECK(err.status == NIGH_INVALID && slice_utf8(slice_of(err.what)));
    return false;
}

/* head: where wounds go; what is behind are weights, which nobody looks at.  What is cut is an
 * exact copy, so that a sanitizer sees one byte too many. */
static unsigned wound(const char *whole, size_t len, size_t head, unsigned times)
{
    char *body = malloc(len);
    unsigned passed = 0;

    memcpy(body, whole, len);
    for (unsigned i = 0; i < times; i++) {
        size_t cut = roll(4) ? len : roll(64) ? roll(head) : roll(len);
        memcpy(body, whole, head);
        for (uint64_t n = 1 + roll(2); n > 0; n--)
            wounds[roll(ARRAY_LEN(wounds))](body, head);
        char *exact = cut < len ? malloc(cut ? cut : 1) : NULL;
        if (exact)
            memcpy(exact, body, cut);
        passed += passes_wounded((struct slice){exact ? exact : body, cut});
        free(exact);
    }
    free(body);
    return passed;
}

/* $NIGH_MODEL, or shared/models beside the checkout whose build folder this program is in. */
static FILE *open_model(void)
{
    char exe[4096], path[4200];
    const char *told = getenv("NIGH_MODEL");
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

    if (n <= 0)
        return NULL;
    exe[n] = '\0';
    *strrchr(exe, '/') = '\0';
    snprintf(path, sizeof path, "%s/../../shared/models/stories260K.gguf", exe);
    return fopen(told ? told : path, "rbe");
}

TEST(gguf_survives_ten_thousand_wounds)
{
    enum { HEAD = 16 << 10 }; /* keys and tensors of that file */
    unsigned passed = 0;
    FILE *f = open_model();

    put_good();
    passed += wound(file.data, file.len, file.len, 2000);
    if (!f)
        SKIP("no model: NIGH_MODEL is not set and shared/models is not beside the checkout");
    buf_reset(&file);
    for (int c; (c = getc(f)) != EOF;)
        buf_add_char(&file, (char)c);
    fclose(f);
    passes();
    passed += wound(file.data, file.len, HEAD, 10000);
    printf("# %u of 12,000 are good all the same (a name, a weight, a number that may be)\n",
           passed);
    CHECK(passed > 0 && passed < 8000);
}
