#!/usr/bin/env bash
# ckpt, record, generate and eval on the files of a small run, whole and damaged.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
make_job
answer 0 run job.yaml --quiet
hash=$(value data.parameters_hash)
loss=$(value data.validation_loss)
parameters=$(value data.parameter_count)
last=runs/small/checkpoint-000005.h5
before=runs/small/checkpoint-000004.h5

# ---- ls
answer 0 ckpt ls runs/small
equal "checkpoints" 3 "$(value 'data.checkpoints.#')"
equal "the last one's round" 5 "$(value data.checkpoints.2.round)"
equal "the last one's step" 40 "$(value data.checkpoints.2.step)"
equal "is it readable" true "$(value data.checkpoints.2.readable)"
answer 0 ckpt ls "$last"
has "paths in a file" "$(cat out.txt)" '"/model/blocks/0/attention/projection/weight"'
answer 0 ckpt ls runs/small/member-member-0-000005.h5
mkdir empty
answer 0 ckpt ls empty
equal "checkpoints of an empty folder" 0 "$(value 'data.checkpoints.#')"
answer 5 ckpt ls nowhere
answer 5 ckpt ls job.yaml

# ---- the newest whole one of a folder
mkdir newest
cp runs/small/checkpoint-*.h5 newest
newest="^vain: the newest checkpoint of newest is newest/checkpoint-000005.h5\$"
answer 0 ckpt show newest
has "which is shown" "$err" "$newest"
equal "the file that is shown" newest/checkpoint-000005.h5 "$(value data.file)"
answer 0 generate newest --tokens 4
has "which writes" "$err" "$newest"
equal "the round that writes" 5 "$(value data.round)"
answer 0 eval newest job.yaml
has "which is measured" "$err" "$newest"
equal "the round that is measured" 5 "$(value data.round)"
equal "its hash" "$hash" "$(value data.parameters_hash)"
flip newest/checkpoint-000005.h5 $(($(stat -c %s newest/checkpoint-000005.h5) / 2)) 1
answer 0 ckpt show newest
equal "a broken one is passed over" newest/checkpoint-000004.h5 "$(value data.file)"
has "why" "$err" '^vain: newest/checkpoint-000005.h5'
for file in newest/*.h5; do truncate -s 3000 "$file"; done
answer 5 generate newest
has "none is whole" "$err" 'none of its 3 checkpoints is whole'
answer 5 eval empty job.yaml
has "a folder without any" "$err" 'empty: there is no checkpoint in this folder'

# ---- show
answer 0 ckpt show "$last"
equal "hash of the parameters" "$hash" "$(value data.parameters_hash)"
equal "model" transformer "$(value data.model)"
equal "job" small "$(value data.job_name)"
total=0
for ((i = 0; i < $(value 'data.slices.#'); i++)); do
    total=$((total + $(value "data.slices.$i.count")))
done
equal "sum of the slices" "$parameters" "$total"
lacks "no statistics unless asked for" "$(cat out.txt)" deviation
answer 0 ckpt show "$last" --statistics
has "statistics" "$(cat out.txt)" deviation
for name in final_norm.weight /model/final_norm/weight model/final_norm/weight final_norm/weight; do
    answer 0 ckpt show "$last" "$name"
    equal "slice $name" final_norm.weight "$(value data.name)"
    equal "its length" 16 "$(value data.count)"
done
answer 5 ckpt show "$last" final_norm.weigth
has "a misspelt slice" "$err" "did you mean 'final_norm.weight'"
call 0 ckpt show "$last" token_embedding.weight
has "a slice as text" "$out" '^shape +\(19, 16\): 304 values from 0 on'

# ---- diff: exit codes as those of diff(1)
cp "$last" copy.h5
answer 0 ckpt diff "$last" copy.h5
equal "equal files" true "$(value data.equal)"
answer 1 ckpt diff "$last" "$before"
equal "different files" false "$(value data.equal)"
has "differences" "$(cat out.txt)" 'model/final_norm'
call 0 run job.yaml --quiet --out again
again=again/${last##*/}
call 0 ckpt diff "$last" "$again"
equal "diff of two equal runs" $'made by different runs: run_id, record_head, peers\nequal' "$out"
answer 0 ckpt diff "$last" "$again"
equal "equal runs" true "$(value data.equal)"
equal "what tells them apart" run_id "$(value data.provenance.0.name)"
call 0 run job.yaml --quiet --out measured --set train.evaluate_every=1
call 1 ckpt diff "$last" "measured/${last##*/}"
has "diff of two that were measured at other times" "$out" '^the parameters are equal, bit for bit$'
answer 1 ckpt diff "$last" "measured/${last##*/}"
equal "the same in JSON" true "$(value data.parameters_equal)"
call 0 run job.yaml --quiet --out batch3 --set train.batch=3
call 1 ckpt diff "$last" "batch3/${last##*/}"
has "diff of two specs: the key" "$out" '^train.batch: [0-9]+ -> 3$'
equal "diff of two specs: no other key" 1 "$(grep -c ' -> ' <<<"$out")"
answer 1 ckpt diff "$last" "batch3/${last##*/}"
has "diff of two specs: the key in JSON" "$(cat out.txt)" '"name": ?"spec_resolved.{1,2}train.batch"'
lacks "diff of other parameters: they are not equal" "$("$VAIN" ckpt diff "$last" "$before")" 'parameters are equal'
answer 1 ckpt diff "$last" "$before"
equal "diff of other parameters in JSON" false "$(value data.parameters_equal)"
answer 5 ckpt diff "$last" nowhere.h5
call 0 ckpt diff "$last" copy.h5
equal "diff of equal files" equal "$out"
"$VAIN" ckpt diff "$last" copy.h5 >/dev/full 2>err.txt
equal "diff that cannot be written" 2 $?

