#include "engine/lines.h"

void lines_done(struct lines *lines)
{
    buf_done(&lines->kept);
}

/* "0.00.084.773 I slot      release: id  0 | ...": digits and points, a space, a level, a space. */
static bool is_log(struct slice line)
{
    size_t i = 0;

    while (i < line.len && ((line.p[i] >= '0' && line.p[i] <= '9') || line.p[i] == '.'))
        i++;
    return i > 4 && i + 3 < line.len && line.p[i] == ' ' && strchr("IWE", line.p[i + 1]) &&
           line.p[i + 2] == ' ';
}

/* What a crash leaves: a place in a source file and a condition, from the program alone. */
static bool is_assertion(struct slice line)
{
    static const char mark[] = "GGML_ASSERT(";
    return line.len < 512 && memmem(line.p, line.len, mark, sizeof mark - 1) != NULL &&
           !memchr(line.p, '"', line.len);
}

static size_t safe_len(struct slice line)
{
    static const char quotes[] = "\"'`{[<";
    size_t n = 0;

    while (n < line.len && !strchr(quotes, line.p[n]) && line.p[n] >= ' ' && line.p[n] < 127)
        n++;
    return n;
}

void lines_add(struct lines *lines, struct slice line)
{
    struct buf *kept = &lines->kept;
    bool cut = false;

    if (lines->serving && !is_assertion(line)) {
        if (!is_log(line)) {
            lines->withheld++;
            return;
        }
        size_t n = safe_len(line);
        cut = n < line.len;
        line.len = n;
    }
    if (line.len > LINES_BYTES_MAX / 16)
        line.len = LINES_BYTES_MAX / 16;
    kept->max_bytes = LINES_BYTES_MAX + 16;
    while (kept->len + line.len + 8 > LINES_BYTES_MAX) { /* the oldest quarter, by whole lines */
        size_t from = kept->len / 4;
        const char *end = memchr(kept->data + from, '\n', kept->len - from);
        buf_consume(kept, end ? (size_t)(end - kept->data) + 1 : kept->len);
    }
    buf_add_str(kept, line);
    buf_add_cstr(kept, cut ? " ...\n" : "\n");
}

struct slice lines_last(const struct lines *lines)
{
    struct slice all = slice_trim(buf_slice(&lines->kept));
    const char *nl = all.len ? memrchr(all.p, '\n', all.len) : NULL;

    if (!nl)
        return all;
    return (struct slice){nl + 1, all.len - (size_t)(nl + 1 - all.p)};
}
