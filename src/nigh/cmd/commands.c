/* The table of commands.  Its order is that of the help. */
#include "nigh/cmd/cli.h"
#include <limits.h>

#define PROFILES_WORDS "balanced private fast frugal best green"
#define MODELS_WORDS                                                                               \
    "auto auto/balanced auto/private auto/fast auto/frugal auto/best auto/green here"
#define LABELS_WORDS "device home public"

#define WISHES                                                                                     \
    {"model", "NAME", "who shall answer: auto, auto/PROFILE, here, or a place; see nigh models",   \
     COMPLETE_WORDS, MODELS_WORDS},                                                                \
        {"label", "LABEL", "how far the words may travel: device, public, or a zone of yours",     \
         COMPLETE_WORDS, LABELS_WORDS},                                                            \
        {"profile", "PROFILE", "what matters: " PROFILES_WORDS, COMPLETE_WORDS, PROFILES_WORDS},   \
        {"session", "NAME", "the conversation that this belongs to", 0, NULL},                     \
        {"max-cost", "USD", "refuse rather than spend more on an answer", 0, NULL},                \
        {"deadline", "DURATION", "give up after so long: 500ms, 30s, 5m", 0, NULL},                \
    {                                                                                              \
        "system", "TEXT", "instructions that stand before the question", 0, NULL                   \
    }

static const struct cli_option serve_options[] = {
    {"config", "FILE", "read this file instead of $NIGH_CONFIG or the usual places", COMPLETE_FILES,
     NULL},
    {"ready-fd", "N", "write `ready PORT` to this file descriptor when it is", 0, NULL},
    {"log", "LEVEL", "how much to write: debug, info, warn or error", COMPLETE_WORDS,
     "debug info warn error"},
    {0},
};
static const struct cli_option wishes[] = {WISHES, {0}};
static const struct cli_option ledger_options[] = {
    {"limit", "N", "how many sends to show, the latest first; 20", 0, NULL},
    {0},
};
static const struct cli_option export_options[] = {
    {"head", NULL, "only where the chain stands, to be kept elsewhere", 0, NULL},
    {0},
};
static const struct cli_option verify_options[] = {
    {"file", "EXPORT", "a file that `nigh ledger export` wrote; - is standard input",
     COMPLETE_FILES, NULL},
    {"head", "SEQ:HASH", "a head that was kept elsewhere: the chain must come by it", 0, NULL},
    {0},
};
static const struct cli_option detect_options[] = {
    {"jsonl", NULL, "a JSON object {\"text\": ...} a line, instead of one text", 0, NULL},
    {"no-names", NULL, "patterns alone, without names of persons, places and organisations", 0,
     NULL},
    {0},
};
static const struct cli_option key_options[] = {
    {"allow", "NAMESPACES", "openai, anthropic, ollama, nigh, metrics: what it may call, by commas",
     COMPLETE_WORDS, "openai anthropic ollama nigh metrics"},
    {"places", "PATTERNS", "who may answer it, by commas: here*,skill,home/*", 0, NULL},
    {"label", "ZONE", "how far its data may travel at most", COMPLETE_WORDS, LABELS_WORDS},
    {"budget", "USD", "what it may spend a day", 0, NULL},
    {"rate", "N", "how many requests it may make a minute", 0, NULL},
    {"expires", "DURATION", "when it ends: 12h, 30d", 0, NULL},
    {0},
};
static const struct cli_option models_options[] = {
    {"template", NULL, "the local models' chat templates: which, and how one changed", 0, NULL},
    {"accept", "NAME", "take a local model that was refused as it is, and its template", 0, NULL},
    {0},
};
static const struct cli_option version_options[] = {
    {"verbose", NULL, "the libraries' versions too", 0, NULL},
    {0},
};

static const struct cli_option consent_options[] = {
    {"value", "TEXT", "what may go: a value, or words with one in them; - for standard input", 0,
     NULL},
    {"rule", "N", "or the rule of the config that is lifted, from 1", 0, NULL},
    {"zone", "ZONE", "how far; public", COMPLETE_WORDS, LABELS_WORDS},
    {"for", "DURATION", "how long: 10m, 7d; 1h, and at most 30d", 0, NULL},
    {0},
};

