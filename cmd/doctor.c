/* vain doctor: what this machine offers, what is wrong with it, and what to do about that. */
#include "cmd/doctor.h"

#include <stdio.h>

#include "base/memory.h"
#include "cmd/json.h"
#include "cmd/report.h"
#include "cmd/verb.h"

static const char *const health_names[] = {"ok", "warning", "broken"};
static const char *const health_colours[] = {"\033[32m", "\033[33m", "\033[1;31m"};

struct vain_finding *vain_checkup_add(struct vain_checkup *checkup, const char *check,
                                      enum vain_health health, const char *format, ...)
{
    VAIN_ASSERT(checkup->count < VAIN_FINDINGS_MAX);
    struct vain_finding *finding = &checkup->findings[checkup->count++];
    va_list arguments;
    finding->check = check;
    finding->health = health;
    va_start(arguments, format);
    vsnprintf(finding->found, sizeof finding->found, format, arguments);
    va_end(arguments);
    return finding;
}

void vain_finding_fix(struct vain_finding *finding, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->fix, sizeof finding->fix, format, arguments);
    va_end(arguments);
}

static int count_of(const struct vain_checkup *checkup, enum vain_health health)
{
    int count = 0;
    for (int i = 0; i < checkup->count; i++)
        count += checkup->findings[i].health == health;
    return count;
}

static int print_json(const struct vain_checkup *checkup)
{
    struct json_object *data = json_object_new_object(), *list = json_object_new_array();
    for (int i = 0; i < checkup->count; i++) {
        const struct vain_finding *finding = &checkup->findings[i];
        struct json_object *item = json_object_new_object();
        json_object_object_add(item, "check", json_object_new_string(finding->check));
        json_object_object_add(item, "state",
                               json_object_new_string(health_names[finding->health]));
        json_object_object_add(item, "found", vain_json_text(finding->found));
        json_object_object_add(item, "fix", vain_json_text(finding->fix));
        json_object_array_add(list, item);
    }
    json_object_object_add(data, "healthy",
                           json_object_new_boolean(count_of(checkup, VAIN_HEALTH_BROKEN) == 0));
    json_object_object_add(data, "checks", list);
    return vain_print_data(data);
}

static int print_table(const struct vain_checkup *checkup)
{
    const bool colour = vain_wants_colour(stdout);
    const int broken = count_of(checkup, VAIN_HEALTH_BROKEN);
    const int warnings = count_of(checkup, VAIN_HEALTH_WARNING);
    printf("%-16s %-8s %s\n", "Check", "State", "Found, and how to fix it");
    for (int i = 0; i < checkup->count; i++) {
        const struct vain_finding *finding = &checkup->findings[i];
        printf("%-16s %s%-8s%s %s\n", finding->check, colour ? health_colours[finding->health] : "",
               health_names[finding->health], colour ? "\033[0m" : "", finding->found);
        if (finding->fix[0] != '\0')
            printf("%-16s %-8s -> %s\n", "", "", finding->fix);
    }
    printf("\n%d broken, %d warning%s\n", broken, warnings, warnings == 1 ? "" : "s");
    return vain_finish_output();
}

enum { KEY_JSON = 1 };

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    if (key == KEY_JSON) {
        *(bool *)state->input = true;
        return 0;
    }
    if (key == ARGP_KEY_ARG)
        argp_error(state, "'%s' is one argument too many", argument);
    return ARGP_ERR_UNKNOWN;
}

int vain_verb_doctor(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"json", KEY_JSON, NULL, 0, "Print one JSON object", 0},
        {0},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .doc = "Look at this machine and say what a run will find, what is wrong, and how to fix "
               "it.\v"
               "Examples:\n"
               "  vain doctor\n"
               "  srun -n 1 vain doctor --json       on a compute node\n\n"
               "Exit codes: 0 nothing is broken (there may be warnings), 1 something is.",
    };
    bool json = false;
    struct vain_checkup *checkup = NULL;
    const int wrong = vain_parse_arguments(&argp, argc, argv, &json);
    if (wrong != 0)
        return wrong;
    const enum vain_status status = vain_take(sizeof *checkup, "findings", (void **)&checkup);
    if (status != VAIN_OK)
        return vain_report_failure(status, json);
    vain_checkup_libraries(checkup);
    vain_checkup_machine(checkup);
    int code = json ? print_json(checkup) : print_table(checkup);
    if (count_of(checkup, VAIN_HEALTH_BROKEN) > 0)
        code = 1;
    vain_release(checkup);
    return code;
}
