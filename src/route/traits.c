#include "route/traits.h"
#include "route/weights.h"
#include <math.h>
#include <stdio.h>

enum {
    /* What English takes in the common vocabularies (OpenAI's help pages say about four characters
     * a token).  Other scripts take more tokens a character but also more bytes. */
    BYTES_PER_TOKEN = 4,
    /* Expected answer when the caller set no limit.  Azure's 2023 chat trace: median 129, mean 211;
     * its users had shorter answers than today's models give.  Guess, to be learnt per session. */
    TOKENS_OUT_PRIOR = 300,
    /* TRAITS_IMAGE_TOKENS, 1000: OpenAI counts 85 (low detail) to 765 (1024 x 1024) for GPT-4o,
     * Anthropic width x height / 750, at most about 1600. */
    MESSAGE_TOKENS = 4, /* role and separators around each message, as in chat templates */
    SHORT_BYTES = 160,  /* a chat line */
};

/* The features: name, weight on the logit of difficulty.  Hand-set from the demands of issue 2 and
 * looked at on data/routing (bench/route-fit prints how they do); the learnt part is in weights.c.
 */
#define FEATURES(F)                                                                                \
    F(PROOF, "proof", 2.6)      /* prove, theorem, induction */                                    \
    F(CODE, "code", 1.7)        /* a language's name, a fence, a word of the trade */              \
    F(MATHS, "maths", 1.5)      /* integral, matrix, probability */                                \
    F(REASON, "reasoning", 1.3) /* step by step, analyse, compare, trade-offs */                   \
    F(EXPERT, "expert", 1.2)    /* law, medicine, finance in their own words */                    \
    F(WRITE, "writing", 0.8)    /* essay, report, in detail */                                     \
    F(LONG, "long", 1.0)        /* times log2 of its length over LONG_BYTES, at most LONG_MAX */   \
    F(TOOLS, "tools", 1.2)      /* the turn brings tools */                                        \
    F(SCHEMA, "schema", 0.4)    /* an answer by schema */                                          \
    F(SIGHT, "images", 1.0)     /* images, audio, files */                                         \
    F(TURNS, "many turns", 0.5) /* a conversation of more than TURNS_MANY messages */              \
    F(NUMBERS, "numbers", 0.5)  /* more than one byte in twelve is a digit */                      \
    F(LEARNT, "resembles hard ones", 0.6) /* the learnt part said more than this; not a weight */  \
    F(CHAT, "chat", -1.2)                 /* greetings, thanks, a joke, in a short line */
enum {
#define FEATURE_ENUM(name, text, weight) FEATURE_##name,
    FEATURES(FEATURE_ENUM)
#undef FEATURE_ENUM
        FEATURE_COUNT
};
static const struct {
    const char *text;
    double weight;
} features[FEATURE_COUNT] = {
#define FEATURE_ROW(name, text, weight) {text, weight},
    FEATURES(FEATURE_ROW)
#undef FEATURE_ROW
};
static const double base_logit = -2.3; /* of a line without any feature */
static const double long_max = 2.5;
/* Difficulty runs from 0.05 to 0.85: nothing is so easy that quality stops mattering, nothing so
 * hard that the best place (0.95) would not get most of it right. */
static const double difficulty_low = 0.05, difficulty_span = 0.8;
/* How much the learnt weights may say, per standard deviation of their score, in a text of at least
 * LEARNT_BYTES; shorter ones get their share.  They were fitted on exam questions and tasks, not on
 * chat. */
static const double learnt_weight = 1.5, learnt_max = 2.5;
enum { LONG_BYTES = 600, LEARNT_BYTES = 200, TURNS_MANY = 12 };

static const struct {
    const char *words; /* lower case, separated by blanks */
    unsigned feature;
} cues[] = {
    {"prove proof theorem lemma corollary induction contradiction irrational qed axiom axioms "
     "derive derivation rigorously rigorous",
     FEATURE_PROOF},
    {"code python java javascript typescript rust golang sql regex compile compiler refactor "
     "debug segfault stacktrace traceback algorithm implement implementation async mutex thread "
     "threads deadlock docker kubernetes backend frontend html css bash script api json yaml "
     "unittest codebase repository commit pointer malloc struct boolean recursion recursive "
     "dataframe pandas numpy tensorflow pytorch c++ c# haskell kotlin scala perl php ruby "
     "makefile git def const void println printf",
     FEATURE_CODE},
    {"integral integrate derivative differentiate matrix matrices eigenvalue eigenvalues equation "
     "equations polynomial probability calculus algebra algebraic topology homomorphism isomorphic "
     "abelian vector vectors logarithm trigonometric sine cosine variance regression bayesian "
     "permutation permutations combinatorics modulo divisible converge converges convergence "
     "hypotenuse quadratic factorial coefficients",
     FEATURE_MATHS},
    {"analyze analyse analysis compare contrast evaluate critique tradeoffs trade-offs tradeoff "
     "trade-off strategy architecture optimize optimise justify reasoning infer deduce logically "
     "implications hypothesis puzzle riddle clues",
     FEATURE_REASON},
    {"plaintiff defendant statute liability jurisdiction tort diagnosis prognosis clinical dosage "
     "pathology etiology pharmacology arbitrage depreciation amortization macroeconomic elasticity "
     "fiduciary thermodynamics entropy stoichiometry enthalpy quantum electromagnetic genome "
     "mitochondrial phylogenetic epistemology jurisprudence",
     FEATURE_EXPERT},
    {"essay report thesis whitepaper dissertation chapter thorough thoroughly comprehensive "
     "detailed "
     "in-depth proposal manuscript",
     FEATURE_WRITE},
    {"hi hello hey thanks thank joke bye goodbye morning night ok okay please", FEATURE_CHAT},
};

