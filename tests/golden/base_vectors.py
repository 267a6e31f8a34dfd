#!/usr/bin/env python3
"""Writes the golden files of base/, and that of promises, from an independent model: hashlib, hmac and
the Ed25519 arithmetic of RFC 8032 section 5.1 in plain integers. Nothing of the program is called. Run
it in this folder;
the files are kept, so that every later build decodes what version 1 wrote. The seeds of the fuzzers of
record, card, key and promise (../fuzz/corpus) are written too."""
import hashlib
import hmac
import os
import struct

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def recover_x(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - x2) % P:
        return None
    return P - x if x & 1 != sign else x


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y)


def add(a, b):
    t = D * a[0] * b[0] * a[1] * b[1] % P
    return ((a[0] * b[1] + b[0] * a[1]) * pow(1 + t, P - 2, P) % P,
            (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, P - 2, P) % P)


def times(n, point):
    result = (0, 1)
    while n:
        if n & 1:
            result = add(result, point)
        point = add(point, point)
        n >>= 1
    return result


def encode(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def expand(seed):
    h = hashlib.sha512(seed).digest()
    a = int.from_bytes(h[:32], "little") & ((1 << 254) - 8) | 1 << 254
    return a, h[32:]


def public_key(seed):
    return encode(times(expand(seed)[0], BASE))


def sign(seed, message):
    a, prefix = expand(seed)
    key = encode(times(a, BASE))
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    big_r = encode(times(r, BASE))
    k = int.from_bytes(hashlib.sha512(big_r + key + message).digest(), "little") % L
    return big_r + ((r + k * a) % L).to_bytes(32, "little")


def blake(personal, data, key=b""):
    return hashlib.blake2b(data, digest_size=32, key=key, person=personal).digest()


def slip10(seed, path):
    mac = hmac.new(b"ed25519 seed", seed, hashlib.sha512).digest()
    for index in path:
        data = b"\0" + mac[:32] + struct.pack(">I", index | 1 << 31)
        mac = hmac.new(mac[32:], data, hashlib.sha512).digest()
    return mac[:32], mac[32:]


def text(value):
    return struct.pack("<H", len(value)) + value.encode()


PURPOSE = 1735680817
NOW = 1_750_000_000_000


def certificate(root_seed, epoch=0):
    root = slip10(root_seed, [])[0]
    current = slip10(root_seed, [PURPOSE, 0, epoch, 0])[0]
    body = public_key(root) + public_key(current) + struct.pack("<Qqq", epoch, NOW, NOW + 90 * 86400000)
    return current, body + sign(root, b"vain/cert/v1\0" + body)


def member_id(cert):
    return blake(b"", b"vain/node-id/v1" + cert[:32])


def key_file(root_seed):
    current, cert = certificate(root_seed)
    body = b"VAINKEY1" + struct.pack("<H", 1) + current + cert
    return body + blake(b"vain/key-file", body)


def card(root_seed, addresses=("node1.example.org:7000", "[2001:db8::1]:7000")):
    current, cert = certificate(root_seed)
    body = b"VAINCARD" + struct.pack("<H", 1) + cert + struct.pack("<Qq", 7, NOW + 1000)
    body += text("alice") + text("eu-north") + text("cpu x 2") + struct.pack("<Q", 12345) + text("vain 0.1.0")
    body += bytes([len(addresses)]) + b"".join(text(a) for a in addresses)
    return body + sign(current, b"vain/card/v1\0" + blake(b"vain/card", body))


def record(seeds, extensions=((1, b"abc"), (900, b"")), signed=(0, 2)):
    members = sorted((member_id(certificate(s)[1]), name, *certificate(s)) for name, s in seeds)
    body = struct.pack("<H", 1) + bytes(32) + bytes(range(16)) + b"\x11" * 32
    body += struct.pack("<QQI", 0, 42, 3) + b"\x22" * 32 + b"\x33" * 32 + b"\x44" * 32
    body += struct.pack("<qqqq", 1000, -5, 1, 2) + text("vain 0.1.0 zen libm") + struct.pack("<H", len(members))
    for _, name, _, cert in members:
        body += text(name) + cert
    body += struct.pack("<H", len(extensions))
    for kind, data in extensions:
        body += struct.pack("<HI", kind, len(data)) + data
    message = b"vain/record/v1\0" + blake(b"vain/record", body)
    frame = b"VAINREC1" + struct.pack("<I", len(body)) + body + struct.pack("<H", len(signed))
    for i in signed:  # the member in the middle has not
        frame += struct.pack("<H", i) + sign(members[i][2], message)
    return frame


def write(name, lines):
    with open(name, "w") as file:
        file.write("\n".join(lines) + "\n")


def write_seed(target, name, data):
    os.makedirs(f"../fuzz/corpus/{target}", exist_ok=True)
    with open(f"../fuzz/corpus/{target}/{name}", "wb") as file:
        file.write(data)


def promise(attempt, number, first, batches, parameters, members):
    body = b"VAINPROM" + struct.pack("<IIQQQ", 1, attempt, number, first, batches) + parameters + members
    return body + blake(b"vain/promise", body)[:16]


def torsion():
    """The eight points of small order, from one of order eight."""
    y = 2
    while True:
        x = recover_x(y, 0)
        if x is not None:
            point = times(L, (x, y))
            if times(4, point) != (0, 1):
                return [times(i, point) for i in range(8)]
        y += 1


def main():
    one, two, three = bytes([1]) * 32, bytes([2]) * 32, bytes([3]) * 32
    write("key.hex", [key_file(one).hex()])
    write("card.hex", [card(one).hex()])
    write("record.hex", [record([("alice", one), ("bob", two), ("carol", three)]).hex()])
    whole, small = record([("alice", one), ("bob", two), ("carol", three)]), record([("alice", one)], (), ())
    line = promise(2, 7, 0x0102030405060708, 60, bytes([0x11]) * 32, bytes([0x22]) * 32)
    write("promise.hex", [line.hex()])
    write_seed("promise", "one-line", line)
    write_seed("promise", "three-lines-with-torn-tail", line + promise(0, 8, 0, 20, one, two) + line[:50])
    write_seed("record", "three-members", whole)
    write_seed("record", "one-member", small)
    write_seed("record", "log-with-torn-tail", small + small + small[:100])
    write_seed("card", "two-addresses", card(one))
    write_seed("card", "no-address", card(one, ()))
    write_seed("key", "alice", key_file(one))
    write_seed("key", "certificate", certificate(one)[1])
    write("bad_points.txt", [encode(t).hex() for t in torsion()] +
          [encode(add(BASE, t)).hex() for t in torsion()[1:]])
    seeds = [bytes.fromhex("000102030405060708090a0b0c0d0e0f"),
             bytes.fromhex("fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a2"
                           "9f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542")]
    paths = [[0, 1, 2, 2, 1000000000], [0, 2147483647, 1, 2147483646, 2]]
    lines = []
    for seed, path in zip(seeds, paths):
        for depth in range(6):
            key, chain = slip10(seed, path[:depth])
            lines.append(" ".join([seed.hex(), str(depth)] + [str(i) for i in path[:depth]] +
                                  [chain.hex(), key.hex(), public_key(key).hex()]))
    write("slip10.txt", lines)
    lines = []
    for personal in ("", "vain/record", "sixteen-letters!"):
        for size in (0, 1, 127, 128, 129, 1000):
            data = bytes(i * 7 % 251 for i in range(size))
            lines.append(f"{personal or '-'} {size} {blake(personal.encode(), data).hex()}")
    write("blake2b.txt", lines)
    lines = []
    for personal in ("", "vain/record", "sixteen-letters!"):
        for size in (0, 1, 127, 128, 129, 1000):
            data = bytes(i * 7 % 251 for i in range(size))
            lines.append(f"{personal or '-'} {size} {blake(personal.encode(), data, bytes(range(32))).hex()}")
    write("blake2b_keyed.txt", lines)
    lines = []
    for seed, purpose, name in ((0, 1, ""), (1, 2, "alice"), (2**64 - 1, 5, "bob"), (1, 2, "alicf")):
        hashed = blake(b"vain/philox", struct.pack("<QI", seed, purpose) + name.encode())
        lines.append(f"{seed} {purpose} {name or '-'} " + "%08x %08x" % struct.unpack("<II", hashed[:8]))
    write("random_stream.txt", lines)


if __name__ == "__main__":
    main()
