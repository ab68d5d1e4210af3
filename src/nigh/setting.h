/* setting: everything that one config makes: zones, rules, the engine, the clouds, the list of
 * places.
 *
 * A reload makes a new one beside the old; requests that began under the old one hold it until they
 * end, so nothing changes under a turn.  The engine is carried over when nothing of it changed, so
 * a reload does not cost a loaded model.  Counted; loop thread only. */
#pragma once
#include "base/path.h"
#include "cloud/cloud.h"
#include "engine/engine.h"
#include "label/rule.h"
#include "label/toolzone.h"
#include "nigh/config.h"
#include "route/decide.h"

struct setting {
    unsigned refs;
    struct config *config;
    struct zones zones;
    struct rules *rules;
    struct toolzones tools;
    struct label default_label;
    struct detector *detector;
    bool searches; /* some place or tool is public: turns are searched for private data */
    /* By enum launch_kind: counted boxes, shared between settings; NULL: no such local model */
    struct setting_engine *engines[3];
    struct cloud **clouds;
    size_t n_clouds;
    /* The skills' place first, the engines', then the clouds' in the config's order. */
    struct place **places;
    size_t n_places;
    struct route_config route;
};

struct setting_parts { /* what it is built on; outlives it */
    struct loop *loop;
    struct client *client;
    struct gate *gate;
    struct skills *skills;
    struct place *skill_place;
    struct trust *trust;
    const char *state_dir;
};

/* Takes the config, whatever it returns.  previous: NULL at start. */
NIGH_MUST enum nigh_status setting_new(struct setting **ret, struct config *config,
                                       const struct setting_parts *parts,
                                       const struct setting *previous, struct nigh_err *err);
struct setting *setting_ref(struct setting *setting);
struct setting *setting_unref(struct setting *setting);
struct engine *setting_local(const struct setting *setting); /* NULL: none */
struct engine *setting_engine(const struct setting *setting, enum launch_kind kind); /* likewise */

/* Where the local model's file is: the config's path or name, $NIGH_MODEL, or the only model in the
 * store.  NIGH_NOTFOUND with a text that says what to do. */
NIGH_MUST enum nigh_status setting_model_path(char ret[static PATH_BYTES],
                                              const struct config_engine *engine,
                                              struct nigh_err *err);
