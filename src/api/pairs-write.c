/* What all writers of requests write alike. */
#include "api/pairs.h"

void pen_str(struct pen *w, const char *key, struct slice s)
{
    if (!s.p)
        return;
    json_key(w->b, key);
    gen_quote(w->g, w->b, s);
}

void pen_extras(struct pen *w, const struct extra *e)
{
    for (; e; e = e->next) {
        json_sep(w->b);
        gen_quote(w->g, w->b, e->key);
        buf_add_char(w->b, ':');
        json_add_val(w->b, e->val);
    }
}
