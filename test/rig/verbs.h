/* verbs: what the stand-in answers besides chats: /embeddings, /completions, /rerank.
 *
 * Vectors are made from the text's bytes, the same for the same text; they are told in reverse
 * order, each with its index, and have 8 numbers, or `dimensions` of them unless the model's name
 * holds "fixed". A document's rank is how many of the query's words it holds, told in the
 * documents' order. */
#pragma once
#include "plan.h"

/* head: the request's line and headers.  False: it asks for something else. */
bool plan_verb(struct plan *plan, const struct act *act, const char *head, size_t head_n,
               yyjson_val *request, unsigned long serial);
