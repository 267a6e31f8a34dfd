/* record.bin: the run's signed, hash-chained round records, appended and durable; record.jsonl: its
 * view for people and scripts, rewritten from it at any time.
 *
 * A crash may leave the last frame cut short, or zeros where the disk had not yet put the data: a
 * torn tail. It was never acknowledged, so the rewind of the next start sets it aside; nothing is
 * ever thrown away. A handle is for the one process that writes. */
#pragma once

#include "base/record.h"
#include "base/world.h"

/* <folder>/record.bin; of a folder that is longer, what fits. */
void vain_record_path(const char *folder, char out[VAIN_MIN_LEN(VAIN_PATH_BYTES)]);

struct vain_record_file;
/* A handle on <folder>/record.bin and its view, with all memory that appends need; reads nothing
 * yet. Local. Gives it (vain_record_file_close). */
enum vain_status vain_record_file_open(const char *folder, struct vain_world *world,
                                       struct vain_record_file **out) VAIN_MUST_USE;
void vain_record_file_close(struct vain_record_file **file);
/* At every start, before the first append: make the record with hash `head` the last one (zeros:
 * none; or what the first one links to, which lies elsewhere). Later ones, and a torn tail, go to
 * record-discarded-<unix ms>.bin. `discarded` (may be NULL) counts them. Writes record.jsonl anew.
 * VAIN_ERR_CORRUPT if `head` is not there or does not verify up to it. Walks the file once. */
enum vain_status vain_record_file_rewind(struct vain_record_file *file,
                                         const uint8_t head[VAIN_MIN_LEN(VAIN_HASH_BYTES)],
                                         int64_t *discarded) VAIN_MUST_USE;
/* Append one frame to record.bin (durable when it returns), then its line to record.jsonl. Costs
 * the same however long the file is, and takes no memory. The frame must decode and link to the
 * last record (VAIN_ERR_CORRUPT); the first of a file may continue a chain that lies elsewhere.
 * VAIN_ERR_CORRUPT too if the file is not as long as this handle left it. */
enum vain_status vain_record_file_append(struct vain_record_file *file, const uint8_t *frame,
                                         size_t bytes) VAIN_MUST_USE;

struct vain_record_summary {
    int64_t records;
    uint64_t first_round, last_round;
    uint8_t head[VAIN_HASH_BYTES];
    bool torn_tail; /* the last frame was cut short by a crash */
    /* That must be there: of all members, or, where they are on hosts of their own (epoch > 0), of
     * one more than may lie. */
    int64_t missing_signatures;
    int64_t absent_signatures; /* of members that were lost before they had signed */
    uint8_t
        before[VAIN_HASH_BYTES]; /* what the first record links to: zeros at the start of a run */
};
/* Check every frame, signature and link of the chain: `previous`, run id, ascending rounds, and
 * that a record starts from the parameters that the one before it ended with. VAIN_ERR_NOT_FOUND;
 * VAIN_ERR_CORRUPT or VAIN_ERR_AUTH name record and reason. Calls `each` (may be NULL) for every
 * record; what it returns but VAIN_OK ends the walk and is returned. */
typedef enum vain_status (*vain_record_visitor)(void *context,
                                                const struct vain_record_decoded *record);
enum vain_status vain_record_file_verify(const char *path, struct vain_record_summary *out,
                                         vain_record_visitor each, void *context) VAIN_MUST_USE;
