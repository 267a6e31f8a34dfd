/* A fetch and the members that it asks, honest and other, in one process without sockets: letters
 * wait in queues of asks until the test lets a member answer. Everything that happens is a function
 * of one seed. */
#pragma once

#include "collectives/fetch.h"

enum {
    GIVERS_MEMBERS = 6, /* member 0 fetches */
    GIVERS_BYTES_MAX = 4000,
    GIVERS_LEAF_BYTES = 100,
    GIVERS_PART_BYTES = 16,
    GIVERS_LEAVES_MAX = GIVERS_BYTES_MAX / GIVERS_LEAF_BYTES,
    GIVERS_ASKS_MAX = 64 /* that wait for one member; more: a queue that is full */
};

enum giver_kind {
    GIVER_HONEST,
    GIVER_WRONG_BYTES,  /* in some parts */
    GIVER_WRONG_HASHES, /* of leaves */
    GIVER_WRONG_LENGTH, /* sometimes a byte less or more */
    GIVER_WRONG_HEAD,   /* sometimes answers another ask than that it got */
    GIVER_REPEATS,      /* answers twice */
    GIVER_UNASKED,      /* begins with an answer to nothing */
    GIVER_SILENT,
    GIVER_OTHER_FETCH, /* sometimes answers an ask of another fetch */
    GIVER_WITHOUT,     /* has another state */
    GIVER_KINDS
};

struct giver_ask {
    uint16_t kind;
    size_t bytes;
    uint8_t body[VAIN_FETCH_ASK_BYTES];
};
struct givers {
    uint64_t random;
    size_t bytes;
    uint8_t truth[GIVERS_BYTES_MAX], state[GIVERS_BYTES_MAX];
    uint8_t root[VAIN_HASH_BYTES], leaves[GIVERS_LEAVES_MAX][VAIN_HASH_BYTES];
    struct vain_fetch *fetch;
    enum giver_kind kinds[GIVERS_MEMBERS];
    bool here[GIVERS_MEMBERS];
    struct giver_ask asks[GIVERS_MEMBERS][GIVERS_ASKS_MAX];
    int ask_count[GIVERS_MEMBERS];
    int room;                          /* asks that a queue takes, at most GIVERS_ASKS_MAX */
    int asked[GIVERS_MEMBERS];         /* letters to each, ever */
    int leaf_asked[GIVERS_LEAVES_MAX]; /* asks for the first part of a leaf */
    enum vain_status failure;          /* of the sender, if not VAIN_OK */
    bool found_out[GIVERS_MEMBERS];    /* by a verdict */
    struct vain_fetch_verdict verdicts[GIVERS_MEMBERS];
};

/* A state of `bytes` and a fetch of it; nobody has joined. All givers are honest. */
void givers_open(struct givers *givers, uint64_t seed, size_t bytes);
void givers_close(struct givers *givers);
void givers_join(struct givers *givers, int member);
void givers_lose(struct givers *givers, int member);
/* The fetch asks what it wants to. */
enum vain_status givers_step(struct givers *givers);
/* `member` answers the oldest ask that it has, in its way; false: it has none. Verdicts are taken
 * and checked: no honest member is ever found out. */
bool givers_answer(struct givers *givers, int member);
/* Steps and answers, members at random, until nothing moves. */
void givers_settle(struct givers *givers);
/* The fetch must be done, with the right bytes. */
void givers_expect_whole(const struct givers *givers);
