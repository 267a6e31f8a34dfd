#!/usr/bin/env bash
# Whole runs in one process: they learn, they are the same bits however they are run, and they go on after
# a signal or a full disk.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
make_job

# ---- a run, and what it leaves
answer 0 run job.yaml --quiet
equal "what --quiet says" "" "$err"
hash=$(value data.parameters_hash)
before=$(value data.first_validation_loss)
after=$(value data.validation_loss)
holds "it learns: $before to $after" awk -v a="$before" -v b="$after" 'BEGIN { exit !(b < a - 0.2) }'
equal "steps" 40 "$(value data.steps)"
equal "stopped" false "$(value data.stopped)"
"$VAIN" version --json >version.txt
equal "platform" "$("$JSON_LINE" ok data.platform <version.txt)" "$(value data.platform)"
for file in checkpoint-000005.h5 member-member-0-000005.h5 metrics.jsonl record.bin record.jsonl loss.svg; do
    holds "runs/small/$file" [ -s "runs/small/$file" ]
done
equal "mode of the member's file" 600 "$(stat -c %a runs/small/member-member-0-000005.h5)"
answer 0 ckpt verify runs/small/checkpoint-000005.h5
answer 0 record verify runs/small/record.bin
call 0 run job.yaml --out plain
has "the summary" "$out" '^validation loss '
has "the summary" "$out" 'plain/checkpoint-000005.h5'
answer 0 run job.yaml --quiet
equal "a run that is done already" "$hash" "$(value data.parameters_hash)"
sum=$(sha256sum runs/small/checkpoint-000005.h5)
answer 0 run job.yaml --quiet --resume runs/small/checkpoint-000005.h5 --set train.learning_rate=0.5
equal "a checkpoint that is there already is not written under other keys" "$sum" \
    "$(sha256sum runs/small/checkpoint-000005.h5)"
answer 0 run job.yaml --quiet --set train.rounds=1 --out $'no-utf8-\xff'
equal "a path that is no UTF-8" $'no-utf8-\ufffd/record.bin' "$(value data.record)"

