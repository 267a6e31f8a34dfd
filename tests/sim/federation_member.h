/* A member of a simulated federation: what jobs/round.c and jobs/federation_members.c do in
 * blocking calls, done as a state machine that a simulated world steps. Letters go through real
 * mailboxes, words through real exchanges under real masks; training is an input that the judge
 * knows, and catching up is played: the state is copied from a member that holds it.
 *
 *     MEET -> TRAIN -> FORM -> CONNECT -> KEYS -> AGREE -> DEAL -> REDUCE -> COMMIT -> OPEN
 *             ^  ^      |                                    |         |          |
 *             |  +------+------------- came to nothing <-----+---------+----------+
 *             +------- FETCH (behind) ; DONE after the last round
 *
 * Files: federation_member.c (life, the way), member_letters.c (the assembly), member_words.c
 * (inputs and sums), member_disk.c (what is durable); and what carries letters and words:
 * member_talk.c (mailboxes), member_use.c (streams, keys, exchange of an attempt), member_attempt.c
 * (the attempt), member_culprit.c (who has spoilt it), member_open.c (own masks come off), or in
 * place of those the files of crowd.h; liar.h (what a member that lies does in between). */
#pragma once

#include "collectives/assembly.h"
#include "collectives/exchange.h"
#include "collectives/mailbox.h"
#include "collectives/opening.h"
#include "tests/sim/federation_judge.h"
#include "tests/sim/gather.h"
#include "tests/sim/liar.h"
#include "tests/sim/relay.h"
#include "tests/sim/sim.h"

enum {
    MEMBER_LOOK_MS = 100,      /* the longest sleep between two looks */
    MEMBER_USE_MS = 15000,     /* until the streams of an attempt must be there */
    MEMBER_DIAL_MS = 500,      /* between two tries to reach somebody, up to this */
    MEMBER_SILENCE_MS = 2000,  /* a member that lives has given its secret in that time */
    MEMBER_GIVE_UP_MS = 15000, /* an opening without any progress */
    MEMBER_NAME_BYTES = 12,
    /* Good ones until no evidence is wanted: fewer than VAIN_CULPRIT_ROUNDS, for time's sake. */
    MEMBER_EVIDENCE_ROUNDS = 2
};

struct member;

/* What all members of a case share. */
struct federation_plan {
    struct vain_sim *sim;
    struct federation_judge *judge;
    struct vain_queue *queue;
    int members, rounds, level, connections, field_bits, start_quorum, checkpoint_every;
    int set_min; /* members of a set at least */
    int64_t parameters, chunk_words, deadline_ms;
    uint32_t train_ms, fetch_ms; /* up to this */
    bool ring, verbose;
    bool members_lie;                 /* those that do; until the world is calm */
    struct vain_record_member *cards; /* (members) borrowed */
    struct vain_signer *signers;      /* (members) borrowed */
    struct member *all;               /* (members) */
    struct crowd *crowd;              /* of a crowd; else NULL */
};

enum member_phase {
    MEMBER_MEET,
    MEMBER_TRAIN,
    MEMBER_FORM,
    MEMBER_CONNECT,
    MEMBER_KEYS,
    MEMBER_AGREE,
    MEMBER_DEAL,
    MEMBER_REDUCE,
    MEMBER_COMMIT,
    MEMBER_OPEN,
    MEMBER_FETCH,
    MEMBER_DONE
};

/* What a member holds of the common work. */
struct member_state {
    uint64_t round;
    struct vain_codec_state codec;
    float *parameters; /* (parameters) owned */
    uint8_t hash[VAIN_HASH_BYTES];
};

/* Of MEMBER_REDUCE; only the second without evidence. */
enum member_sum_step {
    MEMBER_SUM_STATE,  /* all give what they state of their own words */
    MEMBER_SUM_REDUCE, /* words are summed */
    MEMBER_SUM_SHOW,   /* all give what they have stated and what came */
    MEMBER_SUM_WAIT,   /* until all have that */
    MEMBER_SUM_END
};

/* A stream that somebody has made to this member. */
struct member_arrival {
    struct vain_stream *stream; /* owned; NULL: none */
    uint8_t key[VAIN_HASH_BYTES];
};

