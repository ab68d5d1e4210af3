/* detect_kind: the rows of data/detect.tsv in C, for detect.c and for detect_build.c, which
 * compiles their patterns when nigh is built. */
#pragma once
#include "label/detect.h"

/* What tells where in a text a row can match at all. */
enum where {
    WHERE_DIGIT,  /* from the beginning of a word with a digit, or of one of the few before it */
    WHERE_AT,     /* in a run without blanks about an @ */
    WHERE_WORD,   /* where its own pattern ends */
    WHERE_STREET, /* about a digit */
};

struct kind {
    const char *type;
    enum detect_group group;
    unsigned char score;
    const char *check; /* of checksum.h, or NULL */
    short near;        /* index into near_patterns, or -1 */
    bool must;         /* a word must stand near; else it raises the score */
    enum where where;
    bool at_digit, at_other; /* may it begin with a digit, with something else? */
    unsigned short width;    /* the longest match in bytes; WINDOW_MAX if there is no longest */
    const char *pattern;     /* WHERE_DIGIT: anchored */
};
enum { WINDOW_MAX = 320 };
#include "detect-table.h"

enum {
    KIND_COUNT = ARRAY_LEN(kinds),
    NEAR_COUNT = ARRAY_LEN(near_patterns),
    PATTERN_COUNT = KIND_COUNT + NEAR_COUNT, /* ids: kinds first, then words */
};

/* Finding where a match begins is what costs Hyperscan: tracking it made a scan five times slower.
 * So most databases tell only where matches end.  WHERE_DIGIT rows are anchored and tried at the
 * few places where they can begin; of the others TRIGGER finds the ends in the whole text, and
 * WORD, which tracks beginnings, reads the few bytes before them. */
#define DETECT_DBS(D)                                                                              \
    D(TRIGGER) /* WHERE_WORD */                                                                    \
    D(WORD)    /* the same, with beginnings */                                                     \
    D(STREET)  /* WHERE_STREET, with beginnings */                                                 \
    D(AT)      /* WHERE_AT, with beginnings */                                                     \
    D(DIGIT)   /* WHERE_DIGIT, where a digit stands */                                             \
    D(LETTER)  /* WHERE_DIGIT, where none does */                                                  \
    D(NEAR)    /* the words that stand near */
enum { DETECT_DB_ALIGN = 64 }; /* a cache line: what Hyperscan lays a database out for */
enum detect_db {
#define DETECT_DB_ENUM(name) DB_##name,
    DETECT_DBS(DETECT_DB_ENUM)
#undef DETECT_DB_ENUM
        DB_COUNT
};

/* What Hyperscan is given for one of them, by id. */
struct detect_patterns {
    const char *text[PATTERN_COUNT];
    unsigned flags[PATTERN_COUNT], id[PATTERN_COUNT], n;
};
static inline bool detect_belongs(enum detect_db db, unsigned id)
{
    if (id >= KIND_COUNT)
        return db == DB_NEAR;
    const struct kind *k = &kinds[id];
    bool digit = k->where == WHERE_DIGIT;
    const bool in[DB_COUNT] = {[DB_TRIGGER] = k->where == WHERE_WORD,
                               [DB_WORD] = k->where == WHERE_WORD,
                               [DB_STREET] = k->where == WHERE_STREET,
                               [DB_AT] = k->where == WHERE_AT,
                               [DB_DIGIT] = digit && k->at_digit,
                               [DB_LETTER] = digit && k->at_other};
    return in[db];
}
/* start_flag: HS_FLAG_SOM_LEFTMOST */
static inline void detect_patterns(struct detect_patterns *ret, enum detect_db db,
                                   unsigned start_flag)
{
    ret->n = 0;
    for (unsigned i = 0; i < PATTERN_COUNT; i++) {
        if (!detect_belongs(db, i))
            continue;
        ret->text[ret->n] = i < KIND_COUNT ? kinds[i].pattern : near_patterns[i - KIND_COUNT];
        ret->flags[ret->n] = db == DB_WORD || db == DB_STREET || db == DB_AT ? start_flag : 0;
        ret->id[ret->n++] = i;
    }
}
