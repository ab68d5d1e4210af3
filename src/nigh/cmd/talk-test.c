#include "base/tap.h"
#include "net/server.h"
#include "nigh/cmd/talk.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct server *server;
static struct local_key key;

/* What the node in the child answers, by path. */
static void on_request(void *owner, struct exchange *ex)
{
    static const struct header sse = {"Content-Type", "text/event-stream"};
    const struct header words[] = {{"Nigh-Turn", "01ABC"}, {"Nigh-Place", "here/x"}};
    struct slice path = exchange_path(ex), auth = exchange_header(ex, "Authorization");
    struct buf text = {0};

    (void)owner;
    if (slice_is(path, "/healthz")) { /* the key must not be shown before this was answered */
        exchange_reply(ex, auth.p ? 500 : 200, NULL, 0, SLICE("{\"status\":\"ok\"}"));
    } else if (slice_is(path, "/auth")) {
        buf_printf(&text, "{\"auth\":\"%.*s\"}", (int)auth.len, auth.p);
        exchange_reply(ex, 200, words, 2, buf_slice(&text));
    } else if (slice_is(path, "/denied")) {
        exchange_reply(ex, 403, NULL, 0, SLICE("{\"error\":{\"message\":\"label home\"}}"));
    } else if (slice_is(path, "/stream") || slice_is(path, "/cut")) {
        buf_add_cstr(&text, "data: one\n\ndata: two\n\n");
        exchange_begin(ex, 200, &sse, 1);
        exchange_write(ex, buf_slice(&text));
        if (slice_is(path, "/cut"))
            exchange_break(ex);
        else
            exchange_end(ex);
    } else {
        exchange_reply(ex, 200, NULL, 0, SLICE("no JSON"));
    }
    buf_done(&text);
    exchange_release(ex);
}

__attribute__((noreturn)) static void be_node(const char *state, int ready)
{
    static const struct server_ops ops = {.request = on_request};
    struct loop *loop;

    if (loop_new(&loop, NULL) != NIGH_OK ||
        server_new(&server, loop, &(struct server_at){.host = "127.0.0.1"}, NULL, &ops, NULL,
                   NULL) != NIGH_OK ||
        local_key_make(&key, state, "127.0.0.1", server_port(server), NULL) != NIGH_OK)
        _exit(1);
    if (write(ready, "x", 1) != 1)
        _exit(1);
    loop_run(loop);
    _exit(0);
}

static char state[] = "/tmp/nigh-talk-XXXXXX";

/* A node of ours; returns its process. */
static pid_t node_start(void)
{
    static bool made;
    int fds[2];
    char c;

    if (!made)
        CHECK(mkdtemp(state));
    made = true;
    setenv("NIGH_STATE", state, 1);
    CHECK_EQ(pipe(fds), 0);
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        be_node(state, fds[1]);
    close(fds[1]);
    CHECK_EQ(read(fds[0], &c, 1), 1);
    close(fds[0]);
    return pid;
}

static void node_end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

struct heard {
    struct buf text;
    int n, stop_after;
};

static bool on_event(void *owner, struct slice data)
{
    struct heard *heard = owner;

    buf_add_str(&heard->text, data);
    return ++heard->n != heard->stop_after;
}

TEST(talk_finds_no_node_where_none_ran)
{
    struct talk *talk;
    struct nigh_err err = {0};

    setenv("NIGH_STATE", "/tmp/nigh-talk-nowhere", 1);
    CHECK_EQ(talk_new(&talk, 0, &err), NIGH_OFFLINE);
    CHECK_STR(err.what, "no node is running");
}

TEST(talk_asks_with_the_key_once_the_node_is_known)
{
    pid_t pid = node_start();
    struct talk *talk;
    CLEANUP(talk_answer_done) struct talk_answer answer;
    char want[LOCAL_KEY_BYTES + 8];

    CHECK_EQ(talk_new(&talk, 0, NULL), NIGH_OK);
    CHECK_EQ(talk_node(talk)->pid, pid);
    CHECK_EQ(talk_get(talk, "/auth", &answer, NULL), NIGH_OK);
    snprintf(want, sizeof want, "Bearer %s", talk_node(talk)->text);
    CHECK(slice_is(json_get_str(answer.json, "auth"), want));
    CHECK_STR(answer.turn, "01ABC");
    CHECK_STR(answer.place, "here/x");
    CHECK_STR(answer.reason, "");
    talk_free(talk);
    node_end(pid);
}

TEST(talk_is_not_taken_in_by_what_a_dead_node_left)
{
    pid_t pid = node_start();
    struct talk *talk;
    struct nigh_err err = {0};

    kill(pid, SIGKILL);
    siginfo_t info;
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT); /* dead, and not yet waited for */
    CHECK(talk_gone(pid));
    CHECK_EQ(talk_new(&talk, 0, &err), NIGH_OFFLINE);
    CHECK_STR(err.what, "no node is running");
    waitpid(pid, NULL, 0);
    CHECK(talk_gone(pid));
    CHECK(!talk_gone(getpid()));
}

TEST(talk_tells_refusals_as_errors)
{
    pid_t pid = node_start();
    struct talk *talk;
    CLEANUP(talk_answer_done) struct talk_answer denied;
    CLEANUP(talk_answer_done) struct talk_answer odd;
    struct nigh_err err = {0};

    CHECK_EQ(talk_new(&talk, 0, NULL), NIGH_OK);
    CHECK_EQ(talk_get(talk, "/denied", &denied, &err), NIGH_DENIED);
    CHECK_STR(err.what, "label home");
    CHECK_EQ(denied.http_status, 403);
    CHECK_EQ(talk_get(talk, "/odd", &odd, NULL), NIGH_OK);
    CHECK(!odd.json && odd.body.len == 7);
    talk_free(talk);
    node_end(pid);
}

TEST(talk_hands_on_events_and_knows_a_cut)
{
    pid_t pid = node_start();
    struct talk *talk;
    static const struct {
        const char *path, *want;
        int stop_after;
        enum nigh_status status;
    } rows[] = {
        {"/stream", "onetwo", 0, NIGH_OK},
        {"/stream", "one", 1, NIGH_OK}, /* it ends all the same */
        {"/cut", "onetwo", 0, NIGH_UPSTREAM},
    };

    CHECK_EQ(talk_new(&talk, 0, NULL), NIGH_OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(talk_answer_done) struct talk_answer answer;
        struct heard heard = {.stop_after = rows[i].stop_after};
        struct talk_request request = {
            .method = "GET", .path = rows[i].path, .on_event = on_event, .owner = &heard};
        CHECK_EQ(talk_ask(talk, &request, &answer, NULL), rows[i].status);
        CHECK_STR(heard.text.data, rows[i].want);
        CHECK_EQ(answer.body.len, 0);
        buf_done(&heard.text);
    }
    talk_free(talk);
    node_end(pid);
}

TEST(talk_outlives_a_node_that_dies)
{
    pid_t pid = node_start();
    struct talk *talk;
    CLEANUP(talk_answer_done) struct talk_answer answer;
    struct nigh_err err = {0};

    CHECK_EQ(talk_new(&talk, 0, NULL), NIGH_OK);
    node_end(pid);
    CHECK_EQ(talk_get(talk, "/auth", &answer, &err), NIGH_OFFLINE);
    CHECK_EQ(answer.http_status, 0);
    CHECK(strncmp(err.what, "the node at 127.0.0.1:", 22) == 0);
    talk_free(talk);
}
