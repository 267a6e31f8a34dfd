#!/usr/bin/env bash
# Signals and deaths under mpirun: the exit codes, and the same parameters after going on.
#
# The runs have more rounds than any machine gets through while we look, so that a signal always hits one at work.
# They reach an end because a constant schedule makes the path the same for every number of rounds: the last start
# names the checkpoint and gives a few more rounds than were done.
# usage: VAIN=build/vain stop_and_resume.sh
. "$(dirname "$0")/common.sh"
cd "$scratch" || exit 1
# The runs are masked, the one that nothing stops is not: masks change no bit, and a member that comes back sends what
# it had promised to the same members.
steady=(--set train.schedule=constant --set checkpoint.every=10 --quiet --json)
masked=("${steady[@]}" --set exchange.privacy=masked)
endless=("${masked[@]}" --set train.rounds=100000)

# start FOLDER: the endless run, in the background; it goes on from what the folder holds.
start() {
    mpirun -n 3 "$VAIN" run job.yaml "${endless[@]}" --out "$1" >"$1.json" 2>"$1.log" &
    job=$!
}

# Wait until the run in folder $1 has done a step of round $2 (the metrics file tells); without that there is nothing
# to test.
wait_for_round() {
    until grep -q "\"event\":\"step\".*\"round\":$2\\b" "$1/metrics.jsonl" 2>/dev/null; do
        if ! kill -0 "$job" 2>/dev/null; then
            expect "$1: a step of round $2" "a step" "the run has ended: $(tail -n 3 "$1.log")"
            finish
            exit 1
        fi
        sleep 0.05
    done
}

# The last round of which a step was done.
last_round() {
    grep '"event":"step"' "$1/metrics.jsonl" | tail -n 1 | sed 's/.*"round":\([0-9]*\).*/\1/'
}

# signal NAME WHICH: to the rank of the job that was started as number WHICH.
signal() {
    local victim
    victim=$(pgrep -P "$job" -f 'run job.yaml' | sed -n "$2p")
    expect "SIG$1: rank $2 of mpirun's is there" yes "$([ -n "$victim" ] && echo yes)"
    [ -z "$victim" ] || kill "-$1" "$victim"
}

# stop NAME FOLDER: every rank saves and leaves because one of them got the signal.
stop() {
    signal "$1" 2
    wait "$job"
    expect "SIG$1 at one rank of $2: exit code" 75 $?
    expect "SIG$1 at one rank of $2: says that it was stopped" True "$(field stopped <"$2.json")"
}

# compare FOLDER: ten rounds more than the folder's stopped run has done are those of a run that nothing stopped.
compare() {
    local done_rounds rounds straight hash
    done_rounds=$(field rounds <"$1.json")
    rounds=$((done_rounds + 10))
    straight=$("$VAIN" run job.yaml --members 3 "${steady[@]}" --set train.rounds=$rounds --out "straight-$1" |
        field parameters_hash)
    hash=$(mpirun -n 3 "$VAIN" run job.yaml "${masked[@]}" --set train.rounds=$rounds --out "$1" \
        --resume "$(printf '%s/checkpoint-%06d.h5' "$1" "$done_rounds")" 2>"$1.log" | field parameters_hash)
    expect "$1: the resumed run arrives at the same parameters after $rounds rounds" "$straight" "$hash"
    hash=$(mpirun -n 3 "$VAIN" run job.yaml "${masked[@]}" --set train.rounds=$rounds --out "$1" \
        --resume "$(printf '%s/checkpoint-%06d.h5' "$1" "$done_rounds")" 2>"$1.log" | field parameters_hash)
    expect "$1: the same command again" "$straight" "$hash"
    expect "$1: says once that it goes on where it was" 1 "$(grep -c "to round $rounds in .* goes on from there" "$1.log")"
    "$VAIN" record verify "$1/record.bin" >/dev/null
    expect "$1: the record verifies" 0 $?
}

for number in TERM USR2; do
    start "stop$number"
    wait_for_round "stop$number" 12
    stop $number "stop$number"
    first=$(field rounds <"stop$number.json")
    start "stop$number"
    wait_for_round "stop$number" $((first + 3))
    stop $number "stop$number"
    expect "SIG$number: the same command went on" yes \
        "$([ "$(field rounds <"stop$number.json")" -ge $((first + 2)) ] && echo yes)"
    compare "stop$number"
done

start killed
wait_for_round killed 25
signal KILL 3
wait "$job"
code=$?
expect "SIGKILL at one rank: mpirun fails" yes "$([ $code -ne 0 ] && [ $code -ne 75 ] && echo yes)"
newest=$(printf '%s\n' killed/checkpoint-*.h5 | tail -n 1)
"$VAIN" ckpt verify "$newest" >/dev/null
expect "SIGKILL: the newest checkpoint is valid" 0 $?
seen=$(last_round killed)
start killed
wait_for_round killed $((seen + 3))
stop TERM killed
compare killed

# What all ranks find wrong before they start is said once, and nobody waits.
mpirun -n 3 "$VAIN" run nowhere.yaml >/dev/null 2>nowhere.log
expect "a spec that is not there, on 3 ranks: exit code" 5 $?
expect "a spec that is not there, on 3 ranks: said once" 1 "$(grep -c '^nowhere.yaml: error' nowhere.log)"

# Several tasks that do not find each other must not train alone, each for itself.
SLURM_JOB_ID=1 SLURM_STEP_ID=0 SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=0 \
    "$VAIN" run job.yaml --out alone >/dev/null 2>alone.log
expect "4 tasks, a world of 1: exit code" 2 $?
expect "4 tasks, a world of 1: says the fix" yes "$(grep -q -- '--mpi=pmix' alone.log && echo yes)"
finish
