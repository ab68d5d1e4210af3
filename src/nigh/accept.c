#include "nigh/accept.h"

#include "base/clock.h"
#include <arpa/inet.h>
#include <strings.h>

/* The host without its port and brackets; absent when it is malformed. */
static struct slice host_name(struct slice host)
{
    if (host.len && host.p[0] == '[') {
        const char *end = memchr(host.p, ']', host.len);
        if (!end)
            return (struct slice){0};
        struct slice rest = {end + 1, host.len - (size_t)(end + 1 - host.p)};
        if (rest.len && rest.p[0] != ':')
            return (struct slice){0};
        return (struct slice){host.p + 1, (size_t)(end - host.p) - 1};
    }
    return slice_cut(&host, ':');
}

static bool ends_with(struct slice s, const char *tail)
{
    struct slice t = slice_of(tail);

    return s.len > t.len && slice_ieq((struct slice){s.p + s.len - t.len, t.len}, t);
}

static bool ip_literal(struct slice s)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char address[16];

    if (s.len == 0 || s.len >= sizeof text)
        return false;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool declared(struct slice name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_ieq(name, slice_of(names[i])))
            return true;
    return false;
}

bool accept_host_ok(struct slice host, const char *const *names, size_t n)
{
    struct slice name = host_name(host);

    return slice_ieq(name, SLICE("localhost")) || ends_with(name, ".localhost") ||
           ends_with(name, ".local") || ip_literal(name) || declared(name, names, n);
}

/* An Origin is ours only when it is this very address: scheme, then exactly the Host we were
 * called. */
static bool origin_ok(struct slice origin, struct slice host)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct slice scheme = slice_of(schemes[i]);
        if (slice_starts(origin, scheme))
            return slice_ieq((struct slice){origin.p + scheme.len, origin.len - scheme.len}, host);
    }
    return false;
}

static bool is_json(struct slice type)
{
    struct slice essence = slice_trim(slice_cut(&type, ';'));

    return slice_ieq(essence, SLICE("application/json"));
}

/* "Authorization: Bearer KEY", or "x-api-key: KEY" as Anthropic's clients send it. */
static struct slice presented_key(struct exchange *ex)
{
    struct slice auth = exchange_header(ex, "Authorization");

    if (auth.len >= 7 && strncasecmp(auth.p, "Bearer ", 7) == 0)
        return slice_trim((struct slice){auth.p + 7, auth.len - 7});
    return exchange_header(ex, "x-api-key");
}

const char *accept_key(struct exchange *ex, const struct keys *keys)
{
    struct slice text = presented_key(ex);
    const struct key *key = text.p ? key_find(keys, text) : NULL;

    return key ? key->name : "";
}

static bool refuse(struct refusal *ret, enum nigh_status status, int http, const char *what)
{
    *ret = (struct refusal){.status = status, .http_status = http, .what = slice_of(what)};
    return false;
}

static bool from_a_foreign_page(struct exchange *ex, struct slice host)
{
    struct slice origin = exchange_header(ex, "Origin");
    struct slice site = exchange_header(ex, "Sec-Fetch-Site");

    if (origin.p && !origin_ok(origin, host))
        return true;
    return site.p && !slice_is(site, "same-origin") && !slice_is(site, "none");
}

/* A page's own script can set or take away none of these, but for Referer. */
static bool from_a_browser(struct exchange *ex)
{
    static const char *const marks[] = {"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Referer",
                                        "Cookie"};

    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (exchange_header(ex, marks[i]).p)
            return true;
    return false;
}

static bool refuse_for(struct refusal *ret, enum nigh_status status, int http, uint64_t wait_ms,
                       const char *what)
{
    refuse(ret, status, http, what);
    ret->retry_after_ms = wait_ms;
    return false;
}

