#include "cmd/run_result.h"

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/json.h"
#include "cmd/measures.h"
#include "cmd/report.h"
#include "cmd/verb.h"

static struct json_object *number_or_null(double value)
{
    return isfinite(value) ? json_object_new_double(value) : NULL;
}

static void add_counts(struct json_object *data, const struct vain_federation_counts *counts)
{
    json_object_object_add(data, "members_lost", json_object_new_int64(counts->members_lost));
    json_object_object_add(data, "members_joined", json_object_new_int64(counts->members_joined));
    json_object_object_add(data, "rounds_burned", json_object_new_int64(counts->rounds_burned));
    json_object_object_add(data, "bytes_sent", json_object_new_int64(counts->bytes_sent));
}

/* What a search over keys has found, and how good the spec's own values are: the search begins with
 * them, so that is the first loss. */
static void add_found(struct json_object *data, const struct vain_run_result *result)
{
    if (result->found.count == 0)
        return;
    struct json_object *best = json_object_new_object();
    for (int i = 0; i < result->found.count; i++)
        json_object_object_add(best, result->found.keys[i],
                               json_object_new_double_s(strtod(result->found.values[i], NULL),
                                                        result->found.values[i]));
    json_object_object_add(data, "best", best);
    json_object_object_add(data, "default_validation_loss",
                           number_or_null(result->first_validation_loss));
}

static int print_json(const struct vain_run_result *result, int64_t peak_bytes)
{
    char hash[2 * VAIN_HASH_BYTES + 1];
    vain_to_hex(result->parameters_hash, VAIN_HASH_BYTES, hash);
    struct json_object *data = json_object_new_object();
    json_object_object_add(data, "final_loss", number_or_null(result->final_loss));
    json_object_object_add(data, "first_validation_loss",
                           number_or_null(result->first_validation_loss));
    json_object_object_add(data, "validation_loss",
                           number_or_null(result->measures.of[VAIN_MEASURE_LOSS].mean));
    if (result->measured_round >= 0)
        json_object_object_add(data, "measured_round",
                               json_object_new_int64(result->measured_round));
    if (result->measured_split[0] != '\0') {
        json_object_object_add(data, "first_split", vain_json_text(result->first_split));
        json_object_object_add(data, "measured_split", vain_json_text(result->measured_split));
    }
    vain_measures_add_json(data, &result->measures);
    add_found(data, result);
    if (result->rounds_to_target >= 0)
        json_object_object_add(data, "rounds_to_target",
                               json_object_new_int64(result->rounds_to_target));
    json_object_object_add(data, "parameters_hash", json_object_new_string(hash));
    json_object_object_add(data, "parameter_count", json_object_new_int64(result->parameter_count));
    json_object_object_add(data, "members", json_object_new_int(result->member_count));
    json_object_object_add(data, "platform", vain_json_text(result->platform));
    json_object_object_add(data, "device", vain_json_text(result->device));
    json_object_object_add(data, "rounds", json_object_new_int64(result->rounds));
    json_object_object_add(data, "steps", json_object_new_int64(result->steps));
    json_object_object_add(data, "seconds", json_object_new_double(result->seconds));
    json_object_object_add(data, "tokens_per_second",
                           json_object_new_double(result->units_per_second));
    json_object_object_add(data, "unit", json_object_new_string(result->unit));
    json_object_object_add(data, "peak_bytes", json_object_new_int64(peak_bytes));
    json_object_object_add(data, "checkpoint", vain_json_text(result->checkpoint));
    json_object_object_add(data, "record", vain_json_text(result->record));
    json_object_object_add(data, "curve", vain_json_text(result->curve));
    json_object_object_add(data, "stopped", json_object_new_boolean(result->stopped));
    add_counts(data, &result->counts);
    return vain_print_data(data);
}

/* Who joined late has seen no loss before, and perhaps none at all. What was measured in another
 * round than the last, or on other sentences than before, is said with the number. */
static void print_losses(const struct vain_run_result *result)
{
    const double loss = result->measures.of[VAIN_MEASURE_LOSS].mean;
    const char *before = result->found.count > 0 ? "with the spec's own values" : "before";
    const bool splits = result->first_split[0] != '\0';
    if (isnan(result->final_loss))
        printf("training loss    not known: this member trained in no round\n");
    else
        printf("training loss    %.4f nats\n", result->final_loss);
    if (isnan(loss) && result->measured_round < 0)
        printf("validation loss  not known: this member looked at it in no round\n");
    if (isnan(loss))
        return;
    printf("validation loss  %.4f", loss);
    if (result->measured_round != result->rounds)
        printf(" after round %lld", (long long)result->measured_round);
    if (splits)
        printf(" on split '%s'", result->measured_split);
    if (!isnan(result->first_validation_loss))
        printf(" (%s%s%s%s: %.4f)", before, splits ? ", on split '" : "",
               splits ? result->first_split : "", splits ? "'" : "", result->first_validation_loss);
    printf("\n");
}

static void print_found(const struct vain_found *found)
{
    for (int i = 0; i < found->count; i++)
        printf("%-16s %s: %s\n", i == 0 ? "best values" : "", found->keys[i], found->values[i]);
}

static int print_summary(const struct vain_run_result *result, const char *directory,
                         int64_t peak_bytes)
{
    char rate[32], seconds[32], peak[32], count[32];
    const struct vain_estimate *accuracy = &result->measures.of[VAIN_MEASURE_ACCURACY];
    if (result->signal != 0)
        printf("stopped by signal %d and saved; the same command goes on\n", result->signal);
    else if (result->stopped)
        printf("stopped since too few members were there, and saved; the same command goes on\n");
    printf("%d member%s, %s parameters, %lld rounds, %lld steps each\n", result->member_count,
           result->member_count == 1 ? "" : "s",
           vain_format_count((double)result->parameter_count, count), (long long)result->rounds,
           (long long)result->steps);
    print_losses(result);
    vain_measures_print(&result->measures);
    if (!isnan(accuracy->mean) && result->recalled)
        printf(
            "                 (its interval is not in checkpoints; 'vain eval' measures again)\n");
    print_found(&result->found);
    if (result->published[0] != '\0')
        printf("to compare with  %s\n", result->published);
    if (result->rounds_to_target >= 0)
        printf("target accuracy  reached after %lld rounds\n", (long long)result->rounds_to_target);
    printf("time             %s, %s %s/s, peak memory %s a process\n",
           vain_format_seconds(result->seconds, seconds),
           vain_format_count(result->units_per_second, rate), result->unit,
           vain_format_bytes((double)peak_bytes, peak));
    printf("device           %s\n", result->device);
    if (result->counts.members_lost > 0 || result->counts.members_joined > 0)
        printf("members          %lld lost, %lld joined, %lld exchanges of this one for nothing\n",
               (long long)result->counts.members_lost, (long long)result->counts.members_joined,
               (long long)result->counts.rounds_burned);
    printf("checkpoint       %s\n", result->checkpoint);
    printf("metrics          %s/metrics.jsonl\n", directory);
    printf("round record     %s\n", result->record);
    printf("loss curve       %s\n", result->curve);
    if (!isnan(accuracy->mean))
        printf("accuracy curve   %s/accuracy.svg\n", directory);
    return vain_finish_output();
}

int vain_run_result_print(const struct vain_run_result *result, const char *directory,
                          int64_t peak_bytes, bool json)
{
    return json ? print_json(result, peak_bytes) : print_summary(result, directory, peak_bytes);
}
