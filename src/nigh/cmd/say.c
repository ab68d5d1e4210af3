#include "nigh/cmd/say.h"

#include "nigh/cmd/term.h"
#include "nigh/yaml.h"
#include "route/decide.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A stream in the making. */
struct saying {
    struct cli *cli;
    const struct say *say;
    struct said *said;
    struct arena arena;
    bool done; /* [DONE] came */
    struct nigh_err err;
};

/* --- wishes -------------------------------------------------------------------------------------
 */

static bool printable(const char *value)
{
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            return false;
    return true;
}

static int bad_value(const struct cli *cli, const char *name, const char *expected)
{
    return cli_error(CLI_USAGE, "%s: --%s: expected %s", cli->command->name, name, expected);
}

int say_options(struct cli *cli, struct say *ret)
{
    const char *deadline = cli_value(cli, "deadline");
    enum profile profile;
    char *end;

    *ret = (struct say){.model = cli_value(cli, "model"),
                        .label = cli_value(cli, "label"),
                        .profile = cli_value(cli, "profile"),
                        .session = cli_value(cli, "session"),
                        .max_cost = cli_value(cli, "max-cost")};
    if ((ret->label && !printable(ret->label)) || (ret->session && !printable(ret->session)))
        return bad_value(cli, ret->label && !printable(ret->label) ? "label" : "session",
                         "no control characters");
    if (ret->profile && !profile_find(&profile, slice_of(ret->profile)))
        return bad_value(cli, "profile", "balanced, private, fast, frugal, best or green");
    if (ret->max_cost &&
        (!isdigit((unsigned char)ret->max_cost[0]) || (strtod(ret->max_cost, &end), *end != '\0')))
        return bad_value(cli, "max-cost", "a number of dollars, such as 0.01");
    if (deadline &&
        (!reader_parse_duration(slice_of(deadline), &ret->deadline_ms) || ret->deadline_ms == 0))
        return bad_value(cli, "deadline", "a duration such as 500ms, 30s or 5m");
    return CLI_DONE;
}

/* --- the question -------------------------------------------------------------------------------
 */

enum {
    QUESTION_BYTES_MAX = 32 << 20
}; /* the node's default body_max is 64 MiB, and escaping may double */

/* A pipe or a file was given to it; a terminal, /dev/null and a closed descriptor were not. */
static bool piped(void)
{
    struct stat st;

    return fstat(STDIN_FILENO, &st) == 0 &&
           (S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode));
}

static int read_input(const struct cli *cli, struct buf *text)
{
    char chunk[16384];
    ssize_t n;

    do {
        n = read(STDIN_FILENO, chunk, sizeof chunk);
        if (n > 0)
            buf_add(text, chunk, (size_t)n);
    } while ((n > 0 && !text->failed) || (n < 0 && errno == EINTR));
    if (n < 0)
        return cli_error(CLI_FAILED, "%s: read standard input: %m", cli->command->name);
    if (text->failed)
        return cli_error(CLI_FAILED, "%s: more than %d MiB on standard input", cli->command->name,
                         QUESTION_BYTES_MAX >> 20);
    return CLI_DONE;
}

int say_question(const struct cli *cli, struct buf *text, int argc, char **argv)
{
    CLEANUP(buf_done) struct buf input = {.max_bytes = QUESTION_BYTES_MAX};
    bool dash = argc == 1 && strcmp(argv[0], "-") == 0;

    for (int i = 0; i < argc && !dash; i++) {
        if (i)
            buf_add_char(text, ' ');
        buf_add_cstr(text, argv[i]);
    }
    if (dash || piped()) {
        int status = read_input(cli, &input);
        if (status != CLI_DONE)
            return status;
        if (text->len && slice_trim(buf_slice(&input)).len)
            buf_add_cstr(text, "\n\n");
        buf_add_str(text, buf_slice(&input));
    }
    if (slice_trim(buf_slice(text)).len == 0)
        return cli_error(CLI_USAGE, "%s: there is no question; usage: nigh %s TEXT",
                         cli->command->name, cli->command->name);
    if (!slice_utf8(buf_slice(text)))
        return cli_error(CLI_FAILED, "%s: the question is not UTF-8 text", cli->command->name);
    return CLI_DONE;
}

void say_message(struct buf *messages, const char *role, struct slice text)
{
    json_sep(messages);
    buf_add_char(messages, '{');
    json_put_cstr(messages, "role", role);
    json_put_str(messages, "content", text);
    buf_add_char(messages, '}');
}

/* --- the answer ---------------------------------------------------------------------------------
 */

static void show(struct saying *saying, struct slice text)
{
    if (text.len == 0)
        return;
    buf_add_str(&saying->said->text, text);
    if (saying->say->quiet)
        return;
    saying->said->began = true;
    term_text(saying->cli, text);
    fflush(stdout);
}

static void take_choice(struct saying *saying, yyjson_val *choice)
{
    struct slice finish = json_get_str(choice, "finish_reason");
    yyjson_val *delta = json_get(choice, "delta");
    struct slice text = json_get_str(delta, "content");

    if (finish.len)
        snprintf(saying->said->finish, sizeof saying->said->finish, "%.*s", (int)finish.len,
                 finish.p);
    show(saying, text.len ? text : json_get_str(delta, "refusal"));
}

static bool on_event(void *owner, struct slice data)
{
    struct saying *saying = owner;
    yyjson_val *root;

    if (slice_is(data, "[DONE]")) {
        saying->done = true;
        return false;
    }
    arena_reset(&saying->arena);
    if (json_parse(&root, data, &saying->arena, &saying->err) != NIGH_OK)
        return false;
    if (json_get(root, "error")) {
        talk_error(200, root, &saying->err);
        return false;
    }
    take_choice(saying, yyjson_arr_get(json_get(root, "choices"), 0));
    return true;
}

