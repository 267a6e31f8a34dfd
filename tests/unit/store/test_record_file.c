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
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES], lines[VAIN_PATH_BYTES];
    uint8_t frames[RECORDS][CHAIN_FRAME_BYTES];
    size_t bytes[RECORDS];
    uint8_t hashes[RECORDS][VAIN_HASH_BYTES];
};

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
}

static void append(struct scene *scene, int index)
{
    BED_OK(vain_record_file_append(scene->folder, vain_world_real(), scene->frames[index],
                                   scene->bytes[index]));
}

static void open_scene(struct scene *scene)
{
    make_frames(scene);
    for (int i = 0; i < RECORDS; i++)
        append(scene, i);
}

static void close_scene(struct scene *scene)
{
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

/* A crash at any byte of the last append: noticed, and mended by the next one. */
static void test_torn_tail_is_cut_by_the_next_append(void)
{
    struct scene scene;
    make_frames(&scene);
    for (size_t torn = 1; torn < scene.bytes[2]; torn += torn < 16 ? 1 : 61) {
        remove(scene.path);
        remove(scene.lines);
        append(&scene, 0);
        append(&scene, 1);
        FILE *file = fopen(scene.path, "ab");
        CU_ASSERT_EQUAL(fwrite(scene.frames[2], 1, torn, file), torn);
        fclose(file);
        struct vain_record_summary summary = verified(&scene);
        CU_ASSERT_TRUE(summary.torn_tail);
        CU_ASSERT_EQUAL(summary.records, 2);
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
    FILE *file = fopen(scene.path, "ab");
    CU_ASSERT_EQUAL(fwrite(room, 1, sizeof room, file), sizeof room);
    fclose(file);
    CU_ASSERT_TRUE(verified(&scene).torn_tail);
    append(&scene, 1);
    CU_ASSERT_FALSE(verified(&scene).torn_tail);
    CU_ASSERT_EQUAL(verified(&scene).records, 2);
    /* Zeros and then something are no torn tail. */
    file = fopen(scene.path, "ab");
    CU_ASSERT_EQUAL(fwrite(room, 1, sizeof room, file), sizeof room);
    CU_ASSERT_EQUAL(fwrite("x", 1, 1, file), 1);
    fclose(file);
    struct vain_record_summary summary;
    BED_FAILS(vain_record_file_verify(scene.path, &summary, NULL, NULL), VAIN_ERR_CORRUPT);
    BED_FAILS(
        vain_record_file_append(scene.folder, vain_world_real(), scene.frames[2], scene.bytes[2]),
        VAIN_ERR_CORRUPT);
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
    BED_FAILS(vain_record_file_append(scene.folder, vain_world_real(), frame, bytes),
              VAIN_ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "other parameters"));
    BED_OK(chain_frame(&scene.maker, 1, scene.hashes[0], 2, frame, &bytes));
    BED_FAILS(vain_record_file_append(scene.folder, vain_world_real(), frame, bytes),
              VAIN_ERR_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "not later"));
    CU_ASSERT_EQUAL(verified(&scene).records, 1);
    close_scene(&scene);
}

static void test_wrong_appends_change_nothing(void)
{
    struct scene scene;
    make_frames(&scene);
    append(&scene, 0);
    struct vain_world *world = vain_world_real();
    BED_FAILS(vain_record_file_append(scene.folder, world, scene.frames[2], scene.bytes[2]),
              VAIN_ERR_CORRUPT);
    BED_FAILS(vain_record_file_append(scene.folder, world, scene.frames[0], scene.bytes[0]),
              VAIN_ERR_CORRUPT);
    BED_FAILS(vain_record_file_append(scene.folder, world, scene.frames[1], scene.bytes[1] - 1),
              VAIN_ERR_CORRUPT);
    BED_FAILS(vain_record_file_append(scene.folder, world, scene.frames[1], 0), VAIN_ERR_CORRUPT);
    scene.frames[1][scene.bytes[1] - 1] ^= 1;
    BED_FAILS(vain_record_file_append(scene.folder, world, scene.frames[1], scene.bytes[1]),
              VAIN_ERR_AUTH);
    BED_FAILS(vain_record_file_append("/nowhere", world, scene.frames[0], scene.bytes[0]),
              VAIN_ERR_STORAGE);
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
        BED_FAILS(vain_record_file_append(scene.folder, vain_world_real(), scene.frames[0],
                                          scene.bytes[0]),
                  VAIN_ERR_CORRUPT);
    }
    close_scene(&scene);
}

