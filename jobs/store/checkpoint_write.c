/* Writing a checkpoint, in the order in which the file lists it: who and when, the texts, the
 * vectors, the rest, and last what binds it all (docs/checkpoint-format.md is the same list for
 * readers).
 *
 * The vectors go from the caller's memory to the file without a copy of ours, while a helper thread
 * computes the Merkle roots that are not known yet; /integrity waits for it. The lock around HDF5
 * is given back before the file is made durable, so that members in one process sync their files at
 * the same time. */
#include "jobs/store/checkpoint_layout.h"

#include "jobs/store/hdf5_file.h"
#include "jobs/store/root_job.h"
#include "base/timestamp.h"

#include "base/memory.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0644, ROOM_FOR_HEADERS_BYTES = 1 << 20 };

static const char *text_or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

/* ---- Before anything is written ------------------------------------------------------------- */

static enum vain_status check_text(const char *path, const char *what, const char *text,
                                   size_t bytes_max)
{
    if (strlen(text_or_empty(text)) < bytes_max)
        return VAIN_OK;
    return vain_fail(VAIN_ERR_INPUT, "%s: %s is longer than %zu bytes", path, what, bytes_max - 1);
}

static enum vain_status check_dims(const struct vain_checkpoint *checkpoint, const char *path)
{
    for (int i = 0; i < checkpoint->slice_count; i++) {
        const struct vain_store_slice *slice = &checkpoint->slices[i];
        for (int axis = 0; axis < slice->shape_count; axis++)
            VAIN_TRY(check_text(path, slice->name, slice->dims[axis], VAIN_DIM_BYTES));
    }
    return VAIN_OK;
}

/* What a reader would refuse is refused here, where it can still be mended. */
static enum vain_status check_content(const struct vain_checkpoint *checkpoint, const char *path)
{
    int index;
    const char *problem = vain_slices_problem(checkpoint->slices, checkpoint->slice_count,
                                              checkpoint->parameter_count, &index);
    if (problem != NULL)
        return vain_fail(VAIN_ERR_INPUT, "%s: slice %d of %d: %s", path, index,
                         checkpoint->slice_count, problem);
    if (checkpoint->member_count < 0 || checkpoint->member_count > VAIN_MEMBERS_MAX)
        return vain_fail(VAIN_ERR_INPUT, "%s: %d members, at most %d fit", path,
                         checkpoint->member_count, VAIN_MEMBERS_MAX);
    if (checkpoint->curve_count < 0 || checkpoint->curve_count > VAIN_CURVE_POINTS_MAX)
        return vain_fail(VAIN_ERR_INPUT, "%s: %lld points of the curve, at most %d fit", path,
                         (long long)checkpoint->curve_count, VAIN_CURVE_POINTS_MAX);
    /* A symbol is a Unicode character or a token, so there are at most 0x110000 of them. */
    if (checkpoint->symbol_count < 0 || checkpoint->symbol_count > 0x110000)
        return vain_fail(VAIN_ERR_INPUT, "%s: %lld symbols do not fit", path,
                         (long long)checkpoint->symbol_count);
    if (checkpoint->words != NULL && checkpoint->symbol_count > VAIN_SYMBOLS_MAX)
        return vain_fail(VAIN_ERR_INPUT, "%s: %lld words, at most %d fit", path,
                         (long long)checkpoint->symbol_count, VAIN_SYMBOLS_MAX);
    if (checkpoint->round < 0 || checkpoint->step < 0)
        return vain_fail(VAIN_ERR_INPUT, "%s: round %lld, step %lld", path,
                         (long long)checkpoint->round, (long long)checkpoint->step);
    VAIN_TRY(check_dims(checkpoint, path));
    VAIN_TRY(check_text(path, "job name", checkpoint->job_name, VAIN_JOB_NAME_BYTES));
    VAIN_TRY(check_text(path, "platform", checkpoint->platform, VAIN_PLATFORM_BYTES));
    VAIN_TRY(check_text(path, "model", checkpoint->model, VAIN_NAME_BYTES));
    VAIN_TRY(check_text(path, "kind of symbols", checkpoint->symbol_kind, VAIN_NAME_BYTES));
    VAIN_TRY(check_text(path, "spec", checkpoint->spec, VAIN_TEXT_BYTES_MAX));
    return check_text(path, "resolved spec", checkpoint->spec_resolved, VAIN_TEXT_BYTES_MAX);
}

