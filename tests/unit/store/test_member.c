#include "jobs/store/member.h"

#include "tests/unit/store/bed.h"
#include "tests/unit/suite.h"

#include "base/memory.h"
#include "cmd/world.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { N = 37 };

struct sample {
    struct vain_member_state state;
    float vectors[4][N];
};

static void make_sample(struct sample *out, int64_t step_in_round)
{
    memset(out, 0, sizeof *out);
    for (int v = 0; v < 4; v++) {
        for (int i = 0; i < N; i++)
            out->vectors[v][i] = (float)(100 * v + i) * 0.5f;
    }
    out->state = (struct vain_member_state){
        .name = "alice",
        .round = 3,
        .step_in_round = step_in_round,
        .optimiser_step = 67,
        .data_position = 71,
        .promises = 5,
        .dropped_inputs = 2,
        .loss_sum = 12.0625,
        .parameter_count = N,
        .memory_count = 2,
        .memories = {{"moment1", "first moment", out->vectors[0], N},
                     {"moment2", "second moment", out->vectors[1], N}},
        .residual = out->vectors[2],
        .parameters = out->vectors[3],
    };
    for (int i = 0; i < 16; i++)
        out->state.run_id[i] = (uint8_t)(i * 3);
    for (int i = 0; i < VAIN_HASH_BYTES; i++)
        out->state.parameters_hash[i] = (uint8_t)(i * 5);
}

static void assert_equal_scalars(const struct vain_member_state *a,
                                 const struct vain_member_state *b)
{
    CU_ASSERT_STRING_EQUAL(a->name, b->name);
    CU_ASSERT_EQUAL(memcmp(a->run_id, b->run_id, sizeof a->run_id), 0);
    CU_ASSERT_EQUAL(memcmp(a->parameters_hash, b->parameters_hash, VAIN_HASH_BYTES), 0);
    CU_ASSERT_EQUAL(a->round, b->round);
    CU_ASSERT_EQUAL(a->step_in_round, b->step_in_round);
    CU_ASSERT_EQUAL(a->optimiser_step, b->optimiser_step);
    CU_ASSERT_EQUAL(a->data_position, b->data_position);
    CU_ASSERT_EQUAL(a->promises, b->promises);
    CU_ASSERT_EQUAL(a->dropped_inputs, b->dropped_inputs);
    CU_ASSERT_EQUAL(a->loss_sum, b->loss_sum);
    CU_ASSERT_EQUAL(a->parameter_count, b->parameter_count);
}

static void clear_vectors(struct sample *sample)
{
    memset(sample->vectors, 0, sizeof sample->vectors);
}

static void round_trip(int64_t step_in_round)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct sample wrote, read;
    make_sample(&wrote, step_in_round);
    make_sample(&read, 0);
    const mode_t before = umask(0);
    BED_OK(vain_member_write(&wrote.state, folder, vain_world_real()));
    umask(before);
    vain_member_path(folder, "alice", 3, path, sizeof path);
    struct stat about;
    CU_ASSERT_EQUAL(stat(path, &about), 0);
    CU_ASSERT_EQUAL(about.st_mode & 07777, 0600);
    CU_ASSERT_EQUAL(bed_count_files(folder), 1);

    struct vain_member_state peeked;
    BED_OK(vain_member_peek(path, &peeked));
    assert_equal_scalars(&peeked, &wrote.state);
    CU_ASSERT_EQUAL(peeked.memory_count, 0);
    clear_vectors(&read);
    memset(read.state.name, 0, sizeof read.state.name);
    BED_OK(vain_member_read(path, NULL, &read.state));
    assert_equal_scalars(&read.state, &wrote.state);
    if (step_in_round == 0)
        memset(wrote.vectors[3], 0, sizeof wrote.vectors[3]);
    CU_ASSERT_EQUAL(memcmp(read.vectors, wrote.vectors, sizeof read.vectors), 0);
    CU_ASSERT_PTR_EQUAL(read.state.memories[0].values, read.vectors[0]);
    bed_remove_folder(folder);
}

static void test_round_trip(void)
{
    round_trip(0);
    round_trip(5);
}

static void test_equal_inputs_give_equal_files(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    uint8_t *images[2];
    size_t bytes[2];
    vain_member_path(folder, "alice", 3, path, sizeof path);
    for (int i = 0; i < 2; i++) {
        struct sample sample;
        make_sample(&sample, 4);
        BED_OK(vain_member_write(&sample.state, folder, vain_world_real()));
        images[i] = bed_read_file(path, &bytes[i]);
    }
    CU_ASSERT_EQUAL_FATAL(bytes[0], bytes[1]);
    CU_ASSERT_EQUAL(memcmp(images[0], images[1], bytes[0]), 0);
    vain_release(images[0]);
    vain_release(images[1]);
    bed_remove_folder(folder);
}

