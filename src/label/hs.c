#include "label/hs.h"
#include <dlfcn.h>

static struct hs loaded; /* once per process and never closed: code, not state */

static enum nigh_status find_all(struct hs *hs, void *lib, struct nigh_err *err)
{
#define HS_FIND(name)                                                                              \
    hs->name = (__typeof__(hs->name))dlsym(lib, "hs_" #name);                                      \
    if (!hs->name)                                                                                 \
        return nigh_fail(err, NIGH_UNSUPPORTED, "libhs.so.5 has no hs_" #name);
    HS_CALLS(HS_FIND)
#undef HS_FIND
    return NIGH_OK;
}

enum nigh_status hs_load(const struct hs **ret, struct nigh_err *err)
{
    if (!loaded.scan) {
        struct hs hs = {0};
        void *lib = dlopen("libhs.so.5", RTLD_NOW | RTLD_LOCAL);
        enum nigh_status status;

        if (!lib)
            return nigh_fail(err, NIGH_UNSUPPORTED,
                             "text rules need Hyperscan: %s (install libhyperscan5 or "
                             "libvectorscan5)",
                             dlerror());
        status = find_all(&hs, lib, err);
        if (status != NIGH_OK)
            return status;
        if (hs.valid_platform() != HS_SUCCESS)
            return nigh_fail(err, NIGH_UNSUPPORTED,
                             "text rules need Hyperscan, which this processor cannot run (SSSE3)");
        loaded = hs;
    }
    *ret = &loaded;
    return NIGH_OK;
}
