/* decide [DATA]: microseconds per decision and per skill, and skills' false takes.
 *
 * One core, ten places, texts of 40 B, 8 kB and 128 kB; no I/O but tzdata's.  With DATA (the folder
 * of mmlu.csv and the like) every prompt there is offered to the skills, warm: what they take is
 * printed, since none is a routine question. */
#include "route/decide.h"
#include "base/clock.h"
#include "csv.h"
#include "meter/price.h"
#include <malloc.h>

enum { PLACES = 10, TIMES = 20000 };

static struct place places[PLACES];
static struct place *list[PLACES];
static struct zones zones;

static void build(struct arena *a, struct place *skill)
{
    if (zones_build(&zones, NULL, 0, a, NULL) != NIGH_OK)
        abort();
    for (size_t i = 0; i < PLACES; i++) {
        places[i] = (struct place){.name = arena_printf(a, "openai/model-%zu", i),
                                   .model = "model",
                                   .kind = i == 1 ? PLACE_ENGINE : PLACE_CLOUD,
                                   .can = CAN_ALL,
                                   .quality = 0.3 + 0.05 * (double)i,
                                   .dest = {.zone = i == 1 ? ZONE_DEVICE : ZONE_PUBLIC},
                                   .price = {1000000, -1, -1, 4000000, "", "config"}};
        list[i] = i == 0 ? skill : &places[i];
    }
}

static void bench_decide(struct skills *skills, size_t bytes)
{
    struct route_config config = {.zones = &zones, .skills = skills, .day_left_uusd = -1};
    char *text = malloc(bytes + 1);
    struct part part = {.kind = PART_TEXT};
    struct message m = {.role = ROLE_USER, .parts = &part, .n_parts = 1, .bare = true};
    struct turn turn;
    struct arena a;
    struct plan plan;
    static const char words[] =
        "Please tell me how the garden of our neighbour grows so green this year, ";
    uint64_t start, traits_us;
    struct traits traits;

    for (size_t i = 0; i < bytes; i++)
        text[i] = words[i % (sizeof words - 1)];
    part.text = (struct slice){text, bytes};
    turn_init(&turn);
    turn.model = SLICE("auto");
    turn.messages = &m;
    turn.n_messages = 1;
    arena_init(&a, 1 << 20);
    start = clock_mono_us();
    for (int i = 0; i < TIMES; i++)
        traits_read(&traits, &turn);
    traits_us = clock_mono_us() - start;
    start = clock_mono_us();
    for (int i = 0; i < TIMES; i++) {
        arena_reset(&a);
        if (route_decide(&plan, &config, &turn, list, PLACES, &a, NULL) != NIGH_OK)
            abort();
    }
    printf("decide among %d places, %6zu B: %.2f us, of which traits %.2f us\n", PLACES, bytes,
           (double)(clock_mono_us() - start) / TIMES, (double)traits_us / TIMES);
    arena_done(&a);
    free(text);
}

static void bench_skills(struct skills *skills)
{
    static const char *const questions[] = {"what time is it?",
                                            "what time is it in Tokyo?",
                                            "what is 15% of 240?",
                                            "12 miles in km",
                                            "How do I boil an egg without it cracking?",
                                            "what day is it in 3 weeks"};
    struct skill_hit hit;
    struct arena a;

    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        bool sure = false;
        uint64_t start = clock_mono_us();
        for (int j = 0; j < TIMES; j++) {
            arena_reset(&a);
            sure = skill_ask(&hit, skills, slice_of(questions[i]), &a);
        }
        printf("skill %-45s %6.2f us  %.*s\n", questions[i],
               (double)(clock_mono_us() - start) / TIMES, sure ? (int)hit.answer.len : 8,
               sure ? hit.answer.p : "(leaves)");
    }
    arena_done(&a);
}

static void count_takes(struct skills *skills, const char *folder, const char *file)
{
    struct csv csv;
    struct skill_hit hit;
    struct arena a;
    char path[4096];
    size_t n = 0, read = 0, taken = 0;

    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (!csv_open(&csv, path)) {
        printf("skipped: %s is not there\n", path);
        return;
    }
    int column = csv_column(&csv, "prompt");
    arena_init(&a, 1 << 20);
    while (csv_row(&csv)) {
        if (csv.n <= (size_t)column)
            continue;
        /* The whole prompt, its first line and its last: exam questions are one of the two. */
        struct slice whole = csv.cell[column], rest = whole, line;
        bool first = true;
        n++;
        while (rest.p) {
            line = slice_cut(&rest, '\n');
            if (!first && rest.p)
                continue;
            first = false;
            read++;
            arena_reset(&a);
            if (!skill_ask(&hit, skills, line, &a))
                continue;
            taken++;
            printf("taken by %s: %.*s -> %.*s\n", hit.skill->name, (int)line.len, line.p,
                   (int)hit.answer.len, hit.answer.p);
        }
        taken += whole.len <= SKILL_QUESTION_MAX && skill_ask(&hit, skills, whole, &a) &&
                 memchr(whole.p, '\n', whole.len);
    }
    printf("%s: %zu prompts, %zu lines of them asked, %zu taken\n", file, n, read, taken);
    arena_done(&a);
    free(csv.data);
}

int main(int argc, char **argv)
{
    static const struct skills_config config = {.zone = "Europe/Berlin"};
    const char *folder = argc > 1 ? argv[1] : "../shared/data/routing";
    struct skills *skills = NULL;
    struct place *skill = NULL;
    struct arena a;
    struct mallinfo2 before;
    uint64_t start;

    arena_init(&a, 1 << 20);
    if (skills_new(&skills, &config, NULL) != NIGH_OK ||
        skill_place_new(&skill, skills, NULL) != NIGH_OK)
        return 1;
    before = mallinfo2();
    start = clock_mono_us();
    skills_warm(skills);
    printf("units' database: %.1f ms, %.0f kB\n", (double)(clock_mono_us() - start) / 1000,
           (double)(mallinfo2().uordblks - before.uordblks) / 1000);
    build(&a, skill);
    bench_decide(skills, 40);
    bench_decide(skills, 8192);
    bench_decide(skills, 131072);
    bench_skills(skills);
    count_takes(skills, folder, "mmlu.csv");
    count_takes(skills, folder, "llmrouter_train.csv");
    count_takes(skills, folder, "mmlu_pro_outcomes.csv");
    skill_place_free(skill);
    skills_free(skills);
    arena_done(&a);
    return 0;
}
