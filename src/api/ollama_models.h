/* ollama_models: what may be asked for, in the shapes of Ollama's lists.
 *
 * What is not known is left blank as Ollama's own server leaves it: "" or 0, since clients' types
 * require the members; a size of 0 is one that nobody told.  The digest is of the name, not of a
 * file: it is there because the ollama program prints its first twelve letters.  Pure.  Loop
 * thread only. */
#pragma once
#include "api/models.h"

struct ollama_model {
    struct slice name;
    unsigned can;   /* CAN_... of any place that the name may mean */
    unsigned verbs; /* bit 1u << VERB_... */
    uint64_t context_tokens;
    int64_t modified; /* Unix seconds */
    uint64_t size_bytes;
    const char *family, *parameter_size, *quantization; /* of a file; NULL: not known */
    uint64_t parameters;                                /* 0: not known */
};

/* Joins what one more place can; of its context the largest. */
void ollama_model_add(struct ollama_model *model, const struct place *place);
/* `{"name":...` with the details, open at its end. */
void ollama_model_put(const struct ollama_model *model, struct buf *out);
/* The body of POST /api/show. */
void ollama_show(const struct ollama_model *model, struct buf *out);
/* "2026-11-22T21:50:00Z" as a member. */
void ollama_put_time(struct buf *out, const char *key, int64_t unix_s);
