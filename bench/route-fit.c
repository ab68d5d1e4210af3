/* route-fit DATA [ROUTER.bin]: fits the router's weights and says how good they are.
 *
 * DATA is the folder with mmlu.csv, llmrouter_train.csv and mmlu_pro_outcomes.csv.  Prints APGR
 * (the area under accuracy against the share of calls to the strong model, between weak and strong;
 * 0.5 is random) of: the text's length, the hand-set table, the learnt weights, and both as
 * traits.c joins them; five-fold by prompt, weights rounded to the int8 that ship.  With
 * ROUTER.bin, fits on everything and writes it.  The features are those of route/weights.c, called
 * here as there. */
#include "csv.h"
#include "route/traits.h"
#include "route/weights.h"
#include <math.h>

/* Tried: rate 0.05, 0.15, 0.5 with 3 and 8 epochs; these were best or next to it, and decay did
 * nothing. */
enum { FOLDS = 5, EPOCHS = 6, ROWS_MAX = 40000 };
static const double rate = 0.15, decay = 1e-6;

struct row {
    struct slice text;
    float weak, strong; /* how right either model was, 0..1 */
    uint16_t *buckets;
    size_t n;
    double score; /* of the method that is being judged */
};
struct set {
    struct row *rows;
    size_t n;
};
struct head {
    float w[WEIGHTS_BUCKETS],
        g[WEIGHTS_BUCKETS]; /* weights and sums of squared gradients (Adagrad) */
    float bias, bias_g;
};
struct model {
    struct head weak, strong;
};

static uint64_t seed = 1;
static uint64_t next(void) /* xorshift64*, so that a run repeats */
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * 2685821657736338717ull;
}

static void add_bucket(void *owner, uint32_t hash)
{
    struct row *row = owner;

    row->buckets[row->n++] = (uint16_t)weights_bucket(hash);
}

static void add_features(struct row *row)
{
    size_t len = row->text.len, window = len < TRAITS_WINDOW ? len : TRAITS_WINDOW;
    size_t rest = len - window < TRAITS_WINDOW ? len - window : TRAITS_WINDOW;

    row->buckets = malloc(sizeof *row->buckets * 3 * (window + rest + 2));
    if (!row->buckets)
        abort();
    weights_features((struct slice){row->text.p, window}, add_bucket, NULL, row);
    if (rest)
        weights_features((struct slice){row->text.p + len - rest, rest}, add_bucket, NULL, row);
    row->buckets = realloc(row->buckets, sizeof *row->buckets * (row->n + 1));
}

static struct set load(const char *folder, const char *file, const char *prompt, const char *weak,
                       const char *strong)
{
    struct set set = {0};
    struct csv csv;
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (!csv_open(&csv, path)) {
        printf("skipped: %s is not there\n", path);
        return set;
    }
    int p = csv_column(&csv, prompt), w = csv_column(&csv, weak), s = csv_column(&csv, strong);
    set.rows = calloc(ROWS_MAX, sizeof *set.rows);
    while (csv_row(&csv) && set.n < ROWS_MAX) {
        char number[2][16] = {"", ""};
        struct row *row = &set.rows[set.n];
        if (csv.n <= (size_t)s || csv.n <= (size_t)w)
            continue;
        memcpy(number[0], csv.cell[w].p, csv.cell[w].len < 15 ? csv.cell[w].len : 15);
        memcpy(number[1], csv.cell[s].p, csv.cell[s].len < 15 ? csv.cell[s].len : 15);
        row->text = csv.cell[p];
        row->weak = strtof(number[0], NULL);
        row->strong = strtof(number[1], NULL);
        add_features(row);
        set.n++;
    }
    return set; /* csv.data stays: the texts are in it */
}

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

static double head_sum(const struct head *h, const struct row *row)
{
    double sum = 0;

    for (size_t i = 0; i < row->n; i++)
        sum += h->w[row->buckets[i]];
    return h->bias + sum / sqrt((double)row->n);
}

static void head_learn(struct head *h, const struct row *row, float want)
{
    double off = logistic(head_sum(h, row)) - want;
    float step = (float)(off / sqrt((double)row->n));

    for (size_t i = 0; i < row->n; i++) {
        uint16_t b = row->buckets[i];
        float g = step + (float)decay * h->w[b];
        h->g[b] += g * g;
        h->w[b] -= (float)rate * g / (sqrtf(h->g[b]) + 1e-3f) * 0.1f;
    }
    h->bias_g += (float)(off * off);
    h->bias -= (float)(rate * off / (sqrt(h->bias_g) + 1e-3) * 0.1);
}

