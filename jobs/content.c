#include "jobs/content.h"

#include <string.h>

#include "base/cursor.h"

void vain_content_note_deals(struct vain_run *run, const uint8_t *deals, size_t bytes)
{
    vain_hash("vain/deals", deals, bytes, run->deals_hash);
}

enum vain_status vain_content_hash(const struct vain_run *run, const struct vain_roster *roster,
                                   const struct vain_context *context,
                                   uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    uint8_t message[VAIN_CONTEXT_MESSAGE_BYTES], hash[VAIN_HASH_BYTES], root[VAIN_HASH_BYTES];
    uint8_t dropped[4];
    struct vain_hash_state state;
    memset(out, 0, VAIN_HASH_BYTES);
    if (!run->config->on_own_host)
        return VAIN_OK;
    VAIN_TRY(vain_merkle_root(run->words, (size_t)run->codec.word_count * sizeof *run->words,
                              VAIN_MERKLE_LEAF_BYTES, run->host_queue.device->pool, root));
    vain_context_message(context, &run->codec, message);
    vain_context_message_hash(message, hash);
    vain_hash_init(&state, "vain/content");
    vain_hash_update(&state, hash, sizeof hash);
    for (int i = 0; i < roster->member_count; i++) {
        struct vain_writer writer;
        vain_writer_init(&writer, dropped, sizeof dropped);
        vain_write_u32(&writer, vain_exchange_dropped(run->exchange, roster->member_rank[i]));
        vain_hash_update(&state, dropped, sizeof dropped);
    }
    vain_hash_update(&state, run->deals_hash, VAIN_HASH_BYTES);
    vain_hash_update(&state, root, sizeof root);
    vain_hash_final(&state, out);
    return VAIN_OK;
}
