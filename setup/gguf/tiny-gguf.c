/* tiny-gguf: writes a small model of the llama architecture with random weights.
 *
 * usage: tiny-gguf OUT [SEED]
 * It knows nothing: its answers are word salad, and whoever shows them must say so.  What it is for
 * is a machine without any model: llama-server loads it, tokenises any text (each byte is a token,
 * as in sentencepiece's byte fallback), answers, streams and stops.  The same seed gives the same
 * file.  About 0.5 MB. */
#include <ggml.h>
#include <gguf.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EMBED = 64,
    HEADS = 4,
    LAYERS = 2,
    FFN = 128,
    CONTEXT_TOKENS = 4096,
    FIRST_BYTE = 3,           /* after <unk>, <s>, </s> */
    SPACE = FIRST_BYTE + 256, /* U+2581 alone; as three bytes it would not come back as a space */
    FIRST_WORD,
};

/* The pieces that the weights prefer, so that what comes out can be printed. */
static const char *const words[] = {
    "a",      "all",   "and",   "at",   "bird",  "blue",  "boat",  "but",  "came",  "day",
    "far",    "fell",  "fire",  "for",  "from",  "green", "had",   "he",   "here",  "hill",
    "home",   "house", "in",    "it",   "light", "like",  "long",  "made", "moon",  "morning",
    "near",   "night", "no",    "of",   "old",   "on",    "once",  "one",  "over",  "rain",
    "river",  "road",  "sang",  "saw",  "sea",   "she",   "slept", "snow", "so",    "stone",
    "sun",    "that",  "the",   "then", "there", "they",  "to",    "tree", "under", "up",
    "walked", "was",   "water", "went", "when",  "wind",  "with",  "yes",
};
enum { WORDS = sizeof words / sizeof *words, VOCAB = FIRST_WORD + WORDS };

enum token_type { TOKEN_NORMAL = 1, TOKEN_UNKNOWN = 2, TOKEN_CONTROL = 3, TOKEN_BYTE = 6 };

static uint64_t state;

static double uniform(void) /* splitmix64, in (0, 1) */
{
    uint64_t z = state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) / 9007199254740992.0;
}

static float normal(void)
{
    return (float)(sqrt(-2 * log(uniform())) * cos(2 * 3.14159265358979 * uniform()));
}

static struct ggml_tensor *add(struct gguf_context *file, struct ggml_context *mem,
                               const char *name, int64_t columns, int64_t rows, float spread)
{
    struct ggml_tensor *t = rows ? ggml_new_tensor_2d(mem, GGML_TYPE_F32, columns, rows)
                                 : ggml_new_tensor_1d(mem, GGML_TYPE_F32, columns);
    float *w = ggml_get_data_f32(t);

    for (int64_t i = 0; i < ggml_nelements(t); i++)
        w[i] = rows ? spread * normal() : 1.0f; /* a vector is a norm's gain */
    ggml_set_name(t, name);
    gguf_add_tensor(file, t);
    return t;
}

