#include "route/decide.h"
#include "route/name.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>

const char *profile_text(enum profile profile)
{
    static const char *const text[] = {
#define PROFILE_TEXT(name, word) word,
        PROFILES(PROFILE_TEXT)
#undef PROFILE_TEXT
    };

    return text[profile];
}

bool profile_find(enum profile *ret, struct slice name)
{
    for (unsigned i = 0; i < PROFILE_COUNT; i++)
        if (slice_is(name, profile_text(i))) {
            *ret = i;
            return true;
        }
    return false;
}

const char *drop_text(enum drop drop)
{
    static const char *const text[] = {
#define DROP_TEXT(name, words) words,
        DROPS(DROP_TEXT)
#undef DROP_TEXT
    };

    return text[drop];
}

/* What a profile cares for.  Quality counts as P(good), locality as 1 here, 0.6 near, 0 in public;
 * latency, cost and energy count against a place, each as x / (x + half).  Guesses, chosen so that
 * balanced keeps a short chat line at a small model here and sends a proof to a cloud
 * (decide-test). */
static const struct weights {
    double quality, latency, cost, energy, locality;
} profile_weights[PROFILE_COUNT] = {
    [PROFILE_BALANCED] = {1, .10, .15, .05, .30}, [PROFILE_PRIVATE] = {.5, .05, .05, .05, 2.0},
    [PROFILE_FAST] = {.6, 1.0, .05, .05, .05},    [PROFILE_FRUGAL] = {.5, .05, 1.0, .10, .10},
    [PROFILE_BEST] = {1, .02, .02, 0, .02},       [PROFILE_GREEN] = {.5, .05, .05, 1.0, .10},
};
static const double latency_half_ms = 5000;
static const double cost_half_uusd =
    2000; /* a fifth of a cent: a middling turn at a middling price */
static const double energy_half_uj = 500e6;
static const double cost_unknown = 0.5; /* an unknown price counts as a middling one, not as none */

static double locality(const struct place *place)
{
    return place->dest.zone == ZONE_DEVICE ? 1 : place->dest.zone != ZONE_PUBLIC ? 0.6 : 0;
}

static double utility(const struct estimate *e, const struct place *place, enum profile profile)
{
    const struct weights *w = &profile_weights[profile];
    double cost = e->cost_uusd < 0 ? cost_unknown
                                   : (double)e->cost_uusd / ((double)e->cost_uusd + cost_half_uusd);
    double energy = (double)e->energy.uj / ((double)e->energy.uj + energy_half_uj);

    return w->quality * e->quality - w->latency * e->total_ms / (e->total_ms + latency_half_ms) -
           w->cost * cost - w->energy * energy + w->locality * locality(place);
}

/* One decision on its way; everything in it is borrowed. */
struct ask {
    struct plan *plan;
    const struct route_config *config;
    const struct turn *turn;
    struct arena *arena;
    struct wish wish;
};

static const char *zone_name(const struct route_config *config, unsigned zone)
{
    return config->zones && zone < config->zones->n ? config->zones->name[zone] : "unknown";
}

/* The constraints, each a function that drops the candidate or lets it pass, in this order.  Cheap
 * and strict ones first: what a label forbids is not even asked whether it is ready. */
static enum drop check_name(struct ask *ask, struct candidate *c)
{
    if (wish_matches(&ask->wish, c->place))
        return DROP_NONE;
    c->why = "not asked for";
    return DROP_NAME;
}

static enum drop check_label(struct ask *ask, struct candidate *c)
{
    if (label_permits(ask->turn->label, c->place->dest.zone))
        return DROP_NONE;
    c->why = arena_printf(ask->arena, "label %s does not permit %s", ask->plan->label,
                          zone_name(ask->config, c->place->dest.zone));
    return DROP_LABEL;
}

static enum drop check_key(struct ask *ask, struct candidate *c)
{
    if (!ask->config->scope || scope_permits(ask->config->scope, c->place->name))
        return DROP_NONE;
    c->why = "not a place of this key";
    return DROP_KEY;
}

static enum drop check_skill(struct ask *ask, struct candidate *c)
{
    if (c->place->kind != PLACE_SKILL || ask->plan->skill_sure)
        return DROP_NONE;
    c->why = "no skill is sure of it";
    return DROP_SKILL;
}

static enum drop check_verb(struct ask *ask, struct candidate *c)
{
    if (c->place->kind == PLACE_SKILL || place_speaks(c->place, ask->turn->verb))
        return DROP_NONE;
    c->why = arena_printf(ask->arena, "cannot %s", verb_text(ask->turn->verb));
    return DROP_VERB;
}

