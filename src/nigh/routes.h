/* routes: which path is what: the table of every HTTP route.
 *
 * Turns go to request.h with their api; everything else is answered by admin.c.  Loop thread only.
 */
#pragma once
#include "api/api.h"
#include "nigh/accept.h"
#include "nigh/node.h"

/* server_ops.request; owner: the node. */
void routes_request(void *owner, struct exchange *ex);
/* server_ops.refused */
void routes_refused(void *owner, struct exchange *ex, int status, const char *message,
                    struct buf *body);
/* SPACE_ bits: whose route this path is. */
unsigned routes_spaces(struct exchange *ex);
/* What accept.h has to know of the node for this request; the flags of a route are its caller's. */
struct accept_policy routes_policy(struct node *node, struct exchange *ex);
/* The api in whose shape this caller is told of errors, whether or not the path exists. */
const struct api *routes_shape(struct exchange *ex);
