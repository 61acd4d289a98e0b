#!/bin/sh
# Runs node: the one the set-up brought, else the machine's.
here="$(cd "$(dirname "$0")/.." && pwd)"
PATH="$here/.tools/node_modules/.bin:$PATH" exec node "$@"
