/* Inside the federation `members`: what its files share. Members are counted in ascending order of
 * their ids; `listed` says which of the spec's list each is. */
#pragma once

#include "collectives/assembly.h"
#include "collectives/fetch.h"
#include "collectives/mailbox.h"
#include "jobs/federation_members.h"
#include "jobs/member_letter.h"
#include "jobs/record_line.h"
#include "jobs/recorded_state.h"

enum {
    VAIN_MEMBERS_WAIT_MS = 100,        /* the longest sleep between two looks */
    VAIN_MEMBERS_USE_MS = 15000,       /* until the streams of an attempt must be there */
    VAIN_MEMBERS_ANSWER_MS = 5000,     /* a member that lives answers in that time */
    VAIN_MEMBERS_PART_MS = 30000,      /* ... or gives a part of its state */
    VAIN_MEMBERS_FRUITLESS_MS = 10000, /* a few that are ahead have given something by then */
    VAIN_MEMBERS_SIGN_MS = 10000,      /* signatures of a record are waited for so long */
    VAIN_MEMBERS_OPEN_EACH = 4 /* own secret and shares of some others that may come early */
};

/* A member as this one knows it. */
struct vain_acquaintance {
    int listed;                       /* in the spec's list */
    struct vain_record_member member; /* name and id from the spec; its certificate, once met */
    char platform[VAIN_PLATFORM_BYTES];
    bool met;           /* its card was seen since this start */
    bool greeted;       /* on the stream that is there now */
    uint64_t lost_ms;   /* when it was lost; 0: it was not, or it is back */
    bool left_in_order; /* it had said that it leaves ... */
    bool finished;      /* ... after the last round */
    bool told_lost;     /* and it has not taken part again since */
    bool left_out;      /* of an exchange, for a reason that is not known yet */
    char other[256];    /* what differs in its spec or data; "": nothing is known to */
    int letters;        /* that may be read now, and as of when: members_talk.c */
    uint64_t letters_ms;
    int misfits;                    /* letters on this stream that were none, or not signed */
    uint64_t cut_off_said_ms;       /* 0: never */
    struct vain_set wrong_said;     /* of this opening: dealers, by place, of whom it said wrong */
    int64_t record_offset;          /* a hint for vain_record_read_after */
    int asked;                      /* for what it holds, without an answer yet */
    bool answered;                  /* the last time it was asked */
    struct vain_state_letter state; /* answered: what it holds */
    uint64_t signed_epoch, signed_round;
    size_t signature_bytes;
    uint8_t signature[VAIN_SIGNATURE_LETTER_BODY_MAX];
};

enum { VAIN_OPEN_LETTER_BYTES = 8 + 8 + 4 + 2 + 2 + VAIN_SCALAR_BYTES };

/* What a member has disclosed before this one has come so far. */
struct vain_waiting_open {
    int member;
    uint64_t epoch, round;
    uint32_t attempt;
    uint16_t what, dealer;
    uint8_t value[VAIN_SCALAR_BYTES];
};

/* A vector that others may fetch; its leaves are hashed when somebody asks. */
struct vain_lent {
    bool hashed;
    uint8_t root[VAIN_HASH_BYTES];
    uint8_t *leaves; /* owned */
};

struct vain_members {
    struct vain_federation base; /* first: what callers hold points here */
    struct vain_federation_members_config config;
    int count, own;
    struct vain_acquaintance *known; /* (count) owned */
    uint8_t group_id[VAIN_HASH_BYTES], corpus_hash[VAIN_HASH_BYTES];
    uint8_t hello[VAIN_HELLO_LETTER_BYTES_MAX];
    size_t hello_bytes;
    struct vain_mailbox *mailbox;           /* owned */
    struct vain_assembly *assembly;         /* owned */
    enum vain_status fatal;                 /* what a letter has shown: nothing can go on ... */
    char fatal_message[VAIN_MESSAGE_BYTES]; /* ... and why */
    bool leaving;
    int letters; /* that this pump still reads */

    /* What this member holds, and where that is in the common work. */
    struct vain_holding *holding; /* borrowed; NULL: nothing yet */
    bool lends;                   /* its vectors are what it says: not while a round is stepped */
    uint64_t epoch;
    bool running;           /* it has taken part since its start */
    struct vain_set voters; /* running: of the coming round */
    int64_t held_round;     /* of the last hold */
    int64_t fetched_round;  /* the voters are those that came with it */
    struct vain_lent lent_parameters, lent_momentum;
    uint8_t *record_part;             /* owned: frames on their way, VAIN_RECORD_BYTES_MAX */
    struct vain_fetch_answer *answer; /* owned */

    /* The attempt under way. */
    struct vain_proposal proposal;
    int64_t failed_attempts;        /* of this round */
    struct vain_comm comm, retired; /* owned; retired: closed when the next attempt is formed */
    struct vain_set comm_set;       /* who is in comm */
    uint8_t use_key[VAIN_HASH_BYTES];
    uint64_t use;
    uint8_t set_hash[VAIN_HASH_BYTES];
    struct vain_record_member *roster_members; /* (count) owned */
    int *roster_ranks;                         /* (count) owned */
    char platform[VAIN_PLATFORM_BYTES];
    struct vain_stream **streams; /* (count, connections) owned */
    /* Why the last exchange came to nothing, until a loss explains it or the next one begins; "":
     * it did not. And who was in it. */
    struct vain_set failed_set;
    bool failed_late, unjudged; /* by a deadline; nobody is suspected for it yet */
    char failure[VAIN_MESSAGE_BYTES];

