#!/usr/bin/env bash
# Two members killed at calls that write, from the start until both have saved two rounds: whoever has no file of its
# own by then is late, not new, and the run arrives at the parameters of one that was never killed.
# usage: VAIN=build/vain KILLER=libvain_killer.so kill_first_save.sh [STRIDE]      (every third call)
. "$(dirname "$0")/common.sh"
: "${KILLER:?the library of tests/fault/killer.c}"
cd "$scratch" || exit 1
sets=(--set train.rounds=2 --set checkpoint.every=1 --members 2 --quiet --json)
straight=$("$VAIN" run job.yaml "${sets[@]}" --out straight | field parameters_hash)

# harmed CALL: the run, killed before the call with this number (0: only counted)
harmed() {
    rm -rf killed && mkdir killed
    { VAIN_FAULT_PATH=$scratch/killed VAIN_FAULT_AT=$1 VAIN_FAULT_MODE=kill VAIN_FAULT_LOG=$scratch/calls \
        LD_PRELOAD=$KILLER "$VAIN" run job.yaml "${sets[@]}" --out killed >killed.json 2>killed.log; } 2>/dev/null
}

harmed 0
expect "a run whose calls are counted: exit code" 0 $?
calls=$(cat calls)
expect "there are calls to harm" yes "$([ "$calls" -gt 50 ] && echo yes)"
for ((call = 1; call <= calls; call += ${1:-3})); do
    harmed $call
    # Threads take turns as they like, so the last calls may not all come: then the run was done.
    code=$?
    expect "call $call: killed, or it was done" yes "$([ $code -eq 137 ] || [ $code -eq 0 ] && echo yes)"
    "$VAIN" run job.yaml "${sets[@]}" --out killed >killed.json 2>killed.log
    expect "killed at call $call of $calls: the parameters" "$straight" "$(field parameters_hash <killed.json)"
done
finish
