/* What a job spec may say about its data: keys data.*, and which of them names what is trained on.
 */
#pragma once

#include "base/limits.h"
#include "base/option.h"

enum vain_symbol_kind { VAIN_SYMBOLS_BYTES, VAIN_SYMBOLS_CHARACTERS };
enum vain_partition {
    VAIN_PARTITION_DISJOINT,
    VAIN_PARTITION_SHARED,
    VAIN_PARTITION_NAMED,
    VAIN_PARTITION_IID,
    VAIN_PARTITION_BY_LABEL,
    VAIN_PARTITION_DIRICHLET,
    VAIN_PARTITION_BY_GROUP
};

enum { VAIN_DATASET_NAME_BYTES = 128 };

/* Spec keys data.*; rows in vain_data_option_rows. */
struct vain_data_options {
    char text[VAIN_PATH_BYTES];   /* a text file; with partition `named` "{name}" stands for the
                                     member's name */
    char tokens[VAIN_PATH_BYTES]; /* a .bin file of uint16 */
    char images[VAIN_PATH_BYTES]; /* HDF5 file, or folder of idx files */
    char train_images[VAIN_DATASET_NAME_BYTES], train_labels[VAIN_DATASET_NAME_BYTES];
    char test_images[VAIN_DATASET_NAME_BYTES], test_labels[VAIN_DATASET_NAME_BYTES];
    int64_t classes; /* 0: 1 + largest label */

    char episodes[VAIN_PATH_BYTES]; /* classes with a few drawings each, for few-shot tasks */
    char episode_images[VAIN_DATASET_NAME_BYTES];
    char episode_order[VAIN_DATASET_NAME_BYTES], episode_groups[VAIN_DATASET_NAME_BYTES];
    int64_t train_classes; /* the first so many in that order */
    bool rotations;
    int64_t way, shot, query;

    char pairs[VAIN_PATH_BYTES]; /* labelled sentences in a TSV file */
    char train_split[VAIN_DATASET_NAME_BYTES], validation_split[VAIN_DATASET_NAME_BYTES];
    char test_split[VAIN_DATASET_NAME_BYTES];

    bool invert;
    double pixel_maximum;   /* the value that means 1; 0: 255 for bytes */
    double mean, deviation; /* of pixels, after the division */
    int64_t clients;        /* parts of labelled data; 0: one a member */
    double dirichlet_alpha;
    int symbols;        /* enum vain_symbol_kind */
    int64_t vocabulary; /* V of token files; 0: 1 + largest token */
    double validation;  /* share of the end of the file, 0.1 */
    int partition;      /* enum vain_partition */
};
extern const struct vain_option vain_data_option_rows[];
extern const int vain_data_option_count;

enum vain_data_kind { VAIN_DATA_TEXT, VAIN_DATA_IMAGES, VAIN_DATA_EPISODES, VAIN_DATA_SENTENCES };
/* A key that names what is trained on; a job gives exactly one of them. */
struct vain_data_source {
    const char *key, *path; /* "data.text"; "" if it is not given; borrowed */
    const char *what;       /* "a text file" */
    enum vain_data_kind kind;
};
enum { VAIN_DATA_SOURCES = 5 };
/* All of them, in the order in which help lists them. */
void vain_data_sources(const struct vain_data_options *options,
                       struct vain_data_source out[VAIN_DATA_SOURCES]);
/* The one that is given: VAIN_ERR_INPUT with the way out if there is none, or more than one. */
enum vain_status vain_data_source(const struct vain_data_options *options,
                                  struct vain_data_source *out) VAIN_MUST_USE;
