/* Boxes: the published vector, and every bit that is not what it was. */
#include "base/box.h"

#include <string.h>

#include "base/crypto.h"
#include "tests/unit/base/helpers.h"
#include "tests/unit/suite.h"

/* draft-irtf-cfrg-xchacha-03, appendix A.3.1: nonce, ciphertext and tag in a row. */
static void the_published_vector_opens(void)
{
    static const char text[] = "Ladies and Gentlemen of the class of '99: If I could offer you "
                               "only one tip for the future, sunscreen would be it.";
    static const char hex[] = "404142434445464748494a4b4c4d4e4f5051525354555657"
                              "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
                              "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
                              "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
                              "21f9664c97637da9768812f615c68b13b52e"
                              "c0875924c1c7987947deafd8780acf49";
    enum { BYTES = sizeof text - 1 };
    uint8_t key[VAIN_BOX_KEY_BYTES], context[12], box[BYTES + VAIN_BOX_EXTRA_BYTES], plain[BYTES];
    CU_ASSERT_EQUAL(test_hex("50515253c0c1c2c3c4c5c6c7", context, sizeof context), 12);
    CU_ASSERT_EQUAL_FATAL(test_hex(hex, box, sizeof box), sizeof box);
    for (int i = 0; i < VAIN_BOX_KEY_BYTES; i++)
        key[i] = (uint8_t)(0x80 + i);
    CU_ASSERT_TRUE(vain_box_open(key, (struct vain_box_context){context, sizeof context}, box,
                                 plain, sizeof plain));
    CU_ASSERT_EQUAL(memcmp(plain, text, sizeof plain), 0);
}

enum { PLAIN_BYTES = 9, BOX_BYTES = PLAIN_BYTES + VAIN_BOX_EXTRA_BYTES, CONTEXT_BYTES = 3 };

struct sealed {
    uint8_t key[VAIN_BOX_KEY_BYTES], context[CONTEXT_BYTES], box[BOX_BYTES];
};

static struct sealed seal(void)
{
    struct sealed sealed = {.context = "abc"};
    vain_random_bytes(sealed.key, sizeof sealed.key);
    vain_box_seal(sealed.key, (struct vain_box_context){sealed.context, CONTEXT_BYTES}, "nine keys",
                  PLAIN_BYTES, sealed.box);
    return sealed;
}

static bool opens(const struct sealed *sealed, uint8_t plain[PLAIN_BYTES])
{
    memset(plain, 0x55, PLAIN_BYTES);
    return vain_box_open(sealed->key, (struct vain_box_context){sealed->context, CONTEXT_BYTES},
                         sealed->box, plain, PLAIN_BYTES);
}

static void what_is_sealed_opens(void)
{
    uint8_t plain[PLAIN_BYTES];
    const struct sealed sealed = seal();
    CU_ASSERT_TRUE(opens(&sealed, plain));
    CU_ASSERT_EQUAL(memcmp(plain, "nine keys", PLAIN_BYTES), 0);
}

static void every_flipped_bit_is_found(void)
{
    struct sealed sealed = seal();
    uint8_t *bytes = (uint8_t *)&sealed, plain[PLAIN_BYTES];
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_FALSE(opens(&sealed, plain));
        CU_ASSERT_TRUE(vain_is_zero(plain, sizeof plain));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CU_ASSERT_TRUE(opens(&sealed, plain));
}

static void no_two_boxes_are_equal(void)
{
    struct sealed first = seal(), second = first;
    vain_box_seal(second.key, (struct vain_box_context){second.context, CONTEXT_BYTES}, "nine keys",
                  PLAIN_BYTES, second.box);
    for (int at = 0; at + 8 <= BOX_BYTES; at += 8)
        CU_ASSERT_NOT_EQUAL(memcmp(first.box + at, second.box + at, 8), 0);
}

static const struct vain_test tests[] = {
    {"the published vector opens", the_published_vector_opens},
    {"what is sealed opens", what_is_sealed_opens},
    {"every flipped bit of key, context and box is found", every_flipped_bit_is_found},
    {"no two boxes are equal", no_two_boxes_are_equal},
    {NULL, NULL},
};
const struct vain_suite vain_suite_box = {"box", tests};
