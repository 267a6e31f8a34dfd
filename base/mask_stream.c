/* Streams are made a piece at a time into a buffer that stays in the cache, from where the caller
 * adds them: the cipher xors, masks are sums modulo 2^32, so the stream itself is needed. */
#include "base/mask_stream.h"

#include "base/crypto.h"
#include "base/cursor.h"
#include "base/memory.h"

#include <assert.h>
#include <string.h>

#include <openssl/evp.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words of a block lie as they are used");

enum {
    BLOCK_WORDS = 16, /* of ChaCha20 */
    /* 8 KiB: with the zeros and the words that are masked well inside a first-level cache. */
    PIECE_WORDS = 2048,
    IV_BYTES = 16, /* OpenSSL's: LE32 counter || nonce[12] */
    SEGMENT_BITS = 30
};

struct vain_mask_stream {
    EVP_CIPHER *cipher;      /* owned */
    EVP_CIPHER_CTX *context; /* owned */
    uint8_t seed[VAIN_MASK_SEED_BYTES];
    enum vain_mask_domain domain;
    uint64_t position;                        /* word that comes next */
    uint64_t cipher_position;                 /* word that the cipher's context would make next */
    _Alignas(64) uint32_t words[PIECE_WORDS]; /* what the cipher writes: whole cache lines */
};

#define NOWHERE UINT64_MAX /* no position: 2^64 words are more than anybody has */

/* What is encrypted: the stream is what comes out of zeros. */
static _Alignas(64) const uint32_t zeros[PIECE_WORDS];

enum vain_status vain_mask_stream_open(struct vain_mask_stream **out)
{
    struct vain_mask_stream *stream = NULL;
    *out = NULL;
    VAIN_TRY(vain_take(sizeof *stream, "mask stream", (void **)&stream));
    stream->cipher = EVP_CIPHER_fetch(NULL, "ChaCha20", NULL);
    stream->context = EVP_CIPHER_CTX_new();
    if (stream->cipher == NULL || stream->context == NULL) {
        vain_mask_stream_close(&stream);
        return vain_fail(VAIN_ERR_UNAVAILABLE,
                         "OpenSSL has no ChaCha20 here, which masks need; a FIPS-only "
                         "configuration leaves it out (see openssl list -cipher-algorithms)");
    }
    *out = stream;
    return VAIN_OK;
}

void vain_mask_stream_close(struct vain_mask_stream **stream)
{
    if (*stream == NULL)
        return;
    EVP_CIPHER_CTX_free((*stream)->context); /* wipes the key schedule */
    EVP_CIPHER_free((*stream)->cipher);
    vain_release_wiped(*stream);
    *stream = NULL;
}

static void set_cipher(struct vain_mask_stream *stream, uint64_t segment, uint32_t block)
{
    uint8_t iv[IV_BYTES];
    struct vain_writer writer;
    vain_writer_init(&writer, iv, sizeof iv);
    vain_write_u32(&writer, block);
    vain_write_u32(&writer, (uint32_t)stream->domain);
    vain_write_u64(&writer, segment);
    VAIN_ASSERT(EVP_EncryptInit_ex2(stream->context, stream->cipher, stream->seed, iv, NULL) == 1);
}

void vain_mask_stream_start(struct vain_mask_stream *stream,
                            const uint8_t seed[VAIN_MIN_LEN(VAIN_MASK_SEED_BYTES)],
                            enum vain_mask_domain domain, uint64_t first)
{
    memcpy(stream->seed, seed, sizeof stream->seed);
    stream->domain = domain;
    stream->position = first;
    stream->cipher_position = NOWHERE;
}

void vain_mask_stream_forget(struct vain_mask_stream *stream)
{
    vain_wipe(stream->seed, sizeof stream->seed);
    vain_wipe(stream->words, sizeof stream->words);
    stream->domain = VAIN_MASK_PAIR;
    stream->position = 0;
    set_cipher(stream, 0, 0); /* the key is zero now */
    stream->cipher_position = NOWHERE;
}

/* How many words from `skip` words into a block on: to the end of a block if that is not all, so
 * that the next call begins with one. */
static int64_t words_of_piece(int64_t skip, int64_t count, uint64_t left_in_segment)
{
    int64_t words = PIECE_WORDS - skip;
    words = words < count ? words : count;
    if ((uint64_t)words > left_in_segment)
        words = (int64_t)left_in_segment;
    const int64_t whole = (skip + words) / BLOCK_WORDS * BLOCK_WORDS - skip;
    return words < count && whole > 0 ? whole : words;
}

int64_t vain_mask_stream_next(struct vain_mask_stream *stream, int64_t count,
                              const uint32_t **words)
{
    const uint64_t segment_words = (uint64_t)1 << SEGMENT_BITS;
    const uint64_t place = stream->position & (segment_words - 1);
    const int64_t skip = (int64_t)(place % BLOCK_WORDS);
    VAIN_ASSERT(count >= 1);
    const int64_t made = words_of_piece(skip, count, segment_words - place);
    const int64_t whole = (skip + made + BLOCK_WORDS - 1) / BLOCK_WORDS * BLOCK_WORDS;
    /* A new segment has a new nonce; within one the cipher's counter goes on by itself. */
    if (stream->cipher_position != stream->position || place == 0)
        set_cipher(stream, stream->position >> SEGMENT_BITS, (uint32_t)(place / BLOCK_WORDS));
    int bytes = 0;
    VAIN_ASSERT(EVP_EncryptUpdate(stream->context, (unsigned char *)stream->words, &bytes,
                                  (const unsigned char *)zeros, (int)whole * 4) == 1);
    VAIN_ASSERT(bytes == (int)whole * 4);
    stream->cipher_position = stream->position - (uint64_t)skip + (uint64_t)whole;
    stream->position += (uint64_t)made;
    *words = stream->words + skip;
    return made;
}
