#!/usr/bin/env bash
# The example specs of images at a small setting, on images that are made here: they learn, federated averaging weighs by
# examples, masks change no bit, and what is wrong with the data is said.
# usage: VAIN=build/vain image_specs.sh
. "$(dirname "$0")/common.sh"
tests=$(cd "$(dirname "$0")/.." && pwd)
examples=$tests/../examples
cd "$scratch" || exit 1
python3 "$tests/make_images.py" idx 1000
idx=(--set data.images="$scratch/idx" --set data.train_images=train-images-idx3-ubyte
    --set data.train_labels=train-labels-idx1-ubyte --set data.test_images=t10k-images-idx3-ubyte
    --set data.test_labels=t10k-labels-idx1-ubyte --set train.threads=1 --quiet)

# run OUT SPEC ARGUMENT...: the result, on standard output
run() {
    local out=$1 spec=$2
    shift 2
    "$VAIN" run "$examples/$spec.yaml" "${idx[@]}" --out "out/$out" --json "$@" 2>"$out.log"
}
# above WHAT FLOOR FOUND
above() {
    expect "$1 (found $3)" above "$(python3 -c "print('above' if float('$3' or 0) > $2 else 'below')")"
}

run mlp mnist-mlp --set train.rounds=3 --set train.local_steps=20 --set train.warmup=5 >mlp.json
expect "mnist-mlp: exit code" 0 $?
above "mnist-mlp: accuracy after 60 steps" 0.9 "$(field accuracy <mlp.json)"
expect "mnist-mlp: a picture of the accuracy" yes "$([ -s out/mlp/accuracy.svg ] && echo yes)"
"$VAIN" run "$examples/mnist-mlp.yaml" "${idx[@]}" --out out/told --set train.rounds=1 --set train.local_steps=1 \
    --set train.warmup=0 >told.txt 2>&1
expect "mnist-mlp: the published figure is named" 1 "$(grep -c 'to compare with.*LeCun' told.txt)"

run cnn fashion-cnn --set train.rounds=3 --set train.local_steps=12 --set train.warmup=5 >cnn.json
expect "fashion-cnn: exit code" 0 $?
above "fashion-cnn: accuracy after 36 steps" 0.9 "$(field accuracy <cnn.json)"

# Federated averaging, four members that play five clients each.
fedavg=(--set data.clients=20 --set train.local_steps=2 --set train.rounds=2 --set fedavg.epochs=2 --members 4)
run masked mnist-cnn-fedavg "${fedavg[@]}" --set train.target_accuracy=0.5 >masked.json
expect "mnist-cnn-fedavg: exit code" 0 $?
above "mnist-cnn-fedavg: accuracy after 2 rounds" 0.7 "$(field accuracy <masked.json)"
above "mnist-cnn-fedavg: rounds to the target" 0 "$(field rounds_to_target <masked.json)"
run bare mnist-cnn-fedavg "${fedavg[@]}" --set exchange.privacy=none >bare.json
expect "masks change no bit" "$(field parameters_hash <masked.json)" "$(field parameters_hash <bare.json)"
# Stopped after the first round, the target is known still after a resume.
run resumed mnist-cnn-fedavg "${fedavg[@]}" --set train.target_accuracy=0.5 >resumed.json
run resumed mnist-cnn-fedavg "${fedavg[@]}" --set train.target_accuracy=0.5 >again.json
expect "the target outlives a resume" "$(field rounds_to_target <masked.json)" "$(field rounds_to_target <again.json)"

# Clients of very different sizes, each in one batch, all of them in every round: whoever plays them, the step is that on
# the mean over all examples.
weighed=(--set model.preset=mlp-200 --set train.batch=1000 --set fedavg.epochs=1 --set train.rounds=3
    --set exchange.privacy=none)
uneven=(--set data.partition=dirichlet --set data.dirichlet_alpha=0.3 --set data.clients=8)
one=$(run one mnist-cnn-fedavg "${weighed[@]}" "${uneven[@]}" --set train.local_steps=8 --members 1 | field validation_loss)
four=$(run four mnist-cnn-fedavg "${weighed[@]}" "${uneven[@]}" --set train.local_steps=2 --members 4 | field validation_loss)
all=$(run all mnist-cnn-fedavg "${weighed[@]}" --set data.partition=disjoint --set data.clients=1 \
    --set train.local_steps=1 --members 1 | field validation_loss)
near() { python3 -c "print('near' if abs($1 - $2) < 2e-5 * abs($2) else '$1 and $2')"; }
expect "eight clients of one member are one batch" near "$(near "$one" "$all")"
expect "eight clients of four members are one batch" near "$(near "$four" "$all")"

# A teacher: with a weight of 1 nobody looks at the labels, and what is learned comes from its answers alone.
run teacher fashion-cnn --set data.mean=0.1307 --set data.deviation=0.3081 --set train.rounds=3 --set train.local_steps=12 \
    --set train.warmup=5 >teacher.json
