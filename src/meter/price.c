#include "meter/price.h"
#include <ctype.h>
#include <stdlib.h>

struct price_row {
    const char *provider, *model;
    int64_t input, cached_read, cache_write,
        output; /* 1e-6 USD per million tokens; -1: not listed */
};
#include "prices.h"

enum { MODEL_BYTES = 160 }; /* longer than any name of the table */

/* Alias rules: endings under which providers sell the same model.  '#' stands for a digit. */
static const char *const endings[] = {
    "-####-##-##",      /* OpenAI's snapshots */
    "-########",        /* Anthropic's */
    "@########",        /* Anthropic's at Google */
    "-preview-##-##",   /* Google's */
    "-preview-##-####", /* Google's */
    "-latest",
};
/* And endings under which the table lists a model that is asked for without: "claude-opus-4" is
 * sold as claude-opus-4-0 (Anthropic's alias of its first snapshot). */
static const char *const listed_as[] = {"", "-latest", "-0"};

static int row_compare(const void *key, const void *item)
{
    const struct price_row *a = key, *b = item;
    int order = strcmp(a->provider, b->provider);

    return order ? order : strcmp(a->model, b->model);
}

static void row_price(struct price *ret, const struct price_row *row)
{
    *ret = (struct price){row->input, row->cached_read, row->cache_write, row->output,
                          "",         "data/prices.csv"};
    memcpy(ret->date, prices_date, sizeof ret->date);
}

static bool find_listed(struct price *ret, const char *provider, const char *model)
{
    struct price_row key = {.provider = provider, .model = model};
    const struct price_row *row =
        bsearch(&key, price_table, ARRAY_LEN(price_table), sizeof key, row_compare);

    if (row)
        row_price(ret, row);
    return row != NULL;
}

static bool row_agrees(const struct price_row *a, const struct price_row *b)
{
    return a->input == b->input && a->output == b->output && a->cached_read == b->cached_read &&
           a->cache_write == b->cache_write;
}

/* Whoever sells it, when all sell it at one price. */
static bool find_anywhere(struct price *ret, const char *model)
{
    const struct price_row *found = NULL;

    for (size_t i = 0; i < ARRAY_LEN(price_table); i++) {
        if (strcmp(price_table[i].model, model) != 0)
            continue;
        if (found && !row_agrees(found, &price_table[i]))
            return false;
        found = &price_table[i];
    }
    if (found)
        row_price(ret, found);
    return found != NULL;
}

/* Length of the ending when s has it and something before it, else 0. */
static size_t ending_len(const char *s, const char *ending)
{
    size_t len = strlen(s), n = strlen(ending);

    if (len <= n)
        return 0;
    for (size_t i = 0; i < n; i++) {
        char c = s[len - n + i];
        if (ending[i] == '#' ? !isdigit((unsigned char)c) : c != ending[i])
            return 0;
    }
    return n;
}

static bool cut_ending(char *model)
{
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        size_t n = ending_len(model, endings[i]);
        if (n > 0) {
            model[strlen(model) - n] = '\0';
            return true;
        }
    }
    return false;
}

/* The name as it is, then under each alias rule, in one provider's list. */
static bool find_aliased(struct price *ret, const char *provider, const char *model)
{
    char name[MODEL_BYTES], with[MODEL_BYTES + 8];

    snprintf(name, sizeof name, "%s", model);
    do {
        for (size_t i = 0; i < ARRAY_LEN(listed_as); i++) {
            snprintf(with, sizeof with, "%s%s", name, listed_as[i]);
            if (find_listed(ret, provider, with))
                return true;
        }
    } while (cut_ending(name));
    return false;
}

static bool provider_is_listed(const char *provider)
{
    for (size_t i = 0; i < ARRAY_LEN(price_table); i++)
        if (strcmp(price_table[i].provider, provider) == 0)
            return true;
    return false;
}

static bool find_override(struct price *ret, const char *provider, const char *model,
                          const struct price_override *overrides, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct price_override *o = &overrides[i];
        if (strcmp(o->model, model) != 0)
            continue;
        if (o->provider && (!provider || strcmp(o->provider, provider) != 0))
            continue;
        *ret = o->price;
        if (!ret->source)
            ret->source = "config";
        return true;
    }
    return false;
}

bool price_find(struct price *ret, const char *provider, const char *model,
                const struct price_override *overrides, size_t n_overrides)
{
    const char *slash = strchr(model, '/');
    char maker[64];

    *ret = PRICE_UNKNOWN;
    if (strlen(model) >= MODEL_BYTES)
        return false;
    if (find_override(ret, provider, model, overrides, n_overrides))
        return true;
    if (provider && find_aliased(ret, provider, model))
        return true;
    if (slash && (size_t)(slash - model) < sizeof maker) {
        memcpy(maker, model, (size_t)(slash - model));
        maker[slash - model] = '\0';
        if (find_aliased(ret, provider ? provider : maker, slash + 1))
            return true;
    }
    /* Another seller's price says nothing about a provider that has a list of its own. */
    if (provider && provider_is_listed(provider))
        return false;
    return find_anywhere(ret, model);
}

bool price_known(const struct price *price)
{
    return price->input >= 0 && price->output >= 0;
}

size_t price_rows(void)
{
    return ARRAY_LEN(price_table);
}
