/* Letters in and out, as jobs/members_talk.c; who dials whom, as the connector would. */
#include <string.h>

#include "base/memory.h"
#include "tests/sim/federation_member.h"

void member_send(struct member *member, int to, uint16_t kind, const void *body, size_t bytes)
{
    if (vain_mailbox_send(member->mailbox, to, kind, body, bytes) == VAIN_AGAIN)
        vain_mailbox_drop(member->mailbox, to, "it does not read its letters");
}

/* ---- what the assembly asks for -------------------------------------------------------------- */

static void send_letter(void *context, int to, uint16_t kind, const void *body, size_t bytes)
{
    struct member *member = context;
    const struct federation_plan *plan = member->plan;
    struct vain_vote vote;
    if (kind == VAIN_LETTER_VOTE && vain_sim_is_up(plan->sim, member->index) &&
        vain_vote_decode(body, bytes, plan->members, &vote) && vote.voter == member->index)
        judge_vote_leaves(plan->judge, member->index, &vote);
    member_send(member, to, kind, body, bytes);
}

static enum vain_status sign_letter(void *context, const void *message, size_t bytes,
                                    uint8_t out[VAIN_SIGNATURE_BYTES])
{
    const struct member *member = context;
    return vain_signer_sign(&member->plan->signers[member->index], message, bytes, out);
}

static bool verify_letter(void *context, int by, const void *message, size_t bytes,
                          const uint8_t signature[VAIN_SIGNATURE_BYTES])
{
    const struct member *member = context;
    return vain_signature_valid(member->plan->cards[by].certificate.current_key, message, bytes,
                                signature);
}

static void note_evidence(void *context, int by, const struct vain_vote *first,
                          const struct vain_vote *second)
{
    const struct member *member = context;
    (void)second;
    judge_says(&member->plan->judge->base,
               "TWO VOTES: member %d holds two of member %d in round %llu", member->index, by,
               (unsigned long long)first->round);
}

static enum vain_status open_assembly(struct member *member)
{
    static const struct vain_assembly_ops ops = {send_letter, sign_letter, verify_letter,
                                                 note_evidence};
    const struct vain_assembly_config config = {.ops = &ops,
                                                .context = member,
                                                .members = member->plan->members,
                                                .own = member->index,
                                                .start_quorum = member->plan->start_quorum,
                                                .set_min = VAIN_SECAGG_MEMBERS_MIN,
                                                .patience_ms = (uint64_t)member->plan->deadline_ms,
                                                .voted = member->voted};
    return vain_assembly_open(&config, &member->assembly);
}

/* ---- life ------------------------------------------------------------------------------------ */

enum vain_status member_talk_open(struct member *member)
{
    const int64_t members = member->plan->members;
    VAIN_TRY(vain_take_array(members, sizeof *member->mail, "mail", (void **)&member->mail));
    VAIN_TRY(vain_take_array(members * member->plan->connections, sizeof *member->bulk, "streams",
                             (void **)&member->bulk));
    VAIN_TRY(vain_take_array(members, sizeof *member->dial_at_ms, "dial times",
                             (void **)&member->dial_at_ms));
    VAIN_TRY(
        vain_take_array(members, sizeof *member->greeted, "greeted", (void **)&member->greeted));
    VAIN_TRY(vain_mailbox_open(member->plan->members, member->index, &member->mailbox));
    return open_assembly(member);
}

static void drop_arrivals(struct member_arrival *arrivals, int count)
{
    for (int i = 0; arrivals != NULL && i < count; i++) {
        if (arrivals[i].stream != NULL)
            arrivals[i].stream->ops->close(arrivals[i].stream);
    }
    vain_release(arrivals);
}

void member_talk_close(struct member *member)
{
    vain_mailbox_close(&member->mailbox);
    vain_assembly_close(&member->assembly);
    drop_arrivals(member->mail, member->plan->members);
    drop_arrivals(member->bulk, member->plan->members * member->plan->connections);
    vain_release(member->dial_at_ms);
    vain_release(member->greeted);
    member->mail = member->bulk = NULL;
    member->dial_at_ms = NULL;
    member->greeted = NULL;
}

/* ---- streams for letters --------------------------------------------------------------------- */

static void take_mail(struct member *member, int from)
{
    struct member_arrival *arrival = &member->mail[from];
    if (arrival->stream == NULL)
        return;
    vain_mailbox_set_stream(member->mailbox, from, arrival->stream);
    arrival->stream = NULL;
}

static void dial(struct member *member, int to)
{
    struct vain_sim *sim = member->plan->sim;
    struct member *other = &member->plan->all[to];
    struct vain_stream *here, *there;
    const uint64_t now_ms = member_now_ms(member);
    if (vain_mailbox_has(member->mailbox, to) || now_ms < member->dial_at_ms[to])
        return;
    member->dial_at_ms[to] = now_ms + 50 + vain_sim_draw(&member->random, MEMBER_DIAL_MS);
    if (!other->alive || vain_sim_connect(sim, member->index, to, &here, &there) != VAIN_OK)
        return;
    struct member_arrival *arrival = &other->mail[member->index];
    if (arrival->stream != NULL)
        arrival->stream->ops->close(arrival->stream);
    arrival->stream = relay_open(&other->relays, there);
    vain_sim_wake(sim, to);
    vain_mailbox_set_stream(member->mailbox, to, relay_open(&member->relays, here));
}

static void make_streams(struct member *member)
{
    for (int i = 0; i < member->plan->members; i++) {
        if (i == member->index)
            continue;
        take_mail(member, i);
        dial(member, i);
    }
}

/* ---- letters --------------------------------------------------------------------------------- */

static void take_letter(struct member *member, const struct vain_mailbox_event *event)
{
    const int from = event->member;
    if (event->letter == VAIN_LETTER_HELLO) {
        member->greeted[from] = true;
        vain_assembly_link(member->assembly, from, true);
    } else if (!member->greeted[from]) {
        vain_mailbox_drop(member->mailbox, from, "its first letter is no hello");
    } else if (event->letter == VAIN_LETTER_OPEN) {
        member_open_take(member, from, event->body, event->bytes);
    } else {
        vain_assembly_letter(member->assembly, from, event->letter, event->body, event->bytes);
    }
}

static void note_loss(struct member *member, int from)
{
    if (member->greeted[from])
        vain_assembly_link(member->assembly, from, false);
    member->greeted[from] = false;
}

void member_pump(struct member *member)
{
    struct vain_mailbox_event event;
    make_streams(member);
    for (vain_mailbox_poll(member->mailbox, &event); event.kind != VAIN_MAILBOX_NOTHING;
         vain_mailbox_poll(member->mailbox, &event)) {
        if (event.kind == VAIN_MAILBOX_JOINED)
            member_send(member, event.member, VAIN_LETTER_HELLO, "", 0);
        else if (event.kind == VAIN_MAILBOX_LOST)
            note_loss(member, event.member);
        else
            take_letter(member, &event);
    }
    vain_assembly_tick(member->assembly, member_now_ms(member));
}
