/* Keys of a member: how they are derived, certified, kept in files and used.
 *
 * From 32 random bytes, the root seed, comes everything else: the root key (whose hash is the
 * member's id) and one signing key an epoch, which the root certifies for 90 days. Two files, so
 * that the root can be taken away from the machine that trains.
 *
 * Both files are read by one strict routine: no symbolic link, no pipe, ours, for our eyes only.
 * Both are written by another: a temporary file that is complete and durable before it gets its
 * name, by link(2), which fails if the name is taken. Whoever loses a root key loses his id, so
 * "overwritten" must not be a thing that can happen. Only the next current key takes the place of
 * the one before, which the root can derive again. Secrets in local variables are wiped on every
 * way out. */
#include "base/identity.h"

#include "base/cursor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CERTIFICATE_DOMAIN "vain/cert/v1" /* signed with its NUL */
#define KEY_MAGIC          "VAINKEY1"
#define ROOT_MAGIC         "VAINROOT"
#define KEY_FILE_PERSONAL  "vain/key-file"
#define DAY_MS             INT64_C(86400000)
#define VALIDITY_MS        (VAIN_CERTIFICATE_DAYS * DAY_MS)
#define VALIDITY_MS_MAX    (VALIDITY_MS + 7 * DAY_MS)

enum {
    MAGIC_BYTES = 8,
    FILE_VERSION = 1,
    FIRST_EPOCH = 0,
    EPOCH_MAX = 0x7FFFFFFF, /* the largest index of a hardened child */
    SLIP10_PURPOSE = 1735680817,
    SLIP10_ROLE_SIGNING = 0,
    CERTIFICATE_SIGNED_BYTES = VAIN_CERTIFICATE_BYTES - VAIN_SIGNATURE_BYTES,
    CERTIFICATE_MESSAGE_BYTES = sizeof CERTIFICATE_DOMAIN + CERTIFICATE_SIGNED_BYTES,
    ROOT_FILE_BYTES = MAGIC_BYTES + 2 + VAIN_SEED_BYTES + VAIN_HASH_BYTES
};
static_assert(VAIN_KEY_FILE_BYTES ==
                  MAGIC_BYTES + 2 + VAIN_SEED_BYTES + VAIN_CERTIFICATE_BYTES + VAIN_HASH_BYTES,
              "NAME.key is as long as its parts");

/* ---- Names ---------------------------------------------------------------------------------- */

bool vain_name_valid(const char *name)
{
    static const char letters_and_digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    if (name[0] == '\0' || strchr(letters_and_digits, name[0]) == NULL)
        return false;
    const size_t bytes = strspn(name, all);
    return name[bytes] == '\0' && bytes < VAIN_NAME_BYTES;
}

/* ---- Certificate ---------------------------------------------------------------------------- */

void vain_certificate_encode(const struct vain_certificate *certificate,
                             uint8_t out[VAIN_MIN_LEN(VAIN_CERTIFICATE_BYTES)])
{
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_CERTIFICATE_BYTES);
    vain_write_bytes(&writer, certificate->root_key, VAIN_PUBLIC_KEY_BYTES);
    vain_write_bytes(&writer, certificate->current_key, VAIN_PUBLIC_KEY_BYTES);
    vain_write_u64(&writer, certificate->key_epoch);
    vain_write_u64(&writer, (uint64_t)certificate->not_before_ms);
    vain_write_u64(&writer, (uint64_t)certificate->not_after_ms);
    vain_write_bytes(&writer, certificate->signature, VAIN_SIGNATURE_BYTES);
    VAIN_ASSERT(!writer.failed);
    VAIN_ASSERT(writer.position == VAIN_CERTIFICATE_BYTES);
}

/* What the root signs: the domain with its NUL, and everything before the signature. */
static void certificate_message(const uint8_t encoded[VAIN_MIN_LEN(VAIN_CERTIFICATE_BYTES)],
                                uint8_t out[VAIN_MIN_LEN(CERTIFICATE_MESSAGE_BYTES)])
{
    memcpy(out, CERTIFICATE_DOMAIN, sizeof CERTIFICATE_DOMAIN);
    memcpy(out + sizeof CERTIFICATE_DOMAIN, encoded, CERTIFICATE_SIGNED_BYTES);
}