/* ---- Parts of the file ---------------------------------------------------------------------- */

static void write_root(struct vain_h5_writer *writer, const struct vain_checkpoint *checkpoint)
{
    const hid_t root = vain_h5_root(writer);
    char created[VAIN_TIMESTAMP_BYTES];
    vain_timestamp_format(checkpoint->created_unix_ms, created);
    vain_h5_put_text(writer, root, "NX_class", "NXroot");
    vain_h5_put_text(writer, root, "default", "run");
    vain_h5_put_text(writer, root, "file_type", VAIN_CHECKPOINT_FILE_TYPE);
    vain_h5_put_integer(writer, root, "format_version", VAIN_CHECKPOINT_FORMAT);
    vain_h5_put_text(writer, root, "conventions", VAIN_CONVENTIONS);
    vain_h5_put_text(writer, root, "creator", "vain " VAIN_VERSION);
    vain_h5_put_text(writer, root, "hdf5_version", H5_VERS_INFO);
    vain_h5_put_text(writer, root, "created", created);
    vain_h5_put_text(writer, root, "job_name", text_or_empty(checkpoint->job_name));
    vain_h5_put_hex(writer, root, "run_id", checkpoint->run_id, VAIN_RUN_ID_BYTES);
    vain_h5_put_integer(writer, root, "round", checkpoint->round);
    vain_h5_put_integer(writer, root, "step", checkpoint->step);
    vain_h5_put_text(writer, root, "model", text_or_empty(checkpoint->model));
    vain_h5_put_integer(writer, root, "parameter_count", checkpoint->parameter_count);
    vain_h5_put_text(writer, root, "platform", text_or_empty(checkpoint->platform));
    vain_h5_put_hex(writer, root, "spec_hash", checkpoint->spec_hash, VAIN_HASH_BYTES);
    vain_h5_put_hex(writer, root, "record_head", checkpoint->record_head, VAIN_HASH_BYTES);
}

/* The groups on the way to a slice's dataset, whose name is the last part. Gives the innermost. */
static hid_t need_groups(struct vain_h5_writer *writer, hid_t top, const char *slice_name,
                         const char **last)
{
    char part[VAIN_SLICE_NAME_BYTES];
    hid_t group = top;
    if (top >= 0)
        H5Iinc_ref(top); /* closed like every other group of the way */
    const char *at = slice_name;
    for (const char *dot = strchr(at, '.'); dot != NULL; dot = strchr(at, '.')) {
        snprintf(part, sizeof part, "%.*s", (int)(dot - at), at);
        hid_t inner = vain_h5_need_group(writer, group, part);
        vain_h5_close(&group);
        group = inner;
        at = dot + 1;
    }
    *last = at;
    return group;
}

static void write_slice(struct vain_h5_writer *writer, hid_t top, const char *kind,
                        const struct vain_store_slice *slice, const float *vector)
{
    char long_name[VAIN_SLICE_NAME_BYTES + 32];
    snprintf(long_name, sizeof long_name, "%s of %s", kind, slice->name);
    struct vain_h5_shape shape = {
        .count = slice->shape_count, .units = "1", .long_name = long_name};
    const char *dims[VAIN_SHAPE_MAX];
    for (int axis = 0; axis < slice->shape_count; axis++) {
        shape.sizes[axis] = slice->shape[axis];
        dims[axis] = text_or_empty(slice->dims[axis]);
    }
    const char *name;
    hid_t group = need_groups(writer, top, slice->name, &name);
    hid_t dataset =
        vain_h5_make_dataset(writer, group, name, H5T_IEEE_F32LE, &shape, vector + slice->offset);
    vain_h5_put_texts(writer, dataset, "dims", dims, slice->shape_count);
    vain_h5_put_integer(writer, dataset, "flat_offset", slice->offset);
    vain_h5_close(&dataset);
    vain_h5_close(&group);
}

