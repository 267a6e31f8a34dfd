/* Reading a checkpoint: bounds first, then the content hash over all that was read, then (in
 * vain_checkpoint_read) the vectors and their Merkle roots. What passes is what a writer of ours
 * wrote.
 *
 * Memory is bounded by the file's own size: the vectors' bytes must fit in it, and so must every
 * text and column. */
#include "jobs/store/checkpoint_layout.h"

#include "base/memory.h"
#include "base/text.h"
#include "jobs/store/hdf5_file.h"
#include "jobs/store/slice_walk.h"
#include "base/timestamp.h"

#include <string.h>

enum { SYMBOLS_COUNT_MAX = 0x110000, BYTE_VALUES = 256 }; /* of code points, of bytes */

struct vain_checkpoint_file {
    struct vain_h5_reader reader;
    char path[VAIN_PATH_BYTES];
    struct vain_checkpoint content; /* its pointers lead to what follows */
    struct vain_slice_table model;
    bool has_momentum;
    uint8_t momentum_root[VAIN_HASH_BYTES];
    char job_name[VAIN_JOB_NAME_BYTES], platform[VAIN_PLATFORM_BYTES];
    char model_kind[VAIN_NAME_BYTES], symbol_kind[VAIN_NAME_BYTES];
    char *spec, *spec_resolved;         /* owned */
    struct vain_record_member *members; /* owned */
    uint32_t *symbols;                  /* owned */
    char *words;                        /* owned */
    struct vain_curve_point *curve;     /* owned */
};

static bool ok(const struct vain_checkpoint_file *file)
{
    VAIN_ASSERT(file != NULL);
    return file->reader.status == VAIN_OK;
}

/* ---- Parts ---------------------------------------------------------------------------------- */

static void read_root(struct vain_checkpoint_file *file)
{
    struct vain_h5_reader *reader = &file->reader;
    struct vain_checkpoint *content = &file->content;
    char text[VAIN_NAME_BYTES];
    hid_t root = vain_h5_open_object(reader, "/");
    vain_h5_get_text(reader, root, "/", "file_type", text, sizeof text);
    if (ok(file) && strcmp(text, VAIN_CHECKPOINT_FILE_TYPE) != 0)
        vain_h5_reject(reader, "file_type is '%s', expected '" VAIN_CHECKPOINT_FILE_TYPE "'", text);
    vain_h5_get_integer(reader, root, "/", "format_version", VAIN_CHECKPOINT_FORMAT,
                        VAIN_CHECKPOINT_FORMAT);
    vain_h5_get_text(reader, root, "/", "created", text, sizeof text);
    if (ok(file) && !vain_timestamp_parse(text, &content->created_unix_ms))
        vain_h5_reject(reader, "created is no time such as 2026-10-29T12:00:00.000Z");
    vain_h5_get_text(reader, root, "/", "job_name", file->job_name, sizeof file->job_name);
    vain_h5_get_hex(reader, root, "/", "run_id", content->run_id, sizeof content->run_id);
    content->round = vain_h5_get_integer(reader, root, "/", "round", 0, INT64_MAX);
    content->step = vain_h5_get_integer(reader, root, "/", "step", 0, INT64_MAX);
    vain_h5_get_text(reader, root, "/", "model", file->model_kind, sizeof file->model_kind);
    content->parameter_count = vain_h5_get_integer(reader, root, "/", "parameter_count", 1,
                                                   reader->file_bytes / (int64_t)sizeof(float));
    vain_h5_get_text(reader, root, "/", "platform", file->platform, sizeof file->platform);
    vain_h5_get_hex(reader, root, "/", "spec_hash", content->spec_hash, VAIN_HASH_BYTES);
    vain_h5_get_hex(reader, root, "/", "record_head", content->record_head, VAIN_HASH_BYTES);
    vain_h5_get_hex(reader, root, "/", "parameters_hash", content->parameters_hash,
                    VAIN_HASH_BYTES);
    vain_h5_close(&root);
    content->job_name = file->job_name;
    content->model = file->model_kind;
    content->platform = file->platform;
}

static void read_texts(struct vain_checkpoint_file *file)
{
    file->spec = vain_h5_take_text(&file->reader, "/spec", VAIN_TEXT_BYTES_MAX);
    file->spec_resolved = vain_h5_take_text(&file->reader, "/spec_resolved", VAIN_TEXT_BYTES_MAX);
    file->content.spec = file->spec;
    file->content.spec_resolved = file->spec_resolved;
}

