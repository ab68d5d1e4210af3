#include "skill/skill.h"
#include "base/clock.h"
#include "base/log.h"
#include "skill/units.h"
#include <stdatomic.h>
#include <stdlib.h>

/* In this order: the cheap ones and those that tell of this node first. */
static const struct skill *const registry[] = {&skill_status, &skill_clock, &skill_arithmetic,
                                               &skill_units, NULL};

struct skills {
    struct skills_config config;
    _Atomic(struct units *) units; /* stored once by skills_warm, released to the loop thread */
};

NIGH_MUST enum nigh_status skills_new(struct skills **ret, const struct skills_config *config,
                                      struct nigh_err *err)
{
    struct skills *skills = calloc(1, sizeof *skills);

    if (!skills)
        return nigh_fail(err, NIGH_NOMEM, "skills: out of memory");
    skills->config = *config;
    *ret = skills;
    return NIGH_OK;
}

struct skills *skills_free(struct skills *skills)
{
    if (skills)
        units_free(atomic_load(&skills->units));
    free(skills);
    return NULL;
}

void skills_warm(struct skills *skills)
{
    struct units *units = NULL;
    struct nigh_err err = {0};

    if (atomic_load(&skills->units))
        return;
    if (units_new(&units, &err) != NIGH_OK) {
        log_err(LOG_WARN, "skill", "units stay off", &err);
        return;
    }
    atomic_store_explicit(&skills->units, units, memory_order_release);
}

bool skill_ask(struct skill_hit *ret, struct skills *skills, struct slice question,
               struct arena *arena)
{
    struct skill_ctx ctx = {
        .wall_us = clock_wall_us(),
        .zone = skills->config.zone,
        .units = atomic_load_explicit(&skills->units, memory_order_acquire),
        .status = skills->config.status,
        .owner = skills->config.owner,
    };
    struct buf answer = {.max_bytes = SKILL_ANSWER_MAX};
    bool sure = false;

    question = slice_trim(question);
    if (question.len == 0 || question.len > SKILL_QUESTION_MAX)
        return false;
    for (size_t i = 0; registry[i] && !sure; i++) {
        buf_reset(&answer);
        sure = registry[i]->try(question, &ctx, &answer) && !answer.failed && answer.len > 0;
        ret->skill = registry[i];
    }
    if (sure) {
        ret->answer = arena_dup(arena, (struct slice){answer.data, answer.len});
        sure = ret->answer.p != NULL;
    }
    buf_done(&answer);
    return sure;
}

bool skill_match(struct skill_hit *ret, struct skills *skills, const struct turn *turn,
                 struct arena *arena)
{
    struct slice question = turn_plain_question(turn, arena);

    return question.p && skill_ask(ret, skills, question, arena);
}

struct skill_place {
    struct place place;
    struct skills *skills;
};

static enum nigh_status skill_encode(struct place *place, const struct turn *turn,
                                     struct arena *arena, struct slice *ret_body,
                                     struct nigh_err *err)
{
    struct skill_place *self = CONTAINER_OF(place, struct skill_place, place);
    struct skill_hit hit;

    if (!skill_match(&hit, self->skills, turn, arena))
        return nigh_fail(err, NIGH_INVALID, "skill: none is sure of this question");
    *ret_body = hit.answer;
    return NIGH_OK;
}

/* A sink may cancel the run from inside; run->state points to start's own flag meanwhile. */
static enum nigh_status skill_start(struct place *place, struct run *run, struct nigh_err *err)
{
    bool cancelled = false;
    const struct event events[] = {
        {.kind = EVENT_BEGIN, .text = slice_of(place->model)},
        {.kind = EVENT_TEXT, .text = run->body},
        {.kind = EVENT_FINISH, .finish = FINISH_STOP},
        {.kind = EVENT_USAGE, .usage = {.known = true}},
        {.kind = EVENT_END},
    };
    struct outcome outcome = {.fate = FATE_WHOLE, .http_status = 200};

    /* cppcheck-suppress autoVariables ; cleared below, or the run is gone */
    run->state = &cancelled;
    run->pass = clearance_free(run->pass); /* nothing leaves: there is no send to spend it on */
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        run->on_event(run, &events[i]);
        if (cancelled)
            return NIGH_OK;
    }
    run->state = NULL;
    run->on_done(run, &outcome);
    return NIGH_OK;
}

static void skill_cancel(struct run *run)
{
    if (run->state)
        *(bool *)run->state = true;
}

static void skill_flow(struct run *run) /* pause and resume: all was said at once */
{
}

static enum ready skill_ready(struct place *place, char why[static 128])
{
    return READY_NOW;
}

static const struct place_ops skill_ops = {.encode = skill_encode,
                                           .start = skill_start,
                                           .pause = skill_flow,
                                           .resume = skill_flow,
                                           .cancel = skill_cancel,
                                           .ready = skill_ready};

NIGH_MUST enum nigh_status skill_place_new(struct place **ret, struct skills *skills,
                                           struct nigh_err *err)
{
    struct skill_place *self = calloc(1, sizeof *self);

    if (!self)
        return nigh_fail(err, NIGH_NOMEM, "skills: out of memory");
    self->skills = skills;
    self->place = (struct place){
        .ops = &skill_ops,
        .name = "skill",
        .model = "skill",
        .kind = PLACE_SKILL,
        .dest = {.place = "skill", .address = "local:skill", .zone = ZONE_DEVICE},
        .quality = 1,
        .price = {.source = "free"},
    };
    *ret = &self->place;
    return NIGH_OK;
}

struct place *skill_place_free(struct place *place)
{
    if (place)
        free(CONTAINER_OF(place, struct skill_place, place));
    return NULL;
}
