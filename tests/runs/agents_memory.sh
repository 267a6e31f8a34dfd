#!/usr/bin/env bash
# Agents with memories on a stream of tasks, on images that are made here: memory helps, masks change no bit, what is
# remembered reaches no sum, no checkpoint and no record, and a restart restores it bit for bit.
# usage: VAIN=build/vain agents_memory.sh
. "$(dirname "$0")/common.sh"
tests=$(cd "$(dirname "$0")/.." && pwd)
cd "$scratch" || exit 1
python3 "$tests/make_images.py" idx 1000

spec=$tests/../examples/agents-memory.yaml
small=(--set data.images="$scratch/idx" --set data.train_images=train-images-idx3-ubyte
    --set data.train_labels=train-labels-idx1-ubyte --set data.test_images=t10k-images-idx3-ubyte
    --set data.test_labels=t10k-labels-idx1-ubyte --set train.threads=1 --set memory.budget=1MiB)

# run OUT ARGUMENT...: the result, on standard output
run() {
    local out=$1
    shift
    "$VAIN" run "$spec" "${small[@]}" --quiet --out "out/$out" --json "$@" 2>"$out.log"
}
# above WHAT FLOOR FOUND
above() {
    expect "$1 (found $3)" above "$(python3 -c "print('above' if float('$3' or 0) > $2 else 'below')")"
}
# same WHAT FIELD A.json B.json
same() {
    expect "$1" "$(field "$2" <"$3")" "$(field "$2" <"$4")"
}

run on --set checkpoint.keep=10 >on.json
expect "with memory: exit code" 0 $?
run off --set memory.enabled=false >off.json
above "with memory: accuracy on all classes" 0.9 "$(field accuracy <on.json)"
expect "without memory all but the last classes are forgotten" yes \
    "$(python3 -c "print('yes' if float('$(field accuracy <off.json)') < 0.3 else 'no')")"

# Four members with two agents each.
group=(--members 4 --set memory.agents=2 --set train.local_steps=8 --set memory.phase_rounds=2 --set train.rounds=10)
run masked "${group[@]}" --set exchange.privacy=masked >masked.json
run bare "${group[@]}" >bare.json
same "masks change no bit" parameters_hash masked.json bare.json
same "nor what is remembered" validation_loss masked.json bare.json
above "four members: accuracy on all classes" 0.7 "$(field accuracy <masked.json)"

# Without replay no memory touches what is exchanged: with and without it all sums are the same.
run unread "${group[@]}" --set memory.replay=0 >unread.json
run none "${group[@]}" --set memory.enabled=false >none.json
same "what is remembered reaches no sum" parameters_hash unread.json none.json
expect "though it was there" different "$([ "$(field validation_loss <unread.json)" = \
    "$(field validation_loss <none.json)" ] || echo different)"

# Rows of remembered images lie in the member's file, which is its own, and in no other.
cat >rows.py <<'PY'
import gzip, struct, sys
def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]
mean, deviation = single(0.1307), single(0.3081)
value = [struct.pack("<f", single(single(single(p / 255) - mean) / deviation)) for p in range(256)]
pixels = gzip.open("idx/train-images-idx3-ubyte.gz").read()[16:]
rows = {b"".join(value[p] for p in pixels[i:i + 14]) for i in range(98, len(pixels), 196)}
body = open(sys.argv[1], "rb").read()
print(sum(row in body for row in rows))
PY
files=(out/masked/member-member-0-000010.h5 out/masked/checkpoint-000010.h5 out/masked/record.bin)
above "remembered images in the member's file" 20 "$(python3 rows.py "${files[0]}")"
expect "remembered images in the checkpoint" 0 "$(python3 rows.py "${files[1]}")"
expect "remembered images in the record" 0 "$(python3 rows.py "${files[2]}")"
expect "memories in the checkpoint" 0 "$(grep -c agent_memories "${files[1]}")"
expect "the member's file is its own" 600 "$(stat -c %a "${files[0]}")"

# From round 10 again: the end is the same in every bit, that of the member's file included.
cp -r out/on out/again
rm out/again/{checkpoint,member-member-0}-0000{15,20,25}.h5
run again --set checkpoint.keep=10 >again.json
expect "a restart goes on" yes "$(grep -q '"round":10,' out/again/metrics.jsonl && echo yes)"
same "a restart: parameters" parameters_hash on.json again.json
same "a restart: what memory makes of them" validation_loss on.json again.json
expect "a restart: the member's file" "$(sha256sum <out/on/member-member-0-000025.h5)" \
    "$(sha256sum <out/again/member-member-0-000025.h5)"

# What was foretold of the file, and what 'vain eval' makes of it.
foretold=$("$VAIN" explain "$spec" "${small[@]}" --json | field member_file_bytes)
found=$(stat -c %s out/on/member-member-0-000025.h5)
expect "explain foretells the member's file ($foretold of $found bytes)" yes \
    "$(python3 -c "print('yes' if 0 <= $found - $foretold <= 0.02 * $found else 'no')")"
eval_with() { # eval_with KEY=VALUE: the message, or the accuracy
    "$VAIN" eval out/on/checkpoint-000025.h5 "$spec" "${small[@]}" --set "$1" --json 2>eval.log
}
above "eval without retrieval" 0.5 "$(eval_with memory.retrieval=false | field accuracy)"
expect "eval without memories: the way out" 1 \
    "$(eval_with memory.enabled=false >eval.json; grep -c 'memory.retrieval=false measures the model alone' eval.log)"
expect "eval with another ring: the way out" 1 "$(eval_with memory.ring=32 >eval.json; grep -c -- '--set memory.ring=64' eval.log)"

# What cannot be had is said.
refused() { # refused WHAT PATTERN ARGUMENT...
    local what=$1 pattern=$2
    shift 2
    run refused "$@" >refused.out
    expect "$what: refused" 2 $?
    expect "$what: said" 1 "$(cat refused.out refused.log | grep -c -- "$pattern" | awk '{print ($1 > 0)}')"
}
refused "a budget too small" 'memory.budget: 100[0-9]* bytes.*give at least' --set memory.budget=100kB
refused "more clusters than experiences" 'cannot become 65 clusters' --set memory.clusters=65
refused "an agent without examples" 'has no example of phase' --members 4 --set data.partition=by-label
refused "agents of a text" 'labelled images' --set data.images= --set data.text=idx/corpus.txt \
    --set model.kind=transformer --set model.network= --set data.partition=disjoint
finish
