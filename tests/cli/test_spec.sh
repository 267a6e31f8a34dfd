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
answer 0 explain job.yaml --members 3 "${masked[@]}" --set exchange.level=2
has "explain of own masks" "$(value data.privacy.learns.members)" 'more than two thirds of all'
answer 0 explain job.yaml --members 65 "${masked[@]}" --set exchange.level=2
has "explain of a large group" "$(value data.privacy.learns.members)" 'no more than a third of all'
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
    has "a spec that is not there" "$("$JSON_LINE" error error.message <out.txt)" \
        '^nowhere.yaml: No such file or directory; name a job spec'
    answer 2 "$verb" job.yaml --set train.batc=8
    has "a wrong --set" "$err" 'train.batc'
    answer 2 "$verb" job.yaml --set train.batch=x
done
answer 2 eval nothing.h5 wrong.yaml
answer 2 bench step wrong.yaml
answer 0 validate job.yaml --set train.batch=8 --set train.rounds=3
python3 "$SOURCE/tests/make_images.py" images 200
images=(--set data.images="$PWD/images" --set data.train_images=train-images-idx3-ubyte
    --set data.train_labels=train-labels-idx1-ubyte --set data.test_images=t10k-images-idx3-ubyte
    --set data.test_labels=t10k-labels-idx1-ubyte)
python3 "$SOURCE/tests/make_episodes.py" episodes 60 20
episodes=(--set data.episodes="$PWD/episodes" --set data.episode_order=order --set data.train_classes=40)
for i in 1 2 3 4 5 6 7 8; do
    for label in 0 1 2 3; do
        for split in train val test; do
            printf '%s\t%d\tsentence %d of label %d\n' "$split" "$label" "$i" "$label"
        done
    done
done >intents.tsv
for example in "$SOURCE"/examples/*.yaml; do
    answer 0 validate "$example"
    if grep -q '^  images:' "$example"; then
        answer 0 explain "$example" "${images[@]}"
    elif grep -q '^  pairs:' "$example"; then
        answer 0 explain "$example" --set data.pairs="$PWD/intents.tsv"
    elif grep -q '^  episodes:' "$example"; then
        answer 0 explain "$example" "${episodes[@]}"
    else
        answer 0 explain "$example" --set data.text="$PWD/corpus.txt" --set data.partition=disjoint
    fi
done

call 2 validate job.yaml --set foo.bar=1
has "all keys there are" "$err" 'exchange, checkpoint'

# Members on hosts of their own.
{
    cat job.yaml
    echo 'members:'
    for i in 1 2 3 4; do
        printf '  - {name: m%d, key: "%064d", addresses: node%d:4000}\n' "$i" "$i" "$i"
    done
} >hosts.yaml
tls=(--set exchange.transport=tls)
answer 0 validate hosts.yaml "${tls[@]}"
answer 0 explain hosts.yaml "${tls[@]}"
equal "members that a round needs" 3 "$(value data.hosts.quorum)"
equal "who dials whom" '[ "m1", "m2", "m3", "m4" ]' "$(value data.hosts.dial_order)"
equal "members that may be gone" 1 "$(value data.hosts.may_be_gone)"
equal "links are measured for the ring" true "$(value data.hosts.ring_measured)"
equal "what a loss costs in the clear" exchange "$(value data.hosts.a_loss_costs)"
answer 0 explain hosts.yaml "${tls[@]}" --set exchange.privacy=masked
equal "what a loss costs in masks" 'local steps' "$(value data.hosts.a_loss_costs)"
has "what the network learns" "$(value data.privacy.learns.network)" 'TLS 1\.3'
call 0 explain hosts.yaml "${tls[@]}" --set exchange.privacy=masked --set start.quorum=3
has "with whom it begins" "$out" 'begins when 3 of them have met'
has "who dials whom" "$out" "'m1', 'm2', 'm3', 'm4': each dials those"
has "how many it needs" "$out" '3 of 4 members .* 1 may be'
has "a resolved address" "$out" 'addresses: \["node4:4000"\]'
lacks "explain of hosts" "$out" 'in one process'
head -n -1 hosts.yaml >three.yaml
call 0 explain three.yaml "${tls[@]}"
has "three members" "$out" 'none may be'
has "three members" "$out" 'with 4 members'
call 0 explain hosts.yaml
lacks "explain of the list under a launcher" "$out" '^hosts '
call 2 validate hosts.yaml --set start.quorum=2
has "half of them" "$err" 'could both start'
call 2 validate job.yaml "${tls[@]}"
has "tls without members" "$err" "listed in 'members': 2 at least, found 0"
call 2 validate hosts.yaml "${tls[@]}" --set exchange.level=2
has "level 2" "$err" 'without masks'
call 5 run hosts.yaml "${tls[@]}" --quiet
has "a run over tls without a key" "$err" 'holds the key of no member that the spec lists'
call 5 run hosts.yaml "${tls[@]}" --quiet --member m2
has "a run over tls of a member without its key" "$err" "member 'm2' is pinned as .*/m2.key is not there"
call 5 run hosts.yaml "${tls[@]}" --quiet --member m9
has "a run over tls of nobody" "$err" '--member m9: the spec lists no such member'
sed 's/node2:4000/node2/' hosts.yaml >no-port.yaml
call 2 validate no-port.yaml
has "an address without a port" "$err" "^no-port.yaml:[0-9]+:[0-9]+: .*'node2': the port is missing"

answer 0 bench step job.yaml --windows 1 --seconds 0.1
has "tokens a second" "$(value data.tokens_per_second)" '^[0-9.e+]+$'
finish
