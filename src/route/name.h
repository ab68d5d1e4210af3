/* name: what the caller's model name asks for.
 *
 * `auto`, `auto/PROFILE` and nothing at all leave the choice to the router.  Any other name asks
 * for the places whose whole name it is ("openai/gpt-5-mini"), else those before whose slash it
 * stands ("here", "openai"), else those that know their model by it ("gpt-5-mini").  Where
 * none of this finds a place, a last ":latest" is left out, since Ollama's clients append it, and
 * then the alias "*", if there is one, stands for the name.  Pure functions: any thread. */
#pragma once
#include "route/decide.h"

struct wish {
    struct slice name; /* after aliases */
    bool any;          /* auto */
    bool has_profile;  /* auto/PROFILE */
    enum profile profile;
    enum { WISH_WHOLE, WISH_PREFIX, WISH_MODEL } by; /* !any */
};

/* NIGH_NOTFOUND when no place or profile has that name; the text offers names near it. */
NIGH_MUST enum nigh_status wish_read(struct wish *ret, const struct route_config *config,
                                     struct slice model, struct place *const *places, size_t n,
                                     struct nigh_err *err);
bool wish_matches(const struct wish *wish, const struct place *place);
