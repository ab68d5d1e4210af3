#include "base/err.h"
#include "base/tap.h"
#include "net/pad.h"

TEST(events_are_filled_with_a_comment)
{
    for (size_t len = 3; len < 1100; len++) {
        CLEANUP(buf_done) struct buf out = {0};
        buf_add_cstr(&out, "before");
        size_t from = out.len;
        for (size_t i = 0; i + 2 < len; i++)
            buf_add_char(&out, 'x');
        buf_add_cstr(&out, "\n\n");
        pad_fill(&out, from, PAD_EVENTS);
        CHECK_EQ((out.len - from) % PAD_BYTES, 0);
        CHECK(out.len - from < len + PAD_BYTES + 3);
        CHECK(memcmp(out.data + out.len - 2, "\n\n", 2) == 0);
        if (out.len > from + len) /* the rest is one comment, and nothing else */
            CHECK(out.data[from + len] == ':' &&
                  strspn(out.data + from + len + 1, " ") == out.len - from - len - 3);
    }
}

TEST(lines_of_json_are_filled_with_blanks_before_their_end)
{
    for (size_t len = 1; len < 1100; len++) {
        CLEANUP(buf_done) struct buf out = {0};
        for (size_t i = 0; i + 1 < len; i++)
            buf_add_char(&out, 'x');
        buf_add_char(&out, '\n');
        pad_fill(&out, 0, PAD_LINES);
        CHECK_EQ(out.len % PAD_BYTES, 0);
        CHECK_EQ(out.data[out.len - 1], '\n');
        CHECK_EQ(strspn(out.data, "x"), len - 1);
        CHECK_EQ(strspn(out.data + len - 1, " "), out.len - len);
    }
}

TEST(what_is_no_whole_piece_is_left_alone)
{
    CLEANUP(buf_done) struct buf out = {0};

    buf_add_cstr(&out, "data: half");
    pad_fill(&out, 0, PAD_EVENTS);
    pad_fill(&out, 0, PAD_LINES);
    CHECK_EQ(out.len, 10);
    buf_add_cstr(&out, "\n\n");
    pad_fill(&out, 0, PAD_NONE);
    CHECK_EQ(out.len, 12);
    pad_fill(&out, 12, PAD_EVENTS); /* nothing was written */
    CHECK_EQ(out.len, 12);
}

TEST(pieces_have_five_sizes)
{
    for (size_t n = PAD_BYTES; n < 100000; n += 7) {
        size_t piece = pad_piece(n, 40000);
        CHECK(piece == 512 || piece == 1024 || piece == 2048 || piece == 4096 || piece == 8192);
        CHECK(piece <= n);
    }
    CHECK_EQ(pad_piece(5000, 1500), 1024);
    CHECK_EQ(pad_piece(100, 1500), 100);
    CHECK_EQ(pad_piece(5000, 100), 100);
}

TEST(types_are_known)
{
    CHECK_EQ(pad_of(SLICE("text/event-stream; charset=utf-8")), PAD_EVENTS);
    CHECK_EQ(pad_of(SLICE("application/x-ndjson")), PAD_LINES);
    CHECK_EQ(pad_of(SLICE("application/json")), PAD_NONE);
    CHECK_EQ(pad_of((struct slice){0}), PAD_NONE);
}
