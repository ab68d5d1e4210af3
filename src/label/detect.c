#include "label/detect.h"

#include "detect-dbs.h"
#include "label/detect_own.h"

#include <stdlib.h>
#include <string.h>

/* ---- groups ---- */

const char *detect_group_text(enum detect_group group)
{
#define GROUP_TEXT(name, word, policy) word,
    static const char *const texts[] = {DETECT_GROUPS(GROUP_TEXT)};
#undef GROUP_TEXT
    return texts[group];
}

bool detect_group_find(enum detect_group *ret, struct slice word)
{
    for (unsigned i = 0; i < DETECT_GROUP_COUNT; i++)
        if (slice_is(word, detect_group_text(i))) {
            *ret = i;
            return true;
        }
    return false;
}

enum detect_policy detect_policy_default(enum detect_group group)
{
#define GROUP_POLICY(name, word, policy) DETECT_##policy,
    static const enum detect_policy policies[] = {DETECT_GROUPS(GROUP_POLICY)};
#undef GROUP_POLICY
    return policies[group];
}

/* ---- life ---- */

/* Hyperscan's form of the table, made by detect_build when nigh was built. */
extern const char detect_dbs[], detect_dbs_end[];
__asm__(".section .rodata\n.balign 64\n.global detect_dbs\ndetect_dbs:\n.incbin \"" DETECT_DBS_FILE
        "\"\n"
        ".global detect_dbs_end\ndetect_dbs_end:\n.byte 0\n.previous\n");

static enum nigh_status compile_db(struct detect *d, enum detect_db which, struct nigh_err *err)
{
    struct detect_patterns *p = malloc(sizeof *p);
    hs_compile_error_t *why = NULL;

    if (!p)
        return nigh_fail(err, NIGH_NOMEM, "detect: out of memory");
    detect_patterns(p, which, HS_FLAG_SOM_LEFTMOST);
    bool ok = d->hs->compile_multi(p->text, p->flags, p->id, p->n, HS_MODE_BLOCK, NULL,
                                   &d->db[which], &why) == HS_SUCCESS;
    free(p);
    if (ok)
        return NIGH_OK;
    nigh_fail(err, NIGH_UNSUPPORTED, "detect: %.160s",
              why ? why->message : "the patterns do not compile");
    if (why)
        d->hs->free_compile_error(why);
    return NIGH_UNSUPPORTED;
}

/* Scanned with where it stands in the program, and never written to.  What another version of
 * Hyperscan made is compiled again. */
static enum nigh_status load_dbs(struct detect *d, struct nigh_err *err)
{
    const char *at = detect_dbs;

    for (unsigned i = 0; i < DB_COUNT; i++) {
        uint64_t len;
        size_t size;
        memcpy(&len, at, sizeof len);
        at += DETECT_DB_ALIGN;
        d->db[i] = (hs_database_t *)(uintptr_t)at;
        if (d->hs->database_size(d->db[i], &size) != HS_SUCCESS) {
            d->db[i] = NULL;
            if (compile_db(d, i, err) != NIGH_OK)
                return NIGH_UNSUPPORTED;
        }
        at += len;
    }
    return NIGH_OK;
}

static void free_db(const struct detect *d, hs_database_t *db)
{
    if ((const char *)db < detect_dbs || (const char *)db >= detect_dbs_end)
        d->hs->free_database(db);
}

/* The user's words as patterns: what a pattern would read as more than a letter is escaped. */
static char *word_pattern(const char *word)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct slice text = slice_of(word);
    bool left = text.len > 0 && !(text.p[0] & 0x80),
         right = text.len > 0 && !(text.p[text.len - 1] & 0x80);

    buf_add_cstr(&out, left ? "\\b" : "");
    for (size_t i = 0; i < text.len; i++) {
        if (!(text.p[i] & 0x80) && strchr("\\^$.|?*+()[]{}/ -#", text.p[i]))
            buf_add_char(&out, '\\');
        buf_add_char(&out, text.p[i]);
    }
    buf_add_cstr(&out, right ? "\\b" : "");
    return out.failed || text.len == 0 ? NULL : strdup(out.data);
}