static bool slices_are_equal(const struct vain_slice_table *a, const struct vain_slice_table *b)
{
    if (a->count != b->count)
        return false;
    for (int i = 0; i < a->count; i++) {
        const struct vain_store_slice *left = &a->slices[i], *right = &b->slices[i];
        if (strcmp(left->name, right->name) != 0 || left->shape_count != right->shape_count ||
            memcmp(left->shape, right->shape, sizeof left->shape) != 0)
            return false;
    }
    return true;
}

static void read_slice_tables(struct vain_checkpoint_file *file)
{
    struct vain_checkpoint *content = &file->content;
    vain_slice_table_read(&file->reader, VAIN_MODEL_GROUP, content->parameter_count, &file->model);
    content->slice_count = file->model.count;
    content->slices = file->model.slices;
    file->has_momentum = ok(file) && vain_h5_has(&file->reader, VAIN_MOMENTUM_GROUP);
    if (!file->has_momentum)
        return;
    struct vain_slice_table momentum;
    vain_slice_table_read(&file->reader, VAIN_MOMENTUM_GROUP, content->parameter_count, &momentum);
    if (ok(file) && !slices_are_equal(&file->model, &momentum))
        vain_h5_reject(&file->reader, "'%s' has other slices than '%s'", VAIN_MOMENTUM_GROUP,
                       VAIN_MODEL_GROUP);
    vain_slice_table_fini(&momentum);
}

/* What prompts are looked up in later (jobs/data/symbols.c takes it as it comes): for bytes and
 * characters a table of all symbols in ascending order. */
static void check_values(struct vain_checkpoint_file *file, uint32_t limit)
{
    struct vain_h5_reader *reader = &file->reader;
    const uint32_t *symbols = file->symbols;
    for (int64_t i = 0; i < file->content.symbol_count && ok(file); i++) {
        if (i > 0 && symbols[i] <= symbols[i - 1])
            vain_h5_reject(reader, "'/data/symbols': value %lld (%u) does not come after %u",
                           (long long)i, symbols[i], symbols[i - 1]);
        else if (symbols[i] >= limit)
            vain_h5_reject(reader, "'/data/symbols': value %lld (%u) is none of %s", (long long)i,
                           symbols[i], file->symbol_kind);
    }
}

static void read_values(struct vain_checkpoint_file *file, uint32_t limit)
{
    struct vain_h5_reader *reader = &file->reader;
    int64_t count;
    file->symbols = vain_h5_take_column(reader, "/data/symbols", H5T_STD_U32LE, sizeof(uint32_t),
                                        SYMBOLS_COUNT_MAX, &count);
    if (ok(file) && count != file->content.symbol_count)
        vain_h5_reject(reader, "'/data/symbols' has %lld values, symbol_count is %lld",
                       (long long)count, (long long)file->content.symbol_count);
    if (ok(file))
        check_values(file, limit);
    file->content.symbols = file->symbols;
}

static void read_words(struct vain_checkpoint_file *file)
{
    struct vain_h5_reader *reader = &file->reader;
    const int64_t count = file->content.symbol_count;
    if (ok(file) && count > VAIN_SYMBOLS_MAX)
        vain_h5_reject(reader, "symbol_count is %lld, at most %d words fit", (long long)count,
                       VAIN_SYMBOLS_MAX);
    if (!ok(file))
        return;
    void *words;
    reader->status = vain_take_array(count, VAIN_WORD_BYTES, "words of a checkpoint", &words);
    if (!ok(file))
        return;
    file->words = words;
    vain_h5_read_texts(reader, "/data/symbols", count, file->words, VAIN_WORD_BYTES);
    for (int64_t i = 0; i < count && ok(file); i++) {
        const char *word = file->words + i * VAIN_WORD_BYTES;
        if (word[0] == '\0' || !vain_text_is_line(word))
            vain_h5_reject(reader, "'/data/symbols': text %lld is no word", (long long)i);
    }
    file->content.words = file->words;
}

