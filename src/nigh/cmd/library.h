/* library: what nigh is linked with, and its versions as they run. */
#pragma once
#include <stddef.h>

enum { LIBRARIES_MAX = 16 };

struct library {
    const char *name;
    char version[48];
};
/* Fills ret, and returns how many they are. */
size_t libraries_list(struct library ret[static LIBRARIES_MAX]);
