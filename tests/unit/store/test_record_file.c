#include "jobs/store/record_file.h"

#include "tests/unit/store/bed.h"
#include "tests/unit/store/chain.h"
#include "tests/unit/suite.h"

#include "base/memory.h"
#include "cmd/world.h"

#include <json.h>
#include <stdio.h>
#include <string.h>

enum { RECORDS = 4 };
static const uint8_t zeros[VAIN_HASH_BYTES];

/* A folder with a record of RECORDS rounds; the bytes and hashes of each. */
struct scene {
    struct chain_maker maker;
    struct vain_record_file *file;
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES], lines[VAIN_PATH_BYTES];
    uint8_t frames[RECORDS][CHAIN_FRAME_BYTES];
    size_t bytes[RECORDS];
    uint8_t hashes[RECORDS][VAIN_HASH_BYTES];
};

/* As a start does: a new handle, set back to `head`. Gives what was discarded. */
static int64_t start_at(struct scene *scene, const uint8_t *head)
{
    int64_t discarded = 0;
    vain_record_file_close(&scene->file);
    BED_OK(vain_record_file_open(scene->folder, vain_world_real(), &scene->file));
    BED_OK(vain_record_file_rewind(scene->file, head, &discarded));
    return discarded;
}

static void start_fails(struct scene *scene, const uint8_t *head, enum vain_status expected)
{
    int64_t discarded;
    vain_record_file_close(&scene->file);
    BED_OK(vain_record_file_open(scene->folder, vain_world_real(), &scene->file));
    BED_FAILS(vain_record_file_rewind(scene->file, head, &discarded), expected);
    CU_ASSERT_EQUAL(discarded, 0);
}

static void make_frames(struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    BED_OK(chain_open(&scene->maker));
    for (int i = 0; i < RECORDS; i++) {
        BED_OK(chain_frame(&scene->maker, (uint64_t)i + 1, i == 0 ? zeros : scene->hashes[i - 1],
                           i == 2 ? 1 : 2, scene->frames[i], &scene->bytes[i]));
        memcpy(scene->hashes[i], scene->maker.head, VAIN_HASH_BYTES);
    }
    bed_make_folder(scene->folder);
    bed_join(scene->folder, "record.bin", scene->path);
    bed_join(scene->folder, "record.jsonl", scene->lines);
    start_at(scene, zeros);
}

static void append(struct scene *scene, int index)
{
    BED_OK(vain_record_file_append(scene->file, scene->frames[index], scene->bytes[index]));
}

static void open_scene(struct scene *scene)
{
    make_frames(scene);
    for (int i = 0; i < RECORDS; i++)
        append(scene, i);
}

static void close_scene(struct scene *scene)
{
    vain_record_file_close(&scene->file);
    chain_close(&scene->maker);
    bed_remove_folder(scene->folder);
}

static struct vain_record_summary verified(const struct scene *scene)
{
    struct vain_record_summary summary;
    BED_OK(vain_record_file_verify(scene->path, &summary, NULL, NULL));
    return summary;
}

/* Lines of record.jsonl, each a JSON object; the round of the last. */
static int count_lines(const struct scene *scene, int64_t *last_round)
{
    size_t bytes;
    char *text = (char *)bed_read_file(scene->lines, &bytes);
    int count = 0;
    *last_round = 0;
    text[bytes] = '\0';
    for (char *line = text; *line != '\0';) {
        char *end = strchr(line, '\n');
        CU_ASSERT_PTR_NOT_NULL_FATAL(end);
        *end = '\0';
        struct json_object *object = json_tokener_parse(line), *round;
        CU_ASSERT_PTR_NOT_NULL_FATAL(object);
        CU_ASSERT_TRUE_FATAL(json_object_object_get_ex(object, "round", &round));
        *last_round = json_object_get_int64(round);
        json_object_put(object);
        count++;
        line = end + 1;
    }
    vain_release(text);
    return count;
}

