#include "turn/event.h"

const char *finish_text(enum finish finish)
{
    static const char *const texts[] = {
        [FINISH_STOP] = "stop",        [FINISH_LENGTH] = "length",
        [FINISH_CALLS] = "tool_calls", [FINISH_FILTER] = "content_filter",
        [FINISH_OTHER] = "other",
    };
    return texts[finish];
}
