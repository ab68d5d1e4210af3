#include "nigh/labelling.h"

#include "base/log.h"
#include "label/consent.h"
#include "label/session.h"
#include "nigh/detector.h"
#include "nigh/kept.h"
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

static const struct text_at whole = {TEXT_NOWHERE, TEXT_NOWHERE, TEXT_NAME};

/* A part or message that somebody narrowed. */
struct segment {
    struct text_at at;
    struct label label;
    char source[48];
};

/* One labelling of one turn; in its arena. */
struct labelling {
    struct request *r;
    struct label firm; /* what no consent lifts and no config repeats: for the session */
    struct session_cause causes[SESSION_CAUSES_MAX];
    size_t n_causes;
    char used[LABELLING_CONSENTS_MAX][ID_BYTES]; /* consents */
    size_t n_used;
    struct segment segments[LABELLING_SEGMENTS_MAX];
    size_t n_segments;
    size_t work_bytes;              /* of all texts, as they take time to search */
    struct text_at at;              /* of the text whose rules are asked */
    char said[DETECT_BORDER_BYTES]; /* the session's, while a worker reads it */
    struct search search;
    struct search_spec spec;
    struct nigh_err err; /* why there was no search */
    struct work work;
    bool busy;
};

static struct turn *turn_of(struct labelling *l)
{
    return &l->r->walk.turn;
}

static const struct zones *zones_of(const struct labelling *l)
{
    return &l->r->setting->zones;
}

/* --- narrowing --- */

static struct part *part_of(const struct turn *turn, struct text_at at)
{
    if (at.message == TEXT_NOWHERE || at.part == TEXT_NOWHERE)
        return NULL;
    return &turn->messages[at.message].parts[at.part];
}

static void add_segment(struct labelling *l, struct text_at at, struct label label,
                        const char *source)
{
    if (l->n_segments == LABELLING_SEGMENTS_MAX)
        return;
    struct segment *s = &l->segments[l->n_segments++];
    *s = (struct segment){.at = at, .label = label};
    snprintf(s->source, sizeof s->source, "%s", source);
}

/* Does it forbid any zone at all? */
static bool narrows(const struct labelling *l, struct label by)
{
    const struct label anywhere = zones_of(l)->label[ZONE_PUBLIC];

    return label_join(anywhere, by).zones != anywhere.zones;
}

/* Joins, and remembers who narrowed it last. */
static void narrow(struct labelling *l, struct text_at at, struct label by, const char *source)
{
    struct turn *turn = turn_of(l);
    struct part *part = part_of(turn, at);
    struct label joined = label_join(turn->label, by);

    if (!narrows(l, by))
        return;
    if (part && label_join(part->label, by).zones != part->label.zones) {
        part->label = label_join(part->label, by);
        add_segment(l, at, part->label, source);
    } else if (!part && at.message != TEXT_NOWHERE) {
        add_segment(l, at, by, source);
    }
    if (joined.zones == turn->label.zones)
        return;
    turn->label = joined;
    snprintf(turn->label_source, sizeof turn->label_source, "%s", source);
}

/* By what no consent lifts. */
static void narrow_firm(struct labelling *l, struct text_at at, struct label by, const char *source)
{
    l->firm = label_join(l->firm, by);
    narrow(l, at, by, source);
}

static struct label not_public(void)
{
    return (struct label){~(UINT64_C(1) << ZONE_PUBLIC)};
}

/* What would have narrowed it, for the session: what does not fit is lifted by no consent there. */
static void add_cause(struct labelling *l, const struct session_cause *cause, struct label by)
{
    for (size_t i = 0; i < l->n_causes; i++)
        if (imprint_eq(&l->causes[i].imprint, &cause->imprint))
            return;
    if (l->n_causes == SESSION_CAUSES_MAX)
        l->firm = label_join(l->firm, by);
    else
        l->causes[l->n_causes++] = *cause;
}

/* --- consents --- */

