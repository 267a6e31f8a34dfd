/* Bytes of a file to symbols, on memory only: no file is opened here, so all of it can be fuzzed.
 */
#pragma once

#include "jobs/data/corpus.h"

/* Fill symbols, count, symbol_count, vocabulary, kind, wide and owned of `out` (zero before) from
 * `data`, the whole content of the file `path` (used in messages only). `kind` is "bytes",
 * "characters" or "tokens". For bytes and tokens the corpus borrows `data`; characters are copied.
 * VAIN_ERR_INPUT as in vain_corpus_open; on failure nothing is owned. */
enum vain_status vain_symbols_read(const char *kind, const char *path, const void *data,
                                   size_t bytes, struct vain_corpus *out) VAIN_MUST_USE;
/* Symbol number `index` of a corpus. */
int32_t vain_symbols_at(const struct vain_corpus *corpus, int64_t index);
