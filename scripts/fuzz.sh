#!/usr/bin/env bash
# fuzz.sh: run every fuzz target of the module for FUZZTIME (10s by default), one after the other.
set -euo pipefail
cd "$(dirname "$0")/.."

targets=0
while IFS=: read -r file name; do
    targets=$((targets + 1))
    echo "== $name in ${file%/*}"
    go test -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZTIME:-10s}" "./${file%/*}"
done < <(find internal sim -name '*_test.go' -not -path '*/testdata/*' -exec grep -HoP '^func \KFuzz\w+(?=\()' {} + | sort)

[[ $targets -gt 0 ]] || { echo "fuzz: found no fuzz target" >&2; exit 1; }
echo "fuzz: $targets targets held"