static void certificate_read(const uint8_t *data, struct vain_certificate *out)
{
    struct vain_reader reader;
    vain_reader_init(&reader, data, VAIN_CERTIFICATE_BYTES);
    vain_read_bytes(&reader, out->root_key, VAIN_PUBLIC_KEY_BYTES);
    vain_read_bytes(&reader, out->current_key, VAIN_PUBLIC_KEY_BYTES);
    out->key_epoch = vain_read_u64(&reader);
    out->not_before_ms = (int64_t)vain_read_u64(&reader);
    out->not_after_ms = (int64_t)vain_read_u64(&reader);
    vain_read_bytes(&reader, out->signature, VAIN_SIGNATURE_BYTES);
    VAIN_ASSERT(vain_reader_done(&reader));
}

enum vain_status vain_certificate_decode(const uint8_t data[VAIN_MIN_LEN(VAIN_CERTIFICATE_BYTES)],
                                         struct vain_certificate *out)
{
    certificate_read(data, out);
    if (!vain_public_key_valid(out->root_key))
        return vain_fail(VAIN_ERR_AUTH, "certificate: the root key is not a valid Ed25519 key");
    if (!vain_public_key_valid(out->current_key))
        return vain_fail(VAIN_ERR_AUTH, "certificate: the current key is not a valid Ed25519 key");
    /* In this order nothing overflows: both times are known to be positive at the subtraction. */
    if (out->not_before_ms < 0 || out->not_after_ms <= out->not_before_ms ||
        out->not_after_ms - out->not_before_ms > VALIDITY_MS_MAX)
        return vain_fail(VAIN_ERR_AUTH,
                         "certificate: valid from %lld to %lld ms, expected at most "
                         "97 days, the end after the start",
                         (long long)out->not_before_ms, (long long)out->not_after_ms);
    uint8_t message[CERTIFICATE_MESSAGE_BYTES];
    certificate_message(data, message);
    if (!vain_signature_valid(out->root_key, message, sizeof message, out->signature))
        return vain_fail(VAIN_ERR_AUTH, "certificate: the root key's signature is wrong");
    return VAIN_OK;
}

/* The keys of `root_seed` in `epoch`, and the root's certificate for them. `seed` is secret. */
static void derive_keys(const uint8_t root_seed[VAIN_MIN_LEN(VAIN_SEED_BYTES)], uint32_t epoch,
                        int64_t now_ms, uint8_t seed[VAIN_MIN_LEN(VAIN_SEED_BYTES)],
                        struct vain_certificate *certificate)
{
    const uint32_t path[] = {SLIP10_PURPOSE, SLIP10_ROLE_SIGNING, epoch, 0};
    uint8_t root[VAIN_SEED_BYTES], chain_code[VAIN_CHAIN_CODE_BYTES];
    vain_slip10_derive(root_seed, VAIN_SEED_BYTES, path, VAIN_COUNT_OF(path), seed, chain_code);
    vain_slip10_derive(root_seed, VAIN_SEED_BYTES, NULL, 0, root, chain_code);
    *certificate = (struct vain_certificate){
        .key_epoch = epoch, .not_before_ms = now_ms, .not_after_ms = now_ms + VALIDITY_MS};
    vain_public_key_of_seed(root, certificate->root_key);
    vain_public_key_of_seed(seed, certificate->current_key);
    uint8_t encoded[VAIN_CERTIFICATE_BYTES], message[CERTIFICATE_MESSAGE_BYTES];
    vain_certificate_encode(certificate, encoded);
    certificate_message(encoded, message);
    vain_sign_with_seed(root, message, sizeof message, certificate->signature);
    vain_wipe(root, sizeof root);
    vain_wipe(chain_code, sizeof chain_code);
}

/* Certificates count from 1970 on and end before the largest number of milliseconds. */
static enum vain_status check_clock(int64_t now_ms)
{
    if (now_ms < 0 || now_ms > INT64_MAX - VALIDITY_MS)
        return vain_fail(VAIN_ERR_INPUT,
                         "clock: %lld ms since 1970 is no time to make a key at; "
                         "set the clock",
                         (long long)now_ms);
    return VAIN_OK;
}

/* ---- The bytes of a key file ---------------------------------------------------------------- */

