#include "base/clock.h"
#include "base/tap.h"
#include "skill/skill.h"

/* Sunday, 22 November 2026, 17:20:52 UTC: 18:20:52 in Berlin. */
enum { NOW_S = 1795368052 };

static void say_status(void *owner, struct buf *answer)
{
    buf_printf(answer, "I am online; %s.", (const char *)owner);
}

static struct skills *skills_for_test(bool warm)
{
    static const struct skills_config config = {"Europe/Berlin", say_status, "two places"};
    struct skills *skills = NULL;

    clock_drive(0, (uint64_t)NOW_S * 1000000);
    CHECK_EQ(skills_new(&skills, &config, NULL), NIGH_OK);
    if (warm)
        skills_warm(skills);
    return skills;
}

static const struct {
    const char *question, *skill, *answer;
} takes[] = {
    {"What time is it?", "clock", "It is 18:20 (CET, UTC+1)."},
    {"what's the time", "clock", "It is 18:20 (CET, UTC+1)."},
    {"Hey, what time is it right now please?", "clock", "It is 18:20 (CET, UTC+1)."},
    {"Can you tell me what time it is?", "clock", "It is 18:20 (CET, UTC+1)."},
    {"what\xe2\x80\x99s the current time?", "clock", "It is 18:20 (CET, UTC+1)."},
    {"what time is it in Tokyo?", "clock",
     "It is 02:20 in Tokyo on Monday, 23 November 2026 (JST, UTC+9)."},
    {"What is the time in New York right now?", "clock",
     "It is 12:20 in New York on Sunday, 22 November 2026 (EST, UTC-5)."},
    {"time in london", "clock", "It is 17:20 in London on Sunday, 22 November 2026 (GMT, UTC)."},
    {"current time in San Francisco", "clock",
     "It is 09:20 in San Francisco on Sunday, 22 November 2026 (PST, UTC-8)."},
    {"what time is it in India", "clock",
     "It is 22:50 in India on Sunday, 22 November 2026 (IST, UTC+5:30)."},
    {"what time is it in Asia/Kathmandu", "clock",
     "It is 23:05 in Asia/Kathmandu on Sunday, 22 November 2026 (UTC+5:45)."},
    {"what time is it in UTC?", "clock", "It is 17:20 in UTC on Sunday, 22 November 2026 (UTC)."},
    {"What's the time in Sydney now?", "clock",
     "It is 04:20 in Sydney on Monday, 23 November 2026 (AEDT, UTC+11)."},
    {"What day is it?", "clock", "Today is Sunday, 22 November 2026."},
    {"what day is it today", "clock", "Today is Sunday, 22 November 2026."},
    {"What is today's date?", "clock", "Today is Sunday, 22 November 2026."},
    {"what's the date", "clock", "Today is Sunday, 22 November 2026."},
    {"what is the date in Auckland?", "clock", "It is Monday, 23 November 2026 in Auckland."},
    {"What day is tomorrow?", "clock", "Tomorrow is Monday, 23 November 2026."},
    {"what was yesterday's date", "clock", "Yesterday was Saturday, 21 November 2026."},
    {"what year is it?", "clock", "It is 2026."},
    {"what month is it", "clock", "It is November 2026."},
    {"What date is it in 3 weeks?", "clock", "In 3 weeks it is Sunday, 13 December 2026."},
    {"what day will it be in ten days", "clock", "In ten days it is Wednesday, 2 December 2026."},
    {"what will the date be in 2 months?", "clock", "In 2 months it is Friday, 22 January 2027."},
    {"what date is 100 days from now", "clock", "In 100 days it is Tuesday, 2 March 2027."},
    {"What was the date 3 weeks ago?", "clock", "3 weeks ago it was Sunday, 1 November 2026."},
    {"what day of the week is 2026-12-25?", "clock", "Friday, 25 December 2026."},
    {"What day is December 25?", "clock", "Friday, 25 December 2026."},
    {"what day of the week was July 4, 1776", "clock", "Thursday, 4 July 1776."},
    {"on what day of the week was 20 July 1969?", "clock", "Sunday, 20 July 1969."},
    {"how many days until christmas?", "clock", "33 days until Friday, 25 December 2026."},
    {"How many days until January 1st?", "clock", "40 days until Friday, 1 January 2027."},
    {"how many days between 2024-02-01 and 2024-03-01", "clock",
     "29 days from Thursday, 1 February 2024 to Friday, 1 March 2024."},
    {"2 + 2", "arithmetic", "2 + 2 = 4"},
    {"What is 2 + 2?", "arithmetic", "2 + 2 = 4"},
    {"what's 15% of 240?", "arithmetic", "15% of 240 = 36"},
    {"What is 20 percent of 50", "arithmetic", "20 percent of 50 = 10"},
    {"200 + 10%", "arithmetic", "200 + 10% = 220"},
    {"80 - 25%", "arithmetic", "80 - 25% = 60"},
    {"3 + 4 * 5", "arithmetic", "3 + 4 * 5 = 23"},
    {"(3 + 4) * 5 =", "arithmetic", "(3 + 4) * 5 = 35"},
    {"2 ^ 3 ^ 2", "arithmetic", "2 ^ 3 ^ 2 = 512"},
    {"what is -3 ^ 2", "arithmetic", "-3 ^ 2 = -9"},
    {"2 ** 100", "arithmetic", "2 ** 100 = 1267650600228229401496703205376"},
    {"0.1 + 0.2", "arithmetic", "0.1 + 0.2 = 0.3"},
    {"how much is 12 times 12?", "arithmetic", "12 times 12 = 144"},
    {"calculate 1,000,000 / 8", "arithmetic", "1,000,000 / 8 = 125000"},
    {"calculate 10/4", "arithmetic", "10/4 = 2.5"},
    {"1 / 3", "arithmetic", "1 / 3 = 0.333333333333 (rounded)"},
    {"what is 7 divided by 0?", "arithmetic", "7 divided by 0 has no value: division by zero."},
    {"square root of 144", "arithmetic", "square root of 144 = 12"},
    {"sqrt(2)", "arithmetic", "sqrt(2) = 1.41421356237 (rounded)"},
    {"what is the square root of -4", "arithmetic",
     "the square root of -4 has no real value: root of a negative number."},
    {"what is 9 squared", "arithmetic", "9 squared = 81"},
    {"2 to the power of 10", "arithmetic", "2 to the power of 10 = 1024"},
    {"please calculate 17 \xc3\x97 3", "arithmetic", "17 x 3 = 51"},
    {"12.50 * 4", "arithmetic", "12.50 * 4 = 50"},
    {"what is 100 minus 42.5 equal to?", "arithmetic", "100 minus 42.5 = 57.5"},
    {"12 miles in km", "units", "12 miles = 19.31213 km (rounded)"},
    {"convert 5 kg to pounds", "units", "5 kg = 11.02311 pounds (rounded)"},
    {"100 \xc2\xb0"
     "F to celsius",
     "units",
     "100 \xc2\xb0"
     "F = 37.77778 \xc2\xb0"
     "C (rounded)"},
    {"what is 20 degrees celsius in fahrenheit?", "units",
     "20 \xc2\xb0"
     "C = 68 \xc2\xb0"
     "F"},
    {"-40 c to f", "units",
     "-40 \xc2\xb0"
     "C = -40 \xc2\xb0"
     "F"},
    {"how many feet are in a mile?", "units", "1 mile = 5280 feet"},
    {"what is a mile in km", "units", "1 mile = 1.609344 km"},
    {"How many minutes in 3 hours?", "units", "3 hours = 180 minutes"},
    {"how many inches in 2.5 feet", "units", "2.5 feet = 30 inches"},
    {"100 km/h in mph", "units", "100 km/h = 62.13712 mph (rounded)"},
    {"3 gallons to liters", "units", "3 US gallons = 11.35624 liters (rounded)"},
    {"convert 1,500 m to km", "units", "1,500 m = 1.5 km"},
    {"2 cups to ml", "units", "2 US cups = 473.1765 ml"},
    {"1 kwh in joules", "units", "1 kwh = 3600000 joules"},
    {"nigh status", "status", "I am online; two places."},
    {"Are you offline?", "status", "I am online; two places."},
    {"are you connected to the internet", "status", "I am online; two places."},
};

