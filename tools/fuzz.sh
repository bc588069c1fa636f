#!/bin/sh
# Runs fuzz targets one after the other: sh tools/fuzz.sh SECONDS [PREFIX]
#
#   sh tools/fuzz.sh 600 src/attest           every target of src/attest, 10 minutes each
#   sh tools/fuzz.sh 60 src/attest/intel/     Intel's
#
# Grown corpora and findings stay under build-fuzz/long/; the seeds in the tree are only read. Ends
# with a line for each target; exit status 1 when one found something. More runs go on from the grown
# corpus. An input that found something belongs in the target's corpus, with the fix.
set -u
cd "$(dirname "$0")/.."
seconds=${1:-}
prefix=${2:-src/}
case $seconds in
'' | *[!0-9]*)
    echo "usage: sh tools/fuzz.sh SECONDS [PREFIX]" >&2
    exit 2
    ;;
esac
[ -f build-fuzz/build.ninja ] || sh tools/preset.sh fuzz || exit 2

failed=0
summary=
for source in $(find src -name '*_fuzz.c' | sort); do
    case $source in "$prefix"*) ;; *) continue ;; esac
    rest=${source#src/}
    module=${rest%%/*}
    name=${module}_$(printf '%s' "${rest#*/}" | tr / _)
    name=${name%.c}
    program=src/$module/$name
    if ! ninja -C build-fuzz "$program" >/dev/null 2>&1; then
        echo "$source: build-fuzz/$program does not build: ninja -C build-fuzz $program" >&2
        failed=1
        continue
    fi
    long=build-fuzz/long/$name
    mkdir -p "$long/corpus"
    echo "$name: $seconds s, log in $long/log"
    if "build-fuzz/$program" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 \
        -artifact_prefix="$long/" -print_final_stats=1 "$long/corpus" "${source%_fuzz.c}_corpus" >"$long/log" 2>&1; then
        result=ok
    else
        result="FOUND SOMETHING"
        failed=1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$long/log")
    summary="$summary$result  $name: ${runs:-?} runs, $(find "$long/corpus" -type f | wc -l) inputs kept
"
done
[ -n "$summary" ] || {
    echo "no *_fuzz.c begins with $prefix" >&2
    exit 2
}
printf '%s' "$summary"
exit "$failed"
