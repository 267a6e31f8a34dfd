/* Whole rounds: encode, reduce, open, decode, gather, and every way they end early. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "collectives/control.h"
#include "collectives/exchange.h"
#include "tests/mpi/ranks.h"

enum { N = 3001, RANKS_MAX = 16 };

static const char *const names[] = {"ada",   "bob",  "carol", "dave", "erin", "frank",
                                    "grace", "hugo", "ida",   "jan",  "kim",  "lee"};

/* One member's side of an exchange. */
struct party {
    struct vain_codec codec;
    struct vain_exchange *exchange;
    struct vain_exchange_driver driver;
    struct vain_context context;
    struct vain_random check;
    struct vain_mask mask_list[RANKS_MAX];
    struct vain_masks masks;
    float delta[N], residual[N], mean[N];
    uint32_t words[N + VAIN_COUNTER_WORDS + 1];
    struct vain_counters mine;
    struct vain_codec_report report;
};

/* Masks that cancel over all ranks: a seed for each pair, added by the lower rank. */
static void make_masks(struct ranks *ranks, struct party *party)
{
    const int own = ranks->comm.rank;
    for (int peer = 0; peer < ranks->comm.size; peer++) {
        if (peer == own)
            continue;
        struct vain_mask *mask = &party->mask_list[party->masks.count++];
        mask->domain = VAIN_MASK_PAIR;
        mask->subtract = peer < own;
        mask->seed[0] = (uint8_t)(peer < own ? peer : own);
        mask->seed[1] = (uint8_t)(peer < own ? own : peer);
    }
    party->masks.masks = party->mask_list;
}

static struct party *open_party_with(struct ranks *ranks, int field_bits,
                                     enum vain_algorithm algorithm, int64_t chunk_words,
                                     bool masked)
{
    struct party *party = NULL;
    if (algorithm == VAIN_ALGORITHM_NATIVE && ranks->comm.ops->post_all_reduce == NULL)
        algorithm = VAIN_ALGORITHM_RING;
    EXPECT_OK(ranks, vain_take(sizeof *party, "party", (void **)&party));
    EXPECT_OK(ranks, vain_codec_init(&party->codec, N, ranks->comm.size, field_bits, NAN, 0.25));
    const struct vain_exchange_config config = {.member_index = ranks->comm.rank,
                                                .member_count = ranks->comm.size,
                                                .member_names = names,
                                                .codec = &party->codec,
                                                .queue = &ranks->queue,
                                                .gather_bytes_max = 64,
                                                .algorithm = algorithm,
                                                .chunk_words = chunk_words};
    EXPECT_OK(ranks, vain_exchange_open(&config, &party->exchange));
    party->driver = (struct vain_exchange_driver){.comm = &ranks->comm, .world = &ranks->world};
    party->check = (struct vain_random){{17, 18}};
    memset(party->context.group_id, 0x11, VAIN_HASH_BYTES);
    party->context.masked = masked;
    make_masks(ranks, party);
    return party;
}

static struct party *open_party(struct ranks *ranks, int field_bits)
{
    return open_party_with(ranks, field_bits, VAIN_ALGORITHM_NATIVE, 0, false);
}

static void close_party(struct party *party)
{
    vain_exchange_close(&party->exchange);
    vain_release(party);
}

/* The delta of member `who`, some values beyond the range of 16 bits. */
static float delta_of(int who, int64_t index, int round)
{
    const float unit =
        (float)(int32_t)ranks_word(who + 1000 * round, index) * (1.0f / 2147483648.0f);
    return unit * unit * unit * 0.4f;
}

/* The words of the context's round and attempt, under masks if it says so. */
static void encode_attempt(struct ranks *ranks, struct party *party)
{
    const struct vain_codec_attempt attempt = {
        .check = party->check,
        .round = (uint32_t)party->context.round,
        .attempt = party->context.attempt,
        .masks = party->context.masked ? &party->masks : NULL,
    };
    EXPECT_OK(ranks, vain_codec_encode(&party->codec, &ranks->queue, party->delta, &party->mine,
                                       &attempt, party->words, party->residual, &party->report));
}

