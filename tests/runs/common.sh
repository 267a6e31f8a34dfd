# Shared by the scripts of this folder: a scratch folder, a small job, and checks that say what was expected.
# usage: common.sh is sourced with VAIN set to the program.
set -u
: "${VAIN:?the path of the vain program}"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
export OMPI_MCA_oob_tcp_if_include=lo OMPI_MCA_btl=self,vader OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_odls_base_sigkill_timeout=4
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0

# A text that a small model can learn, and a job on it.
python3 - "$scratch/corpus.txt" <<'PY'
import random, sys
random.seed(5)
words = "ring tree sum mask round member site share key vote".split()
with open(sys.argv[1], "w") as f:
    for i in range(6000):
        f.write(random.choice(words) + ("\n" if i % 9 == 8 else " "))
PY
cat > "$scratch/job.yaml" <<'YAML'
version: 1
name: small
seed: 3
model: {layers: 2, heads: 2, width: 32, context: 16}
data: {text: corpus.txt}
train: {batch: 4, rounds: 6, local_steps: 5, learning_rate: 5e-3, warmup: 3, threads: 1}
outer: {optimizer: nesterov}
checkpoint: {every: 2}
YAML

# field NAME: a value of the JSON object on the last line of standard input
field() {
    python3 -c 'import json,sys; print(json.loads(sys.stdin.read().strip().splitlines()[-1])["data"][sys.argv[1]])' "$1"
}

expect() { # expect WHAT WANTED FOUND
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED: %s: expected %s, found %s\n' "$1" "$2" "$3"
    fi
}

finish() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
