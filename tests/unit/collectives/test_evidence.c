/* Statements and their judge: rings of a few words that are played by hand, in which one member
 * changes a word, forges or withholds a statement, at every hop in turn; and liars that do anything
 * they can, who never make an honest member look like one. */
#include "collectives/evidence.h"

#include <string.h>

#include "base/memory.h"
#include "tests/unit/shortage.h"
#include "tests/unit/suite.h"

enum {
    MEMBERS_MOST = 8,
    STEPS_MOST = 2 * MEMBERS_MOST - 2,
    WORDS = 4 * MEMBERS_MOST + 3,
    OWN_MOST = MEMBERS_MOST * VAIN_FORMS_BYTES + VAIN_SIGNATURE_BYTES,
    HOPS_MOST = 2 * STEPS_MOST * VAIN_STATEMENT_BYTES
};
static const int sizes[] = {3, 4, 5, 8};
static const char *const names[MEMBERS_MOST] = {"ada",  "bob",   "carol", "dave",
                                                "erin", "frank", "grace", "hugo"};
static const struct vain_check_key check_key = {{11, 12, 13, 14}};

/* A ring in which place p is held by rank order[p]. */
static struct ring {
    int members, steps;
    int order[MEMBERS_MOST];
    struct vain_signer signers[MEMBERS_MOST]; /* by rank */
    uint8_t keys[MEMBERS_MOST][VAIN_PUBLIC_KEY_BYTES];
    struct vain_evidence *evidence[MEMBERS_MOST]; /* by place, as what follows */
    uint32_t words[MEMBERS_MOST][WORDS];
    uint8_t own[MEMBERS_MOST * OWN_MOST], hops[MEMBERS_MOST * HOPS_MOST]; /* by rank, as given */
    uint32_t random;
} ring;

/* Who does what to a word of the shard that it passes on; place -1: nobody. */
struct deed {
    int place, step;
};

static uint32_t draw(uint32_t below)
{
    ring.random = vain_mix(ring.random + 0x9e3779b9u);
    return ring.random % below;
}

static int first_of(int shard)
{
    return shard * WORDS / ring.members;
}

static int words_in(int shard)
{
    return first_of(shard + 1) - first_of(shard);
}

static void open_ring(int members)
{
    memset(&ring, 0, sizeof ring);
    ring.members = members;
    ring.steps = vain_evidence_steps(members);
    for (int rank = 0; rank < members; rank++) {
        ring.order[rank] = (rank * 3 + 1) % members; /* but for 3, below */
        CU_ASSERT_EQUAL_FATAL(vain_signer_open_throw_away(&ring.signers[rank], 1000), VAIN_OK);
        memcpy(ring.keys[rank], ring.signers[rank].certificate.current_key, VAIN_PUBLIC_KEY_BYTES);
    }
    if (members == 3)
        ring.order[0] = 2, ring.order[1] = 0, ring.order[2] = 1;
    for (int place = 0; place < members; place++) {
        const struct vain_evidence_config config = {.members = members,
                                                    .own = ring.order[place],
                                                    .order = ring.order,
                                                    .keys = ring.keys[0],
                                                    .signer = &ring.signers[ring.order[place]]};
        CU_ASSERT_EQUAL_FATAL(vain_evidence_open(&config, &ring.evidence[place]), VAIN_OK);
    }
}

static void close_ring(void)
{
    for (int i = 0; i < ring.members; i++) {
        vain_evidence_close(&ring.evidence[i]);
        vain_signer_close(&ring.signers[i]);
    }
}

/* Own words with their check word, or, of member `wrong`, without. */
static void make_words(int place, bool wrong)
{
    uint32_t *words = ring.words[place];
    words[WORDS - 1] = 0;
    for (int i = 0; i < WORDS - 1; i++) {
        words[i] = vain_mix((uint32_t)(place * 1000 + i));
        words[WORDS - 1] += words[i] * vain_check_coefficient(check_key, (uint64_t)i);
    }
    words[3] += wrong;
}

static void state_own(int place)
{
    struct vain_evidence *evidence = ring.evidence[place];
    for (int shard = 0; shard < ring.members; shard++) {
        vain_evidence_leave(evidence, first_of(shard), words_in(shard),
                            ring.words[place] + first_of(shard));
        vain_evidence_end_shard(evidence, shard);
    }
    CU_ASSERT_EQUAL(vain_evidence_sign_own(evidence), VAIN_OK);
}

