#include "label/session.h"

#include "base/tap.h"
#include "loop/loop.h"
#include <unistd.h>

static char folder[64];
static struct loop *loop;
static struct store *store;
static struct sessions *sessions;
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
    CHECK_EQ(sessions_new(&sessions, store, &err), NIGH_OK);
}

static void stop(void)
{
    sessions = sessions_free(sessions);
    store = store_close(store);
    loop = loop_free(loop);
}

static void fresh(void)
{
    rm();
    strcpy(folder, "/tmp/nigh-session-XXXXXX");
    CHECK(mkdtemp(folder));
    start();
}

static struct session *of(const char *key, const char *name)
{
    return session_of(sessions, slice_of(key), slice_of(name));
}

static void narrow(const char *key, const char *name, const struct session_seen *seen)
{
    CHECK_EQ(session_narrow(sessions, slice_of(key), slice_of(name), seen, &err), NIGH_OK);
}

static struct session_cause cause(unsigned char n, const char *rule)
{
    struct session_cause ret = {.imprint = {{n}}, .rule = rule != NULL};

    if (rule)
        snprintf(ret.zone, sizeof ret.zone, "%s", rule);
    return ret;
}

TEST(session_is_one_keys_own)
{
    const struct session_seen seen = {.label = "home", .all = "home"};

    fresh();
    CHECK(!of("", "a"));
    narrow("ann", "a", &seen);
    CHECK_STR(session_label(of("ann", "a")), "home");
    CHECK(!of("", "a") && !of("bob", "a") && !of("ann", "b") && !of("ann", "") && !of("anna", ""));
    stop();
}

TEST(session_outlasts_a_restart_but_not_its_words)
{
    const struct session_cause causes[] = {cause(1, NULL), cause(2, "home")}, *kept;
    const struct session_seen seen = {.label = "home+car",
                                      .causes = causes,
                                      .n_causes = 2,
                                      .said = SLICE("my card is 4111"),
                                      .all = "device"};

    fresh();
    narrow("", "a", &seen);
    CHECK(slice_is(session_said(of("", "a")), "my card is 4111"));
    stop();
    start();
    CHECK_STR(session_label(of("", "a")), "home+car");
    CHECK_EQ(session_causes(of("", "a"), &kept), 2);
    CHECK(imprint_eq(&kept[0].imprint, &causes[0].imprint) && !kept[0].rule);
    CHECK(kept[1].rule);
    CHECK_STR(kept[1].zone, "home");
    CHECK(!session_said(of("", "a")).p);
    stop();
}

TEST(session_keeps_the_end_of_what_was_said)
{
    char text[DETECT_BORDER_BYTES + 10];
    struct session_seen seen = {.label = "", .all = "public", .said = {text, sizeof text}};

    fresh();
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 'y';
    narrow("", "a", &seen);
    CHECK_EQ(session_said(of("", "a")).len, DETECT_BORDER_BYTES);
    CHECK_EQ(session_said(of("", "a")).p[DETECT_BORDER_BYTES - 1], 'y');
    seen.said = (struct slice){0};
    narrow("", "a", &seen);
    CHECK_EQ(session_said(of("", "a")).len, DETECT_BORDER_BYTES);
    seen.said = SLICE("short");
    narrow("", "a", &seen);
    CHECK(slice_is(session_said(of("", "a")), "short"));
    stop();
}

/* What does not fit narrows for good. */
TEST(session_causes_have_a_ceiling)
{
    struct session_cause one;
    struct session_seen seen = {.label = "", .causes = &one, .n_causes = 1, .all = "home"};
    const struct session_cause *kept;

    fresh();
    for (unsigned i = 0; i < SESSION_CAUSES_MAX; i++) {
        one = cause((unsigned char)i, NULL);
        narrow("", "a", &seen);
        narrow("", "a", &seen);
    }
    CHECK_EQ(session_causes(of("", "a"), &kept), SESSION_CAUSES_MAX);
    CHECK_STR(session_label(of("", "a")), "");
    one = cause(SESSION_CAUSES_MAX, NULL);
    narrow("", "a", &seen);
    CHECK_EQ(session_causes(of("", "a"), &kept), SESSION_CAUSES_MAX);
    CHECK_STR(session_label(of("", "a")), "home");
    stop();
}

TEST(sessions_have_a_ceiling_and_the_least_used_goes)
{
    const struct session_seen seen = {.label = "home", .all = "home"};
    char name[16];

    fresh();
    for (int i = 0; i < SESSIONS_MAX; i++) {
        snprintf(name, sizeof name, "%d", i);
        narrow("", name, &seen);
    }
    CHECK(of("", "0")); /* used again, so 1 is the oldest */
    narrow("", "more", &seen);
    CHECK(of("", "0") && of("", "more") && of("", "2") && !of("", "1"));
    stop();
    start();
    CHECK(of("", "0") && of("", "more") && of("", "2") && !of("", "1"));
    stop();
}
