#include "nigh/config_detect.h"

static const char *const policies[] = {
    [DETECT_ALLOW] = "allow", [DETECT_MASK] = "mask", [DETECT_KEEP] = "keep"};

void config_detect_defaults(struct config_detect *detect)
{
    *detect = (struct config_detect){.names = true, .budget_ms = 250};
    for (unsigned i = 0; i < DETECT_GROUP_COUNT; i++)
        detect->policy[i] = detect_policy_default((enum detect_group)i);
}

static void read_policy(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct slice s = reader_scalar(rd, node);

    (void)key;
    for (size_t i = 0; s.p && i < ARRAY_LEN(policies); i++)
        if (slice_is(s, policies[i])) {
            *(enum detect_policy *)at = (enum detect_policy)i;
            return;
        }
    if (s.p)
        reader_mistake(rd, node, "expected keep, mask or allow");
}

static void read_budget(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct config_detect *detect = at;
    uint64_t ms = detect->budget_ms;

    reader_duration(rd, node, &ms, key);
    if (ms < 1 || ms > CONFIG_BUDGET_MS_MAX)
        reader_mistake(rd, node, "expected 1ms to %ds", CONFIG_BUDGET_MS_MAX / 1000);
    else
        detect->budget_ms = ms;
}

const char *config_word_bad(struct slice word)
{
    if (word.len < CONFIG_WORD_LEAST)
        return "a word has at least 3 bytes";
    if (word.len > CONFIG_WORD_MAX)
        return "a word has at most 100 bytes";
    return slice_utf8(word) ? NULL : "a word is UTF-8";
}

static void read_words(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct config_detect *detect = at;

    (void)key;
    detect->words = reader_texts(rd, node, DETECT_WORDS_MAX, &detect->n_words);
    for (size_t i = 0; i < detect->n_words; i++) {
        const char *bad =
            detect->words[i] ? config_word_bad(slice_of(detect->words[i])) : "an empty word";
        if (bad)
            reader_mistake_of(rd, &detect->words[i], NULL, "%s", bad);
    }
}

#define DETECT(member) offsetof(struct config_detect, member)
static const struct yaml_key detect_keys[] = {
#define GROUP_KEY(group, word, by_default)                                                         \
    {.name = (word), .read = read_policy, .offset = DETECT(policy[DETECT_##group])},
    DETECT_GROUPS(GROUP_KEY)
#undef GROUP_KEY
        {.name = "names", .read = reader_bool, .offset = DETECT(names)},
    {.name = "words", .read = read_words},
    {.name = "words_file", .read = reader_text, .offset = DETECT(words_file)},
    {.name = "budget", .read = read_budget},
    {0},
};

void config_detect_read(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    (void)key;
    reader_keys(rd, node, at, detect_keys);
}

void config_detect_put(const struct config_detect *detect, struct buf *out)
{
    char budget[24];

    buf_add_char(out, '{');
    for (unsigned i = 0; i < DETECT_GROUP_COUNT; i++)
        json_put_cstr(out, detect_group_text((enum detect_group)i), policies[detect->policy[i]]);
    json_put_bool(out, "names", detect->names);
    json_key(out, "words");
    buf_add_char(out, '[');
    for (size_t i = 0; i < detect->n_words; i++) {
        json_sep(out);
        buf_add_json(out, slice_of(detect->words[i]));
    }
    buf_add_char(out, ']');
    json_put_cstr(out, "words_file", detect->words_file);
    snprintf(budget, sizeof budget, "%llums", (unsigned long long)detect->budget_ms);
    json_put_cstr(out, "budget", budget);
    buf_add_char(out, '}');
}
