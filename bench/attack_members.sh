#!/usr/bin/env bash
# How much do strangers slow a federation down? Four members with keys of their own on this machine, and somebody
# without one who connects to all of them (attacker.py). He costs CPU time of the same machine, so he works in both
# series: once on the members, once on sockets that nobody serves. Pairs alternate in order; ratios are of the medians.
# CPU is that of the members alone, all four: what the strangers made them do.
#
#   bench/attack_members.sh [ROUNDS [PAIRS [KIND...]]]         kinds: connect drip garbage hello
#   FROM=127.0.0.1 bench/attack_members.sh 80 5 connect        from the members' own address
set -u
rounds=${1:-80} pairs=${2:-5}
shift $(($# < 2 ? $# : 2))
kinds=("$@")
[ $# -gt 0 ] || kinds=(connect drip garbage hello)
vain=$(realpath "${VAIN:-build/vain}")
attacker=$(realpath "$(dirname "$0")/attacker.py")
from=${FROM:-127.0.0.2}
folder=$(mktemp -d)
trap 'jobs -p | xargs -r kill -KILL 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export VAIN_HOME=$folder/home
names=(ann bob cid dan)
head -c 20000 /dev/urandom | base64 -w 70 >text.txt
mapfile -t ports < <(python3 -c 'import socket
held = [socket.socket() for _ in range(4)]
for one in held:
    one.bind(("127.0.0.1", 0))
    print(one.getsockname()[1])')
{
    cat <<SPEC
version: 1
name: attacked
seed: 1
model: {kind: transformer, layers: 2, heads: 4, width: 128, context: 64}
data: {text: text.txt, symbols: bytes}
train: {batch: 4, learning_rate: 1e-3, local_steps: 10, rounds: $rounds, threads: 1}
exchange: {transport: tls, privacy: masked}
checkpoint: {every: 1000000}
members:
SPEC
    for i in "${!names[@]}"; do
        "$vain" key new "${names[i]}" >/dev/null
        id=$("$vain" key show "${names[i]}" --json | grep -o '[0-9a-f]\{64\}' | head -n 1)
        printf '  - {name: %s, key: "%s", addresses: "127.0.0.1:%s"}\n' "${names[i]}" "$id" "${ports[i]}"
    done
} >job.yaml

# cpu_of_children SHELL: hundredths of a second, of children that it has waited for
cpu_of_children() {
    awk '{ print $16 + $17 }' "/proc/$1/stat"
}

# run_members FOLDER: all four to the end; prints seconds a round, the most memory of a member, CPU seconds of all
run_members() {
    local processes=() shell=$BASHPID used
    used=$(cpu_of_children "$shell")
    for name in "${names[@]}"; do
        "$vain" run job.yaml --member "$name" --quiet --json --out "$1/$name" >"$name.json" 2>>"$1.log" &
        processes+=($!)
    done
    for process in "${processes[@]}"; do
        wait "$process" || echo "a member failed: $(tail -n 2 "$1.log")" >&2
    done
    used=$(($(cpu_of_children "$shell") - used))
    # The first rounds make connections and find the order of the ring.
    python3 - "$1" "$used" "${names[@]}" <<'PY'
import datetime, json, statistics, sys
means, peaks = [], []
for name in sys.argv[3:]:
    events = [json.loads(line) for line in open(f"{sys.argv[1]}/{name}/metrics.jsonl")]
    at = [datetime.datetime.fromisoformat(event["ts"].replace("Z", "+00:00")).timestamp()
          for event in events if event["event"] == "round"]
    means.append((at[-1] - at[4]) / (len(at) - 5))
    peaks.append(json.load(open(f"{name}.json"))["data"]["peak_bytes"])
print(f"{statistics.median(means):.6f} {max(peaks)} {int(sys.argv[2]) / 100}")
PY
}

# one KIND TARGETS: a run under attack
one() {
    python3 "$attacker" "$1" 3600 "$2" "$from" >attack.txt &
    local attack=$!
    rm -rf out
    run_members out
    kill -TERM $attack
    wait $attack
}

echo "$rounds rounds, $pairs pairs, from $from; seconds a round, medians [all]"

quiet=$(run_members out)
read -r seconds peak used <<<"$quiet"
echo "nobody            s/round $seconds; CPU $used s; peak memory $((peak / 1024)) KiB"
members=$(IFS=,; echo "${ports[*]}")
for kind in "${kinds[@]}"; do
    rm -f "$kind.attacked" "$kind.idle" out.log
    for ((pair = 0; pair < pairs; pair++)); do
        order=("$members" ${#names[@]})
        [ $((pair % 2)) -eq 0 ] || order=(${#names[@]} "$members")
        for targets in "${order[@]}"; do
            series=attacked
            [ "$targets" != ${#names[@]} ] || series=idle
            one "$kind" "$targets" >>"$kind.$series"
            cp attack.txt "$kind.$series.last"
        done
    done
    python3 - "$kind" "$pairs" "$(grep -c 'refused; the last' out.log)" <<'PY'
import statistics, sys
kind, pairs, lines = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
series, cpu = {}, {}
for name in "idle", "attacked":
    rows = [line.split() for line in open(f"{kind}.{name}")]
    series[name] = [float(row[0]) for row in rows]
    peak = max(int(row[1]) for row in rows) // 1024
    cpu[name] = statistics.median(float(row[2]) for row in rows)
    print(f"{kind:8} {name:8} s/round {statistics.median(series[name]):.4f}",
          "[" + " ".join(f"{seconds:.4f}" for seconds in series[name]) + "];",
          f"CPU {cpu[name]:.2f} s; peak memory {peak} KiB;",
          open(f"{kind}.{name}.last").read().strip())
ratio = statistics.median(series["attacked"]) / statistics.median(series["idle"])
print(f"{kind:8} ratio    {ratio:.3f} of s/round, {cpu['attacked'] / cpu['idle']:.3f} of CPU;",
      f"lines in the logs, a member and run: {lines / (4 * pairs):.2f}")
PY
    grep 'refused; the last' out.log | tail -n 1
done
