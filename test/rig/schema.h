/* schema: the smallest value that a JSON Schema takes, as far as schemas in tests go. */
#pragma once
#include "bytes.h"
#include <yyjson.h>

void schema_value(struct bytes *out, yyjson_val *schema, yyjson_val *root, int depth);
