#include "nigh/detector.h"

#include "base/path.h"
#include "nigh/config_detect.h"
#include <stdlib.h>

enum { WORDS_FILE_BYTES_MAX = 4 << 20 };

struct detector {
    struct arena arena; /* of the words */
    struct detect_spec spec;
    struct detect *here, *aside;
};

static enum nigh_status add_word(struct detector *d, struct detect_word *words, struct slice text,
                                 struct nigh_err *err)
{
    char *copy;

    if (d->spec.n_words == DETECT_WORDS_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "detect.words: more than %d", DETECT_WORDS_MAX);
    if (!(copy = arena_strdup(&d->arena, text)))
        return nigh_fail(err, NIGH_NOMEM, "detect.words: out of memory");
    words[d->spec.n_words++] = (struct detect_word){copy, "CONTACT"};
    return NIGH_OK;
}

/* A word a line; empty lines and those that begin with # are none. */
static enum nigh_status add_file(struct detector *d, struct detect_word *words, const char *path,
                                 struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct nigh_err why = {0};
    enum nigh_status status = NIGH_OK;

    if (path_read(&text, path, WORDS_FILE_BYTES_MAX, &why) != NIGH_OK)
        return nigh_fail(err, why.status, "detect.words_file: %.200s", why.what);
    struct slice rest = buf_slice(&text);
    for (size_t line = 1; rest.p && status == NIGH_OK; line++) {
        struct slice word = slice_trim(slice_cut(&rest, '\n'));
        if (word.len == 0 || word.p[0] == '#')
            continue;
        const char *bad = config_word_bad(word);
        if (bad)
            return nigh_fail(err, NIGH_INVALID, "detect.words_file: line %zu: %s", line, bad);
        status = add_word(d, words, word, err);
    }
    return status;
}

static enum nigh_status add_words(struct detector *d, const struct config_detect *config,
                                  struct nigh_err *err)
{
    struct detect_word *words = arena_calloc(&d->arena, DETECT_WORDS_MAX, sizeof *words);
    enum nigh_status status =
        words ? NIGH_OK : nigh_fail(err, NIGH_NOMEM, "detect.words: out of memory");

    d->spec.words = words;
    for (size_t i = 0; i < config->n_words && status == NIGH_OK; i++)
        status = add_word(d, words, slice_of(config->words[i]), err);
    if (status == NIGH_OK && config->words_file)
        status = add_file(d, words, config->words_file, err);
    return status;
}

/* The tagger costs five times what the patterns do: not for groups that are allowed anyway. */
static bool names_matter(const struct config_detect *config)
{
    static const enum detect_group groups[] = {DETECT_PERSON, DETECT_PLACE, DETECT_ORGANISATION,
                                               DETECT_TRAIT};

    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        if (config->policy[groups[i]] != DETECT_ALLOW)
            return config->names;
    return false;
}

enum nigh_status detector_new(struct detector **ret, const struct config_detect *config,
                              struct nigh_err *err)
{
    struct detector *d = calloc(1, sizeof *d);
    enum nigh_status status = NIGH_OK;

    if (!d)
        return nigh_fail(err, NIGH_NOMEM, "detect: out of memory");
    arena_init(&d->arena, 16 << 20);
    d->spec.names = names_matter(config);
    if (config->n_words > 0 || config->words_file)
        status = add_words(d, config, err);
    if (status == NIGH_OK)
        *ret = d;
    else
        detector_free(d);
    return status;
}

struct detector *detector_free(struct detector *d)
{
    if (!d)
        return NULL;
    detect_free(d->here);
    detect_free(d->aside);
    arena_done(&d->arena);
    free(d);
    return NULL;
}

bool detector_names(const struct detector *d)
{
    return d->spec.names;
}

static enum nigh_status made(struct detect **slot, const struct detector *d, struct detect **ret,
                             struct nigh_err *err)
{
    enum nigh_status status = *slot ? NIGH_OK : detect_new(slot, &d->spec, err);

    if (status == NIGH_OK)
        *ret = *slot;
    return status;
}

enum nigh_status detector_here(struct detector *d, struct detect **ret, struct nigh_err *err)
{
    return made(&d->here, d, ret, err);
}

enum nigh_status detector_aside(struct detector *d, struct detect **ret, struct nigh_err *err)
{
    return made(&d->aside, d, ret, err);
}
