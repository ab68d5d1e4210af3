#include "base/path.h"
#include "base/tap.h"
#include "net/identity.h"
#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], file[128];
static struct nigh_err err;

static void rm(void)
{
    if (folder[0]) {
        unlink(file);
        rmdir(folder);
    }
}

__attribute__((destructor)) static void sweep(void)
{
    rm();
}

static struct identity *fresh(void)
{
    static const char *const names[] = {"box.lan", "192.0.2.7"};
    struct identity *id = NULL;

    rm();
    err = (struct nigh_err){0};
    strcpy(folder, "/tmp/nigh-identity-XXXXXX");
    CHECK(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/%s", folder, IDENTITY_FILE);
    CHECK_EQ(identity_open(&id, folder, names, 2, &err), NIGH_OK);
    CHECK_STR(err.what, "");
    return id;
}

TEST(it_is_made_once_private_and_read_back)
{
    struct identity *id = fresh(), *again = NULL;
    struct stat st;

    CHECK_EQ(strlen(identity_fingerprint(id)), 95);
    CHECK_EQ(strlen(identity_pin(id)), 52);
    CHECK_EQ(stat(file, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    CHECK_EQ(identity_open(&again, folder, NULL, 0, &err), NIGH_OK);
    CHECK_STR(identity_fingerprint(again), identity_fingerprint(id));
    CHECK_STR(identity_pin(again), identity_pin(id));
    identity_free(again);
    identity_free(id);
}

TEST(two_nodes_are_two)
{
    struct identity *one = fresh();
    char first[IDENTITY_PIN_BYTES];

    snprintf(first, sizeof first, "%s", identity_pin(one));
    identity_free(one);
    struct identity *two = fresh();
    CHECK(strcmp(first, identity_pin(two)) != 0);
    identity_free(two);
}

TEST(the_certificate_names_the_device_for_ten_years)
{
    struct identity *id = fresh();
    gnutls_x509_crt_t crt;
    unsigned char address[4];

    CHECK_EQ(gnutls_x509_crt_init(&crt), 0);
    CHECK_EQ(gnutls_x509_crt_import(crt, &identity_certificate(id)->cert, GNUTLS_X509_FMT_DER), 0);
    CHECK(gnutls_x509_crt_check_hostname(crt, "localhost"));
    CHECK(gnutls_x509_crt_check_hostname(crt, "box.lan"));
    CHECK(!gnutls_x509_crt_check_hostname(crt, "evil.example"));
    inet_pton(AF_INET, "192.0.2.7", address);
    CHECK(gnutls_x509_crt_check_ip(crt, address, 4, 0));
    time_t years = (gnutls_x509_crt_get_expiration_time(crt) - time(NULL)) / (365 * 86400);
    CHECK(years == 10 || years == 9);
    CHECK_EQ(gnutls_x509_crt_get_ca_status(crt, NULL), 0);
    gnutls_x509_crt_deinit(crt);
    identity_free(id);
}

TEST(a_file_that_others_may_read_is_refused)
{
    struct identity *id = fresh(), *again = NULL;

    CHECK_EQ(chmod(file, 0640), 0);
    CHECK_EQ(identity_open(&again, folder, NULL, 0, &err), NIGH_DENIED);
    CHECK(strstr(err.what, "chmod 600"));
    identity_free(id);
}

TEST(what_cannot_be_read_is_never_made_anew)
{
    static const char *const texts[] = {
        "", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"};
    struct identity *id = fresh();

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct buf now = {0};
        err = (struct nigh_err){0};
        CHECK_EQ(path_write(file, slice_of(texts[i]), &err), NIGH_OK);
        struct identity *again = NULL;
        CHECK_EQ(identity_open(&again, folder, NULL, 0, &err), NIGH_IO);
        CHECK_EQ(path_read(&now, file, 1 << 16, &(struct nigh_err){0}), NIGH_OK);
        CHECK_EQ(now.len, strlen(texts[i]));
        buf_done(&now);
    }
    identity_free(id);
}

/* Two files, each half of another's. */
TEST(the_key_of_one_and_the_certificate_of_another_are_no_identity)
{
    CLEANUP(buf_done) struct buf one = {0}, two = {0}, mixed = {0};
    struct identity *id = fresh();

    CHECK_EQ(path_read(&one, file, 1 << 16, &err), NIGH_OK);
    identity_free(id);
    id = fresh();
    CHECK_EQ(path_read(&two, file, 1 << 16, &err), NIGH_OK);
    identity_free(id);
    buf_add_str(&mixed, buf_slice(&one));
    char *cut = strstr(mixed.data, "-----BEGIN CERTIFICATE");
    mixed.len = (size_t)(cut - mixed.data);
    buf_add_cstr(&mixed, strstr(two.data, "-----BEGIN CERTIFICATE"));
    CHECK_EQ(path_write(file, buf_slice(&mixed), &err), NIGH_OK);
    CHECK_EQ(identity_open(&id, folder, NULL, 0, &err), NIGH_IO);
}
