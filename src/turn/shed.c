#include "turn/shed.h"

void shed_served(struct shed *s, double ms)
{
    s->service_ms = s->service_ms > 0 ? 0.8 * s->service_ms + 0.2 * ms : ms;
}

uint64_t shed_wait_ms(const struct shed *s, const struct shed_view *v, unsigned ahead)
{
    double first_ms = 0; /* until the first of those inside is through */

    if (v->in >= v->in_max && v->oldest_us) {
        double been_ms = v->now_us > v->oldest_us ? (double)(v->now_us - v->oldest_us) / 1000 : 0;
        first_ms = been_ms < s->service_ms ? s->service_ms - been_ms : 0;
    }
    return (uint64_t)(first_ms + s->service_ms * ahead / (v->in_max ? v->in_max : 1));
}

uint64_t shed_retry_ms(const struct shed *s, const struct shed_view *v)
{
    uint64_t ms = shed_wait_ms(s, v, v->waiting + 1);

    return ms < SHED_RETRY_MS_MIN   ? SHED_RETRY_MS_MIN
           : ms > SHED_RETRY_MS_MAX ? SHED_RETRY_MS_MAX
                                    : ms;
}

void shed_look(struct shed *s, const struct shed_view *v)
{
    unsigned most = (v->waiting_max + 1) / 2; /* a full one lacks one whenever one moved up */
    unsigned deep = SHED_DEEP * v->in_max < most ? SHED_DEEP * v->in_max : most;
    uint64_t stands_ms = (uint64_t)(s->service_ms * SHED_STANDS_TURNS);

    if (stands_ms < SHED_STANDS_MS)
        stands_ms = SHED_STANDS_MS;
    if (s->over && v->now_us - s->refused_us > SHED_CALM_MS * 1000)
        s->over = false;
    if (v->waiting < deep || v->waiting == 0) {
        s->deep_us = 0;
    } else if (s->deep_us == 0) {
        s->deep_us = v->now_us;
    } else if (!s->over && v->now_us - s->deep_us >= stands_ms * 1000) {
        s->over = true;
        s->refused_us = v->now_us;
    }
}

bool shed_may_wait(struct shed *s, const struct shed_view *v, uint64_t left_ms)
{
    uint64_t wait_ms = shed_wait_ms(s, v, v->waiting);
    bool late = left_ms && s->service_ms > 0 && wait_ms >= left_ms;

    shed_look(s, v);
    if (v->waiting >= v->waiting_max || late)
        return false;
    if (!s->over || (double)wait_ms <= s->service_ms / 2)
        return true;
    s->refused_us = v->now_us;
    return false;
}

bool shed_last(struct shed *s, const struct shed_view *v)
{
    shed_look(s, v);
    if (!s->over || v->waiting == 0 ||
        (double)shed_wait_ms(s, v, v->waiting - 1) <=
            s->service_ms) /* twice what it was let in on */
        return false;
    s->refused_us = v->now_us;
    return true;
}
