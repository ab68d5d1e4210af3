/* arithmetic: sums as people write them.
 *
 * Exact: every number is a fraction of two 128-bit integers; what does not fit, and roots that do
 * not come out even, go on as long double (64 bits of mantissa on x86-64) and the answer says
 * "rounded". The whole phrase must be a sum; any word that is not part of one makes it abstain. */
#include "skill/phrase.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>

typedef __int128 wide;

struct number {
    bool exact;
    wide num, den;     /* exact: den > 0, no common divisor */
    long double value; /* always */
    bool percent;      /* written with a percent sign: num/den is the hundredth already */
};

enum trouble { TROUBLE_NONE, TROUBLE_SYNTAX, TROUBLE_ZERO, TROUBLE_ROOT };
enum { DEPTH_MAX = 32, EXPONENT_MAX = 10000, DECIMALS_MAX = 12 };

struct sum {
    struct slice s; /* what is left to read */
    enum trouble trouble;
    unsigned operators, depth;
};

static struct number sum_add(struct sum *sum); /* the lowest precedence, which parentheses hold */

static wide gcd(wide a, wide b)
{
    while (b) {
        wide rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

static struct number inexact(long double value)
{
    return (struct number){.value = value};
}

static struct number fraction(wide num, wide den)
{
    wide common = gcd(num, den);

    if (den < 0)
        common = -common;
    num /= common;
    den /= common;
    return (struct number){true, num, den, (long double)num / (long double)den, false};
}

static struct number add(struct number a, struct number b, int sign)
{
    wide left, right, den, num;

    if (a.exact && b.exact && !__builtin_mul_overflow(a.num, b.den, &left) &&
        !__builtin_mul_overflow(b.num * sign, a.den, &right) &&
        !__builtin_mul_overflow(a.den, b.den, &den) && !__builtin_add_overflow(left, right, &num))
        return fraction(num, den);
    return inexact(a.value + sign * b.value);
}

static struct number multiply(struct number a, struct number b)
{
    wide num, den;

    if (a.exact && b.exact && !__builtin_mul_overflow(a.num, b.num, &num) &&
        !__builtin_mul_overflow(a.den, b.den, &den))
        return fraction(num, den);
    return inexact(a.value * b.value);
}

static struct number divide(struct sum *sum, struct number a, struct number b)
{
    if (b.value == 0) {
        sum->trouble = sum->trouble ? sum->trouble : TROUBLE_ZERO;
        return a;
    }
    if (b.exact)
        return multiply(a, fraction(b.den, b.num));
    return inexact(a.value / b.value);
}

static struct number power(struct sum *sum, struct number base, struct number exponent)
{
    struct number product = fraction(1, 1);
    bool whole = exponent.exact && exponent.den == 1;

    if (whole && exponent.num >= -EXPONENT_MAX && exponent.num <= EXPONENT_MAX) {
        for (wide n = exponent.num < 0 ? -exponent.num : exponent.num; n > 0; n >>= 1) {
            if (n & 1)
                product = multiply(product, base);
            if (n > 1)
                base = multiply(base, base);
        }
        return exponent.num < 0 ? divide(sum, fraction(1, 1), product) : product;
    }
    if (base.value < 0 && !whole)
        sum->trouble = sum->trouble ? sum->trouble : TROUBLE_ROOT;
    return inexact(powl(base.value, exponent.value));
}

/* The whole root, or -1. */
static wide whole_root(wide n)
{
    wide root = (wide)sqrtl((long double)n);

    for (wide r = root > 0 ? root - 1 : 0; r <= root + 1; r++)
        if (r < ((wide)1 << 62) && r * r == n)
            return r;
    return -1;
}

static struct number square_root(struct sum *sum, struct number a)
{
    if (a.value < 0) {
        sum->trouble = sum->trouble ? sum->trouble : TROUBLE_ROOT;
        return a;
    }
    if (a.exact) {
        wide num = whole_root(a.num), den = whole_root(a.den);
        if (num >= 0 && den > 0)
            return fraction(num, den);
    }
    return inexact(sqrtl(a.value));
}

static void blanks(struct sum *sum)
{
    while (sum->s.len > 0 && *sum->s.p == ' ')
        sum->s = (struct slice){sum->s.p + 1, sum->s.len - 1};
}

/* A sign such as "**", or words such as "divided by". */
static bool take(struct sum *sum, const char *what)
{
    size_t n = strlen(what);
    bool word = isalpha((unsigned char)what[0]);

    blanks(sum);
    if (sum->s.len < n || memcmp(sum->s.p, what, n) != 0)
        return false;
    if (word && sum->s.len > n && isalpha((unsigned char)sum->s.p[n]))
        return false;
    sum->s = (struct slice){sum->s.p + n, sum->s.len - n};
    return true;
}

static bool take_any(struct sum *sum, const char *const *list)
{
    for (; *list; list++)
        if (take(sum, *list))
            return true;
    return false;
}

static struct number sum_number(struct sum *sum)
{
    struct decimal d;
    wide den = 1;

    blanks(sum);
    if (!phrase_take_decimal(&sum->s, &d)) {
        sum->trouble = TROUBLE_SYNTAX;
        return fraction(0, 1);
    }
    while (d.decimals-- > 0)
        den *= 10;
    return fraction(d.scaled, den);
}

static struct number sum_power(struct sum *sum);

static struct number sum_atom(struct sum *sum)
{
    static const char *const roots[] = {"the square root of", "square root of", "sqrt", NULL};
    struct number n;

    if (sum->trouble == TROUBLE_SYNTAX || ++sum->depth > DEPTH_MAX) {
        sum->trouble = TROUBLE_SYNTAX;
        return fraction(0, 1);
    }
    if (take_any(sum, roots)) {
        bool minus = take(sum, "-");
        sum->operators++;
        n = sum_atom(sum);
        n = square_root(sum, minus ? multiply(n, fraction(-1, 1)) : n);
    } else if (take(sum, "(")) {
        n = sum_add(sum);
        n.percent = false;
        if (!take(sum, ")"))
            sum->trouble = TROUBLE_SYNTAX;
    } else {
        n = sum_number(sum);
    }
    sum->depth--;
    return n;
}

static struct number sum_postfix(struct sum *sum)
{
    struct number n = sum_atom(sum);

    for (;;) {
        if (take(sum, "squared")) {
            n = power(sum, n, fraction(2, 1));
            sum->operators++;
        } else if (take(sum, "cubed")) {
            n = power(sum, n, fraction(3, 1));
            sum->operators++;
        } else if (!n.percent && (take(sum, "%") || take(sum, "percent"))) {
            n = divide(sum, n, fraction(100, 1));
            n.percent = true;
        } else {
            return n;
        }
    }
}

/* A minus binds looser than a power: -3 ^ 2 is -9, as in mathematics. */
static struct number sum_sign(struct sum *sum)
{
    if (sum->depth < DEPTH_MAX && take(sum, "-")) {
        struct number n;
        sum->depth++;
        n = sum_sign(sum);
        sum->depth--;
        n.num = -n.num;
        n.value = -n.value;
        return n;
    }
    return sum_power(sum);
}

static struct number sum_power(struct sum *sum)
{
    static const char *const signs[] = {"**", "^", "to the power of", NULL};
    struct number n = sum_postfix(sum);

    if (take_any(sum, signs)) {
        sum->operators++;
        if (++sum->depth > DEPTH_MAX) {
            sum->trouble = TROUBLE_SYNTAX;
            return n;
        }
        n = power(sum, n, sum_sign(sum)); /* from the right: 2 ^ 3 ^ 2 is 512 */
        sum->depth--;
    }
    return n;
}

static struct number sum_multiply(struct sum *sum)
{
    static const char *const times[] = {"*", "x ", "times", "multiplied by", NULL};
    static const char *const over[] = {"/", "divided by", NULL};
    struct number n = sum_sign(sum);

    for (;;) {
        if ((n.percent && take(sum, "of")) || take_any(sum, times))
            n = multiply(n, sum_sign(sum));
        else if (take_any(sum, over))
            n = divide(sum, n, sum_sign(sum));
        else
            return n;
        n.percent = false;
        sum->operators++;
    }
}

static struct number sum_add(struct sum *sum)
{
    struct number n = sum_multiply(sum);

    for (;;) {
        int sign = take(sum, "+") || take(sum, "plus")    ? 1
                   : take(sum, "-") || take(sum, "minus") ? -1
                                                          : 0;
        struct number right;
        if (sign == 0)
            return n;
        right = sum_multiply(sum);
        if (right.percent && !n.percent) /* 200 + 10% is 220, as on a pocket calculator */
            right = multiply(n, right);
        right.percent = false;
        n = add(n, right, sign);
        sum->operators++;
    }
}

/* Signs that mean something else when nothing else is there: 9/11, 24/7, 4x4, 555-1234, 2026-11-22.
 */
static bool looks_like_a_name(struct slice s)
{
    bool slash = false, dash = false;

    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '/')
            slash = true;
        else if (s.p[i] == '-')
            dash = true;
        else if (!isdigit((unsigned char)s.p[i]) && s.p[i] != '.')
            return false;
    }
    return slash || dash;
}

