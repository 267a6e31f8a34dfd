#!/usr/bin/env bash
# All that needs a GPU, in one table: every op on both devices with times, compute-sanitizer over
# the small shapes, whole runs on the GPU beside runs on the CPU, and the speed of training. Ends
# with "N passed, N failed".
#
# usage: tests/gpu/run.sh [--built FOLDER] [--only PART,...]
#   --built  take test_twins, vain and libvain_cuda.so from there instead of building
#   --only   of: twins, sanitizer, runs, speed
# The rate that products are compared with comes from PyTorch, if python3 has it.
set -u
cd "$(dirname "$0")/../.." || exit 2
source_folder=$PWD
built=""
parts="twins,sanitizer,runs,speed"
while [ $# -gt 0 ]; do
    case $1 in
    --built) built=$(realpath "$2") ;;
    --only) parts=$2 ;;
    *)
        sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
    esac
    shift 2
done

if [ -z "$built" ]; then
    cmake --preset cuda >/dev/null || exit 1
    cmake --build --preset cuda -j "$(nproc)" --target vain vain_cuda test_twins || exit 1
    built=$source_folder/build-cuda
    twins=$built/tests/gpu/test_twins
else
    twins=$built/test_twins
fi
module=$built/libvain_cuda.so
vain=$built/vain
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# count FILE: add the "N passed, N failed" that a program ended with; a program without one has failed.
count() {
    local last
    last=$(tail -n 1 "$1")
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
    else
        failed=$((failed + 1))
        echo "FAILED  $1 has no last line"
    fi
}

check() {
    local name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name"
    fi
}

wants() {
    [[ ,$parts, == *,$1,* ]]
}

# ---- the device ----------------------------------------------------------------------------------

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null
"$vain" doctor | grep -E '^(arithmetic|device)'
matrix_rate=$(
    python3 - 2>/dev/null <<'END'
import statistics, torch
a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
b = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
times = []
for _ in range(13):
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(4):
        a @ b
    end.record()
    torch.cuda.synchronize()
    times.append(start.elapsed_time(end) / 4e3)
print(f"{2 * 8192**3 / statistics.median(times[3:]) * 1e-12:.0f}")
END
)
echo "bf16 products of 8192 x 8192 by PyTorch: ${matrix_rate:-not measured} TFLOP/s"

# ---- ops -----------------------------------------------------------------------------------------

if wants twins; then
    "$twins" --module "$module" --matrix-rate "${matrix_rate:-0}" | tee "$work/twins.txt"
    count "$work/twins.txt"
fi

# ---- compute-sanitizer ---------------------------------------------------------------------------

sanitize() {
    local tool=$1 group=$2
    timeout 200 compute-sanitizer --tool "$tool" --error-exitcode 9 --print-limit 5 \
        "$twins" --module "$module" --small --group "$group" >"$work/$tool-$group.txt" 2>&1
    echo $? >"$work/$tool-$group.rc"
}

PATH=$PATH:/usr/local/cuda/bin
if wants sanitizer && ! command -v compute-sanitizer >/dev/null; then
    echo "compute-sanitizer is not there: not run"
elif wants sanitizer; then
    for tool in memcheck racecheck; do
        for group in codec masks members optimiser linear attention pointwise; do
            sanitize "$tool" "$group" &
        done
    done
    wait
    for file in "$work"/*.rc; do
        name=$(basename "$file" .rc)
        summary=$(grep -h SUMMARY "${file%.rc}.txt" | tr -d '=' | sed 's/^ *//')
        check "compute-sanitizer $name: $summary" [ "$(cat "$file")" = 0 ]
        [ "$(cat "$file")" = 0 ] || head -n 30 "${file%.rc}.txt"
    done
fi

# ---- whole runs ----------------------------------------------------------------------------------

# field FILE NAME: a number or word of a run's JSON.
field() {
    sed -n "s/.*\"$2\":\"\{0,1\}\([^,\"}]*\).*/\1/p" "$1"
}

within() {
    awk -v a="$1" -v b="$2" -v most="$3" \
        'BEGIN { d = a - b; if (d < 0) d = -d; exit !(a != "" && b != "" && d <= most) }'
}

