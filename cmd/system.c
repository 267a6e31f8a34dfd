#include "cmd/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { TEXT_BYTES = 16384, PATH_BYTES = 1024 };
#define CONTROL_GROUPS "/sys/fs/cgroup"

void vain_system_hide_memory(bool shared)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    FILE *filter = fopen("/proc/self/coredump_filter", "we"); /* core(5): kinds of memory in it */
    if (filter != NULL) {
        (void)fputs("0", filter);
        (void)fclose(filter);
    }
    if (!shared)
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* The front of a file that the kernel makes up, NUL-ended. */
static bool read_text(const char *path, char *out, size_t bytes)
{
    FILE *file = fopen(path, "re");
    out[0] = '\0';
    if (file == NULL)
        return false;
    const size_t used = fread(out, 1, bytes - 1, file);
    out[used] = '\0';
    fclose(file);
    return used > 0;
}

static int64_t kibibytes_after(const char *text, const char *label)
{
    const char *at = strstr(text, label);
    return at != NULL ? strtoll(at + strlen(label), NULL, 10) * 1024 : 0;
}

bool vain_system_memory(int64_t *total_bytes, int64_t *available_bytes)
{
    char text[TEXT_BYTES];
    if (!read_text("/proc/meminfo", text, sizeof text))
        return false;
    *total_bytes = kibibytes_after(text, "MemTotal:");
    *available_bytes = kibibytes_after(text, "MemAvailable:");
    return *total_bytes > 0;
}

/* Path of this process's control group (version 2), "/" at the root; false without one. */
static bool control_group(char *out, size_t bytes)
{
    char text[TEXT_BYTES];
    if (!read_text("/proc/self/cgroup", text, sizeof text))
        return false;
    const char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (line == NULL)
        return false;
    line = strchr(line, '/');
    if (line == NULL)
        return false;
    const size_t length = strcspn(line, "\n");
    if (length >= bytes)
        return false;
    memcpy(out, line, length);
    out[length] = '\0';
    return true;
}

/* Call `visit` with the text of `file` in this group and in all above it: any of them may limit. */
static void visit_groups(const char *file, void (*visit)(void *context, const char *text),
                         void *context)
{
    char group[PATH_BYTES], path[PATH_BYTES + 64], text[256];
    if (!control_group(group, sizeof group))
        return;
    for (;;) {
        snprintf(path, sizeof path, CONTROL_GROUPS "%s/%s", group, file);
        if (read_text(path, text, sizeof text))
            visit(context, text);
        char *slash = strrchr(group, '/');
        if (slash == NULL)
            return;
        *slash = '\0';
    }
}

static void narrow_memory(void *context, const char *text)
{
    int64_t *limit = context;
    const int64_t value = strtoll(text, NULL, 10); /* "max" gives 0 */
    if (value > 0 && (*limit == 0 || value < *limit))
        *limit = value;
}

int64_t vain_system_memory_limit(void)
{
    int64_t limit = 0;
    visit_groups("memory.max", narrow_memory, &limit);
    return limit;
}

static void narrow_quota(void *context, const char *text)
{
    double *quota = context;
    char *rest = NULL;
    const double share = strtod(text, &rest); /* "max 100000" gives 0 */
    const double period = rest != NULL ? strtod(rest, NULL) : 0;
    if (share > 0 && period > 0 && (*quota <= 0 || share / period < *quota))
        *quota = share / period;
}

double vain_system_cpu_quota(void)
{
    double quota = 0;
    visit_groups("cpu.max", narrow_quota, &quota);
    return quota;
}
