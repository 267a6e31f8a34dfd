/* The record on disk: frames of base/record.h, one after the other.
 *
 * A handle walks the file once, in the rewind of a start, which decodes and checks everything up to
 * the record that the checkpoint ends with. From then on it knows the end and what the next record
 * must continue, so an append reads nothing, takes no memory and never cuts: what does not belong
 * was set aside by the rewind. Memory is for one frame and its members, however long the file is;
 * only what is set aside or rewritten is held whole. */
#include "jobs/store/record_file.h"

#include "base/memory.h"
#include "jobs/store/record_line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAGIC_BYTES = 8,
    HEAD_BYTES = MAGIC_BYTES + 4,
    COUNT_BYTES = 2,
    SIGNATURE_ENTRY_BYTES = 2 + VAIN_SIGNATURE_BYTES,
    FILE_MODE = 0644,
    ZEROS_LOOK_BYTES = 4096,
    LINE_BYTES_MAX = 4096 + VAIN_MEMBERS_MAX * 192 /* of record.jsonl, in round numbers */
};

/* A record file being read. */
struct source {
    int descriptor;   /* owned; -1: no file */
    const char *path; /* borrowed */
    int64_t bytes, position;
    int64_t index; /* of the record at `position`, from 0 */
    /* Room for one frame. */
    uint8_t *frame;                     /* (VAIN_RECORD_BYTES_MAX) owned */
    struct vain_record_member *members; /* (VAIN_MEMBERS_MAX) owned */
    uint8_t *signatures;                /* (VAIN_MEMBERS_MAX, 64) owned */
};

/* Room for a record; no file is open yet. */
static enum vain_status source_init(struct source *source, const char *path)
{
    *source = (struct source){.descriptor = -1, .path = path};
    const size_t members_bytes = VAIN_MEMBERS_MAX * sizeof(struct vain_record_member);
    const size_t frame_bytes = VAIN_RECORD_BYTES_MAX;
    void *memory;
    VAIN_TRY(vain_take(frame_bytes + members_bytes + VAIN_MEMBERS_MAX * VAIN_SIGNATURE_BYTES,
                       "room for a record", &memory));
    source->frame = memory;
    source->members = (struct vain_record_member *)(void *)(source->frame + frame_bytes);
    source->signatures = source->frame + frame_bytes + members_bytes;
    return VAIN_OK;
}

static void source_shut(struct source *source)
{
    if (source->descriptor >= 0)
        (void)close(source->descriptor);
    source->descriptor = -1;
}

static void source_close(struct source *source)
{
    source_shut(source);
    vain_release(source->frame);
    *source = (struct source){.descriptor = -1};
}

/* From its first record on. A file that is not there is empty if `may_be_absent`. */
static enum vain_status source_open(struct source *source, bool may_be_absent)
{
    const char *path = source->path;
    source->bytes = source->position = source->index = 0;
    source->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (source->descriptor < 0 && errno == ENOENT)
        return may_be_absent ? VAIN_OK
                             : vain_fail(VAIN_ERR_NOT_FOUND, "%s: there is no such file", path);
    if (source->descriptor < 0)
        return vain_fail(VAIN_ERR_REFUSED, "%s: cannot be opened: %s", path, strerror(errno));
    struct stat about;
    if (fstat(source->descriptor, &about) != 0 || !S_ISREG(about.st_mode)) {
        source_shut(source);
        return vain_fail(VAIN_ERR_CORRUPT, "%s: not a regular file", path);
    }
    source->bytes = (int64_t)about.st_size;
    return VAIN_OK;
}

