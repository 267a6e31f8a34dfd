/* What a job trains on, of whatever kind: the one that the spec names, opened for one member.
 *
 * A method asks for the kind that it can work with and reads that part; the rest of a run sees only
 * what is common to all kinds: how many symbols or classes there are, and a hash that members
 * compare before the first round. Local; blocks on nothing but the disk. */
#pragma once

#include "jobs/data/corpus.h"
#include "jobs/data/episode_data.h"
#include "jobs/data/image_data.h"
#include "jobs/data/sentence_data.h"

struct vain_data {
    enum vain_data_kind kind;
    struct vain_corpus corpus;           /* TEXT */
    struct vain_image_data images;       /* IMAGES */
    struct vain_episode_data episodes;   /* EPISODES */
    struct vain_sentence_data sentences; /* SENTENCES */

    /* Common to all kinds; borrowed from the part above. */
    int64_t symbol_count;       /* symbols, or classes */
    const uint32_t *vocabulary; /* (symbol_count) of bytes and characters, else NULL */
    const char *words; /* (symbol_count, VAIN_WORD_BYTES) names of words, NUL-padded, else NULL */
    const char *symbol_kind;  /* "bytes", "characters", "tokens", "words", "classes" */
    int64_t bytes;            /* of memory, or of the mapped file */
    int member, member_count; /* this member's place in the order of the names, and how many */
};

/* What a member needs to know of the group to find its part: see vain_corpus_open. */
struct vain_data_place {
    const char *spec_folder;
    const char *const *names; /* (name_count) of all members, in any order */
    int name_count;
    const char *own_name;
    int64_t context; /* tokens of a window */
    uint64_t seed;   /* of the job */
};

/* Open what `options` name. On failure `out` is empty and needs no close; messages say file, place,
 * numbers and the way out. Statuses of vain_corpus_open. */
enum vain_status vain_data_open(const struct vain_data_options *options,
                                const struct vain_data_place *place,
                                struct vain_data *out) VAIN_MUST_USE;
/* Data that are zero or closed are fine. */
void vain_data_close(struct vain_data *data);
/* The first symbol that means another thing in the data than it did to those who stored `symbols`
 * (symbol_count) or `words` (symbol_count, VAIN_WORD_BYTES), of which one or none is there: a
 * number below both counts, or the smaller count where one goes on; -1: they are the same. */
int64_t vain_data_first_difference(const struct vain_data *data, int64_t symbol_count,
                                   const uint32_t *symbols, const char *words);
/* Of all that members must have in common to train one model: symbols, or classes and shape. */
void vain_data_hash(const struct vain_data *data, uint8_t out[VAIN_MIN_LEN(32)]);
/* The common part of data that hold a corpus opened elsewhere, which is taken. */
void vain_data_of_corpus(const struct vain_corpus *corpus, struct vain_data *out);
