/* A text rule is a pattern with its number as id; one pass marks which of them matched, and then
 * the marked rules are walked in the order of the config, so that the answer does not depend on
 * where in the text they matched. */
#include "label/rule.h"
#include "label/hs.h"
#include <stdlib.h>

struct rule {
    char *key; /* NULL: any */
    bool has_text;
    struct label label;
};

struct rules {
    struct rule *rule;
    size_t n, n_text;
    const struct hs *hs; /* NULL while no rule has a text */
    hs_database_t *db;
    hs_scratch_t *scratch;
    uint64_t matched[(RULES_MAX + 63) / 64];
};

/* What hs_compile_multi takes: columns, one entry a pattern. */
struct patterns {
    const char **text;
    unsigned *flags, *rule;
};

static void patterns_done(struct patterns *p)
{
    free(p->text);
    free(p->flags);
    free(p->rule);
}

struct rules *rules_free(struct rules *r)
{
    if (!r)
        return NULL;
    if (r->hs) {
        r->hs->free_scratch(r->scratch);
        r->hs->free_database(r->db);
    }
    for (size_t i = 0; r->rule && i < r->n; i++)
        free(r->rule[i].key);
    free(r->rule);
    free(r);
    return NULL;
}

/* Does the pattern ask for a word's edge?  (\\ is no escape of what follows it.) */
static bool has_edge(const char *pattern)
{
    for (const char *p = strchr(pattern, '\\'); p && p[1]; p = strchr(p + 2, '\\'))
        if (p[1] == 'b' || p[1] == 'B')
            return true;
    return false;
}

static bool is_ascii(const char *s)
{
    while (*s)
        if (*s++ & 0x80)
            return false;
    return true;
}

/* \w, \d and \s mean what they mean in Unicode, except beside \b, which Hyperscan only knows in
 * ASCII: there `\bä` would never match after a space, a rule that looks right and protects nothing,
 * so such a pattern is refused. */
static enum nigh_status pattern_flags(unsigned *ret, const struct rule_spec *spec,
                                      struct nigh_err *err)
{
    size_t len = strlen(spec->text);

    if (len == 0)
        return nigh_fail(err, NIGH_INVALID, "line %u: rule: the text pattern is empty", spec->line);
    if (len > RULE_PATTERN_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "line %u: rule: a pattern of more than %d bytes",
                         spec->line, RULE_PATTERN_MAX);
    if (!slice_utf8(slice_of(spec->text)))
        return nigh_fail(err, NIGH_INVALID, "line %u: rule: the pattern is not UTF-8", spec->line);
    *ret = HS_FLAG_UTF8 | HS_FLAG_SINGLEMATCH;
    if (!has_edge(spec->text))
        *ret |= HS_FLAG_UCP;
    else if (!is_ascii(spec->text))
        return nigh_fail(err, NIGH_INVALID,
                         "line %u: rule: \\b knows ASCII letters only; in this pattern write "
                         "(^|\\P{L}) and (\\P{L}|$) instead",
                         spec->line);
    return NIGH_OK;
}

static enum nigh_status compile(struct rules *r, const struct patterns *p,
                                const struct rule_spec *specs, struct nigh_err *err)
{
    hs_compile_error_t *why = NULL;

    if (r->hs->compile_multi(p->text, p->flags, p->rule, (unsigned)r->n_text, HS_MODE_BLOCK, NULL,
                             &r->db, &why) != HS_SUCCESS) {
        if (why && why->expression >= 0)
            nigh_fail(err, NIGH_INVALID, "line %u: rule: %.160s",
                      specs[p->rule[why->expression]].line, why->message);
        else
            nigh_fail(err, NIGH_INVALID, "rules: %.160s", why ? why->message : "do not compile");
        if (why)
            r->hs->free_compile_error(why);
        return NIGH_INVALID;
    }
    if (r->hs->alloc_scratch(r->db, &r->scratch) != HS_SUCCESS)
        return nigh_fail(err, NIGH_NOMEM, "rules: no memory to scan with");
    return NIGH_OK;
}

