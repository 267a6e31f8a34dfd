/* A node's files. Each has a content as the node sees it and one that is durable; a crash leaves
 * the durable one, the other, or something between: what is not durable may be lost, kept or torn.
 */
#include <string.h>

#include "base/memory.h"
#include "tests/sim/state.h"

/* ---- contents -------------------------------------------------------------------------------- */

static void set_blob(struct vain_sim_blob *blob, const void *data, size_t bytes)
{
    unsigned char *copy = NULL;
    VAIN_ASSERT(vain_take(bytes, "file", (void **)&copy) == VAIN_OK);
    if (bytes > 0)
        memcpy(copy, data, bytes);
    vain_release(blob->data);
    *blob = (struct vain_sim_blob){.data = copy, .bytes = bytes, .there = true};
}

static void copy_blob(struct vain_sim_blob *to, const struct vain_sim_blob *from)
{
    if (from->there) {
        set_blob(to, from->data, from->bytes);
        return;
    }
    vain_release(to->data);
    *to = (struct vain_sim_blob){0};
}

static struct vain_sim_file *find(const struct vain_sim_node *node, const char *path)
{
    struct vain_sim_file *file = node->files;
    while (file != NULL && strcmp(file->path, path) != 0)
        file = file->next;
    return file;
}

static struct vain_sim_file *find_or_make(struct vain_sim_node *node, const char *path)
{
    struct vain_sim_file *file = find(node, path);
    if (file != NULL)
        return file;
    const size_t bytes = strlen(path) + 1;
    VAIN_ASSERT(vain_take(sizeof *file, "file", (void **)&file) == VAIN_OK);
    VAIN_ASSERT(vain_take(bytes, "path", (void **)&file->path) == VAIN_OK);
    memcpy(file->path, path, bytes);
    file->next = node->files;
    node->files = file;
    return file;
}

static void free_file(struct vain_sim_file *file)
{
    vain_release(file->now.data);
    vain_release(file->durable.data);
    vain_release(file->path);
    vain_release(file);
}

static void make_durable(struct vain_sim_file *file)
{
    copy_blob(&file->durable, &file->now);
    file->dirty = file->whole = false;
}

/* ---- crashes --------------------------------------------------------------------------------- */

/* The durable content and a part of what was written after it; where the length got through before
 * the bytes, zeros. */
static void tear(struct vain_sim *sim, struct vain_sim_file *file)
{
    const struct vain_sim_blob *durable = &file->durable;
    struct vain_sim_blob *now = &file->now;
    const bool appended =
        durable->there && now->bytes >= durable->bytes &&
        (durable->bytes == 0 || memcmp(durable->data, now->data, durable->bytes) == 0);
    const size_t first = appended ? durable->bytes : 0;
    const size_t kept = first + (size_t)vain_sim_up_to(&sim->random, now->bytes - first);
    if (vain_sim_draw(&sim->random, 2) == 0)
        now->bytes = kept;
    else if (kept < now->bytes)
        memset(now->data + kept, 0, now->bytes - kept);
}

static void crash_file(struct vain_sim *sim, struct vain_sim_file *file)
{
    enum { LOST, KEPT, TORN, FATES };
    if (!file->dirty)
        return;
    switch (vain_sim_draw(&sim->random, file->whole ? TORN : FATES)) {
    case LOST:
        copy_blob(&file->now, &file->durable);
        break;
    case TORN:
        tear(sim, file);
        break;
    default:
        break;
    }
    make_durable(file);
}

void vain_sim_files_crash(struct vain_sim *sim, int node)
{
    for (struct vain_sim_file *file = sim->nodes[node].files; file != NULL; file = file->next)
        crash_file(sim, file);
}

void vain_sim_files_free(struct vain_sim *sim, int node)
{
    struct vain_sim_file *file = sim->nodes[node].files;
    while (file != NULL) {
        struct vain_sim_file *next = file->next;
        free_file(file);
        file = next;
    }
    sim->nodes[node].files = NULL;
}

/* ---- calls that are durable when they return ------------------------------------------------- */

static enum vain_status failed(const struct vain_sim_node *node, const char *path, const char *why)
{
    return vain_fail(VAIN_ERR_STORAGE, "%s of node %d: %s", path, (int)(node - node->sim->nodes),
                     why);
}

/* What becomes of the call that begins. */
enum fate { GOES_WELL, FAILS, CRASHES };
static enum fate begin_call(struct vain_sim_node *node)
{
    struct vain_sim *sim = node->sim;
    if (!vain_sim_acts(node))
        return CRASHES;
    const bool due = ++node->durable_steps >= node->crash_at && node->crash_at > 0;
    if (node->stepping && (due || vain_sim_chance(&sim->random, sim->faults.durable_crash_ppm))) {
        vain_sim_note(sim, node->durable_steps);
        return CRASHES;
    }
    const bool fails = vain_sim_chance(&sim->random, sim->faults.storage_error_ppm);
    sim->tally.storage_errors += fails;
    return fails ? FAILS : GOES_WELL;
}