static void encode(struct ranks *ranks, struct party *party, int who, int round)
{
    for (int64_t i = 0; i < N; i++)
        party->delta[i] = delta_of(who, i, round);
    party->context.round = (uint64_t)round;
    party->mine = (struct vain_counters){.weight = 1000 + who, .loss_micro = 2500000 + who};
    encode_attempt(ranks, party);
    vain_exchange_set_round(party->exchange, &party->context, party->check);
}

/* In odd rounds without waiting inside. */
static enum vain_status drive(struct party *party, enum vain_exchange_event_kind call)
{
    if (party->context.round % 2 == 0)
        return vain_exchange_drive(party->exchange, call, &party->driver);
    struct vain_comm *comm = party->driver.comm;
    struct vain_patience patience = vain_patience_start(comm, party->driver.world, 0);
    enum vain_status status = vain_exchange_start(party->exchange, call, &party->driver);
    while (status == VAIN_AGAIN) {
        status = vain_exchange_poll(party->exchange);
        (void)vain_patience_wait(&patience);
    }
    return status;
}

/* Agree, then sum. */
static enum vain_status drive_reduce(struct party *party)
{
    VAIN_TRY(drive(party, VAIN_EXCHANGE_BEGIN_AGREE));
    VAIN_ASSERT(vain_exchange_phase(party->exchange) == VAIN_EXCHANGE_AGREED);
    vain_exchange_set_words(party->exchange, party->words, party->context.masked);
    return drive(party, VAIN_EXCHANGE_BEGIN_REDUCE);
}

/* The integers that all members sent, worked out from their deltas alone, and their float mean;
 * those that did not fit are added to `saturated`. */
static float expected_mean(const struct vain_fixed *fixed, int members, int64_t index, int round,
                           int64_t *saturated)
{
    const double limit = ldexp(1.0, fixed->bits - 1) - 1;
    double sum = 0;
    for (int who = 0; who < members; who++) {
        const double value =
            nearbyint(ldexp((double)delta_of(who, index, round), fixed->scale_exponent));
        *saturated += fabs(value) > limit;
        sum += fmax(-limit, fmin(limit, value));
    }
    return (float)ldexp((double)((float)sum / (float)members), -fixed->scale_exponent);
}

static void check_round(struct ranks *ranks, struct party *party, const struct vain_fixed *fixed,
                        int round)
{
    struct vain_counters sums = {0};
    int64_t wrong = 0, saturated = 0;
    const int members = ranks->comm.size;
    EXPECT(ranks, vain_codec_decode(&party->codec, &ranks->queue, party->words, party->mean,
                                    &sums) == VAIN_OK);
    for (int64_t i = 0; i < N; i++) {
        const float expected = expected_mean(fixed, members, i, round, &saturated);
        wrong += memcmp(&party->mean[i], &expected, sizeof expected) != 0;
    }
    EXPECT(ranks, wrong == 0);
    EXPECT(ranks, sums.weight == 1000 * members + members * (members - 1) / 2);
    EXPECT(ranks, sums.loss_micro == 2500000 * members + members * (members - 1) / 2);
    EXPECT(ranks, sums.clipped == 0);
    EXPECT(ranks, sums.saturated == saturated);
    EXPECT(ranks, round > 0 || saturated > 0);
}

static void gather_signatures(struct ranks *ranks, struct party *party, int round)
{
    uint8_t own[64], all[16 * 64];
    memset(own, ranks->comm.rank + 16 * round, sizeof own);
    memset(all, 0xee, sizeof all);
    vain_exchange_set_gather(party->exchange, own, sizeof own, all);
    EXPECT_OK(ranks, drive(party, VAIN_EXCHANGE_BEGIN_GATHER));
    for (int rank = 0; rank < ranks->comm.size; rank++) {
        EXPECT(ranks, all[64 * rank] == rank + 16 * round);
        EXPECT(ranks, all[64 * rank + 63] == rank + 16 * round);
    }
    EXPECT(ranks, all[64 * ranks->comm.size] == 0xee);
}

