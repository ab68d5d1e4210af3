#include "label/checksum.h"
#include <pthread.h>

/* Most national numbers are one weighted sum: of the first digits, modulo something, compared with
 * the next digit.  What differs is a row here. */
enum weigh {
    W_ZERO,    /* the sum over all digits, the check included, leaves no rest */
    W_REST,    /* the rest is the check digit */
    W_MISSING, /* what is missing to the modulus is */
};
struct weighted {
    const char *name;
    short weight[15];
    unsigned char n;   /* digits weighed */
    unsigned char all; /* digits in the number */
    unsigned char mod;
    enum weigh how;
    short ten, eleven; /* what a rest of 10 and 11 is written as; -1: no such number */
    unsigned char at;  /* where the check digit stands */
};

/* clang-format off */
static const struct weighted weighted[] = {
    /* UK NHS number: NHS Data Dictionary, "NHS NUMBER" */
    {"gb_nhs", {10, 9, 8, 7, 6, 5, 4, 3, 2}, 9, 10, 11, W_MISSING, -1, 0, 9},
    /* NL burgerservicenummer: the "elfproef", Logisch ontwerp BSN */
    {"nl_bsn", {9, 8, 7, 6, 5, 4, 3, 2, -1}, 9, 9, 11, W_ZERO, -1, -1, 8},
    /* PT NIF: Portaria 8/2000, modulo 11 */
    {"pt_nif", {9, 8, 7, 6, 5, 4, 3, 2}, 8, 9, 11, W_MISSING, 0, 0, 8},
    /* PL PESEL: Dz.U. 2010 nr 217 */
    {"pl_pesel", {1, 3, 7, 9, 1, 3, 7, 9, 1, 3}, 10, 11, 10, W_MISSING, 0, -1, 10},
    /* PL NIP */
    {"pl_nip", {6, 5, 7, 2, 3, 4, 5, 6, 7}, 9, 10, 11, W_REST, -1, -1, 9},
    /* HU tax identifier and social security number (TAJ): act XX of 1996 */
    {"hu_tax", {1, 2, 3, 4, 5, 6, 7, 8, 9}, 9, 10, 11, W_REST, -1, -1, 9},
    {"hu_taj", {3, 7, 3, 7, 3, 7, 3, 7}, 8, 9, 10, W_REST, -1, -1, 8},
    /* RO CNP: Legea 105/1996 */
    {"ro_cnp", {2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9}, 12, 13, 11, W_REST, 1, -1, 12},
    /* BG EGN: GRAO */
    {"bg_egn", {2, 4, 8, 5, 10, 9, 7, 3, 6}, 9, 10, 11, W_REST, 0, -1, 9},
    /* SI EMSO and the other numbers of former Yugoslavia (JMBG) */
    {"si_emso", {7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2}, 12, 13, 11, W_MISSING, -1, 0, 12},
    /* AT social insurance number: Hauptverband; the check is the fourth digit */
    {"at_svnr", {3, 7, 9, 0, 5, 8, 4, 2, 1, 6}, 10, 10, 11, W_REST, -1, -1, 3},
    /* AR CUIT/CUIL: AFIP */
    {"ar_cuit", {5, 4, 3, 2, 7, 6, 5, 4, 3, 2}, 10, 11, 11, W_MISSING, 9, 0, 10},
    /* PE RUC: SUNAT */
    {"pe_ruc", {5, 4, 3, 2, 7, 6, 5, 4, 3, 2}, 10, 11, 11, W_MISSING, 0, 1, 10},
    /* UY cedula de identidad: DNIC */
    {"uy_ci", {2, 9, 8, 7, 6, 3, 4}, 7, 8, 10, W_MISSING, 0, -1, 7},
    /* AU tax file number and Medicare card: ATO; Services Australia */
    {"au_tfn", {1, 4, 3, 7, 5, 8, 6, 9, 10}, 9, 9, 11, W_ZERO, -1, -1, 8},
    {"au_medicare", {1, 3, 7, 9, 1, 3, 7, 9}, 8, 10, 10, W_REST, -1, -1, 8},
    /* KR resident registration number */
    {"kr_rrn", {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5}, 12, 13, 11, W_MISSING, 0, 1, 12},
    /* JP individual number: ministerial ordinance 85 of 2014, article 5 */
    {"jp_my_number", {6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2}, 11, 12, 11, W_MISSING, 0, 0, 11},
    /* TH citizen number */
    {"th_id", {13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2}, 12, 13, 11, W_MISSING, 0, 1, 12},
    /* UA taxpayer number (RNOKPP): order of the State Tax Service */
    {"ua_tax", {-1, 5, 7, 9, 4, 6, 10, 5, 7}, 9, 10, 11, W_REST, 0, -1, 9},
    /* IS kennitala: Registers Iceland */
    {"is_kennitala", {3, 2, 7, 6, 5, 4, 3, 2}, 8, 10, 11, W_MISSING, -1, 0, 8},
    /* US bank routing number: ABA policy, "Key to Routing Numbers" */
    {"us_aba", {3, 7, 1, 3, 7, 1, 3, 7, 1}, 9, 9, 10, W_ZERO, -1, -1, 8},
    /* CH AHV number: EAN-13 over 756..., eCH-0084 */
    {"ch_ahv", {1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3}, 12, 13, 10, W_MISSING, 0, -1, 12},
};
/* clang-format on */

