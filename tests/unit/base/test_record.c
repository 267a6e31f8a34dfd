/* Round records: golden bytes, one encoding, torn and forged frames. */
#include "base/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

#define NOW_MS INT64_C(1750000000000)
enum { MEMBERS = 3, FRAME_BYTES_MAX = 4096 };

/* A group of three with its record; `frame` is the record encoded and signed by all. */
struct scene {
    struct vain_signer signers[MEMBERS];
    struct vain_record_member members[MEMBERS];
    struct vain_record record;
    uint8_t body[FRAME_BYTES_MAX], frame[FRAME_BYTES_MAX];
    uint8_t signatures[MEMBERS * VAIN_SIGNATURE_BYTES];
    size_t body_bytes, frame_bytes;
};

static int by_id(const void *a, const void *b)
{
    return memcmp(((const struct vain_signer *)a)->member_id,
                  ((const struct vain_signer *)b)->member_id, VAIN_HASH_BYTES);
}

static void scene_init(struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    for (int i = 0; i < MEMBERS; i++)
        CU_ASSERT_EQUAL_FATAL(vain_signer_open_throw_away(&scene->signers[i], NOW_MS), VAIN_OK);
    qsort(scene->signers, MEMBERS, sizeof scene->signers[0], by_id);
    for (int i = 0; i < MEMBERS; i++) {
        scene->members[i].name[0] = (char)('a' + i);
        scene->members[i].certificate = scene->signers[i].certificate;
        memcpy(scene->members[i].member_id, scene->signers[i].member_id, VAIN_HASH_BYTES);
    }
    scene->record = (struct vain_record){
        .epoch = 1,
        .round = 9,
        .attempt = 2,
        .counters = {.weight = 10, .loss_micro = -3, .clipped = 1, .saturated = 0},
        .platform = "vain zen",
        .member_count = MEMBERS,
        .members = scene->members,
        .extension_count = 2,
        .extensions = {{1, 3, (const uint8_t *)"abc"}, {7, 0, (const uint8_t *)""}},
    };
}

static void scene_sign(struct scene *scene)
{
    uint8_t hash[VAIN_HASH_BYTES], message[VAIN_RECORD_MESSAGE_BYTES];
    vain_record_hash(scene->body, scene->body_bytes, hash);
    vain_record_message(hash, message);
    for (int i = 0; i < MEMBERS; i++)
        CU_ASSERT_EQUAL(vain_signer_sign(&scene->signers[i], message, sizeof message,
                                         scene->signatures + i * VAIN_SIGNATURE_BYTES),
                        VAIN_OK);
    CU_ASSERT_EQUAL(vain_record_encode_frame(scene->body, scene->body_bytes, scene->signatures,
                                             MEMBERS, scene->frame, sizeof scene->frame,
                                             &scene->frame_bytes),
                    VAIN_OK);
}

static void scene_encode(struct scene *scene)
{
    CU_ASSERT_EQUAL_FATAL(vain_record_encode_body(&scene->record, scene->body, sizeof scene->body,
                                                  &scene->body_bytes),
                          VAIN_OK);
    scene_sign(scene);
}

static void scene_fini(struct scene *scene)
{
    for (int i = 0; i < MEMBERS; i++)
        vain_signer_close(&scene->signers[i]);
    vain_fail_clear();
}

/* Decodes and, if accepted, checks that encoding gives the same bytes again. */
static enum vain_status decode(const uint8_t *data, size_t bytes, struct vain_record_decoded *out,
                               size_t *used)
{
    static struct vain_record_member members[MEMBERS];
    static uint8_t signatures[MEMBERS * VAIN_SIGNATURE_BYTES];
    const enum vain_status status =
        vain_record_decode(data, bytes, members, signatures, MEMBERS, out, used);
    if (status != VAIN_OK) {
        CU_ASSERT_EQUAL(*used, 0);
        return status;
    }
    uint8_t body[FRAME_BYTES_MAX], frame[FRAME_BYTES_MAX];
    size_t body_bytes, frame_bytes;
    CU_ASSERT_EQUAL(vain_record_encode_body(&out->record, body, sizeof body, &body_bytes), VAIN_OK);
    CU_ASSERT_EQUAL(vain_record_encode_frame(body, body_bytes, out->record.signatures,
                                             out->record.member_count, frame, sizeof frame,
                                             &frame_bytes),
                    VAIN_OK);
    CU_ASSERT_EQUAL_FATAL(frame_bytes, *used);
    CU_ASSERT_EQUAL(memcmp(frame, data, frame_bytes), 0);
    return VAIN_OK;
}

