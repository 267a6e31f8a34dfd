#!/usr/bin/env bash
# Breaks one rule at a time in a copy of the tree and looks whether the simulator's judge of that
# rule says so: a judge that nothing turns red judges nothing. Not part of ./check: it builds and
# runs for some minutes.
#
# usage: tests/sim/mutants.sh [PATTERN]
#   PATTERN  only rules whose name has it
#
# Each mutant is a name of the rule, what its judge prints, options of sim_exchange, and pairs of a
# file and a sed expression (sed -z: it may span lines). Most are in the code under test; those in
# tests/sim/member_*.c break what a member must do around it, as jobs does. An expression that
# changes nothing is a failure: the code has moved on, and the mutant must follow. One line a
# mutant; the last line is "N passed, M failed".
set -u
cd "$(dirname "$0")/../.." || exit 2

seeds=3000 step=50 # the most that are tried; in one run
wanted=${1:-}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
passed=0 failed=0

build() {
    cmake --build "$copy/build" --target sim_exchange >"$copy/build.log" 2>&1
}

# The first seed at which $1 is printed, by a simulator with the options in $2; "": none.
find_seed() {
    local judge=$1 first seed
    local -a arguments
    read -ra arguments <<<"$2"
    for ((first = 1; first <= seeds; first += step)); do
        seed=$(timeout 60 "$copy/build/tests/sim_exchange" --seeds "$first:$((first + step - 1))" \
            "${arguments[@]}" 2>/dev/null | grep -a -m 1 "^seed [0-9]*: .*$judge")
        if [ -n "$seed" ]; then
            seed=${seed#seed }
            echo "${seed%%:*}"
            return
        fi
    done
}

# verdict RULE JUDGE OPTIONS: builds what is broken and looks for the judge.
verdict() {
    local seed
    if ! build; then
        echo "rule '$1': the mutant does not build"
        return 1
    fi
    seed=$(find_seed "$2" "$3")
    if [ -z "$seed" ]; then
        echo "rule '$1': judge '$2' never failed in $seeds seeds ($3)"
        return 1
    fi
    echo "rule '$1': judge '$2' failed at seed $seed ($3)"
}

# mutant RULE JUDGE OPTIONS (FILE EXPRESSION)...
mutant() {
    local rule=$1 judge=$2 options=$3 file good=yes
    local -a files=()
    [[ $rule == *"$wanted"* ]] || return
    shift 3
    while [ $# -gt 0 ]; do
        file=$1
        files+=("$file")
        sed -z "$2" "$copy/whole/$file" >"$copy/changed"
        if cmp -s "$copy/changed" "$copy/whole/$file"; then
            echo "rule '$rule': the expression for $file no longer fits"
            good=no
        fi
        cp "$copy/changed" "$copy/tree/$file"
        shift 2
    done
    if [ $good = yes ] && verdict "$rule" "$judge" "$options"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
    for file in "${files[@]}"; do
        cp "$copy/whole/$file" "$copy/tree/$file"
    done
}

mkdir "$copy/tree" "$copy/whole"
git ls-files -z | xargs -0 cp --parents -t "$copy/tree"
cp -r "$copy/tree/." "$copy/whole"
if ! cmake -S "$copy/tree" -B "$copy/build" -DCMAKE_BUILD_TYPE=Release >"$copy/build.log" 2>&1 ||
    ! build; then
    cat "$copy/build.log"
    exit 2
fi

# ---- agreement: judge_votes.c, judge_sums.c --------------------------------------------------------

mutant "a quorum is more than two thirds" "NO QUORUM" "--level 1" \
    collectives/quorum.h 's|members / 3) + 1|members / 3)|'
mutant "nothing is opened without a quorum of votes" "NO QUORUM: .* gives out" "--level 2" \
    collectives/quorum.h 's|members / 3) + 1|members / 3)|'
mutant "a member completes what it has voted for only" "TWO SUMS" "--level 1" \
    collectives/assembly_rules.c 's|vain_assembly_same_choice(&own->voted, chosen)|true|'
mutant "a generation is burned by votes against the set that leads" "TWO SUMS" "--level 1" \
    collectives/assembly_rules.c 's|own->tally.voted - own->tally.leading_votes >=|own->tally.voted >=|'
mutant "a vote is read back after a crash" "TWO VOTES" "--level 1" \
    collectives/assembly.c 's|own->voted = config->voted;|own->voted = (struct vain_vote){0};|'
mutant "a vote is durable before it leaves" "TWO VOTES" "--level 2" \
    tests/sim/member_disk.c 's|VAIN_TRY(member->world->ops->replace(member->world, "vote"[^;]*;||'
mutant "evidence of two votes is seen" "TWO VOTES: .* holds two" "--level 1" \
    collectives/assembly.c 's|own->voted = config->voted;|own->voted = (struct vain_vote){0};|' \
    tests/sim/judge_votes.c 's|if (!says_same(before, vote) \&\&|if (judge == NULL \&\& !says_same(before, vote) \&\&|'

# ---- sums: judge_sums.c ------------------------------------------------------------------------------

mutant "a mean is over the members of the set" "WRONG SUM" "--level 1" \
    collectives/codec.c 's|&codec->fixed, codec->members, words,.           *mean|'\
'\&codec->fixed, codec->members + 1, words, mean|'
mutant "all own masks come off, and sums are checked" "WRONG SUM" "--level 2" \
    collectives/own_mask.c 's|first, words_count, words);|first + 1, words_count - 1, words + 1);|' \
    collectives/codec.c 's|if (found == expected)|if (true)|'
mutant "words are those of the input that was promised" "WRONG SUM" "--level 2" \
    tests/sim/member_words.c 's|judge_input(judge, member->index, (int)member->input, i)|'\
'judge_input(judge, member->index, (int)member->state.round, i)|'
mutant "nobody is in a set unasked" "in an attempt without it" "--level 1" \
    collectives/assembly.c 's|vain_set_has(&proposal->set, own->config.own) &&|true \&\&|' \
    collectives/assembly_rules.c 's|proposal.set = roll.ready;|'\
'&\n    vain_set_remove(\&proposal.set, (own->config.own + 1) % own->config.members);|'

# ---- secrecy: judge_privacy.c --------------------------------------------------------------------------

mutant "at level 1 an input goes into one set" "TWO SETS: input" "--level 1" \
    tests/sim/federation_member.c 's/(member->plan->level == 1 || member->disclosed/(member->disclosed/'
mutant "an input that was opened goes into no other sum" "TWO SETS: .* opens" "--level 2" \
    tests/sim/federation_member.c 's/ || member->disclosed || member->spent)/)/' \
    tests/sim/member_disk.c 's| && !member->disclosed && !member->spent||'
mutant "what others may have opened goes into no other sum" "TWO KNOWN" "--level 2" \
    tests/sim/federation_member.c 's|member->spent = true;||'
mutant "one attempt a round is opened" "TWO OPENED" "--level 2" \
    tests/sim/federation_member.c 's|member->voters = [^;]*;.    member_stand(member);.    again|'\
'vain_assembly_begin_anew(member->assembly);\n    again|'
mutant "what is dealt names its attempt" "INNOCENT NAMED" "--level 2" \
    collectives/secagg.c 's|vain_share_attempt(&secagg->attempt, message.attempt);||'
mutant "what is disclosed is what was dealt" "NOT DEALT" "--level 2" \
    collectives/own_mask.c 's|\*out = own->coefficients\[0\]|*out = own->coefficients[1]|'

# ---- lies about own masks: judge_culprits.c, judge_sums.c, federation.c ----------------------------------

mutant "a deal that does not hold is its dealer's" "INNOCENT NAMED" "--level 2" \
    collectives/opening.c 's|\*dealer = i;|*dealer = opening->own;|'
mutant "a secret that was not dealt takes nothing off" "numeric: .* the counter" "--level 2" \
    collectives/opening.c 's/if (!vain_scalar_valid(&scalar) ||/if (!vain_scalar_valid(\&scalar) \&\&/'
mutant "what somebody hides others put together" "though nothing had happened" "--level 2" \
    collectives/opening.c 's|part->share_count >= opening->threshold|part->share_count > opening->threshold + 1|'

# ---- lies in letters: judge_votes.c ----------------------------------------------------------------------

mutant "one of two faces makes nobody count twice" "NO QUORUM" "--lies letters" \
    collectives/assembly_rules.c 's|tally->leading_votes = votes;|tally->leading_votes += votes;|'
mutant "a vote is whose signature it has" "TWO VOTES: .* holds two" "--lies letters" \
    collectives/assembly.c 's|vain_vote_message(&vote, message);.    if (!own->config.ops->verify[^{]*{|'\
'vain_vote_message(\&vote, message);\n    if (own == NULL) {|'
mutant "without the sum it takes f + 1 to vote like" "VOTE FOR NOTHING" "--lies letters" \
    collectives/assembly_rules.c 's/leading_votes < vain_quorum_witnesses(own->voter_count))/leading_votes < 1)/'
mutant "it takes a quorum to burn" "TWO OPENED\|TWO SUMS\|VOTE FOR NOTHING" "--lies letters" \
    collectives/assembly_rules.c 's|tally.leading_votes >= vain_assembly_quorum(own) |'\
'tally.leading_votes >= vain_quorum_witnesses(own->voter_count) |'

# ---- lies about words: judge_culprits.c, judge_sums.c ---------------------------------------------------

mutant "a sum that somebody has changed is not taken" "WRONG SUM" "" \
    collectives/codec.c 's|if (found == expected)|if (true)|'
mutant "who cannot show the sender's signature has made it up" "INNOCENT NAMED" "" \
    collectives/evidence.c 's|VAIN_EVIDENCE_CAME ? place + 1 : place|VAIN_EVIDENCE_CAME ? place : place|'
mutant "two statements are two when both are signed" "INNOCENT NAMED" "" \
    collectives/evidence.c 's| && !sent_is_signed(given, place, step, came))| \&\& given == NULL)|'
mutant "what is added is the sender's own" "INNOCENT NAMED" "" \
    collectives/evidence.c 's|own_of(given, rank_at(given->order, members, place|& + 1|'
mutant "a hop that is not as it is stated goes no further" "INNOCENT NAMED" "" \
    collectives/hops.c 's|if (vain_evidence_hop_holds(exchange->evidence, step))|if (step >= 0)|'
mutant "a message that does not fit its tag is who sent it's" "INNOCENT NAMED" "" \
    collectives/parcel.c 's|exchange->wrong_from = place.from|exchange->wrong_from = place.to|'
mutant "what is given up half-way is never whole" "INNOCENT NAMED" "" \
    collectives/stream_wire.c 's|left -= VAIN_WIRE_SMALL_BYTES;||'
mutant "a hop adds up" "NOBODY NAMED" "" \
    collectives/evidence.c 's|if (vain_forms_equal(&stated, &expected))|if (step >= 0)|'
mutant "what is passed on stays as it is" "NOBODY NAMED" "" \
    collectives/evidence.c 's/if (vain_forms_equal(&stated,/if (step >= members || vain_forms_equal(\&stated,/'
mutant "who has signed two statements is the culprit" "INNOCENT NAMED" "" \
    collectives/evidence.c 's|return VAIN_EVIDENCE_TWO|return VAIN_EVIDENCE_CAME|'
mutant "own words have their check word under own masks" "NOBODY NAMED" "--level 2" \
    collectives/evidence.c 's|return given->checks_own \&\& |return given == NULL \&\& |'
mutant "all who are shown the same come to the same" "TWO NAMED" "--level 2" \
    collectives/evidence.c 's|given.checks_own = checks_own;|given.checks_own = checks_own \&\& evidence->place > 0;|'

# ---- the end: federation.c -----------------------------------------------------------------------------

mutant "a proposer that is gone is passed over" "NO END" "" \
    collectives/assembly_rules.c 's|if (patience_is_over(own, 2 \* own->config.patience_ms))|if (false)|
s|skip_dead_proposers(own);|if (own == NULL) &|'
mutant "a round without its sum is given up" "NO END" "" \
    collectives/assembly_rules.c 's|if (!own->lost) {|if (false) {|'
mutant "waiting begins after the exchange" "though nothing had happened" "" \
    collectives/assembly.c 's|own->news = (struct vain_assembly_news){.verdict = VAIN_ASSEMBLY_WAIT};|'\
'vain_assembly_settle(own);|'
mutant "own masks are those of the set" "numeric: .* the counter" "--level 2" \
    collectives/own_mask.c 's|done < count \&\&|done < count - 1 \&\&|;s|left = count - done|left = count - 1 - done|'
mutant "what is taken is released" "memory is left over" "--level 2" \
    collectives/opening.c 's|vain_release((\*opening)->deals);||'

# ---- the exchange alone: exchange_judge.c, exchange_case.c ---------------------------------------------

mutant "a hop sees words that changed" "no hop saw the wrong words" "--plain" \
    collectives/parcel.c 's|if (\*content + place_tag(exchange, place) == vain_read_u64(&reader))|if (true)|'
mutant "a sum that is wrong is seen" "WRONG SUM" "--plain" \
    collectives/parcel.c 's|if (\*content + place_tag(exchange, place) == vain_read_u64(&reader))|if (true)|' \
    collectives/codec.c 's|if (found == expected)|if (true)|'
mutant "a call ends at its deadline" "hangs in round\|went on past its deadline" "--plain" \
    collectives/drive.c 's|driver->world->ops->now_ns(driver->world) >= exchange->deadline_ns|false|'
mutant "who ends the common work tells all" "was not told" "--plain" \
    collectives/stream_end.c 's|group->to_tell\[other\] = other != group->rank;|group->to_tell[other] = false;|'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
