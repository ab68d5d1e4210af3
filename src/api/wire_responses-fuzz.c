/* Bytes of an answer, cut in two ways, give the same events.  The first byte picks the status, the
 * second the cuts. */
#include "api/wire-fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return wire_fuzz(&wire_responses, data, size);
}