static const struct consent *lifted(struct labelling *l, enum consent_kind kind,
                                    const struct imprint *imprint)
{
    struct consents *all = l->r->node->consents;
    const struct consent *consent = consent_find(all, kind, imprint);
    size_t i = 0;

    if (!consent)
        return NULL;
    while (i < l->n_used && strcmp(l->used[i], consent->id) != 0)
        i++;
    if (i < LABELLING_CONSENTS_MAX && i == l->n_used) {
        memcpy(l->used[l->n_used++], consent->id, ID_BYTES);
        if (!l->r->preview)
            consent_used(all, consent);
    }
    return consent;
}

/* How far a consent lets it go; what names no zone any more widens nothing. */
static struct label widened(const struct labelling *l, struct label label,
                            const struct consent *consent)
{
    struct label to;

    if (consent && label_parse(&to, zones_of(l), slice_of(consent->zone), NULL) == NIGH_OK)
        label.zones |= to.zones;
    return label;
}

static bool wanted(const struct labelling *l, enum consent_kind kind)
{
    return l->r->walk.turn.session.p || consents_any(l->r->node->consents, kind);
}

/* --- the turn as a whole --- */

/* A boundary that we do not know is never guessed.  Its name is told when it could be one. */
static enum walk_step refuse_label(struct request *r)
{
    struct slice name = r->walk.turn.want_label;
    struct nigh_err err = {0};
    size_t i = 0;

    while (i < name.len && i < 33 && (isalnum((unsigned char)name.p[i]) || strchr("_-", name.p[i])))
        i++;
    if (i == name.len && i <= 32)
        nigh_fail(&err, NIGH_INVALID, "label: no zone `%.*s` in the config", (int)name.len, name.p);
    else
        nigh_fail(&err, NIGH_INVALID, "label: expected the name of a zone in the config");
    return request_refuse(r, &err);
}

static void on_rule(void *owner, size_t rule, struct label label)
{
    struct labelling *l = owner;
    const struct rule_spec *spec = &l->r->setting->config->rules[rule];
    struct session_cause cause = {.rule = true};
    char source[24];

    if (narrows(l, label) && wanted(l, CONSENT_RULE)) {
        imprint_of_rule(l->r->node->imprints, spec, &cause.imprint);
        snprintf(cause.zone, sizeof cause.zone, "%s", spec->label);
        if (spec->text)
            add_cause(l, &cause, label);
        label = widened(l, label, lifted(l, CONSENT_RULE, &cause.imprint));
    }
    snprintf(source, sizeof source, "rule %zu", rule + 1);
    narrow(l, l->at, label, source);
}

static void session_cause_again(struct labelling *l, const struct session_cause *cause)
{
    enum consent_kind kind = cause->rule ? CONSENT_RULE : CONSENT_VALUE;
    struct label by = cause->rule ? kept_label(zones_of(l), slice_of(cause->zone)) : not_public();
    const struct consent *consent = lifted(l, kind, &cause->imprint);

    if (consent && !cause->rule)
        return;
    narrow(l, whole, widened(l, by, consent), "session");
}

static void label_by_session(struct labelling *l)
{
    struct request *r = l->r;
    struct session *session =
        r->walk.turn.session.p
            ? session_of(r->node->sessions, slice_of(r->key), r->walk.turn.session)
            : NULL;
    const struct session_cause *causes;

    if (!session)
        return;
    if (session_label(session)[0])
        narrow_firm(l, whole, kept_label(zones_of(l), slice_of(session_label(session))), "session");
    size_t n = session_causes(session, &causes);
    for (size_t i = 0; i < n; i++)
        session_cause_again(l, &causes[i]);
    struct slice said = session_said(session);
    l->spec.before = (struct slice){l->said, said.len};
    if (said.len)
        memcpy(l->said, said.p, said.len);
}

