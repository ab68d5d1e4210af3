/* The engine with the real llama-server and a small model; skipped, with the reason, where one of
 * them is missing.  The test program is its own `nigh jail` and
 * `nigh model-check`. */
#include "api/place-rig.h"
#include "engine/engine.h"
#include "engine/jail.h"
#include "engine/launch.h"
#include "engine/vet.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

__attribute__((constructor)) static void take_over(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "jail") == 0)
        _exit(jail_main(argc - 1, argv + 1));
    if (argc > 1 && strcmp(argv[1], "model-check") == 0)
        exit(vet_main(argc - 1, argv + 1));
}

static char program[PATH_BYTES], model[PATH_BYTES], folder[64];

/* $NIGH_MODEL, or shared/models beside the checkout whose build folder this program is in. */
static bool find_model(void)
{
    char exe[PATH_BYTES], path[PATH_BYTES + 64];
    const char *told = getenv("NIGH_MODEL");
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

    if (n <= 0)
        return false;
    exe[n] = 0;
    *strrchr(exe, '/') = 0;
    snprintf(path, sizeof path, "%s/../../shared/models/stories260K.gguf", exe);
    return realpath(told ? told : path, model) != NULL;
}

static struct engine_spec spec_of(void)
{
    struct nigh_err err = {0};

    if (launch_find(program, NULL, &err) != NIGH_OK)
        SKIP("llama-server is neither on the PATH nor told to meson");
    if (!find_model())
        SKIP("no model: NIGH_MODEL is not set and shared/models is not beside the checkout");
    strcpy(folder, P_tmpdir "/nigh-engine-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    return (struct engine_spec){.program = program,
                                .model_path = model,
                                .name = "tiny",
                                .state_dir = folder,
                                .context_tokens = 2048,
                                .slots = 1,
                                .queue_max = 2,
                                .unload = ENGINE_UNLOAD_NEVER,
                                .threads = 1,
                                .backoff_ms = 100};
}

static struct engine *engine;
static struct place *place;

static void open_engine(const struct engine_spec *spec)
{
    struct nigh_err err = {0};

    rig_open();
    if (engine_new(&engine, rig.loop, rig.client, rig.gate, spec, &err) != NIGH_OK)
        TAP_FAIL("engine_new: %s", err.what);
    place = engine_place(engine);
}

static void close_engine(void)
{
    char run[96];

    engine = engine_free(engine);
    rig_close();
    snprintf(run, sizeof run, "%s/run", folder);
    CHECK(rmdir(run) == 0 && rmdir(folder) == 0); /* nothing is left behind */
}

static struct engine_status status_of(void)
{
    struct engine_status s;
    engine_status(engine, &s);
    return s;
}

static bool log_has(const char *text)
{
    struct buf log = {0};
    engine_log(engine, &log);
    bool has = log.data && strstr(log.data, text);
    buf_done(&log);
    return has;
}

#define SHORT_CHAT                                                                                 \
    "{\"model\":\"x\",\"max_tokens\":8,\"temperature\":0,\"messages\":[{\"role\":\"user\","        \
    "\"content\":\"Once upon a time\"}]}"
/* Goes on until it is stopped: about a second of tokens. */
#define LONG_CHAT                                                                                  \
    "{\"model\":\"x\",\"max_tokens\":1900,\"ignore_eos\":true,\"temperature\":0,\"messages\":["    \
    "{\"role\":\"user\",\"content\":\"Once upon a time\"}]}"

static void ask(const char *json)
{
    struct probe p;
    probe_make(&p, json);
    if (probe_start(&p, place) != NIGH_OK)
        TAP_FAIL("start: %s", p.err.what);
    WAIT(p.done);
    if (p.outcome.fate != FATE_WHOLE)
        TAP_FAIL("fate %d: %s", (int)p.outcome.fate, p.outcome.err.what);
    CHECK(p.ended && p.text.len > 0);
    probe_free(&p);
}

