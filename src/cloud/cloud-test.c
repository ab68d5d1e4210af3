#include "api/place-rig.h"
#include "api/wire.h"
#include "base/rand.h"
#include "cloud/cloud.h"
#include "cloud/retry.h"
#include <stdlib.h>
#include <sys/stat.h>

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define TEXT                                                                                       \
    "data: {\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n"
#define TAIL                                                                                       \
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"              \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\ndata: "     \
    "[DONE]\n\n"
#define OK_REPLY                                                                                   \
    {                                                                                              \
        HEAD TEXT TAIL, PEER_CLOSE                                                                 \
    }
#define ERROR_REPLY                                                                                \
    {                                                                                              \
        "HTTP/1.1 500 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", PEER_CLOSE          \
    }
#define CHAT                                                                                       \
    "{\"model\":\"x\",\"max_tokens\":7,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static const struct cloud_model models[] = {
    {.name = "big", .quality = 0.9, .context_tokens = 1000, .can = CAN_TOOLS},
    {.name = "small", .quality = 0.5},
};
static struct cloud *cloud;
static struct place **places;

/* Zone device, since a test's gate has no ledger and lets nothing else pass. */
static struct cloud_spec spec_of(void)
{
    return (struct cloud_spec){.name = "acme",
                               .base_url = peer.url,
                               .zone = ZONE_DEVICE,
                               .old_max_tokens = -1,
                               .models = models,
                               .n_models = ARRAY_LEN(models)};
}

static void open_cloud(const struct peer_reply *replies, size_t n, struct cloud_spec *spec)
{
    struct nigh_err err = {0};
    struct cloud_spec plain;

    rig_open();
    peer_open(replies, n);
    plain = spec_of();
    if (spec) {
        spec->base_url = peer.url;
        plain = *spec;
    }
    if (cloud_new(&cloud, rig.loop, rig.client, &plain, &err) != NIGH_OK)
        TAP_FAIL("cloud_new: %s", err.what);
    CHECK_EQ(cloud_places(cloud, &places), plain.n_models);
}

static void close_cloud(void)
{
    cloud = cloud_free(cloud);
    rig_close();
}

static struct cloud_status status_of(void)
{
    struct cloud_status s;
    cloud_status(cloud, &s);
    return s;
}

static enum fate ask(struct place *place)
{
    struct probe p;
    probe_make(&p, CHAT);
    if (probe_start(&p, place) != NIGH_OK)
        TAP_FAIL("start: %s", p.err.what);
    WAIT(p.done);
    enum fate fate = p.outcome.fate;
    probe_free(&p);
    return fate;
}

TEST(cloud_answers_as_the_place_that_was_asked)
{
    static const struct peer_reply reply = OK_REPLY;
    struct probe p;
    char why[128];

    open_cloud(&reply, 1, NULL);
    CHECK_STR(places[0]->name, "acme/big");
    CHECK_STR(places[1]->name, "acme/small");
    CHECK_STR(places[0]->dest.place, "acme/big");
    CHECK(strncmp(places[0]->dest.address, "http://127.0.0.1:", 17) == 0);
    CHECK(!strstr(places[0]->dest.address, "/v1"));
    CHECK_EQ(places[0]->kind, PLACE_CLOUD);
    CHECK_EQ(places[0]->can, CAN_TOOLS);
    CHECK_EQ(places[0]->ops->ready(places[0], why), READY_NOW);

    probe_make(&p, CHAT);
    CHECK_EQ(probe_start(&p, places[1]), NIGH_OK);
    CHECK_EQ(status_of().running, 1);
    WAIT(p.done);
    CHECK_EQ(p.outcome.fate, FATE_WHOLE);
    CHECK_STR(p.text.data, "hi");
    CHECK_STR(p.model.data, "m-1"); /* what answered is what is reported */
    CHECK_EQ(p.usage.output, 2);
    CHECK(strstr(peer.last, "POST /v1/chat/completions"));
    CHECK(strstr(peer.last, "\"model\":\"small\""));
    CHECK(strstr(peer.last, "\"max_tokens\":7")); /* not OpenAI's own host: the older name */
    CHECK(!strcasestr(peer.last, "authorization"));
    CHECK_EQ(status_of().running, 0);
    CHECK_EQ(status_of().ok, 1);
    probe_free(&p);
    close_cloud();
}

