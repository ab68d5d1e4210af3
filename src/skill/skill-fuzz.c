/* Whatever a question is, an answer is short, valid UTF-8, one line, and the same when asked again.
 */
#include "base/clock.h"
#include "skill/skill.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct skills_config config = {.zone = "Europe/Berlin"};
    static struct skills *skills;
    struct slice question = {(const char *)data, size};
    struct skill_hit hit, again;
    struct arena a;

    if (!skills) {
        clock_drive(0, 1795368052000000);
        if (skills_new(&skills, &config, NULL) != NIGH_OK)
            abort();
        skills_warm(skills);
    }
    arena_init(&a, 1 << 20);
    if (skill_ask(&hit, skills, question, &a)) {
        if (size > 4 * SKILL_QUESTION_MAX && slice_trim(question).len > SKILL_QUESTION_MAX)
            abort();
        if (!slice_utf8(hit.answer) || hit.answer.len > SKILL_ANSWER_MAX ||
            memchr(hit.answer.p, '\n', hit.answer.len))
            abort();
        if (!skill_ask(&again, skills, question, &a) || !slice_eq(hit.answer, again.answer))
            abort();
    }
    arena_done(&a);
    return 0;
}
