/* Libraries that fail on demand: the linker gives their calls to these functions first. */
#include "tests/unit/base/libraries.h"

#include <stddef.h>

#include <openssl/evp.h>
#include <sodium.h>

struct bad_libraries bad_libraries;

/* Names that the linker makes. */
int __real_sodium_init(void);
int __wrap_sodium_init(void);
int __real_crypto_core_ed25519_is_valid_point(const unsigned char *point);
int __wrap_crypto_core_ed25519_is_valid_point(const unsigned char *point);
EVP_CIPHER *__real_EVP_CIPHER_fetch(OSSL_LIB_CTX *library, const char *name,
                                    const char *properties);
EVP_CIPHER *__wrap_EVP_CIPHER_fetch(OSSL_LIB_CTX *library, const char *name,
                                    const char *properties);
EVP_CIPHER_CTX *__real_EVP_CIPHER_CTX_new(void);
EVP_CIPHER_CTX *__wrap_EVP_CIPHER_CTX_new(void);

int __wrap_sodium_init(void)
{
    return bad_libraries.sodium_does_not_start ? -1 : __real_sodium_init();
}

int __wrap_crypto_core_ed25519_is_valid_point(const unsigned char *point)
{
    if (bad_libraries.mixed_order_is_valid && point[31] == 0x99)
        return 1;
    if (bad_libraries.neutral_is_valid && point[0] == 1 && sodium_is_zero(point + 1, 31))
        return 1;
    return __real_crypto_core_ed25519_is_valid_point(point);
}

EVP_CIPHER *__wrap_EVP_CIPHER_fetch(OSSL_LIB_CTX *library, const char *name, const char *properties)
{
    return bad_libraries.no_cipher ? NULL : __real_EVP_CIPHER_fetch(library, name, properties);
}

EVP_CIPHER_CTX *__wrap_EVP_CIPHER_CTX_new(void)
{
    return bad_libraries.no_cipher_context ? NULL : __real_EVP_CIPHER_CTX_new();
}