static void write_vector(struct vain_h5_writer *writer, hid_t top, const char *kind,
                         const struct vain_checkpoint *checkpoint, const float *vector)
{
    for (int i = 0; i < checkpoint->slice_count && writer->status == VAIN_OK; i++)
        write_slice(writer, top, kind, &checkpoint->slices[i], vector);
}

static void write_vectors(struct vain_h5_writer *writer, const struct vain_checkpoint *checkpoint)
{
    const hid_t root = vain_h5_root(writer);
    hid_t model = vain_h5_make_group(writer, root, "model");
    write_vector(writer, model, "parameters", checkpoint, checkpoint->parameters);
    vain_h5_close(&model);
    if (checkpoint->outer_momentum == NULL)
        return;
    hid_t outer = vain_h5_make_group(writer, root, "outer");
    hid_t momentum = vain_h5_make_group(writer, outer, "momentum");
    write_vector(writer, momentum, "outer momentum", checkpoint, checkpoint->outer_momentum);
    vain_h5_close(&momentum);
    vain_h5_close(&outer);
}

static void write_data_and_codec(struct vain_h5_writer *writer,
                                 const struct vain_checkpoint *checkpoint)
{
    const hid_t root = vain_h5_root(writer);
    hid_t data = vain_h5_make_group(writer, root, "data");
    vain_h5_put_text(writer, data, "symbol_kind", text_or_empty(checkpoint->symbol_kind));
    vain_h5_put_integer(writer, data, "symbol_count", checkpoint->symbol_count);
    if (checkpoint->symbols != NULL) {
        const struct vain_h5_shape shape = {
            1, {checkpoint->symbol_count}, "1", "value of each token, in order of the tokens"};
        hid_t symbols = vain_h5_make_dataset(writer, data, "symbols", H5T_STD_U32LE, &shape,
                                             checkpoint->symbols);
        vain_h5_put_text(writer, symbols, "kind", text_or_empty(checkpoint->symbol_kind));
        vain_h5_close(&symbols);
    }
    if (checkpoint->words != NULL) {
        hid_t words = vain_h5_make_texts(writer, data, "symbols", checkpoint->words,
                                         checkpoint->symbol_count, VAIN_WORD_BYTES,
                                         "what each token stands for, in order of the tokens");
        vain_h5_put_text(writer, words, "kind", text_or_empty(checkpoint->symbol_kind));
        vain_h5_close(&words);
    }
    vain_h5_close(&data);

    hid_t codec = vain_h5_make_group(writer, root, "codec");
    vain_h5_put_integer(writer, codec, "range_exponent", checkpoint->range_exponent);
    vain_h5_put_integer(writer, codec, "bound_exponent", checkpoint->bound_exponent);
    vain_h5_close(&codec);
}

static enum vain_status write_peers(struct vain_h5_writer *writer,
                                    const struct vain_checkpoint *checkpoint)
{
    enum { ID_BYTES = 2 * VAIN_HASH_BYTES + 1 };
    const int count = checkpoint->member_count;
    void *memory;
    VAIN_TRY(vain_take_array(count, ID_BYTES + VAIN_NAME_BYTES, "columns of peers", &memory));
    char *ids = memory;
    char *names = count > 0 ? ids + (size_t)count * ID_BYTES : NULL;
    for (int i = 0; i < count; i++) {
        vain_to_hex(checkpoint->members[i].member_id, VAIN_HASH_BYTES, ids + (size_t)i * ID_BYTES);
        snprintf(names + (size_t)i * VAIN_NAME_BYTES, VAIN_NAME_BYTES, "%s",
                 checkpoint->members[i].name);
    }
    hid_t peers = vain_h5_make_group(writer, vain_h5_root(writer), "peers");
    hid_t column = vain_h5_make_texts(writer, peers, "id", ids, count, ID_BYTES,
                                      "member id: hash of the root key");
    vain_h5_close(&column);
    column = vain_h5_make_texts(writer, peers, "name", names, count, VAIN_NAME_BYTES,
                                "name in the job spec");
    vain_h5_close(&column);
    vain_h5_close(&peers);
    vain_release(memory);
    return VAIN_OK;
}

/* The curve as columns, in one block. */
struct curve_columns {
    int64_t *round, *step;
    double *loss, *validation_loss, *accuracy;
};

