/* Names, certificates, key files: made once, never overwritten, refused when they are not safe. */
#include "base/identity.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

#define NOW_MS INT64_C(1750000000000)
#define DAY_MS INT64_C(86400000)

struct place {
    char folder[TEST_PATH_BYTES], root_path[600], path[600];
    uint8_t member_id[VAIN_HASH_BYTES];
};

static void place_init(struct place *place)
{
    test_make_folder(place->folder);
    snprintf(place->root_path, sizeof place->root_path, "%s/alice.root.key", place->folder);
    snprintf(place->path, sizeof place->path, "%s/alice.key", place->folder);
    CU_ASSERT_EQUAL_FATAL(vain_key_create(place->folder, "alice", NOW_MS, place->member_id),
                          VAIN_OK);
}

static bool message_has(const char *part)
{
    const bool found = strstr(vain_fail_message(), part) != NULL;
    if (!found)
        printf("[%s] lacks [%s]\n", vain_fail_message(), part);
    vain_fail_clear();
    return found;
}

static void names(void)
{
    static const char *const right[] = {"a", "0", "alice", "site-1.gpu_2", "z.."};
    static const char *const wrong[] = {"",    ".", "..",  ".alice",  "-rf",      "_x",
                                        "a/b", "A", "a b", "al\nice", "\xc3\xa9", "a:b"};
    for (size_t i = 0; i < VAIN_COUNT_OF(right); i++)
        CU_ASSERT_TRUE(vain_name_valid(right[i]));
    for (size_t i = 0; i < VAIN_COUNT_OF(wrong); i++)
        CU_ASSERT_FALSE(vain_name_valid(wrong[i]));
    char longest[VAIN_NAME_BYTES + 1] = {0};
    memset(longest, 'a', VAIN_NAME_BYTES - 1);
    CU_ASSERT_TRUE(vain_name_valid(longest));
    longest[VAIN_NAME_BYTES - 1] = 'a';
    CU_ASSERT_FALSE(vain_name_valid(longest));
}

/* ---- Certificates --------------------------------------------------------------------------- */