static enum vain_status read_at(const struct source *source, int64_t offset, void *out,
                                size_t bytes)
{
    unsigned char *at = out;
    while (bytes > 0) {
        const ssize_t got = pread(source->descriptor, at, bytes, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return vain_fail(VAIN_ERR_STORAGE, "%s: cannot be read at byte %lld: %s", source->path,
                             (long long)offset, got < 0 ? strerror(errno) : "it became shorter");
        at += got;
        offset += got;
        bytes -= (size_t)got;
    }
    return VAIN_OK;
}

/* Everything from `offset` on is zero: room that a crashed machine had made but not yet filled. */
static enum vain_status only_zeros_from(const struct source *source, int64_t offset, bool *zeros)
{
    unsigned char piece[ZEROS_LOOK_BYTES];
    *zeros = true;
    while (offset < source->bytes && *zeros) {
        const int64_t left = source->bytes - offset;
        const size_t bytes = left < ZEROS_LOOK_BYTES ? (size_t)left : sizeof piece;
        VAIN_TRY(read_at(source, offset, piece, bytes));
        for (size_t i = 0; i < bytes; i++)
            *zeros = *zeros && piece[i] == 0;
        offset += (int64_t)bytes;
    }
    return VAIN_OK;
}

static enum vain_status not_a_record(const struct source *source, const char *reason)
{
    return vain_fail(VAIN_ERR_CORRUPT, "%s: record %lld at byte %lld: %s", source->path,
                     (long long)source->index + 1, (long long)source->position, reason);
}

static uint32_t little_endian(const uint8_t *bytes, int count)
{
    uint32_t value = 0;
    for (int i = 0; i < count; i++)
        value |= (uint32_t)bytes[i] << (8 * i);
    return value;
}

/* Bytes of the frame at the position. VAIN_END at the end; VAIN_AGAIN for a torn tail;
 * VAIN_ERR_CORRUPT. */
static enum vain_status frame_bytes_at(const struct source *source, int64_t *bytes)
{
    static const char magic[] = "VAINREC1";
    uint8_t head[HEAD_BYTES] = {0}, count[COUNT_BYTES];
    const int64_t left = source->bytes - source->position;
    *bytes = 0;
    if (left == 0)
        return VAIN_END;
    const size_t head_bytes = left < HEAD_BYTES ? (size_t)left : HEAD_BYTES;
    VAIN_TRY(read_at(source, source->position, head, head_bytes));
    if (memcmp(head, magic, head_bytes < MAGIC_BYTES ? head_bytes : MAGIC_BYTES) != 0) {
        bool zeros;
        VAIN_TRY(only_zeros_from(source, source->position, &zeros));
        return zeros ? VAIN_AGAIN : not_a_record(source, "it does not begin like one");
    }
    const int64_t body_bytes = little_endian(head + MAGIC_BYTES, 4);
    if (head_bytes == HEAD_BYTES && body_bytes > VAIN_RECORD_BYTES_MAX)
        return not_a_record(source, "it is longer than any");
    if (left < HEAD_BYTES + body_bytes + COUNT_BYTES)
        return VAIN_AGAIN;
    VAIN_TRY(read_at(source, source->position + HEAD_BYTES + body_bytes, count, COUNT_BYTES));
    *bytes = HEAD_BYTES + body_bytes + COUNT_BYTES +
             (int64_t)little_endian(count, COUNT_BYTES) * SIGNATURE_ENTRY_BYTES;
    if (*bytes > VAIN_RECORD_BYTES_MAX)
        return not_a_record(source, "it is longer than any");
    return *bytes <= left ? VAIN_OK : VAIN_AGAIN;
}

/* Decode the record at the position and step over it. Statuses of frame_bytes_at and
 * vain_record_decode. */
static enum vain_status source_next(struct source *source, struct vain_record_decoded *out)
{
    int64_t bytes;
    VAIN_TRY(frame_bytes_at(source, &bytes));
    VAIN_TRY(read_at(source, source->position, source->frame, (size_t)bytes));
    size_t used;
    const enum vain_status status =
        vain_record_decode(source->frame, (size_t)bytes, source->members, source->signatures,
                           VAIN_MEMBERS_MAX, out, &used);
    if (status < 0)
        return vain_fail(status, "%s: record %lld at byte %lld: %s", source->path,
                         (long long)source->index + 1, (long long)source->position,
                         vain_fail_message());
    if (status != VAIN_OK || used != (size_t)bytes)
        return not_a_record(source, "its lengths do not add up");
    source->position += bytes;
    source->index++;
    return VAIN_OK;
}

/* ---- The chain ------------------------------------------------------------------------------ */

/* What the next record must agree with. */
struct chain {
    int64_t records;
    uint8_t head[VAIN_HASH_BYTES];
    uint8_t run_id[VAIN_RUN_ID_BYTES];
    uint8_t parameters_after[VAIN_HASH_BYTES];
    uint64_t round;
};

/* NULL, or how `record` does not continue the chain. */
static const char *link_fault(const struct chain *chain, const struct vain_record *record)
{
    if (chain->records == 0)
        return NULL;
    if (memcmp(record->previous, chain->head, VAIN_HASH_BYTES) != 0)
        return "it does not link to the one before it";
    if (memcmp(record->run_id, chain->run_id, VAIN_RUN_ID_BYTES) != 0)
        return "it is of another run than the one before it";
    if (record->round <= chain->round)
        return "its round is not later than that of the one before it";
    if (memcmp(record->parameters_before, chain->parameters_after, VAIN_HASH_BYTES) != 0)
        return "it starts from other parameters than the one before it ended with";
    return NULL;
}

static void chain_take(struct chain *chain, const struct vain_record_decoded *record)
{
    chain->records++;
    memcpy(chain->head, record->hash, VAIN_HASH_BYTES);
    memcpy(chain->run_id, record->record.run_id, VAIN_RUN_ID_BYTES);
    memcpy(chain->parameters_after, record->record.parameters_after, VAIN_HASH_BYTES);
    chain->round = record->record.round;
}

/* The next record, linked. */
static enum vain_status chain_next(struct source *source, struct chain *chain,
                                   struct vain_record_decoded *out)
{
    VAIN_TRY(source_next(source, out));
    const char *fault = link_fault(chain, &out->record);
    if (fault != NULL)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: record %lld (round %llu): %s", source->path,
                         (long long)source->index, (unsigned long long)out->record.round, fault);
    chain_take(chain, out);
    return VAIN_OK;
}