static void read_symbols(struct vain_checkpoint_file *file)
{
    struct vain_h5_reader *reader = &file->reader;
    struct vain_checkpoint *content = &file->content;
    const char *kind = file->symbol_kind;
    hid_t data = vain_h5_open_object(reader, "/data");
    vain_h5_get_text(reader, data, "/data", "symbol_kind", file->symbol_kind,
                     sizeof file->symbol_kind);
    content->symbol_kind = kind;
    content->symbol_count =
        vain_h5_get_integer(reader, data, "/data", "symbol_count", 1, SYMBOLS_COUNT_MAX);
    vain_h5_close(&data);
    if (!ok(file))
        return;
    const bool bytes = strcmp(kind, "bytes") == 0, characters = strcmp(kind, "characters") == 0;
    const bool words = strcmp(kind, "words") == 0, listed = bytes || characters || words;
    if (!listed && strcmp(kind, "tokens") != 0 && strcmp(kind, "classes") != 0)
        vain_h5_reject(reader,
                       "symbol_kind is '%s', expected bytes, characters, tokens, words or classes",
                       kind);
    else if (listed != vain_h5_has(reader, "/data/symbols"))
        vain_h5_reject(reader, "'/data/symbols' is %s, but symbol_kind is '%s'",
                       listed ? "missing" : "there", kind);
    else if (words)
        read_words(file);
    else if (listed)
        read_values(file, bytes ? BYTE_VALUES : SYMBOLS_COUNT_MAX);
}

static void read_codec(struct vain_checkpoint_file *file)
{
    struct vain_h5_reader *reader = &file->reader;
    struct vain_checkpoint *content = &file->content;
    hid_t codec = vain_h5_open_object(reader, "/codec");
    content->range_exponent = (int32_t)vain_h5_get_integer(reader, codec, "/codec",
                                                           "range_exponent", INT32_MIN, INT32_MAX);
    content->bound_exponent = (int32_t)vain_h5_get_integer(reader, codec, "/codec",
                                                           "bound_exponent", INT32_MIN, INT32_MAX);
    vain_h5_close(&codec);
}

static void fill_members(struct vain_checkpoint_file *file, char *ids, char *names, int64_t count)
{
    enum { ID_BYTES = 2 * VAIN_HASH_BYTES + 1 };
    vain_h5_read_texts(&file->reader, "/peers/id", count, ids, ID_BYTES);
    vain_h5_read_texts(&file->reader, "/peers/name", count, names, VAIN_NAME_BYTES);
    for (int64_t i = 0; i < count && ok(file); i++) {
        struct vain_record_member *member = &file->members[i];
        memcpy(member->name, names + i * VAIN_NAME_BYTES, VAIN_NAME_BYTES);
        if (!vain_from_hex(ids + i * ID_BYTES, member->member_id, VAIN_HASH_BYTES))
            vain_h5_reject(&file->reader, "'/peers/id': entry %lld is no member id", (long long)i);
    }
}

static void read_peers(struct vain_checkpoint_file *file)
{
    enum { ID_BYTES = 2 * VAIN_HASH_BYTES + 1 };
    struct vain_h5_dataset ids;
    vain_h5_open_dataset(&file->reader, "/peers/id", H5I_INVALID_HID, &ids);
    vain_h5_close(&ids.id);
    if (ok(file) && (ids.shape_count != 1 || ids.count > VAIN_MEMBERS_MAX))
        vain_h5_reject(&file->reader, "'/peers/id': expected a column of at most %d members",
                       VAIN_MEMBERS_MAX);
    void *members = NULL, *columns = NULL;
    if (ok(file))
        file->reader.status =
            vain_take_array(ids.count, sizeof(struct vain_record_member), "members", &members);
    file->members = members;
    if (ok(file))
        file->reader.status =
            vain_take_array(ids.count, ID_BYTES + VAIN_NAME_BYTES, "columns of peers", &columns);
    if (ok(file) && ids.count > 0)
        fill_members(file, columns, (char *)columns + ids.count * ID_BYTES, ids.count);
    vain_release(columns);
    file->content.members = file->members;
    file->content.member_count = ok(file) ? (int)ids.count : 0;
}

