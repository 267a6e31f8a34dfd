#include "cmd/report.h"

#include <stdio.h>

#include "base/text.h"

int vain_finish_output(void)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return 0;
    fprintf(stderr, "vain: error: standard output cannot be written\n");
    return 1;
}

void vain_print_row(const char *label, const char *text)
{
    char line[1024];
    vain_text_excerpt(text != NULL ? text : "", 240, line, sizeof line);
    printf("%-16s %s\n", label, line);
}

void vain_print_rowf(const char *label, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    printf("%-16s %s\n", label, line);
}

const char *vain_format_shape(const int64_t *shape, int count, char out[96])
{
    size_t used = (size_t)snprintf(out, 96, count == 0 ? "scalar" : "(");
    for (int i = 0; i < count; i++)
        used += (size_t)snprintf(out + used, 96 - used, "%lld%s", (long long)shape[i],
                                 i + 1 < count ? ", " : ")");
    return out;
}