struct seen {
    int count;
    uint64_t rounds[RECORDS];
};
static enum vain_status see(void *context, const struct vain_record_decoded *record)
{
    struct seen *seen = context;
    seen->rounds[seen->count++] = record->record.round;
    return seen->count == 3 ? VAIN_STOPPED : VAIN_OK;
}

static void test_append_and_verify(void)
{
    struct scene scene;
    open_scene(&scene);
    const struct vain_record_summary summary = verified(&scene);
    CU_ASSERT_EQUAL(summary.records, RECORDS);
    CU_ASSERT_EQUAL(summary.first_round, 1);
    CU_ASSERT_EQUAL(summary.last_round, RECORDS);
    CU_ASSERT_EQUAL(memcmp(summary.head, scene.hashes[RECORDS - 1], VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(memcmp(summary.before, zeros, VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(summary.missing_signatures, 1);
    CU_ASSERT_EQUAL(summary.absent_signatures, 0);
    CU_ASSERT_FALSE(summary.torn_tail);
    int64_t last_round;
    CU_ASSERT_EQUAL(count_lines(&scene, &last_round), RECORDS);
    CU_ASSERT_EQUAL(last_round, RECORDS);
    struct seen seen = {0};
    struct vain_record_summary part;
    CU_ASSERT_EQUAL(vain_record_file_verify(scene.path, &part, see, &seen), VAIN_STOPPED);
    CU_ASSERT_EQUAL(seen.count, 3);
    CU_ASSERT_EQUAL(seen.rounds[2], 3);
    close_scene(&scene);
}

/* What the file holds is the frames, and the line says what the record says. */
static void test_bytes_and_line(void)
{
    struct scene scene;
    open_scene(&scene);
    size_t bytes, at = 0;
    uint8_t *image = bed_read_file(scene.path, &bytes);
    for (int i = 0; i < RECORDS; i++) {
        CU_ASSERT_FATAL(at + scene.bytes[i] <= bytes);
        CU_ASSERT_EQUAL(memcmp(image + at, scene.frames[i], scene.bytes[i]), 0);
        at += scene.bytes[i];
    }
    CU_ASSERT_EQUAL(at, bytes);
    vain_release(image);
    char *text = (char *)bed_read_file(scene.lines, &bytes);
    text[bytes] = '\0';
    *strchr(text, '\n') = '\0';
    struct json_object *line = json_tokener_parse(text), *field;
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    char hex[65];
    vain_to_hex(scene.hashes[0], VAIN_HASH_BYTES, hex);
    CU_ASSERT_TRUE(json_object_object_get_ex(line, "hash", &field));
    CU_ASSERT_STRING_EQUAL(json_object_get_string(field), hex);
    CU_ASSERT_TRUE(json_object_object_get_ex(line, "platform", &field));
    CU_ASSERT_STRING_EQUAL(json_object_get_string(field), "vain \"0.1.0\" \\ test");
    CU_ASSERT_TRUE(json_object_object_get_ex(line, "loss_micro", &field));
    CU_ASSERT_EQUAL(json_object_get_int64(field), 2500000);
    CU_ASSERT_TRUE(json_object_object_get_ex(line, "members", &field));
    CU_ASSERT_EQUAL_FATAL(json_object_array_length(field), CHAIN_MEMBERS);
    struct json_object *member = json_object_array_get_idx(field, 1);
    CU_ASSERT_TRUE(json_object_object_get_ex(member, "name", &field));
    CU_ASSERT_STRING_EQUAL(json_object_get_string(field), "member-1");
    CU_ASSERT_TRUE(json_object_object_get_ex(member, "signed", &field));
    CU_ASSERT_TRUE(json_object_get_boolean(field));
    json_object_put(line);
    vain_release(text);
    close_scene(&scene);
}

static void add_raw(const struct scene *scene, const void *data, size_t bytes)
{
    FILE *file = fopen(scene->path, "ab");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(data, 1, bytes, file), bytes);
    fclose(file);
}

/* What was set aside: one file beside record.bin and record.jsonl, removed here; false if there is
 * none. Gives its content (vain_release). */
static bool take_discarded(const struct scene *scene, uint8_t **content, size_t *bytes)
{
    char path[VAIN_PATH_BYTES];
    *bytes = 0;
    *content = NULL;
    if (bed_count_files(scene->folder) != 3)
        return false;
    char command[2 * VAIN_PATH_BYTES];
    snprintf(command, sizeof command, "ls %s | grep -E '^record-discarded-[0-9]+.bin$'",
             scene->folder);
    FILE *pipe = popen(command, "r");
    char name[VAIN_NAME_BYTES];
    const bool found = pipe != NULL && fgets(name, sizeof name, pipe) != NULL;
    CU_ASSERT_TRUE(found);
    pclose(pipe);
    name[strcspn(name, "\n")] = '\0';
    bed_join(scene->folder, name, path);
    *content = bed_read_file(path, bytes);
    remove(path);
    return true;
}

static bool find_discarded(const struct scene *scene, size_t *bytes)
{
    uint8_t *content;
    const bool found = take_discarded(scene, &content, bytes);
    vain_release(content);
    return found;
}

/* A crash at any byte of the last append: noticed, and set aside by the next start. */
static void test_torn_tail_is_set_aside_by_the_next_start(void)
{
    struct scene scene;
    make_frames(&scene);
    for (size_t torn = 1; torn < scene.bytes[2]; torn += torn < 16 ? 1 : 61) {
        remove(scene.path);
        remove(scene.lines);
        start_at(&scene, zeros);
        append(&scene, 0);
        append(&scene, 1);
        add_raw(&scene, scene.frames[2], torn);
        struct vain_record_summary summary = verified(&scene);
        CU_ASSERT_TRUE(summary.torn_tail);
        CU_ASSERT_EQUAL(summary.records, 2);
        CU_ASSERT_EQUAL(start_at(&scene, scene.hashes[1]), 0);
        uint8_t *content;
        size_t bytes;
        CU_ASSERT_TRUE_FATAL(take_discarded(&scene, &content, &bytes));
        CU_ASSERT_EQUAL_FATAL(bytes, torn);
        CU_ASSERT_EQUAL(memcmp(content, scene.frames[2], bytes), 0);
        vain_release(content);
        append(&scene, 2);
        summary = verified(&scene);
        CU_ASSERT_FALSE(summary.torn_tail);
        CU_ASSERT_EQUAL(summary.records, 3);
        CU_ASSERT_EQUAL(memcmp(summary.head, scene.hashes[2], VAIN_HASH_BYTES), 0);
    }
    close_scene(&scene);
}

/* Room without data, as a machine that lost power leaves it. */
static void test_zeros_at_the_end_are_a_torn_tail(void)
{
    struct scene scene;
    make_frames(&scene);
    append(&scene, 0);
    static const uint8_t room[5000];
    size_t bytes;
    add_raw(&scene, room, sizeof room);
    CU_ASSERT_TRUE(verified(&scene).torn_tail);
    CU_ASSERT_EQUAL(start_at(&scene, scene.hashes[0]), 0);
    CU_ASSERT_TRUE(find_discarded(&scene, &bytes));
    CU_ASSERT_EQUAL(bytes, sizeof room);
    append(&scene, 1);
    CU_ASSERT_FALSE(verified(&scene).torn_tail);
    CU_ASSERT_EQUAL(verified(&scene).records, 2);
    /* Zeros and then something are no torn tail. */
    add_raw(&scene, room, sizeof room);
    add_raw(&scene, "x", 1);
    struct vain_record_summary summary;
    BED_FAILS(vain_record_file_verify(scene.path, &summary, NULL, NULL), VAIN_ERR_CORRUPT);
    close_scene(&scene);
}

/* A length in the middle that reaches beyond the end looks like a torn tail. Signed records follow
 * it, and none of them is lost: neither by an append nor by a start. */
static void test_a_torn_look_in_the_middle_loses_nothing(void)
{
    struct scene scene;
    open_scene(&scene);
    size_t bytes, length;
    uint8_t *image = bed_read_file(scene.path, &bytes), *content;
    image[scene.bytes[0] + 8 + 1] ^= 0xff; /* a length of about 64 KiB */
    bed_write_file(scene.path, image, bytes);
    CU_ASSERT_TRUE(verified(&scene).torn_tail);
    start_fails(&scene, scene.hashes[3], VAIN_ERR_CORRUPT);
    uint8_t *after = bed_read_file(scene.path, &length);
    CU_ASSERT_EQUAL_FATAL(length, bytes);
    CU_ASSERT_EQUAL(memcmp(after, image, bytes), 0);
    vain_release(after);
    CU_ASSERT_EQUAL(start_at(&scene, scene.hashes[0]), 0);
    CU_ASSERT_TRUE_FATAL(take_discarded(&scene, &content, &length));
    CU_ASSERT_EQUAL_FATAL(length, bytes - scene.bytes[0]);
    CU_ASSERT_EQUAL(memcmp(content, image + scene.bytes[0], length), 0);
    vain_release(content);
    vain_release(image);
    append(&scene, 1);
    CU_ASSERT_EQUAL(verified(&scene).records, 2);
    close_scene(&scene);
}

/* The cost of an append does not depend on what lies before: it reads nothing of it and takes no
 * memory. So it would not see damage there, but it does see that the length is another. */
static void test_an_append_looks_at_the_length_only(void)
{
    struct scene scene;
    make_frames(&scene);
    append(&scene, 0);
    append(&scene, 1);
    size_t bytes;
    uint8_t *image = bed_read_file(scene.path, &bytes);
    memset(image, 0xff, bytes);
    bed_write_file(scene.path, image, bytes);
    const int64_t held = vain_memory_bytes();
    append(&scene, 2);
    CU_ASSERT_EQUAL(vain_memory_bytes(), held);
    add_raw(&scene, "x", 1);
    BED_FAILS(vain_record_file_append(scene.file, scene.frames[3], scene.bytes[3]),
              VAIN_ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "something else wrote to it"));
    remove(scene.path);
    BED_FAILS(vain_record_file_append(scene.file, scene.frames[3], scene.bytes[3]),
              VAIN_ERR_CORRUPT);
    CU_ASSERT_FALSE(bed_exists(scene.path));
    vain_release(image);
    close_scene(&scene);
}

/* Put frames into the file as they are. */
static void write_frames(const struct scene *scene, const int *order, int count)
{
    FILE *file = fopen(scene->path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    for (int i = 0; i < count; i++)
        CU_ASSERT_EQUAL(fwrite(scene->frames[order[i]], 1, scene->bytes[order[i]], file),
                        scene->bytes[order[i]]);
    fclose(file);
}

static void test_broken_chains_are_named(void)
{
    struct scene scene;
    make_frames(&scene);
    struct vain_record_summary summary;
    write_frames(&scene, (const int[]){0, 2, 1, 3}, 4);
    BED_FAILS(vain_record_file_verify(scene.path, &summary, NULL, NULL), VAIN_ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "record 2 (round 3): it does not link"));
    CU_ASSERT_EQUAL(summary.records, 1);
    write_frames(&scene, (const int[]){0, 1, 3}, 3);
    BED_FAILS(vain_record_file_verify(scene.path, &summary, NULL, NULL), VAIN_ERR_CORRUPT);
    write_frames(&scene, (const int[]){0, 1, 1}, 3);
    BED_FAILS(vain_record_file_verify(scene.path, &summary, NULL, NULL), VAIN_ERR_CORRUPT);
    /* From the middle on it is a chain that continues another. */
    write_frames(&scene, (const int[]){2, 3}, 2);
    BED_OK(vain_record_file_verify(scene.path, &summary, NULL, NULL));
    CU_ASSERT_EQUAL(memcmp(summary.before, scene.hashes[1], VAIN_HASH_BYTES), 0);
    /* A signature that is not one; a bit anywhere. */
    scene.frames[1][scene.bytes[1] - 1] ^= 1;
    write_frames(&scene, (const int[]){0, 1, 2}, 3);
    BED_FAILS(vain_record_file_verify(scene.path, &summary, NULL, NULL), VAIN_ERR_AUTH);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "record 2 at byte"));
    scene.frames[1][scene.bytes[1] - 1] ^= 1;
    for (size_t i = 0; i < scene.bytes[1]; i += 3) {
        scene.frames[1][i] ^= 0x04;
        write_frames(&scene, (const int[]){0, 1, 2}, 3);
        const enum vain_status status = vain_record_file_verify(scene.path, &summary, NULL, NULL);
        CU_ASSERT_TRUE(status < 0 || summary.torn_tail);
        scene.frames[1][i] ^= 0x04;
    }
    close_scene(&scene);
}