TEST(cloud_key_from_the_environment_or_a_file)
{
    static const struct peer_reply reply = OK_REPLY;
    char path[] = P_tmpdir "/nigh-key-XXXXXX";
    int fd = mkstemp(path);
    struct cloud_spec spec = spec_of();

    CHECK(write(fd, "  file-key \n", 12) == 12);
    close(fd);
    spec.key_file = path;
    open_cloud(&reply, 1, &spec);
    CHECK(status_of().has_key);
    CHECK_EQ(ask(places[0]), FATE_WHOLE);
    CHECK(strstr(peer.last, "Authorization: Bearer file-key\r\n"));
    close_cloud();

    setenv("NIGH_TEST_KEY", "env-key", 1);
    spec.key_file = NULL;
    spec.key_env = "NIGH_TEST_KEY";
    spec.old_max_tokens = 0;
    open_cloud(&reply, 1, &spec);
    unsetenv("NIGH_TEST_KEY"); /* it was read when the cloud was made */
    CHECK_EQ(ask(places[0]), FATE_WHOLE);
    CHECK(strstr(peer.last, "Authorization: Bearer env-key\r\n"));
    CHECK(strstr(peer.last, "\"max_completion_tokens\":7"));
    close_cloud();
    unlink(path);
}

#define SAY(type, members) "event: " type "\r\ndata: {\"type\":\"" type "\"" members "}\r\n\r\n"

/* Another format: its path, its key's header, its version, and the bound it must be told. */
TEST(cloud_speaks_what_its_provider_speaks)
{
    static const struct peer_reply reply = {
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" SAY(
            "message_start",
            ",\"message\":{\"model\":\"m-1\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}")
            SAY("content_block_start",
                ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"hi\"}")
                SAY("content_block_stop", ",\"index\":0")
                    SAY("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"
                                         "\"output_tokens\":2}") SAY("message_stop", ""),
        PEER_CLOSE};
    static const struct cloud_model talker = {
        .name = "t", .output_tokens_max = 77, .can = CAN_ALL, .price = {.source = "free"}};
    struct cloud_spec spec = spec_of();
    struct probe p;

    setenv("NIGH_TEST_KEY", "env-key", 1);
    spec.key_env = "NIGH_TEST_KEY";
    spec.wire = &wire_anthropic;
    spec.models = &talker;
    spec.n_models = 1;
    open_cloud(&reply, 1, &spec);
    unsetenv("NIGH_TEST_KEY");
    CHECK_EQ(places[0]->can & (CAN_CHOICES | CAN_LOGPROBS | CAN_TOOLS), CAN_TOOLS);
    CHECK(place_speaks(places[0], VERB_COUNT) && !place_speaks(places[0], VERB_EMBED));
    probe_make(&p, "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    CHECK_EQ(probe_start(&p, places[0]), NIGH_OK);
    WAIT(p.done);
    CHECK_EQ(p.outcome.fate, FATE_WHOLE);
    CHECK_STR(p.text.data, "hi");
    CHECK_EQ(p.usage.input, 5);
    CHECK_EQ(p.usage.output, 2);
    probe_free(&p);
    CHECK(strstr(peer.last, "POST /v1/messages HTTP/1.1\r\n"));
    CHECK(strstr(peer.last, "x-api-key: env-key\r\n"));
    CHECK(strstr(peer.last, "anthropic-version: 2023-06-01\r\n"));
    CHECK(strstr(peer.last, "\"max_tokens\":77"));
    CHECK(!strcasestr(peer.last, "authorization"));
    close_cloud();
}

TEST(cloud_without_its_key_never_sends)
{
    static const struct peer_reply reply = OK_REPLY;
    static const struct {
        const char *env, *value, *file, *why;
    } rows[] = {
        {"NIGH_TEST_KEY", NULL, NULL, "NIGH_TEST_KEY is not set"},
        {"NIGH_TEST_KEY", "", NULL, "NIGH_TEST_KEY is not set"},
        {"NIGH_TEST_KEY", "a b", NULL, "NIGH_TEST_KEY holds no usable key"},
        {"NIGH_TEST_KEY", "a\r\nHost: evil", NULL, "NIGH_TEST_KEY holds no usable key"},
        {NULL, NULL, "/nowhere/key", "key file /nowhere/key: No such file or directory"},
        {NULL, NULL, "/dev/null", "/dev/null holds no usable key"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cloud_spec spec = spec_of();
        struct probe p;
        char why[128] = "";
        unsetenv("NIGH_TEST_KEY");
        if (rows[i].value)
            setenv("NIGH_TEST_KEY", rows[i].value, 1);
        spec.key_env = rows[i].env;
        spec.key_file = rows[i].file;
        open_cloud(&reply, 1, &spec);
        CHECK_EQ(places[0]->ops->ready(places[0], why), READY_NOT);
        CHECK_STR(why, rows[i].why);
        CHECK_STR(status_of().why, rows[i].why);
        probe_make(&p, CHAT);
        CHECK_EQ(probe_start(&p, places[0]), NIGH_OFFLINE);
        CHECK(strstr(p.err.what, rows[i].why));
        CHECK_EQ(peer.requests, 0);
        probe_free(&p);
        close_cloud();
    }
    unsetenv("NIGH_TEST_KEY");
}

/* The key's pages are locked and left out of core dumps; only its place in memory tells. */
TEST(cloud_key_is_in_memory_that_no_core_dump_holds)
{
    static const struct peer_reply reply = OK_REPLY;
    struct cloud_spec spec = spec_of();
    char line[512];
    int locked = 0, dumped_out = 0;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SKIP("under a sanitizer mlock() does nothing");
#endif

    setenv("NIGH_TEST_KEY", "secret", 1);
    spec.key_env = "NIGH_TEST_KEY";
    open_cloud(&reply, 1, &spec);
    FILE *f = fopen("/proc/self/smaps", "r");
    CHECK(f != NULL);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, "VmFlags:", 8) == 0) {
            locked += strstr(line, " lo") != NULL;
            dumped_out += strstr(line, " lo") && strstr(line, " dd");
        }
    fclose(f);
    CHECK(locked > 0 && dumped_out > 0);
    close_cloud();
    unsetenv("NIGH_TEST_KEY");
}

