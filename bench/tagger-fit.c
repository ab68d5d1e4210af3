/* tagger-fit DATA SENTENCES NAMES [TAGGER.bin]: fits the weights of label/tagger.c and says how
 * good they are.
 *
 * DATA/privacy is the folder with BTC, wikigold and wnut17 (data/README.md; the fourth set there is
 * share-alike, and weights fitted on it would bring its licence into the tree).  Ten sentences in a
 * hundred are held out: on them the bias against "no name" is chosen for the best F3 of whole
 * names, and precision, recall and F3 are printed.  With TAGGER.bin, writes the weights.
 *
 * SENTENCES (bench/tagger-sentences.txt) are filled FILLS times with names of the lists NAMES
 * (data/names.tsv) and with made-up ones, and names of the corpora are swapped for such in copies,
 * so that what is learnt is where a name stands and not which it is.  DATA/routing's prompts tell
 * which words are common, without tags.  Every eighth sentence is
 * learnt once more in lower case and every sixteenth in capitals, as people write to machines. */
#include "label/tagger.h"
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EPOCHS = 8, HELD_OUT = 10, FILLS = 40, LIST_WORDS_MAX = 4096, LISTS = 8 };

struct sentence {
    char *text;
    struct tagger_word *words;
    unsigned char *tags;
    size_t n, cap, len, room;
    bool held;
};
static struct sentence *all;
static size_t n_all, cap_all;
static float weight[TAGGER_BUCKETS * TAGGER_LANES], sum[TAGGER_BUCKETS * TAGGER_LANES];
static struct tagger_file file;
static unsigned stamp[TAGGER_BUCKETS * TAGGER_LANES], now = 1;

static void *more(void *p, size_t *cap, size_t n, size_t size)
{
    if (n < *cap)
        return p;
    *cap = *cap ? *cap * 2 : 64;
    return realloc(p, *cap * size);
}

static enum tag tag_named(const char *label, const char *before)
{
    static const struct {
        const char *word;
        enum tag tag;
    } names[] = {{"PER", TAG_B_PERSON},     {"person", TAG_B_PERSON}, {"LOC", TAG_B_PLACE},
                 {"location", TAG_B_PLACE}, {"ORG", TAG_B_ORG},       {"corporation", TAG_B_ORG},
                 {"group", TAG_B_ORG}};

    if (label[0] == 'O' || label[1] != '-')
        return TAG_O;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(label + 2, names[i].word) ==
            0) /* I- begins a name where none of its kind goes on (IOB1) */
            return label[0] == 'I' && before[0] != 'O' && before[0] &&
                           strcmp(before + 2, label + 2) == 0
                       ? names[i].tag + 1
                       : names[i].tag;
    return TAG_O;
}

static void add_text(struct sentence *s, const char *text, size_t len)
{
    while (s->len + len + 2 > s->room)
        s->text = more(s->text, &s->room, s->room, 1);
    memcpy(s->text + s->len, text, len);
    s->len += len;
    s->text[s->len] = '\0';
}

static void add_at(struct sentence *s, size_t start, size_t end, enum tag tag)
{
    if (s->n >= s->cap) {
        s->cap = s->cap ? 2 * s->cap : 32;
        s->words = realloc(s->words, s->cap * sizeof *s->words);
        s->tags = realloc(s->tags, s->cap);
    }
    s->words[s->n] = (struct tagger_word){.start = start, .end = end};
    s->tags[s->n++] = (unsigned char)tag;
}

static void add_word(struct sentence *s, const char *word, enum tag tag)
{
    size_t start = s->len;

    add_text(s, word, strlen(word));
    add_at(s, start, s->len, tag);
    add_text(s, " ", 1);
}

static void finish(struct sentence *s)
{
    struct slice text = {s->text, s->len};

    for (size_t i = 0; i < s->n; i++)
        tagger_word(&s->words[i], text);
    tagger_phrases(s->words, s->n, text);
}

static void append(struct sentence *s, bool held)
{
    finish(s);
    s->held = held;
    all = more(all, &cap_all, n_all, sizeof *all);
    all[n_all++] = *s;
    *s = (struct sentence){0};
}