/* How words are summed: every way, in one chunk and in many, masked and not. */
static const struct way {
    enum vain_algorithm algorithm;
    int64_t chunk_words;
    bool masked;
} ways[] = {
    {VAIN_ALGORITHM_NATIVE, 0, false}, {VAIN_ALGORITHM_NATIVE, 0, true},
    {VAIN_ALGORITHM_RING, 0, false},   {VAIN_ALGORITHM_RING, 0, true},
    {VAIN_ALGORITHM_RING, 37, true},   {VAIN_ALGORITHM_RING, 1, false},
    {VAIN_ALGORITHM_TREE, 0, false},   {VAIN_ALGORITHM_TREE, 0, true},
};

static struct party *open_party_way(struct ranks *ranks, int field_bits, const struct way *way)
{
    return open_party_with(ranks, field_bits, way->algorithm, way->chunk_words, way->masked);
}

static void rounds_with(struct ranks *ranks, int field_bits, const struct way *way)
{
    struct party *party = open_party_way(ranks, field_bits, way);
    /* The first range is too small for some deltas; the later ones follow from what was seen. */
    struct vain_codec_state narrow = vain_codec_state(&party->codec);
    narrow.range_exponent = -2;
    EXPECT_OK(ranks, vain_codec_restore(&party->codec, narrow));
    for (int round = 0; round < 4; round++) {
        const struct vain_fixed fixed = party->codec.fixed;
        encode(ranks, party, ranks->comm.rank, round);
        EXPECT(ranks, !party->report.clipped);
        EXPECT_OK(ranks, drive_reduce(party));
        EXPECT(ranks, vain_exchange_phase(party->exchange) == VAIN_EXCHANGE_REDUCED);
        EXPECT_OK(ranks, drive(party, VAIN_EXCHANGE_BEGIN_VERIFY));
        check_round(ranks, party, &fixed, round);
        gather_signatures(ranks, party, round);
        gather_signatures(ranks, party, round);
    }
    struct vain_codec_state mine = vain_codec_state(&party->codec), all[16];
    EXPECT_OK(ranks, vain_comm_all_gather(&ranks->comm, &ranks->world, 0, VAIN_TAG_START, &mine,
                                          sizeof mine, all));
    for (int rank = 0; rank < ranks->comm.size; rank++)
        EXPECT(ranks, memcmp(&all[rank], &mine, sizeof mine) == 0);
    close_party(party);
}

static void rounds_of_32_bits(struct ranks *ranks)
{
    for (size_t i = 0; i < VAIN_COUNT_OF(ways); i++)
        rounds_with(ranks, 32, &ways[i]);
}

static void rounds_of_16_bits(struct ranks *ranks)
{
    for (size_t i = 0; i < VAIN_COUNT_OF(ways); i++)
        rounds_with(ranks, 16, &ways[i]);
}

/* Members of even rank are twice as long as the clip allows, the others half. */
static void who_was_clipped_is_counted(struct ranks *ranks)
{
    struct party *party = open_party(ranks, 32);
    struct vain_counters sums;
    const bool is_long = ranks->comm.rank % 2 == 0;
    party->codec.clip = 1;
    memset(party->delta, 0, sizeof party->delta);
    party->delta[17] = is_long ? 2.0f : 0.5f;
    encode_attempt(ranks, party);
    EXPECT(ranks, party->report.clipped == is_long);
    vain_exchange_set_round(party->exchange, &party->context, party->check);
    EXPECT_OK(ranks, drive_reduce(party));
    EXPECT_OK(ranks, drive(party, VAIN_EXCHANGE_BEGIN_VERIFY));
    EXPECT(ranks, vain_codec_decode(&party->codec, &ranks->queue, party->words, party->mean,
                                    &sums) == VAIN_OK);
    EXPECT(ranks, sums.clipped == (ranks->comm.size + 1) / 2);
    EXPECT(ranks, sums.saturated == 0);
    close_party(party);
}

