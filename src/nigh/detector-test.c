#include "nigh/detector.h"

#include "base/path.h"
#include "base/tap.h"
#include "nigh/config_detect.h"
#include <unistd.h>

static char file[64];
static struct detector *detector;
static struct spans spans;
static struct nigh_err err;

__attribute__((destructor)) static void sweep(void)
{
    detector_free(detector);
    spans_done(&spans);
    if (file[0])
        unlink(file);
}

static enum nigh_status make(const char *words)
{
    struct config_detect config;

    config_detect_defaults(&config);
    config.words_file = words ? file : NULL;
    if (!file[0])
        snprintf(file, sizeof file, "/tmp/nigh-detector-%d", (int)getpid());
    if (words)
        CHECK_EQ(path_write(file, slice_of(words), NULL), NIGH_OK);
    detector = detector_free(detector);
    err = (struct nigh_err){0};
    return detector_new(&detector, &config, &err);
}

TEST(detector_reads_the_users_words)
{
    struct detect *here, *aside, *again;

    CHECK_EQ(make("# friends\n  Anna Blum  \n\nProjekt Blau\r\n"), NIGH_OK);
    CHECK_EQ(detector_here(detector, &here, NULL), NIGH_OK);
    CHECK_EQ(detector_aside(detector, &aside, NULL), NIGH_OK);
    CHECK_EQ(detector_here(detector, &again, NULL), NIGH_OK);
    CHECK(here != aside && here == again);
    CHECK_EQ(detect_scan(aside, SLICE("ask anna blum of projekt blau"), 0, &spans, NULL), NIGH_OK);
    CHECK_EQ(spans.n, 2);
    CHECK_EQ(spans.all[0].group, DETECT_CONTACT);
    CHECK_STR(spans.all[0].type, "CONTACT");
}

TEST(detector_tells_what_is_wrong_with_the_file)
{
    CHECK_EQ(make("Anna\nab\n"), NIGH_INVALID);
    CHECK_STR(err.what, "detect.words_file: line 2: a word has at least 3 bytes");
    CHECK_EQ(make("Anna\n\xff\xff\xff\n"), NIGH_INVALID);
    CHECK_EQ(make("Anna\n"), NIGH_OK);
    unlink(file);
    struct config_detect config;
    config_detect_defaults(&config);
    config.words_file = file;
    detector = detector_free(detector);
    err = (struct nigh_err){0};
    CHECK_EQ(detector_new(&detector, &config, &err), NIGH_NOTFOUND);
    CHECK(strncmp(err.what, "detect.words_file: ", 19) == 0);
}

/* The tagger only where names matter: Marie Curie is no secret by default. */
TEST(detector_looks_for_names_where_they_matter)
{
    struct config_detect config;
    struct detect *detect;

    for (int i = 0; i < 3; i++) {
        config_detect_defaults(&config);
        config.policy[DETECT_PERSON] = i == 0 ? DETECT_ALLOW : DETECT_MASK;
        config.names = i < 2;
        detector = detector_free(detector);
        CHECK_EQ(detector_new(&detector, &config, NULL), NIGH_OK);
        CHECK_EQ(detector_here(detector, &detect, NULL), NIGH_OK);
        CHECK_EQ(detect_scan(detect, SLICE("Yesterday John Smith wrote to us."), 0, &spans, NULL),
                 NIGH_OK);
        CHECK_EQ(spans.n > 0, i == 1);
    }
}