/* llama-server, wherever it runs on this device, takes a conversation of nothing, as its own tests
 * ask; clouds refuse it, unless what to go on from stands in a member that only one of them reads.
 */
static bool lacks_words(const struct turn *turn, const struct place *place)
{
    return turn->verb == VERB_CHAT && turn->n_messages == 0 && !turn->native.p &&
           place->dest.zone != ZONE_DEVICE;
}

static enum drop check_can(struct ask *ask, struct candidate *c)
{
    unsigned lacks = ask->plan->traits.needs & ~c->place->can;
    char list[96] = "";
    size_t len = 0;

    if (c->place->kind == PLACE_SKILL)
        return DROP_NONE;
    if (lacks_words(ask->turn, c->place)) {
        c->why = "wants at least one message";
        return DROP_CAN;
    }
    if (!lacks)
        return DROP_NONE;
    for (unsigned bit = 0; bit < 8; bit++)
        if (lacks & 1u << bit && len + 16 < sizeof list)
            len += (size_t)snprintf(list + len, sizeof list - len, "%sno %s", len ? ", " : "",
                                    place_can_text(bit));
    c->why = arena_printf(ask->arena, "%s", list);
    return DROP_CAN;
}

static uint64_t input_tokens(const struct message *m)
{
    uint64_t tokens = 0;

    for (size_t i = 0; i < m->n_parts; i++)
        tokens += m->parts[i].kind == PART_TEXT ? m->parts[i].text.len / 4
                                                : yyjson_arr_size(m->parts[i].raw);
    return tokens;
}

/* What has to fit into a context: a conversation as a whole, other inputs one by one; a query goes
 * with each document. */
static uint64_t tokens_at_once(const struct ask *ask)
{
    const struct turn *turn = ask->turn;
    uint64_t most = 0, first = turn->n_messages ? input_tokens(&turn->messages[0]) : 0;

    if (turn->verb == VERB_CHAT)
        return ask->plan->traits.tokens_in;
    if (turn->verb != VERB_COMPLETE && turn->verb != VERB_EMBED && turn->verb != VERB_RERANK)
        return 0; /* no model runs */
    for (size_t i = 0; i < turn->n_messages; i++) {
        uint64_t tokens = input_tokens(&turn->messages[i]);
        most = tokens > most ? tokens : most;
    }
    return turn->verb == VERB_RERANK ? most + first : most;
}

static enum drop check_context(struct ask *ask, struct candidate *c)
{
    uint64_t need = tokens_at_once(ask) + ask->turn->max_tokens, most;

    most = c->place->context_tokens;
    if (c->place->kind == PLACE_SKILL || most == 0 || need <= most)
        return DROP_NONE;
    c->why = arena_printf(ask->arena, "about %llu tokens, its context holds %llu",
                          (unsigned long long)need, (unsigned long long)most);
    return DROP_CONTEXT;
}

static enum drop check_ready(struct ask *ask, struct candidate *c)
{
    char why[128] = "";

    c->ready =
        c->place->ops && c->place->ops->ready ? c->place->ops->ready(c->place, why) : READY_NOW;
    if (!ready_not(c->ready))
        return DROP_NONE;
    if (c->place->ops->retry_after_ms)
        c->retry_after_ms = c->place->ops->retry_after_ms(c->place);
    c->why = why[0] ? arena_printf(ask->arena, "not ready (%s)", why) : "not ready";
    return DROP_READY;
}

static enum drop check_budget(struct ask *ask, struct candidate *c, int64_t left, const char *whose)
{
    int64_t cost = c->estimate.cost_uusd;

    if (left < 0 || (cost >= 0 && cost <= left))
        return DROP_NONE;
    c->why = cost < 0
                 ? arena_printf(ask->arena, "its price is not known and %s has a budget", whose)
                 : arena_printf(ask->arena, "about %.6f USD, %.6f left of %s's budget",
                                (double)cost / 1e6, (double)left / 1e6, whose);
    return DROP_BUDGET;
}

/* A ceiling in money cannot be kept with a price that nobody knows: such a place is out. */
static enum drop check_cost(struct ask *ask, struct candidate *c)
{
    int64_t cost = c->estimate.cost_uusd;
    double max = ask->turn->max_cost_usd;

