#include "nigh/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

struct reader_note {
    const void *at;
    unsigned line, column;
    const char *path;
    struct reader_note *next;
};

void reader_init(struct reader *rd, struct arena *arena,
                 void (*told)(void *owner, const struct yaml_mistake *mistake), void *owner)
{
    *rd = (struct reader){.arena = arena, .told = told, .owner = owner};
    rd->keys_left = READER_KEYS_MAX;
    arena_init(&rd->notes_arena, READER_NOTES_BYTES);
}

void reader_done(struct reader *rd)
{
    arena_done(&rd->notes_arena);
    rd->notes = NULL;
}

/* --- telling ------------------------------------------------------------------------------------
 */

static void tell(struct reader *rd, struct yaml_mistake mistake, const char *fmt, va_list args)
{
    char what[200];

    vsnprintf(what, sizeof what, fmt, args);
    mistake.what = what;
    rd->n_errors += !mistake.warning;
    rd->told(rd->owner, &mistake);
}

static struct yaml_mistake at_node(const struct reader *rd, const yaml_node_t *node, bool warning)
{
    return (struct yaml_mistake){.line = (unsigned)node->start_mark.line + 1,
                                 .column = (unsigned)node->start_mark.column + 1,
                                 .path = rd->path,
                                 .warning = warning};
}

void reader_mistake(struct reader *rd, const yaml_node_t *node, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    tell(rd, at_node(rd, node, false), fmt, args);
    va_end(args);
}

void reader_warning(struct reader *rd, const yaml_node_t *node, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    tell(rd, at_node(rd, node, true), fmt, args);
    va_end(args);
}

void reader_note(struct reader *rd, const void *at, const yaml_node_t *node)
{
    struct reader_note *note = arena_alloc(&rd->notes_arena, sizeof *note);
    const char *path = arena_strdup(&rd->notes_arena, slice_of(rd->path));

    if (!note || !path) /* a later mistake is then told without its line */
        return;
    *note = (struct reader_note){at, (unsigned)node->start_mark.line + 1,
                                 (unsigned)node->start_mark.column + 1, path, rd->notes};
    rd->notes = note;
}

static struct yaml_mistake at_member(const struct reader *rd, const void *at, const void *otherwise,
                                     bool warning)
{
    const struct reader_note *note = NULL, *second = NULL;

    for (const struct reader_note *n = rd->notes; n && !note; n = n->next) {
        if (n->at == at)
            note = n;
        if (n->at == otherwise && !second)
            second = n;
    }
    note = note ? note : second;
    if (!note)
        return (struct yaml_mistake){.path = "", .warning = warning};
    return (struct yaml_mistake){note->line, note->column, note->path, NULL, warning};
}

void reader_mistake_of(struct reader *rd, const void *at, const void *otherwise, const char *fmt,
                       ...)
{
    va_list args;

    va_start(args, fmt);
    tell(rd, at_member(rd, at, otherwise, false), fmt, args);
    va_end(args);
}

void reader_warning_of(struct reader *rd, const void *at, const void *otherwise, const char *fmt,
                       ...)
{
    va_list args;

    va_start(args, fmt);
    tell(rd, at_member(rd, at, otherwise, true), fmt, args);
    va_end(args);
}

/* --- values -------------------------------------------------------------------------------------
 */

struct slice reader_scalar(struct reader *rd, yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE) {
        reader_mistake(rd, node, "expected one value, not a %s",
                       node->type == YAML_MAPPING_NODE ? "mapping" : "list");
        return (struct slice){0};
    }
    struct slice s = {(const char *)node->data.scalar.value, node->data.scalar.length};
    if (memchr(s.p, '\0', s.len)) {
        reader_mistake(rd, node, "a value must not hold a NUL byte");
        return (struct slice){0};
    }
    return s;
}

void reader_text(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct slice s = reader_scalar(rd, node);
    const char *text = s.p ? arena_strdup(rd->arena, s) : NULL;

    (void)key;
    if (text) {
        *(const char **)at = text;
        reader_note(rd, at, node);
    }
}

