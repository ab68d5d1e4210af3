#include "nigh/preview.h"

#include "nigh/labelling.h"

bool preview_path(struct slice path, struct slice *ret_route)
{
    struct slice mine = SLICE("/nigh/v1/ledger/preview");

    if (!slice_starts(path, mine) || (path.len > mine.len && path.p[mine.len] != '/'))
        return false;
    *ret_route = path.len > mine.len ? (struct slice){path.p + mine.len, path.len - mine.len}
                                     : SLICE("/v1/chat/completions");
    return true;
}

/* A body of multipart or of nothing is told as what it is; JSON is UTF-8 always. */
static void put_body(struct buf *json, struct slice body)
{
    if (body.p && slice_utf8(body))
        json_put_str(json, "body", body);
    else
        json_put_null(json, "body");
}

static void put_answer(struct request *r, struct buf *json)
{
    const struct run *run = r->run;
    const struct dest *to = &run->place->dest;
    const struct turn *turn = &r->walk.turn;
    struct slice segments = labelling_segments(r);
    bool leaves = to->zone != ZONE_DEVICE;

    label_text(r->label, &r->setting->zones, turn->label);
    buf_add_char(json, '{');
    json_put_bool(json, "leaves", leaves);
    json_put_cstr(json, "place", run->place->name);
    json_put_cstr(json, "zone", r->setting->zones.name[to->zone]);
    json_put_cstr(json, "address", to->address);
    json_put_cstr(json, "reason", r->plan.reason);
    json_put_cstr(json, "label", r->label);
    json_put_cstr(json, "label_source", turn->label_source);
    json_key(json, "segments");
    buf_add_str(json, segments.p ? segments : SLICE("null"));
    json_put_int(json, "body_bytes", leaves ? (int64_t)run->body.len : 0);
    json_put_int(json, "masked", (int64_t)run->masked);
    put_body(json, leaves ? run->body : (struct slice){0});
    buf_add_char(json, '}');
}

enum walk_step preview_tell(struct request *r)
{
    static const struct header type = {"Content-Type", "application/json"};
    struct buf json = {0};

    put_answer(r, &json);
    buf_add_char(&json, '\n');
    r->pass = clearance_free(r->pass); /* unspent: the ledger does not hear of it */
    if (json.failed)
        exchange_break(r->ex);
    else
        exchange_reply(r->ex, 200, &type, 1, buf_slice(&json));
    buf_done(&json);
    return STEP_END;
}