/* The streams, keys and exchange of a set; kept as long as the same members go on. */
struct member_use {
    bool open; /* everything is there */
    int size, rank, threshold;
    struct vain_set set;
    uint8_t key[VAIN_HASH_BYTES];
    struct vain_stream **streams; /* (size, connections) owned until comm has them */
    struct vain_comm comm;
    struct vain_record_member *cards; /* (size) owned */
    const char **names;               /* (size) owned */
    struct vain_secagg *secagg;
    struct vain_opening *opening; /* level 2 */
    struct vain_codec codec;
    struct vain_exchange *exchange;
    uint32_t *words; /* (word_count) owned */
    struct gather gather;
    uint8_t *mine, *theirs; /* of a gather; owned */
    int key_step;
    /* Of an attempt with evidence. */
    int sum_step;                   /* enum member_sum_step */
    struct vain_evidence *evidence; /* owned; kept for the next */
    uint8_t *shown, *all_shown;     /* what each gives to all; owned */
    enum vain_status checked;       /* what the sum's check has come to */
};

struct member {
    const struct federation_plan *plan;
    int index;
    char name[MEMBER_NAME_BYTES];
    bool alive;
    struct vain_sim_random random;
    struct vain_world *world;
    enum member_phase phase;
    uint64_t phase_since_ms, phase_ends_ms, next_look_ms;

    /* Letters. */
    struct relay_list relays;
    struct vain_mailbox *mailbox;
    struct vain_assembly *assembly;
    struct member_arrival *mail, *bulk; /* (members), (members, connections) owned */
    uint64_t *dial_at_ms;               /* (members) owned */
    bool *greeted;                      /* (members) owned */
    uint64_t bulk_dial_at_ms;

    /* Where it is in the common work, as in jobs/members_state.h. */
    struct member_state state;
    uint64_t epoch;
    bool running;
    struct vain_set voters;
    int64_t fetched_round;
    struct vain_proposal proposal;
    /* The last attempt that came to nothing: who was in it, whether by a deadline, and whether
     * nobody is suspected for it yet; and how many did of this round. */
    struct vain_set failed_set;
    bool failed_late, unjudged;
    /* As in jobs/federation.h and jobs/run.h, but spoilt_by is a member's index. */
    bool spoilt, sought;
    int spoilt_by, evidence_rounds;
    struct liar liar;
    uint64_t failed_round;
    int round_failures;
    struct member_use use;
    struct vain_comm retired;

    /* The input under way, and what it was promised to. */
    uint64_t input;
    bool sent, disclosed;
    bool spent;         /* some that are gone may have opened a sum with it */
    uint64_t *promised; /* inputs; (promise_room) owned */
    int promise_count, promise_room;
    struct vain_vote voted; /* durable */

    /* Opening. */
    struct member_early *early; /* (early_room) owned: disclosed before this member was so far */
    int early_count, early_room;
    bool *given; /* (members) owned */
    uint64_t progress_ms, silent_since_ms;
    int missing_before;

    float *delta, *mean; /* (parameters) owned */
    /* Counted over all lives. */
    int lives, failed_attempts, fetches, rounds_burned, lost, suspicions;
};

/* ---- federation_member.c --------------------------------------------------------------------- */

enum vain_status member_open(const struct federation_plan *plan, int index,
                             struct member *out) VAIN_MUST_USE;
/* It begins, with what is durable. */
void member_start(struct member *member);
void member_step(struct member *member);
/* Everything but what is durable is gone. */
void member_crash(struct member *member);
void member_close(struct member *member);

uint64_t member_now_ms(const struct member *member);
void member_enter(struct member *member, enum member_phase phase);
void member_hash_state(struct member *member);
void member_stand(struct member *member);
/* A line of what happens, where it was asked for. */
void member_says(const struct member *member, const char *format, ...) VAIN_FORMAT(2, 3);
/* Nothing but this member's end is left, as its program would end: it crashes, unless `status` is
 * none that an honest world makes. */
void member_fail(struct member *member, enum vain_status status);

/* The one with this rank has spoilt the attempt: by what all were shown, or to this member alone.
 */
void member_names(struct member *member, int rank, bool by_evidence);

/* ---- member_talk.c --------------------------------------------------------------------------- */

