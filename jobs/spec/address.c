/* Where a member is dialled, as text: "node1.example:4000", "10.0.0.1:4000", "[2001:db8::1]:4000".
 *
 * Only the form is checked, nothing is looked up: a spec is valid on a machine without a network
 * too. What passes here is a part of what links take (p2p/address.h), which also know port 0. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/spec/parts.h"

enum { PORT_DIGITS = 5, PORT_MAX = 65535, LABEL_MAX = 63 };

static const char digits[] = "0123456789";
static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

static const char *port_fault(const char *port)
{
    const size_t length = strlen(port);
    if (length == 0)
        return "the port is missing after the colon";
    if (strspn(port, digits) != length)
        return "what follows the last colon is no port";
    if (port[0] == '0' || length > PORT_DIGITS || strtol(port, NULL, 10) > PORT_MAX)
        return "a port is a number from 1 to 65535";
    return NULL;
}

/* Four numbers if the last part is one: no name ends in a number (RFC 1123, 2.1). */
static const char *name_fault(const char *host)
{
    const char *label = host;
    for (;; label++) {
        const size_t length = strspn(label, word);
        if (label[length] != '.' && label[length] != '\0')
            return "a host is a name, an IPv4 address, or an IPv6 address in brackets";
        if (length == 0)
            return "a part of the host's name is empty";
        if (length > LABEL_MAX || label[0] == '-' || label[length - 1] == '-')
            return "a part of a host's name has at most 63 characters and no hyphen at its ends";
        if (label[length] == '\0')
            break;
        label += length;
    }
    struct in_addr ignored;
    if (strspn(label, digits) == strlen(label) && inet_pton(AF_INET, host, &ignored) != 1)
        return "the host ends in a number but is no IPv4 address";
    return NULL;
}

/* `host` without its brackets; a zone may follow a percent sign: fe80::1%eth0. */
static const char *ipv6_fault(char *host)
{
    struct in6_addr ignored;
    char *zone = strchr(host, '%');
    if (zone != NULL) {
        if (zone[1] == '\0' || strspn(zone + 1, word) != strlen(zone + 1))
            return "what follows the percent sign is no zone, such as eth0";
        *zone = '\0';
    }
    return inet_pton(AF_INET6, host, &ignored) == 1 ? NULL
                                                    : "what stands in brackets is no IPv6 address";
}

const char *vain_spec_address_fault(const char *text)
{
    char host[VAIN_ADDRESS_BYTES];
    if (strlen(text) >= sizeof host)
        return "an address has at most 95 characters";
    if (strstr(text, "//") != NULL)
        return "an address is no URL: leave out what stands before the host";
    const char *colon = strrchr(text, ':');
    const char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;
    if (text[0] == '[' && bracket == NULL)
        return "the closing bracket is missing";
    if (colon == NULL || (bracket != NULL && bracket[1] == '\0'))
        return "the port is missing";
    if (bracket != NULL && bracket + 1 != colon)
        return "after the closing bracket comes a colon and the port";
    if (bracket == NULL && strchr(text, ':') != colon)
        return "an IPv6 address stands in brackets";
    if (colon == text)
        return "the host is missing before the colon";
    const char *fault = port_fault(colon + 1);
    if (fault != NULL)
        return fault;
    const char *start = bracket != NULL ? text + 1 : text;
    const char *end = bracket != NULL ? bracket : colon;
    snprintf(host, sizeof host, "%.*s", (int)(end - start), start);
    return bracket != NULL ? ipv6_fault(host) : name_fault(host);
}
