#include "p2p/address.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_BYTES = VAIN_LINK_ADDRESS_BYTES, PORT_BYTES = 6 };

static bool port_valid(const char *port)
{
    const size_t digits = strspn(port, "0123456789");
    if (digits < 1 || digits >= PORT_BYTES || port[digits] != '\0')
        return false;
    return (port[0] != '0' || digits == 1) && strtoul(port, NULL, 10) <= 65535;
}

/* Cuts at the last colon, and takes the brackets off. */
static bool split(const char *text, char host[VAIN_MIN_LEN(HOST_BYTES)],
                  char port[VAIN_MIN_LEN(PORT_BYTES)])
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || strlen(text) >= VAIN_LINK_ADDRESS_BYTES || !port_valid(colon + 1))
        return false;
    const bool bracketed = text[0] == '[';
    const char *start = bracketed ? text + 1 : text;
    const char *end = bracketed ? colon - 1 : colon;
    if (end <= start || (bracketed && *end != ']'))
        return false;
    const size_t bytes = (size_t)(end - start);
    memcpy(host, start, bytes);
    host[bytes] = '\0';
    snprintf(port, PORT_BYTES, "%s", colon + 1);
    /* Only brackets tell an IPv6 address from the colon before the port. */
    return strcspn(host, " /@[]") == bytes && (strchr(host, ':') != NULL) == bracketed;
}

enum vain_status vain_address_resolve(const char *text, bool names, struct vain_addresses *out)
{
    char host[HOST_BYTES], port[PORT_BYTES];
    struct addrinfo *list = NULL;
    struct addrinfo wanted = {.ai_family = AF_UNSPEC,
                              .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    *out = (struct vain_addresses){0};
    if (!split(text, host, port))
        return vain_fail(VAIN_ERR_INPUT,
                         "address '%.95s': expected host:port, such as 10.0.0.1:4000 or "
                         "[::1]:4000",
                         text);
    int reason = getaddrinfo(host, port, &wanted, &list);
    if (reason != 0 && !names)
        return vain_fail(VAIN_ERR_INPUT,
                         "address '%s': expected a numeric address, such as "
                         "0.0.0.0:4000 or [::]:4000",
                         text);
    if (reason != 0) {
        wanted.ai_flags = AI_NUMERICSERV;
        reason = getaddrinfo(host, port, &wanted, &list);
    }
    if (reason != 0)
        return vain_fail(VAIN_ERR_NOT_FOUND, "address '%s': %s", text, gai_strerror(reason));
    for (const struct addrinfo *at = list; at != NULL && out->count < VAIN_ADDRESSES_MAX;
         at = at->ai_next) {
        VAIN_ASSERT(at->ai_addrlen <= sizeof out->at[0].name);
        memcpy(&out->at[out->count].name, at->ai_addr, at->ai_addrlen);
        out->at[out->count++].bytes = at->ai_addrlen;
    }
    freeaddrinfo(list);
    return VAIN_OK;
}

void vain_address_print(const struct sockaddr_storage *name, socklen_t bytes,
                        char out[VAIN_MIN_LEN(VAIN_LINK_ADDRESS_BYTES)])
{
    char host[64] = "?", port[PORT_BYTES] = "?";
    (void)getnameinfo((const struct sockaddr *)name, bytes, host, sizeof host, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV);
    const bool brackets = strchr(host, ':') != NULL;
    snprintf(out, VAIN_LINK_ADDRESS_BYTES, brackets ? "[%s]:%s" : "%s:%s", host, port);
}