# ---- refusals: nothing is overwritten
sums=$(sha256sum runs/small/*.h5 runs/small/record.bin)
answer 5 run job.yaml --quiet --resume none
answer 5 run job.yaml --quiet --resume nowhere.h5
answer 5 run job.yaml --quiet --resume corpus.txt
answer 5 run job.yaml --quiet --out fresh --set data.text=nowhere.txt
has "no such text" "$err" 'nowhere.txt'
# shellcheck disable=SC2016 # not expanded is the matter
answer 2 run job.yaml --quiet --out '$SCRATCH/run'
# shellcheck disable=SC2016,SC2088
answer 2 run job.yaml --quiet --set checkpoint.directory='~/run'
answer 2 run job.yaml --quiet --out fresh --set data.text=/dev/null
answer 2 run job.yaml --quiet --out fresh --set train.batch=0
answer 2 run job.yaml --quiet --out fresh --set exchange.transport=mpi
answer_of 1 error run job.yaml --quiet --out /proc/nowhere
for value in 0 -1 x 1025; do
    call 2 run job.yaml --members "$value"
done
equal "the files of the first run" "$sums" "$(sha256sum runs/small/*.h5 runs/small/record.bin)"
answer 5 run job.yaml --quiet --out fresh --resume runs/small/member-member-0-000005.h5

# ---- the same bits
run_hash() { # run_hash FOLDER ARGUMENT...
    local folder=$1
    shift
    rm -rf "$folder"
    call 0 run job.yaml --quiet --json --out "$folder" "$@"
    value data.parameters_hash
}
equal "with two threads" "$hash" "$(run_hash a --set train.threads=2)"
for members in 1 2 3 4 5 8; do
    one=$(run_hash one --members "$members")
    has "$members members" "$one" '^[0-9a-f]{64}$'
    equal "$members members again" "$one" "$(run_hash again --members "$members")"
    answer 0 record verify one
    equal "members in the record" "$members" "$(value 'data.members.#')"
    [ "$members" -ne 4 ] || four=$one
done
for threads in 2 4; do
    equal "four members with $threads threads" "$four" "$(run_hash one --members 4 --set train.threads=$threads)"
done
cp job.yaml kept.yaml
echo 'members: [{name: ada}, {name: bob}, {name: eve}]' >>job.yaml
three=$(run_hash one --members 3)
cp kept.yaml job.yaml
echo 'members: [{name: eve}, {name: ada}, {name: bob}]' >>job.yaml
equal "members in another order" "$three" "$(run_hash again --members 3)"
answer 2 run job.yaml --quiet --members 2 --out fewer
cp kept.yaml job.yaml

# ---- a start that is refused leaves nothing behind, and takes nothing away
call 5 run job.yaml --quiet --set data.text=nowhere.txt
has "the key of a path" "$err" "^vain: error: data.text: ./nowhere.txt: no such file; paths are relative"
# shellcheck disable=SC2016  # not to be expanded
call 5 run job.yaml --quiet --set 'data.text=$HOME/nowhere.txt'
has "a variable in a path" "$err" 'data.text: .*variables such as .HOME are not expanded in a job spec.* --set'
call 2 run job.yaml --quiet --set data.text=/dev/null
has "the key of a device" "$err" 'error: data.text: /dev/null: is a device'
mkdir kept
cp job.yaml listed.yaml
echo 'members: [{name: alice}, {name: bob}, {name: carol}]' >>listed.yaml
for folder in refused kept refused/; do # `call` sets $out
    call 5 run job.yaml --quiet --set data.text=nowhere.txt --out $folder
    call 2 run listed.yaml --quiet --members 2 --out $folder
    call 2 run job.yaml --quiet --set exchange.privacy=masked --out $folder
    has "too few for masks" "$err" 'start at least 3 members \(mpirun -n 3, srun -n 3, or --members 3 on this machine\)'
done
holds "a folder that only a refused start made is gone" [ ! -e refused ]
equal "files of refused starts in a folder that was there" "" "$(ls -A kept)"
# Not even where it has to speak before it is refused, or made more than one folder.
mkdir deep && cd deep || exit 1
cp ../corpus.txt .
sed 's/^name: .*/name: other/' ../job.yaml >job.yaml
call 2 run job.yaml --quiet --members 2 --set exchange.privacy=masked --out some/where
call 5 run job.yaml --quiet --resume nowhere.h5
call 5 run job.yaml --quiet --set data.text=nowhere.txt
cp job.yaml hosts.yaml
printf 'exchange: {transport: tls}\nmembers:\n' >>hosts.yaml
for i in 1 2; do
    printf '  - {name: m%d, key: %064d, addresses: "127.0.0.1:4000%d"}\n' $i $i $i >>hosts.yaml
done
call 5 run hosts.yaml --quiet
has "a start of nobody" "$err" 'holds the key of no member'
equal "what refused starts leave" "hosts.yaml job.yaml" \
    "$(find . -mindepth 1 -not -name '*.txt' -printf '%P\n' | sort | xargs)"
cd .. || exit 1
sums=$(cd runs/small && sha256sum ./* .lock)
call 5 run job.yaml --quiet --set data.text=nowhere.txt
equal "a folder with a run after a refused start" "$sums" "$(cd runs/small && sha256sum ./* .lock)"

# ---- several tasks, and srun forgotten: not an error, but not in silence
idle='this Slurm job has 4 tasks, but srun did not start this process: one member trains alone;'
idle+='.*srun --mpi=pmix vain run job.yaml'
SLURM_JOB_ID=1 SLURM_NTASKS=4 SLURM_PROCID=0 call 0 run job.yaml --quiet --out alone
has "a batch script without srun" "$err" "$idle"
has "its metrics" "$(cat alone/metrics.jsonl)" "$idle"
SLURM_JOB_ID=1 SLURM_NTASKS=4 SLURM_PROCID=0 call 0 run job.yaml --quiet --out together --members 2
lacks "members in one process" "$err" 'srun'

# ---- stopped and resumed
# The run that is stopped has more rounds than any machine gets through while we look, so that the signal hits it at
# work. A constant schedule makes the path the same for every number of rounds, so that the last start, which names
# the checkpoint, may end a few rounds later.
steady=(--quiet --json --members 2 --set train.schedule=constant --set checkpoint.every=50
    --set train.evaluate_every=0) # measured at the start and with each checkpoint
stop_at() { # stop_at SIGNAL ROUND: start or go on, and send the signal when a step of the round is done
    "$VAIN" run job.yaml "${steady[@]}" --set train.rounds=100000 --out stopped >out.txt 2>err.txt &
    local process=$!
    until grep -q "\"event\":\"step\".*\"round\":$2\\b" stopped/metrics.jsonl 2>/dev/null; do
        if ! kill -0 $process 2>/dev/null; then
            fail "a step of round $2 before SIG$1" "$(cat out.txt err.txt)"
            finish
            exit 1
        fi
        sleep 0.05
    done
    if [ -e /proc/$process/coredump_filter ]; then # keys lie in its memory
        equal "kinds of memory in a core dump" 00000000 "$(cat /proc/$process/coredump_filter)"
    fi
    kill -"$1" $process
    wait $process
    equal "exit code after SIG$1" 75 $?
    equal "the answer after SIG$1" true "$(value data.stopped)"
    rounds=$(value data.rounds)
    holds "rounds done by SIG$1: $rounds" [ "$rounds" -ge $(($2 - 1)) ]
    equal "the round that the loss was measured after" $((rounds / 50 * 50)) "$(value data.measured_round)"
}
for signal in TERM USR2 INT; do
    rm -rf stopped
    stop_at $signal 1
    stop_at $signal $((rounds + 3))
    for file in stopped/checkpoint-*.h5; do
        answer 0 ckpt verify "$file"
    done
    longer=$((rounds + 20))
    straight=$(run_hash straight "${steady[@]:2}" --set train.rounds=$longer)
    call 0 run job.yaml "${steady[@]}" --set train.rounds=$longer --out stopped \
        --resume "$(printf 'stopped/checkpoint-%06d.h5' "$rounds")"
    equal "parameters after SIG$signal and a resume" "$straight" "$(value data.parameters_hash)"
    answer 0 record verify stopped
    equal "records after SIG$signal and a resume" $longer "$(value data.records)"
    equal "the members of the record by name" false "$(value data.members_changed)"
    equal "their throw-away keys" true "$(value data.keys_changed)"
done
for signal in USR1 HUP XCPU; do
    rm -rf again
    mv stopped again # what follows looks into it
    stop_at $signal 1
    call 0 ckpt ls stopped
    lacks "losses that nobody measured" "$out" 'nan'
    rm -rf stopped
    mv again stopped
done
(trap '' HUP; exec "$VAIN" run job.yaml "${steady[@]}" --set train.rounds=100000 --out nohup >out.txt 2>err.txt) &
process=$!
hung_up=no
for ((i = 0; i < 600; i++)); do
    sleep 0.1
    [ $hung_up = yes ] || ! grep -q '"event":"step"' nohup/metrics.jsonl 2>/dev/null || {
        kill -HUP $process
        hung_up=yes
        steps=$(grep -c '"event":"step"' nohup/metrics.jsonl)
    }
    [ $hung_up = no ] || [ "$(grep -c '"event":"step"' nohup/metrics.jsonl)" -le $((steps + 20)) ] || break
done
kill -TERM $process
wait $process
equal "exit code after SIGHUP under nohup, and SIGTERM" 75 $?
has "what stopped it" "$(tail -n 3 nohup/metrics.jsonl)" '"signal":15'
call 0 record verify stopped
has "new throw-away keys" "$out" 'same by name, but keys changed'
call 0 record verify runs/small
lacks "the keys of one start" "$out" 'changed'
cp job.yaml others.yaml
echo 'members: [{name: member-0}, {name: bob}]' >>others.yaml
call 0 run others.yaml "${steady[@]}" --set train.rounds=$((longer + 1)) --out stopped \
    --resume "$(printf 'stopped/checkpoint-%06d.h5' "$longer")"
call 0 record verify stopped
has "another member" "$out" 'The members changed on the way'

# ---- a full disk: every file that would grow past the limit fails to be written
limited() { # limited KIB ARGUMENT...
    local kib=$1
    shift
    (trap '' XFSZ; ulimit -f "$kib"; exec "$VAIN" "$@" >out.txt 2>err.txt)
}
eight=(--quiet --json --set train.rounds=8 --set checkpoint.every=4)
straight=$(run_hash full "${eight[@]:2}")
rm full/*-000008.h5
sums=$(sha256sum full/*-000004.h5)
limited 40 run job.yaml "${eight[@]}" --out full
equal "exit code on a full disk" 1 $?
equal "what it says" storage "$("$JSON_LINE" error error.code <out.txt)"
equal "the files of the round before" "$sums" "$(sha256sum full/*-000004.h5)"
answer 0 ckpt verify full/checkpoint-000004.h5
equal "what is left behind" "" "$(find full -name '*.part-*')"
call 0 run job.yaml "${eight[@]}" --out full
equal "parameters after a full disk" "$straight" "$(value data.parameters_hash)"
answer 0 record verify full
finish
