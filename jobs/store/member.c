/* A member's own file, through the same writer and reader as the checkpoint (hdf5_file.h).
 *
 *   /                attributes: file_type="vain-member", the scalars of struct vain_member_state
 *   /memory          group of what the method keeps (/memory/moment1 ...): attribute names;
 *                    float32, flat; attributes units, long_name, blake2b_root
 *   /residual [/parameters]   likewise
 *   /integrity/content        hash ("vain/member/body") over scalars, names, counts and roots
 *   /complete        1, last
 *
 * Private data: mode 0600 from the first moment on. */
#include "jobs/store/member.h"

#include "base/record.h"
#include "jobs/store/hdf5_file.h"
#include "jobs/store/root_job.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    FILE_MODE = 0600,
    ROOM_FOR_HEADERS_BYTES = 64 << 10,
    VECTORS_MAX = VAIN_MEMORIES_MAX + 2,
    PATH_BYTES = VAIN_MEMORY_NAME_BYTES + 16,
    FORMAT = 2 /* 1 knew two moments and nothing else */
};
#define FILE_TYPE "vain-member"
static_assert(VECTORS_MAX <= (int)VAIN_ROOTS_MAX, "each has a root");

struct vector {
    char path[PATH_BYTES];
    const char *long_name;
    float *values;
    int64_t count;
};

/* The vectors of a state in the order of the file; the last is there mid-round only. Gives their
 * number. */
static int list_vectors(const struct vain_member_state *state, struct vector out[VECTORS_MAX])
{
    int count = 0;
    for (int i = 0; i < state->memory_count; i++) {
        const struct vain_member_memory *memory = &state->memories[i];
        out[count] = (struct vector){"", memory->long_name, memory->values, memory->count};
        (void)snprintf(out[count++].path, PATH_BYTES, "/memory/%s", memory->name);
    }
    out[count++] = (struct vector){"/residual", "what rounding and clipping kept back",
                                   state->residual, state->parameter_count};
    if (state->step_in_round > 0)
        out[count++] = (struct vector){"/parameters", "local parameters in the middle of a round",
                                       state->parameters, state->parameter_count};
    return count;
}

static void add_integer(struct vain_hash_state *hash, int64_t value)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)value >> (8 * i));
    vain_hash_update(hash, bytes, sizeof bytes);
}

