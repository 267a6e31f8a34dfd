#!/usr/bin/env bash
# bench exchange with members as threads, and as processes that TLS joins: every way of summing,
# masked and not, sums what it should and answers with what it measured. How fast that was is not
# looked at.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
export VAIN_LAUNCH=none
number='^[0-9]+(\.[0-9]+)?(e-?[0-9]+)?$' zero='^0(\.0)?$'

for privacy in none masked; do
    for algorithm in native ring tree auto; do
        what="$privacy $algorithm"
        answer 0 bench exchange --members 3 --kib 64 --privacy "$privacy" --algorithm "$algorithm" --runs 3
        equal "$what: privacy" "$privacy" "$(value data.privacy)"
        if [ "$algorithm" = auto ]; then
            has "$what: algorithm" "$(value data.algorithm)" '^(native|ring|tree)$'
        else
            equal "$what: algorithm" "$algorithm" "$(value data.algorithm)"
        fi
        equal "$what: members" 3 "$(value data.members)"
        equal "$what: bytes" 65536 "$(value data.bytes)"
        equal "$what: transport" loop "$(value data.transport)"
        equal "$what: runs" 3 "$(value 'data.seconds.#')"
        for key in seconds_median seconds.2 phases.codec phases.transfer phases.hash mask_stream_bytes_per_second; do
            has "$what: $key" "$(value "data.$key")" "$number"
            lacks "$what: $key" "$(value "data.$key")" "$zero"
        done
        if [ "$privacy" = masked ]; then
            lacks "$what: time of masks" "$(value data.phases.masks)" "$zero"
            lacks "$what: codec and masks" "$(value data.phases.codec_masked)" "$zero"
        else
            has "$what: time of masks" "$(value data.phases.masks)" "$zero"
            equal "$what: the codec's pass" "$(value data.phases.codec)" \
                "$(value data.phases.codec_masked)"
        fi
    done
done

# The words of a vector with 17 behind it that count and check; two values a word with 16 bits.
answer 0 bench exchange --members 2 --kib 1 --runs 1
equal "parameters" $((256 - 17)) "$(value data.parameter_count)"
answer 0 bench exchange --members 5 --kib 1 --bits 16 --runs 2
equal "parameters of 16 bits" $((2 * (256 - 17))) "$(value data.parameter_count)"
equal "bits" 16 "$(value data.bits)"
answer 0 bench exchange --members 1 --kib 1 --runs 1
answer 0 bench exchange --members 2 --mib 1 --runs 1
equal "bytes of a MiB" 1048576 "$(value data.bytes)"
equal "masks if nothing is said" masked "$(value data.privacy)"

call 0 bench exchange --members 3 --kib 4
has "as text" "$out" '^4.0 KiB of words a member, 3 members over loop, masked, (native|ring|tree); 5 runs$'
for row in exchange codec 'codec with masks' 'masks alone' transfer hash 'one mask, a core'; do
    has "as text" "$out" "^$row +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ [KMGT]?i?B/s\$"
done
call 0 bench exchange --members 3 --kib 4 --privacy none
lacks "no masks as text" "$out" '(^masks|with masks)'

# Members as processes: the same answer, the ring if nothing is said, links that are several.
for options in '' '--algorithm tree --privacy masked' '--algorithm auto --connections 3'; do
    what="tls $options"
    # shellcheck disable=SC2086  # words
    answer 0 bench exchange --transport tls --members 4 --kib 300 --runs 2 --privacy none $options
    equal "$what: transport" tls "$(value data.transport)"
    equal "$what: members" 4 "$(value data.members)"
    case $options in
    *tree*) equal "$what: algorithm" tree "$(value data.algorithm)" ;;
    *auto*) has "$what: algorithm" "$(value data.algorithm)" '^(ring|tree)$' ;;
    *) equal "$what: algorithm" ring "$(value data.algorithm)" ;;
    esac
    for key in seconds_median seconds.1 phases.codec phases.transfer phases.hash; do
        has "$what: $key" "$(value "data.$key")" "$number"
        lacks "$what: $key" "$(value "data.$key")" "$zero"
    done
done
answer 0 bench exchange --transport tls --members 1 --kib 1 --runs 1
for options in '--members 2 --algorithm native' '' '--members 2 --mib 65536'; do
    code=2
    [[ $options != *mib* ]] || code=1
    # shellcheck disable=SC2086  # words
    answer_of $code error bench exchange --transport tls $options
done
has "too large for processes" "$("$JSON_LINE" error error.message <out.txt)" 'fewer members'
answer 2 bench exchange --members 2 --connections 2
VAIN_LAUNCH=mpi answer 2 bench exchange --transport tls --members 2

# A member that dies is named, and the others leave too.
"$VAIN" bench exchange --transport tls --members 3 --mib 8 --runs 100 >out.txt 2>err.txt &
bench=$!
members=()
while [ ${#members[@]} -lt 3 ] && kill -0 $bench; do
    read -ra members <"/proc/$bench/task/$bench/children"
done
kill -KILL "${members[1]}"
wait $bench
equal "exit code when a member dies" 1 $?
has "who died" "$(cat err.txt)" 'member 2 of 3 was ended by signal 9'
for member in "${members[@]}"; do
    holds "no member is left" test ! -e "/proc/$member"
done

answer 2 bench exchange
has "nobody to exchange with" "$("$JSON_LINE" error error.message <out.txt)" '(mpirun|--members N)'
# More than any machine of today has: refused before any of it is taken.
answer_of 1 error bench exchange --members 8 --mib 65536
has "too large" "$("$JSON_LINE" error error.message <out.txt)" 'smaller --mib or fewer members'
finish