static void add_wide(struct buf *b, wide n)
{
    char digits[48];
    size_t at = sizeof digits;
    bool minus = n < 0;

    do {
        int digit = (int)(n % 10);
        digits[--at] = (char)('0' + (digit < 0 ? -digit : digit));
        n /= 10;
    } while (n);
    if (minus)
        digits[--at] = '-';
    buf_add(b, digits + at, sizeof digits - at);
}

/* Decimals of a fraction that ends within DECIMALS_MAX; false: it does not. */
static bool add_exact(struct buf *b, struct number n)
{
    wide whole = n.num / n.den, rest = n.num % n.den;
    char decimals[DECIMALS_MAX];
    size_t len = 0;

    if (rest < 0)
        rest = -rest;
    while (rest && len < DECIMALS_MAX) {
        if (__builtin_mul_overflow(rest, (wide)10, &rest))
            return false;
        decimals[len++] = (char)('0' + (int)(rest / n.den));
        rest %= n.den;
    }
    if (rest)
        return false;
    if (n.num < 0 && whole == 0)
        buf_add_char(b, '-');
    add_wide(b, whole);
    if (len) {
        buf_add_char(b, '.');
        buf_add(b, decimals, len);
    }
    return true;
}

static void add_answer(struct buf *b, struct slice expression, const struct sum *sum,
                       struct number n)
{
    buf_add_str(b, expression);
    switch (sum->trouble) {
    case TROUBLE_ZERO:
        buf_add_cstr(b, " has no value: division by zero.");
        return;
    case TROUBLE_ROOT:
        buf_add_cstr(b, " has no real value: root of a negative number.");
        return;
    default:
        break;
    }
    buf_add_cstr(b, " = ");
    if (!n.exact || !add_exact(b, n))
        buf_printf(b, "%.12Lg (rounded)", n.value);
}