static enum vain_status crash_now(struct vain_sim_node *node, const char *path)
{
    VAIN_ASSERT(node->stepping || !node->up);
    node->dying = node->up;
    return failed(node, path, "this node has crashed");
}

/* `bytes` more at its end. */
static void put_at_end(struct vain_sim_file *file, const void *data, size_t bytes)
{
    struct vain_sim_blob longer = {.bytes = file->now.bytes + bytes, .there = true};
    VAIN_ASSERT(vain_take(longer.bytes, "file", (void **)&longer.data) == VAIN_OK);
    if (file->now.bytes > 0)
        memcpy(longer.data, file->now.data, file->now.bytes);
    if (bytes > 0)
        memcpy(longer.data + file->now.bytes, data, bytes);
    vain_release(file->now.data);
    file->now = longer;
    file->dirty = true;
}

enum vain_status vain_sim_append(struct vain_world *world, const char *path, const void *data,
                                 size_t bytes)
{
    struct vain_sim_node *node = world->state;
    struct vain_sim *sim = node->sim;
    if (!vain_sim_acts(node))
        return crash_now(node, path);
    struct vain_sim_file *file = find_or_make(node, path);
    const enum fate fate = begin_call(node);
    file->whole = false;
    if (fate != FAILS)
        put_at_end(file, data, bytes);
    else if (vain_sim_draw(&sim->random, 4) == 0) /* and could not be cut back */
        put_at_end(file, data, (size_t)vain_sim_up_to(&sim->random, bytes));
    if (fate == CRASHES)
        return crash_now(node, path);
    if (file->now.there)
        make_durable(file);
    return fate == GOES_WELL ? VAIN_OK : failed(node, path, "no space left on the device");
}

enum vain_status vain_sim_replace(struct vain_world *world, const char *path, const void *data,
                                  size_t bytes, int mode)
{
    struct vain_sim_node *node = world->state;
    (void)mode;
    if (!vain_sim_acts(node))
        return crash_now(node, path);
    const enum fate fate = begin_call(node);
    if (fate == FAILS)
        return failed(node, path, "no space left on the device");
    struct vain_sim_file *file = find_or_make(node, path);
    set_blob(&file->now, data, bytes);
    file->dirty = file->whole = true;
    if (fate == CRASHES)
        return crash_now(node, path);
    make_durable(file);
    return VAIN_OK;
}

static void forget(struct vain_sim_node *node, struct vain_sim_file *file)
{
    struct vain_sim_file **at = &node->files;
    while (*at != file)
        at = &(*at)->next;
    *at = file->next;
    free_file(file);
}

enum vain_status vain_sim_settle(struct vain_world *world, const char *temporary, const char *path)
{
    struct vain_sim_node *node = world->state;
    struct vain_sim_file *source = find(node, temporary);
    if (!vain_sim_acts(node))
        return crash_now(node, path);
    if (source == NULL || !source->now.there)
        return failed(node, temporary, "no such file");
    const enum fate fate = begin_call(node);
    if (fate == FAILS)
        return failed(node, path, "no space left on the device");
    /* A crash before the rename leaves the temporary file, whatever of it is durable. */
    if (fate == CRASHES && vain_sim_draw(&node->sim->random, 2) == 0)
        return crash_now(node, path);
    struct vain_sim_file *target = find_or_make(node, path);
    copy_blob(&target->now, &source->now);
    forget(node, source);
    target->dirty = target->whole = true;
    if (fate == CRASHES)
        return crash_now(node, path);
    make_durable(target);
    return VAIN_OK;
}

/* ---- the owner's ----------------------------------------------------------------------------- */

enum vain_status vain_sim_write(struct vain_sim *sim, int number, const char *path,
                                const void *data, size_t bytes)
{
    struct vain_sim_node *node = &sim->nodes[number];
    if (!vain_sim_acts(node))
        return failed(node, path, "this node has crashed");
    struct vain_sim_file *file = find_or_make(node, path);
    set_blob(&file->now, data, bytes);
    file->dirty = true;
    file->whole = false;
    return VAIN_OK;
}

enum vain_status vain_sim_read(struct vain_sim *sim, int node, const char *path,
                               const unsigned char **data, size_t *bytes)
{
    const struct vain_sim_file *file = find(&sim->nodes[node], path);
    *data = NULL;
    *bytes = 0;
    if (file == NULL || !file->now.there)
        return vain_fail(VAIN_ERR_NOT_FOUND, "%s of node %d: no such file", path, node);
    *data = file->now.data;
    *bytes = file->now.bytes;
    return VAIN_OK;
}

uint64_t vain_sim_durable_steps(const struct vain_sim *sim, int node)
{
    return sim->nodes[node].durable_steps;
}

void vain_sim_crash_at_durable(struct vain_sim *sim, int node, uint64_t step)
{
    sim->nodes[node].crash_at = step;
}
