/* hs: Hyperscan (or Vectorscan), loaded when a first pattern needs it.
 *
 * Linked in the ordinary way, libhs and the libstdc++ it brings cost 1.6 MB of resident memory in a
 * process that never scans (2,980 against 1,364 kB, Debian 12, libhs 5.4.0), so it is opened with
 * dlopen() the first time and stays.  Any thread. */
#pragma once
#include "base/err.h"
#include <hs/hs.h>

/* One row a function: its name without hs_. */
#define HS_CALLS(C)                                                                                \
    C(valid_platform)                                                                              \
    C(compile_multi)                                                                               \
    C(database_size)                                                                               \
    C(free_compile_error)                                                                          \
    C(free_database)                                                                               \
    C(alloc_scratch)                                                                               \
    C(free_scratch)                                                                                \
    C(scan)

struct hs {
#define HS_MEMBER(name) __typeof__(&hs_##name) name;
    HS_CALLS(HS_MEMBER)
#undef HS_MEMBER
};

/* NIGH_UNSUPPORTED with what to do where the library is missing or the processor too old. */
NIGH_MUST enum nigh_status hs_load(const struct hs **ret, struct nigh_err *err);
