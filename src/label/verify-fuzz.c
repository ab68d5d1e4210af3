/* Any lines: nothing but a chain is taken for one.  Lines that begin with '+' are sealed first, as
 * the ledger would have, so that what entries say is reached too. */
#include "label/verify.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(const struct chain *at, struct slice members, struct buf *line)
{
    struct chain next;

    buf_reset(line);
    buf_add_cstr(line, "{\"seq\":");
    buf_add_u64(line, at->seq + 1);
    buf_add_char(line, ',');
    buf_add_str(line, members);
    chain_seal(at, line, &next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = {(const char *)data, size};
    struct buf line = {0};
    struct verify v;
    uint64_t sealed = 0;
    bool ours = true, more = true;

    verify_init(&v);
    while (rest.p && more) {
        struct slice text = slice_cut(&rest, '\n');
        ours = text.len > 0 && text.p[0] == '+';
        sealed += ours;
        if (ours) {
            seal(&v.verdict.head, (struct slice){text.p + 1, text.len - 1}, &line);
            text = buf_slice(&line);
        }
        more = verify_line(&v, text);
        if (ours && !more) /* what was sealed follows, whatever it says */
            abort();
    }
    verify_end(&v);
    if (v.verdict.records < sealed || v.verdict.sound != (v.verdict.why[0] == '\0'))
        abort();
    verify_done(&v);
    buf_done(&line);
    return 0;
}