/* The int8 that ship: full scale at the largest of all but one in a thousand. */
static int by_size(const void *a, const void *b)
{
    float x = fabsf(*(const float *)a), y = fabsf(*(const float *)b);

    return x < y ? -1 : x > y;
}

static double quantise(struct head *h, int8_t *out)
{
    static float sorted[WEIGHTS_BUCKETS];
    double scale;

    memcpy(sorted, h->w, sizeof sorted);
    qsort(sorted, WEIGHTS_BUCKETS, sizeof *sorted, by_size);
    scale = fabsf(sorted[WEIGHTS_BUCKETS - 1 - WEIGHTS_BUCKETS / 1000]) / 127;
    for (size_t i = 0; i < WEIGHTS_BUCKETS; i++) {
        long q = lround(h->w[i] / scale);
        q = q > 127 ? 127 : q < -127 ? -127 : q;
        out[i] = (int8_t)q;
        h->w[i] = (float)(q * scale);
    }
    return scale;
}

struct fit {
    struct model *model;
    double scale_weak, scale_strong, mean, sd;
    int8_t weak[WEIGHTS_BUCKETS], strong[WEIGHTS_BUCKETS];
};

static double gain(const struct model *m, const struct row *row)
{
    return row->n ? logistic(head_sum(&m->strong, row)) - logistic(head_sum(&m->weak, row)) : 0;
}

static void fit_rows(struct fit *fit, struct row **rows, size_t n)
{
    double sum = 0, squares = 0;

    memset(fit->model, 0, sizeof *fit->model);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        for (size_t i = n; i > 1; i--) {
            size_t j = next() % i;
            struct row *row = rows[i - 1];
            rows[i - 1] = rows[j];
            rows[j] = row;
        }
        for (size_t i = 0; i < n; i++) {
            head_learn(&fit->model->weak, rows[i], rows[i]->weak);
            head_learn(&fit->model->strong, rows[i], rows[i]->strong);
        }
    }
    fit->scale_weak = quantise(&fit->model->weak, fit->weak);
    fit->scale_strong = quantise(&fit->model->strong, fit->strong);
    for (size_t i = 0; i < n; i++) {
        double g = gain(fit->model, rows[i]);
        sum += g;
        squares += g * g;
    }
    fit->mean = sum / (double)n;
    fit->sd = sqrt(squares / (double)n - fit->mean * fit->mean);
}

static int by_score(const void *a, const void *b)
{
    double x = ((const struct row *)a)->score, y = ((const struct row *)b)->score;

    return x > y ? -1 : x < y;
}

static double apgr(const struct set *set)
{
    struct row *sorted = malloc(sizeof *sorted * set->n);
    double weak = 0, strong = 0, at, area = 0;

    memcpy(sorted, set->rows, sizeof *sorted * set->n);
    for (size_t i = 0; i < set->n; i++) {
        sorted[i].score += 1e-9 * (double)(next() >> 11) / 9e15; /* ties at random */
        weak += sorted[i].weak;
        strong += sorted[i].strong;
    }
    qsort(sorted, set->n, sizeof *sorted, by_score);
    at = weak;
    for (size_t i = 0; i < set->n; i++) {
        double step = sorted[i].strong - sorted[i].weak;
        area += (at + step / 2 - weak) / (strong - weak);
        at += step;
    }
    free(sorted);
    return area / (double)set->n;
}

static void judge_baselines(struct set *set, const char *name)
{
    double length, table;

    for (size_t i = 0; i < set->n; i++)
        set->rows[i].score = (double)set->rows[i].text.len;
    length = apgr(set);
    for (size_t i = 0; i < set->n; i++)
        set->rows[i].score = traits_difficulty(set->rows[i].text, 0, NULL);
    table = apgr(set);
    printf("%-14s %6zu prompts: length %.3f, table of features %.3f", name, set->n, length, table);
    fflush(stdout);
}

/* score: the learnt gain in standard deviations, kept for the joined judgement. */
static void judge_learnt(struct set *set, const double *learnt)
{
    double alone, joined;

    for (size_t i = 0; i < set->n; i++)
        set->rows[i].score = learnt[i];
    alone = apgr(set);
    for (size_t i = 0; i < set->n; i++)
        set->rows[i].score = traits_difficulty(set->rows[i].text, learnt[i], NULL);
    joined = apgr(set);
    printf(", learnt %.3f, joined %.3f\n", alone, joined);
}

