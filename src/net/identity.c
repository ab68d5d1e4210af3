#include "net/identity.h"
#include "base/clock.h"
#include "base/path.h"
#include "base/rand.h"
#include "base/secret.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <ifaddrs.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_BYTES_MAX = 16 << 10, /* ours have 1.5 kB */
    YEARS = 10,
    DAY_S = 86400,
    SERIAL_BYTES = 16,
    CURVE_BITS = 256,
};

/* A key on P-256 as PKCS #8 (RFC 5208, 5915) has one form, of which only the numbers differ. */
enum { NUMBER = 32, AT_K = 36, AT_X = 74, AT_Y = AT_X + NUMBER, DER_BYTES = AT_Y + NUMBER };
static const unsigned char der_before_k[AT_K] = {
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
    0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20};
static const unsigned char der_before_x[AT_X - AT_K - NUMBER] = {0xa1, 0x44, 0x03,
                                                                 0x42, 0x00, 0x04};

#define KEY_BEGIN "-----BEGIN PRIVATE KEY-----\n"
#define KEY_END   "-----END PRIVATE KEY-----\n"

struct identity {
    char *pem; /* the file, secret: the key is in it; NULL once it is unpacked */
    size_t pem_len;
    unsigned char *der;   /* the key alone, secret */
    gnutls_privkey_t key; /* a handle that signs by sign() */
    gnutls_pcert_st cert;
    bool has_cert;
    char fingerprint[IDENTITY_FINGERPRINT_BYTES], pin[IDENTITY_PIN_BYTES];
};

/* GnuTLS's answer as an error of ours. */
static enum nigh_status tls_fail(struct nigh_err *err, const char *what, int rc)
{
    return nigh_fail(err, rc == GNUTLS_E_MEMORY_ERROR ? NIGH_NOMEM : NIGH_IO,
                     IDENTITY_FILE ": %s: %s", what, gnutls_strerror(rc));
}

static gnutls_datum_t number(struct identity *id, size_t at)
{
    return (gnutls_datum_t){id->der + at, NUMBER};
}

/* ---- signing ---- */

/* No text and no ASN.1 of the key passes through GnuTLS, which would leave pieces of it behind:
 * only its numbers, and those it wipes. */
static int sign(gnutls_privkey_t handle, gnutls_sign_algorithm_t algorithm, void *owner,
                unsigned flags, const gnutls_datum_t *hash, gnutls_datum_t *ret_signature)
{
    struct identity *id = owner;
    gnutls_datum_t x = number(id, AT_X), y = number(id, AT_Y), k = number(id, AT_K);
    gnutls_privkey_t key;
    int rc = gnutls_privkey_init(&key);

    (void)handle;
    if (rc < 0)
        return rc;
    rc = gnutls_privkey_import_ecc_raw(key, GNUTLS_ECC_CURVE_SECP256R1, &x, &y, &k);
    if (rc >= 0)
        rc = gnutls_privkey_sign_hash2(key, algorithm, flags, hash, ret_signature);
    gnutls_privkey_deinit(key);
    return rc;
}

/* What GnuTLS asks of a key that it cannot see. */
static int describe(gnutls_privkey_t handle, unsigned flags, void *owner)
{
    unsigned sign_algorithm = GNUTLS_FLAGS_TO_SIGN_ALGO(flags);

    (void)handle;
    (void)owner;
    if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO)
        return GNUTLS_PK_ECDSA;
    if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS)
        return CURVE_BITS;
    if (flags & GNUTLS_PRIVKEY_INFO_SIGN_ALGO)
        return GNUTLS_SIGN_ECDSA_SHA256;
    if (flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO)
        return sign_algorithm == GNUTLS_SIGN_ECDSA_SHA256 ||
               sign_algorithm == GNUTLS_SIGN_ECDSA_SECP256R1_SHA256;
    return -1;
}

/* ---- making ---- */

static int add_name(gnutls_x509_crt_t crt, const char *name)
{
    unsigned char address[16];
    bool v4 = inet_pton(AF_INET, name, address) == 1;

    if (v4 || inet_pton(AF_INET6, name, address) == 1)
        return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, v4 ? 4 : 16,
                                                    GNUTLS_FSAN_APPEND);
    return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
                                                (unsigned)strlen(name), GNUTLS_FSAN_APPEND);
}

/* The addresses that the device has now. */
static void add_addresses(gnutls_x509_crt_t crt)
{
    struct ifaddrs *all = NULL;
    char text[INET6_ADDRSTRLEN];

    if (getifaddrs(&all) != 0)
        return;
    for (struct ifaddrs *a = all; a; a = a->ifa_next) {
        const void *from = NULL;
        if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET)
            from = &((struct sockaddr_in *)a->ifa_addr)->sin_addr;
        else if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET6)
            from = &((struct sockaddr_in6 *)a->ifa_addr)->sin6_addr;
        if (from && inet_ntop(a->ifa_addr->sa_family, from, text, sizeof text))
            add_name(crt, text);
    }
    freeifaddrs(all);
}

