#include "tests/fuzz/fuzz_keys.h"

#include <stdlib.h>
#include <string.h>

struct fuzz_key {
    uint8_t seed[VAIN_SEED_BYTES], member_id[VAIN_HASH_BYTES];
    int number;
};
static struct fuzz_key keys[FUZZ_KEYS];

void fuzz_expect(bool condition)
{
    if (!condition)
        abort();
}

static int by_id(const void *a, const void *b)
{
    return memcmp(((const struct fuzz_key *)a)->member_id, ((const struct fuzz_key *)b)->member_id,
                  VAIN_HASH_BYTES);
}

static void make_keys(void)
{
    const uint32_t path[] = {1735680817, 0, 0, 0};
    for (int i = 0; i < FUZZ_KEYS; i++) {
        uint8_t root_seed[VAIN_SEED_BYTES], root[VAIN_SEED_BYTES],
            chain_code[VAIN_CHAIN_CODE_BYTES];
        uint8_t root_key[VAIN_PUBLIC_KEY_BYTES];
        memset(root_seed, i + 1, sizeof root_seed);
        vain_slip10_derive(root_seed, sizeof root_seed, NULL, 0, root, chain_code);
        vain_public_key_of_seed(root, root_key);
        vain_member_id(root_key, keys[i].member_id);
        vain_slip10_derive(root_seed, sizeof root_seed, path, 4, keys[i].seed, chain_code);
        keys[i].number = i + 1;
    }
    qsort(keys, FUZZ_KEYS, sizeof keys[0], by_id);
}

const uint8_t *fuzz_signing_seed(int index)
{
    if (keys[0].number == 0)
        make_keys();
    return keys[index].seed;
}

const uint8_t *fuzz_first_signing_seed(void)
{
    for (int i = 0; i < FUZZ_KEYS; i++) {
        const uint8_t *seed = fuzz_signing_seed(i);
        if (keys[i].number == 1)
            return seed;
    }
    abort();
}