TEST(engine_starts_on_first_use_and_answers)
{
    struct engine_spec spec = spec_of();
    struct probe p;
    char why[128], path[64], line[256];

    open_engine(&spec);
    CHECK_STR(place->name, "here/tiny");
    CHECK_EQ(place->dest.zone, ZONE_DEVICE);
    CHECK_EQ(status_of().state, ENGINE_STOPPED);
    CHECK_EQ(status_of().pid, 0);
    CHECK_EQ(place->ops->ready(place, why), READY_COLD);

    probe_make(&p, SHORT_CHAT);
    CHECK_EQ(probe_start(&p, place), NIGH_OK);
    CHECK_EQ(status_of().state, ENGINE_STARTING);
    CHECK_EQ(status_of().queued, 1);
    WAIT(p.done);
    if (p.outcome.fate != FATE_WHOLE)
        TAP_FAIL("fate %d: %s", (int)p.outcome.fate, p.outcome.err.what);
    CHECK(p.ended && p.text.len > 0);
    CHECK_EQ(p.finishes, 1);
    CHECK(p.usage.known);
    CHECK_EQ(p.usage.output, 8);
    CHECK(slice_is(buf_slice(&p.model), "tiny")); /* no path in it */
    CHECK(p.outcome.bytes_out > p.run.body.len && p.outcome.bytes_in > 0);
    probe_free(&p);

    struct engine_status s = status_of();
    printf("# loaded in %" PRIu64 " ms, %" PRIu64 " kB resident, isolation: %s\n", s.load_ms,
           s.rss_bytes / 1024, s.isolation);
    CHECK_EQ(s.state, ENGINE_READY);
    CHECK(s.pid > 0 && s.rss_bytes > 1 << 20 && s.loaded_us > 0);
    CHECK_EQ(s.slots_busy, 0);
    CHECK_EQ(place->ops->ready(place, why), READY_NOW);
    CHECK(strstr(s.isolation, "netns") || strstr(s.isolation, "seccomp"));
    if (strstr(s.isolation, "netns")) {
        int others = 0, at = 0;
        snprintf(path, sizeof path, "/proc/%d/net/dev", s.pid);
        FILE *f = fopen(path, "r");
        CHECK(f != NULL);
        while (fgets(line, sizeof line, f))
            others += ++at > 2 && !strstr(line, " lo:") && strncmp(line, "lo:", 3) != 0;
        fclose(f);
        CHECK_EQ(others, 0);
    }
    ask(SHORT_CHAT); /* and again, in the same process */
    CHECK_EQ(status_of().starts, 1);
    CHECK_EQ(status_of().pid, s.pid);
    close_engine();
}

/* The filter alone, as on a machine that allows no namespaces. */
TEST(engine_runs_behind_the_filter_alone)
{
    struct engine_spec spec = spec_of();

    spec.jail_without = JAIL_NETNS;
    open_engine(&spec);
    ask(SHORT_CHAT);
    CHECK(strstr(status_of().isolation, "seccomp"));
    CHECK(!strstr(status_of().isolation, "netns"));
    close_engine();
}

TEST(engine_without_any_wall_does_not_run)
{
    struct engine_spec spec = spec_of();
    struct probe p;
    char why[128];

    spec.jail_without = JAIL_NETNS | JAIL_SECCOMP;
    open_engine(&spec);
    probe_make(&p, SHORT_CHAT);
    CHECK_EQ(probe_start(&p, place), NIGH_OK);
    WAIT(p.done);
    CHECK_EQ(p.outcome.fate, FATE_RETRY);
    CHECK_EQ(p.outcome.err.status, NIGH_OFFLINE);
    CHECK_EQ(status_of().state, ENGINE_BROKEN);
    CHECK(strstr(status_of().why, "refused"));
    CHECK_EQ(place->ops->ready(place, why), READY_NOT);
    CHECK(strstr(why, "refused"));
    probe_free(&p);
    close_engine();
}

