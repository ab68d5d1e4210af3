/* Cards, accounts, purses, vehicles, devices, addresses and secrets. */
#include "label/checksum.h"
#include <arpa/inet.h>
#include <math.h>
#include <sodium.h>
#include <string.h>

/* Issuer ranges as ISO/IEC 7812 registrations are published by the schemes: prefix from..to over so
 * many digits, and the lengths in use (bit n: n digits). */
#define LEN(n) (1u << (n))
enum { LEN_16_19 = LEN(16) | LEN(17) | LEN(18) | LEN(19), LEN_12_19 = 0xff000 };
static const struct issuer {
    unsigned digits, from, to, lengths;
} issuers[] = {
    {1, 4, 4, LEN(13) | LEN(16) | LEN(19)}, /* Visa */
    {2, 51, 55, LEN(16)},                   /* Mastercard */
    {4, 2221, 2720, LEN(16)},               /* Mastercard, since 2017 */
    {4, 2200, 2204, LEN_16_19},             /* Mir */
    {2, 34, 34, LEN(15)},                   /* American Express */
    {2, 37, 37, LEN(15)},
    {4, 6011, 6011, LEN_16_19}, /* Discover */
    {3, 644, 649, LEN_16_19},
    {2, 65, 65, LEN_16_19},             /* and RuPay */
    {3, 300, 305, LEN(14) | LEN_16_19}, /* Diners Club */
    {2, 36, 36, LEN(14) | LEN_16_19},
    {2, 38, 39, LEN(14) | LEN_16_19},
    {2, 35, 35, LEN_16_19},   /* JCB: 3528 to 3589, of which some cards sold lie without */
    {4, 1800, 1800, LEN(15)}, /* JCB's old fifteen digits */
    {4, 2131, 2131, LEN(15)},
    {2, 62, 62, LEN_16_19},     /* UnionPay */
    {2, 81, 82, LEN_16_19},     /* RuPay */
    {4, 5018, 5018, LEN_12_19}, /* Maestro */
    {4, 5020, 5020, LEN_12_19},
    {4, 5038, 5038, LEN_12_19},
    {4, 5893, 5893, LEN_12_19},
    {4, 6304, 6304, LEN_12_19},
    {4, 6759, 6763, LEN_12_19},
    {2, 50, 50, LEN_12_19},
    {2, 56, 58, LEN_12_19},
    {3, 639, 639, LEN_12_19},
    {2, 67, 67, LEN_12_19},
};

static bool card_digits(const unsigned char *digit, size_t n)
{
    if (n < 12 || n > 19 || !luhn_ok(digit, n))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(issuers); i++) {
        unsigned prefix = digits_value(digit, issuers[i].digits);
        if (prefix >= issuers[i].from && prefix <= issuers[i].to && issuers[i].lengths >> n & 1)
            return true;
    }
    return false;
}

/* ISO/IEC 7812: an issuer's prefix, a length of that issuer's, Luhn. */
static bool card(const struct compact *c, struct slice match)
{
    return card_digits(c->digit, c->n_digits);
}

/* The same digits from the back, as somebody writes them who evades a filter. */
static bool card_reversed(const struct compact *c, struct slice match)
{
    unsigned char back[CHECKSUM_MAX];

    for (size_t i = 0; i < c->n_digits; i++)
        back[i] = c->digit[c->n_digits - 1 - i];
    return card_digits(back, c->n_digits);
}

/* Letters that stand for digits: O, l, I, S, B, and those of leet. */
static bool card_leet(const struct compact *c, struct slice match)
{
    static const char letters[] = "OILZEASGTB";
    static const unsigned char digits[] = {0, 1, 1, 2, 3, 4, 5, 6, 7, 8};
    unsigned char digit[CHECKSUM_MAX];

    for (size_t i = 0; i < c->n; i++) {
        const char *letter = strchr(letters, c->text[i]);
        if (!letter && (c->text[i] < '0' || c->text[i] > '9'))
            return false;
        digit[i] = letter ? digits[letter - letters] : (unsigned char)(c->text[i] - '0');
    }
    return c->n > c->n_digits && c->n_digits > 0 && card_digits(digit, c->n);
}

