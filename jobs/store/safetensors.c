/* safetensors, after its specification (github.com/huggingface/safetensors, README "Format"): u64
 * length of the header, JSON object of name -> {dtype, shape, data_offsets}, raw little-endian
 * values in the order of the offsets without holes. The header is padded with spaces to a multiple
 * of 8, so that readers which map the file get aligned numbers. */
#include "jobs/store/safetensors.h"

#include "base/memory.h"
#include "jobs/store/part_file.h"

#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors holds little-endian numbers; this file writes them as they lie in memory"
#endif

enum { FILE_MODE = 0644, HEADER_ALIGN_BYTES = 8, LENGTH_BYTES = 8 };

static void add_text(struct json_object *object, const char *key, const char *text)
{
    json_object_object_add(object, key, json_object_new_string(text == NULL ? "" : text));
}

/* All values are texts: the format allows nothing else there. */
static struct json_object *make_metadata(const struct vain_checkpoint *content)
{
    char text[2 * VAIN_HASH_BYTES + 1];
    struct json_object *metadata = json_object_new_object();
    add_text(metadata, "format", "pt");
    add_text(metadata, "creator", "vain " VAIN_VERSION);
    add_text(metadata, "job_name", content->job_name);
    add_text(metadata, "model", content->model);
    vain_to_hex(content->run_id, VAIN_RUN_ID_BYTES, text);
    add_text(metadata, "run_id", text);
    snprintf(text, sizeof text, "%lld", (long long)content->round);
    add_text(metadata, "round", text);
    snprintf(text, sizeof text, "%lld", (long long)content->step);
    add_text(metadata, "step", text);
    vain_to_hex(content->parameters_hash, VAIN_HASH_BYTES, text);
    add_text(metadata, "parameters_hash", text);
    return metadata;
}

static struct json_object *make_entry(const struct vain_store_slice *slice)
{
    struct json_object *entry = json_object_new_object();
    add_text(entry, "dtype", "F32");
    struct json_object *shape = json_object_new_array();
    for (int i = 0; i < slice->shape_count; i++)
        json_object_array_add(shape, json_object_new_int64(slice->shape[i]));
    json_object_object_add(entry, "shape", shape);
    struct json_object *offsets = json_object_new_array();
    const int64_t start = slice->offset * (int64_t)sizeof(float);
    json_object_array_add(offsets, json_object_new_int64(start));
    json_object_array_add(offsets,
                          json_object_new_int64(start + slice->count * (int64_t)sizeof(float)));
    json_object_object_add(entry, "data_offsets", offsets);
    return entry;
}

/* Length and padded header. Gives the bytes. */
static enum vain_status make_header(const struct vain_checkpoint *content, uint8_t **out,
                                    size_t *bytes)
{
    struct json_object *header = json_object_new_object();
    json_object_object_add(header, "__metadata__", make_metadata(content));
    for (int i = 0; i < content->slice_count; i++)
        json_object_object_add(header, content->slices[i].name, make_entry(&content->slices[i]));
    size_t length = 0;
    const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
    const char *text = json_object_to_json_string_length(header, flags, &length);
    const size_t padded =
        (length + HEADER_ALIGN_BYTES - 1) / HEADER_ALIGN_BYTES * HEADER_ALIGN_BYTES;
    void *memory = NULL;
    const enum vain_status status =
        text == NULL ? vain_fail(VAIN_ERR_MEMORY, "no memory for a safetensors header")
                     : vain_take(LENGTH_BYTES + padded, "safetensors header", &memory);
    if (status == VAIN_OK) {
        VAIN_ASSERT(memory != NULL);
        *out = memory;
        *bytes = LENGTH_BYTES + padded;
        for (int i = 0; i < LENGTH_BYTES; i++)
            (*out)[i] = (uint8_t)((uint64_t)padded >> (8 * i));
        memset(*out + LENGTH_BYTES, ' ', padded);
        memcpy(*out + LENGTH_BYTES, text, length);
    }
    json_object_put(header);
    return status;
}

static bool write_all(int descriptor, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    while (bytes > 0) {
        const ssize_t wrote = write(descriptor, at, bytes);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        at += wrote;
        bytes -= (size_t)wrote;
    }
    return true;
}

static enum vain_status write_file(const char *path, const uint8_t *header, size_t header_bytes,
                                   const float *parameters, size_t parameter_bytes,
                                   struct vain_world *world)
{
    char part[VAIN_PART_PATH_BYTES];
    vain_part_path(path, part);
    int descriptor;
    VAIN_TRY(vain_part_create(part, path, FILE_MODE, (int64_t)(header_bytes + parameter_bytes),
                              &descriptor));
    const bool written = write_all(descriptor, header, header_bytes) &&
                         write_all(descriptor, parameters, parameter_bytes);
    const int reason = errno;
    if (close(descriptor) == 0 && written)
        return world->ops->settle(world, part, path);
    const int close_reason = written ? errno : reason;
    (void)unlink(part);
    return vain_fail(VAIN_ERR_STORAGE, "%s: cannot write %zu bytes: %s; nothing was replaced", path,
                     header_bytes + parameter_bytes, strerror(close_reason));
}

enum vain_status vain_safetensors_export(const struct vain_checkpoint *content,
                                         const float *parameters, const char *path, bool replace,
                                         struct vain_world *world)
{
    struct stat about;
    if (!replace && lstat(path, &about) == 0)
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s is there already; name another file, or give --force", path);
    uint8_t *header = NULL;
    size_t header_bytes = 0;
    VAIN_TRY(make_header(content, &header, &header_bytes));
    const enum vain_status status =
        write_file(path, header, header_bytes, parameters,
                   (size_t)content->parameter_count * sizeof(float), world);
    vain_release(header);
    return status;
}