static void record_of_version_1_is_read(void)
{
    uint8_t data[FRAME_BYTES_MAX];
    struct vain_record_decoded decoded;
    size_t used;
    const size_t bytes = test_read_golden_hex("record.hex", data, sizeof data);
    CU_ASSERT_EQUAL_FATAL(decode(data, bytes, &decoded, &used), VAIN_OK);
    CU_ASSERT_EQUAL(used, bytes);
    const struct vain_record *record = &decoded.record;
    CU_ASSERT_EQUAL(record->run_id[15], 15);
    CU_ASSERT_EQUAL(record->group_id[0], 0x11);
    CU_ASSERT_EQUAL(record->epoch, 0);
    CU_ASSERT_EQUAL(record->round, 42);
    CU_ASSERT_EQUAL(record->attempt, 3);
    CU_ASSERT_EQUAL(record->spec_hash[31], 0x22);
    CU_ASSERT_EQUAL(record->parameters_before[0], 0x33);
    CU_ASSERT_EQUAL(record->parameters_after[0], 0x44);
    CU_ASSERT_EQUAL(record->counters.weight, 1000);
    CU_ASSERT_EQUAL(record->counters.loss_micro, -5);
    CU_ASSERT_EQUAL(record->counters.clipped, 1);
    CU_ASSERT_EQUAL(record->counters.saturated, 2);
    CU_ASSERT_STRING_EQUAL(record->platform, "vain 0.1.0 zen libm");
    CU_ASSERT_EQUAL(record->member_count, 3);
    CU_ASSERT_EQUAL(record->extension_count, 2);
    CU_ASSERT_EQUAL(record->extensions[1].type, 900); /* unknown to every build so far, and kept */
    CU_ASSERT_EQUAL(memcmp(record->extensions[0].data, "abc", 3), 0);
    CU_ASSERT_EQUAL(decoded.signature_count, 2);
    const uint8_t none[VAIN_SIGNATURE_BYTES] = {0};
    CU_ASSERT_EQUAL(memcmp(record->signatures + VAIN_SIGNATURE_BYTES, none, sizeof none), 0);
}

static void every_cut_is_again_and_every_flip_is_refused(void)
{
    uint8_t data[FRAME_BYTES_MAX];
    struct vain_record_decoded decoded;
    size_t used;
    const size_t bytes = test_read_golden_hex("record.hex", data, sizeof data);
    CU_ASSERT_EQUAL(decode(data, 0, &decoded, &used), VAIN_END);
    for (size_t cut = 1; cut < bytes; cut++)
        CU_ASSERT_EQUAL(decode(data, cut, &decoded, &used), VAIN_AGAIN);
    int wrong = 0;
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        /* Fewer signatures are a record too, but one that ends early, before bytes that are none.
         */
        if (decode(data, bytes, &decoded, &used) == VAIN_OK)
            wrong += used == bytes || decode(data + used, bytes - used, &decoded, &used) >= 0;
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    vain_fail_clear();
}

static void frames_follow_each_other(void)
{
    static struct scene scene;
    scene_init(&scene);
    scene_encode(&scene);
    uint8_t log[2 * FRAME_BYTES_MAX];
    memcpy(log, scene.frame, scene.frame_bytes);
    memcpy(log + scene.frame_bytes, scene.frame, scene.frame_bytes - 1); /* a torn tail */
    struct vain_record_decoded decoded;
    size_t used;
    CU_ASSERT_EQUAL(decode(log, 2 * scene.frame_bytes - 1, &decoded, &used), VAIN_OK);
    CU_ASSERT_EQUAL(used, scene.frame_bytes);
    CU_ASSERT_EQUAL(decoded.signature_count, MEMBERS);
    uint8_t hash[VAIN_HASH_BYTES];
    vain_record_hash(scene.body, scene.body_bytes, hash);
    CU_ASSERT_EQUAL(memcmp(hash, decoded.hash, sizeof hash), 0);
    CU_ASSERT_EQUAL(decode(log + used, scene.frame_bytes - 1, &decoded, &used), VAIN_AGAIN);
    CU_ASSERT_EQUAL(decode((const uint8_t *)"VAIX", 4, &decoded, &used), VAIN_ERR_CORRUPT);
    scene_fini(&scene);
}

