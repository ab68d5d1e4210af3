#include "label/label.h"
#include <stdio.h>

static const uint64_t device_bit = UINT64_C(1) << ZONE_DEVICE;

struct label label_join(struct label a, struct label b)
{
    return (struct label){(a.zones & b.zones) | device_bit};
}

bool label_permits(struct label data, unsigned zone)
{
    return zone == ZONE_DEVICE || (zone < ZONE_MAX && data.zones >> zone & 1);
}

bool label_within(struct label inner, struct label outer)
{
    return (inner.zones & ~(outer.zones | device_bit)) == 0;
}

enum nigh_status label_parse(struct label *ret, const struct zones *z, struct slice name,
                             struct nigh_err *err)
{
    int zone = zone_find(z, name);

    if (zone < 0) /* the word came from a request, so it is not repeated */
        return nigh_fail(err, NIGH_INVALID, "label: no zone of that name in the config");
    *ret = z->label[zone];
    return NIGH_OK;
}

/* A zone whose every container is forbidden: it says something that no other permitted zone says.
 */
static bool is_widest(const struct zones *z, struct label l, unsigned zone)
{
    for (unsigned i = 0; i < z->n; i++)
        if (i != zone && label_permits(l, i) && z->label[i].zones >> zone & 1)
            return false;
    return true;
}

void label_text(char text[static LABEL_TEXT_BYTES], const struct zones *z, struct label l)
{
    size_t len = 0;

    text[0] = 0;
    for (unsigned i = 0; i < z->n; i++) {
        size_t need;

        if (!label_permits(l, i) || !is_widest(z, l, i))
            continue;
        need = strlen(z->name[i]) + (len > 0);
        if (len + need + sizeof "+..." > LABEL_TEXT_BYTES) {
            memcpy(text + len, "+...", sizeof "+...");
            return;
        }
        len += (size_t)sprintf(text + len, "%s%s", len ? "+" : "", z->name[i]);
    }
}