enum vain_status member_talk_open(struct member *member) VAIN_MUST_USE;
void member_talk_close(struct member *member);
/* Takes new streams, makes missing ones, reads letters, tells the assembly the time. */
void member_pump(struct member *member);
void member_send(struct member *member, int to, uint16_t kind, const void *body, size_t bytes);

/* ---- member_letters.c ------------------------------------------------------------------------ */

enum vain_status member_open_assembly(struct member *member) VAIN_MUST_USE;
/* From a member that it sees. */
void member_take_letter(struct member *member, int from, uint16_t kind, const uint8_t *body,
                        size_t bytes);

/* ---- member_words.c -------------------------------------------------------------------------- */

extern const struct vain_random member_check_random;
void member_context(const struct member *member, struct vain_context *out);
/* Of shares: a quorum of those who may vote, and of those who are in `set`. */
int member_threshold(const struct member *member, const struct vain_set *set);
/* use.words from the input under way. */
enum vain_status member_encode_under(struct member *member,
                                     const struct vain_masks *masks) VAIN_MUST_USE;
/* use.words, summed and without masks, become a part of the state. */
enum vain_status member_apply_sum(struct member *member) VAIN_MUST_USE;

/* ---- member_use.c ---------------------------------------------------------------------------- */

/* VAIN_AGAIN: under way; VAIN_OK: member->use is open; else the attempt has failed. */
enum vain_status member_use_begin(struct member *member, bool anew) VAIN_MUST_USE;
enum vain_status member_use_connect(struct member *member) VAIN_MUST_USE;
enum vain_status member_use_keys(struct member *member) VAIN_MUST_USE;
void member_use_close(struct member *member);

/* ---- member_attempt.c ------------------------------------------------------------------------ */

/* Each begins a step (VAIN_AGAIN: it is under way) or looks at it. */
enum vain_status member_agree(struct member *member) VAIN_MUST_USE;
enum vain_status member_encode(struct member *member) VAIN_MUST_USE;
enum vain_status member_deal(struct member *member) VAIN_MUST_USE;
enum vain_status member_reduce(struct member *member) VAIN_MUST_USE;
/* The sum is verified, and becomes a part of the state. */
enum vain_status member_take_sum(struct member *member) VAIN_MUST_USE;

/* ---- member_culprit.c ------------------------------------------------------------------------ */

bool member_culprit_sought(int members);
void member_culprit_close(struct member_use *use);
/* Own words are stated to all: the gather has begun. Then: everybody's statement is signed. */
enum vain_status member_culprit_begin(struct member *member) VAIN_MUST_USE;
enum vain_status member_culprit_take_own(struct member *member) VAIN_MUST_USE;
/* The sum's check has come to `checked`. Whether there are statements to show. */
bool member_culprit_note_check(struct member *member, enum vain_status checked) VAIN_MUST_USE;
/* Gathers: of all statements, and until all have them. Then they are judged. */
enum vain_status member_culprit_show(struct member *member) VAIN_MUST_USE;
enum vain_status member_culprit_wait(struct member *member) VAIN_MUST_USE;
enum vain_status member_culprit_judge(struct member *member) VAIN_MUST_USE;

/* ---- member_open.c --------------------------------------------------------------------------- */

void member_open_begin(struct member *member);
/* VAIN_OK: all secrets are known; VAIN_AGAIN: not yet; VAIN_ERR_TIMEOUT: given up. */
enum vain_status member_open_look(struct member *member) VAIN_MUST_USE;
/* Given up: who is there and has given nothing is suspected. */
void member_open_suspect(struct member *member);
/* It has ended, one way or the other. */
void member_open_end(struct member *member);
void member_open_take(struct member *member, int from, const uint8_t *body, size_t bytes);

/* ---- member_disk.c --------------------------------------------------------------------------- */

void member_read_disk(struct member *member);
enum vain_status member_save(struct member *member) VAIN_MUST_USE;
enum vain_status member_save_vote(struct member *member,
                                  const struct vain_vote *vote) VAIN_MUST_USE;
enum vain_status member_save_promise(struct member *member) VAIN_MUST_USE;
bool member_has_promised(const struct member *member, uint64_t input);
