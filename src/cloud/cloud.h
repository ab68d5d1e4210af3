/* cloud: the models of one provider, each as a place, in the format that the provider speaks.
 *
 * A provider is a base URL, a zone, a key and a breaker that its models share.  A run is one
 * attempt: retry.h says what comes after a failed one, the walk does it.  Any compatible server
 * (Ollama, vLLM, SGLang, another llama-server) is a provider too.  Loop thread only.
 *
 * Invariants: 1. The key is read once, when the provider is made, lives in locked memory that no
 * core dump holds (base/secret.h), and is in no log, error or status; clouds do not
 * outlive their config, so a reload reads it anew.  2. A provider whose key was asked for and is
 * missing never sends: its places are READY_NOT and say which variable or file is missing.  3. An
 * answer without its end is never whole. */
#pragma once
#include "cloud/breaker.h"
#include "loop/loop.h"
#include "net/client.h"
#include "turn/place.h"

enum {
    CLOUD_KEY_MAX = 16 << 10, /* bytes; long JWTs are 4 kB */
    CLOUD_MODELS_MAX = 1024,
    /* To the first token when nobody else could answer: under the 100 s that issue 3's fault 6
     * allows for a server that accepts and never answers, and over what reasoning models usually
     * think.  With a runner-up in the plan the walk sets run.patience_ms (retry.h). */
    CLOUD_FIRST_MS = 60000,
    /* Between tokens: a stall of 30 s is survived, one that lasts is over within 45 s (fault 9). */
    CLOUD_IDLE_MS = 40000,
    CLOUD_TOTAL_MS = 600000, /* the OpenAI SDK's own timeout */
    /* Rate limits shorter than this are waited out by the turn that met them (retry.h); longer ones
     * make the place "not ready", so that the plan goes elsewhere at once. */
    CLOUD_COOL_LEAST_MS = 5000,
    /* Turns at once, and waiting for that, of all models of a provider: guesses; a provider of one
     * person takes some tens, a server in the house its slots (`concurrency` in the config). */
    CLOUD_AT_ONCE = 64,
    CLOUD_QUEUE_MAX = 64,
    CLOUD_QUEUE_WAIT_MS = 30000, /* as the engine's */
};

struct wire;
struct cloud_model {
    const char *name; /* upstream's: "gpt-5-mini" */
    double quality;
    struct price price;
    uint64_t context_tokens, output_tokens_max; /* 0: not known */
    unsigned can;
    unsigned verbs;    /* bit 1u << VERB_...; 0: VERB_CHAT alone */
    uint64_t hedge_ms; /* turn/place.h; 0: never */
    uint64_t first_ms; /* 0: the provider's; for one that thinks long before its first token */
};

/* Everything is copied. */
struct cloud_spec {
    const char *name;        /* "openai"; its places are "openai/MODEL" */
    const struct wire *wire; /* what it speaks; NULL: wire_openai */
    const char *base_url;    /* "https://api.openai.com/v1", without a slash at the end: what stands
                                before the    wire's path */
    const char *unix_path;   /* NULL, or a socket */
    unsigned zone;
    const char *key_env, *key_file; /* at most one; neither: no key is sent */
    const char *pin;                /* NULL, or as net/client.h has it */
    bool plain_http_ok;
    int old_max_tokens; /* -1: guess (new for api.openai.com and Azure, old elsewhere), 0, 1 */
    uint64_t first_ms, idle_ms, total_ms; /* 0: the defaults above */
    unsigned at_once, queue_max;          /* 0: likewise */
    const struct cloud_model *models;
    size_t n_models;
};

struct cloud;
NIGH_MUST enum nigh_status cloud_new(struct cloud **ret, struct loop *loop, struct client *client,
                                     const struct cloud_spec *spec, struct nigh_err *err);
struct cloud *cloud_free(struct cloud *cloud); /* no run may be going on */
size_t cloud_places(const struct cloud *cloud,
                    struct place ***ret_places); /* they live as long as it */

struct cloud_status {
    const char *name, *base_url;
    unsigned zone;
    bool has_key;  /* or needs none */
    char why[128]; /* "" or why it cannot be asked: "OPENAI_API_KEY is not set" */
    enum breaker_state breaker;
    uint64_t breaker_wait_ms; /* until the next probe, when open */
    uint64_t ok, failed, probes, openings;
    unsigned running, waiting, at_once;
};
void cloud_status(struct cloud *cloud, struct cloud_status *ret);
