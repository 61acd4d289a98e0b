#!/bin/sh
# The end-to-end tests: usage run.sh [files]; KERN_BINARY names the program.
cd "$(dirname "$0")" || exit 1
exec sh ../../tools/node.sh --test --test-concurrency=1 "${@:-.}"
