#!/usr/bin/env bash
# Every verb explains itself, refuses what it does not know with a hint, and stands in the manual.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

verbs=(run validate explain schema ckpt generate eval record key doctor bench version)
pairs=("ckpt ls" "ckpt show" "ckpt diff" "ckpt verify" "ckpt export" "record verify" "record show"
    "key new" "key show" "key renew" "bench step" "bench checkpoint" "bench exchange")
manual=$(cat "$SOURCE/docs/vain.1")
completion=$(cat "$SOURCE/packaging/completion/vain.bash")

call 0 help
for verb in "${verbs[@]}"; do
    has "the overview" "$out" "^  $verb "
done
equal "verbs in the overview" "${#verbs[@]}" "$(sed -n '/^Verbs:/,/^$/p' out.txt | grep -c '^  [a-z]')"
call 0 --help
call 0 -h
call 2
equal "standard output of vain alone" "" "$out"
for words in "run a.yaml" "ckpt show a.h5 --json" "key new --folder x"; do
    read -ra verb <<<"$words"
    call 0 "${verb[@]}" -h
    has "vain $words -h" "$out" '^Usage: vain '
done
call 5 generate nowhere.h5 --prompt -h
has "-h as a value" "$err" 'nowhere.h5'

for words in "${verbs[@]}" "${pairs[@]}"; do
    read -ra verb <<<"$words"
    call 0 "${verb[@]}" --help
    equal "standard error of vain $words --help" "" "$err"
    has "vain $words --help" "$out" '^Usage: .*'"$words"
    has "vain $words --help" "$out" '^Examples?:'
    has "vain $words --help" "$out" "^ +.*vain $words"
    help=$out
    call 0 help "${verb[@]:0:1}"
    has "the manual" "$manual" "^\.(Cm|It Cm) .*${verb[0]}"
    has "the completion" "$completion" "\b${verb[-1]}\b"
    while read -r option; do
        has "the completion (vain $words)" "$completion" "--$option\b"
        has "the manual (vain $words)" "$manual" "Fl -$option\b"
    done < <(grep -oE -- '--[a-z]+' <<<"$help" | grep -vE -- '--(help|usage|mem)$' | sort -u | cut -c3-)
done

# What a shell offers.
# shellcheck source=packaging/completion/vain.bash
. "$SOURCE/packaging/completion/vain.bash"
complete_line() { # complete_line WORD...: the last one is being typed
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMPREPLY=()
    _vain
    echo "${COMPREPLY[*]}"
}
equal "completion of a verb" run "$(complete_line vain ru)"
equal "completion of a verb's verb" "show" "$(complete_line vain ckpt sh)"
equal "completion of an option" "--resume" "$(complete_line vain run job.yaml --resu)"
has "completion after --resume" "$(complete_line vain run job.yaml --resume a)" '^auto'
equal "completion of an option of a verb's verb" "--force" "$(complete_line vain ckpt export --f)"
# Each verb's own options, as its help lists them.
for words in "${verbs[@]}" "${pairs[@]}"; do
    read -ra verb <<<"$words"
    case $words in ckpt | record | key | bench) continue ;; esac
    for option in $("$VAIN" "${verb[@]}" --help | grep -oE '^ +(-[a-z], +)?--[a-z]+' | grep -oE -- '--[a-z]+' |
        grep -v -- '--usage'); do
        has "completion of $option of vain $words" " $(complete_line vain "${verb[@]}" "$option") " " $option "
    done
done
touch job.yaml
equal "completion after --algorithm" "ring" "$(complete_line vain bench exchange --algorithm r)"
equal "completion of a file" job.yaml "$(complete_line vain run jo)"
rm job.yaml

