#!/bin/sh
# Build everything, start a development worker, deploy the price oracle, call it, verify its receipt.
#
#   sh run.sh          stays up, with the URLs printed, until Ctrl-C
#   sh run.sh --once   exits after the verification, with its status
#   sh run.sh --devnet a chain with contracts and three workers instead; a contract asks a phat
#
# PHALA_PORT names the worker's port (default 8787; --once takes a free one). State is kept in
# .phala/dev; remove that folder to start afresh.
set -eu
cd "$(dirname "$0")"

once=false devnet=false
case ${1:-} in
'') ;;
--once) once=true ;;
--devnet) devnet=true ;;
*)
    echo "usage: sh run.sh [--once | --devnet]" >&2
    exit 2
    ;;
esac

say() { printf '\n== %s\n' "$*"; }

if $devnet; then sh tools/setup.sh test; else sh tools/setup.sh run; fi
[ -f build/build.ninja ] || sh tools/preset.sh debug >/dev/null
say 'building'
ninja -C build apps/phalad/phalad apps/phala-keyd/phala-keyd apps/phala-run/phala-run apps/phala/phala

if $devnet; then
    say 'starting a chain, its contracts and three workers (TEE simulators); the first time compiles the contracts'
    exec ./phala devnet
fi

dev=$PWD/.phala/dev
mkdir -p "$dev"
chmod 700 "$PWD/.phala" "$dev"
export PHALA_KEYSTORE="$dev/owner.json" PHALA_PASSWORD_FILE="$dev/password"

worker_pid='' prices_pid=''
stop() {
    trap - EXIT INT TERM HUP
    for pid in $worker_pid $prices_pid; do kill "$pid" 2>/dev/null || true; done
    for pid in $worker_pid $prices_pid; do wait "$pid" 2>/dev/null || true; done
}
trap stop EXIT
trap 'stop; exit 130' INT
trap 'stop; exit 143' TERM HUP

# Wait until file $1 holds a line, as long as process $2 lives; log $3 tells why it does not.
await() {
    tries=0
    while ! grep -q '}' "$1" 2>/dev/null; do
        if ! kill -0 "$2" 2>/dev/null || [ "$tries" -gt 600 ]; then
            echo "run.sh: it did not start; the end of $3:" >&2
            tail -n 20 "$3" >&2
            exit 1
        fi
        tries=$((tries + 1))
        sleep 0.05
    done
}
# A member of the JSON line in file $1.
member() { node -e 'const fs = require("fs"); console.log(JSON.parse(fs.readFileSync(process.argv[1], "utf8"))[process.argv[2]])' "$1" "$2"; }

if [ ! -f "$PHALA_KEYSTORE" ]; then
    say 'making an owner key for development'
    (umask 077 && openssl rand -hex 16 >"$PHALA_PASSWORD_FILE")
    ./phala key new --out "$PHALA_KEYSTORE"
fi

project=templates/price-oracle
set --
if ! node tools/price-source.mjs --probe; then
    say 'no public price API answers from here: starting a local HTTPS source with its own CA; its prices are made up'
    project=$dev/price-oracle
    rm -f "$dev/prices.ready"
    node tools/price-source.mjs --dir "$dev/prices" --project templates/price-oracle "$project" \
        >"$dev/prices.ready" 2>"$dev/prices.log" &
    prices_pid=$!
    await "$dev/prices.ready" "$prices_pid" "$dev/prices.log"
    set -- --private-host-insecure "$(member "$dev/prices.ready" host)" --extra-ca "$(member "$dev/prices.ready" ca)"
fi

say 'starting a development worker (TEE simulator)'
port=${PHALA_PORT:-8787}
$once && port=${PHALA_PORT:-0}
rm -f "$dev/worker.ready"
build/apps/phalad/phalad --data "$dev/worker" --listen "127.0.0.1:$port" --tee simulator --open \
    --keyd "$PWD/build/apps/phala-keyd/phala-keyd" --run "$PWD/build/apps/phala-run/phala-run" \
    --ready-fd 3 "$@" 3>"$dev/worker.ready" >"$dev/worker.log" 2>&1 &
worker_pid=$!
await "$dev/worker.ready" "$worker_pid" "$dev/worker.log"
PHALA_WORKER=$(member "$dev/worker.ready" url)
export PHALA_WORKER

say "deploying $project"
./phala deploy "$project"
./phala deploy "$project" --dry-run --json >"$dev/bundle.json"

say 'calling it'
./phala call price-oracle '/?pair=BTC-USD' --receipt "$dev/receipt.json" || {
    status=$?
    printf '\nrun.sh: the call failed; what the phat printed:\n' >&2
    ./phala logs price-oracle >&2 || true
    printf 'the end of %s:\n' "$dev/worker.log" >&2
    tail -n 20 "$dev/worker.log" >&2
    exit "$status"
}

say 'verifying the receipt, step by step, without asking the worker again'
status=0
./phala verify "$dev/receipt.json" --bundle-hash "$(member "$dev/bundle.json" bundle_hash)" --accept-simulator-insecure || status=$?
if $once; then
    exit "$status"
fi

say 'running; Ctrl-C ends it'
cat <<END
worker        $PHALA_WORKER
price oracle  $PHALA_WORKER/p/$(member "$dev/receipt.json" phat)/?pair=ETH-USD
receipt       $dev/receipt.json
log           $dev/worker.log

In another terminal:
  export PHALA_WORKER=$PHALA_WORKER PHALA_KEYSTORE=$PHALA_KEYSTORE PHALA_PASSWORD_FILE=$PHALA_PASSWORD_FILE
  ./phala call price-oracle '/?pair=ETH-USD' --receipt eth.json && ./phala verify eth.json --accept-simulator-insecure
  ./phala logs price-oracle -f
  ./phala init my-phat && ./phala dev my-phat --port 8788
  sh run.sh --devnet     # contracts that ask phats, on a chain of its own
END
wait "$worker_pid"
