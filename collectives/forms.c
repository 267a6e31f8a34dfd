/* Forms: bits from the stream a few KiB at a time, so that they are read from the cache. */
#include "collectives/forms.h"

#include <string.h>

#include "base/cursor.h"

enum { BUCKET_BITS = 8, BUCKETS = 1 << BUCKET_BITS };

/* ---- values ---------------------------------------------------------------------------------- */

void vain_forms_encode(const struct vain_forms *forms, uint8_t out[VAIN_MIN_LEN(VAIN_FORMS_BYTES)])
{
    struct vain_writer writer;
    vain_writer_init(&writer, out, VAIN_FORMS_BYTES);
    for (int k = 0; k < VAIN_FORMS; k++)
        vain_write_u32(&writer, forms->values[k]);
    VAIN_ASSERT(!writer.failed);
    VAIN_ASSERT(writer.position == VAIN_FORMS_BYTES);
}

void vain_forms_decode(const uint8_t data[VAIN_MIN_LEN(VAIN_FORMS_BYTES)], struct vain_forms *out)
{
    struct vain_reader reader;
    vain_reader_init(&reader, data, VAIN_FORMS_BYTES);
    for (int k = 0; k < VAIN_FORMS; k++)
        out->values[k] = vain_read_u32(&reader);
}

void vain_forms_add(const struct vain_forms *source, struct vain_forms *target)
{
    for (int k = 0; k < VAIN_FORMS; k++)
        target->values[k] += source->values[k];
}

bool vain_forms_equal(const struct vain_forms *a, const struct vain_forms *b)
{
    return memcmp(a->values, b->values, sizeof a->values) == 0;
}

struct vain_forms_key vain_forms_key_of(const uint8_t context_hash[VAIN_MIN_LEN(VAIN_HASH_BYTES)],
                                        struct vain_check_key check, int64_t word_count)
{
    struct vain_forms_key key = {.check = check, .word_count = word_count};
    vain_hash("vain/evid/bits", context_hash, VAIN_HASH_BYTES, key.seed);
    return key;
}

/* ---- sums ------------------------------------------------------------------------------------ */

void vain_forms_sum_begin(struct vain_forms_sum *sum)
{
    memset(sum, 0, sizeof *sum);
}

/* bits (2 * count): of each word the lower half, then the upper one. */
static void add_to_buckets(struct vain_forms_sum *sum, int64_t count, const uint32_t *bits,
                           const uint32_t *words)
{
    for (int64_t i = 0; i < count; i++) {
        const uint32_t low = bits[2 * i], high = bits[2 * i + 1], word = words[i];
        sum->buckets[0][low & 0xff] += word;
        sum->buckets[1][low >> 8 & 0xff] += word;
        sum->buckets[2][low >> 16 & 0xff] += word;
        sum->buckets[3][low >> 24] += word;
        sum->buckets[4][high & 0xff] += word;
        sum->buckets[5][high >> 8 & 0xff] += word;
        sum->buckets[6][high >> 16 & 0xff] += word;
        sum->buckets[7][high >> 24] += word;
    }
}

/* The last word of the vector is the check word itself, which is taken off. */
static uint32_t check_form(const struct vain_forms_key *key, int64_t first, int64_t count,
                           const uint32_t *words)
{
    const bool ends = count > 0 && first + count == key->word_count;
    uint32_t form = ends ? 0 - words[count - 1] : 0;
    for (int64_t i = 0; i < count - ends; i++)
        form += words[i] * vain_check_coefficient(key->check, (uint64_t)(first + i));
    return form;
}

void vain_forms_sum_add(struct vain_forms_sum *sum, const struct vain_forms_key *key,
                        struct vain_mask_stream *stream, int64_t first, int64_t count,
                        const uint32_t *words)
{
    VAIN_ASSERT(first >= 0);
    VAIN_ASSERT(first + count <= key->word_count);
    sum->check += check_form(key, first, count, words);
    vain_mask_stream_start(stream, key->seed, VAIN_MASK_FORMS, 2 * (uint64_t)first);
    for (int64_t done = 0; done < count;) {
        const uint32_t *bits;
        const int64_t made = vain_mask_stream_next(stream, 2 * (count - done), &bits);
        VAIN_ASSERT(made % 2 == 0); /* pieces end with a block, or all that was asked for */
        add_to_buckets(sum, made / 2, bits, words + done);
        done += made / 2;
    }
}

void vain_forms_sum_end(const struct vain_forms_sum *sum, struct vain_forms *out)
{
    for (int k = 0; k < VAIN_FORMS_RANDOM; k++) {
        const uint32_t *buckets = sum->buckets[k / BUCKET_BITS];
        out->values[k] = 0;
        for (int byte = 0; byte < BUCKETS; byte++)
            out->values[k] += (byte >> k % BUCKET_BITS & 1) != 0 ? buckets[byte] : 0;
    }
    out->values[VAIN_FORMS_CHECK] = sum->check;
}
