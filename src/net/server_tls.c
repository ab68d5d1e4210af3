/* The server's TLS: what libmicrohttpd has to know of the node's identity. */
#include "net/server_inside.h"
#include <sys/socket.h>

/* For GnuTLS: which certificate, and what signs for it.  It belongs to the server of the connection
 * that libmicrohttpd keeps as the session's pointer. */
static int on_certificate(gnutls_session_t session, const gnutls_datum_t *names, int n_names,
                          const gnutls_pk_algorithm_t *algorithms, int n_algorithms,
                          gnutls_pcert_st **ret_cert, unsigned *ret_n, gnutls_privkey_t *ret_key)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        gnutls_session_get_ptr(session), MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct conn *c = info->socket_context;

    if (!c)
        return -1; /* there was no memory for it */
    *ret_cert = identity_certificate(c->server->identity);
    *ret_n = 1;
    *ret_key = identity_key(c->server->identity);
    return 0;
}

unsigned server_tls_options(const struct server *s, struct MHD_OptionItem ret[static 3])
{
    if (!s->identity) {
        ret[0] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
        return 0;
    }
    ret[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)on_certificate};
    ret[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
                                     "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"};
    ret[2] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return MHD_USE_TLS;
}

bool conn_say(struct conn *c, const char *text, size_t len)
{
    if (!c->server->identity)
        return send(c->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info && gnutls_record_send(info->tls_session, text, len) == (ssize_t)len;
}
