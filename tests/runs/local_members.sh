#!/usr/bin/env bash
# Members on their own hosts, as processes of this machine: killed and started again, stopped and gone on with, frozen
# for a while, with keys of their own. Whatever happens they end alike, each with a whole record.
#
# Rounds are watched in the members' records; the runs have far more of them than pass while we look.
# usage: VAIN=build/vain local_members.sh [SEED]      (which members are killed, and when)
. "$(dirname "$0")/common.sh"
cd "$scratch" || exit 1
# Nothing of this script outlives it.
trap 'jobs -p | xargs -r kill -KILL 2>/dev/null; rm -rf "$scratch"' EXIT
RANDOM=${1:-1}
members=4
small=(--set model.layers=1 --set model.width=16 --set train.batch=2 --set train.local_steps=4 --quiet --json)
small+=(--set checkpoint.every=10 --set start.timeout=60s)

# start FOLDER ARGUMENT...: members on their own hosts, in the background
start() {
    local folder=$1
    shift
    "$VAIN" run job.yaml --local $members "${small[@]}" --out "$folder" "$@" >"$folder.json" 2>"$folder.log" &
    job=$!
}

# Rounds that are in the record of any member of folder $1.
rounds_of() {
    cat "$1"/member-*/record.jsonl 2>/dev/null | sed -n 's/.*"round": *\([0-9]*\).*/\1/p' | sort -n | tail -n 1
}

# Until a member of folder $1 has recorded round $2; without that there is nothing to test.
wait_for_round() {
    until [ "$(rounds_of "$1" | grep -c .)" -gt 0 ] && [ "$(rounds_of "$1")" -ge "$2" ]; do
        if ! kill -0 "$job" 2>/dev/null; then
            expect "$1: round $2" "a record of it" "the run has ended: $(tail -n 3 "$1.log")"
            finish
            exit 1
        fi
        sleep 0.05
    done
}

# The process of member $1: they are forked in order, and one that is started again comes last.
process_of() {
    for child in $(pgrep -P "$job"); do
        if readlink "/proc/$child/fd/"* 2>/dev/null | grep -q "/member-$1/"; then
            echo "$child"
            return
        fi
    done
}

# signal NAME MEMBER
signal() {
    local victim
    victim=$(process_of "$2")
    expect "SIG$1: member $2 is there" yes "$([ -n "$victim" ] && echo yes)"
    [ -z "$victim" ] || kill "-$1" "$victim"
}

# Parameters of the newest checkpoint in a member's folder.
parameters_in() {
    "$VAIN" ckpt show --json "$(printf '%s\n' "$1"/checkpoint-*.h5 | tail -n 1)" | field parameters_hash
}

# expect_alike FOLDER ROUNDS MEMBER...: these have all rounds in their records, and the same parameters
expect_alike() {
    local folder=$1 rounds=$2 first='' member hash
    shift 2
    for member in "$@"; do
        hash=$(parameters_in "$folder/$member")
        first=${first:-$hash}
        expect "$folder: a hash of $member" 64 "${#hash}"
        expect "$folder: parameters of $member" "$first" "$hash"
        expect "$folder: the record of $member" "$rounds" \
            "$("$VAIN" record verify "$folder/$member/record.bin" --json | field records)"
    done
}
all=(member-0 member-1 member-2 member-3)

# ---- what is wrong with the spec is told as without --local, and what it says comes back from the members whole
expect "a wrong key: its name and place" 1 "$("$VAIN" run job.yaml --local $members "${small[@]}" \
    --set train.batsh=2 --out wrong 2>&1 >/dev/null | grep -c "unknown key 'train.batsh'")"
expect "the published figure is told" "to compare with  a figure" "$("$VAIN" run job.yaml --local $members \
    "${small[@]/--json/--quiet}" --set train.rounds=2 --set 'published=a figure' --out told 2>/dev/null | grep compare)"

# ---- all fail for the same reason: it is told once
start unread --set data.text=nothing.txt
wait "$job"
expect "unread: exit code" 5 $?
expect "unread: the reason is told once, beside what is shown of member 0" 2 "$(grep -c 'nothing.txt: no such file' unread.log)"
expect "unread: and the others are named" 3 "$(grep -c '^vain: member-[0-3] ended with exit code 5, and the same words as member-[0-3]$' unread.log)"

expect "unread: programs get one object" yes "$(grep -q \
    '"status":"error".*"message":"member-[0-3]: .*nothing.txt: no such file.*"exit_code":5' unread.json && echo yes)"

