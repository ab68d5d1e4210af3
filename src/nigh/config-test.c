#include "base/tap.h"

#include "base/path.h"
#include "nigh/config.h"
#include <math.h>
#include <unistd.h>

static struct config_report report;
static struct arena report_arena;

/* NULL: it did not parse; the report tells why. */
static struct config *parse(const char *text)
{
    struct config *config = NULL;
    struct nigh_err err = {0};

    arena_done(&report_arena);
    arena_init(&report_arena, 1 << 20);
    enum nigh_status status =
        config_parse(&config, "t.yaml", slice_of(text), &report, &report_arena, &err);
    CHECK_EQ(status == NIGH_OK, config != NULL);
    CHECK_EQ(status == NIGH_OK, report.n_errors == 0);
    CHECK_EQ(status, err.status);
    return config;
}

TEST(config_of_nothing_is_the_defaults)
{
    struct config *config = parse("");

    CHECK(config != NULL);
    CHECK_EQ(config->listens.n, 1);
    CHECK_STR(config->listens.all[0].host, "127.0.0.1");
    CHECK_EQ(config->listens.all[0].port, 6444);
    CHECK(config->listens.all[0].loopback);
    CHECK_EQ(config->hosts.n, 0);
    CHECK_STR(config->default_label, "public");
    CHECK(config->engine.enabled && !config->engine.model);
    CHECK_EQ(config->engine.context, 8192);
    CHECK(isnan(config->budget_usd_per_day));
    CHECK(config->skills);
    CHECK_EQ(config->n_clouds + config->n_aliases + config->n_rules + config->n_zones, 0);
    for (unsigned i = 0; i < DETECT_GROUP_COUNT; i++)
        CHECK_EQ(config->detect.policy[i], detect_policy_default((enum detect_group)i));
    CHECK(config->detect.names && config->detect.budget_ms == 250 && !config->detect.words_file);
    CHECK(config->n_tools == 0 && !config->tools_default && !config->links_neutralise);
    CHECK_EQ(report.n, 0);
    config_free(config);
}

/* DESIGN.md section 8, as it stands there. */
static const char sample[] =
    "listen: 127.0.0.1:6444\n"
    "zones:                       # a tree; device is always there, public is everything else\n"
    "  home: {inside: public}\n"
    "  device: {inside: home}\n"
    "default_label: public        # of input that nobody labelled\n"
    "engine:\n"
    "  model: qwen3-0.6b          # a name in the model store, or a path\n"
    "  context: 8192\n"
    "  unload: auto               # ski rental\n"
    "clouds:\n"
    "  - name: openai\n"
    "    api: openai              # openai | anthropic\n"
    "    url: https://api.openai.com/v1\n"
    "    key_env: OPENAI_API_KEY  # or key_file; never the key itself\n"
    "    zone: public\n"
    "    models:\n"
    "      - {name: gpt-5-mini, quality: 0.8}\n"
    "aliases: {gpt-4o: auto}\n"
    "route: {profile: balanced, budget_usd_per_day: 1.00}\n"
    "rules:                       # first match wins, then detection narrows further\n"
    "  - {when: {key: kids-tablet}, label: home}\n"
    "  - {when: {text: \"(?i)my (bank|doctor)\"}, label: device}\n"
    "detect: {card: mask, iban: mask, secret: keep, email: mask, person: mask}\n"
    "memory: {enabled: true, label: device}\n"
    "mesh: {nats: null}\n";

TEST(config_takes_the_design_pages_sample)
{
    struct config *config = parse(sample);

    CHECK(config != NULL);
    CHECK_EQ(report.n, 2); /* memory and mesh come later */
    for (size_t i = 0; i < report.n; i++)
        CHECK(report.list[i].warning);
    CHECK_STR(report.list[0].key, "memory");
    CHECK_EQ(report.list[0].line, 24);
    CHECK_EQ(config->detect.policy[DETECT_PERSON], DETECT_MASK);
    CHECK_EQ(config->detect.policy[DETECT_SECRET], DETECT_KEEP);
    CHECK_EQ(config->n_zones, 2);
    CHECK_STR(config->zones[1].inside[0], "home");
    CHECK_STR(config->engine.model, "qwen3-0.6b");
    CHECK_EQ(config->n_clouds, 1);
    CHECK_STR(config->clouds[0].models[0].name, "gpt-5-mini");
    CHECK(config->clouds[0].models[0].quality == 0.8);
    CHECK(isnan(config->clouds[0].models[0].price_in));
    CHECK_STR(config->aliases[0].to, "auto");
    CHECK(config->budget_usd_per_day == 1.0);
    CHECK_EQ(config->n_rules, 2);
    CHECK_STR(config->rules[1].text, "(?i)my (bank|doctor)");
    config_free(config);
}

