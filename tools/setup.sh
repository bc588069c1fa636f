#!/bin/sh
# Install what this checkout needs on Debian 12: sh tools/setup.sh [run|test|bench]
#
#   run    what building and running a worker needs (default)
#   test   run, and what the tests need: second compiler, also for WebAssembly, sanitizers, linters, a browser, npm
#          development packages
#   bench  test, and the load generator
#
# Needs root or sudo only when a package is missing. With everything in place it changes nothing and
# takes a fraction of a second.
set -eu
cd "$(dirname "$0")/.."

goal=${1:-run}
runtime='ca-certificates libjavascriptcoregtk-4.1-0 libgnutls30 libcurl3-gnutls libssl3 libsecp256k1-1
    libjansson4 libseccomp2 libsqlite3-0 libpq5 libwslay1 openssl'
build='meson ninja-build pkg-config gcc libc6-dev libjavascriptcoregtk-4.1-dev libgnutls28-dev
    libcurl4-gnutls-dev libssl-dev libsecp256k1-dev libjansson-dev libseccomp-dev libsqlite3-dev libpq-dev libwslay-dev libglib2.0-dev libcmocka-dev zlib1g-dev'
tests='clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev lld-14 llvm-14 wasi-libc libclang-rt-14-dev-wasm32 chromium
    curl jq xxd iproute2 postgresql make g++ groff'
bench='wrk'
case $goal in
run) want="$runtime $build" ;;
test) want="$runtime $build $tests" ;;
bench) want="$runtime $build $tests $bench" ;;
*)
    echo "usage: sh tools/setup.sh [run|test|bench]" >&2
    exit 2
    ;;
esac

# Debian's node is enough; one that is already there and new enough is left alone.
node_major() { node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0; }
if [ "$(node_major)" -lt 18 ]; then want="$want nodejs"; fi
command -v npm >/dev/null 2>&1 || want="$want npm"

missing=
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p')
for package in $want; do
    case "
$installed
" in
    *"
$package
"*) ;;
    *) missing="$missing $package" ;;
    esac
done

if [ -n "$missing" ]; then
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || {
            echo "setup: missing packages, and neither root nor sudo: install them with" >&2
            echo "    apt-get install$missing" >&2
            exit 1
        }
        as_root=sudo
    fi
    echo "setup: installing$missing"
    export DEBIAN_FRONTEND=noninteractive
    $as_root apt-get -q update
    # shellcheck disable=SC2086 # a list of package names
    $as_root apt-get -q -y install --no-install-recommends $missing
    if [ "$(node_major)" -lt 18 ]; then
        echo "setup: node is older than 18 and the distribution has no newer one: install Node.js 18 or newer" >&2
        exit 1
    fi
fi

# npm packages are pinned by the lock file; the stamp holds its checksum and which set is installed.
want_npm=all
[ "$goal" = run ] && want_npm=production
sum=$(cksum <package-lock.json)
stamp=node_modules/.phala-setup
have=$(cat "$stamp" 2>/dev/null || true)
if [ "$have" != "$sum all" ] && [ "$have" != "$sum $want_npm" ]; then
    echo "setup: installing npm packages ($want_npm)"
    omit=
    [ "$want_npm" = production ] && omit=--omit=dev
    # shellcheck disable=SC2086 # empty or one flag
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error $omit
    echo "$sum $want_npm" >"$stamp"
fi
