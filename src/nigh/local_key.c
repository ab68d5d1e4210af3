#include "nigh/local_key.h"

#include "base/json.h"
#include "base/rand.h"
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

NIGH_MUST enum nigh_status local_key_make(struct local_key *ret, const char *state_dir,
                                          const char *host, uint16_t port, struct nigh_err *err)
{
    unsigned char bytes[16];
    char path[PATH_BYTES], hex[sizeof bytes * 2 + 1];
    CLEANUP(buf_done) struct buf json = {0};
    enum nigh_status status = path_join(path, state_dir, LOCAL_KEY_FILE, err);

    if (status != NIGH_OK)
        return status;
    if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    else if (strcmp(host, "::") == 0)
        host = "::1";
    rand_bytes(bytes, sizeof bytes);
    sodium_bin2hex(hex, sizeof hex, bytes, sizeof bytes);
    snprintf(ret->text, sizeof ret->text, "nigh_local_%s", hex);
    snprintf(ret->address, sizeof ret->address, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host,
             port);
    ret->pid = getpid();
    buf_add_char(&json, '{');
    json_put_cstr(&json, "address", ret->address);
    json_put_cstr(&json, "key", ret->text);
    json_put_int(&json, "pid", ret->pid);
    buf_add_cstr(&json, "}\n");
    status = path_write(path, buf_slice(&json), err);
    if (json.data)
        sodium_memzero(json.data, json.cap);
    return status;
}

static bool take(char *to, size_t size, struct slice from)
{
    if (!from.p || from.len >= size)
        return false;
    memcpy(to, from.p, from.len);
    to[from.len] = '\0';
    return true;
}

NIGH_MUST enum nigh_status local_key_read(struct local_key *ret, const char *state_dir,
                                          struct nigh_err *err)
{
    char path[PATH_BYTES];
    CLEANUP(buf_done) struct buf text = {0};
    CLEANUP(arena_done) struct arena arena;
    yyjson_val *root;
    enum nigh_status status = path_join(path, state_dir, LOCAL_KEY_FILE, err);

    arena_init(&arena, 64 << 10);
    if (status == NIGH_OK && !path_exists(path))
        status = nigh_fail(err, NIGH_NOTFOUND, "no node has run here: %.120s is missing", path);
    if (status == NIGH_OK)
        status = path_read(&text, path, 4096, err);
    if (status == NIGH_OK)
        status = json_parse(&root, buf_slice(&text), &arena, err);
    if (status != NIGH_OK)
        return status;
    ret->pid = json_get_int(root, "pid", 0);
    if (!take(ret->text, sizeof ret->text, json_get_str(root, "key")) ||
        !take(ret->address, sizeof ret->address, json_get_str(root, "address")))
        return nigh_fail(err, NIGH_INVALID, "%.200s is not a node's: start the node again", path);
    return NIGH_OK;
}

void local_key_remove(const char *state_dir)
{
    char path[PATH_BYTES];

    if (path_join(path, state_dir, LOCAL_KEY_FILE, NULL) == NIGH_OK)
        unlink(path);
}

bool local_key_is(const struct local_key *key, struct slice text)
{
    size_t len = strlen(key->text);

    return len > 0 && text.len == len && sodium_memcmp(key->text, text.p, len) == 0;
}