static struct curve_columns split_curve(const struct vain_checkpoint *checkpoint, void *memory)
{
    static_assert(sizeof(double) == sizeof(int64_t), "columns of one width");
    const int64_t count = checkpoint->curve_count;
    struct curve_columns columns = {0};
    if (count == 0)
        return columns;
    columns.round = memory;
    columns.step = columns.round + count;
    columns.loss = (double *)(void *)(columns.step + count);
    columns.validation_loss = columns.loss + count;
    columns.accuracy = columns.validation_loss + count;
    for (int64_t i = 0; i < count; i++) {
        columns.round[i] = checkpoint->curve[i].round;
        columns.step[i] = checkpoint->curve[i].step;
        columns.loss[i] = checkpoint->curve[i].loss;
        columns.validation_loss[i] = checkpoint->curve[i].validation_loss;
        columns.accuracy[i] = checkpoint->curve[i].accuracy;
    }
    return columns;
}

static enum vain_status write_curve(struct vain_h5_writer *writer,
                                    const struct vain_checkpoint *checkpoint)
{
    void *memory;
    VAIN_TRY(vain_take_array(checkpoint->curve_count, 5 * sizeof(int64_t), "columns of the curve",
                             &memory));
    const struct curve_columns columns = split_curve(checkpoint, memory);
    hid_t run = vain_h5_make_group(writer, vain_h5_root(writer), "run");
    vain_h5_put_text(writer, run, "NX_class", "NXentry");
    vain_h5_put_text(writer, run, "default", "loss");
    hid_t curve = vain_h5_make_group(writer, run, "loss");
    static const char *const axes[] = {"step"}, *const auxiliary[] = {"val_loss", "accuracy"};
    vain_h5_put_text(writer, curve, "NX_class", "NXdata");
    vain_h5_put_text(writer, curve, "signal", "loss");
    vain_h5_put_texts(writer, curve, "axes", axes, 1);
    vain_h5_put_texts(writer, curve, "auxiliary_signals", auxiliary, 2);
    vain_h5_make_text(writer, curve, "title", "loss by local steps", NULL);

    struct vain_h5_shape shape = {1, {checkpoint->curve_count}, "1", "local steps of each member"};
    hid_t step = vain_h5_make_dataset(writer, curve, "step", H5T_STD_I64LE, &shape, columns.step);
    shape.long_name = "exchanges finished";
    hid_t round =
        vain_h5_make_dataset(writer, curve, "round", H5T_STD_I64LE, &shape, columns.round);
    hid_t losses[3];
    shape.long_name =
        "training loss (nats per token or example), mean over members and steps of the round";
    losses[0] = vain_h5_make_dataset(writer, curve, "loss", H5T_IEEE_F64LE, &shape, columns.loss);
    shape.long_name = "validation loss (nats per token or example), NaN where not measured";
    losses[1] = vain_h5_make_dataset(writer, curve, "val_loss", H5T_IEEE_F64LE, &shape,
                                     columns.validation_loss);
    shape.long_name = "share of held-out samples that is right, NaN where not measured";
    losses[2] =
        vain_h5_make_dataset(writer, curve, "accuracy", H5T_IEEE_F64LE, &shape, columns.accuracy);
    vain_h5_attach_scale(writer, step, "step", losses, 3);
    vain_h5_close(&losses[2]);
    vain_h5_close(&losses[1]);
    vain_h5_close(&losses[0]);
    vain_h5_close(&round);
    vain_h5_close(&step);
    vain_h5_close(&curve);
    vain_h5_close(&run);
    vain_release(memory);
    return VAIN_OK;
}

static void write_hash(struct vain_h5_writer *writer, hid_t group, const char *name,
                       const uint8_t *hash, const char *long_name)
{
    const struct vain_h5_shape shape = {1, {VAIN_HASH_BYTES}, NULL, long_name};
    hid_t dataset = vain_h5_make_dataset(writer, group, name, H5T_STD_U8LE, &shape, hash);
    vain_h5_close(&dataset);
}

