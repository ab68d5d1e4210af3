#include "engine/slots.h"

#include <assert.h>

void slots_reset(struct slots *s)
{
    for (unsigned i = 0; i < s->n; i++)
        s->list[i] = (struct slot){0};
    s->loose = 0;
}

static void forget_all(struct slots *s)
{
    for (unsigned i = 0; i < s->n; i++)
        s->list[i].known = false;
}

static bool is_his(const struct slot *slot, struct slice who)
{
    return slot->known && slice_eq((struct slice){slot->who, slot->who_bytes}, who);
}

/* A free one: his own, else the one that was used least lately. */
static struct slot *choose(struct slots *s, struct slice who)
{
    struct slot *best = NULL;

    for (unsigned i = 0; i < s->n; i++) {
        struct slot *slot = &s->list[i];
        if (slot->busy)
            continue;
        if (is_his(slot, who))
            return slot;
        if (!best || slot->used < best->used)
            best = slot;
    }
    return best;
}

struct slot_pick slots_take(struct slots *s, struct slice who, bool many)
{
    struct slot *slot = who.p && !many ? choose(s, who) : NULL;

    assert(who.len <= SLOTS_WHO_BYTES);
    if (!slot) {
        s->loose++;
        forget_all(s);
        return (struct slot_pick){SLOTS_ANY, !who.p};
    }
    struct slot_pick pick = {(int)(slot - s->list), is_his(slot, who) && s->loose == 0};
    slot->busy = true;
    slot->known = s->loose == 0;
    slot->used = ++s->clock;
    slot->who_bytes = who.len;
    if (who.len)
        memcpy(slot->who, who.p, who.len);
    return pick;
}

void slots_give(struct slots *s, int slot)
{
    if (slot == SLOTS_ANY) {
        s->loose -= s->loose > 0;
        forget_all(s);
    } else {
        s->list[slot].busy = false;
    }
}