/* --- the request --------------------------------------------------------------------------------
 */

static void put_body(struct buf *body, const struct say *say, struct slice messages)
{
    buf_add_char(body, '{');
    json_put_cstr(body, "model", say->model ? say->model : "auto");
    json_put_bool(body, "stream", true);
    json_key(body, "messages");
    buf_add_char(body, '[');
    buf_add_str(body, messages);
    buf_add_cstr(body, "]}");
}

static void put_headers(struct say_request *request, const struct say *say)
{
    const struct header rows[] = {
        {"Nigh-Label", say->label},
        {"Nigh-Profile", say->profile},
        {"Nigh-Session", say->session},
        {"Nigh-Max-Cost-Usd", say->max_cost},
        {"Nigh-Deadline-Ms", say->deadline_ms ? request->deadline : NULL},
        {"Content-Type", "application/json"},
    };

    snprintf(request->deadline, sizeof request->deadline, "%llu",
             (unsigned long long)say->deadline_ms);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].value)
            request->headers[request->n_headers++] = rows[i];
}

enum nigh_status say_prepare(struct say_request *ret, const struct say *say, struct slice messages,
                             struct nigh_err *err)
{
    *ret = (struct say_request){0};
    put_body(&ret->body, say, messages);
    put_headers(ret, say);
    return ret->body.failed ? nigh_fail(err, NIGH_TOOBIG, "the question is too long to send")
                            : NIGH_OK;
}

void say_request_done(struct say_request *request)
{
    buf_done(&request->body);
}

static void keep_words(struct said *said, const struct talk_answer *answer)
{
    memcpy(said->turn, answer->turn, sizeof said->turn);
    memcpy(said->place, answer->place, sizeof said->place);
    memcpy(said->zone, answer->zone, sizeof said->zone);
    memcpy(said->reason, answer->reason, sizeof said->reason);
}

enum nigh_status say_turn(struct cli *cli, struct talk *talk, const struct say *say,
                          struct slice messages, struct said *ret, struct nigh_err *err)
{
    struct saying saying = {.cli = cli, .say = say, .said = ret};
    CLEANUP(say_request_done) struct say_request wire;
    struct talk_answer answer;
    struct talk_request request = {.method = "POST",
                                   .path = "/v1/chat/completions",
                                   .headers = wire.headers,
                                   .interruptible = say->interruptible,
                                   .timeout_ms = TALK_TURN_MS,
                                   .on_event = on_event,
                                   .owner = &saying};

    *ret = (struct said){0};
    if (say_prepare(&wire, say, messages, err) != NIGH_OK)
        return err->status;
    request.body = buf_slice(&wire.body);
    request.n_headers = wire.n_headers;
    arena_init(&saying.arena, (size_t)TALK_EVENT_BYTES * 16);
    enum nigh_status status = talk_ask(talk, &request, &answer, err);
    keep_words(ret, &answer);
    if (status == NIGH_OK && saying.err.status != NIGH_OK)
        status = nigh_fail(err, saying.err.status, "the answer broke off: %.220s", saying.err.what);
    else if (status == NIGH_OK && !saying.done)
        status = nigh_fail(err, NIGH_UPSTREAM, "the answer broke off before its end");
    if (ret->began && (ret->text.len == 0 || ret->text.data[ret->text.len - 1] != '\n'))
        fputc('\n', stdout);
    arena_done(&saying.arena);
    talk_answer_done(&answer);
    return status;
}

const char *say_hint(const struct said *said, const struct nigh_err *err)
{
    switch (err->status) {
    case NIGH_NOTFOUND:
        return "`nigh models` lists what there is";
    case NIGH_OFFLINE:
        return "`nigh doctor` says what is missing";
    case NIGH_INVALID:
    case NIGH_TOOBIG:
        return NULL;
    default:
        return said->turn[0] ? "`nigh why` tells more" : NULL;
    }
}

void said_done(struct said *said)
{
    buf_done(&said->text);
}

/* --- who, why and for how much ------------------------------------------------------------------
 */

yyjson_val *say_bill(struct talk *talk, const struct said *said, struct talk_answer *answer)
{
    char path[96];

    snprintf(path, sizeof path, "/nigh/v1/turns/%s", said->turn);
    return talk_get(talk, path, answer, NULL) == NIGH_OK ? answer->json : NULL;
}

void say_line(const struct cli *cli, struct talk *talk, const struct said *said)
{
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    CLEANUP(buf_done) struct buf line = {0};
    yyjson_val *bill;

    if (!cli->tty || !said->turn[0])
        return;
    buf_printf(&line, "%s \xc2\xb7 %s \xc2\xb7 %s", said->place, said->zone, said->reason);
    bill = say_bill(talk, said, &answer);
    if (bill) {
        buf_add_cstr(&line, " \xc2\xb7 ");
        term_add_duration(&line, json_get_int(bill, "total_us", -1));
        buf_printf(&line, " \xc2\xb7 %lld+%lld tokens \xc2\xb7 ",
                   (long long)json_get_int(bill, "tokens_in", 0),
                   (long long)json_get_int(bill, "tokens_out", 0));
        term_add_money(&line, json_get_int(bill, "cost_uusd", -1));
        buf_add_cstr(&line, " \xc2\xb7 ");
        term_add_bytes(&line, json_get_int(bill, "bytes_out", -1));
        buf_add_cstr(&line, " out");
    }
    term_line(cli, STYLE_DIM, "%s", line.data);
}