static void signatures_may_be_missing(void)
{
    static struct scene scene;
    scene_init(&scene);
    scene_encode(&scene);
    struct vain_record_decoded decoded;
    size_t used;
    for (int present = 0; present < 1 << MEMBERS; present++) {
        uint8_t some[sizeof scene.signatures] = {0};
        int count = 0;
        for (int i = 0; i < MEMBERS; i++) {
            if ((present >> i & 1) == 0)
                continue;
            memcpy(some + i * VAIN_SIGNATURE_BYTES, scene.signatures + i * VAIN_SIGNATURE_BYTES,
                   VAIN_SIGNATURE_BYTES);
            count++;
        }
        CU_ASSERT_EQUAL(vain_record_encode_frame(scene.body, scene.body_bytes, some, MEMBERS,
                                                 scene.frame, sizeof scene.frame,
                                                 &scene.frame_bytes),
                        VAIN_OK);
        CU_ASSERT_EQUAL(decode(scene.frame, scene.frame_bytes, &decoded, &used), VAIN_OK);
        CU_ASSERT_EQUAL(decoded.signature_count, count);
        CU_ASSERT_EQUAL(memcmp(decoded.record.signatures, some, sizeof some), 0);
    }
    scene_fini(&scene);
}

static void wrong_signatures_are_refused(void)
{
    static struct scene scene;
    scene_init(&scene);
    scene_encode(&scene);
    struct vain_record_decoded decoded;
    size_t used;
    const size_t entries = scene.frame_bytes - MEMBERS * 66;
    scene.frame[entries + 66] = 0; /* the second entry says member 0 again */
    CU_ASSERT_EQUAL(decode(scene.frame, scene.frame_bytes, &decoded, &used), VAIN_ERR_CORRUPT);
    scene.frame[entries + 66] = 2; /* then the third is not ascending */
    CU_ASSERT_EQUAL(decode(scene.frame, scene.frame_bytes, &decoded, &used), VAIN_ERR_AUTH);
    scene.frame[entries + 66] = 3; /* no such member */
    CU_ASSERT_EQUAL(decode(scene.frame, scene.frame_bytes, &decoded, &used), VAIN_ERR_CORRUPT);
    scene.frame[entries + 66] = 1;
    memset(scene.frame + entries + 2, 0, 64); /* an absent one must be left out, not written */
    CU_ASSERT_EQUAL(decode(scene.frame, scene.frame_bytes, &decoded, &used), VAIN_ERR_AUTH);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "round 9: the signature of a is wrong"));
    /* The signature of one member under the index of another. */
    memcpy(scene.frame + entries + 2, scene.signatures + 64, 64);
    CU_ASSERT_EQUAL(decode(scene.frame, scene.frame_bytes, &decoded, &used), VAIN_ERR_AUTH);
    scene_fini(&scene);
}

static void bad_records_are_not_made(void)
{
    static struct scene scene;
    size_t bytes;
    uint8_t out[FRAME_BYTES_MAX];
    scene_init(&scene);
    struct vain_record_member first = scene.members[0];
    scene.members[0] = scene.members[1];
    scene.members[1] = first;
    CU_ASSERT_EQUAL(vain_record_encode_body(&scene.record, out, sizeof out, &bytes),
                    VAIN_ERR_INPUT);
    scene_fini(&scene);
    scene_init(&scene);
    scene.members[1] = scene.members[0];
    CU_ASSERT_EQUAL(vain_record_encode_body(&scene.record, out, sizeof out, &bytes),
                    VAIN_ERR_INPUT);
    scene_fini(&scene);
    scene_init(&scene);
    memcpy(scene.members[2].name, scene.members[0].name, VAIN_NAME_BYTES);
    CU_ASSERT_EQUAL(vain_record_encode_body(&scene.record, out, sizeof out, &bytes),
                    VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "another member has its name"));
    memcpy(scene.members[2].name, "C", 2);
    CU_ASSERT_EQUAL(vain_record_encode_body(&scene.record, out, sizeof out, &bytes),
                    VAIN_ERR_INPUT);
    memcpy(scene.members[2].name, "c", 2);
    scene.record.member_count = 0;
    CU_ASSERT_EQUAL(vain_record_encode_body(&scene.record, out, sizeof out, &bytes),
                    VAIN_ERR_INPUT);
    scene.record.member_count = VAIN_MEMBERS_MAX + 1;
    CU_ASSERT_EQUAL(vain_record_encode_body(&scene.record, out, sizeof out, &bytes),
                    VAIN_ERR_INPUT);
    scene.record.member_count = MEMBERS;
    scene.record.extension_count = VAIN_RECORD_EXTENSIONS_MAX + 1;
    CU_ASSERT_EQUAL(vain_record_encode_body(&scene.record, out, sizeof out, &bytes),
                    VAIN_ERR_INPUT);
    scene.record.extension_count = 2;
    scene.record.extensions[1].type = 1;
    CU_ASSERT_EQUAL(vain_record_encode_body(&scene.record, out, sizeof out, &bytes),
                    VAIN_ERR_INPUT);
    scene.record.extensions[1].type = 2;
    memcpy(scene.record.platform, "tab\t", 5);
    CU_ASSERT_EQUAL(vain_record_encode_body(&scene.record, out, sizeof out, &bytes),
                    VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(bytes, 0);
    scene_fini(&scene);
}

