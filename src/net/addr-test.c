#include "base/err.h"
#include "base/tap.h"
#include "net/addr.h"
#include <arpa/inet.h>

static bool is_private(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return addr_is_private((struct sockaddr *)&v4);
    CHECK_EQ(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return addr_is_private((struct sockaddr *)&v6);
}

TEST(addr_private_is_what_stays_within_a_site)
{
    static const char *const inside[] = {
        "127.0.0.1",  "127.255.255.255", "10.0.0.0",     "10.255.255.255",
        "172.16.0.1", "172.31.255.255",  "192.168.1.1",  "169.254.169.254",
        "100.64.0.1", "100.127.255.255", "::1",          "fe80::1",
        "febf::1",    "fc00::1",         "fdff:ffff::1", "::ffff:10.1.2.3"};
    static const char *const outside[] = {
        "0.0.0.0",        "9.255.255.255", "11.0.0.0",        "126.0.0.1",   "128.0.0.1",
        "172.15.255.255", "172.32.0.0",    "192.167.1.1",     "192.169.0.0", "100.63.0.1",
        "100.128.0.0",    "203.0.113.9",   "255.255.255.255", "::",          "2001:db8::1",
        "fec0::1",        "fbff::1",       "fe00::1",         "2002:a00::1", "64:ff9b::a00:1",
        "::ffff:8.8.8.8"};

    for (size_t i = 0; i < ARRAY_LEN(inside); i++)
        if (!is_private(inside[i]))
            TAP_FAIL("%s stays inside", inside[i]);
    for (size_t i = 0; i < ARRAY_LEN(outside); i++)
        if (is_private(outside[i]))
            TAP_FAIL("%s does not", outside[i]);
}

TEST(addr_of_another_family_is_none)
{
    struct sockaddr unix_socket = {.sa_family = AF_UNIX};

    CHECK(!addr_is_private(&unix_socket));
}