static void test_damage_is_noticed(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct sample sample, read;
    make_sample(&sample, 5);
    BED_OK(vain_member_write(&sample.state, folder, vain_world_real()));
    vain_member_path(folder, "alice", 3, path, sizeof path);
    size_t bytes;
    uint8_t *image = bed_read_file(path, &bytes);
    size_t refused = 0;
    for (size_t i = 0; i < bytes; i += 7) {
        image[i] ^= (uint8_t)(1u << (i % 8));
        bed_write_file(path, image, bytes);
        make_sample(&read, 0);
        clear_vectors(&read);
        const enum vain_status status = vain_member_read(path, NULL, &read.state);
        if (status == VAIN_OK) {
            assert_equal_scalars(&read.state, &sample.state);
            CU_ASSERT_EQUAL(memcmp(read.vectors, sample.vectors, sizeof read.vectors), 0);
        } else {
            CU_ASSERT_EQUAL(status, VAIN_ERR_CORRUPT);
            refused++;
        }
        image[i] ^= (uint8_t)(1u << (i % 8));
    }
    CU_ASSERT(refused > bytes / 7 / 4);
    for (size_t length = 0; length < bytes; length += 499) {
        bed_write_file(path, image, length);
        BED_FAILS(vain_member_peek(path, &read.state), VAIN_ERR_CORRUPT);
        CU_ASSERT_EQUAL(read.state.round, 0);
    }
    vain_release(image);
    bed_remove_folder(folder);
}

static void of_another_kind(hid_t file)
{
    bed_set_text(file, "/", "file_type", "vain-checkpoint");
}
static void of_another_round(hid_t file)
{
    bed_set_integer(file, "/", "round", 4);
}
static void with_fewer_parameters(hid_t file)
{
    bed_set_integer(file, "/", "parameter_count", N - 1);
}
static void without_residual(hid_t file)
{
    bed_delete_link(file, "/residual");
}
static void loss_is_an_integer(hid_t file)
{
    bed_set_integer(file, "/", "loss_sum", 12);
}
static void moment_without_root(hid_t file)
{
    bed_delete_attribute(file, "/memory/moment2", "blake2b_root");
}
static void not_complete(hid_t file)
{
    bed_delete_link(file, "/complete");
}
static void content_is_a_group(hid_t file)
{
    bed_delete_link(file, "/integrity/content");
    H5Gclose(H5Gcreate2(file, "/integrity/content", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

static void test_foreign_files_are_refused(void)
{
    static const bed_edit edits[] = {of_another_kind,  of_another_round,   with_fewer_parameters,
                                     without_residual, loss_is_an_integer, moment_without_root,
                                     not_complete,     content_is_a_group};
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    vain_member_path(folder, "alice", 3, path, sizeof path);
    for (size_t i = 0; i < VAIN_COUNT_OF(edits); i++) {
        struct sample sample;
        make_sample(&sample, 0);
        BED_OK(vain_member_write(&sample.state, folder, vain_world_real()));
        bed_edit_file(path, edits[i]);
        BED_FAILS(vain_member_read(path, NULL, &sample.state), VAIN_ERR_CORRUPT);
        BED_FAILS(vain_member_peek(path, &sample.state), VAIN_ERR_CORRUPT);
    }
    bed_remove_folder(folder);
}

/* A vector that is shorter than the file says, with everything else right. */
static void shorter_moment(hid_t file)
{
    const hid_t dataset = H5Dopen2(file, "/memory/moment1", H5P_DEFAULT);
    char root[65];
    const hid_t attribute = H5Aopen(dataset, "blake2b_root", H5P_DEFAULT);
    const hid_t type = H5Aget_type(attribute);
    H5Aread(attribute, type, root);
    H5Aclose(attribute);
    H5Dclose(dataset);
    const hsize_t size = N - 1;
    const float values[N] = {0};
    bed_set_dataset(file, "/memory/moment1", H5T_IEEE_F32LE, 1, &size, values);
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t again = H5Acreate_by_name(file, "/memory/moment1", "blake2b_root", type, space,
                                          H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(again, type, root);
    H5Aclose(again);
    H5Sclose(space);
    H5Tclose(type);
}

static void test_what_does_not_fit_is_refused(void)
{
    char folder[VAIN_PATH_BYTES], path[VAIN_PATH_BYTES];
    bed_make_folder(folder);
    struct sample sample;
    make_sample(&sample, 5);
    BED_OK(vain_member_write(&sample.state, folder, vain_world_real()));
    vain_member_path(folder, "alice", 3, path, sizeof path);
    sample.state.parameter_count = N + 1;
    BED_FAILS(vain_member_read(path, NULL, &sample.state), VAIN_ERR_CORRUPT);
    make_sample(&sample, 5);
    sample.state.parameters = NULL;
    BED_FAILS(vain_member_read(path, NULL, &sample.state), VAIN_ERR_INPUT);
    make_sample(&sample, 5);
    bed_edit_file(path, shorter_moment);
    BED_FAILS(vain_member_read(path, NULL, &sample.state), VAIN_ERR_CORRUPT);
    vain_member_path(folder, "bob", 3, path, sizeof path);
    BED_FAILS(vain_member_read(path, NULL, &sample.state), VAIN_ERR_NOT_FOUND);
    BED_FAILS(vain_member_peek(path, &sample.state), VAIN_ERR_NOT_FOUND);
    make_sample(&sample, 5);
    BED_FAILS(vain_member_write(&sample.state, "/nowhere", vain_world_real()), VAIN_ERR_STORAGE);
    bed_remove_folder(folder);
}

static const struct vain_test tests[] = {
    {"what was written is what is read, and private", test_round_trip},
    {"equal inputs give equal files", test_equal_inputs_give_equal_files},
    {"damage is noticed or does not matter", test_damage_is_noticed},
    {"foreign files are refused", test_foreign_files_are_refused},
    {"what does not fit is refused", test_what_does_not_fit_is_refused},
    {NULL, NULL},
};
const struct vain_suite vain_suite_member = {"store/member", tests};