static void records_that_do_not_fit_are_not_made(void)
{
    static struct scene scene;
    scene_init(&scene);
    scene_encode(&scene);
    size_t bytes;
    uint8_t out[FRAME_BYTES_MAX];
    for (size_t capacity = 0; capacity < scene.body_bytes; capacity++)
        CU_ASSERT_EQUAL(vain_record_encode_body(&scene.record, out, capacity, &bytes),
                        VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(vain_record_encode_body(&scene.record, out, scene.body_bytes, &bytes), VAIN_OK);
    CU_ASSERT_EQUAL(vain_record_encode_frame(scene.body, scene.body_bytes, scene.signatures,
                                             MEMBERS, out, scene.frame_bytes - 1, &bytes),
                    VAIN_ERR_INPUT);
    CU_ASSERT_EQUAL(bytes, 0);
    /* An extension as large as the ceiling leaves no room for the rest. */
    static uint8_t large[VAIN_RECORD_BYTES_MAX], target[2 * VAIN_RECORD_BYTES_MAX];
    scene.record.extensions[1].bytes = sizeof large;
    scene.record.extensions[1].data = large;
    CU_ASSERT_EQUAL(vain_record_encode_body(&scene.record, target, sizeof target, &bytes),
                    VAIN_ERR_INPUT);
    scene_fini(&scene);
}

/* ---- Forged bodies: signed by everybody, and still not accepted ----------------------------- */

/* Where things stand in the body that scene_encode makes. */
enum {
    AT_PLATFORM = 2 + 32 + 16 + 32 + 8 + 8 + 4 + 96 + 32,
    AT_MEMBERS = AT_PLATFORM + 2 + 8,
    MEMBER_BYTES = 2 + 1 + VAIN_CERTIFICATE_BYTES,
    AT_EXTENSIONS = AT_MEMBERS + 2 + MEMBERS * MEMBER_BYTES
};

static enum vain_status decode_scene(struct scene *scene)
{
    struct vain_record_decoded decoded;
    size_t used;
    scene_sign(scene);
    return decode(scene->frame, scene->frame_bytes, &decoded, &used);
}

static void patch(struct scene *scene, size_t place, const void *data, size_t bytes)
{
    scene_encode(scene);
    memcpy(scene->body + place, data, bytes);
}

static void forged_bodies_are_refused(void)
{
    static struct scene scene;
    scene_init(&scene);
    scene_encode(&scene);
    CU_ASSERT_EQUAL_FATAL(scene.body_bytes, AT_EXTENSIONS + 2 + (6 + 3) + 6);
    CU_ASSERT_EQUAL(decode_scene(&scene), VAIN_OK);
    static const struct {
        size_t place;
        const char *bytes;
        size_t count;
        const char *reason;
    } forgeries[] = {
        {0, "\2\0", 2, "version 2"},
        {AT_PLATFORM, "\xff\0", 2, "first part"},
        {AT_PLATFORM + 2, "\n", 1, "first part"},
        {AT_MEMBERS, "\0\0", 2, "0 members"},
        {AT_MEMBERS, "\1\4", 2, "1025 members"},
        {AT_MEMBERS, "\4\0", 2, "4 members, expected at most 3"},
        {AT_MEMBERS, "\2\0", 2, NULL},
        {AT_MEMBERS + 2 + 2, "A", 1, "its name is not"},
        {AT_MEMBERS + 2 + MEMBER_BYTES + 2, "a", 1, "another member has its name"},
        {AT_MEMBERS + 2, "\xff\0", 2, "member 0 is not whole"},
        {AT_MEMBERS + 2 + 3, "\0", 1, "member 0: certificate"},
        {AT_EXTENSIONS, "\x11\0", 2, "17 extensions"},
        {AT_EXTENSIONS, "\1\0", 2, "6 bytes are left over"},
        {AT_EXTENSIONS, "\3\0", 2, "extension 2 is not whole"},
        {AT_EXTENSIONS + 2, "\7\0", 2, "extension 1 is not whole, or not of a greater type"},
        {AT_EXTENSIONS + 2, "\x08\0", 2, "extension 1 is not whole, or not of a greater type"},
        {AT_EXTENSIONS + 4, "\xff\xff\xff\xff", 4, "extension 0 is not whole"},
    };
    for (size_t i = 0; i < VAIN_COUNT_OF(forgeries); i++) {
        patch(&scene, forgeries[i].place, forgeries[i].bytes, forgeries[i].count);
        vain_fail_clear();
        CU_ASSERT_TRUE(decode_scene(&scene) < 0);
        if (forgeries[i].reason != NULL &&
            strstr(vain_fail_message(), forgeries[i].reason) == NULL) {
            printf("[%s] lacks [%s]\n", vain_fail_message(), forgeries[i].reason);
            CU_FAIL("reason");
        }
    }
    scene_fini(&scene);
}

static void members_out_of_order_are_refused(void)
{
    static struct scene scene;
    scene_init(&scene);
    uint8_t member[MEMBER_BYTES];
    scene_encode(&scene);
    uint8_t *first = scene.body + AT_MEMBERS + 2, *second = first + MEMBER_BYTES;
    memcpy(member, first, sizeof member);
    memmove(first, second, sizeof member);
    memcpy(second, member, sizeof member);
    CU_ASSERT_EQUAL(decode_scene(&scene), VAIN_ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "not greater"));
    scene_encode(&scene);
    memcpy(second + 3, first + 3, VAIN_CERTIFICATE_BYTES); /* one member under two names */
    CU_ASSERT_EQUAL(decode_scene(&scene), VAIN_ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "not greater"));
    scene_fini(&scene);
}

