#!/usr/bin/env bash
# The same job gives the same parameters, bit for bit, over loop and mpi, for 1 to 8 members, masked or not, whichever
# way words are summed, with pinned keys in any order.
# usage: VAIN=build/vain same_bits.sh
. "$(dirname "$0")/common.sh"
cd "$scratch" || exit 1
for members in 1 2 3 4 5 8; do
    loop=$("$VAIN" run job.yaml --members "$members" --out "loop$members" --quiet --json | field parameters_hash)
    mpi=$(mpirun -n "$members" "$VAIN" run job.yaml --out "mpi$members" --quiet --json | field parameters_hash)
    expect "$members members: loop has a hash" 64 "${#loop}"
    expect "$members members: mpi equals loop" "$loop" "$mpi"
    "$VAIN" record verify "mpi$members/record.bin" >/dev/null
    expect "$members members: the record verifies" 0 $?
    [ "$members" -ge 3 ] || continue
    for algorithm in native ring tree auto; do
        masked=$(mpirun -n "$members" "$VAIN" run job.yaml --out "masked$members-$algorithm" --quiet --json \
            --set exchange.privacy=masked --set exchange.algorithm=$algorithm 2>masked.log | field parameters_hash)
        expect "$members members, masked, $algorithm: mpi equals loop in the clear" "$loop" "$masked"
    done
done

# Pinned keys: the list's order says which rank is who, and changes nothing else.
export VAIN_HOME=$scratch/home
pinned() { # pinned NAME...: a job with these members' keys
    cat job.yaml
    echo "exchange: {privacy: masked}"
    echo "members:"
    for name in "$@"; do
        echo "  - {name: $name, key: $("$VAIN" key show "$name" --json | field member_id)}"
    done
}
for name in ann bob cid; do "$VAIN" key new $name >/dev/null; done
pinned ann bob cid >pinned.yaml
pinned cid ann bob >shuffled.yaml
straight=$(mpirun -n 3 "$VAIN" run pinned.yaml --out pinned --quiet --json 2>pinned.log | field parameters_hash)
expect "pinned keys: a hash" 64 "${#straight}"
expect "pinned keys: nobody is told that they are not" 0 "$(grep -c 'keys not pinned' pinned.log)"
expect "pinned keys: another order of the list" "$straight" \
    "$(mpirun -n 3 "$VAIN" run shuffled.yaml --out shuffled --quiet --json | field parameters_hash)"
expect "two members: refused" 2 \
    "$(mpirun -n 2 "$VAIN" run job.yaml --set exchange.privacy=masked --out two >/dev/null 2>two.log; echo $?)"
expect "two members: the way out" yes "$(grep -q exchange.allow_small two.log && echo yes)"
site=$("$VAIN" run job.yaml --members 3 --set site=world --out site-loop --quiet --json | field parameters_hash)
expect "a site of 3 ranks: mpi equals loop" "$site" \
    "$(mpirun -n 3 "$VAIN" run job.yaml --set site=world --out site-mpi --quiet --json | field parameters_hash)"
bits=$("$VAIN" run job.yaml --members 4 --set exchange.bits=16 --out b-loop --quiet --json | field parameters_hash)
expect "16 bits: mpi equals loop" "$bits" \
    "$(mpirun -n 4 "$VAIN" run job.yaml --set exchange.bits=16 --out b-mpi --quiet --json | field parameters_hash)"
finish
