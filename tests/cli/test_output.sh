#!/usr/bin/env bash
# What goes where: results to standard output, the rest to standard error, colours on terminals only,
# and a failure to write is a failure.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
escape=$(printf '\033')

for setting in "" NO_COLOR=1 TERM=dumb "NO_COLOR=1 TERM=xterm"; do
    # shellcheck disable=SC2086  # several settings
    env $setting "$VAIN" doctor >out.txt 2>err.txt
    lacks "doctor into a file with '$setting'" "$(cat out.txt err.txt)" "$escape"
    # shellcheck disable=SC2086
    env $setting "$VAIN" key show nobody >out.txt 2>err.txt
    lacks "an error into a file with '$setting'" "$(cat out.txt err.txt)" "$escape"
done
FORCE_COLOR=1 "$VAIN" doctor >out.txt 2>err.txt
has "doctor with FORCE_COLOR" "$(cat out.txt)" "$escape\\[32mok"
# script(1) gives a terminal.
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then # a machine may lack terminals
    TERM=xterm script -qec "$VAIN key show nobody" /dev/null >out.txt </dev/null
    has "an error on a terminal" "$(cat out.txt)" "$escape\\["
    TERM=xterm NO_COLOR=1 script -qec "$VAIN key show nobody" /dev/null >out.txt </dev/null
    lacks "the same with NO_COLOR" "$(cat out.txt)" "$escape"
    TERM=dumb script -qec "$VAIN key show nobody" /dev/null >out.txt </dev/null
    lacks "the same on a dumb terminal" "$(cat out.txt)" "$escape"
fi

call 5 key show nobody
equal "standard output of a failure" "" "$out"
has "a failure" "$err" '^vain: error: '
for words in "version" "version --json" "doctor" "doctor --json" "schema" "schema --markdown" "help"; do
    read -ra verb <<<"$words"
    "$VAIN" "${verb[@]}" >/dev/full 2>err.txt
    equal "exit code of vain $words on a full disk" 1 $?
    has "vain $words on a full disk" "$(cat err.txt)" 'cannot be written'
    # A reader that goes away ends the writer, by the signal or by a failed write, and nothing else is said.
    ("$VAIN" "${verb[@]}" 2>err.txt; echo $? >code.txt) | true
    has "exit code of vain $words into a closed pipe" "$(cat code.txt)" '^(0|1|141)$'
    lacks "vain $words into a closed pipe" "$(cat err.txt)" 'assert|bug|stack'
done
("$VAIN" schema 2>err.txt; echo $? >code.txt) | head -c 10 >/dev/null
has "exit code of a long answer into a closed pipe" "$(cat code.txt)" '^(0|1|141)$'

# File names that are no UTF-8 still give valid JSON.
name=$(printf 'a\377b')
answer 5 ckpt ls "./$name"
answer 5 record verify "./$name"
answer 5 validate "./$name.yaml"
finish
