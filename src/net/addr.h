/* addr: which addresses no router of the internet passes on.  Pure functions; any thread. */
#pragma once
#include <stdbool.h>
#include <sys/socket.h>

/* Loopback, link-local, the private ranges (RFC 1918, RFC 4193) and the shared one (RFC 6598, which
 * private networks over the internet use).  What is no address of IPv4 or IPv6 is none of them. */
bool addr_is_private(const struct sockaddr *addr);