static void leave(int place, int step, const struct deed *deed)
{
    const int shard = vain_evidence_shard(ring.members, place, step);
    uint32_t *words = ring.words[place] + first_of(shard);
    if (deed->place == place && deed->step == step)
        words[draw((uint32_t)words_in(shard))] ^= UINT32_C(1) << draw(32);
    vain_evidence_leave(ring.evidence[place], first_of(shard), words_in(shard), words);
    CU_ASSERT_EQUAL(vain_evidence_end_hop(ring.evidence[place], step), VAIN_OK);
}

static void come(int place, int step, uint32_t sent[MEMBERS_MOST][WORDS])
{
    const int before = (place + ring.members - 1) % ring.members;
    const int shard = vain_evidence_shard(ring.members, before, step), first = first_of(shard);
    struct vain_evidence *evidence = ring.evidence[place];
    for (int i = 0; i < words_in(shard); i++) /* in two pieces */
        vain_evidence_come(evidence, first + i, 1, sent[before] + first + i);
    vain_evidence_end_coming(evidence, step);
    *vain_evidence_came(evidence, step) = *vain_evidence_sent(ring.evidence[before], step);
    CU_ASSERT_TRUE(vain_evidence_hop_holds(evidence, step));
    for (int i = first; i < first + words_in(shard); i++)
        ring.words[place][i] =
            (step < ring.members - 1 ? ring.words[place][i] : 0) + sent[before][i];
}

/* What each gives all others, as it stands with it. */
static void give(void)
{
    const size_t own_bytes = vain_evidence_own_bytes(ring.members);
    const size_t hops_bytes = vain_evidence_hops_bytes(ring.members);
    for (int place = 0; place < ring.members; place++) {
        const size_t rank = (size_t)ring.order[place];
        memcpy(ring.own + rank * own_bytes, vain_evidence_own(ring.evidence[place]), own_bytes);
        memcpy(ring.hops + rank * hops_bytes, vain_evidence_hops(ring.evidence[place]), hops_bytes);
    }
}

/* An attempt of this number, from words to statements. */
static void play(uint8_t number, int wrong_words, const struct deed *deed)
{
    const uint8_t hash[VAIN_HASH_BYTES] = {number};
    static uint32_t sent[MEMBERS_MOST][WORDS];
    for (int place = 0; place < ring.members; place++) {
        make_words(place, place == wrong_words);
        vain_evidence_begin(ring.evidence[place], hash, check_key, WORDS);
        state_own(place);
    }
    for (int step = 0; step < ring.steps; step++) {
        for (int place = 0; place < ring.members; place++)
            leave(place, step, deed);
        memcpy(sent, ring.words, sizeof sent);
        for (int place = 0; place < ring.members; place++)
            come(place, step, sent);
    }
    give();
}

/* What the member at `place` makes of all that was given. */
static struct vain_evidence_verdict judge(int place, bool checks_own)
{
    struct vain_evidence_verdict verdict;
    CU_ASSERT_EQUAL(vain_evidence_take_own(ring.evidence[place], ring.own), -1);
    vain_evidence_judge_hops(ring.evidence[place], checks_own, ring.hops, &verdict);
    return verdict;
}

/* The member at `place` is the culprit, by the hop of `step` from place `sender`. */
static bool is_hop(const struct vain_evidence_verdict *verdict, enum vain_evidence_fault fault,
                   int place, int sender, int step)
{
    const int n = ring.members;
    return verdict->fault == fault && verdict->culprit == ring.order[place] &&
           verdict->before == ring.order[(place + n - 1) % n] &&
           verdict->after == ring.order[(place + 1) % n] && verdict->step == step &&
           verdict->shard == vain_evidence_shard(n, sender, step);
}

/* Statement of the hop of `step` as the member at `place` gave it: sent, or came. */
static struct vain_statement *given_by(int place, int step, bool came)
{
    uint8_t *hops = ring.hops + (size_t)ring.order[place] * vain_evidence_hops_bytes(ring.members);
    return (struct vain_statement *)(void *)hops + (came ? ring.steps : 0) + step;
}

static uint8_t *bytes_of(struct vain_statement *statement)
{
    return (uint8_t *)statement;
}

/* ---- what must be found ---------------------------------------------------------------------- */

static const struct deed nothing = {-1, -1};

