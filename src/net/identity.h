/* identity: the node's own key and certificate, for TLS beyond loopback.
 *
 * Made at the first start that needs it: an ECDSA key on P-256, which browsers and phones take too,
 * and a certificate that it signs itself, for ten years, with the names and addresses that the
 * device has then.  Nobody else vouches for it: who connects is told its fingerprint once (`nigh
 * status`) and pins it, so names and dates do not matter to him.
 *
 * The key rests in secret memory (base/secret.h) and is unpacked for the moment of each signature,
 * one a handshake.  Loop thread only.
 *
 * Invariants: 1. identity.pem holds key and certificate, is written whole or not at all, and is
 * private to the user; one that others may read is refused.  2. No key is ever made anew where a
 * file stands that cannot be read: clients have pinned it. */
#pragma once
#include "base/err.h"
#include <gnutls/abstract.h>

#define IDENTITY_FILE "identity.pem" /* in the state folder */
enum {
    IDENTITY_FINGERPRINT_BYTES = 96, /* 32 bytes in hexadecimal with colons, and the NUL */
    IDENTITY_PIN_BYTES = 8 + 44 + 1, /* "sha256//", base64, NUL */
};

struct identity;
/* From dir, or made there.  names: more of them for the certificate, IP addresses among them. */
NIGH_MUST enum nigh_status identity_open(struct identity **ret, const char *dir,
                                         const char *const *names, size_t n, struct nigh_err *err);
struct identity *identity_free(struct identity *id);

/* SHA-256 of the certificate, as browsers and openssl show it: "AB:CD:..." */
const char *identity_fingerprint(const struct identity *id);
/* SHA-256 of the public key, as curl takes it: "sha256//..."; the same for every certificate that
 * this key will ever have. */
const char *identity_pin(const struct identity *id);

/* What a TLS server shows and signs with; both stay the identity's. */
gnutls_pcert_st *identity_certificate(struct identity *id);
gnutls_privkey_t identity_key(struct identity *id);