TEST(config_reads_what_is_done_with_private_data)
{
    struct config *config = parse(
        "zones: {home: {}}\n"
        "detect: {card: allow, url: keep, names: false, words: [Anna Blum, \"Projekt Blau\"],\n"
        "         words_file: names.txt, budget: 1.5s}\n"
        "tools: {read_mail: home, \"web_*\": public, default: device}\n"
        "answer: {links: neutralise}\n");

    CHECK(config != NULL);
    CHECK_EQ(config->detect.policy[DETECT_CARD], DETECT_ALLOW);
    CHECK_EQ(config->detect.policy[DETECT_URL], DETECT_KEEP);
    CHECK_EQ(config->detect.policy[DETECT_IBAN], DETECT_MASK);
    CHECK(!config->detect.names);
    CHECK_EQ(config->detect.n_words, 2);
    CHECK_STR(config->detect.words[1], "Projekt Blau");
    CHECK_STR(config->detect.words_file, "names.txt");
    CHECK_EQ(config->detect.budget_ms, 1500);
    CHECK_EQ(config->n_tools, 2);
    CHECK_STR(config->tools[1].name, "web_*");
    CHECK_STR(config->tools[1].zone, "public");
    CHECK_STR(config->tools_default, "device");
    CHECK(config->links_neutralise);
    config_free(config);
}

