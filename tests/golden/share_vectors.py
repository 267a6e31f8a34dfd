#!/usr/bin/env python3
"""Writes share_box.txt (a sealed share) and commit.txt (salted roots) from an independent model: hashlib,
and XChaCha20-Poly1305 of draft-irtf-cfrg-xchacha in plain integers. Nothing of the program is called. Run
it in this folder. The seeds of the fuzzer of share messages (../fuzz/corpus/share) are written too."""
import hashlib
import os
import struct

MASK = 0xffffffff
SIGMA = struct.unpack("<4I", b"expand 32-byte k")
# RFC 9496, appendix A.1: the generator of ristretto255 and twice it.
POINTS = [bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"),
          bytes.fromhex("6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919")]


def hashed(personal, data, key=b""):
    return hashlib.blake2b(data, digest_size=32, key=key, person=personal.encode()).digest()


def quarter(x, a, b, c, d):
    for first, second, third, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        x[first] = (x[first] + x[second]) & MASK
        mixed = x[third] ^ x[first]
        x[third] = (mixed << bits | mixed >> (32 - bits)) & MASK


def rounds(state):
    x = list(state)
    for _ in range(10):
        for i in range(4):
            quarter(x, i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return x


def block(key, counter, nonce):
    state = list(SIGMA) + list(struct.unpack("<8I", key)) + [counter] + list(struct.unpack("<3I", nonce))
    return struct.pack("<16I", *[(a + b) & MASK for a, b in zip(state, rounds(state))])


def hchacha(key, nonce):
    x = rounds(list(SIGMA) + list(struct.unpack("<8I", key)) + list(struct.unpack("<4I", nonce)))
    return struct.pack("<8I", *(x[:4] + x[12:]))


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    total = 0
    for i in range(0, len(data), 16):
        total = (total + int.from_bytes(data[i:i + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((total + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def padded(data):
    return data + bytes(-len(data) % 16)


def seal(key, nonce, context, plain):
    """nonce || ciphertext || tag"""
    key, short = hchacha(key, nonce[:16]), bytes(4) + nonce[16:]
    stream = b"".join(block(key, 1 + i, short) for i in range((len(plain) + 63) // 64))
    sealed = bytes(a ^ b for a, b in zip(plain, stream))
    tag = poly1305(block(key, 0, short)[:32], padded(context) + padded(sealed) +
                   struct.pack("<QQ", len(context), len(sealed)))
    return nonce + sealed + tag


def check_model():
    """draft-irtf-cfrg-xchacha-03, A.3.1: first and last bytes."""
    text = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
            b"sunscreen would be it.")
    found = seal(bytes(range(0x80, 0xa0)), bytes(range(0x40, 0x58)),
                 bytes.fromhex("50515253c0c1c2c3c4c5c6c7"), text)
    assert found[24:40].hex() == "bd6d179d3e83d43b9576579493c0e939"
    assert found[-16:].hex() == "c0875924c1c7987947deafd8780acf49"


def write_share_box():
    context = bytes(range(116))
    pair_key = bytes(range(0x20, 0x40))
    share = bytes(range(1, 32)) + b"\0"
    nonce = bytes(range(0xa0, 0xb8))
    box = seal(hashed("vain/secagg/box", b"", pair_key), nonce, context + struct.pack("<II", 3, 1), share)
    with open("share_box.txt", "w") as file:
        print("# ctx is the bytes 0, 1, 2, ...; the key of the pair; the share of dealer 3 for holder 1", file=file)
        print("pair_key", pair_key.hex(), file=file)
        print("share", share.hex(), file=file)
        print("box", box.hex(), file=file)
        print("# what names the attempt in a message", file=file)
        print("attempt", hashed("vain/secagg/try", context).hex(), file=file)


def tree(hashes):
    """RFC 6962: split at the largest power of two below the number."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while 2 * split < len(hashes):
        split *= 2
    return hashed("vain/ckpt/node", tree(hashes[:split]) + tree(hashes[split:]))


def write_commit():
    salt = bytes(range(0x60, 0x80))
    with open("commit.txt", "w") as file:
        print("# bytes of the words, bytes of a chunk, root; byte i is i * 7 mod 251, the salt 60 61 ... 7f", file=file)
        for count, chunk in ((0, 16), (16, 16), (20, 16), (48, 16), (76, 16), (128, 16), (400, 64), (1000, 40)):
            data = bytes(i * 7 % 251 for i in range(count))
            leaves = [hashed("vain/commit/leaf", struct.pack("<Q", i) + data[i * chunk:(i + 1) * chunk], salt)
                      for i in range(max(1, -(-count // chunk)))]
            print(count, chunk, tree(leaves).hex(), file=file)


def write_seeds():
    folder = "../fuzz/corpus/share"
    os.makedirs(folder, exist_ok=True)

    def message(members, threshold, dealer, version=1, points=None, own=0):
        boxes = [bytes([own if i == dealer else 0x11 * (i + 1) & 255]) * 72 for i in range(members)]
        points = points or [POINTS[i % 2] for i in range(threshold)]
        return struct.pack("<4H", version, members, threshold, dealer) + bytes(32) + b"".join(points + boxes)

    good = message(3, 3, 1)
    seeds = {"good": good, "one": message(1, 1, 0), "five": message(5, 4, 4), "short": good[:-1],
             "long": good + b"\0", "head": good[:40], "version-2": message(3, 3, 1, version=2),
             "neutral": message(3, 3, 0, points=[bytes(32)] * 3),
             "no-point": message(3, 3, 0, points=[b"\1" + bytes(31)] * 3), "own-box": message(3, 2, 0, own=9),
             "dealer": struct.pack("<4H", 1, 3, 3, 3) + good[8:],
             "threshold": struct.pack("<4H", 1, 3, 4, 0) + good[8:],
             "members": struct.pack("<4H", 1, 65535, 3, 0) + good[8:]}
    for name, data in seeds.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)


check_model()
write_share_box()
write_commit()
write_seeds()
