#!/usr/bin/env python3
"""Labelled images that a small network learns in seconds, in the forms that data sets are published in.

usage: make_images.py FOLDER COUNT [HDF5 [SIDE]]

Ten classes of 14 x 14 (or SIDE x SIDE) pixels: a bar at one of ten places and angles, shifted by up to a pixel, in
noise. FOLDER gets train-images-idx3-ubyte.gz and the three others of MNIST's names (the test set is a fifth of
COUNT); with HDF5 (needs h5py; - for none) that file gets train_images, train_labels, test_images, test_labels."""
import gzip
import math
import os
import random
import struct
import sys

SIDE, CLASSES = int(sys.argv[4]) if len(sys.argv) > 4 else 14, 10


def image(label, draw):
    """SIDE x SIDE bytes: the bar of a class, somewhere near its place."""
    angle = math.pi * (label % 5) / 5
    middle_x = SIDE / 2 + (2.5 if label >= 5 else -2.5) * math.sin(angle) + draw.uniform(-1, 1)
    middle_y = SIDE / 2 - (2.5 if label >= 5 else -2.5) * math.cos(angle) + draw.uniform(-1, 1)
    out = bytearray()
    for y in range(SIDE):
        for x in range(SIDE):
            along = (x - middle_x) * math.cos(angle) + (y - middle_y) * math.sin(angle)
            across = (y - middle_y) * math.cos(angle) - (x - middle_x) * math.sin(angle)
            ink = 220 if abs(across) < 1 and abs(along) < 5 else 0
            out.append(max(0, min(255, int(ink + draw.gauss(20, 25)))))
    return bytes(out)


def make(count, seed):
    draw = random.Random(seed)
    labels = [i % CLASSES for i in range(count)]
    draw.shuffle(labels)
    return [image(label, draw) for label in labels], bytes(labels)


def write_idx(path, shape, body):
    with gzip.open(path, "wb", compresslevel=1) as f:
        f.write(struct.pack(">BBBB", 0, 0, 8, len(shape)) + struct.pack(">%dI" % len(shape), *shape) + body)


def main():
    folder, count = sys.argv[1], int(sys.argv[2])
    os.makedirs(folder, exist_ok=True)
    sets = {"train": make(count, 1), "t10k": make(count // 5, 2)}
    for name, (images, labels) in sets.items():
        write_idx(os.path.join(folder, name + "-images-idx3-ubyte.gz"), (len(images), SIDE, SIDE), b"".join(images))
        write_idx(os.path.join(folder, name + "-labels-idx1-ubyte.gz"), (len(labels),), labels)
    if len(sys.argv) > 3 and sys.argv[3] != "-":
        import h5py
        import numpy
        with h5py.File(sys.argv[3], "w") as f:
            for name, (images, labels) in sets.items():
                name = "test" if name == "t10k" else name
                pixels = numpy.frombuffer(b"".join(images), numpy.uint8).reshape(-1, SIDE, SIDE)
                f.create_dataset(name + "_images", data=pixels, compression="gzip", chunks=(100, SIDE, SIDE))
                f[name + "_labels"] = numpy.frombuffer(labels, numpy.uint8)


main()
