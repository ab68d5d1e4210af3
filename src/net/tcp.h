/* tcp: what the kernel itself counted on a connection (TCP_INFO), to hold against what we counted.
 *
 * out: bytes that it took from us: those it sent, each once however often it sent them again, and
 * those that still wait.  in: bytes that came in order, read by us or not.  Both of payload, TLS
 * records included, since the connection began.  Any thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct tcp_count {
    uint64_t out, in;
};
bool tcp_count(struct tcp_count *ret, int fd); /* false: no TCP socket, or a kernel before 4.19 */
