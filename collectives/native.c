/* The transport's own all-reduce: one action. No message of it can be tagged; the check word alone
 * guards the sum. */
#include "collectives/exchange_state.h"

static int native_action_ids(int members, int window)
{
    (void)window;
    (void)members;
    return 1;
}

static int64_t native_buffer_words(int members, int64_t word_count, int64_t chunk_words, int window)
{
    (void)members;
    (void)word_count;
    (void)chunk_words;
    (void)window;
    return 0;
}

static void native_begin(struct vain_exchange *exchange, struct vain_exchange_out *out)
{
    vain_exchange_act(exchange, out,
                      (struct vain_exchange_action){.kind = VAIN_EXCHANGE_ALL_REDUCE,
                                                    .id = 0,
                                                    .peer = exchange->config.member_index,
                                                    .buffer = exchange->words,
                                                    .count = exchange->config.codec->word_count});
}

static void native_done(struct vain_exchange *exchange, int id, struct vain_exchange_out *out)
{
    (void)exchange;
    (void)id;
    (void)out;
}

const struct vain_reduce_ops vain_reduce_native = {
    .name = "native",
    .action_ids = native_action_ids,
    .buffer_words = native_buffer_words,
    .begin = native_begin,
    .done = native_done,
};
