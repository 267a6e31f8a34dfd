#!/usr/bin/python3
"""The content hash of the small checkpoint of tests/unit/store/bed.c, computed from docs/checkpoint-format.md alone.

Prints it with and without outer momentum, and without it for a model of words; tests/unit/store/test_checkpoint.c holds all three."""
import hashlib
import math
import struct

def blake(person, data):
    return hashlib.blake2b(data, digest_size=32, person=person).digest()

def i64(value):
    return struct.pack("<q", value)

def f64(value):
    return struct.pack("<d", value)

def text(value):
    data = value.encode()
    return i64(len(data)) + data

slices = [("tokens.weight", 0, (3, 4), ("symbol", "width")),
          ("blocks.0.norm.gain", 12, (3,), ("width",)),
          ("blocks.0.filter", 15, (2, 3, 2, 2), ("out", "in", "y", "x")),
          ("blocks.1.norm.gain", 39, (7,), ("",)),
          ("head_bias", 46, (1,), ("out",))]
n = 47
parameters = struct.pack("<47f", *[(i - 20) * 0.125 for i in range(n)])
# Rounding 1/(i+1) to double and then to float gives what float division does: 2 * 24 + 2 <= 53 bits (Figueroa 1995).
momentum = struct.pack("<47f", *[1 / (i + 1) for i in range(n)])
# A vector of at most 4 MiB is one leaf.
root = {name: blake(b"vain/ckpt/leaf", i64(0) + data) for name, data in (("p", parameters), ("m", momentum))}
members = [("alice", bytes(range(1, 33))), ("bob-2.site", bytes(255 - i for i in range(32)))]
curve = [(0, 0, math.nan, 4.25, 0.125), (1, 20, 3.5, math.nan, math.nan), (7, 140, 2.125, 2.25, 0.75)]
symbols = [10, 0xe9, 0x1f600]

words = ["<padding>", "caf\u00e9", "~\\xc3e>"]

def content(with_momentum, of_words=False):
    out = i64(2) + bytes(0xa0 + i for i in range(16)) + i64(7) + i64(140) + text("2026-10-29T12:00:00.123Z") + i64(n)
    out += i64(len(slices))
    for name, offset, shape, dims in slices:
        out += text(name) + i64(offset) + i64(len(shape))
        for size, dim in zip(shape, dims):
            out += i64(size) + text(dim)
    out += root["p"] + i64(1 if with_momentum else 0) + (root["m"] if with_momentum else b"")
    out += i64(-23) + i64(5)
    out += bytes(3 * i & 255 for i in range(32)) + bytes(7 * i & 255 for i in range(32))
    out += text("name: café\nseed: 1\n") + text("name: café\nseed: 1\ntrain:\n  batch: 12\n")
    out += text("café") + text("vain=0.1.0 device=cpu libm=glibc-2.36 product=fused") + text("transformer")
    out += i64(len(members)) + b"".join(text(name) + member for name, member in members)
    if of_words:
        out += text("words") + i64(len(words)) + i64(2) + b"".join(text(word) for word in words)
    else:
        out += text("characters") + i64(len(symbols)) + i64(1) + b"".join(i64(s) for s in symbols)
    out += i64(len(curve)) + b"".join(i64(r) + i64(s) + f64(a) + f64(b) + f64(c) for r, s, a, b, c in curve)
    return blake(b"vain/ckpt/body", out).hex()

print(content(True))
print(content(False))
print(content(False, of_words=True))
