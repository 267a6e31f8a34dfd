/* Making a transport certificate, and the gate that a peer's has to pass.
 *
 * The gate reads from the outside in: bytes, key, self-signature, time, extensions, and the
 * extension's own content last, so that what stands deep inside was signed by what stood before.
 * Bytes have to be the one DER encoding of what OpenSSL understood, so nothing hides in a second
 * spelling. */
#include "p2p/certificate.h"

#include "base/cursor.h"
#include "base/timestamp.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define EXTENSION_DOMAIN "vain/tls/v1" /* signed with its NUL */
#define SECOND_MS        INT64_C(1000)
#define LAST_SECOND      INT64_C(253402300799) /* of the year 9999, X.509's last */

enum {
    EXTENSION_VERSION = 1,
    MESSAGE_BYTES = sizeof EXTENSION_DOMAIN + VAIN_LINK_KEY_INFO_BYTES + 8,
    OID_TEXT_BYTES = 80,
    UNUSED_BITS = 7 /* of a bit string's flags: how many of its last byte do not count */
};

/* "2026-10-29T12:00:00.000Z"; `out`. */
static const char *time_text(int64_t unix_ms, char out[VAIN_MIN_LEN(VAIN_TIMESTAMP_BYTES)])
{
    vain_timestamp_format(unix_ms, out);
    return out;
}

/* The only spelling of SubjectPublicKeyInfo for an Ed25519 key (RFC 8410): this, then the key. */
static const uint8_t key_info_prefix[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                          0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
static_assert(sizeof key_info_prefix + VAIN_PUBLIC_KEY_BYTES == VAIN_LINK_KEY_INFO_BYTES,
              "key info is prefix and key");

/* What the current key signs: this transport key speaks for the member until then. */
static void extension_message(const uint8_t key[VAIN_MIN_LEN(VAIN_PUBLIC_KEY_BYTES)],
                              int64_t not_after_ms, uint8_t out[VAIN_MIN_LEN(MESSAGE_BYTES)])
{
    struct vain_writer writer;
    vain_writer_init(&writer, out, MESSAGE_BYTES);
    vain_write_bytes(&writer, EXTENSION_DOMAIN, sizeof EXTENSION_DOMAIN);
    vain_write_bytes(&writer, key_info_prefix, sizeof key_info_prefix);
    vain_write_bytes(&writer, key, VAIN_PUBLIC_KEY_BYTES);
    vain_write_u64(&writer, (uint64_t)not_after_ms);
    VAIN_ASSERT(!writer.failed);
    VAIN_ASSERT(writer.position == MESSAGE_BYTES);
}

/* ---- Making --------------------------------------------------------------------------------- */

static enum vain_status encode_extension(struct vain_signer *signer, EVP_PKEY *key,
                                         int64_t not_after_ms,
                                         uint8_t out[VAIN_MIN_LEN(VAIN_LINK_EXTENSION_BYTES)])
{
    uint8_t public_key[VAIN_PUBLIC_KEY_BYTES], message[MESSAGE_BYTES];
    uint8_t certificate[VAIN_CERTIFICATE_BYTES], signature[VAIN_SIGNATURE_BYTES];
    size_t key_bytes = sizeof public_key;
    VAIN_ASSERT(EVP_PKEY_get_raw_public_key(key, public_key, &key_bytes) == 1);
    VAIN_ASSERT(key_bytes == sizeof public_key);
    extension_message(public_key, not_after_ms, message);
    VAIN_TRY(vain_signer_sign(signer, message, sizeof message, signature));
    vain_certificate_encode(&signer->certificate, certificate);
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_LINK_EXTENSION_BYTES);
    vain_write_u16(&writer, EXTENSION_VERSION);
    vain_write_bytes(&writer, certificate, sizeof certificate);
    vain_write_u64(&writer, (uint64_t)not_after_ms);
    vain_write_bytes(&writer, signature, sizeof signature);
    VAIN_ASSERT(!writer.failed);
    VAIN_ASSERT(writer.position == VAIN_LINK_EXTENSION_BYTES);
    return VAIN_OK;
}

