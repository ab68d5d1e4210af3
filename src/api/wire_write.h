/* wire_write: what the requests of all wires write alike.
 *
 * A request is written straight into its buffer; what cannot be said in a format is told once, the
 * first time, and refuses the whole request.  Loop thread only. */
#pragma once
#include "api/wire.h"

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

/* The request being written. */
struct writing {
    struct buf *out;
    const struct turn *turn;
    bool own; /* the turn came in this format: extras mean here what they meant to the caller */
    enum nigh_status status;
    struct nigh_err *err;
    bool stable;       /* WIRE_STABLE_PREFIX */
    bool seen_results; /* WIRE_SEEN_RESULTS, or the caller itself put them there */
};

/* The part or wish that the turn needs and the format has no word for; what: "an audio part". */
void writing_refuse(struct writing *w, const char *format, const char *what);
/* What only the format that the turn came in can say (turn->native). */
void writing_refuse_native(struct writing *w, const char *format);
/* The status of the request; NIGH_TOOBIG when it did not fit. */
enum nigh_status writing_end(const struct writing *w);

/* Of the same format only: as more members of the object being written, as they came. */
void put_extras(struct writing *w, const struct extra *extra);
/* Is it among the turn's extras, and will it be written? */
bool has_extra(const struct writing *w, const char *key);
void put_if(struct buf *out, const char *key, struct slice s); /* nothing when it is absent */
/* The members that are strings, without what was told to nigh; nothing where nothing else was told.
 * Of the same format only. */
void put_metadata(struct writing *w);

/* "data:image/png;base64,iVBO..." into its type and its base64; false: another kind of URL. */
bool data_url_split(struct slice url, struct slice *ret_type, struct slice *ret_base64);
/* A file's URL and name, wherever its API keeps them; absent: it told none. */
struct slice file_url(const struct part *p);
struct slice file_name(const struct part *p);

/* Who sealed a piece of reasoning can be told from its looks.  A place refuses what another one
 * sealed, so it is left out there: OpenAI's is a Fernet token (github.com/fernet/spec: version byte
 * 0x80, so "gAAAA" until 2106), Anthropic's a protocol buffer whose first field is number 2, of
 * bytes ("E", then "g" to "v"). */
enum seal { SEAL_UNKNOWN, SEAL_OPENAI, SEAL_ANTHROPIC };
enum seal seal_of(struct slice signature);