static enum nigh_status compile_words(struct detect *d, const struct detect_spec *spec, char **text,
                                      unsigned *flags, unsigned *id, struct nigh_err *err)
{
    hs_compile_error_t *why = NULL;

    for (size_t i = 0; i < spec->n_words; i++) {
        text[i] = word_pattern(spec->words[i].text);
        if (!text[i])
            return nigh_fail(err, NIGH_INVALID, "detect: word %zu is empty", i + 1);
        flags[i] = HS_FLAG_CASELESS | HS_FLAG_SOM_LEFTMOST;
        id[i] = (unsigned)i;
        d->word_types[i] = spec->words[i].type;
    }
    if (d->hs->compile_multi((const char *const *)text, flags, id, (unsigned)spec->n_words,
                             HS_MODE_BLOCK, NULL, &d->words_db, &why) == HS_SUCCESS)
        return NIGH_OK;
    nigh_fail(err, NIGH_INVALID, "detect: word %d: %.120s", why ? why->expression + 1 : 0,
              why ? why->message : "does not compile");
    if (why)
        d->hs->free_compile_error(why);
    return NIGH_INVALID;
}

static enum nigh_status load_words(struct detect *d, const struct detect_spec *spec,
                                   struct nigh_err *err)
{
    if (spec->n_words == 0)
        return NIGH_OK;
    if (spec->n_words > DETECT_WORDS_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "detect: more than %d words", DETECT_WORDS_MAX);
    char **text = calloc(spec->n_words, sizeof *text);
    unsigned *flags = calloc(spec->n_words, sizeof *flags), *id = calloc(spec->n_words, sizeof *id);
    enum nigh_status status = NIGH_NOMEM;

    d->word_types = calloc(spec->n_words, sizeof *d->word_types);
    if (text && flags && id && d->word_types)
        status = compile_words(d, spec, text, flags, id, err);
    else
        nigh_fail(err, NIGH_NOMEM, "detect: out of memory");
    for (size_t i = 0; text && i < spec->n_words; i++)
        free(text[i]);
    free(text);
    free(flags);
    free(id);
    return status;
}

static enum nigh_status load(struct detect *d, const struct detect_spec *spec, struct nigh_err *err)
{
    enum nigh_status status = hs_load(&d->hs, err);

    if (status == NIGH_OK)
        status = load_dbs(d, err);
    if (status == NIGH_OK)
        status = load_words(d, spec, err);
    if (status == NIGH_OK && spec->names)
        status = tagger_new(&d->tagger, err);
    if (status != NIGH_OK)
        return status;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        d->check[i] = kinds[i].check ? checksum_find(slice_of(kinds[i].check)) : NULL;
        d->grow[i] = kinds[i].check ? extend_find(kinds[i].check) : NULL;
        if (kinds[i].check && !d->check[i] && !d->grow[i])
            return nigh_fail(err, NIGH_INVALID, "data/detect.tsv: no check is named %s",
                             kinds[i].check);
    }
    bool ok = !d->words_db || d->hs->alloc_scratch(d->words_db, &d->scratch) == HS_SUCCESS;
    for (size_t i = 0; i < DB_COUNT && ok; i++)
        ok = d->hs->alloc_scratch(d->db[i], &d->scratch) == HS_SUCCESS;
    return ok ? NIGH_OK : nigh_fail(err, NIGH_NOMEM, "detect: no memory to scan with");
}

enum nigh_status detect_new(struct detect **ret, const struct detect_spec *spec,
                            struct nigh_err *err)
{
    struct detect *d = calloc(1, sizeof *d);

    if (!d)
        return nigh_fail(err, NIGH_NOMEM, "detect: out of memory");
    enum nigh_status status = load(d, spec, err);
    if (status == NIGH_OK)
        *ret = d;
    else
        detect_free(d);
    return status;
}

struct detect *detect_free(struct detect *d)
{
    if (!d)
        return NULL;
    if (d->hs) {
        d->hs->free_scratch(d->scratch);
        for (size_t i = 0; i < DB_COUNT; i++)
            free_db(d, d->db[i]);
        d->hs->free_database(d->words_db);
    }
    tagger_free(d->tagger);
    fold_done(&d->fold);
    fold_done(&d->view);
    unwrap_runs_done(&d->runs);
    spans_done(&d->found);
    free(d->raws.all);
    free(d->words.all);
    free(d->near);
    free(d->word_types);
    free(d);
    return NULL;
}
