/* What Anthropic's models take; the API answers 400 to what a model does not.
 *
 * From the provider's migration notes and its error texts, as of 2026-08: budgets were replaced by
 * adaptive thinking with 4.6, sampling wishes were taken away with Opus 4.7, and from Opus 4.1 on
 * until then only one of temperature and top_p was taken. */
#include "api/wire_anthropic.h"

static const struct {
    const char *part; /* of the name; the first that fits, so longer ones stand first */
    unsigned traits;
} families[] = {
    {"claude-v1", TAKES_SAMPLING},
    {"claude-2", TAKES_SAMPLING},
    {"claude-instant", TAKES_SAMPLING},
    {"claude-3-7", TAKES_SAMPLING | TAKES_BUDGET},
    {"claude-3", TAKES_SAMPLING},
    {"claude-opus-4-1", TAKES_SAMPLING | ONE_SAMPLER | TAKES_BUDGET | TAKES_SCHEMA},
    {"claude-opus-4-5", TAKES_SAMPLING | ONE_SAMPLER | TAKES_BUDGET | TAKES_SCHEMA},
    {"claude-sonnet-4-5", TAKES_SAMPLING | ONE_SAMPLER | TAKES_BUDGET | TAKES_SCHEMA},
    {"claude-haiku-4-5", TAKES_SAMPLING | ONE_SAMPLER | TAKES_BUDGET | TAKES_SCHEMA},
    {"claude-opus-4-6", TAKES_SAMPLING | ONE_SAMPLER | TAKES_ADAPTIVE | TAKES_SCHEMA},
    {"claude-sonnet-4-6", TAKES_SAMPLING | ONE_SAMPLER | TAKES_ADAPTIVE | TAKES_SCHEMA},
    {"claude-opus-4-0", TAKES_SAMPLING | TAKES_BUDGET},
    {"claude-sonnet-4-0", TAKES_SAMPLING | TAKES_BUDGET},
    {"claude-opus-4-2025", TAKES_SAMPLING | TAKES_BUDGET},
    {"claude-sonnet-4-2025", TAKES_SAMPLING | TAKES_BUDGET},
    {"claude", TAKES_ADAPTIVE | TAKES_XHIGH | TAKES_SCHEMA}, /* all later ones */
    /* Others that speak the format: local servers, other vendors' gateways. */
    {"", TAKES_SAMPLING | TAKES_BUDGET | TAKES_SCHEMA},
};

/* Some gateways write claude-sonnet-4.5. */
static bool same(char a, char b)
{
    return a == b || (a == '.' && b == '-');
}

static bool holds(struct slice name, const char *part)
{
    size_t n = strlen(part), k;

    for (size_t at = 0; at + n <= name.len; at++) {
        for (k = 0; k < n && same(name.p[at + k], part[k]);)
            k++;
        if (k == n)
            return true;
    }
    return false;
}

unsigned anthropic_traits(struct slice model)
{
    size_t i = 0;

    while (!holds(model, families[i].part))
        i++;
    return families[i].traits;
}