/* Whom is it called by, and from where?  Before any key is read. */
static bool names_ok(struct exchange *ex, const struct accept_policy *policy, struct refusal *ret)
{
    struct slice host = exchange_header(ex, "Host");

    if (exchange_header_count(ex, "Host") > 1 ||
        (host.p && !accept_host_ok(host, policy->hosts, policy->n_hosts)))
        return refuse(ret, NIGH_DENIED, 403,
                      "this Host is not one of this node's names; call it by IP address or "
                      "localhost, or name it in the config's `hosts`");
    if (from_a_foreign_page(ex, host))
        return refuse(ret, NIGH_DENIED, 403, "requests from other web pages are refused");
    if (slice_ieq(exchange_header(ex, "Upgrade"), SLICE("websocket")))
        return refuse(ret, NIGH_DENIED, 403, "there are no WebSockets here");
    return true;
}

/* Beyond loopback who guessed too often is not even heard.  On loopback all programs of the device
 * are one address, so that the guesses of one may not lock the others out. */
static bool key_ok(struct exchange *ex, const struct accept_policy *policy, struct key **ret_key,
                   struct refusal *ret)
{
    struct slice text = presented_key(ex);
    struct address from;
    uint64_t wait_ms = 0;

    exchange_client(ex, &from);
    if (!from.loopback && !guesses_left(policy->guesses, &from, &wait_ms))
        return refuse_for(ret, NIGH_BUSY, 429, wait_ms,
                          "too many wrong keys came from this address");
    if (!text.p)
        return refuse(ret, NIGH_UNAUTHORIZED, 401,
                      "this node asks for a key: Authorization: Bearer KEY");
    if (local_key_is(policy->local, text) && from.loopback)
        return true;
    *ret_key = key_find(policy->keys, text);
    if (*ret_key && !scope_expired(&(*ret_key)->scope, clock_wall_us()))
        return true;
    if (*ret_key)
        return refuse(ret, NIGH_UNAUTHORIZED, 401, "this key is over its time");
    if (!guesses_add(policy->guesses, &from, &wait_ms))
        return refuse_for(ret, NIGH_BUSY, 429, wait_ms,
                          "too many wrong keys came from this address");
    return refuse(ret, NIGH_UNAUTHORIZED, 401,
                  "this key is not known here; make one with `nigh key new NAME`");
}

static bool scope_ok(struct key *key, const struct accept_policy *policy, struct refusal *ret)
{
    uint64_t wait_ms = 0;

    if (!scope_opens(&key->scope, policy->spaces))
        return refuse(ret, NIGH_DENIED, 403,
                      "this key may not call this path; see `nigh key list`");
    if (!key_take(key, clock_mono_us(), &wait_ms))
        return refuse_for(ret, NIGH_BUSY, 429, wait_ms,
                          "this key made too many requests in a minute");
    return true;
}

bool accept_check(struct exchange *ex, const struct accept_policy *policy, struct key **ret_key,
                  struct refusal *ret)
{
    struct key *key = NULL;

    *ret_key = NULL;
    if (!names_ok(ex, policy, ret))
        return false;
    if (policy->open)
        return true;
    if (policy->draining)
        return refuse_for(ret, NIGH_OFFLINE, 503, 1000, "this node is shutting down");
    if ((keys_count(policy->keys) > 0 || policy->changes || exchange_secure(ex)) &&
        !key_ok(ex, policy, &key, ret))
        return false;
    if (key && !scope_ok(key, policy, ret))
        return false;
    if (policy->body_is_json && !is_json(exchange_header(ex, "Content-Type")) &&
        !(policy->any_type && !from_a_browser(ex)))
        return refuse(ret, NIGH_INVALID, 415,
                      "Content-Type must be application/json; with curl: -H "
                      "'Content-Type: application/json'");
    if (policy->requests >= policy->requests_max)
        return refuse_for(ret, NIGH_BUSY, 503, 1000, "too many requests are open on this node");
    *ret_key = key;
    return true;
}
