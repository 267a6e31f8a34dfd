/* Every hard ceiling in one place. What comes from outside is checked against these before memory
 * is taken for it; each says what it bounds and why it is that large. */
#pragma once

enum {
    VAIN_NAME_BYTES = 64,          /* member, run and key names with their NUL: [a-z0-9._-] */
    VAIN_PATH_BYTES = 4096,        /* a file path with its NUL: Linux PATH_MAX */
    VAIN_MEMBERS_MAX = 1024,       /* members of a group; headroom of 32-bit words needs <= 2^15 */
    VAIN_MEMBER_ADDRESSES_MAX = 4, /* where a member is dialled: two networks, IPv4 and IPv6 each */
    VAIN_ADDRESS_BYTES = 96,       /* "host:port" with its NUL, as in a member card */
    VAIN_RANKS_MAX = 16384,        /* ranks of one MPI world */
    VAIN_THREADS_MAX = 256,        /* worker threads of a process */
    VAIN_SLICES_MAX = 4096,        /* named parts of a model: 12 a layer, 300 layers and room */
    VAIN_SLICE_NAME_BYTES = 64,    /* such as "blocks.11.attention.query_key_value.weight" */
    VAIN_SHAPE_MAX = 4,            /* dimensions of a slice */
    VAIN_LAYERS_MAX = 256,         /* transformer blocks */
    VAIN_CONTEXT_MAX = 65536,      /* tokens in a window */
    VAIN_SYMBOLS_MAX = 65536,      /* token values: .bin files hold uint16 */
    VAIN_WORD_BYTES = 64,          /* a symbol that is a word, with its NUL */
    VAIN_SPEC_BYTES_MAX = 1 << 20, /* a job spec: members lists of 1024 take 100 KiB */
    VAIN_SPEC_DEPTH_MAX = 16,      /* nesting of a job spec */
    VAIN_SPEC_NODES_MAX = 65536,   /* scalars and collections of a spec, aliases expanded */
    VAIN_SPEC_ERRORS_MAX = 20,     /* errors printed in one pass */
    VAIN_RECORD_BYTES_MAX = 1 << 20, /* one round record: 1024 signatures are 130 KiB */
    VAIN_CARD_BYTES_MAX = 1000,      /* a member card, see base/card.h */
    VAIN_MERKLE_LEAF_BYTES = 4 << 20 /* docs/checkpoint-format.md, "Merkle root" */
};