static void keep(struct sentence *s)
{
    if (s->n > 0)
        append(s, n_all % 100 < HELD_OUT);
}

/* word column and tag column, from 0 */
static void read_file(const char *dir, const char *name, int word_at, int tag_at)
{
    char path[4096], line[65536], before[64] = "O";
    struct sentence s = {0};

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    if (!f) {
        fprintf(stderr, "tagger-fit: %s is not there\n", path);
        exit(1);
    }
    while (fgets(line, sizeof line, f)) {
        char *cell[8] = {0};
        int n = 0;
        for (char *p = strtok(line, " \t\r\n"); p && n < 8; p = strtok(NULL, " \t\r\n"))
            cell[n++] = p;
        if (n == 0) {
            keep(&s);
            strcpy(before, "O");
        }
        if (n <= tag_at)
            continue;
        add_word(&s, cell[word_at], tag_named(cell[tag_at], before));
        snprintf(before, sizeof before, "%s", cell[tag_at]);
    }
    keep(&s);
    fclose(f);
}

/* ---- names to fill in ---- */

static char *list_words[LISTS][LIST_WORDS_MAX];
static size_t list_n[LISTS];
enum list { COUNTRY, NATION, CITY, GIVEN, ORG, TITLE, SURNAME, JOB }; /* as in label/names.py */

static uint64_t seed = 1;
static size_t any(size_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(seed >> 33) % n;
}

static void read_lists(const char *path)
{
    static const char *const names[LISTS] = {"country", "nation", "city",    "given",
                                             "org",     "title",  "surname", "job"};
    static char line[1 << 17];
    FILE *f = fopen(path, "r");

    while (f && fgets(line, sizeof line, f)) {
        char *save = NULL, *name = strtok_r(line, "\t\n", &save);
        for (size_t k = 0; name && k < LISTS; k++)
            if (strcmp(name, names[k]) == 0)
                for (char *w; (w = strtok_r(NULL, "\t\n", &save)) && list_n[k] < LIST_WORDS_MAX;)
                    list_words[k][list_n[k]++] = strdup(w);
    }
    if (!f || list_n[SURNAME] == 0) {
        fprintf(stderr, "tagger-fit: %s: no lists\n", path);
        exit(1);
    }
    fclose(f);
}

/* Words with a capital first, as names are written; small words of one to three letters stay. */
static void put_name(char *out, size_t size, const char *words)
{
    bool first = true;

    for (size_t i = 0; *words && i + 1 < size; words++, out++, i++) {
        bool small = !strncmp(words, "de ", 3) || !strncmp(words, "van ", 4) ||
                     !strncmp(words, "der ", 4) || !strncmp(words, "den ", 4);
        *out = first && !small ? (char)toupper((unsigned char)*words) : *words;
        first = *words == ' ' || *words == '-' || *words == '\'';
    }
    *out = '\0';
}

static void put_made_up(char *out, size_t size, enum list like)
{
    static const char *const syllables[] = {
        "ka",  "mo",  "ri",  "ven", "sol",  "ta",  "dra", "bel", "or",   "nu",
        "shi", "gar", "lin", "pe",  "zo",   "ach", "ul",  "fen", "bri",  "jo",
        "wa",  "mir", "yel", "cho", "ste",  "hal", "iq",  "ngu", "ober", "ska",
        "tre", "vil", "dun", "es",  "grou", "kha", "lu",  "mar", "no",   "osh"};
    static const char *const place_ends[] = {"ville", "burg", "ton",  "ovo", "sk",
                                             "ica",   "stad", "ham",  "pur", "abad",
                                             "eni",   "ford", "bach", "dorf"};
    static const char *const name_ends[] = {"ski",  "ova",  "sen",    "oglu", "dze", "yan",
                                            "enko", "escu", "poulos", "son",  "ez",  "ini",
                                            "mann", "wala", "ic",     "eau"};
    char word[64] = "";

    for (size_t n = 1 + any(2); n-- > 0;)
        strcat(word, syllables[any(sizeof syllables / sizeof *syllables)]);
    if (like == CITY)
        strcat(word, place_ends[any(sizeof place_ends / sizeof *place_ends)]);
    else if (like == SURNAME && any(2))
        strcat(word, name_ends[any(sizeof name_ends / sizeof *name_ends)]);
    put_name(out, size, word);
}