/* Members on their own hosts may die between the sum and their signature; f + 1 that have signed
 * contain an honest one while at most f lie (collectives/quorum.h has t = n - f). */
static void count_signatures(const struct vain_record_decoded *record,
                             struct vain_record_summary *out)
{
    const int members = record->record.member_count;
    const int missing = members - record->signature_count;
    const int needed = record->record.epoch == 0 ? members : members - 2 * members / 3;
    if (record->signature_count < needed)
        out->missing_signatures += missing;
    else
        out->absent_signatures += missing;
}

static enum vain_status verify_source(struct source *source, struct vain_record_summary *out,
                                      vain_record_visitor each, void *context)
{
    struct chain chain = {0};
    for (;;) {
        struct vain_record_decoded record;
        const enum vain_status status = chain_next(source, &chain, &record);
        if (status == VAIN_END || status == VAIN_AGAIN) {
            out->torn_tail = status == VAIN_AGAIN;
            return VAIN_OK;
        }
        VAIN_TRY(status);
        if (out->records == 0) {
            out->first_round = record.record.round;
            memcpy(out->before, record.record.previous, VAIN_HASH_BYTES);
        }
        out->records++;
        out->last_round = record.record.round;
        memcpy(out->head, record.hash, VAIN_HASH_BYTES);
        count_signatures(&record, out);
        if (each != NULL)
            VAIN_TRY(each(context, &record));
    }
}

enum vain_status vain_record_file_verify(const char *path, struct vain_record_summary *out,
                                         vain_record_visitor each, void *context)
{
    *out = (struct vain_record_summary){0};
    struct source source;
    VAIN_TRY(source_init(&source, path));
    enum vain_status status = source_open(&source, false);
    if (status == VAIN_OK)
        status = verify_source(&source, out, each, context);
    source_close(&source);
    return status;
}

/* ---- The handle ----------------------------------------------------------------------------- */

struct vain_record_file {
    struct vain_world *world; /* borrowed */
    char path[VAIN_PATH_BYTES], lines_path[VAIN_PATH_BYTES], folder[VAIN_PATH_BYTES];
    struct source source; /* room for a record; a descriptor only while the file is walked */
    bool placed;          /* a rewind said where the end is */
    int64_t end_bytes;
    struct chain chain; /* that the next record continues */
    struct vain_text line;
};

static void file_path(const char *folder, const char *name, char out[VAIN_PATH_BYTES])
{
    snprintf(out, VAIN_PATH_BYTES, "%s/%s", folder, name);
}

void vain_record_path(const char *folder, char out[VAIN_MIN_LEN(VAIN_PATH_BYTES)])
{
    file_path(folder, "record.bin", out);
}

