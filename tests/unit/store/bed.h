/* What the suites of the store share: a folder of their own, a small checkpoint whose every value
 * is known, files as bytes. */
#pragma once

#include "jobs/store/checkpoint.h"
#include "jobs/store/member.h"

#include <CUnit/CUnit.h>

#include <hdf5.h>

/* A fresh folder, removed with all that is in it by bed_remove_folder. */
void bed_make_folder(char folder[VAIN_PATH_BYTES]);
void bed_remove_folder(const char *folder);
void bed_join(const char *folder, const char *name, char out[VAIN_PATH_BYTES]);
/* Names in the folder, "." and ".." aside. */
int bed_count_files(const char *folder);
bool bed_exists(const char *path);

/* Content of a file; gives the bytes (vain_release). */
uint8_t *bed_read_file(const char *path, size_t *bytes);
void bed_write_file(const char *path, const void *data, size_t bytes);

enum {
    BED_SLICES = 5,
    BED_PARAMETERS = 3 * 4 + 3 + 2 * 3 * 2 * 2 + 7 + 1,
    BED_MEMBERS = 2,
    BED_SYMBOLS = 3,
    BED_POINTS = 3
};
struct bed_checkpoint {
    struct vain_checkpoint content;
    struct vain_store_slice slices[BED_SLICES];
    float parameters[BED_PARAMETERS], momentum[BED_PARAMETERS];
    struct vain_record_member members[BED_MEMBERS];
    uint32_t symbols[BED_SYMBOLS];
    struct vain_curve_point curve[BED_POINTS];
};
/* Slices "tokens.weight" (3, 4), "blocks.0.norm.gain" (3), "blocks.0.filter" (2, 3, 2, 2),
 * "blocks.1.norm.gain" (7), "head_bias" (1). Round 7, step 140, with momentum; parameters_hash is
 * right. */
void bed_make_checkpoint(struct bed_checkpoint *out);
/* Asserts that both hold the same, field by field, vectors aside. */
void bed_assert_equal_content(const struct vain_checkpoint *a, const struct vain_checkpoint *b);

/* An edit of a file by HDF5's own means, to make files that we would never write. */
typedef void (*bed_edit)(hid_t file);
void bed_edit_file(const char *path, bed_edit edit);
/* Delete `attribute` of `object` and write another in its place. */
void bed_set_integer(hid_t file, const char *object, const char *attribute, int64_t value);
void bed_set_text(hid_t file, const char *object, const char *attribute, const char *text);
void bed_delete_attribute(hid_t file, const char *object, const char *attribute);
void bed_delete_link(hid_t file, const char *path);
/* A contiguous dataset in place of the one at `path`. */
void bed_set_dataset(hid_t file, const char *path, hid_t type, int rank, const hsize_t *shape,
                     const void *data);

#define BED_FAILS(call, expected)                                                                  \
    do {                                                                                           \
        vain_fail_clear();                                                                         \
        const enum vain_status bed_status_ = (call);                                               \
        if (bed_status_ != (expected))                                                             \
            printf("\n    %s gave %s (%s)\n", #call, vain_status_name(bed_status_),                \
                   vain_fail_message());                                                           \
        CU_ASSERT_EQUAL(bed_status_, (expected));                                                  \
        CU_ASSERT(strlen(vain_fail_message()) > 0);                                                \
    } while (0)
#define BED_OK(call)                                                                               \
    do {                                                                                           \
        const enum vain_status bed_status_ = (call);                                               \
        if (bed_status_ != VAIN_OK)                                                                \
            printf("\n    %s: %s\n", #call, vain_fail_message());                                  \
        CU_ASSERT_EQUAL_FATAL(bed_status_, VAIN_OK);                                               \
    } while (0)