TEST(engine_killed_in_mid_stream_ends_its_turns_and_comes_back)
{
    struct engine_spec spec = spec_of();
    struct probe p, waiting, next;
    char why[128];

    open_engine(&spec);
    ask(SHORT_CHAT);
    int pid = status_of().pid;
    probe_make(&p, LONG_CHAT);
    probe_make(&waiting, SHORT_CHAT);
    CHECK_EQ(probe_start(&p, place), NIGH_OK);
    CHECK_EQ(probe_start(&waiting, place), NIGH_OK);
    WAIT(p.text.len > 0);
    uint64_t killed_us = clock_mono_us();
    kill(pid, SIGKILL);
    WAIT(p.done && waiting.done);
    printf("# %" PRIu64 " us from kill -9 to the end of its turn\n", p.done_us - killed_us);
    CHECK(p.done_us - killed_us < 500000);
    CHECK_EQ(p.outcome.fate, FATE_CUT);
    CHECK(!p.ended);
    CHECK_EQ(p.outcome.err.status, NIGH_OFFLINE);
    CHECK_STR(p.outcome.err.what, "here/tiny: the model process died (signal 9)");
    CHECK(p.outcome.retry_after_ms > 0);
    CHECK_EQ(waiting.outcome.fate, FATE_RETRY);
    CHECK_EQ(waiting.outcome.err.status, NIGH_OFFLINE);

    /* While it is away nobody waits. */
    CHECK_EQ(status_of().state, ENGINE_BACKOFF);
    CHECK_EQ(place->ops->ready(place, why), READY_NOT);
    CHECK(strstr(why, "died (signal 9)"));
    CHECK(place->ops->retry_after_ms(place) <= 100);
    probe_make(&next, SHORT_CHAT);
    CHECK_EQ(probe_start(&next, place), NIGH_OFFLINE);
    probe_free(&next);

    WAIT(status_of().state == ENGINE_READY); /* by itself */
    CHECK(status_of().pid != pid);
    CHECK_EQ(status_of().restarts, 1);
    ask(SHORT_CHAT);
    probe_free(&p);
    probe_free(&waiting);
    close_engine();
}

/* The turn comes before we know of the death: it sees a dead socket. */
TEST(engine_killed_and_asked_at_once_says_so)
{
    struct engine_spec spec = spec_of();
    struct probe p;

    open_engine(&spec);
    ask(SHORT_CHAT);
    kill(status_of().pid, SIGKILL);
    probe_make(&p, SHORT_CHAT);
    CHECK_EQ(probe_start(&p, place), NIGH_OK);
    WAIT(p.done);
    CHECK_EQ(p.outcome.fate, FATE_RETRY);
    CHECK_EQ(p.outcome.err.status, NIGH_OFFLINE);
    CHECK_STR(p.outcome.err.what, "here/tiny: the model process died (signal 9)");
    probe_free(&p);
    close_engine();
}

TEST(engine_backs_off_and_then_waits_to_be_asked)
{
    struct engine_spec spec = spec_of();
    struct probe p;

    spec.program = "/bin/false";
    spec.backoff_ms = 10;
    open_engine(&spec);
    probe_make(&p, SHORT_CHAT);
    CHECK_EQ(probe_start(&p, place), NIGH_OK);
    WAIT(p.done);
    CHECK_EQ(p.outcome.err.status, NIGH_OFFLINE);
    CHECK(strstr(p.outcome.err.what, "ended by itself (status 1)"));
    probe_free(&p);
    WAIT(status_of().starts == ENGINE_ALONE_MAX && status_of().state == ENGINE_BACKOFF);
    char why[128];
    WAIT(place->ops->ready(place, why) == READY_COLD); /* asked, it would try */
    CHECK_EQ(status_of().starts, ENGINE_ALONE_MAX);
    probe_make(&p, SHORT_CHAT);
    CHECK_EQ(probe_start(&p, place), NIGH_OK);
    WAIT(p.done);
    CHECK_EQ(status_of().starts, ENGINE_ALONE_MAX + 1);
    probe_free(&p);
    close_engine();
}

TEST(engine_without_its_model_is_broken_and_says_why)
{
    struct engine_spec spec = spec_of();
    struct probe p;

    spec.model_path = "/nowhere/model.gguf";
    open_engine(&spec);
    probe_make(&p, SHORT_CHAT);
    CHECK_EQ(probe_start(&p, place), NIGH_OK); /* and done from inside */
    CHECK(p.done);
    CHECK_EQ(p.outcome.err.status, NIGH_OFFLINE);
    CHECK(strstr(p.outcome.err.what, "/nowhere/model.gguf"));
    CHECK_EQ(status_of().state, ENGINE_BROKEN);
    probe_free(&p);
    close_engine();
}

