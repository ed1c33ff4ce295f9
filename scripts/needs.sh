#!/usr/bin/env bash
# needs.sh <what>...: make sure that the programs for build, ui, test, race or bench are here.
#
# Go, Node and git are the user's to install; they are only checked. Debian packages are installed where a program is missing (as root, or by sudo
# without a password); elsewhere the packages are named and the script fails.
set -euo pipefail

missing=()   # Debian packages to install
absent=()    # what a person has to install

has() { command -v "$1" >/dev/null 2>&1; }

# debian PROGRAM PACKAGE: install PACKAGE unless PROGRAM is on PATH.
debian() { has "$1" || missing+=("$2"); }

has_postgres() {
    local dir
    for dir in ${PATH//:/ } /usr/lib/postgresql/*/bin; do
        [[ -x $dir/initdb && -x $dir/postgres ]] && return
    done
    return 1
}

has_chromium() { has chromium || has chromium-browser || has google-chrome || has google-chrome-stable; }

need_go() {
    has go || absent+=("Go 1.26 or newer: https://go.dev/doc/install")
    debian git git
}

need_build() {
    need_go
    { has gcc && has g++; } || missing+=(g++)
}

need_ui() {
    if ! has node || ! has npm; then
        absent+=("Node 20.19 or newer, with npm: https://nodejs.org")
    elif ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || a === 20 && b >= 19 ? 0 : 1)'; then
        absent+=("Node 20.19 or newer (this is $(node --version)): https://nodejs.org")
    fi
}

need_test() {
    need_build
    need_ui
    debian curl curl
    has_postgres || missing+=(postgresql)
    has_chromium || missing+=(chromium)
    { has prometheus && has promtool; } || missing+=(prometheus)
    debian redis-server redis-server
}

need_race() {
    need_test
}

need_bench() {
    need_test
    debian wrk wrk
    debian buildbot buildbot
    debian buildbot-worker buildbot-worker
}

install_missing() {
    local run=()
    if ! has apt-get; then
        echo "needs: please install what these Debian packages hold, and put it on PATH: ${missing[*]}" >&2
        exit 1
    fi
    if [[ $(id -u) != 0 ]]; then
        if ! has sudo || ! sudo -n true 2>/dev/null; then
            echo "needs: these packages are missing and cannot be installed without root: ${missing[*]}" >&2
            echo "       run: sudo apt-get install ${missing[*]}" >&2
            exit 1
        fi
        run=(sudo -n)
    fi
    echo "needs: installing ${missing[*]}"
    local apt=("${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=400)
    if ! "${apt[@]}" update || ! "${apt[@]}" install --no-install-recommends "${missing[@]}"; then
        echo "needs: apt-get could not install these packages (no network, or an unknown name?): ${missing[*]}" >&2
        exit 1
    fi
    # The tests start a Prometheus of their own, on a port of their own: the service is not needed.
    if [[ " ${missing[*]} " == *" prometheus "* ]] && has systemctl; then
        "${run[@]}" systemctl disable --now prometheus >/dev/null 2>&1 || true
    fi
}

[[ $# -gt 0 ]] || { echo "usage: needs.sh build|ui|test|race|bench ..." >&2; exit 2; }
for what in "$@"; do
    case $what in
        build | ui | test | race | bench) "need_$what" ;;
        *) echo "needs: unknown: $what (known: build ui test race bench)" >&2; exit 2 ;;
    esac
done
if [[ ${#absent[@]} -gt 0 ]]; then
    printf 'needs: please install %s\n' "${absent[@]}" >&2
    exit 1
fi
[[ ${#missing[@]} -eq 0 ]] || install_missing
