/* nigh detect: the private data that detection sees in a text, here and now, without a node. */
#include "label/detect.h"
#include "base/arena.h"
#include "base/json.h"
#include "nigh/cmd/show.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES_MAX = DETECT_BYTES_MAX + 1024, LINE_ARENA_MAX = 4 * LINE_BYTES_MAX };

/* Offsets are told in code points: bytes that begin none are passed over.  at moves on with the
 * spans, so a text is counted once. */
struct counter {
    struct slice text;
    size_t byte, point;
};

static size_t points_to(struct counter *c, size_t byte)
{
    for (; c->byte < byte && c->byte < c->text.len; c->byte++)
        c->point += ((unsigned char)c->text.p[c->byte] & 0xc0) != 0x80;
    return c->point;
}

static void put_json(struct buf *out, struct slice text, const struct spans *spans)
{
    struct counter count = {.text = text};

    buf_add_cstr(out, "{\"spans\":[");
    for (size_t i = 0; i < spans->n; i++) {
        const struct span *s = &spans->all[i];
        json_sep(out);
        buf_add_char(out, '{');
        json_put_cstr(out, "type", s->type);
        json_put_cstr(out, "group", detect_group_text(s->group));
        json_put_int(out, "start", (int64_t)points_to(&count, s->start));
        json_put_int(out, "end", (int64_t)points_to(&count, s->end));
        json_put_num(out, "score", s->score / 100.0);
        if (s->hidden)
            json_put_bool(out, "hidden", true);
        buf_add_char(out, '}');
    }
    buf_add_cstr(out, "]}");
}

/* One line a span; control characters of the text as blanks. */
static void put_lines(struct buf *out, struct slice text, const struct spans *spans)
{
    struct counter count = {.text = text};

    for (size_t i = 0; i < spans->n; i++) {
        const struct span *s = &spans->all[i];
        size_t start = points_to(&count, s->start), end = points_to(&count, s->end);
        buf_printf(out, "%-20s %-12s %3u%%  %zu-%zu%s  ", s->type, detect_group_text(s->group),
                   s->score, start, end, s->hidden ? " hidden" : "");
        for (size_t k = s->start; k < s->end; k++)
            buf_add_char(out,
                         (unsigned char)text.p[k] < ' ' || text.p[k] == 0x7f ? ' ' : text.p[k]);
        buf_add_char(out, '\n');
    }
}

static int print(const struct cli *cli, struct slice text, const struct spans *spans)
{
    CLEANUP(buf_done) struct buf out = {0};

    if (cli->json) {
        put_json(&out, text, spans);
        buf_add_char(&out, '\n');
    } else {
        put_lines(&out, text, spans);
    }
    if (out.failed)
        return cli_error(CLI_FAILED, "out of memory");
    fwrite(out.data ? out.data : "", 1, out.len, stdout);
    return CLI_DONE;
}

/* A text in which there is too much to look at is sensitive as a whole, and told so. */
static int detect_text(const struct cli *cli, struct detect *d, struct slice text,
                       struct spans *spans)
{
    struct span all = {0, text.len, "TOO_MUCH", DETECT_SECRET, 100, false};
    struct nigh_err err = {0};

    if (!slice_utf8(text))
        return cli_error(CLI_FAILED, "the text is not UTF-8");
    enum nigh_status status = detect_scan(d, text, 0, spans, &err);
    if (status == NIGH_TOOBIG)
        return print(cli, text, &(struct spans){&all, 1, 0});
    return status == NIGH_OK ? print(cli, text, spans) : cli_fail(&err, NULL);
}

static int detect_all(const struct cli *cli, struct detect *d, struct spans *spans)
{
    CLEANUP(buf_done) struct buf text = {.max_bytes = DETECT_BYTES_MAX};
    char chunk[64 << 10];
    size_t n;

    while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0)
        buf_add(&text, chunk, n);
    if (ferror(stdin))
        return cli_error(CLI_FAILED, "standard input: %s", strerror(errno));
    if (text.failed)
        return cli_error(CLI_FAILED, "the text is larger than %d MiB", DETECT_BYTES_MAX >> 20);
    return detect_text(cli, d, text.len ? buf_slice(&text) : SLICE(""), spans);
}

/* {"text": ...} a line; empty lines are passed over. */
static int detect_lines(const struct cli *cli, struct detect *d, struct spans *spans)
{
    char *line = NULL;
    size_t cap = 0, number = 0;
    int status = CLI_DONE;

    for (ssize_t len; status == CLI_DONE && (len = getline(&line, &cap, stdin)) >= 0;) {
        struct slice body = slice_trim((struct slice){line, (size_t)len});
        struct arena arena;
        yyjson_val *root = NULL;
        number++;
        if (body.len == 0)
            continue;
        arena_init(&arena, LINE_ARENA_MAX);
        if (json_parse(&root, body, &arena, NULL) != NIGH_OK ||
            !yyjson_is_str(json_get(root, "text")))
            status = cli_error(CLI_FAILED, "line %zu: expected {\"text\": \"...\"}", number);
        else
            status = detect_text(cli, d, json_get_str(root, "text"), spans);
        if (!cli->json && status == CLI_DONE)
            putchar('\n');
        arena_done(&arena);
    }
    free(line);
    return status;
}

int cmd_detect(struct cli *cli, int argc, char **argv)
{
    struct detect_spec spec = {.names = !cli_value(cli, "no-names")};
    struct detect *d = NULL;
    struct spans spans = {0};
    struct nigh_err err = {0};

    (void)argc;
    (void)argv;
    if (detect_new(&d, &spec, &err) != NIGH_OK)
        return cli_fail(&err, NULL);
    int status =
        cli_value(cli, "jsonl") ? detect_lines(cli, d, &spans) : detect_all(cli, d, &spans);
    spans_done(&spans);
    detect_free(d);
    return status;
}
