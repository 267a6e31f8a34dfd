#!/usr/bin/env bash
# The example specs of sentences at a small setting, on sentences that are made here: they learn, masks change no bit, a
# run that was stopped goes on as if it had not been, and what is wrong with the data is said with file, line and column.
# usage: VAIN=build/vain sentence_specs.sh
. "$(dirname "$0")/common.sh"
tests=$(cd "$(dirname "$0")/.." && pwd)
examples=$tests/../examples
cd "$scratch" || exit 1
python3 "$tests/make_sentences.py" sentences.tsv 20 40
small=(--set data.pairs="$scratch/sentences.tsv" --set model.width=32 --set model.context=16 --set train.warmup=0
    --set train.learning_rate=5e-3 --set train.threads=1 --quiet)
contrastive=(intents-contrastive --set train.batch=64 --set loss.labels_a_batch=16)
clustering=(intents-clustering --set train.batch=128 --set loss.temperature=0.2)

# run OUT SPEC ARGUMENT...: the result, on standard output
run() {
    local out=$1 spec=$2
    shift 2
    "$VAIN" run "$examples/$spec.yaml" "${small[@]}" --out "out/$out" --json "$@" 2>"$out.log"
}
between() { # between WHAT LOW HIGH FOUND
    expect "$1 (found $4)" between "$(python3 -c "print('between' if $2 <= float('$4' or -1) <= $3 else 'outside')")"
}
accuracy() { field accuracy <"$1"; }
information() { field normalised_mutual_information <"$1"; }

# What features are worth before anything was learned: floors for what follows.
still=(--set train.learning_rate=1e-9 --set train.minimum_learning_rate=0 --set train.rounds=1 --set train.local_steps=1)
run still "${contrastive[@]}" "${still[@]}" >still.json
expect "untrained: exit code" 0 $?
between "untrained: accuracy" 0.1 0.6 "$(accuracy still.json)"
between "untrained: information" 0.1 0.4 "$(information still.json)"

run contrastive "${contrastive[@]}" --set train.rounds=6 >contrastive.json
expect "intents-contrastive: exit code" 0 $?
between "intents-contrastive: accuracy after 60 steps" 0.95 1 "$(accuracy contrastive.json)"
between "intents-contrastive: information" 0.85 1 "$(information contrastive.json)"
sed '/^  labels_a_batch:/d; s/^  kind: contrastive/  kind: cross-entropy/' \
    "$examples/intents-contrastive.yaml" >labels.yaml
"$VAIN" run labels.yaml "${small[@]}" --set train.batch=64 --set train.rounds=6 --out out/labels --json >labels.json 2>labels.log
between "cross-entropy: accuracy after 60 steps" 0.95 1 "$(accuracy labels.json)"
run clustering "${clustering[@]}" --set train.rounds=20 >clustering.json
expect "intents-clustering: exit code" 0 $?
between "intents-clustering: information without labels" 0.75 1 "$(information clustering.json)"
"$VAIN" run "$examples/intents-contrastive.yaml" "${small[@]}" "${contrastive[@]:1}" --out out/told --set train.rounds=1 \
    --set train.local_steps=1 >told.txt 2>&1
expect "intents-contrastive: the published figure is named" 1 "$(grep -c 'to compare with.*Larson' told.txt)"
expect "losses of two splits are told apart" 1 \
    "$(grep -c "^validation loss .* on split 'test' (before, on split 'val': [0-9.]*)$" told.txt)"
"$VAIN" run "$examples/intents-contrastive.yaml" "${small[@]}" "${contrastive[@]:1}" --out out/told --set train.rounds=1 \
    --set train.local_steps=1 >again.txt 2>&1
expect "a run that is done: its accuracy again" "$(grep -o '^accuracy *[0-9.]* %' told.txt)" \
    "$(grep -o '^accuracy *[0-9.]* %' again.txt)"
expect "a run that is done: where its interval is" 1 "$(grep -c "'vain eval' measures again" again.txt)"

# Four members, each with a quarter of the sentences.
four=("${contrastive[@]}" --members 4 --set data.partition=iid --set train.rounds=6)
for privacy in none masked; do
    run $privacy "${four[@]}" --set exchange.privacy=$privacy >$privacy.json
    expect "four members, $privacy: exit code" 0 $?
done
between "four masked members: accuracy" 0.95 1 "$(accuracy masked.json)"
expect "masks change no bit" "$(field parameters_hash <masked.json)" "$(field parameters_hash <none.json)"
run clusters-none "${clustering[@]}" --members 4 --set train.rounds=2 >a.json
run clusters-masked "${clustering[@]}" --members 4 --set train.rounds=2 --set exchange.privacy=masked >b.json
expect "masks change no bit of clusters" "$(field parameters_hash <a.json)" "$(field parameters_hash <b.json)"

