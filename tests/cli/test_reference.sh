#!/usr/bin/env bash
# docs/job-spec.md ends with what the program prints about its own keys.
# usage: VAIN=build/vain SOURCE=. test_reference.sh
set -u
printed=$("${VAIN:?}" schema --markdown) || exit 1
documented=$(sed -n '/^What follows is printed by/,$p' "${SOURCE:?}/docs/job-spec.md" | tail -n +3)
if [ "$printed" = "$documented" ]; then
    echo '1 passed, 0 failed'
else
    diff <(printf '%s\n' "$documented") <(printf '%s\n' "$printed")
    echo 'docs/job-spec.md is old: put the output of "vain schema --markdown" at its end'
    echo '0 passed, 1 failed'
    exit 1
fi
