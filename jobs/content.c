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
    uint8_t message[VAIN_CONTEXT_MESSAGE_BYTES], root[VAIN_HASH_BYTES];
    uint8_t hash[VAIN_HASH_BYTES], platform[VAIN_HASH_BYTES];
    struct vain_hash_state state;
    memset(out, 0, VAIN_HASH_BYTES);
    if (!run->config->on_own_host)
        return VAIN_OK;
    VAIN_TRY(vain_merkle_root(run->words, (size_t)run->codec.word_count * sizeof *run->words,
                              VAIN_MERKLE_LEAF_BYTES, run->host_queue.device->pool, root));
    vain_context_message(context, &run->codec, message);
    vain_context_message_hash(message, hash);
    vain_hash("vain/platform", run->common_platform, strlen(run->common_platform), platform);
    vain_hash_init(&state, "vain/content");
    vain_hash_update(&state, hash, sizeof hash);
    vain_hash_update(&state, platform, sizeof platform);
    for (int i = 0; i < roster->member_count; i++) {
        uint8_t bytes[4 + VAIN_CERTIFICATE_BYTES];
        struct vain_writer writer;
        vain_writer_init(&writer, bytes, sizeof bytes);
        vain_write_u32(&writer, vain_exchange_dropped(run->exchange, roster->member_rank[i]));
        vain_certificate_encode(&run->roster_members[i].certificate, bytes + 4);
        vain_hash_update(&state, bytes, sizeof bytes);
    }
    vain_hash_update(&state, run->deals_hash, VAIN_HASH_BYTES);
    vain_hash_update(&state, root, sizeof root);
    vain_hash_final(&state, out);
    return VAIN_OK;
}
