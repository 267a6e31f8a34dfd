/* Who is asked for what, and what becomes of the answers.
 *
 * Each member has a queue of the asks that it has not answered, in their order; an answer must
 * begin with the first of them and is of the length that it says, so nothing foreign is parsed. A
 * leaf has a giver while it is under way; when the giver is lost, late or a liar its leaves have
 * none again, and asks that are still in its queue are unwanted: their answers are dropped. */
#include "collectives/fetch.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "collectives/mailbox.h"

enum {
    NOBODY = -1,
    NAME_BYTES = VAIN_HASH_BYTES + 4, /* of a fetch: root and number */
    VERIFIED_A_STEP = 16              /* leaves of what was there already: 64 MiB, some 80 ms */
};

_Static_assert(VAIN_FETCH_WINDOW *(VAIN_LETTER_HEAD_BYTES + VAIN_FETCH_ANSWER_BYTES_MAX) <=
                   (int)VAIN_MAILBOX_QUEUE_BYTES,
               "answers to all asks under way fit into the queue of who gives them");

struct ask {
    enum vain_letter_kind kind;
    uint32_t leaf, offset, count;
    bool unwanted;
};

enum standing {
    FINE,
    WITHOUT, /* it said that it does not have the state */
    LIAR
};

struct giver {
    bool here, late;
    enum standing standing;
    enum vain_fetch_fault fault; /* of a liar */
    size_t fault_leaf;
    bool told; /* a verdict of it was given */
    /* Asks without an answer: a ring. */
    struct ask asks[VAIN_FETCH_WINDOW];
    int first, count;
    int64_t current; /* the leaf that it is asked for now, not yet for all of it; NOBODY: none */
};

struct leaf {
    int giver;            /* while it is under way, else NOBODY */
    uint32_t asked, came; /* bytes of it */
    bool verified;
    bool looked_at; /* what may have lain in its place at the start does not have its hash */
};

struct vain_fetch {
    struct vain_fetch_config config; /* `root` points to the copy below */
    uint8_t root[VAIN_HASH_BYTES];
    struct giver *givers; /* (members) owned */
    /* Hashes of leaves. */
    uint8_t *hashes; /* (leaf_count, VAIN_HASH_BYTES) owned */
    size_t leaf_count, hashes_count;
    int hashes_giver; /* NOBODY: to be chosen */
    bool hashes_known;
    /* Leaves. */
    struct leaf *leaves; /* (leaf_count) owned */
    size_t first_open;   /* no leaf before it is without a giver and not verified */
    size_t verified_bytes;
    bool have; /* the state may hold right leaves that nobody has given */
};

/* ---- open, close ----------------------------------------------------------------------------- */

static enum vain_status take_memory(struct vain_fetch *fetch)
{
    const int64_t leaves = (int64_t)fetch->leaf_count;
    VAIN_TRY(vain_take_array(fetch->config.members, sizeof *fetch->givers, "fetch: members",
                             (void **)&fetch->givers));
    VAIN_TRY(vain_take_array(leaves, VAIN_HASH_BYTES, "fetch: hashes of leaves",
                             (void **)&fetch->hashes));
    return vain_take_array(leaves, sizeof *fetch->leaves, "fetch: leaves", (void **)&fetch->leaves);
}

enum vain_status vain_fetch_open(const struct vain_fetch_config *config, struct vain_fetch **out)
{
    struct vain_fetch *fetch = NULL;
    VAIN_ASSERT(config->bytes > 0);
    VAIN_ASSERT(config->members >= 1 && config->members <= VAIN_MEMBERS_MAX);
    VAIN_ASSERT(config->part_bytes <= VAIN_FETCH_PART_BYTES);
    *out = NULL;
    VAIN_TRY(vain_take(sizeof *fetch, "fetch", (void **)&fetch));
    fetch->config = *config;
    memcpy(fetch->root, config->root, sizeof fetch->root);
    fetch->config.root = fetch->root;
    if (config->leaf_bytes == 0)
        fetch->config.leaf_bytes = VAIN_MERKLE_LEAF_BYTES;
    if (config->part_bytes == 0)
        fetch->config.part_bytes = VAIN_FETCH_PART_BYTES;
    fetch->leaf_count = vain_merkle_leaf_count(config->bytes, fetch->config.leaf_bytes);
    VAIN_ASSERT(fetch->config.leaf_bytes <= UINT32_MAX);
    VAIN_ASSERT(fetch->leaf_count <= UINT32_MAX);
    const enum vain_status status = take_memory(fetch);
    if (status != VAIN_OK) {
        vain_fetch_close(&fetch);
        return status;
    }
    fetch->hashes_giver = NOBODY;
    for (int member = 0; member < config->members; member++)
        fetch->givers[member].current = NOBODY;
    for (size_t i = 0; i < fetch->leaf_count; i++)
        fetch->leaves[i].giver = NOBODY;
    if (fetch->leaf_count == 1) { /* its hash is the root */
        memcpy(fetch->hashes, fetch->root, VAIN_HASH_BYTES);
        fetch->hashes_known = true;
    }
    *out = fetch;
    return VAIN_OK;
}