/* Links that are right in their hash but not in what they say. */
static void test_unlikely_links_are_named(void)
{
    struct scene scene;
    make_frames(&scene);
    append(&scene, 0);
    uint8_t frame[CHAIN_FRAME_BYTES];
    size_t bytes;
    BED_OK(chain_frame(&scene.maker, 3, scene.hashes[0], 2, frame, &bytes));
    BED_FAILS(vain_record_file_append(scene.file, frame, bytes), VAIN_ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "other parameters"));
    BED_OK(chain_frame(&scene.maker, 1, scene.hashes[0], 2, frame, &bytes));
    BED_FAILS(vain_record_file_append(scene.file, frame, bytes), VAIN_ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "not later"));
    CU_ASSERT_EQUAL(verified(&scene).records, 1);
    close_scene(&scene);
}

/* On their own hosts members may be lost before they sign; one honest one must have signed. */
static void test_members_that_come_and_go_may_be_absent(void)
{
    struct scene scene;
    uint8_t frame[CHAIN_FRAME_BYTES];
    size_t bytes;
    make_frames(&scene);
    scene.maker.epoch = 1;
    memset(scene.maker.head, 0, sizeof scene.maker.head);
    for (int signers = 2; signers >= 0; signers--) {
        uint8_t head[VAIN_HASH_BYTES];
        memcpy(head, scene.maker.head, sizeof head);
        BED_OK(chain_frame(&scene.maker, (uint64_t)(3 - signers), head, signers, frame, &bytes));
        BED_OK(vain_record_file_append(scene.file, frame, bytes));
    }
    const struct vain_record_summary summary = verified(&scene);
    CU_ASSERT_EQUAL(summary.records, 3);
    CU_ASSERT_EQUAL(summary.absent_signatures, 1);
    CU_ASSERT_EQUAL(summary.missing_signatures, 2);
    close_scene(&scene);
}

