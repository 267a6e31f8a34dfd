#!/usr/bin/env bash
# What does a death in the middle of the words cost the others? Four members (processes of this machine, over TLS) with
# a model whose words take a while; in one round a member is killed with SIGKILL when a part of that round's bytes has
# passed the loopback. The survivors' time of that round beside the median of the rounds before.
#
#   bench/death_members.sh [TRIES [SETTING...]]      TRIES: 3; settings of a run, "exchange.privacy=none" and so on
#   bench/death_members.sh 5 exchange.privacy=masked exchange.level=2
#
# Nothing else should use the loopback meanwhile: its counters say how far the words are.
set -u
tries=${1:-3}
shift $(($# < 1 ? $# : 1))
vain=$(realpath "${VAIN:-build/vain}")
folder=$(mktemp -d)
trap 'jobs -p | xargs -r kill -KILL 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
head -c 20000 /dev/urandom | base64 -w 70 >text.txt
# 16 million parameters, so 64 MiB of words of each member.
cat >job.yaml <<SPEC
version: 1
name: deaths
seed: 1
model: {kind: transformer, layers: 5, heads: 8, width: 512, context: 32}
data: {text: text.txt, symbols: bytes}
train: {batch: 2, learning_rate: 1e-3, local_steps: ${LOCAL_STEPS:-5}, rounds: ${ROUNDS:-9}, threads: 1}
exchange: {transport: tls, linger: 0s, deadline: 60s}
checkpoint: {every: 1000000}
SPEC

# kill_in_round ROUND PART: member 2, when that part of the round's bytes has passed
kill_in_round() {
    python3 - "$1" "$2" "$run" <<'PY'
import json, os, signal, subprocess, sys, time
kill_round, part, parent = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]

def passed():
    with open("/proc/net/dev") as file:
        return next(int(line.split()[9]) for line in file if line.strip().startswith("lo:"))

def rounds(path="out/member-0/metrics.jsonl"):
    try:
        with open(path) as file:
            return sum('"event":"round"' in line for line in file)
    except FileNotFoundError:
        return 0

def victim():
    for child in subprocess.run(["pgrep", "-P", parent], capture_output=True,
                                text=True).stdout.split():
        for name in os.listdir(f"/proc/{child}/fd"):
            try:
                if "/member-2/" in os.readlink(f"/proc/{child}/fd/{name}"):
                    return int(child)
            except OSError:
                pass
    sys.exit("no process of member 2")

def wait_for(round):
    while rounds() < round:
        if not os.path.exists(f"/proc/{parent}"):
            sys.exit("the run has ended")
        time.sleep(0.001)
    return passed()

first = wait_for(kill_round - 3)
last = wait_for(kill_round - 1)
target = last + part * (last - first) / 2
process = victim()
while passed() < target:
    time.sleep(0.0005)  # whoever turns here takes a core from the members
os.kill(process, signal.SIGKILL)
PY
}

# one PART SETTING...: a run with a death; prints "normal_exchange normal_round death_exchange death_round" and attempts
one() {
    local part=$1 sets=()
    shift
    for setting in "$@"; do sets+=(--set "$setting"); done
    rm -rf out
    "$vain" run --local 4 job.yaml --out out --quiet "${sets[@]}" >result.txt 2>log &
    run=$!
    kill_in_round 6 "$part" || { tail -n 5 log >&2; exit 1; }
    wait $run || { tail -n 5 log >&2; exit 1; }
    python3 - "$part" <<'PY'
import json, statistics, sys
part = sys.argv[1]
rows, notices = [], []
for member in 0, 1, 3:
    events = [json.loads(line) for line in open(f"out/member-{member}/metrics.jsonl")]
    notices.append([event["text"] for event in events if event["event"] == "notice"])
    ends = {event["round"]: event for event in events if event["event"] == "round"}
    before = [ends[number] for number in (3, 4, 5)]
    normal = statistics.median(event["exchange_seconds"] for event in before)
    local = statistics.median(event["local_seconds"] for event in before)
    death = ends[6]
    rows.append((normal, normal + local, death["exchange_seconds"],
                 death["exchange_seconds"] + death["local_seconds"]))
lost = sum("round 6: member 'member-2' is gone" in text for texts in notices for text in texts)
normal, normal_round, death, death_round = (statistics.median(column) for column in zip(*rows))
print(f"killed at {part} of the bytes: exchange {death:.3f} s, normally {normal:.3f} s: ratio "
      f"{death / normal:.2f}; round {death_round:.3f} s, normally {normal_round:.3f} s: ratio "
      f"{death_round / normal_round:.2f}; {lost} of 3 lost it in this round")
PY
}

settings() {
    local parts=(0.3 0.5 0.7 0.2 0.8)
    echo "${*:-none}"
    for ((try = 0; try < tries; try++)); do
        one "${parts[try % ${#parts[@]}]}" "$@" | tee -a lines.txt
    done
    python3 - <<'PY'
import re, statistics
lines = open("lines.txt").read()
for what in "exchange", "round":
    ratios = [float(one) for one in re.findall(what + r" [\d.]+ s, normally [\d.]+ s: ratio ([\d.]+)", lines)]
    print(f"    {what}: median ratio {statistics.median(ratios):.2f}, the worst {max(ratios):.2f}")
PY
    rm -f lines.txt
}
if [ $# -gt 0 ]; then
    settings "$@"
else
    settings exchange.privacy=none
    settings exchange.privacy=masked exchange.level=2
fi
