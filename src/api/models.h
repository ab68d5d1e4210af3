/* models: what may be asked for, in the shape that the caller knows.
 *
 * The node's own names come first (`auto`, and `auto/PROFILE` for each profile), then every place
 * that is a model: skills are chosen by nigh, never asked for.  Pure.  Loop thread only. */
#pragma once
#include "turn/place.h"

struct models {
    const struct place *const *places;
    size_t n_places;
    const char *const *profiles;
    size_t n_profiles;
    int64_t created; /* Unix seconds: of the list, since no place tells when its model was made */
};

enum models_shape { MODELS_OPENAI, MODELS_ANTHROPIC };

/* The body of GET /v1/models. */
void models_list(const struct models *models, enum models_shape shape, struct buf *out);
/* The body of GET /v1/models/ID, the id already percent-decoded; false, and nothing written: none.
 */
bool models_one(const struct models *models, enum models_shape shape, struct slice id,
                struct buf *out);
