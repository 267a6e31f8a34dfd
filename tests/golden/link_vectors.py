#!/usr/bin/env python3
"""Writes the golden files of p2p/ from an independent model: DER by hand, and the arithmetic of
base_vectors.py. Nothing of the program, and no OpenSSL, is called. Run it in this folder. The seeds of
the fuzzer of transport certificates (../fuzz/corpus/certificate) are written too.

link_certificates.txt has "name; what the refusal says, or - for none; certificate", all checked at NOW,
made by the transport key of seed 07 07 .. and, unless spoilt, for the member of root seed 01 01 .."""
import calendar
import hashlib
import struct
import time

from base_vectors import (NOW, PURPOSE, blake, certificate, public_key, sign, slip10, write, write_seed)

OID = "2.25.225958002804729985242846119853543740542"
TRANSPORT = bytes([7]) * 32
ONE, TWO = bytes([1]) * 32, bytes([2]) * 32
HOUR, DAY_MS = 3600, 86400000
NEUTRAL = bytes([1]) + bytes(31)
MIXED = bytes([0x95]) + bytes([0x99]) * 31
P256 = bytes.fromhex("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                     "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")


def tlv(tag, *parts):
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def oid(dotted):
    first, second, *rest = map(int, dotted.split("."))
    out = b""
    for arc in [first * 40 + second] + rest:
        groups = [arc & 127]
        while arc > 127:
            arc >>= 7
            groups.append(arc & 127 | 128)
        out += bytes(reversed(groups))
    return tlv(6, out)


ED25519 = tlv(0x30, oid("1.3.101.112"))
NAME = tlv(0x30, tlv(0x31, tlv(0x30, oid("2.5.4.3"), tlv(0x0C, b"vain"))))


def utc(seconds):
    return tlv(0x17, time.strftime("%y%m%d%H%M%SZ", time.gmtime(seconds)).encode())


def key_info(key, algorithm=ED25519):
    return tlv(0x30, algorithm, tlv(3, b"\0", key))


def extension(content, name=OID, critical=False):
    return tlv(0x30, oid(name), tlv(1, b"\xff") if critical else b"", tlv(4, content))


def content_of(info, until_s, member=None, version=1, signer=None):
    current, cert = member or certificate(ONE)
    end = struct.pack("<q", until_s * 1000)
    return struct.pack("<H", version) + cert + end + sign(signer or current, b"vain/tls/v1\0" + info + end)


def spoilt_member(current_key=None, start=NOW, end=NOW + 90 * DAY_MS, root_seed=ONE, signed_by=None):
    root = slip10(root_seed, [])[0]
    current = slip10(root_seed, [PURPOSE, 0, 0, 0])[0]
    body = public_key(root) + (current_key or public_key(current)) + struct.pack("<Qqq", 0, start, end)
    return current, body + sign(signed_by or root, b"vain/cert/v1\0" + body)


def whole(info=None, start_s=NOW // 1000 - 300, until_s=NOW // 1000 + 24 * HOUR, extensions=None, version=2,
          signer=TRANSPORT, times=None, inner=ED25519, outer=ED25519):
    info = info or key_info(public_key(TRANSPORT))
    extensions = [extension(content_of(info, until_s))] if extensions is None else extensions
    times = times or (utc(start_s), utc(until_s))
    body = (tlv(0xA0, tlv(2, bytes([version]))) if version else b"") + tlv(2, b"\1") + inner + NAME
    body += tlv(0x30, *times) + NAME + info
    body += tlv(0xA3, tlv(0x30, *extensions)) if extensions else b""
    part = tlv(0x30, body)
    return tlv(0x30, part, outer, tlv(3, b"\0", sign(signer, part)))


def cases():
    info, start, until = key_info(public_key(TRANSPORT)), NOW // 1000 - 300, NOW // 1000 + 24 * HOUR
    good = content_of(info, until)
    null_params = key_info(public_key(TRANSPORT), tlv(0x30, oid("1.3.101.112"), tlv(5)))
    ecdsa = tlv(0x30, oid("1.2.840.10045.4.3.2"))
    p256 = key_info(P256, tlv(0x30, oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")))
    modulus = b"\0" + (b"\xc5" + b"".join(hashlib.sha512(bytes([i])).digest() for i in range(4))[1:])[:-1] + b"\x01"
    rsa = key_info(tlv(0x30, tlv(2, modulus), tlv(2, b"\1\0\1")), tlv(0x30, oid("1.2.840.113549.1.1.1"), tlv(5)))
    two = certificate(TWO)

    def with_content(content, **others):
        return whole(extensions=[extension(content)], **others)

    def of_member(**spoilt):
        return with_content(content_of(info, until, spoilt_member(**spoilt)))

    yield "good", "-", whole()
    yield "critical", "-", whole(extensions=[extension(good, critical=True)])
    yield "another-extension", "-", whole(extensions=[extension(b"\5\0", "2.25.7"), extension(good)])
    yield "another-member", "-", with_content(content_of(info, until, two))
    yield "short-life", "-", whole(until_s=NOW // 1000)
    yield "from-now", "-", whole(start_s=NOW // 1000)
    yield "member-key-of-a-fast-clock", "-", of_member(start=NOW + 300000)
    yield "expired", "transport certificate: expired", whole(until_s=NOW // 1000 - 1)
    yield "not-yet-valid", "transport certificate: valid from", whole(start_s=NOW // 1000 + 1)
    yield "long-life", "at most 24 hours", whole(start_s=start - 1)
    late = until + 1
    yield "signed-for-later", "but the member signed", with_content(content_of(info, late))
    yield "end-before-start", "expired", whole(start_s=NOW // 1000 - 10, until_s=NOW // 1000 - 20)
    yield "time-without-seconds", "spelt as X.509", whole(times=(tlv(0x17, b"2506150000Z"), utc(until)))
    local = time.strftime("%y%m%d%H%M%S+0000", time.gmtime(until)).encode()
    yield "time-with-offset", "spelt as X.509", whole(times=(utc(start), tlv(0x17, local)))
    full = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(until)).encode()
    yield "long-year", "-", whole(times=(utc(start), tlv(0x18, full)))
    yield "key-of-p256", "key type", whole(info=p256)
    yield "key-of-rsa", "key type", whole(info=rsa)
    x25519 = tlv(0x30, oid("1.3.101.110"))
    yield "key-of-x25519", "key type is not", whole(info=key_info(bytes([9]) + bytes(31), x25519))
    yield "key-of-ed448", "key type is not", whole(info=key_info(bytes(57), tlv(0x30, oid("1.3.101.113"))))
    yield "key-with-parameters", "key type", whole(info=null_params)
    yield "key-of-small-order", "its key is not a valid", whole(info=key_info(NEUTRAL))
    yield "key-of-mixed-order", "its key is not a valid", whole(info=key_info(MIXED))
    yield "key-too-short", "key type", whole(info=key_info(public_key(TRANSPORT)[:31]))
    yield "signed-by-another-key", "expected self-signed", whole(signer=TWO)
    yield "signature-of-another-kind", "Ed25519's kind", whole(inner=ecdsa, outer=ecdsa)
    yield "signature-of-two-kinds", "Ed25519's kind", whole(outer=ecdsa)
    yield "version-1", "X.509 version 1", whole(version=0)
    yield "no-extension", "0 times", whole(extensions=[])
    yield "only-another-extension", "0 times", whole(extensions=[extension(good, "2.25.7")])
    yield "extension-twice", "2 times", whole(extensions=[extension(good), extension(good)])
    yield "unknown-critical-extension", "a critical extension", whole(
        extensions=[extension(good), extension(b"\5\0", "2.25.7", True)])
    yield "known-critical-extension", "a critical extension", whole(
        extensions=[extension(tlv(0x30), "2.5.29.19", True), extension(good)])
    yield "trailing-byte", "227 bytes, expected 226", with_content(good + b"\0")
    yield "short-content", "225 bytes, expected 226", with_content(good[:-1])
    yield "empty-content", "0 bytes, expected 226", with_content(b"")
    yield "wrong-version", "extension has version 2", with_content(content_of(info, until, version=2))
    yield "signature-of-another-member", "signature of its key is wrong", with_content(
        content_of(info, until, signer=two[0]))
    yield "signature-for-another-key", "signature of its key is wrong", with_content(
        content_of(key_info(public_key(TWO)), until))
    yield "current-key-of-mixed-order", "the current key is not", of_member(current_key=MIXED)
    yield "current-key-of-small-order", "the current key is not", of_member(current_key=NEUTRAL)
    yield "another-root", "the root key's signature is wrong", of_member(signed_by=TWO)
    yield "member-key-expired", "the member's key expired", of_member(end=NOW - 1, start=NOW - DAY_MS)
    yield "member-key-not-yet-valid", "the member's key is valid from", of_member(start=NOW + 300001)
    yield "member-key-for-too-long", "at most 97 days", of_member(end=NOW + 98 * DAY_MS)
    der = whole()
    yield "byte-behind", "no X.509", der + b"\0"
    yield "cut", "no X.509", der[:-1]
    yield "long-length", "not the DER", der[:1] + b"\x83\0" + der[2:]
    part = der[4:]
    inner_length = part[:1] + b"\x83\0" + part[2:]
    yield "long-inner-length", "not the DER", tlv(0x30, inner_length)
    at = der.rindex(b"\3\x41\0") + 2
    for unused in range(1, 8):  # bits of the signature that would not count
        yield f"unused-bits-{unused}", "Ed25519's kind", der[:at] + bytes([unused]) + der[at + 1:-1] + bytes([
            der[-1] & 0xFF << unused & 0xFF])
    yield "too-long", "expected at most 1024", whole(extensions=[extension(good), extension(bytes(600), "2.25.7")])


def hello(role, connection, exporter, sender, receiver):
    head = b"VAINLINK" + struct.pack("<HH", 1, connection)
    return head + blake(b"vain/link/hello", head + bytes([role]) + sender + receiver, exporter)


def main():
    assert calendar.timegm(time.gmtime(NOW // 1000)) == NOW // 1000
    rows = list(cases())
    write("link_certificates.txt", [f"{name}; {says}; {der.hex()}" for name, says, der in rows])
    seeds = ("good", "critical", "another-extension", "key-of-p256", "expired", "extension-twice")
    for name, _, der in rows:
        if name in seeds:
            write_seed("certificate", name, der)
    sender, receiver = bytes([0x11]) * 32, bytes([0x22]) * 32
    write("hello.txt", [hello(role, connection, bytes(range(32)), sender, receiver).hex()
                        for role, connection in ((1, 0), (2, 0), (1, 258), (2, 65535))])


if __name__ == "__main__":
    main()