/* Cue words by hash, filled before main.  A slot holds its feature + 1; two words of one hash are
 * told apart by keeping all 32 bits. */
enum { CUE_SLOTS = 1024 };
static struct {
    uint32_t hash;
    uint8_t feature; /* + 1; 0: empty */
} cue_slots[CUE_SLOTS];

static void cue_add(uint32_t hash, unsigned feature)
{
    size_t at = hash % CUE_SLOTS;

    while (cue_slots[at].feature)
        at = (at + 1) % CUE_SLOTS;
    cue_slots[at].hash = hash;
    cue_slots[at].feature = (uint8_t)(feature + 1);
}

__attribute__((constructor)) static void cues_fill(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cues); i++) {
        uint32_t hash = WORD_HASH_START;
        for (const char *c = cues[i].words;; c++) {
            if (*c != ' ' && *c != '\0') {
                hash = word_hash(hash, (unsigned char)*c);
                continue;
            }
            cue_add(hash, cues[i].feature);
            hash = WORD_HASH_START;
            if (*c == '\0')
                break;
        }
    }
}

static void cue_see(void *owner, uint32_t hash)
{
    uint32_t *seen = owner;
    size_t at = hash % CUE_SLOTS;

    for (; cue_slots[at].feature; at = (at + 1) % CUE_SLOTS)
        if (cue_slots[at].hash == hash)
            *seen |= 1u << (cue_slots[at].feature - 1);
}

static bool has(struct slice text, const char *needle)
{
    return memmem(text.p, text.len, needle, strlen(needle)) != NULL;
}

static bool has_phrase(struct slice text) /* without first letters, which may be capitals */
{
    return has(text, "tep by step") || has(text, "tep-by-step") || has(text, "xplain why");
}

static uint32_t window_features(struct slice text, double *learnt)
{
    uint32_t seen = 0;
    size_t digits = 0;

    *learnt += weights_score(text, cue_see, &seen);
    if (has(text, "```") || has(text, "();") || has(text, "#include"))
        seen |= 1u << FEATURE_CODE;
    if (has_phrase(text))
        seen |= 1u << FEATURE_REASON;
    for (size_t i = 0; i < text.len; i++)
        digits += (unsigned char)(text.p[i] - '0') < 10;
    if (text.len >= 40 && digits * 12 > text.len)
        seen |= 1u << FEATURE_NUMBERS;
    return seen;
}

static double features_logit(uint32_t seen, size_t bytes)
{
    double logit = base_logit;

    for (unsigned i = 0; i < FEATURE_COUNT; i++)
        if (seen & 1u << i && i != FEATURE_LONG && i != FEATURE_LEARNT)
            logit += features[i].weight;
    if (seen & 1u << FEATURE_LONG)
        logit += features[FEATURE_LONG].weight * fmin(long_max, log2((double)bytes / LONG_BYTES));
    return logit;
}

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

/* bytes: of the whole turn; text: what the user asked. */
static double difficulty_of(struct slice text, size_t bytes, double given, uint32_t *seen)
{
    double learnt = 0, share = fmin(1, (double)text.len / LEARNT_BYTES), logit;
    size_t window = text.len < TRAITS_WINDOW ? text.len : TRAITS_WINDOW;
    size_t rest = text.len - window < TRAITS_WINDOW ? text.len - window : TRAITS_WINDOW;

    if (text.len > 0)
        *seen |= window_features((struct slice){text.p, window}, &learnt);
    if (rest > 0) {
        *seen |= window_features((struct slice){text.p + text.len - rest, rest}, &learnt);
        learnt /= 2;
    }
    if (!isnan(given))
        learnt = given;
    if (bytes > LONG_BYTES)
        *seen |= 1u << FEATURE_LONG;
    if (bytes > SHORT_BYTES || *seen & ~(1u << FEATURE_CHAT))
        *seen &= ~(1u << FEATURE_CHAT);
    learnt = learnt_weight * share * fmax(-learnt_max, fmin(learnt_max, learnt));
    logit = features_logit(*seen, bytes) + learnt;
    if (learnt > features[FEATURE_LEARNT].weight)
        *seen |= 1u << FEATURE_LEARNT;
    return difficulty_low + difficulty_span * logistic(logit);
}

