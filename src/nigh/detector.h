/* detector: the search for private data as one setting has it: the user's words, and a detect for
 * the loop thread and one for the worker, each made when it is first asked for.
 *
 * Owner: the setting.  Made, asked for `here` and freed on the loop thread; `aside` is the scanning
 * lane's, whose jobs hold the setting. */
#pragma once
#include "label/detect.h"
#include "nigh/config.h"

struct detector;
/* Reads the file of words, so that a mistake in it is told at start and reload. */
NIGH_MUST enum nigh_status detector_new(struct detector **ret, const struct config_detect *config,
                                        struct nigh_err *err);
struct detector *detector_free(struct detector *detector);

bool detector_names(const struct detector *detector); /* with the tagger: five times the work */
NIGH_MUST enum nigh_status detector_here(struct detector *detector, struct detect **ret,
                                         struct nigh_err *err);
NIGH_MUST enum nigh_status detector_aside(struct detector *detector, struct detect **ret,
                                          struct nigh_err *err);
