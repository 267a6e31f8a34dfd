/* The first bytes of each side inside a link: who speaks, on which of a pair's connections, bound
 * to this very TLS session.
 *
 * TLS has proved that the peer holds a transport key. The hello proves that both ends see one
 * session: its 32 bytes are keyed by the session's exporter (RFC 8446 section 7.5, label
 * "EXPORTER-vain"), which nobody between them can have on both sides. And since it names both
 * members and the role, it cannot be given back to its sender. Pure functions; the bytes are in
 * docs/protocol.md ("Links"). */
#pragma once

#include "base/crypto.h"

#define VAIN_HELLO_EXPORTER "EXPORTER-vain"

enum vain_hello_role { VAIN_HELLO_DIALLER = 1, VAIN_HELLO_ACCEPTOR = 2 };

enum {
    VAIN_HELLO_HEAD_BYTES = 8 + 2 + 2,
    VAIN_HELLO_BYTES = VAIN_HELLO_HEAD_BYTES + VAIN_HASH_BYTES,
    VAIN_HELLO_EXPORTER_BYTES = VAIN_HASH_BYTES
};

/* Everything that a hello is bound to. */
struct vain_hello_facts {
    enum vain_hello_role role;              /* of the sender */
    const uint8_t *exporter;                /* [VAIN_HELLO_EXPORTER_BYTES], borrowed, secret */
    const uint8_t *sender_id, *receiver_id; /* [VAIN_HASH_BYTES], borrowed */
};

void vain_hello_encode(const struct vain_hello_facts *facts, uint16_t connection,
                       uint8_t out[VAIN_MIN_LEN(VAIN_HELLO_BYTES)]);
/* Gives the connection's number. VAIN_ERR_AUTH says what is wrong: no hello, another version, or
 * bound to something else. */
enum vain_status vain_hello_check(const uint8_t data[VAIN_MIN_LEN(VAIN_HELLO_BYTES)],
                                  const struct vain_hello_facts *facts,
                                  uint16_t *connection) VAIN_MUST_USE;
