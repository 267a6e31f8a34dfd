/* Rules for slices, and the content hash.
 *
 * The hash is over values, not over the file's bytes, so a file that h5repack rewrote is still the
 * same checkpoint. Every text carries its length and every list its count, so no two contents give
 * the same stream. */
#include "jobs/store/checkpoint_layout.h"

#include "base/timestamp.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static_assert(sizeof(float) == 4 && sizeof(double) == 8, "IEEE 754 binary32 and binary64");

bool vain_slice_name_valid(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_.";
    const size_t length = strlen(name);
    if (length == 0 || length >= VAIN_SLICE_NAME_BYTES || strspn(name, letters) != length)
        return false;
    return name[0] != '.' && name[length - 1] != '.' && strstr(name, "..") == NULL;
}

void vain_slice_path(const char *group, const char *name,
                     char out[VAIN_MIN_LEN(VAIN_OBJECT_PATH_BYTES)])
{
    snprintf(out, VAIN_OBJECT_PATH_BYTES, "%s/%s", group, name);
    for (char *at = out + strlen(group); *at != '\0'; at++) {
        if (*at == '.')
            *at = '/';
    }
}

int64_t vain_slice_elements(const struct vain_store_slice *slice)
{
    int64_t elements = 1;
    for (int i = 0; i < slice->shape_count; i++) {
        if (slice->shape[i] < 1 || elements > INT64_MAX / slice->shape[i])
            return 0;
        elements *= slice->shape[i];
    }
    return elements;
}

const char *vain_slices_problem(const struct vain_store_slice *slices, int count,
                                int64_t parameter_count, int *index)
{
    *index = 0;
    if (count < 1 || count > VAIN_SLICES_MAX)
        return "the number of slices is out of bounds";
    int64_t offset = 0;
    for (int i = 0; i < count; i++) {
        const struct vain_store_slice *slice = &slices[i];
        *index = i;
        if (!vain_slice_name_valid(slice->name))
            return "its name is no dotted path of [a-z0-9_]";
        if (slice->shape_count < 1 || slice->shape_count > VAIN_SHAPE_MAX)
            return "it has no 1 to 4 dimensions";
        if (slice->count < 1 || vain_slice_elements(slice) != slice->count)
            return "its shape does not give its count";
        if (slice->offset != offset)
            return "it does not begin where the one before it ends";
        if (slice->count > parameter_count - offset)
            return "it ends after the last parameter";
        offset += slice->count;
    }
    return offset == parameter_count ? NULL : "parameters are left over after it";
}

/* ---- Content hash --------------------------------------------------------------------------- */

static void add_integer(struct vain_hash_state *state, int64_t value)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)value >> (8 * i));
    vain_hash_update(state, bytes, sizeof bytes);
}

static void add_number(struct vain_hash_state *state, double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    add_integer(state, bits);
}

static void add_text(struct vain_hash_state *state, const char *text)
{
    const size_t length = text == NULL ? 0 : strlen(text);
    add_integer(state, (int64_t)length);
    if (length > 0)
        vain_hash_update(state, text, length);
}

static void add_slices(struct vain_hash_state *state, const struct vain_checkpoint *checkpoint)
{
    add_integer(state, checkpoint->slice_count);
    for (int i = 0; i < checkpoint->slice_count; i++) {
        const struct vain_store_slice *slice = &checkpoint->slices[i];
        add_text(state, slice->name);
        add_integer(state, slice->offset);
        add_integer(state, slice->shape_count);
        for (int axis = 0; axis < slice->shape_count; axis++) {
            add_integer(state, slice->shape[axis]);
            add_text(state, slice->dims[axis]);
        }
    }
}

static void add_symbols(struct vain_hash_state *state, const struct vain_checkpoint *checkpoint)
{
    add_text(state, checkpoint->symbol_kind);
    add_integer(state, checkpoint->symbol_count);
    add_integer(state, checkpoint->symbols != NULL ? 1 : checkpoint->words != NULL ? 2 : 0);
    for (int64_t i = 0; checkpoint->symbols != NULL && i < checkpoint->symbol_count; i++)
        add_integer(state, checkpoint->symbols[i]);
    for (int64_t i = 0; checkpoint->words != NULL && i < checkpoint->symbol_count; i++)
        add_text(state, checkpoint->words + i * VAIN_WORD_BYTES);
}

static void add_curve(struct vain_hash_state *state, const struct vain_checkpoint *checkpoint)
{
    add_integer(state, checkpoint->curve_count);
    for (int64_t i = 0; i < checkpoint->curve_count; i++) {
        const struct vain_curve_point *point = &checkpoint->curve[i];
        add_integer(state, point->round);
        add_integer(state, point->step);
        add_number(state, point->loss);
        add_number(state, point->validation_loss);
        add_number(state, point->accuracy);
    }
}

void vain_checkpoint_content_hash(const struct vain_checkpoint *checkpoint,
                                  const uint8_t *momentum_root,
                                  uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    struct vain_hash_state state;
    vain_hash_init(&state, "vain/ckpt/body");
    add_integer(&state, VAIN_CHECKPOINT_FORMAT);
    vain_hash_update(&state, checkpoint->run_id, sizeof checkpoint->run_id);
    add_integer(&state, checkpoint->round);
    add_integer(&state, checkpoint->step);
    char created[VAIN_TIMESTAMP_BYTES];
    vain_timestamp_format(checkpoint->created_unix_ms, created);
    add_text(&state, created);
    add_integer(&state, checkpoint->parameter_count);
    add_slices(&state, checkpoint);
    vain_hash_update(&state, checkpoint->parameters_hash, sizeof checkpoint->parameters_hash);
    add_integer(&state, momentum_root != NULL);
    if (momentum_root != NULL)
        vain_hash_update(&state, momentum_root, VAIN_HASH_BYTES);
    add_integer(&state, checkpoint->range_exponent);
    add_integer(&state, checkpoint->bound_exponent);
    vain_hash_update(&state, checkpoint->record_head, sizeof checkpoint->record_head);
    vain_hash_update(&state, checkpoint->spec_hash, sizeof checkpoint->spec_hash);
    add_text(&state, checkpoint->spec);
    add_text(&state, checkpoint->spec_resolved);
    add_text(&state, checkpoint->job_name);
    add_text(&state, checkpoint->platform);
    add_text(&state, checkpoint->model);
    add_integer(&state, checkpoint->member_count);
    for (int i = 0; i < checkpoint->member_count; i++) {
        add_text(&state, checkpoint->members[i].name);
        vain_hash_update(&state, checkpoint->members[i].member_id, VAIN_HASH_BYTES);
    }
    add_symbols(&state, checkpoint);
    add_curve(&state, checkpoint);
    vain_hash_final(&state, out);
}
