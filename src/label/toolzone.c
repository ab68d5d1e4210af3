#include "label/toolzone.h"

/* Bytes of the name that the row speaks of; 0: it speaks of others. */
static size_t fits(const struct toolzone *tool, struct slice name)
{
    size_t len = strlen(tool->name);

    if (slice_is(name, tool->name))
        return SIZE_MAX;
    if (len == 0 || tool->name[len - 1] != '*')
        return 0;
    return slice_starts(name, (struct slice){tool->name, len - 1}) ? len : 0;
}

int toolzone_find(const struct toolzones *tools, struct slice name)
{
    int zone = tools->other;
    size_t best = 0;

    for (size_t i = 0; i < tools->n; i++) {
        size_t len = fits(&tools->all[i], name);
        if (len > best) {
            best = len;
            zone = (int)tools->all[i].zone;
        }
    }
    return zone;
}
