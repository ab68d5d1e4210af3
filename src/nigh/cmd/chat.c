/* nigh chat: a conversation, with the lines edited by libedit. */
#include "base/rand.h"
#include "nigh/cmd/say.h"
#include "nigh/cmd/show.h"
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHAT_HISTORY_LINES = 1000, CHAT_BYTES_MAX = 32 << 20 };

struct chat {
    struct cli *cli;
    struct talk *talk; /* NULL: to be found anew */
    struct say say;
    struct buf messages;
    char session[ID_BYTES], model[160], label[64];
    char last_turn[64];
    EditLine *el; /* NULL: lines come from a pipe */
    History *history;
    char history_path[PATH_BYTES];
    char *line; /* from a pipe: getline's */
    size_t line_size;
    bool interrupted; /* Ctrl-C at the prompt */
    int worst;        /* exit status, when nobody sits there to read the errors */
};

/* --- lines --------------------------------------------------------------------------------------
 */

static char *prompt(EditLine *el)
{
    static char text[] = "> ";

    (void)el;
    return text;
}

static struct chat *chat_of(EditLine *el)
{
    void *chat = NULL;

    el_get(el, EL_CLIENTDATA, &chat);
    return chat;
}

/* Ctrl-C at the prompt: the line is thrown away, the program goes on. */
static unsigned char on_ctrl_c(EditLine *el, int key)
{
    (void)key;
    chat_of(el)->interrupted = true;
    return CC_EOF;
}

static void history_start(struct chat *chat)
{
    HistEvent event;

    chat->history = history_init();
    if (!chat->history)
        return;
    history(chat->history, &event, H_SETSIZE, CHAT_HISTORY_LINES);
    history(chat->history, &event, H_SETUNIQUE, 1);
    if (path_state(chat->history_path, NULL) != NIGH_OK ||
        path_join(chat->history_path, chat->history_path, "chat_history", NULL) != NIGH_OK)
        chat->history_path[0] = '\0';
    else
        history(chat->history, &event, H_LOAD, chat->history_path);
    el_set(chat->el, EL_HIST, history, chat->history);
}

/* Written after every line: a terminal that is closed loses none. */
static void history_add(struct chat *chat, const char *line)
{
    HistEvent event;

    if (!chat->history)
        return;
    history(chat->history, &event, H_ENTER, line);
    if (!chat->history_path[0])
        return;
    mode_t before = umask(077);
    history(chat->history, &event, H_SAVE, chat->history_path);
    umask(before);
}

static void editor_start(struct chat *chat)
{
    if (!isatty(STDIN_FILENO) || !chat->cli->tty)
        return;
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
    chat->el = el_init("nigh", stdin, stdout, stderr);
    if (!chat->el)
        return;
    el_set(chat->el, EL_CLIENTDATA, chat);
    el_set(chat->el, EL_PROMPT, prompt);
    el_set(chat->el, EL_EDITOR, "emacs");
    /* Its narrow twin copies the words and loses the copies. */
    el_wset(chat->el, EL_ADDFN, L"nigh-cancel", L"throw the line away", on_ctrl_c);
    el_set(chat->el, EL_SETTY, "-d", "-isig", NULL);
    el_set(chat->el, EL_BIND, "^C", "nigh-cancel", NULL);
    el_source(chat->el, NULL); /* ~/.editrc, where the user has one */
    history_start(chat);
}

static void chat_done(struct chat *chat)
{
    if (chat->history)
        history_end(chat->history);
    if (chat->el)
        el_end(chat->el);
    talk_free(chat->talk);
    buf_done(&chat->messages);
    free(chat->line);
}

/* The next line without its end; false: there are no more. */
static bool next_line(struct chat *chat, struct slice *ret)
{
    int n = 0;

    if (!chat->el) {
        ssize_t len = getline(&chat->line, &chat->line_size, stdin);
        *ret = slice_trim((struct slice){chat->line, len > 0 ? (size_t)len : 0});
        return len >= 0;
    }
    do {
        chat->interrupted = false;
        /* At the prompt Ctrl-C is a key; one that comes before the terminal is told so must not end
         * us. */
        signal(SIGINT, SIG_IGN);
        const char *line = el_gets(chat->el, &n);
        *ret = slice_trim((struct slice){line, line && n > 0 ? (size_t)n : 0});
        if (chat->interrupted || n <= 0)
            fputc('\n', stdout);
    } while (chat->interrupted);
    return n > 0;
}

/* --- turns --------------------------------------------------------------------------------------
 */

static int tell(struct chat *chat, int status)
{
    chat->worst = chat->el ? CLI_DONE : status; /* who sits there has seen it */
    return status;
}

static bool reach(struct chat *chat)
{
    struct nigh_err err = {0};

    if (chat->talk || talk_new(&chat->talk, TALK_START, &err) == NIGH_OK)
        return true;
    tell(chat, cli_fail(&err, NULL));
    return false;
}