static void write_integrity(struct vain_h5_writer *writer, const struct vain_checkpoint *checkpoint,
                            const uint8_t *momentum_root)
{
    uint8_t content[VAIN_HASH_BYTES];
    vain_checkpoint_content_hash(checkpoint, momentum_root, content);
    const hid_t root = vain_h5_root(writer);
    vain_h5_put_hex(writer, root, "parameters_hash", checkpoint->parameters_hash, VAIN_HASH_BYTES);
    hid_t integrity = vain_h5_make_group(writer, root, "integrity");
    vain_h5_put_text(writer, integrity, "algorithm", "BLAKE2b-256");
    vain_h5_put_integer(writer, integrity, "leaf_bytes", VAIN_MERKLE_LEAF_BYTES);
    write_hash(writer, integrity, "parameters", checkpoint->parameters_hash,
               "Merkle root of the parameters in the order of flat_offset");
    if (momentum_root != NULL)
        write_hash(writer, integrity, "outer_momentum", momentum_root,
                   "Merkle root of the outer momentum in the order of flat_offset");
    write_hash(writer, integrity, "content", content, "hash of everything but the vectors");
    vain_h5_close(&integrity);
}

/* ---- The whole ------------------------------------------------------------------------------ */

static enum vain_status write_parts(struct vain_h5_writer *writer,
                                    const struct vain_checkpoint *checkpoint)
{
    write_root(writer, checkpoint);
    vain_h5_make_text(writer, vain_h5_root(writer), "spec", text_or_empty(checkpoint->spec),
                      "job spec as it was given");
    vain_h5_make_text(writer, vain_h5_root(writer), "spec_resolved",
                      text_or_empty(checkpoint->spec_resolved),
                      "job spec with all defaults that count");
    write_vectors(writer, checkpoint);
    write_data_and_codec(writer, checkpoint);
    VAIN_TRY(write_peers(writer, checkpoint));
    VAIN_TRY(write_curve(writer, checkpoint));
    return writer->status;
}

/* With the lock held: from nothing to a closed temporary file. */
static enum vain_status write_temporary(struct vain_h5_writer *writer,
                                        const struct vain_checkpoint *given, const char *path)
{
    struct vain_checkpoint checkpoint = *given;
    const bool momentum = checkpoint.outer_momentum != NULL;
    VAIN_TRY(vain_h5_writer_open(writer, path, FILE_MODE,
                                 checkpoint.parameter_count * (momentum ? 8 : 4) +
                                     ROOM_FOR_HEADERS_BYTES));
    const int64_t N = checkpoint.parameter_count;
    struct vain_root_job job = {.counts = {N, N}, .pool = checkpoint.pool};
    if (checkpoint.hash_parameters)
        job.vectors[job.count++] = checkpoint.parameters;
    if (momentum)
        job.vectors[job.count++] = checkpoint.outer_momentum;
    vain_root_job_start(&job);
    const enum vain_status written = write_parts(writer, &checkpoint);
    const enum vain_status hashed = vain_root_job_finish(&job);
    if (written != VAIN_OK || hashed != VAIN_OK) {
        vain_h5_writer_abandon(writer);
        return written != VAIN_OK ? written : hashed;
    }
    if (checkpoint.hash_parameters)
        memcpy(checkpoint.parameters_hash, job.roots[0], VAIN_HASH_BYTES);
    if (checkpoint.parameters_hash_out != NULL)
        memcpy(checkpoint.parameters_hash_out, checkpoint.parameters_hash, VAIN_HASH_BYTES);
    write_integrity(writer, &checkpoint, momentum ? job.roots[job.count - 1] : NULL);
    return vain_h5_writer_finish(writer);
}

enum vain_status vain_checkpoint_write(const struct vain_checkpoint *checkpoint, const char *folder,
                                       struct vain_world *world, int64_t *bytes)
{
    if (bytes != NULL)
        *bytes = 0;
    char path[VAIN_PATH_BYTES];
    vain_checkpoint_path(folder, checkpoint->round, path, sizeof path);
    VAIN_TRY(check_content(checkpoint, path));
    struct vain_h5_writer writer;
    vain_h5_lock();
    const enum vain_status status = write_temporary(&writer, checkpoint, path);
    vain_h5_unlock();
    VAIN_TRY(status);
    struct stat about;
    if (bytes != NULL && stat(writer.temporary, &about) == 0)
        *bytes = (int64_t)about.st_size;
    return world->ops->settle(world, writer.temporary, path);
}
