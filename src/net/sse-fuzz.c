/* The same bytes whole and cut by the first byte's size must tell the same events, within the
 * limit. (Not within: cut differently, a line may be refused sooner or later.) */
#include "net/sse.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENT_BYTES_MAX = 4096 };

static void on_event(void *owner, struct slice event, struct slice data)
{
    struct buf *all = owner;

    assert(event.len + data.len <= EVENT_BYTES_MAX);
    assert(!event.p || event.len > 0);
    buf_add_u64(all, event.len);
    buf_add_char(all, ' ');
    buf_add_str(all, event);
    buf_add_u64(all, data.len);
    buf_add_char(all, ' ');
    buf_add_str(all, data);
}

static enum nigh_status feed(struct buf *all, struct slice in, size_t step)
{
    struct sse sse;
    enum nigh_status status = NIGH_OK;

    sse_init(&sse, EVENT_BYTES_MAX, on_event, all);
    for (size_t at = 0; at < in.len && status == NIGH_OK; at += step) {
        struct slice piece = {in.p + at, in.len - at < step ? in.len - at : step};

        status = sse_feed(&sse, piece, NULL);
    }
    sse_done(&sse);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = {0}, cut = {0};
    struct slice in = {(const char *)data + 1, size - 1};

    if (size < 2)
        return 0;
    enum nigh_status a = feed(&whole, in, in.len), b = feed(&cut, in, (size_t)data[0] + 1);
    if (a == NIGH_OK && b == NIGH_OK)
        assert(whole.len == cut.len &&
               (whole.len == 0 || memcmp(whole.data, cut.data, cut.len) == 0));
    buf_done(&whole);
    buf_done(&cut);
    return 0;
}
