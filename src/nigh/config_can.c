#include "nigh/config_can.h"

/* What users call the verbs of a model; the others go with these, or not, by the API it speaks. */
static const struct {
    const char *word;
    enum verb verb;
} words[] = {{"chat", VERB_CHAT},
             {"completions", VERB_COMPLETE},
             {"embeddings", VERB_EMBED},
             {"rerank", VERB_RERANK}};

static bool read_word(struct config_model *seen, const char *word)
{
    for (unsigned bit = 0; bit < 8; bit++)
        if (strcmp(word, place_can_text(bit)) == 0) {
            seen->can |= 1u << bit;
            return true;
        }
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(word, words[i].word) == 0) {
            seen->verbs |= 1u << words[i].verb;
            return true;
        }
    return false;
}

void config_can_read(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    size_t n;
    const char **list = reader_texts(rd, node, 32, &n);
    struct config_model seen = {0}, *model = at;

    (void)key;
    for (size_t i = 0; i < n; i++)
        if (list[i] && !read_word(&seen, list[i]))
            reader_mistake_of(rd, &list[i], NULL,
                              "`%.40s` is none of chat, completions, embeddings, rerank, tools, "
                              "images, audio, files, json, schema, logprobs, choices",
                              list[i]);
    /* A list with words of one kind says nothing of the other. */
    if (seen.can || !seen.verbs)
        model->can = seen.can;
    if (seen.verbs)
        model->verbs = seen.verbs;
}

static void put_word(struct buf *out, const char *word)
{
    json_sep(out);
    buf_add_json(out, slice_of(word));
}

void config_can_put(const struct config_model *model, struct buf *out)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < ARRAY_LEN(words) && model->can; i++) /* no cans: from an empty list */
        if (model->verbs >> words[i].verb & 1)
            put_word(out, words[i].word);
    for (unsigned bit = 0; bit < 8; bit++)
        if (model->can >> bit & 1)
            put_word(out, place_can_text(bit));
    buf_add_char(out, ']');
}

unsigned config_can_guess(const char *name)
{
    /* As their makers name them: OpenAI's, Nomic's, Mistral's, Qwen's, Google's say "embed";
     * BAAI's, Voyage's and the sentence-transformers' do not.  First match. */
    static const struct {
        const char *part;
        enum verb verb;
    } parts[] = {{"rerank", VERB_RERANK},
                 {"embed", VERB_EMBED},
                 {"bge-", VERB_EMBED},
                 {"all-minilm", VERB_EMBED},
                 {"voyage-", VERB_EMBED},
                 {"-instruct-0914", VERB_COMPLETE},
                 {"turbo-instruct", VERB_COMPLETE},
                 {"davinci-002", VERB_COMPLETE},
                 {"babbage-002", VERB_COMPLETE}};

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (strcasestr(name, parts[i].part))
            return 1u << parts[i].verb;
    return 1u << VERB_CHAT;
}
