/* Any text: what detection says of it is in order, within it, and on the borders of its characters.
 */
#include "label/detect.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct detect *d;
    static struct spans spans;
    struct slice text = {(const char *)data, size};

    if (!slice_utf8(text))
        return 0;
    if (!d && detect_new(&d, &(struct detect_spec){.names = true}, NULL) != NIGH_OK)
        abort();
    if (detect_scan(d, text, 0, &spans, NULL) != NIGH_OK)
        return 0;
    for (size_t i = 0; i < spans.n; i++) {
        const struct span *s = &spans.all[i];
        if (s->start >= s->end || s->end > size || (i > 0 && s->start < spans.all[i - 1].end))
            abort();
        if ((data[s->start] & 0xc0) == 0x80 || (s->end < size && (data[s->end] & 0xc0) == 0x80))
            abort();
    }
    return 0;
}
