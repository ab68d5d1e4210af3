/* term: what people read: text that cannot harm their terminal, styles, figures with units, tables.
 *
 * A terminal obeys control characters, and a model's words are not ours: on a terminal everything
 * but line ends and tabs is shown as a mark instead.  Into a pipe the bytes go as they are. */
#pragma once
#include "base/arena.h"
#include "nigh/cmd/cli.h"
#include <yyjson.h>

enum style { STYLE_PLAIN, STYLE_DIM, STYLE_BOLD, STYLE_GOOD, STYLE_BAD };

void term_text(const struct cli *cli, struct slice text);
void term_style(const struct cli *cli, enum style style); /* from here on; PLAIN ends it */
void term_line(const struct cli *cli, enum style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4))); /* shown as term_text, with a line end */
/* Everything in the buffer, as term_text. */
void term_buf(const struct cli *cli, const struct buf *text);

/* "1.2 s", "3.4 ms"; "?" when negative, as bills have it for what is not known. */
void term_add_duration(struct buf *out, int64_t us);
void term_add_money(struct buf *out, int64_t uusd);   /* "free", "0.000120 USD" */
void term_add_bytes(struct buf *out, int64_t bytes);  /* "0 bytes", "12.3 kB" */
void term_add_time(struct buf *out, int64_t wall_us); /* local time: "2026-11-22 18:20:52" */
void term_add_age(struct buf *out, int64_t seconds);  /* "3 d 4 h", "12 s" */

/* Rows of cells in columns as wide as they need; the first row is the heading.  Cells are copied.
 */
struct table {
    struct arena arena;
    const char ***rows;
    size_t n_rows, n_columns;
};
void table_init(struct table *table, size_t n_columns);
void table_done(struct table *table);
/* As many as the table has columns, NULL: "-". */
void table_row(struct table *table, const char *const *cells);
/* A cell made in the table's memory. */
const char *table_cell(struct table *table, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
const char *table_str(struct table *table, yyjson_val *object, const char *key);
void table_show(const struct cli *cli, const struct table *table);