/* false: the caller's label is none; the walk goes on to *ret. */
static bool label_whole(struct labelling *l, enum walk_step *ret)
{
    struct request *r = l->r;
    struct turn *turn = turn_of(l);
    struct label wanted;

    turn->label = zones_of(l)->label[ZONE_PUBLIC];
    snprintf(turn->label_source, sizeof turn->label_source, "default");
    narrow(l, whole, r->setting->default_label, "default");
    if (turn->want_label.p) {
        if (label_parse(&wanted, zones_of(l), turn->want_label, NULL) != NIGH_OK) {
            *ret = refuse_label(r);
            return false;
        }
        narrow_firm(l, whole, wanted, "caller");
    }
    for (size_t i = 0; i < r->past.n_labels; i++)
        narrow_firm(l, whole, kept_label(zones_of(l), r->past.labels[i]), "earlier answer");
    if (r->who)
        narrow(l, whole, scope_ceiling(&r->who->scope, zones_of(l)), "key");
    l->at = whole;
    rules_key(r->setting->rules, slice_of(r->key), on_rule, l);
    label_by_session(l);
    return true;
}

/* --- where data came from --- */

/* Where a result with this id came from. */
struct called {
    struct slice id;
    struct label label;
    int zone; /* that its tool was declared in; TOOLZONE_NONE: in none, or in several */
};

static int by_id(const void *a, const void *b)
{
    const struct called *x = a, *y = b;
    size_t len = x->id.len < y->id.len ? x->id.len : y->id.len;
    int order = len ? memcmp(x->id.p, y->id.p, len) : 0;

    return order ? order : (x->id.len > y->id.len) - (x->id.len < y->id.len);
}

static struct called called_of(const struct labelling *l, struct slice id, struct slice name)
{
    int zone = toolzone_find(&l->r->setting->tools, name);

    return (struct called){id, zone == TOOLZONE_NONE ? LABEL_ANYWHERE : zones_of(l)->label[zone],
                           zone};
}

static size_t gather_calls(struct labelling *l, struct called *ret)
{
    const struct turn *turn = turn_of(l);
    size_t n = 0;

    for (size_t i = 0; i < turn->n_messages; i++)
        for (size_t k = 0; k < turn->messages[i].n_parts; k++) {
            const struct part *p = &turn->messages[i].parts[k];
            if (p->kind == PART_CALL && ret)
                ret[n] = called_of(l, p->call_id, p->name);
            n += p->kind == PART_CALL;
        }
    return n;
}

/* One id may name many calls (call_0 of every answer): a result of it could be any of theirs. */
static size_t join_calls(struct called *calls, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        struct called *last = kept > 0 ? &calls[kept - 1] : NULL;
        if (!last || by_id(last, &calls[i]) != 0) {
            calls[kept++] = calls[i];
            continue;
        }
        if (last->zone != calls[i].zone)
            last->zone = last->zone == TOOLZONE_NONE ? calls[i].zone : TOOLZONE_NONE;
        last->label = label_join(last->label, calls[i].label);
    }
    return kept;
}

/* A result whose call is not there could be any tool's: what all of them have in common. */
static struct called any_tool(const struct labelling *l)
{
    const struct toolzones *tools = &l->r->setting->tools;
    struct called any = {.label = LABEL_ANYWHERE, .zone = TOOLZONE_NONE};

    for (size_t i = 0; i < tools->n; i++)
        any.label = label_join(any.label, zones_of(l)->label[tools->all[i].zone]);
    if (tools->other != TOOLZONE_NONE)
        any.label = label_join(any.label, zones_of(l)->label[tools->other]);
    return any;
}

static void narrow_result(struct labelling *l, uint32_t message, const struct called *from)
{
    struct text_at at = {message, TEXT_NOWHERE, TEXT_NAME};
    char source[48] = "tool";

    if (from->zone != TOOLZONE_NONE)
        snprintf(source, sizeof source, "tool in %.32s", zones_of(l)->name[from->zone]);
    for (size_t k = 0; k < turn_of(l)->messages[message].n_parts; k++) {
        at.part = (uint32_t)k;
        narrow_firm(l, at, from->label, source);
    }
    narrow_firm(l, whole, from->label, source);
}

