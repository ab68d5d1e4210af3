/* status: the node tells of itself; the words come from whoever knows (skill_ctx.status). */
#include "skill/phrase.h"

static bool status_try(struct slice question, struct skill_ctx *ctx, struct buf *answer)
{
    static const char *const asks[] = {
        "nigh status",
        "status of nigh",
        "node status",
        "what is your status",
        "what is the status of this node",
        "are you online",
        "are you offline",
        "are you online right now",
        "are you offline right now",
        "are you connected",
        "are you connected to the internet",
        "are you connected to the cloud",
        "is the cloud reachable",
        "reach the cloud", /* can you ... is a courtesy to phrase.c */
        "which places can answer",
        NULL};
    struct phrase phrase;
    size_t before = answer->len;

    if (!ctx->status || !phrase_read(&phrase, question) ||
        !phrase_is_any((struct slice){phrase.text, phrase.len}, asks))
        return false;
    ctx->status(ctx->owner, answer);
    return answer->len > before;
}

const struct skill skill_status = {"status", status_try};
