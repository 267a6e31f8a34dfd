/* Who a member is: a root key whose hash is the member's id for ever, and a current key derived
 * from it that signs (SLIP-0010 for Ed25519, path m/1735680817'/0'/epoch'/0'). The root
 * signs a certificate of the current key, so that peers accept it without ever seeing the root
 * used.
 *
 * On disk (mode 0600, written by `vain key new`):
 *   NAME.root.key  the root seed; may be moved offline, only `vain key renew` needs it
 *   NAME.key       the current seed and its certificate; what a run needs
 * Both are canonical binary that ends in a hash of itself; a wrong mode or owner is refused:
 *   NAME.root.key  'VAINROOT' | u16 version | root seed[32] | hash[32]
 *   NAME.key       'VAINKEY1' | u16 version | current seed[32] | certificate[152] | hash[32]
 * The root key is the SLIP-0010 master key (path m) of the root seed. */
#pragma once

#include "base/crypto.h"
#include "base/limits.h"
#include "base/status.h"

/* A member or key name: 1 to 63 of [a-z0-9._-], the first a letter or digit, since it names files.
 */
bool vain_name_valid(const char *name);

enum { VAIN_KEY_FILE_BYTES = 8 + 2 + 32 + 152 + 32, VAIN_CERTIFICATE_DAYS = 90 };

/* What peers check: root public key, current public key, its epoch and time of validity, signed by
 * the root. */
struct vain_certificate {
    uint8_t root_key[VAIN_PUBLIC_KEY_BYTES];
    uint8_t current_key[VAIN_PUBLIC_KEY_BYTES];
    uint64_t key_epoch;
    int64_t not_before_ms, not_after_ms; /* Unix milliseconds */
    uint8_t
        signature[VAIN_SIGNATURE_BYTES]; /* by the root over "vain/cert/v1\0" || everything above */
};
enum { VAIN_CERTIFICATE_BYTES = 32 + 32 + 8 + 8 + 8 + 64 };

void vain_certificate_encode(const struct vain_certificate *certificate,
                             uint8_t out[VAIN_MIN_LEN(VAIN_CERTIFICATE_BYTES)]);
/* Decodes and verifies: both keys valid points, signature right, valid for at most 97 days (90 and
 * a week of overlap). VAIN_ERR_AUTH says what is not. Whether it is valid now is for the caller,
 * who knows the clock. */
enum vain_status vain_certificate_decode(const uint8_t data[VAIN_MIN_LEN(VAIN_CERTIFICATE_BYTES)],
                                         struct vain_certificate *out) VAIN_MUST_USE;

/* A signer signs with a key in a file, in memory, or (later) in an HSM. */
struct vain_signer;
struct vain_signer_ops {
    const char *name;
    enum vain_status (*sign)(struct vain_signer *signer, const void *message, size_t bytes,
                             uint8_t out[VAIN_SIGNATURE_BYTES]);
    void (*close)(struct vain_signer *signer); /* wipes the key */
};
struct vain_signer {
    const struct vain_signer_ops *ops;
    struct vain_certificate certificate;
    uint8_t member_id[VAIN_HASH_BYTES];
    uint8_t seed[VAIN_SEED_BYTES]; /* file and throw-away signers; an HSM leaves it zero */
};

/* Open NAME.key at `path`. VAIN_ERR_NOT_FOUND, VAIN_ERR_AUTH (mode, owner, signature) or
 * VAIN_ERR_CORRUPT. */
enum vain_status vain_signer_open_file(struct vain_signer *signer, const char *path) VAIN_MUST_USE;
/* A throw-away key for this run only: protects against nobody who runs the machine. */
enum vain_status vain_signer_open_throw_away(struct vain_signer *signer,
                                             int64_t now_ms) VAIN_MUST_USE;
enum vain_status vain_signer_sign(struct vain_signer *signer, const void *message, size_t bytes,
                                  uint8_t out[VAIN_MIN_LEN(VAIN_SIGNATURE_BYTES)]) VAIN_MUST_USE;
void vain_signer_close(struct vain_signer *signer);

/* Make NAME.root.key and NAME.key in `folder` (made with mode 0700). VAIN_ERR_REFUSED if one exists
 * already: a key is never overwritten. `member_id` is written. */
enum vain_status vain_key_create(const char *folder, const char *name, int64_t now_ms,
                                 uint8_t member_id[VAIN_MIN_LEN(VAIN_HASH_BYTES)]) VAIN_MUST_USE;

/* The key of the next epoch in the place of NAME.key, certified for 90 days from `now_ms` by the
 * root key at `root_path` (NULL: NAME.root.key in `folder`): the member's id stays what it is.
 * `epoch` is which one; -1: the one after that of NAME.key, which must then be there. `certificate`
 * and `member_id` are written. The statuses of vain_signer_open_file for either file;
 * VAIN_ERR_REFUSED: NAME.key is of another root, or of that epoch or a later one; VAIN_ERR_INPUT:
 * no epochs are left. NAME.key is then what it was; after VAIN_ERR_STORAGE it is the old or the new
 * one, whole. */
enum vain_status vain_key_renew(const char *folder, const char *name, const char *root_path,
                                int64_t now_ms, int64_t epoch, struct vain_certificate *certificate,
                                uint8_t member_id[VAIN_MIN_LEN(VAIN_HASH_BYTES)]) VAIN_MUST_USE;

/* The bytes of NAME.key and back: encode(decode(b)) == b for every b that is accepted.
 * VAIN_ERR_CORRUPT (layout, hash, a seed that is not the certificate's) or VAIN_ERR_AUTH
 * (certificate). `seed` is zeroed on failure; the caller wipes it after use. Local. */
void vain_key_encode(const uint8_t seed[VAIN_MIN_LEN(VAIN_SEED_BYTES)],
                     const struct vain_certificate *certificate,
                     uint8_t out[VAIN_MIN_LEN(VAIN_KEY_FILE_BYTES)]);
enum vain_status vain_key_decode(const uint8_t *data, size_t bytes,
                                 uint8_t seed[VAIN_MIN_LEN(VAIN_SEED_BYTES)],
                                 struct vain_certificate *out) VAIN_MUST_USE;

/* What `vain key show` prints, from NAME.key alone: certificate (key epoch, validity) and member
 * id. Reads and checks the file like vain_signer_open_file and forgets the seed. */
enum vain_status
vain_key_read_public(const char *path, struct vain_certificate *certificate,
                     uint8_t member_id[VAIN_MIN_LEN(VAIN_HASH_BYTES)]) VAIN_MUST_USE;