TEST(cloud_breaker_opens_for_all_models_and_closes_again)
{
    static const struct peer_reply replies[] = {ERROR_REPLY, ERROR_REPLY, ERROR_REPLY,
                                                ERROR_REPLY, ERROR_REPLY, OK_REPLY};
    struct probe p;
    char why[128] = "";

    open_cloud(replies, ARRAY_LEN(replies), NULL);
    for (int i = 0; i < BREAKER_RUN; i++)
        CHECK_EQ(ask(places[i % 2]), FATE_RETRY);
    CHECK_EQ(status_of().breaker, BREAKER_OPEN);
    CHECK_EQ(places[0]->ops->ready(places[0], why), READY_NOT);
    CHECK_EQ(places[1]->ops->ready(places[1], why), READY_NOT);
    CHECK(strstr(why, "asked again in"));
    CHECK(places[0]->ops->retry_after_ms(places[0]) > 4000);
    probe_make(&p, CHAT);
    CHECK_EQ(probe_start(&p, places[0]), NIGH_OFFLINE);
    CHECK_EQ(peer.requests, BREAKER_RUN);
    probe_free(&p);

    clock_drive(clock_mono_us() + 10 * 1000000, clock_wall_us()); /* ten seconds later */
    CHECK_EQ(places[0]->ops->ready(places[0], why), READY_NOW);
    probe_make(&p, CHAT);
    CHECK_EQ(probe_start(&p, places[0]), NIGH_OK);
    CHECK_EQ(places[1]->ops->ready(places[1], why), READY_NOT); /* one probe at a time */
    places[0]->ops->cancel(&p.run); /* tells nothing: the next one probes */
    CHECK_EQ(places[1]->ops->ready(places[1], why), READY_NOW);
    probe_free(&p);
    clock_real();
    close_cloud();
}