/* Name of the file that rewinding set aside; false if there is none. */
static bool find_discarded(const struct scene *scene, size_t *bytes)
{
    char path[VAIN_PATH_BYTES];
    *bytes = 0;
    /* One file beside record.bin and record.jsonl. */
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
    vain_release(bed_read_file(path, bytes));
    remove(path);
    return true;
}

static void test_rewind(void)
{
    struct scene scene;
    open_scene(&scene);
    struct vain_world *world = vain_world_real();
    int64_t discarded, last_round;
    size_t bytes;
    BED_OK(vain_record_file_rewind(scene.folder, world, scene.hashes[3], &discarded));
    CU_ASSERT_EQUAL(discarded, 0);
    CU_ASSERT_EQUAL(bed_count_files(scene.folder), 2);
    BED_OK(vain_record_file_rewind(scene.folder, world, scene.hashes[1], &discarded));
    CU_ASSERT_EQUAL(discarded, 2);
    CU_ASSERT_TRUE(find_discarded(&scene, &bytes));
    CU_ASSERT_EQUAL(bytes, scene.bytes[2] + scene.bytes[3]);
    CU_ASSERT_EQUAL(verified(&scene).records, 2);
    CU_ASSERT_EQUAL(count_lines(&scene, &last_round), 2);
    CU_ASSERT_EQUAL(last_round, 2);
    append(&scene, 2);
    CU_ASSERT_EQUAL(verified(&scene).records, 3);
    CU_ASSERT_EQUAL(count_lines(&scene, &last_round), 3);
    BED_FAILS(vain_record_file_rewind(scene.folder, world, scene.hashes[3], &discarded),
              VAIN_ERR_CORRUPT);
    CU_ASSERT_EQUAL(verified(&scene).records, 3);
    BED_OK(vain_record_file_rewind(scene.folder, world, zeros, NULL));
    CU_ASSERT_EQUAL(verified(&scene).records, 0);
    CU_ASSERT_EQUAL(count_lines(&scene, &last_round), 0);
    CU_ASSERT_TRUE(find_discarded(&scene, &bytes));
    append(&scene, 0);
    CU_ASSERT_EQUAL(verified(&scene).records, 1);
    close_scene(&scene);
}

/* A tail that a crash cut, or worse, after the record that the checkpoint ends with. */
static void test_rewind_sets_a_bad_tail_aside(void)
{
    struct scene scene;
    make_frames(&scene);
    struct vain_world *world = vain_world_real();
    for (int i = 0; i < 3; i++) {
        remove(scene.path);
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
        int64_t discarded;
        size_t bytes;
        BED_OK(vain_record_file_rewind(scene.folder, world, scene.hashes[1], &discarded));
        CU_ASSERT_EQUAL(discarded, i == 2 ? 1 : 0);
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
    BED_OK(vain_record_file_rewind(scene.folder, vain_world_real(), scene.hashes[3], NULL));
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
    BED_OK(vain_record_file_rewind(folder, vain_world_real(), zeros, &discarded));
    BED_OK(vain_record_file_rewind(folder, vain_world_real(), head, &discarded));
    CU_ASSERT_EQUAL(discarded, 0);
    CU_ASSERT_EQUAL(bed_count_files(folder), 0);
    bed_remove_folder(folder);
}

static const struct vain_test tests[] = {
    {"appended records verify", test_append_and_verify},
    {"the file is the frames, the line says what they say", test_bytes_and_line},
    {"a torn tail is cut off by the next append", test_torn_tail_is_cut_by_the_next_append},
    {"zeros at the end are a torn tail", test_zeros_at_the_end_are_a_torn_tail},
    {"broken chains are named", test_broken_chains_are_named},
    {"links that say something unlikely are named", test_unlikely_links_are_named},
    {"wrong appends change nothing", test_wrong_appends_change_nothing},
    {"lengths are bounded", test_lengths_without_bounds},
    {"rewinding sets later records aside", test_rewind},
    {"rewinding sets a bad tail aside", test_rewind_sets_a_bad_tail_aside},
    {"rewinding rewrites the lines", test_rewind_rewrites_the_lines},
    {"rewinding where there is no record", test_rewind_without_a_file},
    {NULL, NULL},
};
const struct vain_suite vain_suite_record_file = {"store/record_file", tests};
