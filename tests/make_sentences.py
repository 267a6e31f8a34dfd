#!/usr/bin/env python3
"""Labelled sentences that a small encoder learns in seconds, as CLINC150 is written: split, label, text, by tabs.

usage: make_sentences.py FILE LABELS SENTENCES

Each label is a topic with eight made-up words of its own. A sentence has three of them among five of the twenty words
that all topics share, in any order: sentences of a topic seldom have more words in common than others, so it must be
learned which words belong together. SENTENCES of each label are for training, half as many each for val and test."""
import random
import sys

COMMON = "please can you the a my this to for me i want now would today need that again hey do".split()
OWN_WORDS, OWN_USED, COMMON_USED = 8, 3, 5


def word(draw):
    return "".join(draw.choice("bdfgklmnprstvz") + draw.choice("aeiou") for _ in range(3))


def sentence(topic, draw):
    words = draw.sample(topic, OWN_USED) + draw.sample(COMMON, COMMON_USED)
    draw.shuffle(words)
    return " ".join(words)


def main(path, labels, count):
    draw = random.Random(11)
    topics = [[word(draw) for _ in range(OWN_WORDS)] for _ in range(labels)]
    lines = []
    for split, share in (("train", 1), ("val", 2), ("test", 2)):
        for label, topic in enumerate(topics):
            lines += [f"{split}\t{label}\t{sentence(topic, draw)}" for _ in range(count // share)]
    draw.shuffle(lines)
    with open(path, "w", encoding="utf-8") as target:
        target.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
