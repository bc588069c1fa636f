#!/bin/sh
# Set up, build and run every test. The last line reads "N passed, N failed, N skipped"; the exit
# status is 0 only when nothing failed. Arguments name stages to run (sh test.sh --help).
set -eu
cd "$(dirname "$0")"
sh tools/setup.sh test
exec node tools/run_tests.mjs "$@"