static void put_one(char *out, size_t size, enum list list)
{
    if (list != COUNTRY && any(6) == 0)
        put_made_up(out, size, list);
    else
        put_name(out, size, list_words[list][any(list_n[list])]);
}

static void put_org(char *out, size_t size)
{
    static const char *const forms[] = {
        "%1 %2",       "%3 %2",       "%4 %2",       "%1 & %1",        "University of %3",
        "Bank of %3",  "%3 %4 %2",    "%4",          "%4 %4 %2",       "Ministry of %4",
        "%1, %1 & %1", "%1 and Sons", "St. %5's %2", "%3 Regional %2", "Supreme Court of %6",
        "%4%4",        "The %4 %2",   "%1 %2 %2"};
    static const enum list lists[] = {SURNAME, SURNAME, ORG, CITY, ORG, GIVEN, COUNTRY};
    size_t len = 0;

    for (const char *f = forms[any(sizeof forms / sizeof *forms)]; *f && len + 80 < size; f++) {
        if (*f != '%') {
            out[len++] = *f;
            out[len] = '\0';
            continue;
        }
        f++;
        if (*f == '4')
            put_made_up(out + len, 64, GIVEN);
        else
            put_one(out + len, 64, lists[*f - '0']);
        len += strlen(out + len);
    }
}

static void put_person(char *out, size_t size, char form)
{
    char given[80], surname[80];

    put_one(given, sizeof given, GIVEN);
    put_one(surname, sizeof surname, SURNAME);
    if (any(15) == 0) {
        size_t len = strlen(surname);
        surname[len] = '-';
        put_one(surname + len + 1, sizeof surname - len - 1, SURNAME);
    }
    if (form == 'P' && any(6) == 0) /* two given names, or one and an initial */
        snprintf(given + strlen(given), sizeof given - strlen(given), " %c.", 'A' + (char)any(26));
    if (form == 'P' && any(20) == 0)
        for (char *c = surname; *c; c++)
            *c = (char)toupper((unsigned char)*c);
    snprintf(out, size,
             form == 'G'   ? "%s"
             : form == 'S' ? "%.0s%s"
             : form == 'I' ? "%.1s. %s"
                           : "%s %s",
             given, surname);
}

/* A name for one letter of a slot. */
static enum tag put_slot(char *out, size_t size, char slot)
{
    switch (slot) {
    case 'L':
        put_one(out, size, CITY);
        return TAG_B_PLACE;
    case 'C':
        put_one(out, size, COUNTRY);
        return TAG_B_PLACE;
    case 'O':
        put_org(out, size);
        return TAG_B_ORG;
    default:
        put_person(out, size, slot);
        return TAG_B_PERSON;
    }
}

/* Where names were filled in. */
struct filled {
    size_t start[64], end[64], n;
    enum tag tag[64];
};

static void fill(struct sentence *s, const char *template, struct filled *names)
{
    char name[1024];

    names->n = 0;
    for (; *template; template ++) {
        if (*template != '{' || names->n == 64) {
            add_text(s, template, 1);
            continue;
        }
        names->tag[names->n] = put_slot(name, sizeof name, template[1]);
        names->start[names->n] = s->len;
        add_text(s, name, strlen(name));
        names->end[names->n++] = s->len;
        template += 2;
    }
}

static enum tag tag_at(const struct filled *names, const struct tagger_word *w)
{
    for (size_t i = 0; i < names->n; i++)
        if (w->start >= names->start[i] && w->start < names->end[i])
            return w->start == names->start[i] ? names->tag[i] : names->tag[i] + 1;
    return TAG_O;
}

/* Read as nigh reads it, so that words are cut as they will be. */
static void add_filled(const char *template)
{
    static struct tagger_word words[TAGGER_SENTENCE_MAX];
    struct filled names;
    struct sentence whole = {0};
    size_t at = 0, n;

    fill(&whole, template, &names);
    struct slice text = {whole.text, whole.len};
    while ((n = tagger_read(words, text, &at)) > 0) {
        struct sentence s = {0};
        add_text(&s, text.p, text.len);
        for (size_t i = 0; i < n; i++)
            add_at(&s, words[i].start, words[i].end, tag_at(&names, &words[i]));
        append(&s, false);
    }
    free(whole.text);
}

