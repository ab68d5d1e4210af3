#include "label/fold.h"
#include "base/err.h"
#include <stdlib.h>
#include <string.h>

struct fold_row {
    uint32_t cp;
    uint8_t len;
    char text[5];
};
#include "fold-table.h"

void fold_done(struct fold *fold)
{
    free(fold->text);
    free(fold->from);
    *fold = (struct fold){0};
}

/* One character of valid UTF-8. */
static uint32_t decode(const unsigned char *p, size_t *len)
{
    if (p[0] < 0xe0) {
        *len = 2;
        return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
    }
    if (p[0] < 0xf0) {
        *len = 3;
        return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    }
    *len = 4;
    return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
           (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
}

static const struct fold_row *row_of(uint32_t cp)
{
    size_t low = 0, high = ARRAY_LEN(fold_rows);

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (fold_rows[mid].cp < cp)
            low = mid + 1;
        else
            high = mid;
    }
    return low < ARRAY_LEN(fold_rows) && fold_rows[low].cp == cp ? &fold_rows[low] : NULL;
}

bool fold_room(struct fold *fold, size_t len)
{
    size_t cap = 2 * fold->cap > len + 1 ? 2 * fold->cap : len + 1;

    if (fold->cap > len)
        return true;
    char *text = realloc(fold->text, cap);
    if (text)
        fold->text = text;
    uint32_t *from = realloc(fold->from, cap * sizeof *from);
    if (from)
        fold->from = from;
    if (!text || !from)
        return false;
    fold->cap = cap;
    return true;
}

bool fold_needed(struct slice text)
{
    size_t i = 0;

    while (i < text.len) {
        size_t len;
        if (text.len - i >= 8) { /* eight bytes of ASCII at a time */
            uint64_t word;
            memcpy(&word, text.p + i, sizeof word);
            if (!(word & UINT64_C(0x8080808080808080))) {
                i += 8;
                continue;
            }
        }
        if (!((unsigned char)text.p[i] & 0x80)) {
            i++;
            continue;
        }
        if (row_of(decode((const unsigned char *)text.p + i, &len)))
            return true;
        i += len;
    }
    return false;
}

bool fold_text(struct fold *fold, struct slice text)
{
    size_t out = 0;

    if (!fold_room(fold, text.len))
        return false;
    for (size_t i = 0, len; i < text.len; i += len) {
        const struct fold_row *row = NULL;
        const char *as = text.p + i;
        size_t as_len = len = 1;
        if ((unsigned char)text.p[i] & 0x80) {
            row = row_of(decode((const unsigned char *)text.p + i, &len));
            as_len = len;
        }
        if (row) {
            as = row->text;
            as_len = row->len;
        }
        for (size_t k = 0; k < as_len; k++) {
            fold->text[out] = as[k];
            fold->from[out++] = (uint32_t)(row ? i : i + k);
        }
    }
    fold->text[out] = '\0';
    fold->from[out] = (uint32_t)text.len;
    fold->len = out;
    return true;
}
