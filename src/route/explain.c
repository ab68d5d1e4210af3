#include "route/explain.h"
#include <math.h>
#include <stdio.h>
#include <time.h>

static double num(yyjson_val *obj, const char *key)
{
    return json_get_num(obj, key, NAN);
}

static struct slice str(yyjson_val *obj, const char *key)
{
    struct slice s = json_get_str(obj, key);

    return s.p ? s : SLICE("?");
}

static void add_duration(struct buf *out, double us)
{
    if (isnan(us))
        buf_add_cstr(out, "not known");
    else if (us < 1000)
        buf_printf(out, "%.0f us", us);
    else if (us < 1e6)
        buf_printf(out, "%.1f ms", us / 1e3);
    else
        buf_printf(out, "%.2f s", us / 1e6);
}

static void add_money(struct buf *out, double uusd)
{
    if (isnan(uusd))
        buf_add_cstr(out, "not known");
    else if (uusd == 0)
        buf_add_cstr(out, "free");
    else
        buf_printf(out, "%.6f USD", uusd / 1e6);
}

static void add_energy(struct buf *out, double uj)
{
    if (isnan(uj))
        buf_add_cstr(out, "not known");
    else if (uj < 1e6)
        buf_printf(out, "%.3g mJ", uj / 1e3);
    else
        buf_printf(out, "%.3g J", uj / 1e6);
}

static void add_candidate(yyjson_val *c, struct buf *out)
{
    yyjson_val *e = json_get(c, "estimate");

    buf_add_cstr(out, "  ");
    buf_add_str(out, str(c, "place"));
    if (json_get(c, "out")) {
        buf_add_cstr(out, ": out, ");
        buf_add_str(out, str(c, "why"));
        buf_add_char(out, '\n');
        return;
    }
    buf_printf(out, ": %.3f = good answer %.0f %%, first word ", num(c, "utility"),
               100 * num(e, "quality"));
    add_duration(out, 1000 * num(e, "first_ms"));
    buf_add_cstr(out, ", whole ");
    add_duration(out, 1000 * num(e, "total_ms"));
    buf_add_cstr(out, " (");
    buf_add_str(out, str(e, "latency_basis"));
    buf_add_cstr(out, "), ");
    add_money(out, num(e, "cost_uusd"));
    buf_add_cstr(out, ", ");
    add_energy(out, num(e, "energy_uj"));
    buf_printf(out, ", %.0f bytes out\n", num(e, "bytes_out"));
}

/* The place that was asked beside another and did not answer. */
static void add_hedge(yyjson_val *hedge, struct buf *out)
{
    if (!yyjson_is_obj(hedge))
        return;
    buf_add_cstr(out, "two were asked after ");
    add_duration(out, 1000 * num(hedge, "after_ms"));
    buf_add_cstr(out, " of silence; ");
    buf_add_str(out, str(hedge, "place"));
    buf_add_char(out, ' ');
    buf_add_str(out, str(hedge, "ended"));
    buf_printf(out, ": %.0f bytes out, %.0f in (measured), %.0f tokens, ", num(hedge, "bytes_out"),
               num(hedge, "bytes_in"), num(hedge, "tokens_in"));
    add_money(out, num(hedge, "cost_uusd"));
    buf_add_cstr(out, " (modelled)\n");
}

void explain_plan(yyjson_val *plan, struct buf *out)
{
    struct slice because = json_get_str(plan, "because"), verb = json_get_str(plan, "verb");
    size_t i, n;
    yyjson_val *c;

    buf_add_cstr(out, "plan: ");
    if (verb.len > 0 && !slice_is(verb, "chat")) {
        buf_add_cstr(out, "to ");
        buf_add_str(out, verb);
        buf_add_cstr(out, ", ");
    }
    buf_add_cstr(out, "profile ");
    buf_add_str(out, str(plan, "profile"));
    buf_printf(out, ", difficulty %.2f", num(plan, "difficulty"));
    if (because.len > 0) {
        buf_add_cstr(out, " (");
        buf_add_str(out, because);
        buf_add_char(out, ')');
    }
    buf_printf(out, ", about %.0f tokens in and %.0f out; best first:\n", num(plan, "tokens_in"),
               num(plan, "tokens_out"));
    yyjson_arr_foreach(json_get(plan, "candidates"), i, n, c)
    {
        add_candidate(c, out);
    }
    add_hedge(json_get(plan, "hedge"), out);
}

/* A member that may be an object or its JSON as a string; parsed into the arena then. */
static yyjson_val *object_of(yyjson_val *record, const char *key, struct arena *a)
{
    yyjson_val *v = json_get(record, key), *parsed = NULL;
    struct slice text = json_str(v);

    if (!text.p)
        return v;
    return json_parse(&parsed, text, a, NULL) == NIGH_OK ? parsed : NULL;
}

static void add_when(struct buf *out, double wall_us)
{
    time_t s = isnan(wall_us) ? 0 : (time_t)(wall_us / 1e6);
    struct tm tm;
    char text[32];

    if (s > 0 && gmtime_r(&s, &tm) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm))
        buf_printf(out, ", %s", text);
}