static void turn(struct chat *chat, struct slice text)
{
    CLEANUP(said_done) struct said said = {0};
    struct nigh_err err = {0};
    size_t before = chat->messages.len;

    if (!slice_utf8(text)) {
        tell(chat, cli_error(CLI_FAILED, "chat: this line is not UTF-8 text"));
        return;
    }
    if (!reach(chat))
        return;
    say_message(&chat->messages, "user", text);
    enum nigh_status status =
        say_turn(chat->cli, chat->talk, &chat->say, buf_slice(&chat->messages), &said, &err);
    if (said.turn[0])
        memcpy(chat->last_turn, said.turn, sizeof chat->last_turn);
    if (status == NIGH_OK || (status == NIGH_CANCELLED && said.text.len)) {
        say_message(&chat->messages, "assistant",
                    said.text.data ? buf_slice(&said.text) : SLICE(""));
        if (status == NIGH_OK)
            say_line(chat->cli, chat->talk, &said);
        else
            term_line(chat->cli, STYLE_DIM, "stopped");
        return;
    }
    chat->messages.len = before; /* what was not answered was not said */
    chat->messages.failed = false;
    if (status != NIGH_CANCELLED)
        tell(chat, cli_fail(&err, say_hint(&said, &err)));
    if (status == NIGH_OFFLINE && !said.turn[0])
        chat->talk = talk_free(chat->talk);
}

/* --- commands -----------------------------------------------------------------------------------
 */

static void say_help(struct chat *chat)
{
    term_line(chat->cli, STYLE_PLAIN,
              "/model [NAME]   who answers: auto, auto/PROFILE, here, or a place\n"
              "/label [LABEL]  how far your words may travel: device, public, or a zone of yours\n"
              "/why            explain the last answer\n"
              "/new            forget what was said\n"
              "/quit           end; so does Ctrl-D.  Ctrl-C stops an answer");
}

static void set_word(struct chat *chat, const char *name, const char **member, char *own,
                     size_t size, struct slice value, const char *otherwise)
{
    bool odd = value.len >= size || memchr(value.p ? value.p : "", ' ', value.len);

    if (odd) {
        tell(chat, cli_error(CLI_USAGE, "chat: /%s takes one name", name));
        return;
    }
    if (value.len) {
        snprintf(own, size, "%.*s", (int)value.len, value.p);
        *member = own;
    }
    term_line(chat->cli, STYLE_DIM, "%s: %s", name, *member ? *member : otherwise);
}

static void explain(struct chat *chat)
{
    struct nigh_err err = {0};

    if (!chat->last_turn[0])
        tell(chat, cli_error(CLI_FAILED, "chat: there is no answer yet"));
    else if (reach(chat) && show_turn(chat->cli, chat->talk, chat->last_turn, &err) != NIGH_OK)
        tell(chat, cli_fail(&err, NULL));
}

/* False: the conversation is over. */
static bool command(struct chat *chat, struct slice line)
{
    struct slice rest = line, word = slice_cut(&rest, ' ');

    rest = slice_trim(rest);
    if (slice_is(word, "/quit") || slice_is(word, "/exit"))
        return false;
    if (slice_is(word, "/help")) {
        say_help(chat);
    } else if (slice_is(word, "/model")) {
        set_word(chat, "model", &chat->say.model, chat->model, sizeof chat->model, rest, "auto");
    } else if (slice_is(word, "/label")) {
        set_word(chat, "label", &chat->say.label, chat->label, sizeof chat->label, rest,
                 "that of the config");
    } else if (slice_is(word, "/why")) {
        explain(chat);
    } else if (slice_is(word, "/new")) {
        buf_reset(&chat->messages);
        term_line(chat->cli, STYLE_DIM, "A new conversation.");
    } else {
        tell(chat, cli_error(CLI_USAGE, "chat: there is no %.*s; /help lists what there is",
                             (int)(word.len < 40 ? word.len : 40), word.p));
    }
    return true;
}

int cmd_chat(struct cli *cli, int argc, char **argv)
{
    CLEANUP(chat_done) struct chat chat = {.cli = cli, .messages = {.max_bytes = CHAT_BYTES_MAX}};
    const char *system = cli_value(cli, "system");
    struct slice line;

    (void)argc;
    (void)argv;
    int exit = say_options(cli, &chat.say);
    if (exit != CLI_DONE)
        return exit;
    if (!reach(&chat))
        return chat.worst;
    id_new(chat.session);
    if (!chat.say.session)
        chat.say.session = chat.session;
    editor_start(&chat);
    chat.say.interruptible = chat.el != NULL;
    if (chat.el)
        term_line(cli, STYLE_DIM, "nigh %s; /help lists the commands", NIGH_VERSION);
    if (system)
        say_message(&chat.messages, "system", slice_of(system));
    while (next_line(&chat, &line)) {
        CLEANUP(buf_done) struct buf own = {0}; /* the editor's own line lives until the next */
        if (line.len == 0)
            continue;
        buf_add_str(&own, line);
        if (chat.el)
            history_add(&chat, own.data);
        if (own.data[0] != '/')
            turn(&chat, buf_slice(&own));
        else if (!command(&chat, buf_slice(&own)))
            break;
    }
    return chat.worst;
}
