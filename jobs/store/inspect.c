/* Numbers about a checkpoint, and two of them side by side. Reads through checkpoint_read.c only,
 * so what is shown was checked; the tree of names is in tree.c, since it shows broken files too. */
#include "jobs/store/inspect.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct vain_slice_statistics vain_slice_statistics(const float *values, int64_t count)
{
    struct vain_slice_statistics out = {NAN, NAN, NAN, NAN, 0};
    int64_t finite = 0;
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            out.not_finite++;
            continue;
        }
        const double value = (double)values[i];
        out.minimum = finite == 0 || value < out.minimum ? value : out.minimum;
        out.maximum = finite == 0 || value > out.maximum ? value : out.maximum;
        sum += value;
        finite++;
    }
    if (finite == 0)
        return out;
    out.mean = sum / (double)finite;
    double squares =
        0; /* in a second pass: the difference of two large sums would lose the digits */
    for (int64_t i = 0; i < count; i++) {
        if (isfinite(values[i]))
            squares += ((double)values[i] - out.mean) * ((double)values[i] - out.mean);
    }
    out.deviation = sqrt(squares / (double)finite);
    return out;
}

/* ---- Verify --------------------------------------------------------------------------------- */

static enum vain_status verify_file(struct vain_checkpoint_file *file, struct vain_pool *pool,
                                    struct vain_checkpoint_verdict *out)
{
    const struct vain_checkpoint *content = vain_checkpoint_content(file);
    void *vector;
    VAIN_TRY(vain_take_array(content->parameter_count, sizeof(float), "parameters", &vector));
    enum vain_status status = vain_checkpoint_read(file, pool, vector, NULL);
    if (status == VAIN_OK)
        out->not_finite = vain_slice_statistics(vector, content->parameter_count).not_finite;
    if (status == VAIN_OK && vain_checkpoint_has_momentum(file))
        status = vain_checkpoint_read(file, pool, NULL, vector);
    vain_release(vector);
    VAIN_TRY(status);
    out->round = content->round;
    out->step = content->step;
    out->parameter_count = content->parameter_count;
    out->slice_count = content->slice_count;
    out->has_momentum = vain_checkpoint_has_momentum(file);
    out->bytes = vain_checkpoint_bytes(file);
    memcpy(out->parameters_hash, content->parameters_hash, VAIN_HASH_BYTES);
    memcpy(out->spec_hash, content->spec_hash, VAIN_HASH_BYTES);
    memcpy(out->record_head, content->record_head, VAIN_HASH_BYTES);
    return VAIN_OK;
}

enum vain_status vain_checkpoint_verify(const char *path, struct vain_pool *pool,
                                        struct vain_checkpoint_verdict *out)
{
    *out = (struct vain_checkpoint_verdict){0};
    struct vain_checkpoint_file *file;
    VAIN_TRY(vain_checkpoint_open(path, &file));
    const enum vain_status status = verify_file(file, pool, out);
    vain_checkpoint_close(&file);
    if (status != VAIN_OK)
        *out = (struct vain_checkpoint_verdict){0};
    return status;
}

/* ---- Difference ----------------------------------------------------------------------------- */

/* Two opened files and who is told. */
struct pair {
    const struct vain_checkpoint *a, *b;
    vain_difference_visitor visit;
    void *context;
    int64_t count;
};

static void tell(struct pair *pair, const struct vain_difference *difference)
{
    if (!difference->provenance)
        pair->count++;
    if (pair->visit != NULL)
        pair->visit(pair->context, difference);
}

static void compare_texts(struct pair *pair, const char *name, const char *a, const char *b)
{
    if (strcmp(a, b) != 0)
        tell(pair, &(struct vain_difference){.name = name, .a = a, .b = b});
}

static void compare_integers(struct pair *pair, const char *name, int64_t a, int64_t b)
{
    char left[32], right[32];
    snprintf(left, sizeof left, "%lld", (long long)a);
    snprintf(right, sizeof right, "%lld", (long long)b);
    compare_texts(pair, name, left, right);
}

static void compare_bytes(struct pair *pair, const char *name, const uint8_t *a, const uint8_t *b,
                          size_t bytes, bool provenance)
{
    char left[2 * VAIN_HASH_BYTES + 1], right[2 * VAIN_HASH_BYTES + 1];
    vain_to_hex(a, bytes, left);
    vain_to_hex(b, bytes, right);
    if (memcmp(a, b, bytes) != 0)
        tell(pair, &(struct vain_difference){
                       .name = name, .a = left, .b = right, .provenance = provenance});
}