/* IBAN lengths: SWIFT, IBAN Registry release 99. */
static const char iban_lengths[][5] = {
    "AD24", "AE23", "AL28", "AT20", "AZ28", "BA20", "BE16", "BG22", "BH22", "BI27", "BR29", "BY28",
    "CH21", "CR22", "CY28", "CZ24", "DE22", "DJ27", "DK18", "DO28", "EE20", "EG29", "ES24", "FI18",
    "FK18", "FO18", "FR27", "GB22", "GE22", "GI23", "GL18", "GR27", "GT28", "HN28", "HR21", "HU28",
    "IE22", "IL23", "IQ23", "IS26", "IT27", "JO30", "KW30", "KZ20", "LB28", "LC32", "LI21", "LT20",
    "LU20", "LV21", "LY25", "MC27", "MD24", "ME22", "MK19", "MN20", "MR27", "MT31", "MU30", "NI28",
    "NL18", "NO15", "OM23", "PK24", "PL28", "PS29", "PT25", "QA29", "RO24", "RS22", "RU33", "SA24",
    "SC31", "SD18", "SE24", "SI19", "SK24", "SM27", "SO23", "ST25", "SV28", "TL23", "TN24", "TR26",
    "UA29", "VA22", "VG24", "XK20", "YE30",
};

/* ISO 13616: the country's length; ISO 7064 MOD 97-10 with the first four characters at the end. */
static bool iban_text(const char *text, size_t n)
{
    unsigned rest = 0;
    bool known = false;

    for (size_t i = 0; i < ARRAY_LEN(iban_lengths) && !known; i++)
        known = memcmp(iban_lengths[i], text, 2) == 0 &&
                (size_t)(iban_lengths[i][2] - '0') * 10 + (size_t)(iban_lengths[i][3] - '0') == n;
    for (size_t i = 0; i < n && known; i++) {
        char ch = text[(i + 4) % n];
        if (ch >= 'A')
            rest = (rest * 100 + (unsigned)(ch - 'A') + 10) % 97;
        else
            rest = (rest * 10 + (unsigned)(ch - '0')) % 97;
    }
    return known && rest == 1;
}

static bool iban(const struct compact *c, struct slice match)
{
    return c->n >= 15 && iban_text(c->text, c->n);
}

static bool iban_reversed(const struct compact *c, struct slice match)
{
    char back[CHECKSUM_MAX];

    for (size_t i = 0; i < c->n; i++)
        back[i] = c->text[c->n - 1 - i];
    return c->n >= 15 && iban_text(back, c->n);
}

/* rot13 leaves the digits. */
static bool iban_rot13(const struct compact *c, struct slice match)
{
    char turned[CHECKSUM_MAX];

    for (size_t i = 0; i < c->n; i++) {
        char ch = c->text[i];
        turned[i] = ch < 'A' ? ch : (char)('A' + (ch - 'A' + 13) % 26);
    }
    return c->n >= 15 && iban_text(turned, c->n);
}

/* O, l and S for digits behind the country's two letters; others may be the account's own. */
static bool iban_leet(const struct compact *c, struct slice match)
{
    static const char letters[] = "OILS", digits[] = "0115";
    char read[CHECKSUM_MAX + 1] = "";

    for (size_t i = 0; i < c->n; i++) {
        const char *letter = i >= 2 ? strchr(letters, c->text[i]) : NULL;
        read[i] = letter ? digits[letter - letters] : c->text[i];
    }
    return c->n >= 15 && iban_text(read, c->n);
}

static bool luhn(const struct compact *c, struct slice match)
{
    return luhn_ok(c->digit, c->n_digits) && c->n_digits > 1;
}

/* 3GPP TS 23.003: fifteen digits, Luhn; an allocated reporting body (GSMA) begins with 0, 1, 3, 4,
 * 5, 8 or 9. */
static bool imei(const struct compact *c, struct slice match)
{
    return c->n_digits == 15 && strchr("0134589", c->text[0]) && luhn_ok(c->digit, 15) &&
           digits_value(c->digit, 8) != 0;
}