static unsigned fold_of(size_t i)
{
    return (unsigned)(((uint64_t)i * 0x9e3779b97f4a7c15u) >> 32) % FOLDS;
}

/* Every prompt is judged by a model that never saw it, trained on the other folds of all sets. */
static void cross(struct fit *fit, struct set *sets, size_t n_sets, const char *const *names)
{
    struct row **rows = malloc(sizeof *rows * ROWS_MAX * n_sets);
    double *learnt[8];

    for (size_t s = 0; s < n_sets; s++)
        learnt[s] = calloc(sets[s].n + 1, sizeof **learnt);
    for (unsigned fold = 0; fold < FOLDS; fold++) {
        size_t n = 0;
        for (size_t s = 0; s < n_sets; s++)
            for (size_t i = 0; i < sets[s].n; i++)
                if (fold_of(i) != fold)
                    rows[n++] = &sets[s].rows[i];
        fit_rows(fit, rows, n);
        for (size_t s = 0; s < n_sets; s++)
            for (size_t i = 0; i < sets[s].n; i++)
                if (fold_of(i) == fold)
                    learnt[s][i] = (gain(fit->model, &sets[s].rows[i]) - fit->mean) / fit->sd;
    }
    for (size_t s = 0; s < n_sets; s++) {
        judge_baselines(&sets[s], names[s]);
        judge_learnt(&sets[s], learnt[s]);
        free(learnt[s]);
    }
    free(rows);
}

static void fit_all(struct fit *fit, struct set *sets, size_t n_sets)
{
    struct row **rows = malloc(sizeof *rows * ROWS_MAX * n_sets);
    size_t n = 0;

    for (size_t s = 0; s < n_sets; s++)
        for (size_t i = 0; i < sets[s].n; i++)
            rows[n++] = &sets[s].rows[i];
    fit_rows(fit, rows, n);
    free(rows);
}

static void unseen(const struct fit *fit, struct set *set, const char *name)
{
    double *learnt = calloc(set->n + 1, sizeof *learnt);

    if (set->n == 0)
        return;
    for (size_t i = 0; i < set->n; i++)
        learnt[i] = (gain(fit->model, &set->rows[i]) - fit->mean) / fit->sd;
    judge_baselines(set, name);
    judge_learnt(set, learnt);
    free(learnt);
}

static void save(const struct fit *fit, const char *path)
{
    FILE *f = fopen(path, "we");

    if (!f) {
        perror(path);
        exit(1);
    }
    fprintf(f, "nigh-router 1\n%.6g %.6g %.6g %.6g %.6g %.6g\n", fit->model->weak.bias,
            fit->scale_weak, fit->model->strong.bias, fit->scale_strong, fit->mean, fit->sd);
    for (size_t i = 0; i < WEIGHTS_BUCKETS; i++) {
        fputc((unsigned char)fit->weak[i], f);
        fputc((unsigned char)fit->strong[i], f);
    }
    fclose(f);
    printf("written: %s\n", path);
}

int main(int argc, char **argv)
{
    static struct fit fit;
    static const char *const names[] = {"mmlu", "llmrouter"};
    const char *folder = argc > 1 ? argv[1] : "../shared/data/routing";
    struct set sets[2], pro;

    fit.model = calloc(1, sizeof *fit.model);
    sets[0] = load(folder, "mmlu.csv", "prompt", "mixtral-8x7b-instruct", "gpt-4-1106-preview");
    sets[1] = load(folder, "llmrouter_train.csv", "prompt", "llama-3.1-8b-instruct",
                   "llama-3.1-nemotron-51b-instruct");
    pro = load(folder, "mmlu_pro_outcomes.csv", "prompt", "Meta-Llama-3_1-8B-Instruct",
               "Meta-Llama-3_1-70B-Instruct");
    if (sets[0].n == 0 || sets[1].n == 0)
        return 0;
    puts("each set alone, five-fold:");
    cross(&fit, &sets[0], 1, &names[0]);
    cross(&fit, &sets[1], 1, &names[1]);
    puts("both sets together, five-fold (what ships):");
    cross(&fit, sets, 2, names);
    fit_all(&fit, sets, 2);
    puts("and on a set whose labels were never seen (its questions overlap with mmlu's):");
    unseen(&fit, &pro, "mmlu-pro");
    if (argc > 2)
        save(&fit, argv[2]);
    free(fit.model);
    return 0;
}