static void test_wrong_appends_change_nothing(void)
{
    struct scene scene;
    make_frames(&scene);
    append(&scene, 0);
    BED_FAILS(vain_record_file_append(scene.file, scene.frames[2], scene.bytes[2]),
              VAIN_ERR_CORRUPT);
    BED_FAILS(vain_record_file_append(scene.file, scene.frames[0], scene.bytes[0]),
              VAIN_ERR_CORRUPT);
    BED_FAILS(vain_record_file_append(scene.file, scene.frames[1], scene.bytes[1] - 1),
              VAIN_ERR_CORRUPT);
    BED_FAILS(vain_record_file_append(scene.file, scene.frames[1], 0), VAIN_ERR_CORRUPT);
    scene.frames[1][scene.bytes[1] - 1] ^= 1;
    BED_FAILS(vain_record_file_append(scene.file, scene.frames[1], scene.bytes[1]), VAIN_ERR_AUTH);
    struct vain_record_file *nowhere;
    BED_OK(vain_record_file_open("/nowhere", vain_world_real(), &nowhere));
    BED_OK(vain_record_file_rewind(nowhere, zeros, NULL));
    BED_FAILS(vain_record_file_append(nowhere, scene.frames[0], scene.bytes[0]), VAIN_ERR_STORAGE);
    vain_record_file_close(&nowhere);
    CU_ASSERT_PTR_NULL(nowhere);
    CU_ASSERT_EQUAL(verified(&scene).records, 1);
    struct vain_record_summary summary;
    BED_FAILS(vain_record_file_verify("/nowhere/record.bin", &summary, NULL, NULL),
              VAIN_ERR_NOT_FOUND);
    BED_FAILS(vain_record_file_verify(scene.folder, &summary, NULL, NULL), VAIN_ERR_CORRUPT);
    close_scene(&scene);
}