# ---- verify, whole and damaged
answer 0 ckpt verify "$last"
equal "recomputed hash" "$hash" "$(value data.parameters_hash)"
sum=$(sha256sum "$last")
answer 5 ckpt verify nowhere.h5
answer 5 ckpt verify job.yaml
: >nothing.h5
answer 5 ckpt verify nothing.h5
size=$(stat -c %s "$last")
for part in 1 512 $((size / 2)) $((size - 1)); do
    head -c "$part" "$last" >cut.h5
    answer 5 ckpt verify cut.h5
    answer 5 ckpt show cut.h5
    answer 5 generate cut.h5
done
# A flipped bit: whoever reads the file refuses it. Only bits that hold nothing (padding, unused room) may
# pass, and then nothing that the file says has changed.
for ((place = 5; place < size; place += size / 61)); do
    cp "$last" flipped.h5
    flip flipped.h5 "$place" $((1 << (place % 8)))
    "$VAIN" ckpt verify flipped.h5 >out.txt 2>err.txt
    code=$?
    if [ $code -eq 0 ]; then
        call 0 ckpt diff "$last" flipped.h5
    fi
    has "a bit flipped at $place: exit code" "$code" '^[05]$'
done
cp "$last" flipped.h5
flip flipped.h5 $((size / 2)) 16
answer 5 ckpt verify flipped.h5
has "what is damaged" "$err" 'flipped.h5'
answer 5 ckpt export flipped.h5 --to flipped.safetensors
holds "a damaged file is not exported" [ ! -e flipped.safetensors ]
answer 5 ckpt diff "$last" flipped.h5
answer 5 generate flipped.h5
answer 5 eval flipped.h5 job.yaml
mkdir damaged
cp "$before" "$last" damaged
head -c 100 "$last" >damaged/checkpoint-000005.h5
answer 0 ckpt ls damaged
equal "a damaged one in a folder" false "$(value data.checkpoints.1.readable)"
equal "a good one beside it" true "$(value data.checkpoints.0.readable)"

