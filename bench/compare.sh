#!/bin/sh
# Measure this worker, and the same files on workerd, on this machine:
#     sh bench/compare.sh [--quick] [GROUP...]      groups: throughput cpu start memory receipts
# JSON lines go to bench-results.jsonl in build-release/, a table to standard output. The worker is
# pinned to core 0, the load to core 1; close everything else. Nothing here asserts a time.
set -eu
cd "$(dirname "$0")/.."
sh tools/setup.sh bench
sh tools/preset.sh release >/dev/null
ninja -C build-release >/dev/null
exec env PHALA_BUILD=build-release taskset -c 1 node bench/compare.mjs "$@"
