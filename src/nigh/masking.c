#include "nigh/masking.h"

#include "base/fault.h"
#include "label/defang.h"
#include "nigh/dispatch.h"
#include <stdio.h>
#include <stdlib.h>

struct stream {
    enum event_kind kind;
    unsigned choice, call;
    /* The whole is masked at its end, before it is told: arguments of a public tool, called by a
     * place that saw the values themselves. */
    bool gathers;
    bool plain; /* told as it comes: a public tool is called by a place that saw placeholders */
    bool ended;
    bool masked; /* placeholders stand in it */
    struct restore restore;
    struct defang defang;
    struct buf gathered;
};

enum { STREAMS_MAX = 1024 }; /* a guess: eight choices of ANSWER_CALLS_MAX calls each */

void masking_reset(struct masking *m)
{
    for (size_t i = 0; i < m->n; i++)
        buf_done(&m->streams[i].gathered);
    m->n = 0;
    m->looked_bytes = 0;
}

void masking_done(struct masking *m)
{
    masking_reset(m);
    free(m->streams);
    buf_done(&m->out);
}

/* ---- out ---- */

static bool has_values(const struct request *r)
{
    return r->mask && mask_count(r->mask) > 0;
}

enum nigh_status masking_clear(struct request *r, struct run *run, struct clearance **ret_pass,
                               struct nigh_err *err)
{
    struct place *place = run->place;
    enum nigh_status status = place->ops->encode(place, run->turn, run->arena, &run->body, err);

    if (status == NIGH_OK && place->dest.zone == ZONE_PUBLIC && has_values(r)) {
        status = mask_body(r->mask, run->body, run->arena, &run->body, err);
        run->masked = status == NIGH_OK ? mask_replaced(r->mask) : 0;
    }
    if (status == NIGH_OK)
        status = gate_clear(r->node->gate, ret_pass, r->walk.id, r->walk.turn.label, &place->dest,
                            run->body, err);
    if (status == NIGH_OK && run->masked > 0)
        clearance_masked(*ret_pass, run->masked);
    return status;
}

/* ---- streams ---- */

static struct stream *stream_find(const struct masking *m, const struct event *e)
{
    for (size_t i = m->n; i-- > 0;) {
        struct stream *s = &m->streams[i];
        if (s->kind == e->kind && s->choice == e->choice &&
            (s->call == e->call || e->kind != EVENT_ARGUMENTS))
            return s;
    }
    return NULL;
}

/* ---- links ---- */

/* Of a turn's texts, in one answer, to see whether hosts of its links stand there: 0.1 s.  A host
 * that comes later is foreign. */
enum { LOOKED_BYTES_MAX = 64 << 20 };

/* What the user said or was told by the system prompt.  Not what a tool or a model brought: who
 * wants to have something fetched can name its host there. */
static bool is_users_own(enum role role)
{
    return role == ROLE_USER || role == ROLE_SYSTEM || role == ROLE_DEVELOPER;
}

static bool message_names(struct request *r, const struct message *m, struct slice host)
{
    for (size_t i = 0; i < m->n_parts; i++) {
        struct slice texts[] = {m->parts[i].text, m->parts[i].url};
        for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
            r->masking.looked_bytes += texts[k].len;
            if (r->masking.looked_bytes > LOOKED_BYTES_MAX)
                return false;
            if (defang_stands(texts[k], host))
                return true;
        }
    }
    return false;
}

/* A host may be private itself: then it is looked for as the user wrote it. */
static bool turn_names(void *owner, struct slice host)
{
    CLEANUP(buf_done) struct buf said = {0};
    struct request *r = owner;
    const struct turn *turn = &r->walk.turn;
    struct restore restore;

    if (r->mask) {
        restore_init(&restore, r->mask, false);
        if (restore_text(&restore, host, &said, NULL) != NIGH_OK ||
            restore_end(&restore, &said, NULL) != NIGH_OK)
            return false;
        host = buf_slice(&said);
    }
    for (size_t i = 0; i < turn->n_messages; i++)
        if (is_users_own(turn->messages[i].role) && message_names(r, &turn->messages[i], host))
            return true;
    return false;
}

/* A byte of the answer on its way through defang. */
static void told(void *owner, char c, bool foreign)
{
    struct request *r = owner;
    struct masking *m = &r->masking;

    if (!m->at->masked) {
        buf_add_char(&m->out, c);
        return;
    }
    m->at->restore.literal = foreign;
    if (restore_text(&m->at->restore, (struct slice){&c, 1}, &m->out, NULL) != NIGH_OK)
        m->out.failed = true;
}

static bool rewrites_links(const struct request *r, enum event_kind kind)
{
    return r->setting->config->links_neutralise && kind != EVENT_ARGUMENTS;
}

