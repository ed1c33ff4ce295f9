#!/usr/bin/env bash
# bench.sh [name...]: run the programs below bench/ (all, or those named), each of which prints one table with its peer measured in the same run.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=()
for program in $(go list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' ./bench/...); do
    name=${program##*/bench/}
    [[ $# -eq 0 || " $* " == *" $name "* ]] || continue
    printf '\n== %s\n' "$name"
    go run "$program" || failed+=("$name")
done
[[ ${#failed[@]} -eq 0 ]] || { echo "bench: failed: ${failed[*]}" >&2; exit 1; }
