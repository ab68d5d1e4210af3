#include "label/hs.h"
#include <dlfcn.h>
#include <pthread.h>

static struct hs loaded; /* once per process and never closed: code, not state */
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER; /* the worker's search may be first */

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

static enum nigh_status load(struct hs *hs, struct nigh_err *err)
{
    void *lib = dlopen("libhs.so.5", RTLD_NOW | RTLD_LOCAL);

    if (!lib)
        return nigh_fail(err, NIGH_UNSUPPORTED,
                         "text rules need Hyperscan: %s (install libhyperscan5 or "
                         "libvectorscan5)",
                         dlerror());
    if (find_all(hs, lib, err) != NIGH_OK)
        return NIGH_UNSUPPORTED;
    if (hs->valid_platform() != HS_SUCCESS)
        return nigh_fail(err, NIGH_UNSUPPORTED,
                         "text rules need Hyperscan, which this processor cannot run (SSSE3)");
    return NIGH_OK;
}

enum nigh_status hs_load(const struct hs **ret, struct nigh_err *err)
{
    enum nigh_status status = NIGH_OK;

    pthread_mutex_lock(&loading);
    if (!loaded.scan) {
        struct hs hs = {0};
        status = load(&hs, err);
        if (status == NIGH_OK)
            loaded = hs;
    }
    pthread_mutex_unlock(&loading);
    if (status == NIGH_OK)
        *ret = &loaded;
    return status;
}
