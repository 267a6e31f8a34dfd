/* Transport certificates: what a member shows when a link begins.
 *
 * The key of a TLS connection lives for a day at most and signs nothing but handshakes. It lies in
 * a self-signed X.509 certificate whose one extension says which member it speaks for: the member's
 * certificate (the root's signature of the current key) and the current key's signature of the
 * transport key and of the end of its life. So a stolen transport key is worth a day, and neither
 * root nor current key is ever near OpenSSL.
 *
 * OpenSSL takes the bytes apart; every signature is verified with libsodium, and every key passes
 * vain_public_key_valid first, since OpenSSL accepts keys under which anybody can sign. The bytes
 * of the extension are in docs/protocol.md, "Transport certificate". */
#pragma once

#include "base/identity.h"

/* The extension's name: under 2.25 anybody may use the number of a UUID of his own (ITU-T X.667).
 */
#define VAIN_LINK_EXTENSION_OID "2.25.225958002804729985242846119853543740542"

#define VAIN_LINK_LIFETIME_MS                                                                      \
    INT64_C(86400000)                     /* of a transport certificate, from when it is made */
#define VAIN_LINK_SKEW_MS INT64_C(300000) /* how far two members' clocks may be apart */

enum {
    VAIN_LINK_CERTIFICATE_BYTES_MAX = 1024, /* ours has about 500 */
    VAIN_LINK_EXTENSION_BYTES = 2 + VAIN_CERTIFICATE_BYTES + 8 + VAIN_SIGNATURE_BYTES,
    VAIN_LINK_KEY_INFO_BYTES = 12 + VAIN_PUBLIC_KEY_BYTES /* SubjectPublicKeyInfo of Ed25519 */
};

/* A member's own transport certificate, with its key. */
struct vain_link_certificate {
    struct evp_pkey_st *key;             /* owned; OpenSSL wipes it when it goes */
    struct x509_st *x509;                /* owned */
    int64_t made_ms;                     /* when, by the clock that was given */
    int64_t not_before_ms, not_after_ms; /* whole seconds: all that X.509 knows */
};

/* A fresh key from OpenSSL's generator and its certificate: valid from VAIN_LINK_SKEW_MS before
 * `now_ms` (for peers whose clock is behind) until VAIN_LINK_LIFETIME_MS after it or until the
 * signer's own certificate ends, whichever is first. VAIN_ERR_AUTH if that is over already,
 * VAIN_ERR_INPUT for an impossible clock, VAIN_ERR_UNAVAILABLE if OpenSSL has no Ed25519, or the
 * signer's failure; then *out is empty. Local; does not block unless the signer does. */
enum vain_status vain_link_certificate_make(struct vain_signer *signer, int64_t now_ms,
                                            struct vain_link_certificate *out) VAIN_MUST_USE;
/* Releases and wipes; an empty one is fine. */
void vain_link_certificate_fini(struct vain_link_certificate *certificate);
/* Its DER bytes, as they travel. */
void vain_link_certificate_encode(const struct vain_link_certificate *certificate,
                                  uint8_t out[VAIN_MIN_LEN(VAIN_LINK_CERTIFICATE_BYTES_MAX)],
                                  size_t *out_bytes);

/* Who a peer's certificate says, and proves, that he is. */
struct vain_link_peer {
    uint8_t member_id[VAIN_HASH_BYTES];
    struct vain_certificate certificate; /* of the current key, by the root */
    int64_t not_after_ms;                /* of the transport certificate */
};

/* Checks the DER bytes of a peer's only certificate at `now_ms`. A pure function of these two, with
 * no more trust than an Ed25519 verification: that the peer holds the transport key, TLS proves;
 * whether this member is welcome, the caller knows. VAIN_ERR_AUTH says what is wrong, and *out is
 * zeros. */
enum vain_status vain_link_certificate_check(const uint8_t *der, size_t bytes, int64_t now_ms,
                                             struct vain_link_peer *out) VAIN_MUST_USE;