static bool number(struct reader *rd, yaml_node_t *node, const struct yaml_key *key, double *ret)
{
    struct slice s = reader_scalar(rd, node);
    char *end;
    double d;

    if (!s.p)
        return false;
    errno = 0;
    d = strtod(s.p, &end);
    if (s.len == 0 || *end || errno || !isfinite(d)) {
        reader_mistake(rd, node, "expected a number");
        return false;
    }
    if (d < key->low || d > key->high) {
        reader_mistake(rd, node, "expected %.10g to %.10g", key->low, key->high);
        return false;
    }
    *ret = d;
    return true;
}

void reader_num(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    number(rd, node, key, at);
}

static bool whole(struct reader *rd, yaml_node_t *node, const struct yaml_key *key, double *ret)
{
    if (!number(rd, node, key, ret))
        return false;
    if (*ret == floor(*ret))
        return true;
    reader_mistake(rd, node, "expected a whole number");
    return false;
}

void reader_u64(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    double d;

    if (whole(rd, node, key, &d))
        *(uint64_t *)at = (uint64_t)d;
}

void reader_uint(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    double d;

    if (whole(rd, node, key, &d))
        *(unsigned *)at = (unsigned)d;
}

static bool truth(struct reader *rd, yaml_node_t *node, bool *ret)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true},   {"yes", true}, {"on", true},
                 {"false", false}, {"no", false}, {"off", false}};
    struct slice s = reader_scalar(rd, node);

    for (size_t i = 0; s.p && i < ARRAY_LEN(words); i++) {
        if (slice_is(s, words[i].word)) {
            *ret = words[i].value;
            return true;
        }
    }
    if (s.p)
        reader_mistake(rd, node, "expected true or false");
    return false;
}

void reader_bool(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    (void)key;
    truth(rd, node, at);
}

void reader_tristate(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    bool b;

    (void)key;
    if (truth(rd, node, &b))
        *(int *)at = b;
}

struct unit {
    const char *name;
    double factor;
};

/* A number and a unit, at most max of the smallest one. */
static bool quantity(struct slice s, const struct unit *units, size_t n, double max, uint64_t *ret)
{
    char *end;
    double d = strtod(s.p, &end);

    if (end == s.p || !(d >= 0))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(end, units[i].name) == 0 && d * units[i].factor <= max) {
            *ret = (uint64_t)(d * units[i].factor);
            return true;
        }
    }
    return false;
}

bool reader_parse_duration(struct slice text, uint64_t *ret_ms)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}};

    return quantity(text, units, ARRAY_LEN(units), 1e12, ret_ms);
}

void reader_duration(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct slice s = reader_scalar(rd, node);

    (void)key;
    if (s.p && !reader_parse_duration(s, at))
        reader_mistake(rd, node, "expected a duration such as 500ms, 30s or 5m");
}

