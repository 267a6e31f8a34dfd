#!/usr/bin/env python3
"""Labelled sentences that a small encoder learns in seconds, as CLINC150 is written: split, label, text, by tabs.

usage: make_sentences.py FILE LABELS SENTENCES

Each label is an action on a thing, and each sentence says it in one of many frames, with words for the action and the
thing chosen from a few of the same meaning, which other labels share: so neither the frame nor any single word tells the
label. SENTENCES of each label are for training, half as many each for val and test."""
import random
import sys

ACTIONS = [["open", "unlock", "start"], ["close", "shut", "end"], ["find", "show", "list"], ["change", "update", "edit"]]
THINGS = [["account", "profile"], ["alarm", "timer"], ["song", "music"], ["flight", "trip"], ["bill", "invoice"]]
FRAMES = ["please {} my {}", "can you {} the {} for me", "i want to {} a {}", "how do i {} this {}",
          "{} the {} now", "would you {} my {} today", "i need you to {} the {}", "hey {} that {} again please"]


def sentence(label, draw):
    action = draw.choice(ACTIONS[label % len(ACTIONS)])
    thing = draw.choice(THINGS[label // len(ACTIONS)])
    return draw.choice(FRAMES).format(action, thing)


def main(path, labels, count):
    draw = random.Random(11)
    lines = []
    for split, share in (("train", 1), ("val", 2), ("test", 2)):
        lines += [f"{split}\t{label}\t{sentence(label, draw)}" for label in range(labels) for _ in range(count // share)]
    draw.shuffle(lines)
    with open(path, "w") as target:
        target.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