void vain_key_encode(const uint8_t seed[VAIN_MIN_LEN(VAIN_SEED_BYTES)],
                     const struct vain_certificate *certificate,
                     uint8_t out[VAIN_MIN_LEN(VAIN_KEY_FILE_BYTES)])
{
    uint8_t encoded[VAIN_CERTIFICATE_BYTES], hash[VAIN_HASH_BYTES];
    vain_certificate_encode(certificate, encoded);
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_KEY_FILE_BYTES);
    vain_write_bytes(&writer, KEY_MAGIC, MAGIC_BYTES);
    vain_write_u16(&writer, FILE_VERSION);
    vain_write_bytes(&writer, seed, VAIN_SEED_BYTES);
    vain_write_bytes(&writer, encoded, sizeof encoded);
    vain_hash(KEY_FILE_PERSONAL, out, writer.position, hash);
    vain_write_bytes(&writer, hash, sizeof hash);
    VAIN_ASSERT(!writer.failed);
}

static void encode_root(const uint8_t root_seed[VAIN_MIN_LEN(VAIN_SEED_BYTES)],
                        uint8_t out[VAIN_MIN_LEN(ROOT_FILE_BYTES)])
{
    uint8_t hash[VAIN_HASH_BYTES];
    struct vain_writer writer;
    vain_writer_init(&writer, out, ROOT_FILE_BYTES);
    vain_write_bytes(&writer, ROOT_MAGIC, MAGIC_BYTES);
    vain_write_u16(&writer, FILE_VERSION);
    vain_write_bytes(&writer, root_seed, VAIN_SEED_BYTES);
    vain_hash(KEY_FILE_PERSONAL, out, writer.position, hash);
    vain_write_bytes(&writer, hash, sizeof hash);
    VAIN_ASSERT(!writer.failed);
}

/* What both files have: a version after the magic, and a hash of all before it at the end. */
static enum vain_status check_frame(const uint8_t *data, size_t bytes)
{
    const unsigned version = data[MAGIC_BYTES] | (unsigned)data[MAGIC_BYTES + 1] << 8;
    if (version != FILE_VERSION)
        return vain_fail(VAIN_ERR_CORRUPT, "key file: version %u, this build reads %d", version,
                         FILE_VERSION);
    uint8_t hash[VAIN_HASH_BYTES];
    vain_hash(KEY_FILE_PERSONAL, data, bytes - VAIN_HASH_BYTES, hash);
    if (!vain_equal(hash, data + bytes - VAIN_HASH_BYTES, sizeof hash))
        return vain_fail(VAIN_ERR_CORRUPT, "key file: damaged, its hash is not that of its bytes");
    return VAIN_OK;
}

static enum vain_status decode_root(const uint8_t *data, size_t bytes,
                                    uint8_t root_seed[VAIN_MIN_LEN(VAIN_SEED_BYTES)])
{
    memset(root_seed, 0, VAIN_SEED_BYTES);
    if (bytes != ROOT_FILE_BYTES || memcmp(data, ROOT_MAGIC, MAGIC_BYTES) != 0)
        return vain_fail(VAIN_ERR_CORRUPT, "key file: not a root key made by vain key new");
    VAIN_TRY(check_frame(data, bytes));
    memcpy(root_seed, data + MAGIC_BYTES + 2, VAIN_SEED_BYTES);
    return VAIN_OK;
}

static enum vain_status check_key_frame(const uint8_t *data, size_t bytes)
{
    if (bytes >= MAGIC_BYTES && memcmp(data, ROOT_MAGIC, MAGIC_BYTES) == 0)
        return vain_fail(VAIN_ERR_CORRUPT, "key file: this is a root key; name the .key file "
                                           "without .root");
    if (bytes != VAIN_KEY_FILE_BYTES || memcmp(data, KEY_MAGIC, MAGIC_BYTES) != 0)
        return vain_fail(VAIN_ERR_CORRUPT, "key file: not a key made by vain key new");
    return check_frame(data, bytes);
}

enum vain_status vain_key_decode(const uint8_t *data, size_t bytes,
                                 uint8_t seed[VAIN_MIN_LEN(VAIN_SEED_BYTES)],
                                 struct vain_certificate *out)
{
    memset(seed, 0, VAIN_SEED_BYTES);
    *out = (struct vain_certificate){0};
    VAIN_TRY(check_key_frame(data, bytes));
    const uint8_t *seed_bytes = data + MAGIC_BYTES + 2;
    VAIN_TRY(vain_certificate_decode(seed_bytes + VAIN_SEED_BYTES, out));
    uint8_t current_key[VAIN_PUBLIC_KEY_BYTES];
    vain_public_key_of_seed(seed_bytes, current_key);
    if (!vain_equal(current_key, out->current_key, sizeof current_key))
        return vain_fail(VAIN_ERR_CORRUPT, "key file: the certificate is for another key");
    memcpy(seed, seed_bytes, VAIN_SEED_BYTES);
    return VAIN_OK;
}

