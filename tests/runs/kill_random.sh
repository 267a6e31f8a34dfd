#!/usr/bin/env bash
# A run killed at random moments always goes on from a valid state, and arrives at the parameters of a run that was
# never killed.
# usage: VAIN=build/vain kill_random.sh [KILLS [SEED]]      (10 kills; the moments follow from the seed)
. "$(dirname "$0")/common.sh"
cd "$scratch" || exit 1
kills=${1:-10} seed=${2:-1}
# Every step of the way writes: a checkpoint each round, of a model whose files take a moment.
sets=(--set train.rounds=40 --set checkpoint.every=1 --set model.width=128 --members 2 --quiet --json)
straight=$("$VAIN" run job.yaml "${sets[@]}" --out straight | field parameters_hash)
mapfile -t delays < <(python3 -c 'import random,sys
random.seed(int(sys.argv[2]))
for _ in range(int(sys.argv[1])): print("%.3f" % random.uniform(0.02, 0.9))' "$kills" "$seed")

landed=0
for delay in "${delays[@]}"; do
    timeout --signal=KILL "$delay" "$VAIN" run job.yaml "${sets[@]}" --out killed >/dev/null 2>killed.log
    code=$?
    [ $code -eq 137 ] && landed=$((landed + 1))
    expect "after $delay s: killed, or it was done" yes "$([ $code -eq 137 ] || [ $code -eq 0 ] && echo yes)"
    for file in killed/checkpoint-*.h5; do
        [ -e "$file" ] || continue
        "$VAIN" ckpt verify "$file" >/dev/null 2>verify.log
        expect "after $delay s: $file is valid" 0 $?
    done
    [ $code -eq 0 ] && mv killed "done-$delay"
done
hash=$("$VAIN" run job.yaml "${sets[@]}" --out killed | field parameters_hash)
expect "the parameters at the end" "$straight" "$hash"
for folder in killed done-*; do
    [ -d "$folder" ] || continue
    "$VAIN" record verify "$folder/record.bin" >/dev/null 2>&1
    expect "$folder: the record verifies" 0 $?
done
expect "at least half of the kills hit a running program" yes "$([ $((2 * landed)) -ge "$kills" ] && echo yes)"
finish
