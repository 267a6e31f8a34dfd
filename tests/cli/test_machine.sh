#!/usr/bin/env bash
# version, doctor and bench checkpoint: what they say of this machine.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

answer 0 version
has "version" "$(value data.version)" '^[0-9]+\.[0-9]+\.[0-9]+$'
equal "licence" MIT "$(value data.licence)"
has "platform" "$(value data.platform)" '^vain=[0-9.]+ device=cpu libm=glibc-[0-9.]+ product=(fused|plain)$'
version=$(value data.version)
call 0 version
has "version as text" "$out" "^vain $version\$"
call 0 -V
has "-V" "$out" "^vain $version\$"
call 0 --version
has "--version" "$out" "^vain $version\$"

state() { # state CHECK: of doctor's answer in out.txt
    local i
    for ((i = 0; i < $(value 'data.checks.#'); i++)); do
        [ "$(value "data.checks.$i.check")" = "$1" ] && value "data.checks.$i.state" && return
    done
    echo absent
}
mkdir work && cd work || exit 1
answer 0 doctor
cp out.txt healthy.txt
equal "healthy" true "$(value data.healthy)"
for check in vain arithmetic device MPI HDF5 libsodium cores memory "key folder" "current folder" \
    "file locks" "free space"; do
    has "state of $check" "$(state "$check")" '^(ok|warning)$'
done
has "device" "$(cat out.txt)" '(cpu|cuda:0) .*\((no GPU: |device: auto found)'
equal "what doctor leaves behind" 3 "$(find . -type f | wc -l)"
call 0 doctor
has "doctor as text" "$out" '^Check +State +Found'

# It finds what is broken, and says how to mend it.
call 0 key new alice
chmod 644 "$VAIN_HOME/keys/alice.key"
answer 1 doctor
equal "not healthy" false "$(value data.healthy)"
equal "an open key" broken "$(state 'key folder')"
has "how to mend it" "$(cat out.txt)" 'chmod 600'
chmod 600 "$VAIN_HOME/keys/alice.key"
chmod 777 "$VAIN_HOME/keys"
answer 1 doctor
equal "an open key folder" broken "$(state 'key folder')"
chmod 700 "$VAIN_HOME/keys"
answer 0 doctor
equal "mended" ok "$(state 'key folder')"
VAIN_LAUNCH=frobnicate answer 1 doctor
equal "a wrong VAIN_LAUNCH" broken "$(state MPI)"
SLURM_JOB_ID=1 SLURM_NTASKS=4 answer 0 doctor
equal "a Slurm job without srun" warning "$(state MPI)"
has "how to use its tasks" "$(cat out.txt)" 'has 4 tasks, but srun did not.*srun --mpi=pmix vain run'
cd .. || exit 1
# A folder that cannot be written, even by root: /proc has no files to make.
here=$PWD
cd /proc || exit 1
"$VAIN" doctor >"$here/out.txt" 2>"$here/err.txt"
code=$?
cd "$here" || exit 1
equal "doctor in a folder that cannot be written" 1 "$code"
has "doctor in a folder that cannot be written" "$(cat out.txt)" 'current folder +broken'

answer 0 bench checkpoint --mib 2 --directory .
equal "bytes" 2097152 "$(value data.bytes)"
equal "runs" 5 "$(value 'data.seconds.#')"
for key in seconds_median raw_seconds_median ratio; do
    has "$key" "$(value "data.$key")" '^[0-9.e-]+$'
done
equal "what bench leaves behind" "" "$(find . -name 'vain-bench*')"
call 0 bench checkpoint --mib 1 --directory .
has "bench as text" "$out" 'ratio of the rates'
answer 5 bench checkpoint --mib 1 --directory nowhere
finish
