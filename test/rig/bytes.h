/* bytes: a growing buffer for the test programs, which stand on nothing of nigh's (a fair witness
 * shares no code with the accused).  Running out of memory ends the program. */
#pragma once
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    char *at;
    size_t n, room;
};

static inline void bytes_reserve(struct bytes *b, size_t more)
{
    if (b->room - b->n >= more)
        return;
    size_t room = b->room ? b->room : 1024;
    while (room - b->n < more)
        room *= 2;
    b->at = realloc(b->at, room);
    if (!b->at) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    b->room = room;
}

static inline void bytes_add(struct bytes *b, const void *at, size_t n)
{
    bytes_reserve(b, n);
    if (n > 0)
        memcpy(b->at + b->n, at, n);
    b->n += n;
}

static inline void bytes_text(struct bytes *b, const char *text)
{
    bytes_add(b, text, strlen(text));
}

static inline void __attribute__((format(printf, 2, 3)))
bytes_printf(struct bytes *b, const char *fmt, ...)
{
    va_list args, again;

    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n > 0) {
        bytes_reserve(b, (size_t)n + 1);
        vsnprintf(b->at + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

/* As a JSON string, quotes included. */
static inline void bytes_json(struct bytes *b, const char *at, size_t n)
{
    bytes_add(b, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)at[i];

        if (c == '"' || c == '\\')
            bytes_printf(b, "\\%c", c);
        else if (c < 0x20)
            bytes_printf(b, "\\u%04x", c);
        else
            bytes_add(b, &at[i], 1);
    }
    bytes_add(b, "\"", 1);
}

static inline void bytes_done(struct bytes *b)
{
    free(b->at);
    *b = (struct bytes){0};
}
