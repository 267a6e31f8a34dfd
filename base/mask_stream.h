/* The key streams that hide words: ChaCha20 (RFC 8439) with random access by element.
 *
 * Layout (docs/protocol.md, "Masks"): the key is a seed, the nonce is LE32(domain) ||
 * LE64(segment), and word e of a stream is
 *
 *     segment = e >> 30, e' = e mod 2^30, block counter = e' >> 4, word e' mod 16 of that block
 *
 * so any range can be computed anywhere in any order, and a block counter stays far below 2^32. The
 * blocks are libsodium's crypto_stream_chacha20_ietf; they come from OpenSSL's cipher here, which
 * makes them about three times faster (7 against 2 GB/s a core). This file is the only caller of
 * OpenSSL's cipher. */
#pragma once

#include "base/status.h"

enum { VAIN_MASK_SEED_BYTES = 32 };

/* Who may use a stream: the nonce's first word, so that equal seeds never give equal words. */
enum vain_mask_domain {
    VAIN_MASK_PAIR = 1,  /* between two members */
    VAIN_MASK_OWN = 2,   /* a member's own mask (level 2) */
    VAIN_MASK_NOISE = 4, /* privacy noise */
    VAIN_MASK_FORMS = 5  /* public bits of forms (collectives/forms.h) */
};

/* A cipher: one a thread, since it keeps the state of the stream under way. */
struct vain_mask_stream;
enum vain_status vain_mask_stream_open(struct vain_mask_stream **out) VAIN_MUST_USE;
/* Accepts NULL; wipes what it held of keys and streams. */
void vain_mask_stream_close(struct vain_mask_stream **stream);

/* Go to word `first` of the stream of (seed, domain), of which a copy is kept. Local. */
void vain_mask_stream_start(struct vain_mask_stream *stream,
                            const uint8_t seed[VAIN_MIN_LEN(VAIN_MASK_SEED_BYTES)],
                            enum vain_mask_domain domain, uint64_t first);
/* Wipe seed, stream and the cipher's key; until the next start, words are those of the zero seed.
 * Local. */
void vain_mask_stream_forget(struct vain_mask_stream *stream);
/* The next words of it: makes as many as one call can, at most `count` >= 1, says how many, and
 * gives where they are; borrowed until the next call. Local, deterministic, takes no memory. */
int64_t vain_mask_stream_next(struct vain_mask_stream *stream, int64_t count,
                              const uint32_t **words);
