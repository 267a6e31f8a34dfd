/* Which files of ours lie in a folder, by name alone: what is in them is checked by those who open
 * them.
 *
 * Only names that the path functions would give again are taken, so "checkpoint-1.h5" or a copy of
 * somebody is left alone, by listing as by pruning. */
#include "jobs/store/checkpoint.h"

#include "base/memory.h"
#include "jobs/store/member.h"
#include "jobs/store/part_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUND_DIGITS_MAX = 18, FILES_MAX = 1 << 20, MEMBER_PREFIX_BYTES = VAIN_NAME_BYTES + 16 };
#define CHECKPOINT_PREFIX "checkpoint-"

void vain_checkpoint_path(const char *folder, int64_t round, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s/checkpoint-%06lld.h5", folder, (long long)round);
}

void vain_member_path(const char *folder, const char *name, int64_t round, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s/member-%s-%06lld.h5", folder, name, (long long)round);
}

/* "<prefix>000123.h5" */
static bool parse_round(const char *file, const char *prefix, int64_t *round)
{
    const size_t prefix_length = strlen(prefix);
    *round = 0;
    if (strncmp(file, prefix, prefix_length) != 0)
        return false;
    const char *digits = file + prefix_length;
    const size_t count = strspn(digits, "0123456789");
    if (count < 6 || count > ROUND_DIGITS_MAX || strcmp(digits + count, ".h5") != 0)
        return false;
    if (count > 6 && digits[0] == '0')
        return false;
    *round = strtoll(digits, NULL, 10);
    return true;
}

/* Rounds found, growing. */
struct rounds {
    int64_t *values; /* owned */
    int count, capacity;
};

static enum vain_status rounds_add(struct rounds *rounds, int64_t round)
{
    if (rounds->count == rounds->capacity) {
        const int capacity = rounds->capacity == 0 ? 64 : 2 * rounds->capacity;
        if (capacity > FILES_MAX)
            return vain_fail(VAIN_ERR_REFUSED, "more than %d checkpoints in one folder", FILES_MAX);
        void *values;
        VAIN_TRY(vain_take_array(capacity, sizeof(int64_t), "rounds", &values));
        if (rounds->count > 0)
            memcpy(values, rounds->values, (size_t)rounds->count * sizeof(int64_t));
        vain_release(rounds->values);
        rounds->values = values;
        rounds->capacity = capacity;
    }
    rounds->values[rounds->count++] = round;
    return VAIN_OK;
}

static int compare_rounds(const void *a, const void *b)
{
    int64_t left, right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return left < right ? -1 : left > right ? 1 : 0;
}

/* Ascending rounds of the files "<folder>/<prefix><round>.h5". */
static enum vain_status find_rounds(const char *folder, const char *prefix, struct rounds *out)
{
    *out = (struct rounds){0};
    DIR *directory = opendir(folder);
    if (directory == NULL && errno == ENOENT)
        return VAIN_OK;
    if (directory == NULL)
        return vain_fail(VAIN_ERR_REFUSED, "%s: cannot list the folder: %s", folder,
                         strerror(errno));
    enum vain_status status = VAIN_OK;
    for (const struct dirent *entry = readdir(directory); entry != NULL && status == VAIN_OK;
         entry = readdir(directory)) {
        int64_t round;
        if (parse_round(entry->d_name, prefix, &round))
            status = rounds_add(out, round);
    }
    (void)closedir(directory);
    if (status != VAIN_OK) {
        vain_release(out->values);
        *out = (struct rounds){0};
    } else if (out->count > 1) {
        qsort(out->values, (size_t)out->count, sizeof(int64_t), compare_rounds);
    }
    return status;
}

static void member_prefix(const char *name, char out[MEMBER_PREFIX_BYTES])
{
    snprintf(out, MEMBER_PREFIX_BYTES, "member-%s-", name);
}

static enum vain_status list_rounds(const char *folder, const char *prefix, int64_t **rounds,
                                    int *count)
{
    *rounds = NULL;
    *count = 0;
    struct rounds found;
    VAIN_TRY(find_rounds(folder, prefix, &found));
    *rounds = found.values;
    *count = found.count;
    return VAIN_OK;
}

enum vain_status vain_checkpoint_list(const char *folder, int64_t **rounds, int *count)
{
    return list_rounds(folder, CHECKPOINT_PREFIX, rounds, count);
}

enum vain_status vain_member_list(const char *folder, const char *name, int64_t **rounds,
                                  int *count)
{
    char prefix[MEMBER_PREFIX_BYTES];
    member_prefix(name, prefix);
    return list_rounds(folder, prefix, rounds, count);
}

static enum vain_status remove_file(const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return vain_fail(VAIN_ERR_STORAGE, "%s: cannot remove it: %s", path, strerror(errno));
    return VAIN_OK;
}

static enum vain_status remove_old(const char *folder, const char *prefix, int keep)
{
    struct rounds found;
    VAIN_TRY(find_rounds(folder, prefix, &found));
    enum vain_status status = VAIN_OK;
    for (int i = 0; i < found.count - keep && status == VAIN_OK; i++) {
        VAIN_ASSERT(found.values != NULL);
        char path[VAIN_PATH_BYTES];
        snprintf(path, sizeof path, "%s/%s%06lld.h5", folder, prefix, (long long)found.values[i]);
        status = remove_file(path);
    }
    vain_release(found.values);
    return status;
}

static bool name_begins_ours(const char *name)
{
    static const char *const prefixes[] = {CHECKPOINT_PREFIX, "member-", "record"};
    for (size_t i = 0; i < VAIN_COUNT_OF(prefixes); i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}

static enum vain_status remove_stale_parts(const char *folder)
{
    DIR *directory = opendir(folder);
    if (directory == NULL)
        return VAIN_OK; /* the listing above has said so */
    enum vain_status status = VAIN_OK;
    for (const struct dirent *entry = readdir(directory); entry != NULL && status == VAIN_OK;
         entry = readdir(directory)) {
        char path[VAIN_PATH_BYTES];
        if (!name_begins_ours(entry->d_name) || !vain_part_is_stale(entry->d_name))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        status = remove_file(path);
    }
    (void)closedir(directory);
    return status;
}

enum vain_status vain_checkpoint_prune(const char *folder, int keep_checkpoints, const char *name,
                                       int keep_members)
{
    VAIN_ASSERT(keep_checkpoints >= 0);
    if (keep_checkpoints > 0)
        VAIN_TRY(remove_old(folder, CHECKPOINT_PREFIX, keep_checkpoints));
    if (name != NULL) {
        VAIN_ASSERT(keep_members >= 1);
        char prefix[MEMBER_PREFIX_BYTES];
        member_prefix(name, prefix);
        VAIN_TRY(remove_old(folder, prefix, keep_members));
    }
    return remove_stale_parts(folder);
}