static void members_in_any_order_give_equal_bits(struct ranks *ranks)
{
    float first[N];
    for (int shift = 0; shift < ranks->comm.size; shift++) {
        struct party *party = open_party_way(ranks, 16, &ways[(size_t)shift % VAIN_COUNT_OF(ways)]);
        struct vain_counters sums;
        encode(ranks, party, (ranks->comm.rank + shift) % ranks->comm.size, 0);
        EXPECT_OK(ranks, drive_reduce(party));
        EXPECT_OK(ranks, drive(party, VAIN_EXCHANGE_BEGIN_VERIFY));
        EXPECT(ranks, vain_codec_decode(&party->codec, &ranks->queue, party->words, party->mean,
                                        &sums) == VAIN_OK);
        if (shift == 0)
            memcpy(first, party->mean, sizeof first);
        EXPECT(ranks, memcmp(first, party->mean, sizeof first) == 0);
        close_party(party);
    }
}

/* ---- orders of a ring ------------------------------------------------------------------------ */

/* By rank turned by one, backwards, and then any that a seed gives. */
static void make_order(int members, int number, int *order)
{
    for (int place = 0; place < members; place++)
        order[place] = number == 0 ? (place + 1) % members : members - 1 - place;
    for (int i = members - 1; i > 0 && number > 1; i--) {
        const int at = (int)(ranks_word(number, i) % (uint32_t)(i + 1));
        const int moved = order[i];
        order[i] = order[at];
        order[at] = moved;
    }
}

/* The party's exchange becomes a ring in this order (borrowed). */
static void stand_in_order(struct ranks *ranks, struct party *party, const int *order,
                           int64_t chunk_words)
{
    const struct vain_exchange_config config = {.member_index = ranks->comm.rank,
                                                .member_count = ranks->comm.size,
                                                .member_names = names,
                                                .codec = &party->codec,
                                                .queue = &ranks->queue,
                                                .gather_bytes_max = 64,
                                                .algorithm = VAIN_ALGORITHM_RING,
                                                .chunk_words = chunk_words,
                                                .ring_order = order};
    vain_exchange_close(&party->exchange);
    EXPECT_OK(ranks, vain_exchange_open(&config, &party->exchange));
}

static void every_order_of_a_ring_gives_the_sum(struct ranks *ranks)
{
    int order[RANKS_MAX];
    for (int number = 0; number < 8; number++) {
        const struct way *way = &ways[2 + number % 4]; /* the rings */
        struct party *party = open_party_way(ranks, number % 2 == 0 ? 32 : 16, way);
        make_order(ranks->comm.size, number, order);
        stand_in_order(ranks, party, order, way->chunk_words);
        for (int round = 1; round < 3; round++) {
            const struct vain_fixed fixed = party->codec.fixed;
            encode(ranks, party, ranks->comm.rank, round);
            EXPECT_OK(ranks, drive_reduce(party));
            EXPECT_OK(ranks, drive(party, VAIN_EXCHANGE_BEGIN_VERIFY));
            check_round(ranks, party, &fixed, round);
            gather_signatures(ranks, party, round);
        }
        close_party(party);
    }
}

/* The last member stands in another order: said before a word travels. */
static void an_order_that_differs_is_named(struct ranks *ranks)
{
    struct party *party = open_party(ranks, 32);
    const int odd = ranks->comm.size - 1;
    int order[RANKS_MAX];
    make_order(ranks->comm.size, ranks->comm.rank == odd ? 1 : 0, order);
    if (ranks->comm.size == 2 && ranks->comm.rank == odd) /* there both are the same */
        order[0] = 0, order[1] = 1;
    stand_in_order(ranks, party, order, 0);
    encode(ranks, party, ranks->comm.rank, 7);
    if (ranks->comm.size > 1) {
        const uint32_t word_before = party->words[0];
        EXPECT_STATUS(ranks, VAIN_ERR_PEER, drive_reduce(party));
        EXPECT_MESSAGE(ranks, "' (ring order)");
        EXPECT(ranks, party->words[0] == word_before);
    }
    close_party(party);
}

/* ---- evidence -------------------------------------------------------------------------------- */