void vain_fetch_close(struct vain_fetch **fetch)
{
    if (*fetch == NULL)
        return;
    vain_release((*fetch)->leaves);
    vain_release((*fetch)->hashes);
    vain_release((*fetch)->givers);
    vain_release(*fetch);
    *fetch = NULL;
}

void vain_fetch_have(struct vain_fetch *fetch)
{
    fetch->have = true;
}

/* ---- leaves ---------------------------------------------------------------------------------- */

static uint8_t *place_of(const struct vain_fetch *fetch, size_t leaf)
{
    return fetch->config.state + leaf * fetch->config.leaf_bytes;
}

static uint32_t bytes_of(const struct vain_fetch *fetch, size_t leaf)
{
    const size_t left = fetch->config.bytes - leaf * fetch->config.leaf_bytes;
    return (uint32_t)(left < fetch->config.leaf_bytes ? left : fetch->config.leaf_bytes);
}

/* Whether what lies in its place has its hash. */
static bool verify(struct vain_fetch *fetch, size_t index)
{
    uint8_t hash[VAIN_HASH_BYTES];
    vain_merkle_leaf(index, place_of(fetch, index), bytes_of(fetch, index), hash);
    if (memcmp(hash, fetch->hashes + index * VAIN_HASH_BYTES, sizeof hash) != 0)
        return false;
    fetch->leaves[index].verified = true;
    fetch->leaves[index].giver = NOBODY;
    fetch->verified_bytes += bytes_of(fetch, index);
    return true;
}

/* The leaf is to be asked of somebody, from its beginning. */
static void open_leaf(struct vain_fetch *fetch, size_t index)
{
    struct leaf *leaf = &fetch->leaves[index];
    leaf->giver = NOBODY;
    leaf->asked = leaf->came = 0;
    if (index < fetch->first_open)
        fetch->first_open = index;
}

/* ---- members --------------------------------------------------------------------------------- */

static struct giver *giver_of(const struct vain_fetch *fetch, int member)
{
    VAIN_ASSERT(member >= 0 && member < fetch->config.members);
    VAIN_ASSERT(member != fetch->config.own);
    return &fetch->givers[member];
}

static struct ask *ask_at(struct giver *giver, int i)
{
    return &giver->asks[(giver->first + i) % VAIN_FETCH_WINDOW];
}

static bool may_be_asked(const struct giver *giver)
{
    return giver->here && giver->standing == FINE && !giver->late;
}

/* Nothing that `member` was asked for is wanted from it any more. */
static void take_back(struct vain_fetch *fetch, int member)
{
    struct giver *giver = &fetch->givers[member];
    for (int i = 0; i < giver->count; i++) {
        struct ask *ask = ask_at(giver, i);
        if (ask->kind == VAIN_LETTER_FETCH_PART_ASK && !ask->unwanted)
            open_leaf(fetch, ask->leaf);
        ask->unwanted = true;
    }
    if (giver->current != NOBODY)
        open_leaf(fetch, (size_t)giver->current);
    giver->current = NOBODY;
    if (fetch->hashes_giver == member)
        fetch->hashes_giver = NOBODY;
}

static void blame(struct vain_fetch *fetch, int member, enum vain_fetch_fault fault, size_t leaf)
{
    struct giver *giver = &fetch->givers[member];
    take_back(fetch, member);
    giver->standing = LIAR;
    giver->fault = fault;
    giver->fault_leaf = leaf;
    giver->count = 0;
}

void vain_fetch_joined(struct vain_fetch *fetch, int member)
{
    struct giver *giver = giver_of(fetch, member);
    vain_fetch_lost(fetch, member);
    giver->here = true;
    if (giver->standing == WITHOUT)
        giver->standing = FINE;
}

