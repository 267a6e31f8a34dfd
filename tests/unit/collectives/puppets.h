/* Rank 0 of a transport `stream` whose peers do what the test says: it writes their frames, byte by
 * byte if it likes, and reads what rank 0 sends them. One thread: whoever waits here lets rank 0
 * move, by its transport's wait. */
#pragma once

#include "collectives/frame.h"
#include "collectives/transport.h"
#include "tests/unit/collectives/pipes.h"

struct puppets {
    struct pipes pipes;
    struct vain_comm comm; /* rank 0's world */
};

/* `size` ranks, `connections` a pair; each call moves at most `piece` bytes. */
void puppets_open(struct puppets *puppets, int size, int connections, size_t piece);
/* Closes the world if it is open, then all ends of the puppets. */
void puppets_close(struct puppets *puppets);
/* Rank 0 moves until nothing is left to do. */
void puppets_settle(const struct puppets *puppets);

/* Frames of the world: a whole message, a part of message 0 of VAIN_TAG_GATHER. The others are of
 * any group; one is ready for `bytes` of VAIN_TAG_GATHER. */
struct vain_frame frame_of_message(uint32_t tag, uint64_t index, uint32_t bytes);
struct vain_frame frame_of_fragment(uint64_t message_bytes, uint64_t offset, uint32_t bytes);
struct vain_frame frame_of_ready(uint64_t group, uint64_t index, uint64_t bytes);
struct vain_frame frame_of_abort(uint64_t group, uint64_t rank);

/* Byte `i` of message `seed`: never 0. */
unsigned char puppets_byte(unsigned seed, uint64_t i);
/* Puppet `rank` sends bytes as they are. */
void puppets_write(const struct puppets *puppets, int rank, int connection, const void *data,
                   size_t bytes);
/* A frame, and behind a message's header its bytes of message `seed`. */
void puppets_send(const struct puppets *puppets, int rank, int connection,
                  const struct vain_frame *frame, unsigned seed);
/* The puppet ends this connection in order. */
void puppets_hang_up(struct puppets *puppets, int rank, int connection);

/* The next `bytes` that rank 0 sent to a puppet; false: not so many came. */
bool puppets_read(const struct puppets *puppets, int rank, int connection, void *out, size_t bytes);
/* The next header; false (and a kind of 0): none came. */
bool puppets_read_frame(const struct puppets *puppets, int rank, int connection,
                        struct vain_frame *out);
/* What comes next to a puppet on connection 0 is the header of such a frame; its group. */
uint64_t puppets_check_next(const struct puppets *puppets, int rank, enum vain_frame_kind kind,
                            uint64_t index);
bool puppets_are_told_nothing(const struct puppets *puppets, int rank);
/* No receive from puppet 1 can be posted, and why. */
void puppets_check_post_fails(struct puppets *puppets, const char *why);

/* Rank 0 splits its world; the puppets say their colours (a colour of each rank). */
void puppets_split(struct puppets *puppets, const int32_t *colours, struct vain_comm *out);
/* The id of a communicator's group. */
uint64_t puppets_group(const struct vain_comm *comm);

/* run_<test>: the test whole and in pieces, with the file's `piece`. */
#define IN_PIECES(test)                                                                            \
    static void run_##test(void)                                                                   \
    {                                                                                              \
        piece = (size_t)1 << 20;                                                                   \
        test();                                                                                    \
        piece = 47; /* less than a header */                                                       \
        test();                                                                                    \
    }