TEST(engine_unloads_when_idle_and_comes_back_when_asked)
{
    struct engine_spec spec = spec_of();

    spec.unload = ENGINE_UNLOAD_AFTER;
    spec.unload_ms = 100;
    open_engine(&spec);
    ask(SHORT_CHAT);
    WAIT(status_of().unload_in_ms > 0);
    WAIT(status_of().state == ENGINE_STOPPED);
    CHECK_EQ(status_of().pid, 0);
    CHECK_EQ(status_of().restarts, 0);
    ask(SHORT_CHAT);
    CHECK_EQ(status_of().starts, 2);
    /* A turn that comes while it is ending waits for the next one. */
    WAIT(status_of().state == ENGINE_STOPPING);
    ask(SHORT_CHAT);
    CHECK_EQ(status_of().starts, 3);
    close_engine();
}

/* A turn, or with VERB_LOAD nothing but the wish, that is over when this returns. */
static uint64_t ask_keeping(enum verb verb, bool has_keep, int64_t keep_ms)
{
    struct probe p;

    probe_make(&p, SHORT_CHAT);
    p.turn.verb = verb;
    p.turn.has_keep = has_keep;
    p.turn.keep_ms = keep_ms;
    if (probe_start(&p, place) != NIGH_OK)
        TAP_FAIL("start: %s", p.err.what);
    WAIT(p.done);
    CHECK_EQ(p.outcome.fate, FATE_WHOLE);
    CHECK_EQ(p.events > 0, verb == VERB_CHAT);
    uint64_t load_us = p.run.load_us;
    probe_free(&p);
    return load_us;
}

TEST(engine_stays_as_long_as_the_last_turn_wished)
{
    struct engine_spec spec = spec_of();

    spec.unload = ENGINE_UNLOAD_AFTER;
    spec.unload_ms = 60000;
    open_engine(&spec);
    CHECK(ask_keeping(VERB_CHAT, true, -1) > 0); /* it had to be loaded */
    CHECK_EQ(ask_keeping(VERB_CHAT, true, -1), 0);
    CHECK_EQ(status_of().unload_in_ms, 0);
    ask_keeping(VERB_CHAT, true, 5000);
    WAIT(status_of().unload_in_ms > 0);
    CHECK(status_of().unload_in_ms <= 5000);
    ask_keeping(VERB_CHAT, false, 0); /* no wish: the config's */
    WAIT(status_of().unload_in_ms > 5000);
    ask_keeping(VERB_CHAT, true, 0);
    WAIT(status_of().state == ENGINE_STOPPED);
    CHECK_EQ(status_of().starts, 1);
    close_engine();
}

TEST(engine_loads_and_unloads_without_a_turn)
{
    struct engine_spec spec = spec_of();
    struct probe busy;

    open_engine(&spec);
    ask_keeping(VERB_LOAD, true, 0); /* nothing to end */
    CHECK_EQ(status_of().starts, 0);
    CHECK(ask_keeping(VERB_LOAD, false, 0) > 0);
    CHECK_EQ(status_of().state, ENGINE_READY);
    CHECK_EQ(ask_keeping(VERB_LOAD, false, 0), 0);
    probe_make(&busy, LONG_CHAT);
    CHECK_EQ(probe_start(&busy, place), NIGH_OK);
    WAIT(busy.events > 0);
    ask_keeping(VERB_LOAD, false, 0); /* needs no slot: the only one is taken */
    ask_keeping(VERB_LOAD, true, 0);
    CHECK_EQ(status_of().state, ENGINE_READY); /* not under a turn */
    WAIT(busy.done);
    CHECK_EQ(busy.outcome.fate, FATE_WHOLE);
    WAIT(status_of().state == ENGINE_STOPPED);
    CHECK_EQ(status_of().starts, 1);
    probe_free(&busy);
    close_engine();
}

