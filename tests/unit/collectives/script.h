/* One assembly under test, and letters to it made by hand; what it sends is counted. Signatures are
 * stand-ins: the member's number and the message's hash. */
#pragma once

#include "collectives/assembly.h"

struct script {
    struct vain_assembly *assembly;
    int members, own;
    uint64_t now_ms;
    int sent[5];                                     /* letters to one other member, by kind */
    uint8_t last[5][VAIN_ASSEMBLY_LETTER_BYTES_MAX]; /* of each kind */
    int evidence;
};

/* Members 0 to members - 1, all linked, patience 3000 ms. */
void script_open(struct script *script, int members, int own, int start_quorum, int set_min);
/* The same after a last vote. */
void script_open_after(struct script *script, int members, int own, int start_quorum, int set_min,
                       const struct vain_vote *voted);
void script_close(struct script *script);
/* Member 0 of 4, in round 5 of epoch 1 with all as voters, or at a start; the others are ready. */
enum { SCRIPT_ALL = 15 };
void script_begin(struct script *script, bool starting);
/* Stands at round 5 of epoch 1, or starting at round 5 after epoch 1, and is ready. */
void script_stand(struct script *script, bool starting, struct vain_set voters);
/* The very first start: no epoch yet. */
void script_stand_first(struct script *script);
/* A set of the members whose bits are set. */
struct vain_set script_set(uint64_t bits);
/* A tick, `later_ms` later; what follows. */
enum vain_assembly_verdict script_verdict(struct script *script, uint64_t later_ms);
/* The vote of the last verdict: which to join, or to burn. */
struct vain_vote script_vote_asked_for(const struct script *script);

/* Where all stand: ready, attempt 0; change what differs. */
struct vain_position script_position(bool starting);
void script_tell(struct script *script, int from, const struct vain_position *position);
/* All others tell that they are there, and not ready. */
void script_all_busy(struct script *script);
/* All others tell that they are ready. */
void script_all_ready(struct script *script, bool starting);
/* Of epoch 1, or 2 if it starts; change what differs. */
struct vain_proposal script_proposal(bool starting, uint32_t attempt, struct vain_set set);
/* Sends it; whether an ack came back. */
bool script_propose(struct script *script, int from, const struct vain_proposal *proposal);
struct vain_ack script_signed_ack(int member, const struct vain_proposal *proposal);
void script_send_ack(struct script *script, int from, const struct vain_ack *ack);
void script_ack(struct script *script, int from, const struct vain_proposal *proposal);
/* That of each member's votes. */
void script_ballot(int member, uint8_t out[VAIN_BALLOT_BYTES]);
/* With its voter's signature, and its ballot if there is none. */
struct vain_vote script_sign_vote(struct vain_vote vote);
/* A vote in round 5 of epoch 1, signed by its voter, from anybody. */
struct vain_vote script_signed_vote(int voter, uint32_t attempt, struct vain_set set);
struct vain_vote script_signed_burn(int voter, uint32_t attempt);
void script_send_vote(struct script *script, int from, const struct vain_vote *vote);
void script_vote(struct script *script, int voter, uint32_t attempt, struct vain_set set);
void script_burn(struct script *script, int voter, uint32_t attempt);
