/* A round record as one line of JSON: record.jsonl, and `vain record` for people. Inner header of
 * jobs/store. */
#pragma once

#include "base/record.h"
#include "base/text.h"

/* Adds an object and a newline. Hashes and ids are hexadecimal texts; 64-bit numbers that a script
 * may compare exactly (epoch, round) are numbers, as they stay below 2^53 in practice. */
void vain_record_line(struct vain_text *line, const struct vain_record_decoded *record);
