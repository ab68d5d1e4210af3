#include "nigh/cmd/term.h"

#include "base/json.h"
#include <stdarg.h>
#include <time.h>

/* How many bytes at p are a control character that a terminal might obey; 0: none. */
static size_t control_at(const char *p, size_t left)
{
    unsigned char c = (unsigned char)*p;

    if ((c < ' ' && c != '\n' && c != '\t') || c == 127)
        return 1;
    if (c == 0xc2 && left > 1 && (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xa0)
        return 2;
    return 0;
}

void term_text(const struct cli *cli, struct slice text)
{
    size_t from = 0;

    for (size_t i = 0; cli->tty && i < text.len;) {
        size_t n = control_at(text.p + i, text.len - i);
        if (n) {
            fwrite(text.p + from, 1, i - from, stdout);
            fputs("\xef\xbf\xbd", stdout); /* U+FFFD */
            from = i + n;
        }
        i += n ? n : 1;
    }
    if (text.len > from)
        fwrite(text.p + from, 1, text.len - from, stdout);
}

void term_buf(const struct cli *cli, const struct buf *text)
{
    term_text(cli, buf_slice(text));
}

void term_style(const struct cli *cli, enum style style)
{
    static const char *const codes[] = {"\033[0m", "\033[2m", "\033[1m", "\033[32m", "\033[31m"};

    if (cli->colour)
        fputs(codes[style], stdout);
}

void term_line(const struct cli *cli, enum style style, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (style != STYLE_PLAIN)
        term_style(cli, style);
    term_text(cli, slice_of(text));
    if (style != STYLE_PLAIN)
        term_style(cli, STYLE_PLAIN);
    fputc('\n', stdout);
}

/* --- figures ------------------------------------------------------------------------------------
 */

void term_add_duration(struct buf *out, int64_t us)
{
    if (us < 0)
        buf_add_char(out, '?');
    else if (us < 1000)
        buf_printf(out, "%lld us", (long long)us);
    else if (us < 1000000)
        buf_printf(out, "%.1f ms", (double)us / 1e3);
    else
        buf_printf(out, "%.1f s", (double)us / 1e6);
}

void term_add_money(struct buf *out, int64_t uusd)
{
    if (uusd < 0)
        buf_add_cstr(out, "cost not known");
    else if (uusd == 0)
        buf_add_cstr(out, "free");
    else
        buf_printf(out, "%.6f USD", (double)uusd / 1e6);
}

void term_add_bytes(struct buf *out, int64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double n = (double)bytes / 1000;
    size_t i = 0;

    if (bytes < 0) {
        buf_add_cstr(out, "? bytes");
        return;
    }
    if (bytes < 10000) {
        buf_printf(out, "%lld byte%s", (long long)bytes, bytes == 1 ? "" : "s");
        return;
    }
    for (; n >= 1000 && i + 1 < ARRAY_LEN(units); i++)
        n /= 1000;
    buf_printf(out, "%.1f %s", n, units[i]);
}

void term_add_time(struct buf *out, int64_t wall_us)
{
    time_t s = (time_t)(wall_us / 1000000);
    struct tm tm;
    char text[32];

    if (wall_us > 0 && localtime_r(&s, &tm) && strftime(text, sizeof text, "%F %T", &tm))
        buf_add_cstr(out, text);
    else
        buf_add_char(out, '?');
}

void term_add_age(struct buf *out, int64_t seconds)
{
    static const struct {
        const char *unit;
        int64_t seconds;
    } units[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
    size_t i = 0;

    if (seconds < 0)
        seconds = 0;
    while (i + 1 < ARRAY_LEN(units) && seconds < units[i].seconds)
        i++;
    buf_printf(out, "%lld %s", (long long)(seconds / units[i].seconds), units[i].unit);
    seconds %= units[i].seconds;
    if (i + 1 < ARRAY_LEN(units) && seconds / units[i + 1].seconds > 0)
        buf_printf(out, " %lld %s", (long long)(seconds / units[i + 1].seconds), units[i + 1].unit);
}

/* --- tables -------------------------------------------------------------------------------------
 */

enum { TABLE_BYTES_MAX = 64 << 20, TABLE_ROWS_STEP = 64 };

void table_init(struct table *table, size_t n_columns)
{
    *table = (struct table){.n_columns = n_columns};
    arena_init(&table->arena, TABLE_BYTES_MAX);
}

void table_done(struct table *table)
{
    arena_done(&table->arena);
}

static bool table_grow(struct table *table)
{
    size_t n = table->n_rows;

    if (n % TABLE_ROWS_STEP)
        return true;
    const char ***rows = arena_grow(&table->arena, table->rows, n * sizeof *rows,
                                    (n + TABLE_ROWS_STEP) * sizeof *rows);
    if (rows)
        table->rows = rows;
    return rows != NULL;
}

void table_row(struct table *table, const char *const *cells)
{
    const char **row = arena_calloc(&table->arena, table->n_columns, sizeof *row);

    if (!row || !table_grow(table))
        return; /* 64 MiB of table: the reader has seen enough */
    for (size_t i = 0; i < table->n_columns; i++)
        row[i] = cells[i] ? arena_strdup(&table->arena, slice_of(cells[i])) : "-";
    table->rows[table->n_rows++] = row;
}

const char *table_cell(struct table *table, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return arena_strdup(&table->arena, slice_of(text));
}

const char *table_str(struct table *table, yyjson_val *object, const char *key)
{
    struct slice s = json_get_str(object, key);

    return s.p ? arena_strdup(&table->arena, s) : NULL;
}

/* Characters, as a terminal counts them: near enough for names and numbers. */
static size_t width_of(const char *text)
{
    size_t n = 0;

    for (; text && *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t width = 0;

    for (size_t i = 0; i < table->n_rows; i++) {
        size_t n = width_of(table->rows[i][column]);
        width = n > width ? n : width;
    }
    return width;
}

/* No blanks stand at the end of a line. */
static bool has_more(const char **row, size_t from, size_t n_columns)
{
    for (size_t k = from; k < n_columns; k++)
        if (!row[k] || row[k][0])
            return true;
    return false;
}

void table_show(const struct cli *cli, const struct table *table)
{
    for (size_t i = 0; i < table->n_rows; i++) {
        if (i == 0)
            term_style(cli, STYLE_BOLD);
        for (size_t k = 0; k < table->n_columns; k++) {
            const char *cell = table->rows[i][k] ? table->rows[i][k] : "-";
            term_text(cli, slice_of(cell));
            if (has_more(table->rows[i], k + 1, table->n_columns))
                printf("%*s", (int)(column_width(table, k) - width_of(cell) + 2), "");
        }
        if (i == 0)
            term_style(cli, STYLE_PLAIN);
        fputc('\n', stdout);
    }
}