void reader_bytes(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    static const struct unit units[] = {
        {"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
    struct slice s = reader_scalar(rd, node);
    uint64_t n;

    (void)key;
    if (s.p && quantity(s, units, ARRAY_LEN(units), 1e15, &n) && n > 0)
        *(uint64_t *)at = n;
    else if (s.p)
        reader_mistake(rd, node, "expected a size such as 512MiB or 2GiB");
}

void reader_later(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    (void)at;
    reader_warning(rd, node, "%s", key->note);
}

/* --- mappings and lists -------------------------------------------------------------------------
 */

/* How many single-letter edits lie between two words; for "did you mean". */
static unsigned edits(struct slice a, const char *b)
{
    unsigned row[33];
    size_t n = strlen(b);

    if (a.len > 32 || n > 32)
        return 99;
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned change = diagonal + (a.p[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            if (change < row[j])
                row[j] = change;
        }
    }
    return row[n];
}

static void unknown_key(struct reader *rd, yaml_node_t *node, struct slice name,
                        const struct yaml_key *keys)
{
    const struct yaml_key *near = NULL;
    unsigned best = 3;

    for (const struct yaml_key *k = keys; k->name; k++) {
        unsigned n = edits(name, k->name);
        if (n < best && n < name.len) {
            best = n;
            near = k;
        }
    }
    if (near)
        reader_mistake(rd, node, "unknown key; did you mean `%s`?", near->name);
    else
        reader_mistake(rd, node, "unknown key; see docs/config.md");
}

size_t reader_push(struct reader *rd, const char *fmt, ...)
{
    size_t len = strlen(rd->path);
    va_list args;

    va_start(args, fmt);
    vsnprintf(rd->path + len, sizeof rd->path - len, fmt, args);
    va_end(args);
    return len;
}

void reader_pop(struct reader *rd, size_t len)
{
    rd->path[len] = '\0';
}

bool reader_is_null(const yaml_node_t *node)
{
    const char *text = (const char *)node->data.scalar.value;

    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (node->data.scalar.length == 0 || strcmp(text, "null") == 0 || strcmp(text, "~") == 0);
}

/* Counts what is about to be read against the ceiling of the whole text. */
static bool spend(struct reader *rd, yaml_node_t *node, size_t n)
{
    if (n <= rd->keys_left) {
        rd->keys_left -= n;
        return true;
    }
    if (rd->keys_left > 0) /* once is enough */
        reader_mistake(rd, node, "more than %d keys and items in all", READER_KEYS_MAX);
    rd->keys_left = 0;
    return false;
}

bool reader_pair(struct reader *rd, yaml_node_t *map, size_t i, struct slice *ret_name,
                 yaml_node_t **ret_key, yaml_node_t **ret_value)
{
    yaml_node_pair_t *pairs = map->data.mapping.pairs.start;

    *ret_key = yaml_document_get_node(rd->doc, pairs[i].key);
    *ret_value = yaml_document_get_node(rd->doc, pairs[i].value);
    *ret_name = reader_scalar(rd, *ret_key);
    if (!ret_name->p)
        return false;
    for (size_t j = 0; j < i; j++) {
        yaml_node_t *other = yaml_document_get_node(rd->doc, pairs[j].key);
        struct slice name = {(const char *)other->data.scalar.value, other->data.scalar.length};
        if (other->type == YAML_SCALAR_NODE && slice_eq(*ret_name, name)) {
            reader_mistake(rd, *ret_key, "`%.60s` stands here twice", ret_name->p);
            return false;
        }
    }
    return true;
}

size_t reader_pairs(struct reader *rd, yaml_node_t *map)
{
    if (reader_is_null(map))
        return 0;
    if (map->type != YAML_MAPPING_NODE) {
        reader_mistake(rd, map, "expected a mapping of keys to values");
        return 0;
    }
    size_t n = (size_t)(map->data.mapping.pairs.top - map->data.mapping.pairs.start);
    if (n > READER_PAIRS_MAX) {
        reader_mistake(rd, map, "at most %d keys", READER_PAIRS_MAX);
        return 0;
    }
    return spend(rd, map, n) ? n : 0;
}

void reader_keys(struct reader *rd, yaml_node_t *map, void *base, const struct yaml_key *keys)
{
    if (rd->depth == READER_DEPTH_MAX) {
        reader_mistake(rd, map, "nested too deep");
        return;
    }
    rd->depth++;
    size_t n = reader_pairs(rd, map);
    for (size_t i = 0; i < n; i++) {
        struct slice name;
        yaml_node_t *key_node, *value;
        const struct yaml_key *k = keys;
        if (!reader_pair(rd, map, i, &name, &key_node, &value))
            continue;
        size_t len = reader_push(rd, rd->path[0] ? ".%.60s" : "%.60s", name.p);
        while (k->name && !slice_is(name, k->name))
            k++;
        if (!k->name)
            unknown_key(rd, key_node, name, keys);
        else if (!reader_is_null(value))
            k->read(rd, value, (char *)base + k->offset, k);
        reader_pop(rd, len);
    }
    rd->depth--;
}

void reader_map(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    reader_keys(rd, node, at, key->sub);
}

void *reader_items(struct reader *rd, yaml_node_t *list, size_t size, size_t max, size_t *ret_n)
{
    *ret_n = 0;
    if (reader_is_null(list))
        return NULL;
    if (list->type != YAML_SEQUENCE_NODE) {
        reader_mistake(rd, list, "expected a list");
        return NULL;
    }
    size_t n = (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
    if (n > max) {
        reader_mistake(rd, list, "at most %zu of these", max);
        return NULL;
    }
    void *items = n && spend(rd, list, n) ? arena_calloc(rd->arena, n, size) : NULL;
    if (items)
        *ret_n = n;
    return items;
}

yaml_node_t *reader_item(struct reader *rd, yaml_node_t *list, size_t i)
{
    return yaml_document_get_node(rd->doc, list->data.sequence.items.start[i]);
}

const char **reader_texts(struct reader *rd, yaml_node_t *node, size_t max, size_t *ret_n)
{
    const char **texts;

    if (node->type == YAML_SEQUENCE_NODE) {
        texts = reader_items(rd, node, sizeof *texts, max, ret_n);
        for (size_t i = 0; i < *ret_n; i++) {
            size_t len = reader_push(rd, "[%zu]", i);
            reader_text(rd, reader_item(rd, node, i), &texts[i], NULL);
            reader_pop(rd, len);
        }
        return texts;
    }
    texts = arena_calloc(rd->arena, 1, sizeof *texts);
    *ret_n = texts != NULL;
    if (texts)
        reader_text(rd, node, texts, NULL);
    return texts;
}

/* --- the document -------------------------------------------------------------------------------
 */

static void not_yaml(struct reader *rd, const yaml_parser_t *parser)
{
    yaml_node_t at = {.start_mark = parser->problem_mark};

    reader_mistake(rd, &at, "not YAML: %s", parser->problem ? parser->problem : "out of memory");
}

/* The bounds of what libyaml itself is slow at, checked event by event before it builds anything.
 */
static const char *excess(yaml_event_t *event, unsigned *nesting, unsigned *anchors)
{
    const unsigned char *anchor = NULL;

    switch (event->type) {
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        ++*nesting;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        ++*nesting;
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        --*nesting;
        break;
    default:
        break;
    }
    *anchors += anchor != NULL;
    if (*nesting > READER_NESTING_MAX)
        return "nested too deep";
    return *anchors > READER_ANCHORS_MAX ? "too many anchors" : NULL;
}

/* Goes through the text once without keeping anything: is it YAML, and within bounds? */
static bool skim(struct reader *rd, yaml_parser_t *parser)
{
    unsigned nesting = 0, anchors = 0;
    bool more = true;

    while (more) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            not_yaml(rd, parser);
            return false;
        }
        const char *what = excess(&event, &nesting, &anchors);
        yaml_node_t at = {.start_mark = event.start_mark};
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (what) {
            reader_mistake(rd, &at, "%s", what);
            return false;
        }
    }
    return true;
}

static void read_document(struct reader *rd, yaml_parser_t *parser, void *base,
                          const struct yaml_key *keys)
{
    yaml_document_t doc, second;

    if (!yaml_parser_load(parser, &doc)) {
        not_yaml(rd, parser);
        return;
    }
    yaml_node_t *root = yaml_document_get_root_node(&doc);
    if (root) {
        rd->doc = &doc;
        reader_keys(rd, root, base, keys);
        rd->doc = NULL;
        if (yaml_parser_load(parser, &second)) {
            yaml_node_t *more = yaml_document_get_root_node(&second);
            if (more)
                reader_mistake(rd, more, "a second YAML document; one file is one config");
            yaml_document_delete(&second);
        }
    }
    yaml_document_delete(&doc);
}

void reader_run(struct reader *rd, struct slice text, void *base, const struct yaml_key *keys)
{
    for (int pass = 0; pass < 2; pass++) {
        yaml_parser_t parser;
        bool good = true;
        if (!yaml_parser_initialize(&parser)) {
            reader_mistake_of(rd, NULL, NULL, "out of memory");
            return;
        }
        yaml_parser_set_input_string(&parser, (const unsigned char *)(text.p ? text.p : ""),
                                     text.len);
        if (pass == 0)
            good = skim(rd, &parser);
        else
            read_document(rd, &parser, base, keys);
        yaml_parser_delete(&parser);
        if (!good)
            return;
    }
}
