#!/usr/bin/env python3
"""Times two commands in turn and prints each one's median and the ratio, so that a busy machine hurts both alike.

usage: compare.py [--runs 5] [--field data.tokens_per_second] -- OURS ... --- PEER ...

Each command is run `runs` times, alternating. OURS prints the program's JSON object on its last line, from which the
field is read; PEER prints a bare number on its last line, or a JSON object with a field `median`. OPENBLAS_CORETYPE and
OPENBLAS_L2_SIZE are lifted for both; a peer that needs them gets them by `env NAME=VALUE` in its command.
"""
import json
import os
import statistics
import subprocess
import sys


def last_line(command, environment):
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return result.stdout.strip().splitlines()[-1]


def peer_number(line):
    return float(json.loads(line)["median"] if line.startswith("{") else line)


def main():
    arguments = sys.argv[1:]
    runs, field = 5, "data.tokens_per_second"
    while arguments and arguments[0] != "--":
        option = arguments.pop(0)
        if option == "--runs":
            runs = int(arguments.pop(0))
        elif option == "--field":
            field = arguments.pop(0)
        else:
            sys.exit(__doc__)
    if "---" not in arguments:
        sys.exit(__doc__)
    split = arguments.index("---")
    ours_command, peer_command = arguments[1:split], arguments[split + 1:]
    environment = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    ours, peer = [], []
    for run in range(runs):
        value = json.loads(last_line(ours_command, environment))
        for key in field.split("."):
            value = value[key]
        ours.append(float(value))
        peer.append(peer_number(last_line(peer_command, environment)))
        print(f"run {run + 1}: ours {ours[-1]:.6g}, peer {peer[-1]:.6g}", file=sys.stderr)
    ours_median, peer_median = statistics.median(ours), statistics.median(peer)
    print(f"ours {ours_median:.6g} ({min(ours):.6g} to {max(ours):.6g}), "
          f"peer {peer_median:.6g} ({min(peer):.6g} to {max(peer):.6g}), ratio {ours_median / peer_median:.3f}, "
          f"median of ratios {statistics.median(o / p for o, p in zip(ours, peer)):.3f}, {runs} runs each")


main()
