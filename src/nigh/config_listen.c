#include "nigh/config_listen.h"

#include <arpa/inet.h>
#include <stdio.h>

/* False: neither an IP address nor localhost. */
static bool host_read(const char *host, bool *ret_loopback)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (strcmp(host, "localhost") == 0)
        *ret_loopback = true;
    else if (inet_pton(AF_INET, host, &v4) == 1)
        *ret_loopback = ntohl(v4.s_addr) >> 24 == 127;
    else if (inet_pton(AF_INET6, host, &v6) == 1)
        *ret_loopback = IN6_IS_ADDR_LOOPBACK(&v6);
    else
        return false;
    return true;
}

/* NULL, or what is wrong with it. */
static const char *listen_read(struct config_listen *ret, struct slice s, struct arena *arena)
{
    struct slice host = s;
    const char *colon = memrchr(s.p, ':', s.len);
    uint64_t port;

    if (!colon || !slice_u64((struct slice){colon + 1, (size_t)(s.p + s.len - colon) - 1}, &port) ||
        port > 65535)
        return "expected ADDRESS:PORT, such as 127.0.0.1:6444";
    host.len = (size_t)(colon - s.p);
    if (host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
        host = (struct slice){host.p + 1, host.len - 2};
    *ret = (struct config_listen){.host = arena_strdup(arena, host), .port = (uint16_t)port};
    if (ret->host && !host_read(ret->host, &ret->loopback))
        return "expected an IP address or localhost before the port";
    return NULL;
}

static bool same(const struct config_listen *a, const struct config_listen *b)
{
    return a->port == b->port && a->port != 0 && strcmp(a->host, b->host) == 0;
}

void config_listen_read(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct config_listens *listens = at, read = {0};
    const char **texts = reader_texts(rd, node, CONFIG_LISTENS_MAX, &read.n);

    for (size_t i = 0; texts && i < read.n; i++) {
        const char *wrong = listen_read(&read.all[i], slice_of(texts[i]), rd->arena);
        for (size_t j = 0; !wrong && j < i; j++)
            if (same(&read.all[i], &read.all[j]))
                wrong = "it stands here twice";
        if (wrong || !read.all[i].host) {
            reader_mistake(rd, node, "%s", wrong ? wrong : "out of memory");
            return;
        }
    }
    if (texts && read.n)
        *listens = read;
}

/* As in a Host header without its port: no trailing dot, no wildcard. */
static bool name_ok(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");

    return len > 0 && len <= 253 && name[len] == '\0' && name[len - 1] != '.' && name[0] != '.';
}

void config_hosts_read(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct config_hosts *hosts = at;
    size_t n = 0;
    const char **names = reader_texts(rd, node, CONFIG_HOSTS_MAX, &n);

    for (size_t i = 0; names && i < n; i++)
        if (!name_ok(names[i])) {
            reader_mistake(rd, node, "expected host names without port, such as box.lan");
            return;
        }
    if (names)
        *hosts = (struct config_hosts){names, n};
}

void config_listen_text(char text[static CONFIG_LISTEN_TEXT_BYTES], const struct config_listen *at)
{
    snprintf(text, CONFIG_LISTEN_TEXT_BYTES, strchr(at->host, ':') ? "[%s]:%u" : "%s:%u", at->host,
             at->port);
}
