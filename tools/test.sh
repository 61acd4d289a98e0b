#!/bin/sh
# Everything that guards a change: checks, unit tests with gcc, with clang and under sanitizers,
# fuzz corpora, crash simulations, and the program itself with real clients.
set -u
cd "$(dirname "$0")/.."
passed=0
failed=0

step() { # step NAME COMMAND...
  name="$1"; shift
  echo "== $name"
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name"; fi
}

suite() { # suite PRESET [ctest arguments]: builds and runs, counting the tests
  preset="$1"; shift
  echo "== $preset"
  if ! { cmake --preset "$preset" >/dev/null && cmake --build --preset "$preset"; } >"build-$preset.log" 2>&1; then
    tail -40 "build-$preset.log"
    failed=$((failed + 1))
    echo "FAILED: build of $preset"
    return
  fi
  out="$(ctest --test-dir "$(builddir "$preset")" --output-on-failure --no-tests=error "$@" 2>&1)"
  echo "$out" | tail -60
  bad=$(echo "$out" | grep -cE '\*\*\*(Failed|Timeout|Exception)|Not Run')
  all=$(echo "$out" | sed -n 's/.* tests failed out of \([0-9]*\).*/\1/p')
  failed=$((failed + bad))
  passed=$((passed + ${all:-0} - bad))
  [ -n "$all" ] || failed=$((failed + 1))
}

builddir() { [ "$1" = rel ] && echo build || echo "build-$1"; }

step "layers and habits" sh tools/layers.sh .
step "links of the documentation" sh tools/docs.sh
step "types of the UI" sh tools/node.sh web/node_modules/typescript/bin/tsc -p web
step "headers stand alone" sh tools/lint.sh headers
step "cppcheck" sh tools/lint.sh cppcheck
suite rel
# Each with a fresh seed, which is printed; --seed repeats it.
step "the evaluators and the naive judge agree" build/tests/unit/segment/t_eval_diff --seconds 30
step "evaluation with a state agrees" build/tests/unit/segment/t_state_diff --seconds 15
step "the vectorised driver agrees" build/tests/unit/segment/t_bulk --seconds 20
step "the fold agrees" build/tests/unit/apply/t_live_diff --seconds 20
suite clang -L "unit|fuzz"
step "clang-tidy" sh tools/lint.sh tidy
suite asan -L "unit|fuzz|sim"
echo
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
