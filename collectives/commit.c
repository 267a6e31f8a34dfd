/* Salted leaves; the tree above them is that of vain_merkle_root. */
#include "collectives/commit.h"

#include <string.h>

#include "base/cursor.h"
#include "base/memory.h"

void vain_commit_leaf(const uint8_t salt[VAIN_MIN_LEN(VAIN_COMMIT_SALT_BYTES)], uint64_t index,
                      const void *chunk, size_t bytes, uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    uint8_t prefix[8];
    struct vain_writer writer;
    struct vain_hash_state state;
    vain_writer_init(&writer, prefix, sizeof prefix);
    vain_write_u64(&writer, index);
    vain_hash_init_keyed(&state, salt, "vain/commit/leaf");
    vain_hash_update(&state, prefix, sizeof prefix);
    vain_hash_update(&state, chunk, bytes);
    vain_hash_final(&state, out);
    vain_wipe(&state, sizeof state); /* it holds the salt */
}

size_t vain_commit_leaf_count(const struct vain_commit_data *data)
{
    VAIN_ASSERT(data->chunk_bytes > 0);
    return data->bytes == 0
               ? 1
               : data->bytes / data->chunk_bytes + (data->bytes % data->chunk_bytes != 0);
}

struct leaves {
    const uint8_t *salt;
    const struct vain_commit_data *data;
    uint8_t *hashes; /* (leaves, 32) */
};

static void make_leaf(void *context, int64_t index, int worker)
{
    const struct leaves *leaves = context;
    const struct vain_commit_data *data = leaves->data;
    const size_t start = (size_t)index * data->chunk_bytes, left = data->bytes - start;
    (void)worker;
    vain_commit_leaf(leaves->salt, (uint64_t)index,
                     left > 0 ? (const uint8_t *)data->data + start : NULL,
                     left < data->chunk_bytes ? left : data->chunk_bytes,
                     leaves->hashes + (size_t)index * VAIN_HASH_BYTES);
}

enum vain_status vain_commit_root(const uint8_t salt[VAIN_MIN_LEN(VAIN_COMMIT_SALT_BYTES)],
                                  const struct vain_commit_data *data, struct vain_pool *pool,
                                  uint8_t root[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    const size_t count = vain_commit_leaf_count(data);
    struct leaves leaves = {.salt = salt, .data = data};
    memset(root, 0, VAIN_HASH_BYTES);
    VAIN_TRY(vain_take_array((int64_t)count, VAIN_HASH_BYTES, "commitment leaves",
                             (void **)&leaves.hashes));
    if (pool != NULL) {
        vain_pool_run(pool, (int64_t)count, make_leaf, &leaves);
    } else {
        for (size_t i = 0; i < count; i++)
            make_leaf(&leaves, (int64_t)i, 0);
    }
    vain_merkle_root_of_leaves(leaves.hashes, count, root);
    vain_release(leaves.hashes);
    return VAIN_OK;
}