TEST(engine_queue_is_bounded_and_in_order)
{
    struct engine_spec spec = spec_of();
    struct probe p[4];

    open_engine(&spec);
    ask(SHORT_CHAT);
    for (int i = 0; i < 4; i++)
        probe_make(&p[i], i == 0 ? LONG_CHAT : SHORT_CHAT);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(probe_start(&p[i], place), NIGH_OK);
    CHECK_EQ(status_of().slots_busy, 1);
    CHECK_EQ(status_of().queued, 2);
    CHECK_EQ(probe_start(&p[3], place), NIGH_BUSY); /* queue_max is 2 */
    CHECK(strstr(p[3].err.what, "2 wait already"));
    CHECK(place->ops->retry_after_ms(place) >= 1000);
    WAIT(p[2].done);
    CHECK(p[0].done && p[1].done);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(p[i].outcome.fate, FATE_WHOLE);
    CHECK(p[0].done_us <= p[1].done_us && p[1].done_us <= p[2].done_us);
    for (int i = 0; i < 4; i++)
        probe_free(&p[i]);
    close_engine();
}

TEST(engine_waits_no_longer_than_told)
{
    struct engine_spec spec = spec_of();
    struct probe p[2];

    spec.queue_wait_ms = 50;
    open_engine(&spec);
    ask(SHORT_CHAT);
    probe_make(&p[0], LONG_CHAT);
    probe_make(&p[1], SHORT_CHAT);
    CHECK_EQ(probe_start(&p[0], place), NIGH_OK);
    CHECK_EQ(probe_start(&p[1], place), NIGH_OK);
    WAIT(p[1].done);
    CHECK(!p[0].done);
    CHECK_EQ(p[1].outcome.fate, FATE_ELSEWHERE); /* it is not asked to wait as long again */
    CHECK_EQ(p[1].outcome.err.status, NIGH_BUSY);
    CHECK(p[1].outcome.retry_after_ms >= 1000);
    place->ops->cancel(&p[0].run);
    probe_free(&p[0]);
    probe_free(&p[1]);
    close_engine();
}

TEST(engine_cancel_frees_the_slot)
{
    struct engine_spec spec = spec_of();
    struct probe p, queued, next;

    open_engine(&spec);
    ask(SHORT_CHAT);
    probe_make(&p, LONG_CHAT);
    probe_make(&queued, SHORT_CHAT);
    probe_make(&next, SHORT_CHAT);
    p.cancel_at = 5; /* from inside its own event */
    CHECK_EQ(probe_start(&p, place), NIGH_OK);
    CHECK_EQ(probe_start(&queued, place), NIGH_OK);
    place->ops->cancel(&queued.run); /* one that waits */
    CHECK_EQ(status_of().queued, 0);
    CHECK_EQ(probe_start(&next, place), NIGH_OK);
    WAIT(p.cancelled);
    uint64_t cancelled_us = clock_mono_us();
    WAIT(next.done);
    printf("# %" PRIu64 " us from the cancel to the next turn's first token\n",
           next.first_us - cancelled_us);
    CHECK(next.first_us - cancelled_us < 1000000);
    CHECK_EQ(next.outcome.fate, FATE_WHOLE);
    CHECK_EQ(p.events, 5);
    probe_free(&p);
    probe_free(&queued);
    probe_free(&next);
    close_engine();
}

/* A paused turn is not taken for a dead one, and goes on where it stopped. */
TEST(engine_pause_and_resume)
{
    struct engine_spec spec = spec_of();
    struct probe p;

    spec.idle_ms = 3000; /* far over what a busy machine makes a token wait */
    open_engine(&spec);
    ask(SHORT_CHAT);
    probe_make(&p, LONG_CHAT);
    p.pause_at = 5;
    CHECK_EQ(probe_start(&p, place), NIGH_OK);
    WAIT(p.events >= 5);
    uint64_t paused_us = clock_mono_us();
    WAIT(clock_mono_us() - paused_us > 3500000); /* longer than the idle clock */
    CHECK(!p.done);
    place->ops->resume(&p.run);
    WAIT(p.done);
    if (p.outcome.fate != FATE_WHOLE)
        TAP_FAIL("fate %d: %s", (int)p.outcome.fate, p.outcome.err.what);
    CHECK_EQ(p.usage.output, 1900);
    probe_free(&p);
    close_engine();
}

