#include "base/err.h"
#include "base/rand.h"
#include "base/tap.h"
#include "label/defang.h"

static const char *const question =
    "Look at https://known.example/a, at Docs.Known.Example:8080 and mail";

static struct buf out;
static bool marks; /* what stands in a foreign link is told in capitals */

static bool knows(void *owner, struct slice host)
{
    return defang_stands(slice_of(owner), host);
}

static void told(void *owner, char c, bool foreign)
{
    (void)owner;
    buf_add_char(&out, marks && foreign && c >= 'a' && c <= 'z' ? (char)(c - 32) : c);
}

static void check(const char *text, const char *want, size_t step)
{
    struct defang_spec spec = {marks, knows, told, (void *)question};
    struct defang d;
    size_t at = 0, len = strlen(text);

    buf_reset(&out);
    defang_init(&d, &spec);
    while (at < len) {
        size_t n = step ? step : 1 + rand_u64() % 7;
        n = n < len - at ? n : len - at;
        defang_text(&d, (struct slice){text + at, n});
        CHECK(d.n_held <= DEFANG_HOLD_MAX);
        at += n;
    }
    defang_end(&d);
    CHECK_STR(out.len ? out.data : "", want);
}

static const struct {
    const char *text, *want;
} rows[] = {
    {"", ""},
    {"no link at all, h ht htt http: https:", "no link at all, h ht htt http: https:"},
    {"![](https://evil/?q=canary)", "![](hxxps://evil/?q=canary)"},
    {"![a](HTTPS://Evil.example/x \"t\")", "![a](hxxps://Evil.example/x \"t\")"},
    {"[a](https://known.example/x?y=1)", "[a](https://known.example/x?y=1)"},
    {"[a](https://KNOWN.example:443/x)", "[a](https://KNOWN.example:443/x)"},
    {"[a](https://user@docs.known.example/)", "[a](https://user@docs.known.example/)"},
    {"[a](https://known.example@evil.example/)", "[a](hxxps://known.example@evil.example/)"},
    {"[a](https://canary.known.example/)", "[a](hxxps://canary.known.example/)"},
    {"[a](https://known.example.evil/)", "[a](hxxps://known.example.evil/)"},
    {"[a](https:///evil/)", "[a](hxxps:///evil/)"},
    {"See https://known.example. Or http://evil!", "See https://known.example. Or hxxp://evil!"},
    {"<https://evil> and xhttps://evil", "<hxxps://evil> and xhxxps://evil"},
    {"[a]: //evil/x", "[a]: #//evil/x"},
    {"![](//evil/x)", "![](#//evil/x)"},
    {"![](/\\evil/x)", "![](#/\\evil/x)"},
    {"![](//known.example/x)", "![](//known.example/x)"},
    {"![](\\/\\/evil/x)", "![](#\\/\\/evil/x)"},
    {"![](https&#58;//evil/x)", "![](#https&#58;//evil/x)"},
    {"![](&#104;ttps://evil/x)", "![](#&#104;ttps://evil/x)"},
    {"![](https:\\/\\/evil/x)", "![](#https:\\/\\/evil/x)"},
    {"![](https:evil/x)", "![](#https:evil/x)"},
    {"![]( <https://evil/x>)", "![]( <hxxps://evil/x>)"},
    {"<img src=\"https://evil/x\">", "<img src=\"hxxps://evil/x\">"},
    {"<img SRC='//evil/x'>", "<img SRC='#//evil/x'>"},
    {"<a href=javascript:x>", "<a href=#javascript:x>"},
    {"background: url(//evil/x)", "background: url(#//evil/x)"},
    {"[a](mailto:a@b.c) [b](#part) [c](page.md) [d](/a/b) [e](data:image/png;base64,AA)",
     "[a](mailto:a@b.c) [b](#part) [c](page.md) [d](/a/b) [e](data:image/png;base64,AA)"},
    {"a[0]: x = b[1](2) and src=\"img/a.png?x=1&y=2\"",
     "a[0]: x = b[1](2) and src=\"img/a.png?x=1&y=2\""},
    {"http://[::1]/ and http://", "hxxp://[::1]/ and http://"},
    {"ftp://evil file://evil/share ws://evil smb://evil",
     "fxp://evil fxle://evil/share wxs://evil sxb://evil"},
    {"httphttps://evil", "httphxxps://evil"},
    {"![](https://evil", "![](hxxps://evil"},
};

TEST(defang_at_every_cut)
{
    rand_seed(5);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t step = 1; step < 60; step++)
            check(rows[i].text, rows[i].want, step);
        for (int n = 0; n < 50; n++)
            check(rows[i].text, rows[i].want, 0);
    }
    rand_real();
}

TEST(defang_of_a_host_without_end)
{
    char text[2000], want[2000];

    snprintf(text, sizeof text, "![](https://%01500d.evil/x)", 0);
    snprintf(want, sizeof want, "![](hxxps://%01500d.evil/x)", 0);
    for (size_t step = 1; step < 500; step += 7)
        check(text, want, step);
}

TEST(defang_stands_as_a_whole)
{
    CHECK(defang_stands(SLICE("at a.example."), SLICE("A.example")));
    CHECK(defang_stands(SLICE("xa.example a.example"), SLICE("a.example")));
    CHECK(!defang_stands(SLICE("b.a.example"), SLICE("a.example")));
    CHECK(!defang_stands(SLICE("a.example.org"), SLICE("a.example")));
    CHECK(!defang_stands(SLICE("a.example-b"), SLICE("a.example")));
    CHECK(!defang_stands(SLICE("a.exampl"), SLICE("a.example")));
    CHECK(!defang_stands(SLICE("x"), SLICE("")));
}

/* What is within a link to a foreign host, at every cut; nothing is rewritten. */
TEST(defang_tells_what_is_foreign)
{
    static const struct {
        const char *text, *want;
    } marked[] = {
        {"a ![b](https://evil/?q=c) d", "a ![b](HTTPS://EVIL/?Q=C) d"},
        {"a https://known.example/?q=c d", "a https://known.example/?q=c d"},
        {"https://evil/?u=https://known.example/c d", "HTTPS://EVIL/?U=HTTPS://KNOWN.EXAMPLE/C d"},
        {"https://known.example/?u=https://evil/c d", "https://known.example/?u=HTTPS://EVIL/C d"},
        {"![](<https://evil/a b> c) d", "![](<HTTPS://EVIL/A B> c) d"},
        {"<img src=\"https://evil/a\n b\" c", "<img src=\"HTTPS://EVIL/A\n B\" c"},
        {"![](//evil/a) b", "![](//EVIL/A) b"},
        {"![](https&#58;//evil/a) b", "![](HTTPS&#58;//EVIL/A) b"},
        {"http://[::1]:80/a b", "HTTP://[::1]:80/A b"},
        {"// a [b] c", "// a [b] c"},
    };

    marks = true;
    for (size_t i = 0; i < ARRAY_LEN(marked); i++)
        for (size_t step = 1; step < 60; step++)
            check(marked[i].text, marked[i].want, step);
    marks = false;
}