enum vain_status vain_record_file_open(const char *folder, struct vain_world *world,
                                       struct vain_record_file **out)
{
    struct vain_record_file *file;
    void *memory;
    *out = NULL;
    VAIN_TRY(vain_take(sizeof *file, "record file", &memory));
    file = memory;
    file->world = world;
    snprintf(file->folder, sizeof file->folder, "%s", folder);
    vain_record_path(folder, file->path);
    file_path(folder, "record.jsonl", file->lines_path);
    enum vain_status status = source_init(&file->source, file->path);
    vain_text_add(&file->line, "%*s", LINE_BYTES_MAX, "");
    if (status == VAIN_OK)
        status = file->line.status;
    if (status == VAIN_OK)
        *out = file;
    else
        vain_record_file_close(&file);
    return status;
}

void vain_record_file_close(struct vain_record_file **file)
{
    if (*file == NULL)
        return;
    source_close(&(*file)->source);
    vain_text_fini(&(*file)->line);
    vain_release(*file);
    *file = NULL;
}

/* ---- Appending ------------------------------------------------------------------------------ */

/* The new frame, decoded in the source's room, must continue the chain. */
static enum vain_status check_new(const struct source *source, const struct chain *chain,
                                  const uint8_t *frame, size_t bytes,
                                  struct vain_record_decoded *out)
{
    size_t used;
    const enum vain_status status = vain_record_decode(
        frame, bytes, source->members, source->signatures, VAIN_MEMBERS_MAX, out, &used);
    if (status < 0)
        return status;
    if (status != VAIN_OK || used != bytes)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: the record to append is not one whole frame",
                         source->path);
    const char *fault = link_fault(chain, &out->record);
    if (fault != NULL)
        return vain_fail(VAIN_ERR_CORRUPT, "%s: the record of round %llu cannot be appended: %s",
                         source->path, (unsigned long long)out->record.round, fault);
    return VAIN_OK;
}

/* Nobody but this handle writes here, and an append that failed was cut back. */
static enum vain_status check_end(const struct vain_record_file *file)
{
    struct stat about;
    int64_t bytes = 0;
    if (stat(file->path, &about) == 0)
        bytes = (int64_t)about.st_size;
    else if (errno != ENOENT && errno != ENOTDIR)
        return vain_fail(VAIN_ERR_STORAGE, "%s: cannot be looked at: %s", file->path,
                         strerror(errno));
    if (bytes != file->end_bytes)
        return vain_fail(VAIN_ERR_CORRUPT,
                         "%s: has %lld bytes, but this run left it with %lld: something else "
                         "wrote to it, and nothing is appended; end that, then resume",
                         file->path, (long long)bytes, (long long)file->end_bytes);
    return VAIN_OK;
}

enum vain_status vain_record_file_append(struct vain_record_file *file, const uint8_t *frame,
                                         size_t bytes)
{
    VAIN_ASSERT(file->placed);
    struct vain_record_decoded record;
    struct vain_world *world = file->world;
    VAIN_TRY(check_end(file));
    VAIN_TRY(check_new(&file->source, &file->chain, frame, bytes, &record));
    VAIN_TRY(world->ops->append(world, file->path, frame, bytes));
    file->end_bytes += (int64_t)bytes;
    chain_take(&file->chain, &record);
    file->line.used = 0;
    vain_record_line(&file->line, &record);
    VAIN_TRY(file->line.status);
    return world->ops->append(world, file->lines_path, file->line.bytes, file->line.used);
}

/* ---- Rewinding ------------------------------------------------------------------------------ */

/* Put the first `bytes` of the source in place of the file: how a torn tail comes off. */
static enum vain_status keep_first(const struct source *source, int64_t bytes,
                                   struct vain_world *world)
{
    void *memory;
    VAIN_TRY(vain_take((size_t)bytes, "record file", &memory));
    enum vain_status status = read_at(source, 0, memory, (size_t)bytes);
    if (status == VAIN_OK)
        status = world->ops->replace(world, source->path, memory, (size_t)bytes, FILE_MODE);
    vain_release(memory);
    return status;
}

static bool is_zero(const uint8_t hash[VAIN_HASH_BYTES])
{
    static const uint8_t zeros[VAIN_HASH_BYTES];
    return memcmp(hash, zeros, VAIN_HASH_BYTES) == 0;
}

