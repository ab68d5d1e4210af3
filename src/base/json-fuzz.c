/* Whatever json_parse lets in must come out of json_add_val as text that parses to the same value,
 * and that text is a fixed point: written again it does not change. */
#include "base/json.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct buf first = {0}, second = {0};
    yyjson_val *root, *again;

    arena_init(&a, 64 << 20);
    if (json_parse(&root, (struct slice){(const char *)data, size}, &a, NULL) == NIGH_OK) {
        json_add_val(&first, root);
        if (first.failed || !slice_utf8(buf_slice(&first)))
            abort();
        if (json_parse(&again, buf_slice(&first), &a, NULL) != NIGH_OK)
            abort();
        json_add_val(&second, again);
        if (!slice_eq(buf_slice(&first), buf_slice(&second)))
            abort();
    }
    buf_done(&first);
    buf_done(&second);
    arena_done(&a);
    return 0;
}
