#!/usr/bin/env bash
# validate, explain and schema: what a spec says, or what is wrong in it and where.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
make_job

answer 0 validate job.yaml
answer 0 explain job.yaml
answer 0 schema
call 0 validate job.yaml
call 0 explain job.yaml
has "explain" "$out" 'learning_rate'
lacks "explain of one member" "$out" 'in one process'
call 0 explain job.yaml --members 4
has "explain of four" "$out" 'in one process \(--members 4\)'
answer 0 explain job.yaml --members 4
holds "four members take more than one" test "$(value data.memory_bytes_in_one_process)" -gt \
    "$(value data.memory_bytes)"
# In a masked sum of three nobody knows one other's part; in one of two each knows the other's.
masked=(--set exchange.privacy=masked --set exchange.allow_small=true)
answer 0 explain job.yaml --members 3 "${masked[@]}"
has "explain of three in masks" "$(value data.privacy.learns.members)" "Not one other member's delta"
answer 0 explain job.yaml --members 2 "${masked[@]}"
has "explain of two in masks" "$(value data.privacy.learns.members)" "the other member's"
lacks "explain of two in masks" "$(value data.privacy.learns.members)" 'Not one'
call 0 explain job.yaml --members 2 "${masked[@]}"
lacks "explain of two in masks, as text" "$out" 'Not one other'
cp job.yaml listed.yaml
echo 'members: [{name: alice}, {name: bob}, {name: carol}]' >>listed.yaml
answer 0 explain listed.yaml
equal "members of the list" 3 "$(value data.members)"
call 0 explain listed.yaml --members 3
call 2 explain listed.yaml --members 5
has "explain of others than are listed" "$err" '--members 5, but the spec lists 3 members'
call 2 run listed.yaml --quiet
has "a run of one of three" "$err" 'lists 3 members, but 1 has started; .*--members 3'
call 0 schema
has "the schema" "$out" 'draft-07'
"$VAIN" schema --json | "$JSON_LINE" ok 'data.schema.$schema' >out.txt
has "the schema in JSON" "$(cat out.txt)" 'draft-07'
call 0 schema --markdown
has "the reference" "$out" '^\| '

# All errors at once, each with its place.
cat >wrong.yaml <<'YAML'
version: 1
train:
  batc: 4
  rounds: -1
model: {kind: transfomer}
YAML
call 2 validate wrong.yaml
has "an unknown key" "$err" '^wrong.yaml:3:3: '
has "its hint" "$err" "did you mean '?(train\.)?batch"
has "a wrong number" "$err" '^wrong.yaml:4:11: '
has "a wrong choice" "$err" '^wrong.yaml:5:15: '
equal "standard output of wrong spec" "" "$out"
for verb in validate explain run; do
    answer 2 "$verb" wrong.yaml
    equal "problems that $verb found" 3 "$("$JSON_LINE" error 'error.problems.#' <out.txt)"
    equal "line" 3 "$("$JSON_LINE" error error.problems.0.line <out.txt)"
    equal "column" 3 "$("$JSON_LINE" error error.problems.0.column <out.txt)"
    answer 5 "$verb" nowhere.yaml
    answer 2 "$verb" job.yaml --set train.batc=8
    has "a wrong --set" "$err" 'train.batc'
    answer 2 "$verb" job.yaml --set train.batch=x
done
answer 2 eval nothing.h5 wrong.yaml
answer 2 bench step wrong.yaml
answer 0 validate job.yaml --set train.batch=8 --set train.rounds=3
for example in "$SOURCE"/examples/*.yaml; do
    answer 0 validate "$example"
    answer 0 explain "$example" --set data.text="$PWD/corpus.txt"
done
answer 0 bench step job.yaml --windows 1 --seconds 0.1
has "tokens a second" "$(value data.tokens_per_second)" '^[0-9.e+]+$'
finish
