"""An independent model of forms (collectives/forms.h): writes tests/golden/forms.txt.

Usage: python3 tests/golden/forms.py > tests/golden/forms.txt

A line is the hash of the contexts, the four words of the check key, the words of the vector, the
first word of a piece and its length, then the 65 forms of that piece in hexadecimal. Word j of a
vector is (j + 1) * 2654435761 modulo 2^32.
"""
import hashlib
import struct

MASK = 0xFFFFFFFF


def rotate(value, count):
    return (value << count | value >> 32 - count) & MASK


def quarter(s, a, b, c, d):
    for x, y, z, count in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[x] = s[x] + s[y] & MASK
        s[z] = rotate(s[z] ^ s[x], count)


def block(key, counter, nonce):
    """A block of ChaCha20 (RFC 8439, section 2.3) as 16 words."""
    start = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key)
                 + (counter,) + struct.unpack("<3I", nonce))
    s = start[:]
    for _ in range(10):
        for column in range(4):
            quarter(s, column, column + 4, column + 8, column + 12)
        for column in range(4):
            quarter(s, column, (column + 1) % 4 + 4, (column + 2) % 4 + 8, (column + 3) % 4 + 12)
    return [a + b & MASK for a, b in zip(s, start)]


def stream_word(key, index):
    nonce = struct.pack("<IQ", 5, index >> 30)
    return block(key, (index & (1 << 30) - 1) >> 4, nonce)[index & 15]


def mix(x):
    x ^= x >> 16
    x = x * 0x7FEB352D & MASK
    x ^= x >> 15
    x = x * 0x846CA68B & MASK
    return x ^ x >> 16


def coefficient(check, j):
    position = (j & MASK) + (j >> 32) * (check[1] | 1) & MASK
    return mix(position ^ check[0]) + check[2] & MASK | 1


def forms(context_hash, check, word_count, first, count):
    seed = hashlib.blake2b(context_hash, digest_size=32, person=b"vain/evid/bits").digest()
    sums = [0] * 65
    for j in range(first, first + count):
        word = (j + 1) * 2654435761 & MASK
        bits = stream_word(seed, 2 * j) | stream_word(seed, 2 * j + 1) << 32
        for k in range(64):
            sums[k] += word * (bits >> k & 1)
        sums[64] += word * (coefficient(check, j) if j < word_count - 1 else -1)
    return [value & MASK for value in sums]


def main():
    print("# made by forms.py")
    for word_count, first, count in ((1, 0, 1), (40, 0, 40), (40, 7, 0), (40, 3, 20),
                                     (5000, 1000, 3000), (5000, 4999, 1)):
        context_hash = bytes(word_count + i & 255 for i in range(32))
        check = (word_count * 77777, 12345, first + 99, 4)
        values = forms(context_hash, check, word_count, first, count)
        print(context_hash.hex(), *check, word_count, first, count,
              "".join(f"{value:08x}" for value in values))


main()
