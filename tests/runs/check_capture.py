#!/usr/bin/env python3
"""Judges recorded connections: are they TLS 1.3 as vain speaks it, and nothing else?

Usage: check_capture.py FOLDER [SECRETS]       recordings of relay.py; one finding a line
       check_capture.py --self-test

What somebody on the way can see is the two hellos, and after them records whose content is
encrypted; both are taken apart byte by byte here, with nothing of OpenSSL's. SECRETS is a file with
a text a line that must not occur anywhere; a line "hex:..." stands for these bytes, which must not
occur as hexadecimal digits either. --self-test feeds it connections that are wrong in one way each,
among them a real one of TLS 1.2, and expects every finding.
"""
import os
import ssl
import struct
import sys

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION = 20, 21, 22, 23
CLIENT_HELLO, SERVER_HELLO = 1, 2
ALPN, TICKET, PRE_SHARED_KEY, EARLY_DATA, VERSIONS, KEY_SHARE = 16, 35, 41, 42, 43, 51
TLS_1_2, TLS_1_3 = 0x0303, 0x0304
RECORD_BYTES_MAX = 16384 + 256  # RFC 8446, section 5.2
PROTOCOL = b"vain/1"
NO_SUITE = 0x00FF  # a signal to servers of before TLS 1.3 (RFC 5746) that OpenSSL always adds
# Of a ServerHello that asks for another ClientHello (RFC 8446, section 4.1.3).
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


class Finding(Exception):
    """A connection is not what it has to be."""


class Reader:
    """Bytes from front to back; what is missing is a finding."""

    def __init__(self, data, what):
        self.data, self.position, self.what = data, 0, what

    def take(self, count):
        part = self.data[self.position:self.position + count]
        if len(part) < count:
            raise Finding(f"{self.what}: ends after {len(self.data)} bytes, in the middle")
        self.position += count
        return part

    def number(self, count):
        return int.from_bytes(self.take(count), "big")

    def block(self, length_bytes):
        """A length, and so many bytes."""
        return self.take(self.number(length_bytes))

    def left(self):
        return len(self.data) - self.position

    def done(self):
        if self.left() != 0:
            raise Finding(f"{self.what}: {self.left()} bytes too many")


# ---- records ------------------------------------------------------------------------------------

def records_of(data, side):
    """[(type, content)]: every byte belongs to one."""
    reader, records = Reader(data, f"records of the {side}"), []
    while reader.left() > 0:
        kind, version = reader.number(1), reader.number(2)
        if kind not in (CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION):
            raise Finding(f"{side}: no TLS record: type {kind}")
        # A first ClientHello may be marked as TLS 1.0 (section 5.1); nobody reads it.
        if version != TLS_1_2 and not (version == 0x0301 and not records and side == "client"):
            raise Finding(f"{side}: a record of version {version:#06x}")
        content = reader.block(2)
        if not 0 < len(content) <= RECORD_BYTES_MAX:
            raise Finding(f"{side}: a record of {len(content)} bytes")
        records.append((kind, content))
    return records


def check_order(records, side):
    """A hello, and then nothing in clear but the meaningless change_cipher_spec; the hello."""
    if not records or records[0][0] != HANDSHAKE:
        raise Finding(f"{side}: does not begin with a hello")
    for kind, content in records[1:]:
        if kind == ALERT:
            raise Finding(f"{side}: an alert in clear: {content.hex()}")
        if kind == HANDSHAKE:
            raise Finding(f"{side}: a handshake message in clear, of type {content[0]}")
        if kind == CHANGE_CIPHER_SPEC and content != b"\x01":
            raise Finding(f"{side}: a change_cipher_spec that says something")
    if sum(kind == CHANGE_CIPHER_SPEC for kind, _ in records) > 1:
        raise Finding(f"{side}: more than one change_cipher_spec")
    if not any(kind == APPLICATION for kind, _ in records):
        raise Finding(f"{side}: nothing encrypted")
    return records[0][1]


# ---- hellos -------------------------------------------------------------------------------------

def extensions_of(reader, what):
    """{number: content}"""
    block, found = Reader(reader.block(2), f"{what}: extensions"), {}
    while block.left() > 0:
        number = block.number(2)
        if number in found:
            raise Finding(f"{what}: extension {number} twice")
        found[number] = block.block(2)
    return found


def body_of(record, kind, what):
    reader = Reader(record, what)
    if reader.number(1) != kind:
        raise Finding(f"{what}: another message, type {record[0]}")
    body = reader.block(3)
    reader.done()
    return Reader(body, what)


def list_of(content, length_bytes, what):
    reader = Reader(content, what)
    block = reader.block(length_bytes)
    reader.done()
    return Reader(block, what)


def numbers_of(reader):
    numbers = []
    while reader.left() > 0:
        numbers.append(reader.number(2))
    return numbers