/* ISO 3779 and 49 CFR 565.15: weights by place, values by letter, the ninth is the check. */
static bool vin(const struct compact *c, struct slice match)
{
    static const unsigned char weight[] = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};
    static const unsigned char value[] = {1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4,
                                          5, 0, 7, 0, 9, 2, 3, 4, 5, 6, 7, 8, 9};
    unsigned sum = 0;

    if (c->n != 17 || c->n_digits < 4 || c->n_digits == 17)
        return false;
    for (size_t i = 0; i < 17; i++) {
        unsigned letter = (unsigned)c->text[i] - 'A'; /* of a digit far beyond the letters */
        sum += weight[i] * (letter < 26 ? value[letter] : (unsigned)(c->text[i] - '0'));
    }
    return c->text[8] == "0123456789X"[sum % 11];
}

/* A match may carry what stands around the value: `key = "VALUE"`. */
static struct slice last_word(struct slice match)
{
    size_t end = match.len;

    while (end > 0 && strchr("\"'`, ;", match.p[end - 1]) && match.p[end - 1])
        end--;
    size_t start = end;
    while (start > 0 && !strchr("\"'`:=> ", match.p[start - 1]))
        start--;
    return (struct slice){match.p + start, end - start};
}

/* Bits a character carries (Shannon); 3.0 tells words from tokens at sixteen characters and more:
 * English words lie under it, random hex over 3.2 nearly always. */
static double entropy(struct slice s)
{
    unsigned count[256] = {0};
    double bits = 0;

    for (size_t i = 0; i < s.len; i++)
        count[(unsigned char)s.p[i]]++;
    for (size_t i = 0; i < 256; i++)
        if (count[i])
            bits -= count[i] / (double)s.len * log2(count[i] / (double)s.len);
    return bits;
}

static bool is_random(const struct compact *c, struct slice match)
{
    struct slice word = last_word(match);
    bool digit = false, letter = false;

    for (size_t i = 0; i < word.len; i++) {
        digit |= word.p[i] >= '0' && word.p[i] <= '9';
        letter |= (word.p[i] | 32) >= 'a' && (word.p[i] | 32) <= 'z';
    }
    return word.len >= 16 && digit && letter && entropy(word) > 3.0;
}

/* A password that somebody wrote down, not the name of a variable that holds one. */
static bool is_password(const struct compact *c, struct slice match)
{
    static const char *const never[] = {"none",   "null",     "true",     "false",  "undefined",
                                        "string", "password", "os.",      "self.",  "process.",
                                        "getenv", "required", "optional", "example"};
    struct slice word = last_word(match);

    if (word.len < 6 || strchr("${<(*[%", word.p[0]) || memchr(word.p, '(', word.len))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        if (word.len >= strlen(never[i]) && strncasecmp(word.p, never[i], strlen(never[i])) == 0)
            return false;
    bool other = false;
    for (size_t i = 0; i < word.len; i++)
        other |= !((word.p[i] | 32) >= 'a' && (word.p[i] | 32) <= 'z') && word.p[i] != '_' &&
                 word.p[i] != '.';
    return other;
}