void vain_fetch_lost(struct vain_fetch *fetch, int member)
{
    struct giver *giver = giver_of(fetch, member);
    take_back(fetch, member);
    giver->here = giver->late = false;
    giver->count = 0;
}

bool vain_fetch_late(struct vain_fetch *fetch, int member)
{
    struct giver *giver = giver_of(fetch, member);
    bool another = false;
    for (int other = 0; other < fetch->config.members; other++)
        another |= other != member && may_be_asked(&fetch->givers[other]);
    if (giver->count == 0 || !another)
        return giver->count == 0;
    take_back(fetch, member);
    giver->late = true;
    return true;
}

int vain_fetch_awaited(const struct vain_fetch *fetch, int member)
{
    return giver_of(fetch, member)->count;
}

/* ---- answers --------------------------------------------------------------------------------- */

static size_t answer_bytes(const struct ask *ask)
{
    return (size_t)ask->count * (ask->kind == VAIN_LETTER_FETCH_PART_ASK ? 1 : VAIN_HASH_BYTES);
}

static void encode(const struct vain_fetch *fetch, const struct ask *ask,
                   uint8_t out[VAIN_MIN_LEN(VAIN_FETCH_ASK_BYTES)])
{
    struct vain_fetch_ask whole = {.kind = ask->kind,
                                   .number = fetch->config.number,
                                   .leaf = ask->leaf,
                                   .offset = ask->offset,
                                   .count = ask->count};
    memcpy(whole.root, fetch->root, sizeof whole.root);
    vain_fetch_ask_encode(&whole, out);
}

/* Whether root and number, which stand first, are those of another fetch. */
static bool is_of_another(const struct vain_fetch *fetch, const void *body, size_t bytes)
{
    uint8_t head[VAIN_FETCH_ASK_BYTES];
    encode(fetch, &(struct ask){.kind = VAIN_LETTER_FETCH_PART_ASK, .count = 1}, head);
    return bytes >= sizeof head && memcmp(body, head, NAME_BYTES) != 0;
}

/* Whether the letter is an answer to this ask: with all that was asked for, or with nothing. */
static bool answers(const struct vain_fetch *fetch, const struct ask *ask, uint16_t kind,
                    const void *body, size_t bytes)
{
    uint8_t head[VAIN_FETCH_ASK_BYTES];
    const bool part = ask->kind == VAIN_LETTER_FETCH_PART_ASK;
    encode(fetch, ask, head);
    if (kind != (part ? VAIN_LETTER_FETCH_PART : VAIN_LETTER_FETCH_LEAVES))
        return false;
    if (bytes != sizeof head && bytes != sizeof head + answer_bytes(ask))
        return false;
    return memcmp(body, head, sizeof head) == 0;
}

static void take_hashes(struct vain_fetch *fetch, int member, const struct ask *ask,
                        const uint8_t *data)
{
    uint8_t root[VAIN_HASH_BYTES];
    VAIN_ASSERT(ask->leaf == fetch->hashes_count);
    memcpy(fetch->hashes + (size_t)ask->leaf * VAIN_HASH_BYTES, data, answer_bytes(ask));
    fetch->hashes_count += ask->count;
    if (fetch->hashes_count < fetch->leaf_count)
        return;
    vain_merkle_root_of_leaves(fetch->hashes, fetch->leaf_count, root);
    fetch->hashes_known = memcmp(root, fetch->root, sizeof root) == 0;
    fetch->hashes_giver = NOBODY;
    if (!fetch->hashes_known)
        blame(fetch, member, VAIN_FETCH_WRONG_HASHES, 0);
}

static void take_part(struct vain_fetch *fetch, int member, const struct ask *ask,
                      const uint8_t *data)
{
    struct leaf *leaf = &fetch->leaves[ask->leaf];
    VAIN_ASSERT(leaf->giver == member && !leaf->verified);
    VAIN_ASSERT(leaf->came == ask->offset);
    memcpy(place_of(fetch, ask->leaf) + ask->offset, data, ask->count);
    leaf->came += ask->count;
    if (leaf->came < bytes_of(fetch, ask->leaf) || verify(fetch, ask->leaf))
        return;
    open_leaf(fetch, ask->leaf);
    blame(fetch, member, VAIN_FETCH_WRONG_LEAF, ask->leaf);
}

