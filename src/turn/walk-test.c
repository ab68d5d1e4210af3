#include "turn/walk.h"

#include "base/tap.h"

static enum walk_step script[STEP_COUNT];
static char trail[256];
static unsigned ended;
static bool wake_inside; /* the step wakes the walk itself before it parks */

static enum walk_step play(struct walk *walk)
{
    size_t len = strlen(trail);

    CHECK((size_t)snprintf(trail + len, sizeof trail - len, "%s ", walk_step_text(walk->at)) <
          sizeof trail - len);
    if (wake_inside && walk->at == STEP_RUN) {
        wake_inside = false;
        walk_go(walk, STEP_REPLY);
    }
    return script[walk->at];
}

static void end(struct walk *walk)
{
    ended++;
    CHECK_EQ(walk->at, STEP_END);
}

#define PLAY_STEP(name, text) [STEP_##name] = play,
static const struct walk_table table = {.run = {WALK_STEPS(PLAY_STEP)}, .end = end};

static struct walk start(void)
{
    struct walk walk;

    walk_init(&walk, &table, NULL);
    trail[0] = '\0';
    ended = 0;
    for (int i = 0; i < STEP_COUNT; i++)
        script[i] = (enum walk_step)(i + 1);
    script[STEP_SETTLE] = STEP_END;
    return walk;
}

TEST(steps_run_in_the_order_they_name)
{
    struct walk walk = start();

    script[STEP_DECODE] = STEP_REPLY; /* a refusal skips what lies between */
    walk_go(&walk, STEP_ACCEPT);
    CHECK_STR(trail, "accept decode reply settle ");
    CHECK_EQ(ended, 1);
    walk_done(&walk);
}

TEST(a_parked_walk_waits_to_be_woken)
{
    struct walk walk = start();

    script[STEP_RUN] = STEP_PARK;
    walk_go(&walk, STEP_CLEAR);
    CHECK_STR(trail, "clear run ");
    CHECK_EQ(ended, 0);
    walk_go(&walk, STEP_REPLY);
    CHECK_STR(trail, "clear run reply settle ");
    CHECK_EQ(ended, 1);
    walk_done(&walk);
}

TEST(a_callback_inside_a_step_only_names_the_next)
{
    struct walk walk = start();

    script[STEP_RUN] = STEP_PARK;
    wake_inside = true; /* a skill answers from inside start */
    walk_go(&walk, STEP_RUN);
    CHECK_STR(trail, "run reply settle ");
    CHECK_EQ(ended, 1);
    walk_done(&walk);
}
