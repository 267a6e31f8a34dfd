/* Letters of members on their own hosts: the first byte says which, and among how many members.
 * Whatever is accepted encodes to the same bytes again, and lies inside what came. */
#include "jobs/member_letter.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(bool right)
{
    if (!right)
        abort();
}

static void try_hello(const uint8_t *data, size_t bytes)
{
    uint8_t again[VAIN_HELLO_LETTER_BYTES_MAX];
    struct vain_hello_letter hello;
    if (!vain_hello_letter_decode(data, bytes, &hello))
        return;
    check(hello.card == data + bytes - hello.card_bytes);
    check(vain_hello_letter_encode(&hello, again) == bytes);
    check(memcmp(again, data, bytes) == 0);
}

static void try_state(const uint8_t *data, size_t bytes, int members)
{
    uint8_t again[VAIN_STATE_LETTER_BYTES], hash[VAIN_HASH_BYTES];
    struct vain_state_letter state;
    if (!vain_state_letter_decode(data, bytes, members, &state))
        return;
    vain_state_letter_encode(&state, again);
    check(bytes == sizeof again);
    check(memcmp(again, data, bytes) == 0);
    vain_state_letter_hash(&state, hash);
}

static void try_signature(const uint8_t *data, size_t bytes)
{
    uint8_t again[VAIN_SIGNATURE_LETTER_BYTES_MAX];
    struct vain_signature_letter letter;
    if (!vain_signature_letter_decode(data, bytes, &letter))
        return;
    check(letter.body == data + bytes - letter.bytes);
    check(vain_signature_letter_encode(&letter, again) == bytes);
    check(memcmp(again, data, bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    const int members = 1 + (data[0] >> 2) * (VAIN_MEMBERS_MAX - 1) / 63;
    switch (data[0] & 3) {
    case 0:
        try_hello(data + 1, bytes - 1);
        break;
    case 1:
        try_state(data + 1, bytes - 1, members);
        break;
    default:
        try_signature(data + 1, bytes - 1);
    }
    return 0;
}
