#include "api/verbs.h"

#include <float.h>
#include <math.h>

bool verbs_input(struct turn *turn, yyjson_val *val, struct arena *arena)
{
    struct part *part = arena_calloc(arena, 1, sizeof *part);

    if (!part)
        return false;
    part->kind = yyjson_is_str(val) ? PART_TEXT : PART_OTHER;
    part->text = json_str(val);
    part->raw = val;
    turn->messages[turn->n_messages++] =
        (struct message){.role = ROLE_USER, .bare = true, .parts = part, .n_parts = 1, .raw = val};
    return true;
}

yyjson_val *verbs_data(struct slice data, struct arena *arena)
{
    yyjson_val *root;

    return json_parse(&root, data, arena, NULL) == NIGH_OK ? root : NULL;
}

/* ---- is it what was promised ---- */

static enum nigh_status wrong(struct nigh_err *err, const char *what)
{
    return nigh_fail(err, NIGH_UPSTREAM, "upstream's answer broke: %s", what);
}

static bool is_id(yyjson_val *v)
{
    return yyjson_is_uint(v) && yyjson_get_uint(v) <= INT32_MAX;
}

/* Numbers that 32 bits can hold: vectors are such, and are asked for as such. */
static bool all_floats(yyjson_val *list)
{
    size_t i, max;
    yyjson_val *item;

    yyjson_arr_foreach(list, i, max, item)
    {
        if (!yyjson_is_num(item) || fabs(yyjson_get_num(item)) > (double)FLT_MAX)
            return false;
    }
    return true;
}

static enum nigh_status check_embed(const struct turn *turn, yyjson_val *data, struct nigh_err *err)
{
    yyjson_val *list = json_get(data, "embeddings"), *one;
    size_t i, max, len = yyjson_arr_size(yyjson_arr_get_first(list));

    if (yyjson_arr_size(list) != turn->n_messages)
        return wrong(err, "not one embedding for each input");
    yyjson_arr_foreach(list, i, max, one)
    {
        if (len == 0 || len > VERBS_DIMENSIONS_MAX || yyjson_arr_size(one) != len)
            return wrong(err, "embeddings without numbers, or of several lengths");
        if (!all_floats(one))
            return wrong(err, "an embedding that holds something else than numbers");
    }
    if (turn->dimensions && turn->dimensions != len)
        return nigh_fail(err, NIGH_UNSUPPORTED,
                         "dimensions: this model's embeddings have %zu numbers, not the %llu asked "
                         "for; leave dimensions out or ask another model",
                         len, (unsigned long long)turn->dimensions);
    return NIGH_OK;
}

static enum nigh_status check_rerank(const struct turn *turn, yyjson_val *data,
                                     struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf seen = {0};
    yyjson_val *list = json_get(data, "results"), *one;
    size_t i, max, documents = turn->n_messages - 1;
    double last = INFINITY;

    if (!yyjson_is_arr(list) || yyjson_arr_size(list) > documents ||
        (yyjson_arr_size(list) < documents && yyjson_arr_size(list) < turn->top_n))
        return wrong(err, "not a rank for each document");
    for (i = 0; i < documents; i++)
        buf_add_char(&seen, 0);
    yyjson_arr_foreach(list, i, max, one)
    {
        int64_t index = json_get_int(one, "index", -1);
        double score = json_get_num(one, "relevance_score", NAN);
        if (seen.failed || index < 0 || (size_t)index >= documents || seen.data[index]++)
            return wrong(err, "a rank of no document, or two of one");
        if (isnan(score) || score > last)
            return wrong(err, "a rank without a score, or out of order");
        last = score;
    }
    return NIGH_OK;
}

static bool is_bytes(yyjson_val *v)
{
    size_t i, max;
    yyjson_val *one;

    if (!yyjson_is_arr(v))
        return false;
    yyjson_arr_foreach(v, i, max, one)
    {
        if (!yyjson_is_uint(one) || yyjson_get_uint(one) > 255)
            return false;
    }
    return true;
}

static enum nigh_status check_tokenize(const struct turn *turn, yyjson_val *data,
                                       struct nigh_err *err)
{
    yyjson_val *list = json_get(data, "tokens"), *one, *piece;
    size_t i, max;

