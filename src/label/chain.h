/* chain: how the ledger's entries are tied to one another, so that none can be changed, removed,
 * added or moved without a trace.
 *
 * An entry is one line, a JSON object that begins {"seq":N,"kind":"K", with N one more than that of
 * the entry before, and ends ,"hash":"H"}, with H BLAKE2b-256 over the hash of the entry before (32
 * zero bytes before the first) followed by the line's bytes up to and without `,"hash":`, as 64
 * lower-case hexadecimal digits.  docs/formats.md tells it with an example.
 *
 * What it proves: whoever knows where the chain stood (a struct chain, 85 characters) can tell
 * whether what he is shown leads there.  What it does not: who can write the folder can write
 * another chain and another head; only a head that was kept elsewhere tells.  Pure functions, any
 * thread. */
#pragma once
#include "base/str.h"

enum {
    CHAIN_HASH_BYTES = 32,
    CHAIN_HASH_CHARS = 2 * CHAIN_HASH_BYTES,
    CHAIN_TEXT_BYTES = 20 + 1 + CHAIN_HASH_CHARS + 1, /* "SEQ:HASH" and a NUL */
    CHAIN_WHY_BYTES = 200,
};

/* Where a chain stands: its latest entry. */
struct chain {
    uint64_t seq; /* 0: there is none yet, and the hash is zeros */
    unsigned char hash[CHAIN_HASH_BYTES];
};

bool chain_same(const struct chain *a, const struct chain *b);
/* "17:" and the hash, as `nigh ledger export --head` tells it. */
void chain_text(char text[static CHAIN_TEXT_BYTES], const struct chain *at);
bool chain_parse(struct chain *ret, struct slice text);
bool chain_parse_hash(unsigned char ret[static CHAIN_HASH_BYTES], struct slice hex);

/* entry: {"seq":N and its other members, without the closing bracket.  Appends hash and bracket;
 * *ret: where the chain will stand.  at is not changed: the entry may not get written. */
void chain_seal(const struct chain *at, struct buf *entry, struct chain *ret);

/* Whether this line is the entry that follows on *at, which then moves on.  If not, it is the first
 * that is wrong: *ret_bad is the number of the record to blame, why a sentence for people. */
bool chain_follow(struct chain *at, struct slice line, uint64_t *ret_bad,
                  char why[static CHAIN_WHY_BYTES]);
/* What the line begins with, or 0 and the absent slice. */
uint64_t chain_seq(struct slice line);
struct slice chain_kind(struct slice line);
