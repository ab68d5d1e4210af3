/* gguf: is this a GGUF file that may be given to llama-server?
 *
 * Model files come from anywhere, and what reads them has died of bad ones again and again
 * (THREATS.md row 14).  This walks the header once, before anybody loads it: version, counts, keys,
 * values, tensors, and that the tensors' data lie in the file, aligned and apart.  It is strict:
 * what llama.cpp would refuse is refused, and so is what nobody writes.  It reads no weights.
 *
 * It is run behind walls (engine/vet.h), never in the daemon; in bounds all the same: time linear
 * in the header, memory 16 bytes a key or tensor, both at most a sixtieth of the file.  Pure: any
 * thread. */
#pragma once
#include "base/err.h"
#include "base/str.h"

enum {
    GGUF_KEYS_MAX = 1 << 16,    /* models have some 30 to 60 */
    GGUF_TENSORS_MAX = 1 << 16, /* the largest have some 4,000 */
    GGUF_KEY_BYTES_MAX = 256,   /* the specification allows 65,535; the longest in use has 50 */
    GGUF_NAME_BYTES_MAX = 63,   /* ggml's GGML_MAX_NAME, less the NUL */
    GGUF_DIMS_MAX = 4,          /* ggml's GGML_MAX_DIMS */
    GGUF_TEXT_BYTES_MAX = 16 << 20,
    GGUF_ITEMS_MAX = 16 << 20, /* of an array: the largest vocabulary has 262,144 tokens */
    GGUF_ALIGNMENT_MAX = 1 << 16,
    GGUF_TEMPLATES_MAX = 8,             /* one, and one for tools, are usual */
    GGUF_TEMPLATE_BYTES_MAX = 64 << 10, /* together; the longest that we saw has 25 kB */
};

/* A chat template: tokenizer.chat_template, or tokenizer.chat_template.NAME. */
struct gguf_template {
    struct slice key, text;
};
struct gguf {
    unsigned version;
    uint64_t n_keys, n_tensors;
    struct gguf_template templates[GGUF_TEMPLATES_MAX]; /* in the file's bytes */
    size_t n_templates;
};

/* file: all of it.  The error names the place and the rule; of the file's own words only a key's or
 * tensor's name, with what is no letter, digit, `.`, `_` or `-` as `?`. */
NIGH_MUST enum nigh_status gguf_check(struct gguf *ret, struct slice file, struct nigh_err *err);
