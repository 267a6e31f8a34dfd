#!/usr/bin/env python3
"""Somebody without a key who gets in the way of members: for attack_members.sh, on this machine only.

Usage: attacker.py KIND SECONDS TARGETS [FROM]

KIND: connect  1000 connections a second as fast as they come, to one target after the other, each
               held until that target's next thousand
      drip     200 connections a target that say one byte every two seconds, and come back when they are
               closed
      garbage  200 connections a second that say 4 KiB of noise each
      hello    200 connections a second that begin TLS as a member does: all that a stranger can make
               a member compute
      flood    the same, as fast as this program can
TARGETS is PORT,PORT,... on 127.0.0.1, or the number of targets to make up: sockets of this process
that connections reach but nobody serves, so that only the attacker's own work is done. FROM is the
address it comes from; by default one that no member has.

Prints how many connections it made when the seconds are over or it is ended by SIGTERM.
"""
import os
import signal
import socket
import ssl
import struct
import sys
import time

CONNECTS_A_SECOND, DRIPS, DRIP_S, TALKERS_A_SECOND = 1000, 200, 2, 200
BACKLOG = 4096


class Target:
    """A port, or a socket of our own in its place."""

    def __init__(self, port):
        self.port, self.door, self.taken = port, None, 0
        if port is None:
            self.open()

    def open(self):
        if self.door is not None:
            self.door.close()  # with all that waits there
        self.door = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self.port, self.taken = self.door.getsockname()[1], 0

    def connect(self, source):
        """A connection, or None: nobody is there (yet)."""
        self.taken += 1
        if self.door is not None and self.taken > BACKLOG // 2:
            self.open()
        one = socket.socket()
        # It leaves nothing behind that would use up this machine's ports.
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.setblocking(False)
        try:
            one.bind((source, 0))
            one.connect(("127.0.0.1", self.port))
        except BlockingIOError:
            pass  # the target has a queue, which is full: the system goes on to knock
        except OSError:
            one.close()
            return None
        return one


def member_hello():
    """The first message of a client that offers what a member offers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["vain/1"])
    arrives, leaves = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(arrives, leaves).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return leaves.read()


class Attack:
    def __init__(self, targets, source):
        self.targets, self.source, self.made = targets, source, 0

    def call(self, number):
        one = self.targets[number % len(self.targets)].connect(self.source)
        self.made += one is not None
        return one

    @staticmethod
    def say(one, data):
        """False: it has been closed."""
        try:
            one.send(data)
            return one.recv(1) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def connect(self):
        held = [[] for _ in self.targets]
        while True:
            for number, old in enumerate(held):
                begun = time.monotonic()
                for one in old:
                    one.close()
                calls = (self.call(number) for _ in range(CONNECTS_A_SECOND))
                held[number] = [one for one in calls if one is not None]
                time.sleep(max(0.05, begun + 1 - time.monotonic()))

    def drip(self):
        ones = [None] * DRIPS * len(self.targets)
        while True:
            for i, one in enumerate(ones):
                if one is None or not self.say(one, b"\x16"):
                    if one is not None:
                        one.close()
                    ones[i] = self.call(i)
                time.sleep(DRIP_S / len(ones))

    def talk(self, words, pause=1 / TALKERS_A_SECOND):
        held = [None] * TALKERS_A_SECOND
        while True:
            for i, one in enumerate(held):  # the oldest is done
                if one is not None:
                    one.close()
                held[i] = self.call(i)
                if held[i] is not None:
                    self.say(held[i], words)
                if pause > 0:
                    time.sleep(pause)

    def garbage(self):
        self.talk(os.urandom(4096))

    def hello(self):
        self.talk(member_hello())

    def flood(self):
        self.talk(member_hello(), 0)


class Over(Exception):
    """The time is over, or somebody says so."""


def end(*_):
    raise Over


def main():
    kind, seconds, ports = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    source = sys.argv[4] if len(sys.argv) > 4 else "127.0.0.2"
    made_up = "," not in ports and int(ports) < 1024
    targets = [Target(None) for _ in range(int(ports))] if made_up else \
        [Target(int(port)) for port in ports.split(",")]
    attack = Attack(targets, source)
    for number in signal.SIGTERM, signal.SIGALRM:
        signal.signal(number, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    begun = time.monotonic()
    try:
        {"connect": attack.connect, "drip": attack.drip, "garbage": attack.garbage,
         "hello": attack.hello, "flood": attack.flood}[kind]()
    except Over:
        seconds = time.monotonic() - begun
        print(f"{attack.made} connections in {seconds:.1f} s, "
              f"{time.process_time() / seconds:.3f} of a core")


if __name__ == "__main__":
    main()