def check_client_hello(record):
    what = "ClientHello"
    body = body_of(record, CLIENT_HELLO, what)
    if body.number(2) != TLS_1_2:
        raise Finding(f"{what}: not TLS 1.3's form")
    body.take(32)
    body.block(1)
    suites = numbers_of(Reader(body.block(2), f"{what}: suites"))
    body.block(1)
    extensions = extensions_of(body, what)
    body.done()
    suites = [suite for suite in suites if suite != NO_SUITE]
    if not suites or any(suite >> 8 != 0x13 for suite in suites):
        raise Finding(f"{what}: offers suites that are not TLS 1.3's: "
                      + " ".join(f"{suite:#06x}" for suite in suites))
    versions = numbers_of(list_of(extensions.get(VERSIONS, b"\0"), 1, f"{what}: versions"))
    if versions != [TLS_1_3]:
        raise Finding(f"{what}: offers other versions than TLS 1.3: "
                      + " ".join(f"{version:#06x}" for version in versions))
    if extensions.get(ALPN) != struct.pack(">HB", len(PROTOCOL) + 1, len(PROTOCOL)) + PROTOCOL:
        raise Finding(f"{what}: its protocol (ALPN) is not {PROTOCOL.decode()} alone")
    for number, name in ((TICKET, "a session ticket"), (PRE_SHARED_KEY, "a key of before"),
                         (EARLY_DATA, "early data"), (0, "a server's name")):
        if number in extensions:
            raise Finding(f"{what}: offers {name}")


def check_server_hello(record):
    what = "ServerHello"
    body = body_of(record, SERVER_HELLO, what)
    if body.number(2) != TLS_1_2:
        raise Finding(f"{what}: not TLS 1.3's form")
    if body.take(32) == RETRY:
        raise Finding(f"{what}: asks for another ClientHello")
    body.block(1)
    suite, compression = body.number(2), body.number(1)
    extensions = extensions_of(body, what) if body.left() > 0 else {}
    body.done()
    if extensions.get(VERSIONS) != struct.pack(">H", TLS_1_3):
        raise Finding(f"{what}: does not select TLS 1.3")
    if suite >> 8 != 0x13 or compression != 0:
        raise Finding(f"{what}: suite {suite:#06x}, compression {compression}")
    if set(extensions) != {VERSIONS, KEY_SHARE}:
        raise Finding(f"{what}: other extensions than version and key: {sorted(extensions)}")


def check_connection(client, server, secrets):
    """Raises a finding, or returns how many bytes are encrypted."""
    sides = {"client": records_of(client, "client"), "server": records_of(server, "server")}
    check_client_hello(check_order(sides["client"], "client"))
    check_server_hello(check_order(sides["server"], "server"))
    for name, secret in secrets:
        if secret in client or secret in server:
            raise Finding(f"{name} can be read")
    return sum(len(content) for records in sides.values() for kind, content in records
               if kind == APPLICATION)


# ---- recordings ---------------------------------------------------------------------------------

def read(path):
    with open(path, "rb") as file:
        return file.read()


def secrets_of(lines):
    """[(how to call it, bytes)]; short ones turn up by chance, and prove nothing."""
    secrets = []
    for line in filter(None, (line.strip() for line in lines)):
        if line.startswith("hex:"):
            digits = line[4:].lower()
            secrets += [(digits, bytes.fromhex(digits)), (digits, digits.encode()),
                        (digits, digits.upper().encode())]
        else:
            secrets.append((line, line.encode()))
    for name, secret in secrets:
        if len(secret) < 8:
            sys.exit(f"'{name}' is too short: it turns up by chance")
    return secrets


def check_folder(folder, secrets):
    stems = sorted(name[:-7] for name in os.listdir(folder) if name.endswith(".client"))
    findings = encrypted = 0
    for stem in stems:
        path = os.path.join(folder, stem)
        try:
            encrypted += check_connection(read(path + ".client"), read(path + ".server"), secrets)
        except Finding as finding:
            print(f"connection {stem}: {finding}")
            findings += 1
    print(f"connections {len(stems)} encrypted_bytes {encrypted} findings {findings}")
    return 0 if stems and findings == 0 else 1


# ---- self-test ----------------------------------------------------------------------------------

def block(length_bytes, content):
    return len(content).to_bytes(length_bytes, "big") + content


def record(kind, content, version=TLS_1_2):
    return bytes([kind]) + struct.pack(">H", version) + block(2, content)


def hello(kind, head, extensions):
    body = b"".join(struct.pack(">H", number) + block(2, content)
                    for number, content in extensions.items())
    return record(HANDSHAKE, bytes([kind]) + block(3, head + block(2, body)))


def client_hello(suites=(0x1301,), **changes):
    extensions = {VERSIONS: block(1, b"\x03\x04"), ALPN: block(2, block(1, PROTOCOL)),
                  KEY_SHARE: block(2, b"\0\x1d" + block(2, bytes(32)))}
    extensions.update(changes.get("extensions", {}))
    for number in changes.get("without", ()):
        del extensions[number]
    return hello(CLIENT_HELLO, b"\x03\x03" + bytes(32) + block(1, bytes(32))
                 + block(2, b"".join(struct.pack(">H", suite) for suite in suites)) + b"\x01\0",
                 extensions)


