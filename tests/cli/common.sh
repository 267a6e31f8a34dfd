# shellcheck shell=bash
# Shared by the scripts of this folder: a scratch folder that is also the home, and checks.
# usage: sourced, with VAIN (the program), JSON_LINE (made of json_line.c) and SOURCE (the
# repository) set.
set -u
: "${VAIN:?the path of the vain program}" "${JSON_LINE:?the path of json_line}"
: "${SOURCE:?the repository}"
scratch=$(mktemp -d)
clean_up() { # also what a script that was cut off left running
    jobs -p | xargs -r kill -KILL 2>/dev/null
    wait 2>/dev/null
    rm -rf "$scratch"
}
trap clean_up EXIT
cd "$scratch" || exit 1
export HOME=$scratch VAIN_HOME=$scratch/home LC_ALL=C.UTF-8
unset NO_COLOR FORCE_COLOR TERM XDG_CONFIG_HOME VAIN_LAUNCH
passed=0 failed=0

pass() {
    passed=$((passed + 1))
}
fail() { # fail WHAT FOUND
    failed=$((failed + 1))
    printf 'FAILED: %s\n' "$1"
    [ $# -lt 2 ] || printf '%s\n' "$2" | head -n 12 | sed 's/^/    /'
}

# call CODE ARGUMENT...: run the program; its output is in $out and $err. Checks the exit code.
call() {
    local wanted=$1 code
    shift
    "$VAIN" "$@" >out.txt 2>err.txt </dev/null
    code=$?
    out=$(tr -d '\0' <out.txt) err=$(cat err.txt)
    if [ "$code" -eq "$wanted" ]; then
        pass
    else
        fail "vain $*: expected exit code $wanted, found $code" "$out$err"
    fi
}
has() { # has WHAT TEXT PATTERN: TEXT holds the extended regular expression
    if grep -qE -- "$3" <<<"$2"; then pass; else fail "$1: no '$3' in" "$2"; fi
}
lacks() {
    if grep -qE -- "$3" <<<"$2"; then fail "$1: '$3' in" "$2"; else pass; fi
}
holds() { # holds WHAT COMMAND...
    local what=$1
    shift
    if "$@"; then pass; else fail "$what"; fi
}
flip() { # flip FILE PLACE BIT: change one bit
    local byte
    byte=$(od -An -tu1 -j"$2" -N1 "$1")
    # shellcheck disable=SC2059  # the format is the byte
    printf "\\x$(printf %x $((byte ^ $3)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
equal() { # equal WHAT WANTED FOUND
    if [ "$2" = "$3" ]; then pass; else fail "$1: expected '$2', found '$3'"; fi
}
# answer CODE ARGUMENT...: the same with --json: the answer must be one valid line, of status ok
# (codes 0 and 1) or error. Values of its paths: value PATH.
answer() {
    local wanted=$1 status=error
    shift
    [ "$wanted" -gt 1 ] || status=ok
    answer_of "$wanted" "$status" "$@"
}
answer_of() { # the same with the status given
    local wanted=$1 status=$2 problem
    shift 2
    call "$wanted" "$@" --json
    if problem=$("$JSON_LINE" "$status" <out.txt 2>&1); then
        pass
    else
        fail "vain $* --json: $problem"
    fi
    [ "$status" = ok ] || equal "exit code in the answer to vain $*" "$wanted" \
        "$("$JSON_LINE" error error.exit_code <out.txt)"
}
value() {
    "$JSON_LINE" ok "$1" <out.txt 2>&1
}
finish() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# A text that a small model learns, and a job on it.
make_job() {
    awk 'BEGIN {
        srand(5)
        n = split("ring tree sum mask round member site share key vote", words, " ")
        for (i = 0; i < 4000; i++)
            printf "%s%s", words[1 + int(rand() * n)], i % 9 == 8 ? "\n" : " "
    }' >corpus.txt
    cat >job.yaml <<'YAML'
version: 1
name: small
seed: 3
model: {layers: 1, heads: 2, width: 16, context: 16}
data: {text: corpus.txt}
train: {batch: 4, rounds: 5, local_steps: 8, learning_rate: 1e-2, warmup: 3, threads: 1}
outer: {optimizer: nesterov}
checkpoint: {every: 2}
YAML
}
