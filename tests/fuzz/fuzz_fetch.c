/* Fetching a state: the input is a row of letters, of which each is an ask to a member that has the
 * state or an answer to one that fetches it. Answers to asks are bounded and come from the state;
 * what was fetched is right whatever came. */
#include "collectives/fetch.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES = 90, LEAF = 20, LEAVES = 5, PART = 8, MEMBERS = 3, ASKS_MAX = 64 };

static struct {
    uint8_t truth[BYTES], state[BYTES], leaves[LEAVES][VAIN_HASH_BYTES], root[VAIN_HASH_BYTES];
    struct vain_fetch_source source;
    struct vain_fetch_answer answer;
    /* Asks that wait for an answer, oldest first. */
    struct {
        int member;
        uint16_t kind;
        uint8_t body[VAIN_FETCH_ASK_BYTES];
    } asks[ASKS_MAX];
    int ask_count;
} scene;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void expect(bool condition)
{
    if (!condition)
        abort();
}

static void make_scene(void)
{
    for (size_t i = 0; i < BYTES; i++)
        scene.truth[i] = (uint8_t)(i * 11);
    vain_merkle_leaves(scene.truth, BYTES, LEAF, NULL, scene.leaves[0]);
    vain_merkle_root_of_leaves(scene.leaves[0], LEAVES, scene.root);
    scene.source =
        (struct vain_fetch_source){scene.root, scene.truth, BYTES, scene.leaves[0], LEAF};
}

static enum vain_status keep_ask(void *context, int member, uint16_t kind, const void *body,
                                 size_t bytes)
{
    (void)context;
    expect(bytes == VAIN_FETCH_ASK_BYTES);
    if (scene.ask_count == ASKS_MAX)
        return VAIN_AGAIN;
    scene.asks[scene.ask_count].member = member;
    scene.asks[scene.ask_count].kind = kind;
    memcpy(scene.asks[scene.ask_count++].body, body, bytes);
    return VAIN_OK;
}

/* Any bytes as an ask; accepted ones encode to the same bytes again. */
static void ask(uint16_t kind, const uint8_t *data, size_t bytes)
{
    struct vain_fetch_ask decoded;
    uint8_t again[VAIN_FETCH_ASK_BYTES];
    if (vain_fetch_ask_decode(kind, data, bytes, &decoded) == VAIN_OK) {
        vain_fetch_ask_encode(&decoded, again);
        expect(bytes == sizeof again && memcmp(again, data, bytes) == 0);
    }
    if (vain_fetch_answer(&scene.source, kind, data, bytes, &scene.answer) != VAIN_OK)
        return;
    expect(scene.answer.bytes >= bytes);
    expect(scene.answer.bytes <= VAIN_FETCH_ASK_BYTES + BYTES + sizeof scene.leaves);
}

/* The oldest ask is answered, right but for one byte that may be changed or cut off. */
static void answer(struct vain_fetch *fetch, uint8_t where, uint8_t change)
{
    if (scene.ask_count == 0)
        return;
    const int member = scene.asks[0].member;
    expect(vain_fetch_answer(&scene.source, scene.asks[0].kind, scene.asks[0].body,
                             VAIN_FETCH_ASK_BYTES, &scene.answer) == VAIN_OK);
    memmove(&scene.asks[0], &scene.asks[1], (size_t)--scene.ask_count * sizeof scene.asks[0]);
    if (change == UINT8_MAX)
        scene.answer.bytes = where % scene.answer.bytes;
    else
        scene.answer.body[where % scene.answer.bytes] ^= change;
    vain_fetch_take(fetch, member, (uint16_t)scene.answer.kind, scene.answer.body,
                    scene.answer.bytes);
}

/* What `member` was asked is not answered any more. */
static void forget(int member)
{
    int kept = 0;
    for (int i = 0; i < scene.ask_count; i++) {
        if (scene.asks[i].member != member)
            scene.asks[kept++] = scene.asks[i];
    }
    scene.ask_count = kept;
}

static void act(struct vain_fetch *fetch, uint8_t what, const uint8_t *data, size_t bytes)
{
    const int member = 1 + what / 16 % (MEMBERS - 1);
    switch (what % 8) {
    case 0:
        ask(VAIN_LETTER_FETCH_LEAVES_ASK, data, bytes);
        break;
    case 1:
        ask(VAIN_LETTER_FETCH_PART_ASK, data, bytes);
        break;
    case 2:
        vain_fetch_take(fetch, member, VAIN_LETTER_FETCH_LEAVES, data, bytes);
        break;
    case 3:
        vain_fetch_take(fetch, member, VAIN_LETTER_FETCH_PART, data, bytes);
        break;
    case 4:
        forget(member);
        vain_fetch_joined(fetch, member);
        break;
    case 5:
        vain_fetch_late(fetch, member);
        break;
    default:
        answer(fetch, bytes > 0 ? data[0] : 0, bytes > 1 ? data[1] : 0);
        break;
    }
}

/* A letter: what to do with it, its length, its bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct vain_fetch *fetch = NULL;
    if (scene.source.bytes == 0)
        make_scene();
    memset(scene.state, 0, sizeof scene.state);
    scene.ask_count = 0;
    const struct vain_fetch_config config = {.root = scene.root,
                                             .state = scene.state,
                                             .bytes = BYTES,
                                             .members = MEMBERS,
                                             .leaf_bytes = LEAF,
                                             .part_bytes = PART};
    const struct vain_fetch_sender sender = {keep_ask, NULL};
    expect(vain_fetch_open(&config, &fetch) == VAIN_OK);
    vain_fetch_joined(fetch, 1);
    while (bytes >= 2) {
        const size_t length = data[1] < bytes - 2 ? data[1] : bytes - 2;
        const enum vain_status status = vain_fetch_step(fetch, &sender);
        expect(status == VAIN_OK || status == VAIN_AGAIN);
        act(fetch, data[0], data + 2, length);
        data += 2 + length;
        bytes -= 2 + length;
    }
    for (size_t leaf = 0; leaf < LEAVES; leaf++) {
        const size_t start = leaf * LEAF, left = BYTES - start;
        expect(!vain_fetch_has(fetch, leaf) ||
               memcmp(scene.state + start, scene.truth + start, left < LEAF ? left : LEAF) == 0);
    }
    vain_fetch_close(&fetch);
    return 0;
}
