/* A peer that is not ours: plain OpenSSL on a socket, which does what it is told, right or wrong.
 */
#pragma once

#include "p2p/hello.h"
#include "tests/unit/p2p/bed.h"
#include "tests/unit/p2p/pair.h"

/* What its certificate is: golden ones have their key, the others are made on the spot. */
enum foreign_show { FOREIGN_ROW, FOREIGN_TWO_ROWS, FOREIGN_NONE, FOREIGN_P256, FOREIGN_RSA };
/* What it says first. */
enum foreign_hello {
    HELLO_RIGHT,
    HELLO_OTHER_EXPORTER,
    HELLO_OTHER_ROLE,
    HELLO_OTHER_SENDER,
    HELLO_OTHER_VERSION,
    HELLO_OTHER_CONNECTION,
    HELLO_BYTE_BY_BYTE, /* right, a record each */
    HELLO_GARBAGE,
    HELLO_NONE, /* and stays */
    HELLO_END   /* close_notify in its place */
};

struct foreign_traits {
    enum foreign_show show;
    const char *row;      /* of link_certificates.txt; NULL: "good" */
    const char *protocol; /* ALPN; NULL: "vain/1"; "": none */
    int version_max;      /* TLS1_2_VERSION ...; 0: TLS 1.3 */
    const char *groups;   /* NULL: X25519 */
    enum foreign_hello hello;
};

struct foreign {
    struct foreign_traits traits;
    const struct vain_signer *host; /* the member at our end, borrowed */
    struct ssl_ctx_st *context;
    struct ssl_st *ssl;
    int socket;
    bool server, said;
    uint8_t heard[VAIN_HELLO_BYTES];
    size_t heard_bytes;
};

/* Takes the socket. `host` is who the foreigner speaks to. It ignores SIGPIPE until it is closed.
 */
void foreign_open(struct foreign *foreign, int socket, bool server,
                  const struct foreign_traits *traits, const struct vain_signer *host);
void foreign_close(struct foreign *foreign);
/* VAIN_OK once hellos were exchanged (ours is not checked), VAIN_ERR_PEER when it was refused. */
struct end end_of_foreign(struct foreign *foreign);

/* A plain socket that is connected to a side's listener, or that listens itself at `address`. */
int raw_connect(const struct side *side);
int raw_listen(char address[VAIN_MIN_LEN(VAIN_LINK_ADDRESS_BYTES)]);
/* Who comes next. */
int raw_accept(int listener);
