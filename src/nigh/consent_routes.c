/* The routes of consents: what is given, what holds, what is taken back. */
#include "nigh/admin.h"
#include "nigh/detector.h"

enum { VALUE_BYTES_MAX = 4096 };

/* As a program asked for it. */
struct wish {
    struct node *node;
    yyjson_val *body;
    char what[64]; /* for the ledger */
    struct consent_wish consent;
};

/* Within more words ("my password is ...") the value is what detection finds, if that is one thing;
 * else it is all of the text. */
static enum nigh_status pick_value(struct wish *w, struct slice text, struct slice *ret,
                                   struct nigh_err *err)
{
    struct spans spans = {0};
    struct detect *detect;
    enum nigh_status status = detector_here(w->node->setting->detector, &detect, err);

    if (status == NIGH_OK)
        status = detect_scan(detect, text, 0, &spans, err);
    *ret = text;
    snprintf(w->what, sizeof w->what, "a value");
    if (status == NIGH_OK && spans.n == 1) {
        const struct span *s = &spans.all[0];
        *ret = (struct slice){text.p + s->start, s->end - s->start};
        snprintf(w->what, sizeof w->what, "a value of group %s", detect_group_text(s->group));
    }
    spans_done(&spans);
    return status;
}

static enum nigh_status read_value(struct wish *w, struct slice text, struct nigh_err *err)
{
    struct slice value;

    w->consent.kind = CONSENT_VALUE;
    if (text.len == 0 || text.len > VALUE_BYTES_MAX)
        return nigh_fail(err, NIGH_INVALID, "value: expected 1 to %d bytes", VALUE_BYTES_MAX);
    if (strcmp(w->consent.zone, "public") != 0)
        return nigh_fail(err, NIGH_INVALID,
                         "zone: what is found in a turn is kept from public "
                         "places only, so a value's is public");
    enum nigh_status status = pick_value(w, text, &value, err);
    if (status == NIGH_OK && !imprint_of_value(w->node->imprints, value, &w->consent.imprint))
        status = nigh_fail(err, NIGH_NOMEM, "consent: out of memory");
    return status;
}

static enum nigh_status read_rule(struct wish *w, int64_t number, struct nigh_err *err)
{
    const struct config *config = w->node->setting->config;

    w->consent.kind = CONSENT_RULE;
    if (number < 1 || (uint64_t)number > config->n_rules)
        return nigh_fail(err, NIGH_NOTFOUND, "rule: the config has %zu rules", config->n_rules);
    imprint_of_rule(w->node->imprints, &config->rules[number - 1], &w->consent.imprint);
    snprintf(w->what, sizeof w->what, "rule %d", (int)number);
    return NIGH_OK;
}

static enum nigh_status read_wish(struct wish *w, struct nigh_err *err)
{
    struct slice value = json_get_str(w->body, "value"), zone = json_get_str(w->body, "zone");
    int64_t for_ms = json_get_int(w->body, "for_ms", (int64_t)CONSENT_MS_DEFAULT);
    yyjson_val *rule = json_get(w->body, "rule");
    const struct zones *zones = &w->node->setting->zones;
    int at = zone.p ? zone_find(zones, zone) : ZONE_PUBLIC;

    if (at < 0)
        return nigh_fail(err, NIGH_INVALID, "zone: expected the name of a zone in the config");
    if (!value.p == !rule)
        return nigh_fail(err, NIGH_INVALID, "expected a value or the number of a rule");
    w->consent.zone = zones->name[at];
    w->consent.for_ms = for_ms > 0 ? (uint64_t)for_ms : 0;
    w->consent.what = w->what;
    return value.p ? read_value(w, value, err)
                   : read_rule(w, json_get_int(w->body, "rule", 0), err);
}

/* Which rule of the config in force it is for; 0: none any more. */
static size_t rule_of(const struct node *node, const struct consent *consent)
{
    const struct config *config = node->setting->config;
    struct imprint imprint;

    for (size_t i = 0; i < config->n_rules; i++) {
        imprint_of_rule(node->imprints, &config->rules[i], &imprint);
        if (imprint_eq(&imprint, &consent->imprint))
            return i + 1;
    }
    return 0;
}

static void put_consent(const struct node *node, const struct consent *consent, struct buf *json)
{
    char imprint[IMPRINT_TEXT_BYTES];
    size_t rule = consent->kind == CONSENT_RULE ? rule_of(node, consent) : 0;

    imprint_text(&consent->imprint, imprint);
    buf_add_char(json, '{');
    json_put_cstr(json, "id", consent->id);
    json_put_cstr(json, "kind", consent_kind_text(consent->kind));
    if (rule)
        json_put_int(json, "rule", (int64_t)rule);
    else
        json_put_null(json, "rule");
    json_put_cstr(json, "imprint", imprint);
    json_put_cstr(json, "zone", consent->zone);
    json_put_int(json, "given_us", (int64_t)consent->given_us);
    json_put_int(json, "ends_us", (int64_t)consent->ends_us);
    json_put_int(json, "uses", (int64_t)consent->uses);
    buf_add_char(json, '}');
}

void admin_consents(struct node *node, struct exchange *ex, struct slice rest)
{
    struct buf json = {0};
    size_t n = consents_count(node->consents);

    (void)rest;
    buf_add_char(&json, '{');
    json_key(&json, "consents");
    buf_add_char(&json, '[');
    for (size_t i = 0; i < n; i++) {
        json_sep(&json);
        put_consent(node, consents_at(node->consents, i), &json);
    }
    buf_add_cstr(&json, "]}");
    admin_answer(ex, 200, &json);
}

void admin_consent_give(struct node *node, struct exchange *ex, struct slice rest)
{
    CLEANUP(arena_done) struct arena arena;
    struct wish wish = {.node = node};
    const struct consent *given;
    struct buf json = {0};
    struct nigh_err err = {0};

    (void)rest;
    arena_init(&arena, 1 << 20);
    if (json_parse(&wish.body, exchange_body(ex), &arena, &err) != NIGH_OK ||
        read_wish(&wish, &err) != NIGH_OK ||
        consent_give(node->consents, &wish.consent, &given, &err) != NIGH_OK) {
        admin_fail(ex, &err);
        return;
    }
    put_consent(node, given, &json);
    admin_answer(ex, 200, &json);
}

void admin_consent_revoke(struct node *node, struct exchange *ex, struct slice rest)
{
    struct buf json = {0};
    struct nigh_err err = {0};

    if (consent_revoke(node->consents, rest, &err) != NIGH_OK) {
        admin_fail(ex, &err);
        return;
    }
    buf_add_cstr(&json, "{\"revoked\":true}");
    admin_answer(ex, 200, &json);
}