/* Keys that any rank can make. */
static void open_signers(struct ranks *ranks, struct vain_signer *own,
                         uint8_t keys[RANKS_MAX][VAIN_PUBLIC_KEY_BYTES])
{
    EXPECT_OK(ranks, vain_signer_open_throw_away(own, 1000));
    EXPECT_OK(ranks,
              vain_comm_all_gather(&ranks->comm, &ranks->world, 0, VAIN_TAG_START,
                                   own->certificate.current_key, VAIN_PUBLIC_KEY_BYTES, keys[0]));
}

/* Everybody's statements to all, of own words and of hops; nobody is a culprit. */
static void expect_nobody(struct ranks *ranks, struct vain_evidence *evidence, bool checks_own)
{
    static _Thread_local uint8_t own[1 << 16], hops[1 << 18];
    struct vain_evidence_verdict verdict;
    const int members = ranks->comm.size;
    EXPECT_OK(ranks, vain_comm_all_gather(&ranks->comm, &ranks->world, 0, VAIN_TAG_EVIDENCE,
                                          vain_evidence_own(evidence),
                                          vain_evidence_own_bytes(members), own));
    EXPECT(ranks, vain_evidence_take_own(evidence, own) == -1);
    EXPECT_OK(ranks, vain_comm_all_gather(&ranks->comm, &ranks->world, 0, VAIN_TAG_EVIDENCE,
                                          vain_evidence_hops(evidence),
                                          vain_evidence_hops_bytes(members), hops));
    vain_evidence_judge_hops(evidence, checks_own, hops, &verdict);
    EXPECT(ranks, verdict.culprit == -1);
}

/* Round 1 is with evidence, as its last member wants it, and 2 is not. */
static void rounds_with_evidence(struct ranks *ranks, struct party *party,
                                 struct vain_evidence *evidence)
{
    for (int round = 1; round < 3; round++) {
        const struct vain_fixed fixed = party->codec.fixed;
        party->context.wants_evidence = round == 1 && ranks->comm.rank == ranks->comm.size - 1;
        encode(ranks, party, ranks->comm.rank, round);
        EXPECT_OK(ranks, drive(party, VAIN_EXCHANGE_BEGIN_AGREE));
        EXPECT(ranks, vain_exchange_has_evidence(party->exchange) == (round == 1));
        vain_exchange_set_words(party->exchange, party->words, party->context.masked);
        if (round == 1)
            EXPECT_OK(ranks, vain_exchange_set_evidence(party->exchange, evidence));
        EXPECT_OK(ranks, drive(party, VAIN_EXCHANGE_BEGIN_REDUCE));
        EXPECT_OK(ranks, drive(party, VAIN_EXCHANGE_BEGIN_VERIFY));
        check_round(ranks, party, &fixed, round);
        if (round == 1)
            expect_nobody(ranks, evidence, !party->context.masked);
    }
}

static void evidence_changes_no_bit(struct ranks *ranks)
{
    uint8_t keys[RANKS_MAX][VAIN_PUBLIC_KEY_BYTES];
    struct vain_signer signer;
    open_signers(ranks, &signer, keys);
    for (size_t i = 0; i < VAIN_COUNT_OF(ways) && ranks->comm.size > 1; i++) {
        struct party *party = open_party_way(ranks, i % 2 == 0 ? 32 : 16, &ways[i]);
        struct vain_exchange_config config = {.member_index = ranks->comm.rank,
                                              .member_count = ranks->comm.size,
                                              .member_names = names,
                                              .codec = &party->codec,
                                              .queue = &ranks->queue,
                                              .algorithm = ways[i].algorithm,
                                              .chunk_words = ways[i].chunk_words,
                                              .gives_evidence = true};
        const struct vain_evidence_config statements = {.members = ranks->comm.size,
                                                        .own = ranks->comm.rank,
                                                        .keys = keys[0],
                                                        .signer = &signer};
        struct vain_evidence *evidence = NULL;
        if (config.algorithm == VAIN_ALGORITHM_NATIVE && ranks->comm.ops->post_all_reduce == NULL)
            config.algorithm = VAIN_ALGORITHM_RING;
        vain_exchange_close(&party->exchange);
        EXPECT_OK(ranks, vain_exchange_open(&config, &party->exchange));
        EXPECT_OK(ranks, vain_evidence_open(&statements, &evidence));
        rounds_with_evidence(ranks, party, evidence);
        close_party(party);
        vain_evidence_close(&evidence);
    }
    vain_signer_close(&signer);
}

