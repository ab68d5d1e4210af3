#include "label/toolzone.h"

/* Bytes of the name that the row speaks of; 0: it speaks of others. */
static size_t fits(const struct toolzone *tool, struct slice name)
{
    struct slice row = slice_of(tool->name);

    if (slice_is(name, tool->name))
        return SIZE_MAX;
    if (slice_ieq(name, row))
        return SIZE_MAX - 1;
    if (row.len == 0 || row.p[row.len - 1] != '*' || name.len < row.len - 1)
        return 0;
    return slice_ieq((struct slice){name.p, row.len - 1}, (struct slice){row.p, row.len - 1})
               ? row.len
               : 0;
}

int toolzone_find(const struct toolzones *tools, struct slice name)
{
    int zone = tools->other;
    size_t best = 0;

    name = slice_trim(name);
    for (size_t i = 0; i < tools->n; i++) {
        size_t len = fits(&tools->all[i], name);
        if (len > best) {
            best = len;
            zone = (int)tools->all[i].zone;
        }
    }
    return zone;
}