# A killed run goes on from its checkpoint to the same bits.
run whole "${contrastive[@]}" --set train.rounds=4 --set checkpoint.every=2 >whole.json
run cut "${contrastive[@]}" --set train.rounds=4 --set checkpoint.every=2 >cut.json
rm -f out/cut/*-000004.h5
run cut "${contrastive[@]}" --set train.rounds=4 --set checkpoint.every=2 >again.json
expect "resumed: parameters" "$(field parameters_hash <whole.json)" "$(field parameters_hash <again.json)"

# The words are in the checkpoint, and a file with as many others is not taken for it.
sed 's/please/prease/g' sentences.tsv >others.tsv
expect "the made sentences have other words now" different "$(cmp -s sentences.tsv others.tsv || echo different)"
"$VAIN" eval out/whole/checkpoint-000004.h5 "$examples/intents-contrastive.yaml" "${small[@]:0:2}" "${small[@]:2:4}" \
    >eval.txt 2>&1
expect "eval: exit code" 0 $?
expect "eval: the split is named" 1 "$(grep -c "samples of split 'test'" eval.txt)"
"$VAIN" eval out/whole/checkpoint-000004.h5 "$examples/intents-contrastive.yaml" --set data.pairs="$scratch/others.tsv" \
    "${small[@]:2:4}" >eval-others.txt 2>&1
expect "eval on other words: refused" 5 $?
expect "eval on other words: said" 1 "$(grep -c 'different words, the checkpoint was trained with.*the first difference' eval-others.txt)"
rm -f out/cut/*-000004.h5
run cut "${contrastive[@]}" --set train.rounds=4 --set checkpoint.every=2 --set data.pairs="$scratch/others.tsv" >none.json
expect "resumed on other words: refused" 5 $?
expect "resumed on other words: said" 1 "$(grep -c 'was trained on other symbols' cut.log)"

# One split may be missing, and one may serve both measures; what is trained on is no measure.
tiny=("${contrastive[@]}" --set train.rounds=1 --set train.local_steps=1)
for split in validation_split= test_split= test_split=val; do
    run "split-$split" "${tiny[@]}" --set "data.$split" >split.json
    expect "data.$split: exit code" 0 $?
    expect "data.$split: one split for both" 0 "$(grep -c measured_split split.json)"
done
run split "${tiny[@]}" --set data.test_split=train >split.json
expect "the training split as a measure: refused" 2 $?
expect "the training split as a measure: said" 1 "$(grep -c 'what is trained on is no measure' split.log)"

# What is wrong is said: file, line, column, way out.
refused() { # refused EXIT-CODE WHAT PATTERN ARGUMENT...
    local wanted=$1 what=$2 pattern=$3
    shift 3
    run refused "${contrastive[@]}" "$@" >refused.out
    expect "$what: refused" "$wanted" $?
    expect "$what: said" yes "$(cat refused.out refused.log | grep -q -- "$pattern" && echo yes)"
}
printf 'train\t1\thello there\ntrain\t99999999\tgood bye\n' >range.tsv
printf 'train\t1\thello there\ntrain\tgood bye\n' >column.tsv
printf 'train\t1\thello there\ntrain\tone\tgood bye\n' >number.tsv
: >empty.tsv
sed 's/^train\t[0-9]*/&/; /^train/!d' sentences.tsv | awk -F'\t' '!seen[$2]++' >one.tsv
sed -n '/^val/p; /^test/p' sentences.tsv >>one.tsv
refused 2 "a label out of range" 'range.tsv:2:7: label' --set data.pairs="$scratch/range.tsv"
refused 2 "a missing column" 'column.tsv:2:15: the line ends after 2 of three columns' \
    --set data.pairs="$scratch/column.tsv"
refused 2 "a label that is no number" "number.tsv:2:7: label 'one'" --set data.pairs="$scratch/number.tsv"
refused 2 "an empty file" 'empty.tsv: is empty' --set data.pairs="$scratch/empty.tsv"
refused 2 "one sentence a label" 'one.tsv' --set data.pairs="$scratch/one.tsv"
refused 5 "a file that is not there" 'nothing.tsv' --set data.pairs="$scratch/nothing.tsv"
refused 2 "a sentence that is too long" 'more than the context of 4' --set model.context=4
refused 2 "a batch that labels cannot share" 'loss.labels_a_batch' --set loss.labels_a_batch=24
refused 2 "more clusters than sentences" 'loss.clusters' --set loss.clusters=4000
refused 2 "sentences for a model of symbols" 'encoder' --set model.kind=transformer
refused 2 "a key of another loss" '0.2 would do nothing: it is of the clustering loss, and loss.kind is contrastive' --set loss.balance=0.2
finish