# ---- export
answer 2 ckpt export "$last"
answer 0 ckpt export "$last" --to model.safetensors
header=$(od -An -tu8 -N8 model.safetensors | tr -d ' ')
equal "size" $((8 + header + 4 * parameters)) "$(stat -c %s model.safetensors)"
has "header" "$(head -c $((8 + header)) model.safetensors | tail -c "$header")" '"final_norm.weight"'
kept=$(sha256sum model.safetensors)
answer 5 ckpt export "$before" --to model.safetensors
equal "a file that is there" "$kept" "$(sha256sum model.safetensors)"
answer 0 ckpt export "$before" --to model.safetensors --force
lacks "replaced" "$(sha256sum model.safetensors)" "${kept%% *}"
answer 0 ckpt export "$last" --to model.safetensors --force
equal "exported again" "$kept" "$(sha256sum model.safetensors)"
answer_of 1 error ckpt export "$last" --to nowhere/model.safetensors

# ---- generate: deterministic, and a longer text begins with the shorter one
call 0 generate "$last" --prompt 'ring ' --tokens 40
first=$out
has "prompt" "$first" '^ring '
call 0 generate "$last" --prompt 'ring ' --tokens 40
equal "the same again" "$first" "$out"
call 0 generate "$last" --prompt 'ring ' --tokens 60
equal "a longer one" "$first" "${out:0:${#first}}"
call 0 generate "$last" --prompt 'ring ' --tokens 40 --seed 2
holds "another seed gives another text" [ "$out" != "$first" ]
call 0 generate "$last" --prompt 'ring ' --tokens 40 --temperature 0
greedy=$out
call 0 generate "$last" --prompt 'ring ' --tokens 40 --temperature 0 --seed 9
equal "greedy does not draw" "$greedy" "$out"
call 0 generate "$last" --prompt 'ring ' --tokens 40 --top 1 --seed 9
equal "top 1 is greedy" "$greedy" "$out"
answer 0 generate "$last" --prompt 'ring ' --tokens 40
equal "text in JSON" "$first" "$(value data.text)"
equal "symbols" 45 "$(value data.symbols)"
answer 0 generate "$last" --tokens 0
# Every symbol is a draw of its own: at a high temperature nearly all of the 19 come up.
call 0 generate "$last" --prompt 'ring ' --tokens 300 --temperature 100
kinds=$(fold -w 1 out.txt | sort -u | wc -l)
holds "different symbols in a wild text: $kinds" [ "$kinds" -ge 15 ]
# The model sees its context of 16 symbols and nothing before it.
call 0 generate "$last" --prompt 'sum tree vote key site member share' --tokens 40
long=${out:19}
call 0 generate "$last" --prompt 'te member share' --tokens 40
equal "what follows 15 symbols" "40" "$((${#out} - 15))"
call 0 generate "$last" --prompt 'ite member share' --tokens 40
equal "what follows the last 16 symbols" "$long" "$out"
answer 2 generate "$last" --prompt 'ring Ω'
has "an unknown character" "$err" 'U\+03A9'
answer 2 generate "$last" --prompt ''
answer 5 generate nowhere.h5
answer 5 generate job.yaml

# A model of bytes writes any byte: into a file as it is, as valid text into JSON and onto a terminal.
answer 0 run job.yaml --quiet --out bytes --set data.symbols=bytes --set train.rounds=1
wild=(generate bytes/checkpoint-000001.h5 --tokens 400 --temperature 100)
call 0 "${wild[@]}"
equal "bytes in a file" 402 "$(wc -c <out.txt)"
holds "bytes that are no text" grep -qP '[^\x00-\x7f]|\x1b' out.txt
answer 0 "${wild[@]}"
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then # a machine may lack terminals
    TERM=xterm script -qec "$VAIN ${wild[*]}" /dev/null >out.txt </dev/null
    equal "control characters on a terminal" "" \
        "$(LC_ALL=C tr -d '\r\n\t' <out.txt | LC_ALL=C tr -dc '\000-\037\177' | od -An -tx1)"
    holds "valid UTF-8 on a terminal" iconv -f UTF-8 -t UTF-8 out.txt -o /dev/null
    holds "the text on a terminal" [ "$(wc -m <out.txt)" -gt 300 ]