/* ---- a stream ---- */

/* Arguments, and an answer that was asked for as JSON: values are put back escaped. */
static bool is_json(const struct turn *turn, enum event_kind kind)
{
    bool wanted = turn->format == FORMAT_JSON || turn->format == FORMAT_SCHEMA;

    return kind == EVENT_ARGUMENTS || (kind == EVENT_TEXT && wanted);
}

static struct stream *stream_new(struct request *r, const struct run *run, enum event_kind kind,
                                 const struct event *e)
{
    struct masking *m = &r->masking;
    struct defang_spec spec = {
        .keep = !rewrites_links(r, kind), .knows = turn_names, .told = told, .owner = r};

    if (m->n == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 4;
        struct stream *all = m->n == STREAMS_MAX || fault_hit(FAULT_ALLOC)
                                 ? NULL
                                 : realloc(m->streams, cap * sizeof *all);
        if (!all)
            return NULL;
        m->streams = all;
        m->cap = cap;
    }
    struct stream *s = &m->streams[m->n++];
    *s = (struct stream){
        .kind = kind, .choice = e->choice, .call = e->call, .masked = run->masked > 0};
    restore_init(&s->restore, r->mask, is_json(&r->walk.turn, kind));
    defang_init(&s->defang, &spec);
    return s;
}

static enum nigh_status no_room(struct nigh_err *err)
{
    return nigh_fail(err, NIGH_NOMEM, "no memory for the answer's pieces");
}

static enum nigh_status tell_text(struct request *r, struct run *run, const struct stream *s,
                                  struct slice text, struct nigh_err *err)
{
    struct event e = {.kind = s->kind, .choice = s->choice, .call = s->call, .text = text};

    return text.len > 0 ? request_tell(r, run, &e, err) : NIGH_OK;
}

/* A piece of it as the caller is to have it, into the scratch buffer. */
static enum nigh_status stream_piece(struct request *r, struct stream *s, struct slice text,
                                     struct nigh_err *err)
{
    struct masking *m = &r->masking;

    buf_reset(&m->out);
    if (s->kind == EVENT_ARGUMENTS)
        return restore_text(&s->restore, text, &m->out, err);
    m->at = s;
    defang_text(&s->defang, text);
    return m->out.failed ? no_room(err) : NIGH_OK;
}

static enum nigh_status stream_end(struct request *r, struct run *run, struct stream *s,
                                   struct nigh_err *err)
{
    struct masking *m = &r->masking;
    enum nigh_status status = NIGH_OK;

    if (s->ended || s->plain)
        return NIGH_OK;
    s->ended = true;
    buf_reset(&m->out);
    if (s->gathers) {
        status = mask_text(r->mask, buf_slice(&s->gathered), true, &m->out, err);
    } else {
        m->at = s;
        defang_end(&s->defang);
        status = s->masked ? restore_end(&s->restore, &m->out, err) : NIGH_OK;
    }
    if (status == NIGH_OK && m->out.failed)
        status = no_room(err);
    return status == NIGH_OK ? tell_text(r, run, s, buf_slice(&m->out), err) : status;
}

/* Those of this choice which e does not go on with.  Arguments of several calls may come in turns;
 * of everything else the next begins when the one before is over. */
static enum nigh_status end_others(struct request *r, struct run *run, const struct event *e,
                                   struct nigh_err *err)
{
    enum nigh_status status = NIGH_OK;

    for (size_t i = 0; i < r->masking.n && status == NIGH_OK; i++) {
        struct stream *s = &r->masking.streams[i];
        if (s->choice == e->choice && s->kind != e->kind)
            status = stream_end(r, run, s, err);
    }
    return status;
}

static enum nigh_status end_all(struct request *r, struct run *run, struct nigh_err *err)
{
    enum nigh_status status = NIGH_OK;

    for (size_t i = 0; i < r->masking.n && status == NIGH_OK; i++)
        status = stream_end(r, run, &r->masking.streams[i], err);
    return status;
}

/* ---- pieces ---- */

static enum nigh_status on_text(struct request *r, struct run *run, const struct event *e,
                                struct nigh_err *err)
{
    struct stream *s = stream_find(&r->masking, e);
    enum nigh_status status = end_others(r, run, e, err);

    if (status != NIGH_OK)
        return status;
    if (!s && !run->masked && !rewrites_links(r, e->kind))
        return request_tell(r, run, e, err);
    if (s && s->ended && s->gathers)
        return nigh_fail(err, NIGH_UPSTREAM, "a call's arguments went on after their end");
    if (!s && !(s = stream_new(r, run, e->kind, e)))
        return no_room(err);
    s->ended = false;
    if (s->gathers) {
        buf_add_str(&s->gathered, e->text);
        return s->gathered.failed ? no_room(err) : NIGH_OK;
    }
    if (s->plain)
        return request_tell(r, run, e, err);
    status = stream_piece(r, s, e->text, err);
    return status == NIGH_OK ? tell_text(r, run, s, buf_slice(&r->masking.out), err) : status;
}