def server_hello(suite=0x1301, random=bytes(32), **changes):
    extensions = {VERSIONS: b"\x03\x04", KEY_SHARE: b"\0\x1d" + block(2, bytes(32))}
    extensions.update(changes.get("extensions", {}))
    for number in changes.get("without", ()):
        del extensions[number]
    return hello(SERVER_HELLO, b"\x03\x03" + random + block(1, bytes(32))
                 + struct.pack(">HB", suite, 0), extensions)


def handshake_of_python():
    """Both directions of a real handshake of TLS 1.2 without certificates, in memory."""
    contexts = []
    for protocol in ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER:
        context = ssl.SSLContext(protocol)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AECDH:@SECLEVEL=0")
        context.set_alpn_protocols([PROTOCOL.decode()])
        contexts.append(context)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()  # what travels
    up_in, down_in = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [contexts[0].wrap_bio(down_in, up), contexts[1].wrap_bio(up_in, down, server_side=True)]
    said = [b"", b""]
    for _ in range(4):
        for number, (end, leaves, arrives) in enumerate(zip(ends, (up, down), (up_in, down_in))):
            try:
                end.do_handshake()
            except ssl.SSLError:  # wants more, or has given up with an alert
                pass
            data = leaves.read()
            said[number] += data
            arrives.write(data)
    return said


def wrong_connections():
    """(what is expected of the finding, client's bytes, server's bytes)"""
    mask = record(CHANGE_CIPHER_SPEC, b"\x01") + record(APPLICATION, bytes(100))
    client, server = client_hello() + mask, server_hello() + mask
    alert = record(ALERT, b"\x02\x28")
    yield "no TLS record", b"GET / HTTP/1.1\r\n\r\n", server
    yield "no TLS record", client, server + b"parameters"
    yield "in the middle", client[:-1], server
    yield "nothing encrypted", client, server_hello()
    yield "does not begin", client, b""
    yield "a record of version", client.replace(b"\x17\x03\x03", b"\x17\x03\x01"), server
    yield "an alert in clear", client + alert, server
    yield "an alert in clear", client, server + alert
    yield "a handshake message", client, server + record(HANDSHAKE, b"\x0b\0\0\0")
    yield "change_cipher_spec", client, server + record(CHANGE_CIPHER_SPEC, b"\x02")
    yield "more than one", client + record(CHANGE_CIPHER_SPEC, b"\x01"), server
    yield "offers suites", client_hello(suites=(0x1301, 0xc02f)) + mask, server
    for versions in b"\x04\x03\x04\x03\x03", b"\x02\x03\x03":
        yield ("offers other versions",
               client_hello(extensions={VERSIONS: versions}) + mask, server)
    yield "offers other versions", client_hello(without=[VERSIONS]) + mask, server
    yield "protocol", client_hello(without=[ALPN]) + mask, server
    yield "protocol", client_hello(extensions={ALPN: block(2, block(1, b"h2"))}) + mask, server
    for number, name in (TICKET, "ticket"), (PRE_SHARED_KEY, "key of before"), (0, "name"), \
            (EARLY_DATA, "early data"):
        yield name, client_hello(extensions={number: b""}) + mask, server
    yield "does not select", client, server_hello(without=[VERSIONS]) + mask
    yield "does not select", client, server_hello(extensions={VERSIONS: b"\x03\x03"}) + mask
    yield "suite", client, server_hello(suite=0xc02f) + mask
    yield "asks for another", client, server_hello(random=RETRY) + mask
    yield "other extensions", client, server_hello(extensions={PRE_SHARED_KEY: b"\0\0"}) + mask
    yield "can be read", client, server + record(APPLICATION, b"xx marker of the corpus xx")
    yield "can be read", client + record(APPLICATION, bytes(range(32))), server
    yield "can be read", client, server + record(APPLICATION, bytes(range(32)).hex().encode())
    yield "a handshake message", *handshake_of_python()


def expect(expected, look, *arguments):
    try:
        look(*arguments)
    except Finding as finding:
        if expected not in str(finding):
            sys.exit(f"self-test: expected '{expected}', found: {finding}")
    else:
        sys.exit(f"self-test: nothing was found, expected '{expected}'")


def self_test():
    mask = record(APPLICATION, bytes(100))
    secrets = secrets_of(["marker of the corpus", "hex:" + bytes(range(32)).hex()])
    check_connection(client_hello() + mask, server_hello() + mask, secrets)
    wrong = list(wrong_connections())
    for expected, client, server in wrong:
        expect(expected, check_connection, client, server, secrets)
    # Each hello of the real TLS 1.2 is wrong by itself.
    client, server = handshake_of_python()
    expect("offers", check_client_hello, records_of(client, "client")[0][1])
    expect("does not select", check_server_hello, records_of(server, "server")[0][1])
    print(f"self-test: all of {len(wrong)} wrong connections were found")


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    lines = read(sys.argv[2]).decode().splitlines() if len(sys.argv) == 3 else []
    return check_folder(sys.argv[1], secrets_of(lines))


if __name__ == "__main__":
    sys.exit(main())
