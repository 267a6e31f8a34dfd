/* Examples are sorted by (phase, agent) once; what a step draws is then a place in a range. */
#include "jobs/task_stream.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/data/draw.h"

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Which phase each class comes in: a drawn order, cut into phases. */
static enum vain_status deal_classes(const struct vain_job *job, struct vain_task_stream *stream)
{
    int64_t *order = NULL;
    VAIN_TRY(vain_take_array(stream->class_count, sizeof *order, "classes", (void **)&order));
    VAIN_ASSERT(order != NULL);
    struct vain_draw draw =
        vain_draw_start(vain_random_stream(job->general.seed, VAIN_PURPOSE_MEMORY, "stream"), 0, 0);
    for (int64_t c = 0; c < stream->class_count; c++)
        order[c] = c;
    vain_draw_shuffle(&draw, order, stream->class_count);
    const bool all = job->memory.stream == VAIN_STREAM_ALL;
    for (int64_t i = 0; i < stream->class_count; i++)
        stream->phase_of[order[i]] = all ? 0 : i / job->memory.phase_classes;
    vain_release(order);
    return VAIN_OK;
}

/* The member's own examples, of all its clients. */
static int64_t own_count(const struct vain_image_data *data)
{
    int64_t sum = 0, count;
    for (int i = 0; i < data->client_count; i++) {
        (void)vain_image_data_client(data, i, &count);
        sum += count;
    }
    return sum;
}

/* Where the `nth` of the member's examples of a class belongs. */
static int64_t slot_of(const struct vain_task_stream *stream, int64_t label, int64_t nth)
{
    return stream->phase_of[label] * stream->agents + (label + nth) % stream->agents;
}

/* Walks over the member's examples twice: counts, then places. `seen` (classes) and `next`
 * (slots) are scratch. */
static void deal_examples(const struct vain_image_data *data, struct vain_task_stream *stream,
                          int64_t *seen, int64_t *next)
{
    const int64_t slots = stream->phase_count * stream->agents;
    for (int pass = 0; pass < 2; pass++) {
        memset(seen, 0, (size_t)stream->class_count * sizeof *seen);
        for (int client = 0; client < data->client_count; client++) {
            int64_t count;
            const int64_t *rows = vain_image_data_client(data, client, &count);
            for (int64_t i = 0; i < count; i++) {
                const int32_t label = data->train.labels[rows[i]];
                const int64_t slot = slot_of(stream, label, seen[label]++);
                if (pass == 0)
                    stream->begin[slot + 1]++;
                else
                    stream->examples[next[slot]++] = rows[i];
            }
        }
        for (int64_t s = 0; pass == 0 && s < slots; s++) {
            stream->begin[s + 1] += stream->begin[s];
            next[s] = stream->begin[s];
        }
    }
}

/* "3, 7": the classes of a phase, as many as fit. */
static void name_classes(const struct vain_task_stream *stream, int64_t phase, char *out,
                         size_t bytes)
{
    size_t used = 0;
    out[0] = '\0';
    for (int64_t c = 0; c < stream->class_count && used + 16 < bytes; c++)
        if (stream->phase_of[c] == phase)
            used += (size_t)snprintf(out + used, bytes - used, "%s%lld", used > 0 ? ", " : "",
                                     (long long)c);
}

static enum vain_status check_examples(const struct vain_task_stream *stream,
                                       const char *member_name)
{
    for (int64_t phase = 0; phase < stream->phase_count; phase++) {
        for (int64_t agent = 0; agent < stream->agents; agent++) {
            char classes[64];
            int64_t count;
            (void)vain_task_stream_examples(stream, phase, agent, &count);
            if (count > 0)
                continue;
            name_classes(stream, phase, classes, sizeof classes);
            return vain_fail(VAIN_ERR_INPUT,
                             "memory.stream: agent %lld of %d of member '%s' has no example of "
                             "phase %lld (classes %s); set data.partition: iid, lower "
                             "memory.agents, or raise memory.phase_classes",
                             (long long)agent + 1, stream->agents, member_name,
                             (long long)phase + 1, classes);
        }
    }
    return VAIN_OK;
}

static enum vain_status fill(const struct vain_job *job, const struct vain_image_data *data,
                             const char *member_name, struct vain_task_stream *stream)
{
    int64_t *seen = NULL, *next = NULL;
    const int64_t slots = stream->phase_count * stream->agents;
    enum vain_status status;
    VAIN_TRY_OUT(vain_take_array(stream->class_count, sizeof *stream->phase_of, "classes",
                                 (void **)&stream->phase_of));
    VAIN_TRY_OUT(deal_classes(job, stream));
    VAIN_TRY_OUT(vain_take_array(slots + 1, sizeof *stream->begin, "phases of a stream",
                                 (void **)&stream->begin));
    VAIN_TRY_OUT(vain_take_array(own_count(data), sizeof *stream->examples, "examples of a stream",
                                 (void **)&stream->examples));
    VAIN_TRY_OUT(vain_take_array(stream->class_count, sizeof *seen, "classes", (void **)&seen));
    VAIN_TRY_OUT(vain_take_array(slots, sizeof *next, "phases", (void **)&next));
    deal_examples(data, stream, seen, next);
    status = check_examples(stream, member_name);
out:
    vain_release(seen);
    vain_release(next);
    return status;
}

enum vain_status vain_task_stream_open(const struct vain_job *job,
                                       const struct vain_image_data *data, const char *member_name,
                                       struct vain_task_stream *out)
{
    const int64_t classes = data->train.class_count, of_phase = job->memory.phase_classes;
    const bool all = job->memory.stream == VAIN_STREAM_ALL;
    *out = (struct vain_task_stream){.class_count = classes,
                                     .phase_count = all ? 1 : (classes + of_phase - 1) / of_phase,
                                     .phase_rounds = job->memory.phase_rounds,
                                     .agents = (int)job->memory.agents};
    const enum vain_status status = fill(job, data, member_name, out);
    if (status != VAIN_OK)
        vain_task_stream_close(out);
    return status;
}

void vain_task_stream_close(struct vain_task_stream *stream)
{
    vain_release(stream->phase_of);
    vain_release(stream->begin);
    vain_release(stream->examples);
    *stream = (struct vain_task_stream){0};
}

int64_t vain_task_stream_phase(const struct vain_task_stream *stream, int64_t round)
{
    return smaller(round / stream->phase_rounds, stream->phase_count - 1);
}

const int64_t *vain_task_stream_examples(const struct vain_task_stream *stream, int64_t phase,
                                         int64_t agent, int64_t *count)
{
    const int64_t slot = phase * stream->agents + agent;
    *count = stream->begin[slot + 1] - stream->begin[slot];
    return stream->examples + stream->begin[slot];
}

bool vain_task_stream_has_come(const struct vain_task_stream *stream, int64_t label, int64_t rounds)
{
    return stream->phase_of[label] <= vain_task_stream_phase(stream, rounds > 0 ? rounds - 1 : 0);
}