/* "  messages[2].parts[0]: home (tool in home)" */
static void add_segments(yyjson_val *segments, struct buf *out)
{
    size_t i, n;
    yyjson_val *one;

    yyjson_arr_foreach(segments, i, n, one)
    {
        buf_add_cstr(out, "  ");
        buf_add_str(out, str(one, "at"));
        buf_add_cstr(out, ": ");
        buf_add_str(out, str(one, "label"));
        buf_add_cstr(out, " (");
        buf_add_str(out, str(one, "source"));
        buf_add_cstr(out, ")\n");
    }
}

static void add_words(yyjson_val *r, struct buf *out)
{
    buf_add_cstr(out, "turn ");
    buf_add_str(out, str(r, "id"));
    add_when(out, num(r, "started"));
    buf_add_cstr(out, "\nasked for ");
    buf_add_str(out, str(r, "model_asked"));
    buf_add_cstr(out, ", label ");
    buf_add_str(out, str(r, "label"));
    buf_add_cstr(out, " (");
    buf_add_str(out, str(r, "label_source"));
    buf_add_cstr(out, ")\n");
    add_segments(json_get(r, "segments"), out);
    if (json_get_str(r, "place").p) {
        buf_add_cstr(out, "place ");
        buf_add_str(out, str(r, "place"));
        buf_add_cstr(out, ", zone ");
        buf_add_str(out, str(r, "zone"));
        buf_add_char(out, '\n');
    }
    buf_add_cstr(out, "because ");
    buf_add_str(out, str(r, "reason"));
    buf_add_cstr(out, "\nended ");
    buf_add_str(out, str(r, "status"));
    buf_printf(out, ", HTTP %.0f\n", num(r, "http_status"));
}

static void add_count(struct buf *out, double n, const char *word)
{
    if (isnan(n))
        buf_printf(out, "? %s", word);
    else
        buf_printf(out, "%.0f %s", n, word);
}

static bool is_true(yyjson_val *r, const char *key) /* SQLite has no booleans: 0 and 1 */
{
    return json_get_bool(r, key, false) || json_get_int(r, key, 0) == 1;
}

/* hedged: the cost is a sum with a modelled part. */
static void add_figures(yyjson_val *r, bool hedged, struct buf *out)
{
    struct slice date = json_get_str(r, "price_date");

    buf_add_cstr(out, "tokens ");
    add_count(out, num(r, "tokens_in"), "in, ");
    add_count(out, num(r, "tokens_cached"), "of them cached, ");
    add_count(out, num(r, "tokens_out"), "out");
    buf_add_cstr(out, is_true(r, "tokens_known") ? " (told by the place)\n" : " (modelled)\n");
    buf_add_cstr(out, "time ");
    add_duration(out, num(r, "first_us"));
    buf_add_cstr(out, " to the first word, ");
    add_duration(out, num(r, "total_us"));
    buf_add_cstr(out, " in all (measured)\nbytes ");
    add_count(out, num(r, "bytes_out"), "out, ");
    add_count(out, num(r, "bytes_in"), "in (measured)\nmoney ");
    add_money(out, num(r, "cost_uusd"));
    buf_add_cstr(out, hedged ? " (modelled, " : " (quoted, ");
    buf_add_str(out, str(r, "price_source"));
    if (date.len > 0) {
        buf_add_cstr(out, " of ");
        buf_add_str(out, date);
    }
    buf_add_cstr(out, ")\nenergy ");
    add_energy(out, num(r, "energy_uj"));
    buf_add_cstr(out, " (modelled, ");
    add_energy(out, num(r, "energy_low_uj"));
    buf_add_cstr(out, " to ");
    add_energy(out, num(r, "energy_high_uj"));
    buf_add_cstr(out, ")\n");
}

static void add_steps(yyjson_val *steps, struct buf *out)
{
    size_t i, n;
    yyjson_val *key, *us;
    bool first = true;

    if (!yyjson_is_obj(steps))
        return;
    buf_add_cstr(out, "steps");
    yyjson_obj_foreach(steps, i, n, key, us)
    {
        buf_add_cstr(out, first ? " " : ", ");
        buf_add_str(out, json_str(key));
        buf_add_char(out, ' ');
        add_duration(out, yyjson_get_num(us));
        first = false;
    }
    buf_add_char(out, '\n');
}

void explain_bill(yyjson_val *record, struct buf *out)
{
    enum { EXPLAIN_ARENA_MAX = 16 << 20 };
    struct arena arena;
    yyjson_val *plan;

    arena_init(&arena, EXPLAIN_ARENA_MAX);
    add_words(record, out);
    plan = object_of(record, "plan", &arena);
    if (yyjson_is_obj(plan))
        explain_plan(plan, out);
    add_figures(record, json_get(plan, "hedge") != NULL, out);
    add_steps(object_of(record, "steps", &arena), out);
    arena_done(&arena);
}
