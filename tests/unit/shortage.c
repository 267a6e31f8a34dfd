/* Memory that runs out on demand: the linker gives vain_take and vain_take_array to these first. */
#include "tests/unit/shortage.h"

#include <stdbool.h>

#include "base/memory.h"

static bool is_short;
static int takes_left;
static void (*watch)(const char *what, void *memory, int64_t count, size_t element_bytes);

void shortage_after(int takes)
{
    is_short = true;
    takes_left = takes;
}

void shortage_watch(void (*taken)(const char *what, void *memory, int64_t count,
                                  size_t element_bytes))
{
    watch = taken;
}

void shortage_end(void)
{
    is_short = false;
}

/* Names that the linker makes. */
enum vain_status __real_vain_take(size_t bytes, const char *what, void **out);
enum vain_status __wrap_vain_take(size_t bytes, const char *what, void **out);
enum vain_status __real_vain_take_array(int64_t count, size_t element_bytes, const char *what,
                                        void **out);
enum vain_status __wrap_vain_take_array(int64_t count, size_t element_bytes, const char *what,
                                        void **out);

static bool fails(void)
{
    return is_short && takes_left-- <= 0;
}

enum vain_status __wrap_vain_take(size_t bytes, const char *what, void **out)
{
    *out = NULL;
    return fails() ? vain_fail(VAIN_ERR_MEMORY, "%s: a shortage on purpose", what)
                   : __real_vain_take(bytes, what, out);
}

enum vain_status __wrap_vain_take_array(int64_t count, size_t element_bytes, const char *what,
                                        void **out)
{
    *out = NULL;
    if (fails())
        return vain_fail(VAIN_ERR_MEMORY, "%s: a shortage on purpose", what);
    const enum vain_status status = __real_vain_take_array(count, element_bytes, what, out);
    if (watch != NULL && status == VAIN_OK && *out != NULL)
        watch(what, *out, count, element_bytes);
    return status;
}
