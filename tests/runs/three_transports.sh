#!/usr/bin/env bash
# One job, the same parameters bit for bit: members that are threads of a process (loop), ranks of a world (mpi),
# processes that `--local` starts, and processes that were started one by one with keys of their own (tls); in the
# clear, under pair masks, under pair masks and own ones, and with commitments to what is under those.
# usage: VAIN=build/vain three_transports.sh      (without mpirun, mpi is left out, and said to be)
. "$(dirname "$0")/common.sh"
cd "$scratch" || exit 1
trap 'jobs -p | xargs -r kill -KILL 2>/dev/null; rm -rf "$scratch"' EXIT
export VAIN_HOME=$scratch/home
names=(member-0 member-1 member-2 member-3)
members=4
quiet=(--quiet --json --set start.timeout=60s --set exchange.linger=5s)

# The same members with keys and addresses, for those who start one by one.
ports=$(python3 -c 'import socket
held = [socket.socket() for _ in range(4)]
for one in held:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in held))')
{
    cat job.yaml
    echo 'members:'
    for name in "${names[@]}"; do
        "$VAIN" key new "$name" >/dev/null
        printf '  - {name: %s, key: %s, addresses: "127.0.0.1:%s"}\n' "$name" \
            "$("$VAIN" key show "$name" --json | field member_id)" "${ports%% *}"
        ports=${ports#* }
    done
} >listed.yaml

# Parameters of the newest checkpoint in a member's folder.
parameters_in() {
    "$VAIN" ckpt show --json "$(printf '%s\n' "$1"/checkpoint-*.h5 | tail -n 1)" | field parameters_hash
}

# expect_same WHAT FOLDER: the reference's parameters, and a record of all rounds that verifies
expect_same() {
    expect "$1: parameters" "$wanted" "$(parameters_in "$2")"
    "$VAIN" record verify "$2/record.bin" --json >verified.json
    expect "$1: records that verify" 6 "$(field records <verified.json)"
    expect "$1: rounds with commitments" "$committed" "$(field rounds_committed <verified.json)"
}

# run_listed NAME ARGUMENT...: a process a member, with its own key; waits for all
run_listed() {
    local folder=$1 process
    shift
    processes=()
    for name in "${names[@]}"; do
        "$VAIN" run listed.yaml --member "$name" --set exchange.transport=tls "${quiet[@]}" "$@" \
            --out "$folder/$name" >"$folder-$name.json" 2>"$folder-$name.log" &
        processes+=($!)
    done
    for process in "${processes[@]}"; do
        wait "$process"
        expect "$folder: exit code of a member" 0 $?
    done
}

wanted=$("$VAIN" run job.yaml --members $members "${quiet[@]}" --out reference | field parameters_hash)
expect "a hash to compare with" 64 "${#wanted}"
for way in none masked/1 masked/2 masked/2/committed; do
    folder=${way//\//-}
    set_way=(--set exchange.privacy="${way%%/*}")
    case $way in masked/1) set_way+=(--set exchange.level=1) ;; masked/2*) set_way+=(--set exchange.level=2) ;; esac
    committed=0
    [ "$way" = "${way%committed}" ] || { set_way+=(--set exchange.commitments=true); committed=6; }

    "$VAIN" run job.yaml --members $members "${quiet[@]}" "${set_way[@]}" --out "loop-$folder" >/dev/null 2>loop.log
    expect_same "loop, $way" "loop-$folder"
    if command -v mpirun >/dev/null; then
        mpirun -n $members "$VAIN" run job.yaml "${quiet[@]}" "${set_way[@]}" --out "mpi-$folder" >/dev/null 2>mpi.log
        expect_same "mpi, $way" "mpi-$folder"
    fi
    "$VAIN" run job.yaml --local $members "${quiet[@]}" "${set_way[@]}" --out "local-$folder" >local.json 2>local.log
    expect "local, $way: nobody was lost" 0 "$(field members_lost <local.json)"
    run_listed "listed-$folder" "${set_way[@]}"
    for name in "${names[@]}"; do
        expect_same "--local, $way, $name" "local-$folder/$name"
        expect_same "tls with own keys, $way, $name" "listed-$folder/$name"
    done
done
command -v mpirun >/dev/null || echo "no mpirun here: the runs over mpi were left out"
finish
