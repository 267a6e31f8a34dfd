/* A connector for members that are threads of this process: streams are pairs of sockets.
 *
 * Mailbox streams are made by the member with the lower number, as soon as both are plugged in and
 * it has none; streams of a use when both of a pair have begun it. */
#pragma once

#include "jobs/connector.h"

enum { SWITCHBOARD_MEMBERS_MAX = 8, SWITCHBOARD_CONNECTIONS_MAX = 4 };

struct switchboard;

/* NULL: the machine has no room. */
struct switchboard *switchboard_open(int members);
/* All connectors have been closed. */
void switchboard_close(struct switchboard *board);

/* Whether words that `member` sends in exchanges come out changed. From any thread. */
void switchboard_spoil(struct switchboard *board, int member, bool spoils);
/* The connector of `member`, which has none now. */
struct vain_connector *switchboard_plug(struct switchboard *board, int member);
/* What a process leaves that was killed: all streams of `member` end, whoever holds them, and it
 * gets no others until it is plugged in again. From any thread. */
void switchboard_cut(struct switchboard *board, int member);
/* The network between `member` and all others fails: their streams end, and there are no others
 * until it is healed. From any thread. */
void switchboard_part(struct switchboard *board, int member);
void switchboard_heal(struct switchboard *board, int member);