teacher=(--set teacher.checkpoint="$scratch/out/teacher/checkpoint-000003.h5" --set teacher.weight=1 --set train.rounds=3
    --set train.local_steps=20 --set train.warmup=5)
run taught mnist-mlp "${teacher[@]}" >taught.json
expect "a teacher: exit code" 0 $?
above "a teacher alone: accuracy" 0.9 "$(field accuracy <taught.json)"
clients=("${fedavg[@]}" --set model.preset=mlp-200 --set data.mean=0.1307 --set data.deviation=0.3081)
for privacy in none masked; do
    run taught-$privacy mnist-cnn-fedavg "${clients[@]}" --set exchange.privacy=$privacy \
        "${teacher[@]:0:2}" --set teacher.weight=0.5 --set teacher.temperature=2 >taught-$privacy.json
done
run untaught mnist-cnn-fedavg "${clients[@]}" --set exchange.privacy=none >untaught.json
expect "clients with a teacher go another way than without" yes "$([ "$(field parameters_hash <untaught.json)" != \
    "$(field parameters_hash <taught-none.json)" ] && echo yes)"
above "clients with a teacher: accuracy after 2 rounds" 0.5 "$(field accuracy <taught-masked.json)"
expect "clients with a teacher: masks change no bit" "$(field parameters_hash <taught-masked.json)" \
    "$(field parameters_hash <taught-none.json)"
"$VAIN" eval out/taught/checkpoint-000003.h5 "$examples/mnist-mlp.yaml" "${idx[@]:0:10}" \
    --set teacher.checkpoint=/nothing.h5 --json >eval.json 2>eval.log
expect "what was taught is measured without its teacher" "$(field accuracy <taught.json)" "$(field accuracy <eval.json)"

# What is wrong is said: file, data set, value, way out.
refused() { # refused EXIT-CODE WHAT PATTERN ARGUMENT...
    local wanted=$1 what=$2 pattern=$3
    shift 3
    run refused fashion-cnn "$@" >refused.out
    local code=$?
    expect "$what: refused" "$wanted" $code
    expect "$what: said" 1 "$(grep -c -- "$pattern" <(cat refused.out refused.log) | awk '{print ($1 > 0)}')"
}
refused 5 "a set that is not there" 'nothing-idx3' --set data.train_images=nothing-idx3
refused 2 "labels where images should be" 'train-labels-idx1' --set data.train_images=train-labels-idx1-ubyte
refused 2 "more labels than classes" 'image [0-9]* is [0-9]*; expected 0 to 6' --set data.classes=7
refused 2 "a pool larger than the map" 'layer' \
    --set 'model.network=conv 4 3x3 same relu, max-pool 99x99, dense'
refused 2 "images for a model of symbols" 'convnet' --set model.kind=mlp
refused 2 "a key of another model" '2 would do nothing: it is of transformers and encoders, and model.kind is convnet' --set model.layers=2
refused 5 "a teacher that is not there" 'nothing.h5' --set teacher.checkpoint=/nothing.h5
printf 'abcdefgh%.0s' {1..200} >corpus.txt
"$VAIN" run "$examples/shakespeare-tiny.yaml" --set data.text="$scratch/corpus.txt" --set train.rounds=1 --set train.warmup=0 \
    --set train.local_steps=1 --set model.context=8 --quiet --out out/text >text.log 2>&1
refused 5 "a teacher of texts" 'a teacher of these data tells 10 classes' \
    --set teacher.checkpoint="$scratch/out/text/checkpoint-000001.h5"
refused 5 "a teacher of other pixels" 'data.mean: 0.1307, the spec says 0.286' \
    --set teacher.checkpoint="$scratch/out/teacher/checkpoint-000003.h5"
python3 "$tests/make_images.py" large 100 - 16
refused 5 "a teacher of images of another size" 'images of another size than the data.s (16 x 16 pixels of 1 numbers)' \
    --set teacher.checkpoint="$scratch/out/cnn/checkpoint-000003.h5" --set data.images="$scratch/large"
"$VAIN" eval out/cnn/checkpoint-000003.h5 "$examples/fashion-cnn.yaml" "${idx[@]:0:10}" --set data.images="$scratch/large" \
    >eval.log 2>&1
expect "eval on images of another size: said" 1 "$(grep -c 'images of another size' eval.log)"
"$VAIN" eval out/cnn/checkpoint-000003.h5 "$examples/fashion-cnn.yaml" "${idx[@]:0:10}" --set data.invert=true >eval.log 2>&1
expect "eval on other pixels: said" 1 "$(grep -c 'trained with data.invert: false' eval.log)"
run refused mnist-cnn-fedavg --set data.clients=21 --members 4 >refused.out
expect "clients that cannot be shared" 1 "$(cat refused.out refused.log |
    grep '21 clients cannot be shared evenly by 4' | wc -l | awk '{print ($1 > 0)}')"
finish
