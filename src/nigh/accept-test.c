#include "nigh/accept.h"

#include "base/tap.h"

TEST(only_names_of_this_machine_are_hosts)
{
    static const struct {
        const char *host;
        bool ok;
    } rows[] = {
        /* clang-format off */
        {"127.0.0.1:6444", true},       {"127.0.0.1", true},
        {"localhost", true},            {"LocalHost:6444", true},
        {"box.local:6444", true},       {"a.localhost", true},
        {"[::1]:6444", true},           {"[::1]", true},
        {"192.168.1.7:6444", true},     {"evil.example", false},
        {"evil.example:6444", false},   {"127.0.0.1.nip.io", false},
        {"localhost.", false},          {"localhost.evil.example", false},
        {"", false},                    {".local", false},
        {"notlocal", false},            {"[::1", false},
        {"[::1]x", false},              {"[evil.example]", false},
        {"0x7f000001", false},          {"2130706433", false},
        {"127.1", false},               {"evil.example#127.0.0.1", false},
        {"127.0.0.1 evil.example", false},
        /* clang-format on */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_EQ(accept_host_ok(slice_of(rows[i].host), NULL, 0), rows[i].ok);
    }
}

TEST(declared_names_are_hosts_too)
{
    static const char *const names[] = {"box.lan", "Nigh.Example"};

    CHECK(accept_host_ok(SLICE("box.lan:6444"), names, 2));
    CHECK(accept_host_ok(SLICE("nigh.example"), names, 2));
    CHECK(!accept_host_ok(SLICE("box.lan."), names, 2));
    CHECK(!accept_host_ok(SLICE("evil.box.lan"), names, 2));
    CHECK(!accept_host_ok(SLICE("box.lan.evil.example"), names, 2));
}
