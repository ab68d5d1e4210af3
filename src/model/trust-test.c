#include "base/tap.h"
#include "model/trust.h"

#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

static struct loop *loop;
static struct store *store;
static struct trust *trust;
static char folder[64];
static char why[TRUST_WHY_BYTES];

static void open_trust(void)
{
    struct nigh_err err = {0};

    if (loop_new(&loop, &err) != NIGH_OK || store_open(&store, loop, folder, &err) != NIGH_OK ||
        trust_new(&trust, store, &err) != NIGH_OK)
        TAP_FAIL("%s", err.what);
}

static void close_trust(void)
{
    trust = trust_free(trust);
    store = store_close(store);
    loop = loop_free(loop);
}

static void begin(void)
{
    CHECK(sodium_init() >= 0);
    strcpy(folder, P_tmpdir "/nigh-trust-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    open_trust();
}

static void end(void)
{
    char command[128];

    close_trust();
    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK(system(command) == 0);
}

/* As the next node finds it. */
static void again(void)
{
    close_trust();
    open_trust();
}

static enum trust_state look(const char *stamp)
{
    why[0] = '\0';
    return trust_look(trust, "/m/x.gguf", stamp, why);
}

TEST(trust_holds_for_exactly_these_files)
{
    begin();
    CHECK_EQ(look("aa"), TRUST_UNKNOWN);
    CHECK(trust_checked(trust, "/m/x.gguf", "aa", NULL, SLICE("dGVtcGxhdGU=")));
    for (int i = 0; i < 2; i++, again()) {
        CHECK_EQ(look("aa"), TRUST_GOOD);
        CHECK_EQ(look("bb"), TRUST_UNKNOWN);
        CHECK_EQ(trust_look(trust, "/m/y.gguf", "aa", why), TRUST_UNKNOWN);
    }
    CHECK(trust_checked(trust, "/m/x.gguf", "bb", "a list of type 9", (struct slice){0}));
    for (int i = 0; i < 2; i++, again()) {
        CHECK_EQ(look("bb"), TRUST_REFUSED);
        CHECK_STR(why, "a list of type 9");
        CHECK_EQ(look("aa"), TRUST_UNKNOWN);
        CHECK_EQ(trust_accept(trust, "/m/x.gguf", NULL), NIGH_DENIED);
    }
    CHECK(trust_checked(trust, "/m/x.gguf", "cc", NULL, SLICE("dGVtcGxhdGU="))); /* mended */
    CHECK_EQ(look("cc"), TRUST_GOOD);
    end();
}

TEST(trust_pins_the_first_template)
{
    begin();
    CHECK(trust_checked(trust, "/m/x.gguf", "aa", NULL, SLICE("b25l")));
    CHECK(trust_checked(trust, "/m/x.gguf", "bb", NULL,
                        SLICE("b25l"))); /* other files, same template */
    CHECK_EQ(look("bb"), TRUST_GOOD);
    CHECK(trust_checked(trust, "/m/x.gguf", "cc", NULL, SLICE("dHdv")));
    for (int i = 0; i < 2; i++, again()) {
        CHECK_EQ(look("cc"), TRUST_REFUSED);
        CHECK(strstr(why, "chat template changed"));
        CHECK_STR(trust_find(trust, "/m/x.gguf")->pinned, "b25l");
        CHECK_STR(trust_find(trust, "/m/x.gguf")->template, "dHdv");
    }
    CHECK(trust_checked(trust, "/m/x.gguf", "dd", NULL,
                        (struct slice){0})); /* to none is a change too */
    CHECK_EQ(look("dd"), TRUST_REFUSED);
    CHECK(trust_checked(trust, "/m/x.gguf", "ee", NULL,
                        SLICE("b25l"))); /* and back it is as it was */
    CHECK_EQ(look("ee"), TRUST_GOOD);
    CHECK(trust_checked(trust, "/m/x.gguf", "ff", NULL, SLICE("dHdv")));
    CHECK_EQ(trust_accept(trust, "/m/x.gguf", NULL), NIGH_OK);
    for (int i = 0; i < 2; i++, again()) {
        CHECK_EQ(look("ff"), TRUST_GOOD);
        CHECK(trust_find(trust, "/m/x.gguf")->accepted);
    }
    CHECK(trust_checked(trust, "/m/x.gguf", "gg", NULL, SLICE("b25l")));
    CHECK_EQ(look("gg"), TRUST_REFUSED);
    CHECK(!trust_find(trust, "/m/x.gguf")->accepted);
    end();
}

TEST(trust_refuses_what_came_to_light_later)
{
    begin();
    trust_refuse(trust, "/m/x.gguf", "of what was never seen, nothing");
    CHECK_EQ(look("aa"), TRUST_UNKNOWN);
    CHECK_EQ(trust_accept(trust, "/m/x.gguf", NULL), NIGH_NOTFOUND);
    CHECK(trust_checked(trust, "/m/x.gguf", "aa", NULL, (struct slice){0}));
    trust_refuse(trust, "/m/x.gguf", "its chat template does not end");
    for (int i = 0; i < 2; i++, again()) {
        CHECK_EQ(look("aa"), TRUST_REFUSED);
        CHECK_STR(why, "its chat template does not end");
    }
    CHECK_EQ(trust_accept(trust, "/m/x.gguf", NULL), NIGH_OK);
    CHECK_EQ(look("aa"), TRUST_GOOD);
    end();
}

TEST(trust_digests_the_template_itself)
{
    char digest[TRUST_DIGEST_BYTES];

    trust_digest(digest, "YWJj"); /* abc */
    CHECK_STR(digest, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    trust_digest(digest, "");
    CHECK_STR(digest, "");
    trust_digest(digest, NULL);
    CHECK_STR(digest, "");
}
