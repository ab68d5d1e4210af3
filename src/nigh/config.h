/* config: the user's YAML file as a struct.
 *
 * Read by tables of keys (config.c, on yaml.h), so that every mistake is named with its file, line
 * and key, not only the first: that is why libyaml and not libcyaml, which stops at the first.
 * Every key has a default; an empty file is a valid config.  A config lives in its own arena until
 * config_free; a reload makes a new one beside it and swaps only when the new one is whole. Loop
 * thread only after loading. */
#pragma once
#include "label/detect.h"
#include "label/rule.h"
#include "label/zone.h"
#include "nigh/config_listen.h"
#include "turn/place.h"

enum {
    CONFIG_BYTES_MAX = 1 << 20,
    CONFIG_CLOUDS_MAX = 64,
    CONFIG_MODELS_MAX = 256, /* per cloud */
    CONFIG_ALIASES_MAX = 1024,
    CONFIG_TOOLS_MAX = 1024,
    CONFIG_MISTAKES_MAX = 100,
};

struct config_model {
    const char *name;
    double quality;          /* 0..1; default 0.7, see docs/config.md */
    uint64_t context_tokens; /* 0: not known */
    uint64_t output_tokens_max;
    /* USD per million tokens; NAN: from data/prices.csv */
    double price_in, price_out, price_cached;
    uint64_t hedge_ms; /* 0: never */
    unsigned can;      /* CAN_... bits; default CAN_ALL less CAN_AUDIO, CAN_FILES */
    unsigned verbs;    /* bit 1u << VERB_...; default by the name (config_can.h) */
    unsigned line;
};

struct config_cloud {
    const char *name; /* [a-z0-9_-]{1,32} */
    const char *api;  /* a wire's name: "openai", "anthropic"; config_wire() */
    const char *url;
    const char *key_env, *key_file; /* at most one; neither: keyless */
    const char *zone;               /* default "public" */
    const char *pin;                /* "sha256//BASE64"; NULL: a certificate that is verified */
    bool plain_http;                /* http:// to a host that is not loopback is allowed */
    int old_max_tokens;             /* -1 guess, 0, 1 */
    uint64_t first_byte_ms, idle_ms, total_ms; /* 0: the default of cloud.h */
    unsigned concurrency, queue;               /* likewise */
    struct config_model *models;
    size_t n_models;
    unsigned line;
};

/* A second local model, for what a chat model cannot be asked while it chats. */
struct config_beside {
    const char *model;   /* as of config_engine; NULL: none */
    const char *pooling; /* of embeddings: "mean", "cls", "last"; NULL: the model's own */
    uint64_t context;    /* tokens of one input; 2048 */
};

struct config_engine {
    bool enabled;      /* default: true when a model is found */
    const char *model; /* a name in the model store, or a path; NULL: $NIGH_MODEL, else the store's
                          only one */
    const char *program;    /* NULL: llama-server on PATH, else the one set-up brought */
    uint64_t context;       /* tokens per slot; 8192 */
    unsigned slots;         /* 1 */
    unsigned queue;         /* waiting turns; 16 */
    uint64_t queue_wait_ms; /* 30,000 */
    enum { UNLOAD_AUTO, UNLOAD_AFTER, UNLOAD_NEVER } unload;
    uint64_t unload_ms;    /* UNLOAD_AFTER */
    unsigned threads;      /* 0: llama-server's choice */
    uint64_t memory_bytes; /* 0: no ceiling */
    double quality;        /* 0.3 */
    double watts;          /* 0: data/energy default */
    struct config_beside embed, rerank;
};

struct config_alias {
    const char *from, *to;
};

/* What is done with private data that is found in a turn. */
struct config_detect {
    enum detect_policy policy[DETECT_GROUP_COUNT];
    bool names; /* true: the tagger looks for names, where a group of names is not allowed */
    const char **words; /* the user's own, of group `contact` */
    size_t n_words;
    const char *words_file; /* more of them, one a line; NULL: none */
    uint64_t budget_ms;     /* of one turn; 250 */
};

/* Where a tool does its work; see label/toolzone.h. */
struct config_tool {
    const char *name; /* or a beginning and '*' */
    const char *zone;
};

struct config {
    struct arena arena;
    const char *path;              /* the file, or "(defaults)" */
    struct config_listens listens; /* 127.0.0.1:6444 */
    struct config_hosts hosts;     /* none */
    struct zone_spec *zones;
    size_t n_zones;
    const char *default_label; /* "public" */
    struct config_engine engine;
    struct config_cloud *clouds;
    size_t n_clouds;
    struct config_alias *aliases;
    size_t n_aliases;
    const char *profile;       /* "balanced" */
    double budget_usd_per_day; /* NAN: none */
    struct rule_spec *rules;
    size_t n_rules;
    struct config_detect detect;
    struct config_tool *tools;
    size_t n_tools;
    const char *tools_default;    /* zone of every other tool; NULL: not declared */
    bool links_neutralise;        /* false: links in answers stay as they are */
    bool skills;                  /* true */
    const char *log_level;        /* "info" */
    size_t body_bytes_max;        /* 64 MiB */
    uint64_t responses_keep_ms;   /* 30 days; 0: none is kept */
    uint64_t responses_bytes_max; /* 1 GiB */
};

/* What a cloud's `api` speaks; NULL: no such word. */
struct wire;
const struct wire *config_wire(const char *api);

struct config_mistake {
    unsigned line, column; /* 1-based; 0: the file as a whole */
    const char *key;       /* "clouds[0].url" */
    const char *what;      /* "unknown key; did you mean `url`?" */
    bool warning;          /* accepted, but look at it */
};
struct config_report {
    struct config_mistake list[CONFIG_MISTAKES_MAX];
    size_t n; /* all kept; more than CONFIG_MISTAKES_MAX are counted in `more` */
    size_t more;
    size_t n_errors;
};

/* Finds the file: explicit (--config), $NIGH_CONFIG, the XDG place, /etc/nigh; ret is "" when there
 * is none and the defaults hold.  An explicit one that is missing is an error. */
NIGH_MUST enum nigh_status config_find(char *ret_path, size_t size, const char *explicit_path,
                                       struct nigh_err *err);
/* Parses text (path is for messages).  On mistakes returns NIGH_INVALID, err telling the first with
 * file:line: key, and the report (may be NULL; its texts live in report_arena) all.  */
NIGH_MUST enum nigh_status config_parse(struct config **ret, const char *path, struct slice text,
                                        struct config_report *report, struct arena *report_arena,
                                        struct nigh_err *err);
/* path "": the defaults. */
NIGH_MUST enum nigh_status config_load(struct config **ret, const char *path,
                                       struct config_report *report, struct arena *report_arena,
                                       struct nigh_err *err);
struct config *config_free(struct config *config);
/* The config in force as YAML, every default filled in, which reads back as the same config; or as
 * JSON of the same shape.  Secrets never: there are none in it.  config_show.c. */
void config_show(const struct config *config, struct buf *out);
void config_show_json(const struct config *config, struct buf *out);