    /* The own signature of the last round, as a letter; 0 bytes: there is none since the start. */
    size_t signature_bytes;
    uint8_t signature[VAIN_SIGNATURE_LETTER_BYTES_MAX];
    struct vain_set signed_set; /* who was in that round */

    /* Opening with own masks: that of the last attempt, so that others can be helped. */
    struct vain_opening *opening;           /* borrowed; NULL: none */
    struct vain_waiting_open *waiting_open; /* (capacity) owned */
    int waiting_open_count, waiting_open_capacity;

    /* Catching up. */
    struct vain_fetch *fetch;   /* NULL unless something is being fetched */
    uint32_t fetch_number;      /* of the last one */
    uint64_t *awaited_since_ms; /* (count) owned; in a fetch: its start, or the last answer */
    void (*take_record)(struct vain_members *members, int member, const uint8_t *frames,
                        size_t bytes); /* NULL: nobody waits for records */
    bool record_came;
    int record_giver;
    struct vain_record_line record_line;
    struct vain_recorded_state recorded; /* by that record */
    uint64_t record_round;               /* of the last record in the own file ... */
    uint64_t record_until;               /* ... and in that of the state that is fetched */
    /* What was given last follows another record than the last one here; and it shows that the own
     * ones were done again. */
    bool other_chain, done_again;
    enum vain_status record_status;
};

uint64_t vain_members_now_ms(const struct vain_members *members);
const char *vain_members_name(const struct vain_members *members, int member);
/* How many must be met before the run begins. */
int vain_members_start_quorum(const struct vain_members *members);
/* "alice, bob and carol", cut to fit. */
void vain_members_list(const struct vain_members *members, const struct vain_set *set, char *out,
                       size_t bytes);

/* members_talk.c: takes what the connector has, reads letters and answers them, lets the assembly
 * know the time; returns what ends the run, if a letter has shown such. Does not block. */
enum vain_status vain_members_pump(struct vain_members *members) VAIN_MUST_USE;
/* The same after a sleep until something may have come. */
enum vain_status vain_members_wait(struct vain_members *members) VAIN_MUST_USE;
/* What was just said (vain_fail) ends the run: vain_members_pump returns it from now on. */
void vain_members_end_run(struct vain_members *members, enum vain_status status);
/* The signature of the last round again, if there is one that `member` took part in. */
void vain_members_send_signature(struct vain_members *members, int member);
/* This member has joined `vote` without its sum, so nobody is to wait for its signature: all of the
 * set get an empty one. Of a burn nothing is signed. */
void vain_members_sign_nothing(struct vain_members *members, const struct vain_vote *vote);
/* Whether `member` has signed the round of the attempt, with `bytes`. */
bool vain_members_has_signed(const struct vain_members *members, int member, size_t bytes);
/* Whether all have whose signatures can come. Who was lost may be back in a moment, and is waited
 * for as long as too few have signed for a record. */
bool vain_members_all_have_signed(const struct vain_members *members, size_t bytes);
enum vain_status vain_members_talk_open(struct vain_members *members) VAIN_MUST_USE;
void vain_members_talk_close(struct vain_members *members);
/* A letter, as far as there is a stream and room. */
void vain_members_send(struct vain_members *members, int member, uint16_t kind, const void *body,
                       size_t bytes);
/* A member that writes what does not fit: its stream is closed, it may come again. Said once a
 * minute. */
void vain_members_cut_off(struct vain_members *members, int member, const char *why);
/* Who left, how ("is gone"), when, and what it costs the others; once until it takes part again. */
void vain_members_say_loss(struct vain_members *members, int member, const char *how);
/* Those whom the round was ended without. */
void vain_members_say_left_out(struct vain_members *members);
/* That an exchange has failed, unless a loss that was told within it says so. */
void vain_members_say_failure(struct vain_members *members);
/* What lies in holding has changed: leaves are hashed anew when somebody asks. */
void vain_members_lend(struct vain_members *members);
void vain_members_describe(struct vain_members *members, struct vain_state_letter *out);

/* members_use.c: the communicator of the attempt that the assembly has started, over streams that
 * are there already or new ones. VAIN_ERR_PEER says who could not be reached. */
enum vain_status vain_members_open_use(struct vain_members *members,
                                       const struct vain_assembly_news *news) VAIN_MUST_USE;
void vain_members_close_use(struct vain_members *members);
void vain_members_roster(struct vain_members *members, struct vain_roster *out);

/* members_open.c: vain_federation_ops.open, and a letter for it. */
enum vain_status vain_members_open(struct vain_federation *federation,
                                   struct vain_opening *opening) VAIN_MUST_USE;
void vain_members_take_open(struct vain_members *members, int member, const uint8_t *body,
                            size_t bytes);

/* federation_members.c: the sum that was agreed on cannot be opened here; so this member does not
 * hold it, and waits for somebody who does, or for a new epoch. */
void vain_members_lose_sum(struct vain_members *members);

/* members_fetch.c: vain_federation_ops.fetch. */
enum vain_status vain_members_fetch(struct vain_federation *federation,
                                    struct vain_holding *holding) VAIN_MUST_USE;
