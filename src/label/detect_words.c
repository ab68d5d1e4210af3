#include "label/detect_words.h"
#include "label/fold.h"

#include <stdlib.h>

enum {
    WORDS_ARENA_MAX = 256 << 20, /* DETECT_WORDS_MAX words as long as needles.h takes them */
    WAYS = 3,                    /* to write a word that is not ASCII */
    SCAN_ARENA_MAX = 256 << 20,  /* DETECT_BYTES_MAX of text, and its hits */
};

struct detect_words {
    struct arena arena; /* of the words and their automaton */
    struct needle *all;
    const char **types;
    size_t n; /* of both */
    struct needles *needles;
    struct arena scan; /* of one text */
};

/* ---- case ---- */

/* Capitals of two bytes, as ranges; their small letters are `by` further, or the next one where
 * capitals and small letters take turns. */
static const struct {
    unsigned from, to, by;
    bool turns;
} capitals[] = {
    {0xc0, 0xde, 32, false},   {0x100, 0x137, 1, true},   {0x139, 0x148, 1, true},
    {0x14a, 0x177, 1, true},   {0x179, 0x17e, 1, true},   {0x386, 0x386, 38, false},
    {0x388, 0x38a, 37, false}, {0x391, 0x3ab, 32, false}, {0x400, 0x40f, 80, false},
    {0x410, 0x42f, 32, false}, {0x460, 0x481, 1, true},   {0x48a, 0x4bf, 1, true},
};

/* The letter's small or capital one; itself where it has none of two bytes. */
static unsigned recase(unsigned c, bool up)
{
    if (c == 0xd7 || c == 0xf7 || c == 0x130 || c == 0x131 || c == 0x178)
        return c;
    for (size_t i = 0; i < ARRAY_LEN(capitals); i++) {
        unsigned by = capitals[i].by, capital = up ? c - by : c;
        bool in = capital >= capitals[i].from && capital <= capitals[i].to;
        if (in && (!capitals[i].turns || (capital - capitals[i].from) % 2 == 0))
            return up ? capital : c + by;
    }
    return c;
}

/* Of the same length, so that places in it are places in the text. */
static void write_case(char *to, struct slice text, bool up)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        to[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        if ((c & 0xe0) != 0xc0 || i + 1 == text.len)
            continue;
        unsigned letter = recase((c & 0x1fu) << 6 | ((unsigned char)text.p[i + 1] & 0x3fu), up);
        to[i++] = (char)(0xc0 | letter >> 6);
        to[i] = (char)(0x80 | (letter & 0x3f));
    }
}

/* As the text is read: look-alike letters are one there. */
static char *as_read(struct arena *arena, struct slice text, size_t *ret_len)
{
    CLEANUP(fold_done) struct fold fold = {0};
    char *p;

    if (fold_needed(text)) {
        if (!fold_text(&fold, text))
            return NULL;
        text = (struct slice){fold.text, fold.len};
    }
    *ret_len = text.len;
    if ((p = arena_alloc(arena, text.len + 1)))
        write_case(p, text, false);
    return p;
}

/* ---- life ---- */

static enum nigh_status no_memory(struct nigh_err *err)
{
    return nigh_fail(err, NIGH_NOMEM, "detect: no memory for the user's words");
}

static bool has_more(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] & 0x80)
            return true;
    return false;
}

static enum nigh_status add_written(struct detect_words *w, struct slice text, const char *type,
                                    struct nigh_err *err)
{
    size_t len = 0;
    char *p = as_read(&w->arena, text, &len);

    if (!p)
        return no_memory(err);
    if (len == 0)
        return nigh_fail(err, NIGH_INVALID, "detect: a word shows nothing");
    w->all[w->n] = (struct needle){{p, len}, is_word_byte(p[0]), is_word_byte(p[len - 1])};
    w->types[w->n++] = type;
    return NIGH_OK;
}

/* As it is, in capitals and in small letters: of the three, different letters look like Latin's. */
static enum nigh_status add(struct detect_words *w, const struct detect_word *word,
                            struct nigh_err *err)
{
    struct slice text = slice_of(word->text);
    char *other = arena_alloc(&w->arena, text.len + 1);
    enum nigh_status status = add_written(w, text, word->type, err);

    for (int up = 0; up < 2 && status == NIGH_OK && has_more(text); up++) {
        if (!other)
            return no_memory(err);
        write_case(other, text, up);
        status = add_written(w, (struct slice){other, text.len}, word->type, err);
    }
    return status;
}

static enum nigh_status fill(struct detect_words *w, const struct detect_spec *spec,
                             struct nigh_err *err)
{
    enum nigh_status status = NIGH_OK;

    w->all = arena_calloc(&w->arena, WAYS * spec->n_words, sizeof *w->all);
    w->types = arena_calloc(&w->arena, WAYS * spec->n_words, sizeof *w->types);
    if (!w->all || !w->types)
        return no_memory(err);
    for (size_t i = 0; i < spec->n_words && status == NIGH_OK; i++)
        status = add(w, &spec->words[i], err);
    if (status == NIGH_OK)
        status = needles_new(&w->needles, w->all, w->n, &w->arena, err);
    return status;
}

enum nigh_status detect_words_new(struct detect_words **ret, const struct detect_spec *spec,
                                  struct nigh_err *err)
{
    struct detect_words *w;

    if (spec->n_words > DETECT_WORDS_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "detect: more than %d words", DETECT_WORDS_MAX);
    if (!(w = calloc(1, sizeof *w)))
        return no_memory(err);
    arena_init(&w->arena, WORDS_ARENA_MAX);
    arena_init(&w->scan, SCAN_ARENA_MAX);
    enum nigh_status status = fill(w, spec, err);
    if (status == NIGH_OK)
        *ret = w;
    else
        detect_words_free(w);
    return status;
}

struct detect_words *detect_words_free(struct detect_words *w)
{
    if (!w)
        return NULL;
    arena_done(&w->arena);
    arena_done(&w->scan);
    free(w);
    return NULL;
}

/* ---- one text ---- */

enum nigh_status detect_words_find(struct detect_words *w, struct slice text,
                                   const struct detect_word_hit **ret, size_t *ret_n,
                                   struct nigh_err *err)
{
    struct founds found = {.arena = &w->scan};
    struct detect_word_hit *hits;

    arena_reset(&w->scan);
    char *small_text = arena_alloc(&w->scan, text.len + 1);
    if (!small_text)
        return no_memory(err);
    write_case(small_text, text, false);
    needles_find(w->needles, (struct slice){small_text, text.len}, &found);
    hits = arena_calloc(&w->scan, found.n + 1, sizeof *hits);
    if (!hits || found.failed)
        return no_memory(err);
    for (size_t i = 0; i < found.n; i++)
        hits[i] = (struct detect_word_hit){found.all[i].start, found.all[i].end,
                                           w->types[found.all[i].needle]};
    *ret = hits;
    *ret_n = found.n;
    return NIGH_OK;
}