static bool weighted_ok(const struct weighted *w, const struct compact *c)
{
    int sum = 0, rest;

    if (c->n_digits != w->all)
        return false;
    for (size_t i = 0; i < w->n; i++)
        sum += w->weight[i] * c->digit[i];
    rest = (sum % w->mod + w->mod) % w->mod;
    if (w->how == W_ZERO)
        return rest == 0;
    if (w->how == W_MISSING)
        rest = w->mod - rest;
    if (rest == 10)
        rest = w->ten;
    else if (rest == 11)
        rest = w->eleven;
    return rest == c->digit[w->at];
}

bool compact(struct compact *ret, struct slice match)
{
    ret->n = ret->n_digits = 0;
    for (size_t i = 0; i < match.len; i++) {
        char ch = match.p[i];
        if (ch >= 'a' && ch <= 'z')
            ch = (char)(ch - 'a' + 'A');
        bool digit = ch >= '0' && ch <= '9';
        if (!digit && !(ch >= 'A' && ch <= 'Z'))
            continue;
        if (ret->n == CHECKSUM_MAX)
            return false;
        ret->text[ret->n++] = ch;
        if (digit)
            ret->digit[ret->n_digits++] = (unsigned char)(ch - '0');
    }
    ret->text[ret->n] = '\0';
    return true;
}

bool luhn_ok(const unsigned char *digit, size_t n)
{
    unsigned sum = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned d = digit[n - 1 - i];
        sum += i % 2 ? d * 2 - (d > 4 ? 9 : 0) : d;
    }
    return n > 0 && sum % 10 == 0;
}

bool date_ok(unsigned year, unsigned month, unsigned day)
{
    static const unsigned char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    if (month < 1 || month > 12 || day < 1 || day > days[month - 1])
        return false;
    return month != 2 || day < 29 || leap;
}

bool all_digits_same(const unsigned char *digit, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (digit[i] != digit[0])
            return false;
    return true;
}

unsigned digits_value(const unsigned char *digit, size_t n)
{
    unsigned value = 0;

    for (size_t i = 0; i < n; i++)
        value = value * 10 + digit[i];
    return value;
}

/* A check is a row of one of the tables; which one, the handle tells by its address. */
struct checksum {
    const struct weighted *weighted;
    checksum_fn *ok;
};

enum { CHECKSUMS_MAX = 128 };

static const struct checksum *row_at(size_t i, const struct weighted *w, checksum_fn *ok)
{
    static struct checksum all[CHECKSUMS_MAX];
    static pthread_mutex_t filling = PTHREAD_MUTEX_INITIALIZER; /* the loop and the worker meet */

    pthread_mutex_lock(&filling);
    if (!all[i].weighted && !all[i].ok)
        all[i] = (struct checksum){w, ok};
    pthread_mutex_unlock(&filling);
    return &all[i];
}

const struct checksum *checksum_find(struct slice name)
{
    const struct checksum_row *const tables[] = {checksum_things, checksum_people};
    size_t at = 0;

    for (size_t i = 0; i < ARRAY_LEN(weighted); i++, at++)
        if (slice_is(name, weighted[i].name))
            return row_at(at, &weighted[i], NULL);
    for (size_t t = 0; t < ARRAY_LEN(tables); t++)
        for (const struct checksum_row *row = tables[t]; row->name; row++, at++)
            if (slice_is(name, row->name) && at < CHECKSUMS_MAX)
                return row_at(at, NULL, row->ok);
    return NULL;
}

bool checksum_ok(const struct checksum *check, struct slice match)
{
    struct compact c = {.n = 0};

    if (check->weighted)
        return compact(&c, match) && weighted_ok(check->weighted, &c);
    if (!compact(&c, match))
        c.n = c.n_digits = 0, c.text[0] = '\0'; /* long ones are read from the match itself */
    return check->ok(&c, match);
}