/* ---- refusals -------------------------------------------------------------------------------- */

/* The last member says something else; everybody must name it, and it everybody. Then all of them
 * agree on another attempt over the same communicator, which must work. */
static void differs(struct ranks *ranks, void (*spoil)(struct party *), const char *what)
{
    struct party *party = open_party(ranks, 32);
    const int odd = ranks->comm.size - 1;
    const struct vain_context common = party->context;
    encode(ranks, party, ranks->comm.rank, 7);
    if (ranks->comm.rank == odd)
        spoil(party);
    vain_exchange_set_round(party->exchange, &party->context, party->check);
    if (ranks->comm.size > 1) {
        const uint32_t word_before = party->words[0];
        EXPECT_STATUS(ranks, VAIN_ERR_PEER, drive_reduce(party));
        EXPECT(ranks, vain_exchange_phase(party->exchange) == VAIN_EXCHANGE_FAILED);
        EXPECT_MESSAGE(ranks, what);
        char named[32];
        snprintf(named, sizeof named, " '%s' (", names[ranks->comm.rank == odd ? 0 : odd]);
        EXPECT_MESSAGE(ranks, named);
        EXPECT(ranks, party->words[0] == word_before);
    }
    party->context = common;
    party->context.attempt = 1;
    party->context.round = 7;
    encode_attempt(ranks, party);
    vain_exchange_set_round(party->exchange, &party->context, party->check);
    EXPECT_OK(ranks, drive_reduce(party));
    EXPECT_OK(ranks, drive(party, VAIN_EXCHANGE_BEGIN_VERIFY));
    close_party(party);
}

static void another_round(struct party *party)
{
    party->context.round = 8;
}
static void another_attempt(struct party *party)
{
    party->context.attempt = 3;
}
static void other_parameters(struct party *party)
{
    party->context.parameters_hash[31] ^= 1;
}
static void another_spec(struct party *party)
{
    party->context.spec_hash[0] ^= 0x80;
}

static void contexts_that_differ_are_named(struct ranks *ranks)
{
    const bool odd = ranks->comm.rank == ranks->comm.size - 1;
    differs(ranks, another_round, odd ? "round 7 instead of 8" : "round 8 instead of 7");
    differs(ranks, another_attempt, odd ? "attempt 0 instead of 3" : "attempt 3 instead of 0");
    differs(ranks, other_parameters, "(parameters)");
    differs(ranks, another_spec, "(job spec)");
}

/* Another range would decode to another mean without any word being wrong. */
static void another_codec_state_is_named(struct ranks *ranks)
{
    struct party *party = open_party(ranks, 32);
    encode(ranks, party, ranks->comm.rank, 0);
    if (ranks->comm.rank == 0)
        party->codec.fixed.scale_exponent--;
    const enum vain_status status = drive_reduce(party);
    EXPECT(ranks, status == (ranks->comm.size > 1 ? VAIN_ERR_PEER : VAIN_OK));
    if (ranks->comm.size > 1)
        EXPECT(ranks, strstr(vain_fail_message(), "value range") != NULL);
    close_party(party);
}