/* ---- Reading a secret file ------------------------------------------------------------------ */

static enum vain_status open_failed(const char *path, int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return vain_fail(
            VAIN_ERR_NOT_FOUND,
            "%s: no such key; make one with 'vain key new', or, if it is lost, the next one "
            "with 'vain key renew'",
            path);
    case ELOOP:
        return vain_fail(VAIN_ERR_AUTH, "%s: a symbolic link, expected the key file itself", path);
    case EACCES:
        return vain_fail(VAIN_ERR_AUTH, "%s: this user may not read it", path);
    default:
        return vain_fail(VAIN_ERR_STORAGE, "%s: %s", path, strerror(error));
    }
}

static enum vain_status check_secret_file(int file, const char *path)
{
    struct stat facts;
    if (fstat(file, &facts) != 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: %s", path, strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return vain_fail(VAIN_ERR_AUTH, "%s: not a regular file", path);
    if (facts.st_uid != geteuid())
        return vain_fail(VAIN_ERR_AUTH, "%s: owned by user %lu, expected %lu who runs this", path,
                         (unsigned long)facts.st_uid, (unsigned long)geteuid());
    if ((facts.st_mode & 077) != 0)
        return vain_fail(VAIN_ERR_AUTH, "%s: mode %04o lets others read the key; chmod 600 %s",
                         path, (unsigned)facts.st_mode & 07777, path);
    return VAIN_OK;
}

/* At most `capacity` bytes; *bytes is how many there were. */
static enum vain_status read_all(int file, const char *path, uint8_t *out, size_t capacity,
                                 size_t *bytes)
{
    *bytes = 0;
    while (*bytes < capacity) {
        const ssize_t got = read(file, out + *bytes, capacity - *bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return vain_fail(VAIN_ERR_STORAGE, "%s: %s", path, strerror(errno));
        if (got == 0)
            break;
        *bytes += (size_t)got;
    }
    return VAIN_OK;
}

/* The caller wipes `out` in any case. */
static enum vain_status read_secret_file(const char *path, uint8_t *out, size_t capacity,
                                         size_t *bytes)
{
    *bytes = 0;
    /* Without O_NONBLOCK a pipe put in place of the key would hang us here. */
    const int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return open_failed(path, errno);
    enum vain_status status = check_secret_file(file, path);
    if (status == VAIN_OK)
        status = read_all(file, path, out, capacity, bytes);
    close(file);
    return status;
}

static enum vain_status read_key_file(const char *path, uint8_t seed[VAIN_MIN_LEN(VAIN_SEED_BYTES)],
                                      struct vain_certificate *certificate)
{
    memset(seed, 0, VAIN_SEED_BYTES);
    *certificate = (struct vain_certificate){0};
    uint8_t data[VAIN_KEY_FILE_BYTES + 1]; /* one more, to see that a file is too long */
    size_t bytes;
    enum vain_status status = read_secret_file(path, data, sizeof data, &bytes);
    if (status == VAIN_OK) {
        status = vain_key_decode(data, bytes, seed, certificate);
        if (status != VAIN_OK)
            status = vain_fail(status, "%s: %s", path, vain_fail_message());
    }
    vain_wipe(data, sizeof data);
    return status;
}

static enum vain_status read_root_file(const char *path,
                                       uint8_t root_seed[VAIN_MIN_LEN(VAIN_SEED_BYTES)])
{
    memset(root_seed, 0, VAIN_SEED_BYTES);
    uint8_t data[ROOT_FILE_BYTES + 1]; /* one more, to see that a file is too long */
    size_t bytes;
    enum vain_status status = read_secret_file(path, data, sizeof data, &bytes);
    if (status == VAIN_OK) {
        status = decode_root(data, bytes, root_seed);
        if (status != VAIN_OK)
            status = vain_fail(status, "%s: %s", path, vain_fail_message());
    } else if (status == VAIN_ERR_NOT_FOUND) {
        status =
            vain_fail(status,
                      "%s: no root key is there, and only that can make the next key; say with "
                      "--root FILE where it is kept",
                      path);
    }
    vain_wipe(data, sizeof data);
    return status;
}

enum vain_status vain_key_read_public(const char *path, struct vain_certificate *certificate,
                                      uint8_t member_id[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    memset(member_id, 0, VAIN_HASH_BYTES);
    uint8_t seed[VAIN_SEED_BYTES];
    const enum vain_status status = read_key_file(path, seed, certificate);
    vain_wipe(seed, sizeof seed);
    if (status == VAIN_OK)
        vain_member_id(certificate->root_key, member_id);
    return status;
}

/* ---- Signers -------------------------------------------------------------------------------- */

static enum vain_status seed_sign(struct vain_signer *signer, const void *message, size_t bytes,
                                  uint8_t out[VAIN_SIGNATURE_BYTES])
{
    vain_sign_with_seed(signer->seed, message, bytes, out);
    return VAIN_OK;
}

static void seed_close(struct vain_signer *signer)
{
    vain_wipe(signer->seed, sizeof signer->seed);
}

static const struct vain_signer_ops file_signer_ops = {
    .name = "file", .sign = seed_sign, .close = seed_close};
static const struct vain_signer_ops throw_away_signer_ops = {
    .name = "throw-away", .sign = seed_sign, .close = seed_close};

enum vain_status vain_signer_open_file(struct vain_signer *signer, const char *path)
{
    *signer = (struct vain_signer){0};
    VAIN_TRY(read_key_file(path, signer->seed, &signer->certificate));
    vain_member_id(signer->certificate.root_key, signer->member_id);
    signer->ops = &file_signer_ops;
    return VAIN_OK;
}

enum vain_status vain_signer_open_throw_away(struct vain_signer *signer, int64_t now_ms)
{
    *signer = (struct vain_signer){0};
    VAIN_TRY(check_clock(now_ms));
    uint8_t root_seed[VAIN_SEED_BYTES];
    vain_random_bytes(root_seed, sizeof root_seed);
    derive_keys(root_seed, FIRST_EPOCH, now_ms, signer->seed, &signer->certificate);
    vain_wipe(root_seed, sizeof root_seed);
    vain_member_id(signer->certificate.root_key, signer->member_id);
    signer->ops = &throw_away_signer_ops;
    return VAIN_OK;
}

enum vain_status vain_signer_sign(struct vain_signer *signer, const void *message, size_t bytes,
                                  uint8_t out[VAIN_MIN_LEN(VAIN_SIGNATURE_BYTES)])
{
    VAIN_ASSERT(signer->ops != NULL);
    return signer->ops->sign(signer, message, bytes, out);
}

void vain_signer_close(struct vain_signer *signer)
{
    if (signer->ops != NULL)
        signer->ops->close(signer);
    signer->ops = NULL;
}

/* ---- Making keys ---------------------------------------------------------------------------- */

static enum vain_status write_and_sync(int file, const char *path, const uint8_t *data,
                                       size_t bytes)
{
    size_t written = 0;
    while (written < bytes) {
        const ssize_t put = write(file, data + written, bytes - written);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return vain_fail(VAIN_ERR_STORAGE, "%s: %s", path, strerror(errno));
        written += (size_t)put;
    }
    if (fsync(file) != 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: %s", path, strerror(errno));
    return VAIN_OK;
}

static enum vain_status sync_folder(const char *folder)
{
    const int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = file >= 0 && fsync(file) == 0;
    const int error = errno;
    if (file >= 0)
        close(file);
    if (!synced)
        return vain_fail(VAIN_ERR_STORAGE, "%s: %s", folder, strerror(error));
    return VAIN_OK;
}

/* Give the finished `temporary` its name, unless that is taken. */
static enum vain_status name_without_replacing(const char *temporary, const char *path)
{
    if (link(temporary, path) == 0)
        return VAIN_OK;
    if (errno == EEXIST)
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s: exists; a key is never overwritten, choose another "
                         "name or move it away",
                         path);
    return vain_fail(VAIN_ERR_STORAGE, "%s: %s; a key needs a file system with hard links", path,
                     strerror(errno));
}

static enum vain_status name_in_place_of(const char *temporary, const char *path)
{
    return rename(temporary, path) == 0
               ? VAIN_OK
               : vain_fail(VAIN_ERR_STORAGE, "%s: %s", path, strerror(errno));
}

static enum vain_status
write_secret_file(const char *folder, const char *path, const uint8_t *data, size_t bytes,
                  enum vain_status (*give_name)(const char *temporary, const char *path))
{
    uint8_t salt[8];
    char salt_hex[2 * sizeof salt + 1];
    vain_random_bytes(salt, sizeof salt);
    vain_to_hex(salt, sizeof salt, salt_hex);
    char temporary[VAIN_PATH_BYTES];
    const int length = snprintf(temporary, sizeof temporary, "%s.%s", path, salt_hex);
    if (length < 0 || length >= (int)sizeof temporary)
        return vain_fail(VAIN_ERR_INPUT, "%s: the path is too long", path);
    const int file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: %s", temporary, strerror(errno));
    enum vain_status status = write_and_sync(file, temporary, data, bytes);
    close(file);
    if (status == VAIN_OK)
        status = give_name(temporary, path);
    unlink(temporary);
    if (status == VAIN_OK)
        status = sync_folder(folder);
    return status;
}

/* `folder` and what is missing above it, mode 0700. */
static enum vain_status make_folders(const char *folder)
{
    char path[VAIN_PATH_BYTES];
    const size_t bytes = strlen(folder);
    if (bytes == 0 || bytes >= sizeof path)
        return vain_fail(VAIN_ERR_INPUT, "key folder: the path has %zu characters", bytes);
    memcpy(path, folder, bytes + 1);
    for (size_t i = 1; i <= bytes; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        path[i] = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return vain_fail(VAIN_ERR_STORAGE, "%s: %s", path, strerror(errno));
        path[i] = folder[i];
    }
    return VAIN_OK;
}

static enum vain_status key_path(const char *folder, const char *name, const char *suffix,
                                 char out[VAIN_MIN_LEN(VAIN_PATH_BYTES)])
{
    const int length = snprintf(out, VAIN_PATH_BYTES, "%s/%s%s", folder, name, suffix);
    if (length < 0 || length >= VAIN_PATH_BYTES)
        return vain_fail(VAIN_ERR_INPUT, "%s: the path is too long", folder);
    return VAIN_OK;
}

/* The root first: a current key without its root could not be renewed. If the second file fails,
 * the first, which nobody has seen yet, goes away again. */
static enum vain_status write_key_pair(const char *folder, const char *name,
                                       const uint8_t root[VAIN_MIN_LEN(ROOT_FILE_BYTES)],
                                       const uint8_t key[VAIN_MIN_LEN(VAIN_KEY_FILE_BYTES)])
{
    char root_path[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    VAIN_TRY(key_path(folder, name, ".root.key", root_path));
    VAIN_TRY(key_path(folder, name, ".key", path));
    VAIN_TRY(make_folders(folder));
    VAIN_TRY(write_secret_file(folder, root_path, root, ROOT_FILE_BYTES, name_without_replacing));
    const enum vain_status status =
        write_secret_file(folder, path, key, VAIN_KEY_FILE_BYTES, name_without_replacing);
    if (status != VAIN_OK)
        unlink(root_path);
    return status;
}

/* NAME.key of a name that ends in ".root" would be another member's root key. */
static bool is_root_name(const char *name)
{
    static const char ending[] = ".root";
    const size_t length = strlen(name), tail = sizeof ending - 1;
    return length >= tail && strcmp(name + length - tail, ending) == 0;
}

static enum vain_status check_name(const char *name)
{
    if (is_root_name(name))
        return vain_fail(VAIN_ERR_INPUT,
                         "key name: '%.80s' ends in '.root' as root keys do; name the member alone",
                         name);
    return vain_name_valid(name)
               ? VAIN_OK
               : vain_fail(VAIN_ERR_INPUT,
                           "key name: found '%.80s', expected 1 to %d of a-z 0-9 . _ - "
                           "that begin with a letter or digit",
                           name, VAIN_NAME_BYTES - 1);
}

enum vain_status vain_key_create(const char *folder, const char *name, int64_t now_ms,
                                 uint8_t member_id[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    memset(member_id, 0, VAIN_HASH_BYTES);
    VAIN_TRY(check_name(name));
    VAIN_TRY(check_clock(now_ms));
    uint8_t root_seed[VAIN_SEED_BYTES], seed[VAIN_SEED_BYTES];
    uint8_t root[ROOT_FILE_BYTES], key[VAIN_KEY_FILE_BYTES];
    struct vain_certificate certificate;
    vain_random_bytes(root_seed, sizeof root_seed);
    derive_keys(root_seed, FIRST_EPOCH, now_ms, seed, &certificate);
    encode_root(root_seed, root);
    vain_key_encode(seed, &certificate, key);
    const enum vain_status status = write_key_pair(folder, name, root, key);
    vain_wipe(root_seed, sizeof root_seed);
    vain_wipe(seed, sizeof seed);
    vain_wipe(root, sizeof root);
    vain_wipe(key, sizeof key);
    if (status == VAIN_OK)
        vain_member_id(certificate.root_key, member_id);
    return status;
}

/* The epoch after that of the key at `path`, or the one that is asked for (-1: none is), which must
 * be later; the key must be of the same root. Where one is asked for there need be none. */
static enum vain_status choose_epoch(const char *path,
                                     const uint8_t root_key[VAIN_PUBLIC_KEY_BYTES], int64_t asked,
                                     int64_t *epoch)
{
    struct vain_certificate before;
    uint8_t member_id[VAIN_HASH_BYTES];
    const enum vain_status status = vain_key_read_public(path, &before, member_id);
    *epoch = asked;
    if (asked >= 0 && status == VAIN_ERR_NOT_FOUND) {
        vain_fail_clear();
        return VAIN_OK;
    }
    if (status == VAIN_ERR_NOT_FOUND)
        return vain_fail(status,
                         "%s: not there, so that nobody can tell which key is the next; put it "
                         "back, or say with --epoch which one, more than any before",
                         path);
    VAIN_TRY(status);
    if (!vain_equal(before.root_key, root_key, VAIN_PUBLIC_KEY_BYTES))
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s: is of another member than the root key; nothing was changed", path);
    if (asked >= 0 && (uint64_t)asked <= before.key_epoch)
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s: is of epoch %llu already, and the next must be later than that; "
                         "leave out --epoch %lld",
                         path, (unsigned long long)before.key_epoch, (long long)asked);
    if (asked < 0)
        *epoch = (int64_t)before.key_epoch + 1;
    return VAIN_OK;
}

static enum vain_status renew(const char *folder, const char *path,
                              const uint8_t root_seed[VAIN_MIN_LEN(VAIN_SEED_BYTES)],
                              int64_t now_ms, int64_t asked, struct vain_certificate *out)
{
    uint8_t seed[VAIN_SEED_BYTES], key[VAIN_KEY_FILE_BYTES];
    int64_t epoch;
    derive_keys(root_seed, FIRST_EPOCH, now_ms, seed, out);
    enum vain_status status = choose_epoch(path, out->root_key, asked, &epoch);
    if (status == VAIN_OK && epoch > EPOCH_MAX)
        status = vain_fail(VAIN_ERR_INPUT, "%s: epoch %lld, expected %d at most", path,
                           (long long)epoch, EPOCH_MAX);
    if (status == VAIN_OK)
        status = make_folders(folder);
    if (status == VAIN_OK) {
        derive_keys(root_seed, (uint32_t)epoch, now_ms, seed, out);
        vain_key_encode(seed, out, key);
        status = write_secret_file(folder, path, key, VAIN_KEY_FILE_BYTES, name_in_place_of);
    }
    vain_wipe(seed, sizeof seed);
    vain_wipe(key, sizeof key);
    return status;
}

enum vain_status vain_key_renew(const char *folder, const char *name, const char *root_path,
                                int64_t now_ms, int64_t epoch, struct vain_certificate *certificate,
                                uint8_t member_id[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    char beside[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    uint8_t root_seed[VAIN_SEED_BYTES];
    memset(member_id, 0, VAIN_HASH_BYTES);
    *certificate = (struct vain_certificate){0};
    VAIN_TRY(check_name(name));
    VAIN_TRY(check_clock(now_ms));
    VAIN_TRY(key_path(folder, name, ".root.key", beside));
    VAIN_TRY(key_path(folder, name, ".key", path));
    enum vain_status status = read_root_file(root_path != NULL ? root_path : beside, root_seed);
    if (status == VAIN_OK)
        status = renew(folder, path, root_seed, now_ms, epoch, certificate);
    vain_wipe(root_seed, sizeof root_seed);
    if (status == VAIN_OK)
        vain_member_id(certificate->root_key, member_id);
    else
        *certificate = (struct vain_certificate){0};
    return status;
}
