#include "net/tcp.h"
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

/* Of linux's include/net/tcp_states.h: the far end has closed. */
static bool has_fin(unsigned state)
{
    enum { TIME_WAIT = 6, CLOSE_WAIT = 8, LAST_ACK = 9, CLOSING = 11 };

    return state == TIME_WAIT || state == CLOSE_WAIT || state == LAST_ACK || state == CLOSING;
}

bool tcp_count(struct tcp_count *ret, int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_bytes_retrans) + sizeof info.tcpi_bytes_retrans)
        return false;
    ret->out = info.tcpi_bytes_sent - info.tcpi_bytes_retrans + info.tcpi_notsent_bytes;
    /* It counts the end of the stream as a byte that came. */
    ret->in = info.tcpi_bytes_received - has_fin(info.tcpi_state);
    return true;
}
