#!/bin/bash
# A run of N members on their own hosts (processes of this machine) in which every few rounds a random
# member is killed with SIGKILL and started again. At the end: did the run finish, are all members'
# parameters equal, does every record verify, how many rounds were burned?
#
#   bench/soak_members.sh [MEMBERS [ROUNDS [EVERY [SEED [SETTING...]]]]]
#   bench/soak_members.sh 8 200 3 1 exchange.privacy=masked exchange.level=2
set -u
members=${1:-8} rounds=${2:-200} every=${3:-3} seed=${4:-1}
shift $(($# < 4 ? $# : 4))
vain=${VAIN:-build/vain}
folder=${FOLDER:-$(mktemp -d)}
mkdir -p "$folder"
[ -n "${FOLDER:-}" ] || trap 'rm -rf "$folder"' EXIT
head -c 40000 /dev/urandom | base64 -w 70 >"$folder/text.txt"
cat >"$folder/job.yaml" <<SPEC
version: 1
name: soak
seed: $seed
model: {kind: transformer, layers: 1, heads: 2, width: 48, context: 48}
data: {text: text.txt, symbols: bytes}
train: {batch: 8, learning_rate: 2e-3, local_steps: ${LOCAL_STEPS:-20}, rounds: $rounds}
outer: {optimizer: nesterov}
exchange: {deadline: 60s, attempts: 100}
checkpoint: {every: 5}
SPEC
sets=()
for setting in "$@"; do sets+=(--set "$setting"); done
RANDOM=$seed
started=$(date +%s)
"$vain" run --local "$members" --restart "$folder/job.yaml" --out "$folder/out" --json "${sets[@]}" \
    >"$folder/result.json" 2>"$folder/log" &
parent=$!
# Rounds that the furthest member has recorded.
round_now() {
    cat "$folder"/out/member-*/record.jsonl 2>/dev/null | grep -o '"round": *[0-9]*' |
        grep -o '[0-9]*' | sort -n | tail -1
}
kills=0
next=$every # none near the end: who comes back when all have finished finds nobody to ask
while kill -0 "$parent" 2>/dev/null; do
    now=$(round_now)
    if [ "${now:-0}" -ge "$next" ] && [ "${now:-0}" -lt $((rounds - 15)) ]; then
        mapfile -t children < <(pgrep -P "$parent")
        victim=${children[RANDOM % ${#children[@]}]}
        kill -9 "$victim" 2>/dev/null && kills=$((kills + 1))
        next=$((now + every))
    fi
    sleep 0.05
done
wait "$parent"
code=$?
echo "settings          $members members, $rounds rounds, one killed every $every rounds, seed $seed ${*:-}"
echo "exit code         $code after $(($(date +%s) - started)) s, $kills kills"
grep -o '"\(rounds\|members_lost\|members_joined\|rounds_burned\|stopped\)":[^,}]*' "$folder/result.json" |
    tr -d '"' | tr '\n' ' '
echo
wrong=0
for ((i = 0; i < members; i++)); do
    "$vain" record verify "$folder/out/member-$i" >"$folder/verified" 2>&1 || wrong=$((wrong + 1))
    head -1 "$folder/verified" | sed "s/^/member-$i  /"
done
hashes=$(for ((i = 0; i < members; i++)); do
    "$vain" ckpt show --json "$folder/out/member-$i/checkpoint-$(printf %06d "$rounds").h5" |
        grep -o '"parameters_hash":"[^"]*"'
done | sort | uniq -c)
echo "final parameters  $(echo "$hashes" | wc -l) kind(s): $hashes"
if [ "$code" -ne 0 ] || [ "$wrong" -ne 0 ] || [ "$(echo "$hashes" | wc -l)" -ne 1 ]; then
    grep "error" "$folder/log" | head -5
    tail -40 "$folder/log"
    echo "soak              failed"
    exit 1
fi
echo "soak              passed"
