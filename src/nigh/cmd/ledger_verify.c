/* nigh ledger verify: is the ledger whole?  Of the running node, of a folder whose node is stopped
 * or dead, or of a file that `nigh ledger export` wrote. */
#include "base/log.h"
#include "label/entries.h"
#include "label/head.h"
#include "label/verify.h"
#include "nigh/cmd/show.h"
#include "store/look.h"
#include <errno.h>
#include <stdlib.h>

enum { HEAD_MEMBER_LEN = sizeof "{\"head\":\"" - 1 };

static void filep(FILE **f)
{
    if (*f)
        fclose(*f);
}

/* The last line of an export: where the chain stood. */
static bool last_line(struct slice line, struct chain *ret)
{
    if (!slice_starts(line, SLICE("{\"head\":\"")) || line.len < HEAD_MEMBER_LEN + 2)
        return false;
    return chain_parse(ret,
                       (struct slice){line.p + HEAD_MEMBER_LEN, line.len - HEAD_MEMBER_LEN - 2});
}

static void read_lines(struct verify *v, FILE *f)
{
    char *text = NULL;
    size_t room = 0;
    bool more = true, whole = false;
    ssize_t len;

    while (more && !whole && (len = getline(&text, &room, f)) > 0) {
        struct slice line = {text, (size_t)len - (text[len - 1] == '\n')};
        struct chain head;

        whole = last_line(line, &head);
        if (whole)
            verify_anchor(v, &head, "the export's last line");
        else
            more = verify_line(v, line);
    }
    if (more && !whole)
        verify_cut(v);
    free(text);
}

static enum nigh_status verify_file(struct verify *v, const char *path, struct nigh_err *err)
{
    bool dash = strcmp(path, "-") == 0;
    CLEANUP(filep) FILE *f = dash ? NULL : fopen(path, "re");

    if (!f && !dash)
        return nigh_fail(err, errno == ENOENT ? NIGH_NOTFOUND : NIGH_IO, "open %s: %m", path);
    read_lines(v, dash ? stdin : f);
    if (ferror(dash ? stdin : f))
        return nigh_fail(err, NIGH_IO, "read %s: %m", path);
    verify_end(v);
    return NIGH_OK;
}

/* As it lies there, spool and all. */
static enum nigh_status verify_folder(struct verify *v, struct nigh_err *err)
{
    CLEANUP(look_freep) struct look *look = NULL;
    char dir[PATH_BYTES];
    struct chain head;
    struct nigh_err why = {0};
    uint64_t damaged;
    enum nigh_status status = path_state(dir, err);

    if (status == NIGH_OK)
        status = look_new(&look, dir, err);
    if (status != NIGH_OK)
        return status;
    status = head_read(&head, look_dir(look), &why);
    if (status == NIGH_OK)
        verify_anchor(v, &head, "ledger.head");
    else if (status != NIGH_NOTFOUND)
        return nigh_fail(err, status, "%s", why.what);
    status = entries_read(look_db(look), 0, UINT64_MAX, verify_line, v, err);
    if (status == NIGH_OK && !v->broken)
        status = look_spool(look, "ledger", verify_line, v, &damaged, err);
    if (status == NIGH_OK)
        verify_end(v);
    return status;
}

static enum nigh_status ask_node(struct talk *talk, const char *head, struct buf *out,
                                 struct nigh_err *err)
{
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    char path[CHAIN_TEXT_BYTES + 64];

    snprintf(path, sizeof path, "/nigh/v1/ledger/verify%s%s", head ? "?head=" : "",
             head ? head : "");
    enum nigh_status status = talk_get(talk, path, &answer, err);
    buf_add_str(out, buf_slice(&answer.body));
    return status;
}

/* The verdict as JSON into out: the node's own, when one runs. */
static enum nigh_status judge(const char *file, const char *head, const struct chain *anchor,
                              struct buf *out, struct nigh_err *err)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    CLEANUP(verify_done) struct verify v;
    enum nigh_status status;

    verify_init(&v);
    if (!file && talk_new(&talk, 0, NULL) == NIGH_OK)
        return ask_node(talk, head, out, err);
    if (head)
        verify_anchor(&v, anchor, "the head that was given");
    status = file ? verify_file(&v, file, err) : verify_folder(&v, err);
    if (status == NIGH_OK)
        verdict_json(&v.verdict, out);
    return status;
}

static void tell_sound(const struct cli *cli, yyjson_val *verdict)
{
    struct slice head = json_get_str(verdict, "head");
    int64_t open = json_get_int(verdict, "open", 0),
            uncounted = json_get_int(verdict, "uncounted", 0);

    term_line(cli, STYLE_GOOD, "The ledger is whole: %lld records, %lld sends, %lld refusals.",
              (long long)json_get_int(verdict, "records", 0),
              (long long)json_get_int(verdict, "sends", 0),
              (long long)json_get_int(verdict, "denied", 0));
    if (open)
        term_line(cli, STYLE_PLAIN,
                  "%lld sends were never closed: all of their bytes count as out.",
                  (long long)open);
    if (uncounted)
        term_line(cli, STYLE_PLAIN, "Of %lld sends the kernel told no count of its own.",
                  (long long)uncounted);
    term_line(cli, STYLE_PLAIN, "head %.*s", (int)head.len, head.p ? head.p : "");
}

int cmd_ledger_verify(struct cli *cli, int argc, char **argv)
{
    CLEANUP(buf_done) struct buf json = {0};
    CLEANUP(arena_done) struct arena arena = {0};
    const char *head = cli_value(cli, "head");
    struct chain anchor = {0};
    yyjson_val *verdict = NULL;
    struct nigh_err err = {0};

    (void)argc;
    (void)argv;
    if (head && (!chain_parse(&anchor, slice_of(head)) || anchor.seq == 0))
        return cli_error(CLI_USAGE, "ledger verify: --head: expected SEQ:HASH, as `nigh ledger "
                                    "export --head` tells it");
    arena_init(&arena, 1 << 20);
    log_set_level(LOG_ERROR); /* half a line at the end of the spool is no news here */
    enum nigh_status status = judge(cli_value(cli, "file"), head, &anchor, &json, &err);
    if (status == NIGH_OK)
        status = json_parse(&verdict, buf_slice(&json), &arena, &err);
    if (status != NIGH_OK)
        return cli_fail(&err, status == NIGH_UNSUPPORTED ? "`nigh ledger show` starts a node, "
                                                           "which brings an older one up"
                                                         : NULL);
    if (cli->json)
        show_made(&json);
    else if (json_get_bool(verdict, "sound", false))
        tell_sound(cli, verdict);
    if (json_get_bool(verdict, "sound", false))
        return CLI_DONE;
    struct slice why = json_get_str(verdict, "why");
    return cli_error(CLI_FAILED, "ledger verify: %.*s", (int)why.len, why.p ? why.p : "");
}
