/* Normal numbers that are equal on every machine.
 *
 * Initial parameters are compared by hash between members whose C libraries and processors differ,
 * and libm's log and cos may differ in the last bit. So both are computed here from +, -, *, / and
 * sqrt alone, which IEEE 754 rounds correctly everywhere. */
#pragma once

#include <stdint.h>

/* Natural logarithm of n / 2^32, 1 <= n <= 2^32; relative error below 1e-15. */
double vain_normal_log(uint64_t n);
/* Cosine of 2 pi n / 2^32; absolute error below 1e-15. */
double vain_normal_cosine_of_turn(uint32_t n);
/* One normal(0, 1) number from two uniform words: Box & Muller, "A note on the generation of random
 * normal deviates", 1958. At most 6.7 in size, since a word has 32 bits. */
double vain_normal_of_words(uint32_t radius_word, uint32_t angle_word);
