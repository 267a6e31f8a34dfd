/* Letters in and out, as jobs/members_talk.c; who dials whom, as the connector would. */
#include <string.h>

#include "base/memory.h"
#include "tests/sim/federation_member.h"

void member_send(struct member *member, int to, uint16_t kind, const void *body, size_t bytes)
{
    if (vain_mailbox_send(member->mailbox, to, kind, body, bytes) == VAIN_AGAIN)
        vain_mailbox_drop(member->mailbox, to, "it does not read its letters");
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
    return member_open_assembly(member);
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
    } else {
        member_take_letter(member, from, event->letter, event->body, event->bytes);
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