TEST(skills_take_routine_questions)
{
    struct skills *skills = skills_for_test(true);
    struct arena a;
    unsigned wrong = 0;

    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(takes); i++) {
        struct skill_hit hit = {0};
        bool sure = skill_ask(&hit, skills, slice_of(takes[i].question), &a);
        if (sure && strcmp(hit.skill->name, takes[i].skill) == 0 &&
            slice_is(hit.answer, takes[i].answer))
            continue;
        printf("# %s: got %s \"%.*s\", want %s \"%s\"\n", takes[i].question,
               sure ? hit.skill->name : "nothing", sure ? (int)hit.answer.len : 0, hit.answer.p,
               takes[i].skill, takes[i].answer);
        wrong++;
    }
    arena_done(&a);
    skills_free(skills);
    CHECK_EQ(wrong, 0);
}

/* What must go to a model, among it much that looks like a skill's. */
static const char *const leaves[] = {
    /* of time, but not the time */
    "What time is it when an elephant sits on your fence?",
    "What time is it on Mars?",
    "what time is it in the movie",
    "What is the time complexity of quicksort?",
    "time",
    "What is time?",
    "What is the time signature of Take Five?",
    "what time is dinner",
    "What time is it in Springfield?",
    "what time is it in Georgia",
    "What day is it best to plant tomatoes?",
    "What day is Easter?",
    "what day is the super bowl",
    "What is today's news?",
    "What is the date of the French Revolution?",
    "what is the date palm",
    "What year is it in Star Trek?",
    "What year is the Magna Carta from?",
    "what month is it best to visit Japan",
    "What day of the week is best for meetings?",
    "what day is 3/4/2026",
    "What day is February 30?",
    "what day is it in 3 moons",
    "How many days until the heat death of the universe?",
    "How many days until my birthday?",
    "how many days in February 2024 had rain",
    "how long until we get to mars",
    "What was yesterday like?",
    "what date should I plan the wedding",
    "In 3 weeks I have an exam, make a plan",
    "what is the date format in ISO 8601",
    "what time zone is Berlin in",
    "What time does the sun rise in Oslo?",
    "tell me the time I should leave for the airport",
    "What is the current time series model?",
    "what is the date in 3 weeks and what should I wear",
    "what day is it\nand what should I do",
    /* numbers, but no sum */
    "What is 9/11?",
    "what is 24/7",
    "9/11",
    "what is 4x4",
    "2026-11-22",
    "what is 2026-11-22",
    "555-1234",
    "+1 555 123 4567",
    "192.168.0.1",
    "192.168.0.1/24",
    "What is 42?",
    "42",
    "-5",
    "50%",
    "3.14159",
    "what is 2 + 2 in binary",
    "What is 2 + 2 = 5 about?",
    "2 + 2 = 5",
    "what is x + 2",
    "2x + 3 = 7",
    "solve 2x + 3 = 7",
    "What is 3 of 5?",
    "What is the square root of a matrix?",
    "what is a square root",
    "calculate",
    "calculate my taxes",
    "calculate the integral of x^2",
    "what is 10 plus",
    "1 + ",
    "(1 + 2",
    "1 + 2)",
    "((((((((((((((((((((((((((((((((((((((((1+1))))))))))))))))))))))))))))))))))))))))",
    "1 2 + 3",
    "1,00 + 2",
    "1.000,50 + 2",
    "17 % 5",
    "5!",
    "3 + 5!",
    "$20 + 15%",
    "What is 15% of my salary?",
    "what is 15% of",
    "10 + 10 apples",
    "three plus four apples",
    "C++ or C?",
    "what is a + b",
    "what is 1/2 cup of flour in grams",
    "what is 0 ^ 0 and why",
    "1e5 + 1",
    "0x10 + 1",
    "What is 2 + 2 and why is it 4?",
    "Explain why 2 + 2 is 4",
    "is 2 + 2 equal to 5?",
    "how much is a new phone",
    "how much is 2 kilos of gold",
    "7-11",
    "what is 7-11",
    "7 habits",
    "1984",
    "what is 1984",
    "catch-22",
    "what is area 51",
    "what is 3 times a lady",
    "1-2-3",
    "what is 12-factor",
    "4 - 2 - 3 - 1 formation",
    "3 - 2 - 1 go",
    "10 x developer",
    "what is 5 x",
    "1 + 1 = ?x",
    /* units, but no conversion */
    "convert 5 kg",
    "convert this to pdf",
    "convert 5 apples to oranges",
    "convert 12 miles to kilograms",
    "convert 10 usd to eur",
    "10 dollars in euros",
    "5 minutes to midnight",
    "5 minutes in heaven",
    "7 minutes in Tibet",
    "12 years a slave",
    "how many years in a century",
    "how many days in a year",
    "how many tons in a truck",
    "2 tons to kg",
    "how many feet does a spider have",
    "how many cups in a world cup",
    "how many people in a mile",
    "how many pounds in the UK economy",
    "what is 5 in inches",
    "a mile in my shoes",
    "2 feet in the grave",
    "12 miles in",
    "miles in km",
    "what is 100 degrees",
    "100 degrees to fahrenheit",
    "100 f in k",
    "20 c to g",
    "convert celsius to fahrenheit",
    "convert a string to int in python",
    "how do I convert km to miles",
    "what is 3 in roman numerals",
    "5 foot 10 in cm",
    "5'10\" in cm",
    "10 m to f",
    "half a mile in km",
    "how many seconds in a jiffy",
    "60 minutes",
    "24 hours to live",
    "72 hours in Rome, what to see?",
    "3 days in Paris",
    "a day in the life",
    "one day in your life",
    "2 weeks to launch: write the plan",
    /* the node, but not its state */
    "status",
    "What is the status of my order?",
    "are you a robot",
    "are you online banking safe",
    "what is nigh",
    "are you conscious?",
    "is the cloud safe",
    /* everything else */
    "Hi",
    "Hello there",
    "thanks",
    "please",
    "ok",
    "hey, hello",
    "?",
    "...",
    "Tell me a joke",
    "Who are you?",
    "What is the capital of France?",
    "Write a haiku about autumn",
    "Translate good morning to Spanish",
    "What is love?",
    "What is the meaning of life?",
    "Summarize the following text: it was 5 + 5 degrees",
    "Write a function that adds 2 + 2",
    "Prove that the square root of 2 is irrational",
    "How do I boil an egg?",
    "What is the best way to learn C?",
    "Who won the world cup in 1998?",
    "What is the population of Tokyo?",
    "Give me three ideas for dinner",
    "How tall is Mount Everest in feet?",
    "How far is the moon in km?",
    "What is the speed of light in m/s?",
    "What is the weather in Berlin?",
    "what is the temperature in London",
    "Play some music",
    "Set a timer for 5 minutes",
    "Remind me in 3 weeks",
    "Turn on the light",
    "What is 5G?",
    "What is Python?",
    "What's new?",
    "what is today",
    "What is up?",
    "Write a poem",
    "Refactor this code",
    "What is a monad?",
    "Explain quantum mechanics",
    "How are you?",
    "Good morning",
    "Can you help me?",
    "Could you please tell me",
    "can you",
    "Why is the sky blue?",
    "Name all planets",
    "How old is the universe?",
    "How many planets are in the solar system?",
    "how many letters are in the word strawberry",
    "how many r are in strawberry",
    "What comes after 1, 1, 2, 3, 5, 8?",
    "1, 2, 3",
    "List 10 + fun facts",
    "Is 17 prime?",
    "factor 91",
    "Roll a die",
    "Flip a coin",
    "random number between 1 and 10",
    "what is the 10th digit of pi",
    "Spell bureaucracy",
    "Define entropy",
    "What is the plural of mouse?",
    "How do you say 5 in French?",
    "Was 1900 a leap year?",
    "who was president in 1990",
    "What happened on July 4, 1776?",
    "When is the next full moon?",
    "When is Christmas?",
    "\xc3\xbc\xc3\xa4\xc3\xb6",
    "\xff\xfe",
    "Wie sp\xc3\xa4t ist es?",
};

