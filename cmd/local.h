/* `vain run --local N`: members on their own hosts, played by processes of this machine.
 *
 * Each has a key, kept in the run's folder so that the same command goes on with the same members,
 * and an address on the loopback interface, found before the processes are started, so that a
 * member that was killed can be started again as the same one. What each says is kept in a file
 * (cmd/local_log.h). */
#pragma once

#include <sys/types.h>

#include "base/identity.h"
#include "base/option.h"
#include "jobs/run.h"

/* What a member says at its end. */
struct vain_local_report {
    int32_t exit_code;
    int32_t failure;                                        /* an enum vain_status; VAIN_OK: none */
    char message[VAIN_NAME_BYTES + 2 + VAIN_MESSAGE_BYTES]; /* of the failure, "NAME: ..." */
    struct vain_run_result result;
    int64_t peak_bytes;
};

struct vain_local {
    int count;
    struct vain_option_member *listed; /* (count) as a spec would list them */
    struct vain_signer *signers;       /* (count) */
    char log_folder[VAIN_PATH_BYTES];  /* of their logs; set before vain_local_run */
    bool terminal;                     /* member 0 is shown on one */
};

/* Names, addresses and throw-away keys. Gives them. */
enum vain_status vain_local_open(int count, struct vain_local *out) VAIN_MUST_USE;
/* The keys in `folder` instead, member-0.key and on; those that are not there are made, those that
 * end within a week renewed. The statuses of vain_signer_open_file and vain_key_create. */
enum vain_status vain_local_keep_keys(struct vain_local *local, const char *folder) VAIN_MUST_USE;
void vain_local_close(struct vain_local *local);

/* Starts a process a member, which calls live(context, index, report) and ends; waits for all.
 * `again`: who was killed is started once more. Who is killed or fails is told on standard error,
 * with its log and the log's last line. A signal that this process is sent goes on to them.
 * `report` becomes that of the member that did best and was there longest, but exit_code and
 * failure are those of the member that failed first, else of one that was stopped; its name goes
 * before the message. VAIN_ERR_PEER: none ended in order. Call it before there are threads. */
enum vain_status vain_local_run(const struct vain_local *local, bool again, atomic_int *signal,
                                void (*live)(void *context, int index,
                                             struct vain_local_report *report),
                                void *context, struct vain_local_report *report) VAIN_MUST_USE;
