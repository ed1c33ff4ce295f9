#!/usr/bin/env bash
# bench.sh [name...]: run the programs below bench/ (all, or those named), each of which prints its tables, with the peer measured in the same run where there is one.
# docs/benchmarks.md says what they measure. scripts/needs.sh bench installs the peers.
set -euo pipefail
cd "$(dirname "$0")/.."

# What is measured is built once, as `make build` does.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export SLIPWAY_EXE="$dir/slipway"
go build -trimpath -ldflags '-s -w' -o "$SLIPWAY_EXE" ./cmd/slipway
printf 'Machine: %s, %s processors, load %s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(cut -d' ' -f1-3 /proc/loadavg)"

failed=()
for program in $(go list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' ./bench/...); do
    name=${program##*/bench/}
    [[ $# -eq 0 || " $* " == *" $name "* ]] || continue
    printf '\n== %s\n' "$name"
    go run "$program" || failed+=("$name")
done
[[ ${#failed[@]} -eq 0 ]] || { echo "bench: failed: ${failed[*]}" >&2; exit 1; }
