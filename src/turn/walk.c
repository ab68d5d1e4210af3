#include "turn/walk.h"

#include "base/clock.h"
#include <assert.h>

const char *walk_step_text(enum walk_step step)
{
    static const char *const text[] = {
#define WALK_STEP_TEXT(name, words) words,
        WALK_STEPS(WALK_STEP_TEXT)
#undef WALK_STEP_TEXT
    };

    return step < STEP_COUNT ? text[step] : "parked";
}

void walk_init(struct walk *walk, const struct walk_table *table, void *owner)
{
    memset(walk, 0, sizeof *walk);
    walk->table = table;
    walk->owner = owner;
    walk->at = walk->next = STEP_PARK;
    walk->started_us = clock_mono_us();
    arena_init(&walk->arena, WALK_ARENA_MAX);
    turn_init(&walk->turn);
    answer_init(&walk->answer);
    id_new(walk->id);
}

void walk_go(struct walk *walk, enum walk_step step)
{
    assert(walk->at != STEP_END); /* walk 2 */
    walk->next = step;
    if (walk->walking)
        return; /* the loop below takes it up once the running step returns */
    walk->walking = true;
    while (walk->next < STEP_COUNT) {
        walk->at = walk->next;
        walk->next = STEP_PARK;
        walk->entered_us = clock_mono_us();
        enum walk_step told = walk->table->run[walk->at](walk);
        walk->step_us[walk->at] += (uint32_t)(clock_mono_us() - walk->entered_us);
        if (told != STEP_PARK)
            walk->next = told;
    }
    walk->walking = false;
    if (walk->next == STEP_END) {
        walk->at = STEP_END;
        walk->table->end(walk); /* may free the walk: nothing of it is touched below */
    }
}

void walk_done(struct walk *walk)
{
    answer_done(&walk->answer);
    arena_done(&walk->arena);
}
