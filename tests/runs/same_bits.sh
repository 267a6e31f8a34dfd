#!/usr/bin/env bash
# The same job gives the same parameters, bit for bit, over loop and mpi, for 1 to 8 members.
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
done
site=$("$VAIN" run job.yaml --members 3 --set site=world --out site-loop --quiet --json | field parameters_hash)
expect "a site of 3 ranks: mpi equals loop" "$site" \
    "$(mpirun -n 3 "$VAIN" run job.yaml --set site=world --out site-mpi --quiet --json | field parameters_hash)"
bits=$("$VAIN" run job.yaml --members 4 --set exchange.bits=16 --out b-loop --quiet --json | field parameters_hash)
expect "16 bits: mpi equals loop" "$bits" \
    "$(mpirun -n 4 "$VAIN" run job.yaml --set exchange.bits=16 --out b-mpi --quiet --json | field parameters_hash)"
finish
