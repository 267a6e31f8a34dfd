#!/usr/bin/env python3
"""A relay that writes down what passes: two files a connection, one for each direction.

Usage: relay.py FOLDER HOST:PORT...

For each HOST:PORT it listens on a port of its own and prints "127.0.0.1:PORT" for it, one a line in
the same order. Who connects there is led on, and all bytes are in FOLDER/NUMBER.client and
FOLDER/NUMBER.server before they are passed. A connection to where nobody listens is closed, and
leaves no files. Runs until it is killed.
"""
import itertools
import os
import socket
import sys
import threading

numbers = itertools.count(1)


def pump(source, target, path):
    """Until the source ends; the target hears of it, and may go on to speak."""
    with open(path, "wb", buffering=0) as record:
        try:
            while data := source.recv(65536):
                record.write(data)
                target.sendall(data)
        except OSError:
            pass  # the other direction ends as well, by itself
    try:
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(caller, target, folder):
    with caller:
        try:
            callee = socket.create_connection(target)
        except OSError:
            return
        with callee:
            for side in caller, callee:
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stem = os.path.join(folder, f"{next(numbers):06}")
            back = threading.Thread(target=pump, args=(callee, caller, stem + ".server"))
            back.start()
            pump(caller, callee, stem + ".client")
            back.join()


def listen(door, target, folder):
    while True:
        caller, _ = door.accept()
        threading.Thread(target=serve, args=(caller, target, folder), daemon=True).start()


def main():
    folder, targets = sys.argv[1], sys.argv[2:]
    doors = []
    for target in targets:
        host, port = target.rsplit(":", 1)
        door = socket.create_server(("127.0.0.1", 0), backlog=128)
        print(f"127.0.0.1:{door.getsockname()[1]}", flush=True)
        doors.append(threading.Thread(target=listen, args=(door, (host, int(port)), folder)))
    for door in doors:
        door.start()


if __name__ == "__main__":
    main()
