#include "nigh/cmd/library.h"

#include "net/client.h"
#include <assert.h>
#include <histedit.h>
#include <hs/hs.h>
#include <microhttpd.h>
#include <seccomp.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>
#include <yaml.h>
#include <yyjson.h>

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

size_t libraries_list(struct library ret[static LIBRARIES_MAX])
{
    const struct scmp_version *seccomp = seccomp_version();
    char seccomp_text[32];
    uint32_t yy = yyjson_version();
    char yyjson_text[32];
    const struct {
        const char *name, *version;
    } rows[] = {
        {"libcurl", client_library()},
        {"libedit", TEXT(LIBEDIT_MAJOR) "." TEXT(LIBEDIT_MINOR)},
        {"libhs", TEXT(HS_MAJOR) "." TEXT(HS_MINOR) "." TEXT(HS_PATCH)},
        {"libmicrohttpd", MHD_get_version()},
        {"libseccomp", seccomp_text},
        {"libsodium", sodium_version_string()},
        {"libuv", uv_version_string()},
        {"libyaml", yaml_get_version_string()},
        {"sqlite", sqlite3_libversion()},
        {"yyjson", yyjson_text},
    };
    size_t n = sizeof rows / sizeof *rows;

    snprintf(seccomp_text, sizeof seccomp_text, "%u.%u.%u", seccomp->major, seccomp->minor,
             seccomp->micro);
    snprintf(yyjson_text, sizeof yyjson_text, "%u.%u.%u", yy >> 16, yy >> 8 & 0xff, yy & 0xff);
    assert(n <= LIBRARIES_MAX);
    for (size_t i = 0; i < n; i++) {
        ret[i].name = rows[i].name;
        snprintf(ret[i].version, sizeof ret[i].version, "%s", rows[i].version);
    }
    return n;
}