static void test_lengths_without_bounds(void)
{
    struct scene scene;
    make_frames(&scene);
    append(&scene, 0);
    static const uint8_t heads[][16] = {
        {'V', 'A', 'I', 'N', 'R', 'E', 'C', '1', 0xff, 0xff, 0xff, 0xff},
        {'V', 'A', 'I', 'N', 'R', 'E', 'C', '1', 2, 0, 0, 0, 0, 0, 0xff, 0xff},
        {'V', 'A', 'I', 'N', 'R', 'E', 'C', '2', 0, 0, 0, 0},
        {'V', 'A', 'I', 'N', 'R', 'E', 'C', '1', 0, 0, 0, 0, 0, 0, 0, 0},
    };
    struct vain_record_summary summary;
    for (size_t i = 0; i < VAIN_COUNT_OF(heads); i++) {
        FILE *file = fopen(scene.path, "wb");
        CU_ASSERT_EQUAL(fwrite(heads[i], 1, sizeof heads[i], file), sizeof heads[i]);
        fclose(file);
        BED_FAILS(vain_record_file_verify(scene.path, &summary, NULL, NULL), VAIN_ERR_CORRUPT);
        start_fails(&scene, scene.hashes[0], VAIN_ERR_CORRUPT);
    }
    close_scene(&scene);
}