/* "3 + 5!": excited, or a factorial? */
static bool has_factorial(struct slice s)
{
    for (size_t i = 1; i < s.len; i++)
        if (s.p[i] == '!' && (isdigit((unsigned char)s.p[i - 1]) || s.p[i - 1] == ')'))
            return true;
    return false;
}

static bool arithmetic_try(struct slice question, struct skill_ctx *ctx, struct buf *answer)
{
    static const char *const firm[] = {"how much is", "calculate", "compute",
                                       "evaluate",    "work out",  NULL};
    struct phrase phrase;
    struct sum sum = {.trouble = TROUBLE_NONE};
    struct slice s, expression;
    struct number n;
    bool sure;

    if (has_factorial(question) || !phrase_read(&phrase, question))
        return false;
    s = (struct slice){phrase.text, phrase.len};
    sure = phrase_take_any(&s, firm);
    if (!sure)
        phrase_take(&s, "what is");
    if (!phrase_drop_end(&s, "equal to") && !phrase_drop_end(&s, "equals") && s.len > 1 &&
        s.p[s.len - 1] == '=')
        s = slice_trim((struct slice){s.p, s.len - 1});
    if (s.len == 0 || (!sure && looks_like_a_name(s)))
        return false;
    sum.s = expression = s;
    n = sum_add(&sum);
    blanks(&sum);
    if (sum.trouble == TROUBLE_SYNTAX || sum.s.len > 0 || sum.operators == 0)
        return false;
    if (sum.trouble == TROUBLE_NONE && !isfinite(n.value))
        return false;
    add_answer(answer, expression, &sum, n);
    return true;
}

const struct skill skill_arithmetic = {"arithmetic", arithmetic_try};
