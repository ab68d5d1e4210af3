/* detect_kind: the rows of data/detect.tsv in C, for detect.c and for detect_build.c, which
 * compiles their patterns when nigh is built. */
#pragma once
#include "label/detect.h"

/* What tells where in a text a row can match at all. */
enum where {
    WHERE_DIGIT, /* about a digit */
    WHERE_AT,    /* about an @ */
    WHERE_WORD,  /* where its own pattern hits */
};

struct kind {
    const char *type;
    enum detect_group group;
    unsigned char score;
    const char *check; /* of checksum.h, or NULL */
    short near;        /* index into near_patterns, or -1 */
    bool must;         /* a word must stand near; else it raises the score */
    enum where where;
    const char *pattern;
};
#include "detect-table.h"

enum {
    KIND_COUNT = ARRAY_LEN(kinds),
    NEAR_COUNT = ARRAY_LEN(near_patterns),
    PATTERN_COUNT = KIND_COUNT + NEAR_COUNT, /* ids: kinds first, then words */
};

/* Three databases: finding where a match begins is what costs, so it is done only about digits,
 * about an @, and about what the first one hits. */
#define DETECT_DBS(D)                                                                              \
    D(TRIGGER) /* WHERE_WORD, ends only: over the whole text */                                    \
    D(WORD)    /* WHERE_WORD and WHERE_AT, about a trigger or an @ */                              \
    D(DIGIT)   /* WHERE_DIGIT, and the near words, about a digit */
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
        return db == DB_DIGIT;
    enum where where = kinds[id].where;
    return db == DB_DIGIT ? where == WHERE_DIGIT
                          : where == WHERE_WORD || (db == DB_WORD && where == WHERE_AT);
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
        ret->flags[ret->n] = i < KIND_COUNT && db != DB_TRIGGER ? start_flag : 0;
        ret->id[ret->n++] = i;
    }
}