static void read_sentences(const char *path)
{
    char line[1024];
    FILE *f = fopen(path, "r");

    if (!f) {
        fprintf(stderr, "tagger-fit: %s is not there\n", path);
        exit(1);
    }
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        for (int i = 0; i < FILLS && line[0] != '#' && line[0]; i++)
            add_filled(line);
    }
    fclose(f);
}

/* ---- copies ---- */

/* The same sentence with other persons and places. */
static void add_swapped(const struct sentence *from)
{
    struct sentence s = {0};
    bool any_name = false;

    for (size_t k = 0; k < from->n; k++) {
        enum tag tag = from->tags[k];
        char name[1024], *save = NULL;
        if (tag == TAG_I_PERSON || tag == TAG_I_PLACE)
            continue;
        if (tag != TAG_B_PERSON && tag != TAG_B_PLACE) {
            snprintf(name, sizeof name, "%.*s", (int)(from->words[k].end - from->words[k].start),
                     from->text + from->words[k].start);
            add_word(&s, name, tag);
            continue;
        }
        any_name = true;
        bool more_words = k + 1 < from->n && from->tags[k + 1] == tag + 1;
        put_slot(name, sizeof name, tag == TAG_B_PLACE ? 'L' : more_words ? 'P' : "GS"[any(2)]);
        for (char *w = strtok_r(name, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
            add_word(&s, w, tag);
            tag = from->tags[k] + 1;
        }
    }
    if (any_name)
        append(&s, false);
}

static void add_recased(const struct sentence *from, int (*recase)(int c))
{
    struct sentence s = {0};

    for (size_t k = 0; k < from->n; k++) {
        char word[512];
        size_t len = from->words[k].end - from->words[k].start;
        len = len < sizeof word - 1 ? len : sizeof word - 1;
        for (size_t c = 0; c < len; c++)
            word[c] = (char)recase((unsigned char)from->text[from->words[k].start + c]);
        word[len] = '\0';
        add_word(&s, word, from->tags[k]);
    }
    append(&s, false);
}

static void add_copies(void)
{
    size_t n = n_all;

    for (size_t i = 0; i < n; i++)
        if (!all[i].held && i % 3 == 0)
            add_swapped(&all[i]);
    n = n_all;
    for (size_t i = 0; i < n; i++) {
        if (all[i].held || i % 8 > 1)
            continue;
        if (i % 8 == 0)
            add_recased(&all[i], tolower);
        else if (i % 16 == 1)
            add_recased(&all[i], toupper);
    }
}

/* ---- common words ---- */

static uint8_t lower_seen[TAGGER_COMMON_BITS], plain_seen[TAGGER_COMMON_BITS]; /* up to 2 */

static void note_plain(const char *dir, const char *name)
{
    static char line[1 << 16];
    static struct tagger_word words[TAGGER_SENTENCE_MAX];
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        size_t at = 0, n;
        while ((n = tagger_read(words, (struct slice){line, strlen(line)}, &at)) > 0)
            for (size_t i = 0; i < n; i++) {
                uint8_t *seen = &plain_seen[tagger_common_bit(words[i].low)];
                bool lower = !words[i].capital && !words[i].upper && line[words[i].start] != '@';
                *seen = (uint8_t)(*seen + (*seen < 2 && lower)); /* a handle is a name */
            }
    }
    if (!f) {
        fprintf(stderr, "tagger-fit: %s is not there\n", path);
        exit(1);
    }
    fclose(f);
}

static bool tells_common(const struct sentence *s, size_t k)
{
    return !s->held && s->tags[k] == TAG_O && !s->words[k].capital && !s->words[k].upper &&
           s->text[s->words[k].start] != '@';
}

/* Words that stand in lower case and are no name: a capital one is likely to begin a sentence.
 * While learning, a word does not count as common on its own word: else all lower-case words were,
 * and what is new would look like a name. */
