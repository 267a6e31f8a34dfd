/* A folder of this test process for the files it makes up. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool scratch_open(void);
/* Removes the folder and the plain files in it. */
void scratch_close(void);
const char *scratch_folder(void);
/* "<folder>/<name>"; borrowed until the eighth next call. */
const char *scratch_path(const char *name);
/* Makes the file; gives its path as scratch_path does. */
const char *scratch_write(const char *name, const void *data, size_t bytes);