    if (cost == 0)
        return DROP_NONE;
    if (!isnan(max) && (cost < 0 || (double)cost > max * 1e6)) {
        c->why = cost < 0 ? "its price is not known and the turn has a ceiling"
                          : arena_printf(ask->arena, "about %.6f USD, at most %.6f allowed",
                                         (double)cost / 1e6, max);
        return DROP_COST;
    }
    if (check_budget(ask, c, ask->config->day_left_uusd, "the day") != DROP_NONE)
        return DROP_BUDGET;
    return check_budget(ask, c, ask->config->key_left_uusd, "the key");
}

/* The whole answer where latency was measured, its beginning where it is only modelled. */
static enum drop check_deadline(struct ask *ask, struct candidate *c)
{
    const struct estimate *e = &c->estimate;
    double need = e->latency_basis == BASIS_MEASURED ? e->total_ms : e->first_ms, left;

    if (ask->turn->deadline_ms == 0)
        return DROP_NONE;
    left = (double)ask->turn->deadline_ms - (double)ask->config->elapsed_ms;
    if (need <= left)
        return DROP_NONE;
    c->why = arena_printf(ask->arena, "about %.0f ms, %.0f left", need, fmax(0, left));
    return DROP_DEADLINE;
}

static void consider(struct ask *ask, struct candidate *c)
{
    static enum drop (*const before[])(struct ask *, struct candidate *) = {
        check_name, check_label, check_key,     check_skill,
        check_verb, check_can,   check_context, check_ready};

    c->estimate.cost_uusd = -1;
    for (size_t i = 0; i < ARRAY_LEN(before) && c->drop == DROP_NONE; i++)
        c->drop = before[i](ask, c);
    if (c->drop == DROP_NAME || c->drop == DROP_LABEL || c->drop == DROP_KEY)
        return;
    estimate_place(&c->estimate, c->place, &ask->plan->traits, c->ready);
    if (c->drop == DROP_NONE)
        c->drop = check_cost(ask, c);
    if (c->drop == DROP_NONE)
        c->drop = check_deadline(ask, c);
    if (ask->turn->verb == VERB_CHAT || ask->turn->verb == VERB_COMPLETE)
        c->utility = utility(&c->estimate, c->place, ask->plan->profile);
    if (!c->why)
        c->why = drop_text(c->drop); /* the arena is at its ceiling: say it shorter */
}

/* decide 4 */
static void keep_one_model(struct ask *ask)
{
    static const unsigned bound = 1U << VERB_EMBED | 1U << VERB_TOKENIZE | 1U << VERB_DETOKENIZE;
    const struct place *first = NULL;

    for (size_t i = 0; i < ask->plan->n && bound >> ask->turn->verb & 1; i++) {
        struct candidate *c = &ask->plan->candidates[i];
        if (c->drop == DROP_NAME || c->drop == DROP_LABEL || c->drop == DROP_KEY ||
            c->drop == DROP_SKILL || c->drop == DROP_VERB)
            continue;
        if (!first)
            first = c->place;
        if (c->drop != DROP_NONE || strcmp(c->place->model, first->model) == 0)
            continue;
        c->drop = DROP_OTHER;
        c->why = "is another model";
    }
}

static bool before(const struct candidate *a, const struct candidate *b)
{
    if ((a->drop == DROP_NONE) != (b->drop == DROP_NONE))
        return a->drop == DROP_NONE;
    return a->drop == DROP_NONE && a->utility > b->utility;
}

/* Insertion: there are few, and equals keep their order (decide 3). */
static void order(struct plan *plan)
{
    for (size_t i = 1; i < plan->n; i++) {
        struct candidate c = plan->candidates[i];
        size_t j = i;
        for (; j > 0 && before(&c, &plan->candidates[j - 1]); j--)
            plan->candidates[j] = plan->candidates[j - 1];
        plan->candidates[j] = c;
    }
    while (plan->n_usable < plan->n && plan->candidates[plan->n_usable].drop == DROP_NONE)
        plan->n_usable++;
}