static void compare_scalars(struct pair *pair)
{
    const struct vain_checkpoint *a = pair->a, *b = pair->b;
    compare_texts(pair, "job_name", a->job_name, b->job_name);
    compare_bytes(pair, "run_id", a->run_id, b->run_id, VAIN_RUN_ID_BYTES, true);
    compare_integers(pair, "round", a->round, b->round);
    compare_integers(pair, "step", a->step, b->step);
    compare_texts(pair, "model", a->model, b->model);
    compare_integers(pair, "parameter_count", a->parameter_count, b->parameter_count);
    compare_texts(pair, "platform", a->platform, b->platform);
    compare_bytes(pair, "spec_hash", a->spec_hash, b->spec_hash, VAIN_HASH_BYTES, false);
    compare_bytes(pair, "record_head", a->record_head, b->record_head, VAIN_HASH_BYTES, true);
    compare_bytes(pair, "parameters_hash", a->parameters_hash, b->parameters_hash, VAIN_HASH_BYTES,
                  false);
    compare_texts(pair, "spec", a->spec, b->spec);
    compare_texts(pair, "spec_resolved", a->spec_resolved, b->spec_resolved);
    compare_integers(pair, "codec/range_exponent", a->range_exponent, b->range_exponent);
    compare_integers(pair, "codec/bound_exponent", a->bound_exponent, b->bound_exponent);
    compare_texts(pair, "data/symbol_kind", a->symbol_kind, b->symbol_kind);
    compare_integers(pair, "data/symbol_count", a->symbol_count, b->symbol_count);
}

static bool symbols_are_equal(const struct vain_checkpoint *a, const struct vain_checkpoint *b)
{
    const size_t count = (size_t)a->symbol_count;
    if ((a->symbols == NULL) != (b->symbols == NULL) || (a->words == NULL) != (b->words == NULL))
        return false;
    if (a->symbols == NULL && a->words == NULL)
        return true;
    if (a->symbol_count != b->symbol_count)
        return false;
    return a->symbols != NULL ? memcmp(a->symbols, b->symbols, count * sizeof(uint32_t)) == 0
                              : memcmp(a->words, b->words, count * VAIN_WORD_BYTES) == 0;
}

static const struct vain_record_member *find_peer(const struct vain_checkpoint *checkpoint,
                                                  const char *name)
{
    for (int i = 0; i < checkpoint->member_count; i++) {
        if (strcmp(checkpoint->members[i].name, name) == 0)
            return &checkpoint->members[i];
    }
    return NULL;
}

/* Names, in any order: members are listed by their ids, which throw-away keys change. */
static bool names_are_equal(const struct vain_checkpoint *a, const struct vain_checkpoint *b)
{
    bool equal = a->member_count == b->member_count;
    for (int i = 0; i < a->member_count && equal; i++)
        equal = find_peer(b, a->members[i].name) != NULL;
    return equal;
}

/* Of members with the same names. */
static bool ids_are_equal(const struct vain_checkpoint *a, const struct vain_checkpoint *b)
{
    for (int i = 0; i < a->member_count; i++) {
        if (memcmp(a->members[i].member_id, find_peer(b, a->members[i].name)->member_id,
                   VAIN_HASH_BYTES) != 0)
            return false;
    }
    return true;
}

static bool curves_are_equal(const struct vain_checkpoint *a, const struct vain_checkpoint *b)
{
    return a->curve_count == b->curve_count &&
           (a->curve_count == 0 ||
            memcmp(a->curve, b->curve, (size_t)a->curve_count * sizeof a->curve[0]) == 0);
}

static void compare_lists(struct pair *pair)
{
    const struct vain_checkpoint *a = pair->a, *b = pair->b;
    char left[64], right[64];
    if (!symbols_are_equal(a, b))
        tell(pair, &(struct vain_difference){
                       .name = "data/symbols", .a = "other values", .b = "other values"});
    if (!names_are_equal(a, b)) {
        snprintf(left, sizeof left, "%d members", a->member_count);
        snprintf(right, sizeof right, "%d members", b->member_count);
        tell(pair, &(struct vain_difference){.name = "peers", .a = left, .b = right});
    } else if (!ids_are_equal(a, b)) {
        tell(pair, &(struct vain_difference){
                       .name = "peers", .a = "other ids", .b = "other ids", .provenance = true});
    }
    if (!curves_are_equal(a, b)) {
        snprintf(left, sizeof left, "%lld points", (long long)a->curve_count);
        snprintf(right, sizeof right, "%lld points", (long long)b->curve_count);
        tell(pair, &(struct vain_difference){.name = "run/loss", .a = left, .b = right});
    }
}