static void note_common(void)
{
    for (size_t i = 0; i < n_all; i++)
        for (size_t k = 0; k < all[i].n; k++) {
            size_t bit = tagger_common_bit(all[i].words[k].low);
            if (tells_common(&all[i], k) && lower_seen[bit] < 2)
                lower_seen[bit]++;
        }
    for (size_t bit = 0; bit < TAGGER_COMMON_BITS; bit++)
        if (lower_seen[bit] || plain_seen[bit] > 1)
            file.common[bit / 8] |= (uint8_t)(1 << bit % 8);
}

static void use_common(void)
{
    for (size_t i = 0; i < n_all; i++)
        for (size_t k = 0; k < all[i].n; k++) {
            size_t bit = tagger_common_bit(all[i].words[k].low);
            all[i].words[k].common =
                plain_seen[bit] > 1 || lower_seen[bit] > tells_common(&all[i], k);
        }
}

static void settle(size_t i)
{
    sum[i] += weight[i] * (float)(now - stamp[i]);
    stamp[i] = now;
}

static enum tag guess(const uint32_t *bucket, size_t n, enum tag prev)
{
    float score[TAGGER_LANES] = {0};
    enum tag best = TAG_O;

    for (size_t k = 0; k < n; k++)
        for (int t = 0; t < TAG_COUNT; t++)
            score[t] += weight[(size_t)bucket[k] * TAGGER_LANES + (size_t)t];
    for (enum tag t = 0; t < TAG_COUNT; t++)
        if (score[t] > score[best] && tag_may_follow(t, prev))
            best = t;
    return best;
}

static void learn(const struct sentence *s)
{
    enum tag prev = TAG_O, prev2 = TAG_O;

    for (size_t i = 0; i < s->n; i++, now++) {
        uint32_t bucket[TAGGER_FEATURES_MAX];
        if (tagger_plain(&s->words[i], prev)) {
            prev2 = prev;
            continue;
        }
        size_t n = tagger_features(s->words, s->n, i, prev, prev2, bucket);
        enum tag got = guess(bucket, n, prev), want = s->tags[i];
        if (!tag_may_follow(want, prev))
            want--; /* it missed where the name begins: the best it can do is to begin it here */
        for (size_t k = 0; k < n && got != want; k++) {
            size_t good = (size_t)bucket[k] * TAGGER_LANES + want,
                   bad = (size_t)bucket[k] * TAGGER_LANES + got;
            settle(good);
            settle(bad);
            weight[good] += 1;
            weight[bad] -= 1;
        }
        prev2 = prev;
        prev = got; /* its own mistakes are what it will meet */
    }
}

struct counts {
    size_t right, told, there;
};

static void judge(const struct sentence *s, int bias, int rare, struct counts *c)
{
    enum tag prev = TAG_O, prev2 = TAG_O, tags[4096];

    for (size_t i = 0; i < s->n && i < 4096; i++) {
        uint32_t bucket[TAGGER_FEATURES_MAX];
        size_t n = tagger_features(s->words, s->n, i, prev, prev2, bucket);
        int score[TAGGER_LANES] = {-bias - (tagger_rare(s->words, i) ? rare : 0)};
        for (size_t k = 0; k < n; k++)
            for (int t = 0; t < TAG_COUNT; t++)
                score[t] += file.weight[(size_t)bucket[k] * TAGGER_LANES + (size_t)t];
        enum tag best = TAG_O;
        if (tagger_plain(&s->words[i], prev))
            score[TAG_O] = INT_MAX;
        for (enum tag t = 0; t < TAG_COUNT; t++)
            if (score[t] > score[best] && tag_may_follow(t, prev))
                best = t;
        prev2 = prev;
        tags[i] = prev = best;
    }
    for (size_t i = 0; i < s->n; i++) {
        bool there = s->tags[i] % 2 == 1, told = tags[i] % 2 == 1;
        c->there += there;
        c->told += told;
        if (!there || !told || s->tags[i] != tags[i])
            continue;
        size_t k = i + 1;
        while (k < s->n && s->tags[k] == s->tags[i] + 1 && tags[k] == tags[i] + 1)
            k++;
        bool ends = (k == s->n) || (s->tags[k] != s->tags[i] + 1 && tags[k] != tags[i] + 1);
        c->right += ends;
    }
}