# Wrong words.
value_of_error() {
    "$JSON_LINE" error "$1" <out.txt 2>&1
}
call 2 rum
has "a misspelt verb" "$err" "'rum' is not a verb; did you mean 'run'\?"
call 2 frobnicate
has "an unknown verb" "$err" "vain help"
lacks "an unknown verb" "$err" "did you mean"
call 2 help frobnicate
call 2 ckpt
call 2 ckpt shwo x
has "a misspelt verb of ckpt" "$err" "did you mean 'show'"
call 2 key frobnicate
has "an unknown verb of key" "$err" "vain key --help"
call 2 key --json new
has "an option before the verb" "$err" "vain key VERB --json"
for words in "${verbs[@]}" "${pairs[@]}"; do
    read -ra verb <<<"$words"
    case $words in ckpt | record | key | bench) continue ;; esac
    call 2 "${verb[@]}" --jsn
    has "vain $words --jsn" "$err" "'--jsn' is not an option; did you mean '--json'"
    answer 2 "${verb[@]}" --jsn
    has "vain $words --jsn --json" "$(value_of_error error.message)" "^'--jsn' is not an option; did you mean '--json'"
    call 2 "${verb[@]}" a b c
    equal "standard output of a refusal" "" "$out"
    answer 2 "${verb[@]}" a b c
    has "vain $words a b c --json" "$(value_of_error error.message)" '^[^:]'
done
answer 2 nosuch
equal "an unknown verb" "'nosuch' is not a verb; 'vain help' lists them" "$(value_of_error error.message)"
answer 2 help nosuch
answer 2 ckpt shwo x
equal "a misspelt verb of ckpt" "'shwo' is not a verb; did you mean 'show'?" "$(value_of_error error.message)"
answer 2 key --json new
answer 2 run
has "no spec" "$(value_of_error error.message)" '^SPEC is missing: the job spec to run'
has "no spec" "$err" '^vain run: SPEC is missing: the job spec to run'
has "where help is" "$err" 'vain run --help'
call 2 run --json a.yaml --out
equal "an option without its value" "option '--out' requires an argument" "$(value_of_error error.message)"
answer 2 explain a.yaml --members x
answer 2 key new
answer 2 generate
call 0 run --help --json
has "help with --json" "$out" '^Usage: vain run'
lacks "help with --json" "$out" 'schema_version'
for words in run validate explain generate eval "ckpt ls" "ckpt show" "ckpt diff" "ckpt verify" "ckpt export" \
    "record verify" "record show" "key new" "key show" "bench step"; do
    read -ra verb <<<"$words"
    call 2 "${verb[@]}"
    has "vain $words without anything" "$err" 'missing|needed'
done
for value in x -1 1e3 1000001 ''; do
    call 2 generate ckpt.h5 --tokens "$value"
    has "--tokens $value" "$err" 'expected a whole number from 0 to'
done
for value in x -1 101 nan ''; do
    call 2 generate ckpt.h5 --temperature "$value"
    has "--temperature $value" "$err" 'expected a number from 0 to 100'
done
for value in x -1 18446744073709551616 ''; do
    call 2 generate ckpt.h5 --seed "$value"
    has "--seed $value" "$err" 'expected a whole number'
done
for value in 0 x 65537; do
    call 2 bench checkpoint --mib "$value"
    has "--mib $value" "$err" 'expected a whole number from 1 to 65536'
done
for words in "kib 0" "kib x" "kib 1048577" "mib 0" "mib 65537" "members 0" \
    "members 1025" "runs 0" "runs 101" "runs 2x"; do
    read -r option value <<<"$words"
    call 2 bench exchange "--$option" "$value"
    has "--$words" "$err" "--$option $value: expected a whole number from 1 to [0-9]+"
done
call 2 bench exchange --privacy secret
has "--privacy secret" "$err" 'expected none or masked'
call 2 bench exchange --algorithm star
has "--algorithm star" "$err" 'expected auto, native, ring or tree'
call 2 bench exchange --bits 8
has "--bits 8" "$err" 'expected 32 or 16'
call 2 bench exchange --mib 1 --kib 4
has "two sizes" "$err" 'give --mib or --kib, once'
finish