fi

# ---- eval: the number that the run printed
answer 0 eval "$last" job.yaml
equal "validation loss" "$(printf %.9f "$loss")" "$(printf %.9f "$(value data.validation_loss)")"
equal "hash" "$hash" "$(value data.parameters_hash)"
answer 0 eval "$last" job.yaml --set train.batch=1
equal "validation loss, one window at a time" "$(printf %.6f "$loss")" "$(printf %.6f "$(value data.validation_loss)")"
for set in model.heads=4 model.width=32 model.layers=2 model.context=8 data.symbols=bytes; do
    answer 5 eval "$last" job.yaml --set "$set"
    has "another model ($set)" "$err" 'checkpoint'
done
sed '/^model:/s/.*/model: {kind: mlp, context: 16}/' job.yaml >mlp.yaml
answer 5 eval "$last" mlp.yaml
has "a model of another kind" "$err" 'checkpoint'
answer 5 eval "$last" job.yaml --set data.text=nowhere.txt
printf 'not the same characters at all: %s\n' {1..500} >other.txt
answer 5 eval "$last" job.yaml --set data.text=other.txt
has "other characters" "$err" 'U\+0030'
answer 2 eval "$last" job.yaml --set data.validation=0
has "no validation split" "$err" 'data.validation'
answer 5 eval nowhere.h5 job.yaml

# ---- going on with symbols of another kind
head -c 8000 /dev/zero >zero.bin
call 5 run job.yaml --quiet --out runs/small --resume "$last" --set data.text= \
    --set data.tokens=zero.bin --set data.vocabulary=19
has "symbols of another kind" "$err" 'trained on 19 characters.*are 19 tokens: symbols of another kind'
lacks "symbols of another kind: no number" "$err" 'number 0'

# ---- record
answer 0 record verify runs/small
equal "records" 5 "$(value data.records)"
equal "last round" 5 "$(value data.last_round)"
equal "members" 1 "$(value 'data.members.#')"
answer 0 record show runs/small/record.bin
equal "rounds" 5 "$(value 'data.rounds.#')"
equal "parameters after the last round" "$hash" "$(value data.rounds.4.parameters_after)"
equal "chain" "$(value data.rounds.3.hash)" "$(value data.rounds.4.previous)"
call 0 record show runs/small
equal "lines" 6 "$(wc -l <out.txt)"
answer 5 record verify nowhere
answer 5 record verify job.yaml
size=$(stat -c %s runs/small/record.bin)
head -c $((size - 7)) runs/small/record.bin >torn.bin
answer 0 record verify torn.bin
equal "torn" true "$(value data.torn_tail)"
equal "records of a torn file" 4 "$(value data.records)"
# One bit of a signature (it stands last), of a body, of a link.
for place in $((size - 3)) 40 200 $((size / 2)); do
    cp runs/small/record.bin flipped.bin
    flip flipped.bin $place 1
    "$VAIN" record verify flipped.bin --json >out.txt 2>err.txt
    code=$?
    has "a bit flipped at $place: exit code" "$code" '^[35]$'
    equal "a bit flipped at $place: answer" "$code" "$("$JSON_LINE" error error.exit_code <out.txt)"
done
# The only signature of the last record taken out: 2 bytes of count, 2 of number, 64 of signature.
{ head -c $((size - 68)) runs/small/record.bin; printf '\0\0'; } >unsigned.bin
answer 3 record verify unsigned.bin
has "a record without its signature" "$err" '1 signatures are missing'
# Rounds in another order, or one of them missing, do not link. Frames of one run have one length.
frame=$((size / 5))
{ head -c $((2 * frame)) runs/small/record.bin; tail -c $frame runs/small/record.bin; } >gap.bin
answer 5 record verify gap.bin

equal "the checkpoint after all this" "$sum" "$(sha256sum "$last")"
finish
