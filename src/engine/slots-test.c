#include "base/tap.h"
#include "engine/slots.h"

static struct slot list[2];
static struct slots slots;

static void begin(unsigned n)
{
    slots = (struct slots){.list = list, .n = n};
    slots_reset(&slots);
}

/* Takes it and gives it back. */
static struct slot_pick turn(const char *who)
{
    struct slot_pick pick = slots_take(&slots, slice_of(who), false);
    slots_give(&slots, pick.slot);
    return pick;
}

TEST(slots_cache_for_the_same_caller_alone)
{
    begin(1);
    CHECK(!turn("a").cached); /* nothing is there */
    CHECK(turn("a").cached);
    CHECK(!turn("b").cached);
    CHECK(!turn("a").cached); /* b's prompt is in it */
    CHECK(turn("a").cached);
    CHECK(!turn("").cached); /* the node's own commands are a caller too */
    slots_reset(&slots);
    CHECK(!turn("").cached);
}

TEST(slots_keep_callers_apart)
{
    begin(2);
    int a = turn("a").slot, b = turn("b").slot;
    CHECK(a != b);
    for (int i = 0; i < 3; i++) {
        struct slot_pick pa = turn("a"), pb = turn("b");
        CHECK(pa.slot == a && pa.cached && pb.slot == b && pb.cached);
    }
    struct slot_pick c = turn("c"); /* the one that was used least lately */
    CHECK(c.slot == a && !c.cached);
    CHECK(turn("b").cached);
}

TEST(slots_in_use_are_not_given_twice)
{
    begin(2);
    struct slot_pick first = slots_take(&slots, SLICE("a"), false),
                     second = slots_take(&slots, SLICE("a"), false);
    CHECK(first.slot != second.slot && !second.cached);
    slots_give(&slots, first.slot);
    CHECK_EQ(slots_take(&slots, SLICE("b"), false).slot, first.slot);
}

TEST(slots_know_nothing_after_turns_that_are_anywhere)
{
    begin(2);
    CHECK(!turn("a").cached && turn("a").cached);
    struct slot_pick many = slots_take(&slots, SLICE("b"), true);
    CHECK(many.slot == SLOTS_ANY && !many.cached);
    CHECK(!turn("a").cached); /* b's may be in it */
    CHECK(!turn("a").cached); /* still */
    slots_give(&slots, many.slot);
    CHECK(!turn("a").cached);
    CHECK(turn("a").cached);
}

TEST(slots_of_a_single_caller_are_llama_servers)
{
    begin(1);
    struct slot_pick one = slots_take(&slots, (struct slice){0}, false);
    CHECK(one.slot == SLOTS_ANY && one.cached);
    slots_give(&slots, one.slot);
    CHECK(!turn("a").cached); /* a key was made: what came before is nobody's to read */
    CHECK(turn("a").cached);
}
