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

/* Rows of one type stand together or not; a type counts where it is first. */
size_t detect_types(enum detect_group group)
{
    size_t n = 0;

    for (size_t i = 0; i < KIND_COUNT; i++) {
        size_t first = 0;
        while (strcmp(kinds[first].type, kinds[i].type) != 0)
            first++;
        n += first == i && kinds[i].group == group;
    }
    return n;
}

/* ---- life ---- */

/* Hyperscan's form of the table, made by detect_build when nigh was built. */
extern const char detect_dbs[], detect_dbs_end[];
__asm__(".section .rodata_large,\"a\"\n.balign 64\n.global detect_dbs\ndetect_dbs:\n.incbin "
        "\"" DETECT_DBS_FILE "\"\n"
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

static enum nigh_status load(struct detect *d, const struct detect_spec *spec, struct nigh_err *err)
{
    enum nigh_status status = hs_load(&d->hs, err);

    if (status == NIGH_OK)
        status = load_dbs(d, err);
    if (status == NIGH_OK)
        status = spec->n_words ? detect_words_new(&d->own, spec, err) : NIGH_OK;
    if (status == NIGH_OK && spec->names)
        status = names_new(&d->names, err);
    if (status != NIGH_OK)
        return status;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        d->check[i] = kinds[i].check ? checksum_find(slice_of(kinds[i].check)) : NULL;
        d->grow[i] = kinds[i].check ? extend_find(kinds[i].check) : NULL;
        d->street[i] = strcmp(kinds[i].type, "STREET_ADDRESS") == 0;
        if (kinds[i].check && !d->check[i] && !d->grow[i])
            return nigh_fail(err, NIGH_INVALID, "data/detect.tsv: no check is named %s",
                             kinds[i].check);
    }
    bool ok = true;
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
    }
    names_free(d->names);
    fold_done(&d->fold);
    fold_done(&d->view);
    unwrap_runs_done(&d->runs);
    spans_done(&d->found);
    free(d->raws.all);
    free(d->words.all);
    free(d->near.all);
    detect_words_free(d->own);
    free(d);
    return NULL;
}
