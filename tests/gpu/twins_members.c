/* A federation of three masked members, all on the GPU and all on the CPU: for equal deltas, equal
 * words leave, equal sums come off the masks, and the common parameters stay equal for rounds.
 *
 * Each round a member's delta goes the way of jobs/round.c: encode under pair masks and an own
 * mask, sum, take the own masks off, check, decode, outer step. What is not summed goes into the
 * next delta. Model of the sum: the same words without masks. */
#include "tests/gpu/twins.h"

#include <stdio.h>
#include <string.h>

enum { MEMBERS = 3, ROUNDS = 4, PARAMETERS = 200003, MASKS = MEMBERS };

struct federation {
    struct vain_twins *twins;
    struct vain_twin delta[MEMBERS], rest[MEMBERS], words[MEMBERS];
    struct vain_twin mean, momentum, common;
    struct vain_fixed fixed;
    int64_t words_count;
};

/* Where one twin's side of a buffer lies, and on what it computes. */
struct side {
    struct vain_queue *queue;
    const struct vain_ops *ops;
    bool gpu;
};

static void *at(const struct side *side, const struct vain_twin *twin)
{
    return side->gpu ? twin->gpu : twin->host;
}

static void seed_of(int round, int first, int second, uint8_t seed[VAIN_MASK_SEED_BYTES])
{
    const struct vain_random random = {{(uint32_t)round, 0xfed}};
    uint32_t words[8];
    vain_random_block(random, (uint32_t)first, (uint32_t)second, 0, words);
    vain_random_block(random, (uint32_t)first, (uint32_t)second, 1, words + 4);
    memcpy(seed, words, sizeof words);
}

/* The lower member of a pair adds its mask, the other subtracts it; an own mask is added. */
static void masks_of(int round, int member, struct vain_mask masks[MASKS])
{
    for (int other = 0; other < MEMBERS; other++) {
        const int low = member < other ? member : other, high = member < other ? other : member;
        struct vain_mask *mask = &masks[other];
        seed_of(round, low, high, mask->seed);
        mask->domain = other == member ? VAIN_MASK_OWN : VAIN_MASK_PAIR;
        mask->subtract = other < member;
    }
}

static void encode(struct federation *f, const struct side *side, int round, int member,
                   bool masked, struct vain_encoded *out)
{
    struct vain_mask masks[MASKS];
    masks_of(round, member, masks);
    const struct vain_masks list = {MASKS, masks};
    const struct vain_encoding encoding = {
        .fixed = f->fixed,
        .shrink = 0.999f,
        .check_key = vain_check_key_of((struct vain_random){{1, 2}}, (uint32_t)round, 0),
        .masks = masked ? &list : NULL,
    };
    side->ops->codec.encode(side->queue, PARAMETERS, &encoding, at(side, &f->delta[member]),
                            at(side, &f->words[member]), at(side, &f->rest[member]), out);
}

/* The sum lies in member 0's words. */
static void sum(struct federation *f, const struct side *side, int round)
{
    struct vain_mask own[MEMBERS];
    for (int m = 0; m < MEMBERS; m++) {
        struct vain_mask masks[MASKS];
        masks_of(round, m, masks);
        own[m] = masks[m];
        own[m].subtract = true;
        if (m > 0)
            side->ops->codec.add_words(side->queue, f->words_count, at(side, &f->words[m]),
                                       at(side, &f->words[0]));
    }
    const struct vain_masks list = {MEMBERS, own};
    side->ops->codec.add_masks(side->queue, &list, 0, f->words_count, at(side, &f->words[0]));
}

static void step(struct federation *f, const struct side *side)
{
    side->ops->codec.decode_mean(side->queue, PARAMETERS, &f->fixed, MEMBERS,
                                 at(side, &f->words[0]), at(side, &f->mean));
    side->ops->optimiser.outer_step(side->queue, PARAMETERS, 0.7f, 0.9f, true, at(side, &f->mean),
                                    at(side, &f->momentum), at(side, &f->common));
}

/* Both twins of a round; gives what differs. */
static int64_t round_of(struct federation *f, const struct side sides[2], int round)
{
    struct vain_twins *t = f->twins;
    struct vain_encoded encoded[2][MEMBERS];
    uint32_t check[2] = {1, 2};
    int64_t differences = 0;
    for (int s = 0; s < 2; s++)
        for (int m = 0; m < MEMBERS; m++)
            encode(f, &sides[s], round, m, true, &encoded[s][m]);
    for (int m = 0; m < MEMBERS; m++)
        differences += vain_twin_differences(t, &f->words[m]); /* what leaves, masked */
    for (int s = 0; s < 2; s++) {
        sum(f, &sides[s], round);
        sides[s].ops->codec.check_word(sides[s].queue, f->words_count, at(&sides[s], &f->words[0]),
                                       (struct vain_random){{1, 2}}, (uint32_t)round, 0, &check[s]);
        step(f, &sides[s]);
    }
    differences += !vain_twins_wait(t);
    for (int s = 0; s < 2; s++)
        differences += check[s] != encoded[s][0].check + encoded[s][1].check + encoded[s][2].check;
    differences += vain_twin_differences(t, &f->words[0]) + vain_twin_differences(t, &f->mean) +
                   vain_twin_differences(t, &f->momentum) + vain_twin_differences(t, &f->common);
    /* The next delta starts with what was left over. */
    for (int m = 0; m < MEMBERS; m++)
        for (int s = 0; s < 2; s++)
            sides[s].ops->codec.delta(sides[s].queue, PARAMETERS, at(&sides[s], &f->common),
                                      at(&sides[s], &f->mean), at(&sides[s], &f->rest[m]),
                                      at(&sides[s], &f->delta[m]));
    return differences;
}

static void run(struct vain_twins *t, int fields)
{
    struct federation f = {.twins = t,
                           .fixed = {.scale_exponent = fields == 1 ? 22 : 8,
                                     .bits = fields == 1 ? 28 : 13,
                                     .fields = fields},
                           .words_count = (PARAMETERS + fields - 1) / fields};
    const struct side sides[2] = {{&t->on_cpu, t->cpu.ops, false}, {&t->on_gpu, t->gpu.ops, true}};
    struct vain_twins_row row = {.op = "three masked members",
                                 .shape = fields == 1 ? "4 rounds" : "4 rounds, 2 fields"};
    for (int m = 0; m < MEMBERS; m++) {
        f.delta[m] = vain_twin_floats(t, PARAMETERS, 1, 71 + (uint32_t)m);
        f.rest[m] = vain_twin_take(t, f.delta[m].bytes);
        f.words[m] = vain_twin_take(t, (size_t)f.words_count * 4);
    }
    f.mean = vain_twin_take(t, f.delta[0].bytes);
    f.momentum = vain_twin_take(t, f.delta[0].bytes);
    f.common = vain_twin_floats(t, PARAMETERS, 1, 81);
    for (int round = 0; round < ROUNDS; round++)
        row.differences += round_of(&f, sides, round);
    vain_twins_row(t, &row);
    for (int m = 0; m < MEMBERS; m++) {
        vain_twin_release(t, &f.delta[m]);
        vain_twin_release(t, &f.rest[m]);
        vain_twin_release(t, &f.words[m]);
    }
    vain_twin_release(t, &f.mean);
    vain_twin_release(t, &f.momentum);
    vain_twin_release(t, &f.common);
}

void vain_twins_members(struct vain_twins *twins)
{
    run(twins, 1);
    run(twins, 2);
}
