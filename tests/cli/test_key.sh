#!/usr/bin/env bash
# Keys are made once, for their owner's eyes only, and shown without their secret.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

answer 0 key new alice
id=$(value data.member_id)
has "member id" "$id" '^[0-9a-f]{64}$'
equal "root key" "$VAIN_HOME/keys/alice.root.key" "$(value data.root_key)"
equal "modes" "600 600 700" "$(stat -c %a home/keys/alice.root.key home/keys/alice.key home/keys | paste -sd ' ')"
before=$(sha256sum home/keys/*)

# Never overwritten, not even half of them.
call 5 key new alice
has "a second alice" "$err" 'alice'
answer 5 key new alice
equal "the keys after a refusal" "$before" "$(sha256sum home/keys/*)"
mv home/keys/alice.key kept
call 5 key new alice
mv kept home/keys/alice.key
equal "the root key after a refusal" "$before" "$(sha256sum home/keys/*)"

call 0 key new bob --folder elsewhere
has "what new says" "$out" 'safe place'
has "the entry for others" "$out" '\{name: bob, key: [0-9a-f]{64}\}'
has "the root key's path" "$out" 'elsewhere/bob.root.key'
holds "elsewhere/bob.key" [ -f elsewhere/bob.key ]
answer 0 key show bob --folder elsewhere
other=$(value data.member_id)
lacks "ids of two members" "$other" "$id"

for name in alice "$VAIN_HOME/keys/alice.key" ./home/keys/alice.key; do
    answer 0 key show "$name"
    equal "id of $name" "$id" "$(value data.member_id)"
    equal "validity of $name" valid "$(value data.validity)"
    equal "epoch of $name" 0 "$(value data.key_epoch)"
    has "times" "$(value data.not_after)" '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T'
done
call 0 key show alice
has "days left" "$out" 'valid, (89|90) days left'
# The seed stands in the file right after magic and version.
seed=$(od -An -tx1 -j10 -N32 home/keys/alice.key | tr -d ' \n')
equal "bytes of the seed" 64 "${#seed}"
lacks "the secret" "$out$err" "$seed"

# The next key: of the same member, of the next epoch, with the root key wherever it is kept.
mv home/keys/alice.root.key safe
call 5 key renew alice
has "where the root key is" "$err" '--root'
answer 0 key renew alice --root safe
equal "id after a renewal" "$id" "$(value data.member_id)"
equal "epoch after a renewal" 1 "$(value data.key_epoch)"
equal "validity after a renewal" valid "$(value data.validity)"
answer 0 key show alice
equal "epoch that is shown" 1 "$(value data.key_epoch)"
lacks "the seed after a renewal" "$(od -An -tx1 -j10 -N32 home/keys/alice.key | tr -d ' \n')" "$seed"
call 5 key renew alice --root elsewhere/bob.root.key
has "a root key of another member" "$err" 'another member'
call 2 key renew alice --root safe --epoch -1
mv safe home/keys/alice.root.key
call 0 key renew alice --epoch 7
has "what renew says" "$out" 'key epoch +7'

# No member's name makes its key another member's root key.
root=$(sha256sum <home/keys/alice.root.key)
answer 2 key renew alice.root --epoch 1
answer 2 key new mallory.root
equal "the root key after that" "$root" "$(sha256sum <home/keys/alice.root.key)"

answer 5 key show nobody
answer 2 key show 'No Body'
answer 2 key new 'No Body'
answer 2 key new ../escape
equal "keys outside of the folder" "" "$(find . -name 'escape*')"
chmod 640 home/keys/alice.key
answer 3 key show alice
chmod 600 home/keys/alice.key
printf 'x' | dd of=home/keys/alice.key bs=1 seek=20 conv=notrunc status=none
answer 5 key show alice
: >home/keys/empty.key
chmod 600 home/keys/empty.key
answer 5 key show empty
XDG_CONFIG_HOME=$scratch/config VAIN_HOME='' call 0 key new carol
holds "the key in XDG_CONFIG_HOME" [ -f config/vain/keys/carol.key ]
VAIN_HOME='' call 0 key new dave
holds "the key in HOME" [ -f .config/vain/keys/dave.key ]
HOME='' VAIN_HOME='' call 2 key new eve
has "no place for keys" "$err" 'VAIN_HOME'
finish