# ---- one fails at once, and the others for want of it: what is told is the first
for member in 0 1 3; do cp corpus.txt "own-member-$member.txt"; done
start third --set 'data.text=own-{name}.txt' --set data.partition=named --set start.timeout=2s
wait "$job"
expect "third: exit code" 5 $?
expect "third: the first failure" yes \
    "$(grep -q '"message":"member-2: .*own-member-2.txt: no such file.*"exit_code":5' third.json && echo yes)"

# ---- what --local does not go by is not passed over in silence
expect "another transport: exit code" 2 "$("$VAIN" run job.yaml --local $members "${small[@]}" --out other \
    --set exchange.transport=loop >other.json 2>other.log; echo $?)"
expect "another transport: the way out" 1 "$(grep -c 'exchange.transport=loop: .*use --members N' other.log)"

# ---- nobody dies: the bits of members in one process
for privacy in none masked; do
    loop=$("$VAIN" run job.yaml --members $members "${small[@]}" --set train.rounds=20 --out "loop-$privacy" |
        field parameters_hash)
    start "quiet-$privacy" --set train.rounds=20 --set exchange.privacy=$privacy
    wait "$job"
    expect "$privacy: exit code" 0 $?
    expect "$privacy: --local equals --members" "$loop" "$(field parameters_hash <"quiet-$privacy.json")"
    expect "$privacy: nobody was lost" 0 "$(field members_lost <"quiet-$privacy.json")"
    expect_alike "quiet-$privacy" 20 "${all[@]}"
done

# ---- members are killed again and again, and come back
for privacy in none masked; do
    folder=killed-$privacy
    start "$folder" --restart --set train.rounds=400 --set exchange.privacy=$privacy
    for kill in 1 2 3 4 5; do
        wait_for_round "$folder" $((kill * 50 + RANDOM % 30))
        victim=$((RANDOM % members))
        process=$(process_of $victim)
        [ -z "$process" ] || kill -KILL "$process"
    done
    wait "$job"
    expect "$folder: exit code" 0 $?
    expect "$folder: somebody was killed, and its log's last line is told" yes \
        "$(grep -q 'was killed by signal 9; it is started again; the last line of .*/member-[0-3]\.log: .' \
            "$folder.log" && echo yes)"
    expect_alike "$folder" 400 "${all[@]}"
done

# ---- one is killed for good: the others finish
start lost --set train.rounds=60 --set exchange.linger=2s
wait_for_round lost 10
signal KILL 2
wait "$job"
expect "lost: exit code" 0 $?
expect "lost: members lost" 1 "$(field members_lost <lost.json)"
expect "lost: said once, with who goes on" 1 \
    "$(grep -c "round [0-9]*: member 'member-2' is gone (.*); 3 of 4 go on" lost.log)"
expect_alike lost 60 member-0 member-1 member-3
for member in "${all[@]}"; do
    expect "lost: $member has a log" "vain: member starts" \
        "$(sed -n "1s/: 20.*Z: $member/: member/p" "lost/$member.log")"
done
expect "lost: what the others saw is in their logs, with the time" 2 \
    "$(cat lost/member-[13].log | grep -c "^vain: 20[-0-9]*T[0-9:.]*Z: round [0-9]*: member 'member-2' is gone")"
expect "lost: member 0 is shown" "$(grep -c . lost/member-0.log)" \
    "$(($(grep -c . lost.log) - $(grep -c '^vain: member-2 was killed' lost.log) + 1))"
start lost --set train.rounds=60 --set exchange.linger=2s
wait "$job"
expect "lost, and started once more: exit code" 0 $?
expect_alike lost 60 "${all[@]}"

# ---- all are stopped, and go on
start stopped --set train.rounds=100000 --set train.schedule=constant
wait_for_round stopped 12
kill -TERM "$job"
wait "$job"
expect "stopped: exit code" 75 $?
expect "stopped: says so" True "$(field stopped <stopped.json)"
for member in "${all[@]}"; do
    expect "stopped: $member has saved" yes "$(printf '%s\n' stopped/"$member"/*.h5 | grep -q "$member-" && echo yes)"
done
seen=$(rounds_of stopped)
start stopped --set train.rounds=100000 --set train.schedule=constant
wait_for_round stopped $((seen + 12))
kill -TERM "$job"
wait "$job"
expect "stopped again: exit code" 75 $?
expect "stopped again: no round came twice or is missing" "$(field rounds <stopped.json)" \
    "$("$VAIN" record verify "$(dirname "$(field record <stopped.json)")" --json | field records)"