/* Step to just after the record `head`, with the chain so far and the lines of what stays. */
static enum vain_status step_to_head(struct source *source, const uint8_t head[VAIN_HASH_BYTES],
                                     struct chain *chain, struct vain_text *lines)
{
    while (memcmp(chain->head, head, VAIN_HASH_BYTES) != 0) {
        struct vain_record_decoded record;
        const enum vain_status status = chain_next(source, chain, &record);
        if (status == VAIN_END || status == VAIN_AGAIN)
            return vain_fail(VAIN_ERR_CORRUPT,
                             "%s: it does not hold the record that the checkpoint ends with; put "
                             "the right record.bin beside the checkpoint, or name an older "
                             "checkpoint",
                             source->path);
        VAIN_TRY(status);
        vain_record_line(lines, &record);
    }
    return VAIN_OK;
}

/* The run came from another folder with `head`, and its first record here links to that. */
static bool begins_after(struct source *source, const uint8_t head[VAIN_HASH_BYTES])
{
    struct vain_record_decoded first;
    const enum vain_status status = source_next(source, &first);
    if (status < 0)
        vain_fail_clear(); /* whoever walks says so */
    source->position = source->index = 0;
    return status == VAIN_OK && memcmp(first.record.previous, head, VAIN_HASH_BYTES) == 0;
}

/* Records that begin after `position`, whole or not: what a person would count. */
static int64_t count_rest(struct source *source)
{
    const int64_t position = source->position;
    int64_t bytes, count = 0;
    while (frame_bytes_at(source, &bytes) == VAIN_OK) {
        source->position += bytes;
        count++;
    }
    if (source->position < source->bytes)
        vain_fail_clear(); /* the tail is set aside, whatever it is */
    source->position = position;
    return count;
}

/* What lies after the position goes to a file of its own, then off the record. */
static enum vain_status set_rest_aside(const struct source *source, const char *folder,
                                       struct vain_world *world)
{
    char path[VAIN_PATH_BYTES], name[VAIN_NAME_BYTES];
    snprintf(name, sizeof name, "record-discarded-%lld.bin", (long long)world->ops->unix_ms(world));
    file_path(folder, name, path);
    const size_t bytes = (size_t)(source->bytes - source->position);
    void *memory;
    VAIN_TRY(vain_take(bytes, "discarded records", &memory));
    enum vain_status status = read_at(source, source->position, memory, bytes);
    if (status == VAIN_OK)
        status = world->ops->replace(world, path, memory, bytes, FILE_MODE);
    vain_release(memory);
    VAIN_TRY(status);
    return keep_first(source, source->position, world);
}

static enum vain_status rewind_source(struct vain_record_file *file, const uint8_t *head,
                                      struct vain_text *lines, int64_t *discarded)
{
    struct source *source = &file->source;
    struct vain_world *world = file->world;
    if (!is_zero(head) && !begins_after(source, head))
        VAIN_TRY(step_to_head(source, head, &file->chain, lines));
    *discarded = count_rest(source);
    if (source->position < source->bytes)
        VAIN_TRY(set_rest_aside(source, file->folder, world));
    char *text;
    VAIN_TRY(vain_text_give(lines, &text));
    const enum vain_status status =
        world->ops->replace(world, file->lines_path, text, strlen(text), FILE_MODE);
    vain_release(text);
    return status;
}

enum vain_status vain_record_file_rewind(struct vain_record_file *file,
                                         const uint8_t head[VAIN_MIN_LEN(VAIN_HASH_BYTES)],
                                         int64_t *discarded)
{
    int64_t count = 0;
    if (discarded != NULL)
        *discarded = 0;
    file->placed = false;
    file->chain = (struct chain){0};
    VAIN_TRY(source_open(&file->source, true));
    struct vain_text lines = {0};
    enum vain_status status = VAIN_OK;
    /* Without a record yet it is a new run, or one that goes on in a new folder. */
    if (file->source.bytes > 0)
        status = rewind_source(file, head, &lines, &count);
    vain_text_fini(&lines);
    source_shut(&file->source);
    VAIN_TRY(status);
    file->end_bytes = file->source.position;
    file->placed = true;
    if (discarded != NULL)
        *discarded = count;
    return VAIN_OK;
}