TEST(cloud_refusals_do_not_open_the_breaker)
{
    static const struct peer_reply refusal = {
        "HTTP/1.1 400 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", PEER_CLOSE};
    static const struct peer_reply slow = {
        "HTTP/1.1 429 No\r\nRetry-After: 2\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        PEER_CLOSE};
    char why[128];

    open_cloud(&refusal, 1, NULL);
    for (int i = 0; i < 2 * BREAKER_RUN; i++)
        CHECK_EQ(ask(places[0]), FATE_CALLER);
    CHECK_EQ(status_of().breaker, BREAKER_CLOSED);
    close_cloud();

    open_cloud(&slow, 1, NULL);
    for (int i = 0; i < 2 * BREAKER_RUN; i++)
        CHECK_EQ(ask(places[0]), FATE_RETRY);
    CHECK_EQ(status_of().breaker, BREAKER_CLOSED);
    CHECK_EQ(places[0]->ops->ready(places[0], why), READY_NOW); /* waited out by the turn itself */
    close_cloud();
}

TEST(cloud_cools_a_model_down_that_asks_for_long)
{
    static const struct peer_reply reply = {
        "HTTP/1.1 429 No\r\nRetry-After: 60\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        PEER_CLOSE};
    char why[128];

    open_cloud(&reply, 1, NULL);
    CHECK_EQ(ask(places[0]), FATE_RETRY);
    CHECK_EQ(places[0]->ops->ready(places[0], why), READY_LIMITED);
    CHECK(strstr(why, "rate limited for"));
    struct probe p;
    probe_make(&p, CHAT);
    CHECK_EQ(probe_start(&p, places[0]), NIGH_BUSY);
    probe_free(&p);
    CHECK(places[0]->ops->retry_after_ms(places[0]) > 55000);
    CHECK_EQ(places[1]->ops->ready(places[1], why), READY_NOW); /* limits are per model */
    close_cloud();
}

/* With a runner-up in the plan the walk's patience holds, unless the user gave this model its own.
 */
/* One at a time, one waits, and the rest are told to come again. */
TEST(cloud_takes_no_more_at_once_than_told)
{
    static const struct peer_reply replies[] = {OK_REPLY, OK_REPLY, OK_REPLY};
    struct cloud_spec spec = spec_of();
    struct probe p[3], again;

    spec.at_once = spec.queue_max = 1;
    open_cloud(replies, ARRAY_LEN(replies), &spec);
    for (size_t i = 0; i < ARRAY_LEN(p); i++) {
        probe_make(&p[i], CHAT);
        enum nigh_status status = probe_start(&p[i], places[i % 2]); /* the models share it */
        CHECK_EQ(status, i < 2 ? NIGH_OK : NIGH_BUSY);
    }
    CHECK_EQ(status_of().running, 1);
    CHECK_EQ(status_of().waiting, 1);
    CHECK(places[0]->ops->retry_after_ms(places[0]) >= 1000);
    WAIT(p[0].done && p[1].done);
    CHECK_EQ(p[0].outcome.fate, FATE_WHOLE);
    CHECK_EQ(p[1].outcome.fate, FATE_WHOLE);
    CHECK_EQ(status_of().running, 0);

    probe_make(&again, CHAT); /* one that leaves while it waits */
    probe_free(&p[0]);
    probe_make(&p[0], CHAT);
    CHECK_EQ(probe_start(&p[0], places[0]), NIGH_OK);
    CHECK_EQ(probe_start(&again, places[0]), NIGH_OK);
    places[0]->ops->cancel(&again.run);
    CHECK_EQ(status_of().waiting, 0);
    WAIT(p[0].done);
    CHECK_EQ(p[0].outcome.fate, FATE_WHOLE);
    CHECK(!again.done);
    for (size_t i = 0; i < ARRAY_LEN(p); i++)
        probe_free(&p[i]);
    probe_free(&again);
    close_cloud();
}

TEST(cloud_patience)
{
    static const struct peer_reply reply = {NULL, PEER_SILENT};
    static const struct cloud_model thinker[] = {{.name = "thinker", .first_ms = 400}};
    struct cloud_spec spec = spec_of();
    struct probe p;

    open_cloud(&reply, 1, NULL);
    probe_make(&p, CHAT);
    p.run.patience_ms = 100;
    uint64_t began_us = clock_mono_us();
    CHECK_EQ(probe_start(&p, places[0]), NIGH_OK);
    WAIT(p.done);
    CHECK_EQ(p.outcome.fate, FATE_ELSEWHERE);
    CHECK_EQ(p.outcome.err.status, NIGH_TIMEOUT);
    CHECK(p.done_us - began_us < 2000000);
    probe_free(&p);
    close_cloud();

    spec.models = thinker;
    spec.n_models = 1;
    open_cloud(&reply, 1, &spec);
    probe_make(&p, CHAT);
    p.run.patience_ms = 100;
    began_us = clock_mono_us();
    CHECK_EQ(probe_start(&p, places[0]), NIGH_OK);
    WAIT(p.done);
    CHECK(p.done_us - began_us >= 400000);
    probe_free(&p);
    close_cloud();
}

TEST(cloud_names_of_max_tokens)
{
    static const struct {
        const char *url;
        bool new_name;
    } rows[] = {
        {"https://api.openai.com/v1", true},
        {"https://res.openai.azure.com/openai/v1", true},
        {"https://openrouter.ai/api/v1", false},
        {"http://127.0.0.1:11434/v1", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cloud_spec spec = spec_of();
        struct probe p;
        rig_open();
        spec.base_url = rows[i].url;
        CHECK_EQ(cloud_new(&cloud, rig.loop, rig.client, &spec, NULL), NIGH_OK);
        cloud_places(cloud, &places);
        probe_make(&p, CHAT);
        CHECK_EQ(places[0]->ops->encode(places[0], &p.turn, &p.arena, &p.run.body, NULL), NIGH_OK);
        bool new_name = memmem(p.run.body.p, p.run.body.len, "max_completion_tokens", 21) != NULL;
        CHECK_EQ(new_name, rows[i].new_name);
        probe_free(&p);
        close_cloud();
    }
}