    (void)turn;
    if (!yyjson_is_arr(list))
        return wrong(err, "no list of tokens");
    yyjson_arr_foreach(list, i, max, one)
    {
        piece = json_get(one, "piece");
        if (!is_id(one) &&
            !(is_id(json_get(one, "id")) && (yyjson_is_str(piece) || is_bytes(piece))))
            return wrong(err, "a token that is none");
    }
    return NIGH_OK;
}

static enum nigh_status check_detokenize(const struct turn *turn, yyjson_val *data,
                                         struct nigh_err *err)
{
    (void)turn;
    return yyjson_is_str(json_get(data, "content")) ? NIGH_OK : wrong(err, "no text");
}

static enum nigh_status check_count(const struct turn *turn, yyjson_val *data, struct nigh_err *err)
{
    (void)turn;
    return json_get_int(data, "input_tokens", -1) >= 0 ? NIGH_OK : wrong(err, "no count");
}

enum nigh_status verbs_check(const struct turn *turn, yyjson_val *data, struct nigh_err *err)
{
    static enum nigh_status (*const checks[VERB_COUNT_OF])(const struct turn *, yyjson_val *,
                                                           struct nigh_err *) = {
        [VERB_EMBED] = check_embed,       [VERB_RERANK] = check_rerank,
        [VERB_TOKENIZE] = check_tokenize, [VERB_DETOKENIZE] = check_detokenize,
        [VERB_COUNT] = check_count,
    };

    return checks[turn->verb] ? checks[turn->verb](turn, data, err)
                              : wrong(err, "data where words were asked for");
}

/* ---- floats ---- */

float verbs_float(yyjson_val *number)
{
    /* yyjson reads "-0", and nothing else, as a signed integer of value 0. */
    if (yyjson_is_sint(number) && yyjson_get_sint(number) == 0)
        return -0.0F;
    return (float)yyjson_get_num(number);
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Three bytes become four letters; fewer at the end, filled up with '='. */
static void add_letters(struct buf *out, const unsigned char bytes[static 3], size_t n)
{
    uint32_t bits = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
    char letters[4];

    for (size_t i = 0; i < 4; i++)
        letters[i] = i <= n ? alphabet[bits >> (18 - 6 * i) & 63] : '=';
    buf_add(out, letters, sizeof letters);
}

void verbs_base64(yyjson_val *numbers, struct buf *out)
{
    unsigned char group[3] = {0};
    size_t i, max, held = 0;
    yyjson_val *one;

    buf_add_char(out, '"');
    yyjson_arr_foreach(numbers, i, max, one)
    {
        float x = verbs_float(one);
        uint32_t bits;
        memcpy(&bits, &x, sizeof bits);
        for (size_t k = 0; k < sizeof bits; k++) {
            group[held++] = (unsigned char)(bits >> 8 * k);
            if (held == sizeof group) {
                add_letters(out, group, held);
                memset(group, 0, sizeof group);
                held = 0;
            }
        }
    }
    if (held > 0)
        add_letters(out, group, held);
    buf_add_char(out, '"');
}

static int letter_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void add_float(struct buf *out, uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    json_sep(out);
    out->failed |= !isfinite(x);
    json_add_num(out, (double)x);
}

bool verbs_base64_read(struct slice text, struct buf *out)
{
    uint32_t bits = 0, word = 0;
    size_t n_bits = 0, n_bytes = 0, at = 0;

    buf_add_char(out, '[');
    for (; at < text.len && text.p[at] != '='; at++) {
        int value = letter_value(text.p[at]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        n_bits += 6;
        if (n_bits < 8)
            continue;
        n_bits -= 8;
        word |= (bits >> n_bits & 255) << 8 * (n_bytes % 4);
        if (++n_bytes % 4 == 0) {
            add_float(out, word);
            word = 0;
        }
    }
    buf_add_char(out, ']');
    size_t filled = text.len - at; /* how many '=' */
    bool ends = filled == 0 || (filled <= 2 && text.len % 4 == 0 && text.p[text.len - 1] == '=');
    return ends && n_bytes % 4 == 0 && (bits & ((1U << n_bits) - 1)) == 0 && n_bits < 6 &&
           !out->failed;
}
