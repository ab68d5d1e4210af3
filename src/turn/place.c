#include "turn/place.h"
#include "base/clock.h"

/* Of the newest run.  A place that slows down shows within a few turns, while one slow turn does
 * not move it by more than a fifth.  A guess, to be measured by sim/. */
static const double PLACE_LEARN_WEIGHT = 0.2;

const char *place_kind_text(enum place_kind kind)
{
    static const char *const texts[] = {
        [PLACE_SKILL] = "skill",
        [PLACE_ENGINE] = "engine",
        [PLACE_PEER] = "peer",
        [PLACE_CLOUD] = "cloud",
    };
    return texts[kind];
}

const char *place_can_text(unsigned bit)
{
    static const char *const texts[] = {
#define PLACE_CAN_TEXT(name, text) [CAN_BIT_##name] = text,
        PLACE_CANS(PLACE_CAN_TEXT)
#undef PLACE_CAN_TEXT
    };
    return bit < ARRAY_LEN(texts) ? texts[bit] : "unknown";
}

bool place_speaks(const struct place *place, enum verb verb)
{
    if (verb == VERB_LOAD)
        return true;
    return place->verbs ? place->verbs >> verb & 1 : verb == VERB_CHAT;
}

/* The first measurement stands alone; one that is not a positive number (a run without a second
 * token has no time between tokens) changes nothing. */
static void fold(double *mean, double x)
{
    if (!(x > 0) || x > 1e12)
        return;
    *mean = *mean > 0 ? *mean + PLACE_LEARN_WEIGHT * (x - *mean) : x;
}

void place_learn(struct place *place, bool ok, double first_ms, double ms_per_token)
{
    struct place_stats *s = &place->stats;

    s->runs++;
    if (!ok) {
        s->failures++;
        s->last_failure_us = clock_mono_us();
        return; /* what a failing place takes says nothing about what a working one does */
    }
    fold(&s->first_ms, first_ms);
    fold(&s->ms_per_token, ms_per_token);
}
