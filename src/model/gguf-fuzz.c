/* Whatever is let in has its templates inside the file; whatever is not is told why in plain text.
 */
#include "model/gguf.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice file = {(const char *)data, size};
    struct gguf found;
    struct nigh_err err = {0};

    if (gguf_check(&found, file, &err) != NIGH_OK) {
        if (err.status != NIGH_INVALID || !err.what[0] || !slice_utf8(slice_of(err.what)))
            abort();
        return 0;
    }
    if (found.n_keys > GGUF_KEYS_MAX || found.n_tensors > GGUF_TENSORS_MAX)
        abort();
    for (size_t i = 0; i < found.n_templates; i++) {
        struct slice text = found.templates[i].text;
        if (text.p < file.p || text.len > GGUF_TEMPLATE_BYTES_MAX ||
            text.p + text.len > file.p + file.len)
            abort();
    }
    return 0;
}