static bool add_extension(X509 *x509, const uint8_t data[VAIN_MIN_LEN(VAIN_LINK_EXTENSION_BYTES)])
{
    ASN1_OBJECT *name = OBJ_txt2obj(VAIN_LINK_EXTENSION_OID, 1);
    ASN1_OCTET_STRING *content = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension = NULL;
    bool added = name != NULL && content != NULL &&
                 ASN1_OCTET_STRING_set(content, data, VAIN_LINK_EXTENSION_BYTES) == 1;
    if (added)
        extension = X509_EXTENSION_create_by_OBJ(NULL, name, 0, content);
    added = extension != NULL && X509_add_ext(x509, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(content);
    ASN1_OBJECT_free(name);
    return added;
}

/* Names say nothing: who this is stands in the extension. */
static bool fill_x509(X509 *x509, const struct vain_link_certificate *certificate)
{
    X509_NAME *name = X509_get_subject_name(x509);
    return X509_set_version(x509, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) == 1 &&
           ASN1_TIME_set(X509_getm_notBefore(x509), certificate->not_before_ms / SECOND_MS) !=
               NULL &&
           ASN1_TIME_set(X509_getm_notAfter(x509), certificate->not_after_ms / SECOND_MS) != NULL &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"vain", -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(x509, name) == 1 && X509_set_pubkey(x509, certificate->key) == 1;
}

static enum vain_status fill(struct vain_signer *signer, struct vain_link_certificate *certificate)
{
    uint8_t extension[VAIN_LINK_EXTENSION_BYTES];
    certificate->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    certificate->x509 = X509_new();
    if (certificate->key != NULL && certificate->x509 != NULL) {
        VAIN_TRY(encode_extension(signer, certificate->key, certificate->not_after_ms, extension));
        if (fill_x509(certificate->x509, certificate) &&
            add_extension(certificate->x509, extension) &&
            X509_sign(certificate->x509, certificate->key, NULL) > 0)
            return VAIN_OK;
    }
    ERR_clear_error();
    return vain_fail(VAIN_ERR_UNAVAILABLE,
                     "OpenSSL cannot make an Ed25519 certificate here, which links need; a "
                     "FIPS-only configuration leaves Ed25519 out");
}

enum vain_status vain_link_certificate_make(struct vain_signer *signer, int64_t now_ms,
                                            struct vain_link_certificate *out)
{
    *out = (struct vain_link_certificate){0};
    if (now_ms < VAIN_LINK_SKEW_MS || now_ms > LAST_SECOND * SECOND_MS - VAIN_LINK_LIFETIME_MS)
        return vain_fail(VAIN_ERR_INPUT,
                         "clock: %lld ms since 1970 is no time to make a transport certificate at; "
                         "set the clock",
                         (long long)now_ms);
    char end[VAIN_TIMESTAMP_BYTES], now[VAIN_TIMESTAMP_BYTES];
    int64_t end_ms = now_ms + VAIN_LINK_LIFETIME_MS;
    if (end_ms > signer->certificate.not_after_ms)
        end_ms = signer->certificate.not_after_ms;
    if (end_ms / SECOND_MS * SECOND_MS <= now_ms)
        return vain_fail(
            VAIN_ERR_AUTH,
            "key: it was good until %s, and now it is %s; make the next one with 'vain "
            "key renew'",
            time_text(signer->certificate.not_after_ms, end), time_text(now_ms, now));
    out->made_ms = now_ms;
    out->not_before_ms = (now_ms - VAIN_LINK_SKEW_MS) / SECOND_MS * SECOND_MS;
    out->not_after_ms = end_ms / SECOND_MS * SECOND_MS;
    const enum vain_status status = fill(signer, out);
    if (status != VAIN_OK)
        vain_link_certificate_fini(out);
    return status;
}

void vain_link_certificate_fini(struct vain_link_certificate *certificate)
{
    X509_free(certificate->x509);
    EVP_PKEY_free(certificate->key);
    *certificate = (struct vain_link_certificate){0};
}

void vain_link_certificate_encode(const struct vain_link_certificate *certificate,
                                  uint8_t out[VAIN_MIN_LEN(VAIN_LINK_CERTIFICATE_BYTES_MAX)],
                                  size_t *out_bytes)
{
    const int bytes = i2d_X509(certificate->x509, NULL);
    VAIN_ASSERT(bytes > 0);
    VAIN_ASSERT(bytes <= VAIN_LINK_CERTIFICATE_BYTES_MAX);
    VAIN_ASSERT(i2d_X509(certificate->x509, &out) == bytes);
    *out_bytes = (size_t)bytes;
}

/* ---- Checking ------------------------------------------------------------------------------- */

/* Gives the certificate and its part that is signed, both as the bytes that OpenSSL would make of
 * what it understood. */
static enum vain_status parse(const uint8_t *der, size_t bytes, X509 **x509,
                              uint8_t signed_part[VAIN_MIN_LEN(VAIN_LINK_CERTIFICATE_BYTES_MAX)],
                              size_t *signed_bytes)
{
    uint8_t again[VAIN_LINK_CERTIFICATE_BYTES_MAX];
    const unsigned char *end = der;
    unsigned char *place = signed_part, *again_place = again;
    *signed_bytes = 0;
    if (bytes > VAIN_LINK_CERTIFICATE_BYTES_MAX)
        return vain_fail(VAIN_ERR_AUTH, "transport certificate: %zu bytes, expected at most %d",
                         bytes, VAIN_LINK_CERTIFICATE_BYTES_MAX);
    *x509 = d2i_X509(NULL, &end, (long)bytes);
    if (*x509 == NULL || end != der + bytes)
        return vain_fail(VAIN_ERR_AUTH,
                         "transport certificate: its %zu bytes are no X.509 "
                         "certificate",
                         bytes);
    /* This call makes OpenSSL forget how the bytes were spelt. It may need more room than they
     * had, but then they are not DER. */
    const int part_bytes = i2d_re_X509_tbs(*x509, NULL);
    const int again_bytes = i2d_X509(*x509, NULL);
    if (part_bytes <= 0 || part_bytes > VAIN_LINK_CERTIFICATE_BYTES_MAX ||
        again_bytes != (int)bytes || i2d_re_X509_tbs(*x509, &place) != part_bytes ||
        i2d_X509(*x509, &again_place) != again_bytes || memcmp(again, der, bytes) != 0)
        return vain_fail(VAIN_ERR_AUTH,
                         "transport certificate: its bytes are not the DER encoding of their "
                         "content");
    if (X509_get_version(*x509) != X509_VERSION_3)
        return vain_fail(VAIN_ERR_AUTH, "transport certificate: X.509 version %ld, expected 3",
                         X509_get_version(*x509) + 1);
    *signed_bytes = (size_t)part_bytes;
    return VAIN_OK;
}

static enum vain_status check_key(X509 *x509, uint8_t key[VAIN_MIN_LEN(VAIN_PUBLIC_KEY_BYTES)])
{
    uint8_t info[VAIN_LINK_KEY_INFO_BYTES];
    unsigned char *place = info;
    EVP_PKEY *parsed = X509_get0_pubkey(x509);
    size_t key_bytes = VAIN_PUBLIC_KEY_BYTES;
    if (parsed == NULL || EVP_PKEY_get_id(parsed) != EVP_PKEY_ED25519 ||
        EVP_PKEY_get_raw_public_key(parsed, key, &key_bytes) != 1)
        return vain_fail(VAIN_ERR_AUTH, "transport certificate: its key type is not Ed25519");
    VAIN_ASSERT(key_bytes == VAIN_PUBLIC_KEY_BYTES);
    X509_PUBKEY *public_key = X509_get_X509_PUBKEY(x509);
    if (i2d_X509_PUBKEY(public_key, NULL) != VAIN_LINK_KEY_INFO_BYTES ||
        i2d_X509_PUBKEY(public_key, &place) != VAIN_LINK_KEY_INFO_BYTES ||
        memcmp(info, key_info_prefix, sizeof key_info_prefix) != 0)
        return vain_fail(VAIN_ERR_AUTH,
                         "transport certificate: its key type has parameters, expected Ed25519 "
                         "without");
    if (!vain_public_key_valid(key))
        return vain_fail(VAIN_ERR_AUTH, "transport certificate: its key is not a valid Ed25519 "
                                        "key");
    return VAIN_OK;
}

static bool is_plain_ed25519(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *name;
    int parameter_type;
    X509_ALGOR_get0(&name, &parameter_type, NULL, algorithm);
    return OBJ_obj2nid(name) == NID_ED25519 && parameter_type == V_ASN1_UNDEF;
}

static enum vain_status check_self_signature(X509 *x509, const uint8_t *key,
                                             const uint8_t *signed_part, size_t signed_bytes)
{
    const ASN1_BIT_STRING *signature;
    const X509_ALGOR *algorithm;
    X509_get0_signature(&signature, &algorithm, x509);
    if (!is_plain_ed25519(algorithm) || !is_plain_ed25519(X509_get0_tbs_sigalg(x509)) ||
        ASN1_STRING_length(signature) != VAIN_SIGNATURE_BYTES ||
        (signature->flags & UNUSED_BITS) != 0)
        return vain_fail(VAIN_ERR_AUTH,
                         "transport certificate: its signature is not of Ed25519's kind");
    if (!vain_signature_valid(key, signed_part, signed_bytes, ASN1_STRING_get0_data(signature)))
        return vain_fail(VAIN_ERR_AUTH,
                         "transport certificate: not signed by its own key, expected self-signed");
    return VAIN_OK;
}

/* Only the two spellings of RFC 5280, section 4.1.2.5: to the second, in UTC. */
static bool time_to_ms(const ASN1_TIME *time, int64_t *out)
{
    struct tm parts = {0};
    const int bytes = ASN1_STRING_length(time);
    *out = 0;
    if (ASN1_STRING_type(time) == V_ASN1_UTCTIME ? bytes != 13 : bytes != 15)
        return false;
    if (ASN1_STRING_get0_data(time)[bytes - 1] != 'Z' || ASN1_TIME_to_tm(time, &parts) != 1)
        return false;
    *out = (int64_t)timegm(&parts) * SECOND_MS;
    return true;
}

static enum vain_status check_time(const X509 *x509, int64_t now_ms, int64_t *not_after_ms)
{
    char from[VAIN_TIMESTAMP_BYTES], until[VAIN_TIMESTAMP_BYTES], now[VAIN_TIMESTAMP_BYTES];
    int64_t not_before_ms = 0;
    *not_after_ms = 0;
    if (!time_to_ms(X509_get0_notBefore(x509), &not_before_ms) ||
        !time_to_ms(X509_get0_notAfter(x509), not_after_ms))
        return vain_fail(VAIN_ERR_AUTH, "transport certificate: a time of its validity is not "
                                        "spelt as X.509 wants");
    /* Years run from 0 to 9999, so nothing overflows. */
    if (*not_after_ms - not_before_ms > VAIN_LINK_LIFETIME_MS + VAIN_LINK_SKEW_MS)
        return vain_fail(
            VAIN_ERR_AUTH,
            "transport certificate: valid from %s to %s, expected at most 24 hours and "
            "5 minutes",
            time_text(not_before_ms, from), time_text(*not_after_ms, until));
    if (now_ms < not_before_ms)
        return vain_fail(VAIN_ERR_AUTH,
                         "transport certificate: valid from %s, and now it is %s; compare the two "
                         "machines' clocks",
                         time_text(not_before_ms, from), time_text(now_ms, now));
    if (now_ms > *not_after_ms)
        return vain_fail(VAIN_ERR_AUTH,
                         "transport certificate: expired at %s, and now it is %s; compare the two "
                         "machines' clocks",
                         time_text(*not_after_ms, until), time_text(now_ms, now));
    return VAIN_OK;
}

static bool is_ours(X509_EXTENSION *extension)
{
    char name[OID_TEXT_BYTES];
    const int bytes = OBJ_obj2txt(name, sizeof name, X509_EXTENSION_get_object(extension), 1);
    return bytes > 0 && bytes < OID_TEXT_BYTES && strcmp(name, VAIN_LINK_EXTENSION_OID) == 0;
}

/* Borrows our extension's content from `x509`. What else stands there does not matter unless its
 * maker says that it does. */
static enum vain_status find_extension(const X509 *x509, const ASN1_OCTET_STRING **content)
{
    int found = 0;
    *content = NULL;
    for (int i = 0; i < X509_get_ext_count(x509); i++) {
        X509_EXTENSION *extension = X509_get_ext(x509, i);
        if (is_ours(extension)) {
            *content = X509_EXTENSION_get_data(extension);
            found++;
        } else if (X509_EXTENSION_get_critical(extension)) {
            return vain_fail(VAIN_ERR_AUTH,
                             "transport certificate: a critical extension that is not vain's");
        }
    }
    if (found != 1)
        return vain_fail(VAIN_ERR_AUTH,
                         "transport certificate: vain's extension stands there %d times, expected "
                         "once",
                         found);
    return VAIN_OK;
}

static enum vain_status check_member(const struct vain_certificate *certificate, int64_t now_ms)
{
    char then[VAIN_TIMESTAMP_BYTES], now[VAIN_TIMESTAMP_BYTES];
    if (now_ms < certificate->not_before_ms - VAIN_LINK_SKEW_MS)
        return vain_fail(VAIN_ERR_AUTH,
                         "transport certificate: the member's key is valid from %s, and now it is "
                         "%s; compare the two machines' clocks",
                         time_text(certificate->not_before_ms, then), time_text(now_ms, now));
    if (now_ms > certificate->not_after_ms)
        return vain_fail(VAIN_ERR_AUTH,
                         "transport certificate: the member's key expired at %s, and now it is "
                         "%s; that member needs its next one ('vain key renew')",
                         time_text(certificate->not_after_ms, then), time_text(now_ms, now));
    return VAIN_OK;
}

static enum vain_status check_extension(const ASN1_OCTET_STRING *content, const uint8_t *key,
                                        int64_t not_after_ms, int64_t now_ms,
                                        struct vain_link_peer *out)
{
    char end[VAIN_TIMESTAMP_BYTES], said[VAIN_TIMESTAMP_BYTES];
    struct vain_reader reader;
    vain_reader_init(&reader, ASN1_STRING_get0_data(content), (size_t)ASN1_STRING_length(content));
    const unsigned version = vain_read_u16(&reader);
    if (!reader.failed && version != EXTENSION_VERSION)
        return vain_fail(VAIN_ERR_AUTH,
                         "transport certificate: its extension has version %u, this build reads "
                         "%d",
                         version, EXTENSION_VERSION);
    const uint8_t *certificate = vain_read_view(&reader, VAIN_CERTIFICATE_BYTES);
    out->not_after_ms = (int64_t)vain_read_u64(&reader);
    const uint8_t *signature = vain_read_view(&reader, VAIN_SIGNATURE_BYTES);
    if (!vain_reader_done(&reader))
        return vain_fail(VAIN_ERR_AUTH,
                         "transport certificate: its extension has %d bytes, expected %d",
                         ASN1_STRING_length(content), VAIN_LINK_EXTENSION_BYTES);
    VAIN_TRY(vain_certificate_decode(certificate, &out->certificate));
    VAIN_TRY(check_member(&out->certificate, now_ms));
    if (out->not_after_ms != not_after_ms)
        return vain_fail(VAIN_ERR_AUTH,
                         "transport certificate: ends at %s, but the member signed %s",
                         time_text(not_after_ms, end), time_text(out->not_after_ms, said));
    uint8_t message[MESSAGE_BYTES];
    extension_message(key, not_after_ms, message);
    if (!vain_signature_valid(out->certificate.current_key, message, sizeof message, signature))
        return vain_fail(VAIN_ERR_AUTH,
                         "transport certificate: the member's signature of its key is wrong");
    vain_member_id(out->certificate.root_key, out->member_id);
    return VAIN_OK;
}

enum vain_status vain_link_certificate_check(const uint8_t *der, size_t bytes, int64_t now_ms,
                                             struct vain_link_peer *out)
{
    uint8_t signed_part[VAIN_LINK_CERTIFICATE_BYTES_MAX], key[VAIN_PUBLIC_KEY_BYTES];
    size_t signed_bytes = 0;
    int64_t not_after_ms = 0;
    const ASN1_OCTET_STRING *content = NULL;
    X509 *x509 = NULL;
    enum vain_status status;
    VAIN_TRY_OUT(parse(der, bytes, &x509, signed_part, &signed_bytes));
    VAIN_TRY_OUT(check_key(x509, key));
    VAIN_TRY_OUT(check_self_signature(x509, key, signed_part, signed_bytes));
    VAIN_TRY_OUT(check_time(x509, now_ms, &not_after_ms));
    VAIN_TRY_OUT(find_extension(x509, &content));
    VAIN_TRY_OUT(check_extension(content, key, not_after_ms, now_ms, out));
out:
    if (status != VAIN_OK)
        *out = (struct vain_link_peer){0};
    X509_free(x509);
    ERR_clear_error(); /* OpenSSL's own words about bytes of others would confuse later calls */
    return status;
}