static enum nigh_status gather(struct patterns *p, const struct rules *r,
                               const struct rule_spec *specs, struct nigh_err *err)
{
    if (!p->text || !p->flags || !p->rule)
        return nigh_fail(err, NIGH_NOMEM, "rules: out of memory");
    for (size_t i = 0, at = 0; i < r->n; i++) {
        enum nigh_status status;

        if (!r->rule[i].has_text)
            continue;
        status = pattern_flags(&p->flags[at], &specs[i], err);
        if (status != NIGH_OK)
            return status;
        p->text[at] = specs[i].text;
        p->rule[at++] = (unsigned)i;
    }
    return NIGH_OK;
}

static enum nigh_status compile_texts(struct rules *r, const struct rule_spec *specs,
                                      struct nigh_err *err)
{
    struct patterns p = {calloc(r->n_text, sizeof *p.text), calloc(r->n_text, sizeof *p.flags),
                         calloc(r->n_text, sizeof *p.rule)};
    enum nigh_status status = gather(&p, r, specs, err);

    if (status == NIGH_OK)
        status = hs_load(&r->hs, err);
    if (status == NIGH_OK)
        status = compile(r, &p, specs, err);
    patterns_done(&p);
    return status;
}

static enum nigh_status rule_fill(struct rule *rule, const struct rule_spec *spec,
                                  const struct zones *z, struct nigh_err *err)
{
    int zone = zone_find(z, slice_of(spec->label));

    if (zone < 0)
        return nigh_fail(err, NIGH_INVALID, "line %u: rule: no zone is named '%.40s'", spec->line,
                         spec->label ? spec->label : "");
    rule->label = z->label[zone];
    rule->has_text = spec->text != NULL;
    if (spec->key) {
        rule->key = strdup(spec->key);
        if (!rule->key)
            return nigh_fail(err, NIGH_NOMEM, "rules: out of memory");
    }
    return NIGH_OK;
}

static enum nigh_status rules_fill(struct rules *r, const struct rule_spec *specs, size_t n,
                                   const struct zones *z, struct nigh_err *err)
{
    r->rule = calloc(n + 1, sizeof *r->rule);
    if (!r->rule)
        return nigh_fail(err, NIGH_NOMEM, "rules: out of memory");
    for (size_t i = 0; i < n; i++) {
        enum nigh_status status;

        r->n = i + 1;
        status = rule_fill(&r->rule[i], &specs[i], z, err);
        if (status != NIGH_OK)
            return status;
        r->n_text += r->rule[i].has_text;
    }
    return r->n_text ? compile_texts(r, specs, err) : NIGH_OK;
}

enum nigh_status rules_new(struct rules **ret, const struct rule_spec *specs, size_t n,
                           const struct zones *z, struct nigh_err *err)
{
    struct rules *r;
    enum nigh_status status;

    if (n > RULES_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "rules: more than %d", RULES_MAX);
    r = calloc(1, sizeof *r);
    if (!r)
        return nigh_fail(err, NIGH_NOMEM, "rules: out of memory");
    status = rules_fill(r, specs, n, z, err);
    if (status == NIGH_OK)
        *ret = r;
    else
        rules_free(r);
    return status;
}

static bool key_fits(const struct rule *rule, struct slice key)
{
    return !rule->key || slice_is(key, rule->key);
}

void rules_key(const struct rules *r, struct slice key, rules_fn *fn, void *owner)
{
    for (size_t i = 0; i < r->n; i++)
        if (!r->rule[i].has_text && key_fits(&r->rule[i], key))
            fn(owner, i, r->rule[i].label);
}

static int mark(unsigned rule, unsigned long long from, unsigned long long to, unsigned flags,
                void *matched)
{
    ((uint64_t *)matched)[rule / 64] |= UINT64_C(1) << rule % 64;
    return 0;
}

bool rules_text(struct rules *r, struct slice key, struct slice text, rules_fn *fn, void *owner)
{
    if (r->n_text == 0 || text.len == 0)
        return true;
    memset(r->matched, 0, sizeof r->matched);
    if (text.len > UINT32_MAX || r->hs->scan(r->db, text.p, (unsigned)text.len, 0, r->scratch, mark,
                                             r->matched) != HS_SUCCESS)
        return false;
    for (size_t i = 0; i < r->n; i++)
        if (r->matched[i / 64] >> i % 64 & 1 && key_fits(&r->rule[i], key))
            fn(owner, i, r->rule[i].label);
    return true;
}