static enum nigh_status label_results(struct labelling *l, struct nigh_err *err)
{
    const struct toolzones *tools = &l->r->setting->tools;
    const struct turn *turn = turn_of(l);
    const struct called any = any_tool(l);

    if (tools->n == 0 && tools->other == TOOLZONE_NONE)
        return NIGH_OK;
    size_t n = gather_calls(l, NULL);
    struct called *calls = arena_calloc(&l->r->walk.arena, n + 1, sizeof *calls);
    if (!calls)
        return nigh_fail(err, NIGH_NOMEM, "out of memory for this turn");
    qsort(calls, gather_calls(l, calls), sizeof *calls, by_id);
    n = join_calls(calls, n);
    for (size_t i = 0; i < turn->n_messages; i++) {
        const struct message *m = &turn->messages[i];
        const struct called key = {.id = m->call_id}, named = called_of(l, m->call_id, m->name);
        if (m->role != ROLE_TOOL)
            continue;
        const struct called *call = n ? bsearch(&key, calls, n, sizeof *calls, by_id) : NULL;
        /* Without an id its name is all there is; an id that no call has is no one's. */
        bool by_name = !m->call_id.p && m->name.p;
        narrow_result(l, (uint32_t)i, call ? call : by_name ? &named : &any);
    }
    return NIGH_OK;
}

static void label_parts(struct turn *turn)
{
    for (size_t i = 0; i < turn->n_messages; i++)
        for (size_t k = 0; k < turn->messages[i].n_parts; k++)
            turn->messages[i].parts[k].label = LABEL_ANYWHERE;
}

/* --- rules by text --- */

static bool ask_rules(void *owner, struct slice text, struct text_at at)
{
    struct labelling *l = owner;
    struct request *r = l->r;

    l->at = at;
    if (!rules_text(r->setting->rules, slice_of(r->key), text, on_rule, l))
        narrow_firm(l, at, zones_of(l)->label[ZONE_DEVICE], "failed scan");
    return true;
}

/* Arguments may spell a word with escapes; then they are read as the JSON they are, too. */
static bool on_text(void *owner, struct slice text, struct text_at at)
{
    struct labelling *l = owner;
    yyjson_val *root;

    l->work_bytes += text.len + LABELLING_TEXT_BYTES;
    if (at.kind == TEXT_JSON && memchr(text.p, '\\', text.len) &&
        json_parse(&root, text, &l->r->walk.arena, NULL) == NIGH_OK)
        turn_each_string(root, at, ask_rules, l);
    return ask_rules(l, text, at);
}

/* --- detection --- */

static bool kept_back(const struct labelling *l, const struct find *find)
{
    return find->border || l->spec.policy[find->group] == DETECT_KEEP ||
           find->end - find->start > LABELLING_MASKED_BYTES_MAX;
}

/* Neither kept nor masked: its user said so. */
static bool find_lifted(struct labelling *l, const struct find *find, struct imprint *imprint)
{
    if (!imprint_of_value(l->r->node->imprints, find_value(find), imprint))
        return false;
    return lifted(l, CONSENT_VALUE, imprint) != NULL;
}

static void keep_find(struct labelling *l, const struct find *find)
{
    struct session_cause cause = {0};
    char source[48];

    if (wanted(l, CONSENT_VALUE)) {
        bool may = find_lifted(l, find, &cause.imprint);
        add_cause(l, &cause, not_public());
        if (may)
            return;
    }
    snprintf(source, sizeof source, "found %s%s", detect_group_text(find->group),
             find->at.kind == TEXT_HEADER ? " in a header"
             : find->border               ? " in pieces"
                                          : "");
    narrow(l, find->at, not_public(), source);
}

/* What the turns of a conversation have in common: its name, or what it began with. */
static struct slice conversation_of(const struct turn *turn)
{
    if (turn->session.p)
        return turn->session;
    for (size_t i = 0; i < turn->n_messages; i++) {
        const struct message *m = &turn->messages[i];
        if (m->role == ROLE_USER && m->n_parts > 0)
            return m->parts[0].text;
    }
    return (struct slice){0};
}