/* RFC 7519: the header is base64url of a JSON object. */
static bool jwt(const struct compact *c, struct slice match)
{
    unsigned char head[512];
    size_t n = 0;
    const char *dot = memchr(match.p, '.', match.len);

    return dot && (size_t)(dot - match.p) < sizeof head &&
           sodium_base642bin(head, sizeof head, match.p, (size_t)(dot - match.p), NULL, &n, NULL,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
           n > 8 && head[0] == '{' && memmem(head, n, "\"alg\"", 5);
}

static int base58_value(char ch)
{
    static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    const char *at = ch ? strchr(alphabet, ch) : NULL;

    return at ? (int)(at - alphabet) : -1;
}

/* Base58Check (Bitcoin wiki): 25 bytes whose last four begin the double SHA-256 of the others. */
static bool base58(const struct compact *c, struct slice match)
{
    unsigned char out[25] = {0}, hash[crypto_hash_sha256_BYTES];

    for (size_t i = 0; i < match.len; i++) {
        int carry = base58_value(match.p[i]);
        if (carry < 0)
            return false;
        for (size_t j = sizeof out; j-- > 0;) {
            carry += 58 * out[j];
            out[j] = (unsigned char)(carry & 0xff);
            carry >>= 8;
        }
        if (carry)
            return false;
    }
    crypto_hash_sha256(hash, out, 21);
    crypto_hash_sha256(hash, hash, sizeof hash);
    return memcmp(hash, out + 21, 4) == 0;
}

/* BIP 173 and 350. */
static bool bech32(const struct compact *c, struct slice match)
{
    static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                         0x2a1462b3};
    unsigned char value[2 * 4 + 1 + 96];
    size_t n = 0, one = 0;
    uint32_t check = 1;

    if (match.len > 90)
        return false;
    for (size_t i = 0; i < match.len; i++)
        if (match.p[i] == '1')
            one = i;
    if (one < 1 || one > 4)
        return false;
    for (size_t i = 0; i < one; i++)
        value[n++] = (unsigned char)(match.p[i] | 32) >> 5;
    value[n++] = 0;
    for (size_t i = 0; i < match.len; i++) {
        char ch = (char)(match.p[i] | (match.p[i] >= 'A' ? 32 : 0));
        const char *at = strchr(alphabet, ch);
        if (i == one)
            continue;
        if (i < one)
            value[n++] = (unsigned char)ch & 31;
        else if (at)
            value[n++] = (unsigned char)(at - alphabet);
        else
            return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t top = check >> 25;
        check = (check & 0x1ffffff) << 5 ^ value[i];
        for (size_t k = 0; k < 5; k++)
            check ^= top >> k & 1 ? generator[k] : 0;
    }
    return check == 1 || check == 0x2bc830a3;
}

static bool with_inet(int family, struct slice match, size_t least)
{
    char text[64];
    unsigned char address[16];

    if (match.len >= sizeof text || match.len < least)
        return false;
    memcpy(text, match.p, match.len);
    text[match.len] = '\0';
    return inet_pton(family, text, address) == 1;
}

/* Four numbers with points; not a version, which rarely has a part over 99 or four parts. */
static bool ip4(const struct compact *c, struct slice match)
{
    return with_inet(AF_INET, match, 7) && c->n_digits >= 6;
}

/* RFC 4291; "::" and "::1" are nobody's. */
static bool ip6(const struct compact *c, struct slice match)
{
    return with_inet(AF_INET6, match, 6);
}

/* d.m.y, m/d/y, y-m-d in any order that gives a day. */
static bool date(const struct compact *c, struct slice match)
{
    unsigned part[3] = {0}, width[3] = {0};
    size_t n = 0;

    for (size_t i = 0; i < match.len && n < 3; i++) {
        bool digit = match.p[i] >= '0' && match.p[i] <= '9';
        if (digit) {
            part[n] = part[n] * 10 + (unsigned)(match.p[i] - '0');
            width[n]++;
        }
        if (width[n] > 4)
            return false;
        n += width[n] > 0 && (!digit || i + 1 == match.len);
    }
    if (n < 3)
        return false;
    if (width[0] == 4)
        return part[0] > 1000 &&
               (date_ok(part[0], part[1], part[2]) || date_ok(part[0], part[2], part[1]));
    return date_ok(part[2] < 100 ? part[2] + 2000 : part[2], part[1], part[0]) ||
           date_ok(part[2] < 100 ? part[2] + 2000 : part[2], part[0], part[1]);
}

/* ITU-T E.164: at most fifteen digits; seven is the shortest anywhere with an area.  Groups that
 * are a date, a year span or a card are something else. */
static bool phone(const struct compact *c, struct slice match)
{
    if (c->n_digits < 7 || c->n_digits > 17)
        return false;
    if (match.p[0] != '+' && (date(c, match) || all_digits_same(c->digit, c->n_digits)))
        return false;
    return !card_digits(c->digit, c->n_digits);
}

const struct checksum_row checksum_things[] = {
    {"card", card},
    {"card_reversed", card_reversed},
    {"card_leet", card_leet},
    {"iban", iban},
    {"iban_reversed", iban_reversed},
    {"iban_rot13", iban_rot13},
    {"iban_leet", iban_leet},
    {"luhn", luhn},
    {"imei", imei},
    {"vin", vin},
    {"random", is_random},
    {"password", is_password},
    {"jwt", jwt},
    {"base58", base58},
    {"bech32", bech32},
    {"ip4", ip4},
    {"ip6", ip6},
    {"date", date},
    {"phone", phone},
    {NULL, NULL},
};
