/* address: from a street or a flat to the whole of the address that it stands in.
 *
 * Over its lines or commas: flat, town, state, post code, country on one side; the house number, or
 * the street that a flat belongs to, on the other.  Reads a few words either way.  Pure; any
 * thread. */
#pragma once
#include "base/str.h"

enum { ADDRESS_PARTS_MAX = 8 };
struct address_part {
    size_t start, end;
    enum address_kind { ADDRESS_STREET, ADDRESS_TOWN, ADDRESS_CODE } kind;
};
struct address {
    size_t start, end;
    bool lines; /* begins a line, as in the head of a letter: its parts are things of their own */
    struct address_part part[ADDRESS_PARTS_MAX];
    unsigned n;
};
/* from..to: a street or a flat.  True when so much of an address stands there that it is one beyond
 * doubt: two more parts, or one and a post code. */
bool address_read(struct address *ret, struct slice text, size_t from, size_t to);
/* An extend_fn (extend.h).  "62488 Allika 46": a number, a name, a number, and more of an address
 * behind it; from..to: the first number and the name's first letter. */
bool address_plain(struct slice text, size_t *from, size_t *to);