static void frames_beyond_the_ceilings_are_refused(void)
{
    struct vain_record_decoded decoded;
    size_t used;
    /* A head that announces 4 GB must not be waited for. */
    CU_ASSERT_EQUAL(decode((const uint8_t *)"VAINREC1\xff\xff\xff\xff", 12, &decoded, &used),
                    VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(decode((const uint8_t *)"VAINREC1\1\0\x10\0", 12, &decoded, &used),
                    VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(decode((const uint8_t *)"VAINREC1\0\0\x10\0", 12, &decoded, &used), VAIN_AGAIN);
    /* Nor may 65535 signatures. */
    CU_ASSERT_EQUAL(decode((const uint8_t *)"VAINREC1\0\0\0\0\xff\xff", 14, &decoded, &used),
                    VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(decode((const uint8_t *)"VAINREC1\0\0\0\0\0\0", 14, &decoded, &used),
                    VAIN_ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "version 0"));
    vain_fail_clear();
}

static const struct vain_test tests[] = {
    {"a record of version 1 is read and made again byte for byte", record_of_version_1_is_read},
    {"every cut asks for more and every flipped bit is refused",
     every_cut_is_again_and_every_flip_is_refused},
    {"frames follow each other up to a torn tail", frames_follow_each_other},
    {"any signature may be missing", signatures_may_be_missing},
    {"wrong, repeated and exchanged signatures are refused", wrong_signatures_are_refused},
    {"records that break a rule are not made", bad_records_are_not_made},
    {"records that do not fit are not made", records_that_do_not_fit_are_not_made},
    {"bodies that break a rule are refused though signed", forged_bodies_are_refused},
    {"members out of order or twice are refused", members_out_of_order_are_refused},
    {"frames beyond the ceilings are refused at once", frames_beyond_the_ceilings_are_refused},
    {NULL, NULL},
};
const struct vain_suite vain_suite_record = {"base/record", tests};
