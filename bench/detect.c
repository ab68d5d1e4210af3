/* detect: how long a search for private data takes.
 *
 * 4 KB of four kinds of text, with patterns alone and with the tagger of names: the least and the
 * median of RUNS scans, in microseconds of this thread's own processor time, since the machine is
 * shared.  Then the twelve fills of label/detect_fills.h at 64 KB, 1 MB and 16 MB in nanoseconds a
 * byte: where work is linear the columns agree.  A scan that says "too much" (which is sensitive)
 * has an exclamation mark. */
#include "label/detect.h"
#include "base/err.h"
#include "label/detect_fills.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RUNS = 2000, TEXT_BYTES = 4096 };

static const struct {
    const char *name, *text;
} samples[] = {
    {"prose",
     "The road from the harbour runs along the old wall for most of its length, and whoever walks "
     "it in the evening hears the boats knock against each other long before they come into view. "
     "Nobody has ever counted the steps. My aunt Rosalind used to say that it was further on the "
     "way "
     "back, which Peter held to be impossible until he carried the baskets himself. In Lisbon, she "
     "told us, there are streets so steep that the trams lean on the houses.\n"},
    {"private", "Hello, this is Marta Lindqvist from Norrtull Consulting. Please send the offer to "
                "marta.lindqvist@example.org or call +46 8 123 456 78 before 12 March 2024. The "
                "invoice goes to "
                "14 Birch Lane, Exeter, and is paid from GB82 WEST 1234 5698 7654 32 or with the "
                "card 4111 1111 "
                "1111 1111. My server is 203.0.113.77; its key is AKIAIOSFODNN7EXAMPLE.\n"},
    {"code", "static bool is_number(struct slice text, size_t from, size_t to)\n{\n    size_t "
             "digits = 0;\n\n"
             "    while (from + digits < to && is_digit(text.p[from + digits]))\n        "
             "digits++;\n    return "
             "digits > 0 && digits <= 6; /* see RFC 3986, section 3.2 */\n}\n"},
    {"other script",
     "Вчера вечером Анна Петровна уехала в Казань, и никто не знает, когда она вернётся домой. "
     "Η Αθήνα είναι όμορφη την άνοιξη. “Voilà”, dit Élodie, “c’est fini.”\n"},
};

static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static char *filled(const char *unit, size_t len)
{
    size_t n = strlen(unit), whole = len / n * n;
    char *text = malloc(whole + 1);

    for (size_t i = 0; text && i < whole; i += n)
        memcpy(text + i, unit, n);
    if (text)
        text[whole] = '\0';
    return text;
}

static struct spans found;

static uint64_t scan(struct detect *d, struct slice text, enum nigh_status *ret)
{
    uint64_t start = cpu_ns();

    *ret = detect_scan(d, text, 0, &found, NULL);
    return cpu_ns() - start;
}

static void measure_samples(struct detect *d, const char *with)
{
    static uint64_t took[RUNS];
    enum nigh_status status;

    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        char *text = filled(samples[i].text, TEXT_BYTES + strlen(samples[i].text));
        struct slice part = {text, TEXT_BYTES};
        while (part.len > 0 && ((unsigned char)text[part.len] & 0xc0) == 0x80)
            part.len--;
        for (int k = 0; k < RUNS; k++)
            took[k] = scan(d, part, &status);
        qsort(took, RUNS, sizeof *took, by_size);
        printf("%-14s %-14s least %6.1f us  median %6.1f us  %4zu finds\n", samples[i].name, with,
               (double)took[0] / 1e3, (double)took[RUNS / 2] / 1e3, found.n);
        free(text);
    }
}

static void measure_fill(struct detect *d, size_t which)
{
    static const size_t lens[] = {64 << 10, 1 << 20, 16 << 20};

    printf("%-14s", detect_fills[which].name);
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        char *text = filled(detect_fills[which].unit, lens[i]);
        struct slice part = slice_of(text);
        enum nigh_status status = NIGH_OK;
        uint64_t best = UINT64_MAX;
        for (int k = 0; k < 3; k++) {
            uint64_t took = scan(d, part, &status);
            best = took < best ? took : best;
        }
        printf(" %9.2f%c", (double)best / (double)part.len, status == NIGH_OK ? ' ' : '!');
        free(text);
    }
    printf("\n");
}

int main(void)
{
    struct detect *plain = NULL, *names = NULL;

    if (detect_new(&plain, &(struct detect_spec){.names = false}, NULL) != NIGH_OK ||
        detect_new(&names, &(struct detect_spec){.names = true}, NULL) != NIGH_OK)
        return fprintf(stderr, "detect: cannot be made\n"), 1;
    measure_samples(plain, "patterns");
    measure_samples(names, "with names");
    printf("\n%-14s %9s  %9s  %9s   ns a byte, patterns\n", "fill", "64 KB", "1 MB", "16 MB");
    for (size_t i = 0; i < ARRAY_LEN(detect_fills); i++)
        measure_fill(plain, i);
    detect_free(plain);
    detect_free(names);
    spans_done(&found);
    return 0;
}