const struct command commands[] = {
    {.name = "ask",
     .operands = "TEXT...",
     .most = UINT_MAX,
     .summary = "ask one question",
     .about =
         "The answer is shown as it comes.  What is piped in is appended to the text; the text "
         "`-` stands for standard input alone.  On a terminal one more line tells who answered, "
         "in which zone, why, how long it took, tokens, cost, and the bytes that left this "
         "device.",
     .options = wishes,
     .run = cmd_ask},
    {.name = "chat",
     .operands = "",
     .no_json = true,
     .summary = "a conversation",
     .about =
         "Lines can be edited, and earlier ones called back; they are kept in chat_history in "
         "the state folder, for you alone.  Ctrl-C stops the answer that is running, Ctrl-D "
         "ends the conversation.  Within it:\n\n"
         "/model [NAME], /label [LABEL]: show or change who answers and how far your words may "
         "travel.  /why: explain the last answer.  /new: forget what was said.  /help.  /quit.",
     .options = wishes,
     .run = cmd_chat},
    {.name = "serve",
     .operands = "",
     .no_json = true,
     .summary = "run the node in the foreground",
     .about =
         "Other commands start one in the background when none runs; its log is nigh.log in the "
         "state folder.  SIGHUP reads the config again; a bad file leaves the old one in force. "
         " SIGTERM lets open turns end first.",
     .options = serve_options,
     .run = cmd_serve},
    {.name = "stop",
     .operands = "",
     .summary = "end the node",
     .about = "Turns that are open may end first, for up to 30 seconds.",
     .run = cmd_stop},
    {.name = "status",
     .operands = "",
     .summary = "the running node, its engine and its places",
     .about = "Starts no node: exit status 4 says that none runs.",
     .run = cmd_status},
    {.name = "models",
     .operands = "",
     .summary = "every name that --model takes",
     .about =
         "Besides these, an alias of the config and the name before a slash, such as here or a "
         "cloud's, may be asked for.\n\n"
         "A chat template is a program in the model's file that decides what the model reads of a "
         "conversation.  The first one that a model comes with is remembered; a model that comes "
         "with another, or whose template adds links, leaves out what the system said or does not "
         "end, is refused until it is accepted.  What is malformed cannot be.",
     .options = models_options,
     .run = cmd_models},
    {.name = "why",
     .operands = "[ID]",
     .most = 1,
     .summary = "who answered a turn, for which reasons, and what it took",
     .about = "ID is the one in the Nigh-Turn header of an answer; without it, the latest turn.",
     .run = cmd_why},
    {.name = "ledger show",
     .operands = "",
     .summary = "what left this device: totals and the latest sends",
     .about = "Every send to any place but this device has a row, opened before its first byte.",
     .options = ledger_options,
     .run = cmd_ledger_show},
    {.name = "ledger verify",
     .operands = "",
     .summary = "is the ledger whole, and does it agree with the kernel's count",
     .about =
         "Follows the chain of all entries and names the first record that was changed, taken out, "
         "put in or cut off; exit status 1 then.  Works without a running node, on its state "
         "folder as it lies there.  Whoever can write that folder can make another chain: only a "
         "head that was kept elsewhere tells (--head).",
     .options = verify_options,
     .run = cmd_ledger_verify},
    {.name = "ledger preview",
     .operands = "TEXT...",
     .most = UINT_MAX,
     .summary = "what would leave this device for a question, before it does",
     .about = "Goes the way of nigh ask up to the moment of sending, and shows who would be asked, "
              "where, under which label, and the very bytes.  Nothing is sent.  A question that "
              "would be refused is refused.",
     .options = wishes,
     .run = cmd_ledger_preview},
    {.name = "ledger export",
     .operands = "",
     .no_json = true,
     .summary = "every entry of the ledger, a line of JSON each",
     .about =
         "For another program, and for `nigh ledger verify --file`.  The last line tells where "
         "the chain stood.",
     .options = export_options,
     .run = cmd_ledger_export},
    {.name = "ledger consent",
     .operands = "",
     .summary = "let a value, or what a rule keeps back, go further for a time",
     .about = "The one thing that widens a label.  It lifts what detection finds or what a rule of "
              "the config says, not what a caller, a key or a tool says.  It is in the ledger "
              "before it holds; the value itself is kept nowhere, only a keyed digest of it.",
     .options = consent_options,
     .run = cmd_consent},
    {.name = "ledger consents",
     .operands = "",
     .summary = "the consents that hold now",
     .about = "Those that are over or were taken back are in `nigh ledger show`.",
     .run = cmd_consents},
    {.name = "ledger revoke",
     .operands = "ID",
     .least = 1,
     .most = 1,
     .summary = "end a consent, at once",
     .about = "What it let go has gone; from now on nothing more does.",
     .run = cmd_consent_revoke},
    {.name = "detect",
     .operands = "",
     .summary = "the private data that detection sees in a text",
     .about = "Reads standard input and tells each find: type, group, how sure, and from which "
              "character to "
              "which.  With --json, an object {\"spans\": [{\"type\", \"start\", \"end\", "
              "\"score\"}]} a "
              "text.  A text with more in it than is looked at is one find, TOO_MUCH.  Needs no "
              "node and sends nothing anywhere.",
     .options = detect_options,
     .run = cmd_detect},
    {.name = "key new",
     .operands = "NAME",
     .least = 1,
     .most = 1,
     .summary = "make a key for a program or a person",
     .about = "The key is shown this once; nigh keeps only its digest.  As soon as a key exists, "
              "every program needs one; nigh's own commands do not.\n\n"
              "Without an option it may do everything, also make and end keys.  With any, the "
              "node's own routes are closed to it unless --allow names nigh.",
     .options = key_options,
     .run = cmd_key_new},
    {.name = "key list",
     .operands = "",
     .summary = "the names of the keys, and what they may do",
     .about = "The keys themselves are not kept.",
     .run = cmd_key_list},
    {.name = "key revoke",
     .operands = "NAME",
     .least = 1,
     .most = 1,
     .summary = "end a key, at once",
     .about = "The ledger and the bills keep its name.",
     .run = cmd_key_revoke},
    {.name = "config check",
     .operands = "[FILE]",
     .most = 1,
     .complete = COMPLETE_FILES,
     .summary = "name every mistake in the config",
     .about = "One line each, as FILE:LINE:COLUMN: key: what.  Exit status 1 when there is one; "
              "warnings alone are 0.",
     .run = cmd_config_check},
    {.name = "config show",
     .operands = "[FILE]",
     .most = 1,
     .complete = COMPLETE_FILES,
     .summary = "the config in force, every default filled in",
     .about = "What is shown can be used as a config.  Keys are never in it.",
     .run = cmd_config_show},
    {.name = "doctor",
     .operands = "",
     .summary = "what is installed, reachable and loadable, and what to do",
     .about = "Starts no node and sends nothing anywhere.  Exit status 1 when something is missing "
              "without which nigh cannot answer.",
     .run = cmd_doctor},
    {.name = "completion",
     .operands = "bash|zsh|fish",
     .least = 1,
     .most = 1,
     .complete = COMPLETE_WORDS,
     .words = "bash zsh fish",
     .no_json = true,
     .summary = "a script that completes commands in a shell",
     .about = "bash: eval \"$(nigh completion bash)\" in ~/.bashrc.  zsh: nigh completion zsh "
              ">_nigh in a folder of $fpath.  fish: nigh completion fish | source.",
     .run = cmd_completion},
    {.name = "version",
     .operands = "",
     .summary = "the version; also nigh --version",
     .about = "",
     .options = version_options,
     .run = cmd_version},
    {.name = "help",
     .operands = "[COMMAND]",
     .most = 2,
     .summary = "all commands, or one in full",
     .about = "",
     .run = cmd_help},
    {.name = "jail",
     .operands = "",
     .no_json = true,
     .hidden = true,
     .raw = true,
     .summary = "the walls around the engine's process",
     .about = "",
     .run = cmd_jail},
    {.name = "model-check",
     .operands = "FILE",
     .least = 1,
     .most = 1,
     .no_json = true,
     .hidden = true,
     .raw = true,
     .summary = "whether a model's files are well formed, from behind walls",
     .about = "",
     .run = cmd_model_check},
    {.name = "man",
     .operands = "",
     .no_json = true,
     .hidden = true,
     .summary = "the manual page, as docs/nigh.1",
     .about = "",
     .run = cmd_man},
    {0},
};
