/* Split and parts.
 *
 * Two members who cut the same file differently would train on each other's validation text, so
 * nothing here depends on floating point beyond turning the spec's share into billionths once.
 * Products of a count and a share are formed as quotient and remainder: 64 bits hold them for any
 * file that a disk can hold. */
#include "jobs/data/partition.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const int64_t BILLIONTHS = 1000000000;
static const char NAME_MARK[] = "{name}";

/* floor(count * share / whole) without a product that overflows; share <= whole <= 10^9. */
static int64_t scale(int64_t count, int64_t share, int64_t whole)
{
    return count / whole * share + count % whole * share / whole;
}

int64_t vain_partition_train_count(int64_t count, double validation)
{
    VAIN_ASSERT(count >= 0);
    VAIN_ASSERT(validation >= 0.0 && validation <= 0.9);
    return scale(count, BILLIONTHS - llround(validation * (double)BILLIONTHS), BILLIONTHS);
}

void vain_partition_part(int64_t count, int index, int parts, int64_t *begin, int64_t *end)
{
    VAIN_ASSERT(count >= 0);
    VAIN_ASSERT(index >= 0 && index < parts);
    *begin = scale(count, index, parts);
    *end = scale(count, index + 1, parts);
}

enum vain_status vain_partition_place(const char *const *names, int count, const char *own_name,
                                      int *place)
{
    int smaller = 0, equal = 0;
    *place = 0;
    for (int i = 0; i < count; i++) {
        const int order = strcmp(names[i], own_name);
        smaller += order < 0;
        equal += order == 0;
    }
    if (equal == 0)
        return vain_fail(VAIN_ERR_INPUT, "member %s: is not among the %d members of this job",
                         own_name, count);
    if (equal > 1)
        return vain_fail(VAIN_ERR_INPUT, "member %s: %d members have this name; give each its own",
                         own_name, equal);
    *place = smaller;
    return VAIN_OK;
}

/* Append, or say by a false `fits` that it would not. */
static bool append(char *out, size_t *used, const char *piece, size_t bytes)
{
    if (bytes >= VAIN_PATH_BYTES - *used)
        return false;
    memcpy(out + *used, piece, bytes);
    *used += bytes;
    out[*used] = '\0';
    return true;
}

static bool append_named(char *out, size_t *used, const char *path, const char *own_name)
{
    const size_t mark_bytes = sizeof NAME_MARK - 1;
    bool fits = true;
    const char *mark = strstr(path, NAME_MARK);
    while (fits && mark != NULL) {
        fits = append(out, used, path, (size_t)(mark - path)) &&
               append(out, used, own_name, strlen(own_name));
        path = mark + mark_bytes;
        mark = strstr(path, NAME_MARK);
    }
    return fits && append(out, used, path, strlen(path));
}

enum vain_status vain_partition_path(const struct vain_data_options *options,
                                     const char *spec_folder, const char *own_name,
                                     char out[VAIN_MIN_LEN(VAIN_PATH_BYTES)])
{
    out[0] = '\0';
    struct vain_data_source source;
    VAIN_TRY(vain_data_source(options, &source));
    const char *path = source.path;
    const bool named = options->partition == VAIN_PARTITION_NAMED;
    if (named != (strstr(path, NAME_MARK) != NULL))
        return vain_fail(
            VAIN_ERR_INPUT,
            named ? "%s: data.partition is named, but the path has no {name} in it; write, for "
                    "example, part-{name}.txt"
                  : "%s: the path has {name} in it, but data.partition is not named; set "
                    "data.partition: named",
            path);
    size_t used = 0;
    bool fits = true;
    if (path[0] != '/' && spec_folder != NULL && spec_folder[0] != '\0')
        fits = append(out, &used, spec_folder, strlen(spec_folder)) && append(out, &used, "/", 1);
    fits = fits && (named ? append_named(out, &used, path, own_name)
                          : append(out, &used, path, strlen(path)));
    if (!fits)
        return vain_fail(VAIN_ERR_INPUT, "%s: the path has more than %d bytes with its folder",
                         source.key, VAIN_PATH_BYTES - 1);
    return VAIN_OK;
}
