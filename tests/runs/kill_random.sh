#!/usr/bin/env bash
# A run killed at random moments always goes on from a valid state, and arrives at the parameters of a run that was
# never killed. The moments are parts of the time that this machine takes for the whole run, so that they hit a slow
# machine and a fast one at the same places.
# usage: VAIN=build/vain kill_random.sh [KILLS [SEED]]      (10 kills; the moments follow from the seed)
. "$(dirname "$0")/common.sh"
cd "$scratch" || exit 1
kills=${1:-10} seed=${2:-1} tries_max=$((5 * ${1:-10}))
# Every step of the way writes: a checkpoint each round, of a model whose files take a moment.
sets=(--set train.rounds=40 --set checkpoint.every=1 --set model.width=128 --members 3 --quiet --json)
masked=("${sets[@]}" --set exchange.privacy=masked) # no other bits, and promises to keep
start=$(date +%s%N)
straight=$("$VAIN" run job.yaml "${sets[@]}" --out straight | field parameters_hash)
nanoseconds=$(($(date +%s%N) - start))
mapfile -t delays < <(python3 -c 'import random, sys
random.seed(int(sys.argv[2]))
for _ in range(int(sys.argv[1])):
    print("%.6f" % (random.uniform(0.02, 1) * int(sys.argv[3]) * 1e-9))' "$tries_max" "$seed" "$nanoseconds")

# Whatever lies in the folder after a kill is whole.
check_files() { # check_files WHEN
    local file
    for file in killed/checkpoint-*.h5; do
        [ -e "$file" ] || continue
        "$VAIN" ckpt verify "$file" >/dev/null 2>verify.log
        expect "$1: $file is valid" 0 $?
    done
}

# A run that came to its end, however often it was killed before, is the straight one.
check_end() { # check_end WHEN
    expect "$1: the parameters at the end" "$straight" "$(field parameters_hash <killed.json)"
    "$VAIN" record verify killed/record.bin >/dev/null 2>&1
    expect "$1: the record verifies" 0 $?
    rm -rf killed
}

landed=0 tries=0
while [ "$landed" -lt "$kills" ] && [ "$tries" -lt "$tries_max" ]; do
    delay=${delays[$tries]}
    tries=$((tries + 1))
    { timeout --signal=KILL "$delay" "$VAIN" run job.yaml "${masked[@]}" --out killed >killed.json 2>killed.log; } \
        2>/dev/null # the shell's word about who was killed
    code=$?
    case $code in
    137) landed=$((landed + 1)) ;;
    0) ;;
    *) expect "try $tries, after $delay s: killed, or it was done ($(tail -n 1 killed.log))" "137 or 0" "$code" ;;
    esac
    check_files "try $tries, after $delay s"
    [ $code -ne 0 ] || check_end "try $tries"
done
"$VAIN" run job.yaml "${masked[@]}" --out killed >killed.json 2>killed.log
expect "the run that is left alone: exit code" 0 $?
check_end "the run that is left alone"
echo "$landed of $tries tries killed a running program, $kills were asked for"
expect "a kill hit a running program" yes "$([ "$landed" -gt 0 ] && echo yes)"
finish