/* A process that answers health and nothing else: SIGSTOP after it was ready. */
TEST(engine_that_hangs_is_killed_and_started_again)
{
    struct engine_spec spec = spec_of();
    struct probe p;

    spec.idle_ms = 2000; /* a busy machine lets a token wait for half a second */
    open_engine(&spec);
    ask(SHORT_CHAT);
    int pid = status_of().pid;
    probe_make(&p, LONG_CHAT);
    CHECK_EQ(probe_start(&p, place), NIGH_OK);
    WAIT(p.text.len > 0);
    kill(pid, SIGSTOP);
    WAIT(p.done);
    CHECK_EQ(p.outcome.fate, FATE_CUT);
    CHECK_EQ(p.outcome.err.status, NIGH_TIMEOUT);
    WAIT(status_of().state == ENGINE_READY && status_of().pid != pid);
    ask(SHORT_CHAT);
    probe_free(&p);
    close_engine();
}

TEST(engine_memory_ceiling_costs_the_process_not_the_node)
{
    struct engine_spec spec = spec_of();
    struct probe p;

    spec.memory_bytes = 8 << 20; /* it cannot load in that */
    spec.backoff_ms = 60000;
    open_engine(&spec);
    probe_make(&p, SHORT_CHAT);
    CHECK_EQ(probe_start(&p, place), NIGH_OK);
    WAIT(p.done);
    CHECK_EQ(p.outcome.err.status, NIGH_OFFLINE);
    CHECK_EQ(status_of().state, ENGINE_BACKOFF);
    probe_free(&p);
    close_engine();
}

TEST(engine_log_has_no_word_of_a_turn)
{
    static const char *const bodies[] = {
        "{\"model\":\"x\",\"max_tokens\":4,\"messages\":[{\"role\":\"user\",\"content\":"
        "\"CANARY in a question\"}]}",
        "{\"model\":\"x\",\"max_tokens\":4,\"grammar\":\"root ::= CANARY (\",\"messages\":[{"
        "\"role\":\"user\",\"content\":\"hi\"}]}",
        "{\"model\":\"x\",\"max_tokens\":4,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"CANARY\","
        "\"schema\":{\"type\":\"CANARY\",\"pattern\":\"^(CANARY\",\"$ref\":\"#/CANARY\"}}}}",
        "{\"model\":\"x\",\"max_tokens\":4,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
        "\"logit_bias\":{\"CANARY\":5},\"samplers\":\"CANARY\",\"lora\":[{\"id\":\"CANARY\"}]}",
        "{\"model\":\"x\",\"max_tokens\":4,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"CANARY\",\"parameters\":{"
        "\"type\":\"object\",\"properties\":{\"CANARY\":{\"type\":\"string\"}}}}}]}",
    };
    struct engine_spec spec = spec_of();

    open_engine(&spec);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct probe p;
        probe_make(&p, bodies[i]);
        CHECK_EQ(probe_start(&p, place), NIGH_OK);
        WAIT(p.done);
        CHECK(!strstr(p.outcome.err.what, "CANARY"));
        probe_free(&p);
    }
    CHECK(log_has("nigh-jail:") && log_has("listening"));
    CHECK(!log_has("CANARY"));
    close_engine();
}

/* The api refuses most of it when it decodes; this is for what gets past it. */
TEST(engine_refuses_what_kills_the_process)
{
    struct engine_spec spec = spec_of();
    struct buf b = {0};
    struct probe p;

    buf_add_cstr(&b, "{\"grammar\":\"root ::= ");
    for (int i = 0; i < 30000; i++)
        buf_add_char(&b, '(');
    buf_add_cstr(&b, "\"}");
    open_engine(&spec);
    probe_make(&p, SHORT_CHAT);
    CHECK_EQ(json_parse(&p.turn.raw, buf_slice(&b), &p.arena, NULL), NIGH_OK);
    CHECK_EQ(probe_start(&p, place), NIGH_INVALID);
    CHECK_EQ(status_of().state, ENGINE_STOPPED); /* it did not even start for it */
    probe_free(&p);
    buf_done(&b);
    close_engine();
}

