#!/usr/bin/env bash
# Signals and deaths under mpirun: the exit codes, and the same parameters after going on.
# usage: VAIN=build/vain stop_and_resume.sh
. "$(dirname "$0")/common.sh"
cd "$scratch" || exit 1
long=(--set train.rounds=120 --set checkpoint.every=10 --quiet)
straight=$("$VAIN" run job.yaml --members 3 "${long[@]}" --out straight --json | field parameters_hash)

# Wait until the run in folder $1 has done a step of round $2 (the metrics file tells), so that signals hit it at work.
wait_for_round() {
    until grep -q "\"event\":\"step\".*\"round\":$2\\b" "$1/metrics.jsonl" 2>/dev/null; do
        kill -0 "$job" 2>/dev/null || return 1
        read -r -t 0.02 _ </dev/zero || true
    done
}

for number in TERM USR2; do
    mpirun -n 3 "$VAIN" run job.yaml "${long[@]}" --out "stop$number" >/dev/null 2>"stop$number.log" &
    job=$!
    wait_for_round "stop$number" 12
    victim=$(pgrep -P "$job" -f 'run job.yaml' | sed -n 2p)
    kill "-$number" "$victim"
    wait "$job"
    expect "SIG$number at one rank: exit code" 75 $?
    hash=$(mpirun -n 3 "$VAIN" run job.yaml "${long[@]}" --out "stop$number" --json | field parameters_hash)
    expect "SIG$number: the resumed run arrives at the same parameters" "$straight" "$hash"
    "$VAIN" record verify "stop$number/record.bin" >/dev/null
    expect "SIG$number: the record verifies" 0 $?
done

mpirun -n 3 "$VAIN" run job.yaml "${long[@]}" --out killed >/dev/null 2>killed.log &
job=$!
wait_for_round killed 25
start=$SECONDS
kill -KILL "$(pgrep -P "$job" -f 'run job.yaml' | sed -n 3p)"
wait "$job"
code=$?
expect "SIGKILL at one rank: mpirun fails" yes "$([ $code -ne 0 ] && echo yes)"
expect "SIGKILL: within 10 s" yes "$([ $((SECONDS - start)) -le 10 ] && echo yes)"
newest=$(printf '%s\n' killed/checkpoint-*.h5 | tail -1)
"$VAIN" ckpt verify "$newest" >/dev/null
expect "SIGKILL: the newest checkpoint is valid" 0 $?
hash=$(mpirun -n 3 "$VAIN" run job.yaml "${long[@]}" --out killed --json | field parameters_hash)
expect "SIGKILL: the resumed run arrives at the same parameters" "$straight" "$hash"

# Several tasks that do not find each other must not train alone, each for itself.
SLURM_JOB_ID=1 SLURM_STEP_ID=0 SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=0 \
    "$VAIN" run job.yaml --out alone >/dev/null 2>alone.log
expect "4 tasks, a world of 1: exit code" 2 $?
expect "4 tasks, a world of 1: says the fix" yes "$(grep -q -- '--mpi=pmix' alone.log && echo yes)"
finish
