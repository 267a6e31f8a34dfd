/* vain version: what this is and on what it computes. */
#include <gnu/libc-version.h>

#include "base/record.h"
#include "cmd/json.h"
#include "cmd/mpi.h"
#include "cmd/report.h"
#include "cmd/verb.h"
#include "kernels/ops.h"

/* The platform string of docs/architecture.md, promise 8, as a run on this machine would have it.
 */
static enum vain_status read_platform(char out[VAIN_MIN_LEN(VAIN_PLATFORM_BYTES)])
{
    struct vain_device device;
    VAIN_TRY(vain_device_open_cpu(1, NULL, &device));
    snprintf(out, VAIN_PLATFORM_BYTES, "vain=%s device=%s libm=glibc-%s %s", VAIN_VERSION,
             device.ops->name, gnu_get_libc_version(), vain_device_platform(&device));
    vain_device_close(&device);
    return VAIN_OK;
}

static int print_json(const char *platform)
{
    struct json_object *data = json_object_new_object();
    json_object_object_add(data, "name", json_object_new_string("vain"));
    json_object_object_add(data, "version", json_object_new_string(VAIN_VERSION));
    json_object_object_add(data, "licence", json_object_new_string("MIT"));
    json_object_object_add(data, "platform", json_object_new_string(platform));
    json_object_object_add(data, "mpi", vain_json_text(vain_mpi_library()));
    return vain_print_data(data);
}

static int print_text(const char *platform)
{
    printf("vain %s\n"
           "Licence: MIT. There is no warranty.\n"
           "platform: %s\n"
           "MPI: %s\n",
           VAIN_VERSION, platform, vain_mpi_library());
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

int vain_verb_version(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"json", KEY_JSON, NULL, 0, "Print one JSON object", 0},
        {0},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .doc = "Version, licence, and the platform: two runs with equal seeds and equal platform "
               "lines give equal parameters, bit for bit.\v"
               "Examples:\n"
               "  vain version\n"
               "  vain version --json",
    };
    bool json = false;
    char platform[VAIN_PLATFORM_BYTES];
    const int wrong = vain_parse_arguments(&argp, argc, argv, &json);
    if (wrong != 0)
        return wrong;
    const enum vain_status status = read_platform(platform);
    if (status != VAIN_OK)
        return vain_report_failure(status, json);
    return json ? print_json(platform) : print_text(platform);
}