static void content_hash(const struct vain_member_state *state,
                         uint8_t roots[VECTORS_MAX][VAIN_HASH_BYTES], uint8_t out[VAIN_HASH_BYTES])
{
    struct vector vectors[VECTORS_MAX];
    const int count = list_vectors(state, vectors);
    struct vain_hash_state hash;
    int64_t loss_bits;
    memcpy(&loss_bits, &state->loss_sum, sizeof loss_bits);
    vain_hash_init(&hash, "vain/member/body");
    add_integer(&hash, FORMAT);
    add_integer(&hash, (int64_t)strlen(state->name));
    vain_hash_update(&hash, state->name, strlen(state->name));
    vain_hash_update(&hash, state->run_id, sizeof state->run_id);
    vain_hash_update(&hash, state->parameters_hash, sizeof state->parameters_hash);
    add_integer(&hash, state->round);
    add_integer(&hash, state->step_in_round);
    add_integer(&hash, state->optimiser_step);
    add_integer(&hash, state->data_position);
    add_integer(&hash, state->promises);
    add_integer(&hash, state->dropped_inputs);
    add_integer(&hash, loss_bits);
    add_integer(&hash, state->parameter_count);
    add_integer(&hash, state->memory_count);
    for (int i = 0; i < count; i++) {
        add_integer(&hash, (int64_t)strlen(vectors[i].path));
        vain_hash_update(&hash, vectors[i].path, strlen(vectors[i].path));
        add_integer(&hash, vectors[i].count);
        vain_hash_update(&hash, roots[i], VAIN_HASH_BYTES);
    }
    vain_hash_final(&hash, out);
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void write_scalars(struct vain_h5_writer *writer, const struct vain_member_state *state)
{
    const hid_t root = vain_h5_root(writer);
    vain_h5_put_text(writer, root, "file_type", FILE_TYPE);
    vain_h5_put_integer(writer, root, "format_version", FORMAT);
    vain_h5_put_text(writer, root, "creator", "vain " VAIN_VERSION);
    vain_h5_put_text(writer, root, "name", state->name);
    vain_h5_put_hex(writer, root, "run_id", state->run_id, sizeof state->run_id);
    vain_h5_put_hex(writer, root, "parameters_hash", state->parameters_hash, VAIN_HASH_BYTES);
    vain_h5_put_integer(writer, root, "round", state->round);
    vain_h5_put_integer(writer, root, "step_in_round", state->step_in_round);
    vain_h5_put_integer(writer, root, "optimiser_step", state->optimiser_step);
    vain_h5_put_integer(writer, root, "data_position", state->data_position);
    vain_h5_put_integer(writer, root, "promises", state->promises);
    vain_h5_put_integer(writer, root, "dropped_inputs", state->dropped_inputs);
    vain_h5_put_number(writer, root, "loss_sum", state->loss_sum);
    vain_h5_put_integer(writer, root, "parameter_count", state->parameter_count);
}

/* The group of what the method keeps, with the names in the order of their hashes. */
static hid_t make_memory_group(struct vain_h5_writer *writer, const struct vain_member_state *state)
{
    const char *names[VAIN_MEMORIES_MAX];
    hid_t group = vain_h5_make_group(writer, vain_h5_root(writer), "memory");
    for (int i = 0; i < state->memory_count; i++)
        names[i] = state->memories[i].name;
    vain_h5_put_integer(writer, group, "count", state->memory_count);
    if (state->memory_count > 0)
        vain_h5_put_texts(writer, group, "names", names, state->memory_count);
    return group;
}

static void write_integrity(struct vain_h5_writer *writer, const struct vain_member_state *state,
                            hid_t *datasets, int count, const struct vain_root_job *job)
{
    uint8_t roots[VECTORS_MAX][VAIN_HASH_BYTES], content[VAIN_HASH_BYTES];
    for (int i = 0; i < count; i++) {
        memcpy(roots[i], job->roots[i], VAIN_HASH_BYTES);
        vain_h5_put_hex(writer, datasets[i], "blake2b_root", roots[i], VAIN_HASH_BYTES);
    }
    content_hash(state, roots, content);
    hid_t integrity = vain_h5_make_group(writer, vain_h5_root(writer), "integrity");
    vain_h5_put_integer(writer, integrity, "leaf_bytes", VAIN_MERKLE_LEAF_BYTES);
    const struct vain_h5_shape shape = {
        1, {VAIN_HASH_BYTES}, NULL, "hash of the attributes of / and of the roots"};
    hid_t dataset =
        vain_h5_make_dataset(writer, integrity, "content", H5T_STD_U8LE, &shape, content);
    vain_h5_close(&dataset);
    vain_h5_close(&integrity);
}

/* With the lock held: from nothing to a closed temporary file. */
static enum vain_status write_temporary(struct vain_h5_writer *writer,
                                        const struct vain_member_state *state, const char *path)
{
    struct vector vectors[VECTORS_MAX];
    const int count = list_vectors(state, vectors);
    int64_t bytes = ROOM_FOR_HEADERS_BYTES;
    struct vain_root_job job = {.count = count, .pool = state->pool};
    for (int i = 0; i < count; i++) {
        bytes += vectors[i].count * (int64_t)sizeof(float);
        job.vectors[i] = vectors[i].values;
        job.counts[i] = vectors[i].count;
    }
    VAIN_TRY(vain_h5_writer_open(writer, path, FILE_MODE, bytes));
    vain_root_job_start(&job);
    write_scalars(writer, state);
    hid_t datasets[VECTORS_MAX];
    hid_t memory = make_memory_group(writer, state);
    for (int i = 0; i < count; i++) {
        const bool kept = i < state->memory_count;
        const struct vain_h5_shape shape = {1, {vectors[i].count}, "1", vectors[i].long_name};
        datasets[i] = vain_h5_make_dataset(writer, kept ? memory : vain_h5_root(writer),
                                           strrchr(vectors[i].path, '/') + 1, H5T_IEEE_F32LE,
                                           &shape, vectors[i].values);
    }
    vain_h5_close(&memory);
    const enum vain_status hashed = vain_root_job_finish(&job);
    if (hashed == VAIN_OK)
        write_integrity(writer, state, datasets, count, &job);
    else if (writer->status == VAIN_OK)
        writer->status = hashed;
    for (int i = 0; i < count; i++)
        vain_h5_close(&datasets[i]);
    return vain_h5_writer_finish(writer);
}

enum vain_status vain_member_write(const struct vain_member_state *state, const char *folder,
                                   struct vain_world *world)
{
    VAIN_ASSERT(state->parameter_count >= 1);
    char path[VAIN_PATH_BYTES];
    vain_member_path(folder, state->name, state->round, path, sizeof path);
    struct vain_h5_writer writer;
    vain_h5_lock();
    const enum vain_status status = write_temporary(&writer, state, path);
    vain_h5_unlock();
    VAIN_TRY(status);
    return world->ops->settle(world, writer.temporary, path);
}

/* ---- Reading -------------------------------------------------------------------------------- */

struct names {
    char text[VAIN_MEMORIES_MAX][VAIN_MEMORY_NAME_BYTES];
};

static void read_scalars(struct vain_h5_reader *reader, struct vain_member_state *state)
{
    char text[VAIN_NAME_BYTES];
    hid_t root = vain_h5_open_object(reader, "/");
    vain_h5_get_text(reader, root, "/", "file_type", text, sizeof text);
    if (reader->status == VAIN_OK && strcmp(text, FILE_TYPE) != 0)
        vain_h5_reject(reader, "file_type is '%s', expected '" FILE_TYPE "'", text);
    vain_h5_get_integer(reader, root, "/", "format_version", FORMAT, FORMAT);
    vain_h5_get_text(reader, root, "/", "name", state->name, sizeof state->name);
    vain_h5_get_hex(reader, root, "/", "run_id", state->run_id, sizeof state->run_id);
    vain_h5_get_hex(reader, root, "/", "parameters_hash", state->parameters_hash, VAIN_HASH_BYTES);
    state->round = vain_h5_get_integer(reader, root, "/", "round", 0, INT64_MAX);
    state->step_in_round = vain_h5_get_integer(reader, root, "/", "step_in_round", 0, INT64_MAX);
    state->optimiser_step = vain_h5_get_integer(reader, root, "/", "optimiser_step", 0, INT64_MAX);
    state->data_position = vain_h5_get_integer(reader, root, "/", "data_position", 0, INT64_MAX);
    state->promises = vain_h5_get_integer(reader, root, "/", "promises", 0, INT64_MAX);
    state->dropped_inputs = vain_h5_get_integer(reader, root, "/", "dropped_inputs", 0, UINT32_MAX);
    state->loss_sum = vain_h5_get_number(reader, root, "/", "loss_sum");
    state->parameter_count = vain_h5_get_integer(reader, root, "/", "parameter_count", 1,
                                                 reader->file_bytes / (int64_t)sizeof(float));
    vain_h5_close(&root);
}

/* Names and counts of what the method keeps. */
static void read_memories(struct vain_h5_reader *reader, struct vain_member_state *state,
                          struct names *names)
{
    hid_t group = vain_h5_open_object(reader, "/memory");
    state->memory_count =
        (int)vain_h5_get_integer(reader, group, "/memory", "count", 0, VAIN_MEMORIES_MAX);
    if (reader->status == VAIN_OK && state->memory_count > 0)
        vain_h5_get_texts(reader, group, "/memory", "names", names->text[0], state->memory_count,
                          VAIN_MEMORY_NAME_BYTES);
    vain_h5_close(&group);
    for (int i = 0; i < state->memory_count && reader->status == VAIN_OK; i++) {
        char path[PATH_BYTES];
        (void)snprintf(path, sizeof path, "/memory/%s", names->text[i]);
        struct vain_h5_dataset dataset = {.count = 0};
        vain_h5_open_dataset(reader, path, H5T_IEEE_F32LE, &dataset);
        state->memories[i] =
            (struct vain_member_memory){.name = names->text[i], .count = dataset.count};
        vain_h5_close(&dataset.id);
    }
    if (reader->status != VAIN_OK)
        state->memory_count = 0;
}

/* Scalars, names and roots, bound by the content hash. `state` has no vectors yet; names of its
 * memories point into `names`. */
static void read_head(struct vain_h5_reader *reader, struct vain_member_state *state,
                      struct names *names, uint8_t roots[VECTORS_MAX][VAIN_HASH_BYTES])
{
    uint8_t stored[VAIN_HASH_BYTES] = {0}, computed[VAIN_HASH_BYTES];
    vain_h5_check_complete(reader);
    read_scalars(reader, state);
    read_memories(reader, state, names);
    struct vector vectors[VECTORS_MAX];
    const int count = list_vectors(state, vectors);
    for (int i = 0; i < count && reader->status == VAIN_OK; i++) {
        hid_t vector = vain_h5_open_object(reader, vectors[i].path);
        vain_h5_get_hex(reader, vector, vectors[i].path, "blake2b_root", roots[i], VAIN_HASH_BYTES);
        vain_h5_close(&vector);
    }
    struct vain_h5_dataset dataset;
    vain_h5_open_dataset(reader, "/integrity/content", H5T_STD_U8LE, &dataset);
    vain_h5_read_dataset(reader, &dataset, "/integrity/content", stored, sizeof stored);
    vain_h5_close(&dataset.id);
    if (reader->status != VAIN_OK)
        return;
    content_hash(state, roots, computed);
    if (!vain_equal(stored, computed, sizeof stored))
        vain_h5_reject(reader, "its attributes do not have the hash that they were written with");
}

static void read_vectors(struct vain_h5_reader *reader, const struct vain_member_state *state)
{
    struct vector vectors[VECTORS_MAX];
    const int count = list_vectors(state, vectors);
    for (int i = 0; i < count && reader->status == VAIN_OK; i++) {
        const char *path = vectors[i].path;
        struct vain_h5_dataset dataset;
        vain_h5_open_dataset(reader, path, H5T_IEEE_F32LE, &dataset);
        vain_h5_read_dataset(reader, &dataset, path, vectors[i].values,
                             (size_t)vectors[i].count * sizeof(float));
        vain_h5_close(&dataset.id);
    }
}

static enum vain_status check_roots(const char *path, struct vain_pool *pool,
                                    const struct vain_member_state *state,
                                    uint8_t roots[VECTORS_MAX][VAIN_HASH_BYTES])
{
    struct vector vectors[VECTORS_MAX];
    const int count = list_vectors(state, vectors);
    for (int i = 0; i < count; i++) {
        uint8_t root[VAIN_HASH_BYTES];
        VAIN_TRY(vain_merkle_root(vectors[i].values, (size_t)vectors[i].count * sizeof(float),
                                  VAIN_MERKLE_LEAF_BYTES, pool, root));
        if (!vain_equal(root, roots[i], sizeof root))
            return vain_fail(VAIN_ERR_CORRUPT,
                             "%s: '%s' does not have the Merkle root that it was written with; "
                             "take an older round",
                             path, vectors[i].path);
    }
    return VAIN_OK;
}

enum vain_status vain_member_peek(const char *path, struct vain_member_state *out)
{
    *out = (struct vain_member_state){0};
    uint8_t roots[VECTORS_MAX][VAIN_HASH_BYTES];
    struct names names;
    struct vain_h5_reader reader;
    vain_h5_lock();
    enum vain_status status = vain_h5_reader_open(&reader, path);
    if (status == VAIN_OK)
        read_head(&reader, out, &names, roots);
    status = reader.status != VAIN_OK ? reader.status : status;
    vain_h5_reader_close(&reader);
    vain_h5_unlock();
    if (status != VAIN_OK)
        *out = (struct vain_member_state){0};
    out->memory_count = 0; /* their names end here */
    return status;
}

/* The file keeps what is expected, and nothing else. */
static void compare_memories(struct vain_h5_reader *reader, const struct vain_member_state *found,
                             const struct vain_member_state *expected)
{
    if (reader->status == VAIN_OK && found->memory_count != expected->memory_count)
        vain_h5_reject(reader, "it keeps %d vectors of the method, expected %d",
                       found->memory_count, expected->memory_count);
    for (int i = 0; i < expected->memory_count && reader->status == VAIN_OK; i++) {
        const struct vain_member_memory *own = &found->memories[i];
        const struct vain_member_memory *wanted = &expected->memories[i];
        if (strcmp(own->name, wanted->name) != 0 || own->count != wanted->count)
            vain_h5_reject(reader, "it keeps '%s' of %lld values, expected '%s' of %lld", own->name,
                           (long long)own->count, wanted->name, (long long)wanted->count);
    }
}

/* With the lock held. */
static enum vain_status read_file(struct vain_h5_reader *reader, struct vain_member_state *state,
                                  uint8_t roots[VECTORS_MAX][VAIN_HASH_BYTES])
{
    VAIN_TRY(vain_h5_reader_open(reader, reader->path));
    struct vain_member_state found = {0};
    struct names names;
    read_head(reader, &found, &names, roots);
    if (reader->status == VAIN_OK && found.parameter_count != state->parameter_count)
        vain_h5_reject(reader, "it is of %lld parameters, expected %lld",
                       (long long)found.parameter_count, (long long)state->parameter_count);
    if (reader->status == VAIN_OK && found.step_in_round > 0 && state->parameters == NULL)
        return vain_fail(VAIN_ERR_INPUT,
                         "%s: it is from the middle of a round, and there is no "
                         "place for its parameters",
                         reader->path);
    compare_memories(reader, &found, state);
    VAIN_TRY(reader->status);
    memcpy(found.memories, state->memories, sizeof found.memories);
    found.residual = state->residual;
    found.parameters = state->parameters;
    found.pool = state->pool;
    *state = found;
    read_vectors(reader, state);
    return reader->status;
}

enum vain_status vain_member_read(const char *path, struct vain_pool *pool,
                                  struct vain_member_state *state)
{
    uint8_t roots[VECTORS_MAX][VAIN_HASH_BYTES];
    struct vain_h5_reader reader = {.file = H5I_INVALID_HID, .path = path};
    vain_h5_lock();
    const enum vain_status status = read_file(&reader, state, roots);
    vain_h5_reader_close(&reader);
    vain_h5_unlock();
    VAIN_TRY(status);
    return check_roots(path, pool, state, roots);
}
