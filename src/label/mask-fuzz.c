/* The first line is the values, a tab between them; the rest is a text.  Whatever they are: no
 * value is left in the masked text, restoring it byte by byte gives the text again, and a body that
 * holds the text is masked into JSON or refused. */
#include "base/json.h"
#include "label/mask.h"
#include <sodium.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key is the text's: the fuzzer sees what is compared, and would learn the placeholders. */
static struct mask *mask_of(struct slice values, struct slice text, struct arena *arena)
{
    unsigned char key[MASK_KEY_BYTES];
    struct mask *m;

    crypto_generichash(key, sizeof key, (const unsigned char *)text.p, text.len, NULL, 0);
    if (mask_new(&m, key, arena, NULL) != NIGH_OK)
        abort();
    while (values.p) {
        struct slice value = slice_cut(&values, '\t');
        const char *at = value.len ? memmem(text.p, text.len, value.p, value.len) : NULL;
        size_t start = at ? (size_t)(at - text.p) : 0;
        if (at && mask_add(m, "THING", text, start, start + value.len, NULL) != NIGH_OK)
            abort();
    }
    return m;
}

static void back_again(struct mask *m, struct slice text)
{
    struct buf masked = {0}, back = {0};
    struct restore r;

    if (mask_text(m, text, false, &masked, NULL) != NIGH_OK)
        abort();
    restore_init(&r, m, false);
    for (size_t i = 0; i < masked.len; i++)
        if (restore_text(&r, (struct slice){masked.data + i, 1}, &back, NULL) != NIGH_OK)
            abort();
    bool half = restore_end(&r, &back, NULL) != NIGH_OK;        /* it may end like one that is */
    bool json = text.len > 0 && memchr(text.p, '\\', text.len); /* invariant 2: the same JSON */
    if (!half && !json && !slice_eq(buf_slice(&back), text))
        abort();
    buf_done(&masked);
    buf_done(&back);
}

static void a_body(struct mask *m, struct slice text, struct arena *arena)
{
    struct buf body = {0};
    struct slice masked;
    yyjson_val *root;

    buf_add_cstr(&body, "{\"messages\":[{\"role\":\"user\",\"content\":");
    buf_add_json(&body, text);
    buf_add_cstr(&body, "}],\"metadata\":");
    buf_add_str(&body, json_parse(&root, text, arena, NULL) == NIGH_OK ? text : SLICE("1"));
    buf_add_cstr(&body, "}");
    enum nigh_status status = mask_body(m, buf_slice(&body), arena, &masked, NULL);
    if (status == NIGH_OK && json_parse(&root, masked, arena, NULL) != NIGH_OK)
        abort();
    buf_done(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size}, values;
    struct arena arena;

    values = slice_cut(&text, '\n');
    if (!text.p || !slice_utf8(text) || !slice_utf8(values))
        return 0;
    arena_init(&arena, 256 << 20);
    struct mask *m = mask_of(values, text, &arena);
    back_again(m, text);
    a_body(m, text, &arena);
    arena_done(&arena);
    return 0;
}
