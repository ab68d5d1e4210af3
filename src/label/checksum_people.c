/* National numbers whose check is more than one weighted sum (those are rows in checksum.c). */
#include "label/checksum.h"
#include <string.h>

/* ISO/IEC 7064 MOD 11,10: DE tax identification number, HR OIB. */
static bool mod_11_10(const unsigned char *d, size_t n)
{
    unsigned product = 10;

    for (size_t i = 0; i + 1 < n; i++) {
        unsigned sum = (d[i] + product) % 10;
        product = (sum ? sum : 10) * 2 % 11;
    }
    return (11 - product) % 10 == d[n - 1];
}

/* BZSt: eleven digits, the first no zero; of the first ten exactly one stands two or three times.
 */
static bool de_tax(const struct compact *c, struct slice match)
{
    unsigned count[10] = {0}, repeated = 0;

    if (c->n_digits != 11 || c->digit[0] == 0)
        return false;
    for (size_t i = 0; i < 10; i++)
        count[c->digit[i]]++;
    for (size_t i = 0; i < 10; i++) {
        if (count[i] > 3)
            return false;
        repeated += count[i] > 1;
    }
    return repeated == 1 && mod_11_10(c->digit, 11);
}

static bool hr_oib(const struct compact *c, struct slice match)
{
    return c->n_digits == 11 && mod_11_10(c->digit, 11);
}

/* SSA: no area 000, 666 or 9xx, no group 00, no serial 0000. */
static bool us_ssn(const struct compact *c, struct slice match)
{
    unsigned area = digits_value(c->digit, 3);

    return c->n_digits == 9 && area != 0 && area != 666 && area < 900 &&
           digits_value(c->digit + 3, 2) != 0 && digits_value(c->digit + 5, 4) != 0;
}

/* IRS: 9xx, and a group of 50 to 65, 70 to 88, 90 to 92 or 94 to 99. */
static bool us_itin(const struct compact *c, struct slice match)
{
    unsigned group = digits_value(c->digit + 3, 2);

    return c->n_digits == 9 && c->digit[0] == 9 && group >= 50 && group != 89 && group != 93 &&
           (group <= 65 || group >= 70);
}

/* CMS: Luhn with 80840 before it. */
static bool us_npi(const struct compact *c, struct slice match)
{
    unsigned char d[15] = {8, 0, 8, 4, 0};

    if (c->n_digits != 10 || (c->digit[0] != 1 && c->digit[0] != 2))
        return false;
    memcpy(d + 5, c->digit, 10);
    return luhn_ok(d, 15);
}

/* DEA: (d1 + d3 + d5) + 2 (d2 + d4 + d6) ends in d7. */
static bool us_dea(const struct compact *c, struct slice match)
{
    const unsigned char *d = c->digit;

    return c->n_digits == 7 && c->n == 9 &&
           (unsigned)(d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5])) % 10 == d[6];
}

