#include "label/chain.h"
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

static const char hash_key[] = ",\"hash\":\"";
enum { HASH_KEY_LEN = sizeof hash_key - 1, TAIL_LEN = HASH_KEY_LEN + CHAIN_HASH_CHARS + 2 };

bool chain_same(const struct chain *a, const struct chain *b)
{
    return a->seq == b->seq && memcmp(a->hash, b->hash, sizeof a->hash) == 0;
}

static void hash_text(char text[static CHAIN_HASH_CHARS + 1],
                      const unsigned char hash[static CHAIN_HASH_BYTES])
{
    sodium_bin2hex(text, CHAIN_HASH_CHARS + 1, hash, CHAIN_HASH_BYTES);
}

void chain_text(char text[static CHAIN_TEXT_BYTES], const struct chain *at)
{
    char hash[CHAIN_HASH_CHARS + 1];

    hash_text(hash, at->hash);
    snprintf(text, CHAIN_TEXT_BYTES, "%" PRIu64 ":%s", at->seq, hash);
}

/* Lower case alone, so that a hash has one spelling. */
bool chain_parse_hash(unsigned char ret[static CHAIN_HASH_BYTES], struct slice hex)
{
    if (hex.len != CHAIN_HASH_CHARS)
        return false;
    for (size_t i = 0; i < hex.len; i++)
        if (!hex.p[i] || !strchr("0123456789abcdef", hex.p[i]))
            return false;
    return sodium_hex2bin(ret, CHAIN_HASH_BYTES, hex.p, hex.len, NULL, NULL, NULL) == 0;
}

bool chain_parse(struct chain *ret, struct slice text)
{
    struct slice rest = text, number = slice_cut(&rest, ':');
    struct chain at;

    if (!slice_u64(number, &at.seq) || !chain_parse_hash(at.hash, rest))
        return false;
    *ret = at;
    return true;
}

static void hash_of(unsigned char ret[static CHAIN_HASH_BYTES], const struct chain *before,
                    struct slice entry)
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, CHAIN_HASH_BYTES);
    crypto_generichash_update(&state, before->hash, sizeof before->hash);
    crypto_generichash_update(&state, (const unsigned char *)entry.p, entry.len);
    crypto_generichash_final(&state, ret, CHAIN_HASH_BYTES);
}

void chain_seal(const struct chain *at, struct buf *entry, struct chain *ret)
{
    char text[CHAIN_HASH_CHARS + 1];

    if (entry->failed)
        return;
    ret->seq = at->seq + 1;
    hash_of(ret->hash, at, buf_slice(entry));
    hash_text(text, ret->hash);
    buf_add(entry, hash_key, HASH_KEY_LEN);
    buf_add(entry, text, CHAIN_HASH_CHARS);
    buf_add(entry, "\"}", 2);
}

/* The line without its hash, whose digits go to *ret_hex; false: it has none where it must be. */
static bool cut_hash(struct slice *line, struct slice *ret_hex)
{
    const char *tail = line->p + (line->len > TAIL_LEN ? line->len - TAIL_LEN : 0);

    if (line->len <= TAIL_LEN || memcmp(tail, hash_key, HASH_KEY_LEN) != 0 ||
        memcmp(tail + TAIL_LEN - 2, "\"}", 2) != 0)
        return false;
    *ret_hex = (struct slice){tail + HASH_KEY_LEN, CHAIN_HASH_CHARS};
    line->len -= TAIL_LEN;
    return true;
}

/* What stands between two marks, the first at the beginning of *line, which then begins behind the
 * second. */
static struct slice cut_between(struct slice *line, struct slice before, char after)
{
    if (!slice_starts(*line, before))
        return (struct slice){0};
    line->p += before.len;
    line->len -= before.len;
    return slice_cut(line, after);
}

uint64_t chain_seq(struct slice line)
{
    uint64_t seq;

    return slice_u64(cut_between(&line, SLICE("{\"seq\":"), ','), &seq) ? seq : 0;
}

struct slice chain_kind(struct slice line)
{
    cut_between(&line, SLICE("{\"seq\":"), ',');
    return cut_between(&line, SLICE("\"kind\":\""), '"');
}

static bool wrong(uint64_t *ret_bad, uint64_t bad, char why[static CHAIN_WHY_BYTES],
                  const char *what)
{
    *ret_bad = bad;
    snprintf(why, CHAIN_WHY_BYTES, "record %" PRIu64 " %s", bad, what);
    return false;
}

/* A number that is not the next one: a record was taken out, or moved, or put in. */
static bool out_of_order(uint64_t want, uint64_t seq, uint64_t *ret_bad,
                         char why[static CHAIN_WHY_BYTES])
{
    *ret_bad = want;
    snprintf(why, CHAIN_WHY_BYTES, "record %" PRIu64 " is missing: %" PRIu64 " stands in its place",
             want, seq);
    return false;
}

bool chain_follow(struct chain *at, struct slice line, uint64_t *ret_bad,
                  char why[static CHAIN_WHY_BYTES])
{
    struct slice entry = line, told;
    char hex[CHAIN_HASH_CHARS + 1];
    struct chain next = {.seq = at->seq + 1};
    uint64_t seq = chain_seq(line);

    if (seq == 0 || !cut_hash(&entry, &told))
        return wrong(ret_bad, next.seq, why, "is no entry: it has not the shape of one");
    if (seq != next.seq)
        return out_of_order(next.seq, seq, ret_bad, why);
    hash_of(next.hash, at, entry);
    hash_text(hex, next.hash);
    if (memcmp(hex, told.p, told.len) != 0) /* in its one spelling */
        return wrong(ret_bad, next.seq, why,
                     "does not fit its hash: it, or what stood before it, was changed");
    *at = next;
    return true;
}
