#!/usr/bin/env bash
# What somebody on the way between members sees: TLS 1.3 and nothing else. The spec's addresses are those of a relay that
# writes down all that passes; every byte of it is judged. Names, ids and words of the corpus must not be among them.
# usage: VAIN=build/vain captured_traffic.sh
. "$(dirname "$0")/common.sh"
here=$(cd "$(dirname "$0")" && pwd)
cd "$scratch" || exit 1
trap 'jobs -p | xargs -r kill -KILL 2>/dev/null; rm -rf "$scratch"' EXIT

expect "the judge finds what is wrong" 0 "$(python3 "$here/check_capture.py" --self-test >self-test.txt 2>&1; echo $?)"

# Long enough that none turns up by chance among millions of encrypted bytes.
names=(anneliese-of-north bartholomew-of-east cunegonde-of-south dieudonne-of-west)
marker=antidisestablishmentarianism
sed -i "s/^/$marker /" corpus.txt

# Where the members listen: free a moment ago.
mapfile -t doors < <(python3 -c 'import socket
held = [socket.socket() for _ in range(4)]
for one in held:
    one.bind(("127.0.0.1", 0))
    print("127.0.0.1:%d" % one.getsockname()[1])')
mkdir seen
python3 "$here/relay.py" seen "${doors[@]}" >relayed.txt &
relay=$!
until [ "$(wc -l <relayed.txt)" -eq ${#doors[@]} ] || ! kill -0 $relay 2>/dev/null; do sleep 0.05; done
mapfile -t relayed <relayed.txt
expect "the relay is there" ${#doors[@]} ${#relayed[@]}

export VAIN_HOME=$scratch/home
{
    cat job.yaml
    echo 'exchange: {transport: tls, privacy: masked}'
    echo 'members:'
    for i in "${!names[@]}"; do
        "$VAIN" key new "${names[i]}" >/dev/null
        id=$("$VAIN" key show "${names[i]}" --json | field member_id)
        printf '  - {name: %s, key: %s, addresses: "%s"}\n' "${names[i]}" "$id" "${relayed[i]}"
        printf 'hex:%s\n' "$id" >&3
    done
} 3>secrets.txt >federation.yaml
printf '%s\n' "$marker" "${names[@]}" parameters_hash transformer >>secrets.txt

members=()
for i in "${!names[@]}"; do
    "$VAIN" run federation.yaml --member "${names[i]}" --listen "${doors[i]}" --quiet --set start.timeout=60s \
        --set train.rounds=4 --out "out/${names[i]}" >"${names[i]}.log" 2>&1 &
    members+=($!)
done
for i in "${!names[@]}"; do
    wait "${members[i]}"
    expect "${names[i]}: exit code" 0 $?
    expect "${names[i]}: rounds in its record" 4 \
        "$("$VAIN" record verify "out/${names[i]}/record.bin" --json | field records)"
done
kill $relay
wait $relay 2>/dev/null

python3 "$here/check_capture.py" seen secrets.txt >judged.txt
expect "all that passed is TLS 1.3" 0 $?
cat judged.txt
# Each of the six pairs has a mailbox and a link for words; four rounds of words are more than a megabyte.
read -r _ connections _ encrypted _ <<<"$(tail -n 1 judged.txt)"
expect "mailboxes and words went through the relay" yes "$([ "$connections" -ge 12 ] && echo yes)"
expect "words went through the relay" yes "$([ "$encrypted" -ge 1000000 ] && echo yes)"
# It was looked for: the same bytes and one record more, with a name in it.
printf "\\027\\003\\003\\000\\$(printf %03o ${#names[0]})%s" "${names[0]}" >>"$(printf '%s\n' seen/*.server | head -n 1)"
expect "a name would have been found" "connection 000001: ${names[0]} can be read" \
    "$(python3 "$here/check_capture.py" seen secrets.txt | sed -n 1p)"
finish