void vain_fetch_take(struct vain_fetch *fetch, int member, uint16_t kind, const void *body,
                     size_t bytes)
{
    struct giver *giver = giver_of(fetch, member);
    VAIN_ASSERT(kind == VAIN_LETTER_FETCH_LEAVES || kind == VAIN_LETTER_FETCH_PART);
    if (!giver->here || giver->standing == LIAR || is_of_another(fetch, body, bytes))
        return;
    if (giver->count == 0 || !answers(fetch, ask_at(giver, 0), kind, body, bytes)) {
        blame(fetch, member, VAIN_FETCH_WRONG_ANSWER, 0);
        return;
    }
    const struct ask ask = *ask_at(giver, 0);
    giver->first = (giver->first + 1) % VAIN_FETCH_WINDOW;
    giver->count--;
    giver->late = false;
    if (bytes == VAIN_FETCH_ASK_BYTES) {
        if (ask.kind == VAIN_LETTER_FETCH_PART_ASK && !ask.unwanted)
            open_leaf(fetch, ask.leaf);
        take_back(fetch, member);
        giver->standing = WITHOUT;
    } else if (!ask.unwanted) {
        (ask.kind == VAIN_LETTER_FETCH_PART_ASK ? take_part : take_hashes)(
            fetch, member, &ask, (const uint8_t *)body + VAIN_FETCH_ASK_BYTES);
    }
}

/* ---- asks ------------------------------------------------------------------------------------ */

/* VAIN_OK: the ask is on its way, and in the queue. */
static enum vain_status send_ask(const struct vain_fetch *fetch, int member, struct ask ask,
                                 const struct vain_fetch_sender *sender)
{
    struct giver *giver = &fetch->givers[member];
    uint8_t body[VAIN_FETCH_ASK_BYTES];
    VAIN_ASSERT(giver->count < VAIN_FETCH_WINDOW);
    encode(fetch, &ask, body);
    VAIN_TRY(sender->send(sender->context, member, (uint16_t)ask.kind, body, sizeof body));
    *ask_at(giver, giver->count++) = ask;
    return VAIN_OK;
}

/* The next one after this member that may be asked for the hashes, so that not all who join ask the
 * same; NOBODY: none. */
static int choose_hashes_giver(const struct vain_fetch *fetch)
{
    for (int i = 1; i <= fetch->config.members; i++) {
        const int member = (fetch->config.own + i) % fetch->config.members;
        const struct giver *giver = &fetch->givers[member];
        if (may_be_asked(giver) && giver->count < VAIN_FETCH_WINDOW)
            return member;
    }
    return NOBODY;
}

/* One letter of hashes at a time: there are few. */
static enum vain_status ask_hashes(struct vain_fetch *fetch, const struct vain_fetch_sender *sender)
{
    int member = fetch->hashes_giver;
    if (member == NOBODY) {
        member = choose_hashes_giver(fetch);
        if (member == NOBODY)
            return VAIN_OK;
        fetch->hashes_giver = member;
        fetch->hashes_count = 0;
    }
    struct giver *giver = &fetch->givers[member];
    for (int i = 0; i < giver->count; i++) {
        if (!ask_at(giver, i)->unwanted)
            return VAIN_OK;
    }
    const size_t left = fetch->leaf_count - fetch->hashes_count;
    return send_ask(
        fetch, member,
        (struct ask){.kind = VAIN_LETTER_FETCH_LEAVES_ASK,
                     .leaf = (uint32_t)fetch->hashes_count,
                     .count =
                         (uint32_t)(left < VAIN_FETCH_LEAVES_MAX ? left : VAIN_FETCH_LEAVES_MAX)},
        sender);
}

/* The next leaf that nobody gives; `budget` bounds how much of what is there already is verified on
 * the way. False: there is none, or the budget is used up. */
static bool next_open(struct vain_fetch *fetch, int *budget, size_t *out)
{
    for (; fetch->first_open < fetch->leaf_count; fetch->first_open++) {
        struct leaf *leaf = &fetch->leaves[fetch->first_open];
        if (leaf->verified || leaf->giver != NOBODY)
            continue;
        const bool look = fetch->have && !leaf->looked_at;
        if (look && *budget == 0)
            return false;
        *budget -= look;
        if (look && verify(fetch, fetch->first_open))
            continue;
        leaf->looked_at = true;
        *out = fetch->first_open;
        return true;
    }
    return false;
}