/* A header may hold printable ASCII only; names come from a config. */
static void header_safe(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

static const struct candidate *first_dropped(const struct plan *plan, enum drop drop)
{
    for (size_t i = plan->n_usable; i < plan->n; i++)
        if (plan->candidates[i].drop == drop)
            return &plan->candidates[i];
    return NULL;
}

/* "hard (0.70: proof)", "easy (0.12)". */
static void difficulty_text(char text[static 64], const struct traits *t)
{
    char words[TRAITS_WORDS_BYTES];
    const char *how = t->difficulty >= 0.45 ? "hard" : t->difficulty < 0.25 ? "easy" : "middling";

    traits_words(words, t);
    snprintf(text, 64, "%s (%.2f%s%.36s)", how, t->difficulty, words[0] ? ": " : "", words);
}

static void say_alone(struct plan *plan, const struct candidate *best)
{
    const struct candidate *out = NULL;
    static const enum drop tell[] = {DROP_LABEL,  DROP_KEY,      DROP_VERB,
                                     DROP_CAN,    DROP_CONTEXT,  DROP_COST,
                                     DROP_BUDGET, DROP_DEADLINE, DROP_READY};

    for (size_t i = 0; i < ARRAY_LEN(tell) && !out; i++)
        out = first_dropped(plan, tell[i]);
    if (!out)
        snprintf(plan->reason, sizeof plan->reason, "the only place: %s", best->place->name);
    else if (out->drop == DROP_LABEL)
        snprintf(plan->reason, sizeof plan->reason, "label %s: only %s", plan->label,
                 best->place->name);
    else
        snprintf(plan->reason, sizeof plan->reason, "only %s: %s %s", best->place->name,
                 out->place->name, out->why);
}

static void say_reason(struct plan *plan)
{
    const struct candidate *best = &plan->candidates[0];
    char difficulty[64];

    difficulty_text(difficulty, &plan->traits);
    if (best->place->kind == PLACE_SKILL)
        snprintf(plan->reason, sizeof plan->reason, "routine question: skill %s",
                 plan->skill.skill->name);
    else if (plan->named)
        snprintf(plan->reason, sizeof plan->reason, "asked for: %s", best->place->name);
    else if (plan->n_usable == 1)
        say_alone(plan, best);
    else
        snprintf(plan->reason, sizeof plan->reason, "%s: %s best by %.2f", difficulty,
                 best->place->name, best->utility - best[1].utility);
    header_safe(plan->reason);
}

void plan_failed_over(struct plan *plan, size_t from, size_t to, const char *why)
{
    snprintf(plan->reason, sizeof plan->reason, "%s failed (%.60s): %s",
             plan->candidates[from].place->name, why, plan->candidates[to].place->name);
    header_safe(plan->reason);
}

void plan_hedged(struct plan *plan, size_t from, size_t to, bool second_won)
{
    const struct place *first = plan->candidates[from].place, *second = plan->candidates[to].place;
    size_t len = strlen(plan->reason);

    if (second_won)
        snprintf(plan->reason, sizeof plan->reason, "%.60s silent for %llu ms: %.60s spoke first",
                 first->name, (unsigned long long)first->hedge_ms, second->name);
    else
        snprintf(plan->reason + len, sizeof plan->reason - len, "; %.60s was asked too",
                 second->name);
    header_safe(plan->reason);
}

static size_t count_drops(const struct plan *plan, enum drop drop)
{
    size_t n = 0;

    for (size_t i = 0; i < plan->n; i++)
        n += plan->candidates[i].drop == drop;
    return n;
}

/* Of those that are not ready: all would be, had they not been asked too often. */
static bool all_limited(const struct plan *plan)
{
    for (size_t i = 0; i < plan->n; i++)
        if (plan->candidates[i].drop == DROP_READY && plan->candidates[i].ready != READY_LIMITED)
            return false;
    return true;
}

/* See decide.h.  What may change by itself (a place comes back) outranks what will not. */
static enum nigh_status refusal_status(const struct plan *plan)
{
    size_t forbidden = count_drops(plan, DROP_LABEL);
    size_t asked = plan->n - count_drops(plan, DROP_NAME) - count_drops(plan, DROP_SKILL);
    size_t locked = count_drops(plan, DROP_KEY);

    if (count_drops(plan, DROP_READY))
        return all_limited(plan) ? NIGH_BUSY : NIGH_OFFLINE;
    if (plan->named && count_drops(plan, DROP_SKILL))
        return NIGH_INVALID; /* "skill" was asked for, and none is sure */
    if (locked && forbidden + locked == asked)
        return NIGH_DENIED;
    if (forbidden == asked)
        return plan->named && asked ? NIGH_DENIED : NIGH_OFFLINE;
    if (count_drops(plan, DROP_COST) || count_drops(plan, DROP_BUDGET))
        return NIGH_DENIED;
    if (count_drops(plan, DROP_DEADLINE))
        return NIGH_TIMEOUT;
    if (count_drops(plan, DROP_CONTEXT))
        return NIGH_TOOBIG;
    return count_drops(plan, DROP_CAN) ? NIGH_INVALID : NIGH_UNSUPPORTED;
}

static uint64_t soonest(const struct plan *plan)
{
    uint64_t least = 0;

    for (size_t i = 0; i < plan->n; i++) {
        uint64_t ms = plan->candidates[i].retry_after_ms;
        if (ms > 0 && (least == 0 || ms < least))
            least = ms;
    }
    return least;
}

/* What would make a place do it, in the words of the config. */
static const char *const remedies[VERB_COUNT_OF] = {
    [VERB_CHAT] = "name a chat model as engine.model, or one of clouds[].models",
    [VERB_COMPLETE] =
        "a local model does (engine.model), or a cloud's that says can: [completions]",
    [VERB_EMBED] = "name an embedding model as engine.embed, or give a cloud's can: [embeddings]",
    [VERB_RERANK] = "name a reranking model as engine.rerank, or give a cloud's can: [rerank]",
    [VERB_TOKENIZE] = "local models do: name one as engine.model",
    [VERB_DETOKENIZE] = "local models do: name one as engine.model",
    [VERB_COUNT] = "local models do (engine.model), and clouds that speak Anthropic's API",
};

/* "device (found secret)": who narrowed it is what the user can do something about. */
static const char *label_and_source(const struct ask *ask)
{
    const char *source = ask->turn->label_source;
    const char *text = NULL;

    if (source[0] && strcmp(source, "default") != 0)
        text = arena_printf(ask->arena, "%.40s (%s)", ask->plan->label, source);
    return text ? text : ask->plan->label;
}

/* "label device (rule 2): here/x not ready (...); openai/y not permitted". */
static enum nigh_status refuse(struct ask *ask, struct nigh_err *err)
{
    struct plan *plan = ask->plan;
    enum nigh_status status = refusal_status(plan);
    const char *label = label_and_source(ask);
    char text[224];
    size_t len = 0, told = 0;

    text[0] = '\0';
    for (size_t i = 0; i < plan->n; i++) {
        const struct candidate *c = &plan->candidates[i];
        if (c->drop == DROP_NAME || (c->drop == DROP_SKILL && !plan->named))
            continue;
        told++;
        if (len < sizeof text - 1)
            len +=
                (size_t)snprintf(text + len, sizeof text - len, "%s%s %s", len ? "; " : "",
                                 c->place->name, c->drop == DROP_LABEL ? "not permitted" : c->why);
    }
    plan->retry_after_ms = soonest(plan);
    snprintf(plan->reason, sizeof plan->reason, "refused: label %.70s: %.70s", label,
             told ? text : "no place is configured");
    header_safe(plan->reason);
    if (status == NIGH_UNSUPPORTED)
        return nigh_fail(err, status, "label %.70s: %.60s%s; %s", label, text,
                         strlen(text) > 60 ? "..." : "", remedies[ask->turn->verb]);
    return nigh_fail(err, status, "label %s: %s", label, told ? text : "no place is configured");
}

static enum profile wanted_profile(const struct ask *ask)
{
    enum profile profile = ask->config->profile;

    if (ask->wish.has_profile)
        return ask->wish.profile;
    profile_find(&profile, slice_trim(ask->turn->want_profile));
    return profile;
}

static enum nigh_status check_want_profile(const struct turn *turn, struct nigh_err *err)
{
    enum profile profile;

    if (turn->want_profile.len == 0 || profile_find(&profile, slice_trim(turn->want_profile)))
        return NIGH_OK;
    return nigh_fail(err, NIGH_INVALID,
                     "Nigh-Profile: there are balanced, private, fast, frugal, "
                     "best, green");
}

static bool ask_skills(struct ask *ask)
{
    const struct wish *wish = &ask->wish;

    if (!ask->config->skills || !(wish->any || slice_is(wish->name, "skill")))
        return false;
    return skill_match(&ask->plan->skill, ask->config->skills, ask->turn, ask->arena);
}

NIGH_MUST enum nigh_status route_decide(struct plan *ret, const struct route_config *config,
                                        const struct turn *turn, struct place *const *places,
                                        size_t n, struct arena *arena, struct nigh_err *err)
{
    struct ask ask = {.plan = ret, .config = config, .turn = turn, .arena = arena};
    enum nigh_status status;

    memset(ret, 0, sizeof *ret);
    status = check_want_profile(turn, err);
    if (status == NIGH_OK)
        status = wish_read(&ask.wish, config, turn->model, places, n, err);
    if (status != NIGH_OK)
        return status;
    ret->candidates = arena_calloc(arena, n + 1, sizeof *ret->candidates);
    if (!ret->candidates)
        return nigh_fail(err, NIGH_NOMEM, "plan: the turn's memory is at its ceiling");
    ret->model = ask.wish.name;
    ret->verb = turn->verb;
    ret->named = !ask.wish.any;
    ret->profile = wanted_profile(&ask);
    traits_read(&ret->traits, turn);
    if (config->zones)
        label_text(ret->label, config->zones, turn->label);
    ret->skill_sure = ask_skills(&ask);
    ret->n = n;
    for (size_t i = 0; i < n; i++) {
        ret->candidates[i].place = places[i];
        consider(&ask, &ret->candidates[i]);
    }
    keep_one_model(&ask);
    order(ret);
    if (ret->n_usable == 0)
        return refuse(&ask, err);
    say_reason(ret);
    return NIGH_OK;
}

static void put_round(struct buf *out, const char *key, double n, double per_unit)
{
    json_put_num(out, key, round(n * per_unit) / per_unit);
}

static void put_estimate(struct buf *out, const struct estimate *e)
{
    json_key(out, "estimate");
    buf_add_char(out, '{');
    put_round(out, "quality", e->quality, 1000);
    put_round(out, "first_ms", e->first_ms, 10);
    put_round(out, "total_ms", e->total_ms, 10);
    json_put_cstr(out, "latency_basis", basis_text(e->latency_basis));
    if (e->cost_uusd < 0)
        json_put_null(out, "cost_uusd");
    else
        json_put_int(out, "cost_uusd", e->cost_uusd);
    json_put_int(out, "energy_uj", (int64_t)e->energy.uj);
    json_put_int(out, "energy_low_uj", (int64_t)e->energy.low_uj);
    json_put_int(out, "energy_high_uj", (int64_t)e->energy.high_uj);
    json_put_int(out, "bytes_out", (int64_t)e->bytes_out);
    buf_add_char(out, '}');
}

static void put_candidate(struct buf *out, const struct candidate *c)
{
    json_sep(out);
    buf_add_char(out, '{');
    json_put_cstr(out, "place", c->place->name);
    if (c->drop != DROP_NONE) {
        json_put_cstr(out, "out", drop_text(c->drop));
        json_put_cstr(out, "why", c->why);
    } else {
        put_round(out, "utility", c->utility, 1000);
    }
    if (c->drop != DROP_NAME && c->drop != DROP_LABEL)
        put_estimate(out, &c->estimate);
    buf_add_char(out, '}');
}

static void put_hedge(struct buf *out, const struct plan_hedge *hedge)
{
    json_key(out, "hedge");
    buf_add_char(out, '{');
    json_put_cstr(out, "place", hedge->place->name);
    json_put_int(out, "after_ms", (int64_t)hedge->after_ms);
    json_put_cstr(out, "ended", hedge->cancelled ? "cancelled" : "failed");
    json_put_int(out, "bytes_out", hedge->bytes_out);
    json_put_int(out, "bytes_in", hedge->bytes_in);
    json_put_int(out, "tokens_in", hedge->tokens_in);
    if (hedge->cost_uusd < 0)
        json_put_null(out, "cost_uusd");
    else
        json_put_int(out, "cost_uusd", hedge->cost_uusd);
    json_put_cstr(out, "basis", basis_text(BASIS_MODELLED));
    buf_add_char(out, '}');
}

void plan_json(const struct plan *plan, struct buf *out)
{
    char words[TRAITS_WORDS_BYTES];

    traits_words(words, &plan->traits);
    buf_add_char(out, '{');
    json_put_str(out, "model", plan->model);
    json_put_cstr(out, "verb", verb_text(plan->verb));
    json_put_cstr(out, "profile", profile_text(plan->profile));
    json_put_cstr(out, "label", plan->label);
    put_round(out, "difficulty", plan->traits.difficulty, 1000);
    json_put_cstr(out, "because", words);
    json_put_int(out, "tokens_in", (int64_t)plan->traits.tokens_in);
    json_put_int(out, "tokens_out", (int64_t)plan->traits.tokens_out);
    json_put_cstr(out, "skill", plan->skill_sure ? plan->skill.skill->name : NULL);
    json_put_cstr(out, "reason", plan->reason);
    if (plan->hedge.place)
        put_hedge(out, &plan->hedge);
    json_key(out, "candidates");
    buf_add_char(out, '[');
    for (size_t i = 0; i < plan->n; i++)
        put_candidate(out, &plan->candidates[i]);
    buf_add_cstr(out, "]}");
}
