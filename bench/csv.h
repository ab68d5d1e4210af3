/* csv: RFC 4180 rows from a file in memory, for benchmarks.  One header, no ceiling, leaves at
 * errors. */
#pragma once
#include "base/str.h"
#include <stdio.h>
#include <stdlib.h>

enum { CSV_COLUMNS_MAX = 64 };
struct csv {
    char *data, *at, *end;
    struct slice cell[CSV_COLUMNS_MAX]; /* of the row read last, unquoted in place */
    size_t n;
};

static inline bool csv_row(struct csv *csv)
{
    csv->n = 0;
    if (csv->at >= csv->end)
        return false;
    for (;;) {
        bool quoted = *csv->at == '"';
        char *to = csv->at += quoted, *start = to;
        for (; csv->at < csv->end; csv->at++) {
            if (quoted && *csv->at == '"') {
                if (csv->at[1] != '"')
                    break;
                csv->at++;
            } else if (!quoted && (*csv->at == ',' || *csv->at == '\n' || *csv->at == '\r')) {
                break;
            }
            *to++ = *csv->at;
        }
        csv->at += quoted;
        if (csv->n == CSV_COLUMNS_MAX)
            abort();
        csv->cell[csv->n++] = (struct slice){start, (size_t)(to - start)};
        if (csv->at >= csv->end || *csv->at != ',') {
            csv->at += csv->at < csv->end && *csv->at == '\r';
            csv->at += csv->at < csv->end;
            return true;
        }
        csv->at++;
    }
}

/* The whole file; false when it is not there. */
static inline bool csv_open(struct csv *csv, const char *path)
{
    FILE *f = fopen(path, "re");
    long size;

    memset(csv, 0, sizeof *csv);
    if (!f)
        return false;
    if (fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) != 0)
        abort();
    csv->data = calloc(1, (size_t)size + 2);
    if (!csv->data || fread(csv->data, 1, (size_t)size, f) != (size_t)size)
        abort();
    fclose(f);
    csv->at = csv->data;
    csv->end = csv->data + size;
    return csv_row(csv); /* the header */
}

static inline int csv_column(const struct csv *csv, const char *name)
{
    for (size_t i = 0; i < csv->n; i++)
        if (slice_is(csv->cell[i], name))
            return (int)i;
    fprintf(stderr, "csv: no column %s\n", name);
    exit(1);
}