static void add_names(gnutls_x509_crt_t crt, const char *const *names, size_t n)
{
    char host[64] = "nigh", local[80];

    gethostname(host, sizeof host - 1);
    host[sizeof host - 1] = '\0';
    snprintf(local, sizeof local, "%s.local", host);
    gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, host,
                                  (unsigned)strlen(host));
    add_name(crt, host);
    if (!strchr(host, '.'))
        add_name(crt, local);
    add_name(crt, "localhost");
    for (size_t i = 0; i < n; i++)
        add_name(crt, names[i]);
    add_addresses(crt);
}

static int sign_itself(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *const *names,
                       size_t n)
{
    unsigned char serial[SERIAL_BYTES];
    time_t now = (time_t)(clock_wall_us() / 1000000);
    int rc;

    rand_bytes(serial, sizeof serial);
    serial[0] &= 0x7f; /* RFC 5280, 4.1.2.2: positive */
    add_names(crt, names, n);
    if ((rc = gnutls_x509_crt_set_version(crt, 3)) < 0 ||
        (rc = gnutls_x509_crt_set_serial(crt, serial, sizeof serial)) < 0 ||
        (rc = gnutls_x509_crt_set_activation_time(crt, now - DAY_S)) < 0 ||
        (rc = gnutls_x509_crt_set_expiration_time(crt, now + YEARS * 365L * DAY_S)) < 0 ||
        (rc = gnutls_x509_crt_set_key(crt, key)) < 0 ||
        (rc = gnutls_x509_crt_set_basic_constraints(crt, 0, -1)) < 0 ||
        (rc = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE)) < 0 ||
        (rc = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0)) < 0)
        return rc;
    return gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
}

/* A number of GnuTLS's, which may have a zero before it, or lack some of its own. */
static void take_number(struct identity *id, size_t at, gnutls_datum_t *from)
{
    size_t skip = from->size > NUMBER ? from->size - NUMBER : 0, len = from->size - skip;

    memcpy(id->der + at + NUMBER - len, from->data + skip, len);
    sodium_memzero(from->data, from->size);
    gnutls_free(from->data);
}

static int take_key(struct identity *id, gnutls_x509_privkey_t key)
{
    gnutls_ecc_curve_t curve;
    gnutls_datum_t x, y, k;
    int rc = gnutls_x509_privkey_export_ecc_raw(key, &curve, &x, &y, &k);

    if (rc < 0)
        return rc;
    memcpy(id->der, der_before_k, sizeof der_before_k);
    memcpy(id->der + AT_K + NUMBER, der_before_x, sizeof der_before_x);
    take_number(id, AT_K, &k);
    take_number(id, AT_X, &x);
    take_number(id, AT_Y, &y);
    return 0;
}

/* The key as PEM, in lines of 64 characters. */
static void write_key(struct identity *id)
{
    enum { LINE = 48 };
    char *to = stpcpy(id->pem, KEY_BEGIN);

    for (size_t at = 0; at < DER_BYTES; at += LINE) {
        size_t n = DER_BYTES - at < LINE ? DER_BYTES - at : LINE;
        sodium_bin2base64(to, FILE_BYTES_MAX - (size_t)(to - id->pem), id->der + at, n,
                          sodium_base64_VARIANT_ORIGINAL);
        to = stpcpy(to + strlen(to), "\n");
    }
    id->pem_len = (size_t)(stpcpy(to, KEY_END) - id->pem);
}

/* Key, then certificate, into id->pem. */
static int export_both(struct identity *id, gnutls_x509_privkey_t key, gnutls_x509_crt_t crt)
{
    size_t len;
    int rc = take_key(id, key);

    if (rc < 0)
        return rc;
    write_key(id);
    len = FILE_BYTES_MAX - id->pem_len;
    rc = gnutls_x509_crt_export(crt, GNUTLS_X509_FMT_PEM, id->pem + id->pem_len, &len);
    id->pem_len += len;
    return rc;
}

static enum nigh_status make(struct identity *id, const char *path, const char *const *names,
                             size_t n, struct nigh_err *err)
{
    gnutls_x509_privkey_t key = NULL;
    gnutls_x509_crt_t crt = NULL;
    int rc;

    if ((rc = gnutls_x509_privkey_init(&key)) >= 0 && (rc = gnutls_x509_crt_init(&crt)) >= 0 &&
        (rc = gnutls_x509_privkey_generate(
             key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0)) >= 0 &&
        (rc = sign_itself(crt, key, names, n)) >= 0)
        rc = export_both(id, key, crt);
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
    if (rc < 0)
        return tls_fail(err, "cannot be made", rc);
    return path_write(path, (struct slice){id->pem, id->pem_len}, err);
}

/* ---- reading ---- */

