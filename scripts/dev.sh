#!/usr/bin/env bash
# dev.sh: a server with a data folder of its own (SLIPWAY_DATA, by default slipway-data/dev), and Vite before it, which serves the page from its sources.
set -euo pipefail
cd "$(dirname "$0")/.."

export SLIPWAY_URL=${SLIPWAY_URL:-http://127.0.0.1:7070}
bin/slipway serve --data "${SLIPWAY_DATA:-slipway-data/dev}" --listen "${SLIPWAY_URL#http://}" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" || true' EXIT
npm --prefix ui run dev
