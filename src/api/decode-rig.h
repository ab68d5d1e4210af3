/* decode-rig: for tests of decoders: a body, its turn, and what was wrong with it. */
#pragma once
#include "api/api.h"
#include "base/tap.h"

static struct arena mem;
static struct turn turn;
static struct slice param;
static struct nigh_err err;

static enum nigh_status decode_by(const struct api *api, const char *body)
{
    arena_done(&mem);
    arena_init(&mem, 32 << 20);
    err = (struct nigh_err){0};
    return api->decode(&turn, slice_of(body), &mem, &param, &err);
}

/* Bodies in single quotes, for reading's sake; four at a time. */
static char *quoted(const char *text)
{
    static char out[4][8192];
    static int at;
    char *p = out[at = (at + 1) % 4];

    CHECK(strlen(text) < sizeof out[0]);
    snprintf(p, sizeof out[0], "%s", text);
    for (char *q = p; *q; q++)
        if (*q == '\'')
            *q = '"';
    return p;
}
