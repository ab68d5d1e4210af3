#include "net/addr.h"
#include "base/err.h"
#include <netinet/in.h>
#include <stdint.h>

static const struct {
    uint32_t base;
    unsigned bits;
} private_v4[] = {
    {0x7f000000, 8},  /* 127.0.0.0 */
    {0x0a000000, 8},  /* 10.0.0.0 */
    {0xac100000, 12}, /* 172.16.0.0 */
    {0xc0a80000, 16}, /* 192.168.0.0 */
    {0xa9fe0000, 16}, /* 169.254.0.0 */
    {0x64400000, 10}, /* 100.64.0.0 */
};

static bool v4_is_private(uint32_t addr)
{
    for (size_t i = 0; i < ARRAY_LEN(private_v4); i++)
        if (addr >> (32 - private_v4[i].bits) == private_v4[i].base >> (32 - private_v4[i].bits))
            return true;
    return false;
}

static bool v6_is_private(const struct in6_addr *addr)
{
    const unsigned char *b = addr->s6_addr;

    if (IN6_IS_ADDR_V4MAPPED(addr))
        return v4_is_private((uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 | (uint32_t)b[14] << 8 |
                             b[15]);
    return IN6_IS_ADDR_LOOPBACK(addr) || IN6_IS_ADDR_LINKLOCAL(addr) || (b[0] & 0xfe) == 0xfc;
}

bool addr_is_private(const struct sockaddr *addr)
{
    if (addr->sa_family == AF_INET)
        return v4_is_private(ntohl(((const struct sockaddr_in *)addr)->sin_addr.s_addr));
    return addr->sa_family == AF_INET6 &&
           v6_is_private(&((const struct sockaddr_in6 *)addr)->sin6_addr);
}