static enum nigh_status mask_make(struct request *r, struct nigh_err *err)
{
    unsigned char key[MASK_KEY_BYTES];

    mask_key_of(r->node->mask_keys, key, slice_of(r->key), conversation_of(&r->walk.turn));
    enum nigh_status status = mask_new(&r->mask, key, &r->walk.arena, err);
    sodium_memzero(key, sizeof key);
    return status;
}

static enum nigh_status mask_find(struct labelling *l, const struct find *find,
                                  struct nigh_err *err)
{
    struct request *r = l->r;
    struct imprint imprint;

    if (consents_any(r->node->consents, CONSENT_VALUE) && find_lifted(l, find, &imprint))
        return NIGH_OK;
    if (!r->mask && mask_make(r, err) != NIGH_OK)
        return NIGH_NOMEM;
    return mask_add(r->mask, find->type, find->text, find->start, find->end, err);
}

/* What is kept first: a turn that may not go to a public place needs no mask. */
static void apply_finds(struct labelling *l)
{
    const struct search *s = &l->search;

    for (size_t i = 0; i < s->n; i++)
        if (kept_back(l, &s->finds[i]))
            keep_find(l, &s->finds[i]);
    for (size_t i = 0; i < s->n && label_permits(turn_of(l)->label, ZONE_PUBLIC); i++)
        if (!kept_back(l, &s->finds[i]) && mask_find(l, &s->finds[i], NULL) != NIGH_OK)
            narrow_firm(l, s->finds[i].at, not_public(), "failed mask");
}

static void apply_search(struct labelling *l)
{
    if (l->err.status != NIGH_OK) {
        log_err(LOG_WARN, "label", "no search for private data: nothing goes to a public place",
                &l->err);
        narrow_firm(l, whole, not_public(), "failed scan");
    } else if (l->search.failed != NIGH_OK) {
        log_at(LOG_INFO, "label", "a search for private data did not end",
               LOG_WORD("turn", l->r->walk.id),
               LOG_WORD("status", nigh_status_text(l->search.failed)));
        narrow_firm(l, l->search.failed_at, not_public(), "failed scan");
    } else {
        apply_finds(l);
    }
}

/* --- the end --- */

static void remember(struct labelling *l)
{
    struct request *r = l->r;
    char firm[LABEL_TEXT_BYTES] = "", all[LABEL_TEXT_BYTES];
    struct session_seen seen = {
        .label = firm, .causes = l->causes, .n_causes = l->n_causes, .all = all};
    struct nigh_err err = {0};

    if (!r->walk.turn.session.p || r->preview)
        return;
    if (narrows(l, l->firm))
        label_text(firm, zones_of(l), label_join(l->firm, zones_of(l)->label[ZONE_PUBLIC]));
    label_text(all, zones_of(l), r->walk.turn.label);
    if (l->search.n_said)
        seen.said = (struct slice){l->search.said, l->search.n_said};
    if (session_narrow(r->node->sessions, slice_of(r->key), r->walk.turn.session, &seen, &err) !=
        NIGH_OK)
        log_err(LOG_WARN, "label", "a session would not outlast a restart", &err);
}

static void tell_consent(struct labelling *l)
{
    char *source = turn_of(l)->label_source;
    size_t len = strlen(source);

    if (l->n_used > 0)
        snprintf(source + len, sizeof turn_of(l)->label_source - len, ", consent %s",
                 l->used[l->n_used - 1]);
}

static enum walk_step finish(struct labelling *l)
{
    remember(l);
    tell_consent(l);
    search_done(&l->search);
    return STEP_PLAN;
}

/* --- on the lane --- */

static void search_run(struct work *work)
{
    struct labelling *l = CONTAINER_OF(work, struct labelling, work);
    struct detect *detect;

    if (detector_aside(l->r->setting->detector, &detect, &l->err) == NIGH_OK)
        search_turn(&l->search, detect, turn_of(l), &l->spec);
}

