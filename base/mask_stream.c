/* Streams are made a piece at a time into a buffer that stays in the cache, from where the caller
 * adds them: the cipher xors, masks are sums modulo 2^32, so the stream itself is needed. */
#include "base/mask_stream.h"

#include "base/crypto.h"
#include "base/memory.h"

#include <assert.h>
#include <string.h>

#include <openssl/evp.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words of a block lie as they are used");

enum {
    BLOCK_WORDS = 16,   /* of ChaCha20 */
    PIECE_WORDS = 8192, /* 32 KiB: half of a first-level cache */
    IV_BYTES = 16,      /* OpenSSL's: LE32 counter || nonce[12] */
    SEGMENT_BITS = 30
};

struct vain_mask_stream {
    EVP_CIPHER *cipher;      /* owned */
    EVP_CIPHER_CTX *context; /* owned */
    uint32_t words[PIECE_WORDS];
};

/* What is encrypted: the stream is what comes out of zeros. */
static const uint32_t zeros[PIECE_WORDS];

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

static void put_little_endian(uint64_t value, uint8_t *out, int bytes)
{
    for (int i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

/* Words of whole blocks from block `block` of the segment on, into stream->words. */
static void make_words(struct vain_mask_stream *stream, const uint8_t *seed,
                       enum vain_mask_domain domain, uint64_t segment, uint32_t block, int words)
{
    uint8_t iv[IV_BYTES];
    int made = 0;
    put_little_endian(block, iv, 4);
    put_little_endian((uint64_t)domain, iv + 4, 4);
    put_little_endian(segment, iv + 8, 8);
    VAIN_ASSERT(EVP_EncryptInit_ex2(stream->context, stream->cipher, seed, iv, NULL) == 1);
    VAIN_ASSERT(EVP_EncryptUpdate(stream->context, (unsigned char *)stream->words, &made,
                                  (const unsigned char *)zeros, words * 4) == 1);
    VAIN_ASSERT(made == words * 4);
}

int64_t vain_mask_stream_words(struct vain_mask_stream *stream,
                               const uint8_t seed[VAIN_MIN_LEN(VAIN_MASK_SEED_BYTES)],
                               enum vain_mask_domain domain, uint64_t first, int64_t count,
                               const uint32_t **words)
{
    const uint64_t segment_words = (uint64_t)1 << SEGMENT_BITS;
    const uint64_t place = first & (segment_words - 1);
    const int skip = (int)(place % BLOCK_WORDS); /* of the first block */
    int64_t made = PIECE_WORDS - skip;
    VAIN_ASSERT(count >= 1);
    made = made < count ? made : count;
    if ((uint64_t)made > segment_words - place)
        made = (int64_t)(segment_words - place);
    const int whole = (skip + (int)made + BLOCK_WORDS - 1) / BLOCK_WORDS * BLOCK_WORDS;
    make_words(stream, seed, domain, first >> SEGMENT_BITS, (uint32_t)(place / BLOCK_WORDS), whole);
    *words = stream->words + skip;
    return made;
}
