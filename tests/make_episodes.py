#!/usr/bin/env python3
"""Classes with a few drawings each, for few-shot tasks: a small stand-in for Omniglot.

usage: make_episodes.py FILE.h5 CLASSES EXAMPLES      or      make_episodes.py FOLDER CLASSES EXAMPLES

A class is a line through four points; each drawing moves the points and the whole a little. Ink is 1, paper 0, 14 x 14
pixels: data sets `images_nearest` (CLASSES, EXAMPLES, 14, 14), and `order` (CLASSES), a shuffled order of the classes.
FILE.h5 needs h5py; FOLDER gets the same as idx files."""
import os
import random
import struct
import sys

SIDE = 14


def drawing(points, draw):
    """SIDE x SIDE bytes: the line, with the hand of whoever drew it."""
    dx, dy = draw.uniform(-1, 1), draw.uniform(-1, 1)
    moved = [(x + dx + draw.uniform(-1, 1), y + dy + draw.uniform(-1, 1)) for x, y in points]
    out = bytearray(SIDE * SIDE)
    for (x0, y0), (x1, y1) in zip(moved, moved[1:]):
        for step in range(41):
            x, y = x0 + (x1 - x0) * step / 40, y0 + (y1 - y0) * step / 40
            for px, py in ((x, y), (x + 0.5, y), (x, y + 0.5)):
                if 0 <= px < SIDE and 0 <= py < SIDE:
                    out[int(py) * SIDE + int(px)] = 1
    return bytes(out)


def make(classes, examples):
    draw = random.Random(11)
    body = bytearray()
    for _ in range(classes):
        points = [(draw.uniform(2, SIDE - 2), draw.uniform(2, SIDE - 2)) for _ in range(4)]
        for _ in range(examples):
            body += drawing(points, draw)
    order = list(range(classes))
    draw.shuffle(order)
    return bytes(body), order


def write_idx(path, code, shape, body):
    with open(path, "wb") as f:
        f.write(struct.pack(">BBBB", 0, 0, code, len(shape)) + struct.pack(">%dI" % len(shape), *shape) + body)


def main():
    target, classes, examples = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    body, order = make(classes, examples)
    shape = (classes, examples, SIDE, SIDE)
    if target.endswith(".h5"):
        import h5py
        import numpy
        with h5py.File(target, "w") as f:
            pixels = numpy.frombuffer(body, numpy.uint8).reshape(shape)
            f.create_dataset("images_nearest", data=pixels, compression="gzip", chunks=(1, examples, SIDE, SIDE))
            f["order"] = numpy.array(order, numpy.uint16)
        return
    os.makedirs(target, exist_ok=True)
    write_idx(os.path.join(target, "images_nearest"), 8, shape, body)
    write_idx(os.path.join(target, "order"), 12, (classes,), struct.pack(">%di" % classes, *order))


main()
