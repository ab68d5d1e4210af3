/* Routes about the local models' files: what is known of them, and taking one as it is. */
#include "nigh/admin.h"

static void put_template(struct buf *json, const char *key, const char *base64)
{
    char digest[TRUST_DIGEST_BYTES];

    trust_digest(digest, base64);
    json_key(json, key);
    if (!base64) {
        buf_add_cstr(json, "null");
        return;
    }
    buf_add_char(json, '{');
    json_put_cstr(json, "blake2b", digest);
    json_put_cstr(json, "base64", base64);
    buf_add_char(json, '}');
}

static void put_model(const struct node *node, const struct engine *engine, const char *name,
                      struct buf *json)
{
    const char *path = engine_model_path(engine);
    const struct trust_model *m = trust_find(node->trust, path);
    char stamp[STAMP_BYTES], why[TRUST_WHY_BYTES] = "";
    static const char *const words[] = {
        [TRUST_UNKNOWN] = "unknown", [TRUST_GOOD] = "good", [TRUST_REFUSED] = "refused"};
    enum trust_state state = TRUST_UNKNOWN;

    if (parts_stamp(stamp, path, NULL) == NIGH_OK)
        state = trust_look(node->trust, path, stamp, why);
    json_sep(json);
    buf_add_char(json, '{');
    json_put_cstr(json, "name", name);
    json_put_cstr(json, "path", path);
    json_put_cstr(json, "state", words[state]);
    json_put_cstr(json, "why", why[0] ? why : NULL);
    json_put_bool(json, "acceptable", state == TRUST_REFUSED && m->acceptable);
    json_put_bool(json, "accepted", m && m->accepted);
    put_template(json, "template", m ? m->template : NULL);
    put_template(json, "first_template", m ? m->pinned : NULL);
    buf_add_char(json, '}');
}

void admin_model_files(struct node *node, struct exchange *ex, struct slice rest)
{
    struct setting *setting = node->setting;
    struct buf json = {0};

    (void)rest;
    buf_add_cstr(&json, "{\"models\":[");
    for (size_t i = 0; i < ARRAY_LEN(setting->engines); i++) {
        struct engine *engine = setting_engine(setting, (enum launch_kind)i);
        if (engine)
            put_model(node, engine, engine_place(engine)->name, &json);
    }
    buf_add_cstr(&json, "]}");
    admin_answer(ex, 200, &json);
}

/* By its whole name, or what follows `here/`.  A name is compared, and becomes no path. */
static struct engine *named(const struct setting *setting, struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(setting->engines); i++) {
        struct engine *engine = setting_engine(setting, (enum launch_kind)i);
        const struct place *place = engine ? engine_place(engine) : NULL;
        if (place && (slice_is(name, place->name) || slice_is(name, place->model)))
            return engine;
    }
    return NULL;
}

void admin_model_accept(struct node *node, struct exchange *ex, struct slice rest)
{
    CLEANUP(arena_done) struct arena arena;
    struct nigh_err err = {0};
    struct buf json = {0};
    yyjson_val *root = NULL;

    (void)rest;
    arena_init(&arena, 1 << 20);
    enum nigh_status status = json_parse(&root, exchange_body(ex), &arena, &err);
    struct engine *engine = status ? NULL : named(node->setting, json_get_str(root, "name"));
    if (status == NIGH_OK && !engine)
        status = nigh_fail(&err, NIGH_NOTFOUND, "there is no local model of this name");
    if (status == NIGH_OK)
        status = trust_accept(node->trust, engine_model_path(engine), &err);
    if (status != NIGH_OK) {
        admin_fail(ex, &err);
        return;
    }
    engine_retry(engine);
    buf_add_cstr(&json, "{\"accepted\":true}");
    admin_answer(ex, 200, &json);
}
