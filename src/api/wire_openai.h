/* wire_openai: what the two files of OpenAI's wire share.  Loop thread only. */
#pragma once
#include "api/wire_read.h"

/* wire_openai.c; the verbs that paths do not name it writes as llama-server takes them. */
enum nigh_status wire_openai_request(struct buf *out, const struct turn *turn, const char *model,
                                     unsigned flags, struct nigh_err *err);

/* wire_openai_reader.c */
enum nigh_status wire_openai_reader_new(struct wire_reader **ret, const struct turn *turn,
                                        int http_status, struct slice content_type,
                                        struct arena *arena,
                                        void (*sink)(void *owner, const struct event *),
                                        void *owner, struct nigh_err *err);
