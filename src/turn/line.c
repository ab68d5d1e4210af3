#include "turn/line.h"

#include "base/clock.h"
#include <assert.h>

static void list_add(struct line_list *list, struct line_seat *seat)
{
    seat->prev = list->last;
    seat->next = NULL;
    *(list->last ? &list->last->next : &list->first) = seat;
    list->last = seat;
    list->n++;
}

static void list_remove(struct line_list *list, struct line_seat *seat)
{
    *(seat->prev ? &seat->prev->next : &list->first) = seat->next;
    *(seat->next ? &seat->next->prev : &list->last) = seat->prev;
    list->n--;
}

static unsigned list_count(const struct line_list *list, uint32_t who)
{
    unsigned n = 0;

    for (const struct line_seat *s = list->first; s; s = s->next)
        n += s->who == who;
    return n;
}

static struct shed_view view(const struct line *line)
{
    return (struct shed_view){.now_us = clock_mono_us(),
                              .in = line->in.n,
                              .in_max = line->in_max,
                              .waiting = line->waiting.n,
                              .waiting_max = line->waiting_max,
                              .oldest_us = line->in.first ? line->in.first->since_us : 0};
}

static bool has_room(const struct line *line)
{
    return line->open && line->in.n < line->in_max;
}

/* Of those who wait, the first whose caller has the fewest in. */
static struct line_seat *next_in(struct line *line)
{
    struct line_seat *best = line->waiting.first;
    unsigned best_n = list_count(&line->in, best->who);

    for (struct line_seat *s = best->next; s && best_n > 0; s = s->next) {
        unsigned n = s->who == best->who ? best_n : list_count(&line->in, s->who);
        if (n < best_n) {
            best = s;
            best_n = n;
        }
    }
    return best;
}

static void go_in(struct line *line, struct line_seat *seat)
{
    seat->in = true;
    seat->since_us = clock_mono_us();
    list_add(&line->in, seat);
}

static void call_out(struct line_seat *seat)
{
    line_leave(seat, false);
    seat->called(seat, false);
}

/* Those who wait move up; the last ones are sent away while it is too much. */
static void move_up(struct later *later)
{
    struct line *line = CONTAINER_OF(later, struct line, later);
    struct shed_view v;

    while (has_room(line) && line->waiting.first) {
        struct line_seat *seat = next_in(line);

        timer_disarm(line->loop, &seat->clock);
        list_remove(&line->waiting, seat);
        go_in(line, seat);
        seat->called(seat, true);
    }
    v = view(line);
    if (line->open && shed_last(&line->shed, &v))
        call_out(line->waiting.last); /* one at a time: this comes again, since it left */
}

static void on_waited(struct timer *t)
{
    struct line_seat *seat = CONTAINER_OF(t, struct line_seat, clock);
    struct line *line = seat->line;

    /* The start of a place has a clock of its own. */
    if (line->open || timer_arm(line->loop, t, line->wait_ms, on_waited, NULL) != NIGH_OK)
        call_out(seat);
}

/* Who has nothing here yet may wait where others are turned away, as long as there are not as many
 * of his kind again. */
static bool may_wait(struct line *line, uint32_t who, uint64_t left_ms)
{
    struct shed_view v = view(line);

    if (shed_may_wait(&line->shed, &v, left_ms))
        return true;
    return line->in.n > 0 && v.waiting < 2 * v.waiting_max && list_count(&line->in, who) == 0 &&
           list_count(&line->waiting, who) == 0;
}

void line_init(struct line *line, struct loop *loop, unsigned in_max, unsigned waiting_max,
               uint64_t wait_ms)
{
    *line = (struct line){.loop = loop,
                          .in_max = in_max,
                          .waiting_max = waiting_max,
                          .wait_ms = wait_ms,
                          .open = true};
}

void line_done(struct line *line)
{
    assert(line->in.n == 0 && line->waiting.n == 0);
    if (line->loop)
        loop_later_cancel(line->loop, &line->later);
}

void line_open(struct line *line, bool open)
{
    line->open = open;
    if (open)
        loop_later(line->loop, &line->later, move_up);
}

enum line_answer line_enter(struct line *line, struct line_seat *seat, uint32_t who,
                            uint64_t left_ms, void (*called)(struct line_seat *seat, bool in))
{
    *seat = (struct line_seat){.who = who, .called = called};
    if (has_room(line) && line->waiting.n == 0) {
        seat->line = line;
        go_in(line, seat);
        return LINE_IN;
    }
    if (!may_wait(line, who, left_ms) ||
        timer_arm(line->loop, &seat->clock, line->wait_ms, on_waited, NULL) != NIGH_OK)
        return LINE_FULL;
    seat->line = line;
    seat->since_us = clock_mono_us();
    list_add(&line->waiting, seat);
    return LINE_WAITS;
}

void line_leave(struct line_seat *seat, bool served)
{
    struct line *line = seat->line;
    struct shed_view v;

    if (!line)
        return;
    seat->line = NULL;
    timer_disarm(line->loop, &seat->clock);
    list_remove(seat->in ? &line->in : &line->waiting, seat);
    if (seat->in && served)
        shed_served(&line->shed, (double)(clock_mono_us() - seat->since_us) / 1000);
    v = view(line);
    shed_look(&line->shed, &v);
    loop_later(line->loop, &line->later, move_up);
}

uint64_t line_retry_ms(const struct line *line)
{
    struct shed_view v = view(line);

    return shed_retry_ms(&line->shed, &v);
}

/* FNV-1a: names are few and ours. */
uint32_t line_who(const char *name)
{
    uint32_t h = 2166136261u;

    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return h;
}
