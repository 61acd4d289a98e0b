#!/bin/sh
# clang-tidy over what is given, or over every source.
set -eu
cd "$(dirname "$0")/.."
files="${*:-$(git ls-files 'src/*.c')}"
# shellcheck disable=SC2086
exec clang-tidy --quiet -p build-clang $files