/* Straight into secret memory. */
static enum nigh_status read_file(struct identity *id, const char *path, struct nigh_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return nigh_fail(err, NIGH_IO, "%.200s: %m", path);
    if (fstat(fd, &st) != 0 || st.st_mode & 077) {
        close(fd);
        return nigh_fail(err, NIGH_DENIED,
                         "%.180s holds a key and others may read it: chmod 600, or remove it and "
                         "pair anew",
                         path);
    }
    for (ssize_t got; id->pem_len < FILE_BYTES_MAX &&
                      (got = read(fd, id->pem + id->pem_len, FILE_BYTES_MAX - id->pem_len)) != 0;) {
        if (got < 0 && errno != EINTR) {
            close(fd);
            return nigh_fail(err, NIGH_IO, "%.200s: %m", path);
        }
        id->pem_len += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    return NIGH_OK;
}

static void fingerprint(struct identity *id)
{
    unsigned char digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(digest, id->cert.cert.data, id->cert.cert.size);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(id->fingerprint + 3 * i, 4, i + 1 < sizeof digest ? "%02X:" : "%02X", digest[i]);
}

static int pin(struct identity *id)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    gnutls_datum_t der = {0};
    int rc = gnutls_pubkey_export2(id->cert.pubkey, GNUTLS_X509_FMT_DER, &der);

    if (rc < 0)
        return rc;
    crypto_hash_sha256(digest, der.data, der.size);
    gnutls_free(der.data);
    strcpy(id->pin, "sha256//");
    sodium_bin2base64(id->pin + 8, sizeof id->pin - 8, digest, sizeof digest,
                      sodium_base64_VARIANT_ORIGINAL);
    return 0;
}

/* That the key is the certificate's: a signature is tried. */
static int try_it(struct identity *id)
{
    gnutls_datum_t data = {(unsigned char *)"nigh", 4}, signature = {0};
    int rc = gnutls_privkey_sign_data2(id->key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &signature);

    if (rc >= 0)
        rc = gnutls_pubkey_verify_data2(id->cert.pubkey, GNUTLS_SIGN_ECDSA_SHA256, 0, &data,
                                        &signature);
    gnutls_free(signature.data);
    return rc;
}

/* The key out of the file's text; false: it is none of ours. */
static bool read_key(struct identity *id)
{
    const char *from = memmem(id->pem, id->pem_len, KEY_BEGIN, strlen(KEY_BEGIN));
    const char *end = memmem(id->pem, id->pem_len, KEY_END, strlen(KEY_END));
    size_t len = 0;

    if (!from || !end || end < from)
        return false;
    from += strlen(KEY_BEGIN);
    return sodium_base642bin(id->der, DER_BYTES, from, (size_t)(end - from), "\r\n", &len, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           len == DER_BYTES && memcmp(id->der, der_before_k, sizeof der_before_k) == 0;
}

static int read_certificate(struct identity *id)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    char *from = memmem(id->pem, id->pem_len, begin, sizeof begin - 1);
    gnutls_datum_t pem = {(unsigned char *)from,
                          from ? (unsigned)(id->pem + id->pem_len - from) : 0};
    int rc = from ? gnutls_pcert_import_x509_raw(&id->cert, &pem, GNUTLS_X509_FMT_PEM, 0)
                  : GNUTLS_E_NO_CERTIFICATE_FOUND;

    id->has_cert = rc >= 0;
    return rc;
}

static enum nigh_status unpack(struct identity *id, struct nigh_err *err)
{
    int rc = read_key(id) ? read_certificate(id) : GNUTLS_E_PARSING_ERROR;

    id->pem = secret_free(id->pem);
    secret_seal(id->der);
    if (rc >= 0 && (rc = gnutls_privkey_init(&id->key)) >= 0)
        rc = gnutls_privkey_import_ext4(id->key, id, NULL, sign, NULL, NULL, describe, 0);
    if (rc >= 0 && (rc = try_it(id)) >= 0)
        rc = pin(id);
    if (rc < 0)
        return tls_fail(err, "is not what nigh wrote", rc);
    fingerprint(id);
    return NIGH_OK;
}

enum nigh_status identity_open(struct identity **ret, const char *dir, const char *const *names,
                               size_t n, struct nigh_err *err)
{
    struct identity *id = calloc(1, sizeof *id);
    char path[PATH_BYTES];
    enum nigh_status status = NIGH_OK;

    if (!id || !(id->pem = secret_new(FILE_BYTES_MAX)) || !(id->der = secret_new(DER_BYTES)))
        status = nigh_fail(err, NIGH_NOMEM, IDENTITY_FILE ": out of memory");
    if (status == NIGH_OK)
        status = path_join(path, dir, IDENTITY_FILE, err);
    if (status == NIGH_OK)
        status = path_exists(path) ? read_file(id, path, err) : make(id, path, names, n, err);
    if (status == NIGH_OK)
        status = unpack(id, err);
    if (status == NIGH_OK)
        *ret = id;
    else
        identity_free(id);
    return status;
}

struct identity *identity_free(struct identity *id)
{
    if (!id)
        return NULL;
    gnutls_privkey_deinit(id->key);
    if (id->has_cert)
        gnutls_pcert_deinit(&id->cert);
    secret_free(id->pem);
    secret_free(id->der);
    free(id);
    return NULL;
}

const char *identity_fingerprint(const struct identity *id)
{
    return id->fingerprint;
}

const char *identity_pin(const struct identity *id)
{
    return id->pin;
}

gnutls_pcert_st *identity_certificate(struct identity *id)
{
    return &id->cert;
}

gnutls_privkey_t identity_key(struct identity *id)
{
    return id->key;
}
