/* yaml: YAML text read into structs by tables of keys; every mistake is named, not only the first.
 *
 * A table says for each key of a mapping which function reads its value and into which member. What
 * is wrong is told to the owner with line, column and the key's path ("clouds[0].url"), and reading
 * goes on.  An absent key, and one whose value is null, leaves the member as it was.  libyaml's
 * document loader does the parsing; it shares what anchors name, so an alias costs nothing until it
 * is read, and what is read is bounded here.  One thread; no I/O.
 *
 * Invariants: 1. A value that is wrong, or for which the arena has no room, leaves its member as it
 * was.  2. At most READER_KEYS_MAX keys and items are read, aliases counted each time, so no text
 * costs more than its ceiling. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include <yaml.h>

enum {
    READER_DEPTH_MAX = 16,        /* mappings in mappings; ends an alias that holds itself */
    READER_PAIRS_MAX = 1024,      /* keys of one mapping: the search for twins is quadratic */
    READER_KEYS_MAX = 64 << 10,   /* all keys and items of a text */
    READER_ANCHORS_MAX = 1000,    /* libyaml looks through all of them at each alias */
    READER_NESTING_MAX = 64,      /* of the text: libyaml's scanner is quadratic in it */
    READER_NOTES_BYTES = 8 << 20, /* where values stood, for what is checked later */
    READER_PATH_BYTES = 256,
};

struct yaml_mistake {
    unsigned line, column; /* 1-based; 0: the text as a whole */
    const char *path;      /* until the call returns */
    const char *what;      /* until the call returns */
    bool warning;          /* read all the same */
};

struct reader {
    struct arena *arena; /* the owner's: texts and lists that were read */
    void (*told)(void *owner, const struct yaml_mistake *mistake);
    void *owner;
    size_t n_errors; /* mistakes that are no warnings */
    /* private */
    yaml_document_t *doc;
    char path[READER_PATH_BYTES];
    unsigned depth;
    size_t keys_left;
    struct arena notes_arena;
    struct reader_note *notes;
};

struct yaml_key;
typedef void yaml_read_fn(struct reader *rd, yaml_node_t *node, void *at,
                          const struct yaml_key *key);
struct yaml_key { /* a table of these ends with {0} */
    const char *name;
    yaml_read_fn *read;
    size_t offset;              /* of the member in the struct that the mapping fills */
    double low, high;           /* of numbers */
    const struct yaml_key *sub; /* of reader_map */
    const char *note;           /* what reader_later warns of */
};

void reader_init(struct reader *rd, struct arena *arena,
                 void (*told)(void *owner, const struct yaml_mistake *mistake), void *owner);
void reader_done(struct reader *rd);
/* Reads the one document of the text into base.  An empty text is an empty mapping. */
void reader_run(struct reader *rd, struct slice text, void *base, const struct yaml_key *keys);

/* --- telling ------------------------------------------------------------------------------------
 */

void reader_mistake(struct reader *rd, const yaml_node_t *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void reader_warning(struct reader *rd, const yaml_node_t *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Remembers that the member at `at` was read from here; reader_text and reader_texts do. */
void reader_note(struct reader *rd, const void *at, const yaml_node_t *node);
/* Tells of a member after everything was read: with the place where it stood, or else with that of
 * `otherwise` (NULL: the text as a whole). */
void reader_mistake_of(struct reader *rd, const void *at, const void *otherwise, const char *fmt,
                       ...) __attribute__((format(printf, 4, 5)));
void reader_warning_of(struct reader *rd, const void *at, const void *otherwise, const char *fmt,
                       ...) __attribute__((format(printf, 4, 5)));

/* --- values: each is the `read` of a key
 * ----------------------------------------------------------- */

yaml_read_fn reader_text;     /* const char * */
yaml_read_fn reader_num;      /* double, low to high */
yaml_read_fn reader_u64;      /* uint64_t */
yaml_read_fn reader_uint;     /* unsigned */
yaml_read_fn reader_bool;     /* bool */
yaml_read_fn reader_tristate; /* int: 0 or 1 */
yaml_read_fn reader_duration; /* uint64_t, milliseconds: "500ms", "30s", "5m", "2h", "30d" */
yaml_read_fn reader_bytes;    /* uint64_t: "512MiB", "2GiB", "100KiB", "1B" */
yaml_read_fn reader_map;      /* the keys of key->sub, into the struct at `at` */
yaml_read_fn reader_later;    /* nothing is read: warns with key->note */

/* --- for readers of one's own
 * ---------------------------------------------------------------------- */

/* The text of a plain or quoted value, NUL-terminated by libyaml; absent after telling a mistake.
 */
struct slice reader_scalar(struct reader *rd, yaml_node_t *node);
bool reader_parse_duration(struct slice text, uint64_t *ret_ms);
bool reader_is_null(const yaml_node_t *node);
void reader_keys(struct reader *rd, yaml_node_t *map, void *base, const struct yaml_key *keys);
/* The items of a list, zeroed, in the arena; NULL when it is empty, too long (told) or no list. */
void *reader_items(struct reader *rd, yaml_node_t *list, size_t size, size_t max, size_t *ret_n);
yaml_node_t *reader_item(struct reader *rd, yaml_node_t *list, size_t i);
/* One text, or a list of them. */
const char **reader_texts(struct reader *rd, yaml_node_t *node, size_t max, size_t *ret_n);
/* How many pairs a mapping has; then the i-th, false when it is to be skipped (told). */
size_t reader_pairs(struct reader *rd, yaml_node_t *map);
bool reader_pair(struct reader *rd, yaml_node_t *map, size_t i, struct slice *ret_name,
                 yaml_node_t **ret_key, yaml_node_t **ret_value);
/* Appends to the path, as in "[3]" or ".url"; reader_pop takes what reader_push returned. */
size_t reader_push(struct reader *rd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void reader_pop(struct reader *rd, size_t len);