/* How much of the prompt came from the cache. */
static uint64_t ask_as(const char *who)
{
    struct probe p;

    probe_make(&p, SHORT_CHAT);
    p.run.principal = slice_of(who);
    if (probe_start(&p, place) != NIGH_OK)
        TAP_FAIL("start: %s", p.err.what);
    WAIT(p.done);
    CHECK(p.outcome.fate == FATE_WHOLE && p.usage.known);
    uint64_t cached = p.usage.cached_read;
    probe_free(&p);
    return cached;
}

TEST(engine_serves_nobody_from_anothers_cache)
{
    struct engine_spec spec = spec_of();

    open_engine(&spec);
    CHECK_EQ(ask_as(NULL), 0);
    CHECK(ask_as(NULL) > 8); /* the only caller there is */
    CHECK_EQ(ask_as("ann"), 0);
    WAIT(status_of().state == ENGINE_STOPPED); /* by itself: its slots shared a cache */
    CHECK_EQ(ask_as("ann"), 0);
    CHECK(ask_as("ann") > 8);
    CHECK_EQ(ask_as("ben"), 0);
    CHECK_EQ(ask_as("ann"), 0); /* ben's is in the slot */
    CHECK_EQ(ask_as(""), 0);
    CHECK(ask_as("") > 8);
    CHECK_EQ(status_of().starts, 2);
    close_engine();
}

static void copy_file(const char *from, const char *to, size_t bytes_max)
{
    CLEANUP(buf_done) struct buf bytes = {0};

    CHECK_EQ(path_read(&bytes, from, 16 << 20, NULL), NIGH_OK);
    if (bytes.len > bytes_max)
        bytes.len = bytes_max;
    CHECK_EQ(path_write(to, buf_slice(&bytes), NULL), NIGH_OK);
}

TEST(engine_loads_only_what_was_looked_at)
{
    struct engine_spec spec = spec_of();
    struct store *store;
    struct trust *trust;
    struct probe p;
    char state[80], file[96], command[192], why[128];
    struct nigh_err err = {0};

    snprintf(state, sizeof state, "%s-state", folder);
    snprintf(file, sizeof file, "%s/x.gguf", state);
    rig_open();
    CHECK_EQ(store_open(&store, rig.loop, state, &err), NIGH_OK);
    CHECK_EQ(trust_new(&trust, store, &err), NIGH_OK);
    copy_file(model, file, 5000);
    spec.model_path = file;
    spec.trust = trust;
    CHECK_EQ(engine_new(&engine, rig.loop, rig.client, rig.gate, &spec, &err), NIGH_OK);
    place = engine_place(engine);

    probe_make(&p, SHORT_CHAT);
    CHECK_EQ(probe_start(&p, place), NIGH_OK);
    WAIT(p.done);
    CHECK_EQ(p.outcome.err.status, NIGH_OFFLINE);
    CHECK(strstr(p.outcome.err.what, "malformed"));
    probe_free(&p);
    CHECK_EQ(status_of().state, ENGINE_BROKEN);
    CHECK_EQ(status_of().starts, 0); /* of the model's process */
    CHECK_EQ(place->ops->ready(place, why), READY_NOT);
    CHECK(strstr(why, "malformed"));

    copy_file(model, file, SIZE_MAX);
    CHECK_EQ(place->ops->ready(place, why), READY_COLD); /* at once */
    probe_make(&p, SHORT_CHAT);
    CHECK_EQ(probe_start(&p, place), NIGH_OK);
    WAIT(status_of().pid != 0);
    copy_file(model, file, SIZE_MAX); /* what is loaded is what was looked at, or nothing */
    WAIT(p.done);
    CHECK(strstr(p.outcome.err.what, "changed while they were loaded"));
    probe_free(&p);
    ask(SHORT_CHAT);
    trust_refuse(trust, file, "for another reason");
    ask(SHORT_CHAT); /* it is loaded already */
    engine = engine_free(engine);
    trust_free(trust);
    store_close(store);
    rig_close();
    snprintf(command, sizeof command, "rm -r %s %s", folder, state);
    CHECK(system(command) == 0);
}
