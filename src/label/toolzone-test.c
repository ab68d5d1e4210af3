#include "base/tap.h"
#include "label/toolzone.h"

TEST(toolzone_takes_the_name_that_says_most)
{
    static const struct toolzone all[] = {
        {"mail_*", 2}, {"mail_send", 1}, {"*_mail", 3}, {"mail_secret_*", 0}};
    static const struct {
        const char *name;
        int zone;
    } rows[] = {
        {"mail_read", 2}, {"mail_send", 1}, {"mail_sends", 2},
        {"mail_", 2},     {"mail", 9},      {"mail_secret_read", 0},
        {"my_mail", 9},   {"*_mail", 3},    {"Mail_read", 2},
        {"", 9},          {"Mail_Send", 1}, {" mail_send\n", 1},
    };
    const struct toolzones tools = {all, ARRAY_LEN(all), 9};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_EQ(toolzone_find(&tools, slice_of(rows[i].name)), rows[i].zone);
}

TEST(toolzone_of_no_declaration_is_none)
{
    const struct toolzones none = {.other = TOOLZONE_NONE};

    CHECK_EQ(toolzone_find(&none, SLICE("read_mail")), TOOLZONE_NONE);
}