/* ---- calls ---- */

/* A model may call what nobody declared, by any name it likes: that one is not repeated. */
static struct slice declared_name(const struct turn *turn, struct slice name)
{
    for (size_t i = 0; i < turn->n_tools; i++)
        if (slice_eq(turn->tools[i].name, name))
            return name;
    return SLICE("(not declared)");
}

static enum nigh_status deny(struct request *r, struct slice name, unsigned zone,
                             struct nigh_err *err)
{
    const struct zones *zones = &r->setting->zones;
    char label[LABEL_TEXT_BYTES], tool[80];
    struct ledger_entry entry = {.turn = r->walk.id,
                                 .place = tool,
                                 .address = "tool",
                                 .zone = zone,
                                 .label = r->walk.turn.label};

    name = declared_name(&r->walk.turn, name);
    label_text(label, zones, r->walk.turn.label);
    snprintf(tool, sizeof tool, "tool %.*s", (int)(name.len < 64 ? name.len : 64), name.p);
    nigh_fail(err, NIGH_DENIED, "label %.64s does not permit %s, which works in zone %s", label,
              tool, zones->name[zone]);
    ledger_denied(r->node->ledger, &entry, err->what);
    return NIGH_DENIED;
}

static enum nigh_status on_call(struct request *r, struct run *run, const struct event *e,
                                struct nigh_err *err)
{
    int zone = toolzone_find(&r->setting->tools, e->name);
    enum nigh_status status = end_others(r, run, e, err);

    if (status != NIGH_OK)
        return status;
    if (zone != TOOLZONE_NONE && !label_permits(r->walk.turn.label, (unsigned)zone))
        return deny(r, e->name, (unsigned)zone, err);
    if (zone == ZONE_PUBLIC && has_values(r)) {
        struct stream *s = stream_new(r, run, EVENT_ARGUMENTS, e);
        if (!s)
            return no_room(err);
        s->plain = run->masked > 0;
        s->gathers = !s->plain;
    }
    return request_tell(r, run, e, err);
}

/* ---- the rest ---- */

static enum nigh_status on_finish(struct request *r, struct run *run, const struct event *e,
                                  struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf stop = {0};
    struct event told = *e;
    struct restore restore;
    enum nigh_status status = end_others(r, run, e, err);

    if (status == NIGH_OK && run->masked && e->text.len > 0) { /* the stop sequence that was met */
        restore_init(&restore, r->mask, false);
        status = restore_text(&restore, e->text, &stop, err);
        if (status == NIGH_OK)
            status = restore_end(&restore, &stop, err);
        told.text = buf_slice(&stop);
    }
    return status == NIGH_OK ? request_tell(r, run, &told, err) : status;
}

static enum nigh_status on_sealed(struct request *r, struct run *run, const struct event *e,
                                  struct nigh_err *err)
{
    enum nigh_status status = end_others(r, run, e, err);

    return status == NIGH_OK ? request_tell(r, run, e, err) : status;
}

static enum nigh_status on_logprobs(struct request *r, struct run *run, const struct event *e,
                                    struct nigh_err *err)
{
    if (run->masked || rewrites_links(r, e->kind)) /* they tell of other letters */
        return NIGH_OK;
    return request_tell(r, run, e, err);
}

static enum nigh_status on_end(struct request *r, struct run *run, const struct event *e,
                               struct nigh_err *err)
{
    enum nigh_status status = end_all(r, run, err);

    return status == NIGH_OK ? request_tell(r, run, e, err) : status;
}

/* Kinds without a row are told as they come. */
static enum nigh_status (*const on[])(struct request *, struct run *, const struct event *,
                                      struct nigh_err *) = {
    [EVENT_TEXT] = on_text,       [EVENT_REASONING] = on_text,    [EVENT_REFUSAL] = on_text,
    [EVENT_CALL] = on_call,       [EVENT_ARGUMENTS] = on_text,    [EVENT_SIGNATURE] = on_sealed,
    [EVENT_REDACTED] = on_sealed, [EVENT_LOGPROBS] = on_logprobs, [EVENT_FINISH] = on_finish,
    [EVENT_END] = on_end,
};

enum nigh_status masking_event(struct request *r, struct run *run, const struct event *event,
                               struct nigh_err *err)
{
    return on[event->kind] ? on[event->kind](r, run, event, err) : request_tell(r, run, event, err);
}
