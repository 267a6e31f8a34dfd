#!/usr/bin/env bash
# The example specs that evolve, at a small setting on data that are made here: they find better weights and better values,
# masks change no bit, the fittest of a checkpoint can be measured, and what is wrong with a population is said.
# usage: VAIN=build/vain evolve_specs.sh
. "$(dirname "$0")/common.sh"
tests=$(cd "$(dirname "$0")/.." && pwd)
examples=$tests/../examples
cd "$scratch" || exit 1
python3 "$tests/make_images.py" idx 1000
idx=(--set data.images="$scratch/idx" --set data.train_images=train-images-idx3-ubyte
    --set data.train_labels=train-labels-idx1-ubyte --set data.test_images=t10k-images-idx3-ubyte
    --set data.test_labels=t10k-labels-idx1-ubyte --set train.threads=1)
weights=("${idx[@]}" --set train.rounds=40 --set genetic.population=24 --set train.local_steps=24 --set train.batch=100)
values=(--set data.text="$scratch/corpus.txt" --set train.threads=1 --set model.layers=1 --set model.width=16
    --set genetic.population=8 --set train.local_steps=8 --set train.rounds=3 --set genetic.steps=25
    --set train.batch=8 --set 'genetic.search=[train.learning_rate 1e-4..1e-1 log, train.warmup 0..20]')

# run OUT SPEC ARGUMENT...: the result, on standard output
run() {
    local out=$1 spec=$2
    shift 2
    "$VAIN" run "$examples/$spec.yaml" --out "out/$out" --quiet --json "$@" 2>"$out.log"
}
# above WHAT FLOOR FOUND
above() {
    expect "$1 (found $3)" above "$(python3 -c "print('above' if float('$3' or 0) > $2 else 'below')")"
}

# ---- weights
run weights evolve-weights "${weights[@]}" --members 4 >weights.json
expect "evolve-weights: exit code" 0 $?
above "evolve-weights: accuracy after 40 generations" 0.3 "$(field accuracy <weights.json)"
above "evolve-weights: its interval" 0 "$(field accuracy_interval <weights.json)"
expect "evolve-weights: a picture of the loss" yes "$([ -s out/weights/loss.svg ] && echo yes)"
run bare evolve-weights "${weights[@]}" --members 4 --set exchange.privacy=none >bare.json
expect "evolve-weights: masks change no bit" "$(field parameters_hash <weights.json)" \
    "$(field parameters_hash <bare.json)"
"$VAIN" eval out/weights/checkpoint-000040.h5 "$examples/evolve-weights.yaml" "${weights[@]}" --json >eval.json 2>eval.log
expect "eval measures the fittest: exit code" 0 $?
expect "eval measures the fittest" "$(field accuracy <weights.json)" "$(field accuracy <eval.json)"

# ---- values of keys
run values evolve-hyperparameters "${values[@]}" --members 3 >values.json
expect "evolve-hyperparameters: exit code" 0 $?
above "evolve-hyperparameters: what the search gains, in nats" 0.15 \
    "$(python3 -c "print($(field default_validation_loss <values.json) - $(field validation_loss <values.json))")"
above "evolve-hyperparameters: the best learning rate" 2e-3 \
    "$(field best <values.json | python3 -c 'import ast,sys; print(ast.literal_eval(sys.stdin.read())["train.learning_rate"])')"
run clear evolve-hyperparameters "${values[@]}" --members 3 --set exchange.privacy=none >clear.json
expect "evolve-hyperparameters: masks change no bit" "$(field parameters_hash <values.json)" \
    "$(field parameters_hash <clear.json)"
"$VAIN" run "$examples/evolve-hyperparameters.yaml" "${values[@]}" --members 3 --out out/values >told.txt 2>&1
expect "evolve-hyperparameters: both losses are told" 1 "$(grep -c "with the spec's own values: " told.txt)"
expect "evolve-hyperparameters: the best values are told" 1 "$(grep -c 'best values *train.learning_rate: ' told.txt)"
"$VAIN" generate out/values/checkpoint-000003.h5 >generate.txt 2>&1
expect "a search is no model" 5 $?
expect "a search is no model: said" 1 "$(grep -c 'no trained model' generate.txt)"
"$VAIN" ckpt export out/values/checkpoint-000003.h5 --to values.safetensors >export.txt 2>&1
expect "a population is not exported" 5 $?
expect "a population is not exported: said" 1 "$(grep -c 'holds a population' export.txt)"
sed '/^  network:/d; /^  mean:/d; /^  deviation: 0.3/d; s/^  kind: convnet/  kind: mlp/; s/^  images: .*/  text: corpus.txt/' \
    "$examples/evolve-weights.yaml" >text.yaml
"$VAIN" run text.yaml --set 'model.sizes=[8]' --set train.rounds=2 --set model.context=4 \
    --set train.threads=1 --set exchange.privacy=none --out out/text >text.txt 2>&1
expect "weights of a text: exit code" 0 $?
"$VAIN" generate out/text/checkpoint-000002.h5 --tokens 20 >generate.txt 2>&1
expect "the fittest writes" 0 $?

# ---- what is wrong is said: key, value, way out
refused() { # refused WHAT PATTERN ARGUMENT...
    local what=$1 pattern=$2
    shift 2
    "$VAIN" run "$examples/evolve-hyperparameters.yaml" "${values[@]}" "$@" --out out/refused >refused.txt 2>&1
    expect "$what: refused" 2 $?
    expect "$what: said" 1 "$(grep -c -- "$pattern" refused.txt)"
}
refused "a population of 0" "'genetic.population' expects a whole number from 2" --set genetic.population=0
refused "more steps than individuals" 'do not measure a population of 8' --set train.local_steps=9
refused "a range upside down" 'the range 0.1..0.001, which is empty' \
    --set 'genetic.search=[train.learning_rate 1e-1..1e-3]'
refused "a key that is none" "did you mean 'train.learning_rate'" --set 'genetic.search=[train.learning_rat 0..1]'
"$VAIN" run "$examples/evolve-weights.yaml" "${weights[@]}" --set genetic.deviation=100 --out out/far \
    --set "model.network=$(printf 'dense 16 relu, %.0s' {1..18})dense" \
    --set exchange.privacy=none >far.txt 2>&1
expect "a fitness that is no number" 1 $?
expect "a fitness that is no number: said" 1 "$(grep -c "member 'member-0', round 1: individual 1 " far.txt)"
finish
