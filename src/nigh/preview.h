/* preview: what would leave for a turn, before it does.
 *
 * POST /nigh/v1/ledger/preview takes what a turn's route takes and walks the same steps up to the
 * gate, which clears the very bytes that would go; there it stops and tells them.  Nothing is sent,
 * billed, kept or written into the ledger, and a turn that would be refused is refused.  Loop
 * thread only. */
#pragma once
#include "nigh/request.h"

/* Of a path below the preview's: the turn's route that it means (chat completions, when it names
 * none).  false: it is none of the preview's. */
bool preview_path(struct slice path, struct slice *ret_route);
/* In place of the step run: answers, and ends the walk. */
enum walk_step preview_tell(struct request *r);