TEST(skills_leave_the_rest)
{
    struct skills *skills = skills_for_test(true);
    struct arena a;
    unsigned wrong = 0;

    CHECK(ARRAY_LEN(leaves) >= 200);
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
        struct skill_hit hit = {0};
        if (!skill_ask(&hit, skills, slice_of(leaves[i]), &a))
            continue;
        printf("# taken: %s: %s \"%.*s\"\n", leaves[i], hit.skill->name, (int)hit.answer.len,
               hit.answer.p);
        wrong++;
    }
    arena_done(&a);
    skills_free(skills);
    CHECK_EQ(wrong, 0);
}

TEST(skills_abstain_from_units_until_warm)
{
    struct skills *skills = skills_for_test(false);
    struct skill_hit hit;
    struct arena a;

    arena_init(&a, 1 << 20);
    CHECK(!skill_ask(&hit, skills, SLICE("12 miles in km"), &a));
    skills_warm(skills);
    skills_warm(skills); /* a second time does nothing */
    CHECK(skill_ask(&hit, skills, SLICE("12 miles in km"), &a));
    arena_done(&a);
    skills_free(skills);
}

TEST(skills_read_no_further_than_a_routine_question)
{
    struct skills *skills = skills_for_test(false);
    char longest[SKILL_QUESTION_MAX + 2];
    struct skill_hit hit;
    struct arena a;

    arena_init(&a, 1 << 20);
    memset(longest, '1', sizeof longest);
    for (size_t i = 1; i < sizeof longest; i += 2)
        longest[i] = '+';
    CHECK(!skill_ask(&hit, skills, (struct slice){longest, SKILL_QUESTION_MAX + 1}, &a));
    CHECK(skill_ask(&hit, skills, (struct slice){longest, SKILL_QUESTION_MAX - 1}, &a));
    arena_done(&a);
    skills_free(skills);
}