/* F3: what is missed gets out, what is told too much is only a question too many. */
static double f3(struct counts c, double *p, double *r)
{
    *p = c.told ? (double)c.right / (double)c.told : 0;
    *r = c.there ? (double)c.right / (double)c.there : 0;
    return *p + *r > 0 ? 10 * *p * *r / (9 * *p + *r) : 0;
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return x < y ? -1 : x > y;
}

/* The largest in ten thousand are cut, so that the rest keeps its steps. */
static void quantise(void)
{
    enum { N = TAGGER_BUCKETS * TAGGER_LANES };
    float *size = malloc(N * sizeof *size);
    size_t n = 0;

    for (size_t i = 0; i < N; i++) {
        settle(i);
        sum[i] /= (float)now;
        if (sum[i] != 0)
            size[n++] = sum[i] < 0 ? -sum[i] : sum[i];
    }
    qsort(size, n, sizeof *size, by_size);
    float scale = 127 / size[n - 1 - n / 10000];
    printf("%zu weights, largest %.1f, scale %.2f\n", n, (double)size[n - 1], (double)scale);
    free(size);
    for (size_t i = 0; i < N; i++) {
        float x = sum[i] * scale;
        x = x > 127 ? 127 : x < -127 ? -127 : x;
        file.weight[i] = (int8_t)(x < 0 ? x - .5f : x + .5f);
    }
}

static void fit(void)
{
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        for (size_t i = n_all; i-- > 1;) {
            size_t k = any(i + 1);
            struct sentence s = all[i];
            all[i] = all[k];
            all[k] = s;
        }
        for (size_t i = 0; i < n_all; i++)
            if (!all[i].held)
                learn(&all[i]);
    }
}

static void choose_bias(void)
{
    double best = 0, p, r;

    for (int rare = 0; rare <= 100; rare += 20)
        for (int bias = 0; bias <= 127; bias += 8) {
            struct counts c = {0};
            for (size_t i = 0; i < n_all; i++)
                if (all[i].held)
                    judge(&all[i], bias, rare, &c);
            double score = f3(c, &p, &r);
            if (score <= best)
                continue;
            printf("bias %4d rare %3d: precision %.3f recall %.3f F3 %.3f\n", bias, rare, p, r,
                   score);
            best = score;
            file.bias = (int8_t)bias;
            file.rare = (int8_t)rare;
        }
}

int main(int argc, char **argv)
{
    static const char *const btc[] = {"a", "b", "e", "f", "g", "h"};

    if (argc < 4)
        return fprintf(stderr, "usage: tagger-fit DATA SENTENCES NAMES [TAGGER.bin]\n"), 2;
    for (size_t i = 0; i < 6; i++) {
        char name[64];
        snprintf(name, sizeof name, "privacy/BTC/CONLL-format/data/%s.conll", btc[i]);
        read_file(argv[1], name, 0, 1);
    }
    read_file(argv[1], "privacy/wikigold/CONLL-format/data/wikigold.conll.txt", 0, 1);
    read_file(argv[1], "privacy/wnut17/wnut17train.conll", 0, 1);
    read_file(argv[1], "privacy/wnut17/emerging.dev.conll", 0, 1);
    read_file(argv[1], "privacy/wnut17/emerging.test.annotated", 0, 1);
    read_lists(argv[3]);
    read_sentences(argv[2]);
    note_plain(argv[1], "routing/mmlu.csv");
    note_plain(argv[1], "routing/llmrouter_train.csv");
    note_common();
    add_copies();
    use_common();
    printf("%zu sentences\n", n_all);
    fit();
    quantise();
    choose_bias();
    FILE *f = argc > 4 ? fopen(argv[4], "wb") : NULL;
    if (argc > 4 && (!f || fwrite(&file, sizeof file, 1, f) != 1 || fclose(f) != 0))
        return fprintf(stderr, "tagger-fit: cannot write %s\n", argv[4]), 1;
    return 0;
}