TEST(config_names_what_is_wrong_with_private_data)
{
    static const struct {
        const char *text, *key;
    } rows[] = {
        {"detect: {card: hide}\n", "detect.card"},
        {"detect: {cards: mask}\n", "detect.cards"},
        {"detect: {budget: 0s}\n", "detect.budget"},
        {"detect: {budget: 1m}\n", "detect.budget"},
        {"detect: {words: [ab]}\n", "detect.words[0]"},
        {"tools: {read_mail: home}\n", "tools.read_mail"},
        {"tools: {default: home}\n", "tools.default"},
        {"answer: {links: drop}\n", "answer.links"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK(parse(rows[i].text) == NULL);
        CHECK_EQ(report.n_errors, 1);
        CHECK_STR(report.list[0].key, rows[i].key);
    }
}

TEST(config_reads_every_kind_of_value)
{
    struct config *config =
        parse("listen: \"[::1]:0\"\n"
              "engine: {enabled: no, slots: 2, queue_wait: 1.5s, unload: 10m, memory: 2GiB,\n"
              "         threads: 4, watts: 12.5, program: /bin/llama, quality: 0}\n"
              "clouds:\n"
              "  - name: a\n"
              "    url: http://10.0.0.5:8000/v1\n"
              "    plain_http: true\n"
              "    old_max_tokens: off\n"
              "    first_byte: 500ms\n"
              "    idle: 1h\n"
              "    models:\n"
              "      - just-a-name\n"
              "      - {name: b, can: [tools, json], hedge: 800ms, price_in: 1, price_out: 2, "
              "price_cached: 0.1,\n"
              "         context: 128000, output: 4096}\n"
              "      - {name: c, can: images}\n"
              "skills: off\n"
              "log: debug\n"
              "body_max: 1MiB\n"
              "responses: {keep: 0s, max: 2GiB}\n");

    CHECK(config != NULL);
    CHECK_STR(config->listens.all[0].host, "::1");
    CHECK_EQ(config->listens.all[0].port, 0);
    CHECK(config->listens.all[0].loopback);
    CHECK(!config->engine.enabled);
    CHECK_EQ(config->responses_keep_ms, 0);
    CHECK_EQ(config->responses_bytes_max, 2ull << 30);
    CHECK_EQ(config->engine.slots, 2);
    CHECK_EQ(config->engine.queue_wait_ms, 1500);
    CHECK_EQ(config->engine.unload, UNLOAD_AFTER);
    CHECK_EQ(config->engine.unload_ms, 600000);
    CHECK_EQ(config->engine.memory_bytes, 2147483648);
    CHECK(config->engine.watts == 12.5 && config->engine.quality == 0);
    CHECK_EQ(config->clouds[0].old_max_tokens, 0);
    CHECK_EQ(config->clouds[0].first_byte_ms, 500);
    CHECK_EQ(config->clouds[0].idle_ms, 3600000);
    CHECK_STR(config->clouds[0].zone, "public");
    CHECK_EQ(config->clouds[0].n_models, 3);
    CHECK_STR(config->clouds[0].models[0].name, "just-a-name");
    CHECK_EQ(config->clouds[0].models[0].can, CAN_ALL & ~(CAN_AUDIO | CAN_FILES));
    CHECK_EQ(config->clouds[0].models[1].can, CAN_TOOLS | CAN_JSON);
    CHECK_EQ(config->clouds[0].models[1].hedge_ms, 800);
    CHECK_EQ(config->clouds[0].models[0].hedge_ms, 0);
    CHECK_EQ(config->clouds[0].models[2].can, CAN_IMAGES);
    CHECK_EQ(config->clouds[0].models[1].context_tokens, 128000);
    CHECK(!config->skills);
    CHECK_STR(config->log_level, "debug");
    CHECK_EQ(config->body_bytes_max, 1 << 20);
    config_free(config);
}

TEST(config_tells_models_for_chats_from_others)
{
    static const struct {
        const char *model;
        unsigned verbs, can;
    } rows[] = {
        {"gpt-5", 1U << VERB_CHAT, CAN_ALL & ~(CAN_AUDIO | CAN_FILES)},
        {"text-embedding-3-small", 1U << VERB_EMBED, CAN_ALL & ~(CAN_AUDIO | CAN_FILES)},
        {"BAAI/bge-m3", 1U << VERB_EMBED, CAN_ALL & ~(CAN_AUDIO | CAN_FILES)},
        {"BAAI/bge-reranker-v2-m3", 1U << VERB_RERANK, CAN_ALL & ~(CAN_AUDIO | CAN_FILES)},
        {"gpt-3.5-turbo-instruct", 1U << VERB_COMPLETE, CAN_ALL & ~(CAN_AUDIO | CAN_FILES)},
        {"{name: embed, can: [chat]}", 1U << VERB_CHAT, CAN_ALL & ~(CAN_AUDIO | CAN_FILES)},
        {"{name: m, can: [embeddings]}", 1U << VERB_EMBED, CAN_ALL & ~(CAN_AUDIO | CAN_FILES)},
        {"{name: m, can: [chat, completions]}", 1U << VERB_CHAT | 1U << VERB_COMPLETE,
         CAN_ALL & ~(CAN_AUDIO | CAN_FILES)},
        {"{name: m, can: [completions, logprobs]}", 1U << VERB_COMPLETE, CAN_LOGPROBS},
        {"{name: m, can: [tools]}", 1U << VERB_CHAT, CAN_TOOLS},
        {"{name: m, can: []}", 1U << VERB_CHAT, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf text = {0};
        buf_printf(&text, "clouds:\n- name: a\n  url: https://a.example/v1\n  models: [%s]\n",
                   rows[i].model);
        struct config *config = parse(text.data);
        CHECK(config != NULL);
        CHECK_EQ(config->clouds[0].models[0].verbs, rows[i].verbs);
        CHECK_EQ(config->clouds[0].models[0].can, rows[i].can);
        config_free(config);
    }
}

TEST(config_reads_models_beside_the_one_that_chats)
{
    struct config *config = parse("engine: {embed: e, rerank: {model: r, context: 512}}\n");

    CHECK(config != NULL);
    CHECK_STR(config->engine.embed.model, "e");
    CHECK(!config->engine.embed.pooling);
    CHECK_EQ(config->engine.embed.context, 2048);
    CHECK_STR(config->engine.rerank.model, "r");
    CHECK_EQ(config->engine.rerank.context, 512);
    config_free(config);
}

#define CLOUD_A "clouds:\n- name: a\n  url: https://a.example/v1\n"

/* Each row is one text and the one mistake in it. */
static const struct {
    const char *text;
    unsigned line;
    const char *key, *what;
} mistakes[] = {
    {"lisen: 127.0.0.1:1\n", 1, "lisen", "did you mean `listen`?"},
    {"nonsense: 1\n", 1, "nonsense", "unknown key; see docs/config.md"},
    {"\nlisten: 6444\n", 2, "listen", "ADDRESS:PORT"},
    {"listen: a.example:6444\n", 1, "listen", "IP address or localhost"},
    {"listen: 127.0.0.1:66666\n", 1, "listen", "ADDRESS:PORT"},
    {"listen: [1]\n", 1, "listen", "ADDRESS:PORT"},
    {"listen: [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n", 1, "listen", "twice"},
    {"clouds: [{name: a, url: \"https://b/v1\", models: [x], pin: sha256//short}]\n", 1,
     "clouds[0].pin", "sha256//BASE64"},
    {"clouds: [{name: a, url: \"http://127.0.0.1/v1\", models: [x],"
     " pin: sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=}]\n",
     1, "clouds[0].pin", "https://"},
    {"hosts: [box.lan, evil.]\n", 1, "hosts", "host names"},
    {"engine: 5\n", 1, "engine", "expected a mapping"},
    {"engine: {context: many}\n", 1, "engine.context", "expected a number"},
    {"engine: {context: 8}\n", 1, "engine.context", "expected 64 to 10000000"},
    {"engine: {context: 8192.5}\n", 1, "engine.context", "whole number"},
    {"engine: {context: nan}\n", 1, "engine.context", "expected a number"},
    {"engine: {slots: 0}\n", 1, "engine.slots", "expected 1 to 256"},
    {"engine: {enabled: maybe}\n", 1, "engine.enabled", "true or false"},
    {"engine: {unload: soon}\n", 1, "engine.unload", "auto, never"},
    {"engine: {queue_wait: 30}\n", 1, "engine.queue_wait", "a duration such as"},
    {"engine: {memory: 2GB}\n", 1, "engine.memory", "a size such as"},
    {"engine: {memory: 0B}\n", 1, "engine.memory", "a size such as"},
    {"engine: {embed: {pooling: mean}}\n", 1, "engine.embed", "`model` is missing"},
    {"engine: {embed: {model: m, pooling: max}}\n", 1, "engine.embed.pooling", "mean, cls or last"},
    {"engine: {rerank: {model: m, pooling: cls}}\n", 1, "engine.rerank.pooling", "unknown key"},
    {"engine: {embed: [m]}\n", 1, "engine.embed", "expected a mapping"},
    {"engine: {model: a, model: b}\n", 1, "engine", "`model` stands here twice"},
    {"engine: {model: \"a\\0b\"}\n", 1, "engine.model", "NUL"},
    {"default_label: moon\n", 1, "default_label", "no zone `moon`"},
    {"zones:\n  home:\n    inside: moon\n", 3, "zones.home.inside", "no zone `moon`"},
    {"zones:\n  a: {inside: b}\n  b: {inside: a}\n", 2, "zones", "inside itself"},
    {"zones:\n  Home:\n", 2, "zones.Home", "a-z"},
    {"route: {profile: cheap}\n", 1, "route.profile", "`cheap` is none of"},
    {"skills: true\nlog: loud\n", 2, "log", "debug, info"},
    {"rules:\n- {when: {text: x}}\n", 2, "rules[0]", "`label` is missing"},
    {"rules:\n- label: device\n", 2, "rules[0]", "needs a key or a text"},
    {"rules:\n- {when: {text: x}, label: device}\n- when:\n    text: \"(\"\n  label: device\n", 4,
     "rules[1].when.text", ""},
    {"rules:\n- when: {text: x}\n  label: moon\n", 3, "rules[0].label", "no zone `moon`"},
    {"clouds: {}\n", 1, "clouds", "expected a list"},
    {"clouds:\n- url: https://a.example/v1\n  models: [m]\n", 2, "clouds[0]", "`name` is missing"},
    {"clouds:\n- name: a\n  models: [m]\n", 2, "clouds[0]", "`url` is missing"},
    {CLOUD_A, 2, "clouds[0]", "`models` is missing"},
    {CLOUD_A "  models: [m]\n  zone: moon\n", 5, "clouds[0].zone", "no zone `moon`"},
    {CLOUD_A "  models: [m]\n  api: grpc\n", 5, "clouds[0].api", "none of openai"},
    {CLOUD_A "  models: [m]\n  key_env: A\n  key_file: /b\n", 6, "clouds[0].key_file", "exclude"},
    {CLOUD_A "  models: [m, m]\n", 4, "clouds[0].models[1]", "twice"},
    {CLOUD_A "  models: [\"m m\"]\n", 4, "clouds[0].models[0]", "without blanks"},
    {CLOUD_A "  models: [{name: m, price_in: 1}]\n", 4, "clouds[0].models[0]", "go together"},
    {CLOUD_A "  models:\n  - {name: m, can: [tools,\n      fly]}\n", 6,
     "clouds[0].models[0].can[1]", "`fly` is none of"},
    {CLOUD_A "  models: [m]\n- name: a\n  url: https://b.example\n  models: [m]\n", 5,
     "clouds[1].name", "two clouds"},
    {"clouds: [{name: auto, url: \"https://a\", models: [m]}]\n", 1, "clouds[0].name",
     "`auto` means"},
    {"clouds: [{name: a, url: \"ftp://a\", models: [m]}]\n", 1, "clouds[0].url", "https://"},
    {"clouds: [{name: a, url: \"http://a\", models: [m]}]\n", 1, "clouds[0].url", "plain_http"},
    {"clouds: [{name: a, url: \"http://127.evil.example\", models: [m]}]\n", 1, "clouds[0].url",
     "plain_http"},
    {"clouds: [{name: a, url: \"http://[::2]:80/v1\", models: [m]}]\n", 1, "clouds[0].url",
     "plain_http"},
    {"clouds: [{name: a, url: \"https://u:p@a\", models: [m]}]\n", 1, "clouds[0].url",
     "no key or password"},
    {"listen: 127.0.0.1:1\n---\nlisten: 127.0.0.1:2\n", 3, "", "second YAML document"},
    {"- a\n", 1, "", "expected a mapping"},
    {"a: [\n", 2, "", "not YAML"},
    {"\tlog: info\n", 1, "", "not YAML"},
    {"log: \xff\n", 1, "", "not YAML"},
};

TEST(config_names_the_line_and_key_of_a_mistake)
{
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        printf("# %s\n", mistakes[i].what);
        CHECK(!parse(mistakes[i].text));
        CHECK_EQ(report.n, 1);
        CHECK_STR(report.list[0].key, mistakes[i].key);
        if (!strstr(report.list[0].what, mistakes[i].what))
            CHECK_STR(report.list[0].what, mistakes[i].what);
        CHECK_EQ(report.list[0].line, mistakes[i].line);
    }
}

TEST(config_names_all_mistakes_and_tells_the_first)
{
    struct config *config;
    struct nigh_err err = {0};
    struct slice text = SLICE("lisen: x\nengine: {slots: 0, queue: x}\nlog: loud\n");

    CHECK(!parse(text.p));
    CHECK_EQ(report.n, 4);
    CHECK_EQ(config_parse(&config, "t.yaml", text, NULL, NULL, &err), NIGH_INVALID);
    CHECK_STR(err.what, "t.yaml:1: lisen: unknown key; did you mean `listen`?");
}

TEST(config_keeps_counting_past_the_reports_room)
{
    CLEANUP(buf_done) struct buf text = {0};

    for (int i = 0; i < CONFIG_MISTAKES_MAX + 50; i++)
        buf_printf(&text, "unknown-%d: 1\n", i);
    CHECK(!parse(text.data));
    CHECK_EQ(report.n, CONFIG_MISTAKES_MAX);
    CHECK_EQ(report.more, 50);
    CHECK_EQ(report.n_errors, CONFIG_MISTAKES_MAX + 50);
}

TEST(config_warns_of_an_alias_that_leads_nowhere)
{
    struct config *config =
        parse(CLOUD_A "  models: [m]\n"
                      "aliases: {a1: a, a2: a/m, a3: m, a4: auto/fast, a5: here,\n"
                      "  bad: nowhere/x}\n");

    CHECK(config != NULL);
    CHECK_EQ(report.n, 1);
    CHECK(report.list[0].warning);
    CHECK_STR(report.list[0].key, "aliases.bad");
    CHECK_EQ(report.list[0].line, 6);
    config_free(config);
}

TEST(config_lets_plain_http_stay_on_the_device)
{
    struct config *config = parse("clouds:\n"
                                  "- {name: a, url: \"http://127.0.0.2:1/v1\", models: [m]}\n"
                                  "- {name: b, url: \"http://[::1]:1\", models: [m]}\n"
                                  "- {name: c, url: \"http://LocalHost/v1\", models: [m]}\n");

    CHECK(config != NULL);
    config_free(config);
}

TEST(config_null_leaves_the_default)
{
    struct config *config =
        parse("engine: {context: null, model: ~}\nzones:\nclouds: null\nlog:\n");

    CHECK(config != NULL);
    CHECK_EQ(config->engine.context, 8192);
    CHECK(!config->engine.model);
    CHECK_STR(config->log_level, "info");
    config_free(config);
}

/* A hostile text ends in a mistake, quickly: these were minutes without the reader's bounds. */
TEST(config_is_not_stalled_by_hostile_text)
{
    static const struct {
        const char *head, *again, *tail, *what;
        unsigned times;
    } rows[] = {
        {"a: ", "[", "", "nested too deep", 500000},
        {"", "{a: ", "", "nested too deep", 200000},
        {"a: [", "&a%u x,", "]", "too many anchors", 100000},
        {"", "k%u: 1\n", "", "at most 1024 keys", 50000},
        {"aliases: &x {", "k%u: auto,", "}\nengine: *x\n", "", 1000},
        {"zones: &z\n  a: {inside: *z}\n", "", "", "", 0},
        {"a: ", "*b", "", "not YAML", 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf text = {0};
        buf_add_cstr(&text, rows[i].head);
        for (unsigned k = 0; k < rows[i].times; k++) {
            if (strchr(rows[i].again, '%')) {
                struct slice rest = slice_of(rows[i].again), before = slice_cut(&rest, '%');
                buf_add_str(&text, before);
                buf_add_u64(&text, k);
                buf_add(&text, rest.p + 1, rest.len - 1);
            } else {
                buf_add_cstr(&text, rows[i].again);
            }
        }
        buf_add_cstr(&text, rows[i].tail);
        printf("# %s\n", rows[i].what);
        CHECK(!parse(text.data));
        CHECK(strstr(report.list[0].what, rows[i].what));
    }
}

static void add_cloud_with_long_texts(struct buf *text)
{
    buf_add_cstr(text, "x: &x ");
    for (int i = 0; i < 900000; i++)
        buf_add_char(text, 'x');
    buf_add_cstr(text, "\nclouds:\n");
    for (int i = 0; i < 40; i++)
        buf_printf(text, "- {name: c%d, api: *x, url: *x, zone: *x, models: [*x]}\n", i);
}

TEST(config_that_needs_too_much_memory_is_a_mistake)
{
    CLEANUP(buf_done) struct buf text = {0};

    add_cloud_with_long_texts(&text);
    CHECK(!parse(text.data));
}

TEST(config_paths_are_meant_from_where_it_stands)
{
    static const struct {
        const char *file, *path, *want;
    } rows[] = {
        {"/etc/nigh/config.yaml", "models/a.gguf", "/etc/nigh/models/a.gguf"},
        {"/etc/nigh/config.yaml", "/m/a.gguf", "/m/a.gguf"},
        {"/etc/nigh/config.yaml", "a-name", "a-name"},
        {"/etc/nigh/config.yaml", "~/a.gguf", "/home/me/a.gguf"},
        {"config.yaml", "models/a.gguf", "models/a.gguf"},
        {"sub/config.yaml", "../a.gguf", "sub/../a.gguf"},
    };

    setenv("HOME", "/home/me", 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_done) struct buf text = {0};
        struct config *config = NULL;
        buf_printf(&text, "engine: {model: %s}\n", rows[i].path);
        CHECK_EQ(config_parse(&config, rows[i].file, buf_slice(&text), NULL, NULL, NULL), NIGH_OK);
        CHECK_STR(config->engine.model, rows[i].want);
        config_free(config);
    }
}

TEST(config_show_reads_back_as_the_same)
{
    static const char *const texts[] = {
        "",
        sample,
        CLOUD_A
        "  models: [m, {name: \"007\", can: []}, {name: n, price_in: 0.1, price_out: 1e-3}]\n"
        "  key_file: \"/a b/c: #d\"\n  old_max_tokens: true\n  idle: 90s\n",
        CLOUD_A "  models: [some-embed, {name: e, can: [embeddings, rerank]}, {name: c, can: "
                "[completions, tools]}]\n"
                "engine: {embed: m, rerank: {model: /r.gguf, context: 512}}\n",
        "engine: {embed: {model: m, pooling: last, context: 64}}\n",
        "zones: {a: , b: {inside: [a, public]}}\nlisten: \"[::1]:1\"\n"
        "rules: [{when: {key: \"yes\", text: \"\\x01 \\u0085 \\\" \\\\ ümlaut\"}, label: b}]\n"
        "engine: {unload: never, memory: 3B, model: \"1e3\", program: \"\\x7f\"}\naliases: {\"a: "
        "b\": auto, \"\": auto}\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP(buf_done) struct buf yaml = {0}, json = {0}, again = {0};
        struct config *config = parse(texts[i]);
        CHECK_STR(config ? "" : report.list[0].what, "");
        config_show(config, &yaml);
        config_show_json(config, &json);
        CHECK(!yaml.failed && !json.failed);
        config_free(config);
        config = parse(yaml.data);
        CHECK_STR(config ? "" : report.list[0].what, "");
        config_show_json(config, &again);
        CHECK_STR(again.data, json.data);
        config_free(config);
    }
}

TEST(config_find_looks_where_it_should)
{
    char dir[] = "/tmp/nigh-config-XXXXXX", path[PATH_BYTES], named[PATH_BYTES];
    struct nigh_err err = {0};

    CHECK(mkdtemp(dir));
    setenv("XDG_CONFIG_HOME", dir, 1);
    unsetenv("NIGH_CONFIG");
    CHECK_EQ(config_find(path, sizeof path, NULL, &err), NIGH_OK);
    if (access("/etc/nigh/config.yaml", F_OK) != 0)
        CHECK_STR(path, "");
    snprintf(named, sizeof named, "%s/nigh", dir);
    CHECK_EQ(path_make_private(named, &err), NIGH_OK);
    snprintf(named, sizeof named, "%s/nigh/config.yaml", dir);
    CHECK_EQ(path_write(named, SLICE("log: warn\n"), &err), NIGH_OK);
    CHECK_EQ(config_find(path, sizeof path, NULL, &err), NIGH_OK);
    CHECK_STR(path, named);
    setenv("NIGH_CONFIG", "/nowhere/at/all", 1);
    CHECK_EQ(config_find(path, sizeof path, NULL, &err), NIGH_NOTFOUND);
    CHECK_EQ(config_find(path, sizeof path, named, NULL), NIGH_OK);
    CHECK_STR(path, named);
    unsetenv("NIGH_CONFIG");
    struct config *config = NULL;
    CHECK_EQ(config_load(&config, path, NULL, NULL, NULL), NIGH_OK);
    CHECK_STR(config->log_level, "warn");
    config_free(config);
    CHECK_EQ(config_load(&config, "/nowhere/at/all", NULL, NULL, NULL), NIGH_NOTFOUND);
    unlink(named);
}