static void a_flipped_bit_never_becomes_a_model(struct ranks *ranks)
{
    struct party *party = open_party(ranks, 16);
    encode(ranks, party, ranks->comm.rank, 3);
    EXPECT_OK(ranks, drive_reduce(party));
    int64_t missed = 0;
    for (int64_t word = 0; word < party->codec.word_count; word++) {
        for (int bit = 0; bit < 32; bit += word < party->codec.vector_words ? 31 : 1) {
            party->words[word] ^= 1u << bit;
            missed += vain_codec_verify(&party->codec, &ranks->queue, party->check, 3, 0,
                                        party->words) != VAIN_ERR_NUMERIC;
            party->words[word] ^= 1u << bit;
        }
        if (word == 3 && party->codec.vector_words > 20)
            word = party->codec.vector_words - 3;
    }
    EXPECT(ranks, missed == 0);
    /* Sums of another round or attempt do not pass as this one's either. */
    EXPECT_STATUS(
        ranks, VAIN_ERR_NUMERIC,
        vain_codec_verify(&party->codec, &ranks->queue, party->check, 4, 0, party->words));
    party->words[5] ^= 0x10;
    EXPECT_STATUS(ranks, VAIN_ERR_NUMERIC, drive(party, VAIN_EXCHANGE_BEGIN_VERIFY));
    EXPECT(ranks, strstr(vain_fail_message(), "round 3, attempt 0: the check word") != NULL);
    EXPECT(ranks, vain_exchange_phase(party->exchange) == VAIN_EXCHANGE_FAILED);
    close_party(party);
}

/* ---- ends ------------------------------------------------------------------------------------ */

struct leaver {
    struct ranks *ranks;
    struct vain_control *control;
};

static bool somebody_is_outside(void *context)
{
    struct leaver *leaver = context;
    enum vain_control_word word = VAIN_CONTROL_NONE;
    int32_t signal_number;
    EXPECT_OK(leaver->ranks, vain_control_poll(leaver->control, &word, &signal_number));
    return word == VAIN_CONTROL_OUTSIDE;
}

/* Member 0 stops instead of coming; the others leave, and all meet at a barrier afterwards. */
static void those_who_wait_leave(struct ranks *ranks)
{
    struct party *party = open_party(ranks, 32);
    struct leaver leaver = {.ranks = ranks};
    EXPECT_OK(ranks, vain_control_open(&ranks->comm, &leaver.control));
    party->driver.leave = somebody_is_outside;
    party->driver.leave_context = &leaver;
    encode(ranks, party, ranks->comm.rank, 0);
    if (ranks->comm.rank == 0) {
        EXPECT_OK(ranks, vain_control_say(leaver.control, VAIN_CONTROL_OUTSIDE, 15));
    } else {
        EXPECT_STATUS(ranks, VAIN_STOPPED, drive_reduce(party));
        EXPECT(ranks, vain_exchange_phase(party->exchange) == VAIN_EXCHANGE_LEFT);
        EXPECT_OK(ranks, vain_control_say(leaver.control, VAIN_CONTROL_OUTSIDE, 15));
    }
    EXPECT_OK(ranks, vain_comm_barrier(&ranks->comm, &ranks->world, 0));
    vain_control_close(&leaver.control);
    close_party(party);
}

struct late_leaver {
    const struct vain_exchange *exchange;
    int asked; /* once all were there */
};

/* Wants to leave as soon as nobody is waited for any more. */
static bool too_late_to_leave(void *context)
{
    struct late_leaver *leaver = context;
    const bool late = vain_exchange_phase(leaver->exchange) != VAIN_EXCHANGE_CONTEXT;
    leaver->asked += late;
    return late;
}

/* Wanting to leave is not enough once all are there: the call is not even asked then, neither while
 * words travel nor while blocks do. */
static void nobody_leaves_a_complete_exchange(struct ranks *ranks)
{
    struct party *party = open_party(ranks, 32);
    struct late_leaver leaver = {.exchange = party->exchange};
    party->driver.leave = too_late_to_leave;
    party->driver.leave_context = &leaver;
    for (int round = 0; round < 4; round++) {
        encode(ranks, party, ranks->comm.rank, round);
        EXPECT_OK(ranks, drive_reduce(party));
        EXPECT(ranks, vain_exchange_phase(party->exchange) == VAIN_EXCHANGE_REDUCED);
        EXPECT_OK(ranks, drive(party, VAIN_EXCHANGE_BEGIN_VERIFY));
        gather_signatures(ranks, party, round);
    }
    EXPECT(ranks, leaver.asked == 0);
    close_party(party);
}