static void shape_text(const struct vain_store_slice *slice, char out[96])
{
    size_t used = 0;
    for (int i = 0; i < slice->shape_count; i++)
        used += (size_t)snprintf(out + used, 96 - used, "%s%lld", i == 0 ? "" : " x ",
                                 (long long)slice->shape[i]);
}

static const struct vain_store_slice *find_slice(const struct vain_checkpoint *content,
                                                 const char *name, int hint)
{
    if (hint < content->slice_count && strcmp(content->slices[hint].name, name) == 0)
        return &content->slices[hint];
    for (int i = 0; i < content->slice_count; i++) {
        if (strcmp(content->slices[i].name, name) == 0)
            return &content->slices[i];
    }
    return NULL;
}

static void compare_values(struct pair *pair, const char *name, const float *a, const float *b,
                           int64_t count)
{
    struct vain_difference difference = {.name = name};
    for (int64_t i = 0; i < count; i++) {
        if (memcmp(&a[i], &b[i], sizeof a[i]) == 0)
            continue;
        difference.count++;
        const double distance = fabs((double)a[i] - (double)b[i]);
        if (isnan(distance) || distance > difference.maximum)
            difference.maximum = isnan(difference.maximum) ? difference.maximum : distance;
    }
    if (difference.count > 0)
        tell(pair, &difference);
}

static void compare_slices(struct pair *pair, const char *group, const float *a, const float *b)
{
    char name[VAIN_SLICE_NAME_BYTES + 32], left[96], right[96];
    for (int i = 0; i < pair->a->slice_count; i++) {
        const struct vain_store_slice *slice = &pair->a->slices[i];
        const struct vain_store_slice *other = find_slice(pair->b, slice->name, i);
        snprintf(name, sizeof name, "%s/%s", group, slice->name);
        shape_text(slice, left);
        if (other == NULL) {
            tell(pair, &(struct vain_difference){.name = name, .a = left, .b = "absent"});
            continue;
        }
        shape_text(other, right);
        if (strcmp(left, right) != 0)
            tell(pair, &(struct vain_difference){.name = name, .a = left, .b = right});
        else
            compare_values(pair, name, a + slice->offset, b + other->offset, slice->count);
    }
    for (int i = 0; i < pair->b->slice_count; i++) {
        const struct vain_store_slice *slice = &pair->b->slices[i];
        if (find_slice(pair->a, slice->name, i) != NULL)
            continue;
        snprintf(name, sizeof name, "%s/%s", group, slice->name);
        shape_text(slice, right);
        tell(pair, &(struct vain_difference){.name = name, .a = "absent", .b = right});
    }
}

static enum vain_status compare_files(struct pair *pair, struct vain_checkpoint_file *a,
                                      struct vain_checkpoint_file *b, struct vain_pool *pool)
{
    void *memory;
    VAIN_TRY(vain_take_array(pair->a->parameter_count + pair->b->parameter_count, sizeof(float),
                             "two vectors", &memory));
    float *left = memory;
    float *right = left + pair->a->parameter_count;
    enum vain_status status;
    VAIN_TRY_OUT(vain_checkpoint_read(a, pool, left, NULL));
    VAIN_TRY_OUT(vain_checkpoint_read(b, pool, right, NULL));
    compare_scalars(pair);
    compare_lists(pair);
    compare_slices(pair, "model", left, right);
    const bool in_a = vain_checkpoint_has_momentum(a), in_b = vain_checkpoint_has_momentum(b);
    if (in_a != in_b) {
        tell(pair, &(struct vain_difference){.name = "outer/momentum",
                                             .a = in_a ? "present" : "absent",
                                             .b = in_b ? "present" : "absent"});
    } else if (in_a) {
        VAIN_TRY_OUT(vain_checkpoint_read(a, pool, NULL, left));
        VAIN_TRY_OUT(vain_checkpoint_read(b, pool, NULL, right));
        compare_slices(pair, "outer/momentum", left, right);
    }
out:
    vain_release(memory);
    return status;
}

enum vain_status vain_checkpoint_diff(const char *a, const char *b, struct vain_pool *pool,
                                      vain_difference_visitor visit, void *context,
                                      int64_t *differences)
{
    *differences = 0;
    struct vain_checkpoint_file *left = NULL, *right = NULL;
    enum vain_status status;
    VAIN_TRY_OUT(vain_checkpoint_open(a, &left));
    VAIN_TRY_OUT(vain_checkpoint_open(b, &right));
    struct pair pair = {.a = vain_checkpoint_content(left),
                        .b = vain_checkpoint_content(right),
                        .visit = visit,
                        .context = context};
    status = compare_files(&pair, left, right, pool);
    *differences = status == VAIN_OK ? pair.count : 0;
out:
    vain_checkpoint_close(&right);
    vain_checkpoint_close(&left);
    return status;
}