static void certificates_round_trip(void)
{
    struct vain_signer signer;
    CU_ASSERT_EQUAL_FATAL(vain_signer_open_throw_away(&signer, NOW_MS), VAIN_OK);
    uint8_t data[VAIN_CERTIFICATE_BYTES], again[VAIN_CERTIFICATE_BYTES];
    struct vain_certificate back;
    vain_certificate_encode(&signer.certificate, data);
    CU_ASSERT_EQUAL(vain_certificate_decode(data, &back), VAIN_OK);
    vain_certificate_encode(&back, again);
    CU_ASSERT_EQUAL(memcmp(data, again, sizeof data), 0);
    CU_ASSERT_EQUAL(back.not_after_ms - back.not_before_ms, 90 * DAY_MS);
    CU_ASSERT_EQUAL(back.not_before_ms, NOW_MS);
    for (int bit = 0; bit < 8 * VAIN_CERTIFICATE_BYTES; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_EQUAL(vain_certificate_decode(data, &back), VAIN_ERR_AUTH);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    vain_signer_close(&signer);
    vain_fail_clear();
}

/* A certificate by a root of our own, to be spoilt before it is signed. */
static void sign_certificate(struct vain_certificate *certificate, const uint8_t root_seed[32],
                             uint8_t out[VAIN_CERTIFICATE_BYTES])
{
    uint8_t message[13 + 88];
    vain_certificate_encode(certificate, out);
    memcpy(message, "vain/cert/v1", 13);
    memcpy(message + 13, out, 88);
    vain_sign_with_seed(root_seed, message, sizeof message, certificate->signature);
    vain_certificate_encode(certificate, out);
}

static void certificates_with_bad_content_are_refused(void)
{
    const uint8_t root_seed[32] = {1}, seed[32] = {2};
    uint8_t data[VAIN_CERTIFICATE_BYTES];
    struct vain_certificate good = {.not_before_ms = NOW_MS, .not_after_ms = NOW_MS + 97 * DAY_MS};
    vain_public_key_of_seed(root_seed, good.root_key);
    vain_public_key_of_seed(seed, good.current_key);
    struct vain_certificate spoilt = good, back;
    sign_certificate(&spoilt, root_seed, data);
    CU_ASSERT_EQUAL(vain_certificate_decode(data, &back), VAIN_OK);

    static const int64_t times[][2] = {
        {NOW_MS, NOW_MS}, {NOW_MS, NOW_MS - 1},   {NOW_MS, NOW_MS + 97 * DAY_MS + 1},
        {-1, DAY_MS},     {INT64_MIN, INT64_MAX}, {INT64_MAX, INT64_MIN}};
    for (size_t i = 0; i < VAIN_COUNT_OF(times); i++) {
        spoilt = good;
        spoilt.not_before_ms = times[i][0];
        spoilt.not_after_ms = times[i][1];
        sign_certificate(&spoilt, root_seed, data);
        CU_ASSERT_EQUAL(vain_certificate_decode(data, &back), VAIN_ERR_AUTH);
        CU_ASSERT_TRUE(message_has("97 days"));
    }
    spoilt = good;
    memset(spoilt.current_key, 0x99, 32); /* mixed order, and signed all the same */
    spoilt.current_key[0] = 0x95;
    sign_certificate(&spoilt, root_seed, data);
    CU_ASSERT_EQUAL(vain_certificate_decode(data, &back), VAIN_ERR_AUTH);
    CU_ASSERT_TRUE(message_has("current key"));
    spoilt = good;
    memset(spoilt.root_key, 0, 32);
    spoilt.root_key[0] = 1;
    sign_certificate(&spoilt, root_seed, data);
    CU_ASSERT_EQUAL(vain_certificate_decode(data, &back), VAIN_ERR_AUTH);
    CU_ASSERT_TRUE(message_has("root key is not"));
    spoilt = good;
    sign_certificate(&spoilt, seed, data); /* signed by itself */
    CU_ASSERT_EQUAL(vain_certificate_decode(data, &back), VAIN_ERR_AUTH);
    CU_ASSERT_TRUE(message_has("signature"));
}

/* ---- Key bytes ------------------------------------------------------------------------------ */

static void key_file_of_version_1_is_read(void)
{
    uint8_t data[VAIN_KEY_FILE_BYTES], again[VAIN_KEY_FILE_BYTES], seed[VAIN_SEED_BYTES];
    struct vain_certificate certificate;
    CU_ASSERT_EQUAL_FATAL(test_read_golden_hex("key.hex", data, sizeof data), sizeof data);
    CU_ASSERT_EQUAL(vain_key_decode(data, sizeof data, seed, &certificate), VAIN_OK);
    CU_ASSERT_EQUAL(certificate.key_epoch, 0);
    CU_ASSERT_EQUAL(certificate.not_before_ms, NOW_MS);
    vain_key_encode(seed, &certificate, again);
    CU_ASSERT_EQUAL(memcmp(data, again, sizeof data), 0);
}

static void key_bytes_that_are_not_whole_are_refused(void)
{
    uint8_t data[VAIN_KEY_FILE_BYTES + 1] = {0}, seed[VAIN_SEED_BYTES];
    const uint8_t none[VAIN_SEED_BYTES] = {0};
    struct vain_certificate certificate;
    CU_ASSERT_EQUAL_FATAL(test_read_golden_hex("key.hex", data, sizeof data), VAIN_KEY_FILE_BYTES);
    for (size_t bytes = 0; bytes <= sizeof data; bytes++) {
        if (bytes != VAIN_KEY_FILE_BYTES)
            CU_ASSERT_EQUAL(vain_key_decode(data, bytes, seed, &certificate), VAIN_ERR_CORRUPT);
    }
    for (int bit = 0; bit < 8 * VAIN_KEY_FILE_BYTES; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        memset(seed, 7, sizeof seed);
        CU_ASSERT_EQUAL(vain_key_decode(data, VAIN_KEY_FILE_BYTES, seed, &certificate),
                        VAIN_ERR_CORRUPT);
        CU_ASSERT_EQUAL(memcmp(seed, none, sizeof seed), 0);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    data[8] = 2;
    CU_ASSERT_EQUAL(vain_key_decode(data, VAIN_KEY_FILE_BYTES, seed, &certificate),
                    VAIN_ERR_CORRUPT);
    CU_ASSERT_TRUE(message_has("version 2, this build reads 1"));
}

static void a_seed_of_another_certificate_is_refused(void)
{
    struct vain_signer signer;
    CU_ASSERT_EQUAL_FATAL(vain_signer_open_throw_away(&signer, NOW_MS), VAIN_OK);
    uint8_t data[VAIN_KEY_FILE_BYTES], seed[VAIN_SEED_BYTES] = {9};
    struct vain_certificate certificate;
    vain_key_encode(seed, &signer.certificate, data);
    CU_ASSERT_EQUAL(vain_key_decode(data, sizeof data, seed, &certificate), VAIN_ERR_CORRUPT);
    CU_ASSERT_TRUE(message_has("another key"));
    signer.certificate.key_epoch++; /* hash right, signature not */
    vain_key_encode(signer.seed, &signer.certificate, data);
    CU_ASSERT_EQUAL(vain_key_decode(data, sizeof data, seed, &certificate), VAIN_ERR_AUTH);
    vain_signer_close(&signer);
    vain_fail_clear();
}

/* ---- Key files ------------------------------------------------------------------------------ */

static int mode_of(const char *path)
{
    struct stat facts = {0};
    CU_ASSERT_EQUAL(stat(path, &facts), 0);
    return (int)(facts.st_mode & 07777);
}

static void keys_are_made_and_used(void)
{
    struct place place;
    place_init(&place);
    CU_ASSERT_EQUAL(mode_of(place.path), 0600);
    CU_ASSERT_EQUAL(mode_of(place.root_path), 0600);
    CU_ASSERT_EQUAL(test_count_entries(place.folder), 2); /* no temporary file is left */
    CU_ASSERT_EQUAL(unlink(place.root_path), 0);          /* the root may be taken away */

    struct vain_signer signer;
    CU_ASSERT_EQUAL_FATAL(vain_signer_open_file(&signer, place.path), VAIN_OK);
    CU_ASSERT_STRING_EQUAL(signer.ops->name, "file");
    CU_ASSERT_EQUAL(memcmp(signer.member_id, place.member_id, VAIN_HASH_BYTES), 0);
    uint8_t signature[VAIN_SIGNATURE_BYTES];
    CU_ASSERT_EQUAL(vain_signer_sign(&signer, "x", 1, signature), VAIN_OK);
    CU_ASSERT_TRUE(vain_signature_valid(signer.certificate.current_key, "x", 1, signature));
    CU_ASSERT_FALSE(vain_signature_valid(signer.certificate.root_key, "x", 1, signature));
    const uint8_t none[VAIN_SEED_BYTES] = {0};
    vain_signer_close(&signer);
    CU_ASSERT_EQUAL(memcmp(signer.seed, none, sizeof none), 0);
    vain_signer_close(&signer); /* twice is harmless */

    struct vain_certificate certificate;
    uint8_t member_id[VAIN_HASH_BYTES];
    CU_ASSERT_EQUAL(vain_key_read_public(place.path, &certificate, member_id), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(member_id, place.member_id, VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(certificate.not_after_ms, NOW_MS + 90 * DAY_MS);
    test_remove_folder(place.folder);
}

/* The documented derivation, done again from the root file's seed. */
static void keys_follow_the_documented_path(void)
{
    struct place place;
    place_init(&place);
    uint8_t root_file[100], seed[32], chain[32], key[32];
    CU_ASSERT_EQUAL_FATAL(test_read_file(place.root_path, root_file, sizeof root_file), 74);
    CU_ASSERT_EQUAL(memcmp(root_file, "VAINROOT\1\0", 10), 0);
    struct vain_certificate certificate;
    uint8_t member_id[VAIN_HASH_BYTES];
    CU_ASSERT_EQUAL(vain_key_read_public(place.path, &certificate, member_id), VAIN_OK);
    vain_slip10_derive(root_file + 10, 32, NULL, 0, seed, chain);
    vain_public_key_of_seed(seed, key);
    CU_ASSERT_EQUAL(memcmp(key, certificate.root_key, 32), 0);
    const uint32_t path[] = {1735680817, 0, 0, 0};
    vain_slip10_derive(root_file + 10, 32, path, 4, seed, chain);
    vain_public_key_of_seed(seed, key);
    CU_ASSERT_EQUAL(memcmp(key, certificate.current_key, 32), 0);
    test_remove_folder(place.folder);
}

static void a_key_is_never_overwritten(void)
{
    struct place place;
    place_init(&place);
    uint8_t before[300], after[300], member_id[VAIN_HASH_BYTES];
    const uint8_t none[VAIN_HASH_BYTES] = {0};
    const size_t bytes = test_read_file(place.path, before, sizeof before);
    CU_ASSERT_EQUAL(vain_key_create(place.folder, "alice", NOW_MS, member_id), VAIN_ERR_REFUSED);
    CU_ASSERT_EQUAL(memcmp(member_id, none, sizeof none), 0);
    CU_ASSERT_TRUE(message_has("never overwritten"));
    /* Only the root was moved away: the current key stays, and no half of a new pair appears. */
    CU_ASSERT_EQUAL(unlink(place.root_path), 0);
    CU_ASSERT_EQUAL(vain_key_create(place.folder, "alice", NOW_MS, member_id), VAIN_ERR_REFUSED);
    CU_ASSERT_TRUE(message_has("alice.key: exists"));
    CU_ASSERT_EQUAL(test_count_entries(place.folder), 1);
    CU_ASSERT_EQUAL(test_read_file(place.path, after, sizeof after), bytes);
    CU_ASSERT_EQUAL(memcmp(before, after, bytes), 0);
    test_remove_folder(place.folder);
}

/* ---- The next key --------------------------------------------------------------------------- */

static enum vain_status renew(const struct place *place, int64_t now_ms, int64_t epoch,
                              struct vain_certificate *certificate)
{
    uint8_t member_id[VAIN_HASH_BYTES];
    const enum vain_status status =
        vain_key_renew(place->folder, "alice", NULL, now_ms, epoch, certificate, member_id);
    if (status == VAIN_OK)
        CU_ASSERT_EQUAL(memcmp(member_id, place->member_id, VAIN_HASH_BYTES), 0);
    return status;
}

static void the_next_key_is_of_the_same_member(void)
{
    struct place place;
    struct vain_signer before, after;
    struct vain_certificate certificate, decoded;
    uint8_t encoded[VAIN_CERTIFICATE_BYTES], signature[VAIN_SIGNATURE_BYTES];
    place_init(&place);
    CU_ASSERT_EQUAL_FATAL(vain_signer_open_file(&before, place.path), VAIN_OK);
    for (int64_t epoch = 1; epoch <= 3; epoch++) {
        const int64_t now_ms = NOW_MS + epoch * 80 * DAY_MS;
        CU_ASSERT_EQUAL_FATAL(renew(&place, now_ms, -1, &certificate), VAIN_OK);
        CU_ASSERT_EQUAL(certificate.key_epoch, (uint64_t)epoch);
        CU_ASSERT_EQUAL(certificate.not_before_ms, now_ms);
        CU_ASSERT_EQUAL(certificate.not_after_ms, now_ms + 90 * DAY_MS);
        vain_certificate_encode(&certificate, encoded);
        CU_ASSERT_EQUAL(vain_certificate_decode(encoded, &decoded), VAIN_OK);
        CU_ASSERT_EQUAL_FATAL(vain_signer_open_file(&after, place.path), VAIN_OK);
        CU_ASSERT_EQUAL(memcmp(after.member_id, place.member_id, VAIN_HASH_BYTES), 0);
        CU_ASSERT_NOT_EQUAL(memcmp(after.seed, before.seed, VAIN_SEED_BYTES), 0);
        CU_ASSERT_EQUAL(vain_signer_sign(&after, "x", 1, signature), VAIN_OK);
        CU_ASSERT_TRUE(vain_signature_valid(certificate.current_key, "x", 1, signature));
        vain_signer_close(&before);
        before = after;
    }
    vain_signer_close(&before);
    CU_ASSERT_EQUAL(mode_of(place.path), 0600);
    CU_ASSERT_EQUAL(test_count_entries(place.folder), 2);
    test_remove_folder(place.folder);
}

/* The root is kept elsewhere, and the key is lost. */
static void the_next_key_needs_the_root_alone(void)
{
    struct place place;
    struct vain_certificate certificate, again;
    uint8_t member_id[VAIN_HASH_BYTES], seed[32], chain[32], key[32], root_file[100];
    char kept[TEST_PATH_BYTES + 8], folder[TEST_PATH_BYTES];
    place_init(&place);
    test_make_folder(folder);
    snprintf(kept, sizeof kept, "%s/root", folder);
    CU_ASSERT_EQUAL(rename(place.root_path, kept), 0);
    CU_ASSERT_EQUAL(unlink(place.path), 0);
    CU_ASSERT_EQUAL(renew(&place, NOW_MS, 5, &certificate), VAIN_ERR_NOT_FOUND);
    CU_ASSERT_TRUE(message_has("--root"));
    CU_ASSERT_EQUAL(
        vain_key_renew(place.folder, "alice", kept, NOW_MS, -1, &certificate, member_id),
        VAIN_ERR_NOT_FOUND);
    CU_ASSERT_TRUE(message_has("--epoch"));
    CU_ASSERT_EQUAL(test_count_entries(place.folder), 0);
    CU_ASSERT_EQUAL_FATAL(
        vain_key_renew(place.folder, "alice", kept, NOW_MS, 5, &certificate, member_id), VAIN_OK);
    CU_ASSERT_EQUAL(memcmp(member_id, place.member_id, VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(vain_key_read_public(place.path, &again, member_id), VAIN_OK);
    CU_ASSERT_EQUAL(again.key_epoch, 5);
    /* The documented path. */
    const uint32_t path[] = {1735680817, 0, 5, 0};
    CU_ASSERT_EQUAL_FATAL(test_read_file(kept, root_file, sizeof root_file), 74);
    vain_slip10_derive(root_file + 10, 32, path, 4, seed, chain);
    vain_public_key_of_seed(seed, key);
    CU_ASSERT_EQUAL(memcmp(key, again.current_key, 32), 0);
    test_remove_folder(place.folder);
    test_remove_folder(folder);
}

/* Whatever is wrong: the key that is there stays as it is. */
static void a_renewal_that_fails_changes_nothing(void)
{
    struct place place, other;
    struct vain_certificate certificate;
    uint8_t before[300], after[300], member_id[VAIN_HASH_BYTES], root[100];
    struct rlimit room, none;
    place_init(&place);
    place_init(&other);
    const size_t bytes = test_read_file(place.path, before, sizeof before);
    CU_ASSERT_EQUAL(
        vain_key_renew(place.folder, "alice", other.root_path, NOW_MS, -1, &certificate, member_id),
        VAIN_ERR_REFUSED);
    CU_ASSERT_TRUE(message_has("another member"));
    CU_ASSERT_EQUAL(certificate.not_after_ms, 0);
    CU_ASSERT_EQUAL(
        vain_key_renew(place.folder, "alice", place.path, NOW_MS, -1, &certificate, member_id),
        VAIN_ERR_CORRUPT);
    CU_ASSERT_TRUE(message_has("not a root key"));
    CU_ASSERT_EQUAL(renew(&place, NOW_MS, INT64_C(0x80000000), &certificate), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(renew(&place, -1, -1, &certificate), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(vain_key_renew(place.folder, "../x", NULL, NOW_MS, -1, &certificate, member_id),
                    VAIN_ERR_INPUT);
    /* Nor does a number that is given make another member's key, or an earlier one, of it. */
    CU_ASSERT_EQUAL(
        vain_key_renew(place.folder, "alice", other.root_path, NOW_MS, 3, &certificate, member_id),
        VAIN_ERR_REFUSED);
    CU_ASSERT_EQUAL(renew(&place, NOW_MS, 0, &certificate), VAIN_ERR_REFUSED);
    CU_ASSERT_TRUE(message_has("epoch 0 already"));
    /* A full disk. */
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &room), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    none = room;
    none.rlim_cur = 40;
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &none), 0);
    const enum vain_status status = renew(&place, NOW_MS, -1, &certificate);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &room), 0);
    signal(SIGXFSZ, handler);
    CU_ASSERT_EQUAL(status, VAIN_ERR_STORAGE);
    /* A root file with one bit turned: its version, its seed, its hash. */
    CU_ASSERT_EQUAL_FATAL(test_read_file(place.root_path, root, sizeof root), 74);
    static const int places[] = {0, 8, 10, 41, 42, 73};
    for (size_t i = 0; i < VAIN_COUNT_OF(places); i++) {
        root[places[i]] ^= 1;
        test_write_file(place.root_path, root, 74, 0600);
        CU_ASSERT_EQUAL(renew(&place, NOW_MS, -1, &certificate), VAIN_ERR_CORRUPT);
        root[places[i]] ^= 1;
    }
    CU_ASSERT_EQUAL(test_read_file(place.path, after, sizeof after), bytes);
    CU_ASSERT_EQUAL(memcmp(before, after, bytes), 0);
    CU_ASSERT_EQUAL(test_count_entries(place.folder), 2);
    test_remove_folder(place.folder);
    test_remove_folder(other.folder);
    vain_fail_clear();
}

static void folders_are_made_private(void)
{
    char folder[TEST_PATH_BYTES], inner[600], deepest[700], key[800];
    uint8_t member_id[VAIN_HASH_BYTES];
    test_make_folder(folder);
    snprintf(inner, sizeof inner, "%s/a", folder);
    snprintf(deepest, sizeof deepest, "%s/keys", inner);
    CU_ASSERT_EQUAL(vain_key_create(deepest, "bob", NOW_MS, member_id), VAIN_OK);
    CU_ASSERT_EQUAL(mode_of(inner), 0700);
    CU_ASSERT_EQUAL(mode_of(deepest), 0700);
    /* A file where a folder should be. */
    snprintf(key, sizeof key, "%s/bob.key", deepest);
    CU_ASSERT_EQUAL(vain_key_create(key, "carol", NOW_MS, member_id), VAIN_ERR_STORAGE);
    snprintf(key, sizeof key, "%s/bob.key/x", deepest);
    CU_ASSERT_EQUAL(vain_key_create(key, "carol", NOW_MS, member_id), VAIN_ERR_STORAGE);
    CU_ASSERT_EQUAL(test_count_entries(deepest), 2);
    test_remove_folder(deepest);
    test_remove_folder(inner);
    test_remove_folder(folder);
    vain_fail_clear();
}

static void impossible_keys_are_refused(void)
{
    char folder[TEST_PATH_BYTES], path[VAIN_PATH_BYTES + 10];
    uint8_t member_id[VAIN_HASH_BYTES];
    test_make_folder(folder);
    CU_ASSERT_EQUAL(vain_key_create(folder, "../evil", NOW_MS, member_id), VAIN_ERR_INPUT);
    CU_ASSERT_TRUE(message_has("../evil"));
    CU_ASSERT_EQUAL(vain_key_create(folder, "", NOW_MS, member_id), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(vain_key_create(folder, "alice", -1, member_id), VAIN_ERR_INPUT);
    CU_ASSERT_TRUE(message_has("set the clock"));
    CU_ASSERT_EQUAL(vain_key_create(folder, "alice", INT64_MAX, member_id), VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(vain_key_create("", "alice", NOW_MS, member_id), VAIN_ERR_INPUT);
    memset(path, 'p', sizeof path);
    path[sizeof path - 1] = '\0';
    CU_ASSERT_EQUAL(vain_key_create(path, "alice", NOW_MS, member_id), VAIN_ERR_INPUT);
    path[VAIN_PATH_BYTES - 4] = '\0'; /* the folder fits, folder and name do not */
    CU_ASSERT_EQUAL(vain_key_create(path, "alice", NOW_MS, member_id), VAIN_ERR_INPUT);
    struct vain_signer signer;
    CU_ASSERT_EQUAL(vain_signer_open_throw_away(&signer, -1), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NULL(signer.ops);
    CU_ASSERT_EQUAL(test_count_entries(folder), 0);
    test_remove_folder(folder);
    vain_fail_clear();
}

/* The disk takes `bytes` and then fails: nothing, not even a temporary file, is left. */
static void a_full_disk_leaves_nothing(void)
{
    struct rlimit before, small;
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    static const rlim_t room[] = {0, 40, 100}; /* within the first file; within the second */
    for (size_t i = 0; i < VAIN_COUNT_OF(room); i++) {
        char folder[TEST_PATH_BYTES];
        uint8_t member_id[VAIN_HASH_BYTES];
        test_make_folder(folder);
        small = before;
        small.rlim_cur = room[i];
        CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &small), 0);
        const enum vain_status status = vain_key_create(folder, "alice", NOW_MS, member_id);
        CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &before), 0);
        CU_ASSERT_EQUAL(status, VAIN_ERR_STORAGE);
        CU_ASSERT_EQUAL(test_count_entries(folder), 0);
        test_remove_folder(folder);
    }
    signal(SIGXFSZ, handler);
    vain_fail_clear();
}

static void unsafe_files_are_refused(void)
{
    struct place place;
    place_init(&place);
    struct vain_signer signer;
    static const int modes[] = {0640, 0604, 0620, 0601, 0644, 0777, 0610};
    for (size_t i = 0; i < VAIN_COUNT_OF(modes); i++) {
        CU_ASSERT_EQUAL(chmod(place.path, (mode_t)modes[i]), 0);
        CU_ASSERT_EQUAL(vain_signer_open_file(&signer, place.path), VAIN_ERR_AUTH);
        CU_ASSERT_PTR_NULL(signer.ops);
        CU_ASSERT_TRUE(message_has("chmod 600"));
    }
    CU_ASSERT_EQUAL(chmod(place.path, 0400), 0);
    CU_ASSERT_EQUAL(vain_signer_open_file(&signer, place.path), VAIN_OK);
    vain_signer_close(&signer);
    if (geteuid() == 0) { /* only root can give a file away */
        CU_ASSERT_EQUAL(chown(place.path, 12345, (gid_t)-1), 0);
        CU_ASSERT_EQUAL(vain_signer_open_file(&signer, place.path), VAIN_ERR_AUTH);
        CU_ASSERT_TRUE(message_has("owned by user 12345"));
    }
    test_remove_folder(place.folder);
}

static void strange_files_are_refused(void)
{
    struct place place;
    place_init(&place);
    struct vain_signer signer;
    struct vain_certificate certificate;
    uint8_t member_id[VAIN_HASH_BYTES];
    char other[700], text[VAIN_PATH_BYTES + 10];
    snprintf(other, sizeof other, "%s/nobody.key", place.folder);
    CU_ASSERT_EQUAL(vain_signer_open_file(&signer, other), VAIN_ERR_NOT_FOUND);
    CU_ASSERT_TRUE(message_has("vain key new"));
    CU_ASSERT_EQUAL(symlink(place.path, other), 0);
    CU_ASSERT_EQUAL(vain_signer_open_file(&signer, other), VAIN_ERR_AUTH);
    CU_ASSERT_TRUE(message_has("symbolic link"));
    CU_ASSERT_EQUAL(unlink(other), 0);
    CU_ASSERT_EQUAL(mkfifo(other, 0600), 0); /* nobody writes: must not hang */
    CU_ASSERT_EQUAL(vain_signer_open_file(&signer, other), VAIN_ERR_AUTH);
    CU_ASSERT_TRUE(message_has("not a regular file"));
    CU_ASSERT_EQUAL(unlink(other), 0);
    CU_ASSERT_EQUAL(vain_signer_open_file(&signer, place.folder), VAIN_ERR_AUTH);
    CU_ASSERT_EQUAL(vain_signer_open_file(&signer, place.root_path), VAIN_ERR_CORRUPT);
    CU_ASSERT_TRUE(message_has("root key"));
    test_write_file(other, "", 0, 0600);
    CU_ASSERT_EQUAL(vain_signer_open_file(&signer, other), VAIN_ERR_CORRUPT);
    uint8_t bytes[VAIN_KEY_FILE_BYTES + 1] = {0};
    CU_ASSERT_EQUAL(test_read_file(place.path, bytes, sizeof bytes), VAIN_KEY_FILE_BYTES);
    test_write_file(other, bytes, sizeof bytes, 0600); /* one byte too long */
    CU_ASSERT_EQUAL(vain_key_read_public(other, &certificate, member_id), VAIN_ERR_CORRUPT);
    CU_ASSERT_TRUE(message_has("nobody.key"));
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    CU_ASSERT_EQUAL(vain_signer_open_file(&signer, text), VAIN_ERR_STORAGE);
    test_remove_folder(place.folder);
    vain_fail_clear();
}

static void throw_away_keys_differ(void)
{
    struct vain_signer a, b;
    CU_ASSERT_EQUAL_FATAL(vain_signer_open_throw_away(&a, 0), VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(vain_signer_open_throw_away(&b, 0), VAIN_OK);
    CU_ASSERT_NOT_EQUAL(memcmp(a.member_id, b.member_id, VAIN_HASH_BYTES), 0);
    CU_ASSERT_STRING_EQUAL(a.ops->name, "throw-away");
    vain_signer_close(&a);
    vain_signer_close(&b);
}

static void sign_closed(void)
{
    struct vain_signer signer = {0};
    uint8_t signature[VAIN_SIGNATURE_BYTES];
    (void)!vain_signer_sign(&signer, "", 0, signature);
}

static void signing_with_a_closed_signer_is_a_bug(void)
{
    CU_ASSERT_EQUAL(test_exit_code(sign_closed, NULL, 0), 70);
}

static const struct vain_test tests[] = {
    {"names are few characters that are safe in a path", names},
    {"a certificate comes back, and no bit of it may change", certificates_round_trip},
    {"certificates with bad keys or times are refused though signed",
     certificates_with_bad_content_are_refused},
    {"a key file of version 1 is read", key_file_of_version_1_is_read},
    {"key bytes that are cut, longer or flipped are refused",
     key_bytes_that_are_not_whole_are_refused},
    {"a seed that is not the certificate's is refused", a_seed_of_another_certificate_is_refused},
    {"keys are made, opened, used and wiped", keys_are_made_and_used},
    {"keys follow the documented path", keys_follow_the_documented_path},
    {"a key is never overwritten", a_key_is_never_overwritten},
    {"the next key is of the same member", the_next_key_is_of_the_same_member},
    {"the next key needs the root alone", the_next_key_needs_the_root_alone},
    {"a renewal that fails changes nothing", a_renewal_that_fails_changes_nothing},
    {"missing folders are made private", folders_are_made_private},
    {"impossible names, clocks and paths are refused", impossible_keys_are_refused},
    {"a full disk leaves nothing behind", a_full_disk_leaves_nothing},
    {"files that others can read or own are refused", unsafe_files_are_refused},
    {"links, pipes, folders and foreign files are refused", strange_files_are_refused},
    {"throw-away keys differ", throw_away_keys_differ},
    {"signing with a closed signer is a bug", signing_with_a_closed_signer_is_a_bug},
    {NULL, NULL},
};
const struct vain_suite vain_suite_identity = {"base/identity", tests};
