#include "base/fault.h"
#include "base/log.h"
#include "base/rand.h"
#include "base/tap.h"
#include "label/key.h"
#include "loop/loop.h"
#include <unistd.h>

static char folder[64];
static struct loop *loop;
static struct store *store;
static struct keys *keys;
static struct nigh_err err;

static void rm(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (folder[0] && system(command) != 0)
        perror("rm");
}

__attribute__((destructor)) static void sweep(void)
{
    rm();
}

static void start(void)
{
    err = (struct nigh_err){0};
    CHECK_EQ(loop_new(&loop, &err), NIGH_OK);
    CHECK_EQ(store_open(&store, loop, folder, &err), NIGH_OK);
    CHECK_EQ(keys_new(&keys, store, &err), NIGH_OK);
}

static void stop(void)
{
    keys = keys_free(keys);
    store = store_close(store);
    loop = loop_free(loop);
}

static void fresh(void)
{
    rm();
    strcpy(folder, "/tmp/nigh-key-XXXXXX");
    CHECK(mkdtemp(folder));
    start();
}

static const char *name_of(const char *text)
{
    const struct key *key = key_find(keys, slice_of(text));

    return key ? key->name : "nobody";
}

TEST(keys_are_found_by_their_text_now_and_after_a_restart)
{
    char kids[KEY_TEXT_BYTES], work[KEY_TEXT_BYTES], wrong[KEY_TEXT_BYTES];

    fresh();
    CHECK_STR(name_of("nigh_"), "nobody");
    CHECK_EQ(key_new(keys, SLICE("kids"), &SCOPE_ALL, kids, &err), NIGH_OK);
    CHECK_EQ(key_new(keys, SLICE("work.laptop-2_b"), &SCOPE_ALL, work, &err), NIGH_OK);
    CHECK_EQ(strlen(kids), KEY_TEXT_BYTES - 1);
    CHECK(strncmp(kids, "nigh_", 5) == 0 && strcmp(kids, work) != 0);
    CHECK_EQ(strspn(kids, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"),
             KEY_TEXT_BYTES - 1);
    for (int times = 0; times < 2; times++) {
        CHECK_EQ(keys_count(keys), 2);
        CHECK_STR(keys_at(keys, 0)->name, "kids");
        CHECK(keys_at(keys, 2) == NULL);
        CHECK_STR(name_of(kids), "kids");
        CHECK_STR(name_of(work), "work.laptop-2_b");
        for (size_t i = 0; i < KEY_TEXT_BYTES - 1; i++) { /* one character off, anywhere */
            memcpy(wrong, kids, sizeof wrong);
            wrong[i] = wrong[i] == 'x' ? 'y' : 'x';
            CHECK_STR(name_of(wrong), "nobody");
        }
        CHECK(!key_find(keys, (struct slice){kids, KEY_TEXT_BYTES - 2}));
        CHECK(!key_find(keys, (struct slice){0}));
        stop();
        start();
    }
    stop();
}

TEST(keys_revoked_are_gone_and_their_names_free)
{
    char first[KEY_TEXT_BYTES], second[KEY_TEXT_BYTES];
    struct buf rows = {0};

    fresh();
    CHECK_EQ(key_new(keys, SLICE("kids"), &SCOPE_ALL, first, &err), NIGH_OK);
    CHECK_EQ(key_new(keys, SLICE("kids"), &SCOPE_ALL, second, &err), NIGH_INVALID);
    CHECK_STR(err.what, "a key named 'kids' exists; revoke it first");
    CHECK_EQ(key_revoke(keys, SLICE("kids"), NULL), NIGH_OK);
    CHECK_STR(name_of(first), "nobody");
    CHECK_EQ(key_revoke(keys, SLICE("kids"), NULL), NIGH_NOTFOUND);
    CHECK_EQ(key_new(keys, SLICE("kids"), &SCOPE_ALL, second, NULL), NIGH_OK);
    stop();
    start();
    CHECK_EQ(keys_count(keys), 1);
    CHECK_STR(name_of(first), "nobody");
    CHECK_STR(name_of(second), "kids");
    CHECK_EQ(
        store_load(store, "SELECT count(*) AS n, count(revoked) AS r FROM keys", 1, &rows, &err),
        NIGH_OK);
    CHECK_STR(rows.data, "[{\"n\":2,\"r\":1}]");
    buf_done(&rows);
    stop();
}

TEST(keys_are_never_stored)
{
    char text[KEY_TEXT_BYTES], command[256];

    fresh();
    CHECK_EQ(key_new(keys, SLICE("kids"), &SCOPE_ALL, text, &err), NIGH_OK);
    snprintf(command, sizeof command, "grep -rqaF -e '%s' '%s'", text + 5, folder);
    CHECK(system(command) != 0);
    stop();
    CHECK(system(command) != 0);
    snprintf(command, sizeof command, "grep -rqaF kids '%s'", folder); /* grep does find things */
    CHECK_EQ(system(command), 0);
}

TEST(keys_refuse_odd_names)
{
    static const char *const names[] = {
        "",     "a b", "a/b",
        "a\"b", "ä",   "12345678901234567890123456789012345678901234567890123456789012345"};
    char text[KEY_TEXT_BYTES];

    fresh();
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        CHECK_EQ(key_new(keys, slice_of(names[i]), &SCOPE_ALL, text, &err), NIGH_INVALID);
    CHECK_EQ(key_new(keys, (struct slice){0}, &SCOPE_ALL, text, &err), NIGH_INVALID);
    CHECK_EQ(keys_count(keys), 0);
    stop();
}

TEST(keys_have_a_ceiling)
{
    char text[KEY_TEXT_BYTES], name[16], last[KEY_TEXT_BYTES] = "";

    fresh();
    for (int i = 0; i < KEYS_MAX; i++) {
        snprintf(name, sizeof name, "k%d", i);
        CHECK_EQ(key_new(keys, slice_of(name), &SCOPE_ALL, last, &err), NIGH_OK);
    }
    CHECK_EQ(key_new(keys, SLICE("more"), &SCOPE_ALL, text, &err), NIGH_TOOBIG);
    CHECK_STR(name_of(last), "k999");
    stop();
    start();
    CHECK_EQ(keys_count(keys), KEYS_MAX);
    CHECK_STR(name_of(last), "k999");
    stop();
}

/* A key that could not be stored does not exist; one whose end could not be stored ends all the
 * same. */
TEST(keys_and_a_disk_that_fails)
{
    char text[KEY_TEXT_BYTES] = "untouched";

    fresh();
    fault_arm(FAULT_WRITE, 1);
    CHECK_EQ(key_new(keys, SLICE("kids"), &SCOPE_ALL, text, NULL), NIGH_IO);
    CHECK(fault_disarm());
    CHECK_STR(text, "untouched");
    CHECK_EQ(keys_count(keys), 0);
    CHECK_EQ(key_new(keys, SLICE("kids"), &SCOPE_ALL, text, &err), NIGH_OK);
    fault_arm(FAULT_WRITE, 1);
    CHECK_EQ(key_revoke(keys, SLICE("kids"), &err), NIGH_IO);
    CHECK(fault_disarm());
    CHECK_STR(err.what, "key 'kids' is revoked, but that could not be stored: it would be back "
                        "after a restart");
    CHECK_STR(name_of(text), "nobody");
    stop();
}

static bool same_scope(const struct scope *a, const struct scope *b)
{
    CLEANUP(buf_done) struct buf a_text = {0}, b_text = {0};

    scope_json(a, &a_text);
    scope_json(b, &b_text);
    return slice_eq(buf_slice(&a_text), buf_slice(&b_text));
}

TEST(a_scope_outlives_a_restart)
{
    struct scope scope = {.spaces = SPACE_OPENAI,
                          .places = "here*,home*",
                          .label = "home",
                          .budget_uusd = 250000,
                          .per_minute = 3,
                          .expires_us = 77};
    char text[KEY_TEXT_BYTES];

    fresh();
    CHECK_EQ(key_new(keys, SLICE("kids"), &scope, text, &err), NIGH_OK);
    CHECK_EQ(key_new(keys, SLICE("me"), &SCOPE_ALL, text, &err), NIGH_OK);
    for (int times = 0; times < 2; times++) {
        const struct key *kids = keys_named(keys, SLICE("kids"));
        CHECK(kids && same_scope(&kids->scope, &scope));
        CHECK(!scope_limited(&keys_named(keys, SLICE("me"))->scope));
        stop();
        start();
    }
    stop();
}

TEST(a_key_that_is_held_stays_whole_when_it_is_revoked)
{
    char text[KEY_TEXT_BYTES], name[16];
    struct key *held;

    fresh();
    CHECK_EQ(key_new(keys, SLICE("kids"), &SCOPE_ALL, text, &err), NIGH_OK);
    held = key_ref(key_find(keys, slice_of(text)));
    for (int i = 0; i < 20; i++) { /* the list moves */
        char more[KEY_TEXT_BYTES];
        snprintf(name, sizeof name, "k%d", i);
        CHECK_EQ(key_new(keys, slice_of(name), &SCOPE_ALL, more, &err), NIGH_OK);
    }
    CHECK_EQ(key_revoke(keys, SLICE("kids"), &err), NIGH_OK);
    CHECK(key_find(keys, slice_of(text)) == NULL);
    CHECK_STR(held->name, "kids");
    CHECK(key_unref(held) == NULL);
    stop();
}

TEST(a_rate_and_a_budget_are_counted)
{
    struct key key = {.refs = 1, .scope = {.per_minute = 2, .budget_uusd = 100}};
    struct key free_key = {.refs = 1, .scope = SCOPE_ALL};
    uint64_t wait = 0;

    CHECK(key_take(&key, 1000000, &wait) && key_take(&key, 1000000, &wait));
    CHECK(!key_take(&key, 1000000, &wait));
    CHECK_EQ(wait, 30000);
    CHECK(key_take(&key, 31000000, &wait));
    for (int i = 0; i < 100; i++)
        CHECK(key_take(&free_key, 1, &wait));
    CHECK_EQ(key_left_uusd(&free_key, 5), -1);
    CHECK_EQ(key_left_uusd(&key, 5), 100);
    key_spend(&key, 5, 60);
    key_spend(&key, 5, -1); /* its price is not known */
    CHECK_EQ(key_left_uusd(&key, 5), 40);
    key_spend(&key, 5, 60);
    CHECK_EQ(key_left_uusd(&key, 5), 0);
    CHECK_EQ(key_left_uusd(&key, 6), 100); /* the next day */
}
