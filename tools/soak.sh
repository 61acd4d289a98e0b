#!/bin/sh
# What takes too long for every change: usage soak.sh [SEEDS [FUZZ_SECONDS [KILLS]]]
# Simulations under sanitizers, libFuzzer on every target, kill -9 under load in a loop.
set -u
cd "$(dirname "$0")/.."
seeds="${1:-20000}"
seconds="${2:-120}"
kills="${3:-50}"
failed=0

report() { # report NAME STATUS
  if [ "$2" = 0 ]; then echo "ok      $1"; else echo "FAILED  $1"; failed=$((failed + 1)); fi
}

cmake --preset asan >/dev/null && cmake --build build-asan >build-asan.log 2>&1
report "build with sanitizers" $?
build/sim/kern-sim --seeds "$seeds"
report "simulation, $seeds seeds" $?
build-asan/sim/kern-sim --seeds $((seeds / 10))
report "simulation with sanitizers, $((seeds / 10)) seeds" $?

cmake --preset fuzz >/dev/null && cmake --build build-fuzz >build-fuzz.log 2>&1
report "build of the fuzzers" $?
for target in build-fuzz/fuzz/fuzz_*; do
  [ -x "$target" ] && [ -f "$target" ] || continue
  name="$(basename "$target")"
  found="$(mktemp -d)"
  "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -verbosity=0 \
    -artifact_prefix="$found/" "$found" "fuzz/corpus/$name"
  report "$name, $seconds s" $?
done

# The threads of the server: the wire's and the API's tests, and load while profiles are looked up.
cmake --preset tsan >/dev/null && cmake --build build-tsan >build-tsan.log 2>&1
report "build with the thread sanitizer" $?
export TSAN_OPTIONS="halt_on_error=1 exitcode=66"
for test in wire api crash sdk; do
  KERN_BINARY="$PWD/build-tsan/kern" KERN_KILL_ROUNDS=5 sh tests/e2e/run.sh "$test.test.mjs" >"build-tsan-$test.log" 2>&1
  report "$test, thread sanitizer" $?
done
sh tools/tsan-load.sh
report "load, thread sanitizer" $?
unset TSAN_OPTIONS

KERN_BINARY="$PWD/build/kern" KERN_KILL_ROUNDS="$kills" sh tests/e2e/run.sh crash.test.mjs
report "kill -9 under load, $kills times" $?
echo "$failed failed"
[ "$failed" = 0 ]