static void search_over(struct work *work)
{
    struct labelling *l = CONTAINER_OF(work, struct labelling, work);
    struct request *r = l->r;

    l->busy = false;
    if (r->walk.at == STEP_END) {
        search_done(&l->search);
        request_bury(r);
        return;
    }
    apply_search(l);
    walk_go(&r->walk, finish(l));
}

static enum walk_step search_aside(struct labelling *l)
{
    struct nigh_err err = {0};

    l->work = (struct work){.run = search_run, .done = search_over};
    if (work_submit(l->r->node->scans, &l->work, &err) != NIGH_OK) {
        enum walk_step next = request_refuse(l->r, &err);
        l->r->refusal.retry_after_ms = LABELLING_RETRY_MS;
        return next;
    }
    l->busy = true;
    return STEP_PARK;
}

static enum walk_step search_here(struct labelling *l)
{
    struct detect *detect;

    if (detector_here(l->r->setting->detector, &detect, &l->err) == NIGH_OK)
        search_turn(&l->search, detect, turn_of(l), &l->spec);
    apply_search(l);
    return finish(l);
}

/* --- the step --- */

static bool is_long(const struct labelling *l)
{
    bool names = detector_names(l->r->setting->detector);

    return l->work_bytes > (names ? LABELLING_HERE_NAMES_BYTES : LABELLING_HERE_BYTES);
}

static struct labelling *labelling_new(struct request *r)
{
    struct labelling *l = arena_calloc(&r->walk.arena, 1, sizeof *l);

    if (!l)
        return NULL;
    l->r = r;
    l->firm = LABEL_ANYWHERE;
    l->spec.policy = r->setting->config->detect.policy;
    l->spec.budget_us = r->setting->config->detect.budget_ms * 1000;
    r->mask = NULL;
    return r->labelling = l;
}

enum walk_step step_label(struct walk *walk)
{
    struct request *r = walk->owner;
    struct labelling *l = labelling_new(r);
    struct nigh_err err = {0};
    enum walk_step next;

    if (!l) {
        nigh_fail(&err, NIGH_NOMEM, "out of memory for this turn");
        return request_refuse(r, &err);
    }
    label_parts(&walk->turn);
    if (!label_whole(l, &next))
        return next;
    if (label_results(l, &err) != NIGH_OK)
        return request_refuse(r, &err);
    turn_each_text_at(&walk->turn, on_text, l);
    if (!r->setting->searches || !label_permits(walk->turn.label, ZONE_PUBLIC))
        return finish(l);
    return is_long(l) ? search_aside(l) : search_here(l);
}

bool labelling_busy(const struct request *r)
{
    return r->labelling && r->labelling->busy;
}

/* --- for the bill --- */

static void put_segment(const struct labelling *l, const struct segment *s, struct buf *out)
{
    char label[LABEL_TEXT_BYTES], at[48];
    struct label seen = label_join(s->label, zones_of(l)->label[ZONE_PUBLIC]);

    label_text(label, zones_of(l), seen);
    if (s->at.part == TEXT_NOWHERE)
        snprintf(at, sizeof at, "messages[%u]", s->at.message);
    else
        snprintf(at, sizeof at, "messages[%u].parts[%u]", s->at.message, s->at.part);
    json_sep(out);
    buf_add_char(out, '{');
    json_put_cstr(out, "at", at);
    json_put_cstr(out, "label", label);
    json_put_cstr(out, "source", s->source);
    buf_add_char(out, '}');
}

struct slice labelling_segments(const struct request *r)
{
    CLEANUP(buf_done) struct buf json = {0};
    const struct labelling *l = r->labelling;

    if (!l || l->n_segments == 0)
        return (struct slice){0};
    buf_add_char(&json, '[');
    for (size_t i = 0; i < l->n_segments; i++)
        put_segment(l, &l->segments[i], &json);
    buf_add_char(&json, ']');
    return json.failed ? (struct slice){0} : arena_dup(&l->r->walk.arena, buf_slice(&json));
}
