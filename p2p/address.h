/* "host:port" and what the sockets make of it. */
#pragma once

#include "base/status.h"
#include "p2p/link.h"

#include <sys/socket.h>

enum { VAIN_ADDRESSES_MAX = 4 };

/* Places to try, in the resolver's order. */
struct vain_addresses {
    int count;
    struct {
        struct sockaddr_storage name;
        socklen_t bytes;
    } at[VAIN_ADDRESSES_MAX];
};

/* "10.0.0.1:4000" and "[::1]:4000" at once; with `names` also "node1:4000", which may block in the
 * resolver. VAIN_ERR_INPUT for another form, VAIN_ERR_NOT_FOUND for a name nobody knows. */
enum vain_status vain_address_resolve(const char *text, bool names,
                                      struct vain_addresses *out) VAIN_MUST_USE;
/* The numeric form of a socket's name. */
void vain_address_print(const struct sockaddr_storage *name, socklen_t bytes,
                        char out[VAIN_MIN_LEN(VAIN_LINK_ADDRESS_BYTES)]);
