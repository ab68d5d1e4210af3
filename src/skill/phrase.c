#include "skill/phrase.h"
#include <ctype.h>

static bool add(struct phrase *p, const char *s, size_t len)
{
    if (p->len + len >= sizeof p->text)
        return false;
    memcpy(p->text + p->len, s, len);
    p->len += len;
    return true;
}

static const struct {
    const char *from, *to;
} spellings[] = {
    {"\xe2\x80\x99", "'"}, /* U+2019, what phones type for an apostrophe */
    {"\xe2\x88\x92", "-"}, /* U+2212 minus sign */
    {"\xc3\x97", " x "},   /* multiplication sign */
    {"\xc3\xb7", "/"},     /* division sign */
    {"\xc2\xb7", "*"},     /* middle dot */
    {"\xc2\xa0", " "},     /* no-break space */
};

/* How many bytes of s a spelling stands for, after adding what it means; 0: none. */
static size_t respell(struct phrase *p, struct slice s, bool *ok)
{
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++)
        if (slice_starts(s, slice_of(spellings[i].from))) {
            const char *to = spellings[i].to;
            to += *to == ' ' && (p->len == 0 || p->text[p->len - 1] == ' ');
            *ok = add(p, to, strlen(to));
            return strlen(spellings[i].from);
        }
    return 0;
}

static bool lower(struct phrase *p, struct slice s)
{
    bool ok = true;

    for (size_t i = 0; i < s.len && ok;) {
        unsigned char c = (unsigned char)s.p[i];
        size_t used = c >= 0x80 ? respell(p, (struct slice){s.p + i, s.len - i}, &ok) : 0;
        if (used) {
            i += used;
            continue;
        }
        if (c < ' ' && c != '\t')
            return false; /* several lines, control characters */
        char small = c == '\t' ? ' ' : (char)(c < 0x80 ? tolower(c) : c);
        if (!(small == ' ' && (p->len == 0 || p->text[p->len - 1] == ' ')))
            ok = add(p, &small, 1);
        i++;
    }
    return ok;
}

bool phrase_take(struct slice *s, const char *words)
{
    size_t n = strlen(words);

    if (s->len < n || memcmp(s->p, words, n) != 0 || (s->len > n && s->p[n] != ' '))
        return false;
    *s = slice_trim((struct slice){s->p + n, s->len - n});
    return true;
}

bool phrase_drop_end(struct slice *s, const char *words)
{
    size_t n = strlen(words);

    if (s->len < n || memcmp(s->p + s->len - n, words, n) != 0 ||
        (s->len > n && s->p[s->len - n - 1] != ' '))
        return false;
    *s = slice_trim((struct slice){s->p, s->len - n});
    return true;
}

bool phrase_take_any(struct slice *s, const char *const *list)
{
    for (; *list; list++)
        if (phrase_take(s, *list))
            return true;
    return false;
}

bool phrase_is_any(struct slice s, const char *const *list)
{
    for (; *list; list++)
        if (slice_is(s, *list))
            return true;
    return false;
}

/* Words around a question that change nothing. */
static const char *const before[] = {"please",
                                     "hey",
                                     "hi",
                                     "hello",
                                     "ok",
                                     "okay",
                                     "hey,",
                                     "hi,",
                                     "hello,",
                                     "ok,",
                                     "okay,",
                                     "nigh,",
                                     "so",
                                     "so,",
                                     "can you tell me",
                                     "could you tell me",
                                     "can you please tell me",
                                     "could you please tell me",
                                     "can you please",
                                     "could you please",
                                     "can you",
                                     "could you",
                                     "please tell me",
                                     "tell me",
                                     "do you know",
                                     "quick question:",
                                     NULL};
static const char *const after[] = {"please", "thanks", "thank you", "for me", NULL};

static struct slice strip(struct slice s)
{
    bool more = true;

    while (more) {
        more = false;
        while (s.len > 0 && (strchr("?!.,", s.p[s.len - 1]) || s.p[s.len - 1] == ' ')) {
            s.len--;
            more = true;
        }
        for (const char *const *w = after; *w; w++)
            more |= s.len > strlen(*w) && phrase_drop_end(&s, *w);
        for (const char *const *w = before; *w; w++)
            more |= s.len > strlen(*w) && phrase_take(&s, *w);
    }
    return s;
}

bool phrase_read(struct phrase *ret, struct slice question)
{
    struct phrase raw = {.len = 0};
    struct slice s;

    ret->len = 0;
    question = slice_trim(question);
    if (question.len == 0 || question.len > SKILL_QUESTION_MAX || !slice_utf8(question))
        return false;
    if (!lower(&raw, question))
        return false;
    s = strip(slice_trim((struct slice){raw.text, raw.len}));
    if (phrase_take(&s, "what's") || phrase_take(&s, "whats"))
        add(ret, "what is ", s.len ? 8 : 7);
    if (!add(ret, s.p, s.len) || ret->len == 0)
        return false;
    ret->text[ret->len] = '\0';
    return true;
}

/* Digits, with commas only where thousands part. */
static size_t number_len(struct slice s)
{
    size_t i = 0, digits = 0;
    bool commas = false;

    while (i < s.len) {
        if (isdigit((unsigned char)s.p[i])) {
            digits++;
            i++;
        } else if (s.p[i] == ',' && i + 3 < s.len &&
                   (commas ? digits == 3 : digits && digits <= 3) &&
                   isdigit((unsigned char)s.p[i + 1])) {
            commas = true;
            digits = 0;
            i++;
        } else {
            break;
        }
    }
    return commas && digits != 3 ? 0 : i;
}

bool phrase_take_decimal(struct slice *s, struct decimal *ret)
{
    size_t len = number_len(*s), i, digits = 0;
    uint64_t n = 0;

    ret->decimals = 0;
    if (len < s->len && s->p[len] == '.' && len + 1 < s->len &&
        isdigit((unsigned char)s->p[len + 1]) && (len > 0 || s->len > 1)) {
        for (i = len + 1; i < s->len && isdigit((unsigned char)s->p[i]); i++)
            ret->decimals++;
        len = i;
    }
    if (len == 0)
        return false;
    for (i = 0; i < len; i++) {
        if (!isdigit((unsigned char)s->p[i]))
            continue;
        if (++digits > 18)
            return false;
        n = n * 10 + (uint64_t)(s->p[i] - '0');
    }
    ret->scaled = (int64_t)n;
    *s = (struct slice){s->p + len, s->len - len};
    return true;
}
