#!/bin/sh
# Load on a Kern under the thread sanitizer: events in, checkpoints, look-ups, metrics, and a clean stop.
set -eu
cd "$(dirname "$0")/.."
dir="$(mktemp -d)"
trap 'kill "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
KERN_WRITE_KEY=loadloadloadloadload KERN_API_TOKEN=load-token \
  build-tsan/kern serve --data "$dir/data" --listen 127.0.0.1:0 >"$dir/out" 2>"$dir/log" &
pid=$!
port=""
for _ in $(seq 100); do
  port="$(sed -n 's/.*"detail":"port \([0-9]*\)".*/\1/p' "$dir/log")"
  [ -n "$port" ] && break
  sleep 0.1
done
key="--key loadloadloadloadload"
build/kern bench ingest --port "$port" $key --events 200000 --profiles 20000 --batch 100 --connections 16 &
ingest=$!
build/kern bench ingest --port "$port" $key --events 20000 --profiles 20000 --batch 1 --connections 64 &
single=$!
for _ in $(seq 20); do
  curl -fs "http://127.0.0.1:$port/metrics" >/dev/null
  curl -fs -H 'Authorization: Bearer load-token' "http://127.0.0.1:$port/api/v1/workspaces/default/profiles?q=a" >/dev/null
done
wait "$ingest"
wait "$single"
# Not every profile has an event: some are not found, which is no failure here.
build/kern bench lookup --port "$port" --token load-token --events 20000 --profiles 20000 --connections 16 || true
kill "$pid"
code=0
wait "$pid" || code=$?
if [ "$code" != 0 ] || grep -q ThreadSanitizer "$dir/log"; then
  echo "tsan-load: Kern ended with $code"
  cat "$dir/log"
  exit 1
fi
