/* Inside the simulated meeting: what its world (meeting.c) and its liars (liar.c) share. */
#pragma once

#include "tests/unit/collectives/meeting.h"

enum {
    MEETING_STEP_MS = 5,
    MEETING_DELAY_MS_MAX = 40,
    MEETING_CHECKPOINT_EVERY = 3,
    /* Steps in which a letter may come. */
    MEETING_SLOTS = MEETING_DELAY_MS_MAX / MEETING_STEP_MS + 3,
    MEETING_ENDS_MAX = 4096
};

/* What a letter says; one for all that the same is sent to. */
struct body {
    int references;
    uint16_t kind;
    size_t bytes;
    uint8_t data[VAIN_ASSEMBLY_LETTER_BYTES_MAX + 8]; /* liars write too much */
};

struct letter {
    int from, to;
    uint32_t link; /* number of the link that it went over: it is lost with it */
    struct body *body;
};

struct letters {
    struct letter *letter;
    size_t count, room;
};

/* One direction between two members. */
struct pair {
    bool up;
    uint32_t link;
    uint64_t cut_until_ms, last_at_ms;
};

/* What a member knows of the common work. */
struct state {
    uint64_t epoch, round;
    struct vain_set voters;
    uint8_t hash[VAIN_HASH_BYTES];
};

enum work { TRAINING, TALKING, EXCHANGING };

struct seat {
    struct meeting *meeting;
    int index;
    bool alive, liar;
    struct vain_assembly *assembly;
    uint8_t seed[VAIN_SEED_BYTES]; /* its secret */
    struct state state, saved;     /* saved: durable */
    struct vain_vote saved_vote;   /* durable */
    enum work work;
    uint64_t work_ends_ms, back_at_ms;
    bool running;        /* takes part since its start */
    struct letters held; /* while it is in an exchange */
    struct body *told;   /* the last that it sent */
    /* The exchange under way. */
    struct vain_proposal proposal;
    uint8_t proposal_hash[VAIN_HASH_BYTES];
    bool exchanging;
};

/* An end of a round, as the checker saw it. */
struct fact {
    uint64_t epoch, round;
    uint32_t attempt;
    struct vain_set set;
    uint8_t before[VAIN_HASH_BYTES], content[VAIN_HASH_BYTES];
};

struct meeting {
    struct meeting_settings settings;
    struct meeting_result result;
    uint64_t now_ms, dice;
    struct seat *seats;                   /* (members) */
    struct pair *pairs;                   /* (members, members): from, to */
    struct letters coming[MEETING_SLOTS]; /* by the step in which they come */
    struct fact ends[MEETING_ENDS_MAX];
    int end_count;
    char broken[256];
};

uint64_t meeting_roll(struct meeting *meeting, uint64_t below);
/* Puts a letter on its way; lost if there is no link. */
void meeting_post(struct seat *seat, int member, uint16_t kind, const void *body, size_t bytes);
enum vain_status meeting_sign(void *context, const void *message, size_t bytes,
                              uint8_t out[VAIN_SIGNATURE_BYTES]);

/* What a liar sends instead of a letter of its assembly. */
void liar_send(struct seat *seat, int member, uint16_t kind, const void *body, size_t bytes);
/* What it sends of its own accord; each 100 ms. */
void liar_talk(struct seat *seat);