# ---- all are stopped wherever they are in a round: nobody leaves who is needed to open its sum
seen=0
for stop in 1 2 3 4 5 6 7 8; do
    start opened --set train.rounds=100000 --set train.schedule=constant --set exchange.privacy=masked --set exchange.level=2
    wait_for_round opened $((seen + 8))
    kill -TERM "$job"
    wait "$job"
    expect "opened, $stop: exit code" 75 $?
    seen=$(rounds_of opened)
done
expect "opened: no sum was lost" 0 "$(cat opened/*.log | grep -c 'the sum is lost')"

# ---- one stands still for longer than the deadline, and wakes up
start frozen --set train.rounds=100000 --set train.schedule=constant --set exchange.deadline=2s
wait_for_round frozen 10
sleeper=$(process_of 1)
expect "frozen: member 1 is there" yes "$([ -n "$sleeper" ] && echo yes)"
kill -STOP "$sleeper"
seen=$(rounds_of frozen)
wait_for_round frozen $((seen + 20)) # at most one round was under way
expect "frozen: the others say so" yes "$(grep -q "member 'member-1' is" frozen.log && echo yes)"
kill -CONT "$sleeper"
until grep -q "member 'member-1' has joined" frozen.log || ! kill -0 "$job" 2>/dev/null; do sleep 0.05; done
seen=$(rounds_of frozen)
wait_for_round frozen $((seen + 5))
kill -TERM "$job"
wait "$job"
expect "frozen: exit code" 75 $?
expect "frozen: it has joined again" 1 "$(grep -c "member 'member-1' has joined" frozen.log)"

# ---- keys of their own, and a list of members
export VAIN_HOME=$scratch/home
names=(ann bob cid dan)
ports=$(python3 -c 'import socket
held = [socket.socket() for _ in range(4)]
for one in held:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in held))')
{
    sed '/^threads/d' job.yaml
    echo 'exchange: {transport: tls}'
    echo 'members:'
    for name in "${names[@]}"; do
        # Ids that do not begin with a zero: those of nobody do.
        until "$VAIN" key new "$name" --json | field member_id | grep -q '^[1-9a-f]'; do rm home/keys/"$name".*; done
        printf '  - {name: %s, key: %s, addresses: "127.0.0.1:%s"}\n' "$name" \
            "$("$VAIN" key show "$name" --json | field member_id)" "${ports%% *}"
        ports=${ports#* }
    done
} >federation.yaml
"$VAIN" key renew bob >/dev/null # the spec pins the root's id, which stays
expect "keyed: bob has its next key" 1 "$("$VAIN" key show bob --json | field key_epoch)"
mkdir keyed
for name in "${names[@]}"; do
    "$VAIN" run federation.yaml --member "$name" "${small[@]/--quiet/--json}" --set train.rounds=20 --out "keyed/$name" \
        >"$name.json" 2>"$name.log" &
    eval "$name=$!"
done
for name in "${names[@]}"; do
    wait "${!name}"
    expect "$name: exit code" 0 $?
    expect "$name: says where it is" 1 "$(grep -c "^vain: member '$name' listens at 127.0.0.1:[0-9]* and waits for the others (3)" "$name.log")"
done
expect_alike keyed 20 "${names[@]}"
expect "keyed: two members' checkpoints may differ in what they saw, not in parameters" yes \
    "$("$VAIN" ckpt diff keyed/ann/checkpoint-000020.h5 keyed/bob/checkpoint-000020.h5 |
        grep -q -e '^equal$' -e '^the parameters are equal, bit for bit$' && echo yes)"
expect "keyed: --local says that it does not use the list" 1 "$("$VAIN" run federation.yaml --local $members \
    "${small[@]/--quiet/--json}" --set train.rounds=2 --out keyed/local 2>&1 >/dev/null |
    grep -c 'the 4 members that federation.yaml lists take no part')"
# ---- one that is stopped before it was in a round: who is listed stands in what it saves
"$VAIN" run federation.yaml --member ann "${small[@]/--quiet/--json}" --out early >early.json 2>early.log &
job=$!
until grep -q 'waits for the others' early.log || ! kill -0 "$job" 2>/dev/null; do sleep 0.05; done
kill -TERM "$job"
wait "$job"
expect "early: exit code" 75 $?
expect "early: the checkpoint names all that are listed" "ann bob cid dan" \
    "$("$VAIN" ckpt show --json early/checkpoint-000000.h5 | grep -o '"name": *"[a-z]*", *"member_id": *"[1-9a-f]' |
        cut -d'"' -f4 | sort | xargs)"

expect "keyed: who is who is said when it is not clear" yes \
    "$("$VAIN" run federation.yaml --out keyed/none 2>&1 | grep -q -- '--member NAME' && echo yes)"
finish