/* Fills the window of one member. */
static enum vain_status ask_parts(struct vain_fetch *fetch, int member, int *budget,
                                  const struct vain_fetch_sender *sender)
{
    struct giver *giver = &fetch->givers[member];
    while (giver->count < VAIN_FETCH_WINDOW) {
        size_t index = (size_t)giver->current;
        if (giver->current == NOBODY && !next_open(fetch, budget, &index))
            return VAIN_OK;
        struct leaf *leaf = &fetch->leaves[index];
        const size_t left = bytes_of(fetch, index) - leaf->asked, most = fetch->config.part_bytes;
        const struct ask ask = {.kind = VAIN_LETTER_FETCH_PART_ASK,
                                .leaf = (uint32_t)index,
                                .offset = leaf->asked,
                                .count = (uint32_t)(left < most ? left : most)};
        VAIN_TRY(send_ask(fetch, member, ask, sender));
        leaf->giver = member;
        leaf->asked += ask.count;
        giver->current = leaf->asked < bytes_of(fetch, index) ? (int64_t)index : NOBODY;
    }
    return VAIN_OK;
}

enum vain_status vain_fetch_step(struct vain_fetch *fetch, const struct vain_fetch_sender *sender)
{
    enum vain_status result = VAIN_OK;
    int budget = VERIFIED_A_STEP;
    if (!fetch->hashes_known) {
        result = ask_hashes(fetch, sender);
        return result == VAIN_ERR_PEER ? VAIN_OK : result;
    }
    for (int member = 0; member < fetch->config.members; member++) {
        if (!may_be_asked(&fetch->givers[member]))
            continue;
        const enum vain_status status = ask_parts(fetch, member, &budget, sender);
        if (status == VAIN_AGAIN)
            result = VAIN_AGAIN;
        else if (status != VAIN_OK && status != VAIN_ERR_PEER)
            return status;
    }
    return budget == 0 ? VAIN_AGAIN : result;
}

/* ---- what has become of it ------------------------------------------------------------------- */

size_t vain_fetch_verified_bytes(const struct vain_fetch *fetch)
{
    return fetch->verified_bytes;
}

bool vain_fetch_has(const struct vain_fetch *fetch, size_t index)
{
    VAIN_ASSERT(index < fetch->leaf_count);
    return fetch->leaves[index].verified;
}

const char *vain_fetch_fault_text(enum vain_fetch_fault fault)
{
    switch (fault) {
    case VAIN_FETCH_WRONG_HASHES:
        return "gave hashes of leaves that do not give the root";
    case VAIN_FETCH_WRONG_LEAF:
        return "gave a wrong leaf";
    case VAIN_FETCH_WRONG_ANSWER:
        return "answered what it was not asked";
    }
    return "did something unknown";
}

bool vain_fetch_next_verdict(struct vain_fetch *fetch, struct vain_fetch_verdict *out)
{
    for (int member = 0; member < fetch->config.members; member++) {
        struct giver *giver = &fetch->givers[member];
        if (giver->standing != LIAR || giver->told)
            continue;
        giver->told = true;
        *out = (struct vain_fetch_verdict){
            .member = member, .fault = giver->fault, .leaf = giver->fault_leaf};
        return true;
    }
    return false;
}

/* Adds why `member` cannot give the state, as far as there is room. */
static void add_reason(const struct giver *giver, int member, char *text, size_t bytes)
{
    const size_t used = strlen(text);
    if (giver->standing == LIAR && giver->fault == VAIN_FETCH_WRONG_LEAF)
        snprintf(text + used, bytes - used, "member %d gave a wrong leaf (%zu); ", member,
                 giver->fault_leaf);
    else if (giver->standing == LIAR)
        snprintf(text + used, bytes - used, "member %d %s; ", member,
                 vain_fetch_fault_text(giver->fault));
    else if (giver->standing == WITHOUT)
        snprintf(text + used, bytes - used, "member %d does not have it; ", member);
}

enum vain_status vain_fetch_outcome(const struct vain_fetch *fetch)
{
    char reasons[VAIN_MESSAGE_BYTES / 2] = "", name[2 * 4 + 1];
    int absent = 0;
    if (fetch->verified_bytes == fetch->config.bytes)
        return VAIN_OK;
    for (int member = 0; member < fetch->config.members; member++) {
        const struct giver *giver = &fetch->givers[member];
        if (giver->here && giver->standing == FINE)
            return VAIN_AGAIN;
        absent += member != fetch->config.own && giver->standing == FINE;
        add_reason(giver, member, reasons, sizeof reasons);
    }
    vain_to_hex(fetch->root, 4, name);
    return vain_fail(VAIN_ERR_PEER,
                     "state %s: nobody who is here can give it: %s%d of %d other members are not "
                     "here; it goes on when one of them joins",
                     name, reasons, absent, fetch->config.members - 1);
}
