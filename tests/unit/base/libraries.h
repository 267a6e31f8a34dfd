/* Libraries that do not do what they should, on purpose: calls of base/ to them go through here, by
 * the linker's --wrap. */
#pragma once

#include <stdbool.h>

extern struct bad_libraries {
    bool sodium_does_not_start;
    bool mixed_order_is_valid; /* as in CVE-2025-69277 */
    bool neutral_is_valid;
    bool no_cipher, no_cipher_context; /* of OpenSSL */
} bad_libraries;