static void read_curve(struct vain_checkpoint_file *file)
{
    struct vain_h5_reader *reader = &file->reader;
    int64_t counts[5] = {0};
    int64_t *step = vain_h5_take_column(reader, "/run/loss/step", H5T_STD_I64LE, sizeof(int64_t),
                                        VAIN_CURVE_POINTS_MAX, &counts[0]);
    int64_t *round = vain_h5_take_column(reader, "/run/loss/round", H5T_STD_I64LE, sizeof(int64_t),
                                         VAIN_CURVE_POINTS_MAX, &counts[1]);
    double *loss = vain_h5_take_column(reader, "/run/loss/loss", H5T_IEEE_F64LE, sizeof(double),
                                       VAIN_CURVE_POINTS_MAX, &counts[2]);
    double *validation = vain_h5_take_column(reader, "/run/loss/val_loss", H5T_IEEE_F64LE,
                                             sizeof(double), VAIN_CURVE_POINTS_MAX, &counts[3]);
    double *accuracy = vain_h5_take_column(reader, "/run/loss/accuracy", H5T_IEEE_F64LE,
                                           sizeof(double), VAIN_CURVE_POINTS_MAX, &counts[4]);
    for (int i = 1; i < 5 && ok(file); i++) {
        if (counts[i] != counts[0])
            vain_h5_reject(reader, "the columns of '/run/loss' differ in length");
    }
    for (int64_t i = 0; i < counts[0] && ok(file); i++) {
        if (round[i] < 0 || (i > 0 && round[i] <= round[i - 1]))
            vain_h5_reject(reader, "the rounds of '/run/loss' do not ascend from 0 on");
    }
    void *curve = NULL;
    if (ok(file))
        reader->status =
            vain_take_array(counts[0], sizeof(struct vain_curve_point), "loss curve", &curve);
    file->curve = curve;
    for (int64_t i = 0; i < counts[0] && ok(file); i++)
        file->curve[i] =
            (struct vain_curve_point){round[i], step[i], loss[i], validation[i], accuracy[i]};
    file->content.curve = file->curve;
    file->content.curve_count = ok(file) ? counts[0] : 0;
    vain_release(accuracy);
    vain_release(validation);
    vain_release(loss);
    vain_release(round);
    vain_release(step);
}

/* ---- Integrity ------------------------------------------------------------------------------ */

static void read_hash(struct vain_checkpoint_file *file, const char *path,
                      uint8_t out[VAIN_HASH_BYTES])
{
    struct vain_h5_dataset dataset;
    memset(out, 0, VAIN_HASH_BYTES);
    vain_h5_open_dataset(&file->reader, path, H5T_STD_U8LE, &dataset);
    vain_h5_read_dataset(&file->reader, &dataset, path, out, VAIN_HASH_BYTES);
    vain_h5_close(&dataset.id);
}

static void check_integrity(struct vain_checkpoint_file *file)
{
    struct vain_h5_reader *reader = &file->reader;
    uint8_t parameters[VAIN_HASH_BYTES], stored[VAIN_HASH_BYTES], computed[VAIN_HASH_BYTES];
    hid_t integrity = vain_h5_open_object(reader, "/integrity");
    vain_h5_get_integer(reader, integrity, "/integrity", "leaf_bytes", VAIN_MERKLE_LEAF_BYTES,
                        VAIN_MERKLE_LEAF_BYTES);
    vain_h5_close(&integrity);
    read_hash(file, "/integrity/parameters", parameters);
    if (file->has_momentum)
        read_hash(file, "/integrity/outer_momentum", file->momentum_root);
    read_hash(file, "/integrity/content", stored);
    if (!ok(file))
        return;
    if (!vain_equal(parameters, file->content.parameters_hash, VAIN_HASH_BYTES))
        vain_h5_reject(reader, "'/integrity/parameters' is not the attribute parameters_hash");
    vain_checkpoint_content_hash(&file->content, file->has_momentum ? file->momentum_root : NULL,
                                 computed);
    if (!vain_equal(stored, computed, VAIN_HASH_BYTES))
        vain_h5_reject(reader, "its content does not have the hash that it was written with; take "
                               "another copy or an older checkpoint");
}

static enum vain_status read_content(struct vain_checkpoint_file *file)
{
    vain_h5_check_complete(&file->reader);
    read_root(file);
    read_texts(file);
    read_slice_tables(file);
    read_symbols(file);
    read_codec(file);
    read_peers(file);
    read_curve(file);
    check_integrity(file);
    return file->reader.status;
}

/* ---- Public --------------------------------------------------------------------------------- */

static enum vain_status take_file(const char *path, struct vain_checkpoint_file **out)
{
    *out = NULL;
    if (strlen(path) >= VAIN_PATH_BYTES)
        return vain_fail(VAIN_ERR_INPUT, "a path is at most %d bytes long", VAIN_PATH_BYTES - 1);
    void *memory;
    VAIN_TRY(vain_take(sizeof(struct vain_checkpoint_file), "checkpoint", &memory));
    *out = memory;
    (*out)->reader.file = H5I_INVALID_HID;
    memcpy((*out)->path, path, strlen(path) + 1);
    return VAIN_OK;
}

