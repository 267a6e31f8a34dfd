/* vain ckpt: looking into checkpoints. Everything here reads; only export writes, and a new file.
 */
#include "cmd/checkpoint.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/host.h"
#include "base/limits.h"
#include "base/memory.h"
#include "cmd/subverb.h"

error_t vain_ckpt_parse(int key, char *argument, struct argp_state *state)
{
    struct vain_ckpt_arguments *arguments = state->input;
    switch (key) {
    case VAIN_CKPT_JSON:
        arguments->json = true;
        return 0;
    case VAIN_CKPT_TO:
        arguments->target = argument;
        return 0;
    case VAIN_CKPT_FORCE:
        arguments->force = true;
        return 0;
    case VAIN_CKPT_STATISTICS:
        arguments->statistics = true;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->word_count == arguments->most)
            argp_error(state, "'%s' is one argument too many", argument);
        arguments->words[arguments->word_count++] = argument;
        return 0;
    case ARGP_KEY_END:
        if (arguments->word_count < arguments->least)
            argp_error(state, "%s", arguments->missing);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

enum vain_status vain_ckpt_pool(struct vain_pool **out)
{
    const int cores = vain_cores();
    return vain_pool_open(cores < VAIN_THREADS_MAX ? cores : VAIN_THREADS_MAX, out);
}

static enum vain_status read_parameters(struct vain_ckpt_file *file)
{
    struct vain_pool *pool = NULL;
    enum vain_status status;
    VAIN_TRY_OUT(vain_take_array(file->content->parameter_count, sizeof(float), "parameters",
                                 (void **)&file->parameters));
    VAIN_TRY_OUT(vain_ckpt_pool(&pool));
    VAIN_TRY_OUT(vain_checkpoint_read(file->file, pool, file->parameters, NULL));
out:
    vain_pool_close(&pool);
    return status;
}

enum vain_status vain_ckpt_open(const char *path, bool with_parameters, struct vain_ckpt_file *out)
{
    *out = (struct vain_ckpt_file){0};
    VAIN_TRY(vain_checkpoint_open(path, &out->file));
    out->content = vain_checkpoint_content(out->file);
    const enum vain_status status = with_parameters ? read_parameters(out) : VAIN_OK;
    if (status != VAIN_OK)
        vain_ckpt_close(out);
    return status;
}

void vain_ckpt_close(struct vain_ckpt_file *file)
{
    vain_checkpoint_close(&file->file);
    vain_release(file->parameters);
    *file = (struct vain_ckpt_file){0};
}

/* The newest round of `folder` whose file is whole; its path to `chosen`. */
static enum vain_status choose_whole(const char *folder, const int64_t *rounds, int count,
                                     char chosen[VAIN_MIN_LEN(VAIN_PATH_BYTES)])
{
    for (int i = count - 1; i >= 0; i--) {
        struct vain_ckpt_file file;
        vain_checkpoint_path(folder, rounds[i], chosen, VAIN_PATH_BYTES);
        const enum vain_status status = vain_ckpt_open(chosen, true, &file);
        vain_ckpt_close(&file);
        if (status == VAIN_OK)
            return VAIN_OK;
        if (status != VAIN_ERR_CORRUPT)
            return status;
        fprintf(stderr, "vain: %s\n", vain_fail_message());
        vain_fail_clear();
    }
    return vain_fail(VAIN_ERR_CORRUPT, "%s: none of its %d checkpoints is whole", folder, count);
}

enum vain_status vain_ckpt_choose(const char **path, char chosen[VAIN_MIN_LEN(VAIN_PATH_BYTES)])
{
    struct stat about;
    int64_t *rounds = NULL;
    int count = 0;
    if (stat(*path, &about) != 0 || !S_ISDIR(about.st_mode))
        return VAIN_OK;
    VAIN_TRY(vain_checkpoint_list(*path, &rounds, &count));
    const enum vain_status status =
        count > 0 ? choose_whole(*path, rounds, count, chosen)
                  : vain_fail(VAIN_ERR_NOT_FOUND,
                              "%s: there is no checkpoint in this folder; give a run's folder, or "
                              "a checkpoint file",
                              *path);
    vain_release(rounds);
    VAIN_TRY(status);
    fprintf(stderr, "vain: the newest checkpoint of %s is %s\n", *path, chosen);
    *path = chosen;
    return VAIN_OK;
}

int vain_verb_ckpt(int argc, char **argv)
{
    static const struct vain_verb rows[] = {
        {"ls", "the checkpoints of a folder, or everything in a file", vain_ckpt_list},
        {"show", "what a checkpoint says of itself, and its parameters", vain_ckpt_show},
        {"diff", "what differs between two checkpoints", vain_ckpt_diff},
        {"verify", "check everything that a resume would check", vain_ckpt_verify},
        {"export", "write the parameters as safetensors", vain_ckpt_export},
    };
    static const struct vain_subverbs subverbs = {
        .purpose = "Look into checkpoints.",
        .examples = "  vain ckpt ls runs/job\n"
                    "  vain ckpt show runs/job/checkpoint-000100.h5\n"
                    "  vain ckpt show runs/job/checkpoint-000100.h5 final_norm.weight\n"
                    "  vain ckpt diff runs/a/checkpoint-000100.h5 runs/b/checkpoint-000100.h5\n"
                    "  vain ckpt verify runs/job/checkpoint-000100.h5\n"
                    "  vain ckpt export runs/job/checkpoint-000100.h5 --to model.safetensors\n\n"
                    "h5dump, h5ls, h5diff, h5py and HDFView open the same files.\n",
        .rows = rows,
        .count = VAIN_COUNT_OF(rows),
    };
    return vain_subverb_run(&subverbs, argc, argv);
}
