/* explain: a plan and a bill told to people, for `nigh why`.  Pure functions: any thread. */
#pragma once
#include "base/json.h"

/* plan: what plan_json wrote, parsed.  Lines of text, each ended by a newline. */
void explain_plan(yyjson_val *plan, struct buf *out);
/* record: a row of the store's bill table, or what bill_record wrote, parsed; tells its plan too.
 * Members `plan` and `steps` may be objects or their JSON as a string. */
void explain_bill(yyjson_val *record, struct buf *out);