enum vain_status vain_checkpoint_open(const char *path, struct vain_checkpoint_file **out)
{
    struct vain_checkpoint_file *file;
    *out = NULL;
    VAIN_TRY(take_file(path, &file));
    vain_h5_lock();
    enum vain_status status = vain_h5_reader_open(&file->reader, file->path);
    if (status == VAIN_OK)
        status = read_content(file);
    vain_h5_unlock();
    *out = file;
    if (status != VAIN_OK)
        vain_checkpoint_close(out);
    return status;
}

enum vain_status vain_checkpoint_open_image(const void *image, size_t bytes,
                                            struct vain_checkpoint_file **out)
{
    struct vain_checkpoint_file *file;
    *out = NULL;
    VAIN_TRY(take_file("image", &file));
    vain_h5_lock();
    enum vain_status status = vain_h5_reader_open_image(&file->reader, image, bytes);
    if (status == VAIN_OK)
        status = read_content(file);
    vain_h5_unlock();
    *out = file;
    if (status != VAIN_OK)
        vain_checkpoint_close(out);
    return status;
}

const struct vain_checkpoint *vain_checkpoint_content(const struct vain_checkpoint_file *file)
{
    return &file->content;
}

bool vain_checkpoint_has_momentum(const struct vain_checkpoint_file *file)
{
    return file->has_momentum;
}

int64_t vain_checkpoint_bytes(const struct vain_checkpoint_file *file)
{
    return file->reader.file_bytes;
}

/* With the lock held: the slices of one vector to their places. */
static void read_vector(struct vain_checkpoint_file *file, const char *group, float *vector)
{
    for (int i = 0; i < file->model.count && ok(file); i++) {
        const struct vain_store_slice *slice = &file->model.slices[i];
        char path[VAIN_OBJECT_PATH_BYTES];
        vain_slice_path(group, slice->name, path);
        struct vain_h5_dataset dataset;
        vain_h5_open_dataset(&file->reader, path, H5T_IEEE_F32LE, &dataset);
        vain_h5_read_dataset(&file->reader, &dataset, path, vector + slice->offset,
                             (size_t)slice->count * sizeof(float));
        vain_h5_close(&dataset.id);
    }
}

static enum vain_status check_root(const struct vain_checkpoint_file *file, const char *group,
                                   const float *vector, struct vain_pool *pool,
                                   const uint8_t expected[VAIN_HASH_BYTES])
{
    uint8_t root[VAIN_HASH_BYTES];
    VAIN_TRY(vain_merkle_root(vector, (size_t)file->content.parameter_count * sizeof(float),
                              VAIN_MERKLE_LEAF_BYTES, pool, root));
    if (vain_equal(root, expected, VAIN_HASH_BYTES))
        return VAIN_OK;
    return vain_fail(VAIN_ERR_CORRUPT,
                     "%s: the values of '%s' do not have the Merkle root that they were written "
                     "with; take another copy or an older checkpoint",
                     file->path, group);
}

enum vain_status vain_checkpoint_read(struct vain_checkpoint_file *file, struct vain_pool *pool,
                                      float *parameters, float *outer_momentum)
{
    if (outer_momentum != NULL && !file->has_momentum)
        return vain_fail(VAIN_ERR_INPUT, "%s: it holds no outer momentum", file->path);
    vain_h5_lock();
    if (parameters != NULL)
        read_vector(file, VAIN_MODEL_GROUP, parameters);
    if (outer_momentum != NULL)
        read_vector(file, VAIN_MOMENTUM_GROUP, outer_momentum);
    const enum vain_status status = file->reader.status;
    vain_h5_unlock();
    VAIN_TRY(status);
    if (parameters != NULL)
        VAIN_TRY(
            check_root(file, VAIN_MODEL_GROUP, parameters, pool, file->content.parameters_hash));
    if (outer_momentum != NULL)
        VAIN_TRY(check_root(file, VAIN_MOMENTUM_GROUP, outer_momentum, pool, file->momentum_root));
    return VAIN_OK;
}

void vain_checkpoint_close(struct vain_checkpoint_file **file)
{
    if (*file == NULL)
        return;
    struct vain_checkpoint_file *closing = *file;
    vain_h5_lock();
    vain_h5_reader_close(&closing->reader);
    vain_h5_unlock();
    vain_slice_table_fini(&closing->model);
    vain_release(closing->spec);
    vain_release(closing->spec_resolved);
    vain_release(closing->members);
    vain_release(closing->symbols);
    vain_release(closing->words);
    vain_release(closing->curve);
    vain_release(closing);
    *file = NULL;
}