double traits_difficulty(struct slice text, double learnt, uint32_t *ret_features)
{
    uint32_t seen = 0;
    double d = difficulty_of(text, text.len, learnt, &seen);

    if (ret_features)
        *ret_features = seen;
    return d;
}

/* The longest text part of the last user message: no copy is needed then. */
static struct slice last_question(const struct turn *turn)
{
    struct slice best = {NULL, 0};

    for (size_t i = turn->n_messages; i-- > 0;) {
        const struct message *m = &turn->messages[i];
        if (m->role != ROLE_USER)
            continue;
        for (size_t j = 0; j < m->n_parts; j++)
            if (m->parts[j].kind == PART_TEXT && m->parts[j].text.len > best.len)
                best = m->parts[j].text;
        break;
    }
    return best;
}

static bool count_text(void *owner, struct slice text)
{
    struct traits *t = owner;

    if (!slice_starts(text, SLICE("data:"))) /* a picture in an address: see count_parts */
        t->text_bytes += text.len;
    return true;
}

/* Bytes of the long strings inside an audio or file part: its data, which are no tokens of text. */
static size_t data_bytes(yyjson_val *raw, unsigned depth)
{
    enum { LONG_STRING = 256, DEPTH_MAX = 3 };
    size_t i, n, sum = 0;
    yyjson_val *key, *val;

    if (yyjson_is_str(raw) && yyjson_get_len(raw) >= LONG_STRING)
        return slice_starts(json_str(raw), SLICE("data:")) ? 0 : yyjson_get_len(raw);
    if (yyjson_is_obj(raw) && depth < DEPTH_MAX) {
        yyjson_obj_foreach(raw, i, n, key, val)
        {
            sum += data_bytes(val, depth + 1);
        }
    }
    return sum;
}

static void count_part(struct traits *t, const struct part *part)
{
    size_t data;

    if (part->kind == PART_OTHER && yyjson_is_uint(yyjson_arr_get_first(part->raw)))
        t->tokens_in += yyjson_arr_size(part->raw); /* an input that is token numbers */
    if (slice_starts(part->url, SLICE("data:")))
        t->body_bytes += part->url.len;
    if (part->kind == PART_IMAGE || part->kind == PART_AUDIO || part->kind == PART_FILE)
        t->tokens_in += TRAITS_IMAGE_TOKENS;
    if (part->kind != PART_AUDIO && part->kind != PART_FILE)
        return;
    data = data_bytes(part->raw, 0);
    data = data < t->text_bytes ? data : t->text_bytes;
    t->text_bytes -= data;
    t->body_bytes += data;
}

static void count_parts(struct traits *t, const struct turn *turn)
{
    for (size_t i = 0; i < turn->n_messages; i++) {
        const struct message *m = &turn->messages[i];
        t->tokens_in += MESSAGE_TOKENS;
        for (size_t j = 0; j < m->n_parts; j++)
            count_part(t, &m->parts[j]);
    }
}

void traits_read(struct traits *ret, const struct turn *turn)
{
    enum { BODY_OVERHEAD = 256 }; /* JSON around the text; guess */
    uint32_t seen = 0;

    *ret = (struct traits){.needs = turn_needs(turn)};
    turn_each_text(turn, count_text, ret);
    count_parts(ret, turn);
    ret->tokens_in += (ret->text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
    ret->body_bytes += ret->text_bytes + BODY_OVERHEAD;
    if (turn->verb == VERB_CHAT || turn->verb == VERB_COMPLETE)
        ret->tokens_out = turn->max_tokens ? turn->max_tokens : TOKENS_OUT_PRIOR;
    if (ret->needs & CAN_TOOLS)
        seen |= 1u << FEATURE_TOOLS;
    if (ret->needs & CAN_SCHEMA)
        seen |= 1u << FEATURE_SCHEMA;
    if (ret->needs & (CAN_IMAGES | CAN_AUDIO | CAN_FILES))
        seen |= 1u << FEATURE_SIGHT;
    if (turn->n_messages > TURNS_MANY)
        seen |= 1u << FEATURE_TURNS;
    ret->difficulty = difficulty_of(last_question(turn), ret->text_bytes, NAN, &seen);
    ret->features = seen;
}

void traits_words(char text[static TRAITS_WORDS_BYTES], const struct traits *traits)
{
    uint32_t left = traits->features;
    size_t len = 0;

    text[0] = '\0';
    for (;;) {
        int best = -1;
        for (int i = 0; i < FEATURE_COUNT; i++)
            if (left & 1u << i && features[i].weight > 0 &&
                (best < 0 || features[i].weight > features[best].weight))
                best = i;
        if (best < 0)
            return;
        left &= ~(1u << best);
        if (len + strlen(features[best].text) + 3 > TRAITS_WORDS_BYTES)
            return;
        len += (size_t)sprintf(text + len, "%s%s", len ? ", " : "", features[best].text);
    }
}
