#include "api/ollama_models.h"
#include <sodium.h>
#include <stdio.h>
#include <time.h>

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

void ollama_model_add(struct ollama_model *model, const struct place *place)
{
    model->can |= place->can;
    for (int verb = 0; verb < VERB_COUNT_OF; verb++)
        model->verbs |= (unsigned)place_speaks(place, (enum verb)verb) << verb;
    if (place->context_tokens > model->context_tokens)
        model->context_tokens = place->context_tokens;
}

void ollama_put_time(struct buf *out, const char *key, int64_t unix_s)
{
    time_t at = (time_t)unix_s;
    char text[40] = "1970-01-01T00:00:00Z";
    struct tm tm;

    if (gmtime_r(&at, &tm))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    json_put_cstr(out, key, text);
}

static void put_digest(struct slice name, struct buf *out)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[2 * sizeof hash + 1];

    crypto_hash_sha256(hash, (const unsigned char *)name.p, name.len);
    sodium_bin2hex(text, sizeof text, hash, sizeof hash);
    json_put_cstr(out, "digest", text);
}

static const char *or_blank(const char *text)
{
    return text ? text : "";
}

static void put_details(const struct ollama_model *m, struct buf *out)
{
    json_key(out, "details");
    ADD(out, "{\"parent_model\":\"\"");
    json_put_cstr(out, "format", m->family ? "gguf" : "");
    json_put_cstr(out, "family", or_blank(m->family));
    json_key(out, "families");
    ADD(out, "[");
    if (m->family)
        buf_add_json(out, slice_of(m->family));
    ADD(out, "]");
    json_put_cstr(out, "parameter_size", or_blank(m->parameter_size));
    json_put_cstr(out, "quantization_level", or_blank(m->quantization));
    ADD(out, "}");
}

void ollama_model_put(const struct ollama_model *m, struct buf *out)
{
    json_sep(out);
    ADD(out, "{");
    json_put_str(out, "name", m->name);
    json_put_str(out, "model", m->name);
    ollama_put_time(out, "modified_at", m->modified);
    json_put_int(out, "size", (int64_t)m->size_bytes);
    put_digest(m->name, out);
    put_details(m, out);
}

static void put_word(struct buf *out, bool can, const char *word)
{
    if (!can)
        return;
    json_sep(out);
    buf_add_json(out, slice_of(word));
}

static void put_capabilities(const struct ollama_model *m, struct buf *out)
{
    json_key(out, "capabilities");
    ADD(out, "[");
    put_word(out, m->verbs & 1u << VERB_CHAT, "completion");
    put_word(out, m->can & CAN_TOOLS, "tools");
    put_word(out, m->can & CAN_IMAGES, "vision");
    put_word(out, m->verbs & 1u << VERB_EMBED, "embedding");
    ADD(out, "]");
}

/* Clients look for "ARCHITECTURE.context_length", so there is always an architecture. */
static void put_info(const struct ollama_model *m, struct buf *out)
{
    const char *family = m->family ? m->family : "unknown";
    char key[96];

    json_key(out, "model_info");
    ADD(out, "{");
    json_put_cstr(out, "general.architecture", family);
    json_put_str(out, "general.basename", m->name);
    if (m->parameters > 0)
        json_put_int(out, "general.parameter_count", (int64_t)m->parameters);
    if (m->context_tokens > 0) {
        snprintf(key, sizeof key, "%.60s.context_length", family);
        json_put_int(out, key, (int64_t)m->context_tokens);
    }
    ADD(out, "}");
}

void ollama_show(const struct ollama_model *m, struct buf *out)
{
    static const char *const blanks[] = {"license", "modelfile", "parameters", "template",
                                         "system"};

    ADD(out, "{");
    for (size_t i = 0; i < ARRAY_LEN(blanks); i++)
        json_put_cstr(out, blanks[i], "");
    put_details(m, out);
    json_key(out, "messages");
    ADD(out, "[]");
    put_info(m, out);
    put_capabilities(m, out);
    ollama_put_time(out, "modified_at", m->modified);
    ADD(out, "}");
}
