/* members: members on their own hosts, who agree by letters on who takes part in each attempt.
 *
 * A death costs an attempt: the others form another one without the dead. Who comes back, or was
 * left out, fetches what the others hold and takes part again. With fewer than a quorum of the last
 * set nothing goes on, so that two halves of a divided network never both do; such a run stops,
 * saved.
 *
 * The agreement is collectives/assembly.h, letters go through collectives/mailbox.h, streams come
 * from a connector (jobs/connector.h). Members are known by their keys, which the spec pins. */
#pragma once

#include "base/event.h"
#include "base/pool.h"
#include "jobs/connector.h"
#include "jobs/federation.h"
#include "jobs/options.h"
#include "jobs/spec/spec.h"

struct vain_federation_members_config {
    struct vain_connector *connector; /* borrowed; counts members as the spec lists them */
    struct vain_world *world;         /* borrowed */
    struct vain_signer *signer;       /* borrowed */
    struct vain_event_log *events;    /* borrowed: what happens to members */
    struct vain_pool *pool;           /* borrowed: hashing; NULL: this thread */
    const struct vain_job *job;       /* borrowed */
    const struct vain_spec *spec;     /* borrowed: members with their keys */
    const uint8_t *spec_hash;         /* (32) of the agreed keys, borrowed */
    const char *spec_resolved;        /* borrowed */
    int own_member;                   /* of the spec's list */
    const uint8_t *corpus_hash;       /* (32) copied: what all members' data must have in common */
    const char *platform;             /* borrowed */
    const char *directory;            /* borrowed: of the vote file */
    struct vain_record_file *record;  /* borrowed */
    atomic_int *signal;               /* set by the signal handler; 0: none */
};
/* Gives the federation. Local: nobody is waited for yet. The statuses of vain_vote_file_read;
 * VAIN_ERR_INPUT for members without keys. */
enum vain_status vain_federation_members_open(const struct vain_federation_members_config *config,
                                              struct vain_federation **out) VAIN_MUST_USE;