static void add_vocabulary(struct gguf_context *file)
{
    static char text[VOCAB][24];
    const char *tokens[VOCAB];
    float scores[VOCAB];
    int32_t types[VOCAB];

    for (int i = 0; i < VOCAB; i++) {
        if (i < FIRST_BYTE)
            strcpy(text[i], ((const char *[]){"<unk>", "<s>", "</s>"})[i]);
        else if (i < SPACE)
            snprintf(text[i], sizeof text[i], "<0x%02X>", (unsigned)(i - FIRST_BYTE));
        else /* U+2581 stands for the space before a word */
            snprintf(text[i], sizeof text[i], "\xe2\x96\x81%s",
                     i == SPACE ? "" : words[i - FIRST_WORD]);
        tokens[i] = text[i];
        scores[i] = i < FIRST_WORD ? 0.0f : (float)-i;
        types[i] = i == 0           ? TOKEN_UNKNOWN
                   : i < FIRST_BYTE ? TOKEN_CONTROL
                   : i < SPACE      ? TOKEN_BYTE
                                    : TOKEN_NORMAL;
    }
    gguf_set_val_str(file, "tokenizer.ggml.model", "llama");
    gguf_set_arr_str(file, "tokenizer.ggml.tokens", tokens, VOCAB);
    gguf_set_arr_data(file, "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, scores, VOCAB);
    gguf_set_arr_data(file, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types, VOCAB);
    gguf_set_val_u32(file, "tokenizer.ggml.unknown_token_id", 0);
    gguf_set_val_u32(file, "tokenizer.ggml.bos_token_id", 1);
    gguf_set_val_u32(file, "tokenizer.ggml.eos_token_id", 2);
    gguf_set_val_bool(file, "tokenizer.ggml.add_bos_token", true);
}

/* The first column of the embedding is the same for every token, so it survives the layers as a
 * constant; the first column of the output then says how much each token is wanted at all. */
static void prefer_words(struct ggml_tensor *embed, struct ggml_tensor *out)
{
    for (int i = 0; i < VOCAB; i++) {
        ggml_get_data_f32(embed)[(size_t)i * EMBED] = 4.0f;
        ggml_get_data_f32(out)[(size_t)i * EMBED] = i == 2 || i >= FIRST_WORD ? 1.0f : -3.0f;
    }
}

int main(int argc, char **argv)
{
    struct ggml_init_params room = {.mem_size = 16 << 20};
    struct ggml_context *mem = ggml_init(room);
    struct gguf_context *file = gguf_init_empty();
    struct ggml_tensor *embed, *out;
    char name[64];

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: tiny-gguf OUT [SEED]\n");
        return 2;
    }
    state = argc == 3 ? strtoull(argv[2], NULL, 10) : 1;
    if (!mem || !file) {
        fprintf(stderr, "tiny-gguf: out of memory\n");
        return 1;
    }
    gguf_set_val_str(file, "general.architecture", "llama");
    gguf_set_val_str(file, "general.name", "nigh tiny, random weights");
    gguf_set_val_u32(file, "llama.context_length", CONTEXT_TOKENS);
    gguf_set_val_u32(file, "llama.embedding_length", EMBED);
    gguf_set_val_u32(file, "llama.block_count", LAYERS);
    gguf_set_val_u32(file, "llama.feed_forward_length", FFN);
    gguf_set_val_u32(file, "llama.attention.head_count", HEADS);
    gguf_set_val_u32(file, "llama.attention.head_count_kv", HEADS);
    gguf_set_val_u32(file, "llama.rope.dimension_count", EMBED / HEADS);
    gguf_set_val_f32(file, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
    gguf_set_val_u32(file, "llama.vocab_size", VOCAB);
    add_vocabulary(file);

    embed = add(file, mem, "token_embd.weight", EMBED, VOCAB, 1.0f);
    add(file, mem, "output_norm.weight", EMBED, 0, 0);
    out = add(file, mem, "output.weight", EMBED, VOCAB, 0.25f);
    prefer_words(embed, out);
    for (int i = 0; i < LAYERS; i++) {
        static const struct {
            const char *name;
            int columns, rows;
        } parts[] = {
            {"attn_norm", EMBED, 0},  {"attn_q", EMBED, EMBED},      {"attn_k", EMBED, EMBED},
            {"attn_v", EMBED, EMBED}, {"attn_output", EMBED, EMBED}, {"ffn_norm", EMBED, 0},
            {"ffn_gate", EMBED, FFN}, {"ffn_up", EMBED, FFN},        {"ffn_down", FFN, EMBED},
        };

        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
            snprintf(name, sizeof name, "blk.%d.%s.weight", i, parts[k].name);
            add(file, mem, name, parts[k].columns, parts[k].rows, 0.1f);
        }
    }
    if (!gguf_write_to_file(file, argv[1], false)) {
        fprintf(stderr, "tiny-gguf: cannot write %s\n", argv[1]);
        return 1;
    }
    gguf_free(file);
    ggml_free(mem);
    return 0;
}