static void a_missing_member_is_named(struct ranks *ranks)
{
    struct party *party = open_party(ranks, 32);
    const int missing = ranks->comm.size - 1;
    encode(ranks, party, ranks->comm.rank, 9);
    ranks_clock_runs(ranks);
    party->driver.deadline_ms = 2000;
    if (ranks->comm.size > 1 && ranks->comm.rank != missing) {
        const enum vain_status status = drive_reduce(party);
        EXPECT(ranks, status == VAIN_ERR_TIMEOUT || status == VAIN_ERR_PEER);
        char named[32];
        snprintf(named, sizeof named, "'%s'", names[missing]);
        if (status == VAIN_ERR_TIMEOUT)
            EXPECT_MESSAGE(ranks, named);
        EXPECT(ranks, vain_exchange_phase(party->exchange) == VAIN_EXCHANGE_FAILED);
    } else if (ranks->comm.size > 1) {
        /* Comes too late: the exchange is over. */
        uint8_t byte = 0;
        EXPECT_STATUS(ranks, VAIN_ERR_PEER,
                      vain_comm_broadcast(&ranks->comm, &ranks->world, 0, 0, &byte, 1));
        party->driver.deadline_ms = 0;
        EXPECT_STATUS(ranks, VAIN_ERR_PEER, drive_reduce(party));
    }
    close_party(party);
}

/* One member waits for all others, of whose names one is a part of another. */
static void all_missing_members_are_named(struct ranks *ranks)
{
    static const char *const alike[] = {"m0", "m10", "m1", "m2", "m3", "m4", "m5", "m6"};
    struct party *party = open_party(ranks, 32);
    if (ranks->comm.rank == 0 && ranks->comm.size >= 3) {
        vain_exchange_close(&party->exchange);
        const struct vain_exchange_config config = {.member_count = ranks->comm.size,
                                                    .member_names = alike,
                                                    .codec = &party->codec,
                                                    .queue = &ranks->queue,
                                                    .gather_bytes_max = 64,
                                                    .algorithm = VAIN_ALGORITHM_RING};
        EXPECT_OK(ranks, vain_exchange_open(&config, &party->exchange));
        encode(ranks, party, 0, 9);
        ranks_clock_runs(ranks);
        party->driver.deadline_ms = 2000;
        EXPECT_STATUS(ranks, VAIN_ERR_TIMEOUT, drive_reduce(party));
        EXPECT_MESSAGE(ranks, "nothing came from 'm10', 'm1'");
    } else if (ranks->comm.size >= 3) {
        uint8_t byte = 0;
        EXPECT_STATUS(ranks, VAIN_ERR_PEER,
                      vain_comm_broadcast(&ranks->comm, &ranks->world, 0, 0, &byte, 1));
    }
    close_party(party);
}

const struct ranks_case exchange_cases[] = {
    {"exchange: rounds of 32-bit words", rounds_of_32_bits},
    {"exchange: rounds of two 16-bit fields a word", rounds_of_16_bits},
    {"exchange: who was clipped is counted", who_was_clipped_is_counted},
    {"exchange: members in any order give equal bits", members_in_any_order_give_equal_bits},
    {"exchange: every order of a ring gives the sum", every_order_of_a_ring_gives_the_sum},
    {"exchange: an order that differs is named", an_order_that_differs_is_named},
    {"exchange: evidence changes no bit", evidence_changes_no_bit},
    {"exchange: contexts that differ are named", contexts_that_differ_are_named},
    {"exchange: another codec state is named", another_codec_state_is_named},
    {"exchange: a flipped bit never becomes a model", a_flipped_bit_never_becomes_a_model},
    {"exchange: those who wait for somebody outside leave", those_who_wait_leave},
    {"exchange: nobody leaves a complete exchange", nobody_leaves_a_complete_exchange},
    {"exchange: a missing member is named", a_missing_member_is_named},
    {"exchange: all missing members are named", all_missing_members_are_named},
    {NULL, NULL},
};