/* HMRC, NIM39110: letters that are not issued. */
static bool gb_nino(const struct compact *c, struct slice match)
{
    static const char *const never[] = {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"};

    if (c->n != 9 || strchr("DFIQUV", c->text[0]) || strchr("DFIQUVO", c->text[1]))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        if (memcmp(c->text, never[i], 2) == 0)
            return false;
    return true;
}

/* INSEE: the key is 97 less the number modulo 97; Corsica's 2A and 2B count as 19 and 18. */
static bool fr_nir(const struct compact *c, struct slice match)
{
    uint64_t number = 0;

    if (c->n != 15)
        return false;
    for (size_t i = 0; i < 13; i++) {
        char ch = c->text[i];
        if (i == 6 && (ch == 'A' || ch == 'B') && c->text[5] == '2') {
            number = (number - 2) / 10 * 100 + (ch == 'A' ? 19 : 18);
            continue;
        }
        if (ch < '0' || ch > '9')
            return false;
        number = number * 10 + (unsigned)(ch - '0');
    }
    unsigned key = (unsigned)(c->text[13] - '0') * 10 + (unsigned)(c->text[14] - '0');
    unsigned month = (unsigned)(c->text[3] - '0') * 10 + (unsigned)(c->text[4] - '0');
    return (month >= 1 && month <= 12) || month >= 20 ? 97 - number % 97 == key : false;
}

/* Ministerio del Interior: the letter is number modulo 23; X, Y, Z of foreigners count as 0, 1, 2.
 */
static bool es_dni(const struct compact *c, struct slice match)
{
    static const char letters[] = "TRWAGMYFPDXBNJZSQVHLCKE", foreigners[] = "XYZ";
    unsigned number = 0;

    if (c->n != 9)
        return false;
    for (size_t i = 0; i < 8; i++) {
        const char *foreign = i == 0 ? strchr(foreigners, c->text[0]) : NULL;
        if (!foreign && (c->text[i] < '0' || c->text[i] > '9'))
            return false;
        number = number * 10 + (unsigned)(foreign ? foreign - foreigners : c->text[i] - '0');
    }
    return letters[number % 23] == c->text[8];
}

/* Decreto 23 dicembre 1976: values of the characters at odd places, and a letter modulo 26. */
static bool it_fiscal(const struct compact *c, struct slice match)
{
    static const unsigned char odd[] = {1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
                                        20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
    unsigned sum = 0;

    if (c->n != 16)
        return false;
    for (size_t i = 0; i < 15; i++) {
        char ch = c->text[i];
        unsigned value = ch <= '9' ? (unsigned)(ch - '0') : (unsigned)(ch - 'A');
        sum += i % 2 == 0 ? odd[value] : value;
    }
    return (char)('A' + sum % 26) == c->text[15];
}

/* Rijksregister: 97 less the first nine digits modulo 97; with a 2 before them for those born since
 * 2000. */
static bool be_national(const struct compact *c, struct slice match)
{
    if (c->n_digits != 11)
        return false;
    uint64_t number = digits_value(c->digit, 9);
    unsigned key = digits_value(c->digit + 9, 2);
    return 97 - number % 97 == key || 97 - (2000000000u + number) % 97 == key;
}

/* yymmdd at d; the century is not told. */
static bool short_date_ok(const unsigned char *d)
{
    return date_ok(2000 + digits_value(d, 2), digits_value(d + 2, 2), digits_value(d + 4, 2));
}

static bool day_first_date_ok(const unsigned char *d)
{
    return date_ok(2000 + digits_value(d + 4, 2), digits_value(d + 2, 2), digits_value(d, 2));
}

/* Skatteverket SKV 704: Luhn over the last ten; 60 is added to the day of a coordination number. */
static bool se_personal(const struct compact *c, struct slice match)
{
    if (c->n_digits != 10 && c->n_digits != 12)
        return false;
    const unsigned char *d = c->digit + c->n_digits - 10;
    unsigned day = digits_value(d + 4, 2);
    return date_ok(2000, digits_value(d + 2, 2), day > 60 ? day - 60 : day) && luhn_ok(d, 10);
}

/* Digital and Population Data Services Agency: the character is the nine digits modulo 31. */
static bool fi_hetu(const struct compact *c, struct slice match)
{
    static const char marks[] = "0123456789ABCDEFHJKLMNPRSTUVWXY";
    unsigned char d[9];
    size_t n = 0;

    for (size_t i = 0; i + 1 < match.len && n < 9; i++)
        if (match.p[i] >= '0' && match.p[i] <= '9')
            d[n++] = (unsigned char)(match.p[i] - '0');
    char last = match.len ? match.p[match.len - 1] : '\0';
    if (last >= 'a' && last <= 'z')
        last = (char)(last - 'a' + 'A');
    return n == 9 && day_first_date_ok(d) && marks[digits_value(d, 9) % 31] == last;
}

/* CPR: its old modulus no longer holds for all since 2007, so only the date is checked. */
static bool dk_cpr(const struct compact *c, struct slice match)
{
    return c->n_digits == 10 && day_first_date_ok(c->digit);
}

/* Skatteetaten: two checks. */
static bool no_birth(const struct compact *c, struct slice match)
{
    static const unsigned char w1[] = {3, 7, 6, 1, 8, 9, 4, 5, 2},
                               w2[] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
    unsigned s1 = 0, s2 = 0;

    if (c->n_digits != 11)
        return false;
    for (size_t i = 0; i < 9; i++)
        s1 += w1[i] * c->digit[i];
    for (size_t i = 0; i < 10; i++)
        s2 += w2[i] * c->digit[i];
    return (11 - s1 % 11) % 11 == c->digit[9] && (11 - s2 % 11) % 11 == c->digit[10];
}

/* Act 133/2000: divisible by eleven; 50 is added to a woman's month, 20 when a day's numbers ran
 * out. */
static bool cz_birth(const struct compact *c, struct slice match)
{
    unsigned month = digits_value(c->digit + 2, 2) % 50, day = digits_value(c->digit + 4, 2);

    if (c->n_digits != 10 || digits_value(c->digit + 2, 2) > 82)
        return false;
    if (month > 20)
        month -= 20;
    unsigned first = digits_value(c->digit, 9) % 11;
    return date_ok(2000, month, day) && first % 10 == c->digit[9];
}

/* IDIKA: a date of birth and Luhn. */
static bool gr_amka(const struct compact *c, struct slice match)
{
    return c->n_digits == 11 && day_first_date_ok(c->digit) && luhn_ok(c->digit, 11);
}

/* EE isikukood, LT asmens kodas: a second row of weights where the first leaves 10. */
static bool baltic(const struct compact *c, struct slice match)
{
    unsigned s1 = 0, s2 = 0;

    if (c->n_digits != 11 || c->digit[0] < 1 || c->digit[0] > 8)
        return false;
    for (unsigned i = 0; i < 10; i++) {
        s1 += (i % 9 + 1) * c->digit[i];
        s2 += ((i + 2) % 9 + 1) * c->digit[i];
    }
    unsigned rest = s1 % 11 < 10 ? s1 % 11 : s2 % 11 % 10;
    return rest == c->digit[10] &&
           date_ok(2000, digits_value(c->digit + 3, 2), digits_value(c->digit + 5, 2));
}

/* PMLP: of numbers given before 2017, which begin with the date. */
static bool lv_personal(const struct compact *c, struct slice match)
{
    static const unsigned char w[] = {1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    unsigned sum = 0;

    if (c->n_digits != 11)
        return false;
    if (c->digit[0] == 3 && c->digit[1] == 2)
        return true; /* the new ones carry no check */
    for (size_t i = 0; i < 10; i++)
        sum += w[i] * c->digit[i];
    return day_first_date_ok(c->digit) && (1101 - sum) % 11 % 10 == c->digit[10];
}

/* Revenue: modulo 23 to a letter; a second letter counts nine times. */
static bool ie_pps(const struct compact *c, struct slice match)
{
    unsigned sum = 0;

    if (c->n_digits != 7 || (c->n != 8 && c->n != 9))
        return false;
    for (unsigned i = 0; i < 7; i++)
        sum += (8 - i) * c->digit[i];
    if (c->n == 9 && c->text[8] != 'W')
        sum += 9 * (unsigned)(c->text[8] - 'A' + 1);
    return (sum % 23 ? (char)('A' + sum % 23 - 1) : 'W') == c->text[7];
}

/* Nufus: (7 x odd places - even places) ends in the tenth, the sum of all in the last digit. */
static bool tr_id(const struct compact *c, struct slice match)
{
    const unsigned char *d = c->digit;
    int sum = 0;

    if (c->n_digits != 11 || d[0] == 0)
        return false;
    for (size_t i = 0; i < 10; i++)
        sum += d[i];
    int tenth = (7 * (d[0] + d[2] + d[4] + d[6] + d[8]) - (d[1] + d[3] + d[5] + d[7])) % 10;
    return (tenth + 10) % 10 == d[9] && sum % 10 == d[10];
}

/* Receita Federal: two digits, each eleven less the weighted sum of all before it (10 and 11 are
 * 0). wrap: weights begin again at 2 after this one. */
static bool br_pair(const unsigned char *d, size_t n, unsigned wrap)
{
    for (size_t at = n - 2; at < n; at++) {
        unsigned sum = 0, weight = 2;
        for (size_t i = at; i-- > 0;) {
            sum += weight * d[i];
            weight = weight == wrap ? 2 : weight + 1;
        }
        if ((sum % 11 < 2 ? 0 : 11 - sum % 11) != d[at])
            return false;
    }
    return !all_digits_same(d, n);
}

static bool br_cpf(const struct compact *c, struct slice match)
{
    return c->n_digits == 11 && br_pair(c->digit, 11, 99);
}

static bool br_cnpj(const struct compact *c, struct slice match)
{
    return c->n_digits == 14 && br_pair(c->digit, 14, 9);
}

/* Servicio de Registro Civil: modulo 11 with weights 2 to 7; K for ten. */
static bool cl_rut(const struct compact *c, struct slice match)
{
    unsigned sum = 0, weight = 2;

    if (c->n < 8 || c->n > 9)
        return false;
    for (size_t i = c->n - 1; i-- > 0; weight = weight == 7 ? 2 : weight + 1) {
        if (c->text[i] > '9')
            return false;
        sum += weight * (unsigned)(c->text[i] - '0');
    }
    unsigned rest = 11 - sum % 11;
    return c->text[c->n - 1] == (rest == 11 ? '0' : rest == 10 ? 'K' : (char)('0' + rest));
}

/* RENAPO: values 0 to 9, A to N, then (the letter with a tilde) one left out, times 18 to 2. */
static bool mx_curp(const struct compact *c, struct slice match)
{
    unsigned sum = 0;

    if (c->n != 18)
        return false;
    for (unsigned i = 0; i < 17; i++) {
        char ch = c->text[i];
        unsigned value = ch <= '9' ? (unsigned)(ch - '0') : 10 + (unsigned)(ch - 'A') + (ch > 'N');
        sum += value * (18 - i);
    }
    return (10 - sum % 10) % 10 == (unsigned)(c->text[17] - '0');
}

/* DIAN: primes from the right. */
static bool co_nit(const struct compact *c, struct slice match)
{
    static const unsigned char w[] = {3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71};
    unsigned sum = 0;

    if (c->n_digits < 9 || c->n_digits > 11)
        return false;
    for (size_t i = 0; i + 1 < c->n_digits; i++)
        sum += w[i] * c->digit[c->n_digits - 2 - i];
    unsigned rest = sum % 11;
    return (rest < 2 ? rest : 11 - rest) == c->digit[c->n_digits - 1];
}

/* Registro Civil: province, a third digit under 6, Luhn. */
static bool ec_cedula(const struct compact *c, struct slice match)
{
    unsigned province = digits_value(c->digit, 2);

    return c->n_digits == 10 && ((province >= 1 && province <= 24) || province == 30) &&
           c->digit[2] < 6 && luhn_ok(c->digit, 10);
}

static bool do_cedula(const struct compact *c, struct slice match)
{
    return c->n_digits == 11 && luhn_ok(c->digit, 11);
}

/* CRA: Luhn; 0 and 8 do not begin a person's. */
static bool ca_sin(const struct compact *c, struct slice match)
{
    return c->n_digits == 9 && c->digit[0] != 0 && c->digit[0] != 8 && luhn_ok(c->digit, 9);
}

/* ABR: one less in the first place, then weights to a multiple of 89. */
static bool au_abn(const struct compact *c, struct slice match)
{
    static const unsigned char w[] = {10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19};
    unsigned sum = 0;

    if (c->n_digits != 11 || c->digit[0] == 0)
        return false;
    for (size_t i = 0; i < 11; i++)
        sum += w[i] * (c->digit[i] - (unsigned)(i == 0));
    return sum % 89 == 0;
}

/* Inland Revenue, "IRD number validation": a second row of weights where the first gives 10. */
static bool nz_ird(const struct compact *c, struct slice match)
{
    static const unsigned char w1[] = {3, 2, 7, 6, 5, 4, 3, 2}, w2[] = {7, 4, 3, 2, 5, 2, 7, 6};
    unsigned char d[9] = {0};
    unsigned s1 = 0, s2 = 0;

    if (c->n_digits != 8 && c->n_digits != 9)
        return false;
    memcpy(d + 9 - c->n_digits, c->digit, c->n_digits);
    unsigned number = digits_value(d, 9);
    for (size_t i = 0; i < 8; i++) {
        s1 += w1[i] * d[i];
        s2 += w2[i] * d[i];
    }
    unsigned check = (11 - s1 % 11) % 11;
    if (check == 10)
        check = (11 - s2 % 11) % 11;
    return number >= 10000000 && number <= 150000000 && check == d[8];
}

/* J. Verhoeff, Error detecting decimal codes (1969); UIDAI's Aadhaar. */
static bool verhoeff_ok(const unsigned char *d, size_t n)
{
    static const unsigned char step[10] = {1, 5, 7, 6, 2, 8, 3, 0, 9, 4};
    unsigned check = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned digit = d[n - 1 - i];
        for (size_t k = 0; k < i % 8; k++)
            digit = step[digit];
        /* the product of check and digit in the dihedral group of ten */
        unsigned turn = check < 5 ? (check + digit) % 5 : (check - digit + 10) % 5;
        check = digit < 5 ? (check < 5 ? turn : turn + 5) : (check < 5 ? turn + 5 : turn);
    }
    return check == 0;
}

static bool in_aadhaar(const struct compact *c, struct slice match)
{
    return c->n_digits == 12 && c->digit[0] > 1 && verhoeff_ok(c->digit, 12);
}

/* GB 11643-1999: ISO 7064 MOD 11-2. */
static bool cn_id(const struct compact *c, struct slice match)
{
    static const unsigned char w[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    unsigned sum = 0;

    if (c->n != 18 || c->n_digits < 17)
        return false;
    for (size_t i = 0; i < 17; i++)
        sum += w[i] * c->digit[i];
    return date_ok(digits_value(c->digit + 6, 4), digits_value(c->digit + 10, 2),
                   digits_value(c->digit + 12, 2)) &&
           "10X98765432"[sum % 11] == c->text[17];
}

/* Ministry of the Interior: the letter stands for two digits. */
static bool tw_id(const struct compact *c, struct slice match)
{
    static const unsigned char letter[] = {10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21,
                                           22, 35, 23, 24, 25, 26, 27, 28, 29, 32, 30, 31, 33};

    if (c->n != 10 || c->n_digits != 9)
        return false;
    unsigned code = letter[c->text[0] - 'A'], sum = code / 10 + code % 10 * 9;
    for (unsigned i = 0; i < 8; i++)
        sum += c->digit[i] * (8 - i);
    return (sum + c->digit[8]) % 10 == 0;
}

/* Immigration Department: modulo 11 over letters (A is 10; a missing first one is a space, 36). */
static bool hk_id(const struct compact *c, struct slice match)
{
    unsigned sum = 0, weight = 9;

    if (c->n != 8 && c->n != 9)
        return false;
    if (c->n == 8)
        sum = weight-- * 36;
    for (size_t i = 0; i + 1 < c->n; i++, weight--)
        sum += weight * (c->text[i] <= '9' ? (unsigned)(c->text[i] - '0')
                                           : (unsigned)(c->text[i] - 'A') + 10);
    unsigned rest = (11 - sum % 11) % 11;
    return c->text[c->n - 1] == (rest == 10 ? 'A' : (char)('0' + rest));
}

/* ICA: weights 2 7 6 5 4 3 2; T and G add 4, M adds 3. */
static bool sg_nric(const struct compact *c, struct slice match)
{
    static const unsigned char w[] = {2, 7, 6, 5, 4, 3, 2};
    unsigned sum = 0;

    if (c->n != 9 || c->n_digits != 7)
        return false;
    for (size_t i = 0; i < 7; i++)
        sum += w[i] * c->digit[i];
    char first = c->text[0], last = c->text[8];
    if (first == 'M')
        return "XWUTRQPNJLK"[10 - (sum + 3) % 11] == last || "XWUTRQPNJLK"[(sum + 3) % 11] == last;
    sum += first == 'T' || first == 'G' ? 4 : 0;
    return (first == 'S' || first == 'T' ? "JZIHGFEDCBA" : "XWUTRQPNMLK")[sum % 11] == last;
}

/* Home Affairs: date of birth, Luhn. */
static bool za_id(const struct compact *c, struct slice match)
{
    return c->n_digits == 13 && short_date_ok(c->digit) && luhn_ok(c->digit, 13);
}

/* Population Authority: Luhn over nine, with zeros before shorter ones. */
static bool il_id(const struct compact *c, struct slice match)
{
    return c->n_digits == 9 && luhn_ok(c->digit, 9) && !all_digits_same(c->digit, 9);
}

/* FNS order MMV-7-6/435: ten digits for firms, twelve for people. */
static bool ru_inn(const struct compact *c, struct slice match)
{
    static const unsigned char w[] = {3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8};
    unsigned sum[3] = {0};
    const unsigned char *d = c->digit;

    for (size_t i = 0; i < 11; i++) {
        sum[0] += i < 9 ? w[2 + i] * d[i] : 0;
        sum[1] += i < 10 ? w[1 + i] * d[i] : 0;
        sum[2] += w[i] * d[i];
    }
    if (c->n_digits == 10)
        return sum[0] % 11 % 10 == d[9];
    return c->n_digits == 12 && sum[1] % 11 % 10 == d[10] && sum[2] % 11 % 10 == d[11];
}

/* Pension fund: weights 9 to 1, modulo 101, 100 counts as 0. */
static bool ru_snils(const struct compact *c, struct slice match)
{
    unsigned sum = 0;

    if (c->n_digits != 11)
        return false;
    for (unsigned i = 0; i < 9; i++)
        sum += (9 - i) * c->digit[i];
    return sum % 101 % 100 == digits_value(c->digit + 9, 2);
}

/* IIN: a second row of weights where the first leaves 10. */
static bool kz_iin(const struct compact *c, struct slice match)
{
    unsigned s1 = 0, s2 = 0;

    if (c->n_digits != 12 || !short_date_ok(c->digit))
        return false;
    for (unsigned i = 0; i < 11; i++) {
        s1 += (i + 1) * c->digit[i];
        s2 += ((i + 2) % 11 + 1) * c->digit[i];
    }
    return (s1 % 11 < 10 ? s1 % 11 : s2 % 11) == c->digit[11];
}

/* Matricule: a date of birth, Luhn over twelve digits, Verhoeff over the first eleven and the last.
 */
static bool lu_matricule(const struct compact *c, struct slice match)
{
    unsigned char d[12];

    if (c->n_digits != 13)
        return false;
    memcpy(d, c->digit, 11);
    d[11] = c->digit[12];
    return date_ok(digits_value(c->digit, 4), digits_value(c->digit + 4, 2),
                   digits_value(c->digit + 6, 2)) &&
           luhn_ok(c->digit, 12) && verhoeff_ok(d, 12);
}

/* Six digits of region, then the date of birth, a woman's day with 40 more: Dukcapil. */
static bool id_nik(const struct compact *c, struct slice match)
{
    unsigned day = digits_value(c->digit + 6, 2);

    return c->n_digits == 16 && c->digit[0] != 0 &&
           date_ok(2000 + digits_value(c->digit + 10, 2), digits_value(c->digit + 8, 2),
                   day > 40 ? day - 40 : day);
}

/* JPN: a date of birth, then the place. */
static bool my_kad(const struct compact *c, struct slice match)
{
    return c->n_digits == 12 && short_date_ok(c->digit) && digits_value(c->digit + 6, 2) != 0;
}

const struct checksum_row checksum_people[] = {
    {"de_tax", de_tax},
    {"hr_oib", hr_oib},
    {"us_ssn", us_ssn},
    {"us_itin", us_itin},
    {"us_npi", us_npi},
    {"us_dea", us_dea},
    {"gb_nino", gb_nino},
    {"fr_nir", fr_nir},
    {"es_dni", es_dni},
    {"it_fiscal", it_fiscal},
    {"be_national", be_national},
    {"se_personal", se_personal},
    {"fi_hetu", fi_hetu},
    {"dk_cpr", dk_cpr},
    {"no_birth", no_birth},
    {"cz_birth", cz_birth},
    {"gr_amka", gr_amka},
    {"baltic", baltic},
    {"lv_personal", lv_personal},
    {"ie_pps", ie_pps},
    {"tr_id", tr_id},
    {"br_cpf", br_cpf},
    {"br_cnpj", br_cnpj},
    {"cl_rut", cl_rut},
    {"mx_curp", mx_curp},
    {"co_nit", co_nit},
    {"ec_cedula", ec_cedula},
    {"do_cedula", do_cedula},
    {"ca_sin", ca_sin},
    {"au_abn", au_abn},
    {"nz_ird", nz_ird},
    {"in_aadhaar", in_aadhaar},
    {"cn_id", cn_id},
    {"tw_id", tw_id},
    {"hk_id", hk_id},
    {"sg_nric", sg_nric},
    {"za_id", za_id},
    {"il_id", il_id},
    {"ru_inn", ru_inn},
    {"ru_snils", ru_snils},
    {"kz_iin", kz_iin},
    {"lu_matricule", lu_matricule},
    {"id_nik", id_nik},
    {"my_kad", my_kad},
    {NULL, NULL},
};
