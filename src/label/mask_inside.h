/* mask_inside: what the files of the mask share; nobody else includes it.
 *
 * mask.c has values and placeholders and replaces in one text; mask_body.c walks JSON;
 * mask_restore.c is the way back; mask_keys.c the keys of conversations. */
#pragma once
#include "label/mask.h"
#include "label/needles.h"

/* What a placeholder stands for. */
struct entry {
    char name[MASK_HOLD_MAX + 1]; /* the placeholder, with the quotes of a number */
    unsigned char name_len;
    struct slice text;  /* in a text it was these bytes */
    struct slice value; /* in a JSON document it is this string; nearly always the same */
    unsigned char mark; /* before the placeholder, in the name: of a number's quotes */
};

/* A set of things by their text: their numbers and 1, in slots by a keyed hash.  0: free. */
struct table {
    uint32_t *slots;
    size_t n_slots; /* a power of two, or 0 */
};

struct mask {
    struct arena *arena;
    unsigned char key[MASK_KEY_BYTES];
    /* Values, in the order in which they were added. */
    struct needle *values;
    const char **types; /* of values[i] */
    size_t n_values, cap_values;
    struct table by_value;
    struct needles *needles; /* of values; NULL: to be built */
    bool *met;               /* values[i] stands in the latest body */
    struct entry **known;    /* of values[i], as it stands in most texts; NULL: not yet made */

    struct entry **entries; /* as they were made */
    size_t n_entries, cap_entries;
    struct table by_name;
    struct entry *
        *sorted; /* the entries by name, for restores; n_sorted below n_entries: to be made */
    size_t n_sorted;
    bool numbers; /* some of the names begin with a quote or a backslash */

    uint64_t replaced;
    struct founds founds, escaped; /* scratch */
};

/* How a text is to be read. */
struct reading {
    unsigned docs;   /* it stands in a JSON document that is a string, in so many of them */
    unsigned quoted; /* so many of those are text to who reads the answer */
    bool arguments;  /* of a call: what is in it is quoted no deeper */
};
/* One text with its values replaced, appended to out.  *ret_any: were there any?  If not, out is as
 * it was. */
NIGH_MUST enum nigh_status mask_replace(struct mask *m, struct slice text, struct reading how,
                                        struct buf *out, bool *ret_any, struct nigh_err *err);
/* Does a value stand in it? */
NIGH_MUST enum nigh_status mask_holds(struct mask *m, struct slice text, bool *ret,
                                      struct nigh_err *err);
/* The placeholder of a private text that stood in so many documents. */
NIGH_MUST enum nigh_status mask_entry(struct mask *m, struct entry **ret, const char *type,
                                      struct slice value, unsigned quoted, struct nigh_err *err);
/* The string that a number of a document becomes, appended to out. */
NIGH_MUST enum nigh_status mask_number(struct mask *m, struct slice number, struct reading how,
                                       struct buf *out, bool *ret_any, struct nigh_err *err);
/* text is JSON as a whole: as mask_replace.  NIGH_INVALID: it is none, or none whose strings and
 * numbers hold all the values; nothing was appended. */
NIGH_MUST enum nigh_status mask_document(struct mask *m, struct slice text, struct reading how,
                                         struct buf *out, bool *ret_any, struct nigh_err *err);
/* As JSON has it within its quotes. */
void add_escaped(struct buf *out, struct slice s);
/* One escape at p: how many bytes it takes, 0: it is none; *ret_n: what it stands for. */
size_t unescape(const char *p, const char *end, char ret[static 4], size_t *ret_n);
