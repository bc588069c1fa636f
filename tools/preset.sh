#!/bin/sh
# Configure a build directory by name: sh tools/preset.sh NAME [extra meson options]
#
#   debug    build/          gcc, -O2 -g: what run.sh, test.sh and daily work use
#   asan     build-asan/     clang-14, AddressSanitizer and UndefinedBehaviorSanitizer
#   tsan     build-tsan/     clang-14, ThreadSanitizer
#   fuzz     build-fuzz/     clang-14, libFuzzer in every *_fuzz target, with ASan
#   release  build-release/  gcc, -O3, link-time optimisation
#
# Then: ninja -C <directory>. Configures again when the directory exists (a new module directory is
# only seen at that time).
set -eu
cd "$(dirname "$0")/.."
name=${1:-}
[ $# -gt 0 ] && shift

configure() {
    dir=$1
    shift
    if [ -f "$dir/build.ninja" ]; then
        meson setup --reconfigure "$dir" "$@"
    else
        rm -rf "$dir"
        meson setup "$dir" "$@"
    fi
}
# clang needs undefined symbols at link time: the sanitizer's runtime lives in the executable.
# lld links the hundreds of test programs in a third of the time.
case $name in
debug) configure build "$@" ;;
asan)
    CC=clang-14 CC_LD=lld configure build-asan -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized "$@"
    ;;
tsan)
    CC=clang-14 CC_LD=lld configure build-tsan -Db_sanitize=thread -Db_lundef=false -Dbuildtype=debugoptimized "$@"
    ;;
fuzz)
    CC=clang-14 CC_LD=lld configure build-fuzz -Dfuzz=true -Db_sanitize=address -Db_lundef=false \
        -Dc_args=-fsanitize=fuzzer-no-link -Dbuildtype=debugoptimized "$@"
    ;;
release) configure build-release -Dbuildtype=release -Db_lto=true "$@" ;;
*)
    echo "usage: sh tools/preset.sh debug|asan|tsan|fuzz|release [meson options]" >&2
    exit 2
    ;;
esac
