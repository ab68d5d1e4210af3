/* Any JSON: a scope that is read, written and read again is the same. */
#include "label/scope.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_text(struct scope *ret, struct slice text, struct arena *arena)
{
    yyjson_val *root;

    return json_parse(&root, text, arena, NULL) == NIGH_OK &&
           scope_read(ret, root, NULL) == NIGH_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_done) struct arena arena;
    CLEANUP(buf_done) struct buf text = {0};
    struct scope first, again;

    arena_init(&arena, 1 << 20);
    if (!read_text(&first, (struct slice){(const char *)data, size}, &arena))
        return 0;
    buf_add_char(&text, '{');
    scope_json(&first, &text);
    buf_add_char(&text, '}');
    if (!read_text(&again, buf_slice(&text), &arena) || first.spaces != again.spaces ||
        strcmp(first.places, again.places) != 0 || strcmp(first.label, again.label) != 0 ||
        first.budget_uusd != again.budget_uusd || first.per_minute != again.per_minute ||
        first.expires_us != again.expires_us)
        abort();
    (void)scope_permits(&first, "home/a-model");
    return 0;
}