static void test_rewind(void)
{
    struct scene scene;
    open_scene(&scene);
    int64_t last_round;
    size_t bytes;
    CU_ASSERT_EQUAL(start_at(&scene, scene.hashes[3]), 0);
    CU_ASSERT_EQUAL(bed_count_files(scene.folder), 2);
    CU_ASSERT_EQUAL(start_at(&scene, scene.hashes[1]), 2);
    CU_ASSERT_TRUE(find_discarded(&scene, &bytes));
    CU_ASSERT_EQUAL(bytes, scene.bytes[2] + scene.bytes[3]);
    CU_ASSERT_EQUAL(verified(&scene).records, 2);
    CU_ASSERT_EQUAL(count_lines(&scene, &last_round), 2);
    CU_ASSERT_EQUAL(last_round, 2);
    append(&scene, 2);
    CU_ASSERT_EQUAL(verified(&scene).records, 3);
    CU_ASSERT_EQUAL(count_lines(&scene, &last_round), 3);
    start_fails(&scene, scene.hashes[3], VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(verified(&scene).records, 3);
    BED_OK(vain_record_file_rewind(scene.file, zeros, NULL));
    CU_ASSERT_EQUAL(verified(&scene).records, 0);
    CU_ASSERT_EQUAL(count_lines(&scene, &last_round), 0);
    CU_ASSERT_TRUE(find_discarded(&scene, &bytes));
    append(&scene, 0);
    CU_ASSERT_EQUAL(verified(&scene).records, 1);
    close_scene(&scene);
}

/* Records that continue a chain of another folder: back to where they began, and on from there. */
static void test_rewind_to_what_the_first_record_links_to(void)
{
    struct scene scene;
    make_frames(&scene);
    start_at(&scene, scene.hashes[1]);
    append(&scene, 2);
    append(&scene, 3);
    start_fails(&scene, scene.hashes[0], VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(start_at(&scene, scene.hashes[2]), 1);
    CU_ASSERT_EQUAL(start_at(&scene, scene.hashes[1]), 1);
    CU_ASSERT_EQUAL(verified(&scene).records, 0);
    append(&scene, 2);
    CU_ASSERT_EQUAL(verified(&scene).records, 1);
    close_scene(&scene);
}

/* A tail that a crash cut, or worse, after the record that the checkpoint ends with. */
static void test_rewind_sets_a_bad_tail_aside(void)
{
    struct scene scene;
    make_frames(&scene);
    for (int i = 0; i < 3; i++) {
        remove(scene.path);
        start_at(&scene, zeros);
        append(&scene, 0);
        append(&scene, 1);
        FILE *file = fopen(scene.path, "ab");
        if (i == 0)
            fwrite(scene.frames[2], 1, scene.bytes[2] - 10, file);
        else if (i == 1)
            fwrite("no record at all", 1, 16, file);
        else
            fwrite(scene.frames[3], 1, scene.bytes[3], file); /* whole, but not linked */
        fclose(file);
        size_t bytes;
        CU_ASSERT_EQUAL(start_at(&scene, scene.hashes[1]), i == 2 ? 1 : 0);
        CU_ASSERT_TRUE(find_discarded(&scene, &bytes));
        CU_ASSERT_EQUAL(verified(&scene).records, 2);
        CU_ASSERT_FALSE(verified(&scene).torn_tail);
        append(&scene, 2);
    }
    close_scene(&scene);
}

/* record.jsonl is only a view: half a line of it is mended by rewinding to where one is. */
static void test_rewind_rewrites_the_lines(void)
{
    struct scene scene;
    open_scene(&scene);
    bed_write_file(scene.lines, "{\"round\":1,\"ha", 14);
    start_at(&scene, scene.hashes[3]);
    int64_t last_round;
    CU_ASSERT_EQUAL(count_lines(&scene, &last_round), RECORDS);
    close_scene(&scene);
}

static void test_rewind_without_a_file(void)
{
    char folder[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    int64_t discarded = 1;
    const uint8_t head[VAIN_HASH_BYTES] = {1};
    struct vain_record_file *file;
    BED_OK(vain_record_file_open(folder, vain_world_real(), &file));
    BED_OK(vain_record_file_rewind(file, zeros, &discarded));
    BED_OK(vain_record_file_rewind(file, head, &discarded));
    CU_ASSERT_EQUAL(discarded, 0);
    vain_record_file_close(&file);
    CU_ASSERT_EQUAL(bed_count_files(folder), 0);
    bed_remove_folder(folder);
}

static const struct vain_test tests[] = {
    {"appended records verify", test_append_and_verify},
    {"the file is the frames, the line says what they say", test_bytes_and_line},
    {"a torn tail is set aside by the next start", test_torn_tail_is_set_aside_by_the_next_start},
    {"zeros at the end are a torn tail", test_zeros_at_the_end_are_a_torn_tail},
    {"a torn look in the middle loses nothing", test_a_torn_look_in_the_middle_loses_nothing},
    {"an append looks at the length only", test_an_append_looks_at_the_length_only},
    {"broken chains are named", test_broken_chains_are_named},
    {"links that say something unlikely are named", test_unlikely_links_are_named},
    {"members that come and go may be absent", test_members_that_come_and_go_may_be_absent},
    {"wrong appends change nothing", test_wrong_appends_change_nothing},
    {"lengths are bounded", test_lengths_without_bounds},
    {"rewinding sets later records aside", test_rewind},
    {"rewinding to what the first record links to", test_rewind_to_what_the_first_record_links_to},
    {"rewinding sets a bad tail aside", test_rewind_sets_a_bad_tail_aside},
    {"rewinding rewrites the lines", test_rewind_rewrites_the_lines},
    {"rewinding where there is no record", test_rewind_without_a_file},
    {NULL, NULL},
};
const struct vain_suite vain_suite_record_file = {"store/record_file", tests};