/* The place says what was encoded, in order, and stops when a sink cancels. */
struct seen {
    struct run run;
    int n, cancel_at;
    enum event_kind kinds[8];
    bool done;
};

static void see_event(struct run *run, const struct event *event)
{
    struct seen *seen = CONTAINER_OF(run, struct seen, run);

    seen->kinds[seen->n++] = event->kind;
    if (seen->n == seen->cancel_at)
        run->place->ops->cancel(run);
}

static void see_done(struct run *run, const struct outcome *outcome)
{
    CONTAINER_OF(run, struct seen, run)->done = outcome->fate == FATE_WHOLE;
}

TEST(skill_place_says_its_answer)
{
    struct skills *skills = skills_for_test(false);
    struct place *place = NULL;

    CHECK_EQ(skill_place_new(&place, skills, NULL), NIGH_OK);
    CHECK_STR(place->name, "skill");
    CHECK_EQ(place->dest.zone, ZONE_DEVICE);
    for (int cancel_at = 0; cancel_at <= 5; cancel_at++) {
        struct seen seen = {.cancel_at = cancel_at};
        seen.run = (struct run){
            .place = place, .body = SLICE("4"), .on_event = see_event, .on_done = see_done};
        CHECK_EQ(place->ops->start(place, &seen.run, NULL), NIGH_OK);
        CHECK_EQ(seen.n, cancel_at ? cancel_at : 5);
        CHECK_EQ(seen.done, cancel_at == 0);
        CHECK_EQ(seen.kinds[0], EVENT_BEGIN);
    }
    skill_place_free(place);
    skills_free(skills);
}