static void honest_members_are_fine(void)
{
    for (size_t i = 0; i < VAIN_COUNT_OF(sizes); i++) {
        open_ring(sizes[i]);
        play(1, -1, &nothing);
        for (int place = 0; place < ring.members; place++) {
            const struct vain_evidence_verdict verdict = judge(place, true);
            CU_ASSERT_EQUAL(verdict.fault, VAIN_EVIDENCE_FINE);
            CU_ASSERT_EQUAL(verdict.culprit, -1);
            CU_ASSERT_EQUAL(verdict.step, -1);
            CU_ASSERT_EQUAL(memcmp(ring.words[place], ring.words[0], sizeof ring.words[0]), 0);
        }
        close_ring();
    }
}

/* A bit of a word, at each hop in turn. */
static void who_changes_a_word_is_found(void)
{
    int wrong = 0;
    for (size_t i = 0; i < VAIN_COUNT_OF(sizes); i++) {
        open_ring(sizes[i]);
        for (int step = 0; step < ring.steps; step++)
            for (int place = 0; place < ring.members; place++) {
                play((uint8_t)draw(256), -1, &(struct deed){place, step});
                const struct vain_evidence_verdict verdict = judge(step % ring.members, true);
                wrong += !is_hop(&verdict,
                                 step < ring.members ? VAIN_EVIDENCE_ADDED : VAIN_EVIDENCE_CHANGED,
                                 place, place, step);
            }
        close_ring();
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* Each statement, as sender and as receiver give it: a bit of it another one, or not there. */
static void who_gives_no_signed_statement_is_found(void)
{
    int wrong = 0;
    for (size_t i = 0; i < VAIN_COUNT_OF(sizes); i++) {
        open_ring(sizes[i]);
        play(1, -1, &nothing);
        for (int turn = 0; turn < 4 * ring.steps * ring.members; turn += VAIN_TEST_STRIDE) {
            const int step = turn / 4 / ring.members, place = turn / 4 % ring.members;
            const bool came = turn % 2 == 0;
            const int giver = came ? (place + 1) % ring.members : place;
            struct vain_statement *statement = given_by(giver, step, came), kept = *statement;
            if (turn / 2 % 2 == 0)
                memset(statement, 0, sizeof *statement);
            else
                bytes_of(statement)[draw(VAIN_STATEMENT_BYTES)] ^= (uint8_t)(1u << draw(8));
            const struct vain_evidence_verdict verdict = judge(0, true);
            wrong += !is_hop(&verdict, came ? VAIN_EVIDENCE_CAME : VAIN_EVIDENCE_SENT, giver, place,
                             step);
            *statement = kept;
        }
        close_ring();
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* What its neighbour has is not what it shows the others. */
static void who_signs_two_statements_is_found(void)
{
    int wrong = 0;
    open_ring(5);
    play(1, -1, &nothing);
    for (int step = 0; step < ring.steps; step++)
        for (int place = 0; place < ring.members; place++) {
            const struct vain_statement kept = *vain_evidence_sent(ring.evidence[place], step);
            vain_evidence_leave(ring.evidence[place], 0, 4, ring.words[0]);
            CU_ASSERT_EQUAL(vain_evidence_end_hop(ring.evidence[place], step), VAIN_OK);
            give();
            const struct vain_evidence_verdict verdict = judge(0, true);
            wrong += !is_hop(&verdict, VAIN_EVIDENCE_TWO, place, place, step);
            *vain_evidence_sent(ring.evidence[place], step) = kept;
        }
    CU_ASSERT_EQUAL(wrong, 0);
    close_ring();
}

/* Where check words are of the words that travel, whose does not fit is known; else nobody is
 * accused. */
static void wrong_own_words_are_found_where_they_can_be(void)
{
    for (size_t i = 0; i < VAIN_COUNT_OF(sizes); i++) {
        open_ring(sizes[i]);
        for (int place = 0; place < ring.members; place++) {
            play(1, place, &nothing);
            struct vain_evidence_verdict verdict = judge(0, true);
            CU_ASSERT_EQUAL(verdict.fault, VAIN_EVIDENCE_CHECK);
            CU_ASSERT_EQUAL(verdict.culprit, ring.order[place]);
            CU_ASSERT_EQUAL(verdict.step, -1);
            verdict = judge(0, false);
            CU_ASSERT_EQUAL(verdict.fault, VAIN_EVIDENCE_FINE);
            CU_ASSERT_EQUAL(verdict.culprit, -1);
        }
        close_ring();
    }
}

static void own_words_must_be_signed(void)
{
    struct vain_evidence_verdict verdict;
    open_ring(4);
    play(1, -1, &nothing);
    const size_t own_bytes = vain_evidence_own_bytes(4);
    for (int rank = 0; rank < 4; rank++)
        for (size_t at = 0; at < own_bytes; at += VAIN_TEST_STRIDE * (1 + draw(40))) {
            ring.own[(size_t)rank * own_bytes + at] ^= 4;
            CU_ASSERT_EQUAL(vain_evidence_take_own(ring.evidence[1], ring.own), rank);
            vain_evidence_judge_hops(ring.evidence[1], false, ring.hops, &verdict);
            CU_ASSERT_EQUAL(verdict.fault, VAIN_EVIDENCE_OWN);
            CU_ASSERT_EQUAL(verdict.culprit, rank);
            ring.own[(size_t)rank * own_bytes + at] ^= 4;
        }
    close_ring();
}

/* Statements of another attempt, of another hop or of another member are none. */
static void statements_belong_where_they_are(void)
{
    static uint8_t earlier[sizeof ring.hops];
    open_ring(4);
    play(1, -1, &nothing);
    memcpy(earlier, ring.hops, sizeof earlier);
    play(2, -1, &nothing);
    const size_t hops_bytes = vain_evidence_hops_bytes(4);
    memcpy(ring.hops + 2 * hops_bytes, earlier + 2 * hops_bytes, hops_bytes);
    struct vain_evidence_verdict verdict = judge(0, true);
    CU_ASSERT_EQUAL(verdict.culprit, 2);
    give();
    *given_by(1, 2, false) = *given_by(1, 3, false);
    verdict = judge(0, true);
    CU_ASSERT_TRUE(is_hop(&verdict, VAIN_EVIDENCE_SENT, 1, 1, 2));
    give();
    *given_by(1, 2, false) = *given_by(2, 2, false);
    verdict = judge(0, true);
    CU_ASSERT_TRUE(is_hop(&verdict, VAIN_EVIDENCE_SENT, 1, 1, 2));
    close_ring();
}

/* ---- what must not be found ------------------------------------------------------------------ */

/* The member at `place` does what it can with a statement: signs any, gives garbage, gives those
 * that it got for another hop, or says that it got none. */
static void forge(int place)
{
    struct vain_evidence *evidence = ring.evidence[place];
    const int step = (int)draw((uint32_t)ring.steps);
    const uint32_t word = draw(1000) + 1;
    switch (draw(5)) {
    case 0:
        vain_evidence_leave(evidence, 0, 1, &word);
        CU_ASSERT_EQUAL(vain_evidence_end_hop(evidence, step), VAIN_OK);
        break;
    case 1:
        bytes_of(vain_evidence_sent(evidence, step))[draw(VAIN_STATEMENT_BYTES)] ^= 1;
        break;
    case 2:
        *vain_evidence_came(evidence, step) =
            *vain_evidence_came(evidence, (step + 1) % ring.steps);
        break;
    case 3:
        memset(vain_evidence_came(evidence, step), 0, VAIN_STATEMENT_BYTES);
        break;
    default:
        vain_evidence_leave(evidence, 0, 1, &word);
        vain_evidence_end_shard(evidence, (int)draw((uint32_t)ring.members));
        CU_ASSERT_EQUAL(vain_evidence_sign_own(evidence), VAIN_OK);
    }
}

static void no_liar_makes_another_look_like_one(void)
{
    for (int turn = 0; turn < 400; turn += VAIN_TEST_STRIDE) {
        open_ring(sizes[turn % 3]);
        ring.random = (uint32_t)turn;
        const int liar = (int)draw((uint32_t)ring.members);
        const struct deed deed = {draw(2) == 0 ? liar : -1, (int)draw((uint32_t)ring.steps)};
        play((uint8_t)turn, draw(4) == 0 ? liar : -1, &deed);
        for (uint32_t deeds = 1 + draw(4); deeds > 0; deeds--)
            forge(liar);
        give();
        const struct vain_evidence_verdict verdict = judge((liar + 1) % ring.members, draw(2) == 0);
        CU_ASSERT_EQUAL(verdict.culprit, ring.order[liar]);
        close_ring();
    }
}

/* ---- the rest -------------------------------------------------------------------------------- */

/* The receiver of a hop goes no further. */
static void a_hop_is_of_the_words_that_came(void)
{
    open_ring(3);
    play(1, -1, &nothing);
    struct vain_evidence *evidence = ring.evidence[1];
    struct vain_statement *came = vain_evidence_came(evidence, 1), kept = *came;
    CU_ASSERT_TRUE(vain_evidence_hop_holds(evidence, 1));
    for (int at = 0; at < VAIN_STATEMENT_BYTES; at += 3) {
        bytes_of(came)[at] ^= 0x10;
        CU_ASSERT_FALSE(vain_evidence_hop_holds(evidence, 1));
        *came = kept;
    }
    vain_evidence_come(evidence, 2, 1, &ring.random); /* other words than were stated */
    vain_evidence_end_coming(evidence, 1);
    CU_ASSERT_FALSE(vain_evidence_hop_holds(evidence, 1));
    close_ring();
}

static void a_sentence_says_who_where_and_what(void)
{
    char text[VAIN_EVIDENCE_TEXT_BYTES];
    struct vain_evidence_verdict verdict = {
        .fault = VAIN_EVIDENCE_ADDED, .culprit = 1, .before = 0, .after = 2, .step = 1, .shard = 3};
    vain_evidence_text(&verdict, 4, names, text);
    CU_ASSERT_STRING_EQUAL(text,
                           "passed on to 'carol' something else than it was given and its own "
                           "words together, in step 1 of the ring (reduce-scatter, shard 3)");
    verdict.fault = VAIN_EVIDENCE_CAME;
    verdict.step = 3;
    vain_evidence_text(&verdict, 4, names, text);
    CU_ASSERT_STRING_EQUAL(text, "shows no signed statement of what came from 'ada', in step 3 of "
                                 "the ring (all-gather, shard 3)");
    verdict.fault = VAIN_EVIDENCE_CHECK;
    verdict.step = -1;
    vain_evidence_text(&verdict, 4, names, text);
    CU_ASSERT_STRING_EQUAL(text, "sent words that are not those of its check word");
}

static void memory_that_is_missing_is_said(void)
{
    struct vain_evidence *evidence = NULL;
    open_ring(3);
    const struct vain_evidence_config config = {
        .members = 3, .own = 1, .keys = ring.keys[0], .signer = &ring.signers[1]};
    int failures = 0;
    for (enum vain_status status = VAIN_ERR_MEMORY; status != VAIN_OK; failures++) {
        shortage_after(failures);
        status = vain_evidence_open(&config, &evidence);
        shortage_end();
        CU_ASSERT(status == VAIN_OK || evidence == NULL);
    }
    CU_ASSERT(failures > 4);
    vain_evidence_close(&evidence);
    vain_evidence_close(&evidence);
    close_ring();
}

/* The plan's number is what is taken, by the evidence and for what all give. */
static void the_plan_counts_what_is_taken(void)
{
    struct vain_evidence *evidence = NULL;
    struct vain_mask_stream *stream = NULL; /* is not counted */
    open_ring(8);
    const struct vain_evidence_config config = {
        .members = 8, .own = 1, .keys = ring.keys[0], .signer = &ring.signers[1]};
    const int64_t at_first = vain_memory_bytes();
    CU_ASSERT_EQUAL_FATAL(vain_mask_stream_open(&stream), VAIN_OK);
    const int64_t before = vain_memory_bytes(), all_hops = 8 * (int64_t)vain_evidence_hops_bytes(8);
    CU_ASSERT_EQUAL_FATAL(vain_evidence_open(&config, &evidence), VAIN_OK);
    const int64_t taken = vain_memory_bytes() - before - (before - at_first) + all_hops;
    CU_ASSERT(vain_evidence_memory_bytes(8) >= taken - 1024);
    CU_ASSERT(vain_evidence_memory_bytes(8) <= taken + 1024);
    vain_mask_stream_close(&stream);
    vain_evidence_close(&evidence);
    close_ring();
}

static const struct vain_test tests[] = {
    {"honest members are fine", honest_members_are_fine},
    {"who changes a word is found", who_changes_a_word_is_found},
    {"who gives no signed statement is found", who_gives_no_signed_statement_is_found},
    {"who signs two statements is found", who_signs_two_statements_is_found},
    {"wrong own words are found where they can be", wrong_own_words_are_found_where_they_can_be},
    {"own words must be signed", own_words_must_be_signed},
    {"statements belong where they are", statements_belong_where_they_are},
    {"no liar makes another look like one", no_liar_makes_another_look_like_one},
    {"a hop is of the words that came", a_hop_is_of_the_words_that_came},
    {"a sentence says who, where and what", a_sentence_says_who_where_and_what},
    {"the plan counts what is taken", the_plan_counts_what_is_taken},
    {"memory that is missing is said", memory_that_is_missing_is_said},
    {NULL, NULL},
};
const struct vain_suite vain_suite_evidence = {"evidence", tests};
