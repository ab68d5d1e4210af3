/* checkup: the findings of `nigh doctor`, in the order they were made.  One thread. */
#pragma once
#include "nigh/config.h"

enum check_state {
    CHECK_GOOD,
    CHECK_NOTE,    /* worth knowing; nigh answers without it */
    CHECK_MISSING, /* without it nigh cannot do what it should */
};
enum { CHECKS_MAX = 160 }; /* a cloud each, and a score for the rest */

struct check {
    enum check_state state;
    const char *name; /* a literal: "model" */
    char what[400];   /* what was found */
    char todo[200];   /* what to do about it; "" nothing */
};
struct checkup {
    struct check list[CHECKS_MAX];
    size_t n;
};

/* Returns the new check, whose todo checkup_todo fills. */
struct check *checkup_add(struct checkup *up, enum check_state state, const char *name,
                          const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void checkup_todo(struct check *check, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* check_device.c: what this machine has and lets us do. */
void check_program(struct checkup *up, const struct config_engine *engine, bool needed);
/* Returns whether there is a model that may be loaded. */
bool check_model(struct checkup *up, const struct config_engine *engine, bool needed);
void check_walls(struct checkup *up, bool needed);
void check_state_dir(struct checkup *up);
