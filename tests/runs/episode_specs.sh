#!/usr/bin/env bash
# The example specs that learn to learn at a small setting, on drawings that are made here (a real HDF5 file): they learn,
# masks change no bit, and what is wrong with the data is said.
# usage: VAIN=build/vain episode_specs.sh
. "$(dirname "$0")/common.sh"
tests=$(cd "$(dirname "$0")/.." && pwd)
examples=$tests/../examples
cd "$scratch" || exit 1
# h5py may belong to another Python than the first; without one the same set is read from idx files.
data=few.h5
if ! python3 "$tests/make_episodes.py" $data 80 12 2>h5py.log && ! /usr/bin/python3 "$tests/make_episodes.py" $data 80 12 2>>h5py.log; then
    data=few
    python3 "$tests/make_episodes.py" $data 80 12
fi
small=(--set data.episodes="$scratch/$data" --set data.episode_order=order --set data.train_classes=55 --set train.threads=1
    --set meta.evaluation_tasks=60 --set meta.final_tasks=60 --quiet)

# run OUT SPEC ARGUMENT...: the result, on standard output
run() {
    local out=$1 spec=$2
    shift 2
    "$VAIN" run "$examples/omniglot-$spec.yaml" "${small[@]}" --out "out/$out" --json "$@" 2>"$out.log"
}
# above WHAT FLOOR FOUND
above() {
    expect "$1 (found $3)" above "$(python3 -c "print('above' if float('$3' or 0) > $2 else 'below')")"
}
# learns SPEC FLOOR ARGUMENT...: above the floor, and better than before
learns() {
    local spec=$1 floor=$2 before
    shift 2
    run "$spec" "$spec" "$@" >"$spec.json"
    expect "$spec: exit code" 0 $?
    above "$spec: accuracy" "$floor" "$(field accuracy <"$spec.json")"
    above "$spec: transductive accuracy" "$floor" "$(field accuracy_transductive <"$spec.json")"
    before=$(python3 -c 'import json, sys
for line in open(sys.argv[1]):
    event = json.loads(line)
    if event["event"] == "evaluation":
        print(event["accuracy"])
        break' "out/$spec/metrics.jsonl")
    above "$spec: better than before training" "$before" "$(field accuracy <"$spec.json")"
    expect "$spec: pictures" yes "$([ -s "out/$spec/loss.svg" ] && [ -s "out/$spec/accuracy.svg" ] && echo yes)"
}
# Guessing is right in 20 % and 5 %.
learns reptile-5way1shot 0.6 --set train.rounds=3 --set train.local_steps=20
learns reptile-5way5shot 0.8 --set train.rounds=3 --set train.local_steps=20
learns reptile-20way1shot 0.3 --set train.rounds=2 --set train.local_steps=6 --set meta.evaluation_tasks=15 \
    --set meta.final_tasks=15
learns reptile-20way5shot 0.6 --set train.rounds=2 --set train.local_steps=6 --set meta.evaluation_tasks=8 \
    --set meta.final_tasks=8
learns maml-5way1shot 0.6 --set train.rounds=3 --set train.local_steps=20 --set train.learning_rate=5e-3

"$VAIN" run "$examples/omniglot-reptile-5way1shot.yaml" "${small[@]}" --out out/told --set train.rounds=1 \
    --set train.local_steps=1 >told.txt 2>&1
expect "the published figure is named" 1 "$(grep -c 'to compare with.*95.39' told.txt)"
expect "both accuracies have an interval" 2 "$(grep -c '% +- .* (95 % interval)' told.txt)"

# An evaluation of the last checkpoint tells what the run told, from the moments in the member's file.
again=$("$VAIN" eval out/reptile-5way1shot/checkpoint-000003.h5 "$examples/omniglot-reptile-5way1shot.yaml" "${small[@]:0:12}" \
    --json 2>eval.log | field accuracy)
expect "an evaluation tells what the run told" "$(field accuracy <reptile-5way1shot.json)" "$again"
expect "an evaluation is silent about what it has" 0 "$(grep -c 'what the member kept' eval.log)"
mv out/reptile-5way1shot/member-member-0-000003.h5 kept.h5
"$VAIN" eval out/reptile-5way1shot/checkpoint-000003.h5 "$examples/omniglot-reptile-5way1shot.yaml" "${small[@]:0:12}" >eval.txt 2>eval.log
expect "without the member's file: exit code" 0 $?
expect "without the member's file: said" 1 "$(grep -c 'what the member kept' eval.log)"
mv kept.h5 out/reptile-5way1shot/member-member-0-000003.h5

# Four members with tasks of their own.
four=(--members 4 --set train.rounds=3 --set train.local_steps=4 --set meta.evaluation_tasks=10 --set meta.final_tasks=10)
for spec in reptile-5way1shot maml-5way1shot; do
    bare=$(run "bare-$spec" "$spec" "${four[@]}" | field parameters_hash)
    masked=$(run "masked-$spec" "$spec" "${four[@]}" --set exchange.privacy=masked | field parameters_hash)
    expect "$spec: masks change no bit" "$bare" "$masked"
done

# What is wrong is said: file, data set, value, way out.
refused() { # refused EXIT-CODE WHAT PATTERN ARGUMENT...
    local wanted=$1 what=$2 pattern=$3
    shift 3
    run refused reptile-5way1shot --set train.rounds=1 "$@" >refused.out
    local code=$?
    expect "$what: refused" "$wanted" $code
    expect "$what: said" 1 "$(grep -c -- "$pattern" <(cat refused.out refused.log) | awk '{print ($1 > 0)}')"
}
refused 5 "a set that is not there" "'nothing'" --set data.episode_images=nothing
refused 2 "a class with too few examples" "class [0-9]* has 12 examples, but a task takes 13 of each class" \
    --set meta.train_shots=13
refused 2 "more classes in a task than there are" "a task takes 26 classes, and there are 25" --set data.way=26
refused 2 "more classes to train on than there are" "80 classes" --set data.train_classes=81
refused 2 "an order that is none" "order" --set data.episode_order=images_nearest
refused 2 "steps that a method does not take" "train.learning_rate" --set train.learning_rate=1e-3
refused 2 "another method" "data.episodes" --set train.method=supervised
finish