# run NAME ARGUMENT...: three members in one process, at most 200 s; its JSON is NAME.json.
run() {
    local name=$1
    shift
    timeout 200 "$vain" run "$work/job.yaml" --members 3 --json --out "$work/$name" \
        --set device_shared=true "$@" >"$work/$name.json" 2>"$work/$name.err" ||
        tail -n 5 "$work/$name.err"
}

write_job() {
    # Words of random text: nothing is downloaded, and a model can learn something of it.
    awk 'BEGIN { srand(7)
        for (i = 0; i < 60000; i++)
            printf "w%d%s", int(200 * rand() * rand()), (i % 12 ? " " : ".\n") }' >"$work/text.txt"
    cat >"$work/job.yaml" <<END
version: 1
name: gpu
seed: 3
model: {layers: 2, heads: 4, width: 128, context: 64}
data: {text: $work/text.txt}
train: {batch: 8, local_steps: 10, rounds: 12, learning_rate: 1e-3}
exchange: {privacy: masked, level: 2}
checkpoint: {every: 3}
END
}

if wants runs; then
    write_job
    run cpu --set device=cpu
    run float32 --set device=cuda --set precision=float32
    run again --set device=cuda --set precision=float32
    run plain --set device=cuda --set precision=float32 --set exchange.privacy=none \
        --set exchange.level=1
    run bf16 --set device=cuda --set precision=bf16
    run stopped --set device=cuda --set precision=float32 --set train.rounds=12 &
    sleep 2
    kill -INT "$(pgrep -P $! -x timeout | head -n 1)" 2>/dev/null || kill -INT $! 2>/dev/null
    wait $!
    stopped_at=$(field "$work/stopped.json" rounds)
    run stopped --set device=cuda --set precision=float32
    for name in cpu float32 plain bf16; do
        echo "run $name: validation loss $(field "$work/$name.json" validation_loss)," \
            "$(field "$work/$name.json" tokens_per_second) tokens/s"
    done
    a=$(field "$work/cpu.json" validation_loss)
    check "a float32 run on the GPU ends where the CPU's does, to 1e-4" \
        within "$a" "$(field "$work/float32.json" validation_loss)" \
        "$(awk -v a="${a:-0}" 'BEGIN { print 1e-4 * a }')"
    check "a bf16 run on the GPU ends within 0.02 of it" within "$a" "$(field "$work/bf16.json" validation_loss)" 0.02
    hash=$(field "$work/float32.json" parameters_hash)
    check "two runs on the GPU: equal parameters" [ "${hash:-a}" = "$(field "$work/again.json" parameters_hash)" ]
    check "masked and bare words: equal parameters" [ "${hash:-a}" = "$(field "$work/plain.json" parameters_hash)" ]
    check "stopped after round ${stopped_at:-?} and resumed: equal parameters" \
        [ "${hash:-a}" = "$(field "$work/stopped.json" parameters_hash)" ]
    if "$vain" run "$work/job.yaml" --members 3 --out "$work/refused" --set device=cuda >"$work/refused.txt" 2>&1; then
        check "three ranks on one GPU are refused" false
    else
        check "three ranks on one GPU are refused" grep -q "device_shared" "$work/refused.txt"
    fi
fi

# ---- speed of training ---------------------------------------------------------------------------

if wants speed; then
    # GPT-2's smallest, on tokens that say nothing.
    python3 - "$work/tokens.bin" <<'END'
import array, random, sys
random.seed(1)
tokens = array.array("H", [random.randrange(50257) for _ in range(2000000)])
tokens.tofile(open(sys.argv[1], "wb"))
END
    cat >"$work/gpt2.yaml" <<END
version: 1
name: gpt2
model: {layers: 12, heads: 12, width: 768, context: 1024}
data: {tokens: $work/tokens.bin, vocabulary: 50257}
train: {batch: 32, local_steps: 10, rounds: 10}
END
    for precision in bf16 tf32; do
        echo "GPT-2 124M, context 1024, batch 32, $precision:"
        timeout 150 "$vain" bench step "$work/gpt2.yaml" --set device=cuda \
            --set precision=$precision --windows 3 --seconds 3 2>&1
    done
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
