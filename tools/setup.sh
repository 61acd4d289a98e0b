#!/bin/sh
# Installs what building, running and testing need: Debian packages, and npm packages of the tests.
set -eu
cd "$(dirname "$0")/.."

packages="gcc g++ make cmake ninja-build pkg-config clang lld libclang-rt-14-dev clang-format
clang-tidy cppcheck libmicrohttpd-dev liblmdb-dev libsimdjson-dev libzstd-dev zstd libxxhash-dev
libsodium-dev libjemalloc-dev libcmocka-dev zlib1g-dev libutf8proc-dev libpcre2-dev libcurl4-openssl-dev libssl-dev curl
chromium redis-server tzdata ca-certificates git findutils"

missing=""
for p in $packages; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo

install() { # install PACKAGE...
  echo "setup: installing $*"
  $sudo apt-get update -q
  # Servers of the benchmarks must not start by themselves.
  $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -q -y --no-install-recommends "$@"
}

# shellcheck disable=SC2086
[ -z "$missing" ] || install $missing

# Node 20.19 or newer: the machine's, else one from npm, for which any node will do.
command -v npm >/dev/null || install npm
enough() { "$1" -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>20||(a==20&&b>=19)?0:1)' 2>/dev/null; }
if command -v node >/dev/null && enough node; then
  :
elif [ ! -x .tools/node_modules/.bin/node ] || ! enough .tools/node_modules/.bin/node; then
  npm install --no-audit --no-fund --prefix .tools node@22
fi

# Not `npm ci`: it refuses a lock that leaves out optional packages a registry does not have.
install() { # install FOLDER [options]
  folder="$1"; shift
  [ -f "$folder/node_modules/.package-lock.json" ] &&
    [ ! "$folder/package-lock.json" -nt "$folder/node_modules/.package-lock.json" ] && return
  (cd "$folder" && PATH="$root/.tools/node_modules/.bin:$PATH" npm install --no-save --no-audit --no-fund "$@")
  touch "$folder/node_modules/.package-lock.json"
}
root="$PWD"
install web
install tests/e2e --omit=optional
