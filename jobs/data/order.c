/* The order of samples, computed instead of kept: a table of shuffled windows would have to be
 * stored, shared and resumed, a permutation that can be asked for any place needs only the number
 * of samples drawn. Where the method comes from stands in the header. */
#include "jobs/data/order.h"

#include "base/status.h"

enum { FEISTEL_ROUNDS = 4 };
/* Blocks of the stream: round r of half `half` is index (r + 1) << 40 | half, the shift is 0. */
static uint32_t word_of(struct vain_random random, int rank, int64_t epoch, uint64_t index)
{
    uint32_t words[4];
    vain_random_block(random, (uint32_t)rank, (uint32_t)epoch, index, words);
    return words[0];
}

int64_t vain_order_windows(int64_t symbols, int64_t T)
{
    VAIN_ASSERT(T >= 1);
    VAIN_ASSERT(symbols > T);
    const int64_t windows = symbols / T - 1;
    return windows < 1 ? 1 : windows;
}

/* How many bits a half needs so that two halves hold `windows` numbers. */
static int half_bits(int64_t windows)
{
    int bits = 1;
    while ((int64_t)1 << (2 * bits) < windows)
        bits++;
    return bits;
}

static int64_t permute_once(struct vain_random random, int rank, int64_t epoch, int bits,
                            int64_t value)
{
    const uint32_t mask = (uint32_t)(((uint64_t)1 << bits) - 1);
    uint32_t left = (uint32_t)(value >> bits), right = (uint32_t)value & mask;
    for (uint64_t round = 1; round <= FEISTEL_ROUNDS; round++) {
        const uint32_t next = left ^ (word_of(random, rank, epoch, round << 40 | right) & mask);
        left = right;
        right = next;
    }
    return (int64_t)left << bits | right;
}

/* A permutation of [0, 4^bits) restricted to [0, windows): it comes back below within a cycle. */
static int64_t permute(struct vain_random random, int rank, int64_t epoch, int64_t windows,
                       int64_t place)
{
    const int bits = half_bits(windows);
    do {
        place = permute_once(random, rank, epoch, bits, place);
    } while (place >= windows);
    return place;
}

int64_t vain_order_offset(struct vain_random random, int rank, int64_t sample, int64_t symbols,
                          int64_t T)
{
    VAIN_ASSERT(rank >= 0);
    VAIN_ASSERT(sample >= 0);
    const int64_t windows = vain_order_windows(symbols, T);
    const int64_t epoch = sample / windows;
    const int64_t spare = symbols - windows * T;
    const int64_t shifts = spare < T ? spare : T;
    const int64_t shift = (int64_t)(word_of(random, rank, epoch, 0) % (uint64_t)shifts);
    return shift + T * permute(random, rank, epoch, windows, sample % windows);
}

int64_t vain_order_place(struct vain_random random, int64_t epoch, int64_t count, int64_t place)
{
    VAIN_ASSERT(epoch >= 0);
    VAIN_ASSERT(place >= 0 && place < count);
    return permute(random, 0, epoch, count, place);
}

int64_t vain_order_batch_count(int64_t count, int64_t B)
{
    VAIN_ASSERT(count >= 0 && B >= 1);
    return count / B + (count % B != 0);
}

int64_t vain_order_batch(struct vain_random random, int64_t epoch, int64_t batch,
                         const int64_t *examples, int64_t count, int64_t B, int64_t *out)
{
    VAIN_ASSERT(batch >= 0 && batch < vain_order_batch_count(count, B));
    const int64_t begin = batch * B;
    const int64_t size = count - begin < B ? count - begin : B;
    for (int64_t i = 0; i < size; i++) {
        const int64_t place = vain_order_place(random, epoch, count, begin + i);
        out[i] = examples != NULL ? examples[place] : place;
    }
    return size;
}
