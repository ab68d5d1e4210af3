/* detect_fills: twelve ways to keep a scanner busy, for detect-test.c and bench/detect.c.  Work has
 * to stay linear in the length of a text that is filled with any of them. */
#pragma once

static const struct {
    const char *name, *unit;
} detect_fills[] = {
    {"digits", "0123456789"},
    {"ones", "1"},
    {"spaced digits", "1 2 3 "},
    {"at signs", "a@"},
    {"dots", "a."},
    {"base64", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo"},
    {"percent", "%41"},
    {"entities", "&#65;"},
    {"hyphens", "-----BEGIN "},
    {"newlines", "1\n"},
    {"capitals", "ABCD1234"},
    {"cyrillic", "\xd0\xb0"},
};
